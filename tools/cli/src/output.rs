//! What people and programs read: aligned text with colours on a terminal, or JSON.

use crate::doctor::{Finding, Verdict};
use bayonet_daemon::api::{ErrorBody, ErrorDetail};
use bayonet_daemon::client;
use serde::Serialize;
use std::env;
use std::io::{self, IsTerminal, Write};

/// Columns of a terminal that text is made for.
const WIDTH: usize = 80;

/// Longest verdict of a finding.
const VERDICT: usize = 7;
/// Longest name of what was looked at.
pub(crate) const WHAT: usize = 19;
/// Where the text of a finding begins.
const INDENT: usize = VERDICT + 2 + WHAT + 2;

/// Standard output.
pub(crate) struct Output {
    pub(crate) json: bool,
    paint: bool,
}

/// What a text means, and so its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Waiting,
    Bad,
    Quiet,
    Title,
    Plain,
}

impl Tone {
    /// Of a state's word.
    pub(crate) fn of(state: &str) -> Self {
        match state {
            "present" | "streaming" | "available" | "known" | "assigned" | "recording" => {
                Self::Good
            }
            "stalled" | "stuck" | "faulted" | "wrong-sensor" | "flapping" | "restarting"
            | "interrupted" => Self::Bad,
            "detecting" | "starting" | "stopping" | "changing" | "unknown" | "ending" => {
                Self::Waiting
            }
            _ => Self::Quiet,
        }
    }

    /// ECMA-48, Select Graphic Rendition.
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Waiting => "33",
            Self::Bad => "31",
            Self::Quiet => "2",
            Self::Title => "1",
            Self::Plain => "",
        }
    }
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        // https://no-color.org
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let paint = !json && !unwanted && io::stdout().is_terminal();
        Self { json, paint }
    }

    /// A text in its colour, where there are colours.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if self.paint && tone != Tone::Plain {
            format!("\x1b[{}m{text}\x1b[0m", tone.code())
        } else {
            text.into()
        }
    }

    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", text.trim_end())?;
        // Line by line, also into a pipe: whoever watches wants to see it now.
        stdout.flush()
    }

    /// A value as JSON, for people to read as well.
    pub(crate) fn value<T: Serialize>(&self, value: &T) -> io::Result<()> {
        self.line(&serde_json::to_string_pretty(value)?)
    }

    /// Rows with aligned columns; the first row is the titles.
    pub(crate) fn table(&self, rows: &[Vec<(Tone, String)>]) -> io::Result<()> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                cells
                    .map(|(_, text)| text.chars().count())
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        for row in rows {
            let last = row.len().saturating_sub(1);
            let cells =
                row.iter()
                    .zip(&widths)
                    .enumerate()
                    .map(|(column, ((tone, text), &width))| {
                        // No spaces after the last one.
                        let width = if column == last { 0 } else { width };
                        self.paint(*tone, &format!("{text:width$}"))
                    });
            self.line(&cells.collect::<Vec<_>>().join("  "))?;
        }
        Ok(())
    }

    pub(crate) fn findings(&self, findings: &[Finding]) -> io::Result<()> {
        if self.json {
            return self.value(&findings);
        }
        for finding in findings {
            let (tone, word) = match finding.verdict {
                Verdict::Good => (Tone::Good, "good"),
                Verdict::Warning => (Tone::Waiting, "warning"),
                Verdict::Bad => (Tone::Bad, "BAD"),
                Verdict::Skipped => (Tone::Quiet, "skipped"),
            };
            let mut lines = wrap(&finding.detail, WIDTH - INDENT).into_iter();
            let first = lines.next().unwrap_or_default();
            let verdict = self.paint(tone, &format!("{word:VERDICT$}"));
            self.line(&format!("{verdict}  {:WHAT$}  {first}", finding.what))?;
            for line in lines {
                self.line(&format!("{:INDENT$}{line}", ""))?;
            }
            if let Some(fix) = &finding.fix {
                for (i, line) in wrap(fix, WIDTH - INDENT - 2).iter().enumerate() {
                    let arrow = if i == 0 { "->" } else { "" };
                    self.line(&format!("{:at$}{arrow:3}{line}", "", at = INDENT - 3))?;
                }
            }
        }
        let count = |verdict| {
            findings
                .iter()
                .filter(|finding| finding.verdict == verdict)
                .count()
        };
        let (bad, warnings) = (count(Verdict::Bad), count(Verdict::Warning));
        let (good, skipped) = (count(Verdict::Good), count(Verdict::Skipped));
        let tone = match (bad, warnings) {
            (0, 0) => Tone::Good,
            (0, _) => Tone::Waiting,
            _ => Tone::Bad,
        };
        let plural = if warnings == 1 { "" } else { "s" };
        let sum = format!("{good} good, {warnings} warning{plural}, {bad} bad, {skipped} skipped");
        self.line("")?;
        self.line(&self.paint(tone, &sum))
    }

    /// An error, as a line for people or as JSON in the shape of the API's.
    pub(crate) fn error(&self, error: &anyhow::Error) -> String {
        if !self.json {
            return format!("bayonet: {error:#}");
        }
        let code = match error.downcast_ref::<client::Error>() {
            Some(client::Error::Refused { code, .. }) => code,
            Some(_) => "unreachable",
            None => "failed",
        };
        let body = ErrorBody {
            error: ErrorDetail {
                code: code.into(),
                message: format!("{error:#}"),
            },
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// The word that the API has for a state.
pub(crate) fn word<T: Serialize>(state: &T) -> String {
    match serde_json::to_value(state) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("states are words: {other:?}"),
    }
}

/// A size for people.
pub(crate) fn bytes(count: u64) -> String {
    const KILO: f64 = 1000.0;
    let count = count as f64;
    match count {
        _ if count < KILO => format!("{count} B"),
        _ if count < KILO * KILO => format!("{:.1} kB", count / KILO),
        _ if count < KILO * KILO * KILO => format!("{:.1} MB", count / KILO / KILO),
        _ => format!("{:.1} GB", count / KILO / KILO / KILO),
    }
}

/// Lines no longer than `width`, where words are not.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the start");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.into());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one", 2), ["one"]);
        assert_eq!(wrap("", 2), [""]);
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!(bytes(15_000_000_000), "15.0 GB");
    }
}
