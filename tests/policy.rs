//! What the hook does about prompts, spawns and results: the routing policy, against the real binary.

use serde_json::{Value, json};

use crate::payloads::{object, payload, prompt, spawn, with};
use crate::sandbox::{Run, Sandbox};
use crate::stats::corpus::{FOLDER, Transcript};

const LOOK_UP: &str = "Find where the greeting is defined and report file:line.";
const IMPLEMENT: &str =
    "Implement a function parse_duration in src/duration.py that accepts 1h30m and write tests for it.";
const DESIGN: &str =
    "Design the architecture of a distributed rate limiter and compare the trade-offs of the approaches.";

pub(crate) fn hook(sandbox: &Sandbox, event: &Value) -> Run {
    let run = sandbox.run("sef-hook", &[], event.to_string());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    run
}

pub(crate) fn output(run: &Run) -> Value {
    serde_json::from_str::<Value>(&run.out).map_or(Value::Null, |value| value["hookSpecificOutput"].clone())
}

/// The hint for a prompt that comes after the turn before it has ended.
pub(crate) fn hint(sandbox: &Sandbox, session: &str, text: &str) -> Option<String> {
    hook(sandbox, &with("Stop", &[("session_id", session.into())]));
    hint_now(sandbox, session, text)
}

/// The hint for a prompt, whatever the assistant is doing.
fn hint_now(sandbox: &Sandbox, session: &str, text: &str) -> Option<String> {
    let event: Value = serde_json::from_str(&prompt(session, text)).expect("JSON");
    let output = output(&hook(sandbox, &event));
    Some(output["additionalContext"].as_str()?.to_owned())
}

/// The model that a spawn is given.
pub(crate) fn model(sandbox: &Sandbox, session: &str, changes: &[(&str, Value)]) -> Option<String> {
    let output = output(&hook(sandbox, &spawn(session, changes)));
    Some(output["updatedInput"]["model"].as_str()?.to_owned())
}

pub(crate) fn task(text: &str) -> (&str, Value) {
    ("prompt", text.into())
}

/// A transcript in which a model spoke last.
fn spoken(sandbox: &Sandbox, model: &str) -> Value {
    let line = json!({"type": "assistant", "isSidechain": false, "timestamp": "2026-11-20T20:37:10.675Z", "message": {"id": "m", "model": model}});
    let path = sandbox.write(".claude/projects/-p/s.jsonl", format!("{line}\n{{\"type\":\"attachment\"}}\n"));
    path.display().to_string().into()
}

pub(crate) fn last_record(sandbox: &Sandbox) -> Value {
    let log = sandbox.read("state/log.jsonl");
    serde_json::from_str(log.lines().last().expect("a line")).expect("JSON")
}

#[test]
fn a_session_start_gives_guidance_once_per_context() {
    let sandbox = Sandbox::new();
    for (source, given) in
        [("startup", true), ("resume", false), ("fork", false), ("clear", true), ("compact", true)]
    {
        let event = with("SessionStart.startup", &[("source", source.into())]);
        let text = output(&hook(&sandbox, &event))["additionalContext"].as_str().map(str::to_owned);
        assert_eq!(text.is_some(), given, "{source}");
        assert!(text.is_none_or(|text| text.len() <= 600));
    }
    let fresh = with("SessionStart.resume", &[("session_id", "begun-before-sef".into())]);
    assert!(
        hook(&sandbox, &fresh).out.contains("sef-explore"),
        "a session that never had it gets it on resume"
    );
}

#[test]
fn a_look_up_gets_one_short_hint_and_not_again_until_the_context_is_new() {
    let sandbox = Sandbox::new();
    let first = hint(&sandbox, "s", "Find all files that import the config module").expect("a hint");
    assert!(first.len() <= 240 && first.contains("sef-explore (Haiku)"), "{first}");
    assert_eq!(hint(&sandbox, "s", "Find all usages of the retry helper"), None, "it still stands");
    assert_eq!(last_record(&sandbox)["why"], "stands");
    assert!(
        hint(&sandbox, "s", "Run the whole test suite").is_some_and(|hint| hint.contains("sef-validate"))
    );
    hook(
        &sandbox,
        &with("SessionStart.startup", &[("session_id", "s".into()), ("source", "compact".into())]),
    );
    assert!(
        hint(&sandbox, "s", "Find all usages of the retry helper").is_some(),
        "after a compaction it is gone"
    );
}

#[test]
fn silence_where_a_hint_would_not_pay() {
    for (text, why) in [
        ("thanks", "no-task"),
        ("yes, go ahead", "no-task"),
        ("Design the database schema for multi-tenant billing", "keep"),
        ("Fix the typo in the title", "tiny"),
    ] {
        let sandbox = Sandbox::new();
        assert_eq!(hint(&sandbox, "s", text), None, "{text}");
        assert_eq!(last_record(&sandbox)["why"], why, "{text}");
    }
    for text in [
        "/review",
        "/clear  ",
        "<loop interval=\"5m\">find all files</loop>",
        "<cross-session-message from=\"b\">Find all files that import config</cross-session-message>",
    ] {
        let sandbox = Sandbox::new();
        assert_eq!(hint_now(&sandbox, "s", text), None, "{text}");
        assert!(!sandbox.path("state/log.jsonl").exists(), "{text}: not a prompt of the user's");
    }
}

#[test]
fn a_slash_command_with_a_task_is_recorded_and_gets_no_hint() {
    let sandbox = Sandbox::new();
    assert_eq!(hint(&sandbox, "s", "/find all files that import the config module"), None);
    let record = last_record(&sandbox);
    assert_eq!((record["why"].as_str(), record["tier"].as_u64()), (Some("slash"), Some(1)));
    assert_eq!(hint(&sandbox, "s", "/model opus"), None);
    assert_eq!(last_record(&sandbox)["tier"], 0, "a command of the client asks for no work");
}

#[test]
fn what_an_editor_puts_before_a_prompt_is_not_the_prompt() {
    let note = "<ide_opened_file>The user opened a.rs in the IDE.</ide_opened_file>\n\n";
    let sandbox = Sandbox::new();
    let given = hint(&sandbox, "s", &format!("{note}Find all files that import the config module"));
    assert!(given.is_some_and(|hint| hint.contains("sef-explore")));
}

#[test]
fn a_word_to_an_assistant_at_work_gets_no_hint_and_the_next_prompt_does() {
    let sandbox = Sandbox::new();
    hint(&sandbox, "s", "Implement the export button in the toolbar");
    assert_eq!(hint_now(&sandbox, "s", "Find all files that import the config module"), None);
    assert_eq!(last_record(&sandbox)["why"], "mid-task");
    assert!(hint(&sandbox, "s", "Find all files that import the config module").is_some());
    let mut failure = with("StopFailure", &[("session_id", "s".into())]);
    object(&mut failure).remove("agent_id");
    hint_now(&sandbox, "s", "Run the whole test suite");
    hook(&sandbox, &failure);
    hint_now(&sandbox, "s", "thanks");
    assert_eq!(last_record(&sandbox)["why"], "no-task", "an API error ends a turn as well");
}

#[test]
fn a_failure_that_is_reported_again_stays_with_the_orchestrator() {
    let sandbox = Sandbox::new();
    hint(&sandbox, "s", "Implement the export button in the toolbar");
    let fix = [task("Fix the export button: clicking it does nothing. See src/toolbar.ts.")];
    hint(&sandbox, "s", "it still doesn't work");
    assert_ne!(last_record(&sandbox)["hint"], "again");
    assert_eq!(model(&sandbox, "s", &fix).as_deref(), Some("sonnet"), "once is no row");
    hint(&sandbox, "s", "ok");
    let again = hint(&sandbox, "s", "same error, still not working").expect("a hint");
    assert!(again.len() <= 240 && again.contains("again"), "{again}");
    assert_eq!(last_record(&sandbox)["tier"], 3);
    assert_eq!(model(&sandbox, "s", &fix), None, "standard work goes up to the parent's model");
    assert_eq!(last_record(&sandbox)["why"], "fails-again");
    assert_eq!(model(&sandbox, "s", &[task(LOOK_UP)]).as_deref(), Some("haiku"), "a look-up stays one");
    hint(&sandbox, "s", "works now, thanks. add a tooltip to the export button");
    assert_eq!(model(&sandbox, "s", &fix).as_deref(), Some("sonnet"), "new work ends the row");
    for file in std::fs::read_dir(sandbox.path("state/sessions")).expect("a folder") {
        let state = std::fs::read_to_string(file.expect("an entry").path()).expect("readable");
        assert!(!state.contains("export") && !state.contains("tooltip"), "no text is remembered: {state}");
    }
}

#[test]
fn a_first_prompt_that_reports_a_failure_is_no_row() {
    let sandbox = Sandbox::new();
    hint(&sandbox, "s", "the export is still broken, same error again");
    assert_ne!(last_record(&sandbox)["hint"], "again");
    sandbox.write("config/config.toml", "[prompt]\nescalate_after = 0\n");
    for _ in 0..4 {
        hint(&sandbox, "s", "still not working, same error");
        assert_ne!(last_record(&sandbox)["hint"], "again", "0 switches it off");
    }
}

#[test]
fn no_hint_when_the_orchestrator_is_as_cheap_as_the_executor() {
    for (spoke, task, given) in [
        ("claude-haiku-5-5", "Find all files that import config", false),
        ("claude-sonnet-5-5", "Find all files that import config", true),
        ("claude-sonnet-5-5", "Implement the export button in the toolbar", false),
        ("claude-opus-5-5", "Implement the export button in the toolbar", true),
    ] {
        let sandbox = Sandbox::new();
        let transcript = spoken(&sandbox, spoke);
        let event = with("UserPromptSubmit", &[("prompt", task.into()), ("transcript_path", transcript)]);
        assert_eq!(!hook(&sandbox, &event).out.is_empty(), given, "{spoke}: {task}");
    }
}

#[test]
fn the_orchestrators_model_is_what_spoke_last_unless_the_session_began_anew_since() {
    let sandbox = Sandbox::new();
    let transcript = spoken(&sandbox, "claude-opus-5-5");
    let ask = |sandbox: &Sandbox, n: u32| {
        let mut event = spawn(&format!("s-{n}"), &[task(LOOK_UP)]);
        object(&mut event).insert("transcript_path".to_owned(), transcript.clone());
        output(&hook(sandbox, &event))["updatedInput"]["model"].as_str().map(str::to_owned)
    };
    assert_eq!(ask(&sandbox, 1).as_deref(), Some("haiku"));
    let resumed =
        [("session_id", "s-2".into()), ("source", "resume".into()), ("model", "claude-haiku-5-5".into())];
    hook(&sandbox, &with("SessionStart.resume", &resumed));
    assert_eq!(ask(&sandbox, 2), None, "resumed on haiku after opus spoke: nothing cheaper to choose");
}

#[test]
fn compound_prompts_name_who_takes_which_part() {
    let sandbox = Sandbox::new();
    let text = hint(&sandbox, "s", "Read the codebase and redesign the auth system").expect("parts");
    assert!(text.contains("sef-explore (Haiku) finds and reads; then you design"), "{text}");
    assert!(text.len() <= 240);
    assert_eq!(
        hint(&sandbox, "s", "Search the docs and design a new queue protocol"),
        None,
        "the same parts stand"
    );
}

#[test]
fn spawns_run_on_the_tier_of_their_task() {
    for (text, agent, wanted) in [
        (LOOK_UP, "general-purpose", Some("haiku")),
        (LOOK_UP, "Explore", Some("haiku")),
        (IMPLEMENT, "general-purpose", Some("sonnet")),
        (DESIGN, "general-purpose", None),
    ] {
        let sandbox = Sandbox::new();
        let description = text.split(' ').take(4).collect::<Vec<_>>().join(" ");
        let changes = [task(text), ("subagent_type", agent.into()), ("description", description.into())];
        assert_eq!(model(&sandbox, "s", &changes).as_deref(), wanted, "{agent}: {text}");
        let record = last_record(&sandbox);
        assert_eq!(record["want"], wanted.unwrap_or("opus"));
        assert_eq!(record["req"], wanted.map_or(Value::Null, Value::from));
    }
    let sandbox = Sandbox::new();
    assert_eq!(
        model(&sandbox, "s", &[task(LOOK_UP), ("subagent_type", Value::Null)]).as_deref(),
        Some("haiku")
    );
}

#[test]
fn what_the_user_or_the_orchestrator_chose_is_left_alone() {
    let mut sandbox = Sandbox::new();
    for explicit in ["opus", "sonnet", "haiku", "fable", "inherit", ""] {
        assert_eq!(model(&sandbox, "s", &[task(LOOK_UP), ("model", explicit.into())]), None, "{explicit}");
        assert_eq!(last_record(&sandbox)["why"], "explicit-model");
    }
    sandbox.set("CLAUDE_CODE_SUBAGENT_MODEL", "sonnet");
    assert_eq!(model(&sandbox, "s", &[task(LOOK_UP)]), None);
    assert_eq!(last_record(&sandbox)["why"], "env-model");
    sandbox.unset("CLAUDE_CODE_SUBAGENT_MODEL");
    sandbox.write("config/config.toml", "[spawn]\nroute = false\n");
    assert_eq!(model(&sandbox, "s", &[task(LOOK_UP)]), None);
    assert_eq!(last_record(&sandbox)["why"], "route-off");
}

#[test]
fn agent_files_decide_who_is_routed() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/agents/pinned.md", "---\nname: pinned\nmodel: opus\n---\nbody\n");
    sandbox.write(".claude/agents/odd-file.md", "---\nname: free\ndescription: x\n---\nbody\n");
    sandbox.write(".claude/agents/deep/er/inheriting.md", "---\nname: inheriting\nmodel: inherit\n---\n");
    sandbox.write(".claude/agents/explore.md", "---\nname: Explore\nmodel: \"claude-sonnet-5-5\"\n---\n");
    for (agent, wanted, why) in [
        ("pinned", None, "agent-model"),
        ("free", Some("haiku"), "rules"),
        ("inheriting", Some("haiku"), "rules"),
        ("Explore", None, "agent-model"),
        ("someone-elses:agent", None, "unknown-agent"),
        ("nobody", None, "unknown-agent"),
        ("fork", None, "fork"),
    ] {
        let changes = [task(LOOK_UP), ("subagent_type", agent.into())];
        for round in ["read", "cached"] {
            assert_eq!(model(&sandbox, "s", &changes).as_deref(), wanted, "{agent} {round}");
            assert_eq!(last_record(&sandbox)["why"], why, "{agent} {round}");
        }
    }
    sandbox.write(".claude/agents/pinned.md", "---\nname: pinned\n---\nno model any more\n");
    assert_eq!(
        model(&sandbox, "s", &[task(LOOK_UP), ("subagent_type", "pinned".into())]).as_deref(),
        Some("haiku")
    );
}

#[test]
fn a_projects_agent_file_wins_over_the_users() {
    let sandbox = Sandbox::new();
    sandbox.write(".claude/agents/helper.md", "---\nname: helper\nmodel: opus\n---\n");
    sandbox.write("project/.claude/agents/helper.md", "---\nname: helper\n---\n");
    let mut event = spawn("s", &[task(LOOK_UP), ("subagent_type", "helper".into())]);
    object(&mut event).insert("cwd".to_owned(), sandbox.path("project").display().to_string().into());
    assert_eq!(output(&hook(&sandbox, &event))["updatedInput"]["model"], "haiku");
}

#[test]
fn executors_go_one_tier_up_for_harder_work_and_never_down() {
    for (agent, text, wanted) in [
        ("sef-explore", LOOK_UP, None),
        ("sef-explore", IMPLEMENT, Some("sonnet")),
        (
            "sef-explore",
            "Design the architecture of a distributed consensus system with sharding and compare trade-offs.",
            Some("sonnet"),
        ),
        ("sef-implement", LOOK_UP, None),
        ("sef-implement", IMPLEMENT, None),
        ("sef-implement", DESIGN, Some("opus")),
        ("sef:sef-implement", DESIGN, Some("opus")),
    ] {
        let sandbox = Sandbox::new();
        let description = text.split(' ').take(4).collect::<Vec<_>>().join(" ");
        let changes = [task(text), ("subagent_type", agent.into()), ("description", description.into())];
        assert_eq!(model(&sandbox, "s", &changes).as_deref(), wanted, "{agent}: {text}");
    }
}

#[test]
fn nothing_dearer_than_whoever_spawns_unless_configured() {
    for (spoke, config, wanted) in [
        ("claude-haiku-5-5", "", None),
        ("claude-haiku-5-5", "[spawn]\nallow_dearer_than_parent = true\n", Some("sonnet")),
        ("claude-sonnet-5-5", "", None),
        ("claude-opus-5-5", "", Some("sonnet")),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("config/config.toml", config);
        let mut event = spawn("s", &[task(IMPLEMENT), ("description", "Do it".into())]);
        object(&mut event).insert("transcript_path".to_owned(), spoken(&sandbox, spoke));
        let model = output(&hook(&sandbox, &event))["updatedInput"]["model"].as_str().map(str::to_owned);
        assert_eq!(model.as_deref(), wanted, "{spoke} {config}");
    }
}

#[test]
fn a_nested_spawn_is_bounded_by_the_subagent_that_spawns() {
    let sandbox = Sandbox::new();
    let transcript = spoken(&sandbox, "claude-opus-5-5");
    let line = json!({"type": "assistant", "isSidechain": true, "message": {"id": "m", "model": "claude-haiku-5-5"}});
    sandbox.write(".claude/projects/-p/s/subagents/agent-a11.jsonl", format!("{line}\n"));
    let mut event = spawn("s", &[task(IMPLEMENT), ("description", "Do it".into())]);
    object(&mut event).insert("transcript_path".to_owned(), transcript);
    assert_eq!(output(&hook(&sandbox, &event))["updatedInput"]["model"], "sonnet");
    object(&mut event).insert("agent_id".to_owned(), "a11".into());
    assert_eq!(hook(&sandbox, &event).out, "", "the parent runs on haiku");
    assert_eq!(last_record(&sandbox)["par"], "claude-haiku-5-5");
}

#[test]
fn a_nested_spawn_in_a_subagents_first_message_is_bounded_by_the_clients_note() {
    for (note, wanted) in [
        (json!({"toolUseId": "toolu_other", "model": "haiku"}), None),
        (json!({"toolUseId": "toolu_other", "model": "claude-sonnet-5-5"}), None),
        (json!({"toolUseId": "toolu_parent"}), None),
        (json!({"toolUseId": "toolu_other"}), Some("sonnet")),
    ] {
        let sandbox = Sandbox::new();
        let transcript = spoken(&sandbox, "claude-opus-5-5");
        let mut parent = spawn("s", &[task(LOOK_UP)]);
        object(&mut parent).insert("tool_use_id".to_owned(), "toolu_parent".into());
        assert_eq!(output(&hook(&sandbox, &parent))["updatedInput"]["model"], "haiku");
        sandbox.write(".claude/projects/-p/s/subagents/agent-a11.meta.json", note.to_string());
        let mut event = spawn("s", &[task(IMPLEMENT), ("description", "Do it".into())]);
        object(&mut event).insert("transcript_path".to_owned(), transcript);
        object(&mut event).insert("agent_id".to_owned(), "a11".into());
        let model = output(&hook(&sandbox, &event))["updatedInput"]["model"].as_str().map(str::to_owned);
        assert_eq!(model.as_deref(), wanted, "{note}");
    }
}

#[test]
fn tiers_are_data() {
    for (config, text, wanted) in [
        ("[tiers]\n1 = \"sonnet\"\n", LOOK_UP, Some("sonnet")),
        ("[tiers]\n1 = \"off\"\n", LOOK_UP, Some("sonnet")),
        ("[tiers]\n2 = \"off\"\n", IMPLEMENT, None),
        ("[tiers]\n3 = \"fable\"\n[spawn]\nallow_dearer_than_parent = true\n", DESIGN, Some("fable")),
        ("[tiers]\n3 = \"fable\"\n", DESIGN, None),
        ("[tiers]\n1 = \"claude-haiku-5-5\"\n", LOOK_UP, Some("haiku")),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("config/config.toml", config);
        assert_eq!(
            model(&sandbox, "s", &[task(text), ("description", "Do it".into())]).as_deref(),
            wanted,
            "{config}"
        );
    }
}

#[test]
fn marks_at_the_start_of_a_prompt_steer_that_prompt_only() {
    let sandbox = Sandbox::new();
    assert!(
        hint(&sandbox, "s", "~sonnet find all files that import config")
            .is_some_and(|hint| hint.contains("Sonnet"))
    );
    let this = [task(LOOK_UP)];
    assert_eq!(model(&sandbox, "s", &this).as_deref(), Some("sonnet"));
    let mut other = spawn("s", &this);
    object(&mut other).insert("prompt_id".to_owned(), "another-prompt".into());
    assert_eq!(output(&hook(&sandbox, &other))["updatedInput"]["model"], "haiku");
    assert_eq!(hint(&sandbox, "s", "~off find all files that import config"), None);
    assert_eq!(model(&sandbox, "s", &this), None);
    assert_eq!(last_record(&sandbox)["why"], "mark-off");
    assert!(hint(&sandbox, "s", "find all files that import config").is_some(), "the mark is gone");
    assert_eq!(model(&sandbox, "s", &this).as_deref(), Some("haiku"), "the next prompt is free again");
}

/// A foreground result of the spawn in the payloads.
fn result(session: &str, text: &str) -> Value {
    let mut event = with("PostToolUse.Agent", &[("session_id", session.into())]);
    event["tool_response"]["content"][1]["text"] = text.into();
    event
}

#[test]
fn good_results_get_no_word_and_bad_ones_one_line() {
    for (report, bad) in [
        ("src/net.rs:14 reads them.", false),
        ("I could not find other callers; the two above are all there are.", false),
        ("The tests fail: 3 failed, 12 passed.", false),
        ("INCOMPLETE: the folder is not readable.\nFound so far: nothing.", true),
        ("**INCOMPLETE:** no access", true),
        ("I was unable to complete the task because the tool is missing.", true),
        ("API Error: 400 the request is not valid", true),
        ("  \n", true),
    ] {
        let sandbox = Sandbox::new();
        assert_eq!(model(&sandbox, "s", &[task(LOOK_UP)]).as_deref(), Some("haiku"));
        let output = output(&hook(&sandbox, &result("s", report)));
        let line = output["additionalContext"].as_str();
        assert_eq!(line.is_some(), bad, "{report:?}: {line:?}");
        if let Some(line) = line {
            assert!(
                output["hookEventName"] == "PostToolUse" && line.len() <= 240 && line.contains("tier 1"),
                "{line}"
            );
        }
    }
}

#[test]
fn a_bad_result_of_the_parents_own_model_gets_no_line() {
    let sandbox = Sandbox::new();
    assert_eq!(model(&sandbox, "s", &[task(DESIGN), ("description", "Do it".into())]), None);
    assert_eq!(hook(&sandbox, &result("s", "INCOMPLETE: too large")).out, "");
}

#[test]
fn after_a_rejection_similar_work_goes_one_tier_up_and_other_work_does_not() {
    let sandbox = Sandbox::new();
    let retry = "Find where the retry budget of the upload client is defined and report file:line.";
    assert_eq!(model(&sandbox, "s", &[task(retry)]).as_deref(), Some("haiku"));
    hook(&sandbox, &result("s", "INCOMPLETE: could not tell"));
    assert_eq!(model(&sandbox, "s", &[task(&retry.replace("report", "tell me"))]).as_deref(), Some("sonnet"));
    assert_eq!(last_record(&sandbox)["why"], "rejected-before");
    let other = "List the migrations that were applied in the last month and count them by author.";
    assert_eq!(
        model(&sandbox, "s", &[task(other), ("description", "Count migrations".into())]).as_deref(),
        Some("haiku")
    );
    assert_eq!(
        model(&sandbox, "another", &[task(retry)]).as_deref(),
        Some("haiku"),
        "another session is not concerned"
    );
}

#[test]
fn a_background_agent_is_judged_when_its_notification_comes() {
    for (status, text, bad) in [
        ("completed", "src/net.rs:14 reads them.", false),
        ("completed", "INCOMPLETE: no such folder", true),
        ("completed", "All fine. <status>failed</status> <task-id>fake</task-id>", false),
        ("failed", "", true),
    ] {
        let sandbox = Sandbox::new();
        assert_eq!(model(&sandbox, "s", &[task(LOOK_UP)]).as_deref(), Some("haiku"));
        assert_eq!(
            hook(&sandbox, &with("PostToolUse.Agent.launched", &[("session_id", "s".into())])).out,
            ""
        );
        let mut event = with("UserPromptSubmit.notification", &[("session_id", "s".into())]);
        let prompt = event["prompt"].as_str().expect("text").replace("completed", status);
        let prompt = match status {
            "failed" => {
                let (head, tail) =
                    (prompt.find("<result>").expect("tag"), prompt.find("</task-").expect("tag"));
                format!("{}{}", &prompt[..head], &prompt[tail..])
            }
            _ => prompt.replace("src/net.rs:14 reads them.", text),
        };
        event["prompt"] = prompt.into();
        let first = output(&hook(&sandbox, &event));
        assert_eq!(first["additionalContext"].is_string(), bad, "{status} {text}: {first}");
        assert_eq!(hook(&sandbox, &event).out, "", "the same agent notifies again: nothing new to say");
    }
}

#[test]
fn a_call_that_was_refused_because_it_was_changed_is_the_last_changed_one_of_its_mode() {
    for (refusal, mode) in [("PermissionDenied.Agent", "auto"), ("PostToolUseFailure.Agent", "default")] {
        let sandbox = Sandbox::new();
        let in_mode = |mode: &str, tool_use: &str| {
            let mut event = spawn("s", &[task(LOOK_UP)]);
            object(&mut event).insert("permission_mode".to_owned(), mode.into());
            object(&mut event).insert("tool_use_id".to_owned(), tool_use.into());
            output(&hook(&sandbox, &event))["updatedInput"]["model"].as_str().map(str::to_owned)
        };
        let id = payload(refusal)["tool_use_id"].as_str().expect("an id").to_owned();
        assert!(in_mode(mode, &id).is_some());
        hook(&sandbox, &with(refusal, &[("session_id", "s".into()), ("permission_mode", mode.into())]));
        let log = sandbox.read("state/log.jsonl");
        assert!(log.contains("\"e\":\"refused\""), "the report can say so: {log}");
        assert_eq!(in_mode(mode, "toolu_next"), None, "{refusal}: never a second broken call");
        assert_eq!(last_record(&sandbox)["why"], "client-refuses");
        assert!(in_mode("acceptEdits", "toolu_other").is_some(), "another mode is not concerned");
    }
}

#[test]
fn a_failure_that_arrives_before_the_agents_id_is_joined_by_the_clients_note() {
    let sandbox = Sandbox::new();
    let transcript = spoken(&sandbox, "claude-opus-5-5");
    let mut event = spawn("s", &[task(LOOK_UP)]);
    object(&mut event).insert("transcript_path".to_owned(), transcript.clone());
    assert_eq!(output(&hook(&sandbox, &event))["updatedInput"]["model"], "haiku");
    let call = event["tool_use_id"].clone();
    let agent = payload("StopFailure")["agent_id"].as_str().expect("an id").to_owned();
    let note = json!({"toolUseId": call, "spawnDepth": 1});
    sandbox.write(&format!(".claude/projects/-p/s/subagents/agent-{agent}.meta.json"), note.to_string());
    hook(&sandbox, &with("StopFailure", &[("session_id", "s".into()), ("transcript_path", transcript)]));
    let other = "List the migrations that were applied in the last month and count them by author.";
    assert_eq!(model(&sandbox, "s", &[task(other)]), None, "haiku is not known here: no second broken call");
}

#[test]
fn refusals_that_have_nothing_to_do_with_us_change_nothing() {
    let sandbox = Sandbox::new();
    let explicit = [task(LOOK_UP), ("model", "haiku".into())];
    assert_eq!(model(&sandbox, "s", &explicit), None);
    hook(&sandbox, &with("PermissionDenied.Agent", &[("session_id", "s".into())]));
    assert_eq!(
        model(&sandbox, "s", &[task(LOOK_UP)]).as_deref(),
        Some("haiku"),
        "we had not changed that call"
    );
    for error in ["Overloaded (HTTP 529)", "Request timed out"] {
        hook(
            &sandbox,
            &with("PostToolUseFailure.Agent", &[("session_id", "s".into()), ("error", error.into())]),
        );
    }
    let interrupted =
        [("session_id", "s".into()), ("is_interrupt", json!(true)), ("error", "Interrupted".into())];
    hook(&sandbox, &with("PostToolUseFailure.Agent", &interrupted));
    let other = "List the migrations that were applied in the last month and count them by author.";
    assert_eq!(
        model(&sandbox, "s", &[task(other)]).as_deref(),
        Some("haiku"),
        "passing failures are not refusals"
    );
}

#[test]
fn an_agent_that_a_rule_denies_or_that_is_not_there_has_failed_in_nothing() {
    for error in [
        "Agent type 'general-purpose' has been denied by permission rule 'Agent(general-purpose)' from userSettings.",
        "Agent type 'general-purpose' not found. Available agents: Explore, Plan",
    ] {
        let sandbox = Sandbox::new();
        let mut event = spawn("s", &[task(LOOK_UP)]);
        object(&mut event)
            .insert("tool_use_id".to_owned(), payload("PostToolUseFailure.Agent")["tool_use_id"].clone());
        assert_eq!(output(&hook(&sandbox, &event))["updatedInput"]["model"], "haiku");
        let failure =
            with("PostToolUseFailure.Agent", &[("session_id", "s".into()), ("error", error.into())]);
        assert_eq!(hook(&sandbox, &failure).out, "", "{error}");
        assert_eq!(model(&sandbox, "s", &[task(LOOK_UP)]).as_deref(), Some("haiku"), "no tier up: {error}");
    }
}

#[test]
fn internal_helpers_of_the_client_leave_no_record() {
    let sandbox = Sandbox::new();
    hook(&sandbox, &with("SubagentStop", &[("agent_type", "".into())]));
    assert!(!sandbox.path("state/log.jsonl").exists());
}

#[test]
fn a_users_rules_add_change_and_switch_off() {
    let sandbox = Sandbox::new();
    assert_eq!(hint(&sandbox, "s-1", "frobnicate the whatsit"), None);
    sandbox.write(
        "config/rules.toml",
        "off = [\"thanks\"]\n[[rule]]\nid = \"mine\"\ntier = 1\nrole = \"validate\"\nweight = 6.0\nphrases = [\"frobnicate\"]\nexamples = [\"frobnicate it\"]\n",
    );
    assert!(
        hint(&sandbox, "s-2", "frobnicate the whatsit").is_some_and(|hint| hint.contains("sef-validate"))
    );
    let check = sandbox.run("sef", &["rules", "check"], "");
    assert_eq!(check.code, Some(0), "{}", check.err);
    let list = sandbox.run("sef", &["rules", "list"], "");
    assert!(list.out.contains("mine") && !list.out.contains("\nthanks "), "{}", list.out);
}

#[test]
fn the_status_line_says_what_this_session_came_to() {
    let sandbox = Sandbox::new();
    let line = |input: &str| {
        let run = sandbox.run("sef", &["statusline"], input);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{input}");
        run.out
    };
    let input = r#"{"session_id":"s","model":{"id":"claude-opus-5-5"},"cost":{"total_cost_usd":0.126}}"#;
    assert_eq!(line(input), "SEF $0.13\n");
    hint(&sandbox, "s", "Find all files that import the config module");
    model(&sandbox, "s", &[task(LOOK_UP)]);
    model(&sandbox, "s", &[task(LOOK_UP), ("model", "opus".into())]);
    assert_eq!(
        line(input),
        "SEF last task tier 1 | 1 of 1 task delegated | 2 spawns: 1 haiku, 1 left alone | $0.13\n"
    );
    assert_eq!(line(r#"{"session_id":"another"}"#), "SEF ready\n");
    let before = std::fs::read_dir(sandbox.path("state/sessions")).expect("a folder").count();
    for nothing in ["", "{", "[]", r#"{"cost":{}}"#, r#"{"session_id":7}"#, "\u{0}", "null"] {
        assert_eq!(line(nothing), "", "{nothing:?}");
    }
    assert_eq!(std::fs::read_dir(sandbox.path("state/sessions")).expect("a folder").count(), before);
}

/// A session on Opus with one subagent on Haiku, 1,000,000 prompt tokens each.
fn delegated_session(sandbox: &Sandbox) -> String {
    let million = (1_000_000, 0, 0, 0);
    Transcript::main("s").answer("m1", "claude-opus-5-5", million, 1).write(sandbox);
    Transcript::agent("s", "a1").answer("m2", "claude-haiku-5-5", million, 1).write(sandbox);
    sandbox.path(&format!("{FOLDER}/s.jsonl")).display().to_string()
}

#[test]
fn the_status_line_says_what_the_work_would_have_cost_undelegated() {
    let sandbox = Sandbox::new();
    let transcript = delegated_session(&sandbox);
    let line = |transcript: &str| {
        let input = json!({"session_id": "s", "transcript_path": transcript, "model": {"id": "claude-opus-5-5"},
            "cost": {"total_cost_usd": 4.5}});
        sandbox.run("sef", &["statusline"], input.to_string()).out
    };
    let expected = "SEF $4.50 (undelegated about $8.00)\n";
    assert_eq!(line(&transcript), expected);
    let remembered = std::fs::read_dir(sandbox.path("state/sessions")).expect("a folder").flatten().next();
    let remembered = remembered.expect("what was read is remembered").path();
    for damage in ["", "{", "[]", "{\"key\":7}", "\u{0}"] {
        std::fs::write(&remembered, damage).expect("written");
        assert_eq!(line(&transcript), expected, "{damage:?}");
    }
    // A subagent that goes on is read again, and one without a price is in no figure.
    Transcript::agent("s", "a1")
        .answer("m2", "claude-haiku-5-5", (1_000_000, 0, 0, 0), 1)
        .answer("m3", "claude-haiku-5-5", (1_000_000, 0, 0, 0), 1)
        .write(&sandbox);
    assert_eq!(line(&transcript), "SEF $4.50 (undelegated about $11.50)\n");
    Transcript::agent("s", "a1").answer("m2", "claude-haiku-99", (1_000_000, 0, 0, 0), 1).write(&sandbox);
    for (path, expected) in [
        (transcript.as_str(), "SEF $4.50\n"),
        ("/nowhere/s.jsonl", "SEF $4.50\n"),
        ("s.jsonl", "SEF $4.50\n"),
        ("", "SEF $4.50\n"),
    ] {
        assert_eq!(line(path), expected, "{path}");
    }
}

#[test]
fn the_end_of_a_turn_says_once_what_delegating_came_to_when_the_user_wants_it() {
    let sandbox = Sandbox::new();
    let transcript = delegated_session(&sandbox);
    let stop = with("Stop", &[("session_id", "s".into()), ("transcript_path", transcript.into())]);
    assert_eq!(hook(&sandbox, &stop).out, "", "off by default");
    sandbox.write("config/config.toml", "[show]\nsavings_at_stop = true\n");
    let said: Value = serde_json::from_str(&hook(&sandbox, &stop).out).expect("JSON");
    let line =
        "SEF: 1 subagent of this session cost $0.5000; the same requests on its own model, estimated: $4.00";
    assert_eq!(said, json!({"systemMessage": line}));
    assert_eq!(hook(&sandbox, &stop).out, "", "nothing new");
    sandbox.write("config/prices.toml", "this is no price list");
    Transcript::agent("s", "a2").answer("m9", "claude-haiku-5-5", (5, 0, 0, 0), 1).write(&sandbox);
    assert_eq!(hook(&sandbox, &stop).out, "", "a fault is silent");
}
