//! A lens profile: one TOML file that says what is known of a lens.

use super::{FRAME_MAX, NOTHING, UNCODED, polynomial};
use serde::Deserialize;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;

/// Longest file, in bytes. A profile has some hundred.
const FILE_LIMIT: usize = 64 << 10;
/// Longest text, in characters.
const TEXT_LIMIT: usize = 200;
/// In millimetres; no lens for this mount comes near either end.
const FOCAL_LENGTHS: RangeInclusive<f64> = 1.0..=1000.0;
/// F-numbers.
const APERTURES: RangeInclusive<f64> = 0.5..=64.0;
/// What a correction may multiply by, or it shows noise instead of a picture.
const SANE: Range<f64> = 0.05..4.0;
/// A cubic that stays within [`SANE`] has smaller coefficients: the largest of Chebyshev's on `0..=1`, 48, by half
/// the range. Far beyond, arithmetic would overflow.
const COEFFICIENT_LIMIT: f64 = 100.0;

/// What is known of a lens.
///
/// Distances from the picture's centre, `r`, are relative to half the diagonal of a type 1 sensor, 13.2 mm x 8.8 mm.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Short name without spaces, by which people call it, e.g. `summilux-m-50-f1.4-asph`.
    pub name: String,
    /// EXIF's `LensMake`.
    pub make: String,
    /// EXIF's `LensModel`, which is also the name for people.
    pub model: String,
    /// In millimetres, `1..=1000`; an adapter has none.
    pub focal_length_mm: Option<f64>,
    /// Smallest f-number, `0.5..=64`; an adapter has none.
    pub maximum_aperture: Option<f64>,
    /// Codes that it shows; none if it shows none.
    pub codes: Vec<LensCode>,
    /// Light at `r` relative to the centre is `1 + a r^2 + b r^4 + c r^6` with these `[a, b, c]`.
    pub vignetting: [f64; 3],
    /// Brown's radial distortion: what should be at `r` is found at `r (1 + k1 r^2 + k2 r^4 + k3 r^6)`.
    pub distortion: [f64; 3],
    /// Whether vignetting and distortion are assumptions rather than measured on such a lens.
    pub generic: bool,
    /// Where codes and figures come from.
    pub source: String,
}

/// A code on a lens's flange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LensCode {
    /// `1..=62`.
    pub code: u8,
    /// `0..=3` where the frame-line selector tells lenses with the same code apart.
    pub frame: Option<u8>,
}

/// What is wrong with a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ProfileError {
    /// From 1.
    pub line: usize,
    /// Which field, and what to do.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    make: Spanned<String>,
    model: Spanned<String>,
    focal_length_mm: Option<Spanned<f64>>,
    maximum_aperture: Option<Spanned<f64>>,
    codes: Vec<Spanned<LensCode>>,
    vignetting: Spanned<[f64; 3]>,
    distortion: Spanned<[f64; 3]>,
    generic: bool,
    source: Spanned<String>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// When the text is no TOML, lacks a field or has one too many, or a value is out of its range.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let at = |span: Range<usize>, problem: String| ProfileError {
            line: 1 + text
                .bytes()
                .take(span.start)
                .filter(|&byte| byte == b'\n')
                .count(),
            problem,
        };
        if text.len() > FILE_LIMIT {
            let problem = format!(
                "{} bytes are no lens profile, {FILE_LIMIT} at most",
                text.len()
            );
            return Err(at(0..0, problem));
        }
        let file: File = toml::from_str(text)
            .map_err(|error| at(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        let check = |span: Range<usize>, field: &str, problem: Option<String>| match problem {
            Some(problem) => Err(at(span, format!("{field}: {problem}"))),
            None => Ok(()),
        };
        check(file.name.span(), "name", name_problem(file.name.as_ref()))?;
        for (field, text) in [
            ("make", &file.make),
            ("model", &file.model),
            ("source", &file.source),
        ] {
            check(text.span(), field, text_problem(text.as_ref()))?;
        }
        let numbers = [
            ("focal_length_mm", &file.focal_length_mm, FOCAL_LENGTHS),
            ("maximum_aperture", &file.maximum_aperture, APERTURES),
        ];
        for (field, number, range) in numbers {
            if let Some(number) = number {
                check(
                    number.span(),
                    field,
                    number_problem(*number.as_ref(), range),
                )?;
            }
        }
        for (index, code) in file.codes.iter().enumerate() {
            let twice = file.codes[..index]
                .iter()
                .any(|other| other.as_ref() == code.as_ref());
            check(code.span(), "codes", code_problem(*code.as_ref(), twice))?;
        }
        let vignetting = *file.vignetting.as_ref();
        check(
            file.vignetting.span(),
            "vignetting",
            vignetting_problem(vignetting),
        )?;
        let distortion = *file.distortion.as_ref();
        check(
            file.distortion.span(),
            "distortion",
            distortion_problem(distortion),
        )?;
        Ok(Self {
            name: file.name.into_inner(),
            make: file.make.into_inner(),
            model: file.model.into_inner(),
            focal_length_mm: file.focal_length_mm.map(Spanned::into_inner),
            maximum_aperture: file.maximum_aperture.map(Spanned::into_inner),
            codes: file.codes.into_iter().map(Spanned::into_inner).collect(),
            vignetting,
            distortion,
            generic: file.generic,
            source: file.source.into_inner(),
        })
    }
}

fn name_problem(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let good = (1..=TEXT_LIMIT).contains(&name.len()) && name.chars().all(allowed);
    (!good).then(|| {
        format!("{name:?} must be small letters, digits, '-' and '.', {TEXT_LIMIT} at most")
    })
}

/// EXIF's text is ASCII.
fn text_problem(text: &str) -> Option<String> {
    let good = (1..=TEXT_LIMIT).contains(&text.len())
        && text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    (!good).then(|| format!("must be 1 to {TEXT_LIMIT} printable ASCII characters"))
}

fn number_problem(number: f64, range: RangeInclusive<f64>) -> Option<String> {
    let (low, high) = (range.start(), range.end());
    (!range.contains(&number)).then(|| format!("{number} is not within {low} to {high}"))
}

fn code_problem(code: LensCode, twice: bool) -> Option<String> {
    if !(UNCODED + 1..NOTHING).contains(&code.code) {
        return Some(format!(
            "{} is not within 1 to 62; 0 is a lens without a code, 63 a mount without a lens",
            code.code
        ));
    }
    if let Some(frame) = code.frame.filter(|&frame| frame > FRAME_MAX) {
        return Some(format!("frame {frame} is not within 0 to {FRAME_MAX}"));
    }
    twice.then(|| format!("{} is there twice", code.code))
}

fn vignetting_problem(coefficients: [f64; 3]) -> Option<String> {
    let problem = range_problem(coefficients)?;
    Some(format!("the light 1 + a r^2 + b r^4 + c r^6 {problem}"))
}

/// Distortion must not fold the picture: the derivative of where a point is found stays positive.
fn distortion_problem([k1, k2, k3]: [f64; 3]) -> Option<String> {
    let problem = range_problem([3.0 * k1, 5.0 * k2, 7.0 * k3])?;
    Some(format!(
        "the local scale 1 + 3 k1 r^2 + 5 k2 r^4 + 7 k3 r^6 {problem}"
    ))
}

fn range_problem(coefficients: [f64; 3]) -> Option<String> {
    if !coefficients.iter().all(|c| c.abs() <= COEFFICIENT_LIMIT) {
        return Some("has a coefficient that cannot be right".into());
    }
    let (low, high) = polynomial::range(coefficients);
    let good = SANE.contains(&low) && SANE.contains(&high);
    (!good).then(|| {
        format!(
            "is {low:.3} to {high:.3} for r in 0 to 1, and must stay between {} and {}",
            SANE.start, SANE.end
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"
name = "summar-50-f2"
make = "Maker"
model = "Summar 50 mm f/2"
focal_length_mm = 50
maximum_aperture = 2.0
codes = [{ code = 2 }, { code = 8, frame = 3 }]
vignetting = [-0.3, 0.1, -0.05]
distortion = [-0.02, 0.0, 0.0]
generic = false
source = "measured on a chart"
"#;

    /// The complaint about the good profile with one text replaced.
    fn complaint(from: &str, to: &str) -> String {
        assert_eq!(GOOD.matches(from).count(), 1, "{from}");
        match Profile::parse(&GOOD.replace(from, to)) {
            Err(error) => error.to_string(),
            Ok(profile) => panic!("{to} was accepted: {profile:?}"),
        }
    }

    #[test]
    fn every_field_is_read() {
        let profile = Profile::parse(GOOD).expect("a good profile");
        let expected = Profile {
            name: "summar-50-f2".into(),
            make: "Maker".into(),
            model: "Summar 50 mm f/2".into(),
            focal_length_mm: Some(50.0),
            maximum_aperture: Some(2.0),
            codes: vec![
                LensCode {
                    code: 2,
                    frame: None,
                },
                LensCode {
                    code: 8,
                    frame: Some(3),
                },
            ],
            vignetting: [-0.3, 0.1, -0.05],
            distortion: [-0.02, 0.0, 0.0],
            generic: false,
            source: "measured on a chart".into(),
        };
        assert_eq!(profile, expected);
    }

    #[test]
    fn complaints_name_line_and_field() {
        for (from, to, expected) in [
            (
                "-0.3, 0.1, -0.05",
                "-0.9, -0.3, 0.1",
                "line 8: vignetting: the light 1 + a r^2 + b r^4 + c r^6 is -0.100 to 1.000",
            ),
            ("-0.3, 0.1, -0.05", "3.5, 0, 0", "line 8: vignetting"),
            ("-0.3, 0.1, -0.05", "nan, 0, 0", "line 8: vignetting"),
            ("-0.3, 0.1, -0.05", "inf, -inf, 0", "line 8: vignetting"),
            (
                "-0.3, 0.1, -0.05",
                "1e200, -1e200, 0",
                "line 8: vignetting: the light 1 + a r^2 + b r^4 + c r^6 has a coefficient that cannot",
            ),
            (
                "-0.3, 0.1, -0.05",
                "1e308, -1e308, 1e308",
                "line 8: vignetting",
            ),
            // Dark between centre and corner alone.
            ("-0.3, 0.1, -0.05", "-4, 4, 0", "line 8: vignetting"),
            ("-0.3, 0.1, -0.05", "-0.3, 0.1", "line 8: "),
            (
                "-0.02, 0.0, 0.0",
                "-0.4, 0, 0",
                "line 9: distortion: the local scale",
            ),
            (
                "focal_length_mm = 50",
                "focal_length_mm = 0.5",
                "line 5: focal_length_mm: 0.5 is not within 1 to 1000",
            ),
            (
                "focal_length_mm = 50",
                "focal_length_mm = nan",
                "line 5: focal_length_mm: NaN",
            ),
            (
                "focal_length_mm = 50",
                "focal_lenght_mm = 50",
                "line 5: unknown field `focal_lenght_mm`",
            ),
            (
                "maximum_aperture = 2.0",
                "maximum_aperture = 65",
                "line 6: maximum_aperture: 65 is not within 0.5 to 64",
            ),
            (
                "{ code = 2 }",
                "{ code = 0 }",
                "line 7: codes: 0 is not within 1 to 62",
            ),
            (
                "{ code = 2 }",
                "{ code = 63 }",
                "line 7: codes: 63 is not within 1 to 62",
            ),
            ("{ code = 2 }", "{ code = 300 }", "line 7: "),
            (
                "{ code = 2 }",
                "{ code = 8, frame = 3 }",
                "line 7: codes: 8 is there twice",
            ),
            (
                "frame = 3",
                "frame = 4",
                "line 7: codes: frame 4 is not within 0 to 3",
            ),
            (
                "summar-50-f2",
                "Summar 50",
                "line 2: name: \"Summar 50\" must be small letters",
            ),
            ("\"Maker\"", "\"\"", "line 3: make: must be 1 to 200"),
            (
                "Summar 50 mm f/2",
                "Summar 50\u{a0}mm",
                "line 4: model: must be 1 to 200 printable ASCII",
            ),
            ("generic = false\n", "", "line 1: missing field `generic`"),
            ("generic = false", "generic =", "line 10: "),
        ] {
            let complaint = complaint(from, to);
            assert!(complaint.starts_with(expected), "{to}: {complaint}");
        }
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let huge = format!("{GOOD}# {}", "x".repeat(FILE_LIMIT));
        let error = Profile::parse(&huge).expect_err("a huge file");
        assert!(error.problem.contains("are no lens profile"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_a_profile_or_a_complaint(text in "\\PC{0,200}", at in 0..GOOD.len(), cut in 0..20_usize) {
            let _ = Profile::parse(&text);
            let end = (at + cut).min(GOOD.len());
            let _ = Profile::parse(&format!("{}{text}{}", &GOOD[..at], &GOOD[end..]));
        }

        #[test]
        fn what_is_accepted_brightens_and_bends_within_bounds(
            vignetting in prop::array::uniform3(-3.0..3.0_f64),
            distortion in prop::array::uniform3(-0.5..0.5_f64),
        ) {
            let text = GOOD
                .replace("-0.3, 0.1, -0.05", &vignetting.map(|c| format!("{c:?}")).join(", "))
                .replace("-0.02, 0.0, 0.0", &distortion.map(|c| format!("{c:?}")).join(", "));
            let Ok(profile) = Profile::parse(&text) else { return Ok(()) };
            let [a, b, c] = profile.vignetting;
            let [k1, k2, k3] = profile.distortion;
            let mut last = -1.0;
            for step in 0..=100 {
                let r = f64::from(step) / 100.0;
                let u = r * r;
                let light = 1.0 + u * (a + u * (b + u * c));
                prop_assert!(light > 0.049 && light < 4.001);
                let found = r * (1.0 + u * (k1 + u * (k2 + u * k3)));
                prop_assert!(found > last);
                last = found;
            }
        }
    }
}
