//! What the tools of races take and give, as properties of JSON Schema; `schema` makes the whole of them.

use serde_json::{Value, json};

use super::arguments::{
    LONGEST_COMMAND, LONGEST_PROMPT, LONGEST_TEXT, MOST_SECONDS, MOST_WAIT, WAIT_SECONDS,
};
use super::judging::MOST_FOLDERS;
use super::races::{FEWEST, MOST_REPAIRS, MOST_SCENARIOS};
use super::schema::{count, list, number, or_null, string, text};
use super::tools::Name;
use crate::race::data::data;

/// Properties and which of them are required.
pub(super) fn input(name: Name) -> (Value, Value) {
    let bounds = &data().bounds;
    let race = |words: &str| text(words, LONGEST_TEXT);
    match name {
        Name::Showdown => {
            let mut properties = entry();
            properties["runners"] = number(
                "How many runners; left out: by the design's complexity.",
                1,
                bounds.most_runners as u64,
            );
            (properties, json!(["design", "test_command"]))
        }
        Name::AnyPercent => {
            let mut properties = entry();
            properties["approaches"] = json!({
                "type": "array",
                "minItems": FEWEST,
                "maxItems": bounds.most_approaches,
                "description": "Ways to solve it that differ in one decision and fit in everything else.",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": { "type": "string", "description": "One or two words: sqlite" },
                        "text": { "type": "string", "description": "What is decided, and what follows from it." },
                    },
                    "required": ["name", "text"],
                    "additionalProperties": false,
                },
            });
            properties["auto"] = number(
                "Instead of approaches: so many are proposed by the hosted model.",
                FEWEST,
                bounds.most_approaches as u64,
            );
            (properties, json!(["design", "test_command"]))
        }
        Name::Judge => (
            json!({
                "race": race("Id of a race, or how it begins; or give dirs."),
                "dirs": folders("Folders inside the project, one for each candidate; or give race.", MOST_FOLDERS),
                "answers": {
                    "type": "object",
                    "description": "The filled-in form. Left out: what has to be read, and the form.",
                },
            }),
            json!([]),
        ),
        Name::RaceStatus => (
            json!({
                "race": race("Id of the race, or how it begins; left out: a list."),
                "wait_s": number("Seconds to wait for one that is running. Default 0.", 0, MOST_WAIT),
            }),
            json!([]),
        ),
        Name::RaceResume => (
            json!({
                "race": race("Id of the race, or how it begins; left out: the last one that was stopped."),
                "wait_s": wait(),
            }),
            json!([]),
        ),
        _ => (
            json!({
                "race": race("Id of the race, or how it begins."),
                "candidate": race("Another one than the winner, by its name."),
            }),
            json!(["race"]),
        ),
    }
}

/// What both kinds of race take.
fn entry() -> Value {
    let bounds = &data().bounds;
    json!({
        "design": text(
            "What is built: the path of a file in the project, or the text itself, with data, interface, behaviour, errors, and \
             scenario tests as fenced blocks whose info string has their path (```python tests/test_x.py).",
            LONGEST_PROMPT,
        ),
        "test_command": text("Runs at the repository's top in a fence, for example: python3 -m unittest discover -s tests", LONGEST_COMMAND),
        "test_timeout_s": number(
            &format!("Longest time of one run of the tests, in seconds; default {}.", bounds.test_timeout_s), 1, MOST_SECONDS,
        ),
        "fix": number(
            &format!("How often failing tests go back to the hosted model, for each candidate. Default {}.", bounds.repairs),
            0, MOST_REPAIRS,
        ),
        "feature": text("Short name of what is built; left out: the design's heading.", LONGEST_TEXT),
        "scenarios": folders("Tests of the checkout that are not committed yet, inside the project.", MOST_SCENARIOS),
        "review": {
            "type": "string",
            "enum": ["hosted", "claude", "none"],
            "description": "Who answers what has to be read: the hosted model (default); claude: you, afterwards, with judge; none.",
        },
        "wait_s": wait(),
    })
}

fn wait() -> Value {
    number(
        &format!(
            "Seconds to wait for the result, default {WAIT_SECONDS}; after that the race goes on and status is running."
        ),
        0,
        MOST_WAIT,
    )
}

fn folders(description: &str, most: usize) -> Value {
    json!({
        "type": "array",
        "items": { "type": "string", "minLength": 1, "maxLength": LONGEST_TEXT },
        "maxItems": most,
        "description": description,
    })
}

/// What the tools give.
pub(super) fn output(name: Name) -> Value {
    let mut properties = match name {
        Name::Judge => {
            let mut properties = result();
            properties["questions"] = list(&string());
            properties["form"] = json!({ "type": "object" });
            properties["dirs"] = json!({ "type": "object" });
            properties
        }
        Name::RaceStatus => {
            let mut properties = result();
            properties["races"] = list(&json!({
                "type": "object",
                "properties": {
                    "race": string(),
                    "kind": string(),
                    "feature": string(),
                    "began": string(),
                    "state": string(),
                    "winner": or_null(&string()),
                },
                "required": ["race", "state"],
            }));
            properties["more"] = count();
            properties
        }
        Name::RacePromote => json!({
            "race": string(),
            "candidate": string(),
            "target": string(),
            "commit": string(),
            "by": string(),
            "others": string(),
        }),
        _ => result(),
    };
    properties["conversation_tokens"] = json!({
        "type": "integer",
        "minimum": 0,
        "description": "estimate of what this result costs the conversation: its bytes / 4",
    });
    properties
}

/// A race that has a result, or how far it is.
fn result() -> Value {
    json!({
        "race": string(),
        "state": { "type": "string", "enum": ["running", "stopped", "finished", "promoted", "cleared"] },
        "kind": string(),
        "feature": string(),
        "winner": or_null(&string()),
        "rationale": list(&string()),
        "trade_offs": list(&string()),
        "candidates": list(&json!({
            "type": "object",
            "properties": {
                "name": string(),
                "approach": string(),
                "result": string(),
                "tests": string(),
                "repairs": count(),
                "lines": count(),
                "scores": { "type": "object" },
                "total": count(),
                "review": string(),
                "why": string(),
            },
            "required": ["name", "result", "tests"],
        })),
        "alike": list(&string()),
        "cost": list(&string()),
        "notes": list(&string()),
        "result": string(),
        "worksheet": string(),
        "page": string(),
        "promoted": or_null(&string()),
        "next": string(),
    })
}
