//! What may be written: a value that no reader could make sense of is refused, by the name of its field.

use super::{Error, Moment, NARROWEST};
use crate::dng::MOST_SAMPLES;
use crate::dng::negative::{Calibration, Colour, Lens, Negative, Noise, Place, Raw};
use crate::dng::opcodes::{GainMap, Opcode};
use crate::dng::time;

/// EXIF's lights 1 to 4 and 9 to 24.
const NAMED_LIGHTS: [std::ops::RangeInclusive<u16>; 2] = [1..=4, 9..=24];
/// Larger values of matrices and factors are mistakes.
const MOST: f64 = 1000.0;

fn wrong<T>(field: &'static str, reason: impl Into<String>) -> Result<T, Error> {
    let reason = reason.into();
    Err(Error::Value { field, reason })
}

fn is_one_of(what: &'static str, is: bool, reason: impl FnOnce() -> String) -> Result<(), Error> {
    if is { Ok(()) } else { wrong(what, reason()) }
}

fn numbers(
    field: &'static str,
    values: &[f64],
    range: std::ops::RangeInclusive<f64>,
) -> Result<(), Error> {
    match values.iter().find(|value| !range.contains(value)) {
        Some(value) => {
            let (least, most) = range.into_inner();
            wrong(field, format!("{value} is not between {least} and {most}"))
        }
        None => Ok(()),
    }
}

fn positive(field: &'static str, values: &[f64]) -> Result<(), Error> {
    numbers(field, values, 1.0 / MOST..=MOST)
}

pub(super) fn negative(negative: &Negative) -> Result<(), Error> {
    raw(&negative.raw)?;
    colour(&negative.colour)?;
    let name = &negative.camera.unique_model;
    let is_plain = name.bytes().any(|letter| letter.is_ascii_graphic());
    is_one_of("camera.unique_model", is_plain, || {
        format!("{name:?} is no name in ASCII")
    })?;
    if let Some(lens) = &negative.lens {
        self::lens(lens)?;
    }
    if let Some(sequence) = &negative.sequence {
        let range = 1.0 / MOST..=time::FASTEST;
        numbers("sequence.frame_rate", &[sequence.frame_rate], range)?;
    }
    for opcode in negative.opcodes.iter().flatten() {
        self::opcode(opcode, &negative.raw)?;
    }
    moment(&Moment::of(negative))
}

pub(super) fn moment(moment: &Moment) -> Result<(), Error> {
    positive("as_shot_neutral", &moment.as_shot_neutral)?;
    if let Some(noise) = &moment.noise {
        let values = noise.map(|Noise { scale, offset }| [scale, offset]);
        numbers("noise", values.as_flattened(), 0.0..=MOST)?;
    }
    if let Some(place) = &moment.shot.place {
        let Place {
            latitude,
            longitude,
            altitude_m,
        } = place;
        numbers("shot.place.latitude", &[*latitude], -90.0..=90.0)?;
        numbers("shot.place.longitude", &[*longitude], -180.0..=180.0)?;
        numbers("shot.place.altitude_m", altitude_m.as_slice(), -1e6..=1e6)?;
    }
    Ok(())
}

fn raw(raw: &Raw) -> Result<(), Error> {
    let Raw {
        width,
        height,
        bits,
        white,
        active: [top, left, bottom, right],
        ..
    } = *raw;
    for (field, size) in [("raw.width", width), ("raw.height", height)] {
        is_one_of(field, size >= NARROWEST, || {
            format!("{size} samples are less than {NARROWEST}")
        })?;
    }
    let samples = width.checked_mul(height);
    let fits = samples.is_some_and(|samples| samples <= MOST_SAMPLES);
    is_one_of("raw.width", fits, || {
        format!("{width} x {height} samples are more than {MOST_SAMPLES}")
    })?;
    is_one_of("raw.bits", (8..=16).contains(&bits), || {
        format!("{bits} is not between 8 and 16")
    })?;
    let most = u16::MAX >> (16 - bits);
    is_one_of("raw.white", (1..=most).contains(&white), || {
        format!("{white} is not between 1 and {most}, the largest of {bits} bits")
    })?;
    let black = raw.black.iter();
    let bright = |black: &&f64| !(0.0..f64::from(white)).contains(*black);
    if let Some(black) = black.clone().find(bright) {
        return wrong(
            "raw.black",
            format!("{black} is not between 0 and white, {white}"),
        );
    }
    let is_inside = top < bottom && bottom <= height && left < right && right <= width;
    is_one_of("raw.active", is_inside, || {
        format!(
            "rows {top}..{bottom} and columns {left}..{right} are no part of {width} x {height} samples"
        )
    })
}

fn colour(colour: &Colour) -> Result<(), Error> {
    let count = colour.calibrations.len();
    is_one_of("colour.calibrations", (1..=2).contains(&count), || {
        format!("there are {count} instead of one or two")
    })?;
    if let [a, b] = &colour.calibrations[..] {
        const FIELD: &str = "colour.calibrations.illuminant";
        is_one_of(FIELD, a.illuminant != b.illuminant, || {
            format!("both are {}", a.illuminant)
        })?;
        const FORWARD: &str = "colour.calibrations.forward_matrix";
        let both = a.forward_matrix.is_some() == b.forward_matrix.is_some();
        is_one_of(FORWARD, both, || "only one light has it".into())?;
    }
    colour.calibrations.iter().try_for_each(calibration)
}

fn calibration(calibration: &Calibration) -> Result<(), Error> {
    let Calibration {
        illuminant,
        colour_matrix,
        forward_matrix,
        individual,
    } = calibration;
    let is_named = NAMED_LIGHTS.iter().any(|range| range.contains(illuminant));
    is_one_of("colour.calibrations.illuminant", is_named, || {
        format!("{illuminant} is none of EXIF's lights")
    })?;
    const MATRIX: &str = "colour.calibrations.colour_matrix";
    numbers(MATRIX, colour_matrix.as_flattened(), -MOST..=MOST)?;
    let [[a, b, c], [d, e, f], [g, h, i]] = colour_matrix;
    let determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    is_one_of(MATRIX, determinant.abs() > 1e-9, || {
        "it has no inverse".into()
    })?;
    if let Some(matrix) = forward_matrix {
        const FIELD: &str = "colour.calibrations.forward_matrix";
        numbers(FIELD, matrix.as_flattened(), -MOST..=MOST)?;
    }
    positive("colour.calibrations.individual", individual)
}

fn lens(lens: &Lens) -> Result<(), Error> {
    let length = 0.1..=100_000.0;
    numbers(
        "lens.focal_length_mm",
        lens.focal_length_mm.as_slice(),
        length,
    )?;
    let aperture = lens.aperture.as_slice();
    numbers("lens.aperture", aperture, 0.1..=MOST)?;
    let maximum = lens.maximum_aperture.as_slice();
    numbers("lens.maximum_aperture", maximum, 0.1..=MOST)
}

fn opcode(opcode: &Opcode, raw: &Raw) -> Result<(), Error> {
    const CENTRE: &str = "opcodes: centre";
    match opcode {
        Opcode::WarpRectilinear { planes, centre } => {
            let count = planes.len();
            is_one_of(
                "opcodes: WarpRectilinear: planes",
                matches!(count, 1 | 3),
                || format!("there are {count} instead of one or three"),
            )?;
            const FIELD: &str = "opcodes: WarpRectilinear";
            numbers(FIELD, planes.as_flattened(), -MOST..=MOST)?;
            numbers(CENTRE, centre, 0.0..=1.0)
        }
        Opcode::FixVignetteRadial { factors, centre } => {
            numbers("opcodes: FixVignetteRadial", factors, -MOST..=MOST)?;
            numbers(CENTRE, centre, 0.0..=1.0)
        }
        Opcode::FixBadPixelsList { phase, pixels } => {
            const FIELD: &str = "opcodes: FixBadPixelsList";
            is_one_of(FIELD, *phase < 4, || format!("phase {phase} is above 3"))?;
            let [height, width] = size(raw);
            let outside = |pixel: &&[u32; 2]| pixel[0] >= height || pixel[1] >= width;
            match pixels.iter().find(outside) {
                Some([row, column]) => wrong(
                    FIELD,
                    format!("row {row}, column {column} is outside the active area"),
                ),
                None => Ok(()),
            }
        }
        Opcode::GainMap(map) => gain_map(map, raw),
    }
}

/// Rows and columns of the active area.
fn size(raw: &Raw) -> [u32; 2] {
    let [top, left, bottom, right] = raw.active;
    [(bottom - top) as u32, (right - left) as u32]
}

fn gain_map(map: &GainMap, raw: &Raw) -> Result<(), Error> {
    const FIELD: &str = "opcodes: GainMap";
    let [top, left, bottom, right] = map.area;
    let [height, width] = size(raw);
    let is_inside = top < bottom && bottom <= height && left < right && right <= width;
    is_one_of(FIELD, is_inside, || {
        format!("rows {top}..{bottom} and columns {left}..{right} are no part of the active area")
    })?;
    let is_step = map.pitch.iter().all(|pitch| *pitch > 0) && map.planes[1] > 0;
    is_one_of(FIELD, is_step, || "no plane, or a pitch of 0".into())?;
    let [rows, columns] = map.points.map(u64::from);
    let points = rows * columns;
    let is_full = points > 0 && points == map.gains.len() as u64;
    is_one_of(FIELD, is_full, || {
        format!("{} gains for {rows} x {columns} points", map.gains.len())
    })?;
    numbers(FIELD, &map.spacing, 0.0..=1.0)?;
    numbers(FIELD, &map.origin, -1.0..=1.0)?;
    let gains = map.gains.iter().map(|gain| f64::from(*gain));
    gains
        .into_iter()
        .try_for_each(|gain| numbers(FIELD, &[gain], 0.0..=MOST))
}
