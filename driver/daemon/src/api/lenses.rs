//! The lens on the mount, and the profiles that a lens can have.

use super::error::Failure;
use super::request::{Control, Text};
use super::{ANSWER_LIMIT, Context, body, order};
use crate::command::Command;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bayonet_core::lens::Profile;
use serde::{Deserialize, Serialize};

/// A lens profile, as clients read it.
///
/// Distances from the picture's centre, `r`, are relative to half the diagonal of a type 1 sensor, 13.2 mm x 8.8 mm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensProfile {
    /// Short name, by which it is assigned.
    pub name: String,
    /// EXIF's `LensMake`.
    pub make: String,
    /// EXIF's `LensModel`, for people as well.
    pub model: String,
    /// In millimetres; an adapter has none.
    pub focal_length_mm: Option<f64>,
    /// Smallest f-number; an adapter has none.
    pub maximum_aperture: Option<f64>,
    /// Codes that it shows.
    pub codes: Vec<Code>,
    /// Light at `r` relative to the centre is `1 + a r^2 + b r^4 + c r^6` with these `[a, b, c]`.
    pub vignetting: [f64; 3],
    /// Brown's radial distortion, `[k1, k2, k3]`.
    pub distortion: [f64; 3],
    /// Whether vignetting and distortion are assumptions rather than measured on such a lens.
    pub generic: bool,
    /// Where codes and figures come from.
    pub source: String,
}

/// A code on a lens's flange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// 6-bit code.
    pub code: u8,
    /// Frame-line selector, where it tells lenses with the same code apart.
    pub frame: Option<u8>,
}

impl From<&Profile> for LensProfile {
    fn from(profile: &Profile) -> Self {
        let codes = profile.codes.iter();
        Self {
            name: profile.name.clone(),
            make: profile.make.clone(),
            model: profile.model.clone(),
            focal_length_mm: profile.focal_length_mm,
            maximum_aperture: profile.maximum_aperture,
            codes: codes
                .map(|&code| Code {
                    code: code.code,
                    frame: code.frame,
                })
                .collect(),
            vignetting: profile.vignetting,
            distortion: profile.distortion,
            generic: profile.generic,
            source: profile.source.clone(),
        }
    }
}

pub(super) async fn list(State(context): State<Context>) -> Response {
    let mut profiles: Vec<LensProfile> = context.lenses.profiles().map(LensProfile::from).collect();
    profiles.sort_by(|a, b| a.name.cmp(&b.name));
    body::json(StatusCode::OK, &profiles)
}

pub(super) async fn show(
    State(context): State<Context>,
    Text(name): Text,
) -> Result<Response, Failure> {
    match context.lenses.get(&name) {
        Some(profile) => Ok(body::json(StatusCode::OK, &LensProfile::from(profile))),
        None => {
            let message = format!(
                "there is no lens profile {name:?}; `bayonet lens list` or GET /v1/lenses lists them"
            );
            Err(Failure::new(StatusCode::NOT_FOUND, message))
        }
    }
}

pub(super) async fn assign(
    _: Control,
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let profile = body::lens_request(&body::take(&headers, body).await?)?;
    let assign = |answer| Command::AssignLens(Some(profile), answer);
    Ok(body::json(
        StatusCode::OK,
        &order(&context, ANSWER_LIMIT, assign).await?,
    ))
}

pub(super) async fn clear(_: Control, State(context): State<Context>) -> Result<Response, Failure> {
    let clear = |answer| Command::AssignLens(None, answer);
    Ok(body::json(
        StatusCode::OK,
        &order(&context, ANSWER_LIMIT, clear).await?,
    ))
}
