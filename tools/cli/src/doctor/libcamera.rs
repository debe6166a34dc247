//! libcamera: which one is installed, and where it takes its IPA module and tuning files from.
//!
//! What is searched, and in which order, is in `ipa/mod.rs`.

use super::{Finding, System};
use crate::ipa::{
    is_module_there, library_directories, own_configuration, system_configuration, versions,
};
use bayonet_cli::libcamera_configuration::{KEYS, lists};
use std::collections::{BTreeMap, BTreeSet};

/// The IPA module of the Raspberry Pi 5.
const MODULE: &str = "ipa_rpi_pisp.so";
/// Where the tuning files of the Raspberry Pi 5's IPA module are.
const TUNING: [&str; 2] = [
    "usr/share/libcamera/ipa/rpi/pisp",
    "usr/local/share/libcamera/ipa/rpi/pisp",
];
/// Directories of IPA modules.
const MODULE_PATH: &str = "LIBCAMERA_IPA_MODULE_PATH";

pub(super) fn examine(system: &System) -> Vec<Finding> {
    let environment = &system.environment;
    let installed = installed_module(system);
    vec![
        version(system),
        module(&installed),
        module_path("your IPA path", environment, system, &installed)
            .unwrap_or_else(|| configured_path(system, &installed)),
        tuning(system),
    ]
}

fn version(system: &System) -> Finding {
    const WHAT: &str = "libcamera";
    let found = versions(system);
    let list: Vec<_> = found
        .iter()
        .map(|(version, directory)| format!("{version} in {directory}"))
        .collect();
    let list = list.join(", ");
    match found.len() {
        0 => Finding::bad(WHAT, "not installed").fix("apt install libcamera-tools libcamera-ipa"),
        1 => Finding::good(WHAT, list),
        _ => Finding::warning(
            WHAT,
            format!("several: {list}; programs may use one and its IPA the other"),
        )
        .fix("remove those that are not needed, mostly the one in /usr/local"),
    }
}

/// The IPA module that comes with libcamera.
pub(super) fn installed_module(system: &System) -> Option<String> {
    library_directories(system)
        .into_iter()
        .flat_map(|directory| {
            [
                format!("{directory}/libcamera/ipa"),
                format!("{directory}/libcamera"),
            ]
        })
        .find(|directory| system.exists(format!("{directory}/{MODULE}")))
}

fn module(installed: &Option<String>) -> Finding {
    const WHAT: &str = "IPA module";
    match installed {
        Some(directory) => Finding::good(WHAT, format!("{MODULE} in /{directory}")),
        None => Finding::bad(
            WHAT,
            format!("{MODULE} is not installed: no camera has pictures without it"),
        )
        .fix("apt install libcamera-ipa"),
    }
}

/// The directories that an environment names; none if it names none.
pub(super) fn module_path(
    what: &'static str,
    environment: &BTreeMap<String, String>,
    system: &System,
    installed: &Option<String>,
) -> Option<Finding> {
    let value = environment
        .get(MODULE_PATH)
        .filter(|value| !value.is_empty())?;
    let directories = value.split(':').filter(|directory| !directory.is_empty());
    let source = format!("{MODULE_PATH}={value}");
    let fix = match what {
        "your IPA path" => format!("unset {MODULE_PATH}, or let it name the directory of {MODULE}"),
        _ => format!(
            "systemctl edit bayonetd, take out the line with {MODULE_PATH} or let it name the directory of {MODULE}, \
             then systemctl restart bayonetd"
        ),
    };
    Some(judge(what, &source, directories, system, installed, &fix))
}

/// The directories that the configuration file names.
fn configured_path(system: &System, installed: &Option<String>) -> Finding {
    const WHAT: &str = "IPA path";
    let files = own_configuration(system)
        .into_iter()
        .chain(system_configuration(system));
    for file in files {
        let Some(text) = system.text(&file) else {
            continue;
        };
        let directories = match lists(&text) {
            Ok([modules, ..]) => modules,
            Err(refusal) => {
                let detail = format!("{file}, {refusal}: libcamera does without a configuration");
                return Finding::warning(WHAT, detail).fix(format!("correct {file}"));
            }
        };
        if directories.is_empty() {
            return Finding::good(WHAT, format!("{file} names none: the system's own"));
        }
        if directories.iter().any(|one| is_module_there(system, one)) {
            return Finding::good(
                WHAT,
                format!("{file} names Bayonet's, then the system's own"),
            );
        }
        let source = format!("{} of {file}", KEYS[0]);
        let fix = format!("correct {} in {file}, or take it out", KEYS[0]);
        return judge(
            WHAT,
            &source,
            directories.iter().map(String::as_str),
            system,
            installed,
            &fix,
        );
    }
    Finding::good(WHAT, "nothing names another: the system's own")
}

fn judge<'a>(
    what: &'static str,
    source: &str,
    directories: impl Iterator<Item = &'a str>,
    system: &System,
    installed: &Option<String>,
    fix: &str,
) -> Finding {
    let mut wrong = Vec::new();
    for directory in directories {
        if !system.path(directory).is_dir() {
            wrong.push(format!("{directory} is no directory"));
        } else if system.exists(format!("{directory}/{MODULE}")) {
            return Finding::good(what, format!("{MODULE} in {directory}, by {source}"));
        } else {
            wrong.push(format!("{directory} has no {MODULE}"));
        }
    }
    let wrong = wrong.join(", ");
    match installed {
        Some(_) => Finding::warning(
            what,
            format!("{source}: {wrong}; libcamera uses its own instead"),
        )
        .fix(fix),
        None => Finding::bad(what, format!("{source}: {wrong}, and the system has none")).fix(fix),
    }
}

fn tuning(system: &System) -> Finding {
    const WHAT: &str = "tuning files";
    let files: BTreeSet<String> = TUNING
        .iter()
        .flat_map(|directory| system.names(directory))
        .collect();
    let models = system
        .names("sys/bus/i2c/devices")
        .into_iter()
        .filter_map(|device| {
            // Sensors are the devices with a subdevice.
            let directory = format!("sys/bus/i2c/devices/{device}");
            (!system.names(format!("{directory}/video4linux")).is_empty())
                .then(|| system.text(format!("{directory}/name")))?
        });
    let models: BTreeSet<String> = models.collect();
    let missing: Vec<_> = models
        .iter()
        .filter(|model| !files.contains(&format!("{model}.json")))
        .cloned()
        .collect();
    if let Some(file) = system
        .environment
        .get("LIBCAMERA_RPI_TUNING_FILE")
        .filter(|file| !system.exists(file))
    {
        return Finding::bad(
            WHAT,
            format!("LIBCAMERA_RPI_TUNING_FILE={file} is not there"),
        )
        .fix("unset LIBCAMERA_RPI_TUNING_FILE, or let it name a file");
    }
    if models.is_empty() {
        return Finding::skipped(
            WHAT,
            format!(
                "{} are installed; no sensor is bound to need one",
                files.len()
            ),
        );
    }
    let models = models.into_iter().collect::<Vec<_>>().join(", ");
    if missing.is_empty() {
        return Finding::good(WHAT, format!("there is one for {models}"));
    }
    let missing = missing.join(", ");
    Finding::warning(
        WHAT,
        format!("none for {missing}: libcamera uses its uncalibrated one, with poor colours"),
    )
    .fix("apt install libcamera-ipa; if it is installed, this libcamera knows no such sensor")
}
