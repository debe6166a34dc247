//! `bayonetd`: the service that owns the camera module.

use anyhow::{Context, Result};
use bayonet_daemon::config::{self, Config};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Makes a dual-sensor camera module with a lens mount behave like one dependable camera.
///
/// The mount's sensor and its lens may come and go at any time. bayonetd watches the module's wires, binds drivers in
/// the only safe order, runs one process for each camera that somebody uses, and serves an API on a Unix socket, which
/// `bayonet` speaks. Its state survives a restart. It has to be started by root, mostly by systemd.
#[derive(Debug, Parser)]
#[command(
    name = "bayonetd",
    version,
    after_help = "\
Environment:
  RUST_LOG  what is logged, e.g. `debug` or `warn`; `info` if it is not set

Exit status: 0 after SIGTERM or SIGINT, 1 when it cannot start, 2 for wrong arguments."
)]
struct Arguments {
    /// Configuration; without this file the defaults hold.
    #[arg(long, value_name = "FILE", default_value = config::PATH)]
    config: PathBuf,

    /// Only checks the configuration.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(environment).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            log::error!("{problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let config = Config::read(&arguments.config).context("the configuration")?;
    if arguments.check {
        println!("{}: good", arguments.config.display());
        return Ok(());
    }
    bayonet_daemon::run(&config)
}
