//! Photographs as scenes: PNG or JPEG files into linear light.
//!
//! Colours are taken as sRGB whatever profile the file names; transparency is ignored.

use super::chart::srgb_to_linear;
use super::plane::shrink;
use super::scene::SceneError;
use image::{ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Longest side of a picture that is read.
const MAX_SIDE: u32 = 12_000;
/// Most pixels of a picture that is read: they are held at 3 bytes each while reading.
const MAX_PIXELS: u64 = 40_000_000;
/// Most memory a decoder may take.
const MAX_DECODER_BYTES: u64 = 256 << 20;
/// Most pixels kept: no sensor of the board sees more detail than this in a photograph of usual sharpness,
/// and two of them stay small beside the frames.
const KEPT_PIXELS: f64 = 6e6;

/// Width, height, and linear sRGB (65535 = white) of the picture in `bytes`; `name` is for errors.
pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<(usize, usize, Vec<u16>), SceneError> {
    let unreadable = |problem: String| SceneError::Unreadable {
        name: name.into(),
        problem,
    };
    let reader = || {
        let mut reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|error| unreadable(error.to_string()))?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_DECODER_BYTES);
        reader.limits(limits);
        Ok(reader)
    };
    if reader()?.format() == Some(ImageFormat::Jpeg) && !jpeg_is_whole(bytes) {
        return Err(unreadable("the file was cut off, it has no end".into()));
    }
    let (width, height) = reader()?
        .into_dimensions()
        .map_err(|error| unreadable(error.to_string()))?;
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(SceneError::TooLarge {
            name: name.into(),
            width,
            height,
        });
    }
    let picture = reader()?
        .decode()
        .map_err(|error| unreadable(error.to_string()))?
        .into_rgb8();
    let (width, height) = (width as usize, height as usize);
    let linear: [u16; 256] =
        std::array::from_fn(|code| (srgb_to_linear(code as f32 / 255.0) * 65535.0).round() as u16);
    let scale = (KEPT_PIXELS / (width * height) as f64).sqrt();
    if scale >= 1.0 {
        let pixels = picture
            .as_raw()
            .iter()
            .map(|&code| linear[usize::from(code)])
            .collect();
        return Ok((width, height, pixels));
    }
    let size = |side: usize| ((side as f64 * scale) as usize).max(1);
    let (kept_width, kept_height) = (size(width), size(height));
    let pixels = shrink(
        |y, row: &mut [f32]| {
            let codes = &picture.as_raw()[y * width * 3..][..width * 3];
            for (value, &code) in row.iter_mut().zip(codes) {
                *value = f32::from(linear[usize::from(code)]);
            }
        },
        (width, height),
        (kept_width, kept_height),
    );
    Ok((kept_width, kept_height, pixels))
}

/// Whether a JPEG file reaches its end marker: the decoder fills what is missing with grey.
///
/// Markers and segments are those of ITU-T T.81, annex B. What follows the end marker does not matter.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const PREFIX: u8 = 0xff;
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        // Samples lie between markers; in them 0 follows the prefix, or the number of a restart.
        let marker = rest.windows(2).position(|pair| {
            pair[0] == PREFIX && !matches!(pair[1], 0 | START | PREFIX | 0xd0..=0xd7)
        });
        match marker.map(|marker| &rest[marker + 1..]) {
            None => return false,
            Some([END, ..]) => return true,
            Some([_, high, low, after @ ..]) => {
                // The length counts itself.
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                at = bytes.len() - after.len() + length.saturating_sub(2);
            }
            Some(_) => return false,
        }
    }
}
