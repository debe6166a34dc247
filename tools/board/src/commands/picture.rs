//! Frames of libcamera's `XRGB8888` as PNG files.

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use std::path::Path;

/// libcamera's name of the pixel format that [`write_png`] takes.
pub(crate) const PIXEL_FORMAT: &str = "XRGB8888";
/// In memory: blue, green, red, unused (`DRM_FORMAT_XRGB8888` is little endian).
const PIXEL: usize = 4;

/// Writes a frame as PNG. The rows' length in memory follows from the frame's.
///
/// # Errors
/// When the frame has no `height` rows of at least `width` pixels, or the file cannot be written.
pub(crate) fn write_png(frame: &[u8], width: u32, height: u32, target: &Path) -> Result<()> {
    let picture = unpack(frame, width, height)?;
    picture
        .save(target)
        .with_context(|| format!("writing {}", target.display()))
}

fn unpack(frame: &[u8], width: u32, height: u32) -> Result<RgbImage> {
    let (row, rows) = (width as usize * PIXEL, height as usize);
    let stride = frame.len() / rows.max(1);
    ensure!(
        row > 0 && stride >= row && frame.len().is_multiple_of(rows),
        "a frame of {} bytes is not one of {width}x{height} {PIXEL_FORMAT} pixels",
        frame.len()
    );
    let bytes = frame
        .chunks_exact(stride)
        .flat_map(|line| line[..row].chunks_exact(PIXEL))
        .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect();
    RgbImage::from_raw(width, height, bytes).context("the frame's size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_reordered_and_padding_is_left_out() {
        let frame = [
            3, 2, 1, 0, 6, 5, 4, 0, 99, 99, 99, 99, 9, 8, 7, 0, 12, 11, 10, 0, 99, 99, 99, 99,
        ];
        let picture = unpack(&frame, 2, 2).unwrap();
        assert_eq!(picture.as_raw(), &(1..=12).collect::<Vec<u8>>());
    }

    #[test]
    fn frames_of_another_size_are_refused() {
        assert!(unpack(&[0; 15], 2, 2).is_err());
        assert!(unpack(&[0; 17], 2, 2).is_err());
        assert!(unpack(&[], 2, 2).is_err());
        assert!(unpack(&[0; 16], 2, 0).is_err());
    }
}
