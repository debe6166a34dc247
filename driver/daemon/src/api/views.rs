//! Views: a camera's newest frame as a JPEG, one a request. Whoever asks for the next one when the last one has come
//! gets as many as the way to them carries, and never an old one; how slow that is concerns nobody else.

use super::error::Failure;
use super::request::{Camera, Control, Parameters};
use super::{ANSWER_LIMIT, Context, order};
use crate::command::{Command, View};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::time::Duration;

/// How long a request waits for a view: a camera takes some seconds to start.
const WAIT: Duration = Duration::from_secs(5);
/// Header with the frame that the view was made of, as JSON.
const FRAME: &str = "bayonet-frame";

/// Which view the client has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    after: Option<u32>,
}

pub(super) async fn view(
    _: Control,
    State(context): State<Context>,
    Camera(name): Camera,
    Parameters(Seen { after }): Parameters<Seen>,
) -> Result<Response, Failure> {
    let look = |answer| Command::View(name, after, answer);
    let mut views = order(&context, ANSWER_LIMIT, look).await?;
    let is_newer = |view: &Option<View>| {
        let sequence = view.as_ref().map(|view| view.frame.sequence);
        sequence.is_some() && sequence != after
    };
    let newest = match tokio::time::timeout(WAIT, views.wait_for(is_newer)).await {
        Ok(Ok(newest)) => newest.clone(),
        Ok(Err(_)) => return Err(Failure::no_event_loop()),
        Err(_) => None,
    };
    Ok(newest.map_or_else(|| StatusCode::NO_CONTENT.into_response(), respond))
}

fn respond(view: View) -> Response {
    let frame = serde_json::to_string(&*view.frame).unwrap_or_default();
    let mut response = Body::from(Bytes::from_owner(view.jpeg)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(frame) = HeaderValue::try_from(frame) {
        headers.insert(FRAME, frame);
    }
    response
}
