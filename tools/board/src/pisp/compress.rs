//! PiSP's fixed-rate raw compression: eight pixels of 16 bits in eight bytes.
//!
//! Delta coding packs the four even pixels and the four odd pixels of a block into one 32-bit word each. Two bits
//! choose a quantiser; the middle two pixels are coded as the lesser one and a difference, the outer two relative to
//! their neighbour; the coarsest quantiser codes all four on their own. Companding alone stores the
//! high byte of a piecewise linear curve. What a word decodes to is fixed by the decoder that
//! raw converters use (`dng.cpp` of rpicam-apps); which word the hardware's encoder picks is not
//! published, so ours picks the finest quantiser that fits.

/// Pixels, and bytes, of one block.
pub const BLOCK: usize = 8;

/// Compression mode, numbered as in `pisp_compress_config::mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 1: delta coding, which libcamera uses (`PISP_COMP1`).
    Delta = 1,
    /// 2: companding to eight bits (`PISP_COMP2`).
    Compand = 2,
    /// 3: companding, then delta coding.
    Combined = 3,
}

impl Mode {
    /// Mode with this number, if there is one.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Delta),
            2 => Some(Self::Compand),
            3 => Some(Self::Combined),
            _ => None,
        }
    }
}

/// Bytes of a compressed row of `width` pixels.
pub const fn row_bytes(width: usize) -> usize {
    width.div_ceil(BLOCK) * BLOCK
}

/// Compresses a row of 16-bit samples after subtracting `offset`.
///
/// Writes whole blocks, as many as `values` fills or `out` holds; the last one is filled up with the last pixels.
pub fn encode_row(mode: Mode, offset: u16, values: &[u16], out: &mut [u8]) {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let (out_blocks, _) = out.as_chunks_mut::<BLOCK>();
    for (block, bytes) in blocks.iter().zip(out_blocks.iter_mut()) {
        *bytes = encode_block(mode, block.map(|value| value.saturating_sub(offset)));
    }
    if let (false, Some(bytes)) = (rest.is_empty(), out_blocks.get_mut(blocks.len())) {
        let mut block = [0; BLOCK];
        for (x, value) in block.iter_mut().enumerate() {
            let mut from = x;
            while from >= rest.len() {
                from = from.checked_sub(2).unwrap_or(rest.len() - 1);
            }
            *value = rest[from].saturating_sub(offset);
        }
        *bytes = encode_block(mode, block);
    }
}

/// Expands a compressed row and adds `offset`. Pixels whose block is missing from `bytes` stay as they are.
pub fn decode_row(mode: Mode, offset: u16, bytes: &[u8], out: &mut [u16]) {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let (out_blocks, rest) = out.as_chunks_mut::<BLOCK>();
    let whole = out_blocks.len();
    for (block, values) in blocks.iter().zip(out_blocks) {
        *values = decode_block(mode, *block);
        for value in values {
            *value = value.saturating_add(offset);
        }
    }
    if let Some(block) = blocks.get(whole) {
        for (value, decoded) in rest.iter_mut().zip(decode_block(mode, *block)) {
            *value = decoded.saturating_add(offset);
        }
    }
}

#[inline(always)]
fn encode_block(mode: Mode, mut values: [u16; BLOCK]) -> [u8; BLOCK] {
    if mode != Mode::Delta {
        values = values.map(|value| compand(mode, value));
    }
    if mode == Mode::Compand {
        return values.map(|value| (value.saturating_add(0x80) >> 8) as u8);
    }
    let [a, b, c, d, e, f, g, h] = values.map(i32::from);
    let even = encode_word([a, c, e, g]).to_le_bytes();
    let odd = encode_word([b, d, f, h]).to_le_bytes();
    [
        even[0], even[1], even[2], even[3], odd[0], odd[1], odd[2], odd[3],
    ]
}

#[inline(always)]
fn decode_block(mode: Mode, bytes: [u8; BLOCK]) -> [u16; BLOCK] {
    if mode == Mode::Compand {
        return bytes.map(|byte| expand(mode, u16::from(byte) << 8));
    }
    let [a, c, e, g] = decode_word(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let [b, d, f, h] = decode_word(u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]));
    let values = [a, b, c, d, e, f, g, h];
    if mode == Mode::Delta {
        values
    } else {
        values.map(|value| expand(mode, value))
    }
}

/// Bits of a difference field; differences are coded from minus to plus half its range.
const HALF_DELTA: i32 = 64;
/// Levels of quantisers 0 to 2.
const LEVELS: i32 = 512;
/// Where quantiser 2 codes both middle pixels on their own.
const BRIGHT: i32 = 384;
/// Levels of quantiser 3, whose two pixels of a half-word are packed as 176 * 176 < 2^15 states.
const COARSE_LEVELS: i32 = 176;

fn quantise(quantiser: u32, value: i32) -> i32 {
    match quantiser {
        0 if value < 5120 => (value + 8) >> 4,
        0 => ((value + 16) >> 5) + 160,
        1 => (value + 32) >> 6,
        2 => ((value + 64) >> 7).min(LEVELS - 1),
        _ if value < 24_064 => (value + 128) >> 8,
        _ => (((value + 256) >> 9) + 47).min(COARSE_LEVELS - 1),
    }
}

#[inline(always)]
fn dequantise(quantiser: u32, level: i32) -> u16 {
    let value = match quantiser {
        0 if level < 320 => 16 * level,
        0 => 32 * (level - 160),
        1 => 64 * level,
        2 => 128 * level,
        _ if level < 94 => 256 * level,
        _ => 512 * (level - 47),
    };
    value.min(0xffff) as u16
}

/// What an outer pixel is coded relative to.
#[inline(always)]
fn outer_base(quantiser: u32, neighbour: i32) -> i32 {
    let base = (neighbour - HALF_DELTA).max(0);
    if quantiser == 2 {
        base.min(BRIGHT)
    } else {
        base
    }
}

#[inline(always)]
fn encode_word(pixels: [i32; 4]) -> u32 {
    (0..3)
        .find_map(|quantiser| encode_delta(quantiser, pixels))
        .unwrap_or_else(|| {
            let [a, b, c, d] = pixels.map(|value| quantise(3, value));
            let pair = |outer: i32, inner: i32| {
                ((outer & 15) | ((inner + COARSE_LEVELS * (outer >> 4)) << 4)) as u32
            };
            3 | pair(a, b) << 2 | pair(c, d) << 17
        })
}

#[inline(always)]
fn encode_delta(quantiser: u32, pixels: [i32; 4]) -> Option<u32> {
    let [a, b, c, d] = pixels.map(|value| quantise(quantiser, value));
    let (low, step) = if quantiser == 2 && b >= BRIGHT && c >= BRIGHT {
        (b, c - BRIGHT)
    } else {
        (b.min(c), c - b + HALF_DELTA)
    };
    let first = a - outer_base(quantiser, b);
    let last = d - outer_base(quantiser, c);
    // A field that is negative or too long has bits above its range.
    let fits = (a | b | c | d) < LEVELS && (step | first | last) & !(2 * HALF_DELTA - 1) == 0;
    if !fits {
        return None;
    }
    Some(
        quantiser
            | (low as u32) << 2
            | (step as u32) << 11
            | (first as u32) << 18
            | (last as u32) << 25,
    )
}

#[inline(always)]
fn decode_word(word: u32) -> [u16; 4] {
    let quantiser = word & 3;
    let field = |shift: u32, bits: u32| ((word >> shift) & ((1 << bits) - 1)) as i32;
    let levels = if quantiser < 3 {
        let (low, step) = (field(2, 9), field(11, 7));
        let (b, c) = if quantiser == 2 && low >= BRIGHT {
            (low, step + BRIGHT)
        } else {
            let step = step - HALF_DELTA;
            (low - step.min(0), low + step.max(0))
        };
        [
            outer_base(quantiser, b) + field(18, 7),
            b,
            c,
            outer_base(quantiser, c) + field(25, 7),
        ]
    } else {
        let (left, right) = (field(2, 15), field(17, 15));
        let outer = |pair: i32| (pair & 15) + 16 * ((pair >> 8) / 11);
        let inner = |pair: i32| (pair >> 4) % COARSE_LEVELS;
        [outer(left), inner(left), outer(right), inner(right)]
    };
    let [a, b, c, d] = levels;
    [
        dequantise(quantiser, a),
        dequantise(quantiser, b),
        dequantise(quantiser, c),
        dequantise(quantiser, d),
    ]
}

/// The companding curve: linear value to code.
fn compand(mode: Mode, value: u16) -> u16 {
    match value {
        0..0x1000 if mode == Mode::Combined => value << 2,
        0..0x100 => value << 4,
        0x100..0x200 => (value << 3) + 0x800,
        0x200..0x800 => (value << 2) + 0x1000,
        0x800..0x2000 => (value << 1) + 0x2000,
        0x2000..0x8000 => value + 0x4000,
        _ => (value >> 1) + 0x8000,
    }
}

/// Inverse of [`compand`].
fn expand(mode: Mode, code: u16) -> u16 {
    match code {
        0..0x4000 if mode == Mode::Combined => code >> 2,
        0..0x1000 => code >> 4,
        0x1000..0x1800 => (code - 0x800) >> 3,
        0x1800..0x3000 => (code - 0x1000) >> 2,
        0x3000..0x6000 => (code - 0x2000) >> 1,
        0x6000..0xc000 => code - 0x4000,
        _ => (code - 0x8000) << 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Half of the widest step that can code `value` when its word needs the coarsest quantiser.
    fn worst_error(value: u16) -> i32 {
        if value < 24_064 { 128 } else { 256 }
    }

    fn round_trip(mode: Mode, offset: u16, values: &[u16]) -> Vec<u16> {
        let mut bytes = vec![0; row_bytes(values.len())];
        encode_row(mode, offset, values, &mut bytes);
        let mut back = vec![0; values.len()];
        decode_row(mode, offset, &bytes, &mut back);
        back
    }

    #[test]
    fn words_are_those_of_the_published_decoder() {
        // Four pixels of 800: quantiser 0, level 50, no differences; outer base is 0 below level 64.
        let word: u32 = 50 << 2 | 64 << 11 | 50 << 18 | 50 << 25;
        assert_eq!(encode_word([800; 4]), word);
        assert_eq!(decode_word(word), [800; 4]);
        // Quantiser 3: levels 175, 0, 17, 93.
        let word = 3 | (175 & 15 | (176 * (175 >> 4)) << 4) << 2 | (1 | (93 + 176) << 4) << 17;
        assert_eq!(decode_word(word), [65_535, 0, 17 * 256, 93 * 256]);
        // Quantiser 2 with both middle pixels bright.
        assert_eq!(
            decode_word(2 | 400 << 2 | 100 << 11)[1..3],
            [51_200, 61_952]
        );
    }

    #[test]
    fn twelve_bit_gradients_are_exact_in_the_shadows() {
        let values: Vec<u16> = (0..64).map(|x| 2048 + 16 * x).collect();
        assert_eq!(round_trip(Mode::Delta, 2048, &values), values);
    }

    #[test]
    fn every_coarse_pair_survives() {
        for a in 0..COARSE_LEVELS {
            for b in 0..COARSE_LEVELS {
                let pixels = [a, b, b, a].map(|level| i32::from(dequantise(3, level)));
                let [c, d, _, _] = pixels.map(|value| quantise(3, value));
                assert_eq!((c, d), (a, b));
            }
        }
    }

    #[test]
    fn the_curve_is_inverted_exactly_where_codes_are_dense() {
        for mode in [Mode::Compand, Mode::Combined] {
            for value in 0..0x8000 {
                assert_eq!(expand(mode, compand(mode, value)), value);
            }
            for value in 0x8000..=0xffff {
                assert!(value - expand(mode, compand(mode, value)) <= 1);
            }
        }
    }

    #[test]
    fn companding_keeps_eight_bits() {
        let values: Vec<u16> = (0..8)
            .map(|x| [0, 16, 0x0ff, 0x400, 0x2000, 0x7f00, 0x8000, 0xfe00][x])
            .collect();
        assert_eq!(
            round_trip(Mode::Compand, 0, &values),
            [0, 16, 0x100, 0x400, 0x2000, 0x7f00, 0x8000, 0xfe00]
        );
    }

    #[test]
    fn a_short_last_block_is_filled_with_the_same_colours() {
        let values = [5000, 100, 5000, 100, 5000, 100, 5000, 100, 7000, 200];
        let back = round_trip(Mode::Delta, 0, &values);
        for (value, back) in values.iter().zip(back) {
            assert!(value.abs_diff(back) <= 8, "{value} {back}");
        }
    }

    proptest! {
        #[test]
        fn noise_stays_within_the_coarsest_step(values in prop::collection::vec(any::<u16>(), 1..64)) {
            for (value, back) in values.iter().zip(round_trip(Mode::Delta, 0, &values)) {
                prop_assert!((i32::from(*value) - i32::from(back)).abs() <= worst_error(*value));
            }
        }

        #[test]
        fn smooth_rows_stay_within_the_quantisers_step(base in 2048u16..60_000, steps in prop::collection::vec(0u16..900, 8..64)) {
            let values: Vec<u16> = steps.iter().map(|step| base + step).collect();
            let step = match base - 2048 { 0..4000 => 8, 4000..10_000 => 16, 10_000..31_000 => 32, _ => 64 };
            for (value, back) in values.iter().zip(round_trip(Mode::Delta, 2048, &values)) {
                prop_assert!(value.abs_diff(back) <= step, "{value} {back}");
            }
        }

        #[test]
        fn any_bytes_decode(bytes in prop::collection::vec(any::<u8>(), 0..64), offset: u16, mode in 1u8..4) {
            let mut out = [0; 61];
            decode_row(Mode::from_number(mode).unwrap(), offset, &bytes, &mut out);
        }
    }
}
