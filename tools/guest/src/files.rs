//! Files to and from the host.

use crate::agent::Port;
use bayonet_guest::wire::{CHUNK, Channel, Event};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

const PERMISSION_BITS: u32 = 0o7777;

/// A file that arrives from the host. After a failed write the rest is swallowed: the failure was told.
pub(crate) struct Incoming {
    path: String,
    file: Option<File>,
}

impl Incoming {
    /// Creates the file and its parent directories.
    ///
    /// # Errors
    /// A sentence with the path.
    pub(crate) fn create(path: String, mode: u32) -> Result<Self, String> {
        let create = || {
            if let Some(parent) = Path::new(&path).parent() {
                fs::create_dir_all(parent)?;
            }
            let mut options = OpenOptions::new();
            let file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&path)?;
            // The mode above is masked, and ignored for a file that exists.
            file.set_permissions(fs::Permissions::from_mode(mode & PERMISSION_BITS))?;
            Ok::<_, std::io::Error>(file)
        };
        match create() {
            Ok(file) => Ok(Self {
                path,
                file: Some(file),
            }),
            Err(error) => Err(format!("cannot create {path} in the guest: {error}")),
        }
    }

    /// A file that could not be created, whose content is swallowed.
    pub(crate) fn nowhere() -> Self {
        Self {
            path: String::new(),
            file: None,
        }
    }

    /// Takes the next chunk; the empty one ends the file. Returns the event that is due, and whether the file
    /// is complete.
    pub(crate) fn take(&mut self, job: u32, bytes: &[u8]) -> (Option<Event>, bool) {
        if bytes.is_empty() {
            return (self.file.take().map(|_| Event::Done { job }), true);
        }
        let Some(file) = &mut self.file else {
            return (None, false);
        };
        match file.write_all(bytes) {
            Ok(()) => (None, false),
            Err(error) => {
                self.file = None;
                let reason = format!("cannot write {} in the guest: {error}", self.path);
                (Some(Event::Failed { job, reason }), false)
            }
        }
    }
}

/// Sends a file, or every regular file below a directory, then `Done` or `Failed`.
pub(crate) fn send(job: u32, path: &str, port: &Port) {
    let event = match send_below(job, Path::new(path), "", port) {
        Ok(()) => Event::Done { job },
        Err(error) => Event::Failed {
            job,
            reason: format!("cannot read {path} in the guest: {error}"),
        },
    };
    port.event(&event);
}

fn send_below(job: u32, path: &Path, relative: &str, port: &Port) -> std::io::Result<()> {
    // A link named by the host is followed; below a directory links are left out, they could lead in circles.
    let metadata = match relative {
        "" => fs::metadata(path)?,
        _ => fs::symlink_metadata(path)?,
    };
    if metadata.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let below = if relative.is_empty() {
                name.into_owned()
            } else {
                format!("{relative}/{name}")
            };
            send_below(job, &entry.path(), &below, port)?;
        }
    } else if metadata.is_file() || relative.is_empty() {
        let mut file = File::open(path)?;
        let mode = metadata.permissions().mode() & PERMISSION_BITS;
        port.event(&Event::File {
            job,
            path: relative.to_owned(),
            mode,
        });
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = file.read(&mut chunk)?;
            port.data(job, Channel::File, &chunk[..length]);
            if length == 0 {
                break;
            }
        }
    }
    Ok(())
}
