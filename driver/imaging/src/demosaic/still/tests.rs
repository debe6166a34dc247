use super::super::Pattern;
use super::super::testing::{PATTERNS, colour, demosaiced, filtered};
use super::*;
use proptest::prelude::*;

fn still(
    samples: &[u16],
    width: usize,
    pattern: Pattern,
    white: u16,
    parts: usize,
) -> [Vec<u16>; 3] {
    let mut still = Still::default();
    let rows =
        |mosaic: &Mosaic<'_>, rows, planes: &mut Planes<'_>| still.rows(mosaic, rows, planes);
    demosaiced(rows, samples, width, (pattern, white), parts)
}

/// Rings that become finer towards the lower right, of a colour that changes slowly: numbers below 4096.
fn rings(x: usize, y: usize) -> [u16; 3] {
    let wave = |phase: usize| {
        let place = (x * x + y * y) / 8 + phase;
        (place % 512).abs_diff(256) as u16
    };
    [
        400 + 6 * wave(0) + x as u16,
        200 + 6 * wave(0) + 4 * y as u16,
        100 + 6 * wave(20),
    ]
}

/// Decibels below 4095.
fn peak_signal_to_noise(
    planes: &[Vec<u16>; 3],
    picture: impl Fn(usize, usize) -> [u16; 3],
    width: usize,
) -> f64 {
    let squares = planes.iter().enumerate().map(|(colour, plane)| {
        let errors = plane.iter().enumerate().map(|(index, sample)| {
            let true_one = picture(index % width, index / width)[colour];
            f64::from(sample.abs_diff(true_one)).powi(2)
        });
        errors.sum::<f64>()
    });
    let mean = squares.sum::<f64>() / (3 * planes[0].len()) as f64;
    10.0 * (4095f64.powi(2) / mean).log10()
}

#[test]
fn one_colour_stays_what_it_is_up_to_the_edges() {
    for pattern in PATTERNS {
        for size in [(4, 4), (5, 7), (16, 6), (33, 9)] {
            for white in [255, 4095, u16::MAX] {
                let levels = [white / 7, white / 2, white];
                let samples = filtered(|_, _| levels, size, pattern);
                let planes = still(&samples, size.0, pattern, white, 1);
                for (plane, level) in planes.iter().zip(levels) {
                    assert!(
                        plane.iter().all(|sample| *sample == level),
                        "{pattern:?} {size:?} {white}"
                    );
                }
            }
        }
    }
}

#[test]
fn grey_lines_stay_grey_whichever_way_they_run() {
    let size = (48, 40);
    let line = |place: usize| [[300; 3], [3000; 3], [2000; 3]][place % 3];
    for pattern in PATTERNS {
        for upright in [true, false] {
            let picture = |x: usize, y: usize| line(if upright { x } else { y });
            let planes = still(&filtered(picture, size, pattern), size.0, pattern, 4095, 1);
            for (x, y) in (0..size.0).flat_map(|x| (0..size.1).map(move |y| (x, y))) {
                for plane in &planes {
                    let found = plane[y * size.0 + x];
                    assert!(
                        found.abs_diff(picture(x, y)[0]) <= 1,
                        "{pattern:?} upright: {upright}, at {x} {y}: {found}"
                    );
                }
            }
        }
    }
}

/// Without the gains, colour would be seen in the lines.
#[test]
fn grey_lines_in_coloured_light_stay_grey() {
    let size = (48, 40);
    let gains = [2.0, 1.0, 1.6];
    let picture = |x: usize, _: usize| {
        let grey = [300.0, 3000.0, 2000.0][x % 3];
        gains.map(|gain| f32::round(grey / gain) as u16)
    };
    for pattern in PATTERNS {
        let samples = filtered(picture, size, pattern);
        for (gains, wrong) in [(gains, false), ([1.0; 3], true)] {
            let mut still = Still::balanced(gains);
            let rows = |mosaic: &Mosaic<'_>, rows, planes: &mut Planes<'_>| {
                still.rows(mosaic, rows, planes);
            };
            let planes = demosaiced(rows, &samples, size.0, (pattern, 4095), 1);
            let errors = planes.iter().enumerate().flat_map(|(colour, plane)| {
                plane.iter().enumerate().map(move |(index, found)| {
                    found.abs_diff(picture(index % size.0, index / size.0)[colour])
                })
            });
            assert_eq!(errors.max() > Some(2), wrong, "{pattern:?} {gains:?}");
        }
    }
}

#[test]
fn what_is_beyond_black_and_white_is_cut_off() {
    let spots = |x: usize, y: usize| {
        [if (x / 2 + y / 2).is_multiple_of(2) {
            0
        } else {
            4095
        }; 3]
    };
    let samples = filtered(spots, (32, 32), Pattern::Rggb);
    let planes = still(&samples, 32, Pattern::Rggb, 4095, 1);
    assert!(planes.iter().flatten().all(|sample| *sample <= 4095));
    assert!(planes[1].contains(&0) && planes[1].contains(&4095));
}

/// Strips begin at other columns in the part, so a seam or too narrow a padding would show.
#[test]
fn a_wide_picture_has_no_seams() {
    let (width, height, first, part) = (1500, 30, 100, 1300);
    let samples = filtered(rings, (width, height), Pattern::Grbg);
    let whole = still(&samples, width, Pattern::Grbg, 4095, 1);
    let cut: Vec<u16> = samples
        .chunks_exact(width)
        .flat_map(|row| &row[first..][..part])
        .copied()
        .collect();
    let cut = still(&cut, part, Pattern::Grbg, 4095, 1);
    let reach = REACH as usize;
    for (whole, cut) in whole.iter().zip(&cut) {
        for (whole, cut) in whole.chunks_exact(width).zip(cut.chunks_exact(part)) {
            let inner = reach..part - reach;
            assert_eq!(whole[first..][inner.clone()], cut[inner]);
        }
    }
}

#[test]
fn rings_are_as_they_were() {
    let size = (160, 120);
    let samples = filtered(rings, size, Pattern::Rggb);
    let planes = still(&samples, size.0, Pattern::Rggb, 4095, 1);
    // FNV-1a.
    let digest = planes
        .iter()
        .flatten()
        .fold(0x811c_9dc5u32, |digest, sample| {
            (digest ^ u32::from(*sample)).wrapping_mul(0x0100_0193)
        });
    let decibels = peak_signal_to_noise(&planes, rings, size.0);
    assert_eq!(
        (format!("{decibels:.2}"), digest),
        (String::from("46.93"), 1_905_793_580)
    );
}

proptest! {
    #[test]
    fn parts_are_as_the_whole_and_samples_stay(
        (width, white, samples) in (4..40usize, 4..30usize, 1..=u16::MAX)
            .prop_flat_map(|(width, height, white)| {
                let samples = proptest::collection::vec(0..=white, width * height);
                (Just(width), Just(white), samples)
            }),
        pattern in proptest::sample::select(&PATTERNS[..]),
        parts in 1..5usize,
    ) {
        let whole = still(&samples, width, pattern, white, 1);
        prop_assert_eq!(&whole, &still(&samples, width, pattern, white, parts));
        for (index, sample) in samples.iter().enumerate() {
            let colour = colour(pattern, index % width, index / width);
            prop_assert_eq!(whole[colour][index], *sample);
        }
        prop_assert!(whole.iter().flatten().all(|sample| *sample <= white));
    }

    /// Rows and columns are treated alike.
    #[test]
    fn a_picture_on_its_side_is_the_same(
        (width, samples) in (4..24usize, 4..24usize).prop_flat_map(|(width, height)| {
            (Just(width), proptest::collection::vec(0..4096u16, width * height))
        }),
    ) {
        let height = samples.len() / width;
        let turned = |samples: &[u16]| -> Vec<u16> {
            (0..samples.len()).map(|index| samples[index % height * width + index / height]).collect()
        };
        let upright = still(&samples, width, Pattern::Rggb, 4095, 1);
        let on_side = still(&turned(&samples), height, Pattern::Rggb, 4095, 1);
        for (upright, on_side) in upright.iter().zip(&on_side) {
            for (upright, on_side) in turned(upright).iter().zip(on_side) {
                prop_assert!(upright.abs_diff(*on_side) <= 1);
            }
        }
    }
}
