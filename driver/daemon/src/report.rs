//! What clients read: the state of module, lens and cameras, and events. This is the JSON of the API.
//!
//! Times are nanoseconds of `CLOCK_BOOTTIME` where they end in `_ns`, as libcamera's `SensorTimestamp` is.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Which of the module's two cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CameraName {
    /// The fixed sensor.
    Main,
    /// The sensor behind the lens mount.
    Mount,
}

impl CameraName {
    /// Both, main first.
    pub const ALL: [Self; 2] = [Self::Main, Self::Mount];

    /// As it is written everywhere: in JSON, in paths and in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Mount => "mount",
        }
    }
}

impl fmt::Display for CameraName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Everything at once: what `GET /v1/status` answers and an event stream begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of `bayonetd`.
    pub version: String,
    /// The mount and what is on it.
    pub module: Module,
    /// Main first.
    pub cameras: Vec<Camera>,
    /// The recording that is under way.
    pub recording: Option<Recording>,
}

/// The mount's module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// In one word.
    pub state: ModuleState,
    /// For people: why, and what to do, where the state is not simply good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Sensor that the device tree names, e.g. `imx283`; none without a module in the device tree.
    pub sensor: Option<String>,
    /// What is on the mount.
    pub lens: Lens,
    /// Plugs seen since the start.
    pub plugs: u64,
}

/// State of the mount's module, in the order in which a plug goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleState {
    /// The device tree has no mount, or its lines are missing.
    NotConfigured,
    /// Nothing is plugged.
    Absent,
    /// Plugged; contacts settle, supplies rise, the sensor is asked who it is.
    Detecting,
    /// There, and usable.
    Present,
    /// There, but its frames have stopped.
    Stalled,
    /// Its drivers must be bound anew, and a process still holds one of them.
    Stuck,
    /// There, but it does not work.
    Faulted,
    /// A sensor of another type than the device tree names.
    WrongSensor,
    /// It comes and goes too often; waiting until it stays.
    Flapping,
}

/// What is on the mount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// In one word.
    pub state: LensState,
    /// 6-bit code, where a lens or an adapter shows one.
    pub code: Option<u8>,
    /// Frame-line selector, `0..=3`.
    pub frame: Option<u8>,
    /// Name of its profile.
    pub profile: Option<String>,
    /// For people, e.g. `Summilux-M 50 mm f/1.4 ASPH.`
    pub name: Option<String>,
    /// Focal length in millimetres.
    pub focal_length_mm: Option<f32>,
    /// Smallest f-number.
    pub maximum_aperture: Option<f32>,
}

/// How sure the lens is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LensState {
    /// No lens, or no module to hold one.
    None,
    /// Its code's lines are still moving.
    Changing,
    /// Recognised by its code.
    Known,
    /// It shows a code that no profile has.
    Unknown,
    /// It shows the code 0, or none of a table's: an uncoded lens.
    Uncoded,
    /// Named by a person.
    Assigned,
}

/// One camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Which.
    pub name: CameraName,
    /// In one word.
    pub state: CameraState,
    /// For people, where the state is not simply good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Sensor model, e.g. `imx283`.
    pub model: Option<String>,
    /// libcamera's name of it.
    pub libcamera_id: Option<String>,
    /// Clients that want its frames.
    pub clients: u32,
    /// Process that owns it.
    pub pid: Option<u32>,
    /// What it streams.
    pub stream: Option<Stream>,
    /// Frames completed since the start of `bayonetd`.
    pub frames: u64,
    /// Frames that the sequence numbers say are missing.
    pub dropped: u64,
    /// Times its process was started again after a failure.
    pub restarts: u64,
}

/// State of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CameraState {
    /// Its sensor is not there.
    Absent,
    /// There; nobody has asked for it, so any application may take it.
    Available,
    /// Its process is starting.
    Starting,
    /// Frames come.
    Streaming,
    /// Its process is ending.
    Stopping,
    /// Its process failed and will be started again.
    Restarting,
}

/// The stream of a camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// DRM FourCC, e.g. `NV12`.
    pub format: String,
}

/// A control's limits, as libcamera tells them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlLimits {
    /// `bool`, `int32`, `int64`, `float`, `rectangle`, `size`, `string`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Elements: 1 for a scalar, 0 where it varies.
    pub elements: u32,
    /// Smallest value.
    pub minimum: serde_json::Value,
    /// Largest value.
    pub maximum: serde_json::Value,
    /// Value at the start.
    pub default: serde_json::Value,
    /// Values allowed, for an enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<serde_json::Value>,
}

/// Controls or metadata by libcamera's names, e.g. `ExposureTime` (microseconds), `AnalogueGain`.
///
/// Scalars are JSON scalars, arrays are arrays, a rectangle is `[x, y, width, height]`, a size `[width, height]`.
pub type Values = BTreeMap<String, serde_json::Value>;

/// What a camera can do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Sensor model.
    pub model: String,
    /// Full size of the sensor's active pixels.
    pub pixel_array: Option<[u32; 2]>,
    /// Limits by control name.
    pub controls: BTreeMap<String, ControlLimits>,
    /// Fixed facts (libcamera's properties).
    pub properties: Values,
}

/// One completed frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Number given by the receiver; a gap is a lost frame.
    pub sequence: u32,
    /// Start of exposure of the first line.
    pub timestamp_ns: u64,
    /// What libcamera says of it.
    pub metadata: Values,
}

/// Pictures that were taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Name of the capture, e.g. `20261122T203453.120Z`.
    pub name: String,
    /// One picture, or one of each camera; behind each its DNG, where one was asked for.
    pub pictures: Vec<Picture>,
}

/// A picture that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Of which camera.
    pub camera: CameraName,
    /// File name, to be had at `/v1/captures/{file}`.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// The frame it was made of.
    pub frame: Frame,
}

/// A sequence of raw frames, each a DNG file, under way or over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Its name, the time of its start in UTC, e.g. `20261122T203453.120Z`.
    pub name: String,
    /// In one word.
    pub state: RecordingState,
    /// Why it ended.
    pub end: Option<RecordingEnd>,
    /// For people, where the word does not say everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it is on the board.
    pub directory: String,
    /// From the first frame on, in milliseconds; none where nobody wrote it down.
    pub duration_ms: Option<u64>,
    /// What was written and what was not, main first.
    pub cameras: Vec<RecordedCamera>,
    /// What waits for the disk; none when it is over.
    pub queue: Option<RecordingQueue>,
    /// Bytes that may still be written; none when it is over.
    pub free_bytes: Option<u64>,
}

/// State of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingState {
    /// Frames are taken in.
    Recording,
    /// No more frames are taken in; those that came are written.
    Ending,
    /// Over.
    Ended,
    /// It has no end: `bayonetd` or the board lost its power meanwhile. `bayonet record --repair` mends it.
    Interrupted,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingEnd {
    /// A client ended it.
    Stopped,
    /// It has the frames or the seconds that were asked for.
    Complete,
    /// The disk is full, or would be.
    DiskFull,
    /// The disk took no more for another reason.
    Storage,
    /// A camera could not be recorded.
    Camera,
    /// All its cameras went away and stayed away.
    CamerasGone,
    /// `bayonetd` ended.
    Shutdown,
    /// It was interrupted, and mended later.
    Interrupted,
}

/// What a recording has of one camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCamera {
    /// Which.
    pub name: CameraName,
    /// Frames on the disk.
    pub written: u64,
    /// Frames that came from the sensor and are not on the disk.
    pub dropped: u64,
    /// Frames that never came from the sensor, by the receiver's numbers.
    pub missing: u64,
    /// Length of the files.
    pub bytes: u64,
}

/// What waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingQueue {
    /// Frames.
    pub frames: u64,
    /// Memory that is in use, in bytes.
    pub bytes: u64,
    /// Memory that may be in use, in bytes.
    pub limit_bytes: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// First on every stream: how things are.
    Status(Status),
    /// The module or its lens changed.
    Module(Module),
    /// A camera changed.
    Camera(Camera),
    /// Controls were changed.
    Controls {
        /// Of which camera.
        camera: CameraName,
        /// What holds now.
        values: Values,
    },
    /// The shutter key was pressed.
    Shutter,
    /// Pictures were taken.
    Capture(Capture),
    /// A capture that nobody waits for failed, e.g. the shutter key's.
    CaptureFailed {
        /// Why, and what to do.
        reason: String,
    },
    /// A recording began, went on or ended; while it goes on, twice a second.
    Recording(Recording),
    /// This reader was too slow; events are missing before the next one.
    Lagged {
        /// How many.
        missed: u64,
    },
}

impl Event {
    /// Its name on a stream, the same as `event` in its JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Module(_) => "module",
            Self::Camera(_) => "camera",
            Self::Controls { .. } => "controls",
            Self::Shutter => "shutter",
            Self::Capture(_) => "capture",
            Self::CaptureFailed { .. } => "capture-failed",
            Self::Recording(_) => "recording",
            Self::Lagged { .. } => "lagged",
        }
    }
}
