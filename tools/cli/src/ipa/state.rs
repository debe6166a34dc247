//! Whether the IPA is installed, and whether libcamera takes it.

use super::search::{everybodys_configuration, own_configuration, system_configuration, versions};
use super::{Layout, Manifest, is_known};
use crate::doctor::System;
use bayonet_cli::libcamera_configuration::{KEYS, by_hand, lists};
use serde::Serialize;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Environment variables that go before the configuration's lists, in the order of [`KEYS`].
const VARIABLES: [&str; KEYS.len()] = [
    "LIBCAMERA_IPA_MODULE_PATH",
    "LIBCAMERA_IPA_PROXY_PATH",
    "LIBCAMERA_IPA_CONFIG_PATH",
];
/// Every permission to execute.
const EXECUTABLE: u32 = 0o111;

/// How things are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct State {
    pub(crate) prefix: String,
    /// Version that was installed.
    pub(crate) version: Option<String>,
    pub(crate) module: bool,
    pub(crate) worker: Worker,
    /// Names of the tuning files.
    pub(crate) tuning: Vec<String>,
    /// Versions of libcamera.
    pub(crate) libcamera: Vec<String>,
    /// The system's configuration file, where there is one.
    pub(crate) configuration: Option<Configuration>,
    /// Files of users, which go before the system's.
    pub(crate) users: Vec<Configuration>,
    /// Environment variables that go before any file, and do not name our directories.
    pub(crate) overridden: Vec<String>,
    /// Whether a libcamera application of whoever looks takes the IPA.
    pub(crate) in_use: bool,
}

/// The worker program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Worker {
    Missing,
    NotExecutable,
    Executable,
}

/// A configuration file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Configuration {
    pub(crate) file: String,
    /// Keys whose lists do not name our directory.
    pub(crate) lacks: Vec<&'static str>,
    /// Why libcamera takes nothing from it.
    pub(crate) problem: Option<String>,
}

impl Configuration {
    fn look(system: &System, file: String, layout: &Layout) -> Self {
        let text = fs::read_to_string(system.path(&file)).map_err(|error| error.to_string());
        let lists = text.and_then(|text| lists(&text).map_err(|refusal| refusal.to_string()));
        let (lists, problem) = match lists {
            Ok(lists) => (lists, None),
            Err(problem) => (Default::default(), Some(problem)),
        };
        let directories = layout.directories();
        let pairs = KEYS.iter().zip(lists.iter().zip(&directories));
        let lacks = pairs.filter(|(_, (list, directory))| !list.contains(directory));
        Self {
            file,
            lacks: lacks.map(|(key, _)| *key).collect(),
            problem,
        }
    }

    pub(crate) fn points(&self) -> bool {
        self.lacks.is_empty()
    }

    /// What is wrong with it, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        if let Some(problem) = &self.problem {
            return Some(format!("{} is of no use: {problem}", self.file));
        }
        let lacks = self.lacks.join(", ");
        (!self.points()).then(|| format!("{} does not name it in {lacks}", self.file))
    }
}

impl State {
    pub(crate) fn look(system: &System, layout: &Layout) -> Self {
        let manifest = system.text(layout.manifest());
        let manifest = manifest.and_then(|text| serde_json::from_str::<Manifest>(&text).ok());
        let worker = match fs::metadata(system.path(layout.worker())) {
            Ok(file) if file.permissions().mode() & EXECUTABLE == EXECUTABLE => Worker::Executable,
            Ok(_) => Worker::NotExecutable,
            Err(_) => Worker::Missing,
        };
        let look = |file: String| Configuration::look(system, file, layout);
        let files = system_configuration(system).into_iter();
        let configuration = files.filter(|file| system.exists(file)).map(look).next();
        let users: Vec<_> = everybodys_configuration(system)
            .into_iter()
            .map(look)
            .collect();
        let directories = layout.directories();
        let overridden = VARIABLES
            .iter()
            .zip(&directories)
            .filter(|(name, directory)| {
                let value = system.environment.get(**name);
                value.is_some_and(|value| {
                    !value.is_empty() && value.split(':').all(|one| one != directory.as_str())
                })
            });
        let mut state = Self {
            prefix: layout.prefix().to_owned(),
            version: manifest.map(|manifest| manifest.version),
            module: system.exists(layout.module()),
            worker,
            tuning: system.names(layout.tuning()),
            libcamera: versions(system).into_keys().collect(),
            configuration,
            users,
            overridden: overridden.map(|(name, _)| (*name).to_owned()).collect(),
            in_use: false,
        };
        let own = own_configuration(system);
        let own = own.and_then(|own| state.users.iter().find(|user| user.file == own));
        let used = own.or(state.configuration.as_ref());
        state.in_use = state.is_complete()
            && state.overridden.is_empty()
            && state.libcamera.iter().any(|version| is_known(version))
            && used.is_some_and(Configuration::points);
        state
    }

    /// Whether any of it is there.
    pub(crate) fn is_there(&self) -> bool {
        self.version.is_some() || self.module || self.worker != Worker::Missing
    }

    /// Whether every file is there.
    pub(crate) fn is_complete(&self) -> bool {
        self.module && self.worker == Worker::Executable && !self.tuning.is_empty()
    }

    /// Files of users that keep libcamera from taking it, with what to do.
    pub(crate) fn shadows(&self) -> Vec<String> {
        let lines = by_hand(&Layout::new(&self.prefix).directories());
        let shadows = self.users.iter().filter_map(Configuration::trouble);
        shadows
            .map(|trouble| {
                format!("{trouble}, and goes before the system's; write into it:\n{lines}")
            })
            .collect()
    }
}
