//! Settings text in, settings text out, or a reason why not. Pure.
//!
//! [`add`] puts our hooks in, [`take_out`] takes them out; both leave every byte of others alone. `add` proves it
//! before it answers: what [`take_out`] (separate code) makes of the new text must be, to the byte, the old text
//! without our entries. Equal text is equal JSON with the exact spelling of each number, so no weaker test is added.

use std::collections::BTreeSet;
use std::ops::Range;

use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::Ranged;
use serde::{Deserialize, Serialize};

use super::check::{self, Refusal};
use super::hooks::{self, ByEvent, Hook};
use super::layout::{Child, Container, Splice, Style, append, apply, cut};

/// Empty containers that exist only because SEF made them, so that uninstall may take them away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shells {
    /// The `"hooks"` object itself.
    #[serde(default)]
    pub hooks: bool,
    /// Arrays of events in it.
    #[serde(default)]
    pub events: BTreeSet<String>,
}

impl Shells {
    /// Both sets together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.hooks |= other.hooks;
        self.events.extend(other.events.iter().cloned());
        self
    }
}

/// A new settings text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole text.
    pub text: String,
    /// What had to be made to hold our entries.
    pub made: Shells,
}

/// One handler of ours, as found in a settings text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The event it is registered for.
    pub event: String,
    /// Its command.
    pub command: String,
    /// Does it say exactly what we would write for this event?
    pub current: bool,
    group: usize,
    handler: usize,
}

/// The text of a settings file that did not exist before.
pub fn fresh(wanted: &[Hook]) -> Edited {
    let events = wanted.iter().map(|hook| hook.event.clone()).collect();
    Edited { text: format!("{}\n", hooks::snippet(wanted)), made: Shells { hooks: true, events } }
}

/// Registers `wanted` in `text`; none when all of it is there already and nothing stale is.
pub fn add(text: &str, wanted: &[Hook]) -> Result<Option<Edited>, Refusal> {
    let root = check::parse(text)?;
    check::hooks_are_well_formed(text, &root)?;
    let found = found_in(&root, wanted);
    let keep =
        |one: &Found| one.current && found.iter().filter(|other| other.event == one.event).count() == 1;
    let stale = found.iter().any(|one| !keep(one));
    let missing: Vec<Hook> = wanted
        .iter()
        .filter(|hook| !found.iter().any(|one| one.event == hook.event && keep(one)))
        .cloned()
        .collect();
    if !stale && missing.is_empty() {
        return Ok(None);
    }
    let doomed: Vec<Found> = found.iter().filter(|one| !keep(one)).cloned().collect();
    let without_stale = apply(text, removal(text, &root, &doomed, &Shells::default()));
    let edited = insert(&without_stale, &missing)?;
    prove(text, &edited, wanted)?;
    Ok(Some(edited))
}

/// Takes every entry of ours out of `text`, and the `shells` that are empty then; none when there is nothing to do.
pub fn take_out(text: &str, shells: &Shells) -> Result<Option<String>, Refusal> {
    let root = check::parse(text)?;
    let splices = removal(text, &root, &found_in(&root, &[]), shells);
    Ok((!splices.is_empty()).then(|| apply(text, splices)))
}

/// Every entry of ours in `text`, compared with `wanted`.
pub fn find(text: &str, wanted: &[Hook]) -> Result<Vec<Found>, Refusal> {
    Ok(found_in(&check::parse(text)?, wanted))
}

/// Does the file switch off every hook there is?
pub fn all_switched_off(bytes: &[u8]) -> bool {
    let root = check::decode(bytes).and_then(|(_, text)| check::parse(text));
    root.is_ok_and(|root| root.get_boolean("disableAllHooks").is_some_and(|lit| lit.value))
}

fn prove(old: &str, edited: &Edited, wanted: &[Hook]) -> Result<(), Refusal> {
    let failed = |why: &str| Refusal { place: (1, 1), why: format!("the edit failed its own check ({why})") };
    let untouched = take_out(old, &Shells::default())?.unwrap_or_else(|| old.to_owned());
    let back = take_out(&edited.text, &edited.made)?.unwrap_or_else(|| edited.text.clone());
    if back != untouched {
        return Err(failed("the rest of the file would not stay as it is"));
    }
    let root = check::parse(&edited.text)?;
    check::hooks_are_well_formed(&edited.text, &root)?;
    let found = found_in(&root, wanted);
    let once = |hook: &Hook| found.iter().filter(|one| one.event == hook.event && one.current).count() == 1;
    if found.len() != wanted.len() || !wanted.iter().all(once) {
        return Err(failed("not every hook is there once"));
    }
    Ok(())
}

fn insert(text: &str, missing: &[Hook]) -> Result<Edited, Refusal> {
    let root = check::parse(text)?;
    let style_root = object_container(&root);
    let style = Style::of(text, &style_root);
    let Some(events) = root.get_object("hooks") else {
        let made = Shells { hooks: true, events: missing.iter().map(|hook| hook.event.clone()).collect() };
        let child = Child { name: Some("hooks"), value: ByEvent(missing) };
        return Ok(Edited { text: apply(text, vec![append(text, style, &style_root, &[child])]), made });
    };
    let mut splices = Vec::new();
    let mut new_events = Vec::new();
    let mut made = Shells::default();
    for hook in missing {
        if let Some(groups) = events.get_array(&hook.event) {
            let child = Child { name: None, value: &hook.group };
            splices.push(append(text, style, &array_container(groups), &[child]));
        } else {
            made.events.insert(hook.event.clone());
            new_events.push(Child { name: Some(&hook.event), value: [&hook.group] });
        }
    }
    if !new_events.is_empty() {
        splices.push(append(text, style, &object_container(events), &new_events));
    }
    Ok(Edited { text: apply(text, splices), made })
}

/// The deletions for these entries: a handler, the group that held only ours, then the shells that are left empty.
fn removal(text: &str, root: &Object<'_>, doomed: &[Found], shells: &Shells) -> Vec<Splice> {
    let Some(events) = root.get_object("hooks") else { return Vec::new() };
    let mut splices = Vec::new();
    let mut empty_events = Vec::new();
    for (at, event) in events.properties.iter().enumerate() {
        let Value::Array(groups) = &event.value else { continue };
        let ours = |group: usize| {
            doomed.iter().filter(move |one| one.event == event.name.as_str() && one.group == group)
        };
        let mut whole = Vec::new();
        let mut inner = Vec::new();
        for (number, group) in groups.elements.iter().enumerate() {
            let handlers = group.as_object().and_then(|group| group.get_array("hooks"));
            let Some(handlers) = handlers.filter(|_| ours(number).count() > 0) else { continue };
            if ours(number).count() == handlers.elements.len() {
                whole.push(number);
            } else {
                let gone: Vec<usize> = ours(number).map(|one| one.handler).collect();
                inner.extend(cut(text, &array_container(handlers), &gone));
            }
        }
        if whole.len() == groups.elements.len() && shells.events.contains(event.name.as_str()) {
            empty_events.push(at);
        } else {
            splices.extend(cut(text, &array_container(groups), &whole));
            splices.extend(inner);
        }
    }
    if empty_events.len() == events.properties.len() && shells.hooks {
        let at = root.properties.iter().position(|prop| prop.name.as_str() == "hooks");
        return cut(text, &object_container(root), &at.into_iter().collect::<Vec<_>>());
    }
    splices.extend(cut(text, &object_container(events), &empty_events));
    splices
}

fn found_in(root: &Object<'_>, wanted: &[Hook]) -> Vec<Found> {
    let mut found = Vec::new();
    let Some(events) = root.get_object("hooks") else { return found };
    for event in &events.properties {
        let name = event.name.as_str();
        let want = wanted.iter().find(|hook| hook.event == name);
        let groups = event.value.as_array().map_or(&[][..], |groups| &groups.elements);
        for (group_at, group) in groups.iter().enumerate().filter_map(|(at, g)| Some((at, g.as_object()?))) {
            let handlers = group.get_array("hooks").map_or(&[][..], |handlers| &handlers.elements);
            for (handler_at, handler) in handlers.iter().enumerate() {
                let Some(handler) = handler.as_object() else { continue };
                let Some(command) = handler.get_string("command") else { continue };
                if hooks::is_ours(&command.value) {
                    found.push(Found {
                        event: name.to_owned(),
                        command: command.value.to_string(),
                        current: want.is_some_and(|hook| says(group, handler, hook)),
                        group: group_at,
                        handler: handler_at,
                    });
                }
            }
        }
    }
    found
}

/// Does this handler, in this group, say exactly what `hook` wants, with the types that the client insists on?
fn says(group: &Object<'_>, handler: &Object<'_>, hook: &Hook) -> bool {
    let Some(want) = hook.group.hooks.first() else { return false };
    let matcher = match group.get("matcher") {
        None => hook.group.matcher.is_none(),
        Some(prop) => prop.value.as_string_lit().map(|text| &*text.value) == hook.group.matcher.as_deref(),
    };
    let text = |name: &str| handler.get_string(name).map(|text| text.value.to_string());
    matcher
        && handler.properties.len() == 3
        && text("type").as_deref() == Some(&want.kind)
        && text("command").as_deref() == Some(&want.command)
        && handler.get_number("timeout").is_some_and(|number| number.value == want.timeout.to_string())
}

fn object_container(object: &Object<'_>) -> Container {
    Container { range: span(object), children: object.properties.iter().map(span).collect() }
}

fn array_container(array: &Array<'_>) -> Container {
    Container { range: span(array), children: array.elements.iter().map(span).collect() }
}

fn span(node: &impl Ranged) -> Range<usize> {
    node.start()..node.end()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "edit_property.rs"]
mod property;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn wanted(folder: &str) -> Vec<Hook> {
        let command = hooks::command_for(std::path::Path::new(&format!("{folder}/sef-hook"))).unwrap();
        hooks::wanted(&command).into_iter().filter(|hook| hook.event == "Stop").collect()
    }

    fn added(text: &str) -> String {
        add(text, &wanted("/b")).unwrap().expect("a change").text
    }

    const COMMAND: &str = "trap 'exit 0' 0; [ -x '/b/sef-hook' ] && exec '/b/sef-hook' 2>/dev/null || exit 0";

    #[test]
    fn a_new_entry_is_laid_out_like_its_neighbours() {
        let tabs = "{\r\n\t\"model\": \"opus\",\r\n\t\"hooks\": {\r\n\t\t\"Stop\": [\r\n\t\t\t{\"hooks\": []}\r\n\t\t]\r\n\t}\r\n}";
        let expected = format!(
            "{{\r\n\t\"model\": \"opus\",\r\n\t\"hooks\": {{\r\n\t\t\"Stop\": [\r\n\t\t\t{{\"hooks\": []}},\r\n\t\t\t{{\r\n\t\t\t\t\"hooks\": [\r\n\t\t\t\t\t{{\r\n\t\t\t\t\t\t\"type\": \"command\",\r\n\t\t\t\t\t\t\"command\": \"{COMMAND}\",\r\n\t\t\t\t\t\t\"timeout\": 5\r\n\t\t\t\t\t}}\r\n\t\t\t\t]\r\n\t\t\t}}\r\n\t\t]\r\n\t}}\r\n}}"
        );
        assert_eq!(added(tabs), expected);
        assert_eq!(
            added("{\"a\":1}"),
            format!(
                "{{\"a\":1, \"hooks\": {{\"Stop\":[{{\"hooks\":[{{\"type\":\"command\",\"command\":\"{COMMAND}\",\"timeout\":5}}]}}]}}}}"
            )
        );
    }

    #[test]
    fn an_empty_object_is_filled_on_lines_of_its_own() {
        let text = added("{}\n");
        assert!(text.starts_with("{\n  \"hooks\": {\n    \"Stop\": [\n      {\n"), "{text}");
        assert!(text.ends_with("\n    ]\n  }\n}\n"), "{text}");
    }

    #[test]
    fn our_handler_in_a_group_shared_with_another_leaves_alone() {
        let text = format!(
            r#"{{"hooks": {{"Stop": [{{"hooks": [{{"type": "command", "command": "{COMMAND}", "timeout": 5}}, {{"type": "command", "command": "mine"}}]}}]}}}}"#
        );
        assert_eq!(add(&text, &wanted("/b")), Ok(None), "it is registered, wherever it stands");
        let left = take_out(&text, &Shells::default()).unwrap().unwrap();
        assert_eq!(left, r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}"#);
    }

    #[test]
    fn shells_that_a_user_made_stay_when_our_entry_goes() {
        let text = added("{\"hooks\": {\"Stop\": []}}");
        assert_eq!(
            take_out(&text, &Shells::default()).unwrap().as_deref(),
            Some("{\"hooks\": {\"Stop\": []}}")
        );
        let all = Shells { hooks: true, events: ["Stop".to_owned()].into() };
        assert_eq!(take_out(&text, &all).unwrap().as_deref(), Some("{}"));
    }

    #[test]
    fn fresh_settings_are_current_and_taken_out_leave_an_empty_object() {
        let edited = fresh(&wanted("/b"));
        assert_eq!(add(&edited.text, &wanted("/b")), Ok(None));
        assert_eq!(take_out(&edited.text, &edited.made).unwrap().as_deref(), Some("{}\n"));
    }
}
