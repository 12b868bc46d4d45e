//! The mod for the conversation's own turns in `sef install`, `uninstall` and `status`, with the stand-in for `claude` that
//! `install_turbo` has. The row of each promise is in the test's name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::install::{SETTINGS, fails, sef, succeeds};
use crate::install_turbo::{home, home_without_client, in_folder, program, words};
use crate::sandbox::Sandbox;

const PUT_IN: &[&str] = &["install", "--no-turbo", "--main-turn"];
const PLUGIN: &str = "state/mods/sef-main/.claude-plugin/plugin.json";
const MODULE: &str = "state/mods/sef-main/hooks/register.js";
const ID: &str = "sef-main@sef-mods";
/// Settings in a layout that the client does not keep, with a number that it spells anew.
const ODD: &str = "{\r\n\t\"model\" : \"opus\",   \"big\": 12345678901234567890.10 }";

fn json_of(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&sandbox.read(path)).expect("JSON")
}

fn folder(sandbox: &Sandbox) -> String {
    sandbox.path("state/mods").display().to_string()
}

fn is_enabled(sandbox: &Sandbox, settings: &str) -> bool {
    sandbox.path(settings).exists() && json_of(sandbox, settings)["enabledPlugins"][ID] == true
}

/// The lines of the output about the mod.
fn lines(out: &str) -> Vec<&str> {
    out.lines().filter(|line| line.starts_with("main turn: ")).collect()
}

/// Every file below a folder.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(tree(&path));
        } else {
            all.insert(path.display().to_string(), fs::read(&path).expect("read"));
        }
    }
    all
}

#[test]
fn c1_install_puts_the_mod_in_and_uninstall_gives_every_byte_back() {
    for before in [Some(ODD), Some("{}\n"), None] {
        let sandbox = home();
        if let Some(text) = before {
            sandbox.write(SETTINGS, text);
        }
        let out = succeeds(&sandbox, PUT_IN);
        let (mods, sef_path) = (folder(&sandbox), program(&sandbox));
        assert_eq!(
            words(&sandbox),
            [
                format!("plugin marketplace add --scope user {mods}"),
                format!("plugin install --scope user {ID}")
            ]
        );
        assert!(is_enabled(&sandbox, SETTINGS));
        assert_eq!(json_of(&sandbox, PLUGIN)["userConfig"]["program"]["default"], sef_path.as_str());
        for part in [
            &format!("main turn: the mod {ID} was put in (user); at each turn it asks {sef_path}"),
            "runs as you, outside the sandbox; a running session keeps what it started with",
            "preset = \"off\" under [main] in ",
            "restart open Claude Code sessions",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
        let mode = |path: &str| fs::metadata(sandbox.path(path)).expect("look").permissions().mode() & 0o777;
        assert_eq!((mode("state/mods"), mode(MODULE)), (0o700, 0o600));

        let out = succeeds(&sandbox, &["uninstall"]);
        assert_eq!(lines(&out), [format!("main turn: the mod {ID} was taken out of Claude Code (user)")]);
        let after = fs::read_to_string(sandbox.path(SETTINGS)).ok();
        assert_eq!(after.as_deref(), before);
        assert!(!sandbox.path("state/mods").exists());
        let left: Vec<_> = fs::read_dir(sandbox.path("state/install")).expect("list").flatten().collect();
        assert_eq!(left.len(), 1, "the lock only: {left:?}");
    }
}

#[test]
fn c6_a_second_install_asks_the_client_nothing() {
    let sandbox = home();
    succeeds(&sandbox, PUT_IN);
    let before = (sandbox.read(SETTINGS), tree(&sandbox.path("state/mods")));
    for args in [PUT_IN, &["install", "--no-turbo"]] {
        let out = succeeds(&sandbox, args);
        assert_eq!(lines(&out), [format!("main turn: the mod {ID} is in (user)")]);
        assert!(out.contains("nothing was changed"), "{out}");
    }
    assert_eq!(words(&sandbox).len(), 2);
    assert_eq!((sandbox.read(SETTINGS), tree(&sandbox.path("state/mods"))), before);
}

#[test]
fn uninstall_main_turn_takes_only_the_mod() {
    let sandbox = home();
    sandbox.write(SETTINGS, ODD);
    succeeds(&sandbox, &["install", "--no-turbo"]);
    let hooks = sandbox.read(SETTINGS);
    succeeds(&sandbox, PUT_IN);
    succeeds(&sandbox, &["uninstall", "--main-turn"]);
    assert_eq!(sandbox.read(SETTINGS), hooks);
    assert!(!sandbox.path("state/mods").exists());
    succeeds(&sandbox, &["status"]);
    let out = succeeds(&sandbox, &["uninstall", "--main-turn"]);
    assert_eq!(lines(&out), ["main turn: no mod of ours (user)"]);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), ODD);
}

#[test]
fn c1_hooks_that_changed_meanwhile_do_not_cost_a_byte() {
    for undo in [&["uninstall"][..], &["uninstall", "--main-turn"]] {
        for before in [Some(ODD), None] {
            let mut sandbox = home();
            if let Some(text) = before {
                sandbox.write(SETTINGS, text);
            }
            succeeds(&sandbox, PUT_IN);
            // As an upgrade that writes every hook anew.
            fs::rename(sandbox.path("bin"), sandbox.path("newer")).expect("move the programs");
            sandbox.set("SEF_BIN_DIR", sandbox.path("newer"));
            succeeds(&sandbox, &["install", "--no-turbo"]);
            assert!(is_enabled(&sandbox, SETTINGS) && sandbox.read(SETTINGS).contains("/newer/sef-hook"));
            succeeds(&sandbox, undo);
            succeeds(&sandbox, &["uninstall"]);
            assert_eq!(fs::read_to_string(sandbox.path(SETTINGS)).ok().as_deref(), before, "{undo:?}");
        }
    }
}

#[test]
fn c1_settings_that_were_changed_meanwhile_keep_the_change() {
    let sandbox = home();
    sandbox.write(SETTINGS, "{\"model\": \"opus\"}");
    succeeds(&sandbox, PUT_IN);
    let mut settings = json_of(&sandbox, SETTINGS);
    settings["model"] = "haiku".into();
    settings["enabledPlugins"]["other@theirs"] = true.into();
    sandbox.write(SETTINGS, settings.to_string());
    succeeds(&sandbox, &["uninstall"]);
    let after = json_of(&sandbox, SETTINGS);
    assert_eq!(
        (&after["model"], &after["enabledPlugins"]),
        (&json!("haiku"), &json!({"other@theirs": true}))
    );
    assert!(after["hooks"].is_null(), "{after}");
}

#[test]
fn a_project_has_it_in_its_private_settings_at_the_root_of_the_repository() {
    let sandbox = home();
    fs::create_dir_all(sandbox.path("project/.git")).expect("make a folder");
    fs::create_dir_all(sandbox.path("project/sub")).expect("make a folder");
    let local = "project/.claude/settings.local.json";
    let run = |args: &[&str]| {
        let run = in_folder(&sandbox, &sandbox.path("project/sub"), args);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
        run.out
    };
    let out = run(&["install", "--project", "--no-turbo", "--main-turn"]);
    assert!(
        out.contains("was put in (local)") && out.contains("sef uninstall --main-turn --project"),
        "{out}"
    );
    assert!(is_enabled(&sandbox, local) && !sandbox.path(SETTINGS).exists());
    let report: Value = serde_json::from_str(&run(&["status", "--project", "--json"])).expect("JSON");
    assert_eq!(
        (&report["main_turn"]["installed"], &report["main_turn"]["scope"]),
        (&json!(true), &json!("local"))
    );

    // The user's comes and goes beside it; the files serve both and go with the last.
    succeeds(&sandbox, PUT_IN);
    succeeds(&sandbox, &["uninstall"]);
    assert!(is_enabled(&sandbox, local) && sandbox.path(MODULE).exists());
    run(&["uninstall", "--project"]);
    assert!(!sandbox.path("project/.claude").exists(), "{:?}", tree(&sandbox.path("project/.claude")));
    assert!(!sandbox.path(local).exists() && !sandbox.path("state/mods").exists());
}

#[test]
fn taking_it_out_of_one_place_leaves_it_in_the_others() {
    let sandbox = home();
    let in_project = |project: &str, args: &[&str]| {
        fs::create_dir_all(sandbox.path(project)).expect("make a folder");
        let run = in_folder(&sandbox, &sandbox.path(project), args);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
        run.out
    };
    let put_in = [PUT_IN, &["--project"]].concat();
    let is_on = |project: &str| {
        let out = in_project(project, &["status", "--project", "--json"]);
        serde_json::from_str::<Value>(&out).expect("JSON")["main_turn"]["installed"] == true
    };
    in_project("one", &put_in);
    in_project("two", &put_in);
    let out = in_project("one", &["uninstall", "--main-turn", "--project"]);
    assert!(out.contains("other projects have the mod again from their next session on"), "{out}");
    assert!(is_enabled(&sandbox, "two/.claude/settings.local.json") && sandbox.path(MODULE).exists());
    assert!(!is_on("one") && !is_on("two"), "until its next session");
    in_project("two", &put_in);
    assert!(is_on("two"));
    succeeds(&sandbox, PUT_IN);
    succeeds(&sandbox, &["uninstall", "--main-turn"]);
    assert!(is_enabled(&sandbox, "two/.claude/settings.local.json") && sandbox.path(MODULE).exists());
    // The client has forgotten the marketplace meanwhile, and takes out nothing that it does not know.
    let known = json_of(&sandbox, ".claude/plugins/known_marketplaces.json");
    assert_eq!(known, json!({}));
    in_project("two", &["uninstall", "--main-turn", "--project"]);
    assert!(!is_on("two") && !sandbox.path("state/mods").exists());
}

#[test]
fn c2_a_client_without_mods_gets_none_and_all_else_is_installed() {
    for (version, why, fix) in [
        (
            "2.1.286 (Claude Code)",
            "mods need Claude Code 2.1.287, and this is 2.1.286",
            "claude update && sef install --main-turn",
        ),
        ("2.1.197 (Claude Code)", "and this is 2.1.197", "claude update && "),
        ("soon", "does not say its version", "claude --version && sef install --main-turn"),
    ] {
        let sandbox = home();
        sandbox.write("tools/version", version);
        let error = fails(&sandbox, PUT_IN);
        assert!(error.contains("cannot put in the mod for the main turn") && error.contains(why), "{error}");
        assert!(error.contains(fix) && error.contains("all else was installed"), "{error}");
        assert_eq!(words(&sandbox), [""; 0]);
        assert!(
            !sandbox.path("state/mods").exists() && json_of(&sandbox, SETTINGS)["enabledPlugins"].is_null()
        );
        succeeds(&sandbox, &["status"]);
        let out = succeeds(&sandbox, &["install", "--no-turbo"]);
        assert_eq!(lines(&out), [""; 0], "{out}");
    }
    let sandbox = home_without_client();
    let error = fails(&sandbox, PUT_IN);
    let fix = "npm install -g @anthropic-ai/claude-code && sef install --main-turn";
    assert!(error.contains("there is no `claude` on PATH") && error.contains(fix), "{error}");
    assert!(!sandbox.path("state/mods").exists());
    succeeds(&sandbox, &["status"]);
}

#[test]
fn a_client_that_refuses_or_does_not_do_it_is_not_believed() {
    for (mode, why) in [
        ("fail", "`claude` ended with code 1 and said: "),
        ("refuse", "blocked by policy"),
        ("forget", "`claude` said that it did it, but its files do not say so"),
    ] {
        let mut sandbox = home();
        sandbox.write(SETTINGS, ODD);
        sandbox.set("FAKE_CLAUDE", mode);
        let error = fails(&sandbox, PUT_IN);
        let by_hand = format!(
            "claude plugin marketplace add --scope user {} && claude plugin install --scope user {ID}",
            folder(&sandbox)
        );
        assert!(error.contains(why) && error.contains(&by_hand), "{mode}: {error}");
        assert!(!error.contains('\u{1b}'), "{error}");
        // It is remembered: a plain install tries again and does not fail for it, and uninstall takes it back.
        let out = succeeds(&sandbox, &["install", "--no-turbo"]);
        assert!(lines(&out).iter().any(|line| line.contains(why)), "{mode}: {out}");
        sandbox.unset("FAKE_CLAUDE");
        let out = succeeds(&sandbox, &["install", "--no-turbo"]);
        assert!(out.contains("was put in (user)"), "{mode}: {out}");
        succeeds(&sandbox, &["uninstall"]);
        assert_eq!(sandbox.read(SETTINGS), ODD, "{mode}");
        assert!(!sandbox.path("state/mods").exists());
    }
}

#[test]
fn c3_a_killed_run_is_finished_or_taken_back_by_the_next() {
    for mode in ["kill add", "kill install"] {
        for next in [&["install", "--no-turbo"][..], PUT_IN, &["uninstall"], &["uninstall", "--main-turn"]] {
            let mut sandbox = home();
            sandbox.write(SETTINGS, ODD);
            sandbox.set("FAKE_CLAUDE", mode);
            assert_eq!(sef(&sandbox, PUT_IN).code, None, "killed");
            sandbox.unset("FAKE_CLAUDE");
            succeeds(&sandbox, next);
            let is_in = next[0] == "install";
            assert_eq!(is_enabled(&sandbox, SETTINGS), is_in, "{mode} {next:?}");
            assert_eq!(sandbox.path(MODULE).exists(), is_in, "{mode} {next:?}");
            succeeds(&sandbox, &["uninstall"]);
            assert_eq!(sandbox.read(SETTINGS), ODD, "{mode} {next:?}");
            assert!(!sandbox.path("state/mods").exists());
        }
    }
    // A removal that was killed is finished by the next.
    for mode in ["kill uninstall", "kill remove"] {
        let mut sandbox = home();
        sandbox.write(SETTINGS, ODD);
        succeeds(&sandbox, PUT_IN);
        sandbox.set("FAKE_CLAUDE", mode);
        assert_eq!(sef(&sandbox, &["uninstall"]).code, None, "killed");
        sandbox.unset("FAKE_CLAUDE");
        succeeds(&sandbox, &["uninstall"]);
        assert_eq!(sandbox.read(SETTINGS), ODD, "{mode}");
        assert!(
            !sandbox.path("state/mods").exists() && !sandbox.path("state/install/manifest.json").exists()
        );
    }
}

#[test]
fn an_upgrade_rewrites_what_nobody_edited_and_keeps_what_somebody_did() {
    let sandbox = home();
    succeeds(&sandbox, PUT_IN);
    // What an older version wrote, as the manifest remembers it.
    let module = sandbox.read(MODULE);
    let old = "// an older version\n";
    sandbox.write(MODULE, old);
    let print = sef::settings::manifest::fingerprint(old.as_bytes());
    let mut manifest = json_of(&sandbox, "state/install/manifest.json");
    let place = manifest["places"].as_object_mut().expect("places").values_mut().next().expect("a place");
    place["main_turn"]["files"]["sef-main/hooks/register.js"]
        .as_array_mut()
        .expect("prints")
        .push(print.into());
    sandbox.write("state/install/manifest.json", manifest.to_string());
    fs::remove_file(sandbox.path(PLUGIN)).expect("remove");
    let out = succeeds(&sandbox, &["install", "--no-turbo"]);
    assert!(
        out.contains("main turn: 2 of 5 files of the mod written in ") && out.contains("restart"),
        "{out}"
    );
    assert_eq!(sandbox.read(MODULE), module);
    assert!(sandbox.path(PLUGIN).exists());
    assert_eq!(words(&sandbox).len(), 2, "the client reads the folder itself");

    sandbox.write(MODULE, "// mine\n");
    let out = succeeds(&sandbox, &["install", "--no-turbo"]);
    let kept = format!(
        "kept {}: you edited it; `sef install --main-turn --take-ours` keeps yours aside",
        sandbox.path(MODULE).display()
    );
    assert!(out.contains(&kept), "{out}");
    assert_eq!(sandbox.read(MODULE), "// mine\n");
    let out = succeeds(&sandbox, &["uninstall"]);
    assert!(out.contains(&format!("main turn: kept {}", sandbox.path(MODULE).display())), "{out}");
    assert_eq!(tree(&sandbox.path("state/mods")).len(), 1);
    succeeds(&sandbox, &[PUT_IN, &["--take-ours"]].concat());
    assert_eq!(sandbox.read(MODULE), module);
    let aside: Vec<_> =
        tree(&sandbox.path("state/install")).into_values().filter(|bytes| bytes == b"// mine\n").collect();
    assert_eq!(aside.len(), 1, "yours is kept aside");
}

#[test]
fn a_mod_that_was_taken_out_by_hand_stays_out_until_it_is_asked_for() {
    let sandbox = home();
    succeeds(&sandbox, PUT_IN);
    for change in [json!({}), json!({ID: false})] {
        let mut settings = json_of(&sandbox, SETTINGS);
        settings["enabledPlugins"] = change;
        sandbox.write(SETTINGS, settings.to_string());
        let out = succeeds(&sandbox, &["install", "--no-turbo"]);
        assert!(
            out.contains(
                "taken out or switched off in Claude Code; to have it again: sef install --main-turn"
            ),
            "{out}"
        );
        assert!(!is_enabled(&sandbox, SETTINGS));
        let status = succeeds(&sandbox, &["status"]);
        assert!(status.contains("main turn: the mod is not in: "), "{status}");
    }
    succeeds(&sandbox, PUT_IN);
    assert!(is_enabled(&sandbox, SETTINGS));
}

#[test]
fn a_marketplace_of_our_name_from_elsewhere_is_left_alone() {
    let sandbox = home();
    let other = json!({"source": {"source": "directory", "path": "/elsewhere/mods"}});
    let settings =
        json!({"extraKnownMarketplaces": {"sef-mods": other}, "enabledPlugins": {ID: true}}).to_string();
    sandbox.write(SETTINGS, &settings);
    sandbox.write(".claude/plugins/known_marketplaces.json", json!({"sef-mods": other}).to_string());
    let error = fails(&sandbox, PUT_IN);
    assert!(
        error.contains("/elsewhere/mods")
            && error.contains("claude plugin marketplace remove sef-mods && sef install --main-turn"),
        "{error}"
    );
    assert_eq!(words(&sandbox), [""; 0]);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), settings);
    assert_eq!(words(&sandbox), [""; 0]);
}

#[test]
fn without_a_client_uninstall_says_the_commands_and_remembers() {
    let mut sandbox = home();
    sandbox.write(SETTINGS, ODD);
    succeeds(&sandbox, PUT_IN);
    let path = format!("{}:/usr/bin:/bin", sandbox.path("tools").display());
    sandbox.set("PATH", sandbox.path("nowhere"));
    let by_hand = format!(
        "claude plugin uninstall --scope user {ID} && claude plugin marketplace remove --scope user sef-mods"
    );
    let error = fails(&sandbox, &["uninstall", "--main-turn"]);
    assert!(error.contains("the mod for the main turn was kept") && error.contains(&by_hand), "{error}");
    let out = succeeds(&sandbox, &["uninstall"]);
    assert!(out.contains(&by_hand), "{out}");
    assert!(json_of(&sandbox, SETTINGS)["hooks"].is_null(), "the hooks are out all the same");
    sandbox.set("PATH", path);
    succeeds(&sandbox, &["uninstall"]);
    assert!(!is_enabled(&sandbox, SETTINGS) && !sandbox.path("state/install/manifest.json").exists());
}

#[test]
fn without_our_memory_a_mod_from_this_very_state_folder_is_ours() {
    let sandbox = home();
    succeeds(&sandbox, PUT_IN);
    fs::remove_dir_all(sandbox.state()).expect("lose the state");
    succeeds(&sandbox, &["uninstall"]);
    assert!(!is_enabled(&sandbox, SETTINGS));
}

#[test]
fn status_says_whether_it_is_in_and_what_it_asks() {
    let sandbox = home();
    let report = || -> Value {
        let run = sef(&sandbox, &["status", "--json"]);
        serde_json::from_str::<Value>(&run.out).expect("JSON")["main_turn"].clone()
    };
    let wanted = |installed: bool, scope: Value, program: Value, command: Value| json!({"mod": ID, "installed": installed, "scope": scope, "program": program, "problem": null, "to_install": command});
    assert_eq!(report(), wanted(false, Value::Null, Value::Null, "sef install --main-turn".into()));
    succeeds(&sandbox, PUT_IN);
    let path = program(&sandbox);
    assert_eq!(report(), wanted(true, "user".into(), path.as_str().into(), Value::Null));
    let out = succeeds(&sandbox, &["status"]);
    assert!(out.contains(&format!("main turn: the mod {ID} is in (user), it asks {path}\n")), "{out}");
    fs::remove_file(sandbox.path(PLUGIN)).expect("remove");
    assert_eq!(report()["installed"], false);
    assert!(succeeds(&sandbox, &["status"]).contains("gone or damaged; to mend it: sef install --main-turn"));
}
