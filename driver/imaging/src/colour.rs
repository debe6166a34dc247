//! Camera colours to linear sRGB, as DNG 1.7.1.0 has it in chapter 6, "Mapping Camera Color Space to CIE XYZ Space".
//!
//! A camera is calibrated under one light or under two. Under any other light its matrices are those of the two, mixed
//! by reciprocal temperature. Which light it was is either given, or found from what a neutral object's colours were:
//! a matrix says what white they are, and that white's temperature says which matrix; a few rounds settle it.

use crate::develop::Error;
use crate::dng::negative::{Calibration, Colour};
use crate::light::{self, Chromaticity};
use crate::matrix::{self, Matrix};

/// What is taken for white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WhiteBalance {
    /// What the picture says of itself.
    AsShot,
    /// The light's temperature in kelvin.
    Temperature(f64),
    /// A neutral object's red, green and blue, at whatever brightness.
    Neutral([f64; 3]),
}

/// How a camera's colours under one light become linear sRGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rendering {
    /// The white.
    pub white: Chromaticity,
    /// Its correlated colour temperature in kelvin.
    pub temperature: f64,
    /// What the camera makes of a neutral object, the largest 1.
    pub neutral: [f64; 3],
    /// What red, green and blue are multiplied by, so that a neutral object's are the same: the smallest is 1.
    pub gains: [f64; 3],
    /// From such colours to linear sRGB; equal ones stay as they are.
    pub matrix: Matrix,
}

/// Rounds after which a white is taken as it is. Three or four do for any camera.
const ROUNDS: usize = 30;
/// Change of a chromaticity that no longer matters.
const SETTLED: f64 = 1e-7;
/// Smallest part of the largest that a neutral object's colour may be: with less there is nothing but noise.
const SMALLEST: f64 = 1e-3;
/// Largest entry of a matrix that could be a camera's.
const LARGEST: f64 = 100.0;

/// EXIF's light sources: their temperatures in kelvin, or the middles of the ranges that EXIF 2.32 gives for them.
fn temperature_of(illuminant: u16) -> Option<f64> {
    let kelvin = match illuminant {
        1 | 4 | 9 | 18 | 20 => 5500.0,
        2 | 14 => 4150.0,
        3 | 17 => 2856.0,
        10 | 19 | 21 => 6504.0,
        11 | 22 => 7504.0,
        12 => 6400.0,
        13 => 5050.0,
        15 => 3525.0,
        16 => 2925.0,
        23 => 5003.0,
        24 => 3200.0,
        _ => return None,
    };
    Some(kelvin)
}

/// How colours are to be shown.
///
/// # Errors
/// When the calibrations are no camera's, or the white is none.
pub fn rendering(colour: &Colour, balance: WhiteBalance) -> Result<Rendering, Error> {
    let camera = Camera::new(colour)?;
    let (white, neutral) = match balance {
        WhiteBalance::AsShot => camera.white("AsShotNeutral", colour.as_shot_neutral)?,
        WhiteBalance::Neutral(neutral) => camera.white("the neutral that was chosen", neutral)?,
        WhiteBalance::Temperature(kelvin) => {
            if !light::TEMPERATURES.contains(&kelvin) {
                let (low, high) = light::TEMPERATURES.into_inner();
                let problem = format!("{kelvin} K is not within {low} to {high} K");
                return Err(Error::new("the light's temperature", problem));
            }
            let white = light::white(kelvin);
            let to_camera = camera.camera_of_xyz(camera.weight(white));
            let seen = matrix::applied(&to_camera, light::xyz(white));
            (white, checked("ColorMatrix1", seen)?)
        }
    };
    let matrix = camera.matrix(white, neutral)?;
    Ok(Rendering {
        white,
        temperature: light::temperature(white),
        neutral,
        gains: neutral.map(f64::recip),
        matrix,
    })
}

/// A neutral object's colours, the largest 1.
fn checked(field: &'static str, neutral: [f64; 3]) -> Result<[f64; 3], Error> {
    let largest = neutral.into_iter().fold(0.0, f64::max);
    let relative = neutral.map(|value| value / largest);
    // Written so that what is not a number is refused as well.
    if relative.iter().all(|value| *value >= SMALLEST) && largest.is_finite() {
        Ok(relative)
    } else {
        let problem = format!("red, green and blue {neutral:?} are no neutral object's");
        Err(Error::new(field, problem))
    }
}

/// A camera's calibrations under a warm light and under a cold one, which may be the same.
struct Camera {
    calibrations: [Calibration; 2],
    temperatures: [f64; 2],
}

impl Camera {
    fn new(colour: &Colour) -> Result<Self, Error> {
        let missing = || Error::new("ColorMatrix1", "there is none");
        let first = *colour.calibrations.first().ok_or_else(missing)?;
        let second = *colour.calibrations.get(1).unwrap_or(&first);
        for calibration in [first, second] {
            let is_good = |value: &f64| value.abs() <= LARGEST;
            let forward = calibration.forward_matrix.unwrap_or_default();
            for (field, values) in [
                ("ColorMatrix", calibration.colour_matrix.as_flattened()),
                ("ForwardMatrix", forward.as_flattened()),
                ("CameraCalibration", &calibration.individual[..]),
            ] {
                if !values.iter().all(is_good) {
                    let problem = format!("a value of {values:?} is beyond {LARGEST}");
                    return Err(Error::new(field, problem));
                }
            }
            if calibration.individual.iter().any(|value| *value < SMALLEST) {
                let individual = calibration.individual;
                let problem = format!("{individual:?} is not {SMALLEST} or more everywhere");
                return Err(Error::new("CameraCalibration", problem));
            }
        }
        let temperatures = [first, second].map(|it| temperature_of(it.illuminant));
        Ok(match temperatures {
            [Some(a), Some(b)] if a > b => Self {
                calibrations: [second, first],
                temperatures: [b, a],
            },
            [Some(a), Some(b)] => Self {
                calibrations: [first, second],
                temperatures: [a, b],
            },
            // Nobody knows when the other one would hold.
            _ => Self {
                calibrations: [first; 2],
                temperatures: [light::temperature(light::D65); 2],
            },
        })
    }

    /// How much of the colder light's calibration holds under a white.
    fn weight(&self, white: Chromaticity) -> f64 {
        let [warm, cold] = self.temperatures.map(f64::recip);
        let there = light::temperature(white).recip();
        if warm > cold {
            ((warm - there) / (warm - cold)).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// From XYZ to this very camera's colours.
    fn camera_of_xyz(&self, weight: f64) -> Matrix {
        let [a, b] = self.calibrations.map(|it| {
            let this_one = matrix::diagonal(it.individual.map(f64::recip));
            matrix::product(&this_one, &it.colour_matrix)
        });
        matrix::mixed(&a, &b, weight)
    }

    fn xyz_of_camera(&self, weight: f64) -> Result<Matrix, Error> {
        matrix::inverse(&self.camera_of_xyz(weight))
            .ok_or_else(|| Error::new("ColorMatrix", "it has no inverse, so it tells no colours"))
    }

    /// The white under which a neutral object has these colours, and the colours, the largest 1.
    fn white(
        &self,
        field: &'static str,
        neutral: [f64; 3],
    ) -> Result<(Chromaticity, [f64; 3]), Error> {
        let neutral = checked(field, neutral)?;
        let mut white = light::chromaticity(light::D50_XYZ);
        for round in 0..ROUNDS {
            let xyz = matrix::applied(&self.xyz_of_camera(self.weight(white))?, neutral);
            if !xyz.iter().all(|value| value.is_finite() && *value > 0.0) {
                let problem = format!("{neutral:?} would be no light's white: XYZ {xyz:.3?}");
                return Err(Error::new(field, problem));
            }
            let found = light::chromaticity(xyz);
            let moved = (found[0] - white[0]).abs() + (found[1] - white[1]).abs();
            // Where it goes back and forth, the middle is as near as it gets.
            let part = if round < ROUNDS / 2 { 1.0 } else { 0.5 };
            white = [0, 1].map(|index| white[index] + part * (found[index] - white[index]));
            if moved < SETTLED {
                break;
            }
        }
        Ok((white, neutral))
    }

    /// From white-balanced colours to linear sRGB.
    fn matrix(&self, white: Chromaticity, neutral: [f64; 3]) -> Result<Matrix, Error> {
        let weight = self.weight(white);
        let [warm, cold] = self.calibrations.map(|it| it.forward_matrix);
        let to_d50 = match (warm, cold) {
            (Some(warm), Some(cold)) => matrix::mixed(&warm, &cold, weight),
            _ => {
                let adaptation = light::adaptation(light::xyz(white), light::D50_XYZ);
                let to_xyz = matrix::product(&adaptation, &self.xyz_of_camera(weight)?);
                matrix::product(&to_xyz, &matrix::diagonal(neutral))
            }
        };
        // What a neutral object is in the end must not hang on how matrices were rounded.
        let found = matrix::applied(&to_d50, [1.0; 3]);
        if !found.iter().all(|value| *value > 0.0) {
            let problem = format!("what is neutral becomes XYZ {found:.3?}");
            return Err(Error::new("ForwardMatrix", problem));
        }
        let scale = std::array::from_fn(|index| light::D50_XYZ[index] / found[index]);
        let to_d50 = matrix::product(&matrix::diagonal(scale), &to_d50);
        let matrix = matrix::product(&from_d50(), &to_d50);
        if matrix
            .as_flattened()
            .iter()
            .all(|value| value.abs() <= LARGEST)
        {
            Ok(matrix)
        } else {
            Err(Error::new("ColorMatrix", "no colours come of it"))
        }
    }
}

/// Linear sRGB of XYZ under D50.
fn from_d50() -> Matrix {
    let white = matrix::applied(&light::SRGB_TO_XYZ, [1.0; 3]);
    let adaptation = light::adaptation(light::D50_XYZ, white);
    let to_srgb = matrix::inverse(&light::SRGB_TO_XYZ).expect("sRGB's matrix has an inverse");
    matrix::product(&to_srgb, &adaptation)
}

/// XYZ under D50 of linear sRGB.
pub(crate) fn to_d50() -> Matrix {
    let white = matrix::applied(&light::SRGB_TO_XYZ, [1.0; 3]);
    let adaptation = light::adaptation(white, light::D50_XYZ);
    matrix::product(&adaptation, &light::SRGB_TO_XYZ)
}

#[cfg(test)]
mod tests;
