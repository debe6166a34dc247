//! The product, as a board has it installed: which of this workspace's files, and where.

use super::cross::{Compilation, Linkage};
use super::{Prepared, Result};
use std::path::{Path, PathBuf};

/// The driver's programs and their places on a board.
const DRIVER: [(&str, &str); 3] = [
    ("bayonetd", "/usr/sbin/bayonetd"),
    ("bayonet-camera", "/usr/libexec/bayonet-camera"),
    ("bayonet", "/usr/bin/bayonet"),
];
/// The IPA's, on a board without an image processor.
const IPA: [(&str, &str); 2] = [
    (
        "soft_ipa_proxy",
        "/usr/local/libexec/bayonet/libcamera/soft_ipa_proxy",
    ),
    (
        "libbayonet_ipa.so",
        "/usr/local/lib/bayonet/libcamera/ipa_bayonet.so",
    ),
];
/// The IPA's tuning files, in the workspace and on a board.
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

impl Prepared {
    /// Compiles the driver's programs: each with its place in the guest.
    ///
    /// # Errors
    /// As those of [`Self::guest_binary`].
    pub fn driver(&self) -> Result<Vec<(PathBuf, &'static str)>> {
        let directory = self.compiled(&product())?;
        Ok(placed(&directory, &DRIVER).collect())
    }

    /// Compiles the IPA: each of its files with its place in the guest.
    ///
    /// # Errors
    /// As those of [`Self::guest_binary`].
    pub fn ipa(&self) -> Result<Vec<(PathBuf, &'static str)>> {
        let directory = self.compiled(&product())?;
        let source = super::cross::workspace()?;
        let compiled = placed(&directory, &IPA);
        Ok(compiled.chain(placed(&source, &TUNING)).collect())
    }
}

/// All that is compiled for a board, by one run of cargo.
fn product() -> Compilation<'static> {
    let files = DRIVER.iter().chain(&IPA).map(|(file, _)| *file);
    Compilation {
        name: "product",
        selection: vec![
            "--package=bayonet-daemon",
            "--features=bayonet-daemon/libcamera",
            "--package=bayonet-cli",
            "--package=bayonet-ipa",
        ],
        files: files.collect(),
        linkage: Linkage::Dynamic,
    }
}

fn placed(
    directory: &Path,
    files: &'static [(&str, &str)],
) -> impl Iterator<Item = (PathBuf, &'static str)> {
    let place = |(file, place): &(&str, &'static str)| (directory.join(file), *place);
    files.iter().map(place)
}
