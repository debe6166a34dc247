//! One camera: its mount machine, its supervisor, its process and the clients that want it.
//!
//! The fixed camera has a mount machine too, whose module is always plugged: a chain that was left half-bound, or
//! refuses to start, is mended in the same way.

use super::settle::Settling;
use super::worker::{Job, Worker};
use crate::config;
use crate::process::{Output, Process};
use crate::report::{
    Camera, CameraName, CameraState, Capabilities, Frame, ModuleState, Stream, Values,
};
use crate::wire::{News, Order, StreamRequest};
use bayonet_core::mount::{self, CameraNews, Machine};
use bayonet_core::supervisor::{self, ChildNews, Supervisor};
use bayonet_kernel::chain::Chain;
use log::{info, warn};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// What a client wants a camera for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Want {
    /// Its frames, in a stream like this.
    Frames(StreamRequest),
    /// A picture in a capture.
    Picture(StreamRequest),
    /// To know what it can do.
    Capabilities,
}

/// One camera.
pub(super) struct Unit {
    pub(super) name: CameraName,
    pub(super) machine: Machine,
    supervisor: Supervisor,
    chain: Chain,
    worker: Worker,
    settings: config::Process,
    default_size: Option<[u32; 2]>,
    outputs: mpsc::Sender<Output>,
    process: Option<Process>,
    processes: u64,
    wants: BTreeMap<u64, Want>,
    /// Controls that hold; sent to every process at its start.
    pub(super) controls: Values,
    pub(super) capabilities: Option<Capabilities>,
    frames: watch::Sender<Option<Frame>>,
    settling: Settling,
    started: bool,
    stream: Option<Stream>,
    last_sequence: Option<u32>,
    completed: u64,
    dropped: u64,
    restarts: u64,
    failure: Option<String>,
}

/// What a unit is made of.
pub(super) struct Parts {
    pub(super) name: CameraName,
    pub(super) chain: Chain,
    pub(super) machine: Machine,
    pub(super) worker: Worker,
    pub(super) settings: config::Process,
    pub(super) default_size: Option<[u32; 2]>,
    pub(super) outputs: mpsc::Sender<Output>,
    pub(super) controls: Values,
}

impl Unit {
    pub(super) fn new(parts: Parts, now: Duration) -> Self {
        Self {
            name: parts.name,
            machine: parts.machine,
            supervisor: Supervisor::new(supervisor::Config::default(), now),
            chain: parts.chain,
            worker: parts.worker,
            settings: parts.settings,
            default_size: parts.default_size,
            outputs: parts.outputs,
            process: None,
            processes: 0,
            wants: BTreeMap::new(),
            controls: parts.controls,
            capabilities: None,
            frames: watch::Sender::new(None),
            settling: Settling::default(),
            started: false,
            stream: None,
            last_sequence: None,
            completed: 0,
            dropped: 0,
            restarts: 0,
            failure: None,
        }
    }

    /// A client wants the camera from now on.
    pub(super) fn want(&mut self, now: Duration, client: u64, want: Want) {
        self.wants.insert(client, want);
        self.demand(now);
    }

    /// A client wants it no longer.
    pub(super) fn unwant(&mut self, now: Duration, client: u64) {
        if self.wants.remove(&client).is_some() {
            self.demand(now);
        }
    }

    fn demand(&mut self, now: Duration) {
        let demand = !self.wants.is_empty();
        self.supervisor.handle(now, supervisor::Input::Demand(demand));
    }

    /// Frames from now on; the newest one, where there is one.
    pub(super) fn frames(&self) -> watch::Receiver<Option<Frame>> {
        self.frames.subscribe()
    }

    /// Start of the newest frame's exposure, once exposure and white balance have settled.
    pub(super) fn settled(&self) -> Option<u64> {
        let frame = self.frames.borrow();
        let newest = frame.as_ref().filter(|_| self.settling.settled())?;
        Some(newest.timestamp_ns)
    }
}
/// What the hub has to do after a process's word.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nothing.
    Nothing,
    /// Capabilities are known now.
    Capabilities,
    /// A frame was completed.
    Frame,
    /// A picture came.
    Picture { id: u64, bytes: Vec<u8>, frame: Frame },
    /// A picture will not come.
    NoPicture { id: u64, reason: String },
    /// The process is gone, and orders with it.
    Gone,
}

impl Unit {
    /// Takes the word of a process. One of a process that was replaced says nothing any more.
    pub(super) fn hear(&mut self, now: Duration, process: u64, word: Word) -> Heard {
        if self.process.as_ref().is_none_or(|current| current.number() != process) {
            return Heard::Nothing;
        }
        match word {
            Word::News(news) => self.hear_news(now, news),
            Word::Picture { id, bytes, frame } => Heard::Picture { id, bytes, frame },
            Word::Ended(how) => {
                info!("{}: its process has ended: {how}", self.name);
                self.ended(now, how);
                Heard::Gone
            }
        }
    }

    fn hear_news(&mut self, now: Duration, news: News) -> Heard {
        match news {
            News::Ready {
                libcamera,
                id,
                capabilities,
            } => {
                debug!("{}: {id} is ready, libcamera {libcamera}", self.name);
                self.capabilities = Some(capabilities);
                self.child(now, ChildNews::Ready);
                Heard::Capabilities
            }
            News::Started { stream } => {
                self.stream = Some(stream);
                self.settling = Settling::default();
                self.last_sequence = None;
                self.child(now, ChildNews::Started);
                Heard::Nothing
            }
            News::Frame(frame) => {
                self.frame(now, frame);
                Heard::Frame
            }
            News::StillFailed { id, reason } => Heard::NoPicture { id, reason },
            News::Failed { reason, stuck } => {
                warn!("{}: {reason}", self.name);
                self.failure = Some(reason);
                self.child(now, if stuck { ChildNews::Refused } else { ChildNews::Failed });
                Heard::Nothing
            }
            // Comes as a picture.
            News::Still { .. } => Heard::Nothing,
        }
    }

    fn frame(&mut self, now: Duration, frame: Frame) {
        self.completed += 1;
        if let Some(last) = self.last_sequence.replace(frame.sequence) {
            self.dropped += u64::from(frame.sequence.wrapping_sub(last).saturating_sub(1));
        }
        self.settling.frame(&frame);
        self.failure = None;
        let frame_time = frame_time(&frame);
        self.child(now, ChildNews::Frame { frame_time });
        self.frames.send_replace(Some(frame));
    }

    fn ended(&mut self, now: Duration, how: String) {
        self.process = None;
        self.stream = None;
        self.frames.send_replace(None);
        self.failure.get_or_insert(how);
        self.child(now, ChildNews::Exited);
    }

    fn child(&mut self, now: Duration, news: ChildNews) {
        self.supervisor.handle(now, supervisor::Input::Child(news));
    }
}
