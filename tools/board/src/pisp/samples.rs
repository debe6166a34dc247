//! Arithmetic on 16-bit samples that a compiler turns into vector code.
//!
//! Plain SSE2 multiplies and packs signed 16-bit lanes only, so products are formed on samples moved down by half
//! their range, and results leave through a signed saturation.

/// Half the range of a sample.
pub(crate) const HALF: i32 = 0x8000;

/// The sample minus [`HALF`].
#[inline(always)]
pub(crate) fn centred(sample: u16) -> i32 {
    i32::from((sample ^ 0x8000) as i16)
}

/// The sample whose [`centred`] value is nearest to `value`.
#[inline(always)]
pub(crate) fn saturate_centred(value: i32) -> u16 {
    (value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16 as u16) ^ 0x8000
}

/// The sample nearest to `value`.
#[inline(always)]
pub(crate) fn saturate(value: i32) -> u16 {
    saturate_centred(value - HALF)
}

/// Copies little-endian samples out of memory.
pub(crate) fn from_le(bytes: &[u8], samples: &mut [u16]) {
    for (sample, pair) in samples.iter_mut().zip(bytes.chunks_exact(2)) {
        *sample = u16::from_le_bytes([pair[0], pair[1]]);
    }
}

/// Copies samples into memory, little-endian.
pub(crate) fn to_le(samples: &[u16], bytes: &mut [u8]) {
    for (sample, pair) in samples.iter().zip(bytes.chunks_exact_mut(2)) {
        pair.copy_from_slice(&sample.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturation_keeps_the_range() {
        for sample in [0, 1, 0x7fff, 0x8000, 0xffff] {
            assert_eq!(saturate_centred(centred(sample)), sample);
            assert_eq!(saturate(i32::from(sample)), sample);
        }
        assert_eq!((saturate(-1), saturate(70_000)), (0, 0xffff));
    }
}
