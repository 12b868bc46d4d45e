//! An exam that a candidate cannot edit: its tree is copied, the base commit's tests and what steers them are put over the
//! copy, the design's scenario tests are added, and the test command runs there behind the fence. A second run in which
//! every test is broken must fail: so it is known that the tests decide, and how many there are. Never changes a candidate's
//! tree, and never believes an output alone. `docs/exam.md` says what cannot be caught.

mod broken;
mod copy;
mod dependencies;
mod disk;
pub mod protected;
mod sit;
mod standard;
mod verdict;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use sit::{control, sit};
pub use standard::{ExamFile, How, Origin, Standard, Tampered};
pub use verdict::compare;

use crate::fence::{Limits, Sandbox};
use crate::turbo::trial::Trial;

/// What one run may take of the disk unless something else is said: a large project's build fits in several times.
pub const DISK_BYTES: u64 = 8 << 30;

/// What candidates are examined with; the same for all of a race.
#[derive(Debug, Clone)]
pub struct Exam {
    /// Run by `sh -c` in the copy.
    pub command: String,
    /// What one run may use.
    pub limits: Limits,
    /// What one run may take of the disk, in bytes, see [`DISK_BYTES`].
    pub disk_bytes: u64,
    /// How well it must be fenced; none: as configured.
    pub sandbox: Option<Sandbox>,
    /// What is put over the copy; none: the tree is run as it is, and nothing is proved.
    pub standard: Option<Standard>,
    /// The user's checkout, whose installed dependencies are shown read-only.
    pub checkout: Option<PathBuf>,
    /// The `sef` binary, see [`crate::fence::own_binary`].
    pub sef: PathBuf,
}

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One run, for a round of repair. Nothing is proved.
    Quick,
    /// With the run against broken tests.
    Full,
}

/// What the exam does without any candidate; found once for a race, and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Whether broken tests can show that the tests decide.
    pub proof: Proof,
    /// The command was seen to run tests of the exam, and to show why they fail. Else it is only known to start a runner.
    pub seen: bool,
    /// Tests of the exam that the command was seen to run.
    pub least: Option<u64>,
    /// Why there is no proof; empty when there is.
    pub why: String,
}

/// Whether a run against broken tests stands behind a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It does.
    Broken,
    /// It does not: status and output of the command were believed.
    None,
}

/// What came of an exam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every test of the exam ran and passed.
    Passed,
    /// Some did not, or the command did not end by itself.
    Failed,
    /// The runner found nothing to run.
    NoTests,
    /// It did not come to its end, or ran fewer tests than there are.
    Incomplete,
    /// It would have passed whatever the tests say.
    Forged,
}

/// Tests of the exam, not counting any of the candidate's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// That passed.
    pub passed: u64,
    /// That there are.
    pub of: u64,
}

/// A candidate's exam.
#[derive(Debug, Serialize)]
pub struct Sat {
    /// What came of it.
    pub verdict: Verdict,
    /// Why, in one sentence without a full stop.
    pub reason: String,
    /// How many tests passed, as far as it is proved.
    pub share: Share,
    /// Whether the exam was put over the copy.
    pub restored: bool,
    /// What the candidate had done to the exam.
    pub tampered: Vec<Tampered>,
    /// Its own tests, which did not count.
    pub own_tests: Vec<String>,
    /// What stands behind the verdict.
    pub proof: Proof,
    /// What of its tree was not copied, and why.
    pub left_out: Vec<String>,
    /// How well it was fenced, in words.
    pub sandbox: String,
    /// Time of all runs, in milliseconds.
    pub ms: u64,
    /// The run against whole tests; none when there was none. `for_the_model` is for a repair.
    pub trial: Option<Trial>,
}
