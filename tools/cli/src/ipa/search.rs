//! libcamera's libraries, and the configuration files that they read.

use super::MODULE;
use crate::doctor::System;
use std::collections::BTreeMap;

/// Where distributions put libraries: with and without a directory for the architecture.
const LIBRARIES: [&str; 4] = ["usr/lib", "usr/local/lib", "lib", "usr/lib64"];
/// The interface to IPA modules changes between these.
const KNOWN: &str = "0.7.";
/// The configuration file, in each of its directories.
const CONFIGURATION: &str = "libcamera/configuration.yaml";

/// Directories that may hold libraries of this system.
pub(crate) fn library_directories(system: &System) -> Vec<String> {
    let mut directories = Vec::new();
    for library in LIBRARIES {
        // /lib is usually the same as /usr/lib.
        if system.path(library).is_symlink() {
            continue;
        }
        directories.push(library.to_string());
        let architectures = system
            .names(library)
            .into_iter()
            .filter(|name| name.ends_with("-linux-gnu"));
        directories.extend(architectures.map(|name| format!("{library}/{name}")));
    }
    directories
}

/// Versions of libcamera, and the directory of each.
pub(crate) fn versions(system: &System) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for directory in library_directories(system) {
        for name in system.names(&directory) {
            let version = name.strip_prefix("libcamera.so.").unwrap_or_default();
            // The file itself, not the link that has the first two numbers.
            if version.matches('.').count() == 2 {
                found.insert(version.to_string(), format!("/{directory}"));
            }
        }
    }
    found
}

/// Whether our module speaks with this version.
pub(crate) fn is_known(version: &str) -> bool {
    version.starts_with(KNOWN)
}

/// Whether our module is in this directory.
pub(crate) fn is_module_there(system: &System, directory: &str) -> bool {
    system.exists(format!("{directory}/{MODULE}"))
}

/// The system's configuration files, in libcamera's order.
pub(crate) fn system_configuration(system: &System) -> [String; 2] {
    let versions = versions(system);
    let known = versions.iter().find(|(version, _)| is_known(version));
    let library = known.map_or("", |(_, directory)| directory.as_str());
    // One that somebody built has its own.
    if library.starts_with("/usr/local/") {
        ["/usr/local/etc", "/usr/local/share"]
    } else {
        ["/etc", "/usr/share"]
    }
    .map(|directory| format!("{directory}/{CONFIGURATION}"))
}

/// The configuration file of whoever looks; it goes before the system's.
pub(crate) fn own_configuration(system: &System) -> Option<String> {
    let home = system.environment.get("XDG_CONFIG_HOME").cloned();
    let home = home.or_else(|| Some(format!("{}/.config", system.environment.get("HOME")?)));
    Some(format!("{}/{CONFIGURATION}", home?))
}

/// Those that may be in the homes of all users.
pub(super) fn everybodys_configuration(system: &System) -> Vec<String> {
    let accounts = system.text("etc/passwd").unwrap_or_default();
    let homes = accounts.lines().filter_map(|line| line.split(':').nth(5));
    let homes = homes.map(|home| home.trim_end_matches('/'));
    let mut files: Vec<_> = own_configuration(system).into_iter().collect();
    files.extend(homes.map(|home| format!("{home}/.config/{CONFIGURATION}")));
    files.sort();
    files.dedup();
    files.retain(|file| system.exists(file));
    files
}
