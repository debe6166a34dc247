//! What is around the mount machine: a module and its line, the kernel's drivers, the camera's process, a stranger
//! who holds the chain. It does what the machine asks for, complains where that would harm, and answers early, late,
//! wrongly or never.

use super::super::*;
use crate::lens::LensPins;
use std::time::Duration;

pub(super) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What may be plugged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The sensor of the device tree.
    Right,
    /// Another one.
    Other,
    /// One that does not answer.
    Dead,
}

/// The camera's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    None,
    /// It holds descriptors on the chain.
    Open,
    /// And has started its stream.
    Streaming,
}

/// How a kernel action ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As the world is.
    True,
    /// It fails, and leaves the chain half-way where it can.
    Failure,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) config: Config,
    pub(super) now: Time,
    pub(super) module: Option<Kind>,
    /// The one before.
    unplugged: Option<Kind>,
    line_moved: Time,
    lens: LensPins,
    lens_moved: Time,
    pub(super) sensor_bound: bool,
    pub(super) receiver_bound: bool,
    /// The sensor's driver has missed its stop, and refuses to start.
    pub(super) missed_stop: bool,
    pub(super) stranger: bool,
    pub(super) process: Process,
    pub(super) allowed: bool,
    pub(super) withdrawn: bool,
    powered: bool,
    pub(super) pending: Option<Job>,
    pub(super) taken: Vec<Action>,
    /// Of the latest fault: since when, and until when nothing may be tried.
    fault: Option<(Time, Time)>,
    plugs: u64,
}

impl World {
    pub(super) fn new(config: Config, bound: (bool, bool), module: Option<Kind>) -> Self {
        let observed = Observed {
            sensor_bound: bound.0,
            receiver_bound: bound.1,
            present: module.is_some(),
            lens: LensPins::default(),
        };
        let mut world = Self {
            machine: Machine::new(config.clone(), Time::ZERO, observed),
            config,
            now: Time::ZERO,
            module,
            unplugged: None,
            line_moved: Time::ZERO,
            lens: LensPins::default(),
            lens_moved: Time::ZERO,
            sensor_bound: bound.0,
            receiver_bound: bound.1,
            missed_stop: false,
            stranger: false,
            process: Process::None,
            allowed: false,
            withdrawn: false,
            powered: false,
            pending: None,
            taken: Vec::new(),
            fault: None,
            plugs: 0,
        };
        world.settle();
        world
    }

    /// Both drivers bound, as after a good boot.
    pub(super) fn bound(module: Option<Kind>) -> Self {
        Self::new(Config::default(), (true, true), module)
    }

    /// The module goes or comes, and its line tells. No hand exchanges one within the debounce time.
    pub(super) fn plug(&mut self, module: Option<Kind>) {
        let bounced = self.now < self.line_moved + self.config.presence_debounce;
        match (self.module, module) {
            (None, Some(kind)) => {
                self.module = Some(self.unplugged.filter(|_| bounced).unwrap_or(kind));
                self.line_moved = self.now;
            }
            (Some(kind), None) => {
                self.unplugged = Some(kind);
                self.module = None;
                self.line_moved = self.now;
            }
            _ => {}
        }
        self.tell(Input::Presence(self.module.is_some()));
    }

    pub(super) fn turn_lens(&mut self, lens: LensPins) {
        if lens != self.lens {
            self.lens = lens;
            self.lens_moved = self.now;
        }
        self.tell(Input::LensPins(lens));
    }

    pub(super) fn news(&mut self, news: CameraNews) {
        self.tell(Input::Camera(news));
    }

    pub(super) fn tell(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        self.settle();
    }

    /// Time passes, and the machine is called once, however late that is.
    pub(super) fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.machine.handle_timeout(self.now);
        self.settle();
    }

    /// Time passes, and the machine is called at its deadlines; nothing else happens.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.machine.next_deadline().filter(|&at| at <= end) {
            self.sleep(deadline - self.now);
        }
        self.sleep(end - self.now);
    }

    /// The same, and everything that was asked for is done within a millisecond.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.answer(Outcome::True);
            if self.withdrawn {
                self.end_process();
            }
            self.wait(ms(1));
            let next = self.machine.next_deadline().unwrap_or(end).min(end);
            if self.pending.is_none() && !self.withdrawn && next > self.now {
                self.wait(next - self.now);
            }
        }
    }

    /// What was asked for since the last call.
    pub(super) fn took(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.taken)
    }

    /// Time until the machine is in this state, everything being done as it asks.
    pub(super) fn time_to(&mut self, reached: impl Fn(&State) -> bool) -> Duration {
        let start = self.now;
        while !reached(&self.machine.state()) {
            assert!(
                self.now < start + ms(100_000),
                "still {:?}",
                self.machine.state()
            );
            self.run(ms(1));
        }
        self.now - start
    }

    /// The camera's process comes and opens the chain, if it may.
    pub(super) fn open_process(&mut self) {
        if self.allowed && self.process == Process::None {
            self.process = Process::Open;
        }
    }

    /// It starts its stream: frames come if there is a sensor, and if the driver starts.
    pub(super) fn start_stream(&mut self) {
        self.open_process();
        if self.process != Process::Open || !self.allowed {
            return;
        }
        self.news(CameraNews::Starting);
        if self.missed_stop {
            self.news(CameraNews::StartRefused);
        } else {
            self.process = Process::Streaming;
            if self.module == Some(Kind::Right) {
                self.news(CameraNews::Streaming);
            }
        }
    }

    /// It ends, as asked or because nobody wants it. Its driver's stop reaches only a sensor that is there.
    pub(super) fn end_process(&mut self) {
        if self.process == Process::Streaming && self.module.is_none() {
            self.missed_stop = true;
        }
        let was = std::mem::replace(&mut self.process, Process::None);
        if std::mem::take(&mut self.withdrawn) {
            self.news(CameraNews::Gone);
        } else if was != Process::None {
            self.news(CameraNews::Idle);
        }
    }

    /// The kernel action under way ends.
    pub(super) fn answer(&mut self, outcome: Outcome) {
        let Some(job) = self.pending.take() else {
            return;
        };
        let fails = outcome == Outcome::Failure;
        let failure = || Err("it failed".to_owned());
        let done = match job {
            Job::PowerUp => Done::Powered(if fails { failure() } else { Ok(()) }),
            Job::PowerDown => {
                self.powered = false;
                Done::PoweredDown(if fails { failure() } else { Ok(()) })
            }
            Job::Identify if fails => Done::Identified(Err("it failed".into())),
            Job::Identify => Done::Identified(Ok(match self.module {
                Some(Kind::Right) => Identity::Expected,
                Some(Kind::Other) => Identity::Other("imx219".into()),
                Some(Kind::Dead) | None => Identity::Silent,
            })),
            Job::Bind => {
                self.sensor_bound = self.module == Some(Kind::Right);
                self.receiver_bound = self.sensor_bound && !fails;
                self.missed_stop = false;
                Done::Bound(if self.receiver_bound {
                    Ok(())
                } else {
                    failure()
                })
            }
            Job::Unbind if self.stranger => Done::Unbound(Err(UnbindError::Held(
                "cam (41) has /dev/media3 open".into(),
            ))),
            Job::Unbind => {
                self.receiver_bound = false;
                self.sensor_bound &= fails;
                self.missed_stop &= fails;
                Done::Unbound(if fails {
                    Err(UnbindError::Failed("it failed".into()))
                } else {
                    Ok(())
                })
            }
        };
        self.tell(Input::Done(done));
    }

    /// Takes the machine's actions and checks everything.
    fn settle(&mut self) {
        // Another plug is another chance.
        if self.plugs != self.machine.plugs() {
            self.plugs = self.machine.plugs();
            self.fault = None;
        }
        while let Some(action) = self.machine.poll_action() {
            self.take(action);
        }
        self.verify_invariants();
    }

    fn take(&mut self, action: Action) {
        self.taken.push(action);
        match action {
            Action::Kernel(job) => self.begin(job),
            Action::AllowCamera => {
                assert!(!self.allowed && !self.withdrawn && !self.powered);
                assert!(
                    self.sensor_bound && self.receiver_bound,
                    "allowed on an unbound chain"
                );
                assert!(
                    !self.missed_stop,
                    "allowed on a chain that refuses to start"
                );
                self.allowed = true;
            }
            Action::WithdrawCamera => {
                assert!(self.allowed);
                self.allowed = false;
                self.withdrawn = true;
            }
        }
    }

    fn begin(&mut self, job: Job) {
        match job {
            Job::PowerUp => self.powered = true,
            Job::Bind => {
                assert!(
                    !self.powered && !self.receiver_bound,
                    "bound under a bound receiver"
                );
            }
            Job::Unbind => assert!(!self.powered),
            Job::Identify => assert!(self.powered),
            Job::PowerDown => {}
        }
        assert_eq!(self.pending, None, "{job:?} while another is under way");
        assert!(
            !self.allowed && !self.withdrawn,
            "{job:?} while the camera may live"
        );
        assert_eq!(
            self.process,
            Process::None,
            "{job:?} while its process lives"
        );
        if let (Job::PowerUp | Job::Bind, Some((_, retry))) = (job, self.fault) {
            assert!(
                self.now >= retry,
                "{job:?} before the wait of a fault is over"
            );
        }
        self.pending = Some(job);
    }

    /// The invariants at the top of the module, seen from outside; 1, 2 and 5 are also checked with every action.
    fn verify_invariants(&mut self) {
        let state = self.machine.state();
        let deadline = self.machine.next_deadline();
        let waiting = self.pending.is_some() || self.withdrawn;

        // 3.
        let usable = matches!(state, State::Present | State::Stalled);
        assert_eq!(self.allowed, usable, "{state:?}");
        if usable {
            assert!(self.sensor_bound && self.receiver_bound && !self.powered);
            assert_eq!(self.machine.chain, Chain::Clean);
        }

        // 4.
        assert!(
            deadline.is_none_or(|at| at > self.now),
            "a deadline that has passed: {deadline:?}"
        );
        let resting = match state {
            State::Absent => !matches!(self.machine.chain, Chain::Dirty { .. }),
            State::Present | State::Stalled | State::WrongSensor { .. } => true,
            _ => false,
        };
        if !waiting && !resting {
            assert!(deadline.is_some(), "{state:?} waits for nothing");
        }
        let still = |moved: Time, wait| self.now >= moved + wait;
        let line_still = still(self.line_moved, self.config.presence_debounce);
        let lens_still = still(self.lens_moved, self.config.lens_debounce)
            && self.machine.lens() != LensView::Changing;
        if !waiting && resting && line_still && lens_still {
            assert_eq!(deadline, None, "{state:?} is rest");
            assert!(!self.powered);
        }

        // 6.
        if line_still {
            assert_eq!(state == State::Absent, self.module.is_none(), "{state:?}");
        }

        // 7.
        if let LensView::Settled(pins) = self.machine.lens() {
            assert!(still(self.lens_moved, self.config.lens_debounce));
            assert_eq!(pins, self.lens);
            assert_ne!(state, State::Absent);
        }

        // 8.
        if let State::Faulted { retry, .. } = state {
            let known = self.fault.is_some_and(|(_, until)| until == retry);
            if !known {
                let wait = retry - self.now;
                assert!(self.config.fault_waits.contains(&wait), "{wait:?}");
                self.fault = Some((self.now, retry));
            }
        }
    }
}
