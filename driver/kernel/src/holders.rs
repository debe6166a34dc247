//! Who holds a device node open.
//!
//! Found by device number in the descriptors and mappings of all processes, as `fuser` does, so a node that was
//! renamed, or made a second time in a container, is found as well. Only root sees every process. Not seen: a
//! descriptor that is on its way through a Unix socket, or of a thread that shares no descriptors with its process.

use crate::{Error, Result};
use nix::sys::stat::{SFlag, major, minor, stat};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A process and a node it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Name of its program, as `/proc/PID/comm` gives it.
    pub command: String,
    /// The node.
    pub node: PathBuf,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pid, command, node } = self;
        write!(formatter, "{command} ({pid}) has {} open", node.display())
    }
}

/// The processes that hold any of `nodes`, this one included; each process and node once.
///
/// Nodes that are not there are held by nobody. Processes that end meanwhile are left out.
///
/// # Errors
/// [`Error::Call`] where `/proc` cannot be listed.
pub fn of(nodes: &[PathBuf]) -> Result<Vec<Holder>> {
    let wanted = Wanted::of(nodes);
    if wanted.by_number.is_empty() {
        return Ok(Vec::new());
    }
    let processes = Path::new("/proc");
    let entries = fs::read_dir(processes).map_err(Error::io("list", processes))?;
    let mut holders = Vec::new();
    let mut files = wanted.files();
    for entry in entries.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let process = entry.path();
        let mut held = open_nodes(&process, &wanted);
        held.extend(mapped_nodes(&process, &wanted, &mut files));
        if !held.is_empty() {
            let command = fs::read_to_string(process.join("comm")).unwrap_or_default();
            let mut held: Vec<&PathBuf> = held.into_iter().collect();
            held.sort();
            holders.extend(held.into_iter().map(|node| Holder {
                pid,
                command: command.trim_end().to_owned(),
                node: node.clone(),
            }));
        }
    }
    holders.sort_by_key(|holder| holder.pid);
    Ok(holders)
}

/// The nodes looked for, by number of the device.
struct Wanted<'a> {
    by_number: HashMap<u64, &'a PathBuf>,
}

impl<'a> Wanted<'a> {
    fn of(nodes: &'a [PathBuf]) -> Self {
        let numbers = nodes
            .iter()
            .filter_map(|node| Some((device_number(node)?, node)));
        Self {
            by_number: numbers.collect(),
        }
    }

    fn find(&self, file: &Path) -> Option<&'a PathBuf> {
        self.by_number.get(&device_number(file)?).copied()
    }

    /// The nodes by the files that they are themselves.
    fn files(&self) -> Files<'a> {
        let nodes = self.by_number.values();
        nodes
            .filter_map(|node| {
                let data = stat(*node).ok()?;
                let (major, minor) = (major(data.st_dev), minor(data.st_dev));
                let device = format!("{major:02x}:{minor:02x}");
                Some(((device, data.st_ino), Some(*node)))
            })
            .collect()
    }
}

/// Number of a character device; follows links, those of `/proc` too.
fn device_number(file: &Path) -> Option<u64> {
    let data = stat(file).ok()?;
    let character = SFlag::from_bits_truncate(data.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR;
    character.then_some(data.st_rdev)
}

fn open_nodes<'a>(process: &Path, wanted: &Wanted<'a>) -> HashSet<&'a PathBuf> {
    let entries = fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| {
            // Sockets and pipes have no path; what has one is worth a look.
            let target = fs::read_link(entry.path()).ok()?;
            target.is_absolute().then(|| wanted.find(&entry.path()))?
        })
        .collect()
}

/// A file as mappings name it: device of its file system, inode.
type FileId = (String, u64);
/// Which of the nodes looked for a file is.
type Files<'a> = HashMap<FileId, Option<&'a PathBuf>>;

/// Mappings outlive the descriptor they were made with, and hold the node as it does.
fn mapped_nodes<'a>(
    process: &Path,
    wanted: &Wanted<'a>,
    files: &mut Files<'a>,
) -> HashSet<&'a PathBuf> {
    let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
    let mapped = maps.lines().filter_map(|line| {
        let (range, id) = mapping(line)?;
        // Processes map the same libraries again and again. Where a mapping leads only root is told.
        *files.entry(id).or_insert_with(|| {
            let link = process.join("map_files").join(range);
            wanted.find(&link)
        })
    });
    mapped.collect()
}

/// Address range and file of a line of `/proc/PID/maps`; `None` for memory without a file.
fn mapping(line: &str) -> Option<(&str, FileId)> {
    let mut words = line.split_ascii_whitespace();
    let range = words.next()?;
    let device = words.nth(2)?;
    let inode: u64 = words.next()?.parse().ok()?;
    (inode != 0).then(|| (range, (device.to_owned(), inode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "/dev/zero";

    fn own(holders: &[Holder]) -> Vec<&Holder> {
        let pid = std::process::id();
        holders.iter().filter(|holder| holder.pid == pid).collect()
    }

    #[test]
    fn a_descriptor_holds_until_it_is_closed_and_so_does_a_mapping() {
        // One test: the process is one, and tests run at once.
        let nodes = [PathBuf::from(OWN)];
        assert_eq!(own(&of(&nodes).unwrap()), Vec::<&Holder>::new());
        let file = fs::File::open(OWN).unwrap();
        let again = file.try_clone().unwrap();
        let holders = of(&nodes).unwrap();
        let [holder] = own(&holders)[..] else {
            panic!("{holders:?}");
        };
        assert_eq!(holder.node, nodes[0]);
        assert!(!holder.command.is_empty());
        drop(again);
        // SAFETY: the device has no end that an access could be beyond, and nobody else writes to a copy.
        let mapping = unsafe { memmap2::MmapOptions::new().len(1).map_copy(&file) }.unwrap();
        drop(file);
        assert_eq!(own(&of(&nodes).unwrap()).len(), 1);
        drop(mapping);
        assert_eq!(own(&of(&nodes).unwrap()), Vec::<&Holder>::new());
    }

    #[test]
    fn files_and_missing_nodes_are_held_by_nobody() {
        let nodes = [PathBuf::from("/proc/self/exe"), PathBuf::from("/dev/no")];
        assert_eq!(of(&nodes).unwrap(), []);
    }

    #[test]
    fn a_mapping_of_memory_has_no_file() {
        let line = "7f12-7f13 rw-p 00000000 00:00 0                          [heap]";
        assert_eq!(mapping(line), None);
        let line = "7f12-7f13 rw-s 00001000 00:05 137                        /dev/video24";
        assert_eq!(
            mapping(line),
            Some(("7f12-7f13", ("00:05".to_owned(), 137)))
        );
        assert_eq!(mapping(""), None);
    }
}
