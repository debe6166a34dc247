//! One file per command.

mod ctl;
mod exec;
mod run;
mod session;
mod terminal;
mod tour;

use crate::cli::{BuildArgs, CargoArgs, Cli, Command};
use anyhow::{Context, Result};
use bayonet_board::prepare::{Options, prepare};
use std::process::ExitCode;

/// Runs the command; its exit status is the program's.
pub(crate) fn carry_out(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        Command::Run(arguments) => run::run(arguments, cli.verbose),
        Command::Exec(arguments) => exec::exec(arguments, cli.verbose),
        Command::Ctl(arguments) => ctl::ctl(arguments),
        Command::Status(arguments) => ctl::status(arguments),
        Command::Build(arguments) => build(arguments),
        Command::Cargo(arguments) => cargo(arguments),
    }
}

fn build(arguments: &BuildArgs) -> Result<ExitCode> {
    let options = Options {
        update: arguments.update,
        locked: arguments.locked,
        quiet: false,
    };
    let versions = prepare(&options)?.versions;
    println!(
        "The board is ready: Linux {}, libcamera {}, QEMU {}.",
        versions.kernel, versions.libcamera, versions.qemu
    );
    Ok(ExitCode::SUCCESS)
}

fn cargo(arguments: &CargoArgs) -> Result<ExitCode> {
    let cargo = prepare(&Options::default())?.cargo()?;
    let mut command = cargo.args(&arguments.arguments).build();
    let status = command.status().context("starting cargo")?;
    // A sandbox that a signal ended has no status of its own.
    Ok(status.code().map_or(ExitCode::FAILURE, |code| {
        ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
    }))
}
