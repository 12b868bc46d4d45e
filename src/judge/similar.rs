//! How alike two candidates are: the share of runs of tokens that they have in common, wherever in the code they stand.
//! Comments, layout and the order of functions do not matter. Two ways to look, the higher one counts: tokens as they are in
//! short runs (a copy with an edit), and with all names made equal in longer ones (a copy with names changed).

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::rank::Alike;
use super::syntax::Tree;

/// Length of runs of tokens as they are. Short: an edit spoils as many runs as it has tokens, and this many more.
const EXACT: usize = 3;
/// Length of runs with names made equal. Longer, as without names short runs are alike in all code. With both lengths, honest
/// solutions of one small design come to 27-62 % (`tests/judge/pairs`), and copies of them with one kind of change to over 95 %.
const NAMELESS: usize = 5;
/// Fewest runs of a kind for a comparison: below, equal is all that can be said.
const FEWEST: usize = 20;

/// The runs of one candidate's tokens, with how often each is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shingles {
    exact: BTreeMap<u64, u32>,
    nameless: BTreeMap<u64, u32>,
}

/// A token, and whether it is a name that its author chose.
struct Token<'t> {
    text: &'t str,
    is_name: bool,
}

impl Shingles {
    /// Adds a parsed file; `tested` marks nodes that are left out.
    pub fn add_tree(&mut self, tree: &Tree<'_>, tested: &[bool]) {
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < tree.nodes.len() {
            let past = tree.inside(at).end;
            if tested[at] || tree.is_comment(at) {
                at = past;
                continue;
            }
            let is_string = tree.is(at, tree.language.strings)
                && !tree.inside(at).any(|inner| tree.is(inner, &["interpolation", "template_substitution"]));
            if is_string || tree.is_leaf(at) {
                let text = tree.text_of(at).trim();
                let kind = tree.nodes[at].kind;
                let is_name = kind.ends_with("identifier") || kind.contains("property_identifier");
                if !text.is_empty() {
                    tokens.push(Token { text, is_name });
                }
                at = past;
                continue;
            }
            at += 1;
        }
        self.add(&tokens);
    }

    /// Adds a file without a grammar: words and signs.
    pub fn add_text(&mut self, text: &str) {
        let mut tokens = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let end = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: &rest[..end], is_name: first.is_alphabetic() || first == '_' });
            rest = rest[end..].trim_start();
        }
        self.add(&tokens);
    }

    fn add(&mut self, tokens: &[Token<'_>]) {
        let exact = tokens.iter().map(|token| token.text);
        count(&exact.collect::<Vec<_>>(), EXACT, &mut self.exact);
        let nameless = tokens.iter().map(|token| if token.is_name { "" } else { token.text });
        count(&nameless.collect::<Vec<_>>(), NAMELESS, &mut self.nameless);
    }

    /// How alike two are, in percent.
    pub fn percent(&self, other: &Self) -> f64 {
        dice(&self.exact, &other.exact).max(dice(&self.nameless, &other.nameless))
    }
}

fn count(tokens: &[&str], length: usize, into: &mut BTreeMap<u64, u32>) {
    // A file that is shorter than a run is one run.
    for run in tokens.windows(length.min(tokens.len()).max(1)) {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        *into.entry(hasher.finish()).or_default() += 1;
    }
}

/// Dice's coefficient of two multisets: twice what they share, of both together.
fn dice(one: &BTreeMap<u64, u32>, other: &BTreeMap<u64, u32>) -> f64 {
    let size = |runs: &BTreeMap<u64, u32>| runs.values().map(|count| u64::from(*count)).sum::<u64>();
    let both = size(one) + size(other);
    if both == 0 {
        return 0.0;
    }
    if (both as usize) < 2 * FEWEST {
        return if one == other { 100.0 } else { 0.0 };
    }
    let shared =
        one.iter().map(|(run, count)| u64::from(*count.min(other.get(run).unwrap_or(&0)))).sum::<u64>();
    200.0 * shared as f64 / both as f64
}

/// Every pair.
pub fn pairs(all: &[&Shingles]) -> Vec<Alike> {
    let seconds = |one: usize| (one + 1..all.len()).map(move |other| (one, other));
    (0..all.len())
        .flat_map(seconds)
        .map(|(one, other)| Alike { one, other, percent: all[one].percent(all[other]) })
        .collect()
}
