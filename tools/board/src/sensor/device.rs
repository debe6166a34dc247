//! The chip: power, reset, the I2C target, faults, and one [`Readout`] per start of frame.

use super::model::SensorModel;
use super::parse::MAX_DELAY;
use super::readout::{Readout, Sample, Unusable, decode};
use super::registers::Registers;
use crate::orders::Fault;
use std::sync::Arc;
use std::time::Duration;

/// Whether the target pulled the data line low in the ninth clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// It did.
    Ack,
    /// It did not: no such device, no power, or a fault.
    Nak,
}

/// Direction bit of an I2C address byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From controller to sensor.
    Write,
    /// From sensor to controller.
    Read,
}

/// Where the I2C target is within a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not addressed.
    Idle,
    /// Waits for the high byte of the register address.
    High,
    /// Waits for its low byte.
    Low(u8),
    /// Takes data.
    Data,
    /// Gives data.
    Reading,
}

/// One image sensor.
///
/// The I2C side takes a transfer as a controller makes it: [`start`](Self::start), bytes,
/// [`stop`](Self::stop); a repeated start is another `start`. Registers change at the stop or repeated start
/// that ends a write, so a frame never sees half of a multi-byte field.
pub struct Sensor {
    model: Arc<SensorModel>,
    registers: Registers,
    powered: bool,
    in_reset: bool,
    phase: Phase,
    in_transfer: bool,
    pointer: u16,
    pending: Vec<u8>,
    nak_in: Option<u32>,
    nak_register: Option<u16>,
    history: [Option<Sample>; MAX_DELAY as usize],
    complaint: Option<Unusable>,
}

impl Sensor {
    /// A sensor without power.
    pub fn new(model: Arc<SensorModel>) -> Self {
        Self {
            registers: Registers::new(model.bus.byte_order),
            model,
            powered: false,
            in_reset: false,
            phase: Phase::Idle,
            in_transfer: false,
            pointer: 0,
            pending: Vec::new(),
            nak_in: None,
            nak_register: None,
            history: [None; MAX_DELAY as usize],
            complaint: None,
        }
    }

    /// What the sensor is.
    pub fn model(&self) -> &Arc<SensorModel> {
        &self.model
    }

    /// Whether it has power.
    pub fn powered(&self) -> bool {
        self.powered
    }

    /// Switches the supplies. Off, everything is lost and the sensor does not answer; on, its registers have
    /// their power-on values.
    pub fn power(&mut self, on: bool) {
        if on != self.powered {
            log::debug!(
                "{}: power {}",
                self.model.name,
                if on { "on" } else { "off" }
            );
            self.powered = on;
            self.power_on_values();
        }
    }

    /// The reset input (XCLR): while `held`, the sensor is as without power.
    pub fn reset(&mut self, held: bool) {
        if held != self.in_reset {
            log::debug!(
                "{}: reset {}",
                self.model.name,
                if held { "held" } else { "released" }
            );
            self.in_reset = held;
            self.power_on_values();
        }
    }

    fn power_on_values(&mut self) {
        self.registers.clear();
        for field in &self.model.power_on {
            self.registers
                .set_field(field.register, field.bytes, field.value);
        }
        self.phase = Phase::Idle;
        self.in_transfer = false;
        self.pointer = 0;
        self.pending.clear();
        self.history = [None; MAX_DELAY as usize];
        self.complaint = None;
    }

    fn awake(&self) -> bool {
        self.powered && !self.in_reset
    }

    /// Applies those faults that are the sensor's own: NAKs, power loss, and their clearing. Returns whether
    /// it was one; the others happen on the wires.
    pub fn fault(&mut self, fault: &Fault) -> bool {
        match *fault {
            Fault::NakTransfer { nth } => self.nak_in = Some(nth.max(1)),
            Fault::NakRegister { register } => self.nak_register = Some(register),
            Fault::PowerLoss => self.power_on_values(),
            Fault::Clear => (self.nak_in, self.nak_register) = (None, None),
            _ => return false,
        }
        true
    }

    /// Whether [`Fault::NakTransfer`] has not struck yet.
    pub fn nak_pending(&self) -> bool {
        self.nak_in.is_some_and(|left| left > 0)
    }

    /// START or repeated START with an address byte. `address` is the 7-bit address.
    pub fn start(&mut self, address: u16, direction: Direction) -> Ack {
        self.commit();
        self.phase = Phase::Idle;
        if !self.awake() || address != u16::from(self.model.bus.address) {
            return Ack::Nak;
        }
        if !self.in_transfer {
            self.in_transfer = true;
            self.nak_in = self.nak_in.and_then(|left| left.checked_sub(1));
        }
        if self.nak_in == Some(0) {
            log::debug!("{}: transfer not acknowledged (fault)", self.model.name);
            return Ack::Nak;
        }
        self.phase = match direction {
            Direction::Write => Phase::High,
            Direction::Read => Phase::Reading,
        };
        Ack::Ack
    }

    /// A byte from the controller.
    pub fn write(&mut self, byte: u8) -> Ack {
        match self.phase {
            Phase::Idle | Phase::Reading => return Ack::Nak,
            Phase::High => self.phase = Phase::Low(byte),
            Phase::Low(high) => {
                self.pointer = u16::from_be_bytes([high, byte]);
                self.phase = Phase::Data;
            }
            Phase::Data => {
                let register = self.pointer.wrapping_add(self.pending.len() as u16);
                if self.nak_register == Some(register) {
                    log::debug!(
                        "{}: {register:#06x} not acknowledged (fault)",
                        self.model.name
                    );
                    return Ack::Nak;
                }
                self.pending.push(byte);
            }
        }
        Ack::Ack
    }

    /// A byte to the controller, which acknowledges it or not. All ones when the sensor is not addressed: the
    /// bus floats high.
    pub fn read(&mut self) -> u8 {
        if self.phase != Phase::Reading {
            return 0xff;
        }
        let value = self.registers.get(self.pointer);
        log::trace!(
            "{}: read {:#06x} = {value:#04x}",
            self.model.name,
            self.pointer
        );
        self.pointer = self.pointer.wrapping_add(1);
        value
    }

    /// STOP.
    pub fn stop(&mut self) {
        self.commit();
        self.phase = Phase::Idle;
        self.in_transfer = false;
    }

    /// Moves the bytes of a finished write into the registers.
    fn commit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        log::debug!(
            "{}: write {:#06x} = {:02x?}",
            self.model.name,
            self.pointer,
            self.pending
        );
        for byte in self.pending.drain(..) {
            self.registers.set(self.pointer, byte);
            self.pointer = self.pointer.wrapping_add(1);
        }
    }

    /// Value of a register as a reader on the bus would see it.
    pub fn register(&self, register: u16) -> u8 {
        self.registers.get(register)
    }

    /// Whether frames come out: power, no reset, out of standby, and registers that give a picture.
    pub fn streaming(&self) -> bool {
        self.current().is_some_and(|readout| readout.is_ok())
    }

    /// Time of a frame as the registers now stand; `None` in standby.
    pub fn frame_period(&self) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.current()?.ok()?.frame_s))
    }

    /// What a frame without register delays would be; `None` in standby.
    fn current(&self) -> Option<Result<Readout, Unusable>> {
        if !self.awake() || !self.registers.hold(&self.model.streaming) {
            return None;
        }
        let now = Sample::take(&self.model, &self.registers);
        Some(decode(&self.model, &self.registers, &[now]))
    }

    /// To be called at each start of frame: the frame that starts now, with every register's delay; `None`
    /// in standby and when the registers give no picture (said once in the log).
    pub fn next_frame(&mut self) -> Option<Readout> {
        if !self.awake() || !self.registers.hold(&self.model.streaming) {
            self.history = [None; MAX_DELAY as usize];
            self.complaint = None;
            return None;
        }
        let now = Sample::take(&self.model, &self.registers);
        self.history.rotate_right(1);
        self.history[0] = Some(now);
        // Before the first frame everything had time to settle.
        let mut last = now;
        let history = self.history.map(|sample| {
            last = sample.unwrap_or(last);
            last
        });
        match decode(&self.model, &self.registers, &history) {
            Ok(readout) => {
                self.complaint = None;
                Some(readout)
            }
            Err(unusable) => {
                self.tell(unusable);
                None
            }
        }
    }

    /// Says once in the log why a sensor that a driver has started sends no frames, if that is so.
    pub fn complain(&mut self) {
        match self.current() {
            Some(Err(unusable)) => self.tell(unusable),
            Some(Ok(_)) | None => self.complaint = None,
        }
    }

    fn tell(&mut self, unusable: Unusable) {
        if self.complaint != Some(unusable) {
            log::warn!("{}: no frames: {unusable}", self.model.name);
            self.complaint = Some(unusable);
        }
    }
}
