//! What becomes of raw frames: unpacking, correction, demosaic, colour, and DNG files. No input or output, no time.

pub mod aids;
pub mod colour;
pub mod compressed;
mod corrections;
mod defects;
pub mod demosaic;
pub mod develop;
pub mod dng;
mod highlights;
pub mod lens_opcodes;
pub mod light;
mod linear;
pub mod lossless_jpeg;
pub mod matrix;
mod pick;
pub mod preview;
mod radial;
pub mod sensors;
mod shading;
mod tone;
pub mod unpack;
mod warp;

pub use pick::neutral_at;
pub use tone::Look;
