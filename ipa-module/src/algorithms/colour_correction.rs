//! Colour correction: the matrix from the sensor's samples to the colours of the picture.
//!
//! What is wanted is known: white balance, then the colour correction matrix of the light's temperature, then
//! saturation, applied to light, which is samples less black level. Where the software ISP runs on the GPU it does just
//! that. On the CPU (libcamera 0.7, `debayer_cpu.cpp`) it multiplies the samples *with* their black level, and takes
//! one level off all three channels afterwards. No matrix does then what is wanted: its rows' sums differ, so that
//! black becomes a colour. The best one is a compromise: the smallest error over colours as they are in pictures,
//! weighted by how visible an error is after gamma, with some weight for greys. It is found together with the level
//! that is taken off, by linear least squares.

use super::matrix::{self, IDENTITY, Matrix};
use std::sync::LazyLock;

/// Shades of each channel in the colours that are fitted.
const SHADES: [f64; 4] = [0.02, 0.12, 0.35, 0.8];
/// How saturated these colours are: less than paints, more than most things.
const SATURATION: f64 = 0.7;
const GREYS: [f64; 7] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 0.9];
/// Weight of all greys together relative to all colours together. With less, shadows turn magenta; with more, colours
/// fade.
const GREY_WEIGHT: f64 = 10.0;
/// An error's visibility falls with this power of the colour's level: twice the exponent of gamma's derivative.
const VISIBILITY: f64 = 1.09;
/// Level below which it rises no more.
const DARK: f64 = 0.02;

/// What one temperature needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correction {
    /// Colour temperature in kelvin.
    pub kelvin: f64,
    /// From balanced sensor colours to linear sRGB.
    pub matrix: Matrix,
}

/// Where the software ISP runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// Multiplies before it takes the black level off.
    Cpu,
    /// Takes the black level off, then multiplies.
    Gpu,
}

/// What is applied to pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Gains of red, green and blue, digital gain included.
    pub gains: [f64; 3],
    /// From balanced sensor colours to linear sRGB.
    pub correction: Matrix,
    /// 0 is grey, 1 as it is.
    pub saturation: f64,
}

/// What the software ISP is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied {
    /// From samples to samples.
    pub matrix: Matrix,
    /// What is taken off, relative to the full scale.
    pub black: f64,
}

/// The matrix for a temperature: between its neighbours, at the ends that of the end; none where there are none.
pub fn interpolated(corrections: &[Correction], kelvin: f64) -> Matrix {
    let after = corrections.partition_point(|correction| correction.kelvin < kelvin);
    match (
        after
            .checked_sub(1)
            .and_then(|before| corrections.get(before)),
        corrections.get(after),
    ) {
        (Some(low), Some(high)) => {
            // Matrices are closer to linear in mired than in kelvin.
            let part = (1.0 / kelvin - 1.0 / low.kelvin) / (1.0 / high.kelvin - 1.0 / low.kelvin);
            matrix::between(&low.matrix, &high.matrix, part)
        }
        (Some(only), None) | (None, Some(only)) => only.matrix,
        (None, None) => IDENTITY,
    }
}

/// Saturation of linear sRGB about its luminance (Rec. 709).
pub fn saturation(amount: f64) -> Matrix {
    const LUMINANCE: [f64; 3] = [0.2126, 0.7152, 0.0722];
    matrix::between(&[LUMINANCE; 3], &IDENTITY, amount)
}

/// What to tell the software ISP so that pictures are as wanted, as far as it can.
pub fn applied(wanted: &Wanted, black: f64, processor: Processor) -> Applied {
    let balanced = matrix::product(&wanted.correction, &matrix::diagonal(wanted.gains));
    let exact = Applied {
        matrix: matrix::scaled(
            &matrix::product(&saturation(wanted.saturation), &balanced),
            1.0 / (1.0 - black),
        ),
        black,
    };
    match processor {
        Processor::Gpu => exact,
        // A matrix that cannot be undone, or a fit that fails, was set by hand: what was asked for, then.
        Processor::Cpu => fitted(&balanced, wanted.saturation, black).unwrap_or(Applied {
            matrix: matrix::scaled(&exact.matrix, 1.0 - black),
            ..exact
        }),
    }
}

/// The compromise for a processor that multiplies first.
///
/// With M the matrix and b' the level that is taken off, colours come out as (M x - b') / (1 - b'). Divided by 1 - b'
/// this is linear in M' = M / (1 - b') and o = b' / (1 - b'), which are fitted. Samples x and what is wanted are linear
/// in a colour with a 1 behind it, so all sums over colours are in their [`MOMENTS`].
fn fitted(balanced: &Matrix, amount: f64, black: f64) -> Option<Applied> {
    let to_sensor = matrix::inverse(balanced)?;
    let wanted = saturation(amount);
    let seen = to_sensor.map(|row| {
        let [red, green, blue] = row.map(|factor| (1.0 - black) * factor);
        [red, green, blue, black]
    });
    let (mut rows, mut slopes) = ([[0.0; 3]; 3], [[0.0; 3]; 3]);
    // The sum of squares over all channels is least where offset times `square` is `product`.
    let (mut product, mut square) = (0.0, 0.0);
    for (channel, moments) in MOMENTS.iter().enumerate() {
        let [red, green, blue] = wanted[channel];
        let target = [red, green, blue, 0.0];
        let weighed = seen.map(|seen| moments.map(|row| dot(row, seen)));
        let inverse = matrix::inverse(&weighed.map(|weighed| seen.map(|seen| dot(weighed, seen))))?;
        let solved = |towards: [f64; 4]| {
            matrix::apply(&inverse, weighed.map(|weighed| dot(weighed, towards)))
        };
        (rows[channel], slopes[channel]) = (solved(target), solved(ONE));
        // With the best row for each offset, what is left is linear in the offset.
        let left = less(combined(rows[channel], &seen), target);
        let change = less(combined(slopes[channel], &seen), ONE);
        let weighed = moments.map(|row| dot(row, change));
        product -= dot(left, weighed);
        square += dot(change, weighed);
    }
    let offset = if square > 0.0 {
        (product / square).max(0.0)
    } else {
        0.0
    };
    let applied = Applied {
        matrix: std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                (rows[row][column] + offset * slopes[row][column]) / (1.0 + offset)
            })
        }),
        black: offset / (1.0 + offset),
    };
    let sane = applied
        .matrix
        .iter()
        .flatten()
        .all(|value| value.is_finite())
        && applied.black < 0.5;
    sane.then_some(applied)
}

/// The 1 behind a colour.
const ONE: [f64; 4] = [0.0, 0.0, 0.0, 1.0];

/// For each channel, sums of the products of two components of the colours that are fitted, weighted.
static MOMENTS: LazyLock<[[[f64; 4]; 4]; 3]> = LazyLock::new(|| {
    std::array::from_fn(|channel| {
        let mut moments = [[0.0; 4]; 4];
        for ([red, green, blue], weight) in samples() {
            let colour = [red, green, blue, 1.0];
            let visible = weight / (colour[channel].max(0.0) + DARK).powf(VISIBILITY);
            for (row, factor) in moments.iter_mut().zip(colour) {
                for (sum, component) in row.iter_mut().zip(colour) {
                    *sum += visible * factor * component;
                }
            }
        }
        moments
    })
});

/// Colours as they are in pictures, in linear sRGB, with their weights.
fn samples() -> impl Iterator<Item = ([f64; 3], f64)> {
    let side = SHADES.len();
    let colours = side.pow(3);
    let colour = move |index: usize| {
        let shades =
            [index / side / side, index / side % side, index % side].map(|shade| SHADES[shade]);
        let colour = matrix::apply(&saturation(SATURATION), shades);
        (colour, 1.0 / colours as f64)
    };
    let greys = GREYS.map(|grey| ([grey; 3], GREY_WEIGHT / GREYS.len() as f64));
    (0..colours).map(colour).chain(greys)
}

/// A sum of linear functions, so many times each.
fn combined(times: [f64; 3], functions: &[[f64; 4]; 3]) -> [f64; 4] {
    std::array::from_fn(|index| (0..3).map(|row| times[row] * functions[row][index]).sum())
}

fn less(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    std::array::from_fn(|index| a[index] - b[index])
}

fn dot(a: [f64; 4], b: [f64; 4]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAYLIGHT: Matrix = [
        [2.32392, -0.88421, -0.43971],
        [-0.63821, 2.58348, -0.94527],
        [-0.28541, -0.54112, 1.82653],
    ];

    fn daylight() -> Wanted {
        Wanted {
            gains: [1.61, 1.0, 1.47],
            correction: DAYLIGHT,
            saturation: 1.0,
        }
    }

    /// What a colour becomes, before gamma.
    fn picture(wanted: &Wanted, black: f64, processor: Processor, colour: [f64; 3]) -> [f64; 3] {
        let balanced = matrix::product(&wanted.correction, &matrix::diagonal(wanted.gains));
        let light = matrix::apply(&matrix::inverse(&balanced).unwrap(), colour);
        let applied = applied(wanted, black, processor);
        match processor {
            Processor::Gpu => {
                let samples = light.map(|light| light * (1.0 - black));
                matrix::apply(&applied.matrix, samples)
            }
            Processor::Cpu => {
                let samples = light.map(|light| black + light * (1.0 - black));
                matrix::apply(&applied.matrix, samples)
                    .map(|sample| (sample - applied.black) / (1.0 - applied.black))
            }
        }
    }

    fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
        (0..3)
            .map(|index| (a[index] - b[index]).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn on_the_gpu_colours_are_exact() {
        for colour in [[0.0; 3], [0.2, 0.3, 0.4], [0.8, 0.1, 0.1]] {
            assert!(distance(picture(&daylight(), 0.0625, Processor::Gpu, colour), colour) < 1e-9);
        }
    }

    #[test]
    fn on_the_cpu_they_are_without_a_black_level_and_close_with_one() {
        for colour in [
            [0.05; 3],
            [0.2; 3],
            [0.2, 0.3, 0.4],
            [0.5, 0.2, 0.2],
            [0.8; 3],
        ] {
            let exact = picture(&daylight(), 0.0, Processor::Cpu, colour);
            assert!(distance(exact, colour) < 1e-6, "{exact:?}");
            let close = picture(&daylight(), 0.0625, Processor::Cpu, colour);
            // Greys hold, colours fade.
            let most = if colour == [colour[0]; 3] { 0.05 } else { 0.12 };
            assert!(distance(close, colour) < most, "{colour:?} {close:?}");
        }
    }

    /// Against the same least squares over all colours one by one, by another program.
    #[test]
    fn the_fit_is_that_of_its_colours() {
        let wanted = Wanted {
            gains: [1.517, 1.0, 1.527],
            correction: [
                [2.2, -0.76, -0.455],
                [-0.683, 2.71, -1.028],
                [-0.262, -0.667, 1.93],
            ],
            saturation: 1.0,
        };
        let found = applied(&wanted, 64.0 / 1023.0, Processor::Cpu);
        let expected = [
            [2.3203, 0.2035, -1.2308],
            [0.0428, 1.4401, -0.6403],
            [-0.9399, 0.2977, 1.9308],
        ];
        for (found, expected) in found.matrix.into_iter().zip(expected) {
            assert!(distance(found, expected) < 1e-3, "{found:?} {expected:?}");
        }
        assert!((found.black - 0.0714).abs() < 1e-4, "{}", found.black);
    }

    #[test]
    fn without_saturation_colours_are_grey() {
        let wanted = Wanted {
            saturation: 0.0,
            ..daylight()
        };
        let [red, green, blue] = picture(&wanted, 0.0625, Processor::Gpu, [0.5, 0.2, 0.1]);
        assert!((red - green).abs() < 1e-9 && (green - blue).abs() < 1e-9);
    }

    #[test]
    fn digital_gain_brightens() {
        let mut wanted = daylight();
        wanted.gains = wanted.gains.map(|gain| gain * 2.0);
        let ordinary = applied(&daylight(), 0.0, Processor::Cpu).matrix;
        let brighter = applied(&wanted, 0.0, Processor::Cpu).matrix;
        assert!((brighter[0][0] / ordinary[0][0] - 2.0).abs() < 1e-6);
    }

    #[test]
    fn between_temperatures_a_matrix_is_between() {
        let at = |kelvin, factor| Correction {
            kelvin,
            matrix: matrix::scaled(&IDENTITY, factor),
        };
        let corrections = [at(2500.0, 1.0), at(5000.0, 3.0)];
        assert_eq!(interpolated(&corrections, 2000.0), IDENTITY);
        assert_eq!(interpolated(&corrections, 9000.0)[0][0], 3.0);
        // 300 mired, half way.
        assert!((interpolated(&corrections, 1e6 / 300.0)[1][1] - 2.0).abs() < 1e-9);
        assert_eq!(interpolated(&[], 4000.0), IDENTITY);
    }

    proptest! {
        #[test]
        fn whatever_is_wanted_what_is_told_is_finite(
            gains in proptest::array::uniform3(0.0..32.0f64),
            values in proptest::array::uniform9(-16.0..16.0f64),
            saturation in 0.0..2.0f64,
            black in 0.0..0.5f64,
        ) {
            let correction = std::array::from_fn(|row| std::array::from_fn(|column| values[row * 3 + column]));
            for processor in [Processor::Cpu, Processor::Gpu] {
                let applied = applied(&Wanted { gains, correction, saturation }, black, processor);
                prop_assert!(applied.matrix.iter().flatten().all(|value| value.is_finite()));
                prop_assert!((0.0..=0.5).contains(&applied.black));
            }
        }
    }
}
