//! Negatives that contradict themselves or are beyond sense are refused, or become some picture.

use bayonet_imaging::colour::WhiteBalance;
use bayonet_imaging::demosaic::Pattern;
use bayonet_imaging::develop::{Demosaic, Development, Settings, Target};
use bayonet_imaging::dng::negative::{Calibration, Camera, Colour, Negative, Raw, Shot};
use bayonet_imaging::dng::opcodes::{GainMap, Opcode};
use bayonet_imaging::{Look, neutral_at};
use proptest::prelude::*;

const PATTERNS: [Pattern; 4] = [Pattern::Rggb, Pattern::Grbg, Pattern::Gbrg, Pattern::Bggr];

/// Usual numbers, and sometimes unusual ones.
fn number(usual: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![
        19 => usual,
        1 => prop::sample::select(vec![
            0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e-300, 1e6,
        ]),
    ]
}

fn matrix() -> impl Strategy<Value = [[f64; 3]; 3]> {
    prop::collection::vec(number(-0.4..0.4), 9).prop_map(|values| {
        std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                values[3 * row + column] + if row == column { 1.0 } else { 0.0 }
            })
        })
    })
}

fn calibration() -> impl Strategy<Value = Calibration> {
    let individual = prop::array::uniform3(number(0.5..1.5));
    (0..26u16, matrix(), prop::option::of(matrix()), individual).prop_map(
        |(illuminant, colour_matrix, forward_matrix, individual)| Calibration {
            illuminant,
            colour_matrix,
            forward_matrix,
            individual,
        },
    )
}

fn gain_map() -> impl Strategy<Value = GainMap> {
    let shape = (
        prop::array::uniform2(0..4u32),
        prop::array::uniform2(0..3u32),
    );
    let place = (
        prop::array::uniform2(number(0.0..1.0)),
        prop::array::uniform2(number(0.0..0.5)),
    );
    let area = prop::array::uniform4(0..40u32);
    let gains = prop::collection::vec(number(0.5..3.0), 0..10);
    (shape, place, area, prop::array::uniform2(0..4u32), gains).prop_map(
        |((points, pitch), (spacing, origin), area, planes, gains)| {
            let count = (points[0] * points[1]) as usize;
            let fitting = gains
                .iter()
                .cycle()
                .take(if gains.is_empty() { 0 } else { count });
            GainMap {
                area,
                planes,
                pitch,
                points,
                spacing,
                origin,
                gains: fitting.map(|gain| *gain as f32).collect(),
            }
        },
    )
}

fn opcode() -> impl Strategy<Value = Opcode> {
    let centre = || prop::array::uniform2(number(0.0..1.0));
    let warp = prop::collection::vec(prop::collection::vec(number(-0.3..0.9), 6), 0..4);
    prop_oneof![
        (warp, centre()).prop_map(|(planes, centre)| Opcode::WarpRectilinear {
            planes: planes
                .into_iter()
                .map(|it| it.try_into().expect("six"))
                .collect(),
            centre,
        }),
        (prop::array::uniform5(number(-1.0..1.0)), centre())
            .prop_map(|(factors, centre)| Opcode::FixVignetteRadial { factors, centre }),
        gain_map().prop_map(Opcode::GainMap),
        prop::collection::vec(prop::array::uniform2(0..50u32), 0..40)
            .prop_map(|pixels| Opcode::FixBadPixelsList { phase: 0, pixels }),
    ]
}

fn negative() -> impl Strategy<Value = (Negative, Vec<u16>)> {
    let size = prop_oneof![3 => (4..40usize, 4..40usize), 1 => (0..6usize, 0..6usize)];
    let levels = (
        prop::array::uniform4(number(0.0..500.0)),
        prop_oneof![9 => 1000..u16::MAX, 1 => 0..u16::MAX],
    );
    let edges = prop_oneof![3 => Just(None), 1 => prop::array::uniform4(0..41usize).prop_map(Some)];
    let neutral = prop::array::uniform3(number(0.3..1.0));
    let colour = (prop::collection::vec(calibration(), 0..3), neutral);
    let few = || prop::collection::vec(opcode(), 0..2);
    let pattern = prop::sample::select(&PATTERNS[..]);
    (
        size,
        levels,
        edges,
        colour,
        [few(), few(), few()],
        pattern,
        any::<u32>(),
    )
        .prop_map(
            |((width, height), (black, white), edges, colour, opcodes, pattern, seed)| {
                let sample = |index: usize| {
                    (index as u32)
                        .wrapping_mul(2_654_435_761)
                        .wrapping_add(seed)
                        >> 16
                };
                let samples = (0..width * height)
                    .map(|index| sample(index) as u16)
                    .collect();
                let (calibrations, as_shot_neutral) = colour;
                let negative = Negative {
                    raw: Raw {
                        width,
                        height,
                        pattern,
                        bits: 16,
                        black,
                        white,
                        active: edges.unwrap_or([0, 0, height, width]),
                    },
                    colour: Colour {
                        calibrations,
                        as_shot_neutral,
                        noise: None,
                    },
                    camera: Camera {
                        make: String::new(),
                        model: String::new(),
                        unique_model: String::new(),
                        software: String::new(),
                    },
                    lens: None,
                    shot: Shot {
                        taken_ns: 0,
                        exposure_us: None,
                        iso: None,
                        place: None,
                    },
                    sequence: None,
                    opcodes,
                };
                (negative, samples)
            },
        )
}

fn settings() -> impl Strategy<Value = Settings> {
    let white_balance = prop_oneof![
        Just(WhiteBalance::AsShot),
        number(1000.0..15000.0).prop_map(WhiteBalance::Temperature),
        prop::array::uniform3(number(0.1..1.0)).prop_map(WhiteBalance::Neutral),
    ];
    let demosaic = vec![Demosaic::Live, Demosaic::Still, Demosaic::Half];
    (
        white_balance,
        number(-5.0..5.0),
        prop::sample::select(vec![Look::Natural, Look::Vivid]),
        prop::sample::select(demosaic),
        any::<bool>(),
    )
        .prop_map(|(white_balance, exposure, look, demosaic, lens)| Settings {
            white_balance,
            exposure,
            look,
            demosaic,
            lens,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_a_negative_says_it_is_developed_or_refused(
        (negative, samples) in negative(),
        settings in settings(),
        cut in 0..40usize,
    ) {
        match Development::new(&negative, &samples, settings) {
            Ok(development) => {
                let (width, height) = (development.width(), development.height());
                let mut out = vec![0; 3 * width * height];
                let cut = cut.min(height);
                let mut worker = development.worker();
                for rows in [0..cut, cut..height] {
                    let place = &mut out[3 * width * rows.start..];
                    worker.rows(rows, &mut Target::Eight(place));
                }
            }
            Err(error) => {
                let text = error.to_string();
                prop_assert!(text.contains(": ") && text.len() < 2000, "{}", text);
            }
        }
        // Whatever is pointed at.
        let _ = neutral_at(&negative, &samples, &settings, [cut, 3]);
    }
}
