//! The system that is looked at: the running one, or a made-up one in a directory.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A system.
#[derive(Clone, Debug)]
pub(crate) struct System {
    /// `/`, or a directory with `sys`, `proc`, `dev`, `etc` and `usr` in it.
    pub(crate) root: PathBuf,
    /// Environment of whoever looks.
    pub(crate) environment: BTreeMap<String, String>,
    /// Who looks.
    pub(crate) user: u32,
    /// Groups of whoever looks.
    pub(crate) groups: Vec<u32>,
    /// What to start to try something in a process of its own; nothing is tried without it.
    pub(crate) program: Option<PathBuf>,
}

impl System {
    /// The running one.
    pub(crate) fn running() -> Self {
        let groups = nix::unistd::getgroups().unwrap_or_default();
        let groups = groups
            .into_iter()
            .chain([nix::unistd::getegid()])
            .map(|group| group.as_raw());
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            root: "/".into(),
            environment: env::vars_os().filter_map(text).collect(),
            user: nix::unistd::geteuid().as_raw(),
            groups: groups.collect(),
            program: env::current_exe().ok(),
        }
    }

    /// A path of the system, with or without a slash before it.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(crate) fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// A file's text without spaces around it.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read_to_string(self.path(path))
            .ok()
            .map(|text| text.trim().into())
    }

    /// Names in a directory, sorted; none where there is no such directory.
    pub(crate) fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(path))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// A field of the first line that begins with this name, in a file like `/etc/group`.
    pub(crate) fn account(&self, file: &str, name: &str, field: usize) -> Option<String> {
        let text = self.text(file)?;
        let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let line = lines.find(|fields| fields.first() == Some(&name))?;
        line.get(field).map(|field| field.to_string())
    }

    /// Number of a group.
    pub(crate) fn group(&self, name: &str) -> Option<u32> {
        self.account("etc/group", name, 2)?.parse().ok()
    }
}
