//! Test patterns: what the sensor's generator sends instead of the scene. No noise, no black level.

use crate::bayer::{BayerOrder, Colour};
use crate::sensor::{Readout, TestPattern};

/// The eight bars, from white to black: whether red, green, blue are on.
const BARS: [[bool; 3]; 8] = [
    [true, true, true],
    [true, true, false],
    [false, true, true],
    [false, true, false],
    [true, false, true],
    [true, false, false],
    [false, false, true],
    [false, false, false],
];

/// Row `y` of `pattern`.
pub(super) fn row(pattern: TestPattern, readout: &Readout, y: usize, values: &mut [u16]) {
    let full = u16::MAX >> (16 - readout.bits);
    let bar = |position: usize, size: usize| BARS[(position * BARS.len() / size).min(7)];
    let on = |bar: [bool; 3], colour: Colour| if bar[colour as usize] { full } else { 0 };
    let width = readout.width;
    for (x, value) in values.iter_mut().enumerate() {
        let colour = readout.order.colour(x, y);
        *value = match pattern {
            TestPattern::Solid(levels) => {
                levels[solid(readout.order, colour, y)] >> (16 - readout.bits)
            }
            TestPattern::VerticalBars => on(bar(x, width), colour),
            TestPattern::HorizontalBars => on(bar(y, readout.height), colour),
            TestPattern::FadingBars => {
                let value = u32::from(on(bar(x, width), colour));
                let fade = (y * 256 / readout.height) as u32;
                ((value * (256 - fade) + u32::from(full / 2) * fade) / 256) as u16
            }
        };
    }
}

/// Index of a photosite's level: red, green beside red, blue, green beside blue.
fn solid(order: BayerOrder, colour: Colour, y: usize) -> usize {
    match colour {
        Colour::Red => 0,
        Colour::Blue => 2,
        Colour::Green if y & 1 == order.red_y() => 1,
        Colour::Green => 3,
    }
}
