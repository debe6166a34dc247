//! Controls of V4L2 subdevices, as sensors have them: exposure, gain, blanking.
//!
//! Only controls that are numbers; strings, arrays and structures are listed and cannot be read or set here.

use crate::v4l2::{self, Node, QueryControl};
use crate::{Error, Result};
use bitflags::bitflags;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// `V4L2_CTRL_FLAG_NEXT_CTRL` and `V4L2_CTRL_FLAG_NEXT_COMPOUND`.
const NEXT: u32 = 0x8000_0000 | 0x4000_0000;
/// More controls than any device has; ends a list that a driver repeats for ever.
const MAXIMUM: usize = 1024;

bitflags! {
    /// Properties of a control, `V4L2_CTRL_FLAG_*` of the kernel's uapi `videodev2.h`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ControlFlags: u32 {
        /// Not there on this device.
        const DISABLED = 0x0001;
        /// Cannot be changed while something else, e.g. streaming, needs it as it is.
        const GRABBED = 0x0002;
        /// Cannot be set.
        const READ_ONLY = 0x0004;
        /// Changes other controls.
        const UPDATE = 0x0008;
        /// Has no effect now.
        const INACTIVE = 0x0010;
        /// Cannot be read.
        const WRITE_ONLY = 0x0040;
        /// Changes by itself.
        const VOLATILE = 0x0080;
        /// Is more than a number.
        const HAS_PAYLOAD = 0x0100;
        /// Changes the buffers' layout.
        const MODIFY_LAYOUT = 0x0400;
        const _ = !0;
    }
}

/// What kind of number a control is, `enum v4l2_ctrl_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32 bits.
    Integer,
    /// 0 or 1.
    Boolean,
    /// Place in a list of names.
    Menu,
    /// An action; has no value.
    Button,
    /// 64 bits.
    Integer64,
    /// Bits.
    Bitmask,
    /// Place in a list of numbers.
    IntegerMenu,
    /// No number.
    Other(u32),
}

/// A control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// `V4L2_CID_*` of the kernel's uapi `v4l2-controls.h`.
    pub id: u32,
    /// For people.
    pub name: String,
    /// What its value is.
    pub kind: Kind,
    /// Least value.
    pub minimum: i64,
    /// Greatest value.
    pub maximum: i64,
    /// Values are the least one plus multiples of this.
    pub step: u64,
    /// Value after the driver was bound.
    pub default: i64,
    /// Properties.
    pub flags: ControlFlags,
}

/// An open subdevice. It holds the device's driver: do not keep it.
#[derive(Debug)]
pub struct Subdevice {
    node: Node,
}

impl Subdevice {
    /// Opens `/dev/v4l-subdevN`.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            node: Node::open(path)?,
        })
    }

    /// All controls, in the order of their ids; classes, which only group them, are left out.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn controls(&self) -> Result<Vec<Control>> {
        /// `V4L2_CTRL_TYPE_CTRL_CLASS`.
        const CLASS: u32 = 6;
        let mut controls = Vec::new();
        let mut id = 0;
        while let Some(data) = self.node.control(id | NEXT)? {
            if data.id <= id || controls.len() == MAXIMUM {
                break;
            }
            id = data.id;
            if data.kind != CLASS {
                controls.push(Control::from(data));
            }
        }
        Ok(controls)
    }

    /// A control by id; `None` where the subdevice has none of it.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn control(&self, id: u32) -> Result<Option<Control>> {
        Ok(self.node.control(id)?.map(Control::from))
    }

    /// Value of a control.
    ///
    /// # Errors
    /// [`Error::Call`]: `EACCES` for one that cannot be read, `EINVAL` for one that is no number.
    pub fn get(&self, control: &Control) -> Result<i64> {
        let kind = control.number("VIDIOC_G_EXT_CTRLS")?;
        let value = self.node.get(control.id)?;
        let [low @ .., _, _, _, _] = value;
        Ok(match kind {
            Kind::Integer64 => i64::from_ne_bytes(value),
            _ => i64::from(i32::from_ne_bytes(low)),
        })
    }

    /// Sets a control.
    ///
    /// # Errors
    /// [`Error::Call`]: `ERANGE` for a value that the control cannot have, `EACCES` for one that cannot be set,
    /// `EBUSY` for one that is grabbed, `EINVAL` for one that is no number.
    pub fn set(&self, control: &Control, value: i64) -> Result<()> {
        const CALL: &str = "VIDIOC_S_EXT_CTRLS";
        // The kernel would put the value into the range in silence.
        if !(control.minimum..=control.maximum).contains(&value) {
            return Err(Error::call(CALL, &control.name, Errno::ERANGE));
        }
        let mut bytes = [0; 8];
        match control.number(CALL)? {
            Kind::Integer64 => bytes = value.to_ne_bytes(),
            // A bit mask's range may reach beyond `i32`, its bits do not.
            _ => bytes[..4].copy_from_slice(&(value as i32).to_ne_bytes()),
        }
        self.node.set(control.id, bytes)
    }
}

impl AsFd for Subdevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }
}

impl Control {
    fn number(&self, call: &'static str) -> Result<Kind> {
        match self.kind {
            Kind::Other(_) => Err(Error::call(call, &self.name, Errno::EINVAL)),
            _ if self.flags.contains(ControlFlags::HAS_PAYLOAD) => {
                Err(Error::call(call, &self.name, Errno::EINVAL))
            }
            kind => Ok(kind),
        }
    }
}

impl From<QueryControl> for Control {
    fn from(data: QueryControl) -> Self {
        Self {
            id: data.id,
            name: v4l2::text(&data.name),
            kind: Kind::from(data.kind),
            minimum: data.minimum,
            maximum: data.maximum,
            step: data.step,
            default: data.default,
            flags: ControlFlags::from_bits_retain(data.flags),
        }
    }
}

impl From<u32> for Kind {
    fn from(kind: u32) -> Self {
        match kind {
            1 => Self::Integer,
            2 => Self::Boolean,
            3 => Self::Menu,
            4 => Self::Button,
            5 => Self::Integer64,
            8 => Self::Bitmask,
            9 => Self::IntegerMenu,
            other => Self::Other(other),
        }
    }
}
