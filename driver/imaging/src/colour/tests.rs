use super::*;
use proptest::prelude::*;

/// A made-up camera: its colours under standard light A and under D65.
const WARM: Matrix = [[0.9, -0.2, -0.05], [-0.4, 1.2, 0.2], [-0.05, 0.15, 0.5]];
const COLD: Matrix = [[0.8, -0.1, -0.1], [-0.5, 1.3, 0.2], [-0.1, 0.2, 0.6]];

fn calibration(illuminant: u16, colour_matrix: Matrix) -> Calibration {
    Calibration {
        illuminant,
        colour_matrix,
        forward_matrix: None,
        individual: [1.0; 3],
    }
}

fn colour(calibrations: &[Calibration]) -> Colour {
    Colour {
        calibrations: calibrations.to_vec(),
        as_shot_neutral: [0.5, 1.0, 0.6],
        noise: None,
    }
}

fn made_up() -> Colour {
    colour(&[calibration(17, WARM), calibration(21, COLD)])
}

/// What the camera makes of a white under that light.
fn seen(matrix: &Matrix, white: Chromaticity) -> [f64; 3] {
    matrix::applied(matrix, light::xyz(white))
}

fn near(a: &[f64], b: &[f64], tolerance: f64) {
    let far = a.iter().zip(b).any(|(a, b)| (a - b).abs() > tolerance);
    assert!(!far && a.len() == b.len(), "{a:?} is not {b:?}");
}

#[test]
fn the_white_of_a_calibrated_light_is_found() {
    for (matrix, white) in [(&WARM, light::A), (&COLD, light::D65)] {
        let neutral = seen(matrix, white);
        let found = rendering(&made_up(), WhiteBalance::Neutral(neutral)).unwrap();
        // Temperatures of the lights are rounded, so a trace of the other matrix stays.
        near(&found.white, &white, 2e-4);
        let largest = neutral.into_iter().fold(0.0, f64::max);
        near(&found.neutral, &neutral.map(|value| value / largest), 1e-12);
    }
}

#[test]
fn between_two_lights_matrices_are_mixed_by_reciprocal_temperature() {
    // The middle of 1 / 2856 and 1 / 6504 is 1 / 3969.
    let white = light::white(3969.1);
    let middle = matrix::mixed(&WARM, &COLD, 0.5);
    let neutral = seen(&middle, white);
    let found = rendering(&made_up(), WhiteBalance::Neutral(neutral)).unwrap();
    near(&found.white, &white, 2e-4);
    assert!((found.temperature - 3969.0).abs() < 15.0, "{found:?}");
}

#[test]
fn a_temperature_and_its_neutral_are_the_same_white() {
    for kelvin in [2300.0, 2856.0, 3500.0, 5000.0, 6504.0, 9000.0] {
        let given = rendering(&made_up(), WhiteBalance::Temperature(kelvin)).unwrap();
        let found = rendering(&made_up(), WhiteBalance::Neutral(given.neutral)).unwrap();
        near(&given.white, &found.white, 1e-4);
        near(
            given.matrix.as_flattened(),
            found.matrix.as_flattened(),
            2e-3,
        );
    }
}

/// An object of some colour under D65, through the colour matrix alone, is that colour in sRGB.
#[test]
fn colours_come_back_through_a_colour_matrix() {
    let srgb = [0.2, 0.5, 0.1];
    let xyz = matrix::applied(&light::SRGB_TO_XYZ, srgb);
    let camera = matrix::applied(&COLD, xyz);
    let neutral = seen(&COLD, light::D65);
    for calibrations in [vec![calibration(21, COLD)], made_up().calibrations] {
        let found = rendering(&colour(&calibrations), WhiteBalance::Neutral(neutral)).unwrap();
        let largest = neutral.into_iter().fold(0.0, f64::max);
        let balanced = std::array::from_fn(|index| camera[index] * found.gains[index] / largest);
        near(&matrix::applied(&found.matrix, balanced), &srgb, 2e-3);
    }
}

#[test]
fn a_forward_matrix_goes_before_the_colour_matrix() {
    let mut with = made_up();
    for calibration in &mut with.calibrations {
        calibration.forward_matrix = Some(to_d50());
    }
    let found = rendering(&with, WhiteBalance::AsShot).unwrap();
    near(
        found.matrix.as_flattened(),
        matrix::diagonal([1.0; 3]).as_flattened(),
        1e-9,
    );
}

#[test]
fn another_camera_of_the_model_has_other_neutrals_and_the_same_colours() {
    let mut another = made_up();
    for calibration in &mut another.calibrations {
        calibration.individual = [0.9, 1.0, 1.2];
    }
    let usual = rendering(&made_up(), WhiteBalance::Temperature(4000.0)).unwrap();
    let other = rendering(&another, WhiteBalance::Temperature(4000.0)).unwrap();
    near(
        usual.matrix.as_flattened(),
        other.matrix.as_flattened(),
        1e-9,
    );
    let [red, green, blue] = usual.neutral;
    let expected = [red / green / 0.9, blue / green / 1.2];
    let [red, green, blue] = other.neutral;
    near(&[red / green, blue / green], &expected, 1e-9);
}

#[test]
fn the_order_of_the_calibrations_does_not_matter() {
    let mut turned = made_up();
    turned.calibrations.reverse();
    assert_eq!(
        rendering(&made_up(), WhiteBalance::AsShot),
        rendering(&turned, WhiteBalance::AsShot)
    );
}

#[test]
fn a_light_that_nobody_knows_leaves_the_first_calibration() {
    let odd = colour(&[calibration(21, COLD), calibration(255, WARM)]);
    let alone = colour(&[calibration(21, COLD)]);
    assert_eq!(
        rendering(&odd, WhiteBalance::AsShot).map(|it| it.matrix),
        rendering(&alone, WhiteBalance::AsShot).map(|it| it.matrix)
    );
}

#[test]
fn complaints_name_the_field() {
    type Change = fn(&mut Colour);
    let complaint = |change: Change| {
        let mut colour = made_up();
        change(&mut colour);
        let refused = rendering(&colour, WhiteBalance::AsShot).unwrap_err();
        refused.to_string()
    };
    let cases: [(&str, Change); 7] = [
        ("ColorMatrix1: there is none", |it| it.calibrations.clear()),
        ("ColorMatrix: it has no inverse", |it| {
            for calibration in &mut it.calibrations {
                calibration.colour_matrix = [[0.5; 3]; 3];
            }
        }),
        ("ColorMatrix: a value of", |it| {
            it.calibrations[1].colour_matrix[2][1] = f64::NAN;
        }),
        ("ForwardMatrix: what is neutral becomes", |it| {
            for calibration in &mut it.calibrations {
                calibration.forward_matrix = Some([[0.0; 3]; 3]);
            }
        }),
        ("CameraCalibration: [0.0, 1.0, 1.0] is not 0.001", |it| {
            it.calibrations[0].individual[0] = 0.0;
        }),
        ("AsShotNeutral: red, green and blue [0.0, 1.0,", |it| {
            it.as_shot_neutral[0] = 0.0;
        }),
        ("AsShotNeutral: red, green and blue [NaN, 1.0,", |it| {
            it.as_shot_neutral[0] = f64::NAN;
        }),
    ];
    for (expected, change) in cases {
        let complaint = complaint(change);
        assert!(complaint.starts_with(expected), "{complaint}");
    }
    let kelvin = rendering(&made_up(), WhiteBalance::Temperature(300.0)).unwrap_err();
    assert!(
        kelvin.to_string().contains("300 K is not within"),
        "{kelvin}"
    );
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -2.0..2.0f64,
        1 => prop::sample::select(vec![
            0.0, f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, -1e300, 1e-300,
        ]),
    ]
}

proptest! {
    #[test]
    fn whatever_is_said_equal_colours_stay_equal_or_it_is_refused(
        values in prop::collection::vec(numbers(), 48),
        lights in prop::array::uniform2(0..26u16),
        forward in any::<bool>(),
        count in 0..3usize,
        kelvin in prop::option::of(numbers().prop_map(|value| 4000.0 * value)),
    ) {
        let matrix = |from: usize| -> Matrix {
            std::array::from_fn(|row| std::array::from_fn(|column| values[from + 3 * row + column]))
        };
        let make = |index: usize| Calibration {
            illuminant: lights[index],
            colour_matrix: matrix(9 * index),
            forward_matrix: forward.then(|| matrix(18 + 9 * index)),
            individual: if index == 0 { [1.0; 3] } else { [values[36], values[37], values[38]] },
        };
        let mut colour = colour(&(0..count).map(make).collect::<Vec<_>>());
        colour.as_shot_neutral = [values[39], values[40], values[41]];
        let balance = kelvin.map_or(WhiteBalance::AsShot, WhiteBalance::Temperature);
        if let Ok(found) = rendering(&colour, balance) {
            let grey = matrix::applied(&found.matrix, [0.5; 3]);
            prop_assert!(grey.iter().all(|value| (value - 0.5).abs() < 1e-3), "{:?}", grey);
            prop_assert!(found.gains.iter().all(|gain| *gain >= 1.0 && *gain <= 1000.0));
        }
    }
}
