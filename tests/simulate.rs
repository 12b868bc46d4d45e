//! `sef-stats simulate`: figures against transcripts that the tests write, and decisions against the real hook.

mod turns;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sef::calendar::{parse_date, timestamp};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const FOLDER: &str = ".claude/projects/-home-u-shop";
const OPUS: &str = "claude-opus-5-5";
const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-5-5";
/// Input, output, cache write (five minutes), cache read.
type Tokens = (u64, u64, u64, u64);
const SMALL: Tokens = (1_000, 1_000, 10_000, 50_000);
const FIND: &str = "Find all files that import config and list them with their line numbers.";
const FEATURE: &str = "Implement pagination for the list endpoint: add the query parameters, update the handler and write tests.";

/// A transcript of the client's shape under construction.
#[derive(Clone)]
struct Chat {
    session: String,
    agent: Option<String>,
    cwd: String,
    time: u64,
    text: String,
}

impl Chat {
    fn of(sandbox: &Sandbox, session: &str, agent: Option<&str>) -> Self {
        Self {
            session: session.to_owned(),
            agent: agent.map(str::to_owned),
            cwd: sandbox.path("project").display().to_string(),
            time: parse_date("2026-11-20").expect("a date"),
            text: String::new(),
        }
    }

    fn main(sandbox: &Sandbox, session: &str) -> Self {
        Self::of(sandbox, session, None)
    }

    fn on(mut self, date: &str) -> Self {
        self.time = parse_date(date).expect("a date");
        self
    }

    fn line(mut self, mut line: Value) -> Self {
        self.time += 1000;
        let uuid =
            format!("{}-{}-{}", self.session, self.agent.as_deref().unwrap_or("main"), self.text.len());
        for (key, value) in [
            ("uuid", json!(uuid)),
            ("isSidechain", json!(self.agent.is_some())),
            ("sessionId", json!(self.session)),
            ("timestamp", json!(timestamp(self.time))),
            ("cwd", json!(self.cwd)),
            ("entrypoint", json!("cli")),
            ("version", json!("2.1.329")),
        ] {
            if line.get(key).is_none() {
                line[key] = value;
            }
        }
        if let Some(agent) = &self.agent {
            line["agentId"] = json!(agent);
        }
        let _ = writeln!(self.text, "{line}");
        self
    }

    fn typed(self, text: &str) -> Self {
        let id = format!("p{}", self.text.len());
        self.line(json!({"type": "user", "promptId": id, "permissionMode": "default", "message": {"role": "user", "content": text}}))
    }

    fn said(self, id: &str, model: &str, tokens: Tokens, stop: &str, content: &Value) -> Self {
        let (input, output, write, read) = tokens;
        let usage = json!({"input_tokens": input, "output_tokens": output, "cache_creation_input_tokens": write,
            "cache_read_input_tokens": read, "speed": "standard", "inference_geo": "",
            "cache_creation": {"ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": 0}});
        self.line(json!({"type": "assistant", "requestId": "r", "message": {"id": id, "type": "message", "role": "assistant",
            "model": model, "content": [content], "stop_reason": stop, "usage": usage}}))
    }

    /// The end of a turn.
    fn done(self, id: &str, model: &str, tokens: Tokens) -> Self {
        self.said(id, model, tokens, "end_turn", &json!({"type": "text", "text": "Done."}))
    }

    /// An Agent call; a second line repeats the usage of the same message, as the client does.
    fn call(self, tool: &str, model: &str, input: &Value) -> Self {
        let id = format!("m-{tool}");
        self.said(&id, model, SMALL, "tool_use", &json!({"type": "text", "text": "I hand this out."})).said(
            &id,
            model,
            SMALL,
            "tool_use",
            &json!({"type": "tool_use", "id": tool, "name": "Agent", "input": input}),
        )
    }

    fn result(self, tool: &str, agent: &str) -> Self {
        self.line(json!({"type": "user", "promptId": "p", "message": {"role": "user", "content":
            [{"tool_use_id": tool, "type": "tool_result", "content": [{"type": "text", "text": "ok"}]}]},
            "toolUseResult": {"status": "completed", "agentId": agent, "agentType": "general-purpose",
                "content": [{"type": "text", "text": "The files are a.rs:1 and b.rs:2."}], "usage": {"input_tokens": 9_999_999}}}))
    }

    fn raw(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    fn path(&self) -> String {
        match &self.agent {
            None => format!("{FOLDER}/{}.jsonl", self.session),
            Some(agent) => format!("{FOLDER}/{}/subagents/agent-{agent}.jsonl", self.session),
        }
    }

    fn write(&self, sandbox: &Sandbox) -> PathBuf {
        sandbox.write(&self.path(), &self.text)
    }
}

/// An agent's transcript: the task text, then its requests.
fn agent(sandbox: &Sandbox, session: &str, id: &str, date: &str, requests: &[(&str, Tokens)]) {
    let mut chat = Chat::of(sandbox, session, Some(id)).on(date).typed(FIND);
    for (number, (model, tokens)) in requests.iter().enumerate() {
        chat = chat.done(&format!("m-{id}-{number}"), model, *tokens);
    }
    chat.write(sandbox);
}

fn task(agent_type: &str, text: &str) -> Value {
    json!({"description": "d", "prompt": text, "subagent_type": agent_type})
}

fn simulate(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.run("sef-stats", &[&["simulate", "--json"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    let found: Value = serde_json::from_str(&run.out).expect("the simulation is JSON");
    assert_eq!(found["schema"], 1);
    found
}

fn page(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sandbox.run("sef-stats", &[&["simulate"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    for line in run.out.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
        assert!(!line.chars().any(char::is_control), "a control byte in: {line:?}");
    }
    run.out
}

/// Hundredths of a millionth of a dollar, so that sums compare as whole numbers.
fn units(value: &Value) -> i64 {
    (value.as_f64().unwrap_or_else(|| panic!("not a number: {value}")) * 1e8).round() as i64
}

fn money(found: &Value) -> [i64; 3] {
    ["changed_actual_usd", "changed_low_usd", "changed_high_usd"].map(|key| units(&found["cost"][key]))
}

/// Every file below a folder with its content and time of change.
fn tree(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(path).expect("list").flatten() {
        let meta = entry.metadata().expect("meta");
        if meta.is_dir() {
            found.insert(entry.path(), (Vec::new(), meta.modified().expect("time")));
            found.extend(tree(&entry.path()));
        } else {
            let content = std::fs::read(entry.path()).expect("read");
            found.insert(entry.path(), (content, meta.modified().expect("time")));
        }
    }
    found
}

#[test]
fn an_inherited_spawn_is_priced_to_the_cent_on_the_model_of_its_day_and_its_band() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed("look around")
        .call("toolu_1", OPUS, &task("Explore", FIND))
        .result("toolu_1", "a1")
        .done("m-end", OPUS, SMALL)
        .write(&sandbox);
    agent(&sandbox, "s1", "a1", "2026-11-20", &[(OPUS, SMALL), (OPUS, (1_000, 1_000, 0, 150_000))]);
    let found = simulate(&sandbox, &[]);
    assert_eq!(found["spawns"]["changed"], 1, "{found}");
    assert_eq!(found["spawns"]["moves"][0]["to"], "haiku");
    // Opus 5.5: 84,000 and 54,000 millionths. Haiku 5.5: 2,350 below the band's end, 10,500 above it.
    // High: 3 % of 138,000 more.
    assert_eq!(money(&found), [13_800_000, 1_285_000, 1_699_000]);
    assert_eq!(units(&found["cost"]["spawned_usd"]), 13_800_000);

    // Before Haiku 5.5 the alias meant Haiku 4.5: 23,500; Opus 5 117,500 and 3 % of it.
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .on("2026-10-06")
        .typed("look around")
        .call("toolu_1", "claude-opus-5", &task("Explore", FIND))
        .result("toolu_1", "a1")
        .write(&sandbox);
    agent(&sandbox, "s1", "a1", "2026-10-06", &[("claude-opus-5", SMALL)]);
    assert_eq!(money(&simulate(&sandbox, &[])), [11_750_000, 2_350_000, 2_702_500]);
    // Eager: 5.5 %; the parent's share is 6,462.5.
    assert_eq!(money(&simulate(&sandbox, &["--preset", "eager"])), [11_750_000, 2_350_000, 2_996_250]);
}

#[test]
fn sonnet_work_has_its_own_share_that_is_done_again() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed("go")
        .call("toolu_1", OPUS, &task("general-purpose", FEATURE))
        .result("toolu_1", "a1")
        .write(&sandbox);
    agent(&sandbox, "s1", "a1", "2026-11-20", &[(OPUS, SMALL)]);
    let found = simulate(&sandbox, &[]);
    assert_eq!(found["spawns"]["moves"][0]["to"], "sonnet", "{found}");
    // Sonnet 5.5: 2,000 + 10,000 + 25,000 + 5,000 = 42,000; 8 % of 84,000 is 6,720.
    assert_eq!(money(&found), [8_400_000, 4_200_000, 4_872_000]);
    let page = page(&sandbox, &[]);
    assert!(page.contains("They cost $0.0840; there, an estimated $0.0420 to $0.0487."), "{page}");
    assert!(!page.to_lowercase().contains("saved"), "{page}");
}

#[test]
fn what_somebody_else_chose_is_left_alone_and_the_reason_counted() {
    let sandbox = Sandbox::new();
    sandbox.write("project/.claude/agents/mine.md", "---\nname: mine\nmodel: opus\n---\nx");
    sandbox.write(".claude/agents/plain.md", "---\nname: plain\n---\nx");
    let mut explicit = task("general-purpose", FIND);
    explicit["model"] = json!("opus");
    Chat::main(&sandbox, "s1")
        .typed("go")
        .call("toolu_1", OPUS, &explicit)
        .call("toolu_2", OPUS, &task("mine", FIND))
        .call("toolu_3", OPUS, &task("gone", FIND))
        .call("toolu_4", OPUS, &task("fork", FIND))
        .call("toolu_5", OPUS, &task("plain", FIND))
        .call("toolu_6", HAIKU, &task("Explore", FIND))
        .write(&sandbox);
    let spawns = &simulate(&sandbox, &[])["spawns"];
    assert_eq!(
        spawns["left"],
        json!({"explicit-model": 1, "agent-model": 1, "unknown-agent": 1, "fork": 1, "fits": 1})
    );
    assert_eq!((&spawns["total"], &spawns["changed"]), (&json!(6), &json!(1)));
}

#[test]
fn nested_spawns_are_found_and_judged_by_the_subagent_that_spawns() {
    let sandbox = Sandbox::new();
    let mut explicit = task("general-purpose", FEATURE);
    explicit["model"] = json!("sonnet");
    Chat::main(&sandbox, "s1")
        .typed("go")
        .call("toolu_1", OPUS, &explicit)
        .result("toolu_1", "a1")
        .write(&sandbox);
    Chat::of(&sandbox, "s1", Some("a1"))
        .typed(FEATURE)
        .call("toolu_2", SONNET, &task("Explore", FIND))
        .call("toolu_3", SONNET, &task("general-purpose", FEATURE))
        .result("toolu_2", "a2")
        .write(&sandbox);
    agent(&sandbox, "s1", "a2", "2026-11-20", &[(SONNET, SMALL)]);
    let found = simulate(&sandbox, &[]);
    let spawns = &found["spawns"];
    assert_eq!((&spawns["total"], &spawns["nested"], &spawns["changed"]), (&json!(3), &json!(2), &json!(1)));
    // A Sonnet that spawns Sonnet work inherits what it needs.
    assert_eq!(spawns["left"], json!({"explicit-model": 1, "fits": 1}));
    assert_eq!((&spawns["moves"][0]["from"], &spawns["moves"][0]["to"]), (&json!("sonnet"), &json!("haiku")));
    // Sonnet 42,000; Haiku 2,350; 3 % of 42,000 is 1,260.
    assert_eq!(money(&found), [4_200_000, 235_000, 361_000]);
    // The task texts of the two agents are no prompts.
    assert_eq!(found["prompts"]["total"], 1);
}

#[test]
fn a_resumed_session_that_copies_lines_counts_them_once() {
    let sandbox = Sandbox::new();
    let first = Chat::main(&sandbox, "s1")
        .typed(FIND)
        .call("toolu_1", OPUS, &task("Explore", FIND))
        .result("toolu_1", "a1")
        .done("m-end", OPUS, SMALL);
    first.write(&sandbox);
    agent(&sandbox, "s1", "a1", "2026-11-20", &[(OPUS, SMALL)]);
    let alone = simulate(&sandbox, &[]);
    let copy = Chat {
        session: "s2".to_owned(),
        text: first.text.replace("\"sessionId\":\"s1\"", "\"sessionId\":\"s2\""),
        ..first.clone()
    };
    // Twice in the copy itself as well.
    copy.clone().raw(&copy.text).typed("thanks").write(&sandbox);
    let both = simulate(&sandbox, &[]);
    assert_eq!(alone["prompts"]["total"], 1);
    assert_eq!((&both["prompts"]["total"], &both["prompts"]["by_tier"]["0"]), (&json!(2), &json!(1)));
    assert_eq!(both["prompts"]["hints"], alone["prompts"]["hints"]);
    assert_eq!((&both["spawns"], money(&both)), (&alone["spawns"], money(&alone)));
    assert_eq!(money(&both)[0], 8_400_000);
}

#[test]
fn only_what_the_user_typed_is_a_prompt() {
    let sandbox = Sandbox::new();
    let user = |extra: Value| {
        let mut line = json!({"type": "user", "message": {"role": "user", "content": FIND}});
        for (key, value) in extra.as_object().expect("an object") {
            line[key] = value.clone();
        }
        line
    };
    let text = |text: &str| user(json!({"message": {"role": "user", "content": text}}));
    Chat::main(&sandbox, "s1")
        .line(user(json!({"isMeta": true})))
        .line(user(json!({"isSidechain": true})))
        .line(user(json!({"isCompactSummary": true})))
        .line(text("<command-name>/clear</command-name>\n<command-message>clear</command-message>"))
        .line(text("<command-message>fix</command-message>\n<command-name>/fix</command-name>\n<command-args>the typo</command-args>"))
        .line(text("<local-command-stdout>x</local-command-stdout>"))
        .line(text("<task-notification>\n<task-id>a1</task-id>\n<status>completed</status>\n<result>fine</result>\n</task-notification>"))
        .line(text("[Request interrupted by user]"))
        .line(user(json!({"message": {"role": "user", "content": [{"type": "image", "source": {}}]}})))
        .line(user(json!({"message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}, "toolUseResult": {"stdout": "x"}})))
        .line(json!({"type": "last-prompt", "lastPrompt": FIND}))
        .line(json!({"type": "api-request-blob", "message": {"role": "user", "content": FIND}}))
        .line(user(json!({"message": {"role": "user", "content": [{"type": "text", "text": FIND}]}})))
        .line(text("/unknown-command now"))
        .write(&sandbox);
    let prompts = &simulate(&sandbox, &[])["prompts"];
    assert_eq!(prompts["total"], 2, "{prompts}");
    assert_eq!(
        prompts["left_out"],
        json!({"client": 2, "command": 2, "compaction": 1, "empty": 1, "interruption": 1, "notification": 1})
    );
}

#[test]
fn without_transcripts_it_says_where_it_looked_and_what_to_do() {
    let sandbox = Sandbox::new();
    let shown = page(&sandbox, &[]);
    assert!(shown.starts_with("Nothing to simulate"), "{shown}");
    assert!(shown.contains("--transcripts DIR"), "{shown}");
    let elsewhere = page(&sandbox, &["--transcripts", "not/there", "--since", "7d"]);
    assert!(elsewhere.contains("project/not/there"), "{elsewhere}");
    assert!(elsewhere.contains("try without them"), "{elsewhere}");
    assert_eq!(simulate(&sandbox, &[])["prompts"]["total"], 0);
}

#[test]
fn unreadable_lines_are_counted_and_skipped() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed(FIND)
        .raw("{\"type\":\"user\",\"message\":{\"content\":\"torn\n")
        .raw("\0\0\0\n")
        .done("m1", OPUS, SMALL)
        .typed("thanks")
        .raw("{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":-1}}}\n")
        .write(&sandbox);
    let found = simulate(&sandbox, &[]);
    assert_eq!((&found["prompts"]["total"], &found["unreadable_lines"]), (&json!(2), &json!(3)));
    assert!(page(&sandbox, &[]).contains("3 unreadable lines skipped"));
}

#[test]
fn a_model_without_a_price_is_named_and_its_spawn_is_in_no_sum() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed("go")
        .call("toolu_1", OPUS, &task("Explore", FIND))
        .call("toolu_2", OPUS, &task("Explore", FIND))
        .call("toolu_3", OPUS, &task("Explore", FIND))
        .result("toolu_1", "a1")
        .result("toolu_2", "a2")
        .write(&sandbox);
    agent(&sandbox, "s1", "a1", "2026-11-20", &[(OPUS, SMALL)]);
    agent(&sandbox, "s1", "a2", "2026-11-20", &[("claude-opus-99", SMALL), (OPUS, SMALL)]);
    let found = simulate(&sandbox, &[]);
    assert_eq!(found["spawns"]["changed"], 3);
    let cost = &found["cost"];
    assert_eq!(cost["unknown_models"], json!(["claude-opus-99"]));
    assert_eq!(
        (&cost["without_price"], &cost["without_transcript"], &cost["changed_priced"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(money(&found)[0], 8_400_000);
    let page = page(&sandbox, &[]);
    assert!(page.contains("NO PRICE for claude-opus-99"), "{page}");
    assert!(page.contains("1 of them cost $0.0840"), "{page}");
}

#[test]
fn when_no_spawn_would_change_it_says_so() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed("go")
        .call("toolu_1", HAIKU, &task("Explore", FIND))
        .result("toolu_1", "a1")
        .write(&sandbox);
    agent(&sandbox, "s1", "a1", "2026-11-20", &[(HAIKU, SMALL)]);
    let page = page(&sandbox, &[]);
    assert!(page.contains("1 subagent: none would have run on another model."), "{page}");
    assert!(page.contains("would have changed nothing"), "{page}");
    assert!(!page.contains("estimated"), "{page}");
}

#[test]
fn since_and_project_narrow_what_is_counted() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .on("2026-11-01")
        .typed(FIND)
        .done("m1", OPUS, SMALL)
        .on("2026-11-19")
        .typed(FIND)
        .call("toolu_1", OPUS, &task("Explore", FIND))
        .write(&sandbox);
    let found = simulate(&sandbox, &["--since", "2026-11-10"]);
    // The hint of the first prompt stands, though that prompt is not counted.
    assert_eq!(found["prompts"]["silence"], json!({"stands": 1}));
    assert_eq!(found["spawns"]["total"], 1);
    assert_eq!(simulate(&sandbox, &["--project", "-home-u-other"])["prompts"]["total"], 0);
    assert_eq!(simulate(&sandbox, &["--project", "-home-u-shop"])["prompts"]["total"], 2);
}

#[test]
fn nothing_is_written_anywhere() {
    let sandbox = Sandbox::new();
    // Rules of one's own are compiled, agent files read: both have caches that the hook would write.
    sandbox.write("config/rules.toml", "off = [\"small-talk\"]\n");
    sandbox.write(".claude/agents/plain.md", "---\nname: plain\n---\nx");
    Chat::main(&sandbox, "s1").typed(FIND).call("toolu_1", OPUS, &task("plain", FIND)).write(&sandbox);
    let before = tree(&sandbox.home());
    page(&sandbox, &[]);
    simulate(&sandbox, &["--preset", "careful"]);
    assert_eq!(tree(&sandbox.home()), before);
    assert!(!sandbox.state().exists());
}

/// The hook's log after these events.
fn logged(sandbox: &Sandbox, events: &[Value]) -> Vec<Value> {
    for event in events {
        let run = sandbox.run("sef-hook", &[], event.to_string());
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{event}");
    }
    sandbox.read("state/log.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// How often each value of a field stands in the log's lines of a kind.
fn tally(log: &[Value], kind: &str, field: &str) -> Value {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for value in log.iter().filter(|line| line["e"] == kind).filter_map(|line| line[field].as_str()) {
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    json!(counts)
}

#[test]
fn prompts_get_what_the_real_hook_gives_them_in_the_same_session() {
    let sandbox = Sandbox::new();
    let prompts = [
        FIND,
        "thanks, that helps",
        "find all usages of the old logger",
        FEATURE,
        "it still fails with the same error",
        "no, it still does not work, same error as before",
        "redesign the authentication of the whole service",
        "Run the test suite and fix what fails, then update the changelog.",
        "fix the typo in line 3 of README.md",
        "~haiku count the lines of the csv files",
        "/etc/hosts has a wrong entry, please look at it",
        "what do you think of this approach?",
        "ok",
        "list the last ten commits",
    ];
    let event = |name: &str| {
        json!({"hook_event_name": name, "session_id": "h1", "cwd": sandbox.path("project"),
            "transcript_path": sandbox.path("nowhere/h1.jsonl")})
    };
    let mut start = event("SessionStart");
    start["source"] = json!("startup");
    start["model"] = json!(OPUS);
    let mut events = vec![start];
    let mut chat = Chat::main(&sandbox, "s1");
    for (number, prompt) in prompts.iter().enumerate() {
        let mut submit = event("UserPromptSubmit");
        submit["prompt"] = json!(prompt);
        submit["prompt_id"] = json!(format!("p{number}"));
        events.push(submit);
        chat = chat.typed(prompt);
        // One turn is interrupted: the next prompt comes in the middle of it.
        if number == 1 {
            chat = chat.said(
                "m-cut",
                OPUS,
                SMALL,
                "tool_use",
                &json!({"type": "tool_use", "id": "t", "name": "Read", "input": {}}),
            );
        } else {
            events.push(event("Stop"));
            chat = chat.done(&format!("m{number}"), OPUS, SMALL);
        }
    }
    chat.write(&sandbox);
    let simulated = simulate(&sandbox, &[]);
    let log = logged(&sandbox, &events);
    let prompts = &simulated["prompts"];
    assert_eq!(prompts["hints"], tally(&log, "prompt", "hint"));
    assert_eq!(prompts["silence"], tally(&log, "prompt", "why"));
    for reason in ["mid-task", "no-task", "stands", "keep"] {
        assert!(prompts["silence"][reason].as_u64() > Some(0), "{reason}: {prompts}");
    }
    for kind in ["task", "mark"] {
        assert!(prompts["hints"][kind].as_u64() > Some(0), "{kind}: {prompts}");
    }
}

#[test]
fn spawns_get_the_model_that_the_real_hook_sets() {
    let tasks = [
        ("Explore", FIND),
        ("general-purpose", FEATURE),
        (
            "general-purpose",
            "Find a race condition in the scheduler that loses jobs once a week; explain the cause.",
        ),
        ("Plan", "Design the migration of the auth system to a new token format without downtime."),
        ("general-purpose", "Run cargo test and report which tests fail."),
        ("sef-explore", "Redesign the security model of the payment service."),
        ("gone", FIND),
        ("", "Write unit tests for the parser module."),
    ];
    for model in [OPUS, SONNET, HAIKU] {
        let sandbox = Sandbox::new();
        let mut chat = Chat::main(&sandbox, "s1").typed("go");
        for (number, (agent, text)) in tasks.iter().enumerate() {
            chat = chat.call(&format!("toolu_{number}"), model, &task(agent, text));
        }
        let transcript = chat.write(&sandbox);
        let simulated = simulate(&sandbox, &[]);
        let events: Vec<Value> = tasks
            .iter()
            .enumerate()
            .map(|(number, (agent, text))| {
                json!({"hook_event_name": "PreToolUse", "session_id": "s1", "cwd": sandbox.path("project"),
                    "transcript_path": transcript, "permission_mode": "default", "tool_name": "Agent",
                    "tool_use_id": format!("toolu_{number}"), "tool_input": task(agent, text)})
            })
            .collect();
        let log = logged(&sandbox, &events);
        let mut moves: BTreeMap<String, u64> = BTreeMap::new();
        for row in simulated["spawns"]["moves"].as_array().expect("moves") {
            moves.insert(
                row["to"].as_str().expect("a name").to_owned(),
                row["spawns"].as_u64().expect("a count"),
            );
        }
        assert_eq!(json!(moves), tally(&log, "spawn", "req"), "{model}");
        assert_eq!(simulated["spawns"]["left"]["unknown-agent"], 1, "{model}");
    }
}

#[test]
fn a_hint_stands_until_the_conversation_is_compacted() {
    let sandbox = Sandbox::new();
    let chat =
        Chat::main(&sandbox, "s1").typed(FIND).done("m1", OPUS, SMALL).typed(FIND).done("m2", OPUS, SMALL);
    chat.clone().typed(FIND).write(&sandbox);
    assert_eq!(simulate(&sandbox, &[])["prompts"]["silence"], json!({"stands": 2}));
    chat.line(json!({"type": "system", "subtype": "compact_boundary"})).typed(FIND).write(&sandbox);
    let prompts = &simulate(&sandbox, &[])["prompts"];
    assert_eq!((&prompts["hinted"], &prompts["silence"]), (&json!(2), &json!({"stands": 1})));
}

#[test]
fn at_the_first_prompt_the_model_is_known_in_interactive_sessions_only() {
    // With Haiku as the orchestrator nothing is cheaper; a print session is taken for Opus until it answers.
    for (entrypoint, expected) in [("cli", json!({"model-low": 1})), ("sdk-cli", json!({}))] {
        let sandbox = Sandbox::new();
        Chat::main(&sandbox, "s1")
            .line(json!({"type": "user", "entrypoint": entrypoint, "message": {"role": "user", "content": FIND}}))
            .done("m1", HAIKU, SMALL)
            .write(&sandbox);
        assert_eq!(simulate(&sandbox, &[])["prompts"]["silence"], expected, "{entrypoint}");
    }
}

#[test]
fn what_an_agents_file_copied_from_its_parent_is_the_parents_cost() {
    let sandbox = Sandbox::new();
    let main = Chat::main(&sandbox, "s1").typed("go").call("toolu_1", OPUS, &task("fork", FIND));
    main.clone().result("toolu_1", "a1").write(&sandbox);
    let fork = Chat::of(&sandbox, "s1", Some("a1")).raw(&main.text).done("m-own", OPUS, SMALL);
    fork.write(&sandbox);
    let found = simulate(&sandbox, &[]);
    // The call in the copy is the parent's own, no nested spawn; its 84,000 are not the fork's.
    assert_eq!((&found["spawns"]["total"], &found["spawns"]["nested"]), (&json!(1), &json!(0)));
    assert_eq!(found["spawns"]["left"], json!({"fork": 1}));
    assert_eq!(units(&found["cost"]["spawned_usd"]), 8_400_000);
}
