//! DNG files (Adobe, DNG 1.7.1.0).

pub mod ifd;
mod jxl;
pub mod negative;
pub mod opcodes;
mod preview;
pub mod read;
#[cfg(test)]
mod sample;
mod tags;
mod time;
pub mod write;

pub use preview::Preview;

/// Most samples of a picture that is written or read: 512 MiB of them.
pub const MOST_SAMPLES: usize = 1 << 28;
