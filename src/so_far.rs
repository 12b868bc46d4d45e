//! What the subagents of one running session cost so far, and what their requests would have cost on its orchestrator's
//! model: for the status line and the line at the end of a turn. Reads only subagents' transcripts, each anew only when it
//! grew, and within bounds; whatever is missing or odd means that nothing is said.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Env;
use crate::fsx::Stamp;
use crate::metrics::record::fnv64;
use crate::prices::{Prices, Usd};
use crate::state;
use crate::transcript::find::{Source, of_session};
use crate::transcript::read::{Reader, Seen};

/// Bytes of transcripts that are read at one time; what is left is read the next time, and until then nothing is said.
const MOST: u64 = 32 << 20;
/// Largest file of remembered sums that is read.
const MAX_FILE: u64 = 1 << 20;

/// The sums of a session; all estimates but `usd`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SoFar {
    /// Subagents that ran.
    pub agents: u32,
    /// What they cost, in dollars.
    pub usd: f64,
    /// The same requests at the prices of the orchestrator's model.
    pub on_orchestrator_usd: f64,
}

/// What is remembered of each subagent's transcript.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    /// What the sums depend on: the orchestrator's model and the prices.
    key: String,
    /// By agent: the state of the transcript, dollars, dollars on the orchestrator's model; no dollars for what has no price.
    agents: BTreeMap<String, (Stamp, Option<(f64, f64)>)>,
}

/// Adds up the subagents of the session whose transcript this is. None when not all are known yet, or none ran.
pub fn of(env: &Env, transcript: &Path, orchestrator: &str) -> Option<SoFar> {
    if !transcript.is_absolute() || orchestrator.is_empty() {
        return None;
    }
    let sources = of_session(transcript);
    if sources.is_empty() {
        return None;
    }
    let place = env.state_dir.as_deref().map(|dir| {
        let key = fnv64(transcript.as_os_str().as_encoded_bytes());
        (dir, dir.join("sessions").join(format!("{key:016x}.agents.json")))
    });
    let key = key(env, orchestrator);
    let mut known = place.as_ref().and_then(|(_, path)| recall(path)).filter(|known| known.key == key);
    let known = known.get_or_insert_with(|| Known { key, agents: BTreeMap::new() });
    let complete = catch_up(env, known, &sources, orchestrator)?;
    if complete.changed
        && let (Some((dir, path)), Ok(bytes)) = (&place, serde_json::to_vec(known))
    {
        // Without it the next look reads again: slower, not wrong.
        let _ = state::private_dir(dir)
            .and_then(|()| state::replace_private(&dir.join("sessions"), path, &bytes));
    }
    if !complete.whole {
        return None;
    }
    let mut sum = SoFar::default();
    for (_, costs) in known.agents.values() {
        let Some((here, there)) = costs else { continue };
        sum.agents += 1;
        sum.usd += here;
        sum.on_orchestrator_usd += there;
    }
    (sum.agents > 0).then_some(sum)
}

struct Complete {
    changed: bool,
    whole: bool,
}

/// Reads the transcripts that changed since they were known, up to the bound.
fn catch_up(env: &Env, known: &mut Known, sources: &[Source], orchestrator: &str) -> Option<Complete> {
    let mut complete = Complete { changed: false, whole: true };
    let (mut left, mut prices) = (MOST, None);
    let mut reader = Reader::default();
    for source in sources {
        let agent = source.agent.clone().unwrap_or_default();
        if known.agents.get(&agent).is_some_and(|(stamp, _)| *stamp == source.stamp) {
            continue;
        }
        if source.stamp.size > left {
            complete.whole = false;
            continue;
        }
        left -= source.stamp.size;
        let prices = match &mut prices {
            Some(prices) => prices,
            none => none.insert(Prices::load(env).ok()?),
        };
        let costs = reader.read(source, None).ok().and_then(|facts| {
            // A fork begins with copies of its parent's requests and runs on its model: no saving either way.
            let fork = facts.meta.as_ref().and_then(|meta| meta.agent_type.as_deref()) == Some("fork");
            let add = |sum: (Usd, Usd), seen: &Seen| {
                let here = prices.cost(&seen.model, seen.time, &seen.usage)?;
                Some((sum.0.plus(here), sum.1.plus(prices.cost(orchestrator, seen.time, &seen.usage)?)))
            };
            let sum = facts.requests.iter().try_fold((Usd::default(), Usd::default()), add)?;
            (!fork && !facts.requests.is_empty()).then(|| (sum.0.dollars(), sum.1.dollars()))
        });
        known.agents.insert(agent, (source.stamp, costs));
        complete.changed = true;
    }
    Some(complete)
}

fn key(env: &Env, orchestrator: &str) -> String {
    let users = env.config_dir.as_ref().and_then(|dir| std::fs::metadata(dir.join("prices.toml")).ok());
    let changed = users.map_or(0, |meta| Stamp::of(&meta).modified);
    format!("{} {orchestrator} {changed}", env!("CARGO_PKG_VERSION"))
}

fn recall(path: &Path) -> Option<Known> {
    serde_json::from_slice(&crate::fsx::read_regular(path, MAX_FILE).ok()?).ok()
}
