//! The host: its architecture, the programs it must have, the privileges a build needs.
//!
//! Nothing is installed from here; errors name the packages and the command.

use super::error::{Error, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// Programs a preparation starts on the host itself, with the Debian package of each.
///
/// `setpriv`, `unshare` (util-linux) and `tar` are in every Debian system and named for the others.
const PROGRAMS: [(&str, &str); 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("bwrap", "bubblewrap"),
    ("newuidmap", "uidmap"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("tar", "tar"),
];
/// Keys that the archive's signature is checked with, and their package.
const KEYRING: (&str, &str) = (
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "debian-archive-keyring",
);

/// Options of unshare(1), since util-linux 2.38, that make a user root of its subordinate ids.
pub(super) const ROOT_OF_OWN: [&str; 3] = ["--user", "--map-root-user", "--map-auto"];

/// A Debian architecture on which the board is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    /// PC; guest programs are cross-compiled.
    Amd64,
    /// Arm, as the guest is.
    Arm64,
}

impl Architecture {
    /// That of this process.
    pub(super) fn host() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::Amd64),
            "aarch64" => Ok(Self::Arm64),
            other => Err(Error::Architecture(other)),
        }
    }
}

/// How a build gets its privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privilege {
    /// The process is root.
    Root,
    /// User namespaces.
    User,
}

impl Privilege {
    /// That of this process.
    pub(super) fn current() -> Self {
        if nix::unistd::Uid::effective().is_root() {
            Self::Root
        } else {
            Self::User
        }
    }
}

/// Fails unless everything that a build needs of the host is there.
pub(crate) fn check() -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps administrators' programs out of a user's PATH.
    let places: Vec<_> = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .collect();
    let installed = |program: &str| places.iter().any(|place| place.join(program).is_file());
    let mut missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !installed(program))
        .map(|&(_, package)| package)
        .collect();
    if !Path::new(KEYRING.0).exists() {
        missing.push(KEYRING.1);
    }
    missing.dedup();
    if !missing.is_empty() {
        return Err(Error::MissingPackages(missing.join(" ")));
    }
    check_sandbox()?;
    match Privilege::current() {
        Privilege::Root => Ok(()),
        Privilege::User => check_subordinate_ids(),
    }
}

/// Whether bubblewrap can make a sandbox here.
fn check_sandbox() -> Result<()> {
    let mut probe = Command::new("bwrap");
    probe.args(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]);
    probe.args(["--unshare-pid", "true"]).stdin(Stdio::null());
    let output = probe
        .output()
        .map_err(|error| Error::NoNamespaces(format!("cannot start bwrap: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::NoNamespaces(format!(
        "bwrap says `{}`.\n  {}",
        said.trim(),
        namespace_advice(|name| std::fs::read_to_string(Path::new("/proc/sys").join(name)).ok())
    )))
}

/// What to change so that namespaces can be made, by the kernel's settings that forbid them.
fn namespace_advice(setting: impl Fn(&str) -> Option<String>) -> String {
    let is = |name: &str, value: &str| setting(name).is_some_and(|text| text.trim() == value);
    if is("kernel/unprivileged_userns_clone", "0") {
        "User namespaces are switched off: sudo sysctl kernel.unprivileged_userns_clone=1"
    } else if is("user/max_user_namespaces", "0") {
        "User namespaces are switched off: sudo sysctl user.max_user_namespaces=15000"
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor forbids user namespaces: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    } else {
        "In a container, allow user and mount namespaces (docker run --privileged); else run as root."
    }
    .to_owned()
}

/// Whether the user has the subordinate ids that [`ROOT_OF_OWN`] maps.
fn check_subordinate_ids() -> Result<()> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::current())
        .ok()
        .flatten();
    let Some(user) = user else {
        return Err(Error::NoNamespaces("this user has no name".to_owned()));
    };
    for file in ["/etc/subuid", "/etc/subgid"] {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if !has_range(&text, &user.name, user.uid.as_raw()) {
            return Err(Error::NoNamespaces(format!(
                "{file} gives {name} no ids: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}",
                name = user.name
            )));
        }
    }
    Ok(())
}

/// Whether a file in the format of subuid(5) has a line for the user.
fn has_range(text: &str, name: &str, uid: u32) -> bool {
    let uid = uid.to_string();
    text.lines()
        .filter_map(|line| line.split(':').next())
        .any(|owner| owner == name || owner == uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_setting_that_forbids() {
        let with = |forbidding: &'static str, value: &'static str| {
            namespace_advice(move |name| (name == forbidding).then(|| format!("{value}\n")))
        };
        for (name, value) in [
            ("kernel/unprivileged_userns_clone", "0"),
            ("user/max_user_namespaces", "0"),
            ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ] {
            assert!(with(name, value).contains(&name.replace('/', ".")));
        }
        assert!(with("user/max_user_namespaces", "96365").contains("container"));
    }

    #[test]
    fn subordinate_ids_belong_to_a_name_or_a_number() {
        let text = "anna:100000:65536\n1001:165536:65536\n";
        assert!(has_range(text, "anna", 1000));
        assert!(has_range(text, "bert", 1001));
        assert!(!has_range(text, "ann", 1002));
    }
}
