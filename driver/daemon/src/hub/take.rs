//! A recording under way: which cameras are to be told what, and when it is over.
//!
//! A camera is told to record as soon as it streams, again after it was away, and to end when it has what was asked
//! for or everything ends. Pure: the event loop tells what happened and how the cameras stand, and carries out the
//! orders.

use crate::report::{CameraName, RecordingEnd};
use std::time::Duration;

/// Longest time from the start to the first frame: a camera may have to start first, and to be tried before.
const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(60);
/// All cameras of a recording have to be away for so long that it is over: a contact that is loose, a hand that plugs
/// a module again.
const AWAY_LIMIT: Duration = Duration::from_secs(10);
/// Longest time for the frames that are being encoded when the end comes.
const CAMERA_END_LIMIT: Duration = Duration::from_secs(5);

/// How a camera stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its sensor is not there.
    Absent,
    /// It is there and does not stream, yet or just now.
    There,
    /// It streams.
    Streams,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// Tell a camera to record, from this frame number on.
    Record(CameraName, u32),
    /// Tell a camera to end.
    EndRecord(CameraName),
    /// Nothing comes from the cameras any more: write what waits, and the end.
    Finish(RecordingEnd, Option<String>),
}

/// A recording.
#[derive(Clone, Debug)]
pub(super) struct Take {
    parts: Vec<Part>,
    duration: Option<Duration>,
    started: Duration,
    begun: Option<Duration>,
    ending: Option<Ending>,
    finished: bool,
}

/// One of its cameras.
#[derive(Clone, Debug)]
struct Part {
    camera: CameraName,
    state: State,
    next: u32,
    away_since: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be told, when it streams.
    Waiting,
    /// Told to record.
    Recording,
    /// To be told to end.
    Complete,
    /// Told to end.
    Ending,
    /// Nothing more comes.
    Done,
}

#[derive(Clone, Debug)]
struct Ending {
    reason: RecordingEnd,
    message: Option<String>,
    deadline: Duration,
}

impl Take {
    /// Of these cameras, for so long from the first frame on.
    pub(super) fn new(now: Duration, cameras: &[CameraName], duration: Option<Duration>) -> Self {
        let part = |&camera| Part {
            camera,
            state: State::Waiting,
            next: 1,
            away_since: None,
        };
        Self {
            parts: cameras.iter().map(part).collect(),
            duration,
            started: now,
            begun: None,
            ending: None,
            finished: false,
        }
    }

    /// A raw frame came, or was dropped.
    pub(super) fn frame(&mut self, now: Duration, camera: CameraName, number: u32) {
        self.begun.get_or_insert(now);
        if let Some(part) = self.part(camera) {
            part.next = part.next.max(number.saturating_add(1));
        }
    }

    /// A camera has as many frames as were asked for.
    pub(super) fn complete(&mut self, camera: CameraName) {
        if let Some(part) = self.part(camera)
            && part.state == State::Recording
        {
            part.state = State::Complete;
        }
    }

    /// A camera's last frame has come.
    pub(super) fn ended(&mut self, camera: CameraName) {
        if let Some(part) = self.part(camera) {
            part.state = State::Done;
        }
    }

    /// A camera's process is gone; whether it was recorded.
    pub(super) fn process_gone(&mut self, camera: CameraName) -> bool {
        let Some(part) = self.part(camera) else {
            return false;
        };
        let recorded = part.state != State::Waiting && part.state != State::Done;
        part.state = match part.state {
            State::Waiting | State::Recording => State::Waiting,
            State::Complete | State::Ending | State::Done => State::Done,
        };
        recorded
    }

    /// It is over, for this reason; the first one counts.
    pub(super) fn end(&mut self, now: Duration, reason: RecordingEnd, message: Option<String>) {
        let deadline = now + CAMERA_END_LIMIT;
        self.ending.get_or_insert(Ending {
            reason,
            message,
            deadline,
        });
    }

    /// What is to be done now.
    pub(super) fn settle(
        &mut self,
        now: Duration,
        standing: impl Fn(CameraName) -> Standing,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        for part in &mut self.parts {
            match standing(part.camera) {
                Standing::Absent => drop(part.away_since.get_or_insert(now)),
                Standing::There => part.away_since = None,
                Standing::Streams => {
                    part.away_since = None;
                    if part.state == State::Waiting && self.ending.is_none() {
                        part.state = State::Recording;
                        acts.push(Act::Record(part.camera, part.next));
                    }
                }
            }
        }
        if let Some((reason, message)) = self.over(now) {
            self.end(now, reason, message);
        }
        let ending = self.ending.is_some();
        for part in &mut self.parts {
            match part.state {
                State::Waiting if ending => part.state = State::Done,
                State::Recording if ending => part.state = State::Complete,
                _ => {}
            }
            if part.state == State::Complete {
                part.state = State::Ending;
                acts.push(Act::EndRecord(part.camera));
            }
        }
        if let Some(ending) = &self.ending
            && !self.finished
            && (self.all_done() || ending.deadline <= now)
        {
            self.finished = true;
            acts.push(Act::Finish(ending.reason, ending.message.clone()));
        }
        acts
    }

    /// Whether it is over by itself, and why.
    fn over(&self, now: Duration) -> Option<(RecordingEnd, Option<String>)> {
        if self.all_done() {
            return Some((RecordingEnd::Complete, None));
        }
        if self.away_until().is_some_and(|until| until <= now) {
            let seconds = AWAY_LIMIT.as_secs();
            let message = format!("no camera of it has been there for {seconds} s");
            return Some((RecordingEnd::CamerasGone, Some(message)));
        }
        match self.begun {
            None if self.started + FIRST_FRAME_LIMIT <= now => {
                let seconds = FIRST_FRAME_LIMIT.as_secs();
                let message = format!("no frame came within {seconds} s; see the cameras' states");
                Some((RecordingEnd::Camera, Some(message)))
            }
            Some(begun)
                if self
                    .duration
                    .is_some_and(|duration| begun + duration <= now) =>
            {
                Some((RecordingEnd::Complete, None))
            }
            _ => None,
        }
    }

    /// When the next thing happens by itself.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        if self.finished {
            return None;
        }
        if let Some(ending) = &self.ending {
            return Some(ending.deadline);
        }
        let frames = match self.begun {
            None => Some(self.started + FIRST_FRAME_LIMIT),
            Some(begun) => self.duration.map(|duration| begun + duration),
        };
        frames.into_iter().chain(self.away_until()).min()
    }

    /// Until when a camera has to be back, where all are away.
    fn away_until(&self) -> Option<Duration> {
        let open = self.parts.iter().filter(|part| part.state != State::Done);
        let since: Option<Vec<Duration>> = open.map(|part| part.away_since).collect();
        since?.into_iter().max().map(|since| since + AWAY_LIMIT)
    }

    fn all_done(&self) -> bool {
        self.parts.iter().all(|part| part.state == State::Done)
    }

    fn part(&mut self, camera: CameraName) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.camera == camera)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CameraName::{Main, Mount};
    use Standing::{Absent, Streams, There};
    use proptest::prelude::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn both(take: &mut Take, now: u64, standing: Standing) -> Vec<Act> {
        take.settle(s(now), |_| standing)
    }

    fn finish(reason: RecordingEnd) -> Act {
        Act::Finish(reason, None)
    }

    #[test]
    fn cameras_are_told_when_they_stream_and_end_together() {
        let mut take = Take::new(s(0), &[Main, Mount], None);
        assert_eq!(both(&mut take, 0, There), []);
        let main = |camera| if camera == Main { Streams } else { There };
        assert_eq!(take.settle(s(1), main), [Act::Record(Main, 1)]);
        assert_eq!(both(&mut take, 2, Streams), [Act::Record(Mount, 1)]);
        take.frame(s(2), Main, 1);
        assert_eq!(take.next_deadline(), None, "nothing happens by itself");
        take.end(s(3), RecordingEnd::Stopped, None);
        let ends = [Act::EndRecord(Main), Act::EndRecord(Mount)];
        assert_eq!(both(&mut take, 3, Streams), ends);
        take.ended(Mount);
        assert_eq!(both(&mut take, 4, Streams), []);
        take.ended(Main);
        assert_eq!(both(&mut take, 4, Streams), [finish(RecordingEnd::Stopped)]);
        assert_eq!(both(&mut take, 5, Streams), [], "once");
    }

    #[test]
    fn a_camera_that_was_away_goes_on_counting() {
        let mut take = Take::new(s(0), &[Main, Mount], None);
        both(&mut take, 0, Streams);
        take.frame(s(1), Main, 40);
        take.frame(s(1), Mount, 7);
        assert!(take.process_gone(Mount));
        assert!(!take.process_gone(Mount), "told once");
        let away = |camera| if camera == Main { Streams } else { Absent };
        assert_eq!(take.settle(s(100), away), []);
        assert_eq!(take.next_deadline(), None, "the other one is there");
        assert_eq!(both(&mut take, 200, Streams), [Act::Record(Mount, 8)]);
    }

    #[test]
    fn without_any_camera_it_ends_after_a_while() {
        let mut take = Take::new(s(0), &[Mount], None);
        both(&mut take, 0, Streams);
        take.frame(s(1), Mount, 1);
        take.process_gone(Mount);
        assert_eq!(both(&mut take, 5, Absent), []);
        assert_eq!(take.next_deadline(), Some(s(5) + AWAY_LIMIT));
        assert_eq!(both(&mut take, 14, There), [], "back again");
        assert_eq!(both(&mut take, 20, Absent), []);
        let acts = both(&mut take, 30, Absent);
        assert!(matches!(
            acts[..],
            [Act::Finish(RecordingEnd::CamerasGone, Some(_))]
        ));
    }

    #[test]
    fn time_counts_from_the_first_frame() {
        let mut take = Take::new(s(0), &[Main], Some(s(10)));
        both(&mut take, 0, Streams);
        take.frame(s(7), Main, 1);
        assert_eq!(take.next_deadline(), Some(s(17)));
        assert_eq!(both(&mut take, 16, Streams), []);
        assert_eq!(both(&mut take, 17, Streams), [Act::EndRecord(Main)]);
        take.ended(Main);
        assert_eq!(
            both(&mut take, 17, Streams),
            [finish(RecordingEnd::Complete)]
        );
    }

    #[test]
    fn each_camera_ends_when_it_has_its_frames() {
        let mut take = Take::new(s(0), &[Main, Mount], None);
        both(&mut take, 0, Streams);
        take.frame(s(1), Main, 5);
        take.complete(Main);
        assert_eq!(both(&mut take, 1, Streams), [Act::EndRecord(Main)]);
        take.ended(Main);
        take.complete(Mount);
        assert_eq!(both(&mut take, 2, Streams), [Act::EndRecord(Mount)]);
        assert!(take.process_gone(Mount), "it has what it needs");
        assert_eq!(both(&mut take, 2, There), [finish(RecordingEnd::Complete)]);
    }

    #[test]
    fn a_camera_that_says_nothing_is_not_waited_for_long() {
        let mut take = Take::new(s(0), &[Main], None);
        both(&mut take, 0, There);
        let acts = both(&mut take, 60, There);
        assert!(
            matches!(acts[..], [Act::Finish(RecordingEnd::Camera, Some(_))]),
            "{acts:?}"
        );

        let mut take = Take::new(s(0), &[Main], None);
        both(&mut take, 0, Streams);
        take.frame(s(1), Main, 1);
        take.end(s(2), RecordingEnd::Stopped, None);
        take.end(s(3), RecordingEnd::Camera, None);
        assert_eq!(both(&mut take, 3, Streams), [Act::EndRecord(Main)]);
        assert_eq!(take.next_deadline(), Some(s(2) + CAMERA_END_LIMIT));
        assert_eq!(both(&mut take, 7, Streams), [finish(RecordingEnd::Stopped)]);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Stand(bool, u8),
        Frame(bool, u32),
        Complete(bool),
        Ended(bool),
        Gone(bool),
        Wait(u64),
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            (any::<bool>(), 0..3_u8).prop_map(|(camera, how)| Op::Stand(camera, how)),
            (any::<bool>(), 1..100_u32).prop_map(|(camera, number)| Op::Frame(camera, number)),
            any::<bool>().prop_map(Op::Complete),
            any::<bool>().prop_map(Op::Ended),
            any::<bool>().prop_map(Op::Gone),
            (0..30_u64).prop_map(Op::Wait),
        ];
        prop::collection::vec(op, 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        /// Whatever happens: numbers ascend, a camera is told to end once after it was told to record, the end comes
        /// once and within its time after it was asked for.
        #[test]
        fn it_always_comes_to_an_end(ops in ops(), ask in 0..60_usize) {
            let name = |mount: bool| if mount { Mount } else { Main };
            let mut take = Take::new(s(0), &[Main, Mount], None);
            let (mut now, mut standing, mut next) = (0, [There; 2], [1; 2]);
            let (mut recording, mut finished) = ([false; 2], 0);
            let mut act = |take: &mut Take, now: u64, standing: [Standing; 2], recording: &mut [bool; 2], next: &[u32; 2]| {
                for act in take.settle(s(now), |camera| standing[camera as usize]) {
                    match act {
                        Act::Record(camera, first) => {
                            assert!(first >= next[camera as usize]);
                            assert!(!std::mem::replace(&mut recording[camera as usize], true));
                        }
                        Act::EndRecord(camera) => {
                            assert!(std::mem::take(&mut recording[camera as usize]));
                        }
                        Act::Finish(..) => finished += 1,
                    }
                }
                finished
            };
            for (i, op) in ops.into_iter().enumerate() {
                match op {
                    Op::Stand(mount, how) => {
                        standing[usize::from(mount)] = [Absent, There, Streams][usize::from(how)];
                    }
                    Op::Frame(mount, number) => {
                        take.frame(s(now), name(mount), number);
                        let next = &mut next[usize::from(mount)];
                        *next = (*next).max(number + 1);
                    }
                    Op::Complete(mount) => take.complete(name(mount)),
                    Op::Ended(mount) => {
                        recording[usize::from(mount)] = false;
                        take.ended(name(mount));
                    }
                    Op::Gone(mount) => {
                        recording[usize::from(mount)] = false;
                        take.process_gone(name(mount));
                    }
                    Op::Wait(seconds) => now += seconds,
                }
                if i == ask {
                    take.end(s(now), RecordingEnd::Stopped, None);
                }
                act(&mut take, now, standing, &mut recording, &next);
            }
            take.end(s(now), RecordingEnd::Stopped, None);
            act(&mut take, now, standing, &mut recording, &next);
            if let Some(deadline) = take.next_deadline() {
                prop_assert!(deadline <= s(now) + CAMERA_END_LIMIT);
                now += CAMERA_END_LIMIT.as_secs();
            }
            prop_assert_eq!(act(&mut take, now, standing, &mut recording, &next), 1);
            prop_assert_eq!(take.next_deadline(), None);
        }
    }
}
