//! Which lens is on the mount: the six marks on its flange, the frame-line selector, and what is known of it.
//!
//! The flange of a Leica M lens may carry six marks; black is 1, white or bare metal is 0. Six reflective sensors in
//! the mount read them. The bayonet also pushes a lever that selects viewfinder frames; two contacts read that. Code
//! and selector together name the lens; [`Library`] holds a [`Profile`] for each.
//!
//! Assumed, since no public source says it: the six marks are read with the most significant bit first.
//!
//! What this module does not do: read lines or files, correct pictures.

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
    /// Levels of the lines `LENS_CODE0..5` and `FRAME_SELECT0..1`, each with the most significant bit first.
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
