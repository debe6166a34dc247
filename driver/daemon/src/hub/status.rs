//! How things are, in the words of the API.

use super::Hub;
use super::recorder::Running;
use super::unit::Unit;
use crate::lens_file::Optics;
use crate::report::{Camera, CameraName, Lens, LensState, Module, ModuleState, Status};
use crate::wire::LensTags;
use bayonet_core::lens::{self, LensPins};
use bayonet_core::mount::{LensView, State};

impl Hub {
    /// Everything at once.
    pub(super) fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            module: self.module(),
            cameras: self.units.iter().map(Unit::report).collect(),
            recording: self.recording.as_ref().and_then(Running::report),
        }
    }

    /// The mount's module.
    pub(super) fn module(&self) -> Module {
        let lens = self.lens();
        let Some(unit) = self.find(CameraName::Mount) else {
            return Module {
                state: ModuleState::NotConfigured,
                reason: self.no_mount.clone(),
                sensor: None,
                lens,
                plugs: 0,
            };
        };
        let (state, reason) = words(unit.machine.state());
        Module {
            state,
            reason,
            sensor: Some(unit.model().to_owned()),
            lens,
            plugs: unit.machine.plugs(),
        }
    }

    /// What the lens lines read, while a module is there and they are still.
    pub(super) fn lens_pins(&self) -> Option<LensPins> {
        match self.find(CameraName::Mount)?.machine.lens() {
            LensView::Settled(pins) => Some(pins),
            LensView::None | LensView::Changing => None,
        }
    }

    fn identified(&self) -> lens::Lens<'_> {
        let Some(pins) = self.lens_pins() else {
            return lens::Lens::None;
        };
        let assignment = self.memory.assignment();
        lens::identify(pins, assignment.as_ref(), &self.library)
    }

    fn lens(&self) -> Lens {
        let changing = self
            .find(CameraName::Mount)
            .is_some_and(|unit| unit.machine.lens() == LensView::Changing);
        let (state, profile) = match self.identified() {
            lens::Lens::None if changing => (LensState::Changing, None),
            lens::Lens::None => (LensState::None, None),
            lens::Lens::Uncoded => (LensState::Uncoded, None),
            lens::Lens::Unknown => (LensState::Unknown, None),
            lens::Lens::Known(profile) => (LensState::Known, Some(profile)),
            lens::Lens::Assigned(profile) => (LensState::Assigned, Some(profile)),
        };
        let pins = self.lens_pins().filter(|_| state != LensState::None);
        Lens {
            state,
            code: pins.map(LensPins::code),
            frame: pins.map(LensPins::frame),
            profile: profile.map(|profile| profile.name.clone()),
            name: profile.map(|profile| profile.model.clone()),
            focal_length_mm: profile
                .and_then(|profile| profile.focal_length_mm)
                .map(single),
            maximum_aperture: profile
                .and_then(|profile| profile.maximum_aperture)
                .map(single),
        }
    }

    /// What the IPA is told of the lens.
    pub(super) fn optics(&self) -> Option<Optics> {
        self.identified().profile().map(Into::into)
    }

    /// What a camera's pictures say of its lens.
    pub(super) fn lens_tags(&self, camera: CameraName) -> Option<LensTags> {
        let profile = match camera {
            CameraName::Main => self.main_lens.as_ref()?,
            CameraName::Mount => self.identified().profile()?,
        };
        Some(LensTags {
            make: profile.make.clone(),
            model: profile.model.clone(),
            focal_length_mm: single(profile.focal_length_mm?),
            maximum_aperture: single(profile.maximum_aperture?),
            vignetting: profile.vignetting,
            distortion: profile.distortion,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a lens's figures have three digits"
)]
fn single(value: f64) -> f32 {
    value as f32
}

fn words(state: State) -> (ModuleState, Option<String>) {
    match state {
        State::Absent => (ModuleState::Absent, None),
        State::Detecting => (ModuleState::Detecting, None),
        State::Present => (ModuleState::Present, None),
        State::Stalled => {
            let reason = "its frames have stopped; the camera is started again";
            (ModuleState::Stalled, Some(reason.to_owned()))
        }
        State::Stuck { reason } => (ModuleState::Stuck, Some(reason)),
        State::Faulted { reason, .. } => (ModuleState::Faulted, Some(reason)),
        State::WrongSensor { found } => {
            let reason = format!("it is {found}, which the device tree does not name");
            (ModuleState::WrongSensor, Some(reason))
        }
        State::Flapping { .. } => {
            let reason = "it comes and goes; it is tried once it stays";
            (ModuleState::Flapping, Some(reason.to_owned()))
        }
    }
}

/// Whether something changed in a camera but its count of frames.
pub(super) fn changed(before: &Camera, now: &Camera) -> bool {
    let still = Camera {
        frames: now.frames,
        ..before.clone()
    };
    still != *now
}

/// A module in a line of the log.
pub(super) fn module_line(module: &Module) -> String {
    let mut line = format!("{:?}", module.state);
    if let Some(reason) = &module.reason {
        line += &format!(" ({reason})");
    }
    line += &format!(", lens {:?}", module.lens.state);
    if let Some(name) = &module.lens.name {
        line += &format!(" ({name})");
    }
    line
}

/// A camera in a line of the log.
pub(super) fn camera_line(camera: &Camera) -> String {
    let clients = camera.clients;
    let mut line = format!("{:?}, {clients} clients", camera.state);
    if camera.dropped > 0 {
        line += &format!(", {} frames dropped", camera.dropped);
    }
    if let Some(reason) = &camera.reason {
        line += &format!(" ({reason})");
    }
    line
}
