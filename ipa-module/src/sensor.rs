//! What an image sensor's controls mean, for the sensors whose data sheets say.
//!
//! Black levels and gain formulas: the data sheets, as far as they are public, by way of the mainline drivers and of
//! libcamera 0.7.1's sensor helpers (`src/ipa/libipa/camera_sensor_helper.cpp`).

use crate::controls::{Info, v4l2};
use crate::soft::exchange::SensorInfo;

/// Beyond these no gain makes sense.
const GAINS: [f64; 2] = [1e-3, 1e6];

/// From an analogue gain to the code of `V4L2_CID_ANALOGUE_GAIN`, and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GainModel {
    /// Gain is `n / (n - code)`.
    Reciprocal(f64),
    /// Gain is `code / n`.
    Linear(f64),
    /// Each code is this many decibels.
    Decibel(f64),
}

impl GainModel {
    /// Gain of a code. Codes that no sensor has are given gains that can be reckoned with.
    pub fn gain(self, code: u32) -> f64 {
        let code = f64::from(code);
        let gain = match self {
            Self::Reciprocal(n) => n / (n - code).max(1.0),
            Self::Linear(n) => code / n,
            Self::Decibel(step) => 10f64.powf(code * step / 20.0),
        };
        gain.clamp(GAINS[0], GAINS[1])
    }

    /// Code of the largest gain up to this one, at least 0.
    pub fn code(self, gain: f64) -> u32 {
        let gain = gain.max(0.0);
        let code = match self {
            Self::Reciprocal(n) => n - n / gain,
            Self::Linear(n) => gain * n,
            Self::Decibel(step) => gain.log10() * 20.0 / step,
        };
        // A hair more, or a code's own gain would give the code before it. NaN becomes 0.
        (code + 1e-6).floor().max(0.0) as u32
    }
}

/// A sensor that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// As its driver names it.
    pub model: &'static str,
    /// What gain codes mean.
    pub gain: GainModel,
    /// Black level in units of 16 bits, where it is fixed.
    pub black_level: Option<u16>,
    /// Where read-outs have lines of different durations.
    pub readouts: &'static [Readout],
}

/// A read-out of a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Smallest horizontal blanking in pixels, by which it is known.
    blanking: i64,
    /// In pixels.
    width: i64,
    /// In lines.
    height: i64,
    /// Lines of a frame that no exposure has.
    margin: i64,
}

const fn readout(blanking: i64, width: i64, height: i64, margin: i64) -> Readout {
    Readout {
        blanking,
        width,
        height,
        margin,
    }
}

/// Read-outs of imx283, from `min_hmax`, `width`, `height` and `min_shr` of the kernel's `drivers/media/i2c/imx283.c`. A
/// binned line takes less time than its pixels at the pixel rate, hence the negative blanking.
const IMX283: &[Readout] = &[
    readout(442, 5472, 3648, 11),
    readout(488, 5472, 3648, 10),
    readout(-322, 2736, 1824, 12),
    readout(70, 1824, 1216, 16),
];

const fn known(model: &'static str, gain: GainModel, black_level: Option<u16>) -> Known {
    Known {
        model,
        gain,
        black_level,
        readouts: &[],
    }
}

const KNOWN: [Known; 14] = [
    known("imx214", GainModel::Reciprocal(512.0), Some(4096)),
    known("imx219", GainModel::Reciprocal(256.0), Some(4096)),
    known("imx258", GainModel::Reciprocal(512.0), Some(4096)),
    Known {
        readouts: IMX283,
        ..known("imx283", GainModel::Reciprocal(2048.0), Some(3200))
    },
    known("imx290", GainModel::Decibel(0.3), Some(3840)),
    known("imx296", GainModel::Decibel(0.1), None),
    known("imx335", GainModel::Decibel(0.3), Some(3200)),
    known("imx415", GainModel::Decibel(0.3), None),
    known("imx477", GainModel::Reciprocal(1024.0), None),
    known("imx708", GainModel::Reciprocal(1024.0), Some(4096)),
    known("ov5640", GainModel::Linear(16.0), Some(1024)),
    known("ov5647", GainModel::Linear(16.0), None),
    known("ov5675", GainModel::Linear(128.0), Some(4096)),
    known("ov8865", GainModel::Linear(128.0), None),
];

/// Duration of a line in microseconds in the mode that these limits of the driver's controls are of; `None` if the
/// sensor tells none.
///
/// libcamera tells the line length once, for the mode at `init`; with another mode come only the limits of the driver's
/// controls. The pixel rate is among them. The width is not, and so neither is the line length, unless the read-out is
/// known by its blanking.
pub fn line_us(known: Option<Known>, info: &SensorInfo, controls: &[Info]) -> Option<f64> {
    let rate = default(controls, v4l2::PIXEL_RATE).filter(|rate| *rate > 0);
    let rate = rate.map_or(info.pixel_rate as f64, |rate| rate as f64);
    let length = || Some(known?.readout(controls)?.width + default(controls, v4l2::HBLANK)?);
    let length = length().map_or(f64::from(info.min_line_length), |length| length as f64);
    (rate > 0.0 && length > 0.0).then(|| length / rate * 1e6)
}

/// The longest exposure in lines in the mode that these limits are of, where it is known better than from the limit that
/// the driver tells: imx283's (kernel 7.3) computes it with the height of the mode before.
pub fn longest(known: Option<Known>, controls: &[Info]) -> Option<u32> {
    let readout = known?.readout(controls)?;
    let lines = readout.height + default(controls, v4l2::VBLANK)? - readout.margin;
    u32::try_from(lines).ok().filter(|lines| *lines > 0)
}

impl Known {
    fn readout(&self, controls: &[Info]) -> Option<Readout> {
        let blanking = controls.iter().find(|info| info.id == v4l2::HBLANK)?;
        let blanking = blanking.minimum.integer()?;
        let mut readouts = self.readouts.iter();
        readouts
            .find(|readout| readout.blanking == blanking)
            .copied()
    }
}

fn default(controls: &[Info], id: u32) -> Option<i64> {
    let info = controls.iter().find(|info| info.id == id)?;
    // What no driver tells would only overflow.
    info.default.integer().filter(|value| value.abs() < 1 << 40)
}

/// What is known of a sensor; `None` of most.
pub fn find(model: &str) -> Option<Known> {
    KNOWN.into_iter().find(|known| known.model == model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Value;

    #[test]
    fn every_code_is_the_code_of_its_gain() {
        for known in KNOWN {
            let codes = match known.gain {
                GainModel::Reciprocal(n) => 0..(n * 0.95) as u32,
                GainModel::Linear(_) => 16..1024,
                GainModel::Decibel(_) => 0..240,
            };
            for code in codes {
                assert_eq!(known.gain.code(known.gain.gain(code)), code, "{known:?}");
            }
        }
    }

    #[test]
    fn a_line_lasts_as_long_as_its_mode_has_it() {
        let info = |id, minimum, default| Info {
            id,
            minimum: Value::I32(minimum),
            maximum: Value::I32(500_000),
            default: Value::I32(default),
        };
        let sensor = SensorInfo {
            pixel_rate: 480_000_000,
            min_line_length: 5914,
            ..SensorInfo::default()
        };
        let rate = info(v4l2::PIXEL_RATE, 480_000_000, 480_000_000);
        // 3x3 binned: 1900 pixels; 2x2 binned: 2500.
        let line = |least, default| {
            line_us(
                find("imx283"),
                &sensor,
                &[rate, info(v4l2::HBLANK, least, default)],
            )
        };
        assert!((line(70, 76).unwrap() - 1900.0 / 480.0).abs() < 1e-9);
        let frame = info(v4l2::VBLANK, 2984, 2984);
        assert_eq!(
            longest(find("imx283"), &[info(v4l2::HBLANK, 70, 76), frame]),
            Some(4184)
        );
        assert_eq!(
            longest(find("imx219"), &[info(v4l2::HBLANK, 70, 76), frame]),
            None
        );
        assert!((line(-322, -236).unwrap() - 2500.0 / 480.0).abs() < 1e-9);
        // Another one: as it was at first.
        assert!((line(71, 76).unwrap() - 5914.0 / 480.0).abs() < 1e-9);
        // A mode with twice the pixel rate, as imx219 has it.
        let double = info(v4l2::PIXEL_RATE, 960_000_000, 960_000_000);
        let line = line_us(find("imx219"), &sensor, &[double]).unwrap();
        assert!((line - 5914.0 / 960.0).abs() < 1e-9);
        assert_eq!(line_us(None, &SensorInfo::default(), &[]), None);
    }

    #[test]
    fn gains_that_make_no_sense_are_code_zero() {
        for model in [
            GainModel::Reciprocal(256.0),
            GainModel::Linear(16.0),
            GainModel::Decibel(0.3),
        ] {
            for gain in [f64::NAN, 0.0, -1.0, f64::NEG_INFINITY] {
                assert_eq!(model.code(gain), 0, "{model:?} {gain}");
            }
        }
    }
}
