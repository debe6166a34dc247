//! Cameras, modules, lenses and recordings in a few words.

use crate::output::{bytes, word};
use bayonet_daemon::report::{Camera, Lens, LensState, Module, RecordedCamera, Recording};

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

/// Time, frames, size, and what is not there.
pub(super) fn recording(recording: &Recording) -> String {
    let mut parts: Vec<String> = recording.duration_ms.map(time).into_iter().collect();
    let frames = |camera: &RecordedCamera| format!("{} {} frames", camera.name, camera.written);
    parts.extend(recording.cameras.iter().map(frames));
    parts.push(bytes(sum(recording, |camera| camera.bytes)));
    parts.push(format!(
        "{} dropped",
        sum(recording, |camera| camera.dropped)
    ));
    let missing = sum(recording, |camera| camera.missing);
    if missing > 0 {
        parts.push(format!("{missing} missing"));
    }
    parts.join(", ")
}

/// Of all cameras of a recording.
pub(super) fn sum(recording: &Recording, count: impl Fn(&RecordedCamera) -> u64) -> u64 {
    recording.cameras.iter().map(count).sum()
}

/// The state of a recording, and why it ended.
pub(super) fn state(recording: &Recording) -> String {
    let state = word(&recording.state);
    match &recording.end {
        Some(end) => format!("{state}, {}", word(end)),
        None => state,
    }
}

/// A time for people: minutes, seconds and tenths.
pub(super) fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{:02}", seconds % 60)
    } else {
        format!(
            "{minutes}:{:02}.{}",
            seconds % 60,
            milliseconds % 1000 / 100
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_for_people() {
        assert_eq!(time(0), "0:00.0");
        assert_eq!(time(65_432), "1:05.4");
        assert_eq!(time(3_600_000 * 27 + 59_000), "27:00:59");
    }
}
