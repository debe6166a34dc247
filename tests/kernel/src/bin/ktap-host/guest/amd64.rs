//! A bare PC with Debian's amd64 kernel, whose only process is `dma-ktap`.

use bayonet_board::prepare::{Prepared, Result};
use std::process::Command;

/// Package and binary of its process.
const PACKAGE: &str = "bayonet-kernel-tests";
const BINARY: &str = "dma-ktap";
/// Longest time, in seconds: it boots in a few.
const LIMIT_S: u32 = 180;
/// Where the sandbox shows the guest's files.
const KERNEL: &str = "/kernel";
const INITRAMFS: &str = "/initramfs";
/// Suites speak on the first serial line, the kernel on the second. The kernel tells of what it is worried about only.
const PARAMETERS: &str = "console=ttyS1 loglevel=5 panic=-1";

/// QEMU with the guest: KTAP comes from standard output, the kernel's words from standard error.
pub(super) fn command(prepared: &Prepared) -> Result<Command> {
    let guest = prepared.amd64_guest(PACKAGE, BINARY)?;
    let qemu = guest
        .root
        .command("qemu-system-x86_64")
        .args(["-M", "q35", "-accel", "tcg", "-m", "512M"])
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-no-reboot", "-L", "/usr/share/qemu"])
        .args(["-kernel", KERNEL, "-initrd", INITRAMFS])
        .args(["-append", PARAMETERS])
        .args(["-serial", "stdio", "-serial", "file:/dev/stderr"])
        .bind_read_only(&guest.kernel, KERNEL)
        .bind_read_only(&guest.initramfs, INITRAMFS)
        .build();
    let mut command = Command::new("timeout");
    command.arg(LIMIT_S.to_string());
    command.arg(qemu.get_program()).args(qemu.get_args());
    Ok(command)
}
