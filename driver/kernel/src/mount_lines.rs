//! The mount's GPIO lines, as the module's node of the device tree names them: presence, lens code, frame selector.
//!
//! A line is told by its controller and its number there, never by a name: names are for people, and a board gives
//! them or not. Level and bias come from the same place, so whoever reads a line hears whether it is active.

use crate::device_tree::{DeviceTree, Node};
use crate::sysfs;
use crate::{Error, Result};
use gpiocdev::line::Bias;
use std::fmt;
use std::path::Path;

/// Property with the line that is active while a module is on the mount.
pub const PRESENT: &str = "present-gpios";
/// Property with the lines of the 6-bit lens code, most significant bit first. Active is a black mark.
pub const LENS_CODE: &str = "lens-code-gpios";
/// Property with the lines of the frame-line selector, most significant bit first.
pub const FRAME_SELECT: &str = "frame-select-gpios";

/// Bus of the GPIO chips.
const GPIO: &str = "gpio";
// Flags of a GPIO specifier, `dt-bindings/gpio/gpio.h`. The others are about outputs and sleep.
const ACTIVE_LOW: u32 = 1;
const PULL_UP: u32 = 16;
const PULL_DOWN: u32 = 32;
const PULL_DISABLE: u32 = 64;

/// The mount's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountLines {
    /// Active while a module is on the mount.
    pub present: Line,
    /// The lens code, most significant bit first.
    pub code: [Line; 6],
    /// The frame-line selector, most significant bit first.
    pub frame: [Line; 2],
}

/// A GPIO line that a property of the device tree names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The property.
    pub property: &'static str,
    /// Its place in the property, from 0.
    pub index: usize,
    /// The chip, e.g. `gpiochip0`.
    pub chip: String,
    /// Its number on the chip.
    pub offset: u32,
    /// Whether low is active.
    pub active_low: bool,
    /// What holds it while nothing drives it; `None` leaves it as it is.
    pub bias: Option<Bias>,
}

/// For people: the place in the device tree, and what the kernel calls it.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            property,
            index,
            chip,
            offset,
            ..
        } = self;
        write!(f, "{property}[{index}] ({chip} line {offset})")
    }
}

impl MountLines {
    /// The lines that the module's node names; `sys` is laid out as `/sys`.
    ///
    /// # Errors
    /// [`Error::DeviceTree`] where one of the three properties is missing or wrong, [`Error::NoDevice`] where a
    /// controller has no GPIO chip.
    pub(crate) fn find(tree: &DeviceTree, sys: &Path, module: &Node) -> Result<Self> {
        let [present] = lines(tree, sys, module, PRESENT)?;
        let found = Self {
            present,
            code: lines(tree, sys, module, LENS_CODE)?,
            frame: lines(tree, sys, module, FRAME_SELECT)?,
        };
        let all = found.all();
        let place = |line: &Line| (line.chip.clone(), line.offset);
        for (i, line) in all.iter().enumerate() {
            if let Some(other) = all[..i].iter().find(|other| place(other) == place(line)) {
                return Err(module.error(format!("{other} and {line} are the same line")));
            }
        }
        Ok(found)
    }

    /// Lens code and frame selector, which are read together.
    pub fn lens(&self) -> Vec<&Line> {
        self.code.iter().chain(&self.frame).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<&Line> {
        let mut lines = vec![&self.present];
        lines.extend(self.lens());
        lines
    }
}

/// The lines of a property, exactly so many.
fn lines<const N: usize>(
    tree: &DeviceTree,
    sys: &Path,
    module: &Node,
    property: &'static str,
) -> Result<[Line; N]> {
    if !module.has(property) {
        return Err(module.error(format!(
            "it has no property {property}; the overlay of a module with a mount must have it \
             (dt-overlays/README.md)"
        )));
    }
    let mut lines = Vec::new();
    for (index, specifier) in tree
        .specifiers(module, property, "#gpio-cells")?
        .into_iter()
        .enumerate()
    {
        let wrong = |problem: &str| module.error(format!("{property}[{index}] {problem}"));
        let controller = specifier.provider;
        let &[offset, flags] = &specifier.cells[..] else {
            let path = controller.path();
            return Err(wrong(&format!(
                "is not offset and flags: {path} has other #gpio-cells than <2>"
            )));
        };
        let chip =
            sysfs::device_of(sys, GPIO, controller.directory()).ok_or_else(|| Error::NoDevice {
                bus: GPIO,
                node: controller.path(),
            })?;
        lines.push(Line {
            property,
            index,
            chip,
            offset,
            active_low: flags & ACTIVE_LOW != 0,
            bias: bias(flags).ok_or_else(|| wrong("has more than one GPIO_PULL flag"))?,
        });
    }
    let count = lines.len();
    lines
        .try_into()
        .map_err(|_| module.error(format!("{property} names {count} lines; there must be {N}")))
}

/// The bias that flags ask for; `None` where they contradict each other.
fn bias(flags: u32) -> Option<Option<Bias>> {
    match flags & (PULL_UP | PULL_DOWN | PULL_DISABLE) {
        0 => Some(None),
        PULL_UP => Some(Some(Bias::PullUp)),
        PULL_DOWN => Some(Some(Bias::PullDown)),
        PULL_DISABLE => Some(Some(Bias::Disabled)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    /// A module's node, two controllers with chips and one without; links as the kernel has them.
    struct System {
        directory: TempDir,
    }

    const GPIO: u32 = 7;
    const EXPANDER: u32 = 8;
    const SILENT: u32 = 9;

    impl System {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let system = Self { directory };
            for (phandle, name) in [(GPIO, "gpio"), (EXPANDER, "expander"), (SILENT, "silent")] {
                system.property(&format!("soc/{name}/phandle"), &[phandle]);
                system.property(&format!("soc/{name}/#gpio-cells"), &[2]);
            }
            for (chip, node) in [("gpiochip10", "gpio"), ("gpiochip2", "expander")] {
                let device = system.path(&format!("sys/devices/{chip}"));
                let bus = system.path("sys/bus/gpio/devices");
                fs::create_dir_all(&device).unwrap();
                fs::create_dir_all(&bus).unwrap();
                symlink(system.path("tree/soc").join(node), device.join("of_node")).unwrap();
                symlink(&device, bus.join(chip)).unwrap();
            }
            system.property("module/present-gpios", &[GPIO, 6, ACTIVE_LOW | PULL_UP]);
            let code: Vec<u32> = (16..22)
                .flat_map(|offset| [GPIO, offset, PULL_UP])
                .collect();
            system.property("module/lens-code-gpios", &code);
            let frame = [EXPANDER, 1, PULL_DOWN, GPIO, 23, 0];
            system.property("module/frame-select-gpios", &frame);
            system
        }

        fn path(&self, path: &str) -> std::path::PathBuf {
            self.directory.path().join(path)
        }

        fn property(&self, path: &str, cells: &[u32]) {
            let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
            let path = self.path("tree").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }

        fn find(&self) -> Result<MountLines> {
            let tree = DeviceTree::at(&self.path("tree")).unwrap();
            let module = tree.root().children().remove(0);
            MountLines::find(&tree, &self.path("sys"), &module)
        }

        fn error(&self) -> String {
            self.find().unwrap_err().to_string()
        }
    }

    #[test]
    fn lines_are_told_by_chip_number_level_and_bias() {
        let lines = System::new().find().unwrap();
        let present = Line {
            property: PRESENT,
            index: 0,
            chip: "gpiochip10".into(),
            offset: 6,
            active_low: true,
            bias: Some(Bias::PullUp),
        };
        assert_eq!(lines.present, present);
        let code: Vec<String> = lines.code.iter().map(Line::to_string).collect();
        assert_eq!(code[0], "lens-code-gpios[0] (gpiochip10 line 16)");
        assert_eq!(code[5], "lens-code-gpios[5] (gpiochip10 line 21)");
        assert!(lines.code.iter().all(|line| !line.active_low));
        let [first, second] = &lines.frame;
        let told = |line: &Line| (line.chip.clone(), line.offset, line.bias);
        assert_eq!(told(first), ("gpiochip2".into(), 1, Some(Bias::PullDown)));
        assert_eq!(told(second), ("gpiochip10".into(), 23, None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_property() {
        for (property, cells, said) in [
            (
                PRESENT,
                &[GPIO, 6, 0, GPIO, 7, 0][..],
                "present-gpios names 2 lines; there must be 1",
            ),
            (PRESENT, &[], "present-gpios names 0 lines"),
            (
                FRAME_SELECT,
                &[GPIO, 22, 0],
                "frame-select-gpios names 1 lines; there must be 2",
            ),
            (
                PRESENT,
                &[GPIO, 6],
                "present-gpios[0] is cut short: /soc/gpio has #gpio-cells = <2>",
            ),
            (
                FRAME_SELECT,
                &[GPIO, 22, 0, 77, 1, 0],
                "frame-select-gpios[1]: <77> refers to no node",
            ),
            (
                PRESENT,
                &[GPIO, 6, PULL_UP | PULL_DOWN],
                "present-gpios[0] has more than one GPIO_PULL flag",
            ),
            (
                PRESENT,
                &[GPIO, 18, 0],
                "present-gpios[0] (gpiochip10 line 18) and lens-code-gpios[2] (gpiochip10 line 18) are the same",
            ),
        ] {
            let system = System::new();
            system.property(&format!("module/{property}"), cells);
            let error = system.error();
            assert!(error.starts_with("device tree, /module: "), "{error}");
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_property_that_is_missing_is_named() {
        for property in [PRESENT, LENS_CODE, FRAME_SELECT] {
            let system = System::new();
            fs::remove_file(system.path("tree/module").join(property)).unwrap();
            let error = system.error();
            assert!(
                error.contains(property) && error.contains("overlay"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_controller_that_is_none_or_has_no_chip_is_named() {
        let system = System::new();
        system.property("module/present-gpios", &[SILENT, 6, 0]);
        let error = system.error();
        assert!(
            error.contains("gpio bus") && error.contains("/soc/silent"),
            "{error}"
        );
        system.property("soc/silent/#gpio-cells", &[1]);
        system.property("module/present-gpios", &[SILENT, 6]);
        assert!(
            system
                .error()
                .contains("/soc/silent has other #gpio-cells than <2>")
        );
        fs::remove_file(system.path("tree/soc/silent/#gpio-cells")).unwrap();
        let error = system.error();
        assert_eq!(
            error,
            "device tree, /soc/silent: it has no property #gpio-cells"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a property says, it is lines or an error.
        #[test]
        fn any_cells_are_lines_or_refused(
            cells in prop::collection::vec(prop_oneof![GPIO..=SILENT, 0..100_u32, any::<u32>()], 0..9),
        ) {
            let system = System::new();
            system.property("module/frame-select-gpios", &cells);
            if let Ok(lines) = system.find() {
                prop_assert_eq!(cells.len(), 6);
                prop_assert_eq!(lines.frame.map(|line| line.offset), [cells[1], cells[4]]);
            }
        }
    }
}
