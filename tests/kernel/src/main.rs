//! `ktap`: runs suites of tests inside the virtual board's guest and writes KTAP to standard output.

mod allocations;
mod cam;
mod daemon;
mod gpio;
mod kernel;
mod measure;
mod orders;
mod picture;
mod process;
mod suites;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
usage: ktap list          names the suites
       ktap SUITE...      runs suites, in this order
       ktap measure PLAN  measures libcamera's IPA as the plan says, for ipa-compare
KTAP_CYCLES=N sets how often `hotplug` unplugs and plugs (6), KTAP_PLUGS=N how often `cycles` does (20).
KTAP_DTPARAM=NAME=VALUE,... has the overlay's parameters that `parameters` expects to see.
KTAP_THOROUGH=1 makes `nak` fail each transfer of a stream's start instead of some, `compliance` run
every test, `rebind` and `recovery` try more often, and `cycles` judge how long plugs take.
The suites of the driver need bayonetd, bayonet and bayonet-camera where a board has them.";

fn main() -> ExitCode {
    match carry_out() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ktap: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn carry_out() -> Result<bool> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["--help" | "-h"] => println!("{USAGE}"),
        ["list"] => {
            for suite in suites::ALL {
                println!("{:14} {}", suite.name, suite.about);
            }
        }
        ["measure", plan] => measure::measure(plan)?,
        ref names => {
            let mut chosen = Vec::new();
            for name in names {
                let Some(suite) = suites::ALL.iter().find(|suite| suite.name == *name) else {
                    bail!("no suite is called {name}; see `ktap list`");
                };
                chosen.push(suite);
            }
            return suites::run(&chosen);
        }
    }
    Ok(true)
}
