//! Exams as a race holds them: real runners, honest candidates and hostile ones. Each hostile one ends in time, is not judged
//! passed, and loses to an honest one that gets half of it right.

mod hostile;
mod runners;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sef::config::Env;
use sef::exam::{Control, DISK_BYTES, Depth, Exam, Sat, Standard, control, sit};
use sef::fence::{Limits, Sandbox as Wanted};
use sef::watch::Unwatched;

use crate::sandbox::{Sandbox, binary};

/// One exam with its folders.
pub struct Hall {
    pub sandbox: Sandbox,
    pub env: Env,
    pub exam: Exam,
    pub control: Control,
}

pub fn limits(wall: u64) -> Limits {
    Limits {
        wall: Duration::from_secs(wall),
        cpu: Duration::from_mins(1),
        memory_bytes: 1 << 30,
        processes: 80,
        output_bytes: 256 << 10,
        file_bytes: 64 << 20,
    }
}

impl Hall {
    /// The exam that a base commit with these files makes.
    pub fn new(command: &str, base: &[(&str, &str)], limits: Limits) -> Self {
        let sandbox = Sandbox::new();
        for (path, text) in base {
            sandbox.write(&format!("base/{path}"), text);
        }
        std::fs::create_dir_all(sandbox.path("base")).expect("made");
        let vars: BTreeMap<&str, PathBuf> = [
            ("HOME", sandbox.home()),
            ("SEF_STATE_DIR", sandbox.state()),
            ("SEF_CONFIG_DIR", sandbox.path("config")),
            ("CLAUDE_CONFIG_DIR", sandbox.claude()),
        ]
        .into();
        let env = Env::from_lookup(|name| vars.get(name).map(OsString::from));
        let exam = Exam {
            command: command.to_owned(),
            limits,
            disk_bytes: DISK_BYTES,
            sandbox: Some(Wanted::Auto),
            standard: Some(Standard::read(&sandbox.path("base"), command).expect("read")),
            checkout: Some(sandbox.path("project")),
            sef: binary("sef").to_path_buf(),
        };
        let scratch = sandbox.path("state/races/r/exam/control");
        let control =
            control(&env, &exam, Some(&sandbox.path("base")), &scratch, &Unwatched).expect("is held");
        Self { sandbox, env, exam, control }
    }

    /// A candidate: the base commit's files and its own.
    pub fn candidate(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let tree = self.sandbox.path(&format!("state/races/r/trees/{name}"));
        std::fs::create_dir_all(&tree).expect("made");
        let copied = Command::new("cp").arg("-a").arg(self.sandbox.path("base/.")).arg(&tree).status();
        assert!(copied.expect("cp runs").success());
        for (path, text) in files {
            self.sandbox.write(&format!("state/races/r/trees/{name}/{path}"), text);
        }
        tree
    }

    pub fn sit(&self, tree: &Path, depth: Depth) -> Sat {
        let scratch = self.sandbox.path("state/races/r/exam").join(tree.file_name().expect("has one"));
        let sat =
            sit(&self.env, &self.exam, &self.control, depth, tree, &scratch, &Unwatched).expect("is held");
        let left: Vec<_> = std::fs::read_dir(&scratch).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "nothing is left in the scratch folder: {left:?}");
        sat
    }

    pub fn full(&self, name: &str, files: &[(&str, &str)]) -> Sat {
        self.sit(&self.candidate(name, files), Depth::Full)
    }
}

/// Where a program really lies, as its shim would have to look for it.
pub fn python() -> Option<String> {
    let out = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    let path = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (!path.is_empty()).then_some(path)
}
