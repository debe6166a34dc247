//! What an image sensor's controls mean, for the sensors whose data sheets say.
//!
//! Black levels and gain formulas: the data sheets, as far as they are public, by way of the mainline drivers and of
//! libcamera 0.7.1's sensor helpers (`src/ipa/libipa/camera_sensor_helper.cpp`).

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
    /// Gain of a code.
    pub fn gain(self, code: u32) -> f64 {
        let code = f64::from(code);
        match self {
            Self::Reciprocal(n) => n / (n - code).max(1.0),
            Self::Linear(n) => code / n,
            Self::Decibel(step) => 10f64.powf(code * step / 20.0),
        }
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
}

const fn known(model: &'static str, gain: GainModel, black_level: Option<u16>) -> Known {
    Known {
        model,
        gain,
        black_level,
    }
}

const KNOWN: [Known; 14] = [
    known("imx214", GainModel::Reciprocal(512.0), Some(4096)),
    known("imx219", GainModel::Reciprocal(256.0), Some(4096)),
    known("imx258", GainModel::Reciprocal(512.0), Some(4096)),
    known("imx283", GainModel::Reciprocal(2048.0), Some(3200)),
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

/// What is known of a sensor; `None` of most.
pub fn find(model: &str) -> Option<Known> {
    KNOWN.into_iter().find(|known| known.model == model)
}

#[cfg(test)]
mod tests {
    use super::*;

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
