//! Small trees for the tests.

use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use dtoolkit::{Node, Property};

/// Phandle of the sensor in [`overlay`].
pub(crate) const SENSOR: u32 = 1;
/// Phandle of the clock.
pub(crate) const CLOCK: u32 = 2;
/// Phandle of fragment 0 itself.
pub(crate) const FRAGMENT: u32 = 3;
/// Path of the sensor.
pub(crate) const SENSOR_PATH: &str = "/fragment@0/__overlay__/sensor@1a";

/// A node.
pub(crate) fn node(
    name: &str,
    properties: &[(&str, &[u8])],
    children: impl IntoIterator<Item = DeviceTreeNode>,
) -> DeviceTreeNode {
    let mut node = DeviceTreeNode::new_unchecked(name);
    for (name, value) in properties {
        node.add_property(DeviceTreeProperty::new_unchecked(*name, *value));
    }
    for child in children {
        node.add_child(child);
    }
    node
}

/// Cells as bytes.
pub(crate) fn cells(cells: &[u32]) -> Vec<u8> {
    cells.iter().flat_map(|cell| cell.to_be_bytes()).collect()
}

/// A tree with this root.
pub(crate) fn tree(root: DeviceTreeNode) -> DeviceTree {
    let mut tree = DeviceTree::new();
    tree.root = root;
    tree
}

/// A property of a tree.
pub(crate) fn value(tree: &DeviceTree, path: &str, property: &str) -> Option<Vec<u8>> {
    Some(tree.find_node(path)?.property(property)?.value().to_vec())
}

/// A parameter's data, and where it has references.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    pub(crate) bytes: Vec<u8>,
    pub(crate) local: Vec<usize>,
    pub(crate) labels: Vec<(&'static str, usize)>,
}

/// The beginning of a parameter's data: a target.
pub(crate) fn to(phandle: u32, text: &str) -> Data {
    Data::default().to(phandle, text)
}

impl Data {
    /// One more target.
    pub(crate) fn to(self, phandle: u32, text: &str) -> Self {
        let data = if phandle == 0 {
            self.cell(0)
        } else {
            self.local(phandle)
        };
        data.text(text)
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.bytes.extend(text.as_bytes());
        self.bytes.push(0);
        self
    }

    pub(crate) fn cell(mut self, cell: u32) -> Self {
        self.bytes.extend(cell.to_be_bytes());
        self
    }

    /// A phandle of the overlay.
    pub(crate) fn local(mut self, phandle: u32) -> Self {
        self.local.push(self.bytes.len());
        self.cell(phandle)
    }

    /// A label of the base tree.
    pub(crate) fn label(mut self, label: &'static str) -> Self {
        self.labels.push((label, self.bytes.len()));
        self.cell(u32::MAX)
    }
}

/// An overlay as dtc writes one, with these parameters:
///
/// ```dts
/// fragment_0: fragment@0 { target = <&i2c0>; __overlay__ {
///     sensor: sensor@1a {
///         rotation = <180>; status = "okay"; on; clocks = <&clock>; supply = <&reg0>; gpios = <&gpio 5 1 &gpio 6 1>;
///     };
/// }; };
/// fragment@1 { target = <&csi0>; __dormant__ { spare: spare { supply = <&reg1>; }; }; };
/// fragment@2 { target-path = "/"; __overlay__ { clock: clock { frequency = <24>; }; }; };
/// fragment@3 { target = <&sensor>; __dormant__ { extra = <&reg1>; }; };
/// ```
pub(crate) fn overlay(parameters: &[(&str, Data)]) -> DeviceTree {
    let unresolved = cells(&[u32::MAX]);
    let gpios = cells(&[u32::MAX, 5, 1, u32::MAX, 6, 1]);
    let sensor = node(
        "sensor@1a",
        &[
            ("rotation", &cells(&[180])),
            ("status", b"okay\0"),
            ("on", b""),
            ("clocks", &cells(&[CLOCK])),
            ("supply", &unresolved),
            ("gpios", &gpios),
            ("phandle", &cells(&[SENSOR])),
        ],
        [],
    );
    let spare = node("spare", &[("supply", &unresolved)], []);
    let clock = [("frequency", cells(&[24])), ("phandle", cells(&[CLOCK]))];
    let clock = node(
        "clock",
        &clock
            .each_ref()
            .map(|(name, value)| (*name, value.as_slice())),
        [],
    );
    let fragments = [
        node(
            "fragment@0",
            &[("target", &unresolved), ("phandle", &cells(&[FRAGMENT]))],
            [node("__overlay__", &[], [sensor])],
        ),
        node(
            "fragment@1",
            &[("target", &unresolved)],
            [node("__dormant__", &[], [spare])],
        ),
        node(
            "fragment@2",
            &[("target-path", b"/\0")],
            [node("__overlay__", &[], [clock])],
        ),
        node(
            "fragment@3",
            &[("target", &cells(&[SENSOR]))],
            [node("__dormant__", &[("extra", &unresolved)], [])],
        ),
    ];
    let mut overrides = node("__overrides__", &[], []);
    let mut local = node("__overrides__", &[], []);
    let mut labels = vec![
        ("i2c0", "/fragment@0:target:0".to_owned()),
        ("csi0", "/fragment@1:target:0".into()),
        ("reg0", format!("{SENSOR_PATH}:supply:0")),
        ("gpio", format!("{SENSOR_PATH}:gpios:0")),
        ("gpio", format!("{SENSOR_PATH}:gpios:12")),
        ("reg1", "/fragment@1/__dormant__/spare:supply:0".into()),
        ("reg1", "/fragment@3/__dormant__:extra:0".into()),
    ];
    for (name, data) in parameters {
        overrides.add_property(DeviceTreeProperty::new_unchecked(
            *name,
            data.bytes.as_slice(),
        ));
        let offsets: Vec<u32> = data.local.iter().map(|offset| *offset as u32).collect();
        if !offsets.is_empty() {
            local.add_property(DeviceTreeProperty::new_unchecked(*name, cells(&offsets)));
        }
        let places = data.labels.iter();
        labels.extend(
            places.map(|(label, offset)| (*label, format!("/__overrides__:{name}:{offset}"))),
        );
    }
    let mut fixups = node("__fixups__", &[], []);
    for (label, place) in labels {
        let mut places = fixups
            .property(label)
            .map(|places| places.value().to_vec())
            .unwrap_or_default();
        places.extend(format!("{place}\0").bytes());
        fixups.add_property(DeviceTreeProperty::new_unchecked(label, places));
    }
    let inside = |name, property| node(name, &[(property, &cells(&[0]))], []);
    let in_sensor = node("__overlay__", &[], [inside("sensor@1a", "clocks")]);
    let local_fixups = node(
        "__local_fixups__",
        &[],
        [
            node("fragment@0", &[], [in_sensor]),
            inside("fragment@3", "target"),
            local,
        ],
    );
    let symbols = [
        ("sensor", format!("{SENSOR_PATH}\0")),
        ("clock", "/fragment@2/__overlay__/clock\0".into()),
        ("spare", "/fragment@1/__dormant__/spare\0".into()),
        ("fragment_0", "/fragment@0\0".into()),
    ];
    let symbols = symbols
        .each_ref()
        .map(|(name, path)| (*name, path.as_bytes()));
    let special = [
        overrides,
        node("__symbols__", &symbols, []),
        fixups,
        local_fixups,
    ];
    tree(node("", &[], fragments.into_iter().chain(special)))
}

/// A base tree with these labels, each of a node of that name, whose phandles count from 16 on.
pub(crate) fn base(labels: &[&str]) -> DeviceTree {
    let mut root = node("", &[], []);
    let mut symbols = node("__symbols__", &[], []);
    for (phandle, label) in (16..).zip(labels) {
        root.add_child(node(label, &[("phandle", &cells(&[phandle]))], []));
        let path = format!("/{label}");
        symbols.add_property(DeviceTreeProperty::new_unchecked(*label, path.as_str()));
    }
    root.add_child(symbols);
    tree(root)
}
