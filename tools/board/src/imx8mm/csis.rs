//! Samsung's MIPI CSI-2 receiver CSIS 3.6.3 as the i.MX 8M Mini has it.
//!
//! It counts frames, tells where each begins and ends, and passes pixels of one data type on. The driver lets
//! libcamera know of every frame's start from here. Lanes, settle times and virtual channels are not checked, and
//! packets that are no image are not kept. Source: kernel `drivers/media/platform/nxp/imx-mipi-csis.c`.

/// Length of the register block, packet buffers included.
pub const LENGTH: usize = 0x4000;
/// Registers end here; packet buffers read as zero.
const REGISTERS: usize = 0x200;

const VERSION: usize = 0x000;
const CMN_CTRL: usize = 0x004;
const INT_MSK: usize = 0x010;
const INT_SRC: usize = 0x014;
const DPHY_STATUS: usize = 0x020;
const DPHY_CMN_CTRL: usize = 0x024;
/// `MIPI_CSIS_ISP_CONFIG_CH(0)`, then resolution and synchronisation.
const ISP_CONFIG: usize = 0x040;
/// `MIPI_CSIS_SDW_CONFIG_CH(0)`: what is in force of the same.
const SDW_CONFIG: usize = 0x080;
/// Length of the configuration of all four channels.
const CHANNELS_LENGTH: usize = 0x040;
const DBG_INTR_MSK: usize = 0x0c4;
const DBG_INTR_SRC: usize = 0x0c8;
const FRAME_COUNTER: usize = 0x100;

/// Version 3.6.3.1, as the driver knows it of the i.MX 8M Plus.
const VERSION_VALUE: u32 = 0x0306_0301;

const CMN_CTRL_ENABLE: u32 = 1 << 0;
const CMN_CTRL_RESET: u32 = 1 << 1;
const CMN_CTRL_UPDATE_SHADOW: u32 = 1 << 16;

const INT_FRAME_START: u32 = 1 << 24;
const INT_FRAME_END: u32 = 1 << 20;
const INT_ERR_OVER: u32 = 1 << 4;
const DBG_INTR_DT_IGNORE: u32 = 1 << 24;

const DPHY_STATUS_STOPSTATE_CLK: u32 = 1 << 0;
const DPHY_STATUS_STOPSTATE_DAT: u32 = 1 << 4;
const DPHY_CMN_CTRL_ENABLE_CLK: u32 = 1 << 0;
const DPHY_CMN_CTRL_ENABLE_DAT: u32 = 1 << 1;

const ISPCFG_FMT_SHIFT: u32 = 2;
const ISPCFG_FMT_MASK: u32 = 0x3f;

/// The block.
pub struct Csis {
    registers: [u32; REGISTERS / 4],
    /// Frames that have begun since the last reset.
    begun: u32,
}

impl Default for Csis {
    fn default() -> Self {
        Self {
            registers: [0; REGISTERS / 4],
            begun: 0,
        }
    }
}

impl Csis {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        match offset {
            VERSION => VERSION_VALUE,
            DPHY_STATUS => DPHY_STATUS_STOPSTATE_CLK | DPHY_STATUS_STOPSTATE_DAT,
            _ => self.registers.get(offset / 4).copied().unwrap_or(0),
        }
    }

    /// Register write.
    pub fn write(&mut self, offset: usize, value: u32) {
        match offset {
            CMN_CTRL => self.control(value),
            INT_SRC | DBG_INTR_SRC => self.registers[offset / 4] &= !value,
            FRAME_COUNTER => {}
            _ => {
                if let Some(register) = self.registers.get_mut(offset / 4) {
                    *register = value;
                }
            }
        }
    }

    fn control(&mut self, value: u32) {
        if value & CMN_CTRL_RESET != 0 {
            *self = Self::default();
        }
        self.registers[CMN_CTRL / 4] = value & !(CMN_CTRL_RESET | CMN_CTRL_UPDATE_SHADOW);
        if value & CMN_CTRL_UPDATE_SHADOW != 0 {
            let channels = ISP_CONFIG / 4..(ISP_CONFIG + CHANNELS_LENGTH) / 4;
            self.registers.copy_within(channels, SDW_CONFIG / 4);
        }
    }

    /// State of the interrupt line.
    pub fn interrupt(&self) -> bool {
        self.read(INT_SRC) & self.read(INT_MSK) != 0
            || self.read(DBG_INTR_SRC) & self.read(DBG_INTR_MSK) != 0
    }

    /// Whether packets that reach this receiver are received.
    pub fn receiving(&self) -> bool {
        let lanes = DPHY_CMN_CTRL_ENABLE_CLK | DPHY_CMN_CTRL_ENABLE_DAT;
        self.read(CMN_CTRL) & CMN_CTRL_ENABLE != 0 && self.read(DPHY_CMN_CTRL) & lanes == lanes
    }

    /// A frame begins; whether its pixels are passed on. The counter is 0 in the first one, as is the number that the
    /// bridge's driver gives it.
    pub fn frame_start(&mut self, data_type: u8) -> bool {
        self.registers[FRAME_COUNTER / 4] = self.begun;
        self.begun = self.begun.wrapping_add(1);
        self.registers[INT_SRC / 4] |= INT_FRAME_START;
        let wanted = self.read(SDW_CONFIG) >> ISPCFG_FMT_SHIFT & ISPCFG_FMT_MASK;
        let passed = wanted == u32::from(data_type);
        if !passed {
            self.registers[DBG_INTR_SRC / 4] |= DBG_INTR_DT_IGNORE;
        }
        passed
    }

    /// The frame that [`Csis::frame_start`] began has ended.
    pub fn frame_end(&mut self) {
        self.registers[INT_SRC / 4] |= INT_FRAME_END;
    }

    /// Pixels came faster than they could be passed on.
    pub fn overflow(&mut self) {
        self.registers[INT_SRC / 4] |= INT_ERR_OVER;
    }
}

/// What the driver does, for tests.
#[cfg(test)]
pub(super) mod drive {
    use super::*;

    pub(crate) fn start(csis: &mut Csis, data_type: u8) {
        csis.write(CMN_CTRL, CMN_CTRL_RESET);
        csis.write(ISP_CONFIG, u32::from(data_type) << ISPCFG_FMT_SHIFT);
        csis.write(CMN_CTRL, csis.read(CMN_CTRL) | CMN_CTRL_UPDATE_SHADOW);
        csis.write(CMN_CTRL, csis.read(CMN_CTRL) | CMN_CTRL_ENABLE);
        let lanes = DPHY_CMN_CTRL_ENABLE_CLK | DPHY_CMN_CTRL_ENABLE_DAT;
        csis.write(DPHY_CMN_CTRL, lanes);
        csis.write(INT_MSK, !0);
        csis.write(DBG_INTR_MSK, !0);
    }

    pub(crate) fn acknowledge(csis: &mut Csis) {
        for register in [INT_SRC, DBG_INTR_SRC] {
            csis.write(register, csis.read(register));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW10: u8 = 0x2b;

    #[test]
    fn frames_are_told_of_and_counted() {
        let mut csis = Csis::default();
        drive::start(&mut csis, RAW10);
        assert!(csis.receiving() && !csis.interrupt());
        for number in 0..3 {
            assert!(csis.frame_start(RAW10));
            assert_eq!(csis.read(INT_SRC), INT_FRAME_START);
            assert_eq!(csis.read(FRAME_COUNTER), number);
            assert!(csis.interrupt());
            drive::acknowledge(&mut csis);
            assert!(!csis.interrupt());
            csis.frame_end();
            assert_eq!(csis.read(INT_SRC), INT_FRAME_END);
            drive::acknowledge(&mut csis);
        }
        csis.write(INT_MSK, 0);
        csis.frame_start(RAW10);
        assert!(!csis.interrupt(), "masked");
    }

    #[test]
    fn a_reset_ends_reception_and_itself() {
        let mut csis = Csis::default();
        drive::start(&mut csis, RAW10);
        csis.frame_start(RAW10);
        csis.frame_end();
        csis.write(CMN_CTRL, csis.read(CMN_CTRL) | CMN_CTRL_RESET);
        assert_eq!(csis.read(CMN_CTRL) & CMN_CTRL_RESET, 0);
        assert_eq!((csis.read(FRAME_COUNTER), csis.read(INT_SRC)), (0, 0));
        assert!(!csis.receiving(), "the lanes are off");
    }

    #[test]
    fn a_format_is_in_force_when_the_shadow_is_updated() {
        let mut csis = Csis::default();
        drive::start(&mut csis, RAW10);
        csis.write(ISP_CONFIG, 0x2c << ISPCFG_FMT_SHIFT);
        assert!(csis.frame_start(RAW10));
        csis.write(CMN_CTRL, csis.read(CMN_CTRL) | CMN_CTRL_UPDATE_SHADOW);
        assert_eq!(csis.read(CMN_CTRL) & CMN_CTRL_UPDATE_SHADOW, 0);
        assert!(!csis.frame_start(RAW10));
        assert_eq!(csis.read(DBG_INTR_SRC), DBG_INTR_DT_IGNORE);
    }

    #[test]
    fn an_overflow_interrupts() {
        let mut csis = Csis::default();
        drive::start(&mut csis, RAW10);
        csis.overflow();
        assert_eq!(csis.read(INT_SRC), INT_ERR_OVER);
        assert!(csis.interrupt());
    }

    proptest::proptest! {
        #[test]
        fn no_access_panics(
            accesses in proptest::collection::vec((0usize..LENGTH, proptest::num::u32::ANY), 1..100)
        ) {
            let mut csis = Csis::default();
            for (offset, value) in accesses {
                csis.write(offset & !3, value);
                csis.read(offset & !3);
                csis.frame_start(value as u8 & 0x3f);
                csis.frame_end();
            }
        }
    }
}
