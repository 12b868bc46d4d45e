//! The mod `sef-main` in Claude Code's own files: whether the settings of one level switch it on, where the client takes
//! it from, and what a person types to change that. The files are the client's: they are read here and never written.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::mod_files::{ID, MARKETPLACE};
use super::project;
use super::server::Level;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::read_regular;

/// Largest file of the client's that is read.
const LARGEST: u64 = 16 << 20;
/// What the client writes for the mod, and in which container; it leaves those, empty, when the last entry is gone.
const WRITTEN: [(&str, &str); 2] = [("enabledPlugins", ID), ("extraKnownMarketplaces", MARKETPLACE)];

/// What the client's files say of the mod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Switched on or off in the settings of the level; none where they do not name it.
    pub enabled: Option<bool>,
    /// The settings of the level name a marketplace as ours is named.
    pub is_declared: bool,
    /// Where a new session takes that marketplace from; empty when that is no folder, none when it has none.
    pub source: Option<PathBuf>,
}

impl Entry {
    /// Will a new session take the mod from `folder`, as far as these files go?
    pub fn is_on(&self, folder: &Path) -> bool {
        self.enabled == Some(true) && self.is_from(folder)
    }

    /// Does a new session take the marketplace from `folder`?
    pub fn is_from(&self, folder: &Path) -> bool {
        self.source.as_deref().is_some_and(|source| real(source) == real(folder))
    }

    /// Does a new session take a marketplace of our name from another place than `folder`?
    pub fn is_elsewhere(&self, folder: &Path) -> bool {
        self.source.is_some() && !self.is_from(folder)
    }

    /// Nothing of the level names the mod or the marketplace.
    pub fn is_missing(&self) -> bool {
        self.enabled.is_none() && !self.is_declared
    }
}

/// Reads what the settings of `level` and the client's list of marketplaces say.
pub fn look(env: &Env, level: Level) -> Result<Entry> {
    let claude = env.claude_dir.as_deref().ok_or_else(|| {
        Error::new(
            "cannot find Claude Code's folder",
            "neither CLAUDE_CONFIG_DIR nor HOME is an absolute path",
        )
        .fix("set HOME and run the command again")
    })?;
    let settings = json(&settings(env, level)?)?;
    let known = json(&claude.join("plugins/known_marketplaces.json"))?;
    let folder = |market: &Value| PathBuf::from(market["source"]["path"].as_str().unwrap_or_default());
    let declared = settings["extraKnownMarketplaces"].get(MARKETPLACE).map(folder);
    Ok(Entry {
        enabled: state_in(&settings),
        is_declared: declared.is_some(),
        // What is not in the list, a session takes over from the user's settings, from a project's only where the user has
        // said to trust the folder (2.1.329).
        source: known.get(MARKETPLACE).map(folder).or(declared.filter(|_| level == Level::User)),
    })
}

/// Whether settings switch the mod on or off; none where they do not name it.
pub fn state_in(settings: &Value) -> Option<bool> {
    match settings["enabledPlugins"].get(ID)? {
        Value::Null => None,
        state => Some(*state != Value::Bool(false)),
    }
}

/// The settings file that the client keeps a level in. The local one is that of the repository, which a linked worktree
/// shares with its main one (2.1.329).
pub fn settings(env: &Env, level: Level) -> Result<PathBuf> {
    if level == Level::User {
        return Ok(env.claude_dir.clone().unwrap_or_default().join("settings.json"));
    }
    let here = std::env::current_dir()
        .map_err(|error| Error::new("cannot find the current folder", error).fix("cd to your project"))?;
    Ok(project::key(&here).join(".claude/settings.local.json"))
}

/// What is asked of `claude`, in order, to put the mod in from `folder`.
pub fn additions(level: Level, folder: &str) -> [Vec<String>; 2] {
    let scope = ["--scope", level.word()];
    [words(&["plugin", "marketplace", "add"], scope, folder), words(&["plugin", "install"], scope, ID)]
}

/// What is asked of `claude`, in order, to take it out.
pub fn removals(level: Level) -> [Vec<String>; 2] {
    let scope = ["--scope", level.word()];
    [
        words(&["plugin", "uninstall"], scope, ID),
        words(&["plugin", "marketplace", "remove"], scope, MARKETPLACE),
    ]
}

/// Do two settings files say the same, but for what the client writes for the mod, the layout, and how a number is
/// spelled? What cannot be read says nothing that is the same.
pub fn same_settings(one: &[u8], other: &[u8]) -> bool {
    let read = |bytes: &[u8]| {
        let mut root: Value = serde_json::from_slice(without_mark(bytes)).ok()?;
        let object = root.as_object_mut()?;
        for (container, name) in WRITTEN {
            let Some(entries) = object.get_mut(container).and_then(Value::as_object_mut) else { continue };
            entries.remove(name);
            if entries.is_empty() {
                object.remove(container);
            }
        }
        Some(root)
    };
    read(one).zip(read(other)).is_some_and(|(one, other)| same(&one, &other))
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has = |(name, value): (&String, &Value)| other.get(name).is_some_and(|it| same(value, it));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

fn words(verb: &[&str], scope: [&str; 2], last: &str) -> Vec<String> {
    verb.iter().chain(&scope).chain([&last]).map(|word| (*word).to_owned()).collect()
}

/// A JSON file of the client's; null when there is none.
fn json(path: &Path) -> Result<Value> {
    let cannot = |why: String| {
        Error::new("cannot read Claude Code's settings", why)
            .at(path)
            .fix("correct the file, then run the command again")
    };
    let bytes = match read_regular(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Value::Null),
        Err(error) => return Err(cannot(error.to_string())),
    };
    serde_json::from_slice(without_mark(&bytes)).map_err(|error| cannot(error.to_string()))
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_the_same_but_for_what_the_client_leaves() {
        for (one, other, wanted) in [
            ("{}", r#"{"enabledPlugins":{},"extraKnownMarketplaces":{}}"#, true),
            (r#"{"a": 1, "b":[1.0]}"#, "{\"b\":[1],\n\"a\":1}", true),
            (r#"{"a": 12345678901234567890.10}"#, r#"{"a": 12345678901234567000}"#, true),
            ("\u{feff}{}", "{}", true),
            (
                "{}",
                r#"{"enabledPlugins":{"sef-main@sef-mods":true},"extraKnownMarketplaces":{"sef-mods":{}}}"#,
                true,
            ),
            ("{}", r#"{"enabledPlugins":{"x@y":true}}"#, false),
            ("{}", r#"{"model":{}}"#, false),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#, false),
            (r#"{"a":null}"#, r#"{"b":null}"#, false),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            ("{", "{", false),
            ("[]", "[]", false),
        ] {
            assert_eq!(same_settings(one.as_bytes(), other.as_bytes()), wanted, "{one} {other}");
            assert_eq!(same_settings(other.as_bytes(), one.as_bytes()), wanted, "{other} {one}");
        }
    }

    #[test]
    fn a_state_is_on_off_or_not_named() {
        for (settings, state) in [
            (json!({}), None),
            (json!({"enabledPlugins": []}), None),
            (json!({"enabledPlugins": {"sef-main@other": true}}), None),
            (json!({"enabledPlugins": {ID: null}}), None),
            (json!({"enabledPlugins": {ID: false}}), Some(false)),
            (json!({"enabledPlugins": {ID: true}}), Some(true)),
            (json!({"enabledPlugins": {ID: ["1.0"]}}), Some(true)),
            (Value::Null, None),
        ] {
            assert_eq!(state_in(&settings), state, "{settings}");
        }
    }
}
