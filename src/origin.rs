//! `sef config show`: every value that counts and where it comes from. One walk over the tables finds the values, so a new key
//! shows by itself. Never prints a key, nor what a variable holds that could hold one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::config::{self, Env};
use crate::error::{Error, Result};
use crate::hosted::key::ApiKey;
use crate::hosted::service;
use crate::report::text::plain;
use crate::rules::approval::{self, State};
use crate::rules::overlay::{self, Overlaid, overlaid};
use crate::rules::policy::Hosted;
use crate::rules::{Loaded, calibration, line_of, load_in, project};

/// Version of the JSON.
const SCHEMA: u32 = 1;

/// How much of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The values.
    Values,
    /// Where each comes from, too.
    Origins,
}

/// Everything that is shown.
#[derive(Debug, Serialize)]
struct Configuration {
    schema: u32,
    values: Vec<Setting>,
    folders: Vec<Place>,
    key: Option<Key>,
    rules: Vec<RuleLayer>,
    /// Why the current project's rules do not count, or that they do.
    project: Option<String>,
    /// Files that are left out; `sef rules check` says more.
    problems: Vec<String>,
}

/// One value of the policy.
#[derive(Debug, Serialize)]
struct Setting {
    key: String,
    value: Value,
    origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Origin {
    /// `built-in`, `managed`, `user`, `calibration` or `environment`.
    layer: &'static str,
    /// The file, or the variable.
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// A folder that follows from the environment.
#[derive(Debug, Serialize)]
struct Place {
    name: &'static str,
    path: Option<String>,
    origin: Option<String>,
}

/// The hosted service's key: where it is looked for, never what it is.
#[derive(Debug, Serialize)]
struct Key {
    variable: String,
    set: bool,
}

/// A layer of rules.
#[derive(Debug, PartialEq, Serialize)]
struct RuleLayer {
    layer: &'static str,
    files: usize,
    from: String,
    rules: usize,
    off: usize,
}

/// The path of the user's config.toml, whether or not it is there.
pub fn path(env: &Env) -> Result<String> {
    let path = env.config_dir.as_ref().map(|dir| dir.join(overlay::FILE)).ok_or_else(|| {
        Error::new(
            "there is no place for a configuration",
            "neither SEF_CONFIG_DIR nor HOME is an absolute path",
        )
        .fix("set HOME and run the command again")
    })?;
    Ok(format!("{}\n", path.display()))
}

/// The configuration as JSON, with origins.
pub fn json(env: &Env) -> Result<String> {
    let text = serde_json::to_string_pretty(&configuration(env))
        .map_err(|error| Error::new("cannot write the configuration as JSON", error))?;
    Ok(text + "\n")
}

/// The configuration as text.
pub fn show(env: &Env, shown: Shown) -> String {
    let all = configuration(env);
    let with = |left: String, origin: &str| match shown {
        Shown::Origins => plain(format!("{left:<44} {origin}").trim_end()) + "\n",
        Shown::Values => plain(&left) + "\n",
    };
    let mut out = String::new();
    for Setting { key, value, origin } in &all.values {
        let line = origin.line.map_or(String::new(), |line| format!(":{line}"));
        out.push_str(&with(format!("{key} = {value}"), &format!("{} {}{line}", origin.layer, origin.from)));
    }
    out.push_str("\nfolders\n");
    for Place { name, path, origin } in &all.folders {
        let path = path.as_deref().unwrap_or("none");
        out.push_str(&with(format!("  {name:<8} {path}"), origin.as_deref().unwrap_or_default()));
    }
    if let Some(Key { variable, set }) = &all.key {
        let _ = write!(out, "\nkey\n  {}: {}\n", plain(variable), if *set { "set" } else { "not set" });
    }
    out.push_str("\nrules\n");
    for RuleLayer { layer, files, from, rules, off } in &all.rules {
        let off = if *off > 0 { format!(", {off} switched off") } else { String::new() };
        let from = if *files > 1 { format!("{files} files") } else { from.clone() };
        let _ = writeln!(out, "  {layer:<8} {rules:>5} rules{off}  {}", plain(&from));
    }
    if let Some(note) = &all.project {
        let _ = write!(out, "\n{}\n", plain(note));
    }
    for problem in &all.problems {
        let _ = write!(out, "\nproblem: {} (`sef rules check` says more)\n", plain(problem));
    }
    out
}

fn configuration(env: &Env) -> Configuration {
    let policy = overlaid(env);
    let state_dir = env.state_dir.as_deref();
    let root = project::root_here(env);
    let state = root.as_ref().map_or(State::Absent, |root| approval::state_of(state_dir, root));
    let approved = root.and_then(|root| approval::approved(state_dir, &root));
    let loaded = load_in(env, approved.as_deref());
    let problem =
        |problem: &crate::rules::compile::Problem| format!("{}: {}", problem.source, problem.message);
    Configuration {
        schema: SCHEMA,
        values: settings(env, &policy, &loaded),
        folders: folders(env),
        key: key(env, &policy.policy.hosted),
        rules: rules(&loaded),
        project: state.note(),
        problems: loaded.problems.iter().map(problem).collect(),
    }
}

/// Every value with its origin: those of config.toml, then what was calibrated.
fn settings(env: &Env, policy: &Overlaid, loaded: &Loaded) -> Vec<Setting> {
    let lines: Vec<(&'static str, &str, BTreeMap<String, usize>)> =
        policy.layers.iter().map(|(layer, file, text)| (*layer, file.as_str(), lines(text))).collect();
    let mut found = Vec::new();
    let values = serde_json::to_value(&policy.table).unwrap_or_default();
    leaves(&values, String::new(), &mut found);
    let mut settings: Vec<Setting> = found
        .into_iter()
        .map(|(key, value)| {
            let origin = origin(&lines, &key);
            Setting { key, value, origin }
        })
        .collect();
    for (key, variable, value) in from_environment(env, &policy.policy.hosted) {
        if let Some(setting) = settings.iter_mut().find(|setting| setting.key == key) {
            setting.value = value.into();
            setting.origin = Origin { layer: "environment", from: variable.to_owned(), line: None };
        }
    }
    let mut calibrated = Vec::new();
    let calibration = serde_json::to_value(&loaded.policy.calibration).unwrap_or_default();
    leaves(&calibration, "calibration".to_owned(), &mut calibrated);
    settings.extend(calibrated.into_iter().map(|(key, value)| {
        let origin = Origin { layer: "calibration", from: calibration::FILE.to_owned(), line: None };
        Setting { key, value, origin }
    }));
    settings
}

/// Variables that count before a value of config.toml. An address may hold a password, so it is only said to be there.
fn from_environment(env: &Env, hosted: &Hosted) -> Vec<(&'static str, &'static str, String)> {
    let is_cerebras = hosted.provider == "cerebras";
    let address = env.cerebras_base_url.as_ref().map(|_| "(what the variable says)".to_owned());
    [
        ("orchestrator.model", "ANTHROPIC_MODEL", env.anthropic_model.clone()),
        ("hosted.model", "CEREBRAS_MODEL", env.cerebras_model.clone().filter(|_| is_cerebras)),
        ("hosted.base_url", "CEREBRAS_BASE_URL", address.filter(|_| is_cerebras)),
    ]
    .into_iter()
    .filter_map(|(key, variable, value)| Some((key, variable, value?)))
    .collect()
}

/// The last layer that says a value. Within a section a key counts as a whole, so the first two steps of the path decide.
fn origin(layers: &[(&'static str, &str, BTreeMap<String, usize>)], key: &str) -> Origin {
    let steps = key.match_indices('.').nth(1).map_or(key, |(at, _)| &key[..at]);
    let says = |lines: &BTreeMap<String, usize>| lines.get(key).or_else(|| lines.get(steps)).copied();
    let found = layers.iter().rev().find_map(|(layer, file, lines)| Some((*layer, *file, says(lines)?)));
    match found {
        // Lines of a file inside of the binary tell nobody anything.
        None | Some(("built-in", ..)) => Origin { layer: "built-in", from: String::new(), line: None },
        Some((layer, file, line)) => Origin { layer, from: file.to_owned(), line: Some(line) },
    }
}

/// The line of every key of a text, by its path.
fn lines(text: &str) -> BTreeMap<String, usize> {
    fn walk(table: &DeTable<'_>, path: &str, text: &str, found: &mut BTreeMap<String, usize>) {
        for (key, value) in table {
            let path = joined(path, key.get_ref());
            let line = line_of(text, key.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                walk(inner, &path, text, found);
            }
            found.insert(path, line);
        }
    }
    let mut found = BTreeMap::new();
    if let Ok(table) = DeTable::parse(text) {
        walk(table.get_ref(), "", text, &mut found);
    }
    found
}

/// Every value that is no table, by its path.
fn leaves(value: &Value, path: String, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, joined(&path, key), found);
            }
        }
        _ if path.is_empty() => {}
        value => found.push((path, value.clone())),
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn folders(env: &Env) -> Vec<Place> {
    let of_environment = config::folders().into_iter().map(|folder| {
        let (path, origin) = folder.place.unzip();
        Place {
            name: folder.name,
            path: path.map(|path| path.display().to_string()),
            origin: origin.map(|variable| format!("environment {variable}")),
        }
    });
    let managed = env.managed.as_ref().map(|managed| Place {
        name: "managed",
        path: Some(managed.dir.display().to_string()),
        origin: Some("built-in".to_owned()),
    });
    of_environment.chain(managed).collect()
}

fn key(env: &Env, hosted: &Hosted) -> Option<Key> {
    let variable = service::key_variable(hosted).filter(|name| *name != "none")?;
    let set = ApiKey::find(variable, env.claude_dir.as_deref()).is_some();
    Some(Key { variable: variable.to_owned(), set })
}

/// The layers, those of one name together.
fn rules(loaded: &Loaded) -> Vec<RuleLayer> {
    let mut layers: Vec<RuleLayer> = Vec::new();
    for layer in &loaded.layers {
        match layers.iter_mut().find(|known| known.layer == layer.name) {
            Some(known) => {
                known.files += 1;
                known.rules += layer.rules;
                known.off += layer.off;
            }
            None => layers.push(RuleLayer {
                layer: layer.name,
                files: 1,
                from: layer.source.clone(),
                rules: layer.rules,
                off: layer.off,
            }),
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_the_last_layer_that_says_it() {
        let layers = [
            (
                "built-in",
                "b",
                lines("[log]\nkeep = 4\nmax_bytes = 1\n[confidence]\neager = { hint = 0.5, haiku = 0.6 }\n"),
            ),
            ("managed", "/m", lines("[log]\n\nkeep = 5\n")),
            ("user", "u", lines("confidence.eager = { hint = 0.5,\n haiku = 0.9 }\nlog.max_bytes = 2\n")),
        ];
        let of = |key: &str| {
            let Origin { layer, from, line } = origin(&layers, key);
            (layer, from, line)
        };
        assert_eq!(of("log.keep"), ("managed", "/m".to_owned(), Some(3)));
        assert_eq!(of("log.max_bytes"), ("user", "u".to_owned(), Some(3)));
        assert_eq!(of("confidence.eager.haiku"), ("user", "u".to_owned(), Some(2)));
        assert_eq!(of("nowhere.else"), ("built-in", String::new(), None));
    }
}
