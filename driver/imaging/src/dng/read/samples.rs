//! Tiles and strips to samples.

use super::Error;
use super::picture::{Parts, Picture};
use super::tiff::{Directory, Order, Tiff};
use crate::dng::tags::*;
use crate::dng::{jxl, tags};
use crate::lossless_jpeg;

/// Decodes all samples, row by row.
pub(super) fn read(
    tiff: Tiff<'_>,
    directory: &Directory<'_>,
    picture: &Picture,
) -> Result<Vec<u16>, Error> {
    let decode = match picture.compression {
        tags::UNCOMPRESSED => unpacked,
        tags::JPEG => jpeg,
        tags::JPEG_XL => jpeg_xl,
        other => return Err(Error::Unsupported(format!("Compression {other}"))),
    };
    let (width, height) = (picture.raw.width, picture.raw.height);
    let parts = picture.parts;
    let across = width.div_ceil(parts.width);
    let count = across * height.div_ceil(parts.height);
    let stored = stored(tiff, directory, &parts, count)?;
    // What every compression needs at least: a bit for a sample, but for JPEG XL.
    let bytes: usize = stored.iter().map(|(_, bytes)| bytes.len()).sum();
    if picture.compression != tags::JPEG_XL && bytes.saturating_mul(8) < width * height {
        return Err(Error::Ends {
            what: format!("{width} x {height} samples"),
            offset: tiff.bytes.len(),
        });
    }
    let mut samples = vec![0; width * height];
    for (index, (offset, bytes)) in stored.into_iter().enumerate() {
        let [left, top] = [index % across * parts.width, index / across * parts.height];
        // Strips end with the picture.
        let rows = match parts.are_strips {
            true => parts.height.min(height - top),
            false => parts.height,
        };
        let size = [parts.width, rows];
        let part = decode(bytes, size, picture.stored_bits, tiff.order);
        let part = part.map_err(|reason| Error::Part {
            index,
            offset,
            reason,
        })?;
        let columns = parts.width.min(width - left);
        let rows = part.chunks_exact(parts.width).take(height - top);
        for (y, row) in rows.enumerate() {
            let to = (top + y) * width + left;
            samples[to..to + columns].copy_from_slice(&row[..columns]);
        }
    }
    Ok(fields_together(
        samples,
        [width, height],
        picture.interleaved,
    ))
}

/// Each part's offset and bytes.
fn stored<'a>(
    tiff: Tiff<'a>,
    directory: &Directory<'_>,
    parts: &Parts,
    count: usize,
) -> Result<Vec<(usize, &'a [u8])>, Error> {
    let (offsets_tag, lengths_tag) = match parts.are_strips {
        true => (STRIP_OFFSETS, STRIP_BYTE_COUNTS),
        false => (TILE_OFFSETS, TILE_BYTE_COUNTS),
    };
    let values = |tag: Tag| {
        let Some(field) = directory.field(tag)? else {
            return Err(Error::Missing {
                tag: tag.1,
                offset: directory.offset,
            });
        };
        let values = directory.whole(tag)?.unwrap_or_default();
        if values.len() != count {
            return Err(field.wrong(format!("{} values for {count} parts", values.len())));
        }
        Ok(values)
    };
    let mut stored = Vec::new();
    let mut all = 0usize;
    for (index, (offset, length)) in values(offsets_tag)?
        .into_iter()
        .zip(values(lengths_tag)?)
        .enumerate()
    {
        let (offset, length) = (offset as usize, length as usize);
        let wrong = |reason: &str| Error::Part {
            index,
            offset,
            reason: format!("{length} bytes {reason} at {}", tiff.bytes.len()),
        };
        let range = offset..offset.saturating_add(length);
        let bytes = tiff
            .bytes
            .get(range)
            .ok_or_else(|| wrong("end beyond the file's end"))?;
        // A small file that names the same bytes again and again would keep us busy for long.
        all += length;
        if all > tiff.bytes.len() {
            return Err(wrong(
                "and those before it are more than the file has, which ends",
            ));
        }
        stored.push((offset, bytes));
    }
    Ok(stored)
}

/// Samples without gaps, rows at whole bytes.
fn unpacked(
    bytes: &[u8],
    [width, height]: [usize; 2],
    bits: u8,
    order: Order,
) -> Result<Vec<u16>, String> {
    let row_bytes = (width * usize::from(bits)).div_ceil(8);
    if bytes.len() < row_bytes * height {
        return Err(format!(
            "{} bytes instead of {} for {width} x {height} samples of {bits} bits",
            bytes.len(),
            row_bytes * height
        ));
    }
    let mut samples = Vec::with_capacity(width * height);
    for row in bytes.chunks_exact(row_bytes).take(height) {
        match bits {
            8 => samples.extend(row.iter().map(|byte| u16::from(*byte))),
            16 => samples.extend(row.as_chunks().0.iter().map(|word| order.short(*word))),
            _ => unpack_row(row, width, bits, &mut samples),
        }
    }
    Ok(samples)
}

/// The most significant bit comes first, in whatever order bytes of numbers are.
fn unpack_row(row: &[u8], width: usize, bits: u8, samples: &mut Vec<u16>) {
    let (mut held, mut count) = (0u32, 0);
    let mut bytes = row.iter();
    for _ in 0..width {
        while count < bits {
            held = held << 8 | bytes.next().map_or(0, |byte| u32::from(*byte));
            count += 8;
        }
        count -= bits;
        samples.push((held >> count) as u16 & (u16::MAX >> (16 - bits)));
    }
}

/// Lossless JPEG. Its shape may be another one: samples fill the part in the order in which they come; where there are
/// more rows and columns than the part has, those are left out.
fn jpeg(bytes: &[u8], [width, height]: [usize; 2], _: u8, _: Order) -> Result<Vec<u16>, String> {
    /// How much larger a JPEG may be than its part.
    const LARGER: usize = 2;
    let most = LARGER * width * height;
    let decoded = lossless_jpeg::decode(bytes, most).map_err(|error| error.to_string())?;
    let (columns, rows) = (decoded.width, decoded.height);
    let mut samples = decoded.samples;
    if samples.len() == width * height {
        return Ok(samples);
    }
    if columns < width || rows < height {
        return Err(format!(
            "{columns} x {rows} samples instead of {width} x {height}"
        ));
    }
    for y in 1..height {
        samples.copy_within(y * columns..y * columns + width, y * width);
    }
    samples.truncate(width * height);
    Ok(samples)
}

fn jpeg_xl(bytes: &[u8], size: [usize; 2], _: u8, _: Order) -> Result<Vec<u16>, String> {
    jxl::decode(bytes, size)
}

/// Puts rows and columns in their places that are stored field after field (`RowInterleaveFactor`,
/// `ColumnInterleaveFactor`).
fn fields_together(
    samples: Vec<u16>,
    [width, height]: [usize; 2],
    factors: [usize; 2],
) -> Vec<u16> {
    if factors == [1, 1] {
        return samples;
    }
    /// Where each row or column belongs.
    fn places(count: usize, factor: usize) -> Vec<usize> {
        (0..factor.min(count))
            .flat_map(|field| (field..count).step_by(factor))
            .collect()
    }
    let (columns, rows) = (places(width, factors[0]), places(height, factors[1]));
    let mut together = vec![0; samples.len()];
    for (row, y) in samples.chunks_exact(width).zip(rows) {
        let to = &mut together[y * width..][..width];
        for (sample, x) in row.iter().zip(&columns) {
            to[*x] = *sample;
        }
    }
    together
}
