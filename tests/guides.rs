//! docs/guide: every ```console block is run as it stands, in the order of its page, in a home of its own; exit codes and
//! the lines that are shown must be what the guide says. `...` stands for what may differ, in a line or for lines; `export`
//! holds for the rest of the page.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::race::Ring;
use crate::sandbox::{Sandbox, binary, finish};
use crate::turbo::service::Service;

/// Longest guide, in lines.
const MOST_LINES: usize = 150;

/// One command of a guide and what it must show.
#[derive(Debug, PartialEq)]
struct Step {
    /// Line of the guide, from 1.
    line: usize,
    command: String,
    shown: Vec<String>,
    code: i32,
}

/// The commands of a page. `> ` goes on with the command above, `[exit N]` ends what it shows.
fn steps(page: &str) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    let (mut inside, mut typing) = (false, false);
    for (at, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            let last = found.last_mut();
            match (line.strip_prefix("$ "), line.strip_prefix("> "), last) {
                (Some(command), _, _) => {
                    let step = Step { line: at + 1, command: command.to_owned(), shown: Vec::new(), code: 0 };
                    found.push(step);
                    typing = true;
                }
                (_, Some(more), Some(step)) if typing => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                (_, _, Some(step)) => {
                    typing = false;
                    let code = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']'));
                    match code.and_then(|code| code.parse().ok()) {
                        Some(code) => step.code = code,
                        None => step.shown.push(line.to_owned()),
                    }
                }
                (_, _, None) => panic!("line {}: nothing was run yet: {line}", at + 1),
            }
        }
    }
    found
}

/// Whether a line is what the guide shows, with `...` for anything.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some("") => true,
        Some(part) => rest.is_empty() || line.ends_with(part),
    }
}

/// The first line of the guide that the output does not have where it should.
fn missing<'a>(shown: &'a [String], output: &str) -> Option<&'a str> {
    let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
    let (mut at, mut gap) = (0, false);
    for line in shown {
        if line == "..." {
            gap = true;
            continue;
        }
        let reach = if gap { lines.len() } else { lines.len().min(at + 1) };
        match (at..reach).find(|here| fits(line, lines[*here])) {
            Some(here) => (at, gap) = (here + 1, false),
            None => return Some(line),
        }
    }
    (!gap && at < lines.len() && !shown.is_empty()).then_some("the end")
}

/// A home in which a guide's commands find what the guide says is there. What is held keeps a service alive.
struct Stage {
    sandbox: Sandbox,
    _service: Option<Service>,
}

fn stage(guide: &str) -> Stage {
    let (mut sandbox, service) = match guide {
        "turbo" => {
            let mut sandbox = Sandbox::new();
            let service = Service::start(&mut sandbox, &greeter());
            (sandbox, Some(service))
        }
        "races" => {
            let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
            let design = ring.sandbox.read("design.md");
            std::fs::write(ring.sandbox.path("project/design.md"), design).expect("can be written");
            std::fs::write(ring.sandbox.path("project/.git/info/exclude"), "design.md\n")
                .expect("can be written");
            (ring.sandbox, Some(ring.service))
        }
        _ => (Sandbox::new(), None),
    };
    // SEF's folders are where a person has them, and git knows who that is.
    for name in ["SEF_STATE_DIR", "SEF_CONFIG_DIR", "SEF_BIN_DIR", "CLAUDE_CONFIG_DIR"] {
        sandbox.unset(name);
    }
    sandbox.write(".gitconfig", "[user]\nname = Ada\nemail = ada@example.com\n");
    let built = binary("sef").parent().expect("a binary lies in a folder").to_path_buf();
    sandbox.set("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", built.display()));
    sandbox.set("LC_ALL", "C.UTF-8");
    for folder in ["scripts", "rules"] {
        if guide != "races" {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            std::os::unix::fs::symlink(from, sandbox.path(&format!("project/{folder}")))
                .expect("can be linked");
        }
    }
    Stage { sandbox, _service: service }
}

/// What the service answers to the contract of the turbo guide.
fn greeter() -> serde_json::Value {
    let code = "def greet(name: str) -> str:\n    name = name.strip()\n    if not name:\n        raise ValueError(\"empty name\")\n    return f\"hello {name}\"\n";
    let test = "import unittest\n\nfrom greeter import greet\n\n\nclass Greets(unittest.TestCase):\n    def test_name(self):\n        self.assertEqual(greet(\" Ada \"), \"hello Ada\")\n\n    def test_empty(self):\n        self.assertRaises(ValueError, greet, \" \")\n";
    json!([{"do": "answer", "files": {"greeter.py": code, "test_greeter.py": test}}])
}

/// Both streams of a command, with this machine's places as the guide writes them.
fn run(stage: &Stage, step: &Step) -> (i32, String) {
    let mut command = stage.sandbox.command("sh");
    command.args(["-c", &format!("exec 2>&1\n{}", step.command)]);
    let run = finish(command, b"");
    let built = binary("sef").parent().expect("a binary lies in a folder").display().to_string();
    let home = stage.sandbox.home().display().to_string();
    let output = run.out.replace(&built, "~/.local/bin").replace(&home, "~");
    (run.code.unwrap_or(-1), output)
}

fn guides() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("there are guides")
        .map(|entry| entry.expect("is readable").path())
        .collect();
    all.sort();
    all
}

/// Runs a guide; every step that is not as it says.
fn wrong(path: &Path) -> Vec<String> {
    let guide = path.file_stem().and_then(|name| name.to_str()).expect("a guide has a name");
    let page = std::fs::read_to_string(path).expect("a guide is readable");
    let steps = steps(&page);
    assert!(!steps.is_empty(), "{guide} has no command that is run");
    assert!(page.lines().count() <= MOST_LINES, "{guide} has {} lines", page.lines().count());
    let mut stage = stage(guide);
    let mut wrong = Vec::new();
    for step in &steps {
        if let Some(variables) = step.command.strip_prefix("export ") {
            for (name, value) in variables.split(' ').filter_map(|pair| pair.split_once('=')) {
                let value = value.replace('~', &stage.sandbox.home().display().to_string());
                stage.sandbox.set(name, value);
            }
            continue;
        }
        let (code, output) = run(&stage, step);
        let missing = missing(&step.shown, &output);
        if code != step.code || missing.is_some() {
            let missing = missing.unwrap_or("nothing");
            wrong.push(format!(
                "docs/guide/{guide}.md:{}: $ {}\nexit {code}, should be {}; missing: {missing}\n{output}",
                step.line, step.command, step.code
            ));
        }
    }
    wrong
}

#[test]
fn every_command_of_the_guides_does_what_the_guide_says() {
    let guides = guides();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = guides.iter().map(|path| scope.spawn(|| wrong(path))).collect();
        running.into_iter().flat_map(|guide| guide.join().expect("a guide is run to its end")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_guide_is_read_as_a_person_reads_it() {
    let page = "x\n```console\n$ a <<'E'\n> b\n> E\nout\n...\n[exit 1]\n$ c\n```\n```bash\n$ not run\n```\n";
    let step = |line, command: &str, shown: &[&str], code| Step {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        code,
    };
    assert_eq!(steps(page), [step(3, "a <<'E'\nb\nE", &["out", "..."], 1), step(9, "c", &[], 0)]);
}

#[test]
fn what_a_guide_shows_must_be_there_and_in_order() {
    let cases: [(&[&str], &str, Option<&str>); 9] = [
        (&["a", "b"], "a\nb\n", None),
        (&["a", "b"], "b\na\n", Some("a")),
        (&["a"], "a\nb\n", Some("the end")),
        (&["a", "..."], "a\nb\n", None),
        (&["...", "b"], "a\nb\n", None),
        (&["a", "c"], "a\nb\nc\n", Some("c")),
        (&["took ... ms"], "took 12 ms\n", None),
        (&["took ... ms"], "took 12 s\n", Some("took ... ms")),
        (&[], "anything\n", None),
    ];
    for (shown, output, expected) in cases {
        let shown: Vec<String> = shown.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(missing(&shown, output), expected, "{shown:?} in {output:?}");
    }
}
