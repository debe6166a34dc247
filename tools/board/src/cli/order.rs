//! Orders as words: what `ctl` understands.

use super::{Lens, parse_kelvin, parse_lux, parse_number, parse_positive};
use bayonet_board::orders::{Fault, Order, Port};
use clap::{Subcommand, ValueEnum};

/// Focus distance in metres that stands for infinity.
const INFINITY_METRES: f32 = 1000.0;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum OrderArgs {
    /// Connect a sensor: the one that was there, unless another is named.
    Plug {
        /// Connector.
        port: Port,
        /// Sensor model.
        #[arg(long)]
        sensor: Option<String>,
    },
    /// Disconnect the sensor.
    Unplug {
        /// Connector.
        port: Port,
    },
    /// Put a lens on the mount, or take it off.
    Lens {
        /// 6-bit code and frame-line selector, or `none`.
        #[arg(value_name = "CODE[:FRAME]|none")]
        lens: Lens,
    },
    /// Turn the focus ring of the mount lens.
    Focus {
        /// Distance, or `inf`.
        #[arg(value_parser = parse_metres)]
        metres: f32,
    },
    /// Put another scene before both cameras.
    Scene {
        /// PNG, JPEG, the name of a scene, or `chart`.
        #[arg(value_name = "FILE|NAME|chart")]
        source: String,
    },
    /// Change the light.
    Light {
        /// Colour temperature, 2300 to 7500 K.
        #[arg(value_parser = parse_kelvin)]
        kelvin: f32,
        /// Illuminance.
        #[arg(value_parser = parse_lux)]
        lux: f32,
    },
    /// Press or release the shutter key.
    Key {
        /// What to do with it.
        state: KeyState,
    },
    /// Disturb a port.
    Fault {
        /// Connector.
        port: Port,
        /// What happens there.
        #[command(subcommand)]
        fault: FaultArgs,
    },
    /// Show the state of the board as JSON.
    Status,
    /// End the board.
    Quit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeyState {
    /// Hold it down.
    Press,
    /// Let it go.
    Release,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum FaultArgs {
    /// The sensor does not acknowledge the Nth I2C transfer from now.
    NakTransfer {
        /// 1 is the next one.
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        n: u32,
    },
    /// The sensor does not acknowledge writes to a register until `clear`.
    NakRegister {
        /// Address, decimal or 0x.
        #[arg(value_parser = parse_number::<u16>)]
        register: u16,
    },
    /// No frames until `clear`.
    Stall,
    /// The next frames are lost on the wire.
    DropFrames {
        /// How many.
        n: u32,
    },
    /// The next frame ends early.
    ShortFrame {
        /// Lines that still arrive.
        lines: u32,
    },
    /// The receiver sees a CSI-2 error in the next frame.
    CsiError,
    /// The sensor's supplies fail for an instant.
    PowerLoss,
    /// End every lasting fault of the port.
    Clear,
}

impl From<OrderArgs> for Order {
    fn from(order: OrderArgs) -> Self {
        match order {
            OrderArgs::Plug { port, sensor } => Self::Plug { port, sensor },
            OrderArgs::Unplug { port } => Self::Unplug { port },
            OrderArgs::Lens { lens } => Self::Lens {
                code: lens.0.map(|lens| lens.code),
                frame: lens.0.map_or(0, |lens| lens.frame),
            },
            OrderArgs::Focus { metres } => Self::Focus { metres },
            OrderArgs::Scene { source } => Self::Scene {
                source: absolute(source),
            },
            OrderArgs::Light { kelvin, lux } => Self::Light { kelvin, lux },
            OrderArgs::Key { state } => Self::Key {
                pressed: matches!(state, KeyState::Press),
            },
            OrderArgs::Fault { port, fault } => Self::Fault {
                port,
                fault: fault.into(),
            },
            OrderArgs::Status => Self::Status,
            OrderArgs::Quit => Self::Quit,
        }
    }
}

impl From<FaultArgs> for Fault {
    fn from(fault: FaultArgs) -> Self {
        match fault {
            FaultArgs::NakTransfer { n } => Self::NakTransfer { nth: n },
            FaultArgs::NakRegister { register } => Self::NakRegister { register },
            FaultArgs::Stall => Self::Stall,
            FaultArgs::DropFrames { n } => Self::DropFrames { count: n },
            FaultArgs::ShortFrame { lines } => Self::ShortFrame { lines },
            FaultArgs::CsiError => Self::CsiError,
            FaultArgs::PowerLoss => Self::PowerLoss,
            FaultArgs::Clear => Self::Clear,
        }
    }
}

/// The board runs in another directory, so a file is named from the root.
fn absolute(source: String) -> String {
    match std::fs::canonicalize(&source) {
        Ok(path) => path.display().to_string(),
        Err(_) => source,
    }
}

fn parse_metres(text: &str) -> Result<f32, String> {
    Ok(parse_positive(text, "metres")?.min(INFINITY_METRES))
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use super::*;
    use clap::Parser;

    fn order(words: &[&str]) -> Result<Order, clap::Error> {
        let words = ["bayonet-board", "ctl"].iter().chain(words);
        match Cli::try_parse_from(words)?.command {
            Command::Ctl(ctl) => Ok(ctl.order.into()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn words_become_orders() {
        let mount = Port::Mount;
        for (words, expected) in [
            (
                &["plug", "main", "--sensor", "imx219"][..],
                Order::Plug {
                    port: Port::Main,
                    sensor: Some("imx219".into()),
                },
            ),
            (
                &["lens", "0b101001:2"],
                Order::Lens {
                    code: Some(41),
                    frame: 2,
                },
            ),
            (
                &["lens", "none"],
                Order::Lens {
                    code: None,
                    frame: 0,
                },
            ),
            (
                &["focus", "inf"],
                Order::Focus {
                    metres: INFINITY_METRES,
                },
            ),
            (
                &["light", "5000", "0"],
                Order::Light {
                    kelvin: 5000.0,
                    lux: 0.0,
                },
            ),
            (&["key", "press"], Order::Key { pressed: true }),
            (
                &["fault", "mount", "nak-register", "0x3000"],
                Order::Fault {
                    port: mount,
                    fault: Fault::NakRegister { register: 0x3000 },
                },
            ),
            (
                &["fault", "mount", "drop-frames", "3"],
                Order::Fault {
                    port: mount,
                    fault: Fault::DropFrames { count: 3 },
                },
            ),
            (&["quit"], Order::Quit),
        ] {
            assert_eq!(order(words).unwrap(), expected, "{words:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for words in [
            &["unplug", "left"][..],
            &["lens", "64"],
            &["lens", "1:4"],
            &["light", "9000", "10"],
            &["light", "5000", "-1"],
            &["focus", "0"],
            &["fault", "main", "nak-transfer", "0"],
            &["fault", "main", "nak-register", "0x10000"],
            &["explode"],
        ] {
            assert!(order(words).is_err(), "{words:?}");
        }
    }
}
