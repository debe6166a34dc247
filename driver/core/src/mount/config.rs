//! How patient the mount machine is.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Times and counts of the mount machine. The defaults are good for a hand and a flexible cable; none of them was
/// measured on a real mount.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How long the presence line must stay still before its level counts: contacts bounce for some milliseconds.
    /// Default 50 ms.
    pub presence_debounce: Duration,
    /// The same for the lens lines: a bayonet that turns drags its marks past the sensors. Default 100 ms.
    pub lens_debounce: Duration,
    /// Wait after a plug before the sensor is touched, and again after its supplies were switched on. Default 20 ms.
    pub settle: Duration,
    /// Attempts to identify or to bind before the module counts as faulted; at least one. Default 3.
    pub attempts: u32,
    /// Longest time that a kernel action or the end of the camera's process may take. Default 10 s.
    pub action_limit: Duration,
    /// Waits before a faulted module is tried again, doubling. Default 1 s to 30 s.
    pub fault_waits: RangeInclusive<Duration>,
    /// More than [`flap_limit`](Self::flap_limit) plugs within this time are flapping. Default 5 s.
    pub flap_window: Duration,
    /// Plugs allowed within the window; at least one. Default 5: no hand is that fast.
    pub flap_limit: usize,
    /// How long a flapping module must stay before it is tried, doubling. Default 0.2 s to 5 s.
    pub flap_waits: RangeInclusive<Duration>,
    /// How often to look again whether a process still holds the chain. Default 500 ms.
    pub holders_poll: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            presence_debounce: ms(50),
            lens_debounce: ms(100),
            settle: ms(20),
            attempts: 3,
            action_limit: ms(10_000),
            fault_waits: ms(1_000)..=ms(30_000),
            flap_window: ms(5_000),
            flap_limit: 5,
            flap_waits: ms(200)..=ms(5_000),
            holders_poll: ms(500),
        }
    }
}
