//! What can be wrong with an overlay, or with what it is asked for.

use dtoolkit::error::OverlayError;

/// Result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an overlay could not be read, changed or merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no device tree.
    #[error("no device tree blob: {problem} at byte {offset}; compile the source with dtc first")]
    NotATree {
        /// Where.
        offset: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// The device tree is no overlay.
    #[error(
        "a device tree, but no overlay: it has no fragment; its source needs /plugin/ and is compiled with dtc -@"
    )]
    NotAnOverlay,
    /// What an overlay says of its own labels contradicts its nodes.
    #[error("malformed overlay, {place}: {problem}; compile its source anew with dtc -@")]
    Malformed {
        /// Node, property and offset, as far as they are known.
        place: String,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A parameter's own data is wrong.
    #[error(
        "parameter {parameter}, byte {offset} of its data in __overrides__: {problem}; correct the overlay's source"
    )]
    Override {
        /// Which parameter.
        parameter: String,
        /// Where in its data.
        offset: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The parameter does something that only Raspberry Pi's firmware can do.
    #[error(
        "parameter {parameter}: {what} is not supported here; let Raspberry Pi's firmware apply it, or change the \
         overlay's source"
    )]
    Unsupported {
        /// Which parameter.
        parameter: String,
        /// What it does.
        what: &'static str,
    },
    /// The overlay has no such parameter.
    #[error("no parameter {parameter}; there are {}", list(.known))]
    UnknownParameter {
        /// What was asked for.
        parameter: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The parameter takes only certain values.
    #[error("parameter {parameter} cannot be {value:?}; it can be {}", list(.choices))]
    NotAChoice {
        /// Which parameter.
        parameter: String,
        /// What was asked for.
        value: String,
        /// Values that it takes.
        choices: Vec<String>,
    },
    /// The parameter takes a number.
    #[error(
        "parameter {parameter} cannot be {value:?}; it takes a number (90, 0x5a) or a word (on, off)"
    )]
    NotANumber {
        /// Which parameter.
        parameter: String,
        /// What was asked for.
        value: String,
    },
    /// The number is too large for its place.
    #[error("parameter {parameter} cannot be {value}; its place has {bits} bits")]
    OutOfRange {
        /// Which parameter.
        parameter: String,
        /// What was asked for.
        value: String,
        /// Bits of the place.
        bits: usize,
    },
    /// The parameter takes bytes.
    #[error(
        "parameter {parameter} cannot be {value:?}; it takes at most {most} bytes in hexadecimal, as 0a:1b or 0a1b"
    )]
    NotBytes {
        /// Which parameter.
        parameter: String,
        /// What was asked for.
        value: String,
        /// Most bytes.
        most: usize,
    },
    /// The base tree is not one for this overlay.
    #[error(
        "the base tree has no label {}; use the overlay of this board and kernel, and a base tree that was compiled \
         with dtc -@",
        list(.0)
    )]
    MissingLabels(Vec<String>),
    /// The overlay does not fit the base tree.
    #[error("the overlay cannot be merged: {0}")]
    Merge(#[from] OverlayError),
}

/// Words with commas between them.
fn list(words: &[String]) -> String {
    if words.is_empty() {
        return "none".into();
    }
    words.join(", ")
}
