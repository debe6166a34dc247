//! Auto exposure: how much light a frame should have had, and when the sensor is told.
//!
//! A frame's statistics and the exposure it was taken with say what exposure would have given the target at once, so
//! there is one step and no gradual approach. What makes loops swing is a frame whose exposure is not what it is said
//! to be. Orders take some frames to arrive. libcamera's account of that (0.7, `delayed_controls.cpp`, a ring of 16
//! entries by the sensor's count of frames, read by the requests' count) lags by every frame that was ever lost, or runs
//! ahead by up to a ring's length. So a frame counts only when the exposure that was ordered has been reported for some
//! frames in a row, and not before such a frame can have come at all.
//!
//! The statistics are one histogram and three sums of the whole picture: metering by place is not to be had.

use super::levels::{self, Levels};

/// Frames in a row that must report what was ordered. Longest delay of the sensors that libcamera knows, and one.
const STEADY: u32 = 3;
/// Frames after an order before one with that exposure can come: on their way are those that wait to be processed,
/// the one that is read out, and those of the sensor's delay.
const EARLIEST: u32 = 6;
/// Frames after an order from which on every frame counts, whatever is reported: more than the ring of 16 is long.
const PATIENCE: u32 = 24;
/// Errors up to this one are none: no change that nobody sees.
const DEAD_ZONE: f64 = 0.02;
/// At rest, errors up to this one do not end the rest.
const HYSTERESIS: f64 = 0.04;
/// How far one step may go. Down, since a clipped picture says only that it is too bright; up, since in the dark noise
/// and the last bit of the black level are all there is.
const STEP: [f64; 2] = [1.0 / 16.0, 64.0];
/// Mean luminance below which a level is read as this.
const DARKEST: f64 = 1.0 / 4096.0;
/// A quantile above this is clipped, and nobody knows how much: halve.
const CLIPPED: f64 = 0.97;

/// Which side of a constraint's level the picture may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The quantiles are at most there.
    Upper,
    /// The quantiles are at least there.
    Lower,
}

/// Where a part of the histogram must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constraint {
    /// Which side.
    pub bound: Bound,
    /// Quantiles between which luminance is averaged.
    pub quantiles: [f64; 2],
    /// Luminance relative to white, without black level.
    pub level: f64,
}

/// What a picture should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target<'a> {
    /// Mean luminance relative to white, without black level.
    pub luminance: f64,
    /// What must hold besides, in order; the last one wins.
    pub constraints: &'a [Constraint],
}

/// The state between frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AutoExposure {
    /// Frames in a row that reported what was ordered.
    steady: u32,
    /// Frames since the last order.
    since: u32,
    /// Whether the last frame that counted was as it should be.
    converged: bool,
}

impl AutoExposure {
    /// Whether exposure is at rest.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Frames begin anew.
    pub fn restarted(&mut self) {
        *self = Self::default();
    }

    /// A frame came; `reported` says whether it had the exposure that was ordered last. Returns whether it counts.
    pub fn frame(&mut self, reported: bool) -> bool {
        self.steady = if reported {
            self.steady.saturating_add(1)
        } else {
            0
        };
        self.since = self.since.saturating_add(1);
        (self.steady >= STEADY && self.since >= EARLIEST) || self.since >= PATIENCE
    }

    /// What the exposure of a frame that counts must be multiplied by; `None` at rest.
    pub fn step(&mut self, levels: &Levels, black: f64, target: &Target) -> Option<f64> {
        let factor = factor(levels, black, target);
        let error = (factor - 1.0).abs();
        self.converged = error
            <= if self.converged {
                HYSTERESIS
            } else {
                DEAD_ZONE
            };
        (!self.converged).then_some(factor)
    }

    /// The sensor was told something: frames count again when it is reported.
    pub fn ordered(&mut self) {
        self.steady = 0;
        self.since = 0;
    }
}

/// What the exposure must be multiplied by for the target.
fn factor(levels: &Levels, black: f64, target: &Target) -> f64 {
    let mean = levels::luminance(levels.light(black));
    let mut factor = target.luminance / mean.max(DARKEST);
    for constraint in target.constraints {
        let [low, high] = constraint.quantiles;
        let found = levels.between(low, high);
        let needed = if found >= CLIPPED && constraint.bound == Bound::Upper {
            0.5
        } else {
            constraint.level / ((found - black) / (1.0 - black)).max(DARKEST)
        };
        factor = match constraint.bound {
            Bound::Upper => factor.min(needed),
            Bound::Lower => factor.max(needed),
        };
    }
    factor.clamp(STEP[0], STEP[1])
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::flat;
    use super::*;
    use proptest::prelude::*;

    const TARGET: Target = Target {
        luminance: 0.18,
        constraints: &[],
    };

    fn picture(level: f64) -> Levels {
        Levels::new(&flat([level; 3], 12)).unwrap()
    }

    /// Scene whose light is `scene` per unit of exposure, black level 1/16.
    fn frame(scene: f64, exposure: f64) -> Levels {
        picture((1.0 / 16.0 + 15.0 / 16.0 * scene * exposure).min(1.0))
    }

    #[test]
    fn one_step_from_the_dark_and_rest() {
        let mut auto = AutoExposure::default();
        let factor = auto.step(&frame(0.02, 1.0), 1.0 / 16.0, &TARGET).unwrap();
        assert!((factor - 9.0).abs() < 0.1, "{factor}");
        assert!(!auto.converged());
        assert_eq!(auto.step(&frame(0.02, factor), 1.0 / 16.0, &TARGET), None);
        assert!(auto.converged());
    }

    #[test]
    fn a_frame_counts_when_its_exposure_is_the_ordered_one_for_some_frames() {
        let mut auto = AutoExposure::default();
        auto.ordered();
        let counts = [true; 8].map(|reported| auto.frame(reported));
        let first = counts.iter().position(|counts| *counts);
        assert_eq!(first, Some(EARLIEST as usize - 1), "too early to be true");
        auto.ordered();
        let reports = [
            false, false, true, false, false, false, false, true, true, true,
        ];
        let counts = reports.map(|reported| auto.frame(reported));
        assert_eq!(
            counts.iter().position(|counts| *counts),
            Some(9),
            "three in a row"
        );
    }

    #[test]
    fn an_order_that_is_never_reported_is_not_waited_for_for_ever() {
        let mut auto = AutoExposure::default();
        let waited = (0..100).position(|_| auto.frame(false)).unwrap();
        assert_eq!(waited as u32 + 1, PATIENCE);
    }

    #[test]
    fn from_clipping_down_without_going_below() {
        let (mut auto, mut exposure, mut steps) = (AutoExposure::default(), 1.0, 0);
        while let Some(factor) = auto.step(&frame(20.0, exposure), 1.0 / 16.0, &TARGET) {
            exposure *= factor;
            steps += 1;
            assert!(20.0 * exposure > 0.18 * 0.98, "{exposure}");
        }
        assert!(steps <= 4, "{steps}");
    }

    #[test]
    fn a_constraint_on_highlights_darkens_and_one_on_shadows_brightens() {
        let mut statistics = flat([0.1; 3], 8);
        statistics.histogram[6] = 9000;
        statistics.histogram[60] = 1000;
        let levels = Levels::new(&statistics).unwrap();
        let with = |bound, level, quantiles| {
            let constraints = [Constraint {
                bound,
                quantiles,
                level,
            }];
            let target = Target {
                luminance: 0.1,
                constraints: &constraints,
            };
            factor(&levels, 0.0, &target)
        };
        assert!(with(Bound::Upper, 0.5, [0.98, 1.0]) < 0.55);
        assert!(with(Bound::Lower, 0.3, [0.0, 0.5]) > 2.5);
    }

    proptest! {
        #[test]
        fn whatever_the_scene_it_comes_to_rest_without_swinging(scene in -4.0..4.0f64, start in -4.0..4.0f64) {
            let (scene, mut exposure) = (10f64.powf(scene), 10f64.powf(start));
            let mut auto = AutoExposure::default();
            let above = scene * exposure > 0.18;
            for _ in 0..20 {
                match auto.step(&frame(scene, exposure), 1.0 / 16.0, &TARGET) {
                    Some(factor) => exposure *= factor,
                    None => break,
                }
                // From above it stays above, from below it does not come into clipping.
                let level = scene * exposure;
                prop_assert!(if above { level > 0.17 } else { level < 0.25 }, "{level}");
            }
            prop_assert!(auto.converged(), "{}", scene * exposure);
            prop_assert!((scene * exposure / 0.18 - 1.0).abs() < 0.05);
        }
    }
}
