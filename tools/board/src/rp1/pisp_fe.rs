//! Registers of the PiSP front end: one job may wait while another is being processed.
//!
//! The settings are latched when a job is queued; the job begins with the next start of frame. Source: kernel
//! `drivers/media/platform/raspberrypi/rp1-cfe/pisp-fe.c`.

use crate::pisp::FE_CONFIG_SIZE;

/// Length of the register block.
pub const LENGTH: usize = 0x1000;

const VERSION: usize = 0x000;
const CONTROL: usize = 0x004;
const STATUS: usize = 0x008;
const INT_EN: usize = 0x018;
const INT_STATUS: usize = 0x01c;
/// `PISP_FE_CONFIG_BASE_OFFSET`.
const CONFIG: usize = 0x040;

/// The version that the driver asks for.
const VERSION_VALUE: u32 = 0x0011_4666;

const CONTROL_QUEUE: u32 = 1 << 0;
const CONTROL_ABORT: u32 = 1 << 1;
const CONTROL_RESET: u32 = 1 << 2;

const STATUS_QUEUED: u32 = 1 << 0;
const STATUS_ACTIVE: u32 = 1 << 2;

const INT_EOF: u32 = 1 << 0;
const INT_SOF: u32 = 1 << 1;

/// The settings of one job.
pub type Settings = Box<[u8; FE_CONFIG_SIZE]>;

/// The block.
pub struct PispFe {
    registers: Vec<u32>,
    queued: Option<Settings>,
    /// The last finished job's settings, kept to be filled again.
    spare: Option<Settings>,
    active: bool,
}

impl Default for PispFe {
    fn default() -> Self {
        let spare = Some(Box::new([0; FE_CONFIG_SIZE]));
        Self {
            registers: vec![0; LENGTH / 4],
            queued: None,
            spare,
            active: false,
        }
    }
}

impl PispFe {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        match offset {
            VERSION => VERSION_VALUE,
            CONTROL => 0,
            STATUS => {
                (u32::from(self.queued.is_some()) * STATUS_QUEUED)
                    | (u32::from(self.active) * STATUS_ACTIVE)
            }
            _ => self.registers[offset / 4],
        }
    }

    /// Register write. Returns whether the job in work was aborted: its writes must have ended when this returns.
    pub fn write(&mut self, offset: usize, value: u32) -> bool {
        match offset {
            VERSION | STATUS => {}
            INT_STATUS => self.registers[INT_STATUS / 4] &= !value,
            CONTROL if value & (CONTROL_ABORT | CONTROL_RESET) != 0 => {
                self.queued = None;
                self.active = false;
                return true;
            }
            CONTROL if value & CONTROL_QUEUE != 0 => {
                let mut settings = self
                    .spare
                    .take()
                    .unwrap_or_else(|| Box::new([0; FE_CONFIG_SIZE]));
                let words = &self.registers[CONFIG / 4..(CONFIG + FE_CONFIG_SIZE) / 4];
                for (bytes, word) in settings.chunks_exact_mut(4).zip(words) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
                self.queued = Some(settings);
            }
            CONTROL => {}
            _ => self.registers[offset / 4] = value,
        }
        false
    }

    /// State of the interrupt line.
    pub fn interrupt(&self) -> bool {
        self.registers[INT_STATUS / 4] & self.registers[INT_EN / 4] != 0
    }

    /// Whether a job waits for a frame.
    pub fn waiting(&self) -> bool {
        self.queued.is_some()
    }

    /// A frame begins: the waiting job, if any, becomes the active one.
    pub fn frame_start(&mut self) -> Option<Settings> {
        let settings = self.queued.take()?;
        self.active = true;
        self.registers[INT_STATUS / 4] |= INT_SOF;
        Some(settings)
    }

    /// The active job's outputs and statistics are in memory (unless it was aborted).
    pub fn frame_end(&mut self, settings: Settings) {
        self.spare = Some(settings);
        if self.active {
            self.active = false;
            self.registers[INT_STATUS / 4] |= INT_EOF;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_latched_when_queued() {
        let mut fe = PispFe::default();
        fe.write(INT_EN, INT_SOF | INT_EOF);
        assert!(fe.frame_start().is_none());
        fe.write(CONFIG, 0x1122_3344);
        fe.write(CONTROL, CONTROL_QUEUE);
        assert_eq!(fe.read(STATUS), STATUS_QUEUED);
        fe.write(CONFIG, 0);
        let settings = fe.frame_start().unwrap();
        assert_eq!(settings[..4], [0x44, 0x33, 0x22, 0x11]);
        assert_eq!(fe.read(STATUS), STATUS_ACTIVE);
        assert!(fe.interrupt());
        fe.write(INT_STATUS, INT_SOF);
        assert!(!fe.interrupt());
        fe.frame_end(settings);
        assert_eq!(fe.read(INT_STATUS), INT_EOF);
        assert_eq!(fe.read(STATUS), 0);
    }

    #[test]
    fn an_aborted_job_ends_silently() {
        let mut fe = PispFe::default();
        fe.write(CONTROL, CONTROL_QUEUE);
        let settings = fe.frame_start().unwrap();
        fe.write(INT_STATUS, !0);
        assert!(fe.write(CONTROL, CONTROL_ABORT));
        assert_eq!(fe.read(STATUS), 0);
        fe.frame_end(settings);
        assert_eq!(fe.read(INT_STATUS), 0);
    }
}
