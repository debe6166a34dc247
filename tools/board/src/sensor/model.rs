//! What a sensor file can say: the values of `sensors/NAME.toml`.
//!
//! Distances on the array are in native pixels, counted from the top left of the whole array, unless a field
//! says otherwise. Reading and checking the file is in [`super::parse`].

use crate::bayer::BayerOrder;
use serde::Deserialize;

/// One sensor model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorModel {
    /// Name as the kernel driver has it, e.g. `imx283`.
    pub name: String,
    /// Black level at 16 bit, added to every pixel.
    pub black_level: u16,
    /// The I2C side.
    pub bus: Bus,
    /// Registers that are not zero after power-on or reset.
    pub power_on: Vec<PowerOn>,
    /// The sensor streams while all of these hold.
    pub streaming: Vec<Condition>,
    /// The pixel array.
    pub array: PixelArray,
    /// Read-out modes; the first whose conditions hold is in force.
    pub modes: Vec<Mode>,
    /// What part of the array is read.
    pub window: Window,
    /// Mirrored read-out.
    #[serde(default)]
    pub flips: Flips,
    /// Line and frame length.
    pub timing: Timing,
    /// Exposure time.
    pub exposure: Exposure,
    /// Gain before conversion.
    pub analogue_gain: Gain,
    /// Gain after conversion.
    pub digital_gain: Option<Gain>,
    /// Test pattern generator.
    pub test_pattern: Option<PatternGenerator>,
    /// When register writes take effect.
    pub delays: Delays,
    /// Noise of a photosite.
    pub noise: Noise,
    /// Sensitivity.
    pub sensitivity: Sensitivity,
    /// Response to coloured light.
    pub colour: ColourResponse,
}

/// Order of the bytes of a register field, lowest address first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByteOrder {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

/// The I2C side of a sensor. Register addresses have 16 bits, most significant byte first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// 7-bit address.
    pub address: u8,
    /// Order of multi-byte fields.
    pub byte_order: ByteOrder,
}

/// A register field that is not zero after power-on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerOn {
    /// First register.
    pub register: u16,
    /// Length in bytes, 1..=4.
    #[serde(default = "one")]
    pub bytes: u8,
    /// The value.
    pub value: u32,
}

/// True when `register & mask == value`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The register.
    pub register: u16,
    /// Bits that count; all when not given.
    #[serde(default = "all_bits")]
    pub mask: u8,
    /// What they must be.
    pub value: u8,
}

/// A number in registers: `code * scale + offset`, the code being the masked bits, shifted down.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// First register.
    pub register: u16,
    /// Length in bytes, 1..=4.
    #[serde(default = "one")]
    pub bytes: u8,
    /// Bits that count; all when not given.
    pub mask: Option<u32>,
    /// Whether the top bit is a sign (two's complement).
    #[serde(default)]
    pub signed: bool,
    /// Units per count.
    #[serde(default = "unit_scale")]
    pub scale: i32,
    /// Added after scaling.
    #[serde(default)]
    pub offset: i32,
    /// Whether it counts binned pixels or lines, so that the value is multiplied by the binning factor.
    #[serde(default)]
    pub binned: bool,
}

/// The pixel array.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelArray {
    /// Columns in all.
    pub width: u32,
    /// Rows in all.
    pub height: u32,
    /// The part that sees light and is meant to be read.
    pub active: Area,
    /// Distance of two pixels in micrometres.
    pub pitch_um: f64,
    /// Colours of the top left quad of an unmirrored read-out.
    #[serde(with = "BayerName")]
    pub bayer: BayerOrder,
    /// Whether the order changes when the read-out is mirrored, because the window stays.
    pub flips_change_bayer: bool,
}

/// A rectangle of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A read-out mode.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// What it is, for logs.
    pub name: String,
    /// In force while all of these hold.
    pub when: Vec<Condition>,
    /// Bits per pixel on the wire.
    pub bits: u8,
    /// Columns and rows of one colour that are averaged into one pixel.
    pub binning: [u8; 2],
    /// Clocks of exposure beyond whole lines.
    #[serde(default)]
    pub exposure_offset: u32,
}

/// What part of the array is read, in native pixels. A negative position counts from the far edge.
///
/// Where neither `width` nor `right` (`height` nor `bottom`) is given, the output size times the binning is
/// the size; where no output size is given, the size divided by the binning is the output size.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The fields below count while all of these hold; otherwise the active area is read.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// First column.
    pub left: Quantity,
    /// First row.
    pub top: Quantity,
    /// Columns.
    pub width: Option<Quantity>,
    /// Rows.
    pub height: Option<Quantity>,
    /// Column after the last.
    pub right: Option<Quantity>,
    /// Row after the last.
    pub bottom: Option<Quantity>,
    /// Columns on the wire.
    pub output_width: Option<Quantity>,
    /// Rows on the wire.
    pub output_height: Option<Quantity>,
}

/// Mirrored read-out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flips {
    /// Columns run right to left while this holds.
    pub horizontal: Option<Condition>,
    /// Rows run bottom to top while this holds.
    pub vertical: Option<Condition>,
}

/// Line and frame length.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Clock that the line length counts.
    pub clock: Clock,
    /// Clocks per line.
    pub line_length: Quantity,
    /// Lines per frame.
    pub frame_length: Quantity,
}

/// A clock of `hz * multiply / divide`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Frequency before the registers in hertz.
    pub hz: f64,
    /// Multiplier; a zero there counts as one.
    pub multiply: Option<Quantity>,
    /// Divider; a zero there counts as one.
    pub divide: Option<Quantity>,
}

/// Exposure time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// The register.
    pub lines: Quantity,
    /// What it counts.
    pub counts: ExposureCount,
}

/// What an exposure register counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExposureCount {
    /// Lines during which light is collected.
    Open,
    /// Lines of the frame before light is collected: Sony's SHR and SHS1.
    Closed,
}

/// A gain register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// The register.
    pub code: Quantity,
    /// Largest code the chip accepts; larger ones act like it.
    pub max_code: u32,
    /// From code to factor.
    pub formula: GainFormula,
}

/// From gain code to factor.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GainFormula {
    /// `n / (n - code)`.
    Reciprocal(f64),
    /// `code * n` decibels (20 dB are a factor of ten).
    Decibel(f64),
    /// `code / n`.
    Linear(f64),
}

/// Test pattern generator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternGenerator {
    /// It runs while these hold and, where `when` is empty, while `code` is not zero.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// Which pattern.
    pub code: Quantity,
    /// Patterns known; any other code shows vertical bars and is reported.
    pub patterns: Vec<PatternCode>,
}

/// One pattern of a generator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternCode {
    /// Its code.
    pub code: u32,
    /// What it shows.
    pub shows: PatternKind,
}

/// What a test pattern shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatternKind {
    /// One value (at 16 bit) everywhere.
    Flat(u16),
    /// Red, green in red rows, blue, green in blue rows from 16-bit registers holding 10 bits.
    Solid([u16; 4]),
    /// Eight colour bars side by side.
    VerticalBars,
    /// Eight colour bars one above the other.
    HorizontalBars,
    /// Vertical bars that fade to grey towards the bottom.
    FadingBars,
}

/// In which frame after the write a register takes effect: 1 is the next frame to start.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delays {
    /// Exposure.
    pub exposure: u8,
    /// Analogue and digital gain.
    pub gain: u8,
    /// Frame length.
    pub frame_length: u8,
    /// Line length.
    pub line_length: u8,
}

/// Noise of a photosite.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Electrons at the end of the scale with gain 1.
    pub full_well_e: f64,
    /// Read noise in electrons, root mean square.
    pub read_noise_e: f64,
    /// Dark current in electrons per second.
    pub dark_current_e_per_s: f64,
}

/// Sensitivity, as a measurement: a scene of mean grey at `lux` gives `level` at this exposure and gain.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Illuminance in lux.
    pub lux: f64,
    /// Exposure time in microseconds.
    pub exposure_us: f64,
    /// Analogue gain.
    pub gain: f64,
    /// Green level at 16 bit, above black.
    pub level: f64,
}

/// Response to coloured light.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColourResponse {
    /// What a grey surface gives: `[kelvin, red / green, blue / green]`, ascending.
    pub ct_curve: Vec<[f64; 3]>,
    /// From white-balanced sensor colours to linear sRGB, ascending in temperature.
    pub matrices: Vec<ColourMatrix>,
}

/// A colour matrix for one light.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColourMatrix {
    /// Colour temperature of the light.
    pub kelvin: f64,
    /// Row by row.
    pub rows: [[f64; 3]; 3],
}

/// Names of Bayer orders in a sensor file.
#[derive(Deserialize)]
#[serde(remote = "BayerOrder", rename_all = "lowercase")]
enum BayerName {
    Rggb,
    Gbrg,
    Bggr,
    Grbg,
}

const fn one() -> u8 {
    1
}

const fn all_bits() -> u8 {
    0xff
}

const fn unit_scale() -> i32 {
    1
}

impl Quantity {
    /// `bytes` plain bytes from `register`.
    pub const fn bytes(register: u16, bytes: u8) -> Self {
        Self {
            register,
            bytes,
            mask: None,
            signed: false,
            scale: 1,
            offset: 0,
            binned: false,
        }
    }
}

impl Gain {
    /// Factor of `code`.
    pub fn factor(&self, code: u32) -> f64 {
        let code = f64::from(code.min(self.max_code));
        match self.formula {
            GainFormula::Reciprocal(n) => n / (n - code),
            GainFormula::Decibel(n) => 10f64.powf(code * n / 20.0),
            GainFormula::Linear(n) => code / n,
        }
    }
}
