//! Random histories. `PROPTEST_CASES` says how many; 100,000 take about a minute.

use super::super::*;
use super::world::{Kind, Outcome, Process, World, ms};
use crate::lens::LensPins;
use proptest::prelude::*;
use std::time::Duration;

/// One step of a history.
#[derive(Clone, Copy, Debug)]
enum Op {
    Plug(Kind),
    Unplug,
    /// The line moves twice, this far apart.
    Bounce(Duration),
    TurnLens(LensPins),
    /// The machine is called at every deadline.
    Wait(Duration),
    /// It is called once, late.
    Sleep(Duration),
    Answer(Outcome),
    StrayAnswer,
    OpenProcess,
    StartStream,
    Stall,
    EndProcess,
    /// News that crosses a withdrawal.
    LateNews(CameraNews),
    Stranger(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![
        6 => Just(Kind::Right),
        1 => Just(Kind::Other),
        1 => Just(Kind::Dead),
    ];
    let outcome = prop_oneof![5 => Just(Outcome::True), 1 => Just(Outcome::Failure)];
    let time = prop_oneof![
        6 => 0..200_u64,
        2 => 200..3_000_u64,
        1 => 3_000..60_000_u64,
    ]
    .prop_map(ms);
    let pins =
        (0..64_u8, 0..4_u8).prop_filter_map("pins", |(code, frame)| LensPins::new(code, frame));
    let late = prop_oneof![
        Just(CameraNews::Starting),
        Just(CameraNews::Streaming),
        Just(CameraNews::Stalled),
        Just(CameraNews::StartRefused),
    ];
    prop_oneof![
        4 => kind.prop_map(Op::Plug),
        3 => Just(Op::Unplug),
        1 => (0..60_u64).prop_map(|n| Op::Bounce(ms(n))),
        1 => pins.prop_map(Op::TurnLens),
        8 => time.clone().prop_map(Op::Wait),
        2 => time.prop_map(Op::Sleep),
        12 => outcome.prop_map(Op::Answer),
        1 => Just(Op::StrayAnswer),
        2 => Just(Op::OpenProcess),
        4 => Just(Op::StartStream),
        1 => Just(Op::Stall),
        4 => Just(Op::EndProcess),
        1 => late.prop_map(Op::LateNews),
        1 => any::<bool>().prop_map(Op::Stranger),
    ]
}

fn apply(world: &mut World, op: Op) {
    match op {
        Op::Plug(kind) => world.plug(Some(kind)),
        Op::Unplug => world.plug(None),
        Op::Bounce(time) => {
            let module = world.module;
            world.plug(if module.is_some() {
                None
            } else {
                Some(Kind::Right)
            });
            world.wait(time);
            world.plug(module);
        }
        Op::TurnLens(pins) => world.turn_lens(pins),
        Op::Wait(time) => world.wait(time),
        Op::Sleep(time) => world.sleep(time),
        Op::Answer(outcome) => world.answer(outcome),
        Op::StrayAnswer => {
            if world.pending != Some(Job::Bind) {
                world.tell(Input::Done(Done::Bound(Ok(()))));
            }
        }
        Op::OpenProcess => world.open_process(),
        Op::StartStream => world.start_stream(),
        Op::Stall => {
            if world.allowed && world.process == Process::Streaming {
                world.news(CameraNews::Stalled);
            }
        }
        Op::EndProcess => world.end_process(),
        Op::LateNews(news) => {
            if world.withdrawn || !world.allowed {
                world.news(news);
            }
        }
        Op::Stranger(holds) => world.stranger = holds,
    }
}

/// From wherever a history has led: when all behave, the machine shows what is there, and a camera that is there
/// streams.
fn everything_ends_well(world: &mut World) {
    let patience = Duration::from_secs(100);
    world.stranger = false;
    world.run(patience);
    let state = world.machine.state();
    match world.module {
        None => assert_eq!(state, State::Absent),
        Some(Kind::Other) => {
            // A driver that is bound lets us ask who is there; one that is not says only that it is not for it.
            assert!(
                matches!(state, State::WrongSensor { .. } | State::Faulted { .. }),
                "{state:?}"
            );
        }
        Some(Kind::Dead) => assert!(matches!(state, State::Faulted { .. }), "{state:?}"),
        Some(Kind::Right) => {
            assert!(
                matches!(state, State::Present | State::Stalled),
                "{state:?}"
            );
            for _ in 0..2 {
                world.end_process();
                world.start_stream();
                world.run(patience);
            }
            assert_eq!(world.machine.state(), State::Present);
            assert_eq!(world.process, Process::Streaming);
        }
    }
}

proptest! {
    #[test]
    fn invariants_hold_in_random_histories(
        bound in any::<(bool, bool)>(),
        present in any::<bool>(),
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let mut world = World::new(Config::default(), bound, present.then_some(Kind::Right));
        for op in ops {
            apply(&mut world, op);
        }
        everything_ends_well(&mut world);
    }
}
