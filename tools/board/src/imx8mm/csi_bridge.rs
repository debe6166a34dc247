//! The CSI bridge of the i.MX 7 and 8M: writes the receiver's pixels to two buffers in turn.
//!
//! It knows no lines: samples fill a buffer one after the other until width times height are there. An interrupt says
//! which buffer is full, and the driver puts the next one's address in its place, or that of a spare one, which nobody
//! reads, when it has none. Parallel input, YUV, the statistics FIFO and interlaced frames are not modelled. Source: kernel `drivers/media/platform/nxp/imx7-media-csi.c`.

use crate::guest_ram::{DmaFault, GuestRam};

/// Length of the register block.
pub const LENGTH: usize = 0x1000;
/// Registers end here.
const REGISTERS: usize = 0x50;

const CSICR1: usize = 0x00;
const CSICR3: usize = 0x08;
const CSISR: usize = 0x18;
const CSIDMASA_FB1: usize = 0x28;
const CSIDMASA_FB2: usize = 0x2c;
const CSIIMAG_PARA: usize = 0x34;
const CSICR18: usize = 0x48;

const CR1_CLR_RXFIFO: u32 = 1 << 5;
const CR1_FB1_DMA_DONE_INTEN: u32 = 1 << 19;
const CR1_FB2_DMA_DONE_INTEN: u32 = 1 << 20;

/// Samples of 16 bits; of 8 bits otherwise.
const CR3_TWO_8BIT_SENSOR: u32 = 1 << 3;
const CR3_DMA_REQ_EN_RFF: u32 = 1 << 12;
const CR3_DMA_REFLASH_RFF: u32 = 1 << 14;
const CR3_FRMCNT_RST: u32 = 1 << 15;

const SR_DMA_TSF_DONE_FB1: u32 = 1 << 19;
const SR_DMA_TSF_DONE_FB2: u32 = 1 << 20;

const CR18_CSI_HW_ENABLE: u32 = 1 << 31;

/// The part of a frame that the bridge writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Bus address of the buffer.
    pub address: u64,
    /// Bytes in the buffer.
    pub length: usize,
    /// Whether samples are 16 bits wide; 8 otherwise.
    pub wide: bool,
    /// Whether it is the second of the two buffers.
    second: bool,
}

/// The block.
#[derive(Default)]
pub struct CsiBridge {
    registers: [u32; REGISTERS / 4],
    /// Whether the second buffer comes next.
    second: bool,
    /// Address of the driver's spare buffer, once it gave itself away.
    spare: Option<u32>,
}

impl CsiBridge {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        self.registers.get(offset / 4).copied().unwrap_or(0)
    }

    /// Register write. Returns whether it stopped the bridge: its writes must have ended when this returns.
    pub fn write(&mut self, offset: usize, value: u32) -> bool {
        let was_running = self.running();
        let places = [false, true].map(place);
        let is_there = |place| self.read(place) == value;
        // A buffer that somebody waits for is in one place, and when it is full it comes back only later.
        if was_running && places.contains(&offset) && places.into_iter().any(is_there) {
            self.spare = Some(value);
        }
        let Some(register) = self.registers.get_mut(offset / 4) else {
            return false;
        };
        match offset {
            CSICR1 => *register = value & !CR1_CLR_RXFIFO,
            CSICR3 => {
                *register = value & !(CR3_DMA_REFLASH_RFF | CR3_FRMCNT_RST);
                if value & CR3_DMA_REFLASH_RFF != 0 {
                    self.second = false;
                    self.spare = None;
                }
            }
            CSISR => *register &= !value,
            _ => *register = value,
        }
        was_running && !self.running()
    }

    /// State of the interrupt line.
    pub fn interrupt(&self) -> bool {
        let enabled = self.read(CSICR1) & (CR1_FB1_DMA_DONE_INTEN | CR1_FB2_DMA_DONE_INTEN);
        // The bits of both registers are in the same places.
        self.read(CSISR) & enabled != 0
    }

    /// Whether frames are written to memory.
    pub fn running(&self) -> bool {
        self.read(CSICR18) & CR18_CSI_HW_ENABLE != 0 && self.read(CSICR3) & CR3_DMA_REQ_EN_RFF != 0
    }

    /// Whether the driver had no buffer to put in the place of the one that was filled last. It fills that place as
    /// soon as it has one (`imx7_csi_fast_track_buffer`).
    pub fn starved(&self) -> bool {
        self.spare == Some(self.read(place(!self.second)))
    }

    /// A frame begins: what is to be written of it.
    pub fn frame_start(&mut self) -> Option<Transfer> {
        if !self.running() {
            return None;
        }
        if self.starved() {
            // Nobody gave a buffer although it was waited for. Perhaps this is none; a spare one soon shows again.
            self.spare = None;
        }
        let wide = self.read(CSICR3) & CR3_TWO_8BIT_SENSOR != 0;
        let size = self.read(CSIIMAG_PARA);
        let samples = (size >> 16) as usize * (size & 0xffff) as usize;
        let address = self.read(place(self.second));
        Some(Transfer {
            address: address.into(),
            length: samples * if wide { 2 } else { 1 },
            wide,
            second: self.second,
        })
    }

    /// The frame that [`CsiBridge::frame_start`] began is in memory.
    pub fn frame_end(&mut self, transfer: &Transfer) {
        self.registers[CSISR / 4] |= match transfer.second {
            false => SR_DMA_TSF_DONE_FB1,
            true => SR_DMA_TSF_DONE_FB2,
        };
        self.second = !transfer.second;
    }
}

/// The register with the address of a buffer, of the first or the second.
const fn place(second: bool) -> usize {
    if second { CSIDMASA_FB2 } else { CSIDMASA_FB1 }
}

/// Scratch of one bridge.
#[derive(Default)]
pub struct Samples {
    bytes: Vec<u8>,
}

impl Samples {
    /// Writes pixels of `bits` bits from the `first` one of the frame on; those beyond the buffer's end are dropped.
    /// The bridge takes the lower 16 bits of the receiver's bus, or of a narrow sample the upper 8.
    ///
    /// # Errors
    /// [`DmaFault`] when the buffer is not in guest memory.
    pub fn write(
        &mut self,
        transfer: &Transfer,
        bits: u8,
        first: usize,
        pixels: &[u16],
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        self.bytes.clear();
        let offset = if transfer.wide {
            self.bytes
                .extend(pixels.iter().flat_map(|pixel| pixel.to_le_bytes()));
            first * 2
        } else {
            let narrow = pixels.iter().map(|pixel| (pixel >> (bits - 8)) as u8);
            self.bytes.extend(narrow);
            first
        };
        self.bytes.truncate(transfer.length.saturating_sub(offset));
        if self.bytes.is_empty() {
            return Ok(());
        }
        ram.write(transfer.address + offset as u64, &self.bytes)
    }
}

/// What the driver does, for tests.
#[cfg(test)]
pub(super) mod drive {
    use super::*;

    /// Addresses of the two buffers.
    pub(crate) const BUFFERS: [u32; 2] = [0x1000, 0x2000];

    pub(crate) fn start(bridge: &mut CsiBridge, (width, height): (u32, u32), wide: bool) {
        bridge.write(CSICR3, if wide { CR3_TWO_8BIT_SENSOR } else { 0 });
        bridge.write(CSIIMAG_PARA, width << 16 | height);
        bridge.write(CSIDMASA_FB1, BUFFERS[0]);
        bridge.write(CSIDMASA_FB2, BUFFERS[1]);
        bridge.write(CSICR3, bridge.read(CSICR3) | CR3_DMA_REFLASH_RFF);
        bridge.write(CSISR, bridge.read(CSISR));
        let interrupts = CR1_FB1_DMA_DONE_INTEN | CR1_FB2_DMA_DONE_INTEN;
        bridge.write(CSICR1, bridge.read(CSICR1) | interrupts);
        bridge.write(CSICR3, bridge.read(CSICR3) | CR3_DMA_REQ_EN_RFF);
        bridge.write(CSICR18, CR18_CSI_HW_ENABLE);
    }

    pub(crate) fn acknowledge(bridge: &mut CsiBridge) {
        bridge.write(CSISR, bridge.read(CSISR));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streaming(wide: bool) -> CsiBridge {
        let mut bridge = CsiBridge::default();
        assert_eq!(bridge.frame_start(), None);
        drive::start(&mut bridge, (16, 2), wide);
        bridge
    }

    #[test]
    fn each_buffer_is_told_of_until_acknowledged() {
        let mut bridge = streaming(true);
        for done in [
            SR_DMA_TSF_DONE_FB1,
            SR_DMA_TSF_DONE_FB2,
            SR_DMA_TSF_DONE_FB1,
        ] {
            assert!(!bridge.interrupt());
            let transfer = bridge.frame_start().unwrap();
            bridge.frame_end(&transfer);
            assert!(bridge.interrupt());
            assert_eq!(bridge.read(CSISR), done);
            drive::acknowledge(&mut bridge);
        }
    }

    #[test]
    fn a_reflash_begins_with_the_first_buffer() {
        let mut bridge = streaming(true);
        let transfer = bridge.frame_start().unwrap();
        bridge.frame_end(&transfer);
        assert_eq!(
            bridge.frame_start().unwrap().address,
            u64::from(drive::BUFFERS[1])
        );
        let control = bridge.read(CSICR3);
        assert_eq!(control & CR3_DMA_REFLASH_RFF, 0, "it clears itself");
        bridge.write(CSICR3, control | CR3_DMA_REFLASH_RFF);
        assert_eq!(
            bridge.frame_start().unwrap().address,
            u64::from(drive::BUFFERS[0])
        );
    }

    /// A frame, after which the driver puts an address in the place that was filled.
    fn frame(bridge: &mut CsiBridge, next: u32) -> u64 {
        let transfer = bridge.frame_start().unwrap();
        bridge.frame_end(&transfer);
        drive::acknowledge(bridge);
        bridge.write(place(transfer.second), next);
        transfer.address
    }

    #[test]
    fn a_driver_without_a_buffer_is_waited_for_once_its_spare_one_is_known() {
        const SPARE: u32 = 0x9000;
        let mut bridge = streaming(true);
        frame(&mut bridge, 0x3000);
        assert_eq!(frame(&mut bridge, SPARE), 0x2000);
        assert!(!bridge.starved(), "it may be any buffer");
        assert_eq!(frame(&mut bridge, SPARE), 0x3000);
        assert!(bridge.starved());
        // A buffer comes back: it goes where the last one was.
        bridge.write(CSIDMASA_FB1, 0x1000);
        assert!(!bridge.starved());
        assert_eq!(frame(&mut bridge, 0x2000), u64::from(SPARE));
        assert_eq!(frame(&mut bridge, SPARE), 0x1000);
        assert!(bridge.starved(), "known");
        // Waited for in vain.
        assert_eq!(frame(&mut bridge, 0x3000), 0x2000);
        assert!(!bridge.starved());
        drive::start(&mut bridge, (16, 2), true);
        assert!(!bridge.starved(), "another stream has another one");
    }

    #[test]
    fn either_switch_stops_it_once() {
        for (register, bit) in [(CSICR3, CR3_DMA_REQ_EN_RFF), (CSICR18, CR18_CSI_HW_ENABLE)] {
            let mut bridge = streaming(true);
            let value = bridge.read(register);
            assert!(bridge.write(register, value & !bit));
            assert!(!bridge.write(register, value & !bit), "it stands already");
            assert_eq!(bridge.frame_start(), None);
        }
    }

    fn written(wide: bool, bits: u8, rows: [&[u16]; 2]) -> Vec<u8> {
        let transfer = streaming(wide).frame_start().unwrap();
        let ram = GuestRam::anonymous(0x1000, 0x1000).unwrap();
        let mut samples = Samples::default();
        for (row, pixels) in rows.into_iter().enumerate() {
            samples
                .write(&transfer, bits, row * pixels.len(), pixels, &ram)
                .unwrap();
        }
        let mut bytes = vec![0; 80];
        ram.read(transfer.address, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn samples_are_unpacked_and_fill_the_buffer() {
        let row = [0x3ff; 16];
        let wide = written(true, 10, [&row, &[0x102; 16]]);
        assert_eq!(wide[30..34], [0xff, 0x03, 0x02, 0x01]);
        assert_eq!(wide[62..66], [0x02, 0x01, 0, 0]);
        let narrow = written(false, 10, [&row, &[0x102; 16]]);
        assert_eq!(narrow[15..18], [0xff, 0x40, 0x40]);
        assert_eq!(narrow[31..33], [0x40, 0]);
        assert_eq!(written(false, 8, [&[7; 16], &row])[15], 7);
    }

    #[test]
    fn a_frame_larger_than_asked_for_ends_with_the_buffer() {
        let bytes = written(true, 12, [&[1; 20], &[2; 20]]);
        assert_eq!(bytes[62..65], [2, 0, 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_access_panics(
            accesses in proptest::collection::vec((0usize..LENGTH, proptest::num::u32::ANY), 1..100)
        ) {
            let mut bridge = CsiBridge::default();
            for (offset, value) in accesses {
                bridge.write(offset & !3, value);
                bridge.read(offset & !3);
                if let Some(transfer) = bridge.frame_start() {
                    bridge.frame_end(&transfer);
                }
            }
        }
    }
}
