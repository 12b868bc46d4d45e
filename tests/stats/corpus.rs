//! Transcripts and logs in the shape that Claude Code 2.1.329 and the hook write, made from a few facts.

use std::fmt::Write as _;

use sef::metrics::record::{Kind, Record};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Where the tests' project has its transcripts, below the sandbox's home.
pub const FOLDER: &str = ".claude/projects/-home-user-shop";

/// 2026-11-20T12:00:00Z.
pub const NOON: u64 = 1_795_176_000_000;

/// A transcript under construction.
#[derive(Clone)]
pub struct Transcript {
    session: String,
    agent: Option<String>,
    spaced: bool,
    second: u64,
    text: String,
}

/// Token counts of a request, in the order in which prices are listed: input, output, cache write, cache read.
pub type Tokens = (u64, u64, u64, u64);

impl Transcript {
    pub fn main(session: &str) -> Self {
        Self { session: session.to_owned(), agent: None, spaced: false, second: 0, text: String::new() }
    }

    pub fn agent(session: &str, agent: &str) -> Self {
        Self { agent: Some(agent.to_owned()), ..Self::main(session) }
    }

    /// From here on with a space after each colon and comma, as some tools rewrite transcripts.
    pub fn spaced(mut self) -> Self {
        self.spaced = true;
        self
    }

    /// A request, written as one line for each of its `blocks` with the same usage.
    pub fn answer(self, id: &str, model: &str, tokens: Tokens, blocks: usize) -> Self {
        self.answer_with(id, model, tokens, blocks, &json!({}))
    }

    /// The same with more fields in `usage`.
    pub fn answer_with(mut self, id: &str, model: &str, tokens: Tokens, blocks: usize, more: &Value) -> Self {
        let (input, output, write, read) = tokens;
        let mut usage = json!({
            "input_tokens": input, "cache_creation_input_tokens": write, "cache_read_input_tokens": read,
            "output_tokens": output, "output_tokens_details": {"thinking_tokens": 0},
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}, "service_tier": "standard",
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "inference_geo": "", "iterations": [], "speed": "standard", "fallback_credit": null,
        });
        for (key, value) in more.as_object().expect("an object") {
            usage[key] = value.clone();
        }
        for block in 0..blocks {
            let content =
                json!([{"type": "text", "text": format!("part {block} of the \"usage\" and \"assistant\"")}]);
            let message = json!({"id": id, "type": "message", "role": "assistant", "model": model, "content": content,
                "stop_reason": "end_turn", "usage": usage, "stop_details": null});
            self = self.line(&json!({"message": message, "apiBlockIndex": block, "requestId": "req_1",
                "requestedModel": model, "type": "assistant"}));
        }
        self
    }

    /// The result of an Agent call (foreground), or the note that it was launched (background).
    pub fn agent_result(self, tool_use: &str, agent: &str, model: &str, status: &str) -> Self {
        let result = match status {
            "async_launched" => {
                json!({"isAsync": true, "status": status, "agentId": agent, "resolvedModel": model})
            }
            _ => json!({"status": status, "agentId": agent, "resolvedModel": model,
                "usage": {"input_tokens": 999_999, "output_tokens": 999_999}}),
        };
        let content = json!([{"tool_use_id": tool_use, "type": "tool_result", "content": [{"type": "text", "text": "done"}]}]);
        self.line(&json!({"type": "user", "promptId": "p", "message": {"role": "user", "content": content}, "toolUseResult": result}))
    }

    pub fn cost_state(self, total: f64) -> Self {
        self.line(&json!({"type": "cost-state", "totalCostUSD": total, "modelUsage": {}, "hasUnknownModelCost": false}))
    }

    /// Lines of kinds that say nothing about cost.
    pub fn noise(self) -> Self {
        self.line(&json!({"type": "last-prompt", "lastPrompt": "what is \"usage\"?"}))
            .line(&json!({"type": "user", "message": {"role": "user", "content": "go"}, "promptId": "p"}))
            .line(&json!({"type": "attachment", "attachment": {"type": "prompt_snapshot", "text": "x".repeat(50_000)}}))
    }

    /// Any line; session, agent and time are added.
    pub fn line(mut self, line: &Value) -> Self {
        let mut line = line.clone();
        self.second += 1;
        line["isSidechain"] = json!(self.agent.is_some());
        line["sessionId"] = json!(self.session);
        line["timestamp"] = json!(sef::calendar::timestamp(NOON + self.second * 1000));
        if let Some(agent) = &self.agent {
            line["agentId"] = json!(agent);
        }
        let text = line.to_string();
        let text = if self.spaced { space_out(&text) } else { text };
        let _ = writeln!(self.text, "{text}");
        self
    }

    /// The next line is of this many seconds after noon, and those behind it of later ones.
    pub fn at(mut self, second: u64) -> Self {
        self.second = second - 1;
        self
    }

    pub fn raw(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// The same lines as a fork of the session holds them: another session id, the same times and message ids.
    pub fn forked(&self, session: &str) -> Self {
        let text =
            self.text.lines().filter(|line| !line.contains("cost-state")).collect::<Vec<_>>().join("\n");
        Self {
            session: session.to_owned(),
            text: text.replace(&self.session, session) + "\n",
            ..self.clone()
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn write(&self, sandbox: &Sandbox) {
        let path = match &self.agent {
            None => format!("{FOLDER}/{}.jsonl", self.session),
            Some(agent) => format!("{FOLDER}/{}/subagents/agent-{agent}.jsonl", self.session),
        };
        self.write_to(sandbox, &path);
    }

    /// Writes it below the sandbox's home.
    pub fn write_to(&self, sandbox: &Sandbox, path: &str) {
        sandbox.write(path, &self.text);
    }

    /// Writes an agent's transcript with its `.meta.json`.
    pub fn write_with_meta(
        &self,
        sandbox: &Sandbox,
        agent_type: &str,
        tool_use: &str,
        model: &str,
        parent: Option<&str>,
    ) {
        self.write(sandbox);
        let agent = self.agent.as_deref().expect("an agent's transcript");
        let mut meta = json!({"agentType": agent_type, "isBuiltIn": true, "description": "d", "toolUseId": tool_use,
            "spawnDepth": 1, "requestShape": "foreground", "model": model, "finished": true});
        if let Some(parent) = parent {
            meta["parentAgentId"] = json!(parent);
        }
        sandbox
            .write(&format!("{FOLDER}/{}/subagents/agent-{agent}.meta.json", self.session), meta.to_string());
    }
}

/// JSON text with a space after each colon and comma that is not inside a string.
fn space_out(text: &str) -> String {
    let (mut spaced, mut in_string, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        spaced.push(c);
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        if !in_string && matches!(c, ':' | ',') {
            spaced.push(' ');
        }
    }
    spaced
}

/// A record of the log at noon.
pub fn record(kind: Kind) -> Record {
    Record::new(kind, NOON, "s1")
}

/// A spawn as the hook logs it.
pub fn spawn(call: &str, agent: &str, want: Option<&str>, req: Option<&str>, par: &str) -> Record {
    Record {
        p: Some("p1".to_owned()),
        tu: Some(call.to_owned()),
        agent: Some(agent.to_owned()),
        want: want.map(str::to_owned),
        req: req.map(str::to_owned),
        par: Some(par.to_owned()),
        ..record(Kind::Spawn)
    }
}

/// The result of a spawn as the hook logs it.
pub fn result(call: &str, agent_id: &str, ran: &str) -> Record {
    Record {
        tu: Some(call.to_owned()),
        a: Some(agent_id.to_owned()),
        ran: Some(ran.to_owned()),
        ..record(Kind::Result)
    }
}

/// Lines of a log.
pub fn log(records: &[Record]) -> String {
    records
        .iter()
        .fold(String::new(), |log, record| log + &serde_json::to_string(record).expect("JSON") + "\n")
}

/// Writes them where the hook does.
pub fn write_log(sandbox: &Sandbox, records: &[Record]) {
    sandbox.write("state/log.jsonl", log(records));
}
