//! Bayonet's IPA, for cameras whose pictures libcamera's software ISP makes.

use super::{Finding, System};
use crate::ipa::{Layout, State, Worker, is_known};

/// Prefixes of installations, the usual one first.
const PREFIXES: [&str; 2] = ["/usr/local", "/usr"];

pub(super) fn examine(system: &System) -> Finding {
    const WHAT: &str = "software ISP's IPA";
    let states = PREFIXES.map(|prefix| State::look(system, &Layout::new(prefix)));
    let Some(state) = states.iter().find(|state| state.is_there()) else {
        let detail = "Bayonet's is not installed: cameras without an ISP have libcamera's own";
        return Finding::good(WHAT, detail);
    };
    let prefix = &state.prefix;
    let again = format!("bayonet ipa install --prefix {prefix}");
    let bad = |detail: &str| Finding::bad(WHAT, detail);
    if !state.module {
        return bad("Bayonet's module is missing, its worker is there").fix(again);
    }
    match state.worker {
        Worker::Executable => {}
        Worker::Missing => {
            return bad("Bayonet's worker is missing: libcamera starts its own, which cannot load the module").fix(again);
        }
        Worker::NotExecutable => {
            let worker = Layout::new(prefix).worker();
            let worker = worker.display();
            return bad(&format!(
                "{worker} is not executable for everybody: libcamera cannot start it"
            ))
            .fix(format!("chmod 755 {worker}"));
        }
    }
    if state.tuning.is_empty() {
        let detail = "Bayonet's has no tuning files: it runs uncalibrated, with poor colours";
        return Finding::warning(WHAT, detail).fix(again);
    }
    if let Some(version) = state.libcamera.iter().find(|version| !is_known(version)) {
        let detail = format!("Bayonet's is for libcamera 0.7, and {version} is installed");
        return bad(&detail).fix("bayonet ipa remove, until there is one for this libcamera");
    }
    let unused = |detail: String| {
        Finding::warning(
            WHAT,
            format!("Bayonet's is installed and not used: {detail}"),
        )
    };
    match &state.configuration {
        None => return unused("no configuration file of libcamera names it".into()).fix(again),
        Some(file) => {
            if let Some(trouble) = file.trouble() {
                return unused(trouble).fix(again);
            }
        }
    }
    if let Some(shadow) = state.shadows().first() {
        let (detail, lines) = shadow.split_once("; write").unwrap_or((shadow, ""));
        return unused(detail.into()).fix(format!("write{lines}"));
    }
    if let Some(variable) = state.overridden.first() {
        return unused(format!(
            "{variable} in your environment goes before and does not name it"
        ))
        .fix(format!("unset {variable}"));
    }
    let own = env!("CARGO_PKG_VERSION");
    let version = state.version.as_deref().unwrap_or("of an unknown version");
    if version != own {
        return Finding::warning(WHAT, format!("Bayonet's is {version}, and this is {own}"))
            .fix(again);
    }
    Finding::good(WHAT, format!("Bayonet's {version}, below {prefix}"))
}
