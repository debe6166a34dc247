//! Where the sockets of a running board live, and how `ctl` finds them.
//!
//! Every board has a directory of its own, `board-XXXXXX`, in the user's socket directory. It is removed when
//! the board ends; one left behind by a killed board is swept away by the next.

use super::MachineError;
use nix::unistd::Uid;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// `sizeof(sockaddr_un.sun_path)` less the final zero (`unix(7)`).
pub(crate) const SOCKET_PATH_LIMIT: usize = 107;
const PREFIX: &str = "board-";
const ORDERS: &str = "orders.socket";
const PRIVATE: u32 = 0o700;

/// The directory of one running board, removed on drop.
#[derive(Debug)]
pub struct RunDirectory {
    directory: tempfile::TempDir,
}

impl RunDirectory {
    /// A new directory in [`socket_directory`].
    ///
    /// # Errors
    /// When the directory cannot be made, belongs to another user or makes for too long socket paths.
    pub fn create() -> Result<Self, MachineError> {
        Self::create_in(&socket_directory())
    }

    fn create_in(base: &Path) -> Result<Self, MachineError> {
        let what = || format!("making the socket directory {}", base.display());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE)
            .create(base)
            .map_err(MachineError::host(what()))?;
        let owner = fs::metadata(base)
            .map_err(MachineError::host(what()))?
            .uid();
        if owner != Uid::effective().as_raw() {
            return Err(MachineError::ForeignDirectory {
                path: base.to_owned(),
                owner,
            });
        }
        for orders in boards_below(base).filter(|orders| !answers(orders)) {
            if let Some(stale) = orders.parent() {
                let _ = fs::remove_dir_all(stale);
            }
        }
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(PRIVATE))
            .tempdir_in(base)
            .map_err(MachineError::host(what()))?;
        let run = Self { directory };
        check_length(&run.orders_socket())?;
        Ok(run)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Socket on which orders to the board are taken.
    pub fn orders_socket(&self) -> PathBuf {
        self.path().join(ORDERS)
    }

    /// Socket between QEMU and the board's PCI device.
    pub fn device_socket(&self) -> PathBuf {
        self.path().join("rp1.socket")
    }

    /// Socket between QEMU and the host's side of the agent.
    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.path().join("agent.socket")
    }

    /// What the guest's console said, for `tail -f` while the board runs.
    pub fn console_log(&self) -> PathBuf {
        self.path().join("console.log")
    }
}

/// The user's directory for boards: `$XDG_RUNTIME_DIR/bayonet`, else `/run/bayonet` for root, else
/// `/tmp/bayonet-UID`.
pub fn socket_directory() -> PathBuf {
    let user = Uid::effective();
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if !runtime.is_empty() => Path::new(&runtime).join("bayonet"),
        _ if user.is_root() => "/run/bayonet".into(),
        _ => format!("/tmp/bayonet-{user}").into(),
    }
}

/// Order sockets of all boards of this user that answer.
pub fn running_boards() -> Vec<PathBuf> {
    let mut boards: Vec<_> = boards_below(&socket_directory())
        .filter(|path| answers(path))
        .collect();
    boards.sort();
    boards
}

fn boards_below(base: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path().join(ORDERS))
        // A board that is just starting has a directory but no socket yet.
        .filter(|orders| orders.exists())
}

/// Whether somebody listens on a socket.
pub(crate) fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// Refuses paths that no socket can be bound to.
pub(crate) fn check_length(path: &Path) -> Result<(), MachineError> {
    if path.as_os_str().len() > SOCKET_PATH_LIMIT {
        return Err(MachineError::PathTooLong {
            path: path.to_owned(),
            limit: SOCKET_PATH_LIMIT,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn stale_boards_are_swept_and_living_ones_kept() {
        let base = tempfile::tempdir().unwrap();
        let living = RunDirectory::create_in(base.path()).unwrap();
        let _listener = UnixListener::bind(living.orders_socket()).unwrap();
        let starting = RunDirectory::create_in(base.path()).unwrap();
        let stale = base.path().join("board-stale");
        fs::create_dir(&stale).unwrap();
        drop(UnixListener::bind(stale.join(ORDERS)).unwrap());
        let run = RunDirectory::create_in(base.path()).unwrap();
        assert!(!stale.exists());
        assert!(living.path().exists() && starting.path().exists());
        assert_eq!(fs::metadata(run.path()).unwrap().mode() & 0o777, PRIVATE);
        let path = run.path().to_owned();
        drop(run);
        assert!(!path.exists());
    }

    #[test]
    fn long_paths_are_refused_before_bind_does() {
        let base = tempfile::tempdir().unwrap();
        let error = RunDirectory::create_in(&base.path().join("x".repeat(100))).unwrap_err();
        assert!(matches!(error, MachineError::PathTooLong { .. }), "{error}");
    }
}
