//! Moves pixels to where they would be without the lens's distortion, each colour on its own if the lens bends them
//! differently: `WarpRectilinear`.
//!
//! The opcode says of each pixel of the result where in the picture it is found. There it is interpolated by cubic
//! convolution (R. Keys, "Cubic convolution interpolation for digital image processing", IEEE ASSP 29, 1981), which
//! keeps what is sharp. Beyond the edges the edges go on.

use crate::develop::Error;
use crate::dng::opcodes::Opcode;
use crate::highlights::Pixel;
use crate::radial::{self, Radial};
use pulp::Arch;
use std::ops::Range;

/// Pixels in a row, and rows, that a pixel is made of.
const TAPS: usize = 4;
/// Largest coefficient: with it, arithmetic stays far from overflow.
const LARGEST: f64 = 1e6;

/// Where pixels are found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Warp {
    width: usize,
    height: usize,
    radial: Radial,
    /// Of red, green and blue.
    colours: [Coefficients; 3],
}

/// k0 - 1 to k3, then the tangential ones.
type Coefficients = [f32; 6];

/// Rows of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// Row by row without gaps.
    pub(crate) pixels: &'a [Pixel],
    /// The first of these rows; all that [`Warp::source`] names are to be there.
    pub(crate) first: usize,
}

/// Room for one row: where its pixels are found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Warp {
    /// The warp among these corrections of a picture so large, if there is one that does anything.
    ///
    /// # Errors
    /// When there is more than one, or when it is no warp.
    pub(crate) fn new(
        opcodes: &[Opcode],
        [width, height]: [usize; 2],
    ) -> Result<Option<Self>, Error> {
        let error = |problem: String| Error::new("OpcodeList3", problem);
        let mut found = None;
        for opcode in opcodes {
            let Opcode::WarpRectilinear { planes, centre } = opcode else {
                continue;
            };
            if found.is_some() {
                return Err(error("more than one WarpRectilinear".into()));
            }
            let of_colours = match planes[..] {
                [all] => [all; 3],
                [red, green, blue] => [red, green, blue],
                _ => {
                    let problem = format!("WarpRectilinear of {} planes, not 1 or 3", planes.len());
                    return Err(error(problem));
                }
            };
            let is_good = |value: &f64| value.abs() <= LARGEST;
            if !planes.as_flattened().iter().all(is_good) || !radial::is_centre(*centre) {
                let problem = format!("WarpRectilinear {planes:?} around {centre:?}");
                return Err(error(problem));
            }
            let colours = of_colours.map(|mut coefficients| {
                coefficients[0] -= 1.0;
                coefficients.map(|value| value as f32)
            });
            found = Some(Self {
                width,
                height,
                radial: Radial::new(*centre, width, height),
                colours,
            });
        }
        Ok(found.filter(|warp| {
            warp.colours
                .as_flattened()
                .iter()
                .any(|value| *value != 0.0)
        }))
    }

    /// Whether all colours are moved alike.
    fn is_grey(&self) -> bool {
        self.colours[1..].iter().all(|it| *it == self.colours[0])
    }

    /// Where the pixels of a row are found, for one colour.
    fn places(&self, arch: Arch, colour: usize, y: usize, places: &mut Places) {
        places.x.resize(self.width, 0.0);
        places.y.resize(self.width, 0.0);
        let [x0, y0] = self.radial.centre.map(|part| part as f32);
        let (radius, scale) = (self.radial.radius as f32, self.radial.radius.recip() as f32);
        let [k0, k1, k2, k3, t0, t1] = self.colours[colour];
        let last = [self.width, self.height].map(|count| (count - 1) as f32);
        let row = y as f32;
        arch.dispatch(|| {
            let down = (row - y0) * scale;
            let [xs, ys] = [&mut places.x[..], &mut places.y[..]];
            for (index, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
                let column = index as u32 as f32;
                let across = (column - x0) * scale;
                let square = across * across + down * down;
                let along = k0 + square * (k1 + square * (k2 + square * k3));
                let both = 2.0 * across * down;
                let aside = t0 * both + t1 * (square + 2.0 * across * across);
                let below = t1 * both + t0 * (square + 2.0 * down * down);
                *x = (column + radius * (across * along + aside)).clamp(0.0, last[0]);
                *y = (row + radius * (down * along + below)).clamp(0.0, last[1]);
            }
        });
    }

    /// Where one pixel of the result is found, horizontally and vertically, for one colour.
    pub(crate) fn place(&self, arch: Arch, colour: usize, x: usize, y: usize) -> [f64; 2] {
        let mut places = Places::default();
        self.places(arch, colour, y, &mut places);
        [places.x[x], places.y[x]].map(f64::from)
    }

    /// Rows that rows of the result are made of.
    pub(crate) fn source(&self, arch: Arch, rows: Range<usize>, room: &mut Places) -> Range<usize> {
        let mut range = (u32::MAX, 0);
        let colours = if self.is_grey() { 0..1 } else { 0..3 };
        for (colour, y) in colours.flat_map(|colour| rows.clone().map(move |y| (colour, y))) {
            self.places(arch, colour, y, room);
            range = arch.dispatch(|| {
                room.y
                    .iter()
                    .map(|y| *y as u32)
                    .fold(range, |(low, high), row| (low.min(row), high.max(row)))
            });
        }
        let first = (range.0 as usize).saturating_sub(TAPS / 2 - 1);
        first..(range.1 as usize + TAPS / 2 + 1).min(self.height)
    }

    /// Fills a row of the result.
    ///
    /// # Panics
    /// When the row is longer than the picture's, or rows of the source are missing.
    pub(crate) fn row(
        &self,
        arch: Arch,
        source: &Source<'_>,
        y: usize,
        places: &mut Places,
        out: &mut [Pixel],
    ) {
        if self.is_grey() {
            self.places(arch, 0, y, places);
            arch.dispatch(|| self.interpolate(source, places, out, |pixel, found| *pixel = found));
            return;
        }
        for colour in 0..3 {
            self.places(arch, colour, y, places);
            let take = |pixel: &mut Pixel, found: Pixel| pixel[colour] = found[colour];
            arch.dispatch(|| self.interpolate(source, places, out, take));
        }
    }

    #[inline(always)]
    fn interpolate(
        &self,
        source: &Source<'_>,
        places: &Places,
        out: &mut [Pixel],
        take: impl Fn(&mut Pixel, Pixel),
    ) {
        let last_row = self.height as isize - 1;
        for ((out, x), y) in out.iter_mut().zip(&places.x).zip(&places.y) {
            let (column, row) = (*x as usize, *y as usize);
            let across = weights(*x - column as f32);
            let down = weights(*y - row as f32);
            let mut sum = [0.0; 4];
            for (tap, down) in down.into_iter().enumerate() {
                let row = (row as isize + tap as isize - 1).clamp(0, last_row) as usize;
                let row = &source.pixels[(row - source.first) * self.width..][..self.width];
                let taps = match row.get(column.wrapping_sub(1)..column.wrapping_add(3)) {
                    Some(taps) => [taps[0], taps[1], taps[2], taps[3]],
                    None => at_edge(row, column),
                };
                for lane in 0..4 {
                    let left = taps[0][lane] * across[0] + taps[1][lane] * across[1];
                    let right = taps[2][lane] * across[2] + taps[3][lane] * across[3];
                    sum[lane] += down * (left + right);
                }
            }
            take(out, sum);
        }
    }
}

/// Pixels around a column near an end of the row.
#[cold]
fn at_edge(row: &[Pixel], column: usize) -> [Pixel; TAPS] {
    let last = row.len() as isize - 1;
    std::array::from_fn(|tap| {
        let column = (column as isize + tap as isize - 1).clamp(0, last);
        row[column as usize]
    })
}

/// Of the four pixels around a place that is this far behind the second one, 0 to 1; Keys' a is -1/2.
#[inline(always)]
fn weights(t: f32) -> [f32; TAPS] {
    [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];

    fn warp(planes: &[[f64; 6]], size: [usize; 2]) -> Option<Warp> {
        let opcode = Opcode::WarpRectilinear {
            planes: planes.to_vec(),
            centre: [0.5, 0.5],
        };
        Warp::new(&[opcode], size).unwrap()
    }

    /// A picture warped in parts of so many rows.
    fn warped(warp: &Warp, picture: &[Pixel], step: usize) -> Vec<Pixel> {
        let mut out = vec![[0.0; 4]; picture.len()];
        let mut places = Places::default();
        let arch = Arch::new();
        for first in (0..warp.height).step_by(step) {
            let rows = first..(first + step).min(warp.height);
            let there = warp.source(arch, rows.clone(), &mut places);
            let source = Source {
                pixels: &picture[there.start * warp.width..there.end * warp.width],
                first: there.start,
            };
            for y in rows {
                let row = &mut out[y * warp.width..][..warp.width];
                warp.row(arch, &source, y, &mut places, row);
            }
        }
        out
    }

    #[test]
    fn a_warp_that_does_nothing_is_none() {
        assert_eq!(warp(&[NONE], [20, 10]), None);
        assert_eq!(Warp::new(&[], [20, 10]), Ok(None));
    }

    #[test]
    fn pixels_are_found_where_the_specification_says() {
        // The radius is 5 pixels; at 4 to the right and 3 below it is the corner, r = 1.
        let warp = warp(&[[0.9, 0.05, 0.03, -0.02, 0.01, 0.02]], [9, 7]).unwrap();
        let found = warp.place(Arch::new(), 1, 8, 6);
        let (x, y) = (0.8, 0.6);
        let along = 0.9 + 0.05 + 0.03 - 0.02;
        let right = x * along + 0.01 * 2.0 * x * y + 0.02 * (1.0 + 2.0 * x * x);
        let below = y * along + 0.02 * 2.0 * x * y + 0.01 * (1.0 + 2.0 * y * y);
        let expected = [4.0 + 5.0 * right, 3.0 + 5.0 * below].map(|it: f64| it.min(8.0));
        assert!(
            (found[0] - expected[0]).abs() < 1e-5,
            "{found:?} {expected:?}"
        );
        assert!(
            (found[1] - expected[1].min(6.0)).abs() < 1e-5,
            "{found:?} {expected:?}"
        );
        let middle = warp.place(Arch::new(), 1, 4, 3);
        assert!((middle[0] - 4.0).abs() < 1e-6 && (middle[1] - 3.0).abs() < 1e-6);
    }

    #[test]
    fn a_slope_is_read_at_the_place_that_was_named() {
        let size = [64, 48];
        let slope = |x: f64, y: f64| 1000.0 + 300.0 * x + 500.0 * y;
        let pixel = |index: i32| [slope(f64::from(index % 64), f64::from(index / 64)) as f32; 4];
        let picture: Vec<Pixel> = (0..64 * 48).map(pixel).collect();
        let sets = [
            [0.97, 0.02, 0.0, 0.0, 0.0, 0.0],
            [0.96, 0.02, 0.01, 0.0, 0.001, 0.0],
            [0.95, 0.02, 0.0, 0.0, 0.0, -0.001],
        ];
        for sets in [&sets[..], &sets[1..2]] {
            let warp = warp(sets, size).unwrap();
            let found = warped(&warp, &picture, 48);
            for (x, y) in (4..60).flat_map(|x| (4..44).map(move |y| (x, y))) {
                for (colour, value) in found[y * 64 + x][..3].iter().enumerate() {
                    let [at_x, at_y] = warp.place(Arch::new(), colour, x, y);
                    let error = f64::from(*value) - slope(at_x, at_y);
                    assert!(error.abs() < 0.5, "{colour} {x} {y}: {error}");
                }
            }
        }
    }

    /// Of waves eight pixels long; linear interpolation would lose 8 % of them in the middle between two pixels.
    #[test]
    fn fine_detail_keeps_its_contrast() {
        for t in [0.0, 0.25, 0.5, 0.75] {
            let wave = |place: usize| {
                let distance = place as f64 - 1.0 - f64::from(t);
                (distance * std::f64::consts::TAU / 8.0).cos()
            };
            let taps = weights(t).into_iter().enumerate();
            let contrast: f64 = taps
                .map(|(tap, weight)| f64::from(weight) * wave(tap))
                .sum();
            assert!((0.97..1.03).contains(&contrast), "{t}: {contrast}");
            assert!((weights(t).into_iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn beyond_the_edges_the_edges_go_on() {
        let warp = warp(&[[2.0, 0.0, 0.0, 0.0, 0.0, 0.0]], [16, 12]).unwrap();
        let level = |index: usize| if index % 16 < 8 { 100.0 } else { 900.0 };
        let picture: Vec<Pixel> = (0..16 * 12).map(|index| [level(index); 4]).collect();
        let found = warped(&warp, &picture, 12);
        assert!((found[0][0] - 100.0).abs() < 1e-3 && (found[15][2] - 900.0).abs() < 1e-3);
    }

    #[test]
    fn complaints_name_the_field() {
        let refused = |opcodes: &[Opcode]| {
            let found = Warp::new(opcodes, [16, 12]);
            found.unwrap_err().to_string()
        };
        let opcode = |planes: &[[f64; 6]], centre| Opcode::WarpRectilinear {
            planes: planes.to_vec(),
            centre,
        };
        let good = opcode(&[NONE], [0.5, 0.5]);
        assert!(refused(&[good.clone(), good]).starts_with("OpcodeList3: more than one"));
        let two = opcode(&[NONE; 2], [0.5, 0.5]);
        assert!(refused(&[two]).contains("of 2 planes"));
        let aside = opcode(&[NONE], [0.5, 1.5]);
        assert!(refused(&[aside]).contains("around [0.5, 1.5]"));
        let broken = opcode(&[[f64::NAN; 6]], [0.5, 0.5]);
        assert!(refused(&[broken]).contains("NaN"));
    }

    proptest! {
        #[test]
        fn whatever_the_warp_parts_are_as_the_whole(
            coefficients in prop::collection::vec(-0.4..0.4f64, 18),
            wild in prop::option::of(-1e6..1e6f64),
            width in 4..24usize,
            height in 4..24usize,
            step in 1..9usize,
            seed in any::<u32>(),
        ) {
            let (sets, _) = coefficients.as_chunks::<6>();
            let mut sets = sets.to_vec();
            for set in &mut sets {
                set[0] += 1.0;
            }
            if let Some(wild) = wild {
                sets[1][3] = wild;
            }
            let Some(warp) = warp(&sets, [width, height]) else { return Ok(()) };
            let level = |index: usize| {
                let mixed = (index as u32).wrapping_mul(2_654_435_761).wrapping_add(seed);
                (mixed >> 16) as f32
            };
            let pixel = |index: usize| [0, 1, 2, 3].map(|lane| level(4 * index + lane));
            let picture: Vec<Pixel> = (0..width * height).map(pixel).collect();
            let whole = warped(&warp, &picture, height);
            prop_assert_eq!(&whole, &warped(&warp, &picture, step));
        }
    }
}
