//! Tuning files: what is known of a sensor and how its pictures should look, in libcamera's YAML form.
//!
//! Every field is described in `README.md` beside this file. A file that is wrong is refused as a whole, with line and
//! field; what is used instead comes with the program.

mod checks;
mod file;

use crate::algorithms::auto_exposure::Constraint;
use crate::algorithms::colour_correction::Correction;
use crate::algorithms::exposure_split::Stage;
use crate::algorithms::lux::Reference;
use crate::algorithms::white_balance::Model;

/// Longest file in bytes. One has a few thousand.
pub(crate) const LONGEST: usize = 256 << 10;
/// Stages of an exposure mode at most.
pub(crate) const STAGES: usize = 16;

/// A tuning file, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// In units of 16 bits; `None` leaves it to what is known of the sensor, or to the frames.
    pub black_level: Option<u16>,
    /// `None` where the sensor's response is not known.
    pub lux: Option<Reference>,
    /// Exposure.
    pub exposure: Exposure,
    /// White balance.
    pub white_balance: WhiteBalance,
    /// By colour temperature, rising; empty where no matrix is known.
    pub corrections: Vec<Correction>,
    /// Looks of pictures.
    pub look: Look,
}

/// Block `Agc`.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposure {
    /// Mean luminance that pictures should have, relative to white.
    pub luminance: f64,
    /// Largest digital gain that makes up for what the sensor cannot do.
    pub digital_gain: f64,
    /// Diagonal of the sensor's picture in millimetres; where it is known, a lens that is known limits the exposure time.
    pub diagonal_mm: Option<f64>,
    /// Stages of the exposure modes normal, short and long.
    pub modes: [Vec<Stage>; 3],
    /// Constraints of the modes normal, highlights and shadows.
    pub constraints: [Vec<Constraint>; 3],
}

/// Block `Awb`.
#[derive(Clone, Debug, PartialEq)]
pub struct WhiteBalance {
    /// How pictures and lights are distributed.
    pub model: Model,
    /// Temperatures of the modes auto, incandescent, tungsten, fluorescent, indoor, daylight and cloudy, in kelvin.
    pub modes: [[f64; 2]; 7],
}

/// Block `Adjust`: what applications may change, and how it is before they do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Exponent: light is the code to this power.
    pub gamma: f64,
    /// 1 is as it is.
    pub contrast: f64,
    /// 1 is as it is.
    pub saturation: f64,
}

impl Look {
    /// Colours as they are.
    pub const NATURAL: Self = Self {
        gamma: 2.2,
        contrast: 1.0,
        saturation: 1.0,
    };
    /// Deeper shadows and stronger colours.
    pub const VIVID: Self = Self {
        gamma: 2.2,
        contrast: 1.15,
        saturation: 1.3,
    };
}

/// What is wrong with a tuning file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TuningError {
    /// From 1; 0 where it is the file as a whole.
    pub line: u64,
    /// Which field, and what is wrong with it.
    pub problem: String,
}

/// Tuning files that come with the program, by sensor; the last one is for all others.
const BUILT_IN: [(&str, &str); 3] = [
    ("imx219", include_str!("imx219.yaml")),
    ("imx283", include_str!("imx283.yaml")),
    ("", include_str!("uncalibrated.yaml")),
];

impl Tuning {
    /// Reads a tuning file.
    ///
    /// # Errors
    /// When the text is no YAML, lacks a field or has one too many, or a value is out of its range.
    pub fn parse(text: &str) -> Result<Self, TuningError> {
        file::read(text)
    }

    /// What comes with the program for a sensor.
    pub fn built_in(model: &str) -> Self {
        let (_, text) = BUILT_IN
            .iter()
            .find(|(name, _)| *name == model || name.is_empty())
            .expect("the last one is for all");
        Self::parse(text).expect("the tests read each of them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_comes_with_the_program_can_be_read() {
        for (name, text) in BUILT_IN {
            if let Err(error) = Tuning::parse(text) {
                panic!("{name}: {error}");
            }
        }
        assert_eq!(Tuning::built_in("imx219").black_level, Some(4096));
        assert_eq!(Tuning::built_in("imx283").black_level, Some(3200));
        assert_eq!(Tuning::built_in("something else").black_level, None);
    }

    fn refusal(find: &str, put: &str) -> String {
        let (_, text) = BUILT_IN[0];
        assert!(text.contains(find), "{find}");
        let error = Tuning::parse(&text.replacen(find, put, 1)).unwrap_err();
        let line = text[..text.find(find).unwrap()].lines().count() as u64;
        assert!(
            error.line.abs_diff(line) <= 1,
            "{error} is not near line {line}"
        );
        error.to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_field() {
        assert!(refusal("blackLevel: 4096", "blackLevel: .nan").contains("line"));
        assert!(refusal("blackLevel: 4096", "blackLevels: 4096").contains("blackLevels"));
        assert!(
            refusal(
                "relativeLuminanceTarget: 0.18",
                "relativeLuminanceTarget: .nan"
            )
            .contains("relativeLuminanceTarget")
        );
        assert!(
            refusal(
                "relativeLuminanceTarget: 0.18",
                "relativeLuminanceTarget: 7"
            )
            .contains("0.01 to 0.9")
        );
        assert!(refusal("referenceLux: 800", "referenceLux: -1").contains("referenceLux"));
        assert!(refusal("ct: 2960", "ct: 2000").contains("rising"));
        assert!(refusal("look: natural", "look: lurid").contains("lurid"));
    }

    #[test]
    fn files_that_are_none_are_refused() {
        for text in [
            "",
            "version: 2\nalgorithms: []\n",
            "version: 1\n",
            "[",
            "- 1\n",
            "version: 1\nalgorithms:\n  - Dance:\n",
        ] {
            assert!(Tuning::parse(text).is_err(), "{text:?}");
        }
        let double = format!("{}  - Ccm:\n      ccms: []\n", BUILT_IN[0].1);
        assert!(
            Tuning::parse(&double)
                .unwrap_err()
                .problem
                .contains("twice")
        );
    }

    #[test]
    fn a_block_that_is_not_there_is_as_if_uncalibrated() {
        let tuning =
            Tuning::parse("version: 1\nalgorithms:\n  - BlackLevel:\n      blackLevel: 1000\n")
                .unwrap();
        let mut expected = Tuning::built_in("");
        expected.black_level = Some(1000);
        assert_eq!(tuning, expected);
    }

    proptest! {
        #[test]
        fn whatever_is_changed_nothing_breaks(at in 0..10_000usize, put in "[ -~\n]{0,3}", cut in 0..20usize) {
            let (_, text) = BUILT_IN[0];
            let start = at % text.len();
            let end = (start + cut).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                let _ = Tuning::parse(&format!("{}{put}{}", &text[..start], &text[end..]));
            }
        }
    }
}
