//! `sef-stats report --html`: the page says what the JSON says, needs nothing besides itself, and takes every name for
//! text; its file is whole, private, and never written through a link.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use sef::calendar::DAY;
use sef::metrics::record::{Kind, Outcome, Record};
use serde_json::{Value, json};

use super::corpus::{FOLDER, NOON, Transcript, record, result, spawn, write_log};
use super::{dollars, report};
use crate::sandbox::{Run, Sandbox, binary, finish, skipped};

const OPUS: &str = "claude-opus-5-5";
const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const TOKENS: (u64, u64, u64, u64) = (100_000, 2_000, 0, 0);

/// The page on stdout; it must be sound.
pub(super) fn html(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = stats(sandbox, &[&["--html", "-"], args].concat());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    is_sound(&run.out);
    run.out
}

fn stats(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run("sef-stats", &[&["report"], args].concat(), "")
}

/// What every page promises: it is well formed, holds no control character and none that reorders text, and asks for nothing.
fn is_sound(page: &str) {
    let odd = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert_eq!(page.chars().find(odd), None);
    let lower = page.to_lowercase();
    for part in
        ["http://", "https://", "<script", "url(", "@import", "javascript:", "<iframe", "<form", "<base"]
    {
        assert!(!lower.contains(part), "the page has {part}");
    }
    let policy = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"";
    assert!(page.contains(policy));
    is_balanced(page);
}

/// Every tag that opens is closed in its turn, attributes are quoted, none runs or loads anything, and no `<` or `&`
/// stands alone.
fn is_balanced(page: &str) {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    let mut open: Vec<&str> = Vec::new();
    while let Some(at) = rest.find('<') {
        is_text(&rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let (tag, after) = (&rest[at + 1..end], &rest[end + 1..]);
        let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()), "<{tag}>");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "<{tag}>");
        } else {
            let pieces: Vec<&str> = tag.trim_end_matches('/').split('"').collect();
            assert_eq!(pieces.len() % 2, 1, "quotes of <{tag}>");
            for (at, piece) in pieces.iter().enumerate() {
                let key = piece.trim().trim_start_matches(name).trim();
                let acts = key.starts_with("on") || key.starts_with("src") || key.starts_with("style");
                assert!(at % 2 == 1 || !acts, "<{tag}>");
                assert!(at % 2 == 1 || key != "href=" || pieces[at + 1] == "data:,", "<{tag}>");
                assert!(at % 2 == 0 || !piece.contains('<'), "<{tag}>");
            }
            open.extend((!tag.ends_with('/')).then_some(name));
        }
        rest = after;
    }
    is_text(rest);
    assert_eq!(open, Vec::<&str>::new());
}

fn is_text(text: &str) {
    for (at, _) in text.match_indices('&') {
        let entity = text[at + 1..].split(';').next().expect("a piece");
        assert!(matches!(entity, "amp" | "lt" | "gt" | "quot" | "#39"), "&{entity}");
    }
}

/// The page without the time at which it was made.
fn timeless(page: &str) -> String {
    let (before, rest) = page.split_once("<time id=\"made\">").expect("the time of making");
    let (_, after) = rest.split_once("</time>").expect("its end");
    before.to_owned() + after
}

/// The exact value of a headline figure.
fn headline(page: &str, id: &str) -> Value {
    let (_, rest) =
        page.split_once(&format!("<data id=\"{id}\" value=\"")).unwrap_or_else(|| panic!("no {id}"));
    let value = rest.split('"').next().expect("a value");
    serde_json::from_str(value).expect("a number")
}

/// Two prompts, one of them delegated; one delegation mismatches, one is rejected, one model has no price.
fn working() -> Sandbox {
    let sandbox = Sandbox::new();
    let prompt =
        |id: &str| Record { p: Some(id.to_owned()), tier: Some(2), us: Some(170), ..record(Kind::Prompt) };
    let call = |call: &str, rule: &str| Record {
        rules: vec![rule.to_owned()],
        tier: Some(2),
        role: Some("implement".to_owned()),
        ..spawn(call, "general-purpose", Some("sonnet"), Some("sonnet"), OPUS)
    };
    write_log(
        &sandbox,
        &[
            prompt("p1"),
            prompt("p2"),
            call("toolu_1", "good-rule"),
            Record { out: Some(Outcome::Ok), ..result("toolu_1", "a1", SONNET) },
            call("toolu_2", "bad-rule"),
            Record { out: Some(Outcome::Failed), ..result("toolu_2", "a2", OPUS) },
            Record { why: Some("session-memory".to_owned()), ..record(Kind::Fault) },
        ],
    );
    Transcript::main("s1")
        .answer("m1", OPUS, TOKENS, 2)
        .agent_result("toolu_1", "a1", SONNET, "completed")
        .agent_result("toolu_2", "a2", OPUS, "completed")
        .answer("m2", "acme-coder-70b", TOKENS, 1)
        .answer("m3", OPUS, TOKENS, 1)
        .cost_state(9.0)
        .write(&sandbox);
    let agent = |id: &str, call: &str, model: &str| {
        let work = Transcript::agent("s1", id).answer(&format!("m-{id}"), model, TOKENS, 1);
        work.write_with_meta(&sandbox, "general-purpose", call, "sonnet", None);
    };
    agent("a1", "toolu_1", SONNET);
    agent("a2", "toolu_2", OPUS);
    sandbox
}

#[test]
fn the_page_has_every_headline_figure_of_the_json() {
    let sandbox = working();
    let (report, page) = (report(&sandbox, &[]), html(&sandbox, &[]));
    let savings = &report["savings"];
    let usd = |key: &str| savings[key].as_f64().expect(key);
    let saved = usd("agents_on_orchestrator_usd") - usd("agents_usd") - usd("reading_usd");
    for (id, expected) in [
        ("delegation", &report["rates"]["delegation"]),
        ("rejection", &report["rates"]["rejection"]),
        ("cost", &report["cost"]["actual_usd"]),
        ("saved", &json!(saved)),
        ("mismatches", &report["delegations"]["mismatches"]),
        ("hook", &report["hook"]["hook_time"]["p50_us"]),
    ] {
        assert!(!expected.is_null(), "{id}");
        assert_eq!(dollars(&headline(&page, id)), dollars(expected), "{id}");
    }
    assert_eq!(report["delegations"]["mismatches"], 1);
    for said in [
        "target 60\u{2013}80\u{a0}%",
        "1 of 1 known; 95\u{a0}% interval 21\u{2013}100\u{a0}%; target under 15\u{a0}%",
        "<span class=\"chip plain\">estimate</span>",
        "1 mismatch",
        "acme-coder-70b",
        "differ in 1 of 1 session",
        "session-memory",
        "bad-rule",
        "good-rule",
        "general-purpose",
        &format!("SEF {}", env!("CARGO_PKG_VERSION")),
        "What delegating saved is an estimate",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_chart_has_its_description_its_tooltips_and_its_numbers_as_a_table() {
    let page = html(&working(), &[]);
    for (at, _) in page.match_indices("<svg") {
        let tag = &page[at..at + page[at..].find('>').expect("the tag ends")];
        let described = tag.contains("role=\"img\" aria-label=\"") || tag.contains("aria-hidden=\"true\"");
        assert!(described, "{tag}");
    }
    assert!(page.contains("<title>Fri 20 Nov 2026: $"), "a column's tooltip");
    assert!(page.contains("<desc>Points: share of tasks that were delegated for each day"));
    let tables = page.matches("<table").count();
    assert_eq!((page.matches("<caption>").count(), page.matches("<thead>").count()), (tables, tables));
    assert_eq!((page.matches("<h1>").count(), page.matches("<main>").count()), (1, 1));
}

#[test]
fn without_anything_the_page_says_what_to_do_first() {
    let sandbox = Sandbox::new();
    let page = html(&sandbox, &[]);
    for said in ["Nothing to report yet", "<code>sef install</code>", "/home/state", ".claude/projects"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("--since"));
    assert!(html(&working(), &["--since", "2027-01-01"]).contains("try without them"));
}

#[test]
fn a_log_without_transcripts_and_transcripts_without_a_log_make_pages() {
    let sandbox = Sandbox::new();
    write_log(&sandbox, &[Record { tier: Some(1), ..record(Kind::Prompt) }]);
    let page = html(&sandbox, &[]);
    assert!(page.contains("no outcome known yet") && !page.contains("Where the money went"));
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", "acme-coder-70b", TOKENS, 1).write(&sandbox);
    let page = html(&sandbox, &[]);
    assert!(page.contains("no tasks yet") && page.contains("No request with a price in this period"));
}

#[test]
fn hostile_names_are_text() {
    let sandbox = Sandbox::new();
    let evil = format!(
        "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{61c}\u{1b}[31m\u{0}{}",
        "W".repeat(10_000)
    );
    let named = Record {
        s: evil.clone(),
        p: Some(evil.clone()),
        agent: Some(evil.clone()),
        tu: Some(evil.clone()),
        role: Some(evil.clone()),
        tier: Some(200),
        rules: vec![evil.clone(), "\u{5d0}".repeat(3_000)],
        hint: Some(evil.clone()),
        ran: Some(format!("{SONNET}{evil}")),
        why: Some(evil.clone()),
        mode: Some(evil.clone()),
        out: Some(Outcome::Failed),
        us: Some(7),
        ..spawn("toolu_1", "sef-explore", Some("haiku"), Some("haiku"), OPUS)
    };
    let kinds = [Kind::Prompt, Kind::Spawn, Kind::Result, Kind::Refused, Kind::Fault];
    write_log(&sandbox, &kinds.map(|e| Record { e, ..named.clone() }));
    let folder = "-home-\u{5d0}<b>\"'&\u{202e}";
    let main =
        Transcript::main("s1").answer("m1", &evil, TOKENS, 1).answer("m2", OPUS, TOKENS, 1).cost_state(99.0);
    main.write_to(&sandbox, &format!(".claude/projects/{folder}/s1<i>.jsonl"));
    let agent = Transcript::agent("s1<i>", "a1").answer("m3", &format!("opus{evil}"), TOKENS, 1);
    agent.write_to(&sandbox, &format!(".claude/projects/{folder}/s1<i>/subagents/agent-a1.jsonl"));
    let meta = json!({"agentType": evil, "toolUseId": "toolu_9", "model": "haiku"});
    sandbox.write(&format!(".claude/projects/{folder}/s1<i>/subagents/agent-a1.meta.json"), meta.to_string());
    let page = html(&sandbox, &[]);
    assert!(page.contains("&lt;/td&gt;&lt;script&gt;alert"), "the name is there, as text");
    assert!(!page.contains(&"W".repeat(300)), "a name of 10 kB is shown in full");
    assert!(page.len() < 200_000, "{}", page.len());
    html(&sandbox, &["--project", folder]);
}

#[test]
fn no_word_of_a_prompt_a_task_or_a_result_is_in_the_page() {
    let sandbox = working();
    let canary = "CANARY-of-a-prompt";
    Transcript::main("s2")
        .line(&json!({"type": "user", "uuid": "p9", "promptId": "p9", "message": {"role": "user", "content": canary}}))
        .line(&json!({"type": "assistant", "message": {"id": "m9", "role": "assistant", "model": OPUS,
            "usage": {"input_tokens": 9, "output_tokens": 9}, "content": [{"type": "tool_use", "id": "toolu_9",
            "name": "Agent", "input": {"prompt": canary, "description": canary, "subagent_type": "Explore"}}]}}))
        .line(&json!({"type": "user", "message": {"role": "user", "content": [{"type": "tool_result",
            "tool_use_id": "toolu_9", "content": canary}]}}))
        .write(&sandbox);
    assert!(!html(&sandbox, &[]).contains("CANARY"));
}

#[test]
fn long_lists_and_long_times_stay_bounded() {
    let sandbox = Sandbox::new();
    let mut main = Transcript::main("s1");
    let mut records = Vec::new();
    for number in 0..400_u64 {
        main = main.at(number * 86_400 * 5 + 1).answer(&format!("m{number}"), OPUS, TOKENS, 1);
        let call = format!("toolu_{number}");
        records.push(Record {
            t: NOON + number * DAY,
            rules: vec![format!("rule-{number}")],
            ..spawn(&call, &format!("agent-{number}"), Some("haiku"), Some("haiku"), OPUS)
        });
        records.push(Record {
            t: NOON + number * DAY,
            out: Some(Outcome::Failed),
            ..result(&call, "a", OPUS)
        });
    }
    main.write(&sandbox);
    write_log(&sandbox, &records);
    let page = html(&sandbox, &[]);
    // Three sizes of the chart of cost, each with at most 62 columns.
    let columns = page.matches("<g class=\"col\">").count();
    assert!(columns > 0 && columns <= 3 * 62, "{columns}");
    for more in
        ["and 388 more; <code>sef-stats audit</code>", "and 388 more; <code>sef-stats report --json</code>"]
    {
        assert!(page.contains(more), "{more}");
    }
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let sandbox = working();
    assert_eq!(timeless(&html(&sandbox, &[])), timeless(&html(&sandbox, &[])));
}

#[test]
fn the_file_is_private_whole_and_said_with_its_size() {
    let sandbox = working();
    sandbox.write("project/report.html", "an old report");
    let old = sandbox.path("project/report.html");
    std::fs::set_permissions(&old, PermissionsExt::from_mode(0o644)).expect("set the mode");
    let run = stats(&sandbox, &["--html", "report.html"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let written = sandbox.read("project/report.html");
    let size = format!("{:.1}kB", written.len() as f64 / 1000.0);
    let path = old.canonicalize().expect("it is there");
    assert_eq!(run.out, format!("wrote {} ({size})\n", path.display()));
    assert_eq!(timeless(&written), timeless(&html(&sandbox, &[])));
    let mode = std::fs::metadata(&old).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(names(&sandbox.path("project")), ["report.html"]);
    for umask in ["0", "777"] {
        let mut shell = sandbox.command("/bin/sh");
        shell
            .arg("-c")
            .arg(format!("umask {umask}; exec \"$0\" report --html fresh.html"))
            .arg(binary("sef-stats"));
        assert_eq!(finish(shell, b"").code, Some(0), "umask {umask}");
        let fresh = sandbox.path("project/fresh.html");
        let mode = std::fs::metadata(&fresh).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "umask {umask}");
        std::fs::remove_file(fresh).expect("remove it");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_no_regular_file_is_refused_and_stays() {
    let sandbox = working();
    let target = sandbox.write("project/target", "precious");
    let place = |name: &str| sandbox.path(&format!("project/{name}"));
    symlink(&target, place("link")).expect("a link");
    symlink(sandbox.path("nowhere"), place("dangling")).expect("a link");
    std::fs::create_dir(place("folder")).expect("a folder");
    let made = std::process::Command::new("mkfifo").arg(place("pipe")).status();
    if !made.is_ok_and(|status| status.success()) {
        skipped("a pipe as the page's file", "no mkfifo here");
        std::fs::create_dir(place("pipe")).expect("a folder");
    }
    let before = names(&sandbox.path("project"));
    for (name, why) in [
        ("link", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("folder", "a folder"),
        ("pipe", "it is a"),
        ("missing/report.html", "No such file"),
        ("/dev/null", "no regular file"),
        ("..", "no name of a file"),
    ] {
        let run = stats(&sandbox, &["--html", name]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{name}");
        let said = ["sef-stats: cannot write the page: ", why, "to mend it: "];
        assert!(said.iter().all(|part| run.err.contains(part)), "{name}: {}", run.err);
    }
    assert_eq!(sandbox.read("project/target"), "precious");
    assert_eq!(names(&sandbox.path("project")), before);
    assert!(!sandbox.path("nowhere").exists());
}

#[test]
fn html_and_json_exclude_each_other() {
    let sandbox = working();
    for other in [&["--json"][..], &["--by", "day"]] {
        let run = stats(&sandbox, &[&["--html", "report.html"], other].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
        assert!(
            run.err.contains("'--html <FILE>' cannot be used with '") && run.err.contains(other[0]),
            "{}",
            run.err
        );
    }
    assert_eq!(names(&sandbox.path("project")), Vec::<String>::new());
}

#[test]
fn a_haiku_that_no_price_list_knows_stands_with_its_family() {
    let sandbox = Sandbox::new();
    Transcript::main("s1")
        .answer("m1", HAIKU, TOKENS, 1)
        .answer("m2", "haiku-of-tomorrow", TOKENS, 1)
        .write(&sandbox);
    let page = html(&sandbox, &[]);
    assert!(page.contains("<i class=\"f-haiku\"></i><bdi>haiku-of-tomorrow</bdi>"));
    assert!(page.contains("1 model without a price") && sandbox.path(FOLDER).is_dir());
}
