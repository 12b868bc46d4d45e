//! Chooses the phrases of a new rule from one sentence: pairs of its telling words, or of their classes, of which the
//! best is the one that the test bed knows from the same tier and from no other. Pure; knows no word of any language.

use std::cmp::{Ordering, Reverse};
use std::ops::Range;

use serde::Deserialize;

use super::bed::{Bed, Text};
use super::compile::SPECIAL_CLASSES;
use super::image::Image;
use super::{Loaded, words};
use crate::classify::lexer::{self, NEGATED};

/// Which words never carry a phrase, and which classes may.
const KNOWN: &str = include_str!("../../rules/add.toml");
/// Of a long sentence the most telling words are tried, and besides them the rarest.
const MOST_TELLING: usize = 6;
const RAREST: usize = 5;
/// From this length on a word is also tried with `*`, so that its other forms match.
const LONG_ENOUGH: usize = 5;
/// Texts of another tier that a phrase may be expected to fire on by chance; above it is too broad.
const BROAD: f64 = 0.5;
/// The most phrases that are tried in one go.
const MOST_TRIED: usize = 10_000;

/// What a phrase was built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A word of the sentence.
    Word,
    /// A feature such as `@path`.
    Feature,
    /// A class of words.
    Class,
}

/// One way to write a piece of the sentence in a phrase.
#[derive(Debug, Clone)]
struct Choice {
    text: String,
    kind: Kind,
    /// How many texts of the wanted tier it fires on.
    right: usize,
    /// And of the others.
    wrong: usize,
    /// How much likelier it is in the wanted tier than in the others, as a logarithm.
    lift: f64,
}

/// A word, or some that belong together, with every way to write it.
#[derive(Debug, Clone)]
struct Unit {
    tokens: Range<usize>,
    choices: Vec<Choice>,
}

/// A candidate with what the bed says of it.
#[derive(Debug)]
struct Tried {
    phrase: String,
    wrong: usize,
    too_broad: bool,
    has_class: bool,
    value: f64,
    elements: usize,
}

impl Tried {
    fn is_clean(&self) -> bool {
        self.wrong == 0 && !self.too_broad
    }

    /// The better one comes first: clean, then with a class (it matches more paraphrases), then well known, then short.
    fn order(&self, other: &Self) -> Ordering {
        let faults = |tried: &Self| (tried.wrong, tried.too_broad, !tried.has_class);
        faults(self)
            .cmp(&faults(other))
            .then(other.value.total_cmp(&self.value))
            .then(self.elements.cmp(&other.elements))
            .then_with(|| Reverse(&self.phrase).cmp(&Reverse(&other.phrase)))
    }
}

/// A phrase for a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// As a rule file has it.
    pub phrase: String,
    /// Texts of another tier on which it fires.
    pub wrong: usize,
    /// It is one word alone, and that says too little in a longer text.
    pub alone: bool,
}

/// The phrase for a sentence of a tier; none when no word of it tells anything. `own` are the user's own classes.
pub fn choose(
    (loaded, image): (&Loaded, &Image),
    own: &[String],
    bed: &Bed,
    sentence: &str,
    tier: u8,
) -> Option<Chosen> {
    let counter = Counter::new(loaded, bed, sentence, tier);
    let units = most_telling(&counter, units((loaded, image), own, sentence));
    if !units.iter().flat_map(|unit| &unit.choices).any(|choice| choice.kind == Kind::Word) {
        return None;
    }
    let mut tried = match units.as_slice() {
        [only] => counter.count(&only.choices.iter().map(|choice| vec![choice]).collect::<Vec<_>>()),
        _ => counter.count(&sequences(&units, 2)),
    };
    // A pair that fires on texts of another tier may be clean with a third word.
    if units.len() > 2 && !tried.iter().any(Tried::is_clean) {
        tried.extend(counter.count(&sequences(&units, 3)));
    }
    // Words that never stand close enough for a pair: one alone is better than nothing.
    if tried.is_empty() {
        tried = counter.count(&sequences(&units, 1));
    }
    let best = tried.into_iter().min_by(Tried::order)?;
    Some(Chosen { phrase: best.phrase, wrong: best.wrong, alone: best.elements == 1 })
}

/// Counts on the bed for one sentence and its tier.
struct Counter<'a> {
    loaded: &'a Loaded,
    /// The sentence comes last.
    bed: Bed,
    tier: u8,
    same: f64,
    others: f64,
}

impl<'a> Counter<'a> {
    fn new(loaded: &'a Loaded, bed: &Bed, sentence: &str, tier: u8) -> Self {
        let same = bed.texts.iter().filter(|text| text.tier == tier).count();
        let others = bed.texts.len() - same;
        let mut bed = bed.clone();
        bed.texts.push(Text::of_prompt(sentence, tier));
        Self { loaded, bed, tier, same: same.max(1) as f64, others: others.max(1) as f64 }
    }

    /// For each phrase: does it fire on the sentence, on how many texts of the tier, on how many of another one.
    fn hits(&self, phrases: &[String]) -> Vec<(bool, usize, usize)> {
        let sentence = self.bed.texts.len() - 1;
        let hits = self.bed.hits(&self.loaded.set, &self.loaded.policy, phrases);
        let count = |hits: &Vec<usize>| {
            let others = hits.iter().filter(|number| **number != sentence);
            let right = others.clone().filter(|number| self.bed.texts[**number].tier == self.tier).count();
            (hits.contains(&sentence), right, others.count() - right)
        };
        hits.iter().map(count).collect()
    }

    /// Tries sequences of choices as phrases; only those that fire on the sentence are answered.
    fn count(&self, candidates: &[Vec<&Choice>]) -> Vec<Tried> {
        let candidates = &candidates[..candidates.len().min(MOST_TRIED)];
        let phrase = |parts: &Vec<&Choice>| {
            parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ... ")
        };
        let phrases: Vec<String> = candidates.iter().map(phrase).collect();
        let hits = self.hits(&phrases);
        let mut tried = Vec::new();
        for ((parts, phrase), (fires, right, wrong)) in candidates.iter().zip(phrases).zip(hits) {
            if !fires {
                continue;
            }
            // If its parts met by chance; the bed is too small to show it.
            let by_chance: f64 = parts.iter().map(|part| (part.wrong as f64 + 0.5) / self.others).product();
            tried.push(Tried {
                phrase,
                wrong,
                too_broad: parts.len() > 1 && by_chance * self.others > BROAD,
                has_class: parts.iter().any(|part| part.kind == Kind::Class),
                value: parts.iter().map(|part| part.lift).sum::<f64>() + ((1 + right) as f64).ln(),
                elements: parts.len(),
            });
        }
        tried
    }
}

/// All sequences of so many choices in the order of the sentence that hold a word of it at least.
fn sequences(units: &[Unit], length: usize) -> Vec<Vec<&Choice>> {
    let mut found: Vec<(usize, Vec<&Choice>)> = vec![(0, Vec::new())];
    for _ in 0..length {
        let mut longer = Vec::new();
        for (end, parts) in &found {
            for unit in units.iter().filter(|unit| unit.tokens.start >= *end) {
                for choice in &unit.choices {
                    longer.push((unit.tokens.end, [parts.as_slice(), &[choice]].concat()));
                }
            }
        }
        found = longer;
    }
    let mut found: Vec<Vec<&Choice>> = found.into_iter().map(|(_, parts)| parts).collect();
    found.retain(|parts| parts.iter().any(|part| part.kind == Kind::Word));
    found
}

/// Looks up every choice in the bed and keeps the units that tell the most.
fn most_telling(counter: &Counter, mut units: Vec<Unit>) -> Vec<Unit> {
    let choices = units.iter().flat_map(|unit| &unit.choices);
    let mut hits = counter.hits(&choices.map(|choice| choice.text.clone()).collect::<Vec<_>>()).into_iter();
    let share = counter.same / (counter.same + counter.others);
    for choice in units.iter_mut().flat_map(|unit| &mut unit.choices) {
        (_, choice.right, choice.wrong) = hits.next().unwrap_or_default();
        let (right, wrong) = (choice.right as f64 + share, choice.wrong as f64 + 1.0 - share);
        choice.lift = (right / counter.same).ln() - (wrong / counter.others).ln();
    }
    let lift = |unit: &Unit| unit.choices.iter().map(|choice| choice.lift).fold(f64::MIN, f64::max);
    units.sort_by(|a, b| lift(b).total_cmp(&lift(a)));
    let mut rest = units.split_off(units.len().min(MOST_TELLING));
    rest.sort_by_key(|unit| unit.choices.iter().map(|choice| choice.right + choice.wrong).min());
    rest.truncate(RAREST);
    units.extend(rest);
    units.sort_by_key(|unit| (unit.tokens.start, Reverse(unit.tokens.end)));
    units
}

#[derive(Deserialize)]
struct Known {
    classes: Vec<String>,
    words: Vec<String>,
}

/// One token of the sentence as a phrase would name it.
struct Named {
    name: String,
    kind: Kind,
    /// No phrase is built on it: it says nothing, or it stands under a negation.
    dull: bool,
}

/// Everything in a sentence that a phrase could be built on.
fn units((loaded, image): (&Loaded, &Image), own: &[String], sentence: &str) -> Vec<Unit> {
    let known: Known = toml::from_str(KNOWN).expect("a test reads rules/add.toml");
    let named = named((loaded, image), &known, sentence);
    let mut units: Vec<Unit> = Vec::new();
    let mut add = |tokens: Range<usize>, text: String, kind: Kind| {
        let choice = Choice { text, kind, right: 0, wrong: 0, lift: 0.0 };
        match units.iter_mut().find(|unit| unit.tokens == tokens) {
            Some(unit) if unit.choices.iter().any(|known| known.text == choice.text) => {}
            Some(unit) => unit.choices.push(choice),
            None => units.push(Unit { tokens, choices: vec![choice] }),
        }
    };
    for (index, token) in named.iter().enumerate().filter(|(_, token)| !token.dull) {
        if token.name.chars().all(words::is_single) {
            if let Some(run) = run_from(&named, index) {
                add(run.clone(), named[run].iter().map(|token| token.name.as_str()).collect(), Kind::Word);
            }
            continue;
        }
        add(index..index + 1, token.name.clone(), token.kind);
        let letters = token.name.chars().count();
        if letters >= LONG_ENOUGH && token.name.chars().all(char::is_alphabetic) {
            add(index..index + 1, format!("{}*", token.name), Kind::Word);
        }
    }
    let classes = loaded.set.classes.iter();
    for (class, entries) in classes.filter(|(class, _)| known.classes.contains(class) || own.contains(class))
    {
        for parts in entries.iter().map(|entry| entry_parts(entry)).filter(|parts| !parts.is_empty()) {
            for (index, window) in named.windows(parts.len()).enumerate() {
                let matches = window.iter().zip(&parts).all(|(token, part)| is(&token.name, part));
                if matches && !window.iter().all(|token| token.dull) {
                    add(index..index + parts.len(), format!("{{{class}}}"), Kind::Class);
                }
            }
        }
    }
    units
}

/// Scripts without spaces have no words to see. What is taken for one: a run of katakana, or two ideographs.
fn run_from(named: &[Named], first: usize) -> Option<Range<usize>> {
    let is_katakana = |token: &Named| token.name.chars().all(|c| matches!(c, '\u{30a0}'..='\u{30ff}'));
    let is_ideograph = |token: &Named| token.name.chars().all(|c| words::is_single(c) && c > '\u{30ff}');
    let length = if is_katakana(&named[first]) {
        let begins = first == 0 || !is_katakana(&named[first - 1]);
        if begins { named[first..].iter().take_while(|token| is_katakana(token)).count() } else { 0 }
    } else {
        named[first..].iter().take(2).take_while(|token| is_ideograph(token) && !token.dull).count()
    };
    (length > 1).then_some(first..first + length)
}

fn named((loaded, image): (&Loaded, &Image), known: &Known, sentence: &str) -> Vec<Named> {
    let silent: Vec<String> = known.words.iter().map(|word| words::split(word).concat()).collect();
    let marks: Vec<Vec<String>> = loaded
        .set
        .classes
        .iter()
        .filter(|(class, _)| SPECIAL_CLASSES.contains(&class.as_str()) && class.as_str() != "verb")
        .flat_map(|(_, entries)| entries.iter().map(|entry| entry_parts(entry)))
        .filter(|parts| parts.len() == 1)
        .collect();
    let tokens = lexer::tokens(image, sentence, &[]);
    let prose = tokens.list.iter().take(tokens.words);
    prose
        .map(|token| {
            let (name, kind) = name(&sentence[token.start as usize..token.end as usize]);
            let says_nothing = silent.contains(&name) || marks.iter().any(|parts| is(&name, &parts[0]));
            let is_word = name.chars().any(char::is_alphabetic);
            Named { dull: says_nothing || !is_word || token.flags & NEGATED != 0, name, kind }
        })
        .collect()
}

/// What a phrase calls a piece of text: its folded word, or the feature that the lexer makes of it.
fn name(piece: &str) -> (String, Kind) {
    let is_word = |c: char| words::is_word(c) || words::is_apostrophe(c);
    let feature = match piece.chars().next() {
        Some('`') => "@code",
        Some('"' | '“') => "@quote",
        _ if piece.chars().all(is_word) => return (words::split(piece).concat(), Kind::Word),
        _ if piece.starts_with("http:") || piece.starts_with("https:") => "@url",
        _ => "@path",
    };
    (feature.to_owned(), Kind::Feature)
}

/// The elements of an entry of a class, `stem*` kept.
fn entry_parts(entry: &str) -> Vec<String> {
    let part = |part: &str| match part.strip_suffix('*') {
        _ if part.starts_with('@') => vec![part.to_lowercase()],
        Some(stem) => {
            let mut words = words::split(stem);
            if let Some(last) = words.last_mut() {
                last.push('*');
            }
            words
        }
        None => words::split(part),
    };
    entry.split_whitespace().flat_map(part).collect()
}

/// Whether a name is what an element of a class says.
fn is(name: &str, part: &str) -> bool {
    part.strip_suffix('*').map_or(name == part, |stem| name.starts_with(stem))
}
