//! A negative as directories. What changes from picture to picture is left to `moment.rs`, which fills it in.

use super::tiles::Grid;
use super::{Compression, Error, Preview};
use crate::dng::ifd::{Directory, Value};
use crate::dng::negative::{Calibration, Lens, Negative, Raw};
use crate::dng::opcodes;
use crate::dng::preview::Frame;
use crate::dng::tags::*;

/// Version of the specification that a file follows, and the oldest whose readers understand it: 1.4, which CinemaDNG
/// asks for, and 1.3, with opcodes and noise; JPEG XL came with 1.7.
const VERSIONS: [[u8; 4]; 2] = [[1, 4, 0, 0], [1, 3, 0, 0]];
const VERSIONS_OF_JPEG_XL: [[u8; 4]; 2] = [[1, 7, 0, 0], [1, 7, 0, 0]];
/// Values of fields: the first row is at the top; samples of a pixel lie together; filters are in a rectangle.
const TOP_LEFT: u16 = 1;
const TOGETHER: u16 = 1;
const RECTANGULAR: u16 = 1;
/// Values of `CFAPattern` and `CFAPlaneColor`.
const RED: u8 = 0;
const GREEN: u8 = 1;
const BLUE: u8 = 2;
/// `PreviewColorSpace`: grey of gamma 2.2, sRGB.
const GREY_2_2: u32 = 1;
const SRGB: u32 = 2;
/// JPEG's YCbCr takes all values of eight bits (TIFF 6.0, section 20).
const FULL_RANGE: [[u32; 2]; 6] = [[0, 1], [255, 1], [128, 1], [255, 1], [128, 1], [255, 1]];
/// Samples of colour are where JFIF has them: between those of luma.
const CENTRED: u16 = 1;

/// The directories of a file.
pub(super) struct Directories {
    pub(super) first: Directory,
    /// The raw picture's, where it is not the first.
    pub(super) raw: Option<Directory>,
    pub(super) exif: Directory,
    pub(super) gps: Option<Directory>,
}

impl Directories {
    pub(super) fn new(
        negative: &Negative,
        grid: &Grid,
        compression: Compression,
        preview: Option<&Preview>,
    ) -> Result<Self, Error> {
        let mut first = Directory::default();
        general(negative, compression, &mut first);
        for (index, calibration) in negative.colour.calibrations.iter().enumerate() {
            self::calibration(calibration, index, &mut first);
        }
        let mut raw = None;
        if let Some(preview) = preview {
            self::preview(preview, &mut first)?;
            let raw = raw.insert(Directory::default());
            picture(negative, grid, compression, raw);
        } else {
            picture(negative, grid, compression, &mut first);
        }
        let mut exif = Directory::default();
        set(&mut exif, EXIF_VERSION, Value::Undefined(b"0300".to_vec()));
        if let Some(lens) = &negative.lens {
            self::lens(lens, &mut first, &mut exif);
        }
        Ok(Self {
            first,
            raw,
            exif,
            gps: None,
        })
    }

    /// Writes them.
    pub(super) fn write(self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Self {
            mut first,
            raw,
            exif,
            gps,
        } = self;
        set(&mut first, EXIF_IFD, Value::Directories(vec![exif]));
        if let Some(gps) = gps {
            set(&mut first, GPS_IFD, Value::Directories(vec![gps]));
        }
        if let Some(raw) = raw {
            set(&mut first, SUB_IFDS, Value::Directories(vec![raw]));
        }
        Ok(first.write(out)?)
    }
}

pub(super) fn set(directory: &mut Directory, tag: Tag, value: Value) {
    directory.set(tag.0, value);
}

fn long(value: usize) -> Value {
    // Sizes are those of at most `MOST_SAMPLES`.
    Value::Longs(vec![value as u32])
}

fn short(value: u16) -> Value {
    Value::Shorts(vec![value])
}

fn general(negative: &Negative, compression: Compression, to: &mut Directory) {
    let [version, backward] = match compression {
        Compression::JpegXl => VERSIONS_OF_JPEG_XL,
        _ => VERSIONS,
    };
    set(to, DNG_VERSION, Value::Bytes(version.to_vec()));
    set(to, DNG_BACKWARD_VERSION, Value::Bytes(backward.to_vec()));
    set(to, ORIENTATION, short(TOP_LEFT));
    let camera = &negative.camera;
    for (tag, text) in [
        (MAKE, &camera.make),
        (MODEL, &camera.model),
        (SOFTWARE, &camera.software),
        (UNIQUE_CAMERA_MODEL, &camera.unique_model),
    ] {
        text_in(to, tag, text);
    }
    if let Some(sequence) = &negative.sequence {
        let rate = Value::signed_rationals(&[sequence.frame_rate]);
        set(to, FRAME_RATE, rate);
    }
}

fn text_in(to: &mut Directory, tag: Tag, text: &str) {
    if !text.is_empty() {
        set(to, tag, Value::text(text));
    }
}

fn calibration(calibration: &Calibration, index: usize, to: &mut Directory) {
    let matrix = |rows: &[[f64; 3]; 3]| Value::signed_rationals(rows.as_flattened());
    let light = short(calibration.illuminant);
    set(to, CALIBRATION_ILLUMINANTS[index], light);
    set(
        to,
        COLOR_MATRICES[index],
        matrix(&calibration.colour_matrix),
    );
    if let Some(forward) = &calibration.forward_matrix {
        set(to, FORWARD_MATRICES[index], matrix(forward));
    }
    // From colours of the model to those of this camera; ours are told the other way round.
    let [red, green, blue] = calibration.individual.map(|factor| 1.0 / factor);
    let diagonal = [[red, 0.0, 0.0], [0.0, green, 0.0], [0.0, 0.0, blue]];
    set(to, CAMERA_CALIBRATIONS[index], matrix(&diagonal));
}

fn preview(preview: &Preview, to: &mut Directory) -> Result<(), Error> {
    let frame = Frame::of(&preview.jpeg).ok_or_else(|| Error::Value {
        field: "preview.jpeg",
        reason: "it is no baseline or progressive JPEG of one or three components".into(),
    })?;
    let (width, height) = (preview.width, preview.height);
    if (frame.width, frame.height) != (width, height) {
        let reason = format!(
            "{width} x {height} pixels are said, {} x {} are in the JPEG",
            frame.width, frame.height
        );
        return Err(Error::Value {
            field: "preview.width",
            reason,
        });
    }
    set(to, NEW_SUBFILE_TYPE, Value::Longs(vec![REDUCED_PICTURE]));
    set(to, IMAGE_WIDTH, long(width));
    set(to, IMAGE_LENGTH, long(height));
    set(
        to,
        BITS_PER_SAMPLE,
        Value::Shorts(vec![8; frame.components]),
    );
    set(to, COMPRESSION, short(JPEG as u16));
    set(to, SAMPLES_PER_PIXEL, short(frame.components as u16));
    set(to, PLANAR_CONFIGURATION, short(TOGETHER));
    set(to, ROWS_PER_STRIP, long(height));
    set(to, STRIP_OFFSETS, Value::Parts(vec![preview.jpeg.clone()]));
    set(to, STRIP_BYTE_COUNTS, long(preview.jpeg.len()));
    let (meaning, space) = match frame.components {
        1 => (GREY, GREY_2_2),
        _ => (YCBCR, SRGB),
    };
    set(to, PHOTOMETRIC_INTERPRETATION, short(meaning as u16));
    set(to, PREVIEW_COLOR_SPACE, Value::Longs(vec![space]));
    if meaning == YCBCR {
        let subsampling = Value::Shorts(frame.subsampling.to_vec());
        set(to, YCBCR_SUBSAMPLING, subsampling);
        set(to, YCBCR_POSITIONING, short(CENTRED));
        let range = Value::Rationals(FULL_RANGE.to_vec());
        set(to, REFERENCE_BLACK_WHITE, range);
    }
    Ok(())
}

/// How samples lie, and what they are.
fn picture(negative: &Negative, grid: &Grid, compression: Compression, to: &mut Directory) {
    let raw = &negative.raw;
    set(to, NEW_SUBFILE_TYPE, Value::Longs(vec![MAIN_PICTURE]));
    set(to, IMAGE_WIDTH, long(raw.width));
    set(to, IMAGE_LENGTH, long(raw.height));
    let bits = compression.bits(raw.bits);
    set(to, BITS_PER_SAMPLE, short(bits.into()));
    set(to, COMPRESSION, short(compression.number() as u16));
    let meaning = short(COLOUR_FILTER_ARRAY as u16);
    set(to, PHOTOMETRIC_INTERPRETATION, meaning);
    set(to, SAMPLES_PER_PIXEL, short(1));
    set(to, PLANAR_CONFIGURATION, short(TOGETHER));
    // Both are known when samples were encoded.
    let unknown = || Value::Longs(vec![0; grid.count()]);
    if grid.are_strips {
        set(to, ROWS_PER_STRIP, long(grid.tile[1]));
        set(to, STRIP_OFFSETS, unknown());
        set(to, STRIP_BYTE_COUNTS, unknown());
    } else {
        set(to, TILE_WIDTH, long(grid.tile[0]));
        set(to, TILE_LENGTH, long(grid.tile[1]));
        set(to, TILE_OFFSETS, unknown());
        set(to, TILE_BYTE_COUNTS, unknown());
    }
    if compression == Compression::JpegXl {
        set(to, ROW_INTERLEAVE_FACTOR, Value::Longs(vec![2]));
        set(to, COLUMN_INTERLEAVE_FACTOR, Value::Longs(vec![2]));
    }
    levels(raw, to);
    for (tag, opcodes) in OPCODE_LISTS.into_iter().zip(&negative.opcodes) {
        if !opcodes.is_empty() {
            set(to, tag, Value::Undefined(opcodes::list(opcodes)));
        }
    }
}

fn levels(raw: &Raw, to: &mut Directory) {
    let mut pattern = [GREEN; 4];
    let [row, column] = raw.pattern.red();
    pattern[2 * row + column] = RED;
    pattern[2 * (1 - row) + 1 - column] = BLUE;
    set(to, CFA_REPEAT_PATTERN_DIM, Value::Shorts(vec![2, 2]));
    set(to, CFA_PATTERN, Value::Bytes(pattern.to_vec()));
    set(to, CFA_PLANE_COLOR, Value::Bytes(vec![RED, GREEN, BLUE]));
    set(to, CFA_LAYOUT, short(RECTANGULAR));
    set(to, BLACK_LEVEL_REPEAT_DIM, Value::Shorts(vec![2, 2]));
    let black = if raw.black.iter().all(|black| black.fract() == 0.0) {
        Value::Shorts(raw.black.map(|black| black as u16).to_vec())
    } else {
        Value::rationals(&raw.black)
    };
    set(to, BLACK_LEVEL, black);
    set(to, WHITE_LEVEL, short(raw.white));
    let [top, left, bottom, right] = raw.active;
    let area = raw.active.map(|edge| edge as u32);
    set(to, ACTIVE_AREA, Value::Longs(area.to_vec()));
    set(to, DEFAULT_SCALE, Value::Rationals(vec![[1, 1], [1, 1]]));
    set(to, DEFAULT_CROP_ORIGIN, Value::Longs(vec![0, 0]));
    let size = [(right - left) as u32, (bottom - top) as u32];
    set(to, DEFAULT_CROP_SIZE, Value::Longs(size.to_vec()));
}

fn lens(lens: &Lens, first: &mut Directory, exif: &mut Directory) {
    text_in(exif, LENS_MAKE, &lens.make);
    text_in(exif, LENS_MODEL, &lens.model);
    for (tag, value) in [
        (FOCAL_LENGTH, lens.focal_length_mm),
        (F_NUMBER, lens.aperture),
    ] {
        if let Some(value) = value {
            set(exif, tag, Value::rationals(&[value]));
        }
    }
    if lens.focal_length_mm.is_some() || lens.maximum_aperture.is_some() {
        // Shortest and longest focal length, and the smallest f-number at each; 0/0 is not known (Exif 3.0, 4.6.6.7).
        let unknown = [0, 0];
        let one = |value: Option<f64>| match value.map(|value| Value::rationals(&[value])) {
            Some(Value::Rationals(fractions)) => fractions[0],
            _ => unknown,
        };
        let (length, aperture) = (one(lens.focal_length_mm), one(lens.maximum_aperture));
        let value = Value::Rationals(vec![length, length, aperture, aperture]);
        set(first, LENS_INFO, value.clone());
        set(exif, LENS_SPECIFICATION, value);
    }
}
