//! Every relative link of the documents leads to a file and a heading that exist, and every command that they name is one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::reference::commands;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Markdown below a folder of the tree.
fn below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every document of the project, and what Claude reads.
pub fn documents() -> Vec<PathBuf> {
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|name| root().join(name));
    let top = top.into_iter().filter(|path| path.is_file());
    top.chain(below("docs")).chain(below("skills")).chain(below("agents")).collect()
}

/// A page without its fenced blocks.
fn prose(page: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut kept = String::new();
    for line in page.lines() {
        let mark = line.trim_start();
        let ticks = &mark[..mark.len() - mark.trim_start_matches('`').len()];
        match fence {
            Some(open) if ticks.len() >= open.len() && mark.trim_end() == ticks => fence = None,
            None if ticks.len() >= 3 => fence = Some(ticks),
            Some(_) => {}
            None => {
                kept.push_str(line);
                kept.push('\n');
            }
        }
    }
    kept
}

/// Where the links of a page lead: `](target)`, and `src="target"` of pictures. Code between backticks has none.
fn targets(page: &str) -> Vec<String> {
    let prose = prose(page);
    let text: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let after = |mark: &str, end: char| -> Vec<String> {
        text.split(mark).skip(1).filter_map(|rest| Some(rest.split_once(end)?.0.to_owned())).collect()
    };
    let mut found = after("](", ')');
    found.extend(after("src=\"", '"'));
    found
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for heading in prose(page).lines().filter(|line| line.starts_with('#')) {
        let text = heading.trim_start_matches('#').trim();
        let slug: String = text
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let again = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(again).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

/// Why a link leads nowhere.
fn broken(from: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { from.to_path_buf() } else { from.parent()?.join(file) };
    if !path.exists() {
        return Some("there is no such file".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    (!anchors(&page).contains(anchor)).then(|| format!("{} has no heading for it", path.display()))
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in documents() {
        let page = std::fs::read_to_string(&path).expect("a document is readable");
        for target in targets(&page) {
            seen += 1;
            if let Some(why) = broken(&path, &target) {
                wrong.push(format!("{}: ({target}): {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "links are found: {seen}");
}

#[test]
fn every_document_is_in_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).expect("there is an index");
    let linked: Vec<PathBuf> =
        targets(&index).iter().map(|target| root().join("docs").join(target)).collect();
    for path in below("docs").into_iter().filter(|path| !path.ends_with("docs/README.md")) {
        // Contracts are examples, listed by the page about them.
        let example = path.parent().is_some_and(|folder| folder.ends_with("docs/contracts"));
        assert!(example || linked.contains(&path), "docs/README.md does not list {}", path.display());
    }
}

/// Commands that a page names: what follows `sef ` or `sef-stats ` at the beginning of code or of a typed line.
fn named(page: &str) -> Vec<(String, String)> {
    let spans = page.lines().flat_map(|line| {
        let typed = [line.trim_start_matches("$ ")];
        let inside: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        typed.into_iter().chain(inside).collect::<Vec<_>>()
    });
    let command = |span: &str| {
        let (program, rest) = span.split_once(' ')?;
        let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        let whole = rest[word.len()..].chars().next().is_none_or(char::is_whitespace);
        let program = ["sef", "sef-stats"].into_iter().find(|known| *known == program)?;
        (whole && !word.is_empty() && !word.starts_with('-')).then(|| (program.to_owned(), word))
    };
    spans.filter_map(command).collect()
}

#[test]
fn every_command_that_a_document_names_exists() {
    let programs = commands::programs();
    let mut seen = 0;
    for path in documents() {
        let page = std::fs::read_to_string(&path).expect("a document is readable");
        for (program, word) in named(&page) {
            let known = programs.iter().find(|known| known.get_name() == program).expect("is one of ours");
            seen += 1;
            assert!(known.find_subcommand(&word).is_some(), "{}: {program} {word}", path.display());
        }
    }
    assert!(seen > 50, "commands are found: {seen}");
}

#[test]
fn links_and_headings_are_read_as_they_are_shown() {
    let page = "# A b: `c`, d?\n## A\n## A\n[x](y.md#z) `[no](no.md)`\n```\n[no](no.md)\n# no\n```\n<img src=\"p.png\">\n";
    assert_eq!(targets(page), ["y.md#z", "p.png"]);
    assert_eq!(anchors(page).into_iter().collect::<Vec<_>>(), ["a", "a-1", "a-b-c-d"]);
    assert_eq!(
        named("run `sef turbo undo` or `sef --help`\n$ sef-stats report\n`sef is`: no\n"),
        [("sef", "turbo"), ("sef-stats", "report"), ("sef", "is")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert!(broken(&root().join("README.md"), "docs/no-such-page.md").is_some());
    assert!(broken(&root().join("README.md"), "README.md#no-such-heading").is_some());
}
