//! The module: its node in the device tree, its GPIO lines, and each camera's drivers and device nodes.

use super::{Finding, System};
use bayonet_daemon::CONSUMER;
use bayonet_daemon::config::Config;
use bayonet_kernel::chain::{Chain, Device, discover_in};
use bayonet_kernel::device_tree::DeviceTree;
use bayonet_kernel::mount_lines::{Line, MountLines};
use bayonet_kernel::{Error, gpio};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Reading and writing for the group.
const GROUP_MODE: u32 = 0o060;
/// What to do about a device tree that is wrong.
const CORRECT: &str = "correct the module's overlay, see dt-overlays/README.md";
/// The receiver that needs an image processor beside it.
const RECEIVER_WITH_PROCESSOR: &str = "rp1-cfe";

pub(super) fn examine(system: &System, config: &Config) -> Vec<Finding> {
    const WHAT: &str = "device tree";
    let overlay = "put the module's overlay into the boot loader's configuration (dt-overlays/README.md) and reboot";
    let tree = match DeviceTree::at(&system.path("proc/device-tree")) {
        Ok(tree) => tree,
        Err(error) => {
            return vec![
                Finding::bad(WHAT, format!("this system was booted without a device tree ({error})"))
                    .fix("Bayonet is for boards with a device tree; look at the board from the board itself"),
            ];
        }
    };
    let module = match discover_in(&tree, &system.path("sys")) {
        Ok(module) => module,
        Err(error) => {
            let fix = match &error {
                Error::NoModule => overlay.into(),
                Error::NoDevice { bus: "i2c", .. } => {
                    "load the I2C controller's driver: modprobe i2c-designware-platform on a Raspberry Pi 5; \
                     lsmod and dmesg say what is there"
                        .into()
                }
                Error::NoDevice { .. } => format!("{overlay}; if it is there, see dmesg"),
                _ => CORRECT.into(),
            };
            let detail = match &error {
                // Its own text says what to do as well.
                Error::NoModule => {
                    "no node is compatible with \"bayonet,module\": the overlay is missing".into()
                }
                other => other.to_string(),
            };
            return vec![Finding::bad(WHAT, detail).fix(fix)];
        }
    };
    let mount = module
        .mount
        .as_ref()
        .map_or("no mount".into(), |chain| format!("mount {}", chain.model));
    let mut findings = vec![Finding::good(
        WHAT,
        format!("main {}, {mount}", module.main.model),
    )];
    findings.push(drivers(system, &module.main, "main drivers"));
    findings.push(nodes(system, config, &module.main, "main nodes"));
    if let Some(mount) = &module.mount {
        findings.push(lines(system, module.mount_lines));
        findings.push(drivers(system, mount, "mount drivers"));
        findings.push(nodes(system, config, mount, "mount nodes"));
    }
    findings
}

/// The lines of mount and lens, as the device tree has them.
fn lines(system: &System, lines: bayonet_kernel::Result<MountLines>) -> Finding {
    const WHAT: &str = "GPIO lines";
    let lines = match lines {
        Ok(lines) => lines,
        Err(error) => {
            let fix = match &error {
                Error::NoDevice { .. } => {
                    "load the GPIO controller's driver; lsmod and dmesg say what is there"
                }
                _ => CORRECT,
            };
            return Finding::bad(WHAT, error.to_string()).fix(fix);
        }
    };
    for line in lines.all() {
        match gpio::check(&system.path("dev"), line) {
            Err(error @ Error::NoLine { .. }) => {
                return Finding::bad(WHAT, error.to_string()).fix(CORRECT);
            }
            Err(Error::LineInUse { line, user }) if user != CONSUMER => {
                return Finding::bad(WHAT, format!("{line} is in use by {user:?}")).fix(
                    "end that program; if it is a driver, take the line from it in the device tree",
                );
            }
            // Free, bayonetd's, or not for this user to ask.
            _ => {}
        }
    }
    let present = places(std::slice::from_ref(&lines.present));
    let (code, frame) = (places(&lines.code), places(&lines.frame));
    let detail = format!("presence {present}; lens code {code}; frame selector {frame}");
    Finding::good(WHAT, detail)
}

/// Lines by chip: `gpiochip0 16 17 18`.
fn places(lines: &[Line]) -> String {
    let rows = lines
        .chunk_by(|one, next| one.chip == next.chip)
        .map(|row| {
            let offsets = row.iter().map(|line| format!(" {}", line.offset));
            format!("{}{}", row[0].chip, offsets.collect::<String>())
        });
    rows.collect::<Vec<_>>().join(", ")
}

fn device_path(device: &Device) -> String {
    format!("sys/bus/{}/devices/{}", device.bus, device.name)
}

fn drivers(system: &System, chain: &Chain, what: &'static str) -> Finding {
    let is_mount = what.starts_with("mount");
    let mut unbound = Vec::new();
    for device in chain.devices() {
        if !system.exists(format!("sys/bus/{}/drivers/{}", device.bus, device.driver)) {
            let detail = format!(
                "the driver {} of {} is not loaded",
                device.driver, device.name
            );
            let fix = format!(
                "modprobe {}; if there is no such module, this kernel lacks it",
                device.driver
            );
            return Finding::bad(what, detail).fix(fix);
        }
        if !system.exists(format!("{}/driver", device_path(device))) {
            unbound.push(format!("{} ({})", device.driver, device.name));
        }
    }
    if chain.image_processor.is_none() && chain.receiver.driver == RECEIVER_WITH_PROCESSOR {
        return Finding::bad(
            what,
            "no image processor is left for this camera: pispbe is bound to too few",
        )
        .fix("modprobe pispbe; if it is loaded, the device tree has too few isp nodes");
    }
    let drivers: Vec<&str> = chain
        .devices()
        .map(|device| device.driver.as_str())
        .collect();
    let names = drivers.join(" on ");
    match (unbound.len(), is_mount) {
        (0, _) => Finding::good(what, format!("{names}, bound")),
        (all, true) if all == drivers.len() => Finding::good(
            what,
            format!("{names}, not bound: so it is while nothing is plugged"),
        ),
        (_, true) => Finding::warning(what, format!("not bound: {}", unbound.join(", "))).fix(
            "bayonetd binds them when nobody holds them: `bayonet status` says what it waits for",
        ),
        (_, false) => {
            let path = &chain.sensor.node;
            Finding::bad(what, format!("not bound: {}", unbound.join(", "))).fix(format!(
                "see dmesg for {}: the sensor may not answer (cable, supply), or the node {path} may be wrong",
                chain.sensor.driver
            ))
        }
    }
}

/// The device nodes that the camera's process has to open.
fn nodes(system: &System, config: &Config, chain: &Chain, what: &'static str) -> Finding {
    let group = &config.process.group;
    let Some(gid) = system.group(group) else {
        return Finding::skipped(
            what,
            format!("there is no group {group} to be compared with"),
        );
    };
    let devices = chain.devices().rev().chain(&chain.image_processor);
    let names: Vec<String> = devices
        .flat_map(|device| node_names(system, device))
        .collect();
    if names.is_empty() {
        return Finding::skipped(what, "there are none while its drivers are not bound");
    }
    let udev = "udevadm trigger --action=add --subsystem-match=video4linux --subsystem-match=media";
    for name in &names {
        let path = format!("dev/{name}");
        let Ok(metadata) = fs::metadata(system.path(&path)) else {
            return Finding::bad(
                what,
                format!("the kernel has {name}, and /{path} is not there"),
            )
            .fix(format!("systemctl restart bayonetd, then {udev}"));
        };
        if metadata.gid() != gid || metadata.mode() & GROUP_MODE != GROUP_MODE {
            let mode = metadata.mode() & 0o777;
            let detail = format!(
                "/{path} has group {} and mode {mode:o}; camera processes run as group {group} ({gid})",
                metadata.gid()
            );
            return Finding::bad(what, detail).fix(format!(
                "install udev's rules (package udev), then {udev}; or configure another process.group"
            ));
        }
    }
    Finding::good(what, format!("{}, all for group {group}", ranges(&names)))
}

/// Names with numbers at their ends, those in a row drawn together: `media0 video4-7`.
fn ranges(names: &[String]) -> String {
    let mut numbered: Vec<(&str, u32)> = names
        .iter()
        .filter_map(|name| {
            let kind = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
            Some((kind, name[kind.len()..].parse().ok()?))
        })
        .collect();
    numbered.sort_unstable();
    let in_a_row = |one: &(&str, u32), next: &(&str, u32)| one.0 == next.0 && one.1 + 1 == next.1;
    let rows = numbered.chunk_by(in_a_row).map(|row| match row {
        [(kind, first), .., (_, last)] => format!("{kind}{first}-{last}"),
        [(kind, number)] => format!("{kind}{number}"),
        [] => String::new(),
    });
    rows.collect::<Vec<_>>().join(" ")
}

fn node_names(system: &System, device: &Device) -> Vec<String> {
    let directory = device_path(device);
    let is_media = |name: &String| {
        name.strip_prefix("media")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let media = system.names(&directory).into_iter().filter(is_media);
    media
        .chain(system.names(format!("{directory}/video4linux")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_drawn_together() {
        let names = [
            "media2",
            "video10",
            "video9",
            "video8",
            "v4l-subdev3",
            "v4l-subdev5",
        ]
        .map(String::from);
        assert_eq!(ranges(&names), "media2 v4l-subdev3 v4l-subdev5 video8-10");
    }
}
