//! The front end's statistics: what the 3A algorithms see of a frame.
//!
//! One sample per Bayer quad: red, the mean of both greens, blue, after black level correction. AWB sums them before
//! lens shading, AGC takes their luminance after the RGBY gains, as libcamera's `rpi/pisp` IPA expects
//! (`AgcStatsPos::PostWb`, `ColourStatsPos::PreLsc`). CDAF looks at the greens alone, at full resolution. Zones are
//! aligned to quads. How the hardware weighs its focus measure is not published; here it is the energy of
//! a horizontal second difference above the configured noise, weighted per green.

use std::ops::Range;

use super::black_level::{self, BlackLevels};
use super::front_end::Enables;
use super::layout::{STATISTICS_SIZE, fe, stats, u16_at};
use super::zones::Grid;
use crate::bayer::BayerOrder;

/// Zones of the white balance statistics in one direction (`PISP_AWB_STATS_SIZE`).
pub const AWB_ZONES: usize = 32;
/// Weighted zones of the exposure statistics in one direction (`PISP_AGC_STATS_SIZE`).
pub const AGC_ZONES: usize = 16;
/// Bins of the luminance histogram (`PISP_AGC_STATS_NUM_BINS`).
pub const HISTOGRAM_BINS: usize = 1024;
/// Bands of row sums (`PISP_AGC_STATS_NUM_ROW_SUMS`).
pub const ROW_SUMS: usize = 512;
/// Focus zones in one direction (`PISP_CDAF_STATS_SIZE`).
pub const CDAF_ZONES: usize = 8;
/// Regions that lie anywhere (`PISP_FLOATING_STATS_NUM_ZONES`).
pub const FLOATING: usize = 4;

/// Fraction bits of the RGBY gains (libcamera: 4.10).
const RGBY_PRECISION: u32 = 10;
/// From a 16-bit luminance to its bin.
const BIN_SHIFT: u32 = 6;
/// Luminance weights when the RGBY block is off: a plain mean of the quad.
const PLAIN_MEAN: [u16; 3] = [256, 512, 256];

#[derive(Clone, Debug, Default)]
struct Settings {
    order: Option<BayerOrder>,
    enables: Enables,
    crop: [usize; 4],
    black: BlackLevels,
    luminance: [u16; 3],
    awb: Grid,
    awb_shift: u8,
    /// Lowest and highest value per colour of a quad that counts.
    awb_limits: [[u16; 2]; 3],
    agc: Grid,
    /// Two weights of four bits in a byte.
    agc_weights: [[u8; AGC_ZONES / 2]; AGC_ZONES],
    agc_rows: Grid,
    row_shift: u8,
    float_shift: u8,
    cdaf: Grid,
    cdaf_noise: [u16; 2],
    cdaf_weights: [u64; 2],
    floating: [Grid; FLOATING],
}

/// Sums of one white balance zone: red, green, blue, number of quads.
type AwbZone = [u64; 4];

/// Collects the statistics of a frame, row pair by row pair.
#[derive(Default)]
pub(crate) struct Statistics {
    settings: Settings,
    quads: usize,
    red: Vec<u16>,
    green: Vec<u16>,
    blue: Vec<u16>,
    luminance: Vec<u16>,
    /// Greens of the red row and of the blue row.
    greens: [Vec<u16>; 2],
    detail: Vec<u16>,
    corrected: [Vec<u16>; 2],
    awb: Vec<AwbZone>,
    awb_floating: [AwbZone; FLOATING],
    histogram: Vec<u32>,
    row_sums: Vec<u64>,
    /// Sum and number of quads.
    agc_floating: [[u64; 2]; FLOATING],
    cdaf: [[u64; CDAF_ZONES]; CDAF_ZONES],
    cdaf_floating: [u64; FLOATING],
    bytes: Vec<u8>,
}

impl Statistics {
    /// Reads the settings and clears all sums. `width` and `height` are those of the input in pixels.
    pub(crate) fn begin(
        &mut self,
        config: &[u8],
        order: Option<BayerOrder>,
        width: usize,
        height: usize,
    ) {
        self.settings = Settings::read(config, order, width, height);
        self.quads = self.settings.crop[2] / 2 / self.settings.step();
        for row in [
            &mut self.red,
            &mut self.green,
            &mut self.blue,
            &mut self.luminance,
            &mut self.detail,
        ] {
            row.resize(self.quads, 0);
        }
        for row in &mut self.greens {
            row.resize(self.quads, 0);
        }
        for row in &mut self.corrected {
            row.resize(self.settings.crop[2], 0);
        }
        refill(&mut self.awb, AWB_ZONES * AWB_ZONES, [0; 4]);
        refill(&mut self.histogram, HISTOGRAM_BINS, 0);
        refill(&mut self.row_sums, ROW_SUMS, 0);
        self.awb_floating = Default::default();
        self.agc_floating = Default::default();
        self.cdaf = Default::default();
        self.cdaf_floating = [0; FLOATING];
    }

    /// Adds the rows `y` (even) and `y + 1`.
    pub(crate) fn add(&mut self, y: usize, rows: [&[u16]; 2]) {
        let [left, top, width, height] = self.settings.crop;
        let step = self.settings.step();
        let Some(y) = y
            .checked_sub(top)
            .filter(|y| *y < height && (y / 2) % step == 0)
        else {
            return;
        };
        let y = y / step;
        for (parity, (row, corrected)) in rows.into_iter().zip(&mut self.corrected).enumerate() {
            corrected.copy_from_slice(&row[left..left + width]);
            if self.settings.enables.contains(Enables::BLC) {
                let order = self.settings.order.unwrap_or(BayerOrder::Rggb);
                black_level::subtract(corrected, self.settings.black.of_row(order, parity));
            }
        }
        self.split(step);
        luminance(
            &self.settings.luminance,
            [&self.red, &self.green, &self.blue],
            &mut self.luminance,
        );
        if self.settings.enables.contains(Enables::AWB_STATS) {
            self.add_awb(y);
        }
        if self.settings.enables.contains(Enables::AGC_STATS) {
            self.add_agc(y);
        }
        if self.settings.enables.contains(Enables::CDAF_STATS) {
            self.add_cdaf(y);
        }
    }

    /// Fills the colour rows from the corrected pixels, taking every `step`th quad.
    fn split(&mut self, step: usize) {
        let [top, bottom] = &self.corrected;
        let order = self.settings.order.unwrap_or(BayerOrder::Rggb);
        let (red_row, blue_row) = if order.red_y() == 0 {
            (top, bottom)
        } else {
            (bottom, top)
        };
        let red_x = order.red_x();
        let [green_red, green_blue] = &mut self.greens;
        take_column(red_row, red_x, step, &mut self.red);
        take_column(red_row, 1 - red_x, step, green_red);
        take_column(blue_row, red_x, step, green_blue);
        take_column(blue_row, 1 - red_x, step, &mut self.blue);
        for ((green, a), b) in self.green.iter_mut().zip(&*green_red).zip(&*green_blue) {
            *green = ((u32::from(*a) + u32::from(*b)) >> 1) as u16;
        }
    }

    fn add_awb(&mut self, y: usize) {
        let Self {
            settings,
            red,
            green,
            blue,
            quads,
            ..
        } = self;
        let sum = |range: Range<usize>| {
            sum_colours(
                &settings.awb_limits,
                [&red[range.clone()], &green[range.clone()], &blue[range]],
            )
        };
        if let Some(row) = settings.awb.y.zone(y, AWB_ZONES) {
            for (x, zone) in self.awb[row * AWB_ZONES..][..AWB_ZONES]
                .iter_mut()
                .enumerate()
            {
                add_to(zone, sum(settings.awb.x.quads(x, *quads)));
            }
        }
        for (region, zone) in settings.floating.iter().zip(&mut self.awb_floating) {
            if region.y.zone(y, 1).is_some() {
                add_to(zone, sum(region.x.quads(0, *quads)));
            }
        }
    }

    fn add_agc(&mut self, y: usize) {
        let Self {
            settings,
            luminance,
            quads,
            ..
        } = self;
        if let Some(row) = settings.agc.y.zone(y, AGC_ZONES) {
            for x in 0..AGC_ZONES {
                let pair = settings.agc_weights[row][x / 2];
                let weight = u32::from(pair >> (4 * (x & 1)) & 0xf);
                if weight != 0 {
                    for value in &luminance[settings.agc.x.quads(x, *quads)] {
                        self.histogram[usize::from(value >> BIN_SHIFT)] += weight;
                    }
                }
            }
        }
        let sum = |range: Range<usize>| {
            luminance[range]
                .iter()
                .map(|value| u32::from(*value))
                .sum::<u32>()
        };
        if let Some(row) = settings.agc_rows.y.zone(y, ROW_SUMS) {
            self.row_sums[row] += u64::from(sum(settings.agc_rows.x.quads(0, *quads)));
        }
        for (region, zone) in settings.floating.iter().zip(&mut self.agc_floating) {
            if region.y.zone(y, 1).is_some() {
                let range = region.x.quads(0, *quads);
                zone[1] += range.len() as u64;
                zone[0] += u64::from(sum(range));
            }
        }
    }

    fn add_cdaf(&mut self, y: usize) {
        let Self {
            settings,
            greens,
            detail,
            quads,
            ..
        } = self;
        let row = settings.cdaf.y.zone(y, CDAF_ZONES);
        for (green, weight) in greens.iter().zip(settings.cdaf_weights) {
            if weight == 0 {
                continue;
            }
            second_difference(settings.cdaf_noise, green, detail);
            let energy = |range: Range<usize>| {
                let squares = detail[range]
                    .iter()
                    .map(|value| u64::from(u32::from(*value) * u32::from(*value)));
                weight * squares.sum::<u64>()
            };
            if let Some(row) = row {
                for (x, zone) in self.cdaf[row].iter_mut().enumerate() {
                    *zone = zone.saturating_add(energy(settings.cdaf.x.quads(x, *quads)));
                }
            }
            for (region, zone) in settings.floating.iter().zip(&mut self.cdaf_floating) {
                if region.y.zone(y, 1).is_some() {
                    *zone = zone.saturating_add(energy(region.x.quads(0, *quads)));
                }
            }
        }
    }

    /// The statistics as `struct pisp_statistics`.
    pub(crate) fn bytes(&mut self) -> &[u8] {
        refill(&mut self.bytes, STATISTICS_SIZE, 0);
        let shift = |sum: u64, shift: u8| sum.checked_shr(u32::from(shift)).unwrap_or(0);
        let out = &mut self.bytes;
        let zones = self.awb.iter().chain(&self.awb_floating);
        debug_assert_eq!(stats::AWB_FLOATING, stats::AWB + AWB_ZONES * AWB_ZONES * 16);
        for (zone, out) in zones.zip(out[stats::AWB..].chunks_exact_mut(16)) {
            for (index, (sum, out)) in zone.iter().zip(out.chunks_exact_mut(4)).enumerate() {
                let sum = if index < 3 {
                    shift(*sum, self.settings.awb_shift)
                } else {
                    *sum
                };
                out.copy_from_slice(&saturated(sum).to_le_bytes());
            }
        }
        for (sum, out) in self
            .row_sums
            .iter()
            .zip(out[stats::ROW_SUMS..].chunks_exact_mut(4))
        {
            out.copy_from_slice(&saturated(shift(*sum, self.settings.row_shift)).to_le_bytes());
        }
        for (count, out) in self
            .histogram
            .iter()
            .zip(out[stats::HISTOGRAM..].chunks_exact_mut(4))
        {
            out.copy_from_slice(&count.to_le_bytes());
        }
        for (zone, out) in self
            .agc_floating
            .iter()
            .zip(out[stats::AGC_FLOATING..].chunks_exact_mut(16))
        {
            out[..8].copy_from_slice(&shift(zone[0], self.settings.float_shift).to_le_bytes());
            out[8..12].copy_from_slice(&saturated(zone[1]).to_le_bytes());
        }
        let focus = self.cdaf.as_flattened().iter().chain(&self.cdaf_floating);
        debug_assert_eq!(
            stats::CDAF_FLOATING,
            stats::CDAF + CDAF_ZONES * CDAF_ZONES * 8
        );
        for (energy, out) in focus.zip(out[stats::CDAF..].chunks_exact_mut(8)) {
            out.copy_from_slice(&energy.to_le_bytes());
        }
        out
    }

    /// Samples and bytes reserved, to show that a second frame reserves nothing.
    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.red.capacity()
            + self.detail.capacity()
            + self.corrected[0].capacity()
            + self.awb.capacity()
            + self.bytes.capacity()
    }
}

impl Settings {
    fn read(config: &[u8], order: Option<BayerOrder>, width: usize, height: usize) -> Self {
        let enables = Enables::from_bits_retain(super::layout::u32_at(config, fe::ENABLES));
        let crop = if enables.contains(Enables::STATS_CROP) {
            let field = |index: usize| usize::from(u16_at(config, fe::STATS_CROP + 2 * index)) & !1;
            let (left, top) = (field(0).min(width), field(1).min(height));
            [
                left,
                top,
                field(2).min(width - left),
                field(3).min(height - top),
            ]
        } else {
            [0, 0, width, height]
        };
        let mut cdaf = Grid::read(config, fe::CDAF + 4);
        cdaf.x.pitch += usize::from(u16_at(config, fe::CDAF + 12));
        cdaf.y.pitch += usize::from(u16_at(config, fe::CDAF + 14));
        let mode = config[fe::CDAF_MODE];
        let limit = |index: usize| u16_at(config, fe::AWB_LIMITS + 2 * index);
        let mut agc_weights = [[0; AGC_ZONES / 2]; AGC_ZONES];
        agc_weights
            .as_flattened_mut()
            .copy_from_slice(&config[fe::AGC_WEIGHTS..fe::AGC_ROWS]);
        Self {
            order,
            enables,
            crop: crop.map(|value| value & !1),
            black: BlackLevels::read(config, fe::BLC),
            luminance: if enables.contains(Enables::RGBY) {
                [0, 2, 4].map(|field| u16_at(config, fe::RGBY + field))
            } else {
                PLAIN_MEAN
            },
            awb: Grid::read(config, fe::AWB),
            awb_shift: config[fe::AWB_SHIFT],
            awb_limits: [
                [limit(0), limit(1)],
                [limit(2), limit(3)],
                [limit(4), limit(5)],
            ],
            agc: Grid::read(config, fe::AGC),
            agc_weights,
            agc_rows: Grid::read(config, fe::AGC_ROWS),
            row_shift: config[fe::AGC_ROW_SHIFT],
            float_shift: config[fe::AGC_FLOAT_SHIFT],
            cdaf,
            cdaf_noise: [u16_at(config, fe::CDAF), u16_at(config, fe::CDAF + 2)],
            // Two bits of weight for each of Gr and Gb, as libcamera fills the word.
            cdaf_weights: [u64::from(mode & 3), u64::from(mode >> 2 & 3)],
            floating: [0, 1, 2, 3].map(|region| Grid::read(config, fe::FLOATING + 8 * region)),
        }
    }

    /// Quads from sample to sample: two when the decimator halves the statistics' image.
    fn step(&self) -> usize {
        if self.enables.contains(Enables::DECIMATE) {
            2
        } else {
            1
        }
    }
}

fn refill<T: Clone>(vector: &mut Vec<T>, length: usize, value: T) {
    vector.clear();
    vector.resize(length, value);
}

fn saturated(sum: u64) -> u32 {
    u32::try_from(sum).unwrap_or(u32::MAX)
}

fn add_to(zone: &mut AwbZone, sums: [u32; 4]) {
    for (total, sum) in zone.iter_mut().zip(sums) {
        *total += u64::from(sum);
    }
}

fn take_column(row: &[u16], x: usize, step: usize, out: &mut [u16]) {
    if step == 1 {
        for (out, quad) in out.iter_mut().zip(row.chunks_exact(2)) {
            *out = quad[x];
        }
    } else {
        for (out, quad) in out.iter_mut().zip(row.chunks_exact(2).step_by(step)) {
            *out = quad[x];
        }
    }
}

/// Sums of the quads whose colours are all within their limits, and their number.
///
/// A row has at most 32768 quads of 16 bits, so 32 bits hold every sum.
fn sum_colours(limits: &[[u16; 2]; 3], [red, green, blue]: [&[u16]; 3]) -> [u32; 4] {
    let mut sums = [0u32; 4];
    for ((r, g), b) in red.iter().zip(green).zip(blue) {
        let within = |value: u16, limit: [u16; 2]| (value >= limit[0]) & (value <= limit[1]);
        let counts = within(*r, limits[0]) & within(*g, limits[1]) & within(*b, limits[2]);
        let mask = u32::from(counts).wrapping_neg();
        sums[0] += u32::from(*r) & mask;
        sums[1] += u32::from(*g) & mask;
        sums[2] += u32::from(*b) & mask;
        sums[3] += mask & 1;
    }
    sums
}

fn luminance(gains: &[u16; 3], [red, green, blue]: [&[u16]; 3], out: &mut [u16]) {
    // The gains have 14 bits, so three products fit 32.
    let [gain_r, gain_g, gain_b] = gains.map(|gain| u32::from(gain & 0x3fff));
    for (((r, g), b), out) in red.iter().zip(green).zip(blue).zip(out) {
        let sum = u32::from(*r) * gain_r + u32::from(*g) * gain_g + u32::from(*b) * gain_b;
        *out = (sum >> RGBY_PRECISION).min(0xffff) as u16;
    }
}

/// Magnitude of the horizontal second difference beyond the noise `constant + slope * sqrt(value)`.
fn second_difference(noise: [u16; 2], green: &[u16], out: &mut [u16]) {
    let [constant, slope] = noise.map(f32::from);
    for (window, out) in green.windows(3).zip(out.iter_mut().skip(1)) {
        let [left, centre, right] = [window[0], window[1], window[2]].map(f32::from);
        let difference = (2.0 * centre - left - right).abs() - constant - slope * centre.sqrt();
        *out = difference.clamp(0.0, 65_535.0) as u16;
    }
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
