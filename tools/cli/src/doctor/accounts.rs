//! Users and groups: of camera processes, and of whoever looks.

use super::{Finding, System};
use bayonet_daemon::config::Config;

pub(super) fn examine(system: &System, config: &Config) -> Vec<Finding> {
    vec![process(system, config), control(system, config)]
}

fn process(system: &System, config: &Config) -> Finding {
    const WHAT: &str = "camera processes";
    let (user, group) = (&config.process.user, &config.process.group);
    if system.account("etc/passwd", user, 2).is_none() {
        return Finding::bad(WHAT, format!("there is no user {user} for them to run as")).fix(
            format!("useradd --system {user}, or configure another process.user"),
        );
    }
    if system.group(group).is_none() {
        return Finding::bad(
            WHAT,
            format!("there is no group {group} for them to run as"),
        )
        .fix(format!(
            "groupadd --system {group}, or configure another process.group"
        ));
    }
    let program = &config.process.program;
    if !system.exists(program) {
        return Finding::bad(WHAT, format!("{} is not installed", program.display()))
            .fix("install the package that it belongs to, or configure process.program");
    }
    Finding::good(WHAT, format!("{} as {user}:{group}", program.display()))
}

/// Whether whoever looks may control cameras.
fn control(system: &System, config: &Config) -> Finding {
    const WHAT: &str = "your rights";
    let group = &config.api.control_group;
    if system.user == 0 {
        return Finding::good(WHAT, "root may control the cameras");
    }
    match system.group(group) {
        Some(gid) if system.groups.contains(&gid) => Finding::good(
            WHAT,
            format!("you may control the cameras, as a member of {group}"),
        ),
        Some(_) => Finding::warning(
            WHAT,
            format!("you may look, not control: you are no member of {group}"),
        )
        .fix(format!(
            "sudo usermod --append --groups {group} $USER, then log in anew"
        )),
        None => Finding::warning(
            WHAT,
            format!("only root may control: there is no group {group}"),
        )
        .fix(format!(
            "sudo groupadd --system {group}; sudo usermod --append --groups {group} $USER"
        )),
    }
}
