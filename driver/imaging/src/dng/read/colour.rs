//! How samples become colours.

use super::Error;
use super::tiff::Directory;
use crate::dng::negative::{Calibration, Colour, Noise};
use crate::dng::tags::*;

type Matrix = [[f64; 3]; 3];

/// D50, which profiles are made for (DNG 1.7.1.0, chapter 6).
const D50: [f64; 2] = [0.3457, 0.3585];
/// Correlated colour temperatures of EXIF's lights, in kelvin (DNG 1.7.1.0, `CalibrationIlluminant1`).
const TEMPERATURES: [(u16, f64); 19] = [
    (1, 5500.0),
    (2, 4200.0),
    (3, 2850.0),
    (4, 5500.0),
    (9, 5500.0),
    (10, 6500.0),
    (11, 7500.0),
    (12, 6400.0),
    (13, 5000.0),
    (14, 4200.0),
    (15, 3450.0),
    (17, 2850.0),
    (18, 5500.0),
    (19, 6500.0),
    (20, 5500.0),
    (21, 6500.0),
    (22, 7500.0),
    (23, 5000.0),
    (24, 3200.0),
];

/// Colour is told for the whole file; some writers tell it beside the picture.
struct Told<'a> {
    places: [Directory<'a>; 2],
}

impl Told<'_> {
    fn numbers<const N: usize>(&self, tag: Tag) -> Result<Option<[f64; N]>, Error> {
        for directory in self.places {
            if let Some(numbers) = directory.array(tag)? {
                if let Some(wrong) = numbers.iter().find(|number: &&f64| !number.is_finite()) {
                    return Err(self.wrong(tag, format!("{wrong} is no number")));
                }
                return Ok(Some(numbers));
            }
        }
        Ok(None)
    }

    fn matrix(&self, tag: Tag) -> Result<Option<Matrix>, Error> {
        let numbers = self.numbers::<9>(tag)?;
        Ok(numbers.map(|[a, b, c, d, e, f, g, h, i]| [[a, b, c], [d, e, f], [g, h, i]]))
    }

    fn one(&self, tag: Tag) -> Result<Option<u32>, Error> {
        let [first, raw] = self.places;
        Ok(first.one(tag)?.or(raw.one(tag)?))
    }

    fn wrong(&self, tag: Tag, reason: String) -> Error {
        let mut fields = self
            .places
            .iter()
            .filter_map(|place| place.field(tag).ok()?);
        match fields.next() {
            Some(field) => field.wrong(reason),
            None => Error::Field {
                tag: tag.1,
                offset: self.places[0].offset,
                reason,
            },
        }
    }
}

pub(super) fn read(first: &Directory<'_>, raw: &Directory<'_>) -> Result<Colour, Error> {
    let told = Told {
        places: [*first, *raw],
    };
    let mut calibrations = Vec::new();
    for index in 0..2 {
        match calibration(&told, index)? {
            Some(calibration) => calibrations.push(calibration),
            None if index == 0 => {
                return Err(Error::Missing {
                    tag: COLOR_MATRICES[0].1,
                    offset: first.offset,
                });
            }
            None => {}
        }
    }
    if let [first, second] = &calibrations[..] {
        let warmth = [first, second].map(|of| temperature(of.illuminant));
        if let [Some(first), Some(second)] = warmth
            && second < first
        {
            calibrations.reverse();
        }
    }
    let as_shot_neutral = neutral(&told, &calibrations)?;
    Ok(Colour {
        calibrations,
        as_shot_neutral,
        noise: noise(raw)?.or(noise(first)?),
    })
}

fn calibration(told: &Told<'_>, index: usize) -> Result<Option<Calibration>, Error> {
    let Some(colour_matrix) = told.matrix(COLOR_MATRICES[index])? else {
        return Ok(None);
    };
    let illuminant = told.one(CALIBRATION_ILLUMINANTS[index])?.unwrap_or(0);
    let forward_matrix = told.matrix(FORWARD_MATRICES[index])?;
    let balance: [f64; 3] = told.numbers(ANALOG_BALANCE)?.unwrap_or([1.0; 3]);
    // A calibration of another profile does not count.
    let [first, _] = told.places;
    let is_ours =
        first.text(CAMERA_CALIBRATION_SIGNATURE)? == first.text(PROFILE_CALIBRATION_SIGNATURE)?;
    let camera = told.matrix(CAMERA_CALIBRATIONS[index])?.filter(|_| is_ours);
    let camera = camera.unwrap_or([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let individual: Matrix =
        std::array::from_fn(|row| camera[row].map(|value| balance[row] * value));
    let diagonal = [individual[0][0], individual[1][1], individual[2][2]];
    let is_diagonal =
        (0..3).all(|row| (0..3).all(|column| row == column || individual[row][column] == 0.0));
    let illuminant = illuminant.try_into().unwrap_or(0);
    Ok(Some(
        if is_diagonal && diagonal.iter().all(|factor| *factor > 0.0) {
            Calibration {
                illuminant,
                colour_matrix,
                forward_matrix,
                individual: diagonal.map(|factor| 1.0 / factor),
            }
        } else {
            // Ours cannot say how colours of one camera mix into those of another, but what comes of it. A forward matrix
            // would need it apart.
            Calibration {
                illuminant,
                colour_matrix: product(&individual, &colour_matrix),
                forward_matrix: None,
                individual: [1.0; 3],
            }
        },
    ))
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (0..3).map(|index| a[row][index] * b[index][column]).sum())
    })
}

fn temperature(illuminant: u16) -> Option<f64> {
    let mut known = TEMPERATURES.iter();
    known
        .find(|(number, _)| *number == illuminant)
        .map(|(_, kelvin)| *kelvin)
}

fn neutral(told: &Told<'_>, calibrations: &[Calibration]) -> Result<[f64; 3], Error> {
    let (tag, neutral) = match told.numbers(AS_SHOT_NEUTRAL)? {
        Some(neutral) => (AS_SHOT_NEUTRAL, neutral),
        None => {
            let white = told.numbers(AS_SHOT_WHITE_XY)?.unwrap_or(D50);
            (AS_SHOT_WHITE_XY, neutral_of(white, calibrations))
        }
    };
    let largest = neutral.into_iter().fold(0.0, f64::max);
    let neutral = neutral.map(|colour: f64| colour / largest);
    if neutral
        .iter()
        .all(|colour| *colour > 0.0 && colour.is_finite())
    {
        Ok(neutral)
    } else {
        Err(told.wrong(tag, format!("it makes {neutral:?} of a neutral colour")))
    }
}

/// The camera's colours of a light (DNG 1.7.1.0, chapter 6): between two calibrations by the reciprocal of the colour
/// temperature.
fn neutral_of([x, y]: [f64; 2], calibrations: &[Calibration]) -> [f64; 3] {
    let xyz = [x / y, 1.0, (1.0 - x - y) / y];
    let of = |calibration: &Calibration| -> [f64; 3] {
        std::array::from_fn(|row| {
            let colour: f64 = calibration.colour_matrix[row]
                .iter()
                .zip(xyz)
                .map(|(a, b)| a * b)
                .sum();
            colour / calibration.individual[row]
        })
    };
    let lights = calibrations
        .iter()
        .map(|calibration| temperature(calibration.illuminant));
    match (&calibrations, &lights.collect::<Vec<_>>()[..]) {
        ([warm, cold], [Some(low), Some(high)]) if low < high => {
            let part = (1.0 / kelvin(x, y) - 1.0 / high) / (1.0 / low - 1.0 / high);
            let part = part.clamp(0.0, 1.0);
            let (warm, cold) = (of(warm), of(cold));
            std::array::from_fn(|index| part * warm[index] + (1.0 - part) * cold[index])
        }
        ([first, ..], _) => of(first),
        _ => [1.0; 3],
    }
}

/// Correlated colour temperature (McCamy 1992).
fn kelvin(x: f64, y: f64) -> f64 {
    let n = (x - 0.3320) / (0.1858 - y);
    449.0 * n.powi(3) + 3525.0 * n.powi(2) + 6823.3 * n + 5520.33
}

/// For all colours together, or for each.
fn noise(directory: &Directory<'_>) -> Result<Option<[Noise; 3]>, Error> {
    let Some(values) = directory.numbers(NOISE_PROFILE)? else {
        return Ok(None);
    };
    let of = |scale: f64, offset: f64| Noise { scale, offset };
    Ok(match values[..] {
        [scale, offset] => Some([of(scale, offset); 3]),
        [a, b, c, d, e, f] => Some([of(a, b), of(c, d), of(e, f)]),
        _ => {
            let field = directory.field(NOISE_PROFILE)?;
            let reason = format!("{} values instead of 2 or 6", values.len());
            return field.map_or(Ok(None), |field| Err(field.wrong(reason)));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dng::ifd::{self, Value};
    use crate::dng::read::tiff::Tiff;

    const MATRIX: [f64; 9] = [0.9, -0.2, -0.1, -0.4, 1.2, 0.2, -0.1, 0.2, 0.6];

    fn colour(fields: &[(Tag, Value)]) -> Result<Colour, Error> {
        let mut directory = ifd::Directory::default();
        directory.set(COLOR_MATRICES[0].0, Value::signed_rationals(&MATRIX));
        for (tag, value) in fields {
            directory.set(tag.0, value.clone());
        }
        let mut bytes = Vec::new();
        directory.write(&mut bytes).unwrap();
        let (tiff, first) = Tiff::new(&bytes).unwrap();
        let directory = tiff.directory(first).unwrap();
        read(&directory, &directory)
    }

    fn is_near(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 5e-3)
    }

    #[test]
    fn a_balance_and_a_calibration_are_one_factor() {
        let found = colour(&[
            (ANALOG_BALANCE, Value::rationals(&[2.0, 1.0, 0.5])),
            (
                CAMERA_CALIBRATIONS[0],
                Value::signed_rationals(&[1.0, 0.0, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 1.0]),
            ),
        ]);
        let individual = found.unwrap().calibrations[0].individual;
        assert!(is_near(&individual, &[0.5, 1.25, 2.0]), "{individual:?}");
    }

    #[test]
    fn a_calibration_of_another_profile_does_not_count() {
        let half = Value::signed_rationals(&[0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5]);
        let found = colour(&[
            (CAMERA_CALIBRATIONS[0], half),
            (CAMERA_CALIBRATION_SIGNATURE, Value::text("com.example")),
        ]);
        assert_eq!(found.unwrap().calibrations[0].individual, [1.0; 3]);
    }

    #[test]
    fn colours_that_mix_are_in_the_matrix() {
        let swap = Value::signed_rationals(&[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let found = colour(&[(CAMERA_CALIBRATIONS[0], swap)]).unwrap();
        let calibration = &found.calibrations[0];
        assert!(is_near(&calibration.colour_matrix[0], &MATRIX[3..6]));
        assert_eq!(calibration.individual, [1.0; 3]);
    }

    #[test]
    fn warmer_light_is_first() {
        let found = colour(&[
            (CALIBRATION_ILLUMINANTS[0], Value::Shorts(vec![21])),
            (CALIBRATION_ILLUMINANTS[1], Value::Shorts(vec![17])),
            (COLOR_MATRICES[1], Value::signed_rationals(&MATRIX)),
        ]);
        let found = found.unwrap();
        let lights: Vec<u16> = found.calibrations.iter().map(|of| of.illuminant).collect();
        assert_eq!(lights, [17, 21]);
    }

    #[test]
    fn a_chromaticity_becomes_a_neutral_colour() {
        let at = |xy: &[f64]| {
            let fields = [
                (AS_SHOT_WHITE_XY, Value::rationals(xy)),
                (CALIBRATION_ILLUMINANTS[0], Value::Shorts(vec![17])),
                (CALIBRATION_ILLUMINANTS[1], Value::Shorts(vec![21])),
                (
                    COLOR_MATRICES[1],
                    Value::signed_rationals(&[0.5, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5]),
                ),
            ];
            colour(&fields).unwrap().as_shot_neutral
        };
        // D65 has X 0.9505 and Z 1.0891; A is warmer, and the first matrix alone counts.
        assert!(is_near(&at(&[0.31271, 0.32902]), &[0.475, 1.0, 0.544]));
        let [x, y] = [0.44758, 0.40745f64];
        let [x, z] = [x / y, (1.0 - x - y) / y];
        let expected = [
            0.9 * x - 0.2 - 0.1 * z,
            -0.4 * x + 1.2 + 0.2 * z,
            -0.1 * x + 0.2 + 0.6 * z,
        ];
        let expected = expected.map(|colour| colour / expected[1].max(expected[0]));
        assert!(is_near(&at(&[0.44758, 0.40745]), &expected), "{expected:?}");
        let error = colour(&[(AS_SHOT_NEUTRAL, Value::rationals(&[0.0, 1.0, 1.0]))]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("DNG: AsShotNeutral at offset "),
            "{error}"
        );
    }
}
