//! The directory of pictures that were taken: written whole or not at all, listed, opened, removed.
//!
//! A capture is named by the time it was taken (UTC), a picture by its capture and its camera, e.g.
//! `20261122T203453.120Z-main.jpg`. Only names of that pattern are seen, given out or removed, so what else is in the
//! directory is nobody's business, and no name leads out of it. Nothing is ever overwritten.
//!
//! All of it waits for the disk: call it from a thread that may.

use crate::command::Refusal;
use crate::io_error::IoError;
use crate::report::CameraName;
use jiff::Timestamp;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Ends the name of a file that is still being written.
const PARTIAL: &str = ".part";
/// Length of a capture's name, `20261122T203453.120Z`.
const CAPTURE_LENGTH: usize = 20;
/// Captures within so many milliseconds before one finds a name that is free.
const NAME_ATTEMPTS: u32 = 1000;
/// Who may read a picture: everybody whom the directory lets in.
const MODE: u32 = 0o644;

/// A directory of pictures.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    minimum_free: u64,
}

/// How a picture's file is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.jpg`
    Jpeg,
    /// `.png`
    Png,
    /// `.dng`
    Dng,
}

impl Format {
    const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Dng];

    fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Dng => "dng",
        }
    }

    /// Its Internet media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            // Registered with IANA by Adobe.
            Self::Dng => "image/DNG",
        }
    }
}

impl From<crate::wire::Encoding> for Format {
    fn from(encoding: crate::wire::Encoding) -> Self {
        match encoding {
            crate::wire::Encoding::Jpeg { .. } => Self::Jpeg,
            crate::wire::Encoding::Png => Self::Png,
        }
    }
}

/// Name of a picture's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    capture: String,
    camera: CameraName,
    format: Format,
}

impl FileName {
    /// How the picture is encoded.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let camera = self.camera.as_str();
        write!(f, "{}-{camera}.{}", self.capture, self.format.extension())
    }
}

impl FromStr for FileName {
    type Err = Error;

    /// Reads a name of our own pattern; every other is [`Error::NoPicture`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (capture, rest) = text.split_at_checked(CAPTURE_LENGTH)?;
            let (camera, extension) = rest.strip_prefix('-')?.split_once('.')?;
            is_capture(capture).then_some(())?;
            Some(Self {
                capture: capture.into(),
                camera: CameraName::ALL
                    .into_iter()
                    .find(|name| name.as_str() == camera)?,
                format: Format::ALL
                    .into_iter()
                    .find(|format| format.extension() == extension)?,
            })
        };
        parse().ok_or_else(|| Error::NoPicture(text.into()))
    }
}

/// A picture in the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Its capture; pictures that were taken together have the same.
    pub capture: String,
    /// Of which camera.
    pub camera: CameraName,
    /// File name, to be had at `/v1/captures/{file}`.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// Why a picture was not written, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such picture, or this is no name of one.
    #[error("there is no picture {0:?}; GET /v1/captures lists what there is")]
    NoPicture(String),
    /// The disk is full, or would be.
    #[error(
        "{directory} has {free} bytes free and {needed} are needed, with those that have to stay free; \
         delete pictures or lower captures.minimum_free_mib", directory = directory.display()
    )]
    Full {
        /// Of the pictures.
        directory: PathBuf,
        /// In bytes.
        free: u64,
        /// In bytes.
        needed: u64,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NoPicture(_) => Self::NotFound(error.to_string()),
            Error::Full { .. } | Error::Io(_) => Self::Storage(error.to_string()),
        }
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| IoError::new(action, path, error).into()
}

impl Store {
    /// Takes a directory, which is made if it is not there. `minimum_free` bytes stay free. What a predecessor left
    /// half-written is removed.
    pub fn open(directory: &Path, minimum_free: u64) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(io("make", directory))?;
        let store = Self {
            directory: directory.into(),
            minimum_free,
        };
        for name in store.names()? {
            let partial = name
                .strip_suffix(PARTIAL)
                .is_some_and(|name| name.parse::<FileName>().is_ok());
            if partial {
                let path = directory.join(&name);
                fs::remove_file(&path).map_err(io("remove", &path))?;
            }
        }
        Ok(store)
    }

    /// Whether so many bytes more may be written.
    pub fn check_space(&self, bytes: u64) -> Result<(), Error> {
        let directory = &self.directory;
        let free = free_bytes(directory).map_err(io("ask the free space of", directory))?;
        let needed = self.minimum_free.saturating_add(bytes);
        if free < needed {
            return Err(Error::Full {
                directory: directory.clone(),
                free,
                needed,
            });
        }
        Ok(())
    }

    /// Writes pictures that were taken together, all or none, and gives their names in the same order.
    pub fn save(
        &self,
        taken: SystemTime,
        pictures: &[(CameraName, Format, &[u8])],
    ) -> Result<Vec<Stored>, Error> {
        self.check_space(
            pictures
                .iter()
                .map(|(_, _, bytes)| bytes.len() as u64)
                .sum(),
        )?;
        let capture = self.free_name(taken)?;
        let names: Vec<_> = pictures
            .iter()
            .map(|&(camera, format, _)| FileName {
                capture: capture.clone(),
                camera,
                format,
            })
            .collect();
        let mut published = 0;
        let written = names
            .iter()
            .zip(pictures)
            .try_for_each(|(name, (_, _, bytes))| self.write_partial(name, bytes))
            .and_then(|()| {
                names.iter().try_for_each(|name| {
                    self.publish(name)?;
                    published += 1;
                    Ok(())
                })
            })
            .and_then(|()| {
                let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
                synced.map_err(io("write to disk", &self.directory))
            });
        if let Err(error) = written {
            // As far as it came; what cannot be removed is told by the error already.
            for name in &names[..published] {
                let _ = fs::remove_file(self.path(name));
            }
            for name in &names[published..] {
                let _ = fs::remove_file(self.partial(name));
            }
            return Err(error);
        }
        let stored =
            |(name, (camera, _, bytes)): (&FileName, &(CameraName, Format, &[u8]))| Stored {
                capture: capture.clone(),
                camera: *camera,
                file: name.to_string(),
                bytes: bytes.len() as u64,
            };
        Ok(names.iter().zip(pictures).map(stored).collect())
    }

    /// Every picture, oldest first.
    pub fn list(&self) -> Result<Vec<Stored>, Error> {
        let mut stored = Vec::new();
        for file in self.names()? {
            let Ok(name) = file.parse::<FileName>() else {
                continue;
            };
            // One that was removed meanwhile is not there.
            if let Ok(metadata) = fs::symlink_metadata(self.path(&name))
                && metadata.is_file()
            {
                stored.push(Stored {
                    capture: name.capture,
                    camera: name.camera,
                    file,
                    bytes: metadata.len(),
                });
            }
        }
        stored.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(stored)
    }

    /// Opens a picture to be read; how long it is.
    pub fn read(&self, name: &FileName) -> Result<(File, u64), Error> {
        let path = self.path(name);
        let open = || {
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(nix::libc::O_NOFOLLOW)
                .open(&path)?;
            let metadata = file.metadata()?;
            if metadata.is_file() {
                Ok((file, metadata.len()))
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        };
        open().map_err(|error| self.not_found(name, "open", error))
    }

    /// Removes a picture.
    pub fn remove(&self, name: &FileName) -> Result<(), Error> {
        fs::remove_file(self.path(name)).map_err(|error| self.not_found(name, "remove", error))
    }

    fn not_found(&self, name: &FileName, action: &'static str, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => Error::NoPicture(name.to_string()),
            _ => io(action, &self.path(name))(error),
        }
    }

    fn path(&self, name: &FileName) -> PathBuf {
        self.directory.join(name.to_string())
    }

    fn partial(&self, name: &FileName) -> PathBuf {
        self.directory.join(format!("{name}{PARTIAL}"))
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let read = || {
            let entries = fs::read_dir(&self.directory)?;
            entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
        };
        let names = read().map_err(io("list", &self.directory))?;
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    }

    /// The name of the time, or of the next millisecond that no capture has yet.
    fn free_name(&self, taken: SystemTime) -> Result<String, Error> {
        let names = self.names()?;
        (0..NAME_ATTEMPTS)
            .map(|later| capture_name(taken + Duration::from_millis(later.into())))
            .find(|capture| !names.iter().any(|name| name.starts_with(capture)))
            .ok_or_else(|| {
                io("find a free name in", &self.directory)(io::ErrorKind::AlreadyExists.into())
            })
    }

    fn write_partial(&self, name: &FileName, bytes: &[u8]) -> Result<(), Error> {
        let path = self.partial(name);
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(MODE)
                .open(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(io("write", &path))
    }

    fn publish(&self, name: &FileName) -> Result<(), Error> {
        let path = self.path(name);
        renameat2(
            AT_FDCWD,
            &self.partial(name),
            AT_FDCWD,
            &path,
            RenameFlags::RENAME_NOREPLACE,
        )
        .map_err(|errno| io("name", &path)(errno.into()))
    }
}

/// Bytes that may still be written where this directory is.
pub(crate) fn free_bytes(directory: &Path) -> io::Result<u64> {
    let space = statvfs(directory)?;
    // Both are as wide as a pointer, which is less than 64 bit on some boards.
    #[allow(
        clippy::unnecessary_cast,
        reason = "their width depends on the processor"
    )]
    let free = space.blocks_available() as u64 * space.fragment_size() as u64;
    Ok(free)
}

/// Whether this is `YYYYMMDDThhmmss.mmmZ`, digits aside.
pub(crate) fn is_capture(name: &str) -> bool {
    const PATTERN: &[u8; CAPTURE_LENGTH] = b"00000000T000000.000Z";
    let fits = |(byte, pattern): (u8, &u8)| match pattern {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    };
    name.len() == CAPTURE_LENGTH && name.bytes().zip(PATTERN).all(fits)
}

/// A time as the name of a capture, in UTC. One beyond the calendar's end counts as its beginning.
pub(crate) fn capture_name(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests;
