//! Sets a parameter: puts its value into the overlay's nodes.

use crate::overrides::{Entry, Kind, Merged, Source, Target, Value, targets};
use crate::tree::{ACTIVE, CELL, DORMANT, Node, Property, Reference};
use crate::{Error, Result};

/// Longest property that a number makes longer. Those of real overlays are some dozens of bytes long.
const MAXIMUM_GROWTH: usize = 4096;
/// Most bytes of a string of bytes, as `dtmerge` has it.
const MAXIMUM_BYTES: usize = 32;
/// Base of `strtoull` for a number that begins with `0x`, with another `0`, with none of them.
const BASES: [u32; 3] = [16, 8, 10];

/// A value on its way into a property.
enum Found {
    Text(String),
    Cell(u32, Option<Reference>),
}

/// A parameter that is being set.
struct Setting<'a> {
    parameter: &'a Property,
    value: &'a str,
    /// Where the target that it is set for begins in the parameter's data.
    offset: usize,
}

/// Sets the parameter whose data in `__overrides__` this is. Where that fails, some targets may have been changed.
pub(crate) fn set(root: &mut Node, parameter: &Property, value: &str) -> Result<()> {
    let targets = targets(&parameter.name, &parameter.value)?;
    let choices = choices(&targets);
    let mut setting = Setting {
        parameter,
        value,
        offset: 0,
    };
    if !choices.is_empty() && !choices.iter().any(|choice| choice == value) {
        return Err(setting.not_a_choice(choices));
    }
    for (offset, target) in &targets {
        setting.offset = *offset;
        setting.apply(root, target)?;
    }
    Ok(())
}

/// The values that a parameter takes, where it only looks its value up; otherwise none.
pub(crate) fn choices(targets: &[(usize, Target<'_>)]) -> Vec<String> {
    let mut choices: Vec<String> = Vec::new();
    for (_, target) in targets {
        let entries = match target {
            Target::Property {
                source: Source::Table(entries),
                ..
            } => entries,
            Target::Property {
                source: Source::Literal(_),
                ..
            } => continue,
            Target::Property {
                source: Source::Given,
                ..
            } => return Vec::new(),
            Target::Fragments(fragments) => {
                if fragments
                    .iter()
                    .any(|(merged, _)| matches!(merged, Merged::IfOn | Merged::IfOff))
                {
                    return Vec::new();
                }
                continue;
            }
        };
        for entry in entries {
            match (entry.key, entry.value) {
                // Whatever it is, it is used as it is.
                (None, None) => return Vec::new(),
                (None, Some(_)) => {}
                (Some(key), _) if choices.iter().any(|choice| choice == key) => {}
                (Some(key), _) => choices.push(key.into()),
            }
        }
    }
    choices
}

impl Setting<'_> {
    fn apply(&self, root: &mut Node, target: &Target<'_>) -> Result<()> {
        let (phandle, name, kind, source) = match target {
            Target::Fragments(fragments) => return self.toggle(root, fragments),
            Target::Property {
                phandle,
                name,
                kind,
                source,
            } => (*phandle, *name, *kind, source),
        };
        if phandle == u32::MAX {
            return Err(self.unsupported("a node of the base tree as target"));
        }
        match (name, kind) {
            ("name", Kind::Text) => return Err(self.unsupported("another name for a node")),
            ("reg", Kind::Number { .. }) => {
                return Err(self.unsupported("another address for a node"));
            }
            ("bootargs", Kind::Text) => {
                return Err(self.unsupported("more for the kernel's command line"));
            }
            ("phandle" | "linux,phandle", _) => {
                return Err(self.unsupported("another phandle for a node"));
            }
            _ => {}
        }
        let found = self.find(source)?;
        let node = root
            .by_phandle(phandle)
            .ok_or_else(|| self.wrong(format!("no node has its target's phandle {phandle}")))?;
        match kind {
            Kind::Text => node.put(Property::new(name, self.text(name, found)?)),
            Kind::Bytes => node.put(Property::new(name, self.bytes(&self.plain(found)?)?)),
            Kind::Flag { inverted } => {
                if (self.number(&self.plain(found)?)? != 0) != inverted {
                    node.put(Property::new(name, []));
                } else {
                    node.properties.retain(|property| property.name != name);
                }
            }
            Kind::Number { offset, size } => self.put_number(node, name, offset, size, found)?,
        }
        Ok(())
    }

    /// Has fragments merged, or not.
    fn toggle(&self, root: &mut Node, fragments: &[(Merged, u32)]) -> Result<()> {
        // Any word that means nothing else means yes.
        let on = self.number(self.value).unwrap_or(1) != 0;
        for (merged, number) in fragments {
            let active = match merged {
                Merged::Always => true,
                Merged::Never => false,
                Merged::IfOn => on,
                Merged::IfOff => !on,
            };
            let name = [format!("fragment@{number}"), format!("fragment-{number}")]
                .into_iter()
                .find(|name| root.child(name).is_some());
            let fragment = name.and_then(|name| root.child_mut(&name));
            let fragment =
                fragment.ok_or_else(|| self.wrong(format!("there is no fragment {number}")))?;
            let (from, to) = if active {
                (DORMANT, ACTIVE)
            } else {
                (ACTIVE, DORMANT)
            };
            if let Some(content) = fragment.child_mut(from) {
                content.name = to.into();
            }
        }
        Ok(())
    }

    /// The value for a target.
    fn find(&self, source: &Source<'_>) -> Result<Found> {
        let given = || Ok(Found::Text(self.value.into()));
        match source {
            Source::Given => given(),
            Source::Literal(value) => self.in_data(*value),
            Source::Table(entries) => {
                let is_it = |entry: &&Entry<'_>| entry.key.is_none_or(|key| key == self.value);
                match entries.iter().find(is_it).map(|entry| entry.value) {
                    Some(Some(value)) => self.in_data(value),
                    Some(None) => given(),
                    None => {
                        let keys = entries.iter().filter_map(|entry| entry.key);
                        Err(self.not_a_choice(keys.map(Into::into).collect()))
                    }
                }
            }
        }
    }

    fn in_data(&self, value: Value<'_>) -> Result<Found> {
        Ok(match value {
            Value::Text(text) => Found::Text(text.into()),
            Value::Cell(offset) => {
                let bytes = self
                    .parameter
                    .value
                    .get(offset..)
                    .and_then(|rest| rest.first_chunk());
                let bytes = bytes.ok_or_else(|| self.wrong("a cell is cut off"))?;
                let reference = self.parameter.references.get(&offset).cloned();
                Found::Cell(u32::from_be_bytes(*bytes), reference)
            }
        })
    }

    /// As text; a reference has none that would stay true.
    fn plain(&self, found: Found) -> Result<String> {
        match found {
            Found::Text(text) => Ok(text),
            Found::Cell(number, None) => Ok(number.to_string()),
            Found::Cell(_, Some(_)) => Err(self.unsupported("a label where no cell is")),
        }
    }

    fn text(&self, name: &str, found: Found) -> Result<Vec<u8>> {
        let text = self.plain(found)?;
        if text.contains(['\\', '\0']) {
            return Err(self.unsupported("a character that has to be escaped"));
        }
        let text = match (name, text.as_str()) {
            ("status", "y" | "yes" | "on" | "true" | "enable" | "1") => "okay",
            ("status", "n" | "no" | "off" | "false" | "0") => "disabled",
            (_, text) => text,
        };
        Ok(format!("{text}\0").into())
    }

    fn bytes(&self, text: &str) -> Result<Vec<u8>> {
        let wrong = || Error::NotBytes {
            parameter: self.parameter.name.clone(),
            value: text.into(),
            most: MAXIMUM_BYTES,
        };
        let mut bytes = Vec::new();
        for group in text.split([':', ' ', '\t']) {
            let (pairs, rest) = group.as_bytes().as_chunks::<2>();
            for pair in pairs {
                let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(wrong);
                bytes.push((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
            }
            if !rest.is_empty() || bytes.len() > MAXIMUM_BYTES {
                return Err(wrong());
            }
        }
        Ok(bytes)
    }

    /// A number in C's notation, or a word for one.
    fn number(&self, text: &str) -> Result<i128> {
        let number = match text {
            "y" | "yes" | "on" | "true" | "down" => Some(1),
            "n" | "no" | "off" | "false" => Some(0),
            "up" => Some(2),
            _ => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let hexadecimal = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
                let octal = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
                let (digits, base) = match (hexadecimal, octal) {
                    (Some(digits), _) => (digits, BASES[0]),
                    (None, Some(digits)) => (digits, BASES[1]),
                    (None, None) => (digits, BASES[2]),
                };
                // A sign may stand only at the beginning.
                let number = u64::from_str_radix(digits, base)
                    .ok()
                    .filter(|_| !digits.starts_with('+'));
                let sign = if text.starts_with('-') { -1 } else { 1 };
                number.map(|number| i128::from(number) * sign)
            }
        };
        number.ok_or_else(|| Error::NotANumber {
            parameter: self.parameter.name.clone(),
            value: text.into(),
        })
    }

    fn put_number(
        &self,
        node: &mut Node,
        name: &str,
        offset: usize,
        size: usize,
        found: Found,
    ) -> Result<()> {
        let (number, reference) = match found {
            Found::Text(text) => (self.number(&text)?, None),
            Found::Cell(number, reference) => (i128::from(number), reference),
        };
        if reference.is_some() && size != CELL {
            return Err(self.unsupported("a label where no cell is"));
        }
        let bits = size * 8;
        // A negative number is written as two's complement.
        if number >= 1 << bits || number < -(1 << (bits - 1)) {
            return Err(Error::OutOfRange {
                parameter: self.parameter.name.clone(),
                value: number.to_string(),
                bits,
            });
        }
        let end = offset.saturating_add(size);
        if end > MAXIMUM_GROWTH {
            return Err(self.wrong(format!(
                "offset {offset} is beyond the {MAXIMUM_GROWTH} bytes that a property may have"
            )));
        }
        if node.property(name).is_none() {
            node.put(Property::new(name, []));
        }
        let property = node.property_mut(name).expect("it was just put in");
        if property.value.len() < end {
            property.value.resize(end, 0);
        }
        let bytes = number.to_be_bytes();
        property.value[offset..end].copy_from_slice(&bytes[bytes.len() - size..]);
        // What was referred to there before is so no longer.
        property
            .references
            .retain(|at, _| at + CELL <= offset || end <= *at);
        if let Some(reference) = reference {
            property.references.insert(offset, reference);
        }
        Ok(())
    }

    fn wrong(&self, problem: impl Into<String>) -> Error {
        Error::Override {
            parameter: self.parameter.name.clone(),
            offset: self.offset,
            problem: problem.into(),
        }
    }

    fn unsupported(&self, what: &'static str) -> Error {
        Error::Unsupported {
            parameter: self.parameter.name.clone(),
            what,
        }
    }

    fn not_a_choice(&self, choices: Vec<String>) -> Error {
        Error::NotAChoice {
            parameter: self.parameter.name.clone(),
            value: self.value.into(),
            choices,
        }
    }
}

#[cfg(test)]
mod tests;
