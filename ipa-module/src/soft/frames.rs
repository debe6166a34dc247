//! What each frame's picture is made with, kept until its statistics come.

use crate::algorithms::matrix::{IDENTITY, Matrix};
use crate::algorithms::white_balance::Light;
use crate::tuning::Look;

/// Frames that are remembered: more than are ever on their way.
const DEPTH: usize = 32;

/// What one picture is made with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) light: Light,
    pub(super) correction: Matrix,
    pub(super) look: Look,
    pub(super) digital_gain: f64,
}

impl Frame {
    pub(super) fn new(light: Light, look: Look) -> Self {
        Self {
            light,
            correction: IDENTITY,
            look,
            digital_gain: 1.0,
        }
    }
}

/// The last frames by their numbers.
#[derive(Debug)]
pub(super) struct Frames {
    last: Frame,
    frames: [Option<(u32, Frame)>; DEPTH],
}

impl Frames {
    pub(super) fn new(first: Frame) -> Self {
        Self {
            last: first,
            frames: [None; DEPTH],
        }
    }

    pub(super) fn put(&mut self, number: u32, frame: Frame) {
        self.frames[number as usize % DEPTH] = Some((number, frame));
        self.last = frame;
    }

    /// What a frame was made with; for one that was forgotten or never announced, the last one.
    pub(super) fn get(&self, number: u32) -> Frame {
        match self.frames[number as usize % DEPTH] {
            Some((found, frame)) if found == number => frame,
            _ => self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_until_its_place_is_taken() {
        let frame = |gain| Frame {
            digital_gain: gain,
            ..Frame::new(
                Light {
                    kelvin: 5000.0,
                    gains: [1.0; 2],
                },
                Look::NATURAL,
            )
        };
        let mut frames = Frames::new(frame(1.0));
        assert_eq!(frames.get(7), frame(1.0));
        for number in 0..40 {
            frames.put(number, frame(f64::from(number)));
        }
        assert_eq!(frames.get(20), frame(20.0));
        assert_eq!(frames.get(2), frame(39.0));
    }
}
