//! Demosaic for pictures that are looked at once: green along the smoother direction, then the other colours beside it.
//!
//! J. Hamilton, J. Adams, US patent 5629734, expired: green that is missing is the mean of the two beside it or of the
//! two above and below, corrected by the curvature of the colour that is there. Of the two guesses the one counts whose
//! direction is at most half as rough as the other, else the mean of both: this third answer, which the patent gives
//! only where both are equal, is worth more than a decibel. Red and blue follow green, at the mean difference that they
//! have to it around.
//!
//! Everything is done in 16 bits, in which processors are widest, and for each sample as if it were of both kinds, a
//! colour and a green: to choose one of the two is quicker than to take rows apart. Samples are brought to 14 bits, so
//! that sums of differences fit; of samples with more bits the lowest ones do not take part.

use super::{Mosaic, Planes, cut};
use pulp::{Arch, NullaryFnOnce};
use std::ops::Range;

/// Rows that green depends on, and rows of differences that the other colours depend on.
const ROWS: usize = 5;
const DIFFERENCES: usize = 3;
/// Samples at each end of a row that stand for what is beyond it.
const MARGIN: usize = 2;
/// Bits of a sample that leave room for the sum of two differences.
const BITS: u32 = 14;

/// Demosaics rows; what it needs it keeps.
#[derive(Debug)]
pub struct Live {
    arch: Arch,
    /// The last rows with their margins, by row number modulo their count.
    rows: [Vec<i16>; ROWS],
    /// The last rows of green, and of colour less green, which is zero where green is; the same.
    greens: [Vec<i16>; DIFFERENCES],
    differences: [Vec<i16>; DIFFERENCES],
    /// All bits set in every other place, beginning with the first.
    every_other: Vec<u16>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            arch: Arch::new(),
            rows: Default::default(),
            greens: Default::default(),
            differences: Default::default(),
            every_other: Vec::new(),
        }
    }
}

impl Live {
    /// Fills planes with these rows of the picture.
    ///
    /// # Panics
    /// When the planes are smaller than the rows, or the mosaic is smaller than it says or than 4 by 4.
    pub fn rows(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>, planes: &mut Planes<'_>) {
        assert!(
            mosaic.width >= 4 && mosaic.height >= 4,
            "a mosaic of 4 by 4 at least"
        );
        let kept = [&mut self.rows[..], &mut self.greens, &mut self.differences];
        for row in kept.into_iter().flatten() {
            row.resize(mosaic.width + 2 * MARGIN, 0);
        }
        let every_other = (0..=mosaic.width).map(|place| if place % 2 == 0 { u16::MAX } else { 0 });
        self.every_other.clear();
        self.every_other.extend(every_other);
        self.arch.dispatch(Work {
            live: self,
            mosaic,
            rows,
            planes,
        });
    }

    #[inline(always)]
    fn work(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>, planes: &mut Planes<'_>) {
        let mut next = rows.start as isize - 3;
        for (index, y) in rows.enumerate() {
            let y = y as isize;
            for newest in next..=y + 3 {
                take(mosaic, newest, &mut self.rows[slot::<ROWS>(newest)]);
                if newest > y {
                    self.green(mosaic, newest - 2);
                }
            }
            next = y + 4;
            let place = index * mosaic.width..(index + 1) * mosaic.width;
            self.colours(mosaic, y, place, planes);
        }
    }

    /// Green of a row, and the differences to it.
    #[inline(always)]
    fn green(&mut self, mosaic: &Mosaic<'_>, y: isize) {
        let at = |row: isize, column: isize| {
            let row = &self.rows[slot::<ROWS>(y + row)];
            &row[MARGIN.wrapping_add_signed(column)..][..mosaic.width]
        };
        let [raise, lower] = shifts(mosaic.white);
        let slot = slot::<DIFFERENCES>(y);
        green(
            [at(0, -2), at(0, -1), at(0, 0), at(0, 1), at(0, 2)],
            [at(-2, 0), at(-1, 0), at(1, 0), at(2, 0)],
            &self.every_other[own(mosaic, y)..][..mosaic.width],
            (mosaic.white << raise >> lower) as i16,
            &mut self.greens[slot][MARGIN..][..mosaic.width],
            &mut self.differences[slot][MARGIN..][..mosaic.width],
        );
        mirror_ends(&mut self.differences[slot]);
    }

    #[inline(always)]
    fn colours(&self, mosaic: &Mosaic<'_>, y: isize, place: Range<usize>, planes: &mut Planes<'_>) {
        let at = |row: isize, column: isize| {
            let row = &self.differences[slot::<DIFFERENCES>(y + row)];
            &row[MARGIN.wrapping_add_signed(column)..][..mosaic.width]
        };
        let [red, green, blue] = planes
            .colours
            .each_mut()
            .map(|plane| &mut plane[place.clone()]);
        let (owns, others) = if is_red(mosaic, y) {
            (red, blue)
        } else {
            (blue, red)
        };
        colours(
            &self.greens[slot::<DIFFERENCES>(y)][MARGIN..][..mosaic.width],
            [-1, 0, 1].map(|row| [-1, 0, 1].map(|column| at(row, column))),
            mosaic.row(y),
            &self.every_other[own(mosaic, y)..][..mosaic.width],
            mosaic.white,
            owns,
            green,
            others,
        );
    }
}

/// What is run with the widest instructions that the processor has. A closure would not be compiled for them as a whole.
struct Work<'a, 'b, 'c> {
    live: &'a mut Live,
    mosaic: &'a Mosaic<'b>,
    rows: Range<usize>,
    planes: &'a mut Planes<'c>,
}

impl NullaryFnOnce for Work<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.live.work(self.mosaic, self.rows, self.planes);
    }
}

fn slot<const COUNT: usize>(y: isize) -> usize {
    y.rem_euclid(COUNT as isize) as usize
}

fn is_red(mosaic: &Mosaic<'_>, y: isize) -> bool {
    y.rem_euclid(2) as usize == mosaic.pattern.red()[0]
}

/// Column, 0 or 1, of a row's own colour.
fn own(mosaic: &Mosaic<'_>, y: isize) -> usize {
    let column = mosaic.pattern.red()[1];
    if is_red(mosaic, y) {
        column
    } else {
        1 - column
    }
}

/// How samples are brought to [`BITS`]: by how many bits they are raised, and by how many lowered.
fn shifts(white: u16) -> [u32; 2] {
    let bits = u16::BITS - white.leading_zeros();
    [BITS.saturating_sub(bits), bits.saturating_sub(BITS)]
}

/// Takes a row.
#[inline(always)]
fn take(mosaic: &Mosaic<'_>, y: isize, row: &mut [i16]) {
    let [raise, lower] = shifts(mosaic.white);
    for (sample, taken) in mosaic.row(y).iter().zip(&mut row[MARGIN..]) {
        *taken = ((*sample).min(mosaic.white) << raise >> lower) as i16;
    }
    mirror_ends(row);
}

fn mirror_ends(row: &mut [i16]) {
    let last = row.len() - 1;
    for place in 0..MARGIN {
        row[place] = row[2 * MARGIN - place];
        row[last - place] = row[last - 2 * MARGIN + place];
    }
}

/// Of a row and the ones two and one above, one and two below: green, and the difference to it. `colours` says which
/// places have a colour.
#[inline(always)]
fn green(
    row: [&[i16]; 5],
    column: [&[i16]; 4],
    colours: &[u16],
    most: i16,
    greens: &mut [i16],
    differences: &mut [i16],
) {
    let places = greens.len();
    let differences = &mut differences[..places];
    let [before, left, centre, right, after] = cut(row, places);
    let [top, above, below, bottom] = cut(column, places);
    let [colours] = cut([colours], places);
    for index in 0..places {
        let (left, centre, right) = (left[index], centre[index], right[index]);
        let (above, below) = (above[index], below[index]);
        let bend_across = centre - mean(before[index], after[index]);
        let bend_down = centre - mean(top[index], bottom[index]);
        let limited = |guess: i16| guess.max(0).min(most);
        let across = limited(mean(left, right) + (bend_across >> 1));
        let down = limited(mean(above, below) + (bend_down >> 1));
        // A quarter of the usual measure, so that twice of it fits.
        let rough_across = ((left - right).abs() >> 2) + (bend_across.abs() >> 1);
        let rough_down = ((above - below).abs() >> 2) + (bend_down.abs() >> 1);
        let guess = if 2 * rough_across < rough_down {
            across
        } else if 2 * rough_down < rough_across {
            down
        } else {
            mean(across, down)
        };
        let colour = colours[index] as i16;
        let green = guess & colour | centre & !colour;
        greens[index] = green;
        differences[index] = centre - green;
    }
}

/// The colours of a row, from green and the differences around. Written are the row's own colour, green and the other
/// colour.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "what is written must be arguments of their own, or the loop is not made wide"
)]
fn colours(
    green: &[i16],
    differences: [[&[i16]; 3]; 3],
    samples: &[u16],
    colours: &[u16],
    white: u16,
    owns: &mut [u16],
    greens: &mut [u16],
    others: &mut [u16],
) {
    let places = owns.len();
    let (greens, others) = (&mut greens[..places], &mut others[..places]);
    let [upper, row, lower] = differences;
    let [a, above, b] = cut(upper, places);
    let [left, _, right] = cut(row, places);
    let [c, below, d] = cut(lower, places);
    let [green] = cut([green], places);
    let [samples, colours] = cut([samples, colours], places);
    let [raise, lower] = shifts(white);
    let most = (white << raise >> lower) as i16;
    let half = (1 << raise) >> 1;
    for index in 0..places {
        let green = green[index];
        let written = |value: i16| (value.max(0).min(most) as u16 + half) >> raise << lower;
        let corners = mean(mean(a[index], d[index]), mean(b[index], c[index]));
        let corners = written(green + corners);
        let beside = written(green + mean(left[index], right[index]));
        let column = written(green + mean(above[index], below[index]));
        let (sample, colour) = (samples[index], colours[index]);
        owns[index] = sample & colour | beside & !colour;
        greens[index] = written(green) & colour | sample & !colour;
        others[index] = corners & colour | column & !colour;
    }
}

/// Rounded down; of two whose sum fits.
#[inline(always)]
fn mean(a: i16, b: i16) -> i16 {
    (a + b) >> 1
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use super::super::testing::{PATTERNS, colour, demosaiced, filtered};
    use super::*;
    use proptest::prelude::*;

    fn live(samples: &[u16], width: usize, pattern: Pattern, white: u16) -> [Vec<u16>; 3] {
        let mut live = Live::default();
        let rows =
            |mosaic: &Mosaic<'_>, rows, planes: &mut Planes<'_>| live.rows(mosaic, rows, planes);
        demosaiced(rows, samples, width, (pattern, white), 1)
    }

    #[test]
    fn one_colour_stays_what_it_is_up_to_the_edges() {
        for pattern in PATTERNS {
            for size in [(4, 4), (5, 7), (16, 6), (33, 9)] {
                let samples = filtered(|_, _| [300, 2000, 4095], size, pattern);
                let planes = live(&samples, size.0, pattern, 4095);
                for (plane, level) in planes.iter().zip([300, 2000, 4095]) {
                    assert!(
                        plane.iter().all(|sample| *sample == level),
                        "{pattern:?} {size:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_grey_slope_stays_one() {
        let size = (40, 24);
        let grey = |x: usize, y: usize| [(100 + 40 * x + 64 * y) as u16; 3];
        for pattern in PATTERNS {
            let planes = live(&filtered(grey, size, pattern), size.0, pattern, 4095);
            for (x, y) in (3..37).flat_map(|x| (3..21).map(move |y| (x, y))) {
                for plane in &planes {
                    assert_eq!(plane[y * size.0 + x], grey(x, y)[0], "{pattern:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn what_is_beyond_black_and_white_is_cut_off() {
        let spots = |x: usize, y: usize| {
            [if (x / 2 + y / 2).is_multiple_of(2) {
                0
            } else {
                4095
            }; 3]
        };
        let samples = filtered(spots, (32, 32), Pattern::Rggb);
        let planes = live(&samples, 32, Pattern::Rggb, 4095);
        assert!(planes.iter().flatten().all(|sample| *sample <= 4095));
        assert!(planes[1].contains(&0) && planes[1].contains(&4095));
    }

    #[test]
    fn of_more_than_14_bits_the_lowest_may_change() {
        for white in [16_383, 16_384, 32_768, u16::MAX] {
            let samples = filtered(
                |_, _| [white / 3, white / 2, white],
                (16, 16),
                Pattern::Rggb,
            );
            let planes = live(&samples, 16, Pattern::Rggb, white);
            for (plane, level) in planes.iter().zip([white / 3, white / 2, white]) {
                let lost = if white < 16_384 { 0 } else { 3 };
                assert!(plane.iter().all(|sample| level - sample <= lost), "{white}");
            }
        }
    }

    proptest! {
        #[test]
        fn parts_are_as_the_whole_and_samples_stay(
            (width, white, samples) in (4..40usize, 4..20usize, 0..=u16::MAX)
                .prop_flat_map(|(width, height, white)| {
                    let samples = proptest::collection::vec(0..=white, width * height);
                    (Just(width), Just(white), samples)
                }),
            pattern in proptest::sample::select(&PATTERNS[..]),
            parts in 1..5usize,
        ) {
            let whole = live(&samples, width, pattern, white);
            let mut again = Live::default();
            let rows = |mosaic: &Mosaic<'_>, rows, planes: &mut Planes<'_>| again.rows(mosaic, rows, planes);
            prop_assert_eq!(&whole, &demosaiced(rows, &samples, width, (pattern, white), parts));
            for (index, sample) in samples.iter().enumerate() {
                let colour = colour(pattern, index % width, index / width);
                prop_assert_eq!(whole[colour][index], *sample);
            }
            prop_assert!(whole.iter().flatten().all(|sample| *sample <= white));
        }
    }
}
