//! RP1's MSI-X configuration block: turns interrupt levels of the chip's blocks into messages.
//!
//! A line with `IACK_EN` behaves as a level: after a message the vector is *in flight* until the handler writes
//! `IACK`; if the level is still high then, another message goes out. Source: kernel `drivers/misc/rp1/rp1_pci.c`.

use std::fs::File;
use std::io::Write;

/// Vectors in the MSI-X table (61 interrupt lines are wired).
pub const VECTORS: usize = 64;

/// Offset of the block in BAR1 (`RP1_PCIE_APBS_BASE`).
pub const BASE: usize = 0x10_8000;
/// Length of the block with its aliases.
pub const LENGTH: usize = 0x1000;

/// `MSIX_CFG(0)`: first per-vector register.
const CONFIG_BASE: usize = 0x8;
/// Writes to this alias set bits.
const ALIAS_SET: usize = 0x800;
/// Writes to this alias clear bits.
const ALIAS_CLEAR: usize = 0xc00;
/// Offset within one alias.
const ALIAS_MASK: usize = 0x3ff;

/// Acknowledge: the handler has returned.
const IACK: u32 = 1 << 2;
/// The vector waits for an acknowledge (level semantics).
const IACK_ENABLE: u32 = 1 << 3;
/// The vector is enabled.
const ENABLE: u32 = 1 << 0;

#[derive(Default)]
struct Vector {
    config: u32,
    level: bool,
    in_flight: bool,
    notifier: Option<File>,
}

/// The block.
pub struct Msix {
    vectors: Vec<Vector>,
    messages: u64,
}

impl Default for Msix {
    fn default() -> Self {
        Self {
            vectors: (0..VECTORS).map(|_| Vector::default()).collect(),
            messages: 0,
        }
    }
}

impl Msix {
    /// Register read.
    pub fn read(&self, offset: usize) -> u32 {
        match offset & !ALIAS_MASK {
            ALIAS_SET | ALIAS_CLEAR => 0,
            _ => vector_of(offset).map_or(0, |vector| self.vectors[vector].config),
        }
    }

    /// Register write.
    pub fn write(&mut self, offset: usize, value: u32) {
        let Some(number) = vector_of(offset & ALIAS_MASK) else {
            return;
        };
        let vector = &mut self.vectors[number];
        let acknowledged = match offset & !ALIAS_MASK {
            ALIAS_SET => {
                vector.config |= value & !IACK;
                value & IACK != 0
            }
            ALIAS_CLEAR => {
                vector.config &= !value;
                false
            }
            _ => {
                vector.config = value & !IACK;
                value & IACK != 0
            }
        };
        if acknowledged {
            vector.in_flight = false;
            if vector.level {
                self.send(number);
            }
        }
    }

    /// Sets the event that carries a vector's message to the guest, or takes it away.
    pub fn set_notifier(&mut self, number: usize, notifier: Option<File>) {
        if let Some(vector) = self.vectors.get_mut(number) {
            vector.notifier = notifier;
        }
    }

    /// Drives an interrupt line.
    pub fn set_level(&mut self, number: usize, level: bool) {
        let vector = &mut self.vectors[number];
        let rising = level && !vector.level;
        vector.level = level;
        if rising && !vector.in_flight {
            self.send(number);
        }
    }

    /// Messages sent since power-on.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    fn send(&mut self, number: usize) {
        let vector = &mut self.vectors[number];
        if vector.config & ENABLE == 0 {
            return;
        }
        let Some(notifier) = &mut vector.notifier else {
            return;
        };
        // An eventfd takes an 8-byte count; it can only fail when the machine is gone.
        if notifier.write_all(&1u64.to_ne_bytes()).is_ok() {
            self.messages += 1;
            vector.in_flight = vector.config & IACK_ENABLE != 0;
        }
    }
}

fn vector_of(offset: usize) -> Option<usize> {
    let vector = offset.checked_sub(CONFIG_BASE)? / 4;
    (vector < VECTORS).then_some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn register(vector: usize) -> usize {
        CONFIG_BASE + 4 * vector
    }

    /// Messages that reached the other end of the notifier so far.
    fn connected(msix: &mut Msix, vector: usize) -> std::os::unix::net::UnixStream {
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        msix.set_notifier(vector, Some(File::from(std::os::fd::OwnedFd::from(near))));
        far
    }

    fn drain(far: &mut std::os::unix::net::UnixStream) -> usize {
        let mut bytes = Vec::new();
        let _ = far.read_to_end(&mut bytes);
        bytes.len() / 8
    }

    #[test]
    fn a_level_repeats_only_after_acknowledge() {
        let mut msix = Msix::default();
        let mut far = connected(&mut msix, 5);
        msix.set_level(5, true);
        assert_eq!(drain(&mut far), 0, "disabled vectors are silent");
        msix.set_level(5, false);
        msix.write(ALIAS_SET + register(5), ENABLE | IACK_ENABLE);
        msix.set_level(5, true);
        msix.set_level(5, false);
        msix.set_level(5, true);
        assert_eq!(drain(&mut far), 1, "in flight until acknowledged");
        msix.write(ALIAS_SET + register(5), IACK);
        assert_eq!(drain(&mut far), 1, "level still high");
        msix.set_level(5, false);
        msix.write(ALIAS_SET + register(5), IACK);
        assert_eq!(drain(&mut far), 0);
        assert_eq!(msix.messages(), 2);
    }

    #[test]
    fn an_edge_needs_no_acknowledge() {
        let mut msix = Msix::default();
        let mut far = connected(&mut msix, 0);
        msix.write(ALIAS_SET + register(0), ENABLE);
        for _ in 0..3 {
            msix.set_level(0, true);
            msix.set_level(0, false);
        }
        assert_eq!(drain(&mut far), 3);
    }

    #[test]
    fn aliases_set_and_clear() {
        let mut msix = Msix::default();
        msix.write(ALIAS_SET + register(63), ENABLE | IACK_ENABLE);
        assert_eq!(msix.read(register(63)), ENABLE | IACK_ENABLE);
        msix.write(ALIAS_CLEAR + register(63), ENABLE);
        assert_eq!(msix.read(register(63)), IACK_ENABLE);
        msix.write(ALIAS_SET + 0x3fc, !0);
        msix.write(0, !0);
    }
}
