//! Many plugs: nothing is lost by the main camera and nothing is left behind by `bayonetd`; and how quick a plug is.

use super::begin;
use crate::cam::{CAPTURE_LIMIT, SMALL, Shot, count, finish};
use crate::daemon::{self, Daemon};
use crate::orders::Port;
use crate::process;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark, thorough};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::time::{Duration, Instant};

pub(crate) const SUITE: Suite = Suite {
    name: "cycles",
    about: "many plugs with bayonetd in charge, and how quick they are",
    tests: &[
        Test {
            name: "idle: few pages, no wake-ups",
            run: at_rest,
        },
        Test {
            name: "plug to first frame, beside a fresh cam",
            run: plug_to_frame,
        },
        Test {
            name: "plugs and unplugs while the main camera streams",
            run: cycles,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;
/// Cycles unless `KTAP_PLUGS` says otherwise.
const CYCLES: usize = 20;
/// Cycles after which nothing may grow.
const WARM: usize = 10;
/// Unplugs and plugs whose time is measured.
const MEASURED: usize = 5;
/// The debounce time, which is not counted.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// What absence may take after the debounce, by the project's promise.
const ABSENCE_LIMIT: Duration = Duration::from_millis(50);
/// What bayonetd may add to a plug, by the project's promise.
const RATIO_LIMIT: f64 = 1.10;
/// Resident memory of bayonetd at rest, in KiB, by the project's promise.
const RESIDENT_LIMIT: u64 = 15_000;
/// How long nothing may happen at rest.
const REST: Duration = Duration::from_secs(10);

fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort();
    values.get(values.len() / 2).copied()
}

/// A number in `/proc/PID/status`.
fn status(pid: u32, key: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok())
        .with_context(|| format!("no {key}"))
}

/// What must not grow.
#[derive(Clone, Copy, Debug)]
struct Holdings {
    descriptors: usize,
    threads: u64,
    resident_kib: u64,
    cameras: usize,
}

impl Holdings {
    fn of(daemon: &Daemon) -> Result<Self> {
        let pid = daemon.pid();
        Ok(Self {
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
            threads: status(pid, "Threads")?,
            resident_kib: status(pid, "VmRSS")?,
            cameras: process::processes(daemon::CAMERA_PROGRAM).len(),
        })
    }
}

fn at_rest(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    std::thread::sleep(Duration::from_secs(1));
    let switches = || status(daemon.pid(), "voluntary_ctxt_switches");
    let before = switches()?;
    std::thread::sleep(REST);
    let woken = switches()? - before;
    let resident = status(daemon.pid(), "VmRSS")?;
    ensure!(resident < RESIDENT_LIMIT, "{resident} KiB resident");
    ensure!(woken == 0, "woken {woken} times in {} s", REST.as_secs());
    remark(format!(
        "{resident} KiB resident, not woken in {} s",
        REST.as_secs()
    ))
}

fn plug_to_frame(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start()?;
    daemon.wait_module("present")?;
    let (mut ours, mut theirs, mut absences) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..MEASURED {
        let events = daemon.events()?;
        let told = |state: &'static str| {
            events
                .wait(move |event| event["event"] == "module" && event["state"] == state)
                .map(|(moment, _)| moment)
        };
        bench.board.unplug(MOUNT)?;
        told("absent")?;
        let frames = daemon.frames("mount")?;
        // Orders are answered when the wire has moved.
        bench.board.plug(MOUNT)?;
        let plugged = Instant::now();
        let (first, _) = frames.next()?;
        ours.push(
            first
                .saturating_duration_since(plugged)
                .saturating_sub(DEBOUNCE),
        );
        drop(frames);
        daemon.wait_camera("mount", |camera| camera["state"] == "available")?;
        bench.board.unplug(MOUNT)?;
        let unplugged = Instant::now();
        absences.push(
            told("absent")?
                .saturating_duration_since(unplugged)
                .saturating_sub(DEBOUNCE),
        );
        bench.board.plug(MOUNT)?;
        daemon.wait_module("present")?;
        let begin = Instant::now();
        let mut running = Shot::new(MOUNT, 1, SMALL).start()?;
        running.wait_for(CAPTURE_LIMIT, |text| count(text) > 0)?;
        theirs.push(begin.elapsed());
        finish(running)?.complete(1)?;
    }
    let [ours, theirs, absence] = [ours, theirs, absences].map(median);
    let (ours, theirs) = (ours.context("ours")?, theirs.context("theirs")?);
    let absence = absence.context("absences")?;
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let words = format!(
        "{} ms, cam {} ms, ratio {ratio:.2}; absence told {} ms after the debounce",
        ours.as_millis(),
        theirs.as_millis(),
        absence.as_millis()
    );
    // A busy machine moves times, so they are judged only where somebody asked for it.
    ensure!(
        !thorough() || (ratio <= RATIO_LIMIT && absence < ABSENCE_LIMIT),
        "{words}"
    );
    remark(words)
}

fn cycles(bench: &mut Bench) -> Result<Verdict> {
    let count = std::env::var("KTAP_PLUGS").ok();
    let count = count
        .and_then(|count| count.parse().ok())
        .unwrap_or(CYCLES)
        .max(WARM + 1);
    let (daemon, witness) = begin(bench)?;
    let events = daemon.events()?;
    let told = |state: &'static str| {
        events.wait(move |event| event["event"] == "module" && event["state"] == state)
    };
    let mut warm = None;
    for cycle in 0..count {
        bench.board.unplug(MOUNT)?;
        told("absent").with_context(|| format!("cycle {cycle}"))?;
        bench.board.plug(MOUNT)?;
        told("present").with_context(|| format!("cycle {cycle}"))?;
        if cycle + 1 == WARM {
            warm = Some(Holdings::of(&daemon)?);
        }
    }
    let frames = witness.undisturbed(&daemon, &mut bench.board)?;
    let warm = warm.context("too few cycles")?;
    let end = Holdings::of(&daemon)?;
    let same = end.descriptors == warm.descriptors
        && end.threads == warm.threads
        && end.cameras == warm.cameras;
    // Pages of code that are used for the first time count as resident too.
    ensure!(
        same && end.resident_kib < warm.resident_kib + 512,
        "after {WARM} cycles {warm:?}, after {count} {end:?}"
    );
    let plugs = daemon.get("/v1/module")?["plugs"]
        .as_u64()
        .unwrap_or_default();
    ensure!(plugs >= count as u64, "only {plugs} plugs were seen");
    remark(format!(
        "{count} cycles, {frames} frames of the main camera without a gap; {end:?}"
    ))
}
