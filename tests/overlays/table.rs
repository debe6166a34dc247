//! The table of `dt-overlays/README.md`: board, base tree, port, sensor, and what was checked of them.

use crate::boards::{BOARDS, Base, Board, Port};
use crate::contradictions::problems_of;
use crate::schema::added;
use crate::workshop::sources;
use std::fmt::Write;
use std::fs;

const SENSORS: [&str; 4] = ["imx283", "imx219", "imx477", "imx296"];
const BEGIN: &str = "<!-- table: BAYONET_TABLE=write cargo test -p bayonet-kernel-tests --features host --test \
                     overlays table -->\n";
const END: &str = "<!-- table ends -->\n";

/// What holds for one sensor at one port.
fn cell(board: Board, base: Base, port: Port, role: &str, sensor: &str) -> String {
    if !board.sensors.contains(&sensor) {
        return "not offered".into();
    }
    let found = problems_of(board, base, &[(role, sensor)]);
    if let Some(conflict) = board.conflict(port, sensor) {
        assert!(
            !found.is_empty(),
            "{} {role}={sensor}: nobody names the {conflict}",
            board.name
        );
        return format!("refused: {conflict}");
    }
    assert_eq!(found, [""; 0], "{} {role}={sensor}", board.name);
    let parameters = vec![(role.to_owned(), sensor.to_owned())];
    let complaints = added(board, base, &[parameters]).remove(0);
    assert!(
        complaints.is_empty(),
        "{} {role}={sensor}: {complaints:#?}",
        board.name
    );
    "merged, valid".into()
}

fn table() -> String {
    let mut text =
        String::from("\n| board | base tree | port | imx283 | imx219 | imx477 | imx296 |\n");
    text += "|---|---|---|---|---|---|---|\n";
    for board in BOARDS {
        for base in board.bases {
            let ports = [
                ("CAM1, main", Some(board.cam1), "main"),
                ("CAM0, mount", board.cam0, "mount"),
            ];
            for (title, port, role) in ports {
                let Some(port) = port else { continue };
                let cells = SENSORS.map(|sensor| cell(board, *base, port, role, sensor));
                let cells = cells.join(" | ");
                let base = base.title();
                writeln!(text, "| {} | {base} | {title} | {cells} |", board.title).unwrap();
            }
        }
    }
    text + "\n"
}

#[test]
fn table_of_the_readme_is_what_was_checked() {
    let path = sources().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("where the table begins");
    let (old, after) = rest.split_once(END).expect("where the table ends");
    let new = table();
    if std::env::var_os("BAYONET_TABLE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{new}{END}{after}")).unwrap();
    } else {
        assert_eq!(
            old, new,
            "the table of dt-overlays/README.md is to be made anew, see the comment above it"
        );
    }
}
