//! What holds with `bayonetd` in charge: the suites of the driver.

mod bridge;
mod coexistence;
mod cycles;
mod doctor;
mod lens;
mod mount;
mod nak;
mod negatives;
mod parameters;
mod recordings;
mod recovery;

pub(super) use bridge::SUITE as BRIDGE;
pub(super) use coexistence::SUITE as COEXISTENCE;
pub(super) use cycles::SUITE as CYCLES;
pub(super) use doctor::SUITE as DOCTOR;
pub(super) use lens::SUITE as LENS;
pub(super) use mount::SUITE as MOUNT;
pub(super) use nak::SUITE as NAK;
pub(super) use negatives::SUITE as NEGATIVES;
pub(super) use parameters::SUITE as PARAMETERS;
pub(super) use recordings::SUITE as RECORDINGS;
pub(super) use recovery::SUITE as RECOVERY;

use crate::daemon::{Daemon, Stream};
use crate::orders::Board;
use crate::suites::Bench;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// Frames that prove that a camera streams.
const SOME_FRAMES: usize = 5;

/// How often the board is asked for its counts, and how far apart: more often than frames come.
const ASKED: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(5);

/// The main camera, which streams while the mount is tormented and must not notice.
struct Witness {
    frames: Stream,
    lost: u64,
}

impl Witness {
    fn begin(daemon: &Daemon, board: &mut Board) -> Result<Self> {
        let frames = daemon.frames("main")?;
        some_frames(&frames)?;
        let lost = lost(board)?;
        Ok(Self { frames, lost })
    }

    /// Frames go on, and none was lost since the beginning: neither by libcamera's numbers nor on the way from the
    /// sensor to memory, which those do not tell. Frames so far.
    fn undisturbed(&self, daemon: &Daemon, board: &mut Board) -> Result<u64> {
        self.frames.drain();
        some_frames(&self.frames)?;
        let main = daemon.camera("main")?;
        ensure!(
            main["dropped"] == 0 && main["restarts"] == 0,
            "the main camera was disturbed: {main}"
        );
        let lost = lost(board)? - self.lost;
        ensure!(
            lost == 0,
            "{lost} frames of the main sensor did not reach memory"
        );
        Ok(main["frames"].as_u64().unwrap_or_default())
    }
}

/// `bayonetd`, with a module that is there and the main camera streaming.
fn begin(bench: &mut Bench) -> Result<(Daemon, Witness)> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let witness = Witness::begin(&daemon, &mut bench.board)?;
    Ok((daemon, witness))
}

/// Frames that the main sensor sent and that did not reach memory. One may be on its way at the moment of asking.
fn lost(board: &mut Board) -> Result<u64> {
    let mut least = u64::MAX;
    for _ in 0..ASKED {
        let status = board.status()?;
        let count = |key: &str| status["main"][key].as_u64().context("no such count");
        least = least.min(count("sent")?.saturating_sub(count("captured")?));
        std::thread::sleep(BETWEEN);
    }
    Ok(least)
}

/// Waits for some frames of a camera.
fn some_frames(frames: &Stream) -> Result<()> {
    (0..SOME_FRAMES).try_for_each(|_| frames.next().map(drop))
}
