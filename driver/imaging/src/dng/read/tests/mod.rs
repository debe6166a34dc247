//! Files of ours, whole and damaged.

mod others;

use super::*;
use crate::dng::sample::{self, mosaic, noisy};
use crate::dng::write::{Compression, Moment, Template};
use proptest::prelude::*;

const COMPRESSIONS: [Compression; 3] = [
    Compression::None,
    Compression::LosslessJpeg,
    Compression::JpegXl,
];

fn written(negative: &Negative, samples: &[u16], compression: Compression) -> Vec<u8> {
    let mut template = Template::new(negative, compression, None).unwrap();
    let mut out = Vec::new();
    template
        .write(
            &mosaic(&negative.raw, samples),
            &Moment::of(negative),
            &mut out,
        )
        .unwrap();
    out
}

#[test]
fn every_cut_is_an_error() {
    let negative = sample::negative(16, 16);
    let samples = noisy(&negative.raw);
    for compression in COMPRESSIONS {
        let mut file = written(&negative, &samples, compression);
        if file.last() == Some(&0) {
            // What made the last tile's end even.
            file.pop();
        }
        for length in 0..file.len() {
            assert!(
                read(&file[..length]).is_err(),
                "{compression:?} cut at {length}"
            );
            let _ = preview(&file[..length]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read((negative, samples) in sample::pictures()) {
        for compression in COMPRESSIONS {
            let (mut found, decoded) = read(&written(&negative, &samples, compression)).unwrap();
            prop_assert_eq!(&decoded, &samples);
            if compression == Compression::JpegXl {
                found.raw.bits = negative.raw.bits;
            }
            sample::assert_near(&found, &negative);
        }
    }
}

proptest! {
    #[test]
    fn any_changed_byte_is_read_or_refused(
        kind in 0..3usize, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..5),
        header in any::<bool>(),
    ) {
        let negative = sample::negative(16, 18);
        let mut file = written(&negative, &noisy(&negative.raw), COMPRESSIONS[kind]);
        let count = if header { 400 } else { file.len() };
        for (at, value) in changes {
            file[at % count] = value;
        }
        if let Ok((negative, samples)) = read_up_to(&file, 1 << 20) {
            prop_assert_eq!(samples.len(), negative.raw.width * negative.raw.height);
        }
        let _ = preview(&file);
    }

    #[test]
    fn any_bytes_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), order in any::<bool>()) {
        let begin: &[u8] = if order { b"II*\0\x08\0\0\0" } else { b"MM\0*\0\0\0\x08" };
        bytes.splice(0..0, begin.iter().copied());
        prop_assert!(read(&bytes).is_err());
    }
}
