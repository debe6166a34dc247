//! A back end at work: jobs from its registers, pictures into memory, one thread a back end.

use crate::pcie::Chip;
use crate::pisp::{self, BackEnd, Half, MAX_TILES, TILE_SIZE};
use crate::rp1::pisp_be::Job;
use crate::unmodelled::Told;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How often a waiting thread looks whether the board ends.
const PATIENCE: Duration = Duration::from_millis(100);

/// One back end.
pub struct Processor {
    /// Which one.
    pub number: usize,
    /// Registers and memory.
    pub chip: Arc<Chip>,
    /// Jobs finished since power-on.
    pub jobs: Arc<AtomicU64>,
    /// Blocks that the user was told about, shared by all back ends.
    pub told: Arc<Told>,
    /// Set when the board ends.
    pub ending: Arc<AtomicBool>,
}

impl Processor {
    /// Works until the board ends.
    pub fn run(&self) {
        let mut back_end = BackEnd::default();
        let mut tiles = Vec::with_capacity(MAX_TILES * TILE_SIZE);
        while !self.ending.load(Ordering::Relaxed) {
            let job = self
                .chip
                .wait_for_job(self.number, PATIENCE)
                .job_start(self.number);
            let Some(job) = job else { continue };
            let (bayer, rgb) = (
                pisp::bayer_enables(&job.settings),
                pisp::rgb_enables(&job.settings),
            );
            self.told
                .warn(Half::BackEnd, pisp::unmodelled_back_end(bayer, rgb));
            if let Err(error) = self.process(&mut back_end, &mut tiles, &job) {
                log::warn!("back end {}: {error:#}", self.number);
            }
            self.jobs.fetch_add(1, Ordering::Relaxed);
            self.chip.rp1().job_finish(self.number, job);
        }
    }

    fn process(
        &self,
        back_end: &mut BackEnd,
        tiles: &mut Vec<u8>,
        job: &Job,
    ) -> anyhow::Result<()> {
        let ram = self.chip.ram();
        tiles.resize(job.tiles.min(MAX_TILES) * TILE_SIZE, 0);
        ram.read(job.tiles_address, tiles)?;
        back_end.run(&job.settings, tiles, &ram)?;
        Ok(())
    }
}
