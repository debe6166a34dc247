//! RP1's clock manager: plain registers, with PLLs that lock at once.
//!
//! No clock of the board is derived from these registers: the sensors have oscillators of their own and frame
//! timing follows their registers. Source: kernel `drivers/clk/clk-rp1.c`.

/// Offset of the block in BAR1 (`rp1-common.dtsi`, `clocks@40018000`).
pub const BASE: usize = 0x1_8000;
/// Length of the block.
pub const LENGTH: usize = 0x1_0038;

/// `PLL_*_CS`.
const PLL_CS: usize = 0x00;
/// `PLL_CS_LOCK`.
const PLL_CS_LOCK: u32 = 1 << 31;
/// `PLL_*_SEC`.
const PLL_SEC: usize = 0x14;
/// `PLL_AUDIO_TERN`.
const PLL_TERN: usize = 0x18;
/// `PLL_*_PRIM`, with its two dividers.
const PLL_PRIM: usize = 0x10;
const PLL_PRIM_DIV1_SHIFT: u32 = 16;
const PLL_PRIM_DIV2_SHIFT: u32 = 12;
/// Both dividers at one, as after reset: zero divides nothing.
const PLL_PRIM_RESET: u32 = 1 << PLL_PRIM_DIV1_SHIFT | 1 << PLL_PRIM_DIV2_SHIFT;
/// The three PLLs: system, audio, video.
const PLLS: [usize; 3] = [0x0_8000, 0x0_c000, 0x1_0000];
/// `PLL_SEC_IMPL`: this divider exists.
const PLL_SEC_IMPLEMENTED: u32 = 1 << 31;

/// The block.
pub struct Clocks {
    registers: Vec<u32>,
}

impl Default for Clocks {
    fn default() -> Self {
        let mut registers = vec![0; LENGTH.div_ceil(4)];
        for pll in PLLS {
            registers[(pll + PLL_PRIM) / 4] = PLL_PRIM_RESET;
        }
        Self { registers }
    }
}

impl Clocks {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        let value = self.registers[offset / 4];
        let Some(pll) = PLLS.iter().rfind(|pll| **pll <= offset) else {
            return value;
        };
        match offset - pll {
            PLL_CS => value | PLL_CS_LOCK,
            PLL_SEC | PLL_TERN => value | PLL_SEC_IMPLEMENTED,
            _ => value,
        }
    }

    /// Register write.
    pub fn write(&mut self, offset: usize, value: u32) {
        self.registers[offset / 4] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plls_lock_and_registers_keep_their_values() {
        let mut clocks = Clocks::default();
        for pll in PLLS {
            assert_ne!(clocks.read(pll) & PLL_CS_LOCK, 0);
            assert_ne!(clocks.read(pll + PLL_SEC) & PLL_SEC_IMPLEMENTED, 0);
            clocks.write(pll + 8, 0x64);
            assert_eq!(clocks.read(pll + 8), 0x64);
        }
        clocks.write(0x14, 3);
        assert_eq!(clocks.read(0x14), 3);
    }
}
