//! Kernel sources: device tree includes, bindings and base trees, and the sensor drivers that Debian's kernel leaves
//! out.
//!
//! The drivers are built out of tree, untouched, from Debian's `linux-source` package against the headers of the
//! kernel that boots.

use super::build_root::BuildRoot;
use super::error::{AtPath, Error, Result};
use super::tool::Steps;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sensor drivers (`drivers/media/i2c`) that Debian does not build.
pub(super) const SENSOR_DRIVERS: [&str; 3] = ["imx219", "imx283", "imx296"];
/// Where the build root keeps the part of the sources that is used.
const SOURCES: &str = "usr/src/linux";
/// Where a kernel's sources have device trees, and its build the blobs.
const DEVICE_TREES: &str = "arch/arm64/boot/dts";
/// Where a kernel's sources have the schemas of device trees.
const BINDINGS: &str = "Documentation/devicetree/bindings";
/// Directories and files of the sources that the device tree of the board includes.
///
/// `dt-bindings/input` links to the event codes of the user space interface.
const DEVICE_TREE_SOURCES: [&str; 3] = [
    "arch/arm64/boot/dts/broadcom",
    "include/dt-bindings",
    "include/uapi/linux/input-event-codes.h",
];
/// Base trees of the boards that overlays are written for, below [`DEVICE_TREES`].
const BASE_TREES: [&str; 7] = [
    "broadcom/bcm2711-rpi-4-b.dtb",
    "broadcom/bcm2711-rpi-cm4-io.dtb",
    "broadcom/bcm2712-d-rpi-5-b.dtb",
    "broadcom/bcm2712-rpi-5-b.dtb",
    "freescale/imx8mp-evk.dtb",
    "rockchip/rk3588-rock-5b-plus.dtb",
    "rockchip/rk3588-rock-5b.dtb",
];
/// Longest time for decompressing the sources.
const EXTRACT_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Longest time for compiling the drivers.
const COMPILE_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Include directories of device tree sources, inside the build root.
pub(super) fn device_tree_includes() -> Vec<PathBuf> {
    let sources = Path::new("/").join(SOURCES);
    vec![
        sources.join(DEVICE_TREE_SOURCES[0]),
        sources.join("include"),
    ]
}

/// Directory of the kernel's own base trees, each in its vendor's, inside the build root.
pub(super) fn base_trees() -> PathBuf {
    Path::new("/").join(SOURCES).join(DEVICE_TREES)
}

/// Directory of the kernel's bindings, inside the build root.
pub(super) fn bindings() -> PathBuf {
    Path::new("/").join(SOURCES).join(BINDINGS)
}

/// Unpacks what is used of the kernel sources and removes their archive.
pub(super) fn unpack_sources(root: &BuildRoot, steps: &Steps) -> Result<()> {
    let archives = root.path().join("usr/src");
    let archive = only_entry(&archives, |name| {
        name.starts_with("linux-source-") && name.ends_with(".tar.xz")
    })?;
    let name = file_name(&archive);
    let top = name.trim_end_matches(".tar.xz");
    let sources = root.path().join(SOURCES);
    fs::create_dir(&sources).at("create", &sources)?;
    let wanted = DEVICE_TREE_SOURCES
        .iter()
        .map(|path| format!("{top}/{path}"));
    let drivers = SENSOR_DRIVERS
        .iter()
        .map(|driver| format!("{top}/drivers/media/i2c/{driver}.c"));
    let command = root
        .command("tar")
        .args([
            "--extract",
            "--xz",
            "--no-same-owner",
            "--strip-components=1",
        ])
        .args(["--directory", "/sources", "--file"])
        .arg(format!("/usr/src/{name}"))
        .args(wanted.chain(drivers))
        .arg(format!("{top}/{BINDINGS}"))
        .env("XZ_DEFAULTS", "--threads=0")
        .bind(&sources, "/sources");
    steps.run("kernel sources: unpack", command.build(), EXTRACT_LIMIT)?;
    fs::remove_file(&archive).at("remove", &archive)
}

/// Moves the base trees that are used to the sources and removes the others, a hundred megabytes.
pub(super) fn keep_base_trees(root: &BuildRoot) -> Result<()> {
    let modules = root
        .path()
        .join("usr/lib/modules")
        .join(headers_release(root)?);
    let all = modules.join("dtb");
    for name in BASE_TREES {
        let kept = root.path().join(SOURCES).join(DEVICE_TREES).join(name);
        let vendor = kept.parent().unwrap_or(&kept);
        fs::create_dir_all(vendor).at("create", vendor)?;
        let found = all.join(name);
        fs::rename(&found, &kept).at("move", &found)?;
    }
    fs::remove_dir_all(&all).at("remove", &all)
}

/// Release of the kernel that the build root has headers for.
pub(super) fn headers_release(root: &BuildRoot) -> Result<String> {
    let headers = only_entry(&root.path().join("usr/src"), |name| {
        name.starts_with("linux-headers-") && name.ends_with("-arm64")
    })?;
    Ok(file_name(&headers)
        .trim_start_matches("linux-headers-")
        .to_owned())
}

/// Builds [`SENSOR_DRIVERS`] in `directory`, which has nothing but the modules afterwards.
pub(super) fn build_modules(root: &BuildRoot, steps: &Steps, directory: &Path) -> Result<()> {
    let release = headers_release(root)?;
    let work = directory.join("work");
    fs::create_dir(&work).at("create", &work)?;
    let mut objects = String::new();
    for driver in SENSOR_DRIVERS {
        let source = root
            .path()
            .join(SOURCES)
            .join(format!("drivers/media/i2c/{driver}.c"));
        fs::copy(&source, work.join(format!("{driver}.c"))).at("copy", &source)?;
        objects += &format!("obj-m += {driver}.o\n");
    }
    let kbuild = work.join("Kbuild");
    fs::write(&kbuild, objects).at("write", &kbuild)?;
    let prefix = if root.has("/usr/bin/aarch64-linux-gnu-gcc") {
        "aarch64-linux-gnu-"
    } else {
        ""
    };
    let command = root
        .command("make")
        .args([
            "-C",
            &format!("/usr/src/linux-headers-{release}"),
            "M=/work",
            "ARCH=arm64",
        ])
        .arg(format!("CROSS_COMPILE={prefix}"))
        .arg("modules")
        .bind(&work, "/work");
    steps.run("sensor drivers: compile", command.build(), COMPILE_LIMIT)?;
    for driver in SENSOR_DRIVERS {
        let module = work.join(format!("{driver}.ko"));
        fs::rename(&module, directory.join(format!("{driver}.ko"))).at("move", &module)?;
    }
    fs::remove_dir_all(&work).at("remove", &work)
}

/// The one entry of `directory` whose name `wanted` accepts.
pub(super) fn only_entry(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).at("list", directory)? {
        let path = entry.at("list", directory)?.path();
        if wanted(&file_name(&path)) {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([path]) => Ok(path),
        Err(found) => Err(Error::Unexpected {
            path: directory.to_path_buf(),
            problem: format!("expected one entry of the kernel, found {}", found.len()),
        }),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_that_of_the_only_arm64_headers() {
        let directory = tempfile::tempdir().unwrap();
        let sources = directory.path().join("usr/src");
        for name in [
            "linux-headers-7.3.4+deb13-arm64",
            "linux-headers-7.3.4+deb13-common",
        ] {
            fs::create_dir_all(sources.join(name)).unwrap();
        }
        let root = BuildRoot::new(directory.path().to_path_buf());
        assert_eq!(headers_release(&root).unwrap(), "7.3.4+deb13-arm64");
        fs::create_dir(sources.join("linux-headers-7.4.1+deb13-arm64")).unwrap();
        let error = headers_release(&root).unwrap_err().to_string();
        assert!(error.contains("found 2"), "{error}");
    }
}
