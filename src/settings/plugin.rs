//! SEF as a plugin of Claude Code's: whether it is enabled, where the client reads it from, and which program its hooks
//! run. Reads what the client wrote (2.1.197 and 2.1.329 write the same) and changes none of it; an organisation's managed
//! settings and `--plugin-dir` are not seen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::place::is_program;
use super::precedence;
use crate::agents::PLUGIN;
use crate::config::Env;
use crate::fsx::read_regular;

/// Largest file of the client's that is read.
const LARGEST: u64 = 16 << 20;

/// SEF's plugin, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plugin {
    /// Its name and its marketplace: `sef@sef`.
    pub id: String,
    /// The settings file that enables it.
    pub enabled_in: PathBuf,
    /// The folder that the client reads it from; none when it is gone.
    pub root: Option<PathBuf>,
    /// Its version, from its `plugin.json`.
    pub version: Option<String>,
    /// Its data folder, where `sef-setup` puts the programs; the client removes it with the plugin.
    pub data: PathBuf,
    /// The program that its hooks run: its own, else the installed one; none while every hook does nothing.
    pub hook: Option<PathBuf>,
}

/// SEF's plugin, when a session that starts in the current folder loads it.
pub fn enabled(env: &Env) -> Option<Plugin> {
    let here = std::env::current_dir().unwrap_or_default();
    let claude = env.claude_dir.as_deref()?;
    switched_on(&precedence::files(env, &here.to_string_lossy()))
        .into_iter()
        .find_map(|(id, enabled_in)| plugin(env, claude, id, enabled_in))
}

/// Every plugin of SEF's name that the settings switch on, with the file that says so. A later file wins.
fn switched_on(files: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let mut on = BTreeMap::new();
    for file in files {
        let settings = json(file);
        for (id, state) in settings["enabledPlugins"].as_object().into_iter().flatten() {
            if id.split_once('@').is_none_or(|(name, _)| name != PLUGIN) {
                continue;
            }
            match state {
                Value::Bool(false) => _ = on.remove(id),
                Value::Null => {}
                _ => _ = on.insert(id.clone(), file.clone()),
            }
        }
    }
    on
}

/// What the client knows of an enabled plugin; none when it is another one of the same name.
fn plugin(env: &Env, claude: &Path, id: String, enabled_in: PathBuf) -> Option<Plugin> {
    let (_, marketplace) = id.split_once('@')?;
    let folders = claude.join("plugins");
    let copies = json(&folders.join("installed_plugins.json"));
    let copies = copies["plugins"][&id].as_array().into_iter().flatten();
    let copies = copies.filter_map(|copy| copy["installPath"].as_str().map(PathBuf::from));
    let root = source(&json(&folders.join("known_marketplaces.json"))[marketplace])
        .into_iter()
        .chain(copies)
        .find(|folder| manifest(folder)["name"] == PLUGIN);
    if root.as_deref().is_some_and(|root| !is_sefs(root)) {
        return None;
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let data = folders.join("data").join(id.chars().map(plain).collect::<String>());
    let programs = [Some(data.join("bin")), env.bin_dir.clone()];
    Some(Plugin {
        enabled_in,
        version: root.as_deref().and_then(|root| manifest(root)["version"].as_str().map(str::to_owned)),
        hook: programs.into_iter().flatten().map(|bin| bin.join("sef-hook")).find(|path| is_program(path)),
        root,
        data,
        id,
    })
}

/// The plugin's folder in a marketplace that is a folder itself: there the client reads the source and not its copy.
fn source(marketplace: &Value) -> Option<PathBuf> {
    if marketplace["source"]["source"] != "directory" {
        return None;
    }
    let folder = Path::new(marketplace["installLocation"].as_str()?);
    let offers = json(&folder.join(".claude-plugin/marketplace.json"));
    let offer = offers["plugins"].as_array()?.iter().find(|offer| offer["name"] == PLUGIN)?;
    let below = offer["source"].as_str()?;
    Some(folder.join(below).components().collect())
}

fn manifest(root: &Path) -> Value {
    json(&root.join(".claude-plugin/plugin.json"))
}

/// Others may name a plugin as we do; only ours runs `sef-hook`.
fn is_sefs(root: &Path) -> bool {
    let hooks = read_regular(&root.join("hooks/hooks.json"), LARGEST).unwrap_or_default();
    String::from_utf8_lossy(&hooks).contains("/sef-hook")
}

/// A JSON file of the client's; null when it cannot be read.
fn json(path: &Path) -> Value {
    let bytes = read_regular(path, LARGEST).unwrap_or_default();
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).unwrap_or_default()
}
