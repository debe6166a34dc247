//! What `bayonetd` and a camera process say to each other: lines of JSON, orders on the process's standard input,
//! news on its standard output. After [`News::Still`] the encoded picture follows, `bytes` long, and its DNG,
//! `raw_bytes` long; after [`News::Recorded`] a DNG file, after [`News::View`] a JPEG, `bytes` long.
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
    /// The lens in front of the camera, from now on: written into a JPEG's EXIF, and with its corrections into a DNG.
    Lens {
        /// None when nothing is known of it.
        lens: Option<LensTags>,
    },
    /// Encodes one frame.
    Still {
        /// Comes back with the picture.
        id: u64,
        /// How.
        encoding: Encoding,
        /// How a DNG of the same frame is compressed, where one is wanted; the stream has to be one with raw frames.
        raw: Option<Compression>,
        /// Where the pictures are taken.
        place: Option<Place>,
        /// Take the first frame that begins at or after this time, nanoseconds of `CLOCK_BOOTTIME`.
        not_before_ns: u64,
    },
    /// Records the camera's raw frames from now on; begins after [`News::Started`]. The process makes raw frames as it
    /// can, answers [`News::Recording`], then [`News::Recorded`] or [`News::RecordDropped`] for each raw frame, in
    /// order; or [`News::RecordFailed`].
    Record {
        /// Of the recording; comes back with everything.
        id: u64,
        /// Number of the first frame; the next ones count on.
        first: u32,
        /// How the frames are compressed.
        compression: Compression,
        /// Where they are taken.
        place: Option<Place>,
    },
    /// Takes no more raw frames; those that are being encoded still come, then [`News::RecordEnded`].
    EndRecord {
        /// Of the recording.
        id: u64,
    },
    /// Shows one frame, the next one for which there is time. Answered by [`News::View`] or [`News::ViewFailed`].
    View {
        /// Of the JPEG, `1..=100`.
        quality: u8,
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
    /// Whether the sensor's samples are wanted beside the picture: libcamera's role `Raw`.
    pub raw: bool,
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

/// How the samples of a DNG are compressed; nothing is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Lossless JPEG, which every reader of DNG knows.
    #[default]
    LosslessJpeg,
    /// JPEG XL of DNG 1.7: smaller, for newer readers.
    JpegXl,
}

/// A place on earth (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Degrees, north of the equator.
    pub latitude: f64,
    /// Degrees, east of Greenwich.
    pub longitude: f64,
    /// Metres above the ellipsoid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
}

impl Place {
    /// That it is one.
    ///
    /// # Errors
    /// A sentence that says which figure is out of range.
    pub fn check(&self) -> Result<(), String> {
        let figures = [
            ("latitude", self.latitude, 90.0),
            ("longitude", self.longitude, 180.0),
            ("altitude_m", self.altitude_m.unwrap_or_default(), 1e6),
        ];
        for (name, figure, most) in figures {
            if !(-most..=most).contains(&figure) {
                return Err(format!(
                    "`{name}` of a place is -{most} to {most}, not {figure}"
                ));
            }
        }
        Ok(())
    }
}

/// What pictures say of a lens.
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
    /// Of its profile.
    pub vignetting: [f64; 3],
    /// Of its profile.
    pub distortion: [f64; 3],
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
        /// Length of the DNG behind it; 0 where none was wanted.
        raw_bytes: u64,
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
    /// A frame to be looked at; its JPEG follows the line.
    View {
        /// Length of what follows.
        bytes: u64,
        /// The frame.
        frame: Frame,
    },
    /// A frame could not be shown.
    ViewFailed {
        /// Why.
        reason: String,
    },
    /// Raw frames come from now on.
    Recording {
        /// Of the order.
        id: u64,
        /// Size and format of the raw frames.
        stream: Stream,
    },
    /// A raw frame; its DNG file follows the line.
    Recorded {
        /// Of the order.
        id: u64,
        /// Counts this camera's raw frames in this recording; ascends, with those that are dropped.
        number: u32,
        /// Length of what follows.
        bytes: u64,
        /// The frame. Its metadata may be left out: they are in the file.
        frame: Frame,
    },
    /// No encoder was free for a raw frame.
    RecordDropped {
        /// Of the order.
        id: u64,
        /// As [`News::Recorded`].
        number: u32,
        /// The frame, likewise.
        frame: Frame,
    },
    /// The camera cannot be recorded, or no longer; nothing more comes of this recording.
    RecordFailed {
        /// Of the order.
        id: u64,
        /// Why, and what to do.
        reason: String,
    },
    /// The last frame has come.
    RecordEnded {
        /// Of the order.
        id: u64,
    },
    /// The process ends because of this.
    Failed {
        /// Why, and what to do.
        reason: String,
        /// Whether the kernel refused the start as already streaming (`EALREADY`): the drivers must be bound anew.
        stuck: bool,
    },
}
