//! A board with another sensor on its main connector, which was added as data alone: the IMX296.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{SMALL, Shot};
use crate::orders::Port;
use crate::process::output;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "third_sensor",
    about: "an IMX296 on the main connector enumerates and gives frames",
    tests: &[
        Test {
            name: "the driver is bound",
            run: bound,
        },
        Test {
            name: "libcamera lists it",
            run: listed,
        },
        Test {
            name: "it gives frames",
            run: frames,
        },
    ],
    complaints: Complaints::Forbidden,
};

const NAME: &str = "imx296";
const LIMIT: Duration = Duration::from_secs(60);
const FRAMES: usize = 10;

/// Whether this board has the sensor; otherwise the reason to skip.
fn missing(bench: &mut Bench) -> Result<Option<Verdict>> {
    let status = bench.board.status()?;
    let sensor = status["main"]["sensor"]
        .as_str()
        .context("the status lacks main.sensor")?;
    Ok((sensor != NAME).then(|| Verdict::Skip(format!("the main connector has an {sensor}"))))
}

fn bound(bench: &mut Bench) -> Result<Verdict> {
    if let Some(skip) = missing(bench)? {
        return Ok(skip);
    }
    let devices = crate::kernel::Driver {
        bus: "i2c",
        name: NAME,
    }
    .devices()?;
    ensure!(devices.len() == 1, "bound to {devices:?}");
    Ok(Verdict::Pass)
}

fn listed(bench: &mut Bench) -> Result<Verdict> {
    if let Some(skip) = missing(bench)? {
        return Ok(skip);
    }
    let list = output("cam", &["-l"], LIMIT)?;
    ensure!(
        list.contains(&Port::Main.camera_id()),
        "not among {}",
        list.trim()
    );
    let properties = output("cam", &["-c", &Port::Main.camera_id(), "-p"], LIMIT)?;
    ensure!(
        properties.contains(&format!("Model = {NAME}")),
        "no Model = {NAME}"
    );
    Ok(Verdict::Pass)
}

fn frames(bench: &mut Bench) -> Result<Verdict> {
    if let Some(skip) = missing(bench)? {
        return Ok(skip);
    }
    let frames = Shot::new(Port::Main, FRAMES, SMALL).frames()?;
    let last = frames.last().context("no frame")?;
    remark(format!(
        "{FRAMES} frames, {} K",
        last.number("ColourTemperature")?
    ))
}
