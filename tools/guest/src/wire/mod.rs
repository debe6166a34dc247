//! Frames between the host and the agent in the guest, over one virtio serial port.
//!
//! A frame is a type byte, the payload's length (u32, little endian) and the payload: JSON for what is said
//! rarely ([`Request`], [`Event`]), raw bytes behind a five-byte head for data. Several jobs share the port;
//! every frame names its job. The parser holds no I/O: bytes go in with [`Decoder::push`], frames come out of
//! [`Decoder::next_frame`], and nothing longer than [`MAX_PAYLOAD`] is ever buffered.
//!
//! There is no resynchronisation: after an error the port has to be given up.

mod codec;

pub use codec::{Decoder, FrameReader, WireError, encode};

use serde::{Deserialize, Serialize};

/// Name of the virtio serial port that carries these frames.
pub const AGENT_PORT: &str = "org.bayonet.agent";
/// Name of the virtio serial port on which the guest gives orders to the board.
pub const ORDERS_PORT: &str = "org.bayonet.orders";
/// The guest's address, where it has a network: the first that QEMU's user networking gives away.
pub const GUEST_ADDRESS: &str = "10.0.2.15";
/// Word on the kernel's command line that asks for a shell on the serial console.
pub const SHELL_PARAMETER: &str = "bayonet.shell=1";
/// Version in [`Event::Ready`]; host and guest must agree.
pub const PROTOCOL: u32 = 1;
/// Longest payload of a frame in bytes.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// Data is cut into chunks of this many bytes by both sides.
pub const CHUNK: usize = 64 << 10;

/// What the host asks for. Job numbers are the host's choice and not used twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Runs a program in a process group of its own; answered by output, then `Exited`, `Killed` or `Failed`.
    Exec {
        /// Job number.
        job: u32,
        /// Program (searched for in `PATH`) and arguments.
        argv: Vec<String>,
        /// Variables on top of the agent's own environment.
        #[serde(default)]
        env: Vec<(String, String)>,
        /// Directory to start in, `/` unless given.
        #[serde(default)]
        cwd: Option<String>,
        /// Whether [`Channel::Stdin`] data follows; the empty chunk ends it. Otherwise it is `/dev/null`.
        #[serde(default)]
        stdin: bool,
    },
    /// Sends a signal to the process group of a running program; ignored when it has ended.
    Signal {
        /// Job number of the `Exec`.
        job: u32,
        /// Signal number as Linux has it.
        signal: i32,
    },
    /// Writes a file from [`Channel::File`] data, which the empty chunk ends; answered by `Done` or `Failed`.
    Put {
        /// Job number.
        job: u32,
        /// Absolute path; missing parent directories are made.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// Reads a file, or all files below a directory; answered by `File` and data for each, then `Done`.
    Get {
        /// Job number.
        job: u32,
        /// Path of a file or directory.
        path: String,
    },
    /// Ends all programs, syncs, switches the machine off. Not answered.
    Shutdown,
}

/// What the guest reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The system is up and the agent listens. The first frame of all.
    Ready {
        /// [`PROTOCOL`] of the guest.
        protocol: u32,
        /// Kernel release, e.g. `7.3.4+deb13-arm64`.
        kernel: String,
    },
    /// The program ended by itself.
    Exited {
        /// Job number.
        job: u32,
        /// Exit status, 0..=255.
        code: i32,
    },
    /// A signal ended the program.
    Killed {
        /// Job number.
        job: u32,
        /// Signal number.
        signal: i32,
    },
    /// A file begins; its data follows on [`Channel::File`], the empty chunk ends it.
    File {
        /// Job number.
        job: u32,
        /// Path below the one asked for; empty when that is a file itself.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// The job is done.
    Done {
        /// Job number.
        job: u32,
    },
    /// The job could not be done.
    Failed {
        /// Job number.
        job: u32,
        /// A sentence for a person.
        reason: String,
    },
}

/// Where data of a job belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard input of a program.
    Stdin = 0,
    /// Standard output of a program.
    Stdout = 1,
    /// Standard error of a program.
    Stderr = 2,
    /// Content of a file.
    File = 3,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Host to guest.
    Request(Request),
    /// Guest to host.
    Event(Event),
    /// Bytes of a job, either way.
    Data {
        /// Job number.
        job: u32,
        /// What the bytes are.
        channel: Channel,
        /// The bytes; none of them ends the channel.
        bytes: Vec<u8>,
    },
}
