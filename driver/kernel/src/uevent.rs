//! What the kernel and udev tell about devices that come, go and change, through a netlink socket.
//!
//! The kernel's messages come first, udev's after it has set up the device's node. Both are written by root alone:
//! the kernel lets nobody else send on this family (`lib/kobject_uevent.c`).

use crate::{Error, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// For errors: netlink sockets have no path.
const NODE: &str = "NETLINK_KOBJECT_UEVENT";
/// Longest message: the kernel's is 2 KiB (`UEVENT_BUFFER_SIZE`), udev's adds its own properties.
const MAXIMUM: usize = 16 << 10;
/// What waits to be read before messages are lost, in bytes.
const BUFFER: usize = 1 << 20;
/// How udev's messages begin (`src/libsystemd/sd-device/device-monitor.c` of systemd).
const UDEV_PREFIX: &[u8] = b"libudev\0";
/// What follows, big-endian.
const UDEV_MAGIC: u32 = 0xfeed_cafe;

/// Whose messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel's, at once.
    Kernel,
    /// udev's, when nodes have their names, groups and links.
    Udev,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// About a device.
    Event(Uevent),
    /// Messages were lost because they were not read in time: look again at everything.
    Lost,
}

/// What happened to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// `add`, `remove`, `bind`, `unbind`, `change`, ...
    pub action: String,
    /// The device below `/sys`.
    pub path: String,
    /// Its subsystem, e.g. `video4linux`.
    pub subsystem: String,
    /// Everything that was told, these three included, e.g. `DEVNAME`.
    pub properties: BTreeMap<String, String>,
}

impl Uevent {
    /// The device's node below `/dev`, where it has one.
    pub fn node(&self) -> Option<std::path::PathBuf> {
        let name = self.properties.get("DEVNAME")?;
        // The kernel gives the name, udev the path.
        Some(std::path::Path::new("/dev").join(name))
    }
}

/// Hears what is told from now on.
#[derive(Debug)]
pub struct Monitor {
    socket: OwnedFd,
}

impl Monitor {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn open(source: Source) -> Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkKObjectUEvent,
        )
        .map_err(|errno| Error::call("socket", NODE, errno))?;
        // Best effort: more than the system's limit needs root.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &BUFFER);
        let group = match source {
            Source::Kernel => 1,
            Source::Udev => 2,
        };
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, group))
            .map_err(|errno| Error::call("bind", NODE, errno))?;
        Ok(Self { socket })
    }

    /// The next message, if there is one already; what makes no sense is left out.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn read(&self) -> Result<Option<Message>> {
        let mut bytes = vec![0; MAXIMUM];
        loop {
            match recv(self.socket.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
                Ok(length) => match parse(&bytes[..length]) {
                    Some(event) => return Ok(Some(Message::Event(event))),
                    None => log::debug!("a uevent of {length} bytes makes no sense"),
                },
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => return Ok(Some(Message::Lost)),
                Err(errno) => return Err(Error::call("recv", NODE, errno)),
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Monitor {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Reads the kernel's or udev's message; `None` where it is neither.
pub fn parse(bytes: &[u8]) -> Option<Uevent> {
    let properties = match bytes.strip_prefix(UDEV_PREFIX) {
        Some(header) => udev_properties(bytes, header)?,
        // The kernel's begins with ACTION@DEVPATH.
        None => {
            let end = bytes.iter().position(|byte| *byte == 0)?;
            bytes[..end].contains(&b'@').then(|| &bytes[end + 1..])?
        }
    };
    let properties: BTreeMap<String, String> = properties
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let (key, value) = std::str::from_utf8(entry).ok()?.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect();
    Some(Uevent {
        action: properties.get("ACTION")?.clone(),
        path: properties.get("DEVPATH")?.clone(),
        subsystem: properties.get("SUBSYSTEM")?.clone(),
        properties,
    })
}

/// The header after the prefix: magic (big-endian), header's size, offset and length of the properties (native).
fn udev_properties<'a>(message: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let (words, _) = header.as_chunks::<4>();
    let [magic, _, offset, length, ..] = *words else {
        return None;
    };
    if u32::from_be_bytes(magic) != UDEV_MAGIC {
        return None;
    }
    let offset = usize::try_from(u32::from_ne_bytes(offset)).ok()?;
    let length = usize::try_from(u32::from_ne_bytes(length)).ok()?;
    message.get(offset..offset.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    const PROPERTIES: &[u8] =
        b"ACTION=add\0DEVPATH=/devices/x/video0\0SUBSYSTEM=video4linux\0DEVNAME=video0\0SEQNUM=7\0";

    fn kernel() -> Vec<u8> {
        [b"add@/devices/x/video0\0", PROPERTIES].concat()
    }

    fn udev(magic: u32, offset: u32, length: u32) -> Vec<u8> {
        let mut bytes = UDEV_PREFIX.to_vec();
        bytes.extend(magic.to_be_bytes());
        for word in [40, offset, length, 0, 0, 0, 0] {
            bytes.extend(u32::to_ne_bytes(word));
        }
        bytes.extend(PROPERTIES);
        bytes
    }

    #[test]
    fn both_sources_tell_the_same() {
        let event = parse(&kernel()).unwrap();
        assert_eq!(
            (event.action.as_str(), event.subsystem.as_str()),
            ("add", "video4linux")
        );
        assert_eq!(event.path, "/devices/x/video0");
        assert_eq!(event.node().as_deref(), Some(Path::new("/dev/video0")));
        assert_eq!(event.properties["SEQNUM"], "7");
        let length = PROPERTIES.len() as u32;
        assert_eq!(parse(&udev(UDEV_MAGIC, 40, length)), Some(event));
    }

    #[test]
    fn udev_gives_a_node_with_its_path() {
        let event =
            parse(b"add@/x\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=s\0DEVNAME=/dev/input/event1\0");
        let node = event.unwrap().node();
        assert_eq!(node.as_deref(), Some(Path::new("/dev/input/event1")));
    }

    #[test]
    fn what_is_neither_is_refused() {
        let length = PROPERTIES.len() as u32;
        assert_eq!(parse(&udev(1, 40, length)), None);
        assert_eq!(parse(&udev(UDEV_MAGIC, 41, length)), None);
        assert_eq!(parse(&udev(UDEV_MAGIC, u32::MAX, u32::MAX)), None);
        assert_eq!(parse(UDEV_PREFIX), None);
        assert_eq!(parse(b""), None);
        assert_eq!(
            parse(b"no address\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=s\0"),
            None
        );
        assert_eq!(parse(b"add@/x\0ACTION=add\0DEVPATH=/x\0"), None);
    }

    proptest! {
        #[test]
        fn damaged_messages_are_read_or_refused(
            mut bytes in prop_oneof![Just(kernel()), Just(udev(UDEV_MAGIC, 40, 60))],
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            end in any::<prop::sample::Index>(),
        ) {
            for (index, byte) in changes {
                *index.get_mut(&mut bytes) = byte;
            }
            bytes.truncate(end.index(bytes.len() + 1));
            if let Some(event) = parse(&bytes) {
                prop_assert_eq!(&event.properties["ACTION"], &event.action);
            }
        }
    }
}
