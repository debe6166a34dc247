//! Black level: what the sensor gives without light.
//!
//! The tuning file knows it, or the sensor's data sheet, or the frames tell: what is darker than nearly everything is
//! black at most. An estimate from frames only falls, since a bright scene says nothing of black.

use super::levels::Levels;

/// What is assumed before the first frame where nobody knows: 16 of 255, as the stock IPA assumes.
const ASSUMED: f64 = 16.0 / 255.0;
/// Share of the samples that may be darker than black: noise, and defect pixels.
const IGNORED: f64 = 0.02;

/// Where the black level is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BlackLevel {
    /// Known, relative to the full scale.
    Known(f64),
    /// Estimated from frames.
    Estimated(f64),
}

impl BlackLevel {
    /// From 16-bit units, as tuning files and libcamera have it; `None` where nobody knows.
    pub fn new(known: Option<u16>) -> Self {
        known.map_or(Self::Estimated(ASSUMED), |level| {
            Self::Known(f64::from(level) / 65536.0)
        })
    }

    /// Relative to the full scale, 0..1.
    pub fn level(self) -> f64 {
        match self {
            Self::Known(level) | Self::Estimated(level) => level,
        }
    }

    /// After a frame.
    pub fn seen(self, levels: &Levels) -> Self {
        match self {
            Self::Known(_) => self,
            Self::Estimated(level) => Self::Estimated(level.min(levels.quantile(IGNORED))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::levels::tests::flat;
    use super::*;

    #[test]
    fn what_is_known_stays() {
        let black = BlackLevel::new(Some(4096));
        assert_eq!(black.level(), 0.0625);
        let dark = Levels::new(&flat([0.01; 3], 10)).unwrap();
        assert_eq!(black.seen(&dark), black);
    }

    #[test]
    fn an_estimate_falls_and_does_not_rise() {
        let bright = Levels::new(&flat([0.7; 3], 10)).unwrap();
        let dark = Levels::new(&flat([0.04; 3], 10)).unwrap();
        let black = BlackLevel::new(None).seen(&bright);
        assert_eq!(black.level(), ASSUMED);
        let black = black.seen(&dark);
        assert_eq!(black.level(), 2.0 / 64.0);
        assert_eq!(black.seen(&bright), black);
    }
}
