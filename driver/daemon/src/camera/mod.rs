//! `bayonet-camera`, the process that owns one camera: confined to the device nodes of its own chain, it takes
//! orders from `bayonetd` and tells the news of [`crate::wire`].
//!
//! A process of its own, because libcamera may hang when a sensor goes away and abort when it comes back, and
//! because only a process that cannot open the other chain's nodes lets that chain be bound anew.
//!
//! Here is what it does without libcamera; its loop, and all that calls libcamera, is in `bin/bayonet-camera`.

pub mod confine;
pub mod encode;
pub mod link;
pub mod negative;
pub mod pixels;
pub mod raw;
pub mod recorder;
pub mod still;
pub mod tags;
