//! A file's syntax as a flat list of nodes in reading order, so that no measure walks by recursion. Parsing is bounded in
//! work and in nodes; a text beyond that has no tree. Errors in a text are fine: what can be read is.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Language as Grammar, Node as RawNode, ParseOptions, ParseState, Parser, TreeCursor};

use super::lang::{self, Language, Slot};

/// Reports of progress after which parsing is given up: several times what a megabyte of usual code takes (about 30,000).
const MOST_STEPS: u32 = 200_000;
/// The same in time, for a machine or a text on which a step takes very long.
const LONGEST: Duration = Duration::from_secs(10);
/// Most nodes: a megabyte of dense code has about half of it.
const MOST_NODES: usize = 1_000_000;
/// Deepest nesting of nodes. What people write stays below a tenth; it bounds the work of all that looks inside each node.
const MOST_DEPTH: usize = 1_000;
/// Most steps up from a node.
const MOST_ANCESTORS: usize = 200;
/// Index of no node.
const NONE: u32 = u32::MAX;

/// One node. Lines are from 1.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Kind, in the grammar's words.
    pub kind: &'static str,
    /// The field of its parent that it stands in; empty when in none.
    pub field: &'static str,
    /// No punctuation or keyword.
    pub named: bool,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    parent: u32,
    /// The first node after all that is inside it.
    past: u32,
    start: u32,
    end: u32,
}

/// The nodes of a file.
pub struct Tree<'t> {
    /// Its text.
    pub text: &'t str,
    /// How it is read.
    pub language: &'static Language,
    /// All nodes, each before what is inside it.
    pub nodes: Vec<Node>,
}

/// Reads a text, or says why it has no tree.
pub fn parse<'t>(text: &'t str, language: &'static Language) -> Result<Tree<'t>, &'static str> {
    let mut parser = Parser::new();
    let grammar = lang::grammar(language);
    parser.set_language(grammar).map_err(|_| "its grammar is of another version")?;
    let bytes = text.as_bytes();
    let begun = Instant::now();
    let mut steps = 0;
    let mut goes_on = |_: &ParseState| {
        steps += 1;
        let too_much = steps > MOST_STEPS || begun.elapsed() > LONGEST;
        if too_much { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    let options = ParseOptions::new().progress_callback(&mut goes_on);
    let parsed =
        parser.parse_with_options(&mut read, None, Some(options)).ok_or("it takes too long to parse")?;
    if parsed.root_node().descendant_count() > MOST_NODES {
        return Err("it has too many parts");
    }
    let nodes = flat(&mut parsed.walk(), grammar).ok_or("it is nested too deep")?;
    Ok(Tree { text, language, nodes })
}

fn flat(cursor: &mut TreeCursor<'_>, grammar: &'static Grammar) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    loop {
        let parent = open.last().copied().unwrap_or(NONE);
        if open.len() == MOST_DEPTH {
            return None;
        }
        open.push(nodes.len() as u32);
        let field = cursor.field_id().and_then(|id| grammar.field_name_for_id(id.get()));
        let kind = grammar.node_kind_for_id(cursor.node().kind_id()).unwrap_or_default();
        nodes.push(node(cursor.node(), kind, field.unwrap_or_default(), parent));
        if cursor.goto_first_child() {
            continue;
        }
        loop {
            let past = nodes.len() as u32;
            let Some(closed) = open.pop() else { return Some(nodes) };
            nodes[closed as usize].past = past;
            if cursor.goto_next_sibling() {
                break;
            }
            cursor.goto_parent();
        }
    }
}

fn node(raw: RawNode<'_>, kind: &'static str, field: &'static str, parent: u32) -> Node {
    let (first, last) = (raw.start_position(), raw.end_position());
    // What ends with a line feed ends on the line before.
    let back = u32::from(last.column == 0 && last.row > first.row);
    Node {
        kind,
        field,
        named: raw.is_named(),
        line: first.row as u32 + 1,
        end_line: last.row as u32 + 1 - back,
        parent,
        past: 0,
        start: raw.start_byte() as u32,
        end: raw.end_byte() as u32,
    }
}

impl Tree<'_> {
    /// Indices of all nodes.
    pub fn all(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    /// Indices of all nodes inside one.
    pub fn inside(&self, at: usize) -> std::ops::Range<usize> {
        at + 1..self.nodes[at].past as usize
    }

    /// Whether nothing is inside it.
    pub fn is_leaf(&self, at: usize) -> bool {
        self.nodes[at].past as usize == at + 1
    }

    /// Its children.
    pub fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        let end = self.nodes[at].past as usize;
        let first = (at + 1 < end).then_some(at + 1);
        std::iter::successors(first, move |&child| {
            let next = self.nodes[child].past as usize;
            (next < end).then_some(next)
        })
    }

    /// Its child in a field.
    pub fn child(&self, at: usize, field: &str) -> Option<usize> {
        self.children(at).find(|&child| self.nodes[child].field == field)
    }

    /// Its parent.
    pub fn parent(&self, at: usize) -> Option<usize> {
        Some(self.nodes[at].parent).filter(|&parent| parent != NONE).map(|parent| parent as usize)
    }

    /// Its parent, that one's parent and so on, as far as code that people write goes.
    pub fn ancestors(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.parent(at), |&at| self.parent(at)).take(MOST_ANCESTORS)
    }

    /// Its text.
    pub fn text_of(&self, at: usize) -> &str {
        let Node { start, end, .. } = self.nodes[at];
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// At most so many bytes of text before and after it.
    pub fn around(&self, at: usize, most: usize) -> (&str, &str) {
        let Node { start, end, .. } = self.nodes[at];
        let (start, end) = (start as usize, end as usize);
        let from = self.text.ceil_char_boundary(start.saturating_sub(most));
        let to = self.text.floor_char_boundary((end + most).min(self.text.len()));
        (self.text.get(from..start).unwrap_or_default(), self.text.get(end..to).unwrap_or_default())
    }

    /// The node beside it, before it.
    pub fn before(&self, at: usize) -> Option<usize> {
        let parent = self.parent(at)?;
        let last = at.checked_sub(1).filter(|&last| last != parent)?;
        std::iter::successors(Some(last), |&inner| self.parent(inner))
            .find(|&inner| self.parent(inner) == Some(parent))
    }

    /// Whether its kind is one of these.
    pub fn is(&self, at: usize, kinds: &[&str]) -> bool {
        kinds.contains(&self.nodes[at].kind)
    }

    /// Whether it stands in one of these places; a field `*` is any.
    pub fn stands_in(&self, at: usize, slots: &[Slot]) -> bool {
        let Some(parent) = self.parent(at) else { return false };
        let (kind, field) = (self.nodes[parent].kind, self.nodes[at].field);
        slots.iter().any(|slot| slot.0 == kind && (slot.1 == "*" || slot.1 == field))
    }

    /// A variable's or function's name.
    pub fn is_name(&self, at: usize) -> bool {
        self.is(at, self.language.names)
    }

    /// A comment, or a string that stands alone as documentation.
    pub fn is_comment(&self, at: usize) -> bool {
        self.is(at, self.language.comments)
            || self.nodes[at].kind == "expression_statement"
                && self.inside(at).len() > 1
                && self.children(at).all(|child| self.nodes[child].kind == "string")
    }
}
