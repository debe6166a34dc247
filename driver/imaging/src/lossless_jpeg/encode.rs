//! Tiles to lossless JPEG.
//!
//! Neighbours of one colour are two samples apart in a colour filter array. So a tile is described as a picture of two
//! components and of two of its rows each: then what T.81 calls the sample to the left and the one above have the same
//! colour, and their mean (predictor 7) is the best guess where there is noise. Readers of DNG fill tiles with samples
//! in the order in which they come and do not mind.

use super::huffman::{CATEGORIES, LONGEST, Lengths};
use super::{DHT, EOI, SOF3, SOI, SOS};

/// The mean of left and above.
const PREDICTOR: u8 = 7;
const COMPONENTS: usize = 2;
/// Rows of the tile in one of the picture.
const FOLD: usize = 2;
/// Frequencies are counted in one of so many rows.
const COUNTED: usize = 8;
/// Differences whose code is looked up with the bits behind it: these and their negatives.
const COMMON: usize = 2048;
/// Most bits of one difference: a code and its bits.
const MOST: usize = LONGEST + CATEGORIES - 1;

/// Samples to encode: rows of a larger picture.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// From the first sample on, the last row perhaps not to the stride's end.
    pub samples: &'a [u16],
    /// Samples from one row to the next.
    pub stride: usize,
    /// Samples in a row: even, 65534 at most.
    pub width: usize,
    /// Rows: even, 131070 at most.
    pub height: usize,
    /// Bits of a sample, 2 to 16; none is larger than they can say.
    pub bits: u8,
}

impl Tile<'_> {
    fn is_sound(&self) -> bool {
        let even =
            |value: usize, most: usize| value > 0 && value.is_multiple_of(2) && value <= most;
        let last = (self.height - 1).checked_mul(self.stride);
        even(self.width, 65_534)
            && even(self.height, 131_070)
            && (2..=16).contains(&self.bits)
            && self.stride >= self.width
            && last.is_some_and(|last| self.samples.len() - self.width >= last)
    }

    /// Copies row `y` of the picture, which is two of the tile.
    fn row(&self, y: usize, row: &mut [u16]) {
        for (part, into) in row.chunks_exact_mut(self.width).enumerate() {
            let begin = (FOLD * y + part) * self.stride;
            into.copy_from_slice(&self.samples[begin..begin + self.width]);
        }
    }
}

/// Encodes tiles one after the other; what it needs it keeps.
#[derive(Debug)]
pub struct Encoder {
    row: Vec<u16>,
    above: Vec<u16>,
    differences: Vec<i16>,
    /// Code and bits of common differences, and how many bits that are.
    common: Box<[(u32, u8); 2 * COMMON]>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            row: Vec::new(),
            above: Vec::new(),
            differences: Vec::new(),
            common: Box::new([(0, 0); 2 * COMMON]),
        }
    }
}

impl Encoder {
    /// Appends a tile as a whole JPEG stream.
    ///
    /// # Panics
    /// When the tile is not as [`Tile`] says.
    pub fn encode(&mut self, tile: &Tile<'_>, out: &mut Vec<u8>) {
        assert!(tile.is_sound(), "no such tile");
        let length = FOLD * tile.width;
        self.row.resize(length, 0);
        self.above.resize(length, 0);
        self.differences.resize(length, 0);
        let lengths = Lengths::optimal(&self.frequencies(tile));
        let codes = lengths.codes();
        for (index, entry) in self.common.iter_mut().enumerate() {
            *entry = coded(&codes, (index as i32 - COMMON as i32) as i16);
        }
        header(tile, &lengths, out);
        let mut bits = Bits::default();
        for y in 0..tile.height / FOLD {
            self.differences(tile, y);
            bits.write(&self.differences, &self.common, &codes, out);
        }
        bits.end(out);
        out.extend([0xff, EOI]);
    }

    /// How often each category occurs, from a part of the rows; every one that can occur does at least once.
    fn frequencies(&mut self, tile: &Tile<'_>) -> [u32; CATEGORIES] {
        let mut frequencies = [0; CATEGORIES];
        frequencies[..=usize::from(tile.bits)].fill(1);
        for y in (0..tile.height / FOLD).step_by(COUNTED) {
            if y > 0 {
                let mut above = std::mem::take(&mut self.row);
                tile.row(y - 1, &mut above);
                self.row = above;
            }
            self.differences(tile, y);
            for difference in &self.differences {
                frequencies[category(*difference)] += 1;
            }
        }
        frequencies
    }

    /// Differences of a row from what is predicted. The row before it is in `row`.
    fn differences(&mut self, tile: &Tile<'_>, y: usize) {
        std::mem::swap(&mut self.row, &mut self.above);
        tile.row(y, &mut self.row);
        let (row, above) = (&self.row[..], &self.above[..]);
        let (first, rest) = self.differences.split_at_mut(COMPONENTS);
        for (index, difference) in first.iter_mut().enumerate() {
            let predicted = match y {
                0 => 1 << (tile.bits - 1),
                _ => above[index],
            };
            *difference = row[index].wrapping_sub(predicted).cast_signed();
        }
        let left = row.iter();
        let current = row[COMPONENTS..].iter();
        if y == 0 {
            for ((difference, value), left) in rest.iter_mut().zip(current).zip(left) {
                *difference = value.wrapping_sub(*left).cast_signed();
            }
        } else {
            let above = above[COMPONENTS..].iter();
            let all = rest.iter_mut().zip(current).zip(left).zip(above);
            for (((difference, value), left), above) in all {
                let mean = (left & above) + ((left ^ above) >> 1);
                *difference = value.wrapping_sub(mean).cast_signed();
            }
        }
    }
}

/// Bits that a difference needs.
fn category(difference: i16) -> usize {
    (16 - difference.unsigned_abs().leading_zeros()) as usize
}

/// Code and bits of a difference, and how many bits that are.
fn coded(codes: &[(u16, u8); CATEGORIES], difference: i16) -> (u32, u8) {
    let category = category(difference);
    let (code, length) = codes[category];
    // T.81 H.1.2.2: negative ones less one; of 32768 nothing but the code.
    let behind = if category == 16 { 0 } else { category };
    let value = i32::from(difference) - i32::from(difference < 0);
    let mask = (1u32 << behind) - 1;
    let bits = u32::from(code) << behind | (value.cast_unsigned() & mask);
    (bits, length + behind as u8)
}

fn header(tile: &Tile<'_>, lengths: &Lengths, out: &mut Vec<u8>) {
    let two = |value: usize| (value as u16).to_be_bytes();
    out.extend([0xff, SOI, 0xff, SOF3]);
    out.extend(two(8 + 3 * COMPONENTS));
    out.push(tile.bits);
    out.extend(two(tile.height / FOLD));
    out.extend(two(FOLD * tile.width / COMPONENTS));
    out.push(COMPONENTS as u8);
    for component in 0..COMPONENTS {
        out.extend([component as u8, 0x11, 0]);
    }
    out.extend([0xff, DHT]);
    out.extend(two(2 + 1 + LONGEST + lengths.categories.len()));
    out.push(0);
    out.extend(lengths.counts);
    out.extend(&lengths.categories);
    out.extend([0xff, SOS]);
    out.extend(two(6 + 2 * COMPONENTS));
    out.push(COMPONENTS as u8);
    for component in 0..COMPONENTS {
        out.extend([component as u8, 0]);
    }
    out.extend([PREDICTOR, 0, 0]);
}

/// Bits on their way out.
#[derive(Default)]
struct Bits {
    /// The last ones at the bottom.
    held: u64,
    count: u32,
}

impl Bits {
    fn write(
        &mut self,
        differences: &[i16],
        common: &[(u32, u8); 2 * COMMON],
        codes: &[(u16, u8); CATEGORIES],
        out: &mut Vec<u8>,
    ) {
        // Every byte may be one that another follows.
        let begin = out.len();
        out.resize(begin + 2 * (differences.len() * MOST).div_ceil(8) + 8, 0);
        let mut position = begin;
        for difference in differences {
            let index = (i32::from(*difference) + COMMON as i32) as usize;
            let (bits, length) = match common.get(index) {
                Some(entry) => *entry,
                None => coded(codes, *difference),
            };
            self.held = self.held << length | u64::from(bits);
            self.count += u32::from(length);
            if self.count >= 32 {
                self.count -= 32;
                let word = (self.held >> self.count) as u32;
                if has_ones(word) {
                    for byte in word.to_be_bytes() {
                        out[position] = byte;
                        // What lies there is 0.
                        position += 1 + usize::from(byte == 0xff);
                    }
                } else {
                    out[position..position + 4].copy_from_slice(&word.to_be_bytes());
                    position += 4;
                }
            }
        }
        out.truncate(position);
    }

    /// The last bits, filled up with ones.
    fn end(self, out: &mut Vec<u8>) {
        let rest = self.count.next_multiple_of(8);
        let ones = (1u64 << (rest - self.count)) - 1;
        let held = self.held << (rest - self.count) | ones;
        for shift in (0..rest).step_by(8).rev() {
            let byte = (held >> shift) as u8;
            out.push(byte);
            if byte == 0xff {
                out.push(0);
            }
        }
    }
}

/// Whether one of the four bytes is 255.
fn has_ones(word: u32) -> bool {
    (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0
}
