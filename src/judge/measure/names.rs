//! Declared names, and those of one letter that are no index. A letter counts once per function.

use std::collections::BTreeSet;

use super::Parsed;
use crate::judge::facts::{Finding, Kind};
use crate::judge::lang::Binder;
use crate::judge::syntax::Tree;

/// Letters of a loop that counts by hand: `while i < end`.
const COUNTERS: &str = "ijk";

/// The name of a function, for messages.
pub fn of_function(tree: &Tree<'_>, at: usize) -> String {
    let own = tree.child(at, "name");
    let given = || {
        let parent = tree.parent(at)?;
        tree.child(parent, "name").or_else(|| tree.child(parent, "pattern"))
    };
    own.or_else(given).map_or_else(|| "a function".to_owned(), |name| format!("`{}`", tree.text_of(name)))
}

/// Where a name is declared; none when it is only used.
pub fn declared(tree: &Tree<'_>, at: usize) -> Option<&'static Binder> {
    let binders = tree.language.binders;
    let mut child = at;
    loop {
        if let Some(binder) = binders.iter().find(|binder| tree.stands_in(child, &[binder.slot])) {
            return Some(binder);
        }
        if !tree.stands_in(child, tree.language.patterns) {
            return None;
        }
        child = tree.parent(child)?;
    }
}

/// Finds names of one letter.
pub fn one_letter(one: &Parsed<'_>, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    let mut seen = BTreeSet::new();
    for at in one.nodes().filter(|&at| tree.is_name(at)) {
        let name = tree.text_of(at);
        let mut letters = name.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else { continue };
        if !letter.is_alphabetic() {
            continue;
        }
        let Some(binder) = declared(tree, at) else { continue };
        if binder.allowed.contains(letter) || is_customary(one, at, letter) {
            continue;
        }
        if seen.insert((one.function[at], letter)) {
            findings.push(one.point(Kind::OneLetterName, at, format!("`{letter}`")));
        }
    }
}

fn is_customary(one: &Parsed<'_>, at: usize, letter: char) -> bool {
    let tree = &one.tree;
    let is_index = super::super::lang::INDEX.contains(letter);
    for around in tree.ancestors(at).take(6) {
        let node = &tree.nodes[around];
        match node.kind {
            // `for (let i = 0; ...)`, `for i := 0; ...`.
            "lexical_declaration" | "variable_declaration" | "short_var_declaration"
                if node.field == "initializer" =>
            {
                return is_index;
            }
            "parameter_list" if node.field == "receiver" => return true,
            "formal_parameters" | "closure_parameters" | "arrow_function" if is_index => {
                let function = if node.kind == "arrow_function" { Some(around) } else { tree.parent(around) };
                let body = function.and_then(|function| tree.child(function, "body"));
                let is_lambda = function
                    .is_some_and(|function| tree.is(function, &["arrow_function", "closure_expression"]));
                return is_lambda && body.is_some_and(|body| !tree.is(body, tree.language.blocks));
            }
            // `T = TypeVar("T")`.
            "assignment" if tree.text_of(around).contains("TypeVar(") => return true,
            _ => {}
        }
    }
    COUNTERS.contains(letter) && counts_a_loop(one, at)
}

/// Whether the condition of a loop in the same function names it.
fn counts_a_loop(one: &Parsed<'_>, at: usize) -> bool {
    let tree = &one.tree;
    let within = one.function[at].map_or(tree.all(), |function| tree.inside(function));
    within
        .filter(|&inner| {
            one.function[inner] == one.function[at] && tree.stands_in(inner, tree.language.whiles)
        })
        .any(|condition| {
            tree.inside(condition).any(|inner| tree.is_name(inner) && tree.text_of(inner) == tree.text_of(at))
        })
}
