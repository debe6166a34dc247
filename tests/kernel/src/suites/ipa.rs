//! Our IPA under an unmodified libcamera: it is the one that is loaded, and its loops close.
//!
//! What counts is where exposure and white balance stand after a number of frames. Sensors of both sizes: imx283 on the
//! main port, imx219 behind the mount.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{self, Frame, IPA_WORKER, Shot};
use crate::daemon::Daemon;
use crate::orders::Port;
use crate::process::{Ended, Running, processes};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::time::{Duration, Instant};

pub(super) const SUITE: Suite = Suite {
    name: "ipa",
    about: "Bayonet's IPA: exposure, white balance, controls, tuning files, the lens, the end",
    tests: &[
        Test {
            name: "it is the one that is loaded",
            run: loaded,
        },
        Test {
            name: "imx219: exposure follows the light and rests",
            run: |bench| exposure(bench, Port::Mount),
        },
        Test {
            name: "imx283: exposure follows the light and rests",
            run: |bench| exposure(bench, Port::Main),
        },
        Test {
            name: "imx283: the light's colour is found",
            run: white_balance,
        },
        Test {
            name: "metadata are complete",
            run: metadata,
        },
        Test {
            name: "exposure is set by hand",
            run: by_hand,
        },
        Test {
            name: "a wrong tuning file is named and not used",
            run: wrong_tuning,
        },
        Test {
            name: "the lens changes what depends on it while frames come",
            run: lens,
        },
        Test {
            name: "another module is handed over to its own worker",
            run: handed_over,
        },
        Test {
            name: "a worker whose libcamera was killed ends",
            run: orphan,
        },
    ],
    complaints: Complaints::Forbidden,
};

/// What it says first.
pub(super) const HELLO: &str = "Bayonet's IPA";
/// Longest time for anything that takes seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(20);
/// Frames until exposure has found an unknown light, in three steps, and white balance its colour behind that.
const FRAMES: usize = 64;
/// Frames at the end over which it must be at rest.
const STEADY: usize = 12;
/// Relative deviations that are allowed: of exposure from the light's inverse, of the colour temperature.
const EXPOSURE_TOLERANCE: f64 = 0.10;
const KELVIN_TOLERANCE: f64 = 0.15;
/// A part of the chart is up to a third brighter than the grey that illuminance is reckoned by.
const LUX_TOLERANCE: f64 = 0.35;
/// How far exposure may move at rest.
const RIPPLE: f64 = 0.01;
/// libcamera's `AeStateConverged`.
const CONVERGED: f64 = 2.0;

/// The smallest processed pictures of the sensor on this port.
fn stream(port: Port) -> &'static str {
    match port {
        // 3x3 binned, less what the software ISP takes off the borders.
        Port::Main => "width=1820,height=1212",
        Port::Mount => "width=636,height=476",
    }
}

/// Starts `cam` with these variables in its environment.
fn start(port: Port, count: usize, variables: &[(&str, &str)]) -> Result<Running> {
    Shot::new(port, count, stream(port))
        .environment(variables)
        .start()
}

fn ended(running: Running, count: usize) -> Result<Ended> {
    let ended = running.finish(LIMIT)?;
    let frames = cam::count(&ended.stdout);
    ensure!(
        ended.success() && frames >= count,
        "{frames} of {count} frames, {:?}: {}",
        ended.status,
        ended.last_words()
    );
    Ok(ended)
}

fn loaded(_: &mut Bench) -> Result<Verdict> {
    let ended = ended(start(Port::Mount, 4, &[])?, 4)?;
    let hello = ended.stderr.lines().find(|line| line.contains(HELLO));
    let hello = hello.with_context(|| format!("it said nothing: {}", ended.last_words()))?;
    ensure!(
        hello.contains("imx219.yaml"),
        "another tuning file: {hello}"
    );
    remark(hello)
}

/// Exposure time times gains.
fn product(frame: &Frame) -> Result<f64> {
    Ok(frame.number("ExposureTime")?
        * frame.number("AnalogueGain")?
        * frame.number("DigitalGain")?)
}

/// Exposure at rest after a capture in this light.
fn at_rest(bench: &mut Bench, port: Port, kelvin: f64, lux: f64) -> Result<(Frame, f64)> {
    bench.board.chart()?;
    bench.board.light(kelvin, lux)?;
    // 35 mm show the whole chart, whose mean is grey.
    bench.board.lens(30, 2)?;
    let frames = Shot::new(port, FRAMES, stream(port)).frames()?;
    let last = frames.last().context("no frame")?.clone();
    let products = frames[FRAMES - STEADY..]
        .iter()
        .map(product)
        .collect::<Result<Vec<_>>>()?;
    let exposure = products[STEADY - 1];
    ensure!(
        products
            .iter()
            .all(|product| (product / exposure - 1.0).abs() < RIPPLE),
        "no rest at {lux} lux: {products:.0?}"
    );
    ensure!(
        last.number("AeState")? == CONVERGED,
        "at {lux} lux: AeState is not converged"
    );
    Ok((last, exposure))
}

fn exposure(bench: &mut Bench, port: Port) -> Result<Verdict> {
    let mut said = Vec::new();
    let mut inverse = Vec::new();
    for lux in [2000.0, 20_000.0, 100.0] {
        let (last, exposure) = at_rest(bench, port, 5000.0, lux)?;
        let measured = last.number("Lux")?;
        said.push(format!(
            "{lux} lux: {exposure:.0} us, measured {measured:.0} lux"
        ));
        ensure!(
            (measured / lux - 1.0).abs() < LUX_TOLERANCE,
            "{}",
            said.join(", ")
        );
        inverse.push(exposure * lux);
    }
    let ratios = inverse.iter().map(|value| value / inverse[0] - 1.0);
    ensure!(
        ratios
            .into_iter()
            .all(|ratio| ratio.abs() < EXPOSURE_TOLERANCE),
        "{}",
        said.join(", ")
    );
    remark(said.join(", "))
}

fn white_balance(bench: &mut Bench) -> Result<Verdict> {
    let mut said = Vec::new();
    let mut all = true;
    // Each in a light in which its colour is expected.
    for (kelvin, lux) in [(3000.0, 100.0), (4500.0, 700.0), (5600.0, 8000.0)] {
        let (last, _) = at_rest(bench, Port::Main, kelvin, lux)?;
        let found = last.number("ColourTemperature")?;
        said.push(format!("{kelvin} K: {found} K"));
        all &= (found / kelvin - 1.0).abs() < KELVIN_TOLERANCE;
    }
    ensure!(all, "{}", said.join(", "));
    remark(said.join(", "))
}

/// What applications read.
const METADATA: [&str; 23] = [
    "AeConstraintMode",
    "AeExposureMode",
    "AeFlickerMode",
    "AeFlickerPeriod",
    "AeMeteringMode",
    "AeState",
    "AnalogueGain",
    "AnalogueGainMode",
    "AwbEnable",
    "AwbLocked",
    "AwbMode",
    "ColourCorrectionMatrix",
    "ColourGains",
    "ColourTemperature",
    "Contrast",
    "DigitalGain",
    "ExposureTime",
    "ExposureTimeMode",
    "ExposureValue",
    "Gamma",
    "Lux",
    "Saturation",
    "SensorBlackLevels",
];

fn metadata(_: &mut Bench) -> Result<Verdict> {
    // Illuminance is told once there were statistics, which few of the first frames have.
    let frames = Shot::new(Port::Mount, FRAMES, stream(Port::Mount)).frames()?;
    let last = frames.last().context("no frame")?;
    let missing: Vec<_> = METADATA
        .iter()
        .filter(|name| !last.metadata.contains_key(**name))
        .collect();
    ensure!(missing.is_empty(), "missing: {missing:?}");
    let listed = crate::process::output(
        "cam",
        &["-c", &Port::Mount.camera_id(), "--list-controls"],
        LIMIT,
    )?;
    for control in [
        "ExposureTime:",
        "AnalogueGain:",
        "AwbMode:",
        "ColourGains:",
        "Saturation:",
    ] {
        ensure!(listed.contains(control), "no control {control} {listed}");
    }
    Ok(Verdict::Pass)
}

fn by_hand(_: &mut Bench) -> Result<Verdict> {
    let controls = [
        ("AeEnable", "false"),
        ("ExposureTime", "4000"),
        ("AnalogueGain", "2.0"),
        ("AwbEnable", "false"),
        ("ColourTemperature", "3200"),
        ("Saturation", "1.4"),
    ];
    let shot = Shot::new(Port::Mount, 20, stream(Port::Mount)).controls(&controls)?;
    let frames = shot.frames()?;
    let last = frames.last().context("no frame")?;
    let time = last.number("ExposureTime")?;
    // As near as a whole line is.
    ensure!((time - 4000.0).abs() < 25.0, "{time} us instead of 4000");
    for (name, value) in [
        ("AnalogueGain", 2.0),
        ("ColourTemperature", 3200.0),
        ("AeState", 0.0),
    ] {
        let found = last.number(name)?;
        ensure!(found == value, "{name} is {found} instead of {value}");
    }
    ensure!(
        (last.number("Saturation")? - 1.4).abs() < 1e-3,
        "another saturation"
    );
    Ok(Verdict::Pass)
}

fn wrong_tuning(_: &mut Bench) -> Result<Verdict> {
    const FILE: &str = "/run/wrong.yaml";
    fs::write(
        FILE,
        "version: 1\nalgorithms:\n  - Agc:\n      relativeLuminanceTarget: .nan\n",
    )
    .context(FILE)?;
    let variable = ("LIBCAMERA_BAYONET_TUNING_FILE", FILE);
    let ended = ended(start(Port::Mount, 4, &[variable])?, 4)?;
    let complaint = ended
        .stderr
        .lines()
        .find(|line| line.contains("tuning file") && line.contains("line 4"));
    let complaint = complaint.with_context(|| format!("nothing was said: {}", ended.stderr))?;
    ensure!(complaint.contains("relativeLuminanceTarget"), "{complaint}");
    remark(complaint)
}

fn lens(bench: &mut Bench) -> Result<Verdict> {
    bench.board.chart()?;
    bench.board.light(5000.0, 2000.0)?;
    bench.board.no_lens()?;
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    // An application that runs as the mount's camera, as one that bayonetd starts does.
    let mut running = start(Port::Mount, 2 * FRAMES, &[("BAYONET_CAMERA", "mount")])?;
    running.wait_for(LIMIT, |text| cam::count(text) >= FRAMES)?;
    // A Summilux 50 mm f/1.4.
    bench.board.lens(32, 3)?;
    let ended = ended(running, 2 * FRAMES)?;
    let frames = cam::parse(&ended.stdout);
    let before = frames[FRAMES - 1].number("Lux")?;
    let after = frames[2 * FRAMES - 1].number("Lux")?;
    // f/2 is what the reference of imx219 was taken with.
    let expected = (1.4f64 / 2.0).powi(2);
    let found = after / before;
    ensure!(
        (found / expected - 1.0).abs() < LUX_TOLERANCE,
        "{before:.0} lux without a lens, {after:.0} with f/1.4: {found:.2} instead of {expected:.2}"
    );
    remark(format!(
        "{before:.0} lux without a lens, {after:.0} lux with f/1.4"
    ))
}

/// Where Debian has the modules that come with libcamera.
pub(super) const STOCK: (&str, &str) = (
    "LIBCAMERA_IPA_MODULE_PATH",
    "/usr/lib/aarch64-linux-gnu/libcamera/ipa",
);
/// One that libcamera signed would run in the application's process otherwise.
pub(super) const ISOLATED: (&str, &str) = ("LIBCAMERA_IPA_FORCE_ISOLATION", "1");

fn handed_over(_: &mut Bench) -> Result<Verdict> {
    let ended = ended(start(Port::Mount, 8, &[STOCK, ISOLATED])?, 8)?;
    ensure!(
        !ended.stderr.contains(HELLO),
        "Bayonet's IPA was loaded all the same"
    );
    let frames = cam::parse(&ended.stdout);
    let last = frames.last().context("no frame")?;
    // The stock IPA does not tell this one.
    ensure!(
        !last.metadata.contains_key("AeState"),
        "these are not the stock IPA's metadata"
    );
    last.number("ExposureTime")?;
    Ok(Verdict::Pass)
}

fn orphan(_: &mut Bench) -> Result<Verdict> {
    ensure!(
        processes(IPA_WORKER).is_empty(),
        "a worker is left from before"
    );
    let mut running = start(Port::Mount, 1000, &[])?;
    running.wait_for(LIMIT, |text| cam::count(text) >= 2)?;
    ensure!(!processes(IPA_WORKER).is_empty(), "no worker");
    running.signal("KILL")?;
    running.finish(LIMIT)?;
    let start = Instant::now();
    while !processes(IPA_WORKER).is_empty() {
        ensure!(start.elapsed() < LIMIT, "the worker is still there");
        std::thread::sleep(POLL);
    }
    Ok(Verdict::Pass)
}
