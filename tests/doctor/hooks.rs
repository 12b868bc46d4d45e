//! Our entries in the settings, and what they run.

use serde_json::json;

use super::planted::Mend::{Do, Fix, Run, Shown};
use super::planted::{Defect, check, defect, home, other_install, remove, replace, settings};
use crate::install::{SETTINGS, succeeds, write_program};

const DEFECTS: &[Defect] = &[
    defect(
        "nothing is installed",
        |s| {
            succeeds(s, &["uninstall"]);
        },
        "not-installed",
        Run("sef install"),
    ),
    defect(
        "another program took all hooks out",
        |s| settings(s, |value| value["hooks"] = json!({})),
        "hooks-stripped",
        Fix("sef install"),
    ),
    defect(
        "another program took one hook out",
        |s| settings(s, |value| value["hooks"]["SubagentStop"] = json!([])),
        "hooks-stripped",
        Fix("sef install"),
    ),
    defect("the settings file is gone", |s| remove(s, SETTINGS), "hooks-stripped", Fix("sef install")),
    defect(
        "one event is registered twice",
        |s| {
            settings(s, |value| {
                value["hooks"]["Stop"] = json!([value["hooks"]["Stop"][0], value["hooks"]["Stop"][0]]);
            });
        },
        "hook-twice",
        Fix("sef install"),
    ),
    defect(
        "the registered program is gone",
        |s| replace(s, SETTINGS, &format!("{}/bin/", home(s)), &format!("{}/gone/", home(s))),
        "hook-binary-gone",
        Fix("sef install"),
    ),
    defect(
        "our matcher was edited",
        |s| settings(s, |value| value["hooks"]["PreToolUse"][0]["matcher"] = json!("Bash")),
        "matcher-misses-agent",
        Fix("sef install"),
    ),
    defect(
        "our matcher is in the wrong case",
        |s| settings(s, |value| value["hooks"]["PostToolUse"][0]["matcher"] = json!("agent|task")),
        "matcher-misses-agent",
        Fix("sef install"),
    ),
    defect(
        "our timeout was edited",
        |s| settings(s, |value| value["hooks"]["Stop"][0]["hooks"][0]["timeout"] = json!(1)),
        "hook-outdated",
        Fix("sef install"),
    ),
    defect(
        "the hooks are another install's",
        |s| {
            other_install(s);
            replace(s, SETTINGS, &format!("{}/bin/", home(s)), &format!("{}/other/", home(s)));
        },
        "hook-other-install",
        Run("sef install"),
    ),
    Defect {
        name: "user and project fire twice",
        plant: |s| {
            other_install(s);
            s.set("SEF_BIN_DIR", s.path("other"));
            succeeds(s, &["install", "--project", "--no-turbo"]);
            s.set("SEF_BIN_DIR", s.path("bin"));
        },
        id: "fires-twice",
        and: &["hook-other-install"],
        mend: Run("sef uninstall --project"),
    },
    defect(
        "the plugin is enabled too",
        |s| settings(s, |value| value["enabledPlugins"] = json!({"sef@sef": true, "x@y": true})),
        "plugin-beside",
        Shown("claude plugin disable sef@sef"),
    ),
    defect(
        "the hook answers with rubbish",
        |s| {
            let version = env!("CARGO_PKG_VERSION");
            let script =
                format!("#!/bin/sh\n[ \"$1\" = --version ] && echo sef-hook {version} && exit\necho hello\n");
            write_program(&s.path("bin/sef-hook"), &script);
        },
        "hook-fails",
        Do("scripts/install.sh"),
    ),
    defect(
        "routing is switched off",
        |s| {
            s.write("config/config.toml", "[spawn]\nroute = false\n");
        },
        "hook-does-not-route",
        Do("[spawn]"),
    ),
    defect(
        "a model is forced on subagents",
        |s| s.set("CLAUDE_CODE_SUBAGENT_MODEL", "sonnet"),
        "subagent-model-set",
        Run("unset CLAUDE_CODE_SUBAGENT_MODEL CLAUDE_CODE_SUBAGENT_MODEL_FORCE"),
    ),
    defect(
        "the settings force a model on subagents",
        |s| settings(s, |value| value["env"] = json!({"CLAUDE_CODE_SUBAGENT_MODEL": "opus"})),
        "subagent-model-set",
        Do("take CLAUDE_CODE_SUBAGENT_MODEL out of \"env\" in ~/.claude/settings.json"),
    ),
];

#[test]
fn defects_of_our_hooks_are_found_and_mended() {
    check(DEFECTS);
}
