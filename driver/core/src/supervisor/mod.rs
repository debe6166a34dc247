//! The supervisor of one camera's process: it lives while somebody wants frames and the camera is allowed, is asked
//! to end when not, is killed when it does not listen, and is started again, ever more patiently, when it fails.
//!
//! What the mount machine must know comes out as [`Action::Tell`]: the caller hands it to the mount's machine in the
//! same breath ([`mount::Input::Camera`](crate::mount::Input::Camera)), or drops it where the camera has no mount.
//! So this supervisor decides what a stall is, and that machine what a stall means.
//!
//! # Invariants
//!
//! They are checked after every step of random histories.
//!
//! 1. There is at most one process; the next is started only after the last one's exit was told.
//! 2. A process that is not wanted (nobody asks, not allowed, shut down) has been asked to end; one that has not
//!    ended in time was killed.
//! 3. While there is a process, or one is wanted, there is a deadline. A killed process alone is waited for without
//!    one: the kernel does not refuse.
//! 4. At rest (nothing wanted, no process) there is no deadline.
//! 5. A process that failed is not started again before its wait is over, unless the camera was allowed anew. Each
//!    wait is twice the one before until frames have come for a while.
//! 6. Every withdrawal is answered with [`CameraNews::Gone`] once, when there is no process.
//!
//! What this module does not do: start or kill anything, speak the process's language, count frames.

#[cfg(test)]
mod tests;

use crate::Time;
use crate::backoff::Backoff;
use crate::mount::CameraNews;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Times of the supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Longest time from the start of the process to its first frame. Default 20 s: a small board needs 4 s, an
    /// emulated one three times that.
    pub start_limit: Duration,
    /// Shortest time without a frame that is a stall. Default 3 s.
    pub frame_limit: Duration,
    /// Frame times without a frame that are a stall, where they are longer. Default 4.
    pub frames_limit: u32,
    /// Waits before a process that failed is started again, doubling. Default 0.2 s to 10 s.
    pub waits: RangeInclusive<Duration>,
    /// Frames must have come for so long that the next failure is a first one. Default 10 s.
    pub steady: Duration,
    /// How long a process may take to end when nobody wants it any more. Default 1 s.
    pub stop_limit: Duration,
    /// The same when its camera was withdrawn: its sensor is away, and stopping may hang. Default 0.3 s.
    pub withdraw_limit: Duration,
    /// The same when everything ends. Default 1.5 s.
    pub shutdown_limit: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            start_limit: ms(20_000),
            frame_limit: ms(3_000),
            frames_limit: 4,
            waits: ms(200)..=ms(10_000),
            steady: ms(10_000),
            stop_limit: ms(1_000),
            withdraw_limit: ms(300),
            shutdown_limit: ms(1_500),
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Whether anybody wants the camera.
    Demand(bool),
    /// Whether the process may live: for a mount as its machine says, otherwise `true` once, at the start.
    Allowed(bool),
    /// News of the process.
    Child(ChildNews),
    /// Everything ends: no process is started any more.
    Shutdown,
}

/// News of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildNews {
    /// It has the camera, and awaits the order to start.
    Ready,
    /// A frame came.
    Frame {
        /// How long a frame takes at present.
        frame_time: Duration,
    },
    /// It ends because something failed.
    Failed {
        /// Whether the kernel refused the start as already started.
        stuck: bool,
    },
    /// It has ended, and everything that it had written was read.
    Exited,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start a process. If that fails: [`ChildNews::Exited`].
    Spawn,
    /// Order it to start its stream.
    Start,
    /// Order it to end.
    Stop,
    /// Kill it.
    Kill,
    /// Tell the mount machine.
    Tell(CameraNews),
}

/// How the camera is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not allowed: its sensor is not there.
    Absent,
    /// There; nobody wants it, so any application may take it.
    Available,
    /// Its process is starting.
    Starting,
    /// Frames come.
    Streaming,
    /// Its process is ending.
    Stopping,
    /// Its process failed and will be started again.
    Restarting,
}

/// The supervisor; see the module.
#[derive(Clone, Debug)]
pub struct Supervisor {
    config: Config,
    now: Time,
    demand: bool,
    allowed: bool,
    shut_down: bool,
    child: Option<Child>,
    waits: Backoff,
    /// No process before this.
    not_before: Time,
    /// Whether the last process failed and no other was started since.
    failed: bool,
    restarts: u64,
    /// News that the mount machine awaits once there is no process.
    owed: Option<CameraNews>,
    actions: VecDeque<Action>,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Child {
    /// Its first frame is due.
    Starting { limit: Time, ordered: bool },
    /// Its next frame is due.
    Streaming { since: Time, limit: Time },
    /// It was asked to end, and will be killed.
    Ending { kill: Time, failed: bool },
    /// It was killed.
    Killed { failed: bool },
}

impl Supervisor {
    /// A supervisor with no process, no demand and no permission.
    pub fn new(config: Config, now: Time) -> Self {
        Self {
            waits: Backoff::new(config.waits.clone()),
            config,
            now,
            demand: false,
            allowed: false,
            shut_down: false,
            child: None,
            not_before: now,
            failed: false,
            restarts: 0,
            owed: None,
            actions: VecDeque::new(),
        }
    }

    /// Tells the supervisor what happened. A frame that is read late, because the caller was late, still counts:
    /// deadlines pass in [`handle_timeout`](Self::handle_timeout) only.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Demand(demand) => self.demand = demand,
            Input::Allowed(allowed) => self.allow(allowed),
            Input::Child(news) => self.child_news(news),
            Input::Shutdown => {
                self.shut_down = true;
                self.stop(self.config.shutdown_limit);
            }
        }
        self.advance();
    }

    /// Tells the supervisor that time has passed; to be called at [`next_deadline`](Self::next_deadline), or later.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        match self.child {
            Some(Child::Starting { limit, ordered }) if limit <= self.now => {
                if ordered {
                    self.tell(CameraNews::Stalled);
                }
                self.kill(true);
            }
            Some(Child::Streaming { limit, .. }) if limit <= self.now => {
                self.tell(CameraNews::Stalled);
                self.kill(true);
            }
            Some(Child::Ending { kill, failed }) if kill <= self.now => self.kill(failed),
            _ => {}
        }
        self.advance();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; none where nothing but an input matters.
    pub fn next_deadline(&self) -> Option<Time> {
        match self.child {
            Some(Child::Starting { limit, .. } | Child::Streaming { limit, .. }) => Some(limit),
            Some(Child::Ending { kill, .. }) => Some(kill),
            Some(Child::Killed { .. }) => None,
            None => self.wanted().then_some(self.not_before),
        }
    }

    /// What is to be done, in this order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How the camera is.
    pub fn state(&self) -> State {
        match self.child {
            _ if !self.allowed => State::Absent,
            Some(Child::Starting { .. }) => State::Starting,
            Some(Child::Streaming { .. }) => State::Streaming,
            Some(Child::Ending { failed, .. } | Child::Killed { failed }) => {
                if failed && self.wanted() {
                    State::Restarting
                } else {
                    State::Stopping
                }
            }
            None if self.wanted() => State::Restarting,
            None => State::Available,
        }
    }

    /// Whether there is a process. After [`Input::Shutdown`] the caller waits until there is none.
    pub fn has_child(&self) -> bool {
        self.child.is_some()
    }

    /// Times a process was started because the one before had failed.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    fn wanted(&self) -> bool {
        self.demand && self.allowed && !self.shut_down
    }

    /// A permission given anew is a module that was tried or drivers that were bound: old failures do not count.
    fn allow(&mut self, allowed: bool) {
        if allowed && !self.allowed {
            self.waits.reset();
            self.not_before = self.now;
            self.owed = self.child.map(|_| CameraNews::Idle);
        } else if self.allowed && !allowed {
            self.owed = Some(CameraNews::Gone);
            self.stop(self.config.withdraw_limit);
        }
        self.allowed = allowed;
    }

    fn child_news(&mut self, news: ChildNews) {
        let Some(child) = self.child else { return };
        match (news, child) {
            (
                ChildNews::Ready,
                Child::Starting {
                    limit,
                    ordered: false,
                },
            ) if self.wanted() => {
                self.child = Some(Child::Starting {
                    limit,
                    ordered: true,
                });
                self.tell(CameraNews::Starting);
                self.actions.push_back(Action::Start);
            }
            (ChildNews::Frame { frame_time }, Child::Starting { .. }) => {
                self.frame(self.now, frame_time);
                self.tell(CameraNews::Streaming);
            }
            (ChildNews::Frame { frame_time }, Child::Streaming { since, .. }) => {
                self.frame(since, frame_time);
            }
            (ChildNews::Failed { stuck }, _) => {
                if stuck {
                    self.tell(CameraNews::StartRefused);
                }
                self.fail(child);
            }
            (ChildNews::Exited, _) => self.exited(child),
            _ => {}
        }
    }

    fn frame(&mut self, since: Time, frame_time: Duration) {
        // Frames that came for a while make up for earlier failures.
        if self.now - since >= self.config.steady {
            self.waits.reset();
        }
        let limit = frame_time.saturating_mul(self.config.frames_limit);
        self.child = Some(Child::Streaming {
            since,
            limit: self.now.saturating_add(limit.max(self.config.frame_limit)),
        });
    }

    /// It says that it ends; it gets the time of a polite stop.
    fn fail(&mut self, child: Child) {
        if let Child::Starting { .. } | Child::Streaming { .. } = child {
            self.child = Some(Child::Ending {
                kill: self.now + self.config.stop_limit,
                failed: true,
            });
        }
    }

    fn exited(&mut self, child: Child) {
        self.child = None;
        let failed = match child {
            Child::Ending { failed, .. } | Child::Killed { failed } => failed,
            Child::Starting { .. } | Child::Streaming { .. } => true,
        };
        self.failed = failed;
        if failed {
            self.not_before = self.now + self.waits.wait();
        }
    }

    /// What follows from demand and permission.
    fn advance(&mut self) {
        match self.child {
            None if self.wanted() => {
                if self.not_before <= self.now {
                    self.spawn();
                }
            }
            None => {
                if let Some(news) = self.owed.take() {
                    self.failed = false;
                    self.tell(news);
                }
            }
            Some(_) if !self.wanted() => self.stop(self.config.stop_limit),
            Some(_) => {}
        }
    }

    fn spawn(&mut self) {
        self.restarts += u64::from(self.failed);
        self.failed = false;
        self.owed = Some(CameraNews::Idle);
        self.child = Some(Child::Starting {
            limit: self.now + self.config.start_limit,
            ordered: false,
        });
        self.actions.push_back(Action::Spawn);
    }

    /// Asks the process to end within `limit`; one that is ending already gets no more time than it had.
    fn stop(&mut self, limit: Duration) {
        let by = self.now + limit;
        match &mut self.child {
            Some(Child::Ending { kill, .. }) => *kill = by.min(*kill),
            Some(child @ (Child::Starting { .. } | Child::Streaming { .. })) => {
                *child = Child::Ending {
                    kill: by,
                    failed: false,
                };
                self.actions.push_back(Action::Stop);
            }
            Some(Child::Killed { .. }) | None => {}
        }
    }

    fn kill(&mut self, failed: bool) {
        self.child = Some(Child::Killed { failed });
        self.actions.push_back(Action::Kill);
    }

    fn tell(&mut self, news: CameraNews) {
        self.actions.push_back(Action::Tell(news));
    }
}
