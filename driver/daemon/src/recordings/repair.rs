//! What is left of a recording that was interrupted, and mending its index. Works without `bayonetd`.
//!
//! [`look`] reads the index as far as it can be read and every file that is there, and says what is whole, what is
//! damaged, what is gone and what was never there. [`mend`] makes the index say the same: it is written anew and takes
//! the old one's place at once. Files that were never finished (`.part`) are removed, damaged ones are put aside under
//! names that end in `.damaged`; a whole frame is never touched.

mod mend;

pub use mend::mend;

use super::index::{self, Cause, Contents, Crc32, Entry, FrameName, Gap, Line, Malformed};
use super::store::open;
use super::writer::PARTIAL;
use crate::io_error::IoError;
use crate::report::{CameraName, RecordingEnd};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Ends the name of a frame's file that is not what its line says.
pub(super) const DAMAGED: &str = ".damaged";
/// Read from the disk at once.
const PIECE: usize = 1 << 20;
/// How a TIFF file begins, and so a DNG: the order of its bytes, and 42 (TIFF 6.0, section 2) or 43 (BigTIFF).
const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// What there is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The recording's name.
    pub recording: String,
    /// Where it is.
    pub directory: PathBuf,
    /// Why it ended; none where its index does not say.
    pub end: Option<RecordingEnd>,
    /// By camera, main first.
    pub cameras: Vec<Found>,
    /// Frames that were never written, and why, in the order of the index.
    pub gaps: Vec<Gap>,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
    /// Whether the index was mended.
    pub mended: bool,
}

/// What there is of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Which.
    pub name: CameraName,
    /// Frames that are whole.
    pub whole: u64,
    /// Length of those.
    pub bytes: u64,
    /// Frames that are there and not what their lines say.
    pub damaged: u64,
    /// Frames whose files are gone.
    pub gone: u64,
    /// Frames that were dropped when they were recorded.
    pub dropped: u64,
    /// Frames that never came from the sensor.
    pub missing: u64,
}

impl Found {
    fn nothing(name: CameraName) -> Self {
        Self {
            name,
            whole: 0,
            bytes: 0,
            damaged: 0,
            gone: 0,
            dropped: 0,
            missing: 0,
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// There is no index.
    NoIndex,
    /// The index has no head.
    NoHead,
    /// The index has no end: the recording was interrupted.
    NoEnd,
    /// A line of the index cannot be read.
    Line {
        /// Counted from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// Two lines name one file; the first counts.
    Twice {
        /// Which.
        file: FrameName,
    },
    /// A frame's file is gone.
    Gone {
        /// Which.
        file: FrameName,
    },
    /// A frame's file is not what it was when it was written.
    Damaged {
        /// Which.
        file: FrameName,
        /// How it differs.
        reason: String,
    },
    /// A whole frame has no line.
    NoLine {
        /// Which.
        file: FrameName,
    },
    /// A frame was never finished.
    Partial {
        /// Which.
        file: FrameName,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoIndex => write!(f, "there is no {}", index::FILE),
            Self::NoHead => write!(f, "{} has no head", index::FILE),
            Self::NoEnd => write!(f, "{} has no end: it was interrupted", index::FILE),
            Self::Line { number, reason } => write!(f, "{}:{number}: {reason}", index::FILE),
            Self::Twice { file } => write!(f, "{file}: two lines name it"),
            Self::Gone { file } => write!(f, "{file}: it is gone"),
            Self::Damaged { file, reason } => write!(f, "{file}: it is damaged: {reason}"),
            Self::NoLine { file } => write!(f, "{file}: it is whole, and has no line"),
            Self::Partial { file } => write!(f, "{file}{PARTIAL}: it was never finished"),
        }
    }
}

/// Why a recording cannot be looked at or mended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing of a recording in this directory.
    #[error(
        "{path} is no recording: there is neither {} nor a directory main or mount with frames in it",
        index::FILE, path = .0.display()
    )]
    NoRecording(PathBuf),
    /// It is being written.
    #[error("{path} is being written: stop it first, with: bayonet record --stop", path = .0.display())]
    Running(PathBuf),
    /// A later version wrote it.
    #[error("{path}: {problem}", path = path.display())]
    Later {
        /// Of the index.
        path: PathBuf,
        /// Which version.
        problem: Malformed,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| IoError::new(action, path, error).into()
}

/// Everything that was seen.
#[derive(Debug)]
pub struct Look {
    /// For people.
    pub report: Report,
    contents: Contents,
    /// Frames that are whole and have no line.
    unlisted: Vec<Entry>,
    /// Frames that are no longer what their lines say, gone ones included.
    spoilt: BTreeSet<FrameName>,
    /// Those of them whose files are there.
    damaged: BTreeSet<FrameName>,
    partial: Vec<FrameName>,
    /// Held, so that nobody else writes meanwhile.
    _lock: Option<Flock<File>>,
}

/// Looks at a recording; `progress` is told how many bytes of all have been read.
///
/// # Errors
/// [`Error`]; that files are gone or damaged is none.
pub fn look(directory: &Path, mut progress: impl FnMut(u64, u64)) -> Result<Look, Error> {
    // `.` and a trailing slash have no name.
    let directory = &fs::canonicalize(directory).map_err(io("look at", directory))?;
    let path = directory.join(index::FILE);
    let (contents, lock) = match open(&path) {
        Ok(file) => {
            let read = index::read(BufReader::new(&file)).map_err(io("read", &path))?;
            let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock);
            let lock = lock.map_err(|(_, errno)| match errno {
                Errno::EWOULDBLOCK => Error::Running(directory.clone()),
                _ => io("lock", &path)(errno.into()),
            })?;
            (Some(read), Some(lock))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
        Err(error) => return Err(io("open", &path)(error)),
    };
    let files = Files::list(directory)?;
    if contents.is_none() && files.whole.is_empty() && files.partial.is_empty() {
        return Err(Error::NoRecording(directory.clone()));
    }
    let no_index = contents.is_none();
    let contents = contents.unwrap_or_default();
    let later = |(_, problem): &(usize, Malformed)| matches!(problem, Malformed::Later(_));
    if let Some((_, problem)) = contents.damaged.iter().find(|damaged| later(damaged)) {
        let problem = problem.clone();
        return Err(Error::Later { path, problem });
    }
    let mut look = Look {
        report: Report {
            recording: name_of(directory),
            directory: directory.clone(),
            end: contents.end().map(|end| end.reason),
            cameras: Vec::new(),
            gaps: Vec::new(),
            problems: Vec::new(),
            mended: false,
        },
        contents,
        unlisted: Vec::new(),
        spoilt: BTreeSet::new(),
        damaged: BTreeSet::new(),
        partial: files.partial.clone(),
        _lock: lock,
    };
    look.index_problems(no_index);
    look.frames(&files, &mut progress)?;
    look.count();
    Ok(look)
}

fn name_of(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Look {
    fn index_problems(&mut self, no_index: bool) {
        let problems = &mut self.report.problems;
        if no_index {
            return problems.push(Problem::NoIndex);
        }
        if self.contents.head().is_none() {
            problems.push(Problem::NoHead);
        }
        problems.extend(self.contents.damaged.iter().map(|(number, problem)| {
            let (number, reason) = (*number, problem.to_string());
            Problem::Line { number, reason }
        }));
        if self.contents.end().is_none() {
            problems.push(Problem::NoEnd);
        }
    }

    /// Compares every file with its line.
    fn frames(&mut self, files: &Files, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let total = files.whole.values().sum();
        let mut done = 0;
        let directory = self.report.directory.clone();
        let mut seen = BTreeSet::new();
        let mut piece = vec![0; PIECE];
        for entry in self.contents.frames() {
            let file = entry.file;
            if !seen.insert(file) {
                self.report.problems.push(Problem::Twice { file });
                continue;
            }
            let Some(&bytes) = files.whole.get(&file) else {
                self.spoilt.insert(file);
                self.report.problems.push(Problem::Gone { file });
                continue;
            };
            let reason = if bytes == entry.bytes {
                let (crc32, _) = checksum(&directory, file, &mut piece)?;
                (crc32 != entry.crc32).then(|| "its checksum is another".to_owned())
            } else {
                let wanted = entry.bytes;
                Some(format!("it has {bytes} bytes instead of {wanted}"))
            };
            if let Some(reason) = reason {
                self.spoilt.insert(file);
                self.damaged.insert(file);
                self.report.problems.push(Problem::Damaged { file, reason });
            }
            done += bytes;
            progress(done, total);
        }
        for (&file, &bytes) in files.whole.iter().filter(|(file, _)| !seen.contains(file)) {
            let (crc32, begin) = checksum(&directory, file, &mut piece)?;
            if TIFF.contains(&&begin[..]) {
                self.unlisted.push(Entry {
                    camera: file.camera,
                    number: file.number,
                    sequence: None,
                    timestamp_ns: None,
                    file,
                    bytes,
                    crc32,
                });
                self.report.problems.push(Problem::NoLine { file });
            } else {
                self.damaged.insert(file);
                let reason = "it is no DNG file, and has no line".to_owned();
                self.report.problems.push(Problem::Damaged { file, reason });
            }
            done += bytes;
            progress(done, total);
        }
        let partial = self.partial.iter();
        let problems = partial.map(|&file| Problem::Partial { file });
        self.report.problems.extend(problems);
        Ok(())
    }

    fn count(&mut self) {
        let gaps = self.contents.lines.iter().filter_map(|line| match line {
            Line::Gap(gap) => Some(*gap),
            _ => None,
        });
        self.report.gaps = gaps.collect();
        let mut cameras = CameraName::ALL.map(Found::nothing);
        for entry in self.whole() {
            let camera = &mut cameras[entry.camera as usize];
            camera.whole += 1;
            camera.bytes += entry.bytes;
        }
        for file in &self.damaged {
            cameras[file.camera as usize].damaged += 1;
        }
        for file in self.spoilt.difference(&self.damaged) {
            cameras[file.camera as usize].gone += 1;
        }
        for gap in &self.report.gaps {
            let camera = &mut cameras[gap.camera as usize];
            match gap.cause {
                Cause::Sensor => camera.missing += u64::from(gap.frames),
                _ => camera.dropped += u64::from(gap.frames),
            }
        }
        let listed = self.contents.head().map_or(&[][..], |head| &head.cameras);
        let concerns = |found: &Found| {
            let listed = listed.iter().any(|camera| camera.camera == found.name);
            listed || *found != Found::nothing(found.name)
        };
        self.report.cameras = cameras.into_iter().filter(concerns).collect();
    }

    /// Frames that are whole, each once.
    fn whole(&self) -> impl Iterator<Item = &Entry> {
        let mut seen = BTreeSet::new();
        let listed = self.contents.frames();
        let listed = listed
            .filter(move |entry| seen.insert(entry.file) && !self.spoilt.contains(&entry.file));
        listed.chain(&self.unlisted)
    }
}

/// The files of a recording.
#[derive(Debug, Default)]
struct Files {
    /// Under a frame's name, with their lengths.
    whole: BTreeMap<FrameName, u64>,
    /// Never finished.
    partial: Vec<FrameName>,
}

impl Files {
    fn list(directory: &Path) -> Result<Self, Error> {
        let mut files = Self::default();
        for camera in CameraName::ALL {
            let path = directory.join(camera.as_str());
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(io("list", &path)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(io("list", &path))?;
                let metadata = entry.metadata().map_err(io("look at", &entry.path()))?;
                let name = format!("{camera}/{}", entry.file_name().to_string_lossy());
                // What else is there is nobody's business.
                if !metadata.is_file() {
                    continue;
                }
                if let Ok(frame) = name.parse() {
                    files.whole.insert(frame, metadata.len());
                } else if let Some(Ok(frame)) = name.strip_suffix(PARTIAL).map(str::parse) {
                    files.partial.push(frame);
                }
            }
        }
        files.partial.sort();
        Ok(files)
    }
}

/// A file's checksum, and its first four bytes.
fn checksum(
    directory: &Path,
    frame: FrameName,
    piece: &mut [u8],
) -> Result<(Crc32, Vec<u8>), Error> {
    let path = directory.join(frame.to_string());
    let mut read = || {
        let mut file = open(&path)?;
        let mut hasher = crc32fast::Hasher::new();
        let mut begin = Vec::new();
        loop {
            let length = file.read(piece)?;
            if length == 0 {
                return Ok((Crc32(hasher.finalize()), begin));
            }
            let rest = TIFF[0].len().saturating_sub(begin.len());
            begin.extend(&piece[..length.min(rest)]);
            hasher.update(&piece[..length]);
        }
    };
    read().map_err(io("read", &path))
}

#[cfg(test)]
mod tests;
