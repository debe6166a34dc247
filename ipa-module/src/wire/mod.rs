//! Bytes that libcamera and an IPA's worker send each other, and back. No socket, no session.
//!
//! Everything is in the order of this machine. What is read is not trusted: each size, number and place is checked
//! before it is used, and what is wrong is said with its place.
//!
//! [`ipa_controls`] is the format of controls, which libcamera's versions share; [`v0_7`] is the software ISP's
//! interface in libcamera 0.7. An interface that changes gets a module of its own beside it. [`outbox`] holds what is
//! to be sent.

pub mod ipa_controls;
pub mod outbox;
pub mod v0_7;

/// Why bytes are not what they should be. Places are bytes from the beginning of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The message ends too early.
    #[error("{what} at byte {at}: {needed} bytes expected, {left} left")]
    Short {
        /// What should stand there.
        what: &'static str,
        /// Where.
        at: usize,
        /// Bytes it has.
        needed: usize,
        /// Bytes there are.
        left: usize,
    },
    /// A number that can only be another one.
    #[error("{what} at byte {at}: {expected} expected, {found} found")]
    Wrong {
        /// What the number is.
        what: &'static str,
        /// Where.
        at: usize,
        /// What it should be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A number that means nothing.
    #[error("{what} at byte {at}: {found} is none that is known")]
    Unknown {
        /// What the number is.
        what: &'static str,
        /// Where.
        at: usize,
        /// What it is.
        found: u64,
    },
    /// Bytes behind the end.
    #[error("{what} ends at byte {at}, {left} more bytes found")]
    Trailing {
        /// What has ended.
        what: &'static str,
        /// Where.
        at: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A control that stands twice in a list or a map.
    #[error("control {id:#x} at byte {at}: it was there before")]
    Twice {
        /// Number of the control.
        id: u32,
        /// Where it stands again.
        at: usize,
    },
    /// A text that is none.
    #[error("{what} at byte {at}: no UTF-8")]
    Text {
        /// What the text is.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// What is written is too long for one message.
    #[error("{needed} bytes at byte {at}: {limit} is the most that one message holds")]
    Full {
        /// Bytes that were to be written.
        needed: usize,
        /// Where.
        at: usize,
        /// Bytes that a message has at most.
        limit: usize,
    },
}

/// Reads a message from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads these bytes, of which the first is at `at` in its message.
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The place of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next bytes.
    pub fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            return Err(Error::Short {
                what,
                at: self.at,
                needed: length,
                left: self.bytes.len(),
            });
        };
        self.bytes = rest;
        self.at += length;
        Ok(taken)
    }

    /// The next bytes, to be read on their own.
    pub fn part(&mut self, length: usize, what: &'static str) -> Result<Self, Error> {
        let at = self.at;
        Ok(Self::new(self.take(length, what)?, at))
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// A number of 8 bits.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// A number of 16 bits.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        self.array(what).map(u16::from_ne_bytes)
    }

    /// A number of 32 bits.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        self.array(what).map(u32::from_ne_bytes)
    }

    /// A number of 32 bits with a sign.
    pub fn i32(&mut self, what: &'static str) -> Result<i32, Error> {
        self.array(what).map(i32::from_ne_bytes)
    }

    /// A number of 64 bits.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Error> {
        self.array(what).map(u64::from_ne_bytes)
    }

    /// A size in bytes, or a number of things.
    pub fn size(&mut self, what: &'static str) -> Result<usize, Error> {
        self.u32(what).map(|size| size as usize)
    }

    /// A number that can only be this one.
    pub fn exactly(&mut self, expected: usize, what: &'static str) -> Result<(), Error> {
        let at = self.at;
        let found = self.size(what)?;
        if found == expected {
            return Ok(());
        }
        Err(Error::Wrong {
            what,
            at,
            expected: expected as u64,
            found: found as u64,
        })
    }

    /// A text with its length before it.
    pub fn text(&mut self, what: &'static str) -> Result<String, Error> {
        let length = self.size(what)?;
        let at = self.at;
        match str::from_utf8(self.take(length, what)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::Text { what, at }),
        }
    }

    /// Nothing is left.
    pub fn end(self, what: &'static str) -> Result<(), Error> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(Error::Trailing {
            what,
            at: self.at,
            left: self.bytes.len(),
        })
    }
}

/// Writes messages one behind the other into a buffer that never grows.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    /// Writes from the beginning of this buffer.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Bytes that were written.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let limit = self.buffer.len();
        let end = self.length + bytes.len();
        let Some(free) = self.buffer.get_mut(self.length..end) else {
            return Err(Error::Full {
                needed: bytes.len(),
                at: self.length,
                limit,
            });
        };
        free.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    /// A number of 32 bits.
    pub fn u32(&mut self, value: u32) -> Result<(), Error> {
        self.bytes(&value.to_ne_bytes())
    }

    /// A size in bytes, or a number of things.
    pub fn size(&mut self, size: usize) -> Result<(), Error> {
        self.u32(size as u32)
    }
}
