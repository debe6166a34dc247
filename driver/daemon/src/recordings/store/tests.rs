//! Recordings are begun, listed and removed, and nothing else is touched.

use super::*;
use crate::recordings::Shot;
use std::time::UNIX_EPOCH;

const BEGIN: Duration = Duration::from_millis(1_795_379_693_120);
const NAME: &str = "20261122T203453.120Z";

fn store() -> (tempfile::TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::new(&root.path().join("a/b"), 0, 16 << 20);
    (root, store)
}

fn request() -> Request {
    Request {
        cameras: vec![HeadCamera {
            camera: CameraName::Main,
            model: "imx283".into(),
        }],
        lens: None,
        frames: None,
    }
}

fn begin(store: &Store) -> Recorder {
    store.start(7, UNIX_EPOCH + BEGIN, &request()).unwrap()
}

fn write(recorder: &Recorder, number: u32) {
    let shot = Shot {
        camera: CameraName::Main,
        number,
        sequence: number,
        timestamp_ns: 0,
    };
    let mut buffer = recorder.intake().room(&shot, 8).unwrap();
    buffer.extend(b"II*\0abcd");
    recorder.intake().try_write(shot, buffer);
}

fn end(recorder: &mut Recorder) -> End {
    recorder.intake().end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + Duration::from_secs(3600),
    });
    recorder.ended().unwrap().blocking_recv().unwrap()
}

#[test]
fn a_recording_is_begun_written_listed_and_removed() {
    let (_root, store) = store();
    assert_eq!(store.list().unwrap(), [], "before the directory is there");
    let mut recorder = begin(&store);
    assert_eq!((recorder.name(), recorder.intake().id()), (NAME, 7));
    write(&recorder, 1);
    write(&recorder, 2);
    let end = end(&mut recorder);
    let report = recorder.report_end(end);
    assert_eq!(report.cameras[0].written, 2);
    assert_eq!(report.cameras[0].bytes, 16);
    assert_eq!(store.list().unwrap(), std::slice::from_ref(&report));
    assert_eq!(store.show(NAME).unwrap(), report);
    let directory = PathBuf::from(&report.directory);
    assert_eq!(
        std::fs::read(directory.join("main/000002.dng")).unwrap(),
        b"II*\0abcd"
    );
    store.remove(NAME).unwrap();
    assert!(!directory.exists());
    assert!(matches!(store.show(NAME), Err(Error::NoRecording(_))));
    assert!(matches!(store.remove(NAME), Err(Error::NoRecording(_))));
}

#[test]
fn two_that_begin_in_the_same_millisecond_do_not_meet() {
    let (_root, store) = store();
    let names: Vec<_> = (0..3).map(|_| begin(&store).name().to_owned()).collect();
    assert_eq!(
        names,
        [NAME, "20261122T203453.121Z", "20261122T203453.122Z"]
    );
}

#[test]
fn one_that_is_written_is_neither_removed_nor_mended() {
    let (_root, store) = store();
    let mut recorder = begin(&store);
    write(&recorder, 1);
    let listed = &store.list().unwrap()[0];
    assert_eq!(
        listed.state,
        RecordingState::Interrupted,
        "as the disk has it"
    );
    assert!(matches!(store.remove(NAME), Err(Error::Running(_))));
    let directory = PathBuf::from(&listed.directory);
    let looked = crate::recordings::repair::look(&directory, |_, _| {});
    assert!(
        looked
            .unwrap_err()
            .to_string()
            .contains("bayonet record --stop")
    );
    end(&mut recorder);
    store.remove(NAME).unwrap();
}

#[test]
fn what_others_put_into_it_is_not_removed() {
    let (_root, store) = store();
    let mut recorder = begin(&store);
    write(&recorder, 1);
    end(&mut recorder);
    let directory = recorder.directory.clone();
    for name in [
        "notes.txt",
        "main/000001.jpg",
        "main/000001.dng.part.part",
        "mount",
    ] {
        let foreign = directory.join(name);
        std::fs::write(&foreign, "theirs").unwrap();
        let error = store.remove(NAME).unwrap_err();
        assert!(
            matches!(&error, Error::Foreign(path) if *path == foreign),
            "{error}"
        );
        assert!(matches!(Refusal::from(error), Refusal::Conflict(_)));
        std::fs::remove_file(foreign).unwrap();
    }
    for name in [
        "main/000003.dng.part",
        "main/000004.dng.damaged",
        "index.jsonl.part",
    ] {
        std::fs::write(directory.join(name), "ours").unwrap();
    }
    store.remove(NAME).unwrap();
    assert!(!directory.exists());
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let (root, store) = store();
    std::fs::create_dir_all(&store.directory).unwrap();
    let elsewhere = root.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, store.directory.join(NAME)).unwrap();
    for name in [
        "..",
        ".",
        "",
        "../elsewhere",
        NAME,
        "20261122T203453.120Z/..",
    ] {
        assert!(
            matches!(store.remove(name), Err(Error::NoRecording(_))),
            "{name}"
        );
    }
    assert_eq!(store.list().unwrap(), []);
    assert!(elsewhere.exists());
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_made() {
    let (_root, store) = store();
    let full = Store {
        minimum_free: u64::MAX,
        ..store
    };
    let error = full.start(1, UNIX_EPOCH, &request()).unwrap_err();
    assert!(
        error.to_string().contains("recordings.minimum_free_mib"),
        "{error}"
    );
    assert!(matches!(Refusal::from(error), Refusal::Storage(_)));
    assert_eq!(std::fs::read_dir(&full.directory).unwrap().count(), 0);
}

#[test]
fn a_place_that_is_no_directory_is_told() {
    let (root, store) = store();
    std::fs::write(root.path().join("a"), "a file").unwrap();
    let error = store.start(1, UNIX_EPOCH, &request()).unwrap_err();
    assert!(error.to_string().starts_with("cannot make"), "{error}");
    assert!(store.list().is_err());
}

/// The event loop that goes away takes its recording to an orderly end.
#[test]
fn a_recorder_that_is_dropped_ends() {
    let (_root, store) = store();
    let mut recorder = begin(&store);
    let ended = recorder.ended().unwrap();
    drop(recorder);
    assert_eq!(
        ended.blocking_recv().unwrap().reason,
        RecordingEnd::Shutdown
    );
    assert_eq!(store.show(NAME).unwrap().end, Some(RecordingEnd::Shutdown));
}

#[test]
fn an_index_that_is_gone_or_spoilt_is_told() {
    let (_root, store) = store();
    let mut recorder = begin(&store);
    write(&recorder, 1);
    end(&mut recorder);
    let path = recorder.directory.join(index::FILE);
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 3]).unwrap();
    let shown = store.show(NAME).unwrap();
    assert_eq!(shown.state, RecordingState::Interrupted);
    assert_eq!(shown.cameras[0].written, 1, "as far as its lines go");
    assert!(shown.reason.unwrap().contains("--repair"));
    std::fs::remove_file(path).unwrap();
    let shown = store.show(NAME).unwrap();
    assert!(shown.reason.unwrap().contains("cannot be read"));
    store.remove(NAME).unwrap();
}
