//! The GPIO lines of the mount.

use super::Check;
use super::index::At;

/// The module's lines, and how many there are of each kind.
const LINES: [(&str, usize); 3] = [
    ("present-gpios", 1),
    ("lens-code-gpios", 6),
    ("frame-select-gpios", 2),
];
const CELLS: &str = "#gpio-cells";

/// A line in use.
struct Line {
    controller: At,
    number: u32,
    /// Where it is used.
    node: At,
    property: String,
}

impl Check<'_> {
    pub(super) fn lines(&mut self, module: At) {
        let mut own: Vec<Line> = Vec::new();
        for (property, count) in LINES {
            let Some(items) = self.index.list(module, property, CELLS) else {
                self.tell(
                    module,
                    format!("it has a mount and no {property}"),
                    "name the lines, or set the parameter mount to none",
                );
                continue;
            };
            if items.len() != count {
                self.tell(
                    module,
                    format!("{property} has {} lines instead of {count}", items.len()),
                    "list one line for each",
                );
            }
            for item in items {
                let number = item
                    .arguments
                    .as_ref()
                    .and_then(|arguments| arguments.first());
                let (Some(controller), Some(number)) = (item.node, number) else {
                    let advice =
                        "let each line refer to a GPIO controller, number and flags behind it";
                    self.tell(
                        module,
                        format!("{property} does not refer to GPIO lines"),
                        advice,
                    );
                    continue;
                };
                self.needs(controller, &format!("the GPIO controller of {property}"));
                own.push(Line {
                    controller,
                    number: *number,
                    node: module,
                    property: property.into(),
                });
            }
        }
        let others = self.used_elsewhere(module);
        for (index, line) in own.iter().enumerate() {
            let other = own[..index].iter().chain(&others);
            let same = other
                .into_iter()
                .find(|other| (other.controller, other.number) == (line.controller, line.number));
            if let Some(other) = same {
                let user = if other.node == module {
                    other.property.clone()
                } else {
                    format!("{} of {}", other.property, self.index.path(other.node))
                };
                let what = format!(
                    "{} has line {} of {}, and so has {user}",
                    line.property,
                    line.number,
                    self.index.path(line.controller)
                );
                self.tell(module, what, "give each a line of its own");
            }
        }
    }

    /// The lines that other nodes use.
    fn used_elsewhere(&self, module: At) -> Vec<Line> {
        let index = &self.index;
        // A hog's line is one of the controller that it is in, without a phandle.
        let is_user =
            |at: &At| *at != module && !index.has(*at, "gpio-hog") && index.disabled(*at).is_none();
        let mut lines = Vec::new();
        for node in index.all().filter(is_user) {
            let is_line = |name: &String| {
                matches!(name.as_str(), "gpio" | "gpios")
                    || name.ends_with("-gpio")
                    || name.ends_with("-gpios")
            };
            for property in index.properties(node).into_iter().filter(is_line) {
                for item in index.list(node, &property, CELLS).unwrap_or_default() {
                    let number = item
                        .arguments
                        .and_then(|arguments| arguments.first().copied());
                    if let Some((controller, number)) = item.node.zip(number) {
                        lines.push(Line {
                            controller,
                            number,
                            node,
                            property: property.clone(),
                        });
                    }
                }
            }
        }
        lines
    }
}
