//! What the guest's `ktap` and the host's `ktap-host` share: the KTAP format.

pub mod ktap;
