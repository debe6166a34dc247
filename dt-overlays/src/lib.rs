//! Device tree overlays: their parameters, what they need of a base tree, and what is contradictory once they are merged.
//!
//! Only Raspberry Pi's firmware knows parameters. [`Overlay::set`] applies them by the same rules, so that one source
//! serves every boot loader: [`Overlay::to_blob`] writes an overlay with its parameters set, which U-Boot and
//! `fdtoverlay` can apply. Nothing here knows what a camera does; [`problems`] knows what its nodes must look like.

#![forbid(unsafe_code)]

mod bake;
mod blob;
mod directory;
mod error;
mod overlay;
mod overrides;
mod problems;
mod set;
mod tree;

#[cfg(test)]
mod samples;

pub use blob::read as read_blob;
pub use directory::read_directory;
pub use dtoolkit;
pub use error::{Error, Result};
pub use overlay::{Overlay, Parameter};
pub use problems::{Problem, has_module, problems};
