//! Pictures that were ordered: which frames they are made of. `bayonetd` knows when exposure has settled.

use crate::exposure::Exposure;
use crate::report::Frame;
use crate::wire::{Compression, Encoding, Place};
use std::collections::VecDeque;

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
    /// Start of the exposure at the earliest, nanoseconds of the frames' clock.
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

/// All that wait, in the order in which they were ordered.
#[derive(Debug, Default)]
pub struct Stills {
    wanted: VecDeque<Wanted>,
    /// One is made at a time, so that buffers are left for the stream.
    making: bool,
    exposure: Exposure,
}

impl Stills {
    /// One more is wanted.
    pub fn order(&mut self, wanted: Wanted) {
        self.wanted.push_back(wanted);
    }

    /// A frame was completed; the picture that is to be made of it. Until [`Self::made`] there is no other.
    pub fn frame(&mut self, frame: &Frame, quality: Quality) -> Option<Wanted> {
        let steady = self.exposure.is_steady(&frame.metadata);
        if self.making {
            return None;
        }
        let takes = |it: &mut Wanted| it.takes(frame.timestamp_ns, quality, steady);
        let place = self.wanted.iter_mut().position(takes)?;
        self.making = true;
        self.wanted.remove(place)
    }

    /// The last one was made, or could not be.
    pub fn made(&mut self) {
        self.making = false;
    }
}

impl Wanted {
    /// Whether the picture is to be made of this frame, which is `steady` if it is as light as the one before; counts
    /// it if not.
    fn takes(&mut self, timestamp_ns: u64, quality: Quality, steady: bool) -> bool {
        let good = match quality {
            Quality::Success => steady || self.passed >= PATIENCE,
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
    use serde_json::json;

    fn wanted(id: u64, not_before_ns: u64) -> Wanted {
        Wanted {
            id,
            encoding: Encoding::Png,
            raw: None,
            place: None,
            not_before_ns,
            passed: 0,
        }
    }

    fn frame(timestamp_ns: u64, exposure: u32) -> Frame {
        Frame {
            sequence: 0,
            timestamp_ns,
            metadata: [("ExposureTime".to_owned(), json!(exposure))].into(),
        }
    }

    /// The number of the picture that is made of such a frame.
    fn takes(stills: &mut Stills, frame: &Frame, quality: Quality) -> Option<u64> {
        stills.frame(frame, quality).map(|wanted| wanted.id)
    }

    #[test]
    fn the_first_good_frame_in_time_is_taken() {
        let mut stills = Stills::default();
        stills.order(wanted(7, 100));
        for (at, exposure, quality) in [
            (99, 1000, Quality::Success),
            (100, 1000, Quality::Faulty),
            (101, 1000, Quality::Startup),
            // As light as none before it, and the next one as none before it again.
            (102, 3000, Quality::Success),
            (103, 1000, Quality::Success),
        ] {
            assert_eq!(takes(&mut stills, &frame(at, exposure), quality), None);
        }
        let good = frame(104, 1050);
        assert_eq!(takes(&mut stills, &good, Quality::Success), Some(7));
        assert_eq!(takes(&mut stills, &good, Quality::Success), None);
    }

    #[test]
    fn one_is_made_at_a_time_the_first_one_first() {
        let mut stills = Stills::default();
        stills.order(wanted(1, 0));
        stills.order(wanted(2, 0));
        let good = frame(1, 1000);
        assert_eq!(takes(&mut stills, &good, Quality::Success), Some(1));
        assert_eq!(takes(&mut stills, &good, Quality::Success), None);
        stills.made();
        assert_eq!(takes(&mut stills, &good, Quality::Success), Some(2));
    }

    #[test]
    fn patience_ends() {
        for (first, quality) in [(1000, Quality::Startup), (9000, Quality::Success)] {
            let mut stills = Stills::default();
            stills.order(wanted(1, 0));
            // A frame before it, so that there is one to be unlike.
            let mut exposure = first;
            stills.making = true;
            stills.frame(&frame(0, 1000), Quality::Success);
            stills.made();
            let faulty = std::iter::once(Quality::Faulty);
            for quality in [quality; PATIENCE as usize].into_iter().chain(faulty) {
                assert_eq!(takes(&mut stills, &frame(1, exposure), quality), None);
                exposure = if exposure == first { 1000 } else { first };
            }
            assert_eq!(takes(&mut stills, &frame(1, exposure), quality), Some(1));
        }
    }
}
