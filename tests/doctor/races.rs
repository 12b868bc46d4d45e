//! What races left.

use std::fs;

use sef::race::manifest::{Kind, Race};
use sef::race::repo::Repo;
use serde_json::json;

use super::planted::ran;
use super::{findings, healthy, ids};
use crate::install::sef;
use crate::sandbox::Sandbox;

fn git(sandbox: &Sandbox, args: &[&str]) {
    let run = sandbox.command("git").args(args).output().expect("git runs");
    assert!(run.status.success(), "git {args:?}: {run:?}");
}

/// A race of one candidate whose process is gone.
fn race(sandbox: &Sandbox) -> Race {
    git(sandbox, &["init", "-q", "-b", "main"]);
    git(
        sandbox,
        &[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.com",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "first",
        ],
    );
    let repo = Repo::find(&sandbox.path("project")).expect("a repository");
    let race = Race::begin(&sandbox.state(), repo, Kind::Showdown, "x").expect("a race begins");
    race.add(&["runner-1"]).expect("a worktree is made");
    race
}

#[test]
fn worktrees_of_a_killed_race_are_found_and_removed_and_work_in_them_stays() {
    for is_killed in [true, false] {
        let sandbox = healthy();
        let race = race(&sandbox);
        let (id, tree) = (race.id(), race.manifest().candidates[0].tree.clone());
        assert_eq!(ids(&findings(&sef(&sandbox, &["doctor", "--json"]))), [""; 0], "it runs");
        if !is_killed {
            race.update(|manifest| manifest.state = json!({"outcome": {"winner": null}})).expect("is kept");
        }
        drop(race);
        let found = findings(&sef(&sandbox, &["doctor", "--json"]));
        let id_of_finding = if is_killed { "worktrees-orphaned" } else { "worktrees-left" };
        assert_eq!(ids(&found), [id_of_finding]);
        assert_eq!(
            (&found[0]["command"], &found[0]["fix"]),
            (&json!(format!("sef clean {id}")), &json!(is_killed))
        );
        fs::write(tree.join("work.txt"), "mine").expect("write");
        findings(&sef(&sandbox, &["doctor", "--json", "--fix"]));
        assert!(tree.join("work.txt").exists(), "work stays");
        fs::remove_file(tree.join("work.txt")).expect("remove");
        let after = if is_killed {
            findings(&sef(&sandbox, &["doctor", "--json", "--fix"]))
        } else {
            ran(&sandbox, &format!("sef clean {id}"))
        };
        assert_eq!(ids(&after), [""; 0], "{after:#?}");
        assert!(!tree.exists());
    }
}

#[test]
fn a_race_without_a_readable_record_is_found() {
    let sandbox = healthy();
    let race = race(&sandbox);
    let path = race.folder().join("manifest.json");
    drop(race);
    fs::write(&path, "{").expect("write");
    let found = findings(&sef(&sandbox, &["doctor", "--json"]));
    assert_eq!(ids(&found), ["race-unreadable"], "{found:#?}");
    assert!(found[0]["action"].as_str().expect("an action").contains("manifest.json"));
}
