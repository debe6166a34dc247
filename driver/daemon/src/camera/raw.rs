//! Raw frames as libcamera gives them, to samples.

use bayonet_imaging::demosaic::Pattern;
use bayonet_imaging::unpack::Packing;

/// DRM's modifier of the packing of MIPI CSI-2 (`MIPI_FORMAT_MOD_CSI2_PACKED`).
const CSI2_PACKED: u64 = 0x0b << 56 | 1;
/// Samples of so many bits may be narrower ones, moved up.
const WIDEST: u8 = 16;
/// Sensors have no fewer bits.
const NARROWEST: u8 = 8;

/// Orders of the colour filters, in the order in which formats are listed.
const PATTERNS: [Pattern; 4] = [Pattern::Rggb, Pattern::Grbg, Pattern::Gbrg, Pattern::Bggr];

/// Bits of a sample, and DRM's FourCC of each pattern.
const FORMATS: [(u8, [&[u8; 4]; 4]); 5] = [
    (8, [b"RGGB", b"GRBG", b"GBRG", b"BA81"]),
    (10, [b"RG10", b"BA10", b"GB10", b"BG10"]),
    (12, [b"RG12", b"BA12", b"GB12", b"BG12"]),
    (14, [b"RG14", b"GR14", b"GB14", b"BG14"]),
    (16, [b"RGB6", b"GR16", b"GB16", b"BYR2"]),
];

/// Order and packing of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    fourcc: u32,
    /// Order of the colour filters.
    pub pattern: Pattern,
    packing: Packing,
    bits: u8,
}

impl Format {
    /// The format of this FourCC and modifier of DRM's, if it is one that can be read.
    pub fn named(fourcc: u32, modifier: u64) -> Option<Self> {
        let code = fourcc.to_le_bytes();
        let (pattern, bits) = FORMATS.iter().find_map(|(bits, names)| {
            let index = names.iter().position(|name| **name == code)?;
            Some((PATTERNS[index], *bits))
        })?;
        let packing = match (modifier, bits) {
            (0, 8) => Packing::Bytes,
            (0, _) => Packing::Words,
            (CSI2_PACKED, 10) => Packing::Csi2p10,
            (CSI2_PACKED, 12) => Packing::Csi2p12,
            (CSI2_PACKED, 14) => Packing::Csi2p14,
            _ => return None,
        };
        Some(Self {
            fourcc,
            pattern,
            packing,
            bits,
        })
    }

    /// DRM's FourCC.
    pub fn fourcc(self) -> u32 {
        self.fourcc
    }
}

/// How a raw frame lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Order and packing of samples.
    pub format: Format,
    /// Samples a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from a row to the next one.
    pub stride: usize,
}

impl Layout {
    /// Reads a frame into `samples`; how many bits they have. Bits at the bottom that no sample uses are left out: the
    /// front end of the Raspberry Pi 5 moves the samples of every sensor up to 16 bits.
    ///
    /// # Errors
    /// A sentence, when the buffer is smaller than the frame.
    pub fn read(&self, bytes: &[u8], samples: &mut Vec<u16>) -> Result<u8, String> {
        let row = self.format.packing.row_bytes(self.width);
        let needed = self.stride * self.height.saturating_sub(1) + row;
        if row == 0 || self.stride < row || bytes.len() < needed {
            let found = bytes.len();
            return Err(format!(
                "{self:?} needs {needed} bytes, the buffer has {found}"
            ));
        }
        samples.resize(self.width * self.height, 0);
        let rows = samples.chunks_exact_mut(self.width);
        for (bytes, samples) in bytes.chunks(self.stride).zip(rows) {
            self.format.packing.unpack(bytes, samples);
        }
        if self.format.bits < WIDEST {
            return Ok(self.format.bits);
        }
        let used = samples.iter().fold(0, |used, sample| used | sample);
        let unused = used.trailing_zeros().min((WIDEST - NARROWEST).into());
        for sample in samples {
            *sample >>= unused;
        }
        Ok(WIDEST - unused as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(code: &[u8; 4], modifier: u64) -> Layout {
        Layout {
            format: Format::named(u32::from_le_bytes(*code), modifier).unwrap(),
            width: 4,
            height: 2,
            stride: 10,
        }
    }

    #[test]
    fn formats_are_found_by_their_codes() {
        let found = |code: &[u8; 4], modifier| {
            let format = Format::named(u32::from_le_bytes(*code), modifier)?;
            Some((format.pattern, format.packing, format.bits))
        };
        let words = Some((Pattern::Bggr, Packing::Words, 16));
        assert_eq!(found(b"BYR2", 0), words);
        let packed = Some((Pattern::Grbg, Packing::Csi2p12, 12));
        assert_eq!(found(b"BA12", CSI2_PACKED), packed);
        let bytes = Some((Pattern::Rggb, Packing::Bytes, 8));
        assert_eq!(found(b"RGGB", 0), bytes);
        assert_eq!(found(b"NV12", 0), None);
        assert_eq!(found(b"RGB6", CSI2_PACKED), None, "no such packing");
    }

    #[test]
    fn padding_is_passed_over() {
        let mut bytes = vec![0xee; 18];
        for (index, byte) in bytes.iter_mut().enumerate().filter(|(at, _)| at % 10 < 8) {
            *byte = if index % 2 == 0 { index as u8 } else { 1 };
        }
        let mut samples = Vec::new();
        assert_eq!(layout(b"RG10", 0).read(&bytes, &mut samples), Ok(10));
        let expected = [0x100, 0x102, 0x104, 0x106, 0x10a, 0x10c, 0x10e, 0x110];
        assert_eq!(samples, expected);
    }

    #[test]
    fn bits_that_no_sample_uses_are_left_out() {
        let words = |words: [u16; 9]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let bytes: Vec<u8> = words([0xfff0, 0x10, 0, 0x20, 0xffff, 0x30, 0x40, 0x50, 0x60]);
        let mut samples = Vec::new();
        assert_eq!(layout(b"RGB6", 0).read(&bytes, &mut samples), Ok(12));
        assert_eq!(samples, [0xfff, 1, 0, 2, 3, 4, 5, 6]);
        let black: Vec<u8> = words([0; 9]);
        assert_eq!(layout(b"RGB6", 0).read(&black, &mut samples), Ok(8));
        assert_eq!(samples, [0; 8]);
    }

    #[test]
    fn a_buffer_that_is_too_small_is_refused() {
        let error = layout(b"RG10", 0).read(&[0; 17], &mut Vec::new());
        assert!(error.unwrap_err().contains("needs 18 bytes"));
        let narrow = Layout {
            stride: 7,
            ..layout(b"RG10", 0)
        };
        assert!(narrow.read(&[0; 100], &mut Vec::new()).is_err());
    }
}
