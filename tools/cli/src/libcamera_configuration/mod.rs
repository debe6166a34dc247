//! libcamera's `configuration.yaml`: our three directories go in, and come out again.
//!
//! The file may be somebody's, with comments. So it is edited as text: whole lines are put in, each with [`MARK`] at
//! its end, and the same lines are taken out. A parser says where, and that the file says afterwards what it said
//! before and our directories, nothing else. Where that is not sure (lists in brackets, anchors), the file is refused
//! and the person is told which lines to write.
//!
//! What this module does not do: find or write files.

mod edit;
mod tree;

#[cfg(test)]
mod tests;

pub use tree::Value;

use edit::Lines;
use tree::{Content, Node, parse};

/// Ends each line that was put in.
pub const MARK: &str = " # bayonet";
/// First line of a file that was made rather than found.
const HEADER: &str = "# Written by `bayonet ipa install`; `bayonet ipa remove` takes it away.";
/// Keys under which the lists stand.
const WAY: [&str; 2] = ["configuration", "ipa"];
/// Keys of the lists: of modules, of worker programs, of the directories with tuning files.
pub const KEYS: [&str; 3] = ["module_paths", "proxy_paths", "config_paths"];
/// What libcamera takes (`src/libcamera/global_configuration.cpp`).
const VERSION: (&str, &str) = ("version", "1");
/// How far children stand in.
const INDENT: usize = 2;

/// Why a file is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Refusal {
    /// From 1.
    pub line: usize,
    /// What is in the way.
    pub problem: String,
}

impl Refusal {
    fn new(line: usize, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self { line, problem }
    }
}

/// A directory for each of [`KEYS`].
pub type Directories = [String; KEYS.len()];

/// The lists of a file as libcamera reads them, one for each of [`KEYS`].
///
/// # Errors
/// When libcamera takes nothing from such a file.
pub fn lists(text: &str) -> Result<[Vec<String>; KEYS.len()], Refusal> {
    let Some(root) = parse(text)? else {
        return Err(Refusal::new(1, "there is nothing in it"));
    };
    check_version(&root)?;
    let ipa = WAY
        .iter()
        .try_fold(&root, |node, name| Some(node.entry(name)?.1));
    Ok(KEYS.map(|key| {
        let list = ipa.and_then(|ipa| Some(ipa.entry(key)?.1));
        match list.map(|list| &list.content) {
            Some(Content::List(items)) => {
                let texts = items.iter().filter_map(Node::text);
                texts.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }))
}

/// What the file says; none where there is nothing in it.
///
/// # Errors
/// When libcamera cannot read it.
pub fn read(text: &str) -> Result<Option<Value>, Refusal> {
    Ok(parse(text)?.map(|root| root.value()))
}

/// A file with nothing but the directories.
pub fn made(directories: &Directories) -> String {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend(skeleton(directories).into_iter().map(|line| line + MARK));
    lines.join("\n") + "\n"
}

/// Whether nothing of a file that was made is left.
pub fn is_left_over(text: &str) -> bool {
    text.trim_end() == HEADER
}

/// Whether a file was made by [`made`] and has not been changed since.
pub fn is_ours(text: &str) -> bool {
    let mut lines = text.lines();
    lines.next() == Some(HEADER) && lines.all(|line| line.ends_with(MARK))
}

/// What a person writes where the file cannot be edited.
pub fn by_hand(directories: &Directories) -> String {
    skeleton(directories).join("\n")
}

fn skeleton(directories: &Directories) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", VERSION.0, VERSION.1)];
    for (depth, name) in WAY.iter().enumerate() {
        lines.push(format!("{:1$}{name}:", "", depth * INDENT));
    }
    for (key, directory) in KEYS.iter().zip(directories) {
        lines.extend(edit::entry(&[key], directory, WAY.len() * INDENT));
    }
    lines
}

/// The file with each directory at the beginning of its list, where it is not in it yet.
///
/// # Errors
/// When the file cannot be edited without a doubt, or libcamera cannot read it.
pub fn merge(text: &str, directories: &Directories) -> Result<String, Refusal> {
    let Some(root) = parse(text)? else {
        let lines = skeleton(directories);
        let merged = Lines::of(text).append(lines).text();
        let expected = read(&by_hand(directories))?;
        return verified(merged, expected);
    };
    check_version(&root)?;
    for (key, directory) in KEYS.iter().zip(directories) {
        // What is refused is told of by the lines of the file as it is.
        edit::add(text, key, directory)?;
    }
    let mut merged = text.to_owned();
    // Each goes before the keys that are there, so the last one first.
    for (key, directory) in KEYS.iter().zip(directories).rev() {
        merged = edit::add(&merged, key, directory)?;
    }
    Ok(merged)
}

/// The file without the lines that [`merge`] put in for these directories; others keep theirs.
///
/// # Errors
/// When the file cannot be edited without a doubt, or libcamera cannot read it.
pub fn remove(text: &str, directories: &Directories) -> Result<String, Refusal> {
    let mut rest = text.to_owned();
    for (key, directory) in KEYS.iter().zip(directories) {
        rest = edit::take_item(&rest, key, directory)?;
        rest = edit::take_key(&rest, &[WAY[0], WAY[1], key])?;
    }
    for depth in (1..=WAY.len()).rev() {
        rest = edit::take_key(&rest, &WAY[..depth])?;
    }
    edit::take_version(&rest)
}

/// libcamera takes nothing from a file of another version.
fn check_version(root: &Node) -> Result<(), Refusal> {
    let (name, right) = VERSION;
    let found = root.entry(name).map(|(_, value)| value);
    match found.map(|value| (value.line, value.text())) {
        Some((_, Some(text))) if text == right => Ok(()),
        Some((line, _)) => Err(Refusal::new(
            line,
            format!("{name} is not {right}, so libcamera does not use the file"),
        )),
        None => Err(Refusal::new(
            root.line,
            format!("there is no `{name}: {right}`, so libcamera does not use the file"),
        )),
    }
}

/// The edited text, if it says what it has to say.
fn verified(text: String, expected: Option<Value>) -> Result<String, Refusal> {
    match read(&text) {
        Ok(value) if value == expected => Ok(text),
        _ => Err(Refusal::new(
            1,
            "it is written in a way that cannot be edited safely",
        )),
    }
}
