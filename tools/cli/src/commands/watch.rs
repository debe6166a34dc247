//! `watch`: what happens, as it happens.

use super::text;
use crate::output::{Output, Tone, bytes, word};
use crate::server::Server;
use anyhow::bail;
use bayonet_daemon::report::{Camera, Event, Module, Recording};
use std::io;
use std::time::Instant;

pub(crate) async fn watch(server: &Server, output: &Output) -> anyhow::Result<()> {
    let mut events = server.events().await?;
    let begin = Instant::now();
    let mut last = None;
    while let Some(message) = events.next().await? {
        if output.json {
            output.line(&message.data)?;
            continue;
        }
        // An event of a later version is no reason to stop.
        let Ok(event) = serde_json::from_str(&message.data) else {
            continue;
        };
        if let Event::Recording(recording) = &event {
            // Frames that are written as they should be are no news.
            let news = Some((recording.state, lost(recording)));
            if std::mem::replace(&mut last, news) == news {
                continue;
            }
        }
        for line in lines(&event) {
            line.write(begin.elapsed().as_secs_f64(), output)?;
        }
    }
    bail!("bayonetd has ended the stream; see: systemctl status bayonetd")
}

/// One line: what it is about, its state, the rest.
#[derive(Debug, PartialEq)]
struct Line {
    about: String,
    state: String,
    rest: String,
}

impl Line {
    fn new(about: &str, state: &str, rest: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            state: state.into(),
            rest: rest.into(),
        }
    }

    fn module(module: &Module) -> Self {
        Self::new("module", &word(&module.state), text::module(module))
    }

    fn camera(camera: &Camera) -> Self {
        Self::new(
            camera.name.as_str(),
            &word(&camera.state),
            text::camera(camera),
        )
    }

    fn recording(recording: &Recording) -> Self {
        let mut rest = format!("{}, {}", recording.name, text::recording(recording));
        if let Some(end) = &recording.end {
            rest += &format!(", {}", word(end));
        }
        if let Some(reason) = &recording.reason {
            rest += &format!(": {reason}");
        }
        Self::new("record", &word(&recording.state), rest)
    }

    fn write(&self, seconds: f64, output: &Output) -> io::Result<()> {
        // "module" and "controls"; "not-configured".
        const ABOUT: usize = 8;
        const STATE: usize = 14;
        let tone = match self.state.as_str() {
            "failed" | "missed" => Tone::Bad,
            "taken" | "pressed" => Tone::Good,
            "set" => Tone::Plain,
            state => Tone::of(state),
        };
        let time = output.paint(Tone::Quiet, &format!("{seconds:9.3}"));
        let state = output.paint(tone, &format!("{:STATE$}", self.state));
        output.line(&format!(
            "{time}  {:ABOUT$}  {state}  {}",
            self.about, self.rest
        ))
    }
}

/// Frames that are not there.
fn lost(recording: &Recording) -> u64 {
    text::sum(recording, |camera| camera.dropped + camera.missing)
}

fn lines(event: &Event) -> Vec<Line> {
    match event {
        Event::Status(status) => {
            let cameras = status.cameras.iter().map(Line::camera);
            std::iter::once(Line::module(&status.module))
                .chain(cameras)
                .chain(status.recording.as_ref().map(Line::recording))
                .collect()
        }
        Event::Module(module) => vec![Line::module(module)],
        Event::Camera(camera) => vec![Line::camera(camera)],
        Event::Controls { camera, values } => {
            let values: Vec<_> = values
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let rest = if values.is_empty() {
                "all by default".into()
            } else {
                values.join(" ")
            };
            vec![Line::new(camera.as_str(), "set", rest)]
        }
        Event::Shutter => vec![Line::new("shutter", "pressed", "")],
        Event::Capture(capture) => {
            let pictures = capture.pictures.iter();
            let pictures: Vec<_> = pictures
                .map(|picture| format!("{} {}", picture.camera.as_str(), bytes(picture.bytes)))
                .collect();
            vec![Line::new(
                "capture",
                "taken",
                format!("{}, {}", capture.name, pictures.join(", ")),
            )]
        }
        Event::CaptureFailed { reason } => vec![Line::new("capture", "failed", reason)],
        Event::Recording(recording) => vec![Line::recording(recording)],
        Event::Lagged { missed } => {
            vec![Line::new(
                "watch",
                "missed",
                format!("{missed} events: this reader was too slow"),
            )]
        }
    }
}
