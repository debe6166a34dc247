//! Messages that wait to be sent, in a buffer that is used again and again.

use super::{Error, Writer};

/// Bytes that all waiting messages have together. The longest one is a map of a sensor's controls, a few KiB.
pub const CAPACITY: usize = 64 * 1024;
/// Messages that may wait: one command is answered by two at most.
pub const MESSAGES: usize = 4;

/// Messages that wait to be sent.
#[derive(Debug)]
pub struct Outbox {
    buffer: Box<[u8]>,
    ends: [usize; MESSAGES],
    count: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            buffer: vec![0; CAPACITY].into(),
            ends: [0; MESSAGES],
            count: 0,
        }
    }
}

impl Outbox {
    /// Adds a message. If it cannot be written, there is none.
    pub fn add(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let begin = self.end();
        let Some(end) = self.ends.get_mut(self.count) else {
            return Err(Error::Full {
                needed: 0,
                at: begin,
                limit: MESSAGES,
            });
        };
        let mut writer = Writer::new(&mut self.buffer[begin..]);
        write(&mut writer)?;
        *end = begin + writer.length();
        self.count += 1;
        Ok(())
    }

    fn end(&self) -> usize {
        self.ends[..self.count].last().copied().unwrap_or(0)
    }

    /// Messages in the order in which they were added.
    pub fn messages(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.count).map(|index| {
            let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.buffer[begin..self.ends[index]]
        })
    }

    /// Takes every message out.
    pub fn clear(&mut self) {
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_does_not_fit_is_none() {
        let mut outbox = Outbox::default();
        outbox.add(|to| to.u32(1)).unwrap();
        let full = outbox.add(|to| {
            to.u32(2)?;
            to.bytes(&[0; CAPACITY])
        });
        assert!(matches!(full, Err(Error::Full { at: 4, .. })), "{full:?}");
        outbox.add(|to| to.bytes(&[3, 4])).unwrap();
        let messages: Vec<_> = outbox.messages().collect();
        assert_eq!(messages, [&1u32.to_ne_bytes()[..], &[3, 4]]);

        for _ in 2..MESSAGES {
            outbox.add(|_| Ok(())).unwrap();
        }
        assert!(outbox.add(|_| Ok(())).is_err());
        outbox.clear();
        assert_eq!(outbox.messages().len(), 0);
    }
}
