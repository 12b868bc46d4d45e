//! The same code twice in a candidate: runs of lines that are equal but for layout and comments. The first place is the
//! original; only the later ones are findings.

use std::collections::{BTreeMap, HashMap};

use super::Parsed;
use crate::judge::facts::{Finding, Kind};
use crate::judge::items::rules;

/// Tokens that as many lines must have together: closing brackets and blank calls are no copy.
const FEWEST_TOKENS: usize = 25;

/// A line of code as its tokens, with its number.
struct Line {
    number: u32,
    tokens: Vec<String>,
}

/// Finds copies within and across files.
pub fn copies(parsed: &[Parsed<'_>], findings: &mut Vec<Finding>) {
    let length = rules().readability.duplicate_lines;
    let mut first_at: HashMap<Vec<&[String]>, (usize, usize)> = HashMap::new();
    let files: Vec<Vec<Line>> = parsed.iter().map(lines).collect();
    for (file, lines) in files.iter().enumerate() {
        let mut copied: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for start in 0..(lines.len() + 1).saturating_sub(length) {
            let window = &lines[start..start + length];
            if window.iter().map(|line| line.tokens.len()).sum::<usize>() < FEWEST_TOKENS {
                continue;
            }
            let key: Vec<&[String]> = window.iter().map(|line| line.tokens.as_slice()).collect();
            let original = *first_at.entry(key).or_insert((file, start));
            let overlaps = original.0 == file && original.1 + length > start;
            if !overlaps {
                copied.insert(start, original);
            }
        }
        report(
            &parsed[file],
            lines,
            &copied,
            length,
            |at| {
                let (original, line) = at;
                (parsed[original].path, files[original][line].number)
            },
            findings,
        );
    }
}

/// Joins windows that overlap to one finding each.
fn report<'t>(
    one: &Parsed<'_>,
    lines: &[Line],
    copied: &BTreeMap<usize, (usize, usize)>,
    length: usize,
    place: impl Fn((usize, usize)) -> (&'t str, u32),
    findings: &mut Vec<Finding>,
) {
    let mut runs: Vec<(usize, usize, (usize, usize))> = Vec::new();
    for (&start, &original) in copied {
        match runs.last_mut() {
            Some((_, end, _)) if start <= *end => *end = start + length,
            _ => runs.push((start, start + length, original)),
        }
    }
    for (start, end, original) in runs {
        let (path, line) = place(original);
        findings.push(Finding {
            path: one.path.to_owned(),
            line: lines[start].number,
            end: lines[end - 1].number,
            kind: Kind::Duplicate,
            what: format!("{} lines as at {path}:{line}", end - start),
        });
    }
}

/// The lines of a file with the tokens that begin on them; imports are left out, as every file has its own.
fn lines(one: &Parsed<'_>) -> Vec<Line> {
    let tree = &one.tree;
    let mut lines: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut at = 0;
    while at < tree.nodes.len() {
        let is_import = tree.nodes[at].named
            && (tree.is(at, tree.language.imports) || tree.nodes[at].kind == "import_declaration");
        if one.tested[at] || is_import || tree.is_comment(at) {
            at = tree.inside(at).end;
            continue;
        }
        let text = if tree.is_leaf(at) { tree.text_of(at).trim() } else { "" };
        if !text.is_empty() {
            lines.entry(tree.nodes[at].line).or_default().push(text.to_owned());
        }
        at += 1;
    }
    lines.into_iter().map(|(number, tokens)| Line { number, tokens }).collect()
}
