//! The stock camera algorithms find the truth: colour temperature, white balance, exposure.
//!
//! What counts is where they stand after a number of frames, not how long these took.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::cam::{Frame, Shot};
use crate::orders::Port;
use crate::picture::{Place, colour, neutral};
use anyhow::{Context, Result, ensure};

pub(super) const SUITE: Suite = Suite {
    name: "convergence",
    about: "exposure and white balance of the stock IPA converge to the truth",
    tests: &[
        Test {
            name: "3000 K",
            run: |bench| converge(bench, 3000.0),
        },
        Test {
            name: "5000 K",
            run: |bench| converge(bench, 5000.0),
        },
        Test {
            name: "6500 K",
            run: |bench| converge(bench, 6500.0),
        },
    ],
    complaints: Complaints::Forbidden,
};

const LUX: f64 = 800.0;
const SIZE: (usize, usize) = (640, 480);
const STREAM: &str = "width=640,height=480,pixelformat=RGB888";
/// The algorithms' own filters settle within some 40 frames.
const FRAMES: usize = 60;
/// Frames at the end over which exposure must be steady.
const STEADY: usize = 10;
/// Relative deviations that are allowed.
const KELVIN_TOLERANCE: f64 = 0.05;
const NEUTRAL_TOLERANCE: f64 = 0.03;
const RIPPLE: f64 = 0.03;
const LUX_TOLERANCE: f64 = 0.10;
/// libcamera's `AeStateConverged`.
const CONVERGED: f64 = 2.0;
/// Below this code one step of eight bits is more than the tolerance.
const DARKEST: f64 = 40.0;
/// Active area of the sensor, in which `ScalerCrop` is given.
const ARRAY: (f64, f64) = (5472.0, 3648.0);

fn converge(bench: &mut Bench, kelvin: f64) -> Result<Verdict> {
    bench.board.chart()?;
    bench.board.light(kelvin, LUX)?;
    let pictures = Shot::new(Port::Main, FRAMES, STREAM).pictures(STEADY)?;
    let (last, picture) = pictures.last().context("no frame")?;
    let mut wrong = Vec::new();
    let mut found = Vec::new();
    let mut check = |what: &str, off: f64, tolerance: f64| {
        let text = format!("{what} {:+.1} %", off * 100.0);
        if off.abs() > tolerance {
            wrong.push(format!("{text} (at most {} %)", tolerance * 100.0));
        }
        found.push(text);
    };
    check(
        "ColourTemperature",
        last.number("ColourTemperature")? / kelvin - 1.0,
        KELVIN_TOLERANCE,
    );
    check("Lux", last.number("Lux")? / LUX - 1.0, LUX_TOLERANCE);
    let frames: Vec<&Frame> = pictures.iter().map(|picture| &picture.0).collect();
    check("exposure ripple", ripple(&frames)?, RIPPLE);
    let crop = crop(last.metadata.get("ScalerCrop").context("no ScalerCrop")?)?;
    check(
        "neutral patches",
        cast(bench, picture, crop)?,
        NEUTRAL_TOLERANCE,
    );
    let state = last.number("AeState")?;
    if state != CONVERGED {
        wrong.push(format!("AeState {state} instead of {CONVERGED}"));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join(", "));
    remark(found.join(", "))
}

/// Relative difference between the largest and the smallest product of exposure time and gain.
fn ripple(frames: &[&Frame]) -> Result<f64> {
    let exposures = frames
        .iter()
        .map(|frame| Ok(frame.number("ExposureTime")? * frame.number("AnalogueGain")?))
        .collect::<Result<Vec<f64>>>()?;
    let largest = exposures.iter().copied().fold(f64::MIN, f64::max);
    let smallest = exposures.iter().copied().fold(f64::MAX, f64::min);
    Ok(largest / smallest - 1.0)
}

/// Largest deviation of a channel from the mean of the three, in the codes as they come out (with gamma), over all
/// neutral patches that are not too dark to tell.
fn cast(bench: &Bench, picture: &[u8], crop: [f64; 4]) -> Result<f64> {
    let mut worst: f64 = 0.0;
    for index in 0..6 {
        let place = neutral(index);
        let place = Place {
            x: (place.x * ARRAY.0 - crop[0]) / crop[2],
            y: (place.y * ARRAY.1 - crop[1]) / crop[3],
        };
        let channels = colour(picture, SIZE.0, SIZE.1, place)?;
        let mean = channels.iter().sum::<f64>() / 3.0;
        bench.note(&format!("neutral patch {index}: {channels:.1?}"));
        if mean >= DARKEST {
            worst = channels.iter().fold(worst, |worst, channel| {
                worst.max((channel / mean - 1.0).abs())
            });
        }
    }
    ensure!(
        worst > 0.0,
        "every neutral patch is black, or all are equal to the last bit"
    );
    Ok(worst)
}

/// Left, top, width, height of `(306, 0)/4863x3648`.
fn crop(text: &str) -> Result<[f64; 4]> {
    let numbers: Vec<f64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    numbers
        .try_into()
        .ok()
        .with_context(|| format!("{text} is no rectangle"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_is_read() {
        assert_eq!(
            crop("(306, 0)/4863x3648").unwrap(),
            [306.0, 0.0, 4863.0, 3648.0]
        );
        assert!(crop("(306, 0)").is_err());
    }
}
