//! A picture of half the size, for viewfinders: one pixel for each two by two samples, straight to eight bits of sRGB.
//!
//! No corrections, no demosaic. Everything is cut off at white, so what is saturated is white as well.

use crate::demosaic::Mosaic;
use crate::dng::negative::Raw;
use crate::matrix::Matrix;
use crate::tone::encoded;
use pulp::Arch;
use std::ops::Range;

/// Steps of linear light that sRGB's curve is known for: a sixteenth of an output step near black.
const STEPS: usize = 1 << 12;

/// Makes rows of small pictures; what it needs it keeps.
#[derive(Clone, Debug)]
pub struct Preview {
    arch: Arch,
    /// In the order of the first two rows and columns.
    black: [f32; 4],
    /// Of red, green and blue.
    gains: [f32; 3],
    matrix: [[f32; 3]; 3],
    curve: Box<[u8; STEPS]>,
    /// Red, green and blue of a row, as steps of the curve.
    row: [Vec<u16>; 3],
}

impl Preview {
    /// For samples like these, with white balance `gains` (the smallest 1) and a matrix from white-balanced colours to
    /// linear sRGB, as [`crate::colour::rendering`] finds them. `exposure` brightens by so many stops.
    pub fn new(raw: &Raw, gains: [f64; 3], matrix: &Matrix, exposure: f64) -> Self {
        let darkest = raw.black.into_iter().fold(f64::MAX, f64::min);
        let range = (f64::from(raw.white) - darkest).max(1.0);
        let curve = |step: usize| {
            let level = encoded(step as f64 / (STEPS - 1) as f64);
            (level * f64::from(u8::MAX)).round() as u8
        };
        let curve: Vec<u8> = (0..STEPS).map(curve).collect();
        let scale = exposure.exp2() * (STEPS - 1) as f64;
        Self {
            arch: Arch::new(),
            black: raw.black.map(|level| level as f32),
            gains: gains.map(|gain| (gain / range) as f32),
            matrix: matrix.map(|row| row.map(|value| (value * scale) as f32)),
            curve: curve.try_into().expect("as many steps as there are"),
            row: Default::default(),
        }
    }

    /// Fills `out` with these rows of the small picture, red, green and blue of each pixel. The mosaic is to begin with
    /// an even row and column of the active area.
    ///
    /// # Panics
    /// When the mosaic has no such rows, or `out` is too small.
    pub fn rows(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>, out: &mut [u8]) {
        let width = mosaic.width / 2;
        for row in &mut self.row {
            row.resize(width, 0);
        }
        for (index, y) in rows.enumerate() {
            let row = |down: usize| {
                let samples = &mosaic.samples[(2 * y + down) * mosaic.stride..];
                samples[..2 * width].as_chunks::<2>().0
            };
            self.linear(mosaic.pattern.red(), row(0), row(1));
            let [red, green, blue] = &self.row;
            let pixels = out[3 * index * width..][..3 * width].as_chunks_mut::<3>().0;
            for (((pixel, red), green), blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
                *pixel = [*red, *green, *blue].map(|step| self.curve[usize::from(step) % STEPS]);
            }
        }
    }

    /// Two rows of samples to one of steps.
    fn linear(&mut self, red: [usize; 2], top: &[[u16; 2]], bottom: &[[u16; 2]]) {
        let [red_row, red_column] = red;
        let (with_red, with_blue) = if red_row == 0 {
            (top, bottom)
        } else {
            (bottom, top)
        };
        let black = |row: usize, column: usize| self.black[2 * row + column];
        let black_red = black(red_row, red_column);
        let black_greens = black(red_row, 1 - red_column) + black(1 - red_row, red_column);
        let black_blue = black(1 - red_row, 1 - red_column);
        let [gain_red, gain_green, gain_blue] = self.gains;
        let [[rr, rg, rb], [gr, gg, gb], [br, bg, bb]] = self.matrix;
        let [reds, greens, blues] = &mut self.row;
        self.arch.dispatch(|| {
            let pixels = reds.iter_mut().zip(greens).zip(blues);
            let samples = with_red.iter().zip(with_blue);
            for (((red, green), blue), (with_red, with_blue)) in pixels.zip(samples) {
                let level = |sample: u16| f32::from(sample);
                let both = level(with_red[1 - red_column]) + level(with_blue[red_column]);
                let r = (gain_red * (level(with_red[red_column]) - black_red)).min(1.0);
                let g = (0.5 * gain_green * (both - black_greens)).min(1.0);
                let b = (gain_blue * (level(with_blue[1 - red_column]) - black_blue)).min(1.0);
                *red = step(rr * r + rg * g + rb * b);
                *green = step(gr * r + gg * g + gb * b);
                *blue = step(br * r + bg * g + bb * b);
            }
        });
    }
}

#[inline(always)]
fn step(level: f32) -> u16 {
    (level + 0.5).clamp(0.0, (STEPS - 1) as f32) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demosaic::Pattern;
    use crate::matrix::diagonal;
    use crate::shading::colour_at;

    const SIZE: (usize, usize) = (22, 6);
    const PATTERNS: [Pattern; 4] = [Pattern::Rggb, Pattern::Grbg, Pattern::Gbrg, Pattern::Bggr];

    fn raw(pattern: Pattern) -> Raw {
        Raw {
            width: SIZE.0,
            height: SIZE.1,
            pattern,
            bits: 12,
            black: [200.0, 210.0, 190.0, 205.0],
            white: 4095,
            active: [0, 0, SIZE.1, SIZE.0],
        }
    }

    /// A picture of one colour, given as parts of white, and what is shown of it.
    fn shown(pattern: Pattern, colour: [f64; 3], gains: [f64; 3], matrix: &Matrix) -> Vec<u8> {
        let raw = raw(pattern);
        let sample = |index: usize| {
            let (x, y) = (index % SIZE.0, index / SIZE.0);
            let black = raw.black[2 * (y % 2) + x % 2];
            (black + colour[colour_at(pattern, x, y)] * (4095.0 - 190.0)).round() as u16
        };
        let samples: Vec<u16> = (0..SIZE.0 * SIZE.1).map(sample).collect();
        let mosaic = Mosaic {
            samples: &samples,
            stride: SIZE.0,
            width: SIZE.0,
            height: SIZE.1,
            pattern,
            white: 4095,
        };
        let mut preview = Preview::new(&raw, gains, matrix, 0.0);
        let mut out = vec![0; 3 * 11 * 3];
        for y in 0..3 {
            preview.rows(&mosaic, y..y + 1, &mut out[y * 33..]);
        }
        out
    }

    #[test]
    fn colours_are_in_their_places_whatever_the_pattern() {
        for pattern in PATTERNS {
            let one = diagonal([1.0; 3]);
            let found = shown(pattern, [0.05, 0.18, 0.252], [2.0, 1.0, 2.0], &one);
            // sRGB of 10 %, 18 % and 50 %.
            assert_eq!(found, [89, 118, 188].repeat(33), "{pattern:?}");
        }
    }

    #[test]
    fn the_matrix_is_applied_to_balanced_colours() {
        let turned = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
        let found = shown(Pattern::Rggb, [0.05, 0.18, 0.252], [2.0, 1.0, 2.0], &turned);
        assert_eq!(found[..3], [118, 188, 89]);
    }

    #[test]
    fn what_is_saturated_is_white_and_black_is_black() {
        let matrix = [[1.8, -0.5, -0.3], [-0.4, 2.0, -0.6], [0.0, -0.7, 1.7]];
        let found = shown(Pattern::Grbg, [0.9, 0.99, 0.8], [2.0, 1.02, 1.6], &matrix);
        assert_eq!(found, [255; 99]);
        assert_eq!(
            shown(Pattern::Grbg, [0.0; 3], [2.0, 1.0, 1.6], &matrix),
            [0; 99]
        );
    }
}
