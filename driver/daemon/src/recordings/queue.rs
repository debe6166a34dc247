//! Frames on their way from the cameras to the disk: a queue that never waits and never grows beyond its limit.
//!
//! Whoever has a frame asks for room first ([`Intake::room`]), fills the buffer, and gives it back
//! ([`Intake::try_write`]). Where there is no room, the frame is dropped and counted at once; a slow disk costs frames,
//! not memory and not the cameras' time. The count of frames that are not there goes into the index before the next
//! one that is.
//!
//! Each camera's frames come in the order of their numbers, with a number for each raw frame whether it comes or not.

use super::index::{Cause, Gap, Line};
use super::pool::Pool;
use crate::report::{CameraName, RecordedCamera, RecordingEnd, RecordingQueue, Stream};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frames and other lines of the index that may wait. Frames wait for their bytes long before this.
const ITEMS: usize = 1024;
/// Frames that are written together. More would make a crash cost more, fewer a slow disk slower: it is waited for
/// once for all of them.
pub(super) const GROUP: usize = 8;

/// Which frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// Of which camera.
    pub camera: CameraName,
    /// Counts this camera's raw frames in this recording from 1.
    pub number: u32,
    /// Number given by the receiver.
    pub sequence: u32,
    /// Start of exposure of the first line, nanoseconds of `CLOCK_BOOTTIME`.
    pub timestamp_ns: u64,
}

/// What is to be written.
#[derive(Debug)]
pub(super) enum Item {
    /// A file.
    Frame(Shot, Vec<u8>),
    /// A line of the index.
    Line(Line),
}

/// The way in, for whoever has frames. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    id: u64,
    shared: Arc<Shared>,
}

/// How a recording stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What was written and what was not.
    pub cameras: Vec<RecordedCamera>,
    /// What waits for the disk.
    pub queue: RecordingQueue,
    /// From the first frame on.
    pub duration: Duration,
    /// Bytes that may still be written, as of the last look.
    pub free_bytes: Option<u64>,
}

/// Why and until when a recording ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// In one word.
    pub reason: RecordingEnd,
    /// For people, where the word does not say everything.
    pub message: Option<String>,
    /// What waits is written until then.
    pub deadline: Instant,
}

/// What both ends of the queue see.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    pool: Pool,
    queue: VecDeque<Item>,
    frames: u64,
    cameras: Vec<Camera>,
    /// Frames of each camera at most.
    limit: Option<u32>,
    begun: Option<Instant>,
    ended: Option<Instant>,
    free_bytes: Option<u64>,
    ending: Option<Ending>,
}

/// One camera's side.
#[derive(Debug)]
struct Camera {
    told: RecordedCamera,
    accepted: u32,
    last_number: u32,
    last_sequence: Option<u32>,
    /// Frames that are not there since the last one that is: after which number, and how many, by [`Cause`].
    gaps: [(u32, u32); Cause::ALL.len()],
}

impl Camera {
    fn new(name: CameraName) -> Self {
        Self {
            told: RecordedCamera {
                name,
                written: 0,
                dropped: 0,
                missing: 0,
                bytes: 0,
            },
            accepted: 0,
            last_number: 0,
            last_sequence: None,
            gaps: [(0, 0); Cause::ALL.len()],
        }
    }

    /// Frames are not there, after the one with this number.
    fn gap(&mut self, cause: Cause, after: u32, frames: u32) {
        let (begin, count) = &mut self.gaps[cause as usize];
        if *count == 0 {
            *begin = after;
        }
        *count = count.saturating_add(frames);
        match cause {
            Cause::Sensor => self.told.missing += u64::from(frames),
            _ => self.told.dropped += u64::from(frames),
        }
    }

    /// Looks at a frame's numbers; false where they are not in order.
    fn tell(&mut self, shot: &Shot) -> bool {
        if shot.number <= self.last_number {
            return false;
        }
        if let Some(last) = self.last_sequence.replace(shot.sequence) {
            let missing = shot.sequence.wrapping_sub(last).saturating_sub(1);
            // One that goes back is another count, not two thousand million frames.
            if (1..u32::MAX / 2).contains(&missing) {
                self.gap(Cause::Sensor, self.last_number, missing);
            }
        }
        self.last_number = shot.number;
        true
    }

    fn take_gaps(&mut self) -> impl Iterator<Item = Gap> {
        let camera = self.told.name;
        let gaps = std::mem::replace(&mut self.gaps, [(0, 0); Cause::ALL.len()]);
        let gaps = gaps.into_iter().zip(Cause::ALL);
        gaps.filter(|((_, frames), _)| *frames > 0)
            .map(move |((after, frames), cause)| Gap {
                camera,
                after,
                frames,
                cause,
            })
    }
}

impl State {
    fn camera(&mut self, name: CameraName) -> Option<&mut Camera> {
        self.cameras
            .iter_mut()
            .find(|camera| camera.told.name == name)
    }

    /// The camera, while its frames are taken in.
    fn open(&mut self, name: CameraName) -> Option<&mut Camera> {
        let limit = self.limit;
        if self.ending.is_some() {
            return None;
        }
        self.camera(name)
            .filter(|camera| limit.is_none_or(|limit| camera.accepted < limit))
    }

    /// Room for a frame, after the gaps before it and with a line or two to spare.
    fn has_place(&self) -> bool {
        self.queue.len() + Cause::ALL.len() + 2 < ITEMS
    }

    fn progress(&self) -> Progress {
        let now = self.ended.unwrap_or_else(Instant::now);
        let since = |begun| now.saturating_duration_since(begun);
        Progress {
            cameras: self.cameras.iter().map(|camera| camera.told).collect(),
            queue: RecordingQueue {
                frames: self.frames,
                bytes: self.pool.in_use() as u64,
                limit_bytes: self.pool.limit() as u64,
            },
            duration: self.begun.map_or(Duration::ZERO, since),
            free_bytes: self.free_bytes,
        }
    }

    fn push_gaps(&mut self, name: CameraName) {
        let Some(camera) = self.cameras.iter_mut().find(|it| it.told.name == name) else {
            return;
        };
        let gaps = camera.take_gaps();
        self.queue.extend(gaps.map(Line::Gap).map(Item::Line));
    }
}

impl Intake {
    /// A queue of `limit` bytes for frames of these cameras, at most `frames` of each.
    pub(super) fn new(id: u64, cameras: &[CameraName], limit: usize, frames: Option<u32>) -> Self {
        let state = State {
            pool: Pool::new(limit),
            queue: VecDeque::with_capacity(ITEMS),
            frames: 0,
            cameras: cameras.iter().copied().map(Camera::new).collect(),
            limit: frames,
            begun: None,
            ended: None,
            free_bytes: None,
            ending: None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        Self { id, shared }
    }

    /// Number of the recording, which comes back with its frames.
    pub fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// A camera's raw frames begin.
    pub fn stream(&self, camera: CameraName, stream: Stream) {
        let mut state = self.shared.lock();
        let Some(begins) = state.open(camera) else {
            return;
        };
        begins.last_sequence = None;
        self.push_line(state, camera, Line::Stream { camera, stream });
    }

    /// A camera went away.
    pub fn gone(&self, camera: CameraName, reason: String) {
        let mut state = self.shared.lock();
        if state.open(camera).is_some() {
            self.push_line(state, camera, Line::Gone { camera, reason });
        }
    }

    fn push_line(&self, mut state: MutexGuard<'_, State>, camera: CameraName, line: Line) {
        // A camera that comes and goes while the disk hangs costs its lines, not memory.
        if state.has_place() {
            state.push_gaps(camera);
            state.queue.push_back(Item::Line(line));
            self.shared.changed.notify_all();
        }
    }

    /// A buffer for a frame of so many bytes, to be filled and given to [`Intake::try_write`]. Without one the frame
    /// is dropped, and counted already; its bytes are to be passed over.
    pub fn room(&self, shot: &Shot, bytes: u64) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        let has_place = state.has_place();
        let limit = state.pool.limit();
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let camera = state.open(shot.camera)?;
        let after = shot.number.saturating_sub(1);
        if !camera.tell(shot) {
            let last = camera.last_number;
            camera.gap(Cause::Transfer, last, 1);
            return None;
        }
        if bytes > limit {
            camera.gap(Cause::Transfer, after, 1);
            return None;
        }
        let buffer = has_place.then(|| state.pool.take(bytes)).flatten();
        if buffer.is_none()
            && let Some(camera) = state.camera(shot.camera)
        {
            camera.gap(Cause::Queue, after, 1);
        }
        buffer
    }

    /// Queues a frame; never waits. One that comes after the end is passed over.
    pub fn try_write(&self, shot: Shot, frame: Vec<u8>) {
        let mut state = self.shared.lock();
        let Some(camera) = state.open(shot.camera) else {
            return state.pool.give(frame);
        };
        camera.accepted += 1;
        state.begun.get_or_insert_with(Instant::now);
        state.push_gaps(shot.camera);
        state.queue.push_back(Item::Frame(shot, frame));
        state.frames += 1;
        self.shared.changed.notify_all();
    }

    /// A frame for which there was room came in part only.
    pub fn cut(&self, shot: &Shot, buffer: Vec<u8>) {
        let mut state = self.shared.lock();
        state.pool.give(buffer);
        if let Some(camera) = state.open(shot.camera) {
            camera.gap(Cause::Transfer, shot.number.saturating_sub(1), 1);
        }
    }

    /// The camera's process had no encoder for a frame.
    pub fn dropped(&self, shot: &Shot) {
        let mut state = self.shared.lock();
        if let Some(camera) = state.open(shot.camera) {
            let after = if camera.tell(shot) {
                shot.number.saturating_sub(1)
            } else {
                camera.last_number
            };
            camera.gap(Cause::Encoder, after, 1);
        }
    }

    /// Whether a camera has as many frames as were asked for.
    pub fn complete(&self, camera: CameraName) -> bool {
        let mut state = self.shared.lock();
        let limit = state.limit;
        let accepted = state.camera(camera).map(|camera| camera.accepted);
        limit.is_some_and(|limit| accepted.is_some_and(|accepted| accepted >= limit))
    }

    /// When the first frame came.
    pub fn begun(&self) -> Option<Instant> {
        self.shared.lock().begun
    }

    /// How it stands.
    pub fn progress(&self) -> Progress {
        self.shared.lock().progress()
    }

    /// Ends the recording: nothing more is taken in, what waits is written. A second end changes nothing but the
    /// deadline, to an earlier one.
    pub fn end(&self, ending: Ending) {
        let mut state = self.shared.lock();
        state.ended.get_or_insert_with(Instant::now);
        match &mut state.ending {
            Some(already) => already.deadline = already.deadline.min(ending.deadline),
            none => *none = Some(ending),
        }
        self.shared.changed.notify_all();
    }
}

/// What the writer is to do next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// Write the batch.
    Batch,
    /// Nothing has come for a while.
    Idle,
    /// Everything is written, or its time is over: the end.
    End(Ending),
}

/// The writer's end.
impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked had changed a count at most.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to write, at most `patience`; moves the next frames and lines into `batch`.
    pub(super) fn next(&self, patience: Duration, batch: &mut Vec<Item>) -> Next {
        let mut state = self.lock();
        if state.queue.is_empty() && state.ending.is_none() {
            let waited = self.changed.wait_timeout(state, patience);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(ending) = &state.ending
            && (state.queue.is_empty() || ending.deadline <= Instant::now())
        {
            return Next::End(ending.clone());
        }
        let mut frames = 0;
        while frames < GROUP && batch.len() < batch.capacity() {
            let Some(item) = state.queue.pop_front() else {
                break;
            };
            frames += usize::from(matches!(item, Item::Frame(..)));
            batch.push(item);
        }
        if batch.is_empty() {
            Next::Idle
        } else {
            Next::Batch
        }
    }

    /// Takes the buffer of a frame back, whatever became of the frame.
    pub(super) fn give(&self, buffer: Vec<u8>) {
        let mut state = self.lock();
        state.frames = state.frames.saturating_sub(1);
        state.pool.give(buffer);
    }

    /// A frame is on the disk.
    pub(super) fn written(&self, camera: CameraName, bytes: u64) {
        if let Some(camera) = self.lock().camera(camera) {
            camera.told.written += 1;
            camera.told.bytes += bytes;
        }
    }

    /// A frame will not be on the disk.
    pub(super) fn lost(&self, shot: &Shot) {
        if let Some(camera) = self.lock().camera(shot.camera) {
            camera.gap(Cause::Storage, shot.number.saturating_sub(1), 1);
        }
    }

    /// Which cameras.
    pub(super) fn cameras(&self) -> [Option<CameraName>; CameraName::ALL.len()] {
        let state = self.lock();
        CameraName::ALL.map(|name| {
            let recorded = state.cameras.iter().any(|camera| camera.told.name == name);
            recorded.then_some(name)
        })
    }

    /// What was written and what was not, and the time that it took.
    pub(super) fn account(&self) -> (Vec<RecordedCamera>, Duration) {
        let progress = self.lock().progress();
        (progress.cameras, progress.duration)
    }

    /// So many bytes may still be written.
    pub(super) fn free(&self, bytes: u64) {
        self.lock().free_bytes = Some(bytes);
    }

    /// Takes nothing in any more and forgets what waits; the lines that the index lacks.
    pub(super) fn close(&self, ending: impl FnOnce() -> Ending) -> Vec<Line> {
        let mut state = self.lock();
        state.ended.get_or_insert_with(Instant::now);
        state.ending.get_or_insert_with(ending);
        let mut lines = Vec::new();
        while let Some(item) = state.queue.pop_front() {
            match item {
                Item::Line(line) => lines.push(line),
                Item::Frame(shot, buffer) => {
                    state.frames = state.frames.saturating_sub(1);
                    state.pool.give(buffer);
                    if let Some(camera) = state.camera(shot.camera) {
                        camera.gap(Cause::Storage, shot.number.saturating_sub(1), 1);
                    }
                }
            }
        }
        let gaps = state.cameras.iter_mut().flat_map(Camera::take_gaps);
        lines.extend(gaps.map(Line::Gap));
        lines
    }
}

#[cfg(test)]
mod tests;
