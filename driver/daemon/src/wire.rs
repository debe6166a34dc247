//! What `bayonetd` and a camera process say to each other: lines of JSON, orders on the process's standard input,
//! news on its standard output. After [`News::Still`] the encoded picture follows, `bytes` long.
//!
//! The end of standard input is an order too: stop, and end. So a camera never outlives `bayonetd`.

use crate::report::{Capabilities, Frame, Stream, Values};
use serde::{Deserialize, Serialize};

/// Longest line in either direction, in bytes.
pub const LINE_LIMIT: usize = 1 << 20;
/// Longest picture, in bytes.
pub const PICTURE_LIMIT: u64 = 1 << 28;

/// To a camera process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Configures the stream and starts it.
    Start {
        /// What to stream; libcamera may adjust it.
        request: StreamRequest,
        /// Set before the first frame.
        controls: Values,
    },
    /// Sets controls with the next request.
    Controls {
        /// By name; checked before.
        values: Values,
    },
    /// Encodes one frame.
    Still {
        /// Comes back with the picture.
        id: u64,
        /// How.
        encoding: Encoding,
        /// Take the first frame that begins at or after this time, nanoseconds of `CLOCK_BOOTTIME`.
        not_before_ns: u64,
        /// Written into a JPEG's EXIF.
        lens: Option<LensTags>,
    },
    /// Ends the stream and the process.
    Stop,
}

/// What to stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamRequest {
    /// Width and height in pixels; libcamera's choice where there is none.
    pub size: Option<[u32; 2]>,
    /// Whether every pixel of the sensor is wanted, for a still: libcamera's role `StillCapture`.
    pub full: bool,
}

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "kebab-case")]
pub enum Encoding {
    /// JPEG with EXIF.
    Jpeg {
        /// `1..=100`.
        quality: u8,
    },
    /// PNG, 8 bit a channel.
    Png,
}

/// What EXIF says of a lens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensTags {
    /// `LensMake`.
    pub make: String,
    /// `LensModel`.
    pub model: String,
    /// `FocalLength` in millimetres.
    pub focal_length_mm: f32,
    /// Smallest f-number, for `MaxApertureValue` and `LensSpecification`.
    pub maximum_aperture: f32,
}

/// From a camera process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub enum News {
    /// The camera is there and acquired; what it can do.
    Ready {
        /// libcamera's version.
        libcamera: String,
        /// libcamera's name of the camera.
        id: String,
        /// What it can do.
        capabilities: Capabilities,
    },
    /// The stream was started.
    Started {
        /// As libcamera made it.
        stream: Stream,
    },
    /// A frame was completed.
    Frame(Frame),
    /// A picture; its bytes follow the line.
    Still {
        /// Of the order.
        id: u64,
        /// Length of what follows.
        bytes: u64,
        /// The frame it was made of.
        frame: Frame,
    },
    /// A picture could not be made.
    StillFailed {
        /// Of the order.
        id: u64,
        /// Why.
        reason: String,
    },
    /// The process ends because of this.
    Failed {
        /// Why, and what to do.
        reason: String,
        /// Whether the kernel refused the start as already streaming (`EALREADY`): the drivers must be bound anew.
        stuck: bool,
    },
}
