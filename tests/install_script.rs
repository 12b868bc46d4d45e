//! `scripts/install.sh` and `scripts/build.sh` with a stand-in for cargo: what they build with, where they copy to,
//! and what they refuse. The programs that they copy are the real `sef` and a small hook.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::install::{FAKE_HOOK, write_program};
use crate::install_turbo::{stand_in_for_claude, user_entry};
use crate::sandbox::{Run, Sandbox, binary, finish};

/// Notes how it was called and "builds" by copying.
const FAKE_CARGO: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then
    echo "cargo ${FAKE_VERSION:-1.95.0} (0123456 2026-01-01)"
    exit 0
fi
echo "$* | RUSTFLAGS=${RUSTFLAGS-unset} | $PWD" >> "$FAKE_LOG"
if [ -n "${FAKE_FAIL:-}" ] && [ -n "${RUSTFLAGS:-}" ]; then
    echo "error: cannot link" >&2
    exit 101
fi
triple=
while [ $# -gt 0 ]; do
    case $1 in
        --target) triple=/$2 ;;
        --target-dir) folder=$2 ;;
    esac
    shift
done
mkdir -p "$folder$triple/release"
cp "$FAKE_SEF" "$folder$triple/release/sef"
cp "$FAKE_HOOK" "$folder$triple/release/sef-hook"
cp "$FAKE_HOOK" "$folder$triple/release/sef-stats"
"#;

const FAKE_RUSTC: &str = "#!/bin/sh\nprintf 'rustc 1.95.0\\nhost: x86_64-unknown-linux-gnu\\n'\n";

const STATIC_FLAGS: &str = "RUSTFLAGS=-C target-feature=+crt-static -C relocation-model=static |";

/// A checkout with a space in its path, the stand-ins on PATH, and every folder at its default below HOME.
fn checkout() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    for name in ["install.sh", "build.sh"] {
        let text = fs::read_to_string(scripts.join(name)).expect("read a script");
        write_program(&sandbox.path("my checkout/scripts").join(name), &text);
    }
    write_program(&sandbox.path("tools/cargo"), FAKE_CARGO);
    write_program(&sandbox.path("tools/rustc"), FAKE_RUSTC);
    write_program(&sandbox.path("tools/hook"), FAKE_HOOK);
    stand_in_for_claude(&mut sandbox);
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", sandbox.path("tools").display()));
    sandbox.set("FAKE_SEF", binary("sef"));
    sandbox.set("FAKE_HOOK", sandbox.path("tools/hook"));
    sandbox.set("FAKE_LOG", sandbox.path("cargo.log"));
    for name in ["SEF_BIN_DIR", "SEF_STATE_DIR", "SEF_CONFIG_DIR", "CLAUDE_CONFIG_DIR"] {
        sandbox.unset(name);
    }
    sandbox
}

/// Moves HOME to a folder of that name below the sandbox.
fn move_home(sandbox: &mut Sandbox, name: &str) -> PathBuf {
    let home = sandbox.path(name);
    fs::create_dir_all(&home).expect("make a home");
    sandbox.set("HOME", &home);
    home
}

fn script(sandbox: &Sandbox, args: &[&str]) -> Run {
    let mut command = sandbox.command("sh");
    command.arg(sandbox.path("my checkout/scripts/install.sh")).args(args);
    finish(command, b"")
}

#[track_caller]
fn succeeds(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = script(sandbox, args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}: {run:?}");
    run.out
}

#[track_caller]
fn refuses(sandbox: &Sandbox, args: &[&str], why: &str) {
    let run = script(sandbox, args);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains(why), "{why} in {run:?}");
    assert!(!sandbox.path(".local").exists() && !sandbox.claude().exists(), "nothing was begun");
}

fn registered_command(settings: &Path) -> String {
    let settings: serde_json::Value =
        serde_json::from_slice(&fs::read(settings).expect("read settings")).expect("JSON");
    settings["hooks"]["PreToolUse"][0]["hooks"][0]["command"].as_str().expect("a command").to_owned()
}

#[test]
fn g6_any_home_works_from_install_to_uninstall() {
    for name in ["plain", "a b'\"c", "new\nline", "$(touch x)*?[a]\\"] {
        let mut sandbox = checkout();
        let home = move_home(&mut sandbox, name);
        let out = succeeds(&sandbox, &["--user"]);
        assert!(out.contains("live check: \"Find the greeting\" -> model haiku"), "{name:?}: {out}");
        assert!(out.contains("is not on your PATH"), "{out}");
        assert!(out.contains("live check: sef mcp answers with 11 tools ("), "{name:?}: {out}");
        let server = user_entry(&home.join(".claude.json"));
        assert_eq!(server["command"], home.join(".local/bin/sef").to_str().expect("UTF-8"));
        let mut run = sandbox.command("sh");
        run.args(["-c", &registered_command(&home.join(".claude/settings.json"))]);
        let run = finish(run, b"{\"hook_event_name\":\"PreToolUse\"}");
        assert!(run.code == Some(0) && run.out.contains("haiku"), "{name:?}: {run:?}");
        assert!(succeeds(&sandbox, &["--status"]).ends_with("complete\n"));
        succeeds(&sandbox, &["--uninstall"]);
        assert!(!home.join(".claude").exists(), "{name:?}");
        assert!(user_entry(&home.join(".claude.json")).is_null(), "{name:?}");
        assert_eq!(fs::read_dir(home.join(".local/bin")).expect("list").count(), 0, "{name:?}");
        assert_eq!(
            fs::read_dir(sandbox.path("project")).expect("list").count(),
            0,
            "nothing ran from the name"
        );
    }
}

#[test]
fn g6_a_missing_relative_or_foreign_home_is_refused() {
    let mut sandbox = checkout();
    sandbox.set("HOME", "");
    refuses(&sandbox, &["--user"], "HOME is not set");
    sandbox.unset("HOME");
    refuses(&sandbox, &["--user"], "HOME is not set");
    sandbox.set("HOME", "project");
    refuses(&sandbox, &["--user"], "not an absolute path");
    sandbox.set("HOME", sandbox.path("nowhere"));
    refuses(&sandbox, &["--user"], "not a folder");
    let home = move_home(&mut sandbox, "theirs");
    // Only root can give a folder away; for anyone else `/` is somebody else's.
    if std::os::unix::fs::chown(&home, Some(54321), None).is_err() {
        sandbox.set("HOME", "/");
    }
    refuses(&sandbox, &["--user"], "without sudo");
}

#[test]
fn g6_bad_options_are_refused_before_anything_is_built() {
    let sandbox = checkout();
    refuses(&sandbox, &["--userr"], "unknown option: --userr");
    refuses(&sandbox, &["--user", "--both"], "cannot be given together");
    refuses(&sandbox, &["--status", "--uninstall"], "cannot be given together");
    refuses(&sandbox, &["--no-turbo", "--uninstall"], "cannot be given together");
    refuses(&sandbox, &["--status"], "there is no sef in");
    refuses(&sandbox, &["--uninstall"], "there is no sef in");
    assert!(!sandbox.path("cargo.log").exists());
}

#[test]
fn g6_without_a_recent_cargo_the_script_says_how_to_get_one() {
    let mut sandbox = checkout();
    for version in ["1.88.0", "0.99.0", "1.9.0"] {
        sandbox.set("FAKE_VERSION", version);
        refuses(&sandbox, &["--user"], "rustup update stable");
    }
    for version in ["1.91.0", "2.0.0", "1.100.0-nightly"] {
        sandbox.set("FAKE_VERSION", version);
        succeeds(&sandbox, &["--user"]);
        succeeds(&sandbox, &["--uninstall"]);
    }
    let sandbox = checkout();
    fs::create_dir_all(sandbox.path("bare")).expect("make a folder");
    for tool in ["sh", "dirname", "id", "find", "sed", "cat", "rm"] {
        symlink(Path::new("/usr/bin").join(tool), sandbox.path("bare").join(tool)).expect("link a tool");
    }
    let mut bare = sandbox;
    bare.set("PATH", bare.path("bare"));
    refuses(&bare, &["--user"], "https://rustup.rs");
}

#[test]
fn g6_the_build_is_static_where_that_is_possible_and_plain_where_not() {
    let log =
        |sandbox: &Sandbox| -> Vec<String> { sandbox.read("cargo.log").lines().map(str::to_owned).collect() };
    let sandbox = checkout();
    succeeds(&sandbox, &["--user"]);
    let calls = log(&sandbox);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].starts_with("build --release --locked --target x86_64-unknown-linux-gnu "), "{calls:?}");
    assert!(calls[0].contains(STATIC_FLAGS) && calls[0].ends_with("/my checkout"), "{calls:?}");

    let mut sandbox = checkout();
    sandbox.set("RUSTFLAGS", "-C mine");
    succeeds(&sandbox, &["--user"]);
    let calls = log(&sandbox);
    assert!(
        calls.len() == 1 && calls[0].contains("RUSTFLAGS=-C mine") && !calls[0].contains("--target "),
        "{calls:?}"
    );

    let mut sandbox = checkout();
    sandbox.set("FAKE_FAIL", "1");
    let run = script(&sandbox, &["--user"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.err.contains("the static build failed"), "{run:?}");
    let calls = log(&sandbox);
    assert!(calls.len() == 2 && calls[1].contains("RUSTFLAGS=unset"), "{calls:?}");
}

#[test]
fn the_script_leaves_the_server_out_when_told_to() {
    let sandbox = checkout();
    let out = succeeds(&sandbox, &["--no-turbo"]);
    assert!(!out.contains("turbo"), "{out}");
    assert!(!sandbox.path(".claude.json").exists());
}

#[test]
fn g6_the_project_is_the_folder_one_stands_in() {
    let sandbox = checkout();
    succeeds(&sandbox, &["--both"]);
    assert!(sandbox.path(".claude/settings.json").is_file());
    assert!(sandbox.path("project/.claude/agents/sef-explore.md").is_file());
    let out = succeeds(&sandbox, &["--uninstall", "--project"]);
    assert!(out.contains("kept the programs"), "{out}");
    assert!(!sandbox.path("project/.claude").exists());
    assert!(succeeds(&sandbox, &["--status", "--user"]).ends_with("complete\n"));
}

#[test]
fn g5_hooks_that_run_while_the_binary_is_replaced_all_succeed() {
    let sandbox = checkout();
    succeeds(&sandbox, &["--user"]);
    let command = registered_command(&sandbox.path(".claude/settings.json"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let hooks = scope.spawn(|| {
            let mut runs = 0;
            while !stop.load(Ordering::SeqCst) {
                let mut hook = sandbox.command("sh");
                hook.args(["-c", &command]);
                let run = finish(hook, b"{\"hook_event_name\":\"PreToolUse\"}");
                assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
                assert!(run.out.contains("haiku"), "never half a binary and never none: {run:?}");
                runs += 1;
            }
            runs
        });
        for _ in 0..8 {
            succeeds(&sandbox, &["--user"]);
        }
        stop.store(true, Ordering::SeqCst);
        assert!(hooks.join().expect("every hook run succeeded") > 8);
    });
    let left: Vec<_> = fs::read_dir(sandbox.path(".local/bin")).expect("list").flatten().collect();
    assert_eq!(left.len(), 3, "no temporary file stays: {left:?}");
}

#[test]
fn g6_the_scripts_pass_shellcheck() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let checked = std::process::Command::new("shellcheck")
        .args([scripts.join("install.sh"), scripts.join("build.sh")])
        .output();
    // Only where shellcheck is installed; CI installs it.
    if let Ok(output) = checked {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
