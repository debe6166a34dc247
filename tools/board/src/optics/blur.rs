//! Defocus: spreads each point over a disc.
//!
//! The disc is approximated by three passes of a box that may be wider than whole cells (Gwosdek, Grewenig,
//! Bruhn, Weickert, "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", 2011), of the
//! same variance; the cost does not depend on the disc's size.

use super::plane::{Plane, mirror};

/// Passes of the box.
const PASSES: usize = 3;
/// Below this diameter (in cells) a disc changes nothing that can be seen.
const LEAST_DIAMETER: f32 = 0.5;

/// Blurs `plane` with a disc of `diameter` cells.
pub(super) fn blur(plane: &mut Plane, diameter: f32) {
    if diameter < LEAST_DIAMETER {
        return;
    }
    // A disc of diameter D has the variance (D / 4)^2 along each axis.
    let filter = Box::with_variance((diameter / 4.0).powi(2) / PASSES as f32);
    for _ in 0..2 {
        let mut line = Vec::new();
        let mut sums = Vec::new();
        for row in plane.values.chunks_exact_mut(plane.width) {
            line.clear();
            line.extend(row.iter().map(|&value| f32::from(value)));
            for _ in 0..PASSES {
                filter.pass(&mut line, &mut sums);
            }
            for (value, blurred) in row.iter_mut().zip(&line) {
                *value = (blurred + 0.5) as u16;
            }
        }
        transpose(plane);
    }
}

/// A box of `2 * radius + 1` cells with a part of one more at each end.
struct Box {
    radius: usize,
    edge: f32,
}

impl Box {
    fn with_variance(variance: f32) -> Self {
        let radius = (0.5 * (12.0 * variance + 1.0).sqrt() - 0.5).floor();
        let rest = radius * (radius + 1.0) - 3.0 * variance;
        let edge = (2.0 * radius + 1.0) * rest / (6.0 * (variance - (radius + 1.0).powi(2)));
        Self {
            radius: radius as usize,
            edge,
        }
    }

    /// Replaces each value of `line` by the mean of the box around it. `sums` is scratch.
    fn pass(&self, line: &mut [f32], sums: &mut Vec<f64>) {
        let margin = self.radius + 1;
        let padded = line.len() + 2 * margin;
        sums.clear();
        sums.reserve(padded + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for index in 0..padded {
            sum += f64::from(line[mirror(index as isize - margin as isize, line.len())]);
            sums.push(sum);
        }
        let weight = 1.0 / ((2 * self.radius + 1) as f64 + 2.0 * f64::from(self.edge));
        let edge = f64::from(self.edge);
        let wide = 2 * margin + 1;
        for (index, value) in line.iter_mut().enumerate() {
            let inner = sums[index + wide - 1] - sums[index + 1];
            let outer = sums[index + wide] - sums[index];
            *value = (weight * (inner + edge * (outer - inner))) as f32;
        }
    }
}

/// Swaps rows and columns, in blocks that fit the cache.
fn transpose(plane: &mut Plane) {
    const BLOCK: usize = 32;
    let (width, height) = (plane.width, plane.height);
    let mut turned = vec![0; plane.values.len()];
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            for y in top..(top + BLOCK).min(height) {
                for x in left..(left + BLOCK).min(width) {
                    turned[x * height + y] = plane.values[y * width + x];
                }
            }
        }
    }
    plane.values = turned;
    (plane.width, plane.height) = (height, width);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_with_the_variance_of_a_disc() {
        for diameter in [2.0f32, 5.5, 17.0, 40.0] {
            let (width, height) = (121, 101);
            let mut plane = Plane {
                width,
                height,
                values: vec![0; width * height],
            };
            // A square, so that rounding to whole values does not matter: its own variance is taken off.
            for y in 40..61 {
                plane.values[y * width + 50..y * width + 71].fill(60_000);
            }
            blur(&mut plane, diameter);
            assert_eq!((plane.width, plane.height), (width, height));
            let mut moments = [0.0; 3];
            for (index, &value) in plane.values.iter().enumerate() {
                let x = (index % width) as f64 - 60.0;
                for (power, moment) in moments.iter_mut().enumerate() {
                    *moment += f64::from(value) * x.powi(power as i32);
                }
            }
            let variance = moments[2] / moments[0] - (21.0 * 21.0 - 1.0) / 12.0;
            let expected = f64::from(diameter / 4.0).powi(2);
            assert!(
                (variance / expected - 1.0).abs() < 0.05,
                "{diameter}: {variance} {expected}"
            );
            assert!((moments[0] / (21.0 * 21.0 * 60_000.0) - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn a_disc_wider_than_the_picture_leaves_its_mean() {
        let mut plane = Plane {
            width: 9,
            height: 4,
            values: (0..36).map(|v| v * 1000).collect(),
        };
        blur(&mut plane, 500.0);
        assert!(
            plane
                .values
                .iter()
                .all(|&value| (17_000..=18_000).contains(&value))
        );
    }
}
