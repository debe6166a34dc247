//! `bayonet-camera ID USER GROUP NODE...`: the process that owns one camera; `bayonetd` starts it.
//!
//! What of it needs libcamera, and no more: the library's `camera` has the rest, so that only this program is linked
//! with libcamera. It decides nothing: when to start, what to set and when to end are orders.
//!
//! One loop owns the camera ([`owner`]); a thread reads orders, another writes news, and each picture is encoded in a
//! thread of its own, straight from the buffer that the hardware filled; raw frames of a recording by some threads that
//! share them. What libcamera calls from its own thread ends in the loop's channel.

mod controls;
mod encoders;
mod owner;
mod stream;

use anyhow::{Context, Result};
use bayonet_daemon::camera::confine::confine;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: bayonet-camera ID USER GROUP NODE...

Owns the camera that libcamera calls ID, as USER and GROUP, and opens no device nodes but NODE... It takes orders on
standard input and tells news on standard output, as lines of JSON. bayonetd starts it; it is no command for people.";

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format_timestamp(None)
        .init();
    let served = run();
    if let Err(error) = &served {
        eprintln!("bayonet-camera: {error}");
    }
    ExitCode::from(u8::from(served.is_err()))
}

fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().context(USAGE);
    let (id, user, group) = (word()?, word()?, word()?);
    let nodes: Vec<PathBuf> = words.map(PathBuf::from).collect();
    let confined = confine(&nodes, &user, &group);
    Ok(owner::serve(confined, &id)?)
}
