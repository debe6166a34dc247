//! Demosaic for pictures that are kept: colour differences along four directions, weighed by how smooth they are.
//!
//! I. Pekkucuksen, Y. Altunbasak, "Gradient based threshold free color filter array interpolation", ICIP 2010. At every
//! sample, green less colour is guessed twice, across and down. Where that guess changes little from place to place it
//! can be trusted; so above, below, left and right are each averaged and weighed by the inverse square of the change
//! there. No decision is taken, hence no seams, and no refinement is needed.
//!
//! Rows are taken apart into sites of colour and of green, so that each step reads runs of memory; strips of columns
//! keep all rows that are needed at once in the second cache. Arithmetic is in single precision and the same on all
//! machines: nothing is contracted or reordered.

mod rows;
mod steps;
mod strip;

use super::{Mosaic, Planes};
use pulp::{Arch, NullaryFnOnce};
use rows::{MARGIN, Rows};
use std::ops::Range;
use steps::{at_colour, at_green, difference, fuse, gradient, opposite, sum};
use strip::{Strip, join};

/// How much the next colour differences in a direction count, nearest first. Merely good enough: chosen between the
/// paper's equal parts, best for the Kodak pictures, and the nearest alone, best for the more colourful McMaster set.
const AVERAGE: [f32; 5] = [0.4, 0.25, 0.2, 0.1, 0.05];
/// Added to how rough a direction is, a sum over 25 places in units of white, so that flat surfaces are defined.
const FLAT: f32 = 1.0 / 1024.0;
/// Sites of each kind in a row of a strip, about. In wider ones the rows leave the cache.
const STRIP: usize = 256;
/// Sites at each end of a strip that its steps use up.
const PADDING: usize = 8;
/// Places that a step works on are a multiple of this, so that few or none are left for its narrow loop.
const WIDE: usize = 32;

/// Kinds of sites in a row.
const COLOUR: usize = 0;
const GREEN: usize = 1;

/// Rows of samples that a row of the picture depends on, above and below.
const REACH: isize = 11;
/// Rows from the newest one of the samples to the newest one of each step.
const DIFFERENCES: isize = 2;
const GRADIENTS: isize = 3;
const BOXES: isize = 5;
const FUSED: isize = 7;
const OPPOSITES: isize = 10;

/// Demosaics rows; what it needs it keeps.
#[derive(Debug)]
pub struct Still {
    arch: Arch,
    /// What red and blue are multiplied by to be alike green.
    gains: [f32; 2],
    samples: Rows<2, 12>,
    /// Colour differences along rows and along columns.
    across: Rows<2, 6>,
    down: Rows<2, 10>,
    /// Gradients of one row, across and down.
    gradients: [Rows<2, 1>; 2],
    /// Sums of five gradients in a row.
    sums: [Rows<2, 5>; 2],
    /// Sums over five by five places.
    rough_across: Rows<2, 7>,
    rough_down: Rows<2, 9>,
    /// Green less the row's own colour, and less the other one.
    own: Rows<1, 7>,
    other: Rows<1, 3>,
    /// Red, green and blue of a row, at sites of colour and at those of green.
    found: [[Vec<u16>; 3]; 2],
}

impl Default for Still {
    /// For samples in which grey has equal parts of the three colours.
    fn default() -> Self {
        Self::balanced([1.0; 3])
    }
}

impl Still {
    /// For samples in which grey has equal parts of the three colours once red, green and blue are multiplied by these
    /// gains, all greater than zero. Colours are guessed from each other, and worse the more they differ in grey. What
    /// comes out is not multiplied.
    pub fn balanced([red, green, blue]: [f32; 3]) -> Self {
        Self {
            arch: Arch::new(),
            gains: [red / green, blue / green],
            samples: Rows::new(),
            across: Rows::new(),
            down: Rows::new(),
            gradients: [Rows::new(), Rows::new()],
            sums: [Rows::new(), Rows::new()],
            rough_across: Rows::new(),
            rough_down: Rows::new(),
            own: Rows::new(),
            other: Rows::new(),
            found: Default::default(),
        }
    }

    /// Fills planes with these rows of the picture.
    ///
    /// Each call works through some rows above and below as well, so parts of hundreds of rows are best.
    ///
    /// # Panics
    /// When the planes are smaller than the rows, or the mosaic is smaller than it says or than 4 by 4.
    pub fn rows(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>, planes: &mut Planes<'_>) {
        assert!(
            mosaic.width >= 4 && mosaic.height >= 4,
            "a mosaic of 4 by 4 at least"
        );
        self.arch.dispatch(Work {
            still: self,
            mosaic,
            rows,
            planes,
        });
    }

    #[inline(always)]
    fn strips(&mut self, mosaic: &Mosaic<'_>, rows: Range<usize>, planes: &mut Planes<'_>) {
        let sites = mosaic.width.div_ceil(2);
        let used_up = 2 * (PADDING - MARGIN);
        let about = sites.div_ceil(sites.div_ceil(STRIP)) + used_up;
        let sites = about.next_multiple_of(WIDE) - used_up;
        self.resize(sites + 2 * PADDING);
        let first = rows.start as isize;
        for column in (0..mosaic.width).step_by(2 * sites) {
            let strip = Strip {
                mosaic,
                column,
                gains: self.gains,
            };
            for newest in first - REACH..rows.end as isize + REACH {
                self.prepare(&strip, newest, first);
                let y = newest - REACH;
                if y >= first {
                    let place = (y - first) as usize * mosaic.width + column;
                    let columns = (2 * sites).min(mosaic.width - column);
                    self.finish(&strip, y, place..place + columns, planes);
                }
            }
        }
    }

    fn resize(&mut self, places: usize) {
        self.samples.resize(places);
        self.across.resize(places);
        self.down.resize(places);
        for gradients in &mut self.gradients {
            gradients.resize(places);
        }
        for sums in &mut self.sums {
            sums.resize(places);
        }
        self.rough_across.resize(places);
        self.rough_down.resize(places);
        self.own.resize(places);
        self.other.resize(places);
        for found in self.found.as_flattened_mut() {
            found.resize(places - 2 * MARGIN, 0);
        }
    }

    /// Takes the newest row of samples, and every step as far as it makes possible. Rows that the first one of the
    /// picture does not depend on are left out.
    #[inline(always)]
    fn prepare(&mut self, strip: &Strip<'_>, newest: isize, first: isize) {
        let needed = |step: isize| newest - step >= first - (REACH - step);
        strip.split(newest, self.samples.whole(newest));
        if needed(DIFFERENCES) {
            self.differences(strip, newest - DIFFERENCES);
        }
        if needed(GRADIENTS) {
            self.gradients(strip, newest - GRADIENTS);
        }
        if needed(BOXES) {
            self.boxes(strip, newest - BOXES);
        }
        if needed(FUSED) {
            self.fuse(strip, newest - FUSED);
        }
        if needed(OPPOSITES) {
            self.opposites(strip, newest - OPPOSITES);
        }
    }

    #[inline(always)]
    fn differences(&mut self, strip: &Strip<'_>, y: isize) {
        let samples = &self.samples;
        for (site, sign) in [(COLOUR, 1.0), (GREEN, -1.0)] {
            difference(
                [-1, 0, 1].map(|shift| samples.at(y, site, shift)),
                strip
                    .beside(y, site)
                    .map(|shift| samples.at(y, 1 - site, shift)),
                sign,
                &mut *self.across.written(y)[site],
            );
            // Above a site of colour there is one of green, and the other way round.
            difference(
                [-2, 0, 2].map(|row| samples.at(y + row, site, 0)),
                [-1, 1].map(|row| samples.at(y + row, 1 - site, 0)),
                sign,
                &mut *self.down.written(y)[site],
            );
        }
    }

    /// Gradients of the colour differences, and their sums in the row.
    #[inline(always)]
    fn gradients(&mut self, strip: &Strip<'_>, y: isize) {
        let [across, down] = &mut self.gradients;
        for site in [COLOUR, GREEN] {
            let [left, right] = strip.beside(y, site);
            gradient(
                self.across.at(y, 1 - site, left),
                self.across.at(y, 1 - site, right),
                &mut *across.written(0)[site],
            );
            gradient(
                self.down.at(y - 1, 1 - site, 0),
                self.down.at(y + 1, 1 - site, 0),
                &mut *down.written(0)[site],
            );
        }
        for (gradients, sums) in self.gradients.iter().zip(&mut self.sums) {
            for site in [COLOUR, GREEN] {
                let [left, right] = strip.beside(y, site);
                sum(
                    [
                        gradients.at(0, site, -1),
                        gradients.at(0, 1 - site, left),
                        gradients.at(0, site, 0),
                        gradients.at(0, 1 - site, right),
                        gradients.at(0, site, 1),
                    ],
                    1.0,
                    &mut *sums.written(y)[site],
                );
            }
        }
    }

    #[inline(always)]
    fn boxes(&mut self, strip: &Strip<'_>, y: isize) {
        let scale = 1.0 / f32::from(strip.mosaic.white.max(1));
        let [across, down] = &self.sums;
        for site in [COLOUR, GREEN] {
            let kinds = [site, 1 - site, site, 1 - site, site];
            let rows = |index: usize| (y + index as isize - 2, kinds[index]);
            let all = [0, 1, 2, 3, 4].map(rows);
            sum(
                all.map(|(row, site)| across.at(row, site, 0)),
                scale,
                &mut *self.rough_across.written(y)[site],
            );
            sum(
                all.map(|(row, site)| down.at(row, site, 0)),
                scale,
                &mut *self.rough_down.written(y)[site],
            );
        }
    }

    #[inline(always)]
    fn fuse(&mut self, strip: &Strip<'_>, y: isize) {
        let [left, right] = strip.beside(y, COLOUR);
        let along = [
            (COLOUR, -2),
            (GREEN, left - 1),
            (COLOUR, -1),
            (GREEN, left),
            (COLOUR, 0),
            (GREEN, right),
            (COLOUR, 1),
            (GREEN, right + 1),
            (COLOUR, 2),
        ];
        let [own] = self.own.written(y);
        fuse(
            rough(&self.rough_across, &self.rough_down, y, COLOUR),
            [-4, -3, -2, -1, 0, 1, 2, 3, 4]
                .map(|row: isize| self.down.at(y + row, row.unsigned_abs() % 2, 0)),
            along.map(|(site, shift)| self.across.at(y, site, shift)),
            own,
        );
    }

    #[inline(always)]
    fn opposites(&mut self, strip: &Strip<'_>, y: isize) {
        let [left, right] = strip.beside(y, COLOUR);
        let at = |(row, shift)| self.own.at(y + row, 0, shift);
        let [other] = self.other.written(y);
        opposite(
            [(-1, left), (-1, right), (1, left), (1, right)].map(at),
            [
                (-3, left),
                (-3, right),
                (3, left),
                (3, right),
                (-1, left - 1),
                (-1, right + 1),
                (1, left - 1),
                (1, right + 1),
            ]
            .map(at),
            other,
        );
    }

    /// Writes a row of the picture to its place in the planes.
    #[inline(always)]
    fn finish(
        &mut self,
        strip: &Strip<'_>,
        y: isize,
        place: Range<usize>,
        planes: &mut Planes<'_>,
    ) {
        let white = f32::from(strip.mosaic.white);
        let scales = strip.gains(y).map(f32::recip);
        let [[owns, greens, others], green] = &mut self.found;
        let (own, other) = (&self.own, &self.other);
        at_colour(
            [
                self.samples.at(y, COLOUR, 0),
                own.at(y, 0, 0),
                other.at(y, 0, 0),
            ],
            scales,
            white,
            owns,
            greens,
            others,
        );
        let [left, right] = strip.beside(y, GREEN);
        let [owns, greens, others] = green;
        // The row's own colour is the other one of the rows above and below.
        at_green(
            self.samples.at(y, GREEN, 0),
            rough(&self.rough_across, &self.rough_down, y, GREEN),
            [
                other.at(y - 1, 0, 0),
                other.at(y + 1, 0, 0),
                own.at(y, 0, left),
                own.at(y, 0, right),
            ],
            [
                own.at(y - 1, 0, 0),
                own.at(y + 1, 0, 0),
                other.at(y, 0, left),
                other.at(y, 0, right),
            ],
            scales,
            white,
            owns,
            greens,
            others,
        );
        let [colour, green] = &self.found;
        let [red, greens, blue] = &mut planes.colours;
        let colours = if strip.is_red(y) {
            [red, greens, blue]
        } else {
            [blue, greens, red]
        };
        for ((plane, colour), green) in colours.into_iter().zip(colour).zip(green) {
            let sites = [colour, green].map(|sites| &sites[PADDING - MARGIN..]);
            let (even, odd) = (sites[strip.own(y)], sites[1 - strip.own(y)]);
            join(even, odd, &mut plane[place.clone()]);
        }
    }
}

/// What is run with the widest instructions that the processor has. A closure would not be compiled for them as a whole.
struct Work<'a, 'b, 'c> {
    still: &'a mut Still,
    mosaic: &'a Mosaic<'b>,
    rows: Range<usize>,
    planes: &'a mut Planes<'c>,
}

impl NullaryFnOnce for Work<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.still.strips(self.mosaic, self.rows, self.planes);
    }
}

/// How rough it is above, below, left and right of a site.
#[inline(always)]
fn rough<'a>(
    across: &'a Rows<2, 7>,
    down: &'a Rows<2, 9>,
    y: isize,
    site: usize,
) -> [&'a [f32]; 4] {
    [
        down.at(y - 2, site, 0),
        down.at(y + 2, site, 0),
        across.at(y, site, -1),
        across.at(y, site, 1),
    ]
}

#[cfg(test)]
mod tests;
