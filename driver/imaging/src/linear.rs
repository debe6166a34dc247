//! Samples as they are stored to samples that are proportional to light and white-balanced.
//!
//! White is far below the largest number, so that what shading or white balance brightens stays; black is above zero,
//! so that noise stays which is below black. Cutting either off here would colour what is very bright or very dark.

use crate::dng::negative::Raw;
use crate::shading::colour_at;
use pulp::Arch;

/// Level of black in linear samples: more than a sensor's noise in the dark at its highest gain.
pub(crate) const BLACK: f32 = 512.0;
/// Largest distance between black and white: two stops are left above it.
const RANGE: f64 = 16000.0;
/// How much shading may brighten white before the largest number is reached.
const ROOM: f64 = 2.0;
/// Largest linear sample.
pub(crate) const LARGEST: f32 = u16::MAX as f32;
/// Samples that are worked on at once.
const STEP: usize = 8;

/// What samples are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Linear {
    /// In the order of the first two rows and columns.
    black: [f32; 4],
    factors: [f32; 4],
    /// Distance between black and a neutral white, where white balance does not brighten it.
    pub(crate) range: f32,
    /// Distance from black of a saturated sample of each colour.
    pub(crate) saturated: [f32; 3],
}

impl Linear {
    /// `gains` are those of white balance, the smallest 1. White is to be above black.
    pub(crate) fn new(raw: &Raw, gains: [f64; 3]) -> Self {
        let largest = gains.into_iter().fold(1.0, f64::max);
        let range = RANGE.min((f64::from(LARGEST) - f64::from(BLACK)) / (ROOM * largest));
        let factor = |phase: usize| {
            let gain = gains[colour_at(raw.pattern, phase % 2, phase / 2)];
            (range * gain / (f64::from(raw.white) - raw.black[phase])) as f32
        };
        Self {
            black: raw.black.map(|level| level as f32),
            factors: [0, 1, 2, 3].map(factor),
            range: range as f32,
            saturated: gains.map(|gain| (range * gain) as f32),
        }
    }

    /// A row of the active area; `shading` are its gains, if it has any.
    ///
    /// # Panics
    /// When `out` or `shading` is shorter than the row.
    pub(crate) fn row(
        &self,
        arch: Arch,
        samples: &[u16],
        y: usize,
        shading: Option<&[f32]>,
        out: &mut [u16],
    ) {
        let first = 2 * (y % 2);
        let [black, factors] = [self.black, self.factors]
            .map(|levels| std::array::from_fn::<f32, STEP, _>(|index| levels[first + index % 2]));
        let out = &mut out[..samples.len()];
        arch.dispatch(|| match shading {
            Some(shading) => {
                let (gains, last_gains) = shading[..samples.len()].as_chunks::<STEP>();
                let (steps, last) = samples.as_chunks::<STEP>();
                let (outs, last_out) = out.as_chunks_mut::<STEP>();
                for ((step, gains), out) in steps.iter().zip(gains).zip(outs) {
                    for index in 0..STEP {
                        let value = f32::from(step[index]) - black[index];
                        out[index] = stored(value * factors[index] * gains[index]);
                    }
                }
                for index in 0..last.len() {
                    let value = f32::from(last[index]) - black[index];
                    last_out[index] = stored(value * factors[index] * last_gains[index]);
                }
            }
            None => {
                let (steps, last) = samples.as_chunks::<STEP>();
                let (outs, last_out) = out.as_chunks_mut::<STEP>();
                for (step, out) in steps.iter().zip(outs) {
                    for index in 0..STEP {
                        let value = f32::from(step[index]) - black[index];
                        out[index] = stored(value * factors[index]);
                    }
                }
                for index in 0..last.len() {
                    let value = f32::from(last[index]) - black[index];
                    last_out[index] = stored(value * factors[index]);
                }
            }
        });
    }
}

#[inline(always)]
fn stored(value: f32) -> u16 {
    (value + BLACK + 0.5).clamp(0.0, LARGEST) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demosaic::Pattern;

    fn raw() -> Raw {
        Raw {
            width: 19,
            height: 4,
            pattern: Pattern::Gbrg,
            bits: 12,
            black: [200.0, 210.0, 190.0, 205.0],
            white: 4095,
            active: [0, 0, 4, 19],
        }
    }

    fn row(samples: &[u16], y: usize, gains: [f64; 3], shading: Option<&[f32]>) -> Vec<u16> {
        let mut out = vec![0; samples.len()];
        let linear = Linear::new(&raw(), gains);
        linear.row(Arch::new(), samples, y, shading, &mut out);
        out
    }

    #[test]
    fn black_of_each_filter_is_black_and_white_is_white() {
        for y in 0..2 {
            let black: Vec<u16> = (0..19).map(|x| raw().black[2 * y + x % 2] as u16).collect();
            assert_eq!(row(&black, y, [1.5, 1.0, 2.0], None), [512; 19]);
            let white = row(&[4095; 19], y, [1.5, 1.0, 2.0], None);
            // Green, blue; red, green.
            let expected = [[16512, 32512], [24512, 16512]][y];
            assert!(
                white
                    .iter()
                    .enumerate()
                    .all(|(x, it)| *it == expected[x % 2]),
                "{white:?}"
            );
        }
    }

    #[test]
    fn what_is_below_black_stays_below_it() {
        assert!(
            row(&[150; 19], 0, [1.0; 3], None)
                .iter()
                .all(|it| (250..350).contains(it))
        );
    }

    #[test]
    fn shading_brightens_around_black() {
        let shading: Vec<f32> = (0..19).map(|x| 1.0 + x as f32 / 10.0).collect();
        let plain = row(&[1000; 19], 1, [1.0; 3], None);
        let found = row(&[1000; 19], 1, [1.0; 3], Some(&shading));
        for x in 0..19 {
            let expected = BLACK + (f32::from(plain[x]) - BLACK) * shading[x];
            assert!((f32::from(found[x]) - expected).abs() <= 1.5, "{x}");
        }
        assert_eq!(
            row(&[4095; 19], 1, [1.0; 3], Some(&[64.0; 19])),
            [65535; 19]
        );
    }

    #[test]
    fn a_strong_white_balance_leaves_room_as_well() {
        let linear = Linear::new(&raw(), [1.0, 1.0, 20.0]);
        assert!(linear.saturated[2] * 2.0 <= LARGEST);
        assert_eq!(linear.saturated[0], linear.range);
    }
}
