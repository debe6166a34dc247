//! A virtual camera board: chips, wires, lens and scene as seen by an unmodified kernel.

pub mod bayer;
pub mod board;
pub mod capture;
pub mod connector;
pub mod device_tree;
pub mod guest_ram;
pub mod imx8mm;
pub mod machine;
pub mod model;
pub mod module;
pub mod optics;
pub mod orders;
pub mod pcie;
pub mod pisp;
pub mod prepare;
pub mod processing;
pub mod rp1;
pub mod sensor;
pub mod unmodelled;
