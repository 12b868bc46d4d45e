//! From exams to a result: gates, who is the same as whom, what has to be read, the judge, and the papers in the race's
//! folder. Runs no candidate's code; the winner is the judge's arithmetic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::kept::{Kept, Review, State, folder};
use super::live::{Lane, Spectator, Weight};
use super::manifest::Kind;
use super::outcome::{Likeness, Outcome, Runner, SCHEMA, Status, Written};
use super::runner::{Record, Stage};
use super::{account, page, papers, plan, result};
use crate::calendar;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::exam::Verdict;
use crate::exam::protected::is_test;
use crate::judge::rank::{Judged, Judgement};
use crate::judge::sheet::{CandidateAnswers, Severity, read_answer};
use crate::judge::{self, ADHERENCE, Candidate, Effort, GateResult, Measured, Mode, TestCounts, worksheet};
use crate::metrics::race::Step;
use crate::state::{private_dir, replace_private};
use crate::turbo::account::compare;
use crate::turbo::order::{Failure, Order, Spent};
use crate::turbo::session::Session;

/// How often a review that cannot be read is asked for again.
const ROUNDS: usize = 2;
/// Mistakes of a review that the model is told.
const TOLD: usize = 8;
/// Bytes of code that one review is shown.
const MOST_CODE: usize = 120 << 10;
/// Gate: the candidate left the tests of the base commit alone.
const EXAM: &str = "exam";

/// Judges, and writes the result down.
pub fn settle(
    env: &Env,
    kept: &Kept,
    trees: &BTreeMap<String, PathBuf>,
    spectator: &dyn Spectator,
) -> Result<Outcome> {
    let began = Instant::now();
    let state = kept.look(State::clone);
    let mut bench = Bench::new(kept, &state, trees);
    if state.settings.review == Review::Hosted {
        bench.read_out(env, kept, &state, spectator)?;
        if spectator.cancelled() {
            return Err(super::engine::stopped(&kept.race.id()));
        }
    }
    let judgement = bench.judge();
    kept.change(|state| state.ms += began.elapsed().as_millis() as u64)?;
    let state = kept.look(State::clone);
    let draft = outcome(env, kept, &state, &bench, &judgement);
    let sheet = worksheet::markdown(&judgement);
    bench.notes.extend(papers::commit(env, kept, &state, &draft, &sheet, trees));
    let outcome = conclude(env, kept, &state, &bench, &judgement)?;
    account::note(env, kept, Step::Judged);
    let said = outcome.winner.as_ref().map_or("no winner".to_owned(), |name| format!("{name} wins"));
    spectator.say(None, &said, Weight::Phase);
    Ok(outcome)
}

/// Judges a race again with other answers, as Claude's judge skill gives them. Nothing is asked of the hosted model.
pub fn again(env: &Env, kept: &Kept, answers: &BTreeMap<String, Value>) -> Result<Outcome> {
    let known = kept.look(|state| state.records.iter().map(|record| record.name.clone()).collect::<Vec<_>>());
    if let Some(stranger) = answers.keys().find(|name| !known.contains(name)) {
        return Err(Error::new("cannot judge the race", format!("it has no candidate {stranger}"))
            .fix(format!("name one of: {}", known.join(", "))));
    }
    kept.change(|state| state.answers.extend(answers.clone()))?;
    let state = kept.look(State::clone);
    let bench = Bench::new(kept, &state, &kept.trees());
    let judgement = bench.judge();
    let outcome = conclude(env, kept, &state, &bench, &judgement)?;
    account::note(env, kept, Step::Again);
    Ok(outcome)
}

/// The candidates of a race as the judge wants them, and what was measured of each.
pub fn bench(kept: &Kept) -> (Vec<Candidate>, Vec<Measured>) {
    let bench = Bench::new(kept, &kept.look(State::clone), &kept.trees());
    (bench.candidates, bench.measured)
}

/// The candidates as the judge wants them.
struct Bench {
    candidates: Vec<Candidate>,
    measured: Vec<Measured>,
    mode: Mode,
    notes: Vec<String>,
}

impl Bench {
    /// Candidates that sat the final exam, measured, with the answers that there are.
    pub fn new(kept: &Kept, state: &State, trees: &BTreeMap<String, PathBuf>) -> Self {
        let mode = match kept.race.manifest().kind {
            Kind::Showdown => Mode::Showdown,
            Kind::AnyPercent => Mode::AnyPercent,
        };
        let mut bench = Self { candidates: Vec::new(), measured: Vec::new(), mode, notes: Vec::new() };
        for record in state.records.iter().filter(|record| record.stage >= Stage::Examined) {
            let candidate = candidate(state, record, &trees[record.name.as_str()]);
            match judge::measure(&candidate) {
                Ok(measured) => {
                    bench.candidates.push(candidate);
                    bench.measured.push(measured);
                }
                Err(error) => bench.notes.push(format!("{} cannot be measured: {error}", record.name)),
            }
        }
        bench
    }

    /// The judge's word.
    pub fn judge(&self) -> Judgement {
        judge::judge(&self.candidates, &self.measured, self.mode)
    }

    /// Has what must be read answered by the hosted model, for candidates that may still win and have no answers.
    fn read_out(&mut self, env: &Env, kept: &Kept, state: &State, spectator: &dyn Spectator) -> Result<()> {
        let judgement = self.judge();
        let open: Vec<usize> = (0..self.candidates.len())
            .filter(|at| {
                let one = &self.candidates[*at];
                let judged = judgement.candidates.iter().find(|judged| judged.name == one.name);
                one.answers.is_none() && judged.is_some_and(|judged| !judged.eliminated)
            })
            .collect();
        let this = &*self;
        let reviews: Vec<(usize, Reviewed)> = thread::scope(|scope| {
            let threads: Vec<_> = open
                .iter()
                .map(|at| (*at, scope.spawn(move || this.review(env, state, *at, spectator))))
                .collect();
            threads
                .into_iter()
                .map(|(at, thread)| {
                    (at, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                })
                .collect()
        });
        for (at, reviewed) in reviews {
            let name = self.candidates[at].name.clone();
            let kept_answers = reviewed.answer.as_ref().ok().map(|(value, _)| value.clone());
            kept.change(|state| {
                state.review = state.review.clone().plus(&reviewed.spent);
                if let Some(value) = kept_answers {
                    state.answers.insert(name.clone(), value);
                }
            })?;
            match reviewed.answer {
                Ok((_, answers)) => self.candidates[at].answers = Some(answers),
                Err(failure) => self.notes.push(format!("{name} was not read: {}", failure.message)),
            }
        }
        Ok(())
    }

    fn review(&self, env: &Env, state: &State, at: usize, spectator: &dyn Spectator) -> Reviewed {
        let candidate = &self.candidates[at];
        let lane = Lane::of(&candidate.name, spectator);
        lane.begin("review");
        let settings = &state.settings;
        let within = settings.within_s.map(Duration::from_secs);
        let order = Order::of_calls(settings.model.as_deref(), within);
        let mut session = Session::new(env, &order, &lane);
        let answer = self.ask(&mut session, state, at);
        lane.end(if answer.is_ok() { "reviewed" } else { "review came to nothing" });
        Reviewed { answer, spent: session.spent() }
    }

    fn ask(
        &self,
        session: &mut Session<'_>,
        state: &State,
        at: usize,
    ) -> std::result::Result<(Value, CandidateAnswers), Failure> {
        let ready = session.ready()?;
        let asked = judge::questions::ask(&self.candidates[at], Some(&state.design.text), MOST_CODE)
            .map_err(|error| Failure::of("not_read", &error))?;
        let mut user = asked.user.clone();
        let mut mistakes = Vec::new();
        for _ in 0..ROUNDS {
            let text = session.structured(&ready, &asked.system, &user, &asked.schema)?;
            match read_answer(&text) {
                Ok(answers) => return Ok((serde_json::from_str(&text).unwrap_or_default(), answers)),
                Err(found) => mistakes = found,
            }
            mistakes.truncate(TOLD);
            user = format!("{}\n\nAn earlier answer could not be used:\n{}", asked.user, mistakes.join("\n"));
        }
        Err(Failure {
            code: "unreadable_answer".to_owned(),
            message: format!("the model's review cannot be read: {}", mistakes.join("; ")),
            fix: "answer what has to be read yourself: sef judge --questions".to_owned(),
        })
    }
}

struct Reviewed {
    answer: std::result::Result<(Value, CandidateAnswers), Failure>,
    spent: Spent,
}

fn candidate(state: &State, record: &Record, tree: &Path) -> Candidate {
    let exam = state.exams.get(&record.name);
    let mut gates = Vec::new();
    if let Some(adherence) = state.missing.get(&record.name) {
        let why = if adherence.missing.is_empty() {
            format!("all that the design names is there ({})", adherence.named)
        } else {
            format!("the design names it and it is not there: {}", adherence.missing.join(", "))
        };
        gates.push(GateResult { name: ADHERENCE.to_owned(), passed: adherence.missing.is_empty(), why });
    }
    if let Some(exam) = exam {
        let (passed, why) = if exam.edited.is_empty() {
            (true, "it left the tests alone".to_owned())
        } else {
            (false, format!("it changed its own exam: {}", exam.edited.join(", ")))
        };
        gates.push(GateResult { name: EXAM.to_owned(), passed, why });
    }
    let answers = state.answers.get(&record.name).and_then(|value| read_answer(&value.to_string()).ok());
    Candidate {
        name: record.name.clone(),
        dir: tree.to_owned(),
        files: Some(record.files.iter().filter(|path| !is_test(path)).cloned().collect()),
        tests: exam.map(|exam| TestCounts {
            passed: Some(exam.passed),
            failed: Some(exam.of.saturating_sub(exam.passed)),
            all_passed: exam.verdict == Verdict::Passed,
        }),
        gates,
        effort: Effort {
            repairs: Some(u64::from(record.repairs)),
            calls: Some(u64::from(record.spent.calls)),
            generation_ms: Some(record.spent.service_ms),
        },
        answers,
    }
}

/// The result as a value and as files in the race's folder.
fn conclude(env: &Env, kept: &Kept, state: &State, bench: &Bench, judgement: &Judgement) -> Result<Outcome> {
    let outcome = outcome(env, kept, state, bench, judgement);
    let folder = folder(kept.race.manifest().kind, &state.design.feature);
    write(&results(kept), &outcome, judgement, &folder)?;
    kept.change(|state| state.outcome = Some(Box::new(outcome.clone())))?;
    Ok(outcome)
}

/// Where the result's files lie.
fn results(kept: &Kept) -> PathBuf {
    kept.race.folder().join("result")
}

/// The result as a value.
fn outcome(env: &Env, kept: &Kept, state: &State, bench: &Bench, judgement: &Judgement) -> Outcome {
    let manifest = kept.race.manifest();
    let plans: Vec<(&str, &plan::Plan)> = state
        .records
        .iter()
        .filter_map(|record| Some((record.name.as_str(), record.plan.as_ref()?)))
        .collect();
    let alike = plan::alike(&plans.iter().map(|(_, plan)| *plan).collect::<Vec<_>>(), &state.design.text);
    let plans_alike = alike.into_iter().map(|(one, other, percent)| Likeness {
        one: plans[one].0.to_owned(),
        other: plans[other].0.to_owned(),
        percent: f64::from(percent),
    });
    let same = judgement.similarity.iter().filter(|pair| pair.same);
    let spent = state.spent();
    let path = |name: &str| results(kept).join(name).to_string_lossy().into_owned();
    Outcome {
        schema: SCHEMA,
        id: manifest.id.clone(),
        kind: if manifest.kind == Kind::Showdown { "showdown" } else { "any-percent" }.to_owned(),
        feature: state.design.feature.clone(),
        design: state.design_file.clone(),
        repo: manifest.repo.top.to_string_lossy().into_owned(),
        base: manifest.base.clone(),
        test: state.settings.test.clone(),
        complexity: state.complexity.clone(),
        candidates: state
            .records
            .iter()
            .map(|record| {
                let judged = judgement.candidates.iter().find(|judged| judged.name == record.name);
                let branch = manifest.candidates.iter().find(|one| one.name == record.name);
                runner(
                    state,
                    record,
                    judged,
                    judgement,
                    branch.and_then(|one| Some((&one.branch, one.commit.as_ref()?))),
                )
            })
            .collect(),
        winner: judgement.winner.clone(),
        rationale: vec![worksheet::winner(judgement)],
        trade_offs: worksheet::better_elsewhere(judgement),
        plans_alike: plans_alike.collect(),
        code_alike: same
            .map(|pair| Likeness { one: pair.one.clone(), other: pair.other.clone(), percent: pair.percent })
            .collect(),
        judgement: serde_json::to_value(judgement).unwrap_or_default(),
        compare: compare(env, &spent.usage),
        spent,
        review: state.review.clone(),
        ms: state.ms,
        sandbox: state
            .exams
            .values()
            .map(|exam| exam.sandbox.clone())
            .find(|said| !said.is_empty())
            .unwrap_or_default(),
        notes: notes(kept, state, bench),
        written: Written {
            result: path("result.md"),
            worksheet: path("worksheet.md"),
            page: path("result.html"),
        },
        promoted: None,
    }
}

/// What a person should know of the race as a whole.
fn notes(kept: &Kept, state: &State, bench: &Bench) -> Vec<String> {
    let repo = &kept.race.repo;
    let mut notes = bench.notes.clone();
    if !repo.filters.is_empty() {
        notes.push(format!(
            "files of the filters {} are in the worktrees as they are stored",
            repo.filters.join(", ")
        ));
    }
    if repo.has_submodules {
        notes.push("submodules are empty folders in the worktrees".to_owned());
    }
    if state.exams.values().any(|exam| exam.seen["proof"] == "none") {
        notes.push("the test command could not be run against broken tests, so its exit status and counts were believed".to_owned());
    }
    notes
}

fn runner(
    state: &State,
    record: &Record,
    judged: Option<&Judged>,
    judgement: &Judgement,
    branch: Option<(&String, &String)>,
) -> Runner {
    let exam = state.exams.get(&record.name);
    let (status, why) = fate(record, exam.map(|exam| exam.reason.as_str()), judged, judgement);
    let issues = judged.map_or([0; 3], |judged| {
        let count = |severity| {
            judged.sheet.issues.iter().filter(|issue| issue.severity == Some(severity)).count() as u32
        };
        [count(Severity::Minor), count(Severity::Major), count(Severity::Critical)]
    });
    let scores = judged.map(|judged| judged.scores).unwrap_or_default();
    Runner {
        name: record.name.clone(),
        bent: record.bent.name().to_owned(),
        approach: record.plan.as_ref().map(|plan| plan.approach.clone()),
        status,
        why,
        branch: branch.map(|(branch, _)| branch.clone()),
        commit: branch.map(|(_, commit)| commit.clone()),
        passed: exam.map(|exam| exam.passed),
        failed: exam.map(|exam| exam.of.saturating_sub(exam.passed)),
        exam: exam.map(|exam| exam.seen.clone()).unwrap_or_default(),
        missing: state
            .missing
            .get(&record.name)
            .map(|adherence| adherence.missing.clone())
            .unwrap_or_default(),
        files: record.files.clone(),
        lines: judged.map(|judged| judged.facts.code_lines),
        issues,
        spent: record.spent.clone(),
        repairs: record.repairs,
        first_pass: record.first_pass,
        ms: record.ms,
        total: judged.and_then(|judged| judged.total),
        scores: [
            scores.fitness,
            scores.complexity,
            scores.readability,
            scores.robustness,
            scores.maintainability,
        ],
        notes: record.notes.clone(),
        plan: record.plan.as_ref().map(|plan| plan.text.clone()).unwrap_or_default(),
    }
}

/// What became of a candidate, and why.
fn fate(
    record: &Record,
    exam: Option<&str>,
    judged: Option<&Judged>,
    judgement: &Judgement,
) -> (Status, String) {
    let Some(judged) = judged else {
        let why = record.failure.as_ref().map_or("it was not finished", |failure| &failure.message);
        return (Status::Failed, why.to_owned());
    };
    if judgement.winner.as_ref() == Some(&record.name) {
        return (Status::Winner, "the best of those that passed everything".to_owned());
    }
    if !judged.eliminated {
        let total = judged.total.map_or(String::new(), |total| format!(" with {total} points"));
        return (Status::Passed, format!("it passed everything{total}"));
    }
    let mut reasons = Vec::new();
    for reason in &judged.reasons {
        let gate = judged.race_gates.iter().find(|gate| gate.name == *reason && !gate.passed);
        reasons.push(match (reason.as_str(), gate) {
            (_, Some(gate)) => gate.why.clone(),
            ("tests", _) => exam.unwrap_or("its tests do not all pass").to_owned(),
            ("duplicate", _) => {
                format!("it is the same as {}", judged.duplicate_of.as_deref().unwrap_or("another"))
            }
            ("fitness-gap", _) => {
                judgement.gates.fitness.reading.unwrap_or("its fitness is 2 points behind").to_owned()
            }
            ("empty", _) => "it holds no code".to_owned(),
            (criterion, _) => format!("a critical flaw: {criterion} is 1"),
        });
    }
    (Status::Eliminated, reasons.join("; "))
}

/// Writes the result's files.
fn write(papers: &Path, outcome: &Outcome, judgement: &Judgement, folder: &str) -> Result<()> {
    let json =
        serde_json::to_vec_pretty(outcome).map_err(|why| Error::new("cannot write the result", why))?;
    let files = [
        ("result.md", result::markdown(outcome, folder).into_bytes()),
        ("worksheet.md", worksheet::markdown(judgement).into_bytes()),
        ("result.html", page::page(outcome, calendar::now()).into_bytes()),
        ("result.json", json),
    ];
    let written = private_dir(papers).and_then(|()| {
        files.iter().try_for_each(|(name, bytes)| replace_private(papers, &papers.join(name), bytes))
    });
    written.map_err(|why| {
        Error::new("cannot write the result", why)
            .at(papers)
            .fix("see that SEF's state folder may be written and the disk is not full, then: sef race resume")
    })
}
