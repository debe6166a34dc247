//! The device tree that the kernel was booted with, as it shows it below `/proc/device-tree`.
//!
//! A directory is a node, a file a property: strings end with a zero byte, cells are 32 bits, big-endian
//! (Devicetree Specification 0.4, 2.2). Only what the module's node needs is here; nothing is written.

use crate::{Error, Result};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The tree of the running system.
const TREE: &str = "/proc/device-tree";
/// Compatible string of the node that tells of the module: `main-sensor` and `mount-sensor` are phandles of the
/// sensors' nodes. A module without a lens mount has no `mount-sensor`, or a disabled one. The mount's lines are in
/// [`crate::mount_lines`].
pub const MODULE: &str = "bayonet,module";
/// Levels of nodes that are searched; real trees have some ten.
const MAXIMUM_DEPTH: usize = 32;

/// A device tree.
#[derive(Clone, Debug)]
pub struct DeviceTree {
    root: Node,
    /// All nodes that are referred to. A search reads hundreds of files, so there is but one.
    phandles: HashMap<u32, Node>,
}

/// A node of a device tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    root: PathBuf,
    directory: PathBuf,
}

/// An entry of a property that asks something of other nodes, e.g. of `clocks` or `present-gpios`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specifier {
    /// The node that is asked.
    pub provider: Node,
    /// What is asked of it.
    pub cells: Vec<u32>,
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
        let directory = fs::canonicalize(path).map_err(Error::io("open", path))?;
        let root = Node {
            root: directory.clone(),
            directory,
        };
        let mut phandles = HashMap::new();
        root.find(&mut |node| {
            if let Ok(phandle) = node.cell("phandle") {
                phandles.insert(phandle, node.clone());
            }
            false
        });
        Ok(Self { root, phandles })
    }

    /// The root node.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The first enabled node that is compatible with `name`, in the order of names.
    pub fn find_compatible(&self, name: &str) -> Option<Node> {
        self.root.find(&mut |node| {
            node.compatible().iter().any(|entry| entry == name) && node.is_enabled()
        })
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
        self.phandles
            .get(&phandle)
            .map(|node| Some(node.clone()))
            .ok_or_else(|| node.error(format!("{property} = <{phandle}> refers to no node")))
    }

    /// The entries of a property of `node`, each a phandle and as many cells as `count`, e.g. `#gpio-cells`, of the
    /// node that it refers to says.
    ///
    /// # Errors
    /// [`Error::DeviceTree`] where there is no such property, it refers to nothing or ends too early.
    pub fn specifiers(&self, node: &Node, property: &str, count: &str) -> Result<Vec<Specifier>> {
        let mut specifiers = Vec::new();
        let cells = cells(&node.bytes(property)?)
            .ok_or_else(|| node.error(format!("{property} is no list of cells")))?;
        let mut rest = &cells[..];
        while let Some((phandle, behind)) = rest.split_first() {
            let entry = format!("{property}[{}]", specifiers.len());
            let provider = self
                .phandles
                .get(phandle)
                .ok_or_else(|| node.error(format!("{entry}: <{phandle}> refers to no node")))?;
            let length = provider.cell(count)?;
            let (own, next) = behind.split_at_checked(length as usize).ok_or_else(|| {
                let path = provider.path();
                node.error(format!(
                    "{entry} is cut short: {path} has {count} = <{length}>"
                ))
            })?;
            specifiers.push(Specifier {
                provider: provider.clone(),
                cells: own.to_vec(),
            });
            rest = next;
        }
        Ok(specifiers)
    }
}

impl Node {
    /// The first node that is wanted: this one, or one in it.
    fn find(&self, wanted: &mut impl FnMut(&Node) -> bool) -> Option<Node> {
        let mut waiting = vec![(self.clone(), 0)];
        while let Some((node, depth)) = waiting.pop() {
            if wanted(&node) {
                return Some(node);
            }
            if depth < MAXIMUM_DEPTH {
                let children = node.children().into_iter().rev();
                waiting.extend(children.map(|node| (node, depth + 1)));
            }
        }
        None
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, DeviceTree) {
        let directory = tempfile::tempdir().unwrap();
        for (path, value) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, value).unwrap();
        }
        let tree = DeviceTree::at(directory.path()).unwrap();
        (directory, tree)
    }

    #[test]
    fn nodes_are_found_by_what_they_are_and_by_reference() {
        let (_directory, tree) = tree(&[
            ("a/compatible", b"maker,one\0maker,two\0"),
            ("a/link", &[0, 0, 0, 7]),
            ("b/c/phandle", &[0, 0, 0, 7]),
            ("b/c/compatible", b"maker,two\0"),
        ]);
        let a = tree.find_compatible("maker,two").unwrap();
        assert_eq!(a.path(), "/a");
        let c = tree.reference(&a, "link").unwrap().unwrap();
        assert_eq!(c.path(), "/b/c");
        assert_eq!(c.parent().unwrap().path(), "/b");
        assert_eq!(tree.root().path(), "/");
        assert_eq!(tree.root().parent(), None);
        assert_eq!(tree.reference(&a, "nothing").unwrap(), None);
        assert_eq!(tree.find_compatible("maker"), None);
    }

    #[test]
    fn a_disabled_node_is_not_found() {
        let (_directory, tree) = tree(&[
            ("a/compatible", b"it\0"),
            ("a/status", b"disabled\0"),
            ("b/compatible", b"it\0"),
            ("b/status", b"okay\0"),
        ]);
        assert_eq!(tree.find_compatible("it").unwrap().path(), "/b");
    }

    #[test]
    fn what_is_wrong_is_told_with_the_node() {
        let (_directory, tree) = tree(&[
            ("a/compatible", b"it\0"),
            ("a/short", &[1, 2]),
            ("a/lost", &[0, 0, 0, 9]),
        ]);
        let a = tree.find_compatible("it").unwrap();
        let told = |property| tree.reference(&a, property).unwrap_err().to_string();
        assert_eq!(told("short"), "device tree, /a: short is not one cell");
        assert_eq!(
            told("lost"),
            "device tree, /a: lost = <9> refers to no node"
        );
        let error = a.strings("short").unwrap_err().to_string();
        assert_eq!(error, "device tree, /a: short is no list of strings");
        let error = DeviceTree::at(Path::new("/no/tree")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "open /no/tree: No such file or directory"
        );
    }

    proptest! {
        #[test]
        fn cells_and_strings_are_what_was_written(
            numbers in prop::collection::vec(any::<u32>(), 0..8),
            words in prop::collection::vec("[^\0]{0,8}", 1..8),
        ) {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
            prop_assert_eq!(cells(&bytes), Some(numbers));
            let text = words.join("\0") + "\0";
            prop_assert_eq!(strings(text.as_bytes()), Some(words));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(cells(&bytes).is_some(), bytes.len() % 4 == 0);
            if let Some(words) = strings(&bytes) {
                let again = words.join("\0") + "\0";
                prop_assert_eq!(again.as_bytes(), bytes);
            }
        }
    }
}
