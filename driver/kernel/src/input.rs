//! Keys of input devices: the shutter key is a `gpio-keys` node with `KEY_CAMERA`.
//!
//! Events are read as bytes and parsed (`struct input_event` of the kernel's uapi `input.h`, 64 bit).

use crate::{Error, Result, sysfs};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The shutter key, `linux/input-event-codes.h`.
pub const KEY_CAMERA: u16 = 0xd4;
/// Type of key events, the same file.
const EV_KEY: u16 = 1;
/// Where the kernel shows input devices.
const CLASS: &str = "/sys/class/input";
/// Bytes of an event: seconds and microseconds of 64 bits, type and code of 16, value of 32.
pub const EVENT_SIZE: usize = 24;
/// Events that are read at once.
const BATCH: usize = 16;

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It went down.
    Pressed,
    /// It went up.
    Released,
    /// It is held down.
    Repeated,
}

/// A key's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// Which key, see `linux/input-event-codes.h`.
    pub code: u16,
    /// What happened.
    pub action: Action,
    /// When, since 1970.
    pub time: Duration,
}

/// A key of an input device.
#[derive(Debug)]
pub struct Key {
    file: File,
    node: PathBuf,
    code: u16,
    waiting: VecDeque<KeyEvent>,
}

impl Key {
    /// Opens the first input device that has a key, by the device's number.
    ///
    /// # Errors
    /// [`Error::NoKey`] where none has it, [`Error::Call`].
    pub fn open(code: u16) -> Result<Self> {
        let class = Path::new(CLASS);
        let mut numbers: Vec<u32> = sysfs::names(class)
            .iter()
            .filter_map(|name| name.strip_prefix("event")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let number = numbers.into_iter().find(|number| {
            let keys = class.join(format!("event{number}/device/capabilities/key"));
            sysfs::read(&keys).is_ok_and(|bitmap| has_bit(&bitmap, code))
        });
        let number = number.ok_or(Error::NoKey { code })?;
        let node = PathBuf::from(format!("/dev/input/event{number}"));
        let file = File::options()
            .read(true)
            .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
            .open(&node)
            .map_err(Error::io("open", &node))?;
        Ok(Self {
            file,
            node,
            code,
            waiting: VecDeque::new(),
        })
    }

    /// The key's next event, if there is one already.
    ///
    /// # Errors
    /// [`Error::Call`]: `ENODEV` when the device is gone.
    pub fn read_event(&mut self) -> Result<Option<KeyEvent>> {
        let mut bytes = [0; EVENT_SIZE * BATCH];
        while self.waiting.is_empty() {
            let length = match self.file.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(Error::io("read", &self.node)(error)),
            };
            let code = self.code;
            let events = parse(&bytes[..length]).filter(|event| event.code == code);
            self.waiting.extend(events);
        }
        Ok(self.waiting.pop_front())
    }

    /// The device it is on.
    pub fn node(&self) -> &Path {
        &self.node
    }
}

impl AsFd for Key {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Key {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// The key events among what an input device gave; half an event at the end is left out.
pub fn parse(bytes: &[u8]) -> impl Iterator<Item = KeyEvent> {
    let (events, _) = bytes.as_chunks::<EVENT_SIZE>();
    events.iter().filter_map(|event| {
        let (words, _) = event.as_chunks::<8>();
        let [seconds, microseconds, rest] = [words[0], words[1], words[2]].map(u64::from_ne_bytes);
        let [kind_low, kind_high, code_low, code_high, value @ ..] = rest.to_ne_bytes();
        let action = match i32::from_ne_bytes(value) {
            0 => Action::Released,
            1 => Action::Pressed,
            2 => Action::Repeated,
            _ => return None,
        };
        (u16::from_ne_bytes([kind_low, kind_high]) == EV_KEY).then_some(KeyEvent {
            code: u16::from_ne_bytes([code_low, code_high]),
            action,
            time: Duration::from_secs(seconds).saturating_add(Duration::from_micros(microseconds)),
        })
    })
}

/// Whether a bitmap as sysfs shows it has a bit: words of 64 bits in hexadecimal, the most significant first.
fn has_bit(bitmap: &str, bit: u16) -> bool {
    let word = bitmap
        .split_ascii_whitespace()
        .rev()
        .nth(usize::from(bit / 64));
    word.and_then(|word| u64::from_str_radix(word, 16).ok())
        .is_some_and(|word| word >> (bit % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: u16, code: u16, value: i32) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(5u64.to_ne_bytes());
        bytes.extend(250_000u64.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(code.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
        bytes
    }

    #[test]
    fn keys_are_told_from_other_events() {
        let mut bytes = event(EV_KEY, KEY_CAMERA, 1);
        bytes.extend(event(0, 0, 0));
        bytes.extend(event(EV_KEY, 30, 2));
        bytes.extend(event(EV_KEY, KEY_CAMERA, 7));
        bytes.extend(event(EV_KEY, KEY_CAMERA, 0));
        bytes.extend([1, 2, 3]);
        let time = Duration::from_millis(5250);
        let expected = [
            (KEY_CAMERA, Action::Pressed),
            (30, Action::Repeated),
            (KEY_CAMERA, Action::Released),
        ];
        let expected = expected.map(|(code, action)| KeyEvent { code, action, time });
        assert_eq!(parse(&bytes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_bitmap_is_read_from_its_end() {
        // As the virtual board's gpio-keys show it.
        assert!(has_bit("100000 0 0 0", KEY_CAMERA));
        assert!(!has_bit("100000 0 0 0", KEY_CAMERA + 1));
        assert!(!has_bit("100000 0 0", KEY_CAMERA));
        assert!(has_bit("8000000000000001", 63) && has_bit("8000000000000001", 0));
        assert!(!has_bit("", 0) && !has_bit("no number", 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes).count() <= bytes.len() / EVENT_SIZE);
        }
    }
}
