//! From registers to what the sensor puts on the wire: geometry, timing, exposure, gain.
//!
//! Whatever a driver wrote, the result is a picture that fits the array, or an [`Unusable`] that says why
//! there is none. Nothing here divides by a register.

use super::model::{ExposureCount, Mode, PatternKind, Quantity, SensorModel};
use super::registers::Registers;
use crate::bayer::BayerOrder;

/// Smallest picture side: a receiver has no use for less.
const MIN_SIDE: u32 = 16;
/// Shortest frame in seconds: a driver's slip in the timing registers must not flood the receiver.
const MIN_FRAME_S: f64 = 1e-3;
/// Longest frame in seconds.
const MAX_FRAME_S: f64 = 1e3;
/// Bits of a solid pattern's level registers.
const SOLID_BITS: u32 = 10;

/// A rectangle of the pixel array in native pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What a test pattern shows; levels are at 16 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestPattern {
    /// Levels of red, green in red rows, blue, green in blue rows.
    Solid([u16; 4]),
    /// Eight colour bars side by side.
    VerticalBars,
    /// Eight colour bars one above the other.
    HorizontalBars,
    /// Vertical bars that fade to grey towards the bottom.
    FadingBars,
}

/// One frame on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bits per pixel.
    pub bits: u8,
    /// Colours of the top left quad.
    pub order: BayerOrder,
    /// The part of the array that is read.
    pub crop: Rect,
    /// Columns and rows of one colour averaged into one pixel.
    pub binning: [u8; 2],
    /// Exposure time in seconds.
    pub exposure_s: f64,
    /// Gain before conversion.
    pub analogue_gain: f64,
    /// Gain after conversion.
    pub digital_gain: f64,
    /// Time of one line of the frame length register in seconds.
    pub line_s: f64,
    /// Time from this start of frame to the next in seconds.
    pub frame_s: f64,
    /// Columns run right to left.
    pub hflip: bool,
    /// Rows run bottom to top.
    pub vflip: bool,
    /// Black level at `bits`.
    pub black_level: u16,
    /// Shown instead of the scene.
    pub test_pattern: Option<TestPattern>,
}

/// Why registers give no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// No mode's conditions hold.
    #[error("the mode registers select no known read-out mode")]
    Mode,
    /// Too small.
    #[error("the window and size registers give a picture of {width} by {height} pixels")]
    Size {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A line or frame of no length.
    #[error("line length {line} clocks, frame length {frame} lines: one of them is zero")]
    Timing {
        /// Clocks per line.
        line: u32,
        /// Lines per frame.
        frame: u32,
    },
}

/// The register values that take effect after different delays, as they stood at one start of frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    line_length: u32,
    frame_length: u32,
    exposure: u32,
    analogue_code: u32,
    digital_code: u32,
}

impl Sample {
    pub(super) fn take(model: &SensorModel, registers: &Registers) -> Self {
        let value = |quantity| registers.value(quantity).clamp(0, i64::from(u32::MAX)) as u32;
        Self {
            line_length: value(&model.timing.line_length),
            frame_length: value(&model.timing.frame_length),
            exposure: value(&model.exposure.lines),
            analogue_code: registers.code(&model.analogue_gain.code),
            digital_code: model
                .digital_gain
                .as_ref()
                .map_or(0, |gain| registers.code(&gain.code)),
        }
    }
}

/// The frame that starts now. `history[n]` is the [`Sample`] taken n frames ago.
pub(super) fn decode(
    model: &SensorModel,
    registers: &Registers,
    history: &[Sample],
) -> Result<Readout, Unusable> {
    let mode = model
        .modes
        .iter()
        .find(|mode| registers.hold(&mode.when))
        .ok_or(Unusable::Mode)?;
    let (width, height, crop) = window(model, registers, mode)?;
    let after = |delay: u8| &history[usize::from(delay - 1).min(history.len() - 1)];

    let frame = after(model.delays.frame_length).frame_length;
    let line = after(model.delays.line_length).line_length;
    if line == 0 || frame == 0 {
        return Err(Unusable::Timing { line, frame });
    }
    let clock = clock_hz(model, registers);
    let line_s = f64::from(line) / clock;
    let register = after(model.delays.exposure).exposure;
    let lines = match model.exposure.counts {
        ExposureCount::Open => register.min(frame),
        ExposureCount::Closed => frame.saturating_sub(register),
    };
    let gains = after(model.delays.gain);

    let hflip = model
        .flips
        .horizontal
        .as_ref()
        .is_some_and(|on| registers.holds(on));
    let vflip = model
        .flips
        .vertical
        .as_ref()
        .is_some_and(|on| registers.holds(on));
    let mut order = model.array.bayer;
    if hflip && model.array.flips_change_bayer {
        order = order.mirrored_x();
    }
    if vflip && model.array.flips_change_bayer {
        order = order.mirrored_y();
    }
    Ok(Readout {
        width: width as usize,
        height: height as usize,
        bits: mode.bits,
        order,
        crop,
        binning: mode.binning,
        exposure_s: f64::from(lines) * line_s + f64::from(mode.exposure_offset) / clock,
        analogue_gain: model.analogue_gain.factor(gains.analogue_code),
        digital_gain: model
            .digital_gain
            .as_ref()
            .map_or(1.0, |gain| gain.factor(gains.digital_code)),
        line_s,
        frame_s: (line_s * f64::from(frame)).clamp(MIN_FRAME_S, MAX_FRAME_S),
        hflip,
        vflip,
        black_level: model.black_level >> (16 - mode.bits),
        test_pattern: test_pattern(model, registers),
    })
}

fn clock_hz(model: &SensorModel, registers: &Registers) -> f64 {
    let factor = |quantity: &Option<Quantity>| {
        quantity
            .as_ref()
            .map_or(1.0, |quantity| registers.code(quantity).max(1).into())
    };
    let clock = &model.timing.clock;
    clock.hz * factor(&clock.multiply) / factor(&clock.divide)
}

/// One axis of the window: where it may lie and what the registers say.
struct Axis<'a> {
    array: u32,
    active: (u32, u32),
    binning: u32,
    start: &'a Quantity,
    size: Option<&'a Quantity>,
    end: Option<&'a Quantity>,
    output: Option<&'a Quantity>,
}

impl Axis<'_> {
    /// First native pixel, native size, size on the wire; the size is whole colour quads and may be zero.
    fn read(&self, registers: &Registers, windowed: bool) -> (u32, u32, u32) {
        let binning = i64::from(self.binning);
        let value = |quantity: &Quantity| match quantity.binned {
            true => registers.value(quantity) * binning,
            false => registers.value(quantity),
        };
        let array = i64::from(self.array);
        let output = self.output.map(value);
        let (start, size) = match windowed {
            false => (i64::from(self.active.0), i64::from(self.active.1)),
            true => {
                let start = value(self.start);
                let size = match (self.size, self.end, output) {
                    (Some(size), _, _) => value(size),
                    (None, Some(end), _) => value(end) - start,
                    (None, None, Some(output)) => output * binning,
                    (None, None, None) => array - start,
                };
                (start, size)
            }
        };
        let fits = size.clamp(0, array) / binning;
        let output = output.unwrap_or(fits).clamp(0, fits) & !1;
        let size = output * binning;
        let start = match start < 0 {
            true => array - size + start,
            false => start,
        };
        (
            start.clamp(0, array - size) as u32,
            size as u32,
            output as u32,
        )
    }
}

fn window(
    model: &SensorModel,
    registers: &Registers,
    mode: &Mode,
) -> Result<(u32, u32, Rect), Unusable> {
    let (array, window) = (&model.array, &model.window);
    let windowed = registers.hold(&window.when);
    let columns = Axis {
        array: array.width,
        active: (array.active.left, array.active.width),
        binning: mode.binning[0].into(),
        start: &window.left,
        size: window.width.as_ref(),
        end: window.right.as_ref(),
        output: window.output_width.as_ref(),
    };
    let rows = Axis {
        array: array.height,
        active: (array.active.top, array.active.height),
        binning: mode.binning[1].into(),
        start: &window.top,
        size: window.height.as_ref(),
        end: window.bottom.as_ref(),
        output: window.output_height.as_ref(),
    };
    let (left, native_width, width) = columns.read(registers, windowed);
    let (top, native_height, height) = rows.read(registers, windowed);
    if width < MIN_SIDE || height < MIN_SIDE {
        return Err(Unusable::Size { width, height });
    }
    Ok((
        width,
        height,
        Rect {
            left,
            top,
            width: native_width,
            height: native_height,
        },
    ))
}

fn test_pattern(model: &SensorModel, registers: &Registers) -> Option<TestPattern> {
    let generator = model.test_pattern.as_ref()?;
    let code = registers.code(&generator.code);
    if !registers.hold(&generator.when) || (generator.when.is_empty() && code == 0) {
        return None;
    }
    let Some(pattern) = generator
        .patterns
        .iter()
        .find(|pattern| pattern.code == code)
    else {
        log::debug!(
            "{}: test pattern {code:#x} is not modelled; bars instead",
            model.name
        );
        return Some(TestPattern::VerticalBars);
    };
    Some(match pattern.shows {
        PatternKind::Flat(level) => TestPattern::Solid([level; 4]),
        PatternKind::Solid(levels) => TestPattern::Solid(levels.map(|register| {
            let level = registers.field(register, 2).min((1 << SOLID_BITS) - 1);
            (level << (16 - SOLID_BITS)) as u16
        })),
        PatternKind::VerticalBars => TestPattern::VerticalBars,
        PatternKind::HorizontalBars => TestPattern::HorizontalBars,
        PatternKind::FadingBars => TestPattern::FadingBars,
    })
}
