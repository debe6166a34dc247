//! An overlay as a whole.

use crate::bake::bake;
use crate::blob;
use crate::overrides::targets;
use crate::set::{choices, set};
use crate::tree::{ACTIVE, DORMANT, Node, Property, Reference};
use crate::{Error, Result};
use dtoolkit::Node as _;
use dtoolkit::model::DeviceTree;
use dtoolkit::model::overlay::OverlayApplier;
use dtoolkit::overlay::NODE_SYMBOLS;

/// The node with the parameters.
const PARAMETERS: &str = "__overrides__";

/// An overlay, with or without parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    root: Node,
    parameters: Vec<Property>,
}

/// A parameter of an overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The values that it takes; none where it takes others too, or where its data is wrong.
    pub choices: Vec<String>,
}

impl Overlay {
    /// Reads an overlay, a `.dtbo` file.
    ///
    /// # Errors
    /// [`Error::NotATree`], [`Error::NotAnOverlay`], [`Error::Malformed`].
    pub fn parse(blob: &[u8]) -> Result<Self> {
        let mut root = Node::from_tree(blob::read(blob)?)?;
        let content = [ACTIVE, DORMANT];
        let is_fragment = |node: &Node| {
            node.is_fragment() && content.iter().any(|name| node.child(name).is_some())
        };
        if !root.children.iter().any(is_fragment) {
            return Err(Error::NotAnOverlay);
        }
        let parameters = root
            .children
            .iter()
            .position(|child| child.name == PARAMETERS);
        let parameters = parameters.map(|index| root.children.remove(index).properties);
        Ok(Self {
            root,
            parameters: parameters.unwrap_or_default(),
        })
    }

    /// Its parameters, in the order of the file.
    pub fn parameters(&self) -> Vec<Parameter> {
        let parameters = self.parameters.iter();
        parameters
            .map(|parameter| Parameter {
                name: parameter.name.clone(),
                choices: targets(&parameter.name, &parameter.value)
                    .map(|targets| choices(&targets))
                    .unwrap_or_default(),
            })
            .collect()
    }

    /// Sets a parameter, as Raspberry Pi's firmware does. One that is given without a value is `true`.
    ///
    /// Other than the firmware, it refuses a value that no table of the parameter has, even if the tables have
    /// defaults: it would be a mistake in writing.
    ///
    /// # Errors
    /// Those of [`Error`] that are about parameters; the overlay is then as it was.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let parameter = self
            .parameters
            .iter()
            .find(|parameter| parameter.name == name);
        let parameter = parameter.ok_or_else(|| Error::UnknownParameter {
            parameter: name.into(),
            known: self
                .parameters
                .iter()
                .map(|parameter| parameter.name.clone())
                .collect(),
        })?;
        let mut root = self.root.clone();
        set(&mut root, parameter, value)?;
        self.root = root;
        Ok(())
    }

    /// The labels that it needs of a base tree as it is now, in the order in which it uses them.
    pub fn labels(&self) -> Vec<String> {
        let mut labels = Vec::new();
        collect_labels(&bake(self.root.clone()), &mut labels);
        labels
    }

    /// Those of its [`Self::labels`] that a base tree lacks.
    pub fn missing_labels(&self, base: &DeviceTree) -> Vec<String> {
        let symbols = base.root.child(NODE_SYMBOLS);
        let is_missing = |label: &String| {
            symbols
                .and_then(|symbols| symbols.property(label))
                .is_none()
        };
        self.labels().into_iter().filter(is_missing).collect()
    }

    /// The overlay with its parameters set for good, for boot loaders that know none.
    pub fn to_blob(&self) -> Vec<u8> {
        bake(self.root.clone()).to_tree().to_dtb()
    }

    /// A base tree, a `.dtb` file, with this overlay merged into it.
    ///
    /// # Errors
    /// [`Error::MissingLabels`] names every label that the base lacks; [`Error::NotATree`], [`Error::Merge`].
    pub fn merge(&self, base: &[u8]) -> Result<DeviceTree> {
        let mut base = blob::read(base)?;
        let missing = self.missing_labels(&base);
        if !missing.is_empty() {
            return Err(Error::MissingLabels(missing));
        }
        let mut baked = bake(self.root.clone());
        let fragments = baked.children.iter_mut().filter(|node| node.is_fragment());
        for (number, fragment) in fragments.enumerate() {
            // Dtoolkit passes over those that are called fragment-1.
            fragment.name = format!("fragment@{number}");
        }
        OverlayApplier::new(&mut base).apply_overlay_tree(baked.to_tree())?;
        Ok(base)
    }
}

fn collect_labels(node: &Node, labels: &mut Vec<String>) {
    for property in &node.properties {
        for reference in property.references.values() {
            if let Reference::Label(label) = reference
                && !labels.contains(label)
            {
                labels.push(label.clone());
            }
        }
    }
    for child in &node.children {
        collect_labels(child, labels);
    }
}

#[cfg(test)]
mod tests;
