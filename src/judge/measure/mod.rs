//! What the binary finds out about a candidate by itself. Pure: texts in, facts out, the same whenever it is asked. Tests
//! inside source files count for nothing, like test files.

mod dead;
mod duplicate;
mod globals;
mod loops;
mod names;
mod numbers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use super::facts::{Facts, FileFacts, Finding, Kind, Role, ranges};
use super::files::{Source, Sources};
use super::items::rules;
use super::similar::Shingles;
use super::syntax::{Tree, parse};

/// A parsed file that is judged.
struct Parsed<'t> {
    path: &'t str,
    tree: Tree<'t>,
    /// For each node, whether it is part of a test inside the file.
    tested: Vec<bool>,
    /// For each node, the function it is directly in.
    function: Vec<Option<usize>>,
    /// Lines with code, tests left out.
    code: BTreeSet<u32>,
}

impl Parsed<'_> {
    fn finding(&self, kind: Kind, at: usize, what: String) -> Finding {
        let node = &self.tree.nodes[at];
        Finding { path: self.path.to_owned(), line: node.line, end: node.end_line, kind, what }
    }

    /// At its first line only: for names, numbers and whatever else is no range of lines.
    fn point(&self, kind: Kind, at: usize, what: String) -> Finding {
        let line = self.tree.nodes[at].line;
        Finding { end: line, ..self.finding(kind, at, what) }
    }

    /// Nodes that are judged.
    fn nodes(&self) -> impl Iterator<Item = usize> {
        self.tree.all().filter(|&at| !self.tested[at])
    }

    /// The functions around a node, from the inside.
    fn functions(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.function[at], |&at| self.function[at]).take(64)
    }
}

/// Measures a candidate.
pub fn measure(sources: &Sources) -> (Facts, Shingles) {
    let mut facts = Facts { notes: sources.notes.clone(), ..Facts::default() };
    let mut parsed = Vec::new();
    let mut words = dead::Words::default();
    let mut shingles = Shingles::default();
    for source in &sources.files {
        let mut file = FileFacts {
            path: source.path.clone(),
            language: source.language,
            role: source.role,
            lines: source.text.lines().count() as u32,
            ..FileFacts::default()
        };
        let tree = tree(source, &mut facts.notes);
        if let Some(tree) = tree {
            words.add(&tree);
            if source.role == Role::Code {
                let one = prepare(&source.path, tree);
                file.code = ranges(&one.code);
                file.definitions = definitions(&one);
                shingles.add_tree(&one.tree, &one.tested);
                parsed.push(one);
            }
        } else if source.role == Role::Code {
            let code: BTreeSet<u32> = (1..)
                .zip(source.text.lines())
                .filter(|(_, line)| !line.trim().is_empty())
                .map(|(number, _)| number)
                .collect();
            file.code = ranges(&code);
            shingles.add_text(&source.text);
        }
        facts.code_lines += file.code.iter().map(|(first, last)| last - first + 1).sum::<u32>();
        facts.files.push(file);
    }
    facts.parsed = parsed.iter().any(|one| !one.code.is_empty());
    for one in &parsed {
        shape(one, &mut facts);
        names::one_letter(one, &mut facts.findings);
        numbers::magic(one, &mut facts.findings);
        loops::endless(one, &mut facts.findings);
        globals::mutable(one, &mut facts.findings);
        dead::imports(one, &mut facts.findings);
        dead::unreachable(one, &mut facts.findings);
        dead::unnamed(one, &words, &mut facts.findings);
    }
    duplicate::copies(&parsed, &mut facts.findings);
    facts.findings.sort();
    facts.findings.dedup();
    (facts, shingles)
}

fn tree<'t>(source: &'t Source, notes: &mut Vec<String>) -> Option<Tree<'t>> {
    match parse(&source.text, source.grammar?) {
        Ok(tree) => Some(tree),
        Err(why) => {
            notes.push(format!("{}: only its lines are counted: {why}", source.path));
            None
        }
    }
}

fn prepare<'t>(path: &'t str, tree: Tree<'t>) -> Parsed<'t> {
    let tested = tested(&tree);
    let mut function: Vec<Option<usize>> = vec![None; tree.nodes.len()];
    for at in tree.all() {
        if let Some(parent) = tree.parent(at) {
            let is_function = tree.nodes[parent].named && tree.is(parent, tree.language.functions);
            function[at] = if is_function { Some(parent) } else { function[parent] };
        }
    }
    let code = code_lines(&tree, &tested);
    Parsed { path, tree, tested, function, code }
}

/// Marks what stands behind `#[test]` or `#[cfg(test)]`.
fn tested(tree: &Tree<'_>) -> Vec<bool> {
    let mut tested = vec![false; tree.nodes.len()];
    let mut marked = false;
    let mut at = 0;
    while at < tree.nodes.len() {
        let node = &tree.nodes[at];
        if node.kind == "attribute_item" {
            let text: String = tree.text_of(at).chars().filter(|c| !c.is_whitespace()).take(64).collect();
            marked |= text == "#[test]" || text.starts_with("#[cfg(test") || text.ends_with("::test]");
            at = tree.inside(at).end;
            continue;
        }
        if marked && node.named && !tree.is(at, tree.language.comments) {
            let end = tree.inside(at).end;
            tested[at..end].fill(true);
            marked = false;
            at = end;
            continue;
        }
        at += 1;
    }
    tested
}

/// Lines with anything but blanks, comments and documentation.
fn code_lines(tree: &Tree<'_>, tested: &[bool]) -> BTreeSet<u32> {
    let lines: Vec<&str> = tree.text.lines().collect();
    let is_blank = |line: u32| lines.get(line as usize - 1).is_none_or(|line| line.trim().is_empty());
    let mut code = BTreeSet::new();
    let mut at = 0;
    while at < tree.nodes.len() {
        if tested[at] || tree.is_comment(at) {
            at = tree.inside(at).end;
            continue;
        }
        if tree.is_leaf(at) {
            let node = &tree.nodes[at];
            code.extend((node.line..=node.end_line).filter(|&line| !is_blank(line)));
        }
        at += 1;
    }
    code
}

fn definitions(one: &Parsed<'_>) -> Vec<(u32, u32)> {
    let language = one.tree.language;
    let is_definition = |&at: &usize| {
        one.tree.nodes[at].named && (one.tree.is(at, language.functions) || one.tree.is(at, language.types))
    };
    one.nodes()
        .filter(is_definition)
        .map(|at| (one.tree.nodes[at].line, one.tree.nodes[at].end_line))
        .collect()
}

/// Lengths of functions and depths of nesting.
fn shape(one: &Parsed<'_>, facts: &mut Facts) {
    let tree = &one.tree;
    let limits = &rules().readability;
    let mut depth: HashMap<usize, u32> = HashMap::new();
    for at in one.nodes().filter(|&at| tree.nodes[at].named) {
        let around = tree.parent(at).and_then(|parent| depth.get(&parent).copied()).unwrap_or(0);
        if tree.is(at, tree.language.functions) {
            let node = &tree.nodes[at];
            let length = one.code.range(node.line..=node.end_line).count() as u32;
            facts.functions += 1;
            facts.longest_function = facts.longest_function.max(length);
            if length > limits.function_lines {
                let what = format!("{} has {length} lines of code", names::of_function(tree, at));
                facts.findings.push(one.finding(Kind::LongFunction, at, what));
            }
            continue;
        }
        let deeper = tree.is(at, tree.language.nests) && !tree.stands_in(at, tree.language.chains);
        let own = around + u32::from(deeper);
        facts.deepest = facts.deepest.max(own);
        if deeper && own == limits.nesting + 1 {
            let what = format!("nested {own} deep");
            facts.findings.push(one.finding(Kind::DeepNesting, at, what));
        }
        if own > 0 {
            depth.insert(at, own);
        }
    }
}
