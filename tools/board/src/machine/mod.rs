//! The machine around the board: QEMU, its console, the agent in the guest, the sockets for orders.
//!
//! [`Machine::start`] boots a guest and returns when it can be worked with. Every wait has a deadline and ends
//! early when [`Stop`] is raised or QEMU ends. The disk image is never written: each machine has an overlay that
//! goes with it. What the board itself is, the machine does not know: it is told a socket and a device tree.

mod agent;
mod complaints;
mod console;
mod error;
mod link;
mod orders;
mod process;
mod programs;
mod qemu;
mod run_directory;
mod wait;

pub use agent::{Agent, ExitStatus, Job, Output, Program, Progress};
pub use bayonet_guest::wire::Channel;
pub use complaints::{Complaint, ComplaintKind, kernel_complaints};
pub use console::Show;
pub use error::{MachineError, Tail};
pub use orders::{OrderServer, give_order};
pub use programs::Programs;
pub use qemu::dump_device_tree;
pub use run_directory::{RunDirectory, running_boards, socket_directory};
pub use wait::{Deadline, Stop};

use console::Console;
use process::Process;
pub(crate) use process::output_within;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Time for QEMU to start and connect; the guest's own start has [`MachineOptions::boot_timeout`].
const CONNECT_POLL: Duration = Duration::from_millis(10);
/// Kernel messages of this level and above (warnings are 4) come to the console unless more is asked for.
const QUIET_LOG_LEVEL: u8 = 5;
const BOOT_TIMEOUT: Duration = Duration::from_secs(120);

/// What to boot, and how.
#[derive(Clone, Debug)]
pub struct MachineOptions {
    /// QEMU.
    pub programs: Programs,
    /// Kernel image.
    pub kernel: PathBuf,
    /// Initramfs with the guest's first process.
    pub initrd: PathBuf,
    /// Disk image with the root file system, raw; only read.
    pub image: PathBuf,
    /// Device tree; QEMU's own when there is none.
    pub device_tree: Option<PathBuf>,
    /// Socket on which the board's PCI device is served.
    pub device_socket: Option<PathBuf>,
    /// Socket on which orders to the board are served; the guest's orders port leads there.
    pub orders_socket: Option<PathBuf>,
    /// Ports of this system that lead into the guest; without any, the guest has no network.
    pub forwards: Vec<Forward>,
    /// Words added to the kernel's command line.
    pub kernel_arguments: String,
    /// Kernel messages below this level come to the console, 0..=8.
    pub log_level: u8,
    /// Whether the guest offers a shell on the console.
    pub shell: bool,
    /// Where the console is shown.
    pub show: Show,
    /// How long the guest may take until its agent answers.
    pub boot_timeout: Duration,
    /// Ends every wait when raised.
    pub stop: Stop,
}

/// A TCP port of this system's loopback address that leads to one of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Port of this system.
    pub host: u16,
    /// Port of the guest.
    pub guest: u16,
}

impl Forward {
    /// Refuses ports that cannot be used, or that appear twice.
    ///
    /// # Errors
    /// [`MachineError::PortUnusable`].
    pub fn check(forwards: &[Self]) -> Result<(), MachineError> {
        let bind = |forward: &Self| {
            let port = forward.host;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .map_err(|reason| MachineError::PortUnusable { port, reason })
        };
        // All at once, so that the second of two equal ones is refused.
        let listeners: Result<Vec<_>, _> = forwards.iter().map(bind).collect();
        listeners.map(drop)
    }
}

impl MachineOptions {
    /// A quiet machine without a board.
    pub fn new(programs: Programs, kernel: PathBuf, initrd: PathBuf, image: PathBuf) -> Self {
        Self {
            programs,
            kernel,
            initrd,
            image,
            device_tree: None,
            device_socket: None,
            orders_socket: None,
            forwards: Vec::new(),
            kernel_arguments: String::new(),
            log_level: QUIET_LOG_LEVEL,
            shell: false,
            show: Show::Nothing,
            boot_timeout: BOOT_TIMEOUT,
            stop: Stop::default(),
        }
    }
}

/// A booted guest. Dropping it ends QEMU at once.
pub struct Machine {
    process: Arc<Process>,
    console: Console,
    input: Mutex<Option<ChildStdin>>,
    agent: Agent,
}

impl Machine {
    /// Boots and waits for the guest's agent.
    ///
    /// QEMU ends when the calling *thread* does, so call it from one that stays.
    ///
    /// # Errors
    /// Any [`MachineError`]; nothing is left running then.
    pub fn start(options: &MachineOptions, run: &RunDirectory) -> Result<Self, MachineError> {
        let deadline = Deadline::after(options.boot_timeout);
        options.programs.check()?;
        let socket = run.agent_socket();
        run_directory::check_length(&socket)?;
        let listener = UnixListener::bind(&socket)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(MachineError::host(format!(
                "making the socket {}",
                socket.display()
            )))?;
        let arguments = qemu::arguments(options, run);
        log::debug!("QEMU's arguments: {arguments:?}");
        let network = !options.forwards.is_empty();
        let binds = qemu::binds(options, run);
        let mut command = options.programs.command(&arguments, &binds, network);
        let (process, pipes) = Process::start(&mut command)?;
        let process = Arc::new(process);
        let console = Console::follow(pipes.stdout, &run.console_log(), options.show)?;
        console.add_source(pipes.stderr);
        let stream = accept(&listener, &process, &console, &options.stop, deadline)?;
        let agent = Agent::connect(
            stream,
            Arc::clone(&process),
            console.clone(),
            options.stop.clone(),
            deadline,
        )?;
        Ok(Self {
            process,
            console,
            input: Mutex::new(Some(pipes.stdin)),
            agent,
        })
    }

    /// The agent in the guest.
    pub fn agent(&self) -> Agent {
        self.agent.clone()
    }

    /// The console's last `count` lines.
    pub fn console_tail(&self, count: usize) -> Vec<String> {
        self.console.tail(count)
    }

    /// The console's log so far (its last 4 MiB).
    pub fn console_log(&self) -> String {
        self.console.text()
    }

    /// Types on the console.
    ///
    /// # Errors
    /// When the machine has ended.
    pub fn type_on_console(&self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut *self.input.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(input) => input.write_all(bytes).and_then(|()| input.flush()),
            None => Ok(()),
        }
    }

    /// How QEMU ended, if it did.
    pub fn ended(&self) -> Option<std::process::ExitStatus> {
        self.process.ended()
    }

    /// Switches the guest off in order and waits for QEMU's end.
    ///
    /// # Errors
    /// [`MachineError::TimedOut`] when the guest does not make it; the machine is killed then.
    pub fn shutdown(self, timeout: Duration) -> Result<(), MachineError> {
        let deadline = Deadline::after(timeout);
        // A guest that is gone already has reached what is wanted.
        let _ = self.agent.shutdown();
        match self.process.wait(deadline) {
            Some(_) => Ok(()),
            None => Err(MachineError::TimedOut {
                during: "the guest switches off".into(),
                allowed: timeout,
                console: self.console.last_words(),
            }),
        }
    }

    /// Ends QEMU at once, as pulling the plug does.
    pub fn kill(self) {
        self.process.kill();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.process.kill();
    }
}

/// Waits for QEMU's connection.
fn accept(
    listener: &UnixListener,
    process: &Process,
    console: &Console,
    stop: &Stop,
    deadline: Deadline,
) -> Result<UnixStream, MachineError> {
    let during = || "QEMU starts".to_owned();
    let console = || console.last_words();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let blocking = stream.set_nonblocking(false).map(|()| stream);
                return blocking.map_err(MachineError::host("the agent's socket"));
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(MachineError::host("the agent's socket")(error)),
        }
        if stop.is_raised() {
            return Err(MachineError::Interrupted);
        }
        if let Some(status) = process.ended() {
            // Its last words may still be on their way.
            thread::sleep(CONNECT_POLL);
            return Err(MachineError::Ended {
                status,
                during: during(),
                console: console(),
            });
        }
        if deadline.has_passed() {
            let allowed = deadline.allowed();
            return Err(MachineError::TimedOut {
                during: during(),
                allowed,
                console: console(),
            });
        }
        thread::sleep(CONNECT_POLL);
    }
}
