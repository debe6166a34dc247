//! The back end's resampler: a polyphase filter of six taps and sixteen phases, from 16 times smaller to 16 times larger.
//!
//! Output sample k lies at `phase + k * factor` of the tile; its taps begin two samples before. A tile at the image's
//! left or upper edge has no samples there, so its first one is repeated; other tiles bring them along. Rows are filtered
//! first, so that the slower filter along a row runs on output rows only.

use super::ConfigError;
use super::demosaic::{Planes, resize};
use super::layout::{be, i16_at, u16_at};
use super::samples::{HALF, centred, saturate_centred};
use super::tiles::{EDGE_LEFT, EDGE_TOP, TileBranch};

const TAPS: usize = 6;
const PHASES: usize = 16;
/// Samples before the one at the output's place (libpisp's `StartContext`).
const BEFORE: usize = 2;
/// Fraction bits of factors and phases (libpisp's `ScalePrecision`).
const PRECISION: u32 = 12;
/// From a position to its phase.
const PHASE_SHIFT: u32 = PRECISION - PHASES.ilog2();
/// Fraction bits of coefficients (libpisp's `ResamplePrecision`).
const COEFFICIENT_PRECISION: u32 = 10;
/// Bound that keeps sums of six products within 32 bits; libpisp's coefficients stay within 1024.
const COEFFICIENT_MAX: i16 = 4095;
/// Smallest factor: 16 times larger.
const MIN_FACTOR: u32 = (1 << PRECISION) / 16;

type Filter = [[i16; TAPS]; PHASES];

/// `struct pisp_be_resample_config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    horizontal: u32,
    vertical: u32,
    filter: Filter,
}

impl Settings {
    pub(crate) fn read(config: &[u8], branch: usize) -> Result<Self, ConfigError> {
        let base = be::RESAMPLE + be::RESAMPLE_SIZE * branch;
        let factor = |offset: usize| {
            let factor = u16_at(config, base + offset);
            if u32::from(factor) >= MIN_FACTOR {
                Ok(u32::from(factor))
            } else {
                Err(ConfigError::Scale {
                    what: "resample",
                    factor,
                })
            }
        };
        let mut filter = [[0; TAPS]; PHASES];
        for (index, coefficient) in filter.as_flattened_mut().iter_mut().enumerate() {
            *coefficient =
                i16_at(config, base + 4 + 2 * index).clamp(-COEFFICIENT_MAX, COEFFICIENT_MAX);
        }
        Ok(Self {
            horizontal: factor(0)?,
            vertical: factor(2)?,
            filter,
        })
    }
}

/// Where an output sample's taps begin, counted with the samples before the tile, and its phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    first: usize,
    phase: usize,
}

fn place(start: u16, factor: u32, index: usize) -> Place {
    let position = u64::from(start) + u64::from(factor) * index as u64;
    let phase = (position >> PHASE_SHIFT) as usize % PHASES;
    Place {
        first: (position >> PRECISION) as usize,
        phase,
    }
}

/// Scales the rows of one tile.
#[derive(Default)]
pub(crate) struct Resampler {
    filter: Filter,
    factor_y: u32,
    phase_y: [u16; 3],
    /// Samples, columns and rows, repeated before the tile's first.
    repeat: [usize; 2],
    /// Rows of the tile.
    height: usize,
    rows_in: usize,
    rows_out: usize,
    ring: [Planes; TAPS],
    places: [Vec<Place>; 3],
    /// One row with its first and last samples repeated as far as taps reach.
    row: Vec<u16>,
    out: Planes,
}

impl Resampler {
    /// Starts a tile of `width` times `height` samples at the edges `edge`.
    pub(crate) fn begin(
        &mut self,
        settings: &Settings,
        tile: &TileBranch,
        edge: u8,
        width: usize,
        height: usize,
    ) {
        self.filter = settings.filter;
        self.factor_y = settings.vertical;
        self.repeat = [EDGE_LEFT, EDGE_TOP].map(|flag| if edge & flag != 0 { BEFORE } else { 0 });
        (self.height, self.rows_in, self.rows_out) = (height, 0, 0);
        for planes in &mut self.ring {
            resize(planes, width);
        }
        let before = self.repeat[0];
        self.row.resize(before + width + TAPS, 0);
        for plane in 0..3 {
            self.phase_y[plane] = tile.resample_phase[plane].y;
            self.places[plane].clear();
            self.places[plane].extend((0..usize::from(tile.output_size.x)).map(|x| {
                let place = place(tile.resample_phase[plane].x, settings.horizontal, x);
                Place {
                    first: place.first.min(before + width),
                    ..place
                }
            }));
        }
        resize(&mut self.out, usize::from(tile.output_size.x));
    }

    /// Takes the next row; rows beyond the tile's height are dropped.
    pub(crate) fn push(&mut self, planes: [&[u16]; 3]) {
        if self.rows_in < self.height {
            for (slot, row) in self.ring[self.rows_in % TAPS].iter_mut().zip(planes) {
                let n = slot.len().min(row.len());
                slot[..n].copy_from_slice(&row[..n]);
            }
            self.rows_in += 1;
        }
    }

    /// The next output row, as soon as its taps have come in, or when no more will. The planes but the first are
    /// filtered in every `chroma`th row only, and stay as they were in others.
    pub(crate) fn pull(&mut self, chroma: Chroma) -> Option<&Planes> {
        let places = self
            .phase_y
            .map(|phase| place(phase, self.factor_y, self.rows_out));
        let last = places
            .iter()
            .map(|place| place.first + TAPS - 1)
            .max()
            .unwrap_or(0)
            .saturating_sub(self.repeat[1]);
        if self.rows_in == 0 || (last >= self.rows_in && self.rows_in < self.height) {
            return None;
        }
        let planes = if self.rows_out.is_multiple_of(chroma.rows) {
            3
        } else {
            1
        };
        for (plane, place) in places.into_iter().enumerate().take(planes) {
            let tap = |tap: usize| {
                let row = (place.first + tap)
                    .saturating_sub(self.repeat[1])
                    .min(self.rows_in - 1);
                &self.ring[row % TAPS][plane][..]
            };
            let rows = [tap(0), tap(1), tap(2), tap(3), tap(4), tap(5)];
            let before = self.repeat[0];
            let end = self.row.len() - TAPS;
            filter_rows(&self.filter[place.phase], rows, &mut self.row[before..end]);
            let (first, last) = (self.row[before], self.row[end - 1]);
            self.row[..before].fill(first);
            self.row[end..].fill(last);
            let step = if plane == 0 { 1 } else { chroma.columns };
            filter_along(
                &self.filter,
                &self.row,
                &self.places[plane],
                step,
                &mut self.out[plane],
            );
        }
        self.rows_out += 1;
        Some(&self.out)
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.ring[0][0].capacity()
            + self.places[0].capacity()
            + self.row.capacity()
            + self.out[0].capacity()
    }
}

/// Which rows and columns of the colour planes the output keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chroma {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// What makes up for centred samples in a sum, and for rounding.
fn constant(taps: &[i16; TAPS]) -> i32 {
    let sum: i32 = taps.iter().map(|tap| i32::from(*tap)).sum();
    HALF * sum + (1 << (COEFFICIENT_PRECISION - 1)) - (HALF << COEFFICIENT_PRECISION)
}

fn filter_rows(taps: &[i16; TAPS], rows: [&[u16]; TAPS], out: &mut [u16]) {
    let n = out.len();
    let [a, b, c, d, e, f] = rows.map(|row| &row[..n]);
    let [ka, kb, kc, kd, ke, kf] = taps.map(i32::from);
    let constant = constant(taps);
    for i in 0..n {
        let sum = ka * centred(a[i])
            + kb * centred(b[i])
            + kc * centred(c[i])
            + kd * centred(d[i])
            + ke * centred(e[i])
            + kf * centred(f[i]);
        out[i] = saturate_centred((sum + constant) >> COEFFICIENT_PRECISION);
    }
}

/// Filters along a row, at every `step`th place.
fn filter_along(filter: &Filter, row: &[u16], places: &[Place], step: usize, out: &mut [u16]) {
    let constants = filter.each_ref().map(constant);
    for (out, place) in out.iter_mut().zip(places).step_by(step) {
        let Some(samples) = row
            .get(place.first..)
            .and_then(|rest| rest.first_chunk::<TAPS>())
        else {
            return;
        };
        let phase = place.phase % PHASES;
        let mut sum = constants[phase];
        for (sample, tap) in samples.iter().zip(&filter[phase]) {
            sum += centred(*sample) * i32::from(*tap);
        }
        *out = saturate_centred(sum >> COEFFICIENT_PRECISION);
    }
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
