//! Finds which rules fire on a list of tokens: phrases by table look-up, a rule's regex only after a phrase of its
//! was found. Never panics on a damaged image; a regex that does not compile never matches.

use super::lexer::{BREAK, HEAD, NEGATED, START, Tokens};
use crate::rules::compile::{ANY_ONE, GAP, Kind};
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

/// The rules that fire on a text.
pub fn fired(image: &Image, tokens: &Tokens, text: &str) -> Vec<Fired> {
    let mut state = vec![0_u8; image.rules()];
    let mut hits: Vec<Fired> = Vec::new();
    for token in 0..tokens.list.len() {
        for packed in tokens.elements_of(token) {
            for number in image.phrases_from(packed & 0xffff) {
                if !tokens.holds(image.key(number)) {
                    continue;
                }
                let phrase = image.phrase(number);
                let bit = match phrase.kind {
                    Kind::Main => MAIN,
                    Kind::With => WITH,
                    Kind::Unless => UNLESS,
                    Kind::Class => continue,
                };
                let Some(seen) = state.get_mut(phrase.owner as usize) else { continue };
                if *seen & bit != 0 || !stands(tokens, token, phrase) {
                    continue;
                }
                let Some(last) = matches_from(image, tokens, phrase, 1, token + (packed >> 16) as usize)
                else {
                    continue;
                };
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
        let (needs_with, has_regex) = image.conditions(hit.rule);
        seen & UNLESS == 0
            && (!needs_with || seen & WITH != 0)
            && (!has_regex || regex_agrees(image.rule(hit.rule).regex, text))
    });
    hits.sort_unstable_by_key(|hit| hit.rule);
    hits
}

/// Whether a phrase may begin at a token.
fn stands(tokens: &Tokens, token: usize, phrase: PhraseRef) -> bool {
    let flags = tokens.list[token].flags;
    if flags & NEGATED != 0 {
        return false;
    }
    match phrase.at {
        3 => token == 0,
        1 => flags & HEAD != 0,
        2 => flags & START != 0,
        _ => true,
    }
}

/// Matches a phrase from one of its steps on; returns the last token of the match.
fn matches_from(
    image: &Image,
    tokens: &Tokens,
    phrase: PhraseRef,
    step: usize,
    token: usize,
) -> Option<usize> {
    if step == phrase.len {
        return token.checked_sub(1);
    }
    let inside =
        |token: usize| token < tokens.list.len() && (step == 0 || tokens.list[token].flags & BREAK == 0);
    match image.half(phrase.rest + step - 1) {
        GAP => {
            // What follows a gap is looked for before anything is tried: most gaps end here.
            let next = image.half(phrase.rest + step);
            for at in token..=token + GAP_REACH {
                if next == ANY_ONE || tokens.spans(at, next) > 0 {
                    let last = matches_from(image, tokens, phrase, step + 1, at);
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
        ANY_ONE => matches_from(image, tokens, phrase, step + 1, token + 1),
        element => {
            let span = tokens.spans(token, element);
            if span == 0 {
                return None;
            }
            matches_from(image, tokens, phrase, step + 1, token + span)
        }
    }
}

fn regex_agrees(pattern: &str, text: &str) -> bool {
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
