//! Code that is never used or never reached: imports that nothing names, private functions and constants that nothing names
//! anywhere in the candidate, statements behind a return. Where that cannot be known for sure, nothing is found.

use std::collections::{BTreeMap, HashMap};

use super::Parsed;
use crate::judge::facts::{Finding, Kind};
use crate::judge::syntax::Tree;

/// Types of Rust's library that a file uses by name only; a trait may be used without being named.
const NAMED_WHEN_USED: [&str; 20] = [
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "VecDeque",
    "BinaryHeap",
    "Arc",
    "Rc",
    "Mutex",
    "RwLock",
    "RefCell",
    "Cell",
    "Duration",
    "Instant",
    "Path",
    "PathBuf",
    "File",
    "Cow",
    "Ordering",
    "OnceLock",
];

/// How often each word stands in the code of a candidate, tests and strings included.
#[derive(Default)]
pub struct Words(HashMap<String, u32>);

impl Words {
    /// Counts a file's words.
    pub fn add(&mut self, tree: &Tree<'_>) {
        for at in tree.all() {
            for word in words(tree, at) {
                match self.0.get_mut(word) {
                    Some(count) => *count += 1,
                    None => {
                        self.0.insert(word.to_owned(), 1);
                    }
                }
            }
        }
    }
}

/// The words of a leaf that is no comment.
fn words<'t>(tree: &'t Tree<'_>, at: usize) -> impl Iterator<Item = &'t str> {
    let counts = tree.is_leaf(at) && !tree.is(at, tree.language.comments);
    let text = if counts { tree.text_of(at) } else { "" };
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).filter(|word| !word.is_empty())
}

/// Finds imports that the file does not name.
pub fn imports(one: &Parsed<'_>, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    if one.path.ends_with("__init__.py") {
        return;
    }
    let lines: Vec<&str> = tree.text.lines().collect();
    let is_import = |at: usize| tree.nodes[at].named && tree.is(at, tree.language.imports);
    let mut used: BTreeMap<&str, u32> = BTreeMap::new();
    let mut at = 0;
    while at < tree.nodes.len() {
        if is_import(at) {
            at = tree.inside(at).end;
            continue;
        }
        for word in words(tree, at) {
            *used.entry(word).or_default() += 1;
        }
        at += 1;
    }
    for import in one.nodes().filter(|&at| is_import(at)) {
        if is_kept(tree, import, &lines) {
            continue;
        }
        let bound = bound(tree, import);
        let unused: Vec<&str> = bound
            .iter()
            .map(|&at| tree.text_of(at))
            .filter(|name| !used.contains_key(name) && is_sure(tree, name))
            .collect();
        if unused.is_empty() {
            continue;
        }
        let what = format!("import of `{}` is not used", unused.join("`, `"));
        let first = bound.iter().find(|&&at| tree.text_of(at) == unused[0]).copied().unwrap_or(import);
        // Only an import of nothing else is lines that need not be there.
        let found = if unused.len() == bound.len() {
            one.finding(Kind::Dead, import, what)
        } else {
            one.point(Kind::Dead, first, what)
        };
        findings.push(found);
    }
}

/// Imports for others, or for what they do.
fn is_kept(tree: &Tree<'_>, import: usize, lines: &[&str]) -> bool {
    let text = tree.text_of(import);
    let line = lines.get(tree.nodes[import].line as usize - 1).copied().unwrap_or_default();
    text.starts_with("pub") || text.starts_with("from __future__") || line.contains("noqa")
}

fn is_sure(tree: &Tree<'_>, name: &str) -> bool {
    match tree.language.name {
        _ if name == "_" => false,
        "Rust" => !name.starts_with(char::is_uppercase) || NAMED_WHEN_USED.contains(&name),
        "JavaScript" | "TypeScript" => name != "React",
        _ => true,
    }
}

/// The names that an import binds.
fn bound(tree: &Tree<'_>, import: usize) -> Vec<usize> {
    let language = tree.language;
    let mut bound = Vec::new();
    let mut at = import + 1;
    let end = tree.inside(import).end;
    while at < end {
        let node = &tree.nodes[at];
        if language.import_skips.contains(&node.field) || language.import_skips.contains(&node.kind) {
            at = tree.inside(at).end;
            continue;
        }
        if !language.import_parts.contains(&node.kind) {
            at += 1;
            continue;
        }
        let mut names = (at..tree.inside(at).end).filter(|&inner| tree.is_name(inner));
        // `import a.b` binds `a`; everything else binds what stands last.
        let binds_first = tree.nodes[import].kind == "import_statement" && node.kind == "dotted_name";
        let name = if binds_first { names.next() } else { names.next_back() };
        let is_repeated = node.kind == "aliased_import" && {
            let mut words = tree.text_of(at).split_whitespace();
            words.next() == words.next_back()
        };
        // `import x as x` is how one says that others use it.
        bound.extend(name.filter(|_| !is_repeated));
        at = tree.inside(at).end;
    }
    bound
}

/// Finds statements behind one that leaves their block.
pub fn unreachable(one: &Parsed<'_>, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    for block in one.nodes().filter(|&at| tree.nodes[at].named && tree.is(at, tree.language.blocks)) {
        let mut left = false;
        let mut dead: Option<(usize, usize)> = None;
        for statement in
            tree.children(block).filter(|&at| tree.nodes[at].named && !tree.is(at, tree.language.comments))
        {
            if tree.is(statement, &["empty_statement"]) {
                continue;
            }
            if tree.is(statement, tree.language.hoisted) {
                left &= tree.nodes[statement].kind != "labeled_statement";
            } else if left {
                dead = Some((dead.map_or(statement, |(first, _)| first), statement));
            } else {
                left = leaves(tree, statement);
            }
        }
        let Some((first, last)) = dead else { continue };
        // A `yield` that is never reached makes a function a generator.
        let is_marker = (first..tree.inside(last).end).any(|at| tree.is(at, &["yield", "yield_expression"]));
        if !is_marker {
            let mut found = one.finding(Kind::Dead, first, "is never reached".to_owned());
            found.end = tree.nodes[last].end_line;
            findings.push(found);
        }
    }
}

fn leaves(tree: &Tree<'_>, statement: usize) -> bool {
    let exits = tree.language.exits;
    tree.is(statement, exits)
        || tree.nodes[statement].kind == "expression_statement"
            && tree.children(statement).next().is_some_and(|inner| tree.is(inner, exits))
}

/// Finds private functions and constants that nothing names but they themselves.
pub fn unnamed(one: &Parsed<'_>, words_of_all: &Words, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    let exports = exports(tree);
    for at in one.nodes().filter(|&at| tree.stands_in(at, tree.language.private)) {
        let Some(definition) = tree.parent(at) else { continue };
        let name = tree.text_of(at).trim_start_matches("r#");
        if name.starts_with("__") || name == "_" || !is_private(one, definition, name, exports) {
            continue;
        }
        let own = (definition..tree.inside(definition).end).flat_map(|inner| words(tree, inner));
        let inside = own.filter(|word| *word == name).count() as u32;
        if words_of_all.0.get(name).copied().unwrap_or(0) <= inside {
            findings.push(one.finding(Kind::Dead, definition, format!("nothing uses `{name}`")));
        }
    }
}

/// Whether a file of JavaScript says what others may use.
fn exports(tree: &Tree<'_>) -> bool {
    tree.all().any(|at| {
        tree.nodes[at].kind == "export_statement"
            || tree.nodes[at].kind == "member_expression" && tree.text_of(at) == "module.exports"
    })
}

fn is_private(one: &Parsed<'_>, definition: usize, name: &str, exports: bool) -> bool {
    let tree = &one.tree;
    let is_function = tree.is(definition, tree.language.functions);
    let is_inner = one.function[definition].is_some();
    let around = || tree.ancestors(definition).map(|at| tree.nodes[at].kind);
    let is_decorated =
        tree.parent(definition).is_some_and(|at| tree.nodes[at].kind == "decorated_definition");
    match tree.language.name {
        "Python" if is_function => {
            !is_decorated
                && (is_inner && !around().take(3).any(|kind| kind == "class_definition")
                    || name.starts_with('_'))
        }
        "Python" => !is_inner && name.starts_with('_'),
        "JavaScript" | "TypeScript" => {
            let is_exported = around().any(|kind| kind == "export_statement");
            is_function && is_inner
                || exports
                    && !is_exported
                    && !is_inner
                    && around().all(|kind| tree.language.top_level.contains(&kind))
        }
        "Rust" => {
            let is_public = tree.children(definition).any(|at| tree.nodes[at].kind == "visibility_modifier");
            let in_trait = tree.ancestors(definition).take(2).any(|at| {
                tree.nodes[at].kind == "trait_item"
                    || tree.nodes[at].kind == "impl_item" && tree.child(at, "trait").is_some()
            });
            let has_attribute =
                tree.before(definition).is_some_and(|before| tree.nodes[before].kind == "attribute_item");
            !is_public && !in_trait && !has_attribute && name != "main"
        }
        "Go" => !is_inner && name.starts_with(char::is_lowercase) && !matches!(name, "main" | "init"),
        _ => false,
    }
}
