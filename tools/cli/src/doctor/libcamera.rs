//! libcamera: which one is installed, and where it takes its IPA module and tuning files from.
//!
//! What is searched, and in which order: libcamera 0.7, `src/libcamera/ipa_manager.cpp`, `ipa_proxy.cpp` and
//! `global_configuration.cpp`. Of configuration files the first one that is there is used, nothing is merged; an
//! environment variable goes before it; the system's own directory comes last.

use super::{Finding, System};
use std::collections::{BTreeMap, BTreeSet};

/// The IPA module of the Raspberry Pi 5.
const MODULE: &str = "ipa_rpi_pisp.so";
/// Where distributions put libraries: with and without a directory for the architecture.
const LIBRARIES: [&str; 4] = ["usr/lib", "usr/local/lib", "lib", "usr/lib64"];
/// Where the tuning files of the Raspberry Pi 5's IPA module are.
const TUNING: [&str; 2] = [
    "usr/share/libcamera/ipa/rpi/pisp",
    "usr/local/share/libcamera/ipa/rpi/pisp",
];
/// Configuration files, below the system's root.
const CONFIGURATION: [&str; 4] = [
    "etc/libcamera/configuration.yaml",
    "usr/share/libcamera/configuration.yaml",
    "usr/local/etc/libcamera/configuration.yaml",
    "usr/local/share/libcamera/configuration.yaml",
];
/// Directories of IPA modules, as an environment variable and as a key of the configuration file.
const MODULE_PATH: &str = "LIBCAMERA_IPA_MODULE_PATH";
const MODULE_PATHS_KEY: &str = "module_paths";

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

/// Directories that may hold libraries of this system.
fn library_directories(system: &System) -> Vec<String> {
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

fn version(system: &System) -> Finding {
    const WHAT: &str = "libcamera";
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
    let home = system.environment.get("XDG_CONFIG_HOME").cloned();
    let home = home.or_else(|| Some(format!("{}/.config", system.environment.get("HOME")?)));
    let own = home.map(|home| format!("{home}/libcamera/configuration.yaml"));
    let files = own.into_iter().chain(CONFIGURATION.map(String::from));
    for file in files {
        let Some(text) = system.text(&file) else {
            continue;
        };
        let directories = yaml_list(&text, MODULE_PATHS_KEY);
        let file = format!("/{}", file.trim_start_matches('/'));
        if directories.is_empty() {
            return Finding::good(WHAT, format!("{file} names none: the system's own"));
        }
        let source = format!("{MODULE_PATHS_KEY} of {file}");
        let fix = format!("correct {MODULE_PATHS_KEY} in {file}, or take it out");
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

/// The texts of a list in a YAML file, in one line (`[a, b]`) or in one line each (`- a`). Of YAML it knows no more
/// than a list of paths needs.
fn yaml_list(text: &str, key: &str) -> Vec<String> {
    let clean = |text: &str| text.trim().trim_matches(['"', '\'']).to_string();
    let mut lines = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default());
    let Some(line) =
        lines.find(|line| line.contains(&format!("{key}:")) && !line.trim().starts_with('#'))
    else {
        return Vec::new();
    };
    let (_, rest) = line.split_once(&format!("{key}:")).unwrap_or_default();
    let items: Vec<String> = match rest.split_once('[') {
        Some((_, list)) => list
            .split(']')
            .next()
            .unwrap_or_default()
            .split(',')
            .map(clean)
            .collect(),
        None => lines
            .map_while(|line| line.trim().strip_prefix("- "))
            .map(clean)
            .collect(),
    };
    items.into_iter().filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_both_ways_of_writing() {
        let inline = "version: 1\nconfiguration:\n  ipa: { module_paths: [ \"/a\", /b ], proxy_paths: [/c] }\n";
        assert_eq!(yaml_list(inline, MODULE_PATHS_KEY), ["/a", "/b"]);
        let lines = "configuration:\n  ipa:\n    module_paths:\n      - /a # first\n      - '/b'\n    proxy_paths:\n      - /c\n";
        assert_eq!(yaml_list(lines, MODULE_PATHS_KEY), ["/a", "/b"]);
        assert_eq!(
            yaml_list("# module_paths: [/a]\n", MODULE_PATHS_KEY),
            [""; 0]
        );
        assert_eq!(yaml_list("module_paths: []\n", MODULE_PATHS_KEY), [""; 0]);
    }
}
