//! A picture in tiles, each of which is compressed alone.

use super::Error;
use crate::demosaic::Mosaic;
use crate::dng::jxl;
use crate::dng::negative::Raw;
use crate::dng::tags;
use crate::lossless_jpeg::{self, Tile};

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are, without gaps between bits.
    None,
    /// Lossless JPEG, which every reader of DNG knows.
    LosslessJpeg,
    /// Lossless JPEG XL, which came with DNG 1.7: smaller and slower.
    JpegXl,
}

impl Compression {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::None => tags::UNCOMPRESSED,
            Self::LosslessJpeg => tags::JPEG,
            Self::JpegXl => tags::JPEG_XL,
        }
    }

    /// Bits of a sample as a file calls them.
    pub(super) const fn bits(self, bits: u8) -> u8 {
        match self {
            // Readers take JPEG XL's samples as words.
            Self::JpegXl => 16,
            _ => bits,
        }
    }
}

/// Sides of a tile must be multiples of this (TIFF 6.0, section 15).
const STEP: usize = 16;
/// About what a tile's sides are.
const SIDE: usize = 512;

/// Tiles over a picture, row by row; or strips, where samples are stored as they are: raw converters by dcraw's example
/// read those only from strips that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Width and height of a tile.
    pub(super) tile: [usize; 2],
    /// In a row, and rows.
    tiles: [usize; 2],
    /// Strips end with the picture, tiles may hang over.
    pub(super) are_strips: bool,
}

impl Grid {
    pub(super) fn of(raw: &Raw, compression: Compression) -> Self {
        let are_strips = compression == Compression::None;
        let tile = if are_strips {
            // An even number of rows has an even number of bytes.
            let rows = (SIDE * SIDE / raw.width).next_multiple_of(2);
            [raw.width, rows.clamp(2, raw.height)]
        } else {
            [raw.width, raw.height].map(side)
        };
        let tiles = [raw.width.div_ceil(tile[0]), raw.height.div_ceil(tile[1])];
        Self {
            tile,
            tiles,
            are_strips,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    /// First column and row of a tile.
    fn place(&self, index: usize) -> [usize; 2] {
        let [across, _] = self.tiles;
        [index % across * self.tile[0], index / across * self.tile[1]]
    }
}

/// A side near [`SIDE`] with which little of the last tile hangs over, never longer than the picture: readers by dcraw's
/// example end rows of such a tile with the picture's.
fn side(length: usize) -> usize {
    let tiles = (length + SIDE / 2) / SIDE;
    let side = |tiles: usize| length.div_ceil(tiles).next_multiple_of(STEP);
    let side_of_some = side(tiles.max(1));
    if side_of_some <= length {
        side_of_some
    } else {
        side(tiles.max(1) + 1)
    }
}

/// Encodes tiles one after the other; what it needs it keeps. Each thread that encodes has one of its own.
#[derive(Debug, Default)]
pub struct TileEncoder {
    jpeg: lossless_jpeg::Encoder,
    jxl: jxl::Encoder,
    tile: Vec<u16>,
}

impl TileEncoder {
    /// Appends a tile of samples of so many bits, and returns how many bytes it has.
    pub(super) fn encode(
        &mut self,
        mosaic: &Mosaic<'_>,
        grid: &Grid,
        index: usize,
        (bits, compression): (u8, Compression),
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        let begin = out.len();
        let [left, top] = grid.place(index);
        let [width, height] = grid.tile;
        let height = match grid.are_strips {
            true => height.min(mosaic.height - top),
            false => height,
        };
        if compression == Compression::JpegXl {
            interleaved(mosaic, [left, top], [width, height], &mut self.tile);
            let place = |row, column| {
                [
                    fields(top + row, mosaic.height),
                    fields(left + column, mosaic.width),
                ]
            };
            check(&self.tile, width, width, bits, place)?;
            self.jxl.encode(&self.tile, grid.tile, bits, out);
            return Ok(out.len() - begin);
        }
        let is_inside = left + width <= mosaic.width && top + height <= mosaic.height;
        let (samples, stride) = if is_inside {
            (&mosaic.samples[top * mosaic.stride + left..], mosaic.stride)
        } else {
            filled_up(mosaic, [left, top], [width, height], &mut self.tile);
            (&self.tile[..], width)
        };
        let samples = &samples[..(height - 1) * stride + width];
        check(samples, stride, width, bits, |row, column| {
            [top + row, left + column]
        })?;
        let tile = Tile {
            samples,
            stride,
            width,
            height,
            bits,
        };
        match compression {
            Compression::LosslessJpeg => self.jpeg.encode(&tile, out),
            _ => pack(&tile, out),
        }
        Ok(out.len() - begin)
    }
}

/// That no sample is larger than its bits can say, which the encoders rely on. `place` tells a sample's row and column.
fn check(
    samples: &[u16],
    stride: usize,
    width: usize,
    bits: u8,
    place: impl Fn(usize, usize) -> [usize; 2],
) -> Result<(), Error> {
    let most = u16::MAX >> (16 - bits);
    for (y, row) in samples.chunks(stride).enumerate() {
        let row = &row[..width];
        // All of them together have a bit too much if one of them has.
        if row.iter().fold(0, |all, sample| all | sample) > most {
            let x = row.iter().position(|sample| *sample > most).unwrap_or(0);
            let [row, column] = place(y, x);
            let value = samples[y * stride + x];
            return Err(Error::Sample {
                row,
                column,
                value,
                bits,
            });
        }
    }
    Ok(())
}

/// Copies a tile that hangs over the picture's edges. Beyond them is what is inside, so that colours stay in their places
/// and differences are small.
fn filled_up(
    mosaic: &Mosaic<'_>,
    [left, top]: [usize; 2],
    [width, height]: [usize; 2],
    tile: &mut Vec<u16>,
) {
    tile.resize(width * height, 0);
    let (rows, columns) = (mosaic.height - top, mosaic.width - left);
    // The column two before the edge, or the only one that there is.
    let inside = |index: usize, count: usize| match index.checked_sub(count) {
        None => index,
        Some(beyond) => count - 2.min(count) + beyond % 2.min(count),
    };
    for (y, row) in tile.chunks_exact_mut(width).enumerate() {
        let from = &mosaic.samples[(top + inside(y, rows)) * mosaic.stride + left..];
        let whole = columns.min(width);
        row[..whole].copy_from_slice(&from[..whole]);
        for x in whole..width {
            row[x] = from[inside(x, columns)];
        }
    }
}

/// The row or column that stands at this place when even ones come before odd ones.
fn fields(index: usize, count: usize) -> usize {
    let even = count.div_ceil(2);
    match index.checked_sub(even) {
        None => 2 * index,
        Some(odd) => (2 * odd + 1).min(count - 1),
    }
}

/// Copies a tile of the picture that has even rows before odd ones, and even columns before odd ones, so that neighbours
/// have one colour (`RowInterleaveFactor` and `ColumnInterleaveFactor` of 2).
fn interleaved(
    mosaic: &Mosaic<'_>,
    [left, top]: [usize; 2],
    [width, height]: [usize; 2],
    tile: &mut Vec<u16>,
) {
    tile.resize(width * height, 0);
    let even = mosaic.width.div_ceil(2);
    let evens = even.saturating_sub(left).min(width);
    // The first odd column of the tile, among odd ones.
    let odd = (left + evens).saturating_sub(even);
    for (y, row) in tile.chunks_exact_mut(width).enumerate() {
        let from = fields(top + y, mosaic.height) * mosaic.stride;
        let from = &mosaic.samples[from..from + mosaic.width];
        let (pairs, rest) = from.as_chunks();
        let (even_part, odd_part) = row.split_at_mut(evens);
        let evens = pairs
            .get(left..)
            .unwrap_or(&[])
            .iter()
            .map(|[even, _]| *even);
        for (to, sample) in even_part.iter_mut().zip(evens.chain(rest.iter().copied())) {
            *to = sample;
        }
        let odds = pairs.get(odd..).unwrap_or(&[]);
        for (to, [_, sample]) in odd_part.iter_mut().zip(odds) {
            *to = *sample;
        }
        // Beyond the edge.
        let last = pairs.last().map_or(0, |[_, sample]| *sample);
        odd_part
            .iter_mut()
            .skip(odds.len())
            .for_each(|to| *to = last);
    }
}

/// Samples without gaps, the most significant bit first; those of 16 bits in the file's order of bytes (TIFF 6.0,
/// section 14 and DNG 1.7.1.0, `BitsPerSample`).
fn pack(tile: &Tile<'_>, out: &mut Vec<u8>) {
    for row in tile.samples.chunks(tile.stride) {
        let row = &row[..tile.width];
        if tile.bits == 16 {
            out.extend(row.iter().flat_map(|sample| sample.to_le_bytes()));
            continue;
        }
        let (mut held, mut count) = (0u32, 0);
        for sample in row {
            held = held << tile.bits | u32::from(*sample);
            count += tile.bits;
            while count >= 8 {
                count -= 8;
                out.push((held >> count) as u8);
            }
        }
        // Rows end with a byte.
        if count > 0 {
            out.push((held << (8 - count)) as u8);
        }
    }
}
