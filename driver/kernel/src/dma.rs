//! Buffers that devices and processes share: dma-bufs.
//!
//! From a DMA heap where the kernel has one, else from memory of ours that the kernel's `udmabuf` makes a dma-buf of.
//! Either is allocated by root in most systems. The system heap and `udmabuf` give memory that is contiguous for
//! devices behind an IOMMU, or that gather, only; the CMA heap gives memory for all, and there is little of it.
//!
//! The system heap refuses nothing: it takes pages until the kernel kills processes, then itself. So a request for
//! most of the memory is refused here.

use crate::{Error, Result};
use dma_heap::{Heap, HeapKind};
use memmap2::{MmapMut, MmapOptions};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{SysconfVar, sysconf};
use std::ffi::CString;
use std::fs::{self, File};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Where the kernel offers heaps.
const HEAPS: &str = "/dev/dma_heap";
/// Where it makes dma-bufs of memory.
const UDMABUF: &str = "/dev/udmabuf";
/// For errors: a dma-buf has no path.
const BUFFER: &str = "dma-buf";
/// `DMA_BUF_SYNC_*` of the kernel's uapi `dma-buf.h`.
const SYNC_READ: u64 = 1;
const SYNC_WRITE: u64 = 2;
const SYNC_END: u64 = 4;
/// `UDMABUF_FLAGS_CLOEXEC` of the kernel's uapi `udmabuf.h`.
const UDMABUF_CLOEXEC: u32 = 1;
/// How much memory is there to be had, and the line that tells, in KiB.
const MEMORY: &str = "/proc/meminfo";
const AVAILABLE: &str = "MemAvailable:";
/// Part of it that one buffer may have: a half.
const SHARE: usize = 2;
/// Page size where the system does not tell its own.
const PAGE: usize = 4096;

/// `struct udmabuf_create`.
#[repr(C)]
struct UdmabufCreate {
    memory: u32,
    flags: u32,
    offset: u64,
    size: u64,
}

/// `struct dma_buf_sync`.
#[repr(C)]
struct Sync {
    flags: u64,
}

mod request {
    use super::{Sync, UdmabufCreate};

    nix::ioctl_write_ptr!(udmabuf_create, b'u', 0x42, UdmabufCreate);
    nix::ioctl_write_ptr!(dma_buf_sync, b'b', 0, Sync);
    // `DMA_BUF_SET_NAME_B`: its number tells of 64 bits, its argument is the name's address.
    nix::ioctl_write_ptr_bad!(
        dma_buf_set_name,
        nix::request_code_write!(b'b', 1, size_of::<u64>()),
        nix::libc::c_char
    );
}

/// Where a buffer's memory comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A DMA heap by name, e.g. `system` or `linux,cma`.
    Heap(String),
    /// Memory of this process, through `udmabuf`.
    Udmabuf,
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Heap(name) => write!(formatter, "DMA heap {name}"),
            Self::Udmabuf => formatter.write_str("udmabuf"),
        }
    }
}

/// A dma-buf. The descriptor can be given to devices and other processes.
#[derive(Debug)]
pub struct Buffer {
    descriptor: OwnedFd,
    size: usize,
    source: Source,
}

impl Buffer {
    /// Allocates `size` bytes, rounded up to whole pages, from the first of these that the system has: the system
    /// heap, `udmabuf`, the CMA heap. Tools show it as `name`.
    ///
    /// # Errors
    /// [`Error::Call`]: `EINVAL` for no bytes or a name that is too long (31 bytes) or has a zero byte in it,
    /// `ENOENT` where the system has none of the sources, `ENOMEM` for more than half of the memory that is available,
    /// `EACCES`. `udmabuf` says `EINVAL` to more than its parameter `size_limit_mb`, 64 MiB unless set.
    pub fn allocate(name: &str, size: usize) -> Result<Self> {
        let heap = |name: &str| Source::Heap(name.to_owned());
        let mut missing = None;
        for source in [heap("system"), Source::Udmabuf, heap("linux,cma")] {
            match Self::allocate_from(&source, name, size) {
                Err(error) if error.errno() == Some(Errno::ENOENT) => missing = Some(error),
                result => return result,
            }
        }
        Err(missing.map_or_else(
            || Error::call("open", HEAPS, Errno::ENOENT),
            |error| error.with_advice("the kernel has neither DMA heaps nor udmabuf"),
        ))
    }

    /// Allocates from one source.
    ///
    /// # Errors
    /// Those of [`Buffer::allocate`].
    pub fn allocate_from(source: &Source, name: &str, size: usize) -> Result<Self> {
        let invalid = |_| Error::call("allocate", BUFFER, Errno::EINVAL);
        let label = CString::new(name).map_err(|_| invalid(()))?;
        let size = match size.checked_next_multiple_of(page()) {
            Some(size @ 1..) => size,
            _ => return Err(invalid(())),
        };
        if size > available() / SHARE {
            return Err(Error::call("allocate", BUFFER, Errno::ENOMEM));
        }
        let descriptor = match source {
            Source::Heap(heap) => from_heap(heap, size)?,
            Source::Udmabuf => from_memory(&label, size)?,
        };
        // SAFETY: the request reads a string that ends with a zero byte at the given address; it lives through the
        // call.
        unsafe { request::dma_buf_set_name(descriptor.as_raw_fd(), label.as_ptr()) }
            .map_err(|errno| Error::call("DMA_BUF_SET_NAME", BUFFER, errno))?;
        Ok(Self {
            descriptor,
            size,
            source: source.clone(),
        })
    }

    /// Bytes, whole pages.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Where its memory came from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Maps it; the mapping holds the memory as the buffer does.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn map(&self) -> Result<Mapping> {
        let descriptor = self
            .descriptor
            .try_clone()
            .map_err(Error::io("dup", Path::new(BUFFER)))?;
        // SAFETY: a dma-buf keeps its size, so no access can be beyond its end. Others may write to it at any time;
        // what is read is bytes, and every value of them is valid.
        let memory = unsafe { MmapOptions::new().len(self.size).map_mut(&descriptor) };
        Ok(Mapping {
            memory: memory.map_err(Error::io("mmap", Path::new(BUFFER)))?,
            descriptor,
        })
    }
}

impl AsFd for Buffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl From<Buffer> for OwnedFd {
    fn from(buffer: Buffer) -> Self {
        buffer.descriptor
    }
}

fn page() -> usize {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok())
        .unwrap_or(PAGE)
}

/// Bytes of memory that can be had; no limit where the system does not tell.
fn available() -> usize {
    let text = fs::read_to_string(MEMORY).unwrap_or_default();
    memory(&text).unwrap_or(usize::MAX)
}

fn memory(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(AVAILABLE))?;
    let kibibytes: usize = line.split_ascii_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn from_heap(name: &str, size: usize) -> Result<OwnedFd> {
    let node = Path::new(HEAPS).join(name);
    // A name that is a path would reach any device.
    let mut parts = Path::new(name).components();
    if !matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    ) {
        return Err(Error::call("open", node, Errno::ENOENT));
    }
    let heap = Heap::new(HeapKind::Custom(node.clone())).map_err(Error::io("open", &node))?;
    heap.allocate(size)
        .map_err(Error::io("DMA_HEAP_IOCTL_ALLOC", &node))
}

fn from_memory(name: &CString, size: usize) -> Result<OwnedFd> {
    let node = PathBuf::from(UDMABUF);
    let device = File::options()
        .read(true)
        .write(true)
        .open(&node)
        .map_err(Error::io("open", &node))?;
    let failed = |call| move |errno| Error::call(call, "memfd", errno);
    let memory = memfd_create(
        name.as_c_str(),
        MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
    )
    .map_err(failed("memfd_create"))?;
    let memory = File::from(memory);
    memory
        .set_len(size as u64)
        .map_err(Error::io("ftruncate", Path::new("memfd")))?;
    // Without this seal the kernel takes no memory: it could be taken away under a device.
    fcntl(&memory, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK))
        .map_err(failed("F_ADD_SEALS"))?;
    let request = UdmabufCreate {
        memory: memory.as_raw_fd().cast_unsigned(),
        flags: UDMABUF_CLOEXEC,
        offset: 0,
        size: size as u64,
    };
    // SAFETY: the request reads one `UdmabufCreate`, which lives through the call.
    let descriptor = unsafe { request::udmabuf_create(device.as_raw_fd(), &raw const request) }
        .map_err(|errno| Error::call("UDMABUF_CREATE", &node, errno))?;
    // SAFETY: the kernel just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A buffer's bytes in this process's memory. They may be touched between the begin and the end of an access only,
/// so that caches and devices agree.
#[derive(Debug)]
pub struct Mapping {
    memory: MmapMut,
    descriptor: OwnedFd,
}

/// Bytes that may be read; ends the access when dropped.
#[derive(Debug)]
pub struct Reading<'a> {
    mapping: &'a Mapping,
}

/// Bytes that may be read and written; ends the access when dropped.
#[derive(Debug)]
pub struct Writing<'a> {
    mapping: &'a mut Mapping,
}

impl Mapping {
    /// Begins to read.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn read(&self) -> Result<Reading<'_>> {
        self.sync(SYNC_READ)?;
        Ok(Reading { mapping: self })
    }

    /// Begins to write.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn write(&mut self) -> Result<Writing<'_>> {
        self.sync(SYNC_READ | SYNC_WRITE)?;
        Ok(Writing { mapping: self })
    }

    fn sync(&self, flags: u64) -> Result<()> {
        let request = Sync { flags };
        loop {
            // SAFETY: the request reads one `Sync`, which lives through the call.
            match unsafe { request::dma_buf_sync(self.descriptor.as_raw_fd(), &raw const request) }
            {
                Ok(_) => return Ok(()),
                // The kernel asks for this (Documentation/driver-api/dma-buf.rst).
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(errno) => return Err(Error::call("DMA_BUF_IOCTL_SYNC", BUFFER, errno)),
            }
        }
    }

    fn end(&self, flags: u64) {
        if let Err(error) = self.sync(flags | SYNC_END) {
            log::error!("{error}");
        }
    }
}

impl Deref for Reading<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.mapping.memory
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.mapping.end(SYNC_READ);
    }
}

impl Deref for Writing<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.mapping.memory
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.mapping.memory
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.mapping.end(SYNC_READ | SYNC_WRITE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_that_can_be_had_is_read() {
        let text = "MemTotal:  2000 kB\nMemFree:  10 kB\nMemAvailable:    1000 kB\nBuffers: 1 kB\n";
        assert_eq!(memory(text), Some(1_024_000));
        assert_eq!(memory("MemTotal: 2000 kB\n"), None);
        assert_eq!(memory("MemAvailable: much kB\n"), None);
        assert!(available() > 0);
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_the_kernel_is_asked() {
        let errno = |name: &str, size| {
            let error = Buffer::allocate_from(&Source::Udmabuf, name, size).unwrap_err();
            error.errno()
        };
        assert_eq!(errno("x", 0), Some(Errno::EINVAL));
        assert_eq!(errno("x", usize::MAX), Some(Errno::EINVAL));
        assert_eq!(errno("x", usize::MAX / 4), Some(Errno::ENOMEM));
        assert_eq!(errno("\0", 1), Some(Errno::EINVAL));
        for heap in ["", "..", "../udmabuf", "/dev/udmabuf", "a/b"] {
            let source = Source::Heap(heap.to_owned());
            let error = Buffer::allocate_from(&source, "x", 1).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::ENOENT), "{heap}");
        }
    }
}
