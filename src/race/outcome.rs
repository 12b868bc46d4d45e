//! What came of a race: one value that JSON, `result.md` and the page are written from. Holds figures and words, never code.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::complexity::Complexity;
use crate::turbo::order::{Compared, Spent};

/// Version of this JSON.
pub const SCHEMA: u32 = 1;

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Of the race.
    pub id: String,
    /// `showdown` or `any-percent`.
    pub kind: String,
    /// Short name.
    pub feature: String,
    /// The design's file.
    pub design: String,
    /// The repository's top.
    pub repo: String,
    /// The commit that every candidate began with.
    pub base: String,
    /// The tests' command.
    pub test: String,
    /// Why so many candidates; none when the number was given.
    pub complexity: Option<Complexity>,
    /// In the order of their names.
    pub candidates: Vec<Runner>,
    /// The best one, when there is one.
    pub winner: Option<String>,
    /// Why it won, or why nobody did, in sentences.
    pub rationale: Vec<String>,
    /// What the others did better than the winner, from the numbers.
    pub trade_offs: Vec<String>,
    /// Pairs of plans that are much alike, in percent.
    pub plans_alike: Vec<Likeness>,
    /// Pairs of candidates over the bound, in percent.
    pub code_alike: Vec<Likeness>,
    /// Scores, gates and how they came about, as the judge wrote them.
    pub judgement: Value,
    /// Calls of all candidates, and of the reviews.
    pub spent: Spent,
    /// Calls of the reviews alone.
    pub review: Spent,
    /// The same tokens on Claude's models, by list price: an estimate of what the race would have cost there.
    pub compare: Vec<Compared>,
    /// Time of the race, in milliseconds; pauses between a stop and a resume are not counted.
    pub ms: u64,
    /// How the tests were fenced.
    pub sandbox: String,
    /// What is odd but no fault.
    pub notes: Vec<String>,
    /// Files of the result, in the race's folder.
    pub written: Written,
    /// Where the winner went.
    pub promoted: Option<String>,
}

/// Where the result lies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Written {
    /// `result.md`.
    pub result: String,
    /// The worksheets of all candidates.
    pub worksheet: String,
    /// The page.
    pub page: String,
}

/// Two that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// One.
    pub one: String,
    /// The other.
    pub other: String,
    /// 0 to 100.
    pub percent: f64,
}

/// One candidate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Runner {
    /// `runner-1`, `variant-sqlite`.
    pub name: String,
    /// What it put first, or its approach.
    pub bent: String,
    /// What its plan calls its approach.
    pub approach: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Why, in a sentence.
    pub why: String,
    /// Its branch; none when it has no commit.
    pub branch: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// Tests that passed in the final exam.
    pub passed: Option<u64>,
    /// Tests that failed in it.
    pub failed: Option<u64>,
    /// The exam, with what was restored and how passing was proved.
    pub exam: Value,
    /// What the design names and it has not.
    pub missing: Vec<String>,
    /// Files that it wrote.
    pub files: Vec<String>,
    /// Code lines.
    pub lines: Option<u32>,
    /// Findings of the review with a place that exists, by severity: minor, major, critical.
    pub issues: [u32; 3],
    /// What its calls took.
    pub spent: Spent,
    /// Rounds of repair.
    pub repairs: u8,
    /// The tests passed before any repair.
    pub first_pass: Option<bool>,
    /// Time of everything, in milliseconds.
    pub ms: u64,
    /// Sum of the scores that are compared.
    pub total: Option<u32>,
    /// Five scores: fitness, complexity, readability, robustness, maintainability.
    pub scores: [Option<u8>; 5],
    /// What is odd but no fault.
    pub notes: Vec<String>,
    /// Its plan, for the page.
    pub plan: String,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The best one.
    Winner,
    /// Passed everything, and another one is better.
    Passed,
    /// A gate, a critical flaw, or the same as another.
    Eliminated,
    /// Did not get to the exam.
    Failed,
}

impl Status {
    /// As the result's table writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Winner => "WINNER",
            Self::Passed => "passed",
            Self::Eliminated => "eliminated",
            Self::Failed => "did not finish",
        }
    }
}

impl Runner {
    /// `12/14`, or what there is of it.
    pub fn tests(&self) -> String {
        match (self.passed, self.failed) {
            (Some(passed), Some(failed)) => format!("{passed}/{}", passed + failed),
            (Some(passed), None) => format!("{passed}/?"),
            _ => "-".to_owned(),
        }
    }

    /// `1 major, 2 minor`.
    pub fn issues(&self) -> String {
        let [minor, major, critical] = self.issues;
        let parts: Vec<String> = [(critical, "critical"), (major, "major"), (minor, "minor")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }
}

/// Names of the five criteria, in the order of [`Runner::scores`].
pub const CRITERIA: [&str; 5] = ["Fitness", "Complexity", "Readability", "Robustness", "Maintainability"];

impl Outcome {
    /// The best one.
    pub fn best(&self) -> Option<&Runner> {
        self.candidates.iter().find(|one| Some(&one.name) == self.winner.as_ref())
    }
}
