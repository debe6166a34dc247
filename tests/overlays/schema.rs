//! dtschema: the kernel's bindings and ours, on every merged tree.
//!
//! A base tree has complaints of its own now and then. What counts is what a merged tree adds to them.

use crate::boards::{BOARDS, Base, Board};
use crate::parameters::schema_trials;
use crate::workshop::{Merge, workshop};
use bayonet_overlay::read_blob;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// What the merged trees may add, and why: the bindings lack what the drivers read.
const KNOWN: [(&str, &str); 4] = [
    // drivers/media/i2c/imx283.c and imx296.c call v4l2_fwnode_device_parse.
    ("(sony,imx283)", "'orientation', 'rotation' do not match"),
    ("(sony,imx296)", "'orientation', 'rotation' do not match"),
    // Its binding has the plain port of graph.yaml, which knows no property of video-interfaces.yaml.
    (
        "(sony,imx296)",
        "port:endpoint: Unevaluated properties are not allowed ('clock-noncontinuous', 'data-lanes', 'link-frequencies'",
    ),
    // A property of the Raspberry Pi kernel's driver.
    (
        "(brcm,bcm2835-unicam)",
        "'brcm,media-controller' does not match",
    ),
];

/// Complaints with how often each is made.
pub(crate) type Complaints = BTreeMap<String, usize>;

/// What was said of a tree, by its blob: the tests ask about many trees twice.
static SAID: Mutex<BTreeMap<Vec<u8>, Complaints>> = Mutex::new(BTreeMap::new());

/// What dt-validate says of each of these trees; two at a time, for there is much to do.
fn validate(files: &[PathBuf]) -> Vec<Complaints> {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let blobs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let unknown = files.iter().zip(&blobs);
    let unknown: BTreeMap<&Vec<u8>, &PathBuf> = unknown
        .filter(|(_, blob)| !said.contains_key(*blob))
        .map(|(file, blob)| (blob, file))
        .collect();
    let paths: Vec<&PathBuf> = unknown.values().copied().collect();
    let half = paths.len().div_ceil(2).max(1);
    let commands: Vec<Command> = paths
        .chunks(half)
        .map(|files| workshop().validator(files))
        .collect();
    let words: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = commands
            .into_iter()
            .map(|command| scope.spawn(move || output(command)))
            .collect();
        let outputs = threads.into_iter().map(|thread| thread.join().unwrap());
        outputs.collect()
    });
    let mut by_file = parse(&words.concat());
    for (blob, file) in unknown {
        let complaints = by_file.remove(&name(file)).unwrap_or_default();
        said.insert(blob.clone(), complaints);
    }
    blobs.iter().map(|blob| said[blob].clone()).collect()
}

fn output(mut command: Command) -> String {
    let output = command.output().expect("dt-validate");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_some() && !stderr.contains("Traceback"),
        "dt-validate failed, {}: {stderr}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned() + &stderr
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Sorts what dt-validate said by file: `FILE: NODE: WORDS`, and on the next line the schema.
fn parse(said: &str) -> HashMap<String, Complaints> {
    let mut found: HashMap<String, Complaints> = HashMap::new();
    for line in said
        .lines()
        .filter(|line| !line.starts_with(char::is_whitespace))
    {
        let (file, words) = line
            .split_once(": ")
            .unwrap_or_else(|| panic!("dt-validate says {line:?}"));
        let complaints = found.entry(name(Path::new(file))).or_default();
        *complaints.entry(words.to_owned()).or_default() += 1;
    }
    found
}

fn is_known(words: &str) -> bool {
    KNOWN
        .iter()
        .any(|(node, what)| words.contains(node) && words.contains(what))
}

/// What each tree has that its base has not, without what is known.
fn new_complaints(base: &Complaints, merged: Complaints) -> Complaints {
    merged
        .into_iter()
        .filter(|(words, count)| *count > base.get(words).copied().unwrap_or(0))
        .filter(|(words, _)| !is_known(words))
        .collect()
}

/// Merges, and what dtschema says of each tree that it does not say of the base.
pub(crate) fn added(board: Board, base: Base, all: &[Vec<(String, String)>]) -> Vec<Complaints> {
    let mut files = workshop().merge(&Merge::all(board, base, all));
    files.insert(0, workshop().base_file(base));
    let mut said = validate(&files).into_iter();
    let own = said.next().unwrap();
    said.map(|merged| new_complaints(&own, merged)).collect()
}

#[test]
fn merged_trees_add_no_complaint() {
    for board in BOARDS {
        for base in board.bases {
            let trials = schema_trials(&board);
            println!("{} on {}: {} trees", board.name, base.title(), trials.len());
            for (parameters, complaints) in trials.iter().zip(added(board, *base, &trials)) {
                assert!(
                    complaints.is_empty(),
                    "{} on {} with {parameters:?}: {complaints:#?}",
                    board.name,
                    base.title()
                );
            }
        }
    }
}

/// What is known and no longer said is to be taken from the list.
#[test]
fn what_is_known_is_still_said() {
    let of = |name: &str| BOARDS.into_iter().find(|board| board.name == name).unwrap();
    let board = of("cm4");
    let merges = ["imx283", "imx296"].map(|sensor| Merge {
        board,
        base: board.bases[0],
        parameters: vec![("main".into(), sensor.into())],
    });
    let files = workshop().merge(&merges);
    let said = validate(&files);
    for (node, what) in KNOWN {
        let is_said = |words: &String| words.contains(node) && words.contains(what);
        let mut all = said.iter().flat_map(Complaints::keys);
        assert!(all.any(is_said), "{node} {what}: {said:#?}");
    }
}

#[test]
fn a_wrong_module_is_complained_about() {
    let board = BOARDS[0];
    let merge = Merge {
        board,
        base: board.bases[0],
        parameters: Vec::new(),
    };
    let file = workshop().merge(&[merge]).remove(0);
    let blob = fs::read(&file).unwrap();
    let mut tree = read_blob(&blob).unwrap();
    let module = tree.find_node_mut("/bayonet").unwrap();
    module.remove_property("lens-code-gpios").unwrap();
    fs::write(&file, tree.to_dtb()).unwrap();
    let said = validate(&[file]).remove(0);
    let named = |words: &String| words.contains("bayonet") && words.contains("lens-code-gpios");
    assert!(said.keys().any(named), "{said:#?}");
}

#[test]
fn the_binding_is_a_binding() {
    let output = workshop()
        .binding_validator()
        .output()
        .expect("dt-doc-validate");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
