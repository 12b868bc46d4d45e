//! The index of transcripts changes no figure: warm, cold, without, damaged, out of date, or in a hopeless place.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sef::config::Env;
use sef::outcomes::words::Words;
use sef::transcript::corpus::Corpus;
use sef::transcript::find::Scope;
use sef::transcript::read_all;
use serde_json::{Value, json};

use super::corpus::{FOLDER, Transcript, result, spawn, write_log};
use crate::sandbox::{Run, Sandbox, binary, finish};

const OPUS: &str = "claude-opus-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const INDEX: &str = "state/transcripts.index";
/// When the client wrote the transcripts: long before they are read.
const AN_HOUR: Duration = Duration::from_hours(1);

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let inner = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries
        .filter(|entry| !entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        .flat_map(|entry| inner(entry.path()))
        .collect()
}

fn set_time(path: &Path, time: SystemTime) {
    File::options().append(true).open(path).and_then(|file| file.set_modified(time)).expect("a time is set");
}

/// Makes all transcripts as old as those of a session that ended an hour ago.
fn settle(sandbox: &Sandbox) {
    for path in files(&sandbox.claude()).iter().filter(|path| path.is_file()) {
        set_time(path, SystemTime::now() - AN_HOUR);
    }
}

fn stats(sandbox: &Sandbox, args: &[&str]) -> Run {
    let run = sandbox.run("sef-stats", args, "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    run
}

/// The report, the same without an index, twice with it.
fn same(sandbox: &Sandbox, args: &[&str]) -> Value {
    for command in ["report", "audit"] {
        for format in [&[][..], &["--json"]] {
            let args = [&[command], format, args].concat();
            let without = stats(sandbox, &[&args[..], &["--no-index"]].concat()).out;
            for time in ["first", "second"] {
                assert_eq!(stats(sandbox, &args).out, without, "{args:?}, {time} time");
            }
        }
    }
    let run = stats(sandbox, &[&["report", "--json"], args].concat());
    serde_json::from_str(&run.out).expect("JSON")
}

/// In whole dollars.
fn cost(sandbox: &Sandbox) -> u64 {
    same(sandbox, &[])["cost"]["actual_usd"].as_f64().expect("a number").round() as u64
}

/// What a report reads, in this process.
fn read(sandbox: &Sandbox, scope: &Scope) -> Corpus {
    let env = Env { state_dir: Some(sandbox.state()), ..Env::default() };
    read_all(&sandbox.path(".claude/projects"), scope, &Words::load(&env), env.state_dir.as_deref())
}

/// How many files a report need not read.
fn known(sandbox: &Sandbox) -> u64 {
    read(sandbox, &Scope::default()).from_index
}

fn tokens(millions: u64) -> (u64, u64, u64, u64) {
    (millions * 1_000_000, 0, 0, 0)
}

/// One request of so many million Opus tokens, at $4 each.
fn session(id: &str, millions: u64) -> Transcript {
    Transcript::main(id).answer(&format!("m-{id}"), OPUS, tokens(millions), 1)
}

fn settled(transcripts: &[Transcript]) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.state()).expect("a state folder");
    fs::create_dir(sandbox.claude()).expect("Claude Code's folder");
    for transcript in transcripts {
        transcript.write(&sandbox);
    }
    settle(&sandbox);
    sandbox
}

fn tool(id: &str, name: &str, input: &Value) -> Value {
    let content = json!([{"type": "tool_use", "id": id, "name": name, "input": input}]);
    let message =
        json!({"id": format!("m-{id}"), "model": OPUS, "content": content, "usage": {"output_tokens": 5}});
    json!({"type": "assistant", "uuid": format!("u-{id}"), "cwd": "/home/user/shop", "message": message})
}

fn said(uuid: &str, text: &str) -> Value {
    json!({"type": "user", "uuid": uuid, "message": {"role": "user", "content": text}})
}

/// A session with everything that a transcript can hold, and some that none should.
fn oddities() -> Sandbox {
    let sandbox = Sandbox::new();
    let task = json!({"description": "look", "prompt": "Find the retry settings in src/net.rs", "subagent_type": "Explore"});
    let edit = json!({"file_path": "/home/user/shop/src/net.rs"});
    let main = Transcript::main("s1")
        .noise()
        .answer("m1", OPUS, (1000, 200, 3000, 40_000), 3)
        .spaced()
        .answer("m2", HAIKU, (120_000, 10, 20, 30), 2)
        .line(&tool("toolu_1", "Agent", &task))
        .agent_result("toolu_1", "a1", HAIKU, "completed")
        .line(&tool("toolu_2", "Edit", &edit))
        .line(&said("p2", "that doesn't work, the upload still fails"))
        .raw("{\"type\":\"assistant\",\"message\":{\"id\":\"m2\",\"usa\n\0\0\0\n[1]\n")
        .cost_state(0.5)
        .answer_with("m3", "unheard-of model", (5, 5, 5, 5), 1, &json!({"speed": "fast"}))
        .answer("", OPUS, (7, 7, 7, 7), 2);
    main.write(&sandbox);
    main.forked("s2").write(&sandbox);
    let agent = Transcript::agent("s1", "a1")
        .answer("m4", HAIKU, (10, 20, 30, 40), 2)
        .line(&tool("toolu_3", "Write", &edit))
        .answer("m1", OPUS, (1000, 200, 3000, 40_000), 1);
    agent.write_with_meta(&sandbox, "Explore", "toolu_1", "haiku", None);
    sandbox.write(&format!("{FOLDER}/s3.jsonl"), "");
    sandbox.write(&format!("{FOLDER}/s4.jsonl"), vec![0xff; 3000]);
    sandbox.write(".claude/projects/-home-user-other/s5.jsonl", session("s5", 2).forked("s5").text());
    sandbox.write(&format!("{FOLDER}/s6/subagents/agent-a6.meta.json"), "{");
    sandbox.write(&format!("{FOLDER}/s6/subagents/agent-a6.jsonl"), "{}\n");
    settle(&sandbox);
    // Older than `--since` below.
    set_time(
        &sandbox.path(".claude/projects/-home-user-other/s5.jsonl"),
        SystemTime::UNIX_EPOCH + 1000 * AN_HOUR,
    );
    symlink(sandbox.path(FOLDER), sandbox.path(".claude/projects/again")).expect("a link");
    symlink("gone", sandbox.path(&format!("{FOLDER}/gone.jsonl"))).expect("a link");
    let fifo = sandbox.path(&format!("{FOLDER}/fifo.jsonl"));
    rustix::fs::mkfifoat(rustix::fs::CWD, fifo, rustix::fs::Mode::RWXU).expect("a FIFO");
    let logged = [spawn("toolu_1", "Explore", Some("haiku"), None, OPUS), result("toolu_1", "a1", HAIKU)];
    write_log(&sandbox, &logged);
    sandbox
}

#[test]
fn a_report_is_the_same_to_the_byte_with_an_index_and_without() {
    let sandbox = oddities();
    let report = same(&sandbox, &[]);
    assert_eq!(report["outcomes"]["rejected"], 1, "{}", report["outcomes"]);
    let corpus = read(&sandbox, &Scope::default());
    assert!(corpus.from_index >= 6, "only {} of {}", corpus.from_index, corpus.files);
    for args in [
        &["--since", "2026-11-20"][..],
        &["--project", "-home-user-shop"],
        &["--project", "-home-user-other", "--since", "2026-11-20"],
    ] {
        same(&sandbox, args);
    }
    assert_eq!(known(&sandbox), corpus.from_index, "no scope drops what lies outside of it");
}

#[test]
fn a_file_that_changed_is_read_again() {
    let sandbox = settled(&[session("s1", 1), session("s2", 10)]);
    assert_eq!((cost(&sandbox), known(&sandbox)), (44, 2));
    let path = sandbox.path(&format!("{FOLDER}/s1.jsonl"));
    let stamp = |path: &Path| {
        let meta = fs::metadata(path).expect("it is there");
        (meta.len(), meta.mtime_nsec(), meta.mtime(), meta.ino())
    };

    session("s1", 1).answer("m-more", OPUS, tokens(3), 1).write(&sandbox);
    assert_eq!(cost(&sandbox), 56, "lines were added");
    settle(&sandbox);
    assert_eq!((cost(&sandbox), known(&sandbox)), (56, 2));

    session("s1", 1).write(&sandbox);
    settle(&sandbox);
    assert_eq!((cost(&sandbox), known(&sandbox)), (44, 2), "it was cut");

    let before = stamp(&path);
    let old = fs::metadata(&path).and_then(|meta| meta.modified()).expect("a time");
    session("s1", 2).write(&sandbox);
    set_time(&path, old);
    assert_eq!(stamp(&path), before, "the test is about a file that looks the same");
    assert_eq!(cost(&sandbox), 48, "it was written over, and its time set back");

    sandbox.write("fresh.jsonl", fs::read_to_string(&path).expect("text").replace("2000000", "5000000"));
    set_time(&sandbox.path("fresh.jsonl"), old);
    fs::rename(sandbox.path("fresh.jsonl"), &path).expect("it is replaced");
    assert_eq!((cost(&sandbox), known(&sandbox)), (60, 2), "another file took its place");

    fs::rename(&path, sandbox.path(&format!("{FOLDER}/s9.jsonl"))).expect("it is renamed");
    assert_eq!((cost(&sandbox), known(&sandbox)), (60, 2));
}

#[test]
fn a_file_that_is_gone_leaves_figures_and_index() {
    let sandbox = settled(&[session("s1", 1), session("s2", 10)]);
    assert_eq!((cost(&sandbox), known(&sandbox)), (44, 2));
    let size = || fs::metadata(sandbox.path(INDEX)).expect("an index").len();
    let before = size();
    fs::remove_file(sandbox.path(&format!("{FOLDER}/s2.jsonl"))).expect("it goes");
    assert_eq!((cost(&sandbox), known(&sandbox)), (4, 1));
    assert!(size() < before, "the index forgets it");
    fs::remove_dir_all(sandbox.claude()).expect("all go");
    assert_eq!((cost(&sandbox), known(&sandbox)), (0, 0));
}

#[test]
fn what_the_client_notes_beside_a_transcript_is_never_out_of_date() {
    let sandbox = settled(&[]);
    let agent = Transcript::agent("s1", "a1").answer("m1", HAIKU, tokens(1), 1);
    let executor = |name: &str| {
        agent.write_with_meta(&sandbox, name, "toolu_1", "haiku", None);
        settle(&sandbox);
        same(&sandbox, &[])["delegations"]["by_executor"].clone()
    };
    assert_eq!(executor("Explore"), json!({"Explore": 1}));
    assert_eq!(executor("Plan"), json!({"Plan": 1}));
}

#[test]
fn a_file_written_a_moment_ago_is_not_kept() {
    let sandbox = settled(&[session("s1", 1)]);
    session("s2", 10).write(&sandbox);
    set_time(&sandbox.path(&format!("{FOLDER}/s2.jsonl")), SystemTime::now() + AN_HOUR);
    assert_eq!((cost(&sandbox), known(&sandbox)), (44, 1));
}

#[test]
fn a_damaged_index_changes_nothing() {
    let sandbox = oddities();
    let show = |mut corpus: Corpus| {
        corpus.from_index = 0;
        format!("{corpus:?}")
    };
    let one_project = Scope { folder: Some("-home-user-other".to_owned()), since: 0 };
    let plain = show(read(&sandbox, &one_project));
    let path = sandbox.path(INDEX);
    let good = fs::read(&path).expect("an index");
    assert_eq!(read(&sandbox, &one_project).from_index, 1);
    let damaged = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).expect("it is damaged");
        let corpus = read(&sandbox, &one_project);
        assert_eq!(corpus.from_index, 0, "{what}");
        assert_eq!(show(corpus), plain, "{what}");
        assert_eq!(fs::read(&path).expect("an index"), good, "it is made anew: {what}");
    };
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 1 << (place % 8);
        damaged(&bytes, &format!("byte {place}"));
        damaged(&good[..place], &format!("cut at {place}"));
    }
    damaged(&[&good[..], b"\0"].concat(), "a byte too many");
    damaged(&vec![0xff; 1 << 20], "something else");
    same(&sandbox, &[]);
}

#[test]
fn an_index_of_other_rules_or_another_build_is_not_used() {
    let sandbox = oddities();
    same(&sandbox, &[]);
    let complaints = |sandbox: &Sandbox| same(sandbox, &[])["outcomes"]["by_kind"]["user-visible"].clone();
    assert_eq!(complaints(&sandbox), 1);
    sandbox.write(
        "config/rules.toml",
        "[[rule]]\nid = \"rejoice\"\ntier = 0\nrole = \"none\"\nweight = 9.0\n\
        phrases = [\"the upload still fails\"]\nexamples = [\"the upload still fails\"]\n",
    );
    let ids: Vec<u8> = fs::read(sandbox.path(INDEX)).expect("an index")[8..16].to_vec();
    same(&sandbox, &[]);
    assert_ne!(fs::read(sandbox.path(INDEX)).expect("an index")[8..16], ids, "the rules are part of its key");
    // As a later build would write it: everything sound, another stamp.
    let mut bytes = fs::read(sandbox.path(INDEX)).expect("an index");
    bytes[8] ^= 1;
    fs::write(sandbox.path(INDEX), bytes).expect("it is written");
    assert_eq!(known(&sandbox), 0);
}

#[test]
fn a11_an_index_that_is_no_private_file_is_neither_followed_nor_waited_for() {
    let sandbox = settled(&[session("s1", 1)]);
    let (path, outside) = (sandbox.path(INDEX), sandbox.path("outside"));
    assert_eq!(cost(&sandbox), 4);
    fs::rename(&path, &outside).expect("a sound index elsewhere");
    let good = fs::read(&outside).expect("bytes");

    symlink(&outside, &path).expect("a link");
    assert_eq!(known(&sandbox), 0, "a link is not followed");
    assert!(path.is_file() && !path.is_symlink(), "a file takes its place");
    assert_eq!(fs::read(&outside).expect("bytes"), good);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("a mode");
    assert_eq!(known(&sandbox), 0, "others could have written it");
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);

    fs::remove_file(&path).expect("it goes");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a FIFO");
    assert_eq!(cost(&sandbox), 4);

    fs::remove_file(&path).expect("it goes");
    fs::create_dir(&path).expect("a folder");
    assert_eq!((cost(&sandbox), known(&sandbox)), (4, 0));
    assert_eq!(fs::read_dir(sandbox.state()).expect("the folder").count(), 1, "nothing is left behind");
}

#[test]
fn without_a_state_folder_that_can_be_written_a_report_works_and_makes_none() {
    let mut sandbox = settled(&[session("s1", 1)]);
    fs::remove_dir(sandbox.state()).expect("it is empty");
    assert_eq!(cost(&sandbox), 4);
    assert!(!sandbox.state().exists());
    // A folder in which not even root can make a file.
    sandbox.set("SEF_STATE_DIR", "/proc/self");
    assert_eq!(cost(&sandbox), 4);
}

#[test]
fn b4_the_index_is_private_and_holds_no_text() {
    let sandbox = settled(&[]);
    let canary = "CANARY";
    let task =
        json!({"description": canary, "prompt": format!("{canary} in {canary}.rs"), "subagent_type": canary});
    let input =
        json!({"file_path": format!("/{canary}"), "command": canary, "pattern": canary, "path": canary});
    let main = Transcript::main("s1")
        .line(&said("p1", canary))
        .line(&tool("toolu_1", "Agent", &task))
        .agent_result("toolu_1", "a1", HAIKU, "completed")
        .line(&tool("toolu_2", "Bash", &input))
        .line(&tool("toolu_3", "Grep", &input))
        .line(&tool("toolu_4", "Edit", &input))
        .line(&said("p2", canary))
        .cost_state(1.0);
    main.write(&sandbox);
    let agent = Transcript::agent("s1", "a1").line(&tool("toolu_5", "Read", &input));
    agent.write_with_meta(&sandbox, canary, "toolu_1", "haiku", Some(canary));
    // Where the client writes ids and models, somebody could put text.
    for (number, path) in
        ["/message/id", "/message/model", "/sessionId", "/uuid", "/requestId"].iter().enumerate()
    {
        let mut line = tool("toolu_9", "Agent", &task);
        line["sessionId"] = json!("s9");
        line["requestId"] = json!("r9");
        *line.pointer_mut(path).expect("a field") = json!(format!("{canary} of the user"));
        sandbox.write(&format!("{FOLDER}/odd{number}.jsonl"), format!("{line}\n"));
    }
    settle(&sandbox);
    same(&sandbox, &[]);
    assert!(known(&sandbox) >= 2);
    let path = sandbox.path(INDEX);
    let bytes = fs::read(&path).expect("an index");
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    assert!(!text.contains("canary") && !text.contains("shop") && !text.contains(".rs"), "{text}");
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
}

#[test]
fn reports_at_the_same_time_do_not_harm_each_other() {
    let sandbox = settled(&(0..20).map(|number| session(&format!("s{number}"), 1)).collect::<Vec<_>>());
    let expected = stats(&sandbox, &["report", "--no-index"]).out;
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (sandbox, expected) = (&sandbox, &expected);
            scope.spawn(move || {
                for round in 0..8 {
                    if (round + number) % 3 == 0 {
                        let _ = fs::remove_file(sandbox.path(INDEX));
                    }
                    let mut command = sandbox.command(binary("sef-stats"));
                    command.arg("report");
                    assert_eq!(&finish(command, b"").out, expected);
                }
            });
        }
    });
    known(&sandbox);
    assert_eq!(known(&sandbox), 20);
    assert_eq!(fs::read_dir(sandbox.state()).expect("the folder").count(), 1, "nothing is left behind");
}
