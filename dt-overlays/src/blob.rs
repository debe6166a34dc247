//! Reads a flattened device tree.
//!
//! Dtoolkit's own reader refuses names longer than 31 characters, which real trees have (`snps,dis-del-phy-power-chg-quirk`
//! on a Rock 5B), and walks nodes to any depth by recursion. This one has other bounds, and hands dtoolkit what it read.
//!
//! Source: Devicetree Specification 0.4, chapter 5.

use crate::{Error, Result};
use dtoolkit::memreserve::MemoryReservation;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};

const MAGIC: u32 = 0xd00d_feed;
/// The format's version that every tool writes, and reads.
const VERSION: u32 = 17;
const HEADER_SIZE: usize = 40;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;
/// More than any tree has; whatever walks a tree by recursion stays small.
pub(crate) const MAXIMUM_DEPTH: usize = 32;
/// Properties share their names' bytes in a blob, but not in memory.
const MAXIMUM_NAME: usize = 255;

/// Reads a tree's blob, a `.dtb` or `.dtbo` file; bytes behind its end do not matter.
///
/// # Errors
/// [`Error::NotATree`], [`Error::Malformed`].
pub fn read(blob: &[u8]) -> Result<DeviceTree> {
    let header = |field: usize| cell(blob, field * 4);
    if header(0)? != MAGIC {
        return Err(wrong(0, "it does not begin with d00dfeed"));
    }
    if !(header(6)?..=header(5)?).contains(&VERSION) {
        return Err(wrong(20, "its format is not version 17"));
    }
    let blob = blob
        .get(..header(1)? as usize)
        .ok_or(wrong(4, "it is cut off"))?;
    if blob.len() < HEADER_SIZE {
        return Err(wrong(4, "it is shorter than its header"));
    }
    let structure = Reader {
        blob: block(blob, 8, 36)?,
        start: header(2)? as usize,
        offset: header(2)? as usize,
    };
    let strings = &block(blob, 12, 32)?[header(3)? as usize..];
    let mut tree = DeviceTree::new();
    tree.root = root(structure, strings)?;
    tree.memory_reservations = reservations(blob, header(4)? as usize)?;
    Ok(tree)
}

/// Whether this is a name that paths and lists of labels can have in them.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAXIMUM_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':'))
}

fn wrong(offset: usize, problem: &'static str) -> Error {
    Error::NotATree { offset, problem }
}

fn cell(blob: &[u8], offset: usize) -> Result<u32> {
    blob.get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map(|bytes| u32::from_be_bytes(*bytes))
        .ok_or(wrong(offset, "it is cut off"))
}

fn long(blob: &[u8], offset: usize) -> Result<u64> {
    let (high, low) = (cell(blob, offset)?, cell(blob, offset + 4)?);
    Ok((u64::from(high) << 32) | u64::from(low))
}

/// The blob up to the end of a block, of which the header has offset and size at these bytes.
fn block(blob: &[u8], offset: usize, size: usize) -> Result<&[u8]> {
    let start = cell(blob, offset)? as usize;
    let end = start.saturating_add(cell(blob, size)? as usize);
    blob.get(..end)
        .filter(|_| start <= end)
        .ok_or(wrong(offset, "a block lies outside of it"))
}

fn reservations(blob: &[u8], mut offset: usize) -> Result<Vec<MemoryReservation>> {
    let mut found = Vec::new();
    loop {
        let (address, size) = (long(blob, offset)?, long(blob, offset + 8)?);
        if (address, size) == (0, 0) {
            return Ok(found);
        }
        found.push(MemoryReservation::new(address, size));
        offset += 16;
    }
}

struct Reader<'a> {
    /// Ends where the block ends.
    blob: &'a [u8],
    start: usize,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn cell(&mut self) -> Result<u32> {
        let cell = cell(self.blob, self.offset)?;
        self.offset += 4;
        Ok(cell)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.offset.saturating_add(length);
        let bytes = self
            .blob
            .get(self.offset..end)
            .ok_or(wrong(self.offset, "a value is cut off"))?;
        self.offset = end;
        self.align();
        Ok(bytes)
    }

    fn name(&mut self) -> Result<&'a str> {
        let name = text(self.blob, self.offset)?;
        self.offset += name.len() + 1;
        self.align();
        Ok(name)
    }

    /// Tokens begin at multiples of four bytes from the beginning of their block.
    fn align(&mut self) {
        self.offset = self.start + (self.offset - self.start).next_multiple_of(4);
    }
}

/// The text at this offset, up to the zero behind it.
fn text(block: &[u8], offset: usize) -> Result<&str> {
    block
        .get(offset..)
        .and_then(|rest| {
            rest.split(|byte| *byte == 0)
                .next()
                .filter(|text| text.len() < rest.len())
        })
        .and_then(|text| str::from_utf8(text).ok())
        .ok_or(wrong(offset, "a name does not end, or is no text"))
}

fn root(mut reader: Reader<'_>, strings: &[u8]) -> Result<DeviceTreeNode> {
    // From the root down to the node that is being read, and whether it has a child already.
    let mut open: Vec<(DeviceTreeNode, bool)> = Vec::new();
    loop {
        let offset = reader.offset;
        match (reader.cell()?, open.last_mut()) {
            (NOP, _) => {}
            (BEGIN_NODE, parent) => {
                let name = reader.name()?;
                if parent.is_none() != name.is_empty() || !(name.is_empty() || is_name(name)) {
                    return Err(wrong(offset, "a node has no proper name"));
                }
                if let Some((parent, has_child)) = parent {
                    *has_child = true;
                    if parent.child_mut(name).is_some() {
                        return Err(wrong(offset, "two nodes have the same name"));
                    }
                }
                if open.len() == MAXIMUM_DEPTH {
                    return Err(wrong(offset, "nodes are nested too deeply"));
                }
                open.push((DeviceTreeNode::new_unchecked(name), false));
            }
            (PROPERTY, Some((node, has_child))) => {
                let length = reader.cell()? as usize;
                let name = text(strings, reader.cell()? as usize);
                let name = name.ok().filter(|name| is_name(name));
                let name = name.ok_or(wrong(offset, "a property has no proper name"))?;
                let value = reader.bytes(length)?;
                if *has_child {
                    return Err(wrong(offset, "a property stands behind a node"));
                }
                if node.property_mut(name).is_some() {
                    return Err(wrong(offset, "two properties have the same name"));
                }
                node.add_property(DeviceTreeProperty::new_unchecked(name, value));
            }
            (END_NODE, Some(_)) => {
                let (node, _) = open.pop().expect("it was there a moment ago");
                match open.last_mut() {
                    Some((parent, _)) => parent.add_child(node),
                    None => return end(reader).map(|()| node),
                }
            }
            _ => return Err(wrong(offset, "something stands where no such thing can be")),
        }
    }
}

fn end(mut reader: Reader<'_>) -> Result<()> {
    loop {
        let offset = reader.offset;
        match reader.cell()? {
            NOP => {}
            END => return Ok(()),
            _ => return Err(wrong(offset, "something stands behind the root node")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtoolkit::{Node, Property};

    /// Names of properties; `a` at 0, `b` at 2.
    const STRINGS: &[u8] = b"a\0b\0";

    /// A blob with this structure, and one reservation.
    fn blob(structure: &[u32]) -> Vec<u8> {
        let offset = HEADER_SIZE as u32 + 32;
        let size = structure.len() as u32 * 4;
        let strings = STRINGS.len() as u32;
        let end = offset + size;
        let header = [
            MAGIC,
            end + strings,
            offset,
            end,
            HEADER_SIZE as u32,
            VERSION,
            16,
            0,
            strings,
            size,
        ];
        let reservations = [0, 16, 0, 4096, 0, 0, 0, 0];
        let cells = header.iter().chain(&reservations).chain(structure);
        let mut blob: Vec<u8> = cells.flat_map(|cell| cell.to_be_bytes()).collect();
        blob.extend(STRINGS);
        blob
    }

    fn name(letter: u8) -> u32 {
        u32::from_be_bytes([letter, 0, 0, 0])
    }

    #[test]
    fn a_blob_is_read() {
        let child = [BEGIN_NODE, name(b'n'), NOP, END_NODE];
        let root = [BEGIN_NODE, 0, PROPERTY, 3, 2, name(b'v'), NOP];
        let mut blob = blob(&[&root[..], &child, &[END_NODE, NOP, END]].concat());
        let tree = read(&blob).unwrap();
        assert_eq!(tree.root.property("b").unwrap().value(), b"v\0\0");
        assert!(tree.root.child("n").is_some());
        assert_eq!(tree.memory_reservations, [MemoryReservation::new(16, 4096)]);
        // What stands behind it does not matter.
        blob.push(1);
        assert_eq!(read(&blob), Ok(tree));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_offset() {
        let start = HEADER_SIZE + 32;
        let child = [BEGIN_NODE, name(b'n'), END_NODE];
        let property = [PROPERTY, 0, 0];
        let long = [PROPERTY, 100, 0];
        let unnamed = [BEGIN_NODE, 0, END_NODE];
        let slash = [BEGIN_NODE, name(b'/'), END_NODE];
        let elsewhere = [PROPERTY, 0, 4];
        for (inside, at, problem) in [
            (
                [&child[..], &child].concat(),
                20,
                "two nodes have the same name",
            ),
            (
                [&property[..], &property].concat(),
                20,
                "two properties have the same name",
            ),
            (
                [&child[..], &property].concat(),
                20,
                "a property stands behind a node",
            ),
            (unnamed.to_vec(), 8, "a node has no proper name"),
            (slash.to_vec(), 8, "a node has no proper name"),
            (long.to_vec(), 20, "a value is cut off"),
            (elsewhere.to_vec(), 8, "a property has no proper name"),
            (vec![7], 8, "something stands where no such thing can be"),
            (
                vec![END_NODE, BEGIN_NODE],
                12,
                "something stands behind the root node",
            ),
        ] {
            let structure = [&[BEGIN_NODE, 0][..], &inside, &[END_NODE, END]].concat();
            assert_eq!(read(&blob(&structure)), Err(wrong(start + at, problem)));
        }
        assert_eq!(
            read(&blob(&[BEGIN_NODE, 0])),
            Err(wrong(start + 8, "it is cut off"))
        );
        let mut old = blob(&[]);
        old[23] = 16;
        assert_eq!(read(&old), Err(wrong(20, "its format is not version 17")));
        let mut outside = blob(&[]);
        outside[36] = 1;
        assert_eq!(read(&outside), Err(wrong(8, "a block lies outside of it")));
    }
}
