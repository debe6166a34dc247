//! An overlay's nodes, with what `__fixups__`, `__local_fixups__` and `__symbols__` say of them written beside them.
//!
//! Those three name places by paths. Here a reference belongs to its property and a label to its node, so that both
//! move and go with them; [`Node::to_tree`] writes the paths anew.

use crate::{Error, Result};
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use dtoolkit::overlay::{NODE_FIXUPS, NODE_LOCAL_FIXUPS, NODE_SYMBOLS, PHANDLE_PROPS};
use dtoolkit::{FdtStringListIterator, Node as _, Property as _};
use std::collections::BTreeMap;

/// Bytes of a cell.
pub(crate) const CELL: usize = 4;
/// Where a fragment's content is that is merged.
pub(crate) const ACTIVE: &str = "__overlay__";
/// Where it is while it is not.
pub(crate) const DORMANT: &str = "__dormant__";

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
    pub(crate) properties: Vec<Property>,
    pub(crate) children: Vec<Node>,
}

/// A property.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) value: Vec<u8>,
    /// Cells that are phandles, by their offsets.
    pub(crate) references: BTreeMap<usize, Reference>,
}

/// What a phandle's cell refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A node of the overlay: the cell's value is its phandle.
    Local,
    /// A label of the base tree.
    Label(String),
}

impl Node {
    /// Reads an overlay.
    pub(crate) fn from_tree(mut tree: DeviceTree) -> Result<Self> {
        let fixups = tree.root.remove_child(NODE_FIXUPS);
        let local_fixups = tree.root.remove_child(NODE_LOCAL_FIXUPS);
        let symbols = tree.root.remove_child(NODE_SYMBOLS);
        let mut root = Self::plain(&tree.root);
        for symbol in symbols.iter().flat_map(|node| node.properties()) {
            let node = symbol
                .value_as::<&str>()
                .ok()
                .and_then(|path| root.at(path));
            let node = node.ok_or_else(|| Error::Malformed {
                place: format!("/{NODE_SYMBOLS}:{}", symbol.name()),
                problem: "it is no path of a node",
            })?;
            node.labels.push(symbol.name().into());
        }
        if let Some(local_fixups) = local_fixups {
            root.add_local(&local_fixups, "")?;
        }
        for fixup in fixups.iter().flat_map(|node| node.properties()) {
            let places = fixup.value_as::<FdtStringListIterator>();
            for place in places.into_iter().flatten() {
                root.add_label(fixup.name(), place)
                    .ok_or_else(|| Error::Malformed {
                        place: format!("/{NODE_FIXUPS}:{}, {place}", fixup.name()),
                        problem: "it is not path, property and offset of a cell",
                    })?;
            }
        }
        Ok(root)
    }

    fn plain(node: &DeviceTreeNode) -> Self {
        Self {
            name: node.name().into(),
            labels: Vec::new(),
            properties: node
                .properties()
                .map(|property| Property::new(property.name(), property.value()))
                .collect(),
            children: node.children().map(Self::plain).collect(),
        }
    }

    fn add_local(&mut self, fixups: &DeviceTreeNode, path: &str) -> Result<()> {
        let wrong = |name: &str, problem| Error::Malformed {
            place: format!("/{NODE_LOCAL_FIXUPS}{path}:{name}"),
            problem,
        };
        for fixup in fixups.properties() {
            let property = self.property_mut(fixup.name());
            let property =
                property.ok_or_else(|| wrong(fixup.name(), "there is no such property"))?;
            let (offsets, rest) = fixup.value().as_chunks::<CELL>();
            for offset in offsets {
                let offset = u32::from_be_bytes(*offset) as usize;
                property
                    .refer(offset, Reference::Local)
                    .ok_or_else(|| wrong(fixup.name(), "an offset is that of no cell"))?;
            }
            if !rest.is_empty() {
                return Err(wrong(fixup.name(), "it is no list of offsets"));
            }
        }
        for fixups in fixups.children() {
            let child = self.child_mut(fixups.name());
            let child = child.ok_or_else(|| wrong(fixups.name(), "there is no such node"))?;
            child.add_local(fixups, &format!("{path}/{}", fixups.name()))?;
        }
        Ok(())
    }

    fn add_label(&mut self, label: &str, place: &str) -> Option<()> {
        let (place, offset) = place.rsplit_once(':')?;
        let (path, property) = place.rsplit_once(':')?;
        let property = self.at(path)?.property_mut(property)?;
        property.refer(offset.parse().ok()?, Reference::Label(label.into()))
    }

    /// Writes an overlay.
    pub(crate) fn to_tree(&self) -> DeviceTree {
        let mut labels = BTreeMap::new();
        let mut symbols = BTreeMap::new();
        let mut tree = DeviceTree::new();
        tree.root = self.write("", &mut labels, &mut symbols);
        for (name, properties) in [(NODE_SYMBOLS, symbols), (NODE_FIXUPS, labels)] {
            if properties.is_empty() {
                continue;
            }
            let mut node = DeviceTreeNode::new_unchecked(name);
            for (name, value) in properties {
                node.add_property(DeviceTreeProperty::new_unchecked(name, value));
            }
            tree.root.add_child(node);
        }
        if let Some(fixups) = self.write_local(NODE_LOCAL_FIXUPS) {
            tree.root.add_child(fixups);
        }
        tree
    }

    /// Writes the nodes, and collects the values of `__fixups__` and `__symbols__`.
    fn write(
        &self,
        path: &str,
        labels: &mut BTreeMap<String, Vec<u8>>,
        symbols: &mut BTreeMap<String, Vec<u8>>,
    ) -> DeviceTreeNode {
        let mut node = DeviceTreeNode::new_unchecked(&self.name);
        // Labels of what is not merged lead nowhere.
        if path.split('/').nth(2) == Some(ACTIVE) {
            for label in &self.labels {
                symbols.insert(label.clone(), format!("{path}\0").into());
            }
        }
        for property in &self.properties {
            for (offset, reference) in &property.references {
                if let Reference::Label(label) = reference {
                    let place = format!("{path}:{}:{offset}\0", property.name);
                    labels
                        .entry(label.clone())
                        .or_default()
                        .extend(place.into_bytes());
                }
            }
            let value = property.value.as_slice();
            node.add_property(DeviceTreeProperty::new_unchecked(&property.name, value));
        }
        for child in &self.children {
            node.add_child(child.write(&format!("{path}/{}", child.name), labels, symbols));
        }
        node
    }

    /// `__local_fixups__` of this node, where it has any.
    fn write_local(&self, name: &str) -> Option<DeviceTreeNode> {
        let mut node = DeviceTreeNode::new_unchecked(name);
        for property in &self.properties {
            let local = property.references.iter();
            let offsets: Vec<u8> = local
                .filter(|(_, reference)| **reference == Reference::Local)
                .flat_map(|(offset, _)| (*offset as u32).to_be_bytes())
                .collect();
            if !offsets.is_empty() {
                node.add_property(DeviceTreeProperty::new_unchecked(&property.name, offsets));
            }
        }
        for child in self
            .children
            .iter()
            .filter_map(|child| child.write_local(&child.name))
        {
            node.add_child(child);
        }
        let is_empty = node.properties().next().is_none() && node.children().next().is_none();
        (!is_empty).then_some(node)
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn child_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.children.iter_mut().find(|child| child.name == name)
    }

    /// The node at a path that begins with a slash.
    fn at(&mut self, path: &str) -> Option<&mut Node> {
        let mut names = path
            .strip_prefix('/')?
            .split('/')
            .filter(|name| !name.is_empty());
        names.try_fold(self, |node, name| node.child_mut(name))
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Property> {
        self.properties
            .iter()
            .find(|property| property.name == name)
    }

    pub(crate) fn property_mut(&mut self, name: &str) -> Option<&mut Property> {
        self.properties
            .iter_mut()
            .find(|property| property.name == name)
    }

    /// Puts a property in, in the place of one that has its name.
    pub(crate) fn put(&mut self, property: Property) {
        match self.property_mut(&property.name) {
            Some(old) => *old = property,
            None => self.properties.push(property),
        }
    }

    /// The node that has this phandle: this one, or one in it.
    pub(crate) fn by_phandle(&mut self, phandle: u32) -> Option<&mut Node> {
        let value = phandle.to_be_bytes();
        let is_it = PHANDLE_PROPS.iter().any(|name| {
            self.property(name)
                .is_some_and(|property| property.value == value)
        });
        if is_it {
            return Some(self);
        }
        self.children
            .iter_mut()
            .find_map(|child| child.by_phandle(phandle))
    }

    /// Adds another node's content to this one's, as an overlay's is added to a base tree's.
    pub(crate) fn merge(&mut self, other: Node) {
        self.labels.extend(other.labels);
        for property in other.properties {
            self.put(property);
        }
        for child in other.children {
            match self.child_mut(&child.name) {
                Some(there) => there.merge(child),
                None => self.children.push(child),
            }
        }
    }

    /// Whether it is a fragment of an overlay.
    pub(crate) fn is_fragment(&self) -> bool {
        self.name.starts_with("fragment@") || self.name.starts_with("fragment-")
    }
}

impl Property {
    pub(crate) fn new(name: &str, value: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            references: BTreeMap::new(),
        }
    }

    /// Makes a reference of a cell; `None` where there is no cell.
    fn refer(&mut self, offset: usize, reference: Reference) -> Option<()> {
        (offset.checked_add(CELL)? <= self.value.len()).then_some(())?;
        self.references.insert(offset, reference);
        Some(())
    }
}
