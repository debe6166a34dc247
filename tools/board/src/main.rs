//! `bayonet-board`: the virtual camera board.

mod cli;
mod commands;

use bayonet_board::machine::MachineError;
use clap::Parser;
use std::process::ExitCode;

/// Exit status of an expired `--timeout`, as `timeout(1)` has it.
const TIMED_OUT: u8 = 124;
/// Exit status after SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let level = match cli.verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format_timestamp(None)
        .init();
    commands::carry_out(&cli).unwrap_or_else(|error| {
        eprintln!("bayonet-board: {error:#}");
        ExitCode::from(match error.downcast_ref() {
            Some(MachineError::TimedOut { .. }) => TIMED_OUT,
            Some(MachineError::Interrupted) => INTERRUPTED,
            _ => 1,
        })
    })
}
