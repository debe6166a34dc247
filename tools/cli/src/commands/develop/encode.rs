//! Developed pictures to files, straight to where they are written.

use super::tags;
use anyhow::Context;
use bayonet_imaging::dng::ifd::{Directory, Value};
use bayonet_imaging::dng::negative::Negative;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use std::borrow::Cow;
use std::io::Write;

/// How a picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Jpeg { quality: u8 },
    Png { bits: u8 },
    Tiff,
}

/// Red, green and blue of each pixel, row by row.
#[derive(Debug)]
pub(super) enum Numbers {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// Quality from which colours are stored at every pixel: below it, at every second one in both directions.
const ALL_COLOURS: u8 = 90;
/// Pixels that are brought into a file's byte order at once.
const STEP: usize = 1 << 14;
/// Fields of TIFF 6.0's first directory.
const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC_INTERPRETATION: u16 = 262;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const PLANAR_CONFIGURATION: u16 = 284;
const NOT_COMPRESSED: u16 = 1;
const RGB: u16 = 2;
const TOGETHER: u16 = 1;

impl Encoding {
    pub(super) fn is_sixteen_bits(self) -> bool {
        matches!(self, Self::Png { bits: 16 } | Self::Tiff)
    }
}

/// Writes a picture of this size.
///
/// # Errors
/// When the format cannot hold it, or it cannot be written.
pub(super) fn write(
    encoding: Encoding,
    negative: &Negative,
    size: [usize; 2],
    numbers: &Numbers,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let directory = tags::directory(negative, size);
    match (encoding, numbers) {
        (Encoding::Jpeg { quality }, Numbers::Eight(numbers)) => {
            jpeg(quality, &directory, size, numbers, out)
        }
        (Encoding::Png { .. }, Numbers::Eight(numbers)) => {
            let depth = png::BitDepth::Eight;
            png(depth, &directory, size, out, |rows| {
                Ok(rows.write_all(numbers)?)
            })
        }
        (_, Numbers::Sixteen(numbers)) if encoding != Encoding::Tiff => {
            let depth = png::BitDepth::Sixteen;
            png(depth, &directory, size, out, |rows| {
                in_bytes(numbers, u16::to_be_bytes, rows)
            })
        }
        (_, Numbers::Sixteen(numbers)) => tiff(directory, size, numbers, out),
        (Encoding::Tiff, Numbers::Eight(_)) => unreachable!("a TIFF has sixteen bits"),
    }
}

fn jpeg(
    quality: u8,
    directory: &Directory,
    size: [usize; 2],
    numbers: &[u8],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let [width, height] = size.map(u16::try_from);
    let (width, height) = width
        .and_then(|width| Ok((width, height?)))
        .context("a JPEG has 65535 x 65535 pixels at most: write a PNG or a TIFF")?;
    let mut exif = Vec::new();
    directory.write(&mut exif)?;
    let mut encoder = Encoder::new(out, quality);
    encoder.set_sampling_factor(if quality < ALL_COLOURS {
        SamplingFactor::F_2_2
    } else {
        SamplingFactor::F_1_1
    });
    encoder.add_exif_metadata(&exif)?;
    Ok(encoder.encode(numbers, width, height, ColorType::Rgb)?)
}

fn png<W: Write>(
    depth: png::BitDepth,
    directory: &Directory,
    [width, height]: [usize; 2],
    out: &mut W,
    fill: impl FnOnce(&mut png::StreamWriter<'_, &mut W>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut exif = Vec::new();
    directory.write(&mut exif)?;
    let mut info = png::Info::with_size(u32::try_from(width)?, u32::try_from(height)?);
    info.color_type = png::ColorType::Rgb;
    info.bit_depth = depth;
    info.exif_metadata = Some(Cow::Owned(exif));
    let mut encoder = png::Encoder::with_info(out, info)?;
    encoder.set_compression(png::Compression::Fast);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    let mut rows = writer.stream_writer()?;
    fill(&mut rows)?;
    rows.finish()?;
    Ok(writer.finish()?)
}

/// A TIFF with one strip behind the directories.
fn tiff(
    mut directory: Directory,
    [width, height]: [usize; 2],
    numbers: &[u16],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let too_large = "a TIFF of more than 4 GiB cannot be written";
    let count = u32::try_from(size_of_val(numbers)).context(too_large)?;
    directory
        .set(IMAGE_WIDTH, Value::Longs(vec![u32::try_from(width)?]))
        .set(IMAGE_LENGTH, Value::Longs(vec![u32::try_from(height)?]))
        .set(BITS_PER_SAMPLE, Value::Shorts(vec![16; 3]))
        .set(COMPRESSION, Value::Shorts(vec![NOT_COMPRESSED]))
        .set(PHOTOMETRIC_INTERPRETATION, Value::Shorts(vec![RGB]))
        .set(STRIP_OFFSETS, Value::Longs(vec![0]))
        .set(SAMPLES_PER_PIXEL, Value::Shorts(vec![3]))
        .set(ROWS_PER_STRIP, Value::Longs(vec![u32::try_from(height)?]))
        .set(STRIP_BYTE_COUNTS, Value::Longs(vec![count]))
        .set(PLANAR_CONFIGURATION, Value::Shorts(vec![TOGETHER]));
    // Once to know how long it is, once with what begins behind it.
    let mut head = Vec::new();
    directory.write(&mut head)?;
    let offset = u32::try_from(head.len().next_multiple_of(2)).context(too_large)?;
    offset.checked_add(count).context(too_large)?;
    head.clear();
    directory.set(STRIP_OFFSETS, Value::Longs(vec![offset]));
    directory.write(&mut head)?;
    head.resize(offset as usize, 0);
    out.write_all(&head)?;
    in_bytes(numbers, u16::to_le_bytes, out)
}

fn in_bytes(
    numbers: &[u16],
    bytes: impl Fn(u16) -> [u8; 2],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut some = Vec::with_capacity(6 * STEP);
    for part in numbers.chunks(3 * STEP) {
        some.clear();
        some.extend(part.iter().flat_map(|number| bytes(*number)));
        out.write_all(&some)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tags::tests::negative;
    use super::*;
    use exif::{In, Reader, Tag};
    use std::io::Cursor;

    const SIZE: [usize; 2] = [64, 48];

    /// Red rises from left to right, green from top to bottom.
    fn sixteen() -> Vec<u16> {
        let pixel = |index: usize| [(index % 64) * 1000, (index / 64) * 1000, 20000];
        (0..64 * 48)
            .flat_map(pixel)
            .map(|number| number as u16)
            .collect()
    }

    fn written(encoding: Encoding) -> Vec<u8> {
        let sixteen = sixteen();
        let numbers = if encoding.is_sixteen_bits() {
            Numbers::Sixteen(sixteen)
        } else {
            Numbers::Eight(sixteen.iter().map(|number| (number >> 8) as u8).collect())
        };
        let mut file = Vec::new();
        write(encoding, &negative(), SIZE, &numbers, &mut file).unwrap();
        file
    }

    fn lens(file: &[u8]) -> String {
        let exif = Reader::new()
            .read_from_container(&mut Cursor::new(file))
            .unwrap();
        let field = exif.get_field(Tag::LensModel, In::PRIMARY);
        field.unwrap().display_value().to_string()
    }

    #[test]
    fn a_png_has_every_number_and_the_tags() {
        for bits in [8, 16] {
            let file = written(Encoding::Png { bits });
            let picture = image::load_from_memory(&file).unwrap();
            let expected = sixteen();
            match bits {
                8 => {
                    let expected: Vec<u8> = expected.iter().map(|it| (it >> 8) as u8).collect();
                    assert_eq!(picture.as_rgb8().unwrap().as_raw(), &expected);
                }
                _ => assert_eq!(picture.as_rgb16().unwrap().as_raw(), &expected),
            }
            assert_eq!(lens(&file), "\"Summilux-M 1:1.4/50\"");
        }
    }

    #[test]
    fn a_jpeg_has_the_picture_and_the_tags_whatever_its_quality() {
        let [small, large] = [60, 95].map(|quality| written(Encoding::Jpeg { quality }));
        assert!(small.len() < large.len());
        for file in [small, large] {
            let picture = image::load_from_memory(&file).unwrap().into_rgb8();
            assert_eq!(picture.dimensions(), (64, 48));
            for (x, y) in [(5, 40), (33, 20), (60, 5)] {
                let found = picture.get_pixel(x, y).0;
                let expected = [x * 1000 / 256, y * 1000 / 256, 78].map(|it| it as u8);
                let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 12;
                assert!(
                    found.iter().zip(&expected).all(near),
                    "{found:?} {expected:?}"
                );
            }
            assert_eq!(lens(&file), "\"Summilux-M 1:1.4/50\"");
        }
    }

    #[test]
    fn a_tiff_has_every_number_behind_its_directories() {
        let file = written(Encoding::Tiff);
        assert_eq!(lens(&file), "\"Summilux-M 1:1.4/50\"");
        let exif = Reader::new()
            .read_from_container(&mut Cursor::new(&file))
            .unwrap();
        let number = |tag: Tag| {
            let field = exif.get_field(tag, In::PRIMARY).unwrap();
            field.value.get_uint(0).unwrap() as usize
        };
        assert_eq!(number(Tag::BitsPerSample), 16);
        assert_eq!(number(Tag::PhotometricInterpretation), 2);
        let offset = number(Tag::StripOffsets);
        assert_eq!(offset % 2, 0);
        assert_eq!(offset + number(Tag::StripByteCounts), file.len());
        let numbers = file[offset..].as_chunks::<2>().0.iter();
        let numbers: Vec<u16> = numbers.map(|bytes| u16::from_le_bytes(*bytes)).collect();
        assert_eq!(numbers, sixteen());
    }

    #[test]
    fn a_jpeg_that_cannot_be_is_told() {
        let numbers = Numbers::Eight(vec![0; 3 * 70_000]);
        let jpeg = Encoding::Jpeg { quality: 90 };
        let refused = write(jpeg, &negative(), [70_000, 1], &numbers, &mut Vec::new());
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("write a PNG or a TIFF")
        );
    }
}
