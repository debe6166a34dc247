//! The file that tells other processes which lens is on the mount: `lens`, beside the API's socket, so
//! `/run/bayonet/lens`.
//!
//! libcamera's IPA runs in a process that knows neither sockets nor JSON and must not wait. It reads 64 bytes, as often
//! as it likes. Everybody may read; `bayonetd` alone writes, in place, so that a file that is open stays the right one.
//!
//! Numbers are little endian:
//!
//! | offset | type | what |
//! |---|---|---|
//! | 0 | 8 bytes | `BAYOLENS` |
//! | 8 | u32 | version of this layout, 1 |
//! | 12 | u32 | sequence: one more at the beginning of a change and one more at its end, so odd while it is written |
//! | 16 | f32 | focal length in millimetres; NaN if the lens has none or there is no lens |
//! | 20 | f32 | smallest f-number; NaN likewise |
//! | 24 | 3 x f32 | vignetting: light at `r` is `1 + a r^2 + b r^4 + c r^6` of the centre's, `r` in half diagonals of a type 1 sensor, 13.2 mm x 8.8 mm |
//! | 36 | u32 | flags: bit 0, a lens is there and its profile is known; others 0 |
//! | 40 | 20 bytes | 0 |
//! | 60 | u32 | CRC-32 (IEEE 802.3) of the 60 bytes before |
//!
//! A record counts if magic, version and checksum are right and the sequence is even. The checksum covers the sequence:
//! a read that got parts of two records is told from either. Its reader is `ipa-module/src/lens_file.rs`.
//!
//! What this file does not do: say which camera has the mount. A camera's process and what it starts have that in their
//! environment, as `BAYONET_CAMERA`.

#[cfg(test)]
mod tests;

use bayonet_core::lens::Profile;
use log::warn;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of the file.
const NAME: &str = "lens";
/// Everybody may read it.
const MODE: u32 = 0o644;
/// Bytes in it.
const SIZE: usize = 64;
const MAGIC: &[u8; 8] = b"BAYOLENS";
const VERSION: u32 = 1;
/// Offset of the sequence.
const SEQUENCE: usize = 12;
/// Offset of what a change changes.
const BODY: usize = 16;
/// Offset of the checksum.
const CHECKSUM: usize = 60;
/// Flag: a lens is there.
const PRESENT: u32 = 1;

/// What is told of a lens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Optics {
    /// In millimetres.
    focal_length: Option<f32>,
    /// Smallest f-number.
    maximum_aperture: Option<f32>,
    vignetting: [f32; 3],
}

impl From<&Profile> for Optics {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a lens's figures have few digits"
    )]
    fn from(profile: &Profile) -> Self {
        let single = |value: f64| value as f32;
        Self {
            focal_length: profile.focal_length_mm.map(single),
            maximum_aperture: profile.maximum_aperture.map(single),
            vignetting: profile.vignetting.map(single),
        }
    }
}

/// The file. When dropped, it says that there is no lens.
#[derive(Debug)]
pub(crate) struct LensFile {
    path: PathBuf,
    file: Option<File>,
    sequence: u32,
    told: Option<Optics>,
}

impl LensFile {
    /// Opens the file beside this socket, and says that there is no lens. Without the file cameras work as well, with
    /// less knowledge.
    pub(crate) fn beside(socket: &Path) -> Self {
        let mut lens = Self {
            path: socket.with_file_name(NAME),
            file: None,
            sequence: 0,
            told: None,
        };
        match open(&lens.path) {
            Ok((file, sequence)) => {
                lens.file = Some(file);
                lens.sequence = sequence;
                lens.write(None);
            }
            Err(problem) => lens.complain(&problem),
        }
        lens
    }

    /// Tells of a lens, if it is another one.
    pub(crate) fn tell(&mut self, lens: Option<Optics>) {
        if lens != self.told {
            self.told = lens;
            self.write(lens);
        }
    }

    fn write(&mut self, lens: Option<Optics>) {
        let Some(file) = &self.file else { return };
        // A predecessor that was killed may have left it odd.
        let begin = self.sequence | 1;
        self.sequence = begin.wrapping_add(1);
        let record = record(lens, self.sequence);
        let written = file
            .write_all_at(&begin.to_le_bytes(), SEQUENCE as u64)
            .and_then(|()| file.write_all_at(&record[BODY..], BODY as u64))
            .and_then(|()| file.write_all_at(&record[..BODY], 0));
        if let Err(problem) = written {
            self.complain(&problem);
        }
    }

    fn complain(&self, problem: &io::Error) {
        let path = self.path.display();
        warn!("{path}: the IPA will not know the lens on the mount: {problem}");
    }
}

impl Drop for LensFile {
    fn drop(&mut self) {
        self.tell(None);
    }
}

/// Opens the file, and reads its sequence if there is one.
fn open(path: &Path) -> io::Result<(File, u32)> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    let mut sequence = [0; 4];
    let read = file.read_exact_at(&mut sequence, SEQUENCE as u64);
    file.set_len(SIZE as u64)?;
    Ok((file, read.map_or(0, |()| u32::from_le_bytes(sequence))))
}

/// All bytes of the file.
fn record(lens: Option<Optics>, sequence: u32) -> [u8; SIZE] {
    let mut record = [0; SIZE];
    let optics = lens.unwrap_or(Optics {
        focal_length: None,
        maximum_aperture: None,
        vignetting: [0.0; 3],
    });
    let number = |value: Option<f32>| value.unwrap_or(f32::NAN).to_le_bytes();
    let flags = if lens.is_some() { PRESENT } else { 0 };
    let [a, b, c] = optics.vignetting.map(f32::to_le_bytes);
    let fields = [
        VERSION.to_le_bytes(),
        sequence.to_le_bytes(),
        number(optics.focal_length),
        number(optics.maximum_aperture),
        a,
        b,
        c,
        flags.to_le_bytes(),
    ];
    record[..MAGIC.len()].copy_from_slice(MAGIC);
    for (place, field) in record[MAGIC.len()..].chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field);
    }
    let checksum = crc32(&record[..CHECKSUM]);
    record[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
    record
}

/// IEEE 802.3's, bit by bit: it is computed once for each lens.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}
