//! `record`: begins a recording, follows it to its end, and says what is left of one that was interrupted.

use super::text;
use crate::arguments::Record;
use crate::output::{Output, Tone, bytes, word};
use crate::server::Server;
use anyhow::{Context, bail};
use bayonet_daemon::client::EventStream;
use bayonet_daemon::recordings::repair::{self, Report};
use bayonet_daemon::report::{Event, Recording, RecordingEnd, RecordingState};
use bayonet_daemon::wire;
use hyper::Method;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

const RECORDINGS: &str = "/v1/recordings";
/// Between two looks of a person at a number that grows.
const TICK: Duration = Duration::from_millis(200);

/// Whether what was asked for was done.
pub(crate) async fn record(
    server: impl Fn() -> anyhow::Result<Server>,
    order: &Record,
    output: &Output,
) -> anyhow::Result<bool> {
    if let Some(directory) = &order.repair {
        // Without bayonetd: it may be the reason.
        return repair(directory, order.dry_run, output);
    }
    let server = server()?;
    if order.list {
        list(&server.get::<Vec<Recording>>(RECORDINGS).await?, output)?;
        return Ok(true);
    }
    if order.stop {
        let recording = stop(&server, &running(&server).await?).await?;
        return ended(&recording, output);
    }
    start(&server, order, output).await
}

async fn start(server: &Server, order: &Record, output: &Output) -> anyhow::Result<bool> {
    // Before the start, so that neither the first event nor a signal is missed.
    let mut events = server.events().await?;
    let mut signals = Signals::new()?;
    let mut body = json!({
        "cameras": order.camera.names(),
        "compression": wire::Compression::from(order.compression),
    });
    if let Some(size) = order.size {
        body["size"] = size.to_vec().into();
    }
    if let Some(frames) = order.frames {
        body["frames"] = frames.into();
    }
    if let Some(seconds) = order.seconds {
        body["seconds"] = seconds.into();
    }
    if let Some(place) = order.place {
        body["place"] = json!(place);
    }
    let recording: Recording = server.send(Method::POST, RECORDINGS, Some(&body)).await?;
    if order.detach {
        if output.json {
            output.value(&recording)?;
        } else {
            show(&recording, output)?;
        }
        return Ok(true);
    }
    let last = tokio::select! {
        last = follow(&mut events, &recording) => last?,
        () = signals.come() => {
            tokio::select! {
                last = stop(server, &recording.name) => last?,
                () = signals.come() => {
                    let name = recording.name;
                    bail!("{name} is not waited for; bayonetd writes what has come");
                }
            }
        }
    };
    ended(&last, output)
}

/// What ends a program from outside.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Shows how a recording goes on, to its end.
async fn follow(events: &mut EventStream, begun: &Recording) -> anyhow::Result<Recording> {
    let live = Live(io::stderr().is_terminal());
    let mut shown: Option<Instant> = None;
    while let Some(message) = events.next().await? {
        // An event of a later version is no reason to stop.
        let Ok(Event::Recording(recording)) = serde_json::from_str(&message.data) else {
            continue;
        };
        if recording.name != begun.name {
            continue;
        }
        if recording.state == RecordingState::Ended {
            live.show("");
            return Ok(recording);
        }
        if shown.is_none_or(|shown| shown.elapsed() >= TICK) {
            live.show(&progress(&recording));
            shown = Some(Instant::now());
        }
    }
    bail!(
        "bayonetd has ended; what was written is in {}: bayonet record --repair {0}",
        begun.directory
    )
}

/// A line of a terminal that is written again and again.
struct Live(bool);

impl Live {
    fn show(&self, text: &str) {
        if self.0 {
            // What cannot be shown does not matter.
            drop(write!(io::stderr(), "\r\x1b[K{text}").and_then(|()| io::stderr().flush()));
        }
    }
}

/// How a recording goes on: time, frames, frames that are not there, speed, room.
fn progress(recording: &Recording) -> String {
    let mut parts = vec![text::recording(recording)];
    let seconds = recording.duration_ms.unwrap_or_default() as f64 / 1000.0;
    let written = text::sum(recording, |camera| camera.bytes);
    let speed = if seconds > 0.0 {
        written as f64 / seconds
    } else {
        0.0
    };
    parts.push(format!("{}/s", bytes(speed as u64)));
    if let Some(queue) = recording.queue {
        let limit = queue.limit_bytes.max(1);
        parts.push(format!("queue {} %", queue.bytes * 100 / limit));
    }
    if let Some(free) = recording.free_bytes {
        let left = if speed > 0.0 {
            format!(
                ", {} left",
                text::time((free as f64 / speed * 1000.0) as u64)
            )
        } else {
            String::new()
        };
        parts.push(format!("{} free{left}", bytes(free)));
    }
    parts.join(", ")
}

async fn running(server: &Server) -> anyhow::Result<String> {
    let recordings: Vec<Recording> = server.get(RECORDINGS).await?;
    let running = recordings
        .into_iter()
        .find(|it| matches!(it.state, RecordingState::Recording | RecordingState::Ending));
    Ok(running.context("there is no recording to stop")?.name)
}

async fn stop(server: &Server, name: &str) -> anyhow::Result<Recording> {
    let path = format!("{RECORDINGS}/{name}");
    match server
        .send(Method::POST, &format!("{path}/stop"), None::<&()>)
        .await
    {
        Ok(recording) => Ok(recording),
        // It has ended by itself in the meantime.
        Err(bayonet_daemon::client::Error::Refused { status: 409, .. }) => {
            Ok(server.get(&path).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether it ended as it was meant to.
fn ended(recording: &Recording, output: &Output) -> anyhow::Result<bool> {
    if output.json {
        output.value(recording)?;
    } else {
        show(recording, output)?;
    }
    Ok(matches!(
        recording.end,
        Some(RecordingEnd::Stopped | RecordingEnd::Complete)
    ))
}

fn show(recording: &Recording, output: &Output) -> anyhow::Result<()> {
    let plain = |name: &str, text: String| vec![(Tone::Plain, name.into()), (Tone::Plain, text)];
    let state = word(&recording.state);
    let mut rows = vec![
        plain("recording", recording.name.clone()),
        plain("directory", recording.directory.clone()),
        vec![
            (Tone::Plain, "state".into()),
            (Tone::of(&state), text::state(recording)),
        ],
    ];
    rows.extend(
        recording
            .reason
            .iter()
            .map(|reason| plain("", reason.clone())),
    );
    rows.extend(recording.cameras.iter().map(|camera| {
        let facts = format!(
            "{} frames, {}, {} dropped, {} missing",
            camera.written,
            bytes(camera.bytes),
            camera.dropped,
            camera.missing
        );
        plain(camera.name.as_str(), facts)
    }));
    Ok(output.table(&rows)?)
}

fn list(recordings: &[Recording], output: &Output) -> anyhow::Result<()> {
    if output.json {
        return Ok(output.value(&recordings)?);
    }
    let title = |text: &str| (Tone::Title, text.to_string());
    let titles = ["RECORDING", "STATE", "TIME", "FRAMES", "DROPPED", "SIZE"];
    let mut rows = vec![titles.map(title).to_vec()];
    rows.extend(recordings.iter().map(|recording| {
        let plain = |text: String| (Tone::Plain, text);
        let time = recording.duration_ms.map(text::time);
        vec![
            plain(recording.name.clone()),
            (Tone::of(&word(&recording.state)), text::state(recording)),
            plain(time.unwrap_or_else(|| "-".into())),
            plain(text::sum(recording, |camera| camera.written).to_string()),
            plain(text::sum(recording, |camera| camera.dropped + camera.missing).to_string()),
            plain(bytes(text::sum(recording, |camera| camera.bytes))),
        ]
    }));
    Ok(output.table(&rows)?)
}

/// Whether everything that was written is there, and its index says so.
fn repair(directory: &Path, dry_run: bool, output: &Output) -> anyhow::Result<bool> {
    let live = Live(io::stderr().is_terminal());
    let mut shown: Option<Instant> = None;
    let look = repair::look(directory, |done, total| {
        if shown.is_none_or(|shown| shown.elapsed() >= TICK) {
            live.show(&format!("read {} of {}", bytes(done), bytes(total)));
            shown = Some(Instant::now());
        }
    });
    live.show("");
    let look = look?;
    let report = if dry_run {
        look.report
    } else {
        repair::mend(look)?
    };
    if output.json {
        output.value(&report)?;
    } else {
        show_report(&report, dry_run, output)?;
    }
    let lost: u64 = report.cameras.iter().map(|it| it.damaged + it.gone).sum();
    Ok(lost == 0 && (report.mended || report.problems.is_empty()))
}

fn show_report(report: &Report, dry_run: bool, output: &Output) -> anyhow::Result<()> {
    let title = |text: &str| (Tone::Title, text.to_string());
    let titles = [
        "CAMERA", "WHOLE", "SIZE", "DAMAGED", "GONE", "DROPPED", "MISSING",
    ];
    let mut rows = vec![titles.map(title).to_vec()];
    rows.extend(report.cameras.iter().map(|camera| {
        let cells = [
            camera.name.as_str().into(),
            camera.whole.to_string(),
            bytes(camera.bytes),
            camera.damaged.to_string(),
            camera.gone.to_string(),
            camera.dropped.to_string(),
            camera.missing.to_string(),
        ];
        cells.map(|text| (Tone::Plain, text)).to_vec()
    }));
    output.table(&rows)?;
    output.line("")?;
    for problem in &report.problems {
        output.line(&problem.to_string())?;
    }
    let (tone, said) = match (report.problems.is_empty(), report.mended) {
        (true, _) => (Tone::Good, "everything is as it was written".to_owned()),
        (false, true) => (
            Tone::Good,
            "mended: the index says what is there".to_owned(),
        ),
        (false, false) => {
            debug_assert!(dry_run, "what is wrong is mended unless it must not be");
            (Tone::Waiting, "not mended, as --dry-run says".to_owned())
        }
    };
    Ok(output.line(&output.paint(tone, &said))?)
}
