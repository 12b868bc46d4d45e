//! Races through the real binary: a repository, a design, candidates that the scripted service plays, and what comes of it.
//! The material is in `tests/race/designs`; `check.py` there says that each candidate is what its `expect` claims.

mod promoting;
mod stops;
mod tools;
mod winners;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox, finish};
use crate::turbo::service::{KEY, Service};

/// A repository with the base commit of a design, and a service that plays its candidates.
pub struct Ring {
    pub sandbox: Sandbox,
    pub service: Service,
    material: PathBuf,
    candidates: Vec<String>,
}

/// What the plans of a design are asked for with, in the order of the runners.
fn emphases() -> Vec<String> {
    let data: toml::Value = toml::from_str(include_str!("../rules/race.toml")).expect("is TOML");
    let all = data["emphasis"].as_array().expect("is a list");
    all.iter().map(|one| one["words"].as_str().expect("is a text").to_owned()).collect()
}

impl Ring {
    /// `candidates` by name, for runner 1, 2, ... `options` are the service's.
    pub fn new(design: &str, candidates: &[&str], options: &[&str]) -> Self {
        let bent = emphases();
        Self::with(design, candidates, &bent.iter().map(String::as_str).collect::<Vec<_>>(), options)
    }

    /// The same; each candidate's plan goes to whoever is told these words.
    fn with(design: &str, candidates: &[&str], bent: &[&str], options: &[&str]) -> Self {
        let mut sandbox = Sandbox::new();
        let material = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/race/designs").join(design);
        let compiler = Path::new(env!("CARGO")).parent().expect("cargo lies in a folder");
        sandbox.set("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", compiler.display()));
        for (path, content) in tree(&material.join("base")) {
            sandbox.write(&format!("project/{path}"), content);
        }
        sandbox.write("design.md", std::fs::read(material.join("design.md")).expect("is there"));
        let script = script(&material, candidates, bent);
        let service = Service::start_with(&mut sandbox, &script, &[&["--key", KEY], options].concat());
        let candidates = candidates.iter().map(|name| (*name).to_owned()).collect();
        let ring = Self { sandbox, service, material, candidates };
        ring.git(&["init", "-q", "-b", "main"]);
        ring.git(&["add", "-A"]);
        ring.git(&["commit", "-q", "-m", "base"]);
        ring
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.sandbox, args)
    }

    fn test_command(&self) -> String {
        std::fs::read_to_string(self.material.join("command")).expect("is there").trim().to_owned()
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let design = self.sandbox.path("design.md");
        let runners = self.candidates.len().to_string();
        let start = ["showdown", "--design", &design.to_string_lossy(), "--runners", &runners, "--test"]
            .map(str::to_owned);
        let more = more.iter().map(|arg| (*arg).to_owned());
        start.into_iter().chain([self.test_command(), "--json".to_owned()]).chain(more).collect()
    }

    /// A whole showdown.
    fn showdown(&self, more: &[&str]) -> Run {
        self.sandbox.run("sef", &self.args(more).iter().map(String::as_str).collect::<Vec<_>>(), "")
    }

    /// A showdown that a test watches or ends.
    fn begun(&self, more: &[&str]) -> Command {
        let mut command = self.sandbox.command(crate::sandbox::binary("sef"));
        command.args(self.args(more));
        command
    }

    fn users(&self) -> BTreeMap<String, Vec<u8>> {
        users(&self.sandbox)
    }
}

/// Runs git in the project; what it prints.
fn git(sandbox: &Sandbox, args: &[&str]) -> String {
    let mut command = sandbox.command("git");
    command.args(["-c", "user.name=u", "-c", "user.email=u@example.com"]).args(args);
    let run = finish(command, b"");
    assert_eq!(run.code, Some(0), "git {args:?}: {}", run.err);
    run.out
}

/// Everything of the checkout and of the repository that is the user's: files, index, config, hooks, HEAD, refs but ours.
fn users(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut all = tree(&sandbox.path("project"));
    all.retain(|path, _| {
        !path.starts_with(".git/objects/")
            && !path.starts_with(".git/worktrees/")
            && !path.starts_with(".git/refs/heads/sef-race-")
            && !path.starts_with(".git/logs/refs/heads/sef-race-")
    });
    all
}

/// The steps of the service: for each candidate its plan, its repair and its code; every review says yes.
fn script(material: &Path, candidates: &[&str], bent: &[&str]) -> Value {
    let mut steps = vec![json!({"do": "review", "when": ["You review one program"]})];
    let texts = |folder: PathBuf| -> serde_json::Map<String, Value> {
        let all = tree(&folder).into_iter();
        all.map(|(path, bytes)| (path, json!(String::from_utf8(bytes).expect("is UTF-8")))).collect()
    };
    for (name, words) in candidates.iter().zip(bent) {
        let folder = material.join("candidates").join(name);
        let paper = |name: &str| json!(std::fs::read_to_string(folder.join(name)).expect("is there"));
        let plan = json!({"plan.md": paper("plan.md"), "contract-1.md": paper("contract-1.md")});
        steps.push(json!({"do": "answer", "files": plan, "when": ["You plan how a design is built", words]}));
        let variant = format!("Variant: {name}.");
        if folder.join("repair").is_dir() {
            let when = json!(["Mend the cause.", variant]);
            steps.push(json!({"do": "answer", "files": texts(folder.join("repair")), "when": when}));
        }
        steps.push(json!({"do": "answer", "files": texts(folder.join("code")), "when": [variant]}));
    }
    json!(steps)
}

/// Every file below a folder, with its content.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is below").to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// The JSON of a race.
fn outcome(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no JSON: {run:?}"))
}

/// One candidate of a race.
fn candidate<'a>(outcome: &'a Value, name: &str) -> &'a Value {
    let all = outcome["candidates"].as_array().expect("is a list");
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}: {outcome:#}"))
}
