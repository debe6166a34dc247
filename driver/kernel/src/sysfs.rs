//! Files below `/sys`: attributes, and devices by their device tree node.

use crate::{Error, Result};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the kernel shows its devices.
pub(crate) const SYS: &str = "/sys";

/// Text of an attribute, without the line end.
pub(crate) fn read(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Writes an attribute in one call, as the kernel wants it; never makes a file.
pub(crate) fn write(call: &'static str, path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(Error::io("open", path))?;
    file.write_all(text.as_bytes())
        .map_err(Error::io(call, path))
}

/// Names in a directory, sorted; none where the directory is not there.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Name of what a link leads to.
pub(crate) fn link_name(link: &Path) -> Option<String> {
    let target = fs::read_link(link).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

/// Directory of the devices on a bus.
pub(crate) fn devices(sys: &Path, bus: &str) -> PathBuf {
    sys.join("bus").join(bus).join("devices")
}

/// Directory of a driver on a bus.
pub(crate) fn driver(sys: &Path, bus: &str, name: &str) -> PathBuf {
    sys.join("bus").join(bus).join("drivers").join(name)
}

/// The device of a bus that was made from a device tree node; `node` is the node's directory, canonical.
pub(crate) fn device_of(sys: &Path, bus: &str, node: &Path) -> Option<String> {
    let devices = devices(sys, bus);
    names(&devices).into_iter().find(|name| {
        fs::canonicalize(devices.join(name).join("of_node")).is_ok_and(|place| place == node)
    })
}
