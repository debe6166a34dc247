//! The recording that is under way: begun and ended for clients, with the cameras told and its counts published.
//!
//! Frames do not come this way: the readers of the camera processes hand them to the recording's queue
//! ([`crate::recordings`]). Here only their numbers arrive.

use super::take::{Act, Standing, Take};
use super::unit::Want;
use super::{Hub, Note};
use crate::command::{Answer, RecordRequest, Refusal};
use crate::recordings::index::{End, HeadCamera};
use crate::recordings::{self, Ending, Recorder};
use crate::report::{
    CameraName, CameraState, Event, LensState, Recording, RecordingEnd, RecordingState,
};
use crate::wire::{Compression, Order, Place, StreamRequest};
use log::{error, info};
use std::time::{Duration, Instant, SystemTime};

/// The number under which a recording wants its cameras: apart from those of clients and captures.
const CLIENT: u64 = 1 << 62;
/// Between two events that tell how a recording stands.
const TELL_PERIOD: Duration = Duration::from_millis(500);
/// How long what waits for the disk may take at the end of a recording: enough for a full queue on a slow card.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
/// The same when `bayonetd` ends, which all in all may take 1.9 s.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// A recording.
#[derive(Debug)]
pub(super) struct Running {
    id: u64,
    cameras: Vec<CameraName>,
    compression: Compression,
    place: Option<Place>,
    take: Take,
    /// None while its directory is being made.
    recorder: Option<Recorder>,
    state: RecordingState,
    /// Who waits for its beginning.
    begun: Option<Answer<Recording>>,
    /// Who waits for its end.
    stopped: Vec<Answer<Recording>>,
    /// When it is told next.
    tell: Option<Duration>,
}

impl Running {
    /// How it stands, once its directory is there.
    pub(super) fn report(&self) -> Option<Recording> {
        Some(self.recorder.as_ref()?.report(self.state))
    }

    /// When something is to be done.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let take = self.recorder.as_ref().and(self.take.next_deadline());
        take.into_iter().chain(self.tell).min()
    }

    /// Takes nothing in any more, and writes what waits for at most so long.
    fn finish(&mut self, reason: RecordingEnd, message: Option<String>, limit: Duration) {
        self.state = RecordingState::Ending;
        if let Some(recorder) = &self.recorder {
            recorder.intake().end(Ending {
                reason,
                message,
                deadline: Instant::now() + limit,
            });
        }
    }
}

impl Hub {
    /// Begins a recording. Its directory is made in a thread: a disk can be slow.
    pub(super) fn record(
        &mut self,
        now: Duration,
        request: RecordRequest,
        answer: Answer<Recording>,
    ) {
        let made = match self.may_record(&request) {
            Ok(made) => made,
            // Whoever asked may have gone.
            Err(refusal) => return drop(answer.send(Err(refusal))),
        };
        self.last_recording += 1;
        let id = self.last_recording;
        let stream = stream_request(&request);
        let mut cameras = request.cameras;
        cameras.sort();
        for &camera in &cameras {
            if let Some(unit) = self.unit(camera) {
                unit.want(now, CLIENT, Want::Recording(stream.clone()));
            }
        }
        self.recording = Some(Running {
            id,
            take: Take::new(now, &cameras, request.duration),
            compression: request.compression,
            place: request.place,
            cameras,
            recorder: None,
            state: RecordingState::Recording,
            begun: Some(answer),
            stopped: Vec::new(),
            tell: None,
        });
        let (store, notes) = (self.recordings.clone(), self.notes.clone());
        tokio::task::spawn_blocking(move || {
            let started = store.start(id, SystemTime::now(), &made);
            // Without an event loop it ends at once.
            let _ = notes.send(Note::RecordingMade(started.map_err(Refusal::from)));
        });
    }

    fn may_record(&self, request: &RecordRequest) -> Result<recordings::Request, Refusal> {
        if self.ending {
            return Err(Refusal::Unavailable("bayonetd is ending".to_owned()));
        }
        if let Some(running) = &self.recording {
            let name = running.recorder.as_ref().map_or("one", Recorder::name);
            let message = format!("there is a recording already: {name}; stop it first");
            return Err(Refusal::Conflict(message));
        }
        let mut cameras = Vec::new();
        for &camera in &request.cameras {
            let unit = self.usable(camera)?;
            if unit.takes_full() {
                let message = format!(
                    "a picture of every pixel of the {camera} camera is being taken; try again when it is there"
                );
                return Err(Refusal::Conflict(message));
            }
            unit.check(&stream_request(request))?;
            if unit.streams_without_raw() {
                let message = format!(
                    "the {camera} camera streams for somebody without raw frames, and a recording would interrupt them: \
                     end the other clients first"
                );
                return Err(Refusal::Conflict(message));
            }
            let model = unit.model().to_owned();
            cameras.push(HeadCamera { camera, model });
        }
        cameras.sort_by_key(|camera| camera.camera);
        let lens = request.cameras.contains(&CameraName::Mount);
        let lens = lens.then(|| self.module().lens);
        Ok(recordings::Request {
            cameras,
            lens: lens.filter(|lens| lens.state != LensState::None),
            frames: request.frames,
        })
    }

    /// Its directory was made, or not.
    pub(super) fn recording_made(&mut self, now: Duration, made: Result<Recorder, Refusal>) {
        let Some(running) = &mut self.recording else {
            return;
        };
        let begun = running.begun.take();
        let told = match made {
            Ok(mut recorder) => {
                info!("recording {}", recorder.name());
                self.inlet.open(recorder.intake().clone());
                let (ended, notes) = (recorder.ended(), self.notes.clone());
                tokio::spawn(async move {
                    let end = match ended {
                        Some(ended) => ended.await.ok(),
                        None => None,
                    };
                    // Without an event loop nobody waits.
                    let _ = notes.send(Note::RecordingEnded(end));
                });
                let report = recorder.report(running.state);
                running.recorder = Some(recorder);
                running.tell = Some(now);
                if begun.as_ref().is_none_or(Answer::is_closed) {
                    let message = "whoever began it was gone before it had begun".to_owned();
                    running.take.end(now, RecordingEnd::Stopped, Some(message));
                }
                Ok(report)
            }
            Err(refusal) => Err(refusal),
        };
        if told.is_err() {
            self.release_cameras(now);
            self.recording = None;
        } else if self.ending {
            self.end_recording();
        }
        if let Some(begun) = begun {
            let _ = begun.send(told);
        }
    }

    /// A client ends it.
    pub(super) fn stop_recording(&mut self, now: Duration, name: &str, answer: Answer<Recording>) {
        let running = self.recording.as_mut().filter(|running| {
            let recorder = running.recorder.as_ref();
            recorder.is_some_and(|recorder| recorder.name() == name)
        });
        let Some(running) = running else {
            let message = format!("the recording {name} is not under way");
            return drop(answer.send(Err(Refusal::Conflict(message))));
        };
        running.take.end(now, RecordingEnd::Stopped, None);
        running.stopped.push(answer);
    }

    /// Everything ends, and the recording with it.
    pub(super) fn end_recording(&mut self) {
        if let Some(running) = &mut self.recording {
            running.finish(RecordingEnd::Shutdown, None, SHUTDOWN_LIMIT);
        }
    }

    /// A raw frame of a camera came, or was dropped.
    pub(super) fn recorded(&mut self, now: Duration, camera: CameraName, id: u64, number: u32) {
        let running = self.recording.as_mut().filter(|running| running.id == id);
        let Some(running) = running else { return };
        running.take.frame(now, camera, number);
        let recorder = running.recorder.as_ref();
        if recorder.is_some_and(|recorder| recorder.intake().complete(camera)) {
            running.take.complete(camera);
        }
    }

    /// A camera has told its last raw frame, or failed to make any.
    pub(super) fn record_ended(
        &mut self,
        now: Duration,
        camera: CameraName,
        id: u64,
        failed: Option<String>,
    ) {
        let running = self.recording.as_mut().filter(|running| running.id == id);
        let Some(running) = running else { return };
        running.take.ended(camera);
        if let Some(reason) = failed {
            let message = format!("the {camera} camera cannot be recorded: {reason}");
            running.take.end(now, RecordingEnd::Camera, Some(message));
        }
    }

    /// The process of a camera is gone; another one may come.
    pub(super) fn record_process_gone(&mut self, camera: CameraName) {
        let report = self.find(camera).map(|unit| unit.report());
        let Some(running) = &mut self.recording else {
            return;
        };
        if running.take.process_gone(camera)
            && let Some(recorder) = &running.recorder
        {
            let absent = |report: &crate::report::Camera| report.state == CameraState::Absent;
            let reason = if report.as_ref().is_some_and(absent) {
                "its sensor went away".to_owned()
            } else {
                let reason = report.and_then(|report| report.reason);
                reason.unwrap_or_else(|| "its process ended".to_owned())
            };
            recorder.intake().gone(camera, reason);
        }
    }

    /// Tells the cameras what to do, and clients how it stands.
    pub(super) fn settle_recording(&mut self, now: Duration) {
        let Self {
            recording, units, ..
        } = self;
        let Some(running) = recording.as_mut().filter(|it| it.recorder.is_some()) else {
            return;
        };
        if running.state == RecordingState::Recording {
            let standing = |camera| {
                let unit = units.iter().find(|unit| unit.name == camera);
                match unit.map(|unit| (unit.streams(), unit.report().state)) {
                    None | Some((_, CameraState::Absent)) => Standing::Absent,
                    Some((true, CameraState::Streaming | CameraState::Starting)) => {
                        Standing::Streams
                    }
                    Some(_) => Standing::There,
                }
            };
            for act in running.take.settle(now, standing) {
                self.act(now, act);
            }
        }
        self.tell_recording(now);
    }

    fn act(&mut self, now: Duration, act: Act) {
        let Some(running) = &mut self.recording else {
            return;
        };
        let id = running.id;
        let (camera, order) = match act {
            Act::Record(camera, first) => {
                let order = Order::Record {
                    id,
                    first,
                    compression: running.compression,
                    place: running.place,
                };
                (camera, order)
            }
            Act::EndRecord(camera) => (camera, Order::EndRecord { id }),
            Act::Finish(reason, message) => {
                running.finish(reason, message, WRITE_LIMIT);
                running.tell = Some(now);
                return self.release_cameras(now);
            }
        };
        if let Some(unit) = self.unit(camera) {
            unit.order(order);
        }
    }

    fn tell_recording(&mut self, now: Duration) {
        let Some(running) = &mut self.recording else {
            return;
        };
        if running.tell.is_some_and(|tell| tell <= now)
            && let Some(report) = running.report()
        {
            running.tell = Some(now + TELL_PERIOD);
            self.tell(Event::Recording(report));
        }
    }

    /// Everything of it is written, or cannot be.
    pub(super) fn recording_ended(&mut self, now: Duration, end: Option<End>) {
        self.inlet.close();
        self.release_cameras(now);
        let Some(mut running) = self.recording.take() else {
            return;
        };
        let Some(recorder) = &running.recorder else {
            return;
        };
        // Where the disk gave up first, the cameras still send.
        if running.state == RecordingState::Recording {
            let id = running.id;
            for &camera in &running.cameras {
                if let Some(unit) = self.unit(camera) {
                    unit.order(Order::EndRecord { id });
                }
            }
        }
        let end = end.unwrap_or_else(|| End {
            reason: RecordingEnd::Storage,
            message: Some("the recorder failed; the log of bayonetd says why".to_owned()),
            duration_ms: recorder.report(running.state).duration_ms.unwrap_or(0),
            cameras: recorder.report(running.state).cameras,
        });
        let report = recorder.report_end(end);
        match &report.reason {
            Some(reason) => error!("recording {} has ended: {reason}", report.name),
            None => info!("recording {} has ended", report.name),
        }
        for stopped in running.stopped.drain(..) {
            let _ = stopped.send(Ok(report.clone()));
        }
        self.tell(Event::Recording(report));
    }

    fn release_cameras(&mut self, now: Duration) {
        for unit in &mut self.units {
            unit.unwant(now, CLIENT);
        }
    }
}

/// The stream that is recorded.
fn stream_request(request: &RecordRequest) -> StreamRequest {
    StreamRequest {
        size: request.size,
        full: false,
        raw: true,
    }
}
