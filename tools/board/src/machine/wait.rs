//! How long to wait, and when to give up earlier.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest time between two looks at [`Stop`] during a wait.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// A wish to end everything, raised by a signal or an order; cheap to clone, never taken back.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Raises the wish.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for a signal handler to set.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// A moment after which a wait is in vain.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Option<Instant>,
    allowed: Duration,
}

impl Deadline {
    /// So long from now.
    pub fn after(allowed: Duration) -> Self {
        Self {
            end: Instant::now().checked_add(allowed),
            allowed,
        }
    }

    /// Waits are ended by the machine's end or [`Stop`] only.
    pub const fn never() -> Self {
        Self {
            end: None,
            allowed: Duration::MAX,
        }
    }

    /// The time that was granted when the deadline was set.
    pub const fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Whether the moment has come.
    pub fn has_passed(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Time to sleep before the next look at the world.
    pub(crate) fn slice(&self) -> Duration {
        self.end.map_or(SLICE, |end| {
            end.saturating_duration_since(Instant::now()).min(SLICE)
        })
    }
}
