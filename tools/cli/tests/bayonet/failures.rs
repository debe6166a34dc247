//! Whatever is wrong: what to do about it, and the exit status.

use crate::board::{Board, TOKEN};
use crate::{finish, program, refused};
use bayonet_daemon::command::Refusal;
use bayonet_daemon::report::Event;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// So that a reader's absence is noticed soon.
const BETWEEN_EVENTS: Duration = Duration::from_millis(20);

#[tokio::test]
async fn bayonetd_that_does_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("api.sock");
    let dead = directory.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    for socket in [missing, dead] {
        for arguments in [
            &["list"][..],
            &["status"],
            &["watch"],
            &["lens", "list"],
            &["controls", "main"],
            &["capture"],
            &["record"],
            &["record", "--list"],
            &["record", "--stop"],
        ] {
            let (code, errors) = refused(program(&socket, arguments)).await;
            assert_eq!(code, 3, "{errors}");
            assert!(
                errors.starts_with("bayonet: bayonetd does not run"),
                "{errors}"
            );
            assert!(errors.contains("systemctl start bayonetd"), "{errors}");
        }
    }
}

#[tokio::test]
async fn something_else_that_answers() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("api.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // An answer before its request would be refused as such, whatever it says.
            let mut request = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
            std::mem::forget(stream);
        }
    });
    let (code, errors) = refused(program(&socket, &["status"])).await;
    assert_eq!(
        (code, errors.contains("are both of the same version?")),
        (3, true),
        "{errors}"
    );
}

#[tokio::test]
async fn refusals_are_told_as_bayonetd_tells_them() {
    let board = Board::start().await;
    let (code, errors) = refused(program(
        &board.socket,
        &["controls", "main", "Brightness=1"],
    ))
    .await;
    assert_eq!(
        (code, errors.as_str()),
        (1, "bayonet: there is no control `Brightness`\n")
    );
    let (code, errors) = refused(program(&board.socket, &["lens", "show", "a b/c"])).await;
    assert_eq!(
        (code, errors.contains("no lens profile \"a b/c\"")),
        (1, true),
        "{errors}"
    );
    board.event_loop.refuse(Some(Refusal::Unavailable(
        "the mount's sensor is away: plug it".into(),
    )));
    let (code, errors) = refused(program(
        &board.socket,
        &["--json", "capture", "-c", "mount"],
    ))
    .await;
    assert_eq!(code, 1);
    let error: serde_json::Value = serde_json::from_str(&errors).unwrap();
    assert_eq!(error["error"]["code"], "unavailable");
    assert_eq!(
        error["error"]["message"],
        "the mount's sensor is away: plug it"
    );
}

#[tokio::test]
async fn command_lines_that_cannot_be_understood() {
    let nowhere = Path::new("/nonexistent");
    for (arguments, said) in [
        (&["controls", "left"][..], "[possible values: main, mount]"),
        (&["controls", "main", "Gain"], "NAME=VALUE"),
        (&["capture", "--quality", "0"], "0 is not in 1..=100"),
        (&["record", "--frames", "0"], "0 is not in 1.."),
        (&["record", "--seconds", "inf"], "a number of seconds"),
        (&["record", "--list", "--stop"], "cannot be used with"),
        (
            &["record", "--stop", "--frames", "5"],
            "cannot be used with",
        ),
        (&["record", "--dry-run"], "--repair <DIR>"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&[], "Usage:"),
    ] {
        let (code, errors) = refused(program(nowhere, arguments)).await;
        assert_eq!(
            (code, errors.contains(said)),
            (2, true),
            "{arguments:?}: {errors}"
        );
    }
}

#[tokio::test]
async fn tcp_and_its_token() {
    let board = Board::start().await;
    let url = format!("http://{}", board.tcp);
    let good = board.directory.path().join("token");
    let bad = board.directory.path().join("bad");
    fs::write(&good, format!("{TOKEN}\n")).unwrap();
    fs::write(&bad, "something else").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bayonet"));
        command
            .arg("list")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let output = finish(run(&[
        "--url",
        &url,
        "--token-file",
        good.to_str().unwrap(),
    ]))
    .await;
    assert!(output.status.success(), "{output:?}");
    for (arguments, code, said) in [
        (&["--url", &url][..], 1, "needs the header"),
        (
            &["--url", &url, "--token-file", bad.to_str().unwrap()],
            1,
            "not the token",
        ),
        (
            &["--url", &url, "--token-file", "/nonexistent"],
            1,
            "cannot read the token from /nonexistent",
        ),
        (
            &["--url", "https://localhost:1"],
            1,
            "it is http://HOST:PORT",
        ),
        (&["--url", "localhost"], 1, "it is http://HOST:PORT"),
        (
            &["--token-file", "/nonexistent"],
            1,
            "--token-file is for --url",
        ),
        (
            &["--url", "http://127.0.0.1:1"],
            3,
            "systemctl start bayonetd",
        ),
    ] {
        let (actual, errors) = refused(run(arguments)).await;
        assert_eq!(
            (actual, errors.contains(said)),
            (code, true),
            "{arguments:?}: {errors}"
        );
    }
}

#[tokio::test]
async fn whoever_has_read_enough_may_go() {
    let board = Board::start().await;
    let mut child = program(&board.socket, &["watch"]).spawn().unwrap();
    drop(child.stdout.take());
    // What it wrote before the reader left went into the pipe, so it notices at one of the next events.
    let events = async {
        loop {
            board.event_loop.tell(Event::Shutter);
            tokio::time::sleep(BETWEEN_EVENTS).await;
        }
    };
    let output = tokio::select! {
        output = tokio::time::timeout(crate::LIMIT, child.wait_with_output()) => output.expect("it ends").unwrap(),
        () = events => unreachable!("events never end"),
    };
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[tokio::test]
async fn completions_and_manual_pages() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = Path::new("/nonexistent");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = finish(program(nowhere, &["completions", shell])).await;
        assert!(output.status.success());
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("capture"),
            "{shell}"
        );
    }
    let output = finish(program(nowhere, &["man"])).await;
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("Exit status"),
        "{output:?}"
    );
    let output = finish(program(
        nowhere,
        &["man", directory.path().to_str().unwrap()],
    ))
    .await;
    assert!(output.status.success(), "{output:?}");
    for page in [
        "bayonet.1",
        "bayonet-capture.1",
        "bayonet-lens-set.1",
        "bayonet-doctor.1",
    ] {
        assert!(directory.path().join(page).exists(), "{page}");
    }
}
