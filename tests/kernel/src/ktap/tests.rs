use super::*;
use proptest::prelude::*;

fn check(stream: &str) -> (Tally, Vec<String>) {
    let mut checker = Checker::new();
    for line in stream.lines() {
        checker.push(line);
    }
    checker.finish();
    let problems = checker.problems();
    (checker.tally(), problems)
}

const NESTED: &str = "\
KTAP version 1
1..2
  KTAP version 1
  1..3
  ok 1 one
  # a word
[   12.5] the kernel's words
  ok 2 two # SKIP no such thing
  not ok 3 three # 4 instead of 5
not ok 1 first
  KTAP version 1
  1..1
  ok 1 one # 3 frames
ok 2 second
";

fn counts(passed: usize, failed: usize, skipped: usize) -> Tally {
    Tally {
        passed,
        failed,
        skipped,
    }
}

#[test]
fn a_good_stream_is_counted_by_its_leaves() {
    assert_eq!(check(NESTED), (counts(2, 1, 1), vec![]));
    assert_eq!(counts(2, 1, 1).to_string(), "2 passed, 1 failed, 1 skipped");
}

#[test]
fn lines_are_read() {
    assert_eq!(read("  KTAP version 1"), (1, Line::Version));
    assert_eq!(read("1..12"), (0, Line::Plan(12)));
    let result = |outcome, number, name: &str, remark: &str| Line::Result {
        outcome,
        number,
        name: name.into(),
        remark: remark.into(),
    };
    use Outcome::{Failed, Passed, Skipped};
    assert_eq!(
        read("    ok 3 - a b # c d"),
        (2, result(Passed, 3, "a b", "c d"))
    );
    assert_eq!(
        read("not ok 4 x # SKIP why not"),
        (0, result(Skipped, 4, "x", "why not"))
    );
    assert_eq!(read("not ok 5"), (0, result(Failed, 5, "", "")));
    assert_eq!(
        read("ok 1 x # SKIPPED is no directive").1,
        result(Passed, 1, "x", "SKIPPED is no directive")
    );
    for other in [
        "",
        " ok 1 x",
        "ok x",
        "ok",
        "1..x",
        "# ok 1 x",
        "ktap version 1",
        "okay 1",
    ] {
        assert_eq!(read(other).1, Line::Other, "{other}");
    }
}

#[test]
fn a_stream_that_ends_early_is_a_problem() {
    let lines: Vec<&str> = NESTED.lines().collect();
    for end in 1..lines.len() {
        let (_, problems) = check(&lines[..end].join("\n"));
        assert!(!problems.is_empty(), "after {end} lines");
    }
    assert_eq!(
        check(""),
        (Tally::default(), vec![]),
        "the caller knows that there was nothing"
    );
}

#[test]
fn broken_promises_are_problems() {
    let problem = |stream: &str, word: &str| {
        let (_, problems) = check(stream);
        assert!(
            problems.iter().any(|problem| problem.contains(word)),
            "{word}: {problems:?}"
        );
    };
    problem(
        "KTAP version 1\n1..2\nok 1 a\nok 3 b",
        "should have number 2",
    );
    problem("KTAP version 1\n1..1\nok 1 a\nok 2 b", "more results");
    problem("KTAP version 1\nok 1 a", "without a plan");
    problem("ok 1 a", "belongs to no level");
    problem("KTAP version 1\n1..1\n1..2\nok 1 a", "a plan at depth 0");
    problem("  KTAP version 1", "has no parent");
    problem("KTAP version 1\nKTAP version 1", "second level");
    let lie = NESTED.replace("not ok 1 first", "ok 1 first");
    problem(&lie, "passed though");
    problem(
        &NESTED.replace("  ok 2 two # SKIP no such thing\n", ""),
        "should have number 2",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read_back(
        outcome in prop_oneof![Just(Outcome::Passed), Just(Outcome::Failed), Just(Outcome::Skipped)],
        number in 1usize..1000,
        name in "\\PC{0,20}",
        remark in "[ -~\n]{0,30}",
    ) {
        let line = result(outcome, number, &name, &remark);
        prop_assert!(!line.contains('\n'));
        let (depth, Line::Result { outcome: read_outcome, number: read_number, .. }) = read(&line) else {
            return Err(TestCaseError::fail(line));
        };
        let skip = remark.split_whitespace().next() == Some("SKIP");
        prop_assert_eq!((depth, read_number), (0, number));
        prop_assert_eq!(read_outcome, if skip { Outcome::Skipped } else { outcome });
    }

    #[test]
    fn nothing_a_guest_writes_upsets_the_checker(
        lines in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,30}",
                "( ){0,20}(KTAP version 1|1\\.\\.[0-9]{1,25}|(not )?ok [0-9]{0,25} ?[a-z#]{0,5}( # SKIP)?)",
            ],
            0..40,
        )
    ) {
        let mut checker = Checker::new();
        let mut leaves = 0;
        for line in &lines {
            if matches!(checker.push(line).1, Line::Result { .. }) {
                leaves += 1;
            }
        }
        checker.finish();
        let Tally { passed, failed, skipped } = checker.tally();
        prop_assert!(passed + failed + skipped <= leaves);
        checker.problems();
        checker.finish();
        prop_assert!(checker.problems().is_empty(), "finished is finished");
    }

    #[test]
    fn a_well_formed_suite_has_no_problems(outcomes in proptest::collection::vec(0u8..3, 0..30)) {
        let mut text = format!("{VERSION}\n1..{}\n", outcomes.len());
        let mut expected = Tally::default();
        for (index, outcome) in outcomes.iter().enumerate() {
            let outcome = [Outcome::Passed, Outcome::Failed, Outcome::Skipped][usize::from(*outcome)];
            expected.add(outcome);
            text += &result(outcome, index + 1, "a test", "");
            text.push('\n');
        }
        prop_assert_eq!(check(&text), (expected, vec![]));
    }
}
