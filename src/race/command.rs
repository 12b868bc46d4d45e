//! `sef clean` and `sef race status`: what is asked, and what is printed of the answer. The work is [`super::clean`]'s.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::clean::{self, Cleaned, Report, Selection};
use super::manifest::{self, Known, Step};
use crate::calendar::{minute, timestamp};
use crate::config::Env;
use crate::error::Result;
use crate::report::text::{json, name, plain, plural};

/// Arguments of `sef clean`.
#[derive(Debug, Clone, Args)]
pub struct CleanArgs {
    /// The race, or how its id begins; all races when left out.
    pub id: Option<String>,
    /// Take the unmerged or uncommitted work of this candidate or branch out of the repository too; it is kept in the state
    /// folder for 90 days. `all` names every candidate of the race.
    #[arg(long = "discard", value_name = "NAME")]
    pub discard: Vec<String>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sef race status`.
#[derive(Debug, Clone, Args)]
pub struct RaceStatusArgs {
    /// The race, or how its id begins; all races when left out.
    pub id: Option<String>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Removes what races left.
pub fn clean(env: &Env, args: &CleanArgs) -> Result<String> {
    let selection = args.id.as_deref().map_or(Selection::All, Selection::One);
    let report = clean::clean(state_dir(env)?, selection, &args.discard)?;
    if args.json { json(&WithSchema { schema: 1, body: report }) } else { Ok(cleaned_text(&report)) }
}

/// Shows races.
pub fn status(env: &Env, args: &RaceStatusArgs) -> Result<String> {
    let state_dir = state_dir(env)?;
    let listed = match &args.id {
        Some(id) => manifest::Listed { races: vec![manifest::look(state_dir, id)?], unreadable: Vec::new() },
        None => manifest::list(state_dir)?,
    };
    if args.json { json(&WithSchema { schema: 1, body: shown(&listed) }) } else { Ok(status_text(&listed)) }
}

#[derive(Serialize)]
struct WithSchema<T> {
    schema: u32,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct Shown<'a> {
    races: Vec<ShownRace<'a>>,
    unreadable: Vec<String>,
}

#[derive(Serialize)]
struct ShownRace<'a> {
    running: bool,
    cleared: bool,
    began: String,
    #[serde(flatten)]
    manifest: &'a manifest::Manifest,
}

fn shown(listed: &manifest::Listed) -> Shown<'_> {
    let race = |known: &'_ Known| -> (bool, bool, String) {
        (known.is_alive, known.manifest.is_cleared(), timestamp(known.manifest.created))
    };
    Shown {
        races: listed
            .races
            .iter()
            .map(|known| {
                let (running, cleared, began) = race(known);
                ShownRace { running, cleared, began, manifest: &known.manifest }
            })
            .collect(),
        unreadable: listed.unreadable.iter().map(ToString::to_string).collect(),
    }
}

fn state_dir(env: &Env) -> Result<&Path> {
    crate::state::folder(env, "cannot find the races")
}

fn cleaned_text(report: &Report) -> String {
    let mut lines = Vec::new();
    for race in &report.races {
        lines.push(format!("race {}: {}", race.id, verdict(race)));
        lines.extend(race.promotion.iter().map(|said| format!("  {}", plain(said))));
        lines.extend(race.removed.iter().map(|what| format!("  removed  {}", name(what, 200))));
        for kept in &race.kept {
            lines.push(format!("  kept     {}: {}", name(&kept.what, 200), plain(&kept.why)));
            lines.push(format!("           to remove it: {}", plain(&kept.fix)));
        }
        lines.extend(race.saved.iter().map(|at| format!("  saved in {}", plain(&at.to_string_lossy()))));
    }
    lines.extend(report.unreadable.iter().map(|why| format!("cannot be cleaned: {}", plain(why))));
    if lines.is_empty() {
        lines.push("nothing to clean".to_owned());
    }
    lines.join("\n") + "\n"
}

fn verdict(race: &Cleaned) -> String {
    match (race.running, race.cleared) {
        (true, _) => "it is running, and nothing was touched".to_owned(),
        (_, true) => "nothing of it is left in the repository".to_owned(),
        _ => format!("{} kept", plural(race.kept.len() as u64, "thing")),
    }
}

fn status_text(listed: &manifest::Listed) -> String {
    let mut lines = Vec::new();
    for Known { manifest, is_alive } in &listed.races {
        let state = match (is_alive, manifest.is_cleared()) {
            (true, _) => "running",
            (false, true) => "cleared",
            (false, false) => "left",
        };
        let top = manifest.repo.top.to_string_lossy();
        let began = minute(manifest.created);
        lines.push(format!(
            "{}  {state:<7}  began {began} UTC  {}  {}",
            manifest.id,
            name(&manifest.feature, 60),
            plain(&top)
        ));
        for one in &manifest.candidates {
            let step = match one.step {
                Step::Adding => "adding",
                Step::Added => "working",
                Step::Committing => "committing",
                Step::Committed => "committed",
                Step::Cleared => "cleared",
            };
            lines.push(format!("  {:<20} {step:<10} {}", one.name, one.branch));
        }
        let outcome = &manifest.state["outcome"];
        if outcome.is_object() {
            let winner = outcome["winner"].as_str().unwrap_or("nobody");
            let result = outcome["written"]["result"].as_str().unwrap_or_default();
            lines.push(format!("  winner {}; {}", name(winner, 60), plain(result)));
        } else if !is_alive && !manifest.is_cleared() {
            lines.push(format!("  it was stopped; to go on: sef race resume {}", manifest.id));
        }
        if let Some(promotion) = &manifest.promotion {
            let said = if promotion.is_done() { "promoted" } else { "not promoted" };
            lines.push(format!("  {} {said}: {}", promotion.candidate, plain(&promotion.target)));
        }
    }
    lines.extend(listed.unreadable.iter().map(|why| format!("cannot be read: {}", plain(&why.to_string()))));
    if lines.is_empty() {
        lines.push("no races".to_owned());
    }
    lines.join("\n") + "\n"
}
