//! What a frame was taken with, for applications: its metadata.

use super::frames::Frame;
use super::wishes::{METERING_MATRIX, Wishes};
use crate::algorithms::exposure_split::Stage;
use crate::controls::{Few, List, Value, id};

/// What is told of a frame besides what its picture was made with.
pub(super) struct Taken<'a> {
    pub(super) stage: Stage,
    pub(super) frame: &'a Frame,
    pub(super) wishes: &'a Wishes,
    pub(super) converged: bool,
    pub(super) settled: bool,
    pub(super) black: f64,
    pub(super) lux: Option<f64>,
}

/// `AeState`: idle, searching, converged.
const AE_STATES: [i32; 3] = [0, 1, 2];

pub(super) fn report(taken: &Taken, metadata: &mut List) {
    let Taken { frame, wishes, .. } = taken;
    let choice = |choice: bool| Value::I32(i32::from(choice));
    let real = |value: f64| Value::F32(value as f32);
    let reals = |values: &[f32]| Few::new(values).map_or(Value::Other, Value::F32s);
    let manual = [wishes.exposure_time, wishes.gain].map(|wish| wish.is_some());
    let state = match (manual, taken.converged) {
        ([true, true], _) => AE_STATES[0],
        (_, false) => AE_STATES[1],
        (_, true) => AE_STATES[2],
    };
    let black = (taken.black * 65536.0).round() as i32;
    let correction: [f32; 9] =
        std::array::from_fn(|index| frame.correction[index / 3][index % 3] as f32);
    let entries = [
        (
            id::EXPOSURE_TIME,
            Value::I32(taken.stage.exposure_us.round() as i32),
        ),
        (id::ANALOGUE_GAIN, real(taken.stage.gain)),
        (id::DIGITAL_GAIN, real(frame.digital_gain)),
        (id::EXPOSURE_TIME_MODE, choice(manual[0])),
        (id::ANALOGUE_GAIN_MODE, choice(manual[1])),
        (id::EXPOSURE_VALUE, real(wishes.exposure_value)),
        (id::AE_STATE, Value::I32(state)),
        (
            id::AE_EXPOSURE_MODE,
            Value::I32(wishes.exposure_mode as i32),
        ),
        (
            id::AE_CONSTRAINT_MODE,
            Value::I32(wishes.constraint_mode as i32),
        ),
        (id::AE_METERING_MODE, Value::I32(METERING_MATRIX)),
        (id::AE_FLICKER_MODE, choice(wishes.flicker)),
        (
            id::AE_FLICKER_PERIOD,
            Value::I32(wishes.flicker_period as i32),
        ),
        (id::AWB_ENABLE, Value::Bool(wishes.white_balance)),
        (id::AWB_MODE, Value::I32(wishes.white_balance_mode as i32)),
        (id::AWB_LOCKED, Value::Bool(taken.settled)),
        (
            id::COLOUR_GAINS,
            reals(&frame.light.gains.map(|gain| gain as f32)),
        ),
        (
            id::COLOUR_TEMPERATURE,
            Value::I32(frame.light.kelvin.round() as i32),
        ),
        (id::COLOUR_CORRECTION_MATRIX, reals(&correction)),
        (
            id::SENSOR_BLACK_LEVELS,
            Few::new(&[black; 4]).map_or(Value::Other, Value::I32s),
        ),
        (id::GAMMA, real(frame.look.gamma)),
        (id::CONTRAST, real(frame.look.contrast)),
        (id::SATURATION, real(frame.look.saturation)),
    ];
    metadata.clear();
    for (control, value) in entries {
        metadata.set(control, value);
    }
    if let Some(lux) = taken.lux {
        metadata.set(id::LUX, real(lux));
    }
}
