//! The way down: ends every process, saves what is unsaved, switches the machine off.

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, sync};
use std::time::Duration;

/// Time that programs get between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(200);
/// All processes but the caller and process 1.
const EVERYBODY: Pid = Pid::from_raw(-1);

/// Switches the machine off. Steps that fail are skipped: nobody is left to be told.
pub(crate) fn off() -> ! {
    if kill(EVERYBODY, Signal::SIGTERM).is_ok() {
        std::thread::sleep(GRACE);
        let _ = kill(EVERYBODY, Signal::SIGKILL);
    }
    sync();
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    let _ = mount(None::<&str>, "/", None::<&str>, read_only, None::<&str>);
    let Err(error) = reboot(RebootMode::RB_POWER_OFF);
    eprintln!("bayonet-guest: switching off: {error}");
    std::process::exit(1)
}
