//! F1 to F3: the user's checkout, refs and configuration are as before, no code of the repository runs, no names clash.

use std::path::Path;

use sef::race::manifest::{Kind, Race};
use sef::race::repo::Repo;

use super::{Project, child, differing, executable, finish};

/// Every hook that git knows (githooks(5), git 2.47).
const HOOKS: &[&str] = &[
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "post-index-change",
];

/// A whole race, and its end; checks what is there while it runs and that everything is as before after it.
fn whole_race(project: &Project, what: &str) {
    let before = project.tree();
    let refs = project.git(&["for-each-ref"]);
    let race = project.raced(&["runner-1", "runner-2"]);
    let during = project.tree();
    let ours = |path: &String| path.contains("worktrees") || path.contains("sef-race-");
    let foreign: Vec<String> = differing(&before, &during).into_iter().filter(|path| !ours(path)).collect();
    assert_eq!(foreign, [] as [String; 0], "{what}: while it runs");
    let manifest = race.manifest();
    for one in &manifest.candidates {
        let tree = std::fs::read_to_string(one.tree.join("src/main.py")).expect("is checked out");
        assert_eq!(tree, "print(2)\n", "{what}");
        let shown = project.git(&["show", "--name-status", "--format=%an <%ae>%n%P", &one.branch]);
        assert_eq!(shown, format!("A User <user@example.com>\n{}\n\nA\tsrc/new.py", manifest.base), "{what}");
    }
    let id = race.id();
    drop(race);
    let cleaned = project.clean(Some(&id), &["all"]);
    assert!(cleaned[0].cleared && cleaned[0].kept.is_empty(), "{what}: {cleaned:?}");
    assert_eq!(differing(&before, &project.tree()), [] as [String; 0], "{what}: after it");
    assert_eq!(project.git(&["for-each-ref"]), refs, "{what}");
}

#[test]
fn f1_a_race_leaves_every_kind_of_checkout_as_it_was() {
    let project = Project::new();
    whole_race(&project, "clean");
    project.write("README", "changed\n");
    project.write("untracked", "mine\n");
    project.write("ignored", "mine too\n");
    whole_race(&project, "dirty");
    project.write("staged", "staged\n");
    project.git(&["add", "staged"]);
    project.write("staged", "staged, then changed\n");
    whole_race(&project, "staged");
    project.git(&["stash", "-q"]);
    project.git(&["tag", "v1"]);
    whole_race(&project, "stashed");
    project.git(&["checkout", "-q", "--detach"]);
    whole_race(&project, "detached");
    project.git(&["pack-refs", "--all"]);
    project.git(&["config", "core.logAllRefUpdates", "always"]);
    project.git(&["config", "worktree.useRelativePaths", "true"]);
    project.git(&["config", "core.splitIndex", "true"]);
    whole_race(&project, "packed refs, all reflogs, relative paths, a split index");
}

#[test]
fn f1_odd_paths_and_object_formats_are_as_good_as_any() {
    let project = Project::with("my  \u{e9}\u{4e2d}\u{1f980} project's", &[]);
    project.write("-leading dash", "x\n");
    project.write("with\nline end", "x\n");
    project.commit("odd names");
    whole_race(&project, "odd names");
    let project = Project::with("sha256", &["--object-format=sha256"]);
    assert_eq!(project.repo().head.len(), 64);
    whole_race(&project, "sha256");
}

#[test]
fn f1_a_race_can_begin_in_a_linked_worktree_and_in_a_subfolder() {
    let project = Project::new();
    let linked = project.sandbox.path("linked");
    project.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().expect("is UTF-8")]);
    let repo = Repo::find(&linked.join("src")).expect("is found");
    assert!(repo.is_linked && repo.branch.as_deref() == Some("side"));
    assert_eq!(repo.top, linked);
    assert_eq!(repo.common_dir, project.top.join(".git"));
    let worktrees = project.git(&["worktree", "list", "--porcelain"]);
    let before = (project.tree(), super::files(&linked));
    let race = Race::begin(&project.state(), repo, Kind::AnyPercent, "x").expect("begins");
    finish(&race, &race.add(&["variant-sqlite"]).expect("is made")[0]);
    let id = race.id();
    drop(race);
    assert!(project.clean(Some(&id), &["variant-sqlite"])[0].cleared);
    assert_eq!(differing(&before.0, &project.tree()), [] as [String; 0]);
    assert_eq!(differing(&before.1, &super::files(&linked)), [] as [String; 0]);
    assert_eq!(project.git(&["worktree", "list", "--porcelain"]), worktrees);
}

#[test]
fn f1_submodules_stay_empty_and_their_repositories_untouched() {
    let inner = Project::new();
    let project = Project::new();
    let inner_path = inner.top.to_str().expect("is UTF-8");
    project.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner_path, "sub"]);
    project.commit("a submodule");
    project.git(&["config", "submodule.recurse", "true"]);
    assert!(project.repo().has_submodules);
    let found = Repo::find(&project.top.join("sub")).expect("a submodule is a repository");
    assert_eq!(found.superproject.as_deref(), Some(project.top.as_path()));
    let race = project.begin();
    let tree = &race.add(&["runner-1"]).expect("is made")[0];
    assert_eq!(std::fs::read_dir(tree.path.join("sub")).expect("is a folder").count(), 0);
    assert!(
        race.repo
            .files(&race.repo.head, |_| true)
            .expect("reads")
            .iter()
            .all(|file| file.path != Path::new("sub"))
    );
    drop(race);
    assert!(project.clean(None, &[])[0].cleared);
    whole_race(&project, "submodules");
}

#[test]
fn f1_what_no_race_can_begin_in_is_refused_with_reason_and_remedy() {
    let refused = |dir: &Path, why: &str| {
        let error = Repo::find(dir).expect_err(why);
        assert!(error.why.contains(why) && !error.fix.is_empty(), "{error}");
    };
    let unborn = Project::empty("unborn", &[]);
    refused(&unborn.top, "no commit yet");
    let bare = unborn.sandbox.path("bare");
    unborn.git(&["init", "-q", "--bare", bare.to_str().expect("is UTF-8")]);
    refused(&bare, "bare");
    refused(&unborn.top.join(".git"), "inside the .git folder");
    refused(&unborn.sandbox.home(), "not a git repository");
    refused(&unborn.sandbox.path("nowhere"), "No such file");
}

#[test]
fn no_git_or_one_that_is_too_old_is_named_with_what_to_install() {
    let project = Project::new();
    let old = project.sandbox.write("old/git", "#!/bin/sh\necho git version 2.32.7\n");
    executable(&old);
    let empty = project.sandbox.path("empty");
    std::fs::create_dir(&empty).expect("is made");
    let old = old.parent().expect("has a parent");
    for (path, why) in
        [(old, "it is version 2.32, and 2.33 is the oldest"), (&empty, "there is no `git` on PATH")]
    {
        let output = child(&project, "race").env("PATH", path).output().expect("it runs");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(
            !output.status.success() && said.contains(why) && said.contains("install git 2.33"),
            "{said}"
        );
    }
}

#[test]
fn f1_nothing_is_fetched_for_a_partial_clone() {
    let project = Project::new();
    project.git(&["config", "uploadpack.allowFilter", "true"]);
    let (from, clone) = (format!("file://{}", project.top.display()), project.sandbox.path("clone"));
    let clone = clone.to_str().expect("is UTF-8");
    project.git(&["clone", "-q", "--no-checkout", "--filter=blob:none", &from, clone]);
    let repo = Repo::find(Path::new(clone)).expect("is found");
    let objects = || super::files(&Path::new(clone).join(".git/objects")).len();
    let before = objects();
    let error = repo.files(&repo.head, |_| true).expect_err("objects are missing");
    assert!(error.why.contains("missing") && !error.fix.is_empty(), "{error}");
    let race = Race::begin(&project.state(), repo, Kind::Showdown, "x").expect("begins");
    let error = race.add(&["runner-1"]).expect_err("objects are missing");
    assert!(!error.fix.is_empty(), "{error}");
    assert_eq!(objects(), before);
    assert_eq!(project.git_in(Path::new(clone), &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn f1_the_callers_git_variables_lead_nowhere() {
    let (project, other) = (Project::new(), Project::new());
    let before = (project.tree(), other.tree());
    let mut job = child(&project, "race");
    let git_dir = other.top.join(".git");
    job.env("GIT_DIR", &git_dir)
        .env("GIT_WORK_TREE", &other.top)
        .env("GIT_INDEX_FILE", git_dir.join("index"));
    job.env("GIT_COMMON_DIR", &git_dir).env("GIT_OBJECT_DIRECTORY", git_dir.join("objects"));
    job.env("GIT_NAMESPACE", "odd").env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "core.bare");
    job.env("GIT_CONFIG_VALUE_0", "true").env("GIT_CEILING_DIRECTORIES", &project.top);
    let output = job.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(differing(&before.1, &other.tree()), [] as [String; 0]);
    assert!(!other.says(&["rev-parse", "--verify", "-q", "sef-race-x"]));
    let races = project.clean(None, &[]);
    assert_eq!(races.len(), 1);
    assert!(project.clean(Some(&races[0].id), &["all"])[0].cleared);
    assert_eq!(differing(&before.0, &project.tree()), [] as [String; 0]);
}

#[test]
fn f2_no_hook_filter_or_monitor_of_the_repository_runs() {
    let project = Project::new();
    let marker = project.sandbox.path("marker");
    let script = format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", marker.display());
    for hook in HOOKS {
        let path = project.sandbox.write(&format!("hooks/{hook}"), &script);
        executable(&path);
    }
    let run = project.sandbox.write("run", &script);
    executable(&run);
    let run = run.to_str().expect("is UTF-8");
    project
        .write(".gitattributes", "*.big filter=odd=name.x\n*.more filter=second\n*.txt diff=odd merge=odd\n");
    project.write("one.big", "stored\n");
    project.write("two.more", "stored\n");
    project.write("three.txt", "stored\n");
    project.commit("filtered files");
    let hooks = project.sandbox.path("hooks");
    for (key, value) in [
        ("core.hooksPath", hooks.to_str().expect("is UTF-8")),
        ("core.fsmonitor", run),
        ("core.sshCommand", run),
        ("core.pager", run),
        ("core.editor", run),
        ("diff.external", run),
        ("diff.odd.textconv", run),
        ("gpg.program", run),
        ("commit.gpgSign", "true"),
        ("credential.helper", run),
        ("filter.odd=name.x.smudge", run),
        ("filter.odd=name.x.clean", run),
        ("filter.odd=name.x.required", "true"),
        ("hook.odd.command", run),
        ("hook.odd.event", "post-checkout"),
    ] {
        project.git_in(
            &project.sandbox.home(),
            &["config", "--file", &format!("{}/.git/config", project.top.display()), key, value],
        );
    }
    // One that only an included file of linked worktrees has.
    let included =
        project.sandbox.write("included", format!("[filter \"second\"]\nprocess = {run}\nrequired = true\n"));
    let condition = format!("includeIf.gitdir:{}/.git/worktrees/**.path", project.top.display());
    let config = format!("{}/.git/config", project.top.display());
    let included = included.to_str().expect("is UTF-8");
    project.git_in(&project.sandbox.home(), &["config", "--file", &config, &condition, included]);
    let _ = std::fs::remove_file(&marker);

    let race = project.begin();
    assert!(race.repo.filters.contains(&"odd=name.x".to_owned()));
    let tree = &race.add(&["runner-1"]).expect("is made")[0];
    for (name, content) in [("one.big", "changed\n"), ("two.more", "changed\n"), ("three.txt", "changed\n")] {
        assert_eq!(std::fs::read_to_string(tree.path.join(name)).expect("is checked out"), "stored\n");
        std::fs::write(tree.path.join(name), content).expect("is written");
    }
    race.commit("runner-1", &["one.big", "two.more", "three.txt"], "changes").expect("is committed");
    let _ = race.repo.is_changed().expect("looks");
    let _ = race.repo.files(&race.repo.head, |_| true).expect("reads");
    let id = race.id();
    drop(race);
    assert!(project.clean(Some(&id), &["runner-1"])[0].cleared);
    assert_eq!(std::fs::read_to_string(&marker).unwrap_or_default(), "");

    // The markers do work: git alone runs them.
    let path = project.sandbox.path("w");
    let path = path.to_str().expect("is UTF-8");
    let without_second = ["-c", "filter.second.process=", "-c", "filter.second.required=false"];
    project.git(&[without_second.as_slice(), &["worktree", "add", "-q", "--detach", path]].concat());
    let said = std::fs::read_to_string(&marker).expect("git ran them");
    for hook in ["post-checkout", "reference-transaction", "post-index-change", "run"] {
        assert!(said.contains(hook), "no {hook} in {said}");
    }
}

#[test]
fn f3_two_races_with_eight_candidates_each_at_once_in_one_repository() {
    let project = Project::new();
    let before = project.tree();
    let names = ["a-1", "a-2", "a-3", "a-4", "a-5", "a-6", "a-7", "a-8"];
    let races = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| project.raced(&names)));
        threads.map(|thread| thread.join().expect("both are finished"))
    });
    let branches = project.git(&["branch", "--list", "sef-race-*"]);
    assert_eq!(branches.lines().count(), 16, "{branches}");
    let cleaned = project.clean(None, &[]);
    assert!(cleaned.iter().all(|race| race.running && race.removed.is_empty()), "{cleaned:?}");
    let ids = races.each_ref().map(Race::id);
    drop(races);
    for id in &ids {
        assert!(project.clean(Some(id), &["all"])[0].cleared);
    }
    assert_eq!(differing(&before, &project.tree()), [] as [String; 0]);
}

#[test]
fn f3_names_that_are_taken_are_somebodys_and_stay() {
    let project = Project::new();
    project.git(&["branch", "sef"]);
    let race = project.begin();
    let id = race.id();
    let short = id.rsplit_once('-').expect("has a random part").1.to_owned();
    // A folder in the repository with the name that git would take for the worktree's record.
    project.write(&format!(".git/worktrees/runner-1-{short}/gitdir"), "/somebody/else/.git\n");
    let trees = race.add(&["runner-1", "runner-2"]).expect("are made beside it");
    project.git(&["branch", &trees[0].branch]);
    std::fs::write(trees[0].path.join("src/new.py"), "x\n").expect("is written");
    let error = race.commit("runner-1", &["src/new.py"], "new").expect_err("the branch is there");
    assert!(error.why.contains("exists"), "{error}");
    assert_eq!(project.git(&["rev-parse", &trees[0].branch]), race.repo.head);
    // Its commit is not lost: HEAD of the worktree has it, and once the name is free it gets its branch.
    project.git(&["branch", "-m", &trees[0].branch, "mine"]);
    let commit = race.commit("runner-1", &["src/new.py"], "new").expect("is completed");
    assert_eq!(project.git(&["rev-parse", &trees[0].branch]), commit);
    drop(race);
    assert!(project.clean(Some(&id), &["all"])[0].cleared);
    assert!(project.says(&["rev-parse", "--verify", "-q", "refs/heads/mine"]));
    assert!(project.says(&["rev-parse", "--verify", "-q", "refs/heads/sef"]));
    assert!(project.top.join(format!(".git/worktrees/runner-1-{short}/gitdir")).exists());
}

#[test]
fn f3_a_failed_add_leaves_nothing() {
    let project = Project::new();
    let before = project.tree();
    let race = project.begin();
    let folder = race.folder().join("trees");
    let short = race.id().rsplit_once('-').expect("has a random part").1.to_owned();
    let planted = folder.join(format!("runner-2-{short}/mine"));
    std::fs::create_dir_all(planted.parent().expect("has a parent")).expect("is made");
    std::fs::write(&planted, "x").expect("is written");
    let error = race.add(&["runner-1", "runner-2"]).expect_err("a folder is in the way");
    assert!(error.why.contains("already exists"), "{error}");
    assert!(race.manifest().candidates.is_empty());
    assert!(planted.exists(), "what was there before is not ours to remove");
    assert_eq!(differing(&before, &project.tree()), [] as [String; 0]);
    for name in ["", "..", "a/b", "A", "-x", "promotion", "a b", "runner_1"] {
        assert!(race.add(&[name]).is_err(), "{name}");
    }
    assert!(race.add(&["twice", "twice"]).is_err());
    assert!(race.manifest().candidates.is_empty());
}

#[test]
fn a_commit_has_exactly_the_named_files() {
    let project = Project::new();
    let race = project.begin();
    let tree = &race.add(&["runner-1"]).expect("is made")[0];
    for (name, content) in [("ignored", "ours"), ("*", "star"), (":(top)x", "magic"), ("other", "not named")]
    {
        std::fs::write(tree.path.join(name), content).expect("is written");
    }
    std::fs::remove_file(tree.path.join("README")).expect("is removed");
    for (files, why) in [
        (vec!["../outside"], "not below"),
        (vec!["/etc/passwd"], "not below"),
        (vec![""], "not below"),
        (vec!["missing"], "no file"),
        (vec!["src/main.py"], "as the base commit"),
        (vec![], "as the base commit"),
        (vec![".git"], ""),
        (vec!["src"], ""),
    ] {
        let error = race.commit("runner-1", &files, "x").expect_err(why);
        assert!(error.to_string().contains(why), "{files:?}: {error}");
    }
    assert!(race.commit("runner-1", &["ignored"], " \n").is_err(), "a message is needed");
    let named = ["ignored", "*", ":(top)x", "README"];
    let commit = race.commit("runner-1", &named, "named files").expect("is committed");
    let changed = project.git(&["-c", "core.quotePath=false", "show", "--format=", "--name-status", &commit]);
    assert_eq!(changed, "A\t*\nA\t:(top)x\nD\tREADME\nA\tignored");
    assert_eq!(race.commit("runner-1", &named, "again").expect("is answered again"), commit);
    assert_eq!(race.manifest().candidates[0].commit.as_deref(), Some(commit.as_str()));
}

#[test]
fn a_commit_without_an_identity_is_of_nobody() {
    let project = Project::new();
    project.git(&["config", "user.name", ""]);
    let race = project.raced(&["runner-1"]);
    let author =
        project.git(&["show", "-s", "--format=%an <%ae> %cn <%ce>", &race.manifest().candidates[0].branch]);
    assert_eq!(author, "SEF <sef@localhost> SEF <sef@localhost>");
}

#[test]
fn files_of_a_commit_come_as_they_are_stored() {
    let project = Project::new();
    project.write("tests/a\tb.py", "assert 1\n");
    project.write("empty", "");
    executable(&project.write("run.sh", "#!/bin/sh\n"));
    std::os::unix::fs::symlink("README", project.top.join("link")).expect("is made");
    project.commit("files");
    project.write("empty", "not any more");
    let repo = project.repo();
    let files = repo.files(&repo.head, |path| !path.starts_with("src")).expect("reads");
    let said: Vec<(String, u32, String)> = files
        .into_iter()
        .map(|file| {
            (file.path.display().to_string(), file.mode, String::from_utf8(file.bytes).expect("is text"))
        })
        .collect();
    let wanted = [
        (".gitignore", 0o100_644, "ignored\n"),
        ("README", 0o100_644, "read me\n"),
        ("empty", 0o100_644, ""),
        ("link", 0o120_000, "README"),
        ("run.sh", 0o100_755, "#!/bin/sh\n"),
        ("tests/a\tb.py", 0o100_644, "assert 1\n"),
    ];
    assert_eq!(said, wanted.map(|(path, mode, bytes)| (path.to_owned(), mode, bytes.to_owned())));
    assert!(repo.is_changed().expect("looks"));
    project.git(&["checkout", "-q", "."]);
    assert!(!repo.is_changed().expect("looks"));
}
