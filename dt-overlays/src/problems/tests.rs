use crate::samples::{cells, node, tree};
use crate::{has_module, problems};
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};

const MAIN: &str = "/i2c@1/sensor@1a";
const MOUNT: &str = "/i2c@2/sensor@10";
const MAIN_END: &str = "/i2c@1/sensor@1a/port/endpoint";
const FAR_END: &str = "/soc/csi@1/port/endpoint";
const GPIO: u32 = 50;

fn phandle(number: u32) -> (&'static str, Vec<u8>) {
    ("phandle", cells(&[number]))
}

fn with(
    name: &str,
    properties: &[(&str, Vec<u8>)],
    children: impl IntoIterator<Item = DeviceTreeNode>,
) -> DeviceTreeNode {
    let properties: Vec<_> = properties
        .iter()
        .map(|(name, value)| (*name, value.as_slice()))
        .collect();
    node(name, &properties, children)
}

/// A port with an endpoint that has this phandle and refers to that one.
fn port(own: u32, other: u32) -> DeviceTreeNode {
    let lanes = ("data-lanes", cells(&[1, 2]));
    let remote = ("remote-endpoint", cells(&[other]));
    with(
        "port",
        &[],
        [with("endpoint", &[phandle(own), remote, lanes], [])],
    )
}

/// A tree with a module in it that works. Phandles of a camera begin at ten times its number.
fn working() -> DeviceTree {
    let mut soc = with("soc", &[], []);
    let mut root = with("", &[("compatible", b"maker,board\0".into())], []);
    for (number, name) in [(1, "sensor@1a"), (2, "sensor@10")] {
        let [sensor, near, far, clock, supply, base_supply] =
            std::array::from_fn(|index| number * 10 + index as u32);
        let address = if number == 1 { 0x1a } else { 0x10 };
        let sensor = with(
            name,
            &[
                phandle(sensor),
                ("compatible", b"maker,sensor\0".into()),
                ("reg", cells(&[address])),
                ("clocks", cells(&[clock])),
                ("VANA-supply", cells(&[supply])),
            ],
            [port(near, far)],
        );
        root.add_child(with(
            &format!("i2c@{number}"),
            &[("status", b"okay\0".into())],
            [sensor],
        ));
        soc.add_child(with(
            &format!("csi@{number}"),
            &[
                ("compatible", b"maker,receiver\0".into()),
                ("brcm,num-data-lanes", cells(&[2])),
                ("status", b"okay\0".into()),
            ],
            [port(far, near)],
        ));
        root.add_child(with(
            &format!("clock@{number}"),
            &[phandle(clock), ("#clock-cells", cells(&[0]))],
            [],
        ));
        let vin = ("vin-supply", cells(&[base_supply]));
        root.add_child(with(
            &format!("supply@{number}"),
            &[phandle(supply), vin],
            [],
        ));
        root.add_child(with(
            &format!("base-supply@{number}"),
            &[phandle(base_supply)],
            [],
        ));
    }
    root.add_child(soc);
    let controller = [
        phandle(GPIO),
        ("gpio-controller", vec![]),
        ("#gpio-cells", cells(&[2])),
    ];
    // Its lines are without a phandle: the first cell is no controller.
    let hog = with(
        "hog",
        &[("gpio-hog", vec![]), ("gpios", cells(&[GPIO, 6, 0]))],
        [],
    );
    root.add_child(with("gpio", &controller, [hog]));
    let key = with("key", &[("gpios", cells(&[GPIO, 5, 1]))], []);
    root.add_child(with("keys", &[("nr-gpios", cells(&[GPIO]))], [key]));
    root.add_child(with(
        "bayonet",
        &[
            ("compatible", b"bayonet,module\0".into()),
            ("main-sensor", cells(&[10])),
            ("mount-sensor", cells(&[20])),
            ("present-gpios", lines(&[6])),
            ("lens-code-gpios", lines(&[16, 17, 18, 19, 20, 21])),
            ("frame-select-gpios", lines(&[22, 23])),
        ],
        [],
    ));
    tree(root)
}

fn lines(numbers: &[u32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| cells(&[GPIO, *number, 16]))
        .collect()
}

fn at<'a>(tree: &'a mut DeviceTree, path: &str) -> &'a mut DeviceTreeNode {
    tree.find_node_mut(path).unwrap_or_else(|| panic!("{path}"))
}

/// What is told of a tree of which one property was changed.
fn told(path: &str, property: &str, value: impl Into<Option<Vec<u8>>>) -> Vec<String> {
    let mut tree = working();
    match value.into() {
        Some(value) => {
            at(&mut tree, path).add_property(DeviceTreeProperty::new_unchecked(property, value))
        }
        None => {
            at(&mut tree, path)
                .remove_property(property)
                .expect("it was there");
        }
    }
    texts(&tree)
}

fn texts(tree: &DeviceTree) -> Vec<String> {
    problems(tree).iter().map(ToString::to_string).collect()
}

fn disabled() -> Vec<u8> {
    b"disabled\0".into()
}

#[test]
fn nothing_is_told_of_a_module_that_works() {
    assert_eq!(texts(&working()), [""; 0]);
    assert_eq!(told(MAIN, "status", b"ok\0".to_vec()), [""; 0]);
    // A mount may be absent, or disabled: its lines and its receiver do not matter then.
    for (path, property, value) in [
        ("/bayonet", "mount-sensor", None),
        (MOUNT, "status", Some(disabled())),
    ] {
        let mut tree = working();
        at(&mut tree, "/bayonet").remove_property("present-gpios");
        at(&mut tree, "/soc/csi@2")
            .add_property(DeviceTreeProperty::new_unchecked("status", disabled()));
        match value {
            Some(value) => {
                at(&mut tree, path).add_property(DeviceTreeProperty::new_unchecked(property, value))
            }
            None => drop(at(&mut tree, path).remove_property(property)),
        }
        assert_eq!(texts(&tree), [""; 0], "{path}");
    }
}

#[test]
fn the_modules_node() {
    let expected = "/: no node is compatible with \"bayonet,module\"; load the module's overlay";
    assert_eq!(told("/bayonet", "compatible", None), [expected]);
    assert_eq!(texts(&DeviceTree::new()), [expected]);
    assert!(has_module(&working()) && !has_module(&DeviceTree::new()));
    assert_eq!(
        told("/bayonet", "status", disabled()),
        [
            "/bayonet: it is disabled, and is the module's node; enable it (status = \"okay\") in the overlay or in the \
          base tree"
        ]
    );
    assert_eq!(
        told("/keys", "compatible", b"bayonet,module\0".to_vec()),
        [
            "/bayonet: it describes a module, as /keys does; load one overlay for the module, once",
            "/keys: it has no property main-sensor; let it refer to the sensor behind the fixed lens"
        ]
    );
}

#[test]
fn sensors() {
    assert_eq!(
        told("/bayonet", "main-sensor", None),
        [
            "/bayonet: it has no property main-sensor; let it refer to the sensor behind the fixed lens"
        ]
    );
    for value in [cells(&[99]), cells(&[10, 20]), vec![]] {
        let expected = "/bayonet: main-sensor refers to no node; let it refer to a sensor (parameter main), or correct \
                        the overlay";
        assert_eq!(told("/bayonet", "main-sensor", value), [expected]);
    }
    assert_eq!(
        told(MAIN, "status", disabled()),
        [format!(
            "/bayonet: main-sensor is {MAIN}, which is disabled; enable the sensor that is there (parameter main)"
        )]
    );
    assert_eq!(
        told("/bayonet", "mount-sensor", cells(&[10])),
        [format!(
            "/bayonet: main and mount are both {MAIN}; let each refer to its own sensor"
        )]
    );
    assert_eq!(
        told(MAIN, "reg", None),
        [format!(
            "{MAIN}: it has no property reg; give the sensor its I2C address, \
        e.g. reg = <0x1a>"
        )]
    );
}

#[test]
fn both_roles_on_one_port() {
    let mut tree = working();
    let mut port = at(&mut tree, "/soc/csi@2").remove_child("port").unwrap();
    let endpoint = port.remove_child("endpoint").unwrap();
    at(&mut tree, "/soc/csi@1").add_child(node("port@1", &[], [endpoint]));
    let expected = "/bayonet: both roles on one port: main and mount send to /soc/csi@1; give main and mount a port \
                    each (parameter cam0)";
    assert_eq!(texts(&tree), [expected]);
}

#[test]
fn ends_that_do_not_meet() {
    let connect = "let remote-endpoint of each end refer to the other";
    assert_eq!(
        told(MAIN_END, "remote-endpoint", None),
        [format!(
            "{MAIN}: it has no endpoint with a remote-endpoint; {connect}"
        )]
    );
    assert_eq!(
        told(MAIN_END, "remote-endpoint", cells(&[99])),
        [format!(
            "{MAIN_END}: remote-endpoint refers to no node; {connect}"
        )]
    );
    for (value, there) in [
        (Some(cells(&[21])), "/i2c@2/sensor@10/port/endpoint"),
        (None, "nothing"),
    ] {
        assert_eq!(
            told(FAR_END, "remote-endpoint", value),
            [format!(
                "{FAR_END}: it is the other end of {MAIN_END}, and refers to {there}; {connect}"
            )]
        );
    }
    assert_eq!(
        told("/soc/csi@1", "compatible", None),
        [format!(
            "{FAR_END}: {MAIN} sends to it, and it is in no receiver; {connect}"
        )]
    );
}

#[test]
fn lanes() {
    assert_eq!(
        told(MAIN_END, "data-lanes", cells(&[1])),
        [format!(
            "{FAR_END}: it has 2 data lanes, and its other end {MAIN_END} has 1; give both ends the lanes of the \
                  sensor"
        )]
    );
    assert_eq!(
        told(MAIN_END, "data-lanes", None),
        [format!(
            "{MAIN_END}: it has no data-lanes; list its lanes, e.g. data-lanes = <1 2>"
        )]
    );
    assert_eq!(
        told("/soc/csi@1", "brcm,num-data-lanes", cells(&[1])),
        [
            "/soc/csi@1: it has 1 data lanes (brcm,num-data-lanes), and the sensor uses 2; use a sensor with fewer lanes, \
          or the other port (parameter cam0)"
        ]
    );
}

#[test]
fn what_a_camera_needs_is_enabled() {
    let enable = "enable it (status = \"okay\") in the overlay or in the base tree";
    for (path, what) in [
        ("/soc/csi@1", format!("the receiver of {MAIN}")),
        ("/soc", format!("the receiver of {MAIN}")),
        ("/i2c@1", format!("the bus of {MAIN}")),
        ("/clock@1", format!("a clock of {MAIN}")),
        ("/supply@1", format!("a supply of {MAIN}")),
        ("/base-supply@1", "a supply of /supply@1".into()),
        ("/gpio", "the GPIO controller of present-gpios".into()),
    ] {
        let told = told(path, "status", disabled());
        assert_eq!(
            told[0],
            format!("{path}: it is disabled, and is {what}; {enable}")
        );
    }
    for (path, property, kind) in [
        (MAIN, "VANA-supply", "supply"),
        (MAIN, "clocks", "clock"),
        ("/supply@1", "vin-supply", "supply"),
    ] {
        let expected =
            format!("{path}: {property} refers to no node; let it refer to a {kind} that is there");
        assert_eq!(told(path, property, cells(&[99])), [expected]);
    }
    assert_eq!(
        told("/clock@1", "#clock-cells", cells(&[1])),
        [format!(
            "/clock@1: it is a clock of {MAIN} and has no #clock-cells, or needs more cells there; let clocks \
                  refer to a clock"
        )]
    );
    // Supplies in a circle end.
    assert_eq!(told("/base-supply@1", "vin-supply", cells(&[14])), [""; 0]);
}

#[test]
fn another_node_with_the_sensors_address() {
    let mut tree = working();
    let codec = |status: &[u8]| {
        node(
            "codec@1a",
            &[("reg", &cells(&[0x1a])), ("status", status)],
            [],
        )
    };
    at(&mut tree, "/i2c@1").add_child(codec(b"okay\0"));
    let expected = format!(
        "/i2c@1/codec@1a: it has address 0x1a on the same bus as {MAIN}; use another port or another sensor, or \
         disable this node"
    );
    assert_eq!(texts(&tree), [expected]);
    at(&mut tree, "/i2c@1").add_child(codec(b"disabled\0"));
    // On the mount's bus nobody else has that address.
    at(&mut tree, "/i2c@2").add_child(codec(b"okay\0"));
    assert_eq!(texts(&tree), [""; 0]);
}

#[test]
fn the_older_receiver_of_raspberry_pi() {
    let mut tree = working();
    let receiver = at(&mut tree, "/soc/csi@1");
    let compatible = DeviceTreeProperty::new_unchecked("compatible", "brcm,bcm2835-unicam-legacy");
    receiver.add_property(compatible);
    let expected = "/soc/csi@1: it is \"brcm,bcm2835-unicam-legacy\" without brcm,media-controller: libcamera does not \
                    find it; set the parameter media-controller";
    assert_eq!(texts(&tree), [expected]);
    at(&mut tree, "/soc/csi@1").add_property(DeviceTreeProperty::new_unchecked(
        "brcm,media-controller",
        "",
    ));
    assert_eq!(texts(&tree), [""; 0]);
    assert_eq!(
        told(
            "/soc/csi@1",
            "compatible",
            b"brcm,bcm2835-unicam\0".to_vec()
        ),
        [""; 0]
    );
}

#[test]
fn lines_of_the_mount() {
    for property in ["present-gpios", "lens-code-gpios", "frame-select-gpios"] {
        let expected = format!(
            "/bayonet: it has a mount and no {property}; name the lines, or set the parameter mount to none"
        );
        assert_eq!(told("/bayonet", property, None), [expected]);
    }
    assert_eq!(
        told("/bayonet", "lens-code-gpios", lines(&[16, 17])),
        ["/bayonet: lens-code-gpios has 2 lines instead of 6; list one line for each"]
    );
    assert_eq!(
        told("/bayonet", "present-gpios", cells(&[99, 6, 1])),
        [
            "/bayonet: present-gpios does not refer to GPIO lines; let each line refer to a GPIO controller, number and \
          flags behind it"
        ]
    );
    let own = "give each a line of its own";
    assert_eq!(
        told("/bayonet", "frame-select-gpios", lines(&[16, 23])),
        [format!(
            "/bayonet: frame-select-gpios has line 16 of /gpio, and so has lens-code-gpios; {own}"
        )]
    );
    assert_eq!(
        told("/bayonet", "present-gpios", lines(&[5])),
        [format!(
            "/bayonet: present-gpios has line 5 of /gpio, and so has gpios of /keys/key; {own}"
        )]
    );
    let mut tree = working();
    at(&mut tree, "/bayonet").add_property(DeviceTreeProperty::new_unchecked(
        "present-gpios",
        lines(&[5]),
    ));
    at(&mut tree, "/keys/key")
        .add_property(DeviceTreeProperty::new_unchecked("status", disabled()));
    assert_eq!(texts(&tree), [""; 0]);
}
