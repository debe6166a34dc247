//! The table of `dt-overlays/README.md`: board, base tree, port, sensor, and what was checked of them.

use crate::boards::{BOARDS, Base, Board, Port};
use crate::contradictions::problems_of;
use crate::schema::added;
use crate::workshop::sources;
use std::collections::HashMap;
use std::fmt::Write;
use std::fs;

const SENSORS: [&str; 4] = ["imx283", "imx219", "imx477", "imx296"];
const BEGIN: &str = "<!-- table: BAYONET_TABLE=write cargo test -p bayonet-kernel-tests --features host --test \
                     overlays table -->\n";
const END: &str = "<!-- table ends -->\n";

/// What holds for each sensor at the ports of a board, by role and sensor.
fn checked(board: Board, base: Base) -> HashMap<(&'static str, &'static str), String> {
    let mut cells = HashMap::new();
    let mut sound = Vec::new();
    for (_, port, role) in ports(&board) {
        for sensor in board.sensors {
            let found = problems_of(board, base, &[(role, sensor)]);
            if let Some(conflict) = board.conflict(port, sensor) {
                let name = board.name;
                assert!(
                    !found.is_empty(),
                    "{name} {role}={sensor}: nobody names the {conflict}"
                );
                cells.insert((role, *sensor), format!("refused: {conflict}"));
            } else {
                assert!(
                    found.is_empty(),
                    "{} {role}={sensor}: {found:?}",
                    board.name
                );
                sound.push((role, *sensor));
            }
        }
    }
    let parameters: Vec<_> = sound
        .iter()
        .map(|(role, sensor)| vec![((*role).to_owned(), (*sensor).to_owned())])
        .collect();
    for (at, complaints) in sound.iter().zip(added(board, base, &parameters)) {
        assert!(
            complaints.is_empty(),
            "{} {at:?}: {complaints:#?}",
            board.name
        );
        cells.insert(*at, "merged, valid".into());
    }
    cells
}

/// Each port with its title and its camera by default.
fn ports(board: &Board) -> Vec<(&'static str, Port, &'static str)> {
    let mut all = vec![("CAM1, main", board.cam1, "main")];
    all.extend(board.cam0.map(|port| ("CAM0, mount", port, "mount")));
    all
}

fn table() -> String {
    let mut text =
        String::from("\n| board | base tree | port | imx283 | imx219 | imx477 | imx296 |\n");
    text += "|---|---|---|---|---|---|---|\n";
    for board in BOARDS {
        for base in board.bases {
            let checked = checked(board, *base);
            for (title, _, role) in ports(&board) {
                let cells = SENSORS.map(|sensor| {
                    let cell = checked.get(&(role, sensor));
                    cell.map_or("not offered", String::as_str)
                });
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
