//! The policy of all layers: the built-in config.toml, an organisation's over it, the user's over that, key by key. A layer
//! with a mistake is left out as a whole and named. Knows where each layer's text came from, for `sef config show`.

use super::managed::{self, Unused};
use super::policy::Policy;
use super::{BUILT_IN_CONFIG, Problem, built_in_policy, read_layer, syntax, unreadable};
use crate::config::Env;
use crate::error::{Error, Result};

/// Name of the file, in every folder.
pub const FILE: &str = "config.toml";

/// The policy with everything that it came from.
#[derive(Debug)]
pub struct Overlaid {
    /// What counts, without what was calibrated.
    pub policy: Policy,
    /// The same as a table: every key of config.toml.
    pub table: toml::Table,
    /// The layers that count, lowest first: `built-in`, `managed` or `user`, the file, its text.
    pub layers: Vec<(&'static str, String, String)>,
    /// What is wrong; what is wrong was left out.
    pub problems: Vec<Problem>,
}

/// Lays the layers over one another. Lenient: what is broken is left out and listed.
pub fn overlaid(env: &Env) -> Overlaid {
    let mut all = Overlaid {
        policy: built_in_policy(),
        table: built_in_table(),
        layers: vec![("built-in", "rules/config.toml".to_owned(), BUILT_IN_CONFIG.to_owned())],
        problems: Vec::new(),
    };
    match managed::read(env.managed.as_ref(), FILE) {
        Ok(Some(file)) => lay(&mut all, "managed", file.path.display().to_string(), file.text),
        Ok(None) => {}
        Err(unused) => all.problems.push(ignored(&unused)),
    }
    match env.config_dir.as_ref().map_or(Ok(None), |dir| read_layer(&dir.join(FILE))) {
        Ok(Some(text)) => lay(&mut all, "user", FILE.to_owned(), text),
        Ok(None) => {}
        Err(message) => all.problems.push(unreadable(FILE, message)),
    }
    all
}

/// The policy for what sends a key. Strict: a typing mistake must not mean another service.
pub fn users_policy(env: &Env) -> Result<Policy> {
    let all = overlaid(env);
    let Some(problem) = all.problems.into_iter().next() else { return Ok(all.policy) };
    let mut error = Error::new(
        "cannot use your configuration",
        format!("{} {}", problem.source, problem.message).trim().to_owned(),
    );
    if problem.source.starts_with(FILE)
        && let Some(dir) = &env.config_dir
    {
        error = error.at(dir.join(FILE));
    }
    Err(error.fix(problem.hint))
}

/// A file of the organisation's folder that is not used, as a problem.
pub(super) fn ignored(unused: &Unused) -> Problem {
    Problem {
        source: unused.path.display().to_string(),
        rule: String::new(),
        message: unused.why.clone(),
        hint: Unused::FIX.to_owned(),
    }
}

pub(super) fn built_in_table() -> toml::Table {
    toml::from_str(BUILT_IN_CONFIG).expect("rules/config.toml was checked when SEF was built")
}

fn lay(all: &mut Overlaid, layer: &'static str, source: String, text: String) {
    match over(&all.table, &text, &source) {
        Ok((table, policy)) => {
            all.table = table;
            all.policy = policy;
            all.layers.push((layer, source, text));
        }
        Err(problem) => all.problems.push(problem),
    }
}

/// One text over a table, key by key; a list takes the place of what was there as a whole.
pub(super) fn over(
    below: &toml::Table,
    text: &str,
    source: &str,
) -> std::result::Result<(toml::Table, Policy), Problem> {
    let own: toml::Table = toml::from_str(text).map_err(|error| syntax(source, &error, text))?;
    let wrong = |rule: String, message: String, hint: &str| Problem {
        source: source.to_owned(),
        rule,
        message,
        hint: hint.to_owned(),
    };
    if own.contains_key("calibration") {
        return Err(wrong(
            "calibration".to_owned(),
            "what is calibrated does not stand here".to_owned(),
            "`sef-stats calibrate --apply` writes calibration.toml; the whole file is left out until this is mended",
        ));
    }
    let mut merged = below.clone();
    merge(&mut merged, own);
    let policy: Policy = merged.clone().try_into().map_err(|error: toml::de::Error| {
        wrong(
            String::new(),
            error.message().to_owned(),
            "rules/config.toml shows every key; the whole file is left out until this is mended",
        )
    })?;
    for (name, model) in [("1", &policy.tiers.one), ("2", &policy.tiers.two), ("3", &policy.tiers.three)] {
        if !["haiku", "sonnet", "opus", "fable", "parent", "off"].contains(&model.as_str()) {
            return Err(wrong(
                format!("tiers.{name}"),
                format!("{model:?} is not a model that a spawn accepts"),
                "use haiku, sonnet, opus, fable, parent or off",
            ));
        }
    }
    for (name, preset) in std::iter::once(("preset", &policy.main.preset))
        .chain(policy.main.projects.iter().map(|(folder, preset)| (folder.as_str(), preset)))
    {
        if !["off", "careful", "eager"].contains(&preset.as_str()) {
            return Err(wrong(
                format!("main.{name}"),
                format!("{preset:?} is no preset for turns"),
                "use off, careful or eager",
            ));
        }
    }
    Ok((merged, policy))
}

fn merge(below: &mut toml::Table, own: toml::Table) {
    for (key, value) in own {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(own)) => merge(below, own),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path of a JSON value that holds no object.
    fn leaves(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(key, value)| leaves(value, &format!("{path}.{key}"), found));
            }
            _ => found.push(path.to_owned()),
        }
    }

    #[test]
    fn the_built_in_file_shows_every_key_of_the_policy() {
        let mut policy = built_in_policy();
        // At their defaults these sections are not serialised.
        policy.hosted.timeout_s += 1;
        policy.main.careful.stay += 1;
        let (mut of_policy, mut of_file) = (Vec::new(), Vec::new());
        leaves(&serde_json::to_value(&policy).expect("it serialises"), "", &mut of_policy);
        leaves(&serde_json::to_value(built_in_table()).expect("it serialises"), "", &mut of_file);
        of_policy.sort();
        of_file.sort();
        assert_eq!(of_policy, of_file);
    }

    #[test]
    fn sections_that_the_hook_does_not_read_are_as_in_the_built_in_file() {
        let policy: Policy = toml::from_str(BUILT_IN_CONFIG).expect("it is sound");
        assert!(policy.main.is_default() && policy.hosted.is_default());
    }

    #[test]
    fn a_layer_with_a_mistake_is_left_out_as_a_whole() {
        let (table, _) = over(&built_in_table(), "[tiers]\n1 = \"sonnet\"\n", "a").expect("sound");
        for (text, part) in [
            ("[tiers]\n1 = \"gpt\"\n[log]\nkeep = 9\n", "not a model"),
            ("[tiers]\n4 = \"opus\"\n", "unknown field"),
            ("[main]\npreset = \"on\"\n", "no preset"),
            ("[main.projects]\n\"/p\" = \"none\"\n", "no preset"),
            ("[calibration]\n", "calibrated"),
            ("[log\n", "a:1"),
        ] {
            let problem = over(&table, text, "a").expect_err(text);
            assert!(format!("{} {}", problem.source, problem.message).contains(part), "{problem:?}");
        }
    }
}
