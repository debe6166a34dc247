//! Switches a device's supplies and clocks on, through the kernel's runtime power management.
//!
//! A driver's resume does what the sensor's data sheet asks: supplies, clock, reset, in this order. So a driver must
//! be bound. A device that streams is on by itself and stays so.

use crate::chain::Device;
use crate::{Error, Result, sysfs};
use nix::errno::Errno;
use std::path::Path;

/// What the kernel is told to do with a device's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It is switched on and kept so, used or not.
    On,
    /// It is switched off when it is not used.
    Auto,
}

/// Switches a device on, or leaves it to its driver again. Returns once it is on.
///
/// # Errors
/// [`Error::Call`]: `ENODEV` without a driver, `EIO` where the driver could not switch it on.
pub fn set(device: &Device, power: Power) -> Result<()> {
    let directory = device.directory().join("power");
    if !device.is_bound() {
        return Err(Error::call("switch on", device.directory(), Errno::ENODEV)
            .with_advice("no driver is bound to it"));
    }
    let (word, expected) = match power {
        Power::On => ("on", Some("active")),
        Power::Auto => ("auto", None),
    };
    sysfs::write("write", &directory.join("control"), word)?;
    // The write succeeds whether or not the device came on; the status tells.
    let status = sysfs::read(&directory.join("runtime_status"))?;
    if expected.is_some_and(|expected| expected != status) {
        return Err(refused(&directory));
    }
    Ok(())
}

fn refused(directory: &Path) -> Error {
    Error::call("switch on", directory.join("runtime_status"), Errno::EIO)
        .with_advice("its driver could not; the kernel's log tells why")
}
