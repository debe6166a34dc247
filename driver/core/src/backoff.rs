//! Waits that double: from a first one up to a limit.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How long to wait after each failure in a row.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    waits: RangeInclusive<Duration>,
    next: Duration,
}

impl Backoff {
    /// Begins with the range's start and ends at its end.
    pub(crate) fn new(waits: RangeInclusive<Duration>) -> Self {
        let next = *waits.start();
        Self { waits, next }
    }

    /// The wait after one more failure.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(*self.waits.end());
        wait
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next = *self.waits.start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(200)..=ms(1000));
        let waits: Vec<_> = (0..4).map(|_| backoff.wait().as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1000]);
        backoff.reset();
        assert_eq!(backoff.wait(), ms(200));
    }
}
