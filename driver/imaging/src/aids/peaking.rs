//! Peaking: where the picture is sharp.
//!
//! A gradient counts if it is more than noise makes, so a dark or a noisy scene is not full of marks, and if it is as
//! steep near by as it is far: an edge out of focus has a gradient too, but a wide one.

use super::{Greens, SHARP};
use crate::demosaic::Mosaic;
use crate::dng::negative::{Noise, Raw};
use pulp::Arch;
use std::ops::Range;

/// Greens to each side that a gradient is compared over.
const REACH: usize = 3;
const ROWS: usize = 2 * REACH + 1;
/// Deviations of noise that a gradient has to have: with so many, noise makes about four marks in a million.
const DEVIATIONS: f32 = 5.0;
/// Part of the difference over [`REACH`] that one green to each side has to have. A step has all of it, a slope a third.
const STEEP: f32 = 0.6;
/// Greens around one, near and far.
const NEIGHBOURS: f32 = 8.0;

/// Finds what is sharp; what it needs it keeps.
#[derive(Clone, Debug)]
pub struct Peaking {
    arch: Arch,
    greens: Greens,
    /// Rows of greens, by row number modulo their count.
    rows: [Vec<f32>; ROWS],
}

impl Peaking {
    /// For samples like these, with the noise of green ones.
    pub fn new(raw: &Raw, noise: Noise) -> Self {
        Self {
            arch: Arch::new(),
            greens: Greens::new(raw, noise),
            rows: Default::default(),
        }
    }

    /// Marks what is sharp in these rows of marks with [`SHARP`]; other bits stay, as do marks near the left and right
    /// edge.
    ///
    /// # Panics
    /// When the mosaic has no such rows, or there are fewer marks.
    pub fn rows(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>, marks: &mut [u8]) {
        let (width, height) = (mosaic.width / 2, mosaic.height / 2);
        for row in &mut self.rows {
            row.resize(width, 0.0);
        }
        for (index, y) in rows.enumerate() {
            let first = if index == 0 {
                y.saturating_sub(REACH)
            } else {
                y + REACH
            };
            for new in first..(y + REACH + 1).min(height) {
                let row = &mut self.rows[new % ROWS];
                self.greens.row(self.arch, mosaic, new, row);
            }
            let marks = &mut marks[index * width..][..width];
            if width > 2 * REACH {
                self.mark(y, height, marks);
            }
        }
    }

    fn mark(&self, y: usize, height: usize, marks: &mut [u8]) {
        // Beyond the first and the last row they go on.
        let at = |up: usize, down: usize| {
            let row = (y + down).saturating_sub(up).min(height - 1);
            &self.rows[row % ROWS][..marks.len()]
        };
        let centre = at(0, 0);
        let [above, below] = [at(1, 0), at(0, 1)];
        let [far_above, far_below] = [at(REACH, 0), at(0, REACH)];
        let count = marks.len() - 2 * REACH;
        let [left, right, far_left, far_right] =
            [REACH - 1, REACH + 1, 0, 2 * REACH].map(|column| &centre[column..][..count]);
        let [above, below, far_above, far_below] =
            [above, below, far_above, far_below].map(|row| &row[REACH..][..count]);
        let marks = &mut marks[REACH..][..count];
        self.arch.dispatch(|| {
            for index in 0..count {
                let square = |a: &[f32], b: &[f32]| (b[index] - a[index]) * (b[index] - a[index]);
                let near = square(left, right) + square(above, below);
                let far = square(far_left, far_right) + square(far_above, far_below);
                // By their mean, for one alone is as noisy as what is judged by it.
                let around = (left[index] + right[index] + above[index] + below[index])
                    + (far_left[index] + far_right[index])
                    + (far_above[index] + far_below[index]);
                // Of the difference of two greens.
                let variance = 2.0 * self.greens.variance(around / NEIGHBOURS);
                let is_sharp =
                    near > DEVIATIONS * DEVIATIONS * variance && near > STEEP * STEEP * far;
                marks[index] |= if is_sharp { SHARP } else { 0 };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Frame, NOISE, edge};
    use super::*;
    use crate::demosaic::Pattern;

    const SIZE: [usize; 2] = [256, 128];

    fn marks(frame: &Frame, noise: Noise, step: usize) -> Vec<u8> {
        let mut peaking = Peaking::new(&frame.raw, noise);
        let (width, height) = (frame.raw.width / 2, frame.raw.height / 2);
        let mut marks = vec![0; width * height];
        for first in (0..height).step_by(step) {
            let rows = first..(first + step).min(height);
            peaking.rows(&frame.mosaic(), rows, &mut marks[first * width..]);
        }
        marks
    }

    fn count(frame: &Frame, noise: Noise) -> usize {
        let marks = marks(frame, noise, 64);
        marks.iter().filter(|mark| **mark == SHARP).count()
    }

    #[test]
    fn noise_is_not_sharp_however_bright_and_however_strong() {
        for light in [0.0, 0.01, 0.2, 0.8] {
            for factor in [0.3, 1.0, 30.0] {
                let noise = Noise {
                    scale: factor * NOISE.scale,
                    offset: factor * NOISE.offset,
                };
                let frame = Frame::new(Pattern::Rggb, SIZE, noise, |_, _| light);
                // Samples end at zero and at white, so that it can be less, and are rounded.
                assert!(count(&frame, noise) <= 2, "{light} {factor}");
                if light == 0.2 {
                    let less = Noise {
                        scale: noise.scale / 9.0,
                        offset: noise.offset / 9.0,
                    };
                    assert!(count(&frame, less) > 100, "the noise decides");
                }
            }
        }
    }

    #[test]
    fn an_edge_in_focus_is_marked_along_its_length_and_only_there() {
        let frame = Frame::new(Pattern::Gbrg, SIZE, NOISE, edge(128.0, 2.0, 0.1, 0.4));
        let marks = marks(&frame, NOISE, 64);
        for (index, mark) in marks.iter().enumerate() {
            let column = index % 128;
            if column == 63 || column == 64 {
                continue;
            }
            assert!(*mark == 0 || (62..=65).contains(&column), "{column}");
        }
        let lines = marks
            .chunks(128)
            .filter(|row| row[62..66].contains(&SHARP))
            .count();
        assert_eq!(lines, 64);
    }

    #[test]
    fn an_edge_out_of_focus_is_not() {
        let sharp = Frame::new(Pattern::Gbrg, SIZE, NOISE, edge(128.0, 2.0, 0.1, 0.9));
        let soft = Frame::new(Pattern::Gbrg, SIZE, NOISE, edge(128.0, 24.0, 0.1, 0.9));
        assert!(count(&sharp, NOISE) >= 64);
        assert!(count(&soft, NOISE) <= 4, "where its slope begins and ends");
    }

    #[test]
    fn directions_are_alike() {
        let across = Frame::new(Pattern::Rggb, [128, 128], NOISE, edge(64.0, 2.0, 0.1, 0.4));
        let lying = edge(64.0, 2.0, 0.1, 0.4);
        let down = Frame::new(Pattern::Rggb, [128, 128], NOISE, |x, y| lying(y, x));
        let [across, down] = [count(&across, NOISE), count(&down, NOISE)];
        assert!(
            across >= 58 && down >= 58 && across.abs_diff(down) < 20,
            "{across} {down}"
        );
    }

    #[test]
    fn parts_are_as_the_whole() {
        let texture = |x: f64, y: f64| 0.3 + 0.2 * (x * 0.9).sin() * (y * 0.7).cos();
        let frame = Frame::new(Pattern::Bggr, [60, 46], NOISE, texture);
        let whole = marks(&frame, NOISE, 23);
        assert!(whole.contains(&SHARP));
        for step in [1, 2, 5, 8] {
            assert_eq!(whole, marks(&frame, NOISE, step), "{step}");
        }
    }

    #[test]
    fn a_narrow_frame_has_no_marks() {
        let frame = Frame::new(Pattern::Rggb, [12, 8], NOISE, edge(6.0, 1.0, 0.1, 0.9));
        assert_eq!(count(&frame, NOISE), 0);
    }
}
