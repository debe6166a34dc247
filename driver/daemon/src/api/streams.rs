//! Streams of events and frames (`text/event-stream`, the HTML standard's server-sent events).
//!
//! A reader that is too slow costs nobody anything: of frames it gets the latest, of events it is told how many it
//! missed. A stream ends when the reader leaves, when the event loop ends it, or when the server ends.

use crate::command::Lease;
use crate::report::{Event, Status};
use axum::response::sse;
use axum::response::{IntoResponse, Response, Sse};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

/// Between two comments on a stream with nothing to say, so that both ends see that the other lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Name of a frame's event on a stream.
const FRAME: &str = "frame";

pub(super) fn events(
    status: Status,
    news: broadcast::Receiver<Event>,
    ending: watch::Receiver<bool>,
) -> Response {
    let next = |(first, mut news): (Option<Event>, broadcast::Receiver<Event>)| async move {
        let event = match first {
            Some(event) => event,
            None => match news.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(missed)) => Event::Lagged { missed },
                Err(RecvError::Closed) => return None,
            },
        };
        Some((event_text(event.name(), &event), (None, news)))
    };
    respond(
        stream::unfold((Some(Event::Status(status)), news), next),
        ending,
    )
}

pub(super) fn frames(lease: Lease, ending: watch::Receiver<bool>) -> Response {
    let next = |mut lease: Lease| async move {
        loop {
            lease.frames.changed().await.ok()?;
            let frame = lease.frames.borrow_and_update().clone();
            if let Some(frame) = frame {
                return Some((event_text(FRAME, &frame), lease));
            }
        }
    };
    respond(stream::unfold(lease, next), ending)
}

fn event_text<T: Serialize>(name: &str, value: &T) -> sse::Event {
    let text = serde_json::to_string(value).expect("reports are maps with texts as keys");
    sse::Event::default().event(name).data(text)
}

fn respond(
    events: impl Stream<Item = sse::Event> + Send + 'static,
    ending: watch::Receiver<bool>,
) -> Response {
    let events = stream::StreamExt::map(events, Ok::<_, Infallible>);
    let events = stream::StreamExt::take_until(events, super::ended(ending));
    Sse::new(events)
        .keep_alive(sse::KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}
