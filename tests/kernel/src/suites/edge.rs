//! `driver/kernel` tells what is there: chains, lines, keys, controls, buffers.

use super::{Bench, Complaints, Suite, Test, Verdict, remark};
use crate::orders::Port;
use crate::process::output;
use anyhow::{Context, Result, bail, ensure};
use bayonet_kernel::chain::{self, Chain, Module};
use bayonet_kernel::dma::{Buffer, Source};
use bayonet_kernel::gpio::Lines;
use bayonet_kernel::input::{Action, KEY_CAMERA, Key};
use bayonet_kernel::media::{LinkFlags, Media};
use bayonet_kernel::mount_lines::{Line, MountLines};
use bayonet_kernel::power::{self, Power};
use bayonet_kernel::subdevice::{ControlFlags, Subdevice};
use bayonet_kernel::video::{Capabilities, Video};
use bayonet_kernel::{Errno, i2c};
use std::collections::HashSet;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(super) const SUITE: Suite = Suite {
    name: "edge",
    about: "driver/kernel: chains, power and id, lines, key, media graph, controls, buffers",
    tests: &[
        Test {
            name: "both chains are found and are libcamera's cameras",
            run: chains,
        },
        Test {
            name: "a chain's nodes are its own",
            run: nodes,
        },
        Test {
            name: "a sensor that is switched on tells its id, and none when it is away",
            run: identity,
        },
        Test {
            name: "without i2c-dev the error tells what to do",
            run: without_module,
        },
        Test {
            name: "lines are those of the device tree",
            run: levels,
        },
        Test {
            name: "edges come without waiting",
            run: edges,
        },
        Test {
            name: "missing and busy lines are named",
            run: wrong_lines,
        },
        Test {
            name: "the shutter key",
            run: key,
        },
        Test {
            name: "the media graph leads from the sensor to the video nodes",
            run: graph,
        },
        Test {
            name: "controls of the sensor",
            run: controls,
        },
        Test {
            name: "video nodes and their formats",
            run: videos,
        },
        Test {
            name: "a buffer is shared by two mappings",
            run: buffer,
        },
    ],
    complaints: Complaints::Forbidden,
};

const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// The IMX283's chip id: register, value (`drivers/media/i2c/imx283.c`).
const ID: (u16, u64) = (0x3000, 0x0b);
/// `V4L2_CID_EXPOSURE` of the kernel's uapi `v4l2-controls.h`.
const EXPOSURE: u32 = 0x0098_0911;
/// `MEDIA_ENT_F_CAM_SENSOR` of the kernel's uapi `media.h`.
const CAMERA_SENSOR: u32 = 0x0002_0001;

/// The mount camera.
pub(super) fn mount() -> Result<Chain> {
    chain::discover()?.mount.context("the module has no mount")
}

/// The mount's lines.
fn mount_lines() -> Result<MountLines> {
    Ok(chain::discover()?.mount_lines?)
}

/// Waits for something that comes by itself.
pub(super) fn eventually<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(start.elapsed() < LIMIT, "nothing came within {LIMIT:?}");
        std::thread::sleep(POLL);
    }
}

fn chains(bench: &mut Bench) -> Result<Verdict> {
    let start = Instant::now();
    let Module { main, mount, .. } = chain::discover()?;
    let took = start.elapsed();
    let mount = mount.context("the module has no mount")?;
    let list = output("cam", &["-l"], LIMIT)?;
    for (port, chain) in [(Port::Main, &main), (Port::Mount, &mount)] {
        bench.note(&format!("{chain:?}"));
        ensure!(chain.libcamera_id == port.camera_id());
        ensure!(
            list.contains(&format!("({})", chain.libcamera_id)),
            "libcamera does not list {}",
            chain.libcamera_id
        );
        ensure!(chain.sensor.name == port.sensor()?);
        ensure!(chain.receiver.name == port.receiver());
        ensure!(chain.receiver.driver == "rp1-cfe");
        ensure!(chain.sensor.driver == "imx283" && chain.model == "imx283");
        ensure!(chain.i2c.address == 0x1a);
        let bound = chain.bound();
        ensure!(bound.sensor && bound.receiver, "{bound:?}");
    }
    let processor = |chain: &Chain| chain.image_processor.clone();
    ensure!(processor(&main).is_some() && processor(&mount).is_some());
    ensure!(processor(&main) != processor(&mount));
    remark(format!("{took:?}"))
}

fn nodes(bench: &mut Bench) -> Result<Verdict> {
    let Module { main, mount, .. } = chain::discover()?;
    let mount = mount.context("the module has no mount")?;
    let mut seen: HashSet<PathBuf> = HashSet::new();
    for chain in [&main, &mount] {
        let nodes = chain.nodes();
        bench.note(&format!("{nodes:?}"));
        for node in &nodes {
            ensure!(node.exists(), "{} is not there", node.display());
            ensure!(
                seen.insert(node.clone()),
                "{} belongs to both",
                node.display()
            );
        }
        let has = |path: Option<PathBuf>| path.is_some_and(|path| nodes.contains(&path));
        ensure!(has(chain.media()), "no media device");
        ensure!(has(chain.subdevice()), "no subdevice of the sensor");
    }
    let all = std::fs::read_dir("/dev")?.flatten().filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        ["media", "video", "v4l-subdev"].iter().any(|start| {
            name.strip_prefix(start)
                .is_some_and(|rest| rest.parse::<u32>().is_ok())
        })
    });
    let all = all.count();
    ensure!(
        all == seen.len(),
        "{all} nodes in /dev, {} in chains",
        seen.len()
    );
    remark(format!("{all} nodes"))
}

fn identity(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let adapter = i2c::Adapter::open(mount.i2c.adapter)?;
    let read = || adapter.read(mount.i2c.address, ID.0, 1);
    let start = Instant::now();
    power::set(&mount.sensor, Power::On)?;
    let took = start.elapsed();
    let value = read()?;
    ensure!(value == ID.1, "the id is {value:#x}");
    bench.board.unplug(Port::Mount)?;
    let error = read().err().context("a sensor that is away answered")?;
    bench.note(&format!("{error}"));
    ensure!(
        matches!(
            error.errno(),
            Some(Errno::EREMOTEIO | Errno::ENXIO | Errno::EIO)
        ),
        "{error}"
    );
    bench.board.plug(Port::Mount)?;
    power::set(&mount.sensor, Power::Auto)?;
    power::set(&mount.sensor, Power::On)?;
    let value = read()?;
    ensure!(value == ID.1, "the id is {value:#x} after the plug");
    for length in [0, i2c::MAXIMUM + 1] {
        let error = adapter.read(mount.i2c.address, ID.0, length).err();
        ensure!(error.and_then(|error| error.errno()) == Some(Errno::EINVAL));
    }
    power::set(&mount.sensor, Power::Auto)?;
    remark(format!("on within {took:?}"))
}

fn without_module(_: &mut Bench) -> Result<Verdict> {
    let number = mount()?.i2c.adapter;
    output("rmmod", &["i2c-dev"], LIMIT)?;
    let error = i2c::Adapter::open(number).err();
    output("modprobe", &["i2c-dev"], LIMIT)?;
    let error = error.context("a bus could be opened")?.to_string();
    ensure!(error.contains("modprobe i2c-dev"), "{error}");
    i2c::Adapter::open(number)?;
    remark(error)
}

fn levels(bench: &mut Bench) -> Result<Verdict> {
    let lines = mount_lines()?;
    for line in lines.all() {
        bench.note(&format!("{line}, {}, {:?}", line.active_low, line.bias));
    }
    let lines = Lines::request(&lines.lens(), "ktap")?;
    for (code, frame) in [(0, 0), (1, 2), (0b10_1010, 1), (0b01_0101, 2), (62, 3)] {
        bench.board.lens(code, frame)?;
        let active = lines.active()?;
        let value = |lines: &[bool]| {
            lines
                .iter()
                .fold(0, |value, bit| value << 1 | u8::from(*bit))
        };
        let (code_read, frame_read) = (value(&active[..6]), value(&active[6..]));
        ensure!(
            (code_read, frame_read) == (code, frame),
            "code {code} and frame {frame} read {code_read} and {frame_read}"
        );
    }
    bench.board.no_lens()?;
    ensure!(
        lines.active()?[..6].iter().all(|active| *active),
        "open lines are not pulled up"
    );
    Ok(Verdict::Pass)
}

/// Far longer than an interrupt takes.
const LATE: Duration = Duration::from_secs(1);

fn edges(bench: &mut Bench) -> Result<Verdict> {
    let lines = mount_lines()?;
    let lines = Lines::request(&[&lines.code[5], &lines.present], "ktap")?;
    // Interrupts may come later than levels do: what is still on its way from the test before is not this test's.
    std::thread::sleep(LATE);
    while lines.read_event()?.is_some() {}
    ensure!(lines.active()?[1], "the module is not on the mount");
    for present in [false, true] {
        if present {
            bench.board.plug(Port::Mount)?;
        } else {
            bench.board.unplug(Port::Mount)?;
        }
        let edge = eventually(|| Ok(lines.read_event()?))?;
        ensure!(edge.line == 1 && edge.active == present, "{edge:?}");
        ensure!(lines.active()?[1] == present);
    }
    ensure!(lines.read_event()?.is_none(), "one edge too many");
    Ok(Verdict::Pass)
}

fn wrong_lines(bench: &mut Bench) -> Result<Verdict> {
    let lines = mount_lines()?;
    let request = |line: &Line| match Lines::request(&[&lines.present, line], "ktap") {
        Ok(_) => bail!("{line} could be requested"),
        Err(error) => Ok(error.to_string()),
    };
    let line = &lines.code[2];
    let beyond = Line {
        offset: 9999,
        ..line.clone()
    };
    let missing = request(&beyond)?;
    bench.note(&missing);
    ensure!(missing.contains("line 9999) is not there"), "{missing}");
    let held = Lines::request(&[line], "another program")?;
    let busy = request(line)?;
    bench.note(&busy);
    ensure!(
        busy.contains("lens-code-gpios[2] (gpiochip") && busy.contains("another program"),
        "{busy}"
    );
    drop(held);
    Lines::request(&[line], "ktap")?;
    Ok(Verdict::Pass)
}

fn key(bench: &mut Bench) -> Result<Verdict> {
    let mut key = Key::open(KEY_CAMERA)?;
    ensure!(key.read_event()?.is_none(), "an event out of nothing");
    for (pressed, action) in [(true, Action::Pressed), (false, Action::Released)] {
        bench.board.key(pressed)?;
        let event = eventually(|| Ok(key.read_event()?))?;
        ensure!(
            event.action == action && event.code == KEY_CAMERA,
            "{event:?}"
        );
    }
    // KEY_ZOOM: no device of this board has it.
    let error = Key::open(0x174).err().context("a key that is not there")?;
    remark(format!("{}; {error}", key.node().display()))
}

fn graph(bench: &mut Bench) -> Result<Verdict> {
    let mount = mount()?;
    let media = Media::open(&mount.media().context("no media device")?)?;
    let info = media.info()?;
    bench.note(&format!("{info:?}"));
    ensure!(info.driver == "rp1-cfe" && info.bus == format!("platform:{}", mount.receiver.name));
    let graph = media.topology()?;
    let name = format!("{} {}", mount.model, mount.sensor.name);
    let sensor = graph.entities.iter().find(|entity| entity.name == name);
    let sensor = sensor.with_context(|| format!("no entity {name} in {:?}", graph.entities))?;
    ensure!(sensor.function == CAMERA_SENSOR, "{sensor:?}");
    let pad = graph.pads.iter().find(|pad| pad.entity == sensor.id);
    let pad = pad.context("the sensor has no pad")?;
    let link = graph.links.iter().find(|link| link.source == pad.id);
    let link = link.context("the sensor is linked to nothing")?;
    ensure!(
        link.flags
            .contains(LinkFlags::ENABLED | LinkFlags::IMMUTABLE),
        "{link:?}"
    );
    let numbers: HashSet<(u32, u32)> = graph
        .interfaces
        .iter()
        .map(|interface| interface.number)
        .collect();
    // The media device is no interface of its own graph.
    let media_node = mount.media();
    for node in mount.binding_nodes() {
        if Some(&node) != media_node.as_ref() {
            let number = device_number(&node)?;
            ensure!(numbers.contains(&number), "{} is not in it", node.display());
        }
    }
    remark(format!(
        "{} entities, {} interfaces, {} pads, {} links",
        graph.entities.len(),
        graph.interfaces.len(),
        graph.pads.len(),
        graph.links.len()
    ))
}

/// Major and minor of a device node, as `MKDEV` of the C library's numbers has them.
fn device_number(node: &Path) -> Result<(u32, u32)> {
    let number = std::fs::metadata(node)?.st_rdev();
    let major = (number >> 8) & 0xfff;
    let minor = (number & 0xff) | ((number >> 12) & 0xfff00);
    Ok((u32::try_from(major)?, u32::try_from(minor)?))
}

fn controls(bench: &mut Bench) -> Result<Verdict> {
    let path = mount()?.subdevice().context("no subdevice")?;
    let subdevice = Subdevice::open(&path)?;
    let controls = subdevice.controls()?;
    for control in &controls {
        let value = subdevice.get(control).map(|value| value.to_string());
        let value = value.unwrap_or_else(|error| error.to_string());
        bench.note(&format!(
            "{} {:?} {}..={} {:?}: {value}",
            control.name, control.kind, control.minimum, control.maximum, control.flags
        ));
    }
    let exposure = subdevice.control(EXPOSURE)?.context("no exposure")?;
    ensure!(controls.contains(&exposure));
    let before = subdevice.get(&exposure)?;
    subdevice.set(&exposure, exposure.minimum)?;
    ensure!(subdevice.get(&exposure)? == exposure.minimum);
    subdevice.set(&exposure, before)?;
    ensure!(subdevice.get(&exposure)? == before);
    let too_long = subdevice.set(&exposure, exposure.maximum + 1).err();
    ensure!(too_long.and_then(|error| error.errno()) == Some(Errno::ERANGE));
    let fixed = controls
        .iter()
        .find(|control| control.flags.contains(ControlFlags::READ_ONLY))
        .context("no control is read-only")?;
    let value = subdevice.get(fixed)?;
    let error = subdevice.set(fixed, value).err();
    let error = error.context("a read-only control could be set")?;
    ensure!(error.errno() == Some(Errno::EACCES), "{error}");
    ensure!(subdevice.control(1)?.is_none());
    remark(format!("{} controls", controls.len()))
}

fn videos(bench: &mut Bench) -> Result<Verdict> {
    let mut formats = 0;
    for node in mount()?.receiver.nodes() {
        if !node.to_string_lossy().contains("video") {
            continue;
        }
        let video = Video::open(&node)?;
        let description = video.describe()?;
        let codes = video.formats()?;
        bench.note(&format!(
            "{} {:?}: {} formats",
            node.display(),
            description.node,
            codes.len()
        ));
        ensure!(description.driver == "rp1-cfe", "{description:?}");
        ensure!(description.node.contains(Capabilities::STREAMING));
        ensure!(description.device.contains(description.node));
        formats += codes.len();
    }
    ensure!(formats > 0, "no node has a format");
    Ok(Verdict::Pass)
}

fn buffer(bench: &mut Bench) -> Result<Verdict> {
    let buffer = Buffer::allocate("ktap", 5000)?;
    bench.note(&format!("{buffer:?}"));
    let mut one = buffer.map()?;
    let two = buffer.map()?;
    one.write()?[..5].copy_from_slice(b"frame");
    ensure!(&two.read()?[..5] == b"frame");
    ensure!(two.read()?.len() == buffer.size() && buffer.size() == 8192);
    // Debian's arm64 kernel has no DMA heap.
    ensure!(*buffer.source() == Source::Udmabuf);
    remark(buffer.source().to_string())
}
