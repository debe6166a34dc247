//! First stage: loads the modules that the disk needs, mounts it, hands over to the system on it.

use crate::{SELF_PATH, SYSTEM_STAGE};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Modules to load, a path a line, in load order.
const MODULE_LIST: &str = "/modules.list";
const DISK: &str = "/dev/vda";
const NEW_ROOT: &str = "/root";
const DISK_TIMEOUT: Duration = Duration::from_secs(20);
/// `MODULE_INIT_COMPRESSED_FILE` of the kernel's uapi `module.h`.
const COMPRESSED_FILE: u32 = 4;

/// Runs the stage; returns only when it failed.
pub(crate) fn run() -> Result<()> {
    mount_kernel("devtmpfs", "/dev")?;
    mount_kernel("proc", "/proc")?;
    mount_kernel("sysfs", "/sys")?;
    load_modules()?;
    wait_for_disk()?;
    fs::create_dir_all(NEW_ROOT)?;
    let no_flags = MsFlags::empty();
    mount(
        Some(DISK),
        NEW_ROOT,
        Some("ext4"),
        MsFlags::MS_NOATIME,
        None::<&str>,
    )
    .with_context(|| format!("mounting {DISK}"))?;
    // The binary outlives the initramfs in /run, which has to be there first.
    let run = format!("{NEW_ROOT}/run");
    fs::create_dir_all(&run)?;
    mount(
        Some("tmpfs"),
        run.as_str(),
        Some("tmpfs"),
        no_flags,
        Some("mode=0755"),
    )
    .context("mounting /run")?;
    let copy = format!("{NEW_ROOT}{SELF_PATH}");
    fs::copy("/proc/self/exe", &copy).context("copying this binary to /run")?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    switch_root()?;
    let error = std::process::Command::new(SELF_PATH)
        .arg(SYSTEM_STAGE)
        .exec();
    Err(error).context("starting the system stage")
}

fn mount_kernel(kind: &str, target: &str) -> Result<()> {
    fs::create_dir_all(target)?;
    match mount(
        Some(kind),
        target,
        Some(kind),
        MsFlags::empty(),
        None::<&str>,
    ) {
        // The kernel may have mounted devtmpfs by itself.
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("mounting {target}")),
    }
}

fn load_modules() -> Result<()> {
    let list = fs::read_to_string(MODULE_LIST).with_context(|| format!("reading {MODULE_LIST}"))?;
    for path in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let file = fs::File::open(path).with_context(|| format!("opening module {path}"))?;
        let flags = match Path::new(path).extension() {
            Some(extension) if extension == "ko" => ModuleInitFlags::empty(),
            _ => ModuleInitFlags::from_bits_retain(COMPRESSED_FILE),
        };
        match finit_module(&file, c"", flags) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => bail!("loading module {path}: {error}"),
        }
    }
    Ok(())
}

fn wait_for_disk() -> Result<()> {
    let start = Instant::now();
    while !Path::new(DISK).exists() {
        if start.elapsed() > DISK_TIMEOUT {
            bail!(
                "no {DISK} after {} s: is virtio_blk in {MODULE_LIST}?",
                DISK_TIMEOUT.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn switch_root() -> Result<()> {
    let move_mount = |from: &str, to: &str| {
        mount(Some(from), to, None::<&str>, MsFlags::MS_MOVE, None::<&str>)
            .with_context(|| format!("moving {from} to {to}"))
    };
    for target in ["/dev", "/proc", "/sys"] {
        let moved = format!("{NEW_ROOT}{target}");
        fs::create_dir_all(&moved)?;
        move_mount(target, &moved)?;
    }
    std::env::set_current_dir(NEW_ROOT)?;
    move_mount(".", "/")?;
    nix::unistd::chroot(".").context("changing the root directory")?;
    std::env::set_current_dir("/")?;
    Ok(())
}
