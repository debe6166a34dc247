//! What programs read: the API's own types.

use crate::bayonet;
use crate::board::{Board, LIMIT};
use crate::event_loop::status;
use crate::program;
use bayonet_daemon::report::{Camera, Event, Lens, Status, Values};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

async fn read<T: serde::de::DeserializeOwned>(board: &Board, arguments: &[&str]) -> T {
    let text = bayonet(board, &[&["--json"], arguments].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

#[tokio::test]
async fn everything_can_be_json() {
    let board = Board::start().await;
    assert_eq!(read::<Status>(&board, &["status"]).await, status());
    assert_eq!(
        read::<Vec<Camera>>(&board, &["list"]).await,
        status().cameras
    );
    assert_eq!(
        read::<Lens>(&board, &["lens", "show"]).await,
        status().module.lens
    );
    let profile: Value = read(&board, &["lens", "show", "test-50-f2"]).await;
    assert_eq!(profile["maximum_aperture"], 2.0);
    assert!(
        read::<Vec<Value>>(&board, &["lens", "list"])
            .await
            .contains(&profile)
    );
    let set: Values = read(&board, &["controls", "main", "ExposureTime=5"]).await;
    assert_eq!(set, Values::from([("ExposureTime".into(), json!(5))]));
    let shown: Value = read(&board, &["controls", "main"]).await;
    assert_eq!(shown["controls"], json!({ "ExposureTime": 5 }));
    assert_eq!(shown["limits"]["ExposureTime"]["default"], 20_000);
    assert_eq!(
        read::<Lens>(&board, &["lens", "set", "x"]).await.profile,
        Some("x".into())
    );
    assert_eq!(read::<Lens>(&board, &["lens", "clear"]).await.profile, None);
}

#[tokio::test]
async fn events_are_a_line_each() {
    let board = Board::start().await;
    let mut child = program(&board.socket, &["watch", "--json"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for expected in [Event::Status(status()), Event::Shutter] {
        let line = tokio::time::timeout(LIMIT, lines.next_line())
            .await
            .expect("a line");
        let line = line.unwrap().expect("it goes on");
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), expected);
        board.event_loop.tell(Event::Shutter);
    }
}
