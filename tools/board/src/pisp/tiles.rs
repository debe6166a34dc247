//! The tiles of a back-end job: which window of the input gives which rectangle of each output.
//!
//! libpisp cuts the image so that every tile carries the context its filters need; the hardware, and this model,
//! trust its crops and phases. What is checked is what could not be drawn: windows outside the images, empty ones, more
//! pixels than any job has.

use super::layout::{ImageFormat, OUTPUTS, TILE_SIZE, tile, u16_at, u32_at};

/// Most tiles of a job (`PISP_BACK_END_NUM_TILES`).
pub const MAX_TILES: usize = 64;
/// Least width and height of a tile (`PISP_BACK_END_MIN_TILE_WIDTH`, `_HEIGHT`).
pub(crate) const MIN_TILE: u16 = 16;
/// Widest tile, in or out. The hardware's line memories hold 640 pixels; more is allowed here because it harms nobody, up
/// to a bound for the row buffers.
pub(crate) const MAX_TILE_WIDTH: u16 = 4096;
/// Most pixels that the tiles of a job may read or write in all: the largest image that PiSP's statistics can count
/// (16384 x 16384).
pub(crate) const MAX_JOB_PIXELS: u64 = 1 << 28;

/// The tile starts the row (`PISP_LEFT_EDGE`).
pub(crate) const EDGE_LEFT: u8 = 1;
/// The tile starts the column (`PISP_TOP_EDGE`).
pub(crate) const EDGE_TOP: u8 = 4;

/// What is wrong with a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Narrower or lower than 16 pixels, wider than the row buffers, or odd.
    #[error("input window of {width}x{height} pixels is too small, too wide or odd")]
    Window {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// Reads beyond the image.
    #[error("input window at ({x}, {y}) leaves the image")]
    OutsideInput {
        /// First column.
        x: u16,
        /// First row.
        y: u16,
    },
    /// Writes beyond the image.
    #[error("rectangle of output {branch} leaves the image")]
    OutsideOutput {
        /// Which output.
        branch: usize,
    },
    /// One of the output's dimensions is zero, or crops leave nothing for it, or it is too wide.
    #[error("output {branch} has {width}x{height} pixels")]
    OutputSize {
        /// Which output.
        branch: usize,
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The scalers run out of input before the rectangle is full.
    #[error("output {branch} gets {rows} of its {height} rows or too few columns")]
    ShortInput {
        /// Which output.
        branch: usize,
        /// Rows written.
        rows: u16,
        /// Rows asked for.
        height: u16,
    },
}

/// Columns and rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) x: u16,
    pub(crate) y: u16,
}

/// `struct pisp_tile`, the part common to both outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) edge: u8,
    pub(crate) input_addr_offset: u32,
    pub(crate) offset: Pair,
    pub(crate) size: Pair,
    /// Position in the lens shading grid, 18 fraction bits.
    pub(crate) lsc_grid_offset: [u32; 2],
    pub(crate) branches: [TileBranch; OUTPUTS],
}

/// The part of `struct pisp_tile` for one output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TileBranch {
    pub(crate) crop_start: Pair,
    pub(crate) crop_end: Pair,
    /// Per plane, 12 fraction bits.
    pub(crate) downscale_phase: [Pair; 3],
    pub(crate) resample_in: Pair,
    /// Per plane, 12 fraction bits.
    pub(crate) resample_phase: [Pair; 3],
    pub(crate) output_offset: Pair,
    pub(crate) output_size: Pair,
    pub(crate) output_addr_offset: u32,
    pub(crate) output_addr_offset2: u32,
}

impl Tile {
    pub(crate) fn read(bytes: &[u8; TILE_SIZE]) -> Self {
        Self {
            edge: bytes[tile::EDGE],
            input_addr_offset: u32_at(bytes, tile::INPUT_ADDR_OFFSET),
            offset: pair(bytes, tile::INPUT_OFFSET_X, tile::INPUT_OFFSET_Y, 0),
            size: pair(bytes, tile::INPUT_WIDTH, tile::INPUT_HEIGHT, 0),
            lsc_grid_offset: [
                u32_at(bytes, tile::LSC_GRID_OFFSET_X),
                u32_at(bytes, tile::LSC_GRID_OFFSET_Y),
            ],
            branches: [0, 1].map(|branch| TileBranch::read(bytes, branch)),
        }
    }

    /// Checks the input window against the image it is cut from.
    pub(crate) fn check_input(&self, image: &ImageFormat) -> Result<(), TileError> {
        let Pair {
            x: width,
            y: height,
        } = self.size;
        if width < MIN_TILE
            || height < MIN_TILE
            || width > MAX_TILE_WIDTH
            || width % 2 != 0
            || height % 2 != 0
        {
            return Err(TileError::Window { width, height });
        }
        let ends = |offset: u16, size: u16| u32::from(offset) + u32::from(size);
        if ends(self.offset.x, width) > u32::from(image.width)
            || ends(self.offset.y, height) > u32::from(image.height)
        {
            return Err(TileError::OutsideInput {
                x: self.offset.x,
                y: self.offset.y,
            });
        }
        Ok(())
    }

    /// Checks the rectangle of an output against its image; `flipped` when rows go upwards.
    pub(crate) fn check_output(
        &self,
        branch: usize,
        image: &ImageFormat,
        flipped: bool,
    ) -> Result<(), TileError> {
        let part = &self.branches[branch];
        if part.is_empty() {
            return Ok(());
        }
        let Pair {
            x: width,
            y: height,
        } = part.output_size;
        let left = part.width_after_crop(self.size.x);
        let rows_left = self
            .size
            .y
            .saturating_sub(part.crop_start.y)
            .saturating_sub(part.crop_end.y);
        if width == 0 || height == 0 || width > MAX_TILE_WIDTH || left == 0 || rows_left == 0 {
            return Err(TileError::OutputSize {
                branch,
                width,
                height,
            });
        }
        let rows_fit = if flipped {
            part.output_offset.y < image.height && part.output_offset.y >= height - 1
        } else {
            u32::from(part.output_offset.y) + u32::from(height) <= u32::from(image.height)
        };
        if !rows_fit || u32::from(part.output_offset.x) + u32::from(width) > u32::from(image.width)
        {
            return Err(TileError::OutsideOutput { branch });
        }
        Ok(())
    }

    /// Pixels that the tile reads and writes.
    pub(crate) fn pixels(&self) -> u64 {
        let area = |size: Pair| u64::from(size.x) * u64::from(size.y);
        area(self.size)
            + self
                .branches
                .iter()
                .map(|branch| area(branch.output_size))
                .sum::<u64>()
    }
}

impl TileBranch {
    fn read(bytes: &[u8; TILE_SIZE], branch: usize) -> Self {
        let at = |x: usize, y: usize| pair(bytes, x, y, branch);
        let planes =
            |x: usize, y: usize| [0, 1, 2].map(|plane| pair(bytes, x, y, OUTPUTS * plane + branch));
        Self {
            crop_start: at(tile::CROP_X_START, tile::CROP_Y_START),
            crop_end: at(tile::CROP_X_END, tile::CROP_Y_END),
            downscale_phase: planes(tile::DOWNSCALE_PHASE_X, tile::DOWNSCALE_PHASE_Y),
            resample_in: at(tile::RESAMPLE_IN_WIDTH, tile::RESAMPLE_IN_HEIGHT),
            resample_phase: planes(tile::RESAMPLE_PHASE_X, tile::RESAMPLE_PHASE_Y),
            output_offset: at(tile::OUTPUT_OFFSET_X, tile::OUTPUT_OFFSET_Y),
            output_size: at(tile::OUTPUT_WIDTH, tile::OUTPUT_HEIGHT),
            output_addr_offset: u32_at(bytes, tile::OUTPUT_ADDR_OFFSET + 4 * branch),
            output_addr_offset2: u32_at(bytes, tile::OUTPUT_ADDR_OFFSET2 + 4 * branch),
        }
    }

    /// Whether the tile gives this output nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.output_size == Pair::default()
    }

    /// Columns of an input `width` wide that reach the scalers.
    pub(crate) fn width_after_crop(&self, width: u16) -> u16 {
        width
            .saturating_sub(self.crop_start.x)
            .saturating_sub(self.crop_end.x)
    }
}

/// Entry `index` of two arrays of 16-bit values.
fn pair(bytes: &[u8], x: usize, y: usize, index: usize) -> Pair {
    Pair {
        x: u16_at(bytes, x + 2 * index),
        y: u16_at(bytes, y + 2 * index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pisp::layout::PixelFormat;

    fn image(width: u16, height: u16) -> ImageFormat {
        ImageFormat {
            width,
            height,
            format: PixelFormat(3),
            stride: 2 * i32::from(width),
            stride2: 0,
        }
    }

    #[test]
    fn windows_must_lie_in_their_images() {
        let mut bytes = [0; TILE_SIZE];
        let mut put = |offset: usize, value: u16| {
            bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes())
        };
        put(tile::INPUT_OFFSET_X, 8);
        put(tile::INPUT_WIDTH, 56);
        put(tile::INPUT_HEIGHT, 32);
        put(tile::OUTPUT_OFFSET_Y + 2, 15);
        put(tile::OUTPUT_WIDTH + 2, 20);
        put(tile::OUTPUT_HEIGHT + 2, 16);
        let tile = Tile::read(&bytes);
        assert_eq!(tile.check_input(&image(64, 32)), Ok(()));
        assert_eq!(
            tile.check_input(&image(62, 32)),
            Err(TileError::OutsideInput { x: 8, y: 0 })
        );
        assert_eq!(tile.check_output(0, &image(1, 1), false), Ok(()));
        assert_eq!(tile.check_output(1, &image(20, 16), true), Ok(()));
        assert_eq!(tile.check_output(1, &image(20, 31), false), Ok(()));
        assert_eq!(
            tile.check_output(1, &image(20, 30), false),
            Err(TileError::OutsideOutput { branch: 1 })
        );
        assert_eq!(
            tile.check_output(1, &image(19, 31), false),
            Err(TileError::OutsideOutput { branch: 1 })
        );
        assert_eq!(tile.pixels(), 56 * 32 + 20 * 16);
    }
}
