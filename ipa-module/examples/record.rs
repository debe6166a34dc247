//! A worker that lets another one work and writes down what it and libcamera say to each other. How to use it, and
//! the file's format, are in `tests/captures/README.md`.

use bayonet_ipa::channel::{Channel, Received};
use bayonet_ipa::{inherited, logger};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    send, sendmsg, socketpair,
};
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, ExitCode};

const FILE: &str = "BAYONET_RECORD";
const WORKER: &str = "BAYONET_RECORD_WORKER";
const TO_WORKER: u8 = 0;
const TO_LIBCAMERA: u8 = 1;
/// How often it is seen whether the worker still runs, in seconds.
const PERIOD: i64 = 1;

/// One side: where its messages come from, and where those for it go.
struct Side {
    channel: Channel,
    socket: OwnedFd,
}

impl Side {
    fn new(socket: OwnedFd) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            channel: Channel::new(socket.try_clone()?)?,
            socket,
        })
    }
}

/// Passes a message on, both datagrams of it.
fn pass(message: &Received<'_>, to: &OwnedFd) -> Result<(), Box<dyn Error>> {
    let descriptors = message.descriptors.as_ref().map_err(|fault| *fault)?;
    let [a, b, c, d] = (message.bytes.len() as u32).to_ne_bytes();
    let header = [a, b, c, d, descriptors.len() as u8, 0, 0, 0];
    send(to, &header, SendFlags::empty())?;
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&borrowed));
    }
    sendmsg(
        to,
        &[IoSlice::new(message.bytes)],
        &mut control,
        SendFlags::empty(),
    )?;
    Ok(())
}

fn record(message: &Received<'_>, direction: u8, file: &mut File) -> std::io::Result<()> {
    let descriptors = message.descriptors.as_ref().map_or(0, Vec::len) as u8;
    let length = (message.bytes.len() as u32).to_le_bytes();
    file.write_all(&[&[direction, descriptors, 0, 0][..], &length, message.bytes].concat())
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, module, number] = &arguments[..] else {
        return Err("libcamera starts this, see tests/captures/README.md".into());
    };
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(env::var(FILE)?)?;
    let mut libcamera = Side::new(inherited::socket(number)?)?;
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    fcntl_setfd(&theirs, FdFlags::empty())?;
    let number = theirs.as_raw_fd().to_string();
    let mut process = Command::new(env::var(WORKER)?)
        .arg(module)
        .arg(number)
        .spawn()?;
    drop(theirs);
    let mut worker = Side::new(ours)?;
    loop {
        let mut waiting =
            [&libcamera, &worker].map(|side| PollFd::new(&side.socket, PollFlags::IN));
        let limit = Timespec {
            tv_sec: PERIOD,
            tv_nsec: 0,
        };
        poll(&mut waiting, Some(&limit))?;
        let [said, answered] = waiting.map(|side| side.revents().contains(PollFlags::IN));
        if said {
            let message = libcamera.channel.receive()?;
            record(&message, TO_WORKER, &mut file)?;
            pass(&message, &worker.socket)?;
        }
        if answered {
            let message = worker.channel.receive()?;
            record(&message, TO_LIBCAMERA, &mut file)?;
            pass(&message, &libcamera.socket)?;
        }
        if let Some(status) = process.try_wait()? {
            return if status.success() {
                Ok(())
            } else {
                Err(status.to_string().into())
            };
        }
        if libcamera.channel.is_alone() {
            return Err("libcamera has gone".into());
        }
    }
}

fn main() -> ExitCode {
    logger::begin();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::error!("recorder: {why}");
            ExitCode::FAILURE
        }
    }
}
