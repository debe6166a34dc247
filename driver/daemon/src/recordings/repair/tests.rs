//! What is there is said, what can be mended is mended, and no whole frame is touched.

use super::*;
use crate::recordings::index::{End, HeadCamera};
use crate::recordings::{Ending, Shot, Store};
use crate::report::RecordedCamera;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tempfile::TempDir;

fn frame(number: u32) -> FrameName {
    FrameName {
        camera: CameraName::Main,
        number,
    }
}

/// A recording of five frames that ended well.
fn recording() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::new(root.path(), 0, 16 << 20);
    let request = crate::recordings::Request {
        cameras: vec![HeadCamera {
            camera: CameraName::Main,
            model: "imx283".into(),
        }],
        lens: None,
        frames: None,
    };
    let mut recorder = store.start(1, UNIX_EPOCH, &request).unwrap();
    for number in 1..=5 {
        let shot = Shot {
            camera: CameraName::Main,
            number,
            sequence: number,
            timestamp_ns: u64::from(number) * 40_000_000,
        };
        let mut buffer = recorder.intake().room(&shot, 100).unwrap();
        buffer.extend(b"II*\0");
        buffer.resize(100, number as u8);
        recorder.intake().try_write(shot, buffer);
    }
    recorder.intake().end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + Duration::from_secs(3600),
    });
    recorder.ended().unwrap().blocking_recv().unwrap();
    let directory = root.path().join(recorder.name());
    (root, directory)
}

fn see(directory: &Path) -> Report {
    look(directory, |_, _| {}).unwrap().report
}

fn mended(directory: &Path) -> Report {
    let report = mend(look(directory, |_, _| {}).unwrap()).unwrap();
    assert_eq!(see(directory).problems, [], "nothing is left to mend");
    report
}

fn text(directory: &Path) -> String {
    fs::read_to_string(directory.join(index::FILE)).unwrap()
}

#[test]
fn what_is_sound_is_left_alone() {
    let (_root, directory) = recording();
    let before = text(&directory);
    let mut steps = Vec::new();
    let looked = look(&directory, |done, total| steps.push((done, total))).unwrap();
    assert_eq!(steps.last(), Some(&(500, 500)), "progress is told");
    let report = mend(looked).unwrap();
    assert_eq!(report.problems, []);
    assert!(!report.mended);
    assert_eq!(report.end, Some(RecordingEnd::Stopped));
    let main = report.cameras[0];
    assert_eq!((main.whole, main.bytes, report.cameras.len()), (5, 500, 1));
    assert_eq!(text(&directory), before);
}

#[test]
fn an_interruption_gets_an_end() {
    let (_root, directory) = recording();
    let before = text(&directory);
    let end = before.find("{\"line\":\"end\"").unwrap();
    let path = directory.join(index::FILE);
    fs::write(&path, &before[..end + 20]).unwrap();
    fs::write(directory.join("main/000006.dng.part"), "II*").unwrap();
    let report = see(&directory);
    let torn = Problem::Line {
        number: 7,
        reason: "cut off".into(),
    };
    let problems = [torn, Problem::NoEnd, Problem::Partial { file: frame(6) }];
    assert_eq!(report.problems, problems);
    assert!(
        directory.join("main/000006.dng.part").exists(),
        "looking changes nothing"
    );
    assert_eq!(text(&directory), before[..end + 20]);
    assert!(mended(&directory).mended);
    assert!(!directory.join("main/000006.dng.part").exists());
    assert_eq!(
        text(&directory)[..end],
        before[..end],
        "lines that are right stay"
    );
    let contents = index::read(BufReader::new(File::open(path).unwrap())).unwrap();
    let expected = End {
        reason: RecordingEnd::Interrupted,
        message: Some("it was interrupted, and its index was mended".into()),
        duration_ms: 160,
        cameras: vec![RecordedCamera {
            name: CameraName::Main,
            written: 5,
            dropped: 0,
            missing: 0,
            bytes: 500,
        }],
    };
    assert_eq!(contents.end(), Some(&expected));
}

#[test]
fn damaged_frames_are_put_aside_and_gone_ones_become_gaps() {
    let (_root, directory) = recording();
    let path = |number| directory.join(frame(number).to_string());
    let mut changed = fs::read(path(2)).unwrap();
    changed[50] ^= 1;
    fs::write(path(2), &changed).unwrap();
    fs::write(path(3), "short").unwrap();
    fs::remove_file(path(4)).unwrap();
    let report = mended(&directory);
    let reason = |reason: &str| reason.to_owned();
    let damaged = |number, said: &str| Problem::Damaged {
        file: frame(number),
        reason: reason(said),
    };
    let problems = [
        damaged(2, "its checksum is another"),
        damaged(3, "it has 5 bytes instead of 100"),
        Problem::Gone { file: frame(4) },
    ];
    assert_eq!(report.problems, problems);
    let main = report.cameras[0];
    assert_eq!((main.whole, main.damaged, main.gone), (2, 2, 1));
    let aside = directory.join("main/000002.dng.damaged");
    assert_eq!(fs::read(aside).unwrap(), changed, "nothing is lost");
    assert!(!path(2).exists());
    let again = see(&directory);
    assert_eq!(again.end, Some(RecordingEnd::Stopped), "the end stays");
    assert_eq!(again.cameras[0].dropped, 3);
    assert_eq!(
        again.gaps.iter().map(|gap| gap.after).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[test]
fn whole_frames_without_a_line_get_one_in_their_place() {
    let (_root, directory) = recording();
    let without: String = text(&directory)
        .split_inclusive('\n')
        .filter(|line| !line.contains("000003") && !line.contains("000005"))
        .collect();
    fs::write(directory.join(index::FILE), without).unwrap();
    fs::write(directory.join("main/000009.dng"), "").unwrap();
    let report = mended(&directory);
    let nothing = Problem::Damaged {
        file: frame(9),
        reason: "it is no DNG file, and has no line".into(),
    };
    let found = |number| Problem::NoLine {
        file: frame(number),
    };
    assert_eq!(report.problems, [found(3), found(5), nothing]);
    let contents = index::read(text(&directory).as_bytes()).unwrap();
    let numbers: Vec<_> = contents.frames().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let third = contents.frames().nth(2).unwrap();
    assert_eq!((third.sequence, third.bytes), (None, 100));
}

#[test]
fn without_an_index_it_is_made_from_the_frames() {
    let (_root, directory) = recording();
    fs::remove_file(directory.join(index::FILE)).unwrap();
    let report = mended(&directory);
    assert_eq!(report.problems[0], Problem::NoIndex);
    assert_eq!(report.cameras[0].whole, 5);
    let contents = index::read(text(&directory).as_bytes()).unwrap();
    let head = contents.head().unwrap();
    assert_eq!(head.recording, "19700101T000000.000Z");
    assert_eq!(head.cameras[0].model, "unknown");
}

#[test]
fn a_frame_with_two_lines_has_one_afterwards() {
    let (_root, directory) = recording();
    let twice: String = text(&directory)
        .split_inclusive('\n')
        .flat_map(|line| std::iter::repeat_n(line, if line.contains("000002") { 2 } else { 1 }))
        .collect();
    fs::write(directory.join(index::FILE), twice).unwrap();
    let report = mended(&directory);
    assert_eq!(report.problems, [Problem::Twice { file: frame(2) }]);
    assert_eq!(report.cameras[0].whole, 5);
}

#[test]
fn a_later_version_and_other_directories_are_left_alone() {
    let (root, directory) = recording();
    let later = text(&directory).replacen("\"format\":1", "\"format\":2", 1);
    fs::write(directory.join(index::FILE), &later).unwrap();
    let error = look(&directory, |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::Later { .. }), "{error}");
    assert!(
        error.to_string().contains("index.jsonl: it has format 2"),
        "{error}"
    );
    assert_eq!(text(&directory), later);
    let error = look(root.path(), |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::NoRecording(_)), "{error}");
    let error = look(&root.path().join("nowhere"), |_, _| {}).unwrap_err();
    assert!(error.to_string().starts_with("cannot look at"), "{error}");
}

/// A repair that was cut off left a new index that did not take its place.
#[test]
fn a_repair_can_be_repeated() {
    let (_root, directory) = recording();
    fs::write(directory.join("index.jsonl.part"), "half").unwrap();
    fs::remove_file(directory.join("main/000001.dng")).unwrap();
    mended(&directory);
    assert!(!directory.join("index.jsonl.part").exists());
}
