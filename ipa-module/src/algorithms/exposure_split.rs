//! Exposure split into exposure time, analogue gain and digital gain.
//!
//! An exposure mode is a list of stages. From one stage to the next, exposure time grows first, then gain; after the
//! last stage the sensor's own limits follow in the same order, and then, up to a limit, digital gain. In flickering
//! light the exposure time is a multiple of the flicker period where it is longer than one, and gain makes up for the
//! rest. What the sensor's steps leave over is made up for by digital gain, so that brightness follows exactly.

use crate::sensor::GainModel;

/// A corner of an exposure mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Exposure time in microseconds.
    pub exposure_us: f64,
    /// Analogue gain.
    pub gain: f64,
}

/// What the sensor can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Duration of a line in microseconds.
    pub line_us: f64,
    /// Exposure time in lines.
    pub lines: [u32; 2],
    /// Codes of the analogue gain control.
    pub codes: [u32; 2],
    /// What a code means.
    pub model: GainModel,
}

impl Limits {
    /// Exposure times in microseconds.
    pub fn exposure_us(&self) -> [f64; 2] {
        self.lines.map(|lines| f64::from(lines) * self.line_us)
    }

    /// Analogue gains, the smaller one first.
    pub fn gains(&self) -> [f64; 2] {
        self.codes.map(|code| self.model.gain(code))
    }

    /// The exposure with the longest time up to this one, and the largest gain up to this one, that the sensor has.
    pub fn within(&self, exposure_us: f64, gain: f64) -> Setting {
        // A hair more, or an exact number of lines would lose one to rounding.
        let lines = (exposure_us / self.line_us + 1e-6).floor().max(0.0) as u32;
        Setting {
            lines: lines.clamp(self.lines[0], self.lines[1]),
            code: self.model.code(gain).clamp(self.codes[0], self.codes[1]),
        }
    }

    /// Exposure time in microseconds and analogue gain of a setting.
    pub fn of(&self, setting: Setting) -> Stage {
        Stage {
            exposure_us: f64::from(setting.lines) * self.line_us,
            gain: self.model.gain(setting.code),
        }
    }
}

/// What the sensor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Exposure time in lines.
    pub lines: u32,
    /// Code of the analogue gain control.
    pub code: u32,
}

/// What is fixed, by an application or by the light.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fixed {
    /// Exposure time in microseconds, set by hand.
    pub exposure_us: Option<f64>,
    /// Analogue gain, set by hand.
    pub gain: Option<f64>,
    /// Period of the light's flicker in microseconds.
    pub flicker_us: Option<f64>,
    /// Largest digital gain.
    pub digital_gain: f64,
}

/// An exposure, split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// For the sensor.
    pub setting: Setting,
    /// For the pictures, from 1.
    pub digital_gain: f64,
}

/// Splits an exposure, which is exposure time in microseconds times gain.
pub fn split(exposure: f64, stages: &[Stage], limits: &Limits, fixed: &Fixed) -> Split {
    let ([shortest, longest], [least, most]) = (limits.exposure_us(), limits.gains());
    let time = |time: f64| fixed.exposure_us.unwrap_or(time).clamp(shortest, longest);
    let gain = |gain: f64| fixed.gain.unwrap_or(gain).clamp(least, most);
    let last = Stage {
        exposure_us: longest,
        gain: most,
    };
    let mut chosen = Stage {
        exposure_us: time(shortest),
        gain: gain(least),
    };
    for stage in stages.iter().chain([&last]) {
        // An application's stages are clamped to the sensor; a stage that falls behind changes nothing.
        let until = Stage {
            exposure_us: time(stage.exposure_us).max(chosen.exposure_us),
            gain: gain(stage.gain).max(chosen.gain),
        };
        chosen.exposure_us = (exposure / chosen.gain).clamp(chosen.exposure_us, until.exposure_us);
        chosen.gain = (exposure / chosen.exposure_us).clamp(chosen.gain, until.gain);
        if chosen.exposure_us * chosen.gain >= exposure {
            break;
        }
    }
    if let Some(period) = fixed.flicker_us
        && fixed.exposure_us.is_none()
        && chosen.exposure_us > period
    {
        chosen.exposure_us = (chosen.exposure_us / period).floor() * period;
        chosen.gain = gain(exposure / chosen.exposure_us);
    }
    // The gain has few steps and is rounded down; then the time, which has many, makes up where it may.
    let mut setting = limits.within(chosen.exposure_us, chosen.gain);
    if fixed.flicker_us.is_none() && fixed.exposure_us.is_none() {
        setting = Setting {
            code: setting.code,
            ..limits.within(exposure / limits.of(setting).gain, chosen.gain)
        };
    }
    let stage = limits.of(setting);
    Split {
        setting,
        digital_gain: (exposure / (stage.exposure_us * stage.gain))
            .clamp(1.0, fixed.digital_gain.max(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits() -> Limits {
        Limits {
            line_us: 20.0,
            lines: [4, 1700],
            codes: [0, 232],
            model: GainModel::Reciprocal(256.0),
        }
    }

    fn fixed() -> Fixed {
        Fixed {
            digital_gain: 1.0,
            ..Fixed::default()
        }
    }

    const NORMAL: [Stage; 2] = [
        Stage {
            exposure_us: 10_000.0,
            gain: 1.0,
        },
        Stage {
            exposure_us: 20_000.0,
            gain: 4.0,
        },
    ];

    #[test]
    fn time_grows_first_then_gain() {
        let at = |exposure: f64| limits().of(split(exposure, &NORMAL, &limits(), &fixed()).setting);
        assert_eq!(at(1.0), limits().of(Setting { lines: 4, code: 0 }));
        assert_eq!(at(8_000.0).exposure_us, 8_000.0);
        let stage = at(40_000.0);
        assert!((stage.exposure_us - 20_000.0).abs() < 200.0, "{stage:?}");
        assert!((stage.gain - 2.0).abs() < 0.02, "{stage:?}");
        let stage = at(1e9);
        assert_eq!(
            stage,
            limits().of(Setting {
                lines: 1700,
                code: 232
            })
        );
    }

    #[test]
    fn what_is_set_by_hand_stays() {
        let hand = Fixed {
            exposure_us: Some(5_000.0),
            ..fixed()
        };
        let setting = split(20_000.0, &NORMAL, &limits(), &hand).setting;
        assert_eq!(setting.lines, 250);
        assert!((limits().of(setting).gain - 4.0).abs() < 0.06);
        let hand = Fixed {
            gain: Some(2.0),
            ..fixed()
        };
        let setting = split(20_000.0, &NORMAL, &limits(), &hand).setting;
        assert_eq!(
            setting,
            Setting {
                lines: 500,
                code: 128
            }
        );
    }

    #[test]
    fn in_flickering_light_time_is_a_multiple_of_the_period() {
        let flicker = Fixed {
            flicker_us: Some(8_340.0),
            ..fixed()
        };
        for exposure in [9_000.0, 17_000.0, 30_000.0, 100_000.0] {
            let stage = limits().of(split(exposure, &NORMAL, &limits(), &flicker).setting);
            let periods = (stage.exposure_us / 8_340.0).round();
            assert!(
                periods >= 1.0 && (stage.exposure_us - periods * 8_340.0).abs() <= 20.0,
                "{stage:?}"
            );
        }
        let short = limits().of(split(4_000.0, &NORMAL, &limits(), &flicker).setting);
        assert_eq!(short.exposure_us, 4_000.0);
    }

    #[test]
    fn digital_gain_begins_where_the_sensor_ends() {
        let digital = Fixed {
            digital_gain: 2.0,
            ..fixed()
        };
        let end = 1700.0 * 20.0 * limits().gains()[1];
        assert!((split(end * 1.5, &NORMAL, &limits(), &digital).digital_gain - 1.5).abs() < 1e-6);
        assert_eq!(
            split(end * 9.0, &NORMAL, &limits(), &digital).digital_gain,
            2.0
        );
    }

    proptest! {
        #[test]
        fn whatever_is_wanted_the_sensor_can_do(
            exposure in 0.0..1e9f64,
            line_us in 1.0..100.0f64,
            lines in (1..100u32, 100..70_000u32),
            stages in proptest::collection::vec((1.0..1e6f64, 0.1..100.0f64), 0..5),
            by_hand in (proptest::option::of(0.0..1e7f64), proptest::option::of(0.0..1e3f64), proptest::option::of(1.0..1e6f64)),
        ) {
            let limits = Limits { line_us, lines: [lines.0, lines.1], ..limits() };
            let stages: Vec<_> = stages.into_iter().map(|(exposure_us, gain)| Stage { exposure_us, gain }).collect();
            let (exposure_us, gain, flicker_us) = by_hand;
            let fixed = Fixed { exposure_us, gain, flicker_us, digital_gain: 2.0 };
            let split = split(exposure, &stages, &limits, &fixed);
            prop_assert!((lines.0..=lines.1).contains(&split.setting.lines));
            prop_assert!(split.setting.code <= 232);
            prop_assert!((1.0..=2.0).contains(&split.digital_gain));
            let reached = limits.of(split.setting);
            let [_, most] = [limits.exposure_us(), limits.gains()].map(|range| range[1]);
            if exposure_us.is_none() && gain.is_none() && flicker_us.is_none() && exposure >= line_us * f64::from(lines.0) {
                // As close as the steps of time are.
                let most = most * f64::from(lines.1) * line_us;
                let all = reached.exposure_us * reached.gain * split.digital_gain;
                prop_assert!(all <= exposure * (1.0 + 1e-5), "{all} of {exposure}");
                prop_assert!(all >= exposure.min(most) * 0.85, "{all} of {exposure}");
            }
        }
    }
}
