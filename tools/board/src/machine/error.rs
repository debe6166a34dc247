//! What can go wrong with a machine.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// An error of the machine; those about a lost guest carry the console's last lines.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A file, socket or process of the host is not as needed.
    #[error("{what}: {reason}")]
    Host {
        /// What was tried, with the path.
        what: String,
        /// The system's answer.
        reason: std::io::Error,
    },
    /// A socket path exceeds what the kernel can bind.
    #[error(
        "the socket path {path} is longer than {limit} bytes; set XDG_RUNTIME_DIR to a shorter directory"
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// The kernel's limit in bytes.
        limit: usize,
    },
    /// Another board uses this socket.
    #[error(
        "{path} is in use by a running board; end it with `bayonet-board ctl --board-socket {path} quit`, or choose another path"
    )]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// A port cannot be forwarded.
    #[error(
        "port {port} of this system cannot be forwarded: {reason}; choose another one, 1024 or above"
    )]
    PortUnusable {
        /// The port.
        port: u16,
        /// The system's answer.
        reason: std::io::Error,
    },
    /// Nobody takes orders on this socket.
    #[error("no board takes orders at {path}: {reason}; start one with `bayonet-board run`")]
    NoBoard {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        reason: std::io::Error,
    },
    /// The directory for sockets belongs to somebody else.
    #[error("{path} belongs to user {owner}, not to you; remove it or set XDG_RUNTIME_DIR")]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// Its owner's user number.
        owner: u32,
    },
    /// QEMU cannot be run.
    #[error("cannot run {program}: {reason}; {remedy}")]
    QemuMissing {
        /// The program.
        program: String,
        /// What came back.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
    /// QEMU lacks the vfio-user client.
    #[error(
        "{program} is QEMU {found}, but 11.1 or later is needed (vfio-user-pci); leave out --qemu to use the one of the build root"
    )]
    QemuTooOld {
        /// The program.
        program: String,
        /// Its version.
        found: String,
    },
    /// QEMU ended while the guest was needed.
    #[error("the machine ended ({status}) while {during}{console}")]
    Ended {
        /// How QEMU ended.
        status: ExitStatus,
        /// What was waited for.
        during: String,
        /// What QEMU said and the console's last lines.
        console: Tail,
    },
    /// The agent closed its port, the machine runs on.
    #[error("the guest's agent is gone while {during}{console}")]
    AgentLost {
        /// What was waited for.
        during: String,
        /// The console's last lines.
        console: Tail,
    },
    /// A deadline passed.
    #[error("no end after {} s while {during}{console}", .allowed.as_secs_f32())]
    TimedOut {
        /// What was waited for.
        during: String,
        /// Time that was granted.
        allowed: Duration,
        /// The console's last lines.
        console: Tail,
    },
    /// [`super::Stop`] was raised.
    #[error("interrupted")]
    Interrupted,
    /// The guest could not do what it was asked.
    #[error("{0}")]
    Refused(String),
    /// Host and guest do not speak the same version, or one of them speaks nonsense.
    #[error("the guest's agent: {0}; rebuild the guest with `bayonet-board build`")]
    Protocol(String),
}

impl MachineError {
    pub(crate) fn host(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |reason| Self::Host { what, reason }
    }
}

/// Last lines of the console, as the end of an error message.
#[derive(Clone, Debug, Default)]
pub struct Tail(pub Vec<String>);

impl std::fmt::Display for Tail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("; the console is empty");
        }
        formatter.write_str("; the console's last lines:")?;
        for line in &self.0 {
            write!(formatter, "\n  | {line}")?;
        }
        Ok(())
    }
}
