//! A receiver at work: frames from a sensor through CSI-2 into memory and the front end, one thread a port.
//!
//! Frame timing is the sensor's: a frame begins when line length times frame length have passed since the last
//! one; all of it can be stretched, for hosts that are too slow. When the host cannot keep up, or the guest has no
//! buffer ready yet, the next frame begins late; none is skipped, so that what a guest sees does not depend on the
//! host's speed. Skipped frames would also mislead control loops: the receiver does not number them, but the sensor's
//! registers take effect by frames sent.
//! A band of lines is rendered, written and measured before the next one, so that it stays in the cache and no full
//! frame is ever held.

use crate::connector::{Arrival, Connector};
use crate::guest_ram::{DmaFault, GuestRam};
use crate::imx8mm::csi_bridge::Samples;
use crate::optics::{Projection, World};
use crate::orders::Port;
use crate::pcie::Chip;
use crate::pisp::{self, FrontEnd, Half};
use crate::rp1::csi2::Mode;
use crate::rp1::packing::{Packer, data_type};
use crate::rp1::{Gate, Intake};
use crate::sensor::{Readout, SensorModel};
use crate::unmodelled::Told;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines rendered at a time; even, so that a band holds whole Bayer quads.
const BAND: usize = 32;
/// How often a waiting thread looks whether the board ends.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a sensor's next frame is held back for a driver that has no buffer ready, and how often one is looked
/// for.
const BUFFER_PATIENCE: Duration = Duration::from_millis(500);
const BUFFER_POLL: Duration = Duration::from_millis(1);

/// Counts of one receiver since power-on.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames that a sensor sent.
    pub sent: AtomicU64,
    /// Frames that reached memory.
    pub captured: AtomicU64,
}

/// One receiver.
pub struct Receiver {
    /// Which one.
    pub port: Port,
    /// Registers and memory.
    pub chip: Arc<Chip>,
    /// Where the sensor is.
    pub connector: Arc<Connector>,
    /// What the sensor looks at.
    pub world: Arc<Mutex<World>>,
    /// Seed of the noise.
    pub seed: u64,
    /// How much longer than on hardware everything takes.
    pub slow: u32,
    /// What it has done.
    pub counters: Arc<Counters>,
    /// Blocks that the user was told about.
    pub told: Arc<Told>,
    /// Set when the board ends.
    pub ending: Arc<AtomicBool>,
}

/// Scratch that lives from frame to frame.
#[derive(Default)]
struct Workspace {
    projection: Projection,
    front_end: FrontEnd,
    packer: Packer,
    samples: Samples,
    band: Vec<u16>,
}

/// A frame on its way.
struct Frame<'a> {
    model: &'a SensorModel,
    arrival: &'a Arrival,
    number: u64,
    intake: &'a Intake,
    ram: &'a GuestRam,
    gate: &'a Gate,
}

impl Receiver {
    /// Works until the board ends.
    pub fn run(&self) {
        let mut workspace = Workspace::default();
        let mut due = Instant::now();
        let mut number = 0;
        while !self.ending.load(Ordering::Relaxed) {
            if !self.connector.wait_streaming(PATIENCE) {
                due = Instant::now();
                number = 0;
                continue;
            }
            if !self.wait_until(due) || !self.wait_for_buffer() {
                continue;
            }
            let Some(arrival) = self.connector.next_frame() else {
                continue;
            };
            let period = Duration::from_secs_f64(arrival.readout.frame_s) * self.slow;
            due = (due + period).max(Instant::now());
            self.counters.sent.fetch_add(1, Ordering::Relaxed);
            if !arrival.lost {
                self.receive(&mut workspace, &arrival, number);
            }
            number += 1;
        }
    }

    /// Waits for a moment; false when the sensor or the board stopped first.
    fn wait_until(&self, due: Instant) -> bool {
        while let Some(left) = due.checked_duration_since(Instant::now()) {
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(PATIENCE));
            if self.ending.load(Ordering::Relaxed) || !self.connector.wait_streaming(Duration::ZERO)
            {
                return false;
            }
        }
        true
    }

    /// Waits until the driver has given a buffer, [`BUFFER_PATIENCE`] at most; false when the sensor or the board
    /// stopped first.
    fn wait_for_buffer(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < BUFFER_PATIENCE && self.chip.rp1().starved(self.port) {
            std::thread::sleep(BUFFER_POLL);
            if self.ending.load(Ordering::Relaxed) || !self.connector.wait_streaming(Duration::ZERO)
            {
                return false;
            }
        }
        true
    }

    fn receive(&self, workspace: &mut Workspace, arrival: &Arrival, number: u64) {
        let readout = &arrival.readout;
        let Some(data_type) = data_type(readout.bits) else {
            log::warn!(
                "{:?}: no CSI-2 data type has {} bits",
                self.port,
                readout.bits
            );
            return;
        };
        let (intake, gate) = {
            let mut rp1 = self.chip.rp1();
            if !rp1.receiving(self.port) {
                return;
            }
            if arrival.error {
                rp1.discard(self.port, data_type, u32::from(u16::MAX));
            }
            let Some(intake) = rp1.frame_start(self.port, data_type) else {
                return;
            };
            (intake, rp1.gate(self.port))
        };
        if let Some(settings) = intake.job() {
            let enabled = pisp::front_end_enables(settings);
            self.told
                .warn(Half::FrontEnd, pisp::unmodelled_front_end(enabled));
        }
        let ram = self.chip.ram();
        let frame = Frame {
            model: &self.connector.model(),
            arrival,
            number,
            intake: &intake,
            ram: &ram,
            gate: &gate,
        };
        if let Err(fault) = workspace.receive(&self.world, &frame, self.seed) {
            log::warn!("{:?} frame {number}: {fault}", self.port);
        }
        self.counters.captured.fetch_add(1, Ordering::Relaxed);
        self.chip.rp1().frame_end(self.port, intake);
    }
}

impl Workspace {
    fn receive(
        &mut self,
        world: &Mutex<World>,
        frame: &Frame<'_>,
        seed: u64,
    ) -> anyhow::Result<()> {
        let readout = &frame.arrival.readout;
        if !frame.is_stored() {
            return Ok(());
        }
        let world = world.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.projection.update(&world, frame.model, readout);
        if let Some(settings) = frame.intake.job() {
            self.front_end
                .begin(settings, readout.width, readout.height, readout.bits)?;
        }
        for y in (0..frame.arrival.lines).step_by(BAND) {
            let lines = BAND.min(frame.arrival.lines - y);
            self.band.resize(lines * readout.width, 0);
            self.projection
                .rows(frame.model, readout, frame.number, seed, y, &mut self.band);
            let Some(_pass) = frame.gate.pass() else {
                return Ok(());
            };
            self.store(frame, readout, y)?;
        }
        let Some(_pass) = frame.gate.pass() else {
            return Ok(());
        };
        if frame.intake.job().is_some() {
            self.front_end.finish(frame.ram)?;
        }
        Ok(())
    }

    fn store(&mut self, frame: &Frame<'_>, readout: &Readout, y: usize) -> Result<(), DmaFault> {
        let transfers = match frame.intake {
            Intake::Rp1 { transfers, .. } => transfers,
            Intake::Imx8mm(transfer) => {
                let first = y * readout.width;
                return self
                    .samples
                    .write(transfer, readout.bits, first, &self.band, frame.ram);
            }
        };
        for transfer in transfers.iter().flatten() {
            let geometry = (readout.width, readout.bits);
            self.packer
                .write(transfer, geometry, y, &self.band, frame.ram)?;
        }
        if frame.intake.job().is_some() {
            self.front_end.rows(y, &self.band, frame.ram)?;
        }
        Ok(())
    }
}

impl Frame<'_> {
    /// Whether anything of it is written: a channel that feeds a front end without a job takes nothing.
    fn is_stored(&self) -> bool {
        match self.intake {
            Intake::Rp1 { transfers, job } => {
                let mut taken = transfers.iter().flatten();
                job.is_some() || taken.any(|transfer| transfer.mode != Mode::FrontEnd)
            }
            Intake::Imx8mm(_) => true,
        }
    }
}
