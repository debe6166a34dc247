//! `doctor`: what keeps the cameras from working, and how to mend it.
//!
//! It looks at the system itself and changes nothing. Each thing that it looks at is one [`Finding`], the good ones
//! too, in the order in which they depend on each other: what is bad at the top explains what is bad below.

mod accounts;
mod cameras;
mod daemon;
mod ipa;
mod kernel;
mod libcamera;
mod overlay;
mod system;

pub(crate) use kernel::TRY;
pub(crate) use system::System;

use crate::arguments::Connection;
use bayonet_daemon::config::Config;
use serde::Serialize;
use std::path::Path;

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
    pub(crate) what: &'static str,
    /// How good it is.
    pub(crate) verdict: Verdict,
    /// What is there.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) fix: Option<String>,
}

impl Finding {
    fn new(what: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            what,
            verdict,
            detail: detail.into(),
            fix: None,
        }
    }

    fn good(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(what, Verdict::Good, detail)
    }

    fn warning(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(what, Verdict::Warning, detail)
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(what, Verdict::Bad, detail)
    }

    fn skipped(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(what, Verdict::Skipped, detail)
    }

    /// With what to do about it.
    fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }
}

/// Looks at everything; `config` is the path of `bayonetd`'s configuration.
pub(crate) async fn examine(
    system: &System,
    config: &Path,
    connection: &Connection,
) -> Vec<Finding> {
    let (configuration, config) = daemon::configuration(system, config);
    let mut findings = examine_files(system, &config);
    findings.push(configuration);
    findings.extend(daemon::examine(system, &config, connection).await);
    findings
}

/// Looks at everything but a running `bayonetd`.
fn examine_files(system: &System, config: &Config) -> Vec<Finding> {
    let mut findings = kernel::examine(system);
    findings.extend(overlay::examine(system));
    findings.extend(cameras::examine(system, config));
    findings.extend(accounts::examine(system, config));
    findings.extend(libcamera::examine(system));
    findings.push(ipa::examine(system));
    findings
}

#[cfg(test)]
mod tests;
