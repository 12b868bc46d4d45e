//! What comes back, and what an undo leaves alone.

use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use sef::fsx::confined::{Action, Overwrite, Root};
use sef::turbo::runs::{Edits, Run, State, Which, list, undo};

use super::{Project, chmod, mode, set};

/// A project with files of odd modes and times.
fn planted() -> Project {
    let project = Project::new();
    for (path, content, mode, age) in [
        ("a.py", "a\n", 0o640, 1_000),
        ("run.sh", "#!/bin/sh\n", 0o750, 5),
        ("sub/crlf.txt", "x\r\ny\r\n", 0o604, 86_400 * 400),
    ] {
        let path = project.plant(path, content);
        chmod(&path, mode);
        let file = std::fs::File::options().write(true).open(&path).expect("open a file");
        let time = SystemTime::now() - Duration::new(age, 123_456_789);
        file.set_modified(time).expect("set the time");
    }
    project
}

const FILES: [(&str, &str); 5] = [
    ("a.py", "new a\n"),
    ("run.sh", "#!/bin/bash\n"),
    ("sub/crlf.txt", "1\n2\n"),
    ("sub/new/deep/file.py", "print()\n"),
    ("tool", "#!/usr/bin/env python3\n"),
];

#[test]
fn an_undo_restores_content_mode_time_and_folders_exactly() {
    let project = planted();
    let before = project.tree();
    let written = project.write(&FILES, Overwrite::Replace).expect("is written");
    assert_ne!(project.tree(), before);
    let actions: Vec<Action> = written.files.iter().map(|file| file.action).collect();
    let wanted =
        [Action::Overwritten, Action::Overwritten, Action::Overwritten, Action::Created, Action::Created];
    assert_eq!(actions, wanted);
    assert_eq!((written.files[2].lines, written.files[2].bytes), (2, 6));
    assert_eq!(mode(&project.path("a.py")), 0o640);
    assert_eq!(project.read("sub/crlf.txt").as_deref(), Some("1\r\n2\r\n"));
    let undone = project.undo(Edits::Refuse).expect("is undone");
    assert_eq!(project.tree(), before);
    assert_eq!((undone.restored.len(), undone.removed.len()), (3, 2));
    assert_eq!((undone.left.len(), undone.kept.len()), (0, 0));
    let again = undo(&project.sandbox.state(), Which::Id(&written.id), None, Edits::Refuse);
    assert!(again.expect_err("only once").to_string().contains("undone before"));
}

#[test]
fn a_second_writing_of_a_run_keeps_what_stood_there_before_the_run() {
    let project = planted();
    let before = project.tree();
    let mut run = project.begin();
    run.write(&set(&FILES), Overwrite::Replace).expect("is written");
    let second =
        run.write(&set(&[("tool", "second\n"), ("a.py", "second\n"), ("more/x", "")]), Overwrite::Refuse);
    let second = second.expect("its own files need no permission");
    let actions: Vec<Action> = second.files.iter().map(|file| file.action).collect();
    assert_eq!(actions, [Action::Created, Action::Overwritten, Action::Created]);
    run.finish().expect("the run ends");
    assert_eq!(project.read("a.py").as_deref(), Some("second\n"));
    project.undo(Edits::Refuse).expect("is undone");
    assert_eq!(project.tree(), before);
}

#[test]
fn a_second_writing_does_not_overwrite_what_somebody_edited_meanwhile() {
    let project = planted();
    let mut run = project.begin();
    run.write(&set(&FILES), Overwrite::Replace).expect("is written");
    project.plant("tool", "edited");
    let before = project.tree();
    let errors =
        run.write(&set(&[("tool", "second\n"), ("more/x", "")]), Overwrite::Refuse).expect_err("is refused");
    assert!(errors[0].to_string().contains("tool"), "{errors:?}");
    assert_eq!(project.tree(), before);
}

#[test]
fn a_run_that_is_abandoned_leaves_nothing() {
    let project = planted();
    let before = project.tree();
    let mut run = project.begin();
    run.write(&set(&FILES), Overwrite::Replace).expect("is written");
    run.write(&set(&[("tool", "second")]), Overwrite::Refuse).expect("is written");
    run.abandon().expect("is taken back");
    assert_eq!(project.tree(), before);
    assert_eq!(list(&project.sandbox.state()).expect("lists").runs[0].state, State::Undone);
}

#[test]
fn folders_on_the_way_to_a_new_root_are_made_and_go_again() {
    let project = Project::new();
    let before = project.tree();
    let root = Root::open(&project.path("x/y/z"), &project.env).expect("may be made");
    let mut run = Run::begin(&project.sandbox.state(), root).expect("a run begins");
    assert_eq!(project.tree(), before, "a run that wrote nothing made nothing");
    run.write(&set(&[("../x", "")]), Overwrite::Refuse).expect_err("is refused");
    assert_eq!(project.tree(), before);
    run.write(&set(&[("src/a.py", "")]), Overwrite::Refuse).expect("is written");
    run.finish().expect("the run ends");
    assert_eq!(project.read("x/y/z/src/a.py").as_deref(), Some(""));
    project.undo(Edits::Refuse).expect("is undone");
    assert_eq!(project.tree(), before);
}

#[test]
fn a_folder_that_somebody_uses_meanwhile_stays() {
    let project = Project::new();
    project.write(&[("new/deep/a.py", "")], Overwrite::Refuse).expect("is written");
    project.plant("new/mine", "mine");
    project.undo(Edits::Refuse).expect("is undone");
    assert_eq!(project.read("new/mine").as_deref(), Some("mine"));
    assert!(!project.path("new/deep").exists());
}

#[test]
fn an_undo_refuses_as_a_whole_when_files_were_edited_and_names_them_all() {
    let project = planted();
    project.write(&FILES, Overwrite::Replace).expect("is written");
    project.plant("a.py", "edited");
    project.plant("tool", "edited too");
    std::fs::remove_file(project.path("run.sh")).expect("can be removed");
    let before = project.tree();
    let said = project.undo(Edits::Refuse).expect_err("is refused").to_string();
    for part in ["a.py: it was edited", "tool: it was edited", "run.sh: it was removed", "--discard-edits"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert_eq!(project.tree(), before);
}

#[test]
fn edits_are_discarded_only_after_a_copy_is_kept() {
    let project = planted();
    let before = project.tree();
    project.write(&FILES, Overwrite::Replace).expect("is written");
    project.plant("a.py", "edited");
    project.plant("tool", "edited too");
    std::fs::remove_file(project.path("run.sh")).expect("can be removed");
    let undone = project.undo(Edits::Discard).expect("is undone");
    assert_eq!(project.tree(), before);
    let kept: Vec<(String, String)> = undone
        .kept
        .iter()
        .map(|(path, kept)| (path.clone(), std::fs::read_to_string(kept).expect("is kept")))
        .collect();
    assert_eq!(kept, [("a.py".into(), "edited".into()), ("tool".into(), "edited too".into())]);
    assert_eq!(mode(&undone.kept[0].1), 0o600);
}

#[test]
fn d2_an_undo_goes_through_no_link() {
    let project = planted();
    let outside = project.sandbox.write("outside/file.py", "print()\n");
    let folder = outside.parent().expect("has a parent");
    project.write(&FILES, Overwrite::Replace).expect("is written");
    std::fs::rename(project.path("sub/new/deep"), project.path("moved")).expect("can be moved");
    symlink(folder, project.path("sub/new/deep")).expect("make a link");
    std::fs::rename(project.path("a.py"), project.path("a")).expect("can be moved");
    symlink("a", project.path("a.py")).expect("make a link");
    let before = project.tree();
    for edits in [Edits::Refuse, Edits::Discard] {
        let said = project.undo(edits).expect_err("is refused").to_string();
        assert!(said.contains("a.py: it is a symbolic link"), "{said}");
        assert!(said.contains("sub/new/deep is a symbolic link"), "{said}");
        assert_eq!(project.tree(), before);
    }
    assert_eq!(project.sandbox.read("outside/file.py"), "print()\n");
}

#[test]
fn the_last_run_is_the_newest_that_stands_in_the_folder_that_was_asked_for() {
    let project = Project::new();
    let state = project.sandbox.state();
    let nothing = undo(&state, Which::Last, None, Edits::Refuse).expect_err("none is there").to_string();
    assert!(nothing.contains("there is no run"), "{nothing}");
    let first = project.write(&[("one", "1")], Overwrite::Refuse).expect("is written").id;
    let second = project.write(&[("two", "2")], Overwrite::Refuse).expect("is written").id;
    let elsewhere = Root::open(&project.sandbox.path("project/other"), &project.env).expect("may be made");
    let mut run = Run::begin(&state, elsewhere).expect("a run begins");
    run.write(&set(&[("three", "3")]), Overwrite::Refuse).expect("is written");
    let open = undo(&state, Which::Id(run.id()), None, Edits::Refuse).expect_err("is running").to_string();
    assert!(open.contains("still running"), "{open}");
    run.finish().expect("the run ends");
    let out = project.out().canonicalize().expect("is there");
    for id in [&second, &first] {
        assert_eq!(&undo(&state, Which::Last, Some(&out), Edits::Refuse).expect("is undone").id, id);
    }
    assert!(project.sandbox.path("project/other/three").exists());
    for id in ["../../x", "", "no-such-run"] {
        undo(&state, Which::Id(id), None, Edits::Refuse).expect_err("there is none");
    }
}

#[test]
fn runs_of_one_file_after_the_other_are_undone_from_the_last_to_the_first() {
    let project = planted();
    let before = project.tree();
    let first = project.write(&[("a.py", "first")], Overwrite::Replace).expect("is written").id;
    project.write(&[("a.py", "second")], Overwrite::Replace).expect("is written");
    let early = undo(&project.sandbox.state(), Which::Id(&first), None, Edits::Refuse);
    assert!(early.expect_err("the second is in the way").to_string().contains("edited since"));
    project.undo(Edits::Refuse).expect("is undone");
    project.undo(Edits::Refuse).expect("is undone");
    assert_eq!(project.tree(), before);
}

#[test]
fn folders_that_two_runs_use_go_with_the_last_of_them_in_any_order() {
    let project = Project::new();
    std::fs::remove_dir(project.out()).expect("was empty");
    let before = project.tree();
    let state = project.sandbox.state();
    let write_two = || {
        let first = project.write(&[("deep/er/a.py", "1"), ("deep/er/one/b.py", "1")], Overwrite::Refuse);
        let second = project.write(&[("deep/er/c.py", "2")], Overwrite::Refuse);
        (first.expect("is written").id, second.expect("is written").id)
    };
    let take_back = |id: &str| undo(&state, Which::Id(id), None, Edits::Refuse).expect("is undone");

    let (first, second) = write_two();
    take_back(&first);
    assert_eq!(
        (project.path("deep/er/one").exists(), project.read("deep/er/c.py")),
        (false, Some("2".into()))
    );
    take_back(&second);
    assert_eq!(project.tree(), before);

    let (first, second) = write_two();
    take_back(&first);
    std::fs::create_dir(project.path("deep/er/one")).expect("somebody makes a folder");
    take_back(&second);
    assert!(project.path("deep/er/one").exists(), "an empty folder that is somebody's stays");
}

#[test]
fn b5_manifest_and_backups_are_private() {
    let project = planted();
    let id = project.write(&FILES, Overwrite::Replace).expect("is written").id;
    let run = project.sandbox.state().join("turbo/runs").join(id);
    for folder in [run.clone(), run.join("backups"), project.sandbox.state()] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for file in ["manifest.json", "backups/0", "backups/2", "alive"] {
        assert_eq!(mode(&run.join(file)), 0o600, "{file}");
    }
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(run.join("manifest.json")).expect("is there"))
            .expect("is JSON");
    assert_eq!(manifest["state"], "done");
    assert_eq!(manifest["files"][0]["before"]["backup"], "backups/0");
}

#[test]
fn a_damaged_backup_stops_the_undo_before_it_changes_anything() {
    let project = planted();
    let id = project.write(&FILES, Overwrite::Replace).expect("is written").id;
    let run = project.sandbox.state().join("turbo/runs").join(id);
    std::fs::write(run.join("backups/2"), "damaged").expect("can be written");
    let before = project.tree();
    let said = project.undo(Edits::Refuse).expect_err("is refused").to_string();
    assert!(said.contains("sub/crlf.txt"), "{said}");
    assert_eq!(project.tree(), before);
}

#[test]
fn a_record_that_leads_elsewhere_is_refused() {
    let project = planted();
    let id = project.write(&FILES, Overwrite::Replace).expect("is written").id;
    let manifest = project.sandbox.state().join("turbo/runs").join(id).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("is there");
    let before = project.tree();
    for (from, to) in [
        ("\"tool\"", "\"../tool\""),
        (".sef-stage-", "src"),
        ("backups/0", "../../x"),
        ("\"version\":1", "\"version\":9"),
    ] {
        std::fs::write(&manifest, text.replacen(from, to, 1)).expect("can be written");
        let id = list(&project.sandbox.state()).expect("lists");
        assert_eq!((id.runs.len(), id.unreadable.len()), (0, 1), "{to}");
        project.undo(Edits::Discard).expect_err(to);
    }
    chmod(&manifest, 0o666);
    project.undo(Edits::Discard).expect_err("others could have written it");
    assert_eq!(project.tree(), before);
}
