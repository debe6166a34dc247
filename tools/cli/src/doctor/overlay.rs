//! The module's overlay: what contradicts in the running tree, and why the module is not in it.

use super::{Finding, System};
use bayonet_overlay::dtoolkit::Node;
use bayonet_overlay::dtoolkit::model::DeviceTree;
use bayonet_overlay::{Overlay, has_module, problems, read_directory};
use std::fs;

const WHAT: &str = "overlay";
/// Where the labels of the running tree are, where it has them.
const LABELS: &str = "__symbols__";

/// A place where a boot loader looks for overlays.
struct Place {
    directory: &'static str,
    /// What says that an overlay is to be loaded.
    configuration: &'static str,
    /// How the line begins that says it.
    key: &'static str,
    /// The line itself, in which `NAME` is the overlay's.
    line: &'static str,
}

/// The Raspberry Pi's firmware, with its partition on /boot/firmware or on /boot; U-Boot, as Debian's u-boot-menu
/// configures it; Armbian.
const PLACES: [Place; 4] = [
    Place {
        directory: "boot/firmware/overlays",
        configuration: "boot/firmware/config.txt",
        key: "dtoverlay",
        line: "dtoverlay=NAME",
    },
    Place {
        directory: "boot/overlays",
        configuration: "boot/config.txt",
        key: "dtoverlay",
        line: "dtoverlay=NAME",
    },
    Place {
        directory: "boot/dtbo",
        configuration: "boot/extlinux/extlinux.conf",
        key: "fdtoverlays",
        line: "fdtoverlays /boot/dtbo/NAME.dtbo",
    },
    Place {
        directory: "boot/overlay-user",
        configuration: "boot/armbianEnv.txt",
        key: "user_overlays",
        line: "user_overlays=NAME",
    },
];

/// An overlay of ours that is installed.
struct Installed<'a> {
    place: &'a Place,
    /// Without `.dtbo`.
    name: String,
}

pub(super) fn examine(system: &System) -> Vec<Finding> {
    let tree = match read_directory(&system.path("proc/device-tree")) {
        Ok(tree) => tree,
        Err(error) => {
            return vec![Finding::skipped(
                WHAT,
                format!("no device tree to look at ({error})"),
            )];
        }
    };
    if !has_module(&tree) {
        return vec![why_missing(system, &tree)];
    }
    let problems = problems(&tree);
    if problems.is_empty() {
        return vec![Finding::good(
            WHAT,
            "in the running tree; nothing contradicts",
        )];
    }
    let finding = |problem: bayonet_overlay::Problem| {
        Finding::bad(WHAT, format!("{}: {}", problem.node, problem.what)).fix(problem.advice)
    };
    problems.into_iter().map(finding).collect()
}

/// Why the running tree has no module in it.
fn why_missing(system: &System, tree: &DeviceTree) -> Finding {
    let installed = installed(system);
    let findings = installed
        .iter()
        .map(|installed| installed.examine(system, tree));
    let findings: Vec<_> = findings.collect();
    // One that only has to be loaded says more than one for another board.
    let best = findings
        .iter()
        .find_map(|(finding, fits)| fits.then_some(finding));
    if let Some(finding) = best.or(findings.first().map(|(finding, _)| finding)) {
        return finding.clone();
    }
    let places = PLACES
        .map(|place| format!("/{}", place.directory))
        .join(", ");
    Finding::bad(WHAT, format!("not installed: no bayonet*.dtbo in {places}")).fix(
        "install this board's: make install, see dt-overlays/README.md; then load it and reboot",
    )
}

fn installed(system: &System) -> Vec<Installed<'static>> {
    let names = |place: &'static Place| {
        let names = system.names(place.directory).into_iter();
        let names = names.filter_map(|name| Some(name.strip_suffix(".dtbo")?.to_owned()));
        names
            .filter(|name| name.starts_with("bayonet"))
            .map(move |name| Installed { place, name })
    };
    PLACES.iter().flat_map(names).collect()
}

impl Installed<'_> {
    /// What is to be said of it, and whether it fits the running tree.
    fn examine(&self, system: &System, tree: &DeviceTree) -> (Finding, bool) {
        let path = format!("/{}/{}.dtbo", self.place.directory, self.name);
        let overlay = fs::read(system.path(&path))
            .map_err(anyhow::Error::from)
            .and_then(|blob| Ok(Overlay::parse(&blob)?));
        let overlay = match overlay {
            Ok(overlay) => overlay,
            Err(error) => {
                let finding = Finding::bad(WHAT, format!("{path} cannot be loaded: {error}"));
                return (
                    finding.fix("install it anew: make install, see dt-overlays/README.md"),
                    false,
                );
            }
        };
        if tree.root.child(LABELS).is_none() {
            let detail =
                format!("not in the running tree, which has no labels: {path} cannot be merged");
            let fix = "boot with a base tree that was compiled with dtc -@, or merge the overlay beforehand (fdtoverlay)";
            return (Finding::bad(WHAT, detail).fix(fix), false);
        }
        let missing = overlay.missing_labels(tree);
        if !missing.is_empty() {
            let detail = format!(
                "{path} is not for this base tree, which has no label {}",
                missing.join(", ")
            );
            let fix = "install the overlay of this board and of this kernel, Raspberry Pi's or mainline's (as \
                       bayonet-pi5-mainline.dtbo), or boot the kernel whose tree has these labels; \
                       dt-overlays/README.md lists them";
            return (Finding::bad(WHAT, detail).fix(fix), false);
        }
        (self.not_loaded(system, &path), true)
    }

    fn not_loaded(&self, system: &System, path: &str) -> Finding {
        let Place {
            configuration,
            key,
            line,
            ..
        } = self.place;
        let text = system.text(configuration).unwrap_or_default();
        let is_named = text.lines().map(str::trim).any(|line| {
            let value = line.strip_prefix(key).unwrap_or_default();
            let mut words =
                value.split(|letter: char| letter.is_whitespace() || "=,/".contains(letter));
            words.any(|word| word.trim_end_matches(".dtbo") == self.name)
        });
        if is_named {
            return Finding::bad(WHAT, format!("{path} is in /{configuration}, and not in the running tree")).fix(
                "reboot; if it is still not there, the boot loader refused it: see its messages (vclog --msg on a \
                 Raspberry Pi, or the serial console)",
            );
        }
        let line = line.replace("NAME", &self.name);
        Finding::bad(WHAT, format!("{path} is installed, and not loaded")).fix(format!(
            "add the line {line} to /{configuration} and reboot, see dt-overlays/README.md"
        ))
    }
}
