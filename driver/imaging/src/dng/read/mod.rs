//! DNG files to raw pictures: ours, and others' of colour filter arrays.
//!
//! Whatever the bytes are, this ends with a picture or an error that says what was wrong and where. A picture of more
//! than [`MOST_SAMPLES`] is refused before memory is taken for it, and no part of a file is decoded twice.
//!
//! What a [`Negative`] cannot tell is lost: default crop, orientation, masked areas, a third illuminant, profiles.

mod colour;
mod opcodes;
mod picture;
mod samples;
mod shot;
pub(super) mod tiff;

use super::negative::Negative;
use super::preview::{Frame, Preview};
use super::tags::*;
use super::{MOST_SAMPLES, tags};
use tiff::{Directory, Tiff};

/// Why a file is no DNG, or none that we read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is something else.
    #[error("not a DNG file: {0}")]
    NotDng(String),
    /// It ends too early.
    #[error("DNG: the file ends in {what} at offset {offset}")]
    Ends {
        /// What is cut.
        what: String,
        /// Where it begins.
        offset: usize,
    },
    /// A field is not as it must be.
    #[error("DNG: {tag} at offset {offset}: {reason}")]
    Field {
        /// The field's name.
        tag: &'static str,
        /// Where its values are.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A field is missing.
    #[error("DNG: {tag} is missing in the directory at offset {offset}")]
    Missing {
        /// The field's name.
        tag: &'static str,
        /// Where the directory is.
        offset: usize,
    },
    /// Directories lead to each other in a circle, or there are too many.
    #[error("DNG: the directory at offset {0} comes twice, or there are too many")]
    Loop(usize),
    /// A tile or a strip cannot be decoded.
    #[error("DNG: tile or strip {index} at offset {offset}: {reason}")]
    Part {
        /// Its number.
        index: usize,
        /// Where it begins.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It is as it may be, but we cannot read it.
    #[error("DNG: {0} is not supported")]
    Unsupported(String),
}

/// Most directories of a file.
const DIRECTORIES: usize = 64;

/// A file's directories.
struct Directories<'a> {
    tiff: Tiff<'a>,
    /// The first one, which speaks for the whole file.
    first: Directory<'a>,
    /// All of pictures, the first one included.
    all: Vec<Directory<'a>>,
}

impl<'a> Directories<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let (tiff, offset) = Tiff::new(bytes)?;
        let first = tiff.directory(offset)?;
        if first.field(DNG_VERSION)?.is_none() {
            return Err(Error::NotDng("it has no DNGVersion".into()));
        }
        let mut all: Vec<Directory<'_>> = Vec::new();
        let mut offsets = vec![offset];
        while let Some(offset) = offsets.pop() {
            let is_known = all.iter().any(|directory| directory.offset == offset);
            if is_known || all.len() == DIRECTORIES {
                return Err(Error::Loop(offset));
            }
            let directory = tiff.directory(offset)?;
            if directory.next != 0 {
                offsets.push(directory.next);
            }
            let below = directory.whole(SUB_IFDS)?.unwrap_or_default();
            offsets.extend(
                below
                    .iter()
                    .rev()
                    .take(DIRECTORIES)
                    .map(|offset| *offset as usize),
            );
            all.push(directory);
        }
        Ok(Self { tiff, first, all })
    }

    /// The directory of the raw picture.
    fn raw(&self) -> Result<Directory<'a>, Error> {
        let mut others = Vec::new();
        for directory in &self.all {
            let kind = directory
                .one(NEW_SUBFILE_TYPE)?
                .unwrap_or(tags::MAIN_PICTURE);
            let Some(meaning) = directory.one(PHOTOMETRIC_INTERPRETATION)? else {
                continue;
            };
            match meaning {
                tags::COLOUR_FILTER_ARRAY if kind == tags::MAIN_PICTURE => return Ok(*directory),
                tags::LINEAR_RAW if kind == tags::MAIN_PICTURE => {
                    return Err(Error::Unsupported(
                        "a picture without a colour filter array (LinearRaw)".into(),
                    ));
                }
                _ => others.push(meaning),
            }
        }
        Err(Error::Unsupported(format!(
            "a file without a raw picture (there are pictures of PhotometricInterpretation {others:?})"
        )))
    }
}

/// Reads a raw picture: what it says of itself, and its samples row by row, those outside the active area included.
///
/// Tables of linearization and black levels of rows and columns are applied. Samples of JPEG XL have 16 bits.
///
/// # Errors
/// Those of [`Error`].
pub fn read(bytes: &[u8]) -> Result<(Negative, Vec<u16>), Error> {
    read_up_to(bytes, MOST_SAMPLES)
}

/// As [`read`], with a limit of one's own.
///
/// # Errors
/// Those of [`Error`]; a picture of more samples is one of them.
pub fn read_up_to(bytes: &[u8], most_samples: usize) -> Result<(Negative, Vec<u16>), Error> {
    let directories = Directories::read(bytes)?;
    let directory = directories.raw()?;
    let first = directories.first;
    let mut picture = picture::Picture::read(&directory, most_samples)?;
    let colour = colour::read(&first, &directory)?;
    let opcodes = opcodes::read(&directory)?;
    let negative = shot::negative(&directories.tiff, &first, picture.raw, colour, opcodes)?;
    let mut samples = samples::read(directories.tiff, &directory, &picture)?;
    picture.linearize(&mut samples);
    let negative = Negative {
        raw: picture.raw,
        ..negative
    };
    Ok((negative, samples))
}

/// The largest JPEG picture of a file; none if it has none.
///
/// # Errors
/// Those of [`Error`], where directories cannot be read.
pub fn preview(bytes: &[u8]) -> Result<Option<Preview>, Error> {
    let directories = Directories::read(bytes)?;
    let mut found: Option<(Frame, &[u8])> = None;
    for directory in &directories.all {
        let Some(jpeg) = jpeg(bytes, directory)? else {
            continue;
        };
        let Some(frame) = Frame::of(jpeg) else {
            continue;
        };
        let size = |frame: &Frame| frame.width * frame.height;
        if found.is_none_or(|(other, _)| size(&other) < size(&frame)) {
            found = Some((frame, jpeg));
        }
    }
    Ok(found.map(|(frame, jpeg)| Preview {
        jpeg: jpeg.to_vec(),
        width: frame.width,
        height: frame.height,
    }))
}

/// The stream of a picture that is one whole JPEG.
fn jpeg<'a>(bytes: &'a [u8], directory: &Directory<'_>) -> Result<Option<&'a [u8]>, Error> {
    let meaning = directory.one(PHOTOMETRIC_INTERPRETATION)?;
    let compression = directory.one(COMPRESSION)?;
    if meaning == Some(tags::COLOUR_FILTER_ARRAY)
        || !matches!(compression, Some(tags::JPEG | tags::OLD_JPEG))
    {
        return Ok(None);
    }
    for (offsets, lengths) in [
        (STRIP_OFFSETS, STRIP_BYTE_COUNTS),
        (TILE_OFFSETS, TILE_BYTE_COUNTS),
        (JPEG_OFFSET, JPEG_LENGTH),
    ] {
        let (offsets, lengths) = (directory.whole(offsets)?, directory.whole(lengths)?);
        let (Some([offset]), Some([length])) = (offsets.as_deref(), lengths.as_deref()) else {
            continue;
        };
        let (offset, length) = (*offset as usize, *length as usize);
        let range = offset..offset.saturating_add(length);
        return match bytes.get(range) {
            Some(jpeg) => Ok(Some(jpeg)),
            None => Err(Error::Ends {
                what: "a preview".into(),
                offset,
            }),
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
