//! The winner comes onto the user's branch when that is asked for, never onto a dirty tree; the others are cleared away.

use serde_json::Value;

use super::{Ring, candidate, outcome};

#[test]
fn a_promoted_winner_is_on_the_branch_and_the_others_are_gone() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let run = ring.showdown(&["--fix", "0", "--promote"]);
    let outcome = outcome(&run);
    assert!(
        outcome["promoted"].as_str().is_some_and(|said| said.contains("fast-forward")),
        "{outcome:#}\n{}",
        run.err
    );
    assert!(ring.sandbox.read("project/limiter.py").contains("class TokenBucketLimiter"));
    assert!(
        ring.sandbox.read("project/docs/plans/rate-limiter/speed-run/showdown/result.md").contains("WINNER")
    );
    assert_eq!(ring.git(&["status", "--porcelain"]), "");
    assert_eq!(ring.git(&["branch", "--list", "sef-race-*"]), "");
    assert_eq!(ring.git(&["worktree", "list"]).lines().count(), 1);
    let log = ring.git(&["log", "--format=%an %s"]);
    assert_eq!(log.lines().count(), 2, "{log}");
    let test = ring.sandbox.command("sh");
    let mut test = test;
    test.args(["-c", &ring.test_command()]);
    assert_eq!(crate::sandbox::finish(test, b"").code, Some(0), "the promoted code passes the base tests");
}

#[test]
fn f1_nothing_is_promoted_onto_a_dirty_tree() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let outcome = outcome(&ring.showdown(&["--fix", "0"]));
    let id = outcome["id"].as_str().expect("an id");
    ring.sandbox.write("project/README.md", "mine\n");
    let before = ring.users();
    let run = ring.sandbox.run("sef", &["race", "promote", id, "--yes"], "");
    assert!(run.code == Some(1) && run.err.contains("README.md") || run.err.contains("changes"), "{run:?}");
    assert_eq!(ring.users(), before);
    ring.git(&["commit", "-q", "-am", "mine"]);
    let run = ring.sandbox.run("sef", &["race", "promote", id, "--yes", "--json"], "");
    let said: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{run:?}"));
    assert_eq!(said["by"], "one commit on top", "the branch has moved since");
    assert_eq!(ring.sandbox.read("project/README.md"), "mine\n");
}

#[test]
fn f4_work_that_nobody_took_stays_until_it_is_named() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let outcome = outcome(&ring.showdown(&["--fix", "0"]));
    let id = outcome["id"].as_str().expect("an id");
    let branch = candidate(&outcome, "runner-2")["branch"].as_str().expect("a branch").to_owned();
    let run = ring.sandbox.run("sef", &["clean", id], "");
    assert!(run.out.contains("kept"), "{run:?}");
    assert!(ring.git(&["branch", "--list", &branch]).contains(&branch));
    let run = ring.sandbox.run("sef", &["clean", id, "--discard", "all"], "");
    assert!(run.code == Some(0) && run.out.contains("nothing of it is left"), "{run:?}");
    assert_eq!(ring.git(&["branch", "--list", "sef-race-*"]), "");
    assert_eq!(ring.git(&["worktree", "list"]).lines().count(), 1);
}
