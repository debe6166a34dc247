//! Which lens is on the mount: the six marks on its flange, the frame-line selector, and what is known of it.
//!
//! The flange of a Leica M lens may carry six marks; black is 1, white or bare metal is 0. Six reflective sensors in
//! the mount read them. The bayonet also pushes a lever that selects viewfinder frames; two contacts read that. Code
//! and selector together name the lens; [`Library`] holds a [`Profile`] for each.
//!
//! Assumed, since no public source says it: the six marks are read with the most significant bit first.
//!
//! What this module does not do: read lines or files, correct pictures.

mod built_in;
mod library;
mod polynomial;
mod profile;

pub use library::Library;
pub use profile::{LensCode, Profile, ProfileError};

/// Highest 6-bit code, and what a mount without a lens reads: nothing reflects, every line is high.
const NOTHING: u8 = 0b11_1111;
/// Code of a flange without black marks.
const UNCODED: u8 = 0;
/// Highest value of the frame-line selector.
const FRAME_MAX: u8 = 0b11;

/// What the lens lines read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LensPins {
    code: u8,
    frame: u8,
}

/// What a mount without a lens reads.
impl Default for LensPins {
    fn default() -> Self {
        Self {
            code: NOTHING,
            frame: 0,
        }
    }
}

impl LensPins {
    /// Which lines of lens code and frame-line selector are active, each with the most significant bit first.
    pub fn from_lines(code: [bool; 6], frame: [bool; 2]) -> Self {
        let number = |bits: &[bool]| bits.iter().fold(0, |n, &bit| n << 1 | u8::from(bit));
        Self {
            code: number(&code),
            frame: number(&frame),
        }
    }

    /// A code `0..=63` and a selector `0..=3`; none if either is beyond.
    pub fn new(code: u8, frame: u8) -> Option<Self> {
        (code <= NOTHING && frame <= FRAME_MAX).then_some(Self { code, frame })
    }

    /// The 6-bit code: 0 is uncoded, 63 no lens.
    pub fn code(self) -> u8 {
        self.code
    }

    /// Frame-line selector: 1 = 28/90, 2 = 24/35, 3 = 50/75 mm.
    pub fn frame(self) -> u8 {
        self.frame
    }
}

/// A lens that a person named, for what the code does not tell. It holds whenever the lines read the same again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What the lines read when it was named.
    pub pins: LensPins,
    /// Name of a profile.
    pub profile: String,
}

/// Which lens is on the mount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lens<'a> {
    /// None.
    None,
    /// One without marks.
    Uncoded,
    /// One with marks that no profile has.
    Unknown,
    /// Recognised by its marks.
    Known(&'a Profile),
    /// Named by a person.
    Assigned(&'a Profile),
}

impl<'a> Lens<'a> {
    /// What is known of it.
    pub fn profile(self) -> Option<&'a Profile> {
        match self {
            Self::Known(profile) | Self::Assigned(profile) => Some(profile),
            Self::None | Self::Uncoded | Self::Unknown => None,
        }
    }
}

/// Which lens it is. An assignment for these pins goes before their code, unless there is no such profile.
pub fn identify<'a>(
    pins: LensPins,
    assigned: Option<&Assignment>,
    library: &'a Library,
) -> Lens<'a> {
    if pins.code == NOTHING {
        return Lens::None;
    }
    let named = assigned
        .filter(|assignment| assignment.pins == pins)
        .and_then(|assignment| library.get(&assignment.profile));
    match (named, library.coded(pins)) {
        (Some(profile), _) => Lens::Assigned(profile),
        (None, Some(profile)) => Lens::Known(profile),
        (None, None) if pins.code == UNCODED => Lens::Uncoded,
        (None, None) => Lens::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(code: u8, frame: u8) -> LensPins {
        LensPins::new(code, frame).expect("pins")
    }

    #[test]
    fn the_first_line_is_the_most_significant() {
        let lines = [false, true, true, false, false, true];
        assert_eq!(LensPins::from_lines(lines, [true, false]), pins(25, 2));
        assert_eq!(
            LensPins::from_lines([true; 6], [false; 2]),
            LensPins::default()
        );
    }

    #[test]
    fn pins_have_six_and_two_bits() {
        assert_eq!(LensPins::new(64, 0), None);
        assert_eq!(LensPins::new(0, 4), None);
        assert_eq!((pins(63, 3).code(), pins(63, 3).frame()), (63, 3));
    }

    #[test]
    fn a_lens_is_known_uncoded_unknown_or_not_there() {
        let library = Library::built_in();
        let lens = |code, frame| identify(pins(code, frame), None, &library);
        assert!(
            matches!(lens(32, 3), Lens::Known(profile) if profile.name == "summilux-m-50-f1.4-asph")
        );
        assert_eq!(lens(0, 1), Lens::Uncoded);
        assert_eq!(lens(2, 0), Lens::Unknown);
        assert_eq!(lens(63, 0), Lens::None);
    }

    #[test]
    fn an_assignment_holds_for_what_was_read_when_it_was_made() {
        let library = Library::built_in();
        let assigned = |code, frame, name: &str| Assignment {
            pins: pins(code, frame),
            profile: name.to_owned(),
        };
        let elmar = assigned(0, 3, "elmar-m-50-f2.8");
        let (coded, empty) = (
            assigned(32, 3, "elmar-m-50-f2.8"),
            assigned(63, 0, "elmar-m-50-f2.8"),
        );
        let wrong = assigned(0, 3, "no-such-lens");
        let lens = |code, frame, assigned| identify(pins(code, frame), Some(assigned), &library);
        let named = |lens: Lens| matches!(lens, Lens::Assigned(profile) if profile.name == "elmar-m-50-f2.8");
        assert!(named(lens(0, 3, &elmar)));
        assert_eq!(lens(0, 2, &elmar), Lens::Uncoded);
        assert!(matches!(lens(32, 3, &elmar), Lens::Known(_)));
        // It corrects a code as well, but puts no lens on an empty mount, and must name a profile.
        assert!(named(lens(32, 3, &coded)));
        assert_eq!(lens(63, 0, &empty), Lens::None);
        assert_eq!(lens(0, 3, &wrong), Lens::Uncoded);
    }
}
