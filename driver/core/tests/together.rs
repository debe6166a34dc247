//! Both machines together, as an event loop joins them: random plugs, demand and kernel, and a camera process that
//! behaves as libcamera's do. Whatever happened, a camera that is there and wanted streams in the end.

use bayonet_core::Time;
use bayonet_core::mount::{self, Done, Identity, Machine, Observed, UnbindError};
use bayonet_core::supervisor::{self, ChildNews, Supervisor};
use proptest::prelude::*;
use std::time::Duration;

const STEP: Duration = Duration::from_millis(10);
const FRAME: Duration = Duration::from_millis(40);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Process {
    None,
    Open,
    Streaming,
}

struct Board {
    mount: Machine,
    supervisor: Supervisor,
    now: Time,
    plugged: bool,
    bound: bool,
    missed_stop: bool,
    process: Process,
    /// The process does not react to orders.
    deaf: bool,
    pending: Option<mount::Job>,
}

impl Board {
    fn new() -> Self {
        let observed = Observed {
            sensor_bound: true,
            receiver_bound: true,
            ..Observed::default()
        };
        Self {
            mount: Machine::new(mount::Config::default(), Time::ZERO, observed),
            supervisor: Supervisor::new(supervisor::Config::default(), Time::ZERO),
            now: Time::ZERO,
            plugged: false,
            bound: true,
            missed_stop: false,
            process: Process::None,
            deaf: false,
            pending: None,
        }
    }

    fn mount(&mut self, input: mount::Input) {
        self.mount.handle(self.now, input);
        self.carry_out();
    }

    fn supervisor(&mut self, input: supervisor::Input) {
        self.supervisor.handle(self.now, input);
        self.carry_out();
    }

    fn child(&mut self, news: ChildNews) {
        self.supervisor(supervisor::Input::Child(news));
    }

    /// Actions of both, until neither has any; the process's own reactions come with the next step.
    fn carry_out(&mut self) {
        loop {
            if let Some(action) = self.mount.poll_action() {
                self.mount_action(action);
            } else if let Some(action) = self.supervisor.poll_action() {
                self.camera_action(action);
            } else {
                return;
            }
        }
    }

    fn mount_action(&mut self, action: mount::Action) {
        use mount::Action::{AllowCamera, Kernel, WithdrawCamera};
        let allowed = match action {
            AllowCamera => true,
            WithdrawCamera => false,
            Kernel(job) => {
                assert_eq!(
                    self.process,
                    Process::None,
                    "{job:?} while the process lives"
                );
                assert_eq!(self.pending.replace(job), None);
                return;
            }
        };
        assert!(!allowed || self.bound);
        self.supervisor
            .handle(self.now, supervisor::Input::Allowed(allowed));
    }

    fn camera_action(&mut self, action: supervisor::Action) {
        use supervisor::Action::{Kill, Spawn, Start, Stop, Tell};
        match action {
            Spawn => {
                assert!(self.bound && self.process == Process::None);
                self.process = Process::Open;
            }
            Tell(news) => self.mount.handle(self.now, mount::Input::Camera(news)),
            Start if !self.missed_stop => self.process = Process::Streaming,
            Start => self.supervisor_hears(ChildNews::Failed { stuck: true }),
            Stop if !self.deaf => self.end(),
            Stop => {}
            Kill => self.end(),
        }
    }

    fn end(&mut self) {
        self.missed_stop |= self.process == Process::Streaming && !self.plugged;
        self.process = Process::None;
        self.supervisor_hears(ChildNews::Exited);
    }

    fn supervisor_hears(&mut self, news: ChildNews) {
        self.supervisor
            .handle(self.now, supervisor::Input::Child(news));
    }

    fn plug(&mut self, plugged: bool) {
        self.plugged = plugged;
        self.mount(mount::Input::Presence(plugged));
    }

    /// Time passes: deadlines, frames, and the kernel's answers.
    fn run(&mut self, time: Duration, stranger: bool) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            if self.mount.next_deadline().is_some_and(|at| at <= self.now) {
                self.mount.handle_timeout(self.now);
            }
            if self
                .supervisor
                .next_deadline()
                .is_some_and(|at| at <= self.now)
            {
                self.supervisor.handle_timeout(self.now);
            }
            self.carry_out();
            self.answer(stranger);
            if self.process == Process::Open && !self.deaf {
                self.child(ChildNews::Ready);
            }
            if self.process == Process::Streaming && self.plugged {
                self.child(ChildNews::Frame { frame_time: FRAME });
            }
        }
    }

    fn answer(&mut self, stranger: bool) {
        use mount::Job::{Bind, Identify, PowerDown, PowerUp, Unbind};
        let done = match self.pending.take() {
            Some(PowerUp) => Done::Powered(Ok(())),
            Some(PowerDown) => Done::PoweredDown(Ok(())),
            Some(Identify) if self.plugged => Done::Identified(Ok(Identity::Expected)),
            Some(Identify) => Done::Identified(Ok(Identity::Silent)),
            Some(Bind) => {
                (self.bound, self.missed_stop) = (self.plugged, false);
                Done::Bound(if self.plugged {
                    Ok(())
                } else {
                    Err("EREMOTEIO".into())
                })
            }
            Some(Unbind) if stranger => Done::Unbound(Err(UnbindError::Held("cam (41)".into()))),
            Some(Unbind) => {
                (self.bound, self.missed_stop) = (false, false);
                Done::Unbound(Ok(()))
            }
            None => return,
        };
        self.mount(mount::Input::Done(done));
    }
}

proptest! {
    #[test]
    fn a_camera_that_is_there_and_wanted_streams_in_the_end(
        steps in prop::collection::vec((0..8_u8, any::<bool>(), 0..2_000_u64), 1..40),
    ) {
        let mut board = Board::new();
        let mut stranger = false;
        for (what, value, time) in steps {
            match what {
                0..3 => board.plug(value),
                3..5 => board.supervisor(supervisor::Input::Demand(value)),
                5 => board.deaf = value,
                6 => stranger = value,
                _ if board.process != Process::None => {
                    board.end();
                    board.carry_out();
                }
                _ => {}
            }
            // Mostly shorter than the debounce time.
            board.run(Duration::from_millis(if time < 1_400 { time / 20 } else { time }), stranger);
        }
        board.deaf = false;
        board.plug(true);
        board.supervisor(supervisor::Input::Demand(true));
        board.run(Duration::from_secs(90), false);
        prop_assert_eq!(board.mount.state(), mount::State::Present);
        prop_assert_eq!(board.supervisor.state(), supervisor::State::Streaming);
        // Nobody wants it: an ordinary application may take it.
        board.supervisor(supervisor::Input::Demand(false));
        board.run(Duration::from_secs(2), false);
        prop_assert_eq!(board.process, Process::None);
        prop_assert_eq!(board.supervisor.state(), supervisor::State::Available);
        prop_assert_eq!((board.mount.next_deadline(), board.supervisor.next_deadline()), (None, None));
    }
}

#[test]
fn a_refused_start_is_cured_by_a_rebind() {
    let mut board = Board::new();
    board.missed_stop = true;
    board.plug(true);
    board.supervisor(supervisor::Input::Demand(true));
    board.run(Duration::from_secs(1), false);
    assert_eq!(board.process, Process::Streaming);
    assert!(!board.missed_stop);
    assert_eq!(board.mount.state(), mount::State::Present);
}
