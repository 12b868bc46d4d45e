//! Which events SEF registers, and the command string that stands behind each of them.
//!
//! The list itself is data: `hooks/hooks.json`, which the plugin ships, with the plugin's own command. This module
//! puts an install's command in its place, and recognises SEF's own entries in a settings file, whichever folder they
//! point to. It reads no file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How a command of ours begins; the first versions had none.
const TRAP: &str = "trap 'exit 0' 0; ";
/// What stands between the two mentions of the binary.
const BETWEEN: &str = " ] && exec ";

/// Only events that the oldest tested client (2.1.197) knows: one that it does not know makes it warn at every start, and
/// leave out a plugin's whole file.
const FILE: &str = include_str!("../../hooks/hooks.json");

/// One entry of ours: an event, the tools it is for, and the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// `PreToolUse` and so on.
    pub event: String,
    /// The matcher and the one handler, in the shape that settings.json holds.
    pub group: Group,
}

/// One element of an event's array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Tool names, `Agent|Task`; none for events that have no matcher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<String>,
    /// Always one handler in our own entries.
    pub hooks: Vec<Handler>,
}

/// One command that the client runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// Always `command`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Run by the client through `sh -c`.
    pub command: String,
    /// Seconds. A number: a string here makes the client ignore the whole settings file, silently.
    pub timeout: u64,
}

#[derive(Deserialize)]
struct HooksFile {
    hooks: BTreeMap<String, Vec<Group>>,
}

/// The entries to register, with `command` in place of the plugin's, in the order of the file.
pub fn wanted(command: &str) -> Vec<Hook> {
    let mut hooks = shipped();
    for handler in hooks.iter_mut().flat_map(|hook| &mut hook.group.hooks) {
        command.clone_into(&mut handler.command);
    }
    hooks
}

/// The command to register for the binary at `hook` (absolute).
///
/// It must never disturb a session, whatever became of the binary: the test makes a missing file silent, `exec`
/// saves a process, and the trap turns a failed `exec` (a half-copied file) into success in dash. bash drops traps
/// before `exec` and ends with 126 there, which the client does not take for a block.
pub fn command_for(hook: &Path) -> Result<String> {
    let path = hook.to_str().ok_or_else(|| {
        Error::new(
            "cannot register the hook",
            "the path is not UTF-8, and settings.json can hold nothing else",
        )
        .at(hook)
        .fix("set SEF_BIN_DIR to a folder with a plain name and install again")
    })?;
    if !hook.is_absolute() || !path.ends_with("/sef-hook") {
        return Err(
            Error::new("cannot register the hook", "the path must be absolute and end in /sef-hook").at(hook)
        );
    }
    let quoted = quote(path);
    Ok(format!("{TRAP}[ -x {quoted}{BETWEEN}{quoted} 2>/dev/null || exit 0"))
}

/// Is this command one that some SEF wrote, whatever its folder? One that a person put something round is theirs.
pub fn is_ours(command: &str) -> bool {
    binary_of(command).is_some()
}

/// The binary that one of our commands runs; none when the command is not ours.
pub fn binary_of(command: &str) -> Option<String> {
    let command = command.strip_prefix(TRAP).unwrap_or(command);
    let tested = command.strip_prefix("[ -x ")?.strip_suffix(" 2>/dev/null || exit 0")?;
    // The same word twice: a path may hold anything, so it is found by its length.
    let word = tested.get(..tested.len().checked_sub(BETWEEN.len())? / 2)?;
    let path = word.strip_prefix('\'')?.strip_suffix('\'')?.replace(r"'\''", "'");
    (tested == format!("{word}{BETWEEN}{word}") && path.ends_with("/sef-hook")).then_some(path)
}

/// What a person pastes who has to edit the file by hand.
pub fn snippet(hooks: &[Hook]) -> String {
    format!("{{\n  \"hooks\": {}\n}}", pretty(&ByEvent(hooks)).replace('\n', "\n  "))
}

/// Serializes as `{"Event": [group], ...}` in the given order.
pub struct ByEvent<'a>(pub &'a [Hook]);

impl Serialize for ByEvent<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|hook| (&hook.event, [&hook.group])))
    }
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("strings and numbers always serialize")
}

fn shipped() -> Vec<Hook> {
    let parsed: HooksFile = serde_json::from_str(FILE).expect("hooks/hooks.json is tested to parse");
    let entries = parsed.hooks.into_iter();
    let mut hooks: Vec<Hook> = entries
        .flat_map(|(event, groups)| groups.into_iter().map(move |group| Hook { event: event.clone(), group }))
        .collect();
    hooks.sort_by_key(|hook| FILE.find(&format!("\"{}\"", hook.event)));
    hooks
}

/// One word for the shell, whatever it holds: single quotes, with each single quote inside closed and escaped.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_list_parses_and_every_event_has_one_entry_with_the_command() {
        let hooks = wanted("X");
        assert_eq!(hooks.len(), 11);
        assert_eq!(hooks[0].event, "SessionStart");
        assert_eq!(hooks[10].event, "SessionEnd");
        for hook in &hooks {
            let [handler] = hook.group.hooks.as_slice() else { panic!("{} has one handler", hook.event) };
            assert_eq!((handler.kind.as_str(), handler.command.as_str()), ("command", "X"));
            assert_eq!(handler.timeout, if hook.event == "SessionEnd" { 2 } else { 5 });
            let matcher = match hook.event.as_str() {
                // An expression: the codegen tools have longer names in a plugin.
                "PreToolUse" => {
                    Some("^(Agent|Task|mcp__(plugin_.+_)?speed-run__generate(_and_write_files)?)$")
                }
                "PostToolUse" | "PostToolUseFailure" | "PermissionDenied" => Some("Agent|Task"),
                _ => None,
            };
            assert_eq!(hook.group.matcher.as_deref(), matcher, "{}", hook.event);
        }
    }

    #[test]
    fn our_command_is_recognised_in_any_folder_and_others_are_not() {
        for path in
            ["/usr/bin/sef-hook", "/home/a b/it's/sef-hook", "/new\nline/sef-hook", "/a ] && exec b/sef-hook"]
        {
            let command = command_for(Path::new(path)).unwrap();
            assert!(is_ours(&command), "{command}");
            assert_eq!(binary_of(&command).as_deref(), Some(path));
        }
        for other in [
            "/usr/bin/sef-hook",
            "sef-hook --x",
            "[ -x '/bin/other' ] && exec '/bin/other'",
            "echo /sef-hook'",
            "nice [ -x '/a/sef-hook' ] && exec '/a/sef-hook' 2>/dev/null || exit 0",
            "[ -x '/a/sef-hook' ] && exec '/a/sef-hook' 2>/dev/null || exit 0; echo mine",
            "trap 'exit 0' 0; [ -x '/a/sef-hook' ] && exec '/b/sef-hook' 2>/dev/null || exit 0",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn a_relative_or_foreign_binary_is_not_registered() {
        assert!(command_for(Path::new("bin/sef-hook")).is_err());
        assert!(command_for(Path::new("/bin/other")).is_err());
    }
}
