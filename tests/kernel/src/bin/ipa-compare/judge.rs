//! From what was found to figures.

use crate::plan::{
    ALLOCATIONS, COLOUR, COLOURS, EXPOSURE, EXPOSURE_FRAMES, EXPOSURES, WHITE, white,
};
use bayonet_board::optics::chart;
use bayonet_board::sensor::SensorModel;
use bayonet_kernel_tests::colour::{Lab, angle, difference, linear, luminance};
use bayonet_kernel_tests::comparison::Finding;

/// How near the final exposure counts as there.
const NEAR: f64 = 0.05;
/// Frames at the end that tell where exposure stands.
const STEADY: usize = 15;
/// The first neutral patch.
const NEUTRAL: usize = 18;
/// Neutral patches that are neither clipped nor black: 36 %, 20 % and 9 %.
const MIDDLE_GREYS: std::ops::Range<usize> = 20..23;
/// How the best exposure is looked for, in stops.
const STOPS: std::ops::RangeInclusive<i32> = -60..=60;
const STOPS_PER_STEP: f64 = 0.05;

/// How exposure came to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Convergence {
    /// Frames until it was near its end for good; none if it never was.
    pub(crate) frames: Option<usize>,
    /// How far it went beyond its end, relative.
    pub(crate) overshoot: f64,
    /// Largest over smallest at the end, less 1.
    pub(crate) ripple: f64,
}

/// What the chart's colours are off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ColourError {
    /// Mean CIEDE2000 of the picture as it is shown.
    pub(crate) shown: f64,
    /// The same at the exposure that makes it least.
    pub(crate) best: f64,
    /// The same of the six neutral patches, at that exposure.
    pub(crate) greys: f64,
    /// Exposure of the middle greys, in stops; 0 shows each as light as it is.
    pub(crate) stops: f64,
}

/// What one IPA's findings come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// One for each of [`EXPOSURES`].
    pub(crate) exposures: Vec<Option<Convergence>>,
    /// Angular errors, sorted, of each kind of [`WHITE`].
    pub(crate) whites: [Vec<f64>; 2],
    /// One for each of [`COLOURS`].
    pub(crate) colours: Vec<Option<ColourError>>,
    /// Microseconds of processor a frame, in the run with the fewest.
    pub(crate) cpu_us: Option<f64>,
    /// Most resident memory.
    pub(crate) resident_kib: Option<u64>,
    /// Heap allocations a frame.
    pub(crate) allocations: Option<f64>,
    /// What could not be measured, and why.
    pub(crate) failures: Vec<String>,
}

pub(crate) fn judge(model: &SensorModel, findings: &[Finding]) -> Verdict {
    let find = |name: String| findings.iter().find(|finding| finding.name == name);
    let exposures = EXPOSURES.iter().map(|(name, ..)| {
        let finding = find(format!("{EXPOSURE}{name}"))?;
        convergence(&behind_change(finding))
    });
    let whites = WHITE.map(|kind| {
        let pairs = pairs(model, findings, kind);
        let mut errors: Vec<f64> = pairs
            .iter()
            .map(|pair| angle(pair.found, pair.truth))
            .collect();
        errors.sort_by(f64::total_cmp);
        errors
    });
    let colours = COLOURS
        .iter()
        .map(|kelvin| colour_error(&find(format!("{COLOUR}{kelvin}"))?.patches));
    let workers = || findings.iter().filter_map(|finding| finding.worker);
    // What else the host does is in the time as well, so the least is the nearest.
    let times = workers()
        .filter(|worker| worker.frames > 0)
        .map(|worker| worker.cpu_ns as f64 / 1000.0 / worker.frames as f64);
    let failures = findings.iter().filter_map(|finding| {
        let failure = finding.failure.as_ref()?;
        Some(format!("{}: {failure}", finding.name))
    });
    Verdict {
        exposures: exposures.collect(),
        whites,
        colours: colours.collect(),
        cpu_us: times.min_by(f64::total_cmp),
        resident_kib: workers().map(|worker| worker.resident_kib).max(),
        allocations: find(ALLOCATIONS.into()).and_then(|finding| finding.allocations),
        failures: failures.collect(),
    }
}

/// A photograph in a light.
struct Pair {
    /// Sensor's colours of a grey surface, as `ColourGains` have it and as it is; green is 1.
    found: [f64; 3],
    truth: [f64; 3],
}

fn pairs(model: &SensorModel, findings: &[Finding], kind: &str) -> Vec<Pair> {
    let pairs = findings.iter().filter_map(|finding| {
        let name = finding.name.strip_prefix(kind)?;
        let kelvin = name.rsplit(' ').next()?.parse().ok()?;
        let [red, blue] = finding.frames.last()?.gains?;
        Some(Pair {
            found: [1.0 / red, 1.0, 1.0 / blue],
            truth: white(model, kelvin),
        })
    });
    pairs.collect()
}

/// Mean angular error of the best that can be made of the mean colour of the pictures, for each kind of [`WHITE`].
///
/// The stock IPA takes the mean colour for the light, so what it found is the mean colour. The oracle knows the truth of
/// these very pairs, and takes the polynomial of second degree in the logarithms of the mean colour that comes nearest.
/// In likely light, where the illuminance tells, more is possible than that.
pub(crate) fn best_possible(model: &SensorModel, stock: &[Finding]) -> [Option<f64>; 2] {
    WHITE.map(|kind| {
        let pairs = pairs(model, stock, kind);
        let terms: Vec<[f64; TERMS]> = pairs.iter().map(|pair| terms(pair.found)).collect();
        let fit = |channel: usize| {
            let targets: Vec<f64> = pairs.iter().map(|pair| pair.truth[channel].ln()).collect();
            least_squares(&terms, &targets)
        };
        let (red, blue) = (fit(0)?, fit(2)?);
        let errors = terms.iter().zip(&pairs).map(|(terms, pair)| {
            let value = |weights: &[f64; TERMS]| {
                let sum: f64 = weights
                    .iter()
                    .zip(terms)
                    .map(|(weight, term)| weight * term)
                    .sum();
                sum.exp()
            };
            angle([value(&red), 1.0, value(&blue)], pair.truth)
        });
        Some(errors.sum::<f64>() / pairs.len() as f64)
    })
}

const TERMS: usize = 6;

fn terms(colour: [f64; 3]) -> [f64; TERMS] {
    let (red, blue) = (colour[0].ln(), colour[2].ln());
    [1.0, red, blue, red * red, red * blue, blue * blue]
}

/// Weights with the least sum of squares, by Gauss's elimination of the normal equations; none if they are not unique.
fn least_squares(rows: &[[f64; TERMS]], targets: &[f64]) -> Option<[f64; TERMS]> {
    let mut matrix = [[0.0; TERMS + 1]; TERMS];
    for (row, target) in rows.iter().zip(targets) {
        for (equation, factor) in matrix.iter_mut().zip(row) {
            for (sum, term) in equation.iter_mut().zip(row.iter().chain([target])) {
                *sum += factor * term;
            }
        }
    }
    for pivot in 0..TERMS {
        let largest = (pivot..TERMS)
            .max_by(|&a, &b| matrix[a][pivot].abs().total_cmp(&matrix[b][pivot].abs()))?;
        matrix.swap(pivot, largest);
        if matrix[pivot][pivot].abs() < 1e-12 {
            return None;
        }
        let above = matrix[pivot];
        for (row, equation) in matrix.iter_mut().enumerate() {
            if row != pivot {
                let factor = equation[pivot] / above[pivot];
                for (value, above) in equation.iter_mut().zip(above) {
                    *value -= factor * above;
                }
            }
        }
    }
    Some(std::array::from_fn(|row| {
        matrix[row][TERMS] / matrix[row][row]
    }))
}

/// Exposures from the change of light on.
pub(crate) fn behind_change(finding: &Finding) -> Vec<f64> {
    let frames = finding.frames.iter().skip(EXPOSURE_FRAMES);
    frames.map(|frame| frame.exposure).collect()
}

/// How a series of exposures came to rest; none if it is too short to tell.
pub(crate) fn convergence(exposures: &[f64]) -> Option<Convergence> {
    let steady = exposures.len().checked_sub(STEADY)?;
    let last = &exposures[steady..];
    let least = last.iter().copied().fold(f64::INFINITY, f64::min);
    let most = last.iter().copied().fold(0.0, f64::max);
    let end = final_exposure(exposures)?;
    let is_near = |exposure: &f64| (exposure / end - 1.0).abs() <= NEAR;
    let away = exposures.iter().rposition(|exposure| !is_near(exposure));
    let frames = away.map_or(0, |away| away + 1);
    let beyond = exposures.iter().map(|exposure| match exposures[0] < end {
        true => exposure / end - 1.0,
        false => end / exposure - 1.0,
    });
    Some(Convergence {
        frames: (frames <= steady).then_some(frames),
        overshoot: beyond.fold(0.0, f64::max),
        ripple: most / least - 1.0,
    })
}

/// Median of the exposures at the end.
pub(crate) fn final_exposure(exposures: &[f64]) -> Option<f64> {
    let mut last = exposures[exposures.len().checked_sub(STEADY)?..].to_vec();
    last.sort_by(f64::total_cmp);
    Some(last[STEADY / 2]).filter(|&exposure| exposure > 0.0)
}

/// What colours of the chart's patches, as sRGB codes, are off.
fn colour_error(codes: &[[f64; 3]]) -> Option<ColourError> {
    let patches = chart::patches();
    if codes.len() != patches.len() {
        return None;
    }
    let truth = patches.map(|patch| patch.linear.map(f64::from));
    let seen: Vec<_> = codes.iter().map(|code| code.map(linear)).collect();
    let errors = |stops: f64| -> Vec<f64> {
        let by = stops.exp2();
        let pairs = seen.iter().zip(truth);
        pairs
            .map(|(&seen, truth)| difference(Lab::of(seen.map(|value| value * by)), Lab::of(truth)))
            .collect()
    };
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
    let best = STOPS.map(|step| errors(f64::from(step) * STOPS_PER_STEP));
    let best = best.min_by(|a, b| mean(a).total_cmp(&mean(b)))?;
    let stops =
        MIDDLE_GREYS.map(|grey| (luminance(seen[grey]).max(1e-4) / luminance(truth[grey])).log2());
    Some(ColourError {
        shown: mean(&errors(0.0)),
        best: mean(&best),
        greys: mean(&best[NEUTRAL..]),
        stops: stops.sum::<f64>() / MIDDLE_GREYS.len() as f64,
    })
}

/// Mean, and the value that a part of all (0..=1) does not exceed; of sorted values.
pub(crate) fn mean_and_quantile(sorted: &[f64], part: f64) -> Option<(f64, f64)> {
    let last = sorted.len().checked_sub(1)?;
    let at = (last as f64 * part).round() as usize;
    Some((sorted.iter().sum::<f64>() / sorted.len() as f64, sorted[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bayonet_kernel_tests::comparison::{Frame, Worker};

    fn then(begin: &[f64], end: f64) -> Vec<f64> {
        let rest = std::iter::repeat_n(end, 40);
        begin.iter().copied().chain(rest).collect()
    }

    #[test]
    fn frames_count_until_exposure_stays_near_its_end() {
        let slow = convergence(&then(&[10.0, 50.0, 96.0, 94.0], 100.0)).unwrap();
        assert_eq!(slow.frames, Some(4));
        assert_eq!((slow.overshoot, slow.ripple), (0.0, 0.0));
        let beyond = convergence(&then(&[10.0, 130.0, 104.0], 100.0)).unwrap();
        assert_eq!(beyond.frames, Some(2));
        assert!((beyond.overshoot - 0.3).abs() < 1e-9);
        let down = convergence(&then(&[400.0, 80.0], 100.0)).unwrap();
        assert_eq!(down.frames, Some(2));
        assert!((down.overshoot - 0.25).abs() < 1e-9);
        assert_eq!(convergence(&then(&[], 100.0)).unwrap().frames, Some(0));
        let mut restless = then(&[], 100.0);
        restless[35] = 120.0;
        let restless = convergence(&restless).unwrap();
        assert_eq!(restless.frames, None);
        assert!((restless.ripple - 0.2).abs() < 1e-9);
        assert_eq!(convergence(&[1.0; STEADY - 1]), None);
        assert_eq!(convergence(&[0.0; STEADY]), None);
    }

    #[test]
    fn a_true_picture_has_no_colour_error_and_a_dark_one_only_as_shown() {
        // Inverse of `linear`.
        let code = |value: f64| match value {
            _ if value <= 0.003_130_8 => 255.0 * 12.92 * value,
            _ => 255.0 * (1.055 * value.powf(1.0 / 2.4) - 0.055),
        };
        let codes = |by: f64| {
            chart::patches().map(|patch| patch.linear.map(|value| code(f64::from(value) * by)))
        };
        let exact = colour_error(&codes(1.0)).unwrap();
        assert!(exact.shown < 1e-3 && exact.stops.abs() < 1e-3, "{exact:?}");
        let dark = colour_error(&codes(0.5)).unwrap();
        assert!(dark.shown > 5.0 && dark.best < 1e-3, "{dark:?}");
        assert!((dark.stops + 1.0).abs() < 1e-3, "{dark:?}");
        assert_eq!(colour_error(&[]), None);
    }

    #[test]
    fn the_oracle_undoes_what_can_be_undone() {
        let model = SensorModel::named("imx219").unwrap();
        // Mean colours that are half as far from one point as the light.
        let findings: Vec<_> = (0..12)
            .map(|index| {
                let kelvin = 2500.0 + 400.0 * f64::from(index);
                let [red, _, blue] = white(&model, kelvin);
                Finding {
                    name: format!("{}scene {kelvin}", WHITE[0]),
                    frames: vec![Frame {
                        exposure: 1.0,
                        gains: Some([red.sqrt().recip(), blue.sqrt().recip()]),
                    }],
                    ..Finding::default()
                }
            })
            .collect();
        let [best, none] = best_possible(&model, &findings);
        assert!(best.unwrap() < 0.1, "{best:?}");
        assert_eq!(none, None);
    }

    #[test]
    fn findings_become_figures() {
        let model = SensorModel::named("imx219").unwrap();
        let [red, _, blue] = white(&model, 3500.0);
        let frame = Frame {
            exposure: 100.0,
            gains: Some([1.0 / red, 1.0 / blue]),
        };
        let worker = |cpu_ns| Worker {
            cpu_ns,
            frames: 10,
            resident_kib: cpu_ns,
        };
        let finding = |name: &str, cpu_ns| Finding {
            name: name.into(),
            frames: vec![frame; 2 * EXPOSURE_FRAMES],
            worker: Some(worker(cpu_ns)),
            ..Finding::default()
        };
        let mut findings = vec![
            finding("white at 800 lux, coffee's middle 3500", 1000),
            finding("exposure from dark", 3000),
        ];
        findings.push(Finding {
            name: ALLOCATIONS.into(),
            allocations: Some(1.5),
            ..Finding::default()
        });
        findings.push(Finding {
            name: "colour 2900".into(),
            failure: Some("no frame".into()),
            ..Finding::default()
        });
        let verdict = judge(&model, &findings);
        assert!(verdict.whites[0][0] < 1e-5 && verdict.whites[0].len() == 1);
        assert!(verdict.whites[1].is_empty());
        assert_eq!(
            best_possible(&model, &findings),
            [None, None],
            "one pair is too few"
        );
        assert_eq!(verdict.exposures[0].unwrap().frames, Some(0));
        assert_eq!(verdict.exposures[1], None);
        assert_eq!(verdict.cpu_us, Some(0.1));
        assert_eq!(verdict.resident_kib, Some(3000));
        assert_eq!(verdict.allocations, Some(1.5));
        assert_eq!(verdict.failures, ["colour 2900: no frame"]);
        assert_eq!(mean_and_quantile(&[1.0, 2.0, 6.0], 0.5), Some((3.0, 2.0)));
        assert_eq!(mean_and_quantile(&[], 0.5), None);
    }
}
