//! The board: chip, connectors, lens, light and scene tied together, taking orders.

use crate::capture::{Counters, Receiver};
use crate::connector::{Connector, ConnectorStatus};
use crate::model::Model;
use crate::module::{self, LensCode};
use crate::optics::{Lens, Light, Scene, World};
use crate::orders::{Order, Port, Reply};
use crate::pcie::{Chip, Endpoint};
use crate::processing::Processor;
use crate::rp1::{Rp1, Traffic};
use crate::sensor::SensorModel;
use crate::unmodelled::{Told, Unmodelled};
use anyhow::Context;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The board as it is switched on.
#[derive(Clone, Debug)]
pub struct BoardOptions {
    /// Which board.
    pub model: Model,
    /// Sensor on the main connector.
    pub main: String,
    /// Sensor on the mount connector; `None` leaves it free.
    pub mount: Option<String>,
    /// Lens on the mount.
    pub lens: Option<LensCode>,
    /// Path or name of the scene.
    pub scene: String,
    /// The light.
    pub light: Light,
    /// Seed of the noise.
    pub seed: u64,
    /// How much longer than on hardware everything takes: a whole number, at least 1.
    pub slow: u32,
}

/// State of the board, for people and tests.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// Which board.
    pub board: Model,
    /// Main connector.
    pub main: PortStatus,
    /// Mount connector.
    pub mount: PortStatus,
    /// Lens on the mount.
    pub lens: Option<LensCode>,
    /// Scene before the cameras.
    pub scene: String,
    /// Colour temperature in kelvin.
    pub kelvin: f32,
    /// Illuminance in lux.
    pub lux: f32,
    /// Back end jobs finished, per back end that the board has.
    pub back_end_jobs: Vec<u64>,
    /// Register traffic.
    pub traffic: Traffic,
    /// Blocks of the PiSP that are not modelled: pixels pass through.
    pub unmodelled: Unmodelled,
}

/// State of one port.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PortStatus {
    /// The connector.
    #[serde(flatten)]
    pub connector: ConnectorStatus,
    /// Frames that the sensor sent.
    pub sent: u64,
    /// Frames that reached memory.
    pub captured: u64,
}

/// A running board.
pub struct Board {
    model: Model,
    chip: Arc<Chip>,
    connectors: [Arc<Connector>; 2],
    worlds: [Arc<Mutex<World>>; 2],
    counters: [Arc<Counters>; 2],
    jobs: Vec<Arc<AtomicU64>>,
    setting: Mutex<Setting>,
    ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What orders have set, for [`Status`].
struct Setting {
    lens: Option<LensCode>,
    scene: String,
}

impl Board {
    /// Switches a board on, its bus listening on `socket`.
    ///
    /// # Errors
    /// An unknown sensor, a scene that cannot be read, or a socket that cannot be made.
    pub fn start(options: &BoardOptions, socket: &Path) -> anyhow::Result<Self> {
        let main = SensorModel::named(&options.main)?;
        let mount = match &options.mount {
            Some(name) => SensorModel::named(name)?,
            None => Arc::clone(&main),
        };
        let scene = Scene::load(&options.scene)?;
        let connectors = [
            Arc::new(Connector::new(Arc::clone(&main), true)),
            Arc::new(Connector::new(mount, options.mount.is_some())),
        ];
        let world = |lens| {
            let scene = Arc::clone(&scene);
            Arc::new(Mutex::new(World {
                scene,
                light: options.light,
                lens,
            }))
        };
        let worlds = [
            world(Some(Lens::fixed(&main))),
            world(mount_lens(options.lens)),
        ];

        let mut rp1 = Rp1::new(options.model, connectors.clone());
        module::set_mount_present(&mut rp1, options.mount.is_some());
        module::set_lens_code(&mut rp1, options.lens);
        module::set_shutter_key(&mut rp1, false);
        let chip = Arc::new(Chip::new(rp1));
        let endpoint = Endpoint::listen(socket, Arc::clone(&chip))?;

        let setting = Setting {
            lens: options.lens,
            scene: options.scene.clone(),
        };
        let back_ends = options.model.back_ends();
        let mut board = Self {
            model: options.model,
            chip,
            connectors,
            worlds,
            counters: Default::default(),
            jobs: (0..back_ends).map(|_| Arc::default()).collect(),
            setting: Mutex::new(setting),
            ending: Arc::default(),
            threads: Vec::new(),
        };
        board.spawn_workers(options.seed, options.slow)?;
        // The bus ends with the machine's connection, not with the board: it is never joined.
        spawn("pcie".into(), move || {
            if let Err(error) = endpoint.serve() {
                log::error!("{error:#}");
            }
        })?;
        Ok(board)
    }

    /// Carries out an order.
    pub fn order(&self, order: Order) -> Reply {
        match self.carry_out(order) {
            Ok(reply) => reply,
            Err(error) => Reply::Refused {
                reason: format!("{error:#}"),
            },
        }
    }

    /// State of the board.
    pub fn status(&self) -> Status {
        let setting = self.setting();
        let light = lock(&self.worlds[0]).light;
        Status {
            board: self.model,
            main: self.port_status(Port::Main),
            mount: self.port_status(Port::Mount),
            lens: setting.lens,
            scene: setting.scene.clone(),
            kelvin: light.kelvin(),
            lux: light.lux(),
            back_end_jobs: self
                .jobs
                .iter()
                .map(|jobs| jobs.load(Ordering::Relaxed))
                .collect(),
            traffic: self.chip.rp1().traffic(),
            unmodelled: Unmodelled::of(self.model),
        }
    }

    fn carry_out(&self, order: Order) -> anyhow::Result<Reply> {
        match order {
            Order::Plug { port, sensor } => {
                let model = sensor.as_deref().map(SensorModel::named).transpose()?;
                self.connectors[port.index()].plug(model);
                self.show_presence(port, true);
            }
            Order::Unplug { port } => {
                self.connectors[port.index()].unplug();
                self.show_presence(port, false);
            }
            Order::Lens { code, frame } => {
                let lens = match code {
                    None => None,
                    Some(code) => Some(LensCode::new(code, frame)?),
                };
                self.setting().lens = lens;
                lock(&self.worlds[Port::Mount.index()]).lens = mount_lens(lens);
                module::set_lens_code(&mut self.chip.rp1(), lens);
            }
            Order::Focus { metres } => {
                anyhow::ensure!(
                    metres > 0.0,
                    "a focus distance is more than 0 m, not {metres} m"
                );
                let mut world = lock(&self.worlds[Port::Mount.index()]);
                let lens = world
                    .lens
                    .context("there is no lens on the mount to focus")?;
                world.lens = Some(lens.focused(metres));
            }
            Order::Scene { source } => {
                let scene = Scene::load(&source)?;
                for world in &self.worlds {
                    lock(world).scene = Arc::clone(&scene);
                }
                self.setting().scene = source;
            }
            Order::Light { kelvin, lux } => {
                let light = Light::new(kelvin, lux)?;
                for world in &self.worlds {
                    lock(world).light = light;
                }
            }
            Order::Key { pressed } => module::set_shutter_key(&mut self.chip.rp1(), pressed),
            Order::Fault { port, fault } => self.connectors[port.index()].fault(fault),
            Order::Status => {
                let status = serde_json::to_value(self.status()).context("status as JSON")?;
                return Ok(Reply::Status { status });
            }
            // The machine around the board ends it; nothing to do here.
            Order::Quit => {}
        }
        Ok(Reply::Done)
    }

    fn show_presence(&self, port: Port, present: bool) {
        if port == Port::Mount {
            module::set_mount_present(&mut self.chip.rp1(), present);
        }
    }

    fn port_status(&self, port: Port) -> PortStatus {
        let counters = &self.counters[port.index()];
        PortStatus {
            connector: self.connectors[port.index()].status(),
            sent: counters.sent.load(Ordering::Relaxed),
            captured: counters.captured.load(Ordering::Relaxed),
        }
    }

    fn spawn_workers(&mut self, seed: u64, slow: u32) -> anyhow::Result<()> {
        let told = Arc::new(Told::default());
        for port in Port::ALL {
            let receiver = Receiver {
                port,
                chip: Arc::clone(&self.chip),
                connector: Arc::clone(&self.connectors[port.index()]),
                world: Arc::clone(&self.worlds[port.index()]),
                // The two sensors' noise is not the same.
                seed: seed.wrapping_add(port.index() as u64),
                slow,
                counters: Arc::clone(&self.counters[port.index()]),
                told: Arc::clone(&told),
                ending: Arc::clone(&self.ending),
            };
            self.threads
                .push(spawn(format!("receiver {}", port.index()), move || {
                    receiver.run()
                })?);
        }
        for (number, jobs) in self.jobs.iter().enumerate() {
            let processor = Processor {
                number,
                chip: Arc::clone(&self.chip),
                jobs: Arc::clone(jobs),
                told: Arc::clone(&told),
                ending: Arc::clone(&self.ending),
            };
            self.threads
                .push(spawn(format!("back end {number}"), move || {
                    processor.run()
                })?);
        }
        Ok(())
    }

    fn setting(&self) -> MutexGuard<'_, Setting> {
        lock(&self.setting)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a thread of the board panicked");
            }
        }
    }
}

fn mount_lens(lens: Option<LensCode>) -> Option<Lens> {
    lens.map(|lens| Lens::mounted(lens.code, lens.frame))
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.clone());
    thread
        .spawn(work)
        .with_context(|| format!("cannot start the thread `{name}`"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
