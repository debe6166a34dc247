//! The back end's downscaler: a box filter with fractional ends ("trapezoidal"), 2 to 8 times smaller.
//!
//! Output sample k is the mean of the input between `k * factor` and `(k + 1) * factor`; a tile that does not
//! begin at such a border says how much of its first pixel is left. Columns are summed first, row by row as they come.

use super::ConfigError;
use super::demosaic::{Planes, resize};
use super::layout::{be, u16_at};
use super::tiles::TileBranch;

/// Fraction bits of factors, reciprocals and phases (libpisp's `ScalePrecision`).
const PRECISION: u32 = 12;
const UNITY: u32 = 1 << PRECISION;
/// The largest factor.
const MAX_FACTOR: u32 = 8 * UNITY;

/// Factors and reciprocals of `struct pisp_be_downscale_config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    horizontal: Direction,
    vertical: Direction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Direction {
    factor: u32,
    reciprocal: u32,
}

impl Settings {
    pub(crate) fn read(config: &[u8], branch: usize) -> Result<Self, ConfigError> {
        let field = |index: usize| {
            u16_at(
                config,
                be::DOWNSCALE + be::DOWNSCALE_SIZE * branch + 2 * index,
            )
        };
        let direction = |index: usize| {
            let (factor, reciprocal) = (field(index), u32::from(field(index + 2)));
            if (UNITY..=MAX_FACTOR).contains(&u32::from(factor)) {
                Ok(Direction {
                    factor: factor.into(),
                    reciprocal,
                })
            } else {
                Err(ConfigError::Scale {
                    what: "downscale",
                    factor,
                })
            }
        };
        Ok(Self {
            horizontal: direction(0)?,
            vertical: direction(1)?,
        })
    }
}

impl Direction {
    /// How far before the tile's first pixel the first output sample begins.
    fn lead(phase: u16) -> u32 {
        UNITY.saturating_sub(u32::from(phase))
    }

    /// Weighted sum to mean.
    fn mean(self, sum: u32) -> u16 {
        let scaled = u64::from(sum) * u64::from(self.reciprocal) + (1 << (2 * PRECISION - 1));
        (scaled >> (2 * PRECISION)).min(0xffff) as u16
    }
}

/// Scales the rows of one tile.
#[derive(Default)]
pub(crate) struct Downscaler {
    vertical: Direction,
    horizontal: Direction,
    lead_x: [u32; 3],
    /// What is left of each plane's current output row, in 1/4096 of an input row.
    left: [u32; 3],
    sums: [Vec<u32>; 3],
    means: Vec<u16>,
    /// The row that [`Downscaler::push`] completed.
    out: Planes,
}

impl Downscaler {
    /// Starts a tile whose rows are `width` wide.
    pub(crate) fn begin(&mut self, settings: &Settings, tile: &TileBranch, width: usize) {
        self.vertical = settings.vertical;
        self.horizontal = settings.horizontal;
        for plane in 0..3 {
            self.lead_x[plane] = Direction::lead(tile.downscale_phase[plane].x);
            self.left[plane] =
                self.vertical.factor - Direction::lead(tile.downscale_phase[plane].y);
            self.sums[plane].clear();
            self.sums[plane].resize(width, 0);
        }
        self.means.resize(width, 0);
        resize(&mut self.out, usize::from(tile.resample_in.x));
    }

    /// Takes a row, and gives one back when it completes one in all planes.
    pub(crate) fn push(&mut self, planes: [&[u16]; 3]) -> Option<&Planes> {
        let mut complete = true;
        for (plane, row) in planes.into_iter().enumerate() {
            let part = self.left[plane].min(UNITY);
            accumulate(row, part, &mut self.sums[plane]);
            self.left[plane] -= part;
            if self.left[plane] > 0 {
                complete = false;
                continue;
            }
            for (mean, sum) in self.means.iter_mut().zip(&self.sums[plane]) {
                *mean = self.vertical.mean(*sum);
            }
            shrink(
                self.horizontal,
                self.lead_x[plane],
                &self.means,
                &mut self.out[plane],
            );
            // The rest of this row opens the next one.
            self.sums[plane].fill(0);
            accumulate(row, UNITY - part, &mut self.sums[plane]);
            self.left[plane] = self.vertical.factor - (UNITY - part);
        }
        complete.then_some(&self.out)
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.sums[0].capacity() + self.means.capacity() + self.out[0].capacity()
    }
}

/// Adds `part` 4096ths of a row. Eight whole rows of 16 bits fit 32.
fn accumulate(row: &[u16], part: u32, sums: &mut [u32]) {
    let part = part as u16;
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += u32::from(*value) * u32::from(part);
    }
}

/// Means along a row. Pixels missing at its end repeat the last one.
fn shrink(direction: Direction, lead: u32, row: &[u16], out: &mut [u16]) {
    let Some(last) = row.len().checked_sub(1) else {
        return;
    };
    let at = |index: u32| u32::from(row[(index as usize).min(last)]);
    let mut start = lead;
    for out in out {
        let end = start + direction.factor;
        let (first, beyond) = (start >> PRECISION, end >> PRECISION);
        let mut sum = at(first) * (UNITY - (start & (UNITY - 1)));
        for index in first + 1..beyond {
            sum += at(index) * UNITY;
        }
        sum += at(beyond) * (end & (UNITY - 1));
        *out = direction.mean(sum);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(from: u32, to: u32) -> Direction {
        Direction {
            factor: (from << PRECISION) / to,
            reciprocal: (to << PRECISION) / from,
        }
    }

    #[test]
    fn halves_are_means_of_pairs() {
        let mut out = [0; 4];
        shrink(
            direction(8, 4),
            0,
            &[0, 10, 20, 30, 65_535, 65_535, 1, 2],
            &mut out,
        );
        assert_eq!(out, [5, 25, 65_535, 2]);
    }

    #[test]
    fn fractions_are_weighed() {
        let mut out = [0; 2];
        shrink(
            direction(5, 2),
            0,
            &[1000, 1000, 2000, 3000, 3000],
            &mut out,
        );
        // (1000 + 1000 + 1000) / 2.5 with a reciprocal of 1638/4096.
        assert_eq!(out, [1200, 2799]);
    }

    #[test]
    fn tiles_continue_where_the_last_one_ended() {
        let row: Vec<u16> = (0..100).map(|x| x * 600).collect();
        let direction = direction(100, 40);
        let mut whole = [0; 40];
        shrink(direction, 0, &row, &mut whole);
        let mut second = [0; 27];
        let start = 13 * direction.factor;
        let lead = Direction::lead((UNITY - (start & (UNITY - 1))) as u16);
        shrink(
            direction,
            lead,
            &row[(start >> PRECISION) as usize..],
            &mut second,
        );
        assert_eq!(second, whole[13..]);
    }

    #[test]
    fn rows_are_treated_like_columns() {
        let values = [1000u16, 1000, 2000, 3000, 3000];
        let settings = Settings {
            vertical: direction(5, 2),
            horizontal: direction(1, 1),
        };
        let mut tile = TileBranch::default();
        tile.resample_in.x = 1;
        for phase in &mut tile.downscale_phase {
            (phase.x, phase.y) = (UNITY as u16, UNITY as u16);
        }
        let mut scaler = Downscaler::default();
        scaler.begin(&settings, &tile, 1);
        let rows: Vec<u16> = values
            .iter()
            .filter_map(|v| scaler.push([&[*v]; 3]).map(|out| out[2][0]))
            .collect();
        assert_eq!(rows, [1200, 2799]);
    }
}
