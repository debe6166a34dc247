//! All profiles: those that come with the program, and those that the caller adds.

use super::{LensPins, Profile};

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
        for text in BUILT_IN {
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

const BUILT_IN: [&str; 0] = [];
