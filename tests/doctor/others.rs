//! Settings that are not ours to mend, and other people's hooks.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::planted::Mend::Do;
use super::planted::{Defect, check, defect, fifo, other_hook, remove, replace, settings};
use crate::install::SETTINGS;

const DEFECTS: &[Defect] = &[
    defect(
        "the settings are a FIFO",
        |s| fifo(s, SETTINGS),
        "settings-unreadable",
        Do("~/.claude/settings.json a regular file"),
    ),
    defect(
        "the settings have 100 MB",
        |s| {
            let file = fs::File::create(s.path(SETTINGS)).expect("open");
            file.set_len(100 << 20).expect("it is sparse");
        },
        "settings-unreadable",
        Do("regular file"),
    ),
    defect(
        "the settings are a link to nowhere",
        |s| {
            remove(s, SETTINGS);
            symlink("/nonexistent/x", s.path(SETTINGS)).expect("link");
        },
        "settings-unreadable",
        Do("regular file"),
    ),
    defect(
        "the settings have a trailing comma",
        |s| {
            s.write(SETTINGS, "{\n  \"a\": 1,\n}\n");
        },
        "settings-invalid",
        Do("correct line 3 column 1 of ~/.claude/settings.json"),
    ),
    defect(
        "the settings are UTF-16",
        |s| {
            s.write(SETTINGS, b"\xff\xfe{\0}\0");
        },
        "settings-invalid",
        Do("correct line 1 column 1"),
    ),
    defect(
        "a timeout is a string",
        |s| other_hook(s, "Stop", json!({"hooks": [{"type": "command", "command": "x", "timeout": "5"}]})),
        "hook-entry-invalid",
        Do("correct line 1 column"),
    ),
    defect(
        "a hook is of an unknown type",
        |s| other_hook(s, "Stop", json!({"hooks": [{"type": "comand", "command": "x"}]})),
        "hook-entry-invalid",
        Do("correct line 1 column"),
    ),
    defect(
        "a key stands twice",
        |s| replace(s, SETTINGS, "{\n  \"hooks\"", "{\n  \"model\": 1, \"model\": 2,\n  \"hooks\""),
        "settings-key-twice",
        Do("correct line 2 column"),
    ),
    defect(
        "all hooks are switched off",
        |s| settings(s, |value| value["disableAllHooks"] = json!(true)),
        "hooks-switched-off",
        Do("set \"disableAllHooks\" to false in ~/.claude/settings.json"),
    ),
    defect(
        "all hooks are switched off for this project",
        |s| {
            s.write("project/.claude/settings.local.json", "{\"disableAllHooks\": true}");
        },
        "hooks-switched-off",
        Do("~/project/.claude/settings.local.json"),
    ),
    defect(
        "another hook answers for every tool",
        |s| {
            other_hook(
                s,
                "PreToolUse",
                json!({"matcher": "*", "hooks": [{"type": "command", "command": "TOKEN=s3cret guard --key s3cret"}]}),
            );
        },
        "other-hook-on-agent",
        Do("leave Agent out of its matcher"),
    ),
    defect(
        "another hook answers for the Agent tool",
        |s| {
            let group =
                json!({"matcher": "Task", "hooks": [{"type": "http", "url": "http://localhost/?s3cret"}]});
            s.write("project/.claude/settings.json", json!({"hooks": {"PreToolUse": [group]}}).to_string());
        },
        "other-hook-on-agent",
        Do("~/project/.claude/settings.json"),
    ),
    defect(
        "a matcher is in the wrong case",
        |s| {
            other_hook(
                s,
                "PreToolUse",
                json!({"matcher": "bash", "hooks": [{"type": "command", "command": "guard"}]}),
            );
        },
        "matcher-case",
        Do("write Bash for bash in the PreToolUse hook `guard`"),
    ),
    defect(
        "a matcher names no tool",
        |s| {
            other_hook(
                s,
                "PostToolUse",
                json!({"matcher": "Bsah", "hooks": [{"type": "command", "command": "guard"}]}),
            );
        },
        "matcher-dead",
        Do("correct the matcher Bsah"),
    ),
];

#[test]
fn defects_of_settings_that_are_not_ours_are_found_and_left_alone() {
    check(DEFECTS);
}
