//! The gamma curve: 64 straight pieces, expanded to one entry per sample value.

use super::layout::{be, u32_at};

/// Pieces of the curve (`PISP_BE_GAMMA_LUT_SIZE`).
const PIECES: usize = 64;
const SAMPLES: usize = 1 << 16;

/// The curve's value for every sample; empty until configured.
#[derive(Default)]
pub(crate) struct Gamma {
    pieces: Vec<u32>,
    values: Vec<u16>,
}

/// Which piece a sample lies in, how far from its start, and the logarithm of the piece's length: 32 pieces of 512, 16
/// of 1024, 16 of 2048 (libcamera's `generateLut`).
fn piece(sample: u32) -> (usize, u32, u32) {
    match sample {
        0..0x4000 => ((sample >> 9) as usize, sample & 511, 9),
        0x4000..0x8000 => (16 + (sample >> 10) as usize, sample & 1023, 10),
        _ => (32 + (sample >> 11) as usize, sample & 2047, 11),
    }
}

impl Gamma {
    /// Takes the table of a job; the expansion is kept while the table stays the same.
    pub(crate) fn configure(&mut self, config: &[u8]) {
        let pieces = (0..PIECES).map(|index| u32_at(config, be::GAMMA + 4 * index));
        if self.values.len() == SAMPLES && pieces.clone().eq(self.pieces.iter().copied()) {
            return;
        }
        self.pieces.clear();
        self.pieces.extend(pieces);
        self.values.clear();
        self.values.extend((0..SAMPLES as u32).map(|sample| {
            let (index, place, log_length) = piece(sample);
            // Start in the low half, rise over the whole piece in the high half.
            let (start, rise) = (self.pieces[index] & 0xffff, self.pieces[index] >> 16);
            (start + ((rise * place) >> log_length)).min(0xffff) as u16
        }));
    }

    pub(crate) fn apply(&self, planes: &mut [Vec<u16>; 3]) {
        let Some(values) = self.values.first_chunk::<SAMPLES>() else {
            return;
        };
        for plane in planes {
            for value in plane {
                *value = values[usize::from(*value)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pisp::layout::BE_CONFIG_SIZE;

    #[test]
    fn pieces_join_and_interpolate() {
        let mut config = vec![0; BE_CONFIG_SIZE];
        for index in 0..PIECES as u32 {
            let entry = (index * 1000) | (1000 << 16);
            config[be::GAMMA + 4 * index as usize..][..4].copy_from_slice(&entry.to_le_bytes());
        }
        let mut gamma = Gamma::default();
        gamma.configure(&config);
        let mut planes = [
            vec![0, 511, 512, 768],
            vec![16_384, 16_896, 32_767],
            vec![32_768, 33_792, 65_535],
        ];
        gamma.apply(&mut planes);
        assert_eq!(planes[0], [0, 998, 1000, 1500]);
        assert_eq!(planes[1], [32_000, 32_500, 47_999]);
        assert_eq!(planes[2], [48_000, 48_500, 63_999]);
        assert!((1..SAMPLES).all(|sample| gamma.values[sample] >= gamma.values[sample - 1]));
    }
}
