//! The edits: lines that go in and come out, each verified by what the file says afterwards.

use super::tree::{Content, Node, Value, parse};
use super::{INDENT, MARK, Refusal, VERSION, WAY, verified};

/// A text's lines, so that lines that go in and come out again leave every byte as it was.
pub(super) struct Lines(Vec<String>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.split('\n').map(str::to_owned).collect())
    }

    pub(super) fn text(&self) -> String {
        self.0.join("\n")
    }

    /// A line by its number, from 1, without the carriage return of some systems.
    fn line(&self, number: usize) -> &str {
        let line = self.0.get(number.wrapping_sub(1));
        line.map_or("", |line| line.strip_suffix('\r').unwrap_or(line))
    }

    /// Puts lines behind the one of this number.
    fn insert(mut self, number: usize, lines: Vec<String>) -> Self {
        let ending = match self.0.get(number.wrapping_sub(1)) {
            Some(line) if line.ends_with('\r') => "\r",
            _ => "",
        };
        let lines = lines.into_iter().map(|line| line + MARK + ending);
        self.0.splice(number..number, lines);
        self
    }

    /// Puts lines behind all others.
    pub(super) fn append(self, lines: Vec<String>) -> Self {
        let end = match self.0.last() {
            // What stands behind the last line's end.
            Some(last) if last.is_empty() => self.0.len() - 1,
            _ => self.0.len(),
        };
        self.insert(end, lines)
    }

    fn remove(mut self, number: usize) -> Self {
        self.0.remove(number - 1);
        self
    }
}

/// Lines of nested keys and a list with this directory.
pub(super) fn entry(names: &[&str], directory: &str, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = indent;
    for name in names {
        lines.push(format!("{:at$}{name}:", ""));
        at += INDENT;
    }
    lines.push(format!("{:at$}- {}", "", scalar(directory)));
    lines
}

/// A directory as YAML: plain where every reader takes it for a text, else in quotes.
fn scalar(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._+-@".contains(letter);
    if text.starts_with('/') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether all of a line is `text`, but for its indentation and a comment.
fn is_line(line: &str, text: &str) -> bool {
    let line = line.trim_matches([' ', '\t']);
    line.strip_prefix(text).is_some_and(|rest| {
        let comment = rest.trim_start_matches([' ', '\t']);
        comment.is_empty() || (comment.starts_with('#') && comment.len() < rest.len())
    })
}

/// Whether a key's line has nothing but the key on it.
fn stands_alone(lines: &Lines, key: &Node, name: &str) -> bool {
    let line = lines.line(key.line);
    ["", "\"", "'"]
        .iter()
        .any(|quote| is_line(line, &format!("{quote}{name}{quote}:")))
}

/// Puts a directory at the beginning of a list, and makes what is missing on the way to it.
pub(super) fn add(text: &str, key: &str, directory: &str) -> Result<String, Refusal> {
    let Some(root) = parse(text)? else {
        return Ok(text.to_owned());
    };
    let lines = Lines::of(text);
    let names = [WAY[0], WAY[1], key];
    let mut node = &root;
    // The line that new keys go behind.
    let mut above = version_line(&lines, &root)?;
    for (depth, name) in names.iter().enumerate() {
        check_block(&lines, node, '{', name)?;
        let Some((key, value)) = node.entry(name) else {
            let new = entry(&names[depth..], directory, node.column);
            return insert(&root, &names, directory, lines, above, new);
        };
        if key.adorned || value.adorned || !stands_alone(&lines, key, name) {
            return Err(Refusal::new(
                key.line,
                format!("{name} is not alone on its line, as block style has it"),
            ));
        }
        above = key.line;
        if value.is_empty() && !value.adorned {
            let new = entry(&names[depth + 1..], directory, key.column + INDENT);
            return insert(&root, &names, directory, lines, above, new);
        }
        node = value;
    }
    check_block(&lines, node, '[', key)?;
    let Content::List(items) = &node.content else {
        return Err(Refusal::new(node.line, format!("{key} is no list")));
    };
    if items.iter().any(|item| item.text() == Some(directory)) {
        return Ok(text.to_owned());
    }
    let new = entry(&[], directory, list_column(&lines, items, key)?);
    insert(&root, &names, directory, lines, above, new)
}

/// Where the dashes of a list stand; its first item has to be on the line of its dash.
fn list_column(lines: &Lines, items: &[Node], key: &str) -> Result<usize, Refusal> {
    let number = items.first().map_or(1, |item| item.line);
    let line = lines.line(number);
    let column = line.len() - line.trim_start_matches(' ').len();
    if line[column..].starts_with("- ") {
        return Ok(column);
    }
    let problem = format!("the first entry of {key} is not on the line of its dash");
    Err(Refusal::new(number, problem))
}

fn insert(
    root: &Node,
    names: &[&str],
    directory: &str,
    lines: Lines,
    above: usize,
    new: Vec<String>,
) -> Result<String, Refusal> {
    let mut expected = root.value();
    put(&mut expected, names, directory);
    verified(lines.insert(above, new).text(), Some(expected))
}

/// The same as the edit, on what the file says.
fn put(value: &mut Value, names: &[&str], directory: &str) {
    let Some((name, rest)) = names.split_first() else {
        let item = Value::Text(directory.to_owned());
        match value {
            Value::List(items) => items.insert(0, item),
            _ => *value = Value::List(vec![item]),
        }
        return;
    };
    if !matches!(value, Value::Mapping(_)) {
        *value = Value::Mapping(Vec::new());
    }
    let Value::Mapping(entries) = value else {
        return;
    };
    if let Some((_, value)) = entries.iter_mut().find(|(key, _)| key == name) {
        return put(value, rest, directory);
    }
    let mut new = Value::Text(String::new());
    put(&mut new, rest, directory);
    // Behind `version` on the first level, before all others on the next ones.
    let at = entries.iter().position(|(key, _)| key == VERSION.0);
    let is_root = *name == WAY[0];
    let at = at.filter(|_| is_root).map_or(0, |at| at + 1);
    entries.insert(at, ((*name).to_owned(), new));
}

/// Refuses what is not written with one line for each entry.
fn check_block(lines: &Lines, node: &Node, bracket: char, name: &str) -> Result<(), Refusal> {
    let first = lines.line(node.line).chars().nth(node.column);
    if first == Some(bracket) || node.adorned {
        let what = if bracket == '{' {
            "what it is in"
        } else {
            "its list"
        };
        return Err(Refusal::new(
            node.line,
            format!(
                "{name} cannot be added to: {what} is written in brackets, or has an anchor or a tag"
            ),
        ));
    }
    match (&node.content, bracket) {
        (Content::Mapping(_), '{') | (Content::List(_), '[') => Ok(()),
        _ => Err(Refusal::new(
            node.line,
            format!("{name} cannot be added: there is something else in its place"),
        )),
    }
}

/// The line of `version: 1`, which has to be alone on it.
fn version_line(lines: &Lines, root: &Node) -> Result<usize, Refusal> {
    let (name, right) = VERSION;
    let Some((key, value)) = root.entry(name) else {
        return Err(Refusal::new(root.line, format!("there is no {name}")));
    };
    let plain = is_line(lines.line(key.line), &format!("{name}: {right}"));
    if !plain || !value.is_on_line(key.line) {
        return Err(Refusal::new(
            key.line,
            format!("`{name}: {right}` is not alone on its line"),
        ));
    }
    Ok(key.line)
}

/// Takes a directory of ours out of a list.
pub(super) fn take_item(text: &str, key: &str, directory: &str) -> Result<String, Refusal> {
    let names = [WAY[0], WAY[1], key];
    let ours = format!("- {}{MARK}", scalar(directory));
    take(text, |root, lines| {
        let list = find(root, &names)?.1;
        let Content::List(items) = &list.content else {
            return None;
        };
        let at = items.iter().position(|item| {
            item.text() == Some(directory) && lines.line(item.line).trim_start() == ours
        })?;
        let line = items[at].line;
        let mut expected = root.value();
        let value = find_value(&mut expected, &names)?;
        if let Value::List(items) = value {
            items.remove(at);
            if items.is_empty() {
                *value = Value::Text(String::new());
            }
        }
        Some((line, Some(expected)))
    })
}

/// Takes a key of ours out that has nothing in it any more.
pub(super) fn take_key(text: &str, names: &[&str]) -> Result<String, Refusal> {
    take(text, |root, lines| {
        let (name, way) = names.split_last()?;
        let (key, value) = find(root, names)?;
        if !value.is_empty() || lines.line(key.line).trim_start() != format!("{name}:{MARK}") {
            return None;
        }
        let mut expected = root.value();
        let parent = find_value(&mut expected, way)?;
        if let Value::Mapping(entries) = parent {
            entries.retain(|(key, _)| key != name);
            if entries.is_empty() {
                *parent = Value::Text(String::new());
            }
        }
        Some((key.line, Some(expected)))
    })
}

/// Takes `version` out if it is ours and nothing else is left.
pub(super) fn take_version(text: &str) -> Result<String, Refusal> {
    let (name, right) = VERSION;
    take(text, |root, lines| {
        let (key, _) = root.entry(name)?;
        let alone = matches!(&root.content, Content::Mapping(entries) if entries.len() == 1);
        let ours = lines.line(key.line) == format!("{name}: {right}{MARK}");
        (alone && ours).then_some((key.line, None))
    })
}

/// Takes the line out that `which` finds, if what is left says what `which` expects.
fn take(
    text: &str,
    which: impl FnOnce(&Node, &Lines) -> Option<(usize, Option<Value>)>,
) -> Result<String, Refusal> {
    let Some(root) = parse(text)? else {
        return Ok(text.to_owned());
    };
    let lines = Lines::of(text);
    match which(&root, &lines) {
        Some((line, expected)) => verified(lines.remove(line).text(), expected),
        None => Ok(text.to_owned()),
    }
}

fn find<'a>(root: &'a Node, names: &[&str]) -> Option<(&'a Node, &'a Node)> {
    let (last, way) = names.split_last()?;
    let parent = way
        .iter()
        .try_fold(root, |node, name| Some(node.entry(name)?.1))?;
    parent.entry(last)
}

fn find_value<'a>(root: &'a mut Value, names: &[&str]) -> Option<&'a mut Value> {
    names.iter().try_fold(root, |value, name| match value {
        Value::Mapping(entries) => {
            let entry = entries.iter_mut().find(|(key, _)| key == name);
            entry.map(|(_, value)| value)
        }
        _ => None,
    })
}
