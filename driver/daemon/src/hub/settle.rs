//! When a stream's exposure has come to rest, and white balance with it, so that a picture of it is worth keeping.
//!
//! That nothing changes is not enough: frames that were on their way when automatic exposure decided are all alike,
//! and it calls that converged. Rest is when frames stay alike that began after it could decide of the first of them.

use crate::exposure::Exposure;
use crate::report::Frame;
use std::time::Duration;

/// libcamera's name of the state of automatic exposure, and its value when it has converged
/// (`include/libcamera/control_ids_core.yaml`).
const AE_STATE: &str = "AeState";
const AE_SEARCHING: i64 = 1;
/// Frames that a change of controls needs to reach the pixels: requests under way, and the sensor's own delay.
const DELAY: u32 = 6;
/// Frames alike that count as rest: more than the sensor's own delay.
const CALM: u32 = 4;
/// Frames after which nothing more is waited for.
const LIMIT: u32 = 60;

/// Counts frames since the start or the last change of controls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settling {
    frames: u32,
    exposure: Exposure,
    /// When the first one came that the others since are like.
    alike_since: Option<Duration>,
    /// Those of them that began after that.
    calm: u32,
}

impl Settling {
    /// A frame was completed. `now` is by the clock of its timestamp.
    pub(super) fn frame(&mut self, now: Duration, frame: &Frame) {
        self.frames = self.frames.saturating_add(1);
        let state = frame
            .metadata
            .get(AE_STATE)
            .and_then(|state| state.as_i64());
        let steady = self.exposure.is_steady(&frame.metadata);
        if !steady || state == Some(AE_SEARCHING) || self.frames <= DELAY {
            self.alike_since = None;
            self.calm = 0;
            return;
        }
        let since = *self.alike_since.get_or_insert(now);
        self.calm += u32::from(Duration::from_nanos(frame.timestamp_ns) >= since);
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

    /// Frames until rest, of a stream with one frame a second that come `late` seconds after they began.
    fn frames_until_settled(late: u32, metadata: impl Fn(u32) -> Values) -> u32 {
        let mut settling = Settling::default();
        for sequence in 0..1000 {
            let began = Duration::from_secs(sequence.into());
            let frame = Frame {
                sequence,
                timestamp_ns: began.as_nanos() as u64,
                metadata: metadata(sequence),
            };
            settling.frame(began + Duration::from_secs(late.into()), &frame);
            if settling.settled() {
                return sequence + 1;
            }
        }
        panic!("never settles");
    }

    fn state(value: i64) -> Values {
        [(AE_STATE.to_owned(), json!(value))].into()
    }

    fn exposed(microseconds: u32) -> Values {
        let mut values = state(2);
        values.insert("ExposureTime".into(), json!(microseconds));
        values
    }

    #[test]
    fn exposure_is_waited_for_but_not_for_ever() {
        assert_eq!(frames_until_settled(0, |_| Values::new()), DELAY + CALM);
        assert_eq!(frames_until_settled(0, |_| state(2)), DELAY + CALM);
        let until = |end| frames_until_settled(0, move |at| state(if at < end { 1 } else { 2 }));
        assert_eq!(until(20), 20 + CALM);
        assert_eq!(frames_until_settled(0, |_| state(AE_SEARCHING)), LIMIT);
    }

    #[test]
    fn what_was_decided_is_seen_before_it_counts_as_rest() {
        // Ten frames are under way when the first one is judged: all of them are alike, and too dark.
        let until = frames_until_settled(10, |at| exposed(if at < 11 { 1_000 } else { 10_000 }));
        assert_eq!(until, 11 + 1 + 10 + CALM);
    }

    #[test]
    fn one_frame_that_jumps_begins_it_anew() {
        let until = frames_until_settled(0, |at| exposed(if at == 8 { 60_000 } else { 10_000 }));
        assert_eq!(until, 10 + CALM);
    }
}
