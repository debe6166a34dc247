//! Lossless JPEG streams of any content.

#![no_main]

use bayonet_imaging::lossless_jpeg::decode;
use libfuzzer_sys::fuzz_target;

const MOST_SAMPLES: usize = 1 << 18;

fuzz_target!(|data: &[u8]| {
    if let Ok(decoded) = decode(data, MOST_SAMPLES) {
        assert_eq!(decoded.samples.len(), decoded.width * decoded.height);
        assert!(decoded.samples.len() <= MOST_SAMPLES);
    }
});
