//! Pixels as the CSI-2 DMA puts them into memory.
//!
//! Source: MIPI CSI-2 specification 1.3, sections 11.4.3 (RAW10) and 11.4.4 (RAW12); kernel `rp1-cfe/cfe-fmts.h`.

use super::csi2::{Mode, Transfer};
use crate::guest_ram::{DmaFault, GuestRam};
use crate::pisp::compress;

/// CSI-2 data type of raw pixels of this width, if there is one.
pub const fn data_type(bits: u8) -> Option<u8> {
    match bits {
        8 => Some(0x2a),
        10 => Some(0x2b),
        12 => Some(0x2c),
        _ => None,
    }
}

/// Scratch of one receiver.
#[derive(Default)]
pub struct Packer {
    line: Vec<u8>,
    wide: Vec<u16>,
}

impl Packer {
    /// Writes whole lines of `width` pixels, `bits` wide, from line `y` of the frame on. Lines beyond the
    /// buffer's end are dropped, as the channel's length limit does.
    ///
    /// # Errors
    /// [`DmaFault`] of the first line that does not reach guest memory.
    pub fn write(
        &mut self,
        transfer: &Transfer,
        (width, bits): (usize, u8),
        y: usize,
        pixels: &[u16],
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        for (index, row) in pixels.chunks_exact(width).enumerate() {
            let offset = (y + index) * transfer.stride;
            let room = transfer.length.saturating_sub(offset).min(transfer.stride);
            self.pack(transfer, bits, row);
            self.line.truncate(room);
            if self.line.is_empty() {
                break;
            }
            ram.write(transfer.address + offset as u64, &self.line)?;
        }
        Ok(())
    }

    fn pack(&mut self, transfer: &Transfer, bits: u8, row: &[u16]) {
        let Self { line, wide } = self;
        line.clear();
        match (transfer.mode, bits) {
            (Mode::FrontEnd, _) => {}
            (Mode::Normal, 8) => line.extend(row.iter().map(|pixel| *pixel as u8)),
            (Mode::Normal, 10) => {
                for quad in row.chunks_exact(4) {
                    line.extend(quad.iter().map(|pixel| (pixel >> 2) as u8));
                    line.push((0..4).fold(0, |low, i| low | ((quad[i] & 3) as u8) << (2 * i)));
                }
            }
            (Mode::Normal, _) => {
                for pair in row.chunks_exact(2) {
                    line.extend(pair.iter().map(|pixel| (pixel >> 4) as u8));
                    line.push((pair[0] & 15) as u8 | ((pair[1] & 15) as u8) << 4);
                }
            }
            (Mode::Remap, _) => {
                line.extend(
                    row.iter()
                        .flat_map(|pixel| (pixel << (16 - bits)).to_le_bytes()),
                );
            }
            (Mode::Compress, _) => {
                wide.clear();
                wide.extend(row.iter().map(|pixel| pixel << (16 - bits)));
                line.resize(compress::row_bytes(row.len()), 0);
                if let Some(mode) = transfer.compression {
                    compress::encode_row(mode, transfer.compression_offset, wide, line);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(mode: Mode, bits: u8, row: &[u16]) -> Vec<u8> {
        let transfer = Transfer {
            channel: 0,
            mode,
            data_type: data_type(bits).unwrap(),
            address: 0x1000,
            stride: 16,
            length: 32,
            compression: Some(compress::Mode::Delta),
            compression_offset: 0,
        };
        let ram = GuestRam::anonymous(0x1000, 0x1000).unwrap();
        let mut packer = Packer::default();
        packer
            .write(&transfer, (row.len(), bits), 1, row, &ram)
            .unwrap();
        packer
            .write(&transfer, (row.len(), bits), 2, row, &ram)
            .unwrap();
        let mut bytes = vec![0; 48];
        ram.read(0x1000, &mut bytes).unwrap();
        assert!(bytes[..16].iter().all(|byte| *byte == 0));
        assert!(
            bytes[32..].iter().all(|byte| *byte == 0),
            "beyond the length limit"
        );
        bytes[16..16 + packer.line.len().max(8)].to_vec()
    }

    #[test]
    fn raw10_raw12_and_words() {
        let row = [0x3ff, 0x001, 0x200, 0x155];
        assert_eq!(
            packed(Mode::Normal, 10, &row)[..5],
            [0xff, 0x00, 0x80, 0x55, 0b01_00_01_11]
        );
        assert_eq!(
            packed(Mode::Normal, 12, &[0xabc, 0x123])[..3],
            [0xab, 0x12, 0x3c]
        );
        assert_eq!(
            packed(Mode::Remap, 12, &[0xfff, 0x001])[..4],
            [0xf0, 0xff, 0x10, 0x00]
        );
    }
}
