//! What the API asks of the event loop.

use crate::report::{CameraName, Capabilities, Capture, Event, Frame, Module, Status, Values};
use crate::wire::{Encoding, StreamRequest};
use tokio::sync::{broadcast, oneshot, watch};

/// One question or order, with the way back for the answer.
#[derive(Debug)]
pub enum Command {
    /// How things are.
    Status(oneshot::Sender<Status>),
    /// Status and every event after it, with no gap between.
    Subscribe(oneshot::Sender<(Status, broadcast::Receiver<Event>)>),
    /// What a camera can do; asks its process when nobody has yet.
    Capabilities(CameraName, Answer<Capabilities>),
    /// The controls that were set.
    Controls(CameraName, Answer<Values>),
    /// Sets controls; `null` takes one back to its default. What holds afterwards comes back.
    SetControls(CameraName, Values, Answer<Values>),
    /// Asks for a camera's frames, for as long as the lease lives.
    Open(CameraName, StreamRequest, Answer<Lease>),
    /// Takes pictures.
    Capture(CaptureRequest, Answer<Capture>),
    /// Names the lens on the mount (a profile's name), or takes the name back.
    AssignLens(Option<String>, Answer<Module>),
}

/// The way back of an answer.
pub type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// Keeps a camera running; the frames it makes.
#[derive(Debug)]
pub struct Lease {
    /// The latest frame; a slow reader misses frames, never the newest.
    pub frames: watch::Receiver<Option<Frame>>,
    /// Dropped with the lease: tells the event loop that this client is gone.
    pub alive: oneshot::Sender<std::convert::Infallible>,
}

/// Which pictures to take.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureRequest {
    /// One camera, or both for a pair.
    pub cameras: Vec<CameraName>,
    /// How they are encoded.
    pub encoding: Encoding,
    /// Every pixel of the sensor; refused while the camera streams for somebody.
    pub full: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing: HTTP 404.
    #[error("{0}")]
    NotFound(String),
    /// The request cannot be right: HTTP 422.
    #[error("{0}")]
    Invalid(String),
    /// Not now: HTTP 409.
    #[error("{0}")]
    Conflict(String),
    /// The camera is not there or failed: HTTP 503.
    #[error("{0}")]
    Unavailable(String),
    /// It took too long: HTTP 504.
    #[error("{0}")]
    TimedOut(String),
    /// The disk is full, or alike: HTTP 507.
    #[error("{0}")]
    Storage(String),
}
