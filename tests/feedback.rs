//! `sef reject` and `sef accept`: the user's own word.

use sef::metrics::record::transcript_folder;

use crate::payloads::{object, spawn, with};
use crate::policy::{hook, output, task};
use crate::sandbox::{Run, Sandbox};
use crate::stats::outcomes::{audit, verdicts};

const TASK: &str = "Find where the retry helper is defined and report file and line of every caller.";

/// A spawn that the hook saw, in the folder that the sandbox's commands run in.
fn delegate(sandbox: &Sandbox, session: &str, call: &str) -> Option<String> {
    let here = sandbox.path("project").display().to_string();
    let transcript = sandbox.path(&format!(".claude/projects/{}/{session}.jsonl", transcript_folder(&here)));
    let transcript = transcript.display().to_string();
    let mut event = spawn(session, &[task(TASK)]);
    for (key, value) in [("tool_use_id", call), ("cwd", &here), ("transcript_path", &transcript)] {
        object(&mut event).insert(key.to_owned(), value.into());
    }
    Some(output(&hook(sandbox, &event))["updatedInput"]["model"].as_str()?.to_owned())
}

fn sef(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run("sef", args, "")
}

fn outcomes(sandbox: &Sandbox) -> Vec<(String, String, String)> {
    verdicts(&audit(sandbox, &[]))
}

fn is(call: &str, outcome: &str, reason: &str) -> (String, String, String) {
    (call.to_owned(), outcome.to_owned(), reason.to_owned())
}

#[test]
fn a_rejected_delegation_counts_and_sends_similar_work_in_its_session_up() {
    let sandbox = Sandbox::new();
    assert_eq!(delegate(&sandbox, "s1", "toolu_aaaaaa").as_deref(), Some("haiku"));
    let run = sef(&sandbox, &["reject"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert!(run.out.starts_with("rejected: ") && run.out.contains("one tier up"), "{}", run.out);
    assert_eq!(outcomes(&sandbox), [is("toolu_aaaaaa", "user-visible", "rejected-by-hand")]);
    assert_eq!(delegate(&sandbox, "s1", "toolu_bbbbbb").as_deref(), Some("sonnet"));
    assert_eq!(delegate(&sandbox, "s2", "toolu_cccccc").as_deref(), Some("haiku"), "another session");
    // The last word counts, and takes the rest back.
    sef(&sandbox, &["accept", "toolu_aaaaaa"]);
    assert_eq!(outcomes(&sandbox)[0], is("toolu_aaaaaa", "accepted", "accepted-by-hand"));
    assert_eq!(delegate(&sandbox, "s1", "toolu_dddddd").as_deref(), Some("haiku"));
}

#[test]
fn the_work_is_found_by_call_by_agent_by_session_and_by_how_an_id_begins() {
    let sandbox = Sandbox::new();
    delegate(&sandbox, "s1", "toolu_aaaaaa");
    delegate(&sandbox, "s2", "toolu_bbbbbb");
    hook(
        &sandbox,
        &with("PostToolUse.Agent", &[("session_id", "s2".into()), ("tool_use_id", "toolu_bbbbbb".into())]),
    );
    let agent =
        with("PostToolUse.Agent", &[])["tool_response"]["agentId"].as_str().expect("an id").to_owned();
    for (args, call) in [
        (&["--session", "s1"][..], "toolu_aaaaaa"),
        (&["toolu_a"], "toolu_aaaaaa"),
        (&[&agent], "toolu_bbbbbb"),
        (&[&agent[..8], "--session", "s2"], "toolu_bbbbbb"),
        (&[], "toolu_bbbbbb"),
    ] {
        let run = sef(&sandbox, &[&["accept"], args].concat());
        assert!(run.code == Some(0) && run.out.contains(call), "{args:?}: {}{}", run.out, run.err);
    }
}

#[test]
fn what_cannot_be_told_apart_or_found_is_an_error_that_names_the_last_ones() {
    let sandbox = Sandbox::new();
    let nothing = sef(&sandbox, &["reject"]);
    assert!(nothing.code == Some(1) && nothing.err.contains("delegate something first"), "{}", nothing.err);
    delegate(&sandbox, "s1", "toolu_aaaaaa1");
    delegate(&sandbox, "s1", "toolu_aaaaaa2");
    let before = sandbox.read("state/log.jsonl");
    for (args, why) in [
        (&["toolu_aaaaaa"][..], "2 delegations"),
        (&["toolu_zzz"], "no delegation"),
        (&["t"], "too short"),
        (&["--session", "s9"], "delegated nothing"),
        (&["../../etc/passwd"], "no delegation"),
    ] {
        let run = sef(&sandbox, &[&["reject"], args].concat());
        assert!(run.code == Some(1) && run.err.contains(why), "{args:?}: {}", run.err);
        assert!(run.err.contains("toolu_aaaaaa2 (general-purpose"), "{}", run.err);
    }
    assert_eq!(sandbox.read("state/log.jsonl"), before, "nothing was noted");
}

#[test]
fn in_another_folder_the_last_work_is_not_taken_for_the_one_that_is_meant() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.path(".claude/projects/-somewhere-else/s1.jsonl").display().to_string();
    let mut event = spawn("s1", &[task(TASK)]);
    object(&mut event).insert("transcript_path".to_owned(), elsewhere.into());
    hook(&sandbox, &event);
    let run = sef(&sandbox, &["reject"]);
    assert!(run.code == Some(1) && run.err.contains("in this folder"), "{}", run.err);
}
