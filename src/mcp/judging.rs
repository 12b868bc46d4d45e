//! The tool `judge`: what has to be read of candidates as questions with a form, and a filled-in form as scores and a winner.
//! The arithmetic is `judge`'s; here nothing is scored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::arguments::{Arguments, LONGEST_TEXT, wrong};
use super::call::{Made, done};
use super::races::{failed, one_of_project};
use super::{place, summary};
use crate::config::Env;
use crate::judge::command::{answer, named};
use crate::judge::rank::{Judged, Judgement};
use crate::judge::sheet::{CandidateAnswers, read_sheet};
use crate::judge::{self, Candidate, Measured, Mode, questions, worksheet};
use crate::race::kept::Kept;
use crate::race::manifest::Race;
use crate::race::{launch, settle};
use crate::turbo::order::Failure;
use crate::turbo::runs;

/// Most folders at once.
pub(super) const MOST_FOLDERS: usize = 12;
/// Files of a candidate that the questions list.
const MOST_FILES: usize = 20;
/// Mistakes of a form that are named at once.
const MOST_MISTAKES: usize = 10;

/// Questions, or a judgement.
pub(super) fn judge(env: &Env, arguments: &Arguments) -> Made {
    let race = arguments.text("race", LONGEST_TEXT)?;
    let dirs = arguments.texts("dirs", MOST_FOLDERS)?;
    let answers = arguments.object("answers")?;
    match (race, dirs) {
        (Some(id), None) => of_race(env, id, answers),
        (None, Some(dirs)) if !dirs.is_empty() => of_folders(env, &dirs, answers),
        _ => Err(wrong(
            "judge needs either `race` or `dirs`".to_owned(),
            "give the id of a race, or the folders to compare".to_owned(),
        )),
    }
}

fn of_race(env: &Env, id: &str, answers: Option<&Value>) -> Made {
    let id = one_of_project(env, id)?.manifest.id;
    let open = || Race::open(runs::state_dir(env)?, &id).and_then(Kept::of);
    let kept = open().map_err(|error| failed(&error))?;
    if kept.look(|state| state.outcome.is_none()) {
        return Err(Failure {
            code: "no_result".to_owned(),
            message: format!("race {id} has no result yet"),
            fix: format!("race_resume with race={id} goes on with it"),
        });
    }
    let Some(sheet) = answers else {
        let (candidates, measured) = settle::bench(&kept);
        return Ok(done(asked(&candidates, &measured)));
    };
    usable(sheet)?;
    let outcome = launch::judge_again(env, &kept, &sheet.to_string()).map_err(|error| failed(&error))?;
    Ok(done(summary::over(&outcome)))
}

fn of_folders(env: &Env, dirs: &[&str], answers: Option<&Value>) -> Made {
    let root = place::root(env)?;
    let folder = |given: &&str| {
        let path = place::inside(&root, env.project_dir.as_deref(), "dirs", given)?;
        match path.canonicalize() {
            Ok(real) if real.starts_with(&root) => Ok(real),
            _ => Err(wrong(
                format!("`dirs`: {given} is no folder of the project"),
                "name folders that exist".to_owned(),
            )),
        }
    };
    let dirs = dirs.iter().map(folder).collect::<std::result::Result<Vec<PathBuf>, Failure>>()?;
    let mut candidates = named(&dirs).map_err(|error| failed(&error))?;
    let measured = candidates.iter().map(judge::measure).collect::<crate::error::Result<Vec<_>>>();
    let measured = measured.map_err(|error| failed(&error))?;
    let Some(sheet) = answers else {
        return Ok(done(asked(&candidates, &measured)));
    };
    let sheet = usable(sheet)?;
    answer(&mut candidates, sheet).map_err(|why| {
        wrong(format!("`answers` cannot be used: {why}"), "name candidates as the form does".to_owned())
    })?;
    Ok(done(judged(&judge::judge(&candidates, &measured, Mode::Alone))))
}

/// A form that can be read, or every mistake in it.
fn usable(sheet: &Value) -> std::result::Result<BTreeMap<String, CandidateAnswers>, Failure> {
    read_sheet(&sheet.to_string()).map_err(|mut mistakes| {
        mistakes.truncate(MOST_MISTAKES);
        wrong(
            format!("`answers` cannot be used: {}", mistakes.join("; ")),
            "correct what is named; judge without answers gives the form".to_owned(),
        )
    })
}

/// What has to be read, once for all candidates, with one form as the example.
fn asked(candidates: &[Candidate], measured: &[Measured]) -> Value {
    let all = questions::as_json(candidates, measured);
    // What was measured of every candidate is in no form, and is not asked.
    let is_open =
        |id: &str| candidates.iter().any(|one| !all["form"]["candidates"][&one.name]["items"][id].is_null());
    let entries = |list: &str| all[list].as_array().map_or(&[][..], Vec::as_slice);
    let line = |entry: &Value| format!("{}: {}", text(&entry["id"]), text(&entry["asks"]));
    let mut lines =
        vec!["items: yes, no or na; a yes or a no needs a place path:line that exists".to_owned()];
    lines.extend(entries("items").iter().filter(|item| is_open(text(&item["id"]))).map(line));
    lines.push("flags: none, minor, major or critical; all but none need a place".to_owned());
    lines.extend(entries("flags").iter().map(line));
    lines.push("lists: empty when there is nothing".to_owned());
    lines.extend(["abstractions", "bad_names"].map(|name| format!("{name}: {}", text(&all["lists"][name]))));
    lines.push("issues: faults that fresh eyes find, with severity, place and what".to_owned());
    let form = json!({ "schema": 1, "candidates": { "NAME": {
        "items": { "ID": { "answer": "yes|no|na", "place": "path:line", "why": "" } },
        "flags": { "ID": { "severity": "none", "place": "", "why": "" } },
        "abstractions": [{ "place": "path:line", "why": "" }],
        "bad_names": [{ "place": "path:line", "why": "" }],
        "issues": [{ "severity": "minor|major|critical", "place": "path:line", "what": "" }],
    }}});
    summary::fitting(|cut| {
        let most = MOST_FILES.min(cut / 10);
        let dirs: Map<String, Value> = candidates
            .iter()
            .zip(measured)
            .map(|(one, measured)| {
                let files = &measured.facts.files;
                let value = json!({
                    "dir": one.dir,
                    "code_lines": measured.facts.code_lines,
                    "files": files.iter().take(most).map(|file| &file.path).collect::<Vec<_>>(),
                    "more_files": files.len().saturating_sub(most),
                });
                (one.name.clone(), value)
            })
            .collect();
        json!({ "status": "ok", "questions": lines, "dirs": dirs, "form": form })
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn judged(judgement: &Judgement) -> Value {
    summary::fitting(|cut| {
        json!({
            "status": "ok",
            "winner": judgement.winner,
            "rationale": [summary::short(&worksheet::winner(judgement), cut * 2)],
            "trade_offs": worksheet::better_elsewhere(judgement)
                .iter()
                .map(|line| summary::short(line, cut))
                .collect::<Vec<_>>(),
            "candidates": judgement.candidates.iter().map(candidate).collect::<Vec<_>>(),
        })
    })
}

fn candidate(judged: &Judged) -> Value {
    json!({
        "name": judged.name,
        "result": if judged.eliminated { "eliminated" } else { "passed" },
        "tests": worksheet::tests(judged),
        "lines": judged.facts.code_lines,
        "scores": judged.scores,
        "total": judged.total,
        "why": judged.reasons.join(", "),
    })
}
