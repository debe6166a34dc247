//! Pictures become files, whole, and go from the board.

use crate::board::Board;
use crate::{bayonet, program, refused};
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn a_picture_is_fetched_and_goes_from_the_board() {
    let board = Board::start().await;
    let file = board.directory.path().join("one.png");
    let name = file.to_str().unwrap();
    let said = bayonet(
        &board,
        &["capture", "--camera", "mount", "-o", name, "--full"],
    )
    .await;
    assert_eq!(said, format!("mount  5 B  {name}\n"));
    assert_eq!(fs::read(&file).unwrap(), b"mount");
    assert_eq!(board.store.list().unwrap(), []);
    assert_eq!(board.event_loop.orders(), ["capture Png full true"]);
}

#[tokio::test]
async fn a_pair_has_the_cameras_in_its_names() {
    let board = Board::start().await;
    let file = board.directory.path().join("my.pair.JPG");
    let arguments = [
        "capture",
        "--json",
        "--camera",
        "both",
        "-o",
        file.to_str().unwrap(),
        "--quality",
        "77",
    ];
    let said: Value = serde_json::from_str(&bayonet(&board, &arguments).await).unwrap();
    let path = |name: &str| board.directory.path().join(name);
    let picture = |camera: &str, name: &str, bytes| json!({ "camera": camera, "file": path(name), "bytes": bytes });
    assert_eq!(
        said,
        json!([
            picture("main", "my.pair-main.JPG", 4),
            picture("mount", "my.pair-mount.JPG", 5)
        ])
    );
    assert_eq!(fs::read(path("my.pair-main.JPG")).unwrap(), b"main");
    assert_eq!(fs::read(path("my.pair-mount.JPG")).unwrap(), b"mount");
    assert_eq!(
        board.event_loop.orders(),
        ["capture Jpeg { quality: 77 } full false"]
    );
}

#[tokio::test]
async fn without_a_name_the_time_is_the_name() {
    let board = Board::start().await;
    let mut command = program(&board.socket, &["capture"]);
    command.current_dir(board.directory.path());
    let output = crate::finish(command).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        fs::read(board.directory.path().join("20261122T203453.120Z-main.jpg")).unwrap(),
        b"main"
    );
}

#[tokio::test]
async fn nothing_is_replaced_or_taken_in_vain() {
    let board = Board::start().await;
    let file = board.directory.path().join("pair-mount.jpg");
    fs::write(&file, "old").unwrap();
    let pair = board.directory.path().join("pair.jpg");
    let pair = pair.to_str().unwrap();
    let lost = board.directory.path().join("nowhere/x.jpg");
    for (arguments, said) in [
        (
            vec!["-c", "both", "-o", pair],
            "pair-mount.jpg is there already; --force replaces it",
        ),
        (
            vec!["-o", board.directory.path().to_str().unwrap(), "-f", "png"],
            "is a directory",
        ),
        (vec!["-o", lost.to_str().unwrap()], "there is no directory"),
        (vec!["-o", "x.tiff"], "has to end in .jpg or .png"),
        (vec!["-o", "x.png", "-q", "5"], "a PNG loses nothing"),
    ] {
        let (code, errors) = refused(program(
            &board.socket,
            &[vec!["capture"], arguments].concat(),
        ))
        .await;
        assert_eq!((code, errors.contains(said)), (1, true), "{errors}");
    }
    assert_eq!(board.event_loop.orders(), [""; 0]);
    bayonet(&board, &["capture", "-c", "both", "-o", pair, "--force"]).await;
    assert_eq!(fs::read(&file).unwrap(), b"mount");
    assert_eq!(
        fs::read_dir(board.directory.path()).unwrap().count(),
        4,
        "run, captures, and two pictures"
    );
}
