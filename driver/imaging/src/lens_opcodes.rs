//! A lens's vignetting and distortion as the corrections that a DNG carries.
//!
//! Profiles measure distances from the optical axis on the sensor, in half diagonals of a type 1 sensor. Opcodes measure
//! them in the picture, from its centre to its farthest corner. Between the two are the picture's size in pixels and the
//! distance from pixel to pixel, which binning doubles.

use crate::dng::opcodes::Opcode;
use crate::radial::Radial;

/// Half the diagonal of a type 1 sensor's 13.2 mm x 8.8 mm, in millimetres: where a profile's r is 1.
pub const PROFILE_RADIUS_MM: f64 = 7.932_212_8;

/// Which part of the light that a lens throws is a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// Columns and rows of the active area.
    pub size: [usize; 2],
    /// Micrometres from a pixel to the next one of the picture, binning included.
    pub pitch_um: f64,
    /// Where the optical axis meets the picture, relative to it: 0.5, 0.5 is its middle.
    pub axis: [f64; 2],
}

/// Factors of `FixVignetteRadial`.
const FACTORS: usize = 5;
/// Distances at which vignetting is fitted.
const NODES: usize = 40;
/// Distances from the axis to the picture's border that are looked at.
const BORDER: usize = 64;
/// Halvings of the interval in which a scale is looked for.
const HALVINGS: usize = 40;

impl Geometry {
    /// A profile's r at an opcode's r = 1.
    fn profile_radius(&self) -> f64 {
        let [width, height] = self.size;
        let radial = Radial::new(self.axis, width, height);
        radial.radius * self.pitch_um / 1000.0 / PROFILE_RADIUS_MM
    }
}

/// The correction of a lens that lets `1 + a r^2 + b r^4 + c r^6` of the centre's light through at r, with these
/// `[a, b, c]`: the polynomial of its reciprocal, fitted so that the largest relative error is about as small as it can
/// be. It is below 0.1 % for light that falls as the cos^4 law has it, down to a third of the centre's, and below 0.5 %
/// for any lens that leaves half of it in the corners.
pub fn vignetting(light: [f64; 3], geometry: &Geometry) -> Opcode {
    let scale = geometry.profile_radius().powi(2);
    let light_at = |u: f64| {
        let u = u * scale;
        1.0 + u * (light[0] + u * (light[1] + u * light[2]))
    };
    // (1 + k0 u + ... + k4 u^5) light = 1, with the least squares of what is left; at Chebyshev's nodes the largest rest
    // is near the smallest that can be had.
    let mut equations = [[0.0; FACTORS + 1]; FACTORS];
    for node in 0..NODES {
        let angle = (node as f64 + 0.5) / NODES as f64 * std::f64::consts::PI;
        let u = 0.5 - 0.5 * angle.cos();
        let light = light_at(u);
        let terms: [f64; FACTORS] = std::array::from_fn(|power| light * u.powi(power as i32 + 1));
        for (equation, own) in equations.iter_mut().zip(terms) {
            for (sum, term) in equation.iter_mut().zip(terms) {
                *sum += own * term;
            }
            equation[FACTORS] += own * (1.0 - light);
        }
    }
    Opcode::FixVignetteRadial {
        factors: solved(equations),
        centre: geometry.axis,
    }
}

/// The correction of a lens whose pictures have at `r (1 + k1 r^2 + k2 r^4 + k3 r^6)` what should be at r, with these
/// `[k1, k2, k3]`. The result is made as large or as small as it must be so that the picture just fills it.
pub fn distortion(found_at: [f64; 3], geometry: &Geometry) -> Opcode {
    let radius = geometry.profile_radius();
    let [k1, k2, k3] = [1, 2, 3].map(|power| found_at[power - 1] * radius.powi(2 * power as i32));
    // What should be at r is then found at r s (1 + k1 (s r)^2 + ...).
    let factor = |r: f64, s: f64| {
        let u = (s * r).powi(2);
        s * (1.0 + u * (k1 + u * (k2 + u * k3)))
    };
    let border = distances_to_border(geometry);
    let is_filled = |s: f64| border.iter().all(|r| factor(*r, s) <= 1.0);
    let (mut low, mut high) = (0.5, 2.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if is_filled(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    let s = low;
    let coefficients = [s, k1 * s.powi(3), k2 * s.powi(5), k3 * s.powi(7), 0.0, 0.0];
    Opcode::WarpRectilinear {
        planes: vec![coefficients],
        centre: geometry.axis,
    }
}

/// Distances of points on the border, from the nearest to the axis to the farthest corner.
fn distances_to_border(geometry: &Geometry) -> Vec<f64> {
    let [width, height] = geometry
        .size
        .map(|count| count.max(2) - 1)
        .map(|last| last as f64);
    let [x, y] = [geometry.axis[0] * width, geometry.axis[1] * height];
    let radius = Radial::new(geometry.axis, geometry.size[0], geometry.size[1]).radius;
    let along = (0..=BORDER).map(|index| index as f64 / BORDER as f64);
    let points = along.flat_map(|part| {
        let [across, down] = [part * width, part * height];
        [[across, 0.0], [across, height], [0.0, down], [width, down]]
    });
    points
        .map(|point| (point[0] - x).hypot(point[1] - y) / radius)
        .collect()
}

/// Gauss's elimination, the largest coefficient first.
fn solved(mut equations: [[f64; FACTORS + 1]; FACTORS]) -> [f64; FACTORS] {
    for column in 0..FACTORS {
        let largest = (column..FACTORS)
            .max_by(|a, b| {
                let [a, b] = [*a, *b].map(|row| equations[row][column].abs());
                a.total_cmp(&b)
            })
            .unwrap_or(column);
        equations.swap(column, largest);
        let pivot = equations[column];
        for (row, equation) in equations.iter_mut().enumerate() {
            if row == column || pivot[column] == 0.0 {
                continue;
            }
            let factor = equation[column] / pivot[column];
            for (value, above) in equation.iter_mut().zip(pivot) {
                *value -= factor * above;
            }
        }
    }
    std::array::from_fn(|row| {
        let pivot = equations[row][row];
        if pivot == 0.0 {
            0.0
        } else {
            equations[row][FACTORS] / pivot
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::Warp;
    use proptest::prelude::*;
    use pulp::Arch;

    /// All of an IMX283: 13.13 mm x 8.76 mm.
    const ALL: Geometry = Geometry {
        size: [5472, 3648],
        pitch_um: 2.4,
        axis: [0.5, 0.5],
    };
    /// Its 2 x 2 binned mode.
    const BINNED: Geometry = Geometry {
        size: [2736, 1824],
        pitch_um: 4.8,
        axis: [0.5, 0.5],
    };
    /// A part of it.
    const CROPPED: Geometry = Geometry {
        size: [1920, 1080],
        pitch_um: 2.4,
        axis: [0.5, 0.5],
    };

    fn light(coefficients: [f64; 3], r: f64) -> f64 {
        let u = r * r;
        1.0 + u * (coefficients[0] + u * (coefficients[1] + u * coefficients[2]))
    }

    fn brightened(opcode: &Opcode, r: f64) -> f64 {
        let Opcode::FixVignetteRadial { factors, .. } = opcode else {
            panic!("{opcode:?}");
        };
        let u = r * r;
        factors.iter().rev().fold(0.0, |sum, k| (sum + k) * u) + 1.0
    }

    fn coefficients(opcode: &Opcode) -> [f64; 6] {
        let Opcode::WarpRectilinear { planes, .. } = opcode else {
            panic!("{opcode:?}");
        };
        planes[0]
    }

    /// Largest relative error over a picture.
    fn error(profile: [f64; 3], geometry: &Geometry) -> f64 {
        let opcode = vignetting(profile, geometry);
        let errors = (0..=1000).map(|step| {
            let r = f64::from(step) / 1000.0;
            let there = light(profile, r * geometry.profile_radius());
            (brightened(&opcode, r) * there - 1.0).abs()
        });
        errors.fold(0.0, f64::max)
    }

    #[test]
    fn half_the_diagonal_is_where_profiles_have_it() {
        let expected = 13.2f64.hypot(8.8) / 2.0;
        assert!((PROFILE_RADIUS_MM - expected).abs() < 1e-6);
        assert!((ALL.profile_radius() - 0.99470).abs() < 1e-5);
        assert!((BINNED.profile_radius() - ALL.profile_radius()).abs() < 5e-4);
        assert!((CROPPED.profile_radius() - 0.33306).abs() < 1e-5);
    }

    #[test]
    fn light_that_falls_off_is_given_back_within_a_thousandth() {
        // The widest profile that comes with the driver (16 mm), a 50 mm one, and stronger ones.
        for profile in [
            [-0.4916, 0.1812, -0.0594],
            [-0.0503, 0.0019, -0.0001],
            [-0.9, 0.4, -0.1],
            [0.3, -0.5, 0.1],
            [-0.65, 0.0, 0.0],
        ] {
            for geometry in [ALL, BINNED, CROPPED] {
                let error = error(profile, &geometry);
                assert!(error < 1e-3, "{profile:?} {geometry:?}: {error}");
            }
        }
    }

    #[test]
    fn light_that_falls_off_at_the_very_edge_is_given_back_within_a_two_hundredth() {
        for profile in [[0.0, -0.5, 0.0], [0.0, 0.0, -0.5], [-0.25, 0.0, -0.25]] {
            let error = error(profile, &ALL);
            assert!(error < 5e-3, "{profile:?}: {error}");
        }
    }

    #[test]
    fn an_aside_axis_reaches_farther() {
        let aside = Geometry {
            axis: [0.25, 0.5],
            ..CROPPED
        };
        assert!(aside.profile_radius() > CROPPED.profile_radius() * 1.3);
        assert!(error([-0.5, 0.1, 0.0], &aside) < 1e-3);
    }

    #[test]
    fn points_are_found_where_the_profile_says() {
        let profile = [-0.08, 0.02, -0.005];
        for geometry in [ALL, BINNED, CROPPED] {
            let opcode = distortion(profile, &geometry);
            let [width, height] = geometry.size;
            let warp = Warp::new(std::slice::from_ref(&opcode), geometry.size)
                .unwrap()
                .unwrap();
            let s = coefficients(&opcode)[0];
            let mm = |x: f64, y: f64| {
                let from = |at: f64, count: usize| {
                    (at - (count as f64 - 1.0) / 2.0) * geometry.pitch_um / 1000.0
                };
                [from(x, width), from(y, height)]
            };
            for (x, y) in [(0, 0), (width / 3, height / 5), (width - 1, height / 2)] {
                // The result is scaled by s; there, distances are those of a picture without distortion.
                let [right, down] = mm(x as f64, y as f64).map(|part| part * s);
                let r = right.hypot(down) / PROFILE_RADIUS_MM;
                let factor = light(profile, r);
                let [at_x, at_y] = warp.place(Arch::new(), 0, x, y);
                let found = mm(at_x, at_y);
                let tolerance = 1e-2 * geometry.pitch_um / 1000.0;
                assert!(
                    (found[0] - right * factor).abs() < tolerance,
                    "{geometry:?} {x} {y}"
                );
                assert!(
                    (found[1] - down * factor).abs() < tolerance,
                    "{geometry:?} {x} {y}"
                );
            }
        }
    }

    /// Nothing beyond the picture's border is asked for, and somewhere the border itself is.
    #[test]
    fn the_picture_just_fills_the_result() {
        for profile in [
            [-0.1, 0.0, 0.0],
            [0.08, 0.0, 0.0],
            [-0.1, 0.15, 0.0],
            [0.0; 3],
        ] {
            let [s, k1, k2, k3, ..] = coefficients(&distortion(profile, &ALL));
            let reached = distances_to_border(&ALL)
                .into_iter()
                .map(|r| light([k1 / s, k2 / s, k3 / s], r) * s);
            let most = reached.fold(0.0, f64::max);
            assert!((0.9999..=1.0 + 1e-9).contains(&most), "{profile:?}: {most}");
        }
        assert!((coefficients(&distortion([0.0; 3], &ALL))[0] - 1.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn whatever_a_profile_may_say_becomes_finite_opcodes(
            light in prop::array::uniform3(-0.5..1.0f64),
            found_at in prop::array::uniform3(-0.1..0.3f64),
            size in prop::array::uniform2(4..9000usize),
            pitch_um in 0.5..20.0f64,
            axis in prop::array::uniform2(0.0..=1.0f64),
        ) {
            let geometry = Geometry { size, pitch_um, axis };
            let Opcode::FixVignetteRadial { factors, .. } = vignetting(light, &geometry) else {
                panic!("another opcode");
            };
            prop_assert!(factors.iter().all(|factor| factor.is_finite()), "{:?}", factors);
            let coefficients = coefficients(&distortion(found_at, &geometry));
            prop_assert!(coefficients.iter().all(|it| it.is_finite()), "{:?}", coefficients);
        }
    }
}
