//! `driver/kernel` takes the mount's drivers away and gives them back, and refuses while somebody holds a node.

use super::edge::{eventually, mount};
use super::{Bench, Complaints, Suite, Test, Verdict, remark, thorough};
use crate::cam::{SMALL, Shot};
use crate::orders::Port;
use crate::process::output;
use anyhow::{Context, Result, bail, ensure};
use bayonet_kernel::binding::{self, UnbindError};
use bayonet_kernel::chain::{self, Bound, Chain};
use bayonet_kernel::holders;
use bayonet_kernel::uevent::{Message, Monitor, Source, Uevent};
use bayonet_kernel::{Errno, Error};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(super) const SUITE: Suite = Suite {
    name: "rebind",
    about: "driver/kernel: holders, closed doors, bind and unbind",
    tests: &[
        Test {
            name: "who holds a node is found",
            run: held,
        },
        Test {
            name: "a program that streams is found",
            run: held_by_program,
        },
        Test {
            name: "nothing is unbound while somebody holds a node",
            run: refused,
        },
        Test {
            name: "unbound and bound, many times",
            run: cycles,
        },
        Test {
            name: "the kernel and udev tell of it",
            run: events,
        },
        Test {
            name: "unbound and bound while a program opens and closes the nodes",
            run: contested,
        },
        Test {
            name: "an absent sensor is not bound, and nothing stays half bound",
            run: absent,
        },
        Test {
            name: "a sensor is not bound under its receiver",
            run: half_bound,
        },
        Test {
            name: "libcamera lists the other camera while the doors are closed",
            run: closed_doors,
        },
        Test {
            name: "doors that a killed program left closed are opened, or removed",
            run: recovered,
        },
    ],
    complaints: Complaints::Forbidden,
};

const BOTH: Bound = Bound {
    sensor: true,
    receiver: true,
    bridge: None,
};
const NEITHER: Bound = Bound {
    sensor: false,
    receiver: false,
    bridge: None,
};
/// Unbinds and binds in a row, and with somebody at the doors, in a short run.
const TIMES: u32 = 6;
const CONTESTED: u32 = 12;
/// The same in a thorough run.
const MANY_TIMES: u32 = 20;
const MANY_CONTESTED: u32 = 40;
/// How long that somebody has the nodes open, and then not: longer than the holders are looked for.
const HOLD: Duration = Duration::from_millis(200);
/// Where nodes are while their doors are closed.
const CLOSED: &str = "/dev/.bayonet-closed";
/// Group of `video` in the guest.
const VIDEO: u32 = 44;
/// Longest time for a program to let a node go.
const PATIENCE: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(60);

fn works(port: Port) -> Result<()> {
    let shot = Shot::new(port, 3, SMALL).frames();
    shot.map(drop).with_context(|| format!("{port:?} captures"))
}

/// Unbinds, however long somebody holds a node for a moment: udev's programs look at new ones.
fn unbind(chain: &Chain) -> Result<()> {
    eventually(|| match binding::unbind(chain) {
        Ok(()) => Ok(Some(())),
        Err(UnbindError::Held(_)) => Ok(None),
        Err(error) => Err(error.into()),
    })
}

fn held(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let nodes = mount.binding_nodes();
    let found = holders::of(&nodes)?;
    ensure!(found.is_empty(), "{found:?}");
    let subdevice = mount.subdevice().context("no subdevice")?;
    let file = File::open(&subdevice)?;
    let start = Instant::now();
    let found = holders::of(&nodes)?;
    let took = start.elapsed();
    bench.note(&format!("{found:?}"));
    ensure!(found.len() == 1, "{found:?}");
    ensure!(found[0].pid == std::process::id() && found[0].node == subdevice);
    ensure!(found[0].command == "ktap");
    let others = holders::of(&chain::discover()?.main.nodes())?;
    ensure!(others.is_empty(), "{others:?}");
    drop(file);
    ensure!(holders::of(&nodes)?.is_empty());
    remark(format!("looked for within {took:?}"))
}

fn held_by_program(bench: &mut Bench) -> Result<Verdict> {
    let nodes = mount()?.binding_nodes();
    let mut running = Shot::new(Port::Mount, 1000, SMALL).start()?;
    running.wait_for(LIMIT, |text| crate::cam::count(text) >= 2)?;
    let found = holders::of(&nodes)?;
    bench.note(&format!(
        "{:?}",
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    ));
    ensure!(!found.is_empty() && found.iter().all(|holder| holder.command == "cam"));
    running.signal("INT")?;
    running.finish(PATIENCE)?;
    ensure!(holders::of(&nodes)?.is_empty());
    Ok(Verdict::Pass)
}

fn refused(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let before = mount.binding_nodes();
    for node in [mount.subdevice(), mount.media()].into_iter().flatten() {
        let file = File::open(&node)?;
        let start = Instant::now();
        let Err(UnbindError::Held(found)) = binding::unbind(&mount) else {
            bail!("unbound while {} was held", node.display());
        };
        let took = start.elapsed();
        bench.note(&format!("{}: {took:?}", UnbindError::Held(found.clone())));
        ensure!(found.len() == 1 && found[0].node == node, "{found:?}");
        ensure!(mount.bound() == BOTH);
        for node in &before {
            ensure!(node.exists(), "{} did not come back", node.display());
        }
        ensure!(!Path::new(CLOSED).exists(), "{CLOSED} is left");
        drop(file);
    }
    works(Port::Mount)?;
    Ok(Verdict::Pass)
}

fn cycles(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let (mut out, mut back) = (Vec::new(), Vec::new());
    let times = if thorough() { MANY_TIMES } else { TIMES };
    for cycle in 1..=times {
        let turn = || format!("cycle {cycle}");
        let start = Instant::now();
        binding::unbind(&mount).with_context(turn)?;
        out.push(start.elapsed());
        ensure!(mount.bound() == NEITHER, "{}", turn());
        ensure!(
            mount.nodes().len()
                == mount
                    .image_processor
                    .as_ref()
                    .map_or(0, |isp| isp.nodes().len())
        );
        ensure!(!Path::new(CLOSED).exists(), "{CLOSED} is left");
        ensure!(
            chain::discover()?.mount.as_ref() == Some(&mount),
            "another chain while unbound"
        );
        let start = Instant::now();
        binding::bind(&mount).with_context(turn)?;
        back.push(start.elapsed());
        ensure!(mount.bound() == BOTH, "{}", turn());
        for node in mount.binding_nodes() {
            let group = fs::metadata(&node)?.gid();
            ensure!(group == VIDEO, "{} has group {group}", node.display());
        }
    }
    bench.note(&format!("unbind {out:?}"));
    bench.note(&format!("bind {back:?}"));
    works(Port::Mount)?;
    let mean = |took: &[Duration]| took.iter().sum::<Duration>() / times;
    remark(format!(
        "unbind {:?}, bind {:?} in the mean",
        mean(&out),
        mean(&back)
    ))
}

fn events(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let kernel = Monitor::open(Source::Kernel)?;
    let udev = Monitor::open(Source::Udev)?;
    ensure!(kernel.read()?.is_none(), "an event out of nothing");
    let subdevice = mount.subdevice().context("no subdevice")?;
    unbind(&mount)?;
    for monitor in [&kernel, &udev] {
        await_event(monitor, "remove", &subdevice, bench)?;
    }
    binding::bind(&mount)?;
    let subdevice = mount.subdevice().context("no subdevice")?;
    for monitor in [&kernel, &udev] {
        await_event(monitor, "add", &subdevice, bench)?;
    }
    Ok(Verdict::Pass)
}

fn await_event(monitor: &Monitor, action: &str, node: &Path, bench: &Bench) -> Result<Uevent> {
    eventually(|| {
        while let Some(message) = monitor.read()? {
            let Message::Event(event) = message else {
                bail!("messages were lost");
            };
            if event.action == action && event.node().as_deref() == Some(node) {
                bench.note(&format!(
                    "{} {} {}",
                    event.action, event.subsystem, event.path
                ));
                return Ok(Some(event));
            }
        }
        Ok(None)
    })
}

/// Either the program is at a node and nothing is unbound, or it finds the doors closed; the kernel's own checks tell
/// of anything in between.
fn contested(_: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let enough = if thorough() {
        MANY_CONTESTED
    } else {
        CONTESTED
    };
    let (stop, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut tries, mut refused) = (0, 0);
    std::thread::scope(|scope| -> Result<()> {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let nodes = mount.binding_nodes();
                let files: Vec<File> = nodes
                    .iter()
                    .filter_map(|node| File::open(node).ok())
                    .collect();
                opened.fetch_add(files.len(), Ordering::Relaxed);
                std::thread::sleep(HOLD);
                drop(files);
                std::thread::sleep(HOLD);
            }
        });
        let result = (|| -> Result<()> {
            // A few tries may meet nobody by chance: then there are more.
            while tries < enough || (refused == 0 && tries < MANY_CONTESTED) {
                tries += 1;
                match binding::unbind(&mount) {
                    Ok(()) => binding::bind(&mount)?,
                    Err(UnbindError::Held(_)) => {
                        refused += 1;
                        ensure!(mount.bound() == BOTH);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })();
        stop.store(true, Ordering::Relaxed);
        result
    })?;
    ensure!(refused > 0, "somebody at the doors was never met");
    works(Port::Mount)?;
    remark(format!(
        "{tries} tries, {refused} refused, {} opens",
        opened.into_inner()
    ))
}

fn absent(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    unbind(&mount)?;
    bench.board.unplug(Port::Mount)?;
    let start = Instant::now();
    let error = binding::bind(&mount).err();
    let took = start.elapsed();
    let error = error.context("an absent sensor was bound")?;
    bench.note(&format!("{error} ({took:?})"));
    ensure!(
        matches!(
            error.errno(),
            Some(Errno::EIO | Errno::ENXIO | Errno::EREMOTEIO)
        ),
        "{error}"
    );
    ensure!(mount.bound() == NEITHER);
    bench.board.plug(Port::Mount)?;
    binding::bind(&mount)?;
    // What is bound is bound.
    binding::bind(&mount)?;
    ensure!(mount.bound() == BOTH);
    works(Port::Mount)?;
    Ok(Verdict::Pass)
}

fn half_bound(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    unbind(&mount)?;
    crate::kernel::RECEIVER.bind(&mount.receiver.name)?;
    let error = binding::bind(&mount).err();
    let error = error.context("a sensor was bound under its receiver")?;
    bench.note(&error.to_string());
    ensure!(matches!(error, Error::HalfBound { .. }), "{error}");
    unbind(&mount)?;
    ensure!(mount.bound() == NEITHER);
    binding::bind(&mount)?;
    works(Port::Mount)?;
    Ok(Verdict::Pass)
}

/// Closes doors as a program does that is killed before it opens them again.
fn close(nodes: &[PathBuf]) -> Result<()> {
    fs::create_dir_all(CLOSED)?;
    for node in nodes {
        let name = node.file_name().context("a node without a name")?;
        fs::rename(node, Path::new(CLOSED).join(name))?;
    }
    Ok(())
}

fn closed_doors(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    close(&mount.binding_nodes())?;
    let list = output("cam", &["-l"], LIMIT);
    binding::recover()?;
    let list = list?;
    bench.note(&list);
    ensure!(list.contains(&Port::Main.camera_id()) && !list.contains(&Port::Mount.camera_id()));
    let list = output("cam", &["-l"], LIMIT)?;
    ensure!(list.contains(&Port::Mount.camera_id()), "{list}");
    Ok(Verdict::Pass)
}

fn recovered(_: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    // Nothing to do is nothing wrong.
    binding::recover()?;
    let nodes = mount.binding_nodes();
    close(&nodes)?;
    ensure!(!nodes[0].exists());
    binding::recover()?;
    for node in &nodes {
        ensure!(node.exists(), "{} did not come back", node.display());
    }
    // Killed between the drivers: the receiver's nodes are without a device.
    close(&nodes)?;
    crate::kernel::RECEIVER.unbind(&mount.receiver.name)?;
    binding::recover()?;
    ensure!(!Path::new(CLOSED).exists(), "{CLOSED} is left");
    let left = nodes.iter().find(|node| node.exists());
    ensure!(left.is_none(), "{left:?} is a node without a device");
    ensure!(
        mount.bound()
            == Bound {
                sensor: true,
                receiver: false,
                bridge: None,
            }
    );
    binding::bind(&mount)?;
    works(Port::Mount)?;
    Ok(Verdict::Pass)
}
