//! The program that libcamera starts and the file that it looks at.

mod client;

use bayonet_ipa::module::ipaModuleInfo;
use client::*;
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const WORKER: &str = env!("CARGO_BIN_EXE_soft_ipa_proxy");
/// Set for the process that plays libcamera and is killed.
const VICTIM: &str = "BAYONET_TEST_VICTIM";
/// Long enough for a machine with much else to do.
const LIMIT: Duration = Duration::from_secs(60);

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(WORKER);
    command.args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// The shared object, which Cargo builds with the library.
fn module() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join("libbayonet_ipa.so")
}

fn start() -> (Client, Child) {
    let (client, socket) = Client::pair();
    // libcamera's descriptor survives the start of a program.
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    let mut command = Command::new(WORKER);
    command.arg(module()).arg(socket.as_raw_fd().to_string());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    (client, command.spawn().unwrap())
}

#[test]
fn started_by_hand_it_says_what_it_is() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(help.stdout).contains("Usage: soft_ipa_proxy MODULE SOCKET"));
    let version = run(&["--version"]);
    let expected = format!("soft_ipa_proxy (Bayonet) {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (version.status.code(), text(version.stdout)),
        (Some(0), expected)
    );
    for (arguments, why) in [
        (&[][..], "Bayonet's worker"),
        (&["a", "b", "c"], "Bayonet's worker"),
        (&["module.so"], "Bayonet's worker"),
        (
            &["module.so", "three"],
            "`three` is no number of a descriptor\n\nBayonet's worker",
        ),
        (
            &["module.so", "0"],
            "descriptor 0 is not a Unix socket of datagrams\n\n",
        ),
        (&["module.so", "77"], "descriptor 77 is not open\n\n"),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let said = text(refused.stderr);
        assert!(said.starts_with(why) && said.contains("Usage:"), "{said}");
    }
}

#[test]
fn a_session_in_little_memory() {
    let (mut client, mut worker) = start();
    client.begin();
    for frame in 0..20 {
        client.frame(frame, &statistics([1_000_000; 3], 20, 30_000));
    }
    let status = fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kilobytes: u32 = resident.trim_end_matches("kB").trim().parse().unwrap();
    assert!(kilobytes < 5 * 1024, "{kilobytes} KiB are resident");
    client.is_alive();
    client.send(EXIT, &[]);
    assert!(worker.wait().unwrap().success());
    let lines: Vec<_> = BufReader::new(worker.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    let expected = format!(
        "bayonet-ipa INFO  Bayonet's IPA {}, libcamera 0.7, sensor imx219, no tuning file",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(lines.first(), Some(&expected), "{lines:?}");
}

/// Begins a camera and tells the worker's number, then waits for its end.
fn play_libcamera() -> ! {
    let (mut client, worker) = start();
    client.begin();
    println!("\nworker {}", worker.id());
    loop {
        thread::park();
    }
}

/// Whether a process is there, and not only its entry in the table.
fn runs(process: &str) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
        return false;
    };
    !status.lines().any(|line| line.starts_with("State:\tZ"))
}

#[test]
fn it_ends_when_libcamera_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        play_libcamera();
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "it_ends_when_libcamera_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let worker = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("worker ").map(String::from));
    let worker = worker.expect("the worker's number");
    assert!(runs(&worker));
    victim.kill().unwrap();
    victim.wait().unwrap();
    let begin = Instant::now();
    while runs(&worker) {
        assert!(begin.elapsed() < LIMIT, "worker {worker} still runs");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_module_of_somebody_else_needs_its_own_worker() {
    let (_client, socket) = Client::pair();
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    // No distribution has a worker of this name.
    let directory = tempfile::tempdir().unwrap();
    let renamed = directory.path().join("nobodys_ipa_proxy");
    std::os::unix::fs::symlink(WORKER, &renamed).unwrap();
    let number = socket.as_raw_fd().to_string();
    let refused = Command::new(renamed)
        .args(["/bin/sh", &number])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    let why = "module /bin/sh is not Bayonet's, and there is no other worker `nobodys_ipa_proxy` to run it";
    assert!(said.contains(why), "{said}");
}

/// A symbol's size and bytes, found as libcamera finds them (`src/libcamera/ipa_module.cpp`): through the section
/// `.dynsym`, in a section that has its bytes in the file.
fn symbol(elf: &[u8], name: &str) -> Option<Vec<u8>> {
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&elf[at..][..length]);
        u64::from_ne_bytes(bytes) as usize
    };
    // Offsets of ELF64: of the section headers, their size and number; in a header of its type, address, offset,
    // size, link and entry size.
    let (headers, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    let section = |index: usize| headers + index * size;
    let dynsym = (0..count)
        .map(section)
        .find(|&at| number(at + 4, 4) == 11)?;
    let names = number(section(number(dynsym + 0x28, 4)) + 0x18, 8);
    let entries = number(dynsym + 0x20, 8) / number(dynsym + 0x38, 8);
    let found = (0..entries)
        .map(|index| number(dynsym + 0x18, 8) + index * 24)
        .find(|&at| {
            let text = &elf[names + number(at, 4)..];
            text.starts_with(name.as_bytes()) && text[name.len()] == 0
        })?;
    let home = section(number(found + 6, 2));
    assert_ne!(number(home + 4, 4), 8, "a section without bytes");
    assert_eq!(elf[found + 4] >> 4, 1, "global");
    let at = number(home + 0x18, 8) + number(found + 8, 8) - number(home + 0x10, 8);
    Some(elf[at..][..number(found + 16, 8)].into())
}

#[test]
fn libcamera_finds_the_module_s_description() {
    let elf = fs::read(module()).unwrap();
    let found = symbol(&elf, "ipaModuleInfo").expect("the symbol");
    assert_eq!(found, ipaModuleInfo);
    assert!(found.len() >= 520);
    assert!(bayonet_ipa::hand_over::is_ours(&module()).unwrap());
    assert!(bayonet_ipa::hand_over::is_ours(Path::new(WORKER)).unwrap());
}
