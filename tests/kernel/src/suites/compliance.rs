//! libcamera's own compliance tests with our IPA: every one passes that passes with the stock one.

use super::ipa::{HELLO, ISOLATED, STOCK};
use super::{Bench, Complaints, Suite, Test, Verdict, remark, thorough};
use crate::orders::Port;
use crate::process::{Ended, Running};
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) const SUITE: Suite = Suite {
    name: "compliance",
    about: "lc-compliance with Bayonet's IPA passes what it passes with the stock one",
    tests: &[Test {
        name: "whatever passes with the stock IPA passes with Bayonet's",
        run: compare,
    }],
    complaints: Complaints::Forbidden,
};

/// Starts, repeated starts, and stops with requests on their way, in the largest pictures; a thorough run has all roles
/// and counts.
const SOME: &str = "*Viewfinder__3:*Raw__5";
const ALL: &str = "*";
/// A test that hangs ends with the program.
const LIMIT: Duration = Duration::from_secs(20 * 60);
const LIMIT_OF_ALL: Duration = Duration::from_secs(3 * 60 * 60);

fn compare(bench: &mut Bench) -> Result<Verdict> {
    let stock = run(&[STOCK, ISOLATED])?;
    ensure!(
        !stock.stderr.contains(HELLO),
        "the stock IPA was not the one that was loaded"
    );
    let ours = run(&[])?;
    ensure!(ours.stderr.contains(HELLO), "Bayonet's IPA was not loaded");
    let [with_stock, with_ours] = [&stock, &ours].map(passed);
    ensure!(
        !with_stock.is_empty(),
        "no test passed with the stock IPA: {}",
        stock.last_words()
    );
    let lost: Vec<_> = with_stock.difference(&with_ours).collect();
    for line in with_ours.difference(&with_stock) {
        bench.note(&format!("with Bayonet's alone: {line}"));
    }
    ensure!(
        lost.is_empty(),
        "{lost:?} pass with the stock IPA alone: {}",
        ours.last_words()
    );
    remark(format!(
        "{} pass with both, {} with Bayonet's",
        with_stock.len(),
        with_ours.len()
    ))
}

fn run(variables: &[(&str, &str)]) -> Result<Ended> {
    let (filter, limit) = match thorough() {
        true => (ALL, LIMIT_OF_ALL),
        false => (SOME, LIMIT),
    };
    let id = Port::Mount.camera_id();
    Running::start_with("lc-compliance", &["-c", &id, "-f", filter], variables)?.finish(limit)
}

/// Names of the tests that passed.
fn passed(ended: &Ended) -> BTreeSet<&str> {
    let names = ended.stdout.lines().filter_map(|line| {
        let (_, name) = line.split_once("[       OK ] ")?;
        name.split_whitespace().next()
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_tests_that_passed() {
        let ended = Ended {
            stdout: "[ RUN      ] A/B.C/D__1\n[       OK ] A/B.C/D__1 (12 ms)\n[  FAILED  ] A/B.C/E__1 (1 ms)\n".into(),
            stderr: String::new(),
            status: None,
        };
        assert_eq!(passed(&ended), BTreeSet::from(["A/B.C/D__1"]));
    }
}
