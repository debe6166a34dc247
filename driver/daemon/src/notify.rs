//! Telling systemd how things are: started, stopping, alive. Silent where no systemd asked.

use log::warn;
use sd_notify::NotifyState;
use std::time::Duration;

/// Said once the API answers.
pub(crate) fn ready() {
    say(&[NotifyState::Ready]);
}

/// Said when the end begins.
pub(crate) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Said within every [`watchdog_period`].
pub(crate) fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How often to be heard of, where systemd watches: half of what it allows.
pub(crate) fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(states) {
        warn!("systemd cannot be told: {problem}");
    }
}
