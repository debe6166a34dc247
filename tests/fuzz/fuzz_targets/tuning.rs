//! Tuning files of the IPA, and what its algorithms make of one that was taken; lens records.

#![no_main]

use bayonet_ipa::algorithms::colour_correction::{Processor, Wanted, applied, interpolated};
use bayonet_ipa::algorithms::matrix::Matrix;
use bayonet_ipa::lens_file;
use bayonet_ipa::tuning::Tuning;
use libfuzzer_sys::fuzz_target;

/// What a tuning file may be used with.
const KELVINS: [f64; 4] = [1500.0, 2900.0, 5000.0, 20_000.0];
const LUX: [f64; 4] = [0.0, 1.0, 800.0, 1e6];
const MEANS: [[f64; 3]; 3] = [[0.5, 0.5, 0.5], [1.0, 0.002, 0.001], [0.01, 0.9, 0.3]];

fuzz_target!(|data: &[u8]| {
    if let Some(record) = data.first_chunk()
        && let Some(Some(lens)) = lens_file::parse(record)
        && let Some(longest) = lens.hand_held_us(16.0)
    {
        assert!(longest > 0.0, "{lens:?}");
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Tuning::parse(text) {
        Ok(tuning) => check(&tuning),
        Err(error) => assert!(!error.problem.is_empty()),
    }
});

fn check(tuning: &Tuning) {
    let model = &tuning.white_balance.model;
    for kelvin in KELVINS {
        let gains = model.light(kelvin).gains;
        assert!(gains.iter().all(|gain| gain.is_finite() && *gain > 0.0), "{gains:?}");
        let wanted = Wanted {
            gains: [gains[0], 1.0, gains[1]],
            correction: interpolated(&tuning.corrections, kelvin),
            saturation: tuning.look.saturation,
        };
        finite(&wanted.correction);
        for processor in [Processor::Cpu, Processor::Gpu] {
            finite(&applied(&wanted, 0.06, processor).matrix);
        }
    }
    for (mean, lux) in MEANS.into_iter().flat_map(|mean| LUX.map(|lux| (mean, lux))) {
        for range in tuning.white_balance.modes {
            let light = model.estimate(mean, lux, range);
            let all = light.iter().flat_map(|light| [light.kelvin, light.gains[0], light.gains[1]]);
            all.for_each(|value| assert!(value.is_finite() && value > 0.0, "{light:?}"));
        }
    }
}

fn finite(matrix: &Matrix) {
    assert!(matrix.iter().flatten().all(|value| value.is_finite()), "{matrix:?}");
}
