//! What `ipa-compare` on the host and `ktap measure` in the guest say to each other: a plan, and one line of JSON for
//! each of its runs.

use serde::{Deserialize, Serialize};

/// Everything that is measured with one IPA.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    /// In this order.
    pub runs: Vec<Run>,
    /// Places in large pictures whose colours are wanted: left, top, right, bottom, 0..=1 each.
    pub patches: Vec<[f64; 4]>,
}

/// One start of a camera.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// By which the finding is known.
    pub name: String,
    /// As the board's order takes it; paths are the host's.
    pub scene: String,
    /// Colour temperature.
    pub kelvin: f64,
    /// Light, one after the other.
    pub steps: Vec<Step>,
    /// What is of interest.
    pub measured: Measured,
}

/// What is of interest in a run.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Measured {
    /// Every frame's metadata, and what the IPA's process cost.
    Metadata,
    /// Colours at the end, of a picture that shows all that the sensor sees.
    Colours,
    /// Heap allocations of the IPA's process.
    Allocations,
}

/// Light for a while.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Step {
    /// Illuminance.
    pub lux: f64,
    /// For so many frames.
    pub frames: usize,
}

impl Run {
    /// Frames of all steps.
    pub fn frames(&self) -> usize {
        self.steps.iter().map(|step| step.frames).sum()
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Finding {
    /// The run's.
    pub name: String,
    /// In the order in which they came.
    pub frames: Vec<Frame>,
    /// Means of red, green and blue in the plan's places, 0..=255.
    pub patches: Vec<[f64; 3]>,
    /// What the IPA's process cost.
    pub worker: Option<Worker>,
    /// Heap allocations of the IPA's process, for each frame.
    pub allocations: Option<f64>,
    /// Why there is nothing else.
    pub failure: Option<String>,
}

/// A frame's metadata.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Frame {
    /// Exposure time in microseconds times all gains.
    pub exposure: f64,
    /// Of red and blue, relative to green.
    pub gains: Option<[f64; 2]>,
}

/// The IPA's process between two frames.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Worker {
    /// Time on a processor.
    pub cpu_ns: u64,
    /// Frames in that time.
    pub frames: u64,
    /// Resident memory at its end.
    pub resident_kib: u64,
}
