//! What can go wrong while preparing, each with what to do about it.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A failed preparation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Programs that the host must have are not installed.
    #[error(
        "missing on this system: {0}\n  install with: sudo apt-get install --no-install-recommends {0}"
    )]
    MissingPackages(String),
    /// The host is neither amd64 nor arm64.
    #[error("the board's build root exists for amd64 and arm64 hosts, not for {0}")]
    Architecture(&'static str),
    /// The second guest's program is not cross-compiled.
    #[error("the amd64 guest is prepared on amd64 hosts only")]
    NotAmd64,
    /// Neither root nor a user who may create namespaces.
    #[error("cannot build in a sandbox: {0}")]
    NoNamespaces(String),
    /// No place for the cache.
    #[error("no cache directory: set BAYONET_CACHE (or HOME) to a directory with {GIB} GiB free", GIB = super::NEEDED_SPACE >> 30)]
    NoCacheDirectory,
    /// The cache's file system is too full.
    #[error("{} has {free_mib} MiB free and {needed_mib} MiB are needed: free some or set BAYONET_CACHE to another disk", path.display())]
    NoSpace {
        /// Directory that will be filled.
        path: PathBuf,
        /// What is there.
        free_mib: u64,
        /// What the preparation takes.
        needed_mib: u64,
    },
    /// Another process holds the cache for too long.
    #[error("another build (process {holder}) has held {} for {} minutes: end it or set BAYONET_CACHE to another directory", path.display(), waited.as_secs() / 60)]
    CacheBusy {
        /// The lock file.
        path: PathBuf,
        /// Process that took it, as far as known.
        holder: String,
        /// How long this process waited.
        waited: Duration,
    },
    /// A tool ended with an error or could not be started.
    #[error("{step}: {reason}\n{tail}\n  full log: {}", log.display())]
    Tool {
        /// What was being done.
        step: String,
        /// Exit status, signal or time limit.
        reason: String,
        /// Last lines the tool wrote.
        tail: String,
        /// All it wrote.
        log: PathBuf,
    },
    /// The project's sources are needed and are not there.
    #[error("the project's sources are not at {}: set BAYONET_SOURCE to a checkout", .0.display())]
    NoSource(PathBuf),
    /// `guest.lock` and the packages differ, and `--locked` was asked for.
    #[error(
        "the installed packages differ from guest.lock:\n{0}\n  `bayonet-board build --update` records them"
    )]
    LockDiffers(String),
    /// Build root and guest were fetched while the archive moved.
    #[error(
        "the build root has headers for kernel {headers}, the guest has kernel {kernel}: run `bayonet-board build --update`"
    )]
    KernelDiffers {
        /// Release the modules were built for.
        headers: String,
        /// Release that boots.
        kernel: String,
    },
    /// A file of the archive is not what the recipe expects.
    #[error("{}: {problem}", path.display())]
    Unexpected {
        /// File or directory.
        path: PathBuf,
        /// What is missing or malformed.
        problem: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {reason}{}", path.display(), hint(reason))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
}

/// Result of a preparation.
pub type Result<T> = std::result::Result<T, Error>;

fn hint(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            " (make it writable or set BAYONET_CACHE to another directory)"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            " (free some space or set BAYONET_CACHE to another disk)"
        }
        _ => "",
    }
}

/// Turns an I/O error into an [`Error`] that names the file.
pub(super) trait AtPath<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|reason| Error::Io {
            action,
            path: path.to_path_buf(),
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unwritable_file_comes_with_advice() {
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = Err::<(), _>(denied)
            .at("create", Path::new("/cache/lock"))
            .unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot create /cache/lock: "), "{text}");
        assert!(text.contains("BAYONET_CACHE"), "{text}");
    }
}
