//! `sef doctor` on throw-away homes: what a healthy one looks like, that a look changes nothing, what any environment may
//! be like, and that docs/doctor.md is what the code says. The modules plant defects,
//! each area's in its own; `planted` says what becomes of each.

mod configuration;
mod copies;
mod hooks;
mod mods;
mod others;
mod planted;
mod programs;
mod races;
mod state;
mod turbo;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::install::{SETTINGS, sef, succeeds, write_program};
use crate::install_turbo::stand_in_for_claude;
use crate::sandbox::{Run, Sandbox, binary, finish};

/// Shown nowhere.
const KEY: &str = "csk-canary-4f6a91";

/// A home with SEF installed and all well.
fn healthy() -> Sandbox {
    let sandbox = prepared();
    succeeds(&sandbox, &["install"]);
    sandbox
}

/// The same before `sef install`.
fn prepared() -> Sandbox {
    let mut sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("bin")).expect("make a folder");
    for name in ["sef", "sef-hook", "sef-stats"] {
        symlink(binary(name), sandbox.path("bin").join(name)).expect("link a program");
    }
    stand_in_for_claude(&mut sandbox);
    client_of(&sandbox, "echo '2.1.329 (Claude Code)'");
    set_path(&mut sandbox, &["bin", "client"]);
    sandbox.set("CEREBRAS_API_KEY", KEY);
    sandbox
}

/// The client on PATH: `script` for its version, the stand-in for all else.
fn client_of(sandbox: &Sandbox, script: &str) {
    let other = sandbox.path("tools/claude");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then {script}; exit; fi\nexec '{}' \"$@\"\n",
        other.display()
    );
    write_program(&sandbox.path("client/claude"), &script);
}

fn set_path(sandbox: &mut Sandbox, folders: &[&str]) {
    let folders: Vec<String> =
        folders.iter().map(|folder| sandbox.path(folder).display().to_string()).collect();
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", folders.join(":")));
}

/// Findings by their ids; the age of the built-in prices depends on the day that the test runs on and is left out.
#[track_caller]
fn findings(run: &Run) -> Vec<Value> {
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!((report["schema"].as_u64(), run.err.as_str()), (Some(1), ""), "{run:?}");
    let all = report["findings"].as_array().expect("findings");
    let is_broken = |finding: &Value| finding["level"] == "broken";
    assert_eq!(report["ok"], !all.iter().any(is_broken), "{run:?}");
    assert_eq!(run.code, Some(i32::from(all.iter().any(is_broken))), "{run:?}");
    assert!(!run.out.contains(KEY) && !run.out.contains("s3cret"), "a secret is shown: {}", run.out);
    let is_of_today = |finding: &&Value| {
        finding["id"] != "prices-old"
            || finding["what"].as_str().is_none_or(|what| what.contains("your price"))
    };
    all.iter().filter(is_of_today).cloned().collect()
}

fn ids(findings: &[Value]) -> Vec<&str> {
    let mut ids: Vec<&str> = findings.iter().map(|finding| finding["id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    ids
}

/// Every path below a folder with its mode, time of change and content.
fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).expect("read a folder").map(|entry| entry.expect("an entry")) {
        let (path, meta) = (entry.path(), entry.metadata().expect("look"));
        let said = if meta.is_file() {
            let content = fs::read(&path).expect("read a file");
            format!(
                "{:o} {} {} {}",
                meta.mode(),
                meta.mtime(),
                meta.mtime_nsec(),
                String::from_utf8_lossy(&content)
            )
        } else {
            format!("{:o} {} {}", meta.mode(), meta.mtime(), meta.mtime_nsec())
        };
        if meta.is_dir() {
            all.extend(tree(&path));
        }
        all.insert(path, said);
    }
    all
}

#[test]
fn a_healthy_install_has_no_finding_and_ends_with_0() {
    let sandbox = healthy();
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert_eq!(ids(&findings(&run)), [""; 0], "{run:?}");
    let run = sef(&sandbox, &["doctor"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    for part in [
        "11 of 11 hooks in ",
        "11 of 11 sample events answered well: ",
        "5 of 5 agents, 9 of 9 skill files",
        "answers with 11 tools",
        "key in CEREBRAS_API_KEY is set",
        "claude 2.1.329 (tested: 2.1.197 to 2.1.329)",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(run.out.lines().count() <= 24, "one screen: {}", run.out);
    assert!(!run.out.contains(KEY));
}

#[test]
fn a_plugin_alone_is_healthy_once_its_programs_are_built_and_of_its_version() {
    let sandbox = prepared();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    sandbox.write(SETTINGS, r#"{"enabledPlugins": {"sef@sef": true}}"#);
    let market = json!({"sef": {"source": {"source": "directory", "path": root}, "installLocation": root}});
    sandbox.write(".claude/plugins/known_marketplaces.json", market.to_string());
    let look = |sandbox: &Sandbox| findings(&sef(sandbox, &["doctor", "--json"]));
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert_eq!(ids(&findings(&run)), [""; 0], "{run:?}");
    assert!(run.out.contains("registered by the plugin sef@sef"), "{}", run.out);
    assert!(run.out.contains("11 of 11 sample events answered well"), "{}", run.out);

    let setup = root.join("bin/sef-setup").display().to_string();
    let own = sandbox.path(".claude/plugins/data/sef-sef/bin/sef-hook");
    write_program(&own, "#!/bin/sh\n[ \"$1\" = --version ] && echo sef-hook 0.0.9\nexit 0\n");
    let found = look(&sandbox);
    assert!(ids(&found).contains(&"plugin-programs-other"), "{found:#?}");
    let other = found.iter().find(|finding| finding["id"] == "plugin-programs-other").expect("found");
    assert_eq!(other["command"], setup.as_str());

    fs::remove_file(&own).expect("remove");
    fs::remove_file(sandbox.path("bin/sef-hook")).expect("remove");
    let found = look(&sandbox);
    let bare = found.iter().find(|finding| finding["id"] == "plugin-not-built").expect("found");
    assert_eq!((&bare["level"], &bare["command"]), (&json!("broken"), &json!(setup)), "{found:#?}");
}

#[test]
fn a_look_changes_nothing_and_leaves_nothing() {
    let mut sandbox = healthy();
    let temp = sandbox.path("tmp");
    fs::create_dir(&temp).expect("make a folder");
    sandbox.set("TMPDIR", &temp);
    // Some work, and some defects of every area.
    sandbox.run(
        "sef-hook",
        &[],
        r#"{"hook_event_name":"UserPromptSubmit","session_id":"s","prompt":"find the config"}"#,
    );
    sandbox.write("config/rules.toml", "broken");
    sandbox.write("state/rules.cache", "stale");
    fs::remove_file(sandbox.path(".claude/agents/sef-review.md")).expect("remove");
    let before = tree(&sandbox.home());
    for args in [&["doctor"][..], &["doctor", "--json"]] {
        let run = sef(&sandbox, args);
        assert_eq!(run.code, Some(1), "{run:?}");
    }
    let mut after = tree(&sandbox.home());
    // The temporary folder was entered and left.
    let mut before = before;
    for all in [&mut before, &mut after] {
        all.remove(&temp);
    }
    assert_eq!(before, after);
}

#[test]
fn any_environment_ends_in_findings() {
    let none: &[&str] = &[];
    for (unset, set) in [
        (&["HOME", "SEF_STATE_DIR", "SEF_CONFIG_DIR", "SEF_BIN_DIR", "CLAUDE_CONFIG_DIR"][..], &[][..]),
        (&["PATH", "HOME"][..], &[]),
        (
            none,
            &[
                ("SEF_STATE_DIR", "/dev/null"),
                ("SEF_CONFIG_DIR", "/dev/null"),
                ("CLAUDE_CONFIG_DIR", "/dev/null"),
            ],
        ),
        (none, &[("SEF_STATE_DIR", "/proc"), ("CLAUDE_CONFIG_DIR", "/proc/self")]),
        (none, &[("TMPDIR", "/nonexistent"), ("HOME", "/nonexistent")]),
        (none, &[("SEF_STATE_DIR", "/a/\u{1b}[31m\u{202e}\n/b")]),
    ] {
        let mut sandbox = healthy();
        for name in unset {
            sandbox.unset(name);
        }
        for (name, value) in set {
            sandbox.set(name, value);
        }
        for args in [&["doctor", "--json"][..], &["doctor"]] {
            let run = sef(&sandbox, args);
            assert!(matches!(run.code, Some(0 | 1)) && run.err.is_empty(), "{unset:?} {set:?}: {run:?}");
            assert!(!run.out.contains(['\u{1b}', '\u{202e}']), "{run:?}");
        }
    }
}

#[test]
fn a_look_from_a_folder_that_is_gone_works() {
    let sandbox = healthy();
    let gone = sandbox.path("gone");
    fs::create_dir(&gone).expect("make a folder");
    let mut shell = sandbox.command("sh");
    shell.current_dir(&gone).args(["-c", "rmdir ../gone && exec sef doctor --json"]);
    let run = finish(shell, b"");
    assert_eq!(ids(&findings(&run)), [""; 0], "{run:?}");
}

#[test]
fn a_projects_own_program_is_not_started() {
    let sandbox = healthy();
    let started = sandbox.path("started");
    let evil = sandbox.path("project/bin/sef-hook");
    write_program(&evil, &format!("#!/bin/sh\necho x >> '{}'\n", started.display()));
    let mine = sandbox.read(SETTINGS);
    let theirs = mine.replace(
        &sandbox.path("bin").display().to_string(),
        &sandbox.path("project/bin").display().to_string(),
    );
    sandbox.write("project/.claude/settings.json", theirs);
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert!(ids(&findings(&run)).contains(&"fires-twice"), "{run:?}");
    assert!(!started.exists(), "a cloned project's program was started: {run:?}");
    // A command that only looks like ours is not started either, wherever it stands.
    let command = format!(
        "touch '{0}'; [ -x '{1}' ] && exec '{1}' 2>/dev/null || exit 0",
        started.display(),
        sandbox.path("bin/sef-hook").display()
    );
    let text = serde_json::json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": command, "timeout": 5}]}]}});
    sandbox.write(SETTINGS, text.to_string());
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert!(ids(&findings(&run)).contains(&"hooks-stripped"), "{run:?}");
    assert!(!started.exists(), "{run:?}");
}

#[test]
fn fix_never_takes_over_what_another_install_wrote_nor_what_others_own() {
    let sandbox = healthy();
    let other = sandbox.path("other/sef-hook");
    write_program(&other, &format!("#!/bin/sh\nexec '{}' \"$@\"\n", binary("sef-hook").display()));
    let text = sandbox
        .read(SETTINGS)
        .replace(&sandbox.path("bin").display().to_string(), &sandbox.path("other").display().to_string());
    let mut settings: Value = serde_json::from_str(&text).expect("JSON");
    settings["hooks"]["Stop"] = Value::Array(Vec::new());
    settings["hooks"]["PreToolUse"]
        .as_array_mut()
        .expect("groups")
        .push(serde_json::json!({"hooks": [{"type": "command", "command": "TOKEN=s3cret guard"}]}));
    sandbox.write(SETTINGS, settings.to_string());
    sandbox.write(".claude/agents/sef-review.md", "---\nname: sef-review\n---\nmine\n");
    let before = tree(&sandbox.claude());
    let run = sef(&sandbox, &["doctor", "--fix", "--json"]);
    assert_eq!(
        ids(&findings(&run)),
        ["copy-edited", "hook-other-install", "hooks-stripped", "other-hook-on-agent"]
    );
    assert_eq!(tree(&sandbox.claude()), before);
}

#[test]
fn what_cannot_be_mended_is_said_and_the_rest_is_mended() {
    let sandbox = healthy();
    fs::remove_file(sandbox.path(".claude/agents/sef-review.md")).expect("remove");
    fs::set_permissions(sandbox.state(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let broken = sandbox.read(SETTINGS).replacen('{', "{,", 1);
    sandbox.write(SETTINGS, &broken);
    let run = sef(&sandbox, &["doctor", "--fix", "--json"]);
    assert_eq!(ids(&findings(&run)), ["copy-missing", "settings-invalid"], "{run:?}");
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let done: Vec<&str> = report["done"].as_array().expect("done").iter().filter_map(Value::as_str).collect();
    assert!(done[0].starts_with("closed to others: "), "{done:?}");
    assert!(done.iter().any(|line| line.starts_with("not mended: cannot edit the settings")), "{done:?}");
    assert_eq!(sandbox.read(SETTINGS), broken);
}

#[test]
fn the_service_is_asked_only_when_that_is_asked_for() {
    let mut sandbox = healthy();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    sandbox.set("CEREBRAS_BASE_URL", format!("http://{address}/v1"));
    listener.set_nonblocking(true).expect("does not wait");
    let run = sef(&sandbox, &["doctor", "--json"]);
    assert_eq!(ids(&findings(&run)), [""; 0], "{run:?}");
    assert!(listener.accept().is_err(), "the service was asked");
    drop(listener);
    let before = tree(&sandbox.state());
    let run = sef(&sandbox, &["doctor", "--json", "--online"]);
    assert_eq!(ids(&findings(&run)), ["hosted-unusable"], "{run:?}");
    assert_eq!(tree(&sandbox.state()), before);
}

#[test]
fn docs_doctor_holds_the_table_of_the_code() {
    let path = format!("{}/docs/doctor.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).expect("docs/doctor.md");
    let table = sef::doctor::kinds::table();
    let head = table.lines().next().expect("a heading");
    let start = text.find(head).expect("the table");
    let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
    if crate::docs::are_written() {
        fs::write(&path, format!("{}{table}{}", &text[..start], &text[end..])).expect("write the page");
        return;
    }
    let stale = table.lines().find(|line| !text[start..end].lines().any(|found| found == *line));
    assert!(text[start..end] == table, "docs/doctor.md is stale (SEF_WRITE_DOCS=1 rewrites it): {stale:?}");
}
