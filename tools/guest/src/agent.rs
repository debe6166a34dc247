//! Third stage: serves the host on the agent port.

use crate::files::{self, Incoming};
use crate::job::{Program, Running};
use crate::power;
use anyhow::{Context, Result, bail};
use bayonet_guest::wire::{
    self, AGENT_PORT, Channel, Event, Frame, FrameReader, PROTOCOL, Request,
};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const PORT_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const PORT_CLASS: &str = "/sys/class/virtio-ports";

/// The way to the host, shared by all jobs; frames never mix.
#[derive(Clone)]
pub(crate) struct Port(Arc<Mutex<File>>);

impl Port {
    /// Reports an event.
    pub(crate) fn event(&self, event: &Event) {
        self.send(&Frame::Event(event.clone()));
    }

    /// Sends data of a job.
    pub(crate) fn data(&self, job: u32, channel: Channel, bytes: &[u8]) {
        self.send(&Frame::Data {
            job,
            channel,
            bytes: bytes.to_vec(),
        });
    }

    fn send(&self, frame: &Frame) {
        let sent = wire::encode(frame)
            .map_err(std::io::Error::other)
            .and_then(|bytes| {
                self.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .write_all(&bytes)
            });
        if let Err(error) = sent {
            eprintln!("bayonet-guest: sending to the host: {error}");
        }
    }
}

type Jobs = Arc<Mutex<HashMap<u32, Running>>>;

/// Serves until the host leaves or orders the end, then switches the machine off.
pub(crate) fn run() -> Result<()> {
    let stream = open_port()?;
    let port = Port(Arc::new(Mutex::new(stream.try_clone()?)));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    port.event(&Event::Ready {
        protocol: PROTOCOL,
        kernel: kernel.trim().to_owned(),
    });
    let mut reader = FrameReader::new(stream);
    let mut agent = Agent {
        port,
        jobs: Jobs::default(),
        incoming: HashMap::new(),
    };
    let deadline = Instant::now() + PORT_TIMEOUT;
    let mut heard = false;
    loop {
        match reader.next_frame().context("reading from the host")? {
            Some(Frame::Request(Request::Shutdown)) => power::off(),
            Some(frame) => {
                heard = true;
                agent.take(frame);
            }
            // Until the driver has seen the host's end open, the port reads as ended.
            None if !heard && Instant::now() < deadline => thread::sleep(POLL),
            None => power::off(),
        }
    }
}

fn open_port() -> Result<File> {
    let start = Instant::now();
    loop {
        if let Some(device) = find_port() {
            return OpenOptions::new()
                .read(true)
                .write(true)
                .open(&device)
                .with_context(|| format!("opening {device}"));
        }
        if start.elapsed() > PORT_TIMEOUT {
            bail!("no virtio serial port named {AGENT_PORT}");
        }
        thread::sleep(POLL);
    }
}

fn find_port() -> Option<String> {
    fs::read_dir(PORT_CLASS).ok()?.flatten().find_map(|entry| {
        let name = fs::read_to_string(entry.path().join("name")).ok()?;
        (name.trim() == AGENT_PORT).then(|| format!("/dev/{}", entry.file_name().to_string_lossy()))
    })
}

struct Agent {
    port: Port,
    jobs: Jobs,
    incoming: HashMap<u32, Incoming>,
}

impl Agent {
    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Request(request) => self.request(request),
            Frame::Data {
                job,
                channel: Channel::Stdin,
                bytes,
            } => {
                if let Some(running) = lock(&self.jobs).get_mut(&job) {
                    running.input(bytes);
                }
            }
            Frame::Data {
                job,
                channel: Channel::File,
                bytes,
            } => self.file_data(job, &bytes),
            Frame::Data { .. } | Frame::Event(_) => {
                eprintln!("bayonet-guest: the host sent a frame that only guests send");
            }
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Exec {
                job,
                argv,
                env,
                cwd,
                stdin,
            } => {
                self.exec(
                    job,
                    &Program {
                        argv,
                        env,
                        cwd,
                        stdin,
                    },
                );
            }
            Request::Signal { job, signal } => {
                if let Some(running) = lock(&self.jobs).get(&job) {
                    running.signal(signal);
                }
            }
            Request::Put { job, path, mode } => {
                let incoming = Incoming::create(path, mode).unwrap_or_else(|reason| {
                    self.port.event(&Event::Failed { job, reason });
                    Incoming::nowhere()
                });
                self.incoming.insert(job, incoming);
            }
            Request::Get { job, path } => {
                let port = self.port.clone();
                thread::spawn(move || files::send(job, &path, &port));
            }
            Request::Shutdown => power::off(),
        }
    }

    fn exec(&self, job: u32, program: &Program) {
        // Held until the job is listed, so that a program that ends at once is removed after it was added.
        let mut jobs = lock(&self.jobs);
        let table = Arc::clone(&self.jobs);
        let ended = move || drop(lock(&table).remove(&job));
        match Running::start(job, program, &self.port, ended) {
            Ok(running) => drop(jobs.insert(job, running)),
            Err(reason) => self.port.event(&Event::Failed { job, reason }),
        }
    }

    fn file_data(&mut self, job: u32, bytes: &[u8]) {
        let Some(incoming) = self.incoming.get_mut(&job) else {
            return;
        };
        let (event, complete) = incoming.take(job, bytes);
        if complete {
            self.incoming.remove(&job);
        }
        if let Some(event) = event {
            self.port.event(&event);
        }
    }
}

fn lock(jobs: &Jobs) -> std::sync::MutexGuard<'_, HashMap<u32, Running>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}
