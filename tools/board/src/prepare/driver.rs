//! The driver of this workspace, as a board has it installed: which programs, and where.

use super::cross::{GuestProgram, Linkage};
use super::{Prepared, Result};
use std::path::PathBuf;

/// A program of the driver and its place on a board.
const PROGRAMS: [(GuestProgram<'static>, &str); 3] = [
    (
        program("bayonet-daemon", "bayonetd", &[]),
        "/usr/sbin/bayonetd",
    ),
    (
        program("bayonet-daemon", "bayonet-camera", &["libcamera"]),
        "/usr/libexec/bayonet-camera",
    ),
    (program("bayonet-cli", "bayonet", &[]), "/usr/bin/bayonet"),
];

const fn program(
    package: &'static str,
    bin: &'static str,
    features: &'static [&'static str],
) -> GuestProgram<'static> {
    GuestProgram {
        package,
        bin,
        features,
        linkage: Linkage::Dynamic,
    }
}

impl Prepared {
    /// Compiles the driver's programs: each with its place in the guest.
    ///
    /// # Errors
    /// As those of [`Self::guest_program`].
    pub fn driver(&self) -> Result<Vec<(PathBuf, &'static str)>> {
        let compile =
            |(program, place): &(GuestProgram<'_>, _)| Ok((self.guest_program(program)?, *place));
        PROGRAMS.iter().map(compile).collect()
    }
}
