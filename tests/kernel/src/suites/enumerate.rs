//! libcamera finds both cameras and describes them as what they are.

use super::{Bench, Complaints, Suite, Test, Verdict};
use crate::orders::Port;
use crate::process::output;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "enumerate",
    about: "libcamera lists both cameras; properties and controls are sane",
    tests: &[
        Test {
            name: "both cameras are listed",
            run: both_are_listed,
        },
        Test {
            name: "the main camera has the sensor's properties",
            run: main_properties,
        },
        Test {
            name: "the mount camera has the sensor's properties",
            run: mount_properties,
        },
        Test {
            name: "the main camera has controls with limits",
            run: main_controls,
        },
        Test {
            name: "the mount camera has controls with limits",
            run: mount_controls,
        },
    ],
    complaints: Complaints::Forbidden,
};

const LIMIT: Duration = Duration::from_secs(60);

/// What libcamera must say of an IMX283: Linux `drivers/media/i2c/imx283.c`, Sony's flyer of the sensor.
const PROPERTIES: [&str; 5] = [
    "Property: Model = imx283",
    "Property: PixelArraySize = 5472x3648",
    "Property: PixelArrayActiveAreas = [ (108, 40)/5472x3648 ]",
    "Property: UnitCellSize = 2400x2400",
    "Property: ColorFilterArrangement = 0 (RGGB)",
];

pub(super) fn both_are_listed(_: &mut Bench) -> Result<Verdict> {
    let list = output("cam", &["-l"], LIMIT)?;
    for port in [Port::Main, Port::Mount] {
        let id = port.camera_id();
        let count = list.matches(&format!("({id})")).count();
        ensure!(count == 1, "{id} is listed {count} times");
    }
    let count = list.matches("/base/").count();
    ensure!(count == 2, "{count} cameras are listed");
    Ok(Verdict::Pass)
}

fn main_properties(_: &mut Bench) -> Result<Verdict> {
    properties(Port::Main, "Property: Location = 1 (CameraLocationBack)")
}

fn mount_properties(_: &mut Bench) -> Result<Verdict> {
    properties(
        Port::Mount,
        "Property: Location = 2 (CameraLocationExternal)",
    )
}

fn properties(port: Port, location: &str) -> Result<Verdict> {
    let text = output("cam", &["-c", &port.camera_id(), "-p"], LIMIT)?;
    for expected in PROPERTIES.iter().chain([&location]) {
        ensure!(
            text.lines().any(|line| line == *expected),
            "no line \"{expected}\""
        );
    }
    Ok(Verdict::Pass)
}

fn main_controls(_: &mut Bench) -> Result<Verdict> {
    controls(Port::Main)
}

fn mount_controls(_: &mut Bench) -> Result<Verdict> {
    controls(Port::Mount)
}

fn controls(port: Port) -> Result<Verdict> {
    let text = output("cam", &["-c", &port.camera_id(), "--list-controls"], LIMIT)?;
    let limits = |name: &str| {
        limits(&text, name).with_context(|| format!("the control {name} has no limits"))
    };
    let [shortest, longest] = limits("ExposureTime")?;
    ensure!(
        shortest >= 1.0 && longest > 1000.0 * shortest,
        "exposure {shortest}..{longest} us"
    );
    let [least, most] = limits("AnalogueGain")?;
    ensure!(
        least == 1.0 && (4.0..=64.0).contains(&most),
        "gain {least}..{most}"
    );
    let [fastest, slowest] = limits("FrameDurationLimits")?;
    ensure!(
        fastest >= 1000.0 && slowest > fastest,
        "frames of {fastest}..{slowest} us"
    );
    for name in ["AwbEnable", "ColourTemperature", "AeEnable", "ScalerCrop"] {
        ensure!(text.contains(&format!("::{name}: ")), "no control {name}");
    }
    Ok(Verdict::Pass)
}

/// The limits in a line like `Control: [inout] libcamera::ExposureTime: [1..66666]`.
fn limits(text: &str, name: &str) -> Option<[f64; 2]> {
    let (_, rest) = text.split_once(&format!("::{name}: ["))?;
    let (low, high) = rest.split_once(']')?.0.split_once("..")?;
    Some([low.parse().ok()?, high.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let text = "Control: [inout] libcamera::ExposureTime: [1..66666]\nControl: [in] libcamera::X: [a..2]";
        assert_eq!(limits(text, "ExposureTime"), Some([1.0, 66666.0]));
        assert_eq!(limits(text, "X"), None);
        assert_eq!(limits(text, "Y"), None);
    }
}
