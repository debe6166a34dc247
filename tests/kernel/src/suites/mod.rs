//! The suites, and how one is run.
//!
//! A test returns what it found; nothing here depends on how long it took. A suite's tests run in order and may
//! build on one another. After each suite comes one more test, which reads what the kernel said meanwhile.

mod compliance;
mod concurrent;
mod convergence;
mod driver;
mod edge;
mod enumerate;
mod faults;
mod hotplug;
mod ipa;
mod probe;
mod raw;
mod rebind;
mod software_isp;
mod third_sensor;
mod unsafe_unbind;

use crate::kernel;
use crate::orders::Board;
use anyhow::Result;
use bayonet_kernel_tests::ktap::{self, INDENT, Outcome, VERSION};

/// All of them.
pub(crate) const ALL: [Suite; 25] = [
    probe::SUITE,
    enumerate::SUITE,
    raw::SUITE,
    convergence::SUITE,
    concurrent::SUITE,
    faults::SUITE,
    hotplug::SUITE,
    edge::SUITE,
    rebind::SUITE,
    third_sensor::SUITE,
    software_isp::SUITE,
    ipa::SUITE,
    compliance::SUITE,
    unsafe_unbind::SUITE,
    driver::BRIDGE,
    driver::MOUNT,
    driver::LENS,
    driver::COEXISTENCE,
    driver::RECOVERY,
    driver::NAK,
    driver::NEGATIVES,
    driver::CYCLES,
    driver::DOCTOR,
    driver::PARAMETERS,
    driver::RECORDINGS,
];

/// Tests of one subject.
pub(crate) struct Suite {
    /// Name on the command line and in the output.
    pub(crate) name: &'static str,
    /// A line for people.
    pub(crate) about: &'static str,
    /// The tests, in order.
    pub(crate) tests: &'static [Test],
    /// Whether the kernel may complain.
    pub(crate) complaints: Complaints,
}

/// What a suite makes of warnings, oopses and slab reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complaints {
    /// One fails the suite; those from before the suite too.
    ForbiddenSinceBoot,
    /// One fails the suite.
    Forbidden,
    /// They are the suite's subject; it reads them itself.
    Expected,
}

/// One test.
pub(crate) struct Test {
    /// What holds when it passes.
    pub(crate) name: &'static str,
    /// The test; an error fails it.
    pub(crate) run: fn(&mut Bench) -> Result<Verdict>,
}

/// A test that did not fail.
pub(crate) enum Verdict {
    /// Passed.
    Pass,
    /// Passed, with something worth saying on its line.
    Remark(String),
    /// Could not be run here, and why.
    Skip(String),
}

/// A pass with a remark.
pub(crate) fn remark(text: impl Into<String>) -> Result<Verdict> {
    Ok(Verdict::Remark(text.into()))
}

/// Whether the long form of a suite is wanted.
fn thorough() -> bool {
    std::env::var_os("KTAP_THOROUGH").is_some()
}

/// What a test works with.
pub(crate) struct Bench {
    /// The board around this guest.
    pub(crate) board: Board,
}

impl Bench {
    /// Writes diagnostic lines.
    #[expect(clippy::unused_self, reason = "a test writes through its bench")]
    pub(crate) fn note(&self, text: &str) {
        for line in ktap::diagnostics(text) {
            println!("{INDENT}{line}");
        }
    }
}

/// Runs suites; whether all passed.
pub(crate) fn run(suites: &[&Suite]) -> Result<bool> {
    let mut bench = Bench {
        board: Board::open()?,
    };
    println!("{VERSION}\n1..{}", suites.len());
    let mut all = true;
    for (index, suite) in suites.iter().enumerate() {
        let outcome = run_suite(suite, &mut bench);
        println!("{}", ktap::result(outcome, index + 1, suite.name, ""));
        all &= outcome != Outcome::Failed;
    }
    Ok(all)
}

fn run_suite(suite: &Suite, bench: &mut Bench) -> Outcome {
    let silence = usize::from(suite.complaints != Complaints::Expected);
    println!(
        "{INDENT}{VERSION}\n{INDENT}1..{}",
        suite.tests.len() + silence
    );
    let begin = kernel::mark(suite.name);
    let mut worst = Outcome::Skipped;
    let mut report = |number: usize, name: &str, result: Result<Verdict>| {
        let (outcome, words) = match result {
            Ok(Verdict::Pass) => (Outcome::Passed, String::new()),
            Ok(Verdict::Remark(words)) => (Outcome::Passed, words),
            Ok(Verdict::Skip(reason)) => (Outcome::Skipped, reason),
            Err(error) => (Outcome::Failed, format!("{error:#}")),
        };
        worst = match (worst, outcome) {
            (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
            (Outcome::Skipped, Outcome::Skipped) => Outcome::Skipped,
            _ => Outcome::Passed,
        };
        println!("{INDENT}{}", ktap::result(outcome, number, name, &words));
    };
    for (index, test) in suite.tests.iter().enumerate() {
        let result = (test.run)(bench);
        report(index + 1, test.name, result);
    }
    if suite.complaints != Complaints::Expected {
        let since = match suite.complaints {
            Complaints::ForbiddenSinceBoot => Ok(None),
            _ => begin.map(Some),
        };
        let silence = since.and_then(|mark| silence_since(mark.as_deref(), bench));
        report(suite.tests.len() + 1, "no kernel complaint", silence);
    }
    worst
}

fn silence_since(mark: Option<&str>, bench: &Bench) -> Result<Verdict> {
    let complaints = kernel::complaints_since(mark)?;
    for complaint in &complaints {
        bench.note(complaint);
    }
    anyhow::ensure!(
        complaints.is_empty(),
        "{} lines of complaint",
        complaints.len()
    );
    Ok(Verdict::Pass)
}
