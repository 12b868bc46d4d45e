//! Races through the MCP tools: what Claude gets to see of them, what of the checkout changes, and how a race that was stopped
//! or takes long is gone on with.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Ring, git, users};
use crate::mcp::schema::conforms;
use crate::mcp::session::Session;
use crate::sandbox::Sandbox;
use crate::turbo::service::Service;

/// Most that a result may put into the conversation.
const LARGEST: usize = 6_100;

/// A session in the repository of a race, and the service of its candidates.
struct Floor {
    session: Session,
    tools: Value,
    _service: Service,
}

impl Floor {
    fn new(ring: Ring) -> Self {
        let Ring { sandbox, service, .. } = ring;
        let mut session = Session::within(sandbox);
        session.initialize("2025-11-25");
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        let tools = session.ask("tools/list", json!({}))["result"]["tools"].clone();
        Self { session, tools, _service: service }
    }

    fn sandbox(&self) -> &Sandbox {
        &self.session.sandbox
    }

    /// The value of a call's result, of its own schema and small; and whether it is an error.
    fn call(&mut self, tool: &str, arguments: &Value) -> (Value, bool) {
        let reply = self.session.call(tool, arguments);
        self.checked(tool, &reply)
    }

    fn checked(&self, tool: &str, reply: &Value) -> (Value, bool) {
        let value = reply["result"]["structuredContent"].clone();
        let of = self.tools.as_array().and_then(|all| all.iter().find(|of| of["name"] == tool));
        let schema = &of.expect("is listed")["outputSchema"];
        conforms(&value, schema, tool);
        for field in value.as_object().unwrap_or_else(|| panic!("{reply}")).keys() {
            assert!(schema["properties"].get(field).is_some(), "{tool}: {field} is in no schema");
        }
        let bytes = value.to_string().len();
        assert!(bytes <= LARGEST, "{tool}: {bytes} bytes");
        (value, reply["result"]["isError"] == true)
    }

    fn good(&mut self, tool: &str, arguments: &Value) -> Value {
        let (value, failed) = self.call(tool, arguments);
        assert!(!failed, "{tool}: {value:#}");
        value
    }

    /// `code: message` of a call that is refused.
    fn refused(&mut self, tool: &str, arguments: &Value) -> String {
        let (value, failed) = self.call(tool, arguments);
        assert!(failed && value["error"]["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{value:#}");
        format!("{}: {}", value["error"]["code"].as_str().expect("a code"), value["error"]["message"])
    }

    /// Starts a race and gives the id of its request once a runner is at work.
    fn under_way(&mut self, arguments: &Value) -> Value {
        let params = json!({"name": "showdown", "arguments": arguments, "_meta": {"progressToken": 1}});
        let id = self.session.begin("tools/call", params);
        loop {
            let line = self.session.line();
            let said = line["params"]["message"].as_str().unwrap_or_else(|| panic!("no progress: {line}"));
            if said.starts_with("runner-1: ") {
                return id;
            }
        }
    }
}

fn design(ring: &Ring) -> String {
    ring.sandbox.read("design.md")
}

/// The arguments of a race of a ring, with the design as text.
fn entry(ring: &Ring) -> Value {
    json!({
        "design": design(ring), "test_command": ring.test_command(), "runners": ring.candidates.len(), "fix": 0,
    })
}

/// Lines of the candidates' code that no design and no plan has.
fn code(ring: &Ring) -> Vec<String> {
    let given = design(ring);
    let mut lines = Vec::new();
    for name in &ring.candidates {
        for bytes in super::tree(&ring.material.join("candidates").join(name).join("code")).values() {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let own = text.lines().map(str::trim).filter(|line| line.len() > 20 && !given.contains(line));
            lines.extend(own.map(str::to_owned));
        }
    }
    assert!(lines.len() > 20);
    lines
}

fn holds_code(text: &str, code: &[String]) -> Option<String> {
    code.iter().find(|line| text.contains(line.as_str())).cloned()
}

#[test]
fn a_race_ends_with_a_promoted_winner_and_no_code_in_the_conversation() {
    let ring = Ring::new("limiter", &["alpha", "bravo", "charlie", "delta", "echo"], &[]);
    let (entry, code) = (entry(&ring), code(&ring));
    let mut floor = Floor::new(ring);
    let before = users(floor.sandbox());
    let params = json!({"name": "showdown", "arguments": entry, "_meta": {"progressToken": 7}});
    let id = floor.session.begin("tools/call", params);
    let mut told = Vec::new();
    let reply = loop {
        let line = floor.session.line();
        if line.get("id") == Some(&id) {
            break line;
        }
        told.push(line["params"]["message"].as_str().expect("words").to_owned());
    };
    let (value, failed) = floor.checked("showdown", &reply);
    assert!(!failed && value["status"] == "ok" && value["winner"] == "runner-1", "{value:#}");
    assert!(told.len() <= 200, "{} messages", told.len());
    for runner in 1..=5 {
        for phase in ["planning", "generating 1/1", "testing", "final exam"] {
            let wanted = format!("runner-{runner}: {phase}");
            assert_eq!(told.iter().filter(|said| **said == wanted).count(), 1, "{wanted}: {told:#?}");
        }
    }
    let results = value["candidates"].as_array().expect("a list").iter();
    let results: Vec<&str> = results.map(|one| one["result"].as_str().expect("a word")).collect();
    assert_eq!((results[0], results.len()), ("WINNER", 5), "{value:#}");
    assert!(results[2..].iter().all(|result| *result == "eliminated"), "{value:#}");
    assert_eq!(
        value["conversation_tokens"].as_u64().map(|tokens| tokens > 300 && tokens < 1_600),
        Some(true)
    );
    assert_eq!(users(floor.sandbox()), before, "the checkout is as it was");
    let race = json!({"race": value["race"]});
    let listed = floor.good("race_status", &json!({}));
    assert_eq!(
        (&listed["races"][0]["race"], &listed["races"][0]["state"]),
        (&value["race"], &json!("finished"))
    );
    let again = floor.good("race_status", &race);
    assert_eq!(again, value, "the same result again");
    let resumed = floor.good("race_resume", &race);
    assert_eq!(resumed, value, "nothing is left to do");
    let questions = floor.good("judge", &race);
    floor.session.sandbox.write("project/README.md", "mine\n");
    let dirty = floor.refused("race_promote", &race);
    assert!(dirty.contains("cannot promote") || dirty.contains("README.md"), "{dirty}");
    assert_eq!(floor.good("race_status", &race)["state"], "finished");
    git(floor.sandbox(), &["checkout", "-q", "README.md"]);
    let promoted = floor.good("race_promote", &race);
    assert_eq!((&promoted["candidate"], &promoted["by"]), (&json!("runner-1"), &json!("fast-forward")));
    assert!(floor.sandbox().read("project/limiter.py").contains("class TokenBucketLimiter"));
    assert_eq!(git(floor.sandbox(), &["branch", "--list", "sef-race-*"]), "");
    assert_eq!(git(floor.sandbox(), &["status", "--porcelain"]), "");
    let last = floor.good("race_status", &race);
    assert_eq!(last["state"], "promoted");
    for seen in [&value, &listed, &questions, &promoted, &last] {
        assert_eq!(holds_code(&seen.to_string(), &code), None);
    }
    assert_eq!(holds_code(&told.join("\n"), &code), None);
}

#[test]
fn a_race_that_takes_longer_than_the_call_goes_on_and_is_found_by_its_id() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &["--latency", "1"]);
    let mut arguments = entry(&ring);
    arguments["wait_s"] = json!(0);
    let mut floor = Floor::new(ring);
    let running = floor.good("showdown", &arguments);
    assert_eq!(
        (&running["status"], &running["state"]),
        (&json!("running"), &json!("running")),
        "{running:#}"
    );
    assert_eq!(running["candidates"].as_array().map(Vec::len), Some(2));
    let race = json!({"race": running["race"]});
    let busy = floor.refused("race_promote", &race);
    assert!(busy.starts_with("failed: "), "{busy}");
    let ended = floor.good("race_status", &json!({"race": running["race"], "wait_s": 60}));
    assert_eq!((&ended["state"], &ended["winner"]), (&json!("finished"), &json!("runner-1")), "{ended:#}");
}

#[test]
fn a_race_that_was_cancelled_is_stopped_in_order_and_can_be_gone_on_with() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &["--latency", "1"]);
    let arguments = entry(&ring);
    let mut floor = Floor::new(ring);
    let id = floor.under_way(&arguments);
    floor.session.send(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "enough"},
    }));
    // Progress that was on its way may still come before the reply to this.
    let asked = floor.session.begin(
        "tools/call",
        json!({"name": "race_status", "arguments": {"race": newest(floor.sandbox()), "wait_s": 60}}),
    );
    let reply = loop {
        let line = floor.session.line();
        assert_ne!(line.get("id"), Some(&id), "what was cancelled is not answered");
        if line.get("id") == Some(&asked) {
            break line;
        }
    };
    let (stopped, _) = floor.checked("race_status", &reply);
    assert_eq!(stopped["state"], "stopped", "{stopped:#}");
    assert!(stopped["next"].as_str().is_some_and(|next| next.contains("race_resume")), "{stopped:#}");
    let over = floor.good("race_resume", &json!({}));
    assert_eq!((&over["race"], &over["winner"]), (&stopped["race"], &json!("runner-1")), "{over:#}");
}

#[test]
fn a_race_whose_server_is_ended_or_killed_is_found_and_resumed_by_the_next() {
    for signal in [None, Some(Signal::KILL)] {
        let ring = Ring::new("limiter", &["alpha", "charlie"], &["--latency", "1"]);
        let mut arguments = entry(&ring);
        arguments["wait_s"] = json!(0);
        let mut floor = Floor::new(ring);
        let running = floor.good("showdown", &arguments);
        match signal {
            None => {
                floor.session.close_input();
                floor.session.ended();
            }
            Some(signal) => {
                let pid = Pid::from_raw(floor.session.pid() as i32).expect("a pid");
                kill_process(pid, signal).expect("it lives");
                floor.session.gone();
            }
        }
        floor.session.begin_again();
        let race = json!({"race": running["race"], "wait_s": 60});
        let stopped = floor.good("race_status", &race);
        assert_eq!(stopped["state"], "stopped", "{stopped:#}");
        let over = floor.good("race_resume", &race);
        assert_eq!(over["winner"], "runner-1", "{over:#}");
    }
}

#[test]
fn approaches_are_named_by_claude_and_read_by_claude() {
    let words = ["one JSON file, rewritten as a whole", "an SQLite file, one row for each key"];
    let ring = Ring::with("any", &["json-file", "sqlite"], &words, &[]);
    let (test, text) = (ring.test_command(), design(&ring));
    ring.sandbox.write("project/docs/design.md", &text);
    let mut floor = Floor::new(ring);
    let approaches: Vec<Value> = ["JSON file", "sqlite"]
        .iter()
        .zip(words)
        .map(|(name, text)| json!({"name": name, "text": text}))
        .collect();
    let entry = json!({
        "design": "docs/design.md", "test_command": test, "approaches": approaches, "review": "claude", "feature": "key value store",
    });
    let over = floor.good("any_percent", &entry);
    assert_eq!(
        (&over["kind"], &over["feature"]),
        (&json!("any-percent"), &json!("key-value-store")),
        "{over:#}"
    );
    assert!(over["next"].as_str().is_some_and(|next| next.contains("judge with race=")), "{over:#}");
    let race = &over["race"];
    let asked = floor.good("judge", &json!({"race": race}));
    let questions = asked["questions"].to_string();
    assert!(questions.contains("input-checked: ") && !questions.contains("works: "), "measured is not asked");
    assert!(asked["dirs"]["variant-sqlite"]["files"].to_string().contains("kv.py"), "{asked:#}");
    let item = |answer: &str| json!({"answer": answer, "place": "kv.py:1", "why": "seen"});
    let mut form = asked["form"].clone();
    form["candidates"] = json!({"variant-json-file": {"items": {"input-checked": item("no")}}});
    let judged = floor.good("judge", &json!({"race": race, "answers": form}));
    assert_eq!(judged["candidates"][0]["scores"]["robustness"], 1, "{judged:#}");
    assert_eq!(judged["winner"], "variant-sqlite", "{judged:#}");
    for (answers, said) in [
        (json!({"schema": 1}), "candidates"),
        (json!({"schema": 1, "candidates": {"nobody": {}}}), "no candidate nobody"),
        (
            json!({"schema": 1, "candidates": {"variant-sqlite": {"items": {"x": item("yes")}}}}),
            "there is no such item",
        ),
    ] {
        let why = floor.refused("judge", &json!({"race": race, "answers": answers}));
        assert!(why.contains(said), "{why}");
    }
}

#[test]
fn folders_of_the_project_are_judged_without_a_race() {
    let ring = Ring::new("limiter", &["alpha", "bravo"], &[]);
    for name in ["alpha", "bravo"] {
        for (path, bytes) in super::tree(&ring.material.join("candidates").join(name).join("code")) {
            ring.sandbox.write(&format!("project/tries/{name}/{path}"), bytes);
        }
    }
    let code = code(&ring);
    let mut floor = Floor::new(ring);
    let dirs = json!(["tries/alpha", "tries/bravo"]);
    let asked = floor.good("judge", &json!({"dirs": dirs}));
    assert!(asked["questions"].to_string().contains("works: "), "nothing ran here, so it is asked");
    assert_eq!(holds_code(&asked.to_string(), &code), None);
    let empty = json!({"schema": 1, "candidates": {}});
    let judged = floor.good("judge", &json!({"dirs": dirs, "answers": empty}));
    assert_eq!(judged["candidates"].as_array().map(Vec::len), Some(2), "{judged:#}");
    for (arguments, said) in [
        (json!({"dirs": ["tries/alpha", "../.."]}), "inside the project"),
        (json!({"dirs": ["tries/alpha", "tries/nothing"]}), "no folder of the project"),
        (json!({"dirs": ["tries/alpha", "tries/alpha"]}), "itself"),
        (json!({"dirs": []}), "either `race` or `dirs`"),
        (json!({"dirs": dirs, "race": "x"}), "either `race` or `dirs`"),
        (json!({"dirs": dirs, "answers": "yes"}), "an object"),
    ] {
        let why = floor.refused("judge", &arguments);
        assert!(why.contains(said), "{arguments}: {why}");
    }
}

#[test]
fn d1_what_lies_outside_the_project_is_no_design_no_test_and_no_race() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let arguments = entry(&ring);
    let outside = ring.sandbox.path("design.md");
    std::os::unix::fs::symlink(&outside, ring.sandbox.path("project/link.md")).expect("a link");
    let mut floor = Floor::new(ring);
    let with = |name: &str, value: Value| {
        let mut arguments = arguments.clone();
        arguments[name] = value;
        arguments
    };
    for (arguments, said) in [
        (with("design", json!("../design.md")), "inside the project"),
        (with("design", json!(outside)), "inside the project"),
        (with("design", json!("link.md")), "leads out of the project"),
        (with("design", json!("nothing.md")), "cannot be read"),
        (with("scenarios", json!(["../test_x.py"])), "inside the project"),
        (with("scenarios", json!("x.py")), "a list of at most"),
        (with("runners", json!(6)), "from 1 to 5"),
        (with("review", json!("me")), "one of hosted, claude, none"),
        (with("fix", json!(9)), "from 0 to 5"),
    ] {
        let why = floor.refused("showdown", &arguments);
        assert!(why.starts_with("bad_arguments: ") && why.contains(said), "{why}");
    }
    let one = json!([{"name": "a", "text": "b"}]);
    for approaches in [json!([]), one, json!([{"name": "a"}, {"name": "b", "text": "c"}]), json!("a")] {
        let arguments = json!({"design": "a\nb", "test_command": "true", "approaches": approaches});
        assert!(floor.refused("any_percent", &arguments).starts_with("bad_arguments: "));
    }
    assert_eq!(floor.good("race_status", &json!({}))["races"], json!([]), "nothing was begun");
}

#[test]
fn a_race_of_another_repository_is_not_seen_and_not_touched() {
    let mut ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let over = super::outcome(&ring.showdown(&["--fix", "0"]));
    let id = over["id"].as_str().expect("an id").to_owned();
    let other = ring.sandbox.path("other");
    ring.sandbox.write("other/README.md", "another\n");
    let at = other.to_string_lossy().into_owned();
    for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "base"]] {
        ring.git(&[&["-C", &at][..], args].concat());
    }
    ring.sandbox.set("CLAUDE_PROJECT_DIR", &other);
    let mut floor = Floor::new(ring);
    assert_eq!(floor.good("race_status", &json!({}))["races"], json!([]));
    for tool in ["race_status", "race_resume", "race_promote", "judge"] {
        let why = floor.refused(tool, &json!({"race": id}));
        assert!(why.starts_with("other_project: "), "{tool}: {why}");
    }
}

#[test]
fn without_a_key_nothing_is_begun_and_what_to_do_is_said() {
    let mut ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    ring.sandbox.unset("CEREBRAS_API_KEY");
    let arguments = entry(&ring);
    let mut floor = Floor::new(ring);
    let why = floor.refused("showdown", &arguments);
    assert!(why.starts_with("no_key: ") && why.contains("CEREBRAS_API_KEY"), "{why}");
    let mut arguments = arguments;
    arguments.as_object_mut().expect("is one").remove("runners");
    arguments["auto"] = json!(2);
    assert!(floor.refused("any_percent", &arguments).starts_with("no_key: "));
    assert_eq!(floor.good("race_status", &json!({}))["races"], json!([]));
}

/// The id of the newest race.
fn newest(sandbox: &Sandbox) -> String {
    let races = std::fs::read_dir(sandbox.path("state/races")).expect("a folder").flatten();
    let ids = races.filter(|entry| entry.path().is_dir());
    let mut ids: Vec<String> = ids.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    ids.sort();
    ids.pop().expect("a race")
}
