//! The order of the work: which artefact is made from which, and when it is made again.
//!
//! ```text
//! build root --> sensor drivers --> guest (kernel, disk, early modules) --> initramfs
//!     |--------> guest programs ------------------------------------------/
//!     \--------> schema of device trees
//! ```
//! Each artefact's key covers its recipe and what it is made from, so a change makes anew what follows it and
//! nothing else.

use super::build_root::{BuildRoot, Sandbox};
use super::cache::{Cache, CacheLock, Key};
use super::cross::{self, Compilation};
use super::debian::{self, Recipe};
use super::error::{AtPath, Error, Result};
use super::host::{self, Architecture};
use super::lock::Lock;
use super::overlays::{self, OverlayTools};
use super::tool::Steps;
use super::{Options, Prepared, Versions, guest, initramfs, kernel};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the artefact of the sensor drivers.
const DRIVERS: &str = "drivers";
/// Name of the artefact of the initramfs, and of the file in it.
const INITRAMFS: &str = "initramfs";
/// The guest's first process.
const INIT: &str = "bayonet-guest";
/// Changed when this program makes another artefact from the same recipe and packages.
const FORMAT: &str = "1";

/// All that a preparation works with.
#[derive(Clone, Debug)]
pub(super) struct Workshop {
    pub(super) cache: Cache,
    pub(super) steps: Steps,
    /// The workspace.
    pub(super) source: PathBuf,
    build_recipe: Recipe,
    guest_recipe: Recipe,
}

/// The artefacts before the initramfs.
struct Roots {
    build: PathBuf,
    guest: PathBuf,
}

impl Workshop {
    pub(super) fn open(quiet: bool) -> Result<Self> {
        let cache = Cache::open()?;
        Ok(Self {
            steps: Steps::new(cache.logs(), quiet),
            cache,
            source: cross::workspace()?,
            build_recipe: debian::build_root(Architecture::host()?),
            guest_recipe: debian::guest(),
        })
    }

    /// Finds everything, or makes what is missing.
    pub(super) fn prepare(&self, options: &Options) -> Result<Prepared> {
        let lock = Lock::read(&self.lock_path())?;
        if !options.update
            && let Some((roots, initramfs)) = self.find(&lock)?
        {
            self.compare(&lock, &roots, options.locked)?;
            return self.deliver(&roots, &initramfs);
        }
        let held = self.hold()?;
        Cache::require_space(self.cache.path(), self.missing_space(&lock, options.update))?;
        let roots = self.make_roots(&held, &lock, options)?;
        let initramfs = self.make_initramfs(&held, &roots)?;
        self.deliver(&roots, &initramfs)
    }

    /// What [`Self::prepare`] delivers, if nothing is to be made.
    pub(super) fn prepared(&self) -> Result<Option<Prepared>> {
        let found = self.find(&Lock::read(&self.lock_path())?)?;
        found
            .map(|(roots, initramfs)| self.deliver(&roots, &initramfs))
            .transpose()
    }

    /// The directory of what was compiled for the guest, or is if need be.
    pub(super) fn compiled(&self, root: &BuildRoot, wanted: &Compilation<'_>) -> Result<PathBuf> {
        match cross::find(self, root, wanted, Architecture::Arm64)? {
            Some(found) => Ok(found),
            None => cross::compile(self, &self.hold()?, root, wanted, Architecture::Arm64),
        }
    }

    /// What device tree overlays are checked with; the processed schema is made if need be.
    pub(super) fn overlay_tools(&self, root: &BuildRoot) -> Result<OverlayTools> {
        let key = overlays::key(root, &self.source)?;
        let schema = match self.cache.find(overlays::SCHEMA, key) {
            Some(found) => found,
            None => self
                .cache
                .build(&self.hold()?, overlays::SCHEMA, |partial| {
                    overlays::make_schema(root, &self.source, &self.steps, partial)?;
                    Ok(key)
                })?,
        };
        Ok(OverlayTools::new(root.clone(), schema, self.source.clone()))
    }

    /// The build root's cargo in the workspace, for the guest's target.
    pub(super) fn cargo(&self, root: &BuildRoot) -> Result<Sandbox> {
        cross::cargo(self, root, Architecture::Arm64)
    }

    fn lock_path(&self) -> PathBuf {
        self.source.join("tools/board/guest.lock")
    }

    /// Checks the host and takes the cache.
    pub(super) fn hold(&self) -> Result<CacheLock> {
        host::check()?;
        let mut shown = None;
        let held = self.cache.lock(|holder| {
            let shown = shown.get_or_insert_with(|| self.steps.show("waiting for another build"));
            shown.line(&format!(
                "process {holder} holds {}",
                self.cache.path().display()
            ));
        })?;
        if let Some(shown) = shown {
            shown.finish();
        }
        Ok(held)
    }

    pub(super) fn key(recipe: &Recipe, lock: &Lock) -> Key {
        recipe.key(&lock.root_text(recipe.name)).with(FORMAT)
    }

    /// The drivers are made from the build root, whatever the lock says of it.
    fn drivers_key(&self, build: &Path) -> Result<Key> {
        let key = Key::new()
            .with(FORMAT)
            .with(self.build_recipe.packages_text(build)?);
        Ok(kernel::SENSOR_DRIVERS.iter().fold(key, Key::with))
    }

    fn guest_key(&self, lock: &Lock, build: &Path) -> Result<Key> {
        let drivers = self.drivers_key(build)?.to_string();
        Ok(Self::key(&self.guest_recipe, lock).with(drivers))
    }

    fn initramfs_key(roots: &Roots, init: &Path) -> Result<Key> {
        let program = fs::read(init).at("read", init)?;
        let guest = roots.guest.as_os_str().as_encoded_bytes();
        Ok(Key::new().with(FORMAT).with(guest).with(program))
    }

    fn find_build(&self, lock: &Lock) -> Option<PathBuf> {
        self.cache
            .find(self.build_recipe.name, Self::key(&self.build_recipe, lock))
    }

    fn find_roots(&self, lock: &Lock) -> Result<Option<Roots>> {
        let Some(build) = self.find_build(lock) else {
            return Ok(None);
        };
        let key = self.guest_key(lock, &build)?;
        let guest = self.cache.find(self.guest_recipe.name, key);
        Ok(guest.map(|guest| Roots { build, guest }))
    }

    /// Everything, if nothing is to be made; runs no tool.
    fn find(&self, lock: &Lock) -> Result<Option<(Roots, PathBuf)>> {
        let Some(roots) = self.find_roots(lock)? else {
            return Ok(None);
        };
        let (build_root, init) = (roots.build_root(), Compilation::program(INIT, INIT));
        let Some(init) = cross::find(self, &build_root, &init, Architecture::Arm64)? else {
            return Ok(None);
        };
        let key = Self::initramfs_key(&roots, &init.join(INIT))?;
        Ok(self
            .cache
            .find(INITRAMFS, key)
            .map(|initramfs| (roots, initramfs)))
    }

    /// Bytes that the artefacts still to be made take at most.
    fn missing_space(&self, lock: &Lock, update: bool) -> u64 {
        match self.find_roots(lock) {
            Ok(Some(_)) if !update => super::NEEDED_SPACE / 8,
            _ => super::NEEDED_SPACE,
        }
    }

    fn make_roots(&self, held: &CacheLock, lock: &Lock, options: &Options) -> Result<Roots> {
        let mut lock = lock.clone();
        let build = match self.find_build(&lock) {
            Some(found) if !options.update => found,
            _ => self.cache.build(held, self.build_recipe.name, |partial| {
                let root = BuildRoot::new(self.build_recipe.make(&self.steps, partial)?);
                kernel::unpack_sources(&root, &self.steps)?;
                kernel::keep_base_trees(&root)?;
                if options.update {
                    self.record(&mut lock, &self.build_recipe, partial)?;
                }
                Ok(Self::key(&self.build_recipe, &lock))
            })?,
        };
        let build_root = BuildRoot::new(build.join("root"));
        let drivers = self.make_drivers(held, &build, &build_root)?;
        let headers = kernel::headers_release(&build_root)?;
        let guest_key = self.guest_key(&lock, &build)?;
        let guest = match self.cache.find(self.guest_recipe.name, guest_key) {
            Some(found) if !options.update => found,
            _ => self.cache.build(held, self.guest_recipe.name, |partial| {
                self.guest_recipe.make(&self.steps, partial)?;
                guest::finish(&build_root, &self.steps, partial, &drivers, &headers)?;
                if options.update {
                    self.record(&mut lock, &self.guest_recipe, partial)?;
                }
                self.guest_key(&lock, &build)
            })?,
        };
        let roots = Roots { build, guest };
        if options.update {
            let path = self.lock_path();
            fs::write(&path, lock.text()).at("write", &path)?;
        }
        self.compare(&lock, &roots, options.locked)?;
        Ok(roots)
    }

    fn make_drivers(&self, held: &CacheLock, build: &Path, root: &BuildRoot) -> Result<PathBuf> {
        let key = self.drivers_key(build)?;
        if let Some(found) = self.cache.find(DRIVERS, key) {
            return Ok(found);
        }
        self.cache.build(held, DRIVERS, |partial| {
            kernel::build_modules(root, &self.steps, partial)?;
            Ok(key)
        })
    }

    fn make_initramfs(&self, held: &CacheLock, roots: &Roots) -> Result<PathBuf> {
        let (build_root, init) = (roots.build_root(), Compilation::program(INIT, INIT));
        let init = cross::compile(self, held, &build_root, &init, Architecture::Arm64)?.join(INIT);
        let key = Self::initramfs_key(roots, &init)?;
        if let Some(found) = self.cache.find(INITRAMFS, key) {
            return Ok(found);
        }
        self.cache.build(held, INITRAMFS, |partial| {
            let modules = roots.guest.join(guest::EARLY_MODULES);
            initramfs::write(&partial.join(INITRAMFS), &init, &modules)?;
            Ok(key)
        })
    }

    /// Notes the packages of the root in `directory`.
    fn record(&self, lock: &mut Lock, recipe: &Recipe, directory: &Path) -> Result<()> {
        lock.set(
            recipe.name,
            Self::installed(recipe, directory)?.root(recipe.name),
        );
        Ok(())
    }

    fn installed(recipe: &Recipe, directory: &Path) -> Result<Lock> {
        Lock::parse(&recipe.packages_text(directory)?).ok_or_else(|| Error::Unexpected {
            path: directory.to_path_buf(),
            problem: "its list of packages is damaged: remove the directory".to_owned(),
        })
    }

    /// Says loudly where packages and lock differ; an error if they must not.
    fn compare(&self, lock: &Lock, roots: &Roots, locked: bool) -> Result<()> {
        let mut differences = Vec::new();
        for (recipe, directory) in [
            (&self.build_recipe, &roots.build),
            (&self.guest_recipe, &roots.guest),
        ] {
            let installed = Self::installed(recipe, directory)?.root(recipe.name);
            let text = lock.differences(recipe.name, &installed);
            if !text.is_empty() {
                differences.push(text);
            }
        }
        let text = differences.join("\n");
        match (text.is_empty(), locked) {
            (true, _) => Ok(()),
            (false, true) => Err(Error::LockDiffers(text)),
            (false, false) => {
                self.steps.warn(&format!(
                    "these packages differ from guest.lock; `bayonet-board build --update` records them:\n{text}"
                ));
                Ok(())
            }
        }
    }

    fn deliver(&self, roots: &Roots, initramfs: &Path) -> Result<Prepared> {
        let build_root = roots.build_root();
        let build = Self::installed(&self.build_recipe, &roots.build)?;
        let guest_packages = Self::installed(&self.guest_recipe, &roots.guest)?;
        Ok(Prepared {
            kernel: roots.guest.join(guest::KERNEL),
            image: roots.guest.join(guest::IMAGE),
            initramfs: initramfs.join(INITRAMFS),
            device_tree_includes: kernel::device_tree_includes(),
            versions: Versions {
                kernel: kernel::headers_release(&build_root)?,
                libcamera: guest_packages.version(self.guest_recipe.name, "libcamera-ipa"),
                qemu: build.version(self.build_recipe.name, "qemu-system-arm"),
            },
            build_root,
            workshop: self.clone(),
        })
    }
}

impl Roots {
    fn build_root(&self) -> BuildRoot {
        BuildRoot::new(self.build.join("root"))
    }
}
