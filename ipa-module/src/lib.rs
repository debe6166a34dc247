//! Bayonet's IPA: exposure, white balance and colour for cameras whose pictures libcamera's software ISP makes.
//!
//! libcamera runs a module that it did not sign in a process of its own, through a worker program that it finds by
//! name. Here are both: the module is one symbol ([`module`]), the worker is ours.
//!
//! From the outside in: [`inherited`] and [`hand_over`] begin, [`worker`] is the loop, [`channel`] the socket,
//! [`session`] knows what each message of the [`wire`] asks of the IPA, and [`shared_memory`] holds what is too large
//! for messages.

pub mod algorithms;
pub mod channel;
pub mod configuration;
pub mod controls;
pub mod hand_over;
pub mod inherited;
pub mod lens;
pub mod lens_file;
pub mod logger;
pub mod module;
pub mod sensor;
pub mod session;
pub mod shared_memory;
pub mod soft;
pub mod tuning;
pub mod wire;
pub mod worker;
