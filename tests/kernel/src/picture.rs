//! The colour chart in captured pictures: where its patches are and what they measure.
//!
//! The numbers are those of the chart as it is sold, not those of the board: ColorChecker Classic, neutral patches by
//! their printed densities, chromatic ones by the maker's sRGB codes.

use anyhow::{Result, ensure};

/// Densities of the neutral patches, from white to black.
pub(crate) const DENSITIES: [f64; 6] = [0.05, 0.23, 0.44, 0.70, 1.05, 1.50];

/// A place on the chart; 0..=1 of the picture's width and height, from its top left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// To the right.
    pub(crate) x: f64,
    /// Down.
    pub(crate) y: f64,
}

/// Columns and rows of patches are this far apart, as parts of the picture's width and height (3:2).
const STEP: Place = Place {
    x: 210.0 / 1800.0,
    y: 210.0 / 1200.0,
};
/// Middle of the first patch.
const FIRST: Place = Place {
    x: 375.0 / 1800.0,
    y: 215.0 / 1200.0,
};
/// Side of the square that is measured, as part of the picture's width: less than half a patch, which leaves room
/// for the lens's distortion.
const SIDE: f64 = 60.0 / 1800.0;

/// Middle of a patch; rows and columns count from 0, top left.
pub(crate) fn patch(row: usize, column: usize) -> Place {
    Place {
        x: FIRST.x + column as f64 * STEP.x,
        y: FIRST.y + row as f64 * STEP.y,
    }
}

/// Middle of a neutral patch, white first.
pub(crate) fn neutral(index: usize) -> Place {
    patch(3, index)
}

/// Mean and variance of samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measure {
    /// Mean.
    pub(crate) mean: f64,
    /// Variance.
    pub(crate) variance: f64,
}

impl Measure {
    fn of(samples: &[f64]) -> Self {
        let count = samples.len().max(1) as f64;
        let mean = samples.iter().sum::<f64>() / count;
        let variance = samples
            .iter()
            .map(|sample| (sample - mean).powi(2))
            .sum::<f64>()
            / count;
        Self { mean, variance }
    }
}

/// A raw frame: 16-bit samples, little endian, one Bayer mosaic.
#[derive(Debug)]
pub(crate) struct Raw {
    samples: Vec<f64>,
    stride: usize,
    width: usize,
    height: usize,
}

impl Raw {
    /// A frame of this size; lines may be longer than the picture is wide.
    pub(crate) fn new(bytes: &[u8], width: usize, height: usize) -> Result<Self> {
        let pairs = bytes.chunks_exact(2);
        let samples: Vec<f64> = pairs
            .map(|pair| f64::from(u16::from_le_bytes([pair[0], pair[1]])))
            .collect();
        let stride = samples.len() / height;
        ensure!(
            stride >= width && samples.len() == stride * height,
            "{} bytes are no {width}x{height} frame of 16-bit samples",
            bytes.len()
        );
        Ok(Self {
            samples,
            stride,
            width,
            height,
        })
    }

    /// The darkest and the brightest sample.
    pub(crate) fn range(&self) -> (f64, f64) {
        let samples = self.samples.iter().copied();
        samples.fold((f64::INFINITY, 0.0), |(least, most), sample| {
            (least.min(sample), most.max(sample))
        })
    }

    /// Samples of one position of the 2x2 mosaic (0..=3, row by row) around a place.
    fn samples(&self, place: Place, position: usize) -> Vec<f64> {
        let (columns, rows) = square(place, self.width, self.height);
        let wanted = |y: usize, x: usize| y % 2 * 2 + x % 2 == position;
        rows.flat_map(|y| columns.clone().map(move |x| (y, x)))
            .filter(|&(y, x)| wanted(y, x))
            .map(|(y, x)| self.samples[y * self.stride + x])
            .collect()
    }

    /// Level of one position of the mosaic around a place.
    pub(crate) fn level(&self, place: Place, position: usize) -> f64 {
        Measure::of(&self.samples(place, position)).mean
    }

    /// Level, and variance in time: what two frames of one still scene differ by.
    pub(crate) fn noise(&self, other: &Self, place: Place, position: usize) -> Measure {
        let (ours, theirs) = (
            self.samples(place, position),
            other.samples(place, position),
        );
        let differences: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        let variance = Measure::of(&differences).variance / 2.0;
        Measure {
            mean: Measure::of(&ours).mean,
            variance,
        }
    }
}

/// Mean of the three bytes of the pixels around a place in a picture of three bytes a pixel.
pub(crate) fn colour(bytes: &[u8], width: usize, height: usize, place: Place) -> Result<[f64; 3]> {
    let stride = bytes.len() / height;
    ensure!(
        stride >= width * 3,
        "{} bytes are no {width}x{height} picture",
        bytes.len()
    );
    let (columns, rows) = square(place, width, height);
    let pixels: Vec<&[u8]> = rows
        .flat_map(|y| columns.clone().map(move |x| y * stride + x * 3))
        .map(|at| &bytes[at..at + 3])
        .collect();
    let mean = |channel: usize| {
        let samples: Vec<f64> = pixels
            .iter()
            .map(|pixel| f64::from(pixel[channel]))
            .collect();
        Measure::of(&samples).mean
    };
    Ok([mean(0), mean(1), mean(2)])
}

/// Mean of the three bytes of the pixels in the middle of an area (left, top, right, bottom; 0..=1 each).
pub(crate) fn mean(bytes: &[u8], width: usize, height: usize, area: [f64; 4]) -> Result<[f64; 3]> {
    let [left, top, right, bottom] = area;
    let place = Place {
        x: (left + right) / 2.0,
        y: (top + bottom) / 2.0,
    };
    colour(bytes, width, height, place)
}

/// Columns and rows of the square that is measured around a place.
fn square(
    place: Place,
    width: usize,
    height: usize,
) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let range = |middle: f64, size: usize| {
        let half = (SIDE * width as f64 / 2.0).max(2.0);
        let middle = middle * size as f64;
        let begin = (middle - half).clamp(0.0, size as f64 - 1.0) as usize;
        let end = (middle + half).clamp(1.0, size as f64) as usize;
        begin..end
    };
    (range(place.x, width), range(place.y, height))
}

/// A straight line through points by least squares: slope and offset.
pub(crate) fn line(points: &[[f64; 2]]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |axis: usize| points.iter().map(|point| point[axis]).sum::<f64>() / count;
    let (x, y) = (mean(0), mean(1));
    let above: f64 = points
        .iter()
        .map(|point| (point[0] - x) * (point[1] - y))
        .sum();
    let below: f64 = points.iter().map(|point| (point[0] - x).powi(2)).sum();
    let slope = above / below;
    (slope, y - slope * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mosaic_is_measured_by_position() {
        let (width, height, stride) = (600, 400, 640);
        let bytes: Vec<u8> = (0..height)
            .flat_map(|y| (0..stride).map(move |x| (y % 2 * 2 + x % 2) as u16 * 100))
            .flat_map(u16::to_le_bytes)
            .collect();
        let raw = Raw::new(&bytes, width, height).unwrap();
        for position in 0..4 {
            assert_eq!(raw.level(neutral(2), position), position as f64 * 100.0);
            assert_eq!(raw.noise(&raw, neutral(2), position).variance, 0.0);
        }
        assert!(Raw::new(&bytes, 700, height).is_err());
        assert!(Raw::new(&bytes[..7], width, height).is_err());
    }

    #[test]
    fn a_colour_is_the_mean_around_its_place() {
        let bytes: Vec<u8> = (0..100 * 60).flat_map(|_| [10, 20, 30]).collect();
        assert_eq!(
            colour(&bytes, 100, 60, neutral(0)).unwrap(),
            [10.0, 20.0, 30.0]
        );
        assert!(colour(&bytes, 101, 60, neutral(0)).is_err());
    }

    #[test]
    fn a_line_is_found() {
        let (slope, offset) = line(&[[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]);
        assert!((slope - 2.0).abs() < 1e-9 && (offset - 1.0).abs() < 1e-9);
    }
}
