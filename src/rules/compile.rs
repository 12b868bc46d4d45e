//! Compiles rule files and a policy into the table that the classifier reads without any parsing (`image`).
//! Runs in build.rs for the built-in rules, and once per change for a user's own. Pure: values in, bytes out.

use std::collections::BTreeMap;

use super::policy::Policy;
use super::schema::{At, Model, Role, Rule, RuleFile, Tag};
use super::words;

/// First word of every image.
pub const MAGIC: u32 = 0x3146_4553;
/// Version of the layout; an image of another version is not read.
pub const LAYOUT: u32 = 4;
/// Words in the header.
pub const HEADER: usize = 24;
/// Words per rule in the rule table.
pub const RULE_WORDS: usize = 14;
/// Words per phrase in the phrase table.
pub const PHRASE_WORDS: usize = 2;
/// In a phrase: up to six words of anything within the sentence.
pub const GAP: u32 = 0xffff;
/// In a phrase: exactly one word of anything.
pub const ANY_ONE: u32 = 0xfffe;
/// Rules and elements are numbered in 16 bits; more than this is refused.
pub const MAX_RULES: usize = 20_000;
/// Longest phrase, in elements.
pub const MAX_PHRASE: usize = 16;
/// The classes that the classifier itself needs, in header order from word 16.
pub const SPECIAL_CLASSES: [&str; 5] = ["filler", "conj", "verb", "negation", "gave-up"];

/// What a phrase does when found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Fires its rule.
    Main = 0,
    /// Must be found for its rule to fire.
    With = 1,
    /// Keeps its rule from firing.
    Unless = 2,
    /// Several words that stand for a word class: `rule` holds the element of the class.
    Class = 3,
}

/// A mistake in a rule file: which file, which rule, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File name as given.
    pub source: String,
    /// Id of the rule or `class NAME`, empty for the file as a whole.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// Layers merged into one set: later rules replace earlier ones of the same id, classes grow.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    /// All rules in order of first appearance, each with the file that defined it last.
    pub rules: Vec<(String, Rule)>,
    /// Word classes by name.
    pub classes: BTreeMap<String, Vec<String>>,
    /// Bias per tier, for prompts and for task texts.
    pub bias: [[f32; 4]; 2],
    /// Scores added for the choice alone, for prompts and for task texts.
    pub caution: [[f32; 4]; 2],
    /// See the schema.
    pub temperature: f32,
    /// See the schema.
    pub lean: f32,
    /// Fitted weights by rule (`#id`) or phrase, for prompts and for task texts.
    pub learned: BTreeMap<String, [Option<Fitted>; 2]>,
}

/// Weights from a `[learned]` table, and the file that says them last.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Scores for tiers 0-3.
    pub weights: [f32; 4],
    /// File name as given.
    pub source: String,
}

/// Takes over the numbers that a layer names.
fn merge_model(set: &mut RuleSet, source: &str, model: &Model, problems: &mut Vec<Problem>) {
    set.bias[0] = model.bias.unwrap_or(set.bias[0]);
    set.bias[1] = model.task_bias.unwrap_or(set.bias[1]);
    set.caution[0] = model.caution.unwrap_or(set.caution[0]);
    set.caution[1] = model.task_caution.unwrap_or(set.caution[1]);
    set.lean = model.lean.map_or(set.lean, |lean| if lean.is_finite() { lean.clamp(0.0, 1.0) } else { 0.0 });
    match model.temperature {
        Some(temperature) if temperature > 0.0 && temperature.is_finite() => set.temperature = temperature,
        Some(_) => {
            let message = "model.temperature must be above 0";
            problems.push(problem(source, "", message, "write temperature = 1.0"));
        }
        None => {}
    }
}

/// Merges layers in order and drops what is wrong, saying so. What is left always compiles.
pub fn merge(layers: &[(String, RuleFile)]) -> (RuleSet, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut set = RuleSet { temperature: 1.0, ..RuleSet::default() };
    for (source, file) in layers {
        merge_model(&mut set, source, &file.model, &mut problems);
        for (name, class) in &file.class {
            set.classes.entry(name.clone()).or_default().extend(class.words.iter().cloned());
        }
    }
    expand_classes(&mut set.classes);
    for (source, file) in layers {
        for id in &file.off {
            let before = set.rules.len();
            set.rules.retain(|(_, rule)| rule.id != *id);
            if set.rules.len() == before {
                problems.push(problem(
                    source,
                    id,
                    "off names no earlier rule",
                    "`sef rules list` shows the ids",
                ));
            }
        }
        let mut seen_here = Vec::new();
        for rule in &file.rule {
            if seen_here.contains(&&rule.id) {
                problems.push(problem(
                    source,
                    &rule.id,
                    "this id is used twice in the file",
                    "give it another id",
                ));
                continue;
            }
            seen_here.push(&rule.id);
            let found = rule_problems(source, rule, &set.classes);
            if !found.is_empty() {
                problems.extend(found);
                continue;
            }
            match set.rules.iter_mut().find(|(_, earlier)| earlier.id == rule.id) {
                Some(slot) => *slot = (source.clone(), rule.clone()),
                None => set.rules.push((source.clone(), rule.clone())),
            }
        }
    }
    problems.extend(merge_learned(layers, &mut set));
    if set.rules.len() > MAX_RULES {
        problems.push(problem(
            "",
            "",
            "more than 20,000 rules",
            "the last ones are left out; merge similar rules",
        ));
        set.rules.truncate(MAX_RULES);
    }
    (set, problems)
}

/// The learned weights of all layers; a later line of the same key takes the place of an earlier one.
fn merge_learned(layers: &[(String, RuleFile)], set: &mut RuleSet) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (layer, (source, file)) in layers.iter().enumerate() {
        for (table, weights) in [&file.learned.user, &file.learned.task].into_iter().enumerate() {
            for (key, weights) in weights {
                let sound = weights.iter().all(|w| w.is_finite() && w.abs() <= 20.0);
                let known = match key.strip_prefix('#') {
                    // What was fitted for a rule says nothing of another one that took its id in a later file.
                    Some(id) => set.rules.iter().any(|(defined_in, rule)| {
                        rule.id == id && layers[..=layer].iter().any(|(earlier, _)| earlier == defined_in)
                    }),
                    None => parse_phrase(learned_phrase(key).1, &set.classes).is_ok(),
                };
                if sound && known {
                    set.learned.entry(key.clone()).or_default()[table] =
                        Some(Fitted { weights: *weights, source: source.clone() });
                } else if sound && !key.starts_with('#') {
                    problems.push(problem(
                        source,
                        key,
                        "this learned phrase cannot be read",
                        "fit the weights again",
                    ));
                } else if !sound {
                    problems.push(problem(
                        source,
                        key,
                        "a learned weight is out of range",
                        "fit the weights again",
                    ));
                }
            }
        }
    }
    problems
}

/// A class may name another one (`{look}`) and then holds its words too. One level: no class names a class of classes.
fn expand_classes(classes: &mut BTreeMap<String, Vec<String>>) {
    let plain = classes.clone();
    for words in classes.values_mut() {
        let named = |word: &String| word.strip_prefix('{')?.strip_suffix('}').map(str::to_owned);
        let inner: Vec<String> =
            words.iter().filter_map(named).filter_map(|name| plain.get(&name)).flatten().cloned().collect();
        words.retain(|word| named(word).is_none());
        words.extend(inner.into_iter().filter(|word| !word.starts_with('{')));
    }
}

fn problem(source: &str, rule: &str, message: impl Into<String>, hint: impl Into<String>) -> Problem {
    Problem { source: source.to_owned(), rule: rule.to_owned(), message: message.into(), hint: hint.into() }
}

fn rule_problems(source: &str, rule: &Rule, classes: &BTreeMap<String, Vec<String>>) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut say = |message: String, hint: &str| found.push(problem(source, &rule.id, message, hint));
    if let Some((message, hint)) = id_mistake(&rule.id) {
        say(message.to_owned(), hint);
    }
    if rule.tier > 3 {
        say(format!("tier {} does not exist", rule.tier), "tiers are 0, 1, 2 and 3");
    }
    let weights = rule.weights.unwrap_or([rule.weight; 4]);
    if weights.iter().any(|w| !w.is_finite() || w.abs() > 20.0) {
        say("a weight is out of range".to_owned(), "weights lie between -20 and 20");
    }
    if rule.phrases.is_empty() {
        say("the rule has no phrases".to_owned(), "add phrases = [\"...\"]");
    }
    if rule.examples.is_empty() {
        say("the rule has no example".to_owned(), "add examples = [\"...\"]: a text on which it must fire");
    }
    for phrase in rule.phrases.iter().chain(&rule.with).chain(&rule.unless) {
        if let Err(message) = parse_phrase(phrase, classes) {
            say(
                format!("phrase {phrase:?}: {message}"),
                "words, {class}, word*, _, ... and @feature, not starting with ... or _",
            );
        }
    }
    found
}

/// Place and phrase of a learned key: `^ can` must be the first word, `> fix` must head a clause.
fn learned_phrase(key: &str) -> (u32, &str) {
    match key.split_at_checked(2) {
        Some(("^ ", phrase)) => (3, phrase),
        Some(("> ", phrase)) => (1, phrase),
        _ => (0, key),
    }
}

/// One element of a phrase, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Element {
    Word(String),
    Prefix(String),
    Class(String),
    Feature(String),
    Gap,
    AnyOne,
}

/// What is wrong with an id and what to write instead; none when it can be used.
pub fn id_mistake(id: &str) -> Option<(&'static str, &'static str)> {
    let kebab = !id.is_empty()
        && id.len() <= 60
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (!kebab).then_some(("the id is not kebab-case", "use a-z, 0-9 and -, at most 60 characters"))
}

/// What is wrong with a phrase; none when it can be used.
pub fn phrase_mistake(phrase: &str, classes: &BTreeMap<String, Vec<String>>) -> Option<String> {
    parse_phrase(phrase, classes).err()
}

fn parse_phrase(phrase: &str, classes: &BTreeMap<String, Vec<String>>) -> Result<Vec<Element>, String> {
    let mut elements = Vec::new();
    for part in phrase.split_whitespace() {
        if part == "..." {
            elements.push(Element::Gap);
        } else if part == "_" {
            elements.push(Element::AnyOne);
        } else if let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            if !classes.contains_key(name) {
                return Err(format!("there is no class named {name}"));
            }
            elements.push(Element::Class(name.to_owned()));
        } else if part.starts_with('@') {
            elements.push(Element::Feature(part.to_lowercase()));
        } else if let Some(stem) = part.strip_suffix('*') {
            let mut words = words::split(stem);
            let last = words.pop().ok_or("* needs letters before it")?;
            if last.chars().count() < 2 {
                return Err("* needs at least two letters before it".to_owned());
            }
            elements.extend(words.into_iter().map(Element::Word));
            elements.push(Element::Prefix(last));
        } else {
            let words = words::split(part);
            if words.is_empty() {
                return Err(format!("{part:?} holds no word"));
            }
            elements.extend(words.into_iter().map(Element::Word));
        }
    }
    match elements.first() {
        None => return Err("it is empty".to_owned()),
        Some(Element::Gap | Element::AnyOne) => return Err("it must not start with ... or _".to_owned()),
        Some(_) => {}
    }
    if matches!(elements.last(), Some(Element::Gap)) {
        return Err("it must not end with ...".to_owned());
    }
    if elements.len() > MAX_PHRASE {
        return Err("it is longer than 16 words".to_owned());
    }
    Ok(elements)
}

#[derive(Default)]
struct Numbers {
    by_element: BTreeMap<Element, u32>,
}

impl Numbers {
    fn of(&mut self, element: &Element) -> u32 {
        let next = self.by_element.len() as u32 + 1;
        *self.by_element.entry(element.clone()).or_insert(next)
    }
}

struct Phrase {
    owner: u32,
    kind: Kind,
    at: u32,
    elements: Vec<u32>,
}

/// Compiles a merged set and a policy into an image.
pub fn compile(set: &RuleSet, policy: &Policy) -> Vec<u8> {
    let mut numbers = Numbers::default();
    let specials = SPECIAL_CLASSES.map(|name| numbers.of(&Element::Class(name.to_owned())));
    let mut phrases = Vec::new();
    // What a word, prefix or feature stands for: its own number and those of its classes.
    let mut members: BTreeMap<Element, Vec<u32>> = BTreeMap::new();
    for (name, entries) in &set.classes {
        let class = numbers.of(&Element::Class(name.clone()));
        for entry in entries {
            let Ok(elements) = parse_phrase(entry, &set.classes) else { continue };
            if let [single] = elements.as_slice() {
                members.entry(single.clone()).or_default().push(class);
            } else {
                let elements = elements.iter().map(|e| number(&mut numbers, e)).collect();
                phrases.push(Phrase { owner: class, kind: Kind::Class, at: 0, elements });
            }
        }
    }
    for (index, (_, rule)) in set.rules.iter().enumerate() {
        let at = match rule.at {
            At::Any => 0,
            At::Head => 1,
            At::Start => 2,
        };
        let lists =
            [(Kind::Main, &rule.phrases, at), (Kind::With, &rule.with, 0), (Kind::Unless, &rule.unless, 0)];
        for (kind, list, at) in lists {
            for phrase in list {
                let Ok(elements) = parse_phrase(phrase, &set.classes) else { continue };
                let elements = elements.iter().map(|e| number(&mut numbers, e)).collect();
                phrases.push(Phrase { owner: index as u32, kind, at, elements });
            }
        }
    }
    let phrases_of_their_own = set.learned.keys().filter(|key| !key.starts_with('#'));
    for (index, key) in phrases_of_their_own.enumerate() {
        let (at, phrase) = learned_phrase(key);
        let Ok(elements) = parse_phrase(phrase, &set.classes) else { continue };
        let elements = elements.iter().map(|e| number(&mut numbers, e)).collect();
        phrases.push(Phrase { owner: (set.rules.len() + index) as u32, kind: Kind::Main, at, elements });
    }
    for (element, own) in &numbers.by_element {
        if matches!(element, Element::Word(_) | Element::Prefix(_) | Element::Feature(_)) {
            members.entry(element.clone()).or_default().push(*own);
        }
    }
    // Phrases that stand for a class come first in each group, so that the lexer finds them without the others.
    phrases.sort_by_key(|phrase| (phrase.elements[0], phrase.kind != Kind::Class));
    write_image(set, policy, specials, &members, numbers.by_element.len(), &phrases)
}

/// Hash under which the dictionary holds an element; classes and gaps are not looked up.
fn word_hash(element: &Element) -> Option<u64> {
    match element {
        Element::Word(word) | Element::Feature(word) => Some(words::hash_word(word)),
        Element::Prefix(stem) => Some(words::hash_prefix(stem)),
        Element::Class(_) | Element::Gap | Element::AnyOne => None,
    }
}

fn number(numbers: &mut Numbers, element: &Element) -> u32 {
    match element {
        Element::Gap => GAP,
        Element::AnyOne => ANY_ONE,
        other => numbers.of(other),
    }
}

#[allow(clippy::too_many_lines, reason = "one table after the other, in the order of the layout")]
fn write_image(
    set: &RuleSet,
    policy: &Policy,
    specials: [u32; SPECIAL_CLASSES.len()],
    members: &BTreeMap<Element, Vec<u32>>,
    elements: usize,
    phrases: &[Phrase],
) -> Vec<u8> {
    let mut out = vec![0_u32; HEADER];
    // Element numbers take 16 bits each: the lists of the dictionary and the phrases, apart from the 32-bit tables.
    let mut halves: Vec<u16> = vec![0];
    let words = members.iter().filter(|(element, _)| word_hash(element).is_some()).count();
    let slots = (words * 4 / 3).next_power_of_two().max(16);
    let dict = out.len();
    out.resize(dict + slots * 2, 0);
    let mut known: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
    for (element, list) in members {
        let Some(hash) = word_hash(element) else { continue };
        let mut list = list.clone();
        list.sort_unstable();
        list.dedup();
        let place = *known.entry(list).or_insert_with_key(|list| {
            let place = halves.len() as u32;
            halves.push(list.len() as u16);
            halves.extend(list.iter().map(|element| *element as u16));
            place
        });
        let mut slot = hash as usize & (slots - 1);
        while out[dict + slot * 2 + 1] != 0 {
            slot = (slot + 1) & (slots - 1);
        }
        out[dict + slot * 2] = (hash >> 32) as u32;
        out[dict + slot * 2 + 1] = place;
    }
    // For every element the range of phrases that begin with it.
    let first = out.len();
    let mut cursor = 0;
    for element in 0..=elements as u32 + 1 {
        while cursor < phrases.len() && phrases[cursor].elements[0] < element {
            cursor += 1;
        }
        out.push(cursor as u32);
    }
    // How many words stand for an element: the rarest one after the first decides fastest that a phrase is not there.
    let mut commonness = vec![0_u32; elements + 2];
    for element in members.values().flatten() {
        commonness[*element as usize] += 1;
    }
    let table = out.len();
    let mut keys: Vec<u16> = Vec::with_capacity(phrases.len());
    for phrase in phrases {
        let rest = &phrase.elements[1..];
        let later = rest.iter().filter(|element| **element < ANY_ONE);
        let key = later.min_by_key(|element| commonness[**element as usize]).copied().unwrap_or(0);
        let sequence = halves.len() as u32;
        halves.extend(rest.iter().map(|element| *element as u16));
        // Owner 16 bits, kind 2, place 2, length 5; then where the rest of its elements stands. Keys follow apart.
        out.push(
            phrase.owner
                | (phrase.kind as u32) << 16
                | phrase.at << 18
                | (phrase.elements.len() as u32) << 20,
        );
        out.push(sequence);
        keys.push(key as u16);
    }
    let keys_at = halves.len() as u32;
    halves.extend(keys);
    if halves.len() % 2 == 1 {
        halves.push(0);
    }
    let mut text = Vec::new();
    let rules = out.len();
    for (_, rule) in &set.rules {
        push_rule(&mut out, &mut text, rule, set.learned.get(&format!("#{}", rule.id)));
    }
    let mut count = set.rules.len();
    for (key, weights) in set.learned.iter().filter(|(key, _)| !key.starts_with('#')) {
        push_learned(&mut out, &mut text, key, weights);
        count += 1;
    }
    let model = out.len();
    let numbers = [&set.temperature, &set.lean];
    out.extend(
        set.bias
            .iter()
            .flatten()
            .chain(numbers)
            .chain(set.caution.iter().flatten())
            .map(|value| value.to_bits()),
    );
    let policy_at = text.len();
    text.extend(serde_json::to_vec(policy).unwrap_or_default());
    let halves_at = out.len() * 4;
    let strings = halves_at + halves.len() * 2;
    let header = [
        MAGIC,
        LAYOUT,
        (strings + text.len()) as u32,
        dict as u32,
        slots as u32 - 1,
        first as u32,
        elements as u32,
        table as u32,
        phrases.len() as u32,
        rules as u32,
        count as u32,
        model as u32,
        strings as u32,
        policy_at as u32,
        (text.len() - policy_at) as u32,
        u32::from(phrases.iter().any(|phrase| phrase.kind == Kind::Class)),
    ];
    out[..header.len()].copy_from_slice(&header);
    out[header.len()..header.len() + specials.len()].copy_from_slice(&specials);
    out[header.len() + specials.len()] = set.rules.len() as u32;
    out[header.len() + specials.len() + 1] = halves_at as u32;
    out[header.len() + specials.len() + 2] = keys_at;
    let mut bytes: Vec<u8> = out.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(halves.into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(text);
    bytes
}

fn push_string(out: &mut Vec<u32>, text: &mut Vec<u8>, value: &str) {
    out.extend([text.len() as u32, value.len() as u32]);
    text.extend(value.as_bytes());
}

/// Scores for tiers 0-3 as the author of a rule gave them.
pub fn by_hand(rule: &Rule) -> [f32; 4] {
    rule.weights.unwrap_or_else(|| {
        let mut weights = [0.0; 4];
        weights[usize::from(rule.tier.min(3))] = rule.weight;
        weights
    })
}

fn push_rule(out: &mut Vec<u32>, text: &mut Vec<u8>, rule: &Rule, learned: Option<&[Option<Fitted>; 2]>) {
    let flags = rule.tags.iter().fold(u32::from(!rule.with.is_empty()) << 2, |flags, tag| {
        flags
            | match tag {
                Tag::Tiny => 1,
                Tag::Codegen => 2,
                Tag::Complaint => 8,
                Tag::Turbo => 16,
                Tag::Race => 32,
                Tag::Options => 64,
            }
    });
    let role = match rule.role {
        Role::None => 0,
        Role::Explore => 1,
        Role::Validate => 2,
        Role::Document => 3,
        Role::Implement => 4,
        Role::Review => 5,
        Role::Orchestrator => 6_u32,
    };
    push_string(out, text, &rule.id);
    for table in 0..2 {
        let fitted = learned.and_then(|tables| tables[table].as_ref());
        out.extend(fitted.map_or(by_hand(rule), |fitted| fitted.weights).map(f32::to_bits));
    }
    out.push(role | flags << 8 | u32::from(rule.tier) << 16);
    push_string(out, text, rule.regex.as_deref().unwrap_or(""));
    out.push(rule.weight.to_bits());
}

fn push_learned(out: &mut Vec<u32>, text: &mut Vec<u8>, key: &str, tables: &[Option<Fitted>; 2]) {
    push_string(out, text, key);
    for fitted in tables {
        out.extend(fitted.as_ref().map_or([0.0; 4], |fitted| fitted.weights).map(f32::to_bits));
    }
    out.push(0);
    push_string(out, text, "");
    out.push(0);
}
