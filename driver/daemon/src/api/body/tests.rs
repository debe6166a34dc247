//! Bodies of requests.

use super::*;
use proptest::prelude::*;

fn capture(text: &str) -> Result<CaptureRequest, Malformed> {
    capture_request(text.as_bytes(), 91)
}

#[test]
fn a_capture_says_what_it_wants() {
    let jpeg = |cameras: &[CameraName], quality, full| CaptureRequest {
        cameras: cameras.into(),
        encoding: Encoding::Jpeg { quality },
        full,
        raw: None,
        place: None,
    };
    let both = r#"{"cameras":["mount","main"],"format":"jpeg"}"#;
    assert_eq!(
        capture(both),
        Ok(jpeg(&[CameraName::Mount, CameraName::Main], 91, false))
    );
    let one = r#"{"cameras":["main"],"format":"jpeg","quality":100,"full":true}"#;
    assert_eq!(capture(one), Ok(jpeg(&[CameraName::Main], 100, true)));
    let raw = r#"{"cameras":["main"],"format":"jpeg","raw":true,"place":{"latitude":50.5,"longitude":-8}}"#;
    let raw = capture(raw).unwrap();
    let place = Place {
        latitude: 50.5,
        longitude: -8.0,
        altitude_m: None,
    };
    assert_eq!(
        (raw.raw, raw.place),
        (Some(Compression::LosslessJpeg), Some(place))
    );
    let small = r#"{"cameras":["main"],"format":"jpeg","raw":true,"compression":"jpeg-xl"}"#;
    assert_eq!(capture(small).unwrap().raw, Some(Compression::JpegXl));
    let png = r#"{"cameras":["main"],"format":"png"}"#;
    assert_eq!(capture(png).unwrap().encoding, Encoding::Png);
}

#[test]
fn a_capture_that_cannot_be_is_told_why() {
    for (text, said) in [
        (r#"{"cameras":["main","main"],"format":"jpeg"}"#, "twice"),
        (
            r#"{"cameras":["main"],"format":"jpeg","quality":0}"#,
            "1 to 100",
        ),
        (
            r#"{"cameras":["main"],"format":"jpeg","quality":101}"#,
            "1 to 100",
        ),
        (
            r#"{"cameras":["main"],"format":"jpeg","quality":256}"#,
            "expected u8",
        ),
        (
            r#"{"cameras":["main"],"format":"png","quality":5}"#,
            "loses nothing",
        ),
        (r#"{"cameras":["main"],"format":"tiff"}"#, "`jpeg` or `png`"),
        (
            r#"{"cameras":["main"],"format":"png","iso":100}"#,
            "unknown field `iso`",
        ),
        (
            r#"{"cameras":["main"],"format":"png","compression":"jpeg-xl"}"#,
            "say `raw` too",
        ),
        (
            r#"{"cameras":["main"],"format":"png","place":{"latitude":90.5,"longitude":0}}"#,
            "`latitude` of a place is -90 to 90, not 90.5",
        ),
    ] {
        match capture(text) {
            Err(Malformed::Content(message)) => assert!(message.contains(said), "{message}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    /// Bytes of any kind are a request or an error, and what is no JSON says where it goes wrong.
    #[test]
    fn any_bytes_are_a_request_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for malformed in [capture_request(&bytes, 1).err(), lens_request(&bytes).err(), controls_request(&bytes).err()].into_iter().flatten() {
            if let Malformed::Syntax(message) = malformed {
                prop_assert!(message.contains(" at line "), "{message}");
            }
        }
    }
}
