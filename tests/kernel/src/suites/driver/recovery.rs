//! Processes die at the worst moment, and everything comes back.

use super::some_frames;
use crate::daemon::{self, Daemon, LIMIT};
use crate::orders::Port;
use crate::process;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark, thorough};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

pub(crate) const SUITE: Suite = Suite {
    name: "recovery",
    about: "kill -9 of camera processes and of bayonetd, and its orderly end",
    tests: &[
        Test {
            name: "a camera's process is killed: an event tells, and the stream resumes",
            run: camera_killed,
        },
        Test {
            name: "bayonetd is killed while streaming: the next one takes over",
            run: daemon_killed,
        },
        Test {
            name: "bayonetd is killed at many moments of a rebind: nothing stays half-way",
            run: killed_in_rebind,
        },
        Test {
            name: "SIGTERM ends everything in order",
            run: terminated,
        },
        Test {
            name: "a second bayonetd is refused and disturbs nothing",
            run: second,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;
/// What the end may take, by the project's promise.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Where device nodes are hidden while drivers are unbound.
const HIDDEN: &str = "/dev/.bayonet-closed";
/// Moments after an unplug at which `bayonetd` is killed.
const MOMENTS_MS: [u64; 8] = [0, 40, 60, 80, 110, 150, 250, 400];
/// Each of so many is tried unless a thorough run is asked for.
const STEP: usize = 2;

fn camera_killed(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    let events = daemon.events()?;
    let pid = |camera: &Value| camera["pid"].as_u64();
    let first = pid(&daemon.camera("mount")?).context("no process")?;
    daemon::signal("KILL", u32::try_from(first)?)?;
    events.wait(|event| event["name"] == "mount" && event["state"] == "restarting")?;
    events.wait(|event| event["name"] == "mount" && event["state"] == "streaming")?;
    frames.drain();
    some_frames(&frames)?;
    let camera = daemon.camera("mount")?;
    ensure!(
        pid(&camera) != Some(first) && camera["restarts"] == 1,
        "{camera}"
    );
    Ok(Verdict::Pass)
}

fn daemon_killed(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let (main, mount) = (daemon.frames("main")?, daemon.frames("mount")?);
    some_frames(&main)?;
    some_frames(&mount)?;
    let controls = json!({ "AeEnable": false, "ExposureTime": 5000 });
    let held = daemon.ask("PATCH", "/v1/cameras/mount/controls", Some(controls))?;
    daemon.kill()?;
    daemon::wait_no_camera_process()?;
    let daemon = Daemon::restart()?;
    daemon.wait_module("present")?;
    ensure!(
        daemon.get("/v1/cameras/mount/controls")? == held,
        "the controls are forgotten"
    );
    let frames = daemon.frames("mount")?;
    let (_, frame) = frames.wait(|frame| frame["metadata"]["ExposureTime"].is_number())?;
    let exposure = frame["metadata"]["ExposureTime"]
        .as_f64()
        .unwrap_or_default();
    ensure!(
        (4500.0..5500.0).contains(&exposure),
        "an exposure time of {exposure} us"
    );
    some_frames(&daemon.frames("main")?)?;
    Ok(Verdict::Pass)
}

fn killed_in_rebind(bench: &mut Bench) -> Result<Verdict> {
    let mut half_way = 0;
    let step = if thorough() { 1 } else { STEP };
    let moments: Vec<u64> = MOMENTS_MS.into_iter().step_by(step).collect();
    for moment in &moments {
        let daemon = Daemon::start()?;
        daemon.wait_module("present")?;
        let frames = daemon.frames("mount")?;
        some_frames(&frames)?;
        bench.board.unplug(MOUNT)?;
        std::thread::sleep(Duration::from_millis(*moment));
        daemon.kill()?;
        let bound = MOUNT.sensor_driver()?.devices()?.contains(&MOUNT.sensor()?);
        half_way += u32::from(!bound || Path::new(HIDDEN).exists());
        drop(frames);
        bench.board.plug(MOUNT)?;
        let daemon = Daemon::restart()?;
        daemon
            .wait_module("present")
            .and_then(|_| some_frames(&daemon.frames("mount")?))
            .with_context(|| format!("killed {moment} ms after the unplug"))?;
        ensure!(!Path::new(HIDDEN).exists(), "{HIDDEN} stays behind");
        daemon.terminate()?;
        daemon::wait_no_camera_process()?;
    }
    remark(format!(
        "{half_way} of {} moments were in the middle of it",
        moments.len()
    ))
}

fn terminated(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let (main, mount) = (daemon.frames("main")?, daemon.frames("mount")?);
    some_frames(&main)?;
    some_frames(&mount)?;
    let (status, took) = daemon.terminate()?;
    ensure!(status.success(), "{status}");
    ensure!(
        process::processes(daemon::CAMERA_PROGRAM).is_empty(),
        "a camera's process is left"
    );
    ensure!(
        !Path::new("/run/bayonet/api.sock").exists(),
        "the socket is left"
    );
    ensure!(took < END_LIMIT, "it took {} ms", took.as_millis());
    // And nothing is left that the next one would stumble over.
    let daemon = Daemon::start()?;
    some_frames(&daemon.frames("mount")?)?;
    remark(format!("with two streams in {} ms", took.as_millis()))
}

fn second(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let frames = daemon.frames("main")?;
    some_frames(&frames)?;
    // As the first one has it while it writes a picture.
    let half_written = Path::new("/var/lib/bayonet/captures/20261122T203453.120Z-main.jpg.part");
    std::fs::write(half_written, "half")?;
    let other = crate::process::run(daemon::PROGRAM, &["--config", daemon::CONFIGURATION], LIMIT)?;
    ensure!(!other.success(), "it was not refused");
    let words = other.last_words();
    let pid = daemon.pid().to_string();
    ensure!(
        words.contains(&pid),
        "it does not name process {pid}: {words}"
    );
    ensure!(half_written.exists(), "it tidied the first one's pictures");
    frames.drain();
    some_frames(&frames)?;
    // That is for the successor.
    drop(daemon);
    let _next = Daemon::start()?;
    ensure!(
        !half_written.exists(),
        "a half-written picture stays behind"
    );
    remark(words)
}
