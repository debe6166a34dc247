//! The device tree that the kernel was booted with, as it shows it below `/proc/device-tree`.
//!
//! A directory is a node, a file a property: strings end with a zero byte, cells are 32 bits, big-endian
//! (Devicetree Specification 0.4, 2.2). Only what the module's node needs is here; nothing is written.

use crate::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The tree of the running system.
const TREE: &str = "/proc/device-tree";
/// Compatible string of the node that tells of the module: `main-sensor` and `mount-sensor` are phandles of the
/// sensors' nodes. A module without a lens mount has no `mount-sensor`.
pub const MODULE: &str = "bayonet,module";
/// Levels of nodes that are searched; real trees have some ten.
const MAXIMUM_DEPTH: usize = 32;

/// A device tree.
#[derive(Clone, Debug)]
pub struct DeviceTree {
    root: PathBuf,
}

/// A node of a device tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    root: PathBuf,
    directory: PathBuf,
}

impl DeviceTree {
    /// The tree of the running system.
    ///
    /// # Errors
    /// [`Error::Call`] where the system has none, as most x86 computers.
    pub fn open() -> Result<Self> {
        Self::at(Path::new(TREE))
            .map_err(|error| error.with_advice("this system was booted without a device tree"))
    }

    /// A tree elsewhere.
    ///
    /// # Errors
    /// [`Error::Call`] where nothing is there.
    pub fn at(path: &Path) -> Result<Self> {
        // The kernel's entry is a link; devices refer to where it leads.
        let root = fs::canonicalize(path).map_err(Error::io("open", path))?;
        Ok(Self { root })
    }

    /// The root node.
    pub fn root(&self) -> Node {
        Node {
            root: self.root.clone(),
            directory: self.root.clone(),
        }
    }

    /// The first enabled node that is compatible with `name`, in the order of names.
    pub fn find_compatible(&self, name: &str) -> Option<Node> {
        self.find(|node| node.is_enabled() && node.compatible().iter().any(|entry| entry == name))
    }

    /// The node that a phandle refers to.
    pub fn find_phandle(&self, phandle: u32) -> Option<Node> {
        self.find(|node| node.cell("phandle").is_ok_and(|cell| cell == phandle))
    }

    fn find(&self, wanted: impl Fn(&Node) -> bool) -> Option<Node> {
        let mut waiting = vec![(self.root(), 0)];
        while let Some((node, depth)) = waiting.pop() {
            if wanted(&node) {
                return Some(node);
            }
            if depth < MAXIMUM_DEPTH {
                waiting.extend(
                    node.children()
                        .into_iter()
                        .rev()
                        .map(|node| (node, depth + 1)),
                );
            }
        }
        None
    }

    /// The node that the phandle in a property of `node` refers to; `None` where there is no such property.
    ///
    /// # Errors
    /// [`Error::DeviceTree`] where the property is no phandle or refers to nothing.
    pub fn reference(&self, node: &Node, property: &str) -> Result<Option<Node>> {
        if !node.has(property) {
            return Ok(None);
        }
        let phandle = node.cell(property)?;
        self.find_phandle(phandle)
            .map(Some)
            .ok_or_else(|| node.error(format!("{property} = <{phandle}> refers to no node")))
    }
}

impl Node {
    /// Its path in the tree, e.g. `/soc/i2c@7e205000`.
    pub fn path(&self) -> String {
        match self.directory.strip_prefix(&self.root) {
            Ok(path) => format!("/{}", path.display()),
            Err(_) => self.directory.display().to_string(),
        }
    }

    /// Where the kernel shows it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The node it is in; `None` for the root.
    pub fn parent(&self) -> Option<Node> {
        let parent = (self.directory != self.root).then(|| self.directory.parent())??;
        Some(self.at(parent))
    }

    /// The nodes in it, by name.
    pub fn children(&self) -> Vec<Node> {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let mut nodes: Vec<Node> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| self.at(&entry.path()))
            .collect();
        nodes.sort_by(|one, two| one.directory.cmp(&two.directory));
        nodes
    }

    fn at(&self, directory: &Path) -> Node {
        Node {
            root: self.root.clone(),
            directory: directory.to_path_buf(),
        }
    }

    /// Whether it has a property or child of this name.
    pub fn has(&self, name: &str) -> bool {
        self.directory.join(name).exists()
    }

    /// Value of a property, as it is.
    ///
    /// # Errors
    /// [`Error::DeviceTree`] where there is none.
    pub fn bytes(&self, property: &str) -> Result<Vec<u8>> {
        fs::read(self.directory.join(property))
            .map_err(|_| self.error(format!("it has no property {property}")))
    }

    /// Value of a property that is one cell.
    ///
    /// # Errors
    /// [`Error::DeviceTree`] where there is none, or it is not one cell.
    pub fn cell(&self, property: &str) -> Result<u32> {
        match cells(&self.bytes(property)?).as_deref() {
            Some([cell]) => Ok(*cell),
            _ => Err(self.error(format!("{property} is not one cell"))),
        }
    }

    /// Value of a property that is a list of strings.
    ///
    /// # Errors
    /// [`Error::DeviceTree`] where there is none, or it is none.
    pub fn strings(&self, property: &str) -> Result<Vec<String>> {
        strings(&self.bytes(property)?)
            .ok_or_else(|| self.error(format!("{property} is no list of strings")))
    }

    /// What it is compatible with, the most specific first.
    pub fn compatible(&self) -> Vec<String> {
        self.strings("compatible").unwrap_or_default()
    }

    /// Whether the kernel makes a device of it.
    pub fn is_enabled(&self) -> bool {
        match self.strings("status") {
            Ok(status) => matches!(status.first().map(String::as_str), Some("okay" | "ok")),
            Err(_) => true,
        }
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> Error {
        Error::DeviceTree {
            node: self.path(),
            problem: problem.into(),
        }
    }
}

/// The cells of a property's value; `None` where its length does not fit.
pub fn cells(value: &[u8]) -> Option<Vec<u32>> {
    let (cells, rest) = value.as_chunks::<4>();
    rest.is_empty()
        .then(|| cells.iter().map(|cell| u32::from_be_bytes(*cell)).collect())
}

/// The strings of a property's value; `None` where the last one does not end, or one is no text.
pub fn strings(value: &[u8]) -> Option<Vec<String>> {
    let value = value.strip_suffix(&[0])?;
    value
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8(text.to_vec()).ok())
        .collect()
}
