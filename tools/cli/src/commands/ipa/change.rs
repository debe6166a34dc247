//! Changes of libcamera's configuration file: shown, agreed to, backed up, whole or not at all.

use super::diff::diff;
use crate::arguments::IpaChange;
use crate::commands::files::replace;
use crate::doctor::System;
use crate::output::Output;
use anyhow::{Context, bail};
use bayonet_cli::libcamera_configuration::is_ours;
use serde::Serialize;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Mode of a configuration file that is new.
const MODE: u32 = 0o644;
/// More backups than anybody makes.
const BACKUPS: u32 = 10_000;

/// What is to be written.
#[derive(Debug)]
pub(super) struct Change {
    /// As libcamera names it.
    pub(super) file: String,
    /// What is there.
    pub(super) before: Option<String>,
    /// What will be there.
    pub(super) after: Option<String>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) file: String,
    pub(super) how: How,
    pub(super) backup: Option<PathBuf>,
    diff: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum How {
    Created,
    Edited,
    Removed,
}

impl How {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Edited => "edited",
            Self::Removed => "removed",
        }
    }
}

impl Change {
    /// Whether the file is somebody else's.
    fn is_foreign(&self) -> bool {
        self.before.as_ref().is_some_and(|text| !is_ours(text))
    }

    fn diff(&self) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        diff(&text(&self.before), &text(&self.after))
    }

    /// Shows the change of a file that is somebody else's, and asks.
    pub(super) fn agree(&self, order: &IpaChange, output: &Output) -> anyhow::Result<()> {
        if !self.is_foreign() {
            return Ok(());
        }
        if !output.json {
            output.line(&format!("{}:", self.file))?;
            output.line(&self.diff())?;
        }
        if order.yes {
            return Ok(());
        }
        if output.json || !io::stdin().is_terminal() {
            bail!(
                "{} is there already and was not changed; --yes makes the change:\n{}",
                self.file,
                self.diff()
            );
        }
        let mut stdout = io::stdout().lock();
        write!(stdout, "Change {}? [y/N] ", self.file)?;
        stdout.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            bail!("{} was not changed, and nothing was done", self.file);
        }
        Ok(())
    }

    pub(super) fn make(self, system: &System) -> anyhow::Result<Changed> {
        let diff = self.diff();
        let place = system.path(&self.file);
        // What a link leads to is written, and the link stays.
        let target = fs::canonicalize(&place).unwrap_or(place);
        let backup = match &self.before {
            Some(before) if self.is_foreign() => backup(&target, before)?,
            _ => None,
        };
        let backup = backup.map(|file| Path::new(&self.file).with_file_name(file));
        let how = match (&self.before, &self.after) {
            (_, None) => {
                fs::remove_file(&target)
                    .with_context(|| format!("cannot remove {}", target.display()))?;
                // Stays if there is anything else in it.
                let _ = target.parent().map(fs::remove_dir);
                How::Removed
            }
            (before, Some(after)) => {
                replace(&target, after.as_bytes(), MODE)?;
                before.as_ref().map_or(How::Created, |_| How::Edited)
            }
        };
        Ok(Changed {
            file: self.file,
            how,
            backup,
            diff,
        })
    }
}

/// Keeps what is there under a new name, unless a backup has the same in it; that name.
fn backup(file: &Path, text: &str) -> anyhow::Result<Option<String>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    for number in 1..BACKUPS {
        let name = format!("{name}.bayonet-backup-{number}");
        let backup = file.with_file_name(&name);
        match fs::read(&backup) {
            Ok(kept) if kept == text.as_bytes() => return Ok(None),
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", backup.display()));
            }
        }
        let copied = fs::File::create_new(&backup).and_then(|mut copy| {
            copy.write_all(text.as_bytes())?;
            copy.set_permissions(fs::metadata(file)?.permissions())?;
            copy.sync_all()
        });
        copied.with_context(|| format!("cannot write {}", backup.display()))?;
        return Ok(Some(name));
    }
    bail!("{} has {BACKUPS} backups; remove some", file.display())
}
