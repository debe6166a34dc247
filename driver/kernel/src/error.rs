//! What can go wrong at the edge: the call, what it was made on, what the kernel said, what to do.

use nix::errno::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A call that failed, or a system that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The kernel refused a call.
    #[error("{call} {}: {}{}", node.display(), errno.desc(), advice.map(|text| format!(" ({text})")).unwrap_or_default())]
    Call {
        /// System call, request or write, e.g. `open` or `VIDIOC_QUERYCAP`.
        call: &'static str,
        /// Device node, sysfs file or device.
        node: PathBuf,
        /// What the kernel said.
        errno: Errno,
        /// What to do about it, where that is known.
        advice: Option<&'static str>,
    },
    /// The device tree does not tell of a module.
    #[error(
        "no node of the device tree is compatible with {:?}: is the module's overlay loaded? \
         It belongs into the boot loader's configuration (dt-overlays/README.md)",
        crate::device_tree::MODULE
    )]
    NoModule,
    /// The device tree is not as it must be.
    #[error("device tree, {node}: {problem}")]
    DeviceTree {
        /// Path of the node in the tree.
        node: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A node of the device tree has no device.
    #[error(
        "no device on the {bus} bus belongs to the device tree's {node}: is it disabled in the tree, \
         or is the driver of the bus it is on not loaded?"
    )]
    NoDevice {
        /// Directory below `/sys/bus`.
        bus: &'static str,
        /// Path of the node in the tree.
        node: String,
    },
    /// A device's driver is not there.
    #[error(
        "{device} is bound to no driver and the {bus} bus has no driver {driver}: is its module loaded?"
    )]
    NoDriver {
        /// The device.
        device: String,
        /// Directory below `/sys/bus`.
        bus: &'static str,
        /// The driver that was expected.
        driver: String,
    },
    /// A sensor must not be bound under a receiver that is bound already; see [`crate::binding`].
    #[error(
        "{device} is bound without {before}, which its frames come from: unbind it first, or the kernel may crash"
    )]
    HalfBound {
        /// A device of the chain.
        device: String,
        /// The one before it.
        before: String,
    },
    /// A GPIO line is not there.
    #[error(
        "{line} is not there, {chip} has {count} lines: correct the module's node in the device tree"
    )]
    NoLine {
        /// The line, by its place in the device tree.
        line: String,
        /// Its chip.
        chip: String,
        /// How many lines the chip has.
        count: u32,
    },
    /// A GPIO line is in use.
    #[error("{line} is in use by {user:?}: end that first, or let the device tree free the line")]
    LineInUse {
        /// The line, by its place in the device tree.
        line: String,
        /// What its user calls itself.
        user: String,
    },
    /// GPIO lines could not be requested or read.
    #[error("GPIO lines {lines}: {source}")]
    Gpio {
        /// The lines, by their places in the device tree.
        lines: String,
        /// What the kernel said.
        source: gpiocdev::Error,
    },
    /// Lines that are requested together are on different chips.
    #[error(
        "{first} and {other} are on different chips; lens code and frame selector must be on one"
    )]
    LinesApart {
        /// A line.
        first: String,
        /// A line on another chip.
        other: String,
    },
    /// No input device has the key.
    #[error(
        "no input device has the key {code}: the device tree's `gpio-keys` node names it with `linux,code`"
    )]
    NoKey {
        /// Its code, see `linux/input-event-codes.h`.
        code: u16,
    },
    /// Something that the kernel or udev wrote makes no sense.
    #[error("{what}: {problem}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {limit:?}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
}

impl Error {
    pub(crate) fn call(call: &'static str, node: impl AsRef<Path>, errno: Errno) -> Self {
        Self::Call {
            call,
            node: node.as_ref().to_path_buf(),
            errno,
            advice: None,
        }
    }

    /// The same for errors of the standard library, e.g. in `map_err(Error::io("open", path))`.
    pub(crate) fn io(call: &'static str, node: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::call(call, node, errno(&error))
    }

    pub(crate) fn with_advice(mut self, text: &'static str) -> Self {
        if let Self::Call { advice, .. } = &mut self {
            *advice = Some(text);
        }
        self
    }

    /// What the kernel said, where it was the kernel.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Call { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}

fn errno(error: &io::Error) -> Errno {
    error
        .raw_os_error()
        .map_or(Errno::UnknownErrno, Errno::from_raw)
}
