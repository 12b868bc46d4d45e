//! Loops that nothing ends: `while true` and the like, without a `break` of their own, a return, a failure, a `yield` or an
//! exit of the process inside.

use super::Parsed;
use crate::judge::facts::{Finding, Kind};
use crate::judge::syntax::Tree;

/// Conditions that always hold. `;` is the missing one of `for (;;)`.
const ALWAYS: [&str; 6] = ["True", "true", "(true)", "1", "(1)", ";"];
/// Calls that do not return.
const LAST_CALLS: [&str; 14] = [
    "sys.exit",
    "exit",
    "quit",
    "os._exit",
    "process.exit",
    "os.Exit",
    "panic",
    "log.Fatal",
    "log.Fatalf",
    "std::process::exit",
    "process::exit",
    "std::process::abort",
    "runtime.Goexit",
    "syscall.Exit",
];
/// Macros that do not return.
const LAST_MACROS: [&str; 3] = ["panic", "unreachable", "bail"];

/// Finds loops without a way out.
pub fn endless(one: &Parsed<'_>, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    for at in one.nodes().filter(|&at| tree.nodes[at].named && always_goes_on(tree, at)) {
        let leaves = tree.inside(at).any(|inner| {
            // What leaves a function inside the loop does not leave the loop.
            one.function[inner] == one.function[at] && is_way_out(tree, at, inner)
        });
        if !leaves {
            findings.push(one.point(Kind::EndlessLoop, at, "nothing ends this loop".to_owned()));
        }
    }
}

fn always_goes_on(tree: &Tree<'_>, at: usize) -> bool {
    let language = tree.language;
    let kind = tree.nodes[at].kind;
    if language.bare_loops.contains(&kind) {
        let blocks = ["block", "statement_block", "label", "line_comment", "block_comment", "comment"];
        return tree
            .children(at)
            .filter(|&child| tree.nodes[child].named)
            .all(|child| tree.is(child, &blocks));
    }
    let conditions = language.whiles.iter().filter(|slot| slot.0 == kind);
    conditions
        .filter_map(|slot| tree.child(at, slot.1))
        .any(|condition| ALWAYS.contains(&tree.text_of(condition)))
}

fn is_way_out(tree: &Tree<'_>, at: usize, inner: usize) -> bool {
    let language = tree.language;
    if !tree.nodes[inner].named {
        return false;
    }
    if tree.is(inner, language.leaves) {
        return true;
    }
    if tree.is(inner, language.breaks) {
        let is_labelled = tree
            .children(inner)
            .any(|child| tree.is(child, &["statement_identifier", "label_name", "label"]));
        let ended = tree.ancestors(inner).find(|&around| tree.is(around, language.breakable));
        return is_labelled || ended == Some(at);
    }
    let called = |field: &str| tree.child(inner, field).map_or("", |called| tree.text_of(called));
    match tree.nodes[inner].kind {
        "call" | "call_expression" => LAST_CALLS.contains(&called("function")),
        "macro_invocation" => LAST_MACROS.contains(&called("macro")),
        _ => false,
    }
}
