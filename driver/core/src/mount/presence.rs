//! The presence line: when its level counts, and when a module comes and goes too often.

use super::Config;
use crate::Time;
use crate::backoff::Backoff;
use std::collections::VecDeque;
use std::time::Duration;

/// A level that counts once it has not moved for a while.
#[derive(Clone, Debug)]
pub(super) struct Debounced<T> {
    settled: T,
    level: T,
    /// When the level last moved; none while it is the settled one and nothing is awaited.
    moved: Option<Time>,
    wait: Duration,
}

impl<T: Copy + PartialEq> Debounced<T> {
    /// `settled` counts until `level` has stayed.
    pub(super) fn new(settled: T, level: T, now: Time, wait: Duration) -> Self {
        Self {
            settled,
            level,
            moved: (settled != level).then_some(now),
            wait,
        }
    }

    /// The level was read. Reading the same level twice is no movement.
    pub(super) fn read(&mut self, level: T, now: Time) {
        if level != self.level {
            self.level = level;
            self.moved = Some(now);
        }
    }

    /// Waits anew, as if the level had moved now.
    pub(super) fn restart(&mut self, now: Time) {
        self.moved = Some(now);
    }

    /// Nothing is awaited any more; the settled level stays.
    pub(super) fn pause(&mut self) {
        self.moved = None;
    }

    /// Lets time pass; tells the level if it differs from the one that counted before.
    pub(super) fn expire(&mut self, now: Time) -> Option<T> {
        if self.deadline()? > now {
            return None;
        }
        self.moved = None;
        let changed = self.level != self.settled;
        self.settled = self.level;
        changed.then_some(self.level)
    }

    /// When the level counts.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.moved.map(|moved| moved.saturating_add(self.wait))
    }

    /// The level that was read last.
    pub(super) fn level(&self) -> T {
        self.level
    }

    /// The level that counts.
    pub(super) fn settled(&self) -> T {
        self.settled
    }
}

/// Counts plugs, and says how long a module that comes too often must stay before it is worth a try.
#[derive(Clone, Debug)]
pub(super) struct Flapping {
    /// The latest plugs, at most one more than the limit.
    plugs: VecDeque<Time>,
    window: Duration,
    limit: usize,
    waits: Backoff,
}

impl Flapping {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            plugs: VecDeque::new(),
            window: config.flap_window,
            limit: config.flap_limit.max(1),
            waits: Backoff::new(config.flap_waits.clone()),
        }
    }

    /// A module was plugged. How long it must stay, if it came too often.
    pub(super) fn plugged(&mut self, now: Time) -> Option<Duration> {
        self.plugs.push_back(now);
        if self.plugs.len() > self.limit + 1 {
            self.plugs.pop_front();
        }
        let first = self.plugs.front().copied().unwrap_or(now);
        if self.plugs.len() > self.limit && now - first <= self.window {
            return Some(self.waits.wait());
        }
        self.waits.reset();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(50);

    fn ms(n: u64) -> Time {
        Time::from_millis(n)
    }

    #[test]
    fn a_level_counts_after_it_stayed() {
        let mut line = Debounced::new(false, false, ms(0), WAIT);
        assert_eq!(line.deadline(), None);
        line.read(true, ms(10));
        line.read(true, ms(30));
        assert_eq!(line.expire(ms(59)), None);
        assert_eq!(line.expire(ms(60)), Some(true));
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn a_bounce_starts_the_wait_anew_and_changes_nothing() {
        let mut line = Debounced::new(true, true, ms(0), WAIT);
        line.read(false, ms(10));
        line.read(true, ms(40));
        assert_eq!(line.expire(ms(89)), None);
        assert_eq!(line.deadline(), Some(ms(90)));
        assert_eq!(line.expire(ms(90)), None);
        assert!(line.settled());
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn only_plugs_close_together_are_flapping() {
        let config = Config {
            flap_limit: 2,
            flap_window: ms(1000),
            ..Config::default()
        };
        let mut flapping = Flapping::new(&config);
        let mut plug = |at| flapping.plugged(ms(at)).map(|wait| wait.as_millis());
        assert_eq!(plug(0), None);
        assert_eq!(plug(400), None);
        assert_eq!(plug(800), Some(200));
        assert_eq!(plug(1200), Some(400));
        assert_eq!(plug(3000), None);
        assert_eq!(plug(3400), None);
        assert_eq!(plug(3800), Some(200));
    }
}
