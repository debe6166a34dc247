//! Memory for frames on their way to the disk: taken once, used again, never more than a limit.
//!
//! Frames of a compressed stream differ in length. Buffers are made somewhat longer than asked for, and one that is
//! too short for today's frames goes when its room is needed; so after a while no memory is asked for any more.

/// Buffers are multiples of this, in bytes: frames of much the same length use the same buffers.
const STEP: usize = 1 << 20;
/// Left free behind a frame, in bytes: what reads it looks for the end of the frame in there (`tokio::io::util`).
const TAIL: usize = 32;
/// Buffers that are kept track of without asking for memory.
const USUAL: usize = 256;

/// Buffers, in use and not.
#[derive(Debug)]
pub(super) struct Pool {
    limit: usize,
    /// Length of all of them.
    allocated: usize,
    free: Vec<Vec<u8>>,
}

impl Pool {
    /// Hands out at most `limit` bytes at once.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            allocated: 0,
            free: Vec::with_capacity(USUAL),
        }
    }

    /// An empty buffer that takes so many bytes without growing, if the limit allows it.
    pub(super) fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let least = bytes.checked_add(TAIL)?;
        let fits = (0..self.free.len()).filter(|&i| self.free[i].capacity() >= least);
        if let Some(shortest) = fits.min_by_key(|&i| self.free[i].capacity()) {
            return Some(self.free.swap_remove(shortest));
        }
        let in_use = self.in_use();
        if least > self.limit.saturating_sub(in_use) {
            return None;
        }
        let wanted = least.checked_next_multiple_of(STEP)?;
        let wanted = wanted.min(self.limit - in_use);
        while self.allocated > self.limit - wanted {
            // What is free is too short.
            self.allocated -= self.free.pop()?.capacity();
        }
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(wanted).ok()?;
        self.allocated += buffer.capacity();
        Some(buffer)
    }

    /// Takes a buffer back.
    pub(super) fn give(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.free.push(buffer);
    }

    /// Bytes of the buffers that are handed out.
    pub(super) fn in_use(&self) -> usize {
        let free: usize = self.free.iter().map(Vec::capacity).sum();
        self.allocated.saturating_sub(free)
    }

    /// Bytes of all buffers at most.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_buffer_is_used_again() {
        let mut pool = Pool::new(10 * STEP);
        let buffer = pool.take(STEP / 2).unwrap();
        let place = buffer.as_ptr();
        pool.give(buffer);
        let again = pool.take(STEP - TAIL).unwrap();
        assert_eq!(again.as_ptr(), place, "room enough for a longer frame");
        assert_eq!(pool.in_use(), STEP);
    }

    #[test]
    fn the_limit_holds_and_short_buffers_make_room() {
        let mut pool = Pool::new(4 * STEP);
        let four: Vec<_> = (0..4).map(|_| pool.take(1).unwrap()).collect();
        assert_eq!(pool.take(1), None);
        four.into_iter().for_each(|buffer| pool.give(buffer));
        assert!(pool.take(4 * STEP).is_none(), "longer than everything");
        let long = pool.take(4 * STEP - TAIL).unwrap();
        assert_eq!((pool.in_use(), long.capacity()), (4 * STEP, 4 * STEP));
        assert_eq!(pool.take(1), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is taken and given back, no more is allocated than the limit, and what is handed out fits.
        #[test]
        fn never_more_than_the_limit(steps in prop::collection::vec((any::<bool>(), 0..3 * STEP), 1..60)) {
            let mut pool = Pool::new(5 * STEP + 7);
            let mut out: Vec<Vec<u8>> = Vec::new();
            for (take, bytes) in steps {
                if take {
                    if let Some(buffer) = pool.take(bytes) {
                        prop_assert!(buffer.is_empty() && buffer.capacity() >= bytes + TAIL);
                        out.push(buffer);
                    } else {
                        let used: usize = out.iter().map(Vec::capacity).sum();
                        prop_assert!(used + bytes + TAIL > pool.limit);
                    }
                } else if !out.is_empty() {
                    pool.give(out.swap_remove(bytes % out.len()));
                }
                let used: usize = out.iter().map(Vec::capacity).sum();
                prop_assert_eq!(pool.in_use(), used);
                prop_assert!(pool.allocated <= pool.limit);
            }
        }
    }
}
