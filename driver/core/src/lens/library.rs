//! All profiles: those that come with the program, and those that the caller adds.

use super::{LensPins, Profile, built_in};

/// Profiles by name and by code.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// In the order in which they were added; later ones go before earlier ones.
    profiles: Vec<Profile>,
}

impl Library {
    /// The profiles that come with the program.
    pub fn built_in() -> Self {
        let mut library = Self::default();
        for text in built_in::FILES {
            match Profile::parse(text) {
                Ok(profile) => library.add(profile),
                Err(error) => unreachable!("a test parses every built-in profile: {error}"),
            }
        }
        library
    }

    /// Adds a profile; it takes the place of one with the same name, and goes before others with the same code.
    pub fn add(&mut self, profile: Profile) {
        self.profiles.retain(|other| other.name != profile.name);
        self.profiles.push(profile);
    }

    /// The profile of this name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The profile of the lens that shows this. One that names the frame-line selector goes before one that does
    /// not.
    pub fn coded(&self, pins: LensPins) -> Option<&Profile> {
        let shown = |frame: Option<u8>| {
            self.profiles.iter().rev().find(|profile| {
                let mut codes = profile.codes.iter();
                codes.any(|code| code.code == pins.code() && code.frame == frame)
            })
        };
        shown(Some(pins.frame())).or_else(|| shown(None))
    }

    /// Every profile.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str, codes: &str) -> Profile {
        let text = format!(
            "name = \"{name}\"\nmake = \"Maker\"\nmodel = \"{name}\"\ncodes = [{codes}]\nvignetting = [0, 0, 0]\n\
             distortion = [0, 0, 0]\ngeneric = true\nsource = \"test\"\n"
        );
        Profile::parse(&text).expect("a profile")
    }

    fn coded(library: &Library, code: u8, frame: u8) -> Option<&str> {
        let pins = LensPins::new(code, frame).expect("pins");
        library.coded(pins).map(|profile| profile.name.as_str())
    }

    /// Code, selector, and the model's beginning: the pairs that the selector tells apart, and some that it does not.
    #[test]
    fn codes_name_lenses() {
        let library = Library::built_in();
        for (code, frame, model) in [
            (1, 2, "Elmarit-M 21 mm"),
            (6, 2, "Summicron-M 35 mm"),
            (6, 0, "Summilux-M 35 mm"),
            (9, 1, "Elmarit-M 135 mm"),
            (9, 0, "Apo-Telyt-M 135 mm"),
            (16, 1, "Tri-Elmar-M 16-18-21 mm f/4 ASPH. at 16"),
            (16, 2, "Tri-Elmar-M 16-18-21 mm f/4 ASPH. at 18"),
            (16, 3, "Tri-Elmar-M 16-18-21 mm f/4 ASPH. at 21"),
            (29, 0, "Summilux-M 35 mm f/1.4 ASPHERICAL"),
            (29, 2, "Summilux-M 35 mm f/1.4 ASPH."),
            (31, 0, "Noctilux-M 50 mm f/1.2"),
            (31, 3, "Noctilux-M 50 mm f/1"),
            (39, 0, "Tele-Elmar-M 135 mm"),
            (39, 1, "Macro-Elmar-M 90 mm"),
            (40, 1, "Macro-Adapter-M"),
            (41, 3, "Apo-Summicron-M 50 mm"),
            (42, 1, "Tri-Elmar-M 28-35-50 mm f/4 ASPH. at 28"),
            (42, 2, "Tri-Elmar-M 28-35-50 mm f/4 ASPH. at 35"),
            (42, 3, "Tri-Elmar-M 28-35-50 mm f/4 ASPH. at 50"),
            (52, 1, "Super-Elmar-M 18 mm"),
            (53, 2, "Apo-Telyt-M 135 mm"),
            (53, 3, "Apo-Summicron-M 50 mm"),
            (58, 3, "Noctilux-M 75 mm"),
        ] {
            let pins = LensPins::new(code, frame).expect("pins");
            let found = library.coded(pins).map_or("none", |profile| &profile.model);
            assert!(found.starts_with(model), "{code}/{frame}: {found}");
        }
        // Positions that a Tri-Elmar does not have, and codes that no lens has.
        for (code, frame) in [(16, 0), (42, 0), (2, 1), (62, 0)] {
            assert_eq!(coded(&library, code, frame), None, "{code}/{frame}");
        }
    }

    #[test]
    fn every_code_of_the_chart_is_there() {
        let library = Library::built_in();
        let known: Vec<u8> = (0..64)
            .filter(|&code| (0..4).any(|frame| coded(&library, code, frame).is_some()))
            .collect();
        let chart = [
            1, 3, 4, 5, 6, 7, 9, 11, 12, 16, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
            36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 58,
        ];
        assert_eq!(known, chart);
    }

    #[test]
    fn a_profile_of_the_same_name_takes_the_place() {
        let mut library = Library::built_in();
        let before = library.profiles().count();
        assert_eq!(coded(&library, 33, 3), Some("summicron-m-50-f2-iv-v"));
        library.add(profile("summicron-m-50-f2-iv-v", "{ code = 2 }"));
        assert_eq!(library.profiles().count(), before);
        assert_eq!(coded(&library, 33, 3), None);
        assert_eq!(coded(&library, 2, 3), Some("summicron-m-50-f2-iv-v"));
    }

    #[test]
    fn a_later_profile_goes_before_but_a_selector_goes_before_that() {
        let mut library = Library::default();
        library.add(profile("first", "{ code = 2 }, { code = 2, frame = 1 }"));
        library.add(profile("second", "{ code = 2 }"));
        assert_eq!(coded(&library, 2, 0), Some("second"));
        assert_eq!(coded(&library, 2, 1), Some("first"));
    }
}
