//! Photographs as scenes: PNG or JPEG files into linear light.
//!
//! Colours are taken as sRGB whatever profile the file names; transparency is ignored.

use super::chart::srgb_to_linear;
use super::plane::shrink;
use super::scene::SceneError;
use image::{ImageReader, Limits};
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
