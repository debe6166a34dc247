//! What device tree overlays are checked with: base trees and bindings of the kernel, and the tools that read them.
//!
//! `dt-validate` could read the bindings themselves, and would take a minute each time; the schema that
//! `dt-mk-schema` makes of them once is an artefact of its own. The workspace's own bindings are in it: what type a
//! property has is found out from all bindings together.

use super::build_root::{BuildRoot, Sandbox};
use super::cache::Key;
use super::error::{AtPath, Result};
use super::kernel;
use super::tool::Steps;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the artefact.
pub(super) const SCHEMA: &str = "schema";
/// The file in it.
const PROCESSED: &str = "processed-schema.json";
/// Where the artefact appears in the build root.
const INSIDE: &str = "/schema";
/// Where the workspace's own bindings appear.
const OWN: &str = "/bindings";
/// Where they are in the workspace.
const OWN_SOURCE: &str = "dt-overlays/bindings";
/// `dt-mk-schema`, without a warning for those who write bindings: two of them give a property different types. The
/// kernel's do, and dtschema 2025.08 ends with a `KeyError` while it says so.
const MAKE_SCHEMA: &str = "\
import sys
from dtschema import mk_schema, validator
validator.DTValidator.check_duplicate_property_types = lambda self: None
sys.exit(mk_schema.main())
";
/// Longest time for processing the bindings on a slow machine.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What device tree overlays are checked with. All paths but the last are inside the build root.
#[derive(Clone, Debug)]
pub struct OverlayTools {
    /// Directory of the kernel's own base trees, each in its vendor's: `broadcom/bcm2712-rpi-5-b.dtb`.
    pub base_trees: PathBuf,
    /// Directory of the kernel's bindings.
    pub bindings: PathBuf,
    /// Directory of the workspace's own bindings; only [`Self::command`] binds it.
    pub own_bindings: PathBuf,
    /// The bindings as `dt-mk-schema` processed them, for `dt-validate -s`; only [`Self::command`] binds it.
    pub schema: PathBuf,
    root: BuildRoot,
    artefact: PathBuf,
    workspace: PathBuf,
}

impl OverlayTools {
    pub(super) fn new(root: BuildRoot, artefact: PathBuf, workspace: PathBuf) -> Self {
        Self {
            base_trees: kernel::base_trees(),
            bindings: kernel::bindings(),
            own_bindings: OWN.into(),
            schema: Path::new(INSIDE).join(PROCESSED),
            root,
            artefact,
            workspace,
        }
    }

    /// Prepares to run `program` of the build root, with the schema and our bindings in its reach.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Sandbox {
        self.root
            .command(program)
            .bind_read_only(&self.artefact, INSIDE)
            .bind_read_only(&self.workspace.join(OWN_SOURCE), OWN)
    }
}

/// The key of the schema made of this build root's bindings and those of the workspace.
pub(super) fn key(root: &BuildRoot, workspace: &Path) -> Result<Key> {
    let start = Key::new().with(root.path().as_os_str().as_encoded_bytes());
    contents(&workspace.join(OWN_SOURCE), start.with(MAKE_SCHEMA))
}

/// Adds the contents of all files: a checkout's times are its own, and the schema is the same.
fn contents(directory: &Path, key: Key) -> Result<Key> {
    let listing = fs::read_dir(directory).at("list", directory)?;
    let mut paths = listing
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .at("list", directory)?;
    paths.sort();
    paths.iter().try_fold(key, |key, path| {
        if path.is_dir() {
            return contents(path, key);
        }
        Ok(key.with(fs::read(path).at("read", path)?))
    })
}

/// Processes the bindings into `directory`.
pub(super) fn make_schema(
    root: &BuildRoot,
    workspace: &Path,
    steps: &Steps,
    directory: &Path,
) -> Result<()> {
    let command = root
        .command("python3")
        .args(["-c", MAKE_SCHEMA, "-j", "-o"])
        .arg(Path::new(INSIDE).join(PROCESSED))
        .arg("-u")
        .arg(kernel::bindings())
        .arg(OWN)
        .bind(directory, INSIDE)
        .bind_read_only(&workspace.join(OWN_SOURCE), OWN);
    steps.run("device tree schema: process", command.build(), LIMIT)
}
