//! The hook's part in turbo: how it is done is said when a prompt asks for it, and a vague contract does not get through.

use serde_json::{Value, json};

use super::CONTRACT;
use crate::payloads::{prompt, with};
use crate::sandbox::Sandbox;

/// What the hook adds to a prompt.
fn context(sandbox: &Sandbox, session: &str, text: &str) -> Option<String> {
    let run = sandbox.run("sef-hook", &[], prompt(session, text));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let value: Value = serde_json::from_str(&run.out).ok()?;
    Some(value["hookSpecificOutput"]["additionalContext"].as_str()?.to_owned())
}

/// The hook's answer to a call of a tool.
fn before(sandbox: &Sandbox, tool: &str, input: &Value) -> String {
    let event = with("PreToolUse.Agent", &[("tool_name", json!(tool)), ("tool_input", input.clone())]);
    let run = sandbox.run("sef-hook", &[], event.to_string());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{tool}");
    run.out
}

#[test]
fn a_prompt_that_asks_for_turbo_is_told_how_it_is_done_once() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CEREBRAS_API_KEY", "csk-canary-0123456789");
    for (session, text) in [
        ("s-1", "use speed-run to build a rate limiter"),
        ("s-2", "turbo build a csv parser in go"),
        ("s-3", "fast build: an lru cache in rust"),
        ("s-4", "generate the parser with cerebras"),
        ("s-5", "use the hosted llm for this one"),
    ] {
        let said = context(&sandbox, session, text).unwrap_or_default();
        assert!(
            said.contains("mcp__speed-run__generate_and_write_files") && said.contains("DATA CONTRACT"),
            "{text}: {said}"
        );
        assert!(!said.contains("canary") && said.len() <= 700);
        assert_eq!(context(&sandbox, session, text), None, "once in a session: {text}");
    }
    for text in [
        "the turbo build fails in the monorepo",
        "run turbo lint",
        "what is cerebras?",
        "~off use speed-run for the parser",
    ] {
        let said = context(&sandbox, "s-6", text).unwrap_or_default();
        assert!(!said.contains("speed-run"), "{text}: {said}");
    }
}

/// Prompts that ask for a race by a name of it.
const ASKING: [&str; 10] = [
    "use showdown for the rate limiter",
    "showdown for the auth system",
    "let's do a showdown on the csv parser, 3 runners",
    "race it with three runners",
    "use race to build the tokenizer",
    "race two implementations of the cache",
    "let them race and take the best",
    "any% this: sqlite or postgres for the session store",
    "do an any% run on the storage layer",
    "any-percent: polling or websockets for the feed",
];
/// Prompts that leave open which of several ways to go.
const OPEN: [&str; 6] = [
    "sqlite or a json file for the session store, try both",
    "not sure which approach is better for the cache: a trie or a hash map",
    "build both and see which one is faster",
    "compare two implementations of the parser, hand written and generated",
    "compare approaches for the retry logic",
    "I can't decide between polling and websockets for the live feed",
];
/// Prompts that only look like either.
const NEITHER: [&str; 16] = [
    "fix the race condition in the job scheduler",
    "the tests fail with -race, a data race in pool.go",
    "run the race detector on the cache package",
    "add a race results page to the running club site",
    "use any library you like for the parser",
    "are there any percent signs left in the format strings?",
    "what is a showdown?",
    "why was the race slower than turbo?",
    "not sure which file has the bug, find it",
    "I'm not sure which branch we deployed",
    "try both commands again and paste the output",
    "open the page in both browsers and compare the screenshots",
    "compare the implementation with the plan",
    "what is the difference between both approaches?",
    "use two spaces in both files",
    "run any tests that cover 100% of the parser",
];

#[test]
fn a_prompt_that_asks_for_a_race_is_told_where_once_and_others_are_not() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CEREBRAS_API_KEY", "csk-canary-0123456789");
    for (number, text) in ASKING.into_iter().enumerate() {
        let session = format!("asks-{number}");
        let said = context(&sandbox, &session, text).unwrap_or_default();
        for name in ["mcp__speed-run__showdown", "mcp__speed-run__any_percent", "skill showdown"] {
            assert!(said.contains(name), "{text}: {said}");
        }
        assert!(said.split_whitespace().count() <= 60 && !said.contains("canary"), "{said}");
        assert_eq!(context(&sandbox, &session, text), None, "once in a session: {text}");
    }
    for (number, text) in OPEN.into_iter().enumerate() {
        let session = format!("open-{number}");
        let said = context(&sandbox, &session, text).unwrap_or_default();
        assert!(
            said.contains("mcp__speed-run__any_percent") && said.contains("worth offering"),
            "{text}: {said}"
        );
        let again = context(&sandbox, &session, text).unwrap_or_default();
        assert!(!again.contains("any-percent"), "once in a session: {text}: {again}");
    }
    for (number, text) in NEITHER.into_iter().enumerate() {
        let said = context(&sandbox, &format!("neither-{number}"), text).unwrap_or_default();
        assert!(!said.contains("any-percent") && !said.contains("showdown"), "{text}: {said}");
    }
    let off = context(&sandbox, "s-off", "~off use showdown for the parser");
    assert_eq!(off, None);
}

#[test]
fn e3_without_a_key_only_who_asks_for_a_race_by_name_is_told_of_one() {
    let sandbox = Sandbox::new();
    for (number, text) in ASKING.into_iter().enumerate() {
        let said = context(&sandbox, &format!("asks-{number}"), text).unwrap_or_default();
        assert!(said.contains("CEREBRAS_API_KEY") && said.contains("stops here"), "{text}: {said}");
        assert!(!said.contains("mcp__speed-run__"), "{said}");
    }
    for (number, text) in OPEN.into_iter().chain(NEITHER).enumerate() {
        let said = context(&sandbox, &format!("others-{number}"), text).unwrap_or_default();
        assert!(!said.contains("CEREBRAS_API_KEY") && !said.contains("any-percent"), "{text}: {said}");
    }
}

#[test]
fn e3_without_a_key_the_way_to_one_is_told_and_that_nothing_takes_its_place() {
    for value in [None, Some(""), Some("${CEREBRAS_API_KEY}")] {
        let mut sandbox = Sandbox::new();
        if let Some(value) = value {
            sandbox.set("CEREBRAS_API_KEY", value);
        }
        let said = context(&sandbox, "s-1", "use speed-run to build a rate limiter").unwrap_or_default();
        assert!(
            said.contains("CEREBRAS_API_KEY")
                && said.contains("cloud.cerebras.ai")
                && said.contains("stops here"),
            "{said}"
        );
        assert!(!said.contains("generate_and_write_files"), "{said}");
        sandbox
            .write(".claude/settings.json", json!({"env": {"CEREBRAS_API_KEY": "csk-1234567"}}).to_string());
        let said = context(&sandbox, "s-1", "use speed-run for the parser").unwrap_or_default();
        assert!(said.contains("generate_and_write_files"), "it is said anew when the key is there: {said}");
    }
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[hosted]\nprovider = \"groq\"\n");
    let said = context(&sandbox, "s-1", "use speed-run to build a rate limiter").unwrap_or_default();
    assert!(said.contains("GROQ_API_KEY") && said.contains("Groq"), "{said}");
}

#[test]
fn a_vague_prompt_to_a_codegen_tool_is_denied_with_what_is_missing() {
    let sandbox = Sandbox::new();
    for tool in [
        "mcp__speed-run__generate",
        "mcp__speed-run__generate_and_write_files",
        "mcp__plugin_sef_speed-run__generate",
    ] {
        let out = before(
            &sandbox,
            tool,
            &json!({"prompt": "build a canary rate limiter, make it good", "output_dir": "app"}),
        );
        let reply: Value = serde_json::from_str(&out).expect("a reply");
        let output = &reply["hookSpecificOutput"];
        assert_eq!(
            (output["permissionDecision"].as_str(), output["hookEventName"].as_str()),
            (Some("deny"), Some("PreToolUse"))
        );
        let reason = output["permissionDecisionReason"].as_str().unwrap_or_default();
        for part in ["DATA CONTRACT", "ALGORITHM", "RULES"] {
            assert!(reason.contains(part), "{reason}");
        }
        assert!(reason.len() <= 1_500 && !reason.contains("canary"), "{reason}");
        assert_eq!(output.as_object().map(serde_json::Map::len), Some(3), "nothing besides: {output}");
    }
    let log = sandbox.read("state/log.jsonl");
    assert!(log.matches("\"e\":\"vague\"").count() == 3 && !log.contains("canary"), "{log}");
}

#[test]
fn an_acceptable_contract_and_every_other_call_pass_untouched() {
    let sandbox = Sandbox::new();
    for (tool, input) in [
        ("mcp__speed-run__generate_and_write_files", json!({"prompt": CONTRACT, "output_dir": "app"})),
        ("mcp__speed-run__generate", json!({"prompt": CONTRACT})),
        ("mcp__speed-run__generate", json!({})),
        ("mcp__speed-run__generate", json!({"prompt": null})),
        ("mcp__speed-run__generate", json!({"prompt": ["a"]})),
        ("mcp__speed-run__generate", json!([1])),
        ("mcp__speed-run__check_status", json!({"prompt": "vague"})),
        ("mcp__other__generate", json!({"prompt": "vague"})),
        ("Bash", json!({"command": "ls"})),
    ] {
        assert_eq!(before(&sandbox, tool, &input), "", "{tool} {input}");
    }
    assert!(!sandbox.path("state/log.jsonl").exists());
}

#[test]
fn e3_the_hook_opens_no_socket_whatever_it_is_asked() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CEREBRAS_API_KEY", "csk-canary-0123456789");
    sandbox.set("HTTPS_PROXY", "http://127.0.0.1:9");
    let calls = sandbox.path("calls");
    let traced = |event: &str| {
        let mut command = sandbox.command("strace");
        command.args(["-f", "-e", "trace=network", "-o"]).arg(&calls).arg(crate::sandbox::binary("sef-hook"));
        crate::sandbox::finish(command, event.as_bytes())
    };
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        return crate::sandbox::skipped("the hook opens no socket", "no strace here");
    }
    let codegen = with(
        "PreToolUse.Agent",
        &[("tool_name", json!("mcp__speed-run__generate")), ("tool_input", json!({"prompt": "vague"}))],
    );
    for event in [
        prompt("s-1", "use speed-run to build a rate limiter"),
        codegen.to_string(),
        crate::payloads::spawn("s-1", &[]).to_string(),
    ] {
        let run = traced(&event);
        assert!(run.code == Some(0) && !run.out.is_empty(), "{run:?}");
        let seen = std::fs::read_to_string(&calls).expect("strace wrote what it saw");
        assert!(!seen.contains("socket(") && !seen.contains("connect("), "{seen}");
    }
}
