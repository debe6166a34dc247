//! The index of a recording, `index.jsonl`: what was written, what was not, and why; one line of JSON for each.
//!
//! Lines are only ever appended. A frame's line comes after the frame's file has its name, so whatever a line names
//! is there and whole. The last line may be torn by a crash; [`read`] takes what can be read and says what cannot.
//!
//! ```text
//! {"line":"head","format":1,"recording":"20261122T203453.120Z","bayonetd":"0.1.0","cameras":[...],"lens":null}
//! {"line":"stream","camera":"main","width":2736,"height":1824,"format":"RG12"}
//! {"line":"frame","camera":"main","number":1,"sequence":17,"timestamp_ns":...,"file":"main/000001.dng",...}
//! {"line":"gap","camera":"main","after":1,"frames":3,"cause":"queue"}
//! {"line":"gone","camera":"mount","reason":"..."}
//! {"line":"end","reason":"stopped","message":null,"duration_ms":1234,"cameras":[...]}
//! ```

use crate::report::{CameraName, Lens, RecordedCamera, RecordingEnd, Stream};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io::{self, BufRead};
use std::str::FromStr;

/// Name of the file, in the recording's directory.
pub const FILE: &str = "index.jsonl";
/// Version of what is in it. A reader refuses a later one.
pub const FORMAT: u32 = 1;
/// Longest line, in bytes: far more than a head with both cameras and a lens.
pub const LINE_LIMIT: usize = 64 << 10;
/// Digits of a frame's number in its file's name; more where the number has more.
const DIGITS: usize = 6;
/// Ending of a frame's file.
const EXTENSION: &str = ".dng";

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub enum Line {
    /// The first one.
    Head(Head),
    /// A camera's frames begin, or begin again, e.g. after a plug.
    Stream {
        /// Of which camera.
        camera: CameraName,
        /// Size and format of the raw frames.
        #[serde(flatten)]
        stream: Stream,
    },
    /// A frame is on the disk.
    Frame(Entry),
    /// Frames are not there.
    Gap(Gap),
    /// A camera went away; its next line is a `stream`, if it comes back.
    Gone {
        /// Which one.
        camera: CameraName,
        /// Why, for people.
        reason: String,
    },
    /// The last one.
    End(End),
}

/// What a recording is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// The recording's name, which is the time of its start in UTC.
    pub recording: String,
    /// Version of `bayonetd` that wrote it.
    pub bayonetd: String,
    /// Which cameras.
    pub cameras: Vec<HeadCamera>,
    /// What was on the mount at the start.
    pub lens: Option<Lens>,
}

/// One of the cameras that are recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadCamera {
    /// Which.
    pub camera: CameraName,
    /// Its sensor, e.g. `imx283`.
    pub model: String,
}

/// A frame that is on the disk, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of which camera.
    pub camera: CameraName,
    /// Counts this camera's raw frames from 1, with those that were dropped.
    pub number: u32,
    /// Number given by the receiver; none where a repair found the file without its line.
    pub sequence: Option<u32>,
    /// Start of exposure of the first line, nanoseconds of `CLOCK_BOOTTIME`; none likewise.
    pub timestamp_ns: Option<u64>,
    /// Where it is, from the recording's directory on.
    pub file: FrameName,
    /// Length of the file.
    pub bytes: u64,
    /// CRC-32 of the file (IEEE 802.3, as in ZIP and PNG).
    pub crc32: Crc32,
}

/// Frames of a camera that are not there, between two that are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Of which camera.
    pub camera: CameraName,
    /// Number of the last frame before the gap that the camera told of; 0 where there is none.
    pub after: u32,
    /// How many.
    pub frames: u32,
    /// Why they are not there.
    pub cause: Cause,
}

/// Why frames are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The receiver's numbers say that they never came from the sensor. They have no numbers of their own here.
    Sensor,
    /// The camera's process had no encoder free.
    Encoder,
    /// The queue to the disk was full.
    Queue,
    /// They came in part, out of order, or longer than the queue.
    Transfer,
    /// The disk took no more.
    Storage,
}

impl Cause {
    pub(super) const ALL: [Self; 5] = [
        Self::Sensor,
        Self::Encoder,
        Self::Queue,
        Self::Transfer,
        Self::Storage,
    ];
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// In one word.
    pub reason: RecordingEnd,
    /// For people, where the word does not say everything.
    pub message: Option<String>,
    /// From the first frame to the end, in milliseconds.
    pub duration_ms: u64,
    /// What was written and what was not.
    pub cameras: Vec<RecordedCamera>,
}

/// Where a frame is, from the recording's directory on: `main/000001.dng`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameName {
    /// Of which camera.
    pub camera: CameraName,
    /// As [`Entry::number`].
    pub number: u32,
}

impl fmt::Display for FrameName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (camera, number) = (self.camera.as_str(), self.number);
        write!(f, "{camera}/{number:0DIGITS$}{EXTENSION}")
    }
}

/// This is no name of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame is named like main/000001.dng")]
pub struct NoFrame;

impl FromStr for FrameName {
    type Err = NoFrame;

    /// Takes what [`fmt::Display`] writes, and nothing else: no name leads out of the directory.
    fn from_str(text: &str) -> Result<Self, NoFrame> {
        let parse = || {
            let (camera, file) = text.split_once('/')?;
            let digits = file.strip_suffix(EXTENSION)?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let longer = digits.len() > DIGITS && digits.starts_with('0');
            (plain && digits.len() >= DIGITS && !longer).then_some(())?;
            Some(Self {
                camera: CameraName::ALL
                    .into_iter()
                    .find(|name| name.as_str() == camera)?,
                number: digits.parse().ok().filter(|&number| number > 0)?,
            })
        };
        parse().ok_or(NoFrame)
    }
}

impl Serialize for FrameName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FrameName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A checksum, eight hexadecimal digits in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crc32(pub u32);

impl Crc32 {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc32fast::hash(bytes))
    }
}

impl Serialize for Crc32 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:08x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Crc32 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = plain.then(|| u32::from_str_radix(&text, 16).ok()).flatten();
        value
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a checksum has eight hexadecimal digits"))
    }
}

/// Why a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not one of the lines above.
    #[error("{0}")]
    Json(String),
    /// A later version wrote it.
    #[error("it has format {0}, and this version reads {FORMAT}: use the bayonet that wrote it")]
    Later(u32),
    /// It contradicts itself.
    #[error("file, camera and number do not belong together")]
    Contradiction,
    /// It is longer than [`LINE_LIMIT`].
    #[error("longer than {LINE_LIMIT} bytes")]
    Long,
    /// It has no end.
    #[error("cut off")]
    Torn,
}

/// Reads one line, without its end.
pub fn parse_line(text: &[u8]) -> Result<Line, Malformed> {
    if text.len() > LINE_LIMIT {
        return Err(Malformed::Long);
    }
    let line = serde_json::from_slice(text).map_err(|error| Malformed::Json(error.to_string()))?;
    match &line {
        Line::Head(head) if head.format > FORMAT => Err(Malformed::Later(head.format)),
        Line::Frame(entry)
            if (entry.file.camera, entry.file.number) != (entry.camera, entry.number) =>
        {
            Err(Malformed::Contradiction)
        }
        _ => Ok(line),
    }
}

/// Appends a line and its end to a text.
pub(super) fn append(text: &mut Vec<u8>, line: &Line) {
    let begin = text.len();
    if let Err(error) = serde_json::to_writer(&mut *text, line) {
        // Lines are maps with texts as keys, which JSON can write.
        log::error!("a line of the index cannot be written: {error}");
        return text.truncate(begin);
    }
    text.push(b'\n');
}

/// What is in an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Every line that can be read, in order.
    pub lines: Vec<Line>,
    /// Every line that cannot: its number, counted from 1, and why.
    pub damaged: Vec<(usize, Malformed)>,
}

impl Contents {
    /// The head, where it is there.
    pub fn head(&self) -> Option<&Head> {
        self.lines.iter().find_map(|line| match line {
            Line::Head(head) => Some(head),
            _ => None,
        })
    }

    /// The end, where it is there.
    pub fn end(&self) -> Option<&End> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::End(end) => Some(end),
            _ => None,
        })
    }

    /// The frames that it names.
    pub fn frames(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().filter_map(|line| match line {
            Line::Frame(entry) => Some(entry),
            _ => None,
        })
    }
}

/// Reads an index as far as it can be read.
///
/// # Errors
/// When the input cannot be read; never for what it says.
pub fn read(mut input: impl BufRead) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let mut limited = io::Read::take(&mut input, LINE_LIMIT as u64 + 1);
        if limited.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        let line = match text.strip_suffix(b"\n") {
            // Ends a line that was torn and taken back.
            Some(b"") => continue,
            Some(line) => parse_line(line),
            None if text.len() > LINE_LIMIT => {
                skip_line(&mut input)?;
                Err(Malformed::Long)
            }
            // Even where it is JSON: what was not ended was not written to its end.
            None => Err(Malformed::Torn),
        };
        match line {
            Ok(line) => contents.lines.push(line),
            Err(problem) => contents.damaged.push((number, problem)),
        }
    }
    Ok(contents)
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let over = end.is_some() || length == 0;
        input.consume(length);
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
