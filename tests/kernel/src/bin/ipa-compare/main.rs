//! `ipa-compare`: boots virtual boards without an image processor, once with libcamera's own IPA and once with
//! Bayonet's, and measures how exposure, white balance and colour of the two compare.

mod guest;
mod judge;
mod plan;
mod plot;
mod report;

use anyhow::{Context, Result, ensure};
use bayonet_board::prepare::{Options, Prepared, prepare};
use bayonet_board::sensor::SensorModel;
use bayonet_kernel_tests::comparison::Finding;
use clap::Parser;
use guest::{Bench, Ipa};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Package and binary of what runs in the guest.
const PACKAGE: &str = "bayonet-kernel-tests";
const BINARY: &str = "ktap";
/// The program that boots a board, beside this one.
const BOARD: &str = "bayonet-board";
/// Where table and plot go.
const TABLE: &str = "docs/ipa-comparison.md";
const PLOT: &str = "docs/ipa-comparison.svg";
/// Photographs.
const SCENES: &str = "tools/board/scenes";

/// Compares Bayonet's IPA with libcamera's own on the virtual board
///
/// Writes docs/ipa-comparison.md and docs/ipa-comparison.svg.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Sensor on the main port
    #[arg(long, value_name = "SENSOR", default_value = "imx219")]
    sensor: String,
    /// Write what was found, before it was judged, as JSON
    #[arg(long, value_name = "FILE")]
    findings: Option<PathBuf>,
    /// Take what was found with libcamera's IPA from an earlier file of --findings
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Judge what an earlier file of --findings has, and measure nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["findings", "keep"])]
    judge: Option<PathBuf>,
    /// The workspace
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
}

/// Everything that was found.
#[derive(Debug, Deserialize, Serialize)]
struct Findings {
    sensor: String,
    stock: Vec<Finding>,
    ours: Vec<Finding>,
}

fn main() -> ExitCode {
    match compare(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ipa-compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(cli: &Cli) -> Result<()> {
    let model = SensorModel::named(&cli.sensor).with_context(|| {
        format!(
            "no sensor {}; there are {}",
            cli.sensor,
            SensorModel::NAMES.join(", ")
        )
    })?;
    let findings = match &cli.judge {
        Some(file) => read(file, &cli.sensor)?,
        None => measure(cli, &model)?,
    };
    if let Some(file) = &cli.findings {
        write(file, &serde_json::to_string(&findings)?)?;
    }
    let best = judge::best_possible(&model, &findings.stock);
    let stock = judge::judge(&model, &findings.stock);
    let ours = judge::judge(&model, &findings.ours);
    let table = report::markdown(&cli.sensor, &stock, &ours, &best);
    let plot = plot::svg([&findings.stock, &findings.ours], [&stock, &ours]);
    write(&cli.workspace.join(TABLE), &table)?;
    write(&cli.workspace.join(PLOT), &plot)?;
    print!("{table}");
    Ok(())
}

/// Boots a guest with each IPA, and measures.
fn measure(cli: &Cli, model: &SensorModel) -> Result<Findings> {
    let keep = cli.keep.as_deref();
    let kept = keep.map(|file| read(file, &cli.sensor)).transpose()?;
    let directory = tempfile::tempdir().context("making room for scenes")?;
    let scenes = cli.workspace.join(SCENES);
    let plan = plan::plan(model, &scenes, directory.path())?;
    let prepared = prepare(&Options::default()).context("preparing the guest")?;
    let bench = bench(cli, &prepared, directory.path())?;
    let stock = match kept {
        Some(kept) => kept.stock,
        None => bench.findings(Ipa::Stock, &plan)?,
    };
    Ok(Findings {
        sensor: cli.sensor.clone(),
        stock,
        ours: bench.findings(Ipa::Ours, &plan)?,
    })
}

/// What was found with this sensor before.
fn read(file: &Path, sensor: &str) -> Result<Findings> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let findings: Findings = serde_json::from_str(&text)
        .with_context(|| format!("{} has no findings", file.display()))?;
    ensure!(
        findings.sensor == sensor,
        "{} has findings with {}, not with {sensor}",
        file.display(),
        findings.sensor
    );
    Ok(findings)
}

fn bench(cli: &Cli, prepared: &Prepared, directory: &Path) -> Result<Bench> {
    let here = std::env::current_exe().context("finding this program")?;
    let board = here.with_file_name(BOARD);
    ensure!(
        board.is_file(),
        "{} is not there: build it with `cargo build --release --package bayonet-board`",
        board.display()
    );
    let ktap = prepared
        .guest_binary(PACKAGE, BINARY)
        .context("compiling the guest's program")?;
    Ok(Bench {
        board,
        ktap,
        sensor: cli.sensor.clone(),
        directory: directory.into(),
    })
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}
