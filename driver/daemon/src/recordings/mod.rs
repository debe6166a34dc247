//! Recordings: sequences of raw frames as folders of DNG files, with an index.
//!
//! ```text
//! 20261122T203453.120Z/       the time of the start in UTC
//!   index.jsonl               what is there and what is not, see [`index`]
//!   main/000001.dng           a frame, whole
//!   mount/000001.dng
//!   main/000002.dng.part      a frame that is being written
//! ```
//!
//! Names come from the start and from frames' numbers, times from the sensor; a clock that jumps meanwhile changes
//! nothing. Frames go through a queue ([`Intake`]) to one thread, which writes them; nobody else waits for the disk.
//! What is left of a recording that was interrupted is told and mended by [`repair`].
//!
//! The recorder's memory is its queue's limit, which holds frames that come, wait and are written, and less than a
//! megabyte besides.

mod disk;
#[cfg(test)]
mod faults;
pub mod index;
mod pool;
mod queue;
pub mod repair;
mod store;
mod writer;

pub use queue::{Ending, Intake, Progress, Shot};
pub use store::{Error, Recorder, Request, Store};

use std::sync::{Arc, Mutex, PoisonError};

/// Where whoever has frames finds the recording that is under way; shared by all.
#[derive(Clone, Debug, Default)]
pub struct Inlet(Arc<Mutex<Option<Intake>>>);

impl Inlet {
    /// A recording begins.
    pub fn open(&self, intake: Intake) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(intake);
    }

    /// It is over.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The recording with this number, while it is under way.
    pub fn recording(&self, id: u64) -> Option<Intake> {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|intake| intake.id() == id).cloned()
    }
}
