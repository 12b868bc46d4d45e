//! Every outcome from generated sessions: the right kind, the evidence that shows it, and no false rejection.

use sef::metrics::record::{Kind, Outcome, Record};
use serde_json::{Value, json};

use super::corpus::{FOLDER, Transcript, record, result, spawn, write_log};
use super::{page, report};
use crate::sandbox::Sandbox;

const OPUS: &str = "claude-opus-5-5";
const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const TOKENS: (u64, u64, u64, u64) = (10, 10, 10, 10);
const FIND: &str = "Find where the session token is validated and report file and line of every caller";
const WRITE: &str = "Implement the retry of failed uploads with a growing delay and cover it by tests";

/// Lines of a conversation.
trait Talk {
    fn user(self, uuid: &str, text: &str) -> Self;
    fn calls(self, id: &str, tool: &str, input: &Value) -> Self;
    fn delegates(self, call: &str, task: &str) -> Self;
    fn says(self, id: &str) -> Self;
    fn gets(self, call: &str, text: &str) -> Self;
    fn fails(self, call: &str, error: &str) -> Self;
    fn back(self, call: &str, agent: &str, report: &str) -> Self;
    fn launched(self, call: &str, agent: &str) -> Self;
    fn notified(self, call: &str, agent: &str, report: &str) -> Self;
}

impl Talk for Transcript {
    fn user(self, uuid: &str, text: &str) -> Self {
        self.line(&json!({"parentUuid": null, "promptId": uuid, "type": "user", "uuid": uuid, "cwd": "/home/user/shop",
            "message": {"role": "user", "content": text}, "promptSource": "sdk", "version": "2.1.329"}))
    }

    fn calls(self, id: &str, tool: &str, input: &Value) -> Self {
        let content = json!([{"type": "tool_use", "id": id, "name": tool, "input": input}]);
        let message = json!({"id": format!("m-{id}"), "type": "message", "role": "assistant", "model": OPUS,
            "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}});
        self.line(&json!({"message": message, "type": "assistant", "uuid": format!("u-{id}"), "cwd": "/home/user/shop"}))
    }

    fn delegates(self, call: &str, task: &str) -> Self {
        self.calls(
            call,
            "Agent",
            &json!({"description": "a task", "prompt": task, "subagent_type": "general-purpose"}),
        )
    }

    fn says(self, id: &str) -> Self {
        self.answer(id, OPUS, TOKENS, 1)
    }

    fn gets(self, call: &str, text: &str) -> Self {
        let content = json!([{"tool_use_id": call, "type": "tool_result", "content": text}]);
        self.line(&json!({"type": "user", "uuid": format!("r-{call}"), "message": {"role": "user", "content": content},
            "toolUseResult": {"type": "text"}}))
    }

    fn fails(self, call: &str, error: &str) -> Self {
        let content =
            json!([{"tool_use_id": call, "type": "tool_result", "content": error, "is_error": true}]);
        self.line(&json!({"type": "user", "uuid": format!("r-{call}"), "message": {"role": "user", "content": content},
            "toolUseResult": format!("Error: {error}")}))
    }

    fn back(self, call: &str, agent: &str, report: &str) -> Self {
        let text = json!([{"type": "text", "text": "<tools-used-before-summary>Read</tools-used-before-summary>\n"},
            {"type": "text", "text": report}]);
        let content = json!([{"tool_use_id": call, "type": "tool_result", "content": text}]);
        self.line(&json!({"type": "user", "uuid": format!("r-{call}"), "message": {"role": "user", "content": content},
            "toolUseResult": {"status": "completed", "agentId": agent, "content": text, "resolvedModel": HAIKU}}))
    }

    fn launched(self, call: &str, agent: &str) -> Self {
        self.agent_result(call, agent, HAIKU, "async_launched")
    }

    fn notified(self, call: &str, agent: &str, report: &str) -> Self {
        let text = format!(
            "<task-notification>\n<task-id>{agent}</task-id>\n<tool-use-id>{call}</tool-use-id>\n<status>completed\
             </status>\n<summary>Agent finished</summary>\n<result>{report}</result>\n</task-notification>"
        );
        self.user(&format!("n-{agent}"), &text)
    }
}

/// One session after another in a sandbox of its own.
struct Scene {
    sandbox: Sandbox,
    records: Vec<Record>,
}

impl Scene {
    fn new() -> Self {
        Self { sandbox: Sandbox::new(), records: Vec::new() }
    }

    /// A delegation that the hook saw, with the agent's transcript.
    fn delegation(
        mut self,
        call: &str,
        agent: &str,
        model: &str,
        work: impl Fn(Transcript) -> Transcript,
    ) -> Self {
        self.records.push(spawn(call, "general-purpose", None, None, OPUS));
        self.records.push(Record { out: Some(Outcome::Ok), ..result(call, agent, model) });
        self.agent(call, agent, model, None, work);
        self
    }

    fn agent(
        &self,
        call: &str,
        agent: &str,
        model: &str,
        parent: Option<&str>,
        work: impl Fn(Transcript) -> Transcript,
    ) {
        let transcript =
            work(Transcript::agent("s1", agent).at(3)).answer(&format!("m-{agent}"), model, TOKENS, 1);
        transcript.write_with_meta(&self.sandbox, "general-purpose", call, model, parent);
    }

    /// Writes log and main transcript and runs the audit.
    #[expect(clippy::needless_pass_by_value, reason = "a session is written down where it is used")]
    fn audit(&self, main: Transcript) -> Value {
        main.write(&self.sandbox);
        write_log(&self.sandbox, &self.records);
        audit(&self.sandbox, &[])
    }
}

pub(crate) fn audit(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.run("sef-stats", &[&["audit", "--json"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    let page = sandbox.run("sef-stats", &[&["audit"], args].concat(), "");
    assert_eq!((page.code, page.err.as_str()), (Some(0), ""), "{}", page.out);
    for line in page.out.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
        assert!(!line.chars().any(char::is_control), "a control byte in: {line:?}");
    }
    serde_json::from_str(&run.out).expect("the audit is JSON")
}

/// Outcome and reason of each delegation, by call.
pub(crate) fn verdicts(audit: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = audit["list"].as_array().expect("a list");
    let mut all: Vec<_> = list
        .iter()
        .map(|one| (text(&one["tool_use_id"]), text(&one["outcome"]), text(&one["reason"])))
        .collect();
    all.sort();
    all
}

fn only(audit: &Value) -> (String, String) {
    let mut all = verdicts(audit);
    assert_eq!(all.len(), 1, "{all:?}");
    let (_, outcome, reason) = all.remove(0);
    (outcome, reason)
}

fn is(outcome: &str, reason: &str) -> (String, String) {
    (outcome.to_owned(), reason.to_owned())
}

fn file(path: &str) -> Value {
    json!({"file_path": path, "old_string": "a", "new_string": "b"})
}

fn grep() -> Value {
    json!({"pattern": "validate_token", "path": "src", "output_mode": "content"})
}

/// A main transcript up to the delegation: second 1 the prompt, second 2 the call.
fn asked(task: &str) -> Transcript {
    Transcript::main("s1").user("p1", "please take care of this").delegates("toolu_1", task).at(20)
}

fn looked(agent: Transcript) -> Transcript {
    agent.calls("toolu_g1", "Grep", &grep()).calls(
        "toolu_r1",
        "Read",
        &json!({"file_path": "/home/user/shop/src/a.rs"}),
    )
}

fn wrote(agent: Transcript) -> Transcript {
    agent
        .calls("toolu_w1", "Write", &json!({"file_path": "/home/user/shop/src/up.rs", "content": "x"}))
        .gets("toolu_w1", "ok")
        .calls("toolu_r2", "Read", &json!({"file_path": "/home/user/shop/src/lib.rs"}))
        .calls("toolu_b1", "Bash", &json!({"command": "cargo  test --locked"}))
}

#[test]
fn work_that_came_back_and_was_used_is_accepted() {
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked);
    let audit = scene.audit(asked(FIND).back("toolu_1", "a1", "src/auth.rs:14 validates it.").says("m9"));
    assert_eq!(only(&audit), is("accepted", "went-on"));
    let one = &audit["list"][0];
    assert_eq!((&one["agent_id"], &one["ran"]), (&json!("a1"), &json!("haiku")));
    let evidence = one["evidence"].as_array().expect("a list");
    assert_eq!((&evidence[0]["what"], &evidence[0]["id"]), (&json!("result"), &json!("toolu_1")));
    let path = evidence[0]["file"].as_str().expect("a path");
    assert!(path.ends_with(&format!("{FOLDER}/s1.jsonl")), "{path}");
}

#[test]
fn an_error_result_is_a_failure_and_a_call_that_the_user_stopped_is_not() {
    let error = "Agent terminated early due to an API error: overloaded";
    let stop = "The user doesn't want to proceed with this tool use. The tool use was rejected";
    for (text, expected) in [(error, is("failed", "error-result")), (stop, is("unknown", "stopped-by-user"))]
    {
        let mut scene = Scene::new();
        scene.records.push(spawn("toolu_1", "general-purpose", None, None, OPUS));
        scene.records.push(Record { out: Some(Outcome::Failed), ..result("toolu_1", "a1", HAIKU) });
        let audit = scene.audit(asked(FIND).fails("toolu_1", text).says("m9"));
        assert_eq!(only(&audit), expected);
    }
}

#[test]
fn a_call_that_no_agent_took_up_is_unknown_and_no_first_try() {
    for refusal in [
        "Agent type 'sef-explore' has been denied by permission rule 'Agent(sef-explore)' from userSettings.",
        "Agent type 'explorer' not found. Available agents: claude, Explore, general-purpose, Plan",
        "Claude requested permissions to use Agent, but you haven't granted it yet.",
    ] {
        let mut scene = Scene::new();
        scene.records.push(spawn("toolu_1", "sef-explore", None, None, OPUS));
        scene.records.push(Record {
            a: None,
            ran: None,
            out: Some(Outcome::Failed),
            ..result("toolu_1", "a1", HAIKU)
        });
        let scene = scene.delegation("toolu_2", "a2", HAIKU, looked);
        let main = asked(FIND).fails("toolu_1", refusal).delegates("toolu_2", FIND).at(60);
        let main = main
            .back("toolu_2", "a2", "src/a.rs:3")
            .says("m9")
            .user("p2", "that doesn't work, it still fails");
        let found = verdicts(&scene.audit(main));
        assert_eq!((found[0].1.as_str(), found[0].2.as_str()), ("unknown", "refused"), "{refusal}");
        assert_eq!(found[1].1, "user-visible", "{refusal}");
    }
}

#[test]
fn an_executor_that_says_that_it_could_not_has_failed() {
    for (report, expected) in [
        ("INCOMPLETE: there is no such file", is("failed", "gave-up")),
        ("I was unable to complete the task.", is("failed", "gave-up")),
        ("", is("failed", "empty-result")),
        ("Found it: src/a.rs:3.", is("accepted", "went-on")),
        ("I could not complete the task: I was unable to find the file.", is("failed", "gave-up")),
        ("I was unable to find any caller of it: it is dead code.", is("accepted", "went-on")),
        ("I was not able to reproduce it: all 14 tests pass.", is("accepted", "went-on")),
    ] {
        // The transcript alone shows it: this session is older than SEF.
        let scene = Scene::new();
        scene.agent("toolu_1", "a1", HAIKU, None, looked);
        let audit = scene.audit(asked(FIND).back("toolu_1", "a1", report).says("m9"));
        assert_eq!(only(&audit), expected, "{report}");
    }
}

#[test]
fn a_stop_failure_of_the_agent_is_a_failure_without_any_transcript() {
    let mut scene = Scene::new();
    let stop = Record { a: Some("a1".to_owned()), out: Some(Outcome::Failed), ..record(Kind::AgentStop) };
    scene.records = vec![
        spawn("toolu_1", "general-purpose", None, None, OPUS),
        Record { out: Some(Outcome::Launched), ..result("toolu_1", "a1", HAIKU) },
        stop,
    ];
    write_log(&scene.sandbox, &scene.records);
    let audit = audit(&scene.sandbox, &[]);
    assert_eq!(only(&audit), is("failed", "error-result"));
    assert_eq!(audit["list"][0]["evidence"], json!([{"what": "log", "file": null, "id": "toolu_1"}]));
}

#[test]
fn editing_a_file_that_the_executor_wrote_is_redoing_it() {
    let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
    let main = asked(WRITE)
        .back("toolu_1", "a1", "Done.")
        .says("m9")
        .calls("toolu_e1", "Edit", &file("src/./up.rs"))
        .gets("toolu_e1", "ok");
    let audit = scene.audit(main);
    assert_eq!(only(&audit), is("redone", "edited-again"));
    let evidence = audit["list"][0]["evidence"].as_array().expect("a list").clone();
    let ids: Vec<&Value> = evidence.iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!("toolu_e1"), &json!("toolu_w1")]);
}

#[test]
fn an_edit_of_another_file_a_failed_edit_and_one_of_the_next_prompt_redo_nothing() {
    for (what, more) in [
        (
            "a file that it only read",
            (|t: Transcript| t.calls("toolu_e1", "Edit", &file("src/lib.rs"))) as fn(_) -> _,
        ),
        ("an edit that failed", |t| {
            t.calls("toolu_e1", "Edit", &file("src/up.rs")).fails("toolu_e1", "no match")
        }),
        ("after the next prompt", |t| {
            t.user("p2", "thanks, now add a header").calls("toolu_e1", "Edit", &file("src/up.rs"))
        }),
    ] {
        let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
        let audit = scene.audit(more(asked(WRITE).back("toolu_1", "a1", "Done.").says("m9")));
        assert_eq!(only(&audit).0, "accepted", "{what}");
    }
}

#[test]
fn only_the_last_writer_of_a_file_is_redone() {
    let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote).delegation(
        "toolu_2",
        "a2",
        SONNET,
        |agent| agent.at(40).calls("toolu_w2", "Edit", &file("src/up.rs")),
    );
    let main = asked(WRITE)
        .back("toolu_1", "a1", "Done.")
        .delegates("toolu_2", "Translate the messages of the upload page into German")
        .at(60)
        .back("toolu_2", "a2", "Done.")
        .calls("toolu_e1", "Edit", &file("src/up.rs"));
    let audit = scene.audit(main);
    let outcomes: Vec<String> = verdicts(&audit).into_iter().map(|(_, outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["accepted", "redone"]);
}

#[test]
fn the_same_search_or_command_again_is_redoing_a_look_up() {
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked);
    let main = asked(FIND).back("toolu_1", "a1", "src/a.rs:3").calls("toolu_g2", "Grep", &grep());
    assert_eq!(only(&scene.audit(main)), is("redone", "searched-again"));
    let tests = |command: &'static str| {
        move |agent: Transcript| agent.calls("toolu_b1", "Bash", &json!({"command": command}))
    };
    for (command, again, expected) in [
        ("cargo  test --locked", "cargo test\n --locked ", is("redone", "ran-again")),
        ("git status", "git status", is("accepted", "went-on")),
        ("cargo test", "cargo test --release", is("accepted", "went-on")),
    ] {
        let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, tests(command));
        let main = asked(FIND).back("toolu_1", "a1", "all pass").calls(
            "toolu_b2",
            "Bash",
            &json!({"command": again}),
        );
        assert_eq!(only(&scene.audit(main)), expected, "{command}");
    }
}

#[test]
fn the_same_search_in_the_shell_is_redoing_it_too() {
    // The orchestrator of 2.1.329 and 2.1.197 has no Grep and no Glob.
    for (command, expected) in [
        (
            "cd /home/user/shop && grep -rn \"validate_token\" src 2>/dev/null | head -40",
            is("redone", "searched-again"),
        ),
        ("rg validate_token ./src/", is("redone", "searched-again")),
        ("grep -rn validate_token tests", is("accepted", "went-on")),
        ("grep -rln validate_token src | xargs wc -l", is("accepted", "went-on")),
    ] {
        let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked);
        let again = json!({"command": command, "description": "Find the callers"});
        let main = asked(FIND).back("toolu_1", "a1", "src/a.rs:3").calls("toolu_b2", "Bash", &again);
        assert_eq!(only(&scene.audit(main)), expected, "{command}");
    }
}

#[test]
fn what_a_shell_command_may_have_changed_is_checked_anew() {
    let run = json!({"command": "cargo test"});
    let ran = |agent: Transcript| agent.calls("toolu_b1", "Bash", &json!({"command": "cargo test"}));
    let scene = || Scene::new().delegation("toolu_1", "a1", HAIKU, ran);
    let back = || asked("Run the tests and report what fails").back("toolu_1", "a1", "one fails");
    for mends in ["sed -i s/a/b/ src/a.rs", "cargo fmt", "cat > src/a.rs <<'END'\nx\nEND"] {
        let main =
            back().calls("toolu_b2", "Bash", &json!({"command": mends})).calls("toolu_b3", "Bash", &run);
        assert_eq!(only(&scene().audit(main)), is("accepted", "went-on"), "{mends}");
    }
    let looks = json!({"command": "git status && ls > /dev/null 2>&1"});
    let main = back().calls("toolu_b2", "Bash", &looks).calls("toolu_b3", "Bash", &run);
    assert_eq!(only(&scene().audit(main)), is("redone", "ran-again"));
}

#[test]
fn an_executor_that_may_have_written_by_a_command_is_checked_and_one_that_only_checks_is_not() {
    let tests = json!({"command": "cargo test"});
    let ran = |agent: Transcript| {
        agent
            .calls("toolu_b0", "Bash", &json!({"command": "echo 'fn up() {}' > src/up.rs"}))
            .calls("toolu_b1", "Bash", &tests)
    };
    for (name, expected) in
        [("general-purpose", is("accepted", "went-on")), ("sef-validate", is("redone", "ran-again"))]
    {
        let mut scene = Scene::new().delegation("toolu_1", "a1", SONNET, ran);
        scene.records[0].agent = Some(name.to_owned());
        let main = asked(WRITE).back("toolu_1", "a1", "Done.").calls("toolu_b2", "Bash", &tests);
        assert_eq!(only(&scene.audit(main)), expected, "{name}");
    }
}

#[test]
fn reading_once_to_verify_is_not_redoing_and_reading_again_is() {
    let read = json!({"file_path": "/home/user/shop/src/a.rs"});
    let main = asked(FIND).back("toolu_1", "a1", "src/a.rs:3").calls("toolu_r8", "Read", &read);
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked);
    assert_eq!(only(&scene.audit(main.clone())), is("accepted", "went-on"));
    let twice = main.calls("toolu_r9", "Read", &read);
    assert_eq!(only(&scene.audit(twice.clone())), is("redone", "read-again"));
    // Whoever reads in order to edit uses the answer.
    let edits = twice.calls("toolu_e1", "Edit", &file("src/a.rs"));
    assert_eq!(only(&scene.audit(edits)), is("accepted", "went-on"));
}

#[test]
fn running_the_tests_after_an_implementation_or_a_change_is_verification() {
    let run = json!({"command": "cargo test --locked"});
    let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
    let main = asked(WRITE).back("toolu_1", "a1", "Done.").calls("toolu_b2", "Bash", &run);
    assert_eq!(only(&scene.audit(main)), is("accepted", "went-on"));
    // An executor that only ran them, and the orchestrator after it has mended something.
    let ran = |agent: Transcript| agent.calls("toolu_b1", "Bash", &json!({"command": "cargo test --locked"}));
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, ran);
    let main = asked("Run the tests and report what fails")
        .back("toolu_1", "a1", "one fails")
        .calls("toolu_e1", "Edit", &file("src/a.rs"))
        .gets("toolu_e1", "ok")
        .calls("toolu_b2", "Bash", &run);
    assert_eq!(only(&scene.audit(main)), is("accepted", "went-on"));
}

#[test]
fn the_same_task_one_tier_up_or_at_the_same_tier_is_given_out_again() {
    let again = format!("{FIND}. The last report missed the callers in tests.");
    for (model, reason) in [(SONNET, "again-higher-tier"), (HAIKU, "again-same-tier")] {
        let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked).delegation(
            "toolu_2",
            "a2",
            model,
            |agent| agent.at(40).calls("toolu_g2", "Grep", &grep()),
        );
        let main = asked(FIND)
            .back("toolu_1", "a1", "src/a.rs:3")
            .delegates("toolu_2", &again)
            .at(60)
            .back("toolu_2", "a2", "src/a.rs:3 and tests/b.rs:9")
            .says("m9");
        let found = verdicts(&scene.audit(main));
        assert_eq!((found[0].1.as_str(), found[0].2.as_str()), ("re-delegated", reason));
        assert_eq!(found[1].1, "accepted");
    }
}

#[test]
fn another_task_a_lower_tier_a_parallel_one_and_a_new_check_are_no_second_try() {
    type Main = fn() -> Transcript;
    let second: [(&str, &str, &str, Main); 5] = [
        ("the same form for another module", "Write unit tests for the parser module", HAIKU, || {
            asked("Write unit tests for the lexer module")
                .back("toolu_1", "a1", "Done.")
                .delegates("toolu_2", "Write unit tests for the parser module")
        }),
        ("another file", FIND, HAIKU, || {
            asked(&format!("{FIND} in src/auth.rs"))
                .back("toolu_1", "a1", "a.rs:3")
                .delegates("toolu_2", &format!("{FIND} in src/billing.rs"))
        }),
        ("in parallel", FIND, HAIKU, || {
            Transcript::main("s1")
                .user("p1", "please take care of this")
                .delegates("toolu_1", FIND)
                .delegates("toolu_2", FIND)
                .at(20)
                .back("toolu_1", "a1", "a.rs:3")
        }),
        ("after a change", FIND, HAIKU, || {
            asked(FIND)
                .back("toolu_1", "a1", "a.rs:3")
                .calls("toolu_e1", "Edit", &file("src/z.rs"))
                .gets("toolu_e1", "ok")
                .delegates("toolu_2", FIND)
        }),
        ("for the next prompt", FIND, HAIKU, || {
            asked(FIND)
                .back("toolu_1", "a1", "a.rs:3")
                .user("p2", "and once more please")
                .delegates("toolu_2", FIND)
        }),
    ];
    for (what, _, model, main) in second {
        let scene = Scene::new().delegation("toolu_1", "a1", model, looked).delegation(
            "toolu_2",
            "a2",
            model,
            |agent| agent.at(40).calls("toolu_g2", "Grep", &grep()),
        );
        let found = verdicts(&scene.audit(main().at(60).back("toolu_2", "a2", "Done.").says("m9")));
        assert_eq!((found[0].1.as_str(), found[1].1.as_str()), ("accepted", "accepted"), "{what}");
    }
    let scene =
        Scene::new().delegation("toolu_1", "a1", SONNET, looked).delegation("toolu_2", "a2", HAIKU, looked);
    let main = asked(FIND)
        .back("toolu_1", "a1", "a.rs:3")
        .delegates("toolu_2", FIND)
        .at(60)
        .back("toolu_2", "a2", "x");
    assert_eq!(verdicts(&scene.audit(main.says("m9")))[0].1, "accepted", "a lower tier");
}

#[test]
fn two_short_questions_of_one_form_are_two_tasks_even_when_no_tool_was_used() {
    let idle = |agent: Transcript| agent;
    let scene =
        Scene::new().delegation("toolu_1", "a1", SONNET, idle).delegation("toolu_2", "a2", SONNET, idle);
    let main = asked("Find where the port number is set and report file:line.")
        .back("toolu_1", "a1", "src/net.py:2")
        .delegates("toolu_2", "Find where the greeting is defined and report file:line.")
        .at(60)
        .back("toolu_2", "a2", "hello.txt:1")
        .says("m9");
    assert_eq!(verdicts(&scene.audit(main))[0].1, "accepted");
}

#[test]
fn a_background_agent_is_judged_after_its_notification() {
    let launched = Record { out: Some(Outcome::Launched), ..result("toolu_1", "a1", HAIKU) };
    let mut scene = Scene::new();
    scene.records = vec![spawn("toolu_1", "general-purpose", None, None, OPUS), launched];
    scene.agent("toolu_1", "a1", HAIKU, None, wrote);
    let main = asked(WRITE)
        .launched("toolu_1", "a1")
        .calls("toolu_e1", "Edit", &file("src/up.rs"))
        .gets("toolu_e1", "ok")
        .says("m8");
    assert_eq!(only(&scene.audit(main.clone())), is("unknown", "still-running"));
    let done = main.notified("toolu_1", "a1", "Done: <status>failed</status> is handled.").says("m9");
    assert_eq!(only(&scene.audit(done.clone())), is("accepted", "went-on"));
    assert_eq!(
        only(&scene.audit(done.calls("toolu_e2", "Edit", &file("src/up.rs")))),
        is("redone", "edited-again")
    );
}

#[test]
fn a_nested_subagent_is_judged_by_whoever_started_it() {
    let mut scene = Scene::new();
    scene.records = vec![
        spawn("toolu_1", "general-purpose", None, None, OPUS),
        Record { out: Some(Outcome::Ok), ..result("toolu_1", "a1", SONNET) },
        Record { a: Some("a1".to_owned()), ..spawn("toolu_2", "general-purpose", None, None, SONNET) },
        Record { out: Some(Outcome::Ok), ..result("toolu_2", "a2", HAIKU) },
    ];
    scene.agent("toolu_1", "a1", SONNET, None, |agent| {
        agent
            .delegates("toolu_2", "Write the helper for the delays")
            .at(9)
            .back("toolu_2", "a2", "Done.")
            .calls("toolu_e1", "Edit", &file("src/up.rs"))
            .gets("toolu_e1", "ok")
    });
    scene.agent("toolu_2", "a2", HAIKU, Some("a1"), |agent| wrote(agent.at(5)));
    let found = verdicts(&scene.audit(asked(WRITE).back("toolu_1", "a1", "Done.").says("m9")));
    assert_eq!((found[0].1.as_str(), found[1].1.as_str()), ("accepted", "redone"));
}

#[test]
fn the_users_complaint_counts_against_the_work_before_it_and_thanks_does_not() {
    for (next, expected) in [
        ("that doesn't work, the upload still fails", is("user-visible", "user-complained")),
        ("thanks, that works", is("accepted", "went-on")),
        ("now add a header to the page", is("accepted", "went-on")),
    ] {
        let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
        let main = asked(WRITE).back("toolu_1", "a1", "Done.").says("m9").user("p2", next).says("m10");
        assert_eq!(only(&scene.audit(main)), expected, "{next}");
    }
}

#[test]
fn a_complaint_counts_against_who_wrote_and_against_a_look_up_only_when_it_was_alone() {
    let wrong = "that doesn't work, the upload still fails";
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked).delegation(
        "toolu_2",
        "a2",
        SONNET,
        |agent| agent.at(40).calls("toolu_w2", "Edit", &file("src/up.rs")),
    );
    let both = asked(FIND)
        .back("toolu_1", "a1", "src/a.rs:3")
        .delegates("toolu_2", WRITE)
        .at(60)
        .back("toolu_2", "a2", "Done.")
        .says("m9");
    let found = verdicts(&scene.audit(both.user("p2", wrong)));
    assert_eq!((found[0].1.as_str(), found[1].1.as_str()), ("accepted", "user-visible"));
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked);
    let alone = asked(FIND).back("toolu_1", "a1", "src/a.rs:3").says("m9");
    assert_eq!(only(&scene.audit(alone.clone().user("p2", wrong))).0, "user-visible");
    // A command that nobody answers is no next prompt; what the client says is none either.
    let cost = "<command-name>/cost</command-name>\n<command-args></command-args>";
    let noted = alone.user("c1", cost).user("c2", "<local-command-stdout>$1</local-command-stdout>");
    assert_eq!(only(&scene.audit(noted.user("p2", wrong))).0, "user-visible");
}

#[test]
fn a_complaint_after_an_unrelated_prompt_is_about_that_one() {
    let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
    let main = asked(WRITE)
        .back("toolu_1", "a1", "Done.")
        .says("m9")
        .user("p2", "rename the button on the start page")
        .says("m10")
        .user("p3", "that doesn't work, the button is still the old one")
        .says("m11");
    assert_eq!(only(&scene.audit(main)), is("accepted", "went-on"));
}

#[test]
fn without_a_transcript_or_an_end_the_outcome_is_unknown_and_in_no_rate() {
    let mut scene = Scene::new();
    scene.records = vec![
        spawn("toolu_1", "general-purpose", None, None, OPUS),
        Record { out: Some(Outcome::Ok), ..result("toolu_1", "a1", HAIKU) },
    ];
    write_log(&scene.sandbox, &scene.records);
    let gone = audit(&scene.sandbox, &[]);
    assert_eq!(only(&gone), is("unknown", "no-transcript"));
    assert_eq!((&gone["outcomes"]["known"], &gone["outcomes"]["rejection_rate"]), (&json!(0), &Value::Null));
    assert!(page(&scene.sandbox, &[]).contains("  rejected: no outcome known yet, 1 unknown"));
    let cut = scene.audit(asked(FIND).back("toolu_1", "a1", "src/a.rs:3"));
    assert_eq!(only(&cut), is("unknown", "nothing-after"));
}

#[test]
fn a_compacted_and_resumed_session_is_read_once_and_on() {
    let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
    let main = asked(WRITE).back("toolu_1", "a1", "Done.");
    let twice = main.clone().says("m9").line(&json!({"type": "system", "subtype": "compact_boundary"}));
    let summary = json!({"type": "user", "uuid": "c1", "isCompactSummary": true, "isVisibleInTranscriptOnly": true,
        "message": {"role": "user", "content": "That doesn't work, the upload still fails, the user said."}});
    // The client may repeat lines with their old times: the call stays one, an old edit is not after its end, and a
    // new one is still of the same prompt.
    let main = twice.line(&summary).at(1).user("p1", "please take care of this").delegates("toolu_1", WRITE);
    let repeated = main.calls("toolu_e0", "Edit", &file("src/up.rs")).at(50).says("m10");
    assert_eq!(only(&scene.audit(repeated.clone())), is("accepted", "went-on"));
    let resumed = repeated.calls("toolu_e1", "Edit", &file("src/up.rs")).gets("toolu_e1", "ok");
    assert_eq!(only(&scene.audit(resumed)), is("redone", "edited-again"));
}

#[test]
fn torn_foreign_and_huge_lines_spoil_nothing() {
    let scene = Scene::new().delegation("toolu_1", "a1", SONNET, wrote);
    let huge = json!({"type": "progress", "message": {"content": "\"tool_use\" \"Agent\" ".repeat(500_000)}});
    let odd = json!({"type": "assistant", "message": {"content": [{"type": "tool_use", "id": 7, "name": "Agent"}]}});
    let main = asked(WRITE)
        .raw("\u{0}\u{0}\n[1]\nnull\n{\"type\":\"assistant\",\"tool_use\":{\"Agent\n")
        .line(&odd)
        .line(&json!({"type": "future", "message": {"content": {"tool_use": "Agent"}}}))
        .back("toolu_1", "a1", "Done.")
        .line(&huge)
        .says("m9")
        .calls("toolu_e1", "Edit", &file("src/up.rs"))
        .gets("toolu_e1", "ok")
        .raw("{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"that does");
    let audit = scene.audit(main);
    assert_eq!(only(&audit), is("redone", "edited-again"));
    assert_eq!(audit["unreadable_lines"], 5);
}

#[test]
fn names_and_texts_are_escaped_and_texts_are_shown_only_when_asked_for() {
    let evil = "\u{1b}]0;owned\u{7}\u{202e}CANARY";
    let scene = Scene::new();
    let agent = Transcript::agent("s1", "a1").at(3).answer("m-a1", HAIKU, TOKENS, 1);
    agent.write_with_meta(&scene.sandbox, evil, "toolu_1", HAIKU, None);
    let main = asked(&format!("{FIND} {evil}"))
        .back("toolu_1", "a1", &format!("INCOMPLETE: {evil} {}", "long ".repeat(200)))
        .says("m9");
    let quiet = scene.audit(main);
    assert_eq!(only(&quiet), is("failed", "gave-up"));
    assert_eq!(quiet["list"][0]["evidence"][0].get("text"), None);
    let raw = scene.sandbox.run("sef-stats", &["audit", "--json"], "").out;
    assert!(!raw.trim_end().chars().any(char::is_control) && !raw.contains("INCOMPLETE"), "{raw}");
    let shown = audit(&scene.sandbox, &["--show-text"]);
    let text = shown["list"][0]["evidence"][0]["text"].as_str().expect("a text").to_owned();
    assert!(
        text.starts_with("<tools-used") && text.contains("INCOMPLETE") && text.chars().count() <= 300,
        "{text}"
    );
}

#[test]
fn one_kind_can_be_listed_and_the_report_has_the_rate() {
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked).delegation(
        "toolu_2",
        "a2",
        SONNET,
        |agent| agent.at(40).calls("toolu_w2", "Edit", &file("src/up.rs")),
    );
    let main = asked(FIND)
        .back("toolu_1", "a1", "src/a.rs:3")
        .delegates("toolu_2", WRITE)
        .at(60)
        .back("toolu_2", "a2", "Done.")
        .calls("toolu_e1", "Edit", &file("src/up.rs"));
    scene.audit(main);
    let redone = audit(&scene.sandbox, &["--outcome", "redone", "--since", "2026-11-20"]);
    assert_eq!(verdicts(&redone).len(), 1);
    assert_eq!(redone["schema"], 1);
    assert_eq!((&redone["outcomes"]["known"], &redone["outcomes"]["rejected"]), (&json!(2), &json!(1)));
    assert_eq!(verdicts(&audit(&scene.sandbox, &["--outcome", "user-visible"])).len(), 0);
    assert_eq!(verdicts(&audit(&scene.sandbox, &["--project", "/home/user/shop"])).len(), 2);
    assert_eq!(report(&scene.sandbox, &[])["rates"]["rejection"], 0.5);
    let page = page(&scene.sandbox, &[]);
    assert!(page.contains("  rejected: 1 of 2 (50 %; 95 % interval 9-91 %), 0 unknown"), "{page}");
    assert!(page.contains("  outcomes: 1 accepted, 1 redone\n"), "{page}");
    let bad = scene.sandbox.run("sef-stats", &["audit", "--outcome", "nonsense"], "");
    assert_eq!(bad.code, Some(2));
}

#[test]
fn a_notification_or_a_word_of_the_user_in_the_middle_of_a_turn_counts_where_it_stands() {
    let queued = |uuid: &str, mode: &str, prompt: &str| {
        json!({"type": "attachment", "uuid": uuid, "attachment": {"type": "queued_command", "prompt": prompt,
            "commandMode": mode, "source_uuid": "q1"}})
    };
    let notified = "<task-notification>\n<task-id>a1</task-id>\n<tool-use-id>toolu_1</tool-use-id>\n\
        <status>completed</status>\n<result>Done.</result>\n</task-notification>";
    let scene = Scene::new();
    scene.agent("toolu_1", "a1", SONNET, None, wrote);
    let main = asked(WRITE)
        .launched("toolu_1", "a1")
        .calls("toolu_r7", "Read", &json!({"file_path": "/home/user/shop/README.md"}))
        .line(&queued("q1", "task-notification", notified));
    let edited = main.clone().calls("toolu_e1", "Edit", &file("src/up.rs"));
    assert_eq!(only(&scene.audit(edited)), is("redone", "edited-again"));
    let stopped = main.says("m9").line(&queued("q2", "prompt", "that doesn't work, the upload still fails"));
    let then = stopped.calls("toolu_e1", "Edit", &file("src/up.rs"));
    assert_eq!(only(&scene.audit(then)), is("user-visible", "user-complained"));
}

#[test]
fn results_of_parallel_calls_may_be_out_of_order() {
    let scene =
        Scene::new().delegation("toolu_1", "a1", HAIKU, looked).delegation("toolu_2", "a2", HAIKU, looked);
    let main = Transcript::main("s1")
        .user("p1", "please take care of this")
        .delegates("toolu_1", FIND)
        .delegates("toolu_2", WRITE)
        .at(30)
        .back("toolu_2", "a2", "Done.")
        .at(20)
        .back("toolu_1", "a1", "src/a.rs:3")
        .at(31)
        .says("m9");
    let outcomes: Vec<String> =
        verdicts(&scene.audit(main)).into_iter().map(|(_, outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["accepted", "accepted"]);
}

#[test]
fn a_folder_of_any_name_is_escaped_and_the_json_stays_whole() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new().delegation("toolu_1", "a1", HAIKU, looked);
    scene.audit(asked(FIND).back("toolu_1", "a1", "src/a.rs:3").says("m9"));
    let evil = std::ffi::OsStr::from_bytes(b"-home-\x1b[31mred\xff\xe2\x80\xae");
    let projects = scene.sandbox.path(".claude/projects");
    std::fs::rename(scene.sandbox.path(FOLDER), projects.join(evil)).expect("rename");
    let audit = audit(&scene.sandbox, &["--show-text"]);
    assert_eq!(only(&audit), is("accepted", "went-on"));
    assert!(audit["list"][0]["evidence"][0]["text"].as_str().is_some_and(|text| text.contains("src/a.rs:3")));
}
