//! What a frame's statistics say: mean levels and the distribution of luminance.
//!
//! libcamera's software ISP (0.7, `swstats_cpu.cpp`) samples every other block of four pixels in each direction and
//! gives the sums of red, green and blue over the samples and a histogram of their luminance. The sums are in units of
//! the samples in memory, which for packed formats are eight bits wide whatever the sensor's are. How wide the sensor's
//! are libcamera says only at `init`, and then of the mode that another process may have left it in. The histogram is
//! relative to the full scale, so it tells which they are.

use crate::soft::exchange::{HISTOGRAM, Statistics};

/// Shares of red, green and blue in the histogram's luminance: ITU-R BT.601.
pub const LUMINANCE: [f64; 3] = [0.299, 0.587, 0.114];

/// Widths of samples that the software ISP counts.
const WIDTHS: [u32; 3] = [8, 10, 12];

/// Fewer samples than this say nothing; a picture of 64 by 64 pixels has more.
const FEWEST: u64 = 64;

/// Bins from this one on are taken for clipped: a sum of clipped channels need not be in the last bin.
const CLIPPED: usize = HISTOGRAM - 2;

/// A frame in numbers, black level included, relative to the sensor's full scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Means of red, green and blue.
    pub mean: [f64; 3],
    /// Shares of the samples by luminance; they sum to 1.
    pub histogram: [f64; HISTOGRAM],
}

impl Levels {
    /// Reads statistics; `None` when they say nothing.
    pub fn new(statistics: &Statistics) -> Option<Self> {
        let count: u64 = statistics.histogram.iter().map(|&bin| u64::from(bin)).sum();
        if count < FEWEST {
            return None;
        }
        let histogram = statistics
            .histogram
            .map(|bin| f64::from(bin) / count as f64);
        let sums = statistics.sums.map(|sum| sum as f64 / count as f64);
        let from_sums: f64 = luminance(sums);
        let from_histogram: f64 = (0..HISTOGRAM).map(|bin| histogram[bin] * centre(bin)).sum();
        let scales = WIDTHS.map(|bits| f64::from((1u32 << bits) - 1));
        let distance = |full: &f64| (from_sums / full / from_histogram).ln().abs();
        let full = scales
            .into_iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        let mean = sums.map(|sum| sum / full);
        // A bin is one part in 64, so more than the full scale is another format than we think of.
        mean.iter()
            .all(|&level| level <= 1.0 + 2.0 / HISTOGRAM as f64)
            .then(|| Self {
                mean: mean.map(|level| level.min(1.0)),
                histogram,
            })
    }

    /// Means without the black level, 0..=1; none below zero.
    pub fn light(&self, black: f64) -> [f64; 3] {
        self.mean
            .map(|level| ((level - black) / (1.0 - black)).max(0.0))
    }

    /// Share of the samples that are clipped, 0..=1.
    pub fn clipped(&self) -> f64 {
        self.histogram[CLIPPED..].iter().sum()
    }

    /// Mean luminance of the samples between two quantiles, black level included.
    pub fn between(&self, low: f64, high: f64) -> f64 {
        let (mut below, mut sum, mut weight) = (0.0, 0.0, 0.0);
        for bin in 0..HISTOGRAM {
            let above = below + self.histogram[bin];
            let part = (above.min(high) - f64::max(below, low)).max(0.0);
            sum += part * centre(bin);
            weight += part;
            below = above;
        }
        // Quantiles that rounding left no sample between: the brightest.
        if weight > 0.0 {
            sum / weight
        } else {
            centre(HISTOGRAM - 1)
        }
    }

    /// Luminance below which this share of the samples lies, black level included.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut below = 0.0;
        for bin in 0..HISTOGRAM {
            below += self.histogram[bin];
            if below >= share {
                return bin as f64 / HISTOGRAM as f64;
            }
        }
        1.0
    }
}

/// Luminance of a colour.
pub fn luminance(colour: [f64; 3]) -> f64 {
    colour
        .iter()
        .zip(LUMINANCE)
        .map(|(level, share)| level * share)
        .sum()
}

fn centre(bin: usize) -> f64 {
    (bin as f64 + 0.5) / HISTOGRAM as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Statistics of samples that all have these levels.
    pub(crate) fn flat(levels: [f64; 3], bits: u32) -> Statistics {
        const COUNT: u32 = 10_000;
        let full = f64::from((1u32 << bits) - 1);
        let mut histogram = [0; HISTOGRAM];
        let bin = (luminance(levels) * HISTOGRAM as f64) as usize;
        histogram[bin.min(HISTOGRAM - 1)] = COUNT;
        Statistics {
            sums: levels.map(|level| (level * full).round() as u64 * u64::from(COUNT)),
            histogram,
        }
    }

    #[test]
    fn the_width_of_samples_is_found_in_the_histogram() {
        for bits in WIDTHS {
            for level in [0.005, 0.012, 0.0625, 0.2, 0.9, 1.0] {
                let levels = Levels::new(&flat([level; 3], bits)).unwrap();
                assert!(
                    (levels.mean[1] - level).abs() < 0.003,
                    "{level} in {bits} bits: {:?}",
                    levels.mean
                );
            }
        }
    }

    #[test]
    fn statistics_that_say_nothing_are_refused() {
        let good = flat([0.3; 3], 10);
        let mut none = good.clone();
        none.histogram = [0; HISTOGRAM];
        assert_eq!(Levels::new(&none), None);
        none = good;
        none.sums = [u64::MAX; 3];
        assert_eq!(Levels::new(&none), None);
    }

    #[test]
    fn quantiles_are_those_of_the_histogram() {
        let mut statistics = flat([0.1; 3], 8);
        statistics.histogram = [0; HISTOGRAM];
        statistics.histogram[6] = 5000;
        statistics.histogram[63] = 5000;
        let levels = Levels::new(&statistics).unwrap();
        assert_eq!(levels.clipped(), 0.5);
        assert_eq!(levels.quantile(0.25), 6.0 / 64.0);
        assert_eq!(levels.between(0.75, 1.0), 63.5 / 64.0);
        assert!((levels.between(0.25, 0.75) - 35.0 / 64.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn whatever_comes_levels_are_levels(
            sums in proptest::array::uniform3(any::<u64>()),
            histogram in proptest::collection::vec(any::<u32>(), HISTOGRAM),
        ) {
            let histogram = histogram.try_into().unwrap();
            if let Some(levels) = Levels::new(&Statistics { sums, histogram }) {
                prop_assert!(levels.mean.iter().all(|level| (0.0..=1.0).contains(level)));
                prop_assert!((0.0..=1.0).contains(&levels.between(0.1, 0.9)));
                prop_assert!(levels.light(0.1).iter().all(|level| (0.0..=1.0).contains(level)));
            }
        }
    }
}
