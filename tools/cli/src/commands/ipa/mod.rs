//! `ipa`: puts Bayonet's IPA where libcamera finds it, takes it away, and tells whether it is used.

mod change;
mod diff;
mod install;
mod remove;
mod status;

use crate::arguments::{Ipa as Order, IpaPlace};
use crate::doctor::System;
use crate::ipa::Layout;
use crate::output::{Output, Tone};
use serde::Serialize;
use std::path::PathBuf;

pub(crate) fn ipa(order: &Order, output: &Output) -> anyhow::Result<()> {
    match order {
        Order::Install(order) => install::install(order, output),
        Order::Remove(order) => remove::remove(order, output),
        Order::Status(place) => status::status(place, output),
    }
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// Files that were written or removed.
    files: Vec<PathBuf>,
    /// Configuration files that were changed.
    configuration: Vec<change::Changed>,
    /// What the person should know.
    notes: Vec<String>,
}

impl Done {
    fn tell(&self, verb: &'static str, output: &Output) -> anyhow::Result<()> {
        if output.json {
            return Ok(output.value(self)?);
        }
        let mut rows: Vec<(&str, String)> = Vec::new();
        rows.extend(
            self.files
                .iter()
                .map(|file| (verb, file.display().to_string())),
        );
        for changed in &self.configuration {
            rows.push((changed.how.word(), changed.file.clone()));
            let backup = changed.backup.iter();
            rows.extend(backup.map(|file| ("backup", file.display().to_string())));
        }
        if rows.is_empty() {
            rows.push(("nothing", "there was nothing to do".into()));
        }
        let rows = rows
            .into_iter()
            .map(|(name, text)| vec![(Tone::Title, name.into()), (Tone::Plain, text)]);
        output.table(&rows.collect::<Vec<_>>())?;
        for note in &self.notes {
            output.line("")?;
            output.line(note)?;
        }
        Ok(())
    }
}

/// The system and the places in it.
fn place(place: &IpaPlace) -> (System, Layout) {
    let mut system = System::running();
    system.root.clone_from(&place.root);
    (system, Layout::new(&place.prefix))
}
