//! Guests that do not come to an end by themselves, and such that do not begin. Skipped until a guest is prepared.

use super::host::Host;
use std::io::Write;
use std::process::Command;

/// More than a boot takes; the test lasts as long.
const ALLOWED: &str = "40";

/// Runs with the user's cache.
fn command(host: &Host, words: &[&str]) -> Command {
    let mut command = host.command(words);
    match std::env::var_os("BAYONET_CACHE") {
        Some(cache) => command.env("BAYONET_CACHE", cache),
        None => command.env_remove("BAYONET_CACHE"),
    };
    command
}

/// Whether there is a guest; where not, says so aloud.
fn is_prepared() -> bool {
    let reason = match bayonet_board::prepare::prepared() {
        Ok(Some(_)) => return true,
        Ok(None) => "none is prepared".into(),
        Err(error) => error.to_string(),
    };
    let line = "SKIPPED: no guest to boot";
    let _ = writeln!(
        std::io::stderr(),
        "{line}: {reason}; run `bayonet-board build`"
    );
    false
}

#[test]
fn what_the_overlay_refuses_ends_the_start() {
    if !is_prepared() {
        return;
    }
    let host = Host::new();
    let refused = |parameters: &[&str], parts: &[&str]| {
        let mut words = vec!["exec"];
        words.extend(parameters.iter().flat_map(|name| ["--dtparam", name]));
        words.extend(["--", "true"]);
        let ran = host.start(&mut command(&host, &words)).end();
        ran.is_refusal(1, parts);
    };
    refused(
        &["rotation=180", "colour=red"],
        &["no parameter colour", "rotation"],
    );
    refused(&["cam0=both"], &["parameter cam0 cannot be", "main, mount"]);
    refused(&["rotation=over"], &["rotation", "takes a number"]);
    // Two lines on one GPIO: nothing that a parameter alone shows.
    refused(&["present-pin=16"], &["contradicts itself", "/bayonet"]);
    host.is_clean();
}

#[test]
fn a_guest_that_hangs_and_one_that_is_interrupted_leave_nothing() {
    if !is_prepared() {
        return;
    }
    let host = Host::new();
    let sleep = "echo begun; echo '<4>a last line' > /dev/kmsg; sleep 1000";
    let begun = || std::fs::read_to_string(host.path("stdout")).is_ok_and(|text| text == "begun\n");

    let words = ["exec", "--timeout", ALLOWED, "--", "sh", "-c", sleep];
    let ran = host.start(&mut command(&host, &words)).end();
    let after = format!("no end after {ALLOWED} s while");
    ran.is_refusal(124, &[&after, "console"]);
    if begun() {
        ran.is_refusal(
            124,
            &["running sh in the guest", "last lines", "a last line"],
        );
    }
    host.is_clean();

    let words = ["exec", "--", "sh", "-c", sleep];
    let mut running = host.start(&mut command(&host, &words));
    running.until("the guest works", begun);
    running.interrupt();
    running.end().is_refusal(130, &["interrupted"]);
    host.is_clean();
}
