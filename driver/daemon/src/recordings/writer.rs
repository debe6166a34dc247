//! The thread that writes a recording: frames as files, whole or not at all, and the index behind them.
//!
//! Frames are taken in groups ([`GROUP`](super::queue::GROUP)). Each is written under a name that ends in `.part`, and its way to the medium begins at
//! once. When the whole group is on the medium (`fdatasync`, one wait for all of them), the files get their names, and
//! only then their lines are appended to the index. The names and the index themselves are synced once a second.
//!
//! What that costs, at most: `kill -9` loses what waited in the queue and the group that was being written; a power
//! cut besides that the names or lines of the last second, never a half file under a frame's name. A disk that is
//! slow to sync makes groups longer, not the queue. (`syncfs` would wait for everybody else's data too.)
//!
//! Nothing is allocated for a frame: buffers, paths and lines are used again.

use super::disk::{Disk, forget};
use super::index::{Crc32, End, Entry, FrameName, Line, append};
use super::queue::{Ending, Intake, Item, Next, Shared, Shot};
use super::store::milliseconds;
use crate::io_error::IoError;
use crate::report::RecordingEnd;
use nix::fcntl::Flock;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Ends the name of a file that is still being written.
pub(super) const PARTIAL: &str = ".part";
/// Between two syncs of names and index: what a power cut may cost.
const SYNC_PERIOD: Duration = Duration::from_secs(1);
/// Lines that a group has at most: its frames, and the gaps before them.
const BATCH: usize = 64;
/// A group's lines, in bytes, and more; longer ones are rare and allocate.
const LINES: usize = 32 << 10;
/// Room on the disk that the index has beyond its end, in bytes, so that a disk that somebody else fills to the last
/// byte cannot keep lines of frames that are there, and the end, out of it. Never less than two groups' lines.
const RESERVE: u64 = 256 << 10;

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The space that is to stay free would be used.
    #[error(
        "{directory} has {free} bytes free and {needed} are needed, with those that have to stay free; delete \
         recordings or lower recordings.minimum_free_mib", directory = directory.display()
    )]
    Full {
        directory: PathBuf,
        free: u64,
        needed: u64,
    },
    /// The system refused.
    #[error("{refused}{}", advice(&.refused.error))]
    Io {
        #[from]
        refused: IoError,
    },
}

impl Failure {
    /// The word for it.
    pub(super) fn reason(&self) -> RecordingEnd {
        match self {
            Self::Full { .. } => RecordingEnd::DiskFull,
            Self::Io { refused } => match refused.error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => RecordingEnd::DiskFull,
                _ => RecordingEnd::Storage,
            },
        }
    }
}

/// What an error of the disk means, and what to do.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; delete recordings, or record to a larger disk",
        io::ErrorKind::QuotaExceeded => "; the quota is used up: delete recordings",
        io::ErrorKind::ReadOnlyFilesystem => {
            "; the disk was made read-only, by somebody or because it fails: see dmesg"
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "; the recording's directory is gone: was it removed, or its disk taken out?"
        }
        _ => "; see dmesg, the disk may fail",
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |error| IoError::new(action, path, error).into()
}

/// Where a recording is written to.
#[derive(Debug)]
pub(super) struct Place {
    /// The recording's own directory.
    pub(super) directory: PathBuf,
    /// The index, which nobody else may write: the lock ends with its holder.
    pub(super) index: Flock<File>,
    /// Bytes that have to stay free.
    pub(super) minimum_free: u64,
}

/// A step of a group that has been taken.
#[derive(Debug)]
enum Step {
    /// A file that has no name yet.
    Written(Shot, u64, Crc32, File),
    /// A line of the index.
    Line(Line),
}

/// The writer.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) disk: Disk,
    place: Place,
    /// Length of the index, as far as it is whole.
    index_length: u64,
    /// Length to which the index can grow.
    reserved: u64,
    group: Vec<Step>,
    lines: Vec<u8>,
    /// The paths of a frame, without and with its name.
    partial: PathBuf,
    named: PathBuf,
    synced: Instant,
    /// Whether there is something to sync.
    dirty: bool,
    /// Whether the index ends in half a line.
    torn: bool,
}

impl Writer {
    /// For a place whose index has its head.
    pub(super) fn new(place: Place) -> io::Result<Self> {
        let index_length = place.index.metadata()?.len();
        let room = place.directory.as_os_str().len() + 64;
        Ok(Self {
            disk: Disk::default(),
            index_length,
            reserved: 0,
            group: Vec::with_capacity(BATCH),
            lines: Vec::with_capacity(LINES),
            partial: PathBuf::with_capacity(room),
            named: PathBuf::with_capacity(room),
            synced: Instant::now(),
            dirty: true,
            torn: false,
            place,
        })
    }

    /// Writes until the end.
    pub(super) fn run(mut self, shared: &Shared) -> End {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            match self.turn(shared, SYNC_PERIOD, &mut batch) {
                Ok(None) => {}
                Ok(Some(ending)) => return self.end(shared, ending, true),
                Err(failure) => {
                    log::error!("{}: {failure}", self.place.directory.display());
                    let ending = Ending {
                        reason: failure.reason(),
                        message: Some(failure.to_string()),
                        deadline: Instant::now(),
                    };
                    return self.end(shared, ending, false);
                }
            }
        }
    }

    /// Writes what comes next; the end, when it has come.
    pub(super) fn turn(
        &mut self,
        shared: &Shared,
        patience: Duration,
        batch: &mut Vec<Item>,
    ) -> Result<Option<Ending>, Failure> {
        match shared.next(patience, batch) {
            Next::Batch => self.write_batch(shared, batch)?,
            Next::Idle => {}
            Next::End(ending) => return Ok(Some(ending)),
        }
        if self.dirty && self.synced.elapsed() >= SYNC_PERIOD {
            self.sync_names(shared)?;
        }
        Ok(None)
    }

    fn write_batch(&mut self, shared: &Shared, batch: &mut Vec<Item>) -> Result<(), Failure> {
        let mut written = self.reserve();
        for item in batch.drain(..) {
            match item {
                Item::Line(line) => self.group.push(Step::Line(line)),
                Item::Frame(shot, frame) => {
                    if written.is_ok() {
                        written = self.write_frame(shared, shot, &frame);
                    }
                    if written.is_err() {
                        shared.lost(&shot);
                    }
                    shared.give(frame);
                }
            }
        }
        // What was written before the error is whole.
        let settled = self.settle(shared);
        written.and(settled)
    }

    /// Sees that the lines of this group and of the end will fit.
    fn reserve(&mut self) -> Result<(), Failure> {
        if self.reserved >= self.index_length + 2 * LINES as u64 {
            return Ok(());
        }
        let wanted = self.index_length + RESERVE;
        let index = &self.place.index;
        let reserved = self.disk.reserve(index, self.index_length, wanted);
        reserved.map_err(|error| io("keep room for", &self.index_path())(error))?;
        self.reserved = wanted;
        Ok(())
    }

    fn write_frame(&mut self, shared: &Shared, shot: Shot, frame: &[u8]) -> Result<(), Failure> {
        let bytes = frame.len() as u64;
        let directory = &self.place.directory;
        let free = self.disk.free_bytes(directory);
        let free = free.map_err(io("ask the free space of", directory))?;
        let needed = self.place.minimum_free.saturating_add(bytes);
        shared.free(free.saturating_sub(self.place.minimum_free));
        if free < needed {
            return Err(Failure::Full {
                directory: directory.clone(),
                free,
                needed,
            });
        }
        self.name(&shot);
        let path = &self.partial;
        let file = self.disk.create(path).map_err(io("make", path))?;
        if let Err(error) = self.disk.write(&file, frame) {
            // What cannot be removed is removed by the repair.
            let _ = self.disk.remove(path);
            return Err(io("write", path)(error));
        }
        forget(&file);
        let crc32 = Crc32::of(frame);
        self.group.push(Step::Written(shot, bytes, crc32, file));
        Ok(())
    }

    /// Waits until the group is on the medium, names its files, and appends its lines.
    fn settle(&mut self, shared: &Shared) -> Result<(), Failure> {
        let mut settled = Ok(());
        let mut good = self.group.len();
        for (i, step) in self.group.iter().enumerate() {
            if let Step::Written(shot, _, _, file) = step
                && let Err(error) = self.disk.sync(file)
            {
                let name = FrameName::from(shot);
                let path = self.place.directory.join(format!("{name}{PARTIAL}"));
                settled = Err(io("write to disk", &path)(error));
                good = i;
                break;
            }
        }
        self.lines.clear();
        let mut group = std::mem::take(&mut self.group);
        for (i, step) in group.drain(..).enumerate() {
            match step {
                Step::Line(line) => append(&mut self.lines, &line),
                Step::Written(shot, bytes, crc32, file) => {
                    self.name(&shot);
                    if settled.is_ok() || i < good {
                        let named = self.disk.rename(&self.partial, &self.named);
                        if let Err(error) = named {
                            settled = Err(io("name", &self.named)(error));
                            good = i;
                        }
                    }
                    if i >= good {
                        let _ = self.disk.remove(&self.partial);
                        shared.lost(&shot);
                        continue;
                    }
                    forget(&file);
                    shared.written(shot.camera, bytes);
                    append(&mut self.lines, &Line::Frame(entry(&shot, bytes, crc32)));
                }
            }
        }
        self.group = group;
        settled.and(self.append_lines())
    }

    fn append_lines(&mut self) -> Result<(), Failure> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.dirty = true;
        let index = &self.place.index;
        if self.torn {
            self.lines.insert(0, b'\n');
        }
        if let Err(error) = self.disk.write(index, &self.lines) {
            self.torn = self.disk.truncate(index, self.index_length).is_err();
            // It goes with what was behind the end.
            self.reserved = 0;
            return Err(io("write", &self.index_path())(error));
        }
        self.index_length += self.lines.len() as u64;
        if self.torn {
            // With the half of a line that stayed.
            let there = index.metadata();
            self.index_length = there
                .map_err(|error| io("look at", &self.index_path())(error))?
                .len();
        }
        self.torn = false;
        Ok(())
    }

    fn sync_names(&mut self, shared: &Shared) -> Result<(), Failure> {
        for camera in shared.cameras().into_iter().flatten() {
            self.named.clone_from(&self.place.directory);
            self.named.push(camera.as_str());
            let path = &self.named;
            let synced = self.disk.sync_directory(path);
            synced.map_err(io("write to disk", path))?;
        }
        let synced = self.disk.sync(&self.place.index);
        synced.map_err(|error| io("write to disk", &self.index_path())(error))?;
        self.synced = Instant::now();
        self.dirty = false;
        Ok(())
    }

    /// Writes the end, as far as it can be written; `sound` says that the disk did what it was told.
    fn end(mut self, shared: &Shared, ending: Ending, mut sound: bool) -> End {
        let mut lines = shared.close(|| ending.clone());
        let (cameras, duration) = shared.account();
        let late: u64 = lines.iter().map(lost_frames).sum();
        let message = ending.message.or_else(|| {
            (sound && late > 0)
                .then(|| format!("{late} frames did not reach the disk in the time that was left"))
        });
        let mut end = End {
            reason: ending.reason,
            message,
            duration_ms: milliseconds(duration),
            cameras,
        };
        loop {
            self.lines.clear();
            lines.iter().for_each(|line| append(&mut self.lines, line));
            append(&mut self.lines, &Line::End(end.clone()));
            let appended = self.append_lines();
            if appended.is_ok() {
                lines.clear();
            }
            match appended.and_then(|()| self.sync_names(shared)) {
                // Once more, with the reason; where two ends are there, the last one counts.
                Err(failure) if sound => {
                    sound = false;
                    log::error!("{}: {failure}", self.place.directory.display());
                    end.reason = failure.reason();
                    end.message = Some(failure.to_string());
                }
                _ => break,
            }
        }
        // Gives back what is reserved and not used; where it stays, it does no harm.
        if !self.torn {
            let _ = self.disk.truncate(&self.place.index, self.index_length);
        }
        end
    }

    fn name(&mut self, shot: &Shot) {
        let name = FrameName::from(shot);
        for (path, suffix) in [(&mut self.partial, PARTIAL), (&mut self.named, "")] {
            path.clone_from(&self.place.directory);
            // Texts in memory take what is written.
            let _ = write!(path.as_mut_os_string(), "/{name}{suffix}");
        }
    }

    fn index_path(&self) -> PathBuf {
        self.place.directory.join(super::index::FILE)
    }
}

impl From<&Shot> for FrameName {
    fn from(shot: &Shot) -> Self {
        let Shot { camera, number, .. } = *shot;
        Self { camera, number }
    }
}

fn entry(shot: &Shot, bytes: u64, crc32: Crc32) -> Entry {
    Entry {
        camera: shot.camera,
        number: shot.number,
        sequence: Some(shot.sequence),
        timestamp_ns: Some(shot.timestamp_ns),
        file: shot.into(),
        bytes,
        crc32,
    }
}

fn lost_frames(line: &Line) -> u64 {
    match line {
        Line::Gap(gap) if gap.cause == super::index::Cause::Storage => gap.frames.into(),
        _ => 0,
    }
}

/// Starts the thread; its end comes out of the channel.
pub(super) fn start(
    writer: Writer,
    intake: &Intake,
) -> io::Result<tokio::sync::oneshot::Receiver<End>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let shared = intake.shared();
    std::thread::Builder::new()
        .name("recorder".into())
        .stack_size(256 << 10)
        .spawn(move || {
            let end = writer.run(&shared);
            // Without an event loop nobody waits.
            let _ = sender.send(end);
        })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests;
