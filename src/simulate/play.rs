//! One session under way: turns each step of its transcript into the event that the client would have sent, and lets
//! [`handle`] answer it with the memory that the hook would have had. Decides nothing itself and writes nothing.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::value::RawValue;

use super::replay::{Found, LeftOut, PromptSeen, Setting, SpawnSeen};
use super::wire::{Step, What};
use crate::agents::{self, AgentModel};
use crate::config::Env;
use crate::handle::prompt::{Prompt, read};
use crate::handle::{Outcome, World, handle};
use crate::hook::agent_folders;
use crate::metrics::record::{Kind, Record, fnv64, safe_id};
use crate::models::Family;
use crate::protocol::Event;
use crate::state::Session;
use crate::tail::Spoke;
use crate::transcript::wire::INTERRUPTED;

/// An event in the client's shape; absent parts are left out.
#[derive(Default, Clone, Copy, Serialize)]
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
pub struct Nested {
    /// Milliseconds since 1970.
    pub time: u64,
    /// The subagent that spawns.
    pub agent: String,
    /// The prompt that it works on; may be empty.
    pub prompt_id: String,
    /// Its working folder.
    pub cwd: String,
    /// Its model.
    pub spoke: Spoke,
    /// `tool_use_id` of the call.
    pub tool_use: String,
    /// The input of the call.
    pub input: Box<RawValue>,
}

/// One session under way.
pub struct Play<'p, 'a> {
    setting: Setting<'a>,
    models: &'p mut HashMap<(String, String), AgentModel>,
    elsewhere: &'p HashSet<u64>,
    seen: HashSet<u64>,
    found: &'p mut Found,
    session: Session,
    /// The file's session id.
    pub session_id: String,
    first_model: Option<&'p str>,
    begun: bool,
    ended: bool,
    spoke: Option<Spoke>,
    prompt_id: String,
    mode: String,
    cwd: String,
    project: String,
}

impl<'p, 'a> Play<'p, 'a> {
    /// A session that has not begun. `elsewhere`: see [`super::replay::Replayer::replay`].
    pub fn new(
        setting: Setting<'a>,
        models: &'p mut HashMap<(String, String), AgentModel>,
        elsewhere: &'p HashSet<u64>,
        first_model: Option<&'p str>,
        found: &'p mut Found,
    ) -> Self {
        Self {
            setting,
            models,
            elsewhere,
            seen: HashSet::new(),
            found,
            session: Session::default(),
            session_id: String::new(),
            first_model,
            begun: false,
            ended: false,
            spoke: None,
            prompt_id: String::new(),
            mode: String::new(),
            cwd: String::new(),
            project: String::new(),
        }
    }

    /// The next line of the main transcript.
    pub fn step(&mut self, step: &Step<'_>) {
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
        } else if text.starts_with(INTERRUPTED) {
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

    /// A spawn inside a subagent, when its time has come.
    pub fn nested(&mut self, spawn: &Nested) {
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
            so_far: &|| None,
            turbo_ready: &|| true,
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
