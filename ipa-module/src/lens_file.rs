//! The lens on the mount, as `bayonetd` tells of it in a file: 64 bytes whose layout is documented in
//! `driver/daemon/src/lens_file.rs`.
//!
//! Reading is one `pread`; it neither waits nor allocates once the file was opened. What cannot be read right now,
//! because it is being written, is what it was before. Without `bayonetd` there is no file, and so no lens.

use crate::lens::Lens;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

/// Where the file is.
pub const PATH: &str = "/run/bayonet/lens";
/// Environment variable that names the camera of this process, `main` or `mount`.
pub const CAMERA: &str = "BAYONET_CAMERA";
/// The camera that the lens belongs to.
const MOUNT: &str = "mount";

/// Bytes of the file.
pub const SIZE: usize = 64;
const MAGIC: &[u8; 8] = b"BAYOLENS";
const VERSION: u32 = 1;
/// Offsets of the fields.
const VERSION_AT: usize = 8;
const SEQUENCE_AT: usize = 12;
const FOCAL_LENGTH_AT: usize = 16;
const APERTURE_AT: usize = 20;
const FLAGS_AT: usize = 36;
const CHECKSUM_AT: usize = 60;
/// Flag: a lens is there.
const PRESENT: u32 = 1;
/// Reads before the old lens is kept; a change takes three writes.
const ATTEMPTS: usize = 4;

/// The file.
#[derive(Debug)]
pub struct LensFile {
    path: PathBuf,
    file: Option<File>,
    record: [u8; SIZE],
    lens: Option<Lens>,
}

impl LensFile {
    /// The file at this path, which may come and go.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            record: [0; SIZE],
            lens: None,
        }
    }

    /// The file, if the lens on the mount is this process's.
    pub fn of_this_camera() -> Option<Self> {
        let is_mount = std::env::var_os(CAMERA).is_some_and(|camera| camera == MOUNT);
        is_mount.then(|| Self::new(PATH))
    }

    /// The lens that is there now; none if there is none, or nobody tells.
    pub fn read(&mut self) -> Option<Lens> {
        // One that was removed is a predecessor's.
        let is_there = |file: &File| file.metadata().is_ok_and(|data| data.nlink() > 0);
        if !self.file.as_ref().is_some_and(is_there) {
            self.file = File::open(&self.path).ok();
            self.record = [0; SIZE];
            self.lens = None;
        }
        let file = self.file.as_ref()?;
        for _ in 0..ATTEMPTS {
            let mut record = [0; SIZE];
            if file.read_exact_at(&mut record, 0).is_err() {
                break;
            }
            if record == self.record {
                break;
            }
            if let Some(lens) = parse(&record) {
                self.record = record;
                self.lens = lens;
                break;
            }
        }
        self.lens
    }
}

/// The lens of a record, where there is one; none if the record does not count.
pub fn parse(record: &[u8; SIZE]) -> Option<Option<Lens>> {
    let word = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&record[at..at + 4]);
        u32::from_le_bytes(bytes)
    };
    let number = |at: usize| f32::from_bits(word(at));
    // What is being written is the most usual reason, and the cheapest to see.
    let is_whole = word(SEQUENCE_AT).is_multiple_of(2)
        && record.starts_with(MAGIC)
        && word(VERSION_AT) == VERSION
        && word(CHECKSUM_AT) == crc32(&record[..CHECKSUM_AT]);
    if !is_whole {
        return None;
    }
    if word(FLAGS_AT) & PRESENT == 0 {
        return Some(None);
    }
    let positive = |at| Some(number(at)).filter(|value| value.is_finite() && *value > 0.0);
    Some(Some(Lens {
        focal_length_mm: positive(FOCAL_LENGTH_AT),
        maximum_aperture: positive(APERTURE_AT),
    }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A 50 mm lens, f/1.4, written down by hand from the layout.
    const RECORD: [u8; CHECKSUM_AT] = *b"BAYOLENS\x01\0\0\0\x02\0\0\0\0\0\x48\x42\x33\x33\xb3\x3f\
        \0\0\0\xbf\0\0\x80\x3e\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    fn record(change: impl FnOnce(&mut [u8; CHECKSUM_AT])) -> [u8; SIZE] {
        let mut fields = RECORD;
        change(&mut fields);
        let mut record = [0; SIZE];
        record[..CHECKSUM_AT].copy_from_slice(&fields);
        record[CHECKSUM_AT..].copy_from_slice(&crc32(&fields).to_le_bytes());
        record
    }

    #[test]
    fn a_record_is_read_and_a_wrong_one_is_not() {
        let lens = Lens {
            focal_length_mm: Some(50.0),
            maximum_aperture: Some(1.4),
        };
        assert_eq!(parse(&record(|_| ())), Some(Some(lens)));
        assert_eq!(parse(&record(|fields| fields[FLAGS_AT] = 0)), Some(None));
        assert_eq!(parse(&record(|fields| fields[SEQUENCE_AT] = 3)), None);
        assert_eq!(parse(&record(|fields| fields[VERSION_AT] = 2)), None);
        assert_eq!(parse(&record(|fields| fields[0] = b'b')), None);
        let no_number = f32::NAN.to_le_bytes();
        let adapter = record(|fields| fields[FOCAL_LENGTH_AT..][..4].copy_from_slice(&no_number));
        let parsed = parse(&adapter).expect("a record").expect("a lens");
        assert_eq!(parsed.focal_length_mm, None);
        let mut wrong = record(|_| ());
        wrong[CHECKSUM_AT] ^= 1;
        assert_eq!(parse(&wrong), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_can_be_read(bytes in prop::array::uniform32(any::<u16>())) {
            let mut record = [0; SIZE];
            for (place, word) in record.chunks_exact_mut(2).zip(bytes) {
                place.copy_from_slice(&word.to_le_bytes());
            }
            prop_assert_eq!(parse(&record), None);
        }
    }
}
