//! The connection to the agent: sorts frames by job, and knows why it broke.

use super::MachineError;
use super::console::Console;
use super::process::Process;
use super::wait::{Deadline, Stop};
use bayonet_guest::wire::{self, Event, Frame, FrameReader};
use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Time for QEMU to end after the agent's port closed, before the agent alone is blamed.
const END_GRACE: Duration = Duration::from_secs(2);
/// Pseudo job that carries `Ready`.
pub(crate) const BOOT: u32 = 0;

/// The connection, shared by all jobs.
pub(crate) struct Link {
    writer: Mutex<UnixStream>,
    /// Receivers of running jobs; emptied for good when the guest is gone.
    jobs: Mutex<Option<HashMap<u32, Sender<Frame>>>>,
    next: AtomicU32,
    process: Arc<Process>,
    console: Console,
    stop: Stop,
}

impl Link {
    /// Reads from `stream` on a thread from now on; the receiver gets the guest's `Ready`.
    pub(crate) fn open(
        stream: UnixStream,
        process: Arc<Process>,
        console: Console,
        stop: Stop,
    ) -> Result<(Arc<Self>, Receiver<Frame>), MachineError> {
        let reader = stream
            .try_clone()
            .map_err(MachineError::host("the agent's socket"))?;
        let link = Arc::new(Self {
            writer: Mutex::new(stream),
            jobs: Mutex::new(Some(HashMap::new())),
            next: AtomicU32::new(BOOT + 1),
            process,
            console,
            stop,
        });
        let boot = link.listen(BOOT);
        let copy = Arc::clone(&link);
        thread::spawn(move || copy.read(FrameReader::new(reader)));
        Ok((link, boot))
    }

    /// A number not used before, and what will come for it.
    pub(crate) fn new_job(&self) -> (u32, Receiver<Frame>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number, self.listen(number))
    }

    fn listen(&self, job: u32) -> Receiver<Frame> {
        let (sender, receiver) = channel();
        if let Some(jobs) = &mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            jobs.insert(job, sender);
        }
        receiver
    }

    /// Drops what still comes for a job.
    pub(crate) fn forget(&self, job: u32) {
        if let Some(jobs) = &mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            jobs.remove(&job);
        }
    }

    /// Hands frames to the jobs they belong to until the guest is gone.
    fn read(&self, mut reader: FrameReader<UnixStream>) {
        let end = loop {
            match reader.next_frame() {
                Ok(Some(frame)) => self.deliver(frame),
                Ok(None) => break "the agent's port was closed".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        log::debug!("{end}");
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn deliver(&self, frame: Frame) {
        let job = match &frame {
            Frame::Event(
                Event::Exited { job, .. }
                | Event::Killed { job, .. }
                | Event::File { job, .. }
                | Event::Done { job }
                | Event::Failed { job, .. },
            )
            | Frame::Data { job, .. } => *job,
            Frame::Event(Event::Ready { .. }) => BOOT,
            Frame::Request(_) => return log::warn!("the guest sent a request"),
        };
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = jobs.as_ref().and_then(|jobs| jobs.get(&job)) {
            // Unbounded on purpose: a job that nobody reads must not hold up the others.
            let _ = sender.send(frame);
        }
    }

    /// Sends a frame to the guest.
    pub(crate) fn send(&self, frame: &Frame) -> Result<(), MachineError> {
        let bytes = wire::encode(frame)
            .map_err(|error| MachineError::Refused(format!("too much for one request: {error}")))?;
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer
            .write_all(&bytes)
            .map_err(|_| self.gone("talking to the guest"))
    }

    /// Waits for the next frame of a job.
    pub(crate) fn receive(
        &self,
        frames: &Receiver<Frame>,
        deadline: Deadline,
        during: &str,
    ) -> Result<Frame, MachineError> {
        loop {
            match frames.recv_timeout(deadline.slice()) {
                Ok(frame) => return Ok(frame),
                Err(RecvTimeoutError::Disconnected) => return Err(self.gone(during)),
                Err(RecvTimeoutError::Timeout) if self.stop.is_raised() => {
                    return Err(MachineError::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) if deadline.has_passed() => {
                    return Err(MachineError::TimedOut {
                        during: during.to_owned(),
                        allowed: deadline.allowed(),
                        console: self.console.last_words(),
                    });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Why the guest does not answer any more.
    fn gone(&self, during: &str) -> MachineError {
        if self.stop.is_raised() {
            return MachineError::Interrupted;
        }
        let status = self.process.wait(Deadline::after(END_GRACE));
        let console = self.console.last_words();
        let during = during.to_owned();
        match status {
            Some(status) => MachineError::Ended {
                status,
                during,
                console,
            },
            None => MachineError::AgentLost { during, console },
        }
    }
}
