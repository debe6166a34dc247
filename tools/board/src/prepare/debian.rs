//! Debian systems in a directory, made by mmdebstrap from trixie and trixie-backports.
//!
//! mmdebstrap writes an archive that is unpacked as the calling user: the same files result with and without
//! root, and belong to the caller, who can therefore remove them. It runs in namespaces of its own, so that its
//! mounts and processes end with this process.

use super::cache::Key;
use super::error::{AtPath, Result};
use super::host::{self, Architecture, Privilege};
use super::lock::{self, Packages};
use super::tool::Steps;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SUITE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";
/// What comes from backports: the kernel, libcamera, QEMU with vfio-user, the Rust toolchain, and the schema tools
/// that read today's device tree bindings.
const PINS: &str = "\
Package: linux-*:any qemu-*:any seabios:any rustc:any cargo:any rust-clippy:any libstd-rust*:any libcamera*:any dt-schema:any
Pin: release n=trixie-backports
Pin-Priority: 900
";
/// Longest time for downloading and installing a root over a slow line.
const BOOTSTRAP_LIMIT: Duration = Duration::from_secs(40 * 60);
/// Longest time for unpacking a root onto a slow disk.
const UNPACK_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The list of a root's packages, as lines of `guest.lock`, beside the root.
const PACKAGES: &str = "packages";
/// Where the names of the downloaded archives are kept during the making.
const ARCHIVE_NAMES: &str = "var/lib/bayonet-archives";

/// Left out of every root: what nobody reads in a sandbox or over a serial console.
const EXCLUDED: [&str; 14] = [
    "./dev/*",
    "./usr/share/bash-completion",
    "./usr/share/doc/*",
    "./usr/share/doc-base",
    "./usr/share/fonts",
    "./usr/share/icons",
    "./usr/share/info",
    "./usr/share/lintian",
    "./usr/share/locale",
    "./usr/share/man",
    "./usr/share/zsh",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
];

/// How a root is made.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    /// Name in `guest.lock` and of the artefact.
    pub(super) name: &'static str,
    /// `essential` runs maintainer scripts, `extract` only unpacks.
    variant: &'static str,
    architectures: &'static str,
    packages: &'static [&'static str],
    /// Patterns of tar(1), besides [`EXCLUDED`].
    excluded: &'static [&'static str],
}

/// The build root for a host of this architecture.
///
/// `libclang` reads libcamera's headers for the bindings of the `libcamera` crate. `dt-schema` holds device trees
/// against the kernel's bindings.
pub(super) fn build_root(host: Architecture) -> Recipe {
    let excluded = &[
        "./usr/bin/*lto-dump*",
        "./usr/bin/qemu-system-arm",
        // libcamera links EGL, which loads these only where something is drawn.
        "./usr/lib/aarch64-linux-gnu/dri",
        "./usr/lib/aarch64-linux-gnu/libgallium*",
        "./usr/bin/rustdoc",
    ];
    match host {
        Architecture::Amd64 => Recipe {
            name: "build-root-amd64",
            variant: "essential",
            architectures: "amd64,arm64",
            packages: &[
                "busybox-static",
                "ca-certificates",
                "cargo",
                "device-tree-compiler",
                "dt-schema",
                "e2fsprogs",
                "g++-aarch64-linux-gnu",
                "gcc",
                "gcc-aarch64-linux-gnu",
                "kmod",
                "libc6-dev",
                "libc6-dev-arm64-cross",
                "libcamera-dev:arm64",
                "libclang-common-19-dev",
                "libclang1-19",
                "libstd-rust-dev:arm64",
                "linux-headers-arm64:arm64",
                "linux-source",
                "make",
                "pkgconf",
                "qemu-system-arm",
                "rust-clippy",
                "rustc",
                "xz-utils",
            ],
            excluded,
        },
        Architecture::Arm64 => Recipe {
            name: "build-root-arm64",
            variant: "essential",
            architectures: "arm64",
            packages: &[
                "busybox-static",
                "ca-certificates",
                "cargo",
                "device-tree-compiler",
                "dt-schema",
                "e2fsprogs",
                "g++",
                "gcc",
                "kmod",
                "libc6-dev",
                "libcamera-dev",
                "libclang-common-19-dev",
                "libclang1-19",
                "linux-headers-arm64",
                "linux-source",
                "make",
                "pkgconf",
                "qemu-system-arm",
                "rust-clippy",
                "rustc",
                "xz-utils",
            ],
            excluded,
        },
    }
}

/// The guest, which is only unpacked: its programs cannot run on every host.
pub(super) fn guest() -> Recipe {
    Recipe {
        name: "guest",
        variant: "extract",
        architectures: "arm64",
        packages: &[
            "busybox-static",
            "gpiod",
            "kmod",
            "libcamera-ipa",
            "libcamera-tools",
            "linux-image-arm64",
            "udev",
            "v4l-utils",
        ],
        excluded: super::guest::EXCLUDED,
    }
}

/// The kernel of the second guest, and what emulates its machine.
pub(super) fn amd64_guest() -> Recipe {
    Recipe {
        name: "amd64-guest",
        variant: "extract",
        architectures: "amd64",
        // QEMU of backports needs the firmware of backports.
        packages: &[
            "linux-image-amd64",
            "qemu-system-x86",
            "seabios/trixie-backports",
        ],
        excluded: super::amd64::EXCLUDED,
    }
}

impl Recipe {
    /// The key of a root made by this recipe while `guest.lock` records `locked` for it.
    pub(super) fn key(&self, locked: &str) -> Key {
        let start = Key::new().with(SUITE).with(MIRROR).with(PINS).with(locked);
        let start = start.with(self.variant).with(self.architectures);
        let lists = [&EXCLUDED[..], self.excluded, self.packages];
        lists.concat().into_iter().fold(start, Key::with)
    }

    /// Makes the root in `directory/root` and the list of its packages beside it.
    pub(super) fn make(&self, steps: &Steps, directory: &Path) -> Result<PathBuf> {
        let archive = directory.join("root.tar");
        let root = directory.join("root");
        let step = format!("{}: download and install", self.name);
        steps.run(&step, self.bootstrap(directory, &archive), BOOTSTRAP_LIMIT)?;
        fs::create_dir(&root).at("create", &root)?;
        let step = format!("{}: unpack", self.name);
        steps.run(&step, self.unpack(&archive, &root), UNPACK_LIMIT)?;
        fs::remove_file(&archive).at("remove", &archive)?;
        let mut lock = lock::Lock::default();
        lock.set(self.name, installed(&root)?);
        let list = directory.join(PACKAGES);
        fs::write(&list, lock.root_text(self.name)).at("write", &list)?;
        Ok(root)
    }

    /// The lines of `guest.lock` for the root made in `directory`.
    pub(super) fn packages_text(&self, directory: &Path) -> Result<String> {
        let list = directory.join(PACKAGES);
        fs::read_to_string(&list).at("read", &list)
    }

    fn bootstrap(&self, directory: &Path, archive: &Path) -> Command {
        let mut command = Command::new("setpriv");
        // The outer process ends with this one, and takes the namespaces' processes and mounts along.
        command.args(["--pdeathsig", "KILL", "unshare"]);
        if Privilege::current() == Privilege::User {
            command.args(host::ROOT_OF_OWN);
        }
        command.args(["--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]);
        command
            .args(["mmdebstrap", "--mode=root"])
            .env("TMPDIR", directory);
        command.args(["--format=tar", "--aptopt=APT::Install-Recommends \"false\""]);
        // A root that is not whole is thrown away, so nothing need reach the disk at once.
        command.arg("--dpkgopt=force-unsafe-io");
        command.arg(format!("--variant={}", self.variant));
        command.arg(format!("--architectures={}", self.architectures));
        command.arg(format!("--include={}", self.packages.join(",")));
        command.arg(format!(
            "--setup-hook=mkdir -p \"$1\"/etc/apt/preferences.d; \
             printf '%s' '{PINS}' > \"$1\"/etc/apt/preferences.d/backports"
        ));
        // A root that is only unpacked has no dpkg status: its archives' names are its packages.
        command.arg(format!(
            "--extract-hook=mkdir -p \"$1\"/var/lib; ls \"$1\"/var/cache/apt/archives > \"$1\"/{ARCHIVE_NAMES}"
        ));
        command.arg(SUITE).arg(archive);
        command.arg(format!("deb {MIRROR} {SUITE} main"));
        command.arg(format!("deb {MIRROR} {SUITE}-backports main"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command
    }

    fn unpack(&self, archive: &Path, root: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "tar", "--extract", "--file"]);
        command.arg(archive).arg("--directory").arg(root);
        command.args(["--no-same-owner", "--anchored", "--wildcards"]);
        for pattern in EXCLUDED.iter().chain(self.excluded) {
            command.arg(format!("--exclude={pattern}"));
        }
        command
    }
}

/// The packages of a root, from dpkg's status or the archives it was unpacked from.
fn installed(root: &Path) -> Result<Packages> {
    let read = |path: PathBuf| fs::read_to_string(&path).at("read", &path);
    let packages = lock::from_dpkg_status(&read(root.join("var/lib/dpkg/status"))?);
    if packages.is_empty() {
        return Ok(lock::from_archive_names(&read(root.join(ARCHIVE_NAMES))?));
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_and_its_lock_make_the_key() {
        let amd64 = build_root(Architecture::Amd64);
        assert_eq!(amd64.key("x"), amd64.clone().key("x"));
        assert_ne!(amd64.key("x"), amd64.key("y"));
        assert_ne!(amd64.key("x"), build_root(Architecture::Arm64).key("x"));
    }

    #[test]
    fn what_a_hook_quotes_has_no_quotes() {
        assert!(!PINS.contains('\''));
    }
}
