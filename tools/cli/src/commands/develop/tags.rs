//! What a developed picture says of itself: EXIF 2.32 (CIPA DC-008-2019), from what the raw one said.

use bayonet_imaging::dng::ifd::{Directory, Value};
use bayonet_imaging::dng::negative::{Lens, Negative, Place, degrees_minutes_seconds};
use jiff::Timestamp;

/// Of the first directory.
const MAKE: u16 = 271;
const MODEL: u16 = 272;
const SOFTWARE: u16 = 305;
const DATE_TIME: u16 = 306;
const EXIF: u16 = 34665;
const GPS: u16 = 34853;
/// Of EXIF's own.
const EXPOSURE_TIME: u16 = 33434;
const F_NUMBER: u16 = 33437;
const SENSITIVITY: u16 = 34855;
const EXIF_VERSION: u16 = 36864;
const DATE_TIME_ORIGINAL: u16 = 36867;
const OFFSET_TIME_ORIGINAL: u16 = 36881;
const MAX_APERTURE_VALUE: u16 = 37381;
const FOCAL_LENGTH: u16 = 37386;
const SUB_SEC_TIME_ORIGINAL: u16 = 37521;
const COLOR_SPACE: u16 = 40961;
const PIXEL_X_DIMENSION: u16 = 40962;
const PIXEL_Y_DIMENSION: u16 = 40963;
const LENS_SPECIFICATION: u16 = 42034;
const LENS_MAKE: u16 = 42035;
const LENS_MODEL: u16 = 42036;
/// Of the place's.
const GPS_VERSION: u16 = 0;
const LATITUDE_REF: u16 = 1;
const LATITUDE: u16 = 2;
const LONGITUDE_REF: u16 = 3;
const LONGITUDE: u16 = 4;
const ALTITUDE_REF: u16 = 5;
const ALTITUDE: u16 = 6;

const SRGB: u16 = 1;
/// Parts of a second in an exposure.
const MICROSECONDS: u32 = 1_000_000;

/// The directory of a picture so wide and high.
pub(super) fn directory(negative: &Negative, [width, height]: [usize; 2]) -> Directory {
    let shot = &negative.shot;
    let mut exif = Directory::default();
    exif.set(EXIF_VERSION, Value::Undefined(b"0232".to_vec()))
        .set(COLOR_SPACE, Value::Shorts(vec![SRGB]))
        .set(PIXEL_X_DIMENSION, Value::Longs(vec![width as u32]))
        .set(PIXEL_Y_DIMENSION, Value::Longs(vec![height as u32]));
    let mut first = Directory::default();
    if let Ok(taken) = Timestamp::from_nanosecond(shot.taken_ns.into()) {
        let date = Value::text(&taken.strftime("%Y:%m:%d %H:%M:%S").to_string());
        first.set(DATE_TIME, date.clone());
        exif.set(DATE_TIME_ORIGINAL, date)
            .set(OFFSET_TIME_ORIGINAL, Value::text("+00:00"))
            .set(
                SUB_SEC_TIME_ORIGINAL,
                Value::text(&taken.strftime("%3f").to_string()),
            );
    }
    if let Some(exposure) = shot.exposure_us {
        exif.set(
            EXPOSURE_TIME,
            Value::Rationals(vec![reduced(exposure, MICROSECONDS)]),
        );
    }
    if let Some(iso) = shot.iso {
        // As EXIF wants it for more than 65535.
        let iso = u16::try_from(iso).unwrap_or(u16::MAX);
        exif.set(SENSITIVITY, Value::Shorts(vec![iso]));
    }
    if let Some(lens) = &negative.lens {
        set_lens(&mut exif, lens);
    }
    for (field, text) in [
        (MAKE, &negative.camera.make),
        (MODEL, &negative.camera.model),
    ] {
        if !text.is_empty() {
            first.set(field, Value::text(text));
        }
    }
    let software = concat!("Bayonet ", env!("CARGO_PKG_VERSION"));
    first
        .set(SOFTWARE, Value::text(software))
        .set(EXIF, Value::Directories(vec![exif]));
    if let Some(place) = &shot.place {
        first.set(GPS, Value::Directories(vec![gps(place)]));
    }
    first
}

fn set_lens(exif: &mut Directory, lens: &Lens) {
    for (field, text) in [(LENS_MAKE, &lens.make), (LENS_MODEL, &lens.model)] {
        if !text.is_empty() {
            exif.set(field, Value::text(text));
        }
    }
    if let Some(aperture) = lens.aperture {
        exif.set(F_NUMBER, Value::rationals(&[aperture]));
    }
    let (focal_length, maximum) = (lens.focal_length_mm, lens.maximum_aperture);
    if let Some(focal_length) = focal_length {
        exif.set(FOCAL_LENGTH, Value::rationals(&[focal_length]));
    }
    if let Some(maximum) = maximum.filter(|maximum| *maximum >= 1.0) {
        // APEX: the square root of two to this power is the f-number.
        exif.set(
            MAX_APERTURE_VALUE,
            Value::rationals(&[2.0 * maximum.log2()]),
        );
    }
    if let Some((focal_length, maximum)) = focal_length.zip(maximum) {
        // Shortest and longest focal length, and the smallest f-number at each.
        let specification = [focal_length, focal_length, maximum, maximum];
        exif.set(LENS_SPECIFICATION, Value::rationals(&specification));
    }
}

fn gps(place: &Place) -> Directory {
    let mut gps = Directory::default();
    gps.set(GPS_VERSION, Value::Bytes(vec![2, 3, 0, 0]));
    for (field, degrees, [positive, negative], number) in [
        (LATITUDE_REF, place.latitude, ["N", "S"], LATITUDE),
        (LONGITUDE_REF, place.longitude, ["E", "W"], LONGITUDE),
    ] {
        let side = if degrees < 0.0 { negative } else { positive };
        let angle = degrees_minutes_seconds(degrees);
        gps.set(field, Value::text(side))
            .set(number, Value::Rationals(angle.into()));
    }
    if let Some(altitude) = place.altitude_m {
        let below = u8::from(altitude < 0.0);
        gps.set(ALTITUDE_REF, Value::Bytes(vec![below]))
            .set(ALTITUDE, Value::rationals(&[altitude.abs()]));
    }
    gps
}

fn reduced(top: u32, bottom: u32) -> [u32; 2] {
    let (mut divisor, mut rest) = (top, bottom);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let divisor = divisor.max(1);
    [top / divisor, bottom / divisor]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use bayonet_imaging::demosaic::Pattern;
    use bayonet_imaging::dng::negative::{Camera, Colour, Raw, Shot};
    use bayonet_imaging::sensors::uncalibrated;
    use exif::{In, Reader, Tag};

    pub(in super::super) fn negative() -> Negative {
        Negative {
            raw: Raw {
                width: 64,
                height: 48,
                pattern: Pattern::Rggb,
                bits: 12,
                black: [200.0; 4],
                white: 4095,
                active: [0, 0, 48, 64],
            },
            colour: Colour {
                calibrations: vec![uncalibrated()],
                as_shot_neutral: [0.5, 1.0, 0.6],
                noise: None,
            },
            camera: Camera {
                make: "Bayonet".into(),
                model: "imx283".into(),
                unique_model: "Bayonet imx283".into(),
                software: String::new(),
            },
            lens: Some(Lens {
                make: "Leica".into(),
                model: "Summilux-M 1:1.4/50".into(),
                focal_length_mm: Some(51.6),
                maximum_aperture: Some(1.4),
                aperture: Some(5.6),
            }),
            shot: Shot {
                taken_ns: 1_795_379_693_020_000_000,
                exposure_us: Some(16_667),
                iso: Some(250),
                place: Some(Place {
                    latitude: 47.501_25,
                    longitude: -8.75,
                    altitude_m: Some(-3.5),
                }),
            },
            sequence: None,
            opcodes: Default::default(),
        }
    }

    fn shown(negative: &Negative, tag: Tag) -> String {
        let mut bytes = Vec::new();
        directory(negative, [64, 48]).write(&mut bytes).unwrap();
        let exif = Reader::new().read_raw(bytes).unwrap();
        let found = exif.get_field(tag, In::PRIMARY);
        found.map_or_else(String::new, |it| it.display_value().to_string())
    }

    #[test]
    fn what_is_known_is_read_back() {
        for (tag, expected) in [
            (Tag::Make, "\"Bayonet\""),
            (Tag::Model, "\"imx283\""),
            (Tag::DateTimeOriginal, "2026-11-22 20:34:53"),
            (Tag::SubSecTimeOriginal, "\"020\""),
            (Tag::OffsetTimeOriginal, "\"+00:00\""),
            (Tag::PhotographicSensitivity, "250"),
            (Tag::FNumber, "5.6"),
            (Tag::FocalLength, "51.6"),
            (Tag::LensMake, "\"Leica\""),
            (Tag::LensModel, "\"Summilux-M 1:1.4/50\""),
            (Tag::PixelXDimension, "64"),
            (Tag::PixelYDimension, "48"),
            (Tag::ColorSpace, "sRGB"),
            (Tag::GPSLatitudeRef, "N"),
            (Tag::GPSLatitude, "47 deg 30 min 4.5 sec"),
            (Tag::GPSLongitudeRef, "W"),
            (Tag::GPSLongitude, "8 deg 45 min 0 sec"),
            (Tag::GPSAltitude, "3.5"),
        ] {
            let shown = shown(&negative(), tag);
            assert!(shown.starts_with(expected), "{tag}: {shown}");
        }
        assert!(shown(&negative(), Tag::ExposureTime).contains("1/59.9"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut negative = negative();
        negative.lens = None;
        negative.camera.make.clear();
        (negative.shot.exposure_us, negative.shot.iso) = (None, None);
        negative.shot.place = None;
        for tag in [
            Tag::Make,
            Tag::ExposureTime,
            Tag::PhotographicSensitivity,
            Tag::LensModel,
            Tag::FNumber,
            Tag::GPSLatitude,
        ] {
            assert_eq!(shown(&negative, tag), "", "{tag}");
        }
    }

    #[test]
    fn numbers_beyond_a_field_end_at_its_limits() {
        let mut negative = negative();
        negative.shot.iso = Some(1_000_000);
        assert_eq!(shown(&negative, Tag::PhotographicSensitivity), "65535");
        negative.lens.as_mut().unwrap().maximum_aperture = Some(0.0);
        assert_eq!(shown(&negative, Tag::MaxApertureValue), "");
    }
}
