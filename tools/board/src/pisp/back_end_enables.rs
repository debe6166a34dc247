//! Which blocks of the back end a configuration enables, and which of those are not modelled.

use bitflags::bitflags;

use super::layout::{BE_CONFIG_SIZE, be, u32_at};

bitflags! {
    /// `enum pisp_be_bayer_enable`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct BayerEnables: u32 {
        /// Raw input.
        const INPUT = 0x1;
        /// Compressed input.
        const DECOMPRESS = 0x2;
        /// Defective pixels.
        const DPC = 0x4;
        /// Green equalisation.
        const GEQ = 0x8;
        /// Temporal denoise: last frame's input.
        const TDN_INPUT = 0x10;
        /// Temporal denoise: that input is compressed.
        const TDN_DECOMPRESS = 0x20;
        /// Temporal denoise.
        const TDN = 0x40;
        /// Temporal denoise: compressed output.
        const TDN_COMPRESS = 0x80;
        /// Temporal denoise: output for the next frame.
        const TDN_OUTPUT = 0x100;
        /// Spatial denoise.
        const SDN = 0x200;
        /// Black level correction.
        const BLC = 0x400;
        /// Exposure stitching: input.
        const STITCH_INPUT = 0x800;
        /// Exposure stitching: that input is compressed.
        const STITCH_DECOMPRESS = 0x1000;
        /// Exposure stitching.
        const STITCH = 0x2000;
        /// Exposure stitching: compressed output.
        const STITCH_COMPRESS = 0x4000;
        /// Exposure stitching: output.
        const STITCH_OUTPUT = 0x8000;
        /// White balance gains.
        const WBG = 0x1_0000;
        /// Colour denoise.
        const CDN = 0x2_0000;
        /// Lens shading correction.
        const LSC = 0x4_0000;
        /// Tone mapping.
        const TONEMAP = 0x8_0000;
        /// Chromatic aberration correction.
        const CAC = 0x10_0000;
        /// Correction of binned pixels' places.
        const DEBIN = 0x20_0000;
        /// Demosaic.
        const DEMOSAIC = 0x40_0000;
    }
}

bitflags! {
    /// `enum pisp_be_rgb_enable`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RgbEnables: u32 {
        /// RGB or YUV input instead of raw.
        const INPUT = 0x1;
        /// Colour correction matrix.
        const CCM = 0x2;
        /// Saturation control.
        const SAT_CONTROL = 0x4;
        /// Conversion to luma and chroma.
        const YCBCR = 0x8;
        /// False colour suppression.
        const FALSE_COLOUR = 0x10;
        /// Sharpening.
        const SHARPEN = 0x20;
        /// Conversion back from luma and chroma.
        const YCBCR_INVERSE = 0x80;
        /// Gamma curve.
        const GAMMA = 0x100;
        /// Colour space of output 0.
        const CSC0 = 0x200;
        /// Colour space of output 1.
        const CSC1 = 0x400;
        /// Downscaler of output 0.
        const DOWNSCALE0 = 0x1000;
        /// Downscaler of output 1.
        const DOWNSCALE1 = 0x2000;
        /// Resampler of output 0.
        const RESAMPLE0 = 0x8000;
        /// Resampler of output 1.
        const RESAMPLE1 = 0x1_0000;
        /// Output 0.
        const OUTPUT0 = 0x4_0000;
        /// Output 1.
        const OUTPUT1 = 0x8_0000;
        /// Histograms of gradients.
        const HOG = 0x20_0000;
    }
}

impl RgbEnables {
    pub(crate) fn branch(self, flag: Self, branch: usize) -> bool {
        self.bits() & (flag.bits() << branch) != 0
    }
}

/// Bayer blocks that are modelled.
const MODELLED_BAYER: BayerEnables = BayerEnables::INPUT
    .union(BayerEnables::DECOMPRESS)
    .union(BayerEnables::BLC)
    .union(BayerEnables::WBG)
    .union(BayerEnables::LSC)
    .union(BayerEnables::DEMOSAIC);
/// RGB blocks that do nothing here.
const UNMODELLED_RGB: RgbEnables = RgbEnables::INPUT
    .union(RgbEnables::FALSE_COLOUR)
    .union(RgbEnables::SHARPEN)
    .union(RgbEnables::HOG);

/// Names of enabled blocks that are not modelled.
pub fn unmodelled(bayer: BayerEnables, rgb: RgbEnables) -> Vec<&'static str> {
    let bayer = bayer
        .difference(MODELLED_BAYER)
        .intersection(BayerEnables::all());
    let rgb = rgb & UNMODELLED_RGB;
    bayer
        .iter_names()
        .map(|(name, _)| name)
        .chain(rgb.iter_names().map(|(name, _)| name))
        .collect()
}

/// Enabled Bayer blocks of a configuration.
pub fn bayer_enables(config: &[u8; BE_CONFIG_SIZE]) -> BayerEnables {
    BayerEnables::from_bits_retain(u32_at(config, be::BAYER_ENABLES))
}

/// Enabled RGB blocks of a configuration.
pub fn rgb_enables(config: &[u8; BE_CONFIG_SIZE]) -> RgbEnables {
    RgbEnables::from_bits_retain(u32_at(config, be::RGB_ENABLES))
}
