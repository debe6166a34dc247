//! What the viewfinder is made of: views, the page, the session that is as good as a token, and who is kept out.

use crate::board::{Board, LIMIT, TOKEN, until};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

const VIEW: &str = "GET /v1/cameras/main/view";

/// Sends a request over TCP, with these headers, and reads until the server closes.
async fn tcp(board: &Board, line: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(board.tcp).await.unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        board.tcp,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await;
    read.expect("the server closes").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("{answer}"))
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let lines = head.lines();
    let mut pairs = lines.filter_map(|line| line.split_once(": "));
    pairs
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

async fn log_in(board: &Board, token: &str) -> String {
    let body = json!({ "token": token }).to_string();
    tcp(
        board,
        "POST /session",
        "content-type: application/json\r\n",
        &body,
    )
    .await
}

#[tokio::test]
async fn a_view_is_the_newest_frame_and_says_which() {
    let board = Board::start().await;
    board.event_loop.show(3, b"three");
    board.event_loop.show(7, b"seven");
    for query in ["", "?after=3", "?after=8"] {
        let answer = board.request(&format!("{VIEW}{query}"), "", b"").await;
        assert_eq!(header(&answer, "content-type"), Some("image/jpeg"));
        assert_eq!(header(&answer, "cache-control"), Some("no-store"));
        assert!(answer.ends_with("\r\n\r\nseven"), "{answer}");
        let frame: Value = serde_json::from_str(header(&answer, "bayonet-frame").unwrap()).unwrap();
        assert_eq!(
            (&frame["sequence"], &frame["metadata"]["ExposureTime"]),
            (&json!(7), &json!(9999))
        );
    }
    assert_eq!(
        board.event_loop.orders(),
        [
            "view main after None",
            "view main after Some(3)",
            "view main after Some(8)"
        ]
    );
}

#[tokio::test]
async fn a_newer_view_is_waited_for() {
    let board = Board::start().await;
    board.event_loop.show(7, b"seven");
    let mut stream = UnixStream::connect(&board.socket).await.unwrap();
    let head = format!("{VIEW}?after=7 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let event_loop = board.event_loop.clone();
    until(|| !event_loop.orders().is_empty()).await;
    board.event_loop.show(8, b"eight");
    let mut answer = String::new();
    let read = tokio::time::timeout(LIMIT, stream.read_to_string(&mut answer)).await;
    read.expect("it comes").unwrap();
    assert!(answer.ends_with("\r\n\r\neight"), "{answer}");
}

#[tokio::test]
async fn no_view_in_time_is_no_error() {
    let board = Board::start().await;
    let answer = board.request(VIEW, "", b"").await;
    assert_eq!(status(&answer), 204, "{answer}");
}

#[tokio::test]
async fn who_looks_and_takes_nothing_holds_nobody_up() {
    let board = Board::start().await;
    // Far more than the sockets' buffers and the server's hold.
    board.event_loop.show(1, &vec![0; 8 << 20]);
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(board.tcp).await.unwrap();
        let head = format!("{VIEW} HTTP/1.1\r\nhost: x\r\nauthorization: bearer {TOKEN}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let mut asked = 0;
    while asked < slow.len() {
        asked += board.event_loop.orders().len();
        tokio::task::yield_now().await;
    }
    board.event_loop.show(2, b"two");
    let answer = board.request(&format!("{VIEW}?after=1"), "", b"").await;
    assert!(answer.ends_with("\r\n\r\ntwo"), "{answer}");
    let pair = json!({ "cameras": ["main", "mount"], "format": "jpeg" });
    let capture = board.send("POST", "/v1/captures", pair).await.unwrap();
    assert_eq!(capture["pictures"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_page_comes_without_a_token_and_nothing_else_does() {
    let board = Board::start().await;
    let page = tcp(&board, "GET /", "", "").await;
    assert_eq!(status(&page), 200);
    assert_eq!(
        header(&page, "content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = header(&page, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert_eq!(header(&page, "x-content-type-options"), Some("nosniff"));
    // Whatever the page names is there.
    let names: Vec<&str> = page
        .split(['"', '\''])
        .filter(|text| text.starts_with("/viewfinder/"))
        .collect();
    assert!(!names.is_empty());
    for name in names {
        assert_eq!(
            status(&tcp(&board, &format!("GET {name}"), "", "").await),
            200,
            "{name}"
        );
    }
    for path in [
        "/viewfinder/none",
        "/viewfinder/",
        "/viewfinder/../../Cargo.toml",
        "/viewfinder/..%2f..%2fCargo.toml",
        "/viewfinder/%2fetc%2fpasswd",
    ] {
        let answer = tcp(&board, &format!("GET {path}"), "", "").await;
        assert_eq!(status(&answer), 404, "{path}");
    }
    for path in [
        "/v1/status",
        "/v1/cameras/main/view",
        "/v1/captures",
        "/viewfinder",
    ] {
        let answer = tcp(&board, &format!("GET {path}"), "", "").await;
        assert_eq!(status(&answer), 401, "{path}");
    }
    assert_eq!(board.event_loop.orders(), [""; 0]);
}

#[tokio::test]
async fn a_session_is_as_good_as_the_token() {
    let board = Board::start().await;
    for wrong in ["", "wrong", &TOKEN[1..], "0123456789abcdef0123456789abcdeg"] {
        let answer = log_in(&board, wrong).await;
        assert_eq!(
            (status(&answer), header(&answer, "set-cookie")),
            (401, None)
        );
    }
    let answer = log_in(&board, TOKEN).await;
    assert_eq!(status(&answer), 204, "{answer}");
    let required = tcp(&board, "GET /session", "", "").await;
    assert!(required.ends_with(r#"{"required":true}"#), "{required}");
    let cookie = header(&answer, "set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict;"), "{cookie}");
    assert!(!cookie.contains(TOKEN), "{cookie}");
    let (pair, _) = cookie.split_once(';').unwrap();
    for (cookies, wanted) in [
        (pair.to_owned(), 200),
        (format!("other=1; {pair}"), 200),
        (pair[..pair.len() - 1].to_owned(), 401),
        ("bayonet-token=".to_owned(), 401),
    ] {
        let headers = format!("cookie: {cookies}\r\n");
        let answer = tcp(&board, "GET /v1/status", &headers, "").await;
        assert_eq!(status(&answer), wanted, "{cookies}");
    }
    let required = tcp(&board, "GET /session", &format!("cookie: {pair}\r\n"), "").await;
    assert!(required.ends_with(r#"{"required":false}"#), "{required}");
    // It may control too.
    let headers = format!("cookie: {pair}\r\ncontent-type: application/json\r\n");
    let line = "PATCH /v1/cameras/main/controls";
    let set = tcp(&board, line, &headers, r#"{"ExposureTime":1}"#).await;
    assert_eq!(status(&set), 200, "{set}");
    let ended = tcp(&board, "DELETE /session", &headers, "").await;
    let gone = header(&ended, "set-cookie").unwrap();
    assert!(
        gone.starts_with("bayonet-token=;") && gone.ends_with("Max-Age=0"),
        "{gone}"
    );
    // Somebody whom the kernel knows needs none.
    let body = br#"{"token":"any"}"#;
    let local = board
        .request("POST /session", "content-type: application/json\r\n", body)
        .await;
    assert_eq!((status(&local), header(&local, "set-cookie")), (204, None));
}

#[tokio::test]
async fn pages_of_other_origins_are_not_served() {
    let board = Board::start().await;
    let line = "PATCH /v1/cameras/main/controls";
    let own = format!("http://{}", board.tcp);
    let port = board.tcp.port();
    for (origin, wanted) in [
        (own.as_str(), 200),
        ("http://example.org", 403),
        (&format!("http://example.org:{port}"), 403),
        (&format!("{own}.example.org"), 403),
        ("null", 403),
        ("", 403),
    ] {
        let headers = format!(
            "origin: {origin}\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
        );
        let answer = tcp(&board, line, &headers, r#"{"ExposureTime":1}"#).await;
        assert_eq!(status(&answer), wanted, "{origin}: {answer}");
    }
}
