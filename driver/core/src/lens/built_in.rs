//! The profiles that come with the program: the files of the directory `lenses`.

/// Reads files of the directory `lenses` at compile time.
macro_rules! files {
    ($($name:literal,)*) => {
        &[$(include_str!(concat!("../../lenses/", $name, ".toml"))),*]
    };
}

/// Text of every file.
pub(super) const FILES: &[&str] = files![
    "apo-summicron-m-50-f2-asph",
    "apo-summicron-m-50-f2-vi",
    "apo-summicron-m-75-f2-asph",
    "apo-summicron-m-90-f2-asph",
    "apo-telyt-m-135-f3.4",
    "elmar-m-24-f3.8-asph",
    "elmar-m-50-f2.8",
    "elmarit-m-135-f2.8-i-ii",
    "elmarit-m-21-f2.8",
    "elmarit-m-21-f2.8-asph",
    "elmarit-m-24-f2.8-asph",
    "elmarit-m-28-f2.8-asph",
    "elmarit-m-28-f2.8-iii",
    "elmarit-m-28-f2.8-iv",
    "elmarit-m-90-f2.8",
    "macro-adapter-m",
    "macro-elmar-m-90-f4",
    "noctilux-m-50-f0.95-asph",
    "noctilux-m-50-f1",
    "noctilux-m-50-f1.2",
    "noctilux-m-75-f1.25-asph",
    "summarit-m-35-f2.5",
    "summarit-m-50-f2.5",
    "summarit-m-75-f2.5",
    "summarit-m-90-f2.5",
    "summaron-m-28-f5.6",
    "summicron-m-28-f2-asph",
    "summicron-m-35-f2-asph",
    "summicron-m-35-f2-iv",
    "summicron-m-50-f2-iii",
    "summicron-m-50-f2-iv-v",
    "summicron-m-90-f2-ii",
    "summilux-m-21-f1.4-asph",
    "summilux-m-24-f1.4-asph",
    "summilux-m-35-f1.4",
    "summilux-m-35-f1.4-asph",
    "summilux-m-35-f1.4-aspherical",
    "summilux-m-50-f1.4-asph",
    "summilux-m-50-f1.4-ii",
    "summilux-m-75-f1.4",
    "super-elmar-m-18-f3.8-asph",
    "super-elmar-m-21-f3.4-asph",
    "tele-elmar-m-135-f4-ii",
    "tele-elmarit-m-90-f2.8-ii",
    "thambar-m-90-f2.2",
    "tri-elmar-m-16-18-21-f4-asph-at-16",
    "tri-elmar-m-16-18-21-f4-asph-at-18",
    "tri-elmar-m-16-18-21-f4-asph-at-21",
    "tri-elmar-m-28-35-50-f4-asph-at-28",
    "tri-elmar-m-28-35-50-f4-asph-at-35",
    "tri-elmar-m-28-35-50-f4-asph-at-50",
];

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    /// Square of half the diagonal of a type 1 sensor, 13.2 mm x 8.8 mm.
    const HALF_DIAGONAL_SQUARED: f64 = 6.6 * 6.6 + 4.4 * 4.4;

    fn profiles() -> impl Iterator<Item = Profile> {
        FILES.iter().map(|text| Profile::parse(text).expect(text))
    }

    #[test]
    fn every_file_of_the_directory_is_built_in_under_its_name() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("lenses");
        let mut files = BTreeMap::new();
        for entry in directory.read_dir().expect("the directory of profiles") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_str()
                .expect("a plain name")
                .to_owned();
            assert_eq!(path.extension().expect("an extension"), "toml");
            files.insert(name, std::fs::read_to_string(&path).expect("a text"));
        }
        let built_in: BTreeMap<_, _> = profiles()
            .map(|profile| profile.name)
            .zip(FILES.iter().map(|text| (*text).to_owned()))
            .collect();
        assert_eq!(built_in, files);
    }

    #[test]
    fn what_nobody_measured_says_so_and_follows_the_law_of_its_focal_length() {
        for profile in profiles() {
            assert!(profile.generic, "{}", profile.name);
            assert_eq!(profile.distortion, [0.0; 3], "{}", profile.name);
            // cos^4 = 1 / (1 + k r^2)^2 = 1 - 2 k r^2 + 3 k^2 r^4 - 4 k^3 r^6 + ...
            let k = profile
                .focal_length_mm
                .map_or(0.0, |f| HALF_DIAGONAL_SQUARED / (f * f));
            let law = [-2.0 * k, 3.0 * k * k, -4.0 * k * k * k];
            for (given, law) in profile.vignetting.iter().zip(law) {
                assert!(
                    (given - law).abs() <= 0.5001e-4,
                    "{}: {given}, not {law}",
                    profile.name
                );
            }
        }
    }

    #[test]
    fn models_tell_focal_length_and_aperture() {
        for profile in profiles() {
            assert_eq!(profile.make, "Leica");
            assert_eq!(
                profile.focal_length_mm.is_some(),
                profile.maximum_aperture.is_some()
            );
            let (Some(focal_length), Some(aperture)) =
                (profile.focal_length_mm, profile.maximum_aperture)
            else {
                assert_eq!(profile.name, "macro-adapter-m");
                continue;
            };
            assert!(
                profile.model.contains(&format!("{focal_length} mm")),
                "{}",
                profile.model
            );
            let end = profile
                .model
                .split("f/")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            assert_eq!(
                end,
                Some(aperture.to_string().as_str()),
                "{}",
                profile.model
            );
        }
    }

    #[test]
    fn no_two_profiles_share_a_code() {
        let mut seen = Vec::new();
        for profile in profiles() {
            for code in profile.codes {
                assert!(!seen.contains(&code), "{}: {code:?}", profile.name);
                seen.push(code);
            }
        }
    }
}
