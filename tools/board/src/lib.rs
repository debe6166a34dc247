//! A virtual camera board: chips, wires, lens and scene as seen by an unmodified kernel.

pub mod bayer;
pub mod board;
pub mod guest_ram;
pub mod machine;
pub mod optics;
pub mod orders;
pub mod pisp;
pub mod prepare;
pub mod rp1;
pub mod sensor;
