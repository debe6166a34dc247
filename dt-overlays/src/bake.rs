//! What is left of an overlay once its parameters are set.

use crate::tree::{ACTIVE, CELL, Node, Reference};
use dtoolkit::overlay::PHANDLE_PROPS;

/// Leaves out what is not merged, and merges what is for the overlay itself.
///
/// A boot loader passes over a fragment without `__overlay__`, but still looks for every label that it mentions: so
/// such a fragment goes, and with it the labels that it alone needs. A fragment for a node of the overlay itself is
/// merged by Raspberry Pi's firmware before all others, and by nobody else.
pub(crate) fn bake(mut root: Node) -> Node {
    let mut index = 0;
    while let Some(fragment) = root.children.get_mut(index) {
        if !fragment.is_fragment() {
            index += 1;
            continue;
        }
        if let Some(content) = fragment.child_mut(ACTIVE) {
            // The node that it is merged into has its own.
            content
                .properties
                .retain(|property| !PHANDLE_PROPS.contains(&property.name.as_str()));
        }
        if !merge_local(&mut root, index) {
            index += 1;
        }
    }
    root.children
        .retain(|node| !node.is_fragment() || node.child(ACTIVE).is_some());
    root
}

/// Merges a fragment that is for a node of another one; whether it was such a fragment.
fn merge_local(root: &mut Node, index: usize) -> bool {
    let fragment = &root.children[index];
    let Some((phandle, content)) = local_target(fragment).zip(fragment.child(ACTIVE).cloned())
    else {
        return false;
    };
    let fragment = root.children.remove(index);
    match root.by_phandle(phandle) {
        Some(target) => target.merge(content),
        // Whoever merges the overlay will say that there is no such node.
        None => {
            root.children.insert(index, fragment);
            return false;
        }
    }
    true
}

/// The phandle of a fragment's target, where that is in the overlay itself.
fn local_target(fragment: &Node) -> Option<u32> {
    let target = fragment.property("target")?;
    (target.references.get(&0) == Some(&Reference::Local)).then_some(())?;
    let cell: [u8; CELL] = target.value.as_slice().try_into().ok()?;
    Some(u32::from_be_bytes(cell))
}
