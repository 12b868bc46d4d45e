//! docs/reference, made from the code: commands from clap, keys and fields from the source's own doc comments, examples by
//! really making them. Each page is held against its file; `SEF_WRITE_DOCS=1 cargo test --test main reference` writes them.

#![expect(clippy::format_push_string, reason = "a page is put together piece by piece, and once")]

pub mod commands;
mod config;
mod events;
mod exits;
mod records;
mod rules;
mod source;

use std::path::{Path, PathBuf};

/// What every page begins with, below its title.
const MADE: &str = "Made from the code by `tests/reference.rs`; do not edit. `SEF_WRITE_DOCS=1 cargo test --test main reference` writes it anew.";

/// A file of the source tree.
pub fn text(path: &str) -> String {
    let path = in_tree(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A page, with the title and the line that says where it comes from.
fn page(title: &str, body: &str) -> String {
    format!("# {title}\n\n{MADE}\n\n{}\n", body.trim_end())
}

/// One row of a table; what would end a cell is escaped.
fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table.
fn head(cells: &[&str]) -> String {
    format!("{}{}\n", row(cells), "|---".repeat(cells.len()) + "|")
}

/// A value as code; nothing stays nothing.
fn code(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("`{value}`") }
}

/// Holds a page against its file, or writes it when that is asked for.
fn hold(name: &str, made: &str) {
    let path = in_tree("docs/reference").join(name);
    if crate::docs::are_written() {
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
        std::fs::write(&path, made).expect("the page can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some(stale) = first_difference(&kept, made) {
        panic!(
            "docs/reference/{name} is stale: {stale}\nto mend it: SEF_WRITE_DOCS=1 cargo test --locked --test main reference"
        );
    }
}

/// The first line in which two texts differ, in words.
fn first_difference(kept: &str, made: &str) -> Option<String> {
    let (mut kept, mut made) = (kept.split('\n'), made.split('\n'));
    for number in 1_usize.. {
        match (kept.next(), made.next()) {
            (None, None) => return None,
            (kept, made) if kept == made => {}
            (kept, made) => {
                let shown =
                    |line: Option<&str>| line.map_or("no such line".to_owned(), |line| format!("{line:?}"));
                return Some(format!("line {number} is {}, the code says {}", shown(kept), shown(made)));
            }
        }
    }
    None
}

#[test]
fn the_first_line_that_differs_is_named() {
    assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    for (kept, made, said) in [
        ("a\nb\n", "a\nc\n", "line 2 is \"b\", the code says \"c\""),
        ("a\n", "a\nb\n", "line 2 is \"\", the code says \"b\""),
        ("a", "a\n", "line 2 is no such line, the code says \"\""),
        ("", "a", "line 1 is \"\", the code says \"a\""),
    ] {
        assert_eq!(first_difference(kept, made).as_deref(), Some(said));
    }
}
