//! Waits until udev has set up new device nodes.
//!
//! A new node belongs to root alone until udev has given it a group, and libcamera looks at devices only that udev
//! knows. udev tells when it is done with an event, by the number that the kernel gave it.

use crate::uevent::{Message, Monitor, Source};
use crate::{Error, Result, sysfs};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest time for udev; it starts several programs for each node.
const LIMIT: Duration = Duration::from_secs(10);
/// Where udev listens, while it runs.
const UDEV: &str = "/run/udev/control";
/// Number of the kernel's latest event.
const SEQUENCE: &str = "/sys/kernel/uevent_seqnum";

/// Nodes that come from now on.
pub(crate) struct NewNodes {
    /// `None` on a system without udev.
    monitor: Option<Monitor>,
    /// The latest event before.
    after: u64,
}

impl NewNodes {
    /// Begins to watch.
    pub(crate) fn watch() -> Result<Self> {
        let udev = Path::new(UDEV).exists();
        let monitor = udev.then(|| Monitor::open(Source::Udev)).transpose()?;
        let sequence = sysfs::read(Path::new(SEQUENCE))?;
        Ok(Self {
            monitor,
            after: sequence.parse().unwrap_or(0),
        })
    }

    /// Waits until udev is done with these. That it takes too long is told and no error: the nodes are there.
    pub(crate) fn wait(self, mut nodes: Vec<PathBuf>) -> Result<()> {
        let Some(monitor) = self.monitor else {
            return Ok(());
        };
        let start = Instant::now();
        while !nodes.is_empty() {
            let Some(left) = LIMIT.checked_sub(start.elapsed()) else {
                log::warn!("udev did not set up {nodes:?} within {LIMIT:?}");
                return Ok(());
            };
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            match poll(
                &mut [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)],
                timeout,
            ) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::call("poll", UDEV, errno)),
            }
            while let Some(message) = monitor.read()? {
                match message {
                    Message::Event(event) => {
                        let sequence = event.properties.get("SEQNUM");
                        let new = sequence.and_then(|text| text.parse().ok()) > Some(self.after);
                        if let (true, "add", Some(node)) = (new, &*event.action, event.node()) {
                            nodes.retain(|wanted| *wanted != node);
                        }
                    }
                    Message::Lost => {
                        log::warn!("what udev told of {nodes:?} is lost");
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}
