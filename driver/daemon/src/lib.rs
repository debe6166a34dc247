//! What `bayonetd` and `bayonet-camera` are made of, and the types that their clients read.
//!
//! `bayonetd` is one event loop: the mount's wires, the drivers, the camera processes and the clients all end in
//! [`command`]s and news to it. It never loads libcamera; a camera lives in a process of its own, `bayonet-camera`,
//! and what the two say to each other is in [`wire`].

pub mod api;
pub mod camera;
pub mod captures;
pub mod client;
pub mod command;
pub mod config;
mod controls;
mod exposure;
mod hub;
pub mod io_error;
mod lens_file;
pub mod library;
mod memory;
mod notify;
mod process;
pub mod recordings;
pub mod report;
mod run;
pub mod wire;
mod wires;

pub use run::run;
pub use wires::CONSUMER;
