//! The loop that owns the camera.

use super::confine;
use super::controls;
use super::link::{NobodyReads, Reporter, end_within, read_orders};
use super::still::Wanted;
use super::stream::Configured;
use super::tags::Shot;
use crate::report::{Frame, Values};
use crate::wire::{News, Order, StreamRequest};
use libcamera::camera::ActiveCamera;
use libcamera::camera_manager::CameraManager;
use libcamera::control::ControlList;
use libcamera::request::{Request, RequestStatus, ReuseFlag};
use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

/// Time that an orderly end may take.
const END_LIMIT: Duration = Duration::from_secs(1);

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be confined.
    #[error("the camera's process cannot be confined: {0}")]
    Confine(#[from] confine::Error),
    /// The camera is not there.
    #[error("libcamera finds no camera {id}; it finds {found}")]
    NoCamera {
        /// The camera.
        id: String,
        /// What is there.
        found: String,
    },
    /// Another application has the camera.
    #[error("another application has the camera: end it, and the camera can be used")]
    Busy,
    /// The kernel takes the camera for one that streams already.
    #[error(
        "the sensor went away while it streamed, and its drivers did not notice: they must be bound anew"
    )]
    Stuck,
    /// A call of libcamera failed.
    #[error("libcamera cannot {action}: {reason}")]
    Call {
        /// What was tried.
        action: &'static str,
        /// Its error.
        reason: io::Error,
    },
    /// Memory of a frame cannot be mapped.
    #[error("a frame cannot be mapped: {0}")]
    Map(String),
    /// libcamera has no processed stream for this camera.
    #[error("libcamera offers no processed stream of this camera")]
    NoStream,
    /// libcamera has no format that can be encoded.
    #[error("libcamera offers no picture format that can be encoded (NV12, YUV420 or RGB)")]
    NoFormat,
    /// libcamera made no request.
    #[error("libcamera makes no request")]
    NoRequest,
    /// libcamera gave frames back unfilled.
    #[error("the camera stopped sending frames: is its sensor still there?")]
    Cancelled,
    /// A thread could not be started.
    #[error("no thread can be started: {0}")]
    Thread(io::Error),
    /// `bayonetd` is gone.
    #[error(transparent)]
    NobodyReads(#[from] NobodyReads),
}

impl Error {
    pub(super) fn call(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::Call { action, reason }
    }
}

/// Owns a camera until the orders from `bayonetd` end, and tells what goes on.
///
/// # Errors
/// [`Error`]: why the process ends before it was told to. It is told in the news as well.
pub fn serve(confined: Result<(), confine::Error>, id: &str) -> Result<(), Error> {
    let reporter = Reporter::start(io::stdout()).map_err(Error::Thread)?;
    let served = match confined {
        Ok(()) => own(id, &reporter),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = &served {
        end_within(END_LIMIT);
        let failed = News::Failed {
            reason: error.to_string(),
            stuck: matches!(error, Error::Stuck),
        };
        // Where nobody reads, the log has it.
        let _ = reporter.tell(failed);
    }
    reporter.finish();
    served
}

fn own(id: &str, reporter: &Reporter) -> Result<(), Error> {
    let (sender, messages) = channel();
    let orders = sender.clone();
    let reader = thread::Builder::new().name("orders".into());
    let reader = reader.spawn(move || {
        read_orders(io::stdin().lock(), |order| {
            orders.send(Message::Order(order)).is_ok()
        });
        // The loop may be inside libcamera and never hear of it.
        end_within(END_LIMIT);
        let _ = orders.send(Message::End);
    });
    reader.map_err(Error::Thread)?;
    let manager = CameraManager::new().map_err(Error::call("look for cameras"))?;
    let Some(camera) = manager.get(id) else {
        let cameras = manager.cameras();
        let found: Vec<String> = cameras.iter().map(|it| it.id().to_owned()).collect();
        return Err(Error::NoCamera {
            id: id.to_owned(),
            found: if found.is_empty() {
                "none".to_owned()
            } else {
                found.join(", ")
            },
        });
    };
    let capabilities = controls::capabilities(&camera);
    let model = capabilities.model.clone();
    let mut camera = camera.acquire().map_err(|error| match errno(&error) {
        Errno::EBUSY => Error::Busy,
        _ => Error::call("acquire the camera")(error),
    })?;
    reporter.tell(News::Ready {
        libcamera: manager.version().to_owned(),
        id: id.to_owned(),
        capabilities,
    })?;
    let completed = sender.clone();
    camera.on_request_completed(move |request| {
        // Without a loop to take it, the request goes.
        let _ = completed.send(Message::Completed(request));
    });
    let mut owner = Owner {
        camera,
        model,
        reporter,
        sender,
        stream: None,
        controls: Values::new(),
        stills: VecDeque::new(),
        encoder: None,
    };
    let ended = owner.work(&messages);
    let stopped = owner.stop();
    // Requests hold buffers, which libcamera wants back before the camera goes.
    messages.try_iter().for_each(drop);
    ended.and(stopped)
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// What the loop hears.
enum Message {
    Order(Order),
    /// No more orders will come.
    End,
    /// libcamera is done with a request.
    Completed(Request),
    /// A picture was encoded, or could not be.
    Encoded {
        id: u64,
        frame: Frame,
        file: Result<Vec<u8>, String>,
        request: Request,
    },
}

struct Owner<'m, 'r> {
    camera: ActiveCamera<'m>,
    model: String,
    reporter: &'r Reporter,
    sender: Sender<Message>,
    stream: Option<Configured>,
    /// To be set with the next request.
    controls: Values,
    /// Pictures whose frame has not come yet.
    stills: VecDeque<Wanted>,
    /// Makes a picture; one at a time, so that buffers are left for the stream.
    encoder: Option<JoinHandle<()>>,
}

impl Owner<'_, '_> {
    fn work(&mut self, messages: &Receiver<Message>) -> Result<(), Error> {
        for message in messages {
            match message {
                Message::Order(Order::Start { request, controls }) => {
                    self.start(&request, &controls)?;
                }
                Message::Order(Order::Controls { values }) => self.controls.extend(values),
                Message::Order(Order::Still {
                    id,
                    encoding,
                    not_before_ns,
                    lens,
                }) => self.stills.push_back(Wanted {
                    id,
                    encoding,
                    lens,
                    not_before_ns,
                    passed: 0,
                }),
                Message::Order(Order::Stop) | Message::End => break,
                Message::Completed(request) => self.complete(request)?,
                Message::Encoded {
                    id,
                    frame,
                    file,
                    request,
                } => {
                    self.encoder = None;
                    self.queue(request)?;
                    self.tell_picture(id, frame, file)?;
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, request: &StreamRequest, controls: &Values) -> Result<(), Error> {
        if self.stream.is_some() {
            log::warn!("the camera streams already; an order to start is ignored");
            return Ok(());
        }
        let (stream, requests) = Configured::new(&mut self.camera, request)?;
        let mut list = ControlList::new();
        controls::set(&mut list, controls, &self.camera);
        self.camera
            .start(Some(&list))
            .map_err(|error| match errno(&error) {
                Errno::EALREADY => Error::Stuck,
                _ => Error::call("start the camera")(error),
            })?;
        self.stream = Some(stream);
        for request in requests {
            self.enqueue(request)?;
        }
        let stream = stream.description();
        Ok(self.reporter.tell(News::Started { stream })?)
    }

    fn complete(&mut self, request: Request) -> Result<(), Error> {
        if request.status() != RequestStatus::Complete {
            return Err(Error::Cancelled);
        }
        let Some(stream) = self.stream else {
            return Ok(());
        };
        let Some((frame, quality)) = stream.frame(&request) else {
            return self.queue(request);
        };
        let wanted = (self.encoder.is_none())
            .then(|| {
                let takes = |it: &mut Wanted| it.takes(frame.timestamp_ns, quality);
                let place = self.stills.iter_mut().position(takes)?;
                self.stills.remove(place)
            })
            .flatten();
        self.reporter.tell(News::Frame(frame.clone()))?;
        match wanted {
            Some(wanted) => self.encode(stream, wanted, frame, request),
            None => self.queue(request),
        }
    }

    /// Makes a picture in a thread of its own, which keeps the request and its buffer until it is done.
    fn encode(
        &mut self,
        stream: Configured,
        wanted: Wanted,
        frame: Frame,
        request: Request,
    ) -> Result<(), Error> {
        let sender = self.sender.clone();
        let shot = self.shot(&frame, wanted.lens);
        let work = move || {
            let encode = AssertUnwindSafe(|| stream.encode(&request, wanted.encoding, &shot));
            let file = catch_unwind(encode).unwrap_or_else(|_| Err("the encoder panicked".into()));
            // The loop hears it, or has ended.
            let _ = sender.send(Message::Encoded {
                id: wanted.id,
                frame,
                file,
                request,
            });
        };
        let thread = thread::Builder::new().name("encoder".into()).spawn(work);
        self.encoder = Some(thread.map_err(Error::Thread)?);
        Ok(())
    }

    fn shot(&self, frame: &Frame, lens: Option<crate::wire::LensTags>) -> Shot {
        let number = |name| frame.metadata.get(name).and_then(serde_json::Value::as_f64);
        let gain = number("AnalogueGain");
        Shot {
            model: self.model.clone(),
            taken: wall_clock(frame.timestamp_ns),
            exposure: number("ExposureTime").map(|microseconds| microseconds as u32),
            gain: gain.map(|analogue| analogue * number("DigitalGain").unwrap_or(1.0)),
            lens,
        }
    }

    fn tell_picture(
        &self,
        id: u64,
        frame: Frame,
        file: Result<Vec<u8>, String>,
    ) -> Result<(), NobodyReads> {
        match file {
            Ok(file) => {
                let bytes = file.len() as u64;
                self.reporter
                    .tell_with(News::Still { id, bytes, frame }, file)
            }
            Err(reason) => self.reporter.tell(News::StillFailed { id, reason }),
        }
    }

    /// Hands a request back to libcamera, to be filled again.
    fn queue(&mut self, mut request: Request) -> Result<(), Error> {
        request.reuse(ReuseFlag::REUSE_BUFFERS);
        self.enqueue(request)
    }

    fn enqueue(&mut self, mut request: Request) -> Result<(), Error> {
        let controls = std::mem::take(&mut self.controls);
        controls::set(request.controls_mut(), &controls, &self.camera);
        let queued = self.camera.queue_request(request);
        queued.map_err(|(_, error)| Error::call("queue a request")(error))
    }

    fn stop(&mut self) -> Result<(), Error> {
        if self.stream.take().is_some() {
            self.camera.stop().map_err(Error::call("stop the camera"))?;
        }
        if let Some(encoder) = self.encoder.take()
            && encoder.join().is_err()
        {
            log::error!("the encoder's thread panicked");
        }
        Ok(())
    }
}

/// The wall clock's time at a time of `CLOCK_BOOTTIME`.
fn wall_clock(timestamp_ns: u64) -> SystemTime {
    let now = SystemTime::now();
    match clock_gettime(ClockId::CLOCK_BOOTTIME) {
        Ok(boot) => {
            let ago = Duration::from(boot).saturating_sub(Duration::from_nanos(timestamp_ns));
            now.checked_sub(ago).unwrap_or(now)
        }
        Err(_) => now,
    }
}
