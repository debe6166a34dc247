//! A chain of three drivers: a bridge takes the receiver's pixels to memory, and makes the media device.

use super::some_frames;
use crate::daemon::{Daemon, LIMIT};
use crate::orders::Port;
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use bayonet_kernel::chain::{self, Chain};
use std::time::{Duration, Instant};

pub(crate) const SUITE: Suite = Suite {
    name: "bridge",
    about: "bayonetd with a bridge between receiver and memory",
    tests: &[
        Test {
            name: "each chain is found with its bridge",
            run: found,
        },
        Test {
            name: "unplugged while streaming: three drivers are bound anew, the other camera streams on",
            run: streaming,
        },
    ],
    complaints: Complaints::Forbidden,
};

const MOUNT: Port = Port::Mount;
/// Pictures that the software ISP makes in time on a busy machine: a camera whose frames do not come is started again.
const SMALL: &str = "\
[mount]
flap_limit = 1000
[captures]
minimum_free_mib = 1
[cameras.main]
size = [636, 476]
[cameras.mount]
size = [636, 476]
";
const POLL: Duration = Duration::from_millis(20);
/// Unplugs in mid-stream.
const TIMES: u32 = 3;
/// Media device, video node, and the subdevices of sensor, receiver and bridge.
const NODES: usize = 5;

fn chains() -> Result<[(Port, Chain); 2]> {
    let module = chain::discover()?;
    let mount = module.mount.context("no mount")?;
    Ok([(Port::Main, module.main), (MOUNT, mount)])
}

fn found(_: &mut Bench) -> Result<Verdict> {
    for (port, chain) in chains()? {
        let behind: Vec<_> = chain.devices().skip(1).map(|device| &device.name).collect();
        let wired: Vec<_> = port.receivers().iter().map(|(_, name)| *name).collect();
        ensure!(behind == wired, "{port:?}: {behind:?}, not {wired:?}");
        ensure!(chain.bound().all(), "{port:?}: {:?}", chain.bound());
        let nodes = chain.nodes();
        ensure!(nodes.len() == NODES, "{port:?}: {nodes:?}");
        let media = chain.media().context("no media device")?;
        ensure!(
            media.to_string_lossy() == port.media()?,
            "{port:?}: {media:?}"
        );
    }
    Ok(Verdict::Pass)
}

fn streaming(bench: &mut Bench) -> Result<Verdict> {
    let [_, (_, mount)] = chains()?;
    let daemon = Daemon::start_with(SMALL)?;
    daemon.wait_module("present")?;
    let witness = daemon.frames("main")?;
    some_frames(&witness)?;
    let frames = daemon.frames("mount")?;
    some_frames(&frames)?;
    for time in 1..=TIMES {
        bench.board.unplug(MOUNT)?;
        let start = Instant::now();
        while mount.bound().any() {
            let bound = mount.bound();
            ensure!(start.elapsed() < LIMIT, "unplug {time}: still {bound:?}");
            std::thread::sleep(POLL);
        }
        frames.drain();
        bench.board.plug(MOUNT)?;
        // The same client, which never asked again.
        some_frames(&frames).with_context(|| format!("plug {time}"))?;
        ensure!(mount.bound().all(), "plug {time}: {:?}", mount.bound());
        witness.drain();
        some_frames(&witness).context("the main camera")?;
    }
    let main = daemon.camera("main")?;
    ensure!(
        main["restarts"] == 0,
        "the main camera was disturbed: {main}"
    );
    remark(format!("{TIMES} times"))
}
