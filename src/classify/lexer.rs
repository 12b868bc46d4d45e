//! Text to tokens. Prose becomes words with the rule elements they stand for; code blocks, traces, quotes, paths and
//! links become single features, so that what is quoted is never read as what is asked. No I/O, no globals.

use std::ops::Range;

use super::typo;
use crate::rules::compile::Kind;
use crate::rules::image::Image;
use crate::rules::words;

/// First word of a clause, fillers left out.
pub const HEAD: u8 = 1;
/// First clause head of the text.
pub const START: u8 = 2;
/// A sentence begins here: gaps in phrases do not reach across.
pub const BREAK: u8 = 4;
/// Stands under a negation ("don't refactor"): no phrase begins here.
pub const NEGATED: u8 = 8;
/// A verb after "and", "then" or a comma, or at the start of a sentence: a new part of a compound task may begin.
pub const CLAUSE: u8 = 16;
/// A word that joins clauses ("and", "then").
pub const JOINS: u8 = 32;
/// A sign such as `/`, `&` or a dash stands alone after it.
pub const SIGN: u8 = 64;
/// A comma follows.
pub const COMMA: u8 = 128;

/// Bytes of a long text that are read at its start and at its end: the ask stands there, specs and pastes between.
const HEAD_BYTES: usize = 24_000;
const TAIL_BYTES: usize = 8_000;
/// Features for the number of words, of imperative clauses and of sentences.
const LENGTH_BOUNDS: [usize; 11] = [2, 3, 4, 6, 9, 14, 23, 41, 81, 161, 401];
const LENGTHS: [&str; 12] = [
    "@words-1",
    "@words-2",
    "@words-3",
    "@words-4",
    "@words-6",
    "@words-9",
    "@words-14",
    "@words-23",
    "@words-41",
    "@words-81",
    "@words-161",
    "@words-401",
];
const CLAUSES: [&str; 5] = ["@clauses-0", "@clauses-1", "@clauses-2", "@clauses-3", "@clauses-5"];
const SENTENCES: [&str; 5] = ["@sentences-1", "@sentences-2", "@sentences-3", "@sentences-5", "@sentences-9"];
/// Most words of a text that are mended: the ask stands early, and each try costs a few microseconds.
const MOST_MENDED: usize = 12;
/// Words after a negation that it covers.
const NEGATION_REACH: usize = 4;
/// A text of at most this many words is `@short`, of more than the other is `@long`.
const SHORT_WORDS: usize = 3;
const LONG_WORDS: usize = 150;

/// A word or a feature, and what it stands for.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Byte range in the text; empty for features of the whole text.
    pub start: u32,
    /// See `start`.
    pub end: u32,
    elements: u32,
    count: u16,
    /// `HEAD`, `START`, `BREAK`, `NEGATED`, `CLAUSE`, `JOINS`, `SIGN`, `COMMA`.
    pub flags: u8,
}

/// All tokens of a text. An element is packed with the number of tokens it spans in its upper half.
#[derive(Debug, Default)]
pub struct Tokens {
    /// In order; features of the whole text come last.
    pub list: Vec<Token>,
    elements: Vec<u32>,
    /// One bit for each element that stands anywhere in the list.
    present: Vec<u64>,
    /// How many of `list` are words of the text.
    pub words: usize,
}

impl Tokens {
    /// Number of tokens that an element spans at a token, 0 when the token does not stand for it.
    #[inline]
    pub fn spans(&self, token: usize, element: u32) -> usize {
        self.elements_of(token)
            .iter()
            .find(|packed| *packed & 0xffff == element)
            .map_or(0, |packed| (packed >> 16) as usize)
    }

    /// Whether an element stands anywhere in the text; 0 always does.
    #[inline]
    pub fn holds(&self, element: u32) -> bool {
        element == 0
            || self.present.get(element as usize / 64).is_some_and(|bits| bits >> (element % 64) & 1 != 0)
    }

    fn note_present(&mut self, elements: usize) {
        self.present = vec![0; elements / 64 + 1];
        for packed in &self.elements {
            let element = packed & 0xffff;
            if let Some(bits) = self.present.get_mut(element as usize / 64) {
                *bits |= 1 << (element % 64);
            }
        }
    }

    /// Packed elements of a token.
    #[inline]
    pub fn elements_of(&self, token: usize) -> &[u32] {
        let Some(token) = self.list.get(token) else { return &[] };
        let from = token.elements as usize;
        self.elements.get(from..from + usize::from(token.count)).unwrap_or_default()
    }
}

/// Reads a text; `features` (such as `@subagent`) are added to those found in it.
pub fn tokens(image: &Image, text: &str, features: &[&str]) -> Tokens {
    let mut lexer =
        Lexer { image, text, out: Tokens::default(), found: Found::default(), fresh: true, mended: 0 };
    let from = lexer.command();
    if text.len() <= HEAD_BYTES + TAIL_BYTES {
        lexer.lines(from, text.len());
    } else {
        lexer.lines(from, text.floor_char_boundary(HEAD_BYTES));
        lexer.lines(text.ceil_char_boundary(text.len() - TAIL_BYTES), text.len());
    }
    lexer.out.words = lexer.out.list.len();
    mark(image, &mut lexer.out);
    lexer.features(features);
    if image.has_long_classes() {
        spread_long_classes(image, &mut lexer.out);
    }
    lexer.out.note_present(image.elements());
    lexer.out
}

/// The tokens of a piece of a text that was read already, as if it were a text of its own: no word is read twice.
pub fn piece(image: &Image, text: &str, whole: &Tokens, range: Range<usize>, features: &[&str]) -> Tokens {
    let base = whole.list[range.start].start as usize;
    let text = &text[base..whole.list[range.end - 1].end as usize];
    let mut lexer =
        Lexer { image, text, out: Tokens::default(), found: Found::of_piece(text), fresh: true, mended: 0 };
    for token in range.clone() {
        let from = lexer.out.elements.len();
        let fits = |packed: &&u32| token + (*packed >> 16) as usize <= range.end;
        lexer.out.elements.extend(whole.elements_of(token).iter().filter(fits));
        let Token { start, end, flags, .. } = whole.list[token];
        let (start, end) = (start as usize - base, end as usize - base);
        if text[start..end].is_ascii() {
            lexer.found.ascii_words += 1;
        } else {
            lexer.found.other_words += 1;
        }
        lexer.push(start, end, from);
        if let Some(last) = lexer.out.list.last_mut() {
            last.flags |= flags & (BREAK | COMMA | SIGN);
        }
    }
    lexer.out.words = lexer.out.list.len();
    mark(image, &mut lexer.out);
    lexer.features(features);
    lexer.out.note_present(image.elements());
    lexer.out
}

/// What was seen in the text as a whole.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one text, each set once")]
struct Found {
    question: bool,
    code: bool,
    trace: bool,
    list: bool,
    ascii_words: usize,
    other_words: usize,
}

impl Found {
    /// What a piece of a text holds, its words left out.
    fn of_piece(text: &str) -> Self {
        let lines = || text.lines().skip(1);
        Self {
            question: text.contains(['?', '？']),
            code: text.contains("```"),
            trace: lines().any(is_trace),
            list: lines().any(|line| list_marker(line.trim_start()) > 0),
            ..Self::default()
        }
    }
}

struct Lexer<'a> {
    image: &'a Image,
    text: &'a str,
    out: Tokens,
    found: Found,
    /// The next token begins a sentence.
    fresh: bool,
    /// Words that were read as another one.
    mended: usize,
}

/// Longest name of a slash command, in bytes.
const MOST_NAME: usize = 80;

/// The name of a slash command at the start of a text, without its slash.
pub fn slash_name(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('/')?;
    let len = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-')))
        .unwrap_or(rest.len());
    let ends = rest.len() == len || rest[len..].starts_with(char::is_whitespace);
    (0 < len && len <= MOST_NAME && ends).then(|| &rest[..len])
}

impl Lexer<'_> {
    /// Reads a slash command's name as a feature and as the words that it is made of; returns where it ends.
    fn command(&mut self) -> usize {
        let Some(name) = slash_name(self.text) else { return 0 };
        self.push_feature(0, 1, "@slash");
        let mut at = 1;
        for word in name.split([':', '_', '-']) {
            if !word.is_empty() {
                self.push_word(at, at + word.len());
            }
            at += word.len() + 1;
        }
        1 + name.len()
    }

    fn lines(&mut self, from: usize, to: usize) {
        let mut fenced = false;
        let mut at = from;
        for line in self.text[from..to].split_inclusive('\n') {
            let start = at;
            at += line.len();
            let bare = line.trim_start();
            if bare.starts_with("```") || bare.starts_with("~~~") {
                fenced = !fenced;
                self.found.code = true;
                self.fresh = true;
            } else if !fenced && is_trace(line) {
                self.found.trace = true;
                self.fresh = true;
            } else if !fenced {
                self.line(start, start + line.trim_end_matches(['\n', '\r']).len());
            }
        }
        self.fresh = true;
    }

    fn line(&mut self, start: usize, end: usize) {
        let line = &self.text[start..end];
        let bare = line.trim_start();
        if bare.is_empty() {
            self.fresh = true;
            return;
        }
        let marker = list_marker(bare);
        if marker > 0 {
            self.found.list = true;
        }
        if marker > 0 || bare.chars().next().is_some_and(char::is_uppercase) || bare.starts_with('#') {
            self.fresh = true;
        }
        let mut at = start + (line.len() - bare.len()) + marker;
        while at < end {
            at = self.one(at, end);
        }
    }

    /// Reads one token or one character of punctuation; returns where it ended.
    fn one(&mut self, at: usize, end: usize) -> usize {
        let rest = &self.text[at..end];
        let Some(c) = rest.chars().next() else { return end };
        match c {
            '`' => return self.span(at, rest, '`', "@code", usize::MAX),
            '"' => return self.span(at, rest, '"', "@quote", 300),
            '“' => return self.span(at, rest, '”', "@quote", 300),
            _ => {}
        }
        if words::is_single(c) {
            self.push_word(at, at + c.len_utf8());
            return at + c.len_utf8();
        }
        let pathy = words::is_word(c) || matches!(c, '.' | '/' | '~' | '@' | '\\');
        if pathy {
            let run =
                rest.find(|c: char| !(words::is_word(c) || "./\\~@:#+-".contains(c))).unwrap_or(rest.len());
            let run = rest[..run].trim_end_matches(['.', ':', '#', '+', '-', '/']);
            if let Some(feature) = path_feature(run) {
                self.push_feature(at, at + run.len(), feature);
                if let Some((_, ending)) = run.rsplit_once('.')
                    && ending.len() <= 5
                {
                    self.add_element(&format!("@ext-{}", ending.to_lowercase()));
                }
                return at + run.len();
            }
        }
        if words::is_word(c) {
            let len = rest
                .find(|c: char| !(words::is_word(c) || words::is_apostrophe(c)) || words::is_single(c))
                .unwrap_or(rest.len());
            self.push_word(at, at + len);
            return at + len;
        }
        let after = &rest[c.len_utf8()..];
        match c {
            '?' | '？' => {
                self.found.question = true;
                self.fresh = true;
            }
            '!' | ';' | '。' | '！' | '；' => self.fresh = true,
            '.' | ':' if after.is_empty() || after.starts_with(char::is_whitespace) => self.fresh = true,
            ',' | '，' | '、' => self.flag_last(COMMA),
            '&' | '+' | '/' | '-' | '–' | '—' if after.starts_with(' ') => self.flag_last(SIGN),
            _ => {}
        }
        at + c.len_utf8()
    }

    /// Something between delimiters is one feature and its inside is not read.
    fn span(&mut self, at: usize, rest: &str, close: char, feature: &str, longest: usize) -> usize {
        let open = rest.chars().next().map_or(1, char::len_utf8);
        match rest[open..].find(close) {
            Some(len) if len <= longest => {
                let end = at + open + len + close.len_utf8();
                self.push_feature(at, end, feature);
                end
            }
            _ => at + open,
        }
    }

    fn flag_last(&mut self, flag: u8) {
        if let Some(last) = self.out.list.last_mut() {
            last.flags |= flag;
        }
    }

    fn push_word(&mut self, start: usize, end: usize) {
        let text = &self.text[start..end];
        if text.is_ascii() {
            self.found.ascii_words += 1;
        } else {
            self.found.other_words += 1;
        }
        let from = self.out.elements.len();
        let mut word = [0; words::MAX_WORD];
        let mut bytes = 0;
        let mut hash = words::SEED;
        let mut letters = 0;
        for c in text.chars().filter(|c| !words::is_apostrophe(*c)) {
            let mut buffer = [0; 4];
            for byte in words::fold(c).encode_utf8(&mut buffer).bytes() {
                if bytes < words::MAX_WORD {
                    word[bytes] = byte;
                    hash = words::step(hash, byte);
                    bytes += 1;
                }
            }
            letters += 1;
            if letters >= 2 {
                self.take(words::finish(hash ^ words::PREFIX_SALT));
            }
        }
        self.take(words::finish(hash));
        if self.out.elements.len() == from && self.mended < MOST_MENDED && text.is_ascii() {
            self.mend(&word[..bytes]);
        }
        self.push(start, end, from);
    }

    /// Reads a word that no rule knows as the one that was meant, when a slip of the keys explains it.
    fn mend(&mut self, word: &[u8]) {
        let known = |word: &[u8]| self.image.lookup(words::finish(words::hash_bytes(word))).1 > 0;
        let Some((meant, len)) = typo::meant(word, known) else { return };
        self.mended += 1;
        let mut hash = words::SEED;
        for (letters, byte) in meant[..len].iter().enumerate() {
            hash = words::step(hash, *byte);
            if letters >= 1 {
                self.take(words::finish(hash ^ words::PREFIX_SALT));
            }
        }
        self.take(words::finish(hash));
    }

    fn push_feature(&mut self, start: usize, end: usize, feature: &str) {
        let from = self.out.elements.len();
        self.take(words::hash_word(feature));
        self.push(start, end, from);
    }

    fn push(&mut self, start: usize, end: usize, from: usize) {
        let flags = if std::mem::take(&mut self.fresh) { BREAK } else { 0 };
        let count = (self.out.elements.len() - from) as u16;
        self.out.list.push(Token {
            start: start as u32,
            end: end as u32,
            elements: from as u32,
            count,
            flags,
        });
    }

    fn take(&mut self, hash: u64) {
        let (place, count) = self.image.lookup(hash);
        for index in place..place + count {
            self.out.elements.push(self.image.half(index) | 1 << 16);
        }
    }

    /// Adds one more element to the last token.
    fn add_element(&mut self, feature: &str) {
        let before = self.out.elements.len();
        self.take(words::hash_word(feature));
        let added = (self.out.elements.len() - before) as u16;
        if let Some(last) = self.out.list.last_mut() {
            last.count += added;
        }
    }

    fn features(&mut self, given: &[&str]) {
        let at = self.text.len();
        let prose = self.out.words;
        let mut all: Vec<&str> = given.to_vec();
        let foreign = self.found.other_words > self.found.ascii_words;
        let clauses = self.out.list.iter().filter(|token| token.flags & CLAUSE != 0).count();
        let sentences = self.out.list.iter().filter(|token| token.flags & BREAK != 0).count();
        let skipped = self.text.len() > 200 && prose * 12 < self.text.len();
        let last = self.text.trim_end().chars().next_back();
        let number =
            |bounds: &[usize], count: usize| bounds.iter().take_while(|bound| count >= **bound).count();
        all.push(LENGTHS[number(&LENGTH_BOUNDS, prose)]);
        all.push(CLAUSES[number(&[1, 2, 3, 5], clauses)]);
        all.push(SENTENCES[number(&[2, 3, 5, 9], sentences)]);
        for (holds, feature) in [
            (matches!(last, Some('?' | '？')), "@ends-question"),
            (matches!(last, Some('.' | '。')), "@ends-stop"),
            (matches!(last, Some(':')), "@ends-colon"),
            (self.text.contains('!'), "@exclaim"),
            (self.text.trim_start().starts_with(|c: char| c.is_ascii_digit()), "@starts-number"),
            (self.text.trim_start().starts_with(char::is_lowercase), "@starts-lower"),
            (skipped, "@mostly-skipped"),
            (self.found.question, "@question"),
            (self.found.code, "@code-block"),
            (self.found.trace, "@trace"),
            (self.found.list, "@list"),
            (prose == 0, "@no-prose"),
            (prose > 0 && prose <= SHORT_WORDS && !foreign, "@short"),
            (prose > LONG_WORDS, "@long"),
            (foreign, "@foreign"),
        ] {
            if holds {
                all.push(feature);
            }
        }
        for feature in all {
            self.fresh = true;
            self.push_feature(at, at, feature);
        }
    }
}

/// Marks clause heads, the start, and what stands under a negation.
fn mark(image: &Image, tokens: &mut Tokens) {
    let [filler, conj, verb, negation] = [0, 1, 2, 3].map(|index| image.special(index));
    let mut expecting = Expecting::Head;
    let mut negated = 0;
    let mut started = false;
    for index in 0..tokens.list.len() {
        let flags = tokens.list[index].flags;
        if flags & BREAK != 0 {
            expecting = Expecting::Head;
            negated = 0;
        }
        // Entries of several words do not count, whether they are marked by now or not.
        let is = |element| tokens.spans(index, element) == 1;
        let (is_filler, is_conj, is_verb, is_negation) = (is(filler), is(conj), is(verb), is(negation));
        let mut add = 0;
        if negated > 0 {
            add |= NEGATED;
            negated -= 1;
        }
        match expecting {
            Expecting::Nothing => {}
            _ if is_filler || is_conj => {}
            Expecting::Head => {
                add |= HEAD | if is_verb { CLAUSE } else { 0 };
                expecting = Expecting::Nothing;
            }
            Expecting::Verb => {
                add |= if is_verb { HEAD | CLAUSE } else { 0 };
                expecting = Expecting::Nothing;
            }
        }
        if add & HEAD != 0 && !started {
            add |= START;
            started = true;
        }
        if is_conj {
            add |= JOINS;
            negated = 0;
            if expecting == Expecting::Nothing {
                expecting = Expecting::Verb;
            }
        }
        if flags & COMMA != 0 {
            negated = 0;
            if expecting == Expecting::Nothing {
                expecting = Expecting::Verb;
            }
        }
        if is_negation {
            negated = NEGATION_REACH;
        }
        tokens.list[index].flags |= add;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expecting {
    Head,
    Verb,
    Nothing,
}

/// Word classes may hold entries of several words ("look up"): gives the class to the first of them.
fn spread_long_classes(image: &Image, tokens: &mut Tokens) {
    let mut elements = Vec::with_capacity(tokens.elements.len() + 16);
    let mut ranges = Vec::with_capacity(tokens.list.len());
    for index in 0..tokens.list.len() {
        let from = elements.len();
        elements.extend_from_slice(tokens.elements_of(index));
        for packed in tokens.elements_of(index) {
            for phrase in image.phrases_from(packed & 0xffff).map(|number| image.phrase(number)) {
                if phrase.kind != Kind::Class {
                    break;
                }
                let matches = (1..phrase.len).all(|step| {
                    tokens.spans(index + step, image.half(phrase.rest + step - 1)) == 1
                        && tokens.list[index + step].flags & BREAK == 0
                });
                if matches {
                    elements.push(phrase.owner | (phrase.len as u32) << 16);
                }
            }
        }
        ranges.push((from as u32, (elements.len() - from) as u16));
    }
    for (token, (from, count)) in tokens.list.iter_mut().zip(ranges) {
        token.elements = from;
        token.count = count;
    }
    tokens.elements = elements;
}

/// Length of a list marker with its space (`- `, `* `, `12. `, `3) `), 0 when the line has none.
pub fn list_marker(line: &str) -> usize {
    let bytes = line.as_bytes();
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let marker = match bytes.get(digits) {
        Some(b'.' | b')') if digits > 0 && digits <= 3 => digits + 1,
        Some(b'-' | b'*') if digits == 0 => 1,
        _ => return 0,
    };
    if bytes.get(marker) == Some(&b' ') { marker + 1 } else { 0 }
}

/// A line of a stack trace or a log, recognised by its shape.
fn is_trace(line: &str) -> bool {
    let bare = line.trim();
    bare.starts_with("Traceback (most recent")
        || (line.starts_with("  File \"") && bare.contains("line "))
        || (line.starts_with(char::is_whitespace) && bare.starts_with("at ") && bare.ends_with(')'))
        || bare.starts_with("thread '") && bare.contains("panicked at")
        || bare.starts_with("error[E")
        || bare.starts_with("--> ")
        || is_named_error(bare)
}

/// `TypeError: ...`, `java.lang.NullPointerException: ...` at the start of a line.
fn is_named_error(line: &str) -> bool {
    let Some((name, _)) = line.split_once(": ") else { return false };
    name.len() > 6
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'))
        && (name.ends_with("Error") || name.ends_with("Exception"))
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
}

/// Whether a run of characters is a link or a path rather than prose.
fn path_feature(run: &str) -> Option<&'static str> {
    if run.starts_with("http:") || run.starts_with("https:") {
        return Some("@url");
    }
    let inner = run.trim_start_matches(['.', '/', '~', '@', '\\']);
    if inner.is_empty() {
        return None;
    }
    if inner.len() < run.len()
        && (run.starts_with(['/', '@', '\\']) || run.starts_with("./") || run.starts_with("~/"))
    {
        return Some("@path");
    }
    let slashes = inner.bytes().filter(|b| matches!(b, b'/' | b'\\')).count();
    if slashes > 1 {
        return Some("@path");
    }
    let (stem, ending) = inner.rsplit_once('.')?;
    let named = !stem.is_empty()
        && (1..=5).contains(&ending.len())
        && ending.bytes().all(|b| b.is_ascii_alphanumeric())
        && ending.bytes().any(|b| b.is_ascii_lowercase())
        && !ending.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
    // "e.g", "i.e" and a sentence that runs on ("done.Now") are prose.
    (named && stem.len() > 1).then_some("@path")
}
