//! What the tests of both ways share.

use super::{Mosaic, Pattern, Planes};
use std::ops::Range;

pub(super) const PATTERNS: [Pattern; 4] =
    [Pattern::Rggb, Pattern::Grbg, Pattern::Gbrg, Pattern::Bggr];

/// Which colour the filter of a place lets through: red, green or blue.
pub(super) fn colour(pattern: Pattern, x: usize, y: usize) -> usize {
    let [row, column] = pattern.red();
    usize::from(y % 2 != row) + usize::from(x % 2 != column)
}

/// What filters let through of a picture.
pub(super) fn filtered(
    picture: impl Fn(usize, usize) -> [u16; 3],
    (width, height): (usize, usize),
    pattern: Pattern,
) -> Vec<u16> {
    (0..width * height)
        .map(|index| {
            let (x, y) = (index % width, index / width);
            picture(x, y)[colour(pattern, x, y)]
        })
        .collect()
}

/// A picture, made of so many parts.
pub(super) fn demosaiced(
    mut rows: impl FnMut(&Mosaic<'_>, Range<usize>, &mut Planes<'_>),
    samples: &[u16],
    width: usize,
    (pattern, white): (Pattern, u16),
    parts: usize,
) -> [Vec<u16>; 3] {
    let height = samples.len() / width;
    let mosaic = Mosaic {
        samples,
        stride: width,
        width,
        height,
        pattern,
        white,
    };
    let mut planes: [Vec<u16>; 3] = std::array::from_fn(|_| vec![0; samples.len()]);
    let step = height.div_ceil(parts);
    for first in (0..height).step_by(step) {
        let part = first..(first + step).min(height);
        let colours = planes.each_mut().map(|plane| &mut plane[first * width..]);
        rows(&mosaic, part, &mut Planes { colours });
    }
    planes
}
