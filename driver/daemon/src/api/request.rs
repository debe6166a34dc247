//! What handlers take out of a request's head: the camera and the names in its path, its parameters, its rights.

use super::Context;
use super::access::Access;
use super::error::Failure;
use crate::report::CameraName;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The one name in a path.
pub(super) struct Text(pub(super) String);

impl FromRequestParts<Context> for Text {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Failure> {
        match Path::<String>::from_request_parts(parts, context).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(error) => Err(Failure::new(StatusCode::BAD_REQUEST, error.body_text())),
        }
    }
}

/// The camera that a path names.
pub(super) struct Camera(pub(super) CameraName);

impl FromRequestParts<Context> for Camera {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Failure> {
        let Text(text) = Text::from_request_parts(parts, context).await?;
        let named = CameraName::ALL
            .into_iter()
            .find(|name| name.as_str() == text);
        named.map(Self).ok_or_else(|| {
            let message = format!("there is no camera {text:?}: cameras are `main` and `mount`");
            Failure::new(StatusCode::NOT_FOUND, message)
        })
    }
}

/// The parameters after the question mark.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Context> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Failure> {
        match Query::<T>::from_request_parts(parts, context).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                error.body_text(),
            )),
        }
    }
}

/// That the client may control.
pub(super) struct Control;

impl FromRequestParts<Context> for Control {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Failure> {
        match parts.extensions.get::<Access>() {
            Some(Access::Control) => Ok(Self),
            // Without a decision there is no right.
            _ => Err(Failure::new(
                StatusCode::FORBIDDEN,
                format!(
                    "only root and members of the group `{group}` may do this; become one with: \
                     sudo usermod --append --groups {group} $USER",
                    group = context.control_group
                ),
            )),
        }
    }
}
