//! The program itself, against a server with the event loop of the API's tests. What belongs where:
//! `texts` what people read, `json` what programs read, `pictures` files, `develop` raw pictures, `recordings` raw
//! sequences, `overlays` device tree overlays, `ipa` the IPA and where libcamera finds it, `failures` whatever is wrong.

#[path = "../../../../driver/daemon/tests/api/board.rs"]
#[expect(dead_code, reason = "the API's tests use more of it")]
mod board;
#[path = "../../../../driver/daemon/tests/api/event_loop.rs"]
#[expect(dead_code, reason = "the API's tests use more of it")]
mod event_loop;

mod develop;
mod failures;
mod ipa;
mod json;
mod overlays;
mod pictures;
mod recordings;
mod texts;

use board::{Board, LIMIT};
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::process::Command;

/// The program, for this socket.
fn program(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bayonet"));
    command.arg("--socket").arg(socket).args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn finish(mut command: Command) -> Output {
    let output = command.spawn().expect("it starts").wait_with_output();
    tokio::time::timeout(LIMIT, output)
        .await
        .expect("it ends")
        .expect("it was waited for")
}

/// What it writes when it does what it should.
async fn bayonet(board: &Board, arguments: &[&str]) -> String {
    let output = finish(program(&board.socket, arguments)).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}: {errors}",
        output.status
    );
    assert_eq!(errors, "", "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Its exit status and what it complains of when it does not.
async fn refused(command: Command) -> (i32, String) {
    let output = finish(command).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let errors = String::from_utf8(output.stderr).expect("text");
    (output.status.code().expect("it ends by itself"), errors)
}
