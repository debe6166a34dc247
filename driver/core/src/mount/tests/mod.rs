//! Tests of the mount machine: told scenarios and random histories, in the same world.

mod plugs;
mod random;
mod troubles;
mod world;

use super::*;
use Action::{AllowCamera, WithdrawCamera};
use world::{Kind, Process, World, ms};

const POWER_UP: Action = Action::Kernel(Job::PowerUp);
const IDENTIFY: Action = Action::Kernel(Job::Identify);
const POWER_DOWN: Action = Action::Kernel(Job::PowerDown);
const BIND: Action = Action::Kernel(Job::Bind);
const UNBIND: Action = Action::Kernel(Job::Unbind);
const TRIAL: [Action; 4] = [POWER_UP, IDENTIFY, POWER_DOWN, AllowCamera];

/// Drivers bound, module there, tried and present.
fn present() -> World {
    let mut world = World::bound(Some(Kind::Right));
    world.run(ms(200));
    assert_eq!(world.machine.state(), State::Present);
    assert_eq!(world.took(), TRIAL);
    world
}

/// The same, and the camera streams.
fn streaming() -> World {
    let mut world = present();
    world.start_stream();
    assert_eq!(world.process, Process::Streaming);
    world
}

/// Unplugged for good.
fn unplug(world: &mut World) {
    world.plug(None);
    world.wait(world.config.presence_debounce);
    assert_eq!(world.machine.state(), State::Absent);
}

fn absent(state: &State) -> bool {
    *state == State::Absent
}

fn is_present(state: &State) -> bool {
    *state == State::Present
}

fn at_rest(world: &World) -> bool {
    world.pending.is_none() && !world.withdrawn && world.machine.next_deadline().is_none()
}
