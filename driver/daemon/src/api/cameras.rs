//! Cameras: what they can do, how they are set, their frames.

use super::error::Failure;
use super::request::{Camera, Control, Parameters};
use super::{ANSWER_LIMIT, Context, body, current, order, streams};
use crate::command::Command;
use crate::wire::StreamRequest;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::time::Duration;

/// How long a camera's process may take to start and to tell what it can do: longer than the event loop waits for it,
/// so that the event loop's own reason comes first.
const START_LIMIT: Duration = Duration::from_secs(35);
/// Widest and highest stream, in pixels.
const SIDE_LIMIT: u32 = 1 << 16;

pub(super) async fn list(State(context): State<Context>) -> Result<Response, Failure> {
    Ok(body::json(
        StatusCode::OK,
        &current(&context).await?.cameras,
    ))
}

pub(super) async fn show(
    State(context): State<Context>,
    Camera(name): Camera,
) -> Result<Response, Failure> {
    let cameras = current(&context).await?.cameras;
    let camera = cameras
        .into_iter()
        .find(|camera| camera.name == name)
        .ok_or_else(|| {
            let name = name.as_str();
            let message =
                format!("this board has no camera `{name}`; GET /v1/cameras lists what it has");
            Failure::new(StatusCode::NOT_FOUND, message)
        })?;
    Ok(body::json(StatusCode::OK, &camera))
}

pub(super) async fn capabilities(
    State(context): State<Context>,
    Camera(name): Camera,
) -> Result<Response, Failure> {
    let told = order(&context, START_LIMIT, |answer| {
        Command::Capabilities(name, answer)
    })
    .await?;
    Ok(body::json(StatusCode::OK, &told))
}

pub(super) async fn controls(
    State(context): State<Context>,
    Camera(name): Camera,
) -> Result<Response, Failure> {
    let values = order(&context, ANSWER_LIMIT, |answer| {
        Command::Controls(name, answer)
    })
    .await?;
    Ok(body::json(StatusCode::OK, &values))
}

pub(super) async fn set_controls(
    _: Control,
    State(context): State<Context>,
    Camera(name): Camera,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let values = body::controls_request(&body::take(&headers, body).await?)?;
    let set = |answer| Command::SetControls(name, values, answer);
    // To know a control the camera has to be asked, which may have to start for it.
    Ok(body::json(
        StatusCode::OK,
        &order(&context, START_LIMIT, set).await?,
    ))
}

/// Parameters of a stream of frames.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrameParameters {
    width: Option<u32>,
    height: Option<u32>,
}

pub(super) async fn frames(
    _: Control,
    State(context): State<Context>,
    Camera(name): Camera,
    Parameters(parameters): Parameters<FrameParameters>,
) -> Result<Response, Failure> {
    let size = match (parameters.width, parameters.height) {
        (None, None) => None,
        (Some(width), Some(height))
            if [width, height]
                .iter()
                .all(|side| (1..=SIDE_LIMIT).contains(side)) =>
        {
            Some([width, height])
        }
        _ => {
            let message = format!("`width` and `height` come together, each 1 to {SIDE_LIMIT}");
            return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, message));
        }
    };
    let request = StreamRequest {
        size,
        full: false,
        raw: false,
    };
    let open = |answer| Command::Open(name, request, answer);
    let lease = order(&context, START_LIMIT, open).await?;
    Ok(streams::frames(lease, context.ending))
}
