//! Pictures: taken by the event loop, listed, given out and removed from the directory here.

use super::error::Failure;
use super::request::{Control, Text};
use super::{Context, body, order};
use crate::captures::{self, FileName, Store};
use crate::command::{Command, Refusal};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// How long a picture may take: a camera's start, exposure and white balance that settle, a slow encoder, a slow disk.
const CAPTURE_LIMIT: Duration = Duration::from_secs(100);
/// Read from the disk at once; what a client that reads slowly costs.
const PIECE: usize = 64 << 10;

pub(super) async fn take(
    _: Control,
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request = body::capture_request(&body::take(&headers, body).await?, context.quality)?;
    let capture = |answer| Command::Capture(request, answer);
    let capture = order(&context, CAPTURE_LIMIT, capture).await?;
    let mut response = body::json(StatusCode::CREATED, &capture);
    if let Some(picture) = capture.pictures.first() {
        let location = HeaderValue::try_from(format!("/v1/captures/{}", picture.file));
        response
            .headers_mut()
            .extend(location.ok().map(|location| (header::LOCATION, location)));
    }
    Ok(response)
}

pub(super) async fn list(State(context): State<Context>) -> Result<Response, Failure> {
    let stored = on_disk(context.captures, |store| store.list()).await?;
    Ok(body::json(StatusCode::OK, &stored))
}

pub(super) async fn download(
    State(context): State<Context>,
    Text(name): Text,
) -> Result<Response, Failure> {
    let name = parse(&name)?;
    let media_type = name.format().media_type();
    let (file, bytes) = on_disk(context.captures, move |store| store.read(&name)).await?;
    let pieces = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(bytes)),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

pub(super) async fn remove(
    _: Control,
    State(context): State<Context>,
    Text(name): Text,
) -> Result<Response, Failure> {
    let name = parse(&name)?;
    on_disk(context.captures, move |store| store.remove(&name)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn parse(name: &str) -> Result<FileName, Failure> {
    name.parse()
        .map_err(|error: captures::Error| Refusal::from(error).into())
}

/// Works on the directory where waiting for the disk holds nobody up.
async fn on_disk<T: Send + 'static>(
    store: Store,
    work: impl FnOnce(&Store) -> Result<T, captures::Error> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(move || work(&store)).await {
        Ok(done) => done.map_err(|error| Refusal::from(error).into()),
        Err(_) => Err(Failure::no_event_loop()),
    }
}
