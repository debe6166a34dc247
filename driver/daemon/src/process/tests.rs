//! Recorded frames go to the recording, and what is not wanted is passed over. The camera processes are shell scripts.

use super::*;
use crate::recordings::index::HeadCamera;
use crate::recordings::{Ending, Recorder, Request, Store};
use crate::report::RecordingEnd;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

fn recorder(directory: &Path, queue: usize) -> Recorder {
    let request = Request {
        cameras: vec![HeadCamera {
            camera: CameraName::Main,
            model: "imx283".into(),
        }],
        lens: None,
        frames: None,
    };
    let store = Store::new(directory, 0, queue);
    store.start(7, UNIX_EPOCH, &request).unwrap()
}

/// What a script says, to its end.
async fn words(script: &str, inlet: &Inlet) -> Vec<Word> {
    let (outputs, mut output) = mpsc::channel(4);
    let arguments = vec!["-c".into(), script.into()];
    let shell = Path::new("/bin/sh");
    let process = Process::spawn(
        CameraName::Main,
        1,
        shell,
        arguments,
        outputs,
        inlet.clone(),
    );
    let _process = process.unwrap();
    let mut words = Vec::new();
    let all = async {
        while let Some(output) = output.recv().await {
            words.push(output.word);
        }
    };
    tokio::time::timeout(LIMIT, all).await.expect("it ends");
    words
}

fn recorded(id: u64, number: u32, bytes: u64) -> String {
    let frame = format!(r#"{{"sequence":{number},"timestamp_ns":5,"metadata":{{}}}}"#);
    let line = format!(
        r#"{{"news":"recorded","id":{id},"number":{number},"bytes":{bytes},"frame":{frame}}}"#
    );
    format!("echo '{line}'; ")
}

async fn end(mut recorder: Recorder) -> crate::recordings::index::End {
    recorder.intake().end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + LIMIT,
    });
    recorder.ended().unwrap().await.unwrap()
}

#[tokio::test]
async fn frames_become_files_and_others_are_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let recorder = recorder(root.path(), 1 << 20);
    let inlet = Inlet::default();
    inlet.open(recorder.intake().clone());
    let script = [
        recorded(7, 1, 5) + "printf 'first'; ",
        // Of a recording that is over, and longer than what is read at once.
        recorded(6, 9, 200_000) + "head -c 200000 /dev/zero; ",
        // Longer than the queue.
        recorded(7, 2, 2_000_000) + "head -c 2000000 /dev/zero; ",
        r#"echo '{"news":"record-dropped","id":7,"number":3,"frame":{"sequence":3,"timestamp_ns":5,"metadata":{}}}'; "#.into(),
        recorded(7, 4, 4) + "printf 'last'",
    ];
    let words = words(&script.concat(), &inlet).await;
    let heard: Vec<_> = words
        .iter()
        .map(|word| match word {
            Word::Recorded { id, number } => (*id, *number),
            Word::News(News::RecordDropped { id, number, .. }) => (*id, *number),
            Word::Ended(how) => {
                assert_eq!(how, "exit status: 0");
                (0, 0)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(heard, [(7, 1), (6, 9), (7, 2), (7, 3), (7, 4), (0, 0)]);
    let directory = root.path().join(recorder.name());
    let end = end(recorder).await;
    assert_eq!((end.cameras[0].written, end.cameras[0].dropped), (2, 2));
    let read = |name| std::fs::read(directory.join(name)).unwrap();
    assert_eq!(read("main/000001.dng"), b"first");
    assert_eq!(read("main/000004.dng"), b"last");
}

#[tokio::test]
async fn a_frame_that_is_cut_is_counted_and_not_written() {
    let root = tempfile::tempdir().unwrap();
    let recorder = recorder(root.path(), 1 << 20);
    let inlet = Inlet::default();
    inlet.open(recorder.intake().clone());
    let script = recorded(7, 1, 5) + "printf 'fir'";
    let words = words(&script, &inlet).await;
    let [Word::Ended(how)] = &words[..] else {
        panic!("{words:?}");
    };
    assert_eq!(how, "a recorded frame was cut");
    let directory = root.path().join(recorder.name());
    let end = end(recorder).await;
    assert_eq!((end.cameras[0].written, end.cameras[0].dropped), (0, 1));
    assert_eq!(
        std::fs::read_dir(directory.join("main")).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn a_length_that_cannot_be_ends_the_process() {
    let script = recorded(7, 1, PICTURE_LIMIT + 1) + "exec sleep 60";
    let words = words(&script, &Inlet::default()).await;
    assert!(
        matches!(&words[..], [Word::Ended(how)] if how.contains("268435457 bytes")),
        "{words:?}"
    );
}
