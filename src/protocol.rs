//! What Claude Code sends to a hook and accepts from it. Lenient in what it reads: every field may be absent, null or
//! of another type, and unknown events are nothing to do. Strict in what it writes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One event. Fields stay raw until somebody asks, so that one odd field spoils nothing else.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event<'a> {
    #[serde(borrow)]
    hook_event_name: Option<&'a RawValue>,
    #[serde(borrow)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow)]
    transcript_path: Option<&'a RawValue>,
    #[serde(borrow)]
    cwd: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_id: Option<&'a RawValue>,
    #[serde(borrow)]
    permission_mode: Option<&'a RawValue>,
    #[serde(borrow)]
    agent_id: Option<&'a RawValue>,
    #[serde(borrow)]
    agent_type: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_name: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    is_interrupt: Option<&'a RawValue>,
    #[serde(borrow)]
    duration_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    last_assistant_message: Option<&'a RawValue>,
}

/// The events that SEF acts on. `session_id`, `prompt_id`, `permission_mode`, `transcript_path` and `cwd` are read of each.
/// The words after `Reads` and `Answers` are in docs/reference/events.md, and a test holds them against the handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// A session begins, resumes, or was cleared or compacted.
    /// Reads `source`, `model`.
    /// Answers `additionalContext`: which executors there are, once for each start.
    SessionStart,
    /// A prompt, mostly the user's.
    /// Reads `prompt`.
    /// Answers `additionalContext`: a hint, or a line about a bad result that came back.
    UserPromptSubmit,
    /// A tool is about to run: a spawn, or a call that has a hosted model write code.
    /// Reads `tool_name`, `tool_use_id`, `agent_id`; in `tool_input` a spawn's `description`, `prompt`, `subagent_type` and `model`.
    /// Answers `updatedInput`: the same input with a `model`; of a vague contract `permissionDecision` and `permissionDecisionReason`.
    PreToolUse,
    /// A tool ran.
    /// Reads `tool_name`, `tool_use_id`, `duration_ms`; in `tool_input` `subagent_type`; in `tool_response` `status`, `agentId`,
    /// `resolvedModel`, `totalDurationMs` and `content`.
    /// Answers `additionalContext`: a line when the result is plainly bad.
    PostToolUse,
    /// A tool failed.
    /// Reads `tool_name`, `tool_use_id`, `duration_ms`, `error`, `is_interrupt`; in `tool_input` `subagent_type`.
    /// Answers `additionalContext`: a line when the call failed by itself.
    PostToolUseFailure,
    /// Auto mode refused a tool call.
    /// Reads `tool_name`, `tool_use_id`.
    PermissionDenied,
    /// A subagent begins.
    /// Reads `agent_id`, `agent_type`.
    SubagentStart,
    /// A subagent ends.
    /// Reads `agent_id`, `agent_type`, `last_assistant_message`.
    SubagentStop,
    /// A turn ends.
    /// Answers `systemMessage`: what the session's subagents cost, when `[show] savings_at_stop` asks for it.
    Stop,
    /// A turn or a subagent ended with an API error.
    /// Reads `agent_id`, `agent_type`, `error`.
    StopFailure,
    /// The session ends.
    SessionEnd,
    /// Anything else: nothing to do.
    Other,
}

impl<'a> Event<'a> {
    /// Reads one event.
    pub fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Which event it is.
    pub fn name(&self) -> Name {
        match text(self.hook_event_name).as_deref() {
            Some("SessionStart") => Name::SessionStart,
            Some("UserPromptSubmit") => Name::UserPromptSubmit,
            Some("PreToolUse") => Name::PreToolUse,
            Some("PostToolUse") => Name::PostToolUse,
            Some("PostToolUseFailure") => Name::PostToolUseFailure,
            Some("PermissionDenied") => Name::PermissionDenied,
            Some("SubagentStart") => Name::SubagentStart,
            Some("SubagentStop") => Name::SubagentStop,
            Some("Stop") => Name::Stop,
            Some("StopFailure") => Name::StopFailure,
            Some("SessionEnd") => Name::SessionEnd,
            _ => Name::Other,
        }
    }

    /// Whether the tool is the one that spawns subagents. TaskCreate and its like are not.
    pub fn is_spawn(&self) -> bool {
        matches!(text(self.tool_name).as_deref(), Some("Agent" | "Task"))
    }

    /// Whether the tool has a hosted model write code from a prompt: speed-run's own, by itself or in a plugin.
    pub fn is_codegen(&self) -> bool {
        let name = text(self.tool_name).unwrap_or_default();
        let Some((server, tool)) = name.strip_prefix("mcp__").and_then(|name| name.rsplit_once("__")) else {
            return false;
        };
        let plugin = server.strip_prefix("plugin_").is_some_and(|server| server.ends_with("_speed-run"));
        (plugin || server == "speed-run") && matches!(tool, "generate" | "generate_and_write_files")
    }

    /// Raw tool input.
    pub fn tool_input(&self) -> Option<&'a RawValue> {
        self.tool_input
    }

    /// Raw tool response.
    pub fn tool_response(&self) -> Option<&'a RawValue> {
        self.tool_response
    }

    /// Whether the user interrupted the call.
    pub fn is_interrupt(&self) -> bool {
        self.is_interrupt.is_some_and(|raw| raw.get() == "true")
    }

    /// Duration in milliseconds.
    pub fn duration_ms(&self) -> Option<u64> {
        self.duration_ms.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        impl<'a> Event<'a> {
            $($(#[$doc])* pub fn $name(&self) -> Cow<'a, str> { text(self.$name).unwrap_or_default() })*
        }
    };
}

texts! {
    /// The event's name, as the client spells it.
    hook_event_name,
    /// Session id; inside subagents the main session's.
    session_id,
    /// Path of the main transcript.
    transcript_path,
    /// Working folder.
    cwd,
    /// Id of the prompt in progress.
    prompt_id,
    /// Permission mode.
    permission_mode,
    /// The subagent in which this happens.
    agent_id,
    /// Its type; empty for the client's internal helpers.
    agent_type,
    /// SessionStart's source.
    source,
    /// SessionStart's model.
    model,
    /// The prompt.
    prompt,
    /// Id of the tool call.
    tool_use_id,
    /// Error text of a failure.
    error,
    /// Last message of a turn or subagent.
    last_assistant_message,
}

/// A JSON string's value; nothing for any other type.
pub(crate) fn text<'a>(raw: Option<&'a RawValue>) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    struct Text<'b>(#[serde(borrow)] Cow<'b, str>);
    let raw = raw?.get();
    if !raw.starts_with('"') {
        return None;
    }
    serde_json::from_str::<Text<'a>>(raw).ok().map(|text| text.0)
}

/// The fields of an Agent call that SEF reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SpawnInput<'a> {
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    subagent_type: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    model: Option<&'a RawValue>,
}

/// The text that a codegen tool was called with; none when there is none (the tool says so itself).
pub fn codegen_prompt(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Input<'b> {
        #[serde(borrow)]
        prompt: Option<&'b RawValue>,
    }
    text(serde_json::from_str::<Input<'_>>(raw.get()).ok()?.prompt)
}

/// Keeps an explicit null apart from an absent key.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> SpawnInput<'a> {
    /// Reads the input of an Agent call; none when it is not an object.
    pub fn parse(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// Short description.
    pub fn description(&self) -> Cow<'a, str> {
        text(self.description).unwrap_or_default()
    }

    /// Task text; none when it is missing (the client will refuse the call by itself).
    pub fn prompt(&self) -> Option<Cow<'a, str>> {
        text(self.prompt)
    }

    /// Agent type; empty when the call names none.
    pub fn subagent_type(&self) -> Cow<'a, str> {
        text(self.subagent_type).unwrap_or_default()
    }

    /// Whether the call has a `model` key, of whatever type.
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// The call's own model.
    pub fn model(&self) -> Cow<'a, str> {
        text(self.model).unwrap_or_default()
    }
}

/// The same input with a model, every other byte as it came: the client takes the rewritten input as a whole.
pub fn with_model(input: &RawValue, alias: &str) -> Option<Box<RawValue>> {
    let body = input.get().trim().strip_prefix('{')?;
    let comma = if body.trim_start().starts_with('}') { "" } else { "," };
    RawValue::from_string(format!("{{\"model\":\"{alias}\"{comma}{body}")).ok()
}

/// The fields of an Agent call's result that SEF reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SpawnResult<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow, rename = "agentId")]
    agent_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "resolvedModel")]
    resolved_model: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow, rename = "totalDurationMs")]
    total_duration_ms: Option<&'a RawValue>,
}

impl<'a> SpawnResult<'a> {
    /// Reads a tool response; none when it is not an object.
    pub fn parse(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// `completed` or `async_launched`.
    pub fn status(&self) -> Cow<'a, str> {
        text(self.status).unwrap_or_default()
    }

    /// Id of the new agent.
    pub fn agent_id(&self) -> Cow<'a, str> {
        text(self.agent_id).unwrap_or_default()
    }

    /// Model that the client resolved.
    pub fn resolved_model(&self) -> Cow<'a, str> {
        text(self.resolved_model).unwrap_or_default()
    }

    /// Duration in milliseconds.
    pub fn duration_ms(&self) -> Option<u64> {
        self.total_duration_ms.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// The report's text: all text blocks but the client's own notes; none when there is no content list.
    pub fn report(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Block {
            #[serde(default)]
            text: String,
        }
        let blocks: Vec<Block> = serde_json::from_str(self.content?.get()).ok()?;
        let own =
            blocks.iter().filter(|block| !block.text.trim_start().starts_with("<tools-used-before-summary>"));
        Some(own.map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n"))
    }
}

/// What a hook answers. Absent parts are left out: the client refuses null.
#[derive(Debug, Clone, Serialize)]
pub struct Reply {
    #[serde(rename = "hookSpecificOutput", skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    #[serde(rename = "systemMessage", skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Output {
    #[serde(rename = "hookEventName")]
    event: &'static str,
    #[serde(rename = "additionalContext", skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(rename = "updatedInput", skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(rename = "permissionDecision", skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    #[serde(rename = "permissionDecisionReason", skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Output {
    fn of(event: &'static str) -> Self {
        Self { event, context: None, input: None, decision: None, reason: None }
    }
}

impl Reply {
    /// Adds context to the conversation.
    pub fn context(event: &'static str, context: String) -> Self {
        Self { output: Some(Output { context: Some(context), ..Output::of(event) }), message: None }
    }

    /// Shows the user a line that the model never sees.
    pub fn message(line: String) -> Self {
        Self { output: None, message: Some(line) }
    }

    /// Changes a tool's input; no permission decision, so the user's own checks still apply.
    pub fn updated_input(input: Box<RawValue>) -> Self {
        Self { output: Some(Output { input: Some(input), ..Output::of("PreToolUse") }), message: None }
    }

    /// Refuses a tool call, and says why to whoever made it.
    pub fn deny(reason: String) -> Self {
        let output = Output { decision: Some("deny"), reason: Some(reason), ..Output::of("PreToolUse") };
        Self { output: Some(output), message: None }
    }

    /// The same with its own words changed; a changed tool input stays as it is.
    #[must_use]
    pub fn reworded(mut self, words: impl Fn(&str) -> String) -> Self {
        if let Some(output) = &mut self.output {
            output.context = output.context.as_deref().map(&words);
            output.reason = output.reason.as_deref().map(&words);
        }
        self.message = self.message.as_deref().map(&words);
        self
    }

    /// The reply as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("valid JSON")
    }

    #[test]
    fn a_rewrite_keeps_every_other_byte() {
        let input = raw("{ \"prompt\": \"a\\u001b\\\"b\", \"big\": 12345678901234567890123, \"z\":null }");
        let changed = with_model(&input, "haiku").expect("an object");
        assert_eq!(
            changed.get(),
            "{\"model\":\"haiku\", \"prompt\": \"a\\u001b\\\"b\", \"big\": 12345678901234567890123, \"z\":null }"
        );
        assert_eq!(with_model(&raw("{}"), "opus").expect("an object").get(), "{\"model\":\"opus\"}");
        assert!(with_model(&raw("[1]"), "opus").is_none());
    }

    #[test]
    fn fields_of_another_type_read_as_absent() {
        let event = Event::parse(r#"{"hook_event_name":"Stop","session_id":7,"prompt":null,"x":[]}"#)
            .expect("parses");
        assert_eq!(event.name(), Name::Stop);
        assert_eq!(event.session_id(), "");
        assert_eq!(event.prompt(), "");
    }

    #[test]
    fn codegen_tools_are_known_by_themselves_and_in_a_plugin() {
        for (name, codegen) in [
            ("mcp__speed-run__generate", true),
            ("mcp__speed-run__generate_and_write_files", true),
            ("mcp__plugin_sef_speed-run__generate", true),
            ("mcp__plugin_my__odd_speed-run__generate_and_write_files", true),
            ("mcp__speed-run__check_status", false),
            ("mcp__speed-running__generate", false),
            ("mcp__other__generate", false),
            ("generate", false),
            ("mcp__generate", false),
        ] {
            let json = format!(r#"{{"tool_name":"{name}"}}"#);
            assert_eq!(Event::parse(&json).expect("parses").is_codegen(), codegen, "{name}");
        }
    }

    #[test]
    fn only_exact_tool_names_are_spawns() {
        for (name, spawn) in [("Agent", true), ("Task", true), ("TaskCreate", false), ("agent", false)] {
            let json = format!(r#"{{"tool_name":"{name}"}}"#);
            assert_eq!(Event::parse(&json).expect("parses").is_spawn(), spawn, "{name}");
        }
    }
}
