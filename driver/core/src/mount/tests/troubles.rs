//! What goes wrong while a module is there: stalls, refusals, other and silent sensors, strangers, actions that fail or
//! never end, contacts that flap.

use super::*;
use world::Outcome;

#[test]
fn a_bounce_that_stalls_the_stream_leads_to_a_rebind() {
    let mut world = streaming();
    world.plug(None);
    world.wait(ms(20));
    world.plug(Some(Kind::Right));
    world.run(ms(1000));
    assert_eq!(world.took(), []);
    world.news(CameraNews::Stalled);
    world.run(ms(200));
    assert_eq!(world.took(), [WithdrawCamera, UNBIND, BIND, AllowCamera]);
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn a_stall_without_a_bounce_is_the_supervisors_business() {
    let mut world = streaming();
    world.news(CameraNews::Stalled);
    assert_eq!(world.machine.state(), State::Stalled);
    assert!(at_rest(&world));
    world.news(CameraNews::Streaming);
    assert_eq!(world.machine.state(), State::Present);
    world.news(CameraNews::Stalled);
    world.end_process();
    assert_eq!(world.machine.state(), State::Present);
    assert_eq!(world.took(), []);
}

#[test]
fn a_refused_start_leads_to_a_rebind_and_a_second_one_to_a_wait() {
    let mut world = present();
    let rebind = [WithdrawCamera, UNBIND, BIND, AllowCamera];
    // A stranger's stream missed its stop, so nobody knew.
    world.missed_stop = true;
    world.start_stream();
    world.run(ms(200));
    assert_eq!(world.took(), rebind);
    for wait in [1000, 2000, 4000] {
        world.open_process();
        world.news(CameraNews::Starting);
        world.news(CameraNews::StartRefused);
        let retry = world.now + ms(wait);
        assert!(matches!(world.machine.state(), State::Faulted { retry: at, .. } if at == retry));
        world.run(ms(wait - 1));
        assert_eq!(world.took(), [WithdrawCamera, UNBIND]);
        world.run(ms(100));
        assert_eq!(world.took(), [BIND, AllowCamera]);
    }
    // Frames make all good: the next refusal is a first one.
    world.start_stream();
    world.news(CameraNews::StartRefused);
    world.run(ms(200));
    assert_eq!(world.took(), rebind);
}

#[test]
fn another_sensor_is_told_and_left_alone_until_the_next_plug() {
    let mut world = present();
    unplug(&mut world);
    world.run(ms(100));
    world.plug(Some(Kind::Other));
    world.run(ms(60_000));
    let found = "imx219".to_owned();
    assert_eq!(world.machine.state(), State::WrongSensor { found });
    assert!(at_rest(&world));
    assert_eq!(
        world.took(),
        [WithdrawCamera, POWER_UP, IDENTIFY, POWER_DOWN]
    );
    unplug(&mut world);
    world.plug(Some(Kind::Right));
    world.run(ms(200));
    assert_eq!(world.took(), TRIAL);
}

#[test]
fn a_silent_sensor_is_tried_three_times_and_then_ever_more_rarely() {
    let mut world = World::bound(Some(Kind::Dead));
    let tries = [POWER_UP, IDENTIFY, POWER_DOWN].repeat(3);
    let mut waits = Vec::new();
    for _ in 0..7 {
        world.time_to(|state| matches!(state, State::Faulted { .. }));
        let State::Faulted { retry, ref reason } = world.machine.state() else {
            unreachable!("waited for");
        };
        assert_eq!(reason, "nothing answers at the sensor's address");
        waits.push((retry - world.now).as_millis().div_ceil(1000));
        world.run(retry - world.now);
        assert_eq!(world.took(), tries);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    // It comes to life by itself.
    world.module = Some(Kind::Right);
    world.run(ms(31_000));
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn each_answer_of_a_trial_may_fail_once() {
    for bound in [true, false] {
        for failing in 0..3 {
            let mut world = World::new(Config::default(), (bound, bound), Some(Kind::Right));
            for step in 0..20 {
                world.wait(ms(100));
                world.answer(if step == failing {
                    Outcome::Failure
                } else {
                    Outcome::True
                });
            }
            world.run(ms(2000));
            assert_eq!(world.machine.state(), State::Present, "{bound} {failing}");
        }
    }
}

#[test]
fn a_bind_that_fails_may_have_come_half_way_so_it_is_undone_first() {
    let mut world = World::new(Config::default(), (false, false), Some(Kind::Right));
    for _ in 0..3 {
        world.wait(ms(100));
        assert_eq!(world.pending, Some(Job::Bind));
        world.answer(Outcome::Failure);
        assert!(world.sensor_bound);
        assert_eq!(world.pending, Some(Job::Unbind));
        world.answer(Outcome::True);
    }
    let state = world.machine.state();
    assert!(
        matches!(state, State::Faulted { ref reason, .. } if reason == "it failed"),
        "{state:?}"
    );
    assert_eq!(world.took(), [BIND, UNBIND].repeat(3));
    world.run(ms(1100));
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn a_stranger_who_holds_the_chain_is_waited_for_and_named() {
    let mut world = streaming();
    world.stranger = true;
    unplug(&mut world);
    world.run(ms(1900));
    // Away is away, whoever holds what.
    assert_eq!(world.machine.state(), State::Absent);
    assert_eq!(
        world.took(),
        [WithdrawCamera, UNBIND, UNBIND, UNBIND, UNBIND]
    );
    world.plug(Some(Kind::Right));
    world.run(ms(1000));
    let reason = "the drivers must be bound anew, but cam (41) has /dev/media3 open".to_owned();
    assert_eq!(world.machine.state(), State::Stuck { reason });
    assert_eq!(world.took(), [UNBIND, UNBIND]);
    world.stranger = false;
    assert!(world.time_to(is_present) <= world.config.holders_poll + ms(30));
    assert_eq!(world.took(), [UNBIND, BIND, AllowCamera]);
}

#[test]
fn an_unbind_that_the_kernel_refuses_is_repeated_ever_more_rarely() {
    let mut world = World::new(Config::default(), (false, true), Some(Kind::Right));
    for wait in [1000, 2000, 4000] {
        world.wait(ms(100));
        world.answer(Outcome::Failure);
        assert_eq!(world.took(), [UNBIND]);
        world.wait(ms(wait - 1));
        assert_eq!(world.took(), []);
        assert!(matches!(world.machine.state(), State::Stuck { .. }));
        world.wait(ms(1));
    }
    world.run(ms(100));
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn an_action_that_never_ends_is_told_and_nothing_is_piled_upon_it() {
    let mut world = World::new(Config::default(), (false, false), Some(Kind::Right));
    world.wait(ms(70));
    assert_eq!(world.took(), [BIND]);
    world.wait(ms(10_000));
    let reason = "binding the drivers takes longer than 10s".to_owned();
    assert_eq!(world.machine.state(), State::Stuck { reason });
    assert_eq!(world.machine.next_deadline(), None);
    // The absence is told all the same, and the next plug waits.
    unplug(&mut world);
    world.plug(Some(Kind::Right));
    world.wait(ms(60_000));
    assert!(matches!(world.machine.state(), State::Stuck { .. }));
    assert_eq!(world.took(), []);
    // It ends after all: what it did is checked like any bound chain.
    world.answer(Outcome::True);
    world.run(ms(200));
    assert_eq!(world.took(), TRIAL);
}

#[test]
fn a_process_that_never_ends_is_told() {
    let mut world = streaming();
    unplug(&mut world);
    world.plug(Some(Kind::Right));
    world.wait(ms(10_000));
    assert!(matches!(world.machine.state(), State::Stuck { ref reason } if reason == CAMERA_STAYS));
    assert_eq!(world.took(), [WithdrawCamera]);
    world.run(ms(200));
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn a_module_that_comes_too_often_must_stay_before_it_is_tried() {
    let mut world = World::bound(None);
    let mut tried = 0;
    for _ in 0..10 {
        world.plug(Some(Kind::Right));
        world.run(ms(150));
        tried += world
            .took()
            .iter()
            .filter(|&&action| action == POWER_UP)
            .count();
        world.plug(None);
        world.run(ms(100));
    }
    assert_eq!(tried, world.config.flap_limit);
    world.plug(Some(Kind::Right));
    world.run(ms(60));
    assert!(matches!(world.machine.state(), State::Flapping { .. }));
    assert!(world.time_to(is_present) <= *world.config.flap_waits.end() + ms(100));
    // After a quiet while a plug is a plug.
    world.run(ms(10_000));
    unplug(&mut world);
    world.plug(Some(Kind::Right));
    assert!(world.time_to(is_present) < ms(100));
}

#[test]
fn an_answer_to_nothing_is_ignored() {
    let mut world = present();
    for done in [
        Done::Bound(Err("late".into())),
        Done::Unbound(Ok(())),
        Done::Identified(Ok(Identity::Silent)),
    ] {
        world.tell(Input::Done(done));
    }
    assert_eq!(
        (world.machine.state(), world.took()),
        (State::Present, vec![])
    );
}
