//! libcamera's side of the wire, written from its sources and not with our codec: encodes commands, decodes replies
//! and events. Used by tests, benches and fuzz targets.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of it"
)]

mod decode;
mod encode;

#[allow(unused_imports, reason = "each test uses a part of it")]
pub use decode::*;
pub use encode::*;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::{pread, pwrite};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, send, sendmsg, socketpair,
};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Bytes of both shared memories.
pub const STATISTICS: usize = 288;
pub const PARAMETERS: usize = 68;

pub fn memory(size: usize) -> OwnedFd {
    let memory = memfd_create("shared", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&memory, size as u64).unwrap();
    memory
}

/// Statistics of a picture of one brightness.
pub fn statistics(sums: [u64; 3], bin: usize, samples: u32) -> [u8; STATISTICS] {
    let mut bytes = [0xaa; STATISTICS];
    bytes[0] = 1;
    bytes[8..].fill(0);
    for (index, sum) in sums.into_iter().enumerate() {
        bytes[8 + 8 * index..][..8].copy_from_slice(&sum.to_ne_bytes());
    }
    bytes[32 + 4 * bin..][..4].copy_from_slice(&samples.to_ne_bytes());
    bytes
}

/// libcamera at the other side of a worker's socket.
pub struct Client {
    pub socket: OwnedFd,
    pub statistics: OwnedFd,
    pub parameters: OwnedFd,
    /// Events that nobody waited for yet, but for orders to the sensor.
    pub events: VecDeque<Event>,
    /// Orders to the sensor, which come when they come.
    pub orders: Vec<Event>,
    cookie: u32,
}

impl Client {
    /// A client and the socket for its worker.
    pub fn pair() -> (Self, OwnedFd) {
        // As libcamera makes it: the worker's side does not wait either, until the worker changes that.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (socket, worker) =
            socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap();
        let flags = rustix::fs::fcntl_getfl(&socket).unwrap() - rustix::fs::OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(&socket, flags).unwrap();
        // As long as libcamera waits.
        set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_secs(2))).unwrap();
        let client = Self {
            socket,
            statistics: memory(STATISTICS),
            parameters: memory(PARAMETERS),
            events: VecDeque::new(),
            orders: Vec::new(),
            cookie: 0,
        };
        (client, worker)
    }

    /// Sends both datagrams, which may contradict each other.
    pub fn send_raw(
        &self,
        announced: usize,
        descriptors: u8,
        message: &[u8],
        sent: &[BorrowedFd<'_>],
    ) {
        let header = [&words(&[announced as u32])[..], &[descriptors, 0, 0, 0]].concat();
        send(&self.socket, &header, SendFlags::empty()).unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(sent.is_empty() || control.push(SendAncillaryMessage::ScmRights(sent)));
        sendmsg(
            &self.socket,
            &[IoSlice::new(message)],
            &mut control,
            SendFlags::empty(),
        )
        .unwrap();
    }

    /// Sends a command. Returns its cookie.
    pub fn send(&mut self, command: u32, body: &[u8]) -> u32 {
        let cookie = self.cookie;
        self.cookie += 1;
        let message = message(command, cookie, body);
        if command == INIT {
            let descriptors = [self.statistics.as_fd(), self.parameters.as_fd()];
            self.send_raw(message.len(), 2, &message, &descriptors);
        } else {
            self.send_raw(message.len(), 0, &message, &[]);
        }
        cookie
    }

    /// The next message, if one comes in time.
    pub fn receive(&self) -> Option<Vec<u8>> {
        let mut header = [0; 9];
        let (_, length) = recv(&self.socket, &mut header[..], RecvFlags::TRUNC).ok()?;
        assert_eq!((length, &header[4..8]), (8, &[0; 4][..]), "header");
        let announced = u32::from_ne_bytes(header[..4].try_into().unwrap()) as usize;
        let mut message = vec![0; announced + 1];
        let (_, length) = recv(&self.socket, &mut message[..], RecvFlags::TRUNC).unwrap();
        assert_eq!(length, announced);
        message.pop();
        Some(message)
    }

    /// Waits for the reply to a command, takes events meanwhile.
    pub fn reply(&mut self, command: u32, cookie: u32) -> Vec<u8> {
        loop {
            let message = self
                .receive()
                .unwrap_or_else(|| panic!("no reply to command {command}"));
            // As in libcamera: what has a cookie that is waited for is the reply.
            if message[4..8] == cookie.to_ne_bytes() {
                assert_eq!(message[..4], command.to_ne_bytes(), "command of a reply");
                return message[8..].into();
            }
            self.keep(&message);
        }
    }

    pub fn call(&mut self, command: u32, body: &[u8]) -> Vec<u8> {
        let cookie = self.send(command, body);
        self.reply(command, cookie)
    }

    /// A call that replies with a result.
    pub fn result(&mut self, command: u32, body: &[u8]) -> i32 {
        let reply = self.call(command, body);
        i32::from_ne_bytes(reply.try_into().expect("a result"))
    }

    fn keep(&mut self, message: &[u8]) {
        match event(message) {
            orders @ Event::SetSensorControls { .. } => self.orders.push(orders),
            event => self.events.push_back(event),
        }
    }

    /// The next event that is not an order to the sensor.
    pub fn event(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let message = self.receive().expect("an event");
            self.keep(&message);
        }
    }

    /// `init`, `configure` and `start`, which all work.
    pub fn begin(&mut self) {
        let reply = self.call(INIT, &init());
        assert_eq!(init_reply(&reply).0, 0);
        assert_eq!(self.result(CONFIGURE, &configure()), 0);
        assert_eq!(self.result(START, &[]), 0);
    }

    /// What happens for one picture. Returns the events in their order, its metadata at last.
    pub fn frame(&mut self, frame: u32, statistics: &[u8]) -> Vec<Event> {
        self.send(QUEUE_REQUEST, &queue_request(frame, &[(15, float(1.0))]));
        self.send(COMPUTE_PARAMS, &compute_params(frame));
        pwrite(&self.statistics, statistics, 0).unwrap();
        let map = if frame == 0 { sensor_map() } else { vec![] };
        self.send(
            PROCESS_STATS,
            &process_stats(
                frame,
                &map,
                &[(EXPOSURE, int(100)), (ANALOGUE_GAIN, int(0))],
            ),
        );
        let mut events = vec![self.event()];
        while !matches!(events[events.len() - 1], Event::MetadataReady { .. }) {
            events.push(self.event());
        }
        events
    }

    pub fn parameters(&self) -> Vec<f32> {
        let mut bytes = [0; PARAMETERS];
        assert_eq!(pread(&self.parameters, &mut bytes, 0), Ok(PARAMETERS));
        bytes
            .chunks(4)
            .map(|bytes| f32::from_ne_bytes(bytes.try_into().unwrap()))
            .collect()
    }

    /// Whether the worker still answers: `stop` always does. Events before its reply are kept.
    pub fn is_alive(&mut self) {
        assert!(self.call(STOP, &[]).is_empty());
    }
}
