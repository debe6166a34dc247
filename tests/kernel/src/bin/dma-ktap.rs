//! `dma-ktap`: the only process of a guest whose kernel has the system heap; proves `bayonet_kernel::dma` there.
//!
//! As `/init` it mounts what it needs, writes KTAP to the first serial line, and switches the machine off.

use anyhow::{Context, Result, ensure};
use bayonet_kernel::Errno;
use bayonet_kernel::dma::{Buffer, Source};
use bayonet_kernel_tests::ktap::{self, INDENT, Outcome, VERSION};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::termios::tcdrain;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const SUITE: &str = "dma";
/// Where the suite speaks; the kernel has the other line.
const TERMINAL: &str = "/dev/ttyS0";
const HEAPS: &str = "/dev/dma_heap";
/// Two pages and something.
const SIZE: usize = 2 * PAGE + 100;
const PAGE: usize = 4096;
/// Enough that a descriptor lost each time runs out of them.
const MANY: usize = 2000;

type Test = (&'static str, fn() -> Result<String>);

/// The last ones take the heaps away.
const TESTS: [Test; 9] = [
    ("the kernel", kernel),
    ("the system heap is taken where there is one", system_heap),
    ("udmabuf is taken where it is asked for", udmabuf),
    ("two mappings of a heap's buffer agree", heap_mappings),
    ("two mappings of a udmabuf agree", udmabuf_mappings),
    ("a mapping outlives its buffer", mapping_outlives),
    ("errors tell what was wrong", errors),
    ("nothing is left of many buffers", no_leak),
    (
        "without heaps it is udmabuf, without either an error",
        fallback,
    ),
];

fn main() {
    if std::process::id() != 1 {
        eprintln!("dma-ktap: this is process 1 of a guest, not a command");
        std::process::exit(2);
    }
    // An error here has no place to go to but the kernel's console.
    if let Err(error) = serve() {
        eprintln!("dma-ktap: {error:#}");
    }
    let _ = reboot(RebootMode::RB_POWER_OFF);
}

fn serve() -> Result<()> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        let none = None::<&str>;
        mount(Some(kind), target, Some(kind), MsFlags::empty(), none)
            .with_context(|| format!("mounting {target}"))?;
    }
    let mut terminal = File::options().write(true).open(TERMINAL)?;
    writeln!(
        terminal,
        "{VERSION}\n1..1\n{INDENT}{VERSION}\n{INDENT}1..{}",
        TESTS.len()
    )?;
    let mut worst = Outcome::Passed;
    for (index, (name, test)) in TESTS.iter().enumerate() {
        let (outcome, words) = match test() {
            Ok(words) => (Outcome::Passed, words),
            Err(error) => (Outcome::Failed, format!("{error:#}")),
        };
        if outcome == Outcome::Failed {
            worst = outcome;
        }
        let line = ktap::result(outcome, index + 1, name, &words);
        writeln!(terminal, "{INDENT}{line}")?;
    }
    writeln!(terminal, "{}", ktap::result(worst, 1, SUITE, ""))?;
    tcdrain(&terminal)?;
    Ok(())
}

fn heap() -> Source {
    Source::Heap("system".into())
}

fn kernel() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let heaps: Vec<String> = fs::read_dir(HEAPS)?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    Ok(format!("{}, heaps: {}", release.trim(), heaps.join(" ")))
}

fn system_heap() -> Result<String> {
    let buffer = Buffer::allocate("picture", SIZE)?;
    ensure!(*buffer.source() == heap(), "{}", buffer.source());
    is_as_asked(&buffer, "system")
}

fn udmabuf() -> Result<String> {
    let buffer = Buffer::allocate_from(&Source::Udmabuf, "picture", SIZE)?;
    ensure!(*buffer.source() == Source::Udmabuf, "{}", buffer.source());
    is_as_asked(&buffer, "udmabuf")
}

/// Its size is in whole pages, its bytes are zero, and the kernel knows it by its name and its exporter.
fn is_as_asked(buffer: &Buffer, exporter: &str) -> Result<String> {
    ensure!(buffer.size() == 3 * PAGE, "{} bytes", buffer.size());
    let mapping = buffer.map()?;
    let bytes = mapping.read()?;
    ensure!(bytes.len() == buffer.size(), "{} are mapped", bytes.len());
    ensure!(bytes.iter().all(|byte| *byte == 0), "they are not zero");
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", buffer.as_fd().as_raw_fd()))?;
    let told = |key: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(key));
        line.map_or("", str::trim).to_owned()
    };
    let (size, name, by) = (told("size:"), told("name:"), told("exp_name:"));
    ensure!(
        name == "picture" && by.contains(exporter) && size == (3 * PAGE).to_string(),
        "{info}"
    );
    Ok(format!("{size} bytes, {by}"))
}

fn heap_mappings() -> Result<String> {
    mappings_agree(&heap())
}

fn udmabuf_mappings() -> Result<String> {
    mappings_agree(&Source::Udmabuf)
}

/// One is made from the buffer, the other from a copy of its descriptor, as another process has it.
fn mappings_agree(source: &Source) -> Result<String> {
    let buffer = Buffer::allocate_from(source, "shared", SIZE)?;
    let mut one = buffer.map()?;
    let mut two = buffer.map()?;
    let pattern = |round: usize| (0..3 * PAGE).map(move |at| (at * 7 + at / PAGE + round) as u8);
    for round in 0..4 {
        let (from, to) = if round % 2 == 0 {
            (&mut one, &two)
        } else {
            (&mut two, &one)
        };
        for (byte, value) in from.write()?.iter_mut().zip(pattern(round)) {
            *byte = value;
        }
        ensure!(
            to.read()?.iter().copied().eq(pattern(round)),
            "round {round} differs"
        );
    }
    Ok(source.to_string())
}

fn mapping_outlives() -> Result<String> {
    let buffer = Buffer::allocate("short", SIZE)?;
    let mut mapping = buffer.map()?;
    drop(OwnedFd::from(buffer));
    mapping.write()?.fill(9);
    ensure!(mapping.read()?.iter().all(|byte| *byte == 9));
    Ok(String::new())
}

fn errors() -> Result<String> {
    let none = Source::Heap("none".into());
    let outside = Source::Heap("../udmabuf".into());
    let long = "a name that is longer than the kernel keeps";
    let mut told = String::new();
    for (source, name, size, errno) in [
        (heap(), "x", 0, Errno::EINVAL),
        (heap(), "x", usize::MAX, Errno::EINVAL),
        (heap(), "x", 1 << 40, Errno::ENOMEM),
        (Source::Udmabuf, "x", 0, Errno::EINVAL),
        (heap(), "with\0zero", SIZE, Errno::EINVAL),
        (heap(), long, SIZE, Errno::EINVAL),
        (outside, "x", SIZE, Errno::ENOENT),
        (none, "x", SIZE, Errno::ENOENT),
    ] {
        let error = Buffer::allocate_from(&source, name, size).err();
        let error = error.with_context(|| format!("{size} bytes for {name:?} from {source}"))?;
        told = error.to_string();
        ensure!(
            error.errno() == Some(errno),
            "{size} bytes for {name:?} from {source}: {told}"
        );
    }
    ensure!(told.contains("/dev/dma_heap/none"), "{told}");
    Ok(told)
}

fn no_leak() -> Result<String> {
    let open = || Ok::<_, anyhow::Error>(fs::read_dir("/proc/self/fd")?.count());
    let before = open()?;
    for _ in 0..MANY / 2 {
        for source in [heap(), Source::Udmabuf] {
            Buffer::allocate_from(&source, "many", PAGE)?
                .map()?
                .write()?[0] = 1;
        }
    }
    let after = open()?;
    ensure!(
        before == after,
        "{before} descriptors before, {after} after"
    );
    Ok(format!("{MANY} buffers"))
}

fn fallback() -> Result<String> {
    fs::rename(HEAPS, "/dev/no_heap")?;
    let buffer = Buffer::allocate("picture", SIZE)?;
    ensure!(*buffer.source() == Source::Udmabuf, "{}", buffer.source());
    fs::rename("/dev/udmabuf", "/dev/no_udmabuf")?;
    let error = Buffer::allocate("picture", SIZE).err();
    let error = error.context("a buffer out of nothing")?;
    ensure!(error.errno() == Some(Errno::ENOENT), "{error}");
    Ok(error.to_string())
}
