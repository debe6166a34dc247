//! The running QEMU: its end is noticed, and it never outlives its owner.

use super::MachineError;
use super::wait::{Deadline, SLICE};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::process::{
    Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio,
};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A child process and its process group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Mutex<Child>,
    group: Pid,
}

/// Its standard streams.
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl Process {
    /// Starts `command` in a process group of its own, so that a terminal's Ctrl-C reaches us alone.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(command: &mut Command) -> Result<(Self, Pipes), MachineError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(MachineError::host(format!(
                "running {:?}",
                command.get_program()
            )))?;
        let group = Pid::from_raw(child.id().cast_signed());
        let pipes = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .zip(child.stderr.take());
        let process = Self {
            child: Mutex::new(child),
            group,
        };
        let ((stdin, stdout), stderr) = pipes.ok_or_else(|| {
            MachineError::host("QEMU's pipes")(std::io::ErrorKind::BrokenPipe.into())
        })?;
        Ok((
            process,
            Pipes {
                stdin,
                stdout,
                stderr,
            },
        ))
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.child
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_wait()
            .ok()
            .flatten()
    }

    /// Waits for the end.
    pub(crate) fn wait(&self, deadline: Deadline) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if deadline.has_passed() {
                return None;
            }
            thread::sleep(deadline.slice().min(SLICE / 5));
        }
    }

    /// Ends it and everything it started, at once.
    pub(crate) fn kill(&self) {
        if self.ended().is_none() {
            let _ = killpg(self.group, Signal::SIGKILL);
            let _ = self
                .child
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `command` to its end, without input, and ends it when that takes longer than `limit`.
///
/// # Errors
/// When it cannot be started, or `TimedOut`.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> std::io::Result<Output> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let group = Pid::from_raw(child.id().cast_signed());
    let (sender, output) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    output.recv_timeout(limit).unwrap_or_else(|_| {
        let _ = killpg(group, Signal::SIGKILL);
        Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no end after {} s", limit.as_secs()),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000"]);
        let error = output_within(&mut shell, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo well; exit 3"]);
        let output = output_within(&mut shell, Duration::MAX).unwrap();
        assert_eq!(
            (output.status.code(), &output.stdout[..]),
            (Some(3), &b"well\n"[..])
        );
    }
}
