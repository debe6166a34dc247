//! What is known of image sensors: black, noise and colours, and a DNG's calibrations made of them.
//!
//! Facts are in `sensors/NAME.toml`, with their source. They are those of libcamera's tuning files: at some colour
//! temperatures, what a neutral object's colours are, and a matrix from white-balanced colours to linear sRGB. Between
//! them everything is interpolated by temperature, as libcamera does.
//!
//! DNG knows two lights, standard light A and D65, and mixes their matrices by reciprocal temperature. Those of a tuning
//! file do not lie on such a line: of the IMX283's, those at the two lights alone would make a colour chart under 5500 K
//! 2.3 wrong (mean CIEDE2000). So the two are taken between which the line is nearest to all of the file's (least
//! squares from 2600 to 7200 K): then it is 1.2 there, 0.7 under 5000 K, and about as much under the two lights.
//!
//! With such a matrix M for a light whose white is W and where a neutral object's colours are n:
//!
//! - `ForwardMatrix` = B S M: S takes linear sRGB to XYZ under D65, B (Bradford) to D50. The rows of M are scaled so
//!   that they add up to one, which they do but for rounding: what is neutral becomes D50's white.
//! - `ColorMatrix`: an object under that light with camera colours c has the XYZ `A S M diag(1/n) c`, A taking D65's
//!   white to W (Bradford). The matrix is the inverse of that: `diag(n) M^-1 S^-1 A^-1`. It makes of W the neutral n.

use crate::colour;
use crate::dng::negative::{Calibration, Noise};
use crate::light::{self, Chromaticity};
use crate::matrix::{self, Matrix};
use serde::Deserialize;

/// What is known of a sensor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// As its kernel driver is called.
    pub name: String,
    /// Where these facts come from.
    pub source: String,
    /// Black, of samples brought to 16 bits.
    pub black_level: u16,
    /// Deviation per square root of a sample above black, both of 16 bits, at an analogue gain of 1.
    pub noise_slope: f64,
    /// By rising temperature.
    neutrals: Vec<NeutralAt>,
    matrices: Vec<MatrixAt>,
}

/// A neutral object's colours relative to green.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct NeutralAt {
    kelvin: f64,
    red: f64,
    blue: f64,
}

/// From white-balanced colours to linear sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatrixAt {
    kelvin: f64,
    rows: Matrix,
}

/// EXIF's number of standard light A, its temperature and its white.
const LIGHT_A: (u16, f64, Chromaticity) = (17, 2856.0, light::A);
/// The same of D65.
const LIGHT_D65: (u16, f64, Chromaticity) = (21, 6504.0, light::D65);

/// Kelvin between which pictures are taken, and at how many temperatures between them matrices are compared.
const COMPARED: (f64, f64, usize) = (2600.0, 7200.0, 60);

/// The sensors that there are files of.
const FILES: [(&str, &str); 2] = [
    ("imx219", include_str!("../sensors/imx219.toml")),
    ("imx283", include_str!("../sensors/imx283.toml")),
];

impl Sensor {
    /// What is known of the sensor that its kernel driver calls so, e.g. `imx283`.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = FILES.iter().find(|(known, _)| *known == name)?;
        Some(toml::from_str(text).expect("the sensors' files are tested"))
    }

    /// What a neutral object's red, green and blue are under light of a temperature in kelvin, green being 1.
    pub fn neutral(&self, kelvin: f64) -> [f64; 3] {
        between(
            &self.neutrals,
            |it| it.kelvin,
            kelvin,
            |a, b, weight| {
                let mix = |a: f64, b: f64| a + weight * (b - a);
                [mix(a.red, b.red), 1.0, mix(a.blue, b.blue)]
            },
        )
    }

    /// From white-balanced colours to linear sRGB, under light of a temperature in kelvin. Rows add up to one.
    pub fn matrix(&self, kelvin: f64) -> Matrix {
        let matrix = between(
            &self.matrices,
            |it| it.kelvin,
            kelvin,
            |a, b, weight| matrix::mixed(&a.rows, &b.rows, weight),
        );
        matrix.map(|row| {
            let sum: f64 = row.iter().sum();
            row.map(|value| value / sum)
        })
    }

    /// Calibrations under standard light A and D65, the warmer light first.
    pub fn calibrations(&self) -> [Calibration; 2] {
        let lights = [LIGHT_A, LIGHT_D65].into_iter().zip(self.two_matrices());
        let mut calibrations = lights.map(|((illuminant, kelvin, white), to_srgb)| {
            let srgb_white = matrix::applied(&light::SRGB_TO_XYZ, [1.0; 3]);
            let to_light = light::adaptation(srgb_white, light::xyz(white));
            let to_xyz =
                matrix::product(&to_light, &matrix::product(&light::SRGB_TO_XYZ, &to_srgb));
            let from_xyz = matrix::inverse(&to_xyz).expect("the sensors' files are tested");
            let neutral = matrix::diagonal(self.neutral(kelvin));
            Calibration {
                illuminant,
                colour_matrix: matrix::product(&neutral, &from_xyz),
                forward_matrix: Some(matrix::product(&colour::to_d50(), &to_srgb)),
                individual: [1.0; 3],
            }
        });
        [(); 2].map(|()| calibrations.next().expect("two lights, two matrices"))
    }

    /// The matrices of standard light A and D65 whose mixtures are nearest to the file's matrices.
    fn two_matrices(&self) -> [Matrix; 2] {
        let (low, high, count) = COMPARED;
        let [(_, warm, _), (_, cold, _)] = [LIGHT_A, LIGHT_D65];
        // Normal equations of two unknowns: coefficients, and right sides for each entry.
        let mut squares = [0.0; 3];
        let mut sides = [[[0.0; 3]; 3]; 2];
        for index in 0..count {
            let part = index as f64 / (count - 1) as f64;
            let reciprocal = 1.0 / low + part * (1.0 / high - 1.0 / low);
            let cold_part = (1.0 / warm - reciprocal) / (1.0 / warm - 1.0 / cold);
            let cold_part = cold_part.clamp(0.0, 1.0);
            let weights = [1.0 - cold_part, cold_part];
            squares[0] += weights[0] * weights[0];
            squares[1] += weights[0] * weights[1];
            squares[2] += weights[1] * weights[1];
            let matrix = self.matrix(1.0 / reciprocal);
            for (side, weight) in sides.iter_mut().zip(weights) {
                let sums = side.as_flattened_mut().iter_mut();
                for (sum, value) in sums.zip(matrix.as_flattened()) {
                    *sum += weight * value;
                }
            }
        }
        let [aa, ab, bb] = squares;
        let determinant = aa * bb - ab * ab;
        let solve = |own: usize, square: f64| {
            let other = 1 - own;
            std::array::from_fn(|row| {
                std::array::from_fn(|column| {
                    let sides = [sides[own][row][column], sides[other][row][column]];
                    (square * sides[0] - ab * sides[1]) / determinant
                })
            })
        };
        [solve(0, bb), solve(1, aa)]
    }

    /// Black of samples with so many bits, 8 to 16.
    pub fn black(&self, bits: u8) -> f64 {
        f64::from(self.black_level) / f64::from(1u32 << (16 - bits.clamp(8, 16)))
    }

    /// Noise at an analogue gain, of samples with so many bits, 8 to 16. Light's is the tuning file's, as libcamera
    /// takes it at other gains; the file has none in the dark, so that is what rounding to so many bits adds.
    pub fn noise(&self, gain: f64, bits: u8) -> Noise {
        let range = f64::from(u16::MAX - self.black_level);
        let step = f64::from(1u32 << (16 - bits.clamp(8, 16))) / range;
        Noise {
            scale: self.noise_slope.powi(2) * gain.max(1.0) / range,
            offset: step * step / 12.0,
        }
    }
}

/// A calibration for sensors that nobody knows: as if their colours were those of sRGB. Pictures come out with colours,
/// but not with the right ones.
pub fn uncalibrated() -> Calibration {
    let (illuminant, ..) = LIGHT_D65;
    Calibration {
        illuminant,
        colour_matrix: matrix::inverse(&light::SRGB_TO_XYZ).expect("sRGB's matrix has an inverse"),
        forward_matrix: Some(colour::to_d50()),
        individual: [1.0; 3],
    }
}

/// What lies between two entries of a table, or its first or last one.
fn between<T: Copy, R>(
    table: &[T],
    kelvin_of: impl Fn(&T) -> f64,
    kelvin: f64,
    mix: impl Fn(T, T, f64) -> R,
) -> R {
    let above = table.partition_point(|it| kelvin_of(it) < kelvin);
    let high = table[above.min(table.len() - 1)];
    let low = table[above.saturating_sub(1)];
    let span = kelvin_of(&high) - kelvin_of(&low);
    let weight = if span > 0.0 {
        (kelvin - kelvin_of(&low)) / span
    } else {
        0.0
    };
    mix(low, high, weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::{WhiteBalance, rendering};
    use crate::dng::negative::Colour;

    fn sensors() -> impl Iterator<Item = Sensor> {
        FILES.iter().map(|(name, _)| Sensor::named(name).unwrap())
    }

    fn far(a: &Matrix, b: &Matrix) -> f64 {
        let pairs = a.as_flattened().iter().zip(b.as_flattened());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn every_file_is_read_and_in_order() {
        for (sensor, (name, _)) in sensors().zip(FILES) {
            assert_eq!(sensor.name, name);
            assert!(sensor.neutrals.is_sorted_by(|a, b| a.kelvin < b.kelvin));
            assert!(sensor.matrices.is_sorted_by(|a, b| a.kelvin < b.kelvin));
            for matrix in &sensor.matrices {
                for row in matrix.rows {
                    let sum: f64 = row.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-3, "{name} {row:?}");
                }
            }
        }
        assert_eq!(Sensor::named("imx000"), None);
    }

    #[test]
    fn tables_are_interpolated_and_end_where_they_end() {
        let sensor = Sensor::named("imx283").unwrap();
        assert_eq!(sensor.neutral(1000.0), [0.9437, 1.0, 0.2866]);
        assert_eq!(sensor.neutral(6850.0), [0.4862, 1.0, 0.6773]);
        assert_eq!(sensor.neutral(9000.0), [0.4862, 1.0, 0.6773]);
        let [red, _, blue] = sensor.neutral(2660.0);
        assert!((red - 0.89665).abs() < 1e-9 && (blue - 0.32035).abs() < 1e-9);
        let expected = (1.82604 + 1.80891) / 2.0;
        assert!((sensor.matrix(2660.0)[0][0] - expected).abs() < 1e-3);
    }

    /// Whether a reader knows forward matrices or not. `tests/chart.rs` tells how near to the tuning file's its colours
    /// are.
    #[test]
    fn calibrations_give_the_matrices_that_they_were_made_of() {
        for sensor in sensors() {
            for (forward, (_, kelvin, white)) in [
                (true, LIGHT_A),
                (true, LIGHT_D65),
                (false, LIGHT_A),
                (false, LIGHT_D65),
            ] {
                let mut calibrations = sensor.calibrations().to_vec();
                for calibration in &mut calibrations {
                    calibration.forward_matrix = calibration.forward_matrix.filter(|_| forward);
                }
                let colour = Colour {
                    calibrations,
                    as_shot_neutral: sensor.neutral(kelvin),
                    noise: None,
                };
                let found = rendering(&colour, WhiteBalance::AsShot).unwrap();
                let two = sensor.two_matrices();
                let far = far(&found.matrix, &two[usize::from(kelvin > 3000.0)]);
                assert!(far < 5e-3, "{} {kelvin} {forward}: {far}", sensor.name);
                let moved = (0..2).map(|index| (found.white[index] - white[index]).abs());
                assert!(moved.fold(0.0, f64::max) < 2e-4, "{:?}", found.white);
            }
        }
    }

    /// Neutrals between the two lights are taken for temperatures that the table has them at.
    #[test]
    fn temperatures_between_the_lights_are_about_the_tables() {
        for sensor in sensors() {
            for kelvin in [3000.0, 3600.0, 4500.0, 5700.0] {
                let colour = Colour {
                    calibrations: sensor.calibrations().to_vec(),
                    as_shot_neutral: sensor.neutral(kelvin),
                    noise: None,
                };
                let found = rendering(&colour, WhiteBalance::AsShot)
                    .unwrap()
                    .temperature;
                let error = (1e6 / found - 1e6 / kelvin).abs();
                assert!(error < 25.0, "{} {kelvin}: {found}", sensor.name);
            }
        }
    }

    #[test]
    fn black_and_noise_are_of_the_bits_asked_for() {
        let sensor = Sensor::named("imx283").unwrap();
        assert_eq!(sensor.black(12), 200.0);
        assert_eq!(sensor.black(10), 50.0);
        // A sample of 16 bits that is 10000 above black has the deviation 3.005 * 100.
        let noise = sensor.noise(1.0, 12);
        let range = f64::from(u16::MAX - 3200);
        let deviation = (noise.scale * 10000.0 / range).sqrt() * range;
        assert!((deviation - 300.5).abs() < 1e-9);
        assert_eq!(sensor.noise(4.0, 12).scale, 4.0 * noise.scale);
        assert!((noise.offset.sqrt() * range - 16.0 / 12f64.sqrt()).abs() < 1e-9);
    }

    /// Were the file's matrices on a line, it would be that line.
    #[test]
    fn a_line_of_matrices_is_found_again() {
        let mut sensor = Sensor::named("imx219").unwrap();
        let row_sums_one = |a: f64| [[1.0 + a, -a, 0.0], [0.0, 1.0 + a, -a], [-a, 0.0, 1.0 + a]];
        let reciprocal = |kelvin: f64| 1e3 / kelvin;
        let at = |kelvin: f64| row_sums_one(2.0 * reciprocal(kelvin.clamp(2856.0, 6504.0)));
        sensor.matrices = (2500..7500)
            .step_by(5)
            .map(|kelvin| MatrixAt {
                kelvin: kelvin.into(),
                rows: at(kelvin.into()),
            })
            .collect();
        for (found, kelvin) in sensor.two_matrices().iter().zip([2856.0, 6504.0]) {
            assert!(far(found, &at(kelvin)) < 1e-5, "{found:?}");
        }
    }

    #[test]
    fn without_a_calibration_colours_are_taken_as_they_are() {
        let colour = Colour {
            calibrations: vec![uncalibrated()],
            as_shot_neutral: [0.5, 1.0, 0.7],
            noise: None,
        };
        let found = rendering(&colour, WhiteBalance::AsShot).unwrap();
        assert!(far(&found.matrix, &matrix::diagonal([1.0; 3])) < 1e-9);
    }
}
