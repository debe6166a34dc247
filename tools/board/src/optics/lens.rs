//! The lens: field of view, vignetting, distortion, focus.
//!
//! Distances from the optical axis are relative: 1 is the corner of the sensor's active area. The optical axis
//! meets the middle of that area.

use crate::sensor::SensorModel;

/// Focus distances from here on are infinity.
const INFINITY_M: f32 = 1000.0;
/// Distance of the scene.
const SCENE_M: f32 = 3.0;
/// Focal length that holds the whole scene from where the camera with the mount stands.
const MOUNT_FRAMING_MM: f32 = 35.0;
/// Focal length of the fixed lens per width of the sensor: 8.8 mm before a 1-inch type, a 24 mm equivalent.
const FIXED_FOCAL_PER_WIDTH: f32 = 0.67;
/// An uncoded lens is taken for this one.
const STANDARD: (f32, f32) = (50.0, 2.0);

/// Lenses with a 6-bit code: code, frame-line selector where it tells lenses apart, focal length in
/// millimetres, largest aperture. From public coding charts (ExifTool's Leica lens types among them); the
/// code is read most significant mark first.
const CODED: [(u8, Option<u8>, f32, f32); 50] = [
    (1, None, 21.0, 2.8),
    (3, None, 28.0, 2.8),
    (4, None, 90.0, 2.8),
    (5, None, 50.0, 1.4),
    (6, Some(0), 35.0, 1.4),
    (6, None, 35.0, 2.0),
    (7, None, 90.0, 2.0),
    (9, Some(0), 135.0, 3.4),
    (9, None, 135.0, 2.8),
    (11, None, 28.0, 5.6),
    (12, None, 90.0, 2.2),
    (16, Some(1), 16.0, 4.0),
    (16, Some(2), 18.0, 4.0),
    (16, None, 21.0, 4.0),
    (23, None, 50.0, 2.0),
    (24, None, 21.0, 2.8),
    (25, None, 24.0, 2.8),
    (26, None, 28.0, 2.0),
    (27, None, 28.0, 2.8),
    (28, None, 28.0, 2.8),
    (29, None, 35.0, 1.4),
    (30, None, 35.0, 2.0),
    (31, Some(0), 50.0, 1.2),
    (31, None, 50.0, 1.0),
    (32, None, 50.0, 1.4),
    (33, None, 50.0, 2.0),
    (34, None, 50.0, 2.8),
    (35, None, 75.0, 1.4),
    (36, None, 75.0, 2.0),
    (37, None, 90.0, 2.0),
    (38, None, 90.0, 2.8),
    (39, Some(0), 135.0, 4.0),
    (39, None, 90.0, 4.0),
    (41, None, 50.0, 2.0),
    (42, Some(1), 28.0, 4.0),
    (42, Some(2), 35.0, 4.0),
    (42, None, 50.0, 4.0),
    (43, None, 35.0, 2.5),
    (44, None, 50.0, 2.5),
    (45, None, 75.0, 2.5),
    (46, None, 90.0, 2.5),
    (47, None, 21.0, 1.4),
    (48, None, 24.0, 1.4),
    (49, None, 50.0, 0.95),
    (50, None, 24.0, 3.8),
    (51, None, 21.0, 3.4),
    (52, None, 18.0, 3.8),
    (53, Some(3), 50.0, 2.0),
    (53, None, 135.0, 3.4),
    (58, None, 75.0, 1.25),
];

/// A lens and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    /// Focal length in millimetres.
    pub focal_mm: f32,
    /// Focal length that would just fill the picture with the scene: says how far off the camera stands.
    pub framing_mm: f32,
    /// F-number. It sets the blur, not the level: that is the one of the sensor's calibration.
    pub f_number: f32,
    /// Focus distance in metres; from 1000 up it is infinity.
    pub focus_m: f32,
    /// Light in the corner relative to the middle, 0..=1.
    pub corner_light: f32,
    /// Radial distortion in the corner: 0.02 is a barrel of two per cent, negative a pincushion.
    pub distortion: f32,
}

impl Lens {
    /// The lens of a fixed module with this sensor: wide, in focus, showing just the whole scene.
    ///
    /// Its corners are as dark as the luminance table of the imx283 tuning file (rpi.alsc) undoes on average.
    pub fn fixed(model: &SensorModel) -> Self {
        let array = &model.array;
        let width_mm = array.active.width as f32 * array.pitch_um as f32 / 1000.0;
        let focal_mm = FIXED_FOCAL_PER_WIDTH * width_mm;
        Self {
            focal_mm,
            framing_mm: focal_mm,
            f_number: 2.8,
            focus_m: SCENE_M,
            corner_light: 0.67,
            distortion: 0.015,
        }
    }

    /// The lens with this 6-bit code and frame-line selector, wide open, focused on the scene. A lens with
    /// an unknown code is a 50 mm.
    pub fn mounted(code: u8, frame: u8) -> Self {
        let (focal_mm, f_number) = CODED
            .iter()
            .find(|lens| lens.0 == code && lens.1.is_none_or(|selector| selector == frame))
            .map_or(STANDARD, |lens| (lens.2, lens.3));
        Self {
            focal_mm,
            framing_mm: MOUNT_FRAMING_MM,
            f_number,
            focus_m: SCENE_M,
            corner_light: 0.75,
            distortion: 0.005,
        }
    }

    /// The same lens focused at `metres`; not nearer than twice its focal length.
    pub fn focused(self, metres: f32) -> Self {
        let nearest = 2.0 * self.focal_mm / 1000.0;
        Self {
            focus_m: metres.max(nearest),
            ..self
        }
    }

    /// Diameter of the image of a scene point on the sensor in millimetres: 0 in focus.
    ///
    /// Thin lens: `f^2 / N * |d - s| / (d (s - f))` for a subject at `d`, focus at `s`.
    pub fn blur_mm(&self) -> f32 {
        let (focal, scene) = (self.focal_mm, SCENE_M * 1000.0);
        let aperture = focal / self.f_number;
        if self.focus_m >= INFINITY_M {
            return aperture * focal / scene;
        }
        let focus = self.focus_m * 1000.0;
        aperture * focal * (scene - focus).abs() / (scene * (focus - focal))
    }

    /// `t^2` of the fall-off `1 / (1 + t^2 r^2)^2`: cos^4 of a ray that leaves the lens at the angle whose
    /// tangent is `t r`.
    pub(super) fn falloff(&self) -> f32 {
        self.corner_light.clamp(0.01, 1.0).sqrt().recip() - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_select_lenses() {
        let lens = |code, frame| {
            let lens = Lens::mounted(code, frame);
            (lens.focal_mm, lens.f_number)
        };
        assert_eq!(lens(28, 1), (28.0, 2.8));
        assert_eq!(lens(30, 2), (35.0, 2.0));
        assert_eq!(lens(42, 1), (28.0, 4.0));
        assert_eq!(lens(42, 2), (35.0, 4.0));
        assert_eq!(lens(42, 3), (50.0, 4.0));
        assert_eq!(lens(31, 0), (50.0, 1.2));
        assert_eq!(lens(31, 3), (50.0, 1.0));
        assert_eq!(lens(63, 0), STANDARD);
    }

    #[test]
    fn blur_follows_the_thin_lens() {
        let lens = Lens::mounted(33, 3);
        assert_eq!(lens.blur_mm(), 0.0);
        // 50 mm, f/2, infinity: every point 3 m away is 25 mm * 50 mm / 3 m wide.
        assert!((lens.focused(2000.0).blur_mm() - 0.41667).abs() < 1e-4);
        assert!((lens.focused(999.0).blur_mm() - 0.4154).abs() < 1e-3);
        assert!(lens.focused(2.0).blur_mm() < lens.focused(1.0).blur_mm());
        assert!(lens.focused(0.0).blur_mm().is_finite());
    }
}
