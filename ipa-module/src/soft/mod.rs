//! The verbs of an IPA for libcamera's software ISP, as values in and values out.
//!
//! State is split by how long it lives: [`Session`] from `init` on, [`Active`] from one `configure` to the next, and
//! `Frame` for one picture. Nothing is allocated after `configure`.

mod active;
pub mod exchange;
mod frames;
mod offer;
mod report;
pub mod wishes;

#[cfg(test)]
mod tests;

use crate::algorithms::auto_exposure::AutoExposure;
use crate::algorithms::black_level::BlackLevel;
use crate::algorithms::colour_correction::{Processor, Wanted};
use crate::algorithms::exposure_split::{self, Stage};
use crate::algorithms::levels::Levels;
use crate::algorithms::white_balance::WhiteBalance;
use crate::configuration;
use crate::controls::{Info, List, Value, v4l2};
use crate::lens::Lens;
use crate::sensor::{self, GainModel, Known};
use crate::tuning::{LONGEST, STAGES, Tuning};
use active::Active;
use exchange::{Parameters, SensorInfo, Settings, Statistics};
use frames::{Frame, Frames};
use log::{info, warn};
use report::Taken;
use wishes::Wishes;

/// Complaints about controls that are logged in a session. An application may repeat a mistake with every frame.
const COMPLAINTS: u32 = 20;

/// A sensor that this IPA cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A control is missing.
    #[error(
        "the sensor's driver has no control {0:#010x} ({1}); exposure cannot be set without it"
    )]
    NoControl(u32, &'static str),
    /// Its limits are none.
    #[error(
        "the sensor's driver allows {2:?} to {3:?} for control {0:#010x} ({1}), which is no range"
    )]
    NoRange(u32, &'static str, Option<i64>, Option<i64>),
    /// Its lines have no duration.
    #[error(
        "the sensor's driver tells a line of {line_length} pixels at {pixel_rate} pixels a second"
    )]
    NoLine {
        /// In pixels.
        line_length: u32,
        /// Pixels a second.
        pixel_rate: u64,
    },
}

impl Refused {
    /// The error number for libcamera, positive.
    pub fn errno(&self) -> i32 {
        match self {
            Self::NoControl(..) => ENODEV,
            Self::NoRange(..) | Self::NoLine { .. } => EINVAL,
        }
    }
}

const ENODEV: i32 = 19;
const EINVAL: i32 = 22;

/// An IPA for one camera.
#[derive(Debug)]
pub struct Soft {
    session: Session,
    active: Active,
}

/// What holds for the whole session.
#[derive(Debug)]
struct Session {
    tuning: Tuning,
    processor: Processor,
    gain: GainModel,
    /// In units of 16 bits.
    black_level: Option<u16>,
    known: Option<Known>,
    sensor: SensorInfo,
    lens: Option<Lens>,
    complaints: u32,
}

impl Soft {
    /// An IPA for a sensor, tuned by the file of the settings, or by what comes with the program.
    ///
    /// # Errors
    /// When the sensor's driver has no control for exposure or gain, or tells limits that are none.
    pub fn new(
        settings: &Settings,
        sensor: SensorInfo,
        controls: &[Info],
    ) -> Result<Self, Refused> {
        let processor = configuration::processor();
        Self::tuned(tuning(settings), processor, settings, sensor, controls)
    }

    fn tuned(
        tuning: Tuning,
        processor: Processor,
        settings: &Settings,
        sensor: SensorInfo,
        controls: &[Info],
    ) -> Result<Self, Refused> {
        let known = sensor::find(&settings.sensor_model);
        let [least, _] = range(controls, v4l2::ANALOGUE_GAIN, "analogue gain")?;
        let gain = known.map_or_else(
            || {
                warn!(
                    "{}: what its gain codes mean is not known; the smallest code is taken for a gain of 1",
                    settings.sensor_model
                );
                GainModel::Linear(f64::from(least.max(1)))
            },
            |known| known.gain,
        );
        let session = Session {
            processor,
            gain,
            black_level: tuning
                .black_level
                .or(known.and_then(|known| known.black_level)),
            known,
            sensor,
            lens: None,
            complaints: 0,
            tuning,
        };
        let active = session.activate(controls)?;
        Ok(Self { session, active })
    }

    /// Controls that applications are offered.
    pub fn infos(&self) -> Vec<Info> {
        offer::controls(&self.active.wishes_limits(), &self.session.tuning.look)
    }

    /// Whether the software ISP is to apply a matrix rather than three gains: always.
    pub fn colour_correction(&self) -> bool {
        true
    }

    /// The lens was changed, or is not known any more.
    pub fn set_lens(&mut self, lens: Option<Lens>) {
        self.session.lens = lens;
    }

    /// The camera was configured: limits of the sensor's controls in its new mode.
    ///
    /// # Errors
    /// As [`Soft::new`]; what held before still holds then.
    pub fn configure(&mut self, controls: &[Info]) -> Result<(), Refused> {
        self.active = self.session.activate(controls)?;
        let limits = &self.active.limits;
        let ([shortest, longest], [least, most]) = (limits.exposure_us(), limits.gains());
        info!(
            "exposure {shortest:.0} to {longest:.0} us, gain {least:.2} to {most:.2}, software ISP on the {}",
            match self.session.processor {
                Processor::Cpu => "CPU",
                Processor::Gpu => "GPU",
            }
        );
        Ok(())
    }

    /// Frames are about to come. The sensor has what it was left with, so nothing that was ordered is waited for.
    pub fn start(&mut self) {
        let active = &mut self.active;
        active.auto_exposure.restarted();
        active.told = None;
        active.exposure = None;
    }

    /// An application queued a request.
    pub fn queue_request(&mut self, _frame: u32, controls: &List) {
        if controls.is_empty() {
            return;
        }
        let Self { session, active } = self;
        let limits = active.wishes_limits();
        active.wishes.take(controls, &limits, |complaint| {
            session.complaints = session.complaints.saturating_add(1);
            if session.complaints < COMPLAINTS {
                warn!("{complaint}");
            } else if session.complaints == COMPLAINTS {
                warn!("{complaint}; no further ones are told");
            }
        });
        active.follow_colour(&session.tuning);
    }

    /// What the picture of a frame is to be made with.
    pub fn compute_params(&mut self, frame: u32) -> Parameters {
        let Self { session, active } = self;
        let light = active.white_balance.light();
        let correction = active.correction(&session.tuning);
        let look = active.wishes.look;
        let digital_gain = active.digital_gain;
        active.frames.put(
            frame,
            Frame {
                light,
                correction,
                look,
                digital_gain,
            },
        );
        let [red, blue] = light.gains;
        let gains = [red, 1.0, blue];
        let wanted = Wanted {
            gains: gains.map(|gain| gain * digital_gain),
            correction,
            saturation: look.saturation,
        };
        let applied = active.applied(&wanted, session.processor);
        let matrix = applied.matrix.as_flattened();
        Parameters {
            matrix: std::array::from_fn(|index| matrix[index] as f32),
            black_level: [applied.black as f32; 3],
            gamma: (1.0 / look.gamma) as f32,
            // From 0..=2 to 0..infinity, as libcamera's own IPA does (`algorithms/adjust.cpp`).
            contrast: (look.contrast * std::f64::consts::FRAC_PI_4)
                .min(std::f64::consts::FRAC_PI_2 - 1e-5)
                .tan() as f32,
            gains: gains.map(|gain| gain as f32),
        }
    }

    /// A frame was taken: its statistics, if it has any, and what the sensor was set to. `orders` is for the sensor;
    /// at rest it is empty but with every fourth frame.
    pub fn process_stats(
        &mut self,
        frame: u32,
        statistics: Option<&Statistics>,
        sensor: &List,
        metadata: &mut List,
        orders: &mut List,
    ) {
        let Self { session, active } = self;
        let reported = active.reported(sensor);
        let told = active.told.unwrap_or(reported);
        // While nothing was ordered every frame is as it should be.
        let counts = active.auto_exposure.frame(told == reported) || active.told.is_none();
        let levels = statistics.and_then(Levels::new);
        // One whose exposure may be another than was ordered tells neither illuminance nor what to do about it.
        let levels = levels.filter(|_| counts);
        let stage = active.limits.of(told);
        if let Some(levels) = &levels {
            active.black = active.black.seen(levels);
            active.see(session, levels, stage);
        }
        if let Some(setting) = active.expose(session, levels, counts, stage) {
            orders.set(v4l2::EXPOSURE, Value::I32(setting.lines as i32));
            orders.set(v4l2::ANALOGUE_GAIN, Value::I32(setting.code as i32));
        }
        let taken = Taken {
            stage: active.limits.of(reported),
            frame: &active.frames.get(frame),
            wishes: &active.wishes,
            converged: active.auto_exposure.converged() || active.at_limit,
            settled: active.white_balance.settled(),
            black: active.black.level(),
            lux: active.lux,
        };
        report::report(&taken, metadata);
    }
}

impl Session {
    /// State for a mode with such limits.
    fn activate(&self, controls: &[Info]) -> Result<Active, Refused> {
        let [shortest, longest] = range(controls, v4l2::EXPOSURE, "exposure")?;
        let known = sensor::longest(self.known, controls);
        let longest = known.map_or(longest, |known| longest.min(known).max(shortest));
        let limits = exposure_split::Limits {
            line_us: sensor::line_us(self.known, &self.sensor, controls).ok_or(
                Refused::NoLine {
                    line_length: self.sensor.min_line_length,
                    pixel_rate: self.sensor.pixel_rate,
                },
            )?,
            // An exposure of no lines is none.
            lines: [shortest.max(1), longest.max(1)],
            codes: range(controls, v4l2::ANALOGUE_GAIN, "analogue gain")?,
            model: self.gain,
        };
        let tuning = &self.tuning;
        let light = tuning.white_balance.model.light(5000.0);
        Ok(Active {
            limits,
            wishes: Wishes::new(tuning.look),
            auto_exposure: AutoExposure::default(),
            white_balance: WhiteBalance::new(light),
            colour: None,
            black: BlackLevel::new(self.black_level),
            exposure: None,
            told: None,
            digital_gain: 1.0,
            at_limit: false,
            lux: None,
            applied: None,
            frames: Frames::new(Frame::new(light, tuning.look)),
        })
    }

    /// Stages of the exposure mode, in the first so many places. No stage is longer than hands hold still.
    fn stages(&self, mode: usize) -> ([Stage; STAGES], usize) {
        let exposure = &self.tuning.exposure;
        let still = exposure
            .diagonal_mm
            .zip(self.lens)
            .and_then(|(diagonal, lens)| lens.hand_held_us(diagonal));
        let mut stages = [Stage {
            exposure_us: 0.0,
            gain: 1.0,
        }; STAGES];
        let mut count = 0;
        for (place, stage) in stages.iter_mut().zip(&exposure.modes[mode]) {
            *place = *stage;
            if let Some(still) = still {
                place.exposure_us = place.exposure_us.min(still);
            }
            count += 1;
        }
        (stages, count)
    }
}

/// Limits of one of the driver's controls.
fn range(controls: &[Info], control: u32, name: &'static str) -> Result<[u32; 2], Refused> {
    let info = controls
        .iter()
        .find(|info| info.id == control)
        .ok_or(Refused::NoControl(control, name))?;
    let limits = [info.minimum, info.maximum].map(Value::integer);
    match limits.map(|limit| limit.and_then(|limit| u32::try_from(limit).ok())) {
        [Some(low), Some(high)] if low <= high && high <= i32::MAX as u32 => Ok([low, high]),
        _ => Err(Refused::NoRange(control, name, limits[0], limits[1])),
    }
}

/// The tuning file, or what comes with the program where there is none that can be read.
fn tuning(settings: &Settings) -> Tuning {
    let path = &settings.configuration_file;
    let model = &settings.sensor_model;
    if path.is_empty() {
        info!("no tuning file for {model}; the one that comes with the program is used");
        return Tuning::built_in(model);
    }
    let read = || {
        let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
        if !metadata.is_file() || metadata.len() > LONGEST as u64 {
            return Err(format!("no file of {LONGEST} bytes at most"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Tuning::parse(&text).map_err(|error| error.to_string())
    };
    read().unwrap_or_else(|problem| {
        log::error!(
            "tuning file {path}: {problem}; the one that comes with the program is used instead"
        );
        Tuning::built_in(model)
    })
}
