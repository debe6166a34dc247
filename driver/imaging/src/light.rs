//! White: colour temperatures, chromaticities, and how colours look under another white.

use crate::matrix::{self, Matrix};

/// A chromaticity: x and y of CIE 1931.
pub type Chromaticity = [f64; 2];

/// The profile connection space's white (ICC.1:2022, 7.2.16).
pub const D50_XYZ: [f64; 3] = [0.9642, 1.0, 0.8249];
/// The white of sRGB (IEC 61966-2-1).
pub const D65: Chromaticity = [0.3127, 0.3290];
/// Standard light A (CIE 015:2018).
pub const A: Chromaticity = [0.44758, 0.40745];

/// Kelvin that temperatures are found and given within: where the locus below holds.
pub const TEMPERATURES: std::ops::RangeInclusive<f64> = 1000.0..=15000.0;
/// Kelvin from which light of a temperature is daylight, and below which it is that of a black body. Between them it
/// is both, so that nothing jumps; good enough.
const DAYLIGHT: f64 = 5000.0;
const BLACK_BODY: f64 = 4000.0;

/// Linear sRGB to XYZ under D65 (IEC 61966-2-1).
pub const SRGB_TO_XYZ: Matrix = [
    [0.4124, 0.3576, 0.1805],
    [0.2126, 0.7152, 0.0722],
    [0.0193, 0.1192, 0.9505],
];

/// XYZ to what the eye's receptors adapt by (K. Lam's Bradford transform, as in CIE 159:2004 and ICC.1:2022, annex E).
const BRADFORD: Matrix = [
    [0.8951, 0.2664, -0.1614],
    [-0.7502, 1.7135, 0.0367],
    [0.0389, -0.0685, 1.0296],
];

/// XYZ of a white, Y being 1.
pub fn xyz([x, y]: Chromaticity) -> [f64; 3] {
    [x / y, 1.0, (1.0 - x - y) / y]
}

/// The chromaticity of XYZ.
pub fn chromaticity([x, y, z]: [f64; 3]) -> Chromaticity {
    let sum = x + y + z;
    [x / sum, y / sum]
}

/// What XYZ under one white become under another one (both in XYZ).
pub fn adaptation(from: [f64; 3], to: [f64; 3]) -> Matrix {
    let back = matrix::inverse(&BRADFORD).expect("Bradford's matrix has an inverse");
    let [from, to] = [from, to].map(|white| matrix::applied(&BRADFORD, white));
    let scale = std::array::from_fn(|index| to[index] / from[index]);
    matrix::product(&back, &matrix::product(&matrix::diagonal(scale), &BRADFORD))
}

/// A black body's chromaticity, for 1000 to 15000 K.
///
/// M. Krystek, "An algorithm to calculate correlated colour temperature", Color Research and Application 10 (1985).
fn black_body(kelvin: f64) -> Chromaticity {
    let [u, v] = black_body_uv(kelvin);
    let divisor = 2.0 * u - 8.0 * v + 4.0;
    [3.0 * u / divisor, 2.0 * v / divisor]
}

/// In the diagram of CIE 1960, in which temperatures are defined.
fn black_body_uv(t: f64) -> [f64; 2] {
    let u = (0.860_117_757 + 1.541_182_54e-4 * t + 1.286_412_12e-7 * t * t)
        / (1.0 + 8.424_202_35e-4 * t + 7.081_451_63e-7 * t * t);
    let v = (0.317_398_726 + 4.228_062_45e-5 * t + 4.204_816_91e-8 * t * t)
        / (1.0 - 2.897_418_16e-5 * t + 1.614_560_53e-7 * t * t);
    [u, v]
}

/// Daylight's chromaticity, for 4000 to 25000 K (CIE 015:2018, 4.1.2).
fn daylight(kelvin: f64) -> Chromaticity {
    let t = 1e3 / kelvin;
    let x = if kelvin <= 7000.0 {
        0.244_063 + t * (0.099_11 + t * (2.967_8 - t * 4.607_0))
    } else {
        0.237_040 + t * (0.247_48 + t * (1.901_8 - t * 2.006_4))
    };
    [x, -3.000 * x * x + 2.870 * x - 0.275]
}

/// The white of light with this temperature in kelvin, brought into [`TEMPERATURES`]: a black body's below 4000 K,
/// daylight's above 5000 K.
pub fn white(kelvin: f64) -> Chromaticity {
    let kelvin = kelvin.clamp(*TEMPERATURES.start(), *TEMPERATURES.end());
    let weight = ((kelvin - BLACK_BODY) / (DAYLIGHT - BLACK_BODY)).clamp(0.0, 1.0);
    let warm = black_body(kelvin);
    let day = daylight(kelvin.max(BLACK_BODY));
    [0, 1].map(|index| warm[index] + weight * (day[index] - warm[index]))
}

/// Correlated colour temperature in kelvin, within [`TEMPERATURES`].
pub fn temperature([x, y]: Chromaticity) -> f64 {
    /// Steps of the first look, in reciprocal kelvin, along which the distance has one minimum.
    const STEPS: usize = 64;
    /// Halvings of what is left then.
    const HALVINGS: usize = 40;
    let divisor = -2.0 * x + 12.0 * y + 3.0;
    let (u, v) = (4.0 * x / divisor, 6.0 * y / divisor);
    let distance = |reciprocal: f64| {
        let [at_u, at_v] = black_body_uv(1.0 / reciprocal);
        (at_u - u).powi(2) + (at_v - v).powi(2)
    };
    let (first, last) = (1.0 / TEMPERATURES.end(), 1.0 / TEMPERATURES.start());
    let step = (last - first) / STEPS as f64;
    let at = |index: usize| first + step * index as f64;
    let nearest = (0..=STEPS)
        .min_by(|a, b| distance(at(*a)).total_cmp(&distance(at(*b))))
        .unwrap_or_default();
    let (mut low, mut high) = (
        (at(nearest) - step).max(first),
        (at(nearest) + step).min(last),
    );
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        let little = 1e-4 * (high - low);
        if distance(middle - little) < distance(middle + little) {
            high = middle;
        } else {
            low = middle;
        }
    }
    2.0 / (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }

    #[test]
    fn temperatures_are_those_of_the_standard_lights() {
        near(temperature(A), 2856.0, 4.0);
        near(temperature(D65), 6504.0, 12.0);
        near(temperature(chromaticity(D50_XYZ)), 5003.0, 12.0);
        // CIE's illuminants D55 and D75.
        near(temperature([0.33242, 0.34743]), 5503.0, 12.0);
        near(temperature([0.29902, 0.31485]), 7504.0, 20.0);
    }

    #[test]
    fn a_temperature_is_found_again() {
        for kelvin in (1500..15000).step_by(250).map(f64::from) {
            // Daylight's own numbers are rounded, and the locus is one of a fit.
            near(temperature(white(kelvin)), kelvin, 0.01 * kelvin);
        }
        near(white(6504.0)[0], D65[0], 3e-4);
        near(white(6504.0)[1], D65[1], 3e-4);
        near(white(2856.0)[0], A[0], 3e-4);
        near(white(2856.0)[1], A[1], 4e-4);
    }

    #[test]
    fn nothing_jumps_where_a_black_body_becomes_the_day() {
        for kelvin in (2000..14000).step_by(10).map(f64::from) {
            let [a, b] = [white(kelvin), white(kelvin + 10.0)];
            assert!(b[0] < a[0] && a[0] - b[0] < 2e-3, "{kelvin}: {a:?} {b:?}");
        }
    }

    #[test]
    fn nonsense_has_a_temperature_too() {
        for xy in [[f64::NAN, 0.3], [0.0, 0.0], [-5.0, 7.0], [1.0, 0.0]] {
            assert!(TEMPERATURES.contains(&temperature(xy)), "{xy:?}");
        }
    }

    #[test]
    fn a_white_is_adapted_to_the_other_white() {
        let found = matrix::applied(&adaptation(xyz(A), D50_XYZ), xyz(A));
        for (found, expected) in found.iter().zip(D50_XYZ) {
            near(*found, expected, 1e-12);
        }
        // Published by B. Lindbloom for D65 to D50.
        let matrix = adaptation(xyz(D65), D50_XYZ);
        near(matrix[0][0], 1.0478, 4e-4);
        near(matrix[2][2], 0.7521, 8e-4);
    }
}
