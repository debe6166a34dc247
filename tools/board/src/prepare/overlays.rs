//! What device tree overlays are checked with: base trees and bindings of the kernel, and the tools that read them.
//!
//! `dt-validate` could read the bindings themselves, and would take a minute each time; the schema that
//! `dt-mk-schema` makes of them once is an artefact of its own.

use super::build_root::{BuildRoot, Sandbox};
use super::cache::Key;
use super::error::Result;
use super::kernel;
use super::tool::Steps;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the artefact.
pub(super) const SCHEMA: &str = "schema";
/// The file in it.
const PROCESSED: &str = "processed-schema.json";
/// Where the artefact appears in the build root.
const INSIDE: &str = "/schema";
/// Longest time for processing the bindings on a slow machine.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What device tree overlays are checked with. All paths are inside the build root.
#[derive(Clone, Debug)]
pub struct OverlayTools {
    /// Directory of the kernel's own base trees, each in its vendor's: `broadcom/bcm2712-rpi-5-b.dtb`.
    pub base_trees: PathBuf,
    /// Directory of the kernel's bindings.
    pub bindings: PathBuf,
    /// The bindings as `dt-mk-schema` processed them, for `dt-validate -s`; only [`Self::command`] binds it.
    pub schema: PathBuf,
    root: BuildRoot,
    artefact: PathBuf,
}

impl OverlayTools {
    pub(super) fn new(root: BuildRoot, artefact: PathBuf) -> Self {
        Self {
            base_trees: kernel::base_trees(),
            bindings: kernel::bindings(),
            schema: Path::new(INSIDE).join(PROCESSED),
            root,
            artefact,
        }
    }

    /// Prepares to run `program` of the build root, with the schema in its reach.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Sandbox {
        self.root
            .command(program)
            .bind_read_only(&self.artefact, INSIDE)
    }
}

/// The key of the schema made of this build root's bindings.
pub(super) fn key(root: &BuildRoot) -> Key {
    Key::new().with(root.path().as_os_str().as_encoded_bytes())
}

/// Processes the bindings of the build root into `directory`.
pub(super) fn make_schema(root: &BuildRoot, steps: &Steps, directory: &Path) -> Result<()> {
    let command = root
        .command("dt-mk-schema")
        .arg("-j")
        .arg("-o")
        .arg(Path::new(INSIDE).join(PROCESSED))
        .arg(kernel::bindings())
        .bind(directory, INSIDE);
    steps.run("device tree schema: process", command.build(), LIMIT)
}
