//! What holds from one `configure` to the next, and how a frame changes it.

use super::Session;
use super::frames::Frames;
use super::wishes::{self, Colour, Wishes};
use crate::algorithms::auto_exposure::{AutoExposure, Target};
use crate::algorithms::black_level::BlackLevel;
use crate::algorithms::colour_correction::{self, Applied, Processor, Wanted};
use crate::algorithms::exposure_split::{self, Fixed, Setting, Stage};
use crate::algorithms::levels::{self, Levels};
use crate::algorithms::matrix::Matrix;
use crate::algorithms::white_balance::WhiteBalance;
use crate::controls::{List, Value, v4l2};
use crate::tuning::Tuning;

/// Mean luminance that no exposure value goes beyond.
const BRIGHTEST: f64 = 0.7;
/// Changes of digital gain alone that nobody sees.
const DIGITAL_DEAD_ZONE: f64 = 0.01;
/// Illuminance that white balance assumes where it cannot be known: a lit room.
const ORDINARY_LUX: f64 = 500.0;

/// What holds until the camera is configured anew.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) limits: exposure_split::Limits,
    pub(super) wishes: Wishes,
    pub(super) auto_exposure: AutoExposure,
    pub(super) white_balance: WhiteBalance,
    /// White balance by hand that is in effect.
    pub(super) colour: Option<Colour>,
    pub(super) black: BlackLevel,
    /// Exposure time in microseconds times gain, digital gain included.
    pub(super) exposure: Option<f64>,
    /// What the sensor was told last.
    pub(super) told: Option<Setting>,
    pub(super) digital_gain: f64,
    /// Whether exposure is as near to the target as the sensor can come.
    pub(super) at_limit: bool,
    pub(super) lux: Option<f64>,
    pub(super) applied: Option<(Wanted, f64, Applied)>,
    pub(super) frames: Frames,
}

impl Active {
    pub(super) fn wishes_limits(&self) -> wishes::Limits {
        wishes::Limits {
            exposure_us: self.limits.exposure_us(),
            gains: self.limits.gains(),
        }
    }

    /// What libcamera says the sensor was set to; what it does not say is taken for what was ordered.
    pub(super) fn reported(&self, sensor: &List) -> Setting {
        let told = self.told.unwrap_or(Setting {
            lines: self.limits.lines[0],
            code: self.limits.codes[0],
        });
        let number = |control, other| {
            let number = sensor.get(control).and_then(Value::integer);
            number
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(other)
        };
        Setting {
            lines: number(v4l2::EXPOSURE, told.lines).max(1),
            code: number(v4l2::ANALOGUE_GAIN, told.code).min(self.limits.codes[1]),
        }
    }

    /// Illuminance and white balance from a frame.
    pub(super) fn see(&mut self, session: &Session, levels: &Levels, stage: Stage) {
        let tuning = &session.tuning;
        let mean = levels.light(self.black.level());
        let [red, blue] = self.white_balance.light().gains;
        let balanced = levels::luminance([mean[0] * red, mean[1], mean[2] * blue]);
        let aperture = session
            .lens
            .and_then(|lens| lens.maximum_aperture)
            .map(f64::from);
        self.lux = tuning
            .lux
            .map(|reference| reference.lux(balanced, stage.exposure_us, stage.gain, aperture));
        if self.wishes.white_balance {
            let range = tuning.white_balance.modes[self.wishes.white_balance_mode];
            let lux = self.lux.unwrap_or(ORDINARY_LUX);
            let estimate = tuning.white_balance.model.estimate(mean, lux, range);
            self.white_balance.seen(estimate, levels.clipped());
        }
    }

    /// Exposure for what comes next, from a frame that counts, if there is one. Returns what the sensor is to be told.
    ///
    /// An order that libcamera was given can be lost (0.7, `delayed_controls.cpp`: what is queued for a frame whose start
    /// is not told is never written). So it is repeated until frames count, and then with each that has statistics.
    pub(super) fn expose(
        &mut self,
        session: &Session,
        levels: Option<Levels>,
        counts: bool,
        stage: Stage,
    ) -> Option<Setting> {
        let tuning = &session.tuning.exposure;
        let taken = stage.exposure_us * stage.gain;
        let by_hand =
            |wish: Option<f64>, now: f64| wish.map(|wish| if wish > 0.0 { wish } else { now });
        // By hand, but nobody said which: as it is.
        self.wishes.exposure_time = by_hand(self.wishes.exposure_time, stage.exposure_us);
        self.wishes.gain = by_hand(self.wishes.gain, stage.gain);
        let automatic = self.wishes.exposure_time.is_none() || self.wishes.gain.is_none();
        // As the sensor was left, until something is known.
        if automatic && levels.is_none() && self.exposure.is_none() {
            return None;
        }
        let mut exposure = *self.exposure.get_or_insert(taken);
        let mut changed = false;
        let repeated = !counts || levels.is_some();
        if let Some(levels) = levels.filter(|_| automatic) {
            let target = Target {
                luminance: (tuning.luminance * self.wishes.exposure_value.exp2()).min(BRIGHTEST),
                constraints: &tuning.constraints[self.wishes.constraint_mode],
            };
            if let Some(factor) = self
                .auto_exposure
                .step(&levels, self.black.level(), &target)
            {
                exposure = taken * factor;
                changed = true;
            }
        }
        let (stages, count) = session.stages(self.wishes.exposure_mode);
        let fixed = Fixed {
            exposure_us: self.wishes.exposure_time,
            gain: self.wishes.gain,
            flicker_us: self.wishes.flicker.then_some(self.wishes.flicker_period),
            digital_gain: if automatic { tuning.digital_gain } else { 1.0 },
        };
        let split = exposure_split::split(exposure, &stages[..count], &self.limits, &fixed);
        self.exposure = Some(exposure);
        let same = self.told == Some(split.setting);
        if changed {
            // The target is out of the sensor's reach, or between two of its steps.
            self.at_limit = same;
        }
        // What is only a matter of digital gain is not followed in steps that nobody sees.
        if !(same && (split.digital_gain / self.digital_gain - 1.0).abs() < DIGITAL_DEAD_ZONE) {
            self.digital_gain = split.digital_gain;
        }
        if same {
            return repeated.then_some(split.setting);
        }
        self.told = Some(split.setting);
        self.auto_exposure.ordered();
        Some(split.setting)
    }

    /// White balance that was set by hand since the last time.
    pub(super) fn follow_colour(&mut self, tuning: &Tuning) {
        if self.colour == self.wishes.colour {
            return;
        }
        self.colour = self.wishes.colour;
        let model = &tuning.white_balance.model;
        match self.colour {
            Some(Colour::Temperature(kelvin)) => self.white_balance.set(model.light(kelvin)),
            Some(Colour::Gains(gains)) => self.white_balance.set(model.lit(gains)),
            None => {}
        }
    }

    /// The colour correction matrix for the light, or the one that was set by hand.
    pub(super) fn correction(&self, tuning: &Tuning) -> Matrix {
        match self.wishes.correction {
            Some(values) => {
                std::array::from_fn(|row| std::array::from_fn(|column| values[row * 3 + column]))
            }
            None => colour_correction::interpolated(
                &tuning.corrections,
                self.white_balance.light().kelvin,
            ),
        }
    }

    /// What the software ISP is told, computed when something changed.
    pub(super) fn applied(&mut self, wanted: &Wanted, processor: Processor) -> Applied {
        let black = self.black.level();
        match &self.applied {
            Some((same, level, applied)) if same == wanted && *level == black => *applied,
            _ => {
                let applied = colour_correction::applied(wanted, black, processor);
                self.applied = Some((*wanted, black, applied));
                applied
            }
        }
    }
}
