//! Lines on the standard error, which libcamera leaves open for a worker. Nothing is allocated.

use log::{LevelFilter, Log, Metadata, Record};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::panic;

/// Environment variable that says how much is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`.
pub const VARIABLE: &str = "BAYONET_LOG";
/// Bytes of the longest line; the rest is cut off.
const LINE: usize = 512;

struct Logger;

/// A line that is written with one call, so that the lines of several processes stay apart.
struct Line {
    bytes: [u8; LINE],
    length: usize,
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        // Room for the end of the line is kept.
        let mut end = text.len().min(LINE - 1 - self.length);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text.as_bytes()[..end];
        self.bytes[self.length..][..text.len()].copy_from_slice(text);
        self.length += text.len();
        Ok(())
    }
}

fn line(record: &Record<'_>) -> Line {
    let mut line = Line {
        bytes: [b'\n'; LINE],
        length: 0,
    };
    // It always says that it worked.
    let _ = write!(line, "bayonet-ipa {:5} {}", record.level(), record.args());
    line.length += 1;
    line
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = line(record);
            // There is nobody to tell.
            let _ = io::stderr().write_all(&line.bytes[..line.length]);
        }
    }

    fn flush(&self) {}
}

/// Logs from now on, panics too.
pub fn begin() {
    let level = std::env::var(VARIABLE).ok();
    let level = level.and_then(|level| level.parse().ok());
    log::set_max_level(level.unwrap_or(LevelFilter::Info));
    // It was set before only if this was called twice.
    let _ = log::set_logger(&Logger);
    panic::set_hook(Box::new(|why| log::error!("{why}; please report this")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let long = "ä".repeat(LINE);
        let cut = line(&Record::builder().args(format_args!("{long}")).build());
        let text = str::from_utf8(&cut.bytes[..cut.length]).unwrap();
        assert!(
            text.starts_with("bayonet-ipa INFO  ä") && text.ends_with("ä\n"),
            "{text}"
        );
        assert!(text.len() > LINE - 3, "{}", text.len());
        let short = line(
            &Record::builder()
                .args(format_args!("{} of {}", 1, 2))
                .build(),
        );
        assert_eq!(&short.bytes[..short.length], b"bayonet-ipa INFO  1 of 2\n");
    }
}
