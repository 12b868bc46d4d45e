//! Wanted, requested, ran: planted mismatches are found, and nothing else is called one.

use sef::metrics::record::{Kind, Outcome, Record, hashed, project_key};
use serde_json::{Value, json};

use super::corpus::{FOLDER, NOON, Transcript, record, result, spawn, write_log};
use super::{page, report};
use crate::sandbox::Sandbox;

const OPUS: &str = "claude-opus-5-5";
const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const TOKENS: (u64, u64, u64, u64) = (10, 10, 10, 10);

/// An agent of session s1 that ran on `model`, started by `call`.
fn agent(sandbox: &Sandbox, id: &str, agent_type: &str, call: &str, model: &str) {
    let meta_model = "claude-as-resolved";
    Transcript::agent("s1", id)
        .answer(&format!("m-{id}"), model, TOKENS, 2)
        .write_with_meta(sandbox, agent_type, call, meta_model, None);
}

fn list(report: &Value) -> Vec<Value> {
    report["delegations"]["list"].as_array().expect("a list").clone()
}

#[test]
fn a_planted_mismatch_is_found_and_loud() {
    let sandbox = Sandbox::new();
    let session = "5f6a1c2e-8d11-4c5e-9a77-3f0a6c1d2b4e";
    let at = |record: Record| Record { s: session.to_owned(), ..record };
    write_log(
        &sandbox,
        &[
            at(spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS)),
            at(result("toolu_1", "a1", HAIKU)),
            at(spawn("toolu_2", "sef-implement", Some("sonnet"), Some("sonnet"), OPUS)),
            at(result("toolu_2", "a2", SONNET)),
        ],
    );
    // The transcript beats what the client said it resolved: a1 ran on Opus.
    Transcript::agent(session, "a1").answer("m1", OPUS, TOKENS, 2).write_with_meta(
        &sandbox,
        "sef-explore",
        "toolu_1",
        "haiku",
        None,
    );
    Transcript::agent(session, "a2").answer("m2", SONNET, TOKENS, 2).write_with_meta(
        &sandbox,
        "sef-implement",
        "toolu_2",
        "sonnet",
        None,
    );
    let report = report(&sandbox, &[]);
    let delegations = &report["delegations"];
    assert_eq!(
        (&delegations["total"], &delegations["mismatches"], &delegations["unknown"]),
        (&json!(2), &json!(1), &json!(0))
    );
    assert_eq!(delegations["by_executor"], json!({"sef-explore": 1, "sef-implement": 1}));
    assert_eq!(delegations["by_model"], json!({OPUS: 1, SONNET: 1}));
    let wrong = &list(&report)[0];
    for (key, value) in [
        ("session", json!(session)),
        ("tool_use_id", json!("toolu_1")),
        ("agent_id", json!("a1")),
        ("executor", json!("sef-explore")),
        ("wanted", json!("haiku")),
        ("requested", json!("haiku")),
        ("ran", json!("opus")),
        ("ran_models", json!([OPUS])),
        ("parent", json!("opus")),
        ("mismatch", json!(true)),
        ("time", json!("2026-11-20T12:00:00.000Z")),
        ("seen_by_hook", json!(true)),
    ] {
        assert_eq!(wrong[key], value, "{key}");
    }
    assert_eq!(list(&report)[1]["mismatch"], json!(false));
    let page = page(&sandbox, &[]);
    assert!(page.contains("MISMATCH sef-explore: wanted haiku, requested haiku, RAN opus"), "{page}");
    assert!(page.contains(&format!("session {session}, 2026-11-20 12:00:00 UTC")), "{page}");
    assert!(page.contains("Delegations: 2, 1 MISMATCH, 0 unknown"), "{page}");
}

#[test]
fn one_request_on_another_model_is_a_mismatch() {
    let sandbox = Sandbox::new();
    write_log(&sandbox, &[spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS)]);
    Transcript::agent("s1", "a1")
        .answer("m1", HAIKU, TOKENS, 1)
        .answer("m2", HAIKU, TOKENS, 1)
        .answer("m3", SONNET, TOKENS, 1)
        .write_with_meta(&sandbox, "sef-explore", "toolu_1", "haiku", None);
    let one = &list(&report(&sandbox, &[]))[0];
    assert_eq!(
        (&one["ran"], &one["ran_models"], &one["mismatch"]),
        (&json!("sonnet"), &json!([HAIKU, SONNET]), &json!(true))
    );
}

#[test]
fn an_inherited_model_must_be_the_parents() {
    let sandbox = Sandbox::new();
    write_log(
        &sandbox,
        &[
            spawn("toolu_1", "general-purpose", None, None, OPUS),
            spawn("toolu_2", "general-purpose", None, None, "opus"),
            spawn("toolu_3", "general-purpose", None, None, "claude-opus-4-8"),
            spawn("toolu_4", "general-purpose", None, None, OPUS),
            spawn("toolu_5", "Explore", None, None, "claude-fable-5-2"),
            Record { par: None, ..spawn("toolu_6", "general-purpose", None, None, "") },
        ],
    );
    for (id, call, model) in [
        ("a1", "toolu_1", OPUS),
        ("a2", "toolu_2", OPUS),
        ("a3", "toolu_3", "claude-opus-5-5[1m]"),
        ("a4", "toolu_4", HAIKU),
        ("a6", "toolu_6", HAIKU),
    ] {
        agent(&sandbox, id, "general-purpose", call, model);
    }
    agent(&sandbox, "a5", "Explore", "toolu_5", OPUS);
    let report = report(&sandbox, &[]);
    let wrong: Vec<Value> = list(&report)
        .iter()
        .filter(|one| one["mismatch"] == true)
        .map(|one| one["agent_id"].clone())
        .collect();
    assert_eq!(wrong, ["a4"]);
    assert!(page(&sandbox, &[]).contains("MISMATCH general-purpose: wanted -, requested inherit, RAN haiku"));
}

#[test]
fn a_model_that_somebody_else_chose_is_no_mismatch() {
    let sandbox = Sandbox::new();
    let mine = hashed("shop-tester");
    let by_environment =
        Record { why: Some("env-model".to_owned()), ..spawn("toolu_3", "general-purpose", None, None, OPUS) };
    write_log(
        &sandbox,
        &[
            spawn("toolu_1", &mine, None, None, OPUS),
            spawn("toolu_2", "claude-code-guide", None, None, OPUS),
            by_environment,
        ],
    );
    Transcript::agent("s1", "a1").answer("m1", HAIKU, TOKENS, 1).write_with_meta(
        &sandbox,
        "shop-tester",
        "toolu_1",
        HAIKU,
        None,
    );
    Transcript::agent("s1", "a2").answer("m2", HAIKU, TOKENS, 1).write_with_meta(
        &sandbox,
        "claude-code-guide",
        "toolu_2",
        HAIKU,
        None,
    );
    agent(&sandbox, "a3", "general-purpose", "toolu_3", SONNET);
    let report = report(&sandbox, &[]);
    assert_eq!(report["delegations"]["mismatches"], 0);
    // The log holds a hash of the person's own name; the transcript resolves it.
    assert_eq!(
        report["delegations"]["by_executor"],
        json!({"claude-code-guide": 1, "general-purpose": 1, "shop-tester": 1})
    );
}

#[test]
fn what_sef_wanted_must_run_even_when_the_call_needed_no_change() {
    let sandbox = Sandbox::new();
    write_log(&sandbox, &[spawn("toolu_1", "sef-explore", Some("haiku"), None, OPUS)]);
    agent(&sandbox, "a1", "sef-explore", "toolu_1", OPUS);
    assert_eq!(report(&sandbox, &[])["delegations"]["mismatches"], 1);
}

#[test]
fn without_evidence_a_delegation_is_unknown() {
    let sandbox = Sandbox::new();
    let refused =
        Record { tu: Some("toolu_2".to_owned()), mode: Some("auto".to_owned()), ..record(Kind::Refused) };
    write_log(
        &sandbox,
        &[
            spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            spawn("toolu_2", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            refused,
            spawn("toolu_3", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            Record { ran: Some("other".to_owned()), ..result("toolu_3", "a3", "") },
        ],
    );
    let report = report(&sandbox, &[]);
    let delegations = &report["delegations"];
    assert_eq!(
        (&delegations["total"], &delegations["mismatches"], &delegations["refused"]),
        (&json!(3), &json!(0), &json!(1))
    );
    assert_eq!(list(&report).iter().filter(|one| one["ran"].is_null()).count(), 3);
    assert_eq!(delegations["unknown"], 3, "a model of no known family proves nothing");
    let page = page(&sandbox, &[]);
    assert!(
        page.contains("the client refused 1 changed call; SEF stopped changing calls in session s1,"),
        "{page}"
    );
    assert!(page.contains("mode auto"), "{page}");
}

#[test]
fn a_background_agent_is_judged_by_its_transcript() {
    let sandbox = Sandbox::new();
    let launched = |call: &str, id: &str| Record { out: Some(Outcome::Launched), ..result(call, id, HAIKU) };
    write_log(
        &sandbox,
        &[
            spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            launched("toolu_1", "a1"),
            spawn("toolu_2", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            launched("toolu_2", "a2"),
        ],
    );
    let mut log = sandbox.read("state/log.jsonl");
    for out in [Outcome::Failed, Outcome::Ok] {
        let stop = Record { a: Some("a1".to_owned()), out: Some(out), ..record(Kind::AgentStop) };
        log.push_str(&super::corpus::log(&[stop]));
    }
    sandbox.write("state/log.jsonl", log);
    // No .meta.json: the log's agent id alone joins a1; a2 has not answered yet.
    Transcript::agent("s1", "a1").answer("m1", SONNET, TOKENS, 1).write(&sandbox);
    let list = list(&report(&sandbox, &[]));
    assert_eq!((&list[0]["ran"], &list[0]["mismatch"]), (&json!("sonnet"), &json!(true)));
    assert_eq!(list[0]["outcome"], "ok", "the last stop counts");
    assert_eq!(
        (&list[1]["ran"], &list[1]["mismatch"], &list[1]["outcome"]),
        (&json!("haiku"), &json!(false), &json!("launched"))
    );
}

#[test]
fn without_a_result_line_in_the_log_the_transcript_joins_call_and_agent() {
    let sandbox = Sandbox::new();
    write_log(
        &sandbox,
        &[
            spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            spawn("toolu_2", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
        ],
    );
    Transcript::main("s1")
        .answer("m0", OPUS, TOKENS, 2)
        .agent_result("toolu_1", "a1", HAIKU, "async_launched")
        .agent_result("toolu_2", "a2", OPUS, "completed")
        .write(&sandbox);
    Transcript::agent("s1", "a1").answer("m1", HAIKU, TOKENS, 1).write(&sandbox);
    let list = list(&report(&sandbox, &[]));
    assert_eq!(
        (&list[0]["agent_id"], &list[0]["ran"], &list[0]["mismatch"]),
        (&json!("a1"), &json!("haiku"), &json!(false))
    );
    // a2 left no transcript: what the client resolved is the evidence.
    assert_eq!(
        (&list[1]["agent_id"], &list[1]["ran"], &list[1]["mismatch"]),
        (&json!("a2"), &json!("opus"), &json!(true))
    );
}

#[test]
fn nested_spawns_are_judged_by_their_own_parent() {
    let sandbox = Sandbox::new();
    let inner = Record { a: Some("a1".to_owned()), ..spawn("toolu_2", "general-purpose", None, None, HAIKU) };
    write_log(
        &sandbox,
        &[
            spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            result("toolu_1", "a1", HAIKU),
            inner,
        ],
    );
    agent(&sandbox, "a1", "sef-explore", "toolu_1", HAIKU);
    Transcript::agent("s1", "a2").answer("m2", HAIKU, TOKENS, 1).write_with_meta(
        &sandbox,
        "general-purpose",
        "toolu_2",
        HAIKU,
        Some("a1"),
    );
    let report = report(&sandbox, &[]);
    assert_eq!(
        (&report["delegations"]["mismatches"], &report["delegations"]["nested"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(list(&report)[1]["parent"], "haiku");
}

#[test]
fn agents_from_before_sef_are_listed_apart() {
    let sandbox = Sandbox::new();
    write_log(&sandbox, &[spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS)]);
    agent(&sandbox, "a1", "sef-explore", "toolu_1", HAIKU);
    Transcript::agent("s0", "a2").answer("m2", HAIKU, TOKENS, 1).write_with_meta(
        &sandbox,
        "general-purpose",
        "toolu_2",
        "haiku",
        None,
    );
    // A helper of the client itself (compaction) has no type: it costs, but nobody delegated it.
    Transcript::agent("s0", "a3").answer("m3", OPUS, TOKENS, 1).write(&sandbox);
    let report = report(&sandbox, &[]);
    assert_eq!(
        (&report["delegations"]["total"], &report["delegations"]["not_seen_by_hook"]),
        (&json!(2), &json!(1))
    );
    let unseen = list(&report).into_iter().find(|one| one["seen_by_hook"] == false).expect("one");
    assert_eq!(
        (&unseen["wanted"], &unseen["requested"], &unseen["session"]),
        (&json!(null), &json!("haiku"), &json!("s0"))
    );
    assert!(page(&sandbox, &[]).contains("1 before SEF, or not seen by its hook"));
}

#[test]
fn a_fork_is_not_judged_by_what_it_copied_from_its_parent() {
    let sandbox = Sandbox::new();
    write_log(&sandbox, &[spawn("toolu_1", "fork", None, None, SONNET)]);
    Transcript::main("s1").answer("m1", OPUS, TOKENS, 1).answer("m2", SONNET, TOKENS, 1).write(&sandbox);
    Transcript::agent("s1", "a1")
        .answer("m1", OPUS, TOKENS, 1)
        .answer("m3", SONNET, TOKENS, 1)
        .write_with_meta(&sandbox, "fork", "toolu_1", "inherit", None);
    let one = &list(&report(&sandbox, &[]))[0];
    assert_eq!((&one["ran_models"], &one["mismatch"]), (&json!([SONNET]), &json!(false)));
}

#[test]
fn a_call_that_two_hooks_logged_is_one_delegation() {
    let sandbox = Sandbox::new();
    let call = spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS);
    write_log(&sandbox, &[call.clone(), call]);
    assert_eq!(report(&sandbox, &[])["delegations"]["total"], 1);
}

#[test]
fn tasks_rates_hints_faults_and_hook_time_come_from_the_log() {
    let sandbox = Sandbox::new();
    let prompt = |id: &str, tier: u8, us: u32| Record {
        p: Some(id.to_owned()),
        tier: Some(tier),
        us: Some(us),
        ..record(Kind::Prompt)
    };
    let hinted = Record { hint: Some("delegate".to_owned()), ..prompt("p1", 1, 900) };
    let fault = Record { why: Some("rules-unreadable".to_owned()), ..record(Kind::Fault) };
    write_log(
        &sandbox,
        &[
            hinted,
            prompt("p2", 2, 1100),
            prompt("p3", 3, 1300),
            prompt("p4", 0, 700),
            spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS),
            fault,
        ],
    );
    let report = report(&sandbox, &[]);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["tasks"], json!({"0": 1, "1": 1, "2": 1, "3": 1}));
    assert_eq!(report["rates"], json!({"delegation": 1.0 / 3.0, "rejection": null}));
    let page = page(&sandbox, &[]);
    for line in [
        "  delegated: 1 of 3 tasks (33 %; target 60-80 %)",
        "  hints given: 1 (delegate 1)",
        "  calibration: 0 of 20 known outcomes",
        "  faults survived: 1 (rules-unreadable 1)",
        "  time: p50 0.90 ms, p95 1.30 ms",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}

#[test]
fn since_and_project_also_choose_among_log_lines() {
    let sandbox = Sandbox::new();
    let key = project_key("-home-user-shop");
    let prompt = |t: u64, project: Option<&str>| Record {
        t,
        tier: Some(1),
        pj: project.map(str::to_owned),
        ..record(Kind::Prompt)
    };
    write_log(
        &sandbox,
        &[
            prompt(NOON, Some(&key)),
            prompt(NOON - 1, Some(&key)),
            prompt(NOON, Some("0123456789abcdef")),
            prompt(NOON, None),
        ],
    );
    let tasks = |args: &[&str]| report(&sandbox, args)["tasks"]["1"].as_u64();
    assert_eq!(tasks(&[]), Some(4));
    assert_eq!(tasks(&["--since", "2026-11-20"]), Some(4));
    assert_eq!(tasks(&["--since", "2026-11-21"]), Some(0));
    assert_eq!(
        tasks(&["--project", "/home/user/shop"]),
        Some(3),
        "a line without a project belongs to its session's"
    );
    assert_eq!(tasks(&["--project", "/home/user/other"]), Some(0));
}

#[test]
fn an_older_clients_explore_on_haiku_is_no_mismatch() {
    let sandbox = Sandbox::new();
    write_log(
        &sandbox,
        &[spawn("toolu_1", "Explore", None, None, OPUS), spawn("toolu_2", "Explore", None, None, OPUS)],
    );
    for (id, call, model) in [("a1", "toolu_1", HAIKU), ("a2", "toolu_2", SONNET)] {
        Transcript::agent("s1", id).answer(id, model, TOKENS, 1).write(&sandbox);
        let meta = json!({"agentType": "Explore", "description": "d", "toolUseId": call, "spawnDepth": 2});
        sandbox.write(&format!("{FOLDER}/s1/subagents/agent-{id}.meta.json"), meta.to_string());
    }
    let report = report(&sandbox, &[]);
    let mismatch: Vec<Value> = list(&report).iter().map(|one| one["mismatch"].clone()).collect();
    assert_eq!(mismatch, [false, true]);
    assert_eq!(report["delegations"]["nested"], 2);
}
