//! The Unix socket's file, and the lock beside it that says whether its owner lives.
//!
//! The lock ends with the process that holds it, however it ends; the file of the lock stays, because removing it
//! would let two processes each hold a lock of that name. Whoever has the lock may replace a socket left behind.

use super::Error;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Everybody may connect; what they may do then is another question.
const MODE: u32 = 0o666;

/// A socket's file; removed when dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Socket {
    pub(super) fn bind(path: &Path) -> Result<(Self, UnixListener), Error> {
        let failed = |action, path: &Path| {
            let path = path.to_path_buf();
            move |error| Error::Socket {
                action,
                path,
                error,
            }
        };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed("make", directory))?;
        }
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(there) if there.file_type().is_socket() => {
                // Nobody holds the lock, yet somebody may have made a socket of this name without it.
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(Error::Running {
                        socket: path.into(),
                        pid: None,
                    });
                }
                fs::remove_file(path).map_err(failed("remove", path))?;
            }
            Ok(_) => return Err(Error::InTheWay { path: path.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("look at", path)(error)),
        }
        let listener = UnixListener::bind(path).map_err(failed("make", path))?;
        let socket = Self {
            path: path.into(),
            _lock: lock,
        };
        fs::set_permissions(path, Permissions::from_mode(MODE))
            .map_err(failed("open to everybody", path))?;
        Ok((socket, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be gone already, with its directory.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes the lock of a socket and writes our pid into it.
fn lock(socket: &Path) -> Result<Flock<File>, Error> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |error| Error::Socket {
        action: "lock",
        path: path.clone(),
        error,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut lock = match Flock::lock(file.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => lock,
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
            let pid = fs::read_to_string(&path)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            return Err(Error::Running {
                socket: socket.into(),
                pid,
            });
        }
        Err((_, errno)) => return Err(failed(errno.into())),
    };
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(lock)
}
