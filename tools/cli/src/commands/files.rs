//! Files that commands write.

use anyhow::{Context, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Whether a file can be written there: before the work whose result it will hold.
pub(super) fn check(file: &Path, force: bool) -> anyhow::Result<()> {
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        bail!("there is no directory {}", directory.display());
    }
    if file.is_dir() {
        bail!("{} is a directory", file.display());
    }
    if !force && file.exists() {
        bail!("{} is there already; --force replaces it", file.display());
    }
    Ok(())
}

/// Whole or not at all: what is cut short looks like what is not.
pub(super) fn save(file: &Path, content: &[u8], force: bool) -> anyhow::Result<()> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let write = || -> io::Result<()> {
        let mut out = File::create(&partial)?;
        out.write_all(content)?;
        out.sync_all()?;
        if !force {
            // Takes the name, unless somebody was faster.
            OpenOptions::new().write(true).create_new(true).open(file)?;
        }
        fs::rename(&partial, file)
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .with_context(|| format!("cannot write {}", file.display()))
}
