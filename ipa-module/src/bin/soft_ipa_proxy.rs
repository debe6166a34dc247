//! The worker that libcamera starts for the software ISP's IPA.

use bayonet_ipa::{hand_over, inherited, logger, worker};
use rustix::process::setpgid;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Bayonet's worker for libcamera's software ISP. libcamera starts it by itself; there is nothing to start by hand.
It is found in the directories of `ipa.proxy_paths` in libcamera's configuration.

Usage: soft_ipa_proxy MODULE SOCKET

  MODULE       the IPA module; one that is not Bayonet's is run by the distribution's worker of the same name
  SOCKET       number of an open descriptor, a Unix socket of datagrams
  --version    says the version
  --help       says this

Environment:
  BAYONET_LOG  how much is logged: off, error, warn, info, debug; `info` if it is not set";

/// Started in a way that cannot work.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    logger::begin();
    let arguments: Vec<OsString> = env::args_os().collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    match arguments[..] {
        [_, only] if only == "--version" => {
            println!("soft_ipa_proxy (Bayonet) {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        [_, only] if only == "--help" => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        [program, module, socket] => work(program, Path::new(module), socket),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(MISUSE)
        }
    }
}

fn work(program: &OsStr, module: &Path, socket: &OsStr) -> ExitCode {
    let name = Path::new(program).file_name().unwrap_or(program);
    let inherited = match inherited::socket(&socket.to_string_lossy()) {
        Ok(inherited) => inherited,
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            return ExitCode::from(MISUSE);
        }
    };
    if let Err(why) = hand_over::unless_ours(name, module, socket) {
        log::error!("{why}");
        return ExitCode::FAILURE;
    }
    // A key that interrupts the application must not end us before libcamera is done.
    if let Err(errno) = setpgid(None, None) {
        log::warn!("setpgid: {errno}");
    }
    match worker::run(inherited) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::error!("{why}");
            ExitCode::FAILURE
        }
    }
}
