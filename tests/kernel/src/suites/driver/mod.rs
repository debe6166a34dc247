//! What holds with `bayonetd` in charge: the suites of the driver.

mod coexistence;
mod cycles;
mod lens;
mod mount;
mod nak;
mod recovery;

pub(super) use coexistence::SUITE as COEXISTENCE;
pub(super) use cycles::SUITE as CYCLES;
pub(super) use lens::SUITE as LENS;
pub(super) use mount::SUITE as MOUNT;
pub(super) use nak::SUITE as NAK;
pub(super) use recovery::SUITE as RECOVERY;

use crate::daemon::{Daemon, Stream};
use anyhow::{Result, ensure};
use std::env;

/// Frames that prove that a camera streams.
const SOME_FRAMES: usize = 5;

/// Whether the long form of a suite is wanted.
fn thorough() -> bool {
    env::var_os("KTAP_THOROUGH").is_some()
}

/// The main camera, which streams while the mount is tormented and must not notice.
struct Witness {
    frames: Stream,
}

impl Witness {
    fn begin(daemon: &Daemon) -> Result<Self> {
        let frames = daemon.frames("main")?;
        some_frames(&frames)?;
        Ok(Self { frames })
    }

    /// Frames go on, and none was lost since the beginning.
    fn undisturbed(&self, daemon: &Daemon) -> Result<u64> {
        self.frames.drain();
        some_frames(&self.frames)?;
        let main = daemon.camera("main")?;
        ensure!(
            main["dropped"] == 0 && main["restarts"] == 0,
            "the main camera was disturbed: {main}"
        );
        Ok(main["frames"].as_u64().unwrap_or_default())
    }
}

/// Waits for some frames of a camera.
fn some_frames(frames: &Stream) -> Result<()> {
    (0..SOME_FRAMES).try_for_each(|_| frames.next().map(drop))
}
