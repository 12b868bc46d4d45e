//! What is never written, and where nothing is.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use sef::config::Env;
use sef::fsx::confined::{Action, Overwrite, Root};

use super::{Project, chmod, is_root, set};
use crate::sandbox::{Sandbox, skipped};

/// Every refusal of a set that has one bad file among good ones.
fn refused(project: &Project, path: &str) -> String {
    let before = project.tree();
    let files = [("good.py", "1"), (path, "2"), ("sub/good.py", "3")];
    let errors = project.write(&files, Overwrite::Replace).expect_err(path);
    assert_eq!(project.tree(), before, "{path:?} changed something");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn d1_nothing_is_written_outside_the_root() {
    let project = Project::new();
    project.sandbox.write("project/out-evil/x", "theirs");
    project.sandbox.write("project/x", "theirs");
    for path in [
        "../x",
        "/x",
        "/tmp/sef-canary",
        "a/../../x",
        "../out-evil/x",
        "C:\\x",
        "..\\x",
        "x\0y",
        "~/x",
        "",
        ".",
        "..",
        "a/",
        "a//b",
        "./x",
        "a/.",
        "a/..",
    ] {
        let said = refused(&project, path);
        assert!(said.contains("cannot write the file") && said.contains("to mend it"), "{path:?}: {said}");
    }
    refused(&project, &"x".repeat(5_000));
    refused(&project, &"x/".repeat(2_500));
}

#[test]
fn d1_every_refusal_of_a_set_is_named_at_once() {
    let project = Project::new();
    project.plant("there.py", "theirs");
    let files =
        [("../a", ""), ("ok.py", ""), (".git/config", ""), ("there.py", "ours"), ("b.py", ""), ("B.py", "")];
    let errors = project.write(&files, Overwrite::Refuse).expect_err("is refused");
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 4, "{said:#?}");
    for part in ["../a", ".git/config", "there.py", "B.py"] {
        assert!(said.iter().any(|said| said.contains(part)), "{part} in {said:#?}");
    }
}

#[test]
fn d1_folders_that_no_generated_file_goes_into_are_no_root() {
    let project = Project::new();
    let home = project.sandbox.home();
    for made in [
        ".git/objects",
        ".git/HEAD",
        "bare.git/objects",
        "bare.git/HEAD",
        "bare.git/sub",
        "state",
        "config",
        "bin",
        ".claude/agents",
    ] {
        std::fs::create_dir_all(home.join(made)).expect("make a folder");
    }
    symlink(home.join(".claude"), home.join("project/innocent")).expect("make a link");
    symlink("nowhere", home.join("project/dangling")).expect("make a link");
    project.sandbox.write("project/file", "");
    let outer = home.parent().expect("has a parent").to_owned();
    for (root, part) in [
        ("/", "root of the file system"),
        (outer.to_str().expect("is UTF-8"), "home folder"),
        ("", "home folder"),
        (".git", "version control"),
        (".git/objects/new", "version control"),
        (".claude", "Claude Code's folder"),
        (".claude/agents", "Claude Code's folder"),
        ("project/innocent", "Claude Code's folder"),
        ("project/.claude", ".claude"),
        ("project/.claude/agents", ".claude"),
        ("project/.claude/worktrees", ".claude"),
        ("project/.claude/worktrees/w/.git", "version control"),
        ("project/.Husky", ".husky"),
        ("project/.github/workflows", ".github/workflows"),
        ("state", "state folder"),
        ("state/turbo", "state folder"),
        ("config", "configuration folder"),
        ("bin", "binaries"),
        ("bare.git/sub", "git repository"),
        ("project/dangling", "project/dangling"),
        ("project/file", "no folder"),
        ("project/file/sub", "no folder"),
        ("project/new/../..", "`..`"),
        ("project/new\n", "cannot be seen"),
    ] {
        let said = Root::open(&home.join(root), &project.env).expect_err(root).to_string();
        assert!(said.contains(part) && said.contains("to mend it"), "{root}: {said}");
    }
    std::fs::create_dir_all(home.join("project/.claude/worktrees/w")).expect("make a worktree");
    for root in
        ["project", "project/new/deep", "project/.claude/worktrees/w", "project/.claude/worktrees/w/src"]
    {
        Root::open(&home.join(root), &project.env).expect(root);
    }
}

#[test]
fn d1_a_folder_that_may_not_be_written_is_no_root() {
    let project = Project::new();
    if is_root() {
        return skipped("a folder without permission", "root may write everywhere");
    }
    chmod(&project.out(), 0o555);
    let said = Root::open(&project.out(), &project.env).expect_err("is refused").to_string();
    chmod(&project.out(), 0o755);
    assert!(said.contains("ermission"), "{said}");
}

#[test]
fn d1_folders_of_sef_and_claude_inside_the_root_are_closed() {
    let sandbox = Sandbox::new();
    let project = Project { env: super::env(&sandbox.path("project/out")), sandbox };
    std::fs::create_dir_all(project.path("state")).expect("make a folder");
    let env = Env { home: None, ..project.env.clone() };
    let root = Root::open(&project.out(), &env).expect("may be written");
    for path in ["state/turbo/x", "config/rules.toml", "bin/sef"] {
        let plan = sef::fsx::confined::plan(&root, &set(&[(path, "")]), Overwrite::Replace, |_, _| false);
        assert!(plan.expect_err(path)[0].to_string().contains("SEF"), "{path}");
    }
}

#[test]
fn d2_links_are_not_gone_through() {
    let project = Project::new();
    let outside = project.sandbox.write("outside/file", "theirs");
    let outside = outside.parent().expect("has a parent");
    project.plant("real/file", "mine");
    for (link, to) in [
        ("folder", outside),
        ("up", Path::new("..")),
        ("inside", Path::new("real")),
        ("file", &outside.join("file")),
        ("near", Path::new("real/file")),
        ("dangling", Path::new("nowhere")),
        ("loop", Path::new("loop")),
        ("real/deep", outside),
    ] {
        symlink(to, project.path(link)).expect("make a link");
    }
    for path in [
        "folder/new",
        "folder/file",
        "up/new",
        "inside/new",
        "inside/file",
        "file",
        "near",
        "dangling",
        "loop",
        "loop/new",
        "dangling/new",
        "real/deep/new",
        "real/deep/deeper/new",
    ] {
        let said = refused(&project, path);
        assert!(said.contains("symbolic link"), "{path}: {said}");
    }
    assert_eq!(project.sandbox.read("outside/file"), "theirs");
    assert_eq!(std::fs::read_dir(outside).expect("is there").count(), 1);
}

#[test]
fn d2_a_parent_that_is_swapped_for_a_link_all_the_time_leads_nowhere() {
    let project = Project::new();
    let outside = project.sandbox.path("outside");
    std::fs::create_dir(&outside).expect("make a folder");
    let (parent, aside, link) = (project.path("sub"), project.path("aside"), project.path("link"));
    std::fs::create_dir(&parent).expect("make a folder");
    symlink(&outside, &link).expect("make a link");
    let is_over = AtomicBool::new(false);
    let (mut written, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Some of these fail when a writing made or removed the folder meanwhile; the next round is as good.
            while !is_over.load(Ordering::Relaxed) {
                let _ = std::fs::rename(&parent, &aside);
                let _ = std::fs::rename(&link, &parent);
                std::thread::yield_now();
                let _ = std::fs::rename(&parent, &link);
                let _ = std::fs::rename(&aside, &parent);
            }
        });
        let mut run = project.begin();
        for number in 0..500 {
            match run.write(&set(&[(&format!("sub/deep/{number}"), "ours")]), Overwrite::Refuse) {
                Ok(_) => written += 1,
                Err(_) => refused += 1,
            }
            assert_eq!(std::fs::read_dir(&outside).expect("is there").count(), 0, "after {number}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(written + refused, 500);
    assert!(refused > 0, "the swapper was seen at work");
}

#[test]
fn d3_no_generated_set_makes_git_run_a_command() {
    let project = Project::new();
    let marker = project.sandbox.path("marker");
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n\tfsmonitor = \"touch {}; false\"\n",
        marker.display()
    );
    let attack = [
        (".git", "gitdir: evil\n"),
        ("evil/config", config.as_str()),
        ("evil/HEAD", "ref: refs/heads/main\n"),
        ("evil/objects/x", ""),
        ("evil/refs/x", ""),
    ];
    let status = |folder: &Path| {
        let mut git = project.sandbox.command("git");
        git.args(["status", "--short"]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        git.status().expect("git runs")
    };
    // First that the attack is one: with plain writes the command runs, in the folder and in the inner one.
    let victim = project.sandbox.path("victim");
    for (path, content) in &attack {
        project.sandbox.write(&format!("victim/{path}"), content);
    }
    for folder in [victim.clone(), victim.join("evil")] {
        status(&folder);
        assert!(marker.exists(), "git did not run it in {}", folder.display());
        std::fs::remove_file(&marker).expect("can be removed");
    }
    project.write(&attack, Overwrite::Replace).expect_err("is refused");
    assert!(project.tree().keys().all(|path| path.ends_with("out")), "nothing was written");
    // Then every single file of it that is let through, and in other spellings.
    let mut let_through = 0;
    for (path, content) in &attack {
        for path in [(*path).to_owned(), path.to_uppercase(), path.replace("git", "Git")] {
            let_through += usize::from(project.write(&[(&path, content)], Overwrite::Replace).is_ok());
        }
    }
    assert!(let_through > 0);
    for folder in [project.out(), project.path("evil"), project.path("EVIL")] {
        status(&folder);
        assert!(!marker.exists(), "git ran it in {}", folder.display());
    }
}

#[test]
fn d3_a_repository_without_git_in_its_name_is_not_written_into() {
    let project = Project::new();
    let bare = project.path("store");
    let made = Command::new("git")
        .args(["init", "-q", "--bare"])
        .arg(&bare)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .status();
    assert!(made.expect("git runs").success());
    for path in ["store/config", "store/hooks/post-update", "store/new"] {
        let said = refused(&project, path);
        assert!(said.contains("git repository"), "{path}: {said}");
    }
}

#[test]
fn d4_what_stands_in_the_way_is_refused_and_everything_stays() {
    let project = Project::new();
    project.plant("there.py", "theirs");
    project.plant("file", "theirs");
    project.plant("folder/inner", "theirs");
    project.plant("locked", "theirs");
    chmod(&project.path("locked"), 0o444);
    project.plant("suid", "theirs");
    chmod(&project.path("suid"), 0o4755);
    std::fs::hard_link(project.plant("one", "theirs"), project.path("two")).expect("make a link");
    let fifo = Command::new("mkfifo").arg(project.path("pipe")).status().expect("mkfifo runs");
    assert!(fifo.success());
    for (path, part) in [
        ("file/inner", "file is no regular file"),
        ("folder", "it is a folder"),
        ("locked", "read-only"),
        ("suid", "set-user-id"),
        ("one", "hard links"),
        ("pipe", "a pipe"),
        ("pipe/inner", "pipe is a pipe"),
    ] {
        let said = refused(&project, path);
        let part = if path == "file/inner" { "no folder that may be gone through" } else { part };
        assert!(said.contains(part), "{path}: {said}");
    }
    let before = project.tree();
    let errors =
        project.write(&[("new.py", ""), ("there.py", "ours")], Overwrite::Refuse).expect_err("is refused");
    assert!(errors[0].to_string().contains("--overwrite"), "{errors:?}");
    assert_eq!(project.tree(), before);
    let written = project
        .write(&[("there.py", "theirs")], Overwrite::Refuse)
        .expect("the same content is no overwriting");
    assert_eq!(written.files[0].action, Action::Unchanged);
    assert_eq!(project.tree(), before);
}

#[test]
fn d6_sets_have_bounds() {
    let project = Project::new();
    let many: Vec<(String, String)> = (0..4_001).map(|number| (format!("{number}"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let large = "x".repeat((8 << 20) + 1);
    let half = "x".repeat(8 << 20);
    let total: Vec<String> = (0..9).map(|number| format!("{number}")).collect();
    let total: Vec<(&str, &str)> = total.iter().map(|path| (path.as_str(), half.as_str())).collect();
    for (files, part) in
        [(&many[..], "4001 files"), (&[("a", large.as_str())], "8388609 bytes"), (&total, "75497472 bytes")]
    {
        let errors = project.write(files, Overwrite::Refuse).expect_err(part);
        assert!(errors[0].to_string().contains(part), "{errors:?}");
    }
    assert_eq!(project.tree().len(), 1);
}
