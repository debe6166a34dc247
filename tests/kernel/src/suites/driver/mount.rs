//! The module is plugged and unplugged at every moment that could be a wrong one, while the main camera streams.

use super::{Witness, begin, some_frames};
use crate::daemon::Daemon;
use crate::orders::Port;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Result, ensure};
use serde_json::json;

pub(crate) const SUITE: Suite = Suite {
    name: "mount",
    about: "plug and unplug with bayonetd in charge, at every wrong moment",
    tests: &[
        Test {
            name: "idle: the absence is told, and the next plug works",
            run: idle,
        },
        Test {
            name: "streaming: the stream goes on after the next plug",
            run: streaming,
        },
        Test {
            name: "during the probe",
            run: during_probe,
        },
        Test {
            name: "during the start of the stream",
            run: during_start,
        },
        Test {
            name: "during the end of the stream",
            run: during_stop,
        },
        Test {
            name: "twice within the debounce time: nothing is told",
            run: bounce,
        },
        Test {
            name: "streaming through a bounce: frames come again",
            run: streaming_bounce,
        },
        Test {
            name: "power lost in mid-frame: frames come again",
            run: power_loss,
        },
        Test {
            name: "a sensor of another type is told, and the right one works afterwards",
            run: other_sensor,
        },
        Test {
            name: "a module that comes and goes too often has to stay first",
            run: flapping,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;

/// After everything: the main camera has noticed nothing, and the mount camera streams.
fn end(bench: &mut Bench, daemon: &Daemon, witness: &Witness) -> Result<Verdict> {
    daemon.wait_module("present")?;
    some_frames(&daemon.frames("mount")?)?;
    let frames = witness.undisturbed(daemon, &mut bench.board)?;
    remark(format!("the main camera's {frames} frames without a gap"))
}

fn idle(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    daemon.wait_camera("mount", |camera| camera["state"] == "absent")?;
    bench.board.plug(MOUNT)?;
    end(bench, &daemon, &witness)
}

fn streaming(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    for _ in 0..3 {
        bench.board.unplug(MOUNT)?;
        daemon.wait_camera("mount", |camera| camera["state"] == "absent")?;
        frames.drain();
        bench.board.plug(MOUNT)?;
        // The same client, which never asked again.
        some_frames(&frames)?;
        witness.undisturbed(&daemon, &mut bench.board)?;
    }
    drop(frames);
    end(bench, &daemon, &witness)
}

fn during_probe(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    let events = daemon.events()?;
    bench.board.plug(MOUNT)?;
    events.wait(|event| event["event"] == "module" && event["state"] == "detecting")?;
    bench.board.unplug(MOUNT)?;
    events.wait(|event| event["event"] == "module" && event["state"] == "absent")?;
    bench.board.plug(MOUNT)?;
    end(bench, &daemon, &witness)
}

fn during_start(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let events = daemon.events()?;
    let frames = daemon.frames("mount")?;
    // libcamera has configured the stream: the sensor is being started.
    events.wait(|event| event["name"] == "mount" && event["stream"].is_object())?;
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    bench.board.plug(MOUNT)?;
    frames.drain();
    some_frames(&frames)?;
    drop(frames);
    end(bench, &daemon, &witness)
}

fn during_stop(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    let events = daemon.events()?;
    drop(frames);
    events.wait(|event| event["name"] == "mount" && event["state"] == "stopping")?;
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    bench.board.plug(MOUNT)?;
    end(bench, &daemon, &witness)
}

fn bounce(bench: &mut Bench) -> Result<Verdict> {
    // Longer than a slow machine takes for two orders.
    let daemon = Daemon::start_with(
        "[mount]\npresence_debounce_ms = 5000\n[captures]\nminimum_free_mib = 1\n",
    )?;
    daemon.wait_module("present")?;
    let witness = Witness::begin(&daemon, &mut bench.board)?;
    let events = daemon.events()?;
    for _ in 0..3 {
        bench.board.unplug(MOUNT)?;
        bench.board.plug(MOUNT)?;
    }
    end(bench, &daemon, &witness)?;
    let told = events.drain();
    let absent =
        |event: &&serde_json::Value| event["event"] == "module" && event["state"] == "absent";
    ensure!(
        told.iter().find(absent).is_none(),
        "an absence was told: {told:?}"
    );
    Ok(Verdict::Pass)
}

fn streaming_bounce(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    bench.board.unplug(MOUNT)?;
    bench.board.plug(MOUNT)?;
    // Whether the bounce was seen or not, the registers are lost.
    daemon.wait_camera("mount", |camera| camera["state"] != "streaming")?;
    frames.drain();
    some_frames(&frames)?;
    drop(frames);
    end(bench, &daemon, &witness)
}

fn power_loss(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    bench.board.fault(MOUNT, json!({ "kind": "power-loss" }))?;
    daemon.wait_camera("mount", |camera| camera["state"] != "streaming")?;
    frames.drain();
    some_frames(&frames)?;
    drop(frames);
    end(bench, &daemon, &witness)
}

fn other_sensor(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    bench.board.plug_sensor(MOUNT, "imx219")?;
    let module = daemon.wait_module("wrong-sensor")?;
    let reason = module["reason"].as_str().unwrap_or_default().to_owned();
    ensure!(
        reason.contains("imx219"),
        "the reason does not name it: {reason}"
    );
    bench.board.unplug(MOUNT)?;
    daemon.wait_module("absent")?;
    bench.board.plug_sensor(MOUNT, "imx283")?;
    bench.note(&reason);
    end(bench, &daemon, &witness)
}

fn flapping(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with("[mount]\nflap_limit = 2\n[captures]\nminimum_free_mib = 1\n")?;
    daemon.wait_module("present")?;
    let witness = Witness::begin(&daemon, &mut bench.board)?;
    let events = daemon.events()?;
    for _ in 0..4 {
        bench.board.unplug(MOUNT)?;
        events.wait(|event| event["event"] == "module" && event["state"] == "absent")?;
        bench.board.plug(MOUNT)?;
        events.wait(|event| event["event"] == "module" && event["state"] != "absent")?;
    }
    end(bench, &daemon, &witness)
}
