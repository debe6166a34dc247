use crate::samples::{
    CLOCK, Data, FRAGMENT, SENSOR, SENSOR_PATH, base, cells, node, overlay, to, tree, value,
};
use crate::{Error, Overlay, blob, problems};
use dtoolkit::model::DeviceTree;
use dtoolkit::{Node as _, Property as _};
use proptest::prelude::*;

fn parse(tree: &DeviceTree) -> Overlay {
    Overlay::parse(&tree.to_dtb()).unwrap()
}

/// Parameters of every kind.
fn parameters() -> Vec<(&'static str, Data)> {
    let table = to(SENSOR, "supply:0{one=")
        .label("csi0")
        .text("two=")
        .local(CLOCK)
        .text("}");
    vec![
        ("number", to(SENSOR, "rotation:0")),
        ("long", to(SENSOR, "long#4")),
        ("flag", to(SENSOR, "on?").to(SENSOR, "off!")),
        ("text", to(SENSOR, "label")),
        ("bytes", to(SENSOR, "mac[")),
        (
            "literal",
            to(SENSOR, "label=")
                .text("x")
                .to(FRAGMENT, "target:0=")
                .label("i2c1"),
        ),
        ("table", table.to(SENSOR, "status{one=okay,=disabled}")),
        ("fragments", to(0, "=1!2+3")),
    ]
}

#[test]
fn parameters_are_listed_with_their_choices() {
    let parameters = parse(&overlay(&parameters())).parameters();
    let names: Vec<_> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "number",
            "long",
            "flag",
            "text",
            "bytes",
            "literal",
            "table",
            "fragments"
        ]
    );
    for parameter in parameters {
        let choices: &[&str] = if parameter.name == "table" {
            &["one", "two"]
        } else {
            &[]
        };
        assert_eq!(parameter.choices, choices, "{}", parameter.name);
    }
}

#[test]
fn only_labels_in_use_are_needed() {
    let mut overlay = parse(&overlay(&parameters()));
    assert_eq!(overlay.labels(), ["i2c0", "reg0", "gpio"]);
    overlay.set("table", "one").unwrap();
    assert_eq!(overlay.labels(), ["i2c0", "csi0", "gpio"]);
    overlay.set("fragments", "on").unwrap();
    assert_eq!(overlay.labels(), ["i2c0", "csi0", "gpio", "reg1"]);
}

#[test]
fn a_baked_overlay_holds_what_is_merged_and_nothing_else() {
    let mut overlay = parse(&overlay(&parameters()));
    let tree = blob::read(&overlay.to_blob()).unwrap();
    let names: Vec<_> = tree.root.children().map(|child| child.name()).collect();
    assert_eq!(
        names,
        [
            "fragment@0",
            "fragment@2",
            "__symbols__",
            "__fixups__",
            "__local_fixups__"
        ]
    );
    let labels: Vec<_> = tree
        .root
        .child("__fixups__")
        .unwrap()
        .properties()
        .map(|it| it.name().to_owned())
        .collect();
    assert_eq!(labels, ["gpio", "i2c0", "reg0"]);
    assert_eq!(
        value(&tree, "/__symbols__", "sensor"),
        Some(format!("{SENSOR_PATH}\0").into())
    );
    for label in ["spare", "fragment_0"] {
        assert_eq!(
            value(&tree, "/__symbols__", label),
            None,
            "it leads nowhere"
        );
    }
    // A fragment for the overlay's own node is in that node.
    overlay.set("fragments", "on").unwrap();
    let tree = blob::read(&overlay.to_blob()).unwrap();
    assert!(tree.find_node("/fragment@3").is_none());
    assert_eq!(value(&tree, SENSOR_PATH, "extra"), Some(cells(&[u32::MAX])));
    let places = value(&tree, "/__fixups__", "reg1").unwrap();
    let places = String::from_utf8(places).unwrap();
    assert_eq!(
        places,
        format!("{SENSOR_PATH}:extra:0\0/fragment@1/__overlay__/spare:supply:0\0")
    );
}

#[test]
fn what_was_baked_parses_again_and_has_no_parameters() {
    let mut overlay = parse(&overlay(&parameters()));
    overlay.set("number", "90").unwrap();
    let baked = Overlay::parse(&overlay.to_blob()).unwrap();
    assert_eq!(baked.parameters(), []);
    assert_eq!(baked.labels(), overlay.labels());
    assert_eq!(baked.to_blob(), overlay.to_blob());
}

#[test]
fn an_overlay_is_merged_into_a_base_tree() {
    let base = base(&["i2c0", "i2c1", "reg0", "reg1", "gpio", "csi0"]).to_dtb();
    let mut overlay = parse(&overlay(&parameters()));
    overlay.set("literal", "true").unwrap();
    let tree = overlay.merge(&base).unwrap();
    let sensor = "/i2c1/sensor@1a";
    assert_eq!(value(&tree, sensor, "supply"), Some(cells(&[18])));
    assert_eq!(
        value(&tree, sensor, "gpios"),
        Some(cells(&[20, 5, 1, 20, 6, 1]))
    );
    assert_eq!(
        value(&tree, sensor, "clocks"),
        value(&tree, "/clock", "phandle")
    );
    assert_eq!(
        value(&tree, "/__symbols__", "sensor"),
        Some(format!("{sensor}\0").into())
    );
    assert_eq!(tree.find_node("/i2c0").unwrap().children().count(), 0);
}

#[test]
fn missing_labels_are_all_named() {
    let overlay = parse(&overlay(&[]));
    let error = overlay
        .merge(&base(&["reg0", "reg1"]).to_dtb())
        .unwrap_err();
    assert_eq!(
        error,
        Error::MissingLabels(vec!["i2c0".into(), "gpio".into()])
    );
    assert!(
        error
            .to_string()
            .starts_with("the base tree has no label i2c0, gpio; use the overlay of this board")
    );
    // reg1 and csi0 belong to what is not merged.
    overlay
        .merge(&base(&["i2c0", "reg0", "gpio"]).to_dtb())
        .unwrap();
}

/// Raspberry Pi's firmware does not know the other spelling, but dtmerge and boot loaders do.
#[test]
fn fragments_may_have_a_dash() {
    let mut written = overlay(&[("it", to(0, "-2"))]);
    let fragment = written.root.remove_child("fragment@2").unwrap();
    let content = fragment.children().next().unwrap().clone();
    written
        .root
        .add_child(node("fragment-2", &[("target-path", b"/\0")], [content]));
    written.root.remove_child("__symbols__");
    let base = base(&["i2c0", "reg0", "gpio"]).to_dtb();
    let mut overlay = parse(&written);
    assert!(overlay.merge(&base).unwrap().find_node("/clock").is_some());
    overlay.set("it", "on").unwrap();
    assert!(overlay.merge(&base).unwrap().find_node("/clock").is_none());
}

/// The label of an `__overlay__` would give the base tree's node another phandle.
#[test]
fn the_base_trees_nodes_keep_their_phandles() {
    let mut written = overlay(&[]);
    let fragment = written.root.child_mut("fragment@0").unwrap();
    let content = fragment.child_mut("__overlay__").unwrap();
    content.add_property(dtoolkit::model::DeviceTreeProperty::new_unchecked(
        "phandle",
        cells(&[9]),
    ));
    let merged = parse(&written)
        .merge(&base(&["i2c0", "reg0", "gpio"]).to_dtb())
        .unwrap();
    assert_eq!(value(&merged, "/i2c0", "phandle"), Some(cells(&[16])));
}

/// Names longer than the specification's 31 characters are in the kernel's trees.
#[test]
fn long_names_are_read() {
    let name = "snps,dis-del-phy-power-chg-quirk";
    let mut written = base(&["i2c0", "reg0", "gpio"]);
    written
        .root
        .add_child(node(&"n".repeat(40), &[(name, b"")], []));
    let merged = parse(&overlay(&[])).merge(&written.to_dtb()).unwrap();
    assert_eq!(
        value(&merged, &format!("/{}", "n".repeat(40)), name),
        Some(vec![])
    );
}

#[test]
fn what_is_no_overlay_is_told_apart() {
    let told = |blob: &[u8]| Overlay::parse(blob).unwrap_err().to_string();
    let expected =
        "no device tree blob: it is cut off at byte 0; compile the source with dtc first";
    assert_eq!(told(b""), expected);
    assert!(told(b"/dts-v1/;\n/plugin/;\n/ { };").contains("it does not begin with d00dfeed"));
    assert!(told(&base(&[]).to_dtb()).starts_with("a device tree, but no overlay"));
    let blob = overlay(&[]).to_dtb();
    assert!(told(&blob[..blob.len() - 1]).contains("it is cut off at byte 4"));
    let mut deep = node("n", &[], []);
    for _ in 0..40 {
        deep = node("n", &[], [deep]);
    }
    assert!(told(&tree(node("", &[], [deep])).to_dtb()).contains("nodes are nested too deeply"));
}

#[test]
fn references_to_nothing_are_told() {
    for (special, property, bytes, told) in [
        (
            "__fixups__",
            "gpio",
            &b"/fragment@7:target:0\0"[..],
            "/__fixups__:gpio, /fragment@7:target:0",
        ),
        (
            "__fixups__",
            "gpio",
            b"/fragment@0:target:1\0",
            "/__fixups__:gpio, /fragment@0:target:1",
        ),
        ("__fixups__", "gpio", b"gpio\0", "/__fixups__:gpio, gpio"),
        (
            "__local_fixups__",
            "compatible",
            &[0; 4],
            "/__local_fixups__:compatible: there is no such property",
        ),
        (
            "__symbols__",
            "x",
            b"/fragment@9\0",
            "/__symbols__:x: it is no path",
        ),
    ] {
        let mut written = overlay(&[]);
        let special = written.root.child_mut(special).unwrap();
        special.add_property(dtoolkit::model::DeviceTreeProperty::new_unchecked(
            property, bytes,
        ));
        let error = Overlay::parse(&written.to_dtb()).unwrap_err().to_string();
        assert!(
            error.starts_with("malformed overlay, ") && error.contains(told),
            "{error}"
        );
    }
}

/// Sets every parameter, writes, merges, and looks for contradictions: none of it may panic.
fn use_up(blob: &[u8], value: &str) {
    let Ok(mut overlay) = Overlay::parse(blob) else {
        return;
    };
    let base = base(&["i2c0", "i2c1", "reg0", "reg1", "gpio", "csi0"]).to_dtb();
    for parameter in overlay.parameters() {
        for value in [value, "on", "1"]
            .into_iter()
            .chain(parameter.choices.iter().map(String::as_str))
        {
            let _ = overlay.set(&parameter.name, value);
        }
    }
    let baked = overlay.to_blob();
    let again = Overlay::parse(&baked);
    // Nothing may be left of it.
    assert!(
        again.is_ok() || again == Err(Error::NotAnOverlay),
        "{again:?}"
    );
    if let Ok(tree) = overlay.merge(&base) {
        problems(&tree);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        use_up(&bytes, "1");
    }

    #[test]
    fn a_blob_with_wrong_bytes_in_it_is_used_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        value in "[a-z0-9x:=-]{0,12}",
    ) {
        let mut blob = overlay(&parameters()).to_dtb();
        for (index, byte) in changes {
            let index = index.index(blob.len());
            blob[index] = byte;
        }
        use_up(&blob, &value);
    }

    #[test]
    fn a_parameter_with_any_data_is_set_or_refused(
        data in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\0\x01\x02\x03=,{}':;.#?![+-abn01"[..])], 0..64),
        value in "[ab01]{0,3}",
    ) {
        let whole = Data { bytes: data.clone(), ..Data::default() };
        use_up(&overlay(&[("it", whole)]).to_dtb(), &value);
        let mut behind = to(SENSOR, "n:0");
        behind.bytes.extend(data);
        use_up(&overlay(&[("it", behind)]).to_dtb(), &value);
    }

    #[test]
    fn a_set_value_is_in_the_baked_blob(
        number in any::<u32>(),
        long in any::<u64>(),
        text in "[ -~&&[^\\\\]]{0,40}",
        bytes in prop::collection::vec(any::<u8>(), 0..32),
    ) {
        let mut overlay = parse(&overlay(&parameters()));
        let hexadecimal: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        overlay.set("number", &number.to_string()).unwrap();
        overlay.set("long", &format!("{long:#x}")).unwrap();
        overlay.set("text", &text).unwrap();
        overlay.set("bytes", &hexadecimal.join(":")).unwrap();
        let tree = blob::read(&overlay.to_blob()).unwrap();
        let found = |property| value(&tree, SENSOR_PATH, property).unwrap();
        prop_assert_eq!(found("rotation"), number.to_be_bytes());
        prop_assert_eq!(&found("long")[4..], long.to_be_bytes());
        prop_assert_eq!(found("label"), format!("{text}\0").into_bytes());
        prop_assert_eq!(found("mac"), bytes);
    }
}
