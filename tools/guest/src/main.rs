//! The guest's first process: brings the system up, then takes orders from the host.
//!
//! One static binary, three stages: `initramfs` finds the root file system, `system` is process 1 of the
//! running guest and reaps orphans, `agent` is its child and serves the host. Splitting the last two lets
//! process 1 wait for anything that ends without stealing the agent's own children.

mod agent;
mod files;
mod initramfs;
mod job;
mod power;
mod system;

/// Argument that selects the stage after the root file system was switched.
const SYSTEM_STAGE: &str = "--system";
/// Argument that selects the agent.
const AGENT_STAGE: &str = "--agent";
/// Where the binary lives once the initramfs is gone.
const SELF_PATH: &str = "/run/bayonet-guest";

fn main() {
    let stage = std::env::args().nth(1);
    let first = std::process::id() == 1;
    let result = match stage.as_deref() {
        Some(AGENT_STAGE) => agent::run(),
        Some(SYSTEM_STAGE) if first => system::serve(),
        _ if first => initramfs::run(),
        _ => Err(anyhow::anyhow!(
            "this is process 1 of a virtual board, not a command"
        )),
    };
    if let Err(error) = result {
        eprintln!("bayonet-guest: {error:#}");
        if first || stage.as_deref() == Some(AGENT_STAGE) {
            power::off();
        }
        std::process::exit(1);
    }
}
