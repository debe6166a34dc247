//! The mount machine: what is done, and when, so that a sensor module comes and goes as a USB stick does.
//!
//! A plug is debounced, then tried. Drivers that are bound stay bound over an unplug, so the module is powered,
//! identified and powered down again; drivers that are not bound are bound, and their probe is the trial. Then the
//! camera's process may live. An unplug is told at once, and ends that process. If it may have been streaming, the
//! sensor's driver has missed its stop and refuses every later start: the chain (sensor and receiver) is *dirty*, and
//! is unbound, to be bound at the next trial.
//!
//! Unbinding a chain while any process holds a descriptor on it is a use-after-free in today's kernels. Hence the
//! first invariant, and the waiting.
//!
//! # Invariants
//!
//! They are checked after every step of random histories.
//!
//! 1. Nothing but a camera that is gone lets a kernel action begin: above all, no unbind while its process lives.
//! 2. At most one kernel action is under way; the next begins after it was answered, however late that is.
//! 3. The camera is allowed exactly while the module is present or stalled, on a chain that is bound and clean.
//! 4. The machine never waits for nothing: where it is not at rest, an action or the camera's end is awaited, or
//!    there is a deadline. At rest there is none.
//! 5. What was powered up is powered down before anything is bound, unbound, allowed or at rest.
//! 6. An absence is told as soon as the presence line has been still for the debounce time, whatever goes on.
//! 7. A lens is told only while a module is there, and after its lines were still for their own debounce time.
//! 8. Between a fault and the next trial lies its wait, unless another plug comes first. Each wait is twice the one
//!    before until the camera streams or another plug comes.
//!
//! What this module does not do: it reads no line, binds nothing, knows no process but that its camera has one.

mod answers;
mod config;
mod messages;
mod presence;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use messages::{
    Action, CameraNews, Done, Identity, Input, Job, LensView, Observed, State, UnbindError,
};

use crate::Time;
use crate::backoff::Backoff;
use crate::lens::LensPins;
use presence::{Debounced, Flapping};
use std::collections::VecDeque;

const CAMERA_STAYS: &str = "the camera's process does not end";

/// The mount machine; see the module.
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    now: Time,
    presence: Debounced<bool>,
    lens: Debounced<LensPins>,
    plugs: u64,
    flapping: Flapping,
    faults: Backoff,
    module: Module,
    chain: Chain,
    camera: Camera,
    /// Whether the supplies may be kept on by us.
    powered: bool,
    /// Whether the chain was rebound for the camera's sake and no frame has come since.
    recovered: bool,
    work: Option<Work>,
    actions: VecDeque<Action>,
}

/// How far the module has come.
#[derive(Clone, Debug, PartialEq)]
enum Module {
    /// There is none.
    Away,
    /// It must stay until then before it is tried.
    Flapping { until: Time },
    /// Its contacts settle; then it is powered up, or its drivers are bound.
    Settling { until: Time, attempt: u32 },
    /// It is being powered up.
    PoweringUp { attempt: u32 },
    /// Its supplies settle; then it is identified.
    Rising { until: Time, attempt: u32 },
    /// It is being identified.
    Identifying { attempt: u32 },
    /// Its drivers are being bound.
    Binding { attempt: u32 },
    /// It works.
    Good,
    /// It works, but its frames have stopped.
    Stalled,
    /// It is another sensor.
    Wrong { found: String },
    /// It failed its trial.
    Faulted { reason: String, retry: Time },
}

/// The drivers of sensor and receiver.
#[derive(Clone, Debug, PartialEq)]
enum Chain {
    /// Neither is bound.
    Unbound,
    /// Both are bound, and start streams as far as we know.
    Clean,
    /// Bound half-way, or a driver has missed its stop. To be unbound, not before `retry`.
    Dirty {
        retry: Time,
        /// Why the last attempt failed.
        obstacle: Option<String>,
    },
}

/// The camera's process, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Camera {
    /// None, and none will come.
    Gone,
    /// It may live.
    Allowed {
        /// The driver may be streaming.
        starting: bool,
        /// The module was away for a moment meanwhile.
        shaken: bool,
    },
    /// It must end, and should have by `limit`.
    Withdrawn { limit: Time },
}

/// A kernel action under way.
#[derive(Clone, Debug, PartialEq)]
struct Work {
    job: Job,
    limit: Time,
}

/// What the machine does next of its own accord.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Try,
    Kernel(Job),
    Allow,
    Withdraw,
}

impl Machine {
    /// A machine that has just been started. A module that is there is handled as one that was plugged now.
    pub fn new(config: Config, now: Time, observed: Observed) -> Self {
        let chain = match (observed.sensor_bound, observed.receiver_bound) {
            (false, false) => Chain::Unbound,
            (true, true) => Chain::Clean,
            _ => Chain::dirty(now),
        };
        let mut machine = Self {
            now,
            presence: Debounced::new(false, observed.present, now, config.presence_debounce),
            lens: Debounced::new(observed.lens, observed.lens, now, config.lens_debounce),
            plugs: 0,
            flapping: Flapping::new(&config),
            faults: Backoff::new(config.fault_waits.clone()),
            module: Module::Away,
            chain,
            camera: Camera::Gone,
            powered: false,
            recovered: false,
            work: None,
            actions: VecDeque::new(),
            config,
        };
        machine.advance();
        machine
    }

    /// Tells the machine what happened. What was due before `now` comes first.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.pass(now);
        match input {
            Input::Presence(level) => {
                self.presence.read(level, self.now);
                if !level {
                    self.camera.shake();
                }
            }
            Input::LensPins(pins) => {
                self.lens.read(pins, self.now);
                if !self.presence.settled() {
                    self.lens.pause();
                }
            }
            Input::Done(done) => self.done(done),
            Input::Camera(news) => self.camera_news(news),
        }
        self.advance();
    }

    /// Tells the machine that time has passed; to be called at [`next_deadline`](Self::next_deadline), or later.
    pub fn handle_timeout(&mut self, now: Time) {
        self.pass(now);
        self.advance();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; none where nothing but an input matters.
    pub fn next_deadline(&self) -> Option<Time> {
        let job = self.work.as_ref().map(|work| work.limit);
        let camera = match self.camera {
            Camera::Withdrawn { limit } => Some(limit),
            _ => None,
        };
        // A limit that has passed is shown by `state` and changes nothing more.
        let limits = job
            .into_iter()
            .chain(camera)
            .filter(|&limit| limit > self.now);
        let step = self.next_step().map(|(due, _)| due);
        let lines = [self.presence.deadline(), self.lens.deadline(), step];
        lines.into_iter().flatten().chain(limits).min()
    }

    /// What is to be done, in this order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How the module is.
    pub fn state(&self) -> State {
        if self.module == Module::Away {
            return State::Absent;
        }
        if let Some(reason) = self.stuck() {
            return State::Stuck { reason };
        }
        let allowed = matches!(self.camera, Camera::Allowed { .. });
        match &self.module {
            Module::Good if allowed => State::Present,
            Module::Stalled if allowed => State::Stalled,
            Module::Flapping { until } => State::Flapping { until: *until },
            Module::Wrong { found } => State::WrongSensor {
                found: found.clone(),
            },
            Module::Faulted { reason, retry } => State::Faulted {
                reason: reason.clone(),
                retry: *retry,
            },
            _ => State::Detecting,
        }
    }

    /// What is on the bayonet.
    pub fn lens(&self) -> LensView {
        if !self.presence.settled() {
            LensView::None
        } else if self.lens.deadline().is_some() {
            LensView::Changing
        } else {
            LensView::Settled(self.lens.settled())
        }
    }

    /// Plugs so far, after the debounce; a module that was there at the start counts as one.
    pub fn plugs(&self) -> u64 {
        self.plugs
    }

    /// Lets time pass for the lines.
    fn pass(&mut self, now: Time) {
        let due = self.presence.deadline().filter(|&due| due <= now);
        // A late caller learns of an unplug before anything that happened after it.
        self.now = self.now.max(due.unwrap_or(now));
        if let Some(present) = self.presence.expire(self.now) {
            if present {
                self.plugged()
            } else {
                self.unplugged()
            }
            self.advance();
        }
        self.now = self.now.max(now);
        self.lens.expire(self.now);
        self.advance();
    }

    fn plugged(&mut self) {
        self.plugs += 1;
        self.faults.reset();
        self.recovered = false;
        self.lens.restart(self.now);
        self.module = match self.flapping.plugged(self.now) {
            Some(wait) => Module::Flapping {
                until: self.now + wait,
            },
            None => self.settling(1),
        };
    }

    fn unplugged(&mut self) {
        self.lens.pause();
        self.module = Module::Away;
        if self.camera.may_stream() {
            self.soil();
        }
    }

    /// Does what can be done now.
    fn advance(&mut self) {
        while let Some((due, step)) = self.next_step() {
            if due > self.now {
                return;
            }
            match step {
                Step::Try => self.module = self.settling(1),
                Step::Kernel(job) => self.begin(job),
                Step::Allow => {
                    self.camera = Camera::ALLOWED;
                    self.actions.push_back(Action::AllowCamera);
                }
                Step::Withdraw => {
                    self.camera = Camera::Withdrawn {
                        limit: self.now + self.config.action_limit,
                    };
                    self.actions.push_back(Action::WithdrawCamera);
                }
            }
        }
    }

    /// What comes next, and when: first what protects the kernel, then what the module needs.
    fn next_step(&self) -> Option<(Time, Step)> {
        if self.work.is_some() {
            return None;
        }
        if self.powered && !matches!(self.module, Module::Rising { .. }) {
            return Some((self.now, Step::Kernel(Job::PowerDown)));
        }
        match self.camera {
            Camera::Withdrawn { .. } => return None,
            Camera::Allowed { .. } if self.usable() => return None,
            Camera::Allowed { .. } => return Some((self.now, Step::Withdraw)),
            Camera::Gone => {}
        }
        if let Chain::Dirty { retry, .. } = self.chain {
            return Some((retry, Step::Kernel(Job::Unbind)));
        }
        let (due, step) = match self.module {
            Module::Flapping { until } => (until, Step::Try),
            Module::Faulted { retry, .. } => (retry, Step::Try),
            Module::Settling { until, .. } if self.chain == Chain::Clean => {
                (until, Step::Kernel(Job::PowerUp))
            }
            Module::Settling { until, .. } => (until, Step::Kernel(Job::Bind)),
            Module::Rising { until, .. } => (until, Step::Kernel(Job::Identify)),
            Module::Good if self.chain == Chain::Clean => (self.now, Step::Allow),
            Module::Good => (self.now, Step::Try),
            _ => return None,
        };
        // While its line moves, a module is not worth a try.
        Some((self.presence.deadline().unwrap_or(due).max(due), step))
    }

    /// Whether module and chain are good for a camera.
    fn usable(&self) -> bool {
        matches!(self.module, Module::Good | Module::Stalled) && self.chain == Chain::Clean
    }

    fn begin(&mut self, job: Job) {
        match (job, &self.module) {
            (Job::PowerUp, &Module::Settling { attempt, .. }) => {
                self.powered = true;
                self.module = Module::PoweringUp { attempt };
            }
            (Job::Identify, &Module::Rising { attempt, .. }) => {
                self.module = Module::Identifying { attempt };
            }
            (Job::Bind, &Module::Settling { attempt, .. }) => {
                self.module = Module::Binding { attempt };
            }
            _ => {}
        }
        self.work = Some(Work {
            job,
            limit: self.now + self.config.action_limit,
        });
        self.actions.push_back(Action::Kernel(job));
    }

    fn settling(&self, attempt: u32) -> Module {
        Module::Settling {
            until: self.now + self.config.settle,
            attempt,
        }
    }

    /// What must end first, if it does not.
    fn stuck(&self) -> Option<String> {
        match (&self.work, &self.camera, &self.chain) {
            (Some(work), ..) if work.limit <= self.now => Some(format!(
                "{} takes longer than {:?}",
                work.job.in_words(),
                self.config.action_limit
            )),
            (_, Camera::Withdrawn { limit }, _) if *limit <= self.now => Some(CAMERA_STAYS.into()),
            (.., Chain::Dirty { obstacle, .. }) => obstacle.clone(),
            _ => None,
        }
    }
}

impl Chain {
    /// To be unbound as soon as possible.
    fn dirty(now: Time) -> Self {
        Self::Dirty {
            retry: now,
            obstacle: None,
        }
    }
}

impl Camera {
    /// Allowed, and not there yet.
    const ALLOWED: Self = Self::Allowed {
        starting: false,
        shaken: false,
    };

    /// The module was away, if only for a moment.
    fn shake(&mut self) {
        if let Self::Allowed { starting, shaken } = self {
            *shaken |= *starting;
        }
    }

    /// Whether the driver may be streaming.
    fn may_stream(&self) -> bool {
        matches!(self, Self::Allowed { starting: true, .. })
    }
}
