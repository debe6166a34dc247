//! Recordings are followed to their end, listed, stopped and mended.

use crate::board::{Board, LIMIT, until};
use crate::event_loop::{RECORDING, ended, recording, status};
use crate::{bayonet, finish, program, refused};
use bayonet_daemon::recordings::index::{self, HeadCamera};
use bayonet_daemon::recordings::{Ending, Request, Shot};
use bayonet_daemon::report::{CameraName, Event, Recording, RecordingEnd, RecordingState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};
use tokio::process::Child;

/// Waits until the program has begun its recording.
async fn begun(board: &Board) {
    let under_way = || {
        let mut under_way = false;
        board
            .event_loop
            .change(|status| under_way = status.recording.is_some());
        under_way
    };
    until(under_way).await;
}

fn interrupt(child: &Child) {
    let pid = child.id().expect("it runs").try_into().expect("a process");
    kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
}

async fn output(child: Child) -> (Option<i32>, String, String) {
    let output = tokio::time::timeout(LIMIT, child.wait_with_output());
    let output = output.await.expect("it ends").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn an_interrupt_stops_it_and_waits_for_its_end() {
    let board = Board::start().await;
    let mut command = program(
        &board.socket,
        &["record", "-c", "both", "-s", "2.5", "-n", "9"],
    );
    let child = command.spawn().unwrap();
    begun(&board).await;
    interrupt(&child);
    let (code, said, errors) = output(child).await;
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let expected = "\
recording  20261122T203455.000Z
directory  /var/lib/bayonet/recordings/20261122T203455.000Z
state      ended, stopped
main       250 frames, 1.5 GB, 1 dropped, 0 missing
mount      250 frames, 1.5 GB, 1 dropped, 0 missing
";
    assert_eq!(said, expected);
    let stop = format!("stop {RECORDING}");
    let record = "record 2 frames Some(9) for Some(2.5s)";
    assert_eq!(board.event_loop.orders(), [record, &stop]);
}

#[tokio::test]
async fn one_that_ends_by_itself_is_told_with_its_reason() {
    let board = Board::start().await;
    for (end, reason, code) in [
        (RecordingEnd::Complete, None, 0),
        (
            RecordingEnd::DiskFull,
            Some("the disk is full; delete recordings"),
            1,
        ),
    ] {
        let child = program(&board.socket, &["record"]).spawn().unwrap();
        begun(&board).await;
        let progress = recording(&[CameraName::Main]);
        board.event_loop.tell(Event::Recording(progress.clone()));
        let other = Recording {
            name: "another".into(),
            ..ended(progress.clone())
        };
        board.event_loop.tell(Event::Recording(other));
        let last = Recording {
            end: Some(end),
            reason: reason.map(str::to_owned),
            ..ended(progress)
        };
        board.event_loop.tell(Event::Recording(last));
        board.event_loop.change(|status| status.recording = None);
        let (exit, said, _) = output(child).await;
        assert_eq!(exit, Some(code), "{said}");
        assert!(said.contains(reason.unwrap_or("ended, complete")), "{said}");
    }
}

#[tokio::test]
async fn bayonetd_that_goes_away_leaves_advice() {
    let board = Board::start().await;
    let child = program(&board.socket, &["record"]).spawn().unwrap();
    begun(&board).await;
    board.shutdown.send(()).unwrap();
    let (code, said, errors) = output(child).await;
    assert_eq!((code, said.as_str()), (Some(1), ""));
    let advice = "bayonet record --repair /var/lib/bayonet/recordings/20261122T203455.000Z";
    assert!(errors.contains(advice), "{errors}");
}

#[tokio::test]
async fn one_can_be_left_to_itself_listed_and_stopped() {
    let board = Board::start().await;
    let arguments = ["record", "--detach", "--json"];
    let begun: Recording = serde_json::from_str(&bayonet(&board, &arguments).await).unwrap();
    assert_eq!(begun.state, RecordingState::Recording);
    let (code, errors) = refused(program(&board.socket, &["record"])).await;
    assert_eq!(
        (code, errors.as_str()),
        (1, "bayonet: there is one already\n")
    );
    let expected = "\
RECORDING             STATE      TIME    FRAMES  DROPPED  SIZE
20261122T203455.000Z  recording  0:10.0  250     1        1.5 GB
";
    assert_eq!(bayonet(&board, &["record", "--list"]).await, expected);
    let line =
        "record    recording  20261122T203455.000Z, 0:10.0, main 250 frames, 1.5 GB, 1 dropped\n";
    let said = bayonet(&board, &["status"]).await;
    assert!(said.ends_with(line), "{said}");
    let said = bayonet(&board, &["record", "--stop"]).await;
    assert!(said.contains("state      ended, stopped\n"), "{said}");
    let (code, errors) = refused(program(&board.socket, &["record", "--stop"])).await;
    assert_eq!(
        (code, errors.as_str()),
        (1, "bayonet: there is no recording to stop\n")
    );
    let list: Value =
        serde_json::from_str(&bayonet(&board, &["record", "--list", "--json"]).await).unwrap();
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn watch_tells_what_is_new_of_it() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let board = Board::start().await;
    let mut child = program(&board.socket, &["watch"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(LIMIT, lines.next_line()).await;
        line.expect("a line").unwrap().expect("it goes on")[9..].to_owned()
    };
    for _ in 0..=status().cameras.len() {
        next().await;
    }
    let progress = recording(&[CameraName::Main]);
    let later = Recording {
        duration_ms: Some(20_000),
        ..progress.clone()
    };
    for recording in [progress.clone(), later, ended(progress)] {
        board.event_loop.tell(Event::Recording(recording));
    }
    let told = "20261122T203455.000Z, 0:10.0, main 250 frames, 1.5 GB, 1 dropped";
    assert_eq!(next().await, format!("  record    recording       {told}"));
    assert_eq!(
        next().await,
        format!("  record    ended           {told}, stopped")
    );
}

/// A recording of three frames, whose end was torn off, with a frame that was never finished.
async fn interrupted(board: &Board) -> PathBuf {
    let request = Request {
        cameras: vec![HeadCamera {
            camera: CameraName::Main,
            model: "imx283".into(),
        }],
        lens: None,
        frames: None,
    };
    let mut recorder = board.recordings.start(1, UNIX_EPOCH, &request).unwrap();
    for number in 1..=3 {
        let shot = Shot {
            camera: CameraName::Main,
            number,
            sequence: number * 2,
            timestamp_ns: 0,
        };
        let mut buffer = recorder.intake().room(&shot, 1000).unwrap();
        buffer.resize(1000, number as u8);
        recorder.intake().try_write(shot, buffer);
    }
    recorder.intake().end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + LIMIT,
    });
    recorder.ended().unwrap().await.unwrap();
    let directory = board
        .directory
        .path()
        .join("recordings")
        .join(recorder.name());
    let path = directory.join(index::FILE);
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    fs::write(directory.join("main/000004.dng.part"), "II").unwrap();
    directory
}

#[tokio::test]
async fn a_recording_is_mended_without_bayonetd() {
    let board = Board::start().await;
    let directory = interrupted(&board).await;
    let nowhere = Path::new("/nonexistent");
    let repair = |more: &[&str]| {
        let arguments = ["record", "--repair", directory.to_str().unwrap()];
        program(nowhere, &[&arguments[..], more].concat())
    };
    let table = "\
CAMERA  WHOLE  SIZE    DAMAGED  GONE  DROPPED  MISSING
main    3      3.0 kB  0        0     0        2

";
    let problems = "\
index.jsonl:7: cut off
index.jsonl has no end: it was interrupted
main/000004.dng.part: it was never finished
";
    for (more, expected, code) in [
        (
            &["--dry-run"][..],
            format!("{table}{problems}not mended, as --dry-run says\n"),
            1,
        ),
        (
            &[],
            format!("{table}{problems}mended: the index says what is there\n"),
            0,
        ),
        (&[], format!("{table}everything is as it was written\n"), 0),
        (
            &["--dry-run"],
            format!("{table}everything is as it was written\n"),
            0,
        ),
    ] {
        let output = finish(repair(more)).await;
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        assert_eq!(output.status.code(), Some(code), "{expected}");
    }
    fs::write(directory.join("main/000002.dng"), "spoilt").unwrap();
    let output = finish(repair(&["--json"])).await;
    assert_eq!(output.status.code(), Some(1), "a frame is lost");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["mended"], &report["end"]),
        (&json!(true), &json!("interrupted"))
    );
    assert_eq!(report["problems"][0]["problem"], "damaged");
    assert_eq!(report["cameras"][0]["whole"], 2);
    let (code, errors) = refused(program(
        nowhere,
        &["record", "--repair", "/tmp/nowhere-at-all"],
    ))
    .await;
    assert_eq!(
        (code, errors.contains("cannot look at")),
        (1, true),
        "{errors}"
    );
}
