//! Making the index say what is there.

use super::{DAMAGED, Error, Look, Problem, Report, io};
use crate::recordings::index::{
    self, Cause, Contents, End, Entry, FORMAT, FrameName, Gap, Head, HeadCamera, Line,
};
use crate::recordings::store::counts;
use crate::recordings::writer::PARTIAL;
use crate::report::RecordingEnd;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self as system, Write};
use std::path::Path;

/// What an end says that a repair wrote.
const MESSAGE: &str = "it was interrupted, and its index was mended";

/// Mends what [`super::look`] saw: afterwards it would see no problem.
///
/// # Errors
/// [`Error::Io`]; the index is the old one then, or the new one, and whole.
pub fn mend(look: Look) -> Result<Report, Error> {
    if look.report.problems.is_empty() {
        return Ok(look.report);
    }
    let directory = &look.report.directory;
    for frame in &look.partial {
        let path = directory.join(format!("{frame}{PARTIAL}"));
        fs::remove_file(&path).map_err(io("remove", &path))?;
    }
    for frame in &look.damaged {
        let path = directory.join(frame.to_string());
        let aside = directory.join(format!("{frame}{DAMAGED}"));
        fs::rename(&path, &aside).map_err(io("put aside", &path))?;
    }
    if look.report.problems.iter().any(changes_the_index) {
        replace(directory, &lines(&look))?;
    }
    let mut report = look.report;
    report.mended = true;
    Ok(report)
}

fn changes_the_index(problem: &Problem) -> bool {
    !matches!(problem, Problem::Partial { .. })
}

/// The lines that say what is there.
fn lines(look: &Look) -> Vec<Line> {
    let mut unlisted = look.unlisted.clone();
    unlisted.sort_by_key(|entry| entry.file);
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    let mut end = None;
    for line in &look.contents.lines {
        match line {
            Line::Head(_) => {}
            Line::End(last) => end = Some(last.clone()),
            Line::Frame(entry) if !seen.insert(entry.file) => {}
            Line::Frame(entry) => {
                add_before(&mut unlisted, entry.file, &mut lines);
                lines.push(if look.spoilt.contains(&entry.file) {
                    lost(entry)
                } else {
                    line.clone()
                });
            }
            line => lines.push(line.clone()),
        }
    }
    lines.extend(unlisted.into_iter().map(Line::Frame));
    let cameras = counts(&Contents {
        lines: lines.clone(),
        damaged: Vec::new(),
    });
    let head = look.contents.head().cloned().unwrap_or_else(|| Head {
        format: FORMAT,
        recording: look.report.recording.clone(),
        bayonetd: env!("CARGO_PKG_VERSION").into(),
        cameras: cameras
            .iter()
            .map(|camera| HeadCamera {
                camera: camera.name,
                model: "unknown".into(),
            })
            .collect(),
        lens: None,
    });
    lines.insert(0, Line::Head(head));
    let end = match end {
        Some(end) => End { cameras, ..end },
        None => End {
            reason: RecordingEnd::Interrupted,
            message: Some(MESSAGE.into()),
            duration_ms: duration_ms(&lines),
            cameras,
        },
    };
    lines.push(Line::End(end));
    lines
}

/// Frames without a line go before the next frame of their camera.
fn add_before(unlisted: &mut Vec<Entry>, next: FrameName, lines: &mut Vec<Line>) {
    unlisted.retain(|entry| {
        let before = entry.camera == next.camera && entry.number < next.number;
        if before {
            lines.push(Line::Frame(entry.clone()));
        }
        !before
    });
}

fn lost(entry: &Entry) -> Line {
    Line::Gap(Gap {
        camera: entry.camera,
        after: entry.number - 1,
        frames: 1,
        cause: Cause::Storage,
    })
}

/// From the first frame to the last, by the sensors' clocks.
fn duration_ms(lines: &[Line]) -> u64 {
    const NANOSECONDS: u64 = 1_000_000;
    let times = || {
        lines.iter().filter_map(|line| match line {
            Line::Frame(entry) => entry.timestamp_ns,
            _ => None,
        })
    };
    let (first, last) = (times().min(), times().max());
    last.unwrap_or_default()
        .saturating_sub(first.unwrap_or_default())
        / NANOSECONDS
}

/// Replaces the index at once.
fn replace(directory: &Path, lines: &[Line]) -> Result<(), Error> {
    let path = directory.join(index::FILE);
    let partial = directory.join(format!("{}{PARTIAL}", index::FILE));
    let write = || -> system::Result<()> {
        let mut text = Vec::new();
        lines.iter().for_each(|line| index::append(&mut text, line));
        let mut file = File::create(&partial)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(io("write", &path))
}
