//! `bayonet-camera`, the process that owns one camera: confined to the device nodes of its own chain, it takes
//! orders from `bayonetd` and tells the news of [`crate::wire`].
//!
//! A process of its own, because libcamera may hang when a sensor goes away and abort when it comes back, and
//! because only a process that cannot open the other chain's nodes lets that chain be bound anew. It decides
//! nothing: when to start, what to set and when to end are orders.
//!
//! One loop owns the camera ([`owner`]); a thread reads orders, another writes news ([`link`]), and each picture is
//! encoded in a thread of its own, straight from the buffer that the hardware filled; raw frames of a recording by some
//! threads that share them. What libcamera calls from its
//! own thread ends in the loop's channel.

pub mod confine;
#[cfg(feature = "libcamera")]
mod controls;
pub mod encode;
#[cfg(feature = "libcamera")]
mod encoders;
pub mod link;
pub mod negative;
#[cfg(feature = "libcamera")]
pub mod owner;
pub mod pixels;
pub mod raw;
pub mod recorder;
pub mod still;
#[cfg(feature = "libcamera")]
mod stream;
pub mod tags;
