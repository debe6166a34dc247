//! The front end: takes a sensor's rows, writes raw outputs and statistics.
//!
//! Samples are moved up to 16 bits, black levels aligned (BLA), then each output crops, compresses and writes, while
//! the statistics see the whole image. Blocks that are not modelled are named by [`unmodelled`].

use bitflags::bitflags;

use super::black_level::{self, BlackLevels};
use super::compress::{self, Mode};
use super::layout::{
    FE_CONFIG_SIZE, GREYSCALE, ImageFormat, OUTPUTS, address_at, fe, u16_at, u32_at,
};
use super::samples;
use super::statistics::Statistics;
use super::{ConfigError, Half};
use crate::bayer::BayerOrder;
use crate::guest_ram::{DmaFault, GuestRam};

bitflags! {
    /// `enum pisp_fe_enable`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Enables: u32 {
        /// The CSI-2 receiver or memory feeds the pipeline.
        const INPUT = 0x1;
        /// Compressed input from memory.
        const DECOMPRESS = 0x2;
        /// Companded sensor values.
        const DECOMPAND = 0x4;
        /// Black level alignment.
        const BLA = 0x8;
        /// Defective pixels.
        const DPC = 0x10;
        /// Statistics see a part of the image.
        const STATS_CROP = 0x20;
        /// Statistics see half the resolution.
        const DECIMATE = 0x40;
        /// Black level correction of the statistics.
        const BLC = 0x80;
        /// Focus statistics.
        const CDAF_STATS = 0x100;
        /// White balance statistics.
        const AWB_STATS = 0x200;
        /// Luminance from programmed gains.
        const RGBY = 0x400;
        /// Lens shading correction of the exposure statistics.
        const LSC = 0x800;
        /// Exposure statistics.
        const AGC_STATS = 0x1000;
        /// Crop of output 0; output 1's bits are four places up.
        const CROP0 = 0x1_0000;
        /// Scaler of output 0.
        const DOWNSCALE0 = 0x2_0000;
        /// Compression of output 0.
        const COMPRESS0 = 0x4_0000;
        /// Output 0.
        const OUTPUT0 = 0x8_0000;
        /// Crop of output 1.
        const CROP1 = 0x10_0000;
        /// Scaler of output 1.
        const DOWNSCALE1 = 0x20_0000;
        /// Compression of output 1.
        const COMPRESS1 = 0x40_0000;
        /// Output 1.
        const OUTPUT1 = 0x80_0000;
    }
}

/// Places between the bits of output 0 and output 1.
const BRANCH_BITS: u32 = 4;

impl Enables {
    fn branch(self, flag: Self, branch: usize) -> bool {
        self.bits() & (flag.bits() << (BRANCH_BITS * branch as u32)) != 0
    }
}

/// Blocks that do nothing here.
const UNMODELLED: Enables = Enables::DECOMPRESS
    .union(Enables::DECOMPAND)
    .union(Enables::DPC)
    .union(Enables::LSC)
    .union(Enables::DOWNSCALE0)
    .union(Enables::DOWNSCALE1);

/// Names of enabled blocks that are not modelled.
pub fn unmodelled(enables: Enables) -> Vec<&'static str> {
    (enables & UNMODELLED)
        .iter_names()
        .map(|(name, _)| name)
        .collect()
}

/// Enabled blocks of a configuration.
pub fn enables(config: &[u8; FE_CONFIG_SIZE]) -> Enables {
    Enables::from_bits_retain(u32_at(config, fe::ENABLES))
}

#[derive(Clone, Copy, Debug)]
struct Branch {
    address: u64,
    stride: i32,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Mode and offset, or 16-bit samples.
    compression: Option<(Mode, u16)>,
}

/// One front end. Holds row buffers, so frames of one size allocate nothing after the first.
#[derive(Default)]
pub struct FrontEnd {
    width: usize,
    height: usize,
    shift: u32,
    order: Option<BayerOrder>,
    alignment: Option<BlackLevels>,
    branches: [Option<Branch>; OUTPUTS],
    statistics_address: u64,
    statistics: Statistics,
    pair: [Vec<u16>; 2],
    bytes: Vec<u8>,
}

impl FrontEnd {
    /// Begins a frame of `width` times `height` pixels of `bits` bits.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings ask for what no hardware could do; nothing was begun then.
    pub fn begin(
        &mut self,
        config: &[u8; FE_CONFIG_SIZE],
        width: usize,
        height: usize,
        bits: u8,
    ) -> Result<(), ConfigError> {
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        if !even
            || !(2..=0xfffe).contains(&width)
            || !(2..=0xfffe).contains(&height)
            || !(1..=16).contains(&bits)
        {
            return Err(ConfigError::Size {
                half: Half::FrontEnd,
                what: "sensor image",
                width,
                height,
            });
        }
        let enables = enables(config);
        let mut branches = [None; OUTPUTS];
        for (index, branch) in branches.iter_mut().enumerate() {
            if enables.branch(Enables::OUTPUT0, index) {
                *branch = Some(Branch::read(config, enables, index, width, height)?);
            }
        }
        let order = config[fe::BAYER_ORDER];
        self.order = (order & GREYSCALE == 0).then(|| BayerOrder::from_register(order));
        self.alignment = enables
            .contains(Enables::BLA)
            .then(|| BlackLevels::read(config, fe::BLA));
        (self.width, self.height, self.shift) = (width, height, 16 - u32::from(bits));
        self.branches = branches;
        self.statistics_address = address_at(config, fe::STATS_BUFFER);
        self.statistics.begin(config, self.order, width, height);
        for row in &mut self.pair {
            row.resize(width, 0);
        }
        self.bytes
            .resize(compress::row_bytes(width).max(2 * width), 0);
        Ok(())
    }

    /// Takes whole rows from line `y` (even): values of as many bits as [`FrontEnd::begin`] was told. Rows beyond the
    /// image are dropped, as are all before the first [`FrontEnd::begin`]; only the last band may have an odd number of rows.
    ///
    /// # Errors
    /// [`DmaFault`] when an output buffer is not in memory; the statistics have counted the rows so far.
    pub fn rows(&mut self, y: usize, rows: &[u16], ram: &GuestRam) -> Result<(), DmaFault> {
        if self.width == 0 {
            return Ok(());
        }
        for (index, pair) in rows.chunks(2 * self.width).enumerate() {
            let y = y + 2 * index;
            let mut count = 0;
            for (parity, row) in pair.chunks_exact(self.width).enumerate() {
                if y + parity >= self.height {
                    break;
                }
                let out = &mut self.pair[parity];
                for (out, value) in out.iter_mut().zip(row) {
                    *out = value << self.shift;
                }
                if let Some(levels) = &self.alignment {
                    black_level::subtract(
                        out,
                        levels.of_row(self.order.unwrap_or(BayerOrder::Rggb), parity),
                    );
                }
                for branch in self.branches.iter().flatten() {
                    branch.write(y + parity, out, &mut self.bytes, ram)?;
                }
                count += 1;
            }
            if count == 2 {
                self.statistics.add(y, [&self.pair[0], &self.pair[1]]);
            }
        }
        Ok(())
    }

    /// Ends the frame: writes the statistics, if a buffer was given.
    ///
    /// # Errors
    /// [`DmaFault`] when the buffer is not in memory.
    pub fn finish(&mut self, ram: &GuestRam) -> Result<(), DmaFault> {
        if self.statistics_address == 0 {
            return Ok(());
        }
        ram.write(self.statistics_address, self.statistics.bytes())
    }
}

impl Branch {
    fn read(
        config: &[u8; FE_CONFIG_SIZE],
        enables: Enables,
        index: usize,
        width: usize,
        height: usize,
    ) -> Result<Self, ConfigError> {
        let base = fe::BRANCH + index * fe::BRANCH_SIZE;
        let format = ImageFormat::read(config, base + fe::BRANCH_FORMAT);
        let (mut left, mut top, mut crop_width, mut crop_height) = (0, 0, width, height);
        if enables.branch(Enables::CROP0, index) {
            let field = |field: usize| usize::from(u16_at(config, base + 2 * field));
            (left, top, crop_width, crop_height) = (field(0), field(1), field(2), field(3));
        }
        if left + crop_width > width
            || top + crop_height > height
            || crop_width == 0
            || crop_height == 0
        {
            let what = "output crop";
            return Err(ConfigError::Size {
                half: Half::FrontEnd,
                what,
                width: crop_width,
                height: crop_height,
            });
        }
        let compression = if enables.branch(Enables::COMPRESS0, index) {
            let offset = u16_at(config, base + fe::BRANCH_COMPRESS);
            let mode = Mode::from_number(config[base + fe::BRANCH_COMPRESS + 3]);
            Some(mode.map(|mode| (mode, offset)))
        } else {
            None
        };
        let known = match compression {
            Some(compression) => compression.is_some() && format.format.bits() == 8,
            None => format.format.bits() == 16 && format.format.compression() == 0,
        };
        if !known || format.format.three_channel() || format.format.exotic() {
            return Err(ConfigError::Format {
                half: Half::FrontEnd,
                what: "output",
                format: format.format.0,
            });
        }
        let branch = Self {
            address: address_at(config, fe::OUTPUT_BUFFER + 8 * index),
            stride: format.stride,
            left,
            top,
            width: crop_width.min(usize::from(format.width)),
            height: crop_height.min(usize::from(format.height)),
            compression: compression.flatten(),
        };
        if (branch.stride.unsigned_abs() as usize) < branch.row_bytes() {
            return Err(ConfigError::Stride {
                half: Half::FrontEnd,
                what: "output",
                stride: branch.stride,
                needed: branch.row_bytes(),
            });
        }
        Ok(branch)
    }

    fn row_bytes(&self) -> usize {
        if self.compression.is_some() {
            compress::row_bytes(self.width)
        } else {
            2 * self.width
        }
    }

    fn write(
        &self,
        y: usize,
        row: &[u16],
        bytes: &mut [u8],
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        let Some(y) = y.checked_sub(self.top).filter(|y| *y < self.height) else {
            return Ok(());
        };
        let row = &row[self.left..self.left + self.width];
        let bytes = &mut bytes[..self.row_bytes()];
        match self.compression {
            Some((mode, offset)) => compress::encode_row(mode, offset, row, bytes),
            None => samples::to_le(row, bytes),
        }
        ram.write(
            self.address
                .wrapping_add_signed(y as i64 * i64::from(self.stride)),
            bytes,
        )
    }
}

#[cfg(test)]
#[path = "front_end_tests.rs"]
mod tests;
