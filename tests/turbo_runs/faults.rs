//! Full disks, odd umasks, and others who write at the same time.

use std::path::Path;
use std::process::{Command, Stdio};

use sef::fsx::confined::{Overwrite, Root};
use sef::turbo::runs::{Edits, Run, Which, recover, undo};

use super::{Project, child, env, mode, set, tree};
use crate::sandbox::{Sandbox, finish, skipped};

#[test]
fn d4_one_bad_file_of_five_and_nothing_is_written() {
    let project = Project::new();
    project.plant("three.py", "theirs");
    let before = project.tree();
    for bad in ["../three.py", ".git/hooks/x", "three.py", "three.py/x", "one.py/x"] {
        let files =
            [("one.py", "1"), ("sub/two.py", "2"), (bad, "3"), ("four.py", "4"), ("sub/five.py", "5")];
        project.write(&files, Overwrite::Refuse).expect_err(bad);
        assert_eq!(project.tree(), before, "{bad}");
    }
}

#[test]
fn d4_a_full_disk_leaves_the_tree_as_it_was() {
    let sandbox = Sandbox::new();
    let home = sandbox.home();
    let mut probe = Command::new("unshare");
    probe.args(["-Urm", "mount", "-t", "tmpfs", "x", "/mnt"]).stderr(Stdio::piped());
    let probe = finish(probe, b"");
    if probe.code != Some(0) {
        return skipped("a full disk", &probe.err);
    }
    let inner = child(&home, "full disk");
    let mut command = Command::new("unshare");
    command.args([
        "-Urm",
        "sh",
        "-c",
        "mount -t tmpfs -o size=1m x \"$SEF_TEST_HOME/project\" && exec \"$@\"",
        "sh",
    ]);
    command.arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("SEF_TEST_HOME", &home).env("SEF_TEST_JOB", "full disk");
    let run = finish(command, b"");
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    assert!(run.out.contains("1 passed"), "{}", run.out);
}

/// Runs where `project` is a disk of one megabyte. State is on another disk first, then on the same.
pub fn on_a_full_disk(home: &Path) {
    let out = home.join("project/out");
    std::fs::create_dir(&out).expect("make a folder");
    std::fs::write(out.join("old"), "old").expect("write a file");
    let before = tree(&home.join("project"));
    let large = "x".repeat(300 << 10);
    let files =
        set(&[("old", &large), ("sub/a", &large), ("sub/b", &large), ("sub/c", &large), ("d", &large)]);
    let mut run = Run::begin(&home.join("state"), Root::open(&out, &env(home)).expect("may be written"))
        .expect("begins");
    let errors = run.write(&files, Overwrite::Replace).expect_err("the disk is too small");
    assert!(errors[0].to_string().contains("No space left"), "{errors:?}");
    assert_eq!(tree(&home.join("project")), before);
    run.write(&files[..2], Overwrite::Replace).expect("two have room");
    run.finish().expect("the run ends");
    std::fs::write(home.join("project/ballast"), "x".repeat(1 << 20)).expect_err("fills the disk");
    let full = tree(&home.join("project"));
    let last = || undo(&home.join("state"), Which::Last, None, Edits::Refuse);
    let said = last().expect_err("the original has no room").to_string();
    assert!(said.contains("No space left"), "{said}");
    assert_eq!(tree(&home.join("project")), full);
    std::fs::remove_file(home.join("project/ballast")).expect("can be removed");
    last().expect("is undone");
    assert_eq!(tree(&home.join("project")), before);
    std::fs::write(home.join("project/ballast"), "x".repeat(1 << 20)).expect_err("fills the disk");
    // Records on the full disk: nothing begins.
    let state = home.join("project/state");
    let begun = Run::begin(&state, Root::open(&out, &env(home)).expect("may be written"));
    let now = tree(&out);
    if let Ok(mut run) = begun {
        run.write(&set(&[("e", "1")]), Overwrite::Refuse).expect_err("there is no room for the record");
    }
    assert_eq!(tree(&out), now);
    std::fs::remove_file(home.join("project/ballast")).expect("can be removed");
    recover(&state).expect("looks");
    assert_eq!(tree(&out), now);
}

#[test]
fn modes_follow_the_umask_for_new_files_and_the_old_file_for_replaced_ones() {
    for (umask, plain, script, folder) in [
        ("000", 0o644, 0o755, 0o777),
        ("022", 0o644, 0o755, 0o755),
        ("027", 0o640, 0o750, 0o750),
        ("077", 0o600, 0o700, 0o700),
    ] {
        let project = Project::new();
        for (name, mode) in [("private", 0o600), ("shared", 0o666), ("runs", 0o755)] {
            super::chmod(&project.plant(name, "old"), mode);
        }
        let inner = child(&project.sandbox.home(), "modes");
        let mut command = project.sandbox.command("sh");
        command
            .args(["-c", "umask $1; shift; exec \"$@\"", "sh", umask])
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env("SEF_TEST_HOME", project.sandbox.home()).env("SEF_TEST_JOB", "modes");
        let run = finish(command, b"");
        assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
        for (path, wanted) in [
            ("plain", plain),
            ("script", script),
            ("sub", folder),
            ("sub/deep", folder),
            ("sub/deep/plain", plain),
            ("private", 0o600),
            ("shared", 0o666),
            ("runs", 0o755),
        ] {
            assert_eq!(mode(&project.path(path)), wanted, "{path} under umask {umask}");
        }
        assert_eq!(mode(&project.sandbox.state()), 0o700);
    }
}

/// Writes new files and replaces old ones.
pub fn with_modes(home: &Path) {
    let root = Root::open(&home.join("project/out"), &env(home)).expect("may be written");
    let mut run = Run::begin(&home.join("state"), root).expect("begins");
    let files = [
        ("plain", "1"),
        ("script", "#!/bin/sh\n"),
        ("sub/deep/plain", ""),
        ("private", "1"),
        ("shared", "#!1"),
        ("runs", "1"),
    ];
    run.write(&set(&files), Overwrite::Replace).expect("is written");
    run.finish().expect("the run ends");
}

#[test]
fn runs_of_one_folder_at_the_same_time_lose_nothing() {
    let project = Project::new();
    let before = project.tree();
    let winners: usize = std::thread::scope(|scope| {
        let project = &project;
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                scope.spawn(move || {
                    let own: Vec<String> =
                        (0..20).map(|number| format!("shared/{number}/of-{writer}")).collect();
                    let own: Vec<(&str, &str)> = own.iter().map(|path| (path.as_str(), "own")).collect();
                    project.write(&own, Overwrite::Refuse).expect("own names are free");
                    let text = format!("by {writer}");
                    project.write(&[("shared/one", &text), (&text, "")], Overwrite::Refuse).is_ok()
                })
            })
            .collect();
        writers.into_iter().map(|writer| usize::from(writer.join().expect("a writer ends"))).sum()
    });
    assert_eq!(winners, 1, "of those who want one name");
    let winner = project.read("shared/one").expect("is there");
    let names = std::fs::read_dir(project.out()).expect("is there").count();
    assert_eq!((names, project.read(&winner).as_deref()), (2, Some("")), "the losers left nothing");
    for _ in 0..9 {
        project.undo(Edits::Refuse).expect("is undone");
    }
    assert_eq!(project.tree(), before);
}
