//! A second guest: Debian's amd64 kernel and one program of this workspace, for what the arm64 kernel lacks.
//!
//! The kernel and its QEMU are packages that are only unpacked; the program is the guest's first and only process.
//! There is no disk, no kernel module, no device tree, no board. It is made when it is first asked for. Its packages
//! are not in `guest.lock`: what is proved there holds for the kernel that Debian has today, whose release is told.

use super::build_root::BuildRoot;
use super::cross::{self, Compilation};
use super::debian;
use super::error::{AtPath, Error, Result};
use super::host::Architecture;
use super::initramfs;
use super::kernel::only_entry;
use super::lock::Lock;
use super::workshop::Workshop;
use std::fs;
use std::path::PathBuf;

/// Left out: everything of the kernel but its image, and what would start an installed system.
pub(super) const EXCLUDED: &[&str] = &[
    "./usr/bin/dracut*",
    "./usr/lib/dracut",
    "./usr/lib/modules/*/kernel",
    "./usr/lib/systemd",
    "./usr/share/perl*",
];
/// Beginning of the name of the artefact of an initramfs, and name of the file in it.
const INITRAMFS: &str = "initramfs";

/// What the second guest is started with.
#[derive(Clone, Debug)]
pub struct Amd64Guest {
    /// Where `qemu-system-x86_64` is.
    pub root: BuildRoot,
    /// The kernel, as `qemu -kernel` takes it; on the host.
    pub kernel: PathBuf,
    /// The initramfs, with the program as `/init`; on the host.
    pub initramfs: PathBuf,
}

impl Workshop {
    /// Finds or makes the second guest.
    pub(super) fn amd64_guest(
        &self,
        build_root: &BuildRoot,
        package: &str,
        bin: &str,
    ) -> Result<Amd64Guest> {
        if Architecture::host()? != Architecture::Amd64 {
            return Err(Error::NotAmd64);
        }
        let held = self.hold()?;
        let recipe = debian::amd64_guest();
        // Fetched anew with the build root.
        let build = build_root.path().as_os_str().as_encoded_bytes();
        let key = Self::key(&recipe, &Lock::default()).with(build);
        let directory = match self.cache.find(recipe.name, key) {
            Some(found) => found,
            None => self.cache.build(&held, recipe.name, |partial| {
                recipe.make(&self.steps, partial)?;
                Ok(key)
            })?,
        };
        let wanted = Compilation::program(package, bin);
        let program = cross::compile(self, &held, build_root, &wanted, Architecture::Amd64)?;
        let program = program.join(bin);
        let bytes = fs::read(&program).at("read", &program)?;
        let key = super::Key::new().with(bytes);
        let name = format!("{INITRAMFS}-{bin}");
        let initramfs = match self.cache.find(&name, key) {
            Some(found) => found,
            None => self.cache.build(&held, &name, |partial| {
                initramfs::write_program(&partial.join(INITRAMFS), &program)?;
                Ok(key)
            })?,
        };
        let root = directory.join("root");
        let modules = only_entry(&root.join("usr/lib/modules"), |_| true)?;
        Ok(Amd64Guest {
            root: BuildRoot::new(root),
            kernel: modules.join("vmlinuz"),
            initramfs: initramfs.join(INITRAMFS),
        })
    }
}
