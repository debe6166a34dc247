//! `doctor`: what keeps the cameras from working, and how to mend it.
//!
//! It looks at the system itself and changes nothing. Each thing that it looks at is one [`Finding`], the good ones
//! too, in the order in which they depend on each other: what is bad at the top explains what is bad below.

use crate::arguments::Connection;
use serde::Serialize;
use std::path::PathBuf;

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// As it should be.
    Good,
    /// It works, but not as well as it could.
    Warning,
    /// A camera does not work because of it.
    Bad,
    /// It could not be looked at.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) what: String,
    /// How good it is.
    pub(crate) verdict: Verdict,
    /// What is there.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) fix: Option<String>,
}

/// Where the system is.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    /// `/`, or a made-up tree that has `sys`, `proc`, `dev`, `etc` and `usr` in it.
    pub(crate) root: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { root: "/".into() }
    }
}

pub(crate) async fn examine(_roots: &Roots, _connection: &Connection) -> Vec<Finding> {
    Vec::new()
}
