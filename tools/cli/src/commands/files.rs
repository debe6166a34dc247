//! Files that commands write.

use anyhow::{Context, bail};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
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
    save_with(file, force, |out| Ok(out.write_all(content)?))
}

/// The same for what is written bit by bit.
pub(super) fn save_with(
    file: &Path,
    force: bool,
    fill: impl FnOnce(&mut File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let write = || -> anyhow::Result<()> {
        let mut out = File::create(&partial)?;
        fill(&mut out)?;
        out.sync_all()?;
        if !force {
            // Takes the name, unless somebody was faster.
            OpenOptions::new().write(true).create_new(true).open(file)?;
        }
        Ok(fs::rename(&partial, file)?)
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a file whole or not at all, and makes the directories that it needs. One that is there keeps mode and owner;
/// a new one gets `mode`.
pub(super) fn replace(file: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let write = || -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut out = File::create(&partial)?;
        out.write_all(content)?;
        match fs::metadata(file) {
            Ok(there) => {
                let own = out.metadata()?;
                if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
                    fchown(&out, Some(there.uid()), Some(there.gid()))?;
                }
                out.set_permissions(there.permissions())?;
            }
            Err(_) => out.set_permissions(Permissions::from_mode(mode))?,
        }
        out.sync_all()?;
        fs::rename(&partial, file)
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .with_context(|| format!("cannot write {}", file.display()))
}
