//! The safe writer and its undo, on real folders: what is refused, what is left after every fault, what comes back.

mod bench;
mod faults;
mod kills;
mod refusals;
mod undoing;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sef::config::Env;
use sef::error::Error;
use sef::fsx::confined::{NewFile, Overwrite, Root};
use sef::turbo::runs::{Edits, Run, Undone, Which, Written, undo};

use crate::sandbox::Sandbox;

/// A sandbox, and the folder `out` of its project.
struct Project {
    sandbox: Sandbox,
    env: Env,
}

impl Project {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.path("project/out")).expect("make the output folder");
        let env = env(&sandbox.home());
        Self { sandbox, env }
    }

    fn out(&self) -> PathBuf {
        self.sandbox.path("project/out")
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.out().join(rest)
    }

    /// Puts a file of the user below `out`.
    fn plant(&self, rest: &str, content: &str) -> PathBuf {
        self.sandbox.write(&format!("project/out/{rest}"), content)
    }

    fn read(&self, rest: &str) -> Option<String> {
        std::fs::read_to_string(self.path(rest)).ok()
    }

    fn root(&self) -> Root {
        Root::open(&self.out(), &self.env).expect("the folder may be written")
    }

    fn begin(&self) -> Run {
        Run::begin(&self.sandbox.state(), self.root()).expect("a run begins")
    }

    /// One whole run.
    fn write(&self, files: &[(&str, &str)], overwrite: Overwrite) -> Result<Written, Vec<Error>> {
        let mut run = self.begin();
        let written = run.write(&set(files), overwrite)?;
        run.finish().expect("the run ends");
        Ok(written)
    }

    fn undo(&self, edits: Edits) -> Result<Undone, Error> {
        undo(&self.sandbox.state(), Which::Last, None, edits)
    }

    /// Everything of the project and beside it, but not the state.
    fn tree(&self) -> Tree {
        tree(&self.sandbox.path("project"))
    }
}

fn env(home: &Path) -> Env {
    Env {
        home: Some(home.to_owned()),
        state_dir: Some(home.join("state")),
        config_dir: Some(home.join("config")),
        claude_dir: Some(home.join(".claude")),
        bin_dir: Some(home.join("bin")),
        ..Env::default()
    }
}

fn set(files: &[(&str, &str)]) -> Vec<NewFile> {
    files
        .iter()
        .map(|(path, content)| NewFile { path: (*path).to_owned(), content: (*content).to_owned() })
        .collect()
}

/// Path -> kind, mode, and for files content and time, for links the target.
type Tree = BTreeMap<PathBuf, String>;

fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("read a folder").map(|entry| entry.expect("an entry"))
        {
            let meta = entry.metadata().expect("look at an entry");
            let mode = meta.mode();
            let said = if meta.is_dir() {
                folders.push(entry.path());
                format!("{mode:o}")
            } else if meta.is_symlink() {
                format!("-> {}", std::fs::read_link(entry.path()).expect("read a link").display())
            } else if meta.is_file() {
                let content = std::fs::read(entry.path()).expect("read a file");
                let content = String::from_utf8_lossy(&content).into_owned();
                format!("{mode:o} {} {} {content}", meta.mtime(), meta.mtime_nsec())
            } else {
                format!("{mode:o}")
            };
            tree.insert(entry.path(), said);
        }
    }
    tree
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("change the mode");
}

/// Is this process root, to whom no folder is closed?
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A process of this test program that does one job of [`child`] and nothing else.
fn child(home: &Path, job: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test has a path"));
    command.args(["--exact", "turbo_runs::the_process_that_tests_start", "--ignored", "--test-threads=1"]);
    command.env_clear().env("SEF_TEST_HOME", home).env("SEF_TEST_JOB", job).current_dir(home);
    command
}

#[test]
#[ignore = "other tests start it in a process of its own, to be killed or to have another umask or disk"]
#[expect(clippy::disallowed_methods, reason = "its orders come from the test that starts it")]
fn the_process_that_tests_start() {
    let Some(home) = std::env::var_os("SEF_TEST_HOME").map(PathBuf::from) else { return };
    let job = std::env::var("SEF_TEST_JOB").expect("a job");
    kills::warm_up();
    match job.as_str() {
        "two rounds" => kills::two_rounds(&home),
        "undo" => kills::undo_last(&home),
        "discard" => kills::discard_last(&home),
        "recover" => kills::recover_all(&home),
        "full disk" => faults::on_a_full_disk(&home),
        "modes" => faults::with_modes(&home),
        other => panic!("no job named {other}"),
    }
}
