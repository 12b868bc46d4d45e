//! Finds and counts words in a text of any language. Which words there are stands in [`super::vocabulary`]; nothing here
//! decides what a word means for a contract.

use super::vocabulary::{FOREIGN_TYPES, TYPES};
use crate::rules::words::{fold, is_single, is_word};

/// Longest word of a table in bytes; longer words of a text are no word of it.
const LONGEST: usize = 64;

/// A set of words.
pub struct Vocabulary {
    /// Whole words; `word*` is a beginning and `*word` an ending.
    pub words: &'static [&'static str],
    /// Parts of text, for scripts that put no space between words.
    pub parts: &'static [&'static str],
}

/// Whether a text holds one of the words.
pub fn holds(text: &str, vocabulary: &Vocabulary) -> bool {
    position(text, vocabulary).is_some()
}

/// The byte where the first such word begins.
pub fn position(text: &str, vocabulary: &Vocabulary) -> Option<usize> {
    let found = words(text).find(|word| is_listed(word, vocabulary.words));
    if let Some(word) = found {
        return Some(word.as_ptr() as usize - text.as_ptr() as usize);
    }
    if text.is_ascii() {
        return None;
    }
    vocabulary.parts.iter().filter_map(|part| text.find(part)).min()
}

/// Whether a word (of any case) names a type.
pub fn is_type(word: &str) -> bool {
    if !word.is_ascii() {
        return holds(word, &FOREIGN_TYPES);
    }
    let known = |word: &[u8]| {
        let lower = || word.iter().map(u8::to_ascii_lowercase);
        TYPES.binary_search_by(|entry| entry.bytes().cmp(lower())).is_ok()
    };
    let word = word.as_bytes();
    let singular = word.strip_suffix(b"s").unwrap_or(word);
    known(word) || known(singular) || FOREIGN_TYPES.words.iter().any(|entry| fits(entry, word))
}

/// How many words a text has. Where no spaces part them, two characters count as one.
pub fn count(text: &str) -> usize {
    let mut spaced = 0;
    let mut singles = 0;
    for word in words(text) {
        let here = if word.is_ascii() { 0 } else { word.chars().filter(|&c| is_single(c)).count() };
        singles += here;
        spaced += usize::from(here == 0);
    }
    spaced + singles.div_ceil(2)
}

/// The words of a text: runs of letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty())
}

fn is_listed(word: &str, entries: &[&str]) -> bool {
    if word.len() > LONGEST {
        return false;
    }
    if word.is_ascii() {
        return entries.iter().any(|entry| fits(entry, word.as_bytes()));
    }
    let folded: String = word.chars().map(fold).collect();
    entries.iter().any(|entry| fits(entry, folded.as_bytes()))
}

/// Whether a word is that of an entry, whatever the case of its ASCII letters.
fn fits(entry: &str, word: &[u8]) -> bool {
    // Most entries differ in the first byte already.
    let (entry, first) = (entry.as_bytes(), entry.as_bytes()[0]);
    if first != b'*' && word.first().map(u8::to_ascii_lowercase) != Some(first) {
        return false;
    }
    match (entry.strip_suffix(b"*"), entry.strip_prefix(b"*")) {
        (Some(beginning), _) => {
            word.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning))
        }
        (None, Some(ending)) => {
            let from = word.len().checked_sub(ending.len());
            from.is_some_and(|from| word[from..].eq_ignore_ascii_case(ending))
        }
        (None, None) => word.eq_ignore_ascii_case(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::*;
    use super::*;

    #[test]
    fn every_entry_is_folded_and_no_table_is_out_of_order() {
        assert!(TYPES.is_sorted());
        for vocabulary in [
            &ERRORS,
            &EMPTY_PROMISES,
            &RESULTS,
            &RESULT_COLUMNS,
            &TYPE_COLUMNS,
            &NONE,
            &NEGATIONS,
            &ENDPOINTS,
            &INTERFACES,
            &TECHNOLOGIES,
            &FOREIGN_TYPES,
        ] {
            for entry in vocabulary.words {
                let bare = entry.trim_matches('*');
                assert!(bare.chars().all(|c| is_word(c) && fold(c) == c), "{entry}");
                assert!(bare.len() <= LONGEST, "{entry}");
            }
        }
    }

    #[test]
    fn words_are_found_whole_whatever_their_case_and_accents() {
        for (text, found) in [
            ("Raises ValueError", true),
            ("liefert einen FEHLER", true),
            ("Échec si vide", true),
            ("retorna exceção", true),
            ("вернуть ошибку", true),
            ("空のとき例外を投げる", true),
            ("为空时返回错误", true),
            ("a mirror of the seas", false),
            ("the exile", false),
            ("", false),
        ] {
            assert_eq!(holds(text, &ERRORS), found, "{text}");
        }
        assert_eq!(position("ab err", &ERRORS), Some(3));
    }

    #[test]
    fn words_of_scripts_without_spaces_are_counted_by_their_characters() {
        assert_eq!(count("read the file"), 3);
        assert_eq!(count("ファイルを読む"), 4);
        assert_eq!(count(" - . "), 0);
    }

    #[test]
    fn types_are_known_in_any_case_and_in_the_plural() {
        for (word, known) in [
            ("String", true),
            ("uuids", true),
            ("VARCHAR", true),
            ("Zeichenkette", true),
            ("thing", false),
            ("", false),
        ] {
            assert_eq!(is_type(word), known, "{word}");
        }
    }
}
