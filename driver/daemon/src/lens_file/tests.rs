//! What is written, and that the IPA's reader takes it, and nothing else, for what it is.

use super::*;
use bayonet_core::lens::Library;
use bayonet_ipa::lens::Lens;
use bayonet_ipa::lens_file::{self as ipa, LensFile as Reader};
use proptest::prelude::*;
use std::fs;

fn optics(name: &str) -> Optics {
    let library = Library::built_in();
    library.get(name).expect("a profile").into()
}

/// The same in the reader's words.
fn seen(lens: Option<Optics>) -> Option<Lens> {
    lens.map(|lens| Lens {
        focal_length_mm: lens.focal_length,
        maximum_aperture: lens.maximum_aperture,
    })
}

#[test]
fn the_layout_is_fixed() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    let lens = Optics {
        focal_length: Some(50.0),
        maximum_aperture: None,
        vignetting: [-0.5, 0.25, 2.0],
    };
    let record = record(Some(lens), 0x0403_0202);
    let mut expected = b"BAYOLENS\x01\0\0\0\x02\x02\x03\x04\0\0\x48\x42\0\0\xc0\x7f".to_vec();
    expected.extend(b"\0\0\0\xbf\0\0\x80\x3e\0\0\0\x40\x01\0\0\0");
    expected.extend([0; 20]);
    assert_eq!(&record[..CHECKSUM], &expected[..]);
    assert_eq!(record[CHECKSUM..], crc32(&expected).to_le_bytes());
}

#[test]
fn the_reader_sees_lenses_come_and_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("api.sock");
    let path = directory.path().join("lens");
    let mut reader = Reader::new(&path);
    assert_eq!(reader.read(), None);
    let mut lens = LensFile::beside(&socket);
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(reader.read(), None);
    for name in [
        "summilux-m-50-f1.4-asph",
        "macro-adapter-m",
        "elmar-m-50-f2.8",
    ] {
        lens.tell(Some(optics(name)));
        assert_eq!(reader.read(), seen(Some(optics(name))), "{name}");
        let before = fs::read(&path).expect("a record");
        lens.tell(Some(optics(name)));
        assert_eq!(
            fs::read(&path).expect("a record"),
            before,
            "nothing is written twice"
        );
    }
    // A successor goes on in the same file, even where one was killed in the midst of a change.
    let sequence = lens.sequence;
    std::mem::forget(lens);
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the file");
    let odd = (sequence | 1).to_le_bytes();
    file.write_all_at(&odd, SEQUENCE as u64).expect("written");
    assert_eq!(
        reader.read(),
        seen(Some(optics("elmar-m-50-f2.8"))),
        "the last one that was whole"
    );
    let mut lens = LensFile::beside(&socket);
    assert_eq!(reader.read(), None);
    lens.tell(Some(optics("elmar-m-50-f2.8")));
    assert!(reader.read().is_some());
    drop(lens);
    assert_eq!(reader.read(), None);
    // A new directory, as after systemctl stop and start.
    fs::remove_file(&path).expect("removed");
    assert_eq!(reader.read(), None);
    let mut lens = LensFile::beside(&socket);
    lens.tell(Some(optics("elmar-m-50-f2.8")));
    assert!(reader.read().is_some());
}

#[test]
fn without_a_directory_there_is_no_file_and_no_panic() {
    let mut lens = LensFile::beside(Path::new("/nowhere/api.sock"));
    lens.tell(Some(optics("elmar-m-50-f2.8")));
}

fn any_optics() -> impl Strategy<Value = Option<Optics>> {
    let optics = (
        prop::option::of(1.0_f32..1000.0),
        prop::option::of(0.5_f32..64.0),
        prop::array::uniform3(-48.0_f32..48.0),
    );
    prop::option::of(
        optics.prop_map(|(focal_length, maximum_aperture, vignetting)| Optics {
            focal_length,
            maximum_aperture,
            vignetting,
        }),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn reader_and_writer_agree(lens in any_optics(), sequence in any::<u32>()) {
        let read = ipa::parse(&record(lens, sequence & !1));
        prop_assert_eq!(read, Some(seen(lens)));
        prop_assert_eq!(ipa::parse(&record(lens, sequence | 1)), None);
    }

    /// Of each byte the old or the new one, at any moment of a change.
    #[test]
    fn a_torn_read_is_either_record_or_refused(
        lenses in (any_optics(), any_optics()),
        sequence in any::<u32>(),
        new in any::<u64>(),
        step in 0..3_usize,
    ) {
        let sequence = sequence & !1;
        let (old, next) = (record(lenses.0, sequence), record(lenses.1, sequence.wrapping_add(2)));
        // What the file holds after each of the three writes.
        let mut states = vec![old; 4];
        states[1][SEQUENCE..BODY].copy_from_slice(&(sequence | 1).to_le_bytes());
        states[2] = states[1];
        states[2][BODY..].copy_from_slice(&next[BODY..]);
        states[3] = next;
        check(mixed(states[step], states[step + 1], new), old, next, lenses)?;
        // And parts of records that are one whole change apart.
        check(mixed(old, next, new), old, next, lenses)?;
    }

    #[test]
    fn any_change_of_a_few_bits_is_refused(lens in any_optics(), at in 0..SIZE, flip in 1..=255_u8) {
        let mut wrong = record(lens, 2);
        wrong[at] ^= flip;
        prop_assert_eq!(ipa::parse(&wrong), None);
    }
}

/// Of each byte the one of `after` where `new` has its bit.
fn mixed(before: [u8; SIZE], after: [u8; SIZE], new: u64) -> [u8; SIZE] {
    std::array::from_fn(|at| {
        if new >> at & 1 == 1 {
            after[at]
        } else {
            before[at]
        }
    })
}

fn check(
    torn: [u8; SIZE],
    old: [u8; SIZE],
    next: [u8; SIZE],
    lenses: (Option<Optics>, Option<Optics>),
) -> Result<(), TestCaseError> {
    let expected = match torn {
        torn if torn == next => Some(seen(lenses.1)),
        torn if torn == old => Some(seen(lenses.0)),
        _ => None,
    };
    prop_assert_eq!(ipa::parse(&torn), expected);
    Ok(())
}
