//! Guest programs of this workspace, compiled by the build root's cargo.
//!
//! The first process and what runs beside it are linked statically: the initramfs has no libraries. Programs of the
//! product are linked as a board's are, with the guest's own C library and libcamera. Crates are downloaded once into
//! the cache; after that a build needs no network.

use super::build_root::{BuildRoot, Sandbox};
use super::cache::{CacheLock, Key};
use super::error::{AtPath, Error, Result};
use super::host::Architecture;
use super::workshop::Workshop;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the build root keeps what its libraries for the guest say of themselves.
const PKG_CONFIG_DIRECTORIES: &str = "/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig";
/// Longest time for a build from nothing, downloads included.
const COMPILE_LIMIT: Duration = Duration::from_secs(20 * 60);
/// Where the sources appear in the build root.
const SOURCE: &str = "/source";
/// Overrides where the sources are.
const SOURCE_VARIABLE: &str = "BAYONET_SOURCE";

/// What one run of cargo compiles for a guest: its programs share what they use.
#[derive(Clone, Debug)]
pub(super) struct Compilation<'a> {
    /// For people, and in the cache's names.
    pub(super) name: &'a str,
    /// What to compile, as cargo's arguments.
    pub(super) selection: Vec<&'a str>,
    /// What it makes that is wanted: programs, or a library's file.
    pub(super) files: Vec<&'a str>,
    /// How programs find their libraries.
    pub(super) linkage: Linkage,
}

/// How a program finds its libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linkage {
    /// All of it in one file that runs anywhere.
    Static,
    /// The guest's libraries, as on a board.
    Dynamic,
}

impl Architecture {
    /// Rust's name for programs of this architecture.
    fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

impl<'a> Compilation<'a> {
    /// The binary `bin` of `package`, as one file that runs anywhere.
    pub(super) fn program(package: &'a str, bin: &'a str) -> Self {
        Self {
            name: bin,
            selection: vec!["--package", package, "--bin", bin],
            files: vec![bin],
            linkage: Linkage::Static,
        }
    }

    /// Name of the artefact.
    fn artefact(&self) -> String {
        format!("bin-{}", self.name)
    }
}

/// The workspace's directory: `$BAYONET_SOURCE`, else where this program was compiled.
pub(super) fn workspace() -> Result<PathBuf> {
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let chosen = std::env::var_os(SOURCE_VARIABLE).map_or(compiled, PathBuf::from);
    let found = chosen.canonicalize().ok();
    let whole = found.filter(|path| path.join("tools/board/guest.lock").is_file());
    whole.ok_or(Error::NoSource(chosen))
}

/// Compiles, unless the cache has it from the same sources: the directory with the files.
pub(super) fn compile(
    shop: &Workshop,
    held: &CacheLock,
    root: &BuildRoot,
    wanted: &Compilation<'_>,
    architecture: Architecture,
) -> Result<PathBuf> {
    if let Some(found) = find(shop, root, wanted, architecture)? {
        return Ok(found);
    }
    let key = key(shop, root, wanted, architecture)?;
    let mut build = cargo(shop, root, architecture)?
        .args(["build", "--release", "--locked"])
        .args(&wanted.selection);
    if wanted.linkage == Linkage::Static {
        build = build.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    let step = format!("{}: compile", wanted.name);
    shop.steps.run(&step, build.build(), COMPILE_LIMIT)?;
    let compiled = target(shop)?.join(architecture.target()).join("release");
    shop.cache.build(held, &wanted.artefact(), |partial| {
        for file in &wanted.files {
            let from = compiled.join(file);
            fs::copy(&from, partial.join(file)).at("copy", &from)?;
        }
        Ok(key)
    })
}

/// The directory with the files, where the cache has them from the same sources.
pub(super) fn find(
    shop: &Workshop,
    root: &BuildRoot,
    wanted: &Compilation<'_>,
    architecture: Architecture,
) -> Result<Option<PathBuf>> {
    let key = key(shop, root, wanted, architecture)?;
    Ok(shop.cache.find(&wanted.artefact(), key))
}

/// Prepares to run the build root's cargo on the workspace, for a guest of this architecture.
pub(super) fn cargo(
    shop: &Workshop,
    root: &BuildRoot,
    architecture: Architecture,
) -> Result<Sandbox> {
    let target = target(shop)?;
    let home = made(shop.cache.path().join("cargo"))?;
    let cargo = root
        .command("cargo")
        .env("CARGO_BUILD_TARGET", architecture.target())
        .env("CARGO_HOME", "/cargo")
        // It would be stripped.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_TARGET_DIR", "/target")
        .env("PKG_CONFIG_ALLOW_CROSS", "1")
        .env("PKG_CONFIG_LIBDIR", PKG_CONFIG_DIRECTORIES)
        .bind_read_only(&shop.source, SOURCE)
        .bind(&target, "/target")
        .bind(&home, "/cargo")
        .current_dir(SOURCE)
        .network();
    if !root.has("/usr/bin/aarch64-linux-gnu-gcc") {
        return Ok(cargo);
    }
    Ok(cargo.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        "aarch64-linux-gnu-gcc",
    ))
}

/// Where cargo keeps what it compiles. It tells fresh from stale by times, and paths count from the workspace's: two
/// checkouts that shared a directory would be given each other's programs.
fn target(shop: &Workshop) -> Result<PathBuf> {
    let checkout = Key::new().with(path_bytes(&shop.source)).to_string();
    made(shop.cache.path().join("target").join(checkout))
}

fn key(
    shop: &Workshop,
    root: &BuildRoot,
    wanted: &Compilation<'_>,
    architecture: Architecture,
) -> Result<Key> {
    let toolchain = Key::new().with(path_bytes(root.path()));
    let words = wanted.selection.iter().chain(&wanted.files);
    let words = words.fold(toolchain, Key::with);
    let linkage = [wanted.linkage as u8];
    let start = words.with(linkage).with(architecture.target());
    sources(&shop.source, start)
}

/// Adds names, sizes and times of all files of the workspace: enough to see a change, quick enough for every run.
fn sources(directory: &Path, key: Key) -> Result<Key> {
    let listing = fs::read_dir(directory).at("list", directory)?;
    let mut entries = listing
        .collect::<std::io::Result<Vec<_>>>()
        .at("list", directory)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    entries.iter().try_fold(key, |key, entry| {
        let path = entry.path();
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || name == "target" {
            return Ok(key);
        }
        let data = entry.metadata().at("examine", &path)?;
        if data.is_dir() {
            return sources(&path, key);
        }
        let key = key.with(path_bytes(&path)).with(data.len().to_le_bytes());
        Ok(key
            .with(data.mtime().to_le_bytes())
            .with(data.mtime_nsec().to_le_bytes()))
    })
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn made(directory: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&directory).at("create", &directory)?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_source_changes_the_key_and_build_output_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let key = || sources(directory.path(), Key::new()).unwrap();
        write("src/main.rs", "fn main() {}");
        let first = key();
        write("target/release/main", "binary");
        write(".git/HEAD", "ref");
        assert_eq!(key(), first);
        write("src/main.rs", "fn main() { run() }");
        assert_ne!(key(), first);
    }

    #[test]
    fn the_workspace_is_where_this_crate_was_compiled() {
        let workspace = workspace().unwrap();
        assert!(workspace.join("tools/guest/Cargo.toml").is_file());
    }
}
