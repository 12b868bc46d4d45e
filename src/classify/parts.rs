//! Splits a compound task at its imperatives ("read X and redesign Y") into parts with a tier and a role each.

use super::lexer::{CLAUSE, Tokens};
use super::{Part, Role, Tier, matcher, score};
use crate::rules::image::Image;

/// More imperatives than this are a specification, not a compound task.
const MAX_CLAUSES: usize = 12;
/// A lead in score over "no rule fired" that a part needs to count as a task of its own.
const EVIDENCE: usize = 1;

/// The parts of a text; empty when it is one task.
pub fn split(image: &Image, text: &str, tokens: &Tokens) -> Vec<Part> {
    let starts: Vec<usize> =
        (0..tokens.words).filter(|token| tokens.list[*token].flags & CLAUSE != 0).take(MAX_CLAUSES + 1).collect();
    if starts.len() < 2 || starts.len() > MAX_CLAUSES {
        return Vec::new();
    }
    let mut parts: Vec<Part> = Vec::new();
    for (index, first) in starts.iter().copied().enumerate() {
        let last = starts.get(index + 1).copied().unwrap_or(tokens.words);
        let fired = matcher::fired(image, tokens, first..last, text);
        let told = fired.iter().filter(|hit| hit.end > hit.start).count();
        let verdict = score(image, fired);
        let part = Part {
            tier: verdict.tier,
            role: verdict.role,
            start: tokens.list[first].start as usize,
            end: tokens.list[last - 1].end as usize,
        };
        match parts.last_mut() {
            Some(earlier) if told < EVIDENCE || part.tier == Tier::None || earlier.role == part.role => {
                earlier.end = part.end;
            }
            _ if told < EVIDENCE || part.role == Role::None => {}
            _ => parts.push(part),
        }
    }
    if parts.len() < 2 { Vec::new() } else { parts }
}
