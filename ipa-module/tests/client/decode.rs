//! Replies and events as libcamera reads them.

use super::encode::{CONTROLS, Raw, V4L2};

pub const SET_SENSOR_CONTROLS: u32 = 1;
pub const SET_ISP_PARAMS: u32 = 2;
pub const METADATA_READY: u32 = 3;

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
