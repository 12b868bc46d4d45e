//! The judge: measures candidates, asks what must be read, scores five criteria and ranks. All arithmetic, gates and the
//! winner are here; an answer can only say yes, no or a place, and only with a line that exists. Never runs a candidate's
//! code and never calls the network: tests and hosted answers come in as values.

pub mod command;
pub mod facts;
pub mod files;
pub mod items;
mod json;
pub mod lang;
pub mod measure;
pub mod place;
pub mod questions;
#[cfg(test)]
mod random_sheets;
pub mod rank;
pub mod score;
pub mod sheet;
pub mod similar;
mod syntax;
pub mod worksheet;

use std::path::PathBuf;

use serde::Serialize;

use crate::error::Result;
use facts::Facts;
use rank::{Entry, Judgement};
use sheet::CandidateAnswers;
use similar::Shingles;

/// One of the things to be judged, with all that is known of it beforehand.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// Unique among the candidates.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its files below the folder; everything but build output and hidden folders when left out.
    pub files: Option<Vec<String>>,
    /// How its tests ended; none when they did not run.
    pub tests: Option<TestCounts>,
    /// What the race found out before.
    pub gates: Vec<GateResult>,
    /// What it cost to make.
    pub effort: Effort,
    /// What a reader says.
    pub answers: Option<CandidateAnswers>,
}

/// How a candidate's tests ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TestCounts {
    /// Tests that passed; none when the runner does not say.
    pub passed: Option<u64>,
    /// Tests that failed.
    pub failed: Option<u64>,
    /// They ran, and all of them passed. Not derived from the counts: a run can fail without a failing test.
    pub all_passed: bool,
}

impl TestCounts {
    /// Whether nothing speaks against it.
    pub fn pass(self) -> bool {
        self.all_passed && self.failed.unwrap_or(0) == 0
    }
}

/// A gate of the race.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateResult {
    /// `adherence` also answers the item `complete`; any other name only eliminates.
    pub name: String,
    /// Whether the candidate may stay.
    pub passed: bool,
    /// In a sentence.
    pub why: String,
}

/// Name of the gate that looks for everything the design names.
pub const ADHERENCE: &str = "adherence";

/// What a candidate cost to make; each figure is used only where all that are compared have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Effort {
    /// Rounds of repair.
    pub repairs: Option<u64>,
    /// Calls to the hosted service.
    pub calls: Option<u64>,
    /// Time that generation took, in milliseconds.
    pub generation_ms: Option<u64>,
}

/// What the candidates are to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Any folders.
    #[default]
    #[value(skip)]
    Alone,
    /// The same design by several runners.
    Showdown,
    /// Different approaches to one problem.
    AnyPercent,
}

/// A candidate that was read and measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was measured.
    pub facts: Facts,
    /// What it is compared with others by.
    pub shingles: Shingles,
}

/// Reads and measures one candidate. Answers do not matter for it, so that it can be done before anything is asked.
pub fn measure(candidate: &Candidate) -> Result<Measured> {
    let sources = files::read(&candidate.dir, candidate.files.as_deref())?;
    let (facts, shingles) = measure::measure(&sources);
    Ok(Measured { facts, shingles })
}

/// Judges candidates that were measured, in any order. `measured` belongs to `candidates` one by one.
pub fn judge(candidates: &[Candidate], measured: &[Measured], mode: Mode) -> Judgement {
    let alike = similar::pairs(&measured.iter().map(|one| &one.shingles).collect::<Vec<_>>());
    let entries: Vec<Entry<'_>> = candidates
        .iter()
        .zip(measured)
        .map(|(candidate, measured)| Entry { candidate, facts: &measured.facts })
        .collect();
    rank::judge(&entries, &alike, mode)
}
