//! `ktap-host`: boots virtual boards, runs the KTAP suites in them, and adds everything up.
//!
//! Suites that get along share a guest, because a boot costs half a minute; another sensor, other
//! parameters of the overlay, or a guest that may be ruined, cost a boot of its own. KTAP goes to standard output, progress and the boards' own words to standard
//! error. The last line is `N passed, N failed, N skipped`; only tests that contain no tests are counted.

mod guest;
mod report;
mod unit_tests;

use anyhow::{Context, Result, ensure};
use bayonet_board::model::Model;
use bayonet_board::prepare::{Options, prepare};
use clap::Parser;
use guest::{GUESTS, Guest, Tools};
use report::Report;
use std::process::ExitCode;

/// Package and binary of what runs in the guest.
const PACKAGE: &str = "bayonet-kernel-tests";
const BINARY: &str = "ktap";
/// The program that boots a board, beside this one.
const BOARD: &str = "bayonet-board";

/// Boots virtual boards and runs the KTAP suites of tests/kernel in them
///
/// With BAYONET_UNIT_TESTS=FILE, the results of `cargo test` in FILE are added to the counts.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Run this suite only; may be given several times
    #[arg(long, value_name = "SUITE", value_parser = guest::suite_names())]
    only: Vec<String>,
    /// Boot guests of this board only
    #[arg(long, value_enum)]
    board: Option<Model>,
    /// How often the suite `hotplug` unplugs and plugs
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    cycles: u32,
    /// How often the suite `cycles` unplugs and plugs, with bayonetd in charge
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(11..=100_000))]
    plugs: u32,
    /// Run the long forms of suites that have one: every I2C transfer of a stream's start fails in turn, all of
    /// lc-compliance, more unbinds and more moments of a kill, faults of a second board's wires; and judge how long
    /// plugs take
    #[arg(long)]
    thorough: bool,
}

fn main() -> ExitCode {
    match carry_out(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ktap-host: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn carry_out(cli: &Cli) -> Result<bool> {
    let plan = plan(cli);
    let unit_tests = unit_tests::log();
    let tools = tools(cli)?;
    let guests: usize = plan
        .iter()
        .map(|(guest, suites)| guest.results(suites))
        .sum();
    let mut report = Report::begin(
        guests + usize::from(unit_tests.is_some()),
        std::io::stdout(),
    );
    if let Some(log) = unit_tests {
        unit_tests::report(&log, &mut report);
    }
    for (index, (guest, suites)) in plan.iter().enumerate() {
        eprintln!(
            "ktap-host: guest {} of {}, {}: {}",
            index + 1,
            plan.len(),
            guest.name,
            suites.join(" ")
        );
        report.reporter(guest.name);
        guest.run(suites, &tools, &mut report)?;
    }
    Ok(report.end())
}

/// Guests to be booted, each with the suites that are wanted of it.
fn plan(cli: &Cli) -> Vec<(&'static Guest, Vec<&'static str>)> {
    let wanted = |suite: &&str| cli.only.is_empty() || cli.only.iter().any(|only| only == suite);
    GUESTS
        .iter()
        .filter(|guest| cli.board.is_none_or(|model| guest.is_on(model)))
        .filter(|guest| !guest.long || cli.thorough || !cli.only.is_empty())
        .map(|guest| {
            (
                guest,
                guest
                    .suites
                    .iter()
                    .copied()
                    .filter(wanted)
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, suites)| !suites.is_empty())
        .collect()
}

fn tools(cli: &Cli) -> Result<Tools> {
    let here = std::env::current_exe().context("finding this program")?;
    let board = here.with_file_name(BOARD);
    ensure!(
        board.is_file(),
        "{} is not there: build it with `cargo build --release --package bayonet-board`",
        board.display()
    );
    let prepared = prepare(&Options::default()).context("preparing the guest")?;
    let ktap = prepared
        .guest_binary(PACKAGE, BINARY)
        .context("compiling the guest's program")?;
    Ok(Tools {
        board,
        ktap,
        prepared,
        cycles: cli.cycles,
        plugs: cli.plugs,
        thorough: cli.thorough,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_guests_wait_for_a_thorough_run_or_until_they_are_asked_for() {
        let long = |words: &[&str]| {
            let cli = Cli::parse_from(["ktap-host"].iter().chain(words));
            plan(&cli).iter().filter(|(guest, _)| guest.long).count()
        };
        assert_eq!(long(&[]), 0);
        assert_eq!(long(&["--thorough"]), 1);
        assert_eq!(long(&["--only", "hotplug"]), 1);
        assert_eq!(long(&["--only", "bridge"]), 0);
    }
}
