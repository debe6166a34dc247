//! Every path once, as it should go.

use crate::board::{Board, LIMIT};
use hyper::Method;
use serde_json::json;

const BOTH: &str = "20261122T203453.120Z";

#[tokio::test]
async fn state_is_told_whole_and_in_parts() {
    let board = Board::start().await;
    let status = board.get("/v1/status").await;
    assert_eq!(status["module"]["lens"]["code"], 32);
    assert_eq!(board.get("/v1/module").await, status["module"]);
    assert_eq!(board.get("/v1/cameras").await, status["cameras"]);
    assert_eq!(board.get("/v1/cameras/main").await, status["cameras"][0]);
    assert_eq!(board.get("/v1/cameras/mount").await, status["cameras"][1]);
}

#[tokio::test]
async fn a_camera_that_the_board_does_not_have_is_not_found() {
    let board = Board::start().await;
    board.event_loop.change(|status| status.cameras.truncate(1));
    let (status, message) = board.refused("GET", "/v1/cameras/mount", json!(null)).await;
    assert_eq!(status, 404);
    assert!(message.contains("no camera `mount`"), "{message}");
}

#[tokio::test]
async fn controls_are_set_and_taken_back() {
    let board = Board::start().await;
    let path = "/v1/cameras/main/controls";
    let limits = board.get("/v1/cameras/main/capabilities").await;
    assert_eq!(limits["controls"]["ExposureTime"]["maximum"], 1_000_000);
    assert_eq!(board.get(path).await, json!({}));
    let set = board
        .send("PATCH", path, json!({ "ExposureTime": 5000 }))
        .await
        .unwrap();
    assert_eq!(set, json!({ "ExposureTime": 5000 }));
    assert_eq!(board.get(path).await, set);
    let back = board
        .send("PATCH", path, json!({ "ExposureTime": null }))
        .await
        .unwrap();
    assert_eq!(back, json!({}));
}

#[tokio::test]
async fn a_pair_is_taken_listed_fetched_and_removed() {
    let board = Board::start().await;
    let request = json!({ "cameras": ["main", "mount"], "format": "jpeg" });
    let capture = board.send("POST", "/v1/captures", request).await.unwrap();
    assert_eq!(capture["name"], BOTH);
    assert_eq!(
        board.event_loop.orders(),
        ["capture Jpeg { quality: 90 } full false"]
    );

    let list = board.get("/v1/captures").await;
    let file = format!("{BOTH}-mount.jpg");
    assert_eq!(
        list[1],
        json!({ "capture": BOTH, "camera": "mount", "file": file, "bytes": 5 })
    );
    let path = format!("/v1/captures/{file}");
    let got = board
        .client
        .bytes(Method::GET, &path, None::<&()>, LIMIT)
        .await
        .unwrap();
    assert_eq!(&got[..], b"mount");
    let gone = board
        .client
        .bytes(Method::DELETE, &path, None::<&()>, LIMIT)
        .await
        .unwrap();
    assert!(gone.is_empty());
    assert_eq!(board.get("/v1/captures").await.as_array().unwrap().len(), 1);
    assert_eq!(board.refused("GET", &path, json!(null)).await.0, 404);
}

#[tokio::test]
async fn pictures_have_their_media_type_and_captures_their_place() {
    let board = Board::start().await;
    let body = br#"{"cameras":["main"],"format":"png","full":true}"#;
    let answer = board
        .request(
            "POST /v1/captures",
            "content-type: application/json\r\n",
            body,
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    let place = format!("location: /v1/captures/{BOTH}-main.png\r\n");
    assert!(answer.contains(&place), "{answer}");
    assert_eq!(board.event_loop.orders(), ["capture Png full true"]);
    let answer = board
        .request(&format!("GET /v1/captures/{BOTH}-main.png"), "", b"")
        .await;
    assert!(
        answer.contains("content-type: image/png\r\ncontent-length: 4\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\nmain"), "{answer}");
}

#[tokio::test]
async fn a_picture_of_many_pieces_arrives_whole() {
    let board = Board::start().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let picture = (
        bayonet_daemon::report::CameraName::Main,
        bayonet_daemon::captures::Format::Png,
        &bytes[..],
    );
    let stored = board.store.save(std::time::UNIX_EPOCH, &[picture]).unwrap();
    let path = format!("/v1/captures/{}", stored[0].file);
    let got = board
        .client
        .bytes(Method::GET, &path, None::<&()>, LIMIT)
        .await
        .unwrap();
    assert!(got == bytes);
}

#[tokio::test]
async fn a_lens_is_named_and_the_name_taken_back() {
    let board = Board::start().await;
    let module = board
        .send("PUT", "/v1/module/lens", json!({ "profile": "x" }))
        .await
        .unwrap();
    assert_eq!(module["lens"]["state"], "assigned");
    let module = board
        .send("DELETE", "/v1/module/lens", json!(null))
        .await
        .unwrap();
    assert_eq!(module["lens"]["state"], "uncoded");
    assert_eq!(board.event_loop.orders(), ["lens Some(\"x\")", "lens None"]);
}

#[tokio::test]
async fn lens_profiles_are_listed_and_shown() {
    let board = Board::start().await;
    let list = board.get("/v1/lenses").await;
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|lens| lens["name"].as_str().unwrap())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let lens = board.get("/v1/lenses/test-50-f2").await;
    assert_eq!(
        lens["codes"],
        json!([{ "code": 33, "frame": null }, { "code": 34, "frame": 3 }])
    );
    assert!(list.as_array().unwrap().contains(&lens));
    let (status, message) = board.refused("GET", "/v1/lenses/none", json!(null)).await;
    assert_eq!(
        (status, message.contains("GET /v1/lenses")),
        (404, true),
        "{message}"
    );
}
