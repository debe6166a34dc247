//! `bayonet`: what a person types at a camera.
//!
//! Everything but `develop`, `overlay`, `ipa`, `doctor`, `completions`, `man` and `record --repair` asks `bayonetd`,
//! through its API. `doctor` looks at the system itself, so that it can tell why `bayonetd` does not run. Nothing here
//! knows how a camera works.

mod arguments;
mod commands;
mod doctor;
mod ipa;
mod output;
mod server;

use arguments::{Arguments, Command};
use bayonet_daemon::client;
use clap::Parser;
use nix::sched::CloneFlags;
use output::Output;
use server::Server;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// It was done.
const DONE: u8 = 0;
/// It was not done, or `doctor` found something bad.
const FAILED: u8 = 1;
/// `bayonetd` cannot be reached; 2 is a command line that cannot be understood.
const UNREACHABLE: u8 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::TryUserNamespace = arguments.command {
        return try_user_namespace();
    }
    let output = Output::new(arguments.json);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(&arguments, &output)));
    let code = match done {
        Ok(code) => code,
        // Whoever read the output has enough: `bayonet watch | head`.
        Err(error) if is_broken_pipe(&error) => DONE,
        Err(error) => {
            // Nothing is left to be done if standard error is closed as well.
            let _ = writeln!(io::stderr(), "{}", output.error(&error));
            exit_code(&error)
        }
    };
    ExitCode::from(code)
}

async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let server = || Server::new(&arguments.connection);
    match &arguments.command {
        Command::List => commands::list(&server()?, output).await?,
        Command::Status => commands::status(&server()?, output).await?,
        Command::Watch => commands::watch(&server()?, output).await?,
        Command::Lens(order) => commands::lens(&server()?, order, output).await?,
        Command::Controls(order) => commands::controls(&server()?, order, output).await?,
        Command::Capture(order) => commands::capture(&server()?, order, output).await?,
        Command::Develop(order) => return develop(order, output),
        Command::Record(order) => {
            let done = commands::record(server, order, output).await?;
            return Ok(if done { DONE } else { FAILED });
        }
        Command::Overlay(order) => commands::overlay(order, output)?,
        Command::Ipa(order) => commands::ipa(order, output)?,
        Command::Doctor { config } => return doctor(arguments, config, output).await,
        Command::Completions { shell } => commands::completions(*shell)?,
        // Was done before there was a runtime.
        Command::TryUserNamespace => {}
        Command::Man { directory } => commands::man(directory.as_deref())?,
    }
    Ok(DONE)
}

fn develop(order: &arguments::Develop, output: &Output) -> anyhow::Result<u8> {
    let all_done = commands::develop(order, output)?;
    Ok(if all_done { DONE } else { FAILED })
}

async fn doctor(arguments: &Arguments, config: &Path, output: &Output) -> anyhow::Result<u8> {
    let findings = doctor::examine(&doctor::System::running(), config, &arguments.connection).await;
    output.findings(&findings)?;
    let bad = findings
        .iter()
        .any(|finding| finding.verdict == doctor::Verdict::Bad);
    Ok(if bad { FAILED } else { DONE })
}

/// What `doctor` has done in a process of its own, as libcamera does for its workers.
fn try_user_namespace() -> ExitCode {
    match nix::sched::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET) {
        Ok(()) => ExitCode::from(DONE),
        Err(errno) => {
            eprintln!("{}", errno.desc());
            ExitCode::from(FAILED)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn exit_code(error: &anyhow::Error) -> u8 {
    use client::Error::{Connection, Denied, Foreign, NotRunning, TimedOut};
    match error.downcast_ref::<client::Error>() {
        Some(
            NotRunning { .. }
            | Denied { .. }
            | Connection { .. }
            | TimedOut { .. }
            | Foreign { .. },
        ) => UNREACHABLE,
        _ => FAILED,
    }
}
