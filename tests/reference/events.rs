//! docs/reference/events.md: every registered event, from hooks/hooks.json and the words beside the events in
//! src/protocol.rs; the handlers, given the recorded payloads, are asked whether those words are true.

use serde_json::{Value, json};

use sef::agents;
use sef::handle::{World, handle};
use sef::metrics::record::Record;
use sef::protocol::Event;
use sef::rules::image::Image;
use sef::rules::policy_of;
use sef::state::Session;

use super::source::{Field, item};
use super::{code, head, hold, page, row, text};
use crate::payloads::{names, payload};

/// When the examples happened: 2026-11-21T12:00:00Z, in milliseconds since 1970.
pub const NOW: u64 = 1_795_262_400_000;

/// What one event leads to, with nothing on this machine read.
pub fn outcome(event: &Value, session: &mut Session) -> (Option<Value>, Vec<Record>) {
    let image = Image::built_in();
    let mut policy = policy_of(&image);
    policy.show.savings_at_stop = true;
    let world = World {
        image: &image,
        policy: &policy,
        now: NOW,
        forced_model: None,
        chosen_model: None,
        spoke: &|| None,
        agent_spoke: &|_| None,
        agent_note: &|_| None,
        so_far: &|| None,
        agent_model: &|name| agents::model_of(name, &[], None),
        turbo_ready: &|| false,
    };
    let line = event.to_string();
    let event = Event::parse(&line).expect("a payload is an event");
    let outcome = handle(&event, &world, session);
    let reply = outcome.reply.map(|reply| serde_json::from_str(&reply.to_json()).expect("a reply is JSON"));
    (reply, outcome.records)
}

/// The registered events as hooks.json has them: name, matcher, timeout in seconds.
fn registered() -> Vec<(String, String, String)> {
    let file: Value = serde_json::from_str(&text("hooks/hooks.json")).expect("hooks.json is JSON");
    let events = file["hooks"].as_object().expect("events by name");
    let entry = |(name, entries): (&String, &Value)| {
        let matcher = entries[0]["matcher"].as_str().unwrap_or_default().to_owned();
        (name.clone(), matcher, entries[0]["hooks"][0]["timeout"].to_string())
    };
    events.iter().map(entry).collect()
}

/// The sentence of a variant's description that begins with a word.
fn sentence(field: &Field, word: &str) -> String {
    let mut wanted = false;
    let mut found = Vec::new();
    for line in &field.lines {
        if line.starts_with("Reads ") || line.starts_with("Answers ") {
            wanted = line.starts_with(word);
        }
        if wanted {
            found.push(line.as_str());
        }
    }
    found.join(" ").trim_start_matches(word).trim().to_owned()
}

fn meaning(field: &Field) -> String {
    let said =
        field.lines.iter().take_while(|line| !line.starts_with("Reads ") && !line.starts_with("Answers "));
    said.cloned().collect::<Vec<_>>().join(" ")
}

fn made() -> String {
    let names = item("src/protocol.rs", "Name");
    let mut body = names
        .doc
        .split(" The words after")
        .next()
        .unwrap_or_default()
        .replace("The events that SEF acts on.", "The events that `hooks/hooks.json` registers.");
    body += " `sef-hook` reads one event on standard input and always exits with 0. What it answers is \
        `hookSpecificOutput` or `systemMessage`, mostly nothing. Fields that are missing, null or of another type read as absent; unknown events get no \
        answer. What it decides, and why: [how it routes](../how-it-routes.md).\n\n";
    for (name, matcher, timeout) in registered() {
        let field = names.fields.iter().find(|field| field.name == name);
        let field = field.unwrap_or_else(|| panic!("src/protocol.rs does not know {name}"));
        let or_nothing = |said: String| if said.is_empty() { "nothing more".to_owned() } else { said };
        let (answers, matched) = (sentence(field, "Answers "), code(&matcher));
        body += &format!("## {name}\n\n{}\n\n", meaning(field));
        body += &head(&["", ""]);
        body += &row(&["matcher", if matcher.is_empty() { "none: all of them" } else { &matched }]);
        body += &row(&["timeout", &format!("{timeout} s")]);
        body += &row(&["reads", &or_nothing(sentence(field, "Reads "))]);
        body += &row(&["may answer", if answers.is_empty() { "nothing" } else { &answers }]);
        body += "\n";
    }
    page("Events", &body)
}

#[test]
fn the_page_of_events_is_what_is_registered() {
    hold("events.md", &made());
}

/// Every field of a payload: on top, and below what a tool was given and gave.
fn places(event: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (name, value) in event.as_object().expect("an event is an object") {
        found.push(vec![name.clone()]);
        if let ("tool_input" | "tool_response", Some(inner)) = (name.as_str(), value.as_object()) {
            found.extend(inner.keys().map(|key| vec![name.clone(), key.clone()]));
        }
    }
    found
}

fn without(event: &Value, place: &[String]) -> Value {
    let mut changed = event.clone();
    let (last, path) = place.split_last().expect("a place has a name");
    let holder = path.iter().fold(&mut changed, |value, key| &mut value[key.as_str()]);
    holder.as_object_mut().expect("an object").remove(last);
    changed
}

/// Payloads besides the recorded ones that bring out an answer.
fn more() -> Vec<Value> {
    let mut vague = payload("PreToolUse.Agent");
    vague["tool_name"] = json!("mcp__speed-run__generate");
    vague["tool_input"] = json!({"prompt": "make it nice"});
    let mut empty = payload("PostToolUse.Agent");
    empty["tool_response"]["content"] = json!([]);
    let mut chosen = payload("PreToolUse.Agent");
    chosen["tool_input"]["model"] = json!("opus");
    vec![vague, empty, chosen]
}

#[test]
fn what_the_page_says_of_an_event_is_what_its_handler_does() {
    let described = item("src/protocol.rs", "Name");
    let common = ["hook_event_name", "session_id", "prompt_id", "permission_mode", "transcript_path", "cwd"];
    let recorded = names().into_iter().filter(|name| name != "Unknown").map(|name| payload(&name));
    let mut answered = 0;
    for event in recorded.chain(more()) {
        let name = event["hook_event_name"].as_str().expect("a name");
        let field =
            described.fields.iter().find(|field| field.name == name).expect("every payload is described");
        let (reads, answers) = (sentence(field, "Reads "), sentence(field, "Answers "));
        let (reply, records) = outcome(&event, &mut Session::default());
        let parts = reply.iter().flat_map(|reply| {
            let inner = reply["hookSpecificOutput"].as_object().into_iter().flatten();
            inner
                .chain(reply.as_object().into_iter().flatten())
                .map(|(key, _)| key.clone())
                .collect::<Vec<_>>()
        });
        for key in parts.filter(|key| !["hookSpecificOutput", "hookEventName"].contains(&key.as_str())) {
            answered += 1;
            assert!(
                answers.contains(&code(&key)),
                "{name} answers {key}, which src/protocol.rs does not say"
            );
        }
        for place in places(&event) {
            let other = outcome(&without(&event, &place), &mut Session::default());
            let last = place.last().expect("a name");
            let said = common.contains(&last.as_str())
                || reads.contains(&code(last))
                || reads.contains(&code(&place[0]));
            let changed = (&other.0, &other.1) != (&reply, &records);
            assert!(!changed || said, "{name} reads {place:?}, which src/protocol.rs does not say");
        }
    }
    assert!(answered >= 5, "the payloads bring out answers: {answered}");
}
