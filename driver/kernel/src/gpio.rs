//! GPIO lines by name: levels, and edges as they happen.
//!
//! Edges tell that something happened, not what is: when they come faster than they are read, the kernel drops some.
//! After each, read the levels.

use crate::{Error, Result};
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, Offset, Value, Values};
use gpiocdev::{FoundLine, Request};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Low while a module is on the mount.
pub const MOUNT_PRESENT: &str = "MOUNT_PRESENT";
/// The lens code, least significant bit first.
pub const LENS_CODE: [&str; 6] = [
    "LENS_CODE0",
    "LENS_CODE1",
    "LENS_CODE2",
    "LENS_CODE3",
    "LENS_CODE4",
    "LENS_CODE5",
];
/// The frame selector, least significant bit first.
pub const FRAME_SELECT: [&str; 2] = ["FRAME_SELECT0", "FRAME_SELECT1"];

/// Lines that this process reads.
#[derive(Debug)]
pub struct Lines {
    request: Request,
    names: Vec<String>,
    offsets: Vec<Offset>,
}

/// A change of a line's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Place of the line among the names it was requested with.
    pub line: usize,
    /// Whether the level went high.
    pub rising: bool,
    /// When, on the monotonic clock.
    pub time: Duration,
}

impl Lines {
    /// Requests lines as inputs, with edges and pulled up: what is not connected reads high.
    ///
    /// `consumer` is shown to whoever asks who uses them.
    ///
    /// # Errors
    /// [`Error::NoLine`] for the first name that no chip has, [`Error::LineInUse`] for one that another program has,
    /// [`Error::LinesApart`] where they are on several chips, [`Error::Gpio`].
    pub fn request(names: &[&str], consumer: &str) -> Result<Self> {
        let found = gpiocdev::find_named_lines(names, false).map_err(|error| fail(names, error))?;
        let mut lines: Vec<&FoundLine> = Vec::new();
        for name in names {
            let line = found.get(name).ok_or_else(|| Error::NoLine {
                name: (*name).to_owned(),
            })?;
            if let Some(first) = lines.first()
                && first.chip != line.chip
            {
                return Err(Error::LinesApart {
                    first: first.info.name.clone(),
                    other: line.info.name.clone(),
                });
            }
            if line.info.used {
                return Err(Error::LineInUse {
                    name: line.info.name.clone(),
                    user: line.info.consumer.clone(),
                });
            }
            lines.push(line);
        }
        let offsets: Vec<Offset> = lines.iter().map(|line| line.info.offset).collect();
        let chip = lines
            .first()
            .map(|line| line.chip.clone())
            .unwrap_or_default();
        let request = Request::builder()
            .on_chip(chip)
            .with_consumer(consumer)
            .with_lines(&offsets)
            .as_input()
            .with_bias(Bias::PullUp)
            .with_edge_detection(EdgeDetection::BothEdges)
            .request()
            .map_err(|error| fail(names, error))?;
        Ok(Self {
            request,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            offsets,
        })
    }

    /// Levels in the order of the names, `true` = high.
    ///
    /// # Errors
    /// [`Error::Gpio`].
    pub fn levels(&self) -> Result<Vec<bool>> {
        let mut values = Values::from_offsets(&self.offsets);
        self.request
            .values(&mut values)
            .map_err(|error| fail(&self.names, error))?;
        let high = |offset: &Offset| values.get(*offset) == Some(Value::Active);
        Ok(self.offsets.iter().map(high).collect())
    }

    /// The next edge, if there is one already.
    ///
    /// # Errors
    /// [`Error::Gpio`], also when the chip is gone.
    pub fn read_event(&self) -> Result<Option<Edge>> {
        let read = || {
            if !self.request.has_edge_event()? {
                return Ok(None);
            }
            self.request.read_edge_event().map(Some)
        };
        let event = read().map_err(|error| fail(&self.names, error))?;
        Ok(event.and_then(|event| {
            Some(Edge {
                line: self
                    .offsets
                    .iter()
                    .position(|offset| *offset == event.offset)?,
                rising: event.kind == EdgeKind::Rising,
                time: Duration::from_nanos(event.timestamp_ns),
            })
        }))
    }
}

impl AsFd for Lines {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }
}

impl AsRawFd for Lines {
    fn as_raw_fd(&self) -> RawFd {
        self.request.as_raw_fd()
    }
}

fn fail(names: &[impl AsRef<str>], source: gpiocdev::Error) -> Error {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    Error::Gpio {
        lines: names.join(", "),
        source,
    }
}
