//! The event loop's insides: everything that `bayonetd` knows, and what it does when something happens.
//!
//! Whatever happens (a wire, a process's word, a finished job, a client's command, a deadline) is handed to one of
//! the methods here; then [`Hub::settle`] lets the machines act until they are quiet and publishes what has changed.
//! Nothing here waits.

mod clients;
mod recorder;
mod settle;
mod shots;
mod start;
mod status;
mod take;
mod unit;
mod viewing;
mod worker;

pub(crate) use start::Start;
pub(crate) use worker::Finished;

use crate::captures::Store;
use crate::command::{Answer, Refusal};
use crate::lens_file::LensFile;
use crate::memory::{Memory, MemoryFile};
use crate::process::Output;
use crate::recordings::index::End;
use crate::recordings::{self, Inlet, Recorder};
use crate::report::{CameraName, Capabilities, Capture, Event, Status, Values};
use crate::wire::Order;
use crate::wires::Wire;
use bayonet_core::lens::{Library, Profile};
use bayonet_core::mount;
use log::{info, warn};
use recorder::Running;
use shots::{Shot, Shots, Taken};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use unit::{Heard, Unit};

/// Events that a reader may be behind before it misses some.
const EVENTS_KEPT: usize = 256;

/// What the hub's own tasks tell it.
#[derive(Debug)]
pub(crate) enum Note {
    /// A client of a camera is gone.
    LeaseEnded(CameraName, u64),
    /// Pictures were written, or not.
    Stored(Result<Capture, Refusal>, Option<Answer<Capture>>),
    /// A recording's directory was made, or not.
    RecordingMade(Result<Recorder, Refusal>),
    /// A recording was written to its end; without one its thread has panicked.
    RecordingEnded(Option<End>),
}

/// Somebody who waits for a camera's capabilities.
enum Waiting {
    /// To read them.
    Capabilities(Answer<Capabilities>),
    /// To set controls by them.
    Controls(Values, Answer<Values>),
}

/// Everything.
pub(crate) struct Hub {
    units: Vec<Unit>,
    /// Why there is no mount, where there is none.
    no_mount: Option<String>,
    library: Arc<Library>,
    main_lens: Option<Profile>,
    store: Store,
    shutter: Vec<CameraName>,
    quality: u8,
    memory: Memory,
    memory_file: MemoryFile,
    lens_file: LensFile,
    shots: Shots,
    recordings: recordings::Store,
    inlet: Inlet,
    recording: Option<Running>,
    last_recording: u64,
    waiting: Vec<(CameraName, u64, Duration, Waiting)>,
    clients: u64,
    notes: mpsc::UnboundedSender<Note>,
    events: broadcast::Sender<Event>,
    published: Option<Status>,
    ending: bool,
}

impl Hub {
    /// A wire moved.
    pub(crate) fn wire(&mut self, now: Duration, wire: Wire) {
        let input = match wire {
            Wire::Presence(present) => mount::Input::Presence(present),
            Wire::Lens(pins) => mount::Input::LensPins(pins),
            Wire::Shutter => return self.shutter(now),
        };
        if let Some(unit) = self.unit(CameraName::Mount) {
            unit.machine.handle(now, input);
        }
    }

    /// A kernel job ended.
    pub(crate) fn finished(&mut self, now: Duration, finished: Finished) {
        if let Some(unit) = self.unit(finished.camera) {
            unit.machine.handle(now, mount::Input::Done(finished.done));
        }
    }

    /// A camera's process said something.
    pub(crate) fn output(&mut self, now: Duration, output: Output) {
        let camera = output.camera;
        let Some(unit) = self.unit(camera) else {
            return;
        };
        match unit.hear(now, output.process, output.word) {
            Heard::Nothing => {}
            Heard::Capabilities => self.capabilities_known(now, camera),
            Heard::Frame => self.order_stills(),
            Heard::Picture {
                id,
                bytes,
                raw,
                frame,
            } => {
                let taken = Taken {
                    camera,
                    bytes,
                    raw,
                    frame,
                };
                if let Some((id, shot)) = self.shots.picture(id, taken) {
                    self.release(now, id, &shot);
                    self.store(shot);
                }
            }
            Heard::NoPicture { id, reason } => {
                if let Some(shot) = self.shots.end(id) {
                    self.refuse_shot(now, id, shot, Refusal::Unavailable(reason));
                }
            }
            Heard::Recorded { id, number } => self.recorded(now, camera, id, number),
            Heard::RecordEnded { id, failed } => self.record_ended(now, camera, id, failed),
            Heard::Gone => {
                self.shots.process_gone(camera);
                self.record_process_gone(camera);
            }
        }
    }

    /// One of the hub's own tasks ended.
    pub(crate) fn note(&mut self, now: Duration, note: Note) {
        match note {
            Note::LeaseEnded(camera, client) => {
                if let Some(unit) = self.unit(camera) {
                    unit.unwant(now, client);
                }
            }
            Note::Stored(result, answer) => self.stored(result, answer),
            Note::RecordingMade(made) => self.recording_made(now, made),
            Note::RecordingEnded(end) => self.recording_ended(now, end),
        }
    }

    /// A deadline may have passed.
    pub(crate) fn time(&mut self, now: Duration) {
        for unit in &mut self.units {
            unit.time(now);
        }
        for (id, shot) in self.shots.expire(now) {
            let limit = shots::LIMIT.as_secs();
            let reason = match self.failure(&shot) {
                Some(failure) => format!("the pictures did not come within {limit} s: {failure}"),
                None => {
                    format!("the pictures did not come within {limit} s; see the camera's state")
                }
            };
            self.refuse_shot(now, id, shot, Refusal::TimedOut(reason));
        }
        self.expire_waiting(now);
    }

    /// Why the pictures of a capture do not come, if one of its cameras fails.
    fn failure(&self, shot: &Shot) -> Option<String> {
        let mut units = shot
            .request
            .cameras
            .iter()
            .filter_map(|&camera| self.find(camera));
        units.find_map(|unit| {
            Some(format!(
                "the {} camera: {}",
                unit.name,
                unit.report().reason?
            ))
        })
    }

    /// When [`Hub::time`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let units = self.units.iter().filter_map(Unit::next_deadline);
        let waiting = self.waiting.iter().map(|&(_, _, deadline, _)| deadline);
        let shots = self.shots.next_deadline();
        let recording = self.recording.as_ref().and_then(Running::next_deadline);
        units.chain(waiting).chain(shots).chain(recording).min()
    }

    /// Lets the machines act until they are quiet, then publishes what has changed.
    pub(crate) fn settle(&mut self, now: Duration) {
        let none = Values::new();
        for unit in &mut self.units {
            let controls = self.memory.controls.get(&unit.name);
            unit.settle(now, controls.unwrap_or(&none));
        }
        self.end_impossible(now);
        self.settle_recording(now);
        self.publish();
    }

    /// Begins the end: cameras are stopped, nothing new is begun.
    pub(crate) fn end(&mut self, now: Duration) {
        self.ending = true;
        self.end_recording();
        for unit in &mut self.units {
            unit.end(now);
        }
    }

    /// Whether the end has begun.
    pub(crate) fn ending(&self) -> bool {
        self.ending
    }

    /// Whether everything has ended.
    pub(crate) fn ended(&self) -> bool {
        self.ending && self.recording.is_none() && self.units.iter().all(Unit::idle)
    }

    fn unit(&mut self, camera: CameraName) -> Option<&mut Unit> {
        self.units.iter_mut().find(|unit| unit.name == camera)
    }

    fn find(&self, camera: CameraName) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.name == camera)
    }

    fn order_stills(&mut self) {
        let Self { units, shots, .. } = self;
        let find = |camera| units.iter().find(move |unit: &&Unit| unit.name == camera);
        let orders = shots.orders(|camera| find(camera)?.settled());
        for still in orders {
            if let Some(unit) = self.unit(still.camera) {
                unit.order(Order::Still {
                    id: still.id,
                    encoding: still.encoding,
                    raw: still.raw,
                    place: still.place,
                    not_before_ns: still.not_before_ns,
                });
            }
        }
    }

    /// The cameras of a capture are wanted by it no longer.
    fn release(&mut self, now: Duration, id: u64, shot: &Shot) {
        for &camera in &shot.request.cameras {
            if let Some(unit) = self.unit(camera) {
                unit.unwant(now, shot_client(id));
            }
        }
    }

    fn refuse_shot(&mut self, now: Duration, id: u64, shot: Shot, refusal: Refusal) {
        self.release(now, id, &shot);
        self.stored(Err(refusal), shot.answer);
    }

    fn stored(&mut self, result: Result<Capture, Refusal>, answer: Option<Answer<Capture>>) {
        match &result {
            Ok(capture) => self.tell(Event::Capture(capture.clone())),
            Err(refusal) => {
                warn!("no picture: {refusal}");
                if answer.is_none() {
                    let reason = refusal.to_string();
                    self.tell(Event::CaptureFailed { reason });
                }
            }
        }
        // Whoever asked may have gone; the pictures stay.
        if let Some(answer) = answer {
            let _ = answer.send(result);
        }
    }

    fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    fn publish(&mut self) {
        let status = self.status();
        let before = self.published.as_ref();
        let module_changed = before.is_none_or(|published| status.module != published.module);
        if let Some(published) = before {
            if module_changed {
                info!("module: {}", status::module_line(&status.module));
                self.tell(Event::Module(status.module.clone()));
            }
            for (now, before) in status.cameras.iter().zip(&published.cameras) {
                if status::changed(before, now) {
                    info!("{}: {}", now.name, status::camera_line(now));
                    self.tell(Event::Camera(now.clone()));
                }
            }
        }
        self.published = Some(status);
        self.memory_file.keep(&self.memory);
        let optics = self.optics();
        self.lens_file.tell(optics);
        // The lens on the mount is a part of the module; the main camera's never changes.
        if module_changed {
            self.tell_lenses();
        }
    }

    fn tell_lenses(&mut self) {
        for camera in CameraName::ALL {
            let lens = self.lens_tags(camera);
            if let Some(unit) = self.unit(camera) {
                unit.change_lens(lens);
            }
        }
    }
}

/// The number under which all who look at a camera want it together.
const VIEWERS: u64 = u64::MAX;

/// The number under which a capture wants its cameras: apart from those of clients.
fn shot_client(id: u64) -> u64 {
    id | 1 << 63
}

#[cfg(test)]
mod tests;
