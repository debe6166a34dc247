//! What the guest's `ktap` and the host's programs share: the KTAP format, and what is measured of an IPA.

pub mod comparison;
pub mod ktap;
