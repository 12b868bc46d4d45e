//! State of a module that its functions change: a variable that is assigned from inside a function, or a container there
//! that is changed from inside one. A module's table that nothing changes is a constant and none of this.

use std::collections::{BTreeMap, BTreeSet};

use super::Parsed;
use super::names::declared;
use crate::judge::facts::{Finding, Kind};
use crate::judge::syntax::Tree;

/// Calls that change a container.
const CHANGING: [&str; 21] = [
    "append",
    "add",
    "update",
    "pop",
    "popitem",
    "clear",
    "extend",
    "insert",
    "remove",
    "setdefault",
    "discard",
    "appendleft",
    "popleft",
    "push",
    "set",
    "delete",
    "unshift",
    "shift",
    "splice",
    "sort",
    "reverse",
];
/// How the text of a new container begins.
const CONTAINERS: [&str; 17] = [
    "[",
    "{",
    "dict(",
    "list(",
    "set(",
    "defaultdict(",
    "deque(",
    "Counter(",
    "OrderedDict(",
    "collections.",
    "new Map",
    "new Set",
    "new WeakMap",
    "new Array",
    "make(",
    "map[",
    "bytearray(",
];
/// Types that can be changed behind a shared reference.
const CELLS: [&str; 5] = ["Mutex<", "RwLock<", "Atomic", "RefCell<", "Cell<"];

/// Finds mutable globals.
pub fn mutable(one: &Parsed<'_>, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    let variables = variables(one);
    let locals = locals(one);
    let mut changed = BTreeSet::new();
    for at in one.nodes() {
        let kind = tree.nodes[at].kind;
        if kind == "static_item" && is_changeable_static(tree, at) {
            findings.push(one.point(Kind::MutableGlobal, at, name_words(tree, at)));
        }
        let Some(function) = one.function[at].filter(|_| tree.is_name(at)) else { continue };
        let name = tree.text_of(at);
        let Some(&(declaration, is_container)) = variables.get(name) else { continue };
        let is_global_statement =
            tree.parent(at).is_some_and(|parent| tree.nodes[parent].kind == "global_statement");
        let is_local = std::iter::once(function)
            .chain(one.functions(function))
            .any(|function| locals.contains(&(function, name)));
        let is_changed = is_global_statement
            || !is_local && (is_assigned(tree, at) || is_container && is_altered(tree, at));
        if is_changed && changed.insert(name) {
            findings.push(one.point(
                Kind::MutableGlobal,
                declaration,
                format!("`{name}` is changed by functions"),
            ));
        }
    }
}

/// Variables of the module: where they are, and whether they begin as a container.
fn variables<'t>(one: &'t Parsed<'_>) -> BTreeMap<&'t str, (usize, bool)> {
    let tree = &one.tree;
    let language = tree.language;
    let mut variables = BTreeMap::new();
    for at in one.nodes().filter(|&at| one.function[at].is_none() && tree.is_name(at)) {
        if !tree.stands_in(at, language.variables) {
            continue;
        }
        let Some(declaration) = tree.parent(at) else { continue };
        if !tree.ancestors(declaration).all(|around| tree.is(around, language.top_level)) {
            continue;
        }
        let value = tree.child(declaration, "right").or_else(|| tree.child(declaration, "value"));
        let text = value.map_or("", |value| tree.text_of(value));
        let is_container = CONTAINERS.iter().any(|beginning| text.starts_with(beginning));
        variables.entry(tree.text_of(at)).or_insert((at, is_container));
    }
    variables
}

/// Names that functions declare, with the function.
fn locals<'t>(one: &'t Parsed<'_>) -> BTreeSet<(usize, &'t str)> {
    let tree = &one.tree;
    let mut globals: BTreeSet<(usize, &str)> = BTreeSet::new();
    let mut locals = BTreeSet::new();
    for at in one.nodes().filter(|&at| tree.is_name(at)) {
        let Some(function) = one.function[at] else { continue };
        let name = tree.text_of(at);
        if tree.parent(at).is_some_and(|parent| tree.nodes[parent].kind == "global_statement") {
            globals.insert((function, name));
        } else if declared(tree, at).is_some() {
            locals.insert((function, name));
        }
    }
    locals.difference(&globals).copied().collect()
}

/// It, a member or an element of it is assigned to.
fn is_assigned(tree: &Tree<'_>, at: usize) -> bool {
    let mut child = at;
    loop {
        if tree.stands_in(child, tree.language.changes) {
            return true;
        }
        let Some(parent) = tree.parent(child) else { return false };
        let is_first = tree.children(parent).next() == Some(child);
        let passes = tree.is(parent, tree.language.members) && is_first
            || tree.nodes[parent].kind == "expression_list";
        if !passes {
            return false;
        }
        child = parent;
    }
}

/// A call of a method that changes it, or an element of it.
fn is_altered(tree: &Tree<'_>, at: usize) -> bool {
    let mut child = at;
    while let Some(member) = tree.parent(child).filter(|&parent| tree.is(parent, tree.language.members)) {
        if tree.children(member).next() != Some(child) {
            return false;
        }
        let method = tree.children(member).last().map_or("", |last| tree.text_of(last));
        if tree.nodes[member].field == "function" && CHANGING.contains(&method) {
            return true;
        }
        child = member;
    }
    false
}

fn is_changeable_static(tree: &Tree<'_>, at: usize) -> bool {
    let is_mut = tree.children(at).any(|child| tree.nodes[child].kind == "mutable_specifier");
    let kind = tree.child(at, "type").map_or("", |kind| tree.text_of(kind));
    is_mut || CELLS.iter().any(|cell| kind.contains(cell))
}

fn name_words(tree: &Tree<'_>, at: usize) -> String {
    let name = tree.child(at, "name").map_or("", |name| tree.text_of(name));
    format!("`{name}` can be changed from everywhere")
}
