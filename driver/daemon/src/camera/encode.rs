//! Frames to files: JPEG and PNG, row by row from the buffer.

use super::pixels::Picture;
use super::tags::{self, Shot};
use crate::wire::Encoding;
use jpeg_encoder::{Encoder, SamplingFactor};
use std::borrow::Cow;
use std::io::Write;

/// The encoded file.
///
/// # Errors
/// A sentence that says what the format cannot hold.
pub fn encode(picture: Picture<'_>, encoding: Encoding, shot: &Shot) -> Result<Vec<u8>, String> {
    let tags = tags::tiff(shot, picture.width(), picture.height())?;
    match encoding {
        Encoding::Jpeg { quality } => {
            jpeg(picture, quality, &tags).map_err(|error| format!("JPEG: {error}"))
        }
        Encoding::Png => png(&picture, tags).map_err(|error| format!("PNG: {error}")),
    }
}

fn jpeg(
    picture: Picture<'_>,
    quality: u8,
    tags: &[u8],
) -> Result<Vec<u8>, jpeg_encoder::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality.clamp(1, 100));
    // What the sensor's mosaic and the processed formats hold of colour.
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.add_exif_metadata(tags)?;
    encoder.encode_image(picture)?;
    Ok(file)
}

fn png(picture: &Picture<'_>, tags: Vec<u8>) -> Result<Vec<u8>, png::EncodingError> {
    let mut info = png::Info::with_size(picture.width().into(), picture.height().into());
    info.color_type = png::ColorType::Rgb;
    info.bit_depth = png::BitDepth::Eight;
    info.exif_metadata = Some(Cow::Owned(tags));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut file, info)?;
    encoder.set_compression(png::Compression::Fast);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    let mut rows = writer.stream_writer()?;
    let mut row = Vec::with_capacity(3 * usize::from(picture.width()));
    for y in 0..picture.height() {
        row.clear();
        picture.rgb_row(y, &mut row);
        rows.write_all(&row)?;
    }
    rows.finish()?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::pixels::{Format, Layout};
    use super::*;
    use std::time::UNIX_EPOCH;

    const LAYOUT: Layout = Layout {
        format: Format::Nv12,
        width: 34,
        height: 18,
        stride: 64,
    };

    fn shot() -> Shot {
        Shot {
            model: "imx219".to_owned(),
            taken: UNIX_EPOCH,
            exposure: None,
            gain: None,
            lens: None,
            place: None,
        }
    }

    /// Luma rises from left to right, colour is the same red everywhere.
    fn encoded(encoding: Encoding) -> Vec<u8> {
        let luma: Vec<u8> = (0..64 * 18).map(|at| 60 + (at % 64) as u8 * 3).collect();
        let chroma = [100, 180].repeat(32 * 9);
        let picture = Picture::new(LAYOUT, vec![&luma, &chroma]).unwrap();
        encode(picture, encoding, &shot()).unwrap()
    }

    fn exif_model(exif: &exif::Exif) -> String {
        let field = exif.get_field(exif::Tag::Model, exif::In::PRIMARY);
        field.unwrap().display_value().to_string()
    }

    #[test]
    fn a_png_has_the_pixels_and_the_tags() {
        let file = encoded(Encoding::Png);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (34, 18));
        // Y 60 and 159, Cb 100, Cr 180 by JFIF's equations.
        assert_eq!(pixels[..3], [133, 33, 10]);
        assert_eq!(pixels[33 * 3..34 * 3], [232, 132, 109]);
        let read = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(file));
        assert_eq!(exif_model(&read.unwrap()), "\"imx219\"");
    }

    #[test]
    fn a_jpeg_is_whole_and_has_the_tags() {
        let [small, large] = [10, 100].map(|quality| encoded(Encoding::Jpeg { quality }));
        assert!(small.len() < large.len());
        for file in [small, large] {
            assert!(file.starts_with(&[0xff, 0xd8]) && file.ends_with(&[0xff, 0xd9]));
            let read = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(file));
            assert_eq!(exif_model(&read.unwrap()), "\"imx219\"");
        }
    }

    #[test]
    fn a_jpeg_has_the_pixels() {
        let file = encoded(Encoding::Jpeg { quality: 100 });
        let picture = image::load_from_memory(&file).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (34, 18));
        for (x, expected) in [(0, [133, 33, 10]), (33, [232, 132, 109])] {
            let found = picture.get_pixel(x, 17).0;
            let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 3;
            assert!(found.iter().zip(&expected).all(near), "{x}: {found:?}");
        }
    }
}
