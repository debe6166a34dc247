//! Tests of the supervisor: told scenarios, and random histories with a process that listens or does not.

use super::*;
use proptest::prelude::*;

const FRAME: ChildNews = ChildNews::Frame {
    frame_time: Duration::from_millis(33),
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A supervisor and the process that it believes to have.
struct Room {
    supervisor: Supervisor,
    now: Time,
    demand: bool,
    allowed: bool,
    shut_down: bool,
    alive: bool,
    asked: bool,
    killed: bool,
    /// When the process became unwanted.
    unwanted: Option<Time>,
    /// Whether a withdrawal is unanswered.
    withdrawn: bool,
    /// When the last process failed, and the wait that it earned at least.
    not_before: Option<Time>,
    failing: bool,
    taken: Vec<Action>,
}

impl Room {
    fn new() -> Self {
        Self {
            supervisor: Supervisor::new(Config::default(), Time::ZERO),
            now: Time::ZERO,
            demand: false,
            allowed: false,
            shut_down: false,
            alive: false,
            asked: false,
            killed: false,
            unwanted: None,
            withdrawn: false,
            not_before: None,
            failing: false,
            taken: Vec::new(),
        }
    }

    /// Allowed and wanted, with a process whose frames come.
    fn streaming() -> Self {
        let mut room = Self::new();
        room.tell(Input::Allowed(true));
        room.tell(Input::Demand(true));
        room.child(ChildNews::Ready);
        room.child(FRAME);
        room.took();
        room
    }

    fn tell(&mut self, input: Input) {
        match input {
            Input::Demand(demand) => self.demand = demand,
            Input::Allowed(allowed) => {
                self.withdrawn |= self.allowed && !allowed;
                if allowed && !self.allowed {
                    self.withdrawn = false;
                    self.not_before = None;
                }
                self.allowed = allowed;
            }
            Input::Shutdown => self.shut_down = true,
            Input::Child(ChildNews::Failed { .. }) => self.failing |= !self.asked && !self.killed,
            Input::Child(ChildNews::Exited) => {
                if self.failing || (!self.asked && !self.killed) {
                    self.not_before = Some(self.now + *Config::default().waits.start());
                }
                (self.alive, self.asked, self.killed, self.failing) = (false, false, false, false);
            }
            Input::Child(_) => {}
        }
        self.supervisor.handle(self.now, input);
        self.settle();
    }

    fn child(&mut self, news: ChildNews) {
        if self.alive {
            self.tell(Input::Child(news));
        }
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.supervisor.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.supervisor.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
    }

    fn took(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.taken)
    }

    fn settle(&mut self) {
        while let Some(action) = self.supervisor.poll_action() {
            self.taken.push(action);
            match action {
                Action::Spawn => {
                    assert!(!self.alive, "a second process");
                    assert!(self.wanted(), "a process that nobody wants");
                    assert!(
                        self.not_before.is_none_or(|at| at <= self.now),
                        "started too soon"
                    );
                    self.alive = true;
                    self.not_before = None;
                }
                Action::Start => assert!(self.alive && self.wanted() && !self.asked),
                Action::Stop => {
                    assert!(self.alive && !self.asked && !self.killed);
                    self.asked = true;
                }
                Action::Kill => {
                    assert!(self.alive && !self.killed);
                    self.failing |= !self.asked;
                    self.killed = true;
                }
                Action::Tell(CameraNews::Gone) => {
                    assert!(!self.alive && self.withdrawn, "gone, but not asked");
                    self.withdrawn = false;
                }
                Action::Tell(CameraNews::Idle) => assert!(!self.alive && !self.wanted()),
                Action::Tell(_) => assert!(self.alive),
            }
        }
        self.verify_invariants();
    }

    fn wanted(&self) -> bool {
        self.demand && self.allowed && !self.shut_down
    }

    /// The invariants at the top of the module; 1, 5 and 6 are also checked with every action.
    fn verify_invariants(&mut self) {
        let deadline = self.supervisor.next_deadline();
        assert_eq!(self.supervisor.has_child(), self.alive);
        // 2.
        if self.alive && !self.wanted() {
            assert!(self.asked || self.killed || self.failing);
            let since = *self.unwanted.get_or_insert(self.now);
            if self.now >= since + Config::default().shutdown_limit {
                assert!(self.killed, "it was given time enough");
            }
        } else {
            self.unwanted = None;
        }
        // 3 and 4.
        let expected = if self.alive {
            !self.killed
        } else {
            self.wanted()
        };
        assert_eq!(deadline.is_some(), expected);
        assert!(deadline.is_none_or(|at| at > self.now));
        // 6.
        assert!(self.alive || !self.withdrawn);
        // What is shown.
        let state = self.supervisor.state();
        assert_eq!(state == State::Absent, !self.allowed);
        if self.allowed {
            assert_eq!(state == State::Available, !self.alive && !self.wanted());
        }
    }
}

use Action::{Kill, Spawn, Start, Stop, Tell};

#[test]
fn a_camera_is_started_for_whoever_wants_it_and_ended_after_the_last() {
    let mut room = Room::new();
    room.tell(Input::Demand(true));
    assert_eq!(
        (room.supervisor.state(), room.took()),
        (State::Absent, vec![])
    );
    room.tell(Input::Allowed(true));
    assert_eq!(
        (room.supervisor.state(), room.took()),
        (State::Starting, vec![Spawn])
    );
    room.child(ChildNews::Ready);
    assert_eq!(room.took(), [Tell(CameraNews::Starting), Start]);
    room.child(FRAME);
    room.child(FRAME);
    assert_eq!(room.took(), [Tell(CameraNews::Streaming)]);
    assert_eq!(room.supervisor.state(), State::Streaming);
    room.tell(Input::Demand(false));
    assert_eq!(
        (room.supervisor.state(), room.took()),
        (State::Stopping, vec![Stop])
    );
    room.child(ChildNews::Exited);
    assert_eq!(room.took(), [Tell(CameraNews::Idle)]);
    assert_eq!(room.supervisor.state(), State::Available);
    assert_eq!(room.supervisor.restarts(), 0);
}

#[test]
fn ready_when_nobody_wants_frames_any_more() {
    let mut room = Room::new();
    room.tell(Input::Allowed(true));
    room.tell(Input::Demand(true));
    room.tell(Input::Demand(false));
    assert_eq!(room.took(), [Spawn, Stop]);
    room.child(ChildNews::Ready);
    room.child(FRAME);
    assert_eq!(room.took(), []);
    // It does not listen.
    room.wait(ms(999));
    assert_eq!(room.took(), []);
    room.wait(ms(1));
    assert_eq!(room.took(), [Kill]);
    room.child(ChildNews::Exited);
    assert_eq!(room.took(), [Tell(CameraNews::Idle)]);
}

#[test]
fn wanted_again_while_it_ends() {
    let mut room = Room::streaming();
    for _ in 0..3 {
        room.tell(Input::Demand(false));
        room.tell(Input::Demand(true));
    }
    assert_eq!(
        (room.supervisor.state(), room.took()),
        (State::Stopping, vec![Stop])
    );
    room.child(ChildNews::Exited);
    assert_eq!(room.took(), [Spawn]);
    assert_eq!(room.supervisor.restarts(), 0);
}

#[test]
fn a_stall_is_told_and_ended_and_started_again() {
    let mut room = Room::streaming();
    room.wait(ms(2999));
    assert_eq!(room.took(), []);
    room.wait(ms(1));
    assert_eq!(room.took(), [Tell(CameraNews::Stalled), Kill]);
    assert_eq!(room.supervisor.state(), State::Restarting);
    room.child(ChildNews::Exited);
    room.wait(ms(199));
    assert_eq!(room.took(), []);
    room.wait(ms(1));
    assert_eq!(room.took(), [Spawn]);
    assert_eq!(room.supervisor.restarts(), 1);
}

#[test]
fn a_long_exposure_is_no_stall() {
    let mut room = Room::streaming();
    room.child(ChildNews::Frame {
        frame_time: ms(2000),
    });
    room.wait(ms(7999));
    assert_eq!(room.took(), []);
    room.wait(ms(1));
    assert_eq!(room.took(), [Tell(CameraNews::Stalled), Kill]);
}

#[test]
fn a_start_that_never_ends() {
    let mut room = Room::new();
    room.tell(Input::Allowed(true));
    room.tell(Input::Demand(true));
    room.wait(ms(20_000));
    assert_eq!(room.took(), [Spawn, Kill]);
    room.child(ChildNews::Exited);
    room.wait(ms(200));
    room.child(ChildNews::Ready);
    room.wait(ms(20_000));
    let told = [Tell(CameraNews::Starting), Start, Tell(CameraNews::Stalled)];
    assert_eq!(room.took(), [&[Spawn], &told[..], &[Kill]].concat());
}

#[test]
fn failures_are_repeated_ever_more_slowly_until_frames_come_for_a_while() {
    let mut room = Room::new();
    room.tell(Input::Allowed(true));
    room.tell(Input::Demand(true));
    for wait in [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
        assert_eq!(room.took(), [Spawn]);
        room.child(ChildNews::Exited);
        room.wait(ms(wait - 1));
        assert_eq!(room.took(), []);
        room.wait(ms(1));
    }
    room.child(ChildNews::Ready);
    for _ in 0..11 {
        room.child(FRAME);
        room.wait(ms(1000));
    }
    room.took();
    room.child(ChildNews::Exited);
    room.wait(ms(200));
    assert_eq!(room.took(), [Spawn]);
}

/// Demand that comes and goes does not shorten the wait.
#[test]
fn a_client_that_asks_again_and_again_starts_no_storm() {
    let mut room = Room::new();
    room.tell(Input::Allowed(true));
    room.tell(Input::Demand(true));
    room.child(ChildNews::Exited);
    for _ in 0..10 {
        room.tell(Input::Demand(false));
        room.tell(Input::Demand(true));
        room.wait(ms(19));
    }
    assert_eq!(room.took(), [Spawn, Tell(CameraNews::Idle)]);
    room.wait(ms(10));
    assert_eq!(room.took(), [Spawn]);
}

#[test]
fn a_refused_start_of_the_main_camera_backs_off() {
    let mut room = Room::new();
    room.tell(Input::Allowed(true));
    room.tell(Input::Demand(true));
    for wait in [200, 400, 800] {
        room.child(ChildNews::Ready);
        room.took();
        room.child(ChildNews::Failed { stuck: true });
        assert_eq!(room.took(), [Tell(CameraNews::StartRefused)]);
        assert_eq!(room.supervisor.state(), State::Restarting);
        room.child(ChildNews::Exited);
        room.wait(ms(wait - 1));
        assert_eq!(room.took(), []);
        room.wait(ms(1));
        assert_eq!(room.took(), [Spawn]);
    }
}

/// The mount machine answers a refusal with a withdrawal, a rebind, and a new permission, all within the wait.
#[test]
fn a_refused_start_of_the_mount_is_tried_again_as_soon_as_it_is_allowed() {
    let mut room = Room::new();
    room.tell(Input::Allowed(true));
    room.tell(Input::Demand(true));
    room.child(ChildNews::Ready);
    room.child(ChildNews::Failed { stuck: true });
    room.tell(Input::Allowed(false));
    room.took();
    room.child(ChildNews::Exited);
    assert_eq!(room.took(), [Tell(CameraNews::Gone)]);
    room.wait(ms(1000));
    assert_eq!(room.took(), []);
    room.tell(Input::Allowed(true));
    assert_eq!(room.took(), [Spawn]);
}

#[test]
fn a_withdrawal_leaves_less_time_and_is_answered_once() {
    let mut room = Room::streaming();
    room.tell(Input::Allowed(false));
    assert_eq!(
        (room.supervisor.state(), room.took()),
        (State::Absent, vec![Stop])
    );
    room.wait(ms(299));
    assert_eq!(room.took(), []);
    room.wait(ms(1));
    assert_eq!(room.took(), [Kill]);
    room.child(ChildNews::Exited);
    room.tell(Input::Allowed(false));
    assert_eq!(room.took(), [Tell(CameraNews::Gone)]);
    room.tell(Input::Allowed(true));
    room.took();
    room.tell(Input::Demand(false));
    room.child(ChildNews::Exited);
    room.took();
    // Answered at once where there is no process.
    room.tell(Input::Allowed(false));
    assert_eq!(room.took(), [Tell(CameraNews::Gone)]);
}

#[test]
fn a_shutdown_ends_in_order_and_then_by_force() {
    let mut room = Room::streaming();
    room.tell(Input::Shutdown);
    assert_eq!(room.took(), [Stop]);
    room.wait(ms(1500));
    // The usual time of a stop is shorter than that of a shutdown, and is not what counts.
    assert_eq!(room.took(), [Kill]);
    assert!(room.supervisor.has_child());
    room.child(ChildNews::Exited);
    assert!(!room.supervisor.has_child());
    room.tell(Input::Demand(true));
    room.tell(Input::Allowed(true));
    room.wait(ms(60_000));
    assert_eq!(room.took(), [Tell(CameraNews::Idle)]);
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        40 => any::<bool>().prop_map(Input::Demand),
        30 => any::<bool>().prop_map(Input::Allowed),
        40 => Just(Input::Child(ChildNews::Ready)),
        40 => (0..5_000_u64).prop_map(|n| Input::Child(ChildNews::Frame { frame_time: ms(n) })),
        10 => any::<bool>().prop_map(|stuck| Input::Child(ChildNews::Failed { stuck })),
        30 => Just(Input::Child(ChildNews::Exited)),
        1 => Just(Input::Shutdown),
    ]
}

proptest! {
    #[test]
    fn invariants_hold_in_random_histories(
        steps in prop::collection::vec((input(), 0..30_000_u64, 0..4_u8), 1..80),
    ) {
        let mut room = Room::new();
        for (input, time, patience) in steps {
            match input {
                Input::Child(news) => room.child(news),
                other => room.tell(other),
            }
            // Mostly short waits, sometimes a call that comes late.
            match patience {
                0 => {
                    room.now += ms(time);
                    room.supervisor.handle_timeout(room.now);
                    room.settle();
                }
                1 => room.wait(ms(time)),
                _ => room.wait(ms(time / 100)),
            }
        }
        // Whatever was: when all ends, nothing is left.
        room.tell(Input::Shutdown);
        room.wait(ms(1_500));
        room.child(ChildNews::Exited);
        prop_assert!(!room.supervisor.has_child());
        prop_assert_eq!(room.supervisor.next_deadline(), None);
    }
}
