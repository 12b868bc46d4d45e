//! Candidates side by side: each in a thread of its own from where its record says it is to its final exam; no more exams at
//! once than the machine has cores. Decides nothing about who is better.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::gates::adherence;
use super::kept::{Examined, Kept, State, papers};
use super::live::{Lane, Spectator, Weight};
use super::plan::Ground;
use super::runner::{self, Course, Record, Stage};
use crate::config::Env;
use crate::exam::protected::is_test;
use crate::exam::{self, Control, Depth, Exam, Sat};
use crate::fsx::read_regular;
use crate::turbo::order::Failure;
use crate::turbo::trial::Trial;
use crate::watch::{Step, Watch};

/// Largest source that is looked through for what the design names.
const MOST_SOURCE: u64 = 1 << 20;

type Made<T> = std::result::Result<T, Failure>;

/// As many exams at once as the machine has cores.
pub struct Seats {
    free: Mutex<usize>,
    left: Condvar,
}

impl Seats {
    /// All free.
    pub fn all_free() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { free: Mutex::new(cores), left: Condvar::new() }
    }

    fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut free = self.free.lock().expect("nothing panics while it is held");
        while *free == 0 {
            free = self.left.wait(free).expect("nothing panics while it is held");
        }
        *free -= 1;
        drop(free);
        let seat = Seat(self);
        let done = work();
        drop(seat);
        done
    }
}

struct Seat<'a>(&'a Seats);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().expect("nothing panics while it is held") += 1;
        self.0.left.notify_one();
    }
}

/// The control run, made once by whoever needs it first.
pub struct Controlled<'a> {
    exam: &'a Exam,
    base: &'a Path,
    scratch: PathBuf,
    found: OnceLock<Made<Control>>,
}

impl<'a> Controlled<'a> {
    /// Not made yet; `base` is a checkout of the base commit.
    pub fn new(exam: &'a Exam, base: &'a Path, scratch: PathBuf) -> Self {
        Self { exam, base, scratch, found: OnceLock::new() }
    }

    /// The control run's finding.
    pub fn get(&self, env: &Env, seats: &Seats, spectator: &dyn Spectator) -> Made<&Control> {
        let lane = Lane::of("control", spectator);
        let found = self.found.get_or_init(|| {
            seats.with(|| exam::control(env, self.exam, Some(self.base), &self.scratch, &Quiet(&lane)))
        });
        found.as_ref().map_err(Failure::clone)
    }
}

/// A lane whose steps are nobody's business.
struct Quiet<'a>(&'a Lane<'a>);

impl Watch for Quiet<'_> {
    fn step(&self, _: Step) {}
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// What a candidate's thread works with.
pub struct Arena<'a> {
    /// Folders and variables.
    pub env: &'a Env,
    /// The race.
    pub kept: &'a Kept,
    /// Its state when the candidates began.
    pub state: &'a State,
    /// What they are examined with.
    pub exam: &'a Exam,
    /// The control run.
    pub control: &'a Controlled<'a>,
    /// Room for exams.
    pub seats: &'a Seats,
    /// What plans are told of the base commit.
    pub ground: &'a Ground,
    /// Who watches.
    pub spectator: &'a dyn Spectator,
}

impl Arena<'_> {
    /// One candidate, from where its record says that it is.
    pub fn run(&self, record: &Record, tree: &Path) {
        let lane = Lane::of(&record.name, self.spectator);
        let mut record = record.clone();
        record.failure = None;
        let done = self.write(&mut record, tree, &lane).and_then(|()| self.examine(&mut record, tree, &lane));
        if let Err(failure) = done
            && !self.spectator.cancelled()
        {
            lane.end(&format!("out: {}", failure.message));
            record.failure = Some(failure);
        }
        if let Err(error) = self.kept.put(&record) {
            self.spectator.say(None, &error.to_string(), Weight::Phase);
        }
    }

    fn write(&self, record: &mut Record, tree: &Path, lane: &Lane<'_>) -> Made<()> {
        if record.stage >= Stage::Written {
            return Ok(());
        }
        let settings = &self.state.settings;
        let course = Course {
            env: self.env,
            design: &self.state.design,
            ground: self.ground,
            test: &settings.test,
            fix: settings.fix,
            model: settings.model.as_deref(),
            within: settings.within_s.map(Duration::from_secs),
        };
        let examine = || -> Made<Trial> {
            let sat = self.sit(Depth::Quick, lane.name(), tree, lane)?;
            lane.end(&format!("tests {}/{}", sat.share.passed, sat.share.of));
            sat.trial.ok_or(Failure {
                code: "no_test_run".to_owned(),
                message: sat.reason,
                fix: "see what stands in the candidate's worktree".to_owned(),
            })
        };
        let save = |record: &Record| self.kept.put(record).map_err(|error| Failure::of("not_kept", &error));
        let papers = papers(self.kept.race.manifest().kind, &self.state.design.feature, &record.name);
        runner::run(&course, record, tree, &papers, &examine, &save, lane)
    }

    fn examine(&self, record: &mut Record, tree: &Path, lane: &Lane<'_>) -> Made<()> {
        if record.stage >= Stage::Examined {
            return Ok(());
        }
        lane.begin("final exam");
        let sat = self.sit(Depth::Full, &record.name, tree, lane)?;
        let named = &self.state.design.named;
        let adherence = adherence(named, &code(tree, record, &named.files));
        lane.end(&format!("final exam {}/{}: {}", sat.share.passed, sat.share.of, sat.reason));
        record.stage = Stage::Examined;
        let examined = Examined::of(&sat);
        let kept = self.kept.change(|state| {
            state.exams.insert(record.name.clone(), examined);
            state.missing.insert(record.name.clone(), adherence);
            state.put(record);
        });
        kept.map_err(|error| Failure::of("not_kept", &error))
    }

    fn sit(&self, depth: Depth, name: &str, tree: &Path, lane: &Lane<'_>) -> Made<Sat> {
        let control = self.control.get(self.env, self.seats, self.spectator)?;
        let scratch = self.kept.race.folder().join("exam").join(name);
        self.seats.with(|| exam::sit(self.env, self.exam, control, depth, tree, &scratch, &Quiet(lane)))
    }
}

/// Path and text of everything that the candidate wrote and that is no test, and of named files that it left as they are.
fn code(tree: &Path, record: &Record, named: &[String]) -> Vec<(String, String)> {
    let read = |path: &String| {
        let bytes = read_regular(&tree.join(path), MOST_SOURCE).ok()?;
        Some((path.clone(), String::from_utf8_lossy(&bytes).into_owned()))
    };
    let named = named.iter().filter(|path| !record.files.contains(path));
    record.files.iter().chain(named).filter(|path| !is_test(path)).filter_map(read).collect()
}
