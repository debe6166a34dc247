//! The board's device tree: that of QEMU's `virt` machine with RP1, the connectors and the module added.
//!
//! The sources are in `dt-overlays/virtual` and, for RP1 itself, the kernel's; the build root's QEMU, preprocessor
//! and compiler put them together, in one script.

use crate::machine::{Programs, dump_device_tree, output_within};
use crate::prepare::Prepared;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the run directory appears in the build root.
const INSIDE: &str = "/mnt";

/// Far more than preprocessing and compiling take.
const LIMIT: Duration = Duration::from_secs(60);

/// The virtual board's own sources.
const SOURCES: [(&str, &str); 5] = [
    (
        "rpi5.dts",
        include_str!("../../../dt-overlays/virtual/rpi5.dts"),
    ),
    (
        "labels.h",
        include_str!("../../../dt-overlays/virtual/labels.h"),
    ),
    (
        "imx219.dtsi",
        include_str!("../../../dt-overlays/virtual/imx219.dtsi"),
    ),
    (
        "imx283.dtsi",
        include_str!("../../../dt-overlays/virtual/imx283.dtsi"),
    ),
    (
        "imx296.dtsi",
        include_str!("../../../dt-overlays/virtual/imx296.dtsi"),
    ),
];

/// Adds our tree behind the machine's own, preprocesses and compiles. Warnings of the machine's own
/// tree, whose references decompilation has made numbers, are silenced by `-q`.
const SCRIPT: &str = r#"
set -e
dtc -q -I dtb -O dts -o virt.dts virt.dtb
cat virt.dts rpi5.dts > board.dts
cpp=$(command -v aarch64-linux-gnu-gcc || command -v gcc)
"$cpp" -E -nostdinc -undef -x assembler-with-cpp -P -D__DTS__ $DEFINES $INCLUDES -I. -o board.pre board.dts
dtc -q -@ -I dts -O dtb -o board.dtb board.pre
"#;

/// Composes the tree for these sensors in `directory`; returns the blob's path.
///
/// # Errors
/// When the directory cannot be written or one of the tools fails, with what it said.
pub fn compose(
    prepared: &Prepared,
    programs: &Programs,
    main: &str,
    mount: Option<&str>,
    directory: &Path,
) -> anyhow::Result<PathBuf> {
    for (name, text) in SOURCES {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    dump_device_tree(programs, &directory.join("virt.dtb"))?;
    let defines = [("MAIN", Some(main)), ("MOUNT", mount)]
        .into_iter()
        .filter_map(|(name, sensor)| Some(format!(r#"-D{name}="{}.dtsi""#, sensor?)))
        .collect::<Vec<_>>();
    let includes = prepared
        .device_tree_includes
        .iter()
        .map(|path| format!("-I{}", path.display()));
    let mut command = prepared
        .build_root
        .command("sh")
        .bind(directory, INSIDE)
        .current_dir(INSIDE)
        .env("DEFINES", defines.join(" "))
        .env("INCLUDES", includes.collect::<Vec<_>>().join(" "))
        .args(["-c", SCRIPT])
        .build();
    let output = output_within(&mut command, LIMIT)
        .context("cannot run the device tree tools in the build root")?;
    anyhow::ensure!(
        output.status.success(),
        "the device tree did not compile: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(directory.join("board.dtb"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::SensorModel;

    #[test]
    fn every_sensor_has_a_source() {
        for name in SensorModel::NAMES {
            let file = format!("{name}.dtsi");
            assert!(
                SOURCES.iter().any(|(source, _)| *source == file),
                "{file} is missing"
            );
        }
    }
}
