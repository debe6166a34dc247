//! Heap allocations of another process, counted by the kernel: probes on the C library's allocating functions.
//!
//! A probe stops whoever calls it, so times that are measured meanwhile say nothing. Source: the kernel's
//! `Documentation/trace/{uprobetracer,histogram}.rst`.

use anyhow::{Context, Result, ensure};
use nix::libc;
use nix::mount::{MsFlags, mount};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const TRACING: &str = "/sys/kernel/tracing";
const GROUP: &str = "bayonet";
/// Counts by thread.
const TRIGGER: &str = "hist:keys=common_pid";

/// Probes that count until they are dropped.
pub(crate) struct Allocations {
    probes: Vec<&'static str>,
}

impl Allocations {
    /// Begins to count, of every process that uses this one's C library.
    pub(crate) fn count() -> Result<Self> {
        if !Path::new(TRACING).join("uprobe_events").exists() {
            let none: Option<&str> = None;
            mount(none, TRACING, Some("tracefs"), MsFlags::empty(), none)
                .context("mounting tracefs")?;
        }
        let mut allocations = Self { probes: Vec::new() };
        let maps = fs::read_to_string("/proc/self/maps")?;
        for (name, address) in functions() {
            let (library, offset) =
                place(&maps, address).with_context(|| format!("{name} is in no file"))?;
            append(
                "uprobe_events",
                &format!("p:{GROUP}/{name} {library}:{offset:#x}"),
            )?;
            allocations.probes.push(name);
            append(&file(name, "trigger"), TRIGGER)?;
        }
        Ok(allocations)
    }

    /// Calls that this process has made since the count began.
    pub(crate) fn of(&self, process: u32) -> Result<u64> {
        let tasks = fs::read_dir(format!("/proc/{process}/task"))?.flatten();
        let threads: Vec<String> = tasks
            .map(|task| task.file_name().to_string_lossy().into_owned())
            .collect();
        ensure!(!threads.is_empty(), "process {process} has no thread");
        let mut sum = 0;
        for probe in &self.probes {
            let path = Path::new(TRACING).join(file(probe, "hist"));
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            sum += hits(&text, &threads);
        }
        Ok(sum)
    }
}

impl Drop for Allocations {
    fn drop(&mut self) {
        for probe in &self.probes {
            // What cannot be taken away ends with the guest.
            let _ = append(&file(probe, "trigger"), &format!("!{TRIGGER}"));
            let _ = append("uprobe_events", &format!("-:{GROUP}/{probe}"));
        }
    }
}

fn functions() -> [(&'static str, usize); 5] {
    [
        ("malloc", libc::malloc as *const () as usize),
        ("calloc", libc::calloc as *const () as usize),
        ("realloc", libc::realloc as *const () as usize),
        ("posix_memalign", libc::posix_memalign as *const () as usize),
        ("aligned_alloc", libc::aligned_alloc as *const () as usize),
    ]
}

/// The file that is mapped at an address, and where in the file that is.
fn place(maps: &str, address: usize) -> Option<(&str, usize)> {
    maps.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (begin, end) = words.next()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let (begin, end) = (number(begin)?, number(end)?);
        let offset = number(words.nth(1)?)?;
        let path = words.nth(2)?;
        (begin..end)
            .contains(&address)
            .then_some((path, address - begin + offset))
    })
}

/// Sum of what a histogram by threads says of some.
fn hits(histogram: &str, threads: &[String]) -> u64 {
    let counts = histogram.lines().filter_map(|line| {
        let (key, value) = line
            .strip_prefix("{ common_pid:")?
            .split_once("} hitcount:")?;
        let thread = key.trim();
        threads
            .iter()
            .any(|known| known == thread)
            .then(|| value.trim().parse::<u64>().ok())?
    });
    counts.sum()
}

fn file(probe: &str, name: &str) -> String {
    format!("events/{GROUP}/{probe}/{name}")
}

fn append(file: &str, text: &str) -> Result<()> {
    let path: PathBuf = Path::new(TRACING).join(file);
    OpenOptions::new()
        .append(true)
        .open(&path)
        // One write: each is a command.
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("writing {text} to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_in_its_library() {
        let maps = "aaaa0000-aaaa1000 r-xp 00000000 fd:00 12    /usr/bin/ktap\n\
                    ffff0000-ffff8000 r-xp 00020000 fd:00 34    /usr/lib/libc.so.6\n\
                    fffff000-ffffffff rw-p 00000000 00:00 0\n";
        assert_eq!(
            place(maps, 0xffff_1234),
            Some(("/usr/lib/libc.so.6", 0x2_1234))
        );
        assert_eq!(place(maps, 0xfffff800), None);
        assert_eq!(place(maps, 0x10), None);
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        for (name, address) in functions() {
            let (library, _) = place(&maps, address).unwrap();
            assert!(library.contains("libc"), "{name} in {library}");
        }
    }

    #[test]
    fn hits_of_a_process_are_those_of_its_threads() {
        let histogram = "# event histogram\n#\n\n{ common_pid:        231 } hitcount:         12\n\
                         { common_pid:         23 } hitcount:          5\n{ common_pid:        232 } hitcount:          3\n\n\
                         Totals:\n    Hits: 20\n";
        let threads = ["231", "232"].map(str::to_owned);
        assert_eq!(hits(histogram, &threads), 15);
        assert_eq!(hits("", &threads), 0);
    }
}
