//! What `bayonetd` remembers over a restart: the controls that were set and the lens a person named.
//!
//! One small JSON file, replaced as a whole. One that cannot be read is put aside, never overwritten. The event loop
//! does not wait for the disk: a power cut may cost the last change.

use crate::report::{CameraName, Values};
use bayonet_core::lens::{Assignment, LensPins};
use log::{error, warn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    /// Controls by camera.
    #[serde(default)]
    pub(crate) controls: BTreeMap<CameraName, Values>,
    /// The lens that a person named.
    #[serde(default)]
    pub(crate) lens: Option<NamedLens>,
}

/// A lens that a person named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedLens {
    /// 6-bit code that it showed.
    pub(crate) code: u8,
    /// Frame-line selector that it set.
    pub(crate) frame: u8,
    /// Name of its profile.
    pub(crate) profile: String,
}

impl Memory {
    /// The lens that a person named, as the lens lines are compared with it.
    pub(crate) fn assignment(&self) -> Option<Assignment> {
        let lens = self.lens.as_ref()?;
        Some(Assignment {
            pins: LensPins::new(lens.code, lens.frame)?,
            profile: lens.profile.clone(),
        })
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct MemoryFile {
    path: PathBuf,
    kept: Memory,
}

impl MemoryFile {
    /// Reads the file; starts with nothing where there is none.
    pub(crate) fn open(path: PathBuf) -> (Self, Memory) {
        let kept = read(&path).unwrap_or_else(|problem| {
            let aside = path.with_extension("unreadable");
            warn!(
                "{}: {problem}; it is kept as {} and everything starts at its default",
                path.display(),
                aside.display()
            );
            if let Err(problem) = fs::rename(&path, &aside) {
                error!("{}: cannot be renamed: {problem}", path.display());
            }
            Memory::default()
        });
        let memory = kept.clone();
        (Self { path, kept }, memory)
    }

    /// Writes what has changed. A disk that refuses costs the memory, not the camera.
    pub(crate) fn keep(&mut self, memory: &Memory) {
        if *memory == self.kept {
            return;
        }
        self.kept = memory.clone();
        if let Err(problem) = write(&self.path, memory) {
            error!(
                "{}: controls and lens will be forgotten at the next restart: {problem}",
                self.path.display()
            );
        }
    }
}

fn read(path: &Path) -> io::Result<Memory> {
    match fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(Memory::default()),
        Err(problem) => Err(problem),
    }
}

fn write(path: &Path, memory: &Memory) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, serde_json::to_vec_pretty(memory)?)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_kept_comes_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("memory.json");
        let (mut file, mut memory) = MemoryFile::open(path.clone());
        assert_eq!(memory, Memory::default());
        memory.lens = Some(NamedLens {
            code: 0,
            frame: 3,
            profile: "summilux-50".to_owned(),
        });
        let values = Values::from([("ExposureTime".to_owned(), json!(1000))]);
        memory.controls.insert(CameraName::Mount, values);
        file.keep(&memory);
        assert_eq!(MemoryFile::open(path).1, memory);
    }

    #[test]
    fn an_unreadable_file_is_put_aside() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("memory.json");
        fs::write(&path, "{\"lens\": 7}").expect("written");
        let (mut file, memory) = MemoryFile::open(path.clone());
        assert_eq!(memory, Memory::default());
        let aside = fs::read_to_string(path.with_extension("unreadable"));
        assert_eq!(aside.expect("put aside"), "{\"lens\": 7}");
        file.keep(&Memory::default());
        assert!(!path.exists(), "nothing to remember, nothing written");
    }
}
