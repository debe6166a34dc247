//! Reads sensor files strictly: an unknown key, a missing one or a value that cannot be is an error that
//! names the file and the place.

use super::model::{Condition, GainFormula, Quantity, SensorModel};
use std::sync::Arc;

/// Longest delay of a register, in frames.
pub(super) const MAX_DELAY: u8 = 4;

/// Largest side of a pixel array: above every sensor for cameras, small enough that a frame fits memory.
const MAX_SIDE: u32 = 16384;

/// Why there is no such sensor.
#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    /// No file of that name.
    #[error("there is no sensor \"{name}\"; known are {}", SensorModel::NAMES.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// Not TOML, or keys that a sensor file does not have.
    #[error("{file}: {source}")]
    Syntax {
        /// The file.
        file: String,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{file}: {problem}")]
    Value {
        /// The file.
        file: String,
        /// Which key, and what is wrong with it.
        problem: String,
    },
}

impl SensorModel {
    /// The sensors that come with the board.
    pub const NAMES: [&'static str; 3] = ["imx283", "imx219", "imx296"];

    /// The sensor `name` that comes with the board.
    ///
    /// # Errors
    /// [`SensorError::Unknown`], which lists the names.
    pub fn named(name: &str) -> Result<Arc<Self>, SensorError> {
        let text = match name {
            "imx283" => include_str!("../../sensors/imx283.toml"),
            "imx219" => include_str!("../../sensors/imx219.toml"),
            "imx296" => include_str!("../../sensors/imx296.toml"),
            _ => return Err(SensorError::Unknown { name: name.into() }),
        };
        Self::from_toml(&format!("sensors/{name}.toml"), text).map(Arc::new)
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// [`SensorError::Syntax`] with line and column, or [`SensorError::Value`] with the key.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, SensorError> {
        let model: Self = toml::from_str(text).map_err(|source| SensorError::Syntax {
            file: file.into(),
            source: source.into(),
        })?;
        match model.problem() {
            Some(problem) => Err(SensorError::Value {
                file: file.into(),
                problem,
            }),
            None => Ok(model),
        }
    }

    /// The first value that cannot be.
    fn problem(&self) -> Option<String> {
        self.array_problem()
            .or_else(|| self.register_problem())
            .or_else(|| self.rate_problem())
            .or_else(|| self.light_problem())
    }

    fn array_problem(&self) -> Option<String> {
        let array = &self.array;
        let active = array.active;
        let sides = [array.width, array.height];
        let ends = [
            active.left.checked_add(active.width),
            active.top.checked_add(active.height),
        ];
        if sides.iter().any(|side| !(16..=MAX_SIDE).contains(side)) {
            return Some(format!(
                "array.width and array.height must be 16 to {MAX_SIDE}"
            ));
        }
        if active.width < 16 || active.height < 16 {
            return Some("array.active must be at least 16 by 16 pixels".into());
        }
        if ends
            .iter()
            .zip(sides)
            .any(|(end, side)| end.is_none_or(|end| end > side))
        {
            return Some("array.active must lie within the array".into());
        }
        if !(0.1..=100.0).contains(&array.pitch_um) {
            return Some("array.pitch_um must be 0.1 to 100 micrometres".into());
        }
        if self.modes.is_empty() {
            return Some("at least one [[modes]] entry is needed".into());
        }
        for mode in &self.modes {
            if !(8..=16).contains(&mode.bits) {
                return Some(format!("modes \"{}\": bits must be 8 to 16", mode.name));
            }
            if mode.binning.iter().any(|factor| !(1..=8).contains(factor)) {
                return Some(format!(
                    "modes \"{}\": binning factors must be 1 to 8",
                    mode.name
                ));
            }
        }
        None
    }

    fn register_problem(&self) -> Option<String> {
        if self.bus.address > 0x7f {
            return Some("bus.address is a 7-bit address: 0x00 to 0x7f".into());
        }
        if self.streaming.is_empty() {
            return Some("streaming needs at least one condition".into());
        }
        for field in &self.power_on {
            let fits = matches!(field.bytes, 1..=4)
                && (field.bytes == 4 || field.value >> (8 * u32::from(field.bytes)) == 0);
            if !fits {
                let register = field.register;
                return Some(format!(
                    "power_on {register:#06x}: bytes must be 1 to 4 and hold the value"
                ));
            }
        }
        for (key, quantity) in self.quantities() {
            if !matches!(quantity.bytes, 1..=4) || quantity.mask == Some(0) {
                return Some(format!("{key}: bytes must be 1 to 4 and the mask not zero"));
            }
        }
        for condition in self.conditions() {
            if condition.value & !condition.mask != 0 {
                let register = condition.register;
                return Some(format!(
                    "condition on {register:#06x} can never hold: value has bits outside mask"
                ));
            }
        }
        None
    }

    fn rate_problem(&self) -> Option<String> {
        let delays = &self.delays;
        let delays = [
            delays.exposure,
            delays.gain,
            delays.frame_length,
            delays.line_length,
        ];
        if delays.iter().any(|delay| !(1..=MAX_DELAY).contains(delay)) {
            return Some(format!("delays must be 1 to {MAX_DELAY} frames"));
        }
        if !(1e6..=1e10).contains(&self.timing.clock.hz) {
            return Some("timing.clock.hz must be 1 MHz to 10 GHz".into());
        }
        let gains = [
            ("analogue_gain", Some(&self.analogue_gain)),
            ("digital_gain", self.digital_gain.as_ref()),
        ];
        for (key, gain) in gains {
            let Some(gain) = gain else { continue };
            let (GainFormula::Reciprocal(n) | GainFormula::Decibel(n) | GainFormula::Linear(n)) =
                gain.formula;
            if n <= 0.0 || !(0.0..=1e4).contains(&gain.factor(gain.max_code)) {
                return Some(format!(
                    "{key}: the formula must give 0 to 10000 up to max_code"
                ));
            }
        }
        None
    }

    fn light_problem(&self) -> Option<String> {
        let noise = &self.noise;
        let positive = [
            ("noise.full_well_e", noise.full_well_e),
            ("sensitivity.lux", self.sensitivity.lux),
            ("sensitivity.exposure_us", self.sensitivity.exposure_us),
            ("sensitivity.gain", self.sensitivity.gain),
            ("sensitivity.level", self.sensitivity.level),
        ];
        for (key, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Some(format!("{key} must be greater than zero"));
            }
        }
        for (key, value) in [
            ("noise.read_noise_e", noise.read_noise_e),
            ("noise.dark_current_e_per_s", noise.dark_current_e_per_s),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Some(format!("{key} must not be negative"));
            }
        }
        let curve = &self.colour.ct_curve;
        let rising = curve.windows(2).all(|pair| pair[0][0] < pair[1][0]);
        if curve.len() < 2 || !rising || !curve.iter().flatten().all(|value| *value > 0.0) {
            return Some("colour.ct_curve needs two or more points, rising, all positive".into());
        }
        let matrices = &self.colour.matrices;
        if matrices.is_empty()
            || !matrices
                .windows(2)
                .all(|pair| pair[0].kelvin < pair[1].kelvin)
        {
            return Some("colour.matrices needs one or more entries, rising in kelvin".into());
        }
        // What keeps them, and all between two of them, invertible.
        let dominant = |(index, row): (usize, &[f64; 3])| {
            2.0 * row[index] > row.iter().map(|value| value.abs()).sum::<f64>()
        };
        if let Some(matrix) = matrices
            .iter()
            .find(|m| !m.rows.iter().enumerate().all(dominant))
        {
            return Some(format!(
                "colour.matrices at {} K: the diagonal must outweigh the rest of each row",
                matrix.kelvin
            ));
        }
        None
    }

    fn quantities(&self) -> Vec<(&'static str, &Quantity)> {
        let window = &self.window;
        let mut all = vec![
            ("window.left", &window.left),
            ("window.top", &window.top),
            ("timing.line_length", &self.timing.line_length),
            ("timing.frame_length", &self.timing.frame_length),
            ("exposure.lines", &self.exposure.lines),
            ("analogue_gain.code", &self.analogue_gain.code),
        ];
        let optional = [
            ("window.width", window.width.as_ref()),
            ("window.height", window.height.as_ref()),
            ("window.right", window.right.as_ref()),
            ("window.bottom", window.bottom.as_ref()),
            ("window.output_width", window.output_width.as_ref()),
            ("window.output_height", window.output_height.as_ref()),
            ("timing.clock.multiply", self.timing.clock.multiply.as_ref()),
            ("timing.clock.divide", self.timing.clock.divide.as_ref()),
            (
                "digital_gain.code",
                self.digital_gain.as_ref().map(|gain| &gain.code),
            ),
            (
                "test_pattern.code",
                self.test_pattern.as_ref().map(|pattern| &pattern.code),
            ),
        ];
        all.extend(
            optional
                .into_iter()
                .filter_map(|(key, quantity)| Some((key, quantity?))),
        );
        all
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let patterns = self.test_pattern.iter().flat_map(|pattern| &pattern.when);
        let flips = self.flips.horizontal.iter().chain(&self.flips.vertical);
        let modes = self.modes.iter().flat_map(|mode| &mode.when);
        self.streaming
            .iter()
            .chain(&self.window.when)
            .chain(modes)
            .chain(flips)
            .chain(patterns)
    }
}
