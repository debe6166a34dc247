use super::*;
use proptest::prelude::*;

fn encoded(samples: &[u16], width: usize, bits: u8) -> Vec<u8> {
    let tile = Tile {
        samples,
        stride: width,
        width,
        height: samples.len() / width,
        bits,
    };
    let mut out = Vec::new();
    Encoder::default().encode(&tile, &mut out);
    out
}

/// A picture with noise in its light, as a sensor gives it.
fn noisy(width: usize, height: usize, bits: u8) -> Vec<u16> {
    let mut state = 1u32;
    let most = (1u32 << bits) - 1;
    let samples = (0..width * height).map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = (index % width, index / width);
        let colour = 1 + (x % 2 + y % 2) as u32;
        let light = (x * 3 + y) as u32 * most / (4 * (width + height) as u32) / colour;
        (light + (state >> 20) % 64).min(most) as u16
    });
    samples.collect()
}

#[test]
fn a_tile_comes_back() {
    for bits in [10, 12, 14, 16] {
        let samples = noisy(64, 48, bits);
        let bytes = encoded(&samples, 64, bits);
        let decoded = decode(&bytes, samples.len()).unwrap();
        assert_eq!(decoded.samples, samples);
        assert_eq!(
            (decoded.width, decoded.height, decoded.bits),
            (128, 24, bits)
        );
        assert!(bytes.len() < samples.len() * usize::from(bits) / 8);
    }
}

#[test]
fn a_part_of_a_larger_picture_is_encoded() {
    let picture = noisy(100, 40, 12);
    let tile = Tile {
        samples: &picture[100 * 8 + 20..100 * 40 - 16],
        stride: 100,
        width: 64,
        height: 32,
        bits: 12,
    };
    let mut bytes = vec![7];
    Encoder::default().encode(&tile, &mut bytes);
    let expected: Vec<u16> = (8..40)
        .flat_map(|y| &picture[100 * y + 20..100 * y + 84])
        .copied()
        .collect();
    assert_eq!(decode(&bytes[1..], 64 * 32).unwrap().samples, expected);
}

#[test]
fn an_encoder_does_not_remember_pictures() {
    let mut encoder = Encoder::default();
    let mut of = |samples: &[u16], width: usize| {
        let tile = Tile {
            samples,
            stride: width,
            width,
            height: samples.len() / width,
            bits: 12,
        };
        let mut out = Vec::new();
        encoder.encode(&tile, &mut out);
        out
    };
    let small = noisy(16, 16, 12);
    let first = of(&small, 16);
    of(&noisy(64, 64, 12), 64);
    assert_eq!(of(&small, 16), first);
}

#[test]
fn a_picture_that_is_larger_than_expected_is_refused() {
    let bytes = encoded(&noisy(64, 48, 12), 64, 12);
    let error = decode(&bytes, 64 * 48 - 1).unwrap_err();
    assert!(
        error.to_string().contains("64 x 24 pixels of 2 components"),
        "{error}"
    );
}

#[test]
fn every_cut_is_an_error() {
    let bytes = encoded(&noisy(16, 8, 12), 16, 12);
    for length in 0..bytes.len() - 2 {
        assert!(
            decode(&bytes[..length], 1 << 20).is_err(),
            "cut at {length}"
        );
    }
}

/// Three components, predictor 4, restarts: as other programs may write.
#[test]
fn restarts_and_other_predictors_are_read() {
    // One code for each of two categories: 0 and 1.
    let mut bytes = vec![0xff, SOI, 0xff, DHT, 0, 21, 0, 1, 1];
    bytes.extend([0; 14]);
    bytes.extend([0, 1]);
    bytes.extend([0xff, DRI, 0, 4, 0, 2]);
    bytes.extend([0xff, SOF3, 0, 11, 8, 0, 2, 0, 2, 1, 9, 0x11, 0]);
    bytes.extend([0xff, SOS, 0, 8, 1, 9, 0, 4, 0, 0]);
    // 128 + 1 and + 0; after the restart 128 - 1 and + 1.
    bytes.extend([0b1010_1111, 0xff, RST0, 0b1001_0111, 0xff, EOI]);
    let decoded = decode(&bytes, 100).unwrap();
    assert_eq!(decoded.samples, [129, 129, 127, 128]);
    bytes[30] = 3;
    assert!(matches!(decode(&bytes, 100), Err(Error::Unsupported(_))));
}

proptest! {
    #[test]
    fn whatever_samples_are_they_come_back(
        (bits, width, samples) in (2..=16u8, 1..20usize, 1..20usize).prop_flat_map(|(bits, width, height)| {
            let most = ((1u32 << bits) - 1) as u16;
            let sample = prop_oneof![Just(0), Just(most), 0..=most];
            let samples = proptest::collection::vec(sample, 4 * width * height);
            (Just(bits), Just(2 * width), samples)
        })
    ) {
        let decoded = decode(&encoded(&samples, width, bits), samples.len()).unwrap();
        prop_assert_eq!(decoded.samples, samples);
    }

    #[test]
    fn whatever_bytes_are_decoding_ends(
        at in 0..2000usize, byte in any::<u8>(), length in 0..2000usize,
    ) {
        let mut bytes = encoded(&noisy(32, 16, 12), 32, 12);
        let count = bytes.len();
        bytes[at % count] = byte;
        bytes.truncate(length.max(1));
        let _ = decode(&bytes, 1 << 16);
    }
}
