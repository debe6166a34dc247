//! Controls that applications are offered, with limits and defaults.

use super::wishes::{
    COEFFICIENTS, COLOUR_GAINS, CONTRASTS, EXPOSURE_VALUES, FLICKER_PERIODS, GAMMAS, Limits,
    METERING_MATRIX, SATURATIONS, TEMPERATURES,
};
use crate::controls::{Few, Info, Value, id};
use crate::tuning::Look;

/// What is offered with a sensor of such limits and pictures of such a look.
pub(super) fn controls(limits: &Limits, look: &Look) -> Vec<Info> {
    let info = |id, minimum, maximum, default| Info {
        id,
        minimum,
        maximum,
        default,
    };
    let choice = |id, last| info(id, Value::I32(0), Value::I32(last), Value::I32(0));
    let boolean = |id| info(id, Value::Bool(false), Value::Bool(true), Value::Bool(true));
    let real = |id, [low, high]: [f64; 2], default: f64| {
        info(
            id,
            Value::F32(low as f32),
            Value::F32(high as f32),
            Value::F32(default as f32),
        )
    };
    let whole = |id, [low, high]: [f64; 2], default: f64| {
        let number = |value: f64| Value::I32(value as i32);
        // Limits within what can be set.
        info(
            id,
            number(low.ceil()),
            number(high.floor()),
            number(default),
        )
    };
    // An array's limits are those of its elements.
    let array = |id, [low, high]: [f64; 2], default: &[f32]| Info {
        id,
        minimum: Value::F32(low as f32),
        maximum: Value::F32(high as f32),
        default: Few::new(default).map_or(Value::Other, Value::F32s),
    };
    const UNCHANGED: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let exposure = limits.exposure_us[1]
        .min(20_000.0)
        .max(limits.exposure_us[0]);
    let matrix = Value::I32(METERING_MATRIX);
    vec![
        boolean(id::AE_ENABLE),
        info(id::AE_METERING_MODE, matrix, matrix, matrix),
        choice(id::AE_CONSTRAINT_MODE, 2),
        choice(id::AE_EXPOSURE_MODE, 2),
        real(id::EXPOSURE_VALUE, EXPOSURE_VALUES, 0.0),
        whole(id::EXPOSURE_TIME, limits.exposure_us, exposure),
        choice(id::EXPOSURE_TIME_MODE, 1),
        real(id::ANALOGUE_GAIN, limits.gains, limits.gains[0]),
        choice(id::ANALOGUE_GAIN_MODE, 1),
        choice(id::AE_FLICKER_MODE, 1),
        whole(id::AE_FLICKER_PERIOD, FLICKER_PERIODS, 10_000.0),
        boolean(id::AWB_ENABLE),
        choice(id::AWB_MODE, 6),
        array(id::COLOUR_GAINS, COLOUR_GAINS, &[1.0, 1.0]),
        whole(id::COLOUR_TEMPERATURE, TEMPERATURES, 5000.0),
        array(id::COLOUR_CORRECTION_MATRIX, COEFFICIENTS, &UNCHANGED),
        real(id::GAMMA, GAMMAS, look.gamma),
        real(id::CONTRAST, CONTRASTS, look.contrast),
        real(id::SATURATION, SATURATIONS, look.saturation),
    ]
}
