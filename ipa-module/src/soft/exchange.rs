//! What libcamera's software ISP and an IPA tell each other, as values. No wire, no algorithm.
//!
//! Source: libcamera 0.7.1, `include/libcamera/internal/software_isp/{swisp_stats,debayer_params}.h` and
//! `include/libcamera/ipa/{core,soft}.mojom`.

/// Bins of the luminance histogram.
pub const HISTOGRAM: usize = 64;

/// What the software ISP counted in a picture before it corrected anything (`SwIspStats`, without its flag).
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Sums of the samples of red, green and blue, in 8 bits.
    pub sums: [u64; 3],
    /// Samples by luminance.
    pub histogram: [u32; HISTOGRAM],
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            sums: [0; 3],
            histogram: [0; HISTOGRAM],
        }
    }
}

/// What the software ISP does to the next picture (`DebayerParams`).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// From the sensor's colours to those of the picture, row by row, white balance included.
    pub matrix: [f32; 9],
    /// Black level of red, green and blue, in parts of full scale.
    pub black_level: [f32; 3],
    /// Exponent of the tone curve.
    pub gamma: f32,
    /// Exponent of the contrast curve; 1 changes nothing.
    pub contrast: f32,
    /// Gains of red, green and blue, for when there is no matrix.
    pub gains: [f32; 3],
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            matrix: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            black_level: [0.0; 3],
            gamma: 1.0,
            contrast: 1.0,
            gains: [1.0; 3],
        }
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
}

/// A part of the pixel array, from the top left corner of its active area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rectangle {
    /// Pixels to the right.
    pub x: i32,
    /// Lines down.
    pub y: i32,
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
}

/// A sensor and the mode it is in (`IPACameraSensorInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SensorInfo {
    /// The driver's name of the sensor, e.g. `imx219`.
    pub model: String,
    /// Bits per pixel of what the sensor sends.
    pub bits_per_pixel: u32,
    /// Order of the colour filters: 0 RGGB, 1 GRBG, 2 GBRG, 3 BGGR, 4 RGB without filters, 5 monochrome.
    pub cfa_pattern: u32,
    /// Size of the array's part that sees light.
    pub active_area: Size,
    /// What is read of it.
    pub analog_crop: Rectangle,
    /// Size of the pictures.
    pub output_size: Size,
    /// Pixels per second.
    pub pixel_rate: u64,
    /// Shortest line, in pixels with blanking.
    pub min_line_length: u32,
    /// Longest line, in pixels with blanking.
    pub max_line_length: u32,
    /// Shortest frame, in lines with blanking.
    pub min_frame_length: u32,
    /// Longest frame, in lines with blanking.
    pub max_frame_length: u32,
}

/// What an IPA is told at its beginning (`IPASettings`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Path of the tuning file; empty if there is none.
    pub configuration_file: String,
    /// The sensor's model, which the tuning file is named after.
    pub sensor_model: String,
}
