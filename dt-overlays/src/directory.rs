//! Reads a device tree that the kernel shows as files.

use crate::blob::{MAXIMUM_DEPTH, is_name};
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use std::fs;
use std::io;
use std::path::Path;

/// The tree below a directory like `/proc/device-tree`: directories are nodes, files are properties.
///
/// # Errors
/// Where a directory cannot be listed. A property that cannot be read is left out: some are root's alone.
pub fn read_directory(path: &Path) -> io::Result<DeviceTree> {
    let mut tree = DeviceTree::new();
    tree.root = node(path, "", 0)?;
    Ok(tree)
}

fn node(path: &Path, name: &str, depth: usize) -> io::Result<DeviceTreeNode> {
    let mut node = DeviceTreeNode::new_unchecked(name);
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // The kernel writes a node's name into a property of that name.
        if !is_name(&name) || name == "name" {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < MAXIMUM_DEPTH {
            node.add_child(self::node(&entry.path(), &name, depth + 1)?);
        } else if kind.is_file()
            && let Ok(value) = fs::read(entry.path())
        {
            node.add_property(DeviceTreeProperty::new_unchecked(name, value));
        }
    }
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtoolkit::{Node, Property};

    #[test]
    fn directories_are_nodes_and_files_are_properties() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("soc/i2c@1")).unwrap();
        fs::write(directory.path().join("model"), "a board\0").unwrap();
        fs::write(directory.path().join("soc/i2c@1/name"), "i2c\0").unwrap();
        fs::write(directory.path().join("soc/i2c@1/reg"), [0, 0, 0, 1]).unwrap();
        let tree = read_directory(directory.path()).unwrap();
        let value = |path, name| Some(tree.find_node(path)?.property(name)?.value().to_vec());
        assert_eq!(value("/", "model"), Some(b"a board\0".to_vec()));
        assert_eq!(value("/soc/i2c@1", "reg"), Some(vec![0, 0, 0, 1]));
        assert_eq!(value("/soc/i2c@1", "name"), None);
        assert!(read_directory(&directory.path().join("none")).is_err());
    }
}
