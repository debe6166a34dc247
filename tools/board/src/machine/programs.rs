//! Where QEMU comes from: the build root, or the user's own.

use super::MachineError;
use super::process::output_within;
use crate::prepare::{BuildRoot, check_host};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Name of the emulator in the build root.
const QEMU: &str = "qemu-system-aarch64";
/// First QEMU with the vfio-user client.
const NEEDED: (u32, u32) = (11, 1);
/// Time for QEMU to tell about itself.
pub(crate) const ASKING: Duration = Duration::from_secs(30);
/// Signal for programs whose parent is gone.
const DEATH_SIGNAL: &str = "KILL";

/// A QEMU and how to run it.
#[derive(Clone, Debug)]
pub enum Programs {
    /// The build root's, in a sandbox.
    BuildRoot(BuildRoot),
    /// The user's own binary.
    Host(PathBuf),
}

/// A file or directory of the host that a program needs, at the same path inside a sandbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bind<'a> {
    pub(crate) path: &'a Path,
    pub(crate) writable: bool,
}

impl Programs {
    /// The command that runs QEMU with these arguments and binds, and with this system's network if need be. It ends
    /// when the thread that spawned it does.
    pub(crate) fn command(
        &self,
        arguments: &[String],
        binds: &[Bind<'_>],
        network: bool,
    ) -> Command {
        match self {
            Self::Host(program) => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--pdeathsig", DEATH_SIGNAL, "--"])
                    .arg(program)
                    .args(arguments);
                command
            }
            Self::BuildRoot(root) => {
                let sandbox = root.command(QEMU).args(arguments);
                let sandbox = match network {
                    true => sandbox.network(),
                    false => sandbox,
                };
                let bound = binds
                    .iter()
                    .fold(sandbox, |sandbox, bind| match bind.writable {
                        true => sandbox.bind(bind.path, bind.path),
                        false => sandbox.bind_read_only(bind.path, bind.path),
                    });
                bound.build()
            }
        }
    }

    /// Refuses a QEMU that cannot be run or lacks vfio-user.
    ///
    /// # Errors
    /// [`MachineError::QemuMissing`], [`MachineError::QemuTooOld`].
    pub fn check(&self) -> Result<(), MachineError> {
        let output = output_within(&mut self.command(&["--version".into()], &[], false), ASKING)
            .map_err(|error| self.missing(&error.to_string()))?;
        if !output.status.success() {
            return Err(self.missing(&String::from_utf8_lossy(&output.stderr)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        match version(&text) {
            Some(version) if version >= NEEDED => Ok(()),
            Some((major, minor)) => Err(MachineError::QemuTooOld {
                program: self.name(),
                found: format!("{major}.{minor}"),
            }),
            None => Err(self.missing("it does not tell its version")),
        }
    }

    /// The error for a QEMU that cannot be run, with what to do about it.
    pub(crate) fn missing(&self, reason: &str) -> MachineError {
        let remedy = match self {
            Self::Host(_) => "leave out --qemu to use the one of the build root".to_owned(),
            Self::BuildRoot(root) => match check_host() {
                Err(cause) => cause.to_string(),
                Ok(()) => format!(
                    "if it is damaged, remove {} and run `bayonet-board build`",
                    root.path().display()
                ),
            },
        };
        MachineError::QemuMissing {
            program: self.name(),
            reason: reason.trim().to_owned(),
            remedy,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Host(program) => program.display().to_string(),
            Self::BuildRoot(root) => format!("{QEMU} of the build root {}", root.path().display()),
        }
    }
}

/// Major and minor version out of `QEMU emulator version 11.1.3 (Debian ...)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once("version ")?;
    let mut numbers = rest.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn versions() {
        assert_eq!(
            version("QEMU emulator version 11.1.3 (Debian 1:11.1.3)"),
            Some((11, 1))
        );
        assert_eq!(
            version("QEMU emulator version 7.2.19\nCopyright"),
            Some((7, 2))
        );
        assert_eq!(version("QEMU"), None);
    }

    #[test]
    fn old_and_missing_emulators_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("qemu");
        let write = |text: &str| {
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        };
        let check = || Programs::Host(program.clone()).check();
        assert!(matches!(check(), Err(MachineError::QemuMissing { .. })));
        write("#!/bin/sh\necho QEMU emulator version 11.0.9\n");
        let error = check().unwrap_err().to_string();
        assert!(error.contains("is QEMU 11.0, but 11.1"), "{error}");
        write("#!/bin/sh\necho QEMU emulator version 12.0.0\n");
        check().unwrap();
    }
}
