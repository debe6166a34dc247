//! A board without an image processor: an i.MX 8M Mini's receivers, and libcamera's ISP in software behind them.

use super::{Bench, Complaints, Suite, Test, Verdict, concurrent, enumerate, probe, remark};
use crate::cam::{Shot, gaps};
use crate::kernel::{BRIDGE, CSIS, Driver, RECEIVER};
use crate::orders::Port;
use crate::picture::{Place, Raw};
use crate::process::output;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "software_isp",
    about: "a board without an image processor: raw frames, and libcamera's software ISP",
    tests: &[
        Test {
            name: "every driver is bound",
            run: drivers,
        },
        Test {
            name: "only the sensor drivers are from outside the kernel",
            run: modules,
        },
        Test {
            name: "sensor, receiver and bridge are linked",
            run: links,
        },
        Test {
            name: "both cameras are listed",
            run: enumerate::both_are_listed,
        },
        Test {
            name: "raw samples are as wide as the sensor's",
            run: samples,
        },
        Test {
            name: "twice the exposure gives twice the signal",
            run: linearity,
        },
        Test {
            name: "the software ISP makes pictures",
            run: pictures,
        },
        Test {
            name: "two programs capture side by side",
            run: concurrent::side_by_side,
        },
    ],
    complaints: Complaints::ForbiddenSinceBoot,
};

const PORT: Port = Port::Main;
const IMX219: Driver = Driver {
    bus: "i2c",
    name: "imx219",
};
const LIMIT: Duration = Duration::from_secs(60);

fn drivers(bench: &mut Bench) -> Result<Verdict> {
    ensure!(
        RECEIVER.devices().unwrap_or_default().is_empty(),
        "{} is bound on a board without it",
        RECEIVER.name
    );
    probe::all_bound(bench, &[(IMX219, 2), (CSIS, 2), (BRIDGE, 2)])
}

fn modules(_: &mut Bench) -> Result<Verdict> {
    probe::own_modules(&["rp1_pci", "imx_mipi_csis", "imx7_media_csi"])
}

fn links(_: &mut Bench) -> Result<Verdict> {
    for port in [Port::Main, Port::Mount] {
        let topology = port.topology()?;
        let sensor = format!("{} {}", port.sensor_driver()?.name, port.sensor()?);
        let entity = |name: &str| {
            let mut entities = topology.split("- entity ");
            let found = entities.find(|text| text.contains(&format!(": {name} (")));
            found.with_context(|| format!("{port:?}: no entity {name}"))
        };
        let receiver = topology.lines().find_map(|line| {
            let (_, name) = line.split_once(": csis-")?;
            Some(format!("csis-{}", name.split(' ').next()?))
        });
        let receiver = receiver.with_context(|| format!("{port:?}: no receiver"))?;
        for (name, before) in [(&*receiver, &*sensor), ("csi", &receiver)] {
            let link = format!("<- \"{before}\":");
            ensure!(
                entity(name)?.contains(&link),
                "{port:?}: {name} lacks {link}"
            );
        }
    }
    Ok(Verdict::Pass)
}

/// All columns and rows of the sensor, binned: 10 bits in 16.
const RAW: &str = "role=raw,width=1640,height=1232,pixelformat=SRGGB10";
const RAW_SIZE: (usize, usize) = (1640, 1232);
const RAW_FRAMES: usize = 6;
/// Black level at 10 bits: libcamera's imx219.json.
const BLACK: f64 = 64.0;
const WHITE: f64 = 1023.0;
/// Exposures in lines; in this light white is below saturation at both.
const SHORT: u32 = 400;
const LONG: u32 = 2 * SHORT;
const MIDDLE: Place = Place { x: 0.5, y: 0.5 };

/// A raw frame with this exposure.
///
/// libcamera gives an application of raw frames no controls here: the exposure is set at the sensor.
fn raw(bench: &mut Bench, lines: u32) -> Result<Raw> {
    bench.board.chart()?;
    bench.board.light(5000.0, 800.0)?;
    let control = format!("exposure={lines},analogue_gain=0");
    output(
        "v4l2-ctl",
        &["-d", &PORT.subdevice()?, "--set-ctrl", &control],
        LIMIT,
    )?;
    let pictures = Shot::new(PORT, RAW_FRAMES, RAW).pictures(1)?;
    let (_, bytes) = pictures.last().context("no frame")?;
    Raw::new(bytes, RAW_SIZE.0, RAW_SIZE.1)
}

/// Levels above black of the four positions of the mosaic in the picture's middle.
fn signals(raw: &Raw) -> [f64; 4] {
    [0, 1, 2, 3].map(|position| raw.level(MIDDLE, position) - BLACK)
}

fn samples(bench: &mut Bench) -> Result<Verdict> {
    let frame = raw(bench, LONG)?;
    let (least, most) = frame.range();
    ensure!(
        most <= WHITE && most > WHITE / 4.0,
        "the brightest of 10 bits is {most}"
    );
    ensure!(
        least >= BLACK / 2.0,
        "the darkest above a black of {BLACK} is {least}"
    );
    remark(format!("{least} to {most}"))
}

fn linearity(bench: &mut Bench) -> Result<Verdict> {
    let [short, long] = [raw(bench, SHORT)?, raw(bench, LONG)?].map(|frame| signals(&frame));
    let ratios: Vec<f64> = short
        .iter()
        .zip(&long)
        .map(|(short, long)| long / short)
        .collect();
    ensure!(
        ratios.iter().all(|ratio| (ratio - 2.0).abs() < 0.1),
        "{short:.1?} and {long:.1?} above black"
    );
    remark(format!("{ratios:.3?}"))
}

const SMALL_RGB: &str = "width=636,height=476,pixelformat=RGB888";
const SIZE: (usize, usize) = (636, 476);
/// Frames until exposure and white balance have come near.
const FRAMES: usize = 40;
/// Means of all pixels that a picture of the chart may have.
const EXPOSED: std::ops::Range<f64> = 30.0..220.0;
/// How far channels may lie apart: the software ISP takes the scene's mean for grey.
const CAST: f64 = 0.2;

fn pictures(_: &mut Bench) -> Result<Verdict> {
    let pictures = Shot::new(PORT, FRAMES, SMALL_RGB).pictures(FRAMES)?;
    let frames: Vec<_> = pictures.iter().map(|(frame, _)| frame.clone()).collect();
    let (_, bytes) = pictures.last().context("no frame")?;
    let stride = bytes.len() / SIZE.1;
    ensure!(
        stride >= SIZE.0 * 3,
        "{} bytes are no picture of three bytes a pixel",
        bytes.len()
    );
    // Lines are longer than the picture is wide.
    let rows = || bytes.chunks_exact(stride).map(|row| &row[..SIZE.0 * 3]);
    let pixels = (SIZE.0 * SIZE.1) as f64;
    let mean = |channel: usize| {
        let samples = rows().flat_map(|row| row.iter().skip(channel).step_by(3));
        samples.map(|&sample| f64::from(sample)).sum::<f64>() / pixels
    };
    let means = [0, 1, 2].map(mean);
    let text = format!("means {means:.0?}, {} frames missing", gaps(&frames));
    ensure!(means.iter().all(|mean| EXPOSED.contains(mean)), "{text}");
    let most = means.iter().copied().fold(0.0, f64::max);
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    ensure!(most / least < 1.0 + CAST, "a cast: {text}");
    let darkest = rows().flatten().min().copied().unwrap_or(0);
    let brightest = rows().flatten().max().copied().unwrap_or(0);
    ensure!(
        brightest - darkest > 100,
        "no contrast, {darkest} to {brightest}: {text}"
    );
    remark(text)
}
