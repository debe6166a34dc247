//! Synopsys DesignWare I2C controller, master mode, as RP1 has it.
//!
//! Commands take effect as they are written: a transfer needs no time, and the transmit FIFO is always empty.
//! Slave mode, 10-bit addressing and DMA are not modelled. Source: kernel
//! `drivers/i2c/busses/i2c-designware-{core.h,common.c,master.c}`, DesignWare DW_apb_i2c databook.

use crate::connector::Connector;
use crate::sensor::{Ack, Direction};
use std::collections::VecDeque;

/// Length of the register block.
pub const LENGTH: usize = 0x1000;

const TAR: usize = 0x04;
const DATA_CMD: usize = 0x10;
const INTR_STAT: usize = 0x2c;
const INTR_MASK: usize = 0x30;
const RAW_INTR_STAT: usize = 0x34;
const RX_TL: usize = 0x38;
const CLR_INTR: usize = 0x40;
const CLR_RX_UNDER: usize = 0x44;
const CLR_RX_OVER: usize = 0x48;
const CLR_TX_OVER: usize = 0x4c;
const CLR_RD_REQ: usize = 0x50;
const CLR_TX_ABRT: usize = 0x54;
const CLR_RX_DONE: usize = 0x58;
const CLR_ACTIVITY: usize = 0x5c;
const CLR_STOP_DET: usize = 0x60;
const CLR_START_DET: usize = 0x64;
const CLR_GEN_CALL: usize = 0x68;
const ENABLE: usize = 0x6c;
const STATUS: usize = 0x70;
const TXFLR: usize = 0x74;
const RXFLR: usize = 0x78;
const TX_ABRT_SOURCE: usize = 0x80;
const ENABLE_STATUS: usize = 0x9c;
const COMP_PARAM_1: usize = 0xf4;
const COMP_VERSION: usize = 0xf8;
const COMP_TYPE: usize = 0xfc;

const DATA_CMD_READ: u32 = 1 << 8;
const DATA_CMD_STOP: u32 = 1 << 9;
const DATA_CMD_RESTART: u32 = 1 << 10;

const INTR_RX_UNDER: u32 = 1 << 0;
const INTR_RX_OVER: u32 = 1 << 1;
const INTR_RX_FULL: u32 = 1 << 2;
const INTR_TX_OVER: u32 = 1 << 3;
const INTR_TX_EMPTY: u32 = 1 << 4;
const INTR_RD_REQ: u32 = 1 << 5;
const INTR_TX_ABRT: u32 = 1 << 6;
const INTR_RX_DONE: u32 = 1 << 7;
const INTR_ACTIVITY: u32 = 1 << 8;
const INTR_STOP_DET: u32 = 1 << 9;
const INTR_START_DET: u32 = 1 << 10;
const INTR_GEN_CALL: u32 = 1 << 11;

/// `TFNF` and `TFE`: the transmit FIFO has room and is empty.
const STATUS_TX_READY: u32 = 1 << 1 | 1 << 2;
/// `RFNE`: the receive FIFO holds data.
const STATUS_RX_NOT_EMPTY: u32 = 1 << 3;

const ABRT_7B_ADDR_NOACK: u32 = 1 << 0;
const ABRT_TXDATA_NOACK: u32 = 1 << 3;

/// FIFOs of 32 entries, 32-bit APB, fast mode, as read on an RP1.
const COMP_PARAM_1_VALUE: u32 = 0x001f_1fea;
/// Version 2.02*.
const COMP_VERSION_VALUE: u32 = 0x3230_322a;
/// `DW_IC_COMP_TYPE_VALUE`.
const COMP_TYPE_VALUE: u32 = 0x4457_0140;

const FIFO_DEPTH: usize = 32;
const TAR_MASK: u32 = 0x3ff;

/// One controller.
pub struct I2c {
    registers: Vec<u32>,
    receive: VecDeque<u8>,
    /// Latched interrupts (`RAW_INTR_STAT` without the two that follow the FIFOs).
    latched: u32,
    abort: u32,
    transfer: Option<Direction>,
}

impl Default for I2c {
    fn default() -> Self {
        Self {
            registers: vec![0; LENGTH / 4],
            receive: VecDeque::with_capacity(FIFO_DEPTH),
            latched: 0,
            abort: 0,
            transfer: None,
        }
    }
}

impl I2c {
    /// State of the interrupt line.
    pub fn interrupt(&self) -> bool {
        self.raw_status() & self.registers[INTR_MASK / 4] != 0
    }

    /// Register read.
    pub fn read(&mut self, offset: usize) -> u32 {
        match offset {
            DATA_CMD => match self.receive.pop_front() {
                Some(byte) => u32::from(byte),
                None => {
                    self.latched |= INTR_RX_UNDER;
                    0
                }
            },
            INTR_STAT => self.raw_status() & self.registers[INTR_MASK / 4],
            RAW_INTR_STAT => self.raw_status(),
            CLR_INTR => {
                self.abort = 0;
                self.clear(!0)
            }
            CLR_RX_UNDER => self.clear(INTR_RX_UNDER),
            CLR_RX_OVER => self.clear(INTR_RX_OVER),
            CLR_TX_OVER => self.clear(INTR_TX_OVER),
            CLR_RD_REQ => self.clear(INTR_RD_REQ),
            CLR_TX_ABRT => {
                self.abort = 0;
                self.clear(INTR_TX_ABRT)
            }
            CLR_RX_DONE => self.clear(INTR_RX_DONE),
            CLR_ACTIVITY => self.clear(INTR_ACTIVITY),
            CLR_STOP_DET => self.clear(INTR_STOP_DET),
            CLR_START_DET => self.clear(INTR_START_DET),
            CLR_GEN_CALL => self.clear(INTR_GEN_CALL),
            STATUS if self.receive.is_empty() => STATUS_TX_READY,
            STATUS => STATUS_TX_READY | STATUS_RX_NOT_EMPTY,
            TXFLR => 0,
            RXFLR => u32::try_from(self.receive.len()).unwrap_or(u32::MAX),
            TX_ABRT_SOURCE => self.abort,
            ENABLE_STATUS => self.registers[ENABLE / 4] & 1,
            COMP_PARAM_1 => COMP_PARAM_1_VALUE,
            COMP_VERSION => COMP_VERSION_VALUE,
            COMP_TYPE => COMP_TYPE_VALUE,
            _ => self.registers[offset / 4],
        }
    }

    /// Register write.
    pub fn write(&mut self, offset: usize, value: u32, bus: &Connector) {
        match offset {
            DATA_CMD => self.command(value, bus),
            ENABLE => {
                self.registers[ENABLE / 4] = value;
                if value & 1 == 0 {
                    self.end(bus);
                    self.receive.clear();
                    self.latched = 0;
                    self.abort = 0;
                }
            }
            _ => self.registers[offset / 4] = value,
        }
    }

    fn command(&mut self, value: u32, bus: &Connector) {
        // After an abort the FIFO is held in flush until the abort is cleared.
        if self.registers[ENABLE / 4] & 1 == 0 || self.abort != 0 {
            return;
        }
        let direction = if value & DATA_CMD_READ != 0 {
            Direction::Read
        } else {
            Direction::Write
        };
        if value & DATA_CMD_RESTART != 0 || self.transfer != Some(direction) {
            let address = (self.registers[TAR / 4] & TAR_MASK) as u16;
            self.latched |= INTR_START_DET | INTR_ACTIVITY;
            if bus.start(address, direction) != Ack::Ack {
                return self.fail(ABRT_7B_ADDR_NOACK, bus);
            }
            self.transfer = Some(direction);
        }
        match direction {
            Direction::Read if self.receive.len() < FIFO_DEPTH => {
                let byte = bus.read();
                self.receive.push_back(byte);
            }
            Direction::Read => self.latched |= INTR_RX_OVER,
            Direction::Write => {
                if bus.write(value as u8) != Ack::Ack {
                    return self.fail(ABRT_TXDATA_NOACK, bus);
                }
            }
        }
        if value & DATA_CMD_STOP != 0 {
            self.end(bus);
            self.latched |= INTR_STOP_DET;
        }
    }

    fn fail(&mut self, source: u32, bus: &Connector) {
        self.abort = source;
        self.receive.clear();
        self.latched |= INTR_TX_ABRT | INTR_STOP_DET;
        self.transfer = None;
        bus.stop();
    }

    fn end(&mut self, bus: &Connector) {
        if self.transfer.take().is_some() {
            bus.stop();
        }
    }

    fn clear(&mut self, bits: u32) -> u32 {
        self.latched &= !bits;
        0
    }

    fn raw_status(&self) -> u32 {
        let enabled = self.registers[ENABLE / 4] & 1 == 1;
        let threshold = self.registers[RX_TL / 4] as usize;
        let mut status = self.latched;
        if enabled {
            status |= INTR_TX_EMPTY;
            if self.receive.len() > threshold {
                status |= INTR_RX_FULL;
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::SensorModel;

    const IMX219: u32 = 0x10;

    fn setup(target: u32) -> (I2c, Connector) {
        let bus = Connector::new(SensorModel::named("imx219").unwrap(), true);
        bus.set_supply(true);
        let mut i2c = I2c::default();
        i2c.write(TAR, target, &bus);
        i2c.write(INTR_MASK, INTR_TX_ABRT | INTR_STOP_DET | INTR_RX_FULL, &bus);
        i2c.write(ENABLE, 1, &bus);
        (i2c, bus)
    }

    #[test]
    fn a_register_read_restarts_and_stops() {
        let (mut i2c, bus) = setup(IMX219);
        i2c.write(DATA_CMD, 0x00, &bus);
        i2c.write(DATA_CMD, 0x00, &bus);
        assert!(!i2c.interrupt());
        i2c.write(DATA_CMD, DATA_CMD_READ | DATA_CMD_RESTART, &bus);
        i2c.write(DATA_CMD, DATA_CMD_READ | DATA_CMD_STOP, &bus);
        assert_eq!(i2c.read(RXFLR), 2);
        assert!(i2c.interrupt());
        assert_eq!(
            [i2c.read(DATA_CMD), i2c.read(DATA_CMD)],
            [0x02, 0x19],
            "the chip's id"
        );
        i2c.read(CLR_STOP_DET);
        assert!(!i2c.interrupt());
        i2c.read(DATA_CMD);
        assert_ne!(i2c.read(RAW_INTR_STAT) & INTR_RX_UNDER, 0);
    }

    #[test]
    fn nobody_home_aborts_until_cleared() {
        let (mut i2c, bus) = setup(IMX219 + 1);
        i2c.write(DATA_CMD, 0x30, &bus);
        assert_eq!(i2c.read(TX_ABRT_SOURCE), ABRT_7B_ADDR_NOACK);
        assert!(i2c.interrupt());
        i2c.write(TAR, IMX219, &bus);
        i2c.write(DATA_CMD, 0x31 | DATA_CMD_READ, &bus);
        assert_eq!(i2c.read(RXFLR), 0, "flushed while aborted");
        i2c.read(CLR_TX_ABRT);
        assert_eq!(i2c.read(TX_ABRT_SOURCE), 0);
        i2c.read(CLR_STOP_DET);
        assert!(!i2c.interrupt());
    }

    #[test]
    fn a_refused_register_aborts() {
        let (mut i2c, bus) = setup(IMX219);
        bus.fault(crate::orders::Fault::NakRegister { register: 0x0100 });
        for byte in [0x01, 0x00, 0x01] {
            i2c.write(DATA_CMD, byte, &bus);
        }
        assert_eq!(i2c.read(TX_ABRT_SOURCE), ABRT_TXDATA_NOACK);
        i2c.write(ENABLE, 0, &bus);
        assert_eq!(i2c.read(RAW_INTR_STAT), 0);
    }

    #[test]
    fn an_unplugged_sensor_does_not_acknowledge() {
        let (mut i2c, bus) = setup(IMX219);
        bus.unplug();
        i2c.write(DATA_CMD, 0, &bus);
        assert_eq!(i2c.read(TX_ABRT_SOURCE), ABRT_7B_ADDR_NOACK);
        bus.plug(None);
        i2c.read(CLR_TX_ABRT);
        i2c.write(DATA_CMD, 0, &bus);
        assert_eq!(i2c.read(TX_ABRT_SOURCE), 0);
    }

    proptest::proptest! {
        #[test]
        fn no_access_panics(
            accesses in proptest::collection::vec(
                (proptest::bool::ANY, 0usize..0x100, proptest::num::u32::ANY), 1..200)
        ) {
            let (mut i2c, bus) = setup(IMX219);
            for (write, offset, value) in accesses {
                if write { i2c.write(offset & !3, value, &bus) } else { i2c.read(offset & !3); }
                assert!(i2c.read(RXFLR) <= FIFO_DEPTH as u32);
            }
        }
    }
}
