//! Both cameras at once.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{self, CAPTURE_LIMIT, Shot, finish, gaps, small};
use crate::kernel::is_imx8mm;
use crate::orders::Port;
use anyhow::{Context, Result, ensure};

pub(super) const SUITE: Suite = Suite {
    name: "concurrent",
    about: "both cameras stream at once",
    tests: &[Test {
        name: "two programs capture side by side",
        run: side_by_side,
    }],
    complaints: Complaints::Forbidden,
};

const FRAMES: usize = 40;
/// As many as outlast the other program's start and its frames.
const LONG: usize = 200;
/// Frames that an overloaded machine may lose in that time; numbers are of the receiver. The software ISP is slower than
/// sensors: there the receiver numbers frames that it has no buffer for, too.
const LOST: u64 = 4;

pub(super) fn side_by_side(_: &mut Bench) -> Result<Verdict> {
    let count = if is_imx8mm() { LONG } else { FRAMES };
    let mut main = Shot::new(Port::Main, count, small()).start()?;
    if is_imx8mm() {
        // A program of the pipeline `simple` tries formats at every camera when it starts: not between another one's
        // configuration and its start.
        main.wait_for(CAPTURE_LIMIT, |text| cam::count(text) > 0)?;
    }
    let running = [main, Shot::new(Port::Mount, FRAMES, small()).start()?];
    let mut words = Vec::new();
    for (running, name) in running.into_iter().zip(["main", "mount"]) {
        let frames = finish(running)?.complete(FRAMES).context(name)?;
        let lost = gaps(&frames);
        ensure!(
            lost <= LOST || is_imx8mm(),
            "{name}: {lost} frames are missing between the first and the last"
        );
        ensure!(
            frames
                .windows(2)
                .all(|pair| pair[0].sequence < pair[1].sequence),
            "{name}: sequence numbers do not rise"
        );
        words.push(format!("{name} lost {lost}"));
    }
    remark(format!("{FRAMES} frames each, {}", words.join(", ")))
}
