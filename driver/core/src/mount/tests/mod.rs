//! Tests of the mount machine: told scenarios here, random histories in `random`, both in the same `world`.

mod random;
mod world;

use super::*;
use Action::*;
use world::{Kind, Outcome, Process, World, ms};
