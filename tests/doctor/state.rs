//! The state folder, the log, what killed runs left, and the folder of another user.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

use super::planted::Mend::{Do, Fix, Run, Shown};
use super::planted::{Defect, check, defect, fifo, gone, log, ran, remove};
use super::{findings, healthy, ids};
use crate::install::{sef, succeeds};
use crate::sandbox::skipped;

const DEFECTS: &[Defect] = &[
    defect(
        "the folder is open to others",
        |s| fs::set_permissions(s.state(), fs::Permissions::from_mode(0o755)).expect("chmod"),
        "state-open",
        Fix("chmod go= ~/state"),
    ),
    defect(
        "the log is open to others",
        |s| {
            log(s, "");
            remove(s, "state/log.jsonl");
            s.write("state/log.jsonl", "");
            fs::set_permissions(s.path("state/log.jsonl"), fs::Permissions::from_mode(0o644)).expect("chmod");
        },
        "state-open",
        Fix("chmod go= ~/state/log.jsonl"),
    ),
    defect(
        "a file stands in the folder's place",
        |s| {
            fs::remove_dir_all(s.state()).expect("remove");
            s.write("state", "x");
        },
        "state-unwritable",
        Run("mv ~/state ~/state.aside"),
    ),
    defect(
        "a folder stands in the log's place",
        |s| {
            fs::create_dir(s.path("state/log.jsonl"))
                .and_then(|()| {
                    fs::set_permissions(s.path("state/log.jsonl"), fs::Permissions::from_mode(0o700))
                })
                .expect("make a folder");
        },
        "log-unusable",
        Run("mv ~/state/log.jsonl ~/state/log.jsonl.aside"),
    ),
    defect(
        "an old log is a FIFO",
        |s| {
            fifo(s, "state/log.1.jsonl");
            fs::set_permissions(s.path("state/log.1.jsonl"), fs::Permissions::from_mode(0o600))
                .expect("chmod");
        },
        "log-unusable",
        Run("mv ~/state/log.1.jsonl ~/state/log.1.jsonl.aside"),
    ),
    defect("the log has a torn line", |s| log(s, "{\"v\":1,\"ti"), "log-unreadable-lines", Do("leave them")),
    defect(
        "the log has a line of a later version",
        |s| log(s, "{\"v\":99,\"t\":1}"),
        "log-later-lines",
        Do("newer SEF"),
    ),
    defect(
        "the hook noted a fault",
        |s| {
            let now = sef::calendar::now();
            log(s, &json!({"v": 1, "t": now, "e": "fault", "s": "", "why": "panic"}).to_string());
        },
        "hook-faults",
        Do("sef doctor --json"),
    ),
    defect(
        "the compiled rules are stale",
        |s| {
            s.write("state/rules.cache", "x");
            fs::set_permissions(s.path("state/rules.cache"), fs::Permissions::from_mode(0o600))
                .expect("chmod");
        },
        "cache-stale",
        Fix("sef doctor --fix"),
    ),
    defect(
        "a killed run left temporary files",
        |s| {
            let gone = gone();
            for file in [
                format!("state/rules.cache.{gone}.tmp"),
                format!(".claude/agents/.sef-review.md.sef-{gone}-0.tmp"),
            ] {
                s.write(&file, "x");
                fs::set_permissions(s.path(&file), fs::Permissions::from_mode(0o600)).expect("chmod");
            }
            let folder = s.path(&format!("state/install/live-check-{gone}"));
            fs::create_dir(&folder)
                .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)))
                .expect("make");
        },
        "temp-stale",
        Fix("sef doctor --fix"),
    ),
    defect(
        "a killed install left a file beside the settings",
        |s| {
            s.write(&format!(".claude/.settings.json.sef-{}-0.tmp", gone()), "{\"theirs\": 1}");
        },
        "temp-stale",
        Fix("sef install"),
    ),
    defect(
        "the record of the install is damaged",
        |s| {
            s.write("state/install/manifest.json", "{");
        },
        "manifest-unreadable",
        Run("mv ~/state/install/manifest.json ~/state/install/manifest.json.aside"),
    ),
    defect(
        "the project has rules of its own",
        |s| {
            s.write("project/.claude/sef.toml", "");
        },
        "project-rules-ignored",
        Shown("sef allow"),
    ),
    defect(
        "the project's rules were changed since they were allowed",
        |s| {
            s.write("project/.claude/sef.toml", "off = []\n");
            succeeds(s, &["allow", "--yes"]);
            s.write("project/.claude/sef.toml", "off = [ ]\n");
        },
        "project-rules-changed",
        Shown("sef allow"),
    ),
    defect(
        "the project's rules are a link",
        |s| {
            fs::create_dir_all(s.path("project/.claude"))
                .and_then(|()| symlink("/dev/null", s.path("project/.claude/sef.toml")))
                .expect("link");
        },
        "project-rules-unusable",
        Do("make it a plain file"),
    ),
    Defect {
        name: "others can write the organisation's file",
        plant: |s| {
            let file = s.write("managed/config.toml", "[log]\nkeep = 6\n");
            fs::set_permissions(s.path("managed"), fs::Permissions::from_mode(0o755))
                .and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(0o666)))
                .expect("open");
        },
        id: "managed-unused",
        // Where the key goes is not guessed while a file that may say it is not used.
        and: &["hosted-invalid"],
        mend: Do("sudo chown root"),
    },
];

#[test]
fn defects_of_the_state_folder_are_found_and_mended() {
    check(DEFECTS);
}

#[test]
fn a_state_folder_of_another_user_is_found() {
    let sandbox = healthy();
    if std::os::unix::fs::chown(sandbox.state(), Some(12_345), None).is_err() {
        return skipped("a state folder of another user", "only root can make one");
    }
    let found = findings(&sef(&sandbox, &["doctor", "--json"]));
    assert_eq!(ids(&found), ["state-foreign"], "{found:#?}");
    let command = found[0]["command"].as_str().expect("a command");
    assert!(command.starts_with("sudo chown -R "), "{command}");
    let after = ran(&sandbox, command.trim_start_matches("sudo "));
    assert_eq!(ids(&after), [""; 0]);
}
