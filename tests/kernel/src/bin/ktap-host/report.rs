//! The outermost level of what is written to standard output.

use bayonet_kernel_tests::ktap::{self, INDENT, Outcome, Tally, VERSION};
use std::io::Write;

/// The report so far.
pub(crate) struct Report {
    out: Box<dyn Write>,
    number: usize,
    tally: Tally,
    failed: bool,
    /// Who reports at the moment, and what failed so far.
    reporter: String,
    failures: Vec<String>,
}

impl Report {
    /// Begins a report of so many results.
    pub(crate) fn begin(results: usize, out: impl Write + 'static) -> Self {
        let mut report = Self {
            out: Box::new(out),
            number: 0,
            tally: Tally::default(),
            failed: false,
            reporter: String::new(),
            failures: Vec::new(),
        };
        report.line(&format!("{VERSION}\n1..{results}"));
        report
    }

    /// Adds counts.
    pub(crate) fn add(&mut self, tally: Tally) {
        self.tally += tally;
    }

    /// What comes next is of this guest.
    pub(crate) fn reporter(&mut self, name: &str) {
        name.clone_into(&mut self.reporter);
    }

    /// Something to be told again at the end.
    pub(crate) fn failure(&mut self, text: &str) {
        let text = format!("{}: {text}", self.reporter);
        self.failures.push(text);
    }

    /// One line as it is, at once. A reader that went away is no reason to leave a guest half-way.
    pub(crate) fn line(&mut self, text: &str) {
        if text.trim_start().starts_with("not ok ") {
            self.failure(text.trim_start());
        }
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    /// Diagnostic lines below the outermost level.
    pub(crate) fn note(&mut self, text: &str) {
        for line in ktap::diagnostics(text) {
            self.line(&format!("{INDENT}{line}"));
        }
    }

    /// The next result of the outermost level; it is not counted.
    pub(crate) fn result(&mut self, outcome: Outcome, name: &str, remark: &str) {
        self.number += 1;
        self.failed |= outcome == Outcome::Failed;
        self.line(&ktap::result(outcome, self.number, name, remark));
    }

    /// Writes what failed, which may be far above, and the last line; whether nothing failed.
    pub(crate) fn end(mut self) -> bool {
        for failure in std::mem::take(&mut self.failures) {
            self.line(&format!("# failed: {failure}"));
        }
        self.line(&self.tally.to_string());
        !self.failed && self.tally.failed == 0
    }
}
