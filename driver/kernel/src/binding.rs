//! Takes a camera's drivers away and gives them back, in the only order that is safe.
//!
//! Out: against the frames' way (bridge where there is one, receiver, sensor), and only with nobody holding a node of
//! any; the kernel uses freed memory when a descriptor outlives its driver. In: with the frames; a sensor that comes
//! back under a bound receiver is added to its lists twice.
//!
//! Between looking for holders and unbinding nobody may open a node, so its doors are closed before: the nodes are
//! renamed away within `/dev`. The kernel removes a node by its name and does not mind that it is gone; what was
//! renamed is removed here. A predecessor that was killed in between is cleared up after by [`recover`].

use crate::chain::{Chain, Device};
use crate::holders::{self, Holder};
use crate::sysfs::{self, SYS};
use crate::udev::NewNodes;
use crate::{Error, Result};
use nix::errno::Errno;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where nodes are while nobody may open them; on the same file system as they, so that a rename will do.
const CLOSED: &str = "/dev/.bayonet-closed";
/// Only root may look behind closed doors.
const CLOSED_MODE: u32 = 0o700;
/// An open that began before the doors closed has its descriptor after this time; then holders are looked for a second
/// time, which also finds a descriptor that one process handed to another meanwhile.
const LATE_OPENERS: Duration = Duration::from_millis(2);

/// Why drivers could not be unbound.
#[derive(Debug, thiserror::Error)]
pub enum UnbindError {
    /// Processes hold nodes of the chain; nothing was changed.
    #[error("{}", .0.iter().map(Holder::to_string).collect::<Vec<_>>().join(", "))]
    Held(Vec<Holder>),
    /// The kernel refused; one driver may be unbound already.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Binds what is not bound, then waits until udev has set up the new device nodes.
///
/// When a driver after the sensor's cannot be bound, those before it are unbound again.
///
/// # Errors
/// [`Error::Call`] with `EIO`, `ENXIO` or `EREMOTEIO` where no sensor answers; [`Error::HalfBound`];
/// [`Error::NoDriver`] without a driver. That udev takes too long is only logged.
pub fn bind(chain: &Chain) -> Result<()> {
    let devices: Vec<&Device> = chain.devices().collect();
    let bound: Vec<bool> = devices.iter().map(|device| device.is_bound()).collect();
    let Some(first) = bound.iter().position(|&bound| !bound) else {
        return Ok(());
    };
    if let Some(later) = bound.iter().skip(first).position(|&bound| bound) {
        let later = first + later;
        return Err(Error::HalfBound {
            device: devices[later].name.clone(),
            before: devices[later - 1].name.clone(),
        });
    }
    let udev = NewNodes::watch()?;
    for (index, device) in devices.iter().enumerate().skip(first) {
        if let Err(error) = write(device, "bind") {
            for before in devices[..index].iter().rev() {
                write(before, "unbind")?;
            }
            return Err(error);
        }
    }
    udev.wait(chain.binding_nodes())
}

/// Unbinds what is bound, if nobody holds a node of it; the nodes cannot be opened meanwhile.
///
/// # Errors
/// See [`UnbindError`]. After [`UnbindError::Held`] everything is as before.
pub fn unbind(chain: &Chain) -> Result<(), UnbindError> {
    let doors = Doors::close(chain.binding_nodes())?;
    let holders = doors.holders()?;
    if !holders.is_empty() {
        // Dropped doors open again.
        return Err(UnbindError::Held(holders));
    }
    for device in chain.devices().rev().filter(|device| device.is_bound()) {
        write(device, "unbind")?;
    }
    doors.remove()?;
    Ok(())
}

/// Clears up after a predecessor that was killed while it unbound: nodes of devices that still exist get their names
/// back, others are removed. Not to be called while another program might be at it.
///
/// # Errors
/// [`Error::Call`] where a node can be neither renamed nor removed.
pub fn recover() -> Result<()> {
    let closed = Path::new(CLOSED);
    for name in sysfs::names(closed) {
        let (hidden, node) = (closed.join(&name), Path::new("/dev").join(&name));
        if is_alive(&hidden, &name) && !node.exists() {
            log::warn!("{} was left closed; it is opened again", node.display());
            fs::rename(&hidden, &node).map_err(Error::io("rename", &hidden))?;
        } else {
            fs::remove_file(&hidden).map_err(Error::io("remove", &hidden))?;
        }
    }
    match fs::remove_dir(closed) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", closed)(error))
        }
        _ => Ok(()),
    }
}

/// Whether the kernel has a device of this node's number and name.
fn is_alive(node: &Path, name: &str) -> bool {
    let Ok(data) = fs::metadata(node) else {
        return false;
    };
    let (major, minor) = (
        nix::sys::stat::major(data.rdev()),
        nix::sys::stat::minor(data.rdev()),
    );
    let device = Path::new(SYS).join(format!("dev/char/{major}:{minor}/uevent"));
    let uevent = fs::read_to_string(device).unwrap_or_default();
    uevent
        .lines()
        .any(|line| line.strip_prefix("DEVNAME=") == Some(name))
}

fn write(device: &Device, call: &'static str) -> Result<()> {
    let driver = sysfs::driver(Path::new(SYS), device.bus, &device.driver);
    if !driver.exists() {
        return Err(Error::NoDriver {
            device: device.name.clone(),
            bus: device.bus,
            driver: device.driver.clone(),
        });
    }
    sysfs::write(call, &driver.join(call), &device.name).map_err(|error| match error.errno() {
        // The file is the driver's; the error is the device's.
        Some(errno) => {
            let error = Error::call(call, device.directory(), errno);
            match errno {
                Errno::EIO | Errno::ENXIO | Errno::EREMOTEIO => {
                    error.with_advice("no sensor answers")
                }
                Errno::EACCES | Errno::EPERM => error.with_advice("only root may do this"),
                _ => error,
            }
        }
        None => error,
    })
}

/// Device nodes that cannot be opened until this is dropped.
struct Doors {
    /// Their names and where they are now.
    nodes: Vec<(PathBuf, PathBuf)>,
}

impl Doors {
    fn close(nodes: Vec<PathBuf>) -> Result<Self> {
        let closed = Path::new(CLOSED);
        fs::create_dir_all(closed).map_err(Error::io("make", closed))?;
        fs::set_permissions(closed, fs::Permissions::from_mode(CLOSED_MODE))
            .map_err(Error::io("set mode of", closed))?;
        let mut doors = Self { nodes: Vec::new() };
        for node in nodes {
            let hidden = closed.join(node.file_name().unwrap_or_default());
            fs::rename(&node, &hidden).map_err(Error::io("rename", &node))?;
            doors.nodes.push((node, hidden));
        }
        Ok(doors)
    }

    /// Who holds the nodes, under their own names.
    fn holders(&self) -> Result<Vec<Holder>> {
        let hidden: Vec<PathBuf> = self
            .nodes
            .iter()
            .map(|(_, hidden)| hidden.clone())
            .collect();
        let mut holders = holders::of(&hidden)?;
        if holders.is_empty() && !hidden.is_empty() {
            std::thread::sleep(LATE_OPENERS);
            holders = holders::of(&hidden)?;
        }
        for holder in &mut holders {
            if let Some((node, _)) = self.nodes.iter().find(|(_, hidden)| *hidden == holder.node) {
                holder.node.clone_from(node);
            }
        }
        Ok(holders)
    }

    /// Removes the nodes; their devices are gone.
    fn remove(mut self) -> Result<()> {
        for (_, hidden) in std::mem::take(&mut self.nodes) {
            fs::remove_file(&hidden).map_err(Error::io("remove", &hidden))?;
        }
        Ok(())
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        for (node, hidden) in &self.nodes {
            // Of a device that was unbound before an error nothing may come back.
            let name = node.file_name().unwrap_or_default().to_string_lossy();
            let result = if is_alive(hidden, &name) {
                fs::rename(hidden, node)
            } else {
                fs::remove_file(hidden)
            };
            if let Err(error) = result {
                log::error!("opening {} again: {error}", node.display());
            }
        }
        // Fails while another chain's doors are closed.
        let _ = fs::remove_dir(CLOSED);
    }
}
