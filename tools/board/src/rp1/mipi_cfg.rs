//! RP1's MIPI configuration block: joins the interrupts of CSI-2 DMA and front end into one line.
//!
//! Source: kernel `drivers/media/platform/raspberrypi/rp1-cfe/cfe.c`.

/// Length of the register block.
pub const LENGTH: usize = 0x100;

const CFG: usize = 0x004;
const INTR: usize = 0x028;
const INTE: usize = 0x02c;
const INTF: usize = 0x030;
const INTS: usize = 0x034;

const INT_CSI_DMA: u32 = 1 << 0;
const INT_PISP_FE: u32 = 1 << 4;

/// The block.
#[derive(Default)]
pub struct MipiCfg {
    config: u32,
    enable: u32,
    force: u32,
    raw: u32,
}

impl MipiCfg {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        match offset {
            CFG => self.config,
            INTR => self.raw,
            INTE => self.enable,
            INTF => self.force,
            INTS => self.status(),
            _ => 0,
        }
    }

    /// Register write.
    pub fn write(&mut self, offset: usize, value: u32) {
        match offset {
            CFG => self.config = value,
            INTE => self.enable = value,
            INTF => self.force = value,
            _ => {}
        }
    }

    /// Takes the lines of the two sources; returns the joint line.
    pub fn update(&mut self, csi2: bool, front_end: bool) -> bool {
        self.raw = (u32::from(csi2) * INT_CSI_DMA) | (u32::from(front_end) * INT_PISP_FE);
        self.status() != 0
    }

    fn status(&self) -> u32 {
        self.raw & self.enable | self.force
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enabled_sources_interrupt() {
        let mut cfg = MipiCfg::default();
        assert!(!cfg.update(true, true));
        assert_eq!(cfg.read(INTR), INT_CSI_DMA | INT_PISP_FE);
        cfg.write(INTE, INT_PISP_FE);
        assert!(!cfg.update(true, false));
        assert!(cfg.update(true, true));
        assert_eq!(cfg.read(INTS), INT_PISP_FE);
    }
}
