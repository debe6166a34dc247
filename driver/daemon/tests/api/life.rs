//! Start and end of the server, and what connections may cost.

use crate::board::{Board, LIMIT, api, settings};
use crate::event_loop::EventLoop;
use bayonet_daemon::api::{CONNECTION_LIMIT, Error, ErrorBody, Server};
use bayonet_daemon::client;
use std::os::unix::net::UnixListener;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[tokio::test]
async fn a_second_one_is_told_who_is_there() {
    let board = Board::start().await;
    let mut api = api(&board.directory);
    // Its TCP address is in use as well; who has it is the better news.
    api.tcp.as_mut().unwrap().address = board.tcp;
    let error = Server::bind(&api).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Running { pid: Some(pid), .. } if pid == std::process::id()),
        "{text}"
    );
    assert!(
        text.contains(&format!("kill {}", std::process::id())),
        "{text}"
    );
    // The first one does not mind.
    board.get("/v1/status").await;
}

/// The program itself, which is refused long before it would look for a module.
#[tokio::test]
async fn a_second_program_touches_nothing() {
    let board = Board::start().await;
    let directory = board.directory.path();
    let half_written = directory.join("captures/20261122T203453.120Z-main.jpg.part");
    std::fs::write(&half_written, "half").unwrap();
    let (socket, configuration) = (&board.socket, directory.join("second.toml"));
    let text = format!(
        "[api]\nsocket = {socket:?}\n[captures]\ndirectory = {:?}\n[memory]\nfile = {:?}\n",
        directory.join("captures"),
        directory.join("memory.json"),
    );
    std::fs::write(&configuration, text).unwrap();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_bayonetd"))
        .arg("--config")
        .arg(&configuration)
        .output()
        .unwrap();
    let words = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert!(
        words.contains(&format!("kill {}", std::process::id())),
        "{words}"
    );
    assert_eq!(std::fs::read(&half_written).unwrap(), b"half");
    board.get("/v1/status").await;
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let socket = api(&directory).socket;
    std::fs::create_dir(socket.parent().unwrap()).unwrap();
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let board = Board::start_in(directory).await.unwrap();
    board.get("/v1/status").await;

    let directory = tempfile::tempdir().unwrap();
    let socket = api(&directory).socket;
    std::fs::create_dir(socket.parent().unwrap()).unwrap();
    let other = UnixListener::bind(&socket).unwrap();
    let error = Server::bind(&api(&directory)).await.unwrap_err();
    assert!(matches!(error, Error::Running { pid: None, .. }), "{error}");
    drop(other);
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "precious").unwrap();
    let error = Server::bind(&api(&directory)).await.unwrap_err();
    assert!(matches!(error, Error::InTheWay { .. }), "{error}");
    assert_eq!(std::fs::read(&socket).unwrap(), b"precious");
}

#[tokio::test]
async fn the_end_ends_streams_and_removes_the_socket() {
    let board = Board::start().await;
    let mut events = board.client.stream("/v1/events", LIMIT).await.unwrap();
    events.next().await.unwrap();
    let mut frames = board
        .client
        .stream("/v1/cameras/main/frames", LIMIT)
        .await
        .unwrap();
    let mut idle = UnixStream::connect(&board.socket).await.unwrap();
    idle.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    idle.read_u8().await.unwrap();
    board.shutdown.send(()).unwrap();
    assert_eq!(events.next().await.unwrap(), None);
    assert_eq!(frames.next().await.unwrap(), None);
    tokio::time::timeout(LIMIT, board.server)
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(board.event_loop.leases(), 0);
    assert!(!board.socket.exists());
    let error = board
        .client
        .get::<()>("/v1/status", LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, client::Error::NotRunning { .. }), "{error}");
    assert!(
        error.to_string().contains("systemctl start bayonetd"),
        "{error}"
    );
}

#[tokio::test]
async fn clients_are_told_when_the_event_loop_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(&directory);
    let server = Server::bind(&api(&directory)).await.unwrap();
    let client = client::Client::unix(&server.socket());
    let (_, commands) = EventLoop::start(settings.captures.clone());
    let (dead, _) = tokio::sync::mpsc::channel(1);
    drop(commands);
    let server = tokio::spawn(server.serve(settings, dead, std::future::pending()));
    let error = client.get::<()>("/v1/status", LIMIT).await.unwrap_err();
    assert!(
        matches!(error, client::Error::Refused { status: 503, .. }),
        "{error}"
    );
    server.abort();
}

#[tokio::test]
async fn one_client_too_many_is_told_so() {
    let board = Board::start().await;
    let mut held = Vec::new();
    for _ in 0..CONNECTION_LIMIT {
        let mut stream = UnixStream::connect(&board.socket).await.unwrap();
        stream
            .write_all(b"GET /v1/module HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    let answer = board.raw(b"").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{answer}"
    );
    assert_eq!(
        serde_json::from_str::<ErrorBody>(body).unwrap().error.code,
        "unavailable"
    );
    drop(held);
    // The server hears of it in its own time.
    while board
        .client
        .get::<serde_json::Value>("/v1/module", LIMIT)
        .await
        .is_err()
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_sends_no_head_or_no_body_is_let_go() {
    let board = Board::start().await;
    assert_eq!(board.raw(b"GET /v1/status HTTP/1.1\r\nhost:").await, "");
    let half = "PATCH /v1/cameras/main/controls HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    let answer = board.raw(half.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}
