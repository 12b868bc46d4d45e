//! `sef statusline`: one line about this session for Claude Code's status line. Reads the client's JSON, the session's
//! memory and its subagents' transcripts, and is silent about whatever it does not know: a status line has no place for errors.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::Env;
use crate::models::Family;
use crate::report::text::plural;
use crate::so_far::{self, SoFar};
use crate::state::{self, Session};

/// What the client passes on stdin; everything may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Input {
    session_id: String,
    transcript_path: PathBuf,
    model: Model,
    cost: Cost,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model {
    id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cost {
    /// The client's own sum, in dollars.
    total_cost_usd: Option<f64>,
}

/// The line, or nothing when the input is not the client's.
pub fn line(env: &Env, input: &str) -> String {
    let Ok(input) = serde_json::from_str::<Input>(input.trim_start_matches('\u{feff}')) else {
        return String::new();
    };
    if input.session_id.is_empty() {
        return String::new();
    }
    let session = state::peek(env.state_dir.as_deref(), &input.session_id);
    let so_far = so_far::of(env, &input.transcript_path, &input.model.id);
    format!("SEF {}\n", words(&session, input.cost.total_cost_usd, so_far))
}

fn words(session: &Session, cost: Option<f64>, so_far: Option<SoFar>) -> String {
    let mut parts = Vec::new();
    if session.before.tier > 0 {
        parts.push(format!("last task tier {}", session.before.tier));
    }
    let (tasks, delegated) = session.tasks;
    if tasks > 0 {
        parts.push(format!("{delegated} of {} delegated", plural(tasks, "task")));
    }
    if !session.spawns.is_empty() {
        parts.push(spawns(session));
    }
    if let Some(cost) = cost.filter(|cost| cost.is_finite() && *cost >= 0.0) {
        let here = so_far.map(|sum| cost - sum.usd + sum.on_orchestrator_usd).filter(|here| *here > 0.0);
        let instead = here.map(|here| format!(" (undelegated about ${here:.2})"));
        parts.push(format!("${cost:.2}{}", instead.unwrap_or_default()));
    }
    if parts.is_empty() { "ready".to_owned() } else { parts.join(" | ") }
}

/// How many of the recent spawns were to run on which family: `3 spawns: 2 haiku, 1 own choice`.
fn spawns(session: &Session) -> String {
    let count = session.spawns.len();
    let more = if count >= state::MAX_SPAWNS { "last " } else { "" };
    let mut out = format!("{more}{count} spawn{}", if count == 1 { "" } else { "s" });
    let mut named: Vec<String> = Vec::new();
    for family in Family::ALL {
        let on = session.spawns.iter().filter(|spawn| spawn.family == Some(family)).count();
        if on > 0 {
            named.push(format!("{on} {}", family.alias()));
        }
    }
    let left = session.spawns.iter().filter(|spawn| spawn.family.is_none()).count();
    if left > 0 {
        named.push(format!("{left} left alone"));
    }
    let _ = write!(out, ": {}", named.join(", "));
    out
}
