//! Cameras, modules and lenses in a few words.

use bayonet_daemon::report::{Camera, Lens, LensState, Module};

/// Its model, its stream, its clients, and what is wrong.
pub(super) fn camera(camera: &Camera) -> String {
    let mut parts: Vec<String> = camera.model.iter().cloned().collect();
    if let Some(stream) = &camera.stream {
        parts.push(format!(
            "{}x{} {}",
            stream.width, stream.height, stream.format
        ));
    }
    match camera.clients {
        0 => {}
        1 => parts.push("1 client".into()),
        more => parts.push(format!("{more} clients")),
    }
    parts.extend(camera.reason.iter().cloned());
    parts.join(", ")
}

/// Its sensor and its lens, and what is wrong.
pub(super) fn module(module: &Module) -> String {
    let mut parts: Vec<String> = module.sensor.iter().cloned().collect();
    parts.push(lens(&module.lens));
    parts.extend(module.reason.iter().cloned());
    parts.join(", ")
}

/// The lens on the mount.
pub(super) fn lens(lens: &Lens) -> String {
    let code = match (lens.code, lens.frame) {
        (Some(code), Some(frame)) => format!(" (code {code}/{frame})"),
        (Some(code), None) => format!(" (code {code})"),
        _ => String::new(),
    };
    let name = lens
        .name
        .as_ref()
        .or(lens.profile.as_ref())
        .map_or("a lens", String::as_str);
    match lens.state {
        LensState::None => "no lens".into(),
        LensState::Changing => "lens changing".into(),
        LensState::Known => format!("{name}{code}"),
        LensState::Assigned => format!("{name}, as named"),
        LensState::Unknown => format!("unknown lens{code}"),
        LensState::Uncoded => "uncoded lens".into(),
    }
}
