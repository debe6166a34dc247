//! How samples lie in a file, and what they mean.

use super::Error;
use super::tiff::Directory;
use crate::demosaic::Pattern;
use crate::dng::negative::Raw;
use crate::dng::tags::*;

/// A picture that is about to be decoded.
pub(super) struct Picture {
    /// As it is once it is linear.
    pub(super) raw: Raw,
    /// Bits of a sample as they are stored.
    pub(super) stored_bits: u8,
    pub(super) compression: u32,
    pub(super) parts: Parts,
    /// Rows are those of fields that follow each other, and so are columns.
    pub(super) interleaved: [usize; 2],
    /// What a stored sample means, if not itself.
    table: Vec<u16>,
    /// What is taken off a column, and off a row.
    delta_columns: Vec<f64>,
    delta_rows: Vec<f64>,
}

/// Tiles or strips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) width: usize,
    pub(super) height: usize,
    /// A strip ends with the picture, a tile does not.
    pub(super) are_strips: bool,
}

impl Picture {
    pub(super) fn read(directory: &Directory<'_>, most: usize) -> Result<Self, Error> {
        let required = |tag: Tag| {
            directory.one(tag)?.ok_or(Error::Missing {
                tag: tag.1,
                offset: directory.offset,
            })
        };
        let width = required(IMAGE_WIDTH)? as usize;
        let height = required(IMAGE_LENGTH)? as usize;
        let samples = width.checked_mul(height);
        if samples.is_none_or(|samples| samples == 0 || samples > most) {
            let reason = format!("{width} x {height} samples are none, or more than {most}");
            return Err(wrong(directory, IMAGE_WIDTH, reason));
        }
        only(directory, SAMPLES_PER_PIXEL, 1)?;
        only(directory, SAMPLE_FORMAT, 1)?;
        only(directory, PREDICTOR, 1)?;
        only(directory, CFA_LAYOUT, 1)?;
        let bits = required(BITS_PER_SAMPLE)?;
        if !(8..=16).contains(&bits) {
            return Err(Error::Unsupported(format!(
                "a picture of {bits} bits a sample"
            )));
        }
        let stored_bits = bits as u8;
        let table = table(directory)?;
        let bits = match &table[..] {
            [] => stored_bits,
            table => {
                let most = table.iter().copied().max().unwrap_or(0);
                (16 - most.leading_zeros() as u8).max(8)
            }
        };
        let active = active(directory, [height, width])?;
        let white = white(directory, bits)?;
        let size = [active[2] - active[0], active[3] - active[1]];
        let delta = |tag, count| delta(directory, tag, count);
        Ok(Self {
            raw: Raw {
                width,
                height,
                pattern: pattern(directory)?,
                bits,
                black: black(directory, white)?,
                white,
                active,
            },
            stored_bits,
            compression: required(COMPRESSION)?,
            parts: parts(directory, [width, height])?,
            interleaved: interleaved(directory)?,
            table,
            delta_columns: delta(BLACK_LEVEL_DELTA_H, size[1])?,
            delta_rows: delta(BLACK_LEVEL_DELTA_V, size[0])?,
        })
    }

    /// Stored samples to linear ones: the table, then the differences of black in rows and columns (DNG 1.7.1.0, chapter
    /// 5), rounded to whole levels.
    pub(super) fn linearize(&mut self, samples: &mut [u16]) {
        if let Some(last) = self.table.last() {
            for sample in &mut *samples {
                *sample = *self.table.get(usize::from(*sample)).unwrap_or(last);
            }
        }
        if self.delta_columns.is_empty() && self.delta_rows.is_empty() {
            return;
        }
        let [top, left, bottom, right] = self.raw.active;
        for y in top..bottom {
            let row = &mut samples[y * self.raw.width..][left..right];
            let of_row = self.delta_rows.get(y - top).copied().unwrap_or(0.0);
            for (x, sample) in row.iter_mut().enumerate() {
                let of_column = self.delta_columns.get(x).copied().unwrap_or(0.0);
                // Out of range becomes the nearest that is within.
                *sample = (f64::from(*sample) - of_row - of_column).round() as u16;
            }
        }
    }
}

fn wrong(directory: &Directory<'_>, tag: Tag, reason: String) -> Error {
    match directory.field(tag) {
        Ok(Some(field)) => field.wrong(reason),
        _ => Error::Field {
            tag: tag.1,
            offset: directory.offset,
            reason,
        },
    }
}

/// That a field has the one value that we read.
fn only(directory: &Directory<'_>, tag: Tag, expected: u32) -> Result<(), Error> {
    match directory.one(tag)? {
        Some(value) if value != expected => Err(Error::Unsupported(format!("{} {value}", tag.1))),
        _ => Ok(()),
    }
}

fn table(directory: &Directory<'_>) -> Result<Vec<u16>, Error> {
    let table = directory.whole(LINEARIZATION_TABLE)?.unwrap_or_default();
    let table = table.into_iter().map(u16::try_from);
    table.collect::<Result<_, _>>().map_err(|_| {
        wrong(
            directory,
            LINEARIZATION_TABLE,
            "values of more than 16 bits".into(),
        )
    })
}

fn parts(directory: &Directory<'_>, [width, height]: [usize; 2]) -> Result<Parts, Error> {
    /// Sides of a tile may be longer than the picture's, but no more than this.
    const LONGEST: usize = 1 << 16;
    let tile = (directory.one(TILE_WIDTH)?, directory.one(TILE_LENGTH)?);
    if let (Some(columns), Some(rows)) = tile {
        let (columns, rows) = (columns as usize, rows as usize);
        let area = |width: usize, height: usize| width as u64 * height as u64;
        let is_side = |side: usize, length: usize| (1..=length.max(LONGEST)).contains(&side);
        // A tile that is much larger than the picture would take memory for nothing.
        let is_sound = is_side(columns, width)
            && is_side(rows, height)
            && area(columns, rows) <= 4 * area(width.max(256), height.max(256));
        if !is_sound {
            let reason = format!("tiles of {columns} x {rows} for {width} x {height} samples");
            return Err(wrong(directory, TILE_WIDTH, reason));
        }
        return Ok(Parts {
            width: columns,
            height: rows,
            are_strips: false,
        });
    }
    // Without the field there is one strip.
    let rows = directory.one(ROWS_PER_STRIP)?.unwrap_or(u32::MAX) as usize;
    if rows == 0 {
        return Err(wrong(
            directory,
            ROWS_PER_STRIP,
            "strips without rows".into(),
        ));
    }
    Ok(Parts {
        width,
        height: rows.min(height),
        are_strips: true,
    })
}

fn interleaved(directory: &Directory<'_>) -> Result<[usize; 2], Error> {
    let factor = |tag: Tag| match directory.one(tag)? {
        Some(0) => Err(wrong(directory, tag, "0".into())),
        factor => Ok(factor.unwrap_or(1) as usize),
    };
    Ok([
        factor(COLUMN_INTERLEAVE_FACTOR)?,
        factor(ROW_INTERLEAVE_FACTOR)?,
    ])
}

fn active(directory: &Directory<'_>, [height, width]: [usize; 2]) -> Result<[usize; 4], Error> {
    let Some(area) = directory.whole(ACTIVE_AREA)? else {
        return Ok([0, 0, height, width]);
    };
    let [top, left, bottom, right] = area[..] else {
        let reason = format!("{} values instead of 4", area.len());
        return Err(wrong(directory, ACTIVE_AREA, reason));
    };
    let area = [top, left, bottom, right].map(|edge| edge as usize);
    let [top, left, bottom, right] = area;
    if top >= bottom || bottom > height || left >= right || right > width {
        let reason = format!(
            "rows {top}..{bottom} and columns {left}..{right} are no part of {width} x {height} samples"
        );
        return Err(wrong(directory, ACTIVE_AREA, reason));
    }
    Ok(area)
}

fn pattern(directory: &Directory<'_>) -> Result<Pattern, Error> {
    let unsupported = |what: String| Error::Unsupported(format!("a colour filter array of {what}"));
    let size = directory.whole(CFA_REPEAT_PATTERN_DIM)?;
    if size.as_deref().is_some_and(|size| size != [2, 2]) {
        return Err(unsupported(format!("{size:?} rows and columns")));
    }
    let planes = directory.whole(CFA_PLANE_COLOR)?;
    if planes.as_deref().is_some_and(|planes| planes != [0, 1, 2]) {
        return Err(unsupported(format!("the colours {planes:?}")));
    }
    match directory.whole(CFA_PATTERN)?.as_deref() {
        Some([0, 1, 1, 2]) => Ok(Pattern::Rggb),
        Some([1, 0, 2, 1]) => Ok(Pattern::Grbg),
        Some([1, 2, 0, 1]) => Ok(Pattern::Gbrg),
        Some([2, 1, 1, 0]) => Ok(Pattern::Bggr),
        Some(pattern) => Err(unsupported(format!("the pattern {pattern:?}"))),
        None => Err(Error::Missing {
            tag: CFA_PATTERN.1,
            offset: directory.offset,
        }),
    }
}

fn white(directory: &Directory<'_>, bits: u8) -> Result<u16, Error> {
    let most = u16::MAX >> (16 - bits);
    match directory.numbers(WHITE_LEVEL)?.as_deref() {
        None => Ok(most),
        Some([white, ..]) if *white >= 1.0 && *white <= f64::from(u16::MAX) => {
            Ok(white.round() as u16)
        }
        Some(white) => {
            let reason = format!("{white:?} is not between 1 and 65535");
            Err(wrong(directory, WHITE_LEVEL, reason))
        }
    }
}

/// Black of the first two rows and columns of the active area.
fn black(directory: &Directory<'_>, white: u16) -> Result<[f64; 4], Error> {
    let Some(black) = directory.numbers(BLACK_LEVEL)? else {
        return Ok([0.0; 4]);
    };
    let size = directory.whole(BLACK_LEVEL_REPEAT_DIM)?;
    let (rows, columns) = match size.as_deref() {
        None => (1, 1),
        Some([rows, columns]) if *rows > 0 && *columns > 0 => (*rows as usize, *columns as usize),
        Some(size) => {
            let reason = format!("{size:?} are no rows and columns");
            return Err(wrong(directory, BLACK_LEVEL_REPEAT_DIM, reason));
        }
    };
    if rows.checked_mul(columns) != Some(black.len()) {
        let reason = format!("{} values for {rows} x {columns}", black.len());
        return Err(wrong(directory, BLACK_LEVEL, reason));
    }
    let at = |row: usize, column: usize| black[row % rows * columns + column % columns];
    let result = [at(0, 0), at(0, 1), at(1, 0), at(1, 1)];
    // A larger pattern may still repeat after two.
    let repeats = (0..2 * rows.max(2)).all(|row| {
        (0..2 * columns.max(2)).all(|column| at(row, column) == result[row % 2 * 2 + column % 2])
    });
    if !repeats {
        return Err(Error::Unsupported(format!(
            "BlackLevel that repeats after {rows} rows and {columns} columns"
        )));
    }
    match result
        .iter()
        .find(|black| !(0.0..f64::from(white)).contains(*black))
    {
        Some(black) => {
            let reason = format!("{black} is not between 0 and white, {white}");
            Err(wrong(directory, BLACK_LEVEL, reason))
        }
        None => Ok(result),
    }
}

fn delta(directory: &Directory<'_>, tag: Tag, count: usize) -> Result<Vec<f64>, Error> {
    let Some(values) = directory.numbers(tag)? else {
        return Ok(Vec::new());
    };
    if values.len() != count {
        let reason = format!("{} values for {count}", values.len());
        return Err(wrong(directory, tag, reason));
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(wrong(directory, tag, format!("{value} is no number"))),
        None => Ok(values),
    }
}
