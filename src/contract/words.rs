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
    let mut folded = String::with_capacity(LONGEST);
    for word in words(text).filter(|word| word.len() <= LONGEST) {
        fold_into(&mut folded, word);
        if vocabulary.words.iter().any(|entry| fits(entry, &folded)) {
            return Some(word.as_ptr() as usize - text.as_ptr() as usize);
        }
    }
    if text.is_ascii() {
        return None;
    }
    vocabulary.parts.iter().filter_map(|part| text.find(part)).min()
}

/// Whether a word (of any case) names a type.
pub fn is_type(word: &str) -> bool {
    if word.len() > LONGEST || word.is_empty() {
        return false;
    }
    let mut folded = String::with_capacity(LONGEST);
    fold_into(&mut folded, word);
    let known = |word: &str| TYPES.binary_search(&word).is_ok();
    known(&folded)
        || folded.strip_suffix('s').is_some_and(known)
        || (!word.is_ascii() || word.len() > 3) && holds(word, &FOREIGN_TYPES)
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

fn fold_into(folded: &mut String, word: &str) {
    folded.clear();
    folded.extend(word.chars().map(fold));
}

fn fits(entry: &str, word: &str) -> bool {
    // Most entries differ in the first byte already.
    let first = entry.as_bytes()[0];
    if first != b'*' && word.as_bytes().first() != Some(&first) {
        return false;
    }
    if let Some(beginning) = entry.strip_suffix('*') {
        return word.starts_with(beginning);
    }
    if let Some(ending) = entry.strip_prefix('*') {
        return word.ends_with(ending);
    }
    entry == word
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
