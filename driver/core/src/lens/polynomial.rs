//! Even polynomials of the distance from the picture's centre, as lens corrections use them.

/// Smallest and largest value of `1 + a u + b u^2 + c u^3` for `u` in `0..=1`; with `u = r^2` it is even in `r`.
///
/// Exact but for rounding: the ends, and where the derivative is zero.
pub(super) fn range([a, b, c]: [f64; 3]) -> (f64, f64) {
    let value = |u: f64| 1.0 + u * (a + u * (b + u * c));
    // a + 2 b u + 3 c u^2 = 0, in the form that loses no digits when c is small: with q = -(b +- sqrt(b^2 - 3 a c)),
    // u = q / 3c and u = a / q.
    let root = (b * b - 3.0 * a * c).sqrt();
    let q = -(b + root.copysign(b));
    let turns = [q / (3.0 * c), a / q];
    turns
        .into_iter()
        .filter(|u| (0.0..=1.0).contains(u))
        .map(value)
        .fold(
            (value(0.0).min(value(1.0)), value(0.0).max(value(1.0))),
            |(low, high), v| (low.min(v), high.max(v)),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn turning_points_between_the_ends_are_found() {
        // 1 + u - u^2 is highest in the middle, 1 - 3u + 3u^2 lowest.
        assert_eq!(range([1.0, -1.0, 0.0]), (1.0, 1.25));
        assert_eq!(range([-3.0, 3.0, 0.0]), (0.25, 1.0));
        assert_eq!(range([0.0, 0.0, 0.0]), (1.0, 1.0));
        assert_eq!(range([-0.5, 0.0, 0.0]), (0.5, 1.0));
        // Both turns: u = 1/4 and u = 3/4.
        let (low, high) = range([9.0, -24.0, 16.0]);
        assert!((low - 1.0).abs() < 1e-12 && (high - 2.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn no_sample_lies_outside(coefficients in prop::array::uniform3(-20.0..20.0_f64), u in 0.0..=1.0_f64) {
            let [a, b, c] = coefficients;
            let (low, high) = range(coefficients);
            let value = 1.0 + u * (a + u * (b + u * c));
            prop_assert!((low - 1e-9..=high + 1e-9).contains(&value), "{value} not in {low}..={high}");
        }
    }
}
