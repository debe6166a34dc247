//! What the guest's `ktap` and the host's programs share: the KTAP format, colour differences, and what is
//! measured of an IPA.

pub mod colour;
pub mod comparison;
pub mod ktap;
