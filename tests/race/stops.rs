//! Races that end before their time: by Ctrl-C, by a kill at any moment, with another one in the same repository. What is
//! there is kept, and a resume finishes it or a clean clears it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::{Ring, candidate, outcome};

/// A race that was ended by a signal when stderr first said `words`.
fn ended_at(ring: &Ring, words: &str, signal: &str) -> Option<i32> {
    let mut command = ring.begun(&["--fix", "0"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line.contains(words)), "it never said {words}");
    let mut kill = ring.sandbox.command("kill");
    kill.args([signal, &child.id().to_string()]);
    assert_eq!(crate::sandbox::finish(kill, b"").code, Some(0));
    for line in lines {
        drop(line);
    }
    child.wait().expect("ends").code()
}

fn resumed(ring: &Ring) -> Value {
    let run = ring.sandbox.run("sef", &["showdown", "--resume", "--json"], "");
    assert_eq!(run.code, Some(0), "{run:?}");
    outcome(&run)
}

#[test]
fn f4_ctrl_c_keeps_what_is_there_and_a_resume_does_not_ask_for_plans_again() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &["--latency", "0.4"]);
    let before = ring.users();
    assert_eq!(ended_at(&ring, "generating 1/1", "-INT"), Some(1));
    assert_eq!(ring.users(), before);
    let planned = |ring: &Ring| {
        let calls = ring.service.calls();
        calls
            .iter()
            .filter(|call| {
                call["messages"][0]["content"].as_str().is_some_and(|text| text.starts_with("You plan"))
            })
            .count()
    };
    let plans = planned(&ring);
    assert!((1..=2).contains(&plans));
    let outcome = resumed(&ring);
    assert_eq!(outcome["winner"], "runner-1", "{outcome:#}");
    assert_eq!(planned(&ring), 2, "plans that were there were used");
    assert_eq!(ring.users(), before);
}

#[test]
fn f4_a_race_that_is_killed_at_any_phase_is_finished_by_a_resume() {
    for words in ["planning", "generating 1/1", "testing", "final exam", "review"] {
        let ring = Ring::new("limiter", &["alpha", "charlie"], &["--latency", "0.2"]);
        let before = ring.users();
        assert_eq!(ended_at(&ring, words, "-KILL"), None, "{words}");
        assert_eq!(ring.users(), before, "{words}");
        let outcome = resumed(&ring);
        assert_eq!(outcome["winner"], "runner-1", "{words}: {outcome:#}");
        assert_eq!(candidate(&outcome, "runner-2")["status"], "eliminated", "{words}");
        assert_eq!(ring.users(), before, "{words}");
    }
}

#[test]
fn f4_a_race_that_is_killed_at_any_time_is_cleared_without_a_trace() {
    for number in 0..12_u64 {
        let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
        let before = ring.users();
        let mut command = ring.begun(&["--fix", "0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        std::thread::sleep(Duration::from_millis(number * 97));
        let _ = child.kill();
        let _ = child.wait();
        let races = ring.sandbox.run("sef", &["race", "status", "--json"], "");
        let listed: Value = serde_json::from_str(&races.out).expect("is JSON");
        for race in listed["races"].as_array().expect("is a list") {
            let id = race["id"].as_str().expect("an id");
            let run = ring.sandbox.run("sef", &["clean", id, "--discard", "all"], "");
            assert_eq!(run.code, Some(0), "{number}: {run:?}");
        }
        assert_eq!(ring.git(&["branch", "--list", "sef-race-*"]), "", "{number}");
        assert_eq!(ring.git(&["worktree", "list"]).lines().count(), 1, "{number}");
        assert_eq!(ring.users(), before, "{number}");
    }
}

#[test]
fn f3_two_races_in_one_repository_at_once_both_finish() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &["--latency", "0.1"]);
    let before = ring.users();
    let runs: Vec<_> = std::thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| ring.showdown(&["--fix", "0"]))).collect();
        both.into_iter().map(|run| run.join().expect("ends")).collect()
    });
    for run in &runs {
        let outcome = outcome(run);
        assert_eq!(outcome["winner"], "runner-1", "{outcome:#}");
    }
    assert_ne!(outcome(&runs[0])["id"], outcome(&runs[1])["id"]);
    assert_eq!(ring.users(), before);
}
