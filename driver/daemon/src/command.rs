//! What the API asks of the event loop.

use crate::report::{
    CameraName, Capabilities, Capture, Event, Frame, Module, Recording, Status, Values,
};
use crate::wire::{Compression, Encoding, Place, StreamRequest};
use std::sync::Arc;
use std::time::Duration;
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
    /// Looks at a camera: its newest view, and a newer one than that of this frame, if that is the newest. It runs for
    /// as long as somebody asks again and again.
    View(CameraName, Option<u32>, Answer<Views>),
    /// Takes pictures.
    Capture(CaptureRequest, Answer<Capture>),
    /// Begins a recording.
    Record(RecordRequest, Answer<Recording>),
    /// Ends the recording of this name; answered when everything is written.
    StopRecording(String, Answer<Recording>),
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

/// The newest view of a camera; none before the first one.
pub type Views = watch::Receiver<Option<View>>;

/// A frame to be looked at, made once for all who do.
#[derive(Clone, Debug)]
pub struct View {
    /// Which one.
    pub frame: Arc<Frame>,
    /// As a JPEG.
    pub jpeg: Arc<[u8]>,
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
    /// How a DNG of each picture's frame is compressed, where one is wanted; refused while the camera streams for
    /// somebody without raw frames.
    pub raw: Option<Compression>,
    /// Where they are taken.
    pub place: Option<Place>,
}

/// What to record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRequest {
    /// One camera, or both.
    pub cameras: Vec<CameraName>,
    /// Width and height of the raw frames; the sensor's mode nearest to them is taken.
    pub size: Option<[u32; 2]>,
    /// Frames of each camera at most.
    pub frames: Option<u32>,
    /// Time from the first frame on at most.
    pub duration: Option<Duration>,
    /// How the frames are compressed.
    pub compression: Compression,
    /// Where they are taken.
    pub place: Option<Place>,
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
