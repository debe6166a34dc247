//! TIFF's directories (TIFF 6.0 section 2), as others may have written them. Whatever the bytes are, this ends with
//! values or an error, and with no more memory than the file's own size asks for.

use super::Error;
use crate::dng::tags::Tag;

/// A file.
#[derive(Clone, Copy, Debug)]
pub(in crate::dng) struct Tiff<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) order: Order,
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dng) enum Order {
    /// The least significant.
    Little,
    /// The most significant.
    Big,
}

/// A directory.
#[derive(Clone, Copy, Debug)]
pub(in crate::dng) struct Directory<'a> {
    tiff: Tiff<'a>,
    /// Where it is.
    pub(super) offset: usize,
    entries: &'a [[u8; 12]],
    /// Where the next one is; 0 if there is none.
    pub(super) next: usize,
}

/// A field of a directory.
#[derive(Clone, Copy, Debug)]
pub(in crate::dng) struct Field<'a> {
    tag: Tag,
    kind: Kind,
    order: Order,
    /// Where its values begin.
    pub(in crate::dng) place: usize,
    /// All of them.
    pub(super) bytes: &'a [u8],
}

/// TIFF's types of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Byte,
    Text,
    Short,
    Long,
    Rational,
    SignedByte,
    Undefined,
    SignedShort,
    SignedLong,
    SignedRational,
    Float,
    Double,
}

/// Numbers in TIFF's header: what makes it a TIFF, and the same for files of more than 4 GiB.
const MAGIC: u16 = 42;
const MAGIC_OF_BIG_TIFF: u16 = 43;
/// Most bytes of a value within an entry.
const INLINE: usize = 4;

impl Kind {
    fn of(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Byte,
            2 => Self::Text,
            3 => Self::Short,
            // 13 is an offset of a directory (TIFF Technical Note 1).
            4 | 13 => Self::Long,
            5 => Self::Rational,
            6 => Self::SignedByte,
            7 => Self::Undefined,
            8 => Self::SignedShort,
            9 => Self::SignedLong,
            10 => Self::SignedRational,
            11 => Self::Float,
            12 => Self::Double,
            _ => return None,
        })
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Byte | Self::Text | Self::SignedByte | Self::Undefined => 1,
            Self::Short | Self::SignedShort => 2,
            Self::Long | Self::SignedLong | Self::Float => 4,
            Self::Rational | Self::SignedRational | Self::Double => 8,
        }
    }
}

impl Order {
    pub(super) fn short(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn long(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn double(self, bytes: [u8; 8]) -> f64 {
        match self {
            Self::Little => f64::from_le_bytes(bytes),
            Self::Big => f64::from_be_bytes(bytes),
        }
    }
}

impl<'a> Tiff<'a> {
    /// Reads the header; with it comes the first directory's offset.
    pub(in crate::dng) fn new(bytes: &'a [u8]) -> Result<(Self, usize), Error> {
        let order = match bytes {
            [b'I', b'I', ..] => Order::Little,
            [b'M', b'M', ..] => Order::Big,
            _ => {
                return Err(Error::NotDng(
                    "it does not begin as a TIFF file does".into(),
                ));
            }
        };
        let tiff = Self { bytes, order };
        let magic = order.short(*tiff.array(2, "the file's header")?);
        match magic {
            MAGIC => {}
            MAGIC_OF_BIG_TIFF => return Err(Error::Unsupported("BigTIFF".into())),
            _ => {
                return Err(Error::NotDng(format!(
                    "TIFF's number is {magic} instead of 42"
                )));
            }
        }
        let first = order.long(*tiff.array(4, "the file's header")?);
        Ok((tiff, first as usize))
    }

    fn array<const N: usize>(&self, offset: usize, what: &str) -> Result<&'a [u8; N], Error> {
        let rest = self.bytes.get(offset..).and_then(<[u8]>::first_chunk);
        rest.ok_or_else(|| Error::Ends {
            what: what.into(),
            offset,
        })
    }

    /// The directory at an offset.
    pub(in crate::dng) fn directory(self, offset: usize) -> Result<Directory<'a>, Error> {
        const WHAT: &str = "a directory";
        let count = usize::from(self.order.short(*self.array(offset, WHAT)?));
        let begin = offset + 2;
        let ends = || Error::Ends {
            what: format!("a directory of {count} fields"),
            offset,
        };
        let rest = self.bytes.get(begin..).ok_or_else(ends)?;
        let (entries, _) = rest.as_chunks();
        let entries = entries.get(..count).ok_or_else(ends)?;
        // Some writers leave the last one out.
        let next = self.array(begin + 12 * count, WHAT);
        Ok(Directory {
            tiff: self,
            offset,
            entries,
            next: next.map_or(0, |next| self.order.long(*next) as usize),
        })
    }
}

impl<'a> Directory<'a> {
    /// A field, if it is there.
    pub(in crate::dng) fn field(&self, tag: Tag) -> Result<Option<Field<'a>>, Error> {
        let order = self.tiff.order;
        let short = |entry: &[u8; 12], at: usize| order.short([entry[at], entry[at + 1]]);
        let number = |entry: &&[u8; 12]| short(entry, 0) == tag.0;
        let Some(index) = self.entries.iter().position(|entry| number(&entry)) else {
            return Ok(None);
        };
        let (entry, at) = (&self.entries[index], self.offset + 2 + 12 * index);
        let wrong = |reason: String| Error::Field {
            tag: tag.1,
            offset: at,
            reason,
        };
        let number = short(entry, 2);
        let kind = Kind::of(number).ok_or_else(|| wrong(format!("type {number} is unknown")))?;
        let [_, _, _, _, a, b, c, d, ..] = *entry;
        let count = order.long([a, b, c, d]) as usize;
        let length = kind.bytes().checked_mul(count);
        let [.., a, b, c, d] = *entry;
        let place = match length {
            Some(..=INLINE) => at + 8,
            _ => order.long([a, b, c, d]) as usize,
        };
        let bytes = length
            .and_then(|length| self.tiff.bytes.get(place..place.checked_add(length)?))
            .ok_or_else(|| {
                wrong(format!(
                    "its {count} values at offset {place} are beyond the file's end at {}",
                    self.tiff.bytes.len()
                ))
            })?;
        Ok(Some(Field {
            tag,
            kind,
            order,
            place,
            bytes,
        }))
    }

    /// A field's numbers.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Option<Vec<f64>>, Error> {
        let field = self.field(tag)?;
        field.map(|field| field.numbers()).transpose()
    }

    /// So many numbers; another count is an error.
    pub(super) fn array<const N: usize>(&self, tag: Tag) -> Result<Option<[f64; N]>, Error> {
        let Some(field) = self.field(tag)? else {
            return Ok(None);
        };
        let numbers = field.numbers()?;
        match numbers.try_into() {
            Ok(numbers) => Ok(Some(numbers)),
            Err(numbers) => {
                let count = Vec::len(&numbers);
                Err(field.wrong(format!("{count} values instead of {N}")))
            }
        }
    }

    /// A field's whole numbers.
    pub(super) fn whole(&self, tag: Tag) -> Result<Option<Vec<u32>>, Error> {
        let field = self.field(tag)?;
        field.map(|field| field.whole()).transpose()
    }

    /// The first of a field's whole numbers.
    pub(in crate::dng) fn one(&self, tag: Tag) -> Result<Option<u32>, Error> {
        let Some(field) = self.field(tag)? else {
            return Ok(None);
        };
        match field.whole()?.first() {
            Some(value) => Ok(Some(*value)),
            None => Err(field.wrong("it has no value")),
        }
    }

    /// Text up to its end, without spaces around it; none if that is empty.
    pub(super) fn text(&self, tag: Tag) -> Result<Option<String>, Error> {
        let Some(field) = self.field(tag)? else {
            return Ok(None);
        };
        let text = field.bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
        let text = String::from_utf8_lossy(text);
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.into()))
    }
}

impl Field<'_> {
    pub(super) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Field {
            tag: self.tag.1,
            offset: self.place,
            reason: reason.into(),
        }
    }

    /// Its numbers; a fraction with nothing below is 0.
    fn numbers(&self) -> Result<Vec<f64>, Error> {
        let order = self.order;
        let parts = |part: fn(u32) -> f64| {
            let (pairs, _) = self.bytes.as_chunks::<8>();
            let fractions = pairs.iter().map(|&[a, b, c, d, e, f, g, h]| {
                let [top, bottom] = [[a, b, c, d], [e, f, g, h]].map(|part| order.long(part));
                if bottom == 0 {
                    return 0.0;
                }
                part(top) / part(bottom)
            });
            fractions.collect()
        };
        let longs = || {
            self.bytes
                .as_chunks()
                .0
                .iter()
                .map(|long| order.long(*long))
        };
        let shorts = || {
            self.bytes
                .as_chunks()
                .0
                .iter()
                .map(|short| order.short(*short))
        };
        let doubles = || {
            self.bytes
                .as_chunks()
                .0
                .iter()
                .map(|double| order.double(*double))
        };
        let bytes = self.bytes.iter();
        Ok(match self.kind {
            Kind::Byte | Kind::Undefined => bytes.map(|byte| f64::from(*byte)).collect(),
            Kind::SignedByte => bytes.map(|byte| f64::from(byte.cast_signed())).collect(),
            Kind::Short => shorts().map(f64::from).collect(),
            Kind::SignedShort => shorts()
                .map(|short| f64::from(short.cast_signed()))
                .collect(),
            Kind::Long => longs().map(f64::from).collect(),
            Kind::SignedLong => longs().map(|long| f64::from(long.cast_signed())).collect(),
            Kind::Float => longs()
                .map(|long| f64::from(f32::from_bits(long)))
                .collect(),
            Kind::Rational => parts(f64::from),
            Kind::SignedRational => parts(|part| f64::from(part.cast_signed())),
            Kind::Double => doubles().collect(),
            Kind::Text => return Err(self.wrong("it is text instead of numbers")),
        })
    }

    fn whole(&self) -> Result<Vec<u32>, Error> {
        let order = self.order;
        let bytes = self.bytes;
        Ok(match self.kind {
            Kind::Byte | Kind::Undefined => bytes.iter().map(|byte| u32::from(*byte)).collect(),
            Kind::Short => {
                let (shorts, _) = bytes.as_chunks();
                shorts
                    .iter()
                    .map(|short| order.short(*short).into())
                    .collect()
            }
            Kind::Long => {
                let (longs, _) = bytes.as_chunks();
                longs.iter().map(|long| order.long(*long)).collect()
            }
            // What should be whole may be written as a fraction.
            _ => {
                let whole = self.numbers()?.into_iter().map(|number| {
                    let is_whole =
                        number.fract() == 0.0 && (0.0..4_294_967_296.0).contains(&number);
                    is_whole.then_some(number as u32).ok_or(number)
                });
                whole
                    .collect::<Result<_, _>>()
                    .map_err(|number| self.wrong(format!("{number} is not a whole number")))?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAG: Tag = Tag(256, "ImageWidth");

    /// A file with one field, whose values follow.
    fn file(order: Order, kind: u16, count: u32, value: [u8; 4], behind: &[u8]) -> Vec<u8> {
        let short = |value: u16| match order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        };
        let long = |value: u32| match order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        };
        let begin = if order == Order::Little { b"II" } else { b"MM" };
        let mut bytes = begin.to_vec();
        bytes.extend(short(42));
        bytes.extend(long(8));
        bytes.extend(short(1));
        bytes.extend(short(TAG.0));
        bytes.extend(short(kind));
        bytes.extend(long(count));
        bytes.extend(value);
        bytes.extend(long(0));
        bytes.extend(behind);
        bytes
    }

    fn numbers(bytes: &[u8]) -> Result<Vec<f64>, Error> {
        let (tiff, first) = Tiff::new(bytes)?;
        Ok(tiff.directory(first)?.numbers(TAG)?.expect("a field"))
    }

    #[test]
    fn every_type_is_read_in_both_orders() {
        const BEHIND: u8 = 26;
        let big = |kind, count, value, behind: &[u8]| {
            numbers(&file(Order::Big, kind, count, value, behind)).unwrap()
        };
        assert_eq!(big(3, 1, [1, 2, 0, 0], &[]), [258.0]);
        assert_eq!(big(8, 2, [0xff, 0xff, 0, 1], &[]), [-1.0, 1.0]);
        assert_eq!(big(6, 1, [0xff, 0, 0, 0], &[]), [-1.0]);
        assert_eq!(big(9, 1, [0xff; 4], &[]), [-1.0]);
        let behind = [0, 0, 0, BEHIND];
        assert_eq!(
            big(10, 1, behind, &[0xff, 0xff, 0xff, 0xfd, 0, 0, 0, 2]),
            [-1.5]
        );
        assert_eq!(big(5, 1, behind, &[0, 0, 0, 3, 0, 0, 0, 0]), [0.0]);
        let little = |kind, count, value, behind: &[u8]| {
            numbers(&file(Order::Little, kind, count, value, behind)).unwrap()
        };
        assert_eq!(little(4, 1, [1, 2, 0, 0], &[]), [513.0]);
        assert_eq!(little(11, 1, 1.5f32.to_le_bytes(), &[]), [1.5]);
        assert_eq!(
            little(12, 1, [BEHIND, 0, 0, 0], &0.1f64.to_le_bytes()),
            [0.1]
        );
    }

    #[test]
    fn what_is_not_there_is_an_error_that_says_where() {
        let error = numbers(&file(Order::Little, 4, 3, [26, 0, 0, 0], &[0; 11])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DNG: ImageWidth at offset 10: its 3 values at offset 26 are beyond the file's end at 37"
        );
        let error =
            numbers(&file(Order::Little, 4, u32::MAX, [26, 0, 0, 0], &[0; 11])).unwrap_err();
        assert!(error.to_string().contains("4294967295 values"), "{error}");
        let error = numbers(&file(Order::Little, 2, 1, [0; 4], &[])).unwrap_err();
        assert!(
            error.to_string().contains("text instead of numbers"),
            "{error}"
        );
        let mut bytes = file(Order::Little, 4, 1, [0; 4], &[]);
        bytes[2] = 43;
        assert!(matches!(numbers(&bytes), Err(Error::Unsupported(_))));
    }

    proptest! {
        #[test]
        fn any_field_is_read_or_refused(
            kind in 0..16u16, count in prop_oneof![0..9u32, any::<u32>()], value in any::<[u8; 4]>(),
            near in any::<bool>(), behind in proptest::collection::vec(any::<u8>(), 0..40),
            length in 0..70usize,
        ) {
            let value = if near { [value[0] % 60, 0, 0, 0] } else { value };
            let mut bytes = file(Order::Little, kind, count, value, &behind);
            bytes.truncate(length);
            if let Ok((tiff, first)) = Tiff::new(&bytes) && let Ok(directory) = tiff.directory(first) {
                let _ = (directory.numbers(TAG), directory.whole(TAG), directory.text(TAG));
            }
        }
    }
}
