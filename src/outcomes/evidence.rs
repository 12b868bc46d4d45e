//! What one transcript shows of outcomes, in the order of its lines: prompts, Agent calls, their ends, and what was
//! written, searched and run. Keeps ids, times and 64-bit hashes, never text; lines that nobody needs are not parsed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::PathBuf;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::calendar;
use crate::handle::Notification;
use crate::metrics::record::{Outcome, fnv64, safe_id};
use crate::outcomes::keys::{action, word_hashes};
use crate::outcomes::words::{Said, Words, whose};
use crate::protocol::SpawnResult;
use crate::state::Sketch;
use crate::transcript::wire::{INTERRUPTED, SYNTHETIC};

/// Events behind the last one among which a call that failed is looked for.
const LOOK_BACK: usize = 200;

/// What a transcript shows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// The transcript.
    #[serde(skip)]
    pub path: PathBuf,
    /// In the order of its lines.
    pub events: Vec<Seen>,
    /// The Agent calls that [`What::Call`] counts through.
    pub calls: Vec<Call>,
}

impl Trace {
    /// Every call that an event names is there.
    pub fn is_whole(&self) -> bool {
        self.events.iter().all(|event| !matches!(event.what, What::Call(place) if place >= self.calls.len()))
    }
}

/// One thing that a transcript shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Milliseconds since 1970; 0 when the line does not say.
    pub time: u64,
    /// `tool_use_id` of a call and of its end, else the line's `uuid`.
    pub id: Box<str>,
    /// What it is.
    pub what: What,
}

/// See [`Seen::what`]. Calls and agents are [`id_key`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// The user said something.
    Prompt {
        /// That the work before it is wrong.
        complaint: bool,
        /// It is a slash command.
        command: bool,
    },
    /// An Agent call, by its place in [`Trace::calls`].
    Call(usize),
    /// The work of a call came back; one of the two keys may be 0.
    End {
        /// Of the Agent call.
        call: u64,
        /// Of the agent.
        agent: u64,
        /// How.
        how: How,
    },
    /// The model answered; several answers in a row are one.
    Answer,
    /// A file was written or edited.
    Write(u64),
    /// A Grep or Glob, or a command that is nothing else.
    Search(u64),
    /// A command that is more than a look at the state of things: it may have changed files.
    Command(u64),
    /// A part of a file was read.
    Read {
        /// Of file and part.
        key: u64,
        /// Of the file, as in [`What::Write`].
        file: u64,
    },
}

/// How a call's work came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// With a report, judged like the hook does.
    Reported(Outcome),
    /// The user, a permission rule or a hook stopped it.
    Stopped,
    /// The call failed and nothing shows that an agent ever ran. Told by [`super::joined`], which knows the agents.
    Refused,
}

/// An Agent call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    /// [`id_key`] of its `tool_use_id`.
    pub key: u64,
    /// Fingerprint of its task, as the hook makes it.
    pub sketch: Sketch,
    /// Hashes of the task's words, sorted. They are salted with the transcript's first task, so that they are equal
    /// within a transcript and, in the index, no list of words can be held against them.
    pub words: Box<[u32]>,
    /// Of those, the ones that name something: paths, identifiers, numbers.
    pub names: Box<[u32]>,
}

/// Key of an id, as the log would write it.
pub fn id_key(id: &str) -> u64 {
    if id.is_empty() { 0 } else { fnv64(safe_id(id).as_bytes()) }
}

/// Finds the lines worth parsing; one for each thread.
pub struct Filter {
    tool_use: Finder<'static>,
    agent: Finder<'static>,
    task: Finder<'static>,
    tool_result: Finder<'static>,
    is_error: Finder<'static>,
    user: Finder<'static>,
    assistant: Finder<'static>,
    queued: Finder<'static>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            tool_use: Finder::new(b"\"tool_use\""),
            agent: Finder::new(b"\"Agent\""),
            task: Finder::new(b"\"Task\""),
            tool_result: Finder::new(b"\"tool_result\""),
            is_error: Finder::new(b"\"is_error\""),
            user: Finder::new(b"\"user\""),
            assistant: Finder::new(b"\"assistant\""),
            queued: Finder::new(b"\"queued_command\""),
        }
    }
}

/// Makes the trace of one file.
pub struct Tracer<'a> {
    words: &'a Words,
    /// The file is a subagent's: all that it did is its work, and nobody prompts in it.
    of_agent: bool,
    trace: Trace,
    salt: Option<u64>,
    known: HashSet<u64>,
    open: HashSet<u64>,
    ended: bool,
    last_end: u64,
    repeated: bool,
}

impl<'a> Tracer<'a> {
    /// For one file.
    pub fn new(words: &'a Words, of_agent: bool) -> Self {
        Self {
            words,
            of_agent,
            trace: Trace::default(),
            salt: None,
            known: HashSet::new(),
            open: HashSet::new(),
            ended: false,
            last_end: 0,
            repeated: false,
        }
    }

    /// What was found; none when there was no delegation and the file is not a subagent's.
    pub fn done(self) -> Option<Trace> {
        let wanted = !self.trace.events.is_empty() && (self.of_agent || !self.trace.calls.is_empty());
        wanted.then_some(self.trace)
    }

    /// A line, trimmed. What is not as expected shows nothing.
    pub fn line(&mut self, filter: &Filter, line: &[u8]) {
        let has = |finder: &Finder| finder.find(line).is_some();
        let wanted = if has(&filter.tool_use) {
            self.of_agent || self.live() || has(&filter.agent) || has(&filter.task)
        } else if has(&filter.tool_result) {
            !self.open.is_empty() || has(&filter.is_error)
        } else if has(&filter.queued) || has(&filter.user) {
            !self.of_agent && !self.trace.calls.is_empty()
        } else {
            self.live() && has(&filter.assistant)
        };
        if wanted && let Ok(line) = serde_json::from_slice::<Line>(line) {
            self.parsed(&line);
        }
    }

    /// Something is delegated, or was in this turn: what happens now may say how it ended.
    fn live(&self) -> bool {
        self.ended || !self.open.is_empty()
    }

    fn parsed(&mut self, line: &Line) {
        let aside = line.is_sidechain == Some(true) && !self.of_agent;
        if aside || line.is_meta == Some(true) || line.is_compact_summary == Some(true) {
            return;
        }
        let time = calendar::parse_timestamp(line.timestamp()).unwrap_or(0);
        // A line that the client repeats behind the end of a delegation, in a resumed transcript, is not after it.
        self.repeated = time != 0 && time < self.last_end && !self.of_agent;
        match line.kind() {
            "assistant" if self.repeated => {}
            "assistant" => self.assistant(line, time),
            "user" => self.user(line, time),
            "attachment" if !self.of_agent => {
                let queued = line.attachment.and_then(|raw| serde_json::from_str::<Queued>(raw.get()).ok());
                if let Some(queued) = queued.filter(|queued| queued.kind == "queued_command") {
                    self.said(&text_of(queued.prompt), line.uuid(), time);
                }
            }
            _ => {}
        }
    }

    fn assistant(&mut self, line: &Line, time: u64) {
        let Some(message) = line.message() else { return };
        // What the client made up itself (errors, interruptions) is no answer.
        if message.model.as_deref() == Some(SYNTHETIC) {
            return;
        }
        let answered = matches!(self.trace.events.last(), Some(Seen { what: What::Answer, .. }));
        if self.live() && !answered {
            self.push(line.uuid(), time, What::Answer);
        }
        let Some(blocks) = message.blocks() else { return };
        for block in blocks.iter().filter(|block| block.kind.as_deref() == Some("tool_use")) {
            let (Some(id), Some(name), Some(input)) = (&block.id, &block.name, block.input) else { continue };
            if matches!(name.as_ref(), "Agent" | "Task") {
                if let Ok(task) = serde_json::from_str::<Task>(input.get()) {
                    self.call(id, &task, time);
                }
            } else if (self.of_agent || self.live())
                && let Some(what) = action(name, input, line.cwd.as_deref().unwrap_or_default())
            {
                self.push_once(id, time, what);
            }
        }
    }

    fn call(&mut self, id: &str, task: &Task, time: u64) {
        let text = format!("{} {}", task.description, task.prompt);
        let salt = *self.salt.get_or_insert_with(|| fnv64(text.as_bytes()));
        let (words, names) = word_hashes(&text, salt);
        let key = id_key(id);
        if self.push_once(id, time, What::Call(self.trace.calls.len())) {
            self.trace.calls.push(Call { key, sketch: Sketch::of(&text), words, names });
            self.open.insert(key);
        }
    }

    fn user(&mut self, line: &Line, time: u64) {
        let Some(message) = line.message() else { return };
        let blocks = message.blocks().unwrap_or_default();
        let mut results =
            blocks.iter().filter(|block| block.kind.as_deref() == Some("tool_result")).peekable();
        if results.peek().is_none() {
            if !self.of_agent && line.result.is_none() {
                self.said(&text_of(message.content), line.uuid(), time);
            }
            return;
        }
        for block in results {
            let id = block.tool_use_id.as_deref().unwrap_or_default();
            let failed = block.is_error == Some(true);
            if self.open.contains(&id_key(id)) {
                self.result(id, failed, &text_of(block.content), line.result, time);
            } else if failed {
                self.undo_write(id);
            }
        }
    }

    /// The result of an Agent call, or the note that it was launched.
    fn result(&mut self, id: &str, failed: bool, text: &str, result: Option<&RawValue>, time: u64) {
        let response = result.and_then(SpawnResult::parse);
        let status = response.as_ref().map(|response| response.status().into_owned()).unwrap_or_default();
        let agent = response.as_ref().map(|response| id_key(&response.agent_id())).unwrap_or_default();
        let how = if failed && is_stopped(text) {
            How::Stopped
        } else if failed {
            How::Reported(Outcome::Failed)
        } else if !matches!(status.as_str(), "" | "completed") {
            return;
        } else {
            let report = response.and_then(|response| response.report());
            How::Reported(self.words.ended(report.as_deref().unwrap_or(text)))
        };
        self.end(id_key(id), agent, how, id, time);
    }

    fn end(&mut self, call: u64, agent: u64, how: How, id: &str, time: u64) {
        self.open.remove(&call);
        self.ended = true;
        self.last_end = self.last_end.max(time);
        self.push(id, time, What::End { call, agent, how });
    }

    /// A person's words, a slash command, or a notification.
    fn said(&mut self, text: &str, uuid: &str, time: u64) {
        match whose(text) {
            Said::Notified(text) => {
                let note = Notification::read(text);
                let how = match (note.status.unwrap_or_default(), note.report) {
                    ("failed", _) => How::Reported(Outcome::Failed),
                    ("completed", Some(report)) => How::Reported(self.words.ended(report)),
                    ("completed", None) => How::Reported(Outcome::Ok),
                    ("killed" | "stopped" | "cancelled", _) => How::Stopped,
                    _ => return,
                };
                let [call, agent] = [note.tool_use, note.agent].map(|id| id_key(id.unwrap_or_default()));
                self.end(call, agent, how, uuid, time);
            }
            _ if self.repeated => {}
            Said::Command => {
                self.prompt(uuid, time, What::Prompt { complaint: false, command: true });
            }
            Said::Users(text) => {
                let complaint = self.live() && self.words.is_complaint(text);
                self.prompt(uuid, time, What::Prompt { complaint, command: false });
            }
            Said::Nothing => {}
        }
    }

    fn prompt(&mut self, uuid: &str, time: u64, what: What) {
        // After a command that nobody answers (/cost) the next words may still be about the work before it.
        if self.push_once(uuid, time, what) && !matches!(what, What::Prompt { command: true, .. }) {
            self.ended = false;
        }
    }

    /// A write that failed wrote nothing.
    fn undo_write(&mut self, id: &str) {
        let events = &mut self.trace.events;
        let from = events.len().saturating_sub(LOOK_BACK);
        let is_it = |event: &Seen| matches!(event.what, What::Write(_)) && *event.id == *safe_id(id);
        if let Some(place) = events[from..].iter().rposition(is_it) {
            events.remove(from + place);
        }
    }

    /// The client repeats lines in a resumed transcript: the first one counts.
    fn push_once(&mut self, id: &str, time: u64, what: What) -> bool {
        let fresh = id.is_empty() || self.known.insert(id_key(id));
        if fresh {
            self.push(id, time, what);
        }
        fresh
    }

    fn push(&mut self, id: &str, time: u64, what: What) {
        let id = if id.is_empty() { Box::default() } else { safe_id(id).into_boxed_str() };
        self.trace.events.push(Seen { time, id, what });
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    uuid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(default)]
    is_sidechain: Option<bool>,
    #[serde(default)]
    is_meta: Option<bool>,
    #[serde(default)]
    is_compact_summary: Option<bool>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "toolUseResult")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    attachment: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    fn uuid(&self) -> &str {
        self.uuid.as_deref().unwrap_or_default()
    }

    fn timestamp(&self) -> &str {
        self.timestamp.as_deref().unwrap_or_default()
    }

    fn message(&self) -> Option<Message<'a>> {
        serde_json::from_str(self.message?.get()).ok()
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    fn blocks(&self) -> Option<Vec<Block<'a>>> {
        serde_json::from_str(self.content?.get()).ok()
    }
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(default)]
    is_error: Option<bool>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Task {
    #[serde(default)]
    description: String,
    #[serde(default)]
    prompt: String,
}

#[derive(Deserialize)]
struct Queued<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    prompt: Option<&'a RawValue>,
}

/// The text of a content: a string, or the text blocks of a list.
pub fn text_of(content: Option<&RawValue>) -> String {
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        text: String,
    }
    let Some(raw) = content.map(RawValue::get) else { return String::new() };
    if let Ok(text) = serde_json::from_str::<String>(raw) {
        return text;
    }
    let parts: Vec<Part> = serde_json::from_str(raw).unwrap_or_default();
    let texts = parts.iter().map(|part| part.text.as_str()).filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join("\n")
}

/// Whether the error of a call says that the user, a rule or a hook stopped it: then the executor failed in nothing.
fn is_stopped(text: &str) -> bool {
    let text = text.trim_start();
    ["[Request interrupted", "The user doesn't want to", "Permission to use", "PreToolUse:"]
        .iter()
        .any(|start| text.starts_with(start))
        || text.contains(INTERRUPTED)
}
