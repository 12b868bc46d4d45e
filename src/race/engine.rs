//! A race from its design to its candidates' exams: who runs, worktrees, the exam, all side by side; `settle` does the rest.
//! Every step is in the race's record before the next begins, so that whoever comes after a kill goes on where it stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::account;
use super::approaches::Approach;
use super::arena::{Arena, Controlled, Seats};
use super::complexity::{Complexity, assess};
use super::data::data;
use super::design::{Design, Scenario, slug};
use super::kept::{Kept, Settings, State};
use super::live::{Spectator, Weight};
use super::manifest::{Kind, Race};
use super::outcome::Outcome;
use super::plan::{Bent, Ground};
use super::repo::Repo;
use super::runner::Record;
use super::settle::settle;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::exam::{self, Exam, Standard};
use crate::fence::{self, Limits};
use crate::fsx::read_regular;
use crate::hosted::service::Service;
use crate::metrics::race::Step;
use crate::report::text::plural;
use crate::turbo::order::Spent;
use crate::turbo::runs;

/// The worktree that stays as the base commit has it: what the exam is read from.
pub const BASE: &str = "base";
/// Files of the base commit that a plan's request lists.
const MOST_LISTED: usize = 200;
/// Bytes of named files that a plan's request shows.
const MOST_SHOWN: u64 = 32 << 10;
/// Largest test that is taken along, in bytes.
const MOST_SCENARIO: u64 = 1 << 20;
/// Longest part of a candidate's name that its approach gives, in characters.
const MOST_VARIANT: usize = 30;

/// What a race is asked for.
#[derive(Debug, Clone)]
pub struct Start {
    /// What is built.
    pub design: Design,
    /// The design's file, or where else it came from: for people.
    pub design_file: String,
    /// Who runs.
    pub field: Field,
    /// Tests of the checkout that are not committed yet, relative to the current folder.
    pub scenarios: Vec<PathBuf>,
    /// What proposing the approaches took.
    pub proposals: Spent,
    /// How.
    pub settings: Settings,
}

/// Who runs.
#[derive(Debug, Clone)]
pub enum Field {
    /// The same design; none: as many as its complexity is worth.
    Runners(Option<usize>),
    /// One candidate for each approach.
    Approaches(Vec<Approach>),
}

/// Starts a race in the repository of `dir` and runs it to its end.
pub fn start(env: &Env, dir: &Path, start: &Start, spectator: &dyn Spectator) -> Result<Outcome> {
    run(env, &begin(env, dir, start)?, spectator)
}

/// Makes the record of a race in the repository of `dir`. Nothing runs yet, and the repository is as it was.
pub fn begin(env: &Env, dir: &Path, start: &Start) -> Result<Kept> {
    let state_dir = runs::state_dir(env)?;
    let mut design = start.design.clone();
    let repo = Repo::find(dir)?;
    add_scenarios(&mut design, dir, &repo, &start.scenarios)?;
    let settings = start.settings.clone();
    Service::with_key(env, settings.model.as_deref())
        .map_err(|fault| Error::new("cannot start the race", fault.why).fix(fault.fix))?;
    let (kind, complexity, records) = field(&design, &start.field)?;
    let race = Race::begin(state_dir, repo, kind, &design.feature)?;
    let state = State {
        design,
        design_file: start.design_file.clone(),
        complexity,
        settings,
        records,
        exams: BTreeMap::new(),
        missing: BTreeMap::new(),
        answers: BTreeMap::new(),
        review: Spent::default(),
        proposals: start.proposals.clone(),
        ms: 0,
        outcome: None,
    };
    Kept::new(race, state)
}

/// Goes on with a race that was stopped or killed.
pub fn resume(env: &Env, id: &str, spectator: &dyn Spectator) -> Result<Outcome> {
    let race = Race::open(runs::state_dir(env)?, id)?;
    go_on(env, &Kept::of(race)?, spectator)
}

/// The rest of a race; its result when it has one.
pub fn go_on(env: &Env, kept: &Kept, spectator: &dyn Spectator) -> Result<Outcome> {
    match kept.look(|state| state.outcome.clone()) {
        Some(outcome) => Ok(*outcome),
        None => run(env, kept, spectator),
    }
}

/// Tests of the checkout that nobody committed yet become scenarios.
fn add_scenarios(design: &mut Design, dir: &Path, repo: &Repo, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        let cannot = |why: &dyn std::fmt::Display| {
            Error::new("cannot take the test along", why).at(path).fix("name a text file of this repository")
        };
        let real = std::fs::canonicalize(dir.join(path)).map_err(|why| cannot(&why))?;
        let below = real.strip_prefix(&repo.top).map_err(|_| cannot(&"it is not in the repository"))?;
        let bytes = read_regular(&real, MOST_SCENARIO).map_err(|why| cannot(&why))?;
        let content = String::from_utf8(bytes).map_err(|_| cannot(&"it is not UTF-8"))?;
        let path = below.to_string_lossy().into_owned();
        design.scenarios.retain(|known| known.path != path);
        design.scenarios.push(Scenario { path, content });
    }
    Ok(())
}

/// The candidates, and why there are so many.
fn field(design: &Design, field: &Field) -> Result<(Kind, Option<Complexity>, Vec<Record>)> {
    match field {
        Field::Runners(wanted) => {
            let complexity = wanted.is_none().then(|| assess(design));
            let count = wanted.unwrap_or_else(|| complexity.as_ref().map_or(2, |found| found.runners));
            let records = data().emphasis.iter().take(count).enumerate().map(|(number, emphasis)| {
                let bent = Bent::Emphasis { name: emphasis.name.clone(), words: emphasis.words.clone() };
                Record::new(format!("runner-{}", number + 1), bent)
            });
            Ok((Kind::Showdown, complexity, records.collect()))
        }
        Field::Approaches(approaches) => {
            let mut records: Vec<Record> = Vec::new();
            for approach in approaches {
                let words = slug(&approach.name);
                let name =
                    format!("variant-{}", words.get(..MOST_VARIANT).unwrap_or(&words).trim_end_matches('-'));
                let cannot = |why: &str| {
                    Error::new("cannot race these approaches", format!("{why}: {}", approach.name)).fix(
                        "give each a short name of its own: --approach \"sqlite: one file, indexed by key\"",
                    )
                };
                if words.is_empty() {
                    return Err(cannot("no name can be made of it"));
                }
                if records.iter().any(|known| known.name == name) {
                    return Err(cannot("two have the same name"));
                }
                let bent = Bent::Approach { name: approach.name.clone(), words: approach.words.clone() };
                records.push(Record::new(name, bent));
            }
            Ok((Kind::AnyPercent, None, records))
        }
    }
}

/// Everything from the worktrees to the result. What a race without one has used is written down too.
fn run(env: &Env, kept: &Kept, spectator: &dyn Spectator) -> Result<Outcome> {
    raced(env, kept, spectator).inspect_err(|_| account::note(env, kept, Step::Stopped))
}

fn raced(env: &Env, kept: &Kept, spectator: &dyn Spectator) -> Result<Outcome> {
    let began = Instant::now();
    let state = kept.look(State::clone);
    let say = |words: &str| spectator.say(None, words, Weight::Phase);
    say(&format!("{} with {}", kept.race.id(), plural(state.records.len() as u64, "candidate")));
    if let Some(complexity) = &state.complexity {
        say(&format!("complexity {}: {}", complexity.level, complexity.reasons.join("; ")));
    }
    let trees = trees(kept, &state)?;
    let base = &trees[BASE];
    let exam = exam_of(kept, &state, base)?;
    let ground = ground(kept, &state, base)?;
    let scratch = kept.race.folder().join("exam");
    let control = Controlled::new(&exam, base, scratch.join("control"));
    let seats = Seats::all_free();
    let arena = Arena {
        env,
        kept,
        state: &state,
        exam: &exam,
        control: &control,
        seats: &seats,
        ground: &ground,
        spectator,
    };
    thread::scope(|scope| {
        scope.spawn(|| control.get(env, &seats, spectator));
        for record in &state.records {
            let tree = &trees[record.name.as_str()];
            let arena = &arena;
            scope.spawn(move || arena.run(record, tree));
        }
    });
    kept.change(|state| state.ms += began.elapsed().as_millis() as u64)?;
    if spectator.cancelled() {
        return Err(stopped(&kept.race.id()));
    }
    settle(env, kept, &trees, spectator)
}

/// What a race that was stopped is.
pub fn stopped(id: &str) -> Error {
    Error::new("the race was stopped", "everything that was finished is kept")
        .fix(format!("go on with it: sef race resume {id}; or clear it away: sef clean {id} --discard all"))
}

/// The worktrees by candidate; those that are not there yet are made.
fn trees(kept: &Kept, state: &State) -> Result<BTreeMap<String, PathBuf>> {
    kept.race.take_back_unfinished()?;
    let known = kept.race.manifest().candidates;
    let names = [BASE].into_iter().chain(state.records.iter().map(|record| record.name.as_str()));
    let new: Vec<&str> = names.filter(|name| known.iter().all(|one| one.name != *name)).collect();
    if !new.is_empty() {
        kept.race.add(&new)?;
    }
    Ok(kept.trees())
}

fn exam_of(kept: &Kept, state: &State, base: &Path) -> Result<Exam> {
    let mut standard = Standard::read(base, &state.settings.test)?;
    for scenario in &state.design.scenarios {
        standard.add(&scenario.path, scenario.content.clone().into_bytes())?;
    }
    standard.theirs.extend(state.design.named.files.iter().cloned());
    let wall = Duration::from_secs(state.settings.test_within_s);
    Ok(Exam {
        command: state.settings.test.clone(),
        limits: Limits { wall, cpu: wall, ..Limits::default() },
        disk_bytes: exam::DISK_BYTES,
        sandbox: state.settings.sandbox,
        standard: Some(standard),
        checkout: Some(kept.race.repo.top.clone()),
        sef: fence::own_binary()?,
    })
}

/// What the plans are told of the base commit.
fn ground(kept: &Kept, state: &State, base: &Path) -> Result<Ground> {
    let paths = kept.race.repo.paths(&kept.race.manifest().base)?;
    let listing: Vec<String> =
        paths.iter().take(MOST_LISTED).map(|path| path.to_string_lossy().into_owned()).collect();
    let mut room = MOST_SHOWN;
    let mut named = Vec::new();
    for file in &state.design.named.files {
        let Ok(bytes) = read_regular(&base.join(file), room) else { continue };
        room -= bytes.len() as u64;
        named.extend(String::from_utf8(bytes).ok().map(|content| (file.clone(), content)));
    }
    Ok(Ground { more: paths.len() - listing.len(), listing, named })
}
