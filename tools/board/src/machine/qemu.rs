//! QEMU's command line: a `virt` machine with what the board needs around it, and nothing else.

use super::process::output_within;
use super::programs::{ASKING, Bind, Programs};
use super::{Forward, MachineError, MachineOptions, RunDirectory};
use bayonet_guest::wire::{AGENT_PORT, GUEST_ADDRESS, ORDERS_PORT, SHELL_PARAMETER};
use std::path::Path;

/// Guest memory in MiB.
const MEMORY_MIB: u32 = 2048;
/// Contiguous memory for frame buffers in MiB: two cameras with 20-megapixel raw and processed buffers.
const CMA_MIB: u32 = 512;
const CPUS: u32 = 2;
/// Without KVM the plainest 64-bit core is the fastest: later ones add pointer authentication, which costs.
const CPU: &str = "cortex-a72";
/// PCI address (device 0x10, function 0) of the board's device; its device tree node is `rp1@10,0`.
const DEVICE_ADDRESS: &str = "10.0";
/// PCI addresses of the disk, the serial ports and the network card, so that nothing takes the board's.
const DISK_ADDRESS: &str = "2.0";
const PORTS_ADDRESS: &str = "3.0";
const NETWORK_ADDRESS: &str = "4.0";
/// QEMU puts overlays of `snapshot=on` here: on a disk, not in memory as `/tmp` may be.
pub(crate) const OVERLAYS: &str = "/var/tmp";

/// `-M` and what decides the shape of the machine's own device tree.
fn shape(machine_extra: &str) -> Vec<String> {
    vec![
        "-M".into(),
        format!("virt,gic-version=3,memory-backend=mem{machine_extra}"),
        "-m".into(),
        format!("{MEMORY_MIB}M"),
        "-object".into(),
        // Shared, so that the board's process reaches it for DMA.
        format!("memory-backend-memfd,id=mem,size={MEMORY_MIB}M,share=on"),
        "-cpu".into(),
        CPU.into(),
        "-smp".into(),
        CPUS.to_string(),
        "-nodefaults".into(),
        "-nographic".into(),
    ]
}

/// QEMU's arguments for a board.
pub(crate) fn arguments(options: &MachineOptions, run: &RunDirectory) -> Vec<String> {
    let mut list = shape("");
    let mut add = |words: &[&str]| list.extend(words.iter().map(|&word| word.to_owned()));
    add(&[
        "-accel",
        "tcg,thread=multi",
        "-no-reboot",
        "-name",
        "bayonet-board",
    ]);
    add(&[
        "-kernel",
        &text(&options.kernel),
        "-initrd",
        &text(&options.initrd),
    ]);
    add(&["-append", &kernel_arguments(options)]);
    let drive = format!(
        "file={},format=raw,if=none,id=root,snapshot=on",
        quoted(&options.image)
    );
    add(&["-drive", &drive]);
    add(&[
        "-device",
        &format!("virtio-blk-pci,drive=root,addr={DISK_ADDRESS}"),
    ]);
    add(&[
        "-chardev",
        "stdio,id=console,signal=off",
        "-serial",
        "chardev:console",
    ]);
    add(&[
        "-device",
        &format!("virtio-serial-pci,id=ports,addr={PORTS_ADDRESS}"),
    ]);
    for (id, name, socket) in [
        ("agent", AGENT_PORT, Some(run.agent_socket())),
        ("orders", ORDERS_PORT, options.orders_socket.clone()),
    ] {
        let Some(socket) = socket else { continue };
        add(&[
            "-chardev",
            &format!("socket,id={id},path={}", quoted(&socket)),
        ]);
        add(&[
            "-device",
            &format!("virtserialport,bus=ports.0,chardev={id},name={name}"),
        ]);
    }
    if !options.forwards.is_empty() {
        // `restrict` lets nothing out that does not answer a forwarded connection.
        let forwards = options.forwards.iter().map(|forward| {
            let Forward { host, guest } = forward;
            format!(",hostfwd=tcp:127.0.0.1:{host}-{GUEST_ADDRESS}:{guest}")
        });
        let network: String = forwards.collect();
        add(&["-netdev", &format!("user,id=network,restrict=on{network}")]);
        let card = format!("virtio-net-pci,netdev=network,addr={NETWORK_ADDRESS},romfile=");
        add(&["-device", &card]);
    }
    if let Some(tree) = &options.device_tree {
        add(&["-dtb", &text(tree)]);
    }
    if let Some(socket) = &options.device_socket {
        let device = serde_json::json!({
            "driver": "vfio-user-pci",
            "addr": DEVICE_ADDRESS,
            "socket": { "type": "unix", "path": text(socket) },
        });
        add(&["-device", &device.to_string()]);
    }
    list
}

fn kernel_arguments(options: &MachineOptions) -> String {
    // A kernel that panics reboots, which ends QEMU: whoever waits for the guest is told at once.
    let mut line = format!(
        "console=ttyAMA0 root=/dev/vda cma={CMA_MIB}M panic=-1 loglevel={}",
        options.log_level
    );
    if options.shell {
        line = format!("{line} {SHELL_PARAMETER}");
    }
    if !options.kernel_arguments.is_empty() {
        line = format!("{line} {}", options.kernel_arguments);
    }
    line
}

/// What of the host QEMU has to reach.
pub(crate) fn binds<'a>(options: &'a MachineOptions, run: &'a RunDirectory) -> Vec<Bind<'a>> {
    let read_only = |path| Bind {
        path,
        writable: false,
    };
    let writable = |path| Bind {
        path,
        writable: true,
    };
    let mut binds = vec![writable(Path::new(OVERLAYS)), writable(run.path())];
    binds.extend([&options.kernel, &options.initrd, &options.image].map(|path| read_only(path)));
    binds.extend(options.device_tree.as_deref().map(read_only));
    for socket in [&options.device_socket, &options.orders_socket]
        .into_iter()
        .flatten()
    {
        binds.extend(
            socket
                .parent()
                .filter(|parent| *parent != run.path())
                .map(writable),
        );
    }
    binds
}

/// Writes the device tree of the machine without a board to `target`, for the board to add its own nodes.
///
/// # Errors
/// When QEMU cannot be run or says no.
pub fn dump_device_tree(programs: &Programs, target: &Path) -> Result<(), MachineError> {
    let directory = target.parent().unwrap_or(Path::new("."));
    let arguments = shape(&format!(",dumpdtb={}", quoted(target)));
    let bind = Bind {
        path: directory,
        writable: true,
    };
    let output = output_within(&mut programs.command(&arguments, &[bind], false), ASKING)
        .map_err(|error| programs.missing(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    // The usual reasons have better words than those of an emulator that was asked for a tree.
    programs.check()?;
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(programs.missing(&format!("no device tree: {reason}")))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A path inside a comma-separated option: commas are doubled.
fn quoted(path: &Path) -> String {
    text(path).replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_commas_stay_one_option() {
        assert_eq!(quoted(Path::new("/a,b/c")), "/a,,b/c");
    }

    #[test]
    fn the_board_is_attached_only_where_there_is_one() {
        let run = RunDirectory::create().unwrap();
        let mut options = MachineOptions::new(
            Programs::Host("qemu".into()),
            "/kernel".into(),
            "/initrd".into(),
            "/image".into(),
        );
        options.kernel_arguments = "slub_debug=FZPU".into();
        let bare = arguments(&options, &run).join(" ");
        assert!(
            !bare.contains("vfio-user") && !bare.contains("-dtb"),
            "{bare}"
        );
        assert!(!bare.contains(ORDERS_PORT), "{bare}");
        assert!(!bare.contains("-netdev"), "{bare}");
        assert!(bare.contains("loglevel=5 slub_debug=FZPU"), "{bare}");
        options.device_tree = Some("/tree.dtb".into());
        options.device_socket = Some(run.device_socket());
        options.orders_socket = Some("/elsewhere/orders".into());
        options.forwards = vec![Forward {
            host: 8080,
            guest: 80,
        }];
        let full = arguments(&options, &run).join(" ");
        let forward = "user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80";
        assert!(full.contains(forward), "{full}");
        assert!(full.contains(r#""driver":"vfio-user-pci""#) && full.contains("-dtb /tree.dtb"));
        assert!(full.contains("path=/elsewhere/orders"), "{full}");
        let bound = binds(&options, &run);
        assert!(
            bound
                .iter()
                .any(|bind| bind.writable && bind.path == Path::new("/elsewhere"))
        );
    }
}
