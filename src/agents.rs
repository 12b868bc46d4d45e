//! What model an agent type brings along: read from the front matter of agent files, as the client would find them.
//! What cannot be found is unknown, and unknown agents are left alone. The cache holds hashes, never names or paths.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::metrics::record::fnv64;
use crate::models::Family;

/// Where an agent's model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentModel {
    /// One of the client's own agents, or an agent file without `model:` or with `inherit`: the parent's.
    Inherits,
    /// Its front matter names a model; the family when it is a known one.
    Own(Option<Family>),
    /// One of SEF's executors, with the family that its file (the user may have edited it) names.
    Executor(Family),
    /// A fork of the parent: ignores any model.
    Fork,
    /// Not found: a plugin's, or given on the command line.
    Unknown,
}

/// The client's own agent types, as listed by 2.1.197 and 2.1.329.
const BUILT_IN: &[&str] = &[
    "",
    "general-purpose",
    "Explore",
    "Plan",
    "claude",
    "claude-code-guide",
    "statusline-setup",
    "output-style-setup",
];
/// SEF's executors and the family of each when no file says otherwise.
const EXECUTORS: &[(&str, Family)] = &[
    ("sef-explore", Family::Haiku),
    ("sef-validate", Family::Haiku),
    ("sef-document", Family::Haiku),
    ("sef-implement", Family::Sonnet),
    ("sef-review", Family::Sonnet),
];

/// Whether an agent type is one of the client's or SEF's own, whose name says nothing of a person.
pub fn is_known(name: &str) -> bool {
    name == "fork" || BUILT_IN.contains(&name) || EXECUTORS.iter().any(|(executor, _)| *executor == name)
}

/// Bytes of an agent file that are read for its front matter.
const FRONT: usize = 8 << 10;
/// Agent files that are looked at in one folder tree, and how deep.
const MAX_FILES: usize = 1_000;
const MAX_DEPTH: usize = 3;
/// Name of the cache in the state folder.
const CACHE: &str = "agents.cache";

/// The name of SEF's plugin; the client puts it and a colon before the names of the plugin's agents.
pub const PLUGIN: &str = "sef";

/// An agent's name without the prefix that it has when SEF is installed as a plugin.
pub fn without_plugin(agent: &str) -> &str {
    agent.strip_prefix(PLUGIN).and_then(|rest| rest.strip_prefix(':')).unwrap_or(agent)
}

/// Finds the model of an agent type. `folders` in order of precedence: the project's `.claude/agents`, then the user's.
pub fn model_of(agent: &str, folders: &[PathBuf], state_dir: Option<&Path>) -> AgentModel {
    if agent == "fork" {
        return AgentModel::Fork;
    }
    let bare = without_plugin(agent);
    let declared = declared(agent, folders, state_dir);
    if let Some((_, usual)) = EXECUTORS.iter().find(|(name, _)| *name == bare) {
        return match declared {
            Some(Declared::Model(Some(family))) => AgentModel::Executor(family),
            Some(Declared::Model(None)) => AgentModel::Own(None),
            Some(Declared::Inherit) => AgentModel::Inherits,
            None => AgentModel::Executor(*usual),
        };
    }
    match declared {
        Some(Declared::Inherit) => AgentModel::Inherits,
        Some(Declared::Model(family)) => AgentModel::Own(family),
        None if BUILT_IN.contains(&agent) => AgentModel::Inherits,
        None => AgentModel::Unknown,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    Inherit,
    Model(Option<Family>),
}

/// One agent file as the cache knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    path: u64,
    stamp: u64,
    name: u64,
    declared: Declared,
}

fn declared(agent: &str, folders: &[PathBuf], state_dir: Option<&Path>) -> Option<Declared> {
    let mut files = Vec::new();
    for folder in folders {
        list(folder, 0, &mut files);
    }
    if files.is_empty() {
        return None;
    }
    let cache = state_dir.map(|dir| dir.join(CACHE));
    let known = cache.as_deref().map(read_cache).unwrap_or_default();
    let mut fresh = false;
    let mut current = Vec::with_capacity(files.len());
    for (path, stamp) in &files {
        let key = fnv64(path.as_os_str().as_encoded_bytes());
        let entry = known.iter().find(|entry| entry.path == key && entry.stamp == *stamp).copied();
        let entry = entry.or_else(|| {
            fresh = true;
            let (name, declared) = front_matter(path)?;
            Some(Known { path: key, stamp: *stamp, name: fnv64(name.as_bytes()), declared })
        });
        current.extend(entry);
    }
    if fresh && let (Some(dir), Some(cache)) = (state_dir, &cache) {
        // Without the cache the files are read again next time: slower, not wrong.
        let _ = write_cache(dir, cache, &current);
    }
    let wanted = fnv64(agent.as_bytes());
    current.iter().find(|entry| entry.name == wanted).map(|entry| entry.declared)
}

/// The name that each agent file below a folder gives itself. Reads nothing but front matter, keeps nothing.
pub fn named(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    list(folder, 0, &mut files);
    let name = |(path, _): (PathBuf, u64)| front_matter(&path).map(|(name, _)| (path, name));
    files.into_iter().filter_map(name).collect()
}

/// Agent files below a folder with the stamp of each.
fn list(folder: &Path, depth: usize, files: &mut Vec<(PathBuf, u64)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if files.len() >= MAX_FILES {
            return;
        }
        let path = entry.path();
        let markdown = path.extension().is_some_and(|ending| ending == "md");
        // Follows links, as the client does.
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if meta.is_dir() && depth < MAX_DEPTH {
            list(&path, depth + 1, files);
        } else if meta.is_file() && markdown {
            let time = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let nanos = time.map_or(0, |time| time.as_nanos() as u64);
            files.push((path, nanos ^ meta.len().rotate_left(48)));
        }
    }
}

/// Name and model of an agent file; the name falls back to the file's.
fn front_matter(path: &Path) -> Option<(String, Declared)> {
    let file = crate::fsx::open_regular(path).ok()?;
    let bytes = crate::fsx::read_up_to(&file, FRONT).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut name = path.file_stem()?.to_string_lossy().into_owned();
    let mut declared = Declared::Inherit;
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return Some((name, declared));
    }
    for line in lines.take_while(|line| line.trim_end() != "---") {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        match key {
            "name" if !value.is_empty() => value.clone_into(&mut name),
            "model" if value.is_empty() || value == "inherit" => declared = Declared::Inherit,
            "model" => declared = Declared::Model(Family::of(value)),
            _ => {}
        }
    }
    Some((name, declared))
}

fn read_cache(path: &Path) -> Vec<Known> {
    let bytes = crate::fsx::read_regular(path, 1 << 20).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().filter_map(known).collect()
}

fn known(line: &str) -> Option<Known> {
    let mut words = line.split(' ');
    let mut hex = || u64::from_str_radix(words.next()?, 16).ok();
    let (path, stamp, name) = (hex()?, hex()?, hex()?);
    let declared = match words.next()? {
        "inherit" => Declared::Inherit,
        "other" => Declared::Model(None),
        alias => Declared::Model(Some(Family::of(alias)?)),
    };
    Some(Known { path, stamp, name, declared })
}

fn write_cache(dir: &Path, path: &Path, known: &[Known]) -> std::io::Result<()> {
    let lines: String = known
        .iter()
        .map(|entry| {
            let model = match entry.declared {
                Declared::Inherit => "inherit",
                Declared::Model(None) => "other",
                Declared::Model(Some(family)) => family.alias(),
            };
            format!("{:x} {:x} {:x} {model}\n", entry.path, entry.stamp, entry.name)
        })
        .collect();
    crate::state::replace_private(dir, path, lines.as_bytes())
}
