//! `sef main-turn` as the mod runs it: one question on stdin, one word on stdout; what it remembers, what it logs, and that
//! nothing makes it fail.

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

const OPUS: &str = "claude-opus-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const SEARCH: &str = "find all files importing the logger module";
const DESIGN: &str = "Design the architecture of a multi-tenant billing platform";

fn ask(sandbox: &Sandbox, event: &Value) -> Run {
    let run = sandbox.run("sef", &["main-turn"], event.to_string());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{event}");
    run
}

fn start(sandbox: &Sandbox, prompt: &str, text: &str) -> String {
    start_with(sandbox, prompt, text, &json!({}))
}

fn start_with(sandbox: &Sandbox, prompt: &str, text: &str, more: &Value) -> String {
    let mut event = json!({
        "at": "start", "session": "s-1", "project": sandbox.path("project"), "prompt": prompt, "model": OPUS,
        "effort": "medium", "turns": 1, "text": text,
    });
    let fields = more.as_object().expect("fields");
    event.as_object_mut().expect("an object").extend(fields.clone());
    ask(sandbox, &event).out
}

/// The turn's end: one request of that model, sent so many seconds ago.
fn done(sandbox: &Sandbox, prompt: &str, model: &str, read: u64, write: u64, ago: u64) {
    done_with(sandbox, prompt, "answer", &json!([step(model, read, write, ago)]));
}

fn step(model: &str, read: u64, write: u64, ago: u64) -> Value {
    let at = sef::calendar::now() - ago * 1000;
    json!({ "at": at, "model": model, "input_tokens": 3, "output_tokens": 200, "cache_read_input_tokens": read,
            "cache_creation_input_tokens": write })
}

fn done_with(sandbox: &Sandbox, prompt: &str, reason: &str, steps: &Value) {
    let event = json!({
        "at": "done", "session": "s-1", "project": sandbox.path("project"), "prompt": prompt, "model": OPUS,
        "effort": "medium", "turns": 1, "reason": reason, "ms": 900, "steps": steps,
        "word": if steps[0]["model"] == HAIKU { "haiku" } else { "" },
    });
    assert_eq!(ask(sandbox, &event).out, "");
}

/// The log's lines about turns.
fn records(sandbox: &Sandbox) -> Vec<Value> {
    let log = std::fs::read_to_string(sandbox.path("state/log.jsonl")).unwrap_or_default();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines.filter(|line| line["e"] == "main").collect()
}

fn whys(sandbox: &Sandbox) -> Vec<String> {
    records(sandbox).iter().map(|line| line["why"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_small_first_turn_goes_to_haiku_and_a_design_comes_back() {
    let sandbox = Sandbox::new();
    assert_eq!(start(&sandbox, "p-1", SEARCH), "haiku");
    done(&sandbox, "p-1", HAIKU, 0, 15_000, 5);
    assert_eq!(start_with(&sandbox, "p-2", DESIGN, &json!({ "turns": 2 })), "");
    let lines = records(&sandbox);
    assert_eq!(whys(&sandbox), ["pays", "tier-3"]);
    let first = &lines[0];
    assert_eq!((&first["tier"], &first["want"], &first["par"]), (&json!(1), &json!("haiku"), &json!(OPUS)));
    assert_eq!((&first["p"], &first["mt"]["alt"]), (&json!("p-1"), &json!("haiku")));
    assert!(first["mt"]["g"].as_i64().is_some_and(|gain| gain > 0), "{first}");
    assert!(first["mt"]["w"].as_i64() < first["mt"]["g"].as_i64(), "{first}");
    assert!(lines[1].get("want").is_none() && lines[1]["mt"]["h"] == 15_203, "{}", lines[1]);
}

#[test]
fn no_word_of_a_prompt_is_kept() {
    let sandbox = Sandbox::new();
    start(&sandbox, "p-1", "find all files importing the canaryword module");
    done(&sandbox, "p-1", HAIKU, 0, 15_000, 5);
    let mut folders = vec![sandbox.state()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
                let text =
                    String::from_utf8_lossy(&std::fs::read(entry.path()).expect("a file")).into_owned();
                assert!(!text.contains("canaryword"), "{}", entry.path().display());
            }
        }
    }
    assert!(files >= 2);
}

#[test]
fn marks_are_honoured_and_never_upwards() {
    let sandbox = Sandbox::new();
    for (prompt, word) in [
        ("~opus find all files importing the logger module", ""),
        ("~off find all files importing the logger module", ""),
        ("~haiku Design the architecture of a billing platform", "haiku"),
        ("~sonnet Design the architecture of a billing platform", "sonnet"),
    ] {
        assert_eq!(start(&sandbox, "p-1", prompt), word, "{prompt}");
        done(&sandbox, "p-1", OPUS, 0, 15_000, 5);
    }
    assert_eq!(whys(&sandbox), ["mark"; 4]);
    let haiku = json!({ "model": HAIKU });
    for prompt in ["~opus find it", "~sonnet find it", "~haiku find it", SEARCH] {
        assert_eq!(start_with(&sandbox, "p-1", prompt, &haiku), "", "{prompt}");
    }
}

#[test]
fn what_is_no_prompt_is_not_decided_about() {
    let sandbox = Sandbox::new();
    for text in ["", "  ", "<task-notification>\ndone", "<command-message>x", "/compact", "/sef:report now"] {
        assert_eq!(start(&sandbox, "p-1", text), "", "{text}");
    }
    assert_eq!(records(&sandbox), Vec::<Value>::new());
}

#[test]
fn unfinished_work_is_never_moved() {
    let sandbox = Sandbox::new();
    assert_eq!(start(&sandbox, "p-1", SEARCH), "haiku");
    // The client died: nothing was said of the turn's end.
    assert_eq!(start(&sandbox, "p-2", SEARCH), "");
    done_with(&sandbox, "p-2", "aborted", &json!([step(OPUS, 0, 15_000, 5)]));
    assert_eq!(start(&sandbox, "p-3", SEARCH), "");
    done(&sandbox, "p-3", OPUS, 15_000, 300, 3);
    assert_eq!(start(&sandbox, "p-4", SEARCH), "haiku");
    assert_eq!(whys(&sandbox), ["pays", "mid-work", "mid-work", "pays"]);
}

#[test]
fn a_conversation_whose_beginning_was_not_seen_is_left_alone_once() {
    let sandbox = Sandbox::new();
    assert_eq!(start_with(&sandbox, "p-9", SEARCH, &json!({ "turns": 9 })), "");
    assert_eq!(whys(&sandbox), ["history-unknown"]);
    done(&sandbox, "p-9", OPUS, 0, 15_000, 5);
    assert_eq!(start_with(&sandbox, "p-10", SEARCH, &json!({ "turns": 10 })), "haiku");
}

#[test]
fn a_complaint_about_a_moved_turn_brings_the_users_model_back() {
    let sandbox = Sandbox::new();
    assert_eq!(start(&sandbox, "p-1", SEARCH), "haiku");
    done(&sandbox, "p-1", HAIKU, 0, 15_000, 5);
    assert_eq!(start(&sandbox, "p-2", "no, that is wrong, it still does not find all the files"), "");
    done(&sandbox, "p-2", OPUS, 0, 15_600, 3);
    for prompt in ["p-3", "p-4", "p-5"] {
        assert_eq!(start(&sandbox, prompt, SEARCH), "");
        done(&sandbox, prompt, OPUS, 15_600, 300, 2);
    }
    assert_eq!(whys(&sandbox), ["pays", "complaint", "complaints", "complaints", "complaints"]);
    assert_eq!(records(&sandbox)[1]["mt"]["again"], true);
}

#[test]
fn a_complaint_after_a_turn_that_nobody_asked_about_is_not_about_a_changed_one() {
    let sandbox = Sandbox::new();
    assert_eq!(start(&sandbox, "p-1", SEARCH), "haiku");
    done(&sandbox, "p-1", HAIKU, 0, 15_000, 9);
    done(&sandbox, "p-2", OPUS, 0, 15_500, 5);
    start(&sandbox, "p-3", "no, that is wrong, it still does not find all the files");
    assert_eq!(records(&sandbox)[1]["mt"].get("again"), None, "{:?}", records(&sandbox));
}

#[test]
fn presets_and_projects_are_the_users() {
    let sandbox = Sandbox::new();
    let project = sandbox.path("project");
    for (config, word) in [
        ("[main]\npreset = \"off\"\n".to_owned(), ""),
        ("[main]\npreset = \"eager\"\n".to_owned(), "haiku"),
        (format!("[main.projects]\n{project:?} = \"off\"\n"), ""),
        (format!("[main]\npreset = \"off\"\n[main.projects]\n{:?} = \"careful\"\n", sandbox.home()), "haiku"),
        (format!("[main.projects]\n{:?} = \"off\"\n", sandbox.path("proj")), "haiku"),
        ("[main.careful]\nmodels = []\n".to_owned(), ""),
        ("[tiers]\n1 = \"parent\"\n".to_owned(), ""),
    ] {
        let _ = std::fs::remove_dir_all(sandbox.state());
        sandbox.write("config/config.toml", &config);
        assert_eq!(start(&sandbox, "p-1", SEARCH), word, "{config}");
        assert_eq!(records(&sandbox).is_empty(), config.contains("= \"off\"") && word.is_empty(), "{config}");
    }
}

const FEATURE: &str = "Implement the CSV export as described in docs/export.md";

#[test]
fn effort_is_lowered_where_models_are_not_wanted() {
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[main.careful]\nmodels = []\n");
    assert_eq!(start_with(&sandbox, "p-1", FEATURE, &json!({ "effort": "max" })), "medium");
    done(&sandbox, "p-1", OPUS, 0, 15_000, 5);
    for effort in [json!("low"), json!("medium"), json!(40), json!("unheard-of")] {
        assert_eq!(start_with(&sandbox, "p-2", FEATURE, &json!({ "effort": effort })), "", "{effort}");
        done(&sandbox, "p-2", OPUS, 15_000, 300, 3);
    }
    // Of this model one effort for the whole request is all that can be set: its cache would be lost.
    let old = json!({ "model": "claude-opus-4-8", "effort": "max" });
    assert_eq!(start_with(&sandbox, "p-3", FEATURE, &old), "");
}

#[test]
fn rubbish_gets_no_word_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let session = json!({ "at": "start", "session": "", "model": OPUS, "text": SEARCH }).to_string();
    let model = json!({ "at": "start", "session": "s", "model": "gpt-5", "text": SEARCH }).to_string();
    let deep = "[".repeat(100_000);
    for input in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        "\u{0}\u{1}",
        "{\"at\":\"later\",\"session\":\"s\"}",
        &session,
        &model,
        &deep,
    ] {
        let run = sandbox.run("sef", &["main-turn"], input);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "", ""), "{input:.40}");
    }
    assert!(!sandbox.state().exists());
}

#[test]
fn without_a_place_for_its_memory_nothing_is_begun() {
    let mut sandbox = Sandbox::new();
    sandbox.write("blocked", "a file");
    sandbox.set("SEF_STATE_DIR", sandbox.path("blocked"));
    assert_eq!(start(&sandbox, "p-1", SEARCH), "");
    for name in ["SEF_STATE_DIR", "HOME"] {
        sandbox.unset(name);
    }
    assert_eq!(start(&sandbox, "p-1", SEARCH), "");
}

#[test]
fn a_torn_memory_is_a_session_whose_beginning_was_not_seen() {
    let sandbox = Sandbox::new();
    start(&sandbox, "p-1", SEARCH);
    done(&sandbox, "p-1", HAIKU, 0, 15_000, 5);
    let folder = sandbox.path("state/sessions");
    let files: Vec<_> =
        std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(files.len(), 1);
    for torn in ["{\"caches\":[", "[]", "{\"history\":-1}", ""] {
        std::fs::write(&files[0], torn).expect("a file");
        assert_eq!(start_with(&sandbox, "p-2", SEARCH, &json!({ "turns": 2 })), "", "{torn}");
    }
}

#[test]
fn the_hook_takes_the_users_model_for_the_orchestrators_while_a_turn_is_elsewhere() {
    let sandbox = Sandbox::new();
    assert_eq!(start(&sandbox, "p-1", SEARCH), "haiku");
    let answer = json!({ "type": "assistant", "isSidechain": false, "timestamp": "2026-11-21T10:00:00.000Z",
                         "message": { "model": HAIKU } });
    let transcript = sandbox.write("project/t.jsonl", format!("{answer}\n"));
    let spawn = json!({
        "hook_event_name": "PreToolUse", "session_id": "s-1", "prompt_id": "p-1", "transcript_path": transcript,
        "cwd": sandbox.path("project"), "permission_mode": "default", "tool_name": "Agent", "tool_use_id": "toolu_1",
        "tool_input": { "description": "Look up a file", "prompt": SEARCH, "subagent_type": "general-purpose" },
    });
    let reply = sandbox.run("sef-hook", &[], spawn.to_string());
    let reply: Value = serde_json::from_str(&reply.out).expect("a reply");
    assert_eq!(reply["hookSpecificOutput"]["updatedInput"]["model"], "haiku");
    // Another session's turn says nothing about this one.
    let other = spawn.to_string().replace("\"s-1\"", "\"s-2\"");
    assert_eq!(sandbox.run("sef-hook", &[], other).out, "");
}

fn explain(sandbox: &Sandbox, prompt: &[&str]) -> String {
    let run = sandbox.run("sef", &[&["explain", "--main"], prompt].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    run.out
}

#[test]
fn explain_shows_each_decision_with_its_cents_and_what_would_be_decided_now() {
    let sandbox = Sandbox::new();
    assert!(explain(&sandbox, &[]).contains("no turn was decided about yet"));
    assert!(
        explain(&sandbox, &[SEARCH]).contains("the turn runs: haiku"),
        "{}",
        explain(&sandbox, &[SEARCH])
    );
    start(&sandbox, "p-1", SEARCH);
    done(&sandbox, "p-1", HAIKU, 0, 15_000, 5);
    start(&sandbox, "p-2", DESIGN);
    let shown = explain(&sandbox, &[]);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].contains(" 3 -") && lines[1].ends_with("tier-3"), "{shown}");
    assert!(lines[2].contains(" 1 haiku") && lines[2].contains('+') && lines[2].ends_with("pays"), "{shown}");
    let now = explain(&sandbox, &[SEARCH]);
    assert!(
        now.contains("in session s-1: 15.2k tokens of history") && now.contains("interrupted or failed"),
        "{now}"
    );
    done(&sandbox, "p-2", OPUS, 0, 120_000, 5);
    let now = explain(&sandbox, &[SEARCH]);
    assert!(now.contains("barred: the history is too long"), "{now}");
    assert!(explain(&sandbox, &["/compact"]).contains("not a prompt of yours"));
    sandbox.write("config/config.toml", "[main]\npreset = \"off\"\n");
    assert!(explain(&sandbox, &[SEARCH]).contains("\"off\""));
    let run = sandbox.run("sef", &["explain", "--main", "--why-not", "1", "x"], "");
    assert!(run.code != Some(0) && run.err.contains("cannot be used with"));
    assert_eq!(records(&sandbox).len(), 2, "explaining decides nothing");
}

#[test]
fn decisions_of_a_hostile_log_are_shown_as_names() {
    let sandbox = Sandbox::new();
    let evil = "\u{1b}[31m\u{202e}evil";
    let line = json!({ "v": 1, "t": 5, "e": "main", "s": evil, "pj": evil, "want": evil, "why": evil, "par": evil,
                       "tier": 200, "mt": { "g": i64::MIN, "w": i64::MAX, "alt": evil, "h": u64::MAX, "warm": u64::MAX } });
    sandbox.write("state/log.jsonl", format!("{line}\n"));
    for args in [&[][..], &[SEARCH]] {
        let shown = explain(&sandbox, args);
        assert!(
            !shown.chars().any(|c| c.is_control() && c != '\n') && !shown.contains('\u{202e}'),
            "{shown:?}"
        );
    }
}

#[test]
fn complaints_of_all_sessions_make_the_next_one_more_careful() {
    let sandbox = Sandbox::new();
    let session = |number: usize| json!({ "session": format!("s-{number}") });
    let mut choices = Vec::new();
    for number in 0..12 {
        let event = session(number);
        let word = start_with(&sandbox, "p-1", FEATURE, &event);
        let model = if word.is_empty() { OPUS } else { "claude-sonnet-5-5" };
        let mut done = json!({ "at": "done", "project": sandbox.path("project"), "prompt": "p-1", "model": OPUS,
            "word": word, "reason": "answer", "steps": [step(model, 0, 15_000, 5)] });
        done.as_object_mut().expect("an object").extend(event.as_object().expect("fields").clone());
        ask(&sandbox, &done);
        start_with(&sandbox, "p-2", "no, that is wrong, the export is still broken", &event);
        choices.push(word);
    }
    assert_eq!(choices[0], "sonnet");
    assert_eq!(choices[11], "", "{choices:?}");
    assert!(explain(&sandbox, &[FEATURE]).contains("times as often as assumed"));
}

#[test]
fn in_plan_mode_the_users_model_plans() {
    let sandbox = Sandbox::new();
    let prompt = |mode: &str| {
        json!({ "hook_event_name": "UserPromptSubmit", "session_id": "s-1", "prompt_id": "p", "prompt": FEATURE,
                "transcript_path": "", "cwd": sandbox.path("project"), "permission_mode": mode })
        .to_string()
    };
    for (mode, word) in [("plan", ""), ("default", "sonnet")] {
        sandbox.run("sef-hook", &[], prompt(mode));
        assert_eq!(start(&sandbox, "p", FEATURE), word, "{mode}");
        done(&sandbox, "p", OPUS, 0, 15_000, 5);
    }
    assert_eq!(whys(&sandbox), ["plan-mode", "pays"]);
}
