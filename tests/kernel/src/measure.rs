//! `ktap measure`: runs of a camera under one IPA, for `ipa-compare` on the host, which judges what is found here.
//!
//! Which IPA it is says the environment; nothing here knows.

use crate::allocations::Allocations;
use crate::cam::{self, IPA_WORKER, Shot, count, finish};
use crate::orders::{Board, Port};
use crate::picture::mean;
use crate::process::{Running, processes};
use anyhow::{Context, Result, ensure};
use bayonet_kernel_tests::comparison::{Finding, Frame, Measured, Plan, Run, Worker};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Pictures that cost this board least, and pictures of all that the sensor sees.
const SMALL: &str = "width=636,height=476,pixelformat=BGR888";
const LARGE: &str = "width=1636,height=1228,pixelformat=BGR888";
const LARGE_SIZE: (usize, usize) = (1636, 1228);
/// Longest time between two changes of light.
const LIMIT: Duration = Duration::from_secs(600);
/// Frames at a run's start and end whose cost is not counted.
const MARGIN: usize = 5;
/// Frames that come while the kernel's counts are read, which takes an emulated processor seconds: the worker must not
/// end before.
const WHILE_READING: usize = 100;

/// Carries a plan out; one line of JSON for each run.
pub(crate) fn measure(plan: &str) -> Result<()> {
    let text = fs::read_to_string(plan).with_context(|| format!("reading {plan}"))?;
    let plan: Plan =
        serde_json::from_str(&text).with_context(|| format!("understanding {plan}"))?;
    let mut board = Board::open()?;
    for run in &plan.runs {
        let finding = carry_out(run, &plan.patches, &mut board);
        let finding = finding.unwrap_or_else(|error| Finding {
            name: run.name.clone(),
            failure: Some(format!("{error:#}")),
            ..Finding::default()
        });
        println!("{}", serde_json::to_string(&finding)?);
    }
    Ok(())
}

fn carry_out(run: &Run, places: &[[f64; 4]], board: &mut Board) -> Result<Finding> {
    let first = run.steps.first().context("a run without a step")?;
    board.scene(&run.scene)?;
    board.light(run.kelvin, first.lux)?;
    match run.measured {
        Measured::Metadata => metadata(run, board),
        Measured::Colours => colours(run, places),
        Measured::Allocations => allocations(run),
    }
}

fn colours(run: &Run, places: &[[f64; 4]]) -> Result<Finding> {
    let pictures = Shot::new(Port::Main, run.frames(), LARGE).pictures(1)?;
    let (frame, picture) = pictures.last().context("no frame")?;
    let (width, height) = LARGE_SIZE;
    let patches = places
        .iter()
        .map(|&place| mean(picture, width, height, place));
    Ok(Finding {
        name: run.name.clone(),
        frames: vec![read(frame)?],
        patches: patches.collect::<Result<_>>()?,
        ..Finding::default()
    })
}

fn allocations(run: &Run) -> Result<Finding> {
    let frames = run.frames();
    let mut running = Shot::new(Port::Main, frames + WHILE_READING, SMALL).start()?;
    reach(&mut running, MARGIN)?;
    let worker = *processes(IPA_WORKER).first().context("no worker")?;
    let counter = Allocations::count()?;
    let (begin, before) = (reach(&mut running, 0)?, counter.of(worker)?);
    let end = reach(&mut running, frames)?;
    let made = counter.of(worker)?.saturating_sub(before);
    drop(counter);
    finish(running)?.complete(frames + WHILE_READING)?;
    Ok(Finding {
        name: run.name.clone(),
        allocations: Some(made as f64 / end.saturating_sub(begin).max(1) as f64),
        ..Finding::default()
    })
}

fn metadata(run: &Run, board: &mut Board) -> Result<Finding> {
    let frames = run.frames();
    let mut running = Shot::new(Port::Main, frames, SMALL).start()?;
    reach(&mut running, MARGIN)?;
    let begin = cost();
    let mut reached = 0;
    for pair in run.steps.windows(2) {
        reached += pair[0].frames;
        reach(&mut running, reached)?;
        board.light(run.kelvin, pair[1].lux)?;
    }
    reach(&mut running, frames.saturating_sub(MARGIN))?;
    let worker = begin.zip(cost()).map(|(begin, end)| Worker {
        cpu_ns: end.cpu_ns.saturating_sub(begin.cpu_ns),
        frames: frames.saturating_sub(2 * MARGIN) as u64,
        resident_kib: end.resident_kib,
    });
    let frames = finish(running)?.complete(frames)?;
    Ok(Finding {
        name: run.name.clone(),
        frames: frames.iter().map(read).collect::<Result<_>>()?,
        worker,
        ..Finding::default()
    })
}

/// Waits for so many frames; returns how many there are.
fn reach(running: &mut Running, frames: usize) -> Result<usize> {
    let mut reached = 0;
    running.wait_for(LIMIT, |stdout| {
        reached = count(stdout);
        reached >= frames
    })?;
    Ok(reached)
}

fn read(frame: &cam::Frame) -> Result<Frame> {
    let digital = frame.number("DigitalGain").unwrap_or(1.0);
    Ok(Frame {
        exposure: frame.number("ExposureTime")? * frame.number("AnalogueGain")? * digital,
        gains: frame
            .metadata
            .get("ColourGains")
            .map(|text| gains(text))
            .transpose()?,
    })
}

/// Reads `[ 1.553248, 1.907335 ]`.
fn gains(text: &str) -> Result<[f64; 2]> {
    let numbers = text.trim_matches(['[', ']', ' ']).split(',');
    let numbers = numbers.map(|number| number.trim().parse());
    let numbers: Vec<f64> = numbers
        .collect::<Result<_, _>>()
        .with_context(|| format!("ColourGains = {text}"))?;
    ensure!(numbers.len() == 2, "ColourGains = {text} are no two gains");
    Ok([numbers[0], numbers[1]])
}

/// What the worker has cost up to now, with all its threads.
fn cost() -> Option<Worker> {
    let worker = *processes(IPA_WORKER).first()?;
    let process = PathBuf::from(format!("/proc/{worker}"));
    let threads = fs::read_dir(process.join("task")).ok()?.flatten();
    let times = threads.map(|thread| {
        // Documentation/scheduler/sched-stats.rst: time on a processor comes first.
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    let status = fs::read_to_string(process.join("status")).ok()?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(Worker {
        cpu_ns: times.collect::<Option<Vec<_>>>()?.iter().sum(),
        frames: 0,
        resident_kib: resident.split_whitespace().next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_read() {
        assert_eq!(
            gains("[ 1.553248, 1.907335 ]").unwrap(),
            [1.553248, 1.907335]
        );
        assert!(gains("[ 1.5 ]").is_err());
        assert!(gains("none").is_err());
    }
}
