//! Settings as libcamera 0.7.1 with libpisp 1.2.1 writes them, for tests and benchmarks.
//!
//! Numbers come from libpisp's `backend_default_config.json`, rules from its `backend_prepare.cpp`.

use super::layout::{BE_CONFIG_SIZE, FE_CONFIG_SIZE, be, fe};

/// Bus address of the raw frame.
pub(crate) const RAW: u64 = 0x1000_0000;
/// Bus address of the picture.
pub(crate) const PICTURE: u64 = 0x2000_0000;
/// Bus address of the statistics.
pub(crate) const STATISTICS: u64 = 0x3000_0000;
/// Offset of compressed samples (libcamera's `DefaultCompressionOffset`).
pub(crate) const COMPRESSION_OFFSET: u16 = 2048;
/// Black level of most sensors on the 16-bit scale.
pub(crate) const BLACK: u16 = 4096;
/// Room for each plane of the picture.
pub(crate) const PLANE: u64 = 0x80_0000;

pub(crate) const UNITY: i64 = 4096;

/// Writes a field.
pub(crate) fn put<const N: usize>(bytes: &mut [u8], offset: usize, value: [u8; N]) {
    bytes[offset..offset + N].copy_from_slice(&value);
}

/// Writes 16-bit fields that follow each other.
pub(crate) fn put_u16s(bytes: &mut [u8], offset: usize, values: &[u16]) {
    for (index, value) in values.iter().enumerate() {
        put(bytes, offset + 2 * index, value.to_le_bytes());
    }
}

fn put_image(
    bytes: &mut [u8],
    offset: usize,
    width: u16,
    height: u16,
    format: u32,
    strides: [i32; 2],
) {
    put_u16s(bytes, offset, &[width, height]);
    put(bytes, offset + 4, format.to_le_bytes());
    put(bytes, offset + 8, strides[0].to_le_bytes());
    put(bytes, offset + 12, strides[1].to_le_bytes());
}

fn put_matrix(bytes: &mut [u8], offset: usize, coefficients: [i16; 9], offsets: [i32; 3]) {
    put_u16s(bytes, offset, &coefficients.map(|value| value as u16));
    for (index, value) in offsets.into_iter().enumerate() {
        put(bytes, offset + 20 + 4 * index, value.to_le_bytes());
    }
}

/// Bytes from row to row of a compressed frame.
pub(crate) fn compressed_stride(width: u16) -> i32 {
    (i32::from(width) + 15) & !15
}

/// Front end: one compressed output, black levels, all statistics, even weights.
pub(crate) fn front_end(width: u16, height: u16) -> [u8; FE_CONFIG_SIZE] {
    let mut config = [0; FE_CONFIG_SIZE];
    put(&mut config, fe::STATS_BUFFER, STATISTICS.to_le_bytes());
    put(&mut config, fe::OUTPUT_BUFFER, RAW.to_le_bytes());
    // INPUT, BLA, BLC, CDAF, AWB, RGBY, AGC, COMPRESS0, OUTPUT0.
    put(&mut config, fe::ENABLES, 0x000c_1789_u32.to_le_bytes());
    put_u16s(&mut config, fe::BLA, &[BLACK; 5]);
    put_u16s(&mut config, fe::BLC, &[BLACK, BLACK, BLACK, BLACK, 0]);
    put_u16s(&mut config, fe::RGBY, &[459, 601, 175]);
    let zone = |pixels: u16, zones: u16| (pixels / zones) & !1;
    let (agc_x, agc_y) = (zone(width, 15), zone(height, 15));
    let centre = |pixels: u16, zone: u16| ((pixels - 15 * zone) / 2) & !1;
    put_u16s(
        &mut config,
        fe::AGC,
        &[centre(width, agc_x), centre(height, agc_y), agc_x, agc_y],
    );
    for row in 0..15 {
        put(
            &mut config,
            fe::AGC_WEIGHTS + 8 * row,
            [0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x01],
        );
    }
    put_u16s(
        &mut config,
        fe::AGC_ROWS,
        &[0, 0, width, zone(height, 512).max(2)],
    );
    let awb = |pixels: u16| 2 * ((pixels + 32) / 64).max(1);
    put_u16s(&mut config, fe::AWB, &[0, 0, awb(width), awb(height)]);
    put_u16s(
        &mut config,
        fe::AWB_LIMITS,
        &[0, 64_224, 0, 64_224, 0, 64_224],
    );
    put_u16s(
        &mut config,
        fe::CDAF,
        &[0, 5, 0, 0, zone(width, 8), zone(height, 8), 0, 0],
    );
    put(&mut config, fe::CDAF_MODE, 21_u32.to_le_bytes());
    put_u16s(&mut config, fe::FLOATING, &[0, 0, width, height]);
    let branch = fe::BRANCH;
    put_u16s(
        &mut config,
        branch + fe::BRANCH_COMPRESS,
        &[COMPRESSION_OFFSET, 1 << 8],
    );
    put_image(
        &mut config,
        branch + fe::BRANCH_FORMAT,
        width,
        height,
        0x0100_0000,
        [compressed_stride(width), 0],
    );
    config
}

/// What a back-end job is to do; everything else is as libcamera does it.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Raw frame.
    pub(crate) input: [u16; 2],
    /// Left, top, width, height of what is shown.
    pub(crate) crop: [u16; 4],
    /// Size that the downscaler leaves, when it is used.
    pub(crate) downscale: Option<[u16; 2]>,
    /// Picture.
    pub(crate) output: [u16; 2],
    /// `enum pisp_image_format` of the picture.
    pub(crate) format: u32,
    /// `enum pisp_be_transform`.
    pub(crate) transform: u8,
    /// Which output.
    pub(crate) branch: usize,
    /// Widest tile and highest stripe.
    pub(crate) max_tile: [u16; 2],
}

/// NV12.
pub(crate) const NV12: u32 = 0x4000_0210;
/// XBGR8888: red first in memory.
pub(crate) const XBGR8888: u32 = 0x4010_0000;

impl Job {
    /// The middle of a frame at the shape of the picture, in tiles of the hardware's size.
    pub(crate) fn new(input: [u16; 2], output: [u16; 2], format: u32) -> Self {
        let [w, h] = input.map(u32::from);
        let [ow, oh] = output.map(u32::from);
        let (cw, ch) = if w * oh > h * ow {
            ((h * ow / oh) & !1, h)
        } else {
            (w, (w * oh / ow) & !1)
        };
        let crop = [((w - cw) / 2) & !1, ((h - ch) / 2) & !1, cw, ch].map(|value| value as u16);
        Self {
            input,
            crop,
            downscale: None,
            output,
            format,
            transform: 0,
            branch: 0,
            max_tile: [640, 3072],
        }
    }

    pub(crate) fn scaled(&self, axis: usize) -> u16 {
        self.downscale
            .map_or(self.crop[2 + axis], |size| size[axis])
    }

    pub(crate) fn downscale_factor(&self, axis: usize) -> Option<i64> {
        self.downscale
            .map(|size| (i64::from(self.crop[2 + axis]) << 12) / i64::from(size[axis]))
    }

    pub(crate) fn resample_factor(&self, axis: usize) -> i64 {
        ((i64::from(self.scaled(axis)) - 1) << 12) / (i64::from(self.output[axis]) - 1)
    }

    /// Bytes from row to row of the first and of the other planes.
    pub(crate) fn strides(&self) -> [i32; 2] {
        let width = i32::from(self.output[0]);
        let align = |bytes: i32| (bytes + 63) & !63;
        match (
            self.format >> 4 & 3,
            self.format >> 8 & 3,
            self.format & 0x10_0000,
        ) {
            (0, 0, 0) => [align(3 * width), 0],
            (0, 0, _) => [align(4 * width), 0],
            (0, _, _) => [align(2 * width), 0],
            (1, _, _) => [align(width), align(width)],
            (_, 0, _) => [align(width), align(width)],
            _ => [2 * align(width / 2), align(width / 2)],
        }
    }

    /// `struct pisp_be_config`.
    pub(crate) fn config(&self) -> [u8; BE_CONFIG_SIZE] {
        let mut config = [0; BE_CONFIG_SIZE];
        let branch = self.branch;
        put(&mut config, be::INPUT_BUFFER, RAW.to_le_bytes());
        for plane in 0..3 {
            let address = PICTURE + PLANE * plane as u64;
            put(
                &mut config,
                be::OUTPUT_BUFFER + be::OUTPUT_BUFFER_SIZE * branch + 8 * plane,
                address.to_le_bytes(),
            );
        }
        // INPUT, DECOMPRESS, BLC, WBG, LSC, DEMOSAIC.
        put(
            &mut config,
            be::BAYER_ENABLES,
            0x0045_0403_u32.to_le_bytes(),
        );
        // CCM, YCBCR and back, GAMMA, then one output's CSC and RESAMPLE.
        let mut rgb = 0x18a | (0x200 | 0x8000 | 0x4_0000) << branch;
        if self.downscale.is_some() {
            rgb |= 0x1000 << branch;
        }
        put(&mut config, be::RGB_ENABLES, u32::to_le_bytes(rgb));
        let [width, height] = self.input;
        put_image(
            &mut config,
            be::INPUT_FORMAT,
            width,
            height,
            0x0100_0000,
            [compressed_stride(width), 0],
        );
        put_u16s(&mut config, be::DECOMPRESS, &[COMPRESSION_OFFSET, 1 << 8]);
        put_u16s(&mut config, be::BLC, &[BLACK, BLACK, BLACK, BLACK, 0]);
        put_u16s(
            &mut config,
            be::LSC,
            &self
                .input
                .map(|pixels| ((32_u32 << 18) / u32::from(pixels)) as u16),
        );
        for vertex in 0..33 * 33_usize {
            let square = |index: usize| index.abs_diff(16).pow(2);
            let gain = 512 + 3 * (square(vertex % 33) + square(vertex / 33)) / 4;
            let word = (gain | gain << 10 | gain << 20) as u32;
            put(&mut config, be::LSC_LUT + 4 * vertex, word.to_le_bytes());
        }
        put_u16s(&mut config, be::WBG, &[1843, 1024, 1638]);
        put_matrix(
            &mut config,
            be::CCM,
            [1950, -793, -133, -321, 1927, -582, -61, -633, 1718],
            [0; 3],
        );
        let jpeg = [306, 601, 117, -173, -339, 512, 512, -429, -83];
        let jpeg_offsets = [0, 33_554_432, 33_554_432];
        put_matrix(&mut config, be::YCBCR, jpeg, jpeg_offsets);
        let inverse = [1024, 0, 1436, 1024, -352, -731, 1024, 1815, 0];
        put_matrix(
            &mut config,
            be::YCBCR_INVERSE,
            inverse,
            [-47_043_259, 35_509_710, -59_458_469],
        );
        self.put_gamma(&mut config);
        let csc = be::CSC + be::CSC_SIZE * branch;
        if self.format & 0x330 == 0 {
            put_matrix(
                &mut config,
                csc,
                [1024, 0, 0, 0, 1024, 0, 0, 0, 1024],
                [0; 3],
            );
        } else {
            put_matrix(&mut config, csc, jpeg, jpeg_offsets);
        }
        if let Some(size) = self.downscale {
            let factors = [0, 1].map(|axis| self.downscale_factor(axis).unwrap_or(UNITY) as u16);
            let recips = [0, 1].map(|axis| {
                ((u32::from(size[axis]) << 12) / u32::from(self.crop[2 + axis])) as u16
            });
            let values = [factors[0], factors[1], recips[0], recips[1]];
            put_u16s(
                &mut config,
                be::DOWNSCALE + be::DOWNSCALE_SIZE * branch,
                &values,
            );
        }
        let resample = be::RESAMPLE + be::RESAMPLE_SIZE * branch;
        put_u16s(
            &mut config,
            resample,
            &[0, 1].map(|axis| self.resample_factor(axis) as u16),
        );
        put_u16s(&mut config, resample + 4, self.filter().as_flattened());
        let format = be::OUTPUT_FORMAT + be::OUTPUT_FORMAT_SIZE * branch;
        put_image(
            &mut config,
            format,
            self.output[0],
            self.output[1],
            self.format,
            self.strides(),
        );
        config[format + 16] = self.transform;
        put_u16s(&mut config, format + 20, &[0, 65_535, 0, 65_535]);
        config
    }

    /// The curve that libcamera's tuning files have, roughly: a power of 1 / 2.4.
    fn put_gamma(&self, config: &mut [u8]) {
        let curve = |x: u32| (65_535.0 * (f64::from(x) / 65_535.0).powf(1.0 / 2.4)).round() as u32;
        let start = |index: u32| match index {
            0..32 => 512 * index,
            32..48 => 16_384 + 1024 * (index - 32),
            _ => 32_768 + 2048 * (index - 48),
        };
        let mut y = 0;
        for index in 0..64 {
            let slope = (curve(start(index + 1)) - y).min(0x3fff);
            put(
                config,
                be::GAMMA + 4 * index as usize,
                (y | slope << 16).to_le_bytes(),
            );
            y += slope;
        }
    }

    /// libpisp's choice: a box for large reductions, else Lanczos with two lobes.
    fn filter(&self) -> [[u16; 6]; 16] {
        let mut filter = [[0; 6]; 16];
        let scale =
            [0, 1].map(|axis| f64::from(self.scaled(axis) - 1) / f64::from(self.output[axis] - 1));
        if scale[0] > 2.1 && scale[0] < scale[1] * 1.1 && scale[1] < scale[0] * 1.1 {
            let scale = scale[0].min(5.0);
            for (phase, taps) in filter.iter_mut().enumerate() {
                taps[0] = (f64::from(1024 - (phase as i16 * 1024) / 16) / scale) as u16;
                let mut left = scale - (1.0 - phase as f64 / 16.0);
                for tap in taps.iter_mut().skip(1).take(scale.ceil() as usize) {
                    *tap = (left.clamp(0.0, 1.0) * 1024.0 / scale) as u16;
                    left -= left.clamp(0.0, 1.0);
                }
            }
            return filter;
        }
        const LANCZOS2: [[i16; 6]; 8] = [
            [-55, 231, 638, 266, -54, -2],
            [-55, 197, 637, 301, -51, -5],
            [-53, 165, 628, 337, -46, -7],
            [-51, 134, 617, 373, -39, -10],
            [-47, 105, 602, 408, -30, -14],
            [-43, 79, 582, 442, -18, -18],
            [-38, 54, 561, 474, -4, -23],
            [-33, 32, 535, 505, 13, -28],
        ];
        for (phase, taps) in filter.iter_mut().enumerate() {
            for (tap, value) in taps.iter_mut().enumerate() {
                let coefficient = if phase < 8 {
                    LANCZOS2[phase][tap]
                } else {
                    LANCZOS2[15 - phase][5 - tap]
                };
                *value = coefficient as u16;
            }
        }
        filter
    }
}

/// A synthetic sensor frame of 12 bits: coloured bands, ramps, fine texture and some noise. Colours are red, green, blue.
pub(crate) fn scene(width: u16, height: u16) -> Vec<u16> {
    let mut noise = 1u32;
    let mut frame = Vec::with_capacity(usize::from(width) * usize::from(height));
    for y in 0..u32::from(height) {
        for x in 0..u32::from(width) {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let band = x * 6 / u32::from(width) + 2 * (y * 4 / u32::from(height));
            // Red, green, green, blue: sensitivities differ.
            let colour = [
                [9, 14, 14, 8],
                [4, 12, 12, 11],
                [12, 7, 7, 3],
                [3, 9, 9, 12],
                [10, 15, 15, 9],
            ];
            let level = colour[band as usize % 5][(x % 2 + 2 * (y % 2)) as usize];
            let texture = if (x / 3 + y / 5) % 2 == 0 { 20 } else { 16 };
            let ramp = 40 + 60 * y / u32::from(height);
            frame.push((256 + level * texture * ramp / 20 + (noise >> 16 & 15)).min(4095) as u16);
        }
    }
    frame
}
