//! Reads registers of I2C devices through `/dev/i2c-N`, also of devices that a driver owns.
//!
//! `I2C_RDWR` carries out whole transfers and minds no driver (`drivers/i2c/i2c-dev.c`); it is for registers whose
//! reading changes nothing. There is no write.

use crate::{Error, Result};
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// `I2C_RDWR` of the kernel's uapi `i2c-dev.h`.
const I2C_RDWR: u32 = 0x0707;
/// `I2C_M_RD` of the kernel's uapi `i2c.h`.
const READ: u16 = 0x0001;
/// Longest register that is read at once, in bytes.
pub const MAXIMUM: usize = 8;

/// `struct i2c_msg`.
#[repr(C)]
struct Message {
    address: u16,
    flags: u16,
    length: u16,
    buffer: *mut u8,
}

/// `struct i2c_rdwr_ioctl_data`.
#[repr(C)]
struct Transfer {
    messages: *mut Message,
    count: u32,
}

mod request {
    nix::ioctl_readwrite_bad!(i2c_rdwr, super::I2C_RDWR, super::Transfer);
}

/// An I2C bus.
#[derive(Debug)]
pub struct Adapter {
    file: File,
    node: PathBuf,
}

impl Adapter {
    /// Opens a bus by its number.
    ///
    /// # Errors
    /// [`Error::Call`]; `ENOENT` mostly says that the kernel module `i2c-dev` is not loaded.
    pub fn open(number: u32) -> Result<Self> {
        let node = PathBuf::from(format!("/dev/i2c-{number}"));
        let file = File::options().read(true).write(true).open(&node);
        let file = file.map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let error = Error::io("open", &node)(error);
            if missing && !Path::new("/sys/class/i2c-dev").exists() {
                error.with_advice(
                    "the kernel module i2c-dev is not loaded: `modprobe i2c-dev` now, \
                     and its name in /etc/modules-load.d/bayonet.conf for every boot",
                )
            } else {
                error
            }
        })?;
        Ok(Self { file, node })
    }

    /// Reads a register with a 16-bit address: `length` bytes, the first one the most significant.
    ///
    /// # Errors
    /// [`Error::Call`]: `EREMOTEIO` or `ENXIO` where nothing answers at `address`, `EINVAL` for a length that is not
    /// between 1 and [`MAXIMUM`].
    pub fn read(&self, address: u16, register: u16, length: usize) -> Result<u64> {
        let mut value = [0; MAXIMUM];
        let Some(answer @ [_, ..]) = value.get_mut(MAXIMUM.saturating_sub(length)..) else {
            return Err(Error::call("I2C_RDWR", &self.node, Errno::EINVAL));
        };
        if length > MAXIMUM {
            return Err(Error::call("I2C_RDWR", &self.node, Errno::EINVAL));
        }
        let mut question = register.to_be_bytes();
        let mut messages = [
            Message {
                address,
                flags: 0,
                length: question.len() as u16,
                buffer: question.as_mut_ptr(),
            },
            Message {
                address,
                flags: READ,
                length: length as u16,
                buffer: answer.as_mut_ptr(),
            },
        ];
        let mut transfer = Transfer {
            messages: messages.as_mut_ptr(),
            count: messages.len() as u32,
        };
        // SAFETY: the request takes a `Transfer`, which lives through the call, as do the two messages that it counts
        // and their buffers; each buffer is as long as its message says, and the kernel writes to the second alone.
        unsafe { request::i2c_rdwr(self.file.as_raw_fd(), &raw mut transfer) }
            .map_err(|errno| Error::call("I2C_RDWR", &self.node, errno))?;
        Ok(u64::from_be_bytes(value))
    }
}
