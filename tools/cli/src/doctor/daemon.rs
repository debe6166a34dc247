//! `bayonetd`: its configuration, whether it runs, what it says, and room for pictures.

use super::{Finding, System, libcamera};
use crate::arguments::Connection;
use crate::output::{bytes, word};
use crate::server::Server;
use bayonet_daemon::client;
use bayonet_daemon::config::{self, Config};
use bayonet_daemon::report::{ModuleState, Status};
use nix::sys::statvfs::statvfs;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One MiB, the unit of `captures.minimum_free_mib`.
const MIB: u64 = 1 << 20;

/// What it says, and the configuration to go on with.
pub(super) fn configuration(system: &System, path: &Path) -> (Finding, Config) {
    const WHAT: &str = "configuration";
    let Some(text) = system.text(path) else {
        if path != Path::new(config::PATH) {
            let detail = format!("{} cannot be read", path.display());
            let finding = Finding::bad(WHAT, detail).fix("give --config another file, or none");
            return (finding, Config::default());
        }
        let detail = format!("the built-in default: there is no {}", path.display());
        return (Finding::good(WHAT, detail), Config::default());
    };
    match Config::parse(&text, path) {
        Ok(config) => (Finding::good(WHAT, path.display().to_string()), config),
        Err(error) => {
            let finding = Finding::bad(WHAT, error.to_string())
                .fix("correct that line, then systemctl restart bayonetd");
            (finding, Config::default())
        }
    }
}

pub(super) async fn examine(
    system: &System,
    config: &Config,
    connection: &Connection,
) -> Vec<Finding> {
    let mut findings = running(connection).await;
    findings.extend(environment(system, config));
    findings.push(space(system, config));
    findings
}

async fn running(connection: &Connection) -> Vec<Finding> {
    const WHAT: &str = "bayonetd";
    let status = match Server::new(connection) {
        Ok(server) => server
            .get::<Status>("/v1/status")
            .await
            .map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            let finding = match error.downcast_ref::<client::Error>() {
                Some(client::Error::NotRunning { target }) => {
                    Finding::bad(WHAT, format!("it does not run: nobody listens at {target}"))
                        .fix("systemctl start bayonetd; if it ends again: journalctl -u bayonetd")
                }
                _ => Finding::bad(WHAT, format!("{error:#}"))
                    .fix("systemctl status bayonetd and journalctl -u bayonetd say more"),
            };
            return vec![finding];
        }
    };
    let own = env!("CARGO_PKG_VERSION");
    let version = &status.version;
    let bayonetd = if version == own {
        Finding::good(WHAT, format!("{version} runs"))
    } else {
        Finding::warning(WHAT, format!("{version} runs, and this is {own}"))
            .fix("systemctl restart bayonetd, or install both of the same version")
    };
    vec![bayonetd, module(&status)]
}

/// What `bayonetd` says of the module.
fn module(status: &Status) -> Finding {
    const WHAT: &str = "module";
    let module = &status.module;
    let state = word(&module.state);
    let detail = module
        .reason
        .as_ref()
        .map_or(state.clone(), |reason| format!("{state}: {reason}"));
    match module.state {
        ModuleState::Present | ModuleState::Absent | ModuleState::Detecting => {
            Finding::good(WHAT, detail)
        }
        ModuleState::NotConfigured => Finding::warning(WHAT, detail)
            .fix("see what is said of device tree and GPIO lines above"),
        ModuleState::Stalled | ModuleState::Flapping | ModuleState::Faulted => {
            Finding::bad(WHAT, detail).fix("unplug the module, look at its contacts, plug it again")
        }
        ModuleState::Stuck => Finding::bad(WHAT, detail).fix("end the process that holds it"),
        ModuleState::WrongSensor => Finding::bad(WHAT, detail)
            .fix("plug the module that the device tree names, or change the overlay"),
    }
}

/// Whether `bayonetd`, and so its camera processes, looks for the IPA module where it is.
fn environment(system: &System, config: &Config) -> Option<Finding> {
    const WHAT: &str = "bayonetd's IPA path";
    let mut lock = config.api.socket.as_os_str().to_owned();
    lock.push(".lock");
    let pid = system.text(Path::new(&lock))?;
    let bytes = match fs::read(system.path(format!("proc/{pid}/environ"))) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let skipped = Finding::skipped(WHAT, "its environment is not for this user to read");
            return Some(skipped.fix("run bayonet doctor as root"));
        }
        // It does not run, which was told above.
        Err(_) => return None,
    };
    let text = String::from_utf8_lossy(&bytes);
    let variables: BTreeMap<String, String> = text
        .split('\0')
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let found = libcamera::module_path(
        WHAT,
        &variables,
        system,
        &libcamera::installed_module(system),
    );
    Some(found.unwrap_or_else(|| Finding::good(WHAT, "its environment names none")))
}

fn space(system: &System, config: &Config) -> Finding {
    const WHAT: &str = "room for pictures";
    let directory = &config.captures.directory;
    let Ok(space) = statvfs(&system.path(directory)) else {
        return Finding::skipped(
            WHAT,
            format!("there is no {} yet; bayonetd makes it", directory.display()),
        );
    };
    // Both are as wide as a pointer, which is less than 64 bit on some boards.
    #[allow(
        clippy::unnecessary_cast,
        reason = "their width depends on the processor"
    )]
    let free = space.blocks_available() as u64 * space.fragment_size() as u64;
    let minimum = u64::from(config.captures.minimum_free) * MIB;
    let detail = format!("{} free in {}", bytes(free), directory.display());
    if free > minimum {
        return Finding::good(WHAT, detail);
    }
    let detail = format!(
        "{detail}, and {} have to stay free: no picture is taken",
        bytes(minimum)
    );
    Finding::bad(WHAT, detail).fix("delete pictures, or lower captures.minimum_free_mib")
}
