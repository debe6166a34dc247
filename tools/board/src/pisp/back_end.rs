//! The back end: turns raw frames into pictures, tile by tile.
//!
//! Each tile flows through the blocks row by row, so memory is a few rows however large the image: decompress, black
//! level, lens shading and white balance, demosaic, colour matrices, gamma; then per output crop, colour space,
//! downscale, resample, pack.

use super::back_end_enables::{BayerEnables, RgbEnables, bayer_enables, rgb_enables};
use super::black_level::BlackLevels;
use super::ccm::{self, Matrix};
use super::compress::{self, Mode};
use super::demosaic::{Planes, REACH, Window, resize};
use super::downscale::{self, Downscaler};
use super::gamma::Gamma;
use super::layout::{
    BE_CONFIG_SIZE, GREYSCALE, ImageFormat, OUTPUTS, TILE_SIZE, address_at, be, u16_at,
};
use super::lens_shading::{self, GainMap};
use super::output::{self, Output};
use super::resample::{self, Resampler};
use super::tiles::{MAX_JOB_PIXELS, MAX_TILES, Tile, TileBranch, TileError};
use super::{ConfigError, Half, samples};
use crate::bayer::BayerOrder;
use crate::guest_ram::{DmaFault, GuestRam};

/// Why a job was not, or not wholly, done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The settings cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tiles are not an array of `pisp_tile`, or too many.
    #[error("PiSP back end: {length} bytes are not 1 to 64 tiles of 160 bytes")]
    Tiles {
        /// Bytes given.
        length: usize,
    },
    /// The tiles read or write more pixels in all than any image has.
    #[error("PiSP back end: tiles cover {pixels} pixels, more than any image has")]
    TooLarge {
        /// Pixels read and written.
        pixels: u64,
    },
    /// A tile cannot be drawn.
    #[error("PiSP back end: tile {index}: {reason}")]
    Tile {
        /// Which one.
        index: usize,
        /// What is wrong with it.
        reason: TileError,
    },
    /// A buffer is not in memory.
    #[error(transparent)]
    Dma(#[from] DmaFault),
}

/// What a job does to every tile.
struct Settings {
    image: ImageFormat,
    address: u64,
    compression: Option<(Mode, u16)>,
    order: Option<BayerOrder>,
    demosaic: bool,
    black: BlackLevels,
    ccm: Option<Matrix>,
    saturation: Option<[u8; 3]>,
    /// To luma and chroma and back: nothing between is modelled, so both are one.
    ycbcr: Option<Matrix>,
    gamma: bool,
    branches: [Option<BranchSettings>; OUTPUTS],
}

struct BranchSettings {
    csc: Option<Matrix>,
    downscale: Option<downscale::Settings>,
    resample: Option<resample::Settings>,
    output: output::Settings,
}

impl Settings {
    fn read(config: &[u8; BE_CONFIG_SIZE]) -> Result<Self, ConfigError> {
        let (bayer, rgb) = (bayer_enables(config), rgb_enables(config));
        let image = ImageFormat::read(config, be::INPUT_FORMAT);
        let unknown = ConfigError::Format {
            half: Half::BackEnd,
            what: "input",
            format: image.format.0,
        };
        if !bayer.contains(BayerEnables::INPUT)
            || rgb.contains(RgbEnables::INPUT)
            || image.format.exotic()
        {
            return Err(unknown);
        }
        let compression = match (
            bayer.contains(BayerEnables::DECOMPRESS),
            image.format.bits(),
        ) {
            (true, 8) => {
                let mode = Mode::from_number(config[be::DECOMPRESS + 3]).ok_or(unknown)?;
                Some((mode, u16_at(config, be::DECOMPRESS)))
            }
            (false, 16) if image.format.compression() == 0 => None,
            _ => return Err(unknown),
        };
        let order = config[be::BAYER_ORDER];
        let matrix = |flag: RgbEnables, offset: usize| {
            rgb.contains(flag).then(|| Matrix::read(config, offset))
        };
        let ycbcr = match (
            matrix(RgbEnables::YCBCR, be::YCBCR),
            matrix(RgbEnables::YCBCR_INVERSE, be::YCBCR_INVERSE),
        ) {
            (Some(forth), Some(back)) => Some(forth.then(&back)),
            (forth, back) => forth.or(back),
        };
        let mut settings = Self {
            image,
            address: address_at(config, be::INPUT_BUFFER),
            compression,
            order: (order & GREYSCALE == 0).then(|| BayerOrder::from_register(order)),
            demosaic: bayer.contains(BayerEnables::DEMOSAIC),
            black: if bayer.contains(BayerEnables::BLC) {
                BlackLevels::read(config, be::BLC)
            } else {
                BlackLevels::default()
            },
            ccm: matrix(RgbEnables::CCM, be::CCM),
            saturation: rgb
                .contains(RgbEnables::SAT_CONTROL)
                .then(|| [0, 1, 2].map(|index| config[be::SAT_CONTROL + index])),
            ycbcr,
            gamma: rgb.contains(RgbEnables::GAMMA),
            branches: [None, None],
        };
        for (index, branch) in settings.branches.iter_mut().enumerate() {
            if rgb.branch(RgbEnables::OUTPUT0, index) {
                *branch = Some(BranchSettings::read(config, rgb, index)?);
            }
        }
        Ok(settings)
    }

    fn row_bytes(&self, width: usize) -> usize {
        if self.compression.is_some() {
            compress::row_bytes(width)
        } else {
            2 * width
        }
    }
}

impl BranchSettings {
    fn read(
        config: &[u8; BE_CONFIG_SIZE],
        rgb: RgbEnables,
        index: usize,
    ) -> Result<Self, ConfigError> {
        let enabled = |flag: RgbEnables| rgb.branch(flag, index);
        Ok(Self {
            csc: enabled(RgbEnables::CSC0)
                .then(|| Matrix::read(config, be::CSC + be::CSC_SIZE * index)),
            downscale: enabled(RgbEnables::DOWNSCALE0)
                .then(|| downscale::Settings::read(config, index))
                .transpose()?,
            resample: enabled(RgbEnables::RESAMPLE0)
                .then(|| resample::Settings::read(config, index))
                .transpose()?,
            output: output::Settings::read(config, index)?,
        })
    }
}

/// One back end. Holds row buffers, so jobs of one kind allocate nothing after the first.
#[derive(Default)]
pub struct BackEnd {
    bytes: Vec<u8>,
    raw: Vec<u16>,
    gains: GainMap,
    window: Window,
    colours: Planes,
    spare: Planes,
    gamma: Gamma,
    branches: [Branch; OUTPUTS],
}

impl BackEnd {
    /// Does one job: `tiles` is an array of `struct pisp_tile`.
    ///
    /// # Errors
    /// [`JobError`]; settings and windows are checked before anything is written.
    pub fn run(
        &mut self,
        config: &[u8; BE_CONFIG_SIZE],
        tiles: &[u8],
        ram: &GuestRam,
    ) -> Result<(), JobError> {
        let settings = Settings::read(config)?;
        let (tiles, rest) = tiles.as_chunks::<TILE_SIZE>();
        if !rest.is_empty() || tiles.is_empty() || tiles.len() > MAX_TILES {
            return Err(JobError::Tiles {
                length: tiles.len() * TILE_SIZE + rest.len(),
            });
        }
        check(&settings, tiles)?;
        let bayer = bayer_enables(config);
        let white = if bayer.contains(BayerEnables::WBG) {
            lens_shading::white_balance(config)
        } else {
            [1.0; 3]
        };
        self.gains.configure(
            config,
            white,
            bayer.contains(BayerEnables::LSC),
            settings.order,
        );
        if settings.gamma {
            self.gamma.configure(config);
        }
        for (index, tile) in tiles.iter().enumerate() {
            self.tile(&settings, &Tile::read(tile), index, ram)?;
        }
        Ok(())
    }

    fn tile(
        &mut self,
        settings: &Settings,
        tile: &Tile,
        index: usize,
        ram: &GuestRam,
    ) -> Result<(), JobError> {
        let (width, height) = (usize::from(tile.size.x), usize::from(tile.size.y));
        self.bytes.resize(settings.row_bytes(width), 0);
        self.raw.resize(width, 0);
        self.gains.begin(tile);
        self.window.begin(width);
        resize(&mut self.colours, width);
        resize(&mut self.spare, width);
        // Rows that any output keeps.
        let (mut first, mut end) = (height, 0);
        for ((branch, settings), part) in self
            .branches
            .iter_mut()
            .zip(&settings.branches)
            .zip(&tile.branches)
        {
            branch.rows_out = 0;
            if let (Some(settings), false) = (settings, part.is_empty()) {
                branch.begin(settings, part, tile);
                first = first.min(usize::from(part.crop_start.y));
                end = end.max(height - usize::from(part.crop_end.y));
            }
        }
        let mut loaded = first.saturating_sub(REACH);
        for y in first..end {
            while loaded <= (y + REACH).min(height - 1) {
                self.load(settings, tile, loaded, ram)?;
                loaded += 1;
            }
            self.colour(settings, y, height);
            for ((branch, settings), part) in self
                .branches
                .iter_mut()
                .zip(&settings.branches)
                .zip(&tile.branches)
            {
                if let (Some(settings), false) = (settings, part.is_empty()) {
                    branch.push(settings, part, tile, y, &self.colours, ram)?;
                }
            }
        }
        for (branch, part) in tile.branches.iter().enumerate() {
            let rows = self.branches[branch].rows_out;
            let height = part.output_size.y;
            if settings.branches[branch].is_some() && !part.is_empty() && rows < height {
                return Err(JobError::Tile {
                    index,
                    reason: TileError::ShortInput {
                        branch,
                        rows,
                        height,
                    },
                });
            }
        }
        Ok(())
    }

    /// Reads, expands and corrects row `y` of the tile.
    fn load(
        &mut self,
        settings: &Settings,
        tile: &Tile,
        y: usize,
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        let start = settings
            .address
            .wrapping_add(u64::from(tile.input_addr_offset));
        ram.read(
            start.wrapping_add_signed(y as i64 * i64::from(settings.image.stride)),
            &mut self.bytes,
        )?;
        match settings.compression {
            Some((mode, offset)) => compress::decode_row(mode, offset, &self.bytes, &mut self.raw),
            None => samples::from_le(&self.bytes, &mut self.raw),
        }
        let black = settings
            .black
            .of_row(settings.order.unwrap_or(BayerOrder::Rggb), y);
        let gains = self.gains.row(y);
        self.window.fill(y, |even, odd| {
            lens_shading::correct(&self.raw, black, gains, even, odd)
        });
        Ok(())
    }

    /// Gives row `y` its colours: the blocks from demosaic to gamma.
    fn colour(&mut self, settings: &Settings, y: usize, height: usize) {
        match settings.order {
            Some(order) if settings.demosaic => {
                self.window.demosaic(y, height, order, &mut self.colours)
            }
            _ => self.window.copy(y, &mut self.colours),
        }
        let mut apply = |matrix: &Option<Matrix>, colours: &mut Planes| {
            if let Some(matrix) = matrix {
                matrix.apply(colours.each_ref().map(|plane| &plane[..]), &mut self.spare);
                std::mem::swap(colours, &mut self.spare);
            }
        };
        apply(&settings.ccm, &mut self.colours);
        if let Some(shifts) = settings.saturation {
            ccm::shift(&mut self.colours, shifts);
        }
        apply(&settings.ycbcr, &mut self.colours);
        if settings.gamma {
            self.gamma.apply(&mut self.colours);
        }
    }

    /// Elements reserved, to show that a second job reserves nothing.
    #[cfg(test)]
    fn reserved(&self) -> usize {
        let branches = self.branches.iter().map(|branch| {
            branch.converted[0].capacity()
                + branch.downscaler.reserved()
                + branch.resampler.reserved()
                + branch.output.reserved()
        });
        branches.sum::<usize>()
            + self.bytes.capacity()
            + self.raw.capacity()
            + self.gains.reserved()
            + self.window.reserved()
    }
}

/// Checks all tiles before the first is drawn.
fn check(settings: &Settings, tiles: &[[u8; TILE_SIZE]]) -> Result<(), JobError> {
    let mut pixels = 0;
    for (index, tile) in tiles.iter().map(Tile::read).enumerate() {
        let mut checked = tile.check_input(&settings.image);
        for (branch, settings) in settings.branches.iter().enumerate() {
            if let Some(settings) = settings {
                checked = checked
                    .and_then(|()| {
                        tile.check_output(branch, &settings.output.image, settings.output.flipped())
                    })
                    .and_then(|()| settings.check_width(branch, &tile));
            }
        }
        checked.map_err(|reason| JobError::Tile { index, reason })?;
        pixels += tile.pixels();
    }
    if pixels > MAX_JOB_PIXELS {
        Err(JobError::TooLarge { pixels })
    } else {
        Ok(())
    }
}

impl BranchSettings {
    /// Columns that reach the resampler.
    fn width_in(&self, tile: &TileBranch, width: u16) -> u16 {
        if self.downscale.is_some() {
            tile.resample_in.x
        } else {
            tile.width_after_crop(width)
        }
    }

    /// Checks that rows are as wide as the output needs.
    fn check_width(&self, branch: usize, tile: &Tile) -> Result<(), TileError> {
        let part = &tile.branches[branch];
        let needed = if self.resample.is_some() {
            1
        } else {
            part.output_size.x
        };
        let width = self.width_in(part, tile.size.x);
        if !part.is_empty() && (width < needed || width > super::tiles::MAX_TILE_WIDTH) {
            return Err(TileError::ShortInput {
                branch,
                rows: 0,
                height: part.output_size.y,
            });
        }
        Ok(())
    }
}

/// The blocks of one output.
#[derive(Default)]
struct Branch {
    converted: Planes,
    downscaler: Downscaler,
    resampler: Resampler,
    output: Output,
    rows_out: u16,
}

impl Branch {
    fn begin(&mut self, settings: &BranchSettings, part: &TileBranch, tile: &Tile) {
        let width = usize::from(part.width_after_crop(tile.size.x));
        resize(&mut self.converted, width);
        if let Some(downscale) = &settings.downscale {
            self.downscaler.begin(downscale, part, width);
        }
        if let Some(resample) = &settings.resample {
            let height = if settings.downscale.is_some() {
                part.resample_in.y
            } else {
                tile.size
                    .y
                    .saturating_sub(part.crop_start.y)
                    .saturating_sub(part.crop_end.y)
            };
            let width = usize::from(settings.width_in(part, tile.size.x));
            self.resampler
                .begin(resample, part, tile.edge, width, height.into());
        }
    }

    /// Takes row `y` of the tile, and writes the output rows that it completes.
    fn push(
        &mut self,
        settings: &BranchSettings,
        part: &TileBranch,
        tile: &Tile,
        y: usize,
        colours: &Planes,
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        let rows = usize::from(part.crop_start.y)..usize::from(tile.size.y - part.crop_end.y);
        if !rows.contains(&y) || self.rows_out == part.output_size.y {
            return Ok(());
        }
        let columns = usize::from(part.crop_start.x)..usize::from(tile.size.x - part.crop_end.x);
        let mut row = colours.each_ref().map(|plane| &plane[columns.clone()]);
        if let Some(csc) = &settings.csc {
            csc.apply(row, &mut self.converted);
            row = self.converted.each_ref().map(|plane| &plane[..]);
        }
        if settings.downscale.is_some() {
            let Some(smaller) = self.downscaler.push(row) else {
                return Ok(());
            };
            row = smaller.each_ref().map(|plane| &plane[..]);
        }
        if settings.resample.is_none() {
            self.output
                .write(&settings.output, part, self.rows_out.into(), row, ram)?;
            self.rows_out += 1;
            return Ok(());
        }
        self.resampler.push(row);
        while self.rows_out < part.output_size.y {
            let Some(row) = self.resampler.pull(settings.output.chroma) else {
                break;
            };
            let row = row.each_ref().map(|plane| &plane[..]);
            self.output
                .write(&settings.output, part, self.rows_out.into(), row, ram)?;
            self.rows_out += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "back_end_tests.rs"]
mod tests;
