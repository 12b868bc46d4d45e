//! Defects planted one at a time into a healthy home: each is found under its id with the one thing that mends it, nothing
//! else is found, and that thing (or `--fix`), really done, makes the finding go away.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use sef::race::manifest::{Kind, Race};
use sef::race::repo::Repo;
use serde_json::{Value, json};

use super::{client_of, findings, healthy, ids, set_path};
use crate::install::{SETTINGS, sef, succeeds, write_program};
use crate::sandbox::{Sandbox, binary, finish, skipped};

/// One defect.
struct Defect {
    /// What it is.
    name: &'static str,
    plant: fn(&mut Sandbox),
    /// The finding that is expected; `and` are others that come with it by their nature.
    id: &'static str,
    and: &'static [&'static str],
    mend: Mend,
}

/// The thing that is proposed; `~` stands for the home.
enum Mend {
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

const fn defect(name: &'static str, plant: fn(&mut Sandbox), id: &'static str, mend: Mend) -> Defect {
    Defect { name, plant, id, and: &[], mend }
}

/// Plants each and sees it found and mended.
fn check(defects: &[Defect]) {
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
fn ran(sandbox: &Sandbox, command: &str) -> Vec<Value> {
    let mut shell = sandbox.command("sh");
    let doctor = sandbox.path("bin/sef");
    shell.args([
        "-c",
        &format!("{{ {command} ; }} >/dev/null || echo failed; exec '{}' doctor --json", doctor.display()),
    ]);
    findings(&finish(shell, b""))
}

fn home(sandbox: &Sandbox) -> String {
    sandbox.home().display().to_string()
}

fn settings(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(SETTINGS)).expect("JSON");
    change(&mut value);
    sandbox.write(SETTINGS, value.to_string());
}

fn replace(sandbox: &Sandbox, file: &str, old: &str, new: &str) {
    let text = sandbox.read(file);
    assert!(text.contains(old), "{file} holds no {old}");
    sandbox.write(file, text.replace(old, new));
}

fn other_hook(sandbox: &Sandbox, event: &str, group: Value) {
    settings(sandbox, |value| value["hooks"][event].as_array_mut().expect("groups").push(group));
}

fn remove(sandbox: &Sandbox, path: &str) {
    fs::remove_file(sandbox.path(path)).expect("remove");
}

fn fifo(sandbox: &Sandbox, path: &str) {
    let _ = fs::remove_file(sandbox.path(path));
    assert!(Command::new("mkfifo").arg(sandbox.path(path)).status().expect("mkfifo runs").success());
}

/// The id of a process that is gone.
fn gone() -> u32 {
    let mut child = Command::new("true").spawn().expect("true runs");
    child.wait().expect("it ends");
    child.id()
}

fn log(sandbox: &Sandbox, line: &str) {
    sandbox.write("state/log.jsonl", format!("{line}\n"));
    fs::set_permissions(sandbox.path("state/log.jsonl"), fs::Permissions::from_mode(0o600)).expect("chmod");
}

fn other_install(sandbox: &Sandbox) {
    write_program(
        &sandbox.path("other/sef-hook"),
        &format!("#!/bin/sh\nexec '{}' \"$@\"\n", binary("sef-hook").display()),
    );
}

#[test]
fn defects_of_the_programs_are_found_and_mended() {
    check(&[
        defect(
            "a program is missing",
            |s| remove(s, "bin/sef-stats"),
            "program-missing",
            Do("scripts/install.sh"),
        ),
        defect(
            "a program may not be executed",
            |s| {
                let version = env!("CARGO_PKG_VERSION");
                write_program(&s.path("bin/sef-stats"), &format!("#!/bin/sh\necho sef-stats {version}\n"));
                fs::set_permissions(s.path("bin/sef-stats"), fs::Permissions::from_mode(0o644))
                    .expect("chmod");
            },
            "program-not-executable",
            Run("chmod 755 ~/bin/sef-stats"),
        ),
        defect(
            "a program is of another version",
            |s| write_program(&s.path("bin/sef-stats"), "#!/bin/sh\necho sef-stats 0.0.9\n"),
            "program-version",
            Do("scripts/install.sh"),
        ),
        defect(
            "another sef comes first on PATH",
            |s| {
                write_program(&s.path("other/sef"), "#!/bin/sh\n");
                set_path(s, &["other", "bin", "client"]);
            },
            "path-other-sef",
            Run("export PATH=~/bin:\"$PATH\""),
        ),
        defect(
            "no sef on PATH",
            |s| set_path(s, &["client"]),
            "not-on-path",
            Run("export PATH=~/bin:\"$PATH\""),
        ),
        defect(
            "the client is too old",
            |s| client_of(s, "echo '2.1.196 (Claude Code)'"),
            "client-older",
            Shown("claude update"),
        ),
        defect(
            "the client is newer",
            |s| client_of(s, "echo '2.1.330 (Claude Code)'"),
            "client-newer",
            Do("newer SEF"),
        ),
        defect(
            "the client does not answer",
            |s| client_of(s, "exit 3"),
            "client-silent",
            Shown("claude --version"),
        ),
        defect(
            "there is no client",
            |s| {
                symlink("/bin/sh", s.path("bin/sh")).expect("link a shell");
                s.set("PATH", s.path("bin"));
            },
            "client-absent",
            Shown("npm install -g @anthropic-ai/claude-code"),
        ),
    ]);
}

#[test]
fn defects_of_our_hooks_are_found_and_mended() {
    check(&[
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
                    value["hooks"]["Stop"] = json!([value["hooks"]["Stop"][0], value["hooks"]["Stop"][0]])
                })
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
                let script = format!(
                    "#!/bin/sh\n[ \"$1\" = --version ] && echo sef-hook {version} && exit\necho hello\n"
                );
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
    ]);
}

#[test]
fn defects_of_settings_that_are_not_ours_are_found_and_left_alone() {
    check(&[
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
            |s| {
                other_hook(s, "Stop", json!({"hooks": [{"type": "command", "command": "x", "timeout": "5"}]}))
            },
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
                )
            },
            "other-hook-on-agent",
            Do("leave Agent out of its matcher"),
        ),
        defect(
            "another hook answers for the Agent tool",
            |s| {
                let group = json!({"matcher": "Task", "hooks": [{"type": "http", "url": "http://localhost/?s3cret"}]});
                s.write(
                    "project/.claude/settings.json",
                    json!({"hooks": {"PreToolUse": [group]}}).to_string(),
                );
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
                )
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
                )
            },
            "matcher-dead",
            Do("correct the matcher Bsah"),
        ),
    ]);
}

#[test]
fn defects_of_agents_and_skills_are_found_and_mended() {
    check(&[
        defect(
            "an agent is missing",
            |s| remove(s, ".claude/agents/sef-explore.md"),
            "copy-missing",
            Fix("sef install"),
        ),
        defect(
            "a skill is missing",
            |s| remove(s, ".claude/skills/turbo/SKILL.md"),
            "copy-missing",
            Fix("sef install"),
        ),
        defect(
            "an agent is of an older version",
            |s| {
                let old = "---\nname: sef-explore\n---\nold\n";
                let print = sef::settings::manifest::fingerprint(old.as_bytes());
                s.write(".claude/agents/sef-explore.md", old);
                let path = "state/install/manifest.json";
                let mut manifest: Value = serde_json::from_str(&s.read(path)).expect("JSON");
                let place = s.claude().display().to_string();
                manifest["places"][place]["files"]["agents/sef-explore.md"]
                    .as_array_mut()
                    .expect("prints")
                    .push(json!(print));
                s.write(path, manifest.to_string());
            },
            "copy-outdated",
            Fix("sef install"),
        ),
        defect(
            "an agent was edited",
            |s| {
                s.write(".claude/agents/sef-explore.md", "---\nname: sef-explore\n---\nmine\n");
            },
            "copy-edited",
            Run("sef install --take-ours"),
        ),
        defect(
            "an agent is a FIFO",
            |s| fifo(s, ".claude/agents/sef-explore.md"),
            "copy-unreadable",
            Do("move ~/.claude/agents/sef-explore.md away"),
        ),
        defect(
            "the project has an agent of the same name",
            |s| {
                s.write("project/.claude/agents/mine.md", "---\nname: sef-explore\nmodel: opus\n---\nx\n");
            },
            "agent-shadowed",
            Run("mv ~/project/.claude/agents/mine.md ~/project/.claude/agents/mine.md.aside"),
        ),
    ]);
}

#[test]
fn defects_of_the_configuration_are_found_and_mended() {
    check(&[
        defect(
            "rules.toml is no TOML",
            |s| {
                s.write("config/rules.toml", "[[rule]\n");
            },
            "rules-invalid",
            Do("correct ~/config/rules.toml"),
        ),
        defect(
            "a rule does not fire on its example",
            |s| {
                s.write("config/rules.toml", "[[rule]]\nid = \"mine\"\ntier = 1\nrole = \"explore\"\nweight = 1.0\nphrases = [\"hunt down\"]\nexamples = [\"paint it\"]\nnot = [\"x\"]\n");
            },
            "rule-fails",
            Do("correct ~/config/rules.toml"),
        ),
        defect(
            "config.toml has an unknown key",
            |s| {
                s.write("config/config.toml", "[spawn]\nrooute = true\n");
            },
            "config-invalid",
            Do("correct ~/config/config.toml"),
        ),
        defect(
            "calibration.toml is damaged",
            |s| {
                s.write("config/calibration.toml", "schema = \"x\"\n");
            },
            "calibration-invalid",
            Run("sef-stats calibrate --revert"),
        ),
        defect(
            "prices.toml has a wrong price",
            |s| {
                s.write("config/prices.toml", "[[price]]\nmodel = 7\n");
            },
            "prices-invalid",
            Do("correct ~/config/prices.toml"),
        ),
        defect(
            "prices.toml is a FIFO",
            |s| {
                fs::create_dir_all(s.path("config")).expect("make a folder");
                fifo(s, "config/prices.toml");
            },
            "prices-invalid",
            Do("~/config/prices.toml"),
        ),
        defect(
            "prices are old",
            |s| {
                s.write("config/prices.toml", "[[price]]\nmodel = \"m\"\ninput = 1\noutput = 1\ncache_write_5m = 1\ncache_write_1h = 1\ncache_read = 1\nsource = \"s\"\nas_of = \"2020-01-01\"\n");
            },
            "prices-old",
            Do("sef prices list"),
        ),
    ]);
}

#[test]
fn defects_of_the_state_folder_are_found_and_mended() {
    check(&[
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
                fs::set_permissions(s.path("state/log.jsonl"), fs::Permissions::from_mode(0o644))
                    .expect("chmod");
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
                    .expect("make a folder")
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
        defect(
            "the log has a torn line",
            |s| log(s, "{\"v\":1,\"ti"),
            "log-unreadable-lines",
            Do("leave them"),
        ),
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
    ]);
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

/// The client's state file of a sandbox.
const CLIENT: &str = ".claude/.claude.json";

fn server(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(CLIENT)).expect("JSON");
    change(&mut value["mcpServers"]);
    sandbox.write(CLIENT, value.to_string());
}

#[test]
fn defects_of_turbo_are_found_and_mended() {
    check(&[
        defect(
            "there is no key",
            |s| s.unset("CEREBRAS_API_KEY"),
            "key-missing",
            Do("put CEREBRAS_API_KEY into \"env\" of ~/.claude/settings.json"),
        ),
        defect(
            "the address is another host's",
            |s| s.set("CEREBRAS_BASE_URL", "https://example.org/v1"),
            "hosted-invalid",
            Do("config.toml"),
        ),
        defect(
            "the server was taken out",
            |s| server(s, |servers| *servers = json!({})),
            "server-stripped",
            Fix("claude mcp add --scope user speed-run -- ~/bin/sef mcp"),
        ),
        defect(
            "the server was never registered",
            |s| {
                succeeds(s, &["uninstall"]);
                succeeds(s, &["install", "--no-turbo"]);
            },
            "server-missing",
            Run("claude mcp add --scope user speed-run -- ~/bin/sef mcp"),
        ),
        defect(
            "another server has the name",
            |s| {
                server(s, |servers| {
                    servers["speed-run"] = json!({"type": "stdio", "command": "node", "args": ["x"]})
                })
            },
            "server-foreign",
            Run(
                "claude mcp remove --scope user speed-run && claude mcp add --scope user speed-run -- ~/bin/sef mcp",
            ),
        ),
        defect(
            "the server's program is gone",
            |s| server(s, |servers| servers["speed-run"]["command"] = json!("/gone/sef")),
            "server-binary-gone",
            Fix("sef install"),
        ),
        defect(
            "the server does not answer",
            |s| {
                let version = env!("CARGO_PKG_VERSION");
                write_program(
                    &s.path("bin/sef"),
                    &format!("#!/bin/sh\n[ \"$1\" = --version ] && echo sef {version}\nexit 0\n"),
                );
            },
            "server-silent",
            Do("scripts/install.sh"),
        ),
        defect(
            "the client's state file is damaged",
            |s| {
                s.write(CLIENT, "[");
            },
            "server-unknown",
            Do("start `claude` once"),
        ),
    ]);
}

fn git(sandbox: &Sandbox, args: &[&str]) {
    let run = sandbox.command("git").args(args).output().expect("git runs");
    assert!(run.status.success(), "git {args:?}: {run:?}");
}

/// A race of one candidate whose process is gone.
fn race(sandbox: &Sandbox) -> Race {
    git(sandbox, &["init", "-q", "-b", "main"]);
    git(
        sandbox,
        &[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.com",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "first",
        ],
    );
    let repo = Repo::find(&sandbox.path("project")).expect("a repository");
    let race = Race::begin(&sandbox.state(), repo, Kind::Showdown, "x").expect("a race begins");
    race.add(&["runner-1"]).expect("a worktree is made");
    race
}

#[test]
fn worktrees_of_a_killed_race_are_found_and_removed_and_work_in_them_stays() {
    for is_killed in [true, false] {
        let sandbox = healthy();
        let race = race(&sandbox);
        let (id, tree) = (race.id(), race.manifest().candidates[0].tree.clone());
        assert_eq!(ids(&findings(&sef(&sandbox, &["doctor", "--json"]))), [""; 0], "it runs");
        if !is_killed {
            race.update(|manifest| manifest.state = json!({"outcome": {"winner": null}})).expect("is kept");
        }
        drop(race);
        let found = findings(&sef(&sandbox, &["doctor", "--json"]));
        let id_of_finding = if is_killed { "worktrees-orphaned" } else { "worktrees-left" };
        assert_eq!(ids(&found), [id_of_finding]);
        assert_eq!(
            (&found[0]["command"], &found[0]["fix"]),
            (&json!(format!("sef clean {id}")), &json!(is_killed))
        );
        fs::write(tree.join("work.txt"), "mine").expect("write");
        findings(&sef(&sandbox, &["doctor", "--json", "--fix"]));
        assert!(tree.join("work.txt").exists(), "work stays");
        fs::remove_file(tree.join("work.txt")).expect("remove");
        let after = if is_killed {
            findings(&sef(&sandbox, &["doctor", "--json", "--fix"]))
        } else {
            ran(&sandbox, &format!("sef clean {id}"))
        };
        assert_eq!(ids(&after), [""; 0], "{after:#?}");
        assert!(!tree.exists());
    }
}

#[test]
fn a_race_without_a_readable_record_is_found() {
    let sandbox = healthy();
    let race = race(&sandbox);
    let path = race.folder().join("manifest.json");
    drop(race);
    fs::write(&path, "{").expect("write");
    let found = findings(&sef(&sandbox, &["doctor", "--json"]));
    assert_eq!(ids(&found), ["race-unreadable"], "{found:#?}");
    assert!(found[0]["action"].as_str().expect("an action").contains("manifest.json"));
}
