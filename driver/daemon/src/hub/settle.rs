//! When a stream's exposure has come to rest, and white balance with it, so that a picture of it is worth keeping.

use crate::report::Frame;

/// libcamera's name of the state of automatic exposure, and its value when it has converged
/// (`include/libcamera/control_ids_core.yaml`).
const AE_STATE: &str = "AeState";
const AE_SEARCHING: i64 = 1;
/// Frames that a change of controls needs to reach the pixels: requests under way, and the sensor's own delay.
const DELAY: u32 = 6;
/// Frames without a search that count as rest: a search can begin anew after the first good guess.
const CALM: u32 = 4;
/// Frames after which nothing more is waited for.
const LIMIT: u32 = 60;

/// Counts frames since the start or the last change of controls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settling {
    frames: u32,
    calm: u32,
}

impl Settling {
    /// A frame was completed.
    pub(super) fn frame(&mut self, frame: &Frame) {
        self.frames = self.frames.saturating_add(1);
        let state = frame
            .metadata
            .get(AE_STATE)
            .and_then(|state| state.as_i64());
        let searching = state == Some(AE_SEARCHING) || self.frames <= DELAY;
        self.calm = if searching { 0 } else { self.calm + 1 };
    }

    /// Whether the last frame was a good one.
    pub(super) fn settled(self) -> bool {
        self.calm >= CALM || self.frames >= LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Values;
    use serde_json::json;

    fn frames_until_settled(state: impl Fn(u32) -> Option<i64>) -> u32 {
        let mut settling = Settling::default();
        for sequence in 0..1000 {
            let metadata = state(sequence).map(|state| (AE_STATE.to_owned(), json!(state)));
            settling.frame(&Frame {
                sequence,
                timestamp_ns: 0,
                metadata: metadata.into_iter().collect::<Values>(),
            });
            if settling.settled() {
                return sequence + 1;
            }
        }
        panic!("never settles");
    }

    #[test]
    fn exposure_is_waited_for_but_not_for_ever() {
        assert_eq!(frames_until_settled(|_| None), DELAY + CALM);
        assert_eq!(frames_until_settled(|_| Some(2)), DELAY + CALM);
        let until = |end| frames_until_settled(move |frame| Some(if frame < end { 1 } else { 2 }));
        assert_eq!(until(20), 20 + CALM);
        assert_eq!(frames_until_settled(|_| Some(AE_SEARCHING)), LIMIT);
    }
}
