//! The log's promises (RELIABILITY part B), against the real binary.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::payloads::{prompt, with};
use crate::sandbox::{Sandbox, binary, finish};

/// Every line of every log file, each parsed.
fn lines(sandbox: &Sandbox) -> Vec<Value> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(sandbox.state()).expect("there is a state folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("log") {
            let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
            all.extend(
                text.lines()
                    .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"))),
            );
        }
    }
    all
}

/// Runs the hook many times in parallel: `writers` threads, `each` runs in turn, each with a session of its own.
fn hammer(sandbox: &Sandbox, writers: usize, each: usize) {
    std::thread::scope(|scope| {
        for writer in 0..writers {
            scope.spawn(move || {
                for run in 0..each {
                    let event = with(
                        "Stop",
                        &[("session_id", format!("w{writer}-{run}").into()), ("prompt_id", "p".into())],
                    );
                    let done = finish(sandbox.command(binary("sef-hook")), event.to_string().as_bytes());
                    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (Some(0), "", ""));
                }
            });
        }
    });
}

fn sessions(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| line["s"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn b1_eight_writers_times_five_hundred_lose_and_tear_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[log]\nmax_bytes = 100000000\n");
    hammer(&sandbox, 8, 500);
    let lines = lines(&sandbox);
    assert_eq!(lines.len(), 4_000);
    assert_eq!(sessions(&lines).len(), 4_000, "every (writer, run) once");
}

#[test]
fn b1_parallel_events_of_one_session_all_count() {
    let sandbox = Sandbox::new();
    std::thread::scope(|scope| {
        for number in 0..20 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let event = with(
                    "PreToolUse.Agent",
                    &[
                        ("session_id", "one-session".into()),
                        ("tool_use_id", format!("toolu_{number}").into()),
                    ],
                );
                let run = finish(sandbox.command(binary("sef-hook")), event.to_string().as_bytes());
                assert!(run.out.contains("\"model\":\"haiku\""), "{}", run.out);
            });
        }
    });
    let memory =
        std::fs::read_dir(sandbox.path("state/sessions")).expect("memory").flatten().next().expect("a file");
    let memory: Value =
        serde_json::from_slice(&std::fs::read(memory.path()).expect("readable")).expect("whole");
    assert_eq!(memory["spawns"].as_array().expect("a list").len(), 20, "no update of the memory is lost");
}

#[test]
fn b2_a_torn_line_harms_only_itself() {
    let sandbox = Sandbox::new();
    sandbox.write("state/log.jsonl", "{\"v\":1,\"ti");
    sandbox.run("sef-hook", &[], with("Stop", &[("session_id", "after".into())]).to_string());
    let text = sandbox.read("state/log.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "{\"v\":1,\"ti");
    let whole: Value = serde_json::from_str(lines[1]).expect("the new record is whole");
    assert_eq!(whole["s"], "after");
}

#[test]
fn b3_rotation_under_four_writers_loses_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[log]\nmax_bytes = 4096\nkeep = 64\n");
    hammer(&sandbox, 4, 100);
    let lines = lines(&sandbox);
    assert_eq!(sessions(&lines).len(), 400);
    assert_eq!(lines.len(), 400);
    let files = std::fs::read_dir(sandbox.state()).expect("state").flatten();
    let rotated = files.filter(|entry| entry.file_name().to_string_lossy().starts_with("log.")).count();
    assert!(rotated > 3, "it did rotate: {rotated} files");
}

#[test]
fn b5_the_log_is_private_and_capped() {
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[log]\nmax_bytes = 2048\nkeep = 2\n");
    let event = sandbox.write("event.json", prompt("s-1", "Find all files that import config"));
    let loops = format!(
        "umask 0; i=0; while [ $i -lt 120 ]; do {0} < {1} >/dev/null; i=$((i+1)); done",
        binary("sef-hook").display(),
        event.display()
    );
    let mut command = sandbox.command("/bin/sh");
    command.args(["-c", &loops]);
    assert_eq!(finish(command, b"").code, Some(0));
    let mode =
        |path: &str| std::fs::metadata(sandbox.path(path)).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode("state"), 0o700);
    assert_eq!(mode("state/sessions"), 0o700);
    let mut total = 0;
    let mut logs = 0;
    for entry in std::fs::read_dir(sandbox.state()).expect("state").flatten() {
        let meta = entry.metadata().expect("metadata");
        if meta.is_file() {
            assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        if entry.file_name().to_string_lossy().starts_with("log") {
            total += meta.len();
            logs += 1;
        }
    }
    assert!(logs == 3 && total <= 3 * 2_048, "{logs} files, {total} bytes");
}

#[test]
fn a_log_that_is_a_link_or_a_fifo_is_not_written_through() {
    let sandbox = Sandbox::new();
    let precious = sandbox.write("precious.txt", "mine");
    std::fs::create_dir_all(sandbox.state()).expect("state");
    std::os::unix::fs::symlink(&precious, sandbox.path("state/log.jsonl")).expect("plant a link");
    let run = sandbox.run("sef-hook", &[], prompt("s-1", "Find all files that import config"));
    assert!(run.code == Some(0) && !run.out.is_empty());
    assert_eq!(sandbox.read("precious.txt"), "mine");
    std::fs::remove_file(sandbox.path("state/log.jsonl")).expect("remove the link");
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("state/log.jsonl")).status();
    assert!(made.expect("mkfifo").success());
    let mut command = sandbox.command("timeout");
    command.arg("5").arg(binary("sef-hook"));
    let run = finish(command, prompt("s-2", "Find all files that import config").as_bytes());
    assert!(run.code == Some(0) && !run.out.is_empty());
}

#[test]
fn a_write_cut_by_kill_leaves_earlier_lines_whole() {
    let sandbox = Sandbox::new();
    let event = prompt("s-1", "Find all files that import config");
    for _ in 0..40 {
        let mut child = sandbox
            .command(binary("sef-hook"))
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("start");
        let _ = child.stdin.take().expect("piped").write_all(event.as_bytes());
        let _ = child.kill();
        let _ = child.wait();
    }
    sandbox.run("sef-hook", &[], &event);
    if sandbox.path("state/log.jsonl").exists() {
        assert!(!lines(&sandbox).is_empty());
    }
}
