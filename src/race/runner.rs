//! One candidate from its brief to tested code in its worktree: its own plan, one contract after the other through turbo's
//! session, tests, bounded repair. Every step is in the record before the next one begins; knows nothing of other candidates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::design::Design;
use super::live::Lane;
use super::plan::{self, Bent, Brief, Ground, Plan};
use crate::config::Env;
use crate::exam::protected::is_test;
use crate::fsx::confined::Overwrite;
use crate::turbo::blocks::FileBlock;
use crate::turbo::order::{Failure, Order, Spent};
use crate::turbo::prompt::{Standing, shown};
use crate::turbo::session::{Ready, Session, Work};
use crate::turbo::trial::Trial;

/// Bytes of earlier files that a later task of the same candidate is shown.
const MOST_SHOWN: usize = 48 << 10;

/// What all candidates of a race share.
pub struct Course<'a> {
    /// Folders and variables.
    pub env: &'a Env,
    /// What to build.
    pub design: &'a Design,
    /// What is there before.
    pub ground: &'a Ground,
    /// The tests' command.
    pub test: &'a str,
    /// How often failing tests go back to the model.
    pub fix: u8,
    /// The model's id; none: the configured one.
    pub model: Option<&'a str>,
    /// For the calls of one step, waiting included; none: as configured.
    pub within: Option<Duration>,
}

/// Runs the tests on a worktree.
pub type Examine<'a> = dyn Fn() -> Result<Trial, Failure> + Sync + 'a;

/// How far a candidate is, and what it took. Kept in the race's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Of the candidate.
    pub name: String,
    /// What makes it different.
    pub bent: Bent,
    /// How far it is.
    pub stage: Stage,
    /// Its own plan.
    pub plan: Option<Plan>,
    /// Files that it wrote, without plan and contracts.
    pub files: Vec<String>,
    /// Files with its plan and contracts.
    pub papers: Vec<String>,
    /// What its calls took.
    pub spent: Spent,
    /// Repairs that were tried.
    pub repairs: u8,
    /// The tests passed before any repair; none when they never ran.
    pub first_pass: Option<bool>,
    /// Time of everything, in milliseconds.
    pub ms: u64,
    /// Why it did not get to the end.
    pub failure: Option<Failure>,
    /// What is odd but no fault.
    pub notes: Vec<String>,
}

/// How far a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nothing is done.
    New,
    /// Its plan is in the record.
    Planned,
    /// Its files are in the worktree.
    Written,
    /// The exam is over.
    Examined,
}

impl Record {
    /// Of a candidate that has not begun.
    pub fn new(name: String, bent: Bent) -> Self {
        Self {
            name,
            bent,
            stage: Stage::New,
            plan: None,
            files: Vec::new(),
            papers: Vec::new(),
            spent: Spent::default(),
            repairs: 0,
            first_pass: None,
            ms: 0,
            failure: None,
            notes: Vec::new(),
        }
    }
}

/// Plans and writes. `papers` is the folder for plan and contracts, below the worktree; `save` is called after each step.
/// Tests that fail are no failure; what keeps the candidate from being finished is.
pub fn run(
    course: &Course<'_>,
    record: &mut Record,
    tree: &Path,
    papers: &str,
    examine: &Examine<'_>,
    save: &dyn Fn(&Record) -> Result<(), Failure>,
    lane: &Lane<'_>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let order =
        Order { out: tree.to_owned(), fix: course.fix, ..Order::of_calls(course.model, course.within) };
    let mut session = Session::new(course.env, &order, lane);
    let before = record.spent.clone();
    let result = steps(course, record, papers, examine, save, lane, &mut session);
    record.spent = before.plus(&session.spent());
    record.notes.extend_from_slice(session.warnings());
    if let Some(tests) = session.tests() {
        record.first_pass = Some(tests.first_pass);
        record.repairs = tests.repairs;
    }
    // What is not finished is taken back, so that whoever goes on begins with the base commit.
    let left = if result.is_ok() { session.leave() } else { session.abandon() };
    record.ms += began.elapsed().as_millis() as u64;
    result.and(left)?;
    record.stage = Stage::Written;
    save(record)
}

fn steps(
    course: &Course<'_>,
    record: &mut Record,
    papers: &str,
    examine: &Examine<'_>,
    save: &dyn Fn(&Record) -> Result<(), Failure>,
    lane: &Lane<'_>,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let ready = session.ready()?;
    session.look_at_the_folder()?;
    let plan = if let Some(plan) = &record.plan {
        plan.clone()
    } else {
        lane.begin("planning");
        let brief =
            Brief { design: course.design, bent: &record.bent, ground: course.ground, test: course.test };
        let plan = plan::ask(session, &ready, &brief)?;
        record.plan = Some(plan.clone());
        record.stage = Stage::Planned;
        save(record)?;
        plan
    };
    let written = papers_of(&plan, papers);
    record.papers = written.iter().map(|file| file.path.clone()).collect();
    let mut papers = written;
    let mut current = BTreeMap::new();
    for (number, contract) in plan.contracts.iter().enumerate() {
        lane.begin(&format!("generating {}/{}", number + 1, plan.contracts.len()));
        session.begin_anew(&ready);
        generate(session, &ready, contract, std::mem::take(&mut papers), &mut current)?;
    }
    record.files = current.keys().cloned().collect();
    session.begin_anew(&ready);
    let contract = plan.contracts.join("\n\n");
    let work = Work { contract: &contract, command: course.test, examine };
    let tested = session.test_and_repair(&ready, &work, &mut current);
    record.files = current.keys().cloned().collect();
    match tested {
        Err(failure) if failure.code == "tests_failed" => Ok(()),
        other => other,
    }
}

fn papers_of(plan: &Plan, folder: &str) -> Vec<FileBlock> {
    let paper = |name: String, content: &str| FileBlock {
        path: PathBuf::from(folder).join(name).to_string_lossy().into_owned(),
        content: content.to_owned(),
        line: 1,
    };
    let contracts = plan.contracts.iter().enumerate();
    let contracts =
        contracts.map(|(number, contract)| paper(format!("contract-{}.md", number + 1), contract));
    [paper("plan.md".to_owned(), &plan.text)].into_iter().chain(contracts).collect()
}

/// Has the files of one contract written, with the papers. Files of earlier contracts are shown, so that the parts fit together.
fn generate(
    session: &mut Session<'_>,
    ready: &Ready,
    contract: &str,
    mut papers: Vec<FileBlock>,
    current: &mut BTreeMap<String, FileBlock>,
) -> Result<(), Failure> {
    let mut room = MOST_SHOWN;
    let standing: Vec<Standing<'_>> = current
        .values()
        .filter(|file| !is_test(&file.path))
        .filter(|file| {
            let fits = file.content.len() <= room;
            room -= if fits { file.content.len() } else { 0 };
            fits
        })
        .map(|file| Standing { path: &file.path, content: &file.content })
        .collect();
    let asked = if standing.is_empty() {
        contract.to_owned()
    } else {
        format!(
            "{}\n\nThese files of the same project are there already; use them as they are, and write one again only when this \
             contract says so:\n\n{}",
            contract.trim(),
            shown(&standing)
        )
    };
    let blocks = session.files(
        ready,
        &crate::turbo::prompt::system,
        &crate::turbo::prompt::contract(&asked),
        contract,
    )?;
    // A model that writes one of the papers' places writes code there.
    papers.retain(|paper| blocks.files.iter().all(|file| file.path != paper.path));
    papers.extend(blocks.files.iter().cloned());
    session.write(&papers, Overwrite::Replace)?;
    current.extend(blocks.files.into_iter().map(|file| (file.path.clone(), file)));
    Ok(())
}
