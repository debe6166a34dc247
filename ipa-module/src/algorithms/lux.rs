//! Illuminance, from how bright a picture is and how long it was exposed.
//!
//! A reference frame in the tuning file says what a sensor gives at a known illuminance; another frame is in
//! proportion. The aperture of the lens counts by its square. A lens for this mount does not tell its aperture ring, so
//! a lens that is known counts with its largest opening: stopped down, the light is brighter than the estimate.

/// A frame at a known illuminance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reference {
    /// In lux.
    pub lux: f64,
    /// Exposure time in microseconds.
    pub exposure_us: f64,
    /// Analogue gain.
    pub gain: f64,
    /// F-number of the lens.
    pub aperture: f64,
    /// Mean luminance after white balance, without black level, 0..=1.
    pub luminance: f64,
}

impl Reference {
    /// Illuminance in lux; `aperture` is the lens's where it is known.
    pub fn lux(&self, luminance: f64, exposure_us: f64, gain: f64, aperture: Option<f64>) -> f64 {
        let stops = aperture.map_or(1.0, |aperture| (aperture / self.aperture).powi(2));
        self.lux
            * (luminance / self.luminance)
            * (self.exposure_us / exposure_us)
            * (self.gain / gain)
            * stops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_is_in_proportion() {
        let reference = Reference {
            lux: 800.0,
            exposure_us: 20_000.0,
            gain: 1.0,
            aperture: 2.0,
            luminance: 0.2,
        };
        assert_eq!(reference.lux(0.2, 20_000.0, 1.0, None), 800.0);
        assert_eq!(reference.lux(0.1, 20_000.0, 1.0, None), 400.0);
        assert_eq!(reference.lux(0.2, 10_000.0, 4.0, None), 400.0);
        assert_eq!(reference.lux(0.2, 20_000.0, 1.0, Some(4.0)), 3200.0);
    }
}
