//! What a raw picture says of itself: the values that a DNG's fields are made of.

use super::opcodes::Opcode;
use crate::demosaic::Pattern;

/// A raw picture without its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Negative {
    /// How its samples lie and what they mean.
    pub raw: Raw,
    /// What its colours are.
    pub colour: Colour,
    /// Who took it.
    pub camera: Camera,
    /// With which lens.
    pub lens: Option<Lens>,
    /// How it was taken.
    pub shot: Shot,
    /// What it is a part of.
    pub sequence: Option<Sequence>,
    /// Corrections of the samples as they are stored (`OpcodeList1`), of linear samples (`OpcodeList2`) and of colours
    /// (`OpcodeList3`).
    pub opcodes: [Vec<Opcode>; 3],
}

/// Samples behind colour filters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raw {
    /// Samples in a row, including those outside the active area.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Of the active area's first two rows and columns.
    pub pattern: Pattern,
    /// Bits of a sample: 8 to 16.
    pub bits: u8,
    /// Level of black in the order of the first two rows and columns of the active area.
    pub black: [f64; 4],
    /// Level at which samples are saturated.
    pub white: u16,
    /// Top, left, bottom and right of what is a picture.
    pub active: [usize; 4],
}

/// How samples become colours (DNG 1.7.1.0, chapter 6).
#[derive(Clone, Debug, PartialEq)]
pub struct Colour {
    /// One or two calibrations, the warmer light first.
    pub calibrations: Vec<Calibration>,
    /// What a neutral object's red, green and blue are, the largest 1.
    pub as_shot_neutral: [f64; 3],
    /// For red, green and blue: a sample x, where black is 0 and white 1, has the variance `scale x + offset`.
    pub noise: Option<[Noise; 3]>,
}

/// Colours under one light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// EXIF's `LightSource`: 17 is standard light A, 21 is D65, 23 is D50.
    pub illuminant: u16,
    /// From XYZ to the camera's colours, row by row.
    pub colour_matrix: [[f64; 3]; 3],
    /// From white-balanced camera colours to XYZ under D50, row by row.
    pub forward_matrix: Option<[[f64; 3]; 3]>,
    /// What this camera's colours are multiplied by to be those of a usual one of its model.
    pub individual: [f64; 3],
}

/// Noise of one colour, relative to white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Variance that light adds.
    pub scale: f64,
    /// Variance in the dark.
    pub offset: f64,
}

/// Who took a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// `Make`
    pub make: String,
    /// `Model`
    pub model: String,
    /// `UniqueCameraModel`: cameras of this name have the same colours.
    pub unique_model: String,
    /// `Software`
    pub software: String,
}

/// A lens.
#[derive(Clone, Debug, PartialEq)]
pub struct Lens {
    /// `LensMake`
    pub make: String,
    /// `LensModel`
    pub model: String,
    /// Millimetres.
    pub focal_length_mm: Option<f64>,
    /// Smallest f-number.
    pub maximum_aperture: Option<f64>,
    /// F-number that the picture was taken at.
    pub aperture: Option<f64>,
}

/// How a picture was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shot {
    /// Start of the exposure: nanoseconds since 1970, UTC.
    pub taken_ns: i64,
    /// Microseconds.
    pub exposure_us: Option<u32>,
    /// ISO speed.
    pub iso: Option<u32>,
    /// Where.
    pub place: Option<Place>,
}

/// A place on earth (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Degrees, north of the equator.
    pub latitude: f64,
    /// Degrees, east of Greenwich.
    pub longitude: f64,
    /// Metres above the ellipsoid.
    pub altitude_m: Option<f64>,
}

/// An angle without its sign, as fractions: how Exif has latitudes and longitudes.
pub fn degrees_minutes_seconds(angle: f64) -> [[u32; 2]; 3] {
    /// Of a second: 3 micrometres on the ground.
    const PARTS: u64 = 10_000_000;
    let parts = (angle.abs() * 3600.0 * PARTS as f64).round() as u64;
    let minutes = parts / (60 * PARTS);
    [
        [(minutes / 60) as u32, 1],
        [(minutes % 60) as u32, 1],
        [(parts % (60 * PARTS)) as u32, PARTS as u32],
    ]
}

/// A picture's place in a sequence (CinemaDNG 1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequence {
    /// Frames a second.
    pub frame_rate: f64,
    /// Number of this frame since midnight, at that rate rounded up; the source of its time code.
    pub frame: u64,
}
