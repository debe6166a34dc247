//! The directory of recordings: begun, listed, looked at, removed.
//!
//! Only names of the pattern of [`is_capture`] are seen, and only a recording's own files are removed. All of it waits
//! for the disk: call it from a thread that may.

use super::index::{self, Contents, End, FORMAT, FrameName, Head, HeadCamera, Line};
use super::queue::{Ending, Intake};
use super::repair::DAMAGED;
use super::writer::{PARTIAL, Place, Writer, start};
use crate::captures::{capture_name, free_bytes, is_capture};
use crate::command::Refusal;
use crate::io_error::IoError;
use crate::report::{CameraName, Lens, RecordedCamera, Recording, RecordingEnd, RecordingState};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;

/// Recordings that may begin in the same millisecond, one of which finds a name that is free.
const NAME_ATTEMPTS: u32 = 1000;
/// Who may read an index: everybody whom the directory lets in.
const MODE: u32 = 0o644;

/// A directory of recordings.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    minimum_free: u64,
    queue: usize,
}

/// What to record.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which cameras, main first.
    pub cameras: Vec<HeadCamera>,
    /// What is on the mount.
    pub lens: Option<Lens>,
    /// Frames of each camera at most.
    pub frames: Option<u32>,
}

/// A recording that is under way. Dropped, it ends.
#[derive(Debug)]
pub struct Recorder {
    name: String,
    directory: PathBuf,
    intake: Intake,
    ended: Option<oneshot::Receiver<End>>,
}

/// Why a recording was not begun, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such recording, or this is no name of one.
    #[error("there is no recording {0:?}; GET /v1/recordings lists what there is")]
    NoRecording(String),
    /// It is being written.
    #[error("{0} is being written; stop it first")]
    Running(String),
    /// Somebody has put something else into it.
    #[error("{} is no part of the recording; move it away first", .0.display())]
    Foreign(PathBuf),
    /// The disk is full, or would be.
    #[error(
        "{directory} has {free} bytes free, and {needed} have to stay free; delete recordings or lower \
         recordings.minimum_free_mib", directory = directory.display()
    )]
    Full {
        /// Of the recordings.
        directory: PathBuf,
        /// In bytes.
        free: u64,
        /// In bytes.
        needed: u64,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NoRecording(_) => Self::NotFound(error.to_string()),
            Error::Running(_) | Error::Foreign(_) => Self::Conflict(error.to_string()),
            Error::Full { .. } | Error::Io(_) => Self::Storage(error.to_string()),
        }
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| IoError::new(action, path, error).into()
}

impl Recorder {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The way in for frames.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Where its end comes out, once: when everything is written and the thread has ended.
    pub fn ended(&mut self) -> Option<oneshot::Receiver<End>> {
        self.ended.take()
    }

    /// How it stands.
    pub fn report(&self, state: RecordingState) -> Recording {
        let progress = self.intake.progress();
        Recording {
            name: self.name.clone(),
            state,
            end: None,
            reason: None,
            directory: self.directory.display().to_string(),
            duration_ms: Some(milliseconds(progress.duration)),
            cameras: progress.cameras,
            queue: Some(progress.queue),
            free_bytes: progress.free_bytes,
        }
    }

    /// How it ended.
    pub fn report_end(&self, end: End) -> Recording {
        ended(self.name.clone(), &self.directory, end)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.intake.end(Ending {
            reason: RecordingEnd::Shutdown,
            message: None,
            deadline: Instant::now(),
        });
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

fn ended(name: String, directory: &Path, end: End) -> Recording {
    Recording {
        name,
        state: RecordingState::Ended,
        end: Some(end.reason),
        reason: end.message,
        directory: directory.display().to_string(),
        duration_ms: Some(end.duration_ms),
        cameras: end.cameras,
        queue: None,
        free_bytes: None,
    }
}

impl Store {
    /// Takes a directory, which is made when it is needed. `minimum_free` bytes stay free; frames on their way to the
    /// disk use `queue` bytes of memory.
    pub fn new(directory: &Path, minimum_free: u64, queue: usize) -> Self {
        Self {
            directory: directory.into(),
            minimum_free,
            queue,
        }
    }

    /// Begins a recording with this number, which comes back with its frames.
    ///
    /// # Errors
    /// [`Error::Full`] and [`Error::Io`]; nothing is left then.
    pub fn start(&self, id: u64, begin: SystemTime, request: &Request) -> Result<Recorder, Error> {
        let root = &self.directory;
        fs::create_dir_all(root).map_err(io("make", root))?;
        let free = free_bytes(root).map_err(io("ask the free space of", root))?;
        if free < self.minimum_free {
            return Err(Error::Full {
                directory: root.clone(),
                free,
                needed: self.minimum_free,
            });
        }
        let (name, place) = self.prepare(begin, request)?;
        let directory = place.directory.clone();
        let begun = || -> Result<_, Error> {
            let writer = Writer::new(place).map_err(io("look at", &directory))?;
            let cameras: Vec<_> = request.cameras.iter().map(|it| it.camera).collect();
            let intake = Intake::new(id, &cameras, self.queue, request.frames);
            intake.shared().free(free - self.minimum_free);
            let ended = start(writer, &intake).map_err(io("start a thread for", &directory))?;
            Ok((intake, ended))
        };
        let (intake, ended) = begun().inspect_err(|_| drop(remove_parts(&directory)))?;
        Ok(Recorder {
            name,
            directory,
            intake,
            ended: Some(ended),
        })
    }

    /// Makes a recording's directory with what is in it at the start; the recording's name.
    pub(super) fn prepare(
        &self,
        begin: SystemTime,
        request: &Request,
    ) -> Result<(String, Place), Error> {
        let (name, directory) = self.make(begin)?;
        let begun = self.begin(&name, &directory, request);
        // As far as it came; what cannot be removed is told by the error already.
        let place = begun.inspect_err(|_| drop(remove_parts(&directory)))?;
        Ok((name, place))
    }

    /// Makes a directory of the time, or of the next millisecond that no recording has yet.
    fn make(&self, begin: SystemTime) -> Result<(String, PathBuf), Error> {
        let root = &self.directory;
        for later in 0..NAME_ATTEMPTS {
            let name = capture_name(begin + Duration::from_millis(later.into()));
            let directory = root.join(&name);
            match fs::create_dir(&directory) {
                Ok(()) => return Ok((name, directory)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("make", &directory)(error)),
            }
        }
        Err(io("find a free name in", root)(
            io::ErrorKind::AlreadyExists.into(),
        ))
    }

    /// Makes what is in a recording at its start, and sees that it would survive a power cut.
    fn begin(&self, name: &str, directory: &Path, request: &Request) -> Result<Place, Error> {
        for camera in &request.cameras {
            let path = directory.join(camera.camera.as_str());
            fs::create_dir(&path).map_err(io("make", &path))?;
        }
        let path = directory.join(index::FILE);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(MODE)
            .open(&path)
            .map_err(io("make", &path))?;
        let index = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| io("lock", &path)(errno.into()))?;
        let mut head = Vec::new();
        let line = Line::Head(Head {
            format: FORMAT,
            recording: name.into(),
            bayonetd: env!("CARGO_PKG_VERSION").into(),
            cameras: request.cameras.clone(),
            lens: request.lens.clone(),
        });
        index::append(&mut head, &line);
        let mut file = &*index;
        file.write_all(&head)
            .and_then(|()| file.sync_all())
            .map_err(io("write", &path))?;
        for path in [directory, &self.directory] {
            let synced = File::open(path).and_then(|directory| directory.sync_all());
            synced.map_err(io("write to disk", path))?;
        }
        Ok(Place {
            directory: directory.into(),
            index,
            minimum_free: self.minimum_free,
        })
    }

    /// Every recording, oldest first. One that is under way looks interrupted from here.
    pub fn list(&self) -> Result<Vec<Recording>, Error> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("list", &self.directory)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("list", &self.directory))?;
            names.extend(entry.file_name().into_string().ok());
        }
        names.retain(|name| is_capture(name));
        names.sort();
        // One that was removed meanwhile is not there.
        Ok(names
            .iter()
            .filter_map(|name| self.show(name).ok())
            .collect())
    }

    /// One recording. One that is under way looks interrupted from here.
    ///
    /// # Errors
    /// [`Error::NoRecording`].
    pub fn show(&self, name: &str) -> Result<Recording, Error> {
        let directory = self.find(name)?;
        let interrupted = |contents: &Contents, reason: String| Recording {
            name: name.into(),
            state: RecordingState::Interrupted,
            end: None,
            reason: Some(reason),
            directory: directory.display().to_string(),
            duration_ms: None,
            cameras: counts(contents),
            queue: None,
            free_bytes: None,
        };
        let mend = format!(
            "mend it with: bayonet record --repair {}",
            directory.display()
        );
        let path = directory.join(index::FILE);
        let looked = last_line(&path).and_then(|last| match last {
            Some(Line::End(end)) => Ok(ended(name.into(), &directory, end)),
            _ => {
                let contents = index::read(BufReader::new(open(&path)?))?;
                Ok(interrupted(&contents, format!("it has no end; {mend}")))
            }
        });
        Ok(looked.unwrap_or_else(|error| {
            let reason = format!("its index cannot be read: {error}; {mend}");
            interrupted(&Contents::default(), reason)
        }))
    }

    /// Removes a recording, if it is not being written and nobody has put anything else into it.
    ///
    /// # Errors
    /// [`Error::NoRecording`], [`Error::Running`], [`Error::Foreign`], [`Error::Io`].
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let directory = self.find(name)?;
        let path = directory.join(index::FILE);
        // Held until everything is gone: nothing is mended meanwhile.
        let _lock = match open(&path) {
            Ok(file) => match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => Some(lock),
                Err((_, Errno::EWOULDBLOCK)) => return Err(Error::Running(name.into())),
                Err((_, errno)) => return Err(io("lock", &path)(errno.into())),
            },
            Err(_) => None,
        };
        if let Some(foreign) = foreign(&directory).map_err(io("list", &directory))? {
            return Err(Error::Foreign(foreign));
        }
        remove_parts(&directory).map_err(io("remove", &directory))
    }

    fn find(&self, name: &str) -> Result<PathBuf, Error> {
        let directory = self.directory.join(name);
        let there = is_capture(name)
            && fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir());
        there
            .then_some(directory)
            .ok_or_else(|| Error::NoRecording(name.into()))
    }
}

/// Opens a file to be read; no link is followed.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
}

/// The last line of an index, where it can be read.
fn last_line(path: &Path) -> io::Result<Option<Line>> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    let tail = length.min(index::LINE_LIMIT as u64);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut text = Vec::new();
    file.take(tail).read_to_end(&mut text)?;
    let whole = text.strip_suffix(b"\n").unwrap_or_default();
    let begin = whole.iter().rposition(|&byte| byte == b'\n');
    let line = &whole[begin.map_or(0, |begin| begin + 1)..];
    Ok(index::parse_line(line).ok())
}

/// What an index without an end says that there is.
pub(super) fn counts(contents: &Contents) -> Vec<RecordedCamera> {
    let named = contents.head().map_or(&[][..], |head| &head.cameras);
    let mut cameras: Vec<CameraName> = named.iter().map(|it| it.camera).collect();
    cameras.extend(contents.frames().map(|entry| entry.camera));
    cameras.sort();
    cameras.dedup();
    let count = |name| {
        let frames = || contents.frames().filter(move |entry| entry.camera == name);
        let gaps = |sensor: bool| {
            let gaps = contents.lines.iter().filter_map(move |line| match line {
                Line::Gap(gap) if gap.camera == name => Some(gap),
                _ => None,
            });
            gaps.filter(|gap| (gap.cause == index::Cause::Sensor) == sensor)
                .map(|gap| u64::from(gap.frames))
                .sum()
        };
        RecordedCamera {
            name,
            written: frames().count() as u64,
            dropped: gaps(false),
            missing: gaps(true),
            bytes: frames().map(|entry| entry.bytes).sum(),
        }
    };
    cameras.into_iter().map(count).collect()
}

/// What is in a recording and does not belong there.
fn foreign(directory: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().unwrap_or_default();
        if camera_of(name).is_some() && entry.file_type()?.is_dir() {
            for file in fs::read_dir(&path)? {
                let file = file?;
                let within = format!("{name}/{}", file.file_name().to_string_lossy());
                let frame = [PARTIAL, DAMAGED]
                    .into_iter()
                    .find_map(|suffix| within.strip_suffix(suffix))
                    .unwrap_or(&within);
                if frame.parse::<FrameName>().is_err() || !file.file_type()?.is_file() {
                    return Ok(Some(file.path()));
                }
            }
        } else if name.strip_suffix(PARTIAL).unwrap_or(name) != index::FILE {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn camera_of(name: &str) -> Option<CameraName> {
    CameraName::ALL
        .into_iter()
        .find(|camera| camera.as_str() == name)
}

/// Removes a recording; its index last, so that one that is left half-removed is still a recording.
fn remove_parts(directory: &Path) -> io::Result<()> {
    let gone = |done: io::Result<()>| match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    };
    for camera in CameraName::ALL {
        gone(fs::remove_dir_all(directory.join(camera.as_str())))?;
    }
    gone(fs::remove_file(
        directory.join(format!("{}{PARTIAL}", index::FILE)),
    ))?;
    gone(fs::remove_file(directory.join(index::FILE)))?;
    gone(fs::remove_dir(directory))
}

#[cfg(test)]
mod tests;
