//! The first file system of the guest: its first process and the modules that reach the disk.
//!
//! A cpio archive in the "newc" format (kernel documentation, `driver-api/early-userspace/buffer-format.rst`),
//! uncompressed. `/dev/console` comes with the kernel's built-in archive.

use super::error::{AtPath, Error, Result};
use super::guest::MODULE_ORDER;
use std::fs;
use std::path::Path;

const MAGIC: &str = "070701";
const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;
/// Name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";
/// Headers with their names, and contents, begin at multiples of this.
const ALIGNMENT: usize = 4;

/// Writes the archive: `init` as `/init`, modules in `/modules`, their load order in `/modules.list`.
pub(super) fn write(output: &Path, init: &Path, modules: &Path) -> Result<()> {
    let mut archive = Archive::default();
    for name in ["dev", "modules", "proc", "root", "run", "sys"] {
        archive.add(name, DIRECTORY, &[]);
    }
    archive.add("init", PROGRAM, &fs::read(init).at("read", init)?);
    let order_path = modules.join(MODULE_ORDER);
    let order = fs::read_to_string(&order_path).at("read", &order_path)?;
    archive.add(MODULE_ORDER, FILE, order.as_bytes());
    for line in order.lines() {
        let Some(name) = line.strip_prefix("/modules/") else {
            return Err(Error::Unexpected {
                path: order_path,
                problem: format!("`{line}` is not in /modules"),
            });
        };
        let module = modules.join(name);
        let bytes = fs::read(&module).at("read", &module)?;
        archive.add(&format!("modules/{name}"), FILE, &bytes);
    }
    fs::write(output, archive.end()).at("write", output)
}

/// Writes an archive of one program, as `/init`.
pub(super) fn write_program(output: &Path, init: &Path) -> Result<()> {
    let mut archive = Archive::default();
    for name in ["dev", "proc", "sys"] {
        archive.add(name, DIRECTORY, &[]);
    }
    archive.add("init", PROGRAM, &fs::read(init).at("read", init)?);
    fs::write(output, archive.end()).at("write", output)
}

/// A newc archive in the making.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let length = |bytes: usize| u32::try_from(bytes).expect("a module is smaller than 4 GiB");
        // inode, mode, user, group, links, time, size, four device numbers, name with its zero, check sum
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            length(content.len()),
            0,
            0,
            0,
            0,
            length(name.len() + 1),
            0,
        ];
        self.bytes.extend_from_slice(MAGIC.as_bytes());
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    fn end(mut self) -> Vec<u8> {
        self.add(TRAILER, 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads an archive back: names, modes, contents, without the trailer.
    fn read(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut at = 0;
        loop {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |number: usize| {
                let from = at + 6 + 8 * number;
                u32::from_str_radix(std::str::from_utf8(&bytes[from..from + 8]).unwrap(), 16)
                    .unwrap()
            };
            let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
            let name = std::str::from_utf8(&bytes[at + 110..at + 110 + name_size - 1]).unwrap();
            if name == "TRAILER!!!" {
                return entries;
            }
            let content = (at + 110 + name_size).next_multiple_of(4);
            entries.push((
                name.to_owned(),
                mode,
                bytes[content..content + size].to_vec(),
            ));
            at = (content + size).next_multiple_of(4);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn an_archive_is_read_back(
            files in prop::collection::vec(("[a-z/]{1,12}", prop::collection::vec(any::<u8>(), 0..40)), 0..8)
        ) {
            let mut archive = Archive::default();
            for (name, content) in &files {
                archive.add(name, FILE, content);
            }
            let expected: Vec<_> = files.into_iter().map(|(name, content)| (name, FILE, content)).collect();
            prop_assert_eq!(read(&archive.end()), expected);
        }
    }

    #[test]
    fn init_is_a_program_and_modules_keep_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("agent"), "elf").unwrap();
        fs::write(path("b.ko"), "b").unwrap();
        fs::write(path("a.ko"), "a").unwrap();
        fs::write(path(MODULE_ORDER), "/modules/b.ko\n/modules/a.ko\n").unwrap();
        write(&path("out"), &path("agent"), directory.path()).unwrap();
        let entries = read(&fs::read(path("out")).unwrap());
        let files: Vec<_> = entries
            .iter()
            .filter(|entry| entry.1 != DIRECTORY)
            .collect();
        assert_eq!(files[0], &("init".to_owned(), PROGRAM, b"elf".to_vec()));
        let names: Vec<_> = files.iter().map(|entry| entry.0.as_str()).collect();
        assert_eq!(
            names,
            ["init", "modules.list", "modules/b.ko", "modules/a.ko"]
        );
    }
}
