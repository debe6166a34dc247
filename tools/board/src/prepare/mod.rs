//! Prepares what a board needs: build root, kernel with its modules, guest image, initramfs.
//!
//! Everything comes from Debian's archive and this workspace, is made without root where the system allows user
//! namespaces, and is kept in the cache; a second [`prepare`] only looks. Programs of the build root, QEMU among
//! them, run through [`BuildRoot::command`], so nothing but bubblewrap and mmdebstrap is needed of the host.
//!
//! This room starts no machine and composes no device tree.

mod amd64;
mod build_root;
mod cache;
mod cross;
mod debian;
mod error;
mod guest;
mod host;
mod initramfs;
mod kernel;
mod lock;
mod overlays;
mod product;
mod tool;
mod workshop;

pub use amd64::Amd64Guest;
pub use build_root::{BuildRoot, Sandbox};
pub use cache::{Cache, CacheLock, Key};
use cross::Compilation;
pub use error::{Error, Result};
pub(crate) use host::check as check_host;
pub use overlays::OverlayTools;
use std::path::PathBuf;

/// Bytes that a preparation from nothing needs in the cache, with some to spare.
pub(crate) const NEEDED_SPACE: u64 = 6 << 30;

/// How to prepare.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Fetch the newest packages even if older ones are cached, and record them in `guest.lock`.
    pub update: bool,
    /// Fail, instead of warning, where the packages are not those of `guest.lock`.
    pub locked: bool,
    /// Show warnings only.
    pub quiet: bool,
}

/// What a machine is started with. All paths are on the host unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Where QEMU, the device tree compiler and cargo are.
    pub build_root: BuildRoot,
    /// The kernel, as `qemu -kernel` takes it.
    pub kernel: PathBuf,
    /// The initramfs: `bayonet-guest` as `/init`, modules in `/modules`, their load order in `/modules.list`.
    pub initramfs: PathBuf,
    /// The ext4 image of the guest's root. Shared by all machines: attach it read-only or as a snapshot.
    pub image: PathBuf,
    /// Directories *inside the build root* that the board's device tree includes from, in order.
    pub device_tree_includes: Vec<PathBuf>,
    /// What was fetched.
    pub versions: Versions,
    workshop: workshop::Workshop,
}

/// Versions of what the board consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Debian version of libcamera.
    pub libcamera: String,
    /// Debian version of QEMU.
    pub qemu: String,
}

/// Makes what is missing and says where everything is.
///
/// With everything in the cache this takes a few milliseconds and starts no program. Otherwise tools run for
/// minutes, with progress on the standard error output; they end when the calling thread ends, so a process that
/// is interrupted leaves nothing but a partial directory, which the next preparation removes.
///
/// # Errors
/// See [`Error`]: what the host lacks, a tool that failed with its last lines, a full disk, a moved archive.
pub fn prepare(options: &Options) -> Result<Prepared> {
    workshop::Workshop::open(options.quiet)?.prepare(options)
}

/// What [`prepare`] returns where nothing has to be made, else nothing; starts no program.
///
/// # Errors
/// No cache directory, no sources, or a damaged artefact.
pub fn prepared() -> Result<Option<Prepared>> {
    workshop::Workshop::open(true)?.prepared()
}

impl Prepared {
    /// Compiles the binary `bin` of this workspace's `package` for the guest, statically linked.
    ///
    /// # Errors
    /// [`Error::Tool`] with the compiler's last lines; the errors of [`prepare`].
    pub fn guest_binary(&self, package: &str, bin: &str) -> Result<PathBuf> {
        let wanted = Compilation::program(package, bin);
        Ok(self.compiled(&wanted)?.join(bin))
    }

    fn compiled(&self, wanted: &Compilation<'_>) -> Result<PathBuf> {
        self.workshop.compiled(&self.build_root, wanted)
    }

    /// The second guest, with the binary `bin` of this workspace's `package` as its only program.
    ///
    /// # Errors
    /// As those of [`prepare`]; [`Error::NotAmd64`] on hosts that are not amd64.
    pub fn amd64_guest(&self, package: &str, bin: &str) -> Result<Amd64Guest> {
        self.workshop.amd64_guest(&self.build_root, package, bin)
    }

    /// The workspace's device tree sources, on the host.
    pub fn device_tree_sources(&self) -> PathBuf {
        self.workshop.source.join("dt-overlays")
    }

    /// What device tree overlays are checked with, besides the compiler; the first call takes minutes.
    ///
    /// # Errors
    /// As those of [`prepare`].
    pub fn overlay_tools(&self) -> Result<OverlayTools> {
        self.workshop.overlay_tools(&self.build_root)
    }

    /// The build root's cargo, about to run in this workspace for the guest's target, with network.
    ///
    /// # Errors
    /// Those of the cache's directories.
    pub fn cargo(&self) -> Result<Sandbox> {
        self.workshop.cargo(&self.build_root)
    }
}
