//! What the engine keeps of a race in its record: how it is run, how far every candidate is, the exams. Every change is on
//! the disk before anybody goes on. Runs nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::complexity::Complexity;
use super::design::Design;
use super::gates::Adherence;
use super::manifest::{Kind, Race};
use super::outcome::Outcome;
use super::runner::Record;
use crate::error::{Error, Result};
use crate::exam::{How, Sat, Verdict};
use crate::fence::Sandbox;
use crate::turbo::order::Spent;

/// How a race is run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The tests' command, run at the repository's top.
    pub test: String,
    /// How often failing tests go back to the model.
    pub fix: u8,
    /// The model's id; none: the configured one.
    pub model: Option<String>,
    /// Seconds for the calls of one step, waiting included; none: as configured.
    pub within_s: Option<u64>,
    /// Seconds of one run of the tests.
    pub test_within_s: u64,
    /// How well the tests must be fenced; none: as configured.
    pub sandbox: Option<Sandbox>,
    /// Who answers what has to be read.
    pub review: Review,
}

/// Who answers what has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Review {
    /// The hosted model, item by item.
    Hosted,
    /// Nobody now; answers may come later.
    None,
}

/// What the race's record keeps for the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// What all build.
    pub design: Design,
    /// Its file.
    pub design_file: String,
    /// The assessment, when it decided the number.
    pub complexity: Option<Complexity>,
    /// How it is run.
    pub settings: Settings,
    /// Every candidate.
    pub records: Vec<Record>,
    /// Final exams, by candidate.
    pub exams: BTreeMap<String, Examined>,
    /// What the design names and is not there, by candidate.
    pub missing: BTreeMap<String, Adherence>,
    /// What a reader said, by candidate.
    pub answers: BTreeMap<String, Value>,
    /// What the reviews took.
    pub review: Spent,
    /// What proposing the approaches took.
    pub proposals: Spent,
    /// Time so far, in milliseconds.
    pub ms: u64,
    /// The result, once there is one.
    pub outcome: Option<Box<Outcome>>,
}

impl State {
    /// What all calls of the race took.
    pub fn spent(&self) -> Spent {
        let all = self.records.iter().map(|record| &record.spent).chain([&self.review, &self.proposals]);
        all.fold(Spent::default(), Spent::plus)
    }

    /// Replaces a candidate's record.
    pub fn put(&mut self, record: &Record) {
        if let Some(known) = self.records.iter_mut().find(|known| known.name == record.name) {
            known.clone_from(record);
        }
    }
}

/// A final exam as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Examined {
    /// What came of it.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that there are.
    pub of: u64,
    /// Files of the base commit's exam that the candidate changed or removed.
    pub edited: Vec<String>,
    /// How it was fenced.
    pub sandbox: String,
    /// All of it.
    pub seen: Value,
}

impl Examined {
    /// What is kept of it.
    pub fn of(sat: &Sat) -> Self {
        let edited = sat.tampered.iter().filter(|one| one.how != How::Added).map(|one| one.path.clone());
        Self {
            verdict: sat.verdict,
            reason: sat.reason.clone(),
            passed: sat.share.passed,
            of: sat.share.of,
            edited: edited.collect(),
            sandbox: sat.sandbox.clone(),
            seen: serde_json::to_value(sat).unwrap_or_default(),
        }
    }
}

/// A race and its state; every change is on the disk before anybody goes on.
pub struct Kept {
    /// The race.
    pub race: Race,
    state: Mutex<State>,
}

impl Kept {
    /// A race with the state that its record holds.
    pub fn of(race: Race) -> Result<Self> {
        let state = serde_json::from_value(race.manifest().state).map_err(|why| {
            Error::new("cannot go on with the race", format!("its record cannot be read: {why}"))
                .at(race.folder())
                .fix("start it again, and clear this one away: sef clean ID")
        })?;
        Ok(Self { race, state: Mutex::new(state) })
    }

    /// The worktrees, by candidate.
    pub fn trees(&self) -> BTreeMap<String, PathBuf> {
        self.race.manifest().candidates.into_iter().map(|one| (one.name, one.tree)).collect()
    }

    /// Reads the state.
    pub fn look<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.lock().expect("nothing panics while it is held"))
    }

    /// A race that begins.
    pub fn new(race: Race, state: State) -> Result<Self> {
        let kept = Self { race, state: Mutex::new(state) };
        kept.save()?;
        Ok(kept)
    }

    /// Changes the state and saves it. One change after the other reaches the disk, each with all before it.
    pub fn change(&self, change: impl FnOnce(&mut State)) -> Result<()> {
        let mut state = self.state.lock().expect("nothing panics while it is held");
        change(&mut state);
        let value =
            serde_json::to_value(&*state).map_err(|why| Error::new("cannot keep the race's record", why))?;
        self.race.update(|manifest| manifest.state = value)
    }

    fn save(&self) -> Result<()> {
        self.change(|_| {})
    }

    /// Replaces a candidate's record.
    pub fn put(&self, record: &Record) -> Result<()> {
        self.change(|state| state.put(record))
    }
}

/// Where a candidate's plan and contracts lie in the repository.
pub fn papers(kind: Kind, feature: &str, name: &str) -> String {
    format!("{}/{name}", folder(kind, feature))
}

/// Where the papers of a race lie in the repository.
pub fn folder(kind: Kind, feature: &str) -> String {
    let kind = match kind {
        Kind::Showdown => "showdown",
        Kind::AnyPercent => "any-percent",
    };
    format!("docs/plans/{feature}/speed-run/{kind}")
}
