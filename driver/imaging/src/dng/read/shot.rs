//! Who took a picture, with which lens, when and where.

use super::Error;
use super::tiff::{Directory, Tiff};
use crate::dng::negative::{Camera, Colour, Lens, Negative, Place, Raw, Sequence, Shot};
use crate::dng::opcodes::Opcode;
use crate::dng::tags::*;
use crate::dng::time;

/// Puts a negative together.
pub(super) fn negative(
    tiff: &Tiff<'_>,
    first: &Directory<'_>,
    raw: Raw,
    colour: Colour,
    opcodes: [Vec<Opcode>; 3],
) -> Result<Negative, Error> {
    let text = |tag| Ok::<_, Error>(first.text(tag)?.unwrap_or_default());
    let below = |tag| {
        let offset = first.one(tag)?;
        offset
            .map(|offset| tiff.directory(offset as usize))
            .transpose()
    };
    // Some writers have EXIF's fields in the first directory.
    let exif = below(EXIF_IFD)?.unwrap_or(*first);
    let gps = below(GPS_IFD)?;
    Ok(Negative {
        raw,
        colour,
        camera: Camera {
            make: text(MAKE)?,
            model: text(MODEL)?,
            unique_model: text(UNIQUE_CAMERA_MODEL)?,
            software: text(SOFTWARE)?,
        },
        lens: lens(first, &exif)?,
        shot: Shot {
            taken_ns: taken(first, &exif)?.unwrap_or(0),
            exposure_us: exposure(&exif)?,
            iso: iso(&exif)?,
            place: gps.map(|gps| place(&gps)).transpose()?.flatten(),
        },
        sequence: sequence(first)?,
        opcodes,
    })
}

/// The first of a field's numbers, if it is one.
fn number(directory: &Directory<'_>, tag: Tag) -> Result<Option<f64>, Error> {
    let numbers = directory.numbers(tag)?;
    let first = numbers.and_then(|numbers| numbers.first().copied());
    Ok(first.filter(|number| number.is_finite()))
}

fn taken(first: &Directory<'_>, exif: &Directory<'_>) -> Result<Option<i64>, Error> {
    if let Some(date) = exif.text(DATE_TIME_ORIGINAL)? {
        let fraction = exif.text(SUB_SEC_TIME_ORIGINAL)?.unwrap_or_default();
        let offset = exif.text(OFFSET_TIME_ORIGINAL)?.unwrap_or_default();
        return Ok(time::nanoseconds(&date, &fraction, &offset));
    }
    let date = first.text(DATE_TIME)?;
    Ok(date.and_then(|date| time::nanoseconds(&date, "", "")))
}

fn exposure(exif: &Directory<'_>) -> Result<Option<u32>, Error> {
    let seconds = number(exif, EXPOSURE_TIME)?;
    // Too long ones become the longest.
    Ok(seconds
        .filter(|seconds| *seconds >= 0.0)
        .map(|seconds| (seconds * 1e6).round() as u32))
}

fn iso(exif: &Directory<'_>) -> Result<Option<u32>, Error> {
    let short = exif.one(ISO)?;
    match short {
        // What is too large for this field is in the other one.
        None | Some(0 | 65_535) => Ok(exif.one(ISO_SPEED)?.or(short)),
        _ => Ok(short),
    }
}

fn lens(first: &Directory<'_>, exif: &Directory<'_>) -> Result<Option<Lens>, Error> {
    let known = |number: Option<f64>| number.filter(|number| *number > 0.0);
    let described = match exif.numbers(LENS_SPECIFICATION)? {
        Some(described) => Some(described),
        None => first.numbers(LENS_INFO)?,
    };
    let described = described.unwrap_or_default();
    let (make, model) = (exif.text(LENS_MAKE)?, exif.text(LENS_MODEL)?);
    // A zoom lens has no focal length of its own.
    let of_lens = match described[..] {
        [shortest, longest, ..] if shortest == longest => known(Some(shortest)),
        _ => None,
    };
    let lens = Lens {
        focal_length_mm: known(number(exif, FOCAL_LENGTH)?).or(of_lens),
        maximum_aperture: known(described.get(2).copied()),
        aperture: known(number(exif, F_NUMBER)?),
        make: make.unwrap_or_default(),
        model: model.unwrap_or_default(),
    };
    let numbers = [lens.focal_length_mm, lens.maximum_aperture, lens.aperture];
    let is_known =
        numbers.iter().any(Option::is_some) || !lens.make.is_empty() || !lens.model.is_empty();
    Ok(is_known.then_some(lens))
}

fn place(gps: &Directory<'_>) -> Result<Option<Place>, Error> {
    let degrees = |value: Tag, side: Tag, negative: &str| -> Result<Option<f64>, Error> {
        let Some(parts) = gps.numbers(value)? else {
            return Ok(None);
        };
        let degrees: f64 = parts
            .iter()
            .zip([1.0, 60.0, 3600.0])
            .map(|(part, of)| part / of)
            .sum();
        let is_negative = gps.text(side)?.is_some_and(|side| side == negative);
        Ok(Some(if is_negative { -degrees } else { degrees }))
    };
    let latitude = degrees(GPS_LATITUDE, GPS_LATITUDE_REF, "S")?;
    let longitude = degrees(GPS_LONGITUDE, GPS_LONGITUDE_REF, "W")?;
    let (Some(latitude), Some(longitude)) = (latitude, longitude) else {
        return Ok(None);
    };
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return Ok(None);
    }
    // Above the ellipsoid or the sea, 0 and 2; below them, 1 and 3.
    let below = gps
        .one(GPS_ALTITUDE_REF)?
        .is_some_and(|reference| reference % 2 == 1);
    let altitude = number(gps, GPS_ALTITUDE)?;
    Ok(Some(Place {
        latitude,
        longitude,
        altitude_m: altitude.map(|altitude| if below { -altitude } else { altitude }),
    }))
}

fn sequence(first: &Directory<'_>) -> Result<Option<Sequence>, Error> {
    let rate = number(first, FRAME_RATE)?;
    let Some(frame_rate) = rate.filter(|rate| *rate > 0.0) else {
        return Ok(None);
    };
    let codes = first.whole(TIME_CODES)?.unwrap_or_default();
    let code = codes
        .first_chunk::<8>()
        .map(|code| code.map(|byte| byte as u8));
    Ok(Some(Sequence {
        frame_rate,
        frame: code.map_or(0, |code| time::frame(code, frame_rate)),
    }))
}
