//! Overlays: parameters, what is left of an overlay, and a base tree with it.
//!
//! What stands behind the blob's end is the value that parameters are set to.

#![no_main]

use bayonet_overlay::dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use bayonet_overlay::{Error, Overlay, problems};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(mut overlay) = Overlay::parse(data) else {
        return;
    };
    let size = data[4..8]
        .first_chunk()
        .map_or(0, |size| u32::from_be_bytes(*size));
    let value = String::from_utf8_lossy(&data[size as usize..]).into_owned();
    for parameter in overlay.parameters() {
        for value in [&value].into_iter().chain(&parameter.choices) {
            let before = overlay.clone();
            if overlay.set(&parameter.name, value).is_err() {
                assert_eq!(overlay, before, "a parameter was set by halves");
            }
        }
    }
    match Overlay::parse(&overlay.to_blob()) {
        Ok(baked) => {
            assert_eq!(baked.labels(), overlay.labels());
            assert!(baked.parameters().is_empty());
        }
        Err(error) => assert_eq!(error, Error::NotAnOverlay, "no fragment is left"),
    }
    if let Ok(tree) = overlay.merge(&base(&overlay.labels())) {
        let _ = problems(&tree);
    }
});

/// A base tree with these labels.
fn base(labels: &[String]) -> Vec<u8> {
    let mut tree = DeviceTree::new();
    let mut symbols = DeviceTreeNode::new_unchecked("__symbols__");
    for label in labels {
        tree.root.add_child(DeviceTreeNode::new_unchecked(label));
        let path = format!("/{label}");
        symbols.add_property(DeviceTreeProperty::new_unchecked(label, path.as_str()));
    }
    tree.root.add_child(symbols);
    tree.to_dtb()
}
