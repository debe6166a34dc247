//! Modules of others. libcamera starts the worker it finds first for every module of an interface, so ours is started
//! for the distribution's module as well, and lets the distribution's worker run that.

use crate::module::ipaModuleInfo;
use std::env::consts::ARCH;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a module could not be handed over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module cannot be read.
    #[error("module {}: {why}", .module.display())]
    Module {
        /// Path of the module.
        module: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// There is no other worker.
    #[error(
        "module {} is not Bayonet's, and there is no other worker `{}` to run it; looked in {}",
        .module.display(), .worker.display(), .directories.join(", ")
    )]
    NoWorker {
        /// Path of the module.
        module: PathBuf,
        /// Name of the worker.
        worker: OsString,
        /// Where it was looked for.
        directories: Vec<String>,
    },
    /// The other worker cannot be started.
    #[error("worker {}: {why}", .worker.display())]
    Start {
        /// Path of the worker.
        worker: PathBuf,
        /// Why.
        why: io::Error,
    },
}

/// Whether a module, or a worker, is ours: such a file holds our module's description.
pub fn is_ours(file: &Path) -> io::Result<bool> {
    let bytes = fs::read(file)?;
    Ok(bytes
        .windows(ipaModuleInfo.len())
        .any(|window| window == ipaModuleInfo))
}

/// Where workers are installed: `libcamera` in the directory for programs that are not started by hand, which is
/// `libexec`, in Debian below it one for the architecture, or in older distributions a library directory (libcamera
/// 0.7.1, `meson.build`: `libexecdir`). What was installed with the module comes first, for it is of the same libcamera.
pub fn directories(module: &Path) -> Vec<String> {
    let mut prefixes = ["/usr", "/usr/local"];
    if module.starts_with(prefixes[1]) {
        prefixes.reverse();
    }
    let mut directories = Vec::new();
    for prefix in prefixes {
        let triplet = format!("{ARCH}-linux-gnu");
        let of_architecture = ["libexec", "lib"].map(|directory| format!("{directory}/{triplet}"));
        let plain = ["libexec", "lib64", "lib"].map(str::to_owned);
        for directory in of_architecture.into_iter().chain(plain) {
            directories.push(format!("{prefix}/{directory}/libcamera"));
        }
    }
    directories
}

/// The first worker of this name that is not ours.
pub fn find(worker: &OsStr, directories: &[String]) -> Option<PathBuf> {
    directories
        .iter()
        .map(|directory| Path::new(directory).join(worker))
        // A copy of ours would hand over to us again, and so on.
        .find(|path| matches!(is_ours(path), Ok(false)))
}

/// Becomes the distribution's worker of the same name, if the module is not ours. Returns only when nothing was, or
/// could be, handed over; the socket must still be as libcamera left it.
pub fn unless_ours(worker: &OsStr, module: &Path, socket: &OsStr) -> Result<(), Error> {
    let ours = is_ours(module).map_err(|why| Error::Module {
        module: module.into(),
        why,
    })?;
    if ours {
        return Ok(());
    }
    let directories = directories(module);
    let Some(path) = find(worker, &directories) else {
        return Err(Error::NoWorker {
            module: module.into(),
            worker: worker.into(),
            directories,
        });
    };
    log::info!("module {} is run by {}", module.display(), path.display());
    let why = Command::new(&path).arg(module).arg(socket).exec();
    Err(Error::Start { worker: path, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_known_by_what_they_hold() {
        let ourselves = std::env::current_exe().unwrap();
        assert!(is_ours(&ourselves).unwrap());
        assert!(!is_ours(Path::new("/bin/sh")).unwrap());
        assert!(is_ours(Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn our_own_worker_is_passed_over() {
        let ourselves = std::env::current_exe().unwrap();
        let directory = ourselves.parent().unwrap().to_str().unwrap().to_owned();
        let name = ourselves.file_name().unwrap();
        assert_eq!(find(name, std::slice::from_ref(&directory)), None);

        let directories = [directory, "/nonexistent".into(), "/bin".into()];
        assert_eq!(find(name, &directories), None);
        assert_eq!(find(OsStr::new("sh"), &directories), Some("/bin/sh".into()));
    }

    #[test]
    fn the_module_s_own_installation_comes_first() {
        let first = |module| directories(Path::new(module)).remove(0);
        let expected = |prefix| format!("{prefix}/libexec/{ARCH}-linux-gnu/libcamera");
        assert_eq!(
            first("/usr/lib/libcamera/ipa_soft_simple.so"),
            expected("/usr")
        );
        assert_eq!(first("/usr/local/lib/ipa.so"), expected("/usr/local"));
    }

    #[test]
    fn a_module_that_nobody_runs_is_said_with_the_places() {
        let worker = OsStr::new("no_such_ipa_proxy");
        let refused = unless_ours(worker, Path::new("/bin/sh"), OsStr::new("3")).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.starts_with("module /bin/sh is not Bayonet's"),
            "{text}"
        );
        assert!(text.contains("/usr/libexec/libcamera,"), "{text}");
    }
}
