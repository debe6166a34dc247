use super::*;
use proptest::prelude::*;

fn encoded(samples: &[u16], size: [usize; 2], bits: u8) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::default().encode(samples, size, bits, &mut out);
    out
}

/// A ramp with noise.
fn noisy(size: [usize; 2], bits: u8) -> Vec<u16> {
    let most = (1u32 << bits) - 1;
    let mut state = 1u32;
    let [width, height] = size;
    let samples = (0..width * height).map(|index| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let light = index as u32 % width as u32 * most / (2 * width as u32);
        (light + (state >> 26)).min(most) as u16
    });
    samples.collect()
}

#[test]
fn a_tile_comes_back_and_is_smaller() {
    for (size, bits) in [
        ([80, 80], 10),
        ([512, 48], 12),
        ([48, 720], 14),
        ([1008, 1008], 16),
    ] {
        let samples = noisy(size, bits);
        let bytes = encoded(&samples, size, bits);
        assert_eq!(decode(&bytes, size).unwrap(), samples, "{size:?}");
        assert!(bytes.len() < samples.len() * usize::from(bits) / 8);
    }
}

#[test]
fn an_encoder_does_not_remember_pictures() {
    let mut encoder = Encoder::default();
    let (small, large) = (noisy([16, 16], 12), noisy([64, 80], 12));
    let mut of = |samples: &[u16], size| {
        let mut out = Vec::new();
        encoder.encode(samples, size, 12, &mut out);
        out
    };
    let first = of(&small, [16, 16]);
    of(&large, [64, 80]);
    assert_eq!(of(&small, [16, 16]), first);
}

#[test]
fn a_picture_of_another_size_is_refused() {
    let bytes = encoded(&[7; 256], [16, 16], 12);
    let error = decode(&bytes, [16, 32]).unwrap_err();
    assert_eq!(error, "JPEG XL: 16 x 16 samples instead of 16 x 32");
}

/// A brightness whose every error is the same has a code without bits.
#[test]
fn codes_of_one_symbol_take_no_bits() {
    let mut samples = vec![0; 16 * 32];
    samples[8] = 255;
    samples[9] = 255;
    for level in [0, 255] {
        samples[300..].fill(level);
        let bytes = encoded(&samples, [16, 32], 8);
        assert_eq!(decode(&bytes, [16, 32]).as_ref(), Ok(&samples));
    }
}

proptest! {
    #[test]
    fn whatever_samples_are_they_come_back(
        (bits, width, samples) in (8..=16u8, 1..3usize, 1..3usize).prop_flat_map(|(bits, width, height)| {
            let most = ((1u32 << bits) - 1) as u16;
            let sample = prop_oneof![Just(0), Just(most), 0..=most];
            let sample = prop_oneof![sample.clone(), sample, Just(most / 3)];
            let samples = proptest::collection::vec(sample, 256 * width * height);
            (Just(bits), Just(16 * width), samples)
        }),
        flat in any::<prop::sample::Index>(),
    ) {
        // Up to somewhere all are the same.
        let mut samples = samples;
        let flat = flat.index(samples.len() + 1);
        let first = samples[0];
        samples[..flat].fill(first);
        let size = [width, samples.len() / width];
        let decoded = decode(&encoded(&samples, size, bits), size);
        prop_assert_eq!(decoded.as_ref(), Ok(&samples));
    }
}
