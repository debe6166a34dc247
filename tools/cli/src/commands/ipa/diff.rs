//! The difference between a file and the same file with lines put in or taken out.

/// Lines that are shown around a change.
const CONTEXT: usize = 2;

/// A line and how it begins in the difference: ` `, `+` or `-`.
type Line<'a> = (char, &'a str);

/// The difference as `diff -u` shows it, with few lines around.
pub(super) fn diff(before: &str, after: &str) -> String {
    let lines = if before.len() <= after.len() {
        compare(before, after, '+')
    } else {
        compare(after, before, '-')
    };
    let changed: Vec<_> = (0..lines.len()).filter(|&at| lines[at].0 != ' ').collect();
    let is_near = |at: usize| changed.iter().any(|&change| change.abs_diff(at) <= CONTEXT);
    let mut text = String::new();
    let mut skipped = false;
    for (at, (sign, line)) in lines.iter().enumerate() {
        if !is_near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            text += &format!("@@ line {}\n", at + 1);
        }
        text += format!("{sign} {line}").trim_end();
        text.push('\n');
    }
    text
}

/// Lines of the longer text; those that the shorter one lacks begin with `sign`.
fn compare<'a>(short: &str, long: &'a str, sign: char) -> Vec<Line<'a>> {
    let mut rest = short.lines().peekable();
    let line = |line: &'a str| match rest.next_if(|&other| other == line) {
        Some(_) => (' ', line),
        None => (sign, line),
    };
    long.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let after = "a\nb\nc\nx\nd\ne\nf\ng\nh\ny\n";
        let added = "@@ line 2\n  b\n  c\n+ x\n  d\n  e\n@@ line 8\n  g\n  h\n+ y\n";
        assert_eq!(diff(before, after), added);
        let removed = added.replace("+ ", "- ");
        assert_eq!(diff(after, before), removed);
        assert_eq!(diff(before, before), "");
        assert_eq!(diff("", "a\n"), "+ a\n");
    }
}
