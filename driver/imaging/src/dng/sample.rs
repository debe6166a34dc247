//! Negatives and samples for tests.

use super::negative::*;
use super::opcodes::{GainMap, Opcode};
use crate::demosaic::{Mosaic, Pattern};
use proptest::collection::vec;
use proptest::prelude::*;

/// Of a picture with everything that can be told.
pub(super) fn negative(width: usize, height: usize) -> Negative {
    Negative {
        raw: Raw {
            width,
            height,
            pattern: Pattern::Grbg,
            bits: 12,
            black: [200.0, 201.0, 199.0, 200.0],
            white: 4000,
            active: [2, 4, height - 2, width],
        },
        colour: Colour {
            calibrations: vec![
                Calibration {
                    illuminant: 17,
                    colour_matrix: [[1.1, -0.5, -0.1], [-0.4, 1.3, 0.1], [-0.1, 0.2, 0.5]],
                    forward_matrix: Some([[0.6, 0.2, 0.1], [0.3, 0.8, -0.1], [0.0, -0.2, 1.0]]),
                    individual: [1.01, 1.0, 0.98],
                },
                Calibration {
                    illuminant: 21,
                    colour_matrix: [[0.8, -0.2, -0.1], [-0.4, 1.2, 0.2], [-0.1, 0.2, 0.6]],
                    forward_matrix: Some([[0.7, 0.1, 0.1], [0.3, 0.8, -0.1], [0.1, -0.2, 0.9]]),
                    individual: [1.01, 1.0, 0.98],
                },
            ],
            as_shot_neutral: [0.5, 1.0, 0.625],
            noise: Some(
                [(1e-4, 1e-7), (2e-4, 2e-7), (3e-4, 3e-7)]
                    .map(|(scale, offset)| Noise { scale, offset }),
            ),
        },
        camera: Camera {
            make: "Bayonet".into(),
            model: "IMX283".into(),
            unique_model: "Bayonet IMX283".into(),
            software: "bayonet 0.1.0".into(),
        },
        lens: Some(Lens {
            make: "Leica".into(),
            model: "Summicron-M 50".into(),
            focal_length_mm: Some(50.0),
            maximum_aperture: Some(2.0),
            aperture: Some(5.6),
        }),
        shot: Shot {
            taken_ns: 1_790_000_000_123_456_789,
            exposure_us: Some(8_000),
            iso: Some(400),
            place: Some(Place {
                latitude: 48.137_154,
                longitude: -11.576_124,
                altitude_m: Some(519.25),
            }),
        },
        sequence: None,
        opcodes: [
            vec![Opcode::FixBadPixelsList {
                phase: 1,
                pixels: vec![[3, 5], [8, 1]],
            }],
            vec![Opcode::GainMap(GainMap {
                area: [0, 0, height as u32 - 4, width as u32 - 4],
                planes: [0, 1],
                pitch: [2, 2],
                points: [2, 2],
                spacing: [1.0, 1.0],
                origin: [0.0, 0.0],
                gains: vec![1.5, 1.25, 1.25, 1.5],
            })],
            vec![
                Opcode::WarpRectilinear {
                    planes: vec![[1.0, 0.02, -0.01, 0.001, 0.0, 0.0]],
                    centre: [0.5, 0.5],
                },
                Opcode::FixVignetteRadial {
                    factors: [0.2, 0.1, 0.0, 0.0, 0.0],
                    centre: [0.5, 0.5],
                },
            ],
        ],
    }
}

/// A picture with noise in its light, as a sensor gives it.
pub(super) fn noisy(raw: &Raw) -> Vec<u16> {
    let most = u32::from(u16::MAX >> (16 - raw.bits));
    let mut state = 1u32;
    let samples = (0..raw.width * raw.height).map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = (index % raw.width, index / raw.width);
        let colour = 1 + (x % 2 + y % 2) as u32;
        let light = (x * 3 + y) as u32 * most / (4 * (raw.width + raw.height) as u32) / colour;
        (light + (state >> 26)).min(most) as u16
    });
    samples.collect()
}

pub(super) fn mosaic<'a>(raw: &Raw, samples: &'a [u16]) -> Mosaic<'a> {
    let [top, left, ..] = raw.active;
    let [row, column] = raw.pattern.red();
    let pattern = match [(row + top) % 2, (column + left) % 2] {
        [0, 0] => Pattern::Rggb,
        [0, 1] => Pattern::Grbg,
        [1, 0] => Pattern::Gbrg,
        _ => Pattern::Bggr,
    };
    Mosaic {
        samples,
        stride: raw.width,
        width: raw.width,
        height: raw.height,
        pattern,
        white: raw.white,
    }
}

/// Any picture that can be written, and its samples.
pub(super) fn pictures() -> impl Strategy<Value = (Negative, Vec<u16>)> {
    raws().prop_flat_map(|raw| {
        let most = u16::MAX >> (16 - raw.bits);
        let sample = prop_oneof![0..=most, Just(0), Just(most), 0..=most / 16];
        let samples = vec(sample, raw.width * raw.height);
        (negatives(raw), samples)
    })
}

fn raws() -> impl Strategy<Value = Raw> {
    let pattern = prop_oneof![
        Just(Pattern::Rggb),
        Just(Pattern::Grbg),
        Just(Pattern::Gbrg),
        Just(Pattern::Bggr),
    ];
    let sides = (16..90usize, 16..90usize, 8..=16u8, pattern);
    sides.prop_flat_map(|(width, height, bits, pattern)| {
        let most = u16::MAX >> (16 - bits);
        let black = prop_oneof![0.0..f64::from(most / 2), (0..most / 2).prop_map(f64::from)];
        let edges = (
            0..width / 2,
            0..height / 2,
            width / 2 + 1..=width,
            height / 2 + 1..=height,
        );
        (proptest::array::uniform4(black), most / 2 + 1..=most, edges).prop_map(
            move |(black, white, (left, top, right, bottom))| Raw {
                width,
                height,
                pattern,
                bits,
                black,
                white,
                active: [top, left, bottom, right],
            },
        )
    })
}

/// Numbers like those of a matrix with an inverse.
fn matrix() -> impl Strategy<Value = [[f64; 3]; 3]> {
    proptest::array::uniform9(-0.2..0.2f64)
        .prop_map(|[a, b, c, d, e, f, g, h, i]| [[1.0 + a, b, c], [d, 1.0 + e, f], [g, h, 1.0 + i]])
}

prop_compose! {
    fn shots()(
        taken_ns in any::<i64>(), exposure_us in proptest::option::of(any::<u32>()),
        iso in proptest::option::of(prop_oneof![1..65_535u32, 65_536..1_000_000u32]),
        place in proptest::option::of((-90.0..90.0f64, -180.0..180.0f64, proptest::option::of(-1_000_000..9_000_000i32))),
    ) -> Shot {
        let place = place.map(|(latitude, longitude, altitude)| {
            let altitude_m = altitude.map(|altitude: i32| f64::from(altitude) / 1000.0);
            Place { latitude, longitude, altitude_m }
        });
        Shot { taken_ns, exposure_us, iso, place }
    }
}

prop_compose! {
    fn lenses()(
        make in "[A-Z][a-z]{0,8}", model in "[A-Z][a-z0-9 -]{0,8}[0-9]",
        numbers in proptest::array::uniform3(proptest::option::of(0.5..400.0f64)),
    ) -> Lens {
        let [focal_length_mm, maximum_aperture, aperture] = numbers;
        Lens { make, model, focal_length_mm, maximum_aperture, aperture }
    }
}

fn colours() -> impl Strategy<Value = Colour> {
    let individual = proptest::array::uniform3(0.8..1.25f64);
    let calibration = move |illuminant: u16, forward: bool| {
        (matrix(), matrix(), individual.clone()).prop_map(
            move |(colour_matrix, forward_matrix, individual)| Calibration {
                illuminant,
                colour_matrix,
                forward_matrix: forward.then_some(forward_matrix),
                individual,
            },
        )
    };
    let calibrations = any::<bool>().prop_flat_map(move |forward| {
        prop_oneof![
            calibration(23, forward).prop_map(|one| vec![one]),
            (calibration(17, forward), calibration(21, forward)).prop_map(|(a, b)| vec![a, b]),
        ]
    });
    let neutral = prop_oneof![
        (0.1..1.0f64, 0.1..1.0f64).prop_map(|(red, blue)| [red, 1.0, blue]),
        (0.1..1.0f64, 0.1..1.0f64).prop_map(|(green, blue)| [1.0, green, blue]),
    ];
    let noise = (0.0..1e-2f64, 0.0..1e-4f64).prop_map(|(scale, offset)| Noise { scale, offset });
    let noise = proptest::option::of(proptest::array::uniform3(noise));
    (calibrations, neutral, noise).prop_map(|(calibrations, as_shot_neutral, noise)| Colour {
        calibrations,
        as_shot_neutral,
        noise,
    })
}

fn negatives(raw: Raw) -> impl Strategy<Value = Negative> {
    let camera = proptest::array::uniform4("[A-Z][a-z]{1,9}");
    let sequence = proptest::option::of((1..=60u32, 0..24 * 3600u64));
    let everything = negative(raw.width, raw.height).opcodes;
    let opcodes = proptest::array::uniform3(0..=2usize).prop_map(move |counts| {
        let mut opcodes = everything.clone();
        for (list, count) in opcodes.iter_mut().zip(counts) {
            list.truncate(count);
            list.retain(|opcode| {
                !matches!(opcode, Opcode::GainMap(_) | Opcode::FixBadPixelsList { .. })
            });
        }
        opcodes
    });
    (
        colours(),
        camera,
        proptest::option::of(lenses()),
        shots(),
        sequence,
        opcodes,
    )
        .prop_map(
            move |(
                colour,
                [make, model, unique_model, software],
                lens,
                shot,
                sequence,
                opcodes,
            )| Negative {
                raw,
                colour,
                camera: Camera {
                    make,
                    model,
                    unique_model,
                    software,
                },
                lens,
                shot,
                sequence: sequence.map(|(rate, second)| Sequence {
                    frame_rate: rate.into(),
                    frame: second * u64::from(rate) + second % u64::from(rate),
                }),
                opcodes,
            },
        )
}

/// That two negatives are one, but for what fractions cannot tell.
pub(super) fn assert_near(found: &Negative, expected: &Negative) {
    let (found_numbers, expected_numbers) = (numbers(found), numbers(expected));
    assert_eq!(
        found_numbers.len(),
        expected_numbers.len(),
        "{found:#?} {expected:#?}"
    );
    for (a, b) in found_numbers.iter().zip(&expected_numbers) {
        assert!(
            (a - b).abs() <= 1e-6 * b.abs().max(1e-2),
            "{a} {b} {found:#?} {expected:#?}"
        );
    }
    assert_eq!(without_numbers(found), without_numbers(expected));
}

fn numbers(negative: &Negative) -> Vec<f64> {
    let colour = &negative.colour;
    let mut numbers = negative.raw.black.to_vec();
    numbers.extend(colour.as_shot_neutral);
    for calibration in &colour.calibrations {
        numbers.extend(calibration.colour_matrix.as_flattened());
        let forward = calibration.forward_matrix.iter();
        numbers.extend(forward.flat_map(|matrix| matrix.as_flattened()));
        numbers.extend(calibration.individual);
    }
    numbers.extend(
        colour
            .noise
            .iter()
            .flatten()
            .flat_map(|noise| [noise.scale, noise.offset]),
    );
    if let Some(lens) = &negative.lens {
        numbers.extend(lens.focal_length_mm);
        numbers.extend(lens.maximum_aperture);
        numbers.extend(lens.aperture);
    }
    if let Some(place) = &negative.shot.place {
        numbers.extend([place.latitude, place.longitude]);
        numbers.extend(place.altitude_m);
    }
    numbers.extend(negative.sequence.map(|sequence| sequence.frame_rate));
    numbers
}

fn without_numbers(negative: &Negative) -> Negative {
    let mut negative = negative.clone();
    negative.raw.black = [0.0; 4];
    negative.colour.as_shot_neutral = [0.0; 3];
    negative
        .colour
        .calibrations
        .iter_mut()
        .for_each(|calibration| {
            calibration.colour_matrix = [[0.0; 3]; 3];
            calibration.forward_matrix = None;
            calibration.individual = [0.0; 3];
        });
    negative.colour.noise = None;
    if let Some(lens) = &mut negative.lens {
        (lens.focal_length_mm, lens.maximum_aperture, lens.aperture) = (None, None, None);
    }
    negative.shot.place = None;
    if let Some(sequence) = &mut negative.sequence {
        sequence.frame_rate = 0.0;
    }
    negative
}
