//! The edge to the kernel: device tree, drivers, device nodes, lines and buffers.
//!
//! Everything the driver asks of the kernel is asked here and nowhere else, and here is its only `unsafe` code.
//! Each module is one interface of the kernel; together they answer three questions:
//!
//! - What is the module? [`device_tree`], [`chain`] and [`mount_lines`] find each camera's sensor, receiver and image
//!   processor, and the mount's lines; [`media`], [`subdevice`] and [`video`] tell what they can do.
//! - What happens to it? [`gpio`] watches the mount and the lens, [`input`] the shutter key, [`uevent`] the kernel's
//!   devices.
//! - What can be done? [`power`] and [`i2c`] ask a sensor who it is; [`binding`] takes a camera's drivers away and
//!   gives them back when [`holders`] finds nobody using it; [`dma`] allocates buffers.
//!
//! Nothing here decides, waits for events or keeps a state: that is the mount machine's and the event loop's. What
//! delivers events has a descriptor to wait on (`AsFd`, `AsRawFd`) and a read that never blocks. Other calls may block for as
//! long as the kernel's drivers need; call them from a thread that may wait.

pub mod binding;
pub mod chain;
pub mod device_tree;
pub mod dma;
mod error;
pub mod gpio;
pub mod holders;
pub mod i2c;
pub mod input;
pub mod media;
pub mod mount_lines;
pub mod power;
pub mod subdevice;
mod sysfs;
mod udev;
pub mod uevent;
mod v4l2;
pub mod video;

pub use error::{Error, Result};
/// What the kernel answers when it refuses.
pub use nix::errno::Errno;
