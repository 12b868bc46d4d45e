//! How a settings text is laid out, and how a new piece is written so that it looks like its neighbours.
//!
//! Every change is a list of [`Splice`]s, so what is not named in one stays byte for byte by construction. An
//! append and the [`cut`] of what was appended are exact inverses: that is why a container on one line gets its new
//! child on that line, and why white space inside an empty container is kept behind the child. Pure.

use std::ops::Range;

use serde::Serialize;

/// Replace this byte range by this text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Bytes of the old text; empty for an insertion.
    pub at: Range<usize>,
    /// What stands there afterwards.
    pub with: String,
}

/// Applies splices that do not overlap.
pub fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.at.start);
    let mut new = String::with_capacity(text.len() + splices.iter().map(|s| s.with.len()).sum::<usize>());
    let mut from = 0;
    for splice in splices {
        new.push_str(&text[from..splice.at.start]);
        new.push_str(&splice.with);
        from = splice.at.end;
    }
    new.push_str(&text[from..]);
    new
}

/// An object or array in the text: its brackets included, and its children in order.
#[derive(Debug, Clone)]
pub struct Container {
    /// From the opening bracket to just behind the closing one.
    pub range: Range<usize>,
    /// Each property (name to value) or element.
    pub children: Vec<Range<usize>>,
}

/// The line end and the step of indentation that the file uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style<'a> {
    /// `"\n"` or `"\r\n"`.
    pub newline: &'a str,
    /// One step: the indentation of the first property when it has a line of its own, else two spaces.
    pub step: &'a str,
}

impl<'a> Style<'a> {
    /// Reads the style off a settings text whose root is `root`.
    pub fn of(text: &'a str, root: &Container) -> Self {
        let newline = match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let step = root.children.first().and_then(|child| own_line_indent(text, child.start));
        Self { newline, step: step.filter(|step| !step.is_empty()).unwrap_or("  ") }
    }
}

/// A new child: an element, or a property when it has a name.
pub struct Child<'a, T> {
    /// The property's name.
    pub name: Option<&'a str>,
    /// Its value.
    pub value: T,
}

/// The insertion that appends `children` to `container`.
pub fn append<T: Serialize>(
    text: &str,
    style: Style<'_>,
    container: &Container,
    children: &[Child<'_, T>],
) -> Splice {
    let Range { start, end } = container.range;
    let base = line_indent(text, start);
    let inside = format!("{base}{}", style.step);
    let Some(last) = container.children.last() else {
        let at = start + 1;
        let with = if at == end - 1 {
            let lines = joined(children, |child| broken(child, style, &inside));
            format!("{lines}{}{base}", style.newline)
        } else {
            children.iter().map(flat).collect::<Vec<_>>().join(", ")
        };
        return Splice { at: at..at, with };
    };
    let first = &container.children[0];
    let with = if text[start..first.start].contains('\n') {
        let inside = own_line_indent(text, last.start).or_else(|| own_line_indent(text, first.start));
        let inside = inside.unwrap_or_default();
        format!(",{}", joined(children, |child| broken(child, style, inside)))
    } else {
        format!(", {}", children.iter().map(flat).collect::<Vec<_>>().join(", "))
    };
    Splice { at: last.end..last.end, with }
}

/// The deletions that take the children named in `doomed` (by index) out of `container`, with their commas.
pub fn cut(text: &str, container: &Container, doomed: &[usize]) -> Vec<Splice> {
    let gone = |at: usize| doomed.contains(&at);
    let delete = |at: Range<usize>| Splice { at, with: String::new() };
    let children = &container.children;
    let Some(first_kept) = (0..children.len()).find(|at| !gone(*at)) else {
        let (Some(first), Some(last)) = (children.first(), children.last()) else { return Vec::new() };
        let open = container.range.start + 1;
        let laid_out = text[open..first.start].contains('\n');
        return vec![delete(open..if laid_out { container.range.end - 1 } else { last.end })];
    };
    (0..children.len())
        .filter(|at| gone(*at))
        .map(|at| {
            if at < first_kept {
                delete(children[at].start..children[at + 1].start)
            } else {
                delete(children[at - 1].end..children[at].end)
            }
        })
        .collect()
}

fn joined<T>(children: &[T], line: impl Fn(&T) -> String) -> String {
    children.iter().map(line).collect::<Vec<_>>().join(",")
}

/// The child on lines of its own, each starting with a line end.
fn broken<T: Serialize>(child: &Child<'_, T>, style: Style<'_>, indent: &str) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(style.step.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    child.value.serialize(&mut serializer).expect("strings and numbers always serialize");
    let line = format!("{}{indent}", style.newline);
    // JSON strings hold no raw line end, so each one here is layout.
    let value = String::from_utf8_lossy(&bytes).replace('\n', &line);
    match child.name {
        Some(name) => format!("{line}{}: {value}", json_string(name)),
        None => format!("{line}{value}"),
    }
}

/// The child on one line.
fn flat<T: Serialize>(child: &Child<'_, T>) -> String {
    let value = serde_json::to_string(&child.value).expect("strings and numbers always serialize");
    child.name.map_or_else(|| value.clone(), |name| format!("{}: {value}", json_string(name)))
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("a string always serializes")
}

/// The white space that the line of `offset` starts with.
fn line_indent(text: &str, offset: usize) -> &str {
    let line = &text[text[..offset].rfind('\n').map_or(0, |at| at + 1)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The white space before `offset` on its line; none when something else stands there.
fn own_line_indent(text: &str, offset: usize) -> Option<&str> {
    let before = &text[text[..offset].rfind('\n')? + 1..offset];
    before.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(before)
}
