//! Lenses are recognised as they are put on, taken off and changed.

use crate::daemon::Daemon;
use crate::orders::Port;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub(crate) const SUITE: Suite = Suite {
    name: "lens",
    about: "lens codes, frame selector, uncoded and named lenses, with bayonetd in charge",
    tests: &[
        Test {
            name: "every code of the library is recognised",
            run: every_code,
        },
        Test {
            name: "put on and taken off",
            run: on_and_off,
        },
        Test {
            name: "a lens that is changed quickly is told once it is still",
            run: quickly,
        },
        Test {
            name: "an uncoded lens is named by a person, and known again after a restart",
            run: named,
        },
        Test {
            name: "a lens goes with its module",
            run: with_module,
        },
        Test {
            name: "a picture carries its lens",
            run: picture,
        },
    ],
    complaints: Complaints::Forbidden,
};

/// Codes of the built-in library, at least.
const CODES: u32 = 50;

fn lens(status: &Value) -> &Value {
    &status["module"]["lens"]
}

fn begin() -> Result<Daemon> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    Ok(daemon)
}

/// Codes of a profile: code, and selector where it counts.
fn codes(profile: &Value) -> Vec<(u8, Option<u8>)> {
    let number = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
    let codes = profile["codes"].as_array().into_iter().flatten();
    codes
        .filter_map(|code| Some((number(&code["code"])?, number(&code["frame"]))))
        .collect()
}

fn every_code(bench: &mut Bench) -> Result<Verdict> {
    let daemon = begin()?;
    let lenses = daemon.get("/v1/lenses")?;
    let lenses = lenses.as_array().context("a list of lenses")?;
    let mut tried = 0;
    for profile in lenses {
        let name = &profile["name"];
        for (code, frame) in codes(profile) {
            // A code that says nothing of the selector may be refined by another profile with one.
            let frame = frame.or_else(|| (0..=3).find(|&frame| !refined(lenses, code, frame)));
            let Some(frame) = frame else { continue };
            bench.board.lens(code, frame)?;
            daemon
                .wait_status(|status| {
                    lens(status)["state"] == "known" && lens(status)["profile"] == *name
                })
                .with_context(|| format!("code {code}, selector {frame}: {name}"))?;
            tried += 1;
        }
    }
    ensure!(tried >= CODES, "only {tried} codes are in the library");
    remark(format!("{tried} codes"))
}

/// Whether another profile claims this very selector.
fn refined(lenses: &[Value], code: u8, frame: u8) -> bool {
    lenses
        .iter()
        .any(|profile| codes(profile).contains(&(code, Some(frame))))
}

fn on_and_off(bench: &mut Bench) -> Result<Verdict> {
    let daemon = begin()?;
    bench.board.no_lens()?;
    daemon.wait_status(|status| lens(status)["state"] == "none")?;
    bench.board.lens(32, 3)?;
    let status = daemon.wait_status(|status| lens(status)["state"] == "known")?;
    ensure!(lens(&status)["focal_length_mm"] == 50.0, "{status}");
    bench.board.lens(61, 1)?;
    daemon
        .wait_status(|status| lens(status)["state"] == "unknown" && lens(status)["code"] == 61)?;
    bench.board.lens(0, 1)?;
    daemon.wait_status(|status| lens(status)["state"] == "uncoded")?;
    Ok(Verdict::Pass)
}

fn quickly(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with("[mount]\nlens_debounce_ms = 5000\n")?;
    bench.board.lens(32, 3)?;
    daemon.wait_status(|status| lens(status)["code"] == 32)?;
    let events = daemon.events()?;
    for code in [33, 34, 35, 44] {
        bench.board.lens(code, 3)?;
    }
    daemon.wait_status(|status| lens(status)["code"] == 44)?;
    let told = events.drain();
    let between = |event: &&Value| {
        let code = &event["lens"]["code"];
        event["event"] == "module" && [33, 34, 35].iter().any(|&passing| *code == passing)
    };
    ensure!(
        told.iter().find(between).is_none(),
        "a passing code was told: {told:?}"
    );
    Ok(Verdict::Pass)
}

fn named(bench: &mut Bench) -> Result<Verdict> {
    let daemon = begin()?;
    let lenses = daemon.get("/v1/lenses")?;
    let name = lenses[0]["name"].as_str().context("a lens")?;
    let body = json!({ "profile": name });
    bench.board.lens(0, 2)?;
    daemon.wait_status(|status| lens(status)["state"] == "uncoded")?;
    daemon.ask("PUT", "/v1/module/lens", Some(body))?;
    let assigned =
        |status: &Value| lens(status)["state"] == "assigned" && lens(status)["profile"] == name;
    daemon.wait_status(assigned)?;
    bench.board.lens(32, 3)?;
    daemon.wait_status(|status| lens(status)["state"] == "known")?;
    bench.board.lens(0, 2)?;
    daemon.wait_status(assigned)?;
    daemon.kill()?;
    let daemon = Daemon::restart()?;
    daemon.wait_status(assigned)?;
    daemon.ask("DELETE", "/v1/module/lens", None)?;
    daemon.wait_status(|status| lens(status)["state"] == "uncoded")?;
    Ok(Verdict::Pass)
}

fn with_module(bench: &mut Bench) -> Result<Verdict> {
    let daemon = begin()?;
    bench.board.lens(32, 3)?;
    daemon.wait_status(|status| lens(status)["state"] == "known")?;
    bench.board.unplug(Port::Mount)?;
    daemon.wait_status(|status| lens(status)["state"] == "none")?;
    bench.board.plug(Port::Mount)?;
    daemon.wait_status(|status| lens(status)["state"] == "known")?;
    Ok(Verdict::Pass)
}

fn picture(bench: &mut Bench) -> Result<Verdict> {
    let daemon = begin()?;
    bench.board.lens(32, 3)?;
    let status = daemon.wait_status(|status| lens(status)["state"] == "known")?;
    let model = lens(&status)["name"].as_str().context("a name")?.to_owned();
    let body = json!({ "cameras": ["mount"], "format": "jpeg" });
    let capture = daemon.ask("POST", "/v1/captures", Some(body))?;
    let file = capture["pictures"][0]["file"].as_str().context("a file")?;
    let bytes = std::fs::read(format!("/var/lib/bayonet/captures/{file}"))?;
    let told = bytes
        .windows(model.len())
        .any(|window| window == model.as_bytes());
    ensure!(told, "{file} does not name {model}");
    daemon.ask("DELETE", &format!("/v1/captures/{file}"), None)?;
    remark(format!("{file}, {} bytes", bytes.len()))
}
