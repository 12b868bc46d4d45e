//! Replays one session as the hook would have met it: each line of the transcript becomes the event that the client
//! would have sent, and the hook's own code answers. Decides nothing itself; reads files, writes none.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;

use serde::Serialize;
use serde_json::value::RawValue;

use super::wire::{Step, Steps, What};
use crate::agents::{self, AgentModel};
use crate::config::Env;
use crate::fsx::open_regular;
use crate::handle::prompt::{Prompt, read};
use crate::handle::{Outcome, World, handle};
use crate::hook::agent_folders;
use crate::metrics::record::{Kind, Record, fnv64, safe_id};
use crate::models::Family;
use crate::protocol::Event;
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::state::Session;
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
        self.main.iter().chain(&self.agents).map(|source| source.size).sum()
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

/// An event in the client's shape; absent parts are left out.
#[derive(Default, Serialize)]
struct Sent<'a> {
    hook_event_name: &'a str,
    session_id: &'a str,
    cwd: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    prompt_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    permission_mode: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_use_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_response: Option<&'a RawValue>,
}

/// A spawn inside a subagent, waiting for its time.
struct Nested {
    time: u64,
    agent: String,
    prompt_id: String,
    cwd: String,
    spoke: Spoke,
    tool_use: String,
    input: Box<RawValue>,
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
        let mut play = Play {
            setting: self.setting,
            models: &mut self.models,
            elsewhere,
            seen: HashSet::new(),
            found: &mut found,
            session: Session::default(),
            session_id: String::new(),
            first_model: group.first_model.as_deref(),
            begun: false,
            ended: false,
            spoke: None,
            prompt_id: String::new(),
            mode: String::new(),
            cwd: String::new(),
            project: String::new(),
        };
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

/// One session under way.
struct Play<'p, 'a> {
    setting: Setting<'a>,
    models: &'p mut HashMap<(String, String), AgentModel>,
    elsewhere: &'p HashSet<u64>,
    seen: HashSet<u64>,
    found: &'p mut Found,
    session: Session,
    session_id: String,
    first_model: Option<&'p str>,
    begun: bool,
    ended: bool,
    spoke: Option<Spoke>,
    prompt_id: String,
    mode: String,
    cwd: String,
    project: String,
}

impl Play<'_, '_> {
    fn step(&mut self, step: &Step<'_>) {
        if !step.cwd.is_empty() {
            step.cwd.as_ref().clone_into(&mut self.cwd);
            if self.project.is_empty() {
                self.project.clone_from(&self.cwd);
            }
        }
        if !step.mode.is_empty() {
            step.mode.as_ref().clone_into(&mut self.mode);
        }
        self.begin(step);
        match &step.what {
            What::Typed(text) => self.typed(step, text),
            What::NotTyped(what) => self.leave_out(step, "", what),
            What::Said { model, ended, calls } => {
                self.ended = *ended;
                if !model.is_empty() && !model.starts_with('<') {
                    self.spoke = Some(Spoke {
                        model: model.clone().into_owned(),
                        time: step.timestamp.clone().into_owned(),
                    });
                }
                for call in calls {
                    self.spawn(step.time, &call.id, call.input, None);
                }
            }
            What::Result { tool_use, agent, response } => {
                self.found.links.push((safe_id(tool_use), safe_id(agent)));
                self.feed(
                    step.time,
                    None,
                    Sent {
                        hook_event_name: "PostToolUse",
                        tool_name: Some("Agent"),
                        tool_use_id: Some(tool_use),
                        tool_response: Some(response),
                        ..Sent::default()
                    },
                );
            }
            What::Compacted => {
                self.feed(
                    step.time,
                    None,
                    Sent { hook_event_name: "SessionStart", source: Some("compact"), ..Sent::default() },
                );
            }
        }
    }

    /// SessionStart names the model in interactive sessions only.
    fn begin(&mut self, step: &Step<'_>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let model = self.first_model.filter(|_| !step.entrypoint.starts_with("sdk"));
        self.feed(
            step.time,
            None,
            Sent { hook_event_name: "SessionStart", source: Some("startup"), model, ..Sent::default() },
        );
    }

    /// Whether something with this key is met for the first time, and belongs to this session.
    fn is_new(&mut self, key: u64) -> bool {
        !self.elsewhere.contains(&key) && self.seen.insert(key)
    }

    fn leave_out(&mut self, step: &Step<'_>, text: &str, what: &'static str) {
        let key = key_of(step, text);
        if self.is_new(key) {
            self.found.left_out.push(LeftOut { key, time: step.time, what });
        }
    }

    fn typed(&mut self, step: &Step<'_>, text: &str) {
        // The client writes down commands in tags: one of its own by name first, a custom one, which the hook
        // sees as `/name arguments`, by message first.
        if text.starts_with("<command-message>") {
            let name = tag(text, "command-name").unwrap_or_default();
            let prompt = format!("{name} {}", tag(text, "command-args").unwrap_or_default());
            let is_new = self.is_new(key_of(step, text));
            if is_new {
                self.prompt(step, prompt.trim_end());
                let key = key_of(step, text);
                self.found.left_out.push(LeftOut { key, time: step.time, what: "command" });
            }
            return;
        }
        let what = if text.starts_with("<command-name>") {
            "command"
        } else if text.starts_with("[Request interrupted by user") {
            "interruption"
        } else if text.starts_with("This session is being continued from a previous conversation") {
            "compaction"
        } else {
            match read(text) {
                Prompt::Notification(_) => "notification",
                Prompt::NotTheUsers => "client",
                Prompt::Users(None, rest) if rest.trim().is_empty() => "empty",
                Prompt::SlashCommand | Prompt::Command(_) | Prompt::Users(..) => "",
            }
        };
        if what == "notification" {
            self.prompt(step, text);
        }
        if !what.is_empty() {
            self.leave_out(step, text, what);
            return;
        }
        let key = key_of(step, text);
        if !self.is_new(key) {
            return;
        }
        let (tier, role, said) = match self.prompt(step, text) {
            Some(record) => {
                let said = match record.hint {
                    Some(kind) => Ok(kind.into()),
                    None => Err(record.why.unwrap_or_default().into()),
                };
                (record.tier, record.role.unwrap_or_default().into(), said)
            }
            None => (None, "".into(), Err("slash".into())),
        };
        self.found.prompts.push(PromptSeen { key, time: step.time, tier, role, said });
    }

    /// Feeds a prompt to the hook and returns what it would have logged of it.
    fn prompt(&mut self, step: &Step<'_>, text: &str) -> Option<Record> {
        if std::mem::take(&mut self.ended) {
            self.feed(step.time, None, Sent { hook_event_name: "Stop", ..Sent::default() });
        }
        let id = if step.prompt_id.is_empty() { &step.uuid } else { &step.prompt_id };
        id.as_ref().clone_into(&mut self.prompt_id);
        let outcome = self.feed(
            step.time,
            None,
            Sent { hook_event_name: "UserPromptSubmit", prompt: Some(text), ..Sent::default() },
        );
        outcome.records.into_iter().find(|record| record.e == Kind::Prompt)
    }

    fn nested(&mut self, spawn: &Nested) {
        let outer = (self.cwd.clone(), self.prompt_id.clone());
        if !spawn.cwd.is_empty() {
            self.cwd.clone_from(&spawn.cwd);
        }
        if !spawn.prompt_id.is_empty() {
            self.prompt_id.clone_from(&spawn.prompt_id);
        }
        self.spawn(spawn.time, &spawn.tool_use, &spawn.input, Some((&spawn.agent, &spawn.spoke)));
        (self.cwd, self.prompt_id) = outer;
    }

    fn spawn(&mut self, time: u64, tool_use: &str, input: &RawValue, inside: Option<(&str, &Spoke)>) {
        let key = fnv64(format!("call {tool_use}").as_bytes());
        if !self.is_new(key) {
            return;
        }
        let speaker = inside.map(|(_, spoke)| spoke).or(self.spoke.as_ref());
        let parent_model = speaker.map(|spoke| spoke.model.as_str()).unwrap_or_default().into();
        let mut outcome = self.feed(
            time,
            inside.map(|(_, spoke)| spoke),
            Sent {
                hook_event_name: "PreToolUse",
                agent_id: inside.map(|(agent, _)| agent),
                tool_name: Some("Agent"),
                tool_use_id: Some(tool_use),
                tool_input: Some(input),
                ..Sent::default()
            },
        );
        let record = outcome.records.pop();
        let changed = outcome.reply.is_some();
        let asked = record.as_ref().and_then(|record| record.req.as_deref());
        self.found.spawns.push(SpawnSeen {
            key,
            time,
            tool_use: safe_id(tool_use),
            nested: inside.is_some(),
            parent_model,
            set: asked.filter(|_| changed).and_then(Family::from_alias),
            why: record.and_then(|record| record.why).unwrap_or_else(|| "no-text".to_owned()).into(),
        });
    }

    /// What the hook answers to an event of this session at this moment.
    fn feed(&mut self, time: u64, inside: Option<&Spoke>, sent: Sent<'_>) -> Outcome {
        let sent = Sent {
            session_id: &self.session_id,
            cwd: &self.cwd,
            prompt_id: &self.prompt_id,
            permission_mode: &self.mode,
            ..sent
        };
        let Ok(json) = serde_json::to_string(&sent) else { return Outcome::default() };
        let Some(event) = Event::parse(&json) else { return Outcome::default() };
        let setting = self.setting;
        let models = RefCell::new(std::mem::take(self.models));
        let agent_model = |name: &str| {
            let place = (self.cwd.clone(), name.to_owned());
            let mut models = models.borrow_mut();
            if let Some(model) = models.get(&place) {
                return model.clone();
            }
            let project = (!self.project.is_empty()).then(|| self.project.clone().into());
            let env = Env { project_dir: project, ..setting.env.clone() };
            let folders = agent_folders(&env, &self.cwd);
            // Without a state folder nothing is cached on the disk.
            let model = agents::model_of(name, &folders, None);
            models.insert(place, model.clone());
            model
        };
        let world = World {
            image: setting.image,
            policy: setting.policy,
            now: time,
            forced_model: setting.env.subagent_model.as_deref(),
            chosen_model: setting.env.anthropic_model.as_deref(),
            spoke: &|| self.spoke.clone(),
            agent_spoke: &|_| inside.cloned(),
            agent_note: &|_| None,
            agent_model: &agent_model,
        };
        let outcome = handle(&event, &world, &mut self.session);
        *self.models = models.into_inner();
        outcome
    }
}

/// Tells a line from every other one; its copies in resumed and forked sessions have the same key.
fn key_of(step: &Step<'_>, text: &str) -> u64 {
    if step.uuid.is_empty() {
        return fnv64(format!("line {} {text}", step.timestamp).as_bytes());
    }
    fnv64(format!("uuid {}", step.uuid).as_bytes())
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let from = text.find(&format!("<{name}>"))? + name.len() + 2;
    let len = text[from..].find(&format!("</{name}>"))?;
    Some(text[from..from + len].trim())
}
