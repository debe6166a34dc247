//! Lossless JPEG to samples. Whatever comes in, this ends with samples or an error.

use super::huffman::LONGEST;
use super::{DHT, DRI, EOI, RST0, SOF3, SOI, SOS};

/// Most components that a picture may have.
const COMPONENTS: usize = 4;
/// Bits of a code that are looked up at once.
const LOOKED_UP: usize = 9;

/// Why something is no lossless JPEG, or none that we read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It ends too early.
    #[error("lossless JPEG: it ends in {0}")]
    Ends(&'static str),
    /// Something is not as it must be.
    #[error("lossless JPEG: {0}")]
    Wrong(String),
    /// It is as it may be, but nobody writes such a thing into a DNG.
    #[error("lossless JPEG: {0} is not supported")]
    Unsupported(String),
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Row by row, components of a pixel side by side.
    pub samples: Vec<u16>,
    /// Samples in a row: pixels times components.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bits of a sample.
    pub bits: u8,
}

/// Decodes a whole stream of `most` samples at most.
///
/// # Errors
/// Those of [`Error`]; a picture that is larger is one of them.
pub fn decode(bytes: &[u8], most: usize) -> Result<Decoded, Error> {
    let mut reader = Reader { bytes };
    let mut tables: [Option<Table>; 4] = Default::default();
    let mut frame: Option<Frame> = None;
    let mut restart = 0;
    if reader.marker()? != SOI {
        return Err(Error::Wrong(
            "it does not begin with a picture's start".into(),
        ));
    }
    loop {
        match reader.marker()? {
            SOF3 => frame = Some(Frame::read(reader.segment("the frame's header")?, most)?),
            DHT => Table::read(reader.segment("a Huffman table")?, &mut tables)?,
            DRI => {
                let mut segment = reader.segment("the restart interval")?;
                restart = segment.two("the restart interval")?.into();
            }
            SOS => {
                let frame = frame.ok_or_else(|| Error::Wrong("no frame before the scan".into()))?;
                let scan = Scan::read(reader.segment("the scan's header")?, &frame)?;
                return scan.decode(&frame, &tables, restart, reader.bytes);
            }
            EOI => return Err(Error::Ends("its headers")),
            marker @ (0xc0..=0xc2 | 0xc5..=0xcf) => {
                return Err(Error::Unsupported(format!("coding process {marker:#04x}")));
            }
            _ => {
                reader.segment("a segment")?;
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn one(&mut self, what: &'static str) -> Result<u8, Error> {
        let (first, rest) = self.bytes.split_first().ok_or(Error::Ends(what))?;
        self.bytes = rest;
        Ok(*first)
    }

    fn two(&mut self, what: &'static str) -> Result<u16, Error> {
        let (first, rest) = self.bytes.split_first_chunk().ok_or(Error::Ends(what))?;
        self.bytes = rest;
        Ok(u16::from_be_bytes(*first))
    }

    /// The next marker; 255 may be repeated before it.
    fn marker(&mut self) -> Result<u8, Error> {
        if self.one("a marker")? != 0xff {
            return Err(Error::Wrong("a marker is missing".into()));
        }
        loop {
            match self.one("a marker")? {
                0xff => {}
                0 => return Err(Error::Wrong("a marker is missing".into())),
                marker => return Ok(marker),
            }
        }
    }

    fn segment(&mut self, what: &'static str) -> Result<Reader<'a>, Error> {
        let length = usize::from(self.two(what)?);
        let length = length
            .checked_sub(2)
            .ok_or_else(|| Error::Wrong(format!("{what} has no length")))?;
        let (bytes, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(Error::Ends(what))?;
        self.bytes = rest;
        Ok(Reader { bytes })
    }
}

struct Frame {
    bits: u8,
    height: usize,
    width: usize,
    components: Vec<u8>,
}

impl Frame {
    fn read(mut from: Reader<'_>, most: usize) -> Result<Self, Error> {
        const WHAT: &str = "the frame's header";
        let bits = from.one(WHAT)?;
        if !(2..=16).contains(&bits) {
            return Err(Error::Wrong(format!("samples of {bits} bits")));
        }
        let [height, width] = [from.two(WHAT)?, from.two(WHAT)?].map(usize::from);
        let count = from.one(WHAT)?;
        if height == 0 || width == 0 || count == 0 {
            return Err(Error::Wrong(format!(
                "{width} x {height} pixels of {count} components"
            )));
        }
        if usize::from(count) > COMPONENTS {
            return Err(Error::Unsupported(format!(
                "a picture of {count} components"
            )));
        }
        if width * height * usize::from(count) > most {
            return Err(Error::Wrong(format!(
                "{width} x {height} pixels of {count} components are more than the {most} samples that are expected"
            )));
        }
        let mut components = Vec::new();
        for _ in 0..count {
            components.push(from.one(WHAT)?);
            let sampling = from.one(WHAT)?;
            if sampling != 0x11 {
                return Err(Error::Unsupported(format!("sampling {sampling:#04x}")));
            }
            from.one(WHAT)?;
        }
        Ok(Self {
            bits,
            height,
            width,
            components,
        })
    }
}

/// A Huffman table.
#[derive(Clone)]
struct Table {
    /// By the next bits: category and length of the code; length 0 for a longer one.
    short: Box<[(u8, u8); 1 << LOOKED_UP]>,
    /// For each length: the first code, how many there are, and where their categories begin.
    long: [(u32, u32, usize); LONGEST],
    categories: Vec<u8>,
}

impl Table {
    fn read(mut from: Reader<'_>, tables: &mut [Option<Self>; 4]) -> Result<(), Error> {
        const WHAT: &str = "a Huffman table";
        while !from.bytes.is_empty() {
            let place = from.one(WHAT)?;
            let slot = tables
                .get_mut(usize::from(place))
                .ok_or_else(|| Error::Wrong(format!("Huffman table {place:#04x}")))?;
            let mut counts = [0; LONGEST];
            for count in &mut counts {
                *count = from.one(WHAT)?;
            }
            let all = counts.iter().map(|count| usize::from(*count)).sum();
            let (categories, rest) = from.bytes.split_at_checked(all).ok_or(Error::Ends(WHAT))?;
            from.bytes = rest;
            *slot = Some(Self::new(&counts, categories)?);
        }
        Ok(())
    }

    fn new(counts: &[u8; LONGEST], categories: &[u8]) -> Result<Self, Error> {
        if let Some(category) = categories.iter().find(|category| **category > 16) {
            return Err(Error::Wrong(format!("a difference of {category} bits")));
        }
        let mut short = Box::new([(0, 0); 1 << LOOKED_UP]);
        let mut long = [(0, 0, 0); LONGEST];
        let (mut code, mut begin) = (0u32, 0);
        for (index, count) in counts.iter().enumerate() {
            let (length, count) = (index + 1, u32::from(*count));
            if code + count > 1 << length {
                return Err(Error::Wrong(format!("too many codes of {length} bits")));
            }
            long[index] = (code, count, begin);
            for category in &categories[begin..begin + count as usize] {
                if let Some(free) = LOOKED_UP.checked_sub(length) {
                    let first = (code as usize) << free;
                    short[first..first + (1 << free)].fill((*category, length as u8));
                }
                code += 1;
            }
            begin += count as usize;
            code <<= 1;
        }
        Ok(Self {
            short,
            long,
            categories: categories.to_vec(),
        })
    }

    /// The category of the next code.
    fn next(&self, bits: &mut Bits<'_>) -> Result<u8, Error> {
        let ahead = bits.peek();
        let (category, length) = self.short[(ahead >> (32 - LOOKED_UP)) as usize];
        if length > 0 {
            bits.skip(length.into());
            return Ok(category);
        }
        for length in LOOKED_UP + 1..=LONGEST {
            let (first, count, begin) = self.long[length - 1];
            let code = ahead >> (32 - length);
            if code >= first && code - first < count {
                bits.skip(length as u32);
                return Ok(self.categories[begin + (code - first) as usize]);
            }
        }
        Err(Error::Wrong("bits that are no code".into()))
    }
}

struct Scan {
    /// Number of each component's table.
    tables: Vec<usize>,
    predictor: u8,
}

impl Scan {
    fn read(mut from: Reader<'_>, frame: &Frame) -> Result<Self, Error> {
        const WHAT: &str = "the scan's header";
        let count = usize::from(from.one(WHAT)?);
        if count != frame.components.len() {
            return Err(Error::Unsupported(format!(
                "a scan of {count} of {} components",
                frame.components.len()
            )));
        }
        let mut tables = Vec::new();
        for component in &frame.components {
            let found = from.one(WHAT)?;
            if found != *component {
                return Err(Error::Wrong(format!(
                    "component {found} instead of {component}"
                )));
            }
            tables.push(usize::from(from.one(WHAT)? >> 4));
        }
        let (predictor, _, shift) = (from.one(WHAT)?, from.one(WHAT)?, from.one(WHAT)?);
        if !(1..=7).contains(&predictor) {
            return Err(Error::Wrong(format!("predictor {predictor}")));
        }
        if shift != 0 {
            return Err(Error::Unsupported(format!(
                "a point transform of {shift} bits"
            )));
        }
        Ok(Self { tables, predictor })
    }

    fn decode(
        &self,
        frame: &Frame,
        tables: &[Option<Table>; 4],
        restart: usize,
        bytes: &[u8],
    ) -> Result<Decoded, Error> {
        let tables = self.tables.iter().map(|number| {
            let table = tables.get(*number).and_then(Option::as_ref);
            table.ok_or_else(|| Error::Wrong(format!("there is no Huffman table {number}")))
        });
        let tables = tables.collect::<Result<Vec<_>, _>>()?;
        let components = tables.len();
        if !restart.is_multiple_of(frame.width) {
            return Err(Error::Unsupported("a restart within a row".into()));
        }
        let rows = restart / frame.width;
        let width = frame.width * components;
        // Every sample takes a bit at least.
        if bytes.len().saturating_mul(8) < width * frame.height {
            return Err(Error::Ends("its samples"));
        }
        let mut samples = vec![0u16; width * frame.height];
        let mut bits = Bits::new(bytes);
        let mut since = 0;
        for y in 0..frame.height {
            if rows > 0 && since == rows {
                bits.restart()?;
                since = 0;
            }
            let (before, row) = samples.split_at_mut(width * y);
            let row = &mut row[..width];
            let above = if since == 0 {
                None
            } else {
                before.rchunks_exact(width).next()
            };
            for index in 0..width {
                let category = tables[index % components].next(&mut bits)?;
                let difference = bits.difference(category);
                let left = index.checked_sub(components);
                let predicted = match (left, above) {
                    (None, None) => 1 << (frame.bits - 1),
                    (None, Some(above)) => above[index],
                    (Some(left), None) => row[left],
                    (Some(left), Some(above)) => {
                        predict(self.predictor, row[left], above[index], above[left])
                    }
                };
                row[index] = predicted.wrapping_add(difference);
            }
            since += 1;
        }
        if bits.is_beyond() {
            return Err(Error::Ends("its samples"));
        }
        Ok(Decoded {
            samples,
            width,
            height: frame.height,
            bits: frame.bits,
        })
    }
}

/// T.81 table H.1.
fn predict(predictor: u8, left: u16, above: u16, corner: u16) -> u16 {
    let [a, b, c] = [left, above, corner].map(i32::from);
    let value = match predictor {
        1 => a,
        2 => b,
        3 => c,
        4 => a + b - c,
        5 => a + ((b - c) >> 1),
        6 => b + ((a - c) >> 1),
        _ => (a + b) >> 1,
    };
    value as u16
}

/// Bits of a scan's data, up to the next marker.
struct Bits<'a> {
    bytes: &'a [u8],
    held: u64,
    count: u32,
    /// Bits that were made up, since there were no more.
    missing: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            held: 0,
            count: 0,
            missing: 0,
        }
    }

    /// The next 32 bits; zeros where there are no more.
    fn peek(&mut self) -> u32 {
        while self.count < 32 {
            let byte = match self.bytes {
                [0xff, 0, rest @ ..] => {
                    self.bytes = rest;
                    0xff
                }
                [0xff, ..] | [] => {
                    self.missing = self.missing.saturating_add(8);
                    0
                }
                [byte, rest @ ..] => {
                    self.bytes = rest;
                    *byte
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
        (self.held >> (self.count - 32)) as u32
    }

    fn skip(&mut self, count: u32) {
        self.count -= count;
    }

    /// The bits behind a code, as a difference modulo 65536.
    fn difference(&mut self, category: u8) -> u16 {
        match category {
            0 => 0,
            16 => 1 << 15,
            _ => {
                let count = u32::from(category);
                let bits = self.peek() >> (32 - count);
                self.skip(count);
                let negative = bits >> (count - 1) == 0;
                let value = bits.cast_signed() - if negative { (1 << count) - 1 } else { 0 };
                value as u16
            }
        }
    }

    /// Whether bits were read that are not there.
    fn is_beyond(&self) -> bool {
        self.missing > self.count
    }

    /// Goes on behind the next restart marker.
    fn restart(&mut self) -> Result<(), Error> {
        // Up to the marker: what is left of the last byte is read and not used.
        self.peek();
        let missing = self.is_beyond();
        let [0xff, RST0..=0xd7, rest @ ..] = self.bytes else {
            return Err(Error::Wrong("a restart marker is missing".into()));
        };
        if missing {
            return Err(Error::Ends("its samples"));
        }
        *self = Self::new(rest);
        Ok(())
    }
}
