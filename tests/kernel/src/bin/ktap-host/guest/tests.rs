use super::*;
use bayonet_kernel_tests::ktap::Checker;
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is reported of a guest's stream for two suites, and whether all is well; the guest dies at its end.
fn relay(stream: &str, verdict: Outcome) -> (String, bool) {
    let page = Page::default();
    let mut report = Report::begin(2, page.clone());
    let mut relay = Relay::new(&["first", "second"], &mut report);
    for line in stream.lines() {
        relay.take(line);
    }
    relay.complete(verdict, ENDED, "the guest died");
    relay.end();
    let well = report.end();
    let text = String::from_utf8(page.0.borrow().clone()).unwrap();
    let mut checker = Checker::new();
    for line in text.lines() {
        checker.push(line);
    }
    checker.finish();
    let broken: Vec<String> = checker.problems();
    let told = text.matches("broken output").count();
    assert!(
        broken.len() <= told,
        "what comes out is valid: {broken:?}\n{text}"
    );
    (text, well)
}

const GOOD: &str = "\
KTAP version 1
1..2
  KTAP version 1
  1..2
  ok 1 one
  # a word
  ok 2 two # SKIP not here
ok 1 first
  KTAP version 1
  1..1
  ok 1 one
ok 2 second
";

#[test]
fn a_good_guest() {
    let (text, well) = relay(GOOD, Outcome::Failed);
    assert!(well, "{text}");
    assert!(
        text.ends_with("ok 2 second\n2 passed, 0 failed, 1 skipped\n"),
        "{text}"
    );
    assert!(text.contains("\n  # a word\n"), "{text}");
}

#[test]
fn a_failed_test_fails_the_report() {
    let stream = GOOD
        .replace("  ok 1 one", "  not ok 1 one")
        .replace("\nok ", "\nnot ok ");
    let (text, well) = relay(&stream, Outcome::Failed);
    assert!(
        !well && text.ends_with("0 passed, 2 failed, 1 skipped\n"),
        "{text}"
    );
}

#[test]
fn a_guest_that_dies_anywhere_fails_and_the_output_stays_valid() {
    let lines: Vec<&str> = GOOD.lines().collect();
    for end in 0..lines.len() {
        let (text, well) = relay(&lines[..end].join("\n"), Outcome::Failed);
        assert!(!well, "after {end} lines:\n{text}");
        assert!(
            text.contains("\nnot ok 2 second\n"),
            "after {end} lines:\n{text}"
        );
    }
}

#[test]
fn a_disposable_guest_may_die() {
    let (text, well) = relay(
        "KTAP version 1\n1..2\n  KTAP version 1\n  1..2\n  ok 1 one",
        Outcome::Passed,
    );
    assert!(
        well && text.contains("  ok 2 did not end # the guest died\nok 1 first"),
        "{text}"
    );
}

#[test]
fn results_out_of_place_fail() {
    let swapped = GOOD.replace("1 first", "1 second");
    assert!(!relay(&swapped, Outcome::Failed).1);
    let lie = GOOD.replace("  ok 2 two # SKIP not here", "  not ok 2 two");
    let (text, well) = relay(&lie, Outcome::Failed);
    assert!(
        !well && text.contains("passed though a test in it failed"),
        "{text}"
    );
}

#[test]
fn no_guest_runs_a_suite_twice() {
    for guest in &GUESTS {
        let once: BTreeSet<_> = guest.suites.iter().collect();
        assert_eq!(once.len(), guest.suites.len(), "{}", guest.name);
    }
    assert_eq!(
        suite_names()
            .iter()
            .filter(|name| **name == "parameters")
            .count(),
        1
    );
}

#[test]
fn each_board_has_its_guests() {
    let on = |model| {
        let guests = GUESTS.iter().filter(|guest| guest.is_on(model));
        guests.map(|guest| guest.name).collect::<Vec<_>>()
    };
    let imx8mm = [
        "two imx219 without an image processor",
        "wires of two imx219 without an image processor",
        "bayonetd without an image processor",
        "imx283 and imx219 with Bayonet's IPA",
    ];
    assert_eq!(on(Model::Imx8mm), imx8mm);
    assert!(on(Model::Rpi5).contains(&"two imx283"));
    // A bare PC is no board.
    assert_eq!(on(Model::Rpi5).len() + imx8mm.len() + 1, GUESTS.len());
}
