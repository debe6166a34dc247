//! GPIO lines: whether they are active, and edges as they happen.
//!
//! Edges tell that something happened, not what is: when they come faster than they are read, the kernel drops some.
//! After each, read the lines.

use crate::mount_lines::Line;
use crate::{Error, Result};
use gpiocdev::line::{EdgeDetection, EdgeKind, Offset, Value, Values};
use gpiocdev::request::Config;
use gpiocdev::{Chip, Request};
use std::fmt::Display;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::time::Duration;

/// Where the chips' device nodes are.
const DEV: &str = "/dev";

/// Lines that this process reads.
#[derive(Debug)]
pub struct Lines {
    request: Request,
    names: String,
    offsets: Vec<Offset>,
}

/// A change of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Place of the line among those it was requested with.
    pub line: usize,
    /// Whether the line became active.
    pub active: bool,
    /// When, on the monotonic clock.
    pub time: Duration,
}

/// Whether a line is there and free; `dev` is laid out as `/dev`.
///
/// # Errors
/// [`Error::NoLine`] where its chip has fewer lines, [`Error::LineInUse`] where a program or a driver has it,
/// [`Error::Gpio`] where the chip cannot be asked.
pub fn check(dev: &Path, line: &Line) -> Result<()> {
    let ask = || {
        let chip = Chip::from_path(dev.join(&line.chip))?;
        let count = chip.info()?.num_lines;
        let info = (line.offset < count).then(|| chip.line_info(line.offset));
        Ok((count, info.transpose()?))
    };
    let (count, info) = ask().map_err(|source| fail(line, source))?;
    match info {
        None => Err(Error::NoLine {
            line: line.to_string(),
            chip: line.chip.clone(),
            count,
        }),
        Some(info) if info.used => Err(Error::LineInUse {
            line: line.to_string(),
            user: info.consumer,
        }),
        Some(_) => Ok(()),
    }
}

impl Lines {
    /// Requests lines as inputs with edges, as the device tree wants them read.
    ///
    /// `consumer` is shown to whoever asks who uses them.
    ///
    /// # Errors
    /// Those of [`check`], and [`Error::LinesApart`] where they are on several chips.
    pub fn request(lines: &[&Line], consumer: &str) -> Result<Self> {
        if let Some(first) = lines.first()
            && let Some(other) = lines.iter().find(|line| line.chip != first.chip)
        {
            return Err(Error::LinesApart {
                first: first.to_string(),
                other: other.to_string(),
            });
        }
        let mut config = Config::default();
        for line in lines {
            check(Path::new(DEV), line)?;
            config
                .on_chip(Path::new(DEV).join(&line.chip))
                .with_line(line.offset)
                .as_input()
                .with_bias(line.bias)
                .with_edge_detection(EdgeDetection::BothEdges);
            if line.active_low {
                config.as_active_low();
            }
        }
        let names: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let names = names.join(", ");
        let request = Request::from_config(config)
            .with_consumer(consumer)
            .request()
            .map_err(|source| fail(&names, source))?;
        Ok(Self {
            request,
            names,
            offsets: lines.iter().map(|line| line.offset).collect(),
        })
    }

    /// Whether each line is active, in the order of the request.
    ///
    /// # Errors
    /// [`Error::Gpio`].
    pub fn active(&self) -> Result<Vec<bool>> {
        let mut values = Values::from_offsets(&self.offsets);
        self.request
            .values(&mut values)
            .map_err(|source| fail(&self.names, source))?;
        let active = |offset: &Offset| values.get(*offset) == Some(Value::Active);
        Ok(self.offsets.iter().map(active).collect())
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
        let event = read().map_err(|source| fail(&self.names, source))?;
        Ok(event.and_then(|event| {
            let offset = |offset: &Offset| *offset == event.offset;
            Some(Edge {
                line: self.offsets.iter().position(offset)?,
                // The kernel counts from inactive to active as rising, also where low is active.
                active: event.kind == EdgeKind::Rising,
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

fn fail(lines: impl Display, source: gpiocdev::Error) -> Error {
    Error::Gpio {
        lines: lines.to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(index: usize, chip: &str) -> Line {
        Line {
            property: "lens-code-gpios",
            index,
            chip: chip.to_owned(),
            offset: 16,
            active_low: false,
            bias: None,
        }
    }

    #[test]
    fn lines_on_several_chips_are_refused_with_their_names() {
        let (one, other) = (line(0, "gpiochip90"), line(1, "gpiochip91"));
        let error = Lines::request(&[&one, &other], "test").unwrap_err();
        assert_eq!(
            error.to_string(),
            "lens-code-gpios[0] (gpiochip90 line 16) and lens-code-gpios[1] (gpiochip91 line 16) are on different \
             chips; lens code and frame selector must be on one"
        );
    }

    #[test]
    fn a_chip_without_a_device_node_is_told_with_the_line() {
        let directory = tempfile::tempdir().unwrap();
        let error = check(directory.path(), &line(2, "gpiochip0"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("lens-code-gpios[2] (gpiochip0 line 16): ")
                && error.contains("No such file"),
            "{error}"
        );
    }
}
