//! Recordings: begun and ended by the event loop; listed and removed from the directory here.

use super::error::Failure;
use super::request::{Control, Text};
use super::{Context, body, current, order};
use crate::command::{Command, Refusal};
use crate::recordings::{self, Store};
use crate::report::Recording;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// How long a disk may take to make a recording's directory.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long the end of a recording may take: longer than cameras and disk are waited for, so that a slow disk is told
/// with the recording and not by this limit.
const STOP_LIMIT: Duration = Duration::from_secs(40);

pub(super) async fn start(
    _: Control,
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request = body::record_request(&body::take(&headers, body).await?)?;
    let record = |answer| Command::Record(request, answer);
    let recording = order(&context, START_LIMIT, record).await?;
    let mut response = body::json(StatusCode::CREATED, &recording);
    let location = HeaderValue::try_from(format!("/v1/recordings/{}", recording.name));
    response
        .headers_mut()
        .extend(location.ok().map(|location| (header::LOCATION, location)));
    Ok(response)
}

pub(super) async fn list(State(context): State<Context>) -> Result<Response, Failure> {
    let mut recordings = on_disk(&context, Store::list).await?;
    // Asked for afterwards: one that has begun meanwhile is there, one that has ended meanwhile has its end.
    if let Some(running) = current(&context).await?.recording {
        match recordings.iter_mut().find(|it| it.name == running.name) {
            Some(listed) if listed.end.is_none() => *listed = running,
            Some(_) => {}
            None => recordings.push(running),
        }
    }
    Ok(body::json(StatusCode::OK, &recordings))
}

pub(super) async fn show(
    State(context): State<Context>,
    Text(name): Text,
) -> Result<Response, Failure> {
    Ok(body::json(StatusCode::OK, &find(&context, &name).await?))
}

/// From the event loop while it is under way, then from the disk.
async fn find(context: &Context, name: &str) -> Result<Recording, Failure> {
    let running = current(context).await?.recording;
    match running.filter(|running| running.name == name) {
        Some(running) => Ok(running),
        None => {
            let name = name.to_owned();
            on_disk(context, move |store| store.show(&name)).await
        }
    }
}

pub(super) async fn stop(
    _: Control,
    State(context): State<Context>,
    Text(name): Text,
) -> Result<Response, Failure> {
    find(&context, &name).await?;
    let stop = |answer| Command::StopRecording(name, answer);
    let recording = order(&context, STOP_LIMIT, stop).await?;
    Ok(body::json(StatusCode::OK, &recording))
}

pub(super) async fn remove(
    _: Control,
    State(context): State<Context>,
    Text(name): Text,
) -> Result<Response, Failure> {
    on_disk(&context, move |store| store.remove(&name)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Works on the directory where waiting for the disk holds nobody up.
async fn on_disk<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce(&Store) -> Result<T, recordings::Error> + Send + 'static,
) -> Result<T, Failure> {
    let store = context.recordings.clone();
    match tokio::task::spawn_blocking(move || work(&store)).await {
        Ok(done) => done.map_err(|error| Refusal::from(error).into()),
        Err(_) => Err(Failure::no_event_loop()),
    }
}
