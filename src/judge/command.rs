//! `sef judge`: names the candidates, reads the sheet, runs tests when asked to, prints the judgement or the questions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::items::Criterion;
use super::rank::{Judged, Judgement};
use super::sheet::{CandidateAnswers, LARGEST, read_sheet};
use super::{Candidate, GateResult, Measured, TestCounts, judge, measure, questions, worksheet};
use crate::cli::JudgeArgs;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::exam::{self, Depth, Exam, Standard, Verdict};
use crate::fence::{self, Limits, Scratch};
use crate::fsx::atomic::{Replaced, Target, replace};
use crate::fsx::read_regular;
use crate::report::text::{json, name, plain};
use crate::turbo::order::Failure;
use crate::watch::Unwatched;

/// Most folders at once.
const MOST: usize = 50;
/// The gate that says why the tests ended as they did.
const EXAM: &str = "exam";
/// Width of names in the table.
const NAME: usize = 24;

/// What a candidate's tests came to.
pub struct Examined {
    /// The counts.
    pub tests: TestCounts,
    /// Whether that can be believed, and why.
    pub gate: GateResult,
}

/// Runs one candidate's tests.
pub type Examine<'a> = dyn Fn(&Path) -> Result<Examined> + 'a;

/// Runs the command; answers what to print.
pub fn run(env: &Env, args: &JudgeArgs) -> Result<String> {
    match &args.test {
        Some(command) => run_with(args, Some(&|dir: &Path| sit(env, dir, command, args))),
        None => run_with(args, None),
    }
}

/// The same with another way to run tests.
pub fn run_with(args: &JudgeArgs, examine: Option<&Examine<'_>>) -> Result<String> {
    let mut candidates = named(&args.dirs)?;
    let measured: Vec<Measured> = candidates.iter().map(measure).collect::<Result<_>>()?;
    if args.questions {
        let known = &candidates;
        return if args.json {
            json(&questions::as_json(known, &measured))
        } else {
            Ok(plain(&questions::text(known, &measured)))
        };
    }
    if let Some(file) = &args.answers {
        answer(&mut candidates, sheet(file)?, file)?;
    }
    if let Some(examine) = examine {
        for candidate in &mut candidates {
            let examined = examine(&candidate.dir)?;
            candidate.tests = Some(examined.tests);
            candidate.gates.push(examined.gate);
        }
    }
    let judgement = judge(&candidates, &measured, args.mode.unwrap_or_default());
    if let Some(file) = &args.worksheet {
        write(file, &worksheet::markdown(&judgement))?;
    }
    if args.json { json(&judgement) } else { Ok(text(&judgement)) }
}

/// Examines a copy of a candidate with the tests of `--exam`, else with its own, and once more with all of them broken: a run
/// that succeeds then says nothing about the code.
fn sit(env: &Env, dir: &Path, command: &str, args: &JudgeArgs) -> Result<Examined> {
    let standard = Standard::read(args.exam.as_deref().unwrap_or(dir), command)?;
    let wall = Duration::from_secs(args.test_timeout);
    let exam = Exam {
        command: command.to_owned(),
        limits: Limits { wall, cpu: wall, ..Limits::default() },
        disk_bytes: exam::DISK_BYTES,
        sandbox: args.sandbox,
        standard: Some(standard),
        checkout: None,
        sef: fence::own_binary()?,
    };
    let cannot =
        |failure: Failure| Error::new("cannot run the tests", failure.message).at(dir).fix(failure.fix);
    let scratch = Scratch::new(&std::env::temp_dir())?;
    let control = exam::control(env, &exam, None, &scratch.path("control"), &Unwatched).map_err(cannot)?;
    let sat = exam::sit(env, &exam, &control, Depth::Full, dir, &scratch.path("tree"), &Unwatched)
        .map_err(cannot)?;
    let all_passed = sat.verdict == Verdict::Passed;
    let tests = TestCounts {
        passed: Some(sat.share.passed),
        failed: Some(sat.share.of.saturating_sub(sat.share.passed)),
        all_passed,
    };
    // Tests that ran and failed speak for themselves.
    let is_believed = matches!(sat.verdict, Verdict::Passed | Verdict::Failed);
    Ok(Examined { tests, gate: GateResult { name: EXAM.to_owned(), passed: is_believed, why: sat.reason } })
}

/// Candidates by the last part of their folders, with a number where two have the same.
fn named(dirs: &[PathBuf]) -> Result<Vec<Candidate>> {
    if dirs.len() > MOST {
        return Err(Error::new("cannot judge", format!("{} folders are more than {MOST}", dirs.len()))
            .fix("name fewer"));
    }
    let mut folders = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut candidates = Vec::new();
    for dir in dirs {
        let whole = dir.canonicalize().map_err(|why| {
            Error::new("cannot read a candidate", why).at(dir).fix("name a folder that can be read")
        })?;
        if let Some(before) = folders.insert(whole.clone(), dir) {
            let why = format!("it is the same folder as {}", before.display());
            return Err(Error::new("cannot judge a folder against itself", why)
                .at(dir)
                .fix("name each folder once"));
        }
        let last =
            whole.file_name().map_or("candidate".to_owned(), |last| last.to_string_lossy().into_owned());
        let name = (1..).map(|number| if number == 1 { last.clone() } else { format!("{last}-{number}") });
        let name = name.into_iter().find(|name| taken.insert(name.clone())).expect("numbers do not run out");
        candidates.push(Candidate { name, dir: whole, ..Candidate::default() });
    }
    Ok(candidates)
}

fn sheet(file: &Path) -> Result<BTreeMap<String, CandidateAnswers>> {
    let cannot = |why: &dyn std::fmt::Display| {
        Error::new("cannot use the answers", why)
            .at(file)
            .fix("correct what is named; `sef judge --questions` prints the items and the form")
    };
    let bytes = read_regular(file, LARGEST).map_err(|why| cannot(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot(&"it is not UTF-8"))?;
    read_sheet(&text).map_err(|mistakes| cannot(&plain(&format!("\n  {}", mistakes.join("\n  ")))))
}

fn answer(
    candidates: &mut [Candidate],
    mut sheet: BTreeMap<String, CandidateAnswers>,
    file: &Path,
) -> Result<()> {
    for candidate in candidates.iter_mut() {
        candidate.answers = sheet.remove(&candidate.name);
    }
    let Some(unknown) = sheet.keys().next() else { return Ok(()) };
    let names: Vec<String> = candidates.iter().map(|candidate| name(&candidate.name, NAME)).collect();
    let why = format!("$.candidates[{unknown:?}]: there is no such candidate; they are {}", names.join(", "));
    Err(Error::new("cannot use the answers", plain(&why))
        .at(file)
        .fix("name candidates as `sef judge --questions` does"))
}

fn write(file: &Path, text: &str) -> Result<()> {
    let cannot = |why: &dyn std::fmt::Display| {
        Error::new("cannot write the worksheet", why)
            .at(file)
            .fix("name a file in a folder that can be written")
    };
    let whole = std::path::absolute(file).map_err(|why| cannot(&why))?;
    let target = Target::read(&whole)?;
    match replace(&target, text.as_bytes(), 0o666)? {
        Replaced::Done => Ok(()),
        Replaced::Changed => Err(cannot(&"somebody else changed it meanwhile")),
    }
}

fn text(judgement: &Judgement) -> String {
    let mut text = format!("{:<NAME$} {:<24}", "candidate", "tests");
    for criterion in Criterion::ALL {
        let _ = write!(text, " {:>15}", criterion.name());
    }
    text.push_str("  total  lines\n");
    for candidate in &judgement.candidates {
        row(candidate, &mut text);
    }
    for candidate in judgement.candidates.iter().filter(|candidate| candidate.eliminated) {
        for gate in candidate.race_gates.iter().filter(|gate| gate.name == EXAM) {
            let _ = writeln!(text, "tests of {}: {}", name(&candidate.name, NAME), plain(&gate.why));
        }
    }
    for pair in judgement.similarity.iter().filter(|pair| pair.same) {
        let (one, other) = (name(&pair.one, NAME), name(&pair.other, NAME));
        let _ = writeln!(text, "{one} and {other} are {:.1} % alike: they count as one", pair.percent);
    }
    let unread = judgement.candidates.iter().any(|candidate| candidate.scores.maintainability.is_none());
    if unread {
        text.push_str(
            "`-`: nothing measured or answered it; `sef judge --questions` prints what must be read\n",
        );
    }
    let _ = writeln!(text, "{}", worksheet::winner(judgement).replace('\\', ""));
    text
}

fn row(candidate: &Judged, text: &mut String) {
    let _ = write!(text, "{:<NAME$} {:<24}", name(&candidate.name, NAME), worksheet::tests(candidate));
    for criterion in Criterion::ALL {
        let scored = &candidate.sheet.scored[criterion as usize];
        let read = format!("({}/{})", scored.answered, scored.of);
        let _ = write!(text, " {:>7} {read:>7}", worksheet::score(scored.score));
    }
    let lines = candidate.facts.code_lines;
    let _ = write!(text, "  {:>5}  {lines:>5}", worksheet::score(candidate.total));
    if candidate.eliminated {
        let reasons: Vec<String> = candidate.reasons.iter().map(|reason| name(reason, NAME)).collect();
        let _ = write!(text, "  eliminated: {}", reasons.join(", "));
    }
    text.push('\n');
}
