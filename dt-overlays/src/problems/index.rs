//! A tree's nodes with what leads to them: paths, parents, phandles.

use dtoolkit::model::{DeviceTree, DeviceTreeNode};
use dtoolkit::overlay::get_phandle;
use dtoolkit::{FdtStringListIterator, Node, Property};
use std::collections::HashMap;

/// All nodes of a tree.
pub(super) struct Index<'a> {
    nodes: Vec<Entry<'a>>,
    phandles: HashMap<u32, At>,
}

struct Entry<'a> {
    node: &'a DeviceTreeNode,
    path: String,
    parent: Option<At>,
}

/// A node of an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(usize);

impl<'a> Index<'a> {
    pub(super) fn new(tree: &'a DeviceTree) -> Self {
        let root = Entry {
            node: &tree.root,
            path: "/".into(),
            parent: None,
        };
        let mut index = Self {
            nodes: vec![root],
            phandles: HashMap::new(),
        };
        let mut next = 0;
        while let Some(entry) = index.nodes.get(next) {
            let (node, at) = (entry.node, At(next));
            let path = entry.path.trim_end_matches('/').to_owned();
            if let Some(phandle) = get_phandle(&node) {
                index.phandles.insert(phandle, at);
            }
            index.nodes.extend(node.children().map(|child| Entry {
                node: child,
                path: format!("{path}/{}", child.name()),
                parent: Some(at),
            }));
            next += 1;
        }
        index
    }

    /// All nodes; a node's parent comes before it.
    pub(super) fn all(&self) -> impl Iterator<Item = At> + use<> {
        (0..self.nodes.len()).map(At)
    }

    pub(super) fn path(&self, at: At) -> &str {
        &self.nodes[at.0].path
    }

    pub(super) fn parent(&self, at: At) -> Option<At> {
        self.nodes[at.0].parent
    }

    /// The node, and those that it is in, the innermost first.
    pub(super) fn upwards(&self, at: At) -> impl Iterator<Item = At> {
        std::iter::successors(Some(at), |at| self.parent(*at))
    }

    /// The node of this phandle.
    pub(super) fn referred(&self, phandle: u32) -> Option<At> {
        self.phandles.get(&phandle).copied()
    }

    /// Names of a node's properties.
    pub(super) fn properties(&self, at: At) -> Vec<String> {
        let properties = self.nodes[at.0].node.properties();
        properties.map(|property| property.name().into()).collect()
    }

    pub(super) fn has(&self, at: At, name: &str) -> bool {
        self.nodes[at.0].node.property(name).is_some()
    }

    /// A property's cells; `None` without it. What is no whole cell at its end is left out.
    pub(super) fn cells(&self, at: At, name: &str) -> Option<Vec<u32>> {
        let property = self.nodes[at.0].node.property(name)?;
        let (cells, _) = property.value().as_chunks::<4>();
        Some(cells.iter().map(|cell| u32::from_be_bytes(*cell)).collect())
    }

    /// A property that is one cell.
    pub(super) fn cell(&self, at: At, name: &str) -> Option<u32> {
        match self.cells(at, name)?.as_slice() {
            [cell] => Some(*cell),
            _ => None,
        }
    }

    pub(super) fn is_compatible(&self, at: At, name: &str) -> bool {
        let compatible = self.nodes[at.0].node.property("compatible");
        let names =
            compatible.and_then(|property| property.value_as::<FdtStringListIterator>().ok());
        names.into_iter().flatten().any(|entry| entry == name)
    }

    /// The node or the innermost that it is in of which the kernel makes no device, and none of what is in it.
    pub(super) fn disabled(&self, at: At) -> Option<At> {
        self.upwards(at).find(|at| {
            let status = self.nodes[at.0].node.property("status");
            status.is_some_and(|status| !matches!(status.value(), b"okay\0" | b"ok\0"))
        })
    }

    /// What a list of phandles refers to, each with the cells behind it, of which the referred node says the number.
    /// The list ends where it cannot be read on; `None` without it.
    pub(super) fn list(&self, at: At, name: &str, count: &str) -> Option<Vec<Item>> {
        let cells = self.cells(at, name)?;
        let mut rest = cells.as_slice();
        let mut items = Vec::new();
        while let Some((phandle, behind)) = rest.split_first() {
            let node = self.referred(*phandle);
            let count = node.and_then(|node| self.cell(node, count));
            let arguments = count.and_then(|count| behind.get(..count as usize));
            items.push(Item {
                node,
                arguments: arguments.map(<[u32]>::to_vec),
            });
            let Some(arguments) = arguments else { break };
            rest = &behind[arguments.len()..];
        }
        Some(items)
    }
}

/// One of a list of phandles with arguments.
pub(super) struct Item {
    /// What it refers to; `None` if there is no such node.
    pub(super) node: Option<At>,
    /// `None` if the node does not say how many, or they are not there.
    pub(super) arguments: Option<Vec<u32>>,
}
