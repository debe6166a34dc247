//! One camera's IPA as libcamera sees it: commands in, replies and events out. No socket, no algorithm.
//!
//! Whatever comes in, the session goes on: a command that cannot be carried out is logged, and refused if libcamera
//! waits for a reply.

use crate::channel::Fault;
use crate::controls::{Info, List, Value};
use crate::lens_file::LensFile;
use crate::shared_memory::{self, SharedMemory};
use crate::soft::exchange::{Parameters, SensorInfo, Settings};
use crate::soft::{Refused, Soft};
use crate::wire::outbox::Outbox;
use crate::wire::v0_7::{self, Call, Command};
use crate::wire::{self, Reader};
use log::{debug, error, info, warn};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Wire(#[from] wire::Error),
    #[error(transparent)]
    Memory(#[from] shared_memory::Error),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("it came before {0}")]
    TooEarly(&'static str),
    #[error("there was an init before")]
    Again,
}

impl Error {
    fn errno(&self) -> i32 {
        match self {
            Self::Wire(wire::Error::Unknown {
                what: "command", ..
            }) => Errno::NOSYS.raw_os_error(),
            Self::Fault(_) | Self::Wire(_) => Errno::BADMSG.raw_os_error(),
            Self::Memory(shared_memory::Error::Call { errno, .. }) => errno.raw_os_error(),
            Self::Memory(_) => Errno::INVAL.raw_os_error(),
            Self::Refused(refused) => refused.errno().abs().max(1),
            Self::TooEarly(_) | Self::Again => Errno::PROTO.raw_os_error(),
        }
    }
}

/// Whether more messages are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Yes.
    Message,
    /// No: libcamera said that it needs the worker no more.
    Exit,
}

/// One camera's IPA.
#[derive(Debug, Default)]
pub struct Session {
    camera: Option<Camera>,
}

/// What there is after `init`.
#[derive(Debug)]
struct Camera {
    soft: Soft,
    memory: SharedMemory,
    /// Where the lens is told, if this camera's can be changed.
    lens: Option<LensFile>,
    /// What is in the shared memory.
    parameters: Option<Parameters>,
    configured: bool,
    /// The sensor's controls that libcamera was not told of yet.
    map: Option<Vec<Info>>,
    /// Whether it was said that a request has more controls than we take.
    said_left_out: bool,
    metadata: List,
    orders: List,
}

impl Session {
    /// Carries a message out. What is to be sent for it is put into the outbox.
    pub fn handle(
        &mut self,
        message: &[u8],
        descriptors: Result<Vec<OwnedFd>, Fault>,
        outbox: &mut Outbox,
    ) -> Next {
        let mut body = Reader::new(message, 0);
        let call = match Call::read(&mut body) {
            Ok(call) => call,
            Err(why) => {
                let fault = descriptors.err();
                error!(
                    "message without a command: {}",
                    fault.map_or(why.to_string(), |fault| fault.to_string())
                );
                return Next::Message;
            }
        };
        let done = descriptors.map_err(Error::from).and_then(|descriptors| {
            let command = call.command(body, descriptors.len())?;
            self.carry_out(call, command, descriptors, outbox)
        });
        let refused = match done {
            Ok(next) => return next,
            Err(why) => {
                error!("command {}: {why}", call.command);
                v0_7::refuse(call, why.errno(), outbox)
            }
        };
        if let Err(why) = refused {
            error!("reply to command {}: {why}", call.command);
        }
        Next::Message
    }

    fn carry_out(
        &mut self,
        call: Call,
        command: Command,
        descriptors: Vec<OwnedFd>,
        outbox: &mut Outbox,
    ) -> Result<Next, Error> {
        match command {
            Command::Exit => return Ok(Next::Exit),
            Command::Init {
                settings,
                sensor,
                controls,
            } => self.init(call, &settings, sensor, &controls, descriptors, outbox)?,
            Command::Configure { controls } => {
                self.camera()?.configure(controls)?;
                v0_7::reply(call, 0, outbox)?;
            }
            Command::Start => {
                self.configured()?.soft.start();
                v0_7::reply(call, 0, outbox)?;
            }
            Command::Stop => {
                // At once: before libcamera asks for this it has ended the software ISP's thread and sent what that
                // left behind, and messages keep their order, so all of it is done. Events that are still on their
                // way libcamera takes while it waits for the reply (`SoftwareIsp::stop`, `IPCPipeUnixSocket::call`).
                v0_7::reply_stop(call, outbox)?;
            }
            Command::QueueRequest {
                frame,
                controls,
                left_out,
            } => self.configured()?.queue_request(frame, &controls, left_out),
            Command::ComputeParams { frame } => self.configured()?.compute_params(frame, outbox)?,
            Command::ProcessStats { frame, sensor, .. } => {
                self.configured()?.process_stats(frame, &sensor, outbox)?;
            }
        }
        Ok(Next::Message)
    }

    fn camera(&mut self) -> Result<&mut Camera, Error> {
        self.camera.as_mut().ok_or(Error::TooEarly("init"))
    }

    fn configured(&mut self) -> Result<&mut Camera, Error> {
        let camera = self.camera()?;
        if !camera.configured {
            return Err(Error::TooEarly("configure"));
        }
        Ok(camera)
    }

    fn init(
        &mut self,
        call: Call,
        settings: &Settings,
        sensor: SensorInfo,
        controls: &[Info],
        descriptors: Vec<OwnedFd>,
        outbox: &mut Outbox,
    ) -> Result<(), Error> {
        if self.camera.is_some() {
            return Err(Error::Again);
        }
        info!(
            "Bayonet's IPA {}, libcamera 0.7, sensor {}, {}",
            env!("CARGO_PKG_VERSION"),
            settings.sensor_model,
            match settings.configuration_file.as_str() {
                "" => "no tuning file",
                path => path,
            }
        );
        let Ok([statistics, parameters]) = <[OwnedFd; 2]>::try_from(descriptors) else {
            return Err(Error::TooEarly("its descriptors"));
        };
        let memory = SharedMemory::new(statistics, parameters)?;
        let soft = Soft::new(settings, sensor, controls)?;
        v0_7::reply_init(call, 0, &soft.infos(), soft.colour_correction(), outbox)?;
        self.camera = Some(Camera {
            soft,
            memory,
            lens: LensFile::of_this_camera(),
            parameters: None,
            configured: false,
            map: None,
            said_left_out: false,
            metadata: List::default(),
            orders: List::default(),
        });
        Ok(())
    }
}

impl Camera {
    fn configure(&mut self, mut controls: Vec<Info>) -> Result<(), Error> {
        self.configured = false;
        self.soft.configure(&controls)?;
        controls.retain(|info| info.minimum != Value::Other);
        self.map = Some(controls);
        self.said_left_out = false;
        self.configured = true;
        Ok(())
    }

    fn queue_request(&mut self, frame: u32, controls: &List, left_out: usize) {
        if left_out > 0 && !self.said_left_out {
            self.said_left_out = true;
            warn!("request {frame} sets so many controls that {left_out} are not looked at");
        }
        self.soft.queue_request(frame, controls);
    }

    fn compute_params(&mut self, frame: u32, outbox: &mut Outbox) -> Result<(), Error> {
        let parameters = self.soft.compute_params(frame);
        // At rest they are the same from frame to frame, and libcamera uses those that it was told of last
        // (`SoftwareIsp::saveIspParams`). Two messages and waking it are most of what a frame costs.
        if self.parameters.as_ref() != Some(&parameters) {
            self.memory.set_parameters(&parameters)?;
            v0_7::set_isp_params(outbox)?;
            self.parameters = Some(parameters);
        }
        Ok(())
    }

    fn process_stats(
        &mut self,
        frame: u32,
        sensor: &List,
        outbox: &mut Outbox,
    ) -> Result<(), Error> {
        // A request completes only with its metadata, so they are sent whatever happens.
        let statistics = v0_7::is_counted(frame).then(|| self.memory.statistics());
        let statistics =
            statistics.and_then(|read| read.inspect_err(|why| error!("frame {frame}: {why}")).ok());
        // No more often than there is something to do with it.
        if let Some(file) = &mut self.lens
            && statistics.is_some()
        {
            self.soft.set_lens(file.read());
        }
        self.metadata.clear();
        self.orders.clear();
        self.soft.process_stats(
            frame,
            statistics.as_ref(),
            sensor,
            &mut self.metadata,
            &mut self.orders,
        );
        v0_7::metadata_ready(frame, &self.metadata, outbox)?;
        if !self.orders.is_empty() {
            v0_7::set_sensor_controls(self.map.as_deref(), &self.orders, outbox)?;
            if let Some(map) = self.map.take() {
                debug!("libcamera was told of {} controls of the sensor", map.len());
            }
        }
        Ok(())
    }
}
