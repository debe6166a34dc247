//! The board behind the machine: one PCI device, two connectors, their sensors, lens and scene.
//!
//! Placeholder: takes orders without carrying them out, and serves no device.

use crate::orders::{Order, Reply};
use std::path::{Path, PathBuf};

/// What is plugged in, and what stands before it, at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardOptions {
    /// Sensor on the main port.
    pub main: Option<String>,
    /// Sensor on the mount port.
    pub mount: Option<String>,
    /// Lens on the mount: 6-bit code and frame-line selector.
    pub lens: Option<(u8, u8)>,
    /// Path of a picture, name of a scene that ships with the board, or `chart`.
    pub scene: String,
    /// Correlated colour temperature in kelvin, illuminance in lux.
    pub light: (f32, f32),
    /// Seed of the noise.
    pub seed: u64,
}

/// A board that serves its PCI device.
pub struct Board {
    options: BoardOptions,
}

impl Board {
    /// Serves the board's PCI device on `vfio_socket`.
    ///
    /// # Errors
    /// None yet.
    pub fn start(options: &BoardOptions, vfio_socket: &Path) -> anyhow::Result<Self> {
        log::debug!("no device on {} yet", vfio_socket.display());
        Ok(Self {
            options: options.clone(),
        })
    }

    /// Device tree of the machine with this board, made in `directory`; `None` without a device.
    ///
    /// # Errors
    /// None yet.
    pub fn device_tree(&self, _directory: &Path) -> anyhow::Result<Option<PathBuf>> {
        Ok(None)
    }

    /// Carries out an order.
    pub fn order(&self, order: Order) -> Reply {
        match order {
            Order::Status => Reply::Status {
                status: serde_json::json!({
                    "main": { "sensor": self.options.main },
                    "mount": { "sensor": self.options.mount },
                    "scene": self.options.scene,
                }),
            },
            _ => Reply::Refused {
                reason: "this board has no device yet".into(),
            },
        }
    }
}
