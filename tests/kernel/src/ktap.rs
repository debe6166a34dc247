//! KTAP, the kernel's test format: writing its lines, reading them, checking that a stream keeps its promises.
//!
//! The format is that of the kernel's `Documentation/dev-tools/ktap.rst`. A stream comes from a guest that may die
//! in mid-line or mix other programs' words into it, so reading never fails: a line that is none of KTAP's is
//! [`Line::Other`], and what breaks the format's rules is told as a [`Checker::problems`] entry.

/// First line of every level.
pub const VERSION: &str = "KTAP version 1";
/// One level of nesting.
pub const INDENT: &str = "  ";
/// More nesting than this is not followed; deeper lines are no lines of KTAP.
const DEEPEST: usize = 8;

/// Outcome of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `ok`.
    Passed,
    /// `not ok`.
    Failed,
    /// Either, with the directive `SKIP`.
    Skipped,
}

/// One line without its indentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A level begins.
    Version,
    /// How many results the level will have.
    Plan(usize),
    /// The end of a test.
    Result {
        /// How it ended.
        outcome: Outcome,
        /// Its number within the level, from 1.
        number: usize,
        /// Its name; may be empty.
        name: String,
        /// What stands behind the hash sign, without the directive `SKIP`.
        remark: String,
    },
    /// A diagnostic line or something else that decides nothing.
    Other,
}

/// The result line of a test. Hash signs and line ends in `name` and `remark` are replaced.
pub fn result(outcome: Outcome, number: usize, name: &str, remark: &str) -> String {
    let verdict = match outcome {
        Outcome::Failed => "not ok",
        Outcome::Passed | Outcome::Skipped => "ok",
    };
    let name = one_line(name).replace('#', "no.");
    let remark = one_line(remark);
    match (outcome, remark.is_empty()) {
        (Outcome::Skipped, _) => format!("{verdict} {number} {name} # SKIP {remark}"),
        (_, true) => format!("{verdict} {number} {name}"),
        (_, false) => format!("{verdict} {number} {name} # {remark}"),
    }
    .trim_end()
    .to_owned()
}

/// `text` as diagnostic lines.
pub fn diagnostics(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|line| format!("# {}", one_line(line)))
}

fn one_line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars()
        .map(printable)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Depth and meaning of a line.
pub fn read(line: &str) -> (usize, Line) {
    let text = line.trim_start_matches(' ');
    let spaces = line.len() - text.len();
    let depth = spaces / INDENT.len();
    if !spaces.is_multiple_of(INDENT.len()) || depth > DEEPEST {
        return (depth.min(DEEPEST), Line::Other);
    }
    (depth, meaning(text.trim_end()))
}

fn meaning(text: &str) -> Line {
    if text == VERSION {
        return Line::Version;
    }
    if let Some(count) = text.strip_prefix("1..") {
        return count.parse().map_or(Line::Other, Line::Plan);
    }
    let (passed, rest) = match (text.strip_prefix("ok "), text.strip_prefix("not ok ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Line::Other,
    };
    let (head, remark) = rest.split_once('#').unwrap_or((rest, ""));
    let (number, name) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
    let Ok(number) = number.parse() else {
        return Line::Other;
    };
    let (directive, rest) = remark.trim().split_once(' ').unwrap_or((remark.trim(), ""));
    let skipped = directive == "SKIP";
    Line::Result {
        outcome: match (skipped, passed) {
            (true, _) => Outcome::Skipped,
            (_, true) => Outcome::Passed,
            (_, false) => Outcome::Failed,
        },
        number,
        // The dash between number and name is TAP's habit.
        name: name.trim().trim_start_matches("- ").to_owned(),
        remark: if skipped { rest } else { remark }.trim().to_owned(),
    }
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
}

impl Tally {
    /// One failure.
    pub fn failed_one() -> Self {
        Self {
            failed: 1,
            ..Self::default()
        }
    }

    /// Counts one more.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(
            formatter,
            "{passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

/// A level whose results are still coming.
#[derive(Debug, Default)]
struct Level {
    planned: Option<usize>,
    seen: usize,
    failed: bool,
}

/// Follows a stream line by line. Only tests without subtests are counted.
#[derive(Debug, Default)]
pub struct Checker {
    levels: Vec<Level>,
    tally: Tally,
    problems: Vec<String>,
}

impl Checker {
    /// A checker at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line and says what it is.
    pub fn push(&mut self, line: &str) -> (usize, Line) {
        let (depth, line) = read(line);
        match &line {
            Line::Version => self.open(depth),
            Line::Plan(count) => self.plan(depth, *count),
            Line::Result {
                outcome,
                number,
                name,
                ..
            } => {
                self.result(depth, *outcome, *number, name);
            }
            Line::Other => {}
        }
        (depth, line)
    }

    /// The stream has ended: levels that lack results are told as problems.
    pub fn finish(&mut self) {
        self.close_below(0);
    }

    /// How many levels are open.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Numbers of the results that the innermost level still owes; `None` while it has no plan.
    pub fn missing(&self) -> Option<std::ops::Range<usize>> {
        let level = self.levels.last()?;
        Some(level.seen + 1..level.planned? + 1)
    }

    /// Number of the next result at a depth.
    pub fn next_at(&self, depth: usize) -> usize {
        self.levels.get(depth).map_or(1, |level| level.seen + 1)
    }

    /// Counts so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What broke the rules since the last call.
    pub fn problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    fn open(&mut self, depth: usize) {
        if depth > self.levels.len() {
            self.problem(format!("a level at depth {depth} has no parent"));
            return;
        }
        if depth < self.levels.len() {
            self.problem(format!(
                "a second level began at depth {depth} before a result"
            ));
            self.close_below(depth);
        }
        self.levels.push(Level::default());
    }

    fn plan(&mut self, depth: usize, count: usize) {
        let current = self.levels.len() == depth + 1;
        match self.levels.last_mut() {
            Some(level) if current && level.seen == 0 && level.planned.is_none() => {
                level.planned = Some(count);
            }
            _ => self.problem(format!(
                "a plan at depth {depth} is not at the beginning of a level"
            )),
        }
    }

    fn result(&mut self, depth: usize, outcome: Outcome, number: usize, name: &str) {
        if depth >= self.levels.len() {
            self.problem(format!(
                "result {number} ({name}) at depth {depth} belongs to no level"
            ));
            self.tally.add(outcome);
            return;
        }
        let parent = depth + 1 < self.levels.len();
        let failed_below = self.close_below(depth + 1);
        let level = &mut self.levels[depth];
        level.seen += 1;
        level.failed |= outcome == Outcome::Failed;
        let expected = level.seen;
        let planned = level.planned;
        if number != expected {
            self.problem(format!(
                "result {number} ({name}) should have number {expected}"
            ));
        }
        match planned {
            None => self.problem(format!("result {number} ({name}) came without a plan")),
            Some(planned) if expected == planned + 1 => {
                self.problem(format!(
                    "more results than the {planned} planned, from ({name}) on"
                ));
            }
            Some(_) => {}
        }
        if !parent {
            self.tally.add(outcome);
        } else if failed_below && outcome != Outcome::Failed {
            self.problem(format!(
                "result {number} ({name}) passed though a test in it failed"
            ));
        }
    }

    /// Ends all levels from `depth` down; whether one of their tests failed.
    fn close_below(&mut self, depth: usize) -> bool {
        let mut failed = false;
        while self.levels.len() > depth {
            let Some(level) = self.levels.pop() else {
                break;
            };
            failed |= level.failed;
            let depth = self.levels.len();
            match level.planned {
                Some(planned) if level.seen < planned => self.problem(format!(
                    "a level at depth {depth} ended after {} of {planned} results",
                    level.seen
                )),
                None if level.seen == 0 => {
                    self.problem(format!("a level at depth {depth} ended before its plan"));
                }
                _ => {}
            }
        }
        failed
    }

    fn problem(&mut self, text: String) {
        self.problems.push(text);
    }
}

#[cfg(test)]
mod tests;
