//! Reads one transcript file into its facts, streaming. What is kept grows with the number of requests, not with text.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::fsx::{open_regular, read_regular};
use crate::outcomes::evidence::{Filter, Trace, Tracer, id_key};
use crate::outcomes::words::Words;
use crate::prices::Usage;
use crate::transcript::find::Source;
use crate::transcript::lines::each_line;
use crate::transcript::model::Model;
use crate::transcript::wire::{Answer, CostState, Line, LineFilter, Unreadable};

/// One API request as a file shows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Of `message.id`, see [`id_key`]: which requests are one is all that anybody asks of it.
    pub key: u64,
    /// The model that answered.
    pub model: Model,
    /// Milliseconds since 1970; 0 when the line does not say.
    pub time: u64,
    /// Of the whole request.
    pub usage: Usage,
    /// The user's prompt in progress: 1 more than its place in [`FileFacts::prompts`]; 0 when the file does not say.
    pub prompt: u32,
}

impl Seen {
    /// The same request seen again: the fuller usage counts, and the earlier time.
    pub fn merge(&mut self, other: &Self) {
        if other.usage.output > self.usage.output {
            self.usage = other.usage;
            self.model = other.model;
        }
        if self.time == 0 || (other.time != 0 && other.time < self.time) {
            self.time = other.time;
        }
        if self.prompt == 0 {
            self.prompt = other.prompt;
        }
    }
}

/// An Agent call and the agent that it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// `tool_use_id` of the call.
    pub tool_use: String,
    /// The agent.
    pub agent: String,
    /// The model that the client says it resolved; may be empty.
    pub model: String,
}

/// The client's sum, and how many of the file's requests (in order) came before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The sum.
    pub cost: CostState,
    /// Requests of this file that it covers.
    pub covers: usize,
}

/// What the client writes beside a subagent's transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// The agent's type, a person's own names included.
    pub agent_type: Option<String>,
    /// The Agent call that started it.
    pub tool_use_id: Option<String>,
    /// The alias that the call asked for; else the full id of what the client resolved, or `inherit`. Absent in
    /// transcripts of older clients (2.1.197).
    pub model: Option<String>,
    /// The subagent that started this one; none when the orchestrator did.
    pub parent_agent_id: Option<String>,
    /// 1 for an agent of the orchestrator, more for one of a subagent.
    pub spawn_depth: Option<u64>,
}

/// The facts of one file. They are kept in the index (`index`): a field that is added here needs nothing else to be
/// kept too, and must hold no text.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FileFacts {
    /// Each request once, in the order of its first line.
    pub requests: Vec<Seen>,
    /// Ids of the prompts that the requests belong to.
    pub prompts: Vec<Box<str>>,
    /// Agent calls with a result.
    pub links: Vec<Link>,
    /// The last sum in the file.
    pub state: Option<State>,
    /// The session named by the last request.
    pub session: String,
    /// Of a subagent's file, when it is there and readable. Not kept: it holds names that a person chose.
    #[serde(skip)]
    pub meta: Option<Meta>,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// What it shows of outcomes, when that was asked for.
    pub trace: Option<Trace>,
}

/// Reads transcripts one after another, with one buffer. One for each thread.
#[derive(Default)]
pub struct Reader {
    filter: LineFilter,
    traces: Filter,
    buffer: Vec<u8>,
}

impl Reader {
    /// Reads one file, for outcomes too when there are words to judge them by. A file that vanished meanwhile is an
    /// error of kind `NotFound`.
    pub fn read(&mut self, source: &Source, words: Option<&Words>) -> io::Result<FileFacts> {
        self.read_from(open_regular(&source.path)?, source, words)
    }

    /// The same for a file that is open, or for what stands in memory.
    pub(super) fn read_from(
        &mut self,
        file: impl io::Read,
        source: &Source,
        words: Option<&Words>,
    ) -> io::Result<FileFacts> {
        let mut facts = FileFacts::default();
        let mut seen: HashMap<u64, usize> = HashMap::new();
        let (filter, traces) = (&self.filter, &self.traces);
        let mut prompt = 0;
        let mut tracer = words.map(|words| Tracer::new(words, source.agent.is_some()));
        let mut visit = |line: &[u8]| match filter.read(line) {
            Ok(Some(Line::Answer(answer))) => facts.add_answer(&answer, prompt, &mut seen),
            Ok(Some(Line::AgentResult(result))) => {
                facts.links.push(Link {
                    tool_use: result.tool_use.into_owned(),
                    agent: result.agent.into_owned(),
                    model: result.model.into_owned(),
                });
                prompt = facts.prompt_in(line, prompt, filter);
            }
            Ok(Some(Line::CostState(cost))) => {
                facts.state = Some(State { cost, covers: facts.requests.len() });
            }
            Ok(None) => prompt = facts.prompt_in(line, prompt, filter),
            Err(Unreadable) => facts.unreadable += 1,
        };
        let too_long = each_line(file, &mut self.buffer, |line| {
            visit(line);
            if let Some(tracer) = &mut tracer {
                tracer.line(traces, line);
            }
        })?;
        facts.unreadable += too_long;
        facts.trace = tracer.and_then(Tracer::done);
        facts.complete(source);
        Ok(facts)
    }
}

impl FileFacts {
    /// The prompt in progress after a line that may begin another one.
    fn prompt_in(&mut self, line: &[u8], current: u32, filter: &LineFilter) -> u32 {
        let at = |prompt: u32| (prompt as usize).wrapping_sub(1);
        let known = self.prompts.get(at(current)).map_or("", |id| id);
        let Some(id) = filter.new_prompt(line, known) else { return current };
        let place = self.prompts.iter().rposition(|known| **known == *id).unwrap_or_else(|| {
            self.prompts.push(id.as_ref().into());
            self.prompts.len() - 1
        });
        u32::try_from(place + 1).unwrap_or(0)
    }

    /// Adds what is not kept in the index.
    pub fn complete(&mut self, source: &Source) {
        if let Some(trace) = &mut self.trace {
            trace.path.clone_from(&source.path);
        }
        if source.agent.is_some() {
            self.meta = read_meta(&source.path.with_extension("meta.json"));
        }
    }

    fn add_answer(&mut self, answer: &Answer, prompt: u32, seen: &mut HashMap<u64, usize>) {
        if self.session != answer.session {
            answer.session.as_ref().clone_into(&mut self.session);
        }
        let request = Seen {
            key: id_key(&answer.id),
            model: Model::named(&answer.model),
            time: calendar::parse_timestamp(&answer.timestamp).unwrap_or(0),
            usage: answer.usage,
            prompt,
        };
        // An answer that nothing identifies can't be a copy of another.
        let known = seen.get(&request.key).filter(|_| request.key != 0);
        if let Some(index) = known {
            self.requests[*index].merge(&request);
        } else {
            seen.insert(request.key, self.requests.len());
            self.requests.push(request);
        }
    }
}

/// Longest `.meta.json` that is read, in bytes. Real ones have some 300.
const MAX_META: u64 = 64 << 10;

fn read_meta(path: &Path) -> Option<Meta> {
    serde_json::from_slice(&read_regular(path, MAX_META).ok()?).ok()
}
