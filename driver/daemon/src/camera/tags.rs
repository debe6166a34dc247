//! What a picture says of itself: EXIF 2.32 (CIPA DC-008-2019).

use crate::wire::{LensTags, Place};
use bayonet_imaging::dng::negative::degrees_minutes_seconds;
use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use jiff::Timestamp;
use std::io::Cursor;
use std::sync::Arc;
use std::time::SystemTime;

pub(super) const MAKE: &str = "Bayonet";
pub(super) const SOFTWARE: &str = concat!("Bayonet ", env!("CARGO_PKG_VERSION"));
/// Version 2.32.
const EXIF_VERSION: &[u8] = b"0232";
const SRGB: u16 = 1;
/// Unit of libcamera's `ExposureTime`: parts of a second.
const MICROSECONDS: u32 = 1_000_000;
/// Version 2.3 of the directory of places.
const GPS_VERSION: [u8; 4] = [2, 3, 0, 0];
/// Parts of a metre.
const METRE_PARTS: u32 = 1000;
/// Parts that a fraction is rounded to.
const PARTS: u32 = 100;
/// Sensitivity at a gain of 1. What libcamera calls a gain of 1 differs from sensor to sensor; it stands for ISO 100.
pub(super) const ISO_OF_GAIN_1: f64 = 100.0;

/// What is known of a picture.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Sensor model.
    pub model: String,
    /// Start of the exposure.
    pub taken: SystemTime,
    /// Microseconds.
    pub exposure: Option<u32>,
    /// Analogue times digital gain.
    pub gain: Option<f64>,
    /// The lens it was taken with.
    pub lens: Option<Arc<LensTags>>,
    /// Where it was taken.
    pub place: Option<Place>,
}

/// The TIFF structure of a picture so wide and high.
///
/// # Errors
/// A sentence, where the facts cannot be written.
pub fn tiff(shot: &Shot, width: u16, height: u16) -> Result<Vec<u8>, String> {
    let taken = Timestamp::try_from(shot.taken).unwrap_or_default();
    let date = taken.strftime("%Y:%m:%d %H:%M:%S").to_string();
    let fraction = taken.strftime("%3f").to_string();
    let mut fields = vec![
        field(Tag::Make, text(MAKE)),
        field(Tag::Model, text(&shot.model)),
        field(Tag::Software, text(SOFTWARE)),
        field(Tag::DateTime, text(&date)),
        field(Tag::ExifVersion, Value::Undefined(EXIF_VERSION.to_vec(), 0)),
        field(Tag::DateTimeOriginal, text(&date)),
        field(Tag::SubSecTimeOriginal, text(&fraction)),
        field(Tag::OffsetTimeOriginal, text("+00:00")),
        field(Tag::ColorSpace, Value::Short(vec![SRGB])),
        field(Tag::PixelXDimension, Value::Short(vec![width])),
        field(Tag::PixelYDimension, Value::Short(vec![height])),
    ];
    if let Some(exposure) = shot.exposure {
        let seconds = reduced(exposure, MICROSECONDS);
        fields.push(field(Tag::ExposureTime, Value::Rational(vec![seconds])));
    }
    if let Some(gain) = shot.gain {
        // Saturates, as EXIF wants it for more than 65535.
        let iso = (ISO_OF_GAIN_1 * gain).round() as u16;
        fields.push(field(Tag::PhotographicSensitivity, Value::Short(vec![iso])));
    }
    if let Some(lens) = &shot.lens {
        fields.extend(lens_fields(lens));
    }
    if let Some(place) = &shot.place {
        fields.extend(place_fields(place));
    }
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut bytes = Cursor::new(Vec::new());
    let written = writer.write(&mut bytes, true);
    written.map_err(|error| format!("EXIF: {error}"))?;
    Ok(bytes.into_inner())
}

fn lens_fields(lens: &LensTags) -> [Field; 5] {
    let focal_length = fraction(lens.focal_length_mm);
    let f_number = fraction(lens.maximum_aperture);
    // APEX: the square root of two to this power is the f-number.
    let apex = fraction(2.0 * lens.maximum_aperture.log2());
    [
        field(Tag::FocalLength, Value::Rational(vec![focal_length])),
        field(Tag::MaxApertureValue, Value::Rational(vec![apex])),
        // Shortest and longest focal length, and the smallest f-number at each.
        field(
            Tag::LensSpecification,
            Value::Rational(vec![focal_length, focal_length, f_number, f_number]),
        ),
        field(Tag::LensMake, text(&lens.make)),
        field(Tag::LensModel, text(&lens.model)),
    ]
}

fn place_fields(place: &Place) -> Vec<Field> {
    let side = |figure: f64, names: [&str; 2]| text(names[usize::from(figure < 0.0)]);
    let mut fields = vec![
        field(Tag::GPSVersionID, Value::Byte(GPS_VERSION.to_vec())),
        field(Tag::GPSLatitudeRef, side(place.latitude, ["N", "S"])),
        field(Tag::GPSLatitude, degrees(place.latitude)),
        field(Tag::GPSLongitudeRef, side(place.longitude, ["E", "W"])),
        field(Tag::GPSLongitude, degrees(place.longitude)),
        field(Tag::GPSMapDatum, text("WGS-84")),
    ];
    if let Some(metres) = place.altitude_m {
        let below = Value::Byte(vec![u8::from(metres < 0.0)]);
        let height = (metres.abs() * f64::from(METRE_PARTS)).round() as u32;
        fields.push(field(Tag::GPSAltitudeRef, below));
        let height = Rational::from((height, METRE_PARTS));
        fields.push(field(Tag::GPSAltitude, Value::Rational(vec![height])));
    }
    fields
}

fn degrees(angle: f64) -> Value {
    Value::Rational(
        degrees_minutes_seconds(angle)
            .map(|[num, denom]| Rational { num, denom })
            .into(),
    )
}

fn field(tag: Tag, value: Value) -> Field {
    let ifd_num = In::PRIMARY;
    Field {
        tag,
        ifd_num,
        value,
    }
}

/// A zero would end the text.
fn text(text: &str) -> Value {
    Value::Ascii(vec![text.replace('\0', "").into_bytes()])
}

/// A number that is not negative, rounded to hundredths; negative ones become zero.
fn fraction(value: f32) -> Rational {
    reduced((value * PARTS as f32).round() as u32, PARTS)
}

fn reduced(num: u32, denom: u32) -> Rational {
    let (mut divisor, mut rest) = (num, denom);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let divisor = divisor.max(1);
    Rational {
        num: num / divisor,
        denom: denom / divisor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exif::Reader;
    use std::time::{Duration, UNIX_EPOCH};

    fn shot() -> Shot {
        Shot {
            model: "imx283".to_owned(),
            taken: UNIX_EPOCH + Duration::from_millis(1_795_379_693_020),
            exposure: Some(16_667),
            gain: Some(2.5),
            lens: Some(Arc::new(LensTags {
                make: "Leica\0".to_owned(),
                model: "Summilux-M 1:1.4/50".to_owned(),
                focal_length_mm: 51.6,
                maximum_aperture: 1.4,
                vignetting: [0.0; 3],
                distortion: [0.0; 3],
            })),
            place: Some(Place {
                latitude: -33.856_777_5,
                longitude: 151.215_25,
                altitude_m: Some(-2.5),
            }),
        }
    }

    fn read(shot: &Shot) -> exif::Exif {
        let bytes = tiff(shot, 5472, 3648).unwrap();
        Reader::new().read_raw(bytes).unwrap()
    }

    fn shown(exif: &exif::Exif, tag: Tag) -> String {
        let found = exif.get_field(tag, In::PRIMARY);
        found.map_or_else(String::new, |it| it.display_value().to_string())
    }

    #[test]
    fn what_is_known_is_read_back() {
        let exif = read(&shot());
        for (tag, expected) in [
            (Tag::Make, "\"Bayonet\""),
            (Tag::Model, "\"imx283\""),
            (Tag::DateTimeOriginal, "2026-11-22 20:34:53"),
            (Tag::SubSecTimeOriginal, "\"020\""),
            (Tag::OffsetTimeOriginal, "\"+00:00\""),
            (Tag::PhotographicSensitivity, "250"),
            (Tag::FocalLength, "51.6"),
            (Tag::MaxApertureValue, "0.97"),
            (Tag::LensMake, "\"Leica\""),
            (Tag::LensModel, "\"Summilux-M 1:1.4/50\""),
            (Tag::PixelXDimension, "5472"),
            (Tag::PixelYDimension, "3648"),
            (Tag::GPSLatitudeRef, "S"),
            (Tag::GPSLatitude, "33 deg 51 min 24.399 sec"),
            (Tag::GPSLongitudeRef, "E"),
            (Tag::GPSLongitude, "151 deg 12 min 54.9 sec"),
            (Tag::GPSAltitudeRef, "below sea level"),
            (Tag::GPSAltitude, "2.5"),
        ] {
            assert_eq!(shown(&exif, tag), expected, "{tag}");
        }
        let exposure = exif.get_field(Tag::ExposureTime, In::PRIMARY).unwrap();
        let Value::Rational(parts) = &exposure.value else {
            panic!("{exposure:?}");
        };
        assert_eq!((parts[0].num, parts[0].denom), (16_667, 1_000_000));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let exif = read(&Shot {
            exposure: None,
            gain: None,
            lens: None,
            place: None,
            ..shot()
        });
        for tag in [
            Tag::ExposureTime,
            Tag::PhotographicSensitivity,
            Tag::LensModel,
            Tag::GPSLatitude,
        ] {
            assert_eq!(shown(&exif, tag), "", "{tag}");
        }
    }

    #[test]
    fn numbers_beyond_a_tag_end_at_its_limits() {
        let exif = read(&Shot {
            gain: Some(1e9),
            exposure: Some(0),
            lens: Some(Arc::new(LensTags {
                focal_length_mm: -1.0,
                maximum_aperture: f32::NAN,
                ..(*shot().lens.unwrap()).clone()
            })),
            ..shot()
        });
        assert_eq!(shown(&exif, Tag::PhotographicSensitivity), "65535");
        assert_eq!(shown(&exif, Tag::FocalLength), "0");
    }
}
