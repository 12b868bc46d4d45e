//! The MCP server in `sef install`, `uninstall` and `status`, with a stand-in for `claude` that keeps the client's state
//! file, its settings and its list of marketplaces as the real one does (2.1.197 to 2.1.329), notes how it was called, and
//! can be told to go wrong. Its version is in a file beside it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::install::{FAKE_HOOK, SETTINGS, ready, sef, succeeds, write_program};
use crate::sandbox::{Run, Sandbox, binary, finish};

const FAKE_CLAUDE: &str = r#"#!/usr/bin/env python3
import json, os, sys
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    said = Path(__file__).with_name("version")
    sys.exit(print(said.read_text() if said.exists() else "2.1.329 (Claude Code)"))
home = Path(os.environ.get("CLAUDE_CONFIG_DIR") or os.environ["HOME"])
with open(os.environ["FAKE_CLAUDE_LOG"], "a") as log:
    log.write(json.dumps([sys.argv[1:], os.getcwd(), "CEREBRAS_API_KEY" in os.environ]) + "\n")
mode = os.environ.get("FAKE_CLAUDE", "")
if mode == "fail":
    sys.exit("\033[31mcannot lock the file")
if mode == "forget":
    sys.exit(0)

def read(path):
    return json.loads(path.read_text()) if path.exists() else {}

def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")

def root():
    here = Path.cwd().resolve()
    return next((p for p in (here, *here.parents) if (p / ".git").exists()), here)

def plugin(words):
    scope = "user"
    if "--scope" in words:
        at = words.index("--scope")
        scope = words[at + 1]
        del words[at:at + 2]
    *verb, name = words
    path = home / "settings.json" if scope == "user" else root() / ".claude/settings.local.json"
    settings, known = read(path), read(home / "plugins/known_marketplaces.json")
    # As the client does, even where nothing changes.
    enabled = settings.setdefault("enabledPlugins", {})
    declared = settings.setdefault("extraKnownMarketplaces", {})
    if verb == ["marketplace", "add"]:
        market = json.loads((Path(name) / ".claude-plugin/marketplace.json").read_text())["name"]
        source = {"source": {"source": "directory", "path": name}}
        declared[market], known[market] = source, {**source, "installLocation": name}
    elif verb == ["marketplace", "remove"]:
        name in known or sys.exit("not found")
        declared.pop(name, None)
        # What settings of other folders declare, the client does not see.
        others = {home / "settings.json", root() / ".claude/settings.local.json"} - {path}
        if not any(name in read(other).get("extraKnownMarketplaces", {}) for other in others):
            del known[name]
            settings["enabledPlugins"] = {k: v for k, v in enabled.items() if not k.endswith("@" + name)}
    elif verb in (["install"], ["enable"]):
        if mode == "refuse":
            sys.exit("blocked by policy")
        folder = Path(known[name.split("@")[1]]["installLocation"])
        assert (folder / name.split("@")[0] / ".claude-plugin/plugin.json").exists()
        enabled[name] = True
    elif verb == ["uninstall"]:
        name in enabled or sys.exit("not installed")
        del enabled[name]
    else:
        sys.exit(f"unknown: {verb}")
    write(path, settings)
    write(home / "plugins/known_marketplaces.json", known)
    if mode == "kill" or mode == "kill " + verb[-1]:
        os.kill(os.getppid(), 9)
    sys.exit(0)

if sys.argv[1] == "plugin":
    plugin(sys.argv[2:])
path = home / ".config.json" if (home / ".config.json").exists() else home / ".claude.json"
state = json.loads(path.read_text()) if path.exists() else {}
_, verb, _, scope, name, *rest = sys.argv[1:]
holder = state
if scope == "local":
    holder = state.setdefault("projects", {}).setdefault(str(root()), {})
servers = holder.setdefault("mcpServers", {})
if (verb == "add") == (name in servers):
    sys.exit("it is there already, or not there")
if verb == "add":
    dashes, command, *args = rest
    servers[name] = {"type": "stdio", "command": command, "args": args, "env": {}}
else:
    del servers[name]
home.mkdir(exist_ok=True)
path.write_text("[" if mode == "break" else json.dumps(state, indent=2))
if mode == "kill":
    os.kill(os.getppid(), 9)
print("done")
"#;

/// The client's state file, with CLAUDE_CONFIG_DIR set as it is in a sandbox.
const STATE: &str = ".claude/.claude.json";

/// Puts the stand-in into `tools`, for a PATH that begins there.
pub fn stand_in_for_claude(sandbox: &mut Sandbox) {
    write_program(&sandbox.path("tools/claude"), FAKE_CLAUDE);
    sandbox.set("FAKE_CLAUDE_LOG", sandbox.path("claude.log"));
}

/// The user's entry in a state file; null when there is none.
pub fn user_entry(state: &Path) -> Value {
    let state: Value = serde_json::from_slice(&fs::read(state).expect("read")).expect("JSON");
    state["mcpServers"]["speed-run"].clone()
}

/// A home with a real `sef` beside the hook, and the stand-in on PATH.
pub fn home() -> Sandbox {
    let mut sandbox = ready();
    symlink(binary("sef"), sandbox.path("bin/sef")).expect("link sef");
    stand_in_for_claude(&mut sandbox);
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", sandbox.path("tools").display()));
    sandbox
}

/// The same without any `claude`, whatever the machine has.
pub fn home_without_client() -> Sandbox {
    let mut sandbox = home();
    fs::remove_file(sandbox.path("tools/claude")).expect("remove");
    symlink("/bin/sh", sandbox.path("tools/sh")).expect("link a shell");
    sandbox.set("PATH", sandbox.path("tools"));
    sandbox
}

/// How the stand-in was called so far: words, folder, whether it saw the key.
fn calls(sandbox: &Sandbox) -> Vec<Value> {
    let log = fs::read_to_string(sandbox.path("claude.log")).unwrap_or_default();
    log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

pub fn words(sandbox: &Sandbox) -> Vec<String> {
    let line = |call: &Value| {
        let words = call[0].as_array().expect("words").iter();
        words.map(|word| word.as_str().expect("a word")).collect::<Vec<_>>().join(" ")
    };
    calls(sandbox).iter().map(line).collect()
}

pub fn program(sandbox: &Sandbox) -> String {
    sandbox.path("bin/sef").to_str().expect("UTF-8").to_owned()
}

fn entry_for(command: &str) -> Value {
    json!({"type": "stdio", "command": command, "args": ["mcp"], "env": {}})
}

fn write_state(sandbox: &Sandbox, server: &Value) {
    sandbox.write(STATE, json!({"numStartups": 3, "mcpServers": {"speed-run": server}}).to_string());
}

/// The one line of the output about turbo.
#[track_caller]
fn turbo_line(out: &str) -> &str {
    let lines: Vec<&str> = out.lines().filter(|line| line.starts_with("turbo: ")).collect();
    assert_eq!(lines.len(), 1, "{out}");
    lines[0]
}

pub fn in_folder(sandbox: &Sandbox, folder: &Path, args: &[&str]) -> Run {
    let mut command = sandbox.command(binary("sef"));
    command.current_dir(folder).args(args);
    finish(command, b"")
}

#[test]
fn install_registers_the_server_and_uninstall_takes_it_out() {
    let mut sandbox = home();
    sandbox.set("CEREBRAS_API_KEY", "canary-key");
    let out = succeeds(&sandbox, &["install"]);
    assert_eq!(turbo_line(&out), "turbo: registered with Claude Code as speed-run (user)");
    assert!(out.contains("live check: sef mcp answers with 11 tools ("), "{out}");
    assert!(out.contains("restart open Claude Code sessions"), "{out}");
    let sef = program(&sandbox);
    assert_eq!(user_entry(&sandbox.path(STATE)), entry_for(&sef));
    assert_eq!(words(&sandbox), [format!("mcp add --scope user speed-run -- {sef} mcp")]);
    assert_eq!(calls(&sandbox)[0][2], false, "the client has no need of the key");
    assert!(
        !sandbox.path("bin/state").exists() && !sandbox.path("state/turbo").exists(),
        "no state of a check"
    );

    let out = succeeds(&sandbox, &["uninstall"]);
    assert_eq!(turbo_line(&out), "turbo: speed-run taken out of Claude Code (user)");
    assert!(user_entry(&sandbox.path(STATE)).is_null());
    assert_eq!(words(&sandbox)[1..], ["mcp remove --scope user speed-run"]);
    let left: Vec<_> = fs::read_dir(sandbox.path("state/install")).expect("list").flatten().collect();
    assert_eq!(left.len(), 1, "the lock only: {left:?}");
    let out = succeeds(&sandbox, &["uninstall"]);
    assert!(!out.contains("turbo") && calls(&sandbox).len() == 2, "{out}");
}

#[test]
fn c6_a_second_install_asks_the_client_nothing() {
    let sandbox = home();
    succeeds(&sandbox, &["install"]);
    let before = fs::read(sandbox.path(STATE)).expect("read");
    let out = succeeds(&sandbox, &["install"]);
    assert_eq!(turbo_line(&out), "turbo: already registered as speed-run (user)");
    assert!(out.contains("answers with 11 tools") && out.contains("nothing was changed"), "{out}");
    assert_eq!(calls(&sandbox).len(), 1);
    assert_eq!(fs::read(sandbox.path(STATE)).expect("read"), before);
}

#[test]
fn c5_parallel_installs_ask_the_client_once() {
    let sandbox = home();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| succeeds(&sandbox, &["install"]));
        }
    });
    assert_eq!(calls(&sandbox).len(), 1);
    assert_eq!(user_entry(&sandbox.path(STATE)), entry_for(&program(&sandbox)));
}

#[test]
fn c1_an_entry_of_an_earlier_install_is_replaced() {
    let sandbox = home();
    write_state(&sandbox, &entry_for("/gone/bin/sef"));
    let out = succeeds(&sandbox, &["install"]);
    assert_eq!(turbo_line(&out), "turbo: registered with Claude Code as speed-run (user)");
    let sef = program(&sandbox);
    let add = format!("mcp add --scope user speed-run -- {sef} mcp");
    assert_eq!(words(&sandbox), ["mcp remove --scope user speed-run", &add]);
    assert_eq!(user_entry(&sandbox.path(STATE)), entry_for(&sef));
    let state: Value = serde_json::from_str(&sandbox.read(STATE)).expect("JSON");
    assert_eq!(state["numStartups"], 3);
}

#[test]
fn c1_what_is_not_ours_or_was_added_to_stays() {
    let table = [
        (
            json!({"type": "stdio", "command": "node", "args": ["/x/index.js"]}),
            "another server named speed-run",
        ),
        (json!({"type": "http", "url": "https://example.org/mcp"}), "another server named speed-run"),
        (json!(7), "another server named speed-run"),
        (
            json!({"type": "stdio", "command": "/gone/sef", "args": ["mcp"], "env": {"CEREBRAS_API_KEY": "k"}}),
            "holds settings of yours",
        ),
    ];
    for (server, why) in table {
        let sandbox = home();
        write_state(&sandbox, &server);
        let before = sandbox.read(STATE);
        let out = succeeds(&sandbox, &["install"]);
        let line = turbo_line(&out);
        assert!(line.starts_with("turbo: not registered: ") && line.contains(why), "{line}");
        let sef = program(&sandbox);
        let way_out = format!(
            "claude mcp remove --scope user speed-run && claude mcp add --scope user speed-run -- {sef} mcp"
        );
        assert!(line.ends_with(&way_out), "{line}");
        assert!(!out.contains("sef mcp answers"), "{out}");
        succeeds(&sandbox, &["uninstall"]);
        assert_eq!(sandbox.read(STATE), before);
        assert_eq!(calls(&sandbox), [] as [Value; 0]);
    }
}

#[test]
fn c6_uninstall_keeps_what_install_did_not_put_there() {
    let sandbox = home();
    write_state(&sandbox, &entry_for(&program(&sandbox)));
    let before = sandbox.read(STATE);
    let out = succeeds(&sandbox, &["install"]);
    assert_eq!(turbo_line(&out), "turbo: already registered as speed-run (user)");
    let out = succeeds(&sandbox, &["uninstall"]);
    let line = "turbo: kept speed-run (user): this install did not put it there; to take it out: claude mcp remove --scope user speed-run";
    assert_eq!(turbo_line(&out), line);
    assert_eq!(sandbox.read(STATE), before);
    assert_eq!(calls(&sandbox), [] as [Value; 0]);

    let sandbox = home();
    succeeds(&sandbox, &["install"]);
    let mut server = entry_for(&program(&sandbox));
    server["env"]["CEREBRAS_MODEL"] = "mine".into();
    write_state(&sandbox, &server);
    let out = succeeds(&sandbox, &["uninstall"]);
    assert!(turbo_line(&out).contains("kept speed-run (user): its entry holds settings of yours"), "{out}");
    assert_eq!(user_entry(&sandbox.path(STATE)), server);
}

#[test]
fn c6_without_our_memory_only_an_entry_for_this_very_program_is_ours() {
    for (command, left) in [(None, Value::Null), (Some("/other/sef"), entry_for("/other/sef"))] {
        let sandbox = home();
        succeeds(&sandbox, &["install"]);
        fs::remove_dir_all(sandbox.state()).expect("lose the state");
        if let Some(command) = command {
            write_state(&sandbox, &entry_for(command));
        }
        succeeds(&sandbox, &["uninstall"]);
        assert_eq!(user_entry(&sandbox.path(STATE)), left);
    }
}

#[test]
fn c2_a_state_file_that_cannot_be_read_stops_turbo_and_nothing_else() {
    for (bytes, why) in [
        (b"".as_slice(), "EOF"),
        (b"{\"a\": 1,", "EOF"),
        (b"[]", "not a JSON object"),
        (b"{\"mcpServers\": []}", "\"mcpServers\" is not an object"),
        (b"\xff\xfe{\0}\0", "expected value"),
    ] {
        let sandbox = home();
        sandbox.write(STATE, bytes);
        let out = succeeds(&sandbox, &["install"]);
        let line = turbo_line(&out);
        assert!(line.contains("cannot read Claude Code's state file") && line.contains(why), "{line}");
        assert!(out.contains("to mend it: ") && out.contains("11 hooks registered"), "{out}");
        let status = sef(&sandbox, &["status"]);
        assert_eq!(status.code, Some(0), "{status:?}");
        assert!(turbo_line(&status.out).contains(why), "{status:?}");
        succeeds(&sandbox, &["uninstall"]);
        assert_eq!(fs::read(sandbox.path(STATE)).expect("read"), bytes);
        assert_eq!(calls(&sandbox), [] as [Value; 0]);
    }
    let sandbox = home();
    fs::create_dir_all(sandbox.path(STATE)).expect("a folder in its place");
    assert!(turbo_line(&succeeds(&sandbox, &["install"])).contains("not a regular file"));
}

#[test]
fn a_state_file_of_another_owner_is_left_alone() {
    let sandbox = home();
    let path = sandbox.write(STATE, "{}");
    if std::os::unix::fs::chown(&path, Some(54321), None).is_err() {
        // Only root can give a file away; for anyone else the case cannot be made.
        return;
    }
    let out = succeeds(&sandbox, &["install"]);
    assert!(turbo_line(&out).contains("belongs to user 54321") && out.contains("without sudo"), "{out}");
    assert_eq!((sandbox.read(STATE), calls(&sandbox).len()), ("{}".to_owned(), 0));
}

#[test]
fn without_a_client_the_command_is_given_and_install_succeeds() {
    let sandbox = home_without_client();
    let sef = program(&sandbox);
    let line = format!(
        "turbo: not registered: there is no `claude` on PATH; to register it: claude mcp add --scope user speed-run -- {sef} mcp"
    );
    let out = succeeds(&sandbox, &["install"]);
    assert_eq!(turbo_line(&out), line);
    assert!(!out.contains("sef mcp answers"), "{out}");
    let out = succeeds(&sandbox, &["install"]);
    assert!(turbo_line(&out) == line && out.contains("nothing was changed"), "{out}");
    assert!(!sandbox.path(STATE).exists());
    assert!(!succeeds(&sandbox, &["uninstall"]).contains("turbo"));
}

#[test]
fn without_a_client_uninstall_gives_the_command_and_remembers() {
    let mut sandbox = home();
    succeeds(&sandbox, &["install"]);
    let path = format!("{}:/usr/bin:/bin", sandbox.path("tools").display());
    sandbox.set("PATH", sandbox.path("nowhere"));
    let out = succeeds(&sandbox, &["uninstall"]);
    let line = "turbo: kept speed-run (user): there is no `claude` on PATH; to take it out: claude mcp remove --scope user speed-run";
    assert_eq!(turbo_line(&out), line);
    assert!(!sandbox.path(SETTINGS).exists(), "the hooks are out all the same");
    sandbox.set("PATH", path);
    let out = succeeds(&sandbox, &["uninstall"]);
    assert_eq!(turbo_line(&out), "turbo: speed-run taken out of Claude Code (user)");
    assert!(user_entry(&sandbox.path(STATE)).is_null());
    assert!(!sandbox.path("state/install/manifest.json").exists());
}

#[test]
fn a_client_that_fails_or_does_not_do_it_is_not_believed() {
    for (mode, why) in [
        ("fail", "ended with code 1 and said: \\u{1b}[31mcannot lock the file"),
        ("forget", "but the entry is not in its file"),
        ("break", "cannot be read any more: EOF"),
    ] {
        let mut sandbox = home();
        sandbox.set("FAKE_CLAUDE", mode);
        let out = succeeds(&sandbox, &["install"]);
        let line = turbo_line(&out);
        assert!(line.starts_with("turbo: not registered: ") && line.contains(why), "{mode}: {line}");
        assert!(line.contains("claude mcp add --scope user speed-run -- "), "{mode}: {line}");
        assert!(!out.contains("sef mcp answers"), "{out}");
        let manifest = sandbox.read("state/install/manifest.json");
        assert!(!manifest.contains("server"), "nothing is remembered that is not there: {manifest}");
    }
    for (mode, why) in [("fail", "cannot lock the file"), ("forget", "said it is out, but it is there")] {
        let mut sandbox = home();
        succeeds(&sandbox, &["install"]);
        sandbox.set("FAKE_CLAUDE", mode);
        let out = succeeds(&sandbox, &["uninstall"]);
        assert!(turbo_line(&out).contains("kept speed-run (user)") && out.contains(why), "{mode}: {out}");
        sandbox.unset("FAKE_CLAUDE");
        succeeds(&sandbox, &["uninstall"]);
        assert!(user_entry(&sandbox.path(STATE)).is_null(), "the second try takes it out");
    }
}

#[test]
fn c3_a_kill_right_after_the_clients_write_leaves_an_entry_that_uninstall_knows() {
    let mut sandbox = home();
    sandbox.set("FAKE_CLAUDE", "kill");
    let run = sef(&sandbox, &["install"]);
    assert_eq!(run.code, None, "killed: {run:?}");
    sandbox.unset("FAKE_CLAUDE");
    let out = succeeds(&sandbox, &["uninstall"]);
    assert_eq!(turbo_line(&out), "turbo: speed-run taken out of Claude Code (user)");
    assert!(user_entry(&sandbox.path(STATE)).is_null());
}

#[test]
fn a_projects_own_entry_goes_before_the_users() {
    let sandbox = home();
    let project = fs::canonicalize(sandbox.path("project")).expect("resolve");
    let project = project.to_str().expect("UTF-8");
    let theirs = json!({"command": "node", "args": []});
    let state = json!({
        "mcpServers": {"speed-run": entry_for(&program(&sandbox))},
        "projects": {project: {"mcpServers": {"speed-run": theirs}}},
    });
    sandbox.write(STATE, state.to_string());
    for command in ["install", "status"] {
        let out = succeeds(&sandbox, &[command, "--project"]);
        assert!(turbo_line(&out).contains("not registered: Claude Code has another server"), "{out}");
    }
    assert_eq!(calls(&sandbox), [] as [Value; 0]);
}

#[test]
fn a_project_gets_a_private_entry_under_its_repository() {
    let sandbox = home();
    let project = sandbox.path("project");
    let below = sandbox.write("project/src/x", "").parent().expect("has a parent").to_owned();
    fs::create_dir(project.join(".git")).expect("a repository");
    let run = in_folder(&sandbox, &below, &["install", "--project"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    assert_eq!(turbo_line(&run.out), "turbo: registered with Claude Code as speed-run (local)");
    let state = || -> Value { serde_json::from_str(&sandbox.read(STATE)).expect("JSON") };
    let root = fs::canonicalize(&project).expect("resolve");
    let key = root.to_str().expect("UTF-8");
    let here = || state()["projects"][key]["mcpServers"]["speed-run"].clone();
    assert_eq!(here(), entry_for(&program(&sandbox)));
    assert!(state()["mcpServers"].is_null() && !project.join(".mcp.json").exists());
    let run = in_folder(&sandbox, &below, &["install", "--project"]);
    assert!(turbo_line(&run.out) == "turbo: already registered as speed-run (local)", "{run:?}");
    let run = in_folder(&sandbox, &below, &["uninstall", "--project"]);
    assert_eq!(turbo_line(&run.out), "turbo: speed-run taken out of Claude Code (local)");
    assert!(here().is_null());
}

#[test]
fn the_users_entry_serves_the_project_too() {
    let sandbox = home();
    let out = succeeds(&sandbox, &["install", "--both"]);
    assert_eq!(turbo_line(&out), "turbo: registered with Claude Code as speed-run (user)");
    let out = succeeds(&sandbox, &["install", "--project"]);
    assert_eq!(turbo_line(&out), "turbo: already registered as speed-run (user)");
    assert_eq!(calls(&sandbox).len(), 1);
    assert_eq!(
        turbo_line(&succeeds(&sandbox, &["status", "--project"])),
        "turbo: registered as speed-run (user)"
    );
    succeeds(&sandbox, &["uninstall", "--project"]);
    assert!(user_entry(&sandbox.path(STATE)).is_object());
    succeeds(&sandbox, &["uninstall", "--both"]);
    assert!(user_entry(&sandbox.path(STATE)).is_null());
}

#[test]
fn no_turbo_leaves_it_out_and_leaves_it_alone() {
    let sandbox = home();
    let out = succeeds(&sandbox, &["install", "--no-turbo"]);
    assert!(!out.contains("turbo") && !out.contains("sef mcp"), "{out}");
    assert_eq!(calls(&sandbox), [] as [Value; 0]);
    succeeds(&sandbox, &["install"]);
    let out = succeeds(&sandbox, &["install", "--no-turbo"]);
    assert!(out.contains("nothing was changed"), "{out}");
    assert!(user_entry(&sandbox.path(STATE)).is_object());
    succeeds(&sandbox, &["uninstall"]);
    assert!(user_entry(&sandbox.path(STATE)).is_null());
}

#[test]
fn without_a_config_folder_the_file_in_home_counts_and_an_older_name_comes_first() {
    let mut sandbox = home();
    // A relative folder is none to SEF; the client must not be given it either.
    for (value, state) in [(None, ".claude.json"), (Some("project"), ".claude.json"), (None, ".config.json")]
    {
        sandbox.unset("CLAUDE_CONFIG_DIR");
        if let Some(value) = value {
            sandbox.set("CLAUDE_CONFIG_DIR", value);
        }
        sandbox.write(state, "{}");
        let out = succeeds(&sandbox, &["install"]);
        assert_eq!(turbo_line(&out), "turbo: registered with Claude Code as speed-run (user)", "{value:?}");
        assert_eq!(user_entry(&sandbox.path(state)), entry_for(&program(&sandbox)));
        succeeds(&sandbox, &["uninstall"]);
        assert!(user_entry(&sandbox.path(state)).is_null());
    }
}

#[test]
fn status_says_whether_it_is_there_and_is_complete_without_it() {
    let sandbox = home();
    succeeds(&sandbox, &["install", "--no-turbo"]);
    let sef = program(&sandbox);
    let command = format!("claude mcp add --scope user speed-run -- {sef} mcp");
    let turbo = || -> Value {
        let report: Value = serde_json::from_str(&succeeds(&sandbox, &["status", "--json"])).expect("JSON");
        assert_eq!(report["complete"], true);
        report["turbo"].clone()
    };
    let out = succeeds(&sandbox, &["status"]);
    assert_eq!(turbo_line(&out), format!("turbo: not registered: {command}"));
    let nothing = json!({"server": "speed-run", "registered": false, "scope": null, "command": null, "problem": null, "to_register": command});
    assert_eq!(turbo(), nothing);

    succeeds(&sandbox, &["install"]);
    assert_eq!(turbo_line(&succeeds(&sandbox, &["status"])), "turbo: registered as speed-run (user)");
    let there = json!({"server": "speed-run", "registered": true, "scope": "user", "command": sef, "problem": null, "to_register": null});
    assert_eq!(turbo(), there);

    write_state(&sandbox, &entry_for("/gone/sef"));
    assert_eq!(
        turbo_line(&succeeds(&sandbox, &["status"])),
        "turbo: not registered: /gone/sef is no program; to mend it: sef install"
    );
    write_state(&sandbox, &json!({"command": "node", "args": []}));
    let out = succeeds(&sandbox, &["status"]);
    assert!(
        turbo_line(&out).contains("another server named speed-run; to mend it: claude mcp remove"),
        "{out}"
    );
    assert_eq!(calls(&sandbox).len(), 1, "status asks the client nothing");
}

#[test]
fn a_server_that_gives_no_tools_is_named_and_the_install_stands() {
    for (program, why) in [
        ("#!/bin/sh\n", "it ended without an answer"),
        ("#!/bin/sh\necho nonsense\n", "it said nonsense"),
        (
            "#!/bin/sh\nread -r line\nprintf '{\"id\":2,\"error\":{\"code\":-32601}}\\n'\n",
            "it answered {\"error\"",
        ),
        ("#!/no/such/interpreter\n", "cannot be started"),
    ] {
        let sandbox = home();
        fs::remove_file(sandbox.path("bin/sef")).expect("remove");
        write_program(&sandbox.path("bin/sef"), program);
        let out = succeeds(&sandbox, &["install"]);
        let line = out.lines().find(|line| line.starts_with("live check: sef mcp")).expect("it is checked");
        assert!(line.starts_with("live check: sef mcp gives no tools: ") && line.contains(why), "{line}");
    }
    let sandbox = ready();
    write_program(&sandbox.path("bin/sef-hook"), FAKE_HOOK);
    let out = succeeds(&sandbox, &["install"]);
    assert!(turbo_line(&out).ends_with("bin/sef is no program"), "{out}");
}
