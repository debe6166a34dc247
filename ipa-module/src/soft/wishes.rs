//! What an application asked for. A control holds until it is set again, as libcamera's do.

use crate::controls::{List, Value, id};
use crate::tuning::Look;

/// What an application asked for; what it did not ask for is as the tuning file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// Exposure time in microseconds while it is set by hand; 0 until somebody says which.
    pub exposure_time: Option<f64>,
    /// Analogue gain while it is set by hand; 0 until somebody says which.
    pub gain: Option<f64>,
    /// Exposure value, in stops.
    pub exposure_value: f64,
    /// 0 normal, 1 short, 2 long.
    pub exposure_mode: usize,
    /// 0 normal, 1 highlights, 2 shadows.
    pub constraint_mode: usize,
    /// Whether the light flickers.
    pub flicker: bool,
    /// Period of the flicker in microseconds.
    pub flicker_period: f64,
    /// Whether white balance follows the light.
    pub white_balance: bool,
    /// 0 auto, then incandescent, tungsten, fluorescent, indoor, daylight, cloudy.
    pub white_balance_mode: usize,
    /// Gains of red and blue, or the temperature they belong to, set by hand.
    pub colour: Option<Colour>,
    /// Colour correction matrix set by hand.
    pub correction: Option<[f64; 9]>,
    /// Gamma, contrast and saturation.
    pub look: Look,
}

/// White balance set by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colour {
    /// Gains of red and blue.
    Gains([f64; 2]),
    /// In kelvin.
    Temperature(f64),
}

/// Limits of what may be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// In microseconds.
    pub exposure_us: [f64; 2],
    /// Analogue gains.
    pub gains: [f64; 2],
}

/// A control that was not taken as it was.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Complaint {
    /// The nearest value was taken.
    #[error("control {0}: {1} is out of range, the nearest value is taken")]
    Clamped(u32, f64),
    /// It was ignored.
    #[error("control {0}: {1:?} is of the wrong type, or no value that it has; ignored")]
    Ignored(u32, Value),
}

/// Stops.
pub const EXPOSURE_VALUES: [f64; 2] = [-4.0, 4.0];
/// Microseconds: 1 kHz to 10 Hz.
pub const FLICKER_PERIODS: [f64; 2] = [1_000.0, 100_000.0];
/// Of red and blue.
pub const COLOUR_GAINS: [f64; 2] = [0.1, 16.0];
/// In kelvin.
pub const TEMPERATURES: [f64; 2] = [2000.0, 10_000.0];
/// Of a colour correction matrix.
pub const COEFFICIENTS: [f64; 2] = [-16.0, 16.0];
/// Exponents.
pub const GAMMAS: [f64; 2] = [0.1, 10.0];
/// 0 is flat, 1 as it is.
pub const CONTRASTS: [f64; 2] = [0.0, 2.0];
/// 0 is grey, 1 as it is.
pub const SATURATIONS: [f64; 2] = [0.0, 2.0];
/// A mains of 50 Hz lets lamps flicker at 100 Hz.
const FLICKER_OF_50_HZ: f64 = 10_000.0;

impl Wishes {
    /// Nothing asked for.
    pub fn new(look: Look) -> Self {
        Self {
            exposure_time: None,
            gain: None,
            exposure_value: 0.0,
            exposure_mode: 0,
            constraint_mode: 0,
            flicker: false,
            flicker_period: FLICKER_OF_50_HZ,
            white_balance: true,
            white_balance_mode: 0,
            colour: None,
            correction: None,
            look,
        }
    }

    /// Takes an application's controls, and tells what was not taken as it was.
    pub fn take(&mut self, controls: &List, limits: &Limits, mut complain: impl FnMut(Complaint)) {
        let mut reader = Reader {
            controls,
            complain: &mut complain,
        };
        self.exposure(&mut reader, limits);
        self.colour(&mut reader);
        if let Some(value) = reader.number(id::GAMMA, GAMMAS) {
            self.look.gamma = value;
        }
        if let Some(value) = reader.number(id::CONTRAST, CONTRASTS) {
            self.look.contrast = value;
        }
        if let Some(value) = reader.number(id::SATURATION, SATURATIONS) {
            self.look.saturation = value;
        }
    }

    fn exposure(&mut self, reader: &mut Reader, limits: &Limits) {
        // libcamera translates AeEnable into both modes itself, unless an application set one of them.
        if let Some(manual) = reader.choice(id::EXPOSURE_TIME_MODE, 2) {
            self.exposure_time = (manual == 1).then(|| self.exposure_time.unwrap_or_default());
        }
        if let Some(manual) = reader.choice(id::ANALOGUE_GAIN_MODE, 2) {
            self.gain = (manual == 1).then(|| self.gain.unwrap_or_default());
        }
        // A value that is set in auto mode is ignored and not kept.
        if let Some(time) = &mut self.exposure_time
            && let Some(value) = reader.number(id::EXPOSURE_TIME, limits.exposure_us)
        {
            *time = value;
        }
        if let Some(gain) = &mut self.gain
            && let Some(value) = reader.number(id::ANALOGUE_GAIN, limits.gains)
        {
            *gain = value;
        }
        if let Some(value) = reader.number(id::EXPOSURE_VALUE, EXPOSURE_VALUES) {
            self.exposure_value = value;
        }
        if let Some(mode) = reader.choice(id::AE_EXPOSURE_MODE, 3) {
            self.exposure_mode = mode;
        }
        if let Some(mode) = reader.choice(id::AE_CONSTRAINT_MODE, 3) {
            self.constraint_mode = mode;
        }
        if let Some(mode) = reader.choice(id::AE_FLICKER_MODE, 2) {
            self.flicker = mode == 1;
        }
        if let Some(period) = reader.number(id::AE_FLICKER_PERIOD, FLICKER_PERIODS) {
            self.flicker_period = period;
        }
        // One way of metering: the whole picture.
        if let Some(Value::I32(mode)) = reader.controls.get(id::AE_METERING_MODE)
            && mode != METERING_MATRIX
        {
            (reader.complain)(Complaint::Ignored(id::AE_METERING_MODE, Value::I32(mode)));
        }
    }

    fn colour(&mut self, reader: &mut Reader) {
        if let Some(enable) = reader.controls.get(id::AWB_ENABLE) {
            match enable {
                Value::Bool(enable) => self.white_balance = enable,
                other => (reader.complain)(Complaint::Ignored(id::AWB_ENABLE, other)),
            }
        }
        if self.white_balance {
            self.colour = None;
            self.correction = None;
        }
        if let Some(mode) = reader.choice(id::AWB_MODE, MODES) {
            self.white_balance_mode = mode;
        }
        // What is set by hand counts only while white balance does not follow the light.
        if self.white_balance {
            return;
        }
        if let Some(kelvin) = reader.number(id::COLOUR_TEMPERATURE, TEMPERATURES) {
            self.colour = Some(Colour::Temperature(kelvin));
            self.correction = None;
        }
        // Gains go before a temperature in the same request.
        if let Some(gains) = reader.numbers::<2>(id::COLOUR_GAINS, COLOUR_GAINS) {
            self.colour = Some(Colour::Gains(gains));
        }
        if let Some(matrix) = reader.numbers::<9>(id::COLOUR_CORRECTION_MATRIX, COEFFICIENTS) {
            self.correction = Some(matrix);
        }
    }
}

/// `MeteringMatrix`.
pub const METERING_MATRIX: i32 = 2;
/// White balance modes.
const MODES: usize = 7;

struct Reader<'a> {
    controls: &'a List,
    complain: &'a mut dyn FnMut(Complaint),
}

impl Reader<'_> {
    fn number(&mut self, control: u32, range: [f64; 2]) -> Option<f64> {
        let value = self.controls.get(control)?;
        let number = match value {
            Value::F32(number) => f64::from(number),
            other => match other.integer() {
                Some(number) => number as f64,
                None => f64::NAN,
            },
        };
        if number.is_nan() {
            (self.complain)(Complaint::Ignored(control, value));
            return None;
        }
        Some(self.clamped(control, number, range))
    }

    fn numbers<const N: usize>(&mut self, control: u32, range: [f64; 2]) -> Option<[f64; N]> {
        let value = self.controls.get(control)?;
        if let Value::F32s(few) = value
            && let Ok(numbers) = <[f32; N]>::try_from(few.as_slice())
            && numbers.iter().all(|number| !number.is_nan())
        {
            return Some(numbers.map(|number| self.clamped(control, f64::from(number), range)));
        }
        (self.complain)(Complaint::Ignored(control, value));
        None
    }

    fn choice(&mut self, control: u32, count: usize) -> Option<usize> {
        let value = self.controls.get(control)?;
        let choice = value
            .integer()
            .and_then(|choice| usize::try_from(choice).ok());
        let choice = choice.filter(|choice| *choice < count);
        if choice.is_none() {
            (self.complain)(Complaint::Ignored(control, value));
        }
        choice
    }

    fn clamped(&mut self, control: u32, number: f64, [low, high]: [f64; 2]) -> f64 {
        // Half a per mille: limits travel as single precision or whole microseconds.
        let slack = 5e-4 * (high - low);
        if number < low - slack || number > high + slack {
            (self.complain)(Complaint::Clamped(control, number));
        }
        number.clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Few;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        exposure_us: [20.0, 30_000.0],
        gains: [1.0, 10.0],
    };

    fn after(wishes: &mut Wishes, controls: &[(u32, Value)]) -> Vec<Complaint> {
        let mut list = List::default();
        for (control, value) in controls {
            list.set(*control, *value);
        }
        let mut complaints = Vec::new();
        wishes.take(&list, &LIMITS, |complaint| complaints.push(complaint));
        complaints
    }

    #[test]
    fn a_value_in_auto_mode_is_ignored_and_not_kept() {
        let mut wishes = Wishes::new(Look::NATURAL);
        after(&mut wishes, &[(id::EXPOSURE_TIME, Value::I32(5000))]);
        assert_eq!(wishes, Wishes::new(Look::NATURAL));
        after(&mut wishes, &[(id::EXPOSURE_TIME_MODE, Value::I32(1))]);
        assert_eq!(wishes.exposure_time, Some(0.0));
        after(&mut wishes, &[(id::EXPOSURE_TIME, Value::I32(5000))]);
        assert_eq!(wishes.exposure_time, Some(5000.0));
        after(&mut wishes, &[(id::EXPOSURE_TIME_MODE, Value::I32(0))]);
        assert_eq!(wishes.exposure_time, None);
    }

    #[test]
    fn colour_by_hand_counts_while_white_balance_is_off() {
        let mut wishes = Wishes::new(Look::NATURAL);
        let gains = Value::F32s(Few::new(&[2.0, 1.5]).unwrap());
        after(&mut wishes, &[(id::COLOUR_GAINS, gains)]);
        assert_eq!(wishes.colour, None);
        after(
            &mut wishes,
            &[
                (id::AWB_ENABLE, Value::Bool(false)),
                (id::COLOUR_GAINS, gains),
                (id::COLOUR_TEMPERATURE, Value::I32(4000)),
            ],
        );
        assert_eq!(wishes.colour, Some(Colour::Gains([2.0, 1.5])));
        after(&mut wishes, &[(id::COLOUR_TEMPERATURE, Value::I32(4000))]);
        assert_eq!(wishes.colour, Some(Colour::Temperature(4000.0)));
        after(&mut wishes, &[(id::AWB_ENABLE, Value::Bool(true))]);
        assert_eq!(wishes.colour, None);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut wishes = Wishes::new(Look::NATURAL);
        assert_eq!(
            after(&mut wishes, &[(id::CONTRAST, Value::F32(9.0))]),
            [Complaint::Clamped(id::CONTRAST, 9.0)]
        );
        assert_eq!(wishes.look.contrast, 2.0);
        for (control, value) in [
            (id::CONTRAST, Value::Other),
            (id::AWB_MODE, Value::I32(7)),
            (id::AE_EXPOSURE_MODE, Value::I32(-1)),
            (id::AWB_ENABLE, Value::F32(1.0)),
            (id::AE_METERING_MODE, Value::I32(1)),
        ] {
            let before = wishes.clone();
            assert_eq!(
                after(&mut wishes, &[(control, value)]),
                [Complaint::Ignored(control, value)]
            );
            assert_eq!(wishes, before);
        }
        let nan = Value::F32(f32::NAN);
        assert_eq!(after(&mut wishes, &[(id::GAMMA, nan)]).len(), 1);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_wishes_are_in_range(
            controls in proptest::collection::vec((0..60u32, prop_oneof![
                any::<i32>().prop_map(Value::I32),
                any::<bool>().prop_map(Value::Bool),
                any::<f32>().prop_map(Value::F32),
                proptest::collection::vec(any::<f32>(), 0..=9).prop_map(|few| Value::F32s(Few::new(&few).unwrap())),
                (0..3i32).prop_map(Value::I32),
            ]), 0..30),
        ) {
            let mut wishes = Wishes::new(Look::NATURAL);
            after(&mut wishes, &controls);
            prop_assert!((0.1..=10.0).contains(&wishes.look.gamma));
            prop_assert!(wishes.exposure_time.is_none_or(|time| (0.0..=30_000.0).contains(&time)));
            prop_assert!(wishes.exposure_mode < 3 && wishes.constraint_mode < 3 && wishes.white_balance_mode < 7);
            if let Some(Colour::Gains(gains)) = wishes.colour {
                prop_assert!(gains.iter().all(|gain| (0.1..=16.0).contains(gain)));
            }
        }
    }
}
