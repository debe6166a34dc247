//! Raw frames are recorded: to the end, through an unplug, and through a crash of `bayonetd`.
//!
//! An emulated processor encodes slower than frames come, so some are dropped; what is asked is that every frame is
//! written or counted, and that whatever is written is whole.

use crate::daemon::{Daemon, LIMIT};
use crate::orders::Port;
use crate::process::Running;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const SUITE: Suite = Suite {
    name: "recordings",
    about: "recordings of raw frames, through unplugs and kill -9, with bayonetd in charge",
    tests: &[
        Test {
            name: "both cameras are recorded, and every frame is whole",
            run: both,
        },
        Test {
            name: "the module is pulled out and put back: both go on",
            run: unplugged,
        },
        Test {
            name: "bayonetd is killed: whatever was written is whole",
            run: killed,
        },
    ],
    complaints: Complaints::Forbidden,
};

const BAYONET: &str = "/usr/bin/bayonet";
/// Frames that prove that a camera is recorded.
const SOME: u64 = 3;
const POLL: Duration = Duration::from_millis(100);
/// Modes of the sensors that cost the emulator least.
const SIZE: [u32; 2] = [640, 480];
/// From a frame to the next one of the camera that stays, in microseconds.
const RARELY_US: u32 = 500_000;
/// The guest's disk is smaller than what comes while the module is being replaced.
const CONFIGURATION: &str = "\
[mount]
flap_limit = 1000
[captures]
minimum_free_mib = 1
[recordings]
directory = \"/run/recordings\"
minimum_free_mib = 1
queue_mib = 64
";

/// A recording under way.
struct Recording<'a> {
    daemon: &'a Daemon,
    path: String,
    directory: String,
}

impl<'a> Recording<'a> {
    fn begin(daemon: &'a Daemon) -> Result<Self> {
        let body = json!({ "cameras": ["main", "mount"], "size": SIZE });
        let begun = daemon.ask("POST", "/v1/recordings", Some(body))?;
        let text = |key: &str| begun[key].as_str().map(str::to_owned);
        Ok(Self {
            daemon,
            path: format!("/v1/recordings/{}", text("name").context("a name")?),
            directory: text("directory").context("a directory")?,
        })
    }

    /// Waits until so many frames more of a camera are written.
    fn written(&self, camera: usize, more: u64) -> Result<()> {
        let start = Instant::now();
        let mut before = None;
        loop {
            let report = self.daemon.get(&self.path)?;
            let written = report["cameras"][camera]["written"]
                .as_u64()
                .context("a count")?;
            let before = *before.get_or_insert(written);
            if written >= before + more {
                return Ok(());
            }
            ensure!(start.elapsed() < LIMIT, "still {report}");
            thread::sleep(POLL);
        }
    }

    fn stop(&self) -> Result<Value> {
        self.daemon
            .ask("POST", &format!("{}/stop", self.path), None)
    }
}

/// Whether every frame of a recording is whole, and nothing is to be mended.
fn looked_at(directory: &str, dry: bool) -> Result<()> {
    let mut words = vec!["record", "--repair", directory];
    words.extend(dry.then_some("--dry-run"));
    let ended = Running::start(BAYONET, &words)?.finish(LIMIT)?;
    ensure!(
        ended.success(),
        "{words:?}: {}{}",
        ended.stdout,
        ended.stderr
    );
    Ok(())
}

/// DNG files below a directory.
fn files(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "dng") {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

/// Develops one of the files of a recording.
fn one_is_a_picture(directory: &str) -> Result<usize> {
    let files = files(Path::new(directory))?;
    let file = files.first().context("no DNG")?;
    let words = [
        "develop",
        file,
        "-o",
        "/run/frame.png",
        "--demosaic",
        "half",
        "--force",
    ];
    let ended = Running::start(BAYONET, &words)?.finish(LIMIT)?;
    ensure!(ended.success(), "{words:?}: {}", ended.last_words());
    Ok(files.len())
}

fn both(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with(CONFIGURATION)?;
    daemon.wait_module("present")?;
    let words = [
        "--json", "record", "--camera", "both", "--size", "640x480", "-n", "4",
    ];
    let ended = Running::start(BAYONET, &words)?.finish(LIMIT)?;
    ensure!(
        ended.success(),
        "{words:?}: {}; {}",
        ended.last_words(),
        ended.stdout.split_whitespace().collect::<String>()
    );
    let told: Value = serde_json::from_str(&ended.stdout).context(ended.stdout.clone())?;
    let directory = told["directory"].as_str().context("a directory")?;
    looked_at(directory, true)?;
    let count = one_is_a_picture(directory)?;
    let written: Vec<u64> = (0..2)
        .filter_map(|camera| told["cameras"][camera]["written"].as_u64())
        .collect();
    ensure!(
        written.len() == 2
            && written.iter().sum::<u64>() == count as u64
            && written.iter().all(|it| *it > 0),
        "{count} files, told was {told}"
    );
    fs::remove_dir_all(directory)?;
    remark(format!("{written:?} frames"))
}

fn unplugged(bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with(CONFIGURATION)?;
    daemon.wait_module("present")?;
    // Or most of the emulator's time goes to a camera that nothing happens to.
    let rarely = json!({ "FrameDurationLimits": [RARELY_US, RARELY_US] });
    daemon.ask("PATCH", "/v1/cameras/main/controls", Some(rarely))?;
    let recording = Recording::begin(&daemon)?;
    recording.written(0, SOME)?;
    recording.written(1, SOME)?;
    bench.board.unplug(Port::Mount)?;
    daemon.wait_module("absent")?;
    recording.written(0, SOME)?;
    bench.board.plug(Port::Mount)?;
    daemon.wait_module("present")?;
    recording.written(1, SOME)?;
    let told = recording.stop()?;
    looked_at(&recording.directory, true)?;
    let count = one_is_a_picture(&recording.directory)?;
    fs::remove_dir_all(&recording.directory)?;
    remark(format!("{count} frames, {}", told["cameras"]))
}

fn killed(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with(CONFIGURATION)?;
    daemon.wait_module("present")?;
    let recording = Recording::begin(&daemon)?;
    recording.written(0, SOME)?;
    recording.written(1, SOME)?;
    let directory = recording.directory.clone();
    daemon.kill()?;
    looked_at(&directory, false)?;
    looked_at(&directory, true)?;
    let count = one_is_a_picture(&directory)?;
    ensure!(count as u64 >= 2 * SOME, "only {count} frames are there");
    fs::remove_dir_all(&directory)?;
    remark(format!("{count} frames"))
}
