//! `bayonet doctor` finds what is wrong, and says how to mend it; and the other commands do what they say.

use super::coexistence::{without_module, without_property};
use crate::cam::CAPTURE_LIMIT;
use crate::daemon::{CONFIGURATION, Daemon};
use crate::process::{output, run};
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use bayonet_kernel::chain;
use bayonet_kernel::gpio::Lines;
use bayonet_kernel::mount_lines::FRAME_SELECT;
use serde_json::Value;
use std::fs;

pub(crate) const SUITE: Suite = Suite {
    name: "doctor",
    about: "bayonet doctor on a good board and on bad ones, and bayonet's other commands",
    tests: &[
        Test {
            name: "on the board: nothing is bad",
            run: good,
        },
        Test {
            name: "with user namespaces off",
            run: no_namespaces,
        },
        Test {
            name: "without the overlay",
            run: no_overlay,
        },
        Test {
            name: "without a property of lines, and with a line that another program has",
            run: wrong_lines,
        },
        Test {
            name: "with a wrong IPA path",
            run: wrong_ipa_path,
        },
        Test {
            name: "without bayonetd",
            run: no_daemon,
        },
        Test {
            name: "list, status, lens, controls and capture",
            run: commands,
        },
    ],
    complaints: Complaints::Forbidden,
};

const BAYONET: &str = "/usr/bin/bayonet";

/// What the doctor finds, with this set in its environment.
fn doctor(environment: &[&str]) -> Result<Vec<Value>> {
    let mut words: Vec<&str> = environment.to_vec();
    words.extend([BAYONET, "--json", "doctor", "--config", CONFIGURATION]);
    // Its exit status is the sum of its findings.
    let ended = run("env", &words, CAPTURE_LIMIT)?;
    let findings: Value = serde_json::from_str(&ended.stdout)
        .with_context(|| format!("{}{}", ended.stdout, ended.last_words()))?;
    findings.as_array().cloned().context("no list of findings")
}

/// What keeps a camera from working.
fn bad(findings: &[Value]) -> Vec<&Value> {
    findings
        .iter()
        .filter(|finding| finding["verdict"] == "bad")
        .collect()
}

/// One finding that is not good must speak of the cause in this word, and have a fix.
fn names(findings: &[Value], word: &str) -> Result<String> {
    let of_it = |finding: &&Value| {
        let wrong = finding["verdict"] == "bad" || finding["verdict"] == "warning";
        wrong && finding.to_string().to_lowercase().contains(word)
    };
    let found = findings.iter().find(of_it);
    let found = found.with_context(|| format!("nothing wrong about {word}: {findings:?}"))?;
    let fix = found["fix"]
        .as_str()
        .with_context(|| format!("no fix: {found}"))?;
    Ok(format!(
        "{}: {fix}",
        found["detail"].as_str().unwrap_or_default()
    ))
}

fn good(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let findings = doctor(&[])?;
    let bad = bad(&findings);
    ensure!(bad.is_empty(), "{bad:?}");
    remark(format!("{} findings", findings.len()))
}

fn no_namespaces(_bench: &mut Bench) -> Result<Verdict> {
    const LIMIT: &str = "/proc/sys/user/max_user_namespaces";
    let before = fs::read_to_string(LIMIT).context(LIMIT)?;
    fs::write(LIMIT, "0").context(LIMIT)?;
    let findings = doctor(&[]);
    fs::write(LIMIT, before.trim()).context(LIMIT)?;
    remark(names(&findings?, "namespace")?)
}

fn no_overlay(_bench: &mut Bench) -> Result<Verdict> {
    let findings = without_module(|| doctor(&[]))?;
    remark(names(&findings, "overlay")?)
}

fn wrong_lines(bench: &mut Bench) -> Result<Verdict> {
    let findings = without_property(FRAME_SELECT, || doctor(&[]))?;
    bench.note(&names(&findings, FRAME_SELECT)?);
    let lines = chain::discover()?.mount_lines?;
    let held = Lines::request(&[&lines.code[0]], "another program")?;
    let findings = doctor(&[])?;
    drop(held);
    remark(names(&findings, "in use by")?)
}

fn wrong_ipa_path(_bench: &mut Bench) -> Result<Verdict> {
    let findings = doctor(&["LIBCAMERA_IPA_MODULE_PATH=/nowhere"])?;
    remark(names(&findings, "/nowhere")?)
}

fn no_daemon(_bench: &mut Bench) -> Result<Verdict> {
    let status = run(BAYONET, &["status"], CAPTURE_LIMIT)?;
    ensure!(!status.success(), "it succeeds");
    let words = status.last_words();
    ensure!(
        words.contains("systemctl start bayonetd"),
        "it does not say what to do: {words}"
    );
    remark(words)
}

fn commands(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    for words in [
        &["list"][..],
        &["status"],
        &["lens", "list"],
        &["lens", "show"],
        &["controls", "main"],
        &["controls", "main", "AeEnable=false", "ExposureTime=8000"],
        &["capture", "--camera", "both", "-o", "/run/doctor.jpg"],
        &["man"],
        &["completions", "bash"],
    ] {
        let text = output(BAYONET, words, CAPTURE_LIMIT).with_context(|| words.join(" "))?;
        ensure!(
            !text.is_empty() || words[0] == "capture",
            "{words:?} says nothing"
        );
    }
    for picture in ["/run/doctor-main.jpg", "/run/doctor-mount.jpg"] {
        let bytes = fs::read(picture).context(picture)?;
        ensure!(bytes.starts_with(&[0xff, 0xd8]), "{picture} is no JPEG");
    }
    Ok(Verdict::Pass)
}
