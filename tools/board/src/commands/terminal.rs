//! The guest's console on this terminal.

use super::run::is_over;
use super::session::Session;
use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Read, stdin};
use std::os::fd::AsFd;
use std::time::Duration;

/// Ctrl-], which ends the board as it ends a telnet session; everything else goes to the guest.
const ESCAPE: u8 = 0x1d;

/// Hands what is typed here to the guest until the board is over. Its output is shown by the machine already.
pub(crate) fn attach(session: &Session, interval: Duration) -> Result<()> {
    let raw = stdin().is_terminal().then(RawMode::enter).transpose()?;
    // The shell's prompt was printed before anybody could see that it is there.
    session
        .machine()
        .type_on_console(b"\n")
        .context("typing on the console")?;
    let timeout = PollTimeout::try_from(interval).unwrap_or(PollTimeout::ZERO);
    let mut open = true;
    let mut keys = [0; 256];
    while !is_over(session)? {
        if !open {
            std::thread::sleep(interval);
            continue;
        }
        let input = stdin();
        let mut watched = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        // An interrupted wait is looked at above.
        if poll(&mut watched, timeout).unwrap_or(0) == 0 {
            continue;
        }
        let length = input
            .lock()
            .read(&mut keys)
            .context("reading the terminal")?;
        let typed = &keys[..length];
        if typed.contains(&ESCAPE) {
            break;
        }
        open = length > 0;
        if session.machine().type_on_console(typed).is_err() {
            break;
        }
    }
    drop(raw);
    eprintln!("\nSwitching the board off.");
    Ok(())
}

/// A terminal that passes every key on; back to its settings on drop.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> Result<Self> {
        let settings = tcgetattr(stdin()).context("reading the terminal's settings")?;
        let mut raw = settings.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw).context("setting the terminal")?;
        Ok(Self(settings))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.0);
    }
}
