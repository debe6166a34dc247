//! The cache directory: finished artefacts by name and key, one builder at a time.
//!
//! An artefact is a directory `NAME-KEY`. It is built as `NAME.partial` and renamed when whole, so whatever
//! carries its final name is complete; a partial one is the rest of a build that was interrupted and is removed.
//! The two most recently used artefacts of each name are kept. The cache knows nothing of what is inside.

use super::error::{AtPath, Error, Result};
use super::host;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// How many artefacts of one name are kept: switching between two checkouts rebuilds nothing.
const KEPT: usize = 2;
/// Longest wait for another build: more than a whole preparation takes on a slow machine.
const LOCK_PATIENCE: Duration = Duration::from_secs(60 * 60);
/// How often a held lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(250);

/// A cache directory.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// The right to change the cache; given back when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct CacheLock {
    _file: Flock<File>,
}

impl Cache {
    /// Opens `$BAYONET_CACHE`, else `$XDG_CACHE_HOME/bayonet`, else `~/.cache/bayonet`.
    ///
    /// # Errors
    /// [`Error::NoCacheDirectory`] where no variable is set, [`Error::Io`] where it cannot be made.
    pub fn open() -> Result<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let root = variable("BAYONET_CACHE")
            .map(PathBuf::from)
            .or_else(|| variable("XDG_CACHE_HOME").map(|home| Path::new(&home).join("bayonet")))
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache/bayonet")))
            .ok_or(Error::NoCacheDirectory)?;
        Self::at(&root)
    }

    /// Opens the cache in `root`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] where the directory cannot be made.
    pub fn at(root: &Path) -> Result<Self> {
        let logs = root.join("logs");
        fs::create_dir_all(&logs).at("create", &logs)?;
        let root = root.canonicalize().at("open", root)?;
        Ok(Self { root })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Where the tools' full logs are.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Takes the cache for building, waiting up to an hour for another build to finish.
    ///
    /// `waiting` is called with the holder's process number again and again while the wait lasts.
    ///
    /// # Errors
    /// [`Error::CacheBusy`] after the wait, [`Error::Io`] where the lock file cannot be written.
    pub fn lock(&self, waiting: impl FnMut(&str)) -> Result<CacheLock> {
        self.lock_within(LOCK_PATIENCE, waiting)
    }

    fn lock_within(&self, patience: Duration, mut waiting: impl FnMut(&str)) -> Result<CacheLock> {
        let path = self.root.join("lock");
        let began = Instant::now();
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .at("open", &path)?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut held) => {
                    held.set_len(0).at("write", &path)?;
                    write!(*held, "{}", std::process::id()).at("write", &path)?;
                    return Ok(CacheLock { _file: held });
                }
                Err((returned, nix::errno::Errno::EWOULDBLOCK)) => file = returned,
                Err((_, errno)) => return Err(errno.into()).at("lock", &path),
            }
            let holder = fs::read_to_string(&path).unwrap_or_default();
            if began.elapsed() >= patience {
                return Err(Error::CacheBusy {
                    path,
                    holder,
                    waited: patience,
                });
            }
            waiting(&holder);
            std::thread::sleep(LOCK_RETRY.min(patience));
        }
    }

    /// Fails unless `bytes` are free in `directory`.
    ///
    /// # Errors
    /// [`Error::NoSpace`] with both numbers.
    pub fn require_space(directory: &Path, bytes: u64) -> Result<()> {
        let stat = nix::sys::statvfs::statvfs(directory)
            .map_err(std::io::Error::from)
            .at("examine", directory)?;
        let free = stat.blocks_available() * stat.fragment_size();
        if free < bytes {
            return Err(Error::NoSpace {
                path: directory.to_path_buf(),
                free_mib: free >> 20,
                needed_mib: bytes >> 20,
            });
        }
        Ok(())
    }

    /// The finished artefact, marked as used now.
    pub fn find(&self, name: &str, key: Key) -> Option<PathBuf> {
        let path = self.artefact(name, key);
        // A cache that can only be read still serves: the mark is worth no error.
        let _ = File::open(&path).and_then(|dir| dir.set_modified(SystemTime::now()));
        path.is_dir().then_some(path)
    }

    /// Builds an artefact in a fresh directory; `build` fills it and names its key.
    ///
    /// # Errors
    /// Those of `build`, whose directory is then removed.
    pub fn build(
        &self,
        _lock: &CacheLock,
        name: &str,
        build: impl FnOnce(&Path) -> Result<Key>,
    ) -> Result<PathBuf> {
        let partial = self.root.join(format!("{name}.partial"));
        remove(&partial)?;
        fs::create_dir(&partial).at("create", &partial)?;
        let key = build(&partial).inspect_err(|_| {
            // The first error is the one to tell; what is left here goes at the next build.
            let _ = remove(&partial);
        })?;
        let path = self.artefact(name, key);
        remove(&path)?;
        fs::rename(&partial, &path).at("rename", &partial)?;
        self.prune(name, &path)?;
        Ok(path)
    }

    fn artefact(&self, name: &str, key: Key) -> PathBuf {
        self.root.join(format!("{name}-{key}"))
    }

    /// Removes all but the [`KEPT`] most recently used artefacts of `name`; `current` always stays.
    fn prune(&self, name: &str, current: &Path) -> Result<()> {
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.root).at("list", &self.root)? {
            let path = entry.at("list", &self.root)?.path();
            let file_name = path.file_name().unwrap_or_default().to_string_lossy();
            if path != current && is_artefact(&file_name, name) {
                let used = path.metadata().and_then(|data| data.modified());
                others.push((used.at("examine", &path)?, path));
            }
        }
        others.sort();
        for (_, path) in others.iter().rev().skip(KEPT - 1) {
            remove(path)?;
        }
        Ok(())
    }
}

fn is_artefact(file_name: &str, name: &str) -> bool {
    file_name
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|key| key.len() == 16 && key.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        // An interrupted bootstrap leaves files of the user's subordinate ids.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let mut rm = Command::new("unshare");
            rm.args(host::ROOT_OF_OWN)
                .args(["rm", "-rf", "--"])
                .arg(path);
            match rm.stderr(Stdio::null()).status() {
                Ok(status) if status.success() => Ok(()),
                _ => Err(error).at("remove", path),
            }
        }
        result => result.at("remove", path),
    }
}

/// What an artefact was made from, as one number: another input gives another key.
///
/// The hash is FNV-1a with 64 bits (RFC 9923), which never changes with the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    /// The key of no input.
    pub const fn new() -> Self {
        Self(Self::OFFSET_BASIS)
    }

    /// The key with one more input; inputs do not run into each other.
    #[must_use]
    pub fn with(self, input: impl AsRef<[u8]>) -> Self {
        let input = input.as_ref();
        let length = (input.len() as u64).to_le_bytes();
        Self(length.iter().chain(input).fold(self.0, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(Self::PRIME)
        }))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path()).unwrap();
        (directory, cache)
    }

    #[test]
    fn an_artefact_is_found_by_its_key_alone() {
        let (_directory, cache) = cache();
        let lock = cache.lock(|_| ()).unwrap();
        let key = Key::new().with("one");
        let path = cache
            .build(&lock, "image", |partial| {
                fs::write(partial.join("data"), "x").unwrap();
                Ok(key)
            })
            .unwrap();
        assert_eq!(cache.find("image", key), Some(path.clone()));
        assert_eq!(cache.find("image", Key::new().with("two")), None);
        assert_eq!(fs::read(path.join("data")).unwrap(), b"x");
    }

    #[test]
    fn a_failed_build_leaves_nothing_and_an_old_partial_goes() {
        let (_directory, cache) = cache();
        let lock = cache.lock(|_| ()).unwrap();
        let partial = cache.path().join("image.partial");
        fs::create_dir(&partial).unwrap();
        fs::write(partial.join("rest"), "of an interrupted build").unwrap();
        let failed = cache.build(&lock, "image", |partial| {
            assert_eq!(fs::read_dir(partial).unwrap().count(), 0);
            Err(Error::NoCacheDirectory)
        });
        assert!(matches!(failed, Err(Error::NoCacheDirectory)));
        assert!(!partial.exists());
    }

    #[test]
    fn the_two_last_used_of_a_name_stay() {
        let (_directory, cache) = cache();
        let lock = cache.lock(|_| ()).unwrap();
        let keys = ["a", "b", "c"].map(|text| Key::new().with(text));
        for (age, key) in keys.iter().enumerate() {
            let path = cache.build(&lock, "image", |_| Ok(*key)).unwrap();
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(age as u64);
            File::open(path).unwrap().set_modified(used).unwrap();
        }
        cache.build(&lock, "image-2", |_| Ok(keys[0])).unwrap();
        assert!(!cache.artefact("image", keys[0]).exists());
        assert!(cache.artefact("image", keys[1]).exists());
        assert!(cache.artefact("image", keys[2]).exists());
        assert!(cache.artefact("image-2", keys[0]).exists());
    }

    #[test]
    fn a_second_builder_waits_and_learns_who_builds() {
        let (_directory, cache) = cache();
        let lock = cache.lock(|_| ()).unwrap();
        let mut seen = String::new();
        let busy = cache.lock_within(Duration::ZERO, |holder| seen = holder.to_owned());
        let Err(Error::CacheBusy { holder, .. }) = busy else {
            panic!("{busy:?}");
        };
        assert_eq!(holder, std::process::id().to_string());
        drop(lock);
        cache.lock_within(Duration::ZERO, |_| ()).unwrap();
    }

    #[test]
    fn a_full_disk_is_told_before_the_work() {
        let (directory, _) = cache();
        Cache::require_space(directory.path(), 0).unwrap();
        let error = Cache::require_space(directory.path(), u64::MAX).unwrap_err();
        assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    }

    #[test]
    fn inputs_of_a_key_do_not_run_together() {
        assert_ne!(
            Key::new().with("ab").with("c"),
            Key::new().with("a").with("bc")
        );
    }
}
