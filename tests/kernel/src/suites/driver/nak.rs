//! Every single I2C transfer fails once: of the trial after a plug, of a driver's probe, of a stream's start.
//!
//! How many transfers there are is not known beforehand: one transfer after the other is made to fail until the
//! board says that the fault was not reached. Unless a thorough run is asked for, only some of a stream's are.

use super::{begin, some_frames};
use crate::orders::{Board, Port};
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark, thorough};
use anyhow::{Context, Result, bail};
use serde_json::json;

pub(crate) const SUITE: Suite = Suite {
    name: "nak",
    about: "each I2C transfer of trial, probe and stream start fails once, with bayonetd in charge",
    tests: &[
        Test {
            name: "of the trial after a plug",
            run: trial,
        },
        Test {
            name: "of the drivers' probe",
            run: probe,
        },
        Test {
            name: "of a stream's start",
            run: start,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;
/// More transfers than any driver makes.
const MANY: u32 = 500;
/// Between two transfers of a stream's start in a short run.
const STRIDE: u32 = 25;

/// Makes the nth transfer from now fail.
fn arm(board: &mut Board, nth: u32) -> Result<()> {
    board.fault(MOUNT, json!({ "kind": "nak-transfer", "nth": nth }))
}

/// Whether the fault has struck; it is ended in any case.
fn struck(board: &mut Board) -> Result<bool> {
    let status = board.status()?;
    let pending = status["mount"]["nak_pending"].as_bool();
    let pending = pending.with_context(|| format!("no nak_pending in {status}"))?;
    board.clear(MOUNT)?;
    Ok(!pending)
}

/// Lets each transfer of `deed` fail, `stride` apart; how many were tried.
fn each(
    bench: &mut Bench,
    stride: u32,
    mut deed: impl FnMut(&mut Board, u32) -> Result<()>,
) -> Result<u32> {
    for (tried, nth) in (0..).zip((1..MANY).step_by(stride as usize)) {
        deed(&mut bench.board, nth).with_context(|| format!("transfer {nth}"))?;
        if !struck(&mut bench.board)? {
            return Ok(tried);
        }
    }
    bail!("more than {MANY} transfers");
}

fn trial(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let tried = each(bench, 1, |board, nth| {
        board.unplug(MOUNT)?;
        daemon.wait_module("absent")?;
        arm(board, nth)?;
        board.plug(MOUNT)?;
        // Another attempt follows by itself.
        daemon.wait_module("present").map(drop)
    })?;
    some_frames(&daemon.frames("mount")?)?;
    witness.undisturbed(&daemon, &mut bench.board)?;
    remark(format!("{tried} transfers"))
}

fn probe(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let tried = each(bench, 1, |board, nth| {
        // Unplugged while streaming, the chain is unbound; the next plug binds it.
        let frames = daemon.frames("mount")?;
        some_frames(&frames)?;
        board.unplug(MOUNT)?;
        daemon.wait_module("absent")?;
        drop(frames);
        daemon.wait_camera("mount", |camera| camera["pid"].is_null())?;
        wait_unbound()?;
        arm(board, nth)?;
        board.plug(MOUNT)?;
        daemon.wait_module("present").map(drop)
    })?;
    some_frames(&daemon.frames("mount")?)?;
    witness.undisturbed(&daemon, &mut bench.board)?;
    remark(format!("{tried} transfers"))
}

/// Waits until the mount's sensor has no driver.
fn wait_unbound() -> Result<()> {
    let sensor = MOUNT.sensor()?;
    let start = std::time::Instant::now();
    let driver = MOUNT.sensor_driver()?;
    while driver.devices()?.contains(&sensor) {
        anyhow::ensure!(
            start.elapsed() < crate::daemon::LIMIT,
            "{sensor} stays bound"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}

fn start(bench: &mut Bench) -> Result<Verdict> {
    let (daemon, witness) = begin(bench)?;
    let stride = if thorough() { 1 } else { STRIDE };
    let tried = each(bench, stride, |board, nth| {
        arm(board, nth)?;
        // The process that failed is followed by one that does not.
        some_frames(&daemon.frames("mount")?)?;
        daemon
            .wait_camera("mount", |camera| camera["pid"].is_null())
            .map(drop)
    })?;
    witness.undisturbed(&daemon, &mut bench.board)?;
    remark(format!("{tried} transfers, every {stride}."))
}
