//! How many samples of each colour are how large: the raw histogram, which white balance and curves do not change.

use crate::demosaic::Mosaic;
use crate::dng::negative::Raw;
use crate::shading::colour_at;
use pulp::Arch;
use std::ops::Range;

/// Parts that the range of samples is divided into.
pub const BINS: usize = 256;

/// Counts of a frame's samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// In the order of the first two rows and columns.
    counts: [[u32; BINS]; 4],
    saturated: [u32; 4],
    /// Samples are divided by two to this power.
    shift: u32,
    white: u16,
    /// Colours in the same order.
    colours: [usize; 4],
}

impl Histogram {
    /// Of nothing yet, for samples like these.
    pub fn new(raw: &Raw) -> Self {
        Self {
            counts: [[0; BINS]; 4],
            saturated: [0; 4],
            shift: u32::from(raw.bits.clamp(8, 16)) - BINS.ilog2(),
            white: raw.white,
            colours: [0, 1, 2, 3].map(|phase| colour_at(raw.pattern, phase % 2, phase / 2)),
        }
    }

    /// Forgets all samples, for the next frame.
    pub fn clear(&mut self) {
        self.counts = [[0; BINS]; 4];
        self.saturated = [0; 4];
    }

    /// Counts the samples of these rows.
    ///
    /// # Panics
    /// When the mosaic has no such rows.
    pub fn rows(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>) {
        let arch = Arch::new();
        for y in rows {
            let samples = &mosaic.samples[y * mosaic.stride..][..mosaic.width];
            let first = 2 * (y % 2);
            let (pairs, last) = samples.as_chunks::<2>();
            let [left, right] = &mut self.counts[first..first + 2] else {
                unreachable!("two of four");
            };
            let shift = self.shift;
            let bin = |sample: u16| usize::from(sample >> shift).min(BINS - 1);
            for [a, b] in pairs {
                left[bin(*a)] += 1;
                right[bin(*b)] += 1;
            }
            for sample in last {
                left[bin(*sample)] += 1;
            }
            let white = self.white;
            let [mut a, mut b] = arch.dispatch(|| {
                let is_white = |sample: u16| u32::from(sample >= white);
                pairs.iter().fold([0, 0], |[a, b], pair| {
                    [a + is_white(pair[0]), b + is_white(pair[1])]
                })
            });
            a += last.iter().filter(|sample| **sample >= white).count() as u32;
            (a, b) = (a + self.saturated[first], b + self.saturated[first + 1]);
            (self.saturated[first], self.saturated[first + 1]) = (a, b);
        }
    }

    /// Adds what another one has counted of the same kind of samples.
    pub fn add(&mut self, other: &Self) {
        let counts = self.counts.as_flattened_mut().iter_mut();
        for (count, other) in counts.zip(other.counts.as_flattened()) {
            *count += other;
        }
        for (count, other) in self.saturated.iter_mut().zip(other.saturated) {
            *count += other;
        }
    }

    /// Counts of red (0), green (1) or blue (2): of samples from 0 to all bits set, in equal parts.
    pub fn counts(&self, colour: usize) -> [u32; BINS] {
        let mut counts = [0; BINS];
        for (phase, _) in self.phases(colour) {
            for (count, other) in counts.iter_mut().zip(self.counts[phase]) {
                *count += other;
            }
        }
        counts
    }

    /// How many samples of red (0), green (1) or blue (2) are at white or above.
    pub fn saturated(&self, colour: usize) -> u32 {
        self.phases(colour)
            .map(|(phase, _)| self.saturated[phase])
            .sum()
    }

    fn phases(&self, colour: usize) -> impl Iterator<Item = (usize, usize)> {
        let phases = self.colours.into_iter().enumerate();
        phases.filter(move |(_, of)| *of == colour)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Frame, NOISE};
    use super::*;
    use crate::demosaic::Pattern;

    #[test]
    fn every_sample_is_counted_in_its_colour_and_bin() {
        for pattern in [Pattern::Rggb, Pattern::Grbg, Pattern::Gbrg, Pattern::Bggr] {
            let mut frame = Frame::new(pattern, [17, 9], NOISE, |_, _| 0.0);
            for (index, sample) in frame.samples.iter_mut().enumerate() {
                *sample = [16, 1600, 4095][colour_at(pattern, index % 17, index / 17)];
            }
            let mut histogram = Histogram::new(&frame.raw);
            histogram.rows(&frame.mosaic(), 0..9);
            for (colour, bin) in [(0, 1), (1, 100), (2, 255)] {
                let of = |index: &usize| colour_at(pattern, index % 17, index / 17) == colour;
                let expected = (0..17 * 9).filter(of).count() as u32;
                let counts = histogram.counts(colour);
                assert_eq!(counts[bin], expected, "{pattern:?} {colour}");
                assert_eq!(counts.iter().sum::<u32>(), expected);
                let saturated = if colour == 2 { expected } else { 0 };
                assert_eq!(histogram.saturated(colour), saturated);
            }
        }
    }

    #[test]
    fn white_may_be_below_all_bits_set() {
        let mut frame = Frame::new(Pattern::Rggb, [8, 4], NOISE, |_, _| 0.1);
        frame.raw.white = 4000;
        (frame.samples[0], frame.samples[1], frame.samples[9]) = (4000, 4001, 3999);
        let mut histogram = Histogram::new(&frame.raw);
        histogram.rows(&frame.mosaic(), 0..4);
        assert_eq!(
            [0, 1, 2].map(|colour| histogram.saturated(colour)),
            [1, 1, 0]
        );
    }

    #[test]
    fn parts_add_up_and_are_forgotten() {
        let frame = Frame::new(Pattern::Gbrg, [40, 30], NOISE, |x, y| (x + y) / 60.0);
        let mut whole = Histogram::new(&frame.raw);
        let empty = whole.clone();
        whole.rows(&frame.mosaic(), 0..30);
        let mut sum = empty.clone();
        for first in [0, 7, 14, 21] {
            let mut part = empty.clone();
            part.rows(&frame.mosaic(), first..(first + 7).min(28));
            sum.add(&part);
        }
        sum.rows(&frame.mosaic(), 28..30);
        assert_eq!(whole, sum);
        assert!(whole.saturated(1) > 0);
        whole.clear();
        assert_eq!(whole, empty);
    }

    #[test]
    fn samples_beyond_the_bits_are_in_the_last_bin() {
        let mut frame = Frame::new(Pattern::Rggb, [4, 4], NOISE, |_, _| 0.1);
        frame.samples[0] = u16::MAX;
        let mut histogram = Histogram::new(&frame.raw);
        histogram.rows(&frame.mosaic(), 0..4);
        assert_eq!(histogram.counts(0)[BINS - 1], 1);
    }
}
