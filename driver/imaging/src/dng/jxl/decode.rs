//! JPEG XL to samples.

use jxl_oxide::{AllocTracker, JxlImage};

/// Memory that the decoder may take: some buffers of 32 bits a sample, and what it needs anyway.
const BYTES_PER_SAMPLE: usize = 32;
const BYTES: usize = 32 << 20;

/// Decodes one grey picture of a known size.
///
/// # Errors
/// What is wrong, for people.
pub(in crate::dng) fn decode(
    bytes: &[u8],
    [width, height]: [usize; 2],
) -> Result<Vec<u16>, String> {
    let wrong = |reason: String| Err(format!("JPEG XL: {reason}"));
    let limit = width * height * BYTES_PER_SAMPLE + BYTES;
    let builder = JxlImage::builder().alloc_tracker(AllocTracker::with_limit(limit));
    let image = match builder.read(bytes) {
        Ok(image) => image,
        Err(error) => return wrong(error.to_string()),
    };
    let (columns, rows) = (image.width() as usize, image.height() as usize);
    if (columns, rows) != (width, height) {
        return wrong(format!(
            "{columns} x {rows} samples instead of {width} x {height}"
        ));
    }
    let metadata = &image.image_header().metadata;
    if !image.pixel_format().is_grayscale() || metadata.orientation != 1 {
        return wrong("it is not one grey picture".into());
    }
    let depth = metadata.bit_depth.bits_per_sample();
    if !image.is_loading_done() || image.num_loaded_keyframes() == 0 {
        return wrong("it ends too early".into());
    }
    let render = match image.render_frame(0) {
        Ok(render) => render,
        Err(error) => return wrong(error.to_string()),
    };
    let mut samples = vec![0u16; width * height];
    let mut stream = render.stream_no_alpha();
    if stream.channels() != 1 || stream.write_to_buffer(&mut samples) != samples.len() {
        return wrong("samples are missing".into());
    }
    if depth < 16 {
        // They come as fractions of 65535.
        let most = (1u32 << depth) - 1;
        for sample in &mut samples {
            *sample = ((u32::from(*sample) * most + 32_767) / 65_535) as u16;
        }
    }
    Ok(samples)
}
