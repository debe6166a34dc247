//! What the host and the first process of the guest say to each other.
//!
//! The binary of this crate is the guest's side; the host's side is the machine of `bayonet-board`. They share
//! [`wire`] and nothing else.

pub mod wire;
