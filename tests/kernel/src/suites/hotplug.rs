//! The mount sensor goes and comes in every state in which that is safe.
//!
//! An unplug is not an unbind: drivers stay bound, and a chain is rebound only with nothing open, against the frames'
//! way out (bridge, receiver, sensor) and with it in. Any other order is a kernel bug on today's drivers.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{self, CAPTURE_LIMIT, Shot, finish, gaps, small};
use crate::gpio;
use crate::kernel::is_imx8mm;
use crate::orders::Port;
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "hotplug",
    about: "unplug and plug while idle, streaming, unbound; many cycles",
    tests: &[
        Test {
            name: "unplugged while idle: no capture, and capture again after the plug",
            run: idle,
        },
        Test {
            name: "a short interruption of the link is resumed",
            run: interruption,
        },
        Test {
            name: "an absent sensor cannot be bound",
            run: absent,
        },
        Test {
            name: "the main camera does not notice the mount's coming and going",
            run: undisturbed,
        },
        Test {
            name: "unplugged while streaming: a rebind recovers",
            run: streaming,
        },
        Test {
            name: "cycles of unplug, unbind, plug, bind",
            run: cycles,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;
const FRAMES: usize = 30;
const BEFORE: usize = 5;
/// Cycles unless `KTAP_CYCLES` says otherwise.
const CYCLES: usize = 6;
/// A capture every so many cycles.
const CAPTURE_EVERY: usize = 3;
/// Time in which a program whose camera is gone must not have ended before it is asked to.
const PATIENCE: Duration = Duration::from_secs(8);
/// Unplugs while the main camera streams.
const TIMES: usize = 5;

fn works(port: Port) -> Result<()> {
    Shot::new(port, 3, small())
        .frames()
        .map(drop)
        .with_context(|| format!("{port:?} captures"))
}

fn idle(bench: &mut Bench) -> Result<Verdict> {
    works(MOUNT)?;
    bench.board.unplug(MOUNT)?;
    ensure!(
        !gpio::mount_present()?,
        "the presence line does not tell of the unplug"
    );
    bench.note(&Shot::new(MOUNT, 3, small()).refused()?);
    bench.board.plug(MOUNT)?;
    works(MOUNT)?;
    Ok(Verdict::Pass)
}

fn interruption(bench: &mut Bench) -> Result<Verdict> {
    let mut running = Shot::new(MOUNT, FRAMES, small()).start()?;
    running.wait_for(CAPTURE_LIMIT, |text| cam::count(text) >= BEFORE)?;
    bench
        .board
        .fault(MOUNT, json!({ "kind": "drop-frames", "count": 10 }))?;
    let frames = finish(running)?.complete(FRAMES)?;
    remark(format!(
        "all {FRAMES} frames, {} numbers missing",
        gaps(&frames)
    ))
}

fn absent(bench: &mut Bench) -> Result<Verdict> {
    bench.board.unplug(MOUNT)?;
    MOUNT.unbind()?;
    let sensor = MOUNT.sensor()?;
    let driver = MOUNT.sensor_driver()?;
    let Err(error) = driver.bind(&sensor) else {
        bail!("the driver was bound to a sensor that is not there");
    };
    bench.note(&format!("{error:#}"));
    ensure!(
        !driver.devices()?.contains(&sensor),
        "the driver is bound in spite of its error"
    );
    bench.board.plug(MOUNT)?;
    MOUNT.bind()?;
    works(MOUNT)?;
    Ok(Verdict::Pass)
}

/// The drivers stay bound: every program that uses libcamera holds the subdevices of all cameras open, so nothing of
/// the mount's chain may be unbound while the main camera's program runs.
fn undisturbed(bench: &mut Bench) -> Result<Verdict> {
    let count = 60;
    let mut running = Shot::new(Port::Main, count, small()).start()?;
    for time in 1..=TIMES {
        running.wait_for(CAPTURE_LIMIT, |text| cam::count(text) >= time * BEFORE)?;
        bench.board.unplug(MOUNT)?;
        ensure!(
            !gpio::mount_present()?,
            "the presence line does not tell of the unplug"
        );
        bench.board.plug(MOUNT)?;
        ensure!(
            gpio::mount_present()?,
            "the presence line does not tell of the plug"
        );
    }
    let frames = finish(running)?.complete(count)?;
    let lost = gaps(&frames);
    // The software ISP loses some by itself on a slow host.
    ensure!(
        lost <= TIMES as u64 || is_imx8mm(),
        "{lost} of the main camera's frames are missing"
    );
    works(MOUNT)?;
    remark(format!("{count} frames, {TIMES} unplugs, {lost} lost"))
}

fn streaming(bench: &mut Bench) -> Result<Verdict> {
    let mut running = Shot::new(MOUNT, 1000, small()).start()?;
    running.wait_for(CAPTURE_LIMIT, |text| cam::count(text) >= BEFORE)?;
    bench.board.unplug(MOUNT)?;
    // The driver's write to stop the sensor fails while it is away.
    let ended = running.finish(PATIENCE)?;
    bench.note(&format!(
        "the program: {:?}, {}",
        ended.status,
        ended.last_words()
    ));
    bench.board.plug(MOUNT)?;
    let stuck = Shot::new(MOUNT, 3, small()).attempt()?;
    stuck.ensure_no_hang().context("a stuck driver")?;
    let state = if stuck.frames.is_empty() {
        bench.note(&stuck.ended.last_words());
        "stuck until rebound, as known"
    } else {
        "not stuck: today's driver recovers by itself"
    };
    MOUNT.unbind()?;
    MOUNT.bind()?;
    works(MOUNT)?;
    remark(state)
}

fn cycles(bench: &mut Bench) -> Result<Verdict> {
    let cycles = match std::env::var("KTAP_CYCLES") {
        Ok(text) => text
            .parse()
            .with_context(|| format!("KTAP_CYCLES={text}"))?,
        Err(_) => CYCLES,
    };
    for cycle in 1..=cycles {
        let turn = || format!("cycle {cycle}");
        bench.board.unplug(MOUNT).with_context(turn)?;
        ensure!(
            !gpio::mount_present()?,
            "cycle {cycle}: the presence line does not tell of the unplug"
        );
        MOUNT.unbind().with_context(turn)?;
        bench.board.plug(MOUNT).with_context(turn)?;
        ensure!(
            gpio::mount_present()?,
            "cycle {cycle}: the presence line does not tell of the plug"
        );
        MOUNT.bind().with_context(turn)?;
        if cycle % CAPTURE_EVERY == 0 {
            works(MOUNT).with_context(turn)?;
            bench.note(&format!("{cycle} cycles"));
        }
    }
    works(MOUNT)?;
    remark(format!("{cycles} cycles"))
}
