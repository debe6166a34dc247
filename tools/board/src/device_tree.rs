//! The board's device tree: that of QEMU's `virt` machine with RP1 and the sockets for cameras added, and the module
//! merged into it as a boot loader of the real board does.
//!
//! The sources are in `dt-overlays` and, for RP1 itself, the kernel's. The build root's preprocessor and compiler make
//! base and overlay, `bayonet-overlay` sets the overlay's parameters, and the build root's `fdtoverlay` merges.

use crate::machine::{Programs, dump_device_tree, output_within};
use crate::model::Model;
use crate::prepare::{Prepared, Sandbox};
use anyhow::Context;
use bayonet_overlay::{Overlay, Problem, problems};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

/// Where the run directory appears in the build root.
const INSIDE: &str = "/mnt";
/// Where the sources appear in the build root.
const SOURCES: &str = "/dt-overlays";
/// What the run directory has in the end.
const BASE_BLOB: &str = "base.dtb";
const OVERLAY_BLOB: &str = "module.dtbo";
const BOARD_BLOB: &str = "board.dtb";

/// Far more than preprocessing and compiling take.
const LIMIT: Duration = Duration::from_secs(60);

/// Compiles the file `$SOURCE`; the blob is the output. Warnings of the machine's own tree, whose references
/// decompilation has made numbers, are silenced by `-q`.
const COMPILE: &str = r#"
set -e
cpp=$(command -v aarch64-linux-gnu-gcc || command -v gcc)
"$cpp" -E -nostdinc -undef -x assembler-with-cpp -P -D__DTS__ $INCLUDES "$SOURCE" > /tmp/preprocessed
dtc -q -@ -I dts -O dtb /tmp/preprocessed
"#;

/// Decompiles the machine's own tree and puts ours behind it; the source of both is the file `$SOURCE`.
const JOIN: &str = r#"
dtc -q -I dtb -O dts -o /tmp/virt.dts virt.dtb || exit
cat /tmp/virt.dts "$BASE" > "$SOURCE"
"#;

/// What a tree is made for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Which board.
    pub model: Model,
    /// Sensor of the main camera.
    pub main: String,
    /// Sensor behind the mount, if there is one.
    pub mount: Option<String>,
    /// Further parameters of the overlay with their values, in order; later ones win.
    pub parameters: Vec<(String, String)>,
}

/// Compiles the module's overlay and sets its parameters.
///
/// # Errors
/// A source that does not compile, an unknown parameter, a value that it cannot have.
pub fn overlay(prepared: &Prepared, wanted: &Wanted) -> anyhow::Result<Overlay> {
    let source = Path::new(SOURCES).join(wanted.model.overlay());
    let command = compile(prepared, &source, &[]);
    let blob = run(command, "the module's device tree overlay does not compile")?.stdout;
    let mut overlay = Overlay::parse(&blob).context("the module's device tree overlay")?;
    let mount = wanted.mount.as_deref().unwrap_or("none");
    let sensors = [("main", wanted.main.as_str()), ("mount", mount)];
    let parameters = wanted.parameters.iter();
    let parameters = parameters.map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in sensors.into_iter().chain(parameters) {
        overlay.set(name, value)?;
    }
    Ok(overlay)
}

/// Composes the tree with the module in `directory`; returns the blob's path.
///
/// # Errors
/// When the directory cannot be written, one of the tools fails, the base lacks labels that the overlay needs, or the
/// tree is contradictory.
pub fn compose(
    prepared: &Prepared,
    programs: &Programs,
    model: Model,
    overlay: &Overlay,
    directory: &Path,
) -> anyhow::Result<PathBuf> {
    let base = base(prepared, programs, model, directory)?;
    let merged = overlay.merge(&base).context("the device tree")?;
    refuse(&problems(&merged))?;
    write(&directory.join(BASE_BLOB), &base)?;
    write(&directory.join(OVERLAY_BLOB), &overlay.to_blob())?;
    let command = prepared
        .build_root
        .command("fdtoverlay")
        .bind(directory, INSIDE)
        .current_dir(INSIDE)
        .args(["-i", BASE_BLOB, "-o", BOARD_BLOB, OVERLAY_BLOB]);
    run(command, "the module's overlay cannot be merged")?;
    Ok(directory.join(BOARD_BLOB))
}

/// The blob of the tree without the module.
fn base(
    prepared: &Prepared,
    programs: &Programs,
    model: Model,
    directory: &Path,
) -> anyhow::Result<Vec<u8>> {
    dump_device_tree(programs, &directory.join("virt.dtb"))?;
    let source = Path::new(INSIDE).join("base.dts");
    let join = prepared
        .build_root
        .command("sh")
        .bind(directory, INSIDE)
        .bind_read_only(&prepared.device_tree_sources(), SOURCES)
        .current_dir(INSIDE)
        .env("BASE", Path::new(SOURCES).join(model.base_tree()))
        .env("SOURCE", &source)
        .args(["-c", JOIN]);
    run(join, "the machine's device tree cannot be read")?;
    let command = compile(prepared, &source, &prepared.device_tree_includes);
    let command = command.bind_read_only(directory, INSIDE);
    Ok(run(command, "the board's device tree does not compile")?.stdout)
}

fn compile(prepared: &Prepared, source: &Path, includes: &[PathBuf]) -> Sandbox {
    let sources = PathBuf::from(SOURCES);
    let includes = includes.iter().chain([&sources]);
    let includes = includes.map(|path| format!("-I{}", path.display()));
    prepared
        .build_root
        .command("sh")
        .bind_read_only(&prepared.device_tree_sources(), SOURCES)
        .env("INCLUDES", includes.collect::<Vec<_>>().join(" "))
        .env("SOURCE", source)
        .args(["-c", COMPILE])
}

/// Runs a tool of the build root; what it printed comes back.
fn run(command: Sandbox, failure: &str) -> anyhow::Result<Output> {
    let output = output_within(&mut command.build(), LIMIT)
        .context("cannot run the device tree tools in the build root")?;
    anyhow::ensure!(
        output.status.success(),
        "{failure}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output)
}

fn write(path: &Path, blob: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, blob).with_context(|| format!("cannot write {}", path.display()))
}

/// No guest boots from a contradictory tree.
fn refuse(problems: &[Problem]) -> anyhow::Result<()> {
    let lines: String = problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect();
    anyhow::ensure!(
        lines.is_empty(),
        "the device tree contradicts itself:{lines}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contradiction_is_told() {
        refuse(&[]).unwrap();
        let problem = |node: &str| Problem {
            node: node.into(),
            what: "it has no clock".into(),
            advice: "give it one".into(),
        };
        let text = refuse(&[problem("/a"), problem("/b")])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("\n  /a: it has no clock; give it one\n  /b: "),
            "{text}"
        );
    }
}
