//! Distances from the optical centre as opcodes measure them (DNG 1.7.1.0, chapter 7).

/// Where the centre is, and how far 1 is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Radial {
    /// Of pixels, whose own centres are whole numbers.
    pub(crate) centre: [f64; 2],
    /// Pixels from the centre to the farthest corner pixel.
    pub(crate) radius: f64,
}

impl Radial {
    /// Of a picture so large; `centre` is relative to it, horizontally and vertically.
    pub(crate) fn new(centre: [f64; 2], width: usize, height: usize) -> Self {
        let last = [width, height].map(|count| (count.max(2) - 1) as f64);
        let centre = [0, 1].map(|axis| centre[axis] * last[axis]);
        let [x, y] = [0, 1].map(|axis| f64::max(centre[axis], last[axis] - centre[axis]));
        Self {
            centre,
            radius: x.hypot(y),
        }
    }
}

/// Whether a centre is one: within the picture.
pub(crate) fn is_centre(centre: [f64; 2]) -> bool {
    centre.iter().all(|part| (0.0..=1.0).contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_farthest_corner_is_at_one() {
        let middle = Radial::new([0.5, 0.5], 9, 7);
        assert_eq!((middle.centre, middle.radius), ([4.0, 3.0], 5.0));
        let aside = Radial::new([0.0, 1.0], 9, 7);
        assert_eq!((aside.centre, aside.radius), ([0.0, 6.0], 10.0));
        assert!(is_centre([0.0, 1.0]));
        assert!(!is_centre([0.5, 1.1]) && !is_centre([f64::NAN, 0.5]));
    }
}
