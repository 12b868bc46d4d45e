//! The hook's promises to the session it runs in (RELIABILITY part A), against the real binary.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::payloads::{names, object, payload, prompt, spawn, with};
use crate::sandbox::{Run, Sandbox, binary, finish};

/// Exit 0 and not a byte on either stream.
fn assert_silent(run: &Run, case: &str) {
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "", ""), "{case}");
}

/// Exit 0, nothing on stderr, stdout empty or one JSON object.
fn assert_harmless(run: &Run, case: &str) {
    assert_eq!(run.code, Some(0), "{case}");
    assert_eq!(run.err, "", "{case}");
    if !run.out.is_empty() {
        let value: Value =
            serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{case}: {error}: {}", run.out));
        assert!(value.is_object(), "{case}: {}", run.out);
    }
}

fn hook(sandbox: &Sandbox, event: &str) -> Run {
    sandbox.run("sef-hook", &[], event)
}

/// `additionalContext` of a reply.
fn context(run: &Run) -> Option<String> {
    let value: Value = serde_json::from_str(&run.out).ok()?;
    Some(value["hookSpecificOutput"]["additionalContext"].as_str()?.to_owned())
}

/// `updatedInput` of a reply.
fn updated(run: &Run) -> Option<Value> {
    let value: Value = serde_json::from_str(&run.out).ok()?;
    let input = value["hookSpecificOutput"]["updatedInput"].clone();
    input.is_object().then_some(input)
}

#[test]
fn a1_no_argument_makes_the_hook_speak_or_fail() {
    let sandbox = Sandbox::new();
    for args in [&["--nope"][..], &["bogus"], &["--help"], &["-V"], &[]] {
        assert_silent(&sandbox.run("sef-hook", args, ""), &format!("{args:?}"));
    }
}

#[test]
fn a1_broken_rules_and_config_leave_the_built_in_answer() {
    let sandbox = Sandbox::new();
    let usual = hook(&sandbox, &prompt("s-1", "Find all files that import config"));
    assert!(context(&usual).is_some());
    for (number, (file, text)) in [
        ("rules.toml", "this is = = not toml"),
        ("rules.toml", "[[rule]]\nid = 3"),
        ("rules.toml", "unknown_key = true"),
        ("config.toml", "[tiers]\n1 = \"gpt\""),
        ("config.toml", "\u{0}"),
        ("rules.toml", "[[rule]]\nid=\"bad-regex\"\ntier=1\nrole=\"explore\"\nphrases=[\"find\"]\nregex=\"(\"\nexamples=[\"find\"]"),
    ]
    .iter()
    .enumerate()
    {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("config/{file}"), text);
        let run = hook(&sandbox, &prompt(&format!("s-{number}"), "Find all files that import config"));
        assert_eq!((run.out.as_str(), run.code), (usual.out.as_str(), Some(0)), "{file}: {text}");
        assert_eq!(run.err, "");
    }
}

#[test]
fn a3_a_panic_is_silent_and_harmless_before_and_after_each_handler() {
    for name in names().iter().filter(|name| *name != "Unknown") {
        for place in ["early", "late"] {
            let mut sandbox = Sandbox::new();
            sandbox.set("SEF_TEST_PANIC", place);
            sandbox.set("RUST_BACKTRACE", "full");
            let mut event = payload(name);
            canary(&mut event, "");
            assert_silent(&hook(&sandbox, &event.to_string()), name);
            let log = sandbox.read("state/log.jsonl");
            assert!(log.contains("\"why\":\"panic\"") && !log.contains("CANARY"), "{name} {place}: {log}");
            // The lock on the session's memory was held by the process that ended; the next event has it at once.
            sandbox.unset("SEF_TEST_PANIC");
            let session = event["session_id"].as_str().expect("an id").to_owned();
            let next = hook(&sandbox, &prompt(&session, "Find all files that import config"));
            assert!(context(&next).is_some(), "{name} {place}: {}", next.out);
        }
    }
}

#[test]
fn a4_any_stdin_is_survived() {
    let sandbox = Sandbox::new();
    let deep =
        format!("{{\"hook_event_name\":\"Stop\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("white space", b" \n\t ".to_vec()),
        ("null", b"null".to_vec()),
        ("a list", b"[1,2]".to_vec()),
        ("a word", b"hello".to_vec()),
        ("cut short", b"{\"hook_event_name\":\"Stop\"".to_vec()),
        ("not UTF-8", b"{\"hook_event_name\":\"Stop\",\"session_id\":\"\xff\xfe\"}".to_vec()),
        ("lone surrogate", br#"{"hook_event_name":"UserPromptSubmit","prompt":"\ud800 find"}"#.to_vec()),
        ("deep nesting", deep.into_bytes()),
        ("NUL bytes", vec![0; 4096]),
        ("duplicate keys", br#"{"hook_event_name":"Stop","hook_event_name":"Stop"}"#.to_vec()),
    ];
    for (case, input) in cases {
        assert_harmless(&sandbox.run("sef-hook", &[], input), case);
    }
    let event = prompt("s-bom", "Find all files that import config");
    assert!(context(&hook(&sandbox, &format!("\u{feff}{event}"))).is_some(), "a BOM is skipped");
    let event = prompt("s-two", "Find all files that import config");
    assert!(
        context(&hook(&sandbox, &format!("{event}{event}"))).is_some(),
        "the first of two objects is answered"
    );
}

#[test]
fn a4_a_hundred_megabytes_end_in_time_and_small_memory() {
    let sandbox = Sandbox::new();
    let mut input = br#"{"hook_event_name":"UserPromptSubmit","prompt":""#.to_vec();
    input.resize(100 << 20, b'a');
    let start = Instant::now();
    let mut command = sandbox.command("/bin/sh");
    command.arg("-c").arg("ulimit -v 65536; exec \"$0\"").arg(binary("sef-hook"));
    let run = finish(command, &input);
    assert_silent(&run, "100 MB");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "the bound is seconds, not minutes: {:?}",
        start.elapsed()
    );
}

#[test]
fn a4_a_writer_that_never_closes_is_answered_or_given_up_on() {
    let sandbox = Sandbox::new();
    for (event, answered) in
        [(prompt("s-open", "Find all files that import config"), true), ("{\"a\":".to_owned(), false)]
    {
        let mut child = sandbox
            .command(binary("sef-hook"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(event.as_bytes()).expect("the event fits into the pipe");
        // stdin stays open until the hook has ended.
        let output = child.wait_with_output().expect("ends by itself");
        drop(stdin);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(!output.stdout.is_empty(), answered);
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a5_any_stdout_is_survived() {
    let sandbox = Sandbox::new();
    for (number, shell) in
        ["\"$0\" >&-", "\"$0\" | head -c0", "\"$0\" >/dev/full", "\"$0\" >&- 2>&- "].iter().enumerate()
    {
        let mut command = sandbox.command("/bin/sh");
        command.arg("-c").arg(shell).arg(binary("sef-hook"));
        let run =
            finish(command, prompt(&format!("s-{number}"), "Find all files that import config").as_bytes());
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{shell}");
    }
}

#[test]
fn a6_every_field_of_every_payload_may_be_anything() {
    let sandbox = Sandbox::new();
    let megabyte = "m".repeat(1 << 20);
    for name in names() {
        let original = payload(&name);
        let keys: Vec<String> = original.as_object().expect("an object").keys().cloned().collect();
        for key in keys {
            for (case, new) in [
                ("absent", None),
                ("null", Some(Value::Null)),
                ("number", Some(json!(12_345_678_901_234_567_890_u64))),
                ("list", Some(json!([{"a": [1]}]))),
                ("object", Some(json!({"a": {"b": null}}))),
                ("bool", Some(json!(true))),
            ] {
                let mut changed = original.clone();
                match new {
                    None => {
                        object(&mut changed).remove(&key);
                    }
                    Some(new) => {
                        object(&mut changed).insert(key.clone(), new);
                    }
                }
                assert_harmless(&hook(&sandbox, &changed.to_string()), &format!("{name}.{key} {case}"));
            }
        }
        for key in ["prompt", "session_id", "tool_input", "hook_event_name", "last_assistant_message"] {
            let changed = with(&name, &[(key, megabyte.clone().into())]);
            assert_harmless(&hook(&sandbox, &changed.to_string()), &format!("{name}.{key} 1 MB"));
        }
    }
}

#[test]
fn a6_fields_inside_tool_input_may_be_anything() {
    let sandbox = Sandbox::new();
    for key in ["description", "prompt", "subagent_type", "model", "run_in_background"] {
        for new in [Value::Null, json!(7), json!(["x"]), json!({}), json!("")] {
            let mut event = payload("PreToolUse.Agent");
            object(event.get_mut("tool_input").expect("input")).insert(key.to_owned(), new.clone());
            let run = hook(&sandbox, &event.to_string());
            assert_harmless(&run, &format!("{key} = {new}"));
            if key == "model" {
                assert_eq!(run.out, "", "a call that has a model key of any kind is left alone");
            }
        }
    }
}

#[test]
fn a7_the_reply_is_valid_short_and_never_echoes_a_prompt() {
    let sandbox = Sandbox::new();
    let hostile = "Find all files \u{1b}[31m \"quoted\" </system-reminder>\n\0\u{7} CANARY-51f and list them";
    let run = hook(&sandbox, &prompt("s-hostile", hostile));
    assert_harmless(&run, "hostile prompt");
    let context = context(&run).expect("a look-up gets a hint");
    assert!(
        context.len() <= 240 && !run.out.contains("CANARY") && !run.out.contains('\u{1b}'),
        "{}",
        run.out
    );
    let long = format!("Find all files that match {}", "needle ".repeat(140_000));
    let run = hook(&sandbox, &prompt("s-long", &long));
    assert!(run.out.len() < 1_000, "{} bytes", run.out.len());
}

#[test]
fn a8_a_broken_environment_costs_metrics_and_nothing_else() {
    let usual = {
        let sandbox = Sandbox::new();
        hook(&sandbox, &prompt("s-1", "Find all files that import config")).out
    };
    let all = ["HOME", "SEF_STATE_DIR", "SEF_CONFIG_DIR", "CLAUDE_CONFIG_DIR", "SEF_BIN_DIR"];
    let cases: [(&str, &[(&str, &str)]); 6] = [
        ("nothing set", &[]),
        ("HOME is no folder", &[("HOME", "/dev/null/x")]),
        ("empty variables", &[("HOME", ""), ("XDG_STATE_HOME", ""), ("SEF_STATE_DIR", "")]),
        ("relative folder", &[("SEF_STATE_DIR", "state")]),
        ("state is a device", &[("SEF_STATE_DIR", "/dev/full")]),
        ("state cannot be made", &[("SEF_STATE_DIR", "/proc/1/nope")]),
    ];
    for (case, vars) in cases {
        let mut sandbox = Sandbox::new();
        for name in all {
            sandbox.unset(name);
        }
        for (name, value) in vars {
            sandbox.set(name, value);
        }
        let run = hook(&sandbox, &prompt("s-1", "Find all files that import config"));
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), usual.as_str(), ""), "{case}");
        assert!(!sandbox.path("project/state").exists(), "{case}");
    }
}

#[test]
fn a8_a_full_disk_and_a_deleted_folder_change_no_reply() {
    let usual = {
        let sandbox = Sandbox::new();
        hook(&sandbox, &prompt("s-1", "Find all files that import config")).out
    };
    let sandbox = Sandbox::new();
    let event = sandbox.write("event.json", prompt("s-1", "Find all files that import config"));
    let script = format!(
        "mkdir -p state && mount -t tmpfs -o size=16k none state && (head -c 20000 /dev/zero > state/fill || true) 2>/dev/null; exec {} < {}",
        binary("sef-hook").display(),
        event.display()
    );
    let mut command = sandbox.command("unshare");
    command.args(["-Urm", "/bin/sh", "-c", &script]).current_dir(sandbox.home());
    let run = finish(command, b"");
    if run.err.contains("unshare") || run.err.contains("mount") {
        crate::sandbox::skipped("full disk", &run.err);
    } else {
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), usual.as_str(), ""));
    }
    let gone = sandbox.path("gone");
    std::fs::create_dir(&gone).expect("make it");
    let script = format!(
        "cd {0} && rmdir {0} && exec {1} < {2}",
        gone.display(),
        binary("sef-hook").display(),
        event.display()
    );
    let mut command = sandbox.command("/bin/sh");
    command.args(["-c", &script]);
    let run = finish(command, b"");
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), usual.as_str(), ""));
}

#[test]
fn a9_five_hundred_user_rules_are_compiled_once_and_then_read() {
    let sandbox = Sandbox::new();
    let rules: String = (0..500)
        .map(|number| {
            format!(
                "[[rule]]\nid = \"mine-{number}\"\ntier = 1\nrole = \"explore\"\nphrases = [\"gadget{number}\"]\nexamples = [\"gadget{number}\"]\n"
            )
        })
        .collect();
    sandbox.write("config/rules.toml", rules);
    let first = hook(&sandbox, &prompt("s-1", "gadget7 gadget8 gadget9"));
    assert!(context(&first).is_some(), "a user's rule decides: {}", first.out);
    let cache = std::fs::metadata(sandbox.path("state/rules.cache")).expect("the compiled rules are kept");
    let made = cache.modified().expect("time");
    let second = hook(&sandbox, &prompt("s-2", "gadget7 gadget8 gadget9"));
    assert_eq!(first.out, second.out);
    assert_eq!(
        std::fs::metadata(sandbox.path("state/rules.cache")).and_then(|m| m.modified()).expect("time"),
        made
    );
    std::fs::write(sandbox.path("state/rules.cache"), b"damaged").expect("damage it");
    assert_eq!(
        hook(&sandbox, &prompt("s-3", "gadget7 gadget8 gadget9")).out,
        first.out,
        "a damaged cache is made anew"
    );
    sandbox.write("config/rules.toml", "# all gone\n");
    let run = hook(&sandbox, &prompt("s-4", "gadget7 gadget8 gadget9"));
    assert_eq!(context(&run), None, "a changed file counts at once: {}", run.out);
}

#[test]
fn a9_no_size_of_log_transcript_prompt_or_rules_costs_a_second_of_processor_time() {
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[log]\nmax_bytes = 1000000000\n");
    let sparse = |path: &str, size: u64| {
        let path = sandbox.write(path, "");
        File::options().write(true).open(&path).and_then(|file| file.set_len(size)).expect("a sparse file");
        path
    };
    sparse("state/log.jsonl", 200 << 20);
    let transcript = sparse("2g.jsonl", 2 << 30);
    for (case, text) in [
        ("a short prompt", "Find all files that import config".to_owned()),
        ("a megabyte of words", "find the needle and fix it, then ".repeat(32_000)),
        ("a megabyte of one word", "x".repeat(1 << 20)),
        ("a megabyte of marks", "?!".repeat(1 << 19)),
    ] {
        let mut event: Value = serde_json::from_str(&prompt("s-9", &text)).expect("JSON");
        object(&mut event).insert("transcript_path".to_owned(), transcript.display().to_string().into());
        // The kernel ends what takes longer; processor time, so that a busy machine changes nothing.
        let mut command = sandbox.command("/bin/sh");
        command.arg("-c").arg("ulimit -t 1; exec \"$0\"").arg(binary("sef-hook"));
        assert_harmless(&finish(command, event.to_string().as_bytes()), case);
    }
}

#[test]
fn a10_ids_are_data_and_never_paths() {
    let sandbox = Sandbox::new();
    let before = tree(&sandbox.path("project"));
    for id in ["../../escape", "/etc/passwd", "a\u{0}b", "line\nbreak", &"long".repeat(2_600)] {
        for name in [
            "UserPromptSubmit",
            "SessionStart.startup",
            "PreToolUse.Agent",
            "SubagentStop",
            "PostToolUse.Agent",
        ] {
            let changes = [("session_id", id), ("agent_id", id), ("tool_use_id", id), ("prompt_id", id)];
            let changes: Vec<(&str, Value)> = changes.iter().map(|(key, id)| (*key, (*id).into())).collect();
            assert_harmless(&hook(&sandbox, &with(name, &changes).to_string()), id);
        }
    }
    assert_eq!(tree(&sandbox.path("project")), before);
    let outside: Vec<String> = tree(&sandbox.home())
        .into_iter()
        .filter(|path| !path.starts_with("state") && !path.starts_with("project"))
        .collect();
    assert_eq!(outside, Vec::<String>::new());
    for line in sandbox.read("state/log.jsonl").lines() {
        let record: Value = serde_json::from_str(line).expect("every line is whole");
        assert!(record["s"].as_str().expect("an id").len() <= 64);
    }
}

#[test]
fn a11_only_regular_files_are_read_and_only_their_tail() {
    let sandbox = Sandbox::new();
    let fifo = sandbox.path("fifo.jsonl");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let huge = sandbox.path("huge.jsonl");
    File::create(&huge).and_then(|file| file.set_len(2 << 30)).expect("a sparse file");
    let looped = sandbox.path("loop.jsonl");
    std::os::unix::fs::symlink(&looped, &looped).expect("a link to itself");
    let cases =
        [fifo.as_path(), &huge, &looped, Path::new("/dev/zero"), Path::new("/"), Path::new("/nope/x.jsonl")];
    for (number, path) in cases.iter().enumerate() {
        let path_text = path.display().to_string();
        let event = with(
            "UserPromptSubmit",
            &[("transcript_path", path_text.clone().into()), ("session_id", format!("s-{number}").into())],
        );
        let mut command = sandbox.command("timeout");
        command.arg("5").arg(binary("sef-hook"));
        let run = finish(command, event.to_string().as_bytes());
        assert_harmless(&run, &path_text);
        assert!(context(&run).is_some(), "{path_text}: the default model is assumed");
    }
}

#[test]
fn b4_nothing_of_what_was_said_or_where_is_stored() {
    let sandbox = Sandbox::new();
    for name in names() {
        let mut event = payload(&name);
        canary(&mut event, "");
        assert_harmless(&hook(&sandbox, &event.to_string()), &name);
    }
    let project =
        sandbox.write("project/.claude/agents/CANARY.md", "---\nname: CANARY-agent\nmodel: CANARY\n---\n");
    assert!(project.exists());
    let event = with("PreToolUse.Agent", &[("cwd", sandbox.path("project").display().to_string().into())]);
    hook(&sandbox, &event.to_string());
    for path in tree(&sandbox.home()).iter().filter(|path| path.starts_with("state")) {
        let bytes = std::fs::read(sandbox.path(path)).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&bytes).contains("CANARY"),
            "{path}: {}",
            String::from_utf8_lossy(&bytes)
        );
        assert!(!path.contains("CANARY"));
    }
}

/// Puts a canary into every string but ids (which are stored by design) and what tells events apart.
fn canary(value: &mut Value, key: &str) {
    match value {
        Value::String(text) => {
            let kept = [
                "hook_event_name",
                "tool_name",
                "session_id",
                "prompt_id",
                "tool_use_id",
                "agent_id",
                "agentId",
                "status",
            ];
            if !kept.contains(&key) {
                *text = format!("{text} CANARY-9e2");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| canary(item, key)),
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| canary(item, key)),
        _ => {}
    }
}

/// Every path below a folder, relative to it.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).expect("below the root").display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn unregistered_tools_and_events_get_no_answer_and_no_record() {
    let sandbox = Sandbox::new();
    for name in ["PreToolUse.TaskCreate", "Unknown"] {
        assert_silent(&hook(&sandbox, &payload(name).to_string()), name);
    }
    assert!(!sandbox.path("state/log.jsonl").exists());
}

#[test]
fn a_spawn_is_rewritten_as_a_whole_and_without_a_permission_decision() {
    let sandbox = Sandbox::new();
    let run = hook(&sandbox, &payload("PreToolUse.Agent").to_string());
    let mut expected = payload("PreToolUse.Agent")["tool_input"].clone();
    object(&mut expected).insert("model".to_owned(), "haiku".into());
    assert_eq!(updated(&run), Some(expected));
    assert!(!run.out.contains("permissionDecision"));
    let event = spawn(
        "s-odd",
        &[
            ("isolation", "worktree".into()),
            ("future", json!({"x": [1, null]})),
            ("run_in_background", json!(false)),
        ],
    );
    let mut expected = event["tool_input"].clone();
    object(&mut expected).insert("model".to_owned(), "haiku".into());
    assert_eq!(updated(&hook(&sandbox, &event.to_string())), Some(expected), "unknown keys go through");
}
