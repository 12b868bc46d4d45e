//! Tests of what was written: run in the fence, told in counts and names, and sent back to the model when that is wanted.

use serde_json::{Value, json};

use super::service::KEY;
use super::{Service, app, done, failed, files, turbo};
use crate::sandbox::Sandbox;

const GOOD: &str = "def greet(name):\n    if not name.strip():\n        raise ValueError(\"empty\")\n    return \"hello \" + name.strip()\n";
const BAD: &str = "def greet(name):\n    return \"hello \" + name\n";
const WORSE: &str = "def greet(name):\n    return None\n";
const TESTS: &str = "import unittest\nfrom greeter import greet\n\n\nclass Greets(unittest.TestCase):\n    def test_greets(self):\n        self.assertEqual(greet(\"bob\"), \"hello bob\")\n\n    def test_strips(self):\n        self.assertEqual(greet(\" bob \"), \"hello bob\")\n\n    def test_empty(self):\n        with self.assertRaises(ValueError):\n            greet(\"\")\n";
const RUN: &str = "python3 -B -m unittest -v test_greeter";

/// A sandbox whose project has the tests already; answers of the service in order.
fn with_answers(answers: &[Value]) -> (Sandbox, Service) {
    let mut sandbox = Sandbox::new();
    sandbox.write("project/app/test_greeter.py", TESTS);
    let service = Service::start(&mut sandbox, &json!(answers));
    (sandbox, service)
}

fn greeter(content: &str) -> Value {
    files(&[("greeter.py", content)])
}

#[test]
fn tests_that_pass_make_an_order_complete() {
    let (sandbox, _service) = with_answers(&[greeter(GOOD)]);
    let value = done(&turbo(&sandbox, &["--test", RUN]));
    let tests = &value["tests"];
    assert_eq!(
        (tests["passed"].as_bool(), tests["first_pass"].as_bool(), tests["repairs"].as_u64()),
        (Some(true), Some(true), Some(0))
    );
    assert_eq!(
        (tests["seen"]["runner"].as_str(), tests["seen"]["passed"].as_u64()),
        (Some("unittest"), Some(3)),
        "{tests}"
    );
}

#[test]
fn tests_that_fail_are_told_by_count_name_and_a_few_lines_and_the_files_stay() {
    let (sandbox, service) = with_answers(&[greeter(BAD)]);
    let value = failed(&turbo(&sandbox, &["--test", RUN]), "tests_failed");
    let seen = &value["tests"]["seen"];
    assert_eq!((seen["passed"].as_u64(), seen["failed"].as_u64()), (Some(1), Some(2)), "{seen}");
    let names = seen["failing"].to_string();
    assert!(
        names.contains("test_strips") && names.contains("test_empty") && !names.contains("test_greets"),
        "{names}"
    );
    assert!(seen["relevant"].as_array().is_some_and(|lines| (1..=40).contains(&lines.len())), "{seen}");
    assert_eq!(service.calls().len(), 1, "nothing goes back unasked");
    assert_eq!(app(&sandbox)["greeter.py"], BAD);
    assert_eq!(sandbox.run("sef", &["turbo", "undo"], "").code, Some(0));
    assert!(!app(&sandbox).contains_key("greeter.py"));
}

#[test]
fn failing_tests_go_back_to_the_model_for_the_files_they_name() {
    let (sandbox, service) =
        with_answers(&[files(&[("greeter.py", BAD), ("other.py", "y = 2\n")]), greeter(GOOD)]);
    let value = done(&turbo(&sandbox, &["--test", RUN, "--fix", "2"]));
    let tests = &value["tests"];
    assert_eq!(
        (tests["first_pass"].as_bool(), tests["repairs"].as_u64(), tests["passed"].as_bool()),
        (Some(false), Some(1), Some(true))
    );
    let asked = service.calls()[1]["messages"][1]["content"].as_str().unwrap_or_default().to_owned();
    assert!(asked.contains("test_strips") && asked.contains(BAD) && !asked.contains("y = 2"), "{asked}");
    assert_eq!(app(&sandbox)["greeter.py"], GOOD);
    assert_eq!(value["files"].as_array().map(Vec::len), Some(2));
    let undo = sandbox.run("sef", &["turbo", "undo"], "");
    assert!(undo.out.contains("2 files removed"), "{undo:?}");
}

#[test]
fn the_time_of_the_tests_is_not_taken_from_the_services() {
    let (sandbox, _service) = with_answers(&[greeter(BAD), greeter(GOOD)]);
    let slow = format!("sleep 4; {RUN}");
    let value = done(&turbo(&sandbox, &["--test", &slow, "--fix", "1", "--timeout", "4"]));
    assert_eq!(value["tests"]["repairs"], 1);
}

#[test]
fn the_best_version_stays_when_a_repair_makes_it_worse() {
    let (sandbox, service) = with_answers(&[greeter(BAD), greeter(WORSE), greeter(WORSE)]);
    let value = failed(&turbo(&sandbox, &["--test", RUN, "--fix", "2"]), "tests_failed");
    assert_eq!((value["tests"]["repairs"].as_u64(), service.calls().len()), (Some(2), 3));
    assert_eq!(app(&sandbox)["greeter.py"], BAD);
    assert_eq!(value["tests"]["seen"]["passed"], 1);
}

#[test]
fn f6_a_repair_cannot_change_the_tests_or_anything_else_it_was_not_asked_for() {
    for path in ["test_greeter.py", "stranger.py"] {
        let cheat = files(&[("greeter.py", GOOD), (path, "x = 1\n")]);
        let (sandbox, _service) = with_answers(&[greeter(BAD), cheat]);
        let value = failed(&turbo(&sandbox, &["--test", RUN, "--fix", "1"]), "tests_failed");
        assert!(value["warnings"].to_string().contains(path), "{value}");
        assert_eq!(
            (app(&sandbox)["test_greeter.py"].as_str(), app(&sandbox)["greeter.py"].as_str()),
            (TESTS, BAD)
        );
    }
}

#[test]
fn f6_output_that_claims_success_does_not_pass() {
    let (sandbox, _service) = with_answers(&[greeter(GOOD)]);
    for command in ["echo 100 passed; exit 1", "python3 -B -m unittest nothing_here"] {
        failed(&turbo(&sandbox, &["--overwrite", "--test", command]), "tests_failed");
    }
}

#[test]
fn e1_generated_code_sees_no_key_and_not_the_users_home() {
    let spy = "import os, pathlib\nprint(dict(os.environ))\nfor path in ['config/config.toml', '.claude/settings.json']:\n    try:\n        print(pathlib.Path(os.environ['REAL'], path).read_text())\n    except Exception as error:\n        print('hidden', type(error).__name__)\nraise SystemExit(1)\n";
    let mut sandbox = Sandbox::new();
    let _service = Service::start(&mut sandbox, &json!([files(&[("spy.py", spy)])]));
    sandbox.set("OTHER_API_KEY", "other-canary-0123456789");
    sandbox.write(".claude/settings.json", json!({"env": {"CEREBRAS_API_KEY": KEY}}).to_string());
    let command = format!("REAL={} python3 -B spy.py", sandbox.home().display());
    for how in ["auto", "off"] {
        let run = turbo(&sandbox, &["--overwrite", "--test", &command, "--sandbox", how]);
        assert!(!run.out.contains("other-canary"), "{how}: {}", run.out);
        if how == "auto" && !run.out.contains("no walls") {
            assert!(!run.out.contains(KEY), "{how}: {}", run.out);
        }
    }
}

#[test]
fn d6_tests_without_end_are_ended_and_the_files_stay() {
    let (sandbox, _service) = with_answers(&[greeter(GOOD)]);
    let value = failed(&turbo(&sandbox, &["--test", "sleep 600", "--test-timeout", "1"]), "tests_failed");
    assert!(value["tests"]["seen"]["ended"].as_str().unwrap_or_default().contains("time was up"), "{value}");
    assert_eq!(app(&sandbox)["greeter.py"], GOOD);
}
