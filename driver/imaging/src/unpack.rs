//! Raw formats as libcamera gives them, to one sample in 16 bits each.
//!
//! Layouts: MIPI CSI-2 1.3 sections 11.4.2 to 11.4.5 (`*_CSI2P`), the kernel's
//! `Documentation/userspace-api/media/v4l/pixfmt-srggb*.rst`.

/// How the samples of a row lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// One byte each.
    Bytes,
    /// Two bytes each, least significant byte first.
    Words,
    /// Four samples of 10 bits in five bytes: the upper eight bits of each, then the lower ones.
    Csi2p10,
    /// Two samples of 12 bits in three bytes.
    Csi2p12,
    /// Four samples of 14 bits in seven bytes.
    Csi2p14,
}

impl Packing {
    /// Bytes of a row of so many samples, without padding.
    pub const fn row_bytes(self, samples: usize) -> usize {
        match self {
            Self::Bytes => samples,
            Self::Words => samples * 2,
            Self::Csi2p10 => samples.div_ceil(4) * 5,
            Self::Csi2p12 => samples.div_ceil(2) * 3,
            Self::Csi2p14 => samples.div_ceil(4) * 7,
        }
    }

    /// Reads a row. Samples whose bytes are missing stay as they are.
    pub fn unpack(self, bytes: &[u8], samples: &mut [u16]) {
        match self {
            Self::Bytes => {
                for (sample, byte) in samples.iter_mut().zip(bytes) {
                    *sample = u16::from(*byte);
                }
            }
            Self::Words => {
                let (words, _) = bytes.as_chunks();
                for (sample, word) in samples.iter_mut().zip(words) {
                    *sample = u16::from_le_bytes(*word);
                }
            }
            Self::Csi2p10 => groups(bytes, samples, |&[a, b, c, d, low]: &[u8; 5]| {
                [a, b, c, d].map(u16::from).map({
                    let mut shift = 0;
                    move |high| {
                        let sample = high << 2 | u16::from(low >> shift & 3);
                        shift += 2;
                        sample
                    }
                })
            }),
            Self::Csi2p12 => groups(bytes, samples, |&[a, b, low]: &[u8; 3]| {
                [
                    u16::from(a) << 4 | u16::from(low & 15),
                    u16::from(b) << 4 | u16::from(low >> 4),
                ]
            }),
            Self::Csi2p14 => groups(bytes, samples, |&[a, b, c, d, x, y, z]: &[u8; 7]| {
                let low = u32::from_le_bytes([x, y, z, 0]);
                let mut shift = 0;
                [a, b, c, d].map(|high| {
                    let sample = u16::from(high) << 6 | (low >> shift & 63) as u16;
                    shift += 6;
                    sample
                })
            }),
        }
    }
}

/// Reads groups of samples; of the last group as many as there is room for.
fn groups<const BYTES: usize, const SAMPLES: usize>(
    bytes: &[u8],
    samples: &mut [u16],
    read: impl Fn(&[u8; BYTES]) -> [u16; SAMPLES],
) {
    let (groups, _) = bytes.as_chunks();
    let (whole, rest) = samples.as_chunks_mut();
    let after = groups.get(whole.len());
    for (samples, group) in whole.iter_mut().zip(groups) {
        *samples = read(group);
    }
    if let Some(group) = after {
        for (sample, value) in rest.iter_mut().zip(read(group)) {
            *sample = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the kernel's documentation draws it.
    fn packed(packing: Packing, samples: &[u16]) -> Vec<u8> {
        let group = |count: usize, bits: u32| {
            let mut bytes = Vec::new();
            for group in samples.chunks(count) {
                let mut group = group.to_vec();
                group.resize(count, 0);
                bytes.extend(group.iter().map(|sample| (sample >> (bits - 8)) as u8));
                let low = group.iter().rev().fold(0u32, |low, sample| {
                    low << (bits - 8) | u32::from(sample & ((1 << (bits - 8)) - 1))
                });
                let length = count * (bits as usize - 8) / 8;
                bytes.extend(&low.to_le_bytes()[..length]);
            }
            bytes
        };
        match packing {
            Packing::Bytes => samples.iter().map(|sample| *sample as u8).collect(),
            Packing::Words => samples
                .iter()
                .flat_map(|sample| sample.to_le_bytes())
                .collect(),
            Packing::Csi2p10 => group(4, 10),
            Packing::Csi2p12 => group(2, 12),
            Packing::Csi2p14 => group(4, 14),
        }
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_packed(
            (packing, bits) in prop_oneof![
                Just((Packing::Bytes, 8)), Just((Packing::Words, 16)), Just((Packing::Csi2p10, 10)),
                Just((Packing::Csi2p12, 12)), Just((Packing::Csi2p14, 14)),
            ],
            samples in proptest::collection::vec(any::<u16>(), 0..40),
            missing in 0..20usize,
        ) {
            let samples: Vec<u16> = samples.iter().map(|sample| sample >> (16 - bits)).collect();
            let mut bytes = packed(packing, &samples);
            prop_assert_eq!(bytes.len(), packing.row_bytes(samples.len()));
            let mut read = vec![0xffff; samples.len()];
            packing.unpack(&bytes, &mut read);
            prop_assert_eq!(&read, &samples);
            bytes.truncate(bytes.len().saturating_sub(missing));
            packing.unpack(&bytes, &mut read);
            prop_assert_eq!(&read, &samples);
        }
    }
}
