//! Each parameter, alone and in pairs, on every base: what it must change, and that it changes nothing else.

use crate::boards::{BOARDS, Base, Board, Port, lanes};
use crate::tree::Tree;
use crate::workshop::{Merge, workshop};
use std::fs;

const GPIO_ACTIVE_LOW: u32 = 1;
const GPIO_PULL_UP: u32 = 16;
/// Parameters that move a line: name, label of the node, property, place of the line among its lines.
const PINS: [(&str, &str, &str, usize); 10] = [
    ("present-pin", "bayonet_module", "present-gpios", 0),
    ("code5-pin", "bayonet_module", "lens-code-gpios", 0),
    ("code4-pin", "bayonet_module", "lens-code-gpios", 1),
    ("code3-pin", "bayonet_module", "lens-code-gpios", 2),
    ("code2-pin", "bayonet_module", "lens-code-gpios", 3),
    ("code1-pin", "bayonet_module", "lens-code-gpios", 4),
    ("code0-pin", "bayonet_module", "lens-code-gpios", 5),
    ("frame1-pin", "bayonet_module", "frame-select-gpios", 0),
    ("frame0-pin", "bayonet_module", "frame-select-gpios", 1),
    ("shutter-pin", "shutter_key", "gpios", 0),
];
/// Two lines of the controller that nothing else on the board uses.
fn free_pins(board: &Board) -> [String; 2] {
    let pins = if board.name == "imx8mp-evk" {
        [5, 6]
    } else {
        [2, 3]
    };
    pins.map(|pin: u32| pin.to_string())
}

/// A board's parameters as they are set: what must hold is checked against this.
struct Setting<'a> {
    board: &'a Board,
    parameters: &'a [(String, String)],
}

impl Setting<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut set = self.parameters.iter().rev();
        set.find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name).map(|value| value.parse().unwrap())
    }

    /// The last of two parameters that was given, of which the first is for one role and the second for both.
    fn of_role(&self, role: &str, name: &str) -> Option<u64> {
        self.number(&format!("{role}-{name}"))
            .or_else(|| self.number(name))
    }

    /// The role's port and its sensor; no sensor where the mount is `none`.
    fn role(&self, role: &str) -> Option<(Port, Option<&str>)> {
        let is_main = role == "main";
        let swapped = self.get("cam0") == Some("main");
        let port = if is_main == swapped {
            self.board.cam0
        } else {
            Some(self.board.cam1)
        };
        let default = if is_main {
            self.board.defaults.0
        } else {
            self.board.defaults.1
        };
        let sensor = self.get(role).unwrap_or(default);
        Some((port?, Some(sensor).filter(|name| *name != "none")))
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

/// All parameters of a board, each with the values to be tried.
fn values(board: &Board) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut roles = vec!["main"];
    roles.extend(board.cam0.map(|_| "mount"));
    for role in &roles {
        all.extend(board.sensors.iter().map(|sensor| pair(role, sensor)));
        for (name, value) in [
            ("rotation", "180"),
            ("orientation", "0"),
            ("link-frequency", "360000000"),
        ] {
            all.push(pair(&format!("{role}-{name}"), value));
        }
    }
    all.extend([
        pair("rotation", "180"),
        pair("orientation", "0"),
        pair("link-frequency", "360000000"),
        pair("always-on", "on"),
        pair("always-on", "off"),
    ]);
    for (name, label, _, _) in PINS {
        let is_there = if label == "shutter_key" {
            board.shutter
        } else {
            board.cam0.is_some()
        };
        if is_there {
            all.push(pair(name, &free_pins(board)[0]));
        }
    }
    if board.cam0.is_some() {
        all.extend([
            pair("mount", "none"),
            pair("cam0", "main"),
            pair("cam0", "mount"),
            pair("mount-supply-pin", &free_pins(board)[0]),
        ]);
        if board.sensors.contains(&"imx477") {
            all.extend([pair("sync-source", "main"), pair("sync-source", "mount")]);
        }
    }
    if board.media_controller {
        all.extend([
            pair("media-controller", "on"),
            pair("media-controller", "off"),
        ]);
    }
    all
}

/// Pairs that people use, or that could get into each other's way.
fn pairs(board: &Board) -> Vec<Vec<(String, String)>> {
    let mut all = vec![vec![pair("main", "imx219"), pair("rotation", "180")]];
    if board.cam0.is_some() {
        all.extend([
            vec![
                pair("mount", "imx219"),
                pair("rotation", "180"),
                pair("cam0", "main"),
            ],
            vec![pair("main", "imx219"), pair("mount", "imx219")],
            vec![pair("rotation", "180"), pair("mount-rotation", "90")],
            vec![
                pair("cam0", "main"),
                pair("mount-supply-pin", &free_pins(board)[1]),
            ],
            vec![
                pair("present-pin", &free_pins(board)[0]),
                pair("code0-pin", &free_pins(board)[1]),
            ],
            vec![pair("main", "imx219"), pair("mount", "none")],
            vec![
                pair("main", "imx219"),
                pair("mount", "imx219"),
                pair("mount", "imx296"),
            ],
        ]);
    }
    all
}

/// Everything that is tried on a board: nothing, each parameter, pairs. What cannot work is left to `contradictions`.
pub(crate) fn trials(board: &Board) -> Vec<Vec<(String, String)>> {
    let single = values(board).into_iter().map(|one| vec![one]);
    let all = std::iter::once(Vec::new())
        .chain(single)
        .chain(pairs(board));
    all.filter(|parameters| conflicts(board, parameters).is_empty())
        .collect()
}

/// What is held against the bindings: each choice and the pairs alone, and all numbers together, for to a schema one
/// number is as good as another.
pub(crate) fn schema_trials(board: &Board) -> Vec<Vec<(String, String)>> {
    let is_number = |(_, value): &(String, String)| value.parse::<u64>().is_ok();
    let mut all = trials(board);
    all.retain(|parameters| parameters.len() != 1 || !is_number(&parameters[0]));
    let numbers = values(board).into_iter().filter(is_number);
    all.push(numbers.collect());
    all
}

/// Why the sensors cannot work at the ports that they have with these parameters.
pub(crate) fn conflicts(board: &Board, parameters: &[(String, String)]) -> Vec<&'static str> {
    let setting = Setting { board, parameters };
    let roles = ["main", "mount"].into_iter();
    roles
        .filter_map(|role| {
            let (port, sensor) = setting.role(role)?;
            board.conflict(port, sensor?)
        })
        .collect()
}

/// Everything that must hold in a merged tree.
fn check(setting: &Setting<'_>, base: Base, tree: &Tree) {
    let board = setting.board;
    for role in ["main", "mount"] {
        if let Some((port, sensor)) = setting.role(role) {
            check_sensor(setting, role, port, sensor, tree);
        }
    }
    let has_lines = tree.bytes("bayonet_module", "present-gpios").is_some();
    assert_eq!(has_lines, board.cam0.is_some());
    assert_eq!(
        tree.text("bayonet_module", "compatible").as_deref(),
        Some("bayonet,module")
    );
    let mut moved = setting.get("mount-supply-pin").is_some();
    for (name, label, property, place) in PINS {
        if !tree.has_label(label) || tree.bytes(label, property).is_none() {
            continue;
        }
        let cells = tree.cells(label, property);
        let line = &cells[place * 3..][..3];
        if let Some(pin) = setting.number(name) {
            assert_eq!(u64::from(line[1]), pin, "{name}");
            moved = true;
        }
        let low = ["present-pin", "shutter-pin"].contains(&name);
        let flags = GPIO_PULL_UP | if low { GPIO_ACTIVE_LOW } else { 0 };
        assert_eq!(line[2], flags, "{name}");
    }
    check_names(board, base, moved, tree);
    let media_controller = board.media_controller && setting.get("media-controller") != Some("off");
    let has = tree
        .bytes(board.cam1.csi, "brcm,media-controller")
        .is_some();
    assert_eq!(has, media_controller, "media controller");
}

fn check_sensor(setting: &Setting<'_>, role: &str, port: Port, sensor: Option<&str>, tree: &Tree) {
    let label = |suffix: &str| format!("{role}_{suffix}");
    let bus = format!("{}/", tree.path(port.i2c));
    for name in setting.board.sensors {
        let node = label(name);
        let endpoint = label(&format!("{name}_endpoint"));
        let status = if sensor == Some(*name) {
            "okay"
        } else {
            "disabled"
        };
        assert_eq!(
            tree.text(&node, "status").as_deref(),
            Some(status),
            "{node}"
        );
        assert!(
            tree.path(&node).starts_with(&bus),
            "{node} is {}",
            tree.path(&node)
        );
        let rotation = setting.of_role(role, "rotation").unwrap_or(0);
        assert_eq!(
            u64::from(tree.cells(&node, "rotation")[0]),
            rotation,
            "{node}"
        );
        let orientation = setting.of_role(role, "orientation");
        let orientation = orientation.unwrap_or(if role == "main" { 1 } else { 2 });
        assert_eq!(
            u64::from(tree.cells(&node, "orientation")[0]),
            orientation,
            "{node}"
        );
        if let Some(frequency) = setting.of_role(role, "link-frequency") {
            let cells = tree.cells(&endpoint, "link-frequencies");
            assert_eq!(u64::from(cells[0]) << 32 | u64::from(cells[1]), frequency);
        }
        assert_eq!(
            tree.cells(&endpoint, "data-lanes").len(),
            lanes(name) as usize
        );
        assert_eq!(
            tree.cells(&endpoint, "remote-endpoint")[0],
            tree.phandle(&label("endpoint"))
        );
        let trigger = match setting.get("sync-source") {
            Some(source) if *name == "imx477" => Some(if source == role { 1 } else { 2 }),
            _ => None,
        };
        let mode = tree
            .bytes(&node, "trigger-mode")
            .map(|_| tree.cells(&node, "trigger-mode")[0]);
        assert_eq!(mode, trigger, "{node}");
    }
    let receiver = format!("{}/", tree.path(port.csi));
    assert!(
        tree.path(&label("endpoint")).starts_with(&receiver),
        "{role}"
    );
    let chosen = label(sensor.unwrap_or("imx219"));
    let property = format!("{role}-sensor");
    assert_eq!(
        tree.cells("bayonet_module", &property)[0],
        tree.phandle(&chosen)
    );
    let remote = tree.phandle(&format!("{chosen}_endpoint"));
    assert_eq!(tree.cells(&label("endpoint"), "remote-endpoint")[0], remote);
    let expected = sensor.map_or(2, lanes) as usize;
    assert_eq!(tree.cells(&label("endpoint"), "data-lanes").len(), expected);
    let clock = if sensor == Some("imx296") {
        54_000_000
    } else {
        24_000_000
    };
    assert_eq!(tree.cells(&label("clock"), "clock-frequency")[0], clock);
    let supply = label("supply");
    assert_eq!(
        tree.cells(&supply, "vin-supply")[0],
        tree.phandle(port.supply)
    );
    if role == "main" && port.supply.starts_with("cam") {
        let always = setting.get("always-on") == Some("on");
        let has = tree.bytes(port.supply, "regulator-always-on").is_some();
        assert_eq!(has, always, "{}", port.supply);
    }
    let switch = setting
        .number("mount-supply-pin")
        .filter(|_| role == "mount");
    let has_switch = tree.bytes(&supply, "gpio").is_some();
    assert_eq!(has_switch, switch.is_some(), "{supply}");
    if let Some(pin) = switch {
        assert_eq!(u64::from(tree.cells(&supply, "gpio")[1]), pin);
        assert!(tree.bytes(&supply, "enable-active-high").is_some());
    }
}

/// The lines' names are right, or are those of the base.
fn check_names(board: &Board, base: Base, moved: bool, tree: &Tree) {
    let gpio = match (board.name, base) {
        (name, _) if name.starts_with("rock") => "gpio3",
        ("imx8mp-evk", _) => "pca6416",
        ("pi5-mainline", _) => "rp1_gpio",
        _ => "gpio",
    };
    let names = tree.bytes(gpio, "gpio-line-names").unwrap_or_default();
    let names: Vec<&[u8]> = names.split(|byte| *byte == 0).collect();
    let place = |name: &str| names.iter().position(|other| *other == name.as_bytes());
    if moved {
        assert_eq!(place("MOUNT_PRESENT"), None, "a name would be wrong");
        return;
    }
    let named = |name: &str, label: &str, property: &str, index: usize| {
        if tree.has_label(label) && tree.bytes(label, property).is_some() {
            let line = tree.cells(label, property)[index * 3 + 1] as usize;
            assert_eq!(place(name), Some(line), "{name}");
        }
    };
    named("SHUTTER_KEY", "shutter_key", "gpios", 0);
    named("MOUNT_PRESENT", "bayonet_module", "present-gpios", 0);
    for bit in 0..6 {
        named(
            &format!("LENS_CODE{bit}"),
            "bayonet_module",
            "lens-code-gpios",
            5 - bit,
        );
    }
    for bit in 0..2 {
        named(
            &format!("FRAME_SELECT{bit}"),
            "bayonet_module",
            "frame-select-gpios",
            1 - bit,
        );
    }
}

#[test]
fn each_does_what_it_says_alone_and_in_pairs_on_every_base() {
    for board in BOARDS {
        for base in board.bases {
            let trials = trials(&board);
            let merges = Merge::all(board, *base, &trials);
            let files = workshop().merge(&merges);
            for (merge, file) in merges.iter().zip(files) {
                let tree = Tree::read(&fs::read(file).unwrap());
                println!("{}", merge.title());
                let setting = Setting {
                    board: &board,
                    parameters: &merge.parameters,
                };
                check(&setting, *base, &tree);
                let found = bayonet_overlay::problems(tree.model());
                assert!(found.is_empty(), "{found:?}");
            }
        }
    }
}

/// A parameter that nobody tries here would be untested.
#[test]
fn every_parameter_is_tried() {
    for board in BOARDS {
        let tried = values(&board);
        let overlay = workshop().overlay(&board);
        for parameter in overlay.parameters() {
            let values: Vec<&str> = tried
                .iter()
                .filter(|(name, _)| *name == parameter.name)
                .map(|(_, value)| value.as_str())
                .collect();
            assert!(!values.is_empty(), "{}: {}", board.name, parameter.name);
            for choice in parameter.choices {
                assert!(
                    values.contains(&choice.as_str()),
                    "{}: {}={choice}",
                    board.name,
                    parameter.name
                );
            }
        }
    }
}
