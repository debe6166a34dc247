//! `overlay`: sets an overlay's parameters for good, and tells whether it fits a base tree.

use super::files::{check, save};
use crate::arguments::Overlay as Order;
use crate::output::{Output, Tone, bytes};
use anyhow::{Context, bail};
use bayonet_overlay::{Overlay, problems};
use serde::Serialize;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What there is to set.
#[derive(Serialize)]
struct Listing {
    parameters: Vec<Parameter>,
    labels: Vec<String>,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    choices: Vec<String>,
}

/// What was done.
#[derive(Serialize)]
struct Done<'a> {
    labels: Vec<String>,
    base: Option<&'a Path>,
    output: Option<&'a Path>,
}

pub(crate) fn overlay(order: &Order, output: &Output) -> anyhow::Result<()> {
    let mut overlay =
        Overlay::parse(&read(&order.file)?).with_context(|| order.file.display().to_string())?;
    if order.parameters.is_empty() && order.base.is_none() && order.output.is_none() {
        return list(&overlay, output);
    }
    if let Some(out) = &order.output {
        check(out, true)?;
        for input in [Some(&order.file), order.base.as_ref()]
            .into_iter()
            .flatten()
        {
            if is_same(out, input) {
                bail!("{} is what is read; write to another file", out.display());
            }
        }
    }
    for (name, value) in &order.parameters {
        overlay.set(name, value)?;
    }
    if let Some(base) = &order.base {
        fits(&overlay, base)?;
    }
    let blob = overlay.to_blob();
    if let Some(out) = &order.output {
        save(out, &blob, true)?;
    }
    let done = Done {
        labels: overlay.labels(),
        base: order.base.as_deref(),
        output: order.output.as_deref(),
    };
    if output.json {
        return Ok(output.value(&done)?);
    }
    let mut rows = vec![("labels", done.labels.join(" "))];
    if let Some(base) = done.base {
        rows.push(("base", format!("{}, nothing contradicts", base.display())));
    }
    if let Some(out) = done.output {
        let size = bytes(blob.len().try_into()?);
        rows.push(("output", format!("{}, {size}", out.display())));
    }
    let rows = rows
        .into_iter()
        .map(|(name, text)| vec![(Tone::Title, name.into()), (Tone::Plain, text)]);
    Ok(output.table(&rows.collect::<Vec<_>>())?)
}

fn list(overlay: &Overlay, output: &Output) -> anyhow::Result<()> {
    let parameters = overlay.parameters().into_iter();
    let listing = Listing {
        parameters: parameters
            .map(|parameter| Parameter {
                name: parameter.name,
                choices: parameter.choices,
            })
            .collect(),
        labels: overlay.labels(),
    };
    if output.json {
        return Ok(output.value(&listing)?);
    }
    let mut rows = vec![
        ["PARAMETER", "VALUES"]
            .map(|title| (Tone::Title, title.into()))
            .to_vec(),
    ];
    rows.extend(listing.parameters.iter().map(|parameter| {
        let choices = if parameter.choices.is_empty() {
            "-".into()
        } else {
            parameter.choices.join(" ")
        };
        [parameter.name.clone(), choices]
            .map(|text| (Tone::Plain, text))
            .to_vec()
    }));
    output.table(&rows)?;
    output.line("")?;
    Ok(output.line(&format!(
        "labels of the base tree: {}",
        listing.labels.join(" ")
    ))?)
}

/// Merges the overlay, and looks for contradictions.
fn fits(overlay: &Overlay, base: &Path) -> anyhow::Result<()> {
    let tree = overlay
        .merge(&read(base)?)
        .with_context(|| base.display().to_string())?;
    let problems: Vec<_> = problems(&tree).iter().map(ToString::to_string).collect();
    if !problems.is_empty() {
        bail!(
            "the overlay and {} contradict each other:\n  {}",
            base.display(),
            problems.join("\n  ")
        );
    }
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Whether both names are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|file| identity(other) == Some(file))
}
