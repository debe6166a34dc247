//! A program run for the host: pipes to frames, frames to pipes, its end to an event.

use crate::agent::Port;
use bayonet_guest::wire::{CHUNK, Channel, Event};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// How long output is still collected after a program ended: a daemon it left behind may hold the pipes.
const DRAIN: Duration = Duration::from_secs(1);

/// What to run.
pub(crate) struct Program {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: Option<String>,
    pub(crate) stdin: bool,
}

/// A running program.
pub(crate) struct Running {
    group: Pid,
    stdin: Option<Sender<Vec<u8>>>,
}

impl Running {
    /// Starts `program` and the threads that carry its data; `ended` runs before its end is reported.
    ///
    /// # Errors
    /// A sentence that says what could not be started.
    pub(crate) fn start(
        job: u32,
        program: &Program,
        port: &Port,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Self, String> {
        let Some((name, arguments)) = program.argv.split_first() else {
            return Err("no program was named".into());
        };
        let mut child = Command::new(name)
            .args(arguments)
            .envs(program.env.iter().cloned())
            .current_dir(program.cwd.as_deref().unwrap_or("/"))
            .stdin(if program.stdin {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot run {name:?} in the guest: {error}"))?;
        let group = Pid::from_raw(child.id().cast_signed());
        let stdin = child.stdin.take().map(feed);
        let port = port.clone();
        thread::spawn(move || {
            let status = carry(job, &mut child, &port);
            ended();
            port.event(&end_of(job, status));
        });
        Ok(Self { group, stdin })
    }

    /// Hands bytes to standard input; none close it.
    pub(crate) fn input(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            self.stdin = None;
        } else if let Some(stdin) = &self.stdin {
            // A program that closed its input does not want the rest.
            let _ = stdin.send(bytes);
        }
    }

    /// Signals the whole process group; one that is gone already is no error.
    pub(crate) fn signal(&self, signal: i32) {
        if let Ok(signal) = Signal::try_from(signal) {
            let _ = killpg(self.group, signal);
        }
    }
}

/// Writes to a pipe from a thread, so that a program that does not read never stops the agent.
fn feed(mut pipe: impl Write + Send + 'static) -> Sender<Vec<u8>> {
    let (sender, receiver) = channel::<Vec<u8>>();
    thread::spawn(move || {
        for bytes in receiver {
            if pipe.write_all(&bytes).is_err() {
                break;
            }
        }
    });
    sender
}

fn carry(job: u32, child: &mut Child, port: &Port) -> std::io::Result<ExitStatus> {
    let (done, drained) = channel::<()>();
    let stdout = child
        .stdout
        .take()
        .map(|pipe| (Channel::Stdout, Box::new(pipe) as Box<dyn Read + Send>));
    let stderr = child
        .stderr
        .take()
        .map(|pipe| (Channel::Stderr, Box::new(pipe) as Box<dyn Read + Send>));
    for (channel, mut pipe) in stdout.into_iter().chain(stderr) {
        let (port, done) = (port.clone(), done.clone());
        thread::spawn(move || {
            let mut chunk = vec![0; CHUNK];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                port.data(job, channel, &chunk[..length]);
            }
            drop(done);
        });
    }
    drop(done);
    let status = child.wait();
    // Nothing is ever sent: this returns when both threads dropped their sender.
    let _ = drained.recv_timeout(DRAIN);
    status
}

fn end_of(job: u32, status: std::io::Result<ExitStatus>) -> Event {
    match status.map(|status| (status.code(), status.signal())) {
        Ok((Some(code), _)) => Event::Exited { job, code },
        Ok((None, Some(signal))) => Event::Killed { job, signal },
        Ok((None, None)) => Event::Failed {
            job,
            reason: "ended in an unknown way".into(),
        },
        Err(error) => Event::Failed {
            job,
            reason: format!("waiting for the program: {error}"),
        },
    }
}
