//! Runs the tools of a preparation one after another: progress, full log, time limit.
//!
//! A tool writes straight into its log file, whose last line is shown as progress and whose last lines come
//! with an error. No pipes, hence nothing that a tool's stray child could hold open.

use super::error::{AtPath, Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a running tool is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How often a line is written where progress cannot be drawn.
const PLAIN_PROGRESS: Duration = Duration::from_secs(30);
/// Lines of a log that come with an error.
const TAIL_LINES: usize = 15;
/// How much of a log is read for them.
const TAIL_BYTES: u64 = 16 << 10;

/// Shows and runs the steps of a preparation.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    logs: PathBuf,
    quiet: bool,
}

impl Steps {
    /// Steps that log into the directory `logs`; `quiet` ones show warnings only.
    pub(super) fn new(logs: PathBuf, quiet: bool) -> Self {
        Self { logs, quiet }
    }

    /// Says something that must not be missed.
    pub(super) fn warn(&self, text: &str) {
        eprintln!("warning: {text}");
    }

    /// Begins to show a step that is no tool run; ends when dropped or finished.
    pub(super) fn show(&self, step: &str) -> Shown {
        Shown::new(step, self.quiet)
    }

    /// Runs `command` to its end and fails unless it succeeds within `limit`.
    ///
    /// The child's life is tied to the calling thread by the command itself (see `Sandbox`, `debian`).
    pub(super) fn run(&self, step: &str, mut command: Command, limit: Duration) -> Result<()> {
        let log = self
            .logs
            .join(format!("{}.log", step.replace(": ", "-").replace(' ', "-")));
        let output = File::create(&log).at("create", &log)?;
        let errors = output.try_clone().at("open", &log)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let failed = |reason: String| Error::Tool {
            step: step.to_owned(),
            reason,
            tail: tail(&log, TAIL_LINES),
            log: log.clone(),
        };
        let program = command.get_program().to_string_lossy().into_owned();
        let shown = self.show(step);
        let began = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("cannot start {program}: {error}")))?;
        let status = loop {
            let ended = child.try_wait();
            if let Some(status) = ended.map_err(|error| failed(error.to_string()))? {
                break status;
            }
            if began.elapsed() > limit {
                // Fails only where the child has just ended.
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("not done after {} s", limit.as_secs())));
            }
            shown.line(&tail(&log, 1));
            std::thread::sleep(POLL);
        };
        if !status.success() {
            return Err(failed(describe(status)));
        }
        shown.finish();
        Ok(())
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// Last lines of a log that say something; a carriage return ends a line as well.
fn tail(log: &Path, lines: usize) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let said: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    said[said.len().saturating_sub(lines)..].join("\n")
}

/// A step on the screen: a spinner on a terminal, plain lines elsewhere.
pub(super) struct Shown {
    step: String,
    began: Instant,
    place: Place,
}

enum Place {
    Terminal(ProgressBar),
    Plain { last: std::cell::Cell<Instant> },
    Nowhere,
}

impl Shown {
    fn new(step: &str, quiet: bool) -> Self {
        let began = Instant::now();
        let place = if quiet {
            Place::Nowhere
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner().with_prefix(step.to_owned());
            let style =
                ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(POLL);
            Place::Terminal(bar)
        } else {
            eprintln!("{step} ...");
            let last = std::cell::Cell::new(began);
            Place::Plain { last }
        };
        let step = step.to_owned();
        Self { step, began, place }
    }

    /// What the step is at.
    pub(super) fn line(&self, line: &str) {
        match &self.place {
            Place::Terminal(bar) => bar.set_message(line.to_owned()),
            Place::Plain { last } if last.get().elapsed() >= PLAIN_PROGRESS => {
                last.set(Instant::now());
                eprintln!(
                    "{} ... {} s: {line}",
                    self.step,
                    self.began.elapsed().as_secs()
                );
            }
            Place::Plain { .. } | Place::Nowhere => {}
        }
    }

    /// The step is done.
    pub(super) fn finish(self) {
        let seconds = self.began.elapsed().as_secs_f32();
        match &self.place {
            Place::Terminal(bar) => {
                bar.finish_and_clear();
                eprintln!("{}: {seconds:.1} s", self.step);
            }
            Place::Plain { .. } => eprintln!("{}: {seconds:.1} s", self.step),
            Place::Nowhere => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn run(script: &str, limit: Duration) -> Result<()> {
        let logs = tempfile::tempdir().unwrap();
        Steps::new(logs.path().to_path_buf(), true).run("a step", shell(script), limit)
    }

    #[test]
    fn a_failure_shows_status_and_last_lines() {
        let error = run("echo fine; echo broken >&2; exit 3", Duration::MAX).unwrap_err();
        let Error::Tool {
            reason, tail, log, ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(reason, "failed with status 3");
        assert_eq!(tail, "fine\nbroken");
        assert_eq!(log.file_name().unwrap(), "a-step.log");
    }

    #[test]
    fn a_tool_that_hangs_is_ended() {
        let error = run("echo working; exec sleep 1000", Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("not done after 0 s"), "{error}");
    }

    #[test]
    fn a_tool_that_is_not_there_is_named() {
        let logs = tempfile::tempdir().unwrap();
        let steps = Steps::new(logs.path().to_path_buf(), true);
        let error = steps
            .run("a step", Command::new("/nowhere/tool"), Duration::MAX)
            .unwrap_err();
        assert!(
            error.to_string().contains("cannot start /nowhere/tool"),
            "{error}"
        );
    }

    #[test]
    fn the_tail_skips_empty_lines_and_overwritten_ones_end_at_carriage_returns() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        fs::write(&log, "one\n\n10 %\r20 %\r\n\n").unwrap();
        assert_eq!(tail(&log, 1), "20 %");
        assert_eq!(tail(&log, 2), "10 %\n20 %");
        assert_eq!(tail(Path::new("/nowhere"), 2), "");
    }
}
