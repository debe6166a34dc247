//! How much light frames were given, and whether that jumped from one frame to the next.
//!
//! Automatic exposure that was told late of a change sees pictures that are not what it asked for; what it makes of
//! one such frame shows in one other, some frames later, while its state still says that it has converged.

use crate::report::Values;

/// How much more or less light than the frame before is still the same, as libcamera's own algorithms have it
/// (`errorFactor` in `src/ipa/rpi/controller/rpi/agc_channel.cpp`).
const SAME: f64 = 0.1;

/// The exposure of a stream, followed from frame to frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exposure {
    /// Total exposure of the last frame.
    last: Option<f64>,
}

impl Exposure {
    /// Whether the next frame, of which this is known, is as light as the one before it.
    pub(crate) fn is_steady(&mut self, metadata: &Values) -> bool {
        let now = total(metadata);
        let before = std::mem::replace(&mut self.last, now);
        steady(before, now)
    }
}

/// Exposure time in microseconds times all gains; none where libcamera does not tell.
fn total(metadata: &Values) -> Option<f64> {
    let value = |name| metadata.get(name).and_then(serde_json::Value::as_f64);
    let gains = value("AnalogueGain").unwrap_or(1.0) * value("DigitalGain").unwrap_or(1.0);
    value("ExposureTime").map(|time| time * gains)
}

/// Whether a frame with this total exposure is as light as the one before it, as far as both are known.
fn steady(before: Option<f64>, now: Option<f64>) -> bool {
    let (Some(before), Some(now)) = (before, now) else {
        return true;
    };
    (now - before).abs() <= SAME * before
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_that_makes_a_frame_lighter_counts() {
        let values = |list: &[(&str, f64)]| -> Values {
            let values = list.iter();
            values
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect()
        };
        assert_eq!(total(&Values::new()), None);
        assert_eq!(total(&values(&[("AnalogueGain", 2.0)])), None);
        assert_eq!(total(&values(&[("ExposureTime", 1000.0)])), Some(1000.0));
        let all = [
            ("ExposureTime", 1000.0),
            ("AnalogueGain", 2.0),
            ("DigitalGain", 1.5),
        ];
        assert_eq!(total(&values(&all)), Some(3000.0));
    }

    #[test]
    fn a_jump_is_a_tenth_and_more() {
        assert!(steady(None, Some(1.0)) && steady(Some(1.0), None));
        assert!(steady(Some(1000.0), Some(1100.0)) && steady(Some(1000.0), Some(900.0)));
        assert!(!steady(Some(1000.0), Some(1101.0)) && !steady(Some(1000.0), Some(899.0)));
    }
}
