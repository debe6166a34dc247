//! `ipa status`.

use super::place;
use crate::arguments::IpaPlace;
use crate::ipa::{Configuration, State, Worker};
use crate::output::{Output, Tone};

pub(super) fn status(order: &IpaPlace, output: &Output) -> anyhow::Result<()> {
    let (system, layout) = place(order);
    let state = State::look(&system, &layout);
    if output.json {
        return Ok(output.value(&state)?);
    }
    let there = |is: bool| if is { "there" } else { "missing" };
    let worker = match state.worker {
        Worker::Missing => "missing",
        Worker::NotExecutable => "not executable for everybody",
        Worker::Executable => "there",
    };
    let version = state.version.as_deref().unwrap_or("not installed");
    let tuning = match state.tuning.len() {
        0 => "none".into(),
        _ => state.tuning.join(" "),
    };
    let libcamera = match state.libcamera.len() {
        0 => "not installed".into(),
        _ => state.libcamera.join(", "),
    };
    let configuration = match &state.configuration {
        None => "there is none that names it".into(),
        Some(file) => described(file),
    };
    let mut rows = vec![
        ("installed", format!("{version}, below {}", state.prefix)),
        ("module", there(state.module).into()),
        ("worker", worker.into()),
        ("tuning", tuning),
        ("libcamera", libcamera),
        ("configuration", configuration),
    ];
    rows.extend(state.users.iter().map(|file| ("a user's", described(file))));
    let names = state.overridden.join(", ");
    if !names.is_empty() {
        rows.push((
            "environment",
            format!("{names} goes before and does not name it"),
        ));
    }
    let (tone, word) = match state.in_use {
        true => (Tone::Good, "yes"),
        false => (Tone::Bad, "no"),
    };
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(name, text)| vec![(Tone::Title, name.into()), (Tone::Plain, text)])
        .collect();
    rows.push(vec![(Tone::Title, "used".into()), (tone, word.into())]);
    output.table(&rows)?;
    if state.is_there() {
        for shadow in state.shadows() {
            output.line("")?;
            output.line(&shadow)?;
        }
    }
    Ok(())
}

fn described(file: &Configuration) -> String {
    let named = || format!("{} names it", file.file);
    file.trouble().unwrap_or_else(named)
}
