//! The host's side of the agent in the guest: programs, files, the way down.

use super::MachineError;
use super::console::Console;
use super::link::{BOOT, Link};
use super::process::Process;
use super::wait::{Deadline, Stop};
use bayonet_guest::wire::{CHUNK, Channel, Event, Frame, PROTOCOL, Request};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Component, Path};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// How a program in the guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl ExitStatus {
    /// Whether the program ended with status 0.
    pub const fn success(self) -> bool {
        matches!(self, Self::Code(0))
    }

    /// The status a shell would report: 128 and the signal's number where one ended the program.
    pub const fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// A program to run in the guest.
#[derive(Clone, Debug, Default)]
pub struct Program {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    cwd: Option<String>,
    stdin: Vec<u8>,
}

impl Program {
    /// A program, searched for in the guest's `PATH`, and its arguments.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it in this directory instead of `/`.
    #[must_use]
    pub fn current_dir(mut self, directory: &str) -> Self {
        self.cwd = Some(directory.to_owned());
        self
    }

    /// Gives it these bytes as standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }
}

/// Everything a program said, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// The agent of a running machine; cheap to clone, usable from several threads.
#[derive(Clone)]
pub struct Agent {
    link: Arc<Link>,
}

impl Agent {
    /// Takes up the connection that QEMU made; returns when the guest is up.
    pub(crate) fn connect(
        stream: UnixStream,
        process: Arc<Process>,
        console: Console,
        stop: Stop,
        deadline: Deadline,
    ) -> Result<Self, MachineError> {
        let (link, boot) = Link::open(stream, process, console, stop)?;
        let agent = Self { link };
        match agent.link.receive(&boot, deadline, "the guest starts")? {
            Frame::Event(Event::Ready {
                protocol: PROTOCOL,
                kernel,
            }) => {
                log::info!("the guest is up, Linux {kernel}");
                agent.link.forget(BOOT);
                Ok(agent)
            }
            Frame::Event(Event::Ready { protocol, .. }) => Err(MachineError::Protocol(format!(
                "it speaks version {protocol}, this program version {PROTOCOL}"
            ))),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a program; its output waits in the [`Job`].
    ///
    /// # Errors
    /// When the guest is gone.
    pub fn start(&self, program: &Program) -> Result<Job, MachineError> {
        let name = program.argv.first().map_or("", String::as_str);
        let job = self.job(format!("running {name} in the guest"));
        self.link.send(&Frame::Request(Request::Exec {
            job: job.number,
            argv: program.argv.clone(),
            env: program.env.clone(),
            cwd: program.cwd.clone(),
            stdin: !program.stdin.is_empty(),
        }))?;
        if !program.stdin.is_empty() {
            job.send_data(Channel::Stdin, &mut &program.stdin[..], "standard input")?;
        }
        Ok(job)
    }

    /// Runs a program to its end and hands its output on as it comes.
    ///
    /// # Errors
    /// When the program cannot be run, or has not ended by the deadline; it is killed then.
    pub fn exec(
        &self,
        program: &Program,
        deadline: Deadline,
        mut output: impl FnMut(Channel, &[u8]),
    ) -> Result<ExitStatus, MachineError> {
        let job = self.start(program)?;
        loop {
            match job.next(deadline) {
                Ok(Progress::Output(channel, bytes)) => output(channel, &bytes),
                Ok(Progress::Ended(status)) => return Ok(status),
                Err(error) => {
                    if matches!(error, MachineError::TimedOut { .. }) {
                        job.signal(nix::sys::signal::Signal::SIGKILL as i32)?;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Runs a program to its end and collects its output.
    ///
    /// # Errors
    /// As [`Self::exec`].
    pub fn output(&self, program: &Program, deadline: Deadline) -> Result<Output, MachineError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.exec(program, deadline, |channel, bytes| match channel {
            Channel::Stderr => stderr.extend(bytes),
            _ => stdout.extend(bytes),
        })?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Copies a file of the host into the guest, with its permission bits; missing directories are made.
    ///
    /// # Errors
    /// When the file cannot be read, or not written in the guest.
    pub fn copy_in(
        &self,
        host: &Path,
        guest: &str,
        deadline: Deadline,
    ) -> Result<(), MachineError> {
        let what = || format!("reading {}", host.display());
        let mut file = File::open(host).map_err(MachineError::host(what()))?;
        let metadata = file.metadata().map_err(MachineError::host(what()))?;
        if !metadata.is_file() {
            return Err(MachineError::Refused(format!(
                "{} is not a file; pack directories with tar to copy them in",
                host.display()
            )));
        }
        self.put(
            &mut file,
            guest,
            metadata.permissions().mode(),
            &what(),
            deadline,
        )
    }

    /// Writes `content` to a file of the guest with the given permission bits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(
        &self,
        content: &[u8],
        guest: &str,
        mode: u32,
        deadline: Deadline,
    ) -> Result<(), MachineError> {
        self.put(&mut &content[..], guest, mode, "content", deadline)
    }

    fn put(
        &self,
        content: &mut dyn Read,
        guest: &str,
        mode: u32,
        what: &str,
        deadline: Deadline,
    ) -> Result<(), MachineError> {
        let job = self.job(format!("copying to {guest} in the guest"));
        let path = guest.to_owned();
        self.link.send(&Frame::Request(Request::Put {
            job: job.number,
            path,
            mode,
        }))?;
        job.send_data(Channel::File, content, what)?;
        match job.frame(deadline)? {
            Frame::Event(Event::Done { .. }) => Ok(()),
            Frame::Event(Event::Failed { reason, .. }) => Err(MachineError::Refused(reason)),
            other => Err(unexpected(&other)),
        }
    }

    /// Copies a file of the guest, or every file below a directory of it, to `host`, with permission bits.
    ///
    /// A file goes into `host` under its own name when that is a directory.
    ///
    /// # Errors
    /// When it cannot be read in the guest, or not written here.
    pub fn copy_out(
        &self,
        guest: &str,
        host: &Path,
        deadline: Deadline,
    ) -> Result<(), MachineError> {
        let job = self.job(format!("copying {guest} out of the guest"));
        let path = guest.to_owned();
        self.link.send(&Frame::Request(Request::Get {
            job: job.number,
            path,
        }))?;
        let mut writing: Option<(File, String)> = None;
        loop {
            match job.frame(deadline)? {
                Frame::Event(Event::File { path, mode, .. }) => {
                    let target = target_of(guest, host, &path)?;
                    let what = format!("writing {}", target.display());
                    let file = create(&target, mode).map_err(MachineError::host(what.clone()))?;
                    writing = Some((file, what));
                }
                Frame::Data {
                    channel: Channel::File,
                    bytes,
                    ..
                } => {
                    if let Some((file, what)) = &mut writing {
                        file.write_all(&bytes)
                            .map_err(MachineError::host(what.clone()))?;
                    }
                }
                Frame::Event(Event::Done { .. }) => return Ok(()),
                Frame::Event(Event::Failed { reason, .. }) => {
                    return Err(MachineError::Refused(reason));
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// Asks the guest to switch itself off.
    pub(crate) fn shutdown(&self) -> Result<(), MachineError> {
        self.link.send(&Frame::Request(Request::Shutdown))
    }

    fn job(&self, what: String) -> Job {
        let (number, frames) = self.link.new_job();
        Job {
            link: Arc::clone(&self.link),
            number,
            frames,
            what,
        }
    }
}

/// A program that runs in the guest. Dropping it lets the program run on unheard.
pub struct Job {
    link: Arc<Link>,
    number: u32,
    frames: Receiver<Frame>,
    what: String,
}

/// What a running program did next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It wrote something.
    Output(Channel, Vec<u8>),
    /// It ended.
    Ended(ExitStatus),
}

impl Job {
    /// Waits for output or the end.
    ///
    /// # Errors
    /// When the program could not be run, the guest is gone, or the deadline passed (the program runs on).
    pub fn next(&self, deadline: Deadline) -> Result<Progress, MachineError> {
        match self.frame(deadline)? {
            Frame::Data { channel, bytes, .. } => Ok(Progress::Output(channel, bytes)),
            Frame::Event(Event::Exited { code, .. }) => Ok(Progress::Ended(ExitStatus::Code(code))),
            Frame::Event(Event::Killed { signal, .. }) => {
                Ok(Progress::Ended(ExitStatus::Signal(signal)))
            }
            Frame::Event(Event::Failed { reason, .. }) => Err(MachineError::Refused(reason)),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends a signal (its Linux number) to the program and what it started.
    ///
    /// # Errors
    /// When the guest is gone.
    pub fn signal(&self, signal: i32) -> Result<(), MachineError> {
        self.link.send(&Frame::Request(Request::Signal {
            job: self.number,
            signal,
        }))
    }

    fn frame(&self, deadline: Deadline) -> Result<Frame, MachineError> {
        self.link.receive(&self.frames, deadline, &self.what)
    }

    /// Sends `content` and the empty chunk that ends it.
    fn send_data(
        &self,
        channel: Channel,
        content: &mut dyn Read,
        what: &str,
    ) -> Result<(), MachineError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = content.read(&mut chunk).map_err(MachineError::host(what))?;
            let bytes = chunk[..length].to_vec();
            self.link.send(&Frame::Data {
                job: self.number,
                channel,
                bytes,
            })?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.link.forget(self.number);
    }
}

fn unexpected(frame: &Frame) -> MachineError {
    MachineError::Protocol(format!("unexpected frame {frame:?}"))
}

/// Where a file below `guest` belongs below `host`. The guest is not trusted to name it.
fn target_of(guest: &str, host: &Path, below: &str) -> Result<std::path::PathBuf, MachineError> {
    if below.is_empty() {
        return Ok(match Path::new(guest).file_name() {
            Some(name) if host.is_dir() => host.join(name),
            _ => host.to_owned(),
        });
    }
    let plain = |component| matches!(component, Component::Normal(_));
    if Path::new(below).components().all(plain) {
        return Ok(host.join(below));
    }
    Err(MachineError::Protocol(format!(
        "it sent a file with the path {below:?}"
    )))
}

fn create(target: &Path, mode: u32) -> std::io::Result<File> {
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let file = File::create(target)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_cannot_write_outside_the_target() {
        let host = Path::new("/nowhere/out");
        assert_eq!(target_of("/tmp/a", host, "").unwrap(), host);
        assert_eq!(target_of("/tmp", host, "x/y").unwrap(), host.join("x/y"));
        for escape in ["../x", "/etc/passwd", "x/../../y"] {
            assert!(target_of("/tmp", host, escape).is_err(), "{escape}");
        }
        let directory = tempfile::tempdir().unwrap();
        let inside = target_of("/tmp/a.raw", directory.path(), "").unwrap();
        assert_eq!(inside, directory.path().join("a.raw"));
    }
}
