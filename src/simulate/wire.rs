//! The parts of a transcript line that a hook would have had an event for: prompts, answers with their Agent calls,
//! results of such calls, compactions. Every field may be absent or of another type. Lines are filtered on bytes first.

use std::borrow::Cow;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::calendar;
use crate::protocol::text;
use crate::transcript::wire::{LineFilter, Unreadable};

/// One line that matters.
#[derive(Debug)]
pub struct Step<'a> {
    /// Milliseconds since 1970; 0 when the line does not say.
    pub time: u64,
    /// As written.
    pub timestamp: Cow<'a, str>,
    /// The line's own id; copies of a line keep it.
    pub uuid: Cow<'a, str>,
    /// The user's prompt that it belongs to, where the line says so.
    pub prompt_id: Cow<'a, str>,
    /// Working folder.
    pub cwd: Cow<'a, str>,
    /// Permission mode.
    pub mode: Cow<'a, str>,
    /// How the client was started: `cli`, `sdk-cli`, ...
    pub entrypoint: Cow<'a, str>,
    /// Part of a subagent's conversation.
    pub side: bool,
    /// What it is.
    pub what: What<'a>,
}

/// See [`Step::what`].
#[derive(Debug)]
pub enum What<'a> {
    /// Text that stands where the user's prompts stand.
    Typed(String),
    /// Such text of which the client says itself that nobody typed it.
    NotTyped(&'static str),
    /// An answer of a model, or one block of it.
    Said {
        /// The model; `<synthetic>` for what the client made up.
        model: Cow<'a, str>,
        /// Nothing follows in this turn.
        ended: bool,
        /// Agent calls in it.
        calls: Vec<Call<'a>>,
    },
    /// The result of an Agent call.
    Result {
        /// The call.
        tool_use: Cow<'a, str>,
        /// The agent that it started.
        agent: Cow<'a, str>,
        /// The whole of it.
        response: &'a RawValue,
    },
    /// The conversation was compacted.
    Compacted,
}

/// An Agent call.
#[derive(Debug)]
pub struct Call<'a> {
    /// `tool_use_id`.
    pub id: Cow<'a, str>,
    /// Its input, as the model wrote it.
    pub input: &'a RawValue,
}

/// Reads lines. One for each thread.
pub struct Steps {
    report: LineFilter,
    user: Finder<'static>,
    assistant: Finder<'static>,
    compact: Finder<'static>,
    tool_use: Finder<'static>,
    agent: Finder<'static>,
}

impl Default for Steps {
    /// Builds the searchers.
    fn default() -> Self {
        Self {
            report: LineFilter::default(),
            user: Finder::new(b"\"user\""),
            assistant: Finder::new(b"\"assistant\""),
            compact: Finder::new(b"\"compact_boundary\""),
            tool_use: Finder::new(b"\"tool_use_id\""),
            agent: Finder::new(b"\"agentId\""),
        }
    }
}

impl Steps {
    /// What a line (trimmed, not empty) says; `Err` when it is not a line that the client would write, by the measure
    /// of the report or by this one.
    pub fn read<'a>(&self, line: &'a [u8]) -> Result<Option<Step<'a>>, Unreadable> {
        self.report.read(line)?;
        let has = |finder: &Finder| finder.find(line).is_some();
        let is_other_result = || has(&self.tool_use) && !has(&self.agent) && !has(&self.assistant);
        if !(has(&self.user) || has(&self.assistant) || has(&self.compact)) || is_other_result() {
            return Ok(None);
        }
        let line = std::str::from_utf8(line).map_err(|_| Unreadable)?;
        let raw: RawLine = serde_json::from_str(line).map_err(|_| Unreadable)?;
        Ok(raw.step())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawLine<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    subtype: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    uuid: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_id: Option<&'a RawValue>,
    #[serde(borrow)]
    cwd: Option<&'a RawValue>,
    #[serde(borrow)]
    permission_mode: Option<&'a RawValue>,
    #[serde(borrow)]
    entrypoint: Option<&'a RawValue>,
    #[serde(borrow)]
    is_sidechain: Option<&'a RawValue>,
    #[serde(borrow)]
    is_meta: Option<&'a RawValue>,
    #[serde(borrow)]
    is_compact_summary: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_result: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawMessage<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawBlock<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawResult<'a> {
    #[serde(borrow)]
    agent_id: Option<&'a RawValue>,
}

fn is_true(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true")
}

impl<'a> RawLine<'a> {
    fn step(self) -> Option<Step<'a>> {
        let what = match text(self.r#type)?.as_ref() {
            "user" => self.user()?,
            "assistant" => self.said()?,
            "system" if text(self.subtype).as_deref() == Some("compact_boundary") => What::Compacted,
            _ => return None,
        };
        let timestamp = text(self.timestamp).unwrap_or_default();
        Some(Step {
            time: calendar::parse_timestamp(&timestamp).unwrap_or(0),
            timestamp,
            uuid: text(self.uuid).unwrap_or_default(),
            prompt_id: text(self.prompt_id).unwrap_or_default(),
            cwd: text(self.cwd).unwrap_or_default(),
            mode: text(self.permission_mode).unwrap_or_default(),
            entrypoint: text(self.entrypoint).unwrap_or_default(),
            side: is_true(self.is_sidechain),
            what,
        })
    }

    fn message(&self) -> Option<RawMessage<'a>> {
        serde_json::from_str(self.message?.get()).ok()
    }

    fn user(&self) -> Option<What<'a>> {
        let content = self.message()?.content?;
        let blocks: Vec<RawBlock<'a>> = serde_json::from_str(content.get()).unwrap_or_default();
        if let Some(tool_use) = blocks.iter().find_map(|block| text(block.tool_use_id)) {
            let response = self.tool_use_result?;
            let agent = text(serde_json::from_str::<RawResult<'a>>(response.get()).ok()?.agent_id)?;
            return Some(What::Result { tool_use, agent, response });
        }
        if is_true(self.is_compact_summary) {
            return Some(What::NotTyped("compaction"));
        }
        if is_true(self.is_meta) || self.tool_use_result.is_some() {
            return Some(What::NotTyped("client"));
        }
        let typed = match text(Some(content)) {
            Some(typed) => typed.into_owned(),
            None => blocks.iter().filter_map(|block| text(block.text)).collect::<Vec<_>>().join("\n"),
        };
        Some(What::Typed(typed))
    }

    fn said(&self) -> Option<What<'a>> {
        let message = self.message()?;
        let blocks: Vec<RawBlock<'a>> =
            message.content.and_then(|content| serde_json::from_str(content.get()).ok()).unwrap_or_default();
        let is_use = |block: &RawBlock<'a>| text(block.r#type).as_deref() == Some("tool_use");
        // Older clients write no stop_reason while they stream: then a turn ends with a block that calls no tool.
        let ended = match text(message.stop_reason) {
            Some(reason) => reason != "tool_use",
            None => !blocks.iter().any(is_use),
        };
        let spawns = |block: &RawBlock<'a>| {
            matches!(text(block.name).as_deref(), Some("Agent" | "Task")) && is_use(block)
        };
        let calls = blocks
            .iter()
            .filter(|block| spawns(block))
            .filter_map(|block| Some(Call { id: text(block.id)?, input: block.input? }))
            .collect();
        Some(What::Said { model: text(message.model).unwrap_or_default(), ended, calls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_is() {
        let said = |line: &str| match Steps::default().read(line.as_bytes()) {
            Err(Unreadable) => "unreadable".to_owned(),
            Ok(None) => "nothing".to_owned(),
            Ok(Some(step)) => match step.what {
                What::Typed(text) => format!("typed {text}"),
                What::NotTyped(why) => format!("not typed {why}"),
                What::Said { model, ended, calls } => format!("{model} {ended} {}", calls.len()),
                What::Result { tool_use, agent, .. } => format!("{tool_use} {agent}"),
                What::Compacted => "compacted".to_owned(),
            },
        };
        for (line, what) in [
            (
                r#"{"type":"user","message":{"role":"user","content":"fix \"tool_use_id\""}}"#,
                "typed fix \"tool_use_id\"",
            ),
            (
                r#"{"type": "user", "message": {"content": [{"type": "image"}, {"type": "text", "text": "a"}]}}"#,
                "typed a",
            ),
            (r#"{"type":"user","isMeta":true,"message":{"content":"a"}}"#, "not typed client"),
            (r#"{"type":"user","isCompactSummary":true,"message":{"content":"a"}}"#, "not typed compaction"),
            (
                r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t"}]},"toolUseResult":"x"}"#,
                "nothing",
            ),
            (
                r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t"}]},"toolUseResult":{"agentId":"a"}}"#,
                "t a",
            ),
            (
                r#"{"type":"assistant","message":{"model":"m","stop_reason":null,"content":[{"type":"text"}]}}"#,
                "m true 0",
            ),
            (
                r#"{"type":"assistant","message":{"model":"m","content":[{"type":"tool_use","name":"Task","id":"t","input":{}}]}}"#,
                "m false 1",
            ),
            (
                r#"{"type":"assistant","message":{"model":"m","stop_reason":"tool_use","content":[{"type":"tool_use","name":"TaskCreate","id":"t","input":{}}]}}"#,
                "m false 0",
            ),
            (r#"{"type":"system","subtype":"compact_boundary"}"#, "compacted"),
            (r#"{"type":"api-request-blob","message":{"role":"user","content":"a"}}"#, "nothing"),
            (r#"{"type":"user","message":{"content":"torn"#, "unreadable"),
            (r#"{"type":"user",}"#, "unreadable"),
        ] {
            assert_eq!(said(line), what, "{line}");
        }
    }
}
