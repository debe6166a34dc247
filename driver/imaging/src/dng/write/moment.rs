//! What changes from picture to picture: it is set when a file's head is made, and later written over in place.

use super::fields::{self, Directories};
use crate::dng::ifd::{Directory, Value};
use crate::dng::negative::{Negative, Noise, Place, Shot, degrees_minutes_seconds};
use crate::dng::tags::*;
use crate::dng::time::{self, Date};

/// What is of one picture alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// How it was taken.
    pub shot: Shot,
    /// What a neutral object's red, green and blue are; it is written with the largest as 1.
    pub as_shot_neutral: [f64; 3],
    /// For red, green and blue.
    pub noise: Option<[Noise; 3]>,
    /// Number since midnight, as [`Sequence`](crate::dng::negative::Sequence) has it. It counts in a sequence only.
    pub frame: u64,
}

impl Moment {
    /// That of a negative.
    pub fn of(negative: &Negative) -> Self {
        Self {
            shot: negative.shot,
            as_shot_neutral: negative.colour.as_shot_neutral,
            noise: negative.colour.noise,
            frame: negative.sequence.map_or(0, |sequence| sequence.frame),
        }
    }

    /// What is known of it, which decides what fields there are.
    pub(super) fn known(&self) -> [bool; 5] {
        let place = self.shot.place;
        [
            self.shot.exposure_us.is_some(),
            self.shot.iso.is_some(),
            self.noise.is_some(),
            place.is_some(),
            place.is_some_and(|place| place.altitude_m.is_some()),
        ]
    }
}

/// Directories with fields that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    First,
    Raw,
    Exif,
    Gps,
}

/// A value that changes; its length does not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Small<'a> {
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Short(u16),
    Long(u32),
    Rationals(&'a [[u32; 2]]),
    Doubles(&'a [f64]),
}

impl Small<'_> {
    /// As a directory has it.
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::text(&String::from_utf8_lossy(text)),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Self::Short(value) => Value::Shorts(vec![*value]),
            Self::Long(value) => Value::Longs(vec![*value]),
            Self::Rationals(values) => Value::Rationals(values.to_vec()),
            Self::Doubles(values) => Value::Doubles(values.to_vec()),
        }
    }

    /// As a file has it.
    pub(super) fn write(&self, to: &mut [u8]) {
        match self {
            Self::Text(bytes) | Self::Bytes(bytes) => to[..bytes.len()].copy_from_slice(bytes),
            Self::Short(value) => to[..2].copy_from_slice(&value.to_le_bytes()),
            Self::Long(value) => to[..4].copy_from_slice(&value.to_le_bytes()),
            Self::Rationals(values) => {
                let parts = to.chunks_exact_mut(4).zip(values.as_flattened());
                parts.for_each(|(to, part)| to.copy_from_slice(&part.to_le_bytes()));
            }
            Self::Doubles(values) => {
                let values = to.chunks_exact_mut(8).zip(*values);
                values.for_each(|(to, value)| to.copy_from_slice(&value.to_le_bytes()));
            }
        }
    }
}

/// Sets all fields that change.
pub(super) fn set(moment: &Moment, frame_rate: Option<f64>, to: &mut Directories) {
    each(moment, frame_rate, |home, tag, value| {
        let directory = match home {
            Home::First => &mut to.first,
            Home::Raw => to.raw.as_mut().unwrap_or(&mut to.first),
            Home::Exif => &mut to.exif,
            Home::Gps => to.gps.get_or_insert_with(gps),
        };
        fields::set(directory, tag, value.value());
    });
}

/// A directory with what is said of every place.
fn gps() -> Directory {
    let mut gps = Directory::default();
    fields::set(&mut gps, GPS_VERSION, Value::Bytes(vec![2, 4, 0, 0]));
    fields::set(&mut gps, GPS_MAP_DATUM, Value::text("WGS-84"));
    gps
}

/// Nothing is allocated here.
pub(super) fn each(
    moment: &Moment,
    frame_rate: Option<f64>,
    mut put: impl FnMut(Home, Tag, Small<'_>),
) {
    /// The offset of all dates.
    const UTC: &[u8] = b"+00:00";
    let date = Date::of(moment.shot.taken_ns);
    put(Home::First, DATE_TIME, Small::Text(&date.text));
    put(Home::Exif, DATE_TIME_ORIGINAL, Small::Text(&date.text));
    put(
        Home::Exif,
        SUB_SEC_TIME_ORIGINAL,
        Small::Text(&date.fraction),
    );
    put(Home::Exif, OFFSET_TIME, Small::Text(UTC));
    put(Home::Exif, OFFSET_TIME_ORIGINAL, Small::Text(UTC));
    let neutral = neutral(moment.as_shot_neutral);
    put(Home::First, AS_SHOT_NEUTRAL, Small::Rationals(&neutral));
    if let Some(exposure) = moment.shot.exposure_us {
        let seconds = [[exposure, 1_000_000]];
        put(Home::Exif, EXPOSURE_TIME, Small::Rationals(&seconds));
    }
    if let Some(iso) = moment.shot.iso {
        // Exif 3.0, 4.6.6.7: what is too large for the old field is in the new one alone.
        const ISO_SPEED_TYPE: u16 = 3;
        let short = u16::try_from(iso).unwrap_or(u16::MAX);
        put(Home::Exif, ISO, Small::Short(short));
        put(Home::Exif, SENSITIVITY_TYPE, Small::Short(ISO_SPEED_TYPE));
        put(Home::Exif, ISO_SPEED, Small::Long(iso));
    }
    if let Some(noise) = &moment.noise {
        let values = noise.map(|Noise { scale, offset }| [scale, offset]);
        let values = Small::Doubles(values.as_flattened());
        put(Home::Raw, NOISE_PROFILE, values);
    }
    if let Some(frame_rate) = frame_rate {
        let code = time::time_code(moment.frame, frame_rate);
        put(Home::First, TIME_CODES, Small::Bytes(&code));
    }
    if let Some(place) = &moment.shot.place {
        each_of_place(place, put);
    }
}

fn each_of_place(place: &Place, mut put: impl FnMut(Home, Tag, Small<'_>)) {
    let side = |value: f64, sides: [&'static [u8]; 2]| sides[usize::from(value < 0.0)];
    let north = side(place.latitude, [b"N", b"S"]);
    put(Home::Gps, GPS_LATITUDE_REF, Small::Text(north));
    let latitude = degrees_minutes_seconds(place.latitude);
    put(Home::Gps, GPS_LATITUDE, Small::Rationals(&latitude));
    let east = side(place.longitude, [b"E", b"W"]);
    put(Home::Gps, GPS_LONGITUDE_REF, Small::Text(east));
    let longitude = degrees_minutes_seconds(place.longitude);
    put(Home::Gps, GPS_LONGITUDE, Small::Rationals(&longitude));
    if let Some(altitude) = place.altitude_m {
        // Exif 3.0, 4.6.7.1: above the ellipsoid, below it.
        let below = u8::from(altitude < 0.0);
        put(Home::Gps, GPS_ALTITUDE_REF, Small::Bytes(&[below]));
        const MILLIMETRES: f64 = 1000.0;
        let height = (altitude.abs() * MILLIMETRES).round() as u32;
        let height = [[height, MILLIMETRES as u32]];
        put(Home::Gps, GPS_ALTITUDE, Small::Rationals(&height));
    }
}

/// Fractions of the largest colour.
fn neutral(colours: [f64; 3]) -> [[u32; 2]; 3] {
    const PARTS: u32 = 1_000_000_000;
    let largest = colours.into_iter().fold(f64::MIN_POSITIVE, f64::max);
    colours.map(|colour| [(colour / largest * f64::from(PARTS)).round() as u32, PARTS])
}
