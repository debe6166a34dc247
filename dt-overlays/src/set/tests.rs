use crate::samples::{CLOCK, Data, FRAGMENT, SENSOR, SENSOR_PATH, base, cells, overlay, to, value};
use crate::{Error, Overlay, blob};
use dtoolkit::model::DeviceTree;

/// The overlay with this one parameter, after it is set.
fn set(data: Data, given: &str) -> Result<DeviceTree, Error> {
    let mut overlay = Overlay::parse(&overlay(&[("it", data)]).to_dtb())?;
    let before = overlay.clone();
    let done = overlay.set("it", given);
    if done.is_err() {
        assert_eq!(overlay, before, "it stays as it was");
    }
    done.map(|()| blob::read(&overlay.to_blob()).expect("what was written can be read"))
}

/// A property of the sensor after the parameter is set.
#[track_caller]
fn sensor(data: Data, given: &str, property: &str) -> Option<Vec<u8>> {
    value(&set(data, given).unwrap(), SENSOR_PATH, property)
}

#[track_caller]
fn refused(data: Data, given: &str) -> String {
    set(data, given).unwrap_err().to_string()
}

/// Where the base tree's labels are put.
fn places(tree: &DeviceTree, label: &str) -> Vec<String> {
    let places = value(tree, "/__fixups__", label).unwrap_or_default();
    let text = String::from_utf8(places).unwrap();
    text.split_terminator('\0')
        .map(|place| place.replace(SENSOR_PATH, "SENSOR"))
        .collect()
}

fn some(bytes: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
    Some(bytes.into())
}

#[test]
fn numbers_have_four_sizes() {
    assert_eq!(
        sensor(to(SENSOR, "rotation:0"), "90", "rotation"),
        some(cells(&[90]))
    );
    assert_eq!(sensor(to(SENSOR, "n.1"), "0xab", "n"), some([0, 0xab]));
    assert_eq!(sensor(to(SENSOR, "n;2"), "258", "n"), some([0, 0, 1, 2]));
    assert_eq!(
        sensor(to(SENSOR, "n#0"), "0x100000002", "n"),
        some(cells(&[1, 2]))
    );
    // A property that is there keeps what stands elsewhere in it, and grows by zeros.
    assert_eq!(
        sensor(to(SENSOR, "rotation:8"), "7", "rotation"),
        some(cells(&[180, 0, 7]))
    );
    assert_eq!(
        sensor(to(SENSOR, "rotation.0"), "1", "rotation"),
        some([1, 0, 0, 180])
    );
}

#[test]
fn numbers_are_written_as_in_c_or_are_words() {
    for (given, number) in [
        ("0x1F", 0x1f),
        ("017", 0o17),
        ("0", 0),
        ("-1", u32::MAX),
        ("-2147483648", 1 << 31),
        ("4294967295", u32::MAX),
        ("y", 1),
        ("yes", 1),
        ("on", 1),
        ("true", 1),
        ("down", 1),
        ("up", 2),
        ("n", 0),
        ("no", 0),
        ("off", 0),
        ("false", 0),
    ] {
        assert_eq!(
            sensor(to(SENSOR, "n:0"), given, "n"),
            some(cells(&[number])),
            "{given}"
        );
    }
    for given in [
        "",
        "x",
        "08",
        "0x",
        "--1",
        "+1",
        "0x+1",
        "1 ",
        "1.5",
        "-",
        "99999999999999999999",
    ] {
        let error = set(to(SENSOR, "n:0"), given).unwrap_err();
        assert!(
            matches!(error, Error::NotANumber { .. }),
            "{given:?}: {error}"
        );
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    for (place, given, bits) in [
        ("n.0", "256", 8),
        ("n.0", "-129", 8),
        ("n;0", "65536", 16),
        ("n:0", "4294967296", 32),
        ("n#0", "-9223372036854775809", 64),
    ] {
        let expected = format!("parameter it cannot be {given}; its place has {bits} bits");
        assert_eq!(refused(to(SENSOR, place), given), expected);
    }
    assert_eq!(sensor(to(SENSOR, "n:4092"), "1", "n").unwrap().len(), 4096);
    assert!(refused(to(SENSOR, "n:4093"), "1").contains("offset 4093 is beyond the 4096 bytes"));
    assert!(refused(to(SENSOR, "n:4294967296"), "1").contains("offset 4294967296 is beyond"));
}

#[test]
fn flags_are_there_or_not() {
    assert_eq!(sensor(to(SENSOR, "new?"), "on", "new"), some([]));
    assert_eq!(sensor(to(SENSOR, "new?"), "off", "new"), None);
    assert_eq!(sensor(to(SENSOR, "on?"), "0", "on"), None);
    assert_eq!(sensor(to(SENSOR, "on!"), "yes", "on"), None);
    assert_eq!(sensor(to(SENSOR, "new!"), "no", "new"), some([]));
    assert_eq!(sensor(to(SENSOR, "new?=on"), "off", "new"), some([]));
    assert_eq!(sensor(to(SENSOR, "on?=").cell(0), "on", "on"), None);
    assert!(refused(to(SENSOR, "new?"), "maybe").contains("it takes a number"));
}

#[test]
fn text_replaces_a_property() {
    assert_eq!(sensor(to(SENSOR, "label"), "a b", "label"), some(*b"a b\0"));
    assert_eq!(
        sensor(to(SENSOR, "rotation"), "x", "rotation"),
        some(*b"x\0")
    );
    for (given, status) in [
        ("on", "okay\0"),
        ("1", "okay\0"),
        ("enable", "okay\0"),
        ("false", "disabled\0"),
    ] {
        assert_eq!(sensor(to(SENSOR, "status"), given, "status"), some(status));
    }
    assert_eq!(
        sensor(to(SENSOR, "status"), "fail", "status"),
        some(*b"fail\0")
    );
}

#[test]
fn bytes_are_hexadecimal() {
    let bytes = |given| sensor(to(SENSOR, "mac["), given, "mac");
    assert_eq!(bytes("0a:1B 2c"), some([10, 0x1b, 0x2c]));
    assert_eq!(bytes("0a1b"), some([10, 0x1b]));
    assert_eq!(bytes(""), some([]));
    assert_eq!(bytes(&"00".repeat(32)).unwrap().len(), 32);
    for given in ["0", "0a:1", "xy", &"00".repeat(33)] {
        assert!(
            refused(to(SENSOR, "mac["), given).contains("hexadecimal"),
            "{given}"
        );
    }
}

#[test]
fn literals_stand_for_the_value() {
    assert_eq!(
        sensor(to(SENSOR, "rotation:0=270"), "anything", "rotation"),
        some(cells(&[270]))
    );
    assert_eq!(
        sensor(to(SENSOR, "label=a,b"), "x", "label"),
        some(*b"a,b\0")
    );
    assert_eq!(sensor(to(SENSOR, "mac[=0102"), "x", "mac"), some([1, 2]));
    // An empty one is the next string, or cell.
    let next = to(SENSOR, "label=").text("/soc/uart").to(SENSOR, "new?");
    assert_eq!(sensor(next.clone(), "on", "label"), some(*b"/soc/uart\0"));
    assert_eq!(sensor(next, "on", "new"), some([]));
    assert_eq!(sensor(to(SENSOR, "label="), "x", "label"), some([0]));
    assert_eq!(
        sensor(to(SENSOR, "rotation:0=").cell(90), "x", "rotation"),
        some(cells(&[90]))
    );
}

#[test]
fn tables_look_the_value_up() {
    let table = || to(SENSOR, "rotation:0{a=1,b=0x2,same,=3}").to(SENSOR, "label{a='x,y}',b=z,=}");
    assert_eq!(sensor(table(), "a", "rotation"), some(cells(&[1])));
    assert_eq!(sensor(table(), "a", "label"), some(*b"x,y}\0"));
    assert_eq!(sensor(table(), "b", "label"), some(*b"z\0"));
    assert!(
        refused(table(), "same").contains("it takes a number"),
        "its value is itself"
    );
    assert_eq!(
        refused(table(), "c"),
        r#"parameter it cannot be "c"; it can be a, b, same"#
    );
    // A target takes its own value, and another one a default.
    let both = || to(SENSOR, "status{a=okay,=disabled}").to(CLOCK, "status{b=okay,=disabled}");
    let tree = set(both(), "b").unwrap();
    assert_eq!(value(&tree, SENSOR_PATH, "status"), some(*b"disabled\0"));
    assert_eq!(
        value(&tree, "/fragment@2/__overlay__/clock", "status"),
        some(*b"okay\0")
    );
    assert!(refused(both(), "none").contains("it can be a, b"));
    // Where one target takes whatever is given, the tables' defaults are for the rest.
    let open = to(SENSOR, "status{a=okay,=disabled}").to(SENSOR, "label");
    assert_eq!(sensor(open, "z", "status"), some(*b"disabled\0"));
    // Without a default, only what is in it.
    let open = to(SENSOR, "status{a=okay}").to(SENSOR, "label");
    assert!(refused(open, "z").contains("it can be a"));
}

#[test]
fn labels_go_where_they_are_put() {
    let table = || {
        to(SENSOR, "supply:0{one=")
            .label("csi0")
            .text("two=")
            .label("reg1")
            .text("}")
    };
    let tree = set(table(), "two").unwrap();
    assert_eq!(places(&tree, "reg1"), ["SENSOR:supply:0"]);
    assert_eq!(places(&tree, "reg0"), [""; 0], "it is needed no longer");
    assert_eq!(places(&tree, "csi0"), [""; 0]);
    let tree = set(table(), "one").unwrap();
    assert_eq!(places(&tree, "csi0"), ["SENSOR:supply:0"]);
    // The last value of all, with nothing behind it.
    let tree = set(to(SENSOR, "supply:0{one=").label("reg1"), "one").unwrap();
    assert_eq!(places(&tree, "reg1"), ["SENSOR:supply:0"]);
    // A fragment's target, and one of several references in a property.
    let tree = set(to(FRAGMENT, "target:0=").label("i2c1"), "x").unwrap();
    assert_eq!(places(&tree, "i2c1"), ["/fragment@0:target:0"]);
    assert_eq!(places(&tree, "i2c0"), [""; 0]);
    let tree = set(to(SENSOR, "gpios:12=").label("gpio2"), "x").unwrap();
    assert_eq!(places(&tree, "gpio2"), ["SENSOR:gpios:12"]);
    assert_eq!(places(&tree, "gpio"), ["SENSOR:gpios:0"]);
}

#[test]
fn what_is_overwritten_refers_to_nothing() {
    for (target, left) in [
        ("gpios", &[][..]),
        ("gpios[", &[]),
        ("gpios?", &[]),
        ("gpios!", &[]),
        ("gpios:0", &["SENSOR:gpios:12"]),
        ("gpios.3", &["SENSOR:gpios:12"]),
        ("gpios;11", &["SENSOR:gpios:0"]),
        ("gpios#8", &["SENSOR:gpios:0"]),
        ("gpios:4", &["SENSOR:gpios:0", "SENSOR:gpios:12"]),
    ] {
        let tree = set(to(SENSOR, target), "10").unwrap();
        assert_eq!(places(&tree, "gpio"), left, "{target}");
    }
    let tree = set(to(SENSOR, "clocks?"), "off").unwrap();
    assert_eq!(
        value(
            &tree,
            "/__local_fixups__/fragment@0/__overlay__/sensor@1a",
            "clocks"
        ),
        None
    );
}

#[test]
fn nodes_of_the_overlay_can_be_put_too() {
    let tree = set(to(SENSOR, "supply:0=").local(CLOCK), "x").unwrap();
    assert_eq!(value(&tree, SENSOR_PATH, "supply"), some(cells(&[CLOCK])));
    let fixups = "/__local_fixups__/fragment@0/__overlay__/sensor@1a";
    assert_eq!(value(&tree, fixups, "supply"), some(cells(&[0])));
    assert_eq!(value(&tree, fixups, "clocks"), some(cells(&[0])));
    assert_eq!(places(&tree, "reg0"), [""; 0]);
}

#[test]
fn fragments_come_and_go() {
    let has = |text: &str, given: &str| {
        let tree = set(to(0, text), given).unwrap();
        let has = |path| tree.find_node(path).is_some();
        [
            has("/fragment@0"),
            has("/fragment@1/__overlay__/spare"),
            has("/fragment@2"),
        ]
    };
    assert_eq!(has("", "on"), [true, false, true]);
    assert_eq!(has("+1-2", "off"), [true, true, false]);
    assert_eq!(has("=1!2", "on"), [true, true, false]);
    assert_eq!(has("=1!2", "off"), [true, false, true]);
    assert_eq!(has("=1", "anything"), [true, true, true]);
    assert!(refused(to(0, "+9"), "on").contains("there is no fragment 9"));
    let tree = set(to(0, "+1"), "on").unwrap();
    assert_eq!(places(&tree, "csi0"), ["/fragment@1:target:0"]);
    assert_eq!(
        places(&tree, "reg1"),
        ["/fragment@1/__overlay__/spare:supply:0"]
    );
    assert_eq!(
        value(&tree, "/__symbols__", "spare"),
        some(*b"/fragment@1/__overlay__/spare\0")
    );
}

#[test]
fn what_only_the_firmware_can_do_is_refused() {
    for (data, given, what) in [
        (to(SENSOR, "name"), "x", "another name for a node"),
        (to(SENSOR, "reg:0"), "1", "another address for a node"),
        (
            to(SENSOR, "bootargs"),
            "x",
            "more for the kernel's command line",
        ),
        (
            to(SENSOR, "label"),
            "a\\n",
            "a character that has to be escaped",
        ),
        (
            to(SENSOR, "label"),
            "a\0b",
            "a character that has to be escaped",
        ),
        (to(SENSOR, "phandle:0"), "9", "another phandle for a node"),
        (
            to(SENSOR, "label{a=").label("reg1").text("}"),
            "a",
            "a label where no cell is",
        ),
        (
            to(SENSOR, "n#0=").label("reg1"),
            "a",
            "a label where no cell is",
        ),
        (
            Data::default().label("reg1").text("n:0"),
            "1",
            "a node of the base tree as target",
        ),
    ] {
        let error = refused(data, given);
        assert!(
            error.starts_with(&format!("parameter it: {what} is not supported here")),
            "{error}"
        );
    }
}

#[test]
fn malformed_data_is_told_with_its_place() {
    for (data, offset, problem) in [
        (Data::default().cell(0), 0, "a string does not end"),
        (to(SENSOR, "n:0=").text("\u{1}"), 0, "a cell is cut off"),
        (to(SENSOR, ":0"), 0, "it names no property"),
        (to(SENSOR, "a/b:0"), 0, "it names no property"),
        (to(SENSOR, "n:x"), 0, "an offset is no number"),
        (
            to(SENSOR, "n?x"),
            0,
            "something stands behind a property's kind",
        ),
        (
            to(SENSOR, "on?").to(SENSOR, "n{a=1"),
            8,
            "a table has no } at its end",
        ),
        (to(SENSOR, "n{a=1}b"), 0, "something stands behind a table"),
        (to(SENSOR, "n{a='1}"), 0, "a quoted value does not end"),
        (
            to(SENSOR, "n{=1,a=2}"),
            0,
            "a table's default is not its last line: what follows would not be seen",
        ),
        (
            to(0, "1"),
            0,
            "a fragment is told by + - = or ! and its number",
        ),
        (to(0, "+x"), 0, "a fragment has no number"),
        (
            to(SENSOR, "on?").to(77, "n:0"),
            8,
            "no node has its target's phandle 77",
        ),
    ] {
        let expected =
            format!("parameter it, byte {offset} of its data in __overrides__: {problem}; ");
        let error = refused(data, "1");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn an_unknown_parameter_is_told_with_those_that_there_are() {
    let mut overlay =
        Overlay::parse(&overlay(&[("one", to(0, "")), ("two", to(0, ""))]).to_dtb()).unwrap();
    let error = overlay.set("three", "1").unwrap_err();
    assert_eq!(error.to_string(), "no parameter three; there are one, two");
}

/// A later target's failure takes back what an earlier one did.
#[test]
fn nothing_is_set_by_halves() {
    let data = to(SENSOR, "rotation:0").to(CLOCK, "n.0");
    assert!(refused(data, "300").contains("its place has 8 bits"));
    let base = base(&["i2c0", "reg0", "gpio"]).to_dtb();
    let mut overlay =
        Overlay::parse(&overlay(&[("it", to(SENSOR, "rotation:0").to(9, "n:0"))]).to_dtb())
            .unwrap();
    overlay.set("it", "90").unwrap_err();
    let merged = overlay.merge(&base).unwrap();
    assert_eq!(
        value(&merged, "/i2c0/sensor@1a", "rotation"),
        some(cells(&[180]))
    );
}
