//! Raw frames that the front end of the Raspberry Pi 5 compressed (`PISP_COMP1`) to samples: eight of 16 bits in eight
//! bytes. What is lost was lost when they were compressed.
//!
//! Four samples of one colour, every second one, are a word of 32 bits. Two bits of it say how coarsely they are
//! quantised. The two in the middle are told by the smaller one and their difference, those outside by their differences
//! from these. Where nothing of that reaches far enough, all four are told alone, and coarsely. The format's public
//! description is the decoder in Raspberry Pi's rpicam-apps (`image/dng.cpp`). Other modes, which compress brightness by
//! a curve, are not read: libcamera offers raw frames in this one.

/// Samples of a block, and its bytes.
pub const BLOCK: usize = 8;
/// What libcamera 0.7 has the front end take off samples before it compresses them (`rpi/pisp`,
/// `DefaultCompressionOffset`).
pub const OFFSET: u16 = 2048;

/// Levels of one quantiser that a word can name.
const LEVELS: usize = 640;
/// What a difference of 0 is told as.
const NO_DIFFERENCE: u16 = 64;
/// From this level on the second quantiser tells both samples in the middle alone, and outer ones from no higher.
const BRIGHT: u16 = 384;
/// Levels of the coarsest quantiser.
const COARSE: u16 = 176;

/// Samples of each quantiser's levels.
const SAMPLES: [[u16; LEVELS]; 4] = [
    samples(16, 320),
    samples(64, LEVELS),
    samples(128, LEVELS),
    samples(256, 94),
];

/// Levels of equal steps up to one from which on they are twice as far apart.
const fn samples(step: u32, doubled: usize) -> [u16; LEVELS] {
    let mut samples = [0; LEVELS];
    let (mut index, mut sample) = (0, 0);
    while index < LEVELS {
        samples[index] = if sample < 65_535 {
            sample as u16
        } else {
            65_535
        };
        sample += if index < doubled { step } else { 2 * step };
        index += 1;
    }
    samples
}

/// Bytes of a row of so many samples.
pub const fn row_bytes(samples: usize) -> usize {
    samples.div_ceil(BLOCK) * BLOCK
}

/// Reads a row, and adds what was taken off. Samples whose block is missing stay as they are.
pub fn decode_row(bytes: &[u8], offset: u16, samples: &mut [u16]) {
    let (blocks, _) = bytes.as_chunks();
    for (samples, block) in samples.chunks_mut(BLOCK).zip(blocks) {
        let decoded = decode(block).map(|sample| sample.saturating_add(offset));
        samples.copy_from_slice(&decoded[..samples.len()]);
    }
}

fn decode(&[a, b, c, d, e, f, g, h]: &[u8; BLOCK]) -> [u16; BLOCK] {
    let even = word(u32::from_le_bytes([a, b, c, d]));
    let odd = word(u32::from_le_bytes([e, f, g, h]));
    [
        even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3],
    ]
}

/// Four samples of one colour.
fn word(word: u32) -> [u16; 4] {
    let quantiser = (word & 3) as usize;
    let bits = |first: u32, count: u32| (word >> first) as u16 & ((1 << count) - 1);
    let levels = if quantiser == 3 {
        let (left, right) = (pair(bits(2, 15)), pair(bits(17, 15)));
        [left[0], left[1], right[0], right[1]]
    } else {
        let (low, difference) = (bits(2, 9), bits(11, 7));
        let is_bright = quantiser == 2 && low >= BRIGHT;
        let (second, third) = if is_bright {
            (low, BRIGHT + difference)
        } else if difference < NO_DIFFERENCE {
            (low + NO_DIFFERENCE - difference, low)
        } else {
            (low, low + difference - NO_DIFFERENCE)
        };
        let lowest = |neighbour: u16| {
            let lowest = neighbour.saturating_sub(NO_DIFFERENCE);
            if quantiser == 2 {
                lowest.min(BRIGHT)
            } else {
                lowest
            }
        };
        [
            lowest(second) + bits(18, 7),
            second,
            third,
            lowest(third) + bits(25, 7),
        ]
    };
    levels.map(|level| SAMPLES[quantiser][usize::from(level)])
}

/// An outer and an inner level in 15 bits: the lower four of the outer one, and a number of base 176 of its upper ones
/// and the inner one.
fn pair(bits: u16) -> [u16; 2] {
    let number = bits >> 4;
    [(number / COARSE) << 4 | bits & 15, number % COARSE]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_as_they_are_described() {
        // Finest: levels 400 and 390 in the middle, from there 3 above and 60 below; 160 levels on they are coarser.
        let finest = 390 << 2 | 54 << 11 | 67 << 18 | 4 << 25;
        assert_eq!(word(finest), [7776, 7680, 7360, 5440]);
        // Near 0 outer ones are told from 0.
        assert_eq!(word(1 | 20 << 2 | 70 << 11 | 9 << 18), [576, 1280, 1664, 0]);
        // Bright ones in the middle are told alone, outer ones from no higher than 384.
        assert_eq!(
            word(2 | 500 << 2 | 10 << 11 | 5 << 18),
            [128 * 389, 64_000, 128 * 394, 128 * 330]
        );
        // Coarsest: 17 and 175, 93 and 94.
        let pair = |outer: u32, inner: u32| (outer & 15) | ((outer >> 4) * 176 + inner) << 4;
        let coarsest = 3 | pair(17, 175) << 2 | pair(93, 94) << 17;
        assert_eq!(word(coarsest), [17 * 256, 65_535, 93 * 256, 94 * 256]);
    }

    /// Rows that another encoder compressed, and what another decoder makes of them.
    #[test]
    fn rows_by_another_encoder_are_read() {
        let rows: [([u8; 16], [u16; 16]); 4] = [
            (
                [
                    0, 41, 242, 110, 184, 41, 242, 110, 244, 192, 241, 132, 172, 185, 237, 138,
                ],
                [
                    3008, 3744, 3072, 3808, 3152, 3888, 3008, 3744, 3088, 3824, 3152, 3904, 3024,
                    3760, 3104, 3840,
                ],
            ),
            (
                [
                    35, 3, 22, 220, 3, 184, 193, 12, 35, 3, 22, 220, 3, 184, 193, 12,
                ],
                [
                    4096, 59_904, 5120, 2048, 65_535, 2048, 2048, 30_208, 4096, 59_904, 5120, 2048,
                    65_535, 2048, 2048, 30_208,
                ],
            ),
            (
                [
                    22, 158, 200, 156, 50, 214, 200, 156, 246, 94, 202, 178, 18, 151, 218, 192,
                ],
                [
                    50_048, 50_944, 51_840, 52_736, 53_632, 54_528, 55_424, 56_320, 57_216, 58_112,
                    59_008, 59_904, 60_800, 61_696, 62_592, 63_488,
                ],
            ),
            (
                [
                    153, 234, 17, 122, 164, 215, 21, 119, 160, 222, 213, 117, 148, 222, 21, 119,
                ],
                [
                    9024, 12_928, 12_864, 12_768, 12_672, 12_576, 12_480, 12_416, 12_352, 10_720,
                    10_656, 10_560, 10_496, 10_400, 10_304, 10_240,
                ],
            ),
        ];
        for (bytes, expected) in rows {
            let mut row = [0; 16];
            decode_row(&bytes, OFFSET, &mut row);
            assert_eq!(row, expected);
        }
    }

    #[test]
    fn rows_may_be_longer_or_shorter_than_their_bytes() {
        let flat = |level: u32| (level << 2 | 64 << 11 | level << 18 | level << 25).to_le_bytes();
        let bytes = [flat(10), flat(20), flat(30), flat(40)].concat();
        let mut row = [7; 19];
        decode_row(&bytes[..15], 100, &mut row);
        assert_eq!(row[..8], [260, 420, 260, 420, 260, 420, 260, 420]);
        assert_eq!(row[8..], [7; 11]);
        let mut row = [7; 11];
        decode_row(&bytes, 100, &mut row);
        assert_eq!(row[8..], [580, 740, 580]);
        assert_eq!(row_bytes(11), 16);
    }

    proptest! {
        #[test]
        fn any_bytes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..64), offset: u16) {
            let mut row = [offset; 61];
            decode_row(&bytes, offset, &mut row);
            prop_assert!(row.iter().all(|sample| *sample >= offset));
        }
    }
}
