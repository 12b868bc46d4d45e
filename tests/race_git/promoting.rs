//! A winner reaches a branch of the user whole or not at all, and nothing of the user's is overwritten.

use std::path::PathBuf;

use sef::race::manifest::Race;
use sef::race::promote::{By, How, Onto, Promotion, Stage, promote};

use super::{Project, differing, executable};

/// Fails for this reason and leaves everything as it was.
fn refused(project: &Project, race: &Race, onto: Onto<'_>, how: How, why: &str) {
    let before = (project.tree(), project.git(&["for-each-ref"]));
    let error = promote(race, "runner-1", onto, how).expect_err(why);
    assert!(error.to_string().contains(why) && !error.fix.is_empty(), "{error}");
    assert_eq!(differing(&before.0, &project.tree()), [] as [String; 0], "{why}");
    assert_eq!(project.git(&["for-each-ref"]), before.1, "{why}");
}

fn status(project: &Project) -> String {
    project.git(&["status", "--porcelain"])
}

#[test]
fn a_branch_that_has_not_moved_is_fast_forwarded_with_its_checkout() {
    let project = Project::new();
    project.write("untracked", "mine\n");
    let marker = project.sandbox.path("marker");
    for hook in ["post-checkout", "post-merge", "pre-commit", "post-index-change", "reference-transaction"] {
        executable(
            &project
                .write(&format!(".git/hooks/{hook}"), &format!("#!/bin/sh\ntouch '{}'\n", marker.display())),
        );
    }
    let race = project.raced(&["runner-1", "runner-2"]);
    let winner = race.manifest().candidates[0].commit.clone().expect("has one");
    let done = promote(&race, "runner-1", Onto::Current, How::CherryPick).expect("is promoted");
    assert!(!marker.exists(), "no hook ran");
    assert_eq!(
        (done.by, done.to.as_str(), done.target.as_str()),
        (By::FastForward, winner.as_str(), "refs/heads/main")
    );
    assert_eq!(project.git(&["rev-parse", "main"]), winner);
    assert_eq!(status(&project), "?? untracked");
    assert!(project.git(&["reflog", "-1", "main"]).contains("sef: promote runner-1"));
    // Again is no harm, and losers go now without being named.
    assert_eq!(
        promote(&race, "runner-1", Onto::Current, How::CherryPick).expect("is there").stage,
        Stage::Promoted
    );
    drop(race);
    let cleaned = project.clean(None, &[]);
    assert!(cleaned[0].cleared && cleaned[0].saved.len() == 1, "the loser is in a bundle: {cleaned:?}");
    assert_eq!(project.git(&["branch", "--list", "sef-race-*"]), "");
}

#[test]
fn what_came_since_is_kept_by_a_cherry_pick_or_a_merge() {
    for (how, by, parents) in [(How::CherryPick, By::CherryPick, 1), (How::Merge, By::Merge, 2)] {
        let project = Project::new();
        let race = project.raced(&["runner-1"]);
        project.write("since", "x\n");
        project.commit("since");
        let done = promote(&race, "runner-1", Onto::Current, how).expect("is promoted");
        assert_eq!(done.by, by);
        assert_eq!(project.git(&["show", "-s", "--format=%P", "main"]).split(' ').count(), parents);
        assert!(project.top.join("since").exists() && project.top.join("src/new.py").exists());
        assert_eq!(status(&project), "");
        assert_eq!(project.git(&["worktree", "list"]).lines().count(), 2, "only the candidate's");
        drop(race);
        assert!(project.clean(None, &[])[0].cleared);
    }
}

#[test]
fn a_branch_that_nobody_has_checked_out_moves_alone() {
    let project = Project::new();
    project.git(&["branch", "side", "HEAD~1"]);
    project.write("README", "dirty\n");
    let race = project.raced(&["runner-1"]);
    let before = status(&project);
    let done = promote(&race, "runner-1", Onto::Branch("side"), How::CherryPick).expect("is promoted");
    assert_eq!((done.by, done.checkout), (By::FastForward, None));
    assert_eq!((project.git(&["rev-parse", "side"]), status(&project)), (done.to, before));
}

#[test]
fn f1_a_promotion_that_could_cost_something_is_refused_and_changes_nothing() {
    let project = Project::new();
    let race = project.raced(&["runner-1"]);
    let pick = How::CherryPick;
    let current = Onto::Current;
    project.write("README", "dirty\n");
    refused(&project, &race, current, pick, "README is changed");
    project.git(&["add", "README"]);
    refused(&project, &race, current, pick, "README is changed");
    project.git(&["reset", "-q", "--hard"]);
    let mine = project.write("src/new.py", "mine\n");
    refused(&project, &race, current, pick, "would be overwritten");
    project.write(".git/info/exclude", "src/new.py\n");
    refused(&project, &race, current, pick, "would be overwritten");
    std::fs::remove_file(mine).expect("is removed");
    project.write(".git/info/exclude", "");
    for (name, why) in [
        ("MERGE_HEAD", "a merge"),
        ("rebase-merge", "a rebase"),
        ("BISECT_LOG", "a bisection"),
        ("index.lock", "another git"),
    ] {
        let path = project.write(&format!(".git/{name}"), "");
        refused(&project, &race, current, pick, why);
        std::fs::remove_file(path).expect("is removed");
    }
    refused(&project, &race, Onto::Branch("nowhere"), pick, "no such branch");
    refused(&project, &race, Onto::Branch("../x"), pick, "no name of a branch");
    refused(&project, &race, Onto::Branch("-d"), pick, "no such branch");
    project.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "side",
        project.sandbox.path("side").to_str().expect("is UTF-8"),
    ]);
    refused(&project, &race, Onto::Branch("side"), pick, "checked out in");
    project.git(&["checkout", "-q", "--detach"]);
    refused(&project, &race, current, pick, "HEAD is detached");
    project.git(&["checkout", "-q", "main"]);
    project.write("src/new.py", "another one\n");
    project.commit("since");
    for how in [How::CherryPick, How::Merge] {
        refused(
            &project,
            &race,
            current,
            how,
            "conflicts with what came since the race began, in src/new.py",
        );
    }
    assert!(promote(&race, "runner-9", current, pick).is_err());
}

/// A promotion as a kill leaves its record, of a winner that adds, changes and removes files.
fn killed(project: &Project) -> (Promotion, String) {
    let race = project.begin();
    let tree = race.add(&["runner-1"]).expect("is made").remove(0).path;
    std::fs::create_dir(tree.join("added")).expect("is made");
    for (path, content) in [("added/1", "first\n"), ("added/2", "second\n"), ("src/main.py", "print(3)\n")] {
        std::fs::write(tree.join(path), content).expect("is written");
    }
    std::fs::remove_file(tree.join("README")).expect("is removed");
    let to = race
        .commit("runner-1", &["added/1", "added/2", "src/main.py", "README"], "all kinds")
        .expect("is committed");
    let promotion = Promotion {
        candidate: "runner-1".to_owned(),
        target: "refs/heads/main".to_owned(),
        checkout: Some(project.top.clone()),
        from: race.manifest().base,
        to,
        by: By::FastForward,
        stage: Stage::Moving,
    };
    race.update(|manifest| manifest.promotion = Some(promotion.clone())).expect("is noted");
    (promotion, race.id())
}

fn said(project: &Project, id: &str) -> String {
    project.clean(Some(id), &[]).remove(0).promotion.expect("says what became of it")
}

#[test]
fn f4_a_killed_promotion_is_put_back_from_every_state_and_says_so() {
    type Make = fn(&Project, &Promotion);
    let states: [(&str, Make); 5] = [
        ("nothing was changed", |_, _| {}),
        ("half of the files, one of them in part, one gone", |project, _| {
            project.write("added/1", "fir");
            project.write("src/main.py", "print(3)\n");
            std::fs::remove_file(project.top.join("README")).expect("is removed");
        }),
        ("all files, and not the index", |project, promotion| {
            let index = std::fs::read(project.top.join(".git/index")).expect("is there");
            project.git(&["read-tree", "-m", "-u", &promotion.from, &promotion.to]);
            std::fs::write(project.top.join(".git/index"), index).expect("is written");
        }),
        ("files and index, and not the branch", |project, promotion| {
            project.git(&["read-tree", "-m", "-u", &promotion.from, &promotion.to]);
        }),
        ("the index alone", |project, promotion| drop(project.git(&["read-tree", &promotion.to]))),
    ];
    for (what, make) in states {
        let project = Project::new();
        let before = files_of_checkout(&project);
        let (promotion, id) = killed(&project);
        make(&project, &promotion);
        assert!(said(&project, &id).contains("was not promoted"), "{what}");
        assert_eq!(files_of_checkout(&project), before, "{what}");
        assert_eq!(status(&project), "", "{what}");
        assert_eq!(project.git(&["rev-parse", "main"]), promotion.from, "{what}");
        let race = Race::open(&project.state(), &id).expect("is free");
        assert!(race.manifest().promotion.expect("is noted").stage == Stage::Dropped, "{what}");
    }
}

pub fn files_of_checkout(project: &Project) -> super::Files {
    let mut files = super::files(&project.top);
    files.retain(|path, _| !path.starts_with(".git/") && path != ".git");
    files
}

#[test]
fn f4_a_promotion_that_was_done_when_killed_is_promoted() {
    let project = Project::new();
    let (promotion, id) = killed(&project);
    project.git(&["merge", "-q", "--ff-only", &promotion.to]);
    assert!(said(&project, &id).contains("was promoted onto refs/heads/main"));
    assert_eq!(status(&project), "");
}

#[test]
fn f4_edits_since_a_killed_promotion_are_left_alone() {
    type Make = fn(&Project) -> PathBuf;
    let edits: [(&str, Make); 5] = [
        ("src/main.py was changed", |project| project.write("src/main.py", "print('mine')\n")),
        ("mine was staged", |project| {
            let path = project.write("mine", "x\n");
            project.git(&["add", "mine"]);
            path
        }),
        ("index.lock: a promotion was killed", |project| project.write(".git/index.lock", "")),
        ("HEAD.lock: a promotion was killed", |project| project.write(".git/HEAD.lock", "")),
        ("main.lock: a promotion was killed", |project| project.write(".git/refs/heads/main.lock", "")),
    ];
    for (why, make) in edits {
        let project = Project::new();
        let (_, id) = killed(&project);
        project.write("added/1", "first\n");
        let path = make(&project);
        let before = project.tree();
        let failed = sef::race::clean::clean(&project.state(), sef::race::clean::Selection::One(&id), &[]);
        let error = failed.expect_err(why);
        assert!(error.to_string().contains(why) && !error.fix.is_empty(), "{error}");
        assert_eq!(differing(&before, &project.tree()), [] as [String; 0], "{why}");
        assert!(path.exists());
    }
}
