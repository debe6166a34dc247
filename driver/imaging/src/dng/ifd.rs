//! TIFF's directories (TIFF 6.0 section 2; DNG 1.7.1.0 uses them as they are), written least significant byte first.

use std::collections::BTreeMap;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Bytes that are numbers.
    Bytes(Vec<u8>),
    /// Text; its end is marked when it is written.
    Text(String),
    /// Numbers of 16 bits.
    Shorts(Vec<u16>),
    /// Numbers of 32 bits.
    Longs(Vec<u32>),
    /// Fractions that are not negative.
    Rationals(Vec<[u32; 2]>),
    /// Bytes that are something else.
    Undefined(Vec<u8>),
    /// Fractions.
    SignedRationals(Vec<[i32; 2]>),
    /// Numbers of 64 bits with a point.
    Doubles(Vec<f64>),
    /// Other directories.
    Directories(Vec<Directory>),
    /// Parts of the picture, which are stored behind the directories. Their lengths are another field.
    Parts(Vec<Vec<u8>>),
}

/// A directory: values by the numbers of their fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    fields: BTreeMap<u16, Value>,
}

/// Bytes of a field in a directory, and of what stands around all fields.
const FIELD: usize = 12;
const AROUND: usize = 2 + 4;
/// Bytes of a value that need no place of their own.
const INLINE: usize = 4;

/// Why a file cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Offsets have 32 bits.
    #[error("a TIFF file of more than 4 GiB cannot be written")]
    TooLarge,
}

impl Directory {
    /// Sets a field.
    pub fn set(&mut self, field: u16, value: Value) -> &mut Self {
        self.fields.insert(field, value);
        self
    }

    /// A field's value.
    pub fn get(&self, field: u16) -> Option<&Value> {
        self.fields.get(&field)
    }

    /// Writes a whole file that begins with this directory.
    ///
    /// # Errors
    /// When it does not fit into 4 GiB.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let begin = out.len();
        out.extend(b"II*\0\x08\0\0\0");
        let mut parts = Vec::new();
        self.append(begin, out, &mut parts)?;
        for (place, part) in parts {
            align(begin, out);
            let offset = offset(begin, out)?;
            out[place..place + 4].copy_from_slice(&offset.to_le_bytes());
            out.extend(part);
        }
        offset(begin, out).map(|_| ())
    }

    /// Appends this directory, what its fields hold, and the directories below it. `parts` gets what is to come behind
    /// all of them, and where its offset is to be written.
    fn append<'a>(
        &'a self,
        begin: usize,
        out: &mut Vec<u8>,
        parts: &mut Vec<(usize, &'a [u8])>,
    ) -> Result<(), Error> {
        out.extend((self.fields.len() as u16).to_le_bytes());
        let mut field = out.len();
        out.resize(field + self.fields.len() * FIELD + AROUND - 2, 0);
        for (number, value) in &self.fields {
            let (kind, count) = value.kind_and_count();
            out[field..field + 2].copy_from_slice(&number.to_le_bytes());
            out[field + 2..field + 4].copy_from_slice(&kind.to_le_bytes());
            let count = u32::try_from(count).map_err(|_| Error::TooLarge)?;
            out[field + 4..field + 8].copy_from_slice(&count.to_le_bytes());
            let place = field + 8;
            let mut bytes = Vec::new();
            value.bytes(&mut bytes);
            // Offsets are numbers of 32 bits like others, only not known yet.
            let offsets = if bytes.len() <= INLINE {
                out[place..place + bytes.len()].copy_from_slice(&bytes);
                place
            } else {
                align(begin, out);
                let offset = offset(begin, out)?;
                out[place..place + 4].copy_from_slice(&offset.to_le_bytes());
                let offsets = out.len();
                out.extend(bytes);
                offsets
            };
            match value {
                Value::Directories(directories) => {
                    for (index, directory) in directories.iter().enumerate() {
                        align(begin, out);
                        let offset = offset(begin, out)?;
                        let place = offsets + 4 * index;
                        out[place..place + 4].copy_from_slice(&offset.to_le_bytes());
                        directory.append(begin, out, parts)?;
                    }
                }
                Value::Parts(all) => {
                    let places = (0..).map(|index| offsets + 4 * index);
                    parts.extend(places.zip(all.iter().map(Vec::as_slice)));
                }
                _ => {}
            }
            field += FIELD;
        }
        Ok(())
    }
}

impl Value {
    /// Text that TIFF can hold: 7 bits, no end in the middle.
    pub fn text(text: &str) -> Self {
        let is_plain = |letter: &char| letter.is_ascii() && *letter != '\0';
        Self::Text(text.chars().filter(is_plain).collect())
    }

    /// Fractions that are as near as 32 bits allow to numbers that are not negative.
    pub fn rationals(numbers: &[f64]) -> Self {
        let fractions = numbers.iter().map(|number| {
            let [top, bottom] = fraction(number.max(0.0), u32::MAX.into());
            [top as u32, bottom as u32]
        });
        Self::Rationals(fractions.collect())
    }

    /// Fractions that are as near as 32 bits allow.
    pub fn signed_rationals(numbers: &[f64]) -> Self {
        let fractions = numbers.iter().map(|number| {
            let [top, bottom] = fraction(number.abs(), i32::MAX as u64);
            let top = top as i32;
            [if *number < 0.0 { -top } else { top }, bottom as i32]
        });
        Self::SignedRationals(fractions.collect())
    }

    /// TIFF's number of the type, and how many values there are.
    fn kind_and_count(&self) -> (u16, usize) {
        match self {
            Self::Bytes(values) => (1, values.len()),
            Self::Text(text) => (2, text.len() + 1),
            Self::Shorts(values) => (3, values.len()),
            Self::Longs(values) => (4, values.len()),
            Self::Directories(values) => (4, values.len()),
            Self::Parts(values) => (4, values.len()),
            Self::Rationals(values) => (5, values.len()),
            Self::Undefined(values) => (7, values.len()),
            Self::SignedRationals(values) => (10, values.len()),
            Self::Doubles(values) => (12, values.len()),
        }
    }

    fn bytes(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(values) | Self::Undefined(values) => out.extend(values),
            Self::Text(text) => {
                out.extend(text.as_bytes());
                out.push(0);
            }
            Self::Shorts(values) => out.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Longs(values) => out.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Rationals(values) => {
                let numbers = values.iter().flatten();
                out.extend(numbers.flat_map(|value| value.to_le_bytes()));
            }
            Self::SignedRationals(values) => {
                let numbers = values.iter().flatten();
                out.extend(numbers.flat_map(|value| value.to_le_bytes()));
            }
            Self::Doubles(values) => {
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::Directories(values) => out.resize(4 * values.len(), 0),
            Self::Parts(values) => out.resize(4 * values.len(), 0),
        }
    }
}

/// Offsets are even (TIFF 6.0, section 2).
fn align(begin: usize, out: &mut Vec<u8>) {
    if (out.len() - begin) % 2 == 1 {
        out.push(0);
    }
}

fn offset(begin: usize, out: &[u8]) -> Result<u32, Error> {
    u32::try_from(out.len() - begin).map_err(|_| Error::TooLarge)
}

/// The best fraction with both parts up to `most`, by continued fractions; what is no number is 0.
fn fraction(number: f64, most: u64) -> [u64; 2] {
    if !number.is_finite() {
        return [0, 1];
    }
    if number >= most as f64 {
        return [most, 1];
    }
    let (mut before, mut last) = ([0u64, 1u64], [1u64, 0u64]);
    let mut rest = number;
    loop {
        let whole = rest.floor();
        let next = |index: usize| {
            let product = (whole as u64).checked_mul(last[index])?;
            product
                .checked_add(before[index])
                .filter(|part| *part <= most)
        };
        let (Some(top), Some(bottom)) = (next(0), next(1)) else {
            break;
        };
        (before, last) = (last, [top, bottom]);
        rest -= whole;
        if rest < 1e-12 || (top as f64 / bottom as f64 - number).abs() <= number * 1e-12 {
            break;
        }
        rest = 1.0 / rest;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_is_written_as_tiff_has_it() {
        let mut below = Directory::default();
        below.set(0x9000, Value::Undefined(b"0231".to_vec()));
        let mut first = Directory::default();
        first
            .set(256, Value::Longs(vec![640]))
            .set(271, Value::text("Bayonet"))
            .set(273, Value::Parts(vec![vec![1, 2, 3]]))
            .set(0x8769, Value::Directories(vec![below]));
        let mut out = Vec::new();
        first.write(&mut out).unwrap();
        let expected = [
            &b"II*\0\x08\0\0\0"[..],
            &[4, 0],
            &[0, 1, 4, 0, 1, 0, 0, 0, 128, 2, 0, 0],
            &[15, 1, 2, 0, 8, 0, 0, 0, 62, 0, 0, 0],
            &[17, 1, 4, 0, 1, 0, 0, 0, 88, 0, 0, 0],
            &[105, 135, 4, 0, 1, 0, 0, 0, 70, 0, 0, 0],
            &[0; 4],
            b"Bayonet\0",
            &[1, 0],
            &[0, 144, 7, 0, 4, 0, 0, 0],
            b"0231",
            &[0; 4],
            &[1, 2, 3],
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn text_is_what_tiff_can_hold() {
        assert_eq!(
            Value::text("Noctilux\u{2011}M\0 50"),
            Value::Text("NoctiluxM 50".into())
        );
    }

    #[test]
    fn usual_numbers_are_usual_fractions() {
        let Value::Rationals(fractions) =
            Value::rationals(&[0.004, 1.4, 0.0, 50.0, f64::NAN, -3.0])
        else {
            panic!();
        };
        assert_eq!(
            fractions,
            [[1, 250], [7, 5], [0, 1], [50, 1], [0, 1], [0, 1]]
        );
        let Value::SignedRationals(fractions) = Value::signed_rationals(&[-0.25, 1e30]) else {
            panic!();
        };
        assert_eq!(fractions, [[-1, 4], [i32::MAX, 1]]);
    }

    proptest! {
        #[test]
        fn fractions_are_near(number in prop_oneof![0.0..10.0f64, 0.0..4e9, 1e-6..1e-3]) {
            let [top, bottom] = fraction(number, u32::MAX.into());
            prop_assert!(top <= u32::MAX.into() && (1..=u64::from(u32::MAX)).contains(&bottom));
            let found = top as f64 / bottom as f64;
            prop_assert!((found - number).abs() <= 1e-9 * number.max(1e-3), "{number} {top}/{bottom}");
        }
    }
}
