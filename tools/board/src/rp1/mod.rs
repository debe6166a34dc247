//! RP1, the I/O chip of the Raspberry Pi 5, one file per register block, and its address map.
//!
//! [`Rp1`] is the state behind BAR1: an access goes in, interrupt lines and the rails that the guest switches come
//! out. It knows no time, no threads and no sockets; [`crate::pcie`] is its bus, [`crate::capture`] and
//! [`crate::processing`] do the work that registers start. Blocks that no driver of a camera touches (Ethernet,
//! USB, UARTs, ...) read as zero. Source of the map: kernel `arch/arm64/boot/dts/broadcom/rp1-common.dtsi`.

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

use crate::connector::Connector;
use crate::module::CABLES;
use crate::orders::Port;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Length of the window, BAR1.
pub const WINDOW: usize = 0x40_0000;

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
    supply_enable: 46,
};
/// The back ends, in a part of the window that RP1 leaves free.
const BE_BASE: [usize; 2] = [0x1c_0000, 0x1c_4000];
const BE_LINE: [usize; 2] = [55, 56];
/// Interrupt lines of the GPIO banks.
const GPIO_LINE: [usize; gpio::BANKS] = [0, 1, 2];

/// One camera's receiver and processor.
#[derive(Default)]
struct CameraBlocks {
    i2c: i2c::I2c,
    csi2: csi2::Csi2,
    dphy: dphy::Dphy,
    mipi_cfg: mipi_cfg::MipiCfg,
    fe: pisp_fe::PispFe,
    be: pisp_be::PispBe,
}

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
    cameras: [CameraBlocks; 2],
    connectors: [Arc<Connector>; 2],
    gates: [Arc<Gate>; 2],
    traffic: Traffic,
}

/// Where an access goes.
enum Block {
    Clocks(usize),
    Gpio(gpio::Area, usize),
    Msix(usize),
    I2c(usize, usize),
    Csi2(usize, usize),
    Dphy(usize, usize),
    MipiCfg(usize, usize),
    Fe(usize, usize),
    Be(usize, usize),
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
    /// A chip after power-on, with the two connectors on its I2C buses and receivers.
    pub fn new(connectors: [Arc<Connector>; 2]) -> Self {
        Self {
            clocks: clocks::Clocks::default(),
            gpio: gpio::Gpio::default(),
            msix: msix::Msix::default(),
            cameras: Default::default(),
            connectors,
            gates: Default::default(),
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
            Block::Csi2(port, register) => self.cameras[port].csi2.read(register),
            Block::Dphy(port, register) => self.cameras[port].dphy.read(register),
            Block::MipiCfg(port, register) => self.cameras[port].mipi_cfg.read(register),
            Block::Fe(port, register) => self.cameras[port].fe.read(register),
            Block::Be(port, register) => self.cameras[port].be.read(register),
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
            Block::Csi2(port, register) => {
                if self.cameras[port].csi2.write(register, value) {
                    self.gates[port].close();
                }
            }
            Block::Dphy(port, register) => self.cameras[port].dphy.write(register, value),
            Block::MipiCfg(port, register) => self.cameras[port].mipi_cfg.write(register, value),
            Block::Fe(port, register) => {
                if self.cameras[port].fe.write(register, value) {
                    self.gates[port].close();
                }
            }
            Block::Be(port, register) => {
                // Settings are a thousand writes a frame and move no line.
                if register >= pisp_be::SETTINGS_BASE {
                    self.cameras[port].be.write(register, value);
                    return false;
                }
                let queued = self.cameras[port].be.write(register, value);
                self.update_interrupts();
                return queued;
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
        self.cameras[port.index()].dphy.receiving()
    }

    /// Whether a frame that began now would be lost for want of a buffer.
    pub fn starved(&self, port: Port) -> bool {
        let blocks = &self.cameras[port.index()];
        blocks.csi2.starved() || (blocks.csi2.feeds_front_end() && !blocks.fe.waiting())
    }

    /// Permission to write a frame of this port.
    pub fn gate(&self, port: Port) -> Arc<Gate> {
        Arc::clone(&self.gates[port.index()])
    }

    /// A frame of this data type begins on a port: the transfers to make, and the front end's job.
    pub fn frame_start(
        &mut self,
        port: Port,
        data_type: u8,
    ) -> (csi2::Transfers, Option<pisp_fe::Settings>) {
        let blocks = &mut self.cameras[port.index()];
        let transfers = blocks.csi2.frame_start(data_type);
        let to_front_end = transfers
            .iter()
            .flatten()
            .any(|transfer| transfer.mode == csi2::Mode::FrontEnd);
        let job = if to_front_end {
            blocks.fe.frame_start()
        } else {
            None
        };
        self.gates[port.index()].open();
        self.update_interrupts();
        (transfers, job)
    }

    /// The frame is in memory.
    pub fn frame_end(
        &mut self,
        port: Port,
        transfers: &csi2::Transfers,
        job: Option<pisp_fe::Settings>,
    ) {
        let blocks = &mut self.cameras[port.index()];
        blocks.csi2.frame_end(transfers);
        if let Some(settings) = job {
            blocks.fe.frame_end(settings);
        }
        self.update_interrupts();
    }

    /// The receiver had to throw data away.
    pub fn discard(&mut self, port: Port, data_type: u8, bytes: u32) {
        self.cameras[port.index()].csi2.discard(data_type, bytes);
        self.update_interrupts();
    }

    /// Whether a job waits for a back end.
    pub fn job_waits(&self, back_end: usize) -> bool {
        self.cameras[back_end].be.waiting()
    }

    /// Takes a back end's queued job into work.
    pub fn job_start(&mut self, back_end: usize) -> Option<pisp_be::Job> {
        let job = self.cameras[back_end].be.start();
        self.update_interrupts();
        job
    }

    /// A back end's job is in memory.
    pub fn job_finish(&mut self, back_end: usize, job: pisp_be::Job) {
        self.cameras[back_end].be.finish(job);
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
        for (port, blocks) in self.cameras.iter_mut().enumerate() {
            self.msix
                .set_level(CABLES[port].i2c_line, blocks.i2c.interrupt());
            let receiver = blocks
                .mipi_cfg
                .update(blocks.csi2.interrupt(), blocks.fe.interrupt());
            self.msix.set_level(CABLES[port].csi_line, receiver);
            self.msix.set_level(BE_LINE[port], blocks.be.interrupt());
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
        if let Some(register) = within(BE_BASE[port], pisp_be::LENGTH) {
            return Block::Be(port, register);
        }
        if let Some(register) = within(socket.fe, pisp_fe::LENGTH) {
            return Block::Fe(port, register);
        }
        if let Some(register) = within(socket.i2c, i2c::LENGTH) {
            return Block::I2c(port, register);
        }
        if let Some(register) = within(socket.csi2, csi2::LENGTH) {
            return Block::Csi2(port, register);
        }
        if let Some(register) = within(socket.mipi_cfg, mipi_cfg::LENGTH) {
            return Block::MipiCfg(port, register);
        }
        if let Some(register) = within(socket.dphy, dphy::LENGTH) {
            return Block::Dphy(port, register);
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
