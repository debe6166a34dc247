//! The IPA of this workspace, as a board without an image processor has it installed.

use super::cross::{GuestProgram, Linkage};
use super::{Prepared, Result};
use std::path::PathBuf;

/// The crate.
const PACKAGE: &str = "bayonet-ipa";
/// Its tuning files, in the workspace and on a board.
const TUNING: [(&str, &str); 3] = [
    (
        "ipa-module/src/tuning/imx219.yaml",
        "/usr/local/share/bayonet/libcamera/ipa/bayonet/imx219.yaml",
    ),
    (
        "ipa-module/src/tuning/imx283.yaml",
        "/usr/local/share/bayonet/libcamera/ipa/bayonet/imx283.yaml",
    ),
    (
        "ipa-module/src/tuning/uncalibrated.yaml",
        "/usr/local/share/bayonet/libcamera/ipa/bayonet/uncalibrated.yaml",
    ),
];
/// What is compiled, and its place on a board.
const PROGRAMS: [(GuestProgram<'static>, &str); 2] = [
    (
        GuestProgram {
            package: PACKAGE,
            bin: "soft_ipa_proxy",
            features: &[],
            linkage: Linkage::Dynamic,
        },
        "/usr/local/libexec/bayonet/libcamera/soft_ipa_proxy",
    ),
    (
        GuestProgram {
            package: PACKAGE,
            bin: "libbayonet_ipa.so",
            features: &[],
            linkage: Linkage::Module,
        },
        "/usr/local/lib/bayonet/libcamera/ipa_bayonet.so",
    ),
];

impl Prepared {
    /// Compiles the IPA: each of its files with its place in the guest.
    ///
    /// # Errors
    /// As those of [`Self::guest_program`].
    pub fn ipa(&self) -> Result<Vec<(PathBuf, &'static str)>> {
        let source = super::cross::workspace()?;
        let tuning = TUNING
            .iter()
            .map(|(file, place)| Ok((source.join(file), *place)));
        let compile =
            |(program, place): &(GuestProgram<'_>, _)| Ok((self.guest_program(program)?, *place));
        PROGRAMS.iter().map(compile).chain(tuning).collect()
    }
}
