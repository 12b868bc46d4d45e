//! `sef reject` and `sef accept`: the user's own word on a delegation. It goes into the log, where it outweighs all other
//! evidence, and into the session's memory, so that similar work goes up at once. Never touches a transcript.

use std::path::Path;

use crate::calendar;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::metrics::reader;
use crate::metrics::record::{Kind, Outcome, Record, project_key, safe_id, transcript_folder};
use crate::{metrics, rules, state};

/// The user's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The work was good.
    Accept,
    /// The work was bad.
    Reject,
}

impl Word {
    fn outcome(self) -> Outcome {
        match self {
            Self::Accept => Outcome::Ok,
            Self::Reject => Outcome::GaveUp,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
        }
    }
}

/// Fewest characters of an id that may stand for the whole.
const SHORTEST: usize = 6;
/// Delegations that are named when none fits.
const NAMED: usize = 5;

/// Writes down the word on one delegation: the one of `id` (a `tool_use_id` or an agent id, or how it begins), else the last
/// one of the session, else the last one of the project in `here`. `now` in milliseconds since 1970.
pub fn say(
    env: &Env,
    word: Word,
    id: Option<&str>,
    session: Option<&str>,
    here: &Path,
    now: u64,
) -> Result<String> {
    let fault = |why: String| Error::new(format!("cannot note that the work was {}", word.done()), why);
    let state_dir = env.state_dir.as_deref().ok_or_else(|| {
        fault("SEF's state folder is not known".to_owned())
            .fix("set HOME, or SEF_STATE_DIR, to an absolute path")
    })?;
    let log = reader::read(state_dir)?;
    let spawn = find(&log.records, id, session, here)
        .map_err(|why| fault(why).at(metrics::log::path(state_dir, 0)).fix(hint(&log.records)))?;
    let tool_use = spawn.tu.clone().unwrap_or_default();
    let mut record = Record::new(Kind::Feedback, now, &spawn.s);
    record.p.clone_from(&spawn.p);
    record.pj.clone_from(&spawn.pj);
    record.tu = Some(tool_use.clone());
    record.agent.clone_from(&spawn.agent);
    record.out = Some(word.outcome());
    let policy = rules::load(env).policy;
    metrics::log::append(state_dir, &policy.log, &[record]).map_err(|why| {
        fault(why.to_string())
            .at(metrics::log::path(state_dir, 0))
            .fix("see that the file may be written and the disk is not full; nothing was noted")
    })?;
    let remembered = remember(state_dir, word, &spawn.s, &tool_use);
    let what = format!(
        "{}: {} of {} UTC ({tool_use})\n",
        word.done(),
        spawn.agent.as_deref().unwrap_or("subagent"),
        calendar::minute(spawn.t)
    );
    let then = match (word, remembered) {
        (Word::Reject, true) => "similar work in that session goes one tier up from now on\n",
        _ => "",
    };
    Ok(what + then)
}

/// Writes the word into the session's memory when the session still remembers the work.
fn remember(state_dir: &Path, word: Word, session: &str, tool_use: &str) -> bool {
    let mut held = state::hold(Some(state_dir), session);
    let Some(spawn) = held.session.spawn_mut(tool_use, "") else { return false };
    let (tier, sketch) = (spawn.tier, spawn.sketch.clone());
    held.session.rejected.retain(|(_, earlier)| *earlier != sketch);
    if word == Word::Reject {
        held.session.reject(tier, sketch);
    }
    held.save();
    true
}

/// The spawn that is meant.
fn find<'a>(
    records: &'a [Record],
    id: Option<&str>,
    session: Option<&str>,
    here: &Path,
) -> std::result::Result<&'a Record, String> {
    let session = session.map(safe_id);
    let in_session = |record: &&Record| session.as_ref().is_none_or(|session| record.s == *session);
    let spawns = || records.iter().filter(|record| record.e == Kind::Spawn && record.tu.is_some());
    let Some(id) = id else {
        let project = project_key(&transcript_folder(&here.to_string_lossy()));
        let mut near = spawns()
            .filter(in_session)
            .filter(|record| session.is_some() || record.pj.as_ref().is_none_or(|key| *key == project));
        return near.next_back().ok_or_else(|| match &session {
            Some(session) => format!("session {session} has delegated nothing that SEF saw"),
            None => "nothing was delegated in this folder that SEF saw".to_owned(),
        });
    };
    if id.len() < SHORTEST {
        return Err(format!("{id:?} is too short for an id: {SHORTEST} characters are the least"));
    }
    // An agent's id stands in the lines of its result.
    let agents = records.iter().filter(|record| matches!(record.e, Kind::Result | Kind::Notified));
    let of_agent: Vec<&str> = agents
        .filter(|record| record.a.as_deref().is_some_and(|agent| agent.starts_with(id)))
        .filter_map(|record| record.tu.as_deref())
        .collect();
    let fits = |record: &&Record| {
        record.tu.as_deref().is_some_and(|call| call.starts_with(id) || of_agent.contains(&call))
    };
    let mut found: Vec<&Record> = Vec::new();
    for record in spawns().filter(in_session).filter(fits) {
        // Two registered hooks log the same call.
        found.retain(|earlier| earlier.tu != record.tu);
        found.push(record);
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(format!("no delegation that SEF saw has an id that begins with {id:?}")),
        many => Err(format!("{} delegations have an id that begins with {id:?}", many.len())),
    }
}

/// The last delegations, as somebody would type them.
fn hint(records: &[Record]) -> String {
    let spawns = records.iter().rev().filter(|record| record.e == Kind::Spawn);
    let last: Vec<String> = spawns
        .take(NAMED)
        .map(|spawn| {
            let (agent, call) =
                (spawn.agent.as_deref().unwrap_or("subagent"), spawn.tu.as_deref().unwrap_or("no id"));
            format!("{call} ({agent}, {} UTC)", calendar::minute(spawn.t))
        })
        .collect();
    if last.is_empty() {
        return "delegate something first; `sef status` says whether the hooks are installed".to_owned();
    }
    format!("name one of the last: {}", last.join(", "))
}
