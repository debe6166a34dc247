//! V4L2's requests and their structures (the kernel's uapi `videodev2.h`), as [`crate::subdevice`] and
//! [`crate::video`] use them.

use crate::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// `struct v4l2_capability`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Capability {
    pub(crate) driver: [u8; 16],
    pub(crate) card: [u8; 32],
    pub(crate) bus_info: [u8; 32],
    pub(crate) version: u32,
    pub(crate) capabilities: u32,
    pub(crate) device_caps: u32,
    reserved: [u32; 3],
}

/// `struct v4l2_fmtdesc`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct FormatDescription {
    pub(crate) index: u32,
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) description: [u8; 32],
    pub(crate) pixel_format: u32,
    pub(crate) media_bus_code: u32,
    reserved: [u32; 3],
}

/// `struct v4l2_query_ext_ctrl`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct QueryControl {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) name: [u8; 32],
    pub(crate) minimum: i64,
    pub(crate) maximum: i64,
    pub(crate) step: u64,
    pub(crate) default: i64,
    pub(crate) flags: u32,
    element_size: u32,
    elements: u32,
    dimensions: u32,
    sizes: [u32; 4],
    reserved: [u32; 32],
}

/// `struct v4l2_ext_control`; the union holds a number here, never a pointer.
#[repr(C, packed)]
pub(crate) struct ControlValue {
    pub(crate) id: u32,
    pub(crate) size: u32,
    reserved: u32,
    pub(crate) value: [u8; 8],
}

/// `struct v4l2_ext_controls`.
#[repr(C)]
struct ControlValues {
    which: u32,
    count: u32,
    error_index: u32,
    request: i32,
    reserved: u32,
    controls: *mut ControlValue,
}

nix::ioctl_read!(query_capability, b'V', 0, Capability);
nix::ioctl_readwrite!(enumerate_formats, b'V', 2, FormatDescription);
nix::ioctl_readwrite!(get_controls, b'V', 71, ControlValues);
nix::ioctl_readwrite!(set_controls, b'V', 72, ControlValues);
nix::ioctl_readwrite!(query_control, b'V', 103, QueryControl);

/// An open video or subdevice node.
#[derive(Debug)]
pub(crate) struct Node {
    file: File,
    path: PathBuf,
}

impl Node {
    /// Opens a node so that nothing on it blocks.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path)
            .map_err(Error::io("open", path))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
        })
    }

    pub(crate) fn capability(&self) -> Result<Capability> {
        let mut data = Capability::default();
        // SAFETY: the request writes one `Capability`, which lives through the call.
        let result = unsafe { query_capability(self.file.as_raw_fd(), &raw mut data) };
        self.check("VIDIOC_QUERYCAP", result)?;
        Ok(data)
    }

    /// The format at a place of the list of a buffer type; `None` behind the last one.
    pub(crate) fn format(&self, kind: u32, index: u32) -> Result<Option<FormatDescription>> {
        let mut data = FormatDescription {
            kind,
            index,
            ..FormatDescription::default()
        };
        // SAFETY: the request reads and writes one `FormatDescription`, which lives through the call.
        let result = unsafe { enumerate_formats(self.file.as_raw_fd(), &raw mut data) };
        Ok(self.check_end("VIDIOC_ENUM_FMT", result)?.then_some(data))
    }

    /// A control by id, with `flags` for the next one behind it; `None` where there is none.
    pub(crate) fn control(&self, id: u32) -> Result<Option<QueryControl>> {
        let mut data = QueryControl {
            id,
            ..QueryControl::default()
        };
        // SAFETY: the request reads and writes one `QueryControl`, which lives through the call.
        let result = unsafe { query_control(self.file.as_raw_fd(), &raw mut data) };
        Ok(self
            .check_end("VIDIOC_QUERY_EXT_CTRL", result)?
            .then_some(data))
    }

    /// Value of a control that is a number.
    pub(crate) fn get(&self, id: u32) -> Result<[u8; 8]> {
        let mut control = ControlValue::new(id, [0; 8]);
        let mut data = ControlValues::of(&mut control);
        // SAFETY: the request reads one `ControlValues`, which lives through the call, and writes to the one control
        // that it counts. `size` is 0, so the kernel takes the union for a number and follows no pointer.
        let result = unsafe { get_controls(self.file.as_raw_fd(), &raw mut data) };
        self.check("VIDIOC_G_EXT_CTRLS", result)?;
        Ok(control.value)
    }

    /// Sets a control that is a number.
    pub(crate) fn set(&self, id: u32, value: [u8; 8]) -> Result<()> {
        let mut control = ControlValue::new(id, value);
        let mut data = ControlValues::of(&mut control);
        // SAFETY: as for reading; the kernel writes the value that it took back to the control.
        let result = unsafe { set_controls(self.file.as_raw_fd(), &raw mut data) };
        self.check("VIDIOC_S_EXT_CTRLS", result)
    }

    fn check(&self, call: &'static str, result: nix::Result<i32>) -> Result<()> {
        result
            .map(drop)
            .map_err(|errno| Error::call(call, &self.path, errno))
    }

    /// The same for lists, which end with `EINVAL`.
    fn check_end(&self, call: &'static str, result: nix::Result<i32>) -> Result<bool> {
        match result {
            Err(Errno::EINVAL) => Ok(false),
            result => self.check(call, result).map(|()| true),
        }
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl ControlValue {
    fn new(id: u32, value: [u8; 8]) -> Self {
        Self {
            id,
            size: 0,
            reserved: 0,
            value,
        }
    }
}

impl ControlValues {
    /// `V4L2_CTRL_WHICH_CUR_VAL`: current values.
    fn of(control: &mut ControlValue) -> Self {
        Self {
            which: 0,
            count: 1,
            error_index: 0,
            request: 0,
            reserved: 0,
            controls: control,
        }
    }
}

/// Text of a field that ends with a zero byte or with the field.
pub(crate) fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}
