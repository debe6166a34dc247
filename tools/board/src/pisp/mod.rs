//! PiSP, the image signal processor: what its two halves do to pixels.
//!
//! Pure functions over the settings that the kernel drivers write and guest memory: no registers, no time, no
//! interrupts. The front end turns sensor rows into raw frames and statistics, the back end turns
//! raw frames into pictures, tile by tile. One file holds one block. Orders of blocks and the meaning of fields come
//! from the kernel's uapi headers and from libpisp, which fills them in; the arithmetic within a block is the
//! field's usual one where the hardware's is not published, so pictures are plausible, not bit-exact.

mod back_end;
mod back_end_enables;
mod black_level;
mod ccm;
pub mod compress;
mod demosaic;
mod downscale;
mod front_end;
mod gamma;
pub mod layout;
mod lens_shading;
mod output;
mod resample;
mod samples;
pub mod statistics;
mod tiles;
#[cfg(test)]
mod typical;
#[cfg(test)]
mod typical_tiles;
mod zones;

pub use back_end::{BackEnd, JobError};
pub use back_end_enables::{
    BayerEnables, RgbEnables, bayer_enables, rgb_enables, unmodelled as unmodelled_back_end,
};
pub use front_end::{
    Enables as FrontEndEnables, FrontEnd, enables as front_end_enables,
    unmodelled as unmodelled_front_end,
};
pub use layout::{BE_CONFIG_SIZE, FE_CONFIG_SIZE, STATISTICS_SIZE, TILE_SIZE};
pub use tiles::{MAX_TILES, TileError};

/// One of the two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// In RP1: sensor to raw frames and statistics.
    FrontEnd,
    /// In the main chip: raw frames to pictures.
    BackEnd,
}

impl std::fmt::Display for Half {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FrontEnd => "front end",
            Self::BackEnd => "back end",
        })
    }
}

/// Settings that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An image is empty, odd or larger than what holds it.
    #[error("PiSP {half}: {what} of {width}x{height} pixels is empty, odd or too large")]
    Size {
        /// Where.
        half: Half,
        /// Which image.
        what: &'static str,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// A layout of pixels that the block does not have, or that is not modelled.
    #[error("PiSP {half}: {what} format {format:#010x} is not supported")]
    Format {
        /// Where.
        half: Half,
        /// Which image.
        what: &'static str,
        /// `enum pisp_image_format`.
        format: u32,
    },
    /// Rows that overlap.
    #[error("PiSP {half}: {what} stride of {stride} bytes is less than a row's {needed}")]
    Stride {
        /// Where.
        half: Half,
        /// Which image.
        what: &'static str,
        /// As configured, bytes.
        stride: i32,
        /// Bytes of one row.
        needed: usize,
    },
    /// A scale factor that the block does not have.
    #[error("PiSP back end: {what} factor {factor} (of 4096) is out of range")]
    Scale {
        /// Which block.
        what: &'static str,
        /// As configured, in 1/4096.
        factor: u16,
    },
}
