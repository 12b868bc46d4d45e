//! Defects planted one at a time into a healthy home: each is found under its id with the one thing that mends it, nothing
//! else is found, and that thing (or `--fix`), really done, makes the finding go away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::{findings, healthy, ids};
use crate::install::{SETTINGS, sef, write_program};
use crate::sandbox::{Sandbox, binary, finish};

/// One defect.
pub struct Defect {
    /// What it is.
    pub name: &'static str,
    pub plant: fn(&mut Sandbox),
    /// The finding that is expected; `and` are others that come with it by their nature.
    pub id: &'static str,
    pub and: &'static [&'static str],
    pub mend: Mend,
}

/// The thing that is proposed; `~` stands for the home.
pub enum Mend {
    /// A command, which is run; then the finding is gone.
    Run(&'static str),
    /// The same, and `--fix` does it too.
    Fix(&'static str),
    /// A command of others' programs, which is not run here.
    Shown(&'static str),
    /// An action that holds these words.
    Do(&'static str),
}

use Mend::{Do, Fix, Run, Shown};

pub const fn defect(name: &'static str, plant: fn(&mut Sandbox), id: &'static str, mend: Mend) -> Defect {
    Defect { name, plant, id, and: &[], mend }
}

/// Plants each and sees it found and mended.
pub fn check(defects: &[Defect]) {
    for defect in defects {
        let plant = || {
            let mut sandbox = healthy();
            (defect.plant)(&mut sandbox);
            sandbox
        };
        let sandbox = plant();
        let found = findings(&sef(&sandbox, &["doctor", "--json"]));
        let mut expected = [&[defect.id], defect.and].concat();
        expected.sort_unstable();
        assert_eq!(ids(&found), expected, "{}: {found:#?}", defect.name);
        let finding = found.iter().find(|finding| finding["id"] == defect.id).expect("it was found");
        let text = |name: &str| finding[name].as_str().unwrap_or_default().replace(&home(&sandbox), "~");
        let (shown, action) = (text("command"), text("action"));
        assert_eq!(finding["fix"], matches!(defect.mend, Fix(_)), "{}: {finding}", defect.name);
        match defect.mend {
            Run(command) | Fix(command) | Shown(command) => assert_eq!(shown, command, "{}", defect.name),
            Do(words) => assert!(action.contains(words) && shown.is_empty(), "{}: {finding}", defect.name),
        }
        if let Run(_) | Fix(_) = defect.mend {
            let after = ran(&sandbox, finding["command"].as_str().expect("a command"));
            assert!(
                !ids(&after).contains(&defect.id),
                "{}: the command does not mend it: {after:#?}",
                defect.name
            );
        }
        if let Fix(_) = defect.mend {
            let sandbox = plant();
            let after = findings(&sef(&sandbox, &["doctor", "--fix", "--json"]));
            assert_eq!(ids(&after), [""; 0], "{}: --fix does not mend it: {after:#?}", defect.name);
        }
    }
}

/// What is found after a command was typed, in the same shell.
pub fn ran(sandbox: &Sandbox, command: &str) -> Vec<Value> {
    let mut shell = sandbox.command("sh");
    let doctor = sandbox.path("bin/sef");
    shell.args([
        "-c",
        &format!("{{ {command} ; }} >/dev/null || echo failed; exec '{}' doctor --json", doctor.display()),
    ]);
    findings(&finish(shell, b""))
}

pub fn home(sandbox: &Sandbox) -> String {
    sandbox.home().display().to_string()
}

pub fn settings(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(SETTINGS)).expect("JSON");
    change(&mut value);
    sandbox.write(SETTINGS, value.to_string());
}

pub fn replace(sandbox: &Sandbox, file: &str, old: &str, new: &str) {
    let text = sandbox.read(file);
    assert!(text.contains(old), "{file} holds no {old}");
    sandbox.write(file, text.replace(old, new));
}

pub fn other_hook(sandbox: &Sandbox, event: &str, group: Value) {
    settings(sandbox, |value| value["hooks"][event].as_array_mut().expect("groups").push(group));
}

pub fn remove(sandbox: &Sandbox, path: &str) {
    fs::remove_file(sandbox.path(path)).expect("remove");
}

pub fn fifo(sandbox: &Sandbox, path: &str) {
    let _ = fs::remove_file(sandbox.path(path));
    assert!(Command::new("mkfifo").arg(sandbox.path(path)).status().expect("mkfifo runs").success());
}

/// The id of a process that is gone.
pub fn gone() -> u32 {
    let mut child = Command::new("true").spawn().expect("true runs");
    child.wait().expect("it ends");
    child.id()
}

pub fn log(sandbox: &Sandbox, line: &str) {
    sandbox.write("state/log.jsonl", format!("{line}\n"));
    fs::set_permissions(sandbox.path("state/log.jsonl"), fs::Permissions::from_mode(0o600)).expect("chmod");
}

pub fn other_install(sandbox: &Sandbox) {
    write_program(
        &sandbox.path("other/sef-hook"),
        &format!("#!/bin/sh\nexec '{}' \"$@\"\n", binary("sef-hook").display()),
    );
}
