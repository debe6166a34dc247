//! Both cameras at once.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{Shot, finish, gaps, small};
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
/// Frames that an overloaded machine may lose in that time; numbers are of the receiver. The software ISP is slower than
/// sensors: there the receiver numbers frames that it has no buffer for, too.
const LOST: u64 = 4;

pub(super) fn side_by_side(_: &mut Bench) -> Result<Verdict> {
    let shots = [Port::Main, Port::Mount].map(|port| Shot::new(port, FRAMES, small()));
    let running = [shots[0].start()?, shots[1].start()?];
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
