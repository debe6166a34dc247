//! Commands, lists and maps as libcamera writes them.

pub const EXIT: u32 = 0;
pub const INIT: u32 = 1;
pub const START: u32 = 2;
pub const STOP: u32 = 3;
pub const CONFIGURE: u32 = 4;
pub const QUEUE_REQUEST: u32 = 5;
pub const COMPUTE_PARAMS: u32 = 6;
pub const PROCESS_STATS: u32 = 7;

/// Kinds of controls.
pub const CONTROLS: u32 = 0;
pub const V4L2: u32 = 2;

pub const EXPOSURE: u32 = 0x0098_0911;
pub const VBLANK: u32 = 0x009e_0901;
pub const ANALOGUE_GAIN: u32 = 0x009e_0903;

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

pub(super) fn words(words: &[u32]) -> Vec<u8> {
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
