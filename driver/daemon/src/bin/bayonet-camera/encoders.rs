//! Threads that make files of frames: one for a single picture, several for a recording's raw frames.

use crate::owner::{Error, Message};
use crate::stream::Configured;
use bayonet_daemon::camera::negative::{Facts, Writer};
use bayonet_daemon::camera::still::Wanted;
use bayonet_daemon::camera::tags::Shot;
use bayonet_daemon::report::Frame;
use bayonet_daemon::wire::Compression;
use libcamera::request::Request;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// With more, the frames would need more buffers than the camera has.
const MOST: usize = 4;

/// A raw frame to be written; the request and its buffers are kept until that is done.
pub(super) struct Job {
    /// Of the recording.
    pub(super) number: u32,
    /// Where it is written to.
    pub(super) file: Vec<u8>,
    pub(super) frame: Frame,
    pub(super) shot: Shot,
    /// A picture that is to be made of the same frame.
    pub(super) wanted: Option<Wanted>,
    pub(super) request: Request,
}

/// Works on one frame in a thread of its own, which keeps the request and its buffers until that is done, and tells what
/// `message` makes of it.
pub(super) fn once<T>(
    done: &Sender<Message>,
    frame: Frame,
    request: Request,
    work: impl FnOnce(&Request, &Frame) -> Result<T, String> + Send + 'static,
    message: impl FnOnce(Result<T, String>, Frame, Request) -> Message + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let done = done.clone();
    let thread = thread::Builder::new().name("encoder".into());
    let thread = thread.spawn(move || {
        let made = guarded(|| work(&request, &frame));
        // The loop hears it, or has ended.
        let _ = done.send(message(made, frame, request));
    });
    thread.map_err(Error::Thread)
}

/// The threads of a recording; they end with it.
pub(super) struct Encoders {
    jobs: SyncSender<Job>,
    threads: Vec<JoinHandle<()>>,
}

impl Encoders {
    /// How many there are: one for each processor.
    pub(super) fn count() -> usize {
        let processors = thread::available_parallelism();
        processors.map_or(1, NonZero::get).min(MOST)
    }

    /// Starts them; whatever they have done goes to `done`.
    pub(super) fn start(
        stream: Configured,
        facts: &Facts,
        compression: Compression,
        done: &Sender<Message>,
    ) -> Result<Self, Error> {
        let (jobs, queue) = sync_channel(Self::count());
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for _ in 0..Self::count() {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            let writer = Writer::new(facts.clone(), compression);
            let thread = thread::Builder::new().name("recorder".into());
            let thread = thread.spawn(move || work(stream, writer, &queue, &done));
            threads.push(thread.map_err(Error::Thread)?);
        }
        Ok(Self { jobs, threads })
    }

    /// Gives a job; one of the threads has nothing to do.
    pub(super) fn give(&self, job: Job) {
        // They live as long as this.
        let _ = self.jobs.send(job);
    }

    /// Waits until everything given is done.
    pub(super) fn finish(self) {
        drop(self.jobs);
        for thread in self.threads {
            if thread.join().is_err() {
                log::error!("a thread that writes raw frames panicked");
            }
        }
    }
}

fn work(
    stream: Configured,
    mut writer: Writer,
    queue: &Mutex<Receiver<Job>>,
    done: &Sender<Message>,
) {
    let mut samples = Vec::new();
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(mut job) = job else { return };
        let written = guarded(|| {
            let frame = stream.raw_frame(&job.request, &mut samples)?;
            writer.write(&frame, &job.shot, &job.frame.metadata, &mut job.file)
        });
        let recorded = Message::Recorded {
            number: job.number,
            file: written.map(|()| job.file),
            frame: job.frame,
            wanted: job.wanted,
            request: job.request,
        };
        if done.send(recorded).is_err() {
            return;
        }
    }
}

/// What an encoder makes; a panic of it is an error like others.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let made = catch_unwind(AssertUnwindSafe(work));
    made.unwrap_or_else(|_| Err("the encoder panicked".into()))
}
