//! Samples to a JPEG XL codestream: one lossless modular frame of one grey channel.
//!
//! A sample is predicted by six neighbours (predictor `AvgAll`, H.5.2), of which noise averages out better than of the
//! usual two. Where it is brighter there is more noise, and where neighbours differ there are edges: the error has one of
//! eight prefix codes by its [`Contexts`].

use super::contexts::{self, CLUSTERS, Contexts};
use super::prefix::{Code, SYMBOLS};

/// Sides of a tile are smaller than this, so that it is one group (F.2, `group_size_shift` 3).
const LARGEST: usize = 1024;
/// An error up to `1 << EXACT` is a symbol; of a larger one, its length and the two bits behind its first one (C.2.3).
const EXACT: u32 = 5;
const MSB_IN_TOKEN: u32 = 2;
/// Errors whose bits are looked up at once.
const COMMON: usize = 1024;

/// Encodes tiles one after the other; what it needs it keeps.
#[derive(Debug, Default)]
pub(in crate::dng) struct Encoder {
    /// Errors, and the code of each above them.
    errors: Vec<u32>,
    looked_at: Vec<[u16; 3]>,
    section: Vec<u8>,
    /// Code and bits of common errors, and how many bits that are above them.
    common: Vec<[u32; COMMON]>,
}

/// Where the code stands in a word of errors, which have 17 bits at most; and where the number of bits does in a word
/// of common ones, which have 15 and 7.
const CLUSTER_SHIFT: u32 = 24;
const COUNT_SHIFT: u32 = 24;
const ERROR: u32 = (1 << CLUSTER_SHIFT) - 1;
const BITS: u32 = (1 << COUNT_SHIFT) - 1;

impl Encoder {
    /// Appends a tile of samples of so many bits as a whole codestream.
    pub(in crate::dng) fn encode(
        &mut self,
        samples: &[u16],
        [width, height]: [usize; 2],
        bits: u8,
        out: &mut Vec<u8>,
    ) {
        debug_assert!(width < LARGEST && height < LARGEST && samples.len() == width * height);
        let contexts = Contexts::of(samples, width, &mut self.looked_at);
        self.predict(samples, width, contexts);
        let mut frequencies = [[0u32; SYMBOLS]; CLUSTERS];
        let mut common = [[0u32; COMMON]; CLUSTERS];
        for error in &self.errors {
            let (cluster, error) = ((error >> CLUSTER_SHIFT) as usize, error & ERROR);
            match common[cluster].get_mut(error as usize) {
                Some(count) => *count += 1,
                None => frequencies[cluster][token(error).0 as usize] += 1,
            }
        }
        for (frequencies, common) in frequencies.iter_mut().zip(&common) {
            for (error, count) in (0..).zip(common) {
                frequencies[token(error).0 as usize] += count;
            }
        }
        // A cluster that does not occur has a code all the same.
        frequencies.iter_mut().for_each(|of| of[0] = of[0].max(1));
        let codes = frequencies.map(|frequencies| Code::new(&frequencies));
        self.section(&contexts, &codes);
        let mut head = Bits::default();
        image_header(width, height, bits, &mut head, out);
        frame_header(&mut head, out);
        size(self.section.len(), &mut head, out);
        head.end(out);
        out.extend(&self.section);
    }

    /// Errors of what neighbours predict, small ones of either sign as small numbers.
    fn predict(&mut self, samples: &[u16], width: usize, contexts: Contexts) {
        self.errors.resize(samples.len(), 0);
        for (y, errors) in self.errors.chunks_exact_mut(width).enumerate() {
            let row = &samples[y * width..][..width];
            let above = y.checked_sub(1).map(|y| &samples[y * width..][..width]);
            let over = y.checked_sub(2).map(|y| &samples[y * width..][..width]);
            let edge = |x: usize, errors: &mut [u32]| {
                let around = Around::at(row, above, over, x);
                errors[x] = around.error(row[x], &contexts);
            };
            let Some((above, over)) = above.map(|above| (above, over.unwrap_or(above))) else {
                (0..width).for_each(|x| edge(x, errors));
                continue;
            };
            // Away from the edges all neighbours are there.
            for x in [0, 1, width - 2, width - 1] {
                edge(x, errors);
            }
            let inside = width - 4;
            let errors = &mut errors[2..][..inside];
            let (left_left, left, row) = (&row[..inside], &row[1..][..inside], &row[2..][..inside]);
            let top_top = &over[2..][..inside];
            let [top_left, top, top_right, top_right_right] =
                [1, 2, 3, 4].map(|x| &above[x..][..inside]);
            for x in 0..inside {
                let around = Around {
                    left: left[x].into(),
                    left_left: left_left[x].into(),
                    top_left: top_left[x].into(),
                    top: top[x].into(),
                    top_right: top_right[x].into(),
                    top_right_right: top_right_right[x].into(),
                    top_top: top_top[x].into(),
                };
                errors[x] = around.error(row[x], &contexts);
            }
        }
    }

    /// Everything of the frame but its header: a tree of contexts, codes, errors.
    fn section(&mut self, contexts: &Contexts, codes: &[Code; CLUSTERS]) {
        let out = &mut self.section;
        out.clear();
        let mut bits = Bits::default();
        // G.1.2, G.1.3: usual quantisation; a tree for all channels.
        bits.put(1, 1, out);
        bits.put(1, 1, out);
        contexts.write_tree(&mut bits, out);
        entropy_header(codes, &mut bits, out);
        // H.2: that tree, usual weights, no transforms.
        bits.put(0b0011, 4, out);
        self.common.resize(CLUSTERS, [0; COMMON]);
        for (common, code) in self.common.iter_mut().zip(codes) {
            for (error, entry) in (0..).zip(common) {
                let (value, count) = coded(code, error);
                *entry = value | count << COUNT_SHIFT;
            }
        }
        // Room for the longest ones, so that words can be stored unasked.
        let begin = out.len();
        out.resize(begin + self.errors.len() * 4 + 16, 0);
        let mut position = begin;
        for error in &self.errors {
            let (cluster, error) = ((error >> CLUSTER_SHIFT) as usize, error & ERROR);
            let (value, count) = match self.common[cluster].get(error as usize) {
                Some(entry) => (entry & BITS, entry >> COUNT_SHIFT),
                None => coded(&codes[cluster], error),
            };
            bits.held |= u64::from(value) << bits.count;
            bits.count += count;
            if bits.count >= 32 {
                out[position..position + 4].copy_from_slice(&(bits.held as u32).to_le_bytes());
                position += 4;
                bits.held >>= 32;
                bits.count -= 32;
            }
        }
        out.truncate(position);
        bits.end(out);
    }
}

/// What is around a sample (H.3 and table H.3).
struct Around {
    left: i32,
    left_left: i32,
    top_left: i32,
    top: i32,
    top_right: i32,
    top_right_right: i32,
    top_top: i32,
}

impl Around {
    /// Where some of it is beyond the edges.
    fn at(row: &[u16], above: Option<&[u16]>, over: Option<&[u16]>, x: usize) -> Self {
        let at = |row: &[u16], x: usize| i32::from(row[x]);
        let top = above.map(|above| at(above, x));
        let before = x.checked_sub(1);
        let left = before.map(|x| at(row, x)).or(top).unwrap_or(0);
        let top_left = above.zip(before).map_or(left, |(above, x)| at(above, x));
        let top = top.unwrap_or(left);
        let right = |x: usize| {
            above
                .and_then(|above| above.get(x))
                .map(|value| i32::from(*value))
        };
        let top_right = right(x + 1).unwrap_or(top);
        Self {
            left,
            left_left: x.checked_sub(2).map_or(left, |x| at(row, x)),
            top_left,
            top,
            top_right,
            top_right_right: right(x + 2).unwrap_or(top_right),
            top_top: over.map_or(top, |over| at(over, x)),
        }
    }

    /// The error and its code.
    #[inline(always)]
    fn error(&self, sample: u16, contexts: &Contexts) -> u32 {
        let sum = 6 * self.top - 2 * self.top_top
            + 7 * self.left
            + self.left_left
            + self.top_right_right
            + 3 * self.top_right
            + 8;
        let error = i32::from(sample) - sum / 16;
        let packed = (error << 1 ^ error >> 31).cast_unsigned();
        let cluster = contexts.cluster(self.left, self.top_left, self.top);
        packed | cluster << CLUSTER_SHIFT
    }
}

/// Symbol of a number, and the bits behind it (C.2.3).
fn token(value: u32) -> (u32, u32, u32) {
    if value < 1 << EXACT {
        return (value, 0, 0);
    }
    let length = value.ilog2();
    let behind = length - MSB_IN_TOKEN;
    let upper = value >> behind & ((1 << MSB_IN_TOKEN) - 1);
    let token = (1 << EXACT) + ((length - EXACT) << MSB_IN_TOKEN) + upper;
    (token, value & ((1 << behind) - 1), behind)
}

/// Code and bits of an error, and how many bits that are.
fn coded(code: &Code, error: u32) -> (u32, u32) {
    let (token, value, behind) = token(error);
    let (code, length) = code.symbols[token as usize];
    (
        u32::from(code) | value << length,
        u32::from(length) + behind,
    )
}

/// Annexes D.2 and D.3.
fn image_header(width: usize, height: usize, bits: u8, to: &mut Bits, out: &mut Vec<u8>) {
    /// Samples of so many bits are computed with in 16 bits by decoders that can.
    const NARROW: u8 = 14;
    to.put(0x0aff, 16, out);
    // Sizes up to 512 and up to 8192.
    let side = |side: usize, to: &mut Bits, out: &mut Vec<u8>| {
        let is_long = side > 1 << 9;
        to.put(is_long.into(), 2, out);
        to.put(side as u32 - 1, if is_long { 13 } else { 9 }, out);
    };
    to.put(0, 1, out);
    side(height, to, out);
    to.put(0, 3, out);
    side(width, to, out);
    // Not all as usual; no extra fields; whole numbers of 1 + 15 bits.
    to.put(0b00, 2, out);
    to.put(0, 1, out);
    to.put(3, 2, out);
    to.put(15, 6, out);
    to.put((bits <= NARROW).into(), 1, out);
    // No extra channels; not XYB.
    to.put(0, 2, out);
    to.put(0, 1, out);
    // Grey, D65, linear (2 + 6), relative; no profile.
    to.put(0b00, 2, out);
    to.put(1, 2, out);
    to.put(1, 2, out);
    to.put(0, 1, out);
    to.put(2, 2, out);
    to.put(6, 4, out);
    to.put(1, 2, out);
    // No extensions; usual transforms.
    to.put(0, 2, out);
    to.put(1, 1, out);
    to.pad(out);
}

/// Annex F.2: a regular, modular frame, in one group and one pass, the last one, without filters.
fn frame_header(to: &mut Bits, out: &mut Vec<u8>) {
    for (value, count) in [
        (0, 1), // not all as usual
        (0, 2), // regular
        (1, 1), // modular
        (0, 2), // no flags
        (0, 1), // not YCbCr
        (0, 2), // not upsampled
        (3, 2), // groups of 1024
        (0, 2), // one pass
        (0, 1), // at the origin, of the image's size
        (0, 2), // replaces
        (1, 1), // the last one
        (0, 2), // without a name
        (0, 1), // filters not as usual:
        (0, 1), // no smoothing
        (0, 2), // no passes of the edge preserving filter
        (0, 2), // no extensions
        (0, 2), // no extensions
    ] {
        to.put(value, count, out);
    }
}

/// Annex F.3: the length of the only section.
fn size(length: usize, to: &mut Bits, out: &mut Vec<u8>) {
    /// Bits of a length, and where it begins.
    const LENGTHS: [(u8, u32); 4] = [(10, 0), (14, 1024), (22, 17_408), (30, 4_211_712)];
    to.put(0, 1, out);
    to.pad(out);
    let length = length as u32;
    let index = LENGTHS
        .iter()
        .rposition(|(_, first)| length >= *first)
        .unwrap_or(0);
    let (count, first) = LENGTHS[index];
    to.put(index as u32, 2, out);
    to.put(length - first, count, out);
    to.pad(out);
}

/// C.2.1: how errors are coded.
fn entropy_header(codes: &[Code; CLUSTERS], to: &mut Bits, out: &mut Vec<u8>) {
    // No repetition; contexts share codes, three bits name one; prefix codes.
    to.put(0, 1, out);
    to.put(1, 1, out);
    to.put(3, 2, out);
    contexts::clusters().for_each(|cluster| to.put(cluster, 3, out));
    to.put(1, 1, out);
    for _ in codes {
        to.put(EXACT, 4, out);
        // Of 0 to 5 bits, and of 0 to 3 in what is left.
        to.put(MSB_IN_TOKEN, 3, out);
        to.put(0, 2, out);
    }
    codes.iter().for_each(|code| code.write_alphabet(to, out));
    codes.iter().for_each(|code| code.write(to, out));
}

/// Bits on their way out, the first one lowest.
#[derive(Debug, Default)]
pub(super) struct Bits {
    held: u64,
    count: u32,
}

impl Bits {
    /// Appends up to 32 bits.
    pub(super) fn put(&mut self, value: u32, count: u8, out: &mut Vec<u8>) {
        self.held |= u64::from(value) << self.count;
        self.count += u32::from(count);
        while self.count >= 8 {
            out.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Goes on at a whole byte.
    fn pad(&mut self, out: &mut Vec<u8>) {
        let missing = self.count.next_multiple_of(8) - self.count;
        self.put(0, missing as u8, out);
    }

    /// The last bits.
    fn end(mut self, out: &mut Vec<u8>) {
        self.pad(out);
    }
}
