//! A module comes and goes: idle, streaming, tried, starting, stopping, bouncing, at the start.

use super::*;
use crate::lens::LensPins;
use world::Outcome;

#[test]
fn idle_a_module_goes_and_comes_and_its_drivers_stay_bound() {
    let mut world = present();
    for plugs in 2..20 {
        world.plug(None);
        assert_eq!(world.time_to(absent), world.config.presence_debounce);
        world.run(ms(2000));
        assert!(at_rest(&world));
        assert_eq!(world.took(), [WithdrawCamera]);
        world.plug(Some(Kind::Right));
        // Debounce, contacts, supplies, and a millisecond for each of three actions.
        assert!(world.time_to(is_present) <= ms(50 + 20 + 20 + 3));
        assert_eq!(world.took(), TRIAL);
        world.run(ms(2000));
        assert!(at_rest(&world));
        assert_eq!(world.machine.plugs(), plugs);
    }
    assert!(world.sensor_bound && world.receiver_bound);
}

#[test]
fn streaming_a_module_goes_and_its_chain_is_unbound_once_the_process_is_gone() {
    let mut world = streaming();
    unplug(&mut world);
    assert_eq!(world.took(), [WithdrawCamera]);
    // The process takes its time; nothing is touched meanwhile.
    world.wait(ms(5000));
    assert_eq!(world.took(), []);
    world.end_process();
    assert!(world.missed_stop);
    world.run(ms(100));
    assert_eq!(world.took(), [UNBIND]);
    assert!(at_rest(&world));
    world.plug(Some(Kind::Right));
    world.run(ms(200));
    assert_eq!(world.took(), [BIND, AllowCamera]);
    world.start_stream();
    assert_eq!(world.process, Process::Streaming);
}

#[test]
fn plugged_again_before_the_process_is_gone() {
    let mut world = streaming();
    unplug(&mut world);
    world.plug(Some(Kind::Right));
    world.wait(ms(500));
    assert_eq!(world.machine.state(), State::Detecting);
    assert_eq!(world.took(), [WithdrawCamera]);
    world.end_process();
    world.run(ms(100));
    assert_eq!(world.took(), [UNBIND, BIND, AllowCamera]);
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn unplugged_during_every_step_of_a_trial() {
    // Bound: power up, identify, power down. Unbound: bind.
    for (bound, steps) in [(true, 3), (false, 1)] {
        for step in 0..steps {
            let mut world = World::new(Config::default(), (bound, bound), None);
            world.plug(Some(Kind::Right));
            for _ in 0..step {
                world.wait(ms(100));
                world.answer(Outcome::True);
            }
            world.wait(ms(100));
            assert!(world.pending.is_some());
            unplug(&mut world);
            world.run(ms(500));
            assert!(at_rest(&world), "{bound} {step}");
            assert!(!world.allowed);
            world.took();
            world.plug(Some(Kind::Right));
            world.run(ms(500));
            assert_eq!(world.machine.state(), State::Present, "{bound} {step}");
        }
    }
}

#[test]
fn unplugged_while_the_stream_starts() {
    let mut world = present();
    world.open_process();
    world.news(CameraNews::Starting);
    unplug(&mut world);
    // The order to start reached the driver before the module went.
    world.process = Process::Streaming;
    world.end_process();
    world.run(ms(100));
    assert_eq!(world.took(), [WithdrawCamera, UNBIND]);
    world.plug(Some(Kind::Right));
    world.run(ms(200));
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn unplugged_before_the_stream_starts_needs_no_rebind() {
    let mut world = present();
    world.open_process();
    unplug(&mut world);
    world.end_process();
    world.run(ms(100));
    assert_eq!(world.took(), [WithdrawCamera]);
    assert!(at_rest(&world));
}

#[test]
fn unplugged_while_the_stream_stops() {
    // The process ends before the line has settled, but its stop was missed already.
    let mut world = streaming();
    world.plug(None);
    world.wait(ms(10));
    world.end_process();
    assert!(world.missed_stop);
    world.run(ms(500));
    assert_eq!(world.took(), [WithdrawCamera, UNBIND]);
    assert_eq!(world.machine.state(), State::Absent);
    // The same, with the module back within the debounce time: it is rebound and tried.
    let mut world = streaming();
    world.plug(None);
    world.wait(ms(10));
    world.end_process();
    world.plug(Some(Kind::Right));
    world.run(ms(500));
    assert_eq!(world.took(), [WithdrawCamera, UNBIND, BIND, AllowCamera]);
    assert_eq!(world.machine.state(), State::Present);
}

#[test]
fn twice_within_the_debounce_time_is_nothing() {
    let mut world = present();
    for _ in 0..2 {
        world.plug(None);
        world.wait(ms(20));
        world.plug(Some(Kind::Right));
        world.wait(ms(20));
    }
    world.run(ms(500));
    assert_eq!(world.took(), []);
    assert!(at_rest(&world));
    let mut world = World::bound(None);
    world.plug(Some(Kind::Right));
    world.wait(ms(49));
    world.plug(None);
    world.run(ms(500));
    assert_eq!((world.took(), world.machine.plugs()), (vec![], 0));
}

#[test]
fn half_bound_at_the_start() {
    for bound in [(true, false), (false, true)] {
        let mut world = World::new(Config::default(), bound, None);
        world.run(ms(100));
        assert_eq!(world.took(), [UNBIND]);
        assert!(at_rest(&world));
        let mut world = World::new(Config::default(), bound, Some(Kind::Right));
        world.run(ms(200));
        assert_eq!(world.took(), [UNBIND, BIND, AllowCamera]);
    }
}

#[test]
fn started_anew_with_everything_bound() {
    let mut world = World::bound(Some(Kind::Right));
    assert!(world.time_to(is_present) <= ms(50 + 20 + 20 + 3));
    assert_eq!(world.took(), TRIAL);
    // A predecessor may have died with the module away and the stream running; the first start tells.
    let mut world = World::bound(None);
    world.run(ms(60_000));
    assert_eq!(world.took(), []);
    assert!(at_rest(&world));
    assert_eq!(world.machine.state(), State::Absent);
}

#[test]
fn a_clock_that_runs_backwards_stands_still() {
    let mut world = World::bound(Some(Kind::Right));
    world.wait(ms(60));
    let before = world.machine.next_deadline();
    world.machine.handle_timeout(Time::ZERO);
    assert_eq!(world.machine.next_deadline(), before);
}

#[test]
fn a_lens_counts_when_its_lines_are_still_and_a_module_is_there() {
    let pins = |code| LensPins::new(code, 1).expect("pins");
    let mut world = World::bound(None);
    world.turn_lens(pins(7));
    assert_eq!(world.machine.lens(), LensView::None);
    assert!(at_rest(&world));
    world.plug(Some(Kind::Right));
    world.run(ms(50));
    assert_eq!(world.machine.lens(), LensView::Changing);
    world.run(ms(100));
    assert_eq!(world.machine.lens(), LensView::Settled(pins(7)));
    // It is turned off the bayonet: its marks pass the sensors.
    for code in [3, 1, 63] {
        world.turn_lens(pins(code));
        world.run(ms(99));
        assert_eq!(world.machine.lens(), LensView::Changing);
    }
    world.run(ms(1));
    assert_eq!(world.machine.lens(), LensView::Settled(pins(63)));
    assert!(at_rest(&world));
    unplug(&mut world);
    assert_eq!(world.machine.lens(), LensView::None);
}
