//! DNG files of any content. What was read and can be written comes back.

#![no_main]

use bayonet_imaging::demosaic::Mosaic;
use bayonet_imaging::dng::read;
use bayonet_imaging::dng::write::{Compression, Moment, Template, pattern_of_all};
use libfuzzer_sys::fuzz_target;

/// Small, so that an input does not take long.
const MOST_SAMPLES: usize = 1 << 18;

fuzz_target!(|data: &[u8]| {
    let _ = read::preview(data);
    let Ok((negative, samples)) = read::read_up_to(data, MOST_SAMPLES) else {
        return;
    };
    let raw = &negative.raw;
    assert_eq!(samples.len(), raw.width * raw.height);
    let Ok(mut template) = Template::new(&negative, Compression::LosslessJpeg, None) else {
        return;
    };
    let mosaic = Mosaic {
        samples: &samples,
        stride: raw.width,
        width: raw.width,
        height: raw.height,
        pattern: pattern_of_all(&negative),
        white: raw.white,
    };
    let mut file = Vec::new();
    if template.write(&mosaic, &Moment::of(&negative), &mut file).is_ok() {
        let (again, decoded) = read::read(&file).expect("our own file");
        assert_eq!((again.raw.active, decoded), (raw.active, samples));
    }
});
