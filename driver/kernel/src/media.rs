//! Media devices: what they are, and the graph of their entities.

use crate::v4l2::text;
use crate::{Error, Result};
use bitflags::bitflags;
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// Graphs change while they are read; so often it is tried again.
const ATTEMPTS: usize = 8;

/// The structures of the kernel's uapi `media.h`.
mod raw {
    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub(super) struct DeviceInfo {
        pub(super) driver: [u8; 16],
        pub(super) model: [u8; 32],
        pub(super) serial: [u8; 40],
        pub(super) bus_info: [u8; 32],
        pub(super) media_version: u32,
        pub(super) hw_revision: u32,
        pub(super) driver_version: u32,
        reserved: [u32; 31],
    }

    impl DeviceInfo {
        pub(super) const EMPTY: Self = Self {
            driver: [0; 16],
            model: [0; 32],
            serial: [0; 40],
            bus_info: [0; 32],
            media_version: 0,
            hw_revision: 0,
            driver_version: 0,
            reserved: [0; 31],
        };
    }

    #[repr(C, packed)]
    #[derive(Clone, Copy)]
    pub(super) struct Entity {
        pub(super) id: u32,
        pub(super) name: [u8; 64],
        pub(super) function: u32,
        pub(super) flags: u32,
        reserved: [u32; 5],
    }

    impl Entity {
        pub(super) const EMPTY: Self = Self {
            id: 0,
            name: [0; 64],
            function: 0,
            flags: 0,
            reserved: [0; 5],
        };
    }

    #[repr(C, packed)]
    #[derive(Clone, Copy, Default)]
    pub(super) struct Interface {
        pub(super) id: u32,
        pub(super) kind: u32,
        flags: u32,
        reserved: [u32; 9],
        pub(super) major: u32,
        pub(super) minor: u32,
        raw: [u32; 14],
    }

    #[repr(C, packed)]
    #[derive(Clone, Copy, Default)]
    pub(super) struct Pad {
        pub(super) id: u32,
        pub(super) entity: u32,
        pub(super) flags: u32,
        pub(super) index: u32,
        reserved: [u32; 4],
    }

    #[repr(C, packed)]
    #[derive(Clone, Copy, Default)]
    pub(super) struct Link {
        pub(super) id: u32,
        pub(super) source: u32,
        pub(super) sink: u32,
        pub(super) flags: u32,
        reserved: [u32; 6],
    }

    #[repr(C, packed)]
    #[derive(Clone, Copy, Default)]
    pub(super) struct Topology {
        pub(super) version: u64,
        pub(super) entities: Array,
        pub(super) interfaces: Array,
        pub(super) pads: Array,
        pub(super) links: Array,
    }

    /// Length and address of an array of user space.
    #[repr(C, packed)]
    #[derive(Clone, Copy, Default)]
    pub(super) struct Array {
        pub(super) count: u32,
        reserved: u32,
        pub(super) address: u64,
    }

    nix::ioctl_readwrite!(device_info, b'|', 0x00, DeviceInfo);
    nix::ioctl_readwrite!(topology, b'|', 0x04, Topology);
}

bitflags! {
    /// Properties of a link, `MEDIA_LNK_FL_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct LinkFlags: u32 {
        /// Data can flow.
        const ENABLED = 1 << 0;
        /// Cannot be switched.
        const IMMUTABLE = 1 << 1;
        /// Can be switched while data flows.
        const DYNAMIC = 1 << 2;
        /// Between an interface, i.e. a device node, and the entity it controls.
        const INTERFACE = 1 << 28;
        /// Between entities that belong together, as a sensor and its focus motor.
        const ANCILLARY = 2 << 28;
        const _ = !0;
    }

    /// Properties of a pad, `MEDIA_PAD_FL_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct PadFlags: u32 {
        /// Data goes in.
        const SINK = 1 << 0;
        /// Data comes out.
        const SOURCE = 1 << 1;
        /// Its entity does nothing without a link here.
        const MUST_CONNECT = 1 << 2;
        const _ = !0;
    }
}

/// What a media device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Name of the driver.
    pub driver: String,
    /// Name of the device.
    pub model: String,
    /// Serial number, mostly empty.
    pub serial: String,
    /// Where the device is, e.g. `platform:10128000.csi`.
    pub bus: String,
    /// Kernel version: major, minor, patch.
    pub version: [u8; 3],
    /// Revision of the device, as its driver counts.
    pub hardware_revision: u32,
}

/// The graph of a media device. Ids are unique in it across all lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Counts the graph's changes.
    pub version: u64,
    /// What data flows through.
    pub entities: Vec<Entity>,
    /// Device nodes.
    pub interfaces: Vec<Interface>,
    /// Where entities are connected.
    pub pads: Vec<Pad>,
    /// Between pads, and between interfaces and entities.
    pub links: Vec<Link>,
}

/// A part of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its id.
    pub id: u32,
    /// Its name, e.g. `imx283 1-001a`.
    pub name: String,
    /// `MEDIA_ENT_F_*`, e.g. 0x20001 for a sensor.
    pub function: u32,
}

/// A device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: u32,
    /// `MEDIA_INTF_T_*`, e.g. 0x200 for video, 0x203 for a subdevice.
    pub kind: u32,
    /// Its number: major, minor.
    pub number: (u32, u32),
}

/// A connector of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad {
    /// Its id.
    pub id: u32,
    /// The entity's id.
    pub entity: u32,
    /// Its place on the entity.
    pub index: u32,
    /// Properties.
    pub flags: PadFlags,
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: u32,
    /// Id of the pad, or of the interface, it begins at.
    pub source: u32,
    /// Id of the pad, or of the entity, it ends at.
    pub sink: u32,
    /// Properties.
    pub flags: LinkFlags,
}

/// An open media device. It holds the device's driver: do not keep it.
#[derive(Debug)]
pub struct Media {
    file: File,
    path: PathBuf,
}

impl Media {
    /// Opens `/dev/mediaN`.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path);
        Ok(Self {
            file: file.map_err(Error::io("open", path))?,
            path: path.to_path_buf(),
        })
    }

    /// What it is.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn info(&self) -> Result<Info> {
        let mut data = raw::DeviceInfo::EMPTY;
        // SAFETY: the request writes one `DeviceInfo`, which lives through the call.
        unsafe { raw::device_info(self.file.as_raw_fd(), &raw mut data) }
            .map_err(|errno| Error::call("MEDIA_IOC_DEVICE_INFO", &self.path, errno))?;
        let [_, major, minor, patch] = data.driver_version.to_be_bytes();
        Ok(Info {
            driver: text(&data.driver),
            model: text(&data.model),
            serial: text(&data.serial),
            bus: text(&data.bus_info),
            version: [major, minor, patch],
            hardware_revision: data.hw_revision,
        })
    }

    /// Its graph.
    ///
    /// # Errors
    /// [`Error::Call`]: `ENOSPC` when it changes faster than it can be read.
    pub fn topology(&self) -> Result<Topology> {
        let mut last = Errno::ENOSPC;
        for _ in 0..ATTEMPTS {
            match self.try_topology() {
                Ok(topology) => return Ok(topology),
                // It grew between the two requests.
                Err(Errno::ENOSPC) => {}
                Err(errno) => {
                    last = errno;
                    break;
                }
            }
        }
        Err(Error::call("MEDIA_IOC_G_TOPOLOGY", &self.path, last))
    }

    fn try_topology(&self) -> Result<Topology, Errno> {
        let mut counts = raw::Topology::default();
        // SAFETY: the request reads and writes one `Topology`, which lives through the call; without addresses the
        // kernel only counts.
        unsafe { raw::topology(self.file.as_raw_fd(), &raw mut counts) }?;
        let mut entities = vec![raw::Entity::EMPTY; counts.entities.count as usize];
        let mut interfaces = vec![raw::Interface::default(); counts.interfaces.count as usize];
        let mut pads = vec![raw::Pad::default(); counts.pads.count as usize];
        let mut links = vec![raw::Link::default(); counts.links.count as usize];
        let mut data = counts;
        data.entities.address = entities.as_mut_ptr() as u64;
        data.interfaces.address = interfaces.as_mut_ptr() as u64;
        data.pads.address = pads.as_mut_ptr() as u64;
        data.links.address = links.as_mut_ptr() as u64;
        // SAFETY: as above; each address is that of an array of as many elements as its count says, which lives
        // through the call and is not used meanwhile. The kernel refuses to write more, with `ENOSPC`, and any bytes
        // are valid elements.
        unsafe { raw::topology(self.file.as_raw_fd(), &raw mut data) }?;
        // It may have shrunk.
        entities.truncate(data.entities.count as usize);
        interfaces.truncate(data.interfaces.count as usize);
        pads.truncate(data.pads.count as usize);
        links.truncate(data.links.count as usize);
        Ok(Topology {
            version: data.version,
            entities: entities.into_iter().map(Entity::from).collect(),
            interfaces: interfaces.into_iter().map(Interface::from).collect(),
            pads: pads.into_iter().map(Pad::from).collect(),
            links: links.into_iter().map(Link::from).collect(),
        })
    }
}

impl AsFd for Media {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl From<raw::Entity> for Entity {
    fn from(data: raw::Entity) -> Self {
        let name = data.name;
        Self {
            id: data.id,
            name: text(&name),
            function: data.function,
        }
    }
}

impl From<raw::Interface> for Interface {
    fn from(data: raw::Interface) -> Self {
        Self {
            id: data.id,
            kind: data.kind,
            number: (data.major, data.minor),
        }
    }
}

impl From<raw::Pad> for Pad {
    fn from(data: raw::Pad) -> Self {
        Self {
            id: data.id,
            entity: data.entity,
            index: data.index,
            flags: PadFlags::from_bits_retain(data.flags),
        }
    }
}

impl From<raw::Link> for Link {
    fn from(data: raw::Link) -> Self {
        Self {
            id: data.id,
            source: data.source,
            sink: data.sink,
            flags: LinkFlags::from_bits_retain(data.flags),
        }
    }
}
