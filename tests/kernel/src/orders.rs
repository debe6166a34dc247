//! Orders to the board around this guest: one JSON line each way on a virtio port.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Name of the port, as the board gives it.
const PORT_NAME: &str = "org.bayonet.orders";
const PORT_CLASS: &str = "/sys/class/virtio-ports";
/// Longest time for an answer: a new scene or lens is computed by the board before it answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A camera connector of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The sensor behind the fixed lens.
    Main,
    /// The sensor behind the lens mount.
    Mount,
}

impl Port {
    fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Mount => "mount",
        }
    }
}

/// The board.
pub(crate) struct Board {
    port: File,
    answers: Receiver<std::io::Result<String>>,
}

impl Board {
    /// Opens the port for orders.
    pub(crate) fn open() -> Result<Self> {
        let device = device()?;
        let open = |options: &mut OpenOptions| {
            options
                .open(&device)
                .with_context(|| format!("opening {device} for orders"))
        };
        let port = open(OpenOptions::new().read(true).write(true))?;
        let reader = BufReader::new(port.try_clone().context("the port for orders")?);
        let (sender, answers) = channel();
        // Ends with the process: a read of the port cannot be given up.
        std::thread::spawn(move || {
            for line in reader.lines() {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut board = Self { port, answers };
        // Ends the half line that a program which died may have left.
        board
            .port
            .write_all(b"\n")
            .context("writing to the port for orders")?;
        Ok(board)
    }

    /// Connects the sensor.
    pub(crate) fn plug(&mut self, port: Port) -> Result<()> {
        self.order(&json!({ "order": "plug", "port": port.name() }))
    }

    /// Connects a sensor of this model.
    pub(crate) fn plug_sensor(&mut self, port: Port, sensor: &str) -> Result<()> {
        self.order(&json!({ "order": "plug", "port": port.name(), "sensor": sensor }))
    }

    /// Disconnects the sensor.
    pub(crate) fn unplug(&mut self, port: Port) -> Result<()> {
        self.order(&json!({ "order": "unplug", "port": port.name() }))
    }

    /// Puts a lens with this code on the mount.
    pub(crate) fn lens(&mut self, code: u8, frame: u8) -> Result<()> {
        self.order(&json!({ "order": "lens", "code": code, "frame": frame }))
    }

    /// Takes the lens off.
    pub(crate) fn no_lens(&mut self) -> Result<()> {
        self.order(&json!({ "order": "lens", "code": null }))
    }

    /// Changes the light.
    pub(crate) fn light(&mut self, kelvin: f64, lux: f64) -> Result<()> {
        self.order(&json!({ "order": "light", "kelvin": kelvin, "lux": lux }))
    }

    /// Puts the colour chart before the cameras.
    pub(crate) fn chart(&mut self) -> Result<()> {
        self.scene("chart")
    }

    /// Puts a scene before the cameras; a path is the host's.
    pub(crate) fn scene(&mut self, source: &str) -> Result<()> {
        self.order(&json!({ "order": "scene", "source": source }))
    }

    /// Presses or releases the shutter key.
    pub(crate) fn key(&mut self, pressed: bool) -> Result<()> {
        self.order(&json!({ "order": "key", "pressed": pressed }))
    }

    /// Disturbs a port; `fault` is the JSON of a fault.
    pub(crate) fn fault(&mut self, port: Port, fault: Value) -> Result<()> {
        self.order(&json!({ "order": "fault", "port": port.name(), "fault": fault }))
    }

    /// Ends every lasting fault of a port.
    pub(crate) fn clear(&mut self, port: Port) -> Result<()> {
        self.fault(port, json!({ "kind": "clear" }))
    }

    /// The state of the board.
    pub(crate) fn status(&mut self) -> Result<Value> {
        let reply = self.exchange(&json!({ "order": "status" }))?;
        Ok(reply
            .get("status")
            .context("the board's answer has no status")?
            .clone())
    }

    fn order(&mut self, order: &Value) -> Result<()> {
        self.exchange(order).map(drop)
    }

    fn exchange(&mut self, order: &Value) -> Result<Value> {
        // Answers that came too late belong to orders that were given up.
        while self.answers.try_recv().is_ok() {}
        self.port
            .write_all(format!("{order}\n").as_bytes())
            .with_context(|| format!("giving the order {order}"))?;
        let line = match self.answers.recv_timeout(ANSWER_LIMIT) {
            Ok(line) => line.with_context(|| format!("the answer to {order}"))?,
            Err(_) => bail!("no answer to {order} within {} s", ANSWER_LIMIT.as_secs()),
        };
        let reply: Value = serde_json::from_str(&line)
            .with_context(|| format!("the answer {line:?} to {order}"))?;
        if reply["reply"] == "refused" {
            bail!("the board refused {order}: {}", reply["reason"]);
        }
        Ok(reply)
    }
}

fn device() -> Result<String> {
    let ports = fs::read_dir(PORT_CLASS).with_context(|| format!("listing {PORT_CLASS}"))?;
    ports
        .flatten()
        .find(|entry| {
            fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.trim() == PORT_NAME)
        })
        .map(|entry| format!("/dev/{}", entry.file_name().to_string_lossy()))
        .with_context(|| {
            format!("no virtio port is called {PORT_NAME}: is this the virtual board?")
        })
}
