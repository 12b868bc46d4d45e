//! Reads a compiled rule image in place: no parsing, no allocation, and no panic on a damaged one
//! (a word that is not there reads as 0). See `compile` for the layout.

use std::borrow::Cow;

use super::compile::{HEADER, Kind, LAYOUT, MAGIC, PHRASE_WORDS, RULE_WORDS, SPECIAL_CLASSES};

/// A compiled set of rules with its policy.
#[derive(Debug, Clone)]
pub struct Image {
    bytes: Cow<'static, [u8]>,
    at: Places,
}

/// Where the parts of an image begin, read once from its header: in words, `halves` and `strings` in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    dict: usize,
    mask: usize,
    first: usize,
    elements: u32,
    phrases: usize,
    rules: usize,
    model: usize,
    strings: usize,
    halves: usize,
    keys: usize,
}

/// The built-in rules, compiled when SEF was built.
static BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/image.bin"));

/// One phrase: which rule (or class) it belongs to, what it does, where it must stand, and its elements.
#[derive(Debug, Clone, Copy)]
pub struct PhraseRef {
    /// Index of the rule, or the element of a class.
    pub owner: u32,
    /// What it does when found.
    pub kind: Kind,
    /// 0 anywhere, 1 clause head, 2 start of the prompt.
    pub at: u32,
    /// Place of its elements after the first one.
    pub rest: usize,
    /// Number of elements, the first one included.
    pub len: usize,
}

/// The texts of one rule.
#[derive(Debug, Clone, Copy)]
pub struct RuleRef<'a> {
    /// Its id, or the phrase of a learned weight.
    pub id: &'a str,
    /// Regular expression that must match too; empty when there is none.
    pub regex: &'a str,
}

/// See [`Image::marks`].
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent tags of a rule")]
pub struct Marks {
    /// See [`super::schema::Role`], in its order.
    pub role: u8,
    /// An edit too small to delegate.
    pub tiny: bool,
    /// A hosted model could draft it.
    pub codegen: bool,
    /// Reports that earlier work is wrong.
    pub complaint: bool,
    /// Asks for a hosted model.
    pub turbo: bool,
    /// Asks for a race.
    pub race: bool,
    /// Several ways are open.
    pub options: bool,
    /// The tier that it speaks for.
    pub tier: u8,
    /// Its weight by hand.
    pub by_hand: f32,
}

/// Which weights count: those for prompts or those for task texts of subagents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A person's prompt.
    User = 0,
    /// A subagent's task text.
    Task = 1,
}

impl Image {
    /// The built-in rules and policy.
    pub fn built_in() -> Self {
        Self::over(Cow::Borrowed(BUILT_IN))
    }

    fn over(bytes: Cow<'static, [u8]>) -> Self {
        let mut image = Self { bytes, at: Places::default() };
        let own = 16 + SPECIAL_CLASSES.len();
        image.at = Places {
            dict: image.word(3) as usize,
            mask: image.word(4) as usize,
            first: image.word(5) as usize,
            elements: image.word(6),
            phrases: image.word(7) as usize,
            rules: image.word(9) as usize,
            model: image.word(11) as usize,
            strings: image.word(12) as usize,
            halves: image.word(own + 1) as usize,
            keys: image.word(own + 2) as usize,
        };
        image
    }

    /// An image from a cache file; none when it is not one of this layout and whole.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let image = Self::over(Cow::Owned(bytes));
        let whole = image.word(0) == MAGIC
            && image.word(1) == LAYOUT
            && image.word(2) as usize == image.bytes.len()
            && image.bytes.len() >= HEADER * 4;
        whole.then_some(image)
    }

    /// Fingerprint of the whole image.
    pub fn stamp(&self) -> u64 {
        crate::fsx::checksum(&self.bytes)
    }

    /// Fingerprint of the built-in image: changes whenever the built-in rules do.
    pub fn built_in_stamp() -> u64 {
        let sample = BUILT_IN.iter().step_by(61).copied().collect::<Vec<u8>>();
        crate::metrics::record::fnv64(&sample) ^ BUILT_IN.len() as u64
    }

    /// Word at a place, 0 when outside.
    #[inline]
    pub fn word(&self, index: usize) -> u32 {
        match self.bytes.get(index * 4..index * 4 + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    /// Element number at a place, 0 when outside.
    #[inline]
    pub fn half(&self, index: usize) -> u32 {
        let at = self.at.halves + index * 2;
        match self.bytes.get(at..at + 2) {
            Some(&[a, b]) => u32::from(u16::from_le_bytes([a, b])),
            _ => 0,
        }
    }

    fn float(&self, index: usize) -> f32 {
        f32::from_bits(self.word(index))
    }

    fn text(&self, place: u32, len: u32) -> &str {
        let from = self.at.strings.saturating_add(place as usize);
        let bytes = self.bytes.get(from..from.saturating_add(len as usize)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Elements that a word (by its hash) stands for: place of the first one, and how many.
    #[inline]
    pub fn lookup(&self, hash: u64) -> (usize, usize) {
        let (dict, mask) = (self.at.dict, self.at.mask);
        let tag = (hash >> 32) as u32;
        let mut slot = hash as usize & mask;
        for _ in 0..64 {
            let place = self.word(dict + slot * 2 + 1) as usize;
            if place == 0 {
                return (0, 0);
            }
            if self.word(dict + slot * 2) == tag {
                return (place + 1, self.half(place) as usize);
            }
            slot = (slot + 1) & mask;
        }
        (0, 0)
    }

    /// Range of phrases that begin with an element.
    #[inline]
    pub fn phrases_from(&self, element: u32) -> std::ops::Range<usize> {
        if element > self.at.elements {
            return 0..0;
        }
        let first = self.at.first + element as usize;
        self.word(first) as usize..self.word(first + 1) as usize
    }

    /// An element that must be somewhere in the text for a phrase to match; 0 when there is only its first one.
    #[inline]
    pub fn key(&self, index: usize) -> u32 {
        self.half(self.at.keys + index)
    }

    /// The phrase of that number.
    #[inline]
    pub fn phrase(&self, index: usize) -> PhraseRef {
        let place = self.at.phrases + index * PHRASE_WORDS;
        let head = self.word(place);
        PhraseRef {
            owner: head & 0xffff,
            kind: [Kind::Main, Kind::With, Kind::Unless, Kind::Class][(head >> 16 & 3) as usize],
            at: head >> 18 & 3,
            len: (head >> 20 & 31) as usize,
            rest: self.word(place + 1) as usize,
        }
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.word(10) as usize
    }

    /// Whether a rule has an id of its own; the others are learned phrases, whose ids are words of a text.
    pub fn is_named(&self, index: usize) -> bool {
        index < self.word(16 + SPECIAL_CLASSES.len()) as usize
    }

    /// The texts of the rule of that number.
    pub fn rule(&self, index: usize) -> RuleRef<'_> {
        let place = self.at.rules + index * RULE_WORDS;
        RuleRef {
            id: self.text(self.word(place), self.word(place + 1)),
            regex: self.text(self.word(place + 11), self.word(place + 12)),
        }
    }

    /// What the matcher asks of a rule: whether it needs a `with` phrase, and whether it has a regex. Reads no text.
    #[inline]
    pub fn conditions(&self, index: usize) -> (bool, bool) {
        let place = self.at.rules + index * RULE_WORDS;
        (self.word(place + 10) >> 10 & 1 != 0, self.word(place + 12) != 0)
    }

    /// What scoring asks of a rule: its role, tier and tags. Reads no text.
    #[inline]
    pub fn marks(&self, index: usize) -> Marks {
        let place = self.at.rules + index * RULE_WORDS;
        let packed = self.word(place + 10);
        Marks {
            role: (packed & 0xff) as u8,
            tier: (packed >> 16 & 3) as u8,
            tiny: packed >> 8 & 1 != 0,
            codegen: packed >> 9 & 1 != 0,
            complaint: packed >> 11 & 1 != 0,
            turbo: packed >> 12 & 1 != 0,
            race: packed >> 13 & 1 != 0,
            options: packed >> 14 & 1 != 0,
            by_hand: self.float(place + 13),
        }
    }

    /// Scores that a rule gives to tiers 0-3, in a prompt or in a task text.
    #[inline]
    pub fn weights(&self, index: usize, table: Table) -> [f32; 4] {
        let place = self.at.rules + index * RULE_WORDS + 2 + table as usize * 4;
        std::array::from_fn(|tier| self.float(place + tier))
    }

    /// Score of each tier before any rule fires.
    pub fn bias(&self, table: Table) -> [f32; 4] {
        let place = self.at.model + table as usize * 4;
        std::array::from_fn(|tier| self.float(place + tier))
    }

    /// Divides scores before they become probabilities.
    pub fn temperature(&self) -> f32 {
        self.float(self.at.model + 8).max(0.05)
    }

    /// What each tier weighs in the choice besides its probability: 1 is plain.
    pub fn caution(&self, table: Table) -> [f32; 4] {
        let place = self.at.model + 10 + table as usize * 4;
        std::array::from_fn(|tier| self.float(place + tier).clamp(-5.0, 5.0).exp())
    }

    /// How much the graded cost of a wrong tier counts, 0-1.
    pub fn lean(&self) -> f32 {
        self.float(self.at.model + 9)
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.at.elements as usize + 1
    }

    /// Whether some word classes hold entries of several words.
    pub fn has_long_classes(&self) -> bool {
        self.word(15) != 0
    }

    /// Element of one of `compile::SPECIAL_CLASSES`.
    pub fn special(&self, index: usize) -> u32 {
        self.word(16 + index)
    }

    /// The policy as JSON.
    pub fn policy_json(&self) -> &str {
        self.text(self.word(13), self.word(14))
    }
}
