//! Raw frames against the chart, the light and the sensor's published figures.
//!
//! The chart hangs before the fixed lens, which shows just the whole of it. That lens is darker towards its corners,
//! so only patches at equal distance from the middle are compared: the neutral row is symmetrical.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{SMALL_RAW, Shot};
use crate::orders::Port;
use crate::picture::{DENSITIES, Place, Raw, line, neutral, patch};
use anyhow::{Context, Result, ensure};
use std::sync::OnceLock;

pub(super) const SUITE: Suite = Suite {
    name: "raw",
    about: "raw frames match the scene: densities, colours, noise, exposure",
    tests: &[
        Test {
            name: "frames have the exposure asked for",
            run: exposure_is_set,
        },
        Test {
            name: "neutral patches stand to each other as their densities",
            run: densities,
        },
        Test {
            name: "channels stand to each other as the sensor responds",
            run: response,
        },
        Test {
            name: "colours are where the Bayer order says",
            run: bayer_order,
        },
        Test {
            name: "noise grows with the signal as photons' does",
            run: noise,
        },
        Test {
            name: "twice the exposure gives twice the signal",
            run: linearity,
        },
    ],
    complaints: Complaints::Forbidden,
};

const KELVIN: f64 = 5000.0;
const LUX: f64 = 800.0;
const SIZE: (usize, usize) = (1824, 1216);
/// Exposure times in microseconds; in this light white is below saturation at both.
const SHORT_US: f64 = 8000.0;
const LONG_US: f64 = 16000.0;
/// A line takes less than this in every mode: exposures are whole lines.
const LINE_US: f64 = 10.0;
/// Frames until a control has taken effect for sure.
const FRAMES: usize = 10;
/// Black level at 16 bits; sensor data sheet and libcamera's imx283.json.
const BLACK: f64 = 3200.0;
/// Red and blue of a grey surface relative to green around 5000 K: `ct_curve` of libcamera's imx283.json.
const CURVE: [[f64; 3]; 2] = [[4576.0, 0.5794, 0.5837], [5672.0, 0.5232, 0.6392]];
/// Standard deviation per root of level, 16 bits, at that file's reference gain.
const NOISE_SLOPE: f64 = 3.005;
const NOISE_GAIN: f64 = 1.49;
/// Pixels of one colour averaged into one by this read-out.
const BINNED: f64 = 9.0;

/// Positions of the mosaic RGGB.
const RED: usize = 0;
const GREENS: [usize; 2] = [1, 2];
const BLUE: usize = 3;

/// The last two frames of a capture.
struct Exposure {
    frames: [Raw; 2],
    time_us: f64,
    gain: f64,
}

fn capture(bench: &mut Bench, exposure_us: f64) -> Result<Exposure> {
    bench.board.chart()?;
    bench.board.light(KELVIN, LUX)?;
    let shot = Shot::new(Port::Main, FRAMES, SMALL_RAW).controls(&[
        ("ExposureTimeMode", 1.0),
        ("ExposureTime", exposure_us),
        ("AnalogueGainMode", 1.0),
        ("AnalogueGain", 1.0),
    ])?;
    let pictures = shot.pictures(2)?;
    let raw = |index: usize| Raw::new(&pictures[index].1, SIZE.0, SIZE.1);
    Ok(Exposure {
        frames: [raw(0)?, raw(1)?],
        time_us: pictures[1].0.number("ExposureTime")?,
        gain: pictures[1].0.number("AnalogueGain")?,
    })
}

/// The short exposure, which most tests look at.
fn short(bench: &mut Bench) -> Result<&'static Exposure> {
    static SHORT: OnceLock<Exposure> = OnceLock::new();
    if SHORT.get().is_none() {
        let exposure = capture(bench, SHORT_US)?;
        return Ok(SHORT.get_or_init(|| exposure));
    }
    SHORT.get().context("a capture that was made")
}

impl Exposure {
    /// Signal above black.
    fn signal(&self, place: Place, position: usize) -> f64 {
        self.frames[1].level(place, position) - BLACK
    }

    fn green(&self, place: Place) -> f64 {
        (self.signal(place, GREENS[0]) + self.signal(place, GREENS[1])) / 2.0
    }
}

fn exposure_is_set(bench: &mut Bench) -> Result<Verdict> {
    let exposure = short(bench)?;
    let (time, gain) = (exposure.time_us, exposure.gain);
    ensure!(
        (time - SHORT_US).abs() <= LINE_US,
        "{time} us instead of {SHORT_US}"
    );
    ensure!((gain - 1.0).abs() < 0.001, "gain {gain} instead of 1");
    remark(format!("{time} us"))
}

fn densities(bench: &mut Bench) -> Result<Verdict> {
    let exposure = short(bench)?;
    let mut worst: f64 = 0.0;
    for (left, right) in [(0, 5), (1, 4), (2, 3)] {
        let expected = 10f64.powf(DENSITIES[right] - DENSITIES[left]);
        for position in 0..4 {
            let (bright, dark) = (
                exposure.signal(neutral(left), position),
                exposure.signal(neutral(right), position),
            );
            let off = bright / dark / expected - 1.0;
            bench.note(&format!(
                "patches {left} and {right}, position {position}: {bright:.0} / {dark:.0}, expected ratio {expected:.3}, {:+.2} %",
                off * 100.0
            ));
            worst = worst.max(off.abs());
        }
    }
    // The dark patch is 60 steps of 12 bits high: its mean is known to about half a per cent.
    ensure!(worst < 0.03, "off by {:.1} %", worst * 100.0);
    remark(format!("within {:.1} %", worst * 100.0))
}

fn response(bench: &mut Bench) -> Result<Verdict> {
    let exposure = short(bench)?;
    let part = (KELVIN - CURVE[0][0]) / (CURVE[1][0] - CURVE[0][0]);
    let mut worst: f64 = 0.0;
    for (position, column) in [(RED, 1), (BLUE, 2)] {
        let expected = CURVE[0][column] + part * (CURVE[1][column] - CURVE[0][column]);
        for index in 0..4 {
            let place = neutral(index);
            let ratio = exposure.signal(place, position) / exposure.green(place);
            worst = worst.max((ratio / expected - 1.0).abs());
        }
    }
    for index in 0..4 {
        let [first, second] = GREENS.map(|position| exposure.signal(neutral(index), position));
        worst = worst.max((first / second - 1.0).abs());
    }
    ensure!(worst < 0.02, "off by {:.1} %", worst * 100.0);
    remark(format!("within {:.2} %", worst * 100.0))
}

fn bayer_order(bench: &mut Bench) -> Result<Verdict> {
    let exposure = short(bench)?;
    // The chart's blue, green and red: row 2, columns 0 to 2. Each is seen best by its own filter, relative to grey.
    for (column, name, strongest) in [(0, "blue", BLUE), (1, "green", GREENS[0]), (2, "red", RED)] {
        let relative = [RED, GREENS[0], BLUE].map(|position| {
            exposure.signal(patch(2, column), position) / exposure.signal(neutral(2), position)
        });
        let own = [RED, GREENS[0], BLUE]
            .iter()
            .position(|&position| position == strongest);
        let own = own.context("a filter")?;
        for (other, &value) in relative.iter().enumerate() {
            ensure!(
                other == own || relative[own] > 1.2 * value,
                "{name}: red, green, blue relative to grey are {relative:.2?}"
            );
        }
    }
    Ok(Verdict::Pass)
}

fn noise(bench: &mut Bench) -> Result<Verdict> {
    let exposure = short(bench)?;
    let mut points = Vec::new();
    for index in 0..DENSITIES.len() {
        for position in 0..4 {
            let [first, second] = &exposure.frames;
            let measure = first.noise(second, neutral(index), position);
            points.push([measure.mean - BLACK, measure.variance]);
        }
    }
    let (slope, dark) = line(&points);
    let expected = NOISE_SLOPE.powi(2) / NOISE_GAIN / BINNED;
    let off = slope / expected - 1.0;
    let text = format!(
        "{slope:.3} of variance per level, expected {expected:.3} ({:+.1} %); in the dark {dark:.0}",
        off * 100.0
    );
    // Some 900 samples a patch and position give a variance to about 5 %, the line, which the brightest decide, to 2.5 %.
    ensure!(off.abs() < 0.1, "{text}");
    remark(text)
}

fn linearity(bench: &mut Bench) -> Result<Verdict> {
    let long = capture(bench, LONG_US)?;
    let short = short(bench)?;
    let expected = long.time_us / short.time_us;
    let mut worst: f64 = 0.0;
    for index in 0..4 {
        for position in 0..4 {
            let place = neutral(index);
            let ratio = long.signal(place, position) / short.signal(place, position);
            worst = worst.max((ratio / expected - 1.0).abs());
        }
    }
    ensure!(
        worst < 0.02,
        "off by {:.1} % from {expected:.4}",
        worst * 100.0
    );
    remark(format!(
        "ratio of times {expected:.4}, signals within {:.2} %",
        worst * 100.0
    ))
}
