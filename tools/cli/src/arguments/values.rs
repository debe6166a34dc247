//! Words of the command line to values, with errors that say what a word has to be.

use super::White;
use bayonet_daemon::wire::Place;

/// Names of light, and temperatures in kelvin that EXIF 2.32 has for them (the middles of its ranges for fluorescent).
const LIGHTS: [(&str, f64); 6] = [
    ("daylight", 5500.0),
    ("cloudy", 6500.0),
    ("shade", 7500.0),
    ("tungsten", 2850.0),
    ("fluorescent", 4150.0),
    ("flash", 5500.0),
];
/// Kelvin that a light may have.
const KELVIN: std::ops::RangeInclusive<f64> = 1000.0..=15000.0;
/// Stops either way.
const STOPS: f64 = 10.0;

/// Reads what is white.
pub(super) fn white(text: &str) -> Result<White, String> {
    if text == "as-shot" {
        return Ok(White::AsShot);
    }
    if let Some((_, kelvin)) = LIGHTS.iter().find(|(name, _)| *name == text) {
        return Ok(White::Kelvin(*kelvin));
    }
    if let Some((x, y)) = text.split_once(',') {
        let place = x.trim().parse().ok().zip(y.trim().parse().ok());
        let (x, y) = place.ok_or("a place is a column and a row, e.g. 1200,800")?;
        return Ok(White::Place([x, y]));
    }
    let number = text.strip_suffix(['K', 'k']).unwrap_or(text);
    match number.parse::<f64>() {
        Ok(kelvin) if KELVIN.contains(&kelvin) => Ok(White::Kelvin(kelvin)),
        Ok(_) => Err("a temperature is 1000K to 15000K".into()),
        Err(_) => {
            let names = LIGHTS.map(|(name, _)| name).join(", ");
            Err(format!(
                "it has to be as-shot, {names}, a temperature as 5200K, or a place as 1200,800"
            ))
        }
    }
}

/// Reads an exposure.
pub(super) fn exposure(text: &str) -> Result<f64, String> {
    let stops: f64 = text
        .parse()
        .map_err(|_| "it has to be a number, e.g. -0.5")?;
    if stops.abs() <= STOPS {
        Ok(stops)
    } else {
        Err("it has to be -10 to 10 stops".into())
    }
}

/// Reads a place on earth.
pub(super) fn place(text: &str) -> Result<Place, String> {
    let figures: Option<Vec<f64>> = text.split(',').map(|it| it.trim().parse().ok()).collect();
    let (latitude, longitude, altitude_m) = match figures.as_deref() {
        Some(&[latitude, longitude]) => (latitude, longitude, None),
        Some(&[latitude, longitude, altitude]) => (latitude, longitude, Some(altitude)),
        _ => return Err("it has to be degrees north and east, e.g. 50.556,8.497".into()),
    };
    let place = Place {
        latitude,
        longitude,
        altitude_m,
    };
    place.check()?;
    Ok(place)
}

/// Reads how many bits.
pub(super) fn bits(text: &str) -> Result<u8, String> {
    match text {
        "8" => Ok(8),
        "16" => Ok(16),
        _ => Err("it has to be 8 or 16".into()),
    }
}

/// Reads `NAME=VALUE`.
pub(super) fn setting(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("it has to be NAME=VALUE, e.g. ExposureTime=5000")?;
    let value = value.trim();
    let value = match serde_json::from_str(value) {
        _ if value.is_empty() => serde_json::Value::Null,
        Ok(value) => value,
        // 1.5,2 is what people write for [1.5,2].
        Err(_) => serde_json::from_str(&format!("[{value}]")).unwrap_or_else(|_| value.into()),
    };
    Ok((name.trim().into(), value))
}

/// Reads `2736x1824`.
pub(super) fn size(text: &str) -> Result<[u32; 2], String> {
    let side = |text: &str| text.parse().ok().filter(|side| *side > 0);
    let sides = text.split_once('x');
    sides
        .and_then(|(width, height)| Some([side(width)?, side(height)?]))
        .ok_or_else(|| "it has to be a width and a height, e.g. 2736x1824".into())
}

/// Reads a time.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok();
    seconds
        .filter(|seconds: &f64| *seconds > 0.0 && seconds.is_finite())
        .ok_or_else(|| "it has to be a number of seconds, more than 0".into())
}

/// Reads an absolute path that can stand in a configuration file.
pub(super) fn absolute(text: &str) -> Result<String, String> {
    let plain = !text.contains(char::is_control) && !text.split('/').any(|part| part == "..");
    if text.starts_with('/') && plain {
        return Ok(text.into());
    }
    Err("it has to be an absolute path, e.g. /usr/local".into())
}

/// Reads `NAME=VALUE`, or `NAME`.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "true"));
    if name.is_empty() || name.contains(',') {
        return Err("it has to be NAME=VALUE, e.g. mount=imx219, one for each parameter".into());
    }
    Ok((name.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_as_people_write_them() {
        for (text, name, value) in [
            ("ExposureTime=5000", "ExposureTime", json!(5000)),
            ("AeEnable=false", "AeEnable", json!(false)),
            ("ColourGains=1.5,2", "ColourGains", json!([1.5, 2])),
            (
                "ScalerCrop=[0,0,10,10]",
                "ScalerCrop",
                json!([0, 0, 10, 10]),
            ),
            ("Name=a b", "Name", json!("a b")),
            ("Gain=", "Gain", json!(null)),
            ("A=b=c", "A", json!("b=c")),
        ] {
            assert_eq!(setting(text), Ok((name.into(), value)), "{text}");
        }
        assert!(setting("Gain").is_err());
        assert!(setting("=1").is_err());
    }

    #[test]
    fn places_are_read_as_people_write_them() {
        let read = |text| place(text).map(|it| (it.latitude, it.longitude, it.altitude_m));
        assert_eq!(read("50.556,8.497"), Ok((50.556, 8.497, None)));
        assert_eq!(read("-33.85, 151.2, -2"), Ok((-33.85, 151.2, Some(-2.0))));
        for text in [
            "", "50", "50;8", "91,0", "0,181", "0,0,x", "nan,0", "1,2,3,4",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn white_is_read_as_people_write_it() {
        for (text, expected) in [
            ("as-shot", White::AsShot),
            ("daylight", White::Kelvin(5500.0)),
            ("tungsten", White::Kelvin(2850.0)),
            ("5200", White::Kelvin(5200.0)),
            ("5200K", White::Kelvin(5200.0)),
            ("3150.5k", White::Kelvin(3150.5)),
            ("1200,800", White::Place([1200, 800])),
            ("0, 7", White::Place([0, 7])),
        ] {
            assert_eq!(white(text), Ok(expected), "{text}");
        }
        for (text, said) in [
            ("sunny", "as-shot, daylight"),
            ("300", "1000K to 15000K"),
            ("nan", "1000K to 15000K"),
            ("1,-2", "a column and a row"),
            ("", "as-shot, daylight"),
        ] {
            let refused = white(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn exposures_and_bits_have_limits() {
        assert_eq!(exposure("-0.5"), Ok(-0.5));
        assert!(exposure("10.1").is_err() && exposure("nan").is_err() && exposure("x").is_err());
        assert_eq!((bits("8"), bits("16")), (Ok(8), Ok(16)));
        assert!(bits("12").is_err());
    }

    #[test]
    fn parameters_are_read_as_in_config_txt() {
        for (text, name, value) in [
            ("mount=imx219", "mount", "imx219"),
            ("always-on", "always-on", "true"),
            ("label=a=b", "label", "a=b"),
            ("rotation=", "rotation", ""),
        ] {
            assert_eq!(parameter(text), Ok((name.into(), value.into())), "{text}");
        }
        assert!(parameter("=1").is_err());
        assert!(parameter("bayonet,mount=imx219").is_err());
    }
}
