//! A host of its own for one test: cache, socket directory and first programs of `PATH` in one directory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No run of these tests takes as long, boots under emulation on a busy machine included.
const PATIENCE: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(20);

/// The directory; all of a run's traces name it.
pub(crate) struct Host {
    directory: tempfile::TempDir,
}

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run that has not ended yet.
pub(crate) struct Running {
    child: Child,
    said: [PathBuf; 2],
}

impl Host {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["bin", "run"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path as a word of a command line.
    pub(crate) fn word(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.word(name)
    }

    /// A program of this name that comes before the system's.
    pub(crate) fn program(&self, name: &str, script: &str) -> String {
        let path = self.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Where boards of this host have their sockets.
    pub(crate) fn sockets(&self) -> PathBuf {
        self.path("run/bayonet")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        // Whoever runs the tests in a shell's background has SIGINT ignored, and that is inherited.
        // By its path, for some hosts of these tests have no programs.
        let mut command = Command::new("/usr/bin/env");
        let path = std::env::var("PATH").unwrap();
        command
            .args(["--default-signal=INT", env!("CARGO_BIN_EXE_bayonet-board")])
            .args(words)
            .env("BAYONET_CACHE", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("PATH", format!("{}:{path}", self.word("bin")))
            .env_remove("RUST_LOG")
            .current_dir(self.directory.path());
        command
    }

    pub(crate) fn start(&self, command: &mut Command) -> Running {
        let said = ["stdout", "stderr"].map(|name| self.path(name));
        let [stdout, stderr] = said.each_ref().map(|path| File::create(path).unwrap());
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        Running {
            child: child.spawn().unwrap(),
            said,
        }
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.start(&mut self.command(words)).end()
    }

    /// Runs these words, which must end with `code` and an error that has all of `parts`, and leave nothing.
    pub(crate) fn refuses(&self, words: &[&str], code: i32, parts: &[&str]) {
        self.run(words).is_refusal(code, parts);
        self.is_clean();
    }

    /// No process, mount, socket or half-made artefact is left.
    pub(crate) fn is_clean(&self) {
        let began = Instant::now();
        while !self.processes().is_empty() {
            assert!(began.elapsed() < PATIENCE, "left: {:?}", self.processes());
            std::thread::sleep(POLL);
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&self.word("")), "{mounts}");
        let left = names(&self.sockets());
        assert!(left.is_empty(), "{left:?}");
        let partial: Vec<_> = names(&self.path("cache"))
            .into_iter()
            .filter(|name| name.ends_with(".partial"))
            .collect();
        assert!(partial.is_empty(), "{partial:?}");
    }

    /// Processes whose arguments or environment name this host.
    fn processes(&self) -> Vec<String> {
        let directory = self.word("");
        let names_us = |process: &Path| {
            ["cmdline", "environ"]
                .iter()
                .filter_map(|name| fs::read(process.join(name)).ok())
                .any(|text| String::from_utf8_lossy(&text).contains(&directory))
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let ours = all.map(|entry| entry.path()).filter(|path| names_us(path));
        ours.map(|path| fs::read_to_string(path.join("comm")).unwrap_or_default())
            .collect()
    }
}

/// Names in a directory, none where it is not there.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

impl Running {
    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let process = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    }

    /// Waits until `condition` holds.
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn() -> bool) {
        let began = Instant::now();
        while !condition() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: ended {ended:?}: {}", self.text(1));
            assert!(began.elapsed() < PATIENCE, "{what}: {}", self.text(1));
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn end(mut self) -> Ran {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "hangs: {}", self.text(1));
            std::thread::sleep(POLL);
        };
        Ran {
            status,
            stdout: self.text(0),
            stderr: self.text(1),
        }
    }

    fn text(&self, stream: usize) -> String {
        String::from_utf8_lossy(&fs::read(&self.said[stream]).unwrap()).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nothing running either.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// Ended with `code` and one error that has all of `parts` and says nothing twice.
    pub(crate) fn is_refusal(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no \"{part}\" in {self:?}");
        }
        assert!(self.stderr.matches("os error").count() <= 1, "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
    }
}
