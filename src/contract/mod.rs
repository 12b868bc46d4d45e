//! Contract prompts: the text that a code generator works from, in four sections, and whether it is exact enough.
//!
//! [`parse`] finds the sections, [`check`] says everything that is vague or missing, [`refusal`] puts that into the words
//! of a hook, and [`skeleton`] writes a contract to fill in. All four are pure, take linear time and never panic; only
//! [`command`] reads and writes files. Nothing here judges whether a contract asks for the right thing.

pub mod command;

mod api;
mod check;
mod data;
mod heading;
pub(crate) mod line;
mod parse;
mod placeholder;
mod refusal;
mod skeleton;

mod steps;
#[rustfmt::skip]
mod vocabulary;
mod words;

pub use check::{Counts, MOST_BYTES, MOST_PROBLEMS, Review, check, review};
pub use parse::{Contract, Line, Section, parse};
pub use refusal::{MOST_REFUSAL, refusal};
pub use skeleton::{KINDS, Kind, LANGS, Lang, skeleton};

use serde::Serialize;

/// A part that every contract has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The line that says what to build with what; it stands before the first heading.
    Task,
    /// Named fields with types.
    Data,
    /// Routes, signatures or command lines, each with its result.
    Api,
    /// Numbered steps.
    Algorithm,
    /// What holds everywhere, and what happens on errors.
    Rules,
}

impl Part {
    /// The four that have a heading, in the order in which they are written.
    pub const HEADED: [Self; 4] = [Self::Data, Self::Api, Self::Algorithm, Self::Rules];

    /// The heading, as a skeleton writes it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Task => "TASK",
            Self::Data => "DATA CONTRACT",
            Self::Api => "API CONTRACT",
            Self::Algorithm => "ALGORITHM",
            Self::Rules => "RULES",
        }
    }
}

/// How much a problem weighs: one error makes a contract unacceptable, warnings never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The generator would have to guess.
    Error,
    /// Worth a look.
    Warning,
}

/// What sort of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The part is not there.
    Missing,
    /// Its heading is there and nothing below.
    Empty,
    /// It is there and not specific enough.
    Vague,
    /// Something was left to be filled in.
    Placeholder,
    /// The same heading stands twice.
    Twice,
    /// The text is longer than [`MOST_BYTES`].
    Long,
    /// A code fence is opened and never closed.
    Fence,
}

/// One thing that is wrong with a contract. Holds no word of the contract, so that it can be logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line of the text, from 1. What is missing altogether is missed at the last line.
    pub line: usize,
    /// The part it belongs to; none when it is the whole text, or a section that is none of the four.
    pub section: Option<Part>,
    /// How much it weighs.
    pub severity: Severity,
    /// What sort it is.
    pub fault: Fault,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub hint: String,
}
