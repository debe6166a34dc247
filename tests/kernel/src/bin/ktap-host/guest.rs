//! One guest: boots it, follows what its suites say, and completes what a guest that died left open.

mod amd64;

use crate::report::Report;
use anyhow::{Context, Result};
use bayonet_board::machine::kernel_complaints;
use bayonet_board::model::Model;
use bayonet_board::prepare::{Error, Prepared};
use bayonet_kernel_tests::ktap::{self, Checker, INDENT, Line, Outcome, Tally, VERSION};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

/// A guest and what runs in it.
pub(crate) struct Guest {
    /// For people.
    pub(crate) name: &'static str,
    /// Suites, in order.
    pub(crate) suites: &'static [&'static str],
    machine: Machine,
    /// Whether the kernel may complain and the guest may die.
    disposable: bool,
    /// Whether only a thorough run has it, unless its suites are asked for.
    pub(crate) long: bool,
}

/// What a guest runs on.
enum Machine {
    /// The virtual board.
    Board {
        /// Options of the board's program.
        options: &'static [&'static str],
        /// Words on the kernel's command line.
        kernel: &'static str,
    },
    /// A bare PC with Debian's amd64 kernel.
    Amd64,
}

/// Slab poisoning and checks find a use after free at once; an oops ends the guest.
const STRICT: &str = "slub_debug=FZPU oops=panic";
/// The same, but the guest may go on to tell of it.
const LENIENT: &str = "slub_debug=FZPU";

/// Small sensors: the software ISP is slower than they are under emulation.
const SOFTWARE_ISP: [&str; 6] = ["--board", "imx8mm", "--main", "imx219", "--mount", "imx219"];
const SOFTWARE_ISP_WITH_DRIVER: [&str; 7] = [
    "--board", "imx8mm", "--main", "imx219", "--mount", "imx219", "--driver",
];

/// All guests, in the order in which they are booted.
pub(crate) const GUESTS: [Guest; 13] = [
    Guest {
        name: "two imx283",
        suites: &[
            "probe",
            "enumerate",
            "raw",
            "convergence",
            "concurrent",
            "faults",
            "hotplug",
            "edge",
            "rebind",
        ],
        machine: Machine::Board {
            options: &[],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "imx296 and imx283",
        suites: &["third_sensor"],
        machine: Machine::Board {
            options: &["--main", "imx296"],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "two imx219 without an image processor",
        suites: &["software_isp"],
        machine: Machine::Board {
            options: &SOFTWARE_ISP,
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        // In every run the other board's wires have faults, and this board is unplugged in `bridge`.
        name: "wires of two imx219 without an image processor",
        suites: &["faults", "hotplug"],
        machine: Machine::Board {
            options: &SOFTWARE_ISP,
            kernel: STRICT,
        },
        disposable: false,
        long: true,
    },
    Guest {
        name: "bayonetd without an image processor",
        suites: &["bridge"],
        machine: Machine::Board {
            options: &SOFTWARE_ISP_WITH_DRIVER,
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "imx283 and imx219 with Bayonet's IPA",
        suites: &["ipa", "compliance"],
        machine: Machine::Board {
            options: &[
                "--driver", "--board", "imx8mm", "--main", "imx283", "--mount", "imx219",
            ],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "bayonetd",
        suites: &[
            "mount",
            "lens",
            "coexistence",
            "recovery",
            "nak",
            "doctor",
            "parameters",
            "cycles",
        ],
        machine: Machine::Board {
            // A small main sensor: its frames cost the emulator least.
            options: &["--main", "imx219", "--driver"],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "raw pictures of two imx283",
        suites: &["negatives", "recordings"],
        machine: Machine::Board {
            options: &["--driver"],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "one parameter for both cameras",
        suites: &["parameters"],
        machine: Machine::Board {
            options: &[
                "--driver",
                "--dtparam=rotation=180",
                "--dtparam=orientation=0",
                "--dtparam=always-on",
                "--dtparam=present-pin=24",
            ],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "cameras on each other's ports",
        suites: &["parameters"],
        machine: Machine::Board {
            options: &[
                "--driver",
                "--dtparam=cam0=main",
                "--dtparam=always-on",
                "--dtparam=main-rotation=180",
                "--dtparam=mount-orientation=1",
                "--dtparam=link-frequency=360000000",
                "--dtparam=mount-link-frequency=720000000",
            ],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "each camera with its own parameters",
        suites: &["parameters"],
        machine: Machine::Board {
            options: &[
                "--driver",
                "--dtparam=mount-rotation=180",
                "--dtparam=main-orientation=0",
                "--dtparam=main-link-frequency=360000000",
                "--dtparam=code0-pin=25",
                "--dtparam=frame1-pin=26",
                "--dtparam=shutter-pin=4",
                "--dtparam=mount-supply-pin=27",
            ],
            kernel: STRICT,
        },
        disposable: false,
        long: false,
    },
    Guest {
        name: "the amd64 kernel's system heap",
        suites: &["dma"],
        machine: Machine::Amd64,
        disposable: false,
        long: false,
    },
    Guest {
        name: "disposable",
        suites: &["unsafe_unbind"],
        machine: Machine::Board {
            options: &[],
            kernel: LENIENT,
        },
        disposable: true,
        long: false,
    },
];

/// Names for the command line.
pub(crate) fn suite_names() -> Vec<&'static str> {
    let mut names: Vec<_> = GUESTS.iter().flat_map(|guest| guest.suites).collect();
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(**name));
    names.into_iter().copied().collect()
}

/// What guests are booted with.
pub(crate) struct Tools {
    /// The board's program.
    pub(crate) board: PathBuf,
    /// The guest's program, on the host.
    pub(crate) ktap: PathBuf,
    /// What makes the bare PC, once it is needed.
    pub(crate) prepared: Prepared,
    /// How often `hotplug` unplugs and plugs.
    pub(crate) cycles: u32,
    /// How often `cycles` does.
    pub(crate) plugs: u32,
    /// Whether the suites' long forms are wanted.
    pub(crate) thorough: bool,
}

/// Where the program is put in the guest.
const KTAP: &str = "/run/ktap";
/// A guest that takes longer hangs: seconds for itself, and for each cycle.
const LIMIT_S: u32 = 60 * 60;
const CYCLE_LIMIT_S: u32 = 20;
const PLUG_LIMIT_S: u32 = 2;
/// And for a thorough run: the limits of `compliance`, which takes longest.
const THOROUGH_LIMIT_S: u32 = 6 * 60 * 60;
/// Name of the tests that a guest which died left open.
const ENDED: &str = "did not end";
/// How the board's program begins to tell what the kernel complained about on the console.
const COMPLAINTS: [&str; 5] = [
    "kernel Panic: ",
    "kernel Oops: ",
    "kernel Bug: ",
    "kernel Stall: ",
    "kernel Warning: ",
];

impl Guest {
    /// Results on the outermost level that these suites of the guest make.
    pub(crate) fn results(&self, suites: &[&str]) -> usize {
        suites.len() + usize::from(!self.disposable)
    }

    /// Whether it is a virtual board of this model.
    pub(crate) fn is_on(&self, model: Model) -> bool {
        let Machine::Board { options, .. } = self.machine else {
            return false;
        };
        let named = options.windows(2).find(|pair| pair[0] == "--board");
        let named = named.and_then(|pair| Model::from_str(pair[1], false).ok());
        named.unwrap_or_default() == model
    }

    /// Boots the guest, runs `suites` in it, reports.
    ///
    /// # Errors
    /// When the board's program cannot be started; what goes wrong in the guest is reported as failed tests.
    pub(crate) fn run(&self, suites: &[&str], tools: &Tools, report: &mut Report) -> Result<()> {
        let mut relay = Relay::new(suites, report);
        let mut command = match &self.machine {
            Machine::Board { options, kernel } => on_board(options, kernel, suites, tools),
            Machine::Amd64 => match amd64::command(&tools.prepared) {
                Ok(command) => command,
                Err(reason @ Error::NotAmd64) => {
                    relay.complete(Outcome::Skipped, "did not begin", &reason.to_string());
                    relay.end();
                    report.result(Outcome::Skipped, &self.end_name(), "");
                    return Ok(());
                }
                Err(error) => return Err(error).context("preparing the amd64 guest"),
            },
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let stdout = child.stdout.take().context("the guest's output")?;
        let complaints = follow_errors(&mut child, self.machine.complaint());
        for line in BufReader::new(stdout).split(b'\n') {
            let Ok(line) = line else { break };
            relay.take(&String::from_utf8_lossy(&line));
        }
        let status = child.wait().context("waiting for the guest")?;
        let complaints = complaints.join().unwrap_or_default();
        let ended_early = relay.lacks_results();
        if self.disposable && ended_early && !complaints.is_empty() {
            let words = format!("the guest died of it, as known: {}", complaints[0]);
            relay.complete(Outcome::Passed, ENDED, &words);
        } else {
            relay.complete(Outcome::Failed, ENDED, "ERROR the guest ended before this");
        }
        let failed = relay.end();
        if !self.disposable {
            self.report_end(status, ended_early, failed, &complaints, report);
        }
        Ok(())
    }

    fn end_name(&self) -> String {
        format!("guest with {} ends well", self.name)
    }

    /// One more test: the kernel kept silent up to the end and the exit status fits the results.
    fn report_end(
        &self,
        status: ExitStatus,
        ended_early: bool,
        failed: bool,
        complaints: &[String],
        report: &mut Report,
    ) {
        let words = if ended_early {
            format!("ended early, {status}")
        } else if let Some(first) = complaints.first() {
            format!("{} complaints, first {first}", complaints.len())
        } else if !status.success() && !failed {
            format!("{status} though every test passed")
        } else {
            String::new()
        };
        let outcome = if words.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        let mut tally = Tally::default();
        tally.add(outcome);
        report.add(tally);
        report.result(outcome, &self.end_name(), &words);
    }
}

impl Machine {
    /// How to find what the kernel complained about in a line of standard error.
    fn complaint(&self) -> fn(&str) -> Option<String> {
        match self {
            Self::Board { .. } => |line| {
                let at = COMPLAINTS.iter().filter_map(|words| line.find(words)).min();
                at.map(|at| line[at..].trim().to_owned())
            },
            Self::Amd64 => |line| kernel_complaints(line).first().map(ToString::to_string),
        }
    }
}

/// The board's program, which boots a guest and runs suites in it.
fn on_board(options: &[&str], kernel: &str, suites: &[&str], tools: &Tools) -> Command {
    let thorough = if tools.thorough { THOROUGH_LIMIT_S } else { 0 };
    let limit = LIMIT_S + CYCLE_LIMIT_S * tools.cycles + PLUG_LIMIT_S * tools.plugs + thorough;
    let mut command = Command::new(&tools.board);
    command
        .arg("exec")
        .args(options)
        .args(["--append", kernel, "--timeout", &limit.to_string()])
        .args(["--copy-in", &format!("{}:{KTAP}", tools.ktap.display())]);
    command.args(["--", "env", &format!("KTAP_CYCLES={}", tools.cycles)]);
    command.arg(format!("KTAP_PLUGS={}", tools.plugs));
    let parameters = options
        .iter()
        .filter_map(|option| option.strip_prefix("--dtparam="));
    let parameters: Vec<_> = parameters.collect();
    command.arg(format!("KTAP_DTPARAM={}", parameters.join(",")));
    if tools.thorough {
        command.arg("KTAP_THOROUGH=1");
    }
    command.arg(KTAP).args(suites);
    command
}

/// Passes a guest's standard error on; what the kernel complained about comes back at its end.
fn follow_errors(
    child: &mut Child,
    complaint: fn(&str) -> Option<String>,
) -> JoinHandle<Vec<String>> {
    let stderr = child.stderr.take();
    std::thread::spawn(move || {
        let mut complaints = Vec::new();
        let Some(stderr) = stderr else {
            return complaints;
        };
        for line in BufReader::new(stderr).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line);
            eprintln!("{line}");
            complaints.extend(complaint(&line));
        }
        complaints
    })
}

/// Follows the guest's stream: nested lines go out as they are, results of suites get the numbers of the report.
struct Relay<'a> {
    checker: Checker,
    waiting: std::vec::IntoIter<String>,
    report: &'a mut Report,
    failed: bool,
    problems: usize,
}

impl<'a> Relay<'a> {
    fn new(suites: &[&str], report: &'a mut Report) -> Self {
        let suites: Vec<String> = suites.iter().map(|&suite| suite.to_owned()).collect();
        Self {
            checker: Checker::new(),
            waiting: suites.into_iter(),
            report,
            failed: false,
            problems: 0,
        }
    }

    fn take(&mut self, line: &str) {
        let line = line.trim_end();
        let (depth, meaning) = self.checker.push(line);
        match (depth, meaning) {
            (
                0,
                Line::Result {
                    outcome,
                    name,
                    remark,
                    ..
                },
            ) => self.suite(outcome, &name, &remark),
            (0, Line::Version | Line::Plan(_)) => {}
            (0, Line::Other) => self.report.note(line.trim_start_matches("# ")),
            _ => self.report.line(line),
        }
    }

    /// The end of a suite: it fails when its stream broke the format's rules.
    fn suite(&mut self, outcome: Outcome, name: &str, remark: &str) {
        let mut problems = self.checker.problems();
        if self
            .waiting
            .as_slice()
            .first()
            .is_some_and(|expected| expected == name)
        {
            self.waiting.next();
        } else {
            problems.push(format!("{name} was not expected here"));
        }
        for problem in &problems {
            self.report.note(&format!("broken output: {problem}"));
        }
        self.problems += problems.len();
        let outcome = if problems.is_empty() {
            outcome
        } else {
            Outcome::Failed
        };
        self.failed |= outcome == Outcome::Failed;
        self.report.result(outcome, name, remark);
    }

    fn lacks_results(&self) -> bool {
        !self.waiting.as_slice().is_empty()
    }

    /// Gives every result that did not come; `test` names the tests that are missing.
    fn complete(&mut self, outcome: Outcome, test: &str, words: &str) {
        if self.checker.depth() == 0 && self.lacks_results() {
            self.take(VERSION);
            self.take(&format!("1..{}", self.waiting.as_slice().len()));
        }
        while let Some(name) = self.waiting.as_slice().first().cloned() {
            if self.checker.depth() < 2 {
                self.take(&format!("{INDENT}{VERSION}"));
            }
            if self.checker.missing().is_none() {
                self.take(&format!("{INDENT}1..1"));
            }
            for number in self.checker.missing().unwrap_or(0..0) {
                self.take(&format!(
                    "{INDENT}{}",
                    ktap::result(outcome, number, test, words)
                ));
            }
            let number = self.checker.next_at(0);
            self.take(&ktap::result(outcome, number, &name, ""));
        }
    }

    /// Adds the counts; whether something failed.
    fn end(mut self) -> bool {
        self.checker.finish();
        for problem in self.checker.problems() {
            self.report.note(&format!("broken output: {problem}"));
            self.problems += 1;
        }
        let mut tally = self.checker.tally();
        // Output that cannot be trusted is a failure of its own.
        tally.failed += self.problems;
        self.report.add(tally);
        self.failed || self.problems > 0
    }
}

#[cfg(test)]
mod tests;
