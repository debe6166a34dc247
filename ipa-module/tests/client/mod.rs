//! libcamera's side of the wire, written from its sources and not with our codec: encodes commands, decodes replies
//! and events. Used by tests, benches and fuzz targets.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of it"
)]

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

pub const EXIT: u32 = 0;
pub const INIT: u32 = 1;
pub const START: u32 = 2;
pub const STOP: u32 = 3;
pub const CONFIGURE: u32 = 4;
pub const QUEUE_REQUEST: u32 = 5;
pub const COMPUTE_PARAMS: u32 = 6;
pub const PROCESS_STATS: u32 = 7;

pub const SET_SENSOR_CONTROLS: u32 = 1;
pub const SET_ISP_PARAMS: u32 = 2;
pub const METADATA_READY: u32 = 3;

/// Kinds of controls.
pub const CONTROLS: u32 = 0;
pub const V4L2: u32 = 2;

pub const EXPOSURE: u32 = 0x0098_0911;
pub const VBLANK: u32 = 0x009e_0901;
pub const ANALOGUE_GAIN: u32 = 0x009e_0903;

/// Bytes of both shared memories.
pub const STATISTICS: usize = 288;
pub const PARAMETERS: usize = 68;

/// A value as the wire has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    pub kind: u8,
    pub array: bool,
    pub count: u16,
    pub bytes: Vec<u8>,
}

pub fn int(value: i32) -> Raw {
    Raw {
        kind: 5,
        array: false,
        count: 1,
        bytes: value.to_ne_bytes().into(),
    }
}

pub fn float(value: f32) -> Raw {
    Raw {
        kind: 7,
        array: false,
        count: 1,
        bytes: value.to_ne_bytes().into(),
    }
}

pub fn text(value: &str) -> Raw {
    Raw {
        kind: 8,
        array: true,
        count: value.len() as u16,
        bytes: value.into(),
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&words(&[bytes.len() as u32])[..], bytes].concat()
}

fn header(handle: u32, entries: usize, entry: usize, values: usize, kind: u32) -> Vec<u8> {
    let data = (32 + entries * entry) as u32;
    // What libcamera leaves in its reserved fields is what was there before.
    words(&[
        2,
        handle,
        entries as u32,
        data + values as u32,
        data,
        kind,
        0xdead_beef,
        0xdead_beef,
    ])
}

fn value_entry(raw: &Raw, place: usize) -> Vec<u8> {
    let [low, high] = raw.count.to_ne_bytes();
    [
        &[raw.kind, raw.array.into(), low, high][..],
        &words(&[place as u32, 0xdead_beef, 0xdead_beef]),
    ]
    .concat()
}

/// A list's blob.
pub fn list_blob(handle: u32, kind: u32, controls: &[(u32, Raw)]) -> Vec<u8> {
    let values: Vec<u8> = controls
        .iter()
        .flat_map(|(_, raw)| raw.bytes.clone())
        .collect();
    let mut blob = header(handle, controls.len(), 20, values.len(), kind);
    let mut place = 0;
    for (id, raw) in controls {
        blob.extend(words(&[*id]));
        blob.extend(value_entry(raw, place));
        place += raw.bytes.len();
    }
    blob.extend(values);
    blob
}

/// A map's blob; a control with its minimum, maximum and default.
pub fn map_blob(handle: u32, kind: u32, controls: &[(u32, [Raw; 3])]) -> Vec<u8> {
    let limits = controls.iter().flat_map(|(_, limits)| limits);
    let values: Vec<u8> = limits.flat_map(|raw| raw.bytes.clone()).collect();
    let mut blob = header(handle, controls.len(), 64, values.len(), kind);
    let mut place = 0;
    for (id, limits) in controls {
        blob.extend(words(&[*id, limits[0].kind.into()]));
        blob.extend([3, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
        for raw in limits {
            blob.extend(value_entry(raw, place));
            place += raw.bytes.len();
        }
    }
    blob.extend(values);
    blob
}

/// A list as an argument, with the map it is of if that was not sent before.
pub fn list(map: &[u8], list: &[u8]) -> Vec<u8> {
    [
        &words(&[map.len() as u32, list.len() as u32])[..],
        map,
        list,
    ]
    .concat()
}

/// The sensor's controls.
pub fn sensor_map() -> Vec<u8> {
    let control = |id, minimum, maximum, default| (id, [int(minimum), int(maximum), int(default)]);
    map_blob(
        1,
        V4L2,
        &[
            control(EXPOSURE, 4, 1759, 1600),
            control(VBLANK, 32, 63000, 663),
            control(ANALOGUE_GAIN, 0, 232, 0),
        ],
    )
}

pub fn sensor_info() -> Vec<u8> {
    let mut info = sized(b"imx219");
    info.extend(words(&[
        10, 0, 8, 3280, 2464, 16, 0, 0, 3280, 2464, 8, 1640, 1232,
    ]));
    info.extend(182_400_000u64.to_ne_bytes());
    info.extend(words(&[3448, 3448, 1264, 65535]));
    info
}

pub fn init() -> Vec<u8> {
    let settings = [sized(b""), sized(b"imx219")].concat();
    let (info, map) = (sensor_info(), sized(&sensor_map()));
    [
        words(&[
            settings.len() as u32,
            4,
            1,
            4,
            1,
            info.len() as u32,
            map.len() as u32,
        ]),
        settings,
        words(&[1, 1]),
        info,
        map,
    ]
    .concat()
}

pub fn configure() -> Vec<u8> {
    sized(&sized(&sensor_map()))
}

pub fn queue_request(frame: u32, controls: &[(u32, Raw)]) -> Vec<u8> {
    let controls = list(&[], &list_blob(0, CONTROLS, controls));
    [words(&[4, controls.len() as u32, frame]), controls].concat()
}

pub fn compute_params(frame: u32) -> Vec<u8> {
    words(&[frame])
}

pub fn process_stats(frame: u32, map: &[u8], controls: &[(u32, Raw)]) -> Vec<u8> {
    let controls = list(map, &list_blob(3, V4L2, controls));
    [words(&[4, 4, controls.len() as u32, frame, 0]), controls].concat()
}

/// A whole message.
pub fn message(command: u32, cookie: u32, body: &[u8]) -> Vec<u8> {
    [&words(&[command, cookie])[..], body].concat()
}

/// One of each command, as a session has them.
pub fn session() -> Vec<(u32, Vec<u8>)> {
    let request = [(15, float(1.25)), (7, int(10_000))];
    let sensor = [(EXPOSURE, int(1600)), (ANALOGUE_GAIN, int(0))];
    vec![
        (INIT, init()),
        (CONFIGURE, configure()),
        (START, vec![]),
        (QUEUE_REQUEST, queue_request(0, &request)),
        (COMPUTE_PARAMS, compute_params(0)),
        (PROCESS_STATS, process_stats(0, &sensor_map(), &sensor)),
        (STOP, vec![]),
    ]
}

pub fn is_awaited(command: u32) -> bool {
    !matches!(command, EXIT | QUEUE_REQUEST..=PROCESS_STATS)
}

/// Takes a message apart, and panics if it is not what libcamera would understand.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    pub fn word(&mut self) -> u32 {
        u32::from_ne_bytes(self.take(4).try_into().unwrap())
    }

    fn value(&mut self, values: &[u8], place: &mut usize) -> Raw {
        const SIZES: [usize; 8] = [0, 1, 1, 2, 4, 4, 8, 4];
        let (kind, array) = (self.take(1)[0], self.take(1)[0]);
        let count = u16::from_ne_bytes(self.take(2).try_into().unwrap());
        assert_eq!(self.word() as usize, *place, "place of a value");
        self.take(8);
        let begin = *place;
        *place += SIZES[usize::from(kind)] * usize::from(count);
        Raw {
            kind,
            array: array == 1,
            count,
            bytes: values[begin..*place].into(),
        }
    }

    fn blob(&mut self, entry: usize) -> (u32, u32, usize, Bytes<'a>, &'a [u8]) {
        let whole = self.0.len();
        assert_eq!(self.word(), 2, "version");
        let (handle, entries) = (self.word(), self.word() as usize);
        assert_eq!(self.word() as usize, whole, "size");
        assert_eq!(
            self.word() as usize,
            32 + entries * entry,
            "place of the values"
        );
        let kind = self.word();
        self.take(8);
        let entries_bytes = Bytes(self.take(entries * entry));
        (handle, kind, entries, entries_bytes, self.0)
    }

    /// A list's handle, kind and controls.
    pub fn list(mut self) -> (u32, u32, Vec<(u32, Raw)>) {
        let (handle, kind, count, mut entries, values) = self.blob(20);
        let mut place = 0;
        let mut each = || (entries.word(), entries.value(values, &mut place));
        let controls = (0..count).map(|_| each()).collect();
        assert_eq!(place, values.len(), "values");
        (handle, kind, controls)
    }

    /// A map's handle, kind and controls.
    pub fn map(mut self) -> (u32, u32, Vec<(u32, [Raw; 3])>) {
        let (handle, kind, count, mut entries, values) = self.blob(64);
        let mut place = 0;
        let mut each = || {
            let id = entries.word();
            entries.take(12);
            (id, [(); 3].map(|()| entries.value(values, &mut place)))
        };
        let controls = (0..count).map(|_| each()).collect();
        assert_eq!(place, values.len(), "values");
        (handle, kind, controls)
    }
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// With the map's handle and size, if there is one, and the list's handle.
    SetSensorControls {
        map: Option<(u32, usize)>,
        handle: u32,
        controls: Vec<(u32, Raw)>,
    },
    SetIspParams,
    MetadataReady {
        frame: u32,
        controls: Vec<(u32, Raw)>,
    },
}

pub fn event(message: &[u8]) -> Event {
    let mut bytes = Bytes(message);
    let command = bytes.word();
    assert_eq!(bytes.word(), 0, "cookie of an event");
    match command {
        SET_SENSOR_CONTROLS => {
            let (map, list) = (bytes.word() as usize, bytes.word() as usize);
            let map = Bytes(bytes.take(map));
            let map = (!map.0.is_empty()).then(|| map.map());
            let (handle, kind, controls) = Bytes(bytes.take(list)).list();
            assert_eq!((kind, bytes.0.len()), (V4L2, 0));
            let map = map.map(|(handle, kind, infos)| {
                assert_eq!(kind, V4L2);
                (handle, infos.len())
            });
            Event::SetSensorControls {
                map,
                handle,
                controls,
            }
        }
        SET_ISP_PARAMS => {
            assert!(bytes.0.is_empty());
            Event::SetIspParams
        }
        METADATA_READY => {
            assert_eq!(bytes.word(), 4);
            assert_eq!(bytes.word() as usize + 4, bytes.0.len());
            let frame = bytes.word();
            assert_eq!(bytes.word(), 0, "map of the metadata");
            assert_eq!(bytes.word() as usize, bytes.0.len());
            let (handle, kind, controls) = bytes.list();
            assert_eq!((handle, kind), (0, CONTROLS));
            Event::MetadataReady { frame, controls }
        }
        other => panic!("event {other}"),
    }
}

/// What the reply to `init` says: the result, controls on offer, whether there is a colour correction matrix.
pub fn init_reply(body: &[u8]) -> (i32, Vec<(u32, [Raw; 3])>, bool) {
    let mut bytes = Bytes(body);
    let result = bytes.word() as i32;
    let (map, flag) = (bytes.word() as usize, bytes.word());
    assert_eq!((flag, bytes.0.len()), (1, map + 1));
    assert_eq!(bytes.word() as usize, map - 4);
    let (handle, kind, infos) = Bytes(bytes.take(map - 4)).map();
    assert_eq!((handle % 2, kind), (0, CONTROLS));
    (result, infos, bytes.take(1)[0] != 0)
}

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

    /// What happens for one picture. Returns the events in their order.
    pub fn frame(&mut self, frame: u32, statistics: &[u8]) -> Vec<Event> {
        self.send(QUEUE_REQUEST, &queue_request(frame, &[(15, float(1.0))]));
        self.send(COMPUTE_PARAMS, &compute_params(frame));
        let mut events = vec![self.event()];
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
        events.push(self.event());
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
