//! RP1's GPIO banks: IO_BANK (function, overrides, events), SYS_RIO (levels and direction) and PADS (pulls).
//!
//! Pins are wired to the world through [`Gpio::set_input`] and [`Gpio::driven`]. Source: kernel
//! `drivers/pinctrl/pinctrl-rp1.c` and the RP1 peripherals data sheet, chapter 3.

/// Pins of the chip.
pub const PINS: usize = 54;
/// Banks, each with an interrupt line of its own.
pub const BANKS: usize = 3;

/// IO_BANK0 in BAR1; the banks follow each other at [`BANK_STRIDE`].
pub const IO_BASE: usize = 0xd_0000;
/// SYS_RIO0 in BAR1.
pub const RIO_BASE: usize = 0xe_0000;
/// PADS_BANK0 in BAR1.
pub const PADS_BASE: usize = 0xf_0000;
/// Length of each of the three register areas.
pub const LENGTH: usize = BANKS * BANK_STRIDE;

const BANK_STRIDE: usize = 0x4000;
/// First pin and number of pins of each bank.
const BANK_PINS: [(usize, usize); BANKS] = [(0, 28), (28, 6), (34, 20)];

/// Atomic access aliases within a bank.
const ALIAS_SHIFT: usize = 12;
const ALIAS_XOR: usize = 1;
const ALIAS_SET: usize = 2;
const ALIAS_CLEAR: usize = 3;

/// IO_BANK: `INTR`, raw interrupt state of the bank's pins.
const IO_INTR: usize = 0x100;
/// IO_BANK: `PCIE_INTE`.
const IO_INTE: usize = 0x11c;
/// IO_BANK: `PCIE_INTS`.
const IO_INTS: usize = 0x124;

const CTRL_FUNCSEL: u32 = 0x1f;
/// `RP1_FSEL_GPIO`: the pin belongs to SYS_RIO.
const FUNCSEL_RIO: u32 = 5;
const CTRL_OUTOVER_SHIFT: u32 = 12;
const CTRL_OEOVER_SHIFT: u32 = 14;
const OVERRIDE_MASK: u32 = 3;
const CTRL_EVENTS_SHIFT: u32 = 20;
const CTRL_IRQRESET: u32 = 1 << 28;
/// Reset value of `GPIOx_CTRL`: no function.
const CTRL_RESET: u32 = 0x1f;

const EVENT_FALLING: u32 = 1 << 0;
const EVENT_RISING: u32 = 1 << 1;
const EVENT_LOW: u32 = 1 << 2;
const EVENT_HIGH: u32 = 1 << 3;
const EVENT_MASK: u32 = 0xf;

/// `GPIOx_STATUS`: level as the pad sees it.
const STATUS_IN_FROM_PAD: u32 = 1 << 17;
/// `GPIOx_STATUS`: filtered events.
const STATUS_EVENTS_SHIFT: u32 = 20;

const RIO_OUT: usize = 0x0;
const RIO_OE: usize = 0x4;
const RIO_IN: usize = 0x8;
const RIO_NOSYNC_IN: usize = 0xc;

/// First pad register; `VOLTAGE_SELECT` precedes it.
const PADS_FIRST: usize = 4;
const PAD_PULL_SHIFT: u32 = 2;
const PAD_PULL_MASK: u32 = 3;
const PAD_PULL_UP: u32 = 2;
const PAD_INPUT_ENABLE: u32 = 1 << 6;
const PAD_OUTPUT_DISABLE: u32 = 1 << 7;
/// Reset value of a pad: input enabled, pull-down, Schmitt trigger.
const PAD_RESET: u32 = 0x56;

#[derive(Clone, Copy)]
struct Pin {
    ctrl: u32,
    pad: u32,
    /// Latched edges.
    latched: u32,
    /// Level at the last settle, to find edges.
    level: bool,
    /// What the world outside drives, if anything.
    input: Option<bool>,
}

/// The three banks.
pub struct Gpio {
    pins: [Pin; PINS],
    out: [u32; BANKS],
    output_enable: [u32; BANKS],
    interrupt_enable: [u32; BANKS],
}

/// Which of the three register areas an access goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// IO_BANK.
    Io,
    /// SYS_RIO.
    Rio,
    /// PADS_BANK.
    Pads,
}

impl Default for Gpio {
    fn default() -> Self {
        let pin = Pin {
            ctrl: CTRL_RESET,
            pad: PAD_RESET,
            latched: 0,
            level: false,
            input: None,
        };
        Self {
            pins: [pin; PINS],
            out: [0; BANKS],
            output_enable: [0; BANKS],
            interrupt_enable: [0; BANKS],
        }
    }
}

impl Gpio {
    /// Drives a pin from outside (`None`: floating, the pull decides).
    pub fn set_input(&mut self, pin: usize, level: Option<bool>) {
        self.pins[pin].input = level;
        self.settle();
    }

    /// The level that the chip drives on a pin; `None` when it does not drive it.
    pub fn driven(&self, pin: usize) -> Option<bool> {
        let (bank, bit) = bank_of(pin);
        let Pin { ctrl, pad, .. } = self.pins[pin];
        let rio = ctrl & CTRL_FUNCSEL == FUNCSEL_RIO;
        let enabled = rio && self.output_enable[bank] >> bit & 1 == 1;
        let enabled = match ctrl >> CTRL_OEOVER_SHIFT & OVERRIDE_MASK {
            0 => enabled,
            1 => !enabled,
            2 => false,
            _ => true,
        };
        if !enabled || pad & PAD_OUTPUT_DISABLE != 0 {
            return None;
        }
        let out = self.out[bank] >> bit & 1 == 1;
        Some(match ctrl >> CTRL_OUTOVER_SHIFT & OVERRIDE_MASK {
            0 => out,
            1 => !out,
            2 => false,
            _ => true,
        })
    }

    /// The level of a pin as the chip reads it.
    pub fn level(&self, pin: usize) -> bool {
        let Pin { pad, input, .. } = self.pins[pin];
        if pad & PAD_INPUT_ENABLE == 0 {
            return false;
        }
        let pulled_up = pad >> PAD_PULL_SHIFT & PAD_PULL_MASK == PAD_PULL_UP;
        self.driven(pin).or(input).unwrap_or(pulled_up)
    }

    /// State of a bank's interrupt line.
    pub fn interrupt(&self, bank: usize) -> bool {
        self.pending(bank) & self.interrupt_enable[bank] != 0
    }

    /// Register read.
    pub fn read(&self, area: Area, offset: usize) -> u32 {
        let (bank, alias, register) = split(offset);
        // The set and clear aliases read as zero: the driver reads, modifies and writes them.
        if bank >= BANKS || alias >= ALIAS_SET {
            return 0;
        }
        match area {
            Area::Io => self.read_io(bank, register),
            Area::Rio => match register {
                RIO_OUT => self.out[bank],
                RIO_OE => self.output_enable[bank],
                RIO_IN | RIO_NOSYNC_IN => self.collect(bank, |pin| self.level(pin)),
                _ => 0,
            },
            Area::Pads => pad_pin(bank, register).map_or(0, |pin| self.pins[pin].pad),
        }
    }

    /// Register write.
    pub fn write(&mut self, area: Area, offset: usize, value: u32) {
        let (bank, alias, register) = split(offset);
        if bank >= BANKS {
            return;
        }
        let apply = |old: u32| match alias {
            ALIAS_XOR => old ^ value,
            ALIAS_SET => old | value,
            ALIAS_CLEAR => old & !value,
            _ => value,
        };
        match area {
            Area::Io if register == IO_INTE => {
                self.interrupt_enable[bank] = apply(self.interrupt_enable[bank]);
            }
            Area::Io => {
                if let Some((pin, true)) = io_pin(bank, register) {
                    let ctrl = apply(self.pins[pin].ctrl);
                    if ctrl & CTRL_IRQRESET != 0 {
                        self.pins[pin].latched = 0;
                    }
                    self.pins[pin].ctrl = ctrl & !CTRL_IRQRESET;
                }
            }
            Area::Rio => match register {
                RIO_OUT => self.out[bank] = apply(self.out[bank]),
                RIO_OE => self.output_enable[bank] = apply(self.output_enable[bank]),
                _ => {}
            },
            Area::Pads => {
                if let Some(pin) = pad_pin(bank, register) {
                    self.pins[pin].pad = apply(self.pins[pin].pad);
                }
            }
        }
        self.settle();
    }

    fn read_io(&self, bank: usize, register: usize) -> u32 {
        match (register, io_pin(bank, register)) {
            (_, Some((pin, true))) => self.pins[pin].ctrl,
            (_, Some((pin, false))) => {
                (u32::from(self.level(pin)) * STATUS_IN_FROM_PAD)
                    | (self.events(pin) << STATUS_EVENTS_SHIFT)
            }
            (IO_INTR, _) => self.pending(bank),
            (IO_INTE, _) => self.interrupt_enable[bank],
            (IO_INTS, _) => self.pending(bank) & self.interrupt_enable[bank],
            _ => 0,
        }
    }

    /// Finds edges since the last call and latches the enabled ones.
    fn settle(&mut self) {
        for number in 0..PINS {
            let level = self.level(number);
            let pin = &mut self.pins[number];
            if level != pin.level {
                pin.level = level;
                let edge = if level { EVENT_RISING } else { EVENT_FALLING };
                pin.latched |= edge & pin.ctrl >> CTRL_EVENTS_SHIFT;
            }
        }
    }

    fn events(&self, pin: usize) -> u32 {
        let level = if self.level(pin) {
            EVENT_HIGH
        } else {
            EVENT_LOW
        };
        let enabled = self.pins[pin].ctrl >> CTRL_EVENTS_SHIFT & EVENT_MASK;
        (self.pins[pin].latched | level) & enabled
    }

    fn pending(&self, bank: usize) -> u32 {
        self.collect(bank, |pin| self.events(pin) != 0)
    }

    fn collect(&self, bank: usize, test: impl Fn(usize) -> bool) -> u32 {
        let (first, count) = BANK_PINS[bank];
        (0..count)
            .filter(|bit| test(first + bit))
            .fold(0, |bits, bit| bits | 1 << bit)
    }
}

fn bank_of(pin: usize) -> (usize, usize) {
    let bank = BANK_PINS
        .iter()
        .rposition(|(first, _)| pin >= *first)
        .unwrap_or(0);
    (bank, pin - BANK_PINS[bank].0)
}

fn split(offset: usize) -> (usize, usize, usize) {
    (
        offset / BANK_STRIDE,
        offset >> ALIAS_SHIFT & 3,
        offset & 0xfff,
    )
}

/// Pin of an IO_BANK register, and whether it is `CTRL` rather than `STATUS`.
fn io_pin(bank: usize, register: usize) -> Option<(usize, bool)> {
    let (first, count) = BANK_PINS[bank];
    (register < 8 * count).then(|| (first + register / 8, register & 4 != 0))
}

fn pad_pin(bank: usize, register: usize) -> Option<usize> {
    let (first, count) = BANK_PINS[bank];
    let index = register.checked_sub(PADS_FIRST)? / 4;
    (index < count).then(|| first + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: usize = ALIAS_SET << ALIAS_SHIFT;
    const CLEAR: usize = ALIAS_CLEAR << ALIAS_SHIFT;

    fn ctrl(pin: usize) -> usize {
        let (bank, bit) = bank_of(pin);
        bank * BANK_STRIDE + 8 * bit + 4
    }

    #[test]
    fn both_edges_latch_until_reset() {
        let mut gpio = Gpio::default();
        gpio.set_input(6, Some(true));
        gpio.write(Area::Io, ctrl(6) + SET, 3 << CTRL_EVENTS_SHIFT);
        gpio.write(Area::Io, IO_INTE + SET, 1 << 6);
        assert!(!gpio.interrupt(0));
        gpio.set_input(6, Some(false));
        gpio.set_input(6, Some(true));
        assert!(gpio.interrupt(0));
        assert_eq!(gpio.read(Area::Io, IO_INTS), 1 << 6);
        gpio.write(Area::Io, ctrl(6) + SET, CTRL_IRQRESET);
        assert!(!gpio.interrupt(0));
        assert_eq!(gpio.read(Area::Io, ctrl(6)) & CTRL_IRQRESET, 0);
    }

    #[test]
    fn outputs_drive_and_aliases_work() {
        let mut gpio = Gpio::default();
        let (bank, bit) = bank_of(34);
        assert_eq!((bank, bit), (2, 0));
        assert_eq!(gpio.driven(34), None);
        gpio.write(Area::Io, ctrl(34), FUNCSEL_RIO);
        gpio.write(Area::Rio, bank * BANK_STRIDE + RIO_OE + SET, 1);
        assert_eq!(gpio.driven(34), Some(false));
        gpio.write(Area::Rio, bank * BANK_STRIDE + RIO_OUT + SET, 1);
        assert_eq!(gpio.driven(34), Some(true));
        assert!(gpio.level(34));
        assert_eq!(gpio.read(Area::Rio, bank * BANK_STRIDE + RIO_OUT + SET), 0);
        gpio.write(Area::Rio, bank * BANK_STRIDE + RIO_OUT + CLEAR, 1);
        assert_eq!(gpio.driven(34), Some(false));
    }

    #[test]
    fn pulls_decide_floating_pins() {
        let mut gpio = Gpio::default();
        assert!(!gpio.level(16));
        gpio.write(
            Area::Pads,
            PADS_FIRST + 4 * 16,
            PAD_INPUT_ENABLE | PAD_PULL_UP << 2,
        );
        assert!(gpio.level(16));
        gpio.write(Area::Pads, PADS_FIRST + 4 * 16, PAD_PULL_UP << 2);
        assert!(!gpio.level(16), "input disabled");
    }

    proptest::proptest! {
        #[test]
        fn no_access_panics_and_lines_follow_status(
            accesses in proptest::collection::vec((0usize..3, 0usize..LENGTH, proptest::num::u32::ANY), 1..200)
        ) {
            let mut gpio = Gpio::default();
            for (area, offset, value) in accesses {
                let area = [Area::Io, Area::Rio, Area::Pads][area];
                gpio.write(area, offset & !3, value);
                gpio.read(area, offset & !3);
                for bank in 0..BANKS {
                    let status = gpio.read(Area::Io, bank * BANK_STRIDE + IO_INTS);
                    assert_eq!(gpio.interrupt(bank), status != 0);
                }
            }
        }
    }
}
