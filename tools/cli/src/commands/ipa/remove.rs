//! `ipa remove`: undoes what `ipa install` did, and nothing else.

use super::change::Change;
use super::{Done, place};
use crate::arguments::IpaChange as Order;
use crate::doctor::System;
use crate::ipa::{Layout, Manifest, State, system_configuration};
use crate::output::Output;
use anyhow::Context;
use bayonet_cli::libcamera_configuration::{Directories, MARK, is_left_over, remove as without};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(super) fn remove(order: &Order, output: &Output) -> anyhow::Result<()> {
    let (system, layout) = place(&order.place);
    let mut done = Done::default();
    let files = installed(&system, &layout)?;
    let mut changes = Vec::new();
    for file in system_configuration(&system) {
        changes.extend(unmerged(&system, file, &layout.directories())?);
    }
    for change in &changes {
        change.agree(order, output)?;
    }
    // First, so that it never names what is not there.
    for change in changes {
        done.configuration.push(change.make(&system)?);
    }
    for file in files {
        let path = system.path(&file);
        match fs::remove_file(&path) {
            Ok(()) => done.files.push(file.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
        }
        remove_empty(&system, &file, &layout);
    }
    done.notes = named_still(&system, &layout);
    done.tell("removed", output)
}

/// What was installed, and the list of it at the end.
fn installed(system: &System, layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    let list = layout.manifest();
    let text = match fs::read(system.path(&list)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", list.display())),
    };
    let manifest: Manifest = serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged; install again, then remove", list.display()))?;
    // Whatever the list says, nothing but what belongs to an installation.
    let directories = layout.directories();
    let is_ours = |file: &PathBuf| {
        let plain = file
            .components()
            .all(|part| part != std::path::Component::ParentDir);
        plain
            && directories
                .iter()
                .any(|directory| file.starts_with(directory))
    };
    let mut files: Vec<_> = manifest.files.into_iter().filter(is_ours).collect();
    files.push(list);
    Ok(files)
}

/// Removes the directories of a file as long as they are empty, up to those of the prefix itself.
fn remove_empty(system: &System, file: &Path, layout: &Layout) {
    let ours = |directory: &&Path| {
        let below = directory.strip_prefix(format!("{}/", layout.prefix()));
        below.is_ok_and(|below| below.components().count() > 1)
    };
    for directory in file.ancestors().skip(1).take_while(ours) {
        // One that is not empty has something of somebody in it.
        if fs::remove_dir(system.path(directory)).is_err() {
            return;
        }
    }
}

/// A configuration file without our lines; none where it has none of them.
fn unmerged(
    system: &System,
    file: String,
    directories: &Directories,
) -> anyhow::Result<Option<Change>> {
    let before = match fs::read_to_string(system.path(&file)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {file}")),
    };
    if !before.contains(MARK) {
        return Ok(None);
    }
    let after = without(&before, directories).with_context(|| {
        format!("{file} was not changed, and nothing was removed; take the lines with `{MARK}` out by hand: ")
    })?;
    Ok((before != after).then(|| Change {
        file,
        before: Some(before),
        after: (!is_left_over(&after)).then_some(after),
    }))
}

/// Files that name our directories although we did not write that.
fn named_still(system: &System, layout: &Layout) -> Vec<String> {
    let state = State::look(system, layout);
    let directories = layout.directories();
    let files = state.configuration.into_iter().chain(state.users);
    let names = files.filter(|file| {
        let text = system.text(&file.file).unwrap_or_default();
        directories
            .iter()
            .any(|directory| text.contains(directory.as_str()))
    });
    names
        .map(|file| {
            format!(
                "{} still names the IPA, and not by us: take that out by hand.",
                file.file
            )
        })
        .collect()
}
