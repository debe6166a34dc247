//! A neutral that a person points at.

use crate::colour::WhiteBalance;
use crate::corrections::Corrections;
use crate::develop::{Error, Settings, active_size};
use crate::dng::negative::Negative;
use crate::shading::{Samples, colour_at};
use pulp::Arch;

/// Samples to each side of the place that are looked at: enough for noise to vanish, few enough to fit on a grey card.
const REACH: usize = 8;
/// Part of white from which a sample is taken for saturated.
const SATURATED: f64 = 0.98;
/// Part of white that a colour has to reach at least.
const DARK: f64 = 0.002;
/// What errors are about.
const FIELD: &str = "the neutral place";

/// The colours of what is neutral at a column and a row of the picture that these settings make: their mean over some
/// samples around it.
///
/// # Errors
/// When there is no such place, or it is too bright or too dark to tell its colours; when the negative contradicts
/// itself.
pub fn neutral_at(
    negative: &Negative,
    samples: &[u16],
    settings: &Settings,
    [x, y]: [usize; 2],
) -> Result<WhiteBalance, Error> {
    let active = active_size(negative, samples)?;
    let step = settings.demosaic.step();
    let result = active.map(|count| count / step);
    if x >= result[0] || y >= result[1] {
        let [width, height] = result;
        let problem = format!("{x},{y} is not within {width} x {height} pixels");
        return Err(Error::new(FIELD, problem));
    }
    let corrections = Corrections::new(negative, settings.lens, active, result)?;
    let arch = Arch::new();
    let found = match &corrections.warp {
        Some(warp) => warp.place(arch, 1, x, y).map(|at| at.round() as usize),
        None => [x, y],
    };
    let [columns, rows] = [0, 1].map(|axis| {
        let centre = step * found[axis];
        centre.saturating_sub(REACH)..(centre + REACH).min(active[axis])
    });
    let raw = &negative.raw;
    let [top, left, ..] = raw.active;
    let mut gains = vec![1.0; active[0]];
    let mut sums = [0.0; 3];
    let mut counts = [0.0; 3];
    for row in rows {
        if let Some(shading) = &corrections.shading {
            shading.row(arch, row, Samples::Mosaic(raw.pattern), &mut gains);
        }
        for column in columns.clone() {
            let sample = f64::from(samples[(top + row) * raw.width + left + column]);
            let black = raw.black[2 * (row % 2) + column % 2];
            let level = (sample - black) / (f64::from(raw.white) - black);
            if level >= SATURATED {
                let problem = format!("{x},{y} is saturated, so its colours are not known");
                return Err(Error::new(FIELD, problem));
            }
            let colour = colour_at(raw.pattern, column, row);
            sums[colour] += level * f64::from(gains[column]);
            counts[colour] += 1.0;
        }
    }
    let means = [0, 1, 2].map(|colour| sums[colour] / f64::max(counts[colour], 1.0));
    if means.iter().any(|mean| *mean < DARK) {
        let problem = format!("{x},{y} is too dark to tell its colours");
        return Err(Error::new(FIELD, problem));
    }
    Ok(WhiteBalance::Neutral(means))
}
