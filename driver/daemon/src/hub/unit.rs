//! One camera: its mount machine, its supervisor, its process and the clients that want it.
//!
//! The fixed camera has a mount machine too, whose module is always plugged: a chain that was left half-bound, or
//! refuses to start, is mended in the same way.

use super::VIEWERS;
use super::settle::Settling;
use super::viewing::Viewing;
use super::worker::Worker;
use crate::command::{Refusal, View, Views};
use crate::config;
use crate::process::{Output, Process, Word};
use crate::recordings::Inlet;
use crate::report::{Camera, CameraName, CameraState, Capabilities, Frame, Stream, Values};
use crate::wire::{LensTags, News, Order, StreamRequest};
use bayonet_core::mount::{self, Machine};
use bayonet_core::supervisor::{self, ChildNews, Supervisor};
use bayonet_kernel::chain::Chain;
use log::{debug, info, warn};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Of a JPEG that is looked at and gone: good enough for a screen.
const VIEW_QUALITY: u8 = 80;

/// What a client wants a camera for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Want {
    /// Its frames, in a stream like this.
    Frames(StreamRequest),
    /// To look at it.
    View,
    /// A picture in a capture.
    Picture(StreamRequest),
    /// Its raw frames, in a recording.
    Recording(StreamRequest),
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
    inlet: Inlet,
    process: Option<Process>,
    processes: u64,
    wants: BTreeMap<u64, Want>,
    pub(super) capabilities: Option<Capabilities>,
    frames: watch::Sender<Option<Frame>>,
    settling: Settling,
    viewing: Viewing,
    /// What the process was ordered to stream.
    ordered: Option<StreamRequest>,
    stream: Option<Stream>,
    last_sequence: Option<u32>,
    completed: u64,
    dropped: u64,
    failure: Option<String>,
    lens: Option<LensTags>,
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
    pub(super) inlet: Inlet,
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
            inlet: parts.inlet,
            process: None,
            processes: 0,
            wants: BTreeMap::new(),
            capabilities: None,
            frames: watch::Sender::new(None),
            settling: Settling::default(),
            viewing: Viewing::new(),
            ordered: None,
            stream: None,
            last_sequence: None,
            completed: 0,
            dropped: 0,
            failure: None,
            lens: None,
        }
    }

    /// A client wants the camera from now on.
    pub(super) fn want(&mut self, now: Duration, client: u64, want: Want) {
        let interrupts = self.streams_otherwise();
        self.wants.insert(client, want);
        self.demand(now);
        self.begin_anew(now, interrupts);
    }

    /// A client wants it no longer.
    pub(super) fn unwant(&mut self, now: Duration, client: u64) {
        if self.wants.remove(&client).is_some() {
            self.demand(now);
            self.begin_anew(now, self.streams_otherwise());
        }
    }

    /// Lets the process begin anew where its stream is not the one that is wanted now, unless that `interrupts` somebody.
    fn begin_anew(&mut self, now: Duration, interrupts: bool) {
        let wanted = self.stream_request();
        let fits = |ordered: &StreamRequest| {
            let same = (ordered.size, ordered.full) == (wanted.size, wanted.full);
            // Raw frames that nobody wants any more do no harm.
            same && (ordered.raw || !wanted.raw)
        };
        let fits = self.ordered.as_ref().is_none_or(fits);
        if fits || interrupts || self.wants.is_empty() {
            return;
        }
        for demand in [false, true] {
            self.supervisor
                .handle(now, supervisor::Input::Demand(demand));
        }
    }

    fn demand(&mut self, now: Duration) {
        let demand = !self.wants.is_empty();
        self.supervisor
            .handle(now, supervisor::Input::Demand(demand));
    }

    /// Somebody looks at it, who has seen the view of this frame.
    pub(super) fn look(&mut self, now: Duration, seen: Option<u32>) {
        self.viewing.look(now, seen);
        self.want(now, VIEWERS, Want::View);
        self.order_view();
    }

    /// Views from now on; the newest one, where there is one.
    pub(super) fn views(&self) -> Views {
        self.viewing.views()
    }

    fn order_view(&mut self) {
        if self.stream.is_some() && self.viewing.order() {
            let quality = VIEW_QUALITY;
            self.order(Order::View { quality });
        }
    }

    /// Frames from now on; the newest one, where there is one.
    pub(super) fn frames(&self) -> watch::Receiver<Option<Frame>> {
        self.frames.subscribe()
    }

    /// Start of the newest frame's exposure, once exposure has settled.
    pub(super) fn settled(&self) -> Option<u64> {
        // One that is to begin anew takes no picture any more.
        self.process.as_ref().filter(|it| it.takes_orders())?;
        let frame = self.frames.borrow();
        let newest = frame.as_ref().filter(|_| self.settling.settled())?;
        Some(newest.timestamp_ns)
    }
}

impl Unit {
    /// Whether a client can have such a stream beside the others.
    pub(super) fn check(&self, request: &StreamRequest) -> Result<(), Refusal> {
        let Some(wanted) = request.size else {
            return Ok(());
        };
        let running = self
            .stream
            .as_ref()
            .map(|stream| [stream.width, stream.height]);
        let agreed = running.or(self.stream_request().size);
        let interrupts = |want: &Want| !matches!(want, Want::View | Want::Capabilities);
        match agreed {
            Some(agreed) if self.wants.values().any(interrupts) && agreed != wanted => {
                Err(Refusal::Conflict(format!(
                    "the {} camera streams {} x {} for somebody; ask for that, or for no size",
                    self.name, agreed[0], agreed[1]
                )))
            }
            _ => Ok(()),
        }
    }

    /// Whether it streams for somebody, so that it cannot be given another size.
    pub(super) fn streams_otherwise(&self) -> bool {
        self.wants
            .values()
            .any(|want| matches!(want, Want::Frames(_) | Want::Recording(_)))
    }

    /// Whether a picture of every pixel is being taken.
    pub(super) fn takes_full(&self) -> bool {
        self.stream_request().full
    }

    /// Whether it streams, so that it can be told more.
    pub(super) fn streams(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether it streams for somebody without raw frames.
    pub(super) fn streams_without_raw(&self) -> bool {
        self.streams_otherwise() && !self.stream_request().raw
    }

    /// The stream that all who want frames get: the first size that somebody named, with raw frames if anybody wants
    /// them.
    fn stream_request(&self) -> StreamRequest {
        let requests = self.wants.values().filter_map(|want| match want {
            Want::Frames(request) | Want::Picture(request) | Want::Recording(request) => {
                Some(request)
            }
            Want::View | Want::Capabilities => None,
        });
        let raw = requests.clone().any(|request| request.raw);
        if requests.clone().any(|request| request.full) {
            return StreamRequest {
                size: None,
                full: true,
                raw,
            };
        }
        let named = requests.clone().find_map(|request| request.size);
        StreamRequest {
            size: named.or(self.default_size),
            full: false,
            raw,
        }
    }

    /// Sends an order to the process, if there is one.
    pub(super) fn order(&self, order: Order) {
        if let Some(process) = &self.process {
            process.order(order);
        }
    }

    /// Controls change now; a process that starts later is given those that hold.
    pub(super) fn change_controls(&mut self, changes: Values) {
        self.settling = Settling::default();
        if self.stream.is_some() {
            self.order(Order::Controls { values: changes });
        }
    }

    /// The lens in front of it, now; a process that starts later is told too.
    pub(super) fn change_lens(&mut self, lens: Option<LensTags>) {
        if self.lens != lens {
            self.lens = lens;
            self.tell_lens();
        }
    }

    fn tell_lens(&self) {
        let lens = self.lens.clone();
        self.order(Order::Lens { lens });
    }

    /// A deadline may have passed.
    pub(super) fn time(&mut self, now: Duration) {
        self.machine.handle_timeout(now);
        self.supervisor.handle_timeout(now);
        if self.viewing.is_over(now) {
            self.unwant(now, VIEWERS);
        }
    }

    /// When [`Unit::time`] is to be called next.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let deadlines = [
            self.machine.next_deadline(),
            self.supervisor.next_deadline(),
            self.viewing.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Sensor by the device tree.
    pub(super) fn model(&self) -> &str {
        &self.chain.model
    }

    /// Processes that were started.
    #[cfg(test)]
    pub(super) fn processes(&self) -> u64 {
        self.processes
    }

    /// How the camera is, in the words of the API.
    pub(super) fn report(&self) -> Camera {
        let state = match self.supervisor.state() {
            supervisor::State::Absent => CameraState::Absent,
            supervisor::State::Available => CameraState::Available,
            supervisor::State::Starting => CameraState::Starting,
            supervisor::State::Streaming => CameraState::Streaming,
            supervisor::State::Stopping => CameraState::Stopping,
            supervisor::State::Restarting => CameraState::Restarting,
        };
        let chain = match self.machine.state() {
            mount::State::Stuck { reason } | mount::State::Faulted { reason, .. } => Some(reason),
            _ => None,
        };
        let failing = matches!(state, CameraState::Restarting | CameraState::Starting);
        let failure = self.failure.clone().filter(|_| failing);
        let clients = u32::try_from(self.wants.len()).unwrap_or(u32::MAX);
        Camera {
            name: self.name,
            state,
            reason: failure.or(chain),
            model: Some(self.chain.model.clone()),
            libcamera_id: Some(self.chain.libcamera_id.clone()),
            clients,
            pid: self.process.as_ref().map(Process::pid),
            stream: self.stream.clone(),
            frames: self.completed,
            dropped: self.dropped,
            restarts: self.supervisor.restarts(),
        }
    }

    /// Begins the end.
    pub(super) fn end(&mut self, now: Duration) {
        self.supervisor.handle(now, supervisor::Input::Shutdown);
    }

    /// Whether no process is left.
    pub(super) fn idle(&self) -> bool {
        self.process.is_none()
    }

    /// Lets both machines act until they are quiet; `controls` hold, and are given to a process that starts.
    pub(super) fn settle(&mut self, now: Duration, controls: &Values) {
        loop {
            let mut quiet = true;
            while let Some(action) = self.machine.poll_action() {
                quiet = false;
                self.mount_action(now, action);
            }
            while let Some(action) = self.supervisor.poll_action() {
                quiet = false;
                self.process_action(now, action, controls);
            }
            if quiet {
                return;
            }
        }
    }

    fn mount_action(&mut self, now: Duration, action: mount::Action) {
        let allowed = match action {
            mount::Action::Kernel(job) => return self.worker.give(job),
            mount::Action::AllowCamera => true,
            mount::Action::WithdrawCamera => false,
        };
        self.supervisor
            .handle(now, supervisor::Input::Allowed(allowed));
    }

    fn process_action(&mut self, now: Duration, action: supervisor::Action, controls: &Values) {
        match action {
            supervisor::Action::Spawn => self.spawn(now),
            supervisor::Action::Start => {
                self.tell_lens();
                let request = self.stream_request();
                self.ordered = Some(request.clone());
                self.order(Order::Start {
                    request,
                    controls: controls.clone(),
                });
            }
            supervisor::Action::Stop => {
                if let Some(process) = &mut self.process {
                    process.stop();
                }
            }
            supervisor::Action::Kill => {
                if let Some(process) = &mut self.process {
                    process.kill();
                }
            }
            supervisor::Action::Tell(news) => {
                self.machine.handle(now, mount::Input::Camera(news));
            }
        }
    }

    fn spawn(&mut self, now: Duration) {
        self.processes += 1;
        let program = &self.settings.program;
        let (user, group) = (&self.settings.user, &self.settings.group);
        let named = [&self.chain.libcamera_id, user, group].map(OsString::from);
        let nodes = self.chain.nodes().into_iter().map(OsString::from);
        let arguments = named.into_iter().chain(nodes).collect();
        let (outputs, inlet) = (self.outputs.clone(), self.inlet.clone());
        let number = self.processes;
        match Process::spawn(self.name, number, program, arguments, outputs, inlet) {
            Ok(process) => {
                debug!("{}: process {} begins", self.name, process.pid());
                self.process = Some(process);
            }
            Err(problem) => {
                let reason = format!("cannot start {}: {problem}", program.display());
                warn!("{}: {reason}", self.name);
                self.failure = Some(reason);
                self.child(now, ChildNews::Exited);
            }
        }
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
    Picture {
        id: u64,
        bytes: Vec<u8>,
        raw: Option<Vec<u8>>,
        frame: Frame,
    },
    /// A picture will not come.
    NoPicture { id: u64, reason: String },
    /// A raw frame was recorded, or dropped.
    Recorded { id: u64, number: u32 },
    /// No more raw frames come; because of what.
    RecordEnded { id: u64, failed: Option<String> },
    /// The process is gone, and orders with it.
    Gone,
}

impl Unit {
    /// Takes the word of a process. One of a process that was replaced says nothing any more.
    pub(super) fn hear(&mut self, now: Duration, process: u64, word: Word) -> Heard {
        if self
            .process
            .as_ref()
            .is_none_or(|current| current.number() != process)
        {
            return Heard::Nothing;
        }
        match word {
            Word::News(news) => self.hear_news(now, news),
            Word::Picture {
                id,
                bytes,
                raw,
                frame,
            } => Heard::Picture {
                id,
                bytes,
                raw,
                frame,
            },
            Word::View(view) => {
                self.viewed(Some(view));
                Heard::Nothing
            }
            Word::Recorded { id, number } => Heard::Recorded { id, number },
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
                self.order_view();
                Heard::Nothing
            }
            News::Frame(frame) => {
                self.frame(now, frame);
                Heard::Frame
            }
            News::ViewFailed { reason } => {
                warn!("{}: a frame cannot be shown: {reason}", self.name);
                self.viewed(None);
                Heard::Nothing
            }
            News::StillFailed { id, reason } => Heard::NoPicture { id, reason },
            News::Failed { reason, stuck } => {
                warn!("{}: {reason}", self.name);
                self.failure = Some(reason);
                self.child(now, ChildNews::Failed { stuck });
                Heard::Nothing
            }
            News::RecordDropped { id, number, .. } => Heard::Recorded { id, number },
            News::RecordEnded { id } => Heard::RecordEnded { id, failed: None },
            News::RecordFailed { id, reason } => {
                warn!("{}: {reason}", self.name);
                let failed = Some(reason);
                Heard::RecordEnded { id, failed }
            }
            // The recording knows.
            News::Recording { .. } => Heard::Nothing,
            // Come as words of their own.
            News::Still { .. } | News::View { .. } | News::Recorded { .. } => Heard::Nothing,
        }
    }

    fn viewed(&mut self, view: Option<View>) {
        self.viewing.made(view);
        self.order_view();
    }

    fn frame(&mut self, now: Duration, frame: Frame) {
        self.completed += 1;
        if let Some(last) = self.last_sequence.replace(frame.sequence) {
            self.dropped += u64::from(frame.sequence.wrapping_sub(last).saturating_sub(1));
        }
        self.settling.frame(now, &frame);
        self.failure = None;
        let frame_time = frame_time(&frame);
        self.child(now, ChildNews::Frame { frame_time });
        self.frames.send_replace(Some(frame));
    }

    /// It has ended, for whatever reason.
    fn ended(&mut self, now: Duration, how: String) {
        self.process = None;
        self.ordered = None;
        self.stream = None;
        self.viewing.stream_ended();
        self.frames.send_replace(None);
        self.child(now, ChildNews::Exited);
        if self.supervisor.state() == supervisor::State::Restarting {
            self.failure.get_or_insert(how);
        } else {
            self.failure = None;
        }
    }

    fn child(&mut self, now: Duration, news: ChildNews) {
        self.supervisor.handle(now, supervisor::Input::Child(news));
    }
}

/// libcamera's name of the time a frame takes, in microseconds.
const FRAME_DURATION: &str = "FrameDuration";
/// Taken where it is not told.
const USUAL_FRAME: Duration = Duration::from_millis(100);

fn frame_time(frame: &Frame) -> Duration {
    let told = frame
        .metadata
        .get(FRAME_DURATION)
        .and_then(serde_json::Value::as_u64);
    told.map_or(USUAL_FRAME, Duration::from_micros)
}
