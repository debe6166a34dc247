//! Reads `text/event-stream` (HTML standard, 9.2.6): pure, bytes in, messages out, in pieces of any length.
//!
//! `id` and `retry` are passed over: nothing here connects again by itself.

use std::collections::VecDeque;

/// Longest message in bytes: that of the wire between `bayonetd` and its camera processes, which frames come from.
pub const MESSAGE_LIMIT: usize = 2 * crate::wire::LINE_LIMIT;

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its `event`; empty where it has none.
    pub event: String,
    /// Its `data`, lines joined by line feeds.
    pub data: String,
}

/// A message or line has no end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {MESSAGE_LIMIT} bytes")]
pub struct TooLong;

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed does not end another line.
    after_return: bool,
    /// Whether a first line was read: a byte order mark before it does not count.
    begun: bool,
    message: Message,
    has_data: bool,
    complete: VecDeque<Message>,
}

impl Parser {
    /// Reads more bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for &byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line();
                }
                _ => {
                    self.after_return = false;
                    self.line.push(byte);
                }
            }
            if self.line.len() + self.message.data.len() + self.message.event.len() > MESSAGE_LIMIT
            {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// Takes the next message that is complete.
    pub fn next_message(&mut self) -> Option<Message> {
        self.complete.pop_front()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = match line.strip_prefix('\u{feff}') {
            Some(rest) if !self.begun => rest,
            _ => &line,
        };
        self.begun = true;
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            if std::mem::take(&mut self.has_data) {
                self.complete.push_back(message);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.message.event = value.into(),
            "data" => {
                if self.has_data {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
