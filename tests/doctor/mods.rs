//! The mod for the conversation's own turns: each reason that files show why a session does not load it, or why it does
//! nothing.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::planted::Mend::{Do, Fix, Run, Shown};
use super::planted::{Defect, check, defect, remove, settings};
use super::{client_of, findings, healthy, ids};
use crate::install::{sef, succeeds};
use crate::sandbox::{Sandbox, binary};

const ID: &str = "sef-main@sef-mods";
const MODULE: &str = "state/mods/sef-main/hooks/register.js";

/// With the mod put in.
fn put_in(sandbox: &Sandbox) {
    succeeds(sandbox, &["install", "--main-turn"]);
}

fn managed(sandbox: &Sandbox, text: &Value) {
    put_in(sandbox);
    sandbox.write("managed/managed-settings.json", text.to_string());
}

fn project(sandbox: &Sandbox, name: &str, text: &Value) {
    put_in(sandbox);
    sandbox.write(&format!("project/.claude/{name}"), text.to_string());
}

/// The mod with another program in its file, as an install there would have written it.
fn asks(sandbox: &Sandbox, program: &str) {
    put_in(sandbox);
    let path = "state/mods/sef-main/.claude-plugin/plugin.json";
    let text = sandbox.read(path).replace(&sandbox.path("bin/sef").display().to_string(), program);
    let print = sef::settings::manifest::fingerprint(text.as_bytes());
    sandbox.write(path, text);
    let manifest = "state/install/manifest.json";
    let mut value: Value = serde_json::from_str(&sandbox.read(manifest)).expect("JSON");
    let place = value["places"].as_object_mut().expect("places").values_mut().next().expect("a place");
    let prints = &mut place["main_turn"]["files"]["sef-main/.claude-plugin/plugin.json"];
    prints.as_array_mut().expect("prints").push(print.into());
    sandbox.write(manifest, value.to_string());
}

const DEFECTS: &[Defect] = &[
    defect(
        "the preset for turns is off here",
        |s| {
            put_in(s);
            let project = s.path("project");
            s.write("config/config.toml", format!("[main.projects]\n\"{}\" = \"off\"\n", project.display()));
        },
        "mod-preset-off",
        Do("to careful or eager"),
    ),
    defect(
        "the client is older than mods",
        |s| {
            put_in(s);
            client_of(s, "echo '2.1.286 (Claude Code)'");
        },
        "mod-client-older",
        Shown("claude update"),
    ),
    defect(
        "the user's settings switch it off",
        |s| {
            put_in(s);
            settings(s, |value| value["enabledPlugins"][ID] = json!(false));
        },
        "mod-switched-off",
        Run("claude plugin enable --scope user sef-main@sef-mods"),
    ),
    defect(
        "the project's settings switch it off",
        |s| project(s, "settings.json", &json!({"enabledPlugins": {ID: false}})),
        "mod-switched-off",
        Shown("claude plugin enable --scope project sef-main@sef-mods"),
    ),
    defect(
        "the project's private settings switch it off",
        |s| project(s, "settings.local.json", &json!({"enabledPlugins": {ID: false}})),
        "mod-switched-off",
        Run("claude plugin enable --scope local sef-main@sef-mods"),
    ),
    defect(
        "the managed settings switch it off",
        |s| managed(s, &json!({"enabledPlugins": {ID: false}})),
        "mod-switched-off",
        Do("ask your administrator"),
    ),
    defect(
        "the managed settings switch all hooks off",
        |s| managed(s, &json!({"disableAllHooks": true})),
        "hooks-switched-off",
        Do("~/managed/managed-settings.json"),
    ),
    defect(
        "the project's settings switch all hooks off",
        |s| project(s, "settings.json", &json!({"disableAllHooks": true})),
        "hooks-switched-off",
        Do("~/project/.claude/settings.json"),
    ),
    defect(
        "only managed hooks are allowed",
        |s| managed(s, &json!({"allowManagedHooksOnly": true})),
        "mod-hooks-managed",
        Do("ask your administrator"),
    ),
    defect(
        "only managed mods are allowed",
        |s| {
            let options = json!({"options": {"allowManagedModsOnly": true}});
            managed(s, &json!({"pluginConfigs": {"cc-plugin-sec-default@builtin": options}}));
        },
        "mod-mods-managed",
        Do("ask your administrator"),
    ),
    defect(
        "no marketplace is allowed",
        |s| managed(s, &json!({"strictKnownMarketplaces": []})),
        "mod-marketplace-blocked",
        Do("ask your administrator"),
    ),
    defect(
        "the marketplace is blocked",
        |s| {
            let folder = s.path("state/mods");
            managed(s, &json!({"blockedMarketplaces": [{"source": "directory", "path": folder}]}));
        },
        "mod-marketplace-blocked",
        Do("ask your administrator"),
    ),
    defect(
        "the user's models are without haiku",
        |s| {
            put_in(s);
            settings(s, |value| value["availableModels"] = json!(["opus", "sonnet"]));
        },
        "mod-haiku-unavailable",
        Do("add \"haiku\" to \"availableModels\" in ~/.claude/settings.json"),
    ),
    defect(
        "the organisation's models are without haiku",
        |s| {
            managed(s, &json!({"availableModels": ["opus"]}));
            settings(s, |value| value["availableModels"] = json!(["haiku"]));
        },
        "mod-haiku-unavailable",
        Do("ask your administrator"),
    ),
    defect(
        "the client has it no more",
        |s| {
            put_in(s);
            settings(s, |value| value["enabledPlugins"] = json!({}));
        },
        "mod-stripped",
        Fix("sef install --main-turn"),
    ),
    defect(
        "the client has the marketplace no more",
        |s| {
            put_in(s);
            s.write(".claude/plugins/known_marketplaces.json", "{}");
            settings(s, |value| value["extraKnownMarketplaces"] = json!({}));
        },
        "mod-stripped",
        Fix("sef install --main-turn"),
    ),
    defect(
        "the marketplace is another folder",
        |s| {
            put_in(s);
            let other = json!({"sef-mods": {"source": {"source": "directory", "path": "/elsewhere"}}});
            s.write(".claude/plugins/known_marketplaces.json", other.to_string());
        },
        "mod-elsewhere",
        Run("claude plugin marketplace remove sef-mods && sef install --main-turn"),
    ),
    defect(
        "a file of it is gone",
        |s| {
            put_in(s);
            remove(s, MODULE);
        },
        "mod-file-missing",
        Fix("sef install --main-turn"),
    ),
    defect(
        "a file of it was edited",
        |s| {
            put_in(s);
            s.write(MODULE, "// mine\n");
        },
        "mod-file-edited",
        Run("sef install --main-turn --take-ours"),
    ),
    defect(
        "its program is gone",
        |s| asks(s, "/gone/sef"),
        "mod-program-gone",
        Fix("sef install --main-turn"),
    ),
    defect(
        "its program is another",
        |s| asks(s, "/bin/true"),
        "mod-program-other",
        Fix("sef install --main-turn"),
    ),
    defect(
        "the settings name another program",
        |s| {
            put_in(s);
            let options = json!({"options": {"program": "/bin/true"}});
            settings(s, |value| value["pluginConfigs"] = json!({ID: options}));
        },
        "mod-program-other",
        Do("take \"program\" of sef-main@sef-mods out of \"pluginConfigs\" in ~/.claude/settings.json"),
    ),
    defect(
        "the settings name a program that is gone",
        |s| {
            put_in(s);
            let options = json!({"options": {"program": "no-such-program"}});
            settings(s, |value| value["pluginConfigs"] = json!({ID: options}));
        },
        "mod-program-gone",
        Do("out of \"pluginConfigs\""),
    ),
];

#[test]
fn defects_of_the_mod_are_found_and_mended() {
    check(DEFECTS);
}

#[test]
fn a_file_of_another_version_is_found_and_mended() {
    let sandbox = healthy();
    asks(&sandbox, "/gone/sef");
    let manifest = "state/install/manifest.json";
    let mut value: Value = serde_json::from_str(&sandbox.read(manifest)).expect("JSON");
    let place = value["places"].as_object_mut().expect("places").values_mut().next().expect("a place");
    let print = sef::settings::manifest::fingerprint(b"// older\n");
    place["main_turn"]["files"]["sef-main/hooks/register.js"]
        .as_array_mut()
        .expect("prints")
        .push(print.into());
    sandbox.write(manifest, value.to_string());
    sandbox.write(MODULE, "// older\n");
    let found = findings(&sef(&sandbox, &["doctor", "--json"]));
    assert_eq!(ids(&found), ["mod-file-outdated", "mod-program-gone"], "{found:#?}");
    let found = findings(&sef(&sandbox, &["doctor", "--fix", "--json"]));
    assert_eq!(ids(&found), [""; 0], "{found:#?}");
}

#[test]
fn a_mod_that_is_well_has_no_finding_and_one_that_is_not_in_no_line() {
    let sandbox = healthy();
    assert!(!sef(&sandbox, &["doctor"]).out.contains("  mod "));
    put_in(&sandbox);
    sandbox.write("managed/managed-settings.json", json!({"model": "opus"}).to_string());
    settings(&sandbox, |value| value["availableModels"] = json!(["opus", "claude-haiku-5-5"]));
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert_eq!(ids(&findings(&run)), [""; 0], "{run:?}");
    // None of these keeps it out: the client takes them otherwise.
    let ineffective = json!({
        "enabledPlugins": {ID: true},
        "availableModels": ["opus"],
        "allowManagedHooksOnly": true,
        "strictKnownMarketplaces": [],
        "pluginConfigs": {ID: {"options": {"program": "/bin/true"}}},
    });
    sandbox.write("project/.claude/settings.json", ineffective.to_string());
    sandbox.write(".claude/plugins/known_marketplaces.json", "{}");
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert_eq!(ids(&findings(&run)), [""; 0], "{run:?}");
    let run = sef(&sandbox, &["doctor"]);
    let line =
        format!("{ID} asks {}; --bare, --safe-mode and --setting-sources", sandbox.path("bin/sef").display());
    assert!(run.out.contains(&line), "{}", run.out);
    // The same program by another name.
    symlink(binary("sef"), sandbox.path("sef-by-link")).expect("link");
    let options = json!({"options": {"program": sandbox.path("sef-by-link")}});
    settings(&sandbox, |value| value["pluginConfigs"] = json!({ID: options}));
    let found = findings(&sef(&sandbox, &["doctor", "--json"]));
    assert_eq!(ids(&found), [""; 0], "{found:#?}");
    remove(&sandbox, "project/.claude/settings.json");
    succeeds(&sandbox, &["uninstall", "--main-turn"]);
    assert!(!sef(&sandbox, &["doctor"]).out.contains("  mod "));
}
