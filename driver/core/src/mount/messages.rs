//! What the mount machine is told, what it asks for, and what it shows.

use crate::Time;
use crate::lens::LensPins;

/// What was found when the machine was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Whether the sensor's driver is bound.
    pub sensor_bound: bool,
    /// Whether the receiver's driver is bound.
    pub receiver_bound: bool,
    /// Level of the presence line: whether a module is there.
    pub present: bool,
    /// Levels of the lens lines.
    pub lens: LensPins,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The presence line, read after an edge: whether a module is there.
    Presence(bool),
    /// The lens lines, read after an edge.
    LensPins(LensPins),
    /// A kernel action ended.
    Done(Done),
    /// News of the mount camera's process, from [`supervisor::Action::Tell`](crate::supervisor::Action::Tell).
    Camera(CameraNews),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something that the kernel does: at most one is under way, and each is answered with the [`Done`] of the same
    /// name, however it ends.
    Kernel(Job),
    /// The camera's process may live: [`supervisor::Input::Allowed`](crate::supervisor::Input::Allowed) with `true`.
    AllowCamera,
    /// It may not: `Allowed(false)`. Answered with [`CameraNews::Gone`].
    WithdrawCamera,
}

/// A kernel action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Keep the sensor's supplies and clock on.
    PowerUp,
    /// Ask the sensor who it is.
    Identify,
    /// Let the driver switch the supplies off again.
    PowerDown,
    /// Bind the sensor, then the receiver.
    Bind,
    /// Unbind the receiver, then the sensor, whichever of them is bound; not if anybody holds a descriptor.
    Unbind,
}

/// How a kernel action ended. Texts are for people.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// [`Job::PowerUp`].
    Powered(Result<(), String>),
    /// [`Job::Identify`]; an error is one that says nothing about the sensor, e.g. a missing device node.
    Identified(Result<Identity, String>),
    /// [`Job::PowerDown`].
    PoweredDown(Result<(), String>),
    /// [`Job::Bind`].
    Bound(Result<(), String>),
    /// [`Job::Unbind`].
    Unbound(Result<(), UnbindError>),
}

/// Who answers at the sensor's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The sensor that the device tree names.
    Expected,
    /// Another one: its name, or what is known of it.
    Other(String),
    /// Nobody.
    Silent,
}

/// Why the chain is still bound.
#[derive(Clone, Debug, PartialEq)]
pub enum UnbindError {
    /// Processes hold it: which, for people.
    Held(String),
    /// The kernel refused: why.
    Failed(String),
}

/// What the mount machine must know about its camera's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraNews {
    /// It was told to start its stream: from here on the sensor's driver may be streaming.
    Starting,
    /// Its first frame came.
    Streaming,
    /// Frames stopped, and it is being killed.
    Stalled,
    /// The kernel refused to start the stream, as already started (`EALREADY`): an earlier stop did not reach the
    /// sensor. Only a rebind cures that.
    StartRefused,
    /// There is no process, and nobody wants one; it may still come when somebody does.
    Idle,
    /// There is no process, and none will come: the answer to [`Action::WithdrawCamera`].
    Gone,
}

/// How the mount's module is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nothing is plugged.
    Absent,
    /// Plugged; being identified or bound.
    Detecting,
    /// There, and usable: the camera's process is allowed.
    Present,
    /// There and allowed, but its frames have stopped.
    Stalled,
    /// Something must end before the module can be used.
    Stuck {
        /// What, for people.
        reason: String,
    },
    /// There, but it does not work.
    Faulted {
        /// Why, for people.
        reason: String,
        /// When it will be tried again.
        retry: Time,
    },
    /// There, but it is not the sensor that the device tree names. It stays so until the next plug.
    WrongSensor {
        /// What it is.
        found: String,
    },
    /// It came and went too often.
    Flapping {
        /// It will be tried then, if it stays.
        until: Time,
    },
}

/// What is on the bayonet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LensView {
    /// No module, so no lines to read.
    None,
    /// The lines still move.
    Changing,
    /// The lines have settled.
    Settled(LensPins),
}

impl Done {
    /// What it answers.
    pub(super) fn job(&self) -> Job {
        match self {
            Self::Powered(_) => Job::PowerUp,
            Self::Identified(_) => Job::Identify,
            Self::PoweredDown(_) => Job::PowerDown,
            Self::Bound(_) => Job::Bind,
            Self::Unbound(_) => Job::Unbind,
        }
    }
}

impl Job {
    /// For people.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::PowerUp => "switching the sensor on",
            Self::Identify => "identifying the sensor",
            Self::PowerDown => "switching the sensor off",
            Self::Bind => "binding the drivers",
            Self::Unbind => "unbinding the drivers",
        }
    }
}
