//! What races leave in the log and in the reports: every call counted once, whatever happened to the race, and no word of
//! design, plan or code.

use std::process::{Command, Stdio};
use std::time::Duration;

use sef::config::Env;
use sef::race::account;
use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox, binary};
use crate::turbo::service::Service;

const DESIGN: &str = "# Canary greeter

Build a greeter library in Python, standard library only, in one file: `greeter.py`.

## DATA CONTRACT
Greeting:
- text: str

## API CONTRACT
```python
def greet(name: str) -> str
```

## ALGORITHM
1. Strip white space from both ends of the name.
2. Answer the text \"hello NAME\".

## RULES
- An empty name raises ValueError.
- No third-party packages.

## Scenario tests

```python tests/test_greeter.py
import unittest
from greeter import greet


class Greets(unittest.TestCase):
    def test_greets(self):
        self.assertEqual(greet(\"bob\"), \"hello bob\")

    def test_strips(self):
        self.assertEqual(greet(\" bob \"), \"hello bob\")

    def test_empty(self):
        with self.assertRaises(ValueError):
            greet(\"\")
```
";
const GOOD: &str = "def greet(name):\n    canary = name.strip()\n    if not canary:\n        raise ValueError(\"empty\")\n    return \"hello \" + canary\n";
const BAD: &str = "def greet(name):\n    return \"hello \" + name\n";
const TEST: &str = "python3 -B -m unittest discover -s tests";
const PLAN: &str = "You plan how a design is built";
const CODE: &str = "You write complete source files";
const MEND: &str = "fail:";
const REVIEW: &str = "You review one program";

/// A sandbox whose project is a repository with one commit.
fn repository() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("project/README.md", "read me\n");
    sandbox.write("project/tests/test_base.py", "import unittest\n\n\nclass Base(unittest.TestCase):\n    def test_it(self):\n        self.assertTrue(True)\n");
    sandbox.write("design.md", DESIGN);
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["config", "user.name", "A User"],
        &["config", "user.email", "user@example.com"],
        &["add", "-A"],
        &["commit", "-qm", "first"],
    ] {
        let done = sandbox.command("git").args(args).output().expect("git runs");
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    sandbox
}

/// A plan with one contract, which says whose it is.
fn plan(approach: &str) -> Value {
    let contract =
        DESIGN.split("## Scenario tests").next().expect("a part").replace("# Canary", "For CANARY");
    let text = format!("{contract}\nVariant: {approach}.\n");
    json!({"do": "answer", "when": [PLAN, format!("{approach}: canary words")],
        "files": {"plan.md": format!("# The {approach} way\n\nCanary thoughts of {approach}.\n"), "contract-1.md": text}})
}

fn code(approach: &str, content: &str) -> Value {
    json!({"do": "answer", "when": [CODE, format!("Variant: {approach}.")], "files": {"greeter.py": content}})
}

fn review() -> Value {
    json!({"do": "review", "when": [REVIEW]})
}

/// `any-percent` of the approaches `plain` and `odd`.
fn arguments(more: &[&'static str]) -> Vec<&'static str> {
    let all = [
        &["any-percent", "--design", "../design.md", "--test", TEST, "--json"][..],
        &["--approach", "plain: canary words", "--approach", "odd: canary words"],
        more,
    ];
    all.concat()
}

fn lines(sandbox: &Sandbox) -> Vec<Value> {
    let text = std::fs::read_to_string(sandbox.path("state/log.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("the log is JSON")).collect()
}

/// The races of the JSON report.
fn races(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.run("sef-stats", &[&["report", "--json"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    let mut report: Value = serde_json::from_str(&run.out).expect("JSON");
    report["races"].take()
}

fn outcome(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no JSON: {run:?}"))
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no number {key} in {value}"))
}

#[test]
fn b4_a_race_is_in_the_log_with_all_its_calls_and_no_word_of_design_plan_or_code() {
    let mut sandbox = repository();
    let steps = [
        json!({"do": "answer", "when": [CODE, MEND, "Variant: odd."], "files": {"greeter.py": BAD}}),
        code("plain", GOOD),
        code("odd", BAD),
        plan("plain"),
        plan("odd"),
        review(),
    ];
    let service = Service::start(&mut sandbox, &json!(steps));
    let run = sandbox.run("sef", &arguments(&["--fix", "1"]), "");
    let result = outcome(&run);
    assert_eq!((run.code, result["winner"].as_str()), (Some(0), Some("variant-plain")), "{run:?}");
    let logged = lines(&sandbox);
    assert_eq!(logged.len(), 1, "{logged:?}");
    let (race, hosted) = (&logged[0]["rc"], &logged[0]["h"]);
    assert_eq!(
        (&logged[0]["e"], &race["st"], &race["k"]),
        (&json!("race"), &json!("judged"), &json!("any_percent"))
    );
    assert_eq!((&race["id"], &race["w"]), (&result["id"], &json!(true)));
    assert_eq!(
        (number(race, "n"), number(race, "fin"), number(race, "ok"), number(race, "t1")),
        (2, 2, 1, 1)
    );
    // Two plans, two times code, one repair, one review: what is out is not read.
    assert_eq!((number(race, "calls"), number(race, "rev"), number(hosted, "fix")), (6, 1, 1));
    assert_eq!(service.calls().len(), 6);
    assert_eq!(number(hosted, "i"), number(&result["spent"]["usage"], "prompt"));
    assert_eq!(number(hosted, "o"), number(&result["spent"]["usage"], "completion"));
    assert_eq!((number(hosted, "f"), hosted["ok"].as_bool()), (1, Some(true)));
    let dollars = result["spent"]["cost_usd"].as_f64().expect("its price is known");
    assert_eq!(number(hosted, "usd"), (dollars * 1e6).round() as u64);

    let id = result["id"].as_str().expect("an id").to_owned();
    sandbox.write("project/answers.json", "{\"schema\":1,\"candidates\":{}}");
    let again = sandbox.run("sef", &["race", "judge", &id, "--answers", "answers.json", "--json"], "");
    assert_eq!(again.code, Some(0), "{again:?}");
    std::fs::remove_file(sandbox.path("project/answers.json")).expect("remove it");
    let promoted = sandbox.run("sef", &["race", "promote", &id, "--yes", "--json"], "");
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    let log = sandbox.read("state/log.jsonl");
    for word in
        ["canary", "CANARY", "Canary", "greet", "plain", "odd", "variant", "README", "unittest", "project"]
    {
        assert!(!log.contains(word), "{word}: {log}");
    }
    let steps: Vec<Value> = lines(&sandbox).iter().map(|line| line["rc"]["st"].clone()).collect();
    assert_eq!(steps, ["judged", "again", "promoted"]);
    assert!(log.lines().all(|line| line.len() < 600), "a line is short: {log}");
    let all = races(&sandbox, &["--project", "."]);
    assert_eq!((number(&all, "races"), number(&all, "won"), number(&all, "promoted")), (1, 1, 1), "{all}");
    assert_eq!((number(&all, "calls"), number(&all, "prompt")), (6, number(hosted, "i")), "counted once");
    assert_eq!(number(&races(&sandbox, &["--project", "/elsewhere"]), "races"), 0);
}

#[test]
fn a_race_that_is_interrupted_and_gone_on_with_is_counted_once_with_the_calls_of_both_parts() {
    let mut sandbox = repository();
    let slow = json!({"do": "answer", "once": true, "latency": 600, "when": [CODE, "Variant: odd."], "files": {"greeter.py": GOOD}});
    let steps = [slow, code("plain", GOOD), code("odd", BAD), plan("plain"), plan("odd"), review()];
    let service = Service::start(&mut sandbox, &json!(steps));
    let mut command = sandbox.command(binary("sef"));
    command.args(arguments(&["--fix", "0"])).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    while service.calls().len() < 4 {
        assert_eq!(child.try_wait().expect("is waited for"), None, "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    assert!(!child.wait().expect("it ends").success());
    let stopped = lines(&sandbox);
    assert_eq!((stopped.len(), stopped[0]["rc"]["st"].as_str()), (1, Some("stopped")), "{stopped:?}");
    let first = number(&stopped[0]["rc"], "calls");
    assert!((2..=4).contains(&first) && stopped[0]["rc"]["w"].is_null(), "{stopped:?}");
    assert_eq!(number(&races(&sandbox, &[]), "stopped"), 1);

    let run = sandbox.run("sef", &["race", "resume", "--json"], "");
    let result = outcome(&run);
    assert_eq!((run.code, result["winner"].as_str()), (Some(0), Some("variant-plain")), "{run:?}");
    let all = races(&sandbox, &[]);
    assert_eq!((number(&all, "races"), number(&all, "won"), number(&all, "stopped")), (1, 1, 0), "{all}");
    let sent = service.calls().len() as u64;
    assert_eq!((number(&all, "calls"), number(&result["spent"], "calls")), (sent, sent), "{all}");
    assert!(first < sent, "{first}, {sent}");
    let again = sandbox.run("sef", &["race", "resume", result["id"].as_str().expect("an id"), "--json"], "");
    assert_eq!((again.code, lines(&sandbox).len()), (Some(0), 2), "{again:?}");
}

#[test]
fn a_race_that_fails_before_its_first_call_leaves_no_line() {
    let mut sandbox = repository();
    let _service = Service::start(&mut sandbox, &json!([{"do": "status", "status": 500}]));
    sandbox.unset("CEREBRAS_API_KEY");
    let run = sandbox.run("sef", &arguments(&[]), "");
    assert_eq!((run.code, lines(&sandbox).len()), (Some(1), 0), "{run:?}");
    assert!(races(&sandbox, &[])["last"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn what_claude_is_told_of_a_race_is_added_up_and_belongs_to_the_races_project() {
    let sandbox = Sandbox::new();
    let env = Env { state_dir: Some(sandbox.state()), ..Env::default() };
    for text in ["x".repeat(400), "canary".to_owned()] {
        account::told(&env, "20261121-113000-0a1b2c3d", &sandbox.path("project"), &text);
    }
    let logged = lines(&sandbox);
    assert_eq!((number(&logged[0]["rc"], "tok"), number(&logged[1]["rc"], "tok")), (100, 2));
    assert!(!sandbox.read("state/log.jsonl").contains("canary"));
    assert_eq!(number(&races(&sandbox, &[]), "races"), 0, "a text alone is no race");
}
