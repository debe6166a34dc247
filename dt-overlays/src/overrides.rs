//! What a parameter's data in `__overrides__` says: a list of targets, and where each takes its value from.
//!
//! The forms are those of Raspberry Pi's documentation, "Device Trees, overlays, and parameters". Where that is not
//! exact, `dtmerge/dtoverlay.c` of <https://github.com/raspberrypi/utils> is.

use crate::blob::is_name;
use crate::tree::CELL;
use crate::{Error, Result};

/// What a parameter acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Fragments are merged, or are not: the number of each, and when it is.
    Fragments(Vec<(Merged, u32)>),
    /// A property of the node with this phandle changes.
    Property {
        phandle: u32,
        name: &'a str,
        kind: Kind,
        source: Source<'a>,
    },
}

/// When a fragment is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    Always,
    Never,
    IfOn,
    IfOff,
}

/// What the property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
    /// There, or not there.
    Flag {
        inverted: bool,
    },
    /// A number at this offset in it, of this many bytes.
    Number {
        offset: usize,
        size: usize,
    },
}

/// Where the property's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// The parameter's value.
    Given,
    /// It is always the same.
    Literal(Value<'a>),
    /// It is looked up by the parameter's value.
    Table(Vec<Entry<'a>>),
}

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Without, it is for every value that no other line is for.
    pub(crate) key: Option<&'a str>,
    /// Without, the parameter's value stays as it is.
    pub(crate) value: Option<Value<'a>>,
}

/// A value in the parameter's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    /// A cell at this offset in the data. It may be a reference.
    Cell(usize),
}

/// The targets of a parameter, each with its offset in the data.
pub(crate) fn targets<'a>(parameter: &str, data: &'a [u8]) -> Result<Vec<(usize, Target<'a>)>> {
    let mut reader = Reader { data, offset: 0 };
    let mut targets = Vec::new();
    while reader.offset < data.len() {
        let offset = reader.offset;
        let target = reader.target().map_err(|problem| Error::Override {
            parameter: parameter.into(),
            offset,
            problem: problem.into(),
        })?;
        targets.push((offset, target));
    }
    Ok(targets)
}

type Parsed<T> = std::result::Result<T, &'static str>;

struct Reader<'a> {
    data: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// The cell that comes next, and its offset.
    fn cell(&mut self) -> Parsed<(u32, usize)> {
        let at = self.offset;
        let bytes = self.data[at..].first_chunk().ok_or("a cell is cut off")?;
        self.offset += CELL;
        Ok((u32::from_be_bytes(*bytes), at))
    }

    /// The string that comes next.
    fn string(&mut self) -> Parsed<&'a str> {
        let rest = &self.data[self.offset..];
        let length = rest.iter().position(|byte| *byte == 0);
        let length = length.ok_or("a string does not end")?;
        self.offset += length + 1;
        str::from_utf8(&rest[..length]).map_err(|_| "a string is no text")
    }

    fn target(&mut self) -> Parsed<Target<'a>> {
        let (phandle, _) = self.cell()?;
        let text = self.string()?;
        if phandle == 0 {
            return fragments(text).map(Target::Fragments);
        }
        let separator = |separators: &[char]| text.find(separators).unwrap_or(text.len());
        let place_end = separator(&['=', '{']);
        let (name, place) = text[..place_end]
            .split_at(separator(&['.', ';', ':', '#', '?', '!', '[']).min(place_end));
        if !is_name(name) {
            return Err("it names no property");
        }
        let kind = kind(place)?;
        let rest = &text[place_end..];
        let source = if let Some(table) = rest.strip_prefix('{') {
            Source::Table(self.table(table)?)
        } else if let Some(literal) = rest.strip_prefix('=') {
            Source::Literal(self.literal(kind, literal)?)
        } else {
            Source::Given
        };
        Ok(Target::Property {
            phandle,
            name,
            kind,
            source,
        })
    }

    fn literal(&mut self, kind: Kind, text: &'a str) -> Parsed<Value<'a>> {
        Ok(match kind {
            _ if !text.is_empty() => Value::Text(text),
            Kind::Bytes => Value::Text(text),
            Kind::Text if self.offset == self.data.len() => Value::Text(text),
            Kind::Text => Value::Text(self.string()?),
            Kind::Flag { .. } | Kind::Number { .. } => Value::Cell(self.cell()?.1),
        })
    }

    /// The table that begins with `text`, whose values may be cells behind it, with more of the table behind them.
    fn table(&mut self, mut text: &'a str) -> Parsed<Vec<Entry<'a>>> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        loop {
            if let Some(rest) = text.strip_prefix('}') {
                return if rest.is_empty() {
                    Ok(entries)
                } else {
                    Err("something stands behind a table")
                };
            }
            if text.is_empty() {
                // The last value of all may be a cell, with no string behind it.
                return match entries.last() {
                    Some(Entry {
                        value: Some(Value::Cell(_)),
                        ..
                    }) if self.offset == self.data.len() => Ok(entries),
                    _ => Err("a table has no } at its end"),
                };
            }
            let end = text
                .find(['=', ',', '}'])
                .ok_or("a table has no } at its end")?;
            let key = Some(&text[..end]).filter(|key| !key.is_empty());
            if entries.last().is_some_and(|entry| entry.key.is_none()) {
                return Err(
                    "a table's default is not its last line: what follows would not be seen",
                );
            }
            text = &text[end..];
            let value = if let Some(rest) = text.strip_prefix('=') {
                let (value, rest) = self.value(rest)?;
                text = rest;
                Some(value)
            } else {
                text = text.strip_prefix(',').unwrap_or(text);
                None
            };
            entries.push(Entry { key, value });
        }
    }

    /// The value at the beginning of `text`, and the text behind it.
    fn value(&mut self, text: &'a str) -> Parsed<(Value<'a>, &'a str)> {
        if text.is_empty() {
            let value = Value::Cell(self.cell()?.1);
            let more = self.offset < self.data.len();
            return Ok((value, if more { self.string()? } else { "" }));
        }
        let (value, rest) = match text.strip_prefix('\'') {
            Some(quoted) => quoted
                .split_once('\'')
                .ok_or("a quoted value does not end")?,
            None => text.split_at(text.find([',', '}']).unwrap_or(text.len())),
        };
        Ok((Value::Text(value), rest.strip_prefix(',').unwrap_or(rest)))
    }
}

/// Which fragments, and when: `+1-2=3!4`.
fn fragments(text: &str) -> Parsed<Vec<(Merged, u32)>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let merged = match sign {
            '+' => Merged::Always,
            '-' => Merged::Never,
            '=' => Merged::IfOn,
            '!' => Merged::IfOff,
            _ => return Err("a fragment is told by + - = or ! and its number"),
        };
        let number = &rest[1..];
        let end = number.find(['+', '-', '=', '!']).unwrap_or(number.len());
        let (number, behind) = number.split_at(end);
        found.push((
            merged,
            number.parse().map_err(|_| "a fragment has no number")?,
        ));
        rest = behind;
    }
    Ok(found)
}

/// What a property is, by what stands behind its name.
fn kind(place: &str) -> Parsed<Kind> {
    let Some(separator) = place.chars().next() else {
        return Ok(Kind::Text);
    };
    let behind = &place[1..];
    let kind = match separator {
        '?' => Kind::Flag { inverted: false },
        '!' => Kind::Flag { inverted: true },
        '[' => Kind::Bytes,
        _ => {
            let size = match separator {
                '.' => 1,
                ';' => 2,
                ':' => 4,
                _ => 8,
            };
            let offset = behind.parse().map_err(|_| "an offset is no number")?;
            return Ok(Kind::Number { offset, size });
        }
    };
    if behind.is_empty() {
        Ok(kind)
    } else {
        Err("something stands behind a property's kind")
    }
}
