//! Making the hub: what the board has, by its device tree, and what is remembered.

use super::shots::Shots;
use super::unit::{Parts, Unit};
use super::worker::{Finished, Worker};
use super::{EVENTS_KEPT, Hub, Note};
use crate::captures::Store;
use crate::config::Config;
use crate::lens_file::LensFile;
use crate::memory::MemoryFile;
use crate::process::Output;
use crate::recordings::{self, Inlet};
use crate::report::CameraName;
use crate::wires::MountWires;
use anyhow::{Context, Result};
use bayonet_core::lens::{Library, Profile};
use bayonet_core::mount::{Machine, Observed};
use bayonet_kernel::chain::{self, Chain};
use bayonet_kernel::mount_lines::MountLines;
use bayonet_kernel::power::{self, Power};
use log::{error, info, warn};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

/// What the hub is given.
pub(crate) struct Start<'a> {
    pub(crate) config: &'a Config,
    pub(crate) lenses: Arc<Library>,
    pub(crate) store: Store,
    pub(crate) recordings: recordings::Store,
    pub(crate) outputs: mpsc::Sender<Output>,
    pub(crate) finished: mpsc::UnboundedSender<Finished>,
    pub(crate) notes: mpsc::UnboundedSender<Note>,
}

impl Hub {
    /// Looks at the board, and takes the mount's lines if it has a mount.
    ///
    /// What is wrong with the mount costs the mount: the main camera works without. A board without any module is
    /// served too, so that clients are told what is missing.
    ///
    /// # Errors
    /// When a thread cannot be made, or the configuration names a lens without a profile.
    pub(crate) fn start(now: Duration, start: Start<'_>) -> Result<(Self, Option<MountWires>)> {
        let config = start.config;
        let (memory_file, memory) = MemoryFile::open(config.memory.file.clone());
        let mut hub = Self {
            units: Vec::new(),
            no_mount: None,
            library: Arc::clone(&start.lenses),
            main_lens: main_lens(config, &start.lenses)?,
            store: start.store.clone(),
            shutter: config.shutter.cameras.clone(),
            quality: config.captures.quality,
            memory,
            memory_file,
            lens_file: LensFile::beside(&config.api.socket),
            shots: Shots::default(),
            recordings: start.recordings.clone(),
            inlet: Inlet::default(),
            recording: None,
            last_recording: 0,
            waiting: Vec::new(),
            clients: 0,
            notes: start.notes.clone(),
            events: broadcast::Sender::new(EVENTS_KEPT),
            published: None,
            ending: false,
        };
        if let Err(problem) = bayonet_kernel::binding::recover() {
            warn!("device nodes that were hidden cannot be restored: {problem}");
        }
        let module = match chain::discover() {
            Ok(module) => module,
            Err(problem) => {
                error!("{problem}");
                hub.no_mount = Some(problem.to_string());
                return Ok((hub, None));
            }
        };
        let fixed = Observed {
            present: true,
            ..Observed::default()
        };
        hub.add(now, CameraName::Main, module.main, fixed, &start)?;
        let wires = match module.mount {
            Some(chain) => hub.add_mount(now, chain, module.mount_lines, &start)?,
            None => {
                hub.no_mount =
                    Some("the device tree has no mount sensor that is enabled".to_owned());
                None
            }
        };
        hub.settle(now);
        Ok((hub, wires))
    }

    fn add_mount(
        &mut self,
        now: Duration,
        chain: Chain,
        lines: bayonet_kernel::Result<MountLines>,
        start: &Start<'_>,
    ) -> Result<Option<MountWires>> {
        let look = || -> std::result::Result<_, String> {
            let lines = lines.map_err(|problem| problem.to_string())?;
            let wires = MountWires::open(&lines)?;
            let observed = Observed {
                present: wires.present()?,
                lens: wires.lens()?,
                ..Observed::default()
            };
            Ok((wires, observed))
        };
        let (wires, observed) = match look() {
            Ok(found) => found,
            Err(problem) => {
                error!("the mount cannot be used: {problem}");
                self.no_mount = Some(problem);
                return Ok(None);
            }
        };
        self.add(now, CameraName::Mount, chain, observed, start)?;
        Ok(Some(wires))
    }

    fn add(
        &mut self,
        now: Duration,
        name: CameraName,
        chain: Chain,
        seen: Observed,
        start: &Start<'_>,
    ) -> Result<()> {
        let bound = chain.bound();
        info!("{name}: {} ({bound:?})", chain.libcamera_id);
        if bound.sensor
            && let Err(problem) = power::set(&chain.sensor, Power::Auto)
        {
            // One that was killed while it asked the sensor has left it on.
            warn!("{name}: {problem}");
        }
        let observed = Observed {
            sensor_bound: bound.sensor,
            // Whatever is bound in part must differ from the sensor.
            receiver_bound: if bound.sensor {
                bound.all()
            } else {
                bound.any()
            },
            ..seen
        };
        let config = start.config;
        let worker = Worker::start(name, chain.clone(), start.finished.clone())
            .with_context(|| format!("starting the thread of the {name} camera"))?;
        let default_size = match name {
            CameraName::Main => config.cameras.main.size,
            CameraName::Mount => config.cameras.mount.size,
        };
        let parts = Parts {
            name,
            chain,
            machine: Machine::new(config.mount.machine(), now, observed),
            worker,
            settings: config.process.clone(),
            default_size,
            outputs: start.outputs.clone(),
            inlet: self.inlet.clone(),
        };
        self.units.push(Unit::new(parts, now));
        Ok(())
    }
}

/// The profile of the main camera's lens.
fn main_lens(config: &Config, lenses: &Library) -> Result<Option<Profile>> {
    let Some(name) = &config.cameras.main.lens else {
        return Ok(None);
    };
    let profile = lenses.get(name).with_context(|| {
        format!(
            "cameras.main.lens: there is no lens profile {name:?}; `bayonet lens list` lists them"
        )
    })?;
    Ok(Some(profile.clone()))
}
