//! `exec`: one command in a fresh guest.

use super::session::{ConsoleUse, Session, check_readable};
use crate::cli::ExecArgs;
use anyhow::{Context, Result};
use bayonet_board::machine::{Agent, Channel, Deadline, MachineError, Program, Progress};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Where a script of the host is put in the guest.
const SCRIPT_DIRECTORY: &str = "/run/bayonet";
const EXECUTABLE: u32 = 0o755;

/// Boots, runs, copies out, switches off.
pub(crate) fn exec(arguments: &ExecArgs, verbose: u8) -> Result<ExitCode> {
    if let Some(script) = &arguments.script {
        check_readable(script)?;
    }
    let timeout = arguments.timeout.map(Duration::from_secs);
    let deadline = timeout.map_or(Deadline::never(), Deadline::after);
    let console = if verbose > 0 {
        ConsoleUse::Log
    } else {
        ConsoleUse::Quiet
    };
    let session = Session::start(&arguments.board, console, timeout)?;
    let status = work(arguments, &session.machine().agent(), deadline, &session)?;
    session.end()?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)))
}

fn work(arguments: &ExecArgs, agent: &Agent, deadline: Deadline, session: &Session) -> Result<i32> {
    let mut argv = match &arguments.script {
        Some(script) => put_script(agent, script, deadline)?,
        None => Vec::new(),
    };
    argv.extend(arguments.command.iter().cloned());
    let mut broken = None;
    let job = agent.start(&Program::new(argv))?;
    let status = loop {
        match job.next(deadline)? {
            Progress::Ended(status) => break status,
            Progress::Output(channel, bytes) => {
                broken = broken.or(pass(channel, &bytes).err());
            }
        }
        if broken.is_some() || session.quit().is_raised() {
            return Err(MachineError::Interrupted.into());
        }
    };
    for (guest, host) in &arguments.copy_out {
        match agent.copy_out(guest, host, deadline) {
            // A command that failed may well not have made its files; its own status says more.
            Err(MachineError::Refused(reason)) if !status.success() => log::warn!("{reason}"),
            result => result?,
        }
    }
    Ok(status.shell_code())
}

/// Copies the script in; the words that run it: itself where it names its interpreter, else the shell.
fn put_script(agent: &Agent, script: &Path, deadline: Deadline) -> Result<Vec<String>> {
    let what = || format!("reading the script {}", script.display());
    let content = std::fs::read(script).with_context(what)?;
    let name = script.file_name().with_context(what)?.to_string_lossy();
    let path = format!("{SCRIPT_DIRECTORY}/{name}");
    agent.write_file(&content, &path, EXECUTABLE, deadline)?;
    let shell = (!content.starts_with(b"#!")).then(|| "sh".to_owned());
    Ok(shell.into_iter().chain([path]).collect())
}

fn pass(channel: Channel, bytes: &[u8]) -> std::io::Result<()> {
    match channel {
        Channel::Stderr => std::io::stderr().write_all(bytes),
        _ => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()
        }
    }
}
