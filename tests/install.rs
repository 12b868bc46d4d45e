//! `sef install` and `uninstall` on throw-away homes. The row of each promise is in the test's name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::{Run, Sandbox, binary, finish};

/// Answers a delegation as the real hook does and every other event with nothing.
pub const FAKE_HOOK: &str = r#"#!/bin/sh
IFS= read -r event
case $event in
    *'"PreToolUse"'*) printf '%s' '{"hookSpecificOutput":{"hookEventName":"PreToolUse","updatedInput":{"description":"Find the greeting","prompt":"Find where the greeting is defined and report file:line.","subagent_type":"general-purpose","model":"haiku"}}}' ;;
esac
"#;

pub const SETTINGS: &str = ".claude/settings.json";
pub const EVENTS: usize = 11;

pub fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("has a parent")).expect("make folders");
    // Written beside and renamed, so that a test that spawns meanwhile cannot make it "text file busy".
    let temp = path.with_extension("new");
    fs::write(&temp, text).expect("write a program");
    fs::set_permissions(&temp, fs::Permissions::from_mode(0o755)).expect("make it executable");
    fs::rename(&temp, path).expect("put it in place");
}

pub fn ready() -> Sandbox {
    let sandbox = Sandbox::new();
    write_program(&sandbox.path("bin/sef-hook"), FAKE_HOOK);
    sandbox
}

pub fn sef(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run("sef", args, "")
}

#[track_caller]
pub fn succeeds(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sef(sandbox, args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}: {run:?}");
    run.out
}

#[track_caller]
pub fn fails(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sef(sandbox, args);
    assert_eq!(run.code, Some(1), "{args:?}: {run:?}");
    run.err
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("read settings")).expect("settings are JSON")
}

/// Every command of ours in the file, by event.
fn our_commands(settings: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let empty = serde_json::Map::new();
    for (event, groups) in settings["hooks"].as_object().unwrap_or(&empty) {
        for handler in groups.as_array().into_iter().flatten().filter_map(|g| g["hooks"].as_array()).flatten()
        {
            let command = handler["command"].as_str().unwrap_or_default();
            if command.contains("/sef-hook'") {
                found.entry(event.clone()).or_default().push(command.to_owned());
            }
        }
    }
    found
}

fn one_command(sandbox: &Sandbox) -> String {
    our_commands(&json(&sandbox.path(SETTINGS)))["PreToolUse"][0].clone()
}

/// Every path below a folder with its content, link target or kind.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        let meta = fs::symlink_metadata(&path).expect("stat");
        if meta.is_symlink() {
            let to = fs::read_link(&path).expect("read a link");
            all.insert(path, to.into_os_string().into_encoded_bytes());
        } else if meta.is_dir() {
            all.extend(tree(&path));
            all.insert(path, b"folder".to_vec());
        } else if meta.is_file() {
            all.insert(path.clone(), fs::read(&path).expect("read a file"));
        } else {
            all.insert(path, b"special".to_vec());
        }
    }
    all
}

fn shells() -> Vec<&'static str> {
    ["sh", "dash", "bash"].into_iter().filter(|shell| Path::new("/bin").join(shell).exists()).collect()
}

fn run_command(sandbox: &Sandbox, shell: &str, command: &str, stdin: &str) -> Run {
    let mut run = sandbox.command(shell);
    run.args(["-c", command]);
    finish(run, stdin.as_bytes())
}

/// splitmix64: the same delays on every run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn a2_a_removed_binary_makes_the_registered_command_silent() {
    for folder in ["bin", "a b'\"c", "new\nline", "$(touch x)`y`\\"] {
        let mut sandbox = Sandbox::new();
        sandbox.set("SEF_BIN_DIR", sandbox.path(folder));
        let hook = sandbox.path(folder).join("sef-hook");
        write_program(&hook, FAKE_HOOK);
        succeeds(&sandbox, &["install"]);
        let command = one_command(&sandbox);
        for shell in shells() {
            let run = run_command(&sandbox, shell, &command, "{\"hook_event_name\":\"PreToolUse\"}");
            assert!(run.out.contains("haiku"), "{shell} in {folder:?}: {run:?}");
        }
        let half = sandbox.path("half");
        fs::rename(&hook, &half).expect("move the binary away");
        for shell in shells() {
            let run = run_command(&sandbox, shell, &command, "{}");
            assert_eq!((run.code, run.out, run.err), (Some(0), String::new(), String::new()), "{shell}");
        }
        fs::write(&hook, "#!/bin/sh\necho not executable\n").expect("write a plain file");
        for shell in shells() {
            let run = run_command(&sandbox, shell, &command, "{}");
            assert_eq!((run.code, run.out, run.err), (Some(0), String::new(), String::new()), "{shell}");
        }
    }
}

#[test]
fn a2_a_broken_binary_never_blocks_and_never_speaks() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let command = one_command(&sandbox);
    for broken in ["\x7fELF\x02\x01\x01", "#!/no/such/interpreter\n", "\0\x01garbage"] {
        write_program(&sandbox.path("bin/sef-hook"), broken);
        for shell in shells() {
            let run = run_command(&sandbox, shell, &command, "{}");
            assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""), "{shell} {broken:?}");
            assert_ne!(run.code, Some(2), "2 would block: {shell} {broken:?}");
        }
    }
}

#[test]
fn c1_install_changes_only_our_entries() {
    let sandbox = ready();
    let old = "\u{feff}{\r\n\t\"zeta\": 12345678901234567890123.50,\r\n\t\"hooks\": {\r\n\t\t\"Stop\": [ {\"hooks\":[{\"type\":\"command\",\"command\":\"say done\"}]} ],\r\n\t\t\"Mine\": 7\r\n\t},\r\n\t\"alpha\": [1,2 ,3]\r\n}";
    sandbox.write(SETTINGS, old);
    succeeds(&sandbox, &["install"]);
    let new = sandbox.read(SETTINGS);
    let mut rest = new.bytes();
    assert!(
        old.bytes().all(|byte| rest.any(|other| other == byte)),
        "every old byte is there, in order: {new}"
    );
    assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
    let settings: Value = serde_json::from_str(new.trim_start_matches('\u{feff}')).expect("JSON");
    assert_eq!(our_commands(&settings).len(), EVENTS);
    assert_eq!(settings["hooks"]["Stop"][0]["hooks"][0]["command"], "say done");
    // Somebody adds a key: uninstall then cannot go back to the old bytes and must take out just ours.
    sandbox.write(SETTINGS, new.replace("\t\"alpha\"", "\t\"added\": true,\r\n\t\"alpha\""));
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), old.replace("\t\"alpha\"", "\t\"added\": true,\r\n\t\"alpha\""));
}

#[test]
fn c1_every_entry_has_the_types_that_the_client_insists_on() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let settings = json(&sandbox.path(SETTINGS));
    let hooks = settings["hooks"].as_object().expect("an object");
    assert_eq!(hooks.len(), EVENTS);
    for (event, groups) in hooks {
        let [group] = groups.as_array().expect("an array").as_slice() else { panic!("{event}: one group") };
        let [handler] = group["hooks"].as_array().expect("an array").as_slice() else { panic!("{event}") };
        assert_eq!(handler["type"], "command");
        assert!(handler["command"].is_string() && handler["timeout"].is_u64(), "{event}: {handler}");
        assert!(group.get("matcher").is_none_or(Value::is_string), "{event}");
    }
}

#[test]
fn c2_what_cannot_be_parsed_is_not_touched() {
    let table: &[(&[u8], &str)] = &[
        (b"", "1:1"),
        (b"{\n  // mine\n}", "2:3"),
        (b"{\"a\": 1,}", "1:9"),
        (b"{\"a\": {", "1:"),
        (b"[]", "1:1"),
        (b"{\"hooks\": []}", "1:11"),
        (b"{\"hooks\": {\"Stop\": {}}}", "1:20"),
        (
            b"{\"hooks\": {\"PreCompact\": [{\"hooks\": [{\"type\": \"command\", \"timeout\": \"5\"}]}]}}",
            "1:69",
        ),
        (b"{\"a\": 1,\n \"a\": 2}", "2:2"),
        (b"\xff\xfe{\0}\0", "1:1"),
        (b"{\"a\": \"\xe9\"}", "1:8"),
    ];
    for (bytes, place) in table {
        let sandbox = ready();
        let path = sandbox.write(SETTINGS, bytes);
        let before = fs::metadata(&path).expect("stat");
        let tree_before = tree(&sandbox.claude());
        for scope in ["--user", "--both"] {
            let error = fails(&sandbox, &["install", scope]);
            let place = format!("{}:{place}", path.display());
            assert!(error.contains(&place), "{place} in {error}");
            assert!(error.contains("\"PreToolUse\": ["), "the snippet to paste: {error}");
        }
        let after = fs::metadata(&path).expect("stat");
        assert_eq!(fs::read(&path).expect("read"), *bytes);
        assert_eq!((before.mtime_nsec(), before.ino()), (after.mtime_nsec(), after.ino()));
        assert_eq!(tree(&sandbox.claude()), tree_before, "no agent, no temporary file");
        assert!(!sandbox.path("project/.claude").exists(), "the other place was not begun either");
    }
}

#[test]
fn c2_uninstall_leaves_a_broken_file_alone_too() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let broken = sandbox.read(SETTINGS) + "}";
    sandbox.write(SETTINGS, &broken);
    let error = fails(&sandbox, &["uninstall"]);
    assert!(error.contains("settings.json:") && error.contains("/sef-hook'"), "{error}");
    assert_eq!(sandbox.read(SETTINGS), broken);
}

#[test]
fn c5_an_update_that_a_killed_run_had_displaced_is_kept_and_named() {
    let sandbox = ready();
    sandbox.write(".claude/settings.json", "{\"model\": \"opus\"}\n");
    // The process id of a child that has ended: nobody has it now.
    let mut child = Command::new("true").spawn().expect("start");
    let gone = child.id();
    child.wait().expect("ends");
    let displaced = "{\"model\": \"sonnet\", \"theirs\": 1}\n";
    sandbox.write(&format!(".claude/.settings.json.sef-{gone}-0"), displaced);
    sandbox.write(&format!(".claude/.settings.json.sef-{gone}-1"), "{\"half");
    let said = succeeds(&sandbox, &["install"]);
    let kept = sandbox.path(&format!("state/install/displaced.settings.json.sef-{gone}-0"));
    assert_eq!(fs::read_to_string(&kept).expect("it is kept"), displaced);
    assert_eq!(fs::metadata(&kept).expect("metadata").permissions().mode() & 0o777, 0o600);
    assert!(said.contains(&kept.display().to_string()), "{said}");
    let left: Vec<String> = fs::read_dir(sandbox.claude())
        .expect("list")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".sef-"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn c3_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let sandbox = ready();
    let old = "{\n  \"model\": \"opus\",\n  \"env\": {\"K\": \"v\"}\n}\n";
    let path = sandbox.write(SETTINGS, old);
    let timed = |action: &str| {
        let start = Instant::now();
        succeeds(&sandbox, &[action]);
        start.elapsed()
    };
    let quickest = ["install", "uninstall", "install", "uninstall", "install"].map(timed).into_iter().min();
    let whole = quickest.expect("five runs").as_nanos() as u64;
    let new = sandbox.read(SETTINGS);
    let mut seed = 3;
    let (mut killed, mut was_old, mut was_new) = (0, 0, 0);
    for _ in 0..200 {
        let now = fs::read_to_string(&path).expect("read");
        let mut command = sandbox.command(binary("sef"));
        command.arg(if now == old { "install" } else { "uninstall" });
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().expect("start");
        std::thread::sleep(Duration::from_nanos(random(&mut seed) % whole));
        child.kill().expect("kill");
        killed += u32::from(child.wait().expect("wait").code().is_none());
        let after = fs::read_to_string(&path).expect("the file is always there");
        was_old += u32::from(after == old);
        was_new += u32::from(after == new);
        assert!(after == old || after == new, "neither old nor new: {after}");
    }
    assert!(killed > 20 && was_old > 0 && was_new > 0, "{killed} killed, {was_old} old, {was_new} new");
    succeeds(&sandbox, &["install"]);
    assert_eq!(fs::read_to_string(&path).expect("read"), new);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(fs::read_to_string(&path).expect("read"), old);
    let left: Vec<PathBuf> = tree(&sandbox.claude()).into_keys().collect();
    assert_eq!(left, [path], "neither folders nor stale files of runs that were killed");
}

#[test]
fn c3_what_a_killed_uninstall_left_beside_an_agent_goes_with_the_next_one_and_an_edit_is_kept() {
    let sandbox = ready();
    sandbox.write(SETTINGS, "{}");
    let mut child = Command::new("/bin/true").spawn().expect("start");
    let dead = child.id();
    child.wait().expect("wait");
    succeeds(&sandbox, &["install"]);
    let aside = |name: &str| {
        let agents = sandbox.claude().join("agents");
        fs::rename(agents.join(name), agents.join(format!(".{name}.sef-{dead}-0.tmp"))).expect("move aside");
    };
    aside("sef-explore.md");
    sandbox.write(".claude/agents/sef-review.md", "mine");
    aside("sef-review.md");
    let out = succeeds(&sandbox, &["uninstall"]);
    assert_eq!(tree(&sandbox.claude()).into_keys().collect::<Vec<_>>(), [sandbox.path(SETTINGS)]);
    let kept = out.lines().find_map(|line| line.split("it is kept in ").nth(1)).expect("the edit is named");
    assert_eq!(fs::read_to_string(kept).expect("the edit is there"), "mine");
}

#[test]
fn c3_a_disk_that_fills_up_leaves_the_old_file() {
    let sandbox = ready();
    let old = format!("{{\"filler\": \"{}\"}}\n", "x".repeat(20_000));
    let path = sandbox.write(SETTINGS, &old);
    // No file may grow past the size that the backup needs: the new settings are the first that do not fit.
    let mut command = sandbox.command("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 21; exec \"$0\" install"]).arg(binary("sef"));
    let run = finish(command, b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("cannot write the file") && run.err.contains("settings.json"), "{run:?}");
    assert_eq!(fs::read_to_string(&path).expect("read"), old);
    assert_eq!(fs::read_dir(sandbox.claude()).expect("list").count(), 1, "no temporary file stays");
    succeeds(&sandbox, &["install"]);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(fs::read_to_string(&path).expect("read"), old);
}

#[test]
fn c4_a_linked_claude_folder_stays_a_link() {
    let sandbox = ready();
    sandbox.write("dotfiles/claude/settings.json", "{}");
    symlink("dotfiles/claude", sandbox.claude()).expect("link");
    succeeds(&sandbox, &["install"]);
    succeeds(&sandbox, &["status"]);
    assert!(sandbox.claude().is_symlink() && sandbox.path("dotfiles/claude/agents/sef-review.md").is_file());
    succeeds(&sandbox, &["uninstall"]);
    assert!(sandbox.claude().is_symlink());
    assert_eq!(tree(&sandbox.path("dotfiles/claude")).len(), 1);
    assert_eq!(sandbox.read("dotfiles/claude/settings.json"), "{}");
}

#[test]
fn c4_mode_and_symlink_survive() {
    let sandbox = ready();
    let real = sandbox.write("dotfiles/claude.json", "{\"a\": 1}\n");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("chmod");
    fs::create_dir_all(sandbox.claude()).expect("make a folder");
    symlink("../dotfiles/claude.json", sandbox.path(SETTINGS)).expect("link");
    succeeds(&sandbox, &["install"]);
    assert_eq!(
        fs::read_link(sandbox.path(SETTINGS)).expect("still a link"),
        Path::new("../dotfiles/claude.json")
    );
    assert_eq!(our_commands(&json(&real)).len(), EVENTS);
    assert_eq!(fs::metadata(&real).expect("stat").permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_dir(sandbox.path("dotfiles")).expect("list").count(), 1);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(fs::read_to_string(&real).expect("read"), "{\"a\": 1}\n");
    assert!(sandbox.path(SETTINGS).is_symlink());
}

#[test]
fn c4_what_cannot_be_replaced_whole_is_refused_with_the_reason() {
    type Prepare = fn(&Path);
    let table: &[(Prepare, &str)] = &[
        (|path| symlink("nowhere.json", path).expect("link"), "which does not exist"),
        (|path| symlink("settings.json", path).expect("link"), "in a circle"),
        (|path| fs::create_dir(path).expect("make a folder"), "not a regular file"),
        (
            |path| {
                let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
                assert!(made.success());
            },
            "not a regular file",
        ),
        (
            |path| {
                fs::write(path, "{}").expect("write");
                fs::hard_link(path, path.with_extension("twin")).expect("hard link");
            },
            "hard links",
        ),
        (
            |path| {
                fs::write(path, "{}").expect("write");
                fs::set_permissions(path, fs::Permissions::from_mode(0o444)).expect("chmod");
            },
            "read-only",
        ),
    ];
    for (prepare, why) in table {
        let sandbox = ready();
        fs::create_dir_all(sandbox.claude()).expect("make a folder");
        prepare(&sandbox.path(SETTINGS));
        let before = tree(&sandbox.claude());
        let error = fails(&sandbox, &["install"]);
        assert!(error.contains(why) && error.contains("to mend it"), "{why}: {error}");
        assert_eq!(tree(&sandbox.claude()), before, "{why}");
    }
}

#[test]
fn c4_a_file_of_another_owner_is_refused() {
    let sandbox = ready();
    let path = sandbox.write(SETTINGS, "{}");
    if std::os::unix::fs::chown(&path, Some(54321), None).is_err() {
        // Only root can give a file away; for anyone else the case cannot be made.
        return;
    }
    let error = fails(&sandbox, &["install"]);
    assert!(error.contains("belongs to user 54321") && error.contains("without sudo"), "{error}");
    assert_eq!(sandbox.read(SETTINGS), "{}");
    fs::remove_file(&path).expect("remove");
    std::os::unix::fs::chown(sandbox.claude(), Some(54321), None).expect("give the folder away");
    let error = fails(&sandbox, &["install"]);
    assert!(error.contains("belongs to user 54321") && error.contains("without sudo"), "{error}");
    assert_eq!(tree(&sandbox.claude()).len(), 0);
}

#[test]
fn c5_twenty_parallel_installs_end_with_one_entry_each() {
    let sandbox = ready();
    sandbox.write(SETTINGS, "{\"theirs\": [1]}\n");
    let children: Vec<_> = (0..20)
        .map(|_| {
            let mut command = sandbox.command(binary("sef"));
            command.arg("install").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().expect("start")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("wait");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let settings = json(&sandbox.path(SETTINGS));
    let found = our_commands(&settings);
    assert_eq!(found.len(), EVENTS);
    assert!(found.values().all(|commands| commands.len() == 1), "{found:?}");
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), "{\"theirs\": [1]}\n");
}

#[test]
fn c5_a_writer_that_adds_keys_meanwhile_loses_none() {
    const TURNS: usize = 24;
    const KEYS: usize = 16;
    let sandbox = ready();
    let path = sandbox.write(SETTINGS, "{}\n");
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let temp = path.with_extension("writer");
            let key = |number: usize| format!("key{}", number % KEYS);
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                let start = Instant::now();
                let mut settings = loop {
                    // An update may be out for the blink in which install puts it back; it must come back.
                    let settings = json(&path);
                    if number == 0 || settings[key(number - 1)] == number - 1 {
                        break settings;
                    }
                    assert!(start.elapsed() < Duration::from_secs(20), "update {} is lost", number - 1);
                };
                settings[key(number)] = number.into();
                fs::write(&temp, serde_json::to_string_pretty(&settings).expect("JSON")).expect("write");
                fs::rename(&temp, &path).expect("rename");
                number += 1;
            }
            number
        });
        for turn in 0..TURNS {
            let run = sef(&sandbox, &[if turn % 2 == 0 { "install" } else { "uninstall" }]);
            assert!(run.code == Some(0) || run.err.contains("keeps rewriting"), "{run:?}");
            if writer.is_finished() {
                break;
            }
        }
        stop.store(true, Ordering::SeqCst);
        writer.join().expect("no update was lost")
    });
    assert!(written > TURNS, "the writer must really have been at it: {written}");
    succeeds(&sandbox, &["install"]);
    let settings = json(&path);
    for number in written.saturating_sub(KEYS)..written {
        assert_eq!(settings[format!("key{}", number % KEYS)], number);
    }
    assert_eq!(our_commands(&settings).len(), EVENTS);
}

#[test]
fn c6_a_second_install_writes_nothing() {
    let sandbox = ready();
    sandbox.write(SETTINGS, "{\"a\": 1}\n");
    succeeds(&sandbox, &["install"]);
    let stamp = |path: &Path| {
        let meta = fs::metadata(path).expect("stat");
        (meta.mtime(), meta.mtime_nsec(), meta.ino())
    };
    let files = || -> Vec<PathBuf> {
        let all = tree(&sandbox.home()).into_keys();
        all.filter(|path| path.is_file()).collect()
    };
    let before: Vec<_> = files().iter().map(|path| (path.clone(), stamp(path))).collect();
    let out = succeeds(&sandbox, &["install"]);
    assert!(out.contains("already registered") && out.contains("nothing was changed"), "{out}");
    let after: Vec<_> = files().iter().map(|path| (path.clone(), stamp(path))).collect();
    assert_eq!(after, before);
}

#[test]
fn c6_install_install_uninstall_ends_where_it_started() {
    let starts: &[Option<&str>] = &[
        None,
        Some("{}"),
        Some("{\n}"),
        Some("{ \"hooks\": { \"Stop\": [ ] } }\n"),
        Some(
            "{\n    \"hooks\": {\n        \"PreToolUse\": [\n            {\"matcher\": \"Bash\", \"hooks\": []}\n        ]\n    }\n}\n\n",
        ),
    ];
    for start in starts {
        for scope in ["--user", "--project", "--both"] {
            let sandbox = ready();
            if let Some(text) = start {
                sandbox.write(SETTINGS, text);
                sandbox.write("project/.claude/settings.json", text);
            }
            let mut before = tree(&sandbox.home());
            succeeds(&sandbox, &["install", scope]);
            succeeds(&sandbox, &["install", scope]);
            assert_ne!(tree(&sandbox.home()), before);
            succeeds(&sandbox, &["uninstall", scope]);
            let mut after = tree(&sandbox.home());
            for all in [&mut before, &mut after] {
                all.retain(|path, _| !path.starts_with(sandbox.state()));
            }
            assert_eq!(after, before, "{start:?} {scope}");
            let kept: Vec<_> = tree(&sandbox.state()).into_keys().filter(|path| path.is_file()).collect();
            assert_eq!(kept, [sandbox.path("state/install/lock")], "no backup outlives its purpose");
        }
    }
}

#[test]
fn c6_an_upgrade_replaces_only_ours() {
    let mut sandbox = ready();
    let old = "{\n  \"hooks\": {\n    \"Stop\": [\n      {\"hooks\": [{\"type\": \"command\", \"command\": \"mine\"}]}\n    ]\n  }\n}\n";
    sandbox.write(SETTINGS, old);
    succeeds(&sandbox, &["install"]);
    let first = sandbox.read(SETTINGS);
    sandbox.set("SEF_BIN_DIR", sandbox.path("elsewhere"));
    write_program(&sandbox.path("elsewhere/sef-hook"), FAKE_HOOK);
    succeeds(&sandbox, &["install"]);
    let from = sandbox.path("bin").display().to_string();
    let to = sandbox.path("elsewhere").display().to_string();
    let now = json(&sandbox.path(SETTINGS));
    assert_eq!(now, serde_json::from_str::<Value>(&first.replace(&from, &to)).expect("JSON"));
    assert_eq!(our_commands(&now).values().map(Vec::len).sum::<usize>(), EVENTS);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), old, "the way back survives an upgrade");
}

#[test]
fn c6_uninstall_without_our_memory_takes_out_ours_and_nothing_else() {
    let sandbox = ready();
    let old = "{\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"PreCompact\": []\n  }\n}\n";
    sandbox.write(SETTINGS, old);
    succeeds(&sandbox, &["install"]);
    fs::remove_dir_all(sandbox.state()).expect("lose the state");
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), old);
    assert!(
        !sandbox.path(".claude/agents/sef-explore.md").exists(),
        "an untouched copy is ours without memory too"
    );
    let out = succeeds(&sandbox, &["uninstall"]);
    assert!(out.contains("no hook of ours"), "{out}");
}

#[test]
fn c6_a_file_we_made_stays_when_somebody_else_uses_it() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let text = sandbox.read(SETTINGS).replacen('{', "{\n  \"model\": \"opus\",", 1);
    sandbox.write(SETTINGS, text);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(json(&sandbox.path(SETTINGS)), serde_json::json!({"model": "opus"}));
}

#[test]
fn c7_the_one_backup_is_private_and_not_beside_the_settings() {
    let mut sandbox = ready();
    let old = "{\"env\": {\"CEREBRAS_API_KEY\": \"canary-key\"}}\n";
    sandbox.write(SETTINGS, old);
    succeeds(&sandbox, &["install"]);
    sandbox.set("SEF_BIN_DIR", sandbox.path("elsewhere"));
    write_program(&sandbox.path("elsewhere/sef-hook"), FAKE_HOOK);
    succeeds(&sandbox, &["install"]);
    let holds_key = |path: &PathBuf| {
        path.is_file() && fs::read(path).expect("read").windows(10).any(|part| part == b"canary-key")
    };
    let holders: Vec<PathBuf> = tree(&sandbox.home()).into_keys().filter(holds_key).collect();
    assert_eq!(holders.len(), 2, "the settings and one backup: {holders:?}");
    let backup = holders.iter().find(|path| path.starts_with(sandbox.state())).expect("in the state dir");
    assert_eq!(fs::read_to_string(backup).expect("read"), old);
    assert_eq!(fs::metadata(backup).expect("stat").permissions().mode() & 0o7777, 0o600);
    let folder = fs::metadata(sandbox.path("state/install")).expect("stat");
    assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
    let beside = fs::read_dir(sandbox.claude()).expect("list").flatten().map(|entry| entry.file_name());
    let mut beside: Vec<_> = beside.collect();
    beside.sort();
    assert_eq!(beside, ["agents", "settings.json", "skills"]);
}

#[test]
fn c8_an_edited_agent_is_kept_until_asked_and_then_set_aside() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let agent = ".claude/agents/sef-explore.md";
    let ours = sandbox.read(agent);
    sandbox.write(agent, "my own words");
    let out = succeeds(&sandbox, &["install"]);
    assert!(out.contains("sef-explore.md") && out.contains("--take-ours"), "{out}");
    assert_eq!(sandbox.read(agent), "my own words");
    let out = succeeds(&sandbox, &["uninstall"]);
    assert!(out.contains("kept") && out.contains("sef-explore.md"), "{out}");
    assert_eq!(sandbox.read(agent), "my own words");
    assert!(!sandbox.path(".claude/agents/sef-review.md").exists());
    let out = succeeds(&sandbox, &["install", "--take-ours"]);
    assert_eq!(sandbox.read(agent), ours);
    let aside = out.lines().find_map(|line| line.split_once("your version is in ")).expect("says where").1;
    assert_eq!(fs::read_to_string(aside).expect("read"), "my own words");
    assert_eq!(fs::metadata(aside).expect("stat").permissions().mode() & 0o7777, 0o600);
}

#[test]
fn c8_an_untouched_copy_from_an_older_version_is_brought_up_to_date() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let agent = sandbox.path(".claude/agents/sef-explore.md");
    let ours = fs::read(&agent).expect("read");
    let older = b"what an older version shipped";
    fs::write(&agent, older).expect("write");
    let manifest = sandbox.path("state/install/manifest.json");
    let text = fs::read_to_string(&manifest).expect("read");
    let print = sef::settings::manifest::fingerprint;
    fs::write(&manifest, text.replace(&print(&ours), &print(older))).expect("write");
    assert!(sef(&sandbox, &["status"]).out.contains("older version"));
    succeeds(&sandbox, &["install"]);
    assert_eq!(fs::read(&agent).expect("read"), ours);
}

#[test]
fn c8_something_in_the_way_of_an_agent_stops_the_whole_install() {
    let sandbox = ready();
    sandbox.write(SETTINGS, "{}");
    sandbox.write(".claude/agents", "a file where a folder is needed");
    let before = tree(&sandbox.claude());
    let error = fails(&sandbox, &["install"]);
    assert!(error.contains("agents/sef-explore.md"), "{error}");
    assert_eq!(tree(&sandbox.claude()), before);
}

#[test]
fn c8_an_agent_behind_a_link_stays_with_its_link() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let agent = sandbox.path(".claude/agents/sef-explore.md");
    let moved = sandbox.path("dotfiles-agent.md");
    fs::rename(&agent, &moved).expect("move");
    symlink(&moved, &agent).expect("link");
    succeeds(&sandbox, &["uninstall"]);
    assert!(agent.is_symlink() && moved.is_file());
}

#[test]
fn both_scopes_in_one_folder_are_one_place() {
    let mut sandbox = ready();
    sandbox.set("CLAUDE_CONFIG_DIR", sandbox.path("project/.claude"));
    succeeds(&sandbox, &["install", "--both"]);
    let found = our_commands(&json(&sandbox.path("project/.claude/settings.json")));
    assert!(found.len() == EVENTS && found.values().all(|commands| commands.len() == 1), "{found:?}");
}

#[test]
fn install_refuses_without_a_hook_binary_and_says_how_to_get_one() {
    let sandbox = Sandbox::new();
    // Away from the build folder, where a sef-hook lies beside it.
    let alone = sandbox.path("alone/sef");
    fs::create_dir_all(sandbox.path("alone")).expect("make a folder");
    fs::copy(binary("sef"), &alone).expect("copy the program");
    let mut command = sandbox.command(&alone);
    command.arg("install");
    let run = finish(command, b"");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(
        run.err.contains("cannot find sef-hook") && run.err.contains("scripts/install.sh"),
        "{}",
        run.err
    );
    assert!(!sandbox.claude().exists() && !sandbox.state().exists());
}

#[test]
fn without_a_home_nothing_is_guessed() {
    let mut sandbox = ready();
    for name in ["HOME", "SEF_STATE_DIR", "CLAUDE_CONFIG_DIR"] {
        sandbox.unset(name);
    }
    let error = fails(&sandbox, &["install"]);
    assert!(error.contains("HOME"), "{error}");
    assert!(sef(&sandbox, &["status"]).code == Some(1));
}

#[test]
fn a_broken_memory_of_what_was_installed_stops_before_any_write() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    sandbox.write("state/install/manifest.json", "{\"version\": ");
    sandbox.write(SETTINGS, "{}");
    let error = fails(&sandbox, &["install"]);
    assert!(error.contains("manifest.json:1:") && error.contains("move the file away"), "{error}");
    assert_eq!(sandbox.read(SETTINGS), "{}");
}

#[test]
fn c8_a_memory_that_a_newer_sef_wrote_is_left_to_it() {
    let sandbox = ready();
    succeeds(&sandbox, &["install"]);
    let newer = sandbox.read("state/install/manifest.json").replace("\"version\": 1", "\"version\": 2");
    sandbox.write("state/install/manifest.json", &newer);
    sandbox.write(SETTINGS, "{}");
    for command in ["install", "uninstall"] {
        let error = fails(&sandbox, &[command]);
        assert!(error.contains("a newer SEF wrote it"), "{error}");
    }
    assert_eq!(sandbox.read(SETTINGS), "{}");
    assert_eq!(sandbox.read("state/install/manifest.json"), newer);
}

#[test]
fn c6_a_command_of_ours_that_somebody_wrapped_stays_theirs() {
    let sandbox = ready();
    let theirs = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"nice [ -x '/o/sef-hook' ] && exec '/o/sef-hook' 2>/dev/null || exit 0; echo mine"}]}]}}"#;
    sandbox.write(SETTINGS, theirs);
    succeeds(&sandbox, &["install"]);
    succeeds(&sandbox, &["uninstall"]);
    assert_eq!(sandbox.read(SETTINGS), theirs);
}
