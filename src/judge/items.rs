//! The judge's items, tables and limits, read once from `rules/judge.toml`. Data only: what is done with them is in
//! `score` and `rank`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// One of the five things that are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// Does it do what was asked for.
    Fitness,
    /// Is everything in it needed.
    Complexity,
    /// Can it be read.
    Readability,
    /// Does it stand bad input, failure and load.
    Robustness,
    /// Can it be changed.
    Maintainability,
}

impl Criterion {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] =
        [Self::Fitness, Self::Complexity, Self::Readability, Self::Robustness, Self::Maintainability];

    /// Its name in JSON and in reasons.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fitness => "fitness",
            Self::Complexity => "complexity",
            Self::Readability => "readability",
            Self::Robustness => "robustness",
            Self::Maintainability => "maintainability",
        }
    }
}

/// One question with a yes or a no.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name in answer sheets.
    pub id: String,
    /// The sentence that is true or not.
    pub asks: String,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What decides before totals do.
    pub gates: Gates,
    /// Eight items.
    pub fitness: Answered,
    /// Lines that need not be there.
    pub complexity: Complexity,
    /// Counted violations.
    pub readability: Readability,
    /// Twelve items and six flags.
    pub robustness: Robustness,
    /// Six items.
    pub maintainability: Answered,
}

/// What decides before totals do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// The score that eliminates.
    pub eliminates: u8,
    /// The gap in fitness that decides.
    pub fitness_gap: u8,
    /// Totals this near are told apart by effort.
    pub close: u8,
    /// Above this many percent two candidates are the same.
    pub same: u32,
}

/// A criterion of items with answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// Pairs of the least points and the score, best first; the last one's least is 0.
    pub table: Vec<(u32, u8)>,
    /// Its items.
    pub items: Vec<Item>,
}

/// Lines that need not be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complexity {
    /// Score when there is none.
    pub none: u8,
    /// Below this many percent, this score.
    pub below: (u32, u8),
    /// Up to and with this many percent, this score; lowest first.
    pub up_to: Vec<(u32, u8)>,
    /// Score above all of them.
    pub over: u8,
    /// The sentence about what is there beyond the smallest.
    pub justified: String,
    /// What the list of abstractions holds.
    pub abstractions: String,
}

/// Counted violations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readability {
    /// Up to and with this many, this score; lowest first.
    pub up_to: Vec<(u32, u8)>,
    /// Score above all of them.
    pub over: u8,
    /// Most code lines of a function.
    pub function_lines: u32,
    /// Deepest nesting.
    pub nesting: u32,
    /// Fewest lines that count as a copy.
    pub duplicate_lines: usize,
    /// What the list of bad names holds.
    pub bad_names: String,
}

/// Items, and flags that cap the score.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Robustness {
    /// As in [`Answered`].
    pub table: Vec<(u32, u8)>,
    /// Best score with the worst flag of each severity.
    pub caps: Caps,
    /// Its items.
    pub items: Vec<Item>,
    /// Doubts whether it can work at all.
    pub flags: Vec<Item>,
}

/// Best score with a flag of each severity.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// No flag.
    pub none: u8,
    /// A minor one.
    pub minor: u8,
    /// A major one.
    pub major: u8,
    /// A critical one.
    pub critical: u8,
}

/// Id of the one yes-or-no question of complexity.
pub const JUSTIFIED: &str = "extra-justified";

/// The built-in rules.
pub fn rules() -> &'static Rules {
    static RULES: LazyLock<Rules> = LazyLock::new(|| {
        toml::from_str(include_str!("../../rules/judge.toml"))
            .expect("the built-in file is checked by a test")
    });
    &RULES
}

/// Every yes-or-no item with its criterion, in the order of the worksheet.
pub fn all() -> impl Iterator<Item = (Criterion, &'static str, &'static str)> {
    let rules = rules();
    let of = |criterion, items: &'static [Item]| {
        items.iter().map(move |item| (criterion, item.id.as_str(), item.asks.as_str()))
    };
    of(Criterion::Fitness, &rules.fitness.items)
        .chain([(Criterion::Complexity, JUSTIFIED, rules.complexity.justified.as_str())])
        .chain(of(Criterion::Robustness, &rules.robustness.items))
        .chain(of(Criterion::Maintainability, &rules.maintainability.items))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn items_are_as_many_as_the_criteria_say_and_their_ids_are_unique() {
        let rules = rules();
        let counts =
            [rules.fitness.items.len(), rules.robustness.items.len(), rules.maintainability.items.len()];
        assert_eq!(counts, [8, 12, 6]);
        assert_eq!(rules.robustness.flags.len(), 6);
        let ids: BTreeSet<_> = all()
            .map(|(_, id, _)| id)
            .chain(rules.robustness.flags.iter().map(|flag| flag.id.as_str()))
            .collect();
        assert_eq!(ids.len(), 8 + 1 + 12 + 6 + 6);
    }
}
