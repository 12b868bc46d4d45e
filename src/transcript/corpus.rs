//! Puts the facts of all files together: each request once, however many lines, files and sessions show it. Pure.

use std::collections::HashMap;

use crate::metrics::record::safe_id;
use crate::outcomes::evidence::Trace;
use crate::prices::Usage;
use crate::transcript::find::Source;
use crate::transcript::model::Model;
use crate::transcript::read::{FileFacts, Link, Meta, Seen, State};

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Each request once.
    pub requests: Vec<Request>,
    /// Main transcripts.
    pub sessions: Vec<Session>,
    /// Ids of the users' prompts, each once, as the log would write them ([`safe_id`]).
    pub prompts: Vec<String>,
    /// Subagents' transcripts, each agent once.
    pub agents: Vec<Agent>,
    /// Lines that could not be read.
    pub unreadable_lines: u64,
    /// Files and folders that could not be read.
    pub unreadable_files: u64,
    /// Files read.
    pub files: u64,
    /// Of those, the ones whose facts an earlier report had left in the index.
    pub from_index: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// One API request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The model that answered.
    pub model: Model,
    /// Milliseconds since 1970; 0 when unknown.
    pub time: u64,
    /// What it used.
    pub usage: Usage,
    /// A main transcript shows it: the orchestrator's own, even when a fork copied it into an agent's file.
    pub in_main: bool,
    /// The user's prompt in progress: 1 more than its place in [`Corpus::prompts`]; 0 when nothing says it.
    pub prompt: u32,
}

/// One main transcript. All ids are as the log would write them ([`safe_id`]).
#[derive(Debug)]
pub struct Session {
    /// Session id.
    pub id: String,
    /// The project's folder.
    pub folder: String,
    /// Its requests, as indices into [`Corpus::requests`], in the file's order.
    pub requests: Vec<usize>,
    /// Agent calls with a result.
    pub links: Vec<Link>,
    /// The client's own sum.
    pub state: Option<State>,
    /// What it shows of outcomes.
    pub trace: Option<Trace>,
}

/// One subagent.
#[derive(Debug)]
pub struct Agent {
    /// Agent id.
    pub id: String,
    /// The session whose folder it lies in.
    pub session: String,
    /// The project's folder.
    pub folder: String,
    /// What the client noted about it.
    pub meta: Meta,
    /// Its requests, as indices into [`Corpus::requests`].
    pub requests: Vec<usize>,
    /// What it shows of outcomes.
    pub trace: Option<Trace>,
}

impl Corpus {
    /// Makes room for so many requests more.
    pub fn reserve(&mut self, requests: usize, index: &mut Index) {
        self.requests.reserve(requests);
        index.requests.reserve(requests);
    }

    /// Adds one file's facts. The order of files does not change any sum.
    pub fn add(&mut self, source: &Source, facts: FileFacts, index: &mut Index) {
        self.unreadable_lines = self.unreadable_lines.saturating_add(facts.unreadable);
        self.files += 1;
        self.bytes = self.bytes.saturating_add(source.stamp.size);
        let session = if source.session.is_empty() { &facts.session } else { &source.session };
        let session = safe_id(session);
        let in_main = source.agent.is_none();
        let prompts: Vec<u32> = facts.prompts.iter().map(|id| self.prompt(id, index)).collect();
        let place = |seen: &Seen| prompts.get((seen.prompt as usize).wrapping_sub(1)).copied().unwrap_or(0);
        let placed = facts.requests.into_iter().map(|seen| Seen { prompt: place(&seen), ..seen });
        let requests: Vec<usize> = placed.map(|seen| self.request(seen, in_main, index)).collect();
        let Some(agent) = &source.agent else {
            let links = facts.links.into_iter().map(safe_link).collect();
            let folder = source.folder.clone();
            self.sessions.push(Session {
                id: session,
                folder,
                requests,
                links,
                state: facts.state,
                trace: facts.trace,
            });
            return;
        };
        let id = safe_id(agent);
        if let Some(place) = index.agents.get(&id) {
            let known = &mut self.agents[*place];
            known.requests.extend(requests);
            known.requests.sort_unstable();
            known.requests.dedup();
            // Copies of one transcript show the same, up to where each was made.
            let shown = |trace: &Option<Trace>| trace.as_ref().map_or(0, |trace| trace.events.len());
            if shown(&facts.trace) > shown(&known.trace) {
                known.trace = facts.trace;
            }
            if known.meta == Meta::default() {
                known.meta = safe_meta(facts.meta.unwrap_or_default());
            }
        } else {
            index.agents.insert(id.clone(), self.agents.len());
            let meta = safe_meta(facts.meta.unwrap_or_default());
            let folder = source.folder.clone();
            self.agents.push(Agent { id, session, folder, meta, requests, trace: facts.trace });
        }
    }

    /// 1 more than the place of a prompt's id.
    fn prompt(&mut self, id: &str, index: &mut Index) -> u32 {
        let next = || {
            self.prompts.push(safe_id(id));
            u32::try_from(self.prompts.len()).unwrap_or(0)
        };
        *index.prompts.entry(id.into()).or_insert_with(next)
    }

    fn request(&mut self, seen: Seen, in_main: bool, index: &mut Index) -> usize {
        let place = self.requests.len();
        if seen.key != 0 {
            if let Some(known) = index.requests.get(&seen.key) {
                let request = &mut self.requests[*known];
                let mut merged = Seen {
                    key: seen.key,
                    model: request.model,
                    time: request.time,
                    usage: request.usage,
                    prompt: request.prompt,
                };
                merged.merge(&seen);
                *request = Request {
                    model: merged.model,
                    time: merged.time,
                    usage: merged.usage,
                    in_main: request.in_main || in_main,
                    prompt: merged.prompt,
                };
                return *known;
            }
            index.requests.insert(seen.key, place);
        }
        let Seen { model, time, usage, prompt, .. } = seen;
        self.requests.push(Request { model, time, usage, in_main, prompt });
        place
    }
}

/// What is already in the corpus, by id; only needed while it is put together.
#[derive(Debug, Default)]
pub struct Index {
    requests: HashMap<u64, usize>,
    agents: HashMap<String, usize>,
    prompts: HashMap<Box<str>, u32>,
}

fn safe_link(link: Link) -> Link {
    Link { tool_use: safe_id(&link.tool_use), agent: safe_id(&link.agent), model: link.model }
}

fn safe_meta(meta: Meta) -> Meta {
    Meta {
        tool_use_id: meta.tool_use_id.map(|id| safe_id(&id)),
        parent_agent_id: meta.parent_agent_id.map(|id| safe_id(&id)),
        ..meta
    }
}
