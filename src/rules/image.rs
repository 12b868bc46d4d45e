//! Reads a compiled rule image in place: no parsing, no allocation, and no panic on a damaged one
//! (a word that is not there reads as 0). See `compile` for the layout.

use std::borrow::Cow;

use super::compile::{HEADER, LAYOUT, MAGIC, RULE_WORDS};

/// A compiled set of rules with its policy.
#[derive(Debug, Clone)]
pub struct Image {
    bytes: Cow<'static, [u8]>,
}

/// The built-in rules, compiled when SEF was built.
static BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/image.bin"));

/// One phrase: which rule (or class) it belongs to, what it does, where it must stand, and its elements.
#[derive(Debug, Clone, Copy)]
pub struct PhraseRef {
    /// Index of the rule, or the element of a class.
    pub owner: u32,
    /// See `compile::Kind`.
    pub kind: u32,
    /// 0 anywhere, 1 clause head, 2 start of the prompt.
    pub at: u32,
    /// Place of the first element.
    pub sequence: usize,
    /// Number of elements.
    pub len: usize,
}

/// One rule of the image.
#[derive(Debug, Clone, Copy)]
pub struct RuleRef<'a> {
    /// Its id.
    pub id: &'a str,
    /// Score for tiers 0-3.
    pub weights: [f32; 4],
    /// See [`super::schema::Role`], in its order.
    pub role: u8,
    /// The tier it speaks for.
    pub tier: u8,
    /// An edit too small to delegate.
    pub tiny: bool,
    /// A hosted model could draft it.
    pub codegen: bool,
    /// Needs one of its `with` phrases.
    pub needs_with: bool,
    /// Regular expression that must match too; empty when there is none.
    pub regex: &'a str,
}

impl Image {
    /// The built-in rules and policy.
    pub fn built_in() -> Self {
        Self { bytes: Cow::Borrowed(BUILT_IN) }
    }

    /// An image from a cache file; none when it is not one of this layout and whole.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let image = Self { bytes: Cow::Owned(bytes) };
        let whole = image.word(0) == MAGIC
            && image.word(1) == LAYOUT
            && image.word(2) as usize == image.bytes.len()
            && image.bytes.len() >= HEADER * 4;
        whole.then_some(image)
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

    fn float(&self, index: usize) -> f32 {
        f32::from_bits(self.word(index))
    }

    fn text(&self, place: u32, len: u32) -> &str {
        let from = (self.word(12) as usize).saturating_add(place as usize);
        let bytes = self.bytes.get(from..from.saturating_add(len as usize)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Elements that a word (by its hash) stands for: place of the first one, and how many.
    #[inline]
    pub fn lookup(&self, hash: u64) -> (usize, usize) {
        let dict = self.word(3) as usize;
        let mask = self.word(4) as usize;
        let tag = (hash >> 32) as u32;
        let mut slot = hash as usize & mask;
        for _ in 0..64 {
            let place = self.word(dict + slot * 2 + 1) as usize;
            if place == 0 {
                return (0, 0);
            }
            if self.word(dict + slot * 2) == tag {
                return (place + 1, self.word(place) as usize);
            }
            slot = (slot + 1) & mask;
        }
        (0, 0)
    }

    /// Range of phrases that begin with an element.
    #[inline]
    pub fn phrases_from(&self, element: u32) -> std::ops::Range<usize> {
        if element > self.word(6) {
            return 0..0;
        }
        let first = self.word(5) as usize + element as usize;
        self.word(first) as usize..self.word(first + 1) as usize
    }

    /// The phrase of that number.
    #[inline]
    pub fn phrase(&self, index: usize) -> PhraseRef {
        let place = self.word(7) as usize + index * 2;
        let head = self.word(place);
        let sequence = self.word(place + 1);
        PhraseRef {
            owner: head & 0xffff,
            kind: head >> 16 & 0xf,
            at: head >> 20 & 0xf,
            sequence: (sequence >> 8) as usize,
            len: (sequence & 0xff) as usize,
        }
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.word(10) as usize
    }

    /// The rule of that number.
    pub fn rule(&self, index: usize) -> RuleRef<'_> {
        let place = self.word(9) as usize + index * RULE_WORDS;
        let packed = self.word(place + 6);
        RuleRef {
            id: self.text(self.word(place), self.word(place + 1)),
            weights: std::array::from_fn(|tier| self.float(place + 2 + tier)),
            role: (packed & 0xff) as u8,
            tier: (packed >> 16 & 0xff) as u8,
            tiny: packed >> 8 & 1 != 0,
            codegen: packed >> 9 & 1 != 0,
            needs_with: packed >> 10 & 1 != 0,
            regex: self.text(self.word(place + 7), self.word(place + 8)),
        }
    }

    /// Score of each tier before any rule fires.
    pub fn bias(&self) -> [f32; 4] {
        let place = self.word(11) as usize;
        std::array::from_fn(|tier| self.float(place + tier))
    }

    /// Divides scores before they become probabilities.
    pub fn temperature(&self) -> f32 {
        self.float(self.word(11) as usize + 4).max(0.05)
    }

    /// Lead that tier 1 and tier 2 need over all higher tiers.
    pub fn margin(&self) -> [f32; 2] {
        let place = self.word(11) as usize + 5;
        [self.float(place), self.float(place + 1)]
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
