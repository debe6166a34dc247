//! RP1's CSI-2 DMA: four channels that pick packets by data type and write them to memory.
//!
//! A channel is armed by a write to `CH_ADDR0`, which latches the other buffer registers too; one frame consumes
//! it, unless `AUTO_ARM` is set. Virtual channels, line-end interrupts and QoS are not modelled. Source: kernel
//! `drivers/media/platform/raspberrypi/rp1-cfe/csi2.c`.

use crate::pisp::compress;

/// Length of the register block.
pub const LENGTH: usize = 0x100 + 0x100;
/// DMA channels.
pub const CHANNELS: usize = 4;

const STATUS: usize = 0x000;
const DISCARDS_INACTIVE: usize = 0x00c;
const IRQ_MASK: usize = 0x020;
const CHANNEL_STRIDE: usize = 0x40;
const CH_CTRL: usize = 0x28;
const CH_ADDR0: usize = 0x2c;
const CH_STRIDE: usize = 0x30;
const CH_LENGTH: usize = 0x34;
const CH_ADDR1: usize = 0x3c;
const CH_COMP_CTRL: usize = 0x44;

/// `STATUS`: frame start of channel 0; the others follow.
const STATUS_FRAME_START: u32 = 1 << 0;
/// `STATUS`: last write of the frame of channel 0 acknowledged.
const STATUS_FRAME_END_ACK: u32 = 1 << 8;
/// `STATUS`: discards because the channel was inactive.
const STATUS_DISCARD_INACTIVE: u32 = 1 << 24;
/// `IRQ_MASK`: the same.
const IRQ_MASK_DISCARD_INACTIVE: u32 = 1 << 4;
/// `STATUS` bits that the channels' own enables gate.
const STATUS_CHANNELS: u32 = (1 << 20) - 1;

const CTRL_DMA_EN: u32 = 1 << 0;
const CTRL_MODE_SHIFT: u32 = 1;
const CTRL_FORCE: u32 = 1 << 3;
const CTRL_AUTO_ARM: u32 = 1 << 4;
const CTRL_DATA_TYPE_SHIFT: u32 = 7;
const CTRL_IRQ_EN_FS: u32 = 1 << 13;
const CTRL_IRQ_EN_FE_ACK: u32 = 1 << 15;

const COMP_CTRL_MODE_SHIFT: u32 = 24;

const DISCARDS_DATA_TYPE_SHIFT: u32 = 24;

/// Addresses, strides and lengths are in units of 16 bytes.
const UNIT_SHIFT: u32 = 4;

/// What a channel does with the pixels (`enum csi2_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes as on the wire.
    Normal,
    /// Pixels as 16-bit words, most significant bits used.
    Remap,
    /// PiSP-compressed.
    Compress,
    /// To the front end, not to memory.
    FrontEnd,
}

/// One latched transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Channel number.
    pub channel: usize,
    /// What to write.
    pub mode: Mode,
    /// CSI-2 data type to pick.
    pub data_type: u8,
    /// Bus address of the buffer.
    pub address: u64,
    /// Bytes from line to line.
    pub stride: usize,
    /// Bytes in the buffer.
    pub length: usize,
    /// Compression mode, if a known one is set.
    pub compression: Option<compress::Mode>,
    /// Offset of the compression, 16-bit pixel units.
    pub compression_offset: u16,
}

/// The transfers of one frame, by channel.
pub type Transfers = [Option<Transfer>; CHANNELS];

/// The block.
#[derive(Default)]
pub struct Csi2 {
    registers: Registers,
    armed: [bool; CHANNELS],
}

/// Register file.
struct Registers([u32; LENGTH / 4]);

impl Default for Registers {
    fn default() -> Self {
        Self([0; LENGTH / 4])
    }
}

impl Csi2 {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        self.registers.0[offset / 4]
    }

    /// Register write. Returns whether a channel was forced off: its writes must have ended when this returns.
    pub fn write(&mut self, offset: usize, value: u32) -> bool {
        if offset == STATUS {
            self.registers.0[0] &= !value;
            return false;
        }
        self.registers.0[offset / 4] = value;
        let Some((channel, register)) = channel_register(offset) else {
            return false;
        };
        match register {
            CH_ADDR0 => self.armed[channel] = self.ctrl(channel) & CTRL_DMA_EN != 0,
            CH_CTRL if value & CTRL_DMA_EN == 0 => {
                self.armed[channel] = false;
                return value & CTRL_FORCE != 0;
            }
            _ => {}
        }
        false
    }

    /// State of the interrupt line.
    pub fn interrupt(&self) -> bool {
        let errors = match self.read(IRQ_MASK) & IRQ_MASK_DISCARD_INACTIVE {
            0 => 0,
            _ => STATUS_DISCARD_INACTIVE,
        };
        self.read(STATUS) & (STATUS_CHANNELS | errors) != 0
    }

    /// Whether a channel to memory is on that has no buffer.
    pub fn starved(&self) -> bool {
        self.enabled()
            .any(|transfer| transfer.mode != Mode::FrontEnd && !self.armed[transfer.channel])
    }

    /// Whether a channel to the front end is on.
    pub fn feeds_front_end(&self) -> bool {
        self.enabled()
            .any(|transfer| transfer.mode == Mode::FrontEnd)
    }

    fn enabled(&self) -> impl Iterator<Item = Transfer> + '_ {
        (0..CHANNELS)
            .filter(|&channel| self.ctrl(channel) & CTRL_DMA_EN != 0)
            .map(|channel| self.latched(channel))
    }

    /// A frame with this data type begins: latches the armed channels and signals them.
    pub fn frame_start(&mut self, data_type: u8) -> Transfers {
        let mut transfers = Transfers::default();
        for (channel, slot) in transfers.iter_mut().enumerate() {
            let transfer = self.latched(channel);
            if transfer.data_type != data_type || self.ctrl(channel) & CTRL_DMA_EN == 0 {
                continue;
            }
            if transfer.mode != Mode::FrontEnd {
                if !self.armed[channel] {
                    continue;
                }
                self.armed[channel] = self.ctrl(channel) & CTRL_AUTO_ARM != 0;
            }
            if self.ctrl(channel) & CTRL_IRQ_EN_FS != 0 {
                self.registers.0[STATUS / 4] |= STATUS_FRAME_START << channel;
            }
            *slot = Some(transfer);
        }
        transfers
    }

    /// The frame that [`Csi2::frame_start`] began is in memory.
    pub fn frame_end(&mut self, transfers: &Transfers) {
        for transfer in transfers.iter().flatten() {
            let ctrl = self.ctrl(transfer.channel);
            if ctrl & CTRL_DMA_EN != 0 && ctrl & CTRL_IRQ_EN_FE_ACK != 0 {
                self.registers.0[STATUS / 4] |= STATUS_FRAME_END_ACK << transfer.channel;
            }
        }
    }

    /// Data arrived that no channel could take.
    pub fn discard(&mut self, data_type: u8, bytes: u32) {
        self.registers.0[DISCARDS_INACTIVE / 4] =
            bytes & 0x00ff_ffff | u32::from(data_type) << DISCARDS_DATA_TYPE_SHIFT;
        self.registers.0[STATUS / 4] |= STATUS_DISCARD_INACTIVE;
    }

    fn ctrl(&self, channel: usize) -> u32 {
        self.channel(channel, CH_CTRL)
    }

    fn channel(&self, channel: usize, register: usize) -> u32 {
        self.read(channel * CHANNEL_STRIDE + register)
    }

    fn latched(&self, channel: usize) -> Transfer {
        let ctrl = self.ctrl(channel);
        let units = u64::from(self.channel(channel, CH_ADDR1)) << 32
            | u64::from(self.channel(channel, CH_ADDR0));
        Transfer {
            channel,
            mode: match ctrl >> CTRL_MODE_SHIFT & 3 {
                0 => Mode::Normal,
                1 => Mode::Remap,
                2 => Mode::Compress,
                _ => Mode::FrontEnd,
            },
            data_type: (ctrl >> CTRL_DATA_TYPE_SHIFT & 0x3f) as u8,
            address: units << UNIT_SHIFT,
            stride: (self.channel(channel, CH_STRIDE) as usize) << UNIT_SHIFT,
            length: (self.channel(channel, CH_LENGTH) as usize) << UNIT_SHIFT,
            compression: compress::Mode::from_number(
                (self.channel(channel, CH_COMP_CTRL) >> COMP_CTRL_MODE_SHIFT & 3) as u8,
            ),
            compression_offset: self.channel(channel, CH_COMP_CTRL) as u16,
        }
    }
}

fn channel_register(offset: usize) -> Option<(usize, usize)> {
    let relative = offset.checked_sub(CH_CTRL)?;
    let channel = relative / CHANNEL_STRIDE;
    (channel < CHANNELS).then_some((channel, CH_CTRL + relative % CHANNEL_STRIDE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW12: u8 = 0x2c;

    fn start(csi2: &mut Csi2, channel: usize, mode: u32) {
        let base = channel * CHANNEL_STRIDE;
        let ctrl = CTRL_DMA_EN
            | mode << CTRL_MODE_SHIFT
            | u32::from(RAW12) << CTRL_DATA_TYPE_SHIFT
            | CTRL_IRQ_EN_FS
            | CTRL_IRQ_EN_FE_ACK;
        csi2.write(base + CH_CTRL, ctrl);
    }

    fn arm(csi2: &mut Csi2, channel: usize, address: u64) {
        let base = channel * CHANNEL_STRIDE;
        csi2.write(base + CH_LENGTH, 0x100);
        csi2.write(base + CH_STRIDE, 0x10);
        csi2.write(base + CH_ADDR1, (address >> 36) as u32);
        csi2.write(base + CH_ADDR0, (address >> 4) as u32);
    }

    #[test]
    fn a_frame_consumes_the_armed_buffer() {
        let mut csi2 = Csi2::default();
        assert!(!csi2.starved(), "nothing is on");
        start(&mut csi2, 1, 1);
        assert!(csi2.starved() && !csi2.feeds_front_end());
        assert_eq!(csi2.frame_start(RAW12), Transfers::default());
        arm(&mut csi2, 1, 0x12_3456_7890);
        assert!(!csi2.starved());
        assert_eq!(
            csi2.frame_start(0x2b),
            Transfers::default(),
            "another data type"
        );
        let transfers = csi2.frame_start(RAW12);
        let transfer = transfers[1].unwrap();
        assert_eq!(transfers.iter().flatten().count(), 1);
        assert_eq!(transfer.address, 0x12_3456_7890);
        assert_eq!((transfer.stride, transfer.length), (0x100, 0x1000));
        assert_eq!(transfer.mode, Mode::Remap);
        assert_eq!(csi2.read(STATUS), STATUS_FRAME_START << 1);
        csi2.write(STATUS, !0);
        assert!(!csi2.interrupt());
        csi2.frame_end(&transfers);
        assert_eq!(csi2.read(STATUS), STATUS_FRAME_END_ACK << 1);
        assert_eq!(csi2.frame_start(RAW12), Transfers::default());
    }

    #[test]
    fn force_stops_a_channel() {
        let mut csi2 = Csi2::default();
        start(&mut csi2, 0, 0);
        arm(&mut csi2, 0, 0x1000);
        let transfers = csi2.frame_start(RAW12);
        csi2.write(STATUS, !0);
        assert!(csi2.write(CH_CTRL, CTRL_FORCE));
        csi2.write(CH_ADDR0, 0);
        csi2.frame_end(&transfers);
        assert!(!csi2.interrupt());
        assert_eq!(csi2.frame_start(RAW12), Transfers::default());
    }

    #[test]
    fn front_end_channels_need_no_buffer() {
        let mut csi2 = Csi2::default();
        start(&mut csi2, 0, 3);
        assert!(csi2.feeds_front_end() && !csi2.starved());
        assert_eq!(csi2.frame_start(RAW12)[0].unwrap().mode, Mode::FrontEnd);
        assert!(csi2.interrupt());
    }

    #[test]
    fn discards_interrupt_only_when_unmasked() {
        let mut csi2 = Csi2::default();
        csi2.discard(RAW12, 4096);
        assert!(!csi2.interrupt());
        csi2.write(IRQ_MASK, IRQ_MASK_DISCARD_INACTIVE);
        assert!(csi2.interrupt());
        assert_eq!(csi2.read(DISCARDS_INACTIVE), 4096 | 0x2c << 24);
    }

    proptest::proptest! {
        #[test]
        fn no_access_panics(
            accesses in proptest::collection::vec((0usize..LENGTH, proptest::num::u32::ANY), 1..100)
        ) {
            let mut csi2 = Csi2::default();
            for (offset, value) in accesses {
                csi2.write(offset & !3, value);
                csi2.read(offset & !3);
                let transfers = csi2.frame_start(value as u8 & 0x3f);
                csi2.frame_end(&transfers);
            }
        }
    }
}
