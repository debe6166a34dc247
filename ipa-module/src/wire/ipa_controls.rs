//! Lists of controls and maps of their limits: version 2 of libcamera's format.
//!
//! A blob is a header of 32 bytes, entries of a fixed size, then their values without gaps; each value's place is
//! told with its entry and must be where the one before it ended. A list tells by a handle which map its controls
//! are of. Reserved fields hold what was in memory before and are not looked at.
//!
//! Source: libcamera 0.7.1, `include/libcamera/ipa/ipa_controls.h` and `src/libcamera/control_serializer.cpp`.

use super::{Error, Reader, Writer};
use crate::controls::{Few, Info, List, Value};

/// Version of the format.
const VERSION: usize = 2;
const HEADER: usize = 32;
const LIST_ENTRY: usize = 20;
const INFO_ENTRY: usize = 64;
/// In and out: a control of a driver may be set and is reported.
const DIRECTION: u8 = 3;

/// Whose numbers the controls have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// libcamera's controls.
    Controls = 0,
    /// libcamera's properties of cameras.
    Properties = 1,
    /// The kernel's controls.
    V4l2 = 2,
}

/// Handle of a list whose controls are of no map: libcamera's own.
pub const NO_MAP: u32 = 0;

/// A value's type as the wire numbers it, whether it is an array, how many it has, its bytes.
struct Shape {
    kind: u8,
    array: bool,
    count: u16,
    size: usize,
}

/// Bytes of one value of each type: none, bool, byte, 16, 32, 32 signed, 64 signed, float, string, rectangle, size,
/// point.
const SIZES: [usize; 12] = [0, 1, 1, 2, 4, 4, 8, 4, 1, 16, 8, 8];

impl Shape {
    fn of(value: &Value) -> Self {
        let (kind, array, count) = match value {
            Value::Other => (0, false, 0),
            Value::Bool(_) => (1, false, 1),
            Value::Byte(_) => (2, false, 1),
            Value::U16(_) => (3, false, 1),
            Value::U32(_) => (4, false, 1),
            Value::I32(_) => (5, false, 1),
            Value::I64(_) => (6, false, 1),
            Value::F32(_) => (7, false, 1),
            Value::I32s(few) => (5, true, few.as_slice().len()),
            Value::I64s(few) => (6, true, few.as_slice().len()),
            Value::F32s(few) => (7, true, few.as_slice().len()),
        };
        Self {
            kind,
            array,
            count: count as u16,
            size: SIZES[usize::from(kind)] * count,
        }
    }

    /// Reads a value's entry. Its value must begin at `place`.
    fn read(entries: &mut Reader<'_>, place: usize) -> Result<Self, Error> {
        let at = entries.at();
        let kind = entries.u8("type of a value")?;
        let Some(&one) = SIZES.get(usize::from(kind)) else {
            return Err(Error::Unknown {
                what: "type of a value",
                at,
                found: kind.into(),
            });
        };
        let array = entries.u8("array of values")?;
        if array > 1 {
            return Err(Error::Unknown {
                what: "array of values",
                at: at + 1,
                found: array.into(),
            });
        }
        let count = entries.u16("number of values")?;
        // A type of 0 is a value that was never set, which has nothing.
        let alone = u16::from(kind != 0);
        if array == 0 && count != alone {
            return Err(Error::Wrong {
                what: "number of values",
                at: at + 2,
                expected: alone.into(),
                found: count.into(),
            });
        }
        entries.exactly(place, "place of a value")?;
        entries.take(8, "reserved")?;
        Ok(Self {
            kind,
            array: array == 1,
            count,
            size: one * usize::from(count),
        })
    }

    fn write(&self, place: usize, to: &mut Writer<'_>) -> Result<(), Error> {
        to.bytes(&[self.kind, self.array.into()])?;
        to.bytes(&self.count.to_ne_bytes())?;
        to.size(place)?;
        to.bytes(&[0; 8])
    }
}

fn array<T: Copy + Default, const N: usize>(
    bytes: &[u8],
    number: fn([u8; N]) -> T,
    value: fn(Few<T>) -> Value,
) -> Value {
    let mut items = [T::default(); crate::controls::ARRAY];
    let (chunks, _) = bytes.as_chunks::<N>();
    let Some(room) = items.get_mut(..chunks.len()) else {
        return Value::Other;
    };
    for (item, chunk) in room.iter_mut().zip(chunks) {
        *item = number(*chunk);
    }
    Few::new(room).map_or(Value::Other, value)
}

fn read_value(
    entries: &mut Reader<'_>,
    values: &mut Reader<'_>,
    start: usize,
) -> Result<Value, Error> {
    let shape = Shape::read(entries, values.at() - start)?;
    let bytes = values.take(shape.size, "a value")?;
    Ok(match (shape.kind, shape.array, bytes) {
        (1, false, [byte]) => Value::Bool(*byte != 0),
        (2, false, [byte]) => Value::Byte(*byte),
        (3, false, &[a, b]) => Value::U16(u16::from_ne_bytes([a, b])),
        (4, false, &[a, b, c, d]) => Value::U32(u32::from_ne_bytes([a, b, c, d])),
        (5, false, &[a, b, c, d]) => Value::I32(i32::from_ne_bytes([a, b, c, d])),
        (6, false, &[a, b, c, d, e, f, g, h]) => {
            Value::I64(i64::from_ne_bytes([a, b, c, d, e, f, g, h]))
        }
        (7, false, &[a, b, c, d]) => Value::F32(f32::from_ne_bytes([a, b, c, d])),
        (5, true, bytes) => array(bytes, i32::from_ne_bytes, Value::I32s),
        (6, true, bytes) => array(bytes, i64::from_ne_bytes, Value::I64s),
        (7, true, bytes) => array(bytes, f32::from_ne_bytes, Value::F32s),
        _ => Value::Other,
    })
}

fn write_value(value: &Value, to: &mut Writer<'_>) -> Result<(), Error> {
    match value {
        Value::Other => Ok(()),
        Value::Bool(value) => to.bytes(&[(*value).into()]),
        Value::Byte(value) => to.bytes(&[*value]),
        Value::U16(value) => to.bytes(&value.to_ne_bytes()),
        Value::U32(value) => to.bytes(&value.to_ne_bytes()),
        Value::I32(value) => to.bytes(&value.to_ne_bytes()),
        Value::I64(value) => to.bytes(&value.to_ne_bytes()),
        Value::F32(value) => to.bytes(&value.to_ne_bytes()),
        Value::I32s(few) => each(few.as_slice(), |value| to.bytes(&value.to_ne_bytes())),
        Value::I64s(few) => each(few.as_slice(), |value| to.bytes(&value.to_ne_bytes())),
        Value::F32s(few) => each(few.as_slice(), |value| to.bytes(&value.to_ne_bytes())),
    }
}

fn each<T>(items: &[T], write: impl FnMut(&T) -> Result<(), Error>) -> Result<(), Error> {
    items.iter().try_for_each(write)
}

struct Header {
    handle: u32,
    entries: usize,
    numbers: Numbers,
}

impl Header {
    /// Reads the header of a blob that must hold its entries and its values and no more.
    fn read(blob: &mut Reader<'_>, entry: usize) -> Result<Self, Error> {
        let whole = blob.left();
        blob.exactly(VERSION, "version of the controls' format")?;
        let handle = blob.u32("handle of a map")?;
        let at = blob.at();
        let entries = blob.size("number of controls")?;
        blob.exactly(whole, "size of the controls")?;
        let data = entries
            .checked_mul(entry)
            .and_then(|size| size.checked_add(HEADER));
        let Some(data) = data.filter(|&data| data <= whole) else {
            return Err(Error::Wrong {
                what: "number of controls",
                at,
                expected: (whole.saturating_sub(HEADER) / entry) as u64,
                found: entries as u64,
            });
        };
        blob.exactly(data, "place of the values")?;
        let at = blob.at();
        let numbers = match blob.u32("kind of the controls")? {
            0 => Numbers::Controls,
            1 => Numbers::Properties,
            2 => Numbers::V4l2,
            found => {
                return Err(Error::Unknown {
                    what: "kind of the controls",
                    at,
                    found: found.into(),
                });
            }
        };
        blob.take(8, "reserved")?;
        Ok(Self {
            handle,
            entries,
            numbers,
        })
    }

    fn write(&self, entry: usize, values: usize, to: &mut Writer<'_>) -> Result<(), Error> {
        let data = HEADER + self.entries * entry;
        to.size(VERSION)?;
        to.u32(self.handle)?;
        to.size(self.entries)?;
        to.size(data + values)?;
        to.size(data)?;
        to.u32(self.numbers as u32)?;
        to.bytes(&[0; 8])
    }

    fn expect(&self, numbers: Numbers, at: usize) -> Result<(), Error> {
        // A list that nobody put anything in is of no kind; libcamera then says V4L2.
        if self.numbers == numbers || self.entries == 0 {
            return Ok(());
        }
        Err(Error::Wrong {
            what: "kind of the controls",
            at: at + 20,
            expected: numbers as u64,
            found: self.numbers as u64,
        })
    }
}

/// Reads a list, the whole of `blob`. Controls for which [`List`] has no room are left out and counted.
///
/// The handle is not looked at: the numbers and types of the controls need no map.
pub fn read_list(mut blob: Reader<'_>, numbers: Numbers, list: &mut List) -> Result<usize, Error> {
    list.clear();
    let begin = blob.at();
    let header = Header::read(&mut blob, LIST_ENTRY)?;
    header.expect(numbers, begin)?;
    let mut entries = blob.part(header.entries * LIST_ENTRY, "controls")?;
    let (mut values, start) = (blob.clone(), blob.at());
    let mut left_out = 0;
    for _ in 0..header.entries {
        let at = entries.at();
        let id = entries.u32("number of a control")?;
        let value = read_value(&mut entries, &mut values, start)?;
        if list.get(id).is_some() {
            return Err(Error::Twice { id, at });
        }
        left_out += usize::from(!list.set(id, value));
    }
    values.end("a list of controls")?;
    Ok(left_out)
}

/// Bytes of a list.
pub fn list_size(list: &List) -> usize {
    HEADER
        + known(list)
            .map(|(_, value)| LIST_ENTRY + Shape::of(&value).size)
            .sum::<usize>()
}

/// Controls whose values can be written.
fn known(list: &List) -> impl Iterator<Item = (u32, Value)> + '_ {
    list.iter().filter(|(_, value)| *value != Value::Other)
}

/// Writes a list. Values of types that were not understood are left out.
pub fn write_list(
    handle: u32,
    numbers: Numbers,
    list: &List,
    to: &mut Writer<'_>,
) -> Result<(), Error> {
    let entries = known(list).count();
    let header = Header {
        handle,
        entries,
        numbers,
    };
    header.write(
        LIST_ENTRY,
        list_size(list) - HEADER - entries * LIST_ENTRY,
        to,
    )?;
    let mut place = 0;
    for (id, value) in known(list) {
        let shape = Shape::of(&value);
        to.u32(id)?;
        shape.write(place, to)?;
        place += shape.size;
    }
    known(list).try_for_each(|(_, value)| write_value(&value, to))
}

/// Reads a map, the whole of `blob`; `None` if it is one that was sent before.
pub fn read_infos(blob: Reader<'_>, numbers: Numbers) -> Result<Option<Vec<Info>>, Error> {
    let mut infos: Vec<Info> = Vec::new();
    let there = each_info(blob, numbers, |info, at| {
        if infos.iter().any(|other| other.id == info.id) {
            return Err(Error::Twice { id: info.id, at });
        }
        infos.push(info);
        Ok(())
    })?;
    Ok(there.then_some(infos))
}

/// Checks a map that is not needed, without keeping it.
pub fn check_infos(blob: Reader<'_>, numbers: Numbers) -> Result<(), Error> {
    each_info(blob, numbers, |_, _| Ok(())).map(drop)
}

fn each_info(
    mut blob: Reader<'_>,
    numbers: Numbers,
    mut take: impl FnMut(Info, usize) -> Result<(), Error>,
) -> Result<bool, Error> {
    // libcamera makes room for a map, finds that it sent it already, and sends the room.
    if blob.left() >= HEADER && blob.bytes.iter().all(|&byte| byte == 0) {
        return Ok(false);
    }
    let begin = blob.at();
    let header = Header::read(&mut blob, INFO_ENTRY)?;
    header.expect(numbers, begin)?;
    let mut entries = blob.part(header.entries * INFO_ENTRY, "controls")?;
    let (mut values, start) = (blob.clone(), blob.at());
    for _ in 0..header.entries {
        let at = entries.at();
        let id = entries.u32("number of a control")?;
        let kind = entries.u32("type of a control")?;
        if kind as usize >= SIZES.len() {
            return Err(Error::Unknown {
                what: "type of a control",
                at: at + 4,
                found: kind.into(),
            });
        }
        entries.take(8, "direction")?;
        let info = Info {
            id,
            minimum: read_value(&mut entries, &mut values, start)?,
            maximum: read_value(&mut entries, &mut values, start)?,
            default: read_value(&mut entries, &mut values, start)?,
        };
        take(info, at)?;
    }
    values.end("a map of controls")?;
    Ok(true)
}

fn limits(info: &Info) -> [&Value; 3] {
    [&info.minimum, &info.maximum, &info.default]
}

/// Bytes of a map.
pub fn infos_size(infos: &[Info]) -> usize {
    HEADER
        + infos
            .iter()
            .map(|info| {
                let values = limits(info).map(|value| Shape::of(value).size);
                INFO_ENTRY + values.iter().sum::<usize>()
            })
            .sum::<usize>()
}

/// Writes a map. A limit whose type was not understood becomes one that was never set.
pub fn write_infos(
    handle: u32,
    numbers: Numbers,
    infos: &[Info],
    to: &mut Writer<'_>,
) -> Result<(), Error> {
    let header = Header {
        handle,
        entries: infos.len(),
        numbers,
    };
    header.write(
        INFO_ENTRY,
        infos_size(infos) - HEADER - infos.len() * INFO_ENTRY,
        to,
    )?;
    let mut place = 0;
    for info in infos {
        let shapes = limits(info).map(Shape::of);
        let kind = shapes
            .iter()
            .map(|shape| shape.kind)
            .find(|&kind| kind != 0);
        to.u32(info.id)?;
        to.u32(kind.unwrap_or(0).into())?;
        to.bytes(&[DIRECTION, 0, 0, 0, 0, 0, 0, 0])?;
        for shape in shapes {
            shape.write(place, to)?;
            place += shape.size;
        }
    }
    infos
        .iter()
        .flat_map(limits)
        .try_for_each(|value| write_value(value, to))
}
