//! Files as others write them.

use super::super::tiff::Order;
use super::super::*;
use crate::demosaic::Pattern;
use crate::dng::ifd::Value;

/// A file: one directory, whose values and parts follow it.
struct File {
    order: Order,
    fields: Vec<(Tag, Value)>,
}

impl File {
    /// The least that a picture needs: 4 x 4 samples of 16 bits in two strips.
    fn new(order: Order) -> Self {
        let mut file = Self {
            order,
            fields: Vec::new(),
        };
        let row = |first: u16| (0..8).map(move |x| first + x);
        let strip = |first: u16| row(first).flat_map(|sample| file.short(sample)).collect();
        let strips = vec![strip(1000), strip(2000)];
        for (tag, value) in [
            (IMAGE_WIDTH, Value::Shorts(vec![4])),
            (IMAGE_LENGTH, Value::Longs(vec![4])),
            (BITS_PER_SAMPLE, Value::Shorts(vec![16])),
            (COMPRESSION, Value::Shorts(vec![1])),
            (PHOTOMETRIC_INTERPRETATION, Value::Shorts(vec![32803])),
            (ROWS_PER_STRIP, Value::Shorts(vec![2])),
            (STRIP_BYTE_COUNTS, Value::Longs(vec![16, 16])),
            (STRIP_OFFSETS, Value::Parts(strips)),
            (CFA_REPEAT_PATTERN_DIM, Value::Shorts(vec![2, 2])),
            (CFA_PATTERN, Value::Bytes(vec![2, 1, 1, 0])),
            (DNG_VERSION, Value::Bytes(vec![1, 4, 0, 0])),
            (UNIQUE_CAMERA_MODEL, Value::text("Example")),
            (
                COLOR_MATRICES[0],
                Value::signed_rationals(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
            ),
            (AS_SHOT_NEUTRAL, Value::rationals(&[0.5, 1.0, 0.5])),
        ] {
            file.fields.push((tag, value));
        }
        file
    }

    fn set(mut self, tag: Tag, value: Value) -> Self {
        self.fields.retain(|(other, _)| other.0 != tag.0);
        self.fields.push((tag, value));
        self
    }

    fn without(mut self, tag: Tag) -> Self {
        self.fields.retain(|(other, _)| other.0 != tag.0);
        self
    }

    fn short(&self, value: u16) -> [u8; 2] {
        match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    fn long(&self, value: u32) -> [u8; 4] {
        match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = if self.order == Order::Little {
            b"II"
        } else {
            b"MM"
        }
        .to_vec();
        bytes.extend(self.short(42));
        bytes.extend(self.long(8));
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_by_key(|(tag, _)| tag.0);
        bytes.extend(self.short(fields.len() as u16));
        let end = bytes.len() + 12 * fields.len() + 4;
        let mut behind: Vec<u8> = Vec::new();
        for (tag, value) in fields {
            let longs =
                |values: &[u32]| values.iter().flat_map(|value| self.long(*value)).collect();
            let (kind, size, mut value): (u16, usize, Vec<u8>) = match value {
                Value::Bytes(values) => (1, 1, values.clone()),
                Value::Text(text) => (2, 1, [text.as_bytes(), &[0]].concat()),
                Value::Shorts(values) => (
                    3,
                    2,
                    values.iter().flat_map(|value| self.short(*value)).collect(),
                ),
                Value::Longs(values) => (4, 4, longs(values)),
                Value::Rationals(values) => (5, 8, longs(values.as_flattened())),
                Value::SignedRationals(values) => {
                    let values: Vec<u32> = values
                        .as_flattened()
                        .iter()
                        .map(|part| part.cast_unsigned())
                        .collect();
                    (10, 8, longs(&values))
                }
                Value::Undefined(values) => (7, 1, values.clone()),
                Value::Parts(parts) => {
                    let offsets: Vec<u32> = parts
                        .iter()
                        .map(|part| {
                            behind.extend(part);
                            (end + behind.len() - part.len()) as u32
                        })
                        .collect();
                    (4, 4, longs(&offsets))
                }
                other => panic!("{other:?}"),
            };
            let count = value.len() / size;
            if value.len() > 4 {
                let offset = (end + behind.len()) as u32;
                behind.extend(&value);
                value = self.long(offset).to_vec();
            }
            value.resize(4, 0);
            bytes.extend(self.short(tag.0));
            bytes.extend(self.short(kind));
            bytes.extend(self.long(count as u32));
            bytes.extend(value);
        }
        bytes.extend(self.long(0));
        bytes.extend(behind);
        bytes
    }

    fn read(&self) -> Result<(Negative, Vec<u16>), Error> {
        read(&self.bytes())
    }

    fn error(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

/// The samples of [`File::new`].
fn samples() -> Vec<u16> {
    (1000..1008).chain(2000..2008).collect()
}

#[test]
fn strips_are_read_in_both_orders() {
    for order in [Order::Little, Order::Big] {
        let (negative, found) = File::new(order).read().unwrap();
        assert_eq!(found, samples());
        assert_eq!(negative.raw.pattern, Pattern::Bggr);
        assert_eq!(
            (negative.raw.white, negative.raw.active),
            (65_535, [0, 0, 4, 4])
        );
        assert_eq!(negative.colour.as_shot_neutral, [0.5, 1.0, 0.5]);
        assert_eq!(
            (negative.shot.taken_ns, negative.shot.exposure_us),
            (0, None)
        );
        assert_eq!((negative.lens, negative.sequence), (None, None));
    }
}

/// Rows of samples without gaps, by way of their digits.
fn packed(rows: &[[u16; 4]], bits: usize) -> Vec<u8> {
    let rows = rows.iter().flat_map(|row| {
        let mut digits: String = row
            .iter()
            .map(|sample| format!("{sample:0bits$b}"))
            .collect();
        while !digits.len().is_multiple_of(8) {
            digits.push('1');
        }
        let bytes = (0..digits.len())
            .step_by(8)
            .map(|at| u8::from_str_radix(&digits[at..at + 8], 2).unwrap());
        bytes.collect::<Vec<u8>>()
    });
    rows.collect()
}

#[test]
fn packed_samples_come_with_the_most_significant_bit_first() {
    for bits in [8, 9, 10, 12, 14] {
        let most = u16::MAX >> (16 - bits);
        let rows = [
            [1, 2, most - 1, most],
            [most, 0, 5, 6],
            [7, 8, 9, 10],
            [11, 12, 13, 14],
        ];
        let strip = packed(&rows, bits);
        let file = File::new(Order::Big)
            .set(BITS_PER_SAMPLE, Value::Shorts(vec![bits as u16]))
            .set(STRIP_BYTE_COUNTS, Value::Longs(vec![strip.len() as u32]))
            .set(STRIP_OFFSETS, Value::Parts(vec![strip]))
            .without(ROWS_PER_STRIP);
        let (negative, found) = file.read().unwrap();
        assert_eq!(found, rows.as_flattened(), "{bits}");
        assert_eq!(
            (usize::from(negative.raw.bits), negative.raw.white),
            (bits, most)
        );
    }
}

#[test]
fn tiles_may_hang_over() {
    let tile = |first: u16| {
        (0..9)
            .map(|index| first + index)
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let file = File::new(Order::Little)
        .without(STRIP_OFFSETS)
        .set(TILE_WIDTH, Value::Shorts(vec![3]))
        .set(TILE_LENGTH, Value::Shorts(vec![3]))
        .set(TILE_BYTE_COUNTS, Value::Shorts(vec![18; 4]))
        .set(
            TILE_OFFSETS,
            Value::Parts(vec![tile(10), tile(20), tile(30), tile(40)]),
        );
    let (_, found) = file.read().unwrap();
    assert_eq!(
        found,
        [
            10, 11, 12, 20, 13, 14, 15, 23, 16, 17, 18, 26, 30, 31, 32, 40
        ]
    );
}

#[test]
fn a_table_makes_samples_linear_before_rows_and_columns_lose_their_black() {
    let table: Vec<u16> = (0..2005).map(|value| 2 * value).collect();
    let file = File::new(Order::Little)
        .set(LINEARIZATION_TABLE, Value::Shorts(table))
        .set(WHITE_LEVEL, Value::Longs(vec![4000]))
        .set(ACTIVE_AREA, Value::Shorts(vec![1, 0, 4, 4]))
        .set(
            BLACK_LEVEL_DELTA_H,
            Value::signed_rationals(&[0.0, -1.0, 3.25, 0.25]),
        )
        .set(
            BLACK_LEVEL_DELTA_V,
            Value::signed_rationals(&[0.5, 0.0, 5000.0]),
        );
    let (negative, found) = file.read().unwrap();
    assert_eq!(found[..4], [2000, 2002, 2004, 2006]);
    assert_eq!(found[4..8], [2008, 2011, 2008, 2013]);
    // The table's last value stands for all above.
    assert_eq!(found[8..12], [4000, 4003, 4001, 4006]);
    assert_eq!(found[12..], [0; 4]);
    assert_eq!((negative.raw.bits, negative.raw.white), (12, 4000));
}

#[test]
fn fields_come_together() {
    let file = File::new(Order::Little)
        .set(ROW_INTERLEAVE_FACTOR, Value::Longs(vec![2]))
        .set(COLUMN_INTERLEAVE_FACTOR, Value::Longs(vec![2]));
    let (_, found) = file.read().unwrap();
    let expected = [
        [1000, 1002, 1001, 1003],
        [2000, 2002, 2001, 2003],
        [1004, 1006, 1005, 1007],
        [2004, 2006, 2005, 2007],
    ];
    assert_eq!(found, expected.as_flattened());
}

#[test]
fn lossless_jpeg_may_have_another_shape() {
    // 4 x 2 samples as 2 x 2 pixels of two components, and as rows of six samples.
    let encoded = |samples: &[u16], width: usize| {
        let tile = crate::lossless_jpeg::Tile {
            samples,
            stride: width,
            width,
            height: samples.len() / width,
            bits: 12,
        };
        let mut out = Vec::new();
        crate::lossless_jpeg::Encoder::default().encode(&tile, &mut out);
        out
    };
    let file = |strip: Vec<u8>| {
        File::new(Order::Little)
            .set(IMAGE_LENGTH, Value::Longs(vec![2]))
            .set(COMPRESSION, Value::Shorts(vec![7]))
            .set(BITS_PER_SAMPLE, Value::Shorts(vec![12]))
            .set(STRIP_BYTE_COUNTS, Value::Longs(vec![strip.len() as u32]))
            .set(STRIP_OFFSETS, Value::Parts(vec![strip]))
    };
    let (_, found) = file(encoded(&[1, 2, 3, 4, 5, 6, 7, 8], 4)).read().unwrap();
    assert_eq!(found, [1, 2, 3, 4, 5, 6, 7, 8]);
    // Ours is one row of 12 for two of six.
    let error = file(encoded(&[1; 12], 6)).error();
    assert!(error.contains("12 x 1 samples instead of 4 x 2"), "{error}");
}

#[test]
fn levels_are_those_of_the_first_rows_and_columns() {
    let black = |rows: u16, columns: u16, levels: &[f64]| {
        File::new(Order::Little)
            .set(BLACK_LEVEL_REPEAT_DIM, Value::Shorts(vec![rows, columns]))
            .set(BLACK_LEVEL, Value::rationals(levels))
    };
    let read = |file: File| file.read().unwrap().0.raw.black;
    assert_eq!(read(black(1, 1, &[64.5])), [64.5; 4]);
    assert_eq!(read(black(1, 2, &[1.0, 2.0])), [1.0, 2.0, 1.0, 2.0]);
    assert_eq!(read(black(2, 1, &[1.0, 2.0])), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!(
        read(black(2, 2, &[1.0, 2.0, 3.0, 4.0])),
        [1.0, 2.0, 3.0, 4.0]
    );
    assert_eq!(
        read(black(1, 4, &[1.0, 2.0, 1.0, 2.0])),
        [1.0, 2.0, 1.0, 2.0]
    );
    for (rows, columns, levels, expected) in [
        (
            1,
            3,
            &[1.0, 2.0, 3.0][..],
            "repeats after 1 rows and 3 columns is not supported",
        ),
        (2, 2, &[1.0][..], "1 values for 2 x 2"),
        (1, 1, &[65_535.0][..], "65535 is not between 0 and white"),
    ] {
        let error = black(rows, columns, levels).error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let file = || File::new(Order::Big);
    let short = |value: u16| Value::Shorts(vec![value]);
    for (file, expected) in [
        (
            file().without(DNG_VERSION),
            "not a DNG file: it has no DNGVersion",
        ),
        (
            file().set(PHOTOMETRIC_INTERPRETATION, short(34892)),
            "(LinearRaw) is not supported",
        ),
        (
            file().set(PHOTOMETRIC_INTERPRETATION, short(2)),
            "PhotometricInterpretation [2]",
        ),
        (
            file().set(NEW_SUBFILE_TYPE, Value::Longs(vec![1])),
            "without a raw picture",
        ),
        (
            file().set(COMPRESSION, short(34892)),
            "Compression 34892 is not supported",
        ),
        (
            file().set(SAMPLES_PER_PIXEL, short(3)),
            "SamplesPerPixel 3 is not supported",
        ),
        (
            file().set(SAMPLE_FORMAT, short(3)),
            "SampleFormat 3 is not supported",
        ),
        (
            file().set(BITS_PER_SAMPLE, short(32)),
            "32 bits a sample is not supported",
        ),
        (
            file().set(CFA_PATTERN, Value::Bytes(vec![0, 1, 1, 3])),
            "the pattern [0, 1, 1, 3] is not supported",
        ),
        (
            file().set(CFA_REPEAT_PATTERN_DIM, Value::Shorts(vec![6, 6])),
            "not supported",
        ),
        (
            file().without(CFA_PATTERN),
            "CFAPattern is missing in the directory at offset 8",
        ),
        (file().without(COLOR_MATRICES[0]), "ColorMatrix1 is missing"),
        (
            file().set(IMAGE_LENGTH, Value::Longs(vec![0])),
            "4 x 0 samples are none",
        ),
        (
            file().set(IMAGE_LENGTH, Value::Longs(vec![u32::MAX])),
            "ImageWidth at offset",
        ),
        (
            file().set(IMAGE_LENGTH, Value::Longs(vec![1 << 24])),
            "StripOffsets at offset",
        ),
        (file().set(ROWS_PER_STRIP, short(0)), "strips without rows"),
        (file().set(ROWS_PER_STRIP, short(1)), "2 values for 4 parts"),
        (
            file().set(STRIP_BYTE_COUNTS, Value::Longs(vec![16, 1 << 30])),
            "end beyond the file's end",
        ),
        (
            file().set(STRIP_BYTE_COUNTS, Value::Longs(vec![16, 15])),
            "15 bytes instead of 16",
        ),
        (
            file().set(STRIP_OFFSETS, Value::Longs(vec![0, 1 << 30])),
            "tile or strip 1 at offset 1073741824",
        ),
        (
            file().set(ACTIVE_AREA, Value::Shorts(vec![0, 0, 5, 4])),
            "ActiveArea at offset",
        ),
        (
            file().set(WHITE_LEVEL, Value::Longs(vec![70_000])),
            "WhiteLevel at offset",
        ),
        (
            file().set(EXIF_IFD, Value::Longs(vec![1 << 30])),
            "the file ends in a directory at offset 1073741824",
        ),
        (
            file().set(SUB_IFDS, Value::Longs(vec![8])),
            "the directory at offset 8 comes twice",
        ),
    ] {
        let error = file.error();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
}

#[test]
fn a_picture_that_is_too_large_takes_no_memory() {
    let side = Value::Longs(vec![1 << 14]);
    let file = File::new(Order::Little)
        .set(IMAGE_WIDTH, side.clone())
        .set(IMAGE_LENGTH, side);
    let bytes = file.bytes();
    assert!(matches!(
        read(&bytes),
        Err(Error::Field {
            tag: "StripOffsets",
            ..
        })
    ));
    assert!(matches!(
        read_up_to(&bytes, (1 << 28) - 1),
        Err(Error::Field {
            tag: "ImageWidth",
            ..
        })
    ));
}

#[test]
fn bytes_are_not_decoded_again_and_again() {
    let file = File::new(Order::Little);
    let offset = file.bytes().len() as u32 - 32;
    let file = file
        .set(IMAGE_LENGTH, Value::Longs(vec![400]))
        .set(STRIP_OFFSETS, Value::Longs(vec![offset; 200]))
        .set(STRIP_BYTE_COUNTS, Value::Longs(vec![16; 200]));
    let error = file.error();
    assert!(
        error.contains("those before it are more than the file has"),
        "{error}"
    );
}
