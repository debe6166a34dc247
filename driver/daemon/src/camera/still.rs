//! A picture that was ordered: which frame it is made of. `bayonetd` knows when exposure has settled.

use crate::wire::{Compression, Encoding, Place};

/// Frames after which a picture is taken though no frame was good: better a picture than none.
const PATIENCE: u32 = 60;

/// A picture that is waiting for its frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of the order.
    pub id: u64,
    /// How it is encoded.
    pub encoding: Encoding,
    /// How a DNG is compressed, where one is wanted.
    pub raw: Option<Compression>,
    /// Where it is taken.
    pub place: Option<Place>,
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
    pub fn takes(&mut self, timestamp_ns: u64, quality: Quality) -> bool {
        let good = match quality {
            Quality::Success => true,
            Quality::Startup => self.passed >= PATIENCE,
            Quality::Faulty => false,
        };
        let takes = good && timestamp_ns >= self.not_before_ns;
        self.passed += u32::from(!takes);
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(not_before_ns: u64) -> Wanted {
        Wanted {
            id: 1,
            encoding: Encoding::Png,
            raw: None,
            place: None,
            not_before_ns,
            passed: 0,
        }
    }

    #[test]
    fn the_first_good_frame_in_time_is_taken() {
        let mut wanted = wanted(100);
        assert!(!wanted.takes(99, Quality::Success));
        assert!(!wanted.takes(100, Quality::Faulty));
        assert!(!wanted.takes(101, Quality::Startup));
        assert!(wanted.takes(102, Quality::Success));
    }

    #[test]
    fn patience_ends() {
        let mut wanted = wanted(0);
        for _ in 0..PATIENCE {
            assert!(!wanted.takes(1, Quality::Startup));
        }
        assert!(wanted.takes(1, Quality::Startup));
        assert!(!wanted.takes(1, Quality::Faulty));
    }
}
