//! Pixels that are known to be broken: each becomes the mean of two neighbours behind filters of the same colour.

use crate::demosaic::Pattern;
use crate::develop::Error;
use crate::dng::opcodes::Opcode;
use crate::shading::colour_at;
use std::ops::Range;

/// Rows above and below a pixel that its neighbours are in.
pub(crate) const REACH: usize = 2;

/// Broken pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Defects {
    /// Rows and columns of the active area, sorted.
    pixels: Vec<[usize; 2]>,
}

/// Rows of a mosaic.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    /// Row by row without gaps.
    pub(crate) samples: &'a mut [u16],
    /// Samples in a row.
    pub(crate) width: usize,
    /// Which rows they are.
    pub(crate) rows: Range<usize>,
    /// Of the mosaic's first two rows and columns.
    pub(crate) pattern: Pattern,
}

impl Defects {
    /// Those that are named by corrections of samples as they are stored (`OpcodeList1`), which count rows and columns
    /// from the first that is stored. `active` is top, left, bottom and right of the active area.
    ///
    /// # Errors
    /// When there are corrections of other kinds among them.
    pub(crate) fn new(opcodes: &[Opcode], active: [usize; 4]) -> Result<Self, Error> {
        let [top, left, bottom, right] = active;
        let mut pixels = Vec::new();
        for opcode in opcodes {
            let Opcode::FixBadPixelsList { pixels: named, .. } = opcode else {
                let problem = "only FixBadPixelsList can be done with samples as they are stored";
                return Err(Error::new("OpcodeList1", problem));
            };
            let there = named.iter().map(|place| place.map(|part| part as usize));
            let inside = there.filter(|[row, column]| {
                (top..bottom).contains(row) && (left..right).contains(column)
            });
            pixels.extend(inside.map(|[row, column]| [row - top, column - left]));
        }
        pixels.sort_unstable();
        pixels.dedup();
        Ok(Self { pixels })
    }

    /// Mends those in these rows, as far as their neighbours are in `rows` as well.
    pub(crate) fn mend(&self, rows: &mut Rows<'_>) {
        let first = self
            .pixels
            .partition_point(|[row, _]| *row < rows.rows.start);
        for &[row, column] in &self.pixels[first..] {
            if row >= rows.rows.end {
                break;
            }
            if let Some(level) = self.neighbours_level(rows, row, column) {
                let place = (row - rows.rows.start) * rows.width + column;
                rows.samples[place] = level;
            }
        }
    }

    /// The mean of the two opposite neighbours that differ least; of all, where no two opposite ones are good.
    fn neighbours_level(&self, rows: &Rows<'_>, row: usize, column: usize) -> Option<u16> {
        /// Across, down, and both diagonals.
        const FAR: [[isize; 2]; 4] = [[0, 2], [2, 0], [2, 2], [2, -2]];
        /// Behind green filters there are nearer ones.
        const NEAR: [[isize; 2]; 4] = [[1, 1], [1, -1], [0, 2], [2, 0]];
        let is_green = colour_at(rows.pattern, column, row) == 1;
        let ways = if is_green { NEAR } else { FAR };
        let at = |down: isize, across: isize| {
            let row = row.checked_add_signed(down)?;
            let column = column.checked_add_signed(across)?;
            let is_there = rows.rows.contains(&row) && column < rows.width;
            let is_good = is_there && self.pixels.binary_search(&[row, column]).is_err();
            is_good.then(|| rows.samples[(row - rows.rows.start) * rows.width + column])
        };
        let pairs = ways.map(|[down, across]| [at(down, across), at(-down, -across)]);
        let best = pairs
            .iter()
            .filter_map(|[a, b]| Some([(*a)?, (*b)?]))
            .min_by_key(|[a, b]| a.abs_diff(*b));
        if let Some([a, b]) = best {
            return Some(a.midpoint(b));
        }
        let (sum, count) = pairs
            .iter()
            .flatten()
            .flatten()
            .fold((0u32, 0), |(sum, count), level| {
                (sum + u32::from(*level), count + 1)
            });
        sum.checked_div(count).map(|mean| mean as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 10;
    const HEIGHT: usize = 8;

    fn mended(pixels: &[[u32; 2]], level: impl Fn(usize, usize) -> u16) -> Vec<u16> {
        let opcode = Opcode::FixBadPixelsList {
            phase: 0,
            pixels: pixels.to_vec(),
        };
        let defects = Defects::new(&[opcode], [0, 0, HEIGHT, WIDTH]).unwrap();
        let is_bad = |x: usize, y: usize| pixels.contains(&[y as u32, x as u32]);
        let mut samples: Vec<u16> = (0..WIDTH * HEIGHT)
            .map(|index| (index % WIDTH, index / WIDTH))
            .map(|(x, y)| if is_bad(x, y) { 9999 } else { level(x, y) })
            .collect();
        defects.mend(&mut Rows {
            samples: &mut samples,
            width: WIDTH,
            rows: 0..HEIGHT,
            pattern: Pattern::Rggb,
        });
        samples
    }

    /// Colours that are far apart: a neighbour of another colour would show.
    fn coloured(x: usize, y: usize) -> u16 {
        [100, 2000, 500][colour_at(Pattern::Rggb, x, y)]
    }

    #[test]
    fn pixels_of_every_colour_are_mended_up_to_the_corners() {
        let pixels = [
            [0, 0],
            [0, 9],
            [7, 0],
            [7, 9],
            [3, 4],
            [4, 4],
            [5, 2],
            [2, 7],
        ];
        for (index, level) in mended(&pixels, coloured).iter().enumerate() {
            assert_eq!(*level, coloured(index % WIDTH, index / WIDTH), "{index}");
        }
    }

    #[test]
    fn broken_neighbours_are_not_asked() {
        let pixels = [[2, 2], [2, 4], [2, 6], [4, 4], [0, 4]];
        for (index, level) in mended(&pixels, coloured).iter().enumerate() {
            assert_eq!(*level, coloured(index % WIDTH, index / WIDTH), "{index}");
        }
    }

    #[test]
    fn edges_go_on() {
        let edge = |x: usize, _| if x < 5 { 100 } else { 3000 };
        assert_eq!(mended(&[[4, 4]], edge)[4 * WIDTH + 4], 100);
        assert_eq!(mended(&[[4, 6]], edge)[4 * WIDTH + 6], 3000);
        let edge = |_, y: usize| if y < 4 { 100 } else { 3000 };
        assert_eq!(mended(&[[4, 4]], edge)[4 * WIDTH + 4], 3000);
    }

    #[test]
    fn a_pixel_without_good_neighbours_stays() {
        let all: Vec<[u32; 2]> = (0..8).flat_map(|y| (0..10).map(move |x| [y, x])).collect();
        assert!(mended(&all, coloured).iter().all(|level| *level == 9999));
    }

    #[test]
    fn places_are_those_of_all_samples() {
        let opcode = Opcode::FixBadPixelsList {
            phase: 0,
            pixels: vec![[5, 7], [0, 0], [4, 6], [9, 9], [u32::MAX, 3], [5, 7]],
        };
        let defects = Defects::new(&[opcode], [4, 6, 9, 9]).unwrap();
        assert_eq!(defects.pixels, [[0, 0], [1, 1]]);
    }

    #[test]
    fn other_corrections_of_stored_samples_are_refused() {
        let opcode = Opcode::FixVignetteRadial {
            factors: [0.0; 5],
            centre: [0.5; 2],
        };
        let refused = Defects::new(&[opcode], [0, 0, 4, 4]).unwrap_err();
        assert!(
            refused.to_string().starts_with("OpcodeList1: only"),
            "{refused}"
        );
    }
}
