//! `ipa install`.

use super::change::Change;
use super::{Done, place};
use crate::arguments::IpaInstall as Order;
use crate::commands::files::replace;
use crate::doctor::System;
use crate::ipa::{Layout, Manifest, State, is_known, system_configuration, versions};
use crate::output::Output;
use anyhow::{Context, bail};
use bayonet_cli::libcamera_configuration::{by_hand, made, merge};
use nix::sys::stat::{Mode, umask};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Names of the built files, as cargo makes them, and the directory of the tuning files beside them.
const MODULE: &str = "libbayonet_ipa.so";
const WORKER: &str = "soft_ipa_proxy";
const TUNING: &str = "tuning";
const YAML: &str = "yaml";
/// Modes of what is installed.
const PROGRAM: u32 = 0o755;
const DATA: u32 = 0o644;

/// A file to be written.
struct File {
    /// In the system.
    path: PathBuf,
    bytes: Vec<u8>,
    mode: u32,
}

pub(super) fn install(order: &Order, output: &Output) -> anyhow::Result<()> {
    // libcamera's worker is nobody, and has to get into directories that are made.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let (system, layout) = place(&order.change.place);
    let mut done = Done::default();
    done.notes.extend(check_version(&system)?);
    let files = files(order.from.as_deref(), &layout)?;
    let change = merged(&system, &layout)?;
    if let Some(change) = &change {
        change.agree(&order.change, output)?;
    }
    for file in &files {
        replace(&system.path(&file.path), &file.bytes, file.mode)?;
        done.files.push(file.path.clone());
    }
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").into(),
        files: done.files.clone(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)?;
    replace(&system.path(layout.manifest()), &manifest, DATA)?;
    // Last, so that it never names what is not there.
    done.configuration
        .extend(change.map(|change| change.make(&system)).transpose()?);
    done.notes.extend(State::look(&system, &layout).shadows());
    done.tell("installed", output)
}

/// Refuses a libcamera whose interface to IPA modules is another one; what could not be checked.
fn check_version(system: &System) -> anyhow::Result<Option<String>> {
    let versions = versions(system);
    if versions.keys().any(|version| is_known(version)) {
        return Ok(None);
    }
    if let Some((version, directory)) = versions.first_key_value() {
        bail!(
            "libcamera {version} in {directory} speaks with IPA modules in another way; this one is for 0.7"
        );
    }
    if system.root == Path::new("/") {
        bail!(
            "libcamera is not installed, so nothing would use the IPA; apt install libcamera-tools"
        );
    }
    Ok(Some(format!(
        "There is no libcamera in {}: the IPA is for version 0.7.",
        system.root.display()
    )))
}

/// Reads every file before anything is written.
fn files(from: Option<&Path>, layout: &Layout) -> anyhow::Result<Vec<File>> {
    let beside = env::current_exe().ok();
    let beside = beside.as_deref().and_then(Path::parent);
    let from = from.or(beside).unwrap_or(Path::new("."));
    let read = |source: PathBuf, path: PathBuf, mode| {
        let bytes = fs::read(&source).with_context(|| {
            format!(
                "cannot read {}; make install-ipa builds it, --from DIR says where it is",
                source.display()
            )
        })?;
        anyhow::Ok(File { path, bytes, mode })
    };
    let mut files = vec![
        read(from.join(MODULE), layout.module(), DATA)?,
        read(from.join(WORKER), layout.worker(), PROGRAM)?,
    ];
    let directory = from.join(TUNING);
    let entries = fs::read_dir(&directory).with_context(|| {
        format!(
            "cannot read {}, which has the tuning files",
            directory.display()
        )
    })?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut sources = paths.collect::<io::Result<Vec<_>>>()?;
    sources.retain(|path| path.extension().is_some_and(|ending| ending == YAML));
    if sources.is_empty() {
        bail!("there is no tuning file in {}", directory.display());
    }
    sources.sort();
    for source in sources {
        let name = source.file_name().unwrap_or_default();
        let path = layout.tuning().join(name);
        files.push(read(source, path, DATA)?);
    }
    Ok(files)
}

/// The system's configuration with our directories in it; none where they are in it.
fn merged(system: &System, layout: &Layout) -> anyhow::Result<Option<Change>> {
    let directories = layout.directories();
    let files = system_configuration(system);
    let there = files
        .iter()
        .find(|file| system.path(file).symlink_metadata().is_ok());
    let Some(file) = there else {
        let [file, _] = files;
        return Ok(Some(Change {
            file,
            before: None,
            after: Some(made(&directories)),
        }));
    };
    let before =
        fs::read_to_string(system.path(file)).with_context(|| format!("cannot read {file}"))?;
    let after = merge(&before, &directories).with_context(|| {
        let lines = by_hand(&directories);
        format!("{file} was not changed, and nothing was installed; write into it by hand:\n{lines}\nbecause")
    })?;
    Ok((before != after).then(|| Change {
        file: file.clone(),
        before: Some(before),
        after: Some(after),
    }))
}
