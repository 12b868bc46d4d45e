//! Which settings texts we dare to edit: strict JSON in UTF-8, no key twice, hooks of the shape the client accepts.
//!
//! Everything else is refused with its line, its column and the reason; nothing is repaired. Pure.

use std::fmt;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use serde::de::IgnoredAny;

/// Why a settings text is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Line and column, both from 1; columns count characters.
    pub place: (usize, usize),
    /// The reason, in one clause.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}: {}", self.place.0, self.place.1, self.why)
    }
}

impl Refusal {
    /// A refusal at a byte offset of `text`.
    pub fn at(text: &str, offset: usize, why: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let place = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        Self { place, why: why.into() }
    }
}

/// Events whose entries the client checks; a wrong type in one of them makes it skip the whole file. Events that it
/// does not know it skips one by one, so their shape is not our business. From the client's own list (2.1.329).
pub(crate) const KNOWN_EVENTS: &[&str] = &[
    "ConfigChange",
    "CwdChanged",
    "FileChanged",
    "InstructionsLoaded",
    "Notification",
    "PermissionDenied",
    "PermissionRequest",
    "PostCompact",
    "PostModelSwitch",
    "PostToolBatch",
    "PostToolUse",
    "PostToolUseFailure",
    "PreCompact",
    "PreModelSwitch",
    "PreToolUse",
    "SessionEnd",
    "SessionStart",
    "Setup",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "UserPromptExpansion",
    "UserPromptSubmit",
];

/// The text behind the bytes, and the byte order mark that stood before it (`""` or one).
pub fn decode(bytes: &[u8]) -> Result<(&'static str, &str), Refusal> {
    let utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]);
    if utf16 {
        return Err(Refusal {
            place: (1, 1),
            why: "the file is UTF-16; Claude Code and SEF read UTF-8".into(),
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        Refusal::at(&good, good.len(), "a byte that is not UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest)))
}

/// Parses settings: one JSON object, nothing beyond the JSON standard, no key twice at any depth.
pub fn parse(text: &str) -> Result<Object<'_>, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal { place: (1, 1), why: "the file is empty, which is not JSON".into() });
    }
    // serde_json is the strict judge; the span parser below is told the same, and is not trusted with it.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| syntax_error(text, &error))?;
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
    let parsed = parse_to_ast(text, &collect, &strict())
        .map_err(|error| Refusal::at(text, error.range().start, error.kind().to_string()))?;
    match parsed.value {
        Some(Value::Object(root)) => {
            no_key_twice(text, &root)?;
            Ok(root)
        }
        other => {
            let start = other.map_or(0, |value| value.start());
            Err(Refusal::at(text, start, "settings must be one JSON object, `{ ... }`"))
        }
    }
}

/// Are the hooks already there of the shape that the client accepts?
pub fn hooks_are_well_formed(text: &str, root: &Object<'_>) -> Result<(), Refusal> {
    let Some(hooks) = root.get("hooks") else { return Ok(()) };
    let Value::Object(events) = &hooks.value else {
        return Err(wrong(text, &hooks.value, "\"hooks\" must be an object"));
    };
    for event in &events.properties {
        if KNOWN_EVENTS.contains(&event.name.as_str()) {
            event_is_well_formed(text, event)?;
        }
    }
    Ok(())
}

fn event_is_well_formed(text: &str, event: &ObjectProp<'_>) -> Result<(), Refusal> {
    let name = event.name.as_str();
    let Value::Array(groups) = &event.value else {
        return Err(wrong(text, &event.value, &format!("\"hooks\".\"{name}\" must be an array")));
    };
    for group in &groups.elements {
        let Value::Object(group) = group else {
            return Err(wrong(text, group, &format!("an entry of \"{name}\" must be an object")));
        };
        if let Some(matcher) = group.get("matcher")
            && matcher.value.as_string_lit().is_none()
        {
            return Err(wrong(text, &matcher.value, &format!("the matcher of \"{name}\" must be a string")));
        }
        let Some(handlers) = group.get_array("hooks") else {
            let start = group.get("hooks").map_or(group.start(), |prop| prop.value.start());
            return Err(Refusal::at(text, start, format!("an entry of \"{name}\" needs \"hooks\": [...]")));
        };
        for handler in &handlers.elements {
            handler_is_well_formed(text, name, handler)?;
        }
    }
    Ok(())
}

fn handler_is_well_formed(text: &str, name: &str, handler: &Value<'_>) -> Result<(), Refusal> {
    let Value::Object(handler) = handler else {
        return Err(wrong(text, handler, &format!("a hook of \"{name}\" must be an object")));
    };
    if handler.get_string("type").is_none() {
        let start = handler.get("type").map_or(handler.start(), |prop| prop.value.start());
        return Err(Refusal::at(
            text,
            start,
            format!("a hook of \"{name}\" needs a \"type\" that is a string"),
        ));
    }
    if let Some(command) = handler.get("command")
        && command.value.as_string_lit().is_none()
    {
        return Err(wrong(text, &command.value, &format!("the command of \"{name}\" must be a string")));
    }
    if let Some(timeout) = handler.get("timeout")
        && timeout.value.as_number_lit().is_none()
    {
        return Err(wrong(text, &timeout.value, &format!("the timeout of \"{name}\" must be a number")));
    }
    Ok(())
}

fn wrong(text: &str, value: &Value<'_>, why: &str) -> Refusal {
    Refusal::at(text, value.start(), format!("{why} (Claude Code ignores the whole file until it is)"))
}

fn no_key_twice(text: &str, object: &Object<'_>) -> Result<(), Refusal> {
    let mut seen = std::collections::HashSet::new();
    for prop in &object.properties {
        if !seen.insert(prop.name.as_str().to_owned()) {
            let why =
                format!("the key {:?} is there twice; readers keep only one of the two", prop.name.as_str());
            return Err(Refusal::at(text, prop.start(), why));
        }
        no_key_twice_below(text, &prop.value)?;
    }
    Ok(())
}

fn no_key_twice_below(text: &str, value: &Value<'_>) -> Result<(), Refusal> {
    match value {
        Value::Object(object) => no_key_twice(text, object),
        Value::Array(array) => array.elements.iter().try_for_each(|item| no_key_twice_below(text, item)),
        _ => Ok(()),
    }
}

/// serde_json's word for it, with the two mistakes named that people really make.
fn syntax_error(text: &str, error: &serde_json::Error) -> Refusal {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let wanted = (line_start + error.column().saturating_sub(1)).min(text.len());
    let offset = (0..=wanted).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, after) = text.split_at(offset);
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(why, _)| why);
    let hint = if after.starts_with('/') {
        " (settings.json cannot hold comments)"
    } else if before.trim_end().ends_with(',') && after.starts_with(['}', ']']) {
        " (there is a trailing comma before it)"
    } else {
        ""
    };
    Refusal::at(text, offset, format!("{message}{hint}"))
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refusal(bytes: impl AsRef<[u8]>) -> Refusal {
        let bytes = bytes.as_ref();
        decode(bytes)
            .and_then(|(_, text)| parse(text).and_then(|root| hooks_are_well_formed(text, &root)))
            .expect_err("refused")
    }

    #[test]
    fn what_is_not_strict_json_is_refused_with_its_place() {
        let table: &[(&str, (usize, usize), &str)] = &[
            ("", (1, 1), "empty"),
            (" \n ", (1, 1), "empty"),
            ("[]", (1, 1), "one JSON object"),
            ("null", (1, 1), "one JSON object"),
            ("{\n  // note\n  \"a\": 1\n}", (2, 3), "cannot hold comments"),
            ("{\"a\": 1,}", (1, 9), "trailing comma"),
            ("{\"a\": [1,]}", (1, 10), "trailing comma"),
            ("{\"a\": 1", (1, 7), "EOF"),
            ("{\"a\": 01}", (1, 8), "invalid number"),
            ("{\"a\": 'x'}", (1, 7), "expected value"),
            ("{} {}", (1, 4), "trailing characters"),
            ("{\"é\": 1, \"é\": 2}", (1, 10), "twice"),
            ("{\"a\": 1, \"\\u0061\": 2}", (1, 10), "twice"),
            ("{\"x\": [{\n\"b\":1,\"b\":1}]}", (2, 7), "twice"),
        ];
        for (text, place, why) in table {
            let refusal = refusal(text);
            assert!(refusal.why.contains(why), "{text}: {refusal}");
            assert_eq!(refusal.place, *place, "{text}: {refusal}");
        }
    }

    #[test]
    fn other_encodings_are_refused() {
        assert!(refusal(b"\xff\xfe{\0}\0").why.contains("UTF-16"));
        assert!(refusal(b"{\0}\0").why.contains("UTF-16"));
        assert_eq!(refusal(b"{\n \"a\": \"\xff\"}").place, (2, 8));
    }

    #[test]
    fn hooks_of_a_wrong_type_are_refused_where_they_stand() {
        for (text, column) in [
            (r#"{"hooks": []}"#, 11),
            (r#"{"hooks": {"Stop": {}}}"#, 20),
            (r#"{"hooks": {"Stop": [1]}}"#, 21),
            (r#"{"hooks": {"Stop": [{"hooks": {}}]}}"#, 31),
            (r#"{"hooks": {"Stop": [{"matcher": 1, "hooks": []}]}}"#, 33),
            (r#"{"hooks": {"Stop": [{"hooks": ["x"]}]}}"#, 32),
            (r#"{"hooks": {"Stop": [{"hooks": [{"command": "x"}]}]}}"#, 32),
            (r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "timeout": "5"}]}]}}"#, 63),
            (r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": 5}]}]}}"#, 63),
        ] {
            assert_eq!(refusal(text).place, (1, column), "{text}");
        }
    }

    #[test]
    fn an_event_that_the_client_does_not_know_is_not_judged() {
        let text = r#"{"hooks": {"NotYetInvented": 5}}"#;
        let root = parse(text).unwrap();
        assert_eq!(hooks_are_well_formed(text, &root), Ok(()));
    }
}
