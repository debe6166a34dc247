//! Bayonet's IPA: exposure, white balance and colour for cameras whose pictures libcamera's software ISP makes.
//!
//! libcamera runs a module that it did not sign in a process of its own, through a worker program that it finds by
//! name. Here are both: the module is one symbol, the worker is ours.

pub mod controls;
pub mod lens_file;
