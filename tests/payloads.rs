//! The payloads in tests/payloads, one per event that SEF handles, and ways to change them.

use serde_json::{Map, Value};

/// Reads one payload by its file name without `.json`.
pub fn payload(name: &str) -> Value {
    let path = format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("a payload is JSON")
}

/// Names of all payloads.
pub fn names() -> Vec<String> {
    let folder = format!("{}/tests/payloads", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is part of the source")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// A payload with some fields replaced.
pub fn with(name: &str, changes: &[(&str, Value)]) -> Value {
    let mut value = payload(name);
    for (key, new) in changes {
        object(&mut value).insert((*key).to_owned(), new.clone());
    }
    value
}

/// A user prompt in a session of its own.
pub fn prompt(session: &str, text: &str) -> String {
    with("UserPromptSubmit", &[("session_id", session.into()), ("prompt", text.into())]).to_string()
}

/// The payload of a spawn with some keys of its input replaced (null removes a key).
pub fn spawn(session: &str, changes: &[(&str, Value)]) -> Value {
    let mut value = with("PreToolUse.Agent", &[("session_id", session.into())]);
    let input = object(value.get_mut("tool_input").expect("a spawn has an input"));
    for (key, new) in changes {
        if new.is_null() {
            input.remove(*key);
        } else {
            input.insert((*key).to_owned(), new.clone());
        }
    }
    value
}

/// The object inside a value.
pub fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("an object")
}
