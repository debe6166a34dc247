//! Raw pictures to DNG files.
//!
//! A file's head, its directories with all that they hold, is prepared once; for a picture a few of its values are
//! written over, tiles are encoded behind it, and nothing is allocated once the buffers have grown. The raw picture is in
//! the first directory; where there is a preview, that is there and the raw picture in one below it.

mod check;
mod fields;
mod moment;
mod tiles;

pub use moment::Moment;
pub use tiles::{Compression, TileEncoder};

use super::ifd;
use super::negative::Negative;
use super::preview::Preview;
use super::read::tiff::{Directory, Tiff};
use super::tags::{
    EXIF_IFD, GPS_IFD, STRIP_BYTE_COUNTS, STRIP_OFFSETS, SUB_IFDS, TILE_BYTE_COUNTS, TILE_OFFSETS,
    Tag,
};
use crate::demosaic::{Mosaic, Pattern};
use fields::Directories;
use moment::Home;
use tiles::Grid;

/// Least samples in a row and least rows: a tile.
const NARROWEST: usize = 16;

/// Why a DNG is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value that no reader could make sense of.
    #[error("a DNG cannot be written: {field}: {reason}")]
    Value {
        /// The negative's field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Samples that are not as the negative says.
    #[error("a DNG cannot be written: {found}, but the negative has {expected}")]
    Mosaic {
        /// What the samples are.
        found: String,
        /// What they should be.
        expected: String,
    },
    /// A sample that is too large.
    #[error(
        "a DNG cannot be written: the sample in row {row}, column {column} is {value}, more than {bits} bits can say"
    )]
    Sample {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// What it is.
        value: u16,
        /// What the negative says.
        bits: u8,
    },
    /// A file has 4 GiB at most.
    #[error("a DNG cannot be written: {0}")]
    TooLarge(#[from] ifd::Error),
}

/// A file's head, ready for pictures of one negative.
#[derive(Debug)]
pub struct Template {
    negative: Negative,
    compression: Compression,
    preview: Option<Preview>,
    grid: Grid,
    /// Which values of the moment the head has.
    known: [bool; 5],
    head: Vec<u8>,
    /// Where its changing values are.
    places: Vec<(Home, Tag, usize)>,
    /// Where the tiles' offsets and lengths are.
    tiles: [usize; 2],
    encoder: TileEncoder,
}

impl Template {
    /// Prepares a head.
    ///
    /// # Errors
    /// [`Error::Value`] when the negative or the preview cannot be written, with the field's name.
    pub fn new(
        negative: &Negative,
        compression: Compression,
        preview: Option<Preview>,
    ) -> Result<Self, Error> {
        check::negative(negative)?;
        let mut template = Self {
            negative: negative.clone(),
            compression,
            preview,
            grid: Grid::of(&negative.raw, compression),
            known: [false; 5],
            head: Vec::new(),
            places: Vec::new(),
            tiles: [0; 2],
            encoder: TileEncoder::default(),
        };
        template.prepare(&Moment::of(negative))?;
        Ok(template)
    }

    /// Writes a file into `out`, whose content goes: the samples of `mosaic` as they were taken at `moment`.
    ///
    /// A moment of which other things are known than of the one before (a place, say) makes the head anew, which
    /// allocates.
    ///
    /// # Errors
    /// When the samples are not those of the negative, or the moment cannot be written. `out` is no file then.
    pub fn write(
        &mut self,
        mosaic: &Mosaic<'_>,
        moment: &Moment,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.set(moment)?;
        self.check(mosaic)?;
        out.clear();
        out.extend(&self.head);
        let how = (self.negative.raw.bits, self.compression);
        for index in 0..self.grid.count() {
            let offset = out.len();
            let length = append(&mut self.encoder, mosaic, &self.grid, index, how, out)?;
            self.place(index, [offset, length], out)?;
        }
        Ok(())
    }

    /// Tiles of a picture.
    pub fn tiles(&self) -> usize {
        self.grid.count()
    }

    /// Appends a tile, 0 to [`Self::tiles`], to `out`, for a caller that has several threads encode one picture. Returns
    /// its length; a byte more may follow it, so that the next one's offset is even.
    ///
    /// # Errors
    /// When the samples are not those of the negative.
    ///
    /// # Panics
    /// When there is no such tile.
    pub fn tile(
        &self,
        mosaic: &Mosaic<'_>,
        index: usize,
        encoder: &mut TileEncoder,
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        assert!(index < self.grid.count(), "there is no tile {index}");
        self.check(mosaic)?;
        let how = (self.negative.raw.bits, self.compression);
        append(encoder, mosaic, &self.grid, index, how, out)
    }

    /// Writes into `out`, whose content goes, what stands before all tiles: they are to follow in their order, as
    /// [`Self::tile`] appended them, and their `lengths` are what it returned.
    ///
    /// # Errors
    /// When the moment cannot be written, or the file gets too large.
    ///
    /// # Panics
    /// When there are not as many lengths as tiles.
    pub fn head(
        &mut self,
        moment: &Moment,
        lengths: &[usize],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        assert_eq!(lengths.len(), self.grid.count(), "lengths of other tiles");
        self.set(moment)?;
        out.clear();
        out.extend(&self.head);
        let mut offset = out.len();
        for (index, length) in lengths.iter().enumerate() {
            self.place(index, [offset, *length], out)?;
            offset += length.next_multiple_of(2);
        }
        Ok(())
    }

    /// Writes a tile's offset and length into the head.
    fn place(&self, index: usize, values: [usize; 2], out: &mut [u8]) -> Result<(), Error> {
        for (place, value) in self.tiles.into_iter().zip(values) {
            let value = u32::try_from(value).map_err(|_| ifd::Error::TooLarge)?;
            let place = place + 4 * index;
            out[place..place + 4].copy_from_slice(&value.to_le_bytes());
        }
        Ok(())
    }

    /// Writes a moment's values over those of the head.
    fn set(&mut self, moment: &Moment) -> Result<(), Error> {
        check::moment(moment)?;
        if moment.known() != self.known {
            return self.prepare(moment);
        }
        let Self { head, places, .. } = self;
        moment::each(moment, frame_rate(&self.negative), |home, tag, value| {
            let mut places = places.iter();
            let found = places.find(|place| (place.0, place.1) == (home, tag));
            if let Some((_, _, place)) = found {
                value.write(&mut head[*place..]);
            }
        });
        Ok(())
    }

    /// Makes the head anew.
    fn prepare(&mut self, moment: &Moment) -> Result<(), Error> {
        let Self {
            negative,
            compression,
            preview,
            grid,
            ..
        } = self;
        let mut directories = Directories::new(negative, grid, *compression, preview.as_ref())?;
        moment::set(moment, frame_rate(negative), &mut directories);
        self.head.clear();
        directories.write(&mut self.head)?;
        // Tiles begin at an even offset.
        if self.head.len() % 2 == 1 {
            self.head.push(0);
        }
        self.known = moment.known();
        self.find(moment)
            .expect("what was just written is found again");
        Ok(())
    }

    /// Finds what changes in the head.
    fn find(&mut self, moment: &Moment) -> Option<()> {
        let (tiff, first) = Tiff::new(&self.head).ok()?;
        let first = tiff.directory(first).ok()?;
        let below = |tag| {
            let offset = first.one(tag).ok()?? as usize;
            tiff.directory(offset).ok()
        };
        let raw = below(SUB_IFDS).unwrap_or(first);
        let place = |directory: Directory<'_>, tag| {
            let field = directory.field(tag).ok()??;
            Some(field.place)
        };
        let tags = match self.grid.are_strips {
            true => [STRIP_OFFSETS, STRIP_BYTE_COUNTS],
            false => [TILE_OFFSETS, TILE_BYTE_COUNTS],
        };
        self.tiles = [place(raw, tags[0])?, place(raw, tags[1])?];
        self.places.clear();
        let mut all = Some(());
        moment::each(moment, frame_rate(&self.negative), |home, tag, _| {
            let directory = match home {
                Home::First => Some(first),
                Home::Raw => Some(raw),
                Home::Exif => below(EXIF_IFD),
                Home::Gps => below(GPS_IFD),
            };
            match directory.and_then(|directory| place(directory, tag)) {
                Some(place) => self.places.push((home, tag, place)),
                None => all = None,
            }
        });
        all
    }

    fn check(&self, mosaic: &Mosaic<'_>) -> Result<(), Error> {
        let raw = &self.negative.raw;
        let wrong = |found: String, expected: String| Err(Error::Mosaic { found, expected });
        let size = |width, height| format!("{width} x {height} samples");
        if (mosaic.width, mosaic.height) != (raw.width, raw.height) {
            let found = size(mosaic.width, mosaic.height);
            return wrong(found, size(raw.width, raw.height));
        }
        let [top, left, ..] = raw.active;
        let [row, column] = mosaic.pattern.red();
        if [(row + top) % 2, (column + left) % 2] != raw.pattern.red() {
            return wrong(
                format!("the first filters are {:?}", mosaic.pattern),
                format!("{:?} from row {top}, column {left} on", raw.pattern),
            );
        }
        let needed = (raw.height - 1)
            .checked_mul(mosaic.stride)
            .and_then(|before| before.checked_add(raw.width));
        let is_there = needed.is_some_and(|needed| needed <= mosaic.samples.len());
        if !is_there || mosaic.stride < raw.width {
            let (count, stride) = (mosaic.samples.len(), mosaic.stride);
            let found = format!("there are {count} samples with rows {stride} apart");
            return wrong(found, size(raw.width, raw.height));
        }
        Ok(())
    }
}

/// Appends a tile and what makes its end even; returns its length.
fn append(
    encoder: &mut TileEncoder,
    mosaic: &Mosaic<'_>,
    grid: &Grid,
    index: usize,
    how: (u8, Compression),
    out: &mut Vec<u8>,
) -> Result<usize, Error> {
    let length = encoder.encode(mosaic, grid, index, how, out)?;
    if length % 2 == 1 {
        out.push(0);
    }
    Ok(length)
}

fn frame_rate(negative: &Negative) -> Option<f64> {
    negative.sequence.map(|sequence| sequence.frame_rate)
}

/// The filters of the first two rows and columns of all samples, where `pattern` is those of the active area.
pub fn pattern_of_all(negative: &Negative) -> Pattern {
    let [top, left, ..] = negative.raw.active;
    let [row, column] = negative.raw.pattern.red();
    match [(row + top) % 2, (column + left) % 2] {
        [0, 0] => Pattern::Rggb,
        [0, 1] => Pattern::Grbg,
        [1, 0] => Pattern::Gbrg,
        _ => Pattern::Bggr,
    }
}

#[cfg(test)]
mod tests;
