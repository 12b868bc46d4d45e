//! Splits a compound task ("read X and redesign Y") into parts with a tier and a role each: at imperatives that begin a
//! sentence or a list item, or follow "and", "then" or a comma. Neighbours for the same executor are one part.

use super::lexer::{CLAUSE, Tokens};
use super::{Part, Role, Tier, Verdict};
use crate::rules::image::{Image, Table};

/// A longer text is a specification, not a compound task; so is one of more pieces.
const MAX_WORDS: usize = 130;
const MAX_PIECES: usize = 10;
/// A piece of fewer words says too little to be a task of its own.
const MIN_WORDS: usize = 2;
/// Probability that a piece needs for its tier; a weaker one belongs to its neighbour.
const MIN_CONFIDENCE: f32 = 0.5;

/// The parts of a text; empty when it is one task.
pub fn split(image: &Image, text: &str, tokens: &Tokens) -> Vec<Part> {
    let starts: Vec<usize> = (0..tokens.words)
        .filter(|token| tokens.list[*token].flags & CLAUSE != 0)
        .take(MAX_PIECES + 1)
        .collect();
    if starts.len() < 2 || starts.len() > MAX_PIECES || tokens.words > MAX_WORDS {
        return Vec::new();
    }
    let mut parts: Vec<Part> = Vec::new();
    for (index, first) in starts.iter().copied().enumerate() {
        let last = starts.get(index + 1).copied().unwrap_or(tokens.words);
        let (start, end) = (tokens.list[first].start as usize, tokens.list[last - 1].end as usize);
        // Each piece is read as a text of its own: its length and its first word count, not the whole text's.
        let verdict = super::judge_whole(image, Table::User, &text[start..end], &["@user"]).0;
        let part = Part { tier: verdict.tier, role: verdict.role, start, end };
        match parts.last_mut() {
            Some(earlier) if earlier.role == part.role || !is_task(&verdict, last - first) => {
                earlier.end = part.end;
            }
            None if !is_task(&verdict, last - first) => {}
            _ => parts.push(part),
        }
    }
    if parts.len() < 2 { Vec::new() } else { parts }
}

/// Whether a piece is a task of its own.
fn is_task(verdict: &Verdict, words: usize) -> bool {
    words >= MIN_WORDS
        && verdict.tier != Tier::None
        && verdict.role != Role::None
        && verdict.confidence >= MIN_CONFIDENCE
        && verdict.fired.iter().any(|hit| hit.end > hit.start)
}
