//! The build root: a Debian system in a directory whose programs run in a sandbox.
//!
//! Bubblewrap gives every program its own mounts and processes: the build root's `/usr` and `/etc` read-only,
//! an empty `/tmp`, and what the caller binds. When the thread that started a program ends, for whatever reason,
//! the kernel ends the program and its children, and the mounts go with them.
//! The sandbox is for tidiness, not for security: programs of the archive are trusted.

use super::host::Privilege;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files of the host that a program with network sees in the place of the build root's.
const HOST_NETWORK_FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"];

/// A Debian system in a directory, with compilers, QEMU and device tree tools.
#[derive(Clone, Debug)]
pub struct BuildRoot {
    root: PathBuf,
}

impl BuildRoot {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the build root is on the host.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Whether the build root has this file (an absolute path inside it).
    pub(super) fn has(&self, inside: &str) -> bool {
        self.root.join(inside.trim_start_matches('/')).exists()
    }

    /// Prepares to run `program` of the build root, with nothing of the host in reach yet.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Sandbox {
        Sandbox {
            root: self.root.clone(),
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            settings: Vec::new(),
            network: false,
        }
    }
}

/// A program of the build root about to run; [`Sandbox::build`] makes it a [`Command`].
///
/// Inside, the user has the number 0 and files of the host that belong to the caller appear as root's.
#[derive(Clone, Debug)]
pub struct Sandbox {
    root: PathBuf,
    program: OsString,
    arguments: Vec<OsString>,
    settings: Vec<OsString>,
    network: bool,
}

impl Sandbox {
    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = I>) -> Self {
        let owned = arguments.into_iter().map(|item| item.as_ref().to_owned());
        self.arguments.extend(owned);
        self
    }

    /// Sets an environment variable; none is inherited.
    #[must_use]
    pub fn env(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.setting("--setenv", name, value)
    }

    /// Lets the program read `host` (a file or directory that exists) as `inside`.
    ///
    /// `inside` must not lie below `/usr` or `/etc`, unless it exists there.
    #[must_use]
    pub fn bind_read_only(self, host: &Path, inside: impl AsRef<Path>) -> Self {
        self.setting("--ro-bind", host, inside.as_ref())
    }

    /// Lets the program read and write `host` (a file or directory that exists) as `inside`.
    ///
    /// The same limits as for [`Self::bind_read_only`] apply. Unix sockets in a bound directory work both ways.
    #[must_use]
    pub fn bind(self, host: &Path, inside: impl AsRef<Path>) -> Self {
        self.setting("--bind", host, inside.as_ref())
    }

    /// Starts the program in this directory instead of `/`.
    #[must_use]
    pub fn current_dir(mut self, inside: impl AsRef<OsStr>) -> Self {
        let directory = inside.as_ref().to_owned();
        self.settings.extend([OsString::from("--chdir"), directory]);
        self
    }

    /// Gives the program the host's network, its resolver, certificates and proxy variables.
    #[must_use]
    pub fn network(mut self) -> Self {
        self.network = true;
        self
    }

    fn setting(
        mut self,
        option: &str,
        first: impl AsRef<OsStr>,
        second: impl AsRef<OsStr>,
    ) -> Self {
        self.settings.push(option.into());
        self.settings.push(first.as_ref().to_owned());
        self.settings.push(second.as_ref().to_owned());
        self
    }

    /// The command that runs the program in its sandbox.
    ///
    /// The program ends when the *thread* that spawns the command ends, so spawn it from one that stays. To end
    /// it earlier, kill the command's process: nothing of the sandbox outlives it. Standard streams are the
    /// command's own.
    pub fn build(self) -> Command {
        self.build_as(Privilege::current())
    }

    fn build_as(self, privilege: Privilege) -> Command {
        let mut command = Command::new("bwrap");
        command.args([
            "--die-with-parent",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
        ]);
        if privilege == Privilege::User {
            command.args(["--unshare-user", "--uid", "0", "--gid", "0"]);
        }
        for directory in ["usr", "etc"] {
            let inside = Path::new("/").join(directory);
            command
                .arg("--ro-bind")
                .arg(self.root.join(directory))
                .arg(inside);
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            command.args(["--symlink", &format!("usr/{name}"), &format!("/{name}")]);
        }
        command.args([
            "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--dir", "/var/tmp", "--dir",
            "/root",
        ]);
        command.args(["--clearenv", "--setenv", "PATH", "/usr/bin:/usr/sbin"]);
        command.args(["--setenv", "HOME", "/root", "--setenv", "LC_ALL", "C.UTF-8"]);
        if self.network {
            // The host's resolver and certificates replace Debian's: they know the network.
            for file in HOST_NETWORK_FILES {
                command.args(["--ro-bind-try", file, file]);
            }
            for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy"] {
                if let Some(value) = std::env::var_os(name) {
                    command.args(["--setenv", name]).arg(value);
                }
            }
        } else {
            command.arg("--unshare-net");
        }
        command.args(self.settings).arg("--").arg(self.program);
        command.args(self.arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sandbox: Sandbox, privilege: Privilege) -> Vec<String> {
        let command = sandbox.build_as(privilege);
        let words = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned());
        words.collect()
    }

    fn has(words: &[String], sequence: &[&str]) -> bool {
        words
            .windows(sequence.len())
            .any(|window| window == sequence)
    }

    #[test]
    fn the_program_comes_last_and_keeps_its_arguments_in_order() {
        let root = BuildRoot::new("/cache/root".into());
        let run = root.command("dtc").arg("-O").args(["dtb", "in.dts"]);
        let words = words(run.bind(Path::new("/run/x"), "/x"), Privilege::Root);
        assert!(words.ends_with(&["--", "dtc", "-O", "dtb", "in.dts"].map(String::from)));
        assert!(has(&words, &["--bind", "/run/x", "/x"]));
        assert!(has(&words, &["--ro-bind", "/cache/root/usr", "/usr"]));
    }

    #[test]
    fn only_a_user_needs_a_user_namespace() {
        let command = || BuildRoot::new("/cache/root".into()).command("true");
        assert!(has(&words(command(), Privilege::User), &["--unshare-user"]));
        assert!(!has(
            &words(command(), Privilege::Root),
            &["--unshare-user"]
        ));
    }

    #[test]
    fn the_network_is_off_unless_asked_for() {
        let command = || BuildRoot::new("/cache/root".into()).command("cargo");
        assert!(has(&words(command(), Privilege::Root), &["--unshare-net"]));
        assert!(!has(
            &words(command().network(), Privilege::Root),
            &["--unshare-net"]
        ));
    }
}
