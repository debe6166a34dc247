//! `run`: a board to work on.

use super::session::{ConsoleUse, Session};
use super::{terminal, tour};
use crate::cli::RunArgs;
use anyhow::{Result, bail, ensure};
use bayonet_board::machine::{ComplaintKind, MachineError, kernel_complaints};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(100);

/// Boots the board and stays until it is told to end.
pub(crate) fn run(arguments: &RunArgs, verbose: u8) -> Result<ExitCode> {
    ensure!(
        !arguments.tour || arguments.board.mount_sensor().is_some(),
        "the tour unplugs the mount sensor: leave out `--mount none`"
    );
    let console = match (arguments.headless, arguments.tour) {
        (true, _) => ConsoleUse::Show,
        (_, true) if verbose > 0 => ConsoleUse::Log,
        (_, true) => ConsoleUse::Quiet,
        _ => ConsoleUse::Shell,
    };
    if console == ConsoleUse::Shell {
        eprintln!("Starting the board. Ctrl-] ends it; orders: `bayonet-board ctl --help`.");
    }
    let mut board = arguments.board.clone();
    let api = arguments.tour.then(tour::forward).transpose()?;
    if let Some(api) = api {
        board.driver = true;
        board.forward.push(api);
    }
    let session = Session::start(&board, console, None)?;
    if let Some(api) = api {
        tour::tour(&session, board.board, &arguments.pictures, api)?;
        if std::io::stdin().is_terminal() {
            println!("\nThe board stays up until Ctrl-C.");
            while !is_over(&session).unwrap_or(true) {
                std::thread::sleep(POLL);
            }
        }
    } else if console == ConsoleUse::Shell {
        terminal::attach(&session, POLL)?;
    } else {
        while !is_over(&session)? {
            std::thread::sleep(POLL);
        }
    }
    session.end()?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the board was told to end, or the guest switched itself off.
pub(crate) fn is_over(session: &Session) -> Result<bool> {
    if session.stop().is_raised() {
        return Err(MachineError::Interrupted.into());
    }
    if session.machine().ended().is_some() {
        let complaints = kernel_complaints(&session.machine().console_log());
        if let Some(panic) = complaints
            .iter()
            .find(|found| found.kind == ComplaintKind::Panic)
        {
            bail!("the guest ended: {panic}");
        }
        return Ok(true);
    }
    Ok(session.quit().is_raised())
}
