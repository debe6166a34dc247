//! Programs under test: started, watched while they run, ended in time.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(10);
/// Time that a program gets to end after a signal.
const GRACE: Duration = Duration::from_secs(15);

/// What a program wrote and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// Exit status; `None` when it had to be killed.
    pub(crate) status: Option<ExitStatus>,
}

impl Ended {
    /// Whether it ended by itself and says that all is well.
    pub(crate) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The last lines of both outputs that tell what went wrong.
    pub(crate) fn last_words(&self) -> String {
        let wanted = |line: &&str| !line.contains(" INFO ") && !line.starts_with('\t');
        let all = self
            .stderr
            .lines()
            .chain(self.stdout.lines())
            .filter(wanted);
        let lines: Vec<&str> = all.collect();
        lines[lines.len().saturating_sub(4)..].join(" | ")
    }
}

/// A program that runs.
pub(crate) struct Running {
    name: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Running {
    /// Starts a program with empty standard input.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Result<Self> {
        Self::start_with::<&str>(program, arguments, &[])
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_with<S: AsRef<OsStr>>(
        program: &str,
        arguments: &[&str],
        variables: &[(S, S)],
    ) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        Ok(Self {
            name: program.to_owned(),
            stdout: Output::of(child.stdout.take()),
            stderr: Output::of(child.stderr.take()),
            child,
        })
    }

    /// Waits until `condition` holds of what was written to standard output so far.
    pub(crate) fn wait_for(
        &mut self,
        limit: Duration,
        mut condition: impl FnMut(&str) -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait()?.is_some();
            if condition(&self.stdout.text()) {
                return Ok(());
            }
            if ended {
                bail!("{} ended too early: {}", self.name, self.stderr.tail());
            }
            if start.elapsed() > limit {
                bail!("{} is not that far after {} s", self.name, limit.as_secs());
            }
            thread::sleep(POLL);
        }
    }

    /// Sends a signal by name, e.g. `INT`.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let target = self.child.id().to_string();
        let arguments = ["kill", &format!("-{signal}"), &target];
        let status = Command::new("busybox")
            .args(arguments)
            .status()
            .context("busybox kill")?;
        anyhow::ensure!(status.success(), "kill -{signal} {target}: {status}");
        Ok(())
    }

    /// Waits for the end; after `limit` the program is asked to end, then killed.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Ended> {
        let status = self.wait(limit)?;
        if status.is_none() {
            self.signal("INT")?;
            if self.wait(GRACE)?.is_none() {
                self.child.kill()?;
                self.child.wait()?;
            }
        }
        Ok(Ended {
            stdout: self.stdout.end(),
            stderr: self.stderr.end(),
            status,
        })
    }

    fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if start.elapsed() > limit {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str], limit: Duration) -> Result<Ended> {
    Running::start(program, arguments)?.finish(limit)
}

/// Runs a program that must succeed; its standard output.
pub(crate) fn output(program: &str, arguments: &[&str], limit: Duration) -> Result<String> {
    let ended = run(program, arguments, limit)?;
    if !ended.success() {
        bail!(
            "{program} {}: {:?}: {}",
            arguments.join(" "),
            ended.status,
            ended.last_words()
        );
    }
    Ok(ended.stdout)
}

/// Processes with this name.
pub(crate) fn processes(name: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
        })
        .collect()
}

/// One output of a program, read by a thread.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let reader = pipe.map(|mut pipe| {
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                    let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes.extend_from_slice(&chunk[..length]);
                }
            })
        });
        Self { bytes, reader }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn tail(&self) -> String {
        self.text().lines().last().unwrap_or_default().to_owned()
    }

    fn end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.text()
    }
}

impl Drop for Running {
    /// A test that fails half-way leaves no program that holds a camera.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
