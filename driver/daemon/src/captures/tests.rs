//! Pictures are written whole or not at all, and nothing else is touched.

use super::*;
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

const NOON: Duration = Duration::from_millis(1_795_348_800_005);

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a/b"), 0).unwrap();
    (directory, store)
}

fn pair<'a>(main: &'a [u8], mount: &'a [u8]) -> [(CameraName, Format, &'a [u8]); 2] {
    [
        (CameraName::Main, Format::Jpeg, main),
        (CameraName::Mount, Format::Png, mount),
    ]
}

#[test]
fn a_pair_has_one_time_and_is_read_back() {
    let (_directory, store) = store();
    let stored = store
        .save(UNIX_EPOCH + NOON, &pair(b"one", b"other"))
        .unwrap();
    let files: Vec<_> = stored.iter().map(|stored| stored.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "20261122T120000.005Z-main.jpg",
            "20261122T120000.005Z-mount.png"
        ]
    );
    assert_eq!(store.list().unwrap(), stored);
    let name: FileName = files[1].parse().unwrap();
    let (mut file, bytes) = store.read(&name).unwrap();
    let mut text = String::new();
    io::Read::read_to_string(&mut file, &mut text).unwrap();
    assert_eq!((text.as_str(), bytes), ("other", 5));
    store.remove(&name).unwrap();
    assert!(matches!(store.read(&name), Err(Error::NoPicture(_))));
    assert!(matches!(store.remove(&name), Err(Error::NoPicture(_))));
    assert_eq!(store.list().unwrap(), stored[..1]);
}

#[test]
fn pictures_of_the_same_millisecond_do_not_meet() {
    let (_directory, store) = store();
    let names: Vec<_> = (0..3)
        .map(|_| {
            store.save(UNIX_EPOCH + NOON, &pair(b"1", b"2")).unwrap()[0]
                .capture
                .clone()
        })
        .collect();
    assert_eq!(
        names,
        [
            "20261122T120000.005Z",
            "20261122T120000.006Z",
            "20261122T120000.007Z"
        ]
    );
}

/// The second picture cannot be written, because something of its name is there: nothing is left of the first.
#[test]
fn all_or_none_is_written_and_nothing_is_overwritten() {
    let (_directory, store) = store();
    let taken = UNIX_EPOCH + NOON;
    let name: FileName = "20261122T120000.005Z-mount.png".parse().unwrap();
    fs::write(store.partial(&name), "theirs").unwrap();
    // Its name counts as taken, so the capture takes the next one.
    assert_eq!(
        store.save(taken, &pair(b"1", b"2")).unwrap()[0].capture,
        "20261122T120000.006Z"
    );

    let name: FileName = "20261122T120000.008Z-mount.png".parse().unwrap();
    store.write_partial(&name, b"ours").unwrap();
    fs::write(store.path(&name), "theirs").unwrap();
    assert!(
        store
            .publish(&name)
            .unwrap_err()
            .to_string()
            .contains("File exists")
    );
    assert_eq!(fs::read(store.path(&name)).unwrap(), b"theirs");

    // The same picture twice: its second temporary file is refused, and the first goes as well.
    let before = store.names().unwrap().len();
    let twice = [(CameraName::Main, Format::Png, &b"1"[..]); 2];
    store.save(UNIX_EPOCH, &twice).unwrap_err();
    assert_eq!(store.names().unwrap().len(), before);
}

#[test]
fn what_a_predecessor_left_half_written_goes_and_nothing_else() {
    let (_directory, store) = store();
    let name: FileName = "20261122T120000.005Z-main.jpg".parse().unwrap();
    store.write_partial(&name, b"half").unwrap();
    let other = store.directory.join("holiday.jpg.part");
    fs::write(&other, "theirs").unwrap();
    Store::open(&store.directory, 0).unwrap();
    assert!(!store.partial(&name).exists());
    assert!(other.exists());
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_written() {
    let (_directory, store) = store();
    let full = Store {
        minimum_free: u64::MAX,
        ..store
    };
    let error = full.save(UNIX_EPOCH, &pair(b"1", b"2")).unwrap_err();
    assert!(
        error.to_string().contains("captures.minimum_free_mib"),
        "{error}"
    );
    assert!(matches!(Refusal::from(error), Refusal::Storage(_)));
    assert_eq!(full.names().unwrap(), [""; 0]);
}

#[test]
fn times_are_those_of_the_calendar() {
    let name = |seconds: u64| capture_name(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(name(0), "19700101T000000.000Z");
    assert_eq!(name(951_782_399), "20000228T235959.000Z");
    assert_eq!(name(951_782_400), "20000229T000000.000Z");
    assert_eq!(name(1_709_251_199), "20240229T235959.000Z");
    assert_eq!(name(4_107_542_400), "21000301T000000.000Z");
    assert_eq!(name(4_102_444_799), "20991231T235959.000Z");
}

#[test]
fn only_names_of_our_own_are_names() {
    let good = "20261122T120000.005Z-main.jpg";
    assert_eq!(good.parse::<FileName>().unwrap().to_string(), good);
    for wrong in [
        "",
        "..",
        "../20261122T120000.005Z-main.jpg",
        "20261122T120000.005Z-main.jpg/..",
        "20261122T120000.005Z-main.jpeg",
        "20261122T120000.005Z-main.jpg.part",
        "20261122T120000.005Z-left.jpg",
        "20261122T120000,005Z-main.jpg",
        "2026112éT20000.005Z-main.jpg",
        "20261122T120000.005Z",
    ] {
        assert!(
            matches!(wrong.parse::<FileName>(), Err(Error::NoPicture(_))),
            "{wrong}"
        );
    }
}

proptest! {
    #[test]
    fn a_name_is_read_as_it_is_written(seconds in 0..253_402_300_800_u64, milli in 0..1000_u32, text in ".{0,40}") {
        let time = UNIX_EPOCH + Duration::new(seconds, milli * 1_000_000);
        let file = format!("{}-mount.png", capture_name(time));
        prop_assert_eq!(file.parse::<FileName>().unwrap().to_string(), file);
        if let Ok(name) = text.parse::<FileName>() {
            prop_assert_eq!(name.to_string(), text);
        }
    }
}
