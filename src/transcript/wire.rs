//! The few parts of a transcript line that matter, as serde sees them. Lines are filtered on bytes first
//! ([`LineFilter`]): most of a transcript is text that nobody needs to parse.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem::Finder;
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::prices::Usage;

/// A line that says something about models, tokens or money.
#[derive(Debug, PartialEq)]
pub enum Line<'a> {
    /// An answer of a model, or a part of one, with the usage of the whole request.
    Answer(Answer<'a>),
    /// The result of an Agent call, or the note that it was launched.
    AgentResult(AgentResult<'a>),
    /// The client's own sum for the session so far.
    CostState(CostState),
}

/// See [`Line::Answer`].
#[derive(Debug, PartialEq)]
pub struct Answer<'a> {
    /// `message.id`: the same on every line of one request, copies included.
    pub id: Cow<'a, str>,
    /// The model that answered.
    pub model: Cow<'a, str>,
    /// ISO 8601, as written.
    pub timestamp: Cow<'a, str>,
    /// The session that the line says it belongs to.
    pub session: Cow<'a, str>,
    /// Of the whole request.
    pub usage: Usage,
}

/// See [`Line::AgentResult`].
#[derive(Debug, PartialEq)]
pub struct AgentResult<'a> {
    /// The Agent call.
    pub tool_use: Cow<'a, str>,
    /// The agent that it started.
    pub agent: Cow<'a, str>,
    /// The model that the client says it resolved; may be empty.
    pub model: Cow<'a, str>,
}

/// See [`Line::CostState`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CostState {
    /// Dollars, subagents and side requests included.
    pub total: f64,
    /// The client met a model that it has no price for.
    pub has_unknown: bool,
}

/// Finds the lines worth parsing. Inside JSON text a quote is always escaped, so `"usage"` with both quotes bare can
/// only be a key or a whole string, with or without spaces around it.
pub struct LineFilter {
    usage: Finder<'static>,
    agent: Finder<'static>,
    tool_result: Finder<'static>,
    cost: Finder<'static>,
    prompt: Finder<'static>,
}

impl Default for LineFilter {
    /// Builds the searchers: once per thread.
    fn default() -> Self {
        Self {
            usage: Finder::new(b"\"usage\""),
            agent: Finder::new(b"\"agentId\""),
            tool_result: Finder::new(b"\"toolUseResult\""),
            cost: Finder::new(b"\"totalCostUSD\""),
            prompt: Finder::new(b"\"promptId\""),
        }
    }
}

impl LineFilter {
    /// What a line (trimmed, not empty) of a transcript says: something, nothing of interest, or `Err` when it is
    /// not a line that the client would write.
    pub fn read<'a>(&self, line: &'a [u8]) -> Result<Option<Line<'a>>, Unreadable> {
        if !(line.starts_with(b"{") && line.ends_with(b"}")) {
            return Err(Unreadable);
        }
        let has_usage = self.usage.find(line).is_some();
        // An Agent result repeats the last usage of the agent; in an agent's own file every line names the agent.
        let is_result = self.agent.find(line).is_some() && self.tool_result.find(line).is_some();
        if is_result && let Ok(result) = serde_json::from_slice::<ResultLine>(line) {
            return Ok(result.agent_result().map(Line::AgentResult));
        }
        if !(has_usage || self.cost.find(line).is_some()) {
            return Ok(None);
        }
        match serde_json::from_slice::<AnswerLine>(line) {
            Ok(parsed) => Ok(parsed.line()),
            Err(_) => match serde_json::from_slice::<KindOnly>(line) {
                Ok(other) if !matches!(&*other.kind.0, "assistant" | "cost-state") => Ok(None),
                _ => Err(Unreadable),
            },
        }
    }
}

impl LineFilter {
    /// The id of the user's prompt that a line (trimmed, not empty) belongs to, when it names another one than `current`.
    pub fn new_prompt<'a>(&self, line: &'a [u8], current: &str) -> Option<Cow<'a, str>> {
        let key = self.prompt.find(line)?;
        let colon = line[key + self.prompt.needle().len()..].trim_ascii_start().strip_prefix(b":")?;
        let value = colon.trim_ascii_start().strip_prefix(b"\"")?;
        // Nearly every line repeats the id of the one before it, and most of them are long.
        if !current.is_empty()
            && value.strip_prefix(current.as_bytes()).is_some_and(|rest| rest.starts_with(b"\""))
        {
            return None;
        }
        let prompt = serde_json::from_slice::<PromptLine>(line).ok()?.prompt.0;
        (!prompt.is_empty() && prompt != current).then_some(prompt)
    }
}

/// Not JSON, or a line of a known kind with a field of another type.
#[derive(Debug, PartialEq)]
pub struct Unreadable;

/// The model that the client puts on messages it made up itself (errors, interruptions): no request, no cost.
pub const SYNTHETIC: &str = "<synthetic>";
/// How the text begins that the client puts in the user's place when the user stops it.
pub const INTERRUPTED: &str = "[Request interrupted by user";

#[derive(Deserialize)]
struct AnswerLine<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(borrow, default, rename = "sessionId")]
    session: Text<'a>,
    #[serde(borrow, default, rename = "requestId")]
    request: Text<'a>,
    #[serde(borrow, default)]
    uuid: Text<'a>,
    #[serde(default, rename = "totalCostUSD")]
    total: Option<f64>,
    #[serde(default, rename = "hasUnknownModelCost")]
    has_unknown: Option<bool>,
}

impl<'a> AnswerLine<'a> {
    fn line(self) -> Option<Line<'a>> {
        match &*self.kind.0 {
            "assistant" => {
                let message = self.message?;
                let usage = message.usage?;
                // Without a message id the request id, then the line itself, stands for the request.
                let id = [message.id, self.request, self.uuid].into_iter().find(|id| !id.0.is_empty());
                (message.model.0 != SYNTHETIC).then(|| {
                    Line::Answer(Answer {
                        id: id.unwrap_or_default().0,
                        model: message.model.0,
                        timestamp: self.timestamp.0,
                        session: self.session.0,
                        usage: usage.usage(),
                    })
                })
            }
            "cost-state" => {
                let total = self.total?;
                Some(Line::CostState(CostState { total, has_unknown: self.has_unknown.unwrap_or(false) }))
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(borrow, default)]
    usage: Option<RawUsage<'a>>,
}

#[derive(Deserialize)]
struct RawUsage<'a> {
    #[serde(default)]
    input_tokens: Count,
    #[serde(default)]
    output_tokens: Count,
    #[serde(default)]
    cache_creation_input_tokens: Count,
    #[serde(default)]
    cache_read_input_tokens: Count,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    server_tool_use: Option<ServerToolUse>,
    #[serde(borrow, default)]
    speed: Text<'a>,
    #[serde(borrow, default)]
    inference_geo: Text<'a>,
}

#[derive(Deserialize, Default)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_5m_input_tokens: Count,
    #[serde(default)]
    ephemeral_1h_input_tokens: Count,
}

#[derive(Deserialize, Default)]
struct ServerToolUse {
    #[serde(default)]
    web_search_requests: Count,
}

impl RawUsage<'_> {
    /// Cache writes of an hour are those that say so; the rest of the total was for five minutes. That is how
    /// Claude Code 2.1.329 charges a total that its two parts do not add up to.
    fn usage(&self) -> Usage {
        let parts = self.cache_creation.as_ref();
        let hour = parts.map_or(0, |parts| parts.ephemeral_1h_input_tokens.0);
        let five_minutes = parts.map_or(0, |parts| parts.ephemeral_5m_input_tokens.0);
        let rest = self.cache_creation_input_tokens.0.saturating_sub(hour);
        Usage {
            input: self.input_tokens.0,
            output: self.output_tokens.0,
            cache_read: self.cache_read_input_tokens.0,
            cache_write_5m: five_minutes.max(rest),
            cache_write_1h: hour,
            web_searches: self.server_tool_use.as_ref().map_or(0, |server| server.web_search_requests.0),
            fast: self.speed.0 == "fast",
            us_only: self.inference_geo.0 == "us",
        }
    }
}

#[derive(Deserialize)]
struct ResultLine<'a> {
    #[serde(borrow)]
    message: ResultMessage<'a>,
    #[serde(borrow, rename = "toolUseResult")]
    result: AgentResponse<'a>,
}

#[derive(Deserialize)]
struct ResultMessage<'a> {
    #[serde(borrow)]
    content: Vec<ResultBlock<'a>>,
}

#[derive(Deserialize)]
struct ResultBlock<'a> {
    #[serde(borrow, default)]
    tool_use_id: Text<'a>,
}

#[derive(Deserialize)]
struct AgentResponse<'a> {
    #[serde(borrow, default, rename = "agentId")]
    agent: Text<'a>,
    #[serde(borrow, default, rename = "resolvedModel")]
    model: Text<'a>,
}

impl<'a> ResultLine<'a> {
    fn agent_result(self) -> Option<AgentResult<'a>> {
        let tool_use =
            self.message.content.into_iter().map(|block| block.tool_use_id.0).find(|id| !id.is_empty())?;
        let (agent, model) = (self.result.agent.0, self.result.model.0);
        (!agent.is_empty()).then_some(AgentResult { tool_use, agent, model })
    }
}

#[derive(Deserialize)]
struct PromptLine<'a> {
    #[serde(borrow, default, rename = "promptId")]
    prompt: Text<'a>,
}

#[derive(Deserialize)]
struct KindOnly<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
}

/// Text that is borrowed when it can be; `null` is empty.
#[derive(Debug, Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or null")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A count of tokens; `null` is none.
#[derive(Debug, Default, Clone, Copy)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<u64>::deserialize(deserializer).map(|count| Self(count.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Line<'_>>, Unreadable> {
        LineFilter::default().read(line.as_bytes())
    }

    fn usage(line: &str) -> Usage {
        match read(line) {
            Ok(Some(Line::Answer(answer))) => answer.usage,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn spaced_and_compact_lines_read_the_same() {
        let compact = r#"{"message":{"id":"m","model":"claude-x","usage":{"input_tokens":1,"output_tokens":2}},"type":"assistant"}"#;
        let spaced = compact.replace(':', ": ").replace(',', " , ");
        assert_eq!(read(compact), read(&spaced));
        assert_eq!(usage(&spaced), Usage { input: 1, output: 2, ..Usage::default() });
    }

    #[test]
    fn cache_writes_without_parts_are_five_minute_writes() {
        let line = |parts: &str| {
            format!(
                r#"{{"type":"assistant","message":{{"id":"m","usage":{{"cache_creation_input_tokens":30{parts}}}}}}}"#
            )
        };
        let writes = |parts: &str| {
            let usage = usage(&line(parts));
            (usage.cache_write_5m, usage.cache_write_1h)
        };
        assert_eq!(writes(""), (30, 0));
        assert_eq!(writes(r#","cache_creation":null"#), (30, 0));
        assert_eq!(
            writes(r#","cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}"#),
            (30, 0)
        );
        assert_eq!(
            writes(r#","cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}"#),
            (10, 20)
        );
        assert_eq!(
            writes(r#","cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":10}"#),
            (20, 10)
        );
        assert_eq!(
            writes(r#","cache_creation":{"ephemeral_5m_input_tokens":50,"ephemeral_1h_input_tokens":40}"#),
            (50, 40)
        );
    }

    #[test]
    fn made_up_messages_and_words_in_text_are_not_requests() {
        for line in [
            r#"{"type":"assistant","message":{"id":"m","model":"<synthetic>","usage":{"input_tokens":0}}}"#,
            r#"{"type":"user","message":{"content":"what is \"usage\"?"}}"#,
            r#"{"type":"user","message":{"content":"usage"},"note":"\"usage"}"#,
            r#"{"type":"progress","message":"text","usage":{"input_tokens":5}}"#,
            r#"{"type":"assistant","message":{"id":"m","model":"claude-x"}}"#,
            r#"{"type":"user","toolUseResult":"agentId","agentId":"a"}"#,
        ] {
            assert_eq!(read(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn torn_lines_and_impossible_counts_are_unreadable() {
        for line in [
            r#"{"type":"assistant","message":{"id":"m","usa"#,
            r#"{"type":"assistant","message":{"id":"m","usage":{"input_tokens":1}}"#,
            r#"{"type":"assistant","message":{"id":"m","usage":{"input_tokens":-1}}}"#,
            r#"{"type":"assistant","message":{"id":"m","usage":{"input_tokens":1.5}}}"#,
            r#"{"type":"assistant","message":{"id":"m","usage":{"input_tokens":99999999999999999999}}}"#,
            r#"{"type":"cost-state","totalCostUSD":"much"}"#,
            "null",
            "\0\0\0",
        ] {
            assert_eq!(read(line), Err(Unreadable), "{line}");
        }
    }

    #[test]
    fn a_result_links_the_call_to_the_agent_even_when_it_was_only_launched() {
        let line = r#"{"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result"}]},"toolUseResult":{"isAsync":true,"status":"async_launched","agentId":"a1","resolvedModel":"claude-x"}}"#;
        let expected =
            AgentResult { tool_use: "toolu_1".into(), agent: "a1".into(), model: "claude-x".into() };
        assert_eq!(read(line), Ok(Some(Line::AgentResult(expected))));
    }

    #[test]
    fn a_line_says_whose_prompt_it_belongs_to_only_when_that_is_new_and_its_own() {
        let filter = LineFilter::default();
        let new = |line: &'static str, current: &str| {
            filter.new_prompt(line.as_bytes(), current).map(Cow::into_owned).unwrap_or_default()
        };
        assert_eq!(new(r#"{"type":"user","promptId":"p-1"}"#, ""), "p-1");
        assert_eq!(new(r#"{"type":"user","promptId" : "p-1"}"#, "p"), "p-1");
        assert_eq!(new(r#"{"type":"user","promptId":"p-1"}"#, "p-1"), "");
        for nothing in [
            r#"{"type":"user","toolUseResult":{"promptId":"p-1"}}"#,
            r#"{"type":"user","message":{"content":"\"promptId\":\"p-1\""}}"#,
            r#"{"type":"user","promptId":null}"#,
            r#"{"type":"user","promptId":7}"#,
            r#"{"type":"user","promptId":"#,
            r#"{"type":"user","promptId":"p-1"#,
        ] {
            assert_eq!(new(nothing, ""), "", "{nothing}");
        }
    }

    #[test]
    fn the_clients_own_sum_is_read() {
        let line = r#"{"type":"cost-state","sessionId":"s","totalCostUSD":0.5,"hasUnknownModelCost":true}"#;
        assert_eq!(read(line), Ok(Some(Line::CostState(CostState { total: 0.5, has_unknown: true }))));
    }
}
