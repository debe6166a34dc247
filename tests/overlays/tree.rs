//! A merged tree, asked by label.

use bayonet_overlay::dtoolkit::model::{DeviceTree, DeviceTreeNode};
use bayonet_overlay::dtoolkit::{Node as _, Property as _};
use bayonet_overlay::read_blob;

/// A tree that keeps its labels (`dtc -@`).
pub(crate) struct Tree(DeviceTree);

impl Tree {
    pub(crate) fn read(blob: &[u8]) -> Self {
        Self(read_blob(blob).expect("a device tree"))
    }

    pub(crate) fn model(&self) -> &DeviceTree {
        &self.0
    }

    /// Path of a label's node.
    pub(crate) fn path(&self, label: &str) -> String {
        let symbols = self.0.find_node("/__symbols__").expect("labels");
        let path = symbols
            .property(label)
            .unwrap_or_else(|| panic!("no label {label}"));
        text(path.value())
    }

    pub(crate) fn has_label(&self, label: &str) -> bool {
        let symbols = self.0.find_node("/__symbols__");
        symbols.is_some_and(|symbols| symbols.property(label).is_some())
    }

    pub(crate) fn node(&self, label: &str) -> &DeviceTreeNode {
        let path = self.path(label);
        self.0
            .find_node(&path)
            .unwrap_or_else(|| panic!("{label} is {path}, which is not there"))
    }

    /// A property's bytes; `None` where there is none.
    pub(crate) fn bytes(&self, label: &str, property: &str) -> Option<Vec<u8>> {
        Some(self.node(label).property(property)?.value().to_vec())
    }

    pub(crate) fn cells(&self, label: &str, property: &str) -> Vec<u32> {
        let bytes = self
            .bytes(label, property)
            .unwrap_or_else(|| panic!("{label} has no {property}"));
        let (cells, rest) = bytes.as_chunks::<4>();
        assert!(rest.is_empty(), "{label}: {property} is not of cells");
        cells.iter().map(|cell| u32::from_be_bytes(*cell)).collect()
    }

    pub(crate) fn text(&self, label: &str, property: &str) -> Option<String> {
        self.bytes(label, property).map(|bytes| text(&bytes))
    }

    pub(crate) fn phandle(&self, label: &str) -> u32 {
        self.cells(label, "phandle")[0]
    }
}

/// The first string of a property's value.
fn text(value: &[u8]) -> String {
    let end = value
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}
