//! Hosts on which nothing can be prepared, and preparations that fail or are interrupted.
//!
//! The tools are scripts of the test; nothing is fetched.

use super::host::{Host, Ran, names};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A host with all tools, which do nothing and succeed; none where the archive's keys, which have a fixed
/// place, or this user's name and ids are missing.
fn equipped() -> Option<Host> {
    if !Path::new(KEYRING).exists() {
        skip(&format!("{KEYRING} is not there"));
        return None;
    }
    let host = Host::new();
    for tool in ["mmdebstrap", "bwrap", "newuidmap"] {
        host.program(tool, "exit 0");
    }
    Some(host)
}

fn skip(reason: &str) {
    // Past the test harness, which would keep it to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}

#[test]
fn missing_programs_are_named_as_packages() {
    let host = Host::new();
    let mut command = host.command(&["build"]);
    let ran = host.start(command.env("PATH", host.path("bin"))).end();
    ran.is_refusal(
        1,
        &[
            "missing on this system: mmdebstrap bubblewrap",
            "apt-get install",
        ],
    );
    host.is_clean();
}

#[test]
fn without_namespaces_the_way_to_get_them_is_told() {
    let Some(host) = equipped() else { return };
    host.program(
        "bwrap",
        "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
    );
    let parts = [
        "cannot build in a sandbox",
        "No permissions to create new namespace",
    ];
    host.refuses(&["build"], 1, &parts);
    let ran = host.run(&["exec", "--", "true"]);
    let advice = ["sysctl", "as root"];
    assert!(
        advice.iter().any(|part| ran.stderr.contains(part)),
        "{ran:?}"
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let host = Host::new();
    for directory in ["/sys/bayonet", "/dev/null/bayonet"] {
        let mut command = host.command(&["build"]);
        let ran = host.start(command.env("BAYONET_CACHE", directory)).end();
        ran.is_refusal(
            1,
            &[
                "cannot create",
                directory,
                "set BAYONET_CACHE to another directory",
            ],
        );
    }
    let mut command = host.command(&["build"]);
    for name in ["BAYONET_CACHE", "XDG_CACHE_HOME", "HOME"] {
        command.env_remove(name);
    }
    let ran = host.start(&mut command).end();
    ran.is_refusal(1, &["no cache directory: set BAYONET_CACHE (or HOME)"]);
    host.is_clean();
}

#[test]
fn sources_that_are_not_there_are_named() {
    let host = Host::new();
    let mut command = host.command(&["build"]);
    let ran = host
        .start(command.env("BAYONET_SOURCE", "/no/source"))
        .end();
    ran.is_refusal(
        1,
        &["not at /no/source", "set BAYONET_SOURCE to a checkout"],
    );
    host.is_clean();
}

#[test]
fn a_full_disk_is_told_before_the_work() {
    let Some(host) = equipped() else { return };
    let cache = host.path("cache");
    std::fs::create_dir(&cache).unwrap();
    let build = host.command(&["build"]);
    // A small disk, in namespaces of its own that end with the run.
    let mut command = std::process::Command::new("unshare");
    let script = "mount -t tmpfs -o size=8m small \"$1\" && shift && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(&cache).arg(build.get_program());
    command.args(build.get_args());
    for (name, value) in build.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let ran = host.start(&mut command).end();
    if ["unshare:", "mount:"]
        .iter()
        .any(|tool| ran.stderr.contains(tool))
    {
        skip(&format!(
            "no small disk can be mounted: {}",
            ran.stderr.trim()
        ));
        return;
    }
    ran.is_refusal(
        1,
        &["MiB free and 6144 MiB are needed", "set BAYONET_CACHE"],
    );
    host.is_clean();
}

/// Fills the directory that it was given as a download does, then does `rest`.
fn bootstrap(host: &Host, rest: &str) {
    let script = "echo \"$TMPDIR\" > \"$TMPDIR/../begun\"; touch \"$TMPDIR/half\"";
    host.program("mmdebstrap", &format!("{script}; {rest}"));
}

/// Whether the system lets this process make the namespaces that a bootstrap runs in.
fn may_bootstrap(ran: &Ran) -> bool {
    let denied = ran.stderr.contains("unshare:") || ran.stderr.contains("gives ");
    if denied {
        skip(&format!("no namespaces: {}", ran.stderr.trim()));
    }
    !denied
}

#[test]
fn a_tool_that_fails_is_quoted_and_its_log_kept() {
    let Some(host) = equipped() else { return };
    bootstrap(&host, "echo 'E: cannot resolve deb.debian.org'; exit 25");
    let ran = host.run(&["build"]);
    if !may_bootstrap(&ran) {
        return;
    }
    ran.is_refusal(
        1,
        &[
            "failed with status 25",
            "E: cannot resolve deb.debian.org",
            "full log:",
        ],
    );
    host.is_clean();
    assert_eq!(names(&host.path("cache/logs")).len(), 1);
}

#[test]
fn an_interrupted_preparation_leaves_what_the_next_one_removes() {
    let Some(host) = equipped() else { return };
    bootstrap(&host, "exit 1");
    if !may_bootstrap(&host.run(&["build"])) {
        return;
    }
    let begun = host.path("cache/begun");
    std::fs::remove_file(&begun).unwrap();
    bootstrap(&host, "sleep 1000");
    let mut running = host.start(&mut host.command(&["build"]));
    running.until("the download begins", || begun.exists());
    running.interrupt();
    let ran = running.end();
    assert_eq!(ran.status.signal(), Some(2), "{ran:?}");
    let partial = |name: &String| name.ends_with(".partial");
    assert!(names(&host.path("cache")).iter().any(partial));
    bootstrap(&host, "exit 1");
    host.run(&["build"])
        .is_refusal(1, &["failed with status 1"]);
    // The tool that slept is gone as well.
    host.is_clean();
}
