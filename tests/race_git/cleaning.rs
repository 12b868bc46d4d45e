//! F4: cleaning removes what records list and nothing that holds work, whatever is found.

use std::path::Path;

use sef::race::clean::{Selection, clean};
use sef::race::manifest::{Race, list};

use super::{Project, differing, finish};

/// The one thing that stays, as candidate and reason.
fn only_kept(project: &Project, id: &str, discard: &[&str]) -> (String, String) {
    let cleaned = project.clean(Some(id), discard);
    assert_eq!(cleaned[0].kept.len(), 1, "{cleaned:?}");
    (cleaned[0].kept[0].candidate.clone(), cleaned[0].kept[0].why.clone())
}

#[test]
fn f4_an_unmerged_commit_stays_until_it_is_merged_or_named() {
    let project = Project::new();
    let before = project.tree();
    let race = project.raced(&["runner-1", "runner-2"]);
    let (id, base) = (race.id(), race.manifest().base);
    let branches: Vec<String> = race.manifest().candidates.into_iter().map(|one| one.branch).collect();
    drop(race);
    let cleaned = project.clean(None, &[]);
    assert_eq!(cleaned[0].removed.len(), 2, "only the worktrees: {cleaned:?}");
    assert!(cleaned[0].kept.iter().all(|kept| kept.why.contains("merged nowhere")), "{cleaned:?}");
    assert_eq!(project.git(&["worktree", "list"]).lines().count(), 1);
    project.git(&["merge", "-q", "--ff-only", &branches[0]]);
    let cleaned = project.clean(None, &[]);
    assert_eq!(cleaned[0].removed, [format!("branch {}", branches[0])]);
    assert_eq!(cleaned[0].saved, [] as [std::path::PathBuf; 0], "it is in main");
    let lost = project.git(&["rev-parse", &branches[1]]);
    let cleaned = project.clean(Some(&id[..20]), &["runner-2"]);
    assert!(cleaned[0].cleared && !project.says(&["rev-parse", "--verify", "-q", &branches[1]]));
    // Nothing is lost all the same.
    project.git(&["reset", "-q", "--hard", &base]);
    for prune in [["reflog", "expire", "--expire=now", "--all"].as_slice(), &["gc", "-q", "--prune=now"]] {
        project.git(prune);
    }
    assert!(!project.says(&["cat-file", "-e", &lost]));
    let bundle = cleaned[0].saved[0].to_str().expect("is UTF-8");
    project.git(&["fetch", "-q", bundle, &format!("refs/heads/{}:back", branches[1])]);
    assert_eq!(project.git(&["rev-parse", "back"]), lost);
    project.git(&["branch", "-qD", "back"]);
    assert!(differing(&before, &project.tree()).iter().all(|path| path.contains("logs")
        || path.contains("packed")
        || path.contains("refs")
        || path.contains("ORIG_HEAD")
        || path.contains("FETCH_HEAD")
        || path.contains(".git/index")
        || path.contains("info")));
}

#[test]
fn f4_a_dirty_worktree_stays_until_it_is_named_and_then_its_files_are_kept() {
    let project = Project::new();
    let race = project.raced(&["runner-1", "runner-2"]);
    let id = race.id();
    let trees: Vec<_> = race.manifest().candidates.into_iter().map(|one| one.tree).collect();
    std::fs::write(trees[0].join("edited by hand"), "mine").expect("is written");
    std::fs::write(trees[1].join("ignored"), "built").expect("is written");
    drop(race);
    let cleaned = project.clean(Some(&id), &["runner-2"]);
    assert!(trees[0].join("edited by hand").exists() && !trees[1].exists(), "{cleaned:?}");
    let why: Vec<&str> = cleaned[0].kept.iter().map(|kept| kept.why.as_str()).collect();
    assert_eq!(why, ["edited by hand is not committed", "its worktree stays"]);
    let cleaned = project.clean(Some(&id), &["runner-1"]);
    assert!(cleaned[0].cleared, "{cleaned:?}");
    let kept = cleaned[0].saved.iter().find(|path| path.is_dir()).expect("the folder is kept");
    assert_eq!(std::fs::read_to_string(kept.join("edited by hand")).expect("is there"), "mine");
    assert_eq!(project.git(&["worktree", "list"]).lines().count(), 1);
    assert!(!project.top.join(".git/worktrees").exists());
}

#[test]
fn f4_commits_of_the_user_in_a_worktree_or_on_a_branch_stay() {
    let project = Project::new();
    let race = project.raced(&["runner-1", "runner-2"]);
    let id = race.id();
    let manifest = race.manifest();
    let (first, second) = (&manifest.candidates[0], &manifest.candidates[1]);
    drop(race);
    // A commit at the detached HEAD, and a branch that went on.
    project.git_in(
        &first.tree,
        &["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "mine"],
    );
    let mine = project.git_in(&first.tree, &["rev-parse", "HEAD"]);
    project.git(&["branch", "-f", &second.branch, "main"]);
    let cleaned = project.clean(Some(&id), &[]);
    let kept: Vec<&str> = cleaned[0].kept.iter().map(|kept| kept.why.as_str()).collect();
    assert_eq!(kept.len(), 4, "{cleaned:?}");
    assert!(kept[0].contains("at its HEAD is in no branch"), "{kept:?}");
    // The second one's own commit is only at its worktree's HEAD, because the branch was moved away from it.
    assert!(kept[1].contains("at its HEAD is in no branch"), "{kept:?}");
    let cleaned = project.clean(Some(&id), &["all"]);
    assert!(cleaned[0].cleared, "{cleaned:?}");
    let bundles = cleaned[0].saved.iter().map(|path| path.to_str().expect("is UTF-8"));
    let heads: Vec<String> = bundles.map(|path| project.git(&["bundle", "list-heads", path])).collect();
    assert!(heads.iter().any(|head| head.starts_with(&mine)), "{heads:?}");
}

#[test]
fn f4_a_branch_that_is_checked_out_is_not_pulled_away() {
    let project = Project::new();
    let race = project.raced(&["runner-1"]);
    let (id, branch) = (race.id(), race.manifest().candidates[0].branch.clone());
    drop(race);
    project.git(&["checkout", "-q", &branch]);
    let (_, why) = only_kept(&project, &id, &["runner-1"]);
    assert!(why.contains("checked out in"), "{why}");
    assert_eq!(project.git(&["symbolic-ref", "--short", "HEAD"]), branch);
    project.git(&["checkout", "-q", "main"]);
    assert!(project.clean(Some(&id), &["runner-1"])[0].cleared);
}

#[test]
fn f4_links_are_not_followed_and_odd_things_stay() {
    let project = Project::new();
    let race = project.begin();
    let id = race.id();
    let trees = race.add(&["runner-1", "runner-2"]).expect("are made");
    drop(race);
    let mine = project.sandbox.write("mine/precious", "x");
    let mine = mine.parent().expect("has a parent");
    std::fs::remove_dir_all(&trees[0].path).expect("is removed");
    std::os::unix::fs::symlink(mine, &trees[0].path).expect("is made");
    std::os::unix::fs::symlink(mine, trees[1].path.join("ignored")).expect("is made");
    let (name, why) = only_kept(&project, &id, &["all"]);
    assert_eq!((name.as_str(), why.contains("a link")), ("runner-1", true), "{why}");
    assert!(mine.join("precious").exists() && !trees[1].path.exists());
    std::fs::remove_file(&trees[0].path).expect("is removed");
    assert!(project.clean(Some(&id), &[])[0].cleared);
    assert_eq!(project.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn f4_missing_folders_lost_records_and_halves_of_an_add_are_cleared() {
    let project = Project::new();
    let before = project.tree();
    let race = project.begin();
    let (id, manifest_id) = (race.id(), race.id());
    let trees = race.add(&["gone", "pruned", "emptied", "half", "begun"]).expect("are made");
    let admin = |name: &str| {
        let candidates = race.manifest().candidates;
        candidates.into_iter().find(|one| one.name == name).and_then(|one| one.admin).expect("has a record")
    };
    let remove = |path: &Path| std::fs::remove_dir_all(path).expect("is removed");
    remove(&trees[0].path);
    remove(&admin("pruned"));
    remove(&admin("emptied"));
    remove(&trees[2].path);
    std::fs::create_dir(&trees[2].path).expect("is made");
    remove(&trees[3].path);
    std::fs::remove_file(admin("half").join("gitdir")).expect("is removed");
    std::fs::write(
        admin("half").join("locked"),
        format!("sef race {manifest_id} half: sef clean removes it"),
    )
    .expect("is written");
    remove(&trees[4].path);
    remove(&admin("begun"));
    std::fs::create_dir(admin("begun")).expect("is made");
    drop(race);
    let (name, why) = only_kept(&project, &id, &[]);
    assert_eq!((name.as_str(), why.contains("does not know it")), ("pruned", true), "{why}");
    let cleaned = project.clean(Some(&id), &["pruned"]);
    assert!(cleaned[0].cleared && cleaned[0].saved[0].join("README").exists(), "{cleaned:?}");
    assert_eq!(differing(&before, &project.tree()), [] as [String; 0]);
}

#[test]
fn f4_a_repository_that_is_gone_leaves_folders_that_stay_until_named() {
    let project = Project::new();
    let race = project.raced(&["runner-1"]);
    let id = race.id();
    drop(race);
    let moved = project.sandbox.path("moved");
    std::fs::rename(&project.top, &moved).expect("is moved");
    let (_, why) = only_kept(&project, &id, &[]);
    assert!(why.contains("gone or was replaced"), "{why}");
    std::fs::create_dir(&project.top).expect("is made");
    project.git(&["init", "-q"]);
    let (_, why) = only_kept(&project, &id, &[]);
    assert!(why.contains("gone or was replaced"), "{why}");
    let error = Race::open(&project.state(), &id).expect_err("no repository");
    assert!(!error.fix.is_empty(), "{error}");
    let cleaned = project.clean(Some(&id), &["runner-1"]);
    assert!(cleaned[0].cleared && cleaned[0].saved[0].join("src/new.py").exists(), "{cleaned:?}");
}

#[test]
fn f4_names_of_races_and_discards_are_data() {
    let project = Project::new();
    let race = project.raced(&["runner-1"]);
    let (id, state) = (race.id(), project.state());
    drop(race);
    for odd in ["", "..", "../..", "/", "2", "lock", "x\u{1b}"] {
        let found = clean(&state, Selection::One(odd), &[]);
        assert_eq!(found.is_ok(), odd == "2", "{odd:?}");
    }
    for (selection, discard) in [
        (Selection::All, "all"),
        (Selection::All, "runner-1"),
        (Selection::One(&id), "runner-9"),
        (Selection::One(&id), ".."),
    ] {
        let error = clean(&state, selection, &[discard.to_owned()]).expect_err(discard);
        assert!(!error.fix.is_empty(), "{error}");
    }
    let branch = list(&state).expect("lists").races[0].manifest.candidates[0].branch.clone();
    assert!(project.clean(None, &[&branch])[0].cleared, "the name of a branch says of which race");
}

#[test]
fn f4_a_record_that_was_tampered_with_names_no_path() {
    let project = Project::new();
    let race = project.raced(&["runner-1"]);
    let (id, path) = (race.id(), race.folder().join("manifest.json"));
    let manifest = race.manifest();
    drop(race);
    let text = std::fs::read_to_string(&path).expect("is there");
    let tree = manifest.candidates[0].tree.to_str().expect("is UTF-8").to_owned();
    for (from, to) in [
        (tree.as_str(), project.top.to_str().expect("is UTF-8")),
        (manifest.candidates[0].branch.as_str(), "main"),
        (manifest.candidates[0].branch.as_str(), "sef-race-../main"),
        (manifest.base.as_str(), "--upload-pack=x"),
        ("\"version\":1", "\"version\":2"),
    ] {
        std::fs::write(&path, text.replace(from, to)).expect("is written");
        let report = clean(&project.state(), Selection::All, &[]).expect("goes on with others");
        assert_eq!((report.races.len(), report.unreadable.len()), (0, 1), "{to}");
        assert!(clean(&project.state(), Selection::One(&id), &["all".to_owned()]).is_err(), "{to}");
        assert!(Path::new(&tree).exists() && project.top.join("README").exists());
    }
    std::fs::write(&path, text).expect("is written");
    assert!(project.clean(Some(&id), &["all"])[0].cleared);
}

#[test]
fn f4_the_commands_say_what_they_did_and_what_stays() {
    let project = Project::new();
    let said = project.sandbox.run("sef", &["clean"], "");
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "nothing to clean\n", ""));
    let said = project.sandbox.run("sef", &["race", "status"], "");
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "no races\n", ""));
    let race = project.begin();
    let (id, tree) = (race.id(), race.add(&["runner-1"]).expect("is made").remove(0));
    finish(&race, &tree);
    let status = project.sandbox.run("sef", &["race", "status"], "");
    assert!(status.out.contains("running") && status.out.contains(&tree.branch), "{}", status.out);
    let running = project.sandbox.run("sef", &["clean"], "");
    assert_eq!(running.out, format!("race {id}: it is running, and nothing was touched\n"));
    drop(race);
    let left = project.sandbox.run("sef", &["race", "clean", &id], "");
    let branch = &tree.branch;
    let commit = project.git(&["rev-parse", branch]);
    assert_eq!(
        left.out,
        format!(
            "race {id}: 1 thing kept\n  removed  worktree {}\n  kept     {branch}: its commit {commit} is merged nowhere\n           \
             to remove it: sef clean {id} --discard runner-1\n",
            tree.path.display()
        )
    );
    let json = project.sandbox.run("sef", &["clean", &id, "--discard", "runner-1", "--json"], "");
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("is JSON");
    assert_eq!((&json["schema"], &json["races"][0]["cleared"]), (&1.into(), &true.into()));
    let json = project.sandbox.run("sef", &["race", "status", &id, "--json"], "");
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("is JSON");
    assert_eq!(json["races"][0]["candidates"][0]["step"], "cleared");
    let wrong = project.sandbox.run("sef", &["clean", "nonsense"], "");
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(1), ""));
    assert!(
        wrong.err.contains("there is no race nonsense") && wrong.err.contains("to mend it"),
        "{}",
        wrong.err
    );
}
