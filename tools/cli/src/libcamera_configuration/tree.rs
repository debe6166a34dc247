//! A YAML file as libcamera reads it, and where in the file each part stands.
//!
//! libcamera (0.7, `src/libcamera/yaml_parser.cpp`) takes one document of texts, lists and mappings by text. It knows
//! no aliases and no key twice: what it refuses is refused here.

use super::Refusal;
use saphyr_parser::{Event, Parser, Span};

/// Deepest nesting; a configuration has four levels.
const DEPTH_LIMIT: usize = 32;

/// A part of the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 0.
    pub(super) column: usize,
    /// Whether an anchor or a tag stands before it.
    pub(super) adorned: bool,
    /// Where its end is a line of its own: a text alone.
    end_line: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// What the file says, without where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any scalar; libcamera makes numbers of them later.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A mapping, in the order of the file.
    Mapping(Vec<(String, Value)>),
}

impl Node {
    fn new(content: Content, at: Span, adorned: bool) -> Self {
        Self {
            content,
            line: at.start.line(),
            column: at.start.col(),
            adorned,
            end_line: at.end.line(),
        }
    }

    /// Key and value of a mapping's entry.
    pub(super) fn entry(&self, name: &str) -> Option<(&Self, &Self)> {
        let Content::Mapping(entries) = &self.content else {
            return None;
        };
        let (key, value) = entries.iter().find(|(key, _)| key.text() == Some(name))?;
        Some((key, value))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a text that is empty, as behind a key without a value.
    pub(super) fn is_empty(&self) -> bool {
        self.text() == Some("")
    }

    /// Whether it is a text within one line.
    pub(super) fn is_on_line(&self, line: usize) -> bool {
        self.text().is_some() && self.line == line && self.end_line == line
    }

    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Text(text) => Value::Text(text.clone()),
            Content::List(items) => Value::List(items.iter().map(Self::value).collect()),
            Content::Mapping(entries) => Value::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| (key.text().unwrap_or_default().to_owned(), value.value()))
                    .collect(),
            ),
        }
    }
}

/// A list or mapping that has not ended yet.
struct Open {
    node: Node,
    /// Of a mapping, the key whose value comes next.
    key: Option<Node>,
}

/// Reads a file; none where there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Refusal> {
    let lone_return = |(at, _): &(usize, &str)| !text[at + 1..].starts_with('\n');
    let unusual = text.find(is_unusual);
    let unusual = unusual.or_else(|| text.match_indices('\r').find(lone_return).map(|(at, _)| at));
    if let Some(at) = unusual {
        let line = text[..at].matches('\n').count() + 1;
        return Err(Refusal::new(
            line,
            "there is a character that readers of YAML disagree about",
        ));
    }
    let mut root = None;
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, at) = event.map_err(|error| {
            Refusal::new(
                error.marker().line(),
                format!("it is no YAML: {}", error.info()),
            )
        })?;
        let node = match event {
            Event::Scalar(text, _, anchor, tag) => Node::new(
                Content::Text(text.into_owned()),
                at,
                anchor != 0 || tag.is_some(),
            ),
            Event::SequenceStart(anchor, tag) => {
                let adorned = anchor != 0 || tag.is_some();
                begin(&mut open, Content::List(Vec::new()), at, adorned)?;
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                let adorned = anchor != 0 || tag.is_some();
                begin(&mut open, Content::Mapping(Vec::new()), at, adorned)?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(ended) => ended.node,
                None => continue,
            },
            Event::Alias(_) => return Err(unreadable(at.start.line(), "an alias")),
            _ => continue,
        };
        let Some(parent) = open.last_mut() else {
            if root.is_some() {
                return Err(unreadable(node.line, "a second document"));
            }
            root = Some(node);
            continue;
        };
        put(parent, node)?;
    }
    Ok(root)
}

/// Line breaks of YAML 1.1 that are none in 1.2, and a byte order mark.
fn is_unusual(letter: char) -> bool {
    matches!(
        letter,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\0'
    )
}

fn begin(open: &mut Vec<Open>, content: Content, at: Span, adorned: bool) -> Result<(), Refusal> {
    if open.len() >= DEPTH_LIMIT {
        return Err(Refusal::new(at.start.line(), "it is nested too deeply"));
    }
    let node = Node::new(content, at, adorned);
    open.push(Open { node, key: None });
    Ok(())
}

fn put(parent: &mut Open, node: Node) -> Result<(), Refusal> {
    match &mut parent.node.content {
        Content::Text(_) => unreachable!("texts are never open"),
        Content::List(items) => items.push(node),
        Content::Mapping(entries) => match parent.key.take() {
            Some(key) => entries.push((key, node)),
            None => {
                let Some(name) = node.text() else {
                    return Err(unreadable(node.line, "a key that is no text"));
                };
                if entries.iter().any(|(key, _)| key.text() == Some(name)) {
                    return Err(unreadable(node.line, &format!("the key {name} twice")));
                }
                parent.key = Some(node);
            }
        },
    }
    Ok(())
}

fn unreadable(line: usize, what: &str) -> Refusal {
    Refusal::new(line, format!("libcamera cannot read {what}"))
}
