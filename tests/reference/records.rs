//! docs/reference/log.md: every kind of line and every field of the log, with examples that were really serialised.

use serde_json::{Map, Value, json};

use sef::metrics::race::{Race, Sort, Step};
use sef::metrics::record::{Hosted, Kind, MainTurn, Outcome, Record};
use sef::state::Session;

use super::events::{NOW, outcome};
use super::source::{item, kind_in_words, values};
use super::{code, head, hold, page, row};
use crate::payloads::payload;

const SOURCE: &str = "src/metrics/record.rs";
const RACES: &str = "src/metrics/race.rs";

/// One line of each kind: what the handlers make of the recorded payloads, and what commands write.
fn examples() -> Vec<Record> {
    let mut session = Session::default();
    let mut made: Vec<Record> = Vec::new();
    let mut vague = payload("PreToolUse.Agent");
    vague["tool_name"] = json!("mcp__speed-run__generate");
    vague["tool_input"] = json!({"prompt": "make it nice"});
    let recorded = [
        "SessionStart.startup",
        "UserPromptSubmit",
        "PreToolUse.Agent",
        "SubagentStart",
        "PostToolUse.Agent",
        "SubagentStop",
        "UserPromptSubmit.notification",
        "PermissionDenied.Agent",
        "Stop",
        "SessionEnd",
    ];
    for event in recorded.map(payload).into_iter().chain([vague]) {
        let mut lines = outcome(&event, &mut session).1;
        // The hook adds its own time when it writes the line.
        for line in &mut lines {
            line.us = Some(180);
        }
        made.extend(lines);
    }
    made.extend(by_commands());
    let mut found: Vec<Record> = Vec::new();
    for record in made {
        if !found.iter().any(|other| other.e == record.e) {
            found.push(record);
        }
    }
    found
}

/// Lines that no event of a session leads to.
fn by_commands() -> Vec<Record> {
    let record = |kind| Record::new(kind, NOW, "5b0e7a34-2a1f-4c3e-9d0b-7f1e2d3c4b5a");
    let used = Hosted {
        m: "gpt-oss-120b".to_owned(),
        i: 511,
        o: 1011,
        r: 400,
        c: 128,
        usd: Some(937),
        ms: 1300,
        n: 1,
        f: 2,
        l: 79,
        ok: true,
        t1: Some(false),
        t: Some(true),
        fix: 1,
    };
    let mut feedback = record(Kind::Feedback);
    feedback.tu = Some("toolu_01a2b3c4d5e6f7a8b9c0d1e2".to_owned());
    feedback.out = Some(Outcome::GaveUp);
    let mut turbo = record(Kind::Turbo);
    (turbo.ms, turbo.h) = (Some(1420), Some(Box::new(used.clone())));
    let mut race = record(Kind::Race);
    race.ms = Some(48_000);
    race.h = Some(Box::new(Hosted { t1: None, t: None, fix: 0, ..used }));
    race.rc = Some(Box::new(Race {
        id: "20261121T113307091Z-d4a80860".to_owned(),
        st: Step::Judged,
        k: Some(Sort::Showdown),
        n: 5,
        fin: 5,
        ok: 3,
        t1: 2,
        dup: 1,
        forged: 1,
        calls: 14,
        rev: 3,
        w: Some(true),
        tok: Some(550),
    }));
    let mut main = record(Kind::Main);
    (main.tier, main.role, main.conf) = (Some(1), Some("explore".to_owned()), Some(940));
    (main.want, main.why) = (Some("haiku".to_owned()), Some("pays".to_owned()));
    main.par = Some("claude-opus-5-5".to_owned());
    main.mt = Some(Box::new(MainTurn {
        g: Some(40_731),
        w: Some(-20_390),
        alt: Some("haiku".to_owned()),
        h: 15_203,
        warm: 271,
        again: true,
    }));
    let mut fault = record(Kind::Fault);
    fault.why = Some("panic".to_owned());
    vec![feedback, turbo, race, main, fault]
}

/// A record in which nothing is left out, for the examples of single fields.
fn filled() -> Value {
    let mut record = Record::new(Kind::Prompt, NOW, "s");
    (record.word, record.src, record.want) = (Some(1), Some("startup".to_owned()), Some("haiku".to_owned()));
    (record.agent, record.a) = (Some("sef-explore".to_owned()), Some("a4c2e6f8091b3d5f7".to_owned()));
    (record.par, record.why) = (Some("claude-opus-5-5".to_owned()), Some("fits".to_owned()));
    serde_json::to_value(&record).expect("a record is JSON")
}

fn fields(path: &str, name: &str, examples: &[&Map<String, Value>]) -> String {
    let mut table = head(&["field", "type", "meaning", "example"]);
    for field in item(path, name).fields {
        let example = examples.iter().find_map(|line| line.get(&field.name));
        let example = example.unwrap_or_else(|| panic!("no example has {name}.{}", field.name));
        let shown = if example.is_object() { "see below".to_owned() } else { code(&example.to_string()) };
        let kind = match kind_in_words(&field.kind).0.as_str() {
            "Kind" => "a kind of line".to_owned(),
            "Outcome" => "an outcome".to_owned(),
            "Step" | "Sort" => "text".to_owned(),
            "Hosted" | "Race" | "MainTurn" => "object".to_owned(),
            other => other.to_owned(),
        };
        table += &row(&[&code(&field.name), &kind, &field.doc, &shown]);
    }
    table
}

fn allowed(title: &str, path: &str, name: &str) -> String {
    let mut text = format!("### {title}\n\n{}", head(&["value", "meaning"]));
    for (value, doc) in values(path, name) {
        text += &row(&[&code(&value), &doc]);
    }
    text + "\n"
}

fn made() -> String {
    let records = examples();
    let value = |record: &Record| serde_json::to_value(record).expect("a record is JSON");
    let lines: Vec<Value> = records.iter().map(value).collect();
    let filled = filled();
    let maps: Vec<&Map<String, Value>> = lines.iter().chain([&filled]).filter_map(Value::as_object).collect();
    let inner = |key: &str| -> Vec<&Map<String, Value>> {
        lines.iter().filter_map(|line| line[key].as_object()).collect()
    };
    let mut body = format!(
        "`log.jsonl` in the state folder has one JSON object a line. {} Rotated files are `log.1.jsonl` and so on; how big and how many: `[log]` in [config.md](config.md). What is never in \
         it: [how it routes](../how-it-routes.md#what-is-recorded).\n\n## Kinds of lines\n\n",
        item(SOURCE, "Record").doc
    );
    body += &head(&["`e`", "meaning and fields"]);
    for (value, doc) in values(SOURCE, "Kind") {
        body += &row(&[&code(&value), &doc]);
    }
    body += "\nOne of each:\n\n```json\n";
    for (value, _) in values(SOURCE, "Kind") {
        let at = lines.iter().position(|line| line["e"] == value.as_str());
        let record = &records[at.unwrap_or_else(|| panic!("no example of the kind {value}"))];
        body += &format!("{}\n", serde_json::to_string(record).expect("a record is JSON"));
    }
    body += &format!("```\n\n## Fields\n\n{}\n", fields(SOURCE, "Record", &maps));
    body += &allowed("Outcomes", SOURCE, "Outcome");
    body += &format!(
        "## `h`: a hosted model\n\n{}\n\n{}\n",
        item(SOURCE, "Hosted").doc,
        fields(SOURCE, "Hosted", &inner("h"))
    );
    body += &format!(
        "## `rc`: a race\n\n{}\n\n{}\n",
        item(RACES, "Race").doc,
        fields(RACES, "Race", &inner("rc"))
    );
    body += &format!(
        "## `mt`: a turn of the conversation\n\n{}\n\n{}\n",
        item(SOURCE, "MainTurn").doc,
        fields(SOURCE, "MainTurn", &inner("mt"))
    );
    body += &allowed("Steps", RACES, "Step");
    body += &allowed("Kinds of races", RACES, "Sort");
    page("The log", &body)
}

#[test]
fn the_page_of_the_log_is_what_is_written() {
    hold("log.md", &made());
}

#[test]
fn the_examples_can_be_read_back() {
    for record in examples() {
        let line = serde_json::to_string(&record).expect("a record is JSON");
        assert_eq!(serde_json::from_str::<Record>(&line).expect("it is a record"), record, "{line}");
    }
}
