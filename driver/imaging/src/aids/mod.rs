//! What helps people who focus and expose by hand, found in a raw frame while it is looked at: where it is sharp, how
//! sharp it is, what is saturated, and how its samples are distributed.
//!
//! Everything works on rows, on the samples as they are stored, and allocates nothing once it has seen a frame. Marks are
//! for pictures of half the size: one byte for each two by two samples, a bit for each thing that is to be seen there.

mod focus;
mod histogram;
mod peaking;

pub use focus::Focus;
pub use histogram::{BINS, Histogram};
pub use peaking::Peaking;

use crate::demosaic::Mosaic;
use crate::dng::negative::{Noise, Raw};
use crate::shading::colour_at;
use pulp::Arch;
use std::ops::Range;

/// Bit of a mark: something is sharp here.
pub const SHARP: u8 = 1;
/// Bits of a mark: red, green, blue is saturated here.
pub const SATURATED: [u8; 3] = [2, 4, 8];
/// Marks along a zebra's stripe, across its direction.
const STRIPE: usize = 4;

/// Marks where a sample of these rows of marks is at `level` or above: what is white, or what will be soon.
///
/// # Panics
/// When the mosaic has no such rows, or there are fewer marks.
pub fn mark_saturated(mosaic: &Mosaic<'_>, level: u16, rows: Range<usize>, marks: &mut [u8]) {
    let width = mosaic.width / 2;
    let arch = Arch::new();
    for (index, y) in rows.enumerate() {
        for down in 0..2 {
            let bits = [0, 1].map(|across| SATURATED[colour_at(mosaic.pattern, across, down)]);
            let samples = &mosaic.samples[(2 * y + down) * mosaic.stride..];
            let pairs = samples[..2 * width].as_chunks::<2>().0;
            let marks = &mut marks[index * width..][..width];
            arch.dispatch(|| {
                for (mark, [left, right]) in marks.iter_mut().zip(pairs) {
                    let of = |sample: u16, bit: u8| if sample >= level { bit } else { 0 };
                    *mark |= of(*left, bits[0]) | of(*right, bits[1]);
                }
            });
        }
    }
}

/// Whether a mark at this column and row is on a dark stripe of a zebra.
pub fn is_striped(x: usize, y: usize) -> bool {
    ((x + y) / STRIPE).is_multiple_of(2)
}

/// Greens of rows of marks, and their noise.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Greens {
    black: [f32; 4],
    /// Of the mean of two samples above black, so that white is 1.
    scale: f32,
    noise: [f32; 2],
}

impl Greens {
    fn new(raw: &Raw, noise: Noise) -> Self {
        let darkest = raw.black.into_iter().fold(f64::MAX, f64::min);
        let range = (f64::from(raw.white) - darkest).max(1.0);
        Self {
            black: raw.black.map(|level| level as f32),
            scale: (0.5 / range) as f32,
            // The mean of two samples.
            noise: [noise.scale, noise.offset].map(|part| (0.5 * part) as f32),
        }
    }

    /// A row of greens, each the mean of two, white being 1.
    fn row(&self, arch: Arch, mosaic: &Mosaic<'_>, y: usize, out: &mut [f32]) {
        let row = |down: usize| {
            let samples = &mosaic.samples[(2 * y + down) * mosaic.stride..];
            samples[..2 * out.len()].as_chunks::<2>().0
        };
        let [red_row, red_column] = mosaic.pattern.red();
        // Green is beside red, and diagonal to that.
        let column = if red_row == 0 {
            1 - red_column
        } else {
            red_column
        };
        let (top, bottom) = (row(0), row(1));
        let black = self.black[column] + self.black[2 + 1 - column];
        let scale = self.scale;
        arch.dispatch(|| {
            for ((out, top), bottom) in out.iter_mut().zip(top).zip(bottom) {
                let both = f32::from(top[column]) + f32::from(bottom[1 - column]);
                *out = (both - black) * scale;
            }
        });
    }

    /// Expected variance of a green.
    #[inline(always)]
    fn variance(&self, green: f32) -> f32 {
        self.noise[0] * green.max(0.0) + self.noise[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demosaic::Pattern;

    /// A frame of a grey scene: light 0 to 1 at each place, and the noise of such light. Numbers are the same each time.
    pub(super) struct Frame {
        pub(super) raw: Raw,
        pub(super) samples: Vec<u16>,
    }

    pub(super) const NOISE: Noise = Noise {
        scale: 4e-4,
        offset: 1e-6,
    };

    impl Frame {
        pub(super) fn new(
            pattern: Pattern,
            [width, height]: [usize; 2],
            noise: Noise,
            light: impl Fn(f64, f64) -> f64,
        ) -> Self {
            let mut state = 1u64;
            let mut uniform = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 40) as f64 / f64::from(1 << 24)
            };
            let mut samples = Vec::new();
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                let light = light(x as f64, y as f64);
                let deviation = (noise.scale * light + noise.offset).sqrt();
                let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                let level = 200.0 + (light + deviation * normal) * (4095.0 - 200.0);
                samples.push(level.round().clamp(0.0, 4095.0) as u16);
            }
            let raw = Raw {
                width,
                height,
                pattern,
                bits: 12,
                black: [200.0; 4],
                white: 4095,
                active: [0, 0, height, width],
            };
            Self { raw, samples }
        }

        pub(super) fn mosaic(&self) -> Mosaic<'_> {
            Mosaic {
                samples: &self.samples,
                stride: self.raw.width,
                width: self.raw.width,
                height: self.raw.height,
                pattern: self.raw.pattern,
                white: self.raw.white,
            }
        }
    }

    /// An edge across the middle, as wide as that.
    pub(super) fn edge(
        middle: f64,
        width: f64,
        dark: f64,
        bright: f64,
    ) -> impl Fn(f64, f64) -> f64 {
        move |x, _| dark + (bright - dark) * ((x - middle) / width + 0.5).clamp(0.0, 1.0)
    }

    #[test]
    fn greens_are_the_two_of_each_pattern() {
        for pattern in [Pattern::Rggb, Pattern::Grbg, Pattern::Gbrg, Pattern::Bggr] {
            let mut frame = Frame::new(pattern, [16, 8], NOISE, |_, _| 0.0);
            for (index, sample) in frame.samples.iter_mut().enumerate() {
                let is_green = colour_at(pattern, index % 16, index / 16) == 1;
                *sample = if is_green { 200 + 1000 } else { 4000 };
            }
            let mut greens = [0.0; 8];
            Greens::new(&frame.raw, NOISE).row(Arch::new(), &frame.mosaic(), 2, &mut greens);
            let expected = 1000.0 / 3895.0;
            assert!(
                greens.iter().all(|it| (it - expected).abs() < 1e-5),
                "{pattern:?}"
            );
        }
    }

    #[test]
    fn saturated_samples_mark_their_colour() {
        let mut frame = Frame::new(Pattern::Grbg, [16, 8], NOISE, |_, _| 0.3);
        for (x, y) in [(1, 0), (4, 4), (5, 5), (6, 5)] {
            frame.samples[16 * y + x] = 4095;
        }
        let mut marks = vec![SHARP; 8 * 4];
        mark_saturated(&frame.mosaic(), 4095, 0..4, &mut marks);
        let [red, green, blue] = SATURATED;
        for (index, mark) in marks.iter().enumerate() {
            let expected = match (index % 8, index / 8) {
                (0, 0) => SHARP | red,
                (2, 2) => SHARP | green,
                (3, 2) => SHARP | blue,
                _ => SHARP,
            };
            assert_eq!(*mark, expected, "{index}");
        }
        let mut some = vec![0; 8];
        mark_saturated(&frame.mosaic(), 4095, 2..3, &mut some);
        assert_eq!(some, [0, 0, green, blue, 0, 0, 0, 0]);
    }

    #[test]
    fn stripes_are_diagonal() {
        assert!(is_striped(0, 0) && is_striped(3, 0) && !is_striped(4, 0) && !is_striped(0, 5));
        assert!(is_striped(8, 0) && is_striped(4, 4));
    }
}
