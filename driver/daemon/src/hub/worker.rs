//! The thread that does the slow and the dangerous: power, identity, binding and unbinding of one camera's chain.
//!
//! A bind can take a tenth of a second, or hang in a broken driver; neither may keep the event loop. Jobs are done
//! in order, one at a time, and each is answered exactly once.

use crate::report::CameraName;
use bayonet_core::mount::{Done, Identity, Job, UnbindError};
use bayonet_core::sensor;
use bayonet_kernel::Errno;
use bayonet_kernel::binding;
use bayonet_kernel::chain::Chain;
use bayonet_kernel::i2c::Adapter;
use bayonet_kernel::power::{self, Power};
use log::{debug, warn};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What became of a job of a camera.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(super) camera: CameraName,
    pub(super) done: Done,
}

/// The thread. It ends, after the job it is at, when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// Starts the thread; what it finishes goes to `finished`.
    pub(super) fn start(
        camera: CameraName,
        chain: Chain,
        finished: tokio::sync::mpsc::UnboundedSender<Finished>,
    ) -> io::Result<Self> {
        let (jobs, queue) = channel();
        thread::Builder::new()
            .name(format!("{camera} chain"))
            .stack_size(256 << 10)
            .spawn(move || work(camera, &chain, &queue, &finished))?;
        Ok(Self { jobs })
    }

    /// Queues a job.
    pub(super) fn give(&self, job: Job) {
        // The thread lives as long as this; it ends before only by a panic, which ends the program's service too.
        let _ = self.jobs.send(job);
    }
}

#[cfg(test)]
impl Worker {
    /// One that finds everything well, for a chain that is not there.
    pub(super) fn content(
        camera: CameraName,
        finished: tokio::sync::mpsc::UnboundedSender<Finished>,
    ) -> Self {
        let (jobs, queue) = channel();
        thread::spawn(move || {
            for job in queue {
                let done = match job {
                    Job::PowerUp => Done::Powered(Ok(())),
                    Job::PowerDown => Done::PoweredDown(Ok(())),
                    Job::Identify => Done::Identified(Ok(Identity::Expected)),
                    Job::Bind => Done::Bound(Ok(())),
                    Job::Unbind => Done::Unbound(Ok(())),
                };
                // The test may be over.
                let _ = finished.send(Finished { camera, done });
            }
        });
        Self { jobs }
    }
}

fn work(
    camera: CameraName,
    chain: &Chain,
    queue: &Receiver<Job>,
    finished: &tokio::sync::mpsc::UnboundedSender<Finished>,
) {
    for job in queue {
        debug!("{camera}: {job:?}");
        let done = run(chain, job);
        debug!("{camera}: {done:?}");
        if finished.send(Finished { camera, done }).is_err() {
            warn!("{camera}: {job:?} was done for nobody");
        }
    }
}

fn run(chain: &Chain, job: Job) -> Done {
    match job {
        Job::PowerUp => Done::Powered(text(power::set(&chain.sensor, Power::On))),
        Job::PowerDown => Done::PoweredDown(text(power::set(&chain.sensor, Power::Auto))),
        Job::Identify => Done::Identified(identify(chain)),
        Job::Bind => Done::Bound(text(binding::bind(chain))),
        Job::Unbind => Done::Unbound(binding::unbind(chain).map_err(|error| match error {
            held @ binding::UnbindError::Held(_) => UnbindError::Held(held.to_string()),
            binding::UnbindError::Failed(error) => UnbindError::Failed(error.to_string()),
        })),
    }
}

fn text(result: bayonet_kernel::Result<()>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
}

/// Asks the sensor who it is, and where it does not answer as expected, whether one of another type does.
fn identify(chain: &Chain) -> Result<Identity, String> {
    let Some(expected) = sensor::named(&chain.model) else {
        // Nothing is known to ask; the driver asked when it was bound.
        return Ok(Identity::Expected);
    };
    let adapter = Adapter::open(chain.i2c.adapter).map_err(|error| error.to_string())?;
    // Its supplies may have been on before: another program may be streaming.
    sensor::identify(expected, false, |address, register, buffer| {
        let value = match adapter.read(address.into(), register, buffer.len()) {
            Ok(value) => value.to_be_bytes(),
            Err(error) if matches!(error.errno(), Some(Errno::ENXIO | Errno::EREMOTEIO)) => {
                return Ok(false);
            }
            Err(error) => return Err(error.to_string()),
        };
        buffer.copy_from_slice(&value[value.len() - buffer.len()..]);
        Ok(true)
    })
}
