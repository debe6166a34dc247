//! Bodies of requests and answers: JSON, of bounded length, and with an error that says where it is wrong.

use super::error::Failure;
use crate::command::{CaptureRequest, RecordRequest};
use crate::report::{CameraName, Values};
use crate::wire::{Compression, Encoding, Place};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest body of a request, in bytes.
pub const LIMIT: usize = 64 << 10;
/// Longest recording, in seconds: a week.
const SECONDS_LIMIT: f64 = 604_800.0;
/// How long a client may take to send one.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Media types taken for JSON; the second is what PATCH means (RFC 7396).
const JSON: [&str; 2] = ["application/json", "application/merge-patch+json"];

/// Why a body is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no JSON: HTTP 400.
    #[error("the body is not JSON: {0}")]
    Syntax(String),
    /// It is JSON, but not what is asked for: HTTP 422.
    #[error("{0}")]
    Content(String),
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        let status = match error {
            Malformed::Syntax(_) => StatusCode::BAD_REQUEST,
            Malformed::Content(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.to_string())
    }
}

/// Body of `POST /v1/captures`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaptureBody {
    cameras: Vec<CameraName>,
    format: FormatName,
    quality: Option<u8>,
    #[serde(default)]
    full: bool,
    #[serde(default)]
    raw: bool,
    compression: Option<Compression>,
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FormatName {
    Jpeg,
    Png,
}

/// Body of `POST /v1/recordings`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordBody {
    cameras: Vec<CameraName>,
    size: Option<[u32; 2]>,
    frames: Option<u32>,
    seconds: Option<f64>,
    #[serde(default)]
    compression: Compression,
    place: Option<Place>,
}

/// Body of `PUT /v1/module/lens`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LensBody {
    profile: String,
}

/// Body of `POST /session`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionBody {
    token: String,
}

/// Reads the body of `POST /v1/captures`; `quality` is that of a JPEG where the body names none.
pub fn capture_request(bytes: &[u8], quality: u8) -> Result<CaptureRequest, Malformed> {
    let body: CaptureBody = parse(bytes)?;
    check_cameras(&body.cameras)?;
    let encoding = match (body.format, body.quality) {
        (FormatName::Jpeg, given) => Encoding::Jpeg {
            quality: given.unwrap_or(quality),
        },
        (FormatName::Png, None) => Encoding::Png,
        (FormatName::Png, Some(_)) => {
            return Err(content("`quality` is for `jpeg`; a `png` loses nothing"));
        }
    };
    if let Encoding::Jpeg { quality } = encoding
        && !(1..=100).contains(&quality)
    {
        return Err(content("`quality` is 1 to 100"));
    }
    let raw = match (body.raw, body.compression) {
        (true, compression) => Some(compression.unwrap_or_default()),
        (false, None) => None,
        (false, Some(_)) => return Err(content("`compression` is for a DNG: say `raw` too")),
    };
    check_place(body.place)?;
    Ok(CaptureRequest {
        cameras: body.cameras,
        encoding,
        full: body.full,
        raw,
        place: body.place,
    })
}

/// Reads the body of `POST /v1/recordings`.
pub fn record_request(bytes: &[u8]) -> Result<RecordRequest, Malformed> {
    let body: RecordBody = parse(bytes)?;
    check_cameras(&body.cameras)?;
    if body.size.is_some_and(|size| size.contains(&0)) {
        return Err(content("`size` is a width and a height in pixels"));
    }
    if body.frames == Some(0) {
        return Err(content("`frames` is at least 1"));
    }
    let duration = match body.seconds {
        None => None,
        Some(seconds) if seconds > 0.0 && seconds <= SECONDS_LIMIT => {
            Some(Duration::from_secs_f64(seconds))
        }
        Some(_) => {
            let message = format!("`seconds` is more than 0 and at most {SECONDS_LIMIT}");
            return Err(Malformed::Content(message));
        }
    };
    check_place(body.place)?;
    Ok(RecordRequest {
        cameras: body.cameras,
        size: body.size,
        frames: body.frames,
        duration,
        compression: body.compression,
        place: body.place,
    })
}

fn check_place(place: Option<Place>) -> Result<(), Malformed> {
    let checked = place.as_ref().map_or(Ok(()), Place::check);
    checked.map_err(Malformed::Content)
}

fn check_cameras(cameras: &[CameraName]) -> Result<(), Malformed> {
    if cameras.is_empty() {
        return Err(content("`cameras` is empty: name `main`, `mount` or both"));
    }
    if (1..cameras.len()).any(|i| cameras[..i].contains(&cameras[i])) {
        return Err(content("`cameras` names a camera twice"));
    }
    Ok(())
}

fn content(message: &str) -> Malformed {
    Malformed::Content(message.into())
}

/// Reads the body of `PUT /v1/module/lens`: the name of a profile.
pub fn lens_request(bytes: &[u8]) -> Result<String, Malformed> {
    parse::<LensBody>(bytes).map(|body| body.profile)
}

/// Reads the body of `POST /session`: the token.
pub fn session_request(bytes: &[u8]) -> Result<String, Malformed> {
    parse::<SessionBody>(bytes).map(|body| body.token)
}

/// Reads the body of `PATCH /v1/cameras/{camera}/controls`. Whether the controls exist and the values fit is not
/// known here.
pub fn controls_request(bytes: &[u8]) -> Result<Values, Malformed> {
    parse(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| {
        // Both end in "at line L column C".
        let message = error.to_string();
        match error.classify() {
            serde_json::error::Category::Data => Malformed::Content(message),
            _ => Malformed::Syntax(message),
        }
    })
}

/// Takes the bytes of a request's body.
pub(super) async fn take(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Failure> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    if !JSON.iter().any(|json| essence.eq_ignore_ascii_case(json)) {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body has to be JSON, with the header `Content-Type: application/json`",
        ));
    }
    let collected = tokio::time::timeout(TIME_LIMIT, Limited::new(body, LIMIT).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {LIMIT} bytes"),
        )),
        Ok(Err(error)) => Err(Failure::new(
            StatusCode::BAD_REQUEST,
            format!("the body ended early: {error}"),
        )),
        Err(_) => Err(Failure::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not come within {} s", TIME_LIMIT.as_secs()),
        )),
    }
}

/// An answer in JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let text = serde_json::to_string(value).expect("reports are maps with texts as keys");
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], text).into_response()
}

#[cfg(test)]
mod tests;
