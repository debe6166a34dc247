//! Disturbances at the wires: errors are told, nothing hangs, and the next capture works.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{self, CAPTURE_LIMIT, Shot, finish, gaps, small};
use crate::kernel::is_imx8mm;
use crate::orders::Port;
use crate::process::Running;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "faults",
    about: "I2C and CSI-2 faults end in errors, not in hangs",
    tests: &[
        Test {
            name: "a transfer that is not acknowledged at start is an error",
            run: nak_at_start,
        },
        Test {
            name: "a register that is not acknowledged is an error until cleared",
            run: nak_register,
        },
        Test {
            name: "dropped frames are survived",
            run: dropped,
        },
        Test {
            name: "a short frame is survived",
            run: short,
        },
        Test {
            name: "a CSI-2 error is survived",
            run: csi_error,
        },
        Test {
            name: "a stall is survived",
            run: stall,
        },
        Test {
            name: "after a power loss in mid-stream the next capture works",
            run: power_loss,
        },
    ],
    complaints: Complaints::Forbidden,
};

const PORT: Port = Port::Main;
/// Transfers from the start of a stream; the driver makes some dozens.
const TRANSFERS: [u32; 3] = [1, 5, 20];
/// A register that the driver writes when it starts to stream: standby control, or the mode select of an imx219
/// (Linux `imx283.c`, `imx219.c`).
const STANDBY: u16 = 0x3000;
const MODE_SELECT: u16 = 0x0100;
/// Frames before a disturbance, and in all.
const BEFORE: usize = 5;
const FRAMES: usize = 30;
/// Frames that a stall takes: libcamera gives a camera up after a second or so without one.
const STALLED: u64 = 10;
const STALL_POLL: Duration = Duration::from_millis(10);
const STALL_POLLS: usize = 3000;
/// Time in which a program that gets no frames must not have ended before it is asked to.
const PATIENCE: Duration = Duration::from_secs(8);

fn works(bench: &mut Bench) -> Result<()> {
    bench.board.clear(PORT)?;
    let capture = Shot::new(PORT, 3, small()).frames();
    capture.map(drop).context("the next capture")
}

fn nak_at_start(bench: &mut Bench) -> Result<Verdict> {
    let mut refused = 0;
    for nth in TRANSFERS {
        bench
            .board
            .fault(PORT, json!({ "kind": "nak-transfer", "nth": nth }))?;
        let capture = Shot::new(PORT, 3, small()).attempt()?;
        capture
            .ensure_no_hang()
            .with_context(|| format!("transfer {nth}"))?;
        bench.note(&format!(
            "transfer {nth}: {} frames, {}",
            capture.frames.len(),
            capture.ended.last_words()
        ));
        refused += usize::from(capture.frames.is_empty());
        works(bench).with_context(|| format!("transfer {nth}"))?;
    }
    // Without an image processor the next buffer starts the sensor again.
    ensure!(refused > 0 || is_imx8mm(), "no capture noticed");
    remark(format!("{refused} of {} captures refused", TRANSFERS.len()))
}

fn nak_register(bench: &mut Bench) -> Result<Verdict> {
    let register = match PORT.sensor_driver()?.name {
        "imx219" => MODE_SELECT,
        _ => STANDBY,
    };
    bench.board.fault(
        PORT,
        json!({ "kind": "nak-register", "register": register }),
    )?;
    for _ in 0..2 {
        Shot::new(PORT, 3, small()).refused()?;
    }
    works(bench)?;
    Ok(Verdict::Pass)
}

/// Starts a capture and disturbs it when it is under way.
fn disturbed(bench: &mut Bench, fault: Value) -> Result<Running> {
    let mut running = Shot::new(PORT, FRAMES, small()).start()?;
    running.wait_for(CAPTURE_LIMIT, |text| cam::count(text) >= BEFORE)?;
    bench.board.fault(PORT, fault)?;
    Ok(running)
}

/// A disturbance after which all frames must still come.
fn survived(bench: &mut Bench, fault: Value) -> Result<Verdict> {
    let running = disturbed(bench, fault)?;
    let frames = finish(running)?.complete(FRAMES)?;
    works(bench)?;
    remark(format!(
        "all {FRAMES} frames, {} numbers missing",
        gaps(&frames)
    ))
}

fn dropped(bench: &mut Bench) -> Result<Verdict> {
    survived(bench, json!({ "kind": "drop-frames", "count": 3 }))
}

fn short(bench: &mut Bench) -> Result<Verdict> {
    survived(bench, json!({ "kind": "short-frame", "lines": 100 }))
}

fn csi_error(bench: &mut Bench) -> Result<Verdict> {
    survived(bench, json!({ "kind": "csi-error" }))
}

fn stall(bench: &mut Bench) -> Result<Verdict> {
    let running = disturbed(bench, json!({ "kind": "stall" }))?;
    let (sent, captured) = counts(bench)?;
    let mut lost = 0;
    for _ in 0..STALL_POLLS {
        lost = counts(bench)?.0 - sent;
        if lost >= STALLED {
            break;
        }
        std::thread::sleep(STALL_POLL);
    }
    let through = counts(bench)?.1 - captured;
    bench.board.clear(PORT)?;
    ensure!(
        lost >= STALLED,
        "the sensor sent only {lost} frames in a stall"
    );
    // One may have been under way.
    ensure!(through <= 1, "{through} frames came through a stall");
    finish(running)?.complete(FRAMES)?;
    works(bench)?;
    remark(format!("{lost} frames lost"))
}

/// Frames that the sensor has sent, and those that reached memory.
fn counts(bench: &mut Bench) -> Result<(u64, u64)> {
    let status = bench.board.status()?;
    let count = |name: &str| {
        status["main"][name]
            .as_u64()
            .with_context(|| format!("the status lacks main.{name}"))
    };
    Ok((count("sent")?, count("captured")?))
}

fn power_loss(bench: &mut Bench) -> Result<Verdict> {
    let running = disturbed(bench, json!({ "kind": "power-loss" }))?;
    // The sensor is back in standby and sends nothing; the program waits until it is asked to end.
    let ended = running.finish(PATIENCE)?;
    let frames = cam::count(&ended.stdout);
    ensure!(
        frames < FRAMES,
        "all frames came though the sensor lost its registers"
    );
    works(bench)?;
    remark(format!("{frames} frames until the loss"))
}
