//! The system calls that write a recording, in one place, so that a test can let any of them fail.

use crate::captures;
use nix::errno::Errno;
use nix::fcntl::{
    AT_FDCWD, FallocateFlags, PosixFadviseAdvice, RenameFlags, fallocate, posix_fadvise, renameat2,
};
use nix::libc::off_t;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who may read a file: everybody whom the directory lets in.
const MODE: u32 = 0o644;

/// The disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) fault: Option<super::faults::Fault>,
}

impl Disk {
    /// Whether the next call is made.
    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests have faults here"
    )]
    fn allow(&mut self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn allow(&mut self) -> io::Result<()> {
        self.fault.as_mut().map_or(Ok(()), |fault| fault.call())
    }

    /// Makes a file that is not there yet.
    pub(super) fn create(&mut self, path: &Path) -> io::Result<File> {
        self.allow()?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(path)
    }

    /// Writes all of it; half of it may be there after an error.
    pub(super) fn write(&mut self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        let allowed = self.allow();
        #[cfg(test)]
        if let (Err(_), Some(fault)) = (&allowed, &mut self.fault)
            && std::mem::take(&mut fault.tears)
        {
            file.write_all(&bytes[..bytes.len() / 2])?;
        }
        allowed?;
        file.write_all(bytes)
    }

    /// Sees that a file can grow to this length, however full the disk becomes meanwhile.
    pub(super) fn reserve(&mut self, file: &File, from: u64, length: u64) -> io::Result<()> {
        self.allow()?;
        let [offset, length] = [from, length.saturating_sub(from)].map(off_t::try_from);
        let (Ok(offset), Ok(length)) = (offset, length) else {
            return Err(Errno::EFBIG.into());
        };
        match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, offset, length) {
            // Not every file system can; there it may fail later.
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes back what was appended behind this length.
    pub(super) fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        self.allow()?;
        file.set_len(length)
    }

    /// Waits until a file's bytes and length would survive a power cut.
    pub(super) fn sync(&mut self, file: &File) -> io::Result<()> {
        self.allow()?;
        file.sync_data()
    }

    /// The same for the names in a directory.
    pub(super) fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        self.allow()?;
        File::open(path)?.sync_all()
    }

    /// Gives a file its name; nothing is replaced.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.allow()?;
        renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)?;
        Ok(())
    }

    /// Removes a file.
    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.allow()?;
        fs::remove_file(path)
    }

    /// Bytes that may still be written where this directory is.
    pub(super) fn free_bytes(&mut self, directory: &Path) -> io::Result<u64> {
        self.allow()?;
        captures::free_bytes(directory)
    }
}

/// Tells the kernel that nobody will read a file soon: what is not on the disk yet is begun to be written, what is
/// leaves the page cache. So a long recording pushes nothing else out of memory.
pub(super) fn forget(file: &File) {
    // It is advice; where it is not taken, only memory is lost.
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}
