//! One camera connector of the module: a sensor that may be there or not, its supply, and what can go wrong on
//! the wires between it and the board.

use crate::orders::Fault;
use crate::sensor::{Ack, Direction, Readout, Sensor, SensorModel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A connector; shared between the I2C bus, the supply and the receiver.
pub struct Connector {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    sensor: Sensor,
    connected: bool,
    supplied: bool,
    link: Link,
}

/// Disturbances of the CSI-2 link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Link {
    stalled: bool,
    drop: u32,
    short: Option<u32>,
    error: bool,
}

/// What arrives of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The frame as the sensor sent it.
    pub readout: Readout,
    /// Whether nothing of it arrives.
    pub lost: bool,
    /// Lines that arrive.
    pub lines: usize,
    /// Whether the receiver sees an error in it.
    pub error: bool,
}

/// State of a connector, for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ConnectorStatus {
    /// Model of the sensor, connected or last connected.
    pub sensor: String,
    /// Whether it is connected.
    pub connected: bool,
    /// Whether the guest has switched its supply on.
    pub supplied: bool,
    /// Whether it sends frames.
    pub streaming: bool,
    /// Whether an I2C transfer is still to fail.
    pub nak_pending: bool,
}

impl Connector {
    /// A connector with this sensor, connected or beside it.
    pub fn new(model: Arc<SensorModel>, connected: bool) -> Self {
        let state = State {
            sensor: Sensor::new(model),
            connected,
            supplied: false,
            link: Link::default(),
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Connects a sensor: another model if one is given.
    pub fn plug(&self, model: Option<Arc<SensorModel>>) {
        self.change(|state| {
            if let Some(model) = model {
                state.sensor = Sensor::new(model);
            }
            state.connected = true;
            state.update_power();
        });
    }

    /// Disconnects the sensor: it no longer acknowledges, and its frames stop.
    pub fn unplug(&self) {
        self.change(|state| {
            state.connected = false;
            state.update_power();
        });
    }

    /// Switches the supply.
    pub fn set_supply(&self, on: bool) {
        if self.lock().supplied != on {
            self.change(|state| {
                state.supplied = on;
                state.update_power();
            });
        }
    }

    /// Disturbs the wires.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| match fault {
            Fault::Stall => state.link.stalled = true,
            Fault::DropFrames { count } => state.link.drop = count,
            Fault::ShortFrame { lines } => state.link.short = Some(lines),
            Fault::CsiError => state.link.error = true,
            Fault::PowerLoss => {
                state.sensor.power(false);
                state.update_power();
            }
            Fault::NakTransfer { .. } | Fault::NakRegister { .. } => {
                state.sensor.fault(&fault);
            }
            Fault::Clear => {
                state.link = Link::default();
                state.sensor.fault(&fault);
            }
        });
    }

    /// START on the bus; whether a target acknowledged its address.
    pub fn start(&self, address: u16, direction: Direction) -> Ack {
        self.lock().sensor.start(address, direction)
    }

    /// One byte to the addressed target.
    pub fn write(&self, byte: u8) -> Ack {
        self.lock().sensor.write(byte)
    }

    /// One byte from the addressed target.
    pub fn read(&self) -> u8 {
        self.lock().sensor.read()
    }

    /// STOP on the bus.
    pub fn stop(&self) {
        self.change(|state| state.sensor.stop());
    }

    /// Waits until the sensor sends frames, `timeout` at most; whether it does. One that was started and cannot send any
    /// says why in the log.
    pub fn wait_streaming(&self, timeout: Duration) -> bool {
        let state = self.lock();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, timeout, |state| !state.sensor.streaming())
            .unwrap_or_else(PoisonError::into_inner);
        let streaming = state.sensor.streaming();
        if !streaming {
            state.sensor.complain();
        }
        streaming
    }

    /// The sensor begins its next frame; `None` when it has stopped.
    pub fn next_frame(&self) -> Option<Arrival> {
        let mut state = self.lock();
        let readout = state.sensor.next_frame()?;
        let link = state.link;
        let lost = link.stalled || link.drop > 0;
        if !link.stalled {
            state.link.drop = link.drop.saturating_sub(1);
        }
        if !lost {
            state.link.short = None;
            state.link.error = false;
        }
        let lines = link
            .short
            .map_or(readout.height, |lines| readout.height.min(lines as usize));
        Some(Arrival {
            lost,
            lines,
            error: link.error,
            readout,
        })
    }

    /// The connected sensor's model.
    pub fn model(&self) -> Arc<SensorModel> {
        Arc::clone(self.lock().sensor.model())
    }

    /// State for people.
    pub fn status(&self) -> ConnectorStatus {
        let state = self.lock();
        ConnectorStatus {
            sensor: state.sensor.model().name.clone(),
            connected: state.connected,
            supplied: state.supplied,
            streaming: state.sensor.streaming(),
            nak_pending: state.sensor.nak_pending(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn update_power(&mut self) {
        self.sensor.power(self.connected && self.supplied);
    }
}
