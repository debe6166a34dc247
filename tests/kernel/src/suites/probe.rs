//! The drivers have found the board: bound devices, media graph, modules, GPIO lines, the shutter key.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::gpio;
use crate::kernel::{Driver, RECEIVER, SENSOR};
use crate::orders::Port;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::io::Read;
use std::sync::mpsc::channel;
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "probe",
    about: "drivers are bound, the media graph is whole, wires and keys work",
    tests: &[
        Test {
            name: "every driver is bound",
            run: drivers,
        },
        Test {
            name: "each sensor is linked to its receiver",
            run: links,
        },
        Test {
            name: "only the sensor drivers are from outside the kernel",
            run: modules,
        },
        Test {
            name: "the mount's lines read as wired",
            run: lines,
        },
        Test {
            name: "a lens shows its code",
            run: lens,
        },
        Test {
            name: "unplugging and plugging give edges",
            run: edges,
        },
        Test {
            name: "the shutter key is KEY_CAMERA",
            run: key,
        },
    ],
    complaints: Complaints::ForbiddenSinceBoot,
};

const fn platform(name: &'static str) -> Driver {
    Driver {
        bus: "platform",
        name,
    }
}

/// Drivers and how many devices each must have.
const DRIVERS: [(Driver, usize); 7] = [
    (
        Driver {
            bus: "pci",
            name: "rp1_pci",
        },
        1,
    ),
    (platform("rp1-clk"), 1),
    (platform("pinctrl-rp1"), 1),
    (platform("i2c_designware"), 2),
    (RECEIVER, 2),
    (platform("pispbe"), 2),
    (SENSOR, 2),
];

fn drivers(bench: &mut Bench) -> Result<Verdict> {
    all_bound(bench, &DRIVERS)
}

/// Each of these drivers has so many devices.
pub(super) fn all_bound(bench: &mut Bench, drivers: &[(Driver, usize)]) -> Result<Verdict> {
    let mut missing = Vec::new();
    for &(driver, count) in drivers {
        let devices = driver.devices().unwrap_or_default();
        bench.note(&format!("{}: {}", driver.name, devices.join(" ")));
        if devices.len() != count {
            missing.push(format!(
                "{} has {} of {count} devices",
                driver.name,
                devices.len()
            ));
        }
    }
    ensure!(missing.is_empty(), "{}", missing.join(", "));
    Ok(Verdict::Pass)
}

fn links(_: &mut Bench) -> Result<Verdict> {
    for port in [Port::Main, Port::Mount] {
        let topology = port.topology()?;
        let link = format!(
            "<- \"{} {}\":0 [ENABLED,IMMUTABLE]",
            SENSOR.name,
            port.sensor()?
        );
        let receiver = topology
            .split("- entity ")
            .find(|entity| entity.contains(": csi2 ("))
            .with_context(|| format!("{port:?}: no csi2 entity"))?;
        ensure!(
            receiver.contains(&link),
            "{port:?}: the csi2 entity lacks {link}"
        );
    }
    Ok(Verdict::Pass)
}

/// Flags of a module from outside the kernel's own build: `O`, and `E` for unsigned (`kernel/module/main.c`).
const FOREIGN: [char; 2] = ['O', 'E'];
/// The kernel ships no drivers for these sensors.
const SENSOR_MODULES: [&str; 3] = ["imx219", "imx283", "imx296"];

fn modules(_: &mut Bench) -> Result<Verdict> {
    own_modules(&["rp1_pci", "clk_rp1", "pinctrl_rp1", "rp1_cfe", "pisp_be"])
}

/// These modules are loaded, and of all that are only the sensors' drivers are not the kernel's own.
pub(super) fn own_modules(needed: &[&str]) -> Result<Verdict> {
    let list = fs::read_to_string("/proc/modules").context("reading /proc/modules")?;
    let mut foreign = Vec::new();
    for line in list.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let flags = words.last().unwrap_or_default();
        if flags.starts_with('(') && flags.contains(FOREIGN) {
            ensure!(
                SENSOR_MODULES.contains(&name),
                "{name} is not the kernel's own: {flags}"
            );
            foreign.push(name);
        }
    }
    for name in needed {
        ensure!(
            list.lines()
                .any(|line| line.starts_with(&format!("{name} "))),
            "{name} is not loaded"
        );
    }
    remark(format!("from outside: {}", foreign.join(" ")))
}

/// The lines of the lens code, most significant first, then those of the frame selector.
const LENS_LINES: [&str; 8] = [
    "LENS_CODE5",
    "LENS_CODE4",
    "LENS_CODE3",
    "LENS_CODE2",
    "LENS_CODE1",
    "LENS_CODE0",
    "FRAME_SELECT1",
    "FRAME_SELECT0",
];

fn lines(_: &mut Bench) -> Result<Verdict> {
    ensure!(
        gpio::mount_present()?,
        "MOUNT_PRESENT is high though a sensor is on the mount"
    );
    gpio::levels(&LENS_LINES)?;
    Ok(Verdict::Pass)
}

fn lens(bench: &mut Bench) -> Result<Verdict> {
    for (code, frame) in [(0b10_1101, 0b10), (0b01_0010, 0b01), (0, 0)] {
        bench.board.lens(code, frame)?;
        let levels = gpio::levels(&LENS_LINES)?;
        let number = levels
            .iter()
            .fold(0u8, |number, level| number << 1 | u8::from(*level));
        let expected = code << 2 | frame;
        ensure!(
            number == expected,
            "code {code:06b}, frame {frame:02b} reads {number:08b}"
        );
    }
    // The usual 50 mm lens again.
    bench.board.lens(0b10_0000, 0b11)?;
    Ok(Verdict::Pass)
}

const EDGE_LIMIT: Duration = Duration::from_secs(20);

fn edges(bench: &mut Bench) -> Result<Verdict> {
    let mut watch = gpio::watch("MOUNT_PRESENT", 2)?;
    bench.board.unplug(Port::Mount)?;
    // An edge that is not taken before the next one is lost: the chip remembers that there was one, not how many.
    watch
        .wait_for(EDGE_LIMIT, |text| text.contains("rising"))
        .context("after the unplug")?;
    bench.board.plug(Port::Mount)?;
    let edges = gpio::edges(watch)?;
    ensure!(edges == ["rising", "falling"], "edges {edges:?}");
    ensure!(gpio::mount_present()?, "MOUNT_PRESENT stays high");
    Ok(Verdict::Pass)
}

/// `struct input_event` on 64-bit machines: time (16 bytes), type, code (2 each), value (4). Linux `input.h`.
const EVENT_BYTES: usize = 24;
const EV_KEY: u16 = 1;
const KEY_CAMERA: u16 = 212;
const KEY_LIMIT: Duration = Duration::from_secs(20);

fn key(bench: &mut Bench) -> Result<Verdict> {
    let mut device = File::open(key_device()?).context("opening the key's device")?;
    let (sender, events) = channel();
    // A read cannot be given up: the thread ends with the process, or with the next key.
    std::thread::spawn(move || {
        let mut event = [0; EVENT_BYTES];
        while device.read_exact(&mut event).is_ok() {
            let word = |at: usize| u16::from_le_bytes([event[at], event[at + 1]]);
            if word(16) == EV_KEY && sender.send((word(18), word(20))).is_err() {
                return;
            }
        }
    });
    for (pressed, value) in [(true, 1), (false, 0)] {
        bench.board.key(pressed)?;
        let Ok((code, seen)) = events.recv_timeout(KEY_LIMIT) else {
            bail!(
                "no event when the key was {}",
                if pressed { "pressed" } else { "released" }
            );
        };
        ensure!(
            code == KEY_CAMERA && seen == value,
            "key {code} with value {seen}"
        );
    }
    Ok(Verdict::Pass)
}

fn key_device() -> Result<String> {
    let devices = fs::read_to_string("/proc/bus/input/devices").context("listing input devices")?;
    let keys = devices
        .split("\n\n")
        .find(|device| device.contains("Name=\"keys-bayonet\""))
        .context("no input device is called keys-bayonet")?;
    let handler = keys.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches("Handlers=");
        word.starts_with("event")
            .then(|| format!("/dev/input/{word}"))
    });
    handler.context("the keys have no event device")
}
