//! One file for each command, or for each few.

mod capture;
mod controls;
mod develop;
mod files;
mod ipa;
mod lens;
mod overlay;
mod record;
mod show;
mod text;
mod watch;

pub(crate) use capture::capture;
pub(crate) use controls::controls;
pub(crate) use develop::develop;
pub(crate) use ipa::ipa;
pub(crate) use lens::lens;
pub(crate) use overlay::overlay;
pub(crate) use record::record;
pub(crate) use show::{list, status};
pub(crate) use watch::watch;

use crate::arguments::Arguments;
use clap::CommandFactory;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    let mut command = Arguments::command();
    // Into memory first: the generator takes a closed pipe for a bug.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "bayonet", &mut text);
    io::stdout().write_all(&text)
}

pub(crate) fn man(directory: Option<&Path>) -> io::Result<()> {
    match directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            clap_mangen::generate_to(Arguments::command(), directory)
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut text)?;
            io::stdout().write_all(&text)
        }
    }
}
