//! Photon and read noise, the same for the same seed and frame.
//!
//! The light's own noise is taken as Gaussian of variance `signal`, which a Poisson count of more than about
//! ten electrons is. Deviates come from one table; each short run of pixels starts at a place in it that a
//! hash of seed, frame, row and run gives, so that the inner loop only reads forward.

use std::sync::LazyLock;

/// Deviates in the table.
const TABLE: usize = 1 << 15;
/// Pixels between two jumps in the table.
const RUN: usize = 64;
/// Adding this to a value from 0 to 2^22 rounds it to an integer, found in the low mantissa bits.
const ROUNDER: f32 = (1 << 23) as f32;

/// Standard normal deviates: the table's own mean is 0 and its variance 1.
static DEVIATES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let uniform = |index: u64| (mix(index) >> 11) as f64 / (1u64 << 53) as f64;
    // Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    let normal = |index: u64| {
        let radius = (-2.0 * (1.0 - uniform(2 * index)).ln()).sqrt();
        radius * (std::f64::consts::TAU * uniform(2 * index + 1)).cos()
    };
    let raw: Vec<f64> = (0..TABLE as u64).map(normal).collect();
    let mean = raw.iter().sum::<f64>() / TABLE as f64;
    let variance = raw.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / TABLE as f64;
    raw.iter()
        .map(|value| ((value - mean) / variance.sqrt()) as f32)
        .collect()
});

/// How light becomes sensor values in one frame; all in units of the last bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    /// Value per unit of light.
    pub(super) scale: f32,
    /// Variance per unit of value: photon noise.
    pub(super) photon: f32,
    /// Variance in the dark: read noise and dark current.
    pub(super) dark: f32,
    /// Black level.
    pub(super) black: f32,
    /// Largest value.
    pub(super) full: f32,
}

/// Key of one row of one frame.
pub(super) fn row_key(seed: u64, frame: u64, row: usize) -> u64 {
    mix(mix(mix(seed).wrapping_add(frame)).wrapping_add(row as u64))
}

/// Turns a row of light into sensor values.
pub(super) fn expose(conversion: &Conversion, key: u64, light: &[u16], values: &mut [u16]) {
    let Conversion {
        scale,
        photon,
        dark,
        black,
        full,
    } = *conversion;
    let deviates = DEVIATES.as_slice();
    for (run, (light, values)) in light.chunks(RUN).zip(values.chunks_mut(RUN)).enumerate() {
        let start = mix(key.wrapping_add(run as u64)) as usize % (TABLE - RUN);
        let deviates = &deviates[start..start + RUN];
        for ((value, &light), deviate) in values.iter_mut().zip(light).zip(deviates) {
            let signal = f32::from(light) * scale;
            let noisy = black + signal + (photon * signal + dark).sqrt() * deviate;
            *value = (noisy.max(0.0).min(full) + ROUNDER).to_bits() as u16;
        }
    }
}

/// Sebastiano Vigna's splitmix64: one well-mixed word per index.
fn mix(index: u64) -> u64 {
    let z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVERSION: Conversion = Conversion {
        scale: 0.05,
        photon: 0.4,
        dark: 2.0,
        black: 200.0,
        full: 4095.0,
    };

    fn frame(seed: u64, frame: u64, light: u16) -> Vec<u16> {
        let row = vec![light; 1000];
        let mut values = vec![0; 200 * 1000];
        for (y, values) in values.chunks_exact_mut(1000).enumerate() {
            expose(&CONVERSION, row_key(seed, frame, y), &row, values);
        }
        values
    }

    fn statistics(values: &[u16]) -> (f64, f64) {
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
        let square = |value: u16| (f64::from(value) - mean).powi(2);
        (
            mean,
            values.iter().map(|&value| square(value)).sum::<f64>() / values.len() as f64,
        )
    }

    #[test]
    fn mean_and_variance_are_those_of_photons() {
        for light in [0u16, 1000, 10_000, 50_000] {
            let (mean, variance) = statistics(&frame(1, 1, light));
            let signal = f64::from(light) * 0.05;
            let expected = 0.4 * signal + 2.0 + 1.0 / 12.0; // rounding
            assert!((mean - 200.0 - signal).abs() < 0.3, "{light}: {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.03,
                "{light}: {variance} {expected}"
            );
        }
    }

    #[test]
    fn frames_repeat_by_seed_and_number_only() {
        let first = frame(7, 3, 5000);
        assert_eq!(first, frame(7, 3, 5000));
        assert_ne!(first, frame(8, 3, 5000));
        let second = frame(7, 4, 5000);
        let product = |(&a, &b): (&u16, &u16)| (f64::from(a) - 450.0) * (f64::from(b) - 450.0);
        let covariance = first.iter().zip(&second).map(product).sum::<f64>() / first.len() as f64;
        assert!(
            covariance.abs() < 2.0,
            "frames are independent: {covariance}"
        );
        let rows = first.iter().zip(&first[1000..]).map(product).sum::<f64>() / 199_000.0;
        assert!(rows.abs() < 2.0, "rows are independent: {rows}");
    }

    #[test]
    fn values_stay_on_the_scale() {
        let row = [0u16, 65535];
        let mut values = [0; 2];
        let conversion = Conversion {
            scale: 1e9,
            ..CONVERSION
        };
        expose(&conversion, 1, &row, &mut values);
        assert_eq!(values[1], 4095);
        let conversion = Conversion {
            black: 0.0,
            dark: 1e12,
            ..CONVERSION
        };
        expose(&conversion, 1, &row, &mut values);
        assert!(values.iter().all(|&value| value <= 4095));
    }
}
