//! Linear light to the numbers of a picture: how bright is what, how colourful, and sRGB's curve.

use crate::light;
use crate::matrix::Matrix;

/// What a picture is to look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// As it was; only what is nearly white is drawn together, so that brighter things still differ.
    #[default]
    Natural,
    /// More contrast around a middle grey, and more colour.
    Vivid,
}

/// Linear level from which highlights are drawn together: brighter than a white sheet of paper in a picture that is
/// exposed for grey.
const KNEE: f64 = 0.8;
/// Middle of the contrast, as sRGB encodes it: 18 % grey.
const MIDDLE: f64 = 0.46;
/// Contrast of [`Look::Vivid`] beside none, at the middle, and what its colours are multiplied by. Good enough.
const CONTRAST: f64 = 0.22;
const COLOUR: f64 = 1.2;

/// What is added to a level before its place in the table is looked for, so that near zero steps have one size.
const OFFSET: f32 = 1.0 / 256.0;
/// Largest level that the table has; brighter ones are as bright.
const LARGEST: f32 = 16.0;

impl Look {
    /// Makes linear sRGB more or less colourful; greys stay.
    pub(crate) fn colours(self) -> Matrix {
        let saturation = match self {
            Self::Natural => 1.0,
            Self::Vivid => COLOUR,
        };
        let weights = light::SRGB_TO_XYZ[1];
        std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                let own = if row == column { saturation } else { 0.0 };
                own + (1.0 - saturation) * weights[column]
            })
        })
    }

    /// What a linear level is in the picture, 0 to 1. `white` is the level that becomes 1.
    fn shown(self, level: f64, white: f64) -> f64 {
        let level = highlights(level.max(0.0), white);
        let encoded = encoded(level);
        match self {
            Self::Natural => encoded,
            Self::Vivid => {
                let bend = 4.0 * CONTRAST * encoded * (1.0 - encoded);
                encoded + bend * (encoded - MIDDLE)
            }
        }
    }
}

/// Levels above the knee, drawn together so that `white` becomes 1: a hyperbola that leaves the knee without a bend.
fn highlights(level: f64, white: f64) -> f64 {
    let white = white.max(1.0);
    if level <= KNEE {
        return level;
    }
    let along = (level.min(white) - KNEE) / (white - KNEE);
    let steepness = (white - KNEE) / (1.0 - KNEE);
    KNEE + (1.0 - KNEE) * steepness * along / (1.0 + (steepness - 1.0) * along)
}

/// sRGB's curve (IEC 61966-2-1).
pub(crate) fn encoded(level: f64) -> f64 {
    if level <= 0.003_130_8 {
        12.92 * level
    } else {
        1.055 * level.powf(1.0 / 2.4) - 0.055
    }
}

/// A look's curve as a table, for pictures of sixteen bits: between its steps it is straight.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Values at steps and their growth up to the next one.
    steps: Vec<[f32; 2]>,
}

/// The same for pictures of eight bits, with so many steps that nothing is left to do between them.
#[derive(Clone, Debug)]
pub(crate) struct FineCurve {
    numbers: Vec<u8>,
}

/// Bits of a number's fraction that choose the place in the tables.
const FRACTION: u32 = 7;
const FINE_FRACTION: u32 = 9;

/// Number of the step that a level is in, where so many bits of its fraction choose it, and the level as it is in the
/// table.
#[inline(always)]
fn step_of(level: f32, fraction: u32) -> (usize, f32) {
    let shift = f32::MANTISSA_DIGITS - 1 - fraction;
    // What is not a number becomes black; a clamp would leave it.
    let positive = if level > 0.0 { level } else { 0.0 };
    let moved = positive.min(LARGEST) + OFFSET;
    let first = OFFSET.to_bits() >> shift;
    (((moved.to_bits() >> shift) - first) as usize, moved)
}

/// Levels at which steps begin, one more than there are steps.
fn steps(fraction: u32) -> impl Iterator<Item = f64> {
    let shift = f32::MANTISSA_DIGITS - 1 - fraction;
    let ends = [OFFSET, OFFSET + LARGEST].map(|end| end.to_bits() >> shift);
    let begin = move |step: u32| f64::from(f32::from_bits(step << shift)) - f64::from(OFFSET);
    (ends[0]..ends[1] + 2).map(begin)
}

impl Curve {
    /// `white` is the level that becomes the largest number.
    pub(crate) fn new(look: Look, white: f64) -> Self {
        let white = white.min(f64::from(LARGEST));
        let value = |level: f64| f64::from(u16::MAX) * look.shown(level, white);
        let steps = steps(FRACTION)
            .zip(steps(FRACTION).skip(1))
            .map(|(level, next)| {
                let here = value(level);
                [here, (value(next) - here) / (next - level)].map(|it| it as f32)
            });
        Self {
            steps: steps.collect(),
        }
    }

    /// A linear level's number in the picture.
    #[inline(always)]
    pub(crate) fn at(&self, level: f32) -> u16 {
        const BELOW: u32 = (1 << (f32::MANTISSA_DIGITS - 1 - FRACTION)) - 1;
        let (step, moved) = step_of(level, FRACTION);
        let [value, growth] = self.steps[step];
        let begin = f32::from_bits(moved.to_bits() & !BELOW);
        (value + growth * (moved - begin) + 0.5) as u16
    }
}

impl FineCurve {
    /// `white` is the level that becomes the largest number.
    pub(crate) fn new(look: Look, white: f64) -> Self {
        let white = white.min(f64::from(LARGEST));
        let ends = steps(FINE_FRACTION).zip(steps(FINE_FRACTION).skip(1));
        let numbers = ends.enumerate().map(|(index, (level, next))| {
            // The first step is black itself as well.
            let level = if index == 0 {
                0.0
            } else {
                0.5 * (level + next)
            };
            (f64::from(u8::MAX) * look.shown(level, white)).round() as u8
        });
        Self {
            numbers: numbers.collect(),
        }
    }

    /// A linear level's number in the picture.
    #[inline(always)]
    pub(crate) fn at(&self, level: f32) -> u8 {
        self.numbers[step_of(level, FINE_FRACTION).0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix;

    const LOOKS: [Look; 2] = [Look::Natural, Look::Vivid];

    fn numbers(look: Look, white: f64) -> impl Fn(f64) -> f64 {
        let curve = Curve::new(look, white);
        move |level| f64::from(curve.at(level as f32)) / 257.0
    }

    #[test]
    fn below_the_knee_a_natural_picture_is_srgb() {
        let natural = numbers(Look::Natural, 2.0);
        // IEC 61966-2-1.
        for (level, expected) in [(0.0, 0.0), (0.002, 6.589), (0.18, 117.65), (0.5, 187.52)] {
            assert!((natural(level) - expected).abs() < 0.01, "{level}");
        }
    }

    #[test]
    fn the_tables_are_the_curve() {
        for look in LOOKS {
            for white in [1.0, 1.9, 8.0] {
                let (curve, fine) = (Curve::new(look, white), FineCurve::new(look, white));
                for index in 0..20000 {
                    // Up to white itself, where the curve may end with a bend.
                    let level = f64::from(index) / 20200.0 * white;
                    let expected = look.shown(level, white);
                    let error = f64::from(curve.at(level as f32)) - 65535.0 * expected;
                    // Rounding, and a little more where the knee is.
                    assert!(error.abs() < 2.0, "{look:?} {white} {level}: {error}");
                    let error = f64::from(fine.at(level as f32)) - 255.0 * expected;
                    assert!(error.abs() < 0.75, "{look:?} {white} {level}: {error}");
                }
            }
        }
    }

    #[test]
    fn brighter_is_never_darker_and_white_is_white() {
        for look in LOOKS {
            for white in [0.3, 1.0, 1.9, 8.0, 100.0] {
                let (curve, fine) = (Curve::new(look, white), FineCurve::new(look, white));
                let mut last = (0, 0);
                for index in 0..4000 {
                    let level = index as f32 / 200.0;
                    let now = (curve.at(level), fine.at(level));
                    assert!(
                        now.0 >= last.0 && now.1 >= last.1,
                        "{look:?} {white} {level}"
                    );
                    last = now;
                }
                assert_eq!(last, (65535, 255));
                assert_eq!(fine.at(white.max(1.0) as f32), 255);
                assert_eq!((curve.at(0.0), fine.at(0.0)), (0, 0));
            }
        }
    }

    #[test]
    fn above_the_knee_levels_still_differ() {
        let natural = numbers(Look::Natural, 1.9);
        let levels = [0.79, 0.81, 1.0, 1.4, 1.9].map(&natural);
        assert!(levels.is_sorted_by(|a, b| b - a > 1.0), "{levels:?}");
        let slope = |level: f64| (natural(level + 0.005) - natural(level)) / 0.005;
        assert!(
            (slope(0.79) - slope(0.802)).abs() < 6.0,
            "no bend at the knee"
        );
    }

    #[test]
    fn what_is_no_level_is_black_or_white() {
        let (curve, fine) = (
            Curve::new(Look::Vivid, 2.0),
            FineCurve::new(Look::Vivid, 2.0),
        );
        for (level, expected) in [(f32::NAN, 0), (-1e30, 0), (f32::INFINITY, 255), (1e9, 255)] {
            assert_eq!(fine.at(level), expected);
            assert_eq!(curve.at(level), u16::from(expected) * 257);
        }
    }

    #[test]
    fn vivid_has_more_contrast_and_more_colour() {
        let [natural, vivid] = LOOKS.map(|look| numbers(look, 2.0));
        assert!(vivid(0.05) < natural(0.05) - 3.0);
        assert!(vivid(0.5) > natural(0.5) + 3.0);
        assert!((vivid(0.18) - natural(0.18)).abs() < 0.5);
        let colours = Look::Vivid.colours();
        let grey = matrix::applied(&colours, [0.4; 3]);
        assert!(grey.iter().all(|level| (level - 0.4).abs() < 1e-9));
        let [red, green, _] = matrix::applied(&colours, [0.6, 0.3, 0.3]);
        assert!(red - green > 0.35, "{red} {green}");
        assert_eq!(Look::Natural.colours(), matrix::diagonal([1.0; 3]));
    }
}
