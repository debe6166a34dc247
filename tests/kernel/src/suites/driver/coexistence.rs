//! Ordinary libcamera applications work as if `bayonetd` were not there, and what is missing is told.

use super::{begin, some_frames};
use crate::cam::{self, CAPTURE_LIMIT, SMALL, Shot, finish};
use crate::daemon::{self, Daemon};
use crate::orders::Port;
use crate::process::output;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use bayonet_kernel::chain;
use bayonet_kernel::gpio::Lines;
use bayonet_kernel::mount_lines::LENS_CODE;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

pub(crate) const SUITE: Suite = Suite {
    name: "coexistence",
    about: "bayonetd beside ordinary libcamera applications, and on boards that lack something",
    tests: &[
        Test {
            name: "cam -l and 30 frames of each camera, before and after 20 plugs",
            run: beside,
        },
        Test {
            name: "cam streams one camera while bayonetd streams the other",
            run: shared,
        },
        Test {
            name: "a chain that another process holds is not unbound; the state names the process",
            run: held,
        },
        Test {
            name: "the shutter key takes a pair",
            run: shutter,
        },
        Test {
            name: "an unknown control and a value out of range are refused, and frames go on",
            run: wrong_controls,
        },
        Test {
            name: "a GPIO line that the device tree lacks costs the mount, not the main camera",
            run: missing_line,
        },
        Test {
            name: "a GPIO line that is in use costs the mount, and its user is named",
            run: busy_line,
        },
        Test {
            name: "a device tree without the module is told",
            run: no_module,
        },
        Test {
            name: "a wrong lens profile costs only itself",
            run: wrong_profile,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;
const PLUGS: usize = 20;
const FRAMES: usize = 30;

fn as_if_alone() -> Result<()> {
    let list = output("cam", &["-l"], CAPTURE_LIMIT)?;
    for port in [Port::Main, MOUNT] {
        let id = port.camera_id();
        ensure!(list.contains(&id), "cam -l does not list {id}: {list}");
        Shot::new(port, FRAMES, SMALL).frames()?;
    }
    Ok(())
}

fn beside(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    as_if_alone()?;
    for _ in 0..PLUGS {
        bench.board.unplug(MOUNT)?;
        daemon.wait_module("absent")?;
        bench.board.plug(MOUNT)?;
        daemon.wait_module("present")?;
    }
    as_if_alone()?;
    Ok(Verdict::Pass)
}

fn shared(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    Shot::new(MOUNT, FRAMES, SMALL).frames()?;
    witness.undisturbed(&daemon, &mut bench.board)?;
    drop(witness);
    daemon.wait_camera("main", |camera| camera["state"] == "available")?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    Shot::new(Port::Main, FRAMES, SMALL).frames()?;
    some_frames(&frames)?;
    Ok(Verdict::Pass)
}

fn held(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    // It opens the subdevices of every camera.
    let mut running = Shot::new(Port::Main, 100_000, SMALL).start()?;
    running.wait_for(CAPTURE_LIMIT, |text| cam::count(text) >= 5)?;
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    bench.board.plug(MOUNT)?;
    let module = daemon.wait_module("stuck")?;
    let reason = module["reason"].as_str().unwrap_or_default().to_owned();
    ensure!(reason.contains("cam"), "the reason names nobody: {reason}");
    running.signal("INT")?;
    let capture = finish(running)?;
    ensure!(!capture.frames.is_empty(), "cam captured nothing");
    daemon.wait_module("present")?;
    frames.drain();
    some_frames(&frames)?;
    remark(reason)
}

fn shutter(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let events = daemon.events()?;
    bench.board.key(true)?;
    events.wait(|event| event["event"] == "shutter")?;
    let (_, capture) =
        events.wait(|event| event["event"] == "capture" || event["event"] == "capture-failed")?;
    bench.board.key(false)?;
    let pictures = capture["pictures"]
        .as_array()
        .context(capture.to_string())?;
    let cameras: Vec<&Value> = pictures.iter().map(|picture| &picture["camera"]).collect();
    ensure!(cameras == [&json!("main"), &json!("mount")], "{capture}");
    let time = |picture: &Value| {
        picture["frame"]["timestamp_ns"]
            .as_f64()
            .unwrap_or_default()
    };
    let apart = (time(&pictures[0]) - time(&pictures[1])).abs() / 1e6;
    for picture in pictures {
        let file = picture["file"].as_str().context("a file")?;
        daemon.ask("DELETE", &format!("/v1/captures/{file}"), None)?;
    }
    remark(format!("exposures began {apart:.1} ms apart"))
}

fn wrong_controls(bench: &mut Bench) -> Result<Verdict> {
    const CONTROLS: &str = "/v1/cameras/main/controls";
    let (daemon, witness) = begin(bench)?;
    let known = daemon.get("/v1/cameras/main/capabilities")?;
    let exposure = &known["controls"]["ExposureTime"];
    let limit = |key: &str| exposure[key].as_i64().context(exposure.to_string());
    let (least, most) = (limit("minimum")?, limit("maximum")?);
    let held = daemon.get(CONTROLS)?;
    let limits = format!("{least} to {most}");
    for (changes, words) in [
        (json!({ "Exposure": 5000 }), ["Exposure", "ExposureTime"]),
        (
            json!({ "ExposureTime": most + 1 }),
            ["ExposureTime", limits.as_str()],
        ),
        (
            json!({ "ExposureTime": least - 1 }),
            ["ExposureTime", limits.as_str()],
        ),
        // What is right beside it is not set either.
        (
            json!({ "Contrast": 1.5, "NoControl": 1 }),
            ["NoControl", "Contrast"],
        ),
    ] {
        let (status, answer) = daemon::request("PATCH", CONTROLS, Some(changes.clone()))?;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        bench.note(&format!("{changes}: {status} {message}"));
        ensure!((400..500).contains(&status), "{changes}: {status} {answer}");
        for word in words {
            ensure!(message.contains(word), "{changes}: no {word} in {answer}");
        }
    }
    ensure!(daemon.get(CONTROLS)? == held, "something was set");
    let frames = witness.undisturbed(&daemon, &mut bench.board)?;
    remark(format!("{frames} frames without a gap"))
}

/// A mount that cannot be used: the reason names this, and the main camera streams.
fn no_mount(words: &[&str]) -> Result<String> {
    let daemon = Daemon::start()?;
    let status = daemon.get("/v1/status")?;
    ensure!(status["module"]["state"] == "not-configured", "{status}");
    let reason = status["module"]["reason"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for word in words {
        ensure!(reason.contains(word), "no {word} in the reason: {reason}");
    }
    some_frames(&daemon.frames("main")?)?;
    Ok(reason)
}

fn missing_line(_bench: &mut Bench) -> Result<Verdict> {
    remark(without_property(LENS_CODE, || {
        no_mount(&[LENS_CODE, "overlay"])
    })?)
}

fn busy_line(_bench: &mut Bench) -> Result<Verdict> {
    let lines = chain::discover()?.mount_lines?;
    let held = Lines::request(&[&lines.present], "another program")?;
    let reason = no_mount(&["present-gpios[0]", "another program"])?;
    drop(held);
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    remark(reason)
}

fn no_module(_bench: &mut Bench) -> Result<Verdict> {
    let reason = without_module(|| {
        let daemon = Daemon::start()?;
        let status = daemon.get("/v1/status")?;
        ensure!(status["module"]["state"] == "not-configured", "{status}");
        ensure!(status["cameras"] == json!([]), "{status}");
        Ok(status["module"]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    })?;
    ensure!(reason.contains("device tree"), "{reason}");
    remark(reason)
}

/// Does something while the device tree has no module.
pub(super) fn without_module<T>(deed: impl FnOnce() -> Result<T>) -> Result<T> {
    const EMPTY: &str = "/run/empty";
    fs::create_dir_all(EMPTY)?;
    with_node(EMPTY, deed)
}

/// Does something while the module's node lacks a property.
pub(super) fn without_property<T>(property: &str, deed: impl FnOnce() -> Result<T>) -> Result<T> {
    const COPY: &str = "/run/module";
    fs::create_dir(COPY).context(COPY)?;
    for entry in fs::read_dir(module_node()?)?.flatten() {
        if entry.file_name() != property {
            fs::write(
                Path::new(COPY).join(entry.file_name()),
                fs::read(entry.path())?,
            )?;
        }
    }
    let result = with_node(COPY, deed);
    fs::remove_dir_all(COPY).context(COPY)?;
    result
}

/// Does something while this directory is shown as the module's node.
fn with_node<T>(directory: &str, deed: impl FnOnce() -> Result<T>) -> Result<T> {
    let node = module_node()?;
    output(
        "busybox",
        &["mount", "--bind", directory, &node],
        CAPTURE_LIMIT,
    )?;
    let result = deed();
    output("busybox", &["umount", &node], CAPTURE_LIMIT)?;
    result
}

/// The module's node in the running device tree.
fn module_node() -> Result<String> {
    const TREE: &str = "/sys/firmware/devicetree/base";
    for entry in fs::read_dir(TREE).context(TREE)?.flatten() {
        let compatible = fs::read(entry.path().join("compatible")).unwrap_or_default();
        if compatible.starts_with(b"bayonet,module") {
            return Ok(entry.path().to_string_lossy().into_owned());
        }
    }
    anyhow::bail!("{TREE} has no bayonet,module");
}

fn wrong_profile(_bench: &mut Bench) -> Result<Verdict> {
    fs::create_dir_all("/run/lenses")?;
    fs::write(
        "/run/lenses/bad.toml",
        "name = \"bad\"\nvignetting = [-9.0, 0.0, 0.0]\n",
    )?;
    let daemon = Daemon::start_with("[lenses]\ndirectories = [\"/run/lenses\"]\n")?;
    let lenses = daemon.get("/v1/lenses")?;
    let bad = lenses
        .as_array()
        .into_iter()
        .flatten()
        .find(|lens| lens["name"] == "bad");
    ensure!(bad.is_none(), "it was taken");
    some_frames(&daemon.frames("mount")?)?;
    Ok(Verdict::Pass)
}
