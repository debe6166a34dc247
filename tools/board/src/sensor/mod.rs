//! Image sensors as I2C register files.
//!
//! A sensor here is what its data sheet says: registers that a driver writes over I2C, and frames whose size,
//! timing, exposure and gain follow from those registers at the start of each frame. What the photosites see
//! is the business of [`crate::optics`]; what carries the frame is the receiver's.
//!
//! Every model is a data file, `sensors/NAME.toml`; the code knows no sensor by name.
//!
//! # How to add a sensor
//!
//! 1. Copy the nearest file in `sensors/` and give it the new name. Work through it from the top with the
//!    data sheet and the kernel driver: address, byte order and power-on values; the conditions under which
//!    it streams; one `[[modes]]` entry per read-out mode that a driver selects, found by the registers that
//!    select it; window, output size, line and frame length, exposure and gains as register fields.
//! 2. Take black level, colour curve, matrices and lux reference from the sensor's camera tuning file: the
//!    scene then looks to the stock camera algorithms as through the real sensor.
//! 3. Name it in [`SensorModel::NAMES`] and [`SensorModel::named`], and give it a start sequence and a test
//!    in `tests.rs`.
//!
//! A wrong or unknown key is refused with file, line and the reason. Modelled are the registers named in the
//! file; all others read back what was written, as on the chip. Not modelled: embedded data lines, triggered
//! and synchronised exposure, the time a chip needs to wake up, temperature drift.

mod device;
#[cfg(test)]
pub(crate) mod drive;
mod model;
mod parse;
mod readout;
mod registers;
#[cfg(test)]
mod tests;

pub use device::{Ack, Direction, Sensor};
pub use model::*;
pub use parse::SensorError;
pub use readout::{Readout, Rect, TestPattern};
