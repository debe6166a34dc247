//! One guest with one IPA: boots it, carries the plan out in it, collects the findings.

use anyhow::{Context, Result, ensure};
use bayonet_kernel_tests::comparison::{Finding, Plan};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where program and plan are put in the guest.
const KTAP: &str = "/run/ktap";
const PLAN: &str = "/run/plan.json";
/// Where Debian has the modules that come with libcamera.
const STOCK: &str = "LIBCAMERA_IPA_MODULE_PATH=/usr/lib/aarch64-linux-gnu/libcamera/ipa";
/// A module that libcamera signed would run in its own process otherwise.
const ISOLATED: &str = "LIBCAMERA_IPA_FORCE_ISOLATION=1";
/// Frames take so many times as long as on hardware: an emulated processor makes pictures slowly.
const SLOW: &str = "3";
/// Noise is the same for both.
const SEED: &str = "1";
/// A guest that takes longer hangs, in seconds.
const LIMIT: &str = "5400";

/// Which IPA a guest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ipa {
    /// libcamera's own, in a process of its own as well.
    Stock,
    /// Bayonet's, which this board has installed.
    Ours,
}

/// What guests are booted with.
pub(crate) struct Bench {
    /// The board's program.
    pub(crate) board: PathBuf,
    /// The guest's program, on the host.
    pub(crate) ktap: PathBuf,
    pub(crate) sensor: String,
    /// For the plan's file.
    pub(crate) directory: PathBuf,
}

impl Bench {
    /// What a guest with this IPA finds.
    pub(crate) fn findings(&self, ipa: Ipa, plan: &Plan) -> Result<Vec<Finding>> {
        let file = self.directory.join("plan.json");
        fs::write(&file, serde_json::to_vec(plan)?).with_context(|| file.display().to_string())?;
        let mut command = self.command(ipa, &file);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.board.display()))?;
        let stdout = child.stdout.take().context("the guest's output")?;
        let mut findings: Vec<Finding> = Vec::new();
        for line in BufReader::new(stdout).lines() {
            // Other programs' words come between.
            if let Ok(finding) = serde_json::from_str::<Finding>(&line?) {
                let told = finding.failure.as_deref().unwrap_or("done");
                eprintln!(
                    "ipa-compare: {} of {}: {}: {told}",
                    findings.len() + 1,
                    plan.runs.len(),
                    finding.name
                );
                findings.push(finding);
            }
        }
        let status = child.wait()?;
        ensure!(
            findings.len() == plan.runs.len(),
            "the guest with {ipa:?} ended ({status}) after {} of {} runs",
            findings.len(),
            plan.runs.len()
        );
        Ok(findings)
    }

    fn command(&self, ipa: Ipa, plan: &Path) -> Command {
        let mut command = Command::new(&self.board);
        command.args(["exec", "--board", "imx8mm", "--slow", SLOW, "--seed", SEED]);
        command.args([
            "--main",
            &self.sensor,
            "--mount",
            "none",
            "--timeout",
            LIMIT,
        ]);
        let mut copy = |from: &Path, to: &str| {
            command.args(["--copy-in", &format!("{}:{to}", from.display())]);
        };
        copy(&self.ktap, KTAP);
        copy(plan, PLAN);
        command.args(["--", "env"]);
        if ipa == Ipa::Stock {
            command.args([STOCK, ISOLATED]);
        }
        command.args([KTAP, "measure", PLAN]);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_guests_differ_in_the_ipa_alone() {
        let bench = Bench {
            board: "board".into(),
            ktap: "ktap".into(),
            sensor: "imx219".into(),
            directory: "directory".into(),
        };
        let words = |ipa| {
            let command = bench.command(ipa, Path::new("plan"));
            let words = command
                .get_args()
                .map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        let (stock, ours) = (words(Ipa::Stock), words(Ipa::Ours));
        assert_eq!(stock.replace(&format!("{STOCK} {ISOLATED} "), ""), ours);
        assert!(
            ours.ends_with(" -- env /run/ktap measure /run/plan.json"),
            "{ours}"
        );
    }
}
