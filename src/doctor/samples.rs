//! One sample of each event that SEF registers, as clients 2.1.197 to 2.1.329 send them. The ids are made up, the project
//! is a folder that is thrown away. Pure.

use std::path::Path;

use serde_json::{Value, json};

/// The task of the sample delegation; simple enough for any preset to route it.
const TASK: &str = "Find where the retry settings are read and report file:line.";

/// A sample of an event in a project; none for an event without one.
pub(super) fn sample(event: &str, project: &Path) -> Option<Value> {
    let mut sample = json!({
        // Each event has a session of its own: what one leaves behind must not change the answer to the next.
        "session_id": format!("sef-doctor-{event}"),
        "transcript_path": project.join("no-transcript.jsonl"),
        "cwd": project,
        "hook_event_name": event,
        "prompt_id": "5ef00000-0000-4000-8000-000000000001",
        "permission_mode": "default",
    });
    for (key, value) in own(event)?.as_object()? {
        sample[key] = value.clone();
    }
    Some(sample)
}

/// The fields of one event beyond those of all.
fn own(event: &str) -> Option<Value> {
    let task =
        json!({"description": "Find retry settings", "prompt": TASK, "subagent_type": "general-purpose"});
    let call = json!({"tool_name": "Agent", "tool_input": task, "tool_use_id": "toolu_sef_doctor"});
    let with = |more: Value| {
        let mut call = call.clone();
        for (key, value) in more.as_object().into_iter().flatten() {
            call[key] = value.clone();
        }
        call
    };
    let agent = json!({"agent_id": "a5ef0000000000001", "agent_type": "general-purpose"});
    Some(match event {
        "SessionStart" => json!({"source": "startup", "model": "claude-opus-5-5"}),
        "UserPromptSubmit" => json!({"prompt": "find where the config is loaded"}),
        "PreToolUse" => call,
        "PostToolUse" => with(json!({"duration_ms": 476, "tool_response": {
            "status": "completed", "agentId": "a5ef0000000000001", "agentType": "general-purpose", "prompt": TASK,
            "content": [{"type": "text", "text": "src/net.rs:14 reads them."}],
            "resolvedModel": "claude-haiku-5-5", "totalDurationMs": 474, "totalTokens": 6090, "totalToolUseCount": 1,
            "usage": {"input_tokens": 300, "output_tokens": 40}
        }})),
        "PostToolUseFailure" => {
            with(json!({"error": "API error", "is_interrupt": false, "duration_ms": 363}))
        }
        "PermissionDenied" => with(json!({"reason": "Blocked"})),
        "SubagentStart" => agent,
        "SubagentStop" => json!({
            "agent_id": "a5ef0000000000001", "agent_type": "general-purpose", "stop_hook_active": false,
            "last_assistant_message": "src/net.rs:14 reads them.", "background_tasks": [], "session_crons": []
        }),
        "Stop" => json!({
            "stop_hook_active": false, "last_assistant_message": "Done.", "background_tasks": [], "session_crons": []
        }),
        "StopFailure" => json!({"error": "model_not_found", "last_assistant_message": "There is an issue."}),
        "SessionEnd" => json!({"reason": "other"}),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::hooks::wanted;

    #[test]
    fn every_registered_event_has_a_sample() {
        for hook in wanted("X") {
            let sample = sample(&hook.event, Path::new("/p")).expect(&hook.event);
            assert_eq!(sample["hook_event_name"], hook.event);
        }
        assert_eq!(sample("FutureThing", Path::new("/p")), None);
    }
}
