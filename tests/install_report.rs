//! What install and status say: the live check through the registered command, and the report with its exit code.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::install::{EVENTS, FAKE_HOOK, SETTINGS, fails, ready, sef, succeeds, write_program};
use crate::sandbox::Sandbox;

#[test]
fn the_live_check_goes_through_the_registered_command_and_leaves_the_log_alone() {
    let sandbox = ready();
    let witness = sandbox.path("witness");
    let spy = FAKE_HOOK.replacen(
        "IFS=",
        &format!(
            "printf '%s\\n' \"$SEF_STATE_DIR\" >> '{}'\necho x > \"$SEF_STATE_DIR/log\"\nIFS=",
            witness.display()
        ),
        1,
    );
    write_program(&sandbox.path("bin/sef-hook"), &spy);
    let out = succeeds(&sandbox, &["install"]);
    let lines: Vec<&str> = out.lines().filter(|line| line.starts_with("live check: ")).collect();
    assert!(
        lines[0].starts_with("live check: \"find where the config is loaded\" -> no guidance ("),
        "{out}"
    );
    assert!(lines[1].starts_with("live check: \"Find the greeting\" -> model haiku ("), "{out}");
    assert!(lines.iter().all(|line| line.ends_with(" ms)")), "{out}");
    assert!(out.contains("restart open Claude Code sessions"), "{out}");
    let seen = fs::read_to_string(&witness).expect("the hook ran");
    assert_eq!(seen.lines().count(), 2);
    for state in seen.lines() {
        assert_ne!(Path::new(state), sandbox.state());
        assert!(!Path::new(state).exists(), "thrown away: {state}");
    }
    assert!(!sandbox.path("state/log").exists());
}

#[test]
fn a_hook_that_would_not_route_fails_the_live_check() {
    for (hook, why) in [
        ("#!/bin/sh\ncat >/dev/null\n", "set no model"),
        ("#!/bin/sh\necho nonsense\n", "not JSON"),
        ("#!/bin/sh\nexit 3\n", "code 3"),
        ("#!/bin/sh\nkill -9 $$\n", "a signal"),
        (
            "#!/bin/sh\nprintf '%s' '{\"hookSpecificOutput\":{\"updatedInput\":{\"model\":\"haiku\"}}}'\n",
            "does not hold the task's description",
        ),
    ] {
        let sandbox = ready();
        write_program(&sandbox.path("bin/sef-hook"), hook);
        let error = fails(&sandbox, &["install"]);
        assert!(error.contains("live check failed") && error.contains(why), "{why}: {error}");
    }
}

/// Breaks one thing of a complete install.
type Damage = fn(&Sandbox);

#[test]
fn status_says_what_is_there_and_exits_accordingly() {
    let sandbox = ready();
    let run = sef(&sandbox, &["status"]);
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains("no settings file") && run.out.contains("hooks: 0 of 11"), "{}", run.out);
    succeeds(&sandbox, &["install"]);
    let out = succeeds(&sandbox, &["status"]);
    assert!(out.contains("hooks: 11 of 11 registered") && out.ends_with("complete\n"), "{out}");
    let report: Value = serde_json::from_str(&succeeds(&sandbox, &["status", "--json"])).expect("JSON");
    assert_eq!(report["complete"], true);
    assert_eq!(report["places"][0]["binary_present"], true);
    assert_eq!(report["places"][0]["events"].as_array().map(Vec::len), Some(EVENTS));

    sandbox.write(".claude/agents/sef-review.md", "edited");
    let out = succeeds(&sandbox, &["status"]);
    assert!(out.contains("sef-review.md was edited by you"), "{out}");

    let settings = sandbox.read(SETTINGS);
    let damages: &[(Damage, &str)] = &[
        (|sandbox| fs::remove_file(sandbox.path("bin/sef-hook")).expect("remove"), "MISSING"),
        (
            |s| fs::remove_file(s.path(".claude/agents/sef-document.md")).expect("remove"),
            "sef-document.md missing",
        ),
        (
            |s| drop(s.write(SETTINGS, s.read(SETTINGS).replacen("\"timeout\": 5", "\"timeout\": 50", 1))),
            "SessionStart differs",
        ),
        (
            |s| drop(s.write(SETTINGS, s.read(SETTINGS).replacen('{', "{\"disableAllHooks\": true,", 1))),
            "\"disableAllHooks\" is true",
        ),
        (|s| drop(s.write(SETTINGS, "{")), "problem: line 1"),
    ];
    for (damage, what) in damages {
        damage(&sandbox);
        let run = sef(&sandbox, &["status"]);
        assert_eq!(run.code, Some(1), "{what}: {run:?}");
        assert!(run.out.contains(what), "{what}: {}", run.out);
        write_program(&sandbox.path("bin/sef-hook"), FAKE_HOOK);
        sandbox.write(SETTINGS, &settings);
        succeeds(&sandbox, &["install"]);
        succeeds(&sandbox, &["status"]);
    }
}
