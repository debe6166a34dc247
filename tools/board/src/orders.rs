//! Orders to a running board: what a hand could do to the module and its surroundings.
//!
//! One order is one line of JSON on the control socket (`bayonet-board ctl`) or, from inside the guest, on
//! the virtio port `org.bayonet.orders`; the answer is one line of JSON, a [`Reply`].

use serde::{Deserialize, Serialize};

/// A camera connector of the module. What it is plugged to says [`crate::module::CABLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// The fixed sensor.
    Main,
    /// The sensor behind the lens mount.
    Mount,
}

impl Port {
    /// Both ports, main first.
    pub const ALL: [Self; 2] = [Self::Main, Self::Mount];

    /// Place of this port in lists of both.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A disturbance at the wires of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// The sensor does not acknowledge the nth I2C transfer from now (1 is the next one).
    NakTransfer {
        /// Which transfer, counted from 1.
        nth: u32,
    },
    /// The sensor does not acknowledge writes to this register until `clear`.
    NakRegister {
        /// Register address.
        register: u16,
    },
    /// No frames until `clear`; the sensor still answers on I2C.
    Stall,
    /// The next frames are lost on the wire.
    DropFrames {
        /// How many.
        count: u32,
    },
    /// The next frame ends early.
    ShortFrame {
        /// Lines that still arrive.
        lines: u32,
    },
    /// The receiver sees a CSI-2 error (DISCARDS interrupt) in the next frame.
    CsiError,
    /// The supplies fail for an instant: all registers fall to their power-on values.
    PowerLoss,
    /// Ends every lasting fault of the port.
    Clear,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Connects a sensor; the one that was there before unless another is named.
    Plug {
        /// Where.
        port: Port,
        /// Sensor model, e.g. `imx283`.
        #[serde(default)]
        sensor: Option<String>,
    },
    /// Disconnects the sensor.
    Unplug {
        /// Where.
        port: Port,
    },
    /// Puts a lens with this 6-bit code on the mount, or takes it off.
    Lens {
        /// 6-bit code, black mark = 1; `None` takes the lens off.
        code: Option<u8>,
        /// Frame-line selector, 0..=3.
        #[serde(default)]
        frame: u8,
    },
    /// Turns the focus ring of the mount lens.
    Focus {
        /// Distance in metres; infinity is any value from 1000 up.
        metres: f32,
    },
    /// Puts another scene before both cameras.
    Scene {
        /// Path of a PNG or JPEG, the name of a scene that ships with the board, or `chart`.
        source: String,
    },
    /// Changes the light.
    Light {
        /// Correlated colour temperature in kelvin, 2300..=7500.
        kelvin: f32,
        /// Illuminance in lux.
        lux: f32,
    },
    /// Presses or releases the shutter key.
    Key {
        /// Whether the key is held down.
        pressed: bool,
    },
    /// Disturbs a port.
    Fault {
        /// Where.
        port: Port,
        /// What.
        fault: Fault,
    },
    /// Asks for the state of the board.
    Status,
    /// Ends the board.
    Quit,
}

/// Answer to an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// Done.
    Done,
    /// State of the board, see `board::Status`.
    Status {
        /// The state as JSON.
        status: serde_json::Value,
    },
    /// Refused, and why.
    Refused {
        /// A sentence for a person.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_stable() {
        let order = Order::Fault {
            port: Port::Mount,
            fault: Fault::NakTransfer { nth: 3 },
        };
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(
            text,
            r#"{"order":"fault","port":"mount","fault":{"kind":"nak-transfer","nth":3}}"#
        );
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
        let plug: Order = serde_json::from_str(r#"{"order":"plug","port":"main"}"#).unwrap();
        assert_eq!(
            plug,
            Order::Plug {
                port: Port::Main,
                sensor: None
            }
        );
        assert!(serde_json::from_str::<Order>(r#"{"order":"explode"}"#).is_err());
    }
}
