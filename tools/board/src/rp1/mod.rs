//! RP1, the I/O chip of the Raspberry Pi 5, one file per register block, and its address map.
//!
//! [`Rp1`] is the state behind BAR1: an access goes in, interrupt lines and the rails that the guest switches come
//! out. It knows no time, no threads and no sockets; [`crate::pcie`] is its bus, [`crate::capture`] and
//! [`crate::processing`] do the work that registers start. Blocks that no driver of a camera touches (Ethernet,
//! USB, UARTs, ...) read as zero. Source of the map: kernel `arch/arm64/boot/dts/broadcom/rp1-common.dtsi`.
//!
//! A board of another kind has its own receivers in a part of the window that RP1 leaves free, and RP1's I2C and GPIO.

mod camera;
pub mod clocks;
pub mod csi2;
pub mod dphy;
pub mod gpio;
pub mod i2c;
pub mod mipi_cfg;
pub mod msix;
pub mod packing;
pub mod pisp_be;
pub mod pisp_fe;

pub use camera::Intake;

use crate::connector::Connector;
use crate::imx8mm::{self, Place, csi_bridge, csis};
use crate::model::Model;
use crate::module::CABLES;
use crate::orders::Port;
use camera::{Camera, Effect, Part};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Length of the window, BAR1.
pub const WINDOW: usize = 0x40_0000;

/// Where a block is in the window, and its interrupt line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Offset in BAR1.
    pub offset: usize,
    /// Interrupt line.
    pub line: usize,
}

/// What a camera socket of the board is wired to: offsets of blocks, interrupt lines, the pin of its supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    i2c: usize,
    i2c_line: usize,
    csi2: usize,
    dphy: usize,
    mipi_cfg: usize,
    fe: usize,
    csi_line: usize,
    imx8mm: imx8mm::Place,
    /// GPIO that enables the socket's supply.
    pub supply_enable: usize,
}

/// CAM/DISP 0 of a Raspberry Pi 5: `rp1_i2c6`, `rp1_csi0`, `cam0_reg` (Raspberry Pi kernel, `bcm2712-rpi-5-b.dts`).
pub const CAM0: Socket = Socket {
    i2c: 0x8_8000,
    i2c_line: 13,
    csi2: 0x11_0000,
    dphy: 0x11_4000,
    mipi_cfg: 0x12_0000,
    fe: 0x12_4000,
    csi_line: 47,
    imx8mm: imx8mm::CAM0,
    supply_enable: 34,
};
/// CAM/DISP 1 of a Raspberry Pi 5: `rp1_i2c4`, `rp1_csi1`, `cam1_reg`.
pub const CAM1: Socket = Socket {
    i2c: 0x8_0000,
    i2c_line: 11,
    csi2: 0x12_8000,
    dphy: 0x12_c000,
    mipi_cfg: 0x13_8000,
    fe: 0x13_c000,
    csi_line: 48,
    imx8mm: imx8mm::CAM1,
    supply_enable: 46,
};
/// The back ends, in a part of the window that RP1 leaves free.
const BE_BASE: [usize; 2] = [0x1c_0000, 0x1c_4000];
const BE_LINE: [usize; 2] = [55, 56];
/// Interrupt lines of the GPIO banks.
const GPIO_LINE: [usize; gpio::BANKS] = [0, 1, 2];

/// Register accesses since power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Register reads.
    pub reads: u64,
    /// Register writes.
    pub writes: u64,
    /// Interrupt messages.
    pub messages: u64,
}

/// The chip.
pub struct Rp1 {
    clocks: clocks::Clocks,
    gpio: gpio::Gpio,
    msix: msix::Msix,
    cameras: [Camera; 2],
    connectors: [Arc<Connector>; 2],
    traffic: Traffic,
}

/// Where an access goes.
enum Block {
    Clocks(usize),
    Gpio(gpio::Area, usize),
    Msix(usize),
    I2c(usize, usize),
    Receiver(usize, Part, usize),
    Nothing,
}

/// Keeps a frame's writes to memory and the guest's stop of that frame apart: after [`Gate::close`] returns, the
/// frame writes no more. Without it, a write could land in memory that the guest has given to somebody else.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
}

impl Gate {
    /// A new frame may write.
    pub fn open(&self) {
        *self.lock() = true;
    }

    /// Ends the frame's writes; waits for the one in progress.
    pub fn close(&self) {
        *self.lock() = false;
    }

    /// Permission for one write; `None` when the frame was stopped.
    pub fn pass(&self) -> Option<MutexGuard<'_, bool>> {
        let guard = self.lock();
        guard.then_some(guard)
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rp1 {
    /// A chip after power-on, with the two connectors on its I2C buses and the board's receivers.
    pub fn new(model: Model, connectors: [Arc<Connector>; 2]) -> Self {
        Self {
            clocks: clocks::Clocks::default(),
            gpio: gpio::Gpio::default(),
            msix: msix::Msix::default(),
            cameras: [Camera::new(model), Camera::new(model)],
            connectors,
            traffic: Traffic::default(),
        }
    }

    /// Register read at an offset in BAR1.
    pub fn read(&mut self, offset: usize) -> u32 {
        self.traffic.reads += 1;
        match locate(offset) {
            Block::Clocks(register) => self.clocks.read(register),
            Block::Gpio(area, register) => self.gpio.read(area, register),
            Block::Msix(register) => self.msix.read(register),
            Block::I2c(port, register) => {
                // The only block whose interrupts a read clears.
                let value = self.cameras[port].i2c.read(register);
                self.update_interrupts();
                value
            }
            Block::Receiver(port, part, register) => self.cameras[port].read(part, register),
            Block::Nothing => 0,
        }
    }

    /// Register write at an offset in BAR1. Returns whether a back end was given a job.
    pub fn write(&mut self, offset: usize, value: u32) -> bool {
        self.traffic.writes += 1;
        match locate(offset) {
            Block::Clocks(register) => self.clocks.write(register, value),
            Block::Gpio(area, register) => {
                self.gpio.write(area, register, value);
                self.switch_rails();
            }
            Block::Msix(register) => self.msix.write(register, value),
            Block::I2c(port, register) => {
                self.cameras[port]
                    .i2c
                    .write(register, value, &self.connectors[port]);
            }
            Block::Receiver(port, part, register) => {
                match self.cameras[port].write(part, register, value) {
                    Effect::Lines => {}
                    Effect::Nothing => return false,
                    Effect::Job => {
                        self.update_interrupts();
                        return true;
                    }
                }
            }
            Block::Nothing => {}
        }
        self.update_interrupts();
        false
    }

    /// Drives a GPIO pin from outside.
    pub fn set_pin(&mut self, pin: usize, level: Option<bool>) {
        self.gpio.set_input(pin, level);
        self.update_interrupts();
    }

    /// Connects an interrupt vector to the guest.
    pub fn set_notifier(&mut self, vector: usize, notifier: Option<std::fs::File>) {
        self.msix.set_notifier(vector, notifier);
    }

    /// Whether packets that reach this port are received.
    pub fn receiving(&self, port: Port) -> bool {
        self.cameras[port.index()].receiving()
    }

    /// Whether a frame that began now would be lost for want of a buffer.
    pub fn starved(&self, port: Port) -> bool {
        self.cameras[port.index()].starved()
    }

    /// Permission to write a frame of this port.
    pub fn gate(&self, port: Port) -> Arc<Gate> {
        self.cameras[port.index()].gate()
    }

    /// A frame of this data type begins on a port: where it goes, if anywhere.
    pub fn frame_start(&mut self, port: Port, data_type: u8) -> Option<Intake> {
        let intake = self.cameras[port.index()].frame_start(data_type);
        self.update_interrupts();
        intake
    }

    /// The frame is in memory.
    pub fn frame_end(&mut self, port: Port, intake: Intake) {
        self.cameras[port.index()].frame_end(intake);
        self.update_interrupts();
    }

    /// The receiver had to throw data away.
    pub fn discard(&mut self, port: Port, data_type: u8, bytes: u32) {
        self.cameras[port.index()].discard(data_type, bytes);
        self.update_interrupts();
    }

    /// Whether a job waits for a back end.
    pub fn job_waits(&self, back_end: usize) -> bool {
        let back_end = self.cameras[back_end].back_end();
        back_end.is_some_and(pisp_be::PispBe::waiting)
    }

    /// Takes a back end's queued job into work.
    pub fn job_start(&mut self, back_end: usize) -> Option<pisp_be::Job> {
        let job = self.cameras[back_end].back_end_mut()?.start();
        self.update_interrupts();
        job
    }

    /// A back end's job is in memory.
    pub fn job_finish(&mut self, back_end: usize, job: pisp_be::Job) {
        if let Some(back_end) = self.cameras[back_end].back_end_mut() {
            back_end.finish(job);
        }
        self.update_interrupts();
    }

    /// Counts of what crossed the bus.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            messages: self.msix.messages(),
            ..self.traffic
        }
    }

    /// The regulators' enable pins gate the sensors' supplies.
    fn switch_rails(&mut self) {
        for (socket, connector) in CABLES.iter().zip(&self.connectors) {
            connector.set_supply(self.gpio.driven(socket.supply_enable) == Some(true));
        }
    }

    fn update_interrupts(&mut self) {
        for (bank, line) in GPIO_LINE.into_iter().enumerate() {
            self.msix.set_level(line, self.gpio.interrupt(bank));
        }
        for (port, camera) in self.cameras.iter_mut().enumerate() {
            self.msix
                .set_level(CABLES[port].i2c_line, camera.i2c.interrupt());
            for (line, level) in camera.interrupts(&CABLES[port], BE_LINE[port]) {
                self.msix.set_level(line, level);
            }
        }
    }
}

fn locate(offset: usize) -> Block {
    let within = |base: usize, length: usize| {
        offset
            .checked_sub(base)
            .filter(|register| *register < length)
    };
    for (port, socket) in CABLES.iter().enumerate() {
        if let Some(register) = within(socket.i2c, i2c::LENGTH) {
            return Block::I2c(port, register);
        }
        let Place { bridge, csis } = socket.imx8mm;
        for (part, base, length) in [
            (Part::Be, BE_BASE[port], pisp_be::LENGTH),
            (Part::Fe, socket.fe, pisp_fe::LENGTH),
            (Part::Csi2, socket.csi2, csi2::LENGTH),
            (Part::MipiCfg, socket.mipi_cfg, mipi_cfg::LENGTH),
            (Part::Dphy, socket.dphy, dphy::LENGTH),
            (Part::Bridge, bridge.offset, csi_bridge::LENGTH),
            (Part::Csis, csis.offset, csis::LENGTH),
        ] {
            if let Some(register) = within(base, length) {
                return Block::Receiver(port, part, register);
            }
        }
    }
    for (area, base) in [
        (gpio::Area::Io, gpio::IO_BASE),
        (gpio::Area::Rio, gpio::RIO_BASE),
        (gpio::Area::Pads, gpio::PADS_BASE),
    ] {
        if let Some(register) = within(base, gpio::LENGTH) {
            return Block::Gpio(area, register);
        }
    }
    if let Some(register) = within(msix::BASE, msix::LENGTH) {
        return Block::Msix(register);
    }
    within(clocks::BASE, clocks::LENGTH).map_or(Block::Nothing, Block::Clocks)
}
