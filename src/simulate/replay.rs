//! Reads a session's files and plays it step by step, with the spawns of its subagents at their times. What is kept
//! grows with the number of prompts and spawns, not with text. Reads files, writes none.

use std::collections::{HashMap, HashSet};
use std::io;

use super::play::{Nested, Play};
use super::wire::{Steps, What};
use crate::agents::AgentModel;
use crate::config::Env;
use crate::fsx::open_regular;
use crate::metrics::record::safe_id;
use crate::models::Family;
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::tail::Spoke;
use crate::transcript::find::Source;
use crate::transcript::lines::each_line;
use crate::transcript::wire::Unreadable;

/// A main transcript and its subagents' transcripts.
#[derive(Debug, Default)]
pub struct Group<'a> {
    /// None when only the subagents' are there.
    pub main: Option<&'a Source>,
    /// Subagents' files.
    pub agents: Vec<&'a Source>,
    /// The model of the session's first answer.
    pub first_model: Option<String>,
}

impl Group<'_> {
    /// Bytes to read.
    pub fn size(&self) -> u64 {
        self.main.iter().chain(&self.agents).map(|source| source.stamp.size).sum()
    }
}

/// What the hook would have done at one prompt.
#[derive(Debug, PartialEq)]
pub struct PromptSeen {
    /// Tells it from every other one; copies have the same.
    pub key: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// Tier of the verdict; none when the hook asks the rules nothing (a slash command alone).
    pub tier: Option<u8>,
    /// Role of the verdict.
    pub role: Box<str>,
    /// The hint's kind, or the reason for silence.
    pub said: Result<Box<str>, Box<str>>,
}

/// What the hook would have done at one spawn.
#[derive(Debug, PartialEq)]
pub struct SpawnSeen {
    /// Tells it from every other one; copies have the same.
    pub key: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// `tool_use_id` as the corpus writes it.
    pub tool_use: String,
    /// A subagent spawned it.
    pub nested: bool,
    /// The model of whoever spawned it.
    pub parent_model: Box<str>,
    /// The family that the hook would have set; none: the call is left as it is.
    pub set: Option<Family>,
    /// The hook's reason.
    pub why: Box<str>,
}

/// Text in the place of a prompt that nobody typed.
#[derive(Debug, PartialEq)]
pub struct LeftOut {
    /// Tells it from every other one.
    pub key: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// What it is.
    pub what: &'static str,
}

/// The findings of one group.
#[derive(Debug, Default)]
pub struct Found {
    /// In order.
    pub prompts: Vec<PromptSeen>,
    /// In order.
    pub spawns: Vec<SpawnSeen>,
    /// See [`LeftOut`].
    pub left_out: Vec<LeftOut>,
    /// `tool_use_id` and agent id of Agent calls with a result.
    pub links: Vec<(String, String)>,
    /// Lines that could not be read.
    pub unreadable: u64,
}

/// What all sessions have in common.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// Compiled rules.
    pub image: &'a Image,
    /// What SEF may do.
    pub policy: &'a Policy,
    /// The environment as it is now.
    pub env: &'a Env,
}

/// Replays groups one after another. One for each thread.
pub struct Replayer<'a> {
    setting: Setting<'a>,
    steps: Steps,
    buffer: Vec<u8>,
    models: HashMap<(String, String), AgentModel>,
}

impl<'a> Replayer<'a> {
    /// Ready to replay.
    pub fn new(setting: Setting<'a>) -> Self {
        Self { setting, steps: Steps::default(), buffer: Vec::new(), models: HashMap::new() }
    }

    /// Replays one session. What is in `elsewhere` belongs to another session that this one copied: the hook's memory
    /// of this session begins after it.
    pub fn replay(&mut self, group: &Group<'_>, elsewhere: &HashSet<u64>) -> Found {
        let mut found = Found::default();
        let mut nested = Vec::new();
        for source in &group.agents {
            let read = self.agent(source, &mut nested, &mut found);
            count_failure(read, &mut found);
        }
        nested.sort_by_key(|spawn: &Nested| spawn.time);
        let first_model = group.first_model.as_deref();
        let mut play = Play::new(self.setting, &mut self.models, elsewhere, first_model, &mut found);
        let mut nested = nested.into_iter().peekable();
        let mut read = Ok(0);
        let mut unreadable = 0;
        if let Some(source) = group.main {
            play.session_id.clone_from(&source.session);
            let steps = &self.steps;
            read = open_regular(&source.path).and_then(|file| {
                each_line(file, &mut self.buffer, |line| match steps.read(line) {
                    Ok(Some(step)) if !step.side => {
                        while let Some(spawn) = nested.next_if(|spawn| spawn.time < step.time) {
                            play.nested(&spawn);
                        }
                        play.step(&step);
                    }
                    Ok(_) => {}
                    Err(Unreadable) => unreadable += 1,
                })
            });
        }
        for spawn in nested {
            play.nested(&spawn);
        }
        found.unreadable += unreadable;
        count_failure(read, &mut found);
        found
    }

    /// The spawns of one subagent.
    fn agent(&mut self, source: &Source, nested: &mut Vec<Nested>, found: &mut Found) -> io::Result<u64> {
        let file = open_regular(&source.path)?;
        let agent = source.agent.clone().unwrap_or_default();
        let mut prompt_id = String::new();
        let steps = &self.steps;
        each_line(file, &mut self.buffer, |line| {
            let step = match steps.read(line) {
                Ok(Some(step)) => step,
                Ok(None) => return,
                Err(Unreadable) => {
                    found.unreadable += 1;
                    return;
                }
            };
            if prompt_id.is_empty() {
                prompt_id.push_str(&step.prompt_id);
            }
            match step.what {
                What::Result { tool_use, agent, .. } => {
                    found.links.push((safe_id(&tool_use), safe_id(&agent)));
                }
                What::Said { model, calls, .. } => nested.extend(calls.iter().map(|call| Nested {
                    time: step.time,
                    agent: agent.clone(),
                    prompt_id: prompt_id.clone(),
                    cwd: step.cwd.clone().into_owned(),
                    spoke: Spoke {
                        model: model.clone().into_owned(),
                        time: step.timestamp.clone().into_owned(),
                    },
                    tool_use: call.id.clone().into_owned(),
                    input: call.input.to_owned(),
                })),
                What::Typed(_) | What::NotTyped(_) | What::Compacted => {}
            }
        })
    }
}

/// Lines that were too long are unreadable ones. Files that cannot be read are counted when the corpus is.
fn count_failure(read: io::Result<u64>, found: &mut Found) {
    found.unreadable += read.unwrap_or(0);
}
