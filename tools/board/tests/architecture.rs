//! What ARCHITECTURE.md and the board's README.md claim, compared with what is there.

use bayonet_board::module::{CABLES, FRAME_SELECTOR, LENS_CODE, MOUNT_PRESENT, SHUTTER_KEY};
use bayonet_board::unmodelled::Unmodelled;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const BOARD_README: &str = "tools/board/README.md";
/// Ends the line of a room in the map that has no folder yet.
const EMPTY: &str = "(empty today)";
/// Columns that a folder stands to the right of its parent.
const INDENT: usize = 2;
/// Where file names in the text of ARCHITECTURE.md begin.
const PLACES: [&str; 6] = [
    "",
    "tools/board/src",
    "driver/core/src",
    "driver/kernel/src",
    "driver/daemon/src",
    "driver/imaging/src",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text below a heading, up to the next heading of any level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, below) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading:?}"));
    below.split("\n#").next().unwrap_or(below)
}

/// Cells of the first table of a section, without its two rows of heading.
fn table(section: &str) -> Vec<Vec<&str>> {
    section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|row| row.split('|').skip(1))
        .map(|cells| cells.map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

/// Words between single backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Folders of the map, and whether each is marked as empty.
fn map() -> Vec<(PathBuf, bool)> {
    let text = read(ARCHITECTURE);
    let block = section(&text, "## The map of rooms")
        .split_once("```text\n")
        .and_then(|(_, rest)| rest.split("```").next())
        .expect("the map is a block of text");
    let mut parents: Vec<&str> = Vec::new();
    let mut folders = Vec::new();
    for line in block.lines() {
        let depth = (line.len() - line.trim_start().len()) / INDENT;
        parents.truncate(depth);
        parents.extend(line.split_whitespace().next());
        folders.push((parents.iter().collect(), line.ends_with(EMPTY)));
    }
    folders
}

#[test]
fn rooms_exist_or_are_marked_as_empty() {
    let map = map();
    assert!(map.len() > 10, "the map was not found whole: {map:?}");
    for (folder, empty) in map {
        let there = root().join(&folder).is_dir();
        assert_eq!(there, !empty, "{} in the map", folder.display());
    }
}

#[test]
fn every_crate_is_in_the_map() {
    let map: BTreeSet<_> = map().into_iter().map(|(folder, _)| folder).collect();
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    assert!(!members.is_empty());
    for member in members.iter().filter_map(toml::Value::as_str) {
        let known = map.contains(Path::new(member));
        assert!(known, "{member} is not in the map of {ARCHITECTURE}");
    }
}

#[test]
fn files_named_in_the_text_exist() {
    let text = read(ARCHITECTURE).replace("```", "");
    let names: Vec<_> = quoted(&text).filter(|name| name.ends_with(".rs")).collect();
    assert!(names.len() > 20, "only {names:?} were found");
    for name in names {
        let mut places = PLACES.iter().map(|place| root().join(place).join(name));
        assert!(places.any(|path| path.is_file()), "{ARCHITECTURE}: {name}");
    }
}

#[test]
fn the_list_of_unmodelled_blocks_is_the_models_own() {
    let text = read(BOARD_README);
    let listed: Vec<_> = table(section(&text, "### PiSP blocks that are not modelled"))
        .iter()
        .map(|cells| (cells[0].to_owned(), cells[1].to_owned()))
        .collect();
    let all = Unmodelled::all();
    let half = |name: &'static str, blocks: Vec<&'static str>| {
        let blocks = blocks.into_iter();
        blocks.map(move |block| (name.to_owned(), block.to_owned()))
    };
    let modelled = half("front end", all.front_end).chain(half("back end", all.back_end));
    assert_eq!(listed, modelled.collect::<Vec<_>>());
}

/// Strings of a macro's definition, up to the first empty line.
fn strings_behind<'a>(text: &'a str, define: &str) -> Vec<&'a str> {
    let (_, rest) = text
        .split_once(define)
        .unwrap_or_else(|| panic!("no {define:?}"));
    let definition = rest.split("\n\n").next().unwrap_or(rest);
    definition.split('"').skip(1).step_by(2).collect()
}

#[test]
fn the_wires_are_those_of_the_module_and_of_the_device_tree() {
    let text = read(BOARD_README);
    let header = read("dt-overlays/raspberry-pi.h");
    let board = read("dt-overlays/boards/pi5.dts");
    let mut names = strings_behind(&header, "#define HEADER_NAMES ");
    names.extend(strings_behind(&board, "#define LINE_NAMES HEADER_NAMES"));
    let mut pins = BTreeSet::new();
    for cells in table(section(&text, "## The module's wires")) {
        let pin: usize = cells[0].parse().expect("a GPIO number");
        assert_eq!(names.get(pin), Some(&cells[1]), "GPIO {pin}");
        pins.insert(pin);
    }
    let module = [SHUTTER_KEY, MOUNT_PRESENT]
        .into_iter()
        .chain(LENS_CODE)
        .chain(FRAME_SELECTOR)
        .chain(CABLES.map(|socket| socket.supply_enable));
    assert_eq!(pins, module.collect());
    for (name, pin) in [("SHUTTER", SHUTTER_KEY), ("PRESENT", MOUNT_PRESENT)] {
        let define = format!("#define {name} {pin}\n");
        assert!(header.contains(&define), "no {define:?} for the overlay");
    }
}
