//! The loop that owns the camera.

use crate::controls;
use crate::encoders::{self, Encoders, Job};
use crate::stream::Configured;
use bayonet_daemon::camera::confine;
use bayonet_daemon::camera::link::{NobodyReads, Reporter, end_within, read_orders};
use bayonet_daemon::camera::negative::Facts;
use bayonet_daemon::camera::recorder::Recorder;
use bayonet_daemon::camera::still::{Stills, Wanted};
use bayonet_daemon::camera::tags::Shot;
use bayonet_daemon::report::{Frame, Values};
use bayonet_daemon::wire::{Compression, Encoding, LensTags, News, Order, Place, StreamRequest};
use libcamera::camera::ActiveCamera;
use libcamera::camera_manager::CameraManager;
use libcamera::control::ControlList;
use libcamera::request::{Request, RequestStatus, ReuseFlag};
use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

/// Time that an orderly end may take.
const END_LIMIT: Duration = Duration::from_secs(1);

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
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
    /// The kernel has no memory left that a camera can write to.
    #[error(
        "libcamera cannot {action}: the kernel has too little contiguous memory for these buffers; take smaller pictures \
         or one camera at a time, or boot with more of it (cma=)"
    )]
    Memory {
        /// What was tried.
        action: &'static str,
    },
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
    /// libcamera has no raw stream for this camera.
    #[error("libcamera offers no raw stream of this camera beside the processed one")]
    NoRawStream,
    /// Raw frames have a format that is not known here.
    #[error("raw frames in the format {0} cannot be read")]
    RawFormat(String),
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
        move |reason| match errno(&reason) {
            Errno::ENOMEM => Self::Memory { action },
            _ => Self::Call { action, reason },
        }
    }
}

/// Owns a camera until the orders from `bayonetd` end, and tells what goes on.
///
/// # Errors
/// [`Error`]: why the process ends before it was told to. It is told in the news as well.
pub(super) fn serve(confined: Result<(), confine::Error>, id: &str) -> Result<(), Error> {
    let (sender, messages) = channel();
    let written = sender.clone();
    let give = move |file| drop(written.send(Message::Written(file)));
    let reporter = Reporter::start(io::stdout(), give).map_err(Error::Thread)?;
    let served = match confined {
        Ok(()) => own(id, &reporter, sender, &messages),
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

fn own(
    id: &str,
    reporter: &Reporter,
    sender: Sender<Message>,
    messages: &Receiver<Message>,
) -> Result<(), Error> {
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
    let facts = Facts::of(&capabilities);
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
        facts,
        reporter,
        sender,
        stream: None,
        controls: Values::new(),
        stills: Stills::default(),
        encoder: None,
        view: None,
        viewer: None,
        recording: None,
        lens: None,
    };
    let ended = owner.work(messages);
    let stopped = owner.stop();
    // Requests hold buffers, which libcamera wants back before the camera goes.
    messages.try_iter().for_each(drop);
    ended.and(stopped)
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

/// What the loop hears.
pub(super) enum Message {
    Order(Order),
    /// No more orders will come.
    End,
    /// libcamera is done with a request.
    Completed(Request),
    /// A picture was encoded, or could not be.
    Encoded {
        id: u64,
        frame: Frame,
        files: Result<Files, String>,
        request: Request,
    },
    /// A frame to be looked at was encoded, or could not be.
    Shown {
        frame: Frame,
        jpeg: Result<Vec<u8>, String>,
        request: Request,
    },
    /// A raw frame was written as a file, or could not be.
    Recorded {
        number: u32,
        file: Result<Vec<u8>, String>,
        frame: Frame,
        wanted: Option<Wanted>,
        request: Request,
    },
    /// A recorded frame's file was told; this is its memory.
    Written(Vec<u8>),
}

/// A picture, and its DNG where one was wanted.
pub(super) struct Files {
    picture: Vec<u8>,
    raw: Vec<u8>,
}

struct Owner<'m, 'r> {
    camera: ActiveCamera<'m>,
    /// Of the present mode.
    facts: Facts,
    reporter: &'r Reporter,
    sender: Sender<Message>,
    stream: Option<Configured>,
    /// To be set with the next request.
    controls: Values,
    stills: Stills,
    encoder: Option<JoinHandle<()>>,
    /// The quality in which a frame is to be shown, if one is.
    view: Option<u8>,
    /// Encodes the frame that is shown.
    viewer: Option<JoinHandle<()>>,
    recording: Option<Recording>,
    lens: Option<Arc<LensTags>>,
}

/// A recording under way.
struct Recording {
    recorder: Recorder,
    encoders: Encoders,
    place: Option<Place>,
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
                    raw,
                    place,
                    not_before_ns,
                }) => self.stills.order(Wanted {
                    id,
                    encoding,
                    raw,
                    place,
                    not_before_ns,
                    passed: 0,
                }),
                Message::Order(Order::View { quality }) => self.view = Some(quality),
                Message::Order(Order::Lens { lens }) => self.lens = lens.map(Arc::new),
                Message::Order(Order::Record {
                    id,
                    first,
                    compression,
                    place,
                }) => self.record(id, first, compression, place)?,
                Message::Order(Order::EndRecord { id }) => {
                    let recording = self.recording.as_mut();
                    if let Some(it) = recording.filter(|it| it.recorder.id() == id) {
                        it.recorder.end();
                    }
                    self.tell_recorded()?;
                }
                Message::Order(Order::Stop) | Message::End => break,
                Message::Completed(request) => self.complete(request)?,
                Message::Encoded {
                    id,
                    frame,
                    files,
                    request,
                } => {
                    self.encoder = None;
                    self.stills.made();
                    self.queue(request)?;
                    self.tell_picture(id, frame, files)?;
                }
                Message::Shown {
                    frame,
                    jpeg,
                    request,
                } => {
                    self.viewer = None;
                    self.queue(request)?;
                    self.tell_view(frame, jpeg)?;
                }
                Message::Recorded {
                    number,
                    file,
                    frame,
                    wanted,
                    request,
                } => {
                    if let Some(it) = &mut self.recording {
                        it.recorder.encoded(number, &frame, file);
                    }
                    self.tell_recorded()?;
                    self.pass_on(wanted, frame, request)?;
                }
                Message::Written(file) => {
                    if let Some(it) = &mut self.recording {
                        it.recorder.written(file);
                    }
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
        self.facts = Facts::of(&controls::capabilities(&self.camera));
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
        let wanted = self.stills.frame(&frame, quality);
        self.reporter.tell(News::Frame(frame.clone()))?;
        let shot = (self.recording.as_ref()).map(|it| self.shot(&frame, it.place));
        if let (Some(it), Some(shot)) = (&mut self.recording, shot) {
            if let Some((number, file)) = it.recorder.take(&frame) {
                it.encoders.give(Job {
                    number,
                    file,
                    frame,
                    shot,
                    wanted,
                    request,
                });
                return Ok(());
            }
            self.tell_recorded()?;
        }
        self.pass_on(wanted, frame, request)
    }

    /// Makes the picture that is wanted of a frame, or shows it, or hands it back.
    fn pass_on(
        &mut self,
        wanted: Option<Wanted>,
        frame: Frame,
        request: Request,
    ) -> Result<(), Error> {
        match (wanted, self.stream) {
            (Some(wanted), Some(stream)) => self.encode(stream, wanted, frame, request),
            (None, Some(stream)) if self.viewer.is_none() => match self.view.take() {
                Some(quality) => self.show(stream, quality, frame, request),
                None => self.queue(request),
            },
            _ => self.queue(request),
        }
    }

    fn record(
        &mut self,
        id: u64,
        first: u32,
        compression: Compression,
        place: Option<Place>,
    ) -> Result<(), Error> {
        let kind = self.stream.and_then(|stream| stream.raw_description());
        let (Some(stream), Some(kind), None) = (self.stream, kind, &self.recording) else {
            let reason = "it streams without raw frames, or records already".to_owned();
            return Ok(self.reporter.tell(News::RecordFailed { id, reason })?);
        };
        self.recording = Some(Recording {
            recorder: Recorder::new(id, first, Encoders::count(), kind),
            encoders: Encoders::start(stream, &self.facts, compression, &self.sender)?,
            place,
        });
        self.tell_recorded()
    }

    /// Tells of recorded frames what can be told, and ends a recording of which everything was.
    fn tell_recorded(&mut self) -> Result<(), Error> {
        let Some(it) = &mut self.recording else {
            return Ok(());
        };
        while let Some((news, file)) = it.recorder.news() {
            self.reporter.tell_with(news, file.unwrap_or_default())?;
        }
        if it.recorder.is_over()
            && let Some(it) = self.recording.take()
        {
            it.encoders.finish();
        }
        Ok(())
    }

    /// Makes a picture in a thread of its own, which keeps the request and its buffer until it is done.
    fn encode(
        &mut self,
        stream: Configured,
        wanted: Wanted,
        frame: Frame,
        request: Request,
    ) -> Result<(), Error> {
        let shot = self.shot(&frame, wanted.place);
        let facts = self.facts.clone();
        let work = move |request: &Request, frame: &Frame| {
            let picture = stream.encode(request, wanted.encoding, &shot)?;
            let raw = match wanted.raw {
                Some(compression) => {
                    stream.dng(request, &facts, compression, &shot, &frame.metadata)?
                }
                None => Vec::new(),
            };
            Ok(Files { picture, raw })
        };
        let done = move |files, frame, request| Message::Encoded {
            id: wanted.id,
            frame,
            files,
            request,
        };
        self.encoder = Some(encoders::once(&self.sender, frame, request, work, done)?);
        Ok(())
    }

    /// Makes a JPEG to be looked at, likewise.
    fn show(
        &mut self,
        stream: Configured,
        quality: u8,
        frame: Frame,
        request: Request,
    ) -> Result<(), Error> {
        let shot = self.shot(&frame, None);
        let encoding = Encoding::Jpeg { quality };
        let work = move |request: &Request, _: &Frame| stream.encode(request, encoding, &shot);
        let done = |jpeg, frame, request| Message::Shown {
            jpeg,
            frame,
            request,
        };
        self.viewer = Some(encoders::once(&self.sender, frame, request, work, done)?);
        Ok(())
    }

    fn tell_view(&self, frame: Frame, jpeg: Result<Vec<u8>, String>) -> Result<(), NobodyReads> {
        match jpeg {
            Ok(jpeg) => {
                let bytes = jpeg.len() as u64;
                self.reporter.tell_with(News::View { bytes, frame }, jpeg)
            }
            Err(reason) => self.reporter.tell(News::ViewFailed { reason }),
        }
    }

    fn shot(&self, frame: &Frame, place: Option<Place>) -> Shot {
        let number = |name| frame.metadata.get(name).and_then(serde_json::Value::as_f64);
        let gain = number("AnalogueGain");
        Shot {
            model: self.facts.model.clone(),
            taken: wall_clock(frame.timestamp_ns),
            exposure: number("ExposureTime").map(|microseconds| microseconds as u32),
            gain: gain.map(|analogue| analogue * number("DigitalGain").unwrap_or(1.0)),
            lens: self.lens.clone(),
            place,
        }
    }

    fn tell_picture(
        &self,
        id: u64,
        frame: Frame,
        files: Result<Files, String>,
    ) -> Result<(), NobodyReads> {
        match files {
            Ok(Files { mut picture, raw }) => {
                let news = News::Still {
                    id,
                    bytes: picture.len() as u64,
                    raw_bytes: raw.len() as u64,
                    frame,
                };
                picture.extend(raw);
                self.reporter.tell_with(news, picture)
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
        if let Some(it) = self.recording.take() {
            it.encoders.finish();
        }
        for thread in [self.encoder.take(), self.viewer.take()] {
            if thread.is_some_and(|thread| thread.join().is_err()) {
                log::error!("an encoder's thread panicked");
            }
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
