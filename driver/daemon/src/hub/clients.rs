//! What clients ask for: leases, controls, pictures, lenses.

use super::shots::{Shot, Taken};
use super::unit::{Unit, Want};
use super::{Hub, Note, Waiting, shot_client};
use crate::captures::Format;
use crate::command::{Answer, CaptureRequest, Command, Lease, Refusal, Views};
use crate::controls;
use crate::memory::NamedLens;
use crate::report::{
    CameraName, CameraState, Capabilities, Capture, Event, Module, Picture, Values,
};
use crate::wire::{Encoding, StreamRequest};
use bayonet_core::lens::LensPins;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;

/// Longest time for a camera's process to say what the camera can do.
const CAPABILITIES_LIMIT: Duration = Duration::from_secs(30);

impl Hub {
    /// Does what a client asks. A client that is gone before its answer is no concern.
    pub(crate) fn command(&mut self, now: Duration, command: Command) {
        match command {
            Command::Status(answer) => {
                let _ = answer.send(self.status());
            }
            Command::Subscribe(answer) => {
                let _ = answer.send((self.status(), self.events.subscribe()));
            }
            Command::Capabilities(camera, answer) => {
                self.capabilities(now, camera, Waiting::Capabilities(answer));
            }
            Command::Controls(camera, answer) => {
                let held = self.present(camera).map(|_| self.held(camera));
                let _ = answer.send(held);
            }
            Command::SetControls(camera, values, answer) => {
                self.capabilities(now, camera, Waiting::Controls(values, answer));
            }
            Command::Open(camera, request, answer) => {
                let _ = answer.send(self.open(now, camera, request));
            }
            Command::View(camera, seen, answer) => {
                let _ = answer.send(self.view(now, camera, seen));
            }
            Command::Capture(request, answer) => self.capture(now, request, Some(answer)),
            Command::Record(request, answer) => self.record(now, request, answer),
            Command::StopRecording(name, answer) => self.stop_recording(now, &name, answer),
            Command::AssignLens(lens, answer) => {
                let _ = answer.send(self.assign_lens(lens));
            }
        }
    }

    /// The shutter key went down.
    pub(super) fn shutter(&mut self, now: Duration) {
        self.tell(Event::Shutter);
        let there = |camera: &CameraName| self.usable(*camera).is_ok();
        // With no module plugged the key still takes the other picture.
        let cameras: Vec<CameraName> = self.shutter.iter().copied().filter(there).collect();
        if cameras.is_empty() {
            let reason = "the shutter key was pressed, but no camera is there".to_owned();
            return self.tell(Event::CaptureFailed { reason });
        }
        let quality = self.quality;
        let request = CaptureRequest {
            cameras,
            encoding: Encoding::Jpeg { quality },
            full: false,
            raw: None,
            place: None,
        };
        self.capture(now, request, None);
    }

    /// The camera, if the board has it at all.
    fn present(&self, camera: CameraName) -> Result<&Unit, Refusal> {
        self.find(camera).ok_or_else(|| {
            let reason = self
                .no_mount
                .as_deref()
                .unwrap_or("the device tree does not name it");
            Refusal::NotFound(format!("there is no {camera} camera: {reason}"))
        })
    }

    /// The camera, if its sensor is there now.
    pub(super) fn usable(&self, camera: CameraName) -> Result<&Unit, Refusal> {
        let unit = self.present(camera)?;
        let report = unit.report();
        if report.state == CameraState::Absent {
            let reason = report.reason.as_deref().unwrap_or("no module is plugged");
            return Err(Refusal::Unavailable(format!(
                "the {camera} camera is not there: {reason}"
            )));
        }
        Ok(unit)
    }

    fn held(&self, camera: CameraName) -> Values {
        self.memory
            .controls
            .get(&camera)
            .cloned()
            .unwrap_or_default()
    }

    fn open(
        &mut self,
        now: Duration,
        camera: CameraName,
        request: StreamRequest,
    ) -> Result<Lease, Refusal> {
        let unit = self.present(camera)?;
        unit.check(&request)?;
        let frames = unit.frames();
        self.clients += 1;
        let (client, notes) = (self.clients, self.notes.clone());
        if let Some(unit) = self.unit(camera) {
            unit.want(now, client, Want::Frames(request));
        }
        let (alive, gone) = oneshot::channel();
        tokio::spawn(async move {
            // Nothing is ever sent: it resolves when the lease is dropped.
            let _: Result<std::convert::Infallible, _> = gone.await;
            // Without an event loop nobody counts clients.
            let _ = notes.send(Note::LeaseEnded(camera, client));
        });
        Ok(Lease { frames, alive })
    }

    fn view(
        &mut self,
        now: Duration,
        camera: CameraName,
        seen: Option<u32>,
    ) -> Result<Views, Refusal> {
        let views = self.present(camera)?.views();
        if let Some(unit) = self.unit(camera) {
            unit.look(now, seen);
        }
        Ok(views)
    }

    /// Answers by a camera's capabilities: at once, or when its process has told them.
    fn capabilities(&mut self, now: Duration, camera: CameraName, waiting: Waiting) {
        let known = match self.present(camera) {
            Ok(unit) => unit.capabilities.clone(),
            Err(refusal) => return waiting.refuse(refusal),
        };
        if let Some(known) = known {
            return self.answer(camera, &known, waiting);
        }
        if let Err(refusal) = self.usable(camera) {
            return waiting.refuse(refusal);
        }
        self.clients += 1;
        let client = self.clients;
        if let Some(unit) = self.unit(camera) {
            unit.want(now, client, Want::Capabilities);
        }
        let deadline = now + CAPABILITIES_LIMIT;
        self.waiting.push((camera, client, deadline, waiting));
    }

    /// A camera's process has told what the camera can do.
    pub(super) fn capabilities_known(&mut self, now: Duration, camera: CameraName) {
        let known = self.unit(camera).and_then(|unit| unit.capabilities.clone());
        let Some(known) = known else { return };
        let waiting = std::mem::take(&mut self.waiting);
        for (asked, client, deadline, waiting) in waiting {
            if asked != camera {
                self.waiting.push((asked, client, deadline, waiting));
                continue;
            }
            self.answer(camera, &known, waiting);
            if let Some(unit) = self.unit(camera) {
                unit.unwant(now, client);
            }
        }
    }

    fn answer(&mut self, camera: CameraName, known: &Capabilities, waiting: Waiting) {
        match waiting {
            Waiting::Capabilities(answer) => {
                let _ = answer.send(Ok(known.clone()));
            }
            Waiting::Controls(changes, answer) => {
                let _ = answer.send(self.set_controls(camera, &changes, known));
            }
        }
    }

    fn set_controls(
        &mut self,
        camera: CameraName,
        changes: &Values,
        known: &Capabilities,
    ) -> Result<Values, Refusal> {
        let mut held = self.held(camera);
        let send = controls::apply(&mut held, changes, known).map_err(Refusal::Invalid)?;
        self.memory.controls.insert(camera, held.clone());
        if let Some(unit) = self.unit(camera) {
            unit.change_controls(send);
        }
        let values = held.clone();
        self.tell(Event::Controls { camera, values });
        Ok(held)
    }

    /// Ends waits whose time is over.
    pub(super) fn expire_waiting(&mut self, now: Duration) {
        let limit = CAPABILITIES_LIMIT.as_secs();
        self.end_waiting(now, |_, deadline| {
            (deadline <= now).then(|| {
                Refusal::TimedOut(format!(
                    "the camera did not start within {limit} s; see its state"
                ))
            })
        });
    }

    /// Ends what waits for a camera that has gone.
    pub(super) fn end_impossible(&mut self, now: Duration) {
        if self.waiting.is_empty() && self.shots.next_deadline().is_none() {
            return;
        }
        let gone: Vec<(CameraName, Refusal)> = CameraName::ALL
            .iter()
            .filter_map(|&camera| Some((camera, self.usable(camera).err()?)))
            .collect();
        let reason = |camera| gone.iter().find(|(gone, _)| *gone == camera);
        let reason = |camera| reason(camera).map(|(_, refusal)| refusal.clone());
        let ended = self
            .shots
            .end_where(|request| request.cameras.iter().find_map(|&camera| reason(camera)));
        for (id, shot, refusal) in ended {
            self.refuse_shot(now, id, shot, refusal);
        }
        self.end_waiting(now, |camera, _| reason(camera));
    }

    fn end_waiting(
        &mut self,
        now: Duration,
        reason: impl Fn(CameraName, Duration) -> Option<Refusal>,
    ) {
        for (camera, client, deadline, waiting) in std::mem::take(&mut self.waiting) {
            let Some(refusal) = reason(camera, deadline) else {
                self.waiting.push((camera, client, deadline, waiting));
                continue;
            };
            waiting.refuse(refusal);
            if let Some(unit) = self.unit(camera) {
                unit.unwant(now, client);
            }
        }
    }

    fn capture(&mut self, now: Duration, request: CaptureRequest, answer: Option<Answer<Capture>>) {
        if let Err(refusal) = self.may_capture(&request) {
            return self.stored(Err(refusal), answer);
        }
        let stream = StreamRequest {
            size: None,
            full: request.full,
            raw: request.raw.is_some(),
        };
        let cameras = request.cameras.clone();
        let id = self.shots.begin(now, request, answer);
        for camera in cameras {
            if let Some(unit) = self.unit(camera) {
                unit.want(now, shot_client(id), Want::Picture(stream.clone()));
            }
        }
        self.order_stills();
    }

    fn may_capture(&self, request: &CaptureRequest) -> Result<(), Refusal> {
        self.store.check_space(0)?;
        for &camera in &request.cameras {
            let unit = self.usable(camera)?;
            if request.full && unit.streams_otherwise() {
                return Err(Refusal::Conflict(format!(
                    "the {camera} camera streams for somebody; a picture of every pixel would interrupt them: end \
                     the other clients, or take it at the stream's size"
                )));
            }
            if request.raw.is_some() && unit.streams_without_raw() {
                return Err(Refusal::Conflict(format!(
                    "the {camera} camera streams for somebody without raw frames, and a DNG would interrupt them: \
                     end the other clients, or take it without `raw`"
                )));
            }
        }
        Ok(())
    }

    /// Writes pictures in a thread: a disk can be slow.
    pub(super) fn store(&self, shot: Shot) {
        let (store, notes) = (self.store.clone(), self.notes.clone());
        tokio::task::spawn_blocking(move || {
            let format = Format::from(shot.request.encoding);
            let stored = write(&store, format, &shot.pictures).map_err(Refusal::from);
            // Without an event loop nobody waits; the pictures are kept.
            let _ = notes.send(Note::Stored(stored, shot.answer));
        });
    }

    fn assign_lens(&mut self, lens: Option<String>) -> Result<Module, Refusal> {
        self.memory.lens = match lens {
            None => None,
            Some(profile) => Some(self.name_lens(profile)?),
        };
        Ok(self.module())
    }

    fn name_lens(&self, profile: String) -> Result<NamedLens, Refusal> {
        if self.library.get(&profile).is_none() {
            return Err(Refusal::NotFound(format!(
                "there is no lens profile {profile:?}; `bayonet lens list` or GET /v1/lenses lists them"
            )));
        }
        let pins = self.lens_pins().filter(|&pins| pins != LensPins::default());
        let pins = pins.ok_or_else(|| {
            Refusal::Conflict("there is no lens on the mount; put it on, then name it".to_owned())
        })?;
        Ok(NamedLens {
            code: pins.code(),
            frame: pins.frame(),
            profile,
        })
    }
}

impl Waiting {
    fn refuse(self, refusal: Refusal) {
        match self {
            Self::Capabilities(answer) => {
                let _ = answer.send(Err(refusal));
            }
            Self::Controls(_, answer) => {
                let _ = answer.send(Err(refusal));
            }
        }
    }
}

fn write(
    store: &crate::captures::Store,
    format: Format,
    taken: &[Taken],
) -> Result<Capture, crate::captures::Error> {
    let files: Vec<(&Taken, Format, &[u8])> = taken
        .iter()
        .flat_map(|taken| {
            let raw = taken.raw.as_deref().map(|raw| (taken, Format::Dng, raw));
            [Some((taken, format, taken.bytes.as_slice())), raw]
        })
        .flatten()
        .collect();
    let pictures: Vec<_> = files
        .iter()
        .map(|&(taken, format, bytes)| (taken.camera, format, bytes))
        .collect();
    let stored = store.save(SystemTime::now(), &pictures)?;
    let name = stored
        .first()
        .map(|first| first.capture.clone())
        .unwrap_or_default();
    let picture = |(stored, (taken, ..)): (crate::captures::Stored, &(&Taken, _, _))| Picture {
        camera: stored.camera,
        file: stored.file,
        bytes: stored.bytes,
        frame: taken.frame.clone(),
    };
    let pictures = stored.into_iter().zip(&files).map(picture).collect();
    Ok(Capture { name, pictures })
}
