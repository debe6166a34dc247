//! The interface `soft` of libcamera 0.7: commands to an IPA, its replies and its events.
//!
//! A message is a command and a cookie, then what the command takes. A command that libcamera waits for is answered
//! with both again; an event has the cookie 0. Two or more arguments have their sizes before them, all together.
//!
//! Source: libcamera 0.7.1, `include/libcamera/ipa/{core,soft}.mojom`, `utils/codegen/ipc/generators` and
//! `src/libcamera/ipa_data_serializer.cpp`; the same in 0.7.0 and 0.7.2.

use super::ipa_controls::{self, NO_MAP, Numbers};
use super::outbox::Outbox;
use super::{Error, Reader, Writer};
use crate::controls::{Info, List};
use crate::soft::exchange::{Rectangle, SensorInfo, Settings, Size};

/// Numbers of the commands.
pub mod command {
    #![allow(missing_docs, reason = "each is the interface's function of that name")]
    pub const EXIT: u32 = 0;
    pub const INIT: u32 = 1;
    pub const START: u32 = 2;
    pub const STOP: u32 = 3;
    pub const CONFIGURE: u32 = 4;
    pub const QUEUE_REQUEST: u32 = 5;
    pub const COMPUTE_PARAMS: u32 = 6;
    pub const PROCESS_STATS: u32 = 7;
}

/// Numbers of the events.
pub mod event {
    #![allow(missing_docs, reason = "each is the interface's event of that name")]
    pub const SET_SENSOR_CONTROLS: u32 = 1;
    pub const SET_ISP_PARAMS: u32 = 2;
    pub const METADATA_READY: u32 = 3;
}

/// The software ISP counts every so many requests' frames (`SwStatsCpu::kStatPerNumFrames`).
const COUNTED_EVERY: u32 = 4;

/// Whether the statistics in shared memory are news when this frame is announced.
///
/// The flag beside them cannot be trusted: it is of the frame that the software ISP's thread finished last, which on a
/// busy board is a later one than the frame that is announced. The numbers stay until the next counted frame.
pub fn is_counted(frame: u32) -> bool {
    frame.is_multiple_of(COUNTED_EVERY)
}

/// Descriptors that come with `init`: statistics and parameters.
pub const INIT_DESCRIPTORS: usize = 2;

/// The first map that this side sends after `init` or `configure`; both sides forget their maps at `configure`.
/// libcamera's own maps have odd handles.
pub const FIRST_MAP: u32 = 2;

/// Which command a message is, and what its reply has to say again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// One of [`command`], or one that is not known.
    pub command: u32,
    /// libcamera's name of this call.
    pub cookie: u32,
}

/// What a command asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The worker is not needed any more.
    Exit,
    /// The first command.
    Init {
        /// Tuning file and sensor.
        settings: Settings,
        /// The sensor's mode.
        sensor: SensorInfo,
        /// The sensor's controls.
        controls: Vec<Info>,
    },
    /// Pictures are about to come.
    Start,
    /// No more pictures come.
    Stop,
    /// The sensor's mode was set; its controls have other limits now.
    Configure {
        /// The sensor's controls.
        controls: Vec<Info>,
    },
    /// An application asks for a picture.
    QueueRequest {
        /// Number of the picture.
        frame: u32,
        /// What the application sets with it.
        controls: List,
        /// Controls that found no room in the list.
        left_out: usize,
    },
    /// The software ISP is about to make a picture.
    ComputeParams {
        /// Number of the picture.
        frame: u32,
    },
    /// A picture was counted.
    ProcessStats {
        /// Number of the picture.
        frame: u32,
        /// Buffer of the statistics; there is but one.
        buffer: u32,
        /// What the sensor was set to when it took the picture.
        sensor: List,
    },
}

impl Call {
    /// Reads the beginning of a message.
    pub fn read(message: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            command: message.u32("command")?,
            cookie: message.u32("cookie")?,
        })
    }

    fn write(self, to: &mut Writer<'_>) -> Result<(), Error> {
        to.u32(self.command)?;
        to.u32(self.cookie)
    }

    /// Reads the rest of a message, with which so many descriptors came.
    pub fn command(self, mut body: Reader<'_>, descriptors: usize) -> Result<Command, Error> {
        let begin = body.at();
        let expected = if self.command == command::INIT {
            INIT_DESCRIPTORS
        } else {
            0
        };
        if descriptors != expected {
            return Err(Error::Wrong {
                what: "number of descriptors",
                at: begin,
                expected: expected as u64,
                found: descriptors as u64,
            });
        }
        let command = match self.command {
            command::EXIT => Command::Exit,
            command::INIT => return init(body),
            command::START => Command::Start,
            command::STOP => Command::Stop,
            command::CONFIGURE => return configure(body),
            command::QUEUE_REQUEST => return queue_request(body),
            command::COMPUTE_PARAMS => Command::ComputeParams {
                frame: body.u32("frame")?,
            },
            command::PROCESS_STATS => return process_stats(body),
            found => {
                return Err(Error::Unknown {
                    what: "command",
                    at: begin.saturating_sub(8),
                    found: found.into(),
                });
            }
        };
        body.end("the command")?;
        Ok(command)
    }
}

fn init(mut body: Reader<'_>) -> Result<Command, Error> {
    let settings = body.size("size of the settings")?;
    for _ in 0..INIT_DESCRIPTORS {
        body.exactly(4, "size of a descriptor")?;
        body.exactly(1, "descriptors of a descriptor")?;
    }
    let sensor = body.size("size of the sensor's mode")?;
    let controls = body.size("size of the sensor's controls")?;
    let settings = read_settings(body.part(settings, "settings")?)?;
    for _ in 0..INIT_DESCRIPTORS {
        body.exactly(1, "validity of a descriptor")?;
    }
    let sensor = read_sensor(body.part(sensor, "the sensor's mode")?)?;
    let controls = read_map(body.part(controls, "the sensor's controls")?)?;
    body.end("init")?;
    Ok(Command::Init {
        settings,
        sensor,
        controls,
    })
}

fn configure(mut body: Reader<'_>) -> Result<Command, Error> {
    let size = body.size("size of the sensor's controls")?;
    let controls = body.part(size, "the sensor's controls")?;
    body.end("configure")?;
    // No controls are no map, not an empty one.
    let controls = if size == 0 {
        Vec::new()
    } else {
        read_map(controls)?
    };
    Ok(Command::Configure { controls })
}

fn queue_request(mut body: Reader<'_>) -> Result<Command, Error> {
    body.exactly(4, "size of the frame")?;
    let size = body.size("size of the request's controls")?;
    let frame = body.u32("frame")?;
    let (mut controls, mut left_out) = (List::default(), 0);
    read_list(
        body.part(size, "the request's controls")?,
        Numbers::Controls,
        &mut controls,
        &mut left_out,
    )?;
    body.end("queueRequest")?;
    Ok(Command::QueueRequest {
        frame,
        controls,
        left_out,
    })
}

fn process_stats(mut body: Reader<'_>) -> Result<Command, Error> {
    body.exactly(4, "size of the frame")?;
    body.exactly(4, "size of the buffer")?;
    let size = body.size("size of the sensor's controls")?;
    let frame = body.u32("frame")?;
    let buffer = body.u32("buffer")?;
    let mut sensor = List::default();
    read_list(
        body.part(size, "the sensor's controls")?,
        Numbers::V4l2,
        &mut sensor,
        &mut 0,
    )?;
    body.end("processStats")?;
    Ok(Command::ProcessStats {
        frame,
        buffer,
        sensor,
    })
}

fn read_settings(mut from: Reader<'_>) -> Result<Settings, Error> {
    let settings = Settings {
        configuration_file: from.text("tuning file")?,
        sensor_model: from.text("sensor's model")?,
    };
    from.end("settings")?;
    Ok(settings)
}

fn read_sensor(mut from: Reader<'_>) -> Result<SensorInfo, Error> {
    let sensor = SensorInfo {
        model: from.text("sensor's model")?,
        bits_per_pixel: from.u32("bits per pixel")?,
        cfa_pattern: from.u32("order of the colour filters")?,
        active_area: read_size(&mut from)?,
        analog_crop: {
            from.exactly(16, "size of a rectangle")?;
            Rectangle {
                x: from.i32("left edge")?,
                y: from.i32("upper edge")?,
                width: from.u32("width")?,
                height: from.u32("height")?,
            }
        },
        output_size: read_size(&mut from)?,
        pixel_rate: from.u64("pixel rate")?,
        min_line_length: from.u32("shortest line")?,
        max_line_length: from.u32("longest line")?,
        min_frame_length: from.u32("shortest frame")?,
        max_frame_length: from.u32("longest frame")?,
    };
    from.end("the sensor's mode")?;
    Ok(sensor)
}

fn read_size(from: &mut Reader<'_>) -> Result<Size, Error> {
    from.exactly(8, "size of a size")?;
    Ok(Size {
        width: from.u32("width")?,
        height: from.u32("height")?,
    })
}

fn read_map(mut from: Reader<'_>) -> Result<Vec<Info>, Error> {
    let size = from.size("size of a map")?;
    let blob = from.part(size, "a map of controls")?;
    from.end("a map of controls")?;
    // Both sides have just forgotten their maps, so none can be one that was sent before.
    Ok(ipa_controls::read_infos(blob, Numbers::V4l2)?.unwrap_or_default())
}

fn read_list(
    mut from: Reader<'_>,
    numbers: Numbers,
    list: &mut List,
    left_out: &mut usize,
) -> Result<(), Error> {
    // What libcamera cannot write it leaves out, and reads it back as an empty list.
    if from.left() == 0 {
        return Ok(());
    }
    let infos = from.size("size of a map")?;
    let size = from.size("size of a list")?;
    let infos = from.part(infos, "a map of controls")?;
    // The first list of a map brings the map, which is the one that `configure` brought.
    if infos.left() > 0 {
        ipa_controls::check_infos(infos, numbers)?;
    }
    *left_out = ipa_controls::read_list(from.part(size, "a list of controls")?, numbers, list)?;
    from.end("a list of controls")
}

/// Whether libcamera waits for a reply. Of an unknown command it is assumed: to wait in vain takes it 2 s.
pub fn is_awaited(command: u32) -> bool {
    !matches!(
        command,
        command::EXIT | command::QUEUE_REQUEST | command::COMPUTE_PARAMS | command::PROCESS_STATS
    )
}

/// Replies to `start` or `configure`: 0, or a negative error number.
pub fn reply(call: Call, result: i32, outbox: &mut Outbox) -> Result<(), Error> {
    outbox.add(|to| {
        call.write(to)?;
        to.bytes(&result.to_ne_bytes())
    })
}

/// Replies to `stop`, which cannot fail.
pub fn reply_stop(call: Call, outbox: &mut Outbox) -> Result<(), Error> {
    outbox.add(|to| call.write(to))
}

/// Replies to `init`: 0 or a negative error number, controls that are offered to applications, whether there is a
/// colour correction matrix. libcamera reads all three even after an error.
pub fn reply_init(
    call: Call,
    result: i32,
    infos: &[Info],
    colour_correction: bool,
    outbox: &mut Outbox,
) -> Result<(), Error> {
    let size = ipa_controls::infos_size(infos);
    outbox.add(|to| {
        call.write(to)?;
        to.bytes(&result.to_ne_bytes())?;
        to.size(4 + size)?;
        to.size(1)?;
        to.size(size)?;
        ipa_controls::write_infos(FIRST_MAP, Numbers::Controls, infos, to)?;
        to.bytes(&[colour_correction.into()])
    })
}

/// Replies to a command that could not be carried out, if libcamera waits for one.
pub fn refuse(call: Call, errno: i32, outbox: &mut Outbox) -> Result<(), Error> {
    match call.command {
        command::INIT => reply_init(call, -errno, &[], false, outbox),
        command::STOP => reply_stop(call, outbox),
        command if is_awaited(command) => reply(call, -errno, outbox),
        _ => Ok(()),
    }
}

fn begin_event(command: u32, to: &mut Writer<'_>) -> Result<(), Error> {
    Call { command, cookie: 0 }.write(to)
}

/// The event that the software ISP's parameters are in the shared memory.
pub fn set_isp_params(outbox: &mut Outbox) -> Result<(), Error> {
    outbox.add(|to| begin_event(event::SET_ISP_PARAMS, to))
}

/// The event that tells what is known of a picture.
pub fn metadata_ready(frame: u32, metadata: &List, outbox: &mut Outbox) -> Result<(), Error> {
    let size = ipa_controls::list_size(metadata);
    outbox.add(|to| {
        begin_event(event::METADATA_READY, to)?;
        to.size(4)?;
        to.size(8 + size)?;
        to.u32(frame)?;
        to.size(0)?;
        to.size(size)?;
        ipa_controls::write_list(NO_MAP, Numbers::Controls, metadata, to)
    })
}

/// The event that sets the sensor. The first after `configure` brings the map of the sensor's controls, which later
/// ones are of as well.
pub fn set_sensor_controls(
    map: Option<&[Info]>,
    orders: &List,
    outbox: &mut Outbox,
) -> Result<(), Error> {
    let size = ipa_controls::list_size(orders);
    outbox.add(|to| {
        begin_event(event::SET_SENSOR_CONTROLS, to)?;
        to.size(map.map_or(0, ipa_controls::infos_size))?;
        to.size(size)?;
        if let Some(infos) = map {
            ipa_controls::write_infos(FIRST_MAP, Numbers::V4l2, infos, to)?;
        }
        ipa_controls::write_list(FIRST_MAP, Numbers::V4l2, orders, to)
    })
}
