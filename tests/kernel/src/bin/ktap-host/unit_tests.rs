//! Counts of the unit tests, from the output of `cargo test`.

use crate::report::Report;
use bayonet_kernel_tests::ktap::{Outcome, Tally};
use std::path::PathBuf;

/// Names the file with the output.
const VARIABLE: &str = "BAYONET_UNIT_TESTS";
const NAME: &str = "unit_tests";

/// The file, if there is one to add.
pub(crate) fn log() -> Option<PathBuf> {
    std::env::var_os(VARIABLE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// Reports the unit tests as one result and adds their counts.
pub(crate) fn report(log: &std::path::Path, report: &mut Report) {
    report.reporter(NAME);
    let text = std::fs::read_to_string(log);
    for name in text.iter().flat_map(|text| failed(text)) {
        report.failure(name);
    }
    let (outcome, words, tally) = match text.map(|text| count(&text)) {
        Ok(Some(tally)) if tally.failed == 0 => (Outcome::Passed, tally.to_string(), tally),
        Ok(Some(tally)) => (Outcome::Failed, tally.to_string(), tally),
        Ok(None) => (
            Outcome::Failed,
            format!("{} holds no test result", log.display()),
            Tally::failed_one(),
        ),
        Err(error) => (
            Outcome::Failed,
            format!("{}: {error}", log.display()),
            Tally::failed_one(),
        ),
    };
    report.add(tally);
    report.result(outcome, NAME, &words);
}

/// Names in the lines `test NAME ... FAILED`.
fn failed(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
}

/// Sum of the lines `test result: ok. N passed; M failed; K ignored; ...`; `None` without one.
fn count(text: &str) -> Option<Tally> {
    let mut sum = None;
    for line in text.lines() {
        let Some((_, counts)) = line
            .split_once("test result: ")
            .and_then(|(_, rest)| rest.split_once(". "))
        else {
            continue;
        };
        let of = |what: &str| {
            let part = counts
                .split(';')
                .find_map(|part| part.trim().strip_suffix(what));
            part.and_then(|number| number.trim().parse().ok())
                .unwrap_or(0)
        };
        let sum = sum.get_or_insert_with(Tally::default);
        *sum += Tally {
            passed: of(" passed"),
            failed: of(" failed"),
            skipped: of(" ignored"),
        };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let text = "\
running 3 tests
test a::b ... ok
test a::c ... FAILED
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s
   Doc-tests x
test result: FAILED. 10 passed; 2 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1.00s
";
        assert_eq!(
            count(text),
            Some(Tally {
                passed: 13,
                failed: 2,
                skipped: 4
            })
        );
        assert_eq!(count("error: could not compile"), None);
        assert_eq!(failed(text).collect::<Vec<_>>(), ["a::c"]);
    }
}
