//! How text becomes words: folding, hashing, and what belongs to a word. Shared by the rule compiler (which also
//! runs in build.rs) and the classifier, so that a phrase in a rule file and a word in a prompt always agree.

/// FNV-1a start value.
pub const SEED: u64 = 0xcbf2_9ce4_8422_2325;
/// Mixed into the hash of a `word*` pattern, so that it differs from the whole word's.
pub const PREFIX_SALT: u64 = 0x9e37_79b9_7f4a_7c15;
/// Longest word that is looked at, in bytes after folding; the rest of a longer one is ignored.
pub const MAX_WORD: usize = 48;

/// One step of FNV-1a.
pub fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// Spreads FNV's weak low bits before they index a table.
pub fn finish(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 32)
}

/// FNV-1a of bytes, unfinished.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(SEED, |hash, byte| step(hash, *byte))
}

/// Hash of an already folded word.
pub fn hash_word(folded: &str) -> u64 {
    finish(folded.bytes().take(MAX_WORD).fold(SEED, step))
}

/// Hash of the pattern `folded*`.
pub fn hash_prefix(folded: &str) -> u64 {
    finish(folded.bytes().take(MAX_WORD).fold(SEED, step) ^ PREFIX_SALT)
}

/// Whether a character belongs to a word.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Scripts without spaces between words: each character is a word of its own.
pub fn is_single(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Apostrophes inside a word are dropped: `don't` is read as `dont`.
pub fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{02bc}')
}

/// Lower case, and Latin letters without their accents, so that untidy typing still matches.
pub fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let lower = c.to_lowercase().next().unwrap_or(c);
    match lower {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'į' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ß' => 's',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' => 'е',
        other => other,
    }
}

/// The words of a phrase in a rule file, folded: `Don't touch` gives `dont`, `touch`; `修复` gives two words.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if is_single(c) {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            words.push(c.to_string());
        } else if is_word(c) {
            word.push(fold(c));
        } else if !is_apostrophe(c) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
