//! `sef showdown`, `sef any-percent`, and what is done with a race afterwards: reads arguments, asks before a promotion, prints
//! what came of it. The work is `engine`'s, `settle`'s and `promote`'s.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::approaches::propose;
use super::args::{
    AnyPercentArgs, CommonArgs, PromoteArgs, RaceAction, RejudgeArgs, ResumeArgs, Runners, ShowdownArgs,
};
use super::clean::{self, Selection};
use super::design::Design;
use super::engine::{self, Field, Start};
use super::kept::{Kept, Settings};
use super::live::Spectator;
use super::manifest::{self, Race};
use super::outcome::Outcome;
use super::promote::{By, How, Onto, promote};
use super::repo::Repo;
use super::terminal::Terminal;
use super::{account, command, result, settle};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::read_regular;
use crate::judge::{questions, sheet};
use crate::metrics::race::Step;
use crate::report::text::{self, name, plain};
use crate::turbo::command::Said;
use crate::turbo::order::Spent;
use crate::turbo::runs;

/// Runs `sef showdown`.
pub fn showdown(env: &Env, args: &ShowdownArgs) -> Result<Said> {
    match &args.action {
        Some(RaceAction::Status(args)) => command::status(env, args).map(well),
        Some(RaceAction::Clean(args)) => command::clean(env, args).map(well),
        Some(RaceAction::Resume(args)) => resumed(env, args),
        Some(RaceAction::Judge(args)) => rejudged(env, args),
        Some(RaceAction::Promote(args)) => promoted(env, args).map(well),
        None => {
            let wanted = match args.runners {
                Runners::Auto => None,
                Runners::Count(count) => Some(count),
            };
            raced(env, args.design.as_deref(), &args.common, |_, _| {
                Ok((Field::Runners(wanted), Spent::default()))
            })
        }
    }
}

/// Runs `sef any-percent`.
pub fn any_percent(env: &Env, args: &AnyPercentArgs) -> Result<Said> {
    raced(env, args.design.as_deref(), &args.common, |design, terminal| {
        let Some(count) = args.proposed else {
            return Ok((Field::Approaches(args.given.clone()), Spent::default()));
        };
        let within = args.common.timeout.map(Duration::from_secs);
        let (approaches, spent) =
            propose(env, design, count, args.common.model.as_deref(), within, terminal)?;
        Ok((Field::Approaches(approaches), spent))
    })
}

fn well(text: String) -> Said {
    Said { text, well: true }
}

fn raced(
    env: &Env,
    design: Option<&Path>,
    common: &CommonArgs,
    field: impl FnOnce(&Design, &dyn Spectator) -> Result<(Field, Spent)>,
) -> Result<Said> {
    if let Some(id) = &common.resume {
        let id = (id != "last").then(|| id.clone());
        return resumed(env, &ResumeArgs { id, json: common.json });
    }
    let (Some(file), Some(test)) = (design, &common.test) else {
        return Err(Error::new("cannot start a race", "--design and --test are needed"));
    };
    let here = here()?;
    let design = Design::read(file, common.feature.as_deref())?;
    let terminal = Terminal::new()?;
    let (field, proposals) = field(&design, &terminal)?;
    let start = Start {
        design,
        design_file: file.to_string_lossy().into_owned(),
        field,
        scenarios: common.scenarios.clone(),
        proposals,
        settings: Settings {
            test: test.clone(),
            fix: common.fix,
            model: common.model.clone(),
            within_s: common.timeout,
            test_within_s: common.test_timeout,
            sandbox: common.sandbox,
            review: common.review,
        },
    };
    let outcome = engine::start(env, &here, &start, &terminal);
    terminal.clear();
    let mut outcome = outcome?;
    if common.promote && outcome.winner.is_some() {
        let args = PromoteArgs {
            id: outcome.id.clone(),
            candidate: None,
            onto: None,
            merge: false,
            keep: false,
            yes: false,
            json: false,
        };
        outcome.promoted = Some(promoted(env, &args)?);
    }
    said(&outcome, common.json)
}

/// A race is well when somebody won.
fn said(outcome: &Outcome, as_json: bool) -> Result<Said> {
    let text = if as_json { text::json(outcome)? } else { result::text(outcome) };
    Ok(Said { text, well: outcome.winner.is_some() })
}

fn here() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|why| Error::new("cannot find the current folder", why).fix("cd into one that exists"))
}

fn resumed(env: &Env, args: &ResumeArgs) -> Result<Said> {
    let id = match &args.id {
        Some(id) => id.clone(),
        None => last_stopped(env, &here()?)?,
    };
    let terminal = Terminal::new()?;
    let outcome = engine::resume(env, &id, &terminal);
    terminal.clear();
    said(&outcome?, args.json)
}

/// The newest race of the repository of `dir` that has no result and that no process works on.
pub fn last_stopped(env: &Env, dir: &Path) -> Result<String> {
    let repo = Repo::find(dir)?;
    let listed = manifest::list(runs::state_dir(env)?)?;
    let mut stopped = listed.races.into_iter().filter(|known| {
        !known.is_alive
            && known.manifest.repo.common_dir == repo.common_dir
            && (known.manifest.candidates.is_empty() || !known.manifest.is_cleared())
            && known.manifest.state.is_object()
            && known.manifest.state["outcome"].is_null()
    });
    stopped.next().map(|known| known.manifest.id).ok_or_else(|| {
        Error::new("cannot go on with a race", "none of this repository was stopped")
            .fix("sef race status lists the races")
    })
}

fn rejudged(env: &Env, args: &RejudgeArgs) -> Result<Said> {
    let kept = Kept::of(Race::open(runs::state_dir(env)?, &args.id)?)?;
    let Some(path) = &args.answers else {
        let (candidates, measured) = settle::bench(&kept);
        let text = if args.json {
            text::json(&questions::as_json(&candidates, &measured))?
        } else {
            questions::text(&candidates, &measured)
        };
        return Ok(well(text));
    };
    let cannot = |why: &dyn std::fmt::Display| Error::new("cannot read the answers", why).at(path);
    let bytes = read_regular(path, sheet::LARGEST).map_err(|why| cannot(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot(&"they are not UTF-8"))?;
    said(&judge_again(env, &kept, &text)?, args.json)
}

/// Judges a race again with a filled-in sheet.
pub fn judge_again(env: &Env, kept: &Kept, text: &str) -> Result<Outcome> {
    let wrong = |why: String| {
        Error::new("cannot take the answers", why)
            .fix("sef race judge ID --questions prints the sheet to fill in")
    };
    sheet::read_sheet(text).map_err(|mistakes| wrong(mistakes.join("; ")))?;
    let sheet: Value = serde_json::from_str(text).map_err(|why| wrong(why.to_string()))?;
    let answers: BTreeMap<String, Value> = sheet["candidates"]
        .as_object()
        .map(|all| all.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
        .unwrap_or_default();
    settle::again(env, kept, &answers)
}

/// What a promotion did.
#[derive(Debug)]
pub struct Promoted {
    /// The race.
    pub race: String,
    /// In a line for people.
    pub line: String,
    /// Whose commit.
    pub candidate: String,
    /// The branch, like `refs/heads/main`.
    pub target: String,
    /// Where the branch is now.
    pub commit: String,
    /// How it got there.
    pub by: &'static str,
    /// What became of the others; none when they stay.
    pub others: Option<Result<&'static str>>,
}

/// Promotes as the arguments say; what was done, as one line or as JSON.
pub fn promoted(env: &Env, args: &PromoteArgs) -> Result<String> {
    let done = put(env, args)?;
    let Promoted { race, line, candidate, target, commit, by, others } = done;
    if args.json {
        return text::json(&json!({
            "schema": 1, "race": race, "candidate": candidate, "target": target, "commit": commit, "by": by,
        }));
    }
    let rest = match others {
        None => String::new(),
        Some(Ok(said)) => format!("; {said}"),
        Some(Err(error)) => format!("; the others could not be cleared away: {error}"),
    };
    Ok(format!("{}{rest}\n", plain(&line)))
}

/// Puts a candidate onto a branch and clears the others away.
pub fn put(env: &Env, args: &PromoteArgs) -> Result<Promoted> {
    let state_dir = runs::state_dir(env)?;
    let kept = Kept::of(Race::open(state_dir, &args.id)?)?;
    let winner = kept.look(|state| state.outcome.as_ref().and_then(|outcome| outcome.winner.clone()));
    let candidate = args.candidate.clone().or(winner).ok_or_else(|| {
        Error::new("cannot promote", "the race has no winner").fix("name one all the same: --candidate NAME")
    })?;
    let onto = args.onto.as_deref().map_or(Onto::Current, Onto::Branch);
    let branch =
        args.onto.clone().or_else(|| kept.race.repo.branch.clone()).unwrap_or_else(|| "HEAD".to_owned());
    if !args.yes && !agreed(&candidate, &branch)? {
        return Err(Error::new("nothing was promoted", "it was not agreed to").fix("run it again with --yes"));
    }
    let how = if args.merge { How::Merge } else { How::CherryPick };
    let promotion = promote(&kept.race, &candidate, onto, how)?;
    let by = match promotion.by {
        By::FastForward => "fast-forward",
        By::CherryPick => "one commit on top",
        By::Merge => "merge",
    };
    let line = format!(
        "{} is on {} ({by}, {})",
        candidate,
        promotion.target,
        &promotion.to[..12.min(promotion.to.len())]
    );
    kept.change(|state| {
        if let Some(outcome) = &mut state.outcome {
            outcome.promoted = Some(line.clone());
        }
    })?;
    account::note(env, &kept, Step::Promoted);
    let id = kept.race.id();
    drop(kept);
    let gone =
        "the other worktrees and branches are gone, their work is kept in the race's folder for 90 days";
    let others = (!args.keep).then(|| clear(state_dir, &id).map(|()| gone));
    Ok(Promoted { race: id, line, candidate, target: promotion.target, commit: promotion.to, by, others })
}

fn clear(state_dir: &Path, id: &str) -> Result<()> {
    let report = clean::clean(state_dir, Selection::One(id), &["all".to_owned()])?;
    match report.races.iter().flat_map(|race| &race.kept).next() {
        Some(kept) => {
            Err(Error::new("something stays", kept.why.clone()).at(&kept.what).fix(kept.fix.clone()))
        }
        None => Ok(()),
    }
}

/// Asks on a terminal; where nobody can be asked, the command itself is the word.
fn agreed(candidate: &str, branch: &str) -> Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(true);
    }
    let cannot = |why| Error::new("cannot ask", why);
    let mut stderr = std::io::stderr();
    write!(stderr, "put {} onto {}? [y/N] ", name(candidate, 60), name(branch, 60))
        .and_then(|()| stderr.flush())
        .map_err(cannot)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(cannot)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
