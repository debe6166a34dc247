//! A picture that was ordered: which frame it is made of.

use crate::report::Values;
use crate::wire::{Encoding, LensTags};

/// Frames after which a picture is taken though exposure has not settled: better a picture than none.
const PATIENCE: u32 = 60;
/// libcamera's `AeStateSearching`, while exposure and gain still move.
const AE_SEARCHING: i64 = 1;

/// A picture that is waiting for its frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of the order.
    pub id: u64,
    /// How it is encoded.
    pub encoding: Encoding,
    /// The lens it is taken with.
    pub lens: Option<LensTags>,
    /// Whether exposure and white balance must have settled.
    pub settle: bool,
    /// Start of the exposure at the earliest, nanoseconds of `CLOCK_BOOTTIME`.
    pub not_before_ns: u64,
    /// Frames that were let pass; begins at 0.
    pub passed: u32,
}

/// How libcamera judges a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Good.
    Success,
    /// One of the first after the start, while the algorithms still learn.
    Startup,
    /// Not what the sensor was asked for.
    Faulty,
}

impl Wanted {
    /// Whether the picture is to be made of this frame; counts it if not.
    pub fn takes(&mut self, timestamp_ns: u64, quality: Quality, metadata: &Values) -> bool {
        let settled = !self.settle
            || self.passed >= PATIENCE
            || (quality == Quality::Success && has_settled(metadata));
        let takes = timestamp_ns >= self.not_before_ns && quality != Quality::Faulty && settled;
        self.passed += u32::from(!takes);
        takes
    }
}

/// A camera that does not tell, or whose exposure is set by hand, has nothing to wait for.
fn has_settled(metadata: &Values) -> bool {
    let state = metadata.get("AeState").and_then(serde_json::Value::as_i64);
    state != Some(AE_SEARCHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(settle: bool, not_before_ns: u64) -> Wanted {
        Wanted {
            id: 1,
            encoding: Encoding::Png,
            lens: None,
            settle,
            not_before_ns,
            passed: 0,
        }
    }

    fn state(ae: i64) -> Values {
        Values::from([("AeState".to_owned(), ae.into())])
    }

    #[test]
    fn without_settling_the_first_frame_in_time_is_taken() {
        let mut wanted = wanted(false, 100);
        assert!(!wanted.takes(99, Quality::Success, &state(2)));
        assert!(!wanted.takes(100, Quality::Faulty, &state(2)));
        assert!(wanted.takes(100, Quality::Startup, &state(AE_SEARCHING)));
    }

    #[test]
    fn settling_waits_for_exposure_and_for_the_end_of_the_start() {
        let mut wanted = wanted(true, 0);
        assert!(!wanted.takes(1, Quality::Startup, &state(2)));
        assert!(!wanted.takes(2, Quality::Success, &state(AE_SEARCHING)));
        assert!(wanted.takes(3, Quality::Success, &state(2)));
    }

    #[test]
    fn exposure_by_hand_or_untold_has_settled() {
        assert!(wanted(true, 0).takes(1, Quality::Success, &state(0)));
        assert!(wanted(true, 0).takes(1, Quality::Success, &Values::new()));
    }

    #[test]
    fn patience_ends() {
        let mut wanted = wanted(true, 0);
        for _ in 0..PATIENCE {
            assert!(!wanted.takes(1, Quality::Success, &state(AE_SEARCHING)));
        }
        assert!(wanted.takes(1, Quality::Success, &state(AE_SEARCHING)));
    }
}
