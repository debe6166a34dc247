//! What the pictures should look like, decided from numbers: pure functions and small states, one file per block.
//!
//! No file here knows libcamera, its wire, or a clock. Levels are relative to the sensor's full scale, 0..=1.

pub mod auto_exposure;
pub mod black_level;
pub mod colour_correction;
pub mod exposure_split;
pub mod levels;
pub mod lux;
pub mod matrix;
pub mod white_balance;
