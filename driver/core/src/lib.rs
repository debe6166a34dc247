//! What Bayonet decides: when the mount's drivers are bound, when a camera's process lives, which lens is on the
//! mount, which sensor answers.
//!
//! Everything here is pure. [`mount::Machine`] and [`supervisor::Supervisor`] are told what happened and at what
//! time, and are asked for actions and for the next deadline; whoever owns descriptors, files and threads calls them:
//!
//! ```
//! # use bayonet_core::mount::{Config, Input, Machine, Observed};
//! # use bayonet_core::Time;
//! let mut machine = Machine::new(Config::default(), Time::ZERO, Observed::default());
//! machine.handle(Time::from_millis(7), Input::Presence(true));
//! while let Some(action) = machine.poll_action() {
//!     // Carry it out.
//!     # let _ = action;
//! }
//! let sleep_until = machine.next_deadline();
//! # assert_eq!(sleep_until, Some(Time::from_millis(57)));
//! ```
//!
//! All actions are polled after every call, before the next one: that keeps the two machines in step.
//!
//! What this crate does not do: read a clock, open a file, start a thread, know libcamera.

mod backoff;
pub mod lens;
pub mod mount;
pub mod sensor;
pub mod supervisor;

/// A point in time: since an arbitrary start that the caller chooses and keeps. It must not run backwards; where it
/// does, a machine takes it for the latest time it has seen.
pub type Time = std::time::Duration;
