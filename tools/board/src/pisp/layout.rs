//! Where the settings of both PiSP halves lie in memory, and small typed views of the shared parts.
//!
//! Source of every offset: the kernel's uapi headers `pisp_fe_config.h`, `pisp_be_config.h`, `pisp_common.h` and
//! `pisp_fe_statistics.h` (all structures packed, little-endian). Blocks that only one file reads are
//! parsed in that file; only their offsets are here.

/// Size of `pisp_fe_config` in bytes.
pub const FE_CONFIG_SIZE: usize = 632;
/// Size of `pisp_be_config` in bytes.
pub const BE_CONFIG_SIZE: usize = 6476;
/// Size of `pisp_tile` in bytes.
pub const TILE_SIZE: usize = 160;
/// Size of `pisp_statistics` in bytes.
pub const STATISTICS_SIZE: usize = 23_200;
/// Outputs of the front end and of the back end (`PISP_FE_NUM_OUTPUTS`, `PISP_BACK_END_NUM_OUTPUTS`).
pub const OUTPUTS: usize = 2;

/// `bayer_order` of a sensor without colour filters (`PISP_BAYER_ORDER_GREYSCALE`).
pub const GREYSCALE: u8 = 128;

/// Offsets in `pisp_fe_config`.
#[expect(missing_docs, reason = "names are those of the headers' fields")]
pub mod fe {
    pub const STATS_BUFFER: usize = 0;
    pub const OUTPUT_BUFFER: usize = 8;
    pub const ENABLES: usize = 36;
    pub const BAYER_ORDER: usize = 40;
    pub const BLA: usize = 208;
    pub const STATS_CROP: usize = 224;
    pub const BLC: usize = 236;
    pub const RGBY: usize = 248;
    pub const AGC: usize = 296;
    pub const AGC_WEIGHTS: usize = 304;
    pub const AGC_ROWS: usize = 432;
    pub const AGC_ROW_SHIFT: usize = 440;
    pub const AGC_FLOAT_SHIFT: usize = 441;
    pub const AWB: usize = 444;
    pub const AWB_SHIFT: usize = 452;
    pub const AWB_LIMITS: usize = 456;
    pub const CDAF: usize = 468;
    pub const CDAF_MODE: usize = 484;
    pub const FLOATING: usize = 488;
    /// The first output branch; the second follows after [`BRANCH_SIZE`].
    pub const BRANCH: usize = 528;
    pub const BRANCH_SIZE: usize = 48;
    /// Within a branch.
    pub const BRANCH_COMPRESS: usize = 20;
    /// Within a branch.
    pub const BRANCH_FORMAT: usize = 24;
}

/// Offsets in `pisp_be_config`.
#[expect(missing_docs, reason = "names are those of the headers' fields")]
pub mod be {
    pub const INPUT_BUFFER: usize = 0;
    pub const OUTPUT_BUFFER: usize = 56;
    pub const OUTPUT_BUFFER_SIZE: usize = 24;
    pub const BAYER_ENABLES: usize = 112;
    pub const RGB_ENABLES: usize = 116;
    pub const BAYER_ORDER: usize = 120;
    pub const INPUT_FORMAT: usize = 124;
    pub const DECOMPRESS: usize = 140;
    pub const BLC: usize = 220;
    pub const LSC: usize = 280;
    pub const LSC_LUT: usize = 284;
    pub const WBG: usize = 4640;
    pub const CCM: usize = 5256;
    pub const SAT_CONTROL: usize = 5288;
    pub const YCBCR: usize = 5292;
    pub const YCBCR_INVERSE: usize = 5564;
    pub const GAMMA: usize = 5596;
    pub const CSC: usize = 5852;
    pub const CSC_SIZE: usize = 32;
    pub const DOWNSCALE: usize = 5916;
    pub const DOWNSCALE_SIZE: usize = 8;
    pub const RESAMPLE: usize = 5932;
    pub const RESAMPLE_SIZE: usize = 196;
    pub const OUTPUT_FORMAT: usize = 6324;
    pub const OUTPUT_FORMAT_SIZE: usize = 28;
}

/// Offsets in `pisp_tile`. Per-branch fields are arrays of two, per-plane fields arrays of three times two.
#[expect(missing_docs, reason = "names are those of the headers' fields")]
pub mod tile {
    pub const EDGE: usize = 0;
    pub const INPUT_ADDR_OFFSET: usize = 4;
    pub const INPUT_OFFSET_X: usize = 12;
    pub const INPUT_OFFSET_Y: usize = 14;
    pub const INPUT_WIDTH: usize = 16;
    pub const INPUT_HEIGHT: usize = 18;
    pub const LSC_GRID_OFFSET_X: usize = 36;
    pub const LSC_GRID_OFFSET_Y: usize = 40;
    pub const CROP_X_START: usize = 52;
    pub const CROP_X_END: usize = 56;
    pub const CROP_Y_START: usize = 60;
    pub const CROP_Y_END: usize = 64;
    pub const DOWNSCALE_PHASE_X: usize = 68;
    pub const DOWNSCALE_PHASE_Y: usize = 80;
    pub const RESAMPLE_IN_WIDTH: usize = 92;
    pub const RESAMPLE_IN_HEIGHT: usize = 96;
    pub const RESAMPLE_PHASE_X: usize = 100;
    pub const RESAMPLE_PHASE_Y: usize = 112;
    pub const OUTPUT_OFFSET_X: usize = 124;
    pub const OUTPUT_OFFSET_Y: usize = 128;
    pub const OUTPUT_WIDTH: usize = 132;
    pub const OUTPUT_HEIGHT: usize = 136;
    pub const OUTPUT_ADDR_OFFSET: usize = 140;
    pub const OUTPUT_ADDR_OFFSET2: usize = 148;
}

/// Offsets in `pisp_statistics`.
#[expect(missing_docs, reason = "names are those of the headers' fields")]
pub mod stats {
    pub const AWB: usize = 0;
    pub const AWB_FLOATING: usize = 16_384;
    pub const ROW_SUMS: usize = 16_448;
    pub const HISTOGRAM: usize = 18_496;
    pub const AGC_FLOATING: usize = 22_592;
    pub const CDAF: usize = 22_656;
    pub const CDAF_FLOATING: usize = 23_168;
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

pub(crate) fn i16_at(bytes: &[u8], offset: usize) -> i16 {
    u16_at(bytes, offset) as i16
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from(u16_at(bytes, offset)) | u32::from(u16_at(bytes, offset + 2)) << 16
}

pub(crate) fn i32_at(bytes: &[u8], offset: usize) -> i32 {
    u32_at(bytes, offset) as i32
}

/// A bus address, low word first.
pub(crate) fn address_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from(u32_at(bytes, offset)) | u64::from(u32_at(bytes, offset + 4)) << 32
}

/// How the planes of a three-channel image lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planarity {
    /// All channels in one plane.
    Interleaved,
    /// Luma, then both chromas interleaved.
    SemiPlanar,
    /// One plane per channel.
    Planar,
}

/// How many pixels share one chroma sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// None do.
    S444,
    /// Two beside each other.
    S422,
    /// A square of four.
    S420,
}

/// `enum pisp_image_format`: a word of flags and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelFormat(pub u32);

impl PixelFormat {
    const BPS: u32 = 0x3;
    const ORDER_SWAPPED: u32 = 0x1000;
    const SHIFT: u32 = 0xf_0000;
    const BPP_32: u32 = 0x10_0000;
    const COMPRESSION: u32 = 0x300_0000;
    const HOG_INTEGRAL_WALLPAPER: u32 = 0x3c00_0000;
    const THREE_CHANNEL: u32 = 0x4000_0000;

    /// Bits per sample: 8, 10, 12 or 16.
    pub const fn bits(self) -> u32 {
        match self.0 & Self::BPS {
            0 => 8,
            1 => 10,
            2 => 12,
            _ => 16,
        }
    }

    /// Number of the compression mode, 0 when uncompressed.
    pub const fn compression(self) -> u8 {
        ((self.0 & Self::COMPRESSION) >> 24) as u8
    }

    /// Planarity; the reserved value counts as planar.
    pub const fn planarity(self) -> Planarity {
        match (self.0 >> 4) & 3 {
            0 => Planarity::Interleaved,
            1 => Planarity::SemiPlanar,
            _ => Planarity::Planar,
        }
    }

    /// Chroma sampling; the reserved value counts as 4:2:0.
    pub const fn sampling(self) -> Sampling {
        match (self.0 >> 8) & 3 {
            0 => Sampling::S444,
            1 => Sampling::S422,
            _ => Sampling::S420,
        }
    }

    /// Whether chroma (or the filling byte) comes in the other order.
    pub const fn swapped(self) -> bool {
        self.0 & Self::ORDER_SWAPPED != 0
    }

    /// Whether pixels have three channels rather than one.
    pub const fn three_channel(self) -> bool {
        self.0 & Self::THREE_CHANNEL != 0
    }

    /// Whether interleaved 8-bit pixels are filled up to 32 bits.
    pub const fn bpp32(self) -> bool {
        self.0 & Self::BPP_32 != 0
    }

    /// Whether the word asks for a layout that nothing here knows: shifted samples, gradients histograms, integral
    /// images or the "wallpaper" roll layout.
    pub const fn exotic(self) -> bool {
        self.0 & (Self::SHIFT | Self::HOG_INTEGRAL_WALLPAPER) != 0
    }
}

/// `struct pisp_image_format_config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFormat {
    /// Pixels per row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Layout of one pixel.
    pub format: PixelFormat,
    /// Bytes from row to row of the first plane.
    pub stride: i32,
    /// Bytes from row to row of the other planes.
    pub stride2: i32,
}

impl ImageFormat {
    /// Size in bytes of the structure.
    pub const SIZE: usize = 16;

    /// Reads the structure at `offset`.
    pub(crate) fn read(bytes: &[u8], offset: usize) -> Self {
        Self {
            width: u16_at(bytes, offset),
            height: u16_at(bytes, offset + 2),
            format: PixelFormat(u32_at(bytes, offset + 4)),
            stride: i32_at(bytes, offset + 8),
            stride2: i32_at(bytes, offset + 12),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of consecutive structures must add up to the offsets.
    #[test]
    fn blocks_follow_each_other() {
        assert_eq!(fe::BRANCH + OUTPUTS * fe::BRANCH_SIZE + 8, FE_CONFIG_SIZE);
        assert_eq!(fe::BLC + 12, fe::RGBY);
        assert_eq!(fe::AGC_WEIGHTS + 128, fe::AGC_ROWS);
        assert_eq!(fe::AWB + 24, fe::CDAF);
        assert_eq!(fe::CDAF + 20, fe::FLOATING);
        assert_eq!(fe::FLOATING + 4 * 8 + 8, fe::BRANCH);
        assert_eq!(be::LSC_LUT + 33 * 33 * 4, be::WBG);
        assert_eq!(be::GAMMA + 64 * 4, be::CSC);
        assert_eq!(be::CSC + OUTPUTS * be::CSC_SIZE, be::DOWNSCALE);
        assert_eq!(be::DOWNSCALE + OUTPUTS * be::DOWNSCALE_SIZE, be::RESAMPLE);
        assert_eq!(
            be::RESAMPLE + OUTPUTS * be::RESAMPLE_SIZE,
            be::OUTPUT_FORMAT
        );
        assert_eq!(tile::OUTPUT_ADDR_OFFSET2 + 2 * 4 + 4, TILE_SIZE);
        assert_eq!(stats::AWB_FLOATING + 4 * 16, stats::ROW_SUMS);
        assert_eq!(stats::ROW_SUMS + 512 * 4, stats::HISTOGRAM);
        assert_eq!(stats::HISTOGRAM + 1024 * 4, stats::AGC_FLOATING);
        assert_eq!(stats::CDAF + 64 * 8, stats::CDAF_FLOATING);
        assert_eq!(stats::CDAF_FLOATING + 4 * 8, STATISTICS_SIZE);
    }

    #[test]
    fn format_words_decode() {
        let nv21 = PixelFormat(0x4000_1210);
        assert_eq!((nv21.bits(), nv21.planarity()), (8, Planarity::SemiPlanar));
        assert_eq!((nv21.sampling(), nv21.swapped()), (Sampling::S420, true));
        assert!(nv21.three_channel() && !nv21.bpp32() && !nv21.exotic());
        assert_eq!(PixelFormat(0x0100_0000).compression(), 1);
        assert!(PixelFormat(0x2000_0000).exotic());
    }
}
