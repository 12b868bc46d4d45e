//! Finds which rules fire on a list of tokens: phrases by table look-up, a rule's regex only after a phrase of its
//! was found. Never panics on a damaged image; a regex that does not compile never matches.

use std::ops::Range;

use super::lexer::{BREAK, HEAD, NEGATED, START, Tokens};
use crate::rules::compile::{ANY_ONE, GAP};
use crate::rules::image::{Image, PhraseRef};

/// A rule that fired, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// Index of the rule in the image.
    pub rule: usize,
    /// Byte range of the first matched phrase in the text.
    pub start: usize,
    /// See `start`.
    pub end: usize,
}

/// Tokens that a gap may skip.
const GAP_REACH: usize = 6;
/// Compiled size of one rule's regex, in bytes; a larger one does not compile and so never matches.
pub const REGEX_SIZE_LIMIT: usize = 1 << 20;
/// Bytes of a text that a rule's regex sees.
const REGEX_TEXT: usize = 32_000;

const MAIN: u8 = 1;
const WITH: u8 = 2;
const UNLESS: u8 = 4;

/// The rules that fire on the tokens of a range (the features at the end of the list always count).
pub fn fired(image: &Image, tokens: &Tokens, range: Range<usize>, text: &str) -> Vec<Fired> {
    let mut state = vec![0_u8; image.rules()];
    let mut hits: Vec<Fired> = Vec::new();
    let features = tokens.words.max(range.end)..tokens.list.len();
    for token in range.clone().chain(features) {
        let end = if token < range.end { range.end } else { tokens.list.len() };
        for packed in tokens.elements_of(token) {
            for number in image.phrases_from(packed & 0xffff) {
                let phrase = image.phrase(number);
                let bit = match phrase.kind {
                    0 => MAIN,
                    1 => WITH,
                    2 => UNLESS,
                    _ => continue,
                };
                let Some(seen) = state.get_mut(phrase.owner as usize) else { continue };
                if *seen & bit != 0 || !stands(tokens, token, phrase, range.start) {
                    continue;
                }
                let Some(last) = matches(image, tokens, phrase, token, end) else { continue };
                *seen |= bit;
                if bit == MAIN {
                    let start = tokens.list[token].start as usize;
                    let end = tokens.list[last].end as usize;
                    hits.push(Fired { rule: phrase.owner as usize, start, end });
                }
            }
        }
    }
    hits.retain(|hit| {
        let seen = state[hit.rule];
        let rule = image.rule(hit.rule);
        seen & UNLESS == 0 && (!rule.needs_with || seen & WITH != 0) && regex_agrees(rule.regex, text)
    });
    hits.sort_unstable_by_key(|hit| hit.rule);
    hits
}

/// Whether a phrase may begin at a token.
fn stands(tokens: &Tokens, token: usize, phrase: PhraseRef, range_start: usize) -> bool {
    let flags = tokens.list[token].flags;
    if flags & NEGATED != 0 {
        return false;
    }
    match phrase.at {
        1 => flags & HEAD != 0,
        2 => flags & START != 0 || (range_start > 0 && token == range_start),
        _ => true,
    }
}

/// Matches a phrase that begins at a token; returns the last token of the match.
fn matches(image: &Image, tokens: &Tokens, phrase: PhraseRef, token: usize, end: usize) -> Option<usize> {
    matches_from(image, tokens, phrase, 0, token, end)
}

fn matches_from(
    image: &Image,
    tokens: &Tokens,
    phrase: PhraseRef,
    step: usize,
    token: usize,
    end: usize,
) -> Option<usize> {
    if step == phrase.len {
        return token.checked_sub(1);
    }
    let inside = |token: usize| token < end && (step == 0 || tokens.list[token].flags & BREAK == 0);
    match image.word(phrase.sequence + step) {
        GAP => {
            // What follows a gap is looked for before anything is tried: most gaps end here.
            let next = image.word(phrase.sequence + step + 1);
            for at in token..=token + GAP_REACH {
                if next == ANY_ONE || tokens.spans(at, next) > 0 {
                    let last = matches_from(image, tokens, phrase, step + 1, at, end);
                    if last.is_some() {
                        return last;
                    }
                }
                if !inside(at) {
                    return None;
                }
            }
            None
        }
        _ if !inside(token) => None,
        ANY_ONE => matches_from(image, tokens, phrase, step + 1, token + 1, end),
        element => {
            let span = tokens.spans(token, element);
            if span == 0 {
                return None;
            }
            matches_from(image, tokens, phrase, step + 1, token + span, end)
        }
    }
}

fn regex_agrees(pattern: &str, text: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let text = &text[..text.floor_char_boundary(REGEX_TEXT)];
    compile_regex(pattern).is_ok_and(|regex| regex.is_match(text))
}

/// Compiles a rule's regex under the limits that hold at run time: case-insensitive, bounded size.
pub fn compile_regex(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(REGEX_SIZE_LIMIT)
        .dfa_size_limit(REGEX_SIZE_LIMIT)
        .build()
}
