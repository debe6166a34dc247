//! `capture`: takes pictures, fetches them, and removes them from the board.

use super::files::{check, save};
use crate::arguments::{Capture, Format};
use crate::output::{Output, Tone, bytes};
use crate::server::Server;
use anyhow::{Context, bail};
use bayonet_daemon::report::{self, CameraName};
use bayonet_daemon::wire;
use hyper::Method;
use serde::Serialize;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Ending of raw pictures.
const RAW: &str = "dng";

/// A picture that was fetched.
#[derive(Serialize)]
struct Fetched {
    camera: CameraName,
    file: PathBuf,
    bytes: u64,
}

pub(crate) async fn capture(
    server: &Server,
    order: &Capture,
    output: &Output,
) -> anyhow::Result<()> {
    let cameras = order.camera.names();
    let format = format(order)?;
    // Before the picture is taken, which is only taken once.
    for picture in cameras
        .iter()
        .filter_map(|&camera| file_name(order, camera))
    {
        let raw = order.raw.then(|| picture.with_extension(RAW));
        for file in [Some(picture), raw].into_iter().flatten() {
            check(&file, order.force)?;
        }
    }
    let mut body = json!({
        "cameras": cameras,
        "format": format,
        "full": order.full,
        "raw": order.raw,
    });
    if let Some(quality) = order.quality {
        body["quality"] = quality.into();
    }
    if order.raw {
        body["compression"] = json!(wire::Compression::from(order.compression));
    }
    if let Some(place) = order.place {
        body["place"] = json!(place);
    }
    let waiting = server.send(Method::POST, "/v1/captures", Some(&body));
    let capture: report::Capture = with_clock("taking the picture", waiting).await?;
    let mut fetched = Vec::new();
    for picture in &capture.pictures {
        let path = format!("/v1/captures/{}", picture.file);
        let what = format!(
            "fetching {}, {}",
            picture.camera.as_str(),
            bytes(picture.bytes)
        );
        let kept = || format!("the picture is still there: GET {path}");
        let content = with_clock(&what, server.bytes(Method::GET, &path))
            .await
            .with_context(kept)?;
        let there = PathBuf::from(&picture.file);
        let file = match file_name(order, picture.camera) {
            Some(file) if there.extension().is_some_and(|ending| ending == RAW) => {
                file.with_extension(RAW)
            }
            Some(file) => file,
            None => there,
        };
        save(&file, &content, order.force).with_context(kept)?;
        server.bytes(Method::DELETE, &path).await?;
        fetched.push(Fetched {
            camera: picture.camera,
            file,
            bytes: picture.bytes,
        });
    }
    if output.json {
        return Ok(output.value(&fetched)?);
    }
    let rows = fetched.iter().map(|picture| {
        let file = picture.file.display().to_string();
        [picture.camera.as_str().into(), bytes(picture.bytes), file]
            .map(|text: String| (Tone::Plain, text))
            .to_vec()
    });
    Ok(output.table(&rows.collect::<Vec<_>>())?)
}

/// As it was said, or as the file's ending says.
fn format(order: &Capture) -> anyhow::Result<&'static str> {
    let ending = order
        .output
        .as_deref()
        .and_then(Path::extension)
        .map(|ending| ending.to_ascii_lowercase());
    let ending = ending.as_deref().and_then(|ending| ending.to_str());
    let format = match (order.format, ending) {
        (Some(Format::Jpeg), _) | (None, Some("jpg" | "jpeg")) => "jpeg",
        (Some(Format::Png), _) | (None, Some("png")) => "png",
        (None, _) if order.output.is_none() => "jpeg",
        (None, _) => bail!(
            "the name of the file has to end in .jpg or .png, or --format has to say which it is"
        ),
    };
    if format == "png" && order.quality.is_some() {
        bail!("--quality is for JPEG; a PNG loses nothing");
    }
    Ok(format)
}

/// Of a pair, the camera's name goes before the file's ending.
fn file_name(order: &Capture, camera: CameraName) -> Option<PathBuf> {
    let file = order.output.as_ref()?;
    if order.camera.names().len() == 1 {
        return Some(file.clone());
    }
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", camera.as_str()));
    if let Some(ending) = file.extension() {
        name.push(".");
        name.push(ending);
    }
    Some(file.with_file_name(name))
}

/// Waits, and shows on a terminal for what and how long.
async fn with_clock<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    const TICK: Duration = Duration::from_secs(1);
    if !io::stderr().is_terminal() {
        return waiting.await;
    }
    let begin = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let mut waiting = std::pin::pin!(waiting);
    // What cannot be shown does not matter.
    let show = |text: String| {
        drop(write!(io::stderr(), "\r\x1b[K{text}").and_then(|()| io::stderr().flush()))
    };
    loop {
        tokio::select! {
            done = waiting.as_mut() => {
                show(String::new());
                return done;
            }
            _ = ticks.tick() => show(format!("{what} ... {} s", begin.elapsed().as_secs())),
        }
    }
}
