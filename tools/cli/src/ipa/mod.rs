//! Bayonet's IPA module as it is installed: where its files are, and whether libcamera finds them.
//!
//! What libcamera searches, and in which order: libcamera 0.7, `src/libcamera/ipa_manager.cpp`, `ipa_proxy.cpp` and
//! `global_configuration.cpp`. Of configuration files the first one that is there is used, nothing is merged; an
//! environment variable goes before it; the system's own directories come last.

mod search;
mod state;

pub(crate) use search::{
    is_known, is_module_there, library_directories, own_configuration, system_configuration,
    versions,
};
pub(crate) use state::{Configuration, State, Worker};

use bayonet_cli::libcamera_configuration::Directories;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The module as libcamera sees it.
const MODULE: &str = "ipa_bayonet.so";
/// The worker; libcamera looks for this name.
const WORKER: &str = "soft_ipa_proxy";

/// Where everything is below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    prefix: String,
}

impl Layout {
    /// Below this absolute path.
    pub(crate) fn new(prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/').to_owned();
        Self { prefix }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What libcamera's configuration names.
    pub(crate) fn directories(&self) -> Directories {
        ["lib", "libexec", "share"].map(|kind| {
            let end = if kind == "share" { "/ipa" } else { "" };
            format!("{}/{kind}/bayonet/libcamera{end}", self.prefix)
        })
    }

    pub(crate) fn module(&self) -> PathBuf {
        Path::new(&self.directories()[0]).join(MODULE)
    }

    pub(crate) fn worker(&self) -> PathBuf {
        Path::new(&self.directories()[1]).join(WORKER)
    }

    /// The directory of the tuning files: libcamera adds the module's name to the one that is configured.
    pub(crate) fn tuning(&self) -> PathBuf {
        Path::new(&self.directories()[2]).join("bayonet")
    }

    /// What was installed.
    pub(crate) fn manifest(&self) -> PathBuf {
        let share = format!("{}/share/bayonet/libcamera", self.prefix);
        Path::new(&share).join("installed.json")
    }
}

/// What was installed, for whoever removes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Manifest {
    pub(crate) version: String,
    pub(crate) files: Vec<PathBuf>,
}
