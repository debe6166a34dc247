//! Registers of the PiSP back end: a running job, a queued one, and two counters.
//!
//! On the Raspberry Pi 5 the back end belongs to the BCM2712; here it sits behind RP1's window, so that one device
//! serves the whole camera. Source: kernel `drivers/media/platform/raspberrypi/pisp_be/pisp_be.c`.

use crate::pisp::BE_CONFIG_SIZE;

/// Length of the register block.
pub const LENGTH: usize = 0x4000;

const VERSION: usize = 0x00;
const CONTROL: usize = 0x04;
const TILE_ADDR_LO: usize = 0x08;
const TILE_ADDR_HI: usize = 0x0c;
const STATUS: usize = 0x10;
const BATCH_STATUS: usize = 0x14;
const INTERRUPT_EN: usize = 0x18;
const INTERRUPT_STATUS: usize = 0x1c;
/// Where the settings begin.
pub const SETTINGS_BASE: usize = 0x40;

/// BCM2712 C1.
const VERSION_VALUE: u32 = 0x0225_2701;

const CONTROL_QUEUE_JOB: u32 = 1 << 0;
const CONTROL_TILES_SHIFT: u32 = 16;
const STATUS_QUEUED: u32 = 1 << 0;
/// A job started or finished; which one, `BATCH_STATUS` tells.
const INTERRUPT_JOB: u32 = 3;
const BATCH_STARTED_SHIFT: u32 = 8;

/// One job.
#[derive(Clone)]
pub struct Job {
    /// Settings as written to the registers.
    pub settings: Box<[u8; BE_CONFIG_SIZE]>,
    /// Bus address of the tile descriptors.
    pub tiles_address: u64,
    /// How many of them.
    pub tiles: usize,
}

/// The block.
pub struct PispBe {
    registers: Vec<u32>,
    queued: Option<Job>,
    spare: Option<Job>,
    started: u8,
    done: u8,
}

impl Default for PispBe {
    fn default() -> Self {
        Self {
            registers: vec![0; LENGTH / 4],
            queued: None,
            spare: None,
            started: 0,
            done: 0,
        }
    }
}

impl PispBe {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        match offset {
            VERSION => VERSION_VALUE,
            CONTROL => 0,
            STATUS => u32::from(self.queued.is_some()) * STATUS_QUEUED,
            BATCH_STATUS => u32::from(self.done) | u32::from(self.started) << BATCH_STARTED_SHIFT,
            _ => self.registers[offset / 4],
        }
    }

    /// Register write. Returns whether a job was queued.
    pub fn write(&mut self, offset: usize, value: u32) -> bool {
        match offset {
            VERSION | STATUS | BATCH_STATUS => {}
            INTERRUPT_STATUS => self.registers[INTERRUPT_STATUS / 4] &= !value,
            CONTROL if value & CONTROL_QUEUE_JOB != 0 => {
                let mut job = self.spare.take().unwrap_or_else(|| Job {
                    settings: Box::new([0; BE_CONFIG_SIZE]),
                    tiles_address: 0,
                    tiles: 0,
                });
                let words =
                    &self.registers[SETTINGS_BASE / 4..(SETTINGS_BASE + BE_CONFIG_SIZE) / 4];
                for (bytes, word) in job.settings.chunks_exact_mut(4).zip(words) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
                job.tiles_address = u64::from(self.registers[TILE_ADDR_HI / 4]) << 32
                    | u64::from(self.registers[TILE_ADDR_LO / 4]);
                job.tiles = (value >> CONTROL_TILES_SHIFT) as usize;
                self.queued = Some(job);
                return true;
            }
            CONTROL => {}
            _ => self.registers[offset / 4] = value,
        }
        false
    }

    /// State of the interrupt line.
    pub fn interrupt(&self) -> bool {
        self.registers[INTERRUPT_STATUS / 4] & self.registers[INTERRUPT_EN / 4] != 0
    }

    /// Whether a job waits to be taken into work.
    pub fn waiting(&self) -> bool {
        self.queued.is_some()
    }

    /// Takes the queued job into work.
    pub fn start(&mut self) -> Option<Job> {
        let job = self.queued.take()?;
        self.started = self.started.wrapping_add(1);
        self.registers[INTERRUPT_STATUS / 4] |= INTERRUPT_JOB;
        Some(job)
    }

    /// The job in work is in memory.
    pub fn finish(&mut self, job: Job) {
        self.spare = Some(job);
        self.done = self.done.wrapping_add(1);
        self.registers[INTERRUPT_STATUS / 4] |= INTERRUPT_JOB;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_tell_started_and_done() {
        let mut be = PispBe::default();
        be.write(INTERRUPT_EN, 3);
        be.write(TILE_ADDR_LO, 0x1000);
        be.write(TILE_ADDR_HI, 1);
        be.write(SETTINGS_BASE + 4, 7);
        assert!(be.write(CONTROL, CONTROL_QUEUE_JOB | 5 << 16));
        assert_eq!(be.read(STATUS), STATUS_QUEUED);
        assert!(be.waiting());
        let job = be.start().unwrap();
        assert!(!be.waiting());
        assert_eq!((job.tiles_address, job.tiles), (0x1_0000_1000, 5));
        assert_eq!(job.settings[4..8], [7, 0, 0, 0]);
        assert_eq!(be.read(BATCH_STATUS), 0x0100);
        assert!(be.interrupt());
        be.write(INTERRUPT_STATUS, !0);
        assert!(!be.interrupt());
        assert!(
            be.write(CONTROL, CONTROL_QUEUE_JOB),
            "a second one may queue"
        );
        be.finish(job);
        assert_eq!(be.read(BATCH_STATUS), 0x0101);
        assert!(be.start().is_some());
        assert!(be.start().is_none());
    }
}
