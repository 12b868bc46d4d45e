//! What the tools take and give, as JSON Schema. Plain enough for every client: one type a field, required fields,
//! ranges and names.
//! A failing result has `status` and `error` and conforms as well.

use serde_json::{Value, json};

use super::arguments::{
    LONGEST_COMMAND, LONGEST_PROMPT, LONGEST_TEXT, MOST_FIXES, MOST_SECONDS, MOST_TOKENS, TEST_SECONDS,
};
use super::race_schema;
use super::tools::Name;

/// What a tool takes.
pub(super) fn input(name: Name) -> Value {
    let model = text("Model id; default: the configured one, see check_status.", LONGEST_TEXT);
    let max_tokens = number(
        "Bound on generated tokens, reasoning included; default: sized to the contract.",
        1,
        MOST_TOKENS,
    );
    let prompt = text("The contract, complete in itself.", LONGEST_PROMPT);
    let (properties, required) = match name {
        Name::CheckStatus => (
            json!({ "live": flag("Ask the service; false answers from what is known on this machine.", true) }),
            json!([]),
        ),
        Name::Generate => (
            json!({
                "prompt": prompt,
                "model": model,
                "max_tokens": max_tokens,
                "include_code": flag("Return the code too.", false),
            }),
            json!(["prompt"]),
        ),
        Name::GenerateAndWriteFiles => (
            json!({
                "prompt": prompt,
                "output_dir": text("Folder inside the project, relative to its root or absolute; made when missing.", LONGEST_TEXT),
                "overwrite": flag("Replace files that are there and differ; they are backed up.", false),
                "test_command": text("Runs in output_dir after writing, for example: python3 -m pytest -q", LONGEST_COMMAND),
                "fix": number("How often failing tests go back to the hosted model; needs test_command. Default 0.", 0, MOST_FIXES),
                "model": model,
                "max_tokens": max_tokens,
            }),
            json!(["prompt", "output_dir"]),
        ),
        Name::RunTests => (
            json!({
                "command": text("Run by sh, for example: python3 -m pytest -q", LONGEST_COMMAND),
                "dir": text("Folder inside the project, relative to its root or absolute; default: the root.", LONGEST_TEXT),
                "timeout_s": number(&format!("Longest time in seconds; default {TEST_SECONDS}."), 1, MOST_SECONDS),
            }),
            json!(["command"]),
        ),
        Name::Undo => (
            json!({
                "run": text("Id of the run, from its result; default: the last one of this project.", LONGEST_TEXT),
                "discard_edits": flag("Undo files that were edited since, too; the edited versions are kept aside.", false),
            }),
            json!([]),
        ),
        _ => race_schema::input(name),
    };
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// What a tool gives. Only `status` is always there: wrong arguments leave nothing else to report than `error`.
pub(super) fn output(name: Name) -> Value {
    let mut properties = match name {
        Name::CheckStatus => status(),
        Name::Generate | Name::GenerateAndWriteFiles => finished(),
        Name::RunTests => json!({
            "verdict": { "type": "string", "enum": ["passed", "failed", "no_tests"] },
            "ended": string(),
            "runner": or_null(&string()),
            "passed": count(),
            "failed": count(),
            "skipped": count(),
            "errors": count(),
            "failing": list(&string()),
            "relevant": list(&string()),
            "ms": count(),
            "sandbox": string(),
        }),
        Name::Undo => json!({
            "run": string(),
            "restored": list(&string()),
            "removed": list(&string()),
            "kept": list(&string()),
        }),
        _ => race_schema::output(name),
    };
    if name == Name::Generate {
        properties["code"] = list(&json!({
            "type": "object",
            "properties": { "path": string(), "content": string() },
            "required": ["path", "content"],
        }));
    }
    match name {
        Name::CheckStatus => {}
        Name::RunTests => {
            properties["status"] = json!({
                "type": "string",
                "enum": ["ran", "error"],
                "description": "ran: whether the tests passed is in the counts",
            });
        }
        Name::Showdown | Name::AnyPercent | Name::RaceStatus | Name::RaceResume => {
            properties["status"] = json!({
                "type": "string",
                "enum": ["ok", "running", "error"],
                "description": "running: the race goes on, race_status waits for it",
            });
        }
        _ => properties["status"] = json!({ "type": "string", "enum": ["ok", "error"] }),
    }
    properties["error"] = or_null(&json!({
        "type": "object",
        "properties": { "code": string(), "message": string(), "fix": string() },
        "required": ["code", "message", "fix"],
    }));
    json!({ "type": "object", "properties": properties, "required": ["status"] })
}

fn status() -> Value {
    json!({
        "status": { "type": "string", "description": "ready, or what stands in the way" },
        "message": string(),
        "fix": string(),
        "provider": string(),
        "base_url": string(),
        "key_env": string(),
        "key_set": { "type": "boolean" },
        "model": string(),
        "models": list(&json!({
            "type": "object",
            "properties": {
                "id": string(),
                "context": count(),
                "max_output": count(),
                "input_usd_per_mtok": dollars(),
                "output_usd_per_mtok": dollars(),
            },
            "required": ["id"],
        })),
        "models_from": string(),
        "requests_per_minute": count(),
        "tokens_per_minute": count(),
    })
}

fn finished() -> Value {
    let whole = || json!({ "type": "integer", "minimum": 0 });
    json!({
        "run": or_null(&string()),
        "out": string(),
        "files": list(&json!({
            "type": "object",
            "properties": {
                "path": string(),
                "lines": whole(),
                "bytes": whole(),
                "action": { "type": "string", "enum": ["created", "overwritten", "unchanged"] },
            },
            "required": ["path", "lines", "bytes", "action"],
        })),
        "model": string(),
        "usage": {
            "type": "object",
            "properties": { "prompt": whole(), "completion": whole(), "reasoning": whole(), "cached": whole() },
        },
        "ms": whole(),
        "service_ms": whole(),
        "retries": whole(),
        "cost_usd": dollars(),
        "compare": list(&json!({
            "type": "object",
            "properties": { "model": string(), "usd": { "type": "number" } },
            "required": ["model", "usd"],
        })),
        "tests": or_null(&json!({
            "type": "object",
            "properties": {
                "passed": { "type": "boolean" },
                "first_pass": { "type": "boolean" },
                "repairs": whole(),
                "seen": { "type": "object" },
            },
            "required": ["passed", "first_pass", "repairs"],
        })),
        "warnings": list(&string()),
    })
}

pub(super) fn text(description: &str, longest: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": longest, "description": description })
}

pub(super) fn number(description: &str, least: u64, most: u64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most, "description": description })
}

fn flag(description: &str, default: bool) -> Value {
    json!({ "type": "boolean", "default": default, "description": description })
}

pub(super) fn string() -> Value {
    json!({ "type": "string" })
}

pub(super) fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// Spelled so that clients with one type a field can read it.
pub(super) fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

pub(super) fn count() -> Value {
    or_null(&json!({ "type": "integer", "minimum": 0 }))
}

fn dollars() -> Value {
    or_null(&json!({ "type": "number", "minimum": 0 }))
}
