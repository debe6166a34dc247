//! The lens in front of the sensor, as far as exposure and light depend on it.

/// Diagonal of the 36 mm by 24 mm frame that the rule of thumb is for, in millimetres.
const FULL_FRAME: f64 = 43.27;

/// A lens that is known. What is not known of it is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lens {
    /// In millimetres.
    pub focal_length_mm: Option<f32>,
    /// F-number of the largest opening.
    pub maximum_aperture: Option<f32>,
}

impl Lens {
    /// The longest exposure in microseconds that most hands hold still: one over the focal length that has the same
    /// angle of view on the 36 mm by 24 mm frame.
    pub fn hand_held_us(&self, diagonal_mm: f64) -> Option<f64> {
        let focal_length = f64::from(self.focal_length_mm?) * FULL_FRAME / diagonal_mm;
        (focal_length > 0.0).then(|| 1e6 / focal_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_lens_needs_a_shorter_time() {
        let lens = |focal_length_mm| Lens {
            focal_length_mm,
            maximum_aperture: None,
        };
        let time = lens(Some(50.0)).hand_held_us(15.86).unwrap();
        assert!((time - 7331.0).abs() < 2.0, "{time}");
        assert!(lens(Some(21.0)).hand_held_us(15.86).unwrap() > 2.0 * time);
        assert_eq!(lens(None).hand_held_us(15.86), None);
        assert_eq!(lens(Some(0.0)).hand_held_us(15.86), None);
    }
}
