//! `list` and `status`.

use super::text;
use crate::output::{Output, Tone, word};
use crate::server::Server;
use bayonet_daemon::report::{Camera, LensState, ModuleState, Status};

pub(crate) async fn list(server: &Server, output: &Output) -> anyhow::Result<()> {
    let cameras: Vec<Camera> = server.get("/v1/cameras").await?;
    if output.json {
        return Ok(output.value(&cameras)?);
    }
    let title = |text: &str| (Tone::Title, text.to_string());
    let mut rows = vec![
        [
            "CAMERA",
            "STATE",
            "SENSOR",
            "STREAM",
            "CLIENTS",
            "LIBCAMERA",
        ]
        .map(title)
        .to_vec(),
    ];
    for camera in &cameras {
        let state = word(&camera.state);
        let stream = camera
            .stream
            .as_ref()
            .map(|stream| format!("{}x{} {}", stream.width, stream.height, stream.format));
        let plain = |text: Option<String>| (Tone::Plain, text.unwrap_or_else(|| "-".into()));
        rows.push(vec![
            plain(Some(camera.name.as_str().into())),
            (Tone::of(&state), state),
            plain(camera.model.clone()),
            plain(stream),
            plain(Some(camera.clients.to_string())),
            plain(camera.libcamera_id.clone()),
        ]);
    }
    Ok(output.table(&rows)?)
}

pub(crate) async fn status(server: &Server, output: &Output) -> anyhow::Result<()> {
    let status: Status = server.get("/v1/status").await?;
    if output.json {
        return Ok(output.value(&status)?);
    }
    let plain = |text: String| (Tone::Plain, text);
    let module = word(&status.module.state);
    let sensor = status.module.sensor.clone().unwrap_or_default();
    let mut rows = vec![
        vec![plain("bayonetd".into()), plain(status.version.clone())],
        vec![
            plain("module".into()),
            (Tone::of(&module), module),
            plain(sensor),
        ],
    ];
    if let Some(reason) = &status.module.reason {
        rows.push(vec![
            plain(String::new()),
            plain(String::new()),
            plain(reason.clone()),
        ]);
    }
    let lens = &status.module.lens;
    if status.module.state != ModuleState::NotConfigured && lens.state != LensState::None {
        let state = word(&lens.state);
        let mut facts = vec![text::lens(lens)];
        facts.extend(lens.focal_length_mm.map(|length| format!("{length} mm")));
        facts.extend(
            lens.maximum_aperture
                .map(|aperture| format!("f/{aperture}")),
        );
        rows.push(vec![
            plain("lens".into()),
            (Tone::of(&state), state),
            plain(facts.join(", ")),
        ]);
    }
    for camera in &status.cameras {
        let state = word(&camera.state);
        let mut facts = vec![text::camera(camera)];
        if camera.frames > 0 {
            facts.push(format!(
                "{} frames, {} dropped",
                camera.frames, camera.dropped
            ));
        }
        if camera.restarts > 0 {
            facts.push(format!("{} restarts", camera.restarts));
        }
        facts.retain(|fact| !fact.is_empty());
        rows.push(vec![
            plain(camera.name.as_str().into()),
            (Tone::of(&state), state),
            plain(facts.join(", ")),
        ]);
    }
    if let Some(recording) = &status.recording {
        let state = word(&recording.state);
        rows.push(vec![
            plain("record".into()),
            (Tone::of(&state), state),
            plain(format!(
                "{}, {}",
                recording.name,
                text::recording(recording)
            )),
        ]);
    }
    Ok(output.table(&rows)?)
}
