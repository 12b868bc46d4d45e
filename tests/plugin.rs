//! SEF as a plugin: its one hook command run as the client runs it, settings and plugin side by side, the wrappers in `bin/`
//! and `sef-setup` with a stand-in for cargo. What the real client makes of the plugin is in `tests/e2e/plugins.py`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::install::{succeeds, write_program};
use crate::payloads::{prompt, spawn, with};
use crate::sandbox::{Run, Sandbox, binary, finish};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SEARCH: &str = "Find all files that import config";
/// A program for tests: no `#!`, so it is none of the plugin's wrappers, and any shell runs it.
const PROGRAM: &str = "case ${0##*/} in sef) echo \"sef ${VERSION:-0.1.0}\" ;; *) echo \"$0 $*\" ;; esac\n";

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn value(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The command that the client runs for every event.
fn command() -> String {
    value("hooks/hooks.json")["hooks"]["Stop"][0]["hooks"][0]["command"]
        .as_str()
        .expect("a command")
        .to_owned()
}

/// The folder that the client gives the plugin for its data, inside a sandbox.
const DATA: &str = ".claude/plugins/data/sef-sef";

/// A sandbox as a plugin's process sees it: the client's variables set, and the programs where `sef-setup` puts them.
fn plugin_at(data: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_PLUGIN_ROOT", ROOT);
    sandbox.set("CLAUDE_PLUGIN_DATA", sandbox.path(data));
    let bin = sandbox.path(data).join("bin");
    fs::create_dir_all(&bin).expect("make the data folder");
    symlink(binary("sef-hook"), bin.join("sef-hook")).expect("link the program");
    sandbox
}

fn plugin() -> Sandbox {
    plugin_at(DATA)
}

/// Runs the plugin's command as the client does.
fn fire(sandbox: &Sandbox, event: &str) -> Run {
    let mut shell = sandbox.command("sh");
    shell.args(["-c", &command()]);
    finish(shell, event.as_bytes())
}

/// A spawn of that agent for that task.
fn spawns(agent: &str, task: &str) -> String {
    spawn("s-1", &[("subagent_type", agent.into()), ("prompt", task.into()), ("model", Value::Null)])
        .to_string()
}

/// The log's records.
fn records(sandbox: &Sandbox) -> Vec<Value> {
    let log = fs::read_to_string(sandbox.state().join("log.jsonl")).unwrap_or_default();
    log.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

#[track_caller]
fn assert_silent(run: &Run, case: &str) {
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "", ""), "{case}");
}

/// The folder of the plugin, by itself: what the client copies, less the source.
fn copied(sandbox: &Sandbox, folder: &str) -> PathBuf {
    let root = sandbox.path(folder);
    for file in
        [".claude-plugin/plugin.json", "bin/sef", "bin/sef-stats", "bin/sef-setup", "scripts/build.sh"]
    {
        write_program(&root.join(file), &text(file));
    }
    fs::write(root.join("Cargo.toml"), "").expect("write");
    root
}

fn run(sandbox: &Sandbox, program: &Path, args: &[&str]) -> Run {
    let mut command = sandbox.command(program);
    command.args(args);
    finish(command, b"")
}

#[test]
fn the_manifests_name_one_plugin_of_the_crates_version() {
    let plugin = value(".claude-plugin/plugin.json");
    assert_eq!(plugin["name"], sef::agents::PLUGIN);
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    let market = value(".claude-plugin/marketplace.json");
    assert_eq!(market["name"], "sef");
    assert_eq!(market["plugins"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&market["plugins"][0]["name"], &market["plugins"][0]["source"]),
        (&json!("sef"), &json!("./"))
    );
    let servers = value(".mcp.json")["mcpServers"].clone();
    assert_eq!(servers.as_object().map(serde_json::Map::len), Some(1));
    assert!(servers["speed-run"].is_object());
}

#[test]
fn every_event_of_the_plugin_has_the_one_command_which_is_never_taken_for_an_installs() {
    for (event, groups) in value("hooks/hooks.json")["hooks"].as_object().expect("events") {
        assert_eq!(groups[0]["hooks"][0]["command"], command(), "{event}");
    }
    // The oldest client refuses a whole file for one event that it does not know.
    assert!(value("hooks/hooks.json")["hooks"]["PostModelSwitch"].is_null());
    assert!(!sef::settings::hooks::is_ours(&command()));
    assert!(!command().contains("${"), "nothing for the client to put in unquoted");
    assert_eq!(text("bin/sef"), text("bin/sef-stats"), "one wrapper under two names");
}

#[test]
fn every_skill_that_names_a_tool_names_it_as_the_plugin_has_it_too() {
    let mut naming = 0;
    for entry in fs::read_dir(Path::new(ROOT).join("skills")).expect("list") {
        let path = entry.expect("entry").path().join("SKILL.md");
        let body = fs::read_to_string(&path).expect("read");
        if body.contains("mcp__speed-run__") {
            naming += 1;
            let tools: Vec<&str> = body.split("mcp__plugin_sef_speed-run__").skip(1).collect();
            assert!(!tools.is_empty(), "{}", path.display());
            for tool in tools {
                let name: String = tool.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(sef::mcp::tools::Name::of(&name).is_some(), "{}: {name}", path.display());
            }
        }
    }
    assert_eq!(naming, 5);
}

#[test]
fn a2_without_programs_the_plugins_command_is_silent() {
    let event = prompt("s-1", SEARCH);
    let mut sandbox = Sandbox::new();
    for (name, value) in [
        ("CLAUDE_PLUGIN_DATA", "/nowhere/a b'\"c"),
        ("SEF_BIN_DIR", "relative"),
        ("SEF_BIN_DIR", ""),
        ("CLAUDE_PLUGIN_DATA", ""),
        ("HOME", ""),
        ("HOME", "/dev/null/x"),
    ] {
        sandbox.set(name, value);
        assert_silent(&fire(&sandbox, &event), &format!("{name}={value}"));
    }
    for name in ["HOME", "SEF_BIN_DIR", "CLAUDE_PLUGIN_DATA", "CLAUDE_PLUGIN_ROOT"] {
        sandbox.unset(name);
        assert_silent(&fire(&sandbox, &event), &format!("no {name}"));
    }
}

#[test]
fn a2_what_is_no_program_is_silent_too() {
    type Spoil = fn(&Path);
    let event = prompt("s-1", SEARCH);
    let spoils: [(&str, Spoil); 5] = [
        ("a folder", |path| fs::create_dir(path).expect("make")),
        ("not executable", |path| fs::write(path, "#!/bin/sh\necho x\n").expect("write")),
        ("empty", |path| write_program(path, "")),
        ("a dangling link", |path| symlink("/nowhere", path).expect("link")),
        ("half a program of another machine", |path| write_program(path, "\x7fELF\x01(\nfoo)\n")),
    ];
    for (case, spoil) in spoils {
        let sandbox = plugin();
        let path = sandbox.path(DATA).join("bin/sef-hook");
        fs::remove_file(&path).expect("remove");
        spoil(&path);
        assert_silent(&fire(&sandbox, &event), case);
    }
}

#[test]
fn the_plugins_command_finds_its_program_in_any_folder() {
    for data in ["plain", "a b'\"c", "new\nline", "$(touch x)*?[a]\\`touch y`"] {
        let sandbox = plugin_at(data);
        let run = fire(&sandbox, &prompt("s-1", SEARCH));
        assert!(run.code == Some(0) && run.err.is_empty() && run.out.contains("SEF:"), "{data:?}: {run:?}");
        assert_eq!(
            fs::read_dir(sandbox.path("project")).expect("list").count(),
            0,
            "nothing ran from the name"
        );
    }
}

#[test]
fn the_plugins_command_falls_back_to_an_installed_program() {
    let mut sandbox = plugin();
    fs::remove_file(sandbox.path(DATA).join("bin/sef-hook")).expect("remove");
    for bin in ["own bin", ".local/bin"] {
        fs::create_dir_all(sandbox.path(bin)).expect("make");
        symlink(binary("sef-hook"), sandbox.path(bin).join("sef-hook")).expect("link");
    }
    sandbox.set("SEF_BIN_DIR", sandbox.path("own bin"));
    assert!(fire(&sandbox, &prompt("s-1", SEARCH)).out.contains("SEF:"));
    for unusable in ["", "own bin"] {
        sandbox.set("SEF_BIN_DIR", unusable);
        assert!(fire(&sandbox, &prompt("s-2", SEARCH)).out.contains("SEF:"), "{unusable:?}");
        let _ = fs::remove_dir_all(sandbox.state());
    }
}

#[test]
fn hints_name_the_agents_and_tools_that_the_client_has() {
    let start =
        json!({"hook_event_name": "SessionStart", "session_id": "s-1", "source": "startup"}).to_string();
    let sandbox = plugin();
    let (session, hint) = (fire(&sandbox, &start).out, fire(&sandbox, &prompt("s-1", SEARCH)).out);
    let bare = |text: &str| text.replace("sef:sef-", "").contains("sef-explore");
    assert!(session.contains("sef:sef-explore") && !bare(&session), "{session}");
    assert!(hint.contains("sef:sef-explore (Haiku)") && !bare(&hint), "{hint}");
    let installed = Sandbox::new();
    for (event, plugins) in [(&start, &session), (&prompt("s-1", SEARCH), &hint)] {
        let said = installed.run("sef-hook", &[], event).out;
        assert_eq!(
            said,
            plugins.replace("sef:sef-", "sef-"),
            "an install's words are the same without the prefix"
        );
    }
}

#[test]
fn a_changed_call_keeps_the_words_that_look_like_our_names() {
    let sandbox = plugin();
    let task = "Find where sef-explore and mcp__speed-run__generate are mentioned and report file:line.";
    let run = fire(&sandbox, &spawns("general-purpose", task));
    let reply: Value = serde_json::from_str(&run.out).expect("a reply");
    let input = &reply["hookSpecificOutput"]["updatedInput"];
    assert_eq!((&input["model"], &input["prompt"]), (&json!("haiku"), &json!(task)));
}

#[test]
fn a_plugins_executor_keeps_its_model_and_is_recorded_by_its_name() {
    let sandbox = plugin();
    let task = "Find where the greeting is defined and report file:line.";
    assert_silent(&fire(&sandbox, &spawns("sef:sef-explore", task)), "an executor on its own model");
    let record = &records(&sandbox)[0];
    assert_eq!(
        (&record["agent"], &record["want"], &record["why"]),
        (&json!("sef-explore"), &json!("haiku"), &json!("rules"))
    );
}

#[test]
fn a_vague_prompt_for_the_plugins_own_tool_is_refused() {
    let sandbox = plugin();
    let event = json!({
        "hook_event_name": "PreToolUse", "session_id": "s-1", "tool_use_id": "t-1",
        "tool_name": "mcp__plugin_sef_speed-run__generate_and_write_files",
        "tool_input": {"prompt": "make a web shop", "output_dir": "out"},
    });
    let run = fire(&sandbox, &event.to_string());
    assert!(run.out.contains("\"permissionDecision\":\"deny\""), "{run:?}");
}

/// Installs into the sandbox: settings that start the real program through a link.
fn with_install(sandbox: &mut Sandbox, scope: &str) {
    fs::create_dir_all(sandbox.path("bin")).expect("make");
    symlink(binary("sef-hook"), sandbox.path("bin/sef-hook")).expect("link");
    sandbox.set("SEF_BIN_DIR", sandbox.path("bin"));
    succeeds(sandbox, &["install", scope, "--no-turbo"]);
}

/// Changes a word of the user's settings.
fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    let settings = sandbox.read(".claude/settings.json");
    assert!(settings.contains(from), "{from}");
    sandbox.write(".claude/settings.json", settings.replace(from, to));
}

#[test]
fn beside_an_entry_in_settings_the_plugins_process_leaves_without_a_word() {
    for (scope, file) in [
        ("--user", ".claude/settings.json"),
        ("--project", "project/.claude/settings.json"),
        ("--project", "project/.claude/settings.local.json"),
    ] {
        let mut sandbox = plugin();
        with_install(&mut sandbox, scope);
        if file.ends_with("local.json") {
            fs::rename(sandbox.path("project/.claude/settings.json"), sandbox.path(file)).expect("rename");
        }
        let cwd = sandbox.path("project").to_str().expect("UTF-8").into();
        let event = with("UserPromptSubmit", &[("prompt", SEARCH.into()), ("cwd", cwd)]).to_string();
        assert_silent(&fire(&sandbox, &event), file);
        assert_eq!(records(&sandbox), Vec::<Value>::new(), "{file}");
        let registered: Value = serde_json::from_str(&sandbox.read(file)).expect("JSON");
        let theirs =
            registered["hooks"]["UserPromptSubmit"][0]["hooks"][0]["command"].as_str().expect("ours");
        let mut shell = sandbox.command("sh");
        shell.args(["-c", theirs]);
        // The client gives a plugin's variables to the plugin's hooks only; even if not, the settings entry answers.
        let run = finish(shell, event.as_bytes());
        assert!(run.out.contains("SEF:") && !run.out.contains("sef:sef-"), "{file}: {run:?}");
        assert_eq!(records(&sandbox).len(), 1, "one event, one record: {file}");
    }
}

#[test]
fn an_entry_that_answers_nothing_does_not_silence_the_plugin() {
    type Spoil = fn(&Sandbox);
    let spoils: [(&str, Spoil); 5] = [
        ("its program is gone", |sandbox| fs::remove_file(sandbox.path("bin/sef-hook")).expect("remove")),
        ("the file is one that the client skips", |sandbox| {
            edit(sandbox, "\"timeout\": 5", "\"timeout\": \"5\"");
        }),
        ("the file is broken", |sandbox| edit(sandbox, "\"hooks\": {", "\"hooks\": {,")),
        ("the entry is for another event", |sandbox| edit(sandbox, "UserPromptSubmit", "Notification")),
        ("the file is no file", |sandbox| {
            fs::remove_file(sandbox.path(".claude/settings.json")).expect("remove");
            fs::create_dir(sandbox.path(".claude/settings.json")).expect("make");
        }),
    ];
    for (case, spoil) in spoils {
        let mut sandbox = plugin();
        with_install(&mut sandbox, "--user");
        assert_silent(&fire(&sandbox, &prompt("s-1", SEARCH)), case);
        spoil(&sandbox);
        let run = fire(&sandbox, &prompt("s-1", SEARCH));
        assert!(run.out.contains("sef:sef-explore"), "{case}: {run:?}");
    }
}

#[test]
fn install_and_status_say_that_the_plugin_is_there_too() {
    let mut sandbox = plugin();
    let enabled = json!({"enabledPlugins": {"sef@sef": true, "sef@other": false, "x@sef": true}});
    sandbox.write(".claude/settings.json", enabled.to_string());
    let market = json!({"sef": {"source": {"source": "directory", "path": ROOT}, "installLocation": ROOT}});
    sandbox.write(".claude/plugins/known_marketplaces.json", market.to_string());
    let run = sandbox.run("sef", &["status"], "");
    let hook = sandbox.path(DATA).join("bin/sef-hook");
    let line = format!(
        "plugin: sef@sef {}, enabled; runs the hooks and the MCP server, with {}\n",
        env!("CARGO_PKG_VERSION"),
        hook.display()
    );
    assert!(run.code == Some(0) && run.out.contains(&line) && run.out.ends_with("complete\n"), "{run:?}");
    let report: Value = serde_json::from_str(&succeeds(&sandbox, &["status", "--json"])).expect("JSON");
    assert_eq!((&report["plugin"]["id"], &report["plugin"]["root"]), (&json!("sef@sef"), &json!(ROOT)));

    with_install(&mut sandbox, "--user");
    let out = succeeds(&sandbox, &["install", "--no-turbo"]);
    assert!(
        out.contains("note: the plugin sef@sef is enabled too: its hooks and its MCP server step aside"),
        "{out}"
    );
    assert!(
        succeeds(&sandbox, &["status"]).contains("enabled; its hooks step aside for the registered ones\n")
    );
    assert!(succeeds(&sandbox, &["uninstall"]).contains("note: the plugin sef@sef stays and runs the hooks"));
    fs::remove_file(&hook).expect("remove");
    fs::remove_file(sandbox.path("bin/sef-hook")).expect("remove");
    let run = sandbox.run("sef", &["status"], "");
    assert!(run.code == Some(1) && run.out.contains("has no programs yet"), "{run:?}");
}

#[test]
fn a_plugin_that_is_off_or_another_ones_is_not_seen() {
    let theirs = Sandbox::new();
    theirs.write("theirs/.claude-plugin/plugin.json", "{\"name\": \"sef\", \"version\": \"9\"}");
    theirs.write("theirs/hooks/hooks.json", "{\"hooks\": {}}");
    let copies = json!({"plugins": {"sef@m": [{"installPath": theirs.path("theirs")}]}});
    theirs.write(".claude/plugins/installed_plugins.json", copies.to_string());
    for (user, local, wanted) in [
        ("{\"enabledPlugins\": {\"sef@m\": true}}", "{}", false),
        ("{\"enabledPlugins\": {\"sef@sef\": true}}", "{}", true),
        ("{\"enabledPlugins\": {\"sef@sef\": true}}", "{\"enabledPlugins\": {\"sef@sef\": false}}", false),
        ("{\"enabledPlugins\": {\"sef@sef\": false}}", "{\"enabledPlugins\": {\"sef@sef\": true}}", true),
        ("{\"enabledPlugins\": []}", "nonsense", false),
    ] {
        theirs.write(".claude/settings.json", user);
        theirs.write("project/.claude/settings.local.json", local);
        let run = theirs.run("sef", &["status", "--json"], "");
        let report: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(report["plugin"].is_object(), wanted, "{user} {local}");
    }
}

#[test]
fn the_plugins_server_offers_nothing_beside_a_registered_one() {
    let ask = concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#,
        "\n",
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        "\n",
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
        "\n"
    );
    let sandbox = Sandbox::new();
    let entry = |program: &Path| {
        json!({"mcpServers": {"speed-run": {"command": program, "args": ["mcp"]}}}).to_string()
    };
    let program = sandbox.path("bin/sef");
    let tools = |args: &[&str]| {
        let run = sandbox.run("sef", args, ask);
        let last: Value = serde_json::from_str(run.out.lines().last().unwrap_or_default()).expect("a reply");
        last["result"]["tools"].as_array().map_or_else(|| panic!("{run:?}"), Vec::len)
    };
    assert_eq!(tools(&["mcp", "--plugin"]), 11, "nothing is registered");
    sandbox.write(".claude/.claude.json", entry(&program));
    assert_eq!(tools(&["mcp", "--plugin"]), 11, "what is registered does not run");
    write_program(&program, PROGRAM);
    assert_eq!(tools(&["mcp", "--plugin"]), 0);
    assert_eq!(tools(&["mcp"]), 11, "an install's own server asks nobody");
}

#[test]
fn a_server_without_a_program_says_so_in_one_line() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_PLUGIN_DATA", sandbox.path("a b'\"c"));
    let server = value(".mcp.json")["mcpServers"]["speed-run"].clone();
    let start = |sandbox: &Sandbox| {
        let mut command = sandbox.command(server["command"].as_str().expect("a program"));
        command.args(
            server["args"].as_array().expect("words").iter().map(|word| word.as_str().expect("a word")),
        );
        finish(command, b"")
    };
    let run = start(&sandbox);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.lines().count() == 1 && run.err.contains("/sef:setup"), "{run:?}");
    write_program(&sandbox.path("a b'\"c/bin/sef"), "echo \"$0 $*\"\n");
    assert_eq!(start(&sandbox).out, format!("{} mcp --plugin\n", sandbox.path("a b'\"c/bin/sef").display()));
}

#[test]
fn a_wrapper_hands_over_to_the_built_program() {
    let mut sandbox = Sandbox::new();
    let root = copied(&sandbox, "the plugin");
    sandbox.unset("SEF_BIN_DIR");
    for name in ["sef", "sef-stats"] {
        let run = self::run(&sandbox, &root.join("bin").join(name), &["x"]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
        assert!(run.err.contains("not built yet") && run.err.contains("/sef:setup"), "{run:?}");
    }
    write_program(&sandbox.path(".local/bin/sef-stats"), PROGRAM);
    write_program(&sandbox.path("own/sef-stats"), PROGRAM);
    let says = |sandbox: &Sandbox, from: &str| {
        let run = self::run(sandbox, &root.join("bin/sef-stats"), &["a b", "$c"]);
        assert_eq!(run.out, format!("{} a b $c\n", sandbox.path(from).display()), "{run:?}");
    };
    says(&sandbox, ".local/bin/sef-stats");
    sandbox.set("SEF_BIN_DIR", sandbox.path("own"));
    says(&sandbox, "own/sef-stats");
    write_program(&sandbox.path(".claude/plugins/data/sef-acme/bin/sef-stats"), PROGRAM);
    says(&sandbox, ".claude/plugins/data/sef-acme/bin/sef-stats");
    write_program(&sandbox.path("data/bin/sef-stats"), PROGRAM);
    sandbox.set("CLAUDE_PLUGIN_DATA", sandbox.path("data"));
    says(&sandbox, "data/bin/sef-stats");
}

#[test]
fn a_wrapper_that_is_linked_to_never_runs_itself() {
    let mut sandbox = Sandbox::new();
    let root = copied(&sandbox, "plugin");
    sandbox.unset("SEF_BIN_DIR");
    for folder in [".local/bin", ".claude/plugins/data/sef-sef/bin"] {
        fs::create_dir_all(sandbox.path(folder)).expect("make");
        symlink(root.join("bin/sef"), sandbox.path(folder).join("sef")).expect("link");
    }
    for program in [
        root.join("bin/sef"),
        sandbox.path(".local/bin/sef"),
        sandbox.path(".claude/plugins/data/sef-sef/bin/sef"),
    ] {
        let run = self::run(&sandbox, &program, &["status"]);
        assert!(run.code == Some(1) && run.err.contains("not built yet"), "{run:?}");
    }
}

/// "Builds" three programs of the version in BUILDS (0.1.0 without it), unless FAILS is set.
const FAKE_CARGO: &str = r#"#!/bin/sh
[ "$1" != --version ] || { echo "cargo 1.95.0 (0123456 2026-01-01)"; exit 0; }
echo "$PWD" >> "$CALLS"
while [ $# -gt 0 ]; do
    case $1 in --target) triple=/$2 ;; --target-dir) folder=$2 ;; esac
    shift
done
echo "   Compiling sef" >&2
[ -z "${FAILS:-}" ] || { echo "error: cannot find crate" >&2; exit 101; }
mkdir -p "$folder$triple/release"
for name in sef sef-hook sef-stats; do
    printf 'echo "sef %s"\n' "${BUILDS:-0.1.0}" > "$folder$triple/release/$name"
    chmod +x "$folder$triple/release/$name"
done
"#;

/// A plugin's folder with spaces and quotes in its path, and the stand-ins on PATH.
fn to_set_up() -> (Sandbox, PathBuf) {
    let mut sandbox = Sandbox::new();
    let root = copied(&sandbox, "the 'plugin\"");
    write_program(&sandbox.path("tools/cargo"), FAKE_CARGO);
    write_program(&sandbox.path("tools/rustc"), "#!/bin/sh\nprintf 'host: x86_64-unknown-linux-gnu\\n'\n");
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", sandbox.path("tools").display()));
    sandbox.set("CALLS", sandbox.path("calls"));
    sandbox.unset("SEF_BIN_DIR");
    let setup = root.join("bin/sef-setup");
    (sandbox, setup)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("list").map(|entry| entry.expect("entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn sef_setup_builds_once_into_the_data_folder() {
    let (sandbox, setup) = to_set_up();
    let run = self::run(&sandbox, &setup, &["--check"]);
    assert!(run.code == Some(1) && run.out.contains("not built"), "{run:?}");
    assert!(!sandbox.claude().exists(), "a check changes nothing");

    let run = self::run(&sandbox, &setup, &[]);
    let bin = sandbox.path(DATA).join("bin");
    assert!(run.code == Some(0) && run.err.contains("Compiling sef"), "{run:?}");
    assert!(
        run.out.starts_with("sef 0.1.0, built from ") && run.out.contains(&format!(": {}\n", bin.display())),
        "{run:?}"
    );
    assert_eq!(names(&bin), ["sef", "sef-hook", "sef-stats"]);
    assert_eq!(names(&sandbox.path(DATA)), ["bin"], "neither lock nor build folder stays");

    let run = self::run(&sandbox, &setup, &[]);
    assert!(run.code == Some(0) && run.out.contains("is there already") && run.err.is_empty(), "{run:?}");
    assert_eq!(sandbox.read("calls").lines().count(), 1, "built once");
    let run = self::run(&sandbox, &setup, &["--check"]);
    assert!(run.code == Some(0) && run.out.ends_with("ready\n"), "{run:?}");
}

#[test]
fn sef_setup_takes_an_installed_sef_of_the_same_version_and_no_other() {
    let (mut sandbox, setup) = to_set_up();
    for name in ["sef", "sef-hook", "sef-stats"] {
        write_program(&sandbox.path(".local/bin").join(name), PROGRAM);
    }
    sandbox.set("VERSION", "0.0.9");
    let run = self::run(&sandbox, &setup, &["--check"]);
    assert!(run.code == Some(1) && run.out.contains("run the installed version 0.0.9"), "{run:?}");
    sandbox.set("VERSION", "0.1.0");
    let run = self::run(&sandbox, &setup, &["--check"]);
    assert!(run.code == Some(0) && run.out.ends_with("ready: the hooks run the installed ones\n"), "{run:?}");
    let data = sandbox.path("data 'x\"");
    let run = self::run(&sandbox, &setup, &["--data", data.to_str().expect("UTF-8")]);
    assert!(run.code == Some(0) && run.out.contains("taken from ") && run.err.is_empty(), "{run:?}");
    assert_eq!(names(&data.join("bin")), ["sef", "sef-hook", "sef-stats"]);
    assert!(!sandbox.path("calls").exists(), "nothing was built");

    // The plugin was updated: its programs go on serving until it is run again.
    sandbox.set("VERSION", "0.0.9");
    let run = self::run(&sandbox, &setup, &["--check", "--data", data.to_str().expect("UTF-8")]);
    assert!(
        run.code == Some(1) && run.out.contains("the hooks run version 0.0.9: sef-setup brings 0.1.0"),
        "{run:?}"
    );
    let run = self::run(&sandbox, &setup, &["--data", data.to_str().expect("UTF-8")]);
    assert!(run.code == Some(0) && run.out.contains("built from "), "{run:?}");
}

#[test]
fn sef_setup_that_cannot_build_says_why_and_leaves_what_was_there() {
    let (mut sandbox, setup) = to_set_up();
    let old = sandbox.path(DATA).join("bin");
    for name in ["sef", "sef-hook", "sef-stats"] {
        write_program(&old.join(name), "echo sef 0.0.9\n");
    }
    let fails = |sandbox: &Sandbox, args: &[&str], why: &str| {
        let run = self::run(sandbox, &setup, args);
        assert!(run.code == Some(1) && run.out.is_empty() && run.err.contains(why), "{why}: {run:?}");
        for name in ["sef", "sef-hook", "sef-stats"] {
            assert_eq!(fs::read_to_string(old.join(name)).expect("read"), "echo sef 0.0.9\n", "{why}");
        }
        assert!(!sandbox.path(DATA).join("setup.lock").exists(), "{why}");
    };
    sandbox.set("FAILS", "1");
    fails(&sandbox, &[], "the build failed: its messages are above");
    sandbox.unset("FAILS");
    fails(&sandbox, &["--data", "relative"], "must be an absolute path");
    fails(&sandbox, &["--data"], "--data needs a folder");
    fails(&sandbox, &["--build"], "unknown option: --build");
    write_program(&sandbox.path("tools/cargo"), "#!/bin/sh\necho cargo 1.80.0\n");
    fails(&sandbox, &[], "rustup update stable");
    fs::remove_file(setup.with_file_name("../Cargo.toml")).expect("remove");
    fails(&sandbox, &[], "no source to build");
    sandbox.unset("HOME");
    fails(&sandbox, &[], "HOME is not set");
}

#[test]
fn programs_that_do_not_run_here_are_a_failure_with_its_reason() {
    let (mut sandbox, setup) = to_set_up();
    sandbox.set("BUILDS", "7");
    let run = self::run(&sandbox, &setup, &[]);
    assert!(run.code == Some(1) && run.err.contains("the new programs do not run"), "{run:?}");
}

#[test]
fn two_do_not_set_up_at_once_and_a_killed_one_is_no_hindrance() {
    let (sandbox, setup) = to_set_up();
    let lock = sandbox.path(DATA).join("setup.lock");
    let write_lock = |pid: &str| {
        fs::create_dir_all(&lock).expect("make");
        fs::write(lock.join("pid"), pid).expect("write");
    };
    write_lock(&std::process::id().to_string());
    let run = self::run(&sandbox, &setup, &[]);
    assert!(run.code == Some(1) && run.err.contains("is at work in"), "{run:?}");
    assert!(lock.exists() && !sandbox.path("calls").exists(), "the other one's lock stays");
    // The highest number that Linux gives is 4,194,304: nobody has this one.
    write_lock("99999999");
    let run = self::run(&sandbox, &setup, &[]);
    assert!(run.code == Some(0) && run.out.contains("built from"), "{run:?}");
    assert!(!lock.exists());
}

#[test]
fn the_plugins_scripts_pass_shellcheck() {
    let scripts = ["bin/sef", "bin/sef-stats", "bin/sef-setup"].map(|name| Path::new(ROOT).join(name));
    // Only where shellcheck is installed; CI installs it.
    if let Ok(output) = std::process::Command::new("shellcheck").args(scripts).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
