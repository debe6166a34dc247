//! Whatever is wrong: each gets a clear answer, and nothing stops working.

use crate::board::{Board, LIMIT, TOKEN};
use crate::event_loop::status;
use bayonet_daemon::api::body;
use bayonet_daemon::client::{Client, Error};
use bayonet_daemon::command::Refusal;
use bayonet_daemon::report::Status;
use serde_json::json;

const JSON: &str = "content-type: application/json\r\n";
const CONTROLS: &str = "/v1/cameras/main/controls";

/// The status and the body of an answer.
fn parts(answer: &str) -> (u16, serde_json::Value) {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (
        status.expect("a status"),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

#[tokio::test]
async fn what_the_event_loop_refuses_has_the_status_of_its_reason() {
    let board = Board::start().await;
    let text = || "it says why".to_string();
    for (refusal, expected) in [
        (Refusal::NotFound(text()), 404),
        (Refusal::Invalid(text()), 422),
        (Refusal::Conflict(text()), 409),
        (Refusal::Unavailable(text()), 503),
        (Refusal::TimedOut(text()), 504),
        (Refusal::Storage(text()), 507),
    ] {
        board.event_loop.refuse(Some(refusal));
        let capture = json!({ "cameras": ["main"], "format": "jpeg" });
        for (method, path, body) in [
            ("GET", "/v1/cameras/main/capabilities", json!(null)),
            ("GET", "/v1/cameras/main/frames", json!(null)),
            ("GET", CONTROLS, json!(null)),
            ("PATCH", CONTROLS, json!({})),
            ("POST", "/v1/captures", capture),
            ("POST", "/v1/recordings", json!({ "cameras": ["main"] })),
            ("PUT", "/v1/module/lens", json!({ "profile": "x" })),
            ("DELETE", "/v1/module/lens", json!(null)),
        ] {
            assert_eq!(
                board.refused(method, path, body).await,
                (expected, text()),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods() {
    let board = Board::start().await;
    for path in [
        "/v1",
        "/v1/status/",
        "/v2/status",
        "/v1/cameras/main/nothing",
        "/v1//status",
    ] {
        let (status, message) = board.refused("GET", path, json!(null)).await;
        assert_eq!(
            (status, message.contains("openapi.json")),
            (404, true),
            "{path}: {message}"
        );
    }
    for camera in ["left", "Main", "%2e%2e", "main%00"] {
        let path = format!("/v1/cameras/{camera}/controls");
        let (status, message) = board.refused("GET", &path, json!(null)).await;
        assert_eq!(
            (status, message.contains("`main` and `mount`")),
            (404, true),
            "{message}"
        );
    }
    for (method, path) in [
        ("POST", "/v1/status"),
        ("DELETE", "/v1/captures"),
        ("PUT", CONTROLS),
    ] {
        assert_eq!(
            board.refused(method, path, json!(null)).await.0,
            405,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn no_name_of_a_picture_leads_out_of_the_directory() {
    let board = Board::start().await;
    let secret = board.directory.path().join("secret.jpg");
    std::fs::write(&secret, "secret").unwrap();
    let link = board
        .directory
        .path()
        .join("captures/20261122T203453.120Z-main.jpg");
    std::os::unix::fs::symlink(&secret, link).unwrap();
    for file in [
        "..%2fsecret.jpg",
        "%2e%2e%2fsecret.jpg",
        "20261122T203453.120Z-main.jpg",
        "20261122T203453.120Z-main.jpg.part",
        "20261122T203453.120Z-..%2f..%2fsecret.jpg",
    ] {
        let answer = board
            .request(&format!("GET /v1/captures/{file}"), "", b"")
            .await;
        assert!(!answer.contains("\r\n\r\nsecret"), "{file}: {answer}");
        assert!(matches!(parts(&answer).0, 404 | 507), "{file}: {answer}");
    }
    assert!(secret.exists());
}

#[tokio::test]
async fn malformed_bodies() {
    let board = Board::start().await;
    for (line, body, expected, said) in [
        (
            format!("PATCH {CONTROLS}"),
            "{\"a\": ",
            400,
            "line 1 column 6",
        ),
        (format!("PATCH {CONTROLS}"), "", 400, "line 1 column 0"),
        (format!("PATCH {CONTROLS}"), "\u{0}", 400, "line 1 column 1"),
        (format!("PATCH {CONTROLS}"), "[1]", 422, "line 1 column 0"),
        (
            format!("PATCH {CONTROLS}"),
            "{\"Brightness\": 1}",
            422,
            "no control `Brightness`",
        ),
        (
            "POST /v1/captures".into(),
            "{\"cameras\":[\"left\"]}",
            422,
            "`main` or `mount`",
        ),
        (
            "POST /v1/captures".into(),
            "{\"cameras\":[\"main\"]}",
            422,
            "missing field `format`",
        ),
        (
            "POST /v1/captures".into(),
            "{\"cameras\":[],\"format\":\"jpeg\"}",
            422,
            "is empty",
        ),
        (
            "POST /v1/recordings".into(),
            "{\"cameras\":[\"main\",\"main\"]}",
            422,
            "names a camera twice",
        ),
        (
            "POST /v1/recordings".into(),
            "{\"cameras\":[\"main\"],\"frames\":0}",
            422,
            "at least 1",
        ),
        (
            "POST /v1/recordings".into(),
            "{\"cameras\":[\"main\"],\"seconds\":-1}",
            422,
            "more than 0 and at most 604800",
        ),
        (
            "POST /v1/recordings".into(),
            "{\"cameras\":[\"main\"],\"format\":\"jpeg\"}",
            422,
            "unknown field `format`",
        ),
        (
            "PUT /v1/module/lens".into(),
            "{\"profil\":\"x\"}",
            422,
            "unknown field `profil`",
        ),
    ] {
        let answer = board.request(&line, JSON, body.as_bytes()).await;
        let (status, error) = parts(&answer);
        let message = error["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, expected, "{line} {body}: {answer}");
        assert!(message.contains(said), "{line} {body}: {message}");
    }
    // A body nested deeper than any control is refused, not followed.
    let deep = "[".repeat(60_000);
    assert_eq!(
        parts(
            &board
                .request(&format!("PATCH {CONTROLS}"), JSON, deep.as_bytes())
                .await
        )
        .0,
        422
    );
    let nested = format!("{{\"a\": {deep}");
    let answer = board
        .request(&format!("PATCH {CONTROLS}"), JSON, nested.as_bytes())
        .await;
    assert_eq!(parts(&answer).0, 400);
}

#[tokio::test]
async fn bodies_too_long_or_of_another_type() {
    let board = Board::start().await;
    let long = vec![b' '; body::LIMIT + 1];
    let answer = board
        .request(&format!("PATCH {CONTROLS}"), JSON, &long)
        .await;
    assert_eq!(parts(&answer).0, 413, "{answer}");
    // The same in pieces, without a length to tell it by.
    let mut chunked = format!(
        "PATCH {CONTROLS} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{JSON}transfer-encoding: chunked\r\n\r\n"
    );
    for _ in 0..=body::LIMIT / 4096 {
        chunked.push_str(&format!("1000\r\n{}\r\n", " ".repeat(4096)));
    }
    let answer = board.raw(chunked.as_bytes()).await;
    assert_eq!(parts(&answer).0, 413, "{answer}");
    for headers in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/jsonp\r\n",
    ] {
        let answer = board
            .request(&format!("PATCH {CONTROLS}"), headers, b"{}")
            .await;
        assert_eq!(parts(&answer).0, 415, "{answer}");
    }
    let typed = "content-type: Application/JSON; charset=utf-8\r\n";
    assert_eq!(
        parts(
            &board
                .request(&format!("PATCH {CONTROLS}"), typed, b"{}")
                .await
        )
        .0,
        200
    );
}

#[tokio::test]
async fn heads_that_are_no_http_or_too_long() {
    let board = Board::start().await;
    let answer = board
        .raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let long = format!("x-long: {}\r\n", "a".repeat(100_000));
    let answer = board.request("GET /v1/status", &long, b"").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = "a: b\r\n".repeat(200);
    let answer = board.request("GET /v1/status", &many, b"").await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    board.get("/v1/status").await;
}

#[tokio::test]
async fn parameters_of_frames() {
    let board = Board::start().await;
    for parameters in [
        "width=640",
        "width=0&height=480",
        "width=640&height=70000",
        "width=a&height=1",
        "heigth=1",
    ] {
        let path = format!("/v1/cameras/main/frames?{parameters}");
        assert_eq!(
            board.refused("GET", &path, json!(null)).await.0,
            422,
            "{parameters}"
        );
    }
    assert_eq!(board.event_loop.orders(), [""; 0]);
}

#[tokio::test]
async fn tcp_needs_the_token() {
    let board = Board::start().await;
    let url = format!("http://{}", board.tcp);
    for token in [
        None,
        Some(""),
        Some("wrong"),
        Some(&TOKEN[1..]),
        Some("0123456789abcdef0123456789abcdeg"),
    ] {
        let client = Client::tcp(&url, token.map(str::to_string)).unwrap();
        match client.get::<Status>("/v1/status", LIMIT).await {
            Err(Error::Refused {
                status: 401,
                message,
                ..
            }) => {
                assert!(message.contains("token_file"), "{message}");
            }
            other => panic!("{token:?}: {other:?}"),
        }
    }
    let client = Client::tcp(&url, Some(TOKEN.into())).unwrap();
    assert_eq!(
        client.get::<Status>("/v1/status", LIMIT).await.unwrap(),
        status()
    );
    let values = json!({ "ExposureTime": 1 });
    let set: Result<serde_json::Value, _> = client
        .json(hyper::Method::PATCH, CONTROLS, Some(&values), LIMIT)
        .await;
    assert_eq!(set.unwrap(), values);
}

#[tokio::test(start_paused = true)]
async fn an_event_loop_that_hangs_is_a_timeout() {
    let board = Board::start().await;
    board.event_loop.fall_silent();
    let (status, message) = board.refused("GET", "/v1/status", json!(null)).await;
    assert_eq!(status, 504);
    assert!(message.contains("within 5 s"), "{message}");
}
