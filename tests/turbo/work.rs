//! What an order does when the service answers: every form of an answer, what is there already, undo, accounts.

use serde_json::{Value, json};

use super::{Service, app, done, failed, files, only, turbo};
use crate::sandbox::Sandbox;

const CODE: &str = "def greet(name):\n    if not name:\n        raise ValueError(\"empty\")\n\n    return {\"name\": name}\n";

#[test]
fn every_form_of_an_answer_is_written_to_the_byte() {
    let with = |more: Value| {
        let mut step = files(&[("greeter.py", CODE), ("pkg/__init__.py", "")]);
        for (name, value) in more.as_object().expect("an object") {
            step[name] = value.clone();
        }
        step
    };
    for step in [
        with(json!({})),
        with(json!({"sse": false})),
        with(json!({"form": "legacy"})),
        with(json!({"form": "legacy", "sse": false})),
        with(json!({"think": "first <FILE path=\"evil.py\">\nno\n</FILE>\n"})),
        with(json!({"reasoning": "I shall write <FILE path=\"evil.py\">"})),
        with(json!({"text": "Here are the files:\n\n"})),
        with(json!({"pause": 0.01})),
    ] {
        let mut sandbox = Sandbox::new();
        let service = Service::start(&mut sandbox, &json!([step]));
        let value = done(&turbo(&sandbox, &[]));
        let mut expected = only("greeter.py", CODE);
        expected.insert("pkg/__init__.py".to_owned(), String::new());
        assert_eq!(app(&sandbox), expected, "{step}");
        assert_eq!(
            value["files"][0],
            json!({"path": "greeter.py", "lines": 5, "bytes": CODE.len(), "action": "created"})
        );
        assert!(value["run"].is_string() && value["ms"].as_u64().is_some() && value["error"].is_null());
        let call = &service.calls()[0];
        let system = call["messages"][0]["content"].as_str().unwrap_or_default();
        assert!(call["stream"] == true && system.contains("<FILE-"), "{call}");
        assert!(call["messages"][1]["content"].as_str().unwrap_or_default().contains("greeter library"));
    }
}

#[test]
fn a_fenced_answer_is_written_too() {
    let mut sandbox = Sandbox::new();
    let mut step = files(&[("greeter.py", CODE)]);
    step["form"] = "fence".into();
    let _service = Service::start(&mut sandbox, &json!([step]));
    done(&turbo(&sandbox, &[]));
    assert_eq!(app(&sandbox), only("greeter.py", CODE));
}

#[test]
fn a_vague_contract_is_refused_before_anything_is_sent() {
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &json!([files(&[("a.py", "x\n")])]));
    sandbox.write("project/vague.md", "Build me a rate limiter in python, make it good");
    let args = ["turbo", "--contract", "vague.md", "--out", "app", "--json"];
    let value = failed(&sandbox.run("sef", &args, ""), "vague_contract");
    let message = value["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("DATA CONTRACT") && message.contains("RULES"), "{message}");
    assert!(service.requests().is_empty());
    done(&sandbox.run("sef", &[&args[..], &["--unchecked"]].concat(), ""));
}

#[test]
fn d4_what_is_there_stays_unless_it_is_to_be_replaced_and_undo_brings_it_back() {
    let mut sandbox = Sandbox::new();
    let two = files(&[("greeter.py", CODE), ("new.py", "x = 1\n")]);
    let _service = Service::start(&mut sandbox, &json!([two]));
    sandbox.write("project/app/greeter.py", "# mine\n");
    sandbox.write("project/app/other.py", "# mine too\n");
    let before = app(&sandbox);
    let value = failed(&turbo(&sandbox, &[]), "not_written");
    assert!(value["error"]["message"].as_str().unwrap_or_default().contains("greeter.py"), "{value}");
    assert_eq!(app(&sandbox), before, "none is written when one may not be");
    let value = done(&turbo(&sandbox, &["--overwrite"]));
    assert_eq!(
        (value["files"][0]["action"].as_str(), value["files"][1]["action"].as_str()),
        (Some("overwritten"), Some("created"))
    );
    assert_eq!(done(&turbo(&sandbox, &[]))["files"][0]["action"], "unchanged");
    let runs = sandbox.run("sef", &["turbo", "runs"], "");
    assert_eq!(runs.out.lines().count(), 1, "what changed nothing is no run to take back: {runs:?}");
    let undo = sandbox.run("sef", &["turbo", "undo"], "");
    assert!(undo.code == Some(0) && undo.out.contains("1 file restored, 1 file removed"), "{undo:?}");
    assert_eq!(app(&sandbox), before);
    assert_eq!(sandbox.run("sef", &["turbo", "undo"], "").code, Some(1));
}

#[test]
fn d1_d3_one_bad_name_in_an_answer_writes_nothing() {
    for path in [
        "../evil.py",
        "/tmp/evil.py",
        ".git/hooks/post-checkout",
        ".claude/settings.json",
        ".GITHUB/workflows/x.yml",
        ".envrc",
        "a/../../b",
    ] {
        let mut sandbox = Sandbox::new();
        let _service = Service::start(&mut sandbox, &json!([files(&[("greeter.py", CODE), (path, "x\n")])]));
        let value = failed(&turbo(&sandbox, &[]), "not_written");
        assert!(value["error"]["message"].as_str().unwrap_or_default().contains(path), "{value}");
        assert!(app(&sandbox).is_empty(), "{path}");
        assert!(!std::path::Path::new("/tmp/evil.py").exists());
    }
}

#[test]
fn nothing_is_shown_on_a_pipe_and_the_text_names_files_and_never_code() {
    let mut sandbox = Sandbox::new();
    let _service = Service::start(&mut sandbox, &json!([files(&[("greeter.py", CODE)])]));
    sandbox.write("project/contract.md", super::CONTRACT);
    let run = sandbox.run("sef", &["turbo", "--contract", "contract.md", "--out", "app"], "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert!(run.out.contains("greeter.py") && run.out.contains("claude-haiku-5-5"), "{}", run.out);
    assert!(!run.out.contains("ValueError"), "{}", run.out);
}

#[test]
fn b4_the_log_and_the_report_hold_counts_and_no_word_of_contract_or_code() {
    let mut sandbox = Sandbox::new();
    let canary = "def canary_secret_function(name):\n    return 1\n";
    let _service = Service::start(&mut sandbox, &json!([files(&[("canary_path.py", canary)])]));
    done(&turbo(&sandbox, &[]));
    let log = sandbox.read("state/log.jsonl");
    assert!(log.contains("\"e\":\"turbo\"") && log.contains("gpt-oss-120b"), "{log}");
    for word in ["canary", "greeter", "contract", "app"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    let report = sandbox.run("sef-stats", &["report"], "");
    assert!(
        report.out.contains("Turbo: code by a hosted model") && report.out.contains("1, 1 complete"),
        "{}",
        report.out
    );
    let json: Value =
        serde_json::from_str(&sandbox.run("sef-stats", &["report", "--json"], "").out).expect("JSON");
    assert_eq!((json["turbo"]["orders"].as_u64(), json["turbo"]["files"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn an_interrupted_order_writes_nothing_and_says_so() {
    let mut sandbox = Sandbox::new();
    let mut slow = files(&[("greeter.py", CODE)]);
    slow["latency"] = 30.into();
    let service = Service::start(&mut sandbox, &json!([slow]));
    sandbox.write("project/contract.md", super::CONTRACT);
    let mut command = sandbox.command(crate::sandbox::binary("sef"));
    command.args(["turbo", "--contract", "contract.md", "--out", "app", "--json"]);
    command.stdout(std::process::Stdio::piped());
    let child = command.spawn().expect("it starts");
    while service.calls().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), value["error"]["code"].as_str()), (Some(1), Some("cancelled")));
    assert!(app(&sandbox).is_empty());
}
