//! The light on the scene, and what a sensor's colours make of it.
//!
//! Light is Planckian where it is warm and daylight where it is cool; its spectrum never appears, because the
//! sensor's measured response along that very locus does: the `ct_curve` of its tuning file says what a grey
//! surface gives at each temperature, the colour matrices what coloured surfaces give.

use crate::sensor::{ColourResponse, SensorModel};
use std::ops::RangeInclusive;

/// Smallest ratio to green that an extrapolated response may fall to.
const LEAST_RESPONSE: f64 = 0.02;

/// A 3 by 3 matrix, row by row.
pub(super) type Matrix = [[f64; 3]; 3];

/// The light on the scene.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    kelvin: f32,
    lux: f32,
}

/// A light that cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LightError {
    /// Outside what tuning files describe.
    #[error("{0} K is not a colour temperature from 2300 to 7500 K")]
    Kelvin(f32),
    /// Darker than dark or brighter than the sun.
    #[error("{0} lux is not an illuminance from 0 to 200000 lux")]
    Lux(f32),
}

impl Light {
    /// Colour temperatures that tuning files describe, in kelvin.
    pub const KELVIN: RangeInclusive<f32> = 2300.0..=7500.0;

    /// Light of `kelvin` (2300..=7500) and `lux` (0..=200000).
    ///
    /// # Errors
    /// [`LightError`] names the value that is out of range.
    pub fn new(kelvin: f32, lux: f32) -> Result<Self, LightError> {
        if !Self::KELVIN.contains(&kelvin) {
            return Err(LightError::Kelvin(kelvin));
        }
        if !(0.0..=200_000.0).contains(&lux) {
            return Err(LightError::Lux(lux));
        }
        Ok(Self { kelvin, lux })
    }

    /// Correlated colour temperature in kelvin.
    pub fn kelvin(self) -> f32 {
        self.kelvin
    }

    /// Illuminance in lux.
    pub fn lux(self) -> f32 {
        self.lux
    }
}

/// What a grey surface gives in light of `kelvin`: red and blue relative to green.
///
/// Linear between the points of the curve; beyond its ends the last segment goes on.
pub fn grey_response(model: &SensorModel, kelvin: f64) -> [f64; 2] {
    let curve = &model.colour.ct_curve;
    let after = curve
        .partition_point(|point| point[0] < kelvin)
        .clamp(1, curve.len() - 1);
    let (low, high) = (curve[after - 1], curve[after]);
    let part = (kelvin - low[0]) / (high[0] - low[0]);
    [1, 2].map(|colour| (low[colour] + part * (high[colour] - low[colour])).max(LEAST_RESPONSE))
}

/// Matrix from a surface's linear sRGB (its colour under a white that the camera balances) to sensor colours
/// in light of `kelvin`: the inverse of what the stock camera algorithms will do.
pub fn sensor_matrix(model: &SensorModel, kelvin: f64) -> Matrix {
    let [red, blue] = grey_response(model, kelvin);
    let response = [red, 1.0, blue];
    let inverse = inverse(&correction(&model.colour, kelvin));
    std::array::from_fn(|row| inverse[row].map(|value| value * response[row]))
}

/// The colour correction matrix for `kelvin`: linear between the file's matrices, constant beyond.
fn correction(colour: &ColourResponse, kelvin: f64) -> Matrix {
    let matrices = &colour.matrices;
    let after = matrices.partition_point(|matrix| matrix.kelvin < kelvin);
    if after == 0 || after == matrices.len() {
        return matrices[after.min(matrices.len() - 1)].rows;
    }
    let (low, high) = (&matrices[after - 1], &matrices[after]);
    let part = (kelvin - low.kelvin) / (high.kelvin - low.kelvin);
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            low.rows[row][column] + part * (high.rows[row][column] - low.rows[row][column])
        })
    })
}

/// Inverse by cofactors. Colour correction matrices are far from singular.
fn inverse(m: &Matrix) -> Matrix {
    let cofactor = |row: usize, column: usize| {
        let (a, b) = ((row + 1) % 3, (row + 2) % 3);
        let (c, d) = ((column + 1) % 3, (column + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3)
        .map(|column| m[0][column] * cofactor(0, column))
        .sum();
    std::array::from_fn(|row| std::array::from_fn(|column| cofactor(column, row) / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve_points_are_met_and_ends_extended() {
        let model = SensorModel::named("imx219").unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        for point in &model.colour.ct_curve {
            let [red, blue] = grey_response(&model, point[0]);
            assert!(close(red, point[1]) && close(blue, point[2]), "{point:?}");
        }
        let warm = grey_response(&model, 2300.0);
        assert!(warm[0] > 0.9514 && warm[1] < 0.4156, "{warm:?}");
    }

    #[test]
    fn the_matrix_undoes_the_correction() {
        for name in SensorModel::NAMES {
            let model = SensorModel::named(name).unwrap();
            for kelvin in [2300.0, 2990.0, 4000.0, 5100.0, 7500.0] {
                let forward = sensor_matrix(&model, kelvin);
                let [red, blue] = grey_response(&model, kelvin);
                let back = correction(&model.colour, kelvin);
                let columns = (0..3).map(|column| forward.map(|row| row[column]));
                for (column, [r, g, b]) in columns.enumerate() {
                    let balanced = [r / red, g, b / blue];
                    for (row, weights) in back.iter().enumerate() {
                        let value: f64 = weights.iter().zip(balanced).map(|(w, b)| w * b).sum();
                        let expected = if row == column { 1.0 } else { 0.0 };
                        assert!((value - expected).abs() < 1e-9, "{name} {kelvin}");
                    }
                }
            }
        }
    }

    #[test]
    fn light_outside_its_range_is_refused() {
        assert_eq!(Light::new(2200.0, 1.0), Err(LightError::Kelvin(2200.0)));
        assert_eq!(Light::new(5000.0, -1.0), Err(LightError::Lux(-1.0)));
        assert!(Light::new(f32::NAN, 1.0).is_err());
        assert!(Light::new(5000.0, f32::NAN).is_err());
        assert_eq!(Light::new(2300.0, 200_000.0).unwrap().kelvin(), 2300.0);
    }
}
