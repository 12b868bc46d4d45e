//! One slip of the keys: which known word an unknown one was meant to be. Pure; knows no words itself.

use crate::rules::words::MAX_WORD;

/// A shorter word is too close to too many others for anything but swapped letters.
const LEAST: usize = 5;
/// Letters of the shortest word whose swapped letters are put right.
const LEAST_SWAPPED: usize = 3;
/// A longer run of letters is an identifier or a key, not a word.
const MOST: usize = 16;

/// The known word that differs from `word` by two swapped letters, one letter too many, one missing or one wrong, in
/// that order; the first letter must be right except when it was swapped. `word` holds folded ASCII.
pub fn meant(word: &[u8], known: impl Fn(&[u8]) -> bool) -> Option<([u8; MAX_WORD], usize)> {
    if word.len() < LEAST_SWAPPED || word.len() > MOST || !word.iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    let mut tried = [0; MAX_WORD];
    tried[..word.len()].copy_from_slice(word);
    for place in (1..word.len()).rev() {
        tried.swap(place - 1, place);
        if tried[place - 1] != tried[place] && known(&tried[..word.len()]) {
            return Some((tried, word.len()));
        }
        tried.swap(place - 1, place);
    }
    if word.len() < LEAST {
        return None;
    }
    // One letter too many: leave out each in turn, the last first, so that a plural is read as its singular.
    let shorter = word.len() - 1;
    for place in (1..word.len()).rev() {
        tried[..place].copy_from_slice(&word[..place]);
        tried[place..shorter].copy_from_slice(&word[place + 1..]);
        if known(&tried[..shorter]) {
            return Some((tried, shorter));
        }
    }
    // One letter missing.
    for place in (1..=word.len()).rev() {
        tried[..place].copy_from_slice(&word[..place]);
        tried[place + 1..=word.len()].copy_from_slice(&word[place..]);
        for letter in b'a'..=b'z' {
            tried[place] = letter;
            if known(&tried[..=word.len()]) {
                return Some((tried, word.len() + 1));
            }
        }
    }
    // One letter wrong.
    tried[..word.len()].copy_from_slice(word);
    for place in (1..word.len()).rev() {
        for letter in b'a'..=b'z' {
            tried[place] = letter;
            if known(&tried[..word.len()]) {
                return Some((tried, word.len()));
            }
        }
        tried[place] = word[place];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str) -> Option<String> {
        let known = ["rename", "the", "create", "button", "database", "form", "from"];
        let found = meant(word.as_bytes(), |tried| known.iter().any(|word| word.as_bytes() == tried));
        found.map(|(word, len)| String::from_utf8_lossy(&word[..len]).into_owned())
    }

    #[test]
    fn one_slip_is_put_right() {
        for (typed, wanted) in [
            ("teh", "the"),
            ("craete", "create"),
            ("renname", "rename"),
            ("buttons", "button"),
            ("buton", "button"),
            ("databese", "database"),
            ("ername", "rename"),
        ] {
            assert_eq!(read(typed).as_deref(), Some(wanted), "{typed}");
        }
    }

    #[test]
    fn what_is_no_slip_stays_unread() {
        let long = "a".repeat(17);
        for typed in
            ["", "t", "th", "fro", "frim", "mutton", "crate_e", "x86", "dtbs", "dattabese", long.as_str()]
        {
            assert_eq!(read(typed), None, "{typed}");
        }
    }
}
