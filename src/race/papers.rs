//! The commits of a race: every finished candidate's files, plan and contracts on its own branch, and with the winner the result
//! and the plans of all. Written into worktrees by the same careful writer as generated code.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::kept::{Kept, State, folder};
use super::outcome::Outcome;
use super::result;
use super::runner::{Record, Stage};
use crate::config::Env;
use crate::fsx::confined::{NewFile, Overwrite, Root};
use crate::turbo::runs::{self, Run};

/// Commits what is finished and not committed. What cannot be is a note, and stays in its worktree.
pub fn commit(
    env: &Env,
    kept: &Kept,
    state: &State,
    outcome: &Outcome,
    worksheet: &str,
    trees: &BTreeMap<String, PathBuf>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for record in state.records.iter().filter(|record| record.stage >= Stage::Examined) {
        let mut files: Vec<&str> = record.files.iter().chain(&record.papers).map(String::as_str).collect();
        let is_new = kept.race.candidate(&record.name).is_ok_and(|one| one.commit.is_none());
        let is_winner = outcome.winner.as_ref() == Some(&record.name);
        let papers =
            if is_winner && is_new { of_winner(kept, state, outcome, worksheet, record) } else { Vec::new() };
        match write(env, &trees[record.name.as_str()], &papers) {
            Ok(()) => files.extend(papers.iter().map(|paper| paper.path.as_str())),
            Err(why) => notes.push(format!("the result is not on the winner's branch: {why}")),
        }
        let message = message(kept, state, outcome, record);
        if let Err(error) = kept.race.commit(&record.name, &files, &message) {
            notes.push(format!("{} has no commit: {error}", record.name));
        }
    }
    notes
}

fn message(kept: &Kept, state: &State, outcome: &Outcome, record: &Record) -> String {
    let plan = record.plan.as_ref().map_or("", |plan| plan.approach.as_str());
    format!(
        "{}: {} of a {} ({plan})\n\nWritten by {} from {}; race {}.\n",
        state.design.feature,
        record.name,
        outcome.kind,
        if record.spent.model.is_empty() { "a hosted model" } else { &record.spent.model },
        state.design_file,
        kept.race.id()
    )
}

/// The result, the worksheet and the others' plans.
fn of_winner(
    kept: &Kept,
    state: &State,
    outcome: &Outcome,
    worksheet: &str,
    winner: &Record,
) -> Vec<NewFile> {
    let folder = folder(kept.race.manifest().kind, &state.design.feature);
    let paper = |name: String, content: String| NewFile { path: format!("{folder}/{name}"), content };
    let others = state.records.iter().filter(|record| record.name != winner.name);
    let plans = others.filter_map(|record| {
        Some(paper(format!("{}/plan.md", record.name), record.plan.as_ref()?.text.clone()))
    });
    let result = paper("result.md".to_owned(), result::markdown(outcome, &folder));
    let worksheet = paper("worksheet.md".to_owned(), worksheet.to_owned());
    [result, worksheet].into_iter().chain(plans).collect()
}

fn write(env: &Env, tree: &std::path::Path, papers: &[NewFile]) -> Result<(), String> {
    if papers.is_empty() {
        return Ok(());
    }
    let written = || -> Result<(), Vec<crate::error::Error>> {
        let state_dir = runs::state_dir(env).map_err(|error| vec![error])?;
        let root = Root::open(tree, env).map_err(|error| vec![error])?;
        let mut run = Run::begin(state_dir, root).map_err(|error| vec![error])?;
        run.write(papers, Overwrite::Replace)?;
        run.leave().map_err(|error| vec![error])
    };
    written().map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
