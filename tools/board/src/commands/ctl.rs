//! `ctl` and `status`: orders to a board that runs already.

use crate::cli::{CtlArgs, SocketArgs};
use anyhow::{Result, bail};
use bayonet_board::machine::{give_order, running_boards, socket_directory};
use bayonet_board::orders::{Order, Reply};
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Loading a large scene is the slowest order.
const ORDER_TIMEOUT: Duration = Duration::from_secs(60);

/// Gives one order and prints the answer, if there is something to print.
pub(crate) fn ctl(arguments: &CtlArgs) -> Result<ExitCode> {
    let socket = find(&arguments.socket)?;
    match give_order(&socket, &arguments.order.clone().into(), ORDER_TIMEOUT)? {
        Reply::Done => {}
        Reply::Status { status } => println!("{status:#}"),
        Reply::Refused { reason } => bail!("the board refused: {reason}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the board's state as a table.
pub(crate) fn status(arguments: &SocketArgs) -> Result<ExitCode> {
    let socket = find(arguments)?;
    match give_order(&socket, &Order::Status, ORDER_TIMEOUT)? {
        Reply::Status { status } => print!("{}", table(&status)),
        Reply::Done => bail!("the board at {} did not tell its state", socket.display()),
        Reply::Refused { reason } => bail!("the board refused: {reason}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn find(arguments: &SocketArgs) -> Result<PathBuf> {
    if let Some(socket) = &arguments.board_socket {
        return Ok(socket.clone());
    }
    let mut boards = running_boards();
    match (boards.pop(), boards.is_empty()) {
        (Some(board), true) => Ok(board),
        (None, _) => bail!(
            "no board runs below {}; start one with `bayonet-board run`, or name its socket with --board-socket",
            socket_directory().display()
        ),
        (Some(last), false) => {
            boards.push(last);
            let names: Vec<_> = boards
                .iter()
                .map(|board| format!("  {}", board.display()))
                .collect();
            bail!(
                "several boards run; name one with --board-socket:\n{}",
                names.join("\n")
            )
        }
    }
}

/// One line per value: where it is, and what it is, aligned.
fn table(status: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", status, &mut rows);
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|(name, value)| format!("{name:width$}  {value}\n"))
        .collect()
}

fn flatten(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let below = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name} {key}")
        }
    };
    let plain = |values: &[Value]| {
        values
            .iter()
            .all(|value| !value.is_object() && !value.is_array())
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&below(&key.replace('_', " ")), value, rows);
            }
        }
        Value::Array(values) if plain(values) => {
            let words: Vec<_> = values.iter().map(word).collect();
            rows.push((name.to_owned(), words.join(", ")));
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(&below(&index.to_string()), value, rows);
            }
        }
        plain => rows.push((name.to_owned(), word(plain))),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_aligned() {
        let status = serde_json::json!({
            "main": { "sensor": "imx283", "frames_sent": 12, "powered": true },
            "lens": null,
            "not_modelled": ["tdn", "stitch"],
        });
        let text = table(&status);
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "lens              none",
                "main frames sent  12",
                "main powered      yes",
                "main sensor       imx283",
                "not modelled      tdn, stitch",
            ]
        );
    }
}
