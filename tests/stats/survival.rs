//! Reports survive any log and any folder, and say what they could not read.

use std::os::unix::fs::symlink;
use std::process::Stdio;

use sef::metrics::record::{Kind, Record};
use serde_json::json;

use super::corpus::{FOLDER, NOON, Transcript, log, record, spawn, write_log};
use super::{dollars, page, report};
use crate::sandbox::{Sandbox, binary, finish};

const OPUS: &str = "claude-opus-5-5";

fn prompts(count: u64) -> Vec<Record> {
    (0..count).map(|number| Record { t: NOON + number, tier: Some(1), ..record(Kind::Prompt) }).collect()
}

#[test]
fn b2_a_torn_line_is_skipped_and_counted() {
    let sandbox = Sandbox::new();
    let torn = "{\"v\":1,\"ti";
    sandbox.write("state/log.jsonl", format!("{}{torn}\n{}{torn}", log(&prompts(2)), log(&prompts(1))));
    let report = report(&sandbox, &[]);
    assert_eq!((&report["tasks"]["1"], &report["unreadable_lines"]), (&json!(3), &json!(2)));
    assert!(page(&sandbox, &[]).contains("2 unreadable lines skipped"));
}

#[test]
fn b3_the_sum_is_over_all_rotated_files() {
    let sandbox = Sandbox::new();
    for (name, count) in [("log", 5), ("log.1", 70), ("log.2", 600), ("log.4", 8000)] {
        sandbox.write(&format!("state/{name}.jsonl"), log(&prompts(count)));
    }
    sandbox.write("state/log.1.jsonl.bak", log(&prompts(9)));
    let report = report(&sandbox, &[]);
    assert_eq!((&report["tasks"]["1"], &report["hook"]["records"]), (&json!(8675), &json!(8675)));
    assert_eq!(report["scope"]["log_files"], 4);
}

#[test]
fn b3_a_file_seen_twice_during_a_rotation_counts_once() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("state/log.jsonl", log(&prompts(7)));
    std::fs::hard_link(path, sandbox.path("state/log.1.jsonl")).expect("a link");
    assert_eq!(report(&sandbox, &[])["tasks"]["1"], 7);
}

#[test]
fn b6_a_log_of_anything_gives_the_right_totals_for_its_good_lines() {
    let sandbox = Sandbox::new();
    let evil = "\u{1b}[31mred\u{7}\u{9b}2J";
    let odd_times = [0, 253_402_300_800_000, u64::MAX, NOON, 1].map(|t| Record {
        t,
        tier: Some(2),
        ..record(Kind::Prompt)
    });
    let named = Record {
        s: evil.to_owned(),
        agent: Some(evil.to_owned()),
        tu: Some(evil.to_owned()),
        ran: Some(format!("claude-opus-5-5{evil}")),
        hint: Some(evil.to_owned()),
        why: Some(evil.to_owned()),
        mode: Some(evil.to_owned()),
        ..spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS)
    };
    let result = Record { e: Kind::Result, ..named.clone() };
    let refused = Record { e: Kind::Refused, ..named.clone() };
    let fault = Record { e: Kind::Fault, us: Some(u32::MAX), ..named.clone() };
    let mut bytes = log(&odd_times).into_bytes();
    bytes.extend(log(&[named, result, refused, fault]).into_bytes());
    bytes.extend(b"\0\0\0\n\xff\xfe\n[]\n{}\nnull\n\n\r\n");
    bytes.extend(br#"{"v":2,"e":"something new","t":"later"}"#);
    bytes.push(b'\n');
    bytes.extend(br#"{"v":99999999999,"t":1}"#);
    bytes.push(b'\n');
    bytes.extend(vec![b'['; 10 << 20]);
    bytes.push(b'\n');
    bytes.extend(log(&prompts(1)).into_bytes());
    sandbox.write("state/log.jsonl", bytes);
    let report = report(&sandbox, &[]);
    assert_eq!((&report["tasks"]["1"], &report["tasks"]["2"]), (&json!(1), &json!(5)));
    assert_eq!((&report["unreadable_lines"], &report["later_lines"]), (&json!(6), &json!(2)));
    assert_eq!(
        (&report["delegations"]["total"], &report["delegations"]["mismatches"]),
        (&json!(1), &json!(1))
    );
    let raw = sandbox.run("sef-stats", &["report", "--json"], "").out;
    assert!(!raw.trim_end().chars().any(char::is_control), "a control byte in the JSON");
    assert!(page(&sandbox, &[]).contains("2 log lines of a later version of SEF left out"));
    assert_eq!(sandbox.run("sef-stats", &["report", "--since", "7d"], "").code, Some(0));
}

#[test]
fn b6_transcripts_of_anything_count_for_their_good_lines() {
    let sandbox = Sandbox::new();
    let huge = json!({"type": "user", "message": {"content": "\"usage\"".repeat(2 << 20)}}).to_string();
    Transcript::main("s1")
        .answer("m1", OPUS, (1_000_000, 0, 0, 0), 1)
        .raw("{\"type\":\"assistant\",\"message\":{\"id\":\"m2\",\"usa\n\0\0\0\n[1]\nnull\n")
        .raw("{\"type\":\"assistant\",\"message\":{\"id\":\"m3\",\"model\":\"claude-opus-5-5\",\"usage\":{\"input_tokens\":-5}}}\n")
        .raw(&format!("{huge}\n"))
        .answer("m4", OPUS, (1_000_000, 0, 0, 0), 1)
        .raw("{\"type\":\"assistant\",\"message\":{\"id\":\"m5\",\"model\":\"claude-opus-5-5\",\"usage\":{\"input_tokens\":1000000}}}")
        .write(&sandbox);
    let report = report(&sandbox, &[]);
    assert_eq!(dollars(&report["cost"]["actual_usd"]), 12.0);
    assert_eq!(report["unreadable_lines"], 5);
}

#[test]
fn b6_hostile_names_in_transcripts_are_escaped() {
    let sandbox = Sandbox::new();
    let evil = "\u{1b}]0;owned\u{7}";
    Transcript::agent("s1", "a1").answer("m1", &format!("claude-{evil}"), (1, 1, 1, 1), 1).write_with_meta(
        &sandbox,
        evil,
        evil,
        evil,
        Some(evil),
    );
    let page = page(&sandbox, &[]);
    assert!(page.contains("\\u{1b}]0;owned\\u{7}"), "{page}");
    report(&sandbox, &[]);
}

#[test]
fn a11_only_regular_files_are_read() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", OPUS, (1_000_000, 0, 0, 0), 1).write(&sandbox);
    let folder = sandbox.path(FOLDER);
    let fifo = folder.join("fifo.jsonl");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).expect("a FIFO");
    rustix::fs::mkfifoat(rustix::fs::CWD, sandbox.path(".claude/projects/fifo"), rustix::fs::Mode::RWXU)
        .expect("a FIFO");
    std::fs::create_dir(folder.join("folder.jsonl")).expect("a folder");
    symlink("/dev/zero", folder.join("zero.jsonl")).expect("a link");
    symlink("loop.jsonl", folder.join("loop.jsonl")).expect("a link");
    symlink("gone", folder.join("gone.jsonl")).expect("a link");
    std::fs::create_dir_all(folder.join("s1/subagents")).expect("a folder");
    symlink("..", folder.join("s1/subagents/up")).expect("a link");
    symlink(&folder, sandbox.path(".claude/projects/again")).expect("a link");
    let report = report(&sandbox, &[]);
    assert_eq!(dollars(&report["cost"]["actual_usd"]), 4.0, "also through the second name of the folder");
    assert!(page(&sandbox, &[]).contains("files or folders could not be read"));
}

#[test]
fn a11_a_log_that_is_no_file_stops_the_report() {
    let sandbox = Sandbox::new();
    let refused = || {
        let run = sandbox.run("sef-stats", &["report"], "");
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
        assert!(
            run.err.contains("cannot read the log") && run.err.contains("not a regular file"),
            "{}",
            run.err
        );
    };
    let path = sandbox.path("state/log.jsonl");
    std::fs::create_dir_all(&path).expect("a folder");
    refused();
    std::fs::remove_dir(&path).expect("an empty folder");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a FIFO");
    refused();
}

#[test]
fn without_data_the_report_says_what_to_do_first() {
    let sandbox = Sandbox::new();
    let page = page(&sandbox, &[]);
    assert!(page.contains("Nothing to report yet") && page.contains("run `sef install`"), "{page}");
    let report = report(&sandbox, &[]);
    assert_eq!(report["delegations"]["list"], json!([]));
    assert_eq!((&report["cost"]["client_usd"], &report["rates"]["delegation"]), (&json!(null), &json!(null)));
    assert!(!sandbox.state().exists() && !sandbox.path(".claude").exists(), "a report makes nothing");
}

#[test]
fn without_folders_there_is_no_report() {
    let mut sandbox = Sandbox::new();
    for name in ["HOME", "SEF_STATE_DIR", "SEF_CONFIG_DIR", "CLAUDE_CONFIG_DIR"] {
        sandbox.unset(name);
    }
    let run = sandbox.run("sef-stats", &["report"], "");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert_eq!(
        run.err,
        "sef-stats: cannot make a report: neither SEF's nor Claude Code's folder is known\n  to mend it: set HOME, or \
         SEF_STATE_DIR and CLAUDE_CONFIG_DIR, to absolute paths\n"
    );
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is_one() {
    let sandbox = Sandbox::new();
    write_log(&sandbox, &prompts(1));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let mut command = sandbox.command(binary("sef-stats"));
    let run = command.arg("report").stdout(full).stderr(Stdio::piped()).output().expect("runs");
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("cannot print the report"));
    let mut command = sandbox.command("/bin/sh");
    command.args(["-c", &format!("'{}' report; echo $? >&2", binary("sef-stats").display())]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    drop(child.stdout.take());
    assert_eq!(String::from_utf8_lossy(&child.wait_with_output().expect("ends").stderr), "0\n");
}

#[test]
fn reports_never_change_what_they_read() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", OPUS, (1, 1, 1, 1), 1).write(&sandbox);
    write_log(&sandbox, &prompts(3));
    let list = |sandbox: &Sandbox| {
        let mut find = sandbox.command("find");
        find.arg(sandbox.home()).args(["-printf", "%p %s %T@ %m\n"]);
        finish(find, b"").out
    };
    let before = list(&sandbox);
    page(&sandbox, &[]);
    assert_eq!(list(&sandbox), before);
}
