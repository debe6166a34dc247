//! Second stage, process 1 of the running guest: file systems, udev, the agent, a shell if asked for.

use crate::{AGENT_STAGE, SELF_PATH, power};
use anyhow::{Context, Result};
use bayonet_guest::wire::{GUEST_ADDRESS, SHELL_PARAMETER};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::wait::wait;
use nix::unistd::Pid;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DEVICES: &str = "/sys/devices";
const NETWORKS: &str = "/sys/class/net";
const LOOPBACK: &str = "lo";
/// Of the network that QEMU makes for its user networking.
const PREFIX_LENGTH: u8 = 24;
const UDEVD: &str = "/usr/lib/systemd/systemd-udevd";
/// Kernel modules that no device asks for; an installation lists them in `/etc/modules-load.d/bayonet.conf`.
const MODULES: [&str; 1] = ["i2c-dev"];
/// A device whose driver is built in, and whose node udev's rules give to a group.
const DMA_MEMORY: &str = "/sys/class/misc/udmabuf/uevent";
/// Seconds that drivers get to probe before the agent answers anyway.
const SETTLE_SECONDS: u32 = 60;
const DEFAULT_HOSTNAME: &str = "bayonet";
/// Terminal of the shell: `/dev/console` itself can control no jobs.
const TERMINAL: &str = "/dev/ttyAMA0";
/// A shell that ends sooner than this after its start is restarted with a pause.
const SHELL_MINIMUM: Duration = Duration::from_secs(1);

const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "/root"),
    ("TERM", "linux"),
    ("LANG", "C.UTF-8"),
];

/// Runs until the agent ends, then switches the machine off.
pub(crate) fn serve() -> Result<()> {
    mount_rest()?;
    let name = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = Some(name.trim())
        .filter(|name| !name.is_empty())
        .unwrap_or(DEFAULT_HOSTNAME);
    nix::unistd::sethostname(name).context("setting the host name")?;
    run(child("modprobe").arg("--all").args(MODULES));
    start_udev();
    start_network();
    let agent = child(SELF_PATH)
        .arg(AGENT_STAGE)
        .spawn()
        .context("starting the agent")?
        .id();
    let parameters = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let mut shell = parameters
        .split_whitespace()
        .any(|word| word == SHELL_PARAMETER)
        .then(Shell::start);
    loop {
        match wait() {
            Ok(status) if status.pid() == Some(pid(agent)) => {
                eprintln!("bayonet-guest: the agent ended ({status:?})");
                power::off();
            }
            Ok(status) => {
                if let Some(shell) = &mut shell {
                    shell.restart_if(status.pid());
                }
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("waiting for children"),
        }
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed())
}

fn child(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(ENVIRONMENT).stdin(Stdio::null());
    command
}

fn mount_rest() -> Result<()> {
    let nodev = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let nosuid = MsFlags::MS_NOSUID;
    for (kind, target, flags, options) in [
        ("tmpfs", "/tmp", nodev, "mode=1777"),
        ("devpts", "/dev/pts", nosuid, "gid=5,mode=620,ptmxmode=666"),
        ("tmpfs", "/dev/shm", nodev, "mode=1777"),
        ("debugfs", "/sys/kernel/debug", nodev, "mode=700"),
    ] {
        fs::create_dir_all(target)?;
        mount(Some(kind), target, Some(kind), flags, Some(options))
            .with_context(|| format!("mounting {target}"))?;
    }
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        let _ = fs::remove_file(link);
        symlink(target, link).with_context(|| format!("linking {link}"))?;
    }
    fs::create_dir_all("/run/lock")?;
    Ok(())
}

/// Starts udev and lets it load the drivers of what is there already. A guest without it is of use still, so
/// failures are told and survived.
fn start_udev() {
    run(child(UDEVD).arg("--daemon"));
    // `udevadm trigger` would bring up every terminal and memory block as well, for many seconds.
    let announced = announce(Path::new(DEVICES)).and_then(|()| fs::write(DMA_MEMORY, "add"));
    if let Err(error) = announced {
        eprintln!("bayonet-guest: announcing devices: {error}");
    }
    run(child("udevadm").args(["settle", &format!("--timeout={SETTLE_SECONDS}")]));
}

/// Lets the kernel announce again each device that wants a driver module and has no driver.
fn announce(directory: &Path) -> std::io::Result<()> {
    let uevent = directory.join("uevent");
    // Attributes of devices that are just going away cannot be read; they want no driver either.
    let wants = fs::read_to_string(&uevent)
        .is_ok_and(|text| text.lines().any(|line| line.starts_with("MODALIAS=")));
    if wants && !directory.join("driver").exists() {
        fs::write(&uevent, "add")?;
    }
    for entry in fs::read_dir(directory)?.flatten() {
        if entry.file_type()?.is_dir() {
            announce(&entry.path())?;
        }
    }
    Ok(())
}

/// Gives the network card, where there is one, its address. Nothing else is reached through it than the host.
fn start_network() {
    let ip = |words: &[&str]| run(child("busybox").arg("ip").args(words));
    ip(&["link", "set", LOOPBACK, "up"]);
    for entry in fs::read_dir(NETWORKS).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != LOOPBACK {
            let address = format!("{GUEST_ADDRESS}/{PREFIX_LENGTH}");
            ip(&["address", "add", &address, "dev", &name]);
            ip(&["link", "set", &name, "up"]);
        }
    }
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("bayonet-guest: {command:?}: {status}"),
        Err(error) => eprintln!("bayonet-guest: {command:?}: {error}"),
    }
}

/// The shell on the serial console.
struct Shell {
    pid: Option<Pid>,
    started: Instant,
}

impl Shell {
    fn start() -> Self {
        let pid = Self::spawn()
            .inspect_err(|error| eprintln!("bayonet-guest: no shell on {TERMINAL}: {error}"))
            .ok();
        Self {
            pid,
            started: Instant::now(),
        }
    }

    fn spawn() -> std::io::Result<Pid> {
        let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
        let spawned = child("busybox")
            .args(["setsid", "-c", "sh", "-l"])
            .current_dir("/")
            .env("PS1", r"\h:\w\$ ")
            .stdin(terminal.try_clone()?)
            .stdout(terminal.try_clone()?)
            .stderr(terminal)
            .spawn()?;
        Ok(pid(spawned.id()))
    }

    fn restart_if(&mut self, ended: Option<Pid>) {
        if self.pid.is_some() && ended == self.pid {
            if self.started.elapsed() < SHELL_MINIMUM {
                std::thread::sleep(SHELL_MINIMUM);
            }
            *self = Self::start();
        }
    }
}
