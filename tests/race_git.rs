//! Races in real repositories: what a worktree and a commit leave of the user's own, whatever the repository is like.

mod bench;
mod cleaning;
mod kills;
mod promoting;
mod untouched;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sef::race::clean::{Cleaned, Selection, clean};
use sef::race::manifest::{Kind, Race};
use sef::race::repo::Repo;
use sef::race::worktree::Tree;

use crate::sandbox::Sandbox;

/// A sandbox, and the repository `project` in it.
struct Project {
    sandbox: Sandbox,
    top: PathBuf,
}

impl Project {
    /// A repository with two commits of an identified user.
    fn new() -> Self {
        Self::with("project", &[])
    }

    fn with(folder: &str, init: &[&str]) -> Self {
        let project = Self::empty(folder, init);
        project.write("README", "read me\n");
        project.write("src/main.py", "print(1)\n");
        project.write(".gitignore", "ignored\n");
        project.commit("first");
        project.write("src/main.py", "print(2)\n");
        project.commit("second");
        project
    }

    /// A repository without a commit.
    fn empty(folder: &str, init: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        let top = sandbox.path(folder);
        std::fs::create_dir_all(&top).expect("make the folder");
        let project = Self { sandbox, top: std::fs::canonicalize(top).expect("is there") };
        project.git(&[&["init", "-q", "-b", "main"], init].concat());
        project.git(&["config", "user.name", "A User"]);
        project.git(&["config", "user.email", "user@example.com"]);
        project
    }

    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.top.join(path);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("make folders");
        std::fs::write(&path, content).expect("write a file");
        path
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message]);
    }

    /// Git as the user runs it in the project; answers what it said.
    fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.top, args)
    }

    fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let run = self.sandbox.command("git").args(args).current_dir(folder).output().expect("git runs");
        assert!(run.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).trim_end().to_owned()
    }

    /// Does git answer yes?
    fn says(&self, args: &[&str]) -> bool {
        self.sandbox
            .command("git")
            .args(args)
            .current_dir(&self.top)
            .output()
            .expect("git runs")
            .status
            .success()
    }

    fn state(&self) -> PathBuf {
        self.sandbox.state()
    }

    fn repo(&self) -> Repo {
        Repo::find(&self.top).expect("a repository to race in")
    }

    fn begin(&self) -> Race {
        Race::begin(&self.state(), self.repo(), Kind::Showdown, "Rate limiter").expect("a race begins")
    }

    /// A race whose candidates of these names have each a commit that adds `src/new.py`.
    fn raced(&self, names: &[&str]) -> Race {
        let race = self.begin();
        for tree in race.add(names).expect("worktrees are made") {
            finish(&race, &tree);
        }
        race
    }

    fn clean(&self, id: Option<&str>, discard: &[&str]) -> Vec<Cleaned> {
        let discard: Vec<String> = discard.iter().map(|name| (*name).to_owned()).collect();
        let report =
            clean(&self.state(), id.map_or(Selection::All, Selection::One), &discard).expect("cleans");
        assert_eq!(report.unreadable, [] as [String; 0]);
        report.races
    }

    /// The whole repository and the checkout, without objects (a commit adds some) and what git's own looks change.
    fn tree(&self) -> Files {
        let mut files = files(&self.top);
        files.retain(|path, _| !path.contains(".git/objects/"));
        files
    }
}

/// Writes and commits a candidate's work.
fn finish(race: &Race, tree: &Tree) -> String {
    std::fs::write(tree.path.join("src/new.py"), format!("# by {}\n", tree.name)).expect("is written");
    race.commit(&tree.name, &["src/new.py"], &format!("{}: new", tree.name)).expect("is committed")
}

/// Path below the folder -> kind, mode and content.
type Files = BTreeMap<String, String>;

fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("read a folder").map(|entry| entry.expect("an entry")) {
            let meta = entry.metadata().expect("look at an entry");
            let said = if meta.is_dir() {
                folders.push(entry.path());
                format!("{:o}", meta.mode())
            } else if meta.is_symlink() {
                format!("-> {}", std::fs::read_link(entry.path()).expect("read a link").display())
            } else {
                let content = std::fs::read(entry.path()).expect("read a file");
                format!("{:o} {}", meta.mode(), String::from_utf8_lossy(&content))
            };
            let path = entry.path();
            let path = path.strip_prefix(folder).expect("is below").to_string_lossy().into_owned();
            found.insert(path, said);
        }
    }
    found
}

/// What differs, for messages.
fn differing(before: &Files, after: &Files) -> Vec<String> {
    let names = before.keys().chain(after.keys());
    let mut names: Vec<String> =
        names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect();
    names.dedup();
    names
}

fn executable(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("change the mode");
}

/// A process of this test program that does one job and nothing else.
fn child(project: &Project, job: &str) -> Command {
    let mut command = project.sandbox.command(std::env::current_exe().expect("this test has a path"));
    command.args(["--exact", "race_git::the_process_that_tests_start", "--ignored", "--test-threads=1"]);
    command.env("SEF_TEST_TOP", &project.top).env("SEF_TEST_STATE", project.state()).env("SEF_TEST_JOB", job);
    command
}

#[test]
#[ignore = "other tests start it in a process of its own, to be killed or to have another environment"]
#[expect(clippy::disallowed_methods, reason = "its orders come from the test that starts it")]
fn the_process_that_tests_start() {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(top), Some(state), Ok(job)) =
        (variable("SEF_TEST_TOP"), variable("SEF_TEST_STATE"), std::env::var("SEF_TEST_JOB"))
    else {
        return;
    };
    match job.as_str() {
        "race" => kills::race(&top, &state),
        "clean" => drop(clean(&state, Selection::All, &[]).expect("cleans")),
        "discard" => kills::discard(&state),
        "promote" => kills::promote(&state),
        other => panic!("no job {other}"),
    }
}
