//! The DesignWare CSI-2 host and its D-PHY: registers that hold what is written.
//!
//! The driver only brings the lanes up; the model says whether they are. Lane count and data rate are not checked
//! against the sensor's. Source: kernel `drivers/media/platform/raspberrypi/rp1-cfe/dphy.c`.

/// Length of the register block.
pub const LENGTH: usize = 0x100;

const VERSION: usize = 0x000;
const RESETN: usize = 0x008;
const PHY_RSTZ: usize = 0x044;

/// Version 1.31, in ASCII.
const VERSION_VALUE: u32 = 0x3133_312a;

/// The block.
pub struct Dphy {
    registers: [u32; LENGTH / 4],
}

impl Default for Dphy {
    fn default() -> Self {
        Self {
            registers: [0; LENGTH / 4],
        }
    }
}

impl Dphy {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        if offset == VERSION {
            VERSION_VALUE
        } else {
            self.registers[offset / 4]
        }
    }

    /// Register write.
    pub fn write(&mut self, offset: usize, value: u32) {
        self.registers[offset / 4] = value;
    }

    /// Whether host and PHY are out of reset, so that packets are received.
    pub fn receiving(&self) -> bool {
        self.registers[RESETN / 4] & 1 == 1 && self.registers[PHY_RSTZ / 4] & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receives_when_out_of_reset() {
        let mut dphy = Dphy::default();
        assert!(!dphy.receiving());
        dphy.write(PHY_RSTZ, 1);
        dphy.write(RESETN, !0);
        assert!(dphy.receiving());
        dphy.write(RESETN, 0);
        assert!(!dphy.receiving());
        assert_eq!(dphy.read(VERSION), VERSION_VALUE);
    }
}
