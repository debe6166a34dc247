//! What a V4L2 video node is and which formats it knows.

use crate::Result;
use crate::v4l2::{self, Node};
use bitflags::bitflags;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// More formats than any device has; ends a list that a driver repeats for ever.
const MAXIMUM: u32 = 1024;

bitflags! {
    /// What a device or a node can do, `V4L2_CAP_*` of the kernel's uapi `videodev2.h`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Capabilities: u32 {
        /// Gives frames.
        const VIDEO_CAPTURE = 0x0000_0001;
        /// Takes frames.
        const VIDEO_OUTPUT = 0x0000_0002;
        /// Gives frames of several planes.
        const VIDEO_CAPTURE_MPLANE = 0x0000_1000;
        /// Takes frames of several planes.
        const VIDEO_OUTPUT_MPLANE = 0x0000_2000;
        /// Gives metadata.
        const META_CAPTURE = 0x0080_0000;
        /// Is read and written like a file.
        const READ_WRITE = 0x0100_0000;
        /// Exchanges buffers.
        const STREAMING = 0x0400_0000;
        /// Takes metadata.
        const META_OUTPUT = 0x0800_0000;
        /// What goes in and out is the media controller's business.
        const IO_MC = 0x2000_0000;
        /// The node's own capabilities are told.
        const DEVICE_CAPS = 0x8000_0000;
        const _ = !0;
    }
}

/// What can be done through a node, and with what buffer type its formats are asked for (`enum v4l2_buf_type`).
const BUFFER_TYPES: [(Capabilities, u32); 6] = [
    (Capabilities::VIDEO_CAPTURE, 1),
    (Capabilities::VIDEO_OUTPUT, 2),
    (Capabilities::VIDEO_CAPTURE_MPLANE, 9),
    (Capabilities::VIDEO_OUTPUT_MPLANE, 10),
    (Capabilities::META_CAPTURE, 13),
    (Capabilities::META_OUTPUT, 14),
];

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name of the driver.
    pub driver: String,
    /// Name of the device, or of what the node is for.
    pub card: String,
    /// Where the device is.
    pub bus: String,
    /// Kernel version: major, minor, patch.
    pub version: [u8; 3],
    /// What all nodes of the device together can do.
    pub device: Capabilities,
    /// What this node can do.
    pub node: Capabilities,
}

/// A format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its four characters, `V4L2_PIX_FMT_*` or `V4L2_META_FMT_*`.
    pub code: [u8; 4],
    /// For people.
    pub description: String,
}

/// An open video node. It holds the device's driver: do not keep it.
#[derive(Debug)]
pub struct Video {
    node: Node,
}

impl Video {
    /// Opens `/dev/videoN`.
    ///
    /// # Errors
    /// [`crate::Error::Call`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            node: Node::open(path)?,
        })
    }

    /// What it is.
    ///
    /// # Errors
    /// [`crate::Error::Call`].
    pub fn describe(&self) -> Result<Description> {
        let data = self.node.capability()?;
        let device = Capabilities::from_bits_retain(data.capabilities);
        let [_, major, minor, patch] = data.version.to_be_bytes();
        Ok(Description {
            driver: v4l2::text(&data.driver),
            card: v4l2::text(&data.card),
            bus: v4l2::text(&data.bus_info),
            version: [major, minor, patch],
            device,
            node: if device.contains(Capabilities::DEVICE_CAPS) {
                Capabilities::from_bits_retain(data.device_caps)
            } else {
                device
            },
        })
    }

    /// The formats it knows, for each thing it can do.
    ///
    /// # Errors
    /// [`crate::Error::Call`].
    pub fn formats(&self) -> Result<Vec<Format>> {
        let able = self.describe()?.node;
        let mut formats = Vec::new();
        for (_, kind) in BUFFER_TYPES.iter().filter(|(flag, _)| able.contains(*flag)) {
            for index in 0..MAXIMUM {
                let Some(data) = self.node.format(*kind, index)? else {
                    break;
                };
                formats.push(Format {
                    code: data.pixel_format.to_le_bytes(),
                    description: v4l2::text(&data.description),
                });
            }
        }
        Ok(formats)
    }
}

impl AsFd for Video {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }
}
