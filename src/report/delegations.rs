//! Joins what the hook logged with what the transcripts show: for every delegation the model that was wanted, the one
//! that was requested and the one that ran. Pure. Without evidence of what ran it says "unknown", never "mismatch".

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::calendar;
use crate::metrics::record::{Kind, Outcome, Record, hashed, safe_agent};
use crate::models::Family;
use crate::transcript::corpus::{Agent, Corpus};

/// `why` of a spawn that SEF left to somebody else's choice without a model in the call: nothing can be expected of it.
pub const WHY_CHOSEN_ELSEWHERE: &[&str] = &["env-model", "agent-model", "unknown-agent"];

/// Built-in agents that may bring a model of their own when the call names none.
const OWN_MODEL: &[&str] = &["claude-code-guide", "statusline-setup", "output-style-setup"];

/// Stands for the agent type when nothing names it.
const UNNAMED: &str = "unknown";

/// What the log holds instead of a model id that it does not store: no evidence.
const NOT_A_MODEL: &str = "other";

/// One delegation.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a key of the JSON")]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delegation {
    /// Session id.
    pub session: String,
    /// The Agent call.
    pub tool_use_id: Option<String>,
    /// The agent that it started; none when it never ran, or nothing says so.
    pub agent_id: Option<String>,
    /// The agent's type.
    pub executor: String,
    /// What SEF wanted.
    pub wanted: Option<Family>,
    /// What the call asked for; none: inherited.
    pub requested: Option<Family>,
    /// What ran: the family that does not fit when one does not, else the one that answered most.
    pub ran: Option<Family>,
    /// The ids of all models that answered, most requests first.
    pub ran_models: Vec<String>,
    /// The family of whoever delegated.
    pub parent: Option<Family>,
    /// Something else ran than was requested, or than would have been inherited.
    pub mismatch: bool,
    /// ISO 8601, UTC; none when nothing says it.
    pub time: Option<String>,
    /// Whether the hook saw it; otherwise the transcripts alone show it.
    pub seen_by_hook: bool,
    /// A subagent delegated it, not the orchestrator.
    pub nested: bool,
    /// The client refused the call, so nothing ran.
    pub refused: bool,
    /// How it ended, as far as the log knows.
    pub outcome: Option<Outcome>,
}

/// All delegations and their sums.
#[derive(Debug, Default, Serialize)]
pub struct Delegations {
    /// How many.
    pub total: usize,
    /// Something else ran than was asked for.
    pub mismatches: usize,
    /// Nothing shows what ran.
    pub unknown: usize,
    /// Only the transcripts show them: before SEF, or not seen by its hook.
    pub not_seen_by_hook: usize,
    /// Delegated by subagents.
    pub nested: usize,
    /// Refused by the client; also counted as unknown.
    pub refused: usize,
    /// By agent type.
    pub by_executor: BTreeMap<String, usize>,
    /// By the id of the model that ran.
    pub by_model: BTreeMap<String, usize>,
    /// Each one, oldest first.
    pub list: Vec<Delegation>,
}

/// Joins records (of any kind, in any order) and transcripts; only what happened at or after `since` is listed.
pub fn join(records: &[Record], corpus: &Corpus, since: u64) -> Delegations {
    let evidence = Evidence::gather(records, corpus);
    let mut claimed = HashSet::new();
    let mut timed: Vec<(u64, Delegation)> = Vec::new();
    for spawn in spawns(records) {
        let delegation = evidence.of_spawn(spawn);
        claimed.extend(delegation.agent_id.clone());
        if spawn.t >= since {
            timed.push((spawn.t, delegation));
        }
    }
    for agent in corpus.agents.iter().filter(|agent| !claimed.contains(&agent.id)) {
        let time = agent.requests.iter().map(|at| corpus.requests[*at].time).filter(|time| *time > 0).min();
        if time.unwrap_or(0) >= since
            && let Some(delegation) = evidence.of_unseen(agent, time)
        {
            timed.push((time.unwrap_or(0), delegation));
        }
    }
    timed.sort_by(|(a_time, a), (b_time, b)| (a_time, &a.tool_use_id).cmp(&(b_time, &b.tool_use_id)));
    sum(timed.into_iter().map(|(_, delegation)| delegation).collect())
}

fn sum(list: Vec<Delegation>) -> Delegations {
    let count = |test: fn(&Delegation) -> bool| list.iter().filter(|one| test(one)).count();
    let mut sums = Delegations {
        total: list.len(),
        mismatches: count(|one| one.mismatch),
        unknown: count(|one| one.ran_models.is_empty()),
        not_seen_by_hook: count(|one| !one.seen_by_hook),
        nested: count(|one| one.nested),
        refused: count(|one| one.refused),
        ..Delegations::default()
    };
    for one in &list {
        *sums.by_executor.entry(one.executor.clone()).or_default() += 1;
        let shown = one.ran_models.iter().find(|id| Family::of(id) == one.ran);
        if let Some(model) = shown.or(one.ran_models.first()) {
            *sums.by_model.entry(model.clone()).or_default() += 1;
        }
    }
    sums.list = list;
    sums
}

/// The spawns, each call once: two registered hooks log the same call, and the last word counts.
pub(crate) fn spawns(records: &[Record]) -> Vec<&Record> {
    let mut spawns: Vec<&Record> = Vec::new();
    let mut by_call: HashMap<&str, usize> = HashMap::new();
    for record in records.iter().filter(|record| record.e == Kind::Spawn) {
        if let Some(place) = record.tu.as_deref().and_then(|call| by_call.get(call)) {
            spawns[*place] = record;
        } else {
            by_call.extend(record.tu.as_deref().map(|call| (call, spawns.len())));
            spawns.push(record);
        }
    }
    spawns
}

/// Everything that says what became of a call.
struct Evidence<'a> {
    corpus: &'a Corpus,
    agents: HashMap<&'a str, &'a Agent>,
    agent_of_call: HashMap<&'a str, &'a str>,
    resolved: HashMap<&'a str, &'a str>,
    logged: HashMap<&'a str, &'a Record>,
    ended: HashMap<&'a str, Outcome>,
    refused: HashSet<&'a str>,
    names: HashMap<String, &'a str>,
}

impl<'a> Evidence<'a> {
    fn gather(records: &'a [Record], corpus: &'a Corpus) -> Self {
        let mut evidence = Self {
            corpus,
            agents: corpus.agents.iter().map(|agent| (agent.id.as_str(), agent)).collect(),
            agent_of_call: HashMap::new(),
            resolved: HashMap::new(),
            logged: HashMap::new(),
            ended: HashMap::new(),
            refused: HashSet::new(),
            names: HashMap::new(),
        };
        for record in records {
            let (call, agent) = (record.tu.as_deref(), record.a.as_deref());
            match record.e {
                Kind::Result | Kind::Notified => evidence.agent_of_call.extend(call.zip(agent)),
                Kind::Refused => evidence.refused.extend(call),
                _ => {}
            }
            match record.e {
                Kind::Result => evidence.logged.extend(call.map(|call| (call, record))),
                Kind::Notified | Kind::AgentStop => evidence.ended.extend(agent.zip(record.out)),
                _ => {}
            }
        }
        for link in corpus.sessions.iter().flat_map(|session| &session.links) {
            evidence.agent_of_call.insert(&link.tool_use, &link.agent);
            if !link.model.is_empty() {
                evidence.resolved.insert(&link.agent, &link.model);
            }
        }
        for agent in &corpus.agents {
            evidence
                .agent_of_call
                .extend(agent.meta.tool_use_id.as_deref().map(|call| (call, agent.id.as_str())));
            evidence.names.extend(agent.meta.agent_type.as_deref().map(|name| (hashed(name), name)));
        }
        evidence
    }

    fn of_spawn(&self, spawn: &Record) -> Delegation {
        let call = spawn.tu.as_deref();
        let agent_id = call.and_then(|call| self.agent_of_call.get(call).copied());
        let result = call.and_then(|call| self.logged.get(call).copied());
        let agent = agent_id.and_then(|id| self.agents.get(id).copied());
        let named = spawn.agent.as_deref().map(|name| self.names.get(name).copied().unwrap_or(name));
        let meta_name = agent.and_then(|agent| agent.meta.agent_type.as_deref());
        let executor = shown_name(named.or(meta_name).unwrap_or(UNNAMED)).to_owned();
        let mut ran_models = agent_id.map(|id| self.ran(id)).unwrap_or_default();
        if ran_models.is_empty() {
            ran_models
                .extend(result.and_then(|result| result.ran.clone()).filter(|model| model != NOT_A_MODEL));
        }
        let parent = spawn.par.as_deref().and_then(Family::of);
        let expected = expect(spawn, agent, &executor, parent);
        let (ran, mismatch) = judge(&ran_models, expected);
        Delegation {
            session: spawn.s.clone(),
            tool_use_id: spawn.tu.clone(),
            agent_id: agent_id.map(str::to_owned),
            executor,
            wanted: spawn.want.as_deref().and_then(Family::of),
            requested: spawn.req.as_deref().and_then(Family::of),
            ran,
            ran_models,
            parent,
            mismatch,
            time: Some(calendar::timestamp(spawn.t)),
            seen_by_hook: true,
            nested: spawn.a.is_some() || agent.is_some_and(is_nested),
            refused: call.is_some_and(|call| self.refused.contains(call)),
            outcome: self.outcome(result, agent_id),
        }
    }

    /// An agent that no spawn record explains. Helpers of the client itself (compaction) have no type: none.
    fn of_unseen(&self, agent: &Agent, time: Option<u64>) -> Option<Delegation> {
        let executor = agent.meta.agent_type.as_deref().filter(|name| !name.is_empty())?;
        let call = agent.meta.tool_use_id.as_deref();
        let result = call.and_then(|call| self.logged.get(call).copied());
        // The client notes an alias only when the call named one.
        let requested = agent.meta.model.as_deref().and_then(Family::from_alias);
        let ran_models = self.ran(&agent.id);
        let (ran, mismatch) = judge(&ran_models, requested.map_or(Expected::Anything, Expected::Only));
        let parent = agent.meta.parent_agent_id.as_deref();
        Some(Delegation {
            session: agent.session.clone(),
            tool_use_id: agent.meta.tool_use_id.clone(),
            agent_id: Some(agent.id.clone()),
            executor: shown_name(executor).to_owned(),
            wanted: None,
            requested,
            ran,
            ran_models,
            parent: parent.and_then(|id| self.ran(id).first().and_then(|model| Family::of(model))),
            mismatch,
            time: time.map(calendar::timestamp),
            seen_by_hook: false,
            nested: is_nested(agent),
            refused: false,
            outcome: self.outcome(result, Some(&agent.id)),
        })
    }

    /// How it ended: what the result says, or for a background agent the last word on the agent.
    fn outcome(&self, result: Option<&Record>, agent_id: Option<&str>) -> Option<Outcome> {
        let told = result.and_then(|result| result.out);
        let later = agent_id.and_then(|id| self.ended.get(id).copied());
        told.filter(|out| *out != Outcome::Launched).or(later).or(told)
    }

    /// The models that answered for an agent, most requests first; what the client resolved when none did yet.
    fn ran(&self, agent_id: &str) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let requests = self.agents.get(agent_id).map(|agent| agent.requests.as_slice()).unwrap_or_default();
        // A fork's transcript begins with a copy of its parent's requests: those are not its own.
        for request in requests.iter().map(|at| &self.corpus.requests[*at]).filter(|request| !request.in_main)
        {
            *counts.entry(&request.model).or_default() += 1;
        }
        let mut models: Vec<(&str, usize)> = counts.into_iter().filter(|(id, _)| !id.is_empty()).collect();
        models.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if models.is_empty() {
            models.extend(self.resolved.get(agent_id).map(|model| (*model, 0)));
        }
        models.into_iter().map(|(id, _)| id.to_owned()).collect()
    }
}

fn is_nested(agent: &Agent) -> bool {
    agent.meta.parent_agent_id.is_some() || agent.meta.spawn_depth.is_some_and(|depth| depth > 1)
}

/// What may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Anything,
    Only(Family),
    /// The parent's, or what a built-in agent may run on instead.
    Either(Family, Family),
}

fn expect(spawn: &Record, agent: Option<&Agent>, executor: &str, parent: Option<Family>) -> Expected {
    let why = spawn.why.as_deref().unwrap_or_default();
    if let Some(requested) = spawn.req.as_deref() {
        return Family::of(requested).map_or(Expected::Anything, Expected::Only);
    }
    // What SEF wanted without changing the call is what the call would give anyway. Explore has ways of its own.
    let wanted = spawn.want.as_deref().and_then(Family::of).filter(|_| executor != "Explore");
    if let Some(wanted) = wanted {
        return Expected::Only(wanted);
    }
    if WHY_CHOSEN_ELSEWHERE.contains(&why) {
        return Expected::Anything;
    }
    let of_a_person = executor != UNNAMED && safe_agent(executor) != executor;
    if of_a_person || OWN_MODEL.contains(&executor) {
        // A person's own agent may name a model in its definition; the client notes the full id that it resolved.
        let resolved = agent.and_then(|agent| agent.meta.model.as_deref()).and_then(Family::of);
        return resolved.map_or(Expected::Anything, Expected::Only);
    }
    match parent {
        None => Expected::Anything,
        // Clients before 2.1.198 ran Explore on Haiku; they do not note the model beside the transcript.
        Some(parent) if executor == "Explore" && agent.is_some_and(|agent| agent.meta.model.is_none()) => {
            Expected::Either(parent, Family::Haiku)
        }
        // Later ones cap it at Opus when it inherits (the client's documentation, August 2026).
        Some(Family::Fable) if executor == "Explore" => Expected::Either(Family::Fable, Family::Opus),
        Some(parent) => Expected::Only(parent),
    }
}

/// The family that ran, and whether it is one that must not.
fn judge(models: &[String], expected: Expected) -> (Option<Family>, bool) {
    let families = || models.iter().filter_map(|id| Family::of(id));
    let fits = |family: &Family| match expected {
        Expected::Anything => true,
        Expected::Only(one) => *family == one,
        Expected::Either(one, other) => *family == one || *family == other,
    };
    let misfit = families().find(|family| !fits(family));
    (misfit.or_else(|| families().next()), misfit.is_some())
}

/// A name without the prefix of SEF's own plugin.
pub(crate) fn shown_name(name: &str) -> &str {
    name.strip_prefix("sef:").filter(|bare| bare.starts_with("sef-")).unwrap_or(name)
}
