//! An event loop without cameras: it answers commands as the real one does, from values that a test can set.

use bayonet_daemon::captures::Store;
use bayonet_daemon::command::{Command, Lease, Refusal, View};
use bayonet_daemon::report::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// 2026-11-22 20:34:53.120 UTC.
const TAKEN: Duration = Duration::from_millis(1_795_379_693_120);
/// The recording that is under way.
pub(crate) const RECORDING: &str = "20261122T203455.000Z";
/// Events kept for a reader that is slow.
pub(crate) const EVENT_ROOM: usize = 16;

/// What a test sees and sets.
#[derive(Clone)]
pub(crate) struct EventLoop {
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<Event>,
    frames: watch::Sender<Option<Frame>>,
    views: watch::Sender<Option<View>>,
}

struct State {
    status: Status,
    controls: Values,
    /// Answers every order with this.
    refusal: Option<Refusal>,
    /// Leaves every command without an answer.
    mute: Vec<Command>,
    is_mute: bool,
    leases: usize,
    orders: Vec<String>,
}

impl EventLoop {
    /// Starts it; pictures go to the store.
    pub(crate) fn start(store: Store) -> (Self, mpsc::Sender<Command>) {
        let this = Self {
            state: Arc::new(Mutex::new(State {
                status: status(),
                controls: Values::new(),
                refusal: None,
                mute: Vec::new(),
                is_mute: false,
                leases: 0,
                orders: Vec::new(),
            })),
            events: broadcast::Sender::new(EVENT_ROOM),
            frames: watch::Sender::new(None),
            views: watch::Sender::new(None),
        };
        let (sender, mut commands) = mpsc::channel(8);
        let event_loop = this.clone();
        tokio::spawn(async move {
            while let Some(command) = commands.recv().await {
                event_loop.answer(command, &store);
            }
        });
        (this, sender)
    }

    /// Refuses every order from now on.
    pub(crate) fn refuse(&self, refusal: Option<Refusal>) {
        self.state.lock().unwrap().refusal = refusal;
    }

    /// Answers nothing any more.
    pub(crate) fn fall_silent(&self) {
        self.state.lock().unwrap().is_mute = true;
    }

    /// Changes the status.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.state.lock().unwrap().status);
    }

    /// Tells every reader.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Completes a frame.
    pub(crate) fn complete(&self, sequence: u32) {
        self.frames.send_replace(Some(frame(sequence)));
    }

    /// Shows a frame.
    pub(crate) fn show(&self, sequence: u32, jpeg: &[u8]) {
        self.views.send_replace(Some(View {
            frame: frame(sequence).into(),
            jpeg: jpeg.into(),
        }));
    }

    /// Clients that hold a camera.
    pub(crate) fn leases(&self) -> usize {
        self.state.lock().unwrap().leases
    }

    /// What was ordered, in words, since the last time.
    pub(crate) fn orders(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().orders)
    }

    fn answer(&self, command: Command, store: &Store) {
        let mut state = self.state.lock().unwrap();
        if state.is_mute {
            return state.mute.push(command);
        }
        let refused = state.refusal.clone().map_or(Ok(()), Err);
        match command {
            Command::Status(answer) => drop(answer.send(state.status.clone())),
            Command::Subscribe(answer) => {
                drop(answer.send((state.status.clone(), self.events.subscribe())));
            }
            Command::Capabilities(_, answer) => {
                drop(answer.send(refused.map(|()| capabilities())));
            }
            Command::Controls(_, answer) => {
                drop(answer.send(refused.map(|()| state.controls.clone())));
            }
            Command::SetControls(_, values, answer) => {
                let result = refused.and_then(|()| set(&mut state.controls, values));
                drop(answer.send(result));
            }
            Command::Open(camera, request, answer) => {
                state
                    .orders
                    .push(format!("open {} {:?}", camera.as_str(), request.size));
                drop(answer.send(refused.map(|()| self.lease(&mut state))));
            }
            Command::View(camera, after, answer) => {
                state
                    .orders
                    .push(format!("view {} after {after:?}", camera.as_str()));
                drop(answer.send(refused.map(|()| self.views.subscribe())));
            }
            Command::Capture(request, answer) => {
                state.orders.push(format!(
                    "capture {:?} full {}",
                    request.encoding, request.full
                ));
                let pictures = request
                    .cameras
                    .iter()
                    .map(|&camera| (camera, request.encoding.into(), camera.as_str().as_bytes()));
                let saved = refused.and_then(|()| {
                    Ok(store.save(UNIX_EPOCH + TAKEN, &pictures.collect::<Vec<_>>())?)
                });
                let capture = saved.map(|stored| Capture {
                    name: stored[0].capture.clone(),
                    pictures: stored
                        .into_iter()
                        .map(|stored| Picture {
                            camera: stored.camera,
                            file: stored.file,
                            bytes: stored.bytes,
                            frame: frame(7),
                        })
                        .collect(),
                });
                drop(answer.send(capture));
            }
            Command::Record(request, answer) => {
                state.orders.push(format!(
                    "record {} frames {:?} for {:?}",
                    request.cameras.len(),
                    request.frames,
                    request.duration
                ));
                let conflict = state.status.recording.is_some();
                let conflict = conflict.then(|| Refusal::Conflict("there is one already".into()));
                let begun = refused.and_then(|()| conflict.map_or(Ok(()), Err));
                let begun = begun.map(|()| recording(&request.cameras));
                if let Ok(begun) = &begun {
                    state.status.recording = Some(begun.clone());
                }
                drop(answer.send(begun));
            }
            Command::StopRecording(name, answer) => {
                state.orders.push(format!("stop {name}"));
                let running = state.status.recording.take();
                let conflict = Refusal::Conflict("it is not under way".into());
                let stopped = refused.and_then(|()| running.ok_or(conflict)).map(ended);
                if let Ok(stopped) = &stopped {
                    let _ = self.events.send(Event::Recording(stopped.clone()));
                }
                drop(answer.send(stopped));
            }
            Command::AssignLens(profile, answer) => {
                state.orders.push(format!("lens {profile:?}"));
                let result = refused.map(|()| {
                    let lens = &mut state.status.module.lens;
                    lens.state = match profile {
                        Some(_) => LensState::Assigned,
                        None => LensState::Uncoded,
                    };
                    lens.profile = profile;
                    state.status.module.clone()
                });
                drop(answer.send(result));
            }
        }
    }

    fn lease(&self, state: &mut State) -> Lease {
        state.leases += 1;
        let (alive, gone) = oneshot::channel();
        let shared = self.state.clone();
        tokio::spawn(async move {
            let _ = gone.await;
            shared.lock().unwrap().leases -= 1;
        });
        Lease {
            frames: self.frames.subscribe(),
            alive,
        }
    }
}

fn set(controls: &mut Values, values: Values) -> Result<Values, Refusal> {
    for (name, value) in values {
        match value {
            _ if name != "ExposureTime" => {
                let message = format!("there is no control `{name}`");
                return Err(Refusal::Invalid(message));
            }
            serde_json::Value::Null => drop(controls.remove(&name)),
            value => drop(controls.insert(name, value)),
        }
    }
    Ok(controls.clone())
}

/// A recording of these cameras that has come some way.
pub(crate) fn recording(cameras: &[CameraName]) -> Recording {
    let camera = |&name| RecordedCamera {
        name,
        written: 250,
        dropped: 1,
        missing: 0,
        bytes: 1_500_000_000,
    };
    Recording {
        name: RECORDING.into(),
        state: RecordingState::Recording,
        end: None,
        reason: None,
        directory: format!("/var/lib/bayonet/recordings/{RECORDING}"),
        duration_ms: Some(10_000),
        cameras: cameras.iter().map(camera).collect(),
        queue: Some(RecordingQueue {
            frames: 2,
            bytes: 12_000_000,
            limit_bytes: 268_435_456,
        }),
        free_bytes: Some(40_000_000_000),
    }
}

/// The same, ended by a client.
pub(crate) fn ended(recording: Recording) -> Recording {
    Recording {
        state: RecordingState::Ended,
        end: Some(RecordingEnd::Stopped),
        queue: None,
        free_bytes: None,
        ..recording
    }
}

/// A frame with this number.
pub(crate) fn frame(sequence: u32) -> Frame {
    Frame {
        sequence,
        timestamp_ns: 1_000_000_000 + u64::from(sequence) * 33_333_333,
        metadata: Values::from([("ExposureTime".into(), json!(9999))]),
    }
}

fn capabilities() -> Capabilities {
    let exposure = ControlLimits {
        kind: "int32".into(),
        elements: 1,
        minimum: json!(11),
        maximum: json!(1_000_000),
        default: json!(20_000),
        values: Vec::new(),
    };
    Capabilities {
        model: "imx219".into(),
        pixel_array: Some([3280, 2464]),
        controls: BTreeMap::from([("ExposureTime".into(), exposure)]),
        properties: Values::from([("Rotation".into(), json!(180))]),
    }
}

/// A board with both cameras, of which the main one streams.
pub(crate) fn status() -> Status {
    let main = Camera {
        name: CameraName::Main,
        state: CameraState::Streaming,
        reason: None,
        model: Some("imx219".into()),
        libcamera_id: Some("/base/i2c@40080000/sensor@10".into()),
        clients: 1,
        pid: Some(4711),
        stream: Some(Stream {
            width: 1640,
            height: 1232,
            format: "NV12".into(),
        }),
        frames: 1234,
        dropped: 0,
        restarts: 0,
    };
    let mount = Camera {
        name: CameraName::Mount,
        state: CameraState::Available,
        model: Some("imx283".into()),
        libcamera_id: Some("/base/i2c@40088000/sensor@1a".into()),
        clients: 0,
        pid: None,
        stream: None,
        frames: 0,
        ..main.clone()
    };
    Status {
        version: "0.1.0".into(),
        module: Module {
            state: ModuleState::Present,
            reason: None,
            sensor: Some("imx283".into()),
            lens: Lens {
                state: LensState::Known,
                code: Some(32),
                frame: Some(3),
                profile: Some("leica-summilux-m-50-f1.4-asph".into()),
                name: Some("Summilux-M 50 mm f/1.4 ASPH.".into()),
                focal_length_mm: Some(50.0),
                maximum_aperture: Some(1.4),
            },
            plugs: 1,
        },
        cameras: vec![main, mount],
        recording: None,
    }
}
