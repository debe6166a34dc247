//! How sharp a part of the picture is, as one number: to be made as large as it will be by turning the lens.
//!
//! It is the power of the finest detail, less what noise adds to it, over the square of the light. So it is the same at
//! another exposure, and does not rise with noise.

use super::Greens;
use crate::demosaic::Mosaic;
use crate::dng::negative::{Noise, Raw};
use pulp::Arch;
use std::ops::Range;

/// Greens that are worked on at once.
const LANES: usize = 8;
/// Second differences of a green: of a row and of a column. Variance of one is six times that of a green.
const VARIANCES: f64 = 2.0 * 6.0;

/// Sums up how sharp something is; what it needs it keeps.
#[derive(Clone, Debug)]
pub struct Focus {
    arch: Arch,
    greens: Greens,
    rows: [Vec<f32>; 3],
    /// Squared second differences, variances of noise, greens, and how many.
    sums: [f64; 3],
    count: u64,
}

impl Focus {
    /// For samples like these, with the noise of green ones.
    pub fn new(raw: &Raw, noise: Noise) -> Self {
        Self {
            arch: Arch::new(),
            greens: Greens::new(raw, noise),
            rows: Default::default(),
            sums: [0.0; 3],
            count: 0,
        }
    }

    /// Forgets what it has seen, for the next frame.
    pub fn clear(&mut self) {
        self.sums = [0.0; 3];
        self.count = 0;
    }

    /// Looks at these rows of the mosaic by twos, between these columns by twos: `10..20` are samples 20 to 39. What is
    /// at the mosaic's edges does not count.
    ///
    /// # Panics
    /// When the mosaic has no such rows or columns.
    pub fn rows(&mut self, mosaic: &Mosaic<'_>, columns: Range<usize>, rows: Range<usize>) {
        let (width, height) = (mosaic.width / 2, mosaic.height / 2);
        let columns = columns.start.max(1)..columns.end.min(width.saturating_sub(1));
        let rows = rows.start.max(1)..rows.end.min(height.saturating_sub(1));
        if columns.is_empty() || rows.is_empty() {
            return;
        }
        for row in &mut self.rows {
            row.resize(width, 0.0);
        }
        for (index, y) in rows.enumerate() {
            let first = if index == 0 { y - 1 } else { y + 1 };
            for new in first..y + 2 {
                self.greens
                    .row(self.arch, mosaic, new, &mut self.rows[new % 3]);
            }
            let [above, here, below] = [y - 1, y, y + 1].map(|row| &self.rows[row % 3][..]);
            let span = columns.start - 1..columns.end - 1;
            let left = &here[span.clone()];
            let right = &here[span.start + 2..span.end + 2];
            let [above, here, below] = [above, here, below].map(|row| &row[columns.clone()]);
            let found = self
                .arch
                .dispatch(|| self.sum([left, here, right], [above, below]));
            for (sum, found) in self.sums.iter_mut().zip(found) {
                *sum += found;
            }
            self.count += columns.len() as u64;
        }
    }

    #[inline(always)]
    fn sum(&self, row: [&[f32]; 3], column: [&[f32]; 2]) -> [f64; 3] {
        let count = row[1].len();
        let [left, here, right] = row.map(|row| &row[..count]);
        let [above, below] = column.map(|row| &row[..count]);
        let mut sums = [[0.0f32; LANES]; 3];
        let whole = count - count % LANES;
        let mut add = |lane: usize, index: usize| {
            let twice = 2.0 * here[index];
            let across = left[index] + right[index] - twice;
            let down = above[index] + below[index] - twice;
            sums[0][lane] += across * across + down * down;
            sums[1][lane] += self.greens.variance(here[index]);
            sums[2][lane] += here[index];
        };
        for first in (0..whole).step_by(LANES) {
            for lane in 0..LANES {
                add(lane, first + lane);
            }
        }
        for index in whole..count {
            add(index - whole, index);
        }
        sums.map(|lanes| lanes.into_iter().map(f64::from).sum())
    }

    /// How sharp it is: 0 where there is nothing but noise, or where nothing was looked at.
    pub fn figure(&self) -> f64 {
        let [detail, variance, light] = self.sums;
        let mean = light / self.count.max(1) as f64;
        let power = (detail - VARIANCES * variance) / self.count.max(1) as f64;
        if mean > 0.0 {
            (power / (mean * mean)).max(0.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Frame, NOISE, edge};
    use super::*;
    use crate::demosaic::Pattern;

    fn figure(light: impl Fn(f64, f64) -> f64, noise: Noise) -> f64 {
        let frame = Frame::new(Pattern::Grbg, [256, 128], noise, light);
        let mut focus = Focus::new(&frame.raw, noise);
        focus.rows(&frame.mosaic(), 0..128, 0..64);
        focus.figure()
    }

    #[test]
    fn the_sharper_the_larger() {
        let figures = [2.0, 4.0, 8.0, 16.0, 40.0].map(|width| {
            let edge = edge(128.0, width, 0.2, 0.6);
            figure(edge, NOISE)
        });
        assert!(figures.is_sorted_by(|a, b| a > b), "{figures:?}");
        assert!(figures[0] > 20.0 * figures[4].max(1e-9), "{figures:?}");
    }

    #[test]
    fn exposure_does_not_matter() {
        let at = |exposure: f64| {
            let edge = edge(128.0, 3.0, 0.3 * exposure, 0.9 * exposure);
            figure(edge, NOISE)
        };
        let (bright, dark) = (at(1.0), at(0.1));
        assert!((dark / bright - 1.0).abs() < 0.1, "{bright} {dark}");
    }

    #[test]
    fn noise_does_not_look_like_detail() {
        let sharp = figure(edge(128.0, 2.0, 0.2, 0.6), NOISE);
        let noisy = Noise {
            scale: 10.0 * NOISE.scale,
            offset: 10.0 * NOISE.offset,
        };
        assert!(figure(|_, _| 0.4, noisy) < 0.05 * sharp);
    }

    #[test]
    fn only_the_part_that_was_asked_for_counts() {
        let frame = Frame::new(Pattern::Grbg, [256, 128], NOISE, edge(128.0, 2.0, 0.2, 0.6));
        let mut focus = Focus::new(&frame.raw, NOISE);
        let mut look = |columns: Range<usize>, rows: Range<usize>| {
            focus.clear();
            focus.rows(&frame.mosaic(), columns, rows);
            focus.figure()
        };
        let around = look(56..72, 10..50);
        assert!(around > 0.005 && look(0..50, 0..64) < 0.05 * around);
        assert_eq!(look(0..0, 0..64), 0.0);
        assert_eq!(look(3..9, 64..64), 0.0);
    }

    #[test]
    fn parts_add_up() {
        let frame = Frame::new(Pattern::Rggb, [64, 64], NOISE, edge(30.0, 3.0, 0.2, 0.6));
        let mut whole = Focus::new(&frame.raw, NOISE);
        whole.rows(&frame.mosaic(), 0..32, 0..32);
        let mut parts = Focus::new(&frame.raw, NOISE);
        for first in [0, 8, 16, 24] {
            parts.rows(&frame.mosaic(), 0..32, first..first + 8);
        }
        assert!((whole.figure() / parts.figure() - 1.0).abs() < 1e-9);
    }
}
