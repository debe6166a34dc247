//! One guest with one IPA: boots it, carries the plan out in it, collects the findings.

use anyhow::{Context, Result, ensure};
use bayonet_board::prepare::Prepared;
use bayonet_kernel_tests::comparison::{Finding, Plan};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where programs and files are put in the guest.
const KTAP: &str = "/run/ktap";
const PLAN: &str = "/run/plan.json";
const IPA: &str = "/run/bayonet-ipa";
/// Names of the built IPA: as cargo leaves it, and as libcamera looks for it.
const MODULE: (&str, &str) = ("libbayonet_ipa.so", "ipa_bayonet.so");
const WORKER: &str = "soft_ipa_proxy";
/// Where it comes from.
const PACKAGE: &str = "bayonet-ipa";
const TUNING: &str = "ipa-module/src/tuning";
/// Where it is compiled to, below the workspace and in the build root.
const TARGET: &str = "target/guest-ipa";
const INSIDE: &str = "/guest-ipa";
/// Below that.
const PROGRAMS: &str = "aarch64-unknown-linux-gnu/release";
/// Frames take so many times as long as on hardware: an emulated processor makes pictures slowly.
const SLOW: &str = "3";
/// Noise is the same for both.
const SEED: &str = "1";
/// A guest that takes longer hangs, in seconds.
const LIMIT: &str = "5400";

/// Which IPA a guest has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ipa<'a> {
    /// libcamera's own, in a process of its own as well.
    Stock,
    /// Bayonet's.
    Ours(&'a Built),
}

/// Bayonet's IPA, built for the guest.
#[derive(Debug)]
pub(crate) struct Built {
    /// Directory of module and worker.
    pub(crate) programs: PathBuf,
    /// Directory of the tuning files.
    pub(crate) tuning: PathBuf,
}

impl Built {
    /// The IPA whose programs are in this directory already.
    pub(crate) fn at(programs: &Path, workspace: &Path) -> Self {
        Self {
            programs: programs.into(),
            tuning: workspace.join(TUNING),
        }
    }

    /// Builds it in the build root.
    pub(crate) fn make(prepared: &Prepared, workspace: &Path) -> Result<Self> {
        let target = workspace.join(TARGET);
        fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
        let target = fs::canonicalize(&target)?;
        let build = prepared
            .cargo()?
            .bind(&target, INSIDE)
            .env("CARGO_TARGET_DIR", INSIDE)
            .args(["build", "--release", "--locked", "--package", PACKAGE]);
        let status = build
            .build()
            .status()
            .context("starting the build root's cargo")?;
        ensure!(
            status.success(),
            "{PACKAGE} cannot be compiled for the guest: {status}"
        );
        Ok(Self::at(&target.join(PROGRAMS), workspace))
    }
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
        let mut command = self.command(ipa, &file)?;
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

    fn command(&self, ipa: Ipa, plan: &Path) -> Result<Command> {
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
        let environment = match ipa {
            Ipa::Stock => vec!["LIBCAMERA_IPA_FORCE_ISOLATION=1".to_owned()],
            Ipa::Ours(built) => {
                for (from, to) in files(built)? {
                    copy(&from, &format!("{IPA}/{to}"));
                }
                ["MODULE", "PROXY", "CONFIG"]
                    .map(|kind| format!("LIBCAMERA_IPA_{kind}_PATH={IPA}"))
                    .to_vec()
            }
        };
        command.args(["--", "env"]).args(environment);
        command.args([KTAP, "measure", PLAN]);
        Ok(command)
    }
}

/// Files of the IPA, and where each goes below its directory in the guest.
fn files(built: &Built) -> Result<Vec<(PathBuf, String)>> {
    let mut files = vec![
        (built.programs.join(MODULE.0), MODULE.1.to_owned()),
        (built.programs.join(WORKER), WORKER.to_owned()),
    ];
    let tuning = &built.tuning;
    let entries = fs::read_dir(tuning)
        .with_context(|| format!("looking for tuning files in {}", tuning.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // libcamera adds the module's name.
        files.push((path, format!("bayonet/{name}")));
    }
    for (file, _) in &files {
        ensure!(
            file.is_file(),
            "{} is not there: build the IPA for the guest first",
            file.display()
        );
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_guests_differ_in_the_ipa_alone() {
        let directory = tempfile::tempdir().unwrap();
        let ours = Built {
            programs: directory.path().into(),
            tuning: directory.path().join("tuning"),
        };
        fs::create_dir(&ours.tuning).unwrap();
        for file in [MODULE.0, WORKER, "tuning/imx219.yaml"] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let bench = Bench {
            board: "board".into(),
            ktap: "ktap".into(),
            sensor: "imx219".into(),
            directory: directory.path().into(),
        };
        let words = |ipa| {
            let command = bench.command(ipa, Path::new("plan")).unwrap();
            let words = command
                .get_args()
                .map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        let stock = words(Ipa::Stock);
        let end = "-- env LIBCAMERA_IPA_FORCE_ISOLATION=1 /run/ktap measure /run/plan.json";
        assert!(stock.ends_with(end), "{stock}");
        let with_ours = words(Ipa::Ours(&ours));
        for word in [
            ":/run/bayonet-ipa/ipa_bayonet.so ",
            ":/run/bayonet-ipa/soft_ipa_proxy ",
            ":/run/bayonet-ipa/bayonet/imx219.yaml ",
            " LIBCAMERA_IPA_PROXY_PATH=/run/bayonet-ipa ",
        ] {
            assert!(with_ours.contains(word), "{word}: {with_ours}");
        }
        let (same, _) = stock.split_once(" -- ").unwrap();
        assert!(with_ours.starts_with(same), "{with_ours}");
        fs::remove_file(ours.programs.join(WORKER)).unwrap();
        assert!(bench.command(Ipa::Ours(&ours), Path::new("plan")).is_err());
    }
}
