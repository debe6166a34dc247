//! The guest's serial console: kept for errors and tests, written to the run directory, shown if asked for.

use super::MachineError;
use super::complaints::kernel_complaints;
use super::error::Tail;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Bytes kept in memory; of a longer log the beginning is lost.
const KEPT: usize = 4 << 20;
const CHUNK: usize = 4096;
/// Console lines in an error.
const TAIL_LINES: usize = 25;
/// Complaints of the kernel in an error.
const COMPLAINTS: usize = 5;

/// Where the console goes besides the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nowhere.
    Nothing,
    /// To the standard output.
    Stdout,
    /// To the standard error.
    Stderr,
}

/// What came over the console so far; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Console(Arc<Mutex<Vec<u8>>>);

impl Console {
    /// Follows `source` until its end on a thread.
    ///
    /// # Errors
    /// When the log file cannot be created.
    pub(crate) fn follow(
        source: impl Read + Send + 'static,
        log: &Path,
        show: Show,
    ) -> Result<Self, MachineError> {
        let file = File::create(log).map_err(MachineError::host(format!(
            "creating the console log {}",
            log.display()
        )))?;
        let console = Self::default();
        let copy = console.clone();
        thread::spawn(move || copy.pump(source, file, show));
        Ok(console)
    }

    /// Keeps what `source` says as well, on a thread of its own: QEMU's own words belong to the same story.
    pub(crate) fn add_source(&self, source: impl Read + Send + 'static) {
        let copy = self.clone();
        thread::spawn(move || copy.pump(source, std::io::sink(), Show::Nothing));
    }

    fn pump(&self, mut source: impl Read, mut log: impl Write, show: Show) {
        let mut chunk = [0; CHUNK];
        while let Ok(length @ 1..) = source.read(&mut chunk) {
            let bytes = &chunk[..length];
            self.add(bytes);
            // Neither a full disk nor a closed pipe may stop the guest.
            let _ = log.write_all(bytes);
            let _ = match show {
                Show::Nothing => Ok(()),
                Show::Stdout => write_through(std::io::stdout().lock(), bytes),
                Show::Stderr => write_through(std::io::stderr().lock(), bytes),
            };
        }
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + bytes.len() > KEPT {
            let surplus = kept.len() / 2;
            kept.drain(..surplus);
        }
        kept.extend(bytes);
    }

    /// Everything that is kept.
    pub(crate) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }

    /// What an error shows: the kernel's first complaints, which a long trace may have pushed out, and the tail.
    pub(crate) fn last_words(&self) -> Tail {
        let mut words = self.tail(TAIL_LINES);
        let complaints = kernel_complaints(&self.text()).into_iter().take(COMPLAINTS);
        let lost = complaints
            .map(|found| found.line)
            .filter(|line| words.iter().all(|word| !word.ends_with(line.as_str())));
        let lost: Vec<_> = lost.collect();
        words.splice(..0, lost);
        Tail(words)
    }

    /// The last `count` lines that are not blank.
    pub(crate) fn tail(&self, count: usize) -> Vec<String> {
        let text = self.text();
        let mut lines: Vec<String> = text
            .lines()
            .rev()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .take(count)
            .map(str::to_owned)
            .collect();
        lines.reverse();
        lines
    }
}

fn write_through(mut stream: impl Write, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_complaint_before_its_trace() {
        let console = Console::default();
        console.add(b"[    1.5] BUG: sleeping function\r\n");
        for _ in 0..2 * TAIL_LINES {
            console.add(b"[    1.6]  some_function+0x10/0x20\r\n");
        }
        console.add(b"[    1.7] Kernel panic - not syncing\r\n");
        let words = console.last_words().0;
        assert_eq!(words.len(), TAIL_LINES + 1);
        assert_eq!(words[0], "BUG: sleeping function");
    }

    #[test]
    fn the_tail_skips_blank_lines_and_long_logs_lose_their_beginning() {
        let console = Console::default();
        console.add(b"one\r\n\r\ntwo\r\nthree\r\n\r\n");
        assert_eq!(console.tail(2), ["two", "three"]);
        let line = [b'x'; CHUNK];
        for _ in 0..2 * KEPT / CHUNK {
            console.add(&line);
        }
        assert!(console.text().len() <= KEPT);
        assert!(!console.text().contains("three"));
    }
}
