//! Recordings: begun and stopped by the event loop, those that are over from the disk.

use crate::board::{Board, LIMIT};
use crate::event_loop::RECORDING;
use bayonet_daemon::recordings::index::HeadCamera;
use bayonet_daemon::recordings::{Ending, Request};
use bayonet_daemon::report::{CameraName, RecordingEnd};
use hyper::Method;
use serde_json::json;
use std::time::{Instant, UNIX_EPOCH};

/// The name of a recording that began in 1970.
const OLD: &str = "19700101T000000.000Z";

/// A recording that is over.
async fn old(board: &Board) {
    let request = Request {
        cameras: vec![HeadCamera {
            camera: CameraName::Mount,
            model: "imx283".into(),
        }],
        lens: None,
        frames: None,
    };
    let mut recorder = board.recordings.start(1, UNIX_EPOCH, &request).unwrap();
    recorder.intake().end(Ending {
        reason: RecordingEnd::Complete,
        message: None,
        deadline: Instant::now() + LIMIT,
    });
    recorder.ended().unwrap().await.unwrap();
}

#[tokio::test]
async fn one_is_begun_looked_at_and_stopped() {
    let board = Board::start().await;
    assert_eq!(board.get("/v1/recordings").await, json!([]));
    old(&board).await;
    let body = br#"{"cameras":["main","mount"],"seconds":2.5}"#;
    let head = "content-type: application/json\r\n";
    let answer = board.request("POST /v1/recordings", head, body).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    let place = format!("location: /v1/recordings/{RECORDING}\r\n");
    assert!(answer.contains(&place), "{answer}");
    let list = board.get("/v1/recordings").await;
    assert_eq!(list[0]["name"], OLD);
    assert_eq!(list[0]["end"], "complete");
    let path = format!("/v1/recordings/{RECORDING}");
    let running = board.get(&path).await;
    assert_eq!(list[1], running);
    assert_eq!(running["state"], "recording");
    assert_eq!(board.get("/v1/status").await["recording"], running);
    let stopped = board
        .send("POST", &format!("{path}/stop"), json!(null))
        .await
        .unwrap();
    assert_eq!(stopped["end"], "stopped");
    assert_eq!(board.get("/v1/status").await["recording"], json!(null));
    let orders = board.event_loop.orders();
    let stop = format!("stop {RECORDING}");
    assert_eq!(orders, ["record 2 frames None for Some(2.5s)", &stop]);
}

#[tokio::test]
async fn one_that_is_over_is_shown_and_removed() {
    let board = Board::start().await;
    old(&board).await;
    let path = format!("/v1/recordings/{OLD}");
    let shown = board.get(&path).await;
    assert_eq!(shown["cameras"][0]["name"], "mount");
    let stop = format!("{path}/stop");
    let (status, _) = board.refused("POST", &stop, json!(null)).await;
    assert_eq!(status, 409, "it is over");
    let directory = shown["directory"].as_str().unwrap().to_owned();
    std::fs::write(format!("{directory}/notes.txt"), "theirs").unwrap();
    let (status, message) = board.refused("DELETE", &path, json!(null)).await;
    assert_eq!(
        (status, message.contains("notes.txt")),
        (409, true),
        "{message}"
    );
    std::fs::remove_file(format!("{directory}/notes.txt")).unwrap();
    let gone = board
        .client
        .bytes(Method::DELETE, &path, None::<&()>, LIMIT)
        .await
        .unwrap();
    assert!(gone.is_empty());
    for (method, path) in [("GET", &path), ("DELETE", &path), ("POST", &stop)] {
        let (status, message) = board.refused(method, path, json!(null)).await;
        assert_eq!(
            (status, message.contains("no recording")),
            (404, true),
            "{message}"
        );
    }
}

#[tokio::test]
async fn one_that_is_written_is_not_removed() {
    let board = Board::start().await;
    let request = Request {
        cameras: Vec::new(),
        lens: None,
        frames: None,
    };
    let recorder = board.recordings.start(1, UNIX_EPOCH, &request).unwrap();
    let path = format!("/v1/recordings/{}", recorder.name());
    let (status, message) = board.refused("DELETE", &path, json!(null)).await;
    assert_eq!(
        (status, message.contains("stop it first")),
        (409, true),
        "{message}"
    );
}
